//! What a network said of each training row in each epoch, while it learned: the training dynamics
//! from which a data map is made (S. Swayamdipta et al., "Dataset cartography: mapping and
//! diagnosing datasets with training dynamics", 2020).

/// Probability of its label, and whether the row was classified rightly, of every training row in
/// every epoch: as the row was met in its batch, dropout on, before the step that followed. As in
/// the paper, no pass of its own is made for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Dynamics {
    n_samples: usize,
    /// Epoch by epoch.
    probabilities: Vec<f32>,
    right: Vec<bool>,
}

impl Dynamics {
    /// Of `n_samples` rows, without epochs.
    pub fn new(n_samples: usize) -> Self {
        Self { n_samples, probabilities: Vec::new(), right: Vec::new() }
    }

    /// Number of training rows.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Number of epochs.
    pub fn n_epochs(&self) -> usize {
        self.right.len() / self.n_samples.max(1)
    }

    /// The probability of each row's label in an epoch, 0 to 1, counted from 0.
    pub fn probabilities(&self, epoch: usize) -> &[f32] {
        &self.probabilities[epoch * self.n_samples..][..self.n_samples]
    }

    /// `true` for the rows that were classified rightly in an epoch.
    pub fn right(&self, epoch: usize) -> &[bool] {
        &self.right[epoch * self.n_samples..][..self.n_samples]
    }

    /// Adds an epoch.
    ///
    /// # Panics
    /// If there is not one of each for every row.
    pub fn push(&mut self, probabilities: Vec<f32>, right: Vec<bool>) {
        assert_eq!([probabilities.len(), right.len()], [self.n_samples; 2]);
        self.probabilities.extend(probabilities);
        self.right.extend(right);
    }
}

/// An epoch under way.
pub(super) struct Epoch<'a> {
    labels: &'a [u16],
    probabilities: Vec<f32>,
    right: Vec<bool>,
}

impl<'a> Epoch<'a> {
    /// Of rows with these labels.
    pub(super) fn new(labels: &'a [u16]) -> Self {
        let n = labels.len();
        Self { labels, probabilities: vec![0.0; n], right: vec![false; n] }
    }

    /// Notes the `logits` of some rows, n_rows x n_classes. A logarithm of the sum keeps the
    /// probabilities exact where they are near 0.
    pub(super) fn note(&mut self, rows: &[usize], logits: &[f32]) {
        let n_classes = logits.len() / rows.len().max(1);
        for (&row, logits) in rows.iter().zip(logits.chunks_exact(n_classes.max(1))) {
            let label = usize::from(self.labels[row]);
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = logits.iter().map(|&value| f64::from(value - largest).exp()).sum();
            self.probabilities[row] = (f64::from(logits[label] - largest) - sum.ln()).exp() as f32;
            // Of equal logits the first one is the answer, as everywhere.
            self.right[row] = logits.iter().position(|&value| value == largest) == Some(label);
        }
    }

    pub(super) fn end(self, dynamics: &mut Dynamics) {
        dynamics.push(self.probabilities, self.right);
    }
}

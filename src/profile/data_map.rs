//! The data map of a training: how sure of each training row, and how steady, the network was while
//! it learned (S. Swayamdipta et al., "Dataset cartography", 2020), and how often it forgot a row
//! that it had learned (M. Toneva et al., "An empirical study of example forgetting during deep
//! neural network learning", 2019).

use crate::training::Dynamics;
use serde::{Deserialize, Serialize};

/// What became of each training row over the epochs; one value a row.
#[derive(Clone, Debug, PartialEq)]
pub struct DataMap {
    /// Epochs of the training.
    pub n_epochs: usize,
    /// Mean over the epochs of the probability of its label, 0 to 1.
    pub confidence: Vec<f64>,
    /// Standard deviation of that probability (of the population: over n_epochs), 0 to 0.5.
    pub variability: Vec<f64>,
    /// Epochs in which it was classified rightly.
    pub n_right: Vec<usize>,
    /// How often it was classified rightly in one epoch and wrongly in the next; none of rows that
    /// never were right, which could not be forgotten.
    pub n_forgotten: Vec<Option<usize>>,
}

/// Counts of a [`DataMap`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataMapSummary {
    /// Training rows by the number of epochs in which they were classified rightly, from 0 on.
    pub by_n_right: Vec<usize>,
    /// Rows that were forgotten at least once.
    pub n_forgotten: usize,
    /// Mean confidence of all rows.
    pub confidence: f64,
}

impl DataMap {
    /// The map of a training; none of one without rows or epochs.
    pub fn of(dynamics: &Dynamics) -> Option<Self> {
        let (n, n_epochs) = (dynamics.n_samples(), dynamics.n_epochs());
        if n == 0 || n_epochs == 0 {
            return None;
        }
        let epochs = || (0..n_epochs).map(|epoch| dynamics.probabilities(epoch));
        let mean = |row: usize, of: &dyn Fn(f64) -> f64| {
            epochs().map(|all| of(f64::from(all[row]))).sum::<f64>() / n_epochs as f64
        };
        let confidence: Vec<f64> = (0..n).map(|row| mean(row, &|value| value)).collect();
        let deviation = |(row, centre): (usize, &f64)| {
            mean(row, &|value| (value - centre) * (value - centre)).sqrt()
        };
        let variability = confidence.iter().enumerate().map(deviation).collect();
        let n_right: Vec<usize> = (0..n)
            .map(|row| (0..n_epochs).filter(|&epoch| dynamics.right(epoch)[row]).count())
            .collect();
        let forgotten = |row: usize| {
            let is_lost =
                |epoch: &usize| dynamics.right(epoch - 1)[row] && !dynamics.right(*epoch)[row];
            (1..n_epochs).filter(is_lost).count()
        };
        let n_forgotten = (0..n).map(|row| (n_right[row] > 0).then(|| forgotten(row))).collect();
        Some(Self { n_epochs, confidence, variability, n_right, n_forgotten })
    }

    /// Its counts.
    pub fn summary(&self) -> DataMapSummary {
        let mut by_n_right = vec![0; self.n_epochs + 1];
        self.n_right.iter().for_each(|&n| by_n_right[n] += 1);
        DataMapSummary {
            by_n_right,
            n_forgotten: self.n_forgotten.iter().filter(|n| n.is_some_and(|n| n > 0)).count(),
            confidence: self.confidence.iter().sum::<f64>() / self.confidence.len() as f64,
        }
    }
}

impl DataMapSummary {
    /// What it says, in a sentence.
    pub fn finding(&self) -> String {
        let n: usize = self.by_n_right.iter().sum();
        let percent = |count: usize| 100.0 * count as f64 / n.max(1) as f64;
        let epochs = self.by_n_right.len() - 1;
        let (never, always) = (self.by_n_right[0], self.by_n_right[epochs]);
        format!(
            "While the network was trained, with dropout where it has some, it classified {:.1} % of \
             the training points rightly in all {epochs} epochs, {:.1} % in none; {:.1} % were \
             learned and forgotten again.",
            percent(always),
            percent(never),
            percent(self.n_forgotten)
        )
    }
}

//! The answers of a network: probabilities of the classes.

use crate::matrix::argmax;

/// Tolerance of the sum of the probabilities of a row around 1, which 16-bit floats have at most.
const SUM_TOLERANCE: f64 = 0.01;

/// Probabilities of the classes for some images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// Number of classes.
    pub n_classes: usize,
    /// A row an image, n x n_classes.
    pub probabilities: Vec<f32>,
}

/// `true` if every row is of values from 0 to 1 whose sum is 1: probabilities, and no logits.
fn are_probabilities(values: &[f32], width: usize) -> bool {
    values.chunks_exact(width).all(|row| {
        let sum: f64 = row.iter().map(|&value| f64::from(value)).sum();
        row.iter().all(|value| (0.0..=1.0).contains(value)) && (sum - 1.0).abs() <= SUM_TOLERANCE
    })
}

impl Answers {
    /// Of the values of an output, `width` for an image: probabilities as they are, logits and
    /// logarithms of probabilities by their softmax, one value by the sigmoid, or as it is from 0
    /// to 1, as the probability of the second of two classes.
    pub fn new(values: &[f32], width: usize) -> Self {
        let probabilities = if width == 1 {
            let is_probable = values.iter().all(|value| (0.0..=1.0).contains(value));
            let second = |&value: &f32| if is_probable { value } else { sigmoid(value) };
            values.iter().map(second).flat_map(|p| [1.0 - p, p]).collect()
        } else if are_probabilities(values, width) {
            values.to_vec()
        } else {
            values.chunks_exact(width).flat_map(softmax).collect()
        };
        Self { n_classes: width.max(2), probabilities }
    }

    /// Share of the rows whose largest probability, the first of equal ones, is that of the label,
    /// and the mean of the negative logarithm of the label's probability.
    pub fn accuracy_and_loss(&self, labels: &[u16]) -> (f64, f64) {
        let rows = self.probabilities.chunks_exact(self.n_classes).zip(labels);
        let right = rows.clone().filter(|(row, label)| argmax(row) == usize::from(**label)).count();
        let loss = |(row, &label): (&[f32], &u16)| {
            let p = row.get(usize::from(label)).copied().unwrap_or(0.0);
            -f64::from(p.max(f32::MIN_POSITIVE)).ln()
        };
        let n = labels.len().max(1) as f64;
        (right as f64 / n, rows.map(loss).sum::<f64>() / n)
    }
}

fn sigmoid(value: f32) -> f32 {
    (1.0 / (1.0 + (-f64::from(value)).exp())) as f32
}

fn softmax(row: &[f32]) -> Vec<f32> {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> =
        row.iter().map(|&value| (f64::from(value) - f64::from(most)).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| (power / sum) as f32).collect()
}

/// `true` if an accuracy is hardly better than that of guesses: below twice theirs, and of few
/// classes below it by less than 0.15.
pub fn near_chance(accuracy: f64, n_classes: usize) -> bool {
    let chance = 1.0 / n_classes.max(1) as f64;
    accuracy < (2.0 * chance).min(chance + 0.15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logits_become_probabilities_and_probabilities_stay() {
        let given = [0.25, 0.75, 0.5, 0.5];
        assert_eq!(Answers::new(&given, 2).probabilities, given);
        let logits = Answers::new(&[0.0, 3.0_f32.ln(), 1000.0, 0.0], 2).probabilities;
        for (found, expected) in logits.iter().zip([0.25, 0.75, 1.0, 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{logits:?}");
        }
        let logarithms = Answers::new(&[0.25_f32.ln(), 0.75_f32.ln()], 2).probabilities;
        assert!((logarithms[1] - 0.75).abs() < 1e-6);
        assert_eq!(Answers::new(&[0.25, 1.0], 1).probabilities, [0.75, 0.25, 0.0, 1.0]);
        assert_eq!(Answers::new(&[0.0, -5.0], 1).probabilities[..2], [0.5, 0.5]);
    }

    #[test]
    fn accuracy_and_loss_are_those_of_the_labels() {
        let answers = Answers::new(&[0.25, 0.75, 0.5, 0.5], 2);
        let (accuracy, loss) = answers.accuracy_and_loss(&[1, 1]);
        assert_eq!(accuracy, 0.5);
        assert!((loss + (0.75_f64.ln() + 0.5_f64.ln()) / 2.0).abs() < 1e-7, "{loss}");
        assert!(near_chance(0.19, 10) && !near_chance(0.2, 10));
        assert!(near_chance(0.64, 2) && !near_chance(0.66, 2));
    }
}

//! Loss and accuracy of a training, epoch by epoch.

use serde::{Deserialize, Serialize};

/// Loss and accuracy after each epoch. Those of training are means over its batches as they were
/// met, dropout on; the others are taken at the end of the epoch, dropout off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Mean cross-entropy of the training batches, in nats.
    pub train_loss: Vec<f32>,
    /// Share of the training rows classified rightly, 0 to 1.
    pub train_accuracy: Vec<f32>,
    /// Mean cross-entropy of the validation rows.
    pub validation_loss: Vec<f32>,
    /// Share of the validation rows classified rightly.
    pub validation_accuracy: Vec<f32>,
    /// Mean cross-entropy of the test rows; empty if they were not evaluated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test_loss: Vec<f32>,
    /// Share of the test rows classified rightly; empty if they were not evaluated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test_accuracy: Vec<f32>,
}

/// Mean cross-entropy (nats) and accuracy (0 to 1) over a set of rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Performance {
    /// Mean cross-entropy in nats.
    pub loss: f32,
    /// Share of the rows classified rightly.
    pub accuracy: f32,
}

impl History {
    pub(super) fn push(
        &mut self,
        train: Performance,
        validation: Performance,
        test: Option<Performance>,
    ) {
        self.train_loss.push(train.loss);
        self.train_accuracy.push(train.accuracy);
        self.validation_loss.push(validation.loss);
        self.validation_accuracy.push(validation.accuracy);
        self.test_loss.extend(test.map(|test| test.loss));
        self.test_accuracy.extend(test.map(|test| test.accuracy));
    }

    /// Number of epochs.
    pub fn len(&self) -> usize {
        self.train_loss.len()
    }

    /// `true` if there are no epochs.
    pub fn is_empty(&self) -> bool {
        self.train_loss.is_empty()
    }

    /// The epoch of least validation loss, counted from 1; the first of several.
    pub fn best_epoch(&self) -> Option<usize> {
        let losses = self.validation_loss.iter().zip(1..);
        losses.min_by(|a, b| a.0.total_cmp(b.0)).map(|(_, epoch)| epoch)
    }

    /// Columns by name, those of the test rows only if they were evaluated.
    pub fn columns(&self) -> Vec<(&'static str, &[f32])> {
        let all = [
            ("train_loss", &self.train_loss),
            ("train_accuracy", &self.train_accuracy),
            ("validation_loss", &self.validation_loss),
            ("validation_accuracy", &self.validation_accuracy),
            ("test_loss", &self.test_loss),
            ("test_accuracy", &self.test_accuracy),
        ];
        let columns = all.into_iter().map(|(name, values)| (name, values.as_slice()));
        columns.filter(|(_, values)| self.is_empty() || !values.is_empty()).collect()
    }

    /// The last epoch's numbers, in words for a progress bar.
    pub(super) fn last_figures(&self) -> Vec<(&'static str, f64)> {
        let last = |values: &[f32], name| values.last().map(|&value| (name, f64::from(value)));
        [
            last(&self.train_loss, "loss"),
            last(&self.train_accuracy, "accuracy"),
            last(&self.validation_loss, "validation loss"),
            last(&self.validation_accuracy, "validation accuracy"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

//! One of the models that are compared with each other: its size, its accuracies and its times.

use super::OverFitting;
use serde::{Deserialize, Serialize};

/// One trained model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRow {
    /// Name of the model.
    pub model: String,
    /// Filters of each convolution, in order.
    pub filters: Vec<usize>,
    /// Units of each hidden dense layer, in order.
    pub dense: Vec<usize>,
    /// Rows of a step.
    pub batch_size: usize,
    /// Epochs that it was trained for.
    pub epochs: usize,
    /// Share of the training rows classified rightly, 0 to 1, as they were met, in the epoch whose
    /// weights are kept.
    pub train_accuracy: f32,
    /// Share of the validation rows classified rightly after that epoch, 0 to 1.
    pub validation_accuracy: f32,
    /// Time of the training in seconds, with the validation after each epoch and without the
    /// scoring of the test set.
    pub train_seconds: f64,
    /// Share of the test rows classified rightly, 0 to 1.
    pub test_accuracy: f32,
    /// Mean cross-entropy of the test rows, in nats.
    pub test_loss: f32,
    /// Time in which all test rows were classified, in seconds.
    pub inference_seconds: f64,
    /// Number of test rows.
    pub n_test: usize,
    /// Number of values of the weights, trained or not.
    pub n_parameters: usize,
    /// Overfitting, by its learning curves.
    pub over_fitting: OverFitting,
}

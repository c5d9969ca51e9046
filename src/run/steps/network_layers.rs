//! The layers of a network of this program for training and test images, as they are measured.

use crate::activations::{Layer, activations};
use crate::compute::Device;
use crate::dataset::Images;
use crate::error::Result;
use crate::matrix::Matrix;
use crate::model::{Architecture, Weights};
use crate::profile::{OutputLayer, Probabilities};
use crate::record::predictions::SOFTMAX;

/// Input, hidden layers and probabilities of the training and of the test images.
pub(in crate::run) struct NetworkLayers {
    pub(in crate::run) train: Vec<Layer>,
    pub(in crate::run) test: Vec<Layer>,
    /// The last hidden layer, if there is one.
    last: Option<String>,
    /// Weights of the output layer, if it takes that layer.
    output_weights: Option<Matrix>,
    /// Answers for the training images.
    answers: Vec<u16>,
}

impl NetworkLayers {
    /// Takes the layers.
    ///
    /// # Errors
    /// As [`activations`].
    pub(in crate::run) fn take(
        device: &Device,
        architecture: &Architecture,
        weights: &Weights,
        train: &Images,
        test: &Images,
    ) -> Result<Self> {
        let train = activations(device, architecture, weights, train)?;
        Ok(Self {
            answers: answers(&train),
            train,
            test: activations(device, architecture, weights, test)?,
            last: architecture.recorded_layers().pop().map(|last| last.name),
            output_weights: architecture.output_weights(weights)?,
        })
    }

    /// What is known of the output layer, if `layer` is the one before it.
    pub(in crate::run) fn output(&self, layer: &str) -> Option<OutputLayer<'_>> {
        (self.last.as_deref() == Some(layer)).then_some(OutputLayer {
            weights: self.output_weights.as_ref(),
            predictions: Some(&self.answers),
        })
    }
}

/// The network's answer for each image; none without its probabilities.
pub(in crate::run) fn answers(layers: &[Layer]) -> Vec<u16> {
    let output = layers.iter().find(|layer| layer.name == SOFTMAX);
    output.map_or_else(Vec::new, |output| Probabilities::of_network(&output.values).predictions())
}

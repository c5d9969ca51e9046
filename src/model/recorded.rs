//! The recorded layers of a network: those whose activations are kept, whole or pooled.

use super::Weights;
use super::architecture::{Architecture, Recording};
use super::layers::LayerKind;
use super::shape::Shape;
use crate::error::Result;
use crate::matrix::Matrix;
use serde::Serialize;

/// Largest activation of a convolutional layer for one image that is recorded whole, in values;
/// larger ones are pooled.
pub const MAX_WHOLE: usize = 2048;

/// A layer whose activations are recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordedLayer {
    /// Index of the layer.
    pub layer: usize,
    /// Its name.
    pub name: String,
    /// `true` if the mean of each channel is recorded instead of all its values.
    pub pooled: bool,
    /// Number of values for one image.
    pub width: usize,
}

impl Architecture {
    /// The hidden layers that are recorded, in order.
    pub fn recorded_layers(&self) -> Vec<RecordedLayer> {
        let hidden = self.layers.len().saturating_sub(1);
        let steps = self.checked_steps();
        let recorded = steps.iter().enumerate().take(hidden).filter_map(|(layer, step)| {
            let size = step.output.size();
            let pooled = match (self.recording(layer), step.output) {
                (Recording::No, _) => return None,
                (Recording::Pooled, Shape::Grid(_)) => true,
                (Recording::Auto | Recording::Yes, Shape::Grid(_)) => size > MAX_WHOLE,
                _ => false,
            };
            let width = if pooled { step.output.channels() } else { size };
            Some(RecordedLayer { layer, name: step.name.clone(), pooled, width })
        });
        recorded.collect()
    }

    /// Weights of the output layer without the biases, n_features x n_classes, if what it takes are
    /// the values of the last recorded layer, or of the input where none is recorded.
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) for weights of another network.
    pub fn output_weights(&self, weights: &Weights) -> Result<Option<Matrix>> {
        let recorded = self.recorded_layers();
        let last = recorded.last();
        let mut is_pooled = last.is_some_and(|last| last.pooled);
        let steps = self.steps()?;
        let Some((output, before)) = steps.split_last() else { return Ok(None) };
        for spec in &self.layers[last.map_or(0, |last| last.layer + 1)..before.len()] {
            match &spec.kind {
                // The means that were recorded.
                LayerKind::GlobalAvgPool(_) if is_pooled => is_pooled = false,
                kind if kind.layer().passes_on() => {}
                _ => return Ok(None),
            }
        }
        let kernel = output.parameters.iter().find(|tensor| tensor.shape.len() == 2);
        let Some(kernel) = kernel.filter(|_| !is_pooled) else { return Ok(None) };
        let values = weights.get(&kernel.name, &kernel.shape)?;
        Matrix::new(values.to_vec(), output.input.size(), self.n_classes).map(Some)
    }

    /// Recording of a layer, with [`Recording::Auto`] resolved.
    fn recording(&self, layer: usize) -> Recording {
        let spec = &self.layers[layer];
        if spec.record != Recording::Auto {
            return spec.record;
        }
        let next = self.layers.get(layer + 1);
        let is_completed = next.is_some_and(|next| next.kind.layer().completes_previous());
        if spec.kind.layer().is_recorded(is_completed) { Recording::Yes } else { Recording::No }
    }
}

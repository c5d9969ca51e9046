//! The network on a device of burn's: forward passes that also yield the activations of the
//! recorded layers.
//!
//! A grid's channels come last on the CPU, where convolutions and pooling are our own (see
//! [`super::host`]), and first on a GPU, where they are burn's. Whatever leaves the network, and
//! every flat vector, has the channels last, so weights and activations are the same everywhere.

use super::Weights;
use super::architecture::Architecture;
use super::layers::LayerKind;
use super::parameter::Parameter;
use super::recorded::RecordedLayer;
use super::shape::Shape;
use super::value::{Arrangement, Pass, TrainingPass, Value};
use crate::error::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData};
use std::ops::Range;

/// A network with its weights on a device.
#[derive(Clone, Debug)]
pub struct Network {
    layers: Vec<Layer>,
    recorded_layers: Vec<RecordedLayer>,
    input: [usize; 3],
    tensors: Vec<Parameter>,
    trained: Vec<Tensor<2>>,
    moving: Vec<Tensor<2>>,
    arrangement: Arrangement,
}

/// A layer, and where its tensors are among those of the network.
#[derive(Clone, Debug)]
struct Layer {
    kind: LayerKind,
    input: Shape,
    output: Shape,
    trained: Range<usize>,
    moving: Range<usize>,
}

impl Network {
    /// Copies `weights` to `device`; if that tracks gradients, the trained tensors require them.
    ///
    /// # Errors
    /// [`Error::Data`] naming the tensor that is missing, superfluous or of another shape than the
    /// architecture says.
    pub fn from_weights(
        architecture: &Architecture,
        weights: &Weights,
        device: &Device,
        arrangement: Arrangement,
    ) -> Result<Self> {
        architecture.check_weights(weights)?;
        let steps = architecture.checked_steps();
        let mut trained = Vec::new();
        let mut moving = Vec::new();
        let mut layers = Vec::new();
        let mut tensors = Vec::new();
        for (step, spec) in steps.into_iter().zip(&architecture.layers) {
            let first_trained = trained.len();
            let first_moving = moving.len();
            for tensor in step.parameters {
                let values = weights.get(&tensor.name, &tensor.shape)?.to_vec();
                let values = Tensor::from_data(TensorData::new(values, tensor.matrix()), device);
                match tensor.is_trainable() {
                    true => trained.push(if device.is_autodiff() {
                        values.require_grad()
                    } else {
                        values
                    }),
                    false => moving.push(values.inner()),
                }
                tensors.push(tensor);
            }
            layers.push(Layer {
                kind: spec.kind.clone(),
                input: step.input,
                output: step.output,
                trained: first_trained..trained.len(),
                moving: first_moving..moving.len(),
            });
        }
        let recorded_layers = architecture.recorded_layers();
        let input = architecture.input;
        Ok(Self { layers, recorded_layers, input, tensors, trained, moving, arrangement })
    }

    /// Copies the weights to the host.
    ///
    /// # Errors
    /// [`Error::Training`] if the device fails.
    pub fn to_weights(&self) -> Result<Weights> {
        let (mut trained, mut moving) = (self.trained.iter(), self.moving.iter());
        let mut weights = Weights::default();
        for tensor in &self.tensors {
            let values = if tensor.is_trainable() { trained.next() } else { moving.next() };
            let values = to_host(
                values.expect("a tensor for each parameter").clone().inner(),
                "the weights",
            )?;
            weights.insert(tensor.name.clone(), tensor.shape.clone(), values);
        }
        Ok(weights)
    }

    /// The same network without gradients.
    pub fn inner(&self) -> Self {
        Self {
            trained: self.trained.iter().map(|tensor| tensor.clone().inner()).collect(),
            ..self.clone()
        }
    }

    /// The tensors that steps change, as matrices (see [`Parameter::matrix`]), in the order of the
    /// layers.
    pub fn trained(&self) -> &[Tensor<2>] {
        &self.trained
    }

    /// Replaces the tensors that steps change by what `step` makes of each. It is given the only
    /// handle, so that a step may work in place.
    pub fn replace_trained(&mut self, step: impl FnMut((usize, Tensor<2>)) -> Tensor<2>) {
        self.trained =
            std::mem::take(&mut self.trained).into_iter().enumerate().map(step).collect();
    }

    /// Names of those tensors in files of weights.
    pub fn trained_names(&self) -> impl Iterator<Item = &str> {
        self.tensors
            .iter()
            .filter(|tensor| tensor.is_trainable())
            .map(|tensor| tensor.name.as_str())
    }

    /// Values of one image that each dropout layer takes, with the layer's rate, in order.
    pub fn dropouts(&self) -> Vec<(usize, f32)> {
        self.layers.iter().flat_map(|layer| layer.kind.layer().dropouts(layer.input)).collect()
    }

    /// Logits of a batch (n x n_classes) in training. `masks` has one n x values mask a dropout
    /// layer: 0 where a value is dropped, 1 / (1 - rate) where it is kept. Normalisation is by the
    /// batch, and the moving statistics take it in.
    pub fn forward_training(&mut self, x: Tensor<2>, mut masks: Vec<Tensor<2>>) -> Tensor<2> {
        masks.reverse();
        let mut moving = self.moving.clone();
        let mut value = self.enter(x);
        for layer in &self.layers {
            let moving = &mut moving[layer.moving.clone()];
            let training = TrainingPass { masks: &mut masks, moving };
            value = self.apply(layer, value, Some(training));
        }
        self.moving = moving;
        value.into_rows(self.arrangement)
    }

    /// Activations of the recorded layers, n x width each, and the logits, n x n_classes.
    pub fn forward(&self, x: Tensor<2>) -> (Vec<Tensor<2>>, Tensor<2>) {
        let mut recorded = self.recorded_layers.iter().peekable();
        let mut activations = Vec::new();
        let mut value = self.enter(x);
        for (at, layer) in self.layers.iter().enumerate() {
            value = self.apply(layer, value, None);
            if let Some(layer) = recorded.next_if(|layer| layer.layer == at) {
                activations.push(if layer.pooled {
                    value.clone().pooled(self.arrangement)
                } else {
                    value.clone().into_rows(self.arrangement)
                });
            }
        }
        (activations, value.into_rows(self.arrangement))
    }

    /// Logits of a batch, n x n_classes.
    pub fn logits(&self, x: Tensor<2>) -> Tensor<2> {
        let value =
            self.layers.iter().fold(self.enter(x), |value, layer| self.apply(layer, value, None));
        value.into_rows(self.arrangement)
    }

    fn apply(&self, layer: &Layer, value: Value, training: Option<TrainingPass<'_>>) -> Value {
        let pass = Pass {
            arrangement: self.arrangement,
            input: layer.input,
            output: layer.output,
            trained: &self.trained[layer.trained.clone()],
            moving: &self.moving[layer.moving.clone()],
            training,
        };
        layer.kind.layer().forward(value, pass)
    }

    /// Images as they come, n x pixels, in the form that the first layer takes.
    fn enter(&self, x: Tensor<2>) -> Value {
        match self.layers.first() {
            Some(first) if !first.kind.layer().is_spatial() => Value::Flat(x),
            _ => Value::of_rows(x, Shape::Grid(self.input), self.arrangement),
        }
    }
}

/// The values of a tensor; `what` they are is said if the device fails.
pub(crate) fn to_host<const D: usize>(tensor: Tensor<D>, what: &str) -> Result<Vec<f32>> {
    let failed =
        |error: &dyn std::fmt::Display| Error::Training(format!("cannot read {what}: {error}"));
    let data = tensor.try_into_data().map_err(|error| failed(&error))?;
    data.try_into_vec::<f32>().map_err(|error| failed(&format!("{error:?}")))
}

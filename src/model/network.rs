//! The network on a device of burn's: forward passes that also yield the layers looked into.
//!
//! A grid's channels come last on the CPU, where convolutions and pooling are our own (see
//! [`super::host`]), and first on a GPU, where they are burn's. Whatever leaves the network, and
//! every flat vector, has the channels last, so weights and activations are the same everywhere.

use super::architecture::{Activation, Architecture, LayerKind, Padding, Parameter, Shape};
use super::look::LookedInto;
use super::{Weights, host};
use crate::error::{Error, Result};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData, activation, module};

/// How the values of a grid lie, and with it whose convolutions are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrangement {
    /// Image, row, column, channel; our own operations. Only on burn's CPU device `flex`.
    ChannelsLast,
    /// Image, channel, row, column; burn's operations.
    ChannelsFirst,
}

/// A network with its weights on a device.
#[derive(Clone, Debug)]
pub struct Network {
    layers: Vec<Layer>,
    looked_into: Vec<LookedInto>,
    input: [usize; 3],
    tensors: Vec<Parameter>,
    trained: Vec<Tensor<2>>,
    moving: Vec<Tensor<2>>,
    arrangement: Arrangement,
}

/// A layer, and where its tensors begin among those of the network.
#[derive(Clone, Debug)]
struct Layer {
    kind: LayerKind,
    output: Shape,
    trained: usize,
    moving: usize,
}

/// What passes between layers: a grid in the network's arrangement, or one row an image.
#[derive(Clone, Debug)]
enum Value {
    Grid(Tensor<4>),
    Flat(Tensor<2>),
}

/// What is particular to training.
struct Lesson {
    /// Masks of the dropout layers still to come, the last first.
    masks: Vec<Tensor<2>>,
    /// Moving statistics after this batch.
    moving: Vec<Tensor<2>>,
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
        let (mut trained, mut moving, mut layers, mut tensors) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (step, spec) in steps.into_iter().zip(&architecture.layers) {
            let (kind, output) = (spec.kind.clone(), step.output);
            layers.push(Layer { kind, output, trained: trained.len(), moving: moving.len() });
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
        }
        let (looked_into, input) = (architecture.looked_into(), architecture.input);
        Ok(Self { layers, looked_into, input, tensors, trained, moving, arrangement })
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
        let of = |layer: &Layer| match layer.kind {
            LayerKind::Dropout { rate } => Some((layer.output.size(), rate)),
            _ => None,
        };
        self.layers.iter().filter_map(of).collect()
    }

    /// Logits of a batch (n x n_classes) in training. `masks` has one n x values mask a dropout
    /// layer: 0 where a value is dropped, 1 / (1 - rate) where it is kept. Normalisation is by the
    /// batch, and the moving statistics take it in.
    pub fn forward_training(&mut self, x: Tensor<2>, mut masks: Vec<Tensor<2>>) -> Tensor<2> {
        masks.reverse();
        let mut lesson = Lesson { masks, moving: self.moving.clone() };
        let mut value = self.enter(x);
        for layer in &self.layers {
            value = self.apply(layer, value, Some(&mut lesson));
        }
        self.moving = lesson.moving;
        self.flat(value)
    }

    /// Answers of the layers looked into, n x width each, and the logits, n x n_classes.
    pub fn forward(&self, x: Tensor<2>) -> (Vec<Tensor<2>>, Tensor<2>) {
        let (mut looked, mut answers) = (self.looked_into.iter().peekable(), Vec::new());
        let mut value = self.enter(x);
        for (at, layer) in self.layers.iter().enumerate() {
            value = self.apply(layer, value, None);
            if let Some(look) = looked.next_if(|look| look.layer == at) {
                answers.push(if look.pooled {
                    self.pooled(value.clone())
                } else {
                    self.flat(value.clone())
                });
            }
        }
        (answers, self.flat(value))
    }

    /// Logits of a batch, n x n_classes.
    pub fn logits(&self, x: Tensor<2>) -> Tensor<2> {
        let value =
            self.layers.iter().fold(self.enter(x), |value, layer| self.apply(layer, value, None));
        self.flat(value)
    }

    fn apply(&self, layer: &Layer, value: Value, lesson: Option<&mut Lesson>) -> Value {
        match (&layer.kind, value) {
            (LayerKind::Conv { kernel, padding, activation, .. }, Value::Grid(x)) => {
                Value::Grid(self.convolution(layer, x, (*kernel, *padding), *activation))
            }
            (LayerKind::MaxPool { size }, Value::Grid(x)) => Value::Grid(match self.arrangement {
                Arrangement::ChannelsLast => host::max_pool(x, *size),
                Arrangement::ChannelsFirst => module::max_pool2d(x, MaxPoolOptions::new(*size)),
            }),
            (LayerKind::AvgPool { size }, Value::Grid(x)) => Value::Grid(match self.arrangement {
                Arrangement::ChannelsLast => host::avg_pool(x, *size),
                Arrangement::ChannelsFirst => module::avg_pool2d(x, AvgPoolOptions::new(*size)),
            }),
            (LayerKind::Flatten, value) => Value::Flat(self.flat(value)),
            (LayerKind::Dense { units, activation }, value) => {
                let [weight, bias] = [0, 1].map(|at| self.trained[layer.trained + at].clone());
                let y = module::linear(self.flat(value), weight, Some(bias.reshape([*units])));
                Value::Flat(activated(y, *activation))
            }
            (LayerKind::Dropout { .. }, value) => {
                match lesson.map(|lesson| lesson.masks.pop().expect("a mask a dropout layer")) {
                    None => value,
                    Some(mask) => match value {
                        Value::Flat(x) => Value::Flat(x * mask),
                        Value::Grid(x) => Value::Grid(x * self.grid(mask, layer.output)),
                    },
                }
            }
            (LayerKind::BatchNorm { momentum, epsilon }, value) => {
                self.normalised(layer, value, (*momentum, *epsilon), lesson)
            }
            (LayerKind::Activation { activation }, Value::Grid(x)) => {
                Value::Grid(activated(x, *activation))
            }
            (LayerKind::Activation { activation }, Value::Flat(x)) => {
                Value::Flat(activated(x, *activation))
            }
            (_, Value::Flat(_)) => unreachable!("checked: this layer follows a grid"),
        }
    }

    fn convolution(
        &self,
        layer: &Layer,
        x: Tensor<4>,
        window: ([usize; 2], Padding),
        function: Activation,
    ) -> Tensor<4> {
        let [weight, bias] = [0, 1].map(|at| self.trained[layer.trained + at].clone());
        let ([rows, columns], padding) = window;
        if self.arrangement == Arrangement::ChannelsLast {
            let y = host::convolution(x, weight, bias, window, function == Activation::Relu);
            return if function == Activation::Relu { y } else { activated(y, function) };
        }
        let [inputs, outputs] = weight.dims();
        let kernel = weight
            .reshape([rows, columns, inputs / (rows * columns), outputs])
            .permute([3, 2, 0, 1]);
        let around = [rows, columns].map(|size| padding.around(size));
        let options =
            ConvOptions { padding: around, ..ConvOptions::new([1, 1], [0, 0], [1, 1], 1) };
        activated(module::conv2d(x, kernel, Some(bias.reshape([outputs])), options), function)
    }

    /// Batch normalisation over each channel: S. Ioffe and C. Szegedy, 2015, algorithms 1 and 2.
    /// The moving variance is that of the values met (over n, not n - 1), as in Keras.
    fn normalised(
        &self,
        layer: &Layer,
        value: Value,
        (momentum, epsilon): (f32, f32),
        lesson: Option<&mut Lesson>,
    ) -> Value {
        let [gamma, beta] = [0, 1].map(|at| self.trained[layer.trained + at].clone());
        let (n, channels) = (self.n_images(&value), layer.output.channels());
        let x = self
            .flat(value)
            .reshape([(n * layer.output.size() / channels) as i32, channels as i32]);
        let at = layer.moving;
        let y = match lesson {
            None => {
                let [mean, variance] = [0, 1].map(|part| self.moving[at + part].clone());
                (x - mean) / (variance + epsilon).sqrt()
            }
            Some(lesson) => {
                let mean = x.clone().mean_dim(0);
                let centred = x - mean.clone();
                let variance = centred.clone().square().mean_dim(0);
                for (moving, met) in lesson.moving[at..].iter_mut().zip([&mean, &variance]) {
                    *moving = moving.clone() * momentum + met.clone().inner() * (1.0 - momentum);
                }
                centred / (variance + epsilon).sqrt()
            }
        };
        let y = (y * gamma + beta).reshape([n, layer.output.size()]);
        match layer.output {
            Shape::Flat(_) => Value::Flat(y),
            grid @ Shape::Grid(_) => Value::Grid(self.grid(y, grid)),
        }
    }

    fn n_images(&self, value: &Value) -> usize {
        match value {
            Value::Grid(x) => x.dims()[0],
            Value::Flat(x) => x.dims()[0],
        }
    }

    /// Images as they come, n x pixels, in the form that the first layer takes.
    fn enter(&self, x: Tensor<2>) -> Value {
        match self.layers.first().map(|layer| &layer.kind) {
            Some(LayerKind::Flatten | LayerKind::Dense { .. }) => Value::Flat(x),
            _ => Value::Grid(self.grid(x, Shape::Grid(self.input))),
        }
    }

    /// Rows of values, channels last, as a grid.
    fn grid(&self, x: Tensor<2>, shape: Shape) -> Tensor<4> {
        let Shape::Grid([height, width, channels]) = shape else { unreachable!("checked: a grid") };
        let n = x.dims()[0];
        let last = x.reshape([n, height, width, channels]);
        if self.arrangement == Arrangement::ChannelsLast {
            last
        } else {
            last.permute([0, 3, 1, 2])
        }
    }

    /// One row an image, channels last.
    fn flat(&self, value: Value) -> Tensor<2> {
        match value {
            Value::Flat(x) => x,
            Value::Grid(x) => {
                let x = if self.arrangement == Arrangement::ChannelsLast {
                    x
                } else {
                    x.permute([0, 2, 3, 1])
                };
                let [n, height, width, channels] = x.dims();
                x.reshape([n, height * width * channels])
            }
        }
    }

    /// Each channel's mean over the image.
    fn pooled(&self, value: Value) -> Tensor<2> {
        let Value::Grid(x) = value else { unreachable!("only grids are pooled") };
        let x =
            if self.arrangement == Arrangement::ChannelsLast { x } else { x.permute([0, 2, 3, 1]) };
        let [n, height, width, channels] = x.dims();
        x.reshape([n, height * width, channels]).mean_dim(1).reshape([n, channels])
    }
}

/// The softmax belongs to the loss, and to whoever asks for probabilities: the network gives
/// logits.
fn activated<const D: usize>(x: Tensor<D>, function: Activation) -> Tensor<D> {
    match function {
        Activation::Linear | Activation::Softmax => x,
        Activation::Relu => activation::relu(x),
        Activation::Sigmoid => activation::sigmoid(x),
        Activation::Tanh => activation::tanh(x),
    }
}

/// The values of a tensor; `what` they are is said if the device fails.
pub(crate) fn to_host<const D: usize>(tensor: Tensor<D>, what: &str) -> Result<Vec<f32>> {
    let failed =
        |error: &dyn std::fmt::Display| Error::Training(format!("cannot read {what}: {error}"));
    let data = tensor.try_into_data().map_err(|error| failed(&error))?;
    data.try_into_vec::<f32>().map_err(|error| failed(&format!("{error:?}")))
}

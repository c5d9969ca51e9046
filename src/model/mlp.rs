//! A multi-layer perceptron: dense layers with ReLU, dropout between them, a softmax at the end.

use super::Weights;
use crate::error::{Error, Result};
use crate::random::Random;
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData, activation};
use serde::{Deserialize, Serialize};

/// Stream of the random numbers of the initial weights.
const STREAM: u64 = 0x776e_6974;

/// Sizes of a multi-layer perceptron.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MlpConfig {
    /// Input features.
    pub n_features: usize,
    /// Units of the hidden layers, in order.
    pub hidden: Vec<usize>,
    /// Classes.
    pub n_classes: usize,
}

impl MlpConfig {
    /// The classifier of the first study: hidden layers of 256 and 64 units.
    pub fn new(n_features: usize, n_classes: usize) -> Self {
        Self { n_features, hidden: vec![256, 64], n_classes }
    }

    /// Inputs and outputs of each dense layer, the last included.
    pub fn shapes(&self) -> Vec<[usize; 2]> {
        let outputs = self.hidden.iter().copied().chain([self.n_classes]);
        std::iter::once(self.n_features).chain(self.hidden.iter().copied()).zip(outputs).map(|(i, o)| [i, o]).collect()
    }

    /// Names of the layers to look into: `layer_1`, `layer_2`, ... and `softmax`.
    pub fn layer_names(&self) -> Vec<String> {
        (1..=self.hidden.len()).map(|i| format!("layer_{i}")).chain(["softmax".to_owned()]).collect()
    }

    /// Number of trained values.
    pub fn n_parameters(&self) -> usize {
        self.shapes().iter().map(|[inputs, outputs]| (inputs + 1) * outputs).sum()
    }

    /// Initial weights: Glorot uniform, biases 0, drawn on the host from `seed` alone.
    pub fn initial_weights(&self, seed: u64) -> Weights {
        let mut weights = Weights::default();
        for (layer, [inputs, outputs]) in self.shapes().into_iter().enumerate() {
            let kernel = glorot_uniform(inputs, outputs, &Random::new(seed, STREAM + layer as u64));
            weights.insert(format!("dense_{}.weight", layer + 1), vec![inputs, outputs], kernel);
            weights.insert(format!("dense_{}.bias", layer + 1), vec![outputs], vec![0.0; outputs]);
        }
        weights
    }
}

/// `inputs` x `outputs` values, uniform within +-sqrt(6 / (inputs + outputs)) (X. Glorot and Y. Bengio, 2010, eq. 16).
pub fn glorot_uniform(inputs: usize, outputs: usize, random: &Random) -> Vec<f32> {
    let limit = (6.0 / (inputs + outputs) as f32).sqrt();
    (0..inputs * outputs).map(|at| (2.0 * random.uniform(at as u64) - 1.0) * limit).collect()
}

/// The network on a device of burn's.
#[derive(Module, Debug)]
pub struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    /// Copies `weights` to the device.
    ///
    /// # Errors
    /// [`Error::Data`] naming the tensor that is missing, superfluous or of another shape than `config` says.
    pub fn from_weights(config: &MlpConfig, weights: &Weights, device: &Device) -> Result<Self> {
        let shapes = config.shapes();
        if weights.len() != 2 * shapes.len() {
            let (found, expected) = (weights.len(), 2 * shapes.len());
            return Err(Error::Data(format!("the weights hold {found} tensors, this model has {expected}")));
        }
        let layers = shapes.into_iter().enumerate().map(|(layer, [inputs, outputs])| {
            let take = |part: &str, shape: &[usize]| weights.get(&format!("dense_{}.{part}", layer + 1), shape);
            let (weight, bias) = (take("weight", &[inputs, outputs])?, take("bias", &[outputs])?);
            let weight = TensorData::new(weight.to_vec(), [inputs, outputs]);
            Ok(Linear {
                weight: Param::from_tensor(Tensor::from_data(weight, device)),
                bias: Some(Param::from_tensor(Tensor::from_data(TensorData::new(bias.to_vec(), [outputs]), device))),
            })
        });
        Ok(Self { layers: layers.collect::<Result<_>>()? })
    }

    /// Copies the weights to the host.
    ///
    /// # Errors
    /// [`Error::Training`] if the device fails.
    pub fn to_weights(&self) -> Result<Weights> {
        let failed = |error: &dyn std::fmt::Display| Error::Training(format!("cannot read the weights: {error}"));
        let mut weights = Weights::default();
        for (at, layer) in self.layers.iter().enumerate() {
            let (kernel, name) = (layer.weight.val(), format!("dense_{}", at + 1));
            let [inputs, outputs] = kernel.dims();
            let kernel = kernel.try_into_data().map_err(|error| failed(&error))?;
            let kernel = kernel.try_to_vec::<f32>().map_err(|error| failed(&format!("{error:?}")))?;
            weights.insert(format!("{name}.weight"), vec![inputs, outputs], kernel);
            if let Some(bias) = &layer.bias {
                let bias = bias.val().try_into_data().map_err(|error| failed(&error))?;
                let bias = bias.try_to_vec::<f32>().map_err(|error| failed(&format!("{error:?}")))?;
                weights.insert(format!("{name}.bias"), vec![outputs], bias);
            }
        }
        Ok(weights)
    }

    /// Logits of a batch, n x n_classes, with one dropout mask a hidden layer: n x units, 0 where a unit is dropped and
    /// 1 / (1 - rate) where it is kept.
    pub fn forward_masked(&self, x: Tensor<2>, masks: Vec<Tensor<2>>) -> Tensor<2> {
        let (output, hidden) = self.layers.split_last().expect("there is at least the output layer");
        let x = hidden.iter().zip(masks).fold(x, |x, (layer, mask)| activation::relu(layer.forward(x)) * mask);
        output.forward(x)
    }

    /// Outputs of every hidden layer after its ReLU, n x units each, and the logits, n x n_classes; without dropout.
    pub fn forward(&self, x: Tensor<2>) -> (Vec<Tensor<2>>, Tensor<2>) {
        let (output, hidden) = self.layers.split_last().expect("there is at least the output layer");
        let mut outputs: Vec<Tensor<2>> = Vec::new();
        for layer in hidden {
            let input = outputs.last().unwrap_or(&x).clone();
            outputs.push(activation::relu(layer.forward(input)));
        }
        let logits = output.forward(outputs.last().unwrap_or(&x).clone());
        (outputs, logits)
    }
}

//! Architecture of a network: layers in order, their shapes, their parameters, and which of them
//! are recorded.

use super::Weights;
use super::activation::Activation;
use super::layers::LayerKind;
use super::parameter::Parameter;
use super::shape::Shape;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Name of the space of the input itself.
pub const RAW: &str = "raw";

/// Name of the output layer.
pub const OUTPUT: &str = "softmax";

/// A sequence of layers from images to classes. The last is dense with a softmax.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Architecture {
    /// Height, width and channels of an image.
    pub input: [usize; 3],
    /// All layers in order, the output included.
    pub layers: Vec<LayerSpec>,
    /// Classes.
    pub n_classes: usize,
}

/// A layer, and how it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerSpec {
    /// Its name, if it has one of its own; else `conv_1`, `pool_1`, `dense_1` and so on, counted by
    /// kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Form in which its activations are recorded, if they are.
    #[serde(default, rename = "look")]
    pub record: Recording,
    /// Its type, with its settings.
    #[serde(flatten)]
    pub kind: LayerKind,
}

/// Form in which the activations of a layer are recorded, if they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recording {
    /// Convolutions, dense layers and activations are recorded; if a convolution or dense layer has
    /// no activation of its own, the layer after it is recorded instead.
    #[default]
    Auto,
    /// Recorded: whole up to [`MAX_WHOLE`](super::MAX_WHOLE) values, pooled beyond.
    Yes,
    /// Not recorded.
    No,
    /// Recorded, all values of an image in one row.
    Flattened,
    /// Recorded, the mean of each channel over the image: global average pooling.
    Pooled,
}

/// One layer with everything that follows from those before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its name, unique in the network.
    pub name: String,
    /// Shape of an input.
    pub input: Shape,
    /// Shape of an output.
    pub output: Shape,
    /// Its tensors.
    pub parameters: Vec<Parameter>,
}

impl LayerSpec {
    /// A layer without a name of its own, recorded by the rule of [`Recording::Auto`].
    pub fn new(kind: impl Into<LayerKind>) -> Self {
        Self { name: None, record: Recording::Auto, kind: kind.into() }
    }

    /// The same layer with a name.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Name of the layer type in Keras.
    pub fn type_name(&self) -> &'static str {
        self.kind.layer_type().keras
    }

    /// The function applied to its output, if it has one.
    pub fn activation(&self) -> Option<Activation> {
        self.kind.layer().activation()
    }
}

impl Architecture {
    /// Name, shapes and tensors of each layer, in order.
    ///
    /// # Errors
    /// [`Error::Data`] naming the layer that does not fit the one before it, or has a size that is
    /// not allowed.
    pub fn steps(&self) -> Result<Vec<Step>> {
        self.walk()
            .map_err(|(layer, message)| Error::Data(format!("layer {}: {message}", layer + 1)))
    }

    /// [`Architecture::steps`] of a network that was checked.
    pub(crate) fn checked_steps(&self) -> Vec<Step> {
        self.walk().expect("an architecture is checked before it is used")
    }

    /// Names of the recorded layers, in order, and of the output, `softmax`.
    pub fn layer_names(&self) -> Vec<String> {
        self.recorded_layers()
            .into_iter()
            .map(|layer| layer.name)
            .chain([OUTPUT.to_owned()])
            .collect()
    }

    /// Number of values that steps change, and of those they do not.
    pub fn n_parameters_by_kind(&self) -> (usize, usize) {
        let steps = self.checked_steps();
        let all = || steps.iter().flat_map(|step| &step.parameters);
        let sum = |trainable| {
            all().filter(|tensor| tensor.is_trainable() == trainable).map(Parameter::len).sum()
        };
        (sum(true), sum(false))
    }

    /// Number of all values of the weights.
    pub fn n_parameters(&self) -> usize {
        let (trainable, fixed) = self.n_parameters_by_kind();
        trainable + fixed
    }

    /// Values of one image.
    pub fn n_features(&self) -> usize {
        self.input.iter().product()
    }

    /// `true` if the position of a pixel matters to the network: an image must then have this
    /// height and width, not only as many pixels.
    pub fn is_spatial(&self) -> bool {
        self.layers.first().is_none_or(|layer| layer.kind.layer().is_spatial())
    }

    /// Refuses weights that are not those of this network.
    ///
    /// # Errors
    /// [`Error::Data`] naming the tensor that is missing, superfluous or of another shape.
    pub fn check_weights(&self, weights: &Weights) -> Result<()> {
        let tensors: Vec<Parameter> =
            self.steps()?.into_iter().flat_map(|step| step.parameters).collect();
        if weights.len() != tensors.len() {
            let (found, expected) = (weights.len(), tensors.len());
            return Err(Error::Data(format!(
                "the weights hold {found} tensors, this model has {expected}"
            )));
        }
        tensors.iter().try_for_each(|tensor| weights.get(&tensor.name, &tensor.shape).map(drop))
    }
}

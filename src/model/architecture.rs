//! What a network consists of: layers in order, their shapes, their parameters, and which of them
//! are looked into.

use super::Weights;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

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

/// A layer, and how it is looked into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerSpec {
    /// Its name, if it has one of its own; else `conv_1`, `pool_1`, `dense_1` and so on, counted by
    /// kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether its answers are looked into, and in which form.
    #[serde(default)]
    pub look: Look,
    /// What it does.
    #[serde(flatten)]
    pub kind: LayerKind,
}

/// What a layer does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LayerKind {
    /// Convolution with stride 1.
    Conv {
        /// Channels of the output.
        filters: usize,
        /// Height and width of the window.
        kernel: [usize; 2],
        /// What happens at the edges.
        padding: Padding,
        /// Applied to the output.
        activation: Activation,
    },
    /// Largest value of each window; the windows touch, and rows or columns that do not fill one
    /// are left out.
    MaxPool {
        /// Height and width of the window, and its stride.
        size: [usize; 2],
    },
    /// Mean of each window, windows as in [`LayerKind::MaxPool`].
    AvgPool {
        /// Height and width of the window, and its stride.
        size: [usize; 2],
    },
    /// Rows, columns and channels in one vector, in that order.
    Flatten,
    /// Every unit sees every value.
    Dense {
        /// Values of the output.
        units: usize,
        /// Applied to the output.
        activation: Activation,
    },
    /// In training, sets values to zero and scales the others up, so that their mean stays (N.
    /// Srivastava et al., 2014).
    Dropout {
        /// Share of the values that are dropped, 0 <= rate < 1.
        rate: f32,
    },
    /// Normalises each channel, by the batch in training and by moving statistics otherwise (S.
    /// Ioffe and C. Szegedy, 2015).
    BatchNorm {
        /// Weight of the old moving statistics in a step, 0 <= momentum < 1.
        momentum: f32,
        /// Added to the variance, above 0.
        epsilon: f32,
    },
    /// A function of each value.
    Activation {
        /// Which.
        activation: Activation,
    },
}

/// What a convolution does at the edges of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Only windows that lie inside: the output is smaller than the input.
    #[default]
    Valid,
    /// Zeros around it, so that the output is as large as the input; where their number is odd, the
    /// larger part follows.
    Same,
}

/// A function of each value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// x itself.
    #[default]
    Linear,
    /// max(x, 0).
    Relu,
    /// 1 / (1 + e^-x).
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// e^x over the sum of e^x of all classes; only of the output.
    Softmax,
}

/// Whether a layer's answers are looked into, and in which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// Convolutions, dense layers and activations are; if a convolution or dense layer has no
    /// activation of its own, what follows it is instead.
    #[default]
    Auto,
    /// It is: whole up to [`MAX_WHOLE`](super::MAX_WHOLE) values, pooled beyond.
    Yes,
    /// It is not.
    No,
    /// It is, all values of an image in one row.
    Flattened,
    /// It is, each channel's mean over the image: global average pooling.
    Pooled,
}

/// Shape of what a layer makes of one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Height, width, channels.
    Grid([usize; 3]),
    /// A vector.
    Flat(usize),
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

/// A tensor of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Name in files of weights.
    pub name: String,
    /// Shape: kernels of convolutions are height x width x channels x filters, of dense layers
    /// inputs x units, as in Keras.
    pub shape: Vec<usize>,
    /// What it is for.
    pub role: Role,
}

/// What a tensor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Weights of a convolution or dense layer.
    Kernel,
    /// Added to a channel or unit.
    Bias,
    /// Factor of a normalised channel.
    Gamma,
    /// Added to a normalised channel.
    Beta,
    /// Moving mean of a channel, not trained.
    MovingMean,
    /// Moving variance of a channel, not trained.
    MovingVariance,
}

impl LayerSpec {
    /// A layer without a name of its own, looked into by the rule.
    pub fn new(kind: LayerKind) -> Self {
        Self { name: None, look: Look::Auto, kind }
    }

    /// The same layer with a name.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// What the layer is called in Keras.
    pub fn type_name(&self) -> &'static str {
        match self.kind {
            LayerKind::Conv { .. } => "Conv2D",
            LayerKind::MaxPool { .. } => "MaxPooling2D",
            LayerKind::AvgPool { .. } => "AveragePooling2D",
            LayerKind::Flatten => "Flatten",
            LayerKind::Dense { .. } => "Dense",
            LayerKind::Dropout { .. } => "Dropout",
            LayerKind::BatchNorm { .. } => "BatchNormalization",
            LayerKind::Activation { .. } => "Activation",
        }
    }

    /// The first part of its name, and of its tensors' names.
    pub(super) fn stem(&self) -> &'static str {
        match self.kind {
            LayerKind::Conv { .. } => "conv",
            LayerKind::MaxPool { .. } | LayerKind::AvgPool { .. } => "pool",
            LayerKind::Flatten => "flatten",
            LayerKind::Dense { .. } => "dense",
            LayerKind::Dropout { .. } => "dropout",
            LayerKind::BatchNorm { .. } => "batch_norm",
            LayerKind::Activation { .. } => "activation",
        }
    }

    /// The function applied to its output, if it has one.
    pub fn activation(&self) -> Option<Activation> {
        match self.kind {
            LayerKind::Conv { activation, .. }
            | LayerKind::Dense { activation, .. }
            | LayerKind::Activation { activation } => Some(activation),
            _ => None,
        }
    }
}

impl Padding {
    /// Zeros before and after the image along a side of the window.
    pub fn around(self, window: usize) -> (usize, usize) {
        match self {
            Self::Valid => (0, 0),
            Self::Same => ((window - 1) / 2, window / 2),
        }
    }
}

impl Shape {
    /// Number of values.
    pub fn size(self) -> usize {
        match self {
            Self::Grid([height, width, channels]) => height * width * channels,
            Self::Flat(units) => units,
        }
    }

    /// Channels of a grid, values of a vector.
    pub fn channels(self) -> usize {
        match self {
            Self::Grid([_, _, channels]) => channels,
            Self::Flat(units) => units,
        }
    }
}

impl fmt::Display for Shape {
    /// As Keras prints it, without the batch: `28, 28, 32`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grid([height, width, channels]) => write!(f, "{height}, {width}, {channels}"),
            Self::Flat(units) => write!(f, "{units}"),
        }
    }
}

impl Parameter {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are none; no layer has such a tensor.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether steps change it.
    pub fn is_trainable(&self) -> bool {
        !matches!(self.role, Role::MovingMean | Role::MovingVariance)
    }

    /// Rows and columns as a matrix: all but the last dimension together, and the last.
    pub fn matrix(&self) -> [usize; 2] {
        let columns = *self.shape.last().expect("a tensor has a dimension");
        [self.len() / columns, columns]
    }
}

impl Architecture {
    /// What the layers do to an image, in order.
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

    /// Names of the layers looked into, in order, and of the output, `softmax`.
    pub fn layer_names(&self) -> Vec<String> {
        self.looked_into().into_iter().map(|layer| layer.name).chain([OUTPUT.to_owned()]).collect()
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

    /// Whether the place of a pixel matters to the network: whether an image must have this height
    /// and width, not only as many pixels.
    pub fn is_spatial(&self) -> bool {
        !matches!(
            self.layers.first().map(|layer| &layer.kind),
            Some(LayerKind::Flatten | LayerKind::Dense { .. })
        )
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

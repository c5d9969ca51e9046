//! Functions that are applied to each value of a layer's output.

use crate::error::Result;
use crate::section::Section;
#[cfg(feature = "train")]
use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

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

impl Activation {
    /// The function under the key `activation` of a layer's description.
    pub(super) fn read(section: &Section) -> Result<Option<Self>> {
        const NAMED: [(&str, Activation); 5] = [
            ("linear", Activation::Linear),
            ("relu", Activation::Relu),
            ("sigmoid", Activation::Sigmoid),
            ("tanh", Activation::Tanh),
            ("softmax", Activation::Softmax),
        ];
        section.choice("activation", &NAMED)
    }

    /// Its name in drawings.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Relu => "ReLU",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Softmax => "softmax",
        }
    }

    /// Its title after a comma, as the last of a layer's settings; nothing for the linear one.
    pub(super) fn last_setting(self) -> String {
        if self == Self::Linear { String::new() } else { format!(", {}", self.title()) }
    }

    /// The function of `x`. The softmax belongs to the loss, and to whoever asks for probabilities:
    /// a network gives logits.
    #[cfg(feature = "train")]
    pub(super) fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Linear | Self::Softmax => x,
            Self::Relu => activation::relu(x),
            Self::Sigmoid => activation::sigmoid(x),
            Self::Tanh => activation::tanh(x),
        }
    }
}

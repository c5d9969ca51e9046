//! The types of layers, one file each: how a description names it and its settings, the shape of
//! its output, its tensors, the text of its settings in a drawing, and its forward pass.
//!
//! A new type is one file here, with its `Layer` and its `TYPE`, and one entry below beside the
//! `mod` that Rust and rustfmt need. Descriptions, files of weights, summaries, drawings, networks
//! and the tests walk [`LAYER_TYPES`] or ask the layer itself.

mod activation;
mod avg_pool;
mod batch_norm;
mod conv;
mod dense;
mod dropout;
mod flatten;
mod global_avg_pool;
mod layer_norm;
mod max_pool;
mod residual;

use super::activation::Activation;
use super::parameter::Parameter;
use super::shape::Shape;
#[cfg(feature = "train")]
use super::value::{Pass, Value};
use crate::error::Result;
use crate::section::Section;
use serde::{Deserialize, Serialize};

/// Units of a dense layer and filters of a convolution at most: a kernel over 784 inputs then has
/// 49 MiB, a square one 1 GiB.
pub const MAX_UNITS: usize = 16_384;

/// Properties of every layer of a type.
#[derive(Debug)]
pub struct LayerType {
    /// Its name in descriptions and in files of weights: `max_pool`.
    pub name: &'static str,
    /// Its name in Keras: `MaxPooling2D`.
    pub keras: &'static str,
    /// The first part of the names of its layers and of their tensors, a number follows: `pool`.
    pub stem: &'static str,
    /// Keys of its settings in descriptions.
    pub keys: &'static [&'static str],
    /// Settings as a description has them, lines of TOML.
    pub example: &'static str,
    /// Reads the settings.
    pub(crate) read: fn(&Section) -> Result<LayerKind>,
}

/// Interface of a layer.
pub(crate) trait Layer {
    /// Shape of the output for one image, or what is wrong with the settings or with the input.
    fn output(&self, input: Shape) -> Result<Shape, String>;

    /// Its tensors for an input that [`Self::output`] accepts, by their names within the layer.
    fn parameters(&self, _input: Shape) -> Vec<Parameter> {
        Vec::new()
    }

    /// The settings as text in a drawing: `32 filters of 3 × 3, same, ReLU`.
    fn settings(&self) -> String {
        String::new()
    }

    /// The function applied to its output, if it has one.
    fn activation(&self) -> Option<Activation> {
        None
    }

    /// `true` if it takes an image as a grid, so that the position of a pixel matters to it.
    fn is_spatial(&self) -> bool {
        true
    }

    /// `true` if it finishes what a layer without an activation began: it normalises, or it is the
    /// activation.
    fn completes_previous(&self) -> bool {
        false
    }

    /// `true` if after training it passes the values on as they are, in their order.
    fn passes_on(&self) -> bool {
        false
    }

    /// `true` if it is recorded where the model does not say; `is_completed` says that the next
    /// layer finishes it.
    fn is_recorded(&self, _is_completed: bool) -> bool {
        false
    }

    /// Number of values and the share of them that it drops in training, for each mask that it
    /// takes, in order.
    #[cfg(feature = "train")]
    fn dropouts(&self, _input: Shape) -> Vec<(usize, f32)> {
        Vec::new()
    }

    /// The output for a batch; shapes are those of [`Self::output`].
    #[cfg(feature = "train")]
    fn forward(&self, x: Value, pass: Pass<'_>) -> Value;
}

/// Makes the enum of all layers and the registry of their types from one list.
macro_rules! layer_types {
    ($($kind:ident($module:ident::$layer:ident),)*) => {
        $(pub use $module::$layer;)*

        /// Type of a layer, with its settings.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "type", rename_all = "snake_case")]
        pub enum LayerKind {
            $(#[doc = concat!("See [`", stringify!($layer), "`].")] $kind($layer),)*
        }

        /// All types of layers.
        pub static LAYER_TYPES: &[&LayerType] = &[$(&$module::TYPE,)*];

        impl LayerKind {
            /// Properties of every layer of its type.
            pub fn layer_type(&self) -> &'static LayerType {
                match self { $(Self::$kind(_) => &$module::TYPE,)* }
            }

            pub(crate) fn layer(&self) -> &dyn Layer {
                match self { $(Self::$kind(layer) => layer,)* }
            }
        }

        $(impl From<$layer> for LayerKind {
            fn from(layer: $layer) -> Self {
                Self::$kind(layer)
            }
        })*
    };
}

layer_types! {
    Conv(conv::Conv),
    MaxPool(max_pool::MaxPool),
    AvgPool(avg_pool::AvgPool),
    Flatten(flatten::Flatten),
    Dense(dense::Dense),
    Dropout(dropout::Dropout),
    BatchNorm(batch_norm::BatchNorm),
    Activation(activation::ActivationLayer),
    GlobalAvgPool(global_avg_pool::GlobalAvgPool),
    LayerNorm(layer_norm::LayerNorm),
    Residual(residual::Residual),
}

impl LayerKind {
    /// Reads a layer from its table in a description, which may also have the keys `others`.
    pub(crate) fn read(section: &Section, others: &[&str]) -> Result<Self> {
        let name = section.required("type", section.text("type")?)?;
        let Some(layer_type) = LAYER_TYPES.iter().find(|known| known.name == name) else {
            let known: Vec<&str> = LAYER_TYPES.iter().map(|known| known.name).collect();
            let message = format!("unknown layer `{name}`; known are {}", known.join(", "));
            return Err(section.fault_at("type", message));
        };
        section.only(&[others, layer_type.keys].concat())?;
        (layer_type.read)(section)
    }

    /// The settings as text in a drawing: `32 filters of 3 × 3, same, ReLU`.
    pub fn settings(&self) -> String {
        self.layer().settings()
    }

    /// The layer, or those inside of it that compute, in order.
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Residual(block) => {
                block.layers.iter().chain(&block.shortcut).flat_map(Self::parts).collect()
            }
            layer => vec![layer],
        }
    }
}

/// The sizes of an image that `layer` needs, or that there is none.
fn grid(input: Shape, layer: &LayerType) -> Result<[usize; 3], String> {
    match input {
        Shape::Grid(sizes) => Ok(sizes),
        Shape::Flat(_) => {
            Err(format!("{} needs an image; what comes before it is flat already", layer.keras))
        }
    }
}

/// Refuses a number of units or filters that is 0 or above [`MAX_UNITS`].
fn check_units(what: &str, value: usize) -> Result<(), String> {
    if (1..=MAX_UNITS).contains(&value) {
        Ok(())
    } else {
        Err(format!("{what} = {value}: 1 to {MAX_UNITS} are allowed"))
    }
}

//! Classifiers whose forward pass also yields the named hidden layers.

mod activation;
mod architecture;
mod file;
#[cfg(feature = "train")]
mod host;
mod initial;
mod keras;
pub mod layers;
#[cfg(feature = "train")]
mod network;
mod parameter;
mod recorded;
mod shape;
mod steps;
mod summary;
#[cfg(feature = "train")]
mod value;
mod weights;

pub use activation::Activation;
pub use architecture::{Architecture, LayerSpec, OUTPUT, RAW, Recording, Step};
pub use file::{is_model_file, read_model};
pub use keras::read_keras;
pub use layers::{LAYER_TYPES, LayerKind, LayerType, MAX_UNITS};
#[cfg(feature = "train")]
pub use network::Network;
#[cfg(feature = "train")]
pub(crate) use network::to_host;
pub use parameter::{Initial, Parameter};
pub use recorded::{MAX_WHOLE, RecordedLayer};
pub use shape::{Padding, Shape};
pub use summary::SummaryRow;
#[cfg(feature = "train")]
pub use value::Arrangement;
pub use weights::{Weights, read_weights, write_weights};
pub(crate) use weights::{read_tensors, tensor_bytes};

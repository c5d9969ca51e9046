//! Classifiers whose forward pass also yields the named hidden layers.

mod activation;
mod architecture;
#[cfg(feature = "train")]
mod host;
mod initial;
pub mod layers;
mod look;
#[cfg(feature = "train")]
mod network;
mod parameter;
mod shape;
mod steps;
mod summary;
#[cfg(feature = "train")]
mod value;
mod weights;

pub use activation::Activation;
pub use architecture::{Architecture, LayerSpec, Look, OUTPUT, RAW, Step};
pub use layers::{LAYER_TYPES, LayerKind, LayerType, MAX_UNITS};
pub use look::{LookedInto, MAX_WHOLE};
#[cfg(feature = "train")]
pub use network::Network;
#[cfg(feature = "train")]
pub(crate) use network::to_host;
pub use parameter::{Initial, Parameter};
pub use shape::{Padding, Shape};
pub use summary::SummaryRow;
#[cfg(feature = "train")]
pub use value::Arrangement;
pub use weights::{Weights, read_weights, write_weights};
pub(crate) use weights::{read_tensors, tensor_bytes};

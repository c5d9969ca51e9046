//! Classifiers whose forward pass also yields the named hidden layers.

mod architecture;
#[cfg(feature = "train")]
mod host;
mod initial;
mod look;
#[cfg(feature = "train")]
mod network;
mod steps;
mod summary;
mod weights;

pub use architecture::{
    Activation, Architecture, LayerKind, LayerSpec, Look, OUTPUT, Padding, Parameter, RAW, Role,
    Shape, Step,
};
pub use look::{LookedInto, MAX_WHOLE};
#[cfg(feature = "train")]
pub(crate) use network::to_host;
#[cfg(feature = "train")]
pub use network::{Arrangement, Network};
pub use steps::MAX_UNITS;
pub use summary::SummaryRow;
pub use weights::{Weights, read_weights, write_weights};
pub(crate) use weights::{read_tensors, tensor_bytes};

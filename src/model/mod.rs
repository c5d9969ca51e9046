//! Classifiers whose forward pass also yields the named hidden layers.

mod architecture;
mod blueprint;
mod description;
#[cfg(feature = "train")]
mod host;
mod initial;
mod look;
#[cfg(feature = "train")]
mod network;
mod section;
mod steps;
mod summary;
mod sweep;
mod weights;

pub use architecture::{Activation, Architecture, LayerKind, LayerSpec, Look, OUTPUT, Padding, Parameter, Role, Shape, Step};
pub use blueprint::{Blueprint, PRESET_INPUT, PRESETS, Preset};
pub use look::{LookedInto, MAX_WHOLE};
#[cfg(feature = "train")]
pub(crate) use network::to_host;
#[cfg(feature = "train")]
pub use network::{Arrangement, Network};
pub use steps::MAX_UNITS;
pub use summary::SummaryRow;
pub use sweep::{Contender, is_sweep, read_sweep};
pub use weights::{Weights, read_weights, write_weights};
pub(crate) use weights::{read_tensors, tensor_bytes};

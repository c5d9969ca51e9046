//! Descriptions of networks and their training: presets, files and sweeps, from which a
//! [`model`](crate::model) is built.

mod blueprint;
mod description;
mod sweep;

pub use blueprint::{Blueprint, PRESET_INPUT, PRESETS, Preset};
pub use sweep::{Candidate, is_sweep, read_sweep};

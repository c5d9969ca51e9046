//! The stages of runs, a file a stage or a group of stages that belong together.

pub(super) mod activations;
pub mod clusters;
pub(super) mod epoch_measures;
pub(super) mod epochs;
pub(super) mod figures;
pub(super) mod given_network;
pub(super) mod insights;
mod look_at;
pub(super) mod neighbors;
pub(super) mod network_layers;
pub(super) mod profile;
pub(super) mod quality;
pub(super) mod scores;
pub(super) mod space;
pub(super) mod strangers;
pub(super) mod training;

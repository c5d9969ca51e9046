//! Classifiers whose forward pass also yields the named hidden layers.

mod mlp;
mod weights;

pub use mlp::{Mlp, MlpConfig, glorot_uniform};
pub use weights::{Weights, read_weights, write_weights};

//! Layerlens (in construction).
#![warn(missing_docs)]
pub mod compute;
pub mod dataset;
pub mod embedding;
pub mod error;
pub mod files;
pub mod matrix;
pub mod model;
pub mod neighbors;
pub mod progress;
pub mod random;
pub mod report;
pub mod training;
pub use error::{Error, Result};

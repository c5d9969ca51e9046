//! Networks of other programs, from ONNX files: what their layers are, and the values of these for
//! images. The interpreter is rten, which computes on the CPU.
//!
//! A layer is a value through which every path from the input to the output goes, the last of a run
//! of values that differ by element-wise operators or in their form alone. Which values these are
//! needs no knowledge of architectures: of a residual network they are the sums, of a transformer
//! its stream, of concatenations each of them.

#[cfg(not(feature = "onnx"))]
mod absent;
mod costs;
#[cfg(feature = "onnx")]
mod engine;
mod form;
pub mod graph;
mod layers;
mod learned;
mod network;
mod operators;
mod output;
mod plan;
mod preprocessing;
#[cfg(feature = "onnx")]
mod read;
mod summary;
#[cfg(feature = "onnx")]
mod weight_files;

#[cfg(not(feature = "onnx"))]
use absent::{Engine, Parsed};
#[cfg(feature = "onnx")]
use {engine::Engine, read::Parsed};

pub use form::{Form, Tokens};
pub use layers::{LayerChoice, MAX_LAYERS, NetworkLayer, Output};
pub use network::{Batch, MEMORY, Network, NetworkFile, NetworkOptions};
pub use output::{Answers, near_chance};
pub use preprocessing::{ImageSize, Layout, Preprocessing, Preset, Resize};

use std::path::Path;

/// `true` if a file has the ending of ONNX files.
pub fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"))
}

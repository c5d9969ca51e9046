//! Tests of the library's rooms together, in one binary: the dependencies take longest to link.
//!
//! Kinds: every kernel against its CPU twin (`parity`), shaders against their declarations
//! (`shaders`), results against other programs' (`reference`, `quality`, `pca`) and against brute
//! force (`neighbors`), failures and order on a GPU (`gpu`), what holds whatever the data and for
//! every method (`invariants`, `methods`, `placement`), and files (`dataset`). A machine without a
//! GPU skips what needs one and says so; set LAYERLENS_REQUIRE_GPU=1 to make that a failure.
#![allow(clippy::too_many_lines, reason = "a test is read as one story")]

mod agreement;
mod animation;
mod architecture;
mod clustering;
mod collapse;
mod dataset;
mod documentation;
mod exports;
mod flags;
mod flushed;
mod gpu;
mod grid;
mod insights;
mod invariants;
#[cfg(feature = "train")]
mod keras;
mod layer_profile;
#[cfg(feature = "train")]
mod layer_types;
mod methods;
mod metrics;
mod neighbor_search;
mod neighbors;
#[cfg(feature = "train")]
mod network;
#[cfg(feature = "onnx")]
mod onnx;
mod page;
mod parameters;
mod parity;
mod pca;
mod placement;
mod procrustes;
mod quality;
mod range;
mod reference;
mod sequence;
mod shaders;
mod strangers;
mod support;
#[cfg(feature = "train")]
mod training;
mod trimap;
mod tsne;
mod umap;

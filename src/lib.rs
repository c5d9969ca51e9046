//! Layerlens shows what each hidden layer of a neural network has learned.
//!
//! The story in order: a [`dataset`] trains a [`model`], which a [`recipe`] describes, by
//! [`training`]; the [`activations`] of its layers are spaces of many dimensions, whose exact
//! [`neighbors`] feed the methods of [`embedding`], which map each layer to two dimensions and
//! place test points in the same map; [`clustering`] finds what lies together; [`evaluation`]
//! scores how much of the classes a space or map keeps; [`profile`] measures what each layer knows,
//! and which points are worth a look; [`report`] draws, and [`run`] does all of
//! it into one folder, which a [`record`] describes. Everything heavy runs on a
//! [`compute::Device`]: WGSL compute shaders on any Vulkan, Metal or DX12 GPU, or the same
//! algorithm on the CPU.
//!
//! Three features, all on by default: `train` trains networks and takes the activations of their
//! layers, by burn, which is most of the build; `onnx` takes those of networks in ONNX files; `cli`
//! is the `layerlens` command. Without them (`default-features = false`) everything else is there.
//!
//! ```
//! use layerlens::{Device, Matrix, Tsne};
//!
//! // Two groups of 40 points in five dimensions, far apart.
//! let values = (0..400).map(|i| (i * i % 17) as f32 + if i < 200 { 0.0 } else { 100.0 }).collect();
//! let x = Matrix::new(values, 80, 5)?;
//! let device = Device::cpu(); // or Device::auto()?
//! let fitted = Tsne { perplexity: 10.0.into(), ..Tsne::default() }.fit(&device, &x)?;
//! let map = fitted.embedding();
//! let gap = |i: usize, j: usize| (map.row(i)[0] - map.row(j)[0]).hypot(map.row(i)[1] - map.row(j)[1]);
//! assert!(gap(0, 79) > gap(0, 1));
//! # Ok::<(), layerlens::Error>(())
//! ```

pub mod dataset;
pub mod model;
pub mod recipe;
pub mod training;

pub mod activations;
pub mod neighbors;
pub mod onnx;

pub mod clustering;
pub mod embedding;
pub mod evaluation;
pub mod profile;

pub mod benchmark;
#[doc(hidden)]
pub mod parity;
pub mod record;
pub mod report;
pub mod run;

mod archive;
pub mod compute;
mod digits;
pub mod error;
pub mod files;
pub mod format;
mod lanes;
pub mod matrix;
mod middle;
pub mod numbers;
pub mod parameters;
pub mod progress;
pub mod random;
pub mod range;
mod sealed;
mod section;

pub use compute::Device;
pub use embedding::{Pca, Trimap, Tsne, Umap};
pub use error::{Error, Result};
pub use matrix::Matrix;
pub use parameters::Auto;

// The Rust of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Every kernel of the library, for the tests that hold shaders, twins and layouts together.
#[doc(hidden)]
pub fn kernels() -> Vec<&'static compute::Kernel> {
    let rooms = [
        compute::reduce::KERNELS,
        benchmark::peaks::KERNELS,
        neighbors::pairwise::KERNELS,
        neighbors::differences::KERNELS,
        neighbors::knn::KERNELS,
        embedding::placement::KERNELS,
        evaluation::ranks::KERNELS,
        clustering::silhouette::KERNELS,
    ];
    let methods = embedding::METHODS.iter().flat_map(|method| method.kernels);
    let of_clusters = clustering::METHODS.iter().flat_map(|method| method.kernels);
    rooms.iter().chain(methods).chain(of_clusters).copied().flatten().copied().collect()
}

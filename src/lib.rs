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

/// Every kernel of the library, for the tests that hold shaders, twins and layouts together.
pub fn kernels() -> Vec<&'static compute::Kernel> {
    let rooms = [
        compute::reduce::KERNELS,
        neighbors::pairwise::KERNELS,
        neighbors::knn::KERNELS,
        embedding::PCA_KERNELS,
        embedding::placement::KERNELS,
        embedding::tsne::affinity::KERNELS,
        embedding::tsne::gradient::KERNELS,
    ];
    rooms.into_iter().flatten().copied().collect()
}

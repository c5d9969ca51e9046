//! k-nearest neighbours: one graph, shared by every method, score and metric.
//!
//! The exact graph is the same on every device, except where two distances differ by less than
//! their rounding; ties are broken by index. Two roads lead to it: all distances as one matrix
//! product in tiles, whose candidates are ranked again by exact distances and proven complete
//! ([`knn`], [`pairwise`]: both devices, O(n m d)), and on the CPU, where the product would be most
//! of a run, lower bounds from few coordinates that leave few exact distances to compute; `auto`
//! takes that road too where an integrated GPU is slower. Equal rows are searched once. An
//! approximate graph, where it is asked for, comes from the CPU and says its recall
//! ([`recall_of`]).

mod brute;
mod choice;
pub mod differences;
mod distinct;
mod filter;
mod graph;
pub mod knn;
mod metric;
pub mod pairwise;
mod points;
mod products;
mod search;
pub mod symmetric;
pub(crate) mod ties;

pub(crate) use choice::MARGIN;
pub(crate) use filter::{Clusters, learn_centres};
pub use graph::NeighborGraph;
pub use knn::MAX_NEIGHBORS;
pub use metric::Metric;
pub(crate) use products::products;
pub use search::{Search, SearchMethod, recall_of};

use crate::compute::Device;
use crate::error::Result;
use crate::matrix::Matrix;
use crate::progress::Observer;

/// The `n_neighbors` nearest other rows of every row of `x` by exact Euclidean distances;
/// duplicates of a row count, the row itself does not. [`Search`] has more choices.
///
/// # Errors
/// As [`Search::nearest_neighbors`].
pub fn nearest_neighbors(
    device: &Device,
    x: &Matrix,
    n_neighbors: usize,
    observer: &dyn Observer,
) -> Result<NeighborGraph> {
    Search::default().nearest_neighbors(device, x, n_neighbors, observer)
}

/// The `n_neighbors` nearest rows of `references` for every row of `queries` by exact Euclidean
/// distances.
///
/// # Errors
/// As [`Search::nearest_references`].
pub fn nearest_references(
    device: &Device,
    queries: &Matrix,
    references: &Matrix,
    n_neighbors: usize,
    observer: &dyn Observer,
) -> Result<NeighborGraph> {
    Search::default().nearest_references(device, queries, references, n_neighbors, observer)
}

/// A neighbour as one number that orders by squared distance, then by index.
pub(crate) fn key(squared: f32, id: u32) -> u64 {
    (u64::from(squared.to_bits()) << 32) | u64::from(id)
}

/// The squared distance of a key.
pub(crate) fn squared_of(key: u64) -> f32 {
    f32::from_bits((key >> 32) as u32)
}

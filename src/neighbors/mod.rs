//! k-nearest neighbours: one graph, shared by every method, score and metric.
//!
//! The exact graph is the same on every device, except if two distances differ by less than their
//! rounding; ties are broken by index. There are two algorithms. On both devices: all distances as
//! one matrix product in tiles, whose candidates are ranked again by exact distances and proven
//! complete ([`knn`], [`pairwise`], O(n m d)). On the CPU, where the product would take most of a
//! run: lower bounds from a few coordinates, which leave few exact distances to compute; `auto`
//! uses it too if an integrated GPU is slower. Equal rows are searched once. An approximate graph,
//! if requested, is computed on the CPU; [`recall_of`] measures its recall.

mod brute;
mod choice;
#[doc(hidden)]
pub mod differences;
mod distinct;
mod filter;
mod found;
mod graph;
#[doc(hidden)]
pub mod knn;
mod metric;
#[doc(hidden)]
pub mod pairwise;
mod points;
mod products;
mod references;
mod search;
#[doc(hidden)]
pub mod symmetric;
pub(crate) mod ties;

pub(crate) use choice::MARGIN;
pub(crate) use filter::{Clusters, learn_centres};
pub use graph::NeighborGraph;
pub use knn::MAX_NEIGHBORS;
pub use metric::Metric;
pub(crate) use metric::check_directions;
pub(crate) use products::{add_weighted_rows, products};
pub use references::References;
pub use search::{Search, SearchMethod, recall_of};

use crate::compute::Device;
use crate::error::Result;
use crate::matrix::Matrix;
use crate::progress::Observer;

/// The `n_neighbors` nearest other rows of every row of `x` by exact Euclidean distances.
/// Duplicates of a row count as neighbours, the row itself does not. [`Search`] has more options.
///
/// # Errors
/// Those of [`Search::nearest_neighbors`].
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
/// Those of [`Search::nearest_references`].
pub fn nearest_references(
    device: &Device,
    queries: &Matrix,
    references: &Matrix,
    n_neighbors: usize,
    observer: &dyn Observer,
) -> Result<NeighborGraph> {
    Search::default().nearest_references(device, queries, references, n_neighbors, observer)
}

/// Sort key of a neighbour: by squared distance, then by index.
pub(crate) fn key(squared: f32, id: u32) -> u64 {
    (u64::from(squared.to_bits()) << 32) | u64::from(id)
}

/// Squared distance of a key.
pub(crate) fn squared_of(key: u64) -> f32 {
    f32::from_bits((key >> 32) as u32)
}

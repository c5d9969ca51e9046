//! Clustering of a space, and comparison of its clusters with the classes.
//!
//! There are three methods: [`KMeans`] finds a given number of round clusters, [`Dbscan`] clusters
//! by density at one scale, [`Hdbscan`] by density at all scales. [`k_distance`] helps to choose
//! the scale of [`Dbscan`]. [`agreement`] compares clusters with classes, and [`silhouette`]
//! compares either with the distances in the space. A cluster is a number from 0, noise is
//! [`NOISE`].
//!
//! A method is one file here, one shader and one entry in [`METHODS`]: the command line, its help
//! and the run read the registry.

pub mod agreement;
mod clustered;
mod columns;
pub mod dbscan;
mod hdbscan;
pub mod k_distance;
pub mod k_means;
mod registry;
pub mod silhouette;

use crate::compute::Device;
use crate::error::{Error, Result};

pub use agreement::{Contingency, adjusted_rand_score, normalized_mutual_info_score, purity_score};
pub use clustered::{ClassRow, ClusterRow, Clustered, NamedShare};
pub use dbscan::{Dbscan, DbscanResult};
pub use hdbscan::Hdbscan;
pub use k_distance::KDistance;
pub use k_means::{KMeans, KMeansResult};
pub use registry::{ClusterMethod, Clustering, Found, Method, method};
pub use silhouette::{Silhouette, silhouette_samples, silhouette_score};

/// All methods, in the order in which they are listed.
pub static METHODS: &[&Method] = &[&k_means::METHOD, &dbscan::METHOD, &hdbscan::METHOD];

/// Label of points without a cluster, as in scikit-learn.
pub const NOISE: i32 = -1;

/// Number of rows of `n_features` that a device can bind as one part.
fn bindable_rows(device: &Device, n_features: usize) -> Result<usize> {
    match (device.max_binding_bytes() / (4 * n_features as u64)) as usize {
        0 => Err(Error::Data(format!(
            "one row of {n_features} features is larger than this device can bind"
        ))),
        rows => Ok(rows),
    }
}

/// Number of distinct clusters among these labels, without noise.
pub fn n_clusters(labels: &[i32]) -> usize {
    let mut ids: Vec<i32> = labels.iter().copied().filter(|&label| label >= 0).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.len()
}

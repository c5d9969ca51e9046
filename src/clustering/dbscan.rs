//! DBSCAN: clusters as regions of high density, and noise between them.
//!
//! Reference: M. Ester et al., "A density-based algorithm for discovering clusters in large spatial
//! databases with noise", 1996. A point with at least `min_samples` points within `eps`, itself
//! counted, is a core point; core points within `eps` of each other are of one cluster; another
//! point belongs to the clusters of the core points within `eps`. Nothing is missed, and the
//! neighbours of a point are never kept: one pass counts them, the next joins core points, O(n^2 d)
//! work at worst and O(n d) memory. The numbers of the clusters, and which of several clusters a
//! border point belongs to, are those of scikit-learn's scan: clusters are numbered by their first
//! core point, and a border point takes the lowest number.
//!
//! Two roads. On the GPU all squared distances are computed tile by tile in the difference form in
//! `f32` ([`within`]). On the CPU blocks of near points meet only while that can still change the
//! answer, and a pair whose distance is within the rounding of `eps` is decided in `f64`: the
//! answer is that of exact arithmetic on the `f32` data.

mod blocks;
mod forest;
pub mod within;

use super::NOISE;
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::progress::Observer;
use crate::range::Range;
use serde::{Deserialize, Serialize};

/// No cluster yet.
const NONE: u32 = u32::MAX;

/// The method and its parameters.
///
/// ```
/// use layerlens::clustering::Dbscan;
/// use layerlens::compute::Device;
/// use layerlens::matrix::Matrix;
/// use layerlens::progress::Silent;
///
/// let x = Matrix::new(vec![0.0, 0.1, 0.2, 9.0, 5.0, 5.1, 5.2], 7, 1)?;
/// let found = Dbscan { eps: 0.15, min_samples: 2 }.fit(&Device::cpu(), &x, &Silent)?;
/// assert_eq!(found.labels, [0, 0, 0, -1, 1, 1, 1]);
/// # Ok::<(), layerlens::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dbscan {
    /// Radius around a point, in the units of the space; above 0. Default 0.5.
    pub eps: f64,
    /// Points within it, the point itself counted, that make a core point; at least 1. Default 5.
    pub min_samples: usize,
}

impl Default for Dbscan {
    fn default() -> Self {
        Self { eps: 0.5, min_samples: 5 }
    }
}

/// The clusters that were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbscanResult {
    /// The cluster of each point, from 0 in the order of their first core points, or [`NOISE`].
    pub labels: Vec<i32>,
    /// The core points, ascending.
    pub core_sample_indices: Vec<u32>,
    /// Number of clusters.
    pub n_clusters: usize,
}

impl DbscanResult {
    /// Number of points that belong to no cluster.
    pub fn n_noise(&self) -> usize {
        self.labels.iter().filter(|&&label| label == NOISE).count()
    }
}

impl Dbscan {
    /// Refuses parameters that no data allow.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn validate(&self) -> Result<()> {
        if !(self.eps > 0.0 && self.eps.is_finite()) {
            return Err(Error::parameter("eps", self.eps, "must be a finite number above 0"));
        }
        if self.min_samples == 0 {
            return Err(Error::parameter("min_samples", 0, "must be at least 1"));
        }
        Ok(())
    }

    /// Finds clusters of the rows of `x`.
    ///
    /// # Errors
    /// As [`Dbscan::validate`]; [`Error::Data`] if the points are of too different sizes for a GPU;
    /// any error of the device; [`Error::Interrupted`].
    pub fn fit(
        &self,
        device: &Device,
        x: &Matrix,
        observer: &dyn Observer,
    ) -> Result<DbscanResult> {
        self.validate()?;
        let lowest = match device {
            // Decides in `f64` what is near, at any size.
            Device::Cpu(_) => blocks::lowest_cores(x, self, observer)?,
            Device::Gpu(_) => {
                let range = Range::of(x)?;
                let scaled = Self { eps: range.to_unit(self.eps), ..*self };
                within::lowest_cores(device, range.scaled(x)?.as_ref(), &scaled, observer)?
            }
        };
        Ok(numbered(&lowest))
    }
}

/// The first core point of each point's cluster, and whether the point is a core point itself.
struct LowestCores {
    first: Vec<u32>,
    is_core: Vec<bool>,
}

/// Numbers the clusters by their first core points.
fn numbered(lowest: &LowestCores) -> DbscanResult {
    let mut numbers = vec![NOISE; lowest.first.len()];
    let mut n_clusters = 0;
    for (point, &first) in lowest.first.iter().enumerate() {
        if lowest.is_core[point] && first as usize == point {
            numbers[point] = n_clusters;
            n_clusters += 1;
        }
    }
    let number = |&first: &u32| if first == NONE { NOISE } else { numbers[first as usize] };
    let core = |&point: &u32| lowest.is_core[point as usize];
    DbscanResult {
        labels: lowest.first.iter().map(number).collect(),
        core_sample_indices: (0..lowest.first.len() as u32).filter(core).collect(),
        n_clusters: n_clusters as usize,
    }
}

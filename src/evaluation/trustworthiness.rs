//! Trustworthiness alone: of many maps of one space on the sample of
//! [`Quality`](super::Quality), without the cost of the others, and of one map on all points.

use super::quality::{MIN_SAMPLES, below_half, sampled_rows};
use super::ranks::{DistanceTable, kept_ranks};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::nearest_neighbors;
use crate::progress::{Observer, Silent};

/// Bytes of the distances that are held at a time.
const TABLE_BYTES: usize = 256 << 20;

/// Trustworthiness of a map on all its points, 0 to 1: scikit-learn's `trustworthiness`. With `x` and
/// `embedding` exchanged it is the continuity. O(n^2 d), memory O(n d).
///
/// # Errors
/// [`Error::Data`] for another number of rows; [`Error::Parameter`] unless `n_neighbors` is at least
/// 1 and less than half of the points; any error of the device; [`Error::Interrupted`].
pub fn trustworthiness(
    device: &Device,
    x: &Matrix,
    embedding: &Matrix,
    n_neighbors: usize,
    observer: &dyn Observer,
) -> Result<f64> {
    let n = x.n_samples();
    if embedding.n_samples() != n {
        let found = embedding.n_samples();
        return Err(Error::Data(format!("the map has {found} rows, the points have {n}")));
    }
    if n_neighbors == 0 || 2 * n_neighbors >= n {
        let expected = format!("at least 1, and less than half of the {n} points");
        return Err(Error::parameter("n_neighbors", n_neighbors, expected));
    }
    let nearest = nearest_neighbors(device, embedding, n_neighbors, observer)?;
    let rows = (TABLE_BYTES / (4 * n)).max(1);
    let mut ranks = Vec::with_capacity(n * n_neighbors);
    for first in (0..n).step_by(rows) {
        let last = n.min(first + rows);
        let table = DistanceTable::of_rows(device, x, first..last, &Silent)?;
        let ids = &nearest.indices()[first * n_neighbors..last * n_neighbors];
        ranks.extend(table.ranks(device, ids)?);
        observer.step(last as u64, n as u64, &[])?;
    }
    Ok(kept_ranks(&ranks, n_neighbors, n))
}

/// Ranks of a space's neighbours among a sample of 5,000 points.
#[derive(Debug)]
pub struct Trustworthiness {
    sample: Vec<usize>,
    n_samples: usize,
    table: DistanceTable,
}

impl Trustworthiness {
    /// The ranks of the points `x`, n_samples x n_features; the sample depends on `seed`.
    ///
    /// # Errors
    /// [`Error::Data`] if there are fewer than [`MIN_SAMPLES`] points; any error of the device;
    /// [`Error::Interrupted`].
    pub fn new(device: &Device, x: &Matrix, seed: u64, observer: &dyn Observer) -> Result<Self> {
        let n_samples = x.n_samples();
        if n_samples < MIN_SAMPLES {
            let message = format!(
                "trustworthiness needs at least {MIN_SAMPLES} points, there are {n_samples}"
            );
            return Err(Error::Data(message));
        }
        let sample = sampled_rows(seed, x);
        let table = DistanceTable::among(device, &x.select(&sample), observer)?;
        Ok(Self { sample, n_samples, table })
    }

    /// Trustworthiness of a map of the points, n_samples x n_components, from 0 to 1.
    ///
    /// # Errors
    /// [`Error::Data`] if the map has another number of rows; any error of the device;
    /// [`Error::Interrupted`].
    pub fn of(&self, device: &Device, embedding: &Matrix, observer: &dyn Observer) -> Result<f64> {
        if embedding.n_samples() != self.n_samples {
            return Err(Error::Data(format!(
                "the map has {} rows, expected {}",
                embedding.n_samples(),
                self.n_samples
            )));
        }
        let m = self.sample.len();
        let k = below_half(self.sample.len());
        let nearest = nearest_neighbors(device, &embedding.select(&self.sample), k, observer)?;
        Ok(kept_ranks(&self.table.ranks(device, nearest.indices())?, k, m))
    }
}

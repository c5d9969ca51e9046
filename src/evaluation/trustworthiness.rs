//! Trustworthiness alone, of many maps of one space: the value of [`Quality`](super::Quality), on
//! the same sample, without the cost of the others.

use super::quality::{MIN_SAMPLES, below_half, sampled_rows};
use super::ranks::{DistanceTable, kept_ranks};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::nearest_neighbors;
use crate::progress::Observer;

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

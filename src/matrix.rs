//! The one currency between rooms: a finite, row-major matrix of `f32`.

use crate::error::{Error, Result};
use rayon::prelude::*;

/// Rows that one task of [`Matrix::column_means`] sums.
const MEAN_ROWS: usize = 1024;

/// A row-major `n_samples` x `n_features` matrix whose every entry is finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    data: Vec<f32>,
    n_samples: usize,
    n_features: usize,
}

impl Matrix {
    /// Takes `data` in row-major order.
    ///
    /// # Errors
    /// [`Error::Data`] if the length is not `n_samples * n_features`, if there are no features, or if an entry is NaN or
    /// infinite (its row and column are named, counted from 0).
    pub fn new(data: Vec<f32>, n_samples: usize, n_features: usize) -> Result<Self> {
        if n_features == 0 || Some(data.len()) != n_samples.checked_mul(n_features) {
            return Err(Error::Data(format!("{} values do not make a {n_samples} x {n_features} matrix", data.len())));
        }
        if let Some(at) = data.iter().position(|value| !value.is_finite()) {
            let (row, column) = (at / n_features, at % n_features);
            return Err(Error::Data(format!("row {row}, column {column} is {}: every value must be finite", data[at])));
        }
        Ok(Self { data, n_samples, n_features })
    }

    /// Number of rows.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Number of columns.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// All entries, row after row.
    pub fn as_slice(&self) -> &[f32] {
        &self.data
    }

    /// Row `i`.
    ///
    /// # Panics
    /// If `i >= n_samples`.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.data[i * self.n_features..][..self.n_features]
    }

    /// The rows, in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.data.chunks_exact(self.n_features)
    }

    /// A copy of the given rows, in the given order.
    ///
    /// # Panics
    /// If an index is out of range.
    pub fn select(&self, rows: &[usize]) -> Self {
        let data = rows.iter().flat_map(|&i| self.row(i)).copied().collect();
        Self { data, n_samples: rows.len(), n_features: self.n_features }
    }

    /// Mean of each column, summed in `f64` over fixed blocks of rows: the same bytes whatever the number of threads.
    pub fn column_means(&self) -> Vec<f32> {
        let partial: Vec<Vec<f64>> = (self.data.par_chunks(MEAN_ROWS * self.n_features))
            .map(|block| {
                let mut sums = vec![0.0; self.n_features];
                for row in block.chunks_exact(self.n_features) {
                    for (sum, &value) in sums.iter_mut().zip(row) {
                        *sum += f64::from(value);
                    }
                }
                sums
            })
            .collect();
        let total = |column: usize| partial.iter().map(|sums| sums[column]).sum::<f64>();
        (0..self.n_features).map(|column| (total(column) / self.n_samples.max(1) as f64) as f32).collect()
    }

    /// Gives the entries back.
    pub fn into_vec(self) -> Vec<f32> {
        self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bad_entry_is_named() {
        let error = Matrix::new(vec![0.0, 1.0, 2.0, f32::NAN], 2, 2).unwrap_err();
        assert_eq!(error.to_string(), "row 1, column 1 is NaN: every value must be finite");
        assert!(Matrix::new(vec![0.0; 3], 2, 2).is_err());
    }
}

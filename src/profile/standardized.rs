//! Columns brought to mean 0 and variance 1, as scikit-learn's `StandardScaler` does.

use crate::error::Result;
use crate::matrix::Matrix;
use rayon::prelude::*;

/// Number of rows of one task.
const BLOCK_ROWS: usize = 1024;
/// Standard deviations beyond which a value of new rows is cut off, so that products with it fit
/// single precision.
const FURTHEST: f64 = 1e6;

/// Means and standard deviations of the columns of some rows.
#[derive(Clone, Debug)]
pub(super) struct Standardizer {
    means: Vec<f64>,
    /// 1 / standard deviation; 0 of a column that is constant.
    scales: Vec<f64>,
}

impl Standardizer {
    /// Means and standard deviations (of the population) of the columns of `x`.
    pub(super) fn of(x: &Matrix) -> Self {
        let d = x.n_features();
        let means = x.exact_column_means();
        let squares = x.column_squares(&means);
        let first = x.row(0);
        let is_constant: Vec<bool> = (0..d)
            .into_par_iter()
            .map(|column| x.rows().all(|row| row[column] == first[column]))
            .collect();
        let scale = |column: usize| {
            let variance = squares[column] / x.n_samples() as f64;
            if is_constant[column] || variance == 0.0 { 0.0 } else { 1.0 / variance.sqrt() }
        };
        Self { scales: (0..d).map(scale).collect(), means }
    }

    /// Factor of each column: 1 / standard deviation, or 0.
    pub(super) fn scales(&self) -> &[f64] {
        &self.scales
    }

    /// Adds `rows`, values of as many columns, to the end of `out`: their means subtracted, in
    /// standard deviations.
    pub(super) fn extend(&self, rows: &[f32], out: &mut Vec<f64>) {
        for row in rows.chunks_exact(self.means.len()) {
            let columns = row.iter().zip(&self.means).zip(&self.scales);
            out.extend(columns.map(|((&value, mean), scale)| {
                ((f64::from(value) - mean) * scale).clamp(-FURTHEST, FURTHEST)
            }));
        }
    }

    /// A value of a column, its mean subtracted, in standard deviations.
    pub(super) fn of_value(&self, column: usize, value: f64) -> f64 {
        (value - self.means[column]) * self.scales[column]
    }

    /// The rows of `x`, which has as many columns, in single precision.
    pub(super) fn single(&self, x: &Matrix) -> Result<Matrix> {
        let d = self.means.len();
        let blocks: Vec<Vec<f32>> = x
            .as_slice()
            .par_chunks(BLOCK_ROWS * d)
            .map(|rows| {
                let mut out = Vec::with_capacity(rows.len());
                self.extend(rows, &mut out);
                out.into_iter().map(|value| value as f32).collect()
            })
            .collect();
        Matrix::new(blocks.concat(), x.n_samples(), d)
    }
}

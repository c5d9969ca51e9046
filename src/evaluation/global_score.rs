//! TriMAP's global score: the large-scale structure that a map keeps.
//!
//! Reference: E. Amid and M. Warmuth, "TriMap: Large-scale dimensionality reduction using
//! triplets", 2019. The space is reconstructed from the map by least squares, with mean squared
//! error L; the error of the principal components, L_pca, is the least that any map of as many
//! dimensions has, and exp(-(L - L_pca) / L_pca) is the score. Both errors are a total variance
//! less an explained one: what the map's axes, made orthonormal, explain of the space, and what the
//! leading axes do. So one pass over the points scores a map, O(n d n_components), and no d x d
//! matrix is formed.

use crate::compute::Device;
use crate::embedding::SvdSolver;
use crate::embedding::pca::{rows::Rows, solvers};
use crate::error::Result;
use crate::matrix::Matrix;
use crate::range::Range;
use faer::{Mat, Side};

/// An error below this share of the total variance is rounding, and no score can be divided by it.
const LEAST_ERROR: f64 = 1e-5;
/// An axis of the map with less than this share of its largest variance is none.
const LEAST_AXIS: f64 = 1e-10;

/// Values that all scores of maps of one space share.
#[derive(Clone, Debug)]
pub struct GlobalScore {
    range: Range,
    mean: Vec<f32>,
    n_components: usize,
    /// Sum of squares about the mean.
    total: f64,
    /// Of which the principal components leave this.
    left_by_pca: f64,
}

impl GlobalScore {
    /// For maps of `n_components` dimensions of the points `x`.
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) if squares overflow; any error of the device.
    pub fn new(device: &Device, x: &Matrix, n_components: usize, seed: u64) -> Result<Self> {
        let range = Range::of(x)?;
        let x = range.scaled(x)?;
        let (mean, n, d) = (x.column_means(), x.n_samples(), x.n_features());
        let rows = Rows::new(device, &x, &mean)?;
        let leading =
            solvers::axes(device, &rows, &mean, n_components.min(n).min(d), SvdSolver::Auto, seed)?;
        let scale = (n - 1) as f64;
        let total = leading.total * scale;
        let explained = leading.variance.iter().sum::<f64>() * scale;
        Ok(Self { range, mean, n_components, total, left_by_pca: total - explained })
    }

    /// Dimensions of the maps that can be scored.
    pub fn n_components(&self) -> usize {
        self.n_components
    }

    /// The score of a map, n_samples x n_components, of the points `x`: 1 for the principal
    /// components, towards 0 for noise. None where the principal components leave no error, up to
    /// rounding.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn of(&self, device: &Device, x: &Matrix, embedding: &Matrix) -> Result<Option<f64>> {
        if self.left_by_pca <= LEAST_ERROR * self.total {
            return Ok(None);
        }
        let (axes, c) = orthonormal_axes(embedding);
        let explained: f64 = if c == 0 {
            0.0
        } else {
            let crossed = Rows::new(device, self.range.scaled(x)?.as_ref(), &self.mean)?
                .crossed(device, &axes, c)?;
            crossed.iter().map(|value| value * value).sum::<f64>() / x.n_samples() as f64
        };
        // No map explains more than the principal components, but for rounding.
        let left = (self.total - explained).max(self.left_by_pca);
        Ok(Some((-(left - self.left_by_pca) / self.left_by_pca).exp()))
    }
}

/// The centred axes of a map made orthogonal, each of mean square 1, n x c, and how many there are:
/// fewer than the map's dimensions if these depend on each other.
fn orthonormal_axes(embedding: &Matrix) -> (Vec<f32>, usize) {
    let n = embedding.n_samples() as f64;
    let dimensions = embedding.n_features();
    let mean: Vec<f64> = (0..dimensions)
        .map(|axis| embedding.rows().map(|row| f64::from(row[axis])).sum::<f64>() / n)
        .collect();
    let centred = |row: &[f32], axis: usize| f64::from(row[axis]) - mean[axis];
    let covariance = Mat::from_fn(dimensions, dimensions, |i, j| {
        embedding.rows().map(|row| centred(row, i) * centred(row, j)).sum::<f64>() / n
    });
    // Of a finite symmetric matrix; without its axes nothing is explained.
    let Ok(eigen) = covariance.self_adjoint_eigen(Side::Lower) else { return (Vec::new(), 0) };
    let variances = eigen.S().column_vector();
    let vectors = eigen.U();
    let least = LEAST_AXIS * variances[dimensions - 1];
    let kept: Vec<usize> =
        (0..dimensions).filter(|&axis| variances[axis] > least && variances[axis] > 0.0).collect();
    let coordinate = |row: &[f32], axis: usize| {
        let along: f64 = (0..dimensions).map(|i| centred(row, i) * vectors[(i, axis)]).sum();
        (along / variances[axis].sqrt()) as f32
    };
    let axes = embedding
        .rows()
        .flat_map(|row| kept.iter().map(move |&axis| (row, axis)))
        .map(|(row, axis)| coordinate(row, axis));
    (axes.collect(), kept.len())
}

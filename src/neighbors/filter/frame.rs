//! Short coordinates whose distances never exceed the true ones: projections onto principal axes,
//! and the length of the residual.
//!
//! |a - b|^2 = |P a - P b|^2 + |r_a - r_b|^2 >= |P a - P b|^2 + (|r_a| - |r_b|)^2 for orthonormal
//! axes P and residuals r. The axes come from a sample, since any orthonormal ones are valid; their
//! number is chosen on the sample too.

use super::clusters::are_far;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::products::products;
use crate::random::Random;
use rayon::prelude::*;

/// Number of rows from which the axes are computed and their number is chosen.
const SAMPLE_ROWS: usize = 4096;
/// Number of rows of the sample whose neighbours decide the number of axes.
const SAMPLE_QUERIES: usize = 64;
/// Largest number of features that are all used without a projection.
const FEW_FEATURES: usize = 48;
/// Above this many features the axes are computed in a random subspace of 256 dimensions near the
/// largest variance.
const MANY_FEATURES: usize = 1024;
const SUBSPACE: usize = 256;
/// Number of rows that are converted together, the unit of parallel work.
const ROWS: usize = 256;

/// Transformation of a row into its short coordinates.
pub(super) struct Frame {
    mean: Vec<f32>,
    /// Power of two that brings lengths near 1, so that no square overflows or underflows.
    pub(super) scale: f64,
    /// m x d; empty if the coordinates are the features minus their mean.
    axes: Vec<f64>,
    /// Number of coordinates of a row: m + 1, or d.
    pub(super) width: usize,
}

impl Frame {
    /// Chooses axes for the rows of `x`, whose distances from the `mean` are at most `radius`, so
    /// that the search for `k` neighbours among them takes little work.
    pub(super) fn new(x: &Matrix, mean: Vec<f32>, radius: f32, k: usize) -> Result<Self> {
        let d = x.n_features();
        let scale = if radius > 0.0 { (-f64::from(radius).log2().ceil()).exp2() } else { 1.0 };
        let whole = Self { mean, scale, axes: Vec::new(), width: d };
        if d <= FEW_FEATURES {
            return Ok(whole);
        }
        let n = x.n_samples().min(SAMPLE_ROWS);
        let sample: Vec<usize> = (0..n).map(|i| i * x.n_samples() / n).collect();
        let length = |&i: &usize| {
            whole.centred(x.row(i)).map(|value| value * value).sum::<f64>().sqrt() as f32
        };
        // The axes are those of most rows: an outlier would turn the first axis towards itself and
        // hide the others.
        let are_far = are_far(&sample.iter().map(length).collect::<Vec<_>>());
        let sample: Vec<usize> =
            sample.into_iter().zip(are_far).filter(|(_, far)| !far).map(|(i, _)| i).collect();
        let n = sample.len();
        let sample: Vec<f64> = sample.into_iter().flat_map(|i| whole.centred(x.row(i))).collect();
        let sample = faer::Mat::from_fn(n, d, |i, j| sample[i * d + j]);
        let axes = principal_axes(&sample)?;
        let k_in_sample = (k * n).div_ceil(x.n_samples());
        let m = number_of_axes(&sample, &axes, k_in_sample);
        if m == d {
            return Ok(whole);
        }
        let axes = (0..m)
            .flat_map(|axis| (0..d).map(move |feature| (axis, feature)))
            .map(|(axis, feature)| axes[(feature, axis)]);
        Ok(Self { axes: axes.collect(), width: m + 1, ..whole })
    }

    fn centred<'a>(&'a self, row: &'a [f32]) -> impl Iterator<Item = f64> + 'a {
        row.iter()
            .zip(&self.mean)
            .map(|(&value, &mean)| (f64::from(value) - f64::from(mean)) * self.scale)
    }

    /// Short coordinates of the rows of `x`, n x width. Computed in `f64`, so that each has only
    /// its own rounding error.
    pub(super) fn coordinates(&self, x: &Matrix) -> Vec<f32> {
        let d = x.n_features();
        let width = self.width;
        let m = self.axes.len() / x.n_features();
        let mut coordinates = vec![0.0; x.n_samples() * width];
        coordinates.par_chunks_mut(ROWS * width).zip(x.as_slice().par_chunks(ROWS * d)).for_each(
            |(out, rows)| {
                let centred: Vec<f64> =
                    rows.chunks_exact(d).flat_map(|row| self.centred(row)).collect();
                if m == 0 {
                    out.iter_mut().zip(centred).for_each(|(out, value)| *out = value as f32);
                    return;
                }
                let n = rows.len() / d;
                let mut projected = vec![0.0; n * m];
                products(&centred, &self.axes, &mut projected, (n, m, d));
                for ((out, projected), row) in out
                    .chunks_exact_mut(width)
                    .zip(projected.chunks_exact(m))
                    .zip(centred.chunks_exact(d))
                {
                    let squares =
                        |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
                    out.iter_mut().zip(projected).for_each(|(out, &value)| *out = value as f32);
                    out[m] = (squares(row) - squares(projected)).max(0.0).sqrt() as f32;
                }
            },
        );
        coordinates
    }
}

/// Orthonormal directions as columns, largest variance first.
fn principal_axes(sample: &faer::Mat<f64>) -> Result<faer::Mat<f64>> {
    let d = sample.ncols();
    let subspace = (d > MANY_FEATURES).then(|| {
        // Two powers of the covariance turn random directions towards those of large variance
        // (Halko, Martinsson and Tropp, 2011).
        let random = Random::new(0, 0x6672_616d);
        let p = SUBSPACE.min(sample.nrows());
        let mut basis =
            faer::Mat::from_fn(d, p, |i, j| f64::from(random.uniform((i * p + j) as u64)) - 0.5);
        for _ in 0..2 {
            basis = sample.transpose() * (sample * basis.qr().compute_thin_Q());
        }
        basis.qr().compute_thin_Q()
    });
    let reduced = subspace.as_ref().map_or_else(|| sample.clone(), |basis| sample * basis);
    let p = reduced.ncols();
    let covariance = reduced.transpose() * &reduced;
    let eigen = covariance
        .self_adjoint_eigen(faer::Side::Lower)
        .map_err(|error| Error::Data(format!("the covariance has no eigenvectors: {error:?}")))?;
    // Eigenvalues ascend.
    let directions = faer::Mat::from_fn(p, p, |i, j| eigen.U()[(i, p - 1 - j)]);
    Ok(subspace.map_or_else(|| directions.clone(), |basis| basis * &directions))
}

/// Number of axes with the lowest cost: a product of short rows for every pair, and an exact
/// distance for every pair that the short coordinates do not exclude, in measured picoseconds. All
/// features if no number of axes is cheaper.
fn number_of_axes(sample: &faer::Mat<f64>, axes: &faer::Mat<f64>, k: usize) -> usize {
    let (n, d) = (sample.nrows(), sample.ncols());
    let rotated = sample * axes;
    let rotated: Vec<Vec<f64>> =
        (0..n).map(|i| (0..axes.ncols()).map(|axis| rotated[(i, axis)]).collect()).collect();
    let rows: Vec<Vec<f64>> =
        (0..n).map(|i| (0..d).map(|feature| sample[(i, feature)]).collect()).collect();
    let squares = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
    let choices: Vec<usize> = (1..)
        .map(|i| 32 * i)
        .take_while(|&m| 4 * m <= 3 * d && m <= axes.ncols())
        .take(16)
        .collect();
    // Lengths of the residuals of each row after each number of axes.
    let residuals: Vec<Vec<f64>> = (rows.par_iter().zip(&rotated))
        .map(|(row, rotated)| {
            choices
                .iter()
                .map(|&m| (squares(row) - squares(&rotated[..m])).max(0.0).sqrt())
                .collect()
        })
        .collect();
    let queries: Vec<usize> =
        (0..SAMPLE_QUERIES.min(n)).map(|i| i * n / SAMPLE_QUERIES.min(n)).collect();
    let counts: Vec<Vec<usize>> = (queries.par_iter())
        .map(|&query| {
            let square =
                |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
            let mut exact: Vec<f64> = (0..n)
                .map(|i| if i == query { f64::INFINITY } else { square(&rows[i], &rows[query]) })
                .collect();
            let at = k.clamp(1, n) - 1;
            let kth = *exact.select_nth_unstable_by(at, f64::total_cmp).1;
            let mut counts = vec![0; choices.len()];
            for i in (0..n).filter(|&i| i != query) {
                let mut short = 0.0;
                for (choice, &m) in choices.iter().enumerate() {
                    short += square(&rotated[i][m - 32..m], &rotated[query][m - 32..m]);
                    let gap = residuals[i][choice] - residuals[query][choice];
                    counts[choice] += usize::from(short + gap * gap <= kth);
                }
            }
            counts
        })
        .collect();
    let cost = |m: usize, share: f64| PRODUCT * m as f64 + share * (CANDIDATE + FEATURE * d as f64);
    let pairs = (queries.len() * n) as f64;
    let share =
        |choice: usize| counts.iter().map(|counts| counts[choice]).sum::<usize>() as f64 / pairs;
    let plain = cost(d, k as f64 / n as f64);
    let best =
        (0..choices.len()).map(|choice| (cost(choices[choice], share(choice)), choices[choice]));
    best.fold((plain, d), |best, other| if other.0 < best.0 { other } else { best }).1
}

/// Picoseconds of one multiplication of a matrix product, of one candidate without its features,
/// and of one of its features.
const PRODUCT: f64 = 16.0;
const CANDIDATE: f64 = 60_000.0;
const FEATURE: f64 = 200.0;

//! Three solvers for the axes: eigenvectors of the covariance, eigenvectors of the products of the
//! rows with each other if there are fewer rows than features, and a randomised solver that forms
//! neither matrix.
//!
//! The randomised solver is the subspace iteration of N. Halko, P. Martinsson and J. Tropp,
//! "Finding structure with randomness", 2011 (algorithm 4.4), on the covariance S: Q <- orth(S Q),
//! from Gaussian columns. Each pass over the data gives S Q, and from it the Rayleigh quotient Q^T
//! S Q, its eigenvectors and the residual |S v - theta v| of each axis v, which decides when to
//! stop. O(n d l) a pass with l = 1.5 n_components + 10.
//!
//! Sums in single precision hide axes whose variance is a small share of the largest, for example
//! behind an outlying row. If such axes are requested, they are computed again from the rows after
//! the larger ones are removed (`deflation`).

use super::SvdSolver;
use super::deflation;
use super::rows::{Rows, squares_about};
use crate::compute::Device;
use crate::embedding::init::gaussian;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::random::Random;
use faer::{Mat, Side};
use rayon::prelude::*;

/// Largest side of a matrix whose eigenvectors are computed: 128 MiB in single precision, which
/// every GPU binds.
pub const MAX_SIDE: usize = 5792;
/// Maximum number of components of the randomised solver: their partial sums fit if the points do.
pub const MAX_RANDOMIZED: usize = 675;

/// Up to this side the eigenvectors of the whole matrix take less than half a second, and the
/// randomised solver hardly less. Beyond it, the cost of the former grows with the side and that of
/// the latter with the number of axes: 20 s either way for 4,096 features and 50 axes.
const FULL_SIDE: usize = 1024;
const SIDE_PER_COMPONENT: usize = 80;
/// Stream of the random numbers of this file.
const STREAM: u64 = 0x0070_6361;
/// Maximum number of passes.
const MAX_PASSES: usize = 50;
/// Residual of an axis, relative to its variance, at which it counts as converged.
const RESIDUAL: f64 = 1e-5;
/// The same relative to the largest variance: the error of a sum over all rows in single precision.
const ROUNDING: f64 = 2e-6;

/// The leading axes of some points.
#[derive(Clone, Debug)]
pub struct Axes {
    /// Axes of unit length, n_components x n_features.
    pub components: Matrix,
    /// Variance along each axis.
    pub variance: Vec<f64>,
    /// Total variance.
    pub total: f64,
}

/// Solver that `solver` stands for with points of this shape.
///
/// # Errors
/// [`Error::Data`] if there are too many rows and features, or too many components, for it.
pub fn choose(solver: SvdSolver, n_components: usize, n: usize, d: usize) -> Result<SvdSolver> {
    let side = n.min(d);
    let fast = side > FULL_SIDE && n_components <= side / SIDE_PER_COMPONENT;
    match solver {
        SvdSolver::Auto if n_components <= MAX_RANDOMIZED && (fast || side > MAX_SIDE) => {
            Ok(SvdSolver::Randomized)
        }
        SvdSolver::Auto | SvdSolver::Full if side <= MAX_SIDE => Ok(SvdSolver::Full),
        SvdSolver::Randomized if n_components <= MAX_RANDOMIZED => Ok(SvdSolver::Randomized),
        SvdSolver::Full => {
            let advice = "`Pca::svd_solver` randomized does with any number";
            Err(Error::Data(format!(
                "the full solver takes at most {MAX_SIDE} points or features; there are {n} of \
                 {d}: {advice}"
            )))
        }
        SvdSolver::Auto | SvdSolver::Randomized => Err(Error::Data(format!(
            "of {n} points of {d} features at most {MAX_RANDOMIZED} components are computed; \
             {n_components} were asked for"
        ))),
    }
}

/// The `n_components` axes of largest variance of `rows` about their `mean`, with the variance's
/// denominator n - 1.
///
/// # Errors
/// [`Error::Data`] if squares overflow or as [`choose`]; any error of the device.
pub fn axes(
    device: &Device,
    rows: &Rows<'_>,
    mean: &[f32],
    n_components: usize,
    solver: SvdSolver,
    seed: u64,
) -> Result<Axes> {
    let x = rows.matrix();
    let (n, d) = (x.n_samples(), x.n_features());
    let search_in = |rows: &Rows<'_>, mean: &[f32], n_components: usize| match choose(
        solver,
        n_components,
        n,
        d,
    )? {
        SvdSolver::Randomized => randomized(device, rows, n_components, seed),
        _ if n < d => by_rows(device, rows.matrix(), mean, n_components),
        _ => by_features(device, rows, n_components),
    };
    let search = |x: &Matrix, mean: &[f32], n_components: usize| {
        search_in(&Rows::new(device, x, mean)?, mean, n_components)
    };
    let found = search_in(rows, mean, n_components)?;
    let (variance, columns) = if deflation::reliable(&found.0) == n_components {
        found
    } else {
        deflation::refined(x, found, &search)?
    };
    let scale = 1.0 / (n - 1) as f64;
    let components = (0..n_components).flat_map(|component| {
        let axis = columns.col(component);
        let largest = axis
            .iter()
            .copied()
            .fold(0.0, |best: f64, v| if v.abs() > best.abs() { v } else { best });
        let sign = if largest < 0.0 { -1.0 } else { 1.0 };
        (0..d).map(move |feature| (axis[feature] * sign) as f32).collect::<Vec<_>>()
    });
    Ok(Axes {
        components: Matrix::new(components.collect(), n_components, d)?,
        variance: variance.into_iter().map(|square| square.max(0.0) * scale).collect(),
        total: squares_about(x, mean) * scale,
    })
}

/// Sums of squares along the axes, and the axes as columns.
pub(super) type EigenPairs = (Vec<f64>, Mat<f64>);

fn check_finite<T: Copy + Into<f64>>(values: &[T]) -> Result<()> {
    if values.iter().all(|&value| value.into().is_finite()) {
        return Ok(());
    }
    Err(Error::Data(
        "some values are so large that their squares overflow: scale the data down".into(),
    ))
}

/// Eigenvalues, descending, and eigenvectors of a symmetric matrix.
pub(super) fn eigen(symmetric: &Mat<f64>, count: usize) -> Result<EigenPairs> {
    let side = symmetric.nrows();
    let found = symmetric
        .self_adjoint_eigen(Side::Lower)
        .map_err(|error| Error::Data(format!("the covariance has no eigenvectors: {error:?}")))?;
    // Theirs ascend.
    let values = (0..count).map(|i| found.S().column_vector()[side - 1 - i]).collect();
    Ok((values, Mat::from_fn(side, count, |row, i| found.U()[(row, side - 1 - i)])))
}

/// Axes from the d x d covariance.
fn by_features(device: &Device, rows: &Rows<'_>, n_components: usize) -> Result<EigenPairs> {
    let d = rows.matrix().n_features();
    let products = rows.scatter(device)?;
    check_finite(&products)?;
    eigen(&Mat::from_fn(d, d, |i, j| f64::from(products[i.min(j) * d + i.max(j)])), n_components)
}

/// Axes from the n x n products of the centred rows: the rows weighted by its eigenvectors.
fn by_rows(device: &Device, x: &Matrix, mean: &[f32], n_components: usize) -> Result<EigenPairs> {
    let (n, d) = (x.n_samples(), x.n_features());
    // Features as rows, their means subtracted.
    let transposed: Vec<f32> = (0..d)
        .into_par_iter()
        .flat_map_iter(|j| x.rows().map(move |row| row[j] - mean[j]))
        .collect();
    let products =
        Rows::new(device, &Matrix::new(transposed, d, n)?, &vec![0.0; n])?.scatter(device)?;
    check_finite(&products)?;
    let (squares, weights) = eigen(
        &Mat::from_fn(n, n, |i, j| f64::from(products[i.min(j) * n + i.max(j)])),
        n_components,
    )?;
    let axes: Vec<Vec<f64>> = (0..n_components)
        .into_par_iter()
        .map(|component| {
            let mut axis = vec![0.0; d];
            for (row, &weight) in x.rows().zip(weights.col(component).iter()) {
                for ((sum, value), mean) in axis.iter_mut().zip(row).zip(mean) {
                    *sum += weight * f64::from(value - mean);
                }
            }
            axis
        })
        .collect();
    // Orthogonal already up to rounding: this gives them unit length, and replacements for axes
    // without variance.
    Ok((squares, orthonormal(&Mat::from_fn(d, n_components, |row, column| axes[column][row]))))
}

/// Orthonormal columns that span the given ones; as many, even if these are linearly dependent.
pub(super) fn orthonormal(columns: &Mat<f64>) -> Mat<f64> {
    // Equal lengths first, so that no column vanishes beside the others by its scale alone.
    let lengths: Vec<f64> = (0..columns.ncols()).map(|i| columns.col(i).norm_l2()).collect();
    let scale = |i: usize| if lengths[i] > 0.0 { 1.0 / lengths[i] } else { 0.0 };
    Mat::from_fn(columns.nrows(), columns.ncols(), |row, i| columns[(row, i)] * scale(i))
        .qr()
        .compute_thin_Q()
}

/// Axes from subspace iteration on the covariance.
fn randomized(
    device: &Device,
    rows: &Rows<'_>,
    n_components: usize,
    seed: u64,
) -> Result<EigenPairs> {
    let (n, d) = (rows.matrix().n_samples(), rows.matrix().n_features());
    let width = (n_components + n_components / 2 + 10).min(n.min(d));
    let random = Random::new(seed, STREAM);
    let start = Mat::from_fn(d, width, |row, column| {
        f64::from(gaussian(&random, (row * width + column) as u64))
    });
    let mut basis = orthonormal(&start);
    for pass in 1.. {
        let axes: Vec<f32> = (0..width)
            .flat_map(|i| basis.col(i).iter().map(|&v| v as f32).collect::<Vec<_>>())
            .collect();
        let sums = rows.scatter_times(device, &axes)?;
        check_finite(&sums)?;
        let image = Mat::from_fn(d, width, |row, column| sums[column * d + row]);
        let quotient = basis.transpose() * &image;
        let symmetric =
            Mat::from_fn(width, width, |i, j| 0.5 * (quotient[(i, j)] + quotient[(j, i)]));
        let (squares, rotation) = eigen(&symmetric, n_components)?;
        let axes = &basis * &rotation;
        if pass == MAX_PASSES || largest_residual(&(&image * &rotation), &axes, &squares) <= 1.0 {
            return Ok((squares, axes));
        }
        basis = orthonormal(&image);
    }
    unreachable!("the last pass returns")
}

/// Largest |S v - theta v| of all axes, relative to its limit.
fn largest_residual(image: &Mat<f64>, axes: &Mat<f64>, squares: &[f64]) -> f64 {
    let residual = |i: usize| {
        let off: f64 = image
            .col(i)
            .iter()
            .zip(axes.col(i).iter())
            .map(|(s, v)| (s - squares[i] * v).powi(2))
            .sum();
        off.sqrt() / (RESIDUAL * squares[i]).max(ROUNDING * squares[0]).max(f64::MIN_POSITIVE)
    };
    (0..squares.len()).map(residual).fold(0.0, f64::max)
}

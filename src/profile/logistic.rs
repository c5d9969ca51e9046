//! The loss of multinomial logistic regression and its gradient, in double precision, or with the
//! products of a device in single precision.

use super::minimum::Objective;
use super::probabilities::softmax;
use super::standardized::Standardizer;
use crate::compute::Device;
use crate::embedding::pca::rows::Rows;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::{add_weighted_rows, products};
use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, Side};
use rayon::prelude::*;

/// Number of rows of one task of a device's products.
const BLOCK_ROWS: usize = 1024;
/// Number of rows that are multiplied at once: they stay in a core's cache.
pub(super) const FEW_ROWS: usize = 128;
/// Maximum number of parts whose sums are added at the end, and of the values of all these sums.
const MOST_PARTS: usize = 32;
const SUMS: usize = 1 << 25;

/// Cholesky factor of `share` X^T X + `penalty` I, from the `scatter` X^T X.
///
/// # Errors
/// [`Error::Data`] if it is not finite.
pub(super) fn factor(scatter: &Mat<f64>, share: f64, penalty: f64) -> Result<Llt<f64>> {
    let d = scatter.nrows();
    Mat::from_fn(d, d, |i, j| share * scatter[(i, j)] + if i == j { penalty } else { 0.0 })
        .llt(Side::Lower)
        .map_err(|error| Error::Data(format!("the columns cannot be probed: {error:?}")))
}

/// A fit of logistic regression, its numbers in double precision.
pub(super) struct Logistic<'a> {
    pub(super) train: &'a Matrix,
    pub(super) standardizer: &'a Standardizer,
    pub(super) places: &'a [u32],
    pub(super) n_classes: usize,
    pub(super) penalty: f64,
    /// Of the bound X^T X / 2 + I / C of the curvature (D. Böhning, "Multinomial logistic
    /// regression algorithm", 1992).
    pub(super) curvature: Llt<f64>,
}

/// The same fit with the products of a device, in single precision.
pub(super) struct OnDevice<'a> {
    pub(super) fit: &'a Logistic<'a>,
    pub(super) device: &'a Device,
    pub(super) rows: Rows<'a>,
}

/// Sums over some rows.
#[derive(Clone)]
struct Sums {
    loss: f64,
    /// Sum of the residuals of each class.
    residuals: Vec<f64>,
    /// Residuals^T X, n_classes x n_features; empty where they are not summed.
    products: Vec<f64>,
}

impl Logistic<'_> {
    /// Number of parts that are summed one by one: it depends on the shape alone, so that the bytes
    /// do not depend on the threads.
    fn n_parts(&self) -> usize {
        (SUMS / (self.n_classes * self.train.n_features())).clamp(4, MOST_PARTS)
    }

    /// Value and gradient from sums of all rows.
    fn total(&self, sums: &[Sums], products: Vec<f64>, weights: &[f64]) -> (f64, Vec<f64>) {
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        let loss = sums.iter().map(|sums| sums.loss).sum::<f64>() + 0.5 * self.penalty * squares;
        let mut gradient = products;
        gradient.iter_mut().zip(weights).for_each(|(entry, w)| *entry += self.penalty * w);
        let of_class = |class: usize| sums.iter().map(|sums| sums.residuals[class]).sum::<f64>();
        gradient.extend((0..self.n_classes).map(of_class));
        (loss, gradient)
    }

    /// Turns the logits of a row, without intercepts, into residuals.
    fn residual(&self, row: &mut [f64], intercepts: &[f64], place: u32, sums: &mut Sums) {
        row.iter_mut().zip(intercepts).for_each(|(value, b)| *value += b);
        let own = row[place as usize];
        sums.loss += softmax(row) - own;
        row[place as usize] -= 1.0;
        sums.residuals.iter_mut().zip(&*row).for_each(|(sum, residual)| *sum += residual);
    }

    fn no_sums(&self, products: usize) -> Sums {
        Sums { loss: 0.0, residuals: vec![0.0; self.n_classes], products: vec![0.0; products] }
    }

    /// Sums over the rows from `first` to `end`, block after block: each is read once.
    fn sums(&self, first: usize, end: usize, weights: &[f64], intercepts: &[f64]) -> Sums {
        let (d, k) = (self.train.n_features(), self.n_classes);
        let mut sums = self.no_sums(k * d);
        let mut rows = Vec::new();
        let mut residuals = Vec::new();
        for start in (first..end).step_by(FEW_ROWS) {
            let n = FEW_ROWS.min(end - start);
            rows.clear();
            let values = &self.train.as_slice()[start * d..][..n * d];
            self.standardizer.extend(values, &mut rows);
            residuals.resize(n * k, 0.0);
            products(&rows, weights, &mut residuals, (n, k, d));
            for (row, &place) in residuals.chunks_exact_mut(k).zip(&self.places[start..]) {
                self.residual(row, intercepts, place, &mut sums);
            }
            add_weighted_rows(&residuals, &rows, &mut sums.products, (n, k, d));
        }
        sums
    }
}

impl Objective for Logistic<'_> {
    fn at(&self, point: &[f64]) -> Result<(f64, Vec<f64>)> {
        let (weights, intercepts) = point.split_at(point.len() - self.n_classes);
        let n = self.places.len();
        let size = n.div_ceil(self.n_parts()).next_multiple_of(FEW_ROWS);
        let starts: Vec<usize> = (0..n).step_by(size).collect();
        let mut sums: Vec<Sums> = starts
            .into_par_iter()
            .map(|first| self.sums(first, n.min(first + size), weights, intercepts))
            .collect();
        let mut products = std::mem::take(&mut sums[0].products);
        for part in &sums[1..] {
            products.iter_mut().zip(&part.products).for_each(|(sum, value)| *sum += value);
        }
        Ok(self.total(&sums, products, weights))
    }

    fn preconditioned(&self, v: &[f64]) -> Vec<f64> {
        let k = self.n_classes;
        let d = v.len() / k - 1;
        let weights = Mat::from_fn(d, k, |feature, class| v[class * d + feature]);
        let solved = self.curvature.solve(&weights);
        let n = self.places.len() as f64;
        let solved = &solved;
        let of_weights =
            (0..k).flat_map(|class| (0..d).map(move |feature| solved[(feature, class)]));
        of_weights.chain(v[k * d..].iter().map(|b| 2.0 * b / n)).collect()
    }
}

impl Objective for OnDevice<'_> {
    fn at(&self, point: &[f64]) -> Result<(f64, Vec<f64>)> {
        let k = self.fit.n_classes;
        let (weights, intercepts) = point.split_at(point.len() - k);
        let single: Vec<f32> = weights.iter().map(|&weight| weight as f32).collect();
        let mut residuals = self.rows.projected(self.device, &single)?;
        let places = self.fit.places.par_chunks(BLOCK_ROWS);
        let sums: Vec<Sums> = residuals
            .par_chunks_mut(BLOCK_ROWS * k)
            .zip(places)
            .map(|(rows, places)| {
                let mut sums = self.fit.no_sums(0);
                let mut row = vec![0.0; k];
                for (values, &place) in rows.chunks_exact_mut(k).zip(places) {
                    row.iter_mut().zip(&*values).for_each(|(to, &value)| *to = value.into());
                    self.fit.residual(&mut row, intercepts, place, &mut sums);
                    values.iter_mut().zip(&row).for_each(|(to, &value)| *to = value as f32);
                }
                sums
            })
            .collect();
        let products = self.rows.crossed(self.device, &residuals, k)?;
        Ok(self.fit.total(&sums, products, weights))
    }

    fn preconditioned(&self, v: &[f64]) -> Vec<f64> {
        self.fit.preconditioned(v)
    }
}

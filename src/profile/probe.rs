//! Linear probes: how well the classes can be read off a layer by a linear classifier.
//!
//! Reference: G. Alain and Y. Bengio, "Understanding intermediate layers using linear classifier
//! probes", arXiv 1610.01644. The probe is multinomial logistic regression on the standardised
//! columns of the layer,
//! min over W, b of -sum_i log softmax(W x_i + b)\[y_i\] + |W|^2 / (2 C), with b free: strictly
//! convex in W, so that there is one optimum. With C = 1 it is scikit-learn's
//! `LogisticRegression`, for two classes with twice its C, since both classes have weights here.
//! O(n d k) a step for d columns and k classes. On Fashion-MNIST's layers it takes 70 to 170 steps to
//! the default tolerance.

use super::classes::PresentClasses;
use super::cross_products::scatter;
use super::logistic::{FEW_ROWS, Logistic, OnDevice, factor};
use super::minimum::{Minimum, minimize};
use super::probabilities::{Probabilities, softmax};
use super::standardized::Standardizer;
use crate::compute::Device;
use crate::embedding::pca::rows::Rows;
use crate::embedding::pca::{FittedPca, Pca};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::products;
use crate::progress::Observer;
use crate::random::Random;
use faer::Mat;
use rayon::prelude::*;
use std::borrow::Cow;

/// Gradient of the mean loss down to which single precision goes; double precision goes on.
const SINGLE_TOL: f64 = 1e-5;
/// Maximum number of columns; wider layers are projected onto [`N_COMPONENTS`] principal
/// components first.
pub const MAX_FEATURES: usize = 4096;
/// Principal components that stand for a wider layer.
pub const N_COMPONENTS: usize = 512;
/// Streams of the random numbers of the folds and of the shuffled labels.
const FOLDS_STREAM: u64 = 0x70_726f_6265;
const CONTROL_STREAM: u64 = 0x70_726f_6266;

/// Parameters of a linear probe.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearProbe {
    /// Inverse of the regularisation's strength, above 0. Default 1.
    pub c: f64,
    /// Largest entry of the gradient of the mean loss at which the fit ends, above 0. Default
    /// 1e-4, scikit-learn's.
    pub tol: f64,
    /// Maximum number of steps. Default 500.
    pub max_iter: usize,
}

impl Default for LinearProbe {
    fn default() -> Self {
        Self { c: 1.0, tol: 1e-4, max_iter: MAX_ITER }
    }
}

/// Steps of a fit.
const MAX_ITER: usize = 500;
/// Steps of a fit however costly each is.
const LEAST_ITER: usize = 20;
/// Multiply-adds of a fit: a minute or less on two cores.
const MAX_PRODUCTS: f64 = 5e11;

impl LinearProbe {
    /// The default probe of a layer of n_samples x n_features and so many classes, with fewer steps
    /// at most where each is costly: 1,000 classes would take an hour.
    pub fn within_bounds(n_samples: usize, n_features: usize, n_classes: usize) -> Self {
        let [n, d, k] = [n_samples, n_features, n_classes].map(|size| size as f64);
        // Value and gradient, and twice the two triangles of the curvature.
        let step = (2.0 * n + 4.0 * d) * d * k;
        let steps = (MAX_PRODUCTS / step.max(1.0)) as usize;
        Self { max_iter: steps.clamp(LEAST_ITER, MAX_ITER), ..Self::default() }
    }
}

/// Probabilities of rows by probes that were not fitted on them.
#[derive(Clone, Debug)]
pub struct OutOfSample {
    /// Probabilities of all rows.
    pub probabilities: Probabilities,
    /// `true` if all fits reached their tolerance.
    pub is_converged: bool,
}

/// A layer that is ready for probes.
#[derive(Debug)]
pub struct ProbedLayer<'a> {
    reduction: Option<FittedPca>,
    /// Training rows as they are, or their principal components.
    train: Cow<'a, Matrix>,
    standardizer: Standardizer,
    /// X^T X of the standardised training rows.
    scatter: Mat<f64>,
}

impl<'a> ProbedLayer<'a> {
    /// The layer whose training rows are `train`, n_samples x n_features. Layers of more than
    /// 4,096 columns are projected onto 512 principal components.
    ///
    /// # Errors
    /// [`Error::Data`] for fewer than two rows; any error of the device.
    pub fn new(device: &Device, train: &'a Matrix) -> Result<Self> {
        let (n, d) = (train.n_samples(), train.n_features());
        if n < 2 {
            return Err(Error::Data(format!("a probe needs two rows or more; there are {n}")));
        }
        if d <= MAX_FEATURES {
            return Ok(Self::of_scatter(train, &scatter(device, train)?));
        }
        let n_components = N_COMPONENTS.min(n - 1);
        let pca = Pca { n_components, ..Pca::default() }.fit(device, train)?;
        let products = scatter(device, pca.embedding())?;
        let train = Cow::Owned(pca.embedding().clone());
        Ok(Self { reduction: Some(pca), ..Self::with(train, &products) })
    }

    /// The same of rows whose centred columns have the products `scatter`.
    ///
    /// # Panics
    /// If these are not n_features x n_features.
    pub fn of_scatter(train: &'a Matrix, scatter: &Mat<f64>) -> Self {
        Self::with(Cow::Borrowed(train), scatter)
    }

    fn with(train: Cow<'a, Matrix>, scatter: &Mat<f64>) -> Self {
        let standardizer = Standardizer::of(&train);
        let scales = standardizer.scales();
        let d = train.n_features();
        let scatter = Mat::from_fn(d, d, |i, j| scatter[(i, j)] * scales[i] * scales[j]);
        Self { reduction: None, train, standardizer, scatter }
    }

    /// The training rows as the probes see them, before they are standardised.
    pub fn train(&self) -> &Matrix {
        &self.train
    }

    /// How their columns are standardised.
    pub(super) fn standardizer(&self) -> &Standardizer {
        &self.standardizer
    }

    /// X^T X of the standardised training rows.
    pub(super) fn scatter(&self) -> &Mat<f64> {
        &self.scatter
    }

    fn fitted(&self, classes: Vec<u16>, found: Minimum, n_before: usize) -> FittedProbe {
        let (weights, intercepts) = found.point.split_at(found.point.len() - classes.len());
        FittedProbe {
            classes,
            standardizer: self.standardizer.clone(),
            coefficients: weights.to_vec(),
            intercepts: intercepts.to_vec(),
            objective: found.value,
            n_iter: n_before + found.n_iter,
            is_converged: found.is_converged,
        }
    }

    /// `true` if the layer was projected onto principal components.
    pub fn is_reduced(&self) -> bool {
        self.reduction.is_some()
    }

    /// Other rows of the layer as the probes see them.
    ///
    /// # Errors
    /// [`Error::Data`] for another number of columns; any error of the device.
    pub fn seen<'b>(&self, device: &Device, rows: &'b Matrix) -> Result<Cow<'b, Matrix>> {
        let seen = match &self.reduction {
            Some(pca) => Cow::Owned(pca.transform(device, rows)?),
            None => Cow::Borrowed(rows),
        };
        let (found, expected) = (seen.n_features(), self.train.n_features());
        if found != expected {
            return Err(Error::Data(format!("{found} features, expected {expected}")));
        }
        Ok(seen)
    }
}

/// A fitted linear classifier.
#[derive(Clone, Debug)]
pub struct FittedProbe {
    /// Classes of the training rows, ascending.
    classes: Vec<u16>,
    standardizer: Standardizer,
    /// Weights, n_classes x n_features.
    coefficients: Vec<f64>,
    intercepts: Vec<f64>,
    /// Sum of the training rows' losses and the penalty.
    pub objective: f64,
    /// Steps of the fit.
    pub n_iter: usize,
    /// `true` if the gradient vanished within the tolerance.
    pub is_converged: bool,
}

impl LinearProbe {
    /// Fits the probe to a layer's training rows of these classes.
    ///
    /// # Errors
    /// [`Error::Parameter`] for parameters out of range; [`Error::Data`] for one class, or another
    /// number of labels; any error of the device; [`Error::Interrupted`].
    pub fn fit(
        &self,
        device: &Device,
        layer: &ProbedLayer<'_>,
        labels: &[u16],
        observer: &dyn Observer,
    ) -> Result<FittedProbe> {
        self.fit_rows(device, layer, &layer.train, labels, observer)
    }

    /// Fits the probe to some of the layer's training rows.
    fn fit_rows(
        &self,
        device: &Device,
        layer: &ProbedLayer<'_>,
        train: &Matrix,
        labels: &[u16],
        observer: &dyn Observer,
    ) -> Result<FittedProbe> {
        for (name, value) in [("c", self.c), ("tol", self.tol)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::parameter(name, value, "a number above 0"));
            }
        }
        let classes = PresentClasses::of(labels, train.n_samples())?;
        let (n, d, k) = (train.n_samples(), train.n_features(), classes.present.len());
        let penalty = 1.0 / self.c;
        let fit = Logistic {
            train,
            standardizer: &layer.standardizer,
            places: &classes.places,
            n_classes: k,
            penalty,
            curvature: factor(&layer.scatter, 0.5, penalty)?,
        };
        let n = n as f64;
        // In single precision first, as far as that goes.
        let single = layer.standardizer.single(train)?;
        let rows = Rows::new(device, &single, &vec![0.0; d])?;
        let on_device = OnDevice { fit: &fit, device, rows };
        let start = vec![0.0; k * (d + 1)];
        let tol = self.tol.max(SINGLE_TOL) * n;
        let nearly = minimize(&on_device, start, tol, self.max_iter, observer)?;
        if self.tol >= SINGLE_TOL {
            return Ok(layer.fitted(classes.present, nearly, 0));
        }
        let n_before = nearly.n_iter;
        let found = minimize(&fit, nearly.point, self.tol * n, self.max_iter, observer)?;
        Ok(layer.fitted(classes.present, found, n_before))
    }

    /// Probabilities of the training rows by probes that were not fitted on them: `n_folds` parts
    /// of each class, drawn by `seed`, are predicted by a probe of the others.
    ///
    /// # Errors
    /// Those of [`LinearProbe::fit`].
    pub fn out_of_sample(
        &self,
        device: &Device,
        layer: &ProbedLayer<'_>,
        labels: &[u16],
        n_folds: usize,
        seed: u64,
        observer: &dyn Observer,
    ) -> Result<OutOfSample> {
        let classes = PresentClasses::of(labels, layer.train.n_samples())?.present;
        let folds = folds(labels, n_folds, seed);
        let k = classes.len();
        let mut values = vec![0.0; labels.len() * k];
        let mut is_converged = true;
        for fold in 0..n_folds {
            let part = |is_fitted: bool| -> Vec<usize> {
                (0..labels.len()).filter(|&row| (folds[row] != fold) == is_fitted).collect()
            };
            let (fitted, left_out) = (part(true), part(false));
            if left_out.is_empty() {
                continue;
            }
            let of_fitted: Vec<u16> = fitted.iter().map(|&row| labels[row]).collect();
            // The curvature of all rows bounds that of a part of them.
            let train = layer.train.select(&fitted);
            let probe = self.fit_rows(device, layer, &train, &of_fitted, observer)?;
            is_converged &= probe.is_converged;
            let found = probe.probabilities(&layer.train.select(&left_out));
            for (row, found) in left_out.iter().zip(found.rows_of(&classes)) {
                values[row * k..][..k].copy_from_slice(&found);
            }
        }
        Ok(OutOfSample { probabilities: Probabilities { classes, values }, is_converged })
    }
}

/// A fold of each row: the rows of every class, in random order, are dealt out in turn.
fn folds(labels: &[u16], n_folds: usize, seed: u64) -> Vec<usize> {
    let mut dealt = vec![0_usize; usize::from(labels.iter().copied().max().unwrap_or(0)) + 1];
    let mut folds = vec![0; labels.len()];
    for row in Random::new(seed, FOLDS_STREAM).permutation(labels.len()) {
        let next = &mut dealt[usize::from(labels[row])];
        folds[row] = *next % n_folds;
        *next += 1;
    }
    folds
}

/// The labels in a random order: what a probe learns of them it did not learn from the layer
/// (J. Hewitt and P. Liang, "Designing and interpreting probes with control tasks", 2019).
pub fn shuffled(labels: &[u16], seed: u64) -> Vec<u16> {
    let order = Random::new(seed, CONTROL_STREAM).permutation(labels.len());
    order.into_iter().map(|row| labels[row]).collect()
}

impl FittedProbe {
    /// Probabilities of the classes for rows as [`ProbedLayer::seen`] gives them.
    ///
    /// # Panics
    /// If the rows have another number of columns.
    pub fn probabilities(&self, rows: &Matrix) -> Probabilities {
        let (d, k) = (rows.n_features(), self.classes.len());
        let mut values = vec![0.0; rows.n_samples() * k];
        let blocks = rows.as_slice().par_chunks(FEW_ROWS * d);
        values.par_chunks_mut(FEW_ROWS * k).zip(blocks).for_each(|(out, rows)| {
            let mut double = Vec::with_capacity(rows.len());
            self.standardizer.extend(rows, &mut double);
            products(&double, &self.coefficients, out, (rows.len() / d, k, d));
            for row in out.chunks_exact_mut(k) {
                row.iter_mut().zip(&self.intercepts).for_each(|(value, b)| *value += b);
                softmax(row);
            }
        });
        Probabilities { classes: self.classes.clone(), values }
    }
}

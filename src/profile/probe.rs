//! Linear probes: how well the classes can be read off a layer by a linear classifier.
//!
//! Reference: G. Alain and Y. Bengio, "Understanding intermediate layers using linear classifier
//! probes", arXiv 1610.01644. The probe is multinomial logistic regression on the standardised
//! columns of the layer,
//! min over W, b of -sum_i log softmax(W x_i + b)\[y_i\] + |W|^2 / (2 C), with b free: strictly
//! convex in W, so that there is one optimum. With C = 1 it is scikit-learn's
//! `LogisticRegression`, for two classes with twice its C, since both classes have weights here.
//! Beside it the ridge probe, linear regression of +-1 targets (`RidgeClassifier`, alpha = 1), which
//! has a closed form. O(n d k) an evaluation for d columns and k classes, about 30 evaluations.

use super::cross_products::scatter;
use super::minimum::{Minimum, Objective, minimize};
use super::standardized::Standardizer;
use crate::compute::Device;
use crate::embedding::pca::products::Rows;
use crate::embedding::pca::{FittedPca, Pca};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::{add_weighted_rows, products};
use crate::progress::Observer;
use crate::random::Random;
use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, Side};
use rayon::prelude::*;
use std::borrow::Cow;

/// Number of rows of one task.
const BLOCK_ROWS: usize = 1024;
/// Number of rows that are multiplied at once: they stay in a core's cache.
const FEW_ROWS: usize = 128;
/// Maximum number of parts whose sums are added at the end.
const MOST_PARTS: usize = 32;
/// Gradient of the mean loss down to which single precision goes; double precision goes on.
const SINGLE_TOL: f64 = 1e-5;
/// Maximum number of columns; wider layers are projected onto as many principal components as
/// [`N_COMPONENTS`] first.
pub const MAX_FEATURES: usize = 4096;
/// Principal components that stand for a wider layer.
pub const N_COMPONENTS: usize = 512;
/// Maximum number of partial sums of one product of residuals with rows.
const SUMS: usize = 1 << 25;
/// Maximum number of rows in a fold's block of sums; see [`Rows::crossed`].
const PART_ROWS: usize = 1 << 16;
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
        Self { c: 1.0, tol: 1e-4, max_iter: 500 }
    }
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
    /// [`MAX_FEATURES`] columns are projected onto [`N_COMPONENTS`] principal components.
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

/// Classes among some labels: those that occur, ascending.
#[derive(Clone, Debug, PartialEq)]
struct Classes {
    present: Vec<u16>,
    /// Place of each label among them.
    places: Vec<u32>,
}

impl Classes {
    fn of(labels: &[u16]) -> Result<Self> {
        let mut present = labels.to_vec();
        present.sort_unstable();
        present.dedup();
        if present.len() < 2 {
            return Err(Error::Data(
                "a probe needs two classes or more among the training rows; there is one".into(),
            ));
        }
        let place = |label: &u16| present.partition_point(|class| class < label) as u32;
        Ok(Self { places: labels.iter().map(place).collect(), present })
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

/// Probabilities of classes, row after row.
#[derive(Clone, Debug, PartialEq)]
pub struct Probabilities {
    /// The classes that the columns stand for, ascending.
    pub classes: Vec<u16>,
    /// Their probabilities, n_samples x n_classes.
    pub values: Vec<f64>,
}

impl Probabilities {
    /// Probabilities of the classes 0, 1, ..., the columns of `rows`.
    pub fn of_network(rows: &Matrix) -> Self {
        Self {
            classes: (0..rows.n_features()).map(|class| class as u16).collect(),
            values: rows.as_slice().iter().map(|&value| f64::from(value)).collect(),
        }
    }

    /// The rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.classes.len())
    }

    /// Most probable class of each row; of equals the lower.
    pub fn predictions(&self) -> Vec<u16> {
        self.rows().map(|row| self.classes[argmax(row)]).collect()
    }

    /// Column of a class, if it has one.
    pub fn column(&self, class: u16) -> Option<usize> {
        self.classes.binary_search(&class).ok()
    }

    /// Probability of each row's own class, 0 of classes without a column.
    pub fn of_labels(&self, labels: &[u16]) -> Vec<f64> {
        let own = |(row, &label): (&[f64], &u16)| self.column(label).map_or(0.0, |at| row[at]);
        self.rows().zip(labels).map(own).collect()
    }

    /// Mean of -log of the own class's probability, of the rows whose class has a column; none if
    /// no row has.
    pub fn cross_entropy(&self, labels: &[u16]) -> Option<f64> {
        let known: Vec<f64> = (self.rows().zip(labels))
            .filter_map(|(row, &label)| Some(-row[self.column(label)?].max(1e-300).ln()))
            .collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    }
}

/// What a probe says of every scored point of a layer: its most probable class, and how sure it is.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeAnswers {
    /// One class a point.
    pub classes: Vec<u16>,
    /// Probability of that class, 0 to 1.
    pub confidence: Vec<f64>,
}

impl ProbeAnswers {
    /// Answers by the probabilities of the points.
    pub fn of(found: &Probabilities) -> Self {
        let most = |row: &[f64]| row[argmax(row)];
        Self { classes: found.predictions(), confidence: found.rows().map(most).collect() }
    }
}

/// Place of the largest value; the first of equals.
pub(super) fn argmax(row: &[f64]) -> usize {
    (1..row.len()).fold(0, |best, column| if row[column] > row[best] { column } else { best })
}

/// Share of predictions that are the label, 0 to 1.
pub(super) fn accuracy(predictions: &[u16], labels: &[u16]) -> f64 {
    let right = predictions.iter().zip(labels).filter(|(found, label)| found == label).count();
    right as f64 / labels.len().max(1) as f64
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
        let scatter = &layer.scatter;
        for (name, value) in [("c", self.c), ("tol", self.tol)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::parameter(name, value, "a number above 0"));
            }
        }
        check_labels(train, labels)?;
        let classes = Classes::of(labels)?;
        let (n, d, k) = (train.n_samples(), train.n_features(), classes.present.len());
        let penalty = 1.0 / self.c;
        let fit = Logistic {
            train,
            standardizer: &layer.standardizer,
            places: &classes.places,
            n_classes: k,
            penalty,
            curvature: factor(&Mat::from_fn(d, d, |i, j| {
                0.5 * scatter[(i, j)] + if i == j { penalty } else { 0.0 }
            }))?,
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
    ) -> Result<Probabilities> {
        check_labels(&layer.train, labels)?;
        let classes = Classes::of(labels)?.present;
        let folds = folds(labels, n_folds, seed);
        let k = classes.len();
        let mut values = vec![0.0; labels.len() * k];
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
            let found = probe.probabilities(&layer.train.select(&left_out));
            for (row, found) in left_out.iter().zip(found.rows_of(&classes)) {
                values[row * k..][..k].copy_from_slice(&found);
            }
        }
        Ok(Probabilities { classes, values })
    }
}

impl Probabilities {
    /// The rows with a column for each of `classes`, 0 for one that is not known.
    fn rows_of<'a>(&'a self, classes: &'a [u16]) -> impl Iterator<Item = Vec<f64>> + 'a {
        let columns: Vec<Option<usize>> = classes.iter().map(|&class| self.column(class)).collect();
        self.rows().map(move |row| {
            columns.iter().map(|column| column.map_or(0.0, |column| row[column])).collect()
        })
    }
}

fn check_labels(train: &Matrix, labels: &[u16]) -> Result<()> {
    if train.n_samples() == labels.len() {
        return Ok(());
    }
    Err(Error::Data(format!("{} labels for {} rows", labels.len(), train.n_samples())))
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

/// Turns logits into probabilities, and gives the logarithm of what they were divided by.
pub(super) fn softmax(row: &mut [f64]) -> f64 {
    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    row.iter_mut().for_each(|value| *value = (*value - most).exp());
    let sum: f64 = row.iter().sum();
    row.iter_mut().for_each(|value| *value /= sum);
    most + sum.ln()
}

fn factor(symmetric: &Mat<f64>) -> Result<Llt<f64>> {
    symmetric
        .llt(Side::Lower)
        .map_err(|error| Error::Data(format!("the columns cannot be probed: {error:?}")))
}

/// A fit of logistic regression, its numbers in double precision.
struct Logistic<'a> {
    train: &'a Matrix,
    standardizer: &'a Standardizer,
    places: &'a [u32],
    n_classes: usize,
    penalty: f64,
    /// Of the bound X^T X / 2 + I / C of the curvature (D. Böhning, "Multinomial logistic
    /// regression algorithm", 1992).
    curvature: Llt<f64>,
}

/// The same fit with the products of a device, in single precision.
struct OnDevice<'a> {
    fit: &'a Logistic<'a>,
    device: &'a Device,
    rows: Rows<'a>,
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
        let products = self.products(&residuals)?;
        Ok(self.fit.total(&sums, products, weights))
    }

    fn preconditioned(&self, v: &[f64]) -> Vec<f64> {
        self.fit.preconditioned(v)
    }
}

impl OnDevice<'_> {
    /// Residuals^T X, n_classes x d, some classes at a time so that the partial sums fit.
    fn products(&self, residuals: &[f32]) -> Result<Vec<f64>> {
        let (d, k) = (self.fit.train.n_features(), self.fit.n_classes);
        let n_blocks = self.fit.places.len().min(PART_ROWS).div_ceil(BLOCK_ROWS);
        let at_once = (SUMS / (d * n_blocks)).clamp(1, k);
        if at_once == k {
            return self.rows.crossed(self.device, residuals, k);
        }
        let mut all = Vec::with_capacity(k * d);
        for first in (0..k).step_by(at_once) {
            let columns = first..k.min(first + at_once);
            let some: Vec<f32> =
                residuals.chunks_exact(k).flat_map(|row| &row[columns.clone()]).copied().collect();
            all.extend(self.rows.crossed(self.device, &some, columns.len())?);
        }
        Ok(all)
    }
}

/// Classes that the ridge probe of a layer's training rows gives to `queries`, rows as
/// [`ProbedLayer::seen`] gives them.
///
/// # Errors
/// [`Error::Data`] for one class.
pub fn ridge_predictions(
    layer: &ProbedLayer<'_>,
    labels: &[u16],
    alpha: f64,
    queries: &Matrix,
) -> Result<Vec<u16>> {
    check_labels(&layer.train, labels)?;
    let classes = Classes::of(labels)?;
    let (d, k) = (layer.train.n_features(), classes.present.len());
    let n = labels.len() as f64;
    // The columns of the rows have mean 0, so that the targets +-1 act as 0 and 2.
    let mut sums = Mat::<f64>::zeros(d, k);
    let mut counts = vec![0.0; k];
    let mut row = Vec::with_capacity(d);
    for (values, &place) in layer.train.rows().zip(&classes.places) {
        row.clear();
        layer.standardizer.extend(values, &mut row);
        let mut of_class = sums.col_mut(place as usize);
        row.iter().enumerate().for_each(|(at, value)| of_class[at] += 2.0 * value);
        counts[place as usize] += 1.0;
    }
    let curvature = factor(&Mat::from_fn(d, d, |i, j| {
        layer.scatter[(i, j)] + if i == j { alpha } else { 0.0 }
    }))?;
    let weights = curvature.solve(&sums);
    let axes: Vec<f64> =
        (0..k).flat_map(|class| weights.col(class).iter().copied().collect::<Vec<_>>()).collect();
    let blocks = queries.as_slice().par_chunks(FEW_ROWS * d);
    let found: Vec<Vec<u16>> = blocks
        .map(|rows| {
            let mut double = Vec::with_capacity(rows.len());
            layer.standardizer.extend(rows, &mut double);
            let mut scores = vec![0.0; rows.len() / d * k];
            products(&double, &axes, &mut scores, (rows.len() / d, k, d));
            let best = |scores: &mut [f64]| {
                scores.iter_mut().zip(&counts).for_each(|(to, count)| *to += 2.0 * count / n);
                classes.present[argmax(scores)]
            };
            scores.chunks_exact_mut(k).map(best).collect()
        })
        .collect();
    Ok(found.concat())
}

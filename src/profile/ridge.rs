//! The ridge probe: linear regression of targets that are 1 for the own class and -1 for others, as
//! scikit-learn's `RidgeClassifier`. It has a closed form.

use super::logistic::{FEW_ROWS, factor};
use super::probe::ProbedLayer;
use super::separation::ClassMeans;
use crate::error::Result;
use crate::matrix::{Matrix, argmax};
use crate::neighbors::products;
use faer::Mat;
use faer::linalg::solvers::Solve;
use rayon::prelude::*;

/// Classes that the ridge probe of a layer's training rows gives to `queries`, rows as
/// [`ProbedLayer::seen`] gives them; `alpha` is the strength of the penalty, above 0.
///
/// # Errors
/// [`Error::Data`](crate::Error::Data) for one class, or another number of labels.
pub fn ridge_predictions(
    layer: &ProbedLayer<'_>,
    labels: &[u16],
    alpha: f64,
    queries: &Matrix,
) -> Result<Vec<u16>> {
    let means = ClassMeans::of(layer.train(), labels)?;
    let (d, k) = (layer.train().n_features(), means.classes.len());
    let n = labels.len() as f64;
    // The columns have mean 0, so that the targets act as 2 and 0: X^T Y is twice the sum of each
    // class's rows.
    let standard = layer.standardizer();
    let sums = Mat::from_fn(d, k, |at, class| {
        2.0 * means.counts[class] as f64 * standard.of_value(at, means.mean(class)[at])
    });
    let weights = factor(layer.scatter(), 1.0, alpha)?.solve(&sums);
    let axes: Vec<f64> =
        (0..k).flat_map(|class| weights.col(class).iter().copied().collect::<Vec<_>>()).collect();
    let blocks = queries.as_slice().par_chunks(FEW_ROWS * d);
    let found: Vec<Vec<u16>> = blocks
        .map(|rows| {
            let mut double = Vec::with_capacity(rows.len());
            standard.extend(rows, &mut double);
            let mut scores = vec![0.0; rows.len() / d * k];
            products(&double, &axes, &mut scores, (rows.len() / d, k, d));
            let best = |scores: &mut [f64]| {
                let counts = scores.iter_mut().zip(&means.counts);
                counts.for_each(|(score, &count)| *score += 2.0 * count as f64 / n);
                means.classes[argmax(scores)]
            };
            scores.chunks_exact_mut(k).map(best).collect()
        })
        .collect();
    Ok(found.concat())
}

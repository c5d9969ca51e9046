//! The last hidden layer beside the output layer that takes its values: the two parts of neural
//! collapse that concern both (V. Papyan, X. Han and D. Donoho, "Prevalence of neural collapse
//! during the terminal phase of deep learning training", 2020).
//!
//! With the weights W of the output layer, n_features x n_classes, and the class means M about the
//! mean of the class means, n_classes x n_features:
//!
//! - NC3, self-duality: |W^T / |W| - M / |M||^2 in Frobenius norms, from 0 to 4;
//! - NC4: the share of the training points whose nearest class mean is not the network's answer.

use super::separation::ClassMeans;
use crate::error::{Error, Result};
use crate::matrix::Matrix;

/// What is known of the output layer of a network. Its biases play no part.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutputLayer<'a> {
    /// Its weights, n_features x n_classes, if they are known.
    pub weights: Option<&'a Matrix>,
    /// Answers of the network for the training points, if they are known.
    pub predictions: Option<&'a [u16]>,
}

impl OutputLayer<'_> {
    /// NC3 of the hidden layer whose class means these are; lower is better.
    ///
    /// # Errors
    /// [`Error::Data`] for weights that are not known, or that are of other classes or of another
    /// width than the means; for weights that are all 0, and for class means that are all the same.
    pub fn self_duality(&self, means: &ClassMeans) -> Result<f64> {
        let Some(weights) = self.weights else {
            let reason = "no weights of an output layer that takes its values are known";
            return Err(Error::Data(reason.into()));
        };
        let (d, n_classes) = (weights.n_samples(), weights.n_features());
        if d != means.n_features() {
            let found = means.n_features();
            return Err(Error::Data(format!(
                "the output layer takes {d} values, this layer has {found}"
            )));
        }
        if n_classes != means.classes.len() {
            let found = means.classes.len();
            return Err(Error::Data(format!(
                "the output layer has {n_classes} units, {found} classes have training points"
            )));
        }
        let centred = means.about(&vec![1.0 / n_classes as f64; n_classes]);
        let kernel = weights.as_slice();
        let weight = |at: usize| f64::from(kernel[at % d * n_classes + at / d]);
        let norm = |values: &dyn Fn(usize) -> f64| {
            (0..centred.len()).map(|at| values(at).powi(2)).sum::<f64>().sqrt()
        };
        let (of_weights, of_means) = (norm(&weight), norm(&|at| centred[at]));
        if of_weights <= 0.0 {
            return Err(Error::Data("the weights of the output layer are all 0".into()));
        }
        if of_means <= 0.0 {
            return Err(Error::Data("the means of all classes are the same".into()));
        }
        let difference = |at: usize| weight(at) / of_weights - centred[at] / of_means;
        Ok((0..centred.len()).map(|at| difference(at).powi(2)).sum())
    }

    /// NC4 of the hidden layer whose training points are `x`, n_samples x n_features, from 0 to 1;
    /// lower is better.
    ///
    /// # Errors
    /// [`Error::Data`] for answers that are not known, or not one for each point.
    pub fn disagreement(&self, x: &Matrix, means: &ClassMeans) -> Result<f64> {
        let Some(answers) = self.predictions else {
            let reason = "the network's answers for the training points are not known";
            return Err(Error::Data(reason.into()));
        };
        let (n, found) = (x.n_samples(), answers.len());
        if found != n {
            return Err(Error::Data(format!("{found} answers for {n} rows")));
        }
        let nearest = means.nearest(x);
        let differ = nearest.iter().zip(answers).filter(|(mean, answer)| mean != answer);
        Ok(differ.count() as f64 / n as f64)
    }
}

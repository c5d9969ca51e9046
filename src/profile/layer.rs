//! All measures of one layer.

use super::Outcome;
use super::cross_products;
use super::dimension::{IntrinsicDimension, Spectrum};
use super::output_layer::OutputLayer;
use super::probabilities::{ProbeAnswers, accuracy};
use super::probe::{LinearProbe, MAX_FEATURES, N_COMPONENTS, ProbedLayer, shuffled};
use super::ridge::ridge_predictions;
use super::separation::{ClassMeans, Separation};
use crate::clustering::silhouette;
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::evaluation::Confusion;
use crate::matrix::Matrix;
use crate::neighbors::NeighborGraph;
use crate::progress::Observer;
use faer::Mat;
use serde::{Deserialize, Serialize};

/// Points whose silhouette is computed at most.
const SILHOUETTES: usize = 1000;
/// Strength of the ridge probe's penalty: scikit-learn's default.
const ALPHA: f64 = 1.0;
/// Folds by which the training points are scored where there are no test points.
pub const N_FOLDS: usize = 5;

/// Scores of a linear probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeScores {
    /// Share of the scored points whose class was found, 0 to 1.
    pub accuracy: f64,
    /// The same of each class; none for a class without points.
    pub per_class: Vec<Option<f64>>,
    /// Mean -log probability of the scored points' classes; none if none of their classes was
    /// fitted.
    pub cross_entropy: Option<f64>,
    /// Share of the fitted points whose class was found, 0 to 1.
    pub train_accuracy: f64,
    /// Accuracy of a probe that was fitted to shuffled labels, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub control_accuracy: Option<f64>,
    /// Steps of the fit.
    pub n_iter: usize,
    /// `true` if the fit reached its tolerance.
    pub is_converged: bool,
    /// `true` if the layer is so wide that its principal components were probed instead.
    pub is_reduced: bool,
    /// Accuracy of the ridge probe, 0 to 1.
    pub ridge_accuracy: f64,
    /// Accuracy of the nearest class mean, 0 to 1.
    pub nearest_mean_accuracy: f64,
}

/// Measures of one layer; see [`MEASURES`](super::MEASURES).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerProfile {
    /// Name of the space: `raw`, `layer_1`, ...
    pub space: String,
    /// Columns of the layer.
    pub n_features: usize,
    /// k-NN accuracy of [`COMPARED_NEIGHBORS`](crate::evaluation::COMPARED_NEIGHBORS) neighbours
    /// on the scored points, 0 to 1, if it is known.
    pub knn_accuracy: Option<f64>,
    /// The linear probe, the ridge probe and the nearest class mean.
    pub probe: Outcome<ProbeScores>,
    /// Spectrum of the training points.
    pub spectrum: Outcome<Spectrum>,
    /// Intrinsic dimension of the training points.
    pub intrinsic_dimension: Outcome<IntrinsicDimension>,
    /// Separation of the training points' classes.
    pub separation: Outcome<Separation>,
    /// NC3, of the last hidden layer alone; see [`OutputLayer::self_duality`].
    #[serde(default = "not_measured")]
    pub self_duality: Outcome<f64>,
    /// NC4, of the last hidden layer alone; see [`OutputLayer::disagreement`].
    #[serde(default = "not_measured")]
    pub disagreement: Outcome<f64>,
    /// Mean silhouette of the scored points by their classes, -1 to 1; of at most 1,000, drawn by
    /// the seed.
    pub silhouette: Outcome<f64>,
    /// The same of each class; none for a class without points among them, and no class at all
    /// where the whole is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silhouette_per_class: Vec<Option<f64>>,
}

/// In place of a measure that is newer than the run.
fn not_measured() -> Outcome<f64> {
    Outcome::Unknown("the version that made this run did not measure it".into())
}

impl LayerProfile {
    /// Warnings about its measures, in sentences.
    pub fn warnings(&self) -> Vec<String> {
        let Outcome::Known(probe) = &self.probe else { return Vec::new() };
        let mut warnings = Vec::new();
        let space = &self.space;
        if !probe.is_converged {
            let steps = probe.n_iter;
            warnings.push(format!(
                "the linear probe of {space} did not reach its tolerance in {steps} steps: its \
                 accuracy may be too low"
            ));
        }
        if probe.is_reduced {
            let d = self.n_features;
            warnings.push(format!(
                "{space} has {d} columns: its {N_COMPONENTS} leading principal components were \
                 probed"
            ));
        }
        warnings
    }
}

/// A layer to measure.
#[derive(Clone, Copy, Debug)]
pub struct ProfiledLayer<'a> {
    /// Name of the space.
    pub space: &'a str,
    /// Training points, n_samples x n_features.
    pub train: &'a Matrix,
    /// Their classes.
    pub train_labels: &'a [u16],
    /// Test points with their classes, if there are any.
    pub test: Option<(&'a Matrix, &'a [u16])>,
    /// Neighbours of the training points among themselves, if they are known.
    pub neighbors: Option<&'a NeighborGraph>,
    /// k-NN accuracy on the scored points, if it is known.
    pub knn_accuracy: Option<f64>,
    /// The output layer of the network, if this is the hidden layer that it takes.
    pub output: Option<OutputLayer<'a>>,
    /// `true` to fit a probe to shuffled labels as well.
    pub control: bool,
    /// Seed of the folds and of the shuffled labels.
    pub random_state: u64,
}

impl ProfiledLayer<'_> {
    /// Computes all measures, and gives the answers of the linear probe for the scored points, if
    /// there is a probe.
    ///
    /// # Errors
    /// Any error of the device; [`Error::Interrupted`].
    pub fn measure(
        &self,
        device: &Device,
        observer: &dyn Observer,
    ) -> Result<(LayerProfile, Option<ProbeAnswers>)> {
        let means = ClassMeans::of(self.train, self.train_labels);
        let separation = means
            .as_ref()
            .map_err(copied)
            .and_then(|means| Separation::of(self.train, self.train_labels, means));
        // Of the probe and of the spectrum.
        let scatter = Outcome::of(self.scatter(device))?;
        let scatter = || match &scatter {
            Outcome::Known(products) => Ok(products.as_ref()),
            Outcome::Unknown(reason) => Err(Error::Data(reason.clone())),
        };
        let probe = scatter().and_then(|products| {
            self.probe(device, means.as_ref().map_err(copied)?, products, observer)
        });
        let (probe, answers) = match Outcome::of(probe)? {
            Outcome::Known((scores, answers)) => (Outcome::Known(scores), Some(answers)),
            Outcome::Unknown(reason) => (Outcome::Unknown(reason), None),
        };
        let (n, d) = (self.train.n_samples(), self.train.n_features());
        let spectrum = scatter().and_then(|products| match products {
            Some(products) if d <= n => Spectrum::of_scatter(products, n),
            _ => Spectrum::of(device, self.train),
        });
        let graph =
            self.neighbors.ok_or_else(|| Error::Data("its neighbours were not searched".into()));
        let output = |of: &dyn Fn(OutputLayer<'_>, &ClassMeans) -> Result<f64>| {
            of(self.last_hidden()?, means.as_ref().map_err(copied)?)
        };
        let self_duality = output(&|output, means| output.self_duality(means));
        let disagreement = output(&|output, means| output.disagreement(self.train, means));
        let (silhouette, silhouette_per_class) =
            match Outcome::of(self.silhouette(device, observer))? {
                Outcome::Known((mean, per_class)) => (Outcome::Known(mean), per_class),
                Outcome::Unknown(reason) => (Outcome::Unknown(reason), Vec::new()),
            };
        let profile = LayerProfile {
            space: self.space.into(),
            n_features: self.train.n_features(),
            knn_accuracy: self.knn_accuracy,
            probe,
            spectrum: Outcome::of(spectrum)?,
            intrinsic_dimension: Outcome::of(graph.and_then(IntrinsicDimension::of))?,
            separation: Outcome::of(separation)?,
            self_duality: Outcome::of(self_duality)?,
            disagreement: Outcome::of(disagreement)?,
            silhouette,
            silhouette_per_class,
        };
        Ok((profile, answers))
    }

    /// The output layer, if this is the last hidden layer.
    fn last_hidden(&self) -> Result<OutputLayer<'_>> {
        let reason = "NC3 and NC4 describe the last hidden layer alone";
        self.output.ok_or_else(|| Error::Data(reason.into()))
    }

    /// Products of the training points' columns, where they are not too many.
    fn scatter(&self, device: &Device) -> Result<Option<Mat<f64>>> {
        let (n, d) = (self.train.n_samples(), self.train.n_features());
        (n > 1 && d <= MAX_FEATURES)
            .then(|| cross_products::scatter(device, self.train))
            .transpose()
    }

    fn probe(
        &self,
        device: &Device,
        means: &ClassMeans,
        scatter: Option<&Mat<f64>>,
        observer: &dyn Observer,
    ) -> Result<(ProbeScores, ProbeAnswers)> {
        let layer = match scatter {
            Some(scatter) => ProbedLayer::of_scatter(self.train, scatter),
            None => ProbedLayer::new(device, self.train)?,
        };
        let (n, d) = (layer.train().n_samples(), layer.train().n_features());
        let linear = LinearProbe::within_bounds(n, d, means.classes.len());
        let fitted = linear.fit(device, &layer, self.train_labels, observer)?;
        let of_train = fitted.probabilities(layer.train()).predictions();
        let test = self
            .test
            .map(|(x, labels)| Ok::<_, Error>((x, layer.seen(device, x)?, labels)))
            .transpose()?;
        let seed = self.random_state;
        let left_out =
            |labels: &[u16]| linear.out_of_sample(device, &layer, labels, N_FOLDS, seed, observer);
        let (found, labels) = match &test {
            Some((_, rows, labels)) => (fitted.probabilities(rows), *labels),
            None => (left_out(self.train_labels)?.probabilities, self.train_labels),
        };
        let predictions = found.predictions();
        let n_classes =
            labels.iter().chain(self.train_labels).max().map_or(0, |&most| usize::from(most) + 1);
        let control_accuracy = self
            .control
            .then(|| {
                let control = shuffled(self.train_labels, seed);
                let (found, labels) = match &test {
                    Some((_, rows, labels)) => {
                        let probe = linear.fit(device, &layer, &control, observer)?;
                        (probe.probabilities(rows), shuffled(labels, seed))
                    }
                    None => (left_out(&control)?.probabilities, control),
                };
                Ok::<_, Error>(accuracy(&found.predictions(), &labels))
            })
            .transpose()?;
        let queries = test.as_ref().map_or(layer.train(), |(_, rows, _)| &**rows);
        let ridge = ridge_predictions(&layer, self.train_labels, ALPHA, queries)?;
        let nearest = means.nearest(test.as_ref().map_or(self.train, |(x, ..)| x));
        let scores = ProbeScores {
            accuracy: accuracy(&predictions, labels),
            per_class: Confusion::new(labels, &predictions, n_classes)?.per_class(),
            cross_entropy: found.cross_entropy(labels),
            train_accuracy: accuracy(&of_train, self.train_labels),
            control_accuracy,
            n_iter: fitted.n_iter,
            is_converged: fitted.is_converged,
            is_reduced: layer.is_reduced(),
            ridge_accuracy: accuracy(&ridge, labels),
            nearest_mean_accuracy: accuracy(&nearest, labels),
        };
        Ok((scores, ProbeAnswers::of(&found)))
    }

    /// Mean silhouette, and that of each class.
    fn silhouette(
        &self,
        device: &Device,
        observer: &dyn Observer,
    ) -> Result<(f64, Vec<Option<f64>>)> {
        let (x, labels) = self.test.unwrap_or((self.train, self.train_labels));
        let labels: Vec<i32> = labels.iter().map(|&label| i32::from(label)).collect();
        if labels.windows(2).all(|pair| pair[0] == pair[1]) {
            return Err(Error::Data("the scored points have one class".into()));
        }
        let n = x.n_samples();
        let sample = (n > SILHOUETTES).then_some((SILHOUETTES, self.random_state));
        let found = silhouette::silhouette_samples(device, x, &labels, sample, observer)?;
        let classes: Vec<i32> = (0..=labels.iter().copied().max().unwrap_or(0)).collect();
        Ok((found.score(), found.by_group(&labels, &classes)))
    }
}

/// An error of the data once more.
fn copied(error: &Error) -> Error {
    Error::Data(error.to_string())
}

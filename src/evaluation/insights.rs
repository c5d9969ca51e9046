//! Insights: the classes that gain by the layers, the pairs that stay confused, the method that
//! keeps most.

use super::{Confusion, Gain, MetricRanking, Pair, ScoredOn, gains};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Pairs of classes that [`Insights`] names of each space.
const PAIRS: usize = 10;

/// The classes that one classifier gave to the scored points.
#[derive(Clone, Debug)]
pub struct Predictions {
    /// The space in which k-NN classified; none for the network itself.
    pub space: Option<String>,
    /// The method whose map of that space it was, or none for the space itself.
    pub method: Option<String>,
    /// One class a point.
    pub classes: Vec<u16>,
}

/// Confusion matrix of one classifier.
#[derive(Clone, Debug, PartialEq)]
pub struct Confused {
    /// As in [`Predictions`].
    pub space: Option<String>,
    /// As in [`Predictions`].
    pub method: Option<String>,
    /// Every count.
    pub confusion: Confusion,
}

/// Per-class accuracies of k-NN from the first space to the last, in the spaces themselves or in
/// one method's maps of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerGains {
    /// The method, or none for the spaces themselves.
    pub method: Option<String>,
    /// The spaces, from the first on.
    pub spaces: Vec<String>,
    /// The classes that have points, those that gain most first.
    pub classes: Vec<Gain>,
}

/// The pairs of classes that one classifier confuses most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfusedPairs {
    /// As in [`Predictions`].
    pub space: Option<String>,
    /// As in [`Predictions`].
    pub method: Option<String>,
    /// Share of the points that were given their class.
    pub accuracy: f64,
    /// Classes taken for each other: at most ten.
    pub symmetric: Vec<Pair>,
    /// Classes taken for others: at most ten.
    pub directed: Vec<Pair>,
}

/// Gains, confused pairs and metric rankings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Insights {
    /// Neighbours that voted.
    pub n_neighbors: usize,
    /// Points that were classified.
    pub n_scored: usize,
    /// The part of the data that they belong to.
    pub scored_on: ScoredOn,
    /// Of the spaces themselves first, then method by method.
    pub gains: Vec<LayerGains>,
    /// Of the network first, if its predictions are known.
    pub confused_pairs: Vec<ConfusedPairs>,
    /// By measure.
    #[serde(rename = "verdicts")]
    pub rankings: Vec<MetricRanking>,
}

/// The confusions of all predictions about points whose classes are `truth`.
///
/// # Errors
/// As [`Confusion::new`].
pub fn confusions(
    truth: &[u16],
    predictions: &[Predictions],
    n_classes: usize,
) -> Result<Vec<Confused>> {
    let confused = |predictions: &Predictions| {
        let confusion = Confusion::new(truth, &predictions.classes, n_classes)?;
        Ok(Confused {
            space: predictions.space.clone(),
            method: predictions.method.clone(),
            confusion,
        })
    };
    predictions.iter().map(confused).collect()
}

impl Insights {
    /// Draws the conclusions from the `confusions` of k-NN of `n_neighbors`, in the order of the
    /// spaces, and of the network.
    pub fn new(
        n_neighbors: usize,
        scored_on: ScoredOn,
        confusions: &[Confused],
        rankings: Vec<MetricRanking>,
    ) -> Self {
        let mut methods: Vec<Option<&str>> = Vec::new();
        for confused in confusions.iter().filter(|confused| confused.space.is_some()) {
            if !methods.contains(&confused.method.as_deref()) {
                methods.push(confused.method.as_deref());
            }
        }
        let pairs = |confused: &Confused| {
            let mut symmetric = confused.confusion.symmetric();
            let mut directed = confused.confusion.directed();
            symmetric.truncate(PAIRS);
            directed.truncate(PAIRS);
            let accuracy = confused.confusion.accuracy();
            ConfusedPairs {
                space: confused.space.clone(),
                method: confused.method.clone(),
                accuracy,
                symmetric,
                directed,
            }
        };
        Self {
            n_neighbors,
            n_scored: confusions
                .first()
                .map_or(0, |confused| confused.confusion.sizes().iter().sum()),
            scored_on,
            gains: methods.into_iter().map(|method| layer_gains(method, confusions)).collect(),
            confused_pairs: confusions.iter().map(pairs).collect(),
            rankings,
        }
    }
}

fn layer_gains(method: Option<&str>, confusions: &[Confused]) -> LayerGains {
    let of_method = || {
        confusions
            .iter()
            .filter(|confused| confused.method.as_deref() == method && confused.space.is_some())
    };
    let accuracy: Vec<_> = of_method().map(|confused| confused.confusion.per_class()).collect();
    let sizes = of_method().next().map_or(Vec::new(), |confused| confused.confusion.sizes());
    LayerGains {
        method: method.map(str::to_owned),
        spaces: of_method().filter_map(|confused| confused.space.clone()).collect(),
        classes: gains(&accuracy, &sizes),
    }
}

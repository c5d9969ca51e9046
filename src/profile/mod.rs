//! The layer profile: what each layer knows, in numbers.
//!
//! [`LayerProfile`] holds the measures of one layer, [`Profile`] those of all layers together, and
//! [`MEASURES`] says what each is called, what it means and how it is read: tables, files, figure
//! and page walk it. What cannot be computed has a reason in place of a value ([`Outcome`]).

mod calibration;
mod classes;
#[doc(hidden)]
pub mod cross_products;
mod data_map;
pub mod depth;
mod dimension;
mod label_errors;
mod layer;
mod logistic;
mod look_at;
mod measure;
mod minimum;
pub mod odd;
mod output_layer;
mod over_epochs;
mod points;
mod probabilities;
mod probe;
mod ridge;
mod separation;
mod similarity;
mod standardized;
mod strangers;
mod words;

pub use calibration::{Bin, Calibration};
pub use data_map::{DataMap, DataMapSummary};
pub use depth::{PredictionDepth, prediction_depths};
pub use dimension::{IntrinsicDimension, N_NEIGHBORS as DIMENSION_NEIGHBORS, Spectrum};
pub use label_errors::{LabelIssue, Rule, label_issues};
pub use layer::{LayerProfile, N_FOLDS, ProbeScores, ProfiledLayer};
pub use look_at::{Listed, Look, Reason, Sources, look_at};
pub use measure::{Better, MEASURES, Measure, measure};
pub use output_layer::OutputLayer;
pub use over_epochs::{EpochProfile, epoch_findings};
pub use points::PointMeasures;
pub(crate) use probabilities::accuracy;
pub use probabilities::{Probabilities, ProbeAnswers};
pub use probe::{FittedProbe, LinearProbe, OutOfSample, ProbedLayer};
pub use ridge::ridge_predictions;
pub use separation::{ClassMeans, Separation};
pub use similarity::{ComparedLayer, CrossSimilarities, Similarities, Similarity, compared_rows};
pub use strangers::{
    Detection, N_NEIGHBORS as STRANGER_NEIGHBORS, Noticed, StrangerScores, Strangers,
    TRUE_POSITIVE_RATE,
};
pub use words::{findings, model_findings};

use crate::error::{Error, Result};
use crate::evaluation::ScoredOn;
use serde::{Deserialize, Serialize};

/// A result, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome<T> {
    /// The result.
    Known(T),
    /// Why there is none.
    Unknown(String),
}

impl<T> Outcome<T> {
    /// The result of a computation; of data that do not allow it, their message.
    ///
    /// # Errors
    /// Errors of other kinds.
    pub fn of(result: Result<T>) -> Result<Self> {
        match result {
            Ok(value) => Ok(Self::Known(value)),
            Err(Error::Data(reason)) => Ok(Self::Unknown(reason)),
            Err(error) => Err(error),
        }
    }

    /// Another result made of this one; a reason stays.
    pub fn map<U>(self, of: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Known(value) => Outcome::Known(of(value)),
            Self::Unknown(reason) => Outcome::Unknown(reason),
        }
    }

    /// The result, if there is one.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// The reason, if there is no result.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(reason) => Some(reason),
        }
    }
}

/// Measures that concern all layers together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The points that were scored.
    pub scored_on: ScoredOn,
    /// Share of them that the network itself classifies rightly, if its answers are known.
    pub network_accuracy: Option<f64>,
    /// Similarity of every layer with every other.
    pub similarities: Outcome<Similarities>,
    /// Depths of the scored points.
    pub prediction_depth: Outcome<PredictionDepth>,
    /// Calibration of the network on the scored points.
    pub calibration: Outcome<Calibration>,
    /// Points of the list to look at, by reason.
    pub look_at: Vec<(Reason, usize)>,
    /// The first scored points of the list.
    #[serde(default)]
    pub first_to_look_at: Vec<Listed>,
    /// Parts of the list that could not be made, and why.
    pub not_looked_at: Vec<String>,
    /// What the measures say, a sentence each.
    pub findings: Vec<String>,
}

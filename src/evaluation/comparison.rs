//! Results of a comparison of two runs.

use super::{Bootstrap, Estimate, ScoredOn};
use serde::{Deserialize, Serialize};

/// One value of both runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ComparedValue {
    /// Of the first run, if it has one.
    pub a: Option<Estimate>,
    /// Of the second run.
    pub b: Option<Estimate>,
    /// The first less the second.
    pub difference: Option<Estimate>,
}

/// Accuracies of one classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccuracyRow {
    /// The space, or none for the networks themselves.
    pub space: Option<String>,
    /// The method whose maps they are, or none for the spaces themselves.
    pub method: Option<String>,
    /// The shares of points that were given their class.
    #[serde(flatten)]
    pub value: ComparedValue,
}

/// Gain of one class in each run: accuracy of k-NN in the last space less that in
/// the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GainRow {
    /// Name of the class.
    pub class: String,
    /// The gains.
    #[serde(flatten)]
    pub value: ComparedValue,
}

/// Rates at which two classes are confused with each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairRow {
    /// The space in which k-NN classified, or none for the networks themselves.
    pub space: Option<String>,
    /// Names of the classes.
    pub classes: [String; 2],
    /// The shares of the points of both classes.
    #[serde(flatten)]
    pub value: ComparedValue,
}

/// One method by one measure: means over the common spaces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasureRow {
    /// The measure.
    pub measure: String,
    /// The method.
    pub method: String,
    /// Of the first run and of the second.
    pub values: [Option<f64>; 2],
    /// `true` if it is the best of its run.
    pub best: [bool; 2],
}

/// Results of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Names of the runs.
    pub names: [String; 2],
    /// Points that were classified in each.
    pub n_scored: [usize; 2],
    /// The part of the data that they belong to.
    pub scored_on: [ScoredOn; 2],
    /// Neighbours that voted.
    pub n_neighbors: usize,
    /// `true` if both scored the same points, so that differences are taken point by point.
    pub paired: bool,
    /// `true` if both have the same classes, so that these can be compared one by one.
    pub same_classes: bool,
    /// Parameters of the intervals.
    pub bootstrap: Bootstrap,
    /// In the spaces and maps that both have.
    pub accuracies: Vec<AccuracyRow>,
    /// By class, by name; a class that one run lacks has no value in it.
    pub gains: Vec<GainRow>,
    /// The pairs that either run confuses most.
    pub pairs: Vec<PairRow>,
    /// Ranks of the methods by each measure.
    pub measures: Vec<MeasureRow>,
    /// Which of the two is right, point by point, if both scored the same points.
    #[serde(default)]
    pub agreement: Option<Agreement>,
}

/// How many points two runs are right about: the networks, or where an answer of one is not known,
/// k-NN in the last space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Points that both are right about.
    pub both: usize,
    /// Points that the first run alone is right about.
    pub only_a: usize,
    /// Points that the second run alone is right about.
    pub only_b: usize,
    /// Points that both are wrong about.
    pub neither: usize,
}

//! Scores of spaces and maps by the classes, and quality of a map compared with its space.

mod bootstrap;
mod comparison;
mod confusion;
mod gains;
pub mod global_score;
mod insights;
mod knn_classifier;
mod map_id;
mod measured;
pub mod metric;
mod model_row;
pub mod orders;
mod over_fitting;
pub mod quality;
mod ranking;
#[doc(hidden)]
pub mod ranks;
mod trustworthiness;

pub use bootstrap::{Bootstrap, Estimate, Interval};
pub use comparison::{
    AccuracyRow, Agreement, ComparedValue, Comparison, GainRow, MeasureRow, PairRow,
};
pub use confusion::{Confusion, Pair};
pub use gains::{Gain, gains};
pub use insights::{Confused, ConfusedPairs, Insights, LayerGains, Predictions, confusions};
pub use knn_classifier::{KnnScore, Scored, ScoredOn, Scores, knn_accuracy, predict};
pub use map_id::{MapId, map_title, method_title, space_title};
pub use measured::{MeasuredMap, MeasuredSpace, measure};
pub use metric::{METRICS, Metric};
pub use model_row::ModelRow;
pub use over_fitting::{Fit, LEAST_RISE, OverFitting};
pub use quality::{MapQuality, NewQuality, Quality, SpaceRanks};
pub use ranking::{KNN_ACCURACY, MethodRank, MetricRanking, metric_rankings};
pub use trustworthiness::{Trustworthiness, trustworthiness};

/// The numbers of neighbours that the studies score with.
pub const N_NEIGHBORS: [usize; 3] = [3, 5, 10];
/// Number of neighbours by which classes are compared with each other: scikit-learn's default.
pub const COMPARED_NEIGHBORS: usize = N_NEIGHBORS[1];

//! How much of the classes a space or a map keeps, and how faithful a map is to its space.

pub mod global_score;
mod knn_classifier;
pub mod orders;
mod over_fitting;
pub mod quality;
pub mod ranks;

pub use knn_classifier::{KnnScore, ScoredOn, Scores, knn_accuracy, predict};
pub use over_fitting::{Fit, LEAST_RISE, OverFitting};
pub use quality::{MapQuality, NewQuality, Quality, SpaceRanks};

/// The numbers of neighbours that the studies score with.
pub const N_NEIGHBORS: [usize; 3] = [3, 5, 10];

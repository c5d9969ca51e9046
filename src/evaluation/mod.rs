//! How much of the classes a space or a map keeps.

mod knn_classifier;

pub use knn_classifier::{KnnScore, ScoredOn, Scores, knn_accuracy, predict};

/// The numbers of neighbours that the studies score with.
pub const N_NEIGHBORS: [usize; 3] = [3, 5, 10];

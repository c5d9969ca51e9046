//! What a method of clustering found in a space, as a run notes it.

use super::agreement::Share;
use serde::{Deserialize, Serialize};

/// Clusters that one method found in one space, and how they agree with its classes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Clustered {
    /// Name of the space.
    pub space: String,
    /// Title of the space.
    pub title: String,
    /// Title of the method.
    pub method: String,
    /// Points of the space.
    pub n_points: usize,
    /// Dimensions of the space.
    pub n_features: usize,
    /// Parameters and results of the method, by name.
    pub facts: Vec<(String, f64)>,
    /// Clusters, noise not counted.
    pub n_clusters: usize,
    /// Points of no cluster.
    pub n_noise: usize,
    /// Adjusted Rand index with the classes, -0.5 to 1, noise counted as a cluster; none if there
    /// are no classes.
    #[serde(rename = "ari")]
    pub adjusted_rand_score: Option<f64>,
    /// Normalised mutual information with the classes, 0 to 1, likewise.
    #[serde(rename = "nmi")]
    pub normalized_mutual_info_score: Option<f64>,
    /// Share of the points that are of the largest class of their cluster, 0 to 1, likewise.
    pub purity: Option<f64>,
    /// Mean silhouette by cluster, -1 to 1, noise counted as one; none if there is one cluster, or
    /// as many as points.
    pub silhouette: Option<f64>,
    /// Mean silhouette by class, -1 to 1.
    pub silhouette_of_classes: Option<f64>,
    /// Points whose silhouettes were computed: all, or a sample drawn by the run's seed.
    pub n_silhouettes: usize,
    /// The clusters, noise first.
    pub clusters: Vec<ClusterRow>,
    /// The classes.
    pub classes: Vec<ClassRow>,
}

/// A cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClusterRow {
    /// Number of the cluster, or -1 for noise.
    pub cluster: i32,
    /// Points of the cluster.
    pub n_points: usize,
    /// Mean silhouette, -1 to 1.
    pub silhouette: Option<f64>,
    /// Classes that make at least a tenth of it.
    pub classes: Vec<NamedShare>,
    /// Kinds of points, finer than classes, that make at least a tenth of it.
    pub kinds: Vec<NamedShare>,
}

/// A class.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClassRow {
    /// Name of the class.
    pub name: String,
    /// Points of the class.
    pub n_points: usize,
    /// Mean silhouette, -1 to 1.
    pub silhouette: Option<f64>,
    /// Clusters that hold at least a tenth of it: what it falls into.
    pub clusters: Vec<Share>,
    /// Points of the class that are noise.
    pub n_noise: usize,
}

/// A part with its name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NamedShare {
    /// Name of the part.
    pub name: String,
    /// Size of the part.
    #[serde(flatten)]
    pub share: Share,
}

//! Result of a clustering method in a space, as stored by a run.

use super::agreement::Share;
use serde::{Deserialize, Serialize};

/// Clusters of one method in one space, and their agreement with the classes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Clustered {
    /// Name of the space.
    pub space: String,
    /// Title of the space.
    pub title: String,
    /// Title of the method.
    pub method: String,
    /// Number of points of the space.
    pub n_points: usize,
    /// Number of dimensions of the space.
    pub n_features: usize,
    /// Parameters and results of the method, by name.
    pub facts: Vec<(String, f64)>,
    /// Number of clusters, without noise.
    pub n_clusters: usize,
    /// Number of noise points.
    pub n_noise: usize,
    /// Adjusted Rand index with the classes, -0.5 to 1, noise counted as a cluster; `None` without
    /// classes.
    #[serde(rename = "ari")]
    pub adjusted_rand_score: Option<f64>,
    /// Normalised mutual information with the classes, 0 to 1, noise counted as a cluster; `None`
    /// without classes.
    #[serde(rename = "nmi")]
    pub normalized_mutual_info_score: Option<f64>,
    /// Share of the points that belong to the largest class of their cluster, 0 to 1, noise counted
    /// as a cluster; `None` without classes.
    pub purity: Option<f64>,
    /// Mean silhouette with respect to the clusters, -1 to 1, noise counted as one; `None` if there
    /// is one cluster, or as many as points.
    pub silhouette: Option<f64>,
    /// Mean silhouette with respect to the classes, -1 to 1.
    pub silhouette_of_classes: Option<f64>,
    /// Number of points with a silhouette: all, or a sample drawn by the run's seed.
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
    /// Number of points of the cluster.
    pub n_points: usize,
    /// Mean silhouette, -1 to 1.
    pub silhouette: Option<f64>,
    /// Classes with at least a tenth of its points.
    pub classes: Vec<NamedShare>,
    /// Subclasses, finer than classes, with at least a tenth of its points.
    pub kinds: Vec<NamedShare>,
}

/// A class.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClassRow {
    /// Name of the class.
    pub name: String,
    /// Number of points of the class.
    pub n_points: usize,
    /// Mean silhouette, -1 to 1.
    pub silhouette: Option<f64>,
    /// Clusters that hold at least a tenth of the class.
    pub clusters: Vec<Share>,
    /// Number of noise points of the class.
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

//! Flags of the methods of clustering.

use clap::{Args, ValueEnum};
use layerlens::Error;
use layerlens::clustering::{Hdbscan, KMeans};
use layerlens::run::{ClusterMethod, Eps};

/// Parameters of the methods of clustering.
#[derive(Clone, Debug, Args)]
pub struct ClusterFlags {
    /// k-means: clusters [default: one for each class, or 8]
    #[arg(long, allow_negative_numbers = true, help_heading = "Clusters")]
    n_clusters: Option<usize>,
    /// k-means: starts, of which the best is kept
    #[arg(long, default_value_t = KMeans::default().n_init, allow_negative_numbers = true, help_heading = "Clusters")]
    n_init: usize,
    /// k-means: iterations of a start at most
    #[arg(long, default_value_t = KMeans::default().max_iter, allow_negative_numbers = true, help_heading = "Clusters")]
    k_means_max_iter: usize,
    /// k-means: movement of the centres at which a start ends, as a share of the variance
    #[arg(long, default_value_t = KMeans::default().tol, allow_negative_numbers = true, help_heading = "Clusters")]
    tol: f64,
    /// DBSCAN: radius around a point, or auto: the knee of the k-distance curve [default: auto]
    #[arg(
        long,
        value_name = "RADIUS|auto",
        allow_negative_numbers = true,
        help_heading = "Clusters"
    )]
    eps: Option<String>,
    /// DBSCAN: points within the radius, itself counted, that make a core point [default: 5];
    /// HDBSCAN: the point, itself counted, whose distance is the core distance [default:
    /// --min-cluster-size]
    #[arg(long, allow_negative_numbers = true, help_heading = "Clusters")]
    min_samples: Option<usize>,
    /// HDBSCAN: points that make a cluster
    #[arg(long, default_value_t = Hdbscan::default().min_cluster_size, allow_negative_numbers = true, help_heading = "Clusters")]
    min_cluster_size: usize,
    /// HDBSCAN: clusters nearer to each other than this are joined
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true, help_heading = "Clusters")]
    cluster_selection_epsilon: f64,
}

/// How clusters are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// Not at all
    None,
    /// Around means, a given number
    #[value(name = "k-means", alias = "kmeans")]
    KMeans,
    /// Where points are dense, at one scale
    Dbscan,
    /// Where points are dense, at every scale; points x points x features at most 2^34: 4,681
    /// points of 784, 23,170 of 32
    Hdbscan,
}

impl ClusterFlags {
    /// The chosen methods with their parameters, each once.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a radius that is neither a number nor `auto`, and for a flag of a
    /// method that was not chosen.
    pub fn methods(&self, methods: &[Method], seed: u64) -> Result<Vec<ClusterMethod>, Error> {
        let chosen = |wanted: &[Method]| wanted.iter().any(|method| methods.contains(method));
        for (field, is_given, wanted, names) in [
            ("n_clusters", self.n_clusters.is_some(), &[Method::KMeans][..], "k-means"),
            ("eps", self.eps.is_some(), &[Method::Dbscan], "dbscan"),
            (
                "min_samples",
                self.min_samples.is_some(),
                &[Method::Dbscan, Method::Hdbscan],
                "dbscan and hdbscan",
            ),
        ] {
            if is_given && !chosen(wanted) {
                return Err(Error::parameter(
                    field,
                    "given",
                    format!("a flag of {names}, which is not among the methods of clustering"),
                ));
            }
        }
        if methods.contains(&Method::None) && methods.len() > 1 {
            return Err(Error::parameter("clusters", "none", "none alone, or methods"));
        }
        let eps = match self.eps.as_deref().unwrap_or("auto") {
            "auto" => Eps::Auto,
            text => Eps::Value(text.parse().map_err(|_| {
                Error::parameter("eps", text, "expected a number above 0, or auto")
            })?),
        };
        let mut chosen = Vec::new();
        for method in methods {
            let method = match method {
                Method::None => continue,
                Method::KMeans => ClusterMethod::KMeans {
                    n_clusters: self.n_clusters,
                    parameters: KMeans {
                        n_init: self.n_init,
                        max_iter: self.k_means_max_iter,
                        tol: self.tol,
                        random_state: seed,
                        ..KMeans::default()
                    },
                },
                Method::Dbscan => {
                    ClusterMethod::Dbscan { eps, min_samples: self.min_samples.unwrap_or(5) }
                }
                Method::Hdbscan => ClusterMethod::Hdbscan(Hdbscan {
                    min_cluster_size: self.min_cluster_size,
                    min_samples: self.min_samples,
                    cluster_selection_epsilon: self.cluster_selection_epsilon,
                }),
            };
            if !chosen.contains(&method) {
                chosen.push(method);
            }
        }
        Ok(chosen)
    }
}

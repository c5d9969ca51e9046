//! HDBSCAN: clusters of any density, by the crate `hdbscan`.
//!
//! Reference: R. Campello et al., "Density-based clustering based on hierarchical density
//! estimates", 2013; the excess of mass selects the clusters. On the CPU alone, in one thread:
//! O(n^2 d) work and O(n d) memory.

use crate::error::{Error, Result};
use crate::matrix::Matrix;
use ::hdbscan::{HdbscanHyperParams, NnAlgorithm};
use serde::{Deserialize, Serialize};

/// Squared differences at most, points x points x features: the work cannot be interrupted.
pub const MOST_WORK: u128 = 1 << 34;

/// The method and its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hdbscan {
    /// Points that make a cluster; at least 2. Default 5.
    pub min_cluster_size: usize,
    /// The point, itself counted, whose distance is the core distance; at least 1. Default:
    /// `min_cluster_size`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_samples: Option<usize>,
    /// Clusters nearer to each other than this are joined; from 0 on. Default 0.
    pub cluster_selection_epsilon: f64,
}

impl Default for Hdbscan {
    fn default() -> Self {
        Self { min_cluster_size: 5, min_samples: None, cluster_selection_epsilon: 0.0 }
    }
}

impl Hdbscan {
    /// Refuses parameters that no data, or no `n_samples` points of `n_features`, allow: points x
    /// points x features may be 2^34 at most.
    ///
    /// # Errors
    /// [`Error::Parameter`], [`Error::Data`].
    pub fn validate(&self, n_samples: usize, n_features: usize) -> Result<()> {
        if self.min_cluster_size < 2 {
            return Err(Error::parameter(
                "min_cluster_size",
                self.min_cluster_size,
                "must be at least 2",
            ));
        }
        let min_samples = self.min_samples.unwrap_or(self.min_cluster_size);
        if min_samples == 0 {
            return Err(Error::parameter("min_samples", 0, "must be at least 1"));
        }
        let epsilon = self.cluster_selection_epsilon;
        if !(epsilon >= 0.0 && epsilon.is_finite()) {
            return Err(Error::parameter(
                "cluster_selection_epsilon",
                epsilon,
                "must be a finite number from 0 on",
            ));
        }
        if min_samples > n_samples || n_samples < 2 {
            let needed = min_samples.max(2);
            return Err(Error::Data(format!(
                "HDBSCAN with min_samples {min_samples} needs at least {needed} points, there are \
                 {n_samples}"
            )));
        }
        bound_work(n_samples, n_features)
    }

    /// Finds clusters of the rows of `x`: numbers from 0, or [`NOISE`](super::NOISE).
    ///
    /// # Errors
    /// As [`Hdbscan::validate`]; [`Error::Data`] if the crate refuses the data.
    pub fn fit(&self, x: &Matrix) -> Result<Vec<i32>> {
        self.validate(x.n_samples(), x.n_features())?;
        let rows: Vec<Vec<f64>> =
            x.rows().map(|row| row.iter().map(|&value| f64::from(value)).collect()).collect();
        let parameters = HdbscanHyperParams::builder()
            .min_cluster_size(self.min_cluster_size)
            .min_samples(self.min_samples.unwrap_or(self.min_cluster_size))
            .epsilon(self.cluster_selection_epsilon)
            // The other algorithm keeps all n x n distances.
            .nn_algorithm(NnAlgorithm::KdTree)
            .build();
        let found = ::hdbscan::Hdbscan::new(&rows, parameters).cluster();
        found.map_err(|error| Error::Data(format!("HDBSCAN refuses the points: {error}")))
    }
}

/// Refuses more than [`MOST_WORK`].
fn bound_work(n: usize, d: usize) -> Result<()> {
    if (n as u128).pow(2) * d as u128 <= MOST_WORK {
        return Ok(());
    }
    let most = (MOST_WORK / d as u128).isqrt();
    let wide = if d == 1 { String::new() } else { format!(" of {d} features") };
    Err(Error::Data(format!(
        "HDBSCAN takes at most {most} points{wide}, there are {n}: its work grows with the features and with the square of the \
         points; take fewer points, fewer features, or `Run::clusters` dbscan"
    )))
}

//! HDBSCAN: clusters of any density, by the crate `hdbscan`.
//!
//! Reference: R. Campello et al., "Density-based clustering based on hierarchical density
//! estimates", 2013; the excess of mass selects the clusters. On the CPU alone, in one thread:
//! O(n^2 d) work and O(n d) memory.

use super::registry::fact;
use super::{Clustering, Found, Method};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::parameters::{Auto, Parameter, check, from_table, parameter};
use crate::progress::Observer;
use ::hdbscan::{HdbscanHyperParams, NnAlgorithm};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The registry's entry.
pub const METHOD: Method = Method {
    name: "hdbscan",
    aliases: &[],
    title: "HDBSCAN",
    summary: "Where points are dense, at every scale; points x points x features at most 2^34: 4,681 points of 784, 23,170 of 32",
    kernels: &[],
    parameters: PARAMETERS,
    build: |table| Ok(Arc::new(from_table::<Hdbscan>(table)?)),
    defaults: || toml::Table::try_from(Hdbscan::default()),
};

const PARAMETERS: &[Parameter] = &[
    parameter!(
        Hdbscan.min_samples,
        "The point, itself counted, whose distance is the core distance"
    )
    .at_least(1.0)
    .or_auto("min_cluster_size"),
    parameter!(Hdbscan.min_cluster_size, "Points that make a cluster").at_least(2.0),
    parameter!(Hdbscan.cluster_selection_epsilon, "Distance below which clusters are joined")
        .at_least(0.0),
];

/// Maximum work, points x points x features: it cannot be interrupted.
pub const MOST_WORK: u128 = 1 << 34;

/// HDBSCAN with its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hdbscan {
    /// Minimum number of points of a cluster; at least 2. Default 5.
    pub min_cluster_size: usize,
    /// Number of the nearest point, counting the point itself, whose distance is the core distance;
    /// at least 1. Auto, the default, stands for `min_cluster_size`.
    pub min_samples: Auto<usize>,
    /// Clusters nearer to each other than this are joined; at least 0. Default 0.
    pub cluster_selection_epsilon: f64,
}

impl Default for Hdbscan {
    fn default() -> Self {
        Self { min_cluster_size: 5, min_samples: Auto::Auto, cluster_selection_epsilon: 0.0 }
    }
}

impl Hdbscan {
    /// Refuses parameters that are invalid for any data, or for `n_samples` points of `n_features`:
    /// points x points x features may be 2^34 at most.
    ///
    /// # Errors
    /// [`Error::Parameter`], [`Error::Data`].
    pub fn validate(&self, n_samples: usize, n_features: usize) -> Result<()> {
        check(self, PARAMETERS)?;
        let min_samples = self.min_samples.value_or(self.min_cluster_size);
        if min_samples > n_samples || n_samples < 2 {
            let needed = min_samples.max(2);
            return Err(Error::Data(format!(
                "HDBSCAN with min_samples {min_samples} needs at least {needed} points, there are \
                 {n_samples}"
            )));
        }
        bound_work(n_samples, n_features)
    }

    /// Finds clusters of the rows of `x`: labels from 0, or [`NOISE`](super::NOISE).
    ///
    /// # Errors
    /// Those of [`Hdbscan::validate`]; [`Error::Data`] if the crate refuses the data.
    pub fn fit(&self, x: &Matrix) -> Result<Vec<i32>> {
        self.validate(x.n_samples(), x.n_features())?;
        let rows: Vec<Vec<f64>> =
            x.rows().map(|row| row.iter().map(|&value| f64::from(value)).collect()).collect();
        let parameters = HdbscanHyperParams::builder()
            .min_cluster_size(self.min_cluster_size)
            .min_samples(self.min_samples.value_or(self.min_cluster_size))
            .epsilon(self.cluster_selection_epsilon)
            // The other algorithm stores all n x n distances.
            .nn_algorithm(NnAlgorithm::KdTree)
            .build();
        let found = ::hdbscan::Hdbscan::new(&rows, parameters).cluster();
        found.map_err(|error| Error::Data(format!("HDBSCAN refuses the points: {error}")))
    }
}

impl Clustering for Hdbscan {
    fn validate(&self, n_samples: usize, n_features: usize, _: Option<usize>) -> Result<()> {
        Self::validate(self, n_samples, n_features)
    }

    fn find(&self, _: &Device, x: &Matrix, _: Option<usize>, _: &dyn Observer) -> Result<Found> {
        let min_samples = self.min_samples.value_or(self.min_cluster_size);
        let facts = vec![
            fact("min_cluster_size", self.min_cluster_size as f64),
            fact("min_samples", min_samples as f64),
        ];
        Ok(Found { labels: self.fit(x)?, facts, ..Found::default() })
    }
}

/// Refuses more work than [`MOST_WORK`].
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

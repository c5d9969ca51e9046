//! DBSCAN: clusters as regions of high density, and noise between them.
//!
//! Reference: M. Ester et al., "A density-based algorithm for discovering clusters in large spatial
//! databases with noise", 1996. A point with at least `min_samples` points within `eps`, including
//! itself, is a core point; core points within `eps` of each other belong to the same cluster; any
//! other point belongs to the clusters of the core points within `eps`. All neighbours are found,
//! but the neighbours of a point are never stored: one pass counts them, the next joins core
//! points, O(n^2 d) work at worst and O(n d) memory. The numbers of the clusters, and the choice
//! among several clusters for a border point, are those of scikit-learn: clusters are numbered by
//! their first core point, and a border point takes the lowest number.
//!
//! There are two algorithms. On the GPU all squared distances are computed tile by tile in the
//! difference form in `f32` ([`within`]). On the CPU blocks of near points are compared only as
//! long as that can still change the result, and a pair whose distance is within the rounding of
//! `eps` is decided in `f64`: the result is that of exact arithmetic on the `f32` data.

mod blocks;
mod forest;
#[doc(hidden)]
pub mod within;

use super::registry::fact;
use super::{Clustering, Found, KDistance, Method, NOISE};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::MAX_NEIGHBORS;
use crate::parameters::{Auto, Parameter, check, from_table, parameter};
use crate::progress::Observer;
use crate::range::Range;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The registry's entry.
pub const METHOD: Method = Method {
    name: "dbscan",
    aliases: &[],
    title: "DBSCAN",
    summary: "Where points are dense, at one scale",
    kernels: &[within::KERNELS],
    parameters: PARAMETERS,
    build: |table| Ok(Arc::new(from_table::<Dbscan>(table)?)),
    defaults: || toml::Table::try_from(Dbscan::default()),
};

const PARAMETERS: &[Parameter] = &[
    parameter!(Dbscan.eps, "Radius around a point")
        .above(0.0)
        .or_auto("the knee of the k-distance curve"),
    parameter!(
        Dbscan.min_samples,
        "Points within the radius, itself counted, that make a core point"
    )
    .at_least(1.0),
];

/// Label of points without a cluster so far.
const NONE: u32 = u32::MAX;

/// DBSCAN with its parameters.
///
/// ```
/// use layerlens::clustering::Dbscan;
/// use layerlens::compute::Device;
/// use layerlens::matrix::Matrix;
/// use layerlens::progress::Silent;
///
/// let x = Matrix::new(vec![0.0, 0.1, 0.2, 9.0, 5.0, 5.1, 5.2], 7, 1)?;
/// let found = Dbscan { eps: 0.15.into(), min_samples: 2 }.fit(&Device::cpu(), &x, &Silent)?;
/// assert_eq!(found.labels, [0, 0, 0, -1, 1, 1, 1]);
/// # Ok::<(), layerlens::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dbscan {
    /// Radius around a point, in the units of the space; above 0. Auto, the default, stands for the
    /// knee of the k-distance curve: [`KDistance::suggested_eps`].
    pub eps: Auto<f64>,
    /// Points within it, the point itself counted, that make a core point; at least 1. Default 5.
    pub min_samples: usize,
}

impl Default for Dbscan {
    fn default() -> Self {
        Self { eps: Auto::Auto, min_samples: 5 }
    }
}

/// Result of DBSCAN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbscanResult {
    /// Cluster of each point, from 0 in the order of their first core points, or [`NOISE`].
    pub labels: Vec<i32>,
    /// Indices of the core points, ascending.
    pub core_sample_indices: Vec<u32>,
    /// Number of clusters.
    pub n_clusters: usize,
}

impl DbscanResult {
    /// Number of points that belong to no cluster.
    pub fn n_noise(&self) -> usize {
        self.labels.iter().filter(|&&label| label == NOISE).count()
    }
}

impl Dbscan {
    /// Refuses parameters that are invalid for any data.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn validate(&self) -> Result<()> {
        check(self, PARAMETERS)
    }

    /// The radius; with `auto` the one suggested by the curve.
    fn radius(&self, curve: Option<&KDistance>) -> Result<f64> {
        match (self.eps, curve.and_then(|curve| curve.suggested_eps)) {
            (Auto::Value(eps), _) => Ok(eps),
            (Auto::Auto, Some(eps)) => Ok(f64::from(eps)),
            (Auto::Auto, None) => Err(Error::Data(
                "every point has enough equals: DBSCAN finds no radius, give `Dbscan::eps`".into(),
            )),
        }
    }

    /// Finds clusters of the rows of `x`.
    ///
    /// # Errors
    /// Those of [`Dbscan::validate`], and with `auto` as [`KDistance::new`]; [`Error::Data`] if
    /// `auto` finds no radius, or if the points are of too different sizes for a GPU; any error of
    /// the device; [`Error::Interrupted`].
    pub fn fit(
        &self,
        device: &Device,
        x: &Matrix,
        observer: &dyn Observer,
    ) -> Result<DbscanResult> {
        self.validate()?;
        let curve = match self.eps {
            Auto::Auto => Some(KDistance::new(device, x, self.min_samples, observer)?),
            Auto::Value(_) => None,
        };
        let density = Density { eps: self.radius(curve.as_ref())?, min_samples: self.min_samples };
        let lowest = match device {
            // Compares distances in `f64`, at any scale.
            Device::Cpu(_) => blocks::lowest_cores(x, &density, observer)?,
            Device::Gpu(_) => {
                let range = Range::of(x)?;
                let scaled = Density { eps: range.to_unit(density.eps), ..density };
                within::lowest_cores(device, range.scaled(x)?.as_ref(), &scaled, observer)?
            }
        };
        Ok(numbered(&lowest))
    }
}

impl Clustering for Dbscan {
    fn validate(&self, n_samples: usize, _: usize, _: Option<usize>) -> Result<()> {
        Self::validate(self)?;
        if self.eps != Auto::Auto {
            return Ok(());
        }
        let most = MAX_NEIGHBORS + 1;
        if !(2..=most).contains(&self.min_samples) {
            let expected = format!(
                "a k-distance curve, from which `Dbscan::eps` auto reads the radius, needs between \
                 2 and {most}"
            );
            return Err(Error::parameter("min_samples", self.min_samples, expected));
        }
        if self.min_samples > n_samples {
            return Err(Error::Data(format!(
                "{n_samples} points have no {}-th point to be near to",
                self.min_samples
            )));
        }
        Ok(())
    }

    fn find(
        &self,
        device: &Device,
        x: &Matrix,
        _: Option<usize>,
        observer: &dyn Observer,
    ) -> Result<Found> {
        let min_samples = self.min_samples;
        // Even if the radius is given: the curve shows the suggested one.
        let has_curve =
            (2..=MAX_NEIGHBORS + 1).contains(&min_samples) && min_samples <= x.n_samples();
        let curve =
            if has_curve { Some(KDistance::new(device, x, min_samples, observer)?) } else { None };
        let eps = self.radius(curve.as_ref())?;
        let found = Self { eps: eps.into(), min_samples }.fit(device, x, observer)?;
        let suggested = curve.as_ref().and_then(|curve| curve.suggested_eps).map(f64::from);
        let mut facts = vec![fact("eps", eps), fact("min_samples", min_samples as f64)];
        facts.extend(suggested.map(|eps| fact("suggested_eps", eps)));
        facts.push(fact("n_core_points", found.core_sample_indices.len() as f64));
        let k_distance = curve.map(|curve| (curve, eps));
        Ok(Found { labels: found.labels, facts, k_distance, ..Found::default() })
    }
}

/// Definition of a core point.
#[derive(Clone, Copy)]
struct Density {
    /// Radius around a point.
    eps: f64,
    /// Number of points within it, including the point itself.
    min_samples: usize,
}

/// First core point of each point's cluster, and `true` for each point that is a core point itself.
struct LowestCores {
    first: Vec<u32>,
    is_core: Vec<bool>,
}

/// Result with clusters numbered by their first core points.
fn numbered(lowest: &LowestCores) -> DbscanResult {
    let mut numbers = vec![NOISE; lowest.first.len()];
    let mut n_clusters = 0;
    for (point, &first) in lowest.first.iter().enumerate() {
        if lowest.is_core[point] && first as usize == point {
            numbers[point] = n_clusters;
            n_clusters += 1;
        }
    }
    let number = |&first: &u32| if first == NONE { NOISE } else { numbers[first as usize] };
    let core = |&point: &u32| lowest.is_core[point as usize];
    DbscanResult {
        labels: lowest.first.iter().map(number).collect(),
        core_sample_indices: (0..lowest.first.len() as u32).filter(core).collect(),
        n_clusters: n_clusters as usize,
    }
}

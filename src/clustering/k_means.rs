//! k-means clustering.
//!
//! Lloyd's iterations (S. Lloyd, "Least squares quantization in PCM", 1982) from starts by greedy
//! k-means++ (D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding", 2007,
//! with 2 + log k tries a centre as in scikit-learn). O(n k d) an iteration, memory O(n d).
//! Distances and the sums of the clusters' points over blocks of rows are computed on either
//! device; the few block sums are added up on the host in `f64`, in the order of the blocks.
//! Nothing else is read in an iteration, and several starts run concurrently, so that a device
//! computes for one while the host adds up for another; the starts are independent.

mod cluster_members;
mod descent;
mod points;
mod result;
mod seeding;

use super::registry::fact;
use super::{Clustering, Found, Method};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::parameters::{Auto, Parameter, check, from_table, parameter};
use crate::progress::Observer;
use crate::range;
use descent::{Descent, Fitted, assign_and_sum};
use points::Points;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

#[doc(hidden)]
pub use cluster_members::{KERNELS, assign, sum_members};
pub use result::KMeansResult;

/// The registry's entry.
pub const METHOD: Method = Method {
    name: "k-means",
    aliases: &["kmeans"],
    title: "k-means",
    summary: "Around means, a given number",
    kernels: &[KERNELS],
    parameters: PARAMETERS,
    build: |table| Ok(Arc::new(from_table::<KMeans>(table)?)),
    defaults: || toml::Table::try_from(KMeans::default()),
};

const PARAMETERS: &[Parameter] = &[
    parameter!(KMeans.n_clusters, "Clusters").at_least(1.0).or_auto("one for each class, or 8"),
    parameter!(KMeans.n_init, "Starts, of which the best is kept").at_least(1.0),
    parameter!(KMeans.max_iter, "Most iterations of a start").at_least(1.0),
    parameter!(
        KMeans.tol,
        "Movement of the centres at which a start ends, as a share of the variance"
    )
    .at_least(0.0),
    parameter!(KMeans.random_state, "Seed of the starts"),
];

/// Default number of clusters if there are no classes.
const N_CLUSTERS: usize = 8;

/// Ratio of the mean of squared lengths to their median from which on the mean does not describe
/// most rows.
const FAR_SHARE: f64 = 1e4;

/// Minimum and maximum number of rows that one task sums on a device: few enough for the loop limit
/// of a software adapter.
const BLOCK_ROWS: usize = 1024;
const LARGEST_BLOCK: usize = 50_000;

/// Maximum bytes of the starts that run concurrently.
const SIDE_BY_SIDE: usize = 64 << 20;

/// k-means with its parameters.
///
/// ```
/// use layerlens::clustering::KMeans;
/// use layerlens::compute::Device;
/// use layerlens::matrix::Matrix;
/// use layerlens::progress::Silent;
///
/// let x = Matrix::new(vec![0.0, 0.1, 5.0, 5.2, 5.1], 5, 1)?;
/// let found = KMeans { n_clusters: 2.into(), ..KMeans::default() }.fit(&Device::cpu(), &x, &Silent)?;
/// assert_eq!(found.labels[0], found.labels[1]);
/// assert_ne!(found.labels[0], found.labels[2]);
/// # Ok::<(), layerlens::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KMeans {
    /// Number of clusters, at least 1 and at most the number of points. Auto, the default, stands
    /// for the number of classes if it is known, and otherwise 8.
    pub n_clusters: Auto<usize>,
    /// Number of starts, of which the one with the smallest inertia is kept; at least 1. Default
    /// 10, as in scikit-learn before version 1.4, which makes one: a single start often ends in a
    /// worse minimum.
    pub n_init: usize,
    /// Maximum number of iterations of a start; at least 1. Default 300.
    pub max_iter: usize,
    /// A start ends when the squared movements of its centres add up to this share of the mean
    /// variance of the features, or when no point changes its cluster. At least 0; default 1e-4.
    pub tol: f64,
    /// Seed of the starts. Default 42.
    pub random_state: u64,
}

impl Default for KMeans {
    fn default() -> Self {
        Self { n_clusters: Auto::Auto, n_init: 10, max_iter: 300, tol: 1e-4, random_state: 42 }
    }
}

impl KMeans {
    /// Number of clusters if no classes are known.
    fn k(&self) -> usize {
        self.n_clusters.value_or(N_CLUSTERS)
    }

    /// The same parameters with the number of classes as the number of clusters, if it is auto.
    fn of_classes(self, n_classes: Option<usize>) -> Self {
        let k = self.n_clusters.value_or(n_classes.unwrap_or(N_CLUSTERS));
        Self { n_clusters: k.into(), ..self }
    }

    /// Refuses parameters that are invalid for any data, or for `n_samples` points.
    ///
    /// # Errors
    /// [`Error::Parameter`], [`Error::Data`].
    pub fn validate(&self, n_samples: usize) -> Result<()> {
        check(self, PARAMETERS)?;
        let k = self.k();
        if k > n_samples {
            return Err(Error::Data(format!(
                "{k} clusters were asked for among {n_samples} points: `KMeans::n_clusters` can be \
                 at most {n_samples}"
            )));
        }
        Ok(())
    }

    /// Finds clusters of the rows of `x`.
    ///
    /// # Errors
    /// Those of [`KMeans::validate`]; [`Error::Data`] if distances overflow; any error of the
    /// device; [`Error::Interrupted`].
    pub fn fit(
        &self,
        device: &Device,
        x: &Matrix,
        observer: &dyn Observer,
    ) -> Result<KMeansResult> {
        self.validate(x.n_samples())?;
        let range = range::Range::of(x)?;
        let centred = centred(&range, x)?;
        let points = Points::new(device, &centred, x.n_features(), self.k())?;
        let tolerance = self.tol * usual_variance(&centred, x.n_features());
        let mut best: Option<Fitted> = None;
        let steps =
            Steps { observer, done: Cell::new(0), all: (self.n_init * self.max_iter) as u64 };
        let at_once = (SIDE_BY_SIDE / descent::bytes(&points, self.k())).clamp(1, self.n_init);
        for first in (0..self.n_init).step_by(at_once) {
            let starts = first..self.n_init.min(first + at_once);
            for fitted in self.descend(device, &points, &centred, starts, tolerance, &steps)? {
                let is_better =
                    |best: &Fitted| (fitted.inertia, fitted.start) < (best.inertia, best.start);
                if best.as_ref().is_none_or(is_better) {
                    best = Some(fitted);
                }
            }
        }
        let Some(best) = best else { unreachable!("there is at least one start") };
        let Fitted { labels, centers, inertia, n_iter, .. } = best.without_empty(x.n_features());
        let whole = centers.chunks_exact(x.n_features()).flat_map(|row| {
            row.iter()
                .zip(&range.centre)
                .map(|(&value, centre)| range.undone(f64::from(value)) as f32 + centre)
        });
        let cluster_centers =
            Matrix::new(whole.collect(), centers.len() / x.n_features(), x.n_features())?;
        Ok(KMeansResult {
            labels: labels.into_iter().map(|label| label as i32).collect(),
            cluster_centers: cluster_centers.with_offsets_of(x),
            inertia: range.undone(range.undone(inertia)),
            n_iter,
            range,
            centred_centers: centers,
        })
    }

    /// Runs Lloyd's iterations of some starts until nothing changes any more. Returns their results
    /// in the order in which they end.
    fn descend(
        &self,
        device: &Device,
        points: &Points,
        centred: &[f32],
        starts: Range<usize>,
        tolerance: f64,
        steps: &Steps<'_>,
    ) -> Result<Vec<Fitted>> {
        let seeds = seeding::seed(device, points, centred, self, starts.clone(), steps)?;
        let begun = starts
            .zip(seeds)
            .map(|(start, centers)| Descent::begin(device, points, start, centers));
        let mut underway: Vec<Descent> = begun.collect::<Result<_>>()?;
        let mut fitted = Vec::with_capacity(underway.len());
        assign_and_sum(device, points, &mut underway)?;
        while !underway.is_empty() {
            // A GPU works on the others while one is read.
            let n = if matches!(device, Device::Gpu(_)) { 1 } else { underway.len() };
            let mut moved = Vec::with_capacity(n);
            for mut descent in underway.drain(..n) {
                if descent.move_centers(device, points, self, tolerance)? {
                    steps.take(1)?;
                    moved.push(descent);
                } else {
                    steps.take(self.max_iter - descent.n_iter)?;
                    fitted.push(descent.finish(device, points, centred)?);
                }
            }
            assign_and_sum(device, points, &mut moved)?;
            underway.append(&mut moved);
        }
        Ok(fitted)
    }
}

impl Clustering for KMeans {
    fn validate(&self, n_samples: usize, _: usize, n_classes: Option<usize>) -> Result<()> {
        self.of_classes(n_classes).validate(n_samples)
    }

    fn find(
        &self,
        device: &Device,
        x: &Matrix,
        n_classes: Option<usize>,
        observer: &dyn Observer,
    ) -> Result<Found> {
        let job = self.of_classes(n_classes);
        let found = job.fit(device, x, observer)?;
        let warning = fewer_clusters(x, found.cluster_centers.n_samples(), job.k());
        Ok(Found {
            labels: found.labels,
            facts: vec![fact("inertia", found.inertia), fact("n_iter", found.n_iter as f64)],
            cluster_centers: Some(found.cluster_centers),
            warnings: warning.into_iter().collect(),
            ..Found::default()
        })
    }
}

/// Warning if fewer clusters are found than requested.
fn fewer_clusters(x: &Matrix, found: usize, asked: usize) -> Option<String> {
    if found >= asked {
        return None;
    }
    // Compared as bits, except that 0 and -0 are equal.
    let bits = |row: &[f32]| row.iter().map(|value| (value + 0.0).to_bits()).collect::<Vec<_>>();
    let different = x.rows().map(bits).collect::<HashSet<_>>().len();
    let reason = if different < asked {
        format!("the points have {different} different rows")
    } else {
        "the others ended without points".into()
    };
    Some(format!("{found} clusters, not the {asked} that were asked for: {reason}"))
}

/// Progress in iterations of all starts.
struct Steps<'a> {
    observer: &'a dyn Observer,
    done: Cell<u64>,
    all: u64,
}

impl Steps<'_> {
    /// Reports `n` more iterations.
    fn take(&self, n: usize) -> Result<()> {
        self.done.set(self.done.get() + n as u64);
        self.observer.step(self.done.get(), self.all, &[])
    }
}

/// Rows minus the centre, in the unit of the range.
fn centred(range: &range::Range, x: &Matrix) -> Result<Vec<f32>> {
    let mut rows = range.scaled(x)?.into_owned().into_vec();
    let centre: Vec<f32> =
        range.centre.iter().map(|&centre| range.to_unit(f64::from(centre)) as f32).collect();
    rows.par_chunks_mut(centre.len())
        .for_each(|row| row.iter_mut().zip(&centre).for_each(|(value, centre)| *value -= centre));
    Ok(rows)
}

/// Mean variance of the features of centred rows; if outliers make up nearly all of it, that of
/// most rows.
fn usual_variance(centred: &[f32], d: usize) -> f64 {
    let square = |row: &[f32]| row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
    let blocks = centred
        .par_chunks(BLOCK_ROWS * d)
        .map(|rows| rows.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>());
    let mean = blocks.collect::<Vec<_>>().iter().sum::<f64>() / centred.len() as f64;
    let mut squares: Vec<f64> = centred.par_chunks(d).map(square).collect();
    let middle = squares.len() / 2;
    let median = *squares.select_nth_unstable_by(middle, f64::total_cmp).1 / d as f64;
    // In usual data the mean of the squares is a few times their median.
    if median > 0.0 && mean > FAR_SHARE * median { median } else { mean }
}

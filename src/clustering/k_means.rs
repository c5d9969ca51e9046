//! k-means: clusters around means.
//!
//! Lloyd's iterations (S. Lloyd, "Least squares quantization in PCM", 1982) from starts by greedy k-means++ (D. Arthur and
//! S. Vassilvitskii, "k-means++: the advantages of careful seeding", 2007, with 2 + log k tries a centre as in scikit-learn).
//! O(n k d) an iteration, memory O(n d). Distances and the sums of the clusters' points over blocks of rows are computed on
//! either device; the few block sums are added up on the host in `f64`, in the order of the blocks.

mod points;
mod seeding;

use super::{WORK, columns};
use crate::compute::{Buffer, Device, Kernel, MOST_TURNS, kernel, uniform};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::progress::Observer;
use crate::range::{Range, too_far_apart};
use points::Points;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

uniform! {
    struct AssignParams { n: u32, first: u32, last: u32, n_features: u32 }
}
uniform! {
    struct SumParams { n: u32, n_clusters: u32, n_features: u32, block_rows: u32 }
}

const ASSIGN: Kernel = kernel!("k_means", "assign", 64, AssignParams);
const SUM_MEMBERS: Kernel = kernel!("k_means", "sum_members", 64, SumParams);

/// Kernels of this room.
pub const KERNELS: &[&Kernel] = &[&ASSIGN, &SUM_MEMBERS];

/// Mean of squared lengths beside their median from which on it says nothing of most rows.
const FAR_SHARE: f64 = 1e4;

/// Rows that one task adds up, on a device at least.
const BLOCK_ROWS: usize = 1024;

/// The method and its parameters.
///
/// ```
/// use layerlens::clustering::KMeans;
/// use layerlens::compute::Device;
/// use layerlens::matrix::Matrix;
/// use layerlens::progress::Silent;
///
/// let x = Matrix::new(vec![0.0, 0.1, 5.0, 5.2, 5.1], 5, 1)?;
/// let found = KMeans { n_clusters: 2, ..KMeans::default() }.fit(&Device::cpu(), &x, &Silent)?;
/// assert_eq!(found.labels[0], found.labels[1]);
/// assert_ne!(found.labels[0], found.labels[2]);
/// # Ok::<(), layerlens::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KMeans {
    /// Clusters, 1 to the number of points. Default 8.
    pub n_clusters: usize,
    /// Starts, of which the one with the least inertia is kept; at least 1. Default 10, scikit-learn's before its version 1.4,
    /// which makes one: a single start often ends in a worse minimum.
    pub n_init: usize,
    /// Iterations of a start at most; at least 1. Default 300.
    pub max_iter: usize,
    /// A start ends when the squared movements of its centres add up to this share of the mean variance of the features, or when
    /// no point changes its cluster. From 0 on; default 1e-4.
    pub tol: f64,
    /// Seed of the starts. Default 42.
    pub random_state: u64,
}

impl Default for KMeans {
    fn default() -> Self {
        Self { n_clusters: 8, n_init: 10, max_iter: 300, tol: 1e-4, random_state: 42 }
    }
}

/// The clusters that were found.
#[derive(Clone, Debug)]
pub struct KMeansResult {
    /// The cluster of each point, of the nearest centre; the first of equals.
    pub labels: Vec<i32>,
    /// Mean of each cluster, n_clusters x n_features: fewer than were asked for if the points have fewer different rows.
    pub cluster_centers: Matrix,
    /// Sum of the squared distances of the points from their centres.
    pub inertia: f64,
    /// Iterations of the start that was kept.
    pub n_iter: usize,
    /// In whose unit and about whose middle distances are computed, and the centres so.
    range: Range,
    centred_centers: Vec<f32>,
}

impl KMeans {
    /// Refuses parameters that no data, or no `n_samples` points, allow.
    ///
    /// # Errors
    /// [`Error::Parameter`], [`Error::Data`].
    pub fn validate(&self, n_samples: usize) -> Result<()> {
        for (name, value) in [("--n-clusters", self.n_clusters), ("--n-init", self.n_init), ("--max-iter", self.max_iter)] {
            if value == 0 {
                return Err(Error::parameter(name, value, "must be at least 1"));
            }
        }
        if !(self.tol >= 0.0 && self.tol.is_finite()) {
            return Err(Error::parameter("--tol", self.tol, "must be a finite number from 0 on"));
        }
        if self.n_clusters > n_samples {
            let k = self.n_clusters;
            return Err(Error::Data(format!(
                "{k} clusters were asked for among {n_samples} points: --n-clusters can be at most {n_samples}"
            )));
        }
        Ok(())
    }

    /// Finds clusters of the rows of `x`.
    ///
    /// # Errors
    /// As [`KMeans::validate`]; [`Error::Data`] if distances overflow; any error of the device; [`Error::Interrupted`].
    pub fn fit(&self, device: &Device, x: &Matrix, observer: &dyn Observer) -> Result<KMeansResult> {
        self.validate(x.n_samples())?;
        let range = Range::of(x)?;
        let centred = centred(&range, x)?;
        let points = Points::new(device, &centred, x.n_features(), self.n_clusters)?;
        let tolerance = self.tol * usual_variance(&centred, x.n_features());
        let mut best: Option<Fitted> = None;
        for start in 0..self.n_init {
            let centers = seeding::seed(device, &points, &centred, self, start as u64)?;
            let fitted = self.descend(device, &points, &centred, centers, tolerance, &|iteration| {
                let (done, all) = (start * self.max_iter + iteration, self.n_init * self.max_iter);
                observer.step(done as u64, all as u64, &[])
            })?;
            if best.as_ref().is_none_or(|best| fitted.inertia < best.inertia) {
                best = Some(fitted);
            }
        }
        let Some(best) = best else { unreachable!("there is at least one start") };
        let Fitted { labels, centers, inertia, n_iter } = best.without_empty(x.n_features());
        let whole = centers
            .chunks_exact(x.n_features())
            .flat_map(|row| row.iter().zip(&range.centre).map(|(&value, centre)| range.undone(f64::from(value)) as f32 + centre));
        let cluster_centers = Matrix::new(whole.collect(), centers.len() / x.n_features(), x.n_features())?;
        Ok(KMeansResult {
            labels: labels.into_iter().map(|label| label as i32).collect(),
            cluster_centers: cluster_centers.with_offsets_of(x),
            inertia: range.undone(range.undone(inertia)),
            n_iter,
            range,
            centred_centers: centers,
        })
    }

    /// Moves centres to the means of their points until nothing changes any more.
    fn descend(
        &self,
        device: &Device,
        points: &Points,
        centred: &[f32],
        mut centers: Vec<f32>,
        tolerance: f64,
        step: &dyn Fn(usize) -> Result<()>,
    ) -> Result<Fitted> {
        let (k, d) = (self.n_clusters, points.n_features);
        let (mut labels, mut distances) = points.assign(device, &centers, k)?;
        let mut n_iter = 0;
        while n_iter < self.max_iter {
            step(n_iter)?;
            n_iter += 1;
            relocate_empty(&mut labels, &distances, k);
            let moved = points.means(device, &labels, &centers, k)?;
            let shift: f64 = centers.iter().zip(&moved).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
            centers = moved;
            let (assigned, new_distances) = points.assign(device, &centers, k)?;
            let settled = assigned == labels;
            (labels, distances) = (assigned, new_distances);
            if settled || shift <= tolerance {
                break;
            }
        }
        let inertia = inertia(centred, &centers, &labels, d);
        if !inertia.is_finite() || distances.iter().any(|distance| !distance.is_finite()) {
            return Err(too_far_apart());
        }
        Ok(Fitted { labels, centers, inertia, n_iter })
    }
}

impl KMeansResult {
    /// The nearest centre of each row of `x`; it does not depend on the other rows.
    ///
    /// # Errors
    /// [`Error::Data`] if `x` has another number of features; any error of the device.
    pub fn predict(&self, device: &Device, x: &Matrix) -> Result<Vec<i32>> {
        let (found, expected) = (x.n_features(), self.cluster_centers.n_features());
        if found != expected {
            return Err(Error::Data(format!("the new points have {found} features, the fitted ones {expected}")));
        }
        x.check_offsets(&self.cluster_centers)?;
        let k = self.cluster_centers.n_samples();
        let points = Points::new(device, &centred(&self.range, x)?, expected, k)?;
        let (labels, distances) = points.assign(device, &self.centred_centers, k)?;
        if distances.iter().any(|distance| !distance.is_finite()) {
            return Err(too_far_apart());
        }
        Ok(labels.into_iter().map(|label| label as i32).collect())
    }
}

/// What one start ended with.
struct Fitted {
    labels: Vec<u32>,
    centers: Vec<f32>,
    inertia: f64,
    n_iter: usize,
}

impl Fitted {
    /// The same without clusters that have no points, the others numbered anew in their order.
    fn without_empty(mut self, d: usize) -> Self {
        let k = self.centers.len() / d;
        let mut is_used = vec![false; k];
        self.labels.iter().for_each(|&label| is_used[label as usize] = true);
        if is_used.iter().all(|&used| used) {
            return self;
        }
        let mut numbers = vec![0; k];
        let used: Vec<usize> = (0..k).filter(|&cluster| is_used[cluster]).collect();
        used.iter().enumerate().for_each(|(number, &cluster)| numbers[cluster] = number as u32);
        self.labels.iter_mut().for_each(|label| *label = numbers[*label as usize]);
        self.centers = used.iter().flat_map(|&cluster| &self.centers[cluster * d..][..d]).copied().collect();
        self
    }
}

/// Gives each empty cluster the point that is furthest from its centre, as scikit-learn does: the furthest first, ties by
/// index, no point of distance 0.
fn relocate_empty(labels: &mut [u32], distances: &[f32], k: usize) {
    let mut is_empty = vec![true; k];
    labels.iter().for_each(|&label| is_empty[label as usize] = false);
    let empty: Vec<u32> = (0..k as u32).filter(|&cluster| is_empty[cluster as usize]).collect();
    if empty.is_empty() {
        return;
    }
    let mut furthest: Vec<u32> = (0..labels.len() as u32).filter(|&i| distances[i as usize] > 0.0).collect();
    furthest.sort_unstable_by(|&a, &b| distances[b as usize].total_cmp(&distances[a as usize]).then(a.cmp(&b)));
    for (cluster, point) in empty.into_iter().zip(furthest) {
        labels[point as usize] = cluster;
    }
}

/// Rows less the middle, in the unit of the range.
fn centred(range: &Range, x: &Matrix) -> Result<Vec<f32>> {
    let mut rows = range.scaled(x)?.into_owned().into_vec();
    let centre: Vec<f32> = range.centre.iter().map(|&centre| range.to_unit(f64::from(centre)) as f32).collect();
    rows.par_chunks_mut(centre.len()).for_each(|row| row.iter_mut().zip(&centre).for_each(|(value, centre)| *value -= centre));
    Ok(rows)
}

/// Mean over the features of their variances, for centred rows; where far rows make nearly all of it, that of most rows.
fn usual_variance(centred: &[f32], d: usize) -> f64 {
    let square = |row: &[f32]| row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
    let blocks = centred.par_chunks(BLOCK_ROWS * d).map(|rows| rows.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>());
    let mean = blocks.collect::<Vec<_>>().iter().sum::<f64>() / centred.len() as f64;
    let mut squares: Vec<f64> = centred.par_chunks(d).map(square).collect();
    let middle = squares.len() / 2;
    let median = *squares.select_nth_unstable_by(middle, f64::total_cmp).1 / d as f64;
    // The mean of squares of usual data is a few times their median.
    if median > 0.0 && mean > FAR_SHARE * median { median } else { mean }
}

/// Sum of the squared distances from the centres, in `f64` over fixed blocks.
fn inertia(centred: &[f32], centers: &[f32], labels: &[u32], d: usize) -> f64 {
    let square = |(row, &label): (&[f32], &u32)| {
        let center = &centers[label as usize * d..][..d];
        row.iter().zip(center).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>()
    };
    let blocks = centred.par_chunks(BLOCK_ROWS * d).zip(labels.par_chunks(BLOCK_ROWS));
    let sums: Vec<f64> = blocks.map(|(rows, labels)| rows.chunks_exact(d).zip(labels).map(square).sum()).collect();
    sums.iter().sum()
}

/// The nearest centre of each point, the first of equals, and its squared distance. Shapes: `points` n x d, `centers` k x d,
/// `labels` and `distances` n; `shape` is (n, k, d).
///
/// # Errors
/// [`Error::Kernel`].
pub fn assign(
    device: &Device,
    points: &Buffer<f32>,
    centers: &Buffer<f32>,
    labels: &mut Buffer<u32>,
    distances: &mut Buffer<f32>,
    shape: (usize, usize, usize),
) -> Result<()> {
    let (n, k, d) = shape;
    match device {
        Device::Cpu(_) => cpu::assign(points.host(), centers.host(), labels.host_mut(), distances.host_mut(), d),
        Device::Gpu(gpu) => {
            let bindings = [(1, points.gpu()), (2, centers.gpu()), (3, labels.gpu()), (4, distances.gpu())];
            // Eight centres take a turn for each feature and ten more; the end of a loop is a turn too.
            let together = 8 * (MOST_TURNS / (d + 12)).min(WORK / (8 * n * d)).max(1);
            for first in (0..k).step_by(together) {
                let last = (first + together).min(k);
                let uniform = AssignParams { n: n as u32, first: first as u32, last: last as u32, n_features: d as u32 };
                gpu.dispatch(&ASSIGN, &uniform, &bindings, n, (n * (last - first) * d) as u64)?;
            }
        }
    }
    Ok(())
}

/// Adds the points of each cluster over blocks of rows. Shapes: `points` n x d, `labels` n, all below k, `sums`
/// ceil(n / block_rows) x k x d; `shape` is (n, k, d).
///
/// # Errors
/// [`Error::Kernel`].
pub fn sum_members(
    device: &Device,
    points: &Buffer<f32>,
    labels: &Buffer<u32>,
    sums: &mut Buffer<f32>,
    shape: (usize, usize, usize),
    block_rows: usize,
) -> Result<()> {
    let (n, k, d) = shape;
    match device {
        Device::Cpu(_) => cpu::sum_members(points.host(), labels.host(), sums.host_mut(), (k, d), block_rows),
        Device::Gpu(gpu) => {
            let uniform = SumParams { n: n as u32, n_clusters: k as u32, n_features: d as u32, block_rows: block_rows as u32 };
            let bindings = [(1, points.gpu()), (5, labels.gpu()), (6, sums.gpu())];
            gpu.dispatch(&SUM_MEMBERS, &uniform, &bindings, n.div_ceil(block_rows) * d, (n * d) as u64)?;
        }
    }
    Ok(())
}

mod cpu {
    use super::columns::{Columns, POINTS, interleaved, squared_distances};
    use crate::lanes::{LANES, has_fused_multiply_add};
    use multiversion::multiversion;
    use rayon::prelude::*;

    /// Points of one parallel task.
    const TASK: usize = 512;

    pub fn assign(points: &[f32], centers: &[f32], labels: &mut [u32], distances: &mut [f32], d: usize) {
        let last = (centers.len() / d - 1) as u32;
        let centers = Columns::new(centers, d);
        let fused = has_fused_multiply_add();
        let tasks = labels.par_chunks_mut(TASK).zip(distances.par_chunks_mut(TASK)).zip(points.par_chunks(TASK * d));
        tasks.for_each(|((labels, distances), points)| {
            if fused {
                assign_fused(points, &centers, labels, distances, (d, last));
            } else {
                assign_some::<false>(points, &centers, labels, distances, (d, last));
            }
        });
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn assign_fused(points: &[f32], centers: &Columns, labels: &mut [u32], distances: &mut [f32], shape: (usize, u32)) {
        assign_some::<true>(points, centers, labels, distances, shape);
    }

    #[inline(always)]
    fn assign_some<const FUSED: bool>(
        points: &[f32],
        centers: &Columns,
        labels: &mut [u32],
        distances: &mut [f32],
        (d, last): (usize, u32),
    ) {
        let (n, mut together) = (labels.len(), Vec::with_capacity(d));
        for first in (0..n).step_by(POINTS) {
            interleaved(&points[first * d..(first + POINTS).min(n) * d], d, &mut together);
            let (mut least, mut at) = ([[f32::INFINITY; LANES]; POINTS], [[0_u32; LANES]; POINTS]);
            for (group, values) in centers.groups().enumerate() {
                let squares = squared_distances::<FUSED>(&together, values);
                for point in 0..POINTS {
                    for lane in 0..LANES {
                        let better = squares[point][lane] < least[point][lane];
                        least[point][lane] = if better { squares[point][lane] } else { least[point][lane] };
                        at[point][lane] = if better { (group * LANES + lane) as u32 } else { at[point][lane] };
                    }
                }
            }
            for point in 0..POINTS.min(n - first) {
                let mut best = (least[point][0], at[point][0]);
                for lane in 1..LANES {
                    let other = (least[point][lane], at[point][lane]);
                    if other.0 < best.0 || (other.0 == best.0 && other.1 < best.1) {
                        best = other;
                    }
                }
                (distances[first + point], labels[first + point]) = (best.0, best.1.min(last));
            }
        }
    }

    pub fn sum_members(points: &[f32], labels: &[u32], sums: &mut [f32], (k, d): (usize, usize), block_rows: usize) {
        let blocks = sums.par_chunks_mut(k * d).zip(points.par_chunks(block_rows * d)).zip(labels.par_chunks(block_rows));
        blocks.for_each(|((sums, points), labels)| {
            for (row, &label) in points.chunks_exact(d).zip(labels) {
                let sum = &mut sums[label as usize * d..][..d];
                sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
        });
    }
}

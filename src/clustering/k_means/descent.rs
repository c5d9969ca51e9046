//! One start of k-means: its data on the device, and the few sums that are read in each iteration.

use super::cluster_members::cpu::{self, OfStart};
use super::points::{Part, Points};
use super::{BLOCK_ROWS, KMeans, assign, sum_members};
use crate::compute::{Buffer, Device, ReadBack};
use crate::error::Result;
use crate::range::too_far_apart;
use rayon::prelude::*;

/// A start whose sums are being computed.
pub(super) struct Descent {
    pub(super) start: usize,
    pub(super) n_iter: usize,
    centers: Vec<f32>,
    /// Sum of the squared movements of the centres in the last iteration.
    shift: f64,
    parts: Vec<OfPart>,
}

/// Data of one part of the points.
struct OfPart {
    labels: Buffer<u32>,
    /// Labels of the previous iteration.
    before: Buffer<u32>,
    /// Squared distances from the assigned centres.
    distances: Buffer<f32>,
    sums: Buffer<f32>,
    underway: Option<ReadBack<f32>>,
}

/// Bytes on the device that one start takes.
pub(super) fn bytes(points: &Points, k: usize) -> usize {
    let blocks = |part: &Part| part.n.div_ceil(points.block_rows);
    points
        .parts
        .iter()
        .map(|part| 12 * part.n + 4 * blocks(part) * k * (points.n_features + 2))
        .sum()
}

/// Assigns the points to the centres of all these starts, sums the points of each cluster, and starts
/// to read the sums.
pub(super) fn assign_and_sum(
    device: &Device,
    points: &Points,
    descents: &mut [Descent],
) -> Result<()> {
    // Blocks for all threads: then the CPU reads the points once for all starts.
    let n_blocks = points.n.div_ceil(points.block_rows);
    if matches!(device, Device::Gpu(_)) || n_blocks < 2 * rayon::current_num_threads() {
        return descents.iter_mut().try_for_each(|descent| {
            descent.assign(device, points)?;
            descent.sum(device, points)
        });
    }
    for (at, part) in points.parts.iter().enumerate() {
        let starts = descents.iter_mut().map(|descent| descent.host_mut(at)).collect();
        cpu::assign_and_sum(part.rows.host(), starts, points.n_features, points.block_rows);
    }
    descents.iter_mut().try_for_each(|descent| descent.read_sums(device))
}

impl Descent {
    /// A start with its first centres, to which no point is assigned yet.
    pub(super) fn begin(
        device: &Device,
        points: &Points,
        start: usize,
        centers: Vec<f32>,
    ) -> Result<Self> {
        let k = centers.len() / points.n_features;
        let d = points.n_features;
        let of_part = |part: &Part| {
            Ok(OfPart {
                labels: Buffer::new(device, "labels", part.n)?,
                // There are no previous labels: the first iteration continues in any case.
                before: Buffer::zeros(device, "labels before", part.n)?,
                distances: Buffer::new(device, "distances", part.n)?,
                sums: Buffer::new(
                    device,
                    "sums of clusters",
                    part.n.div_ceil(points.block_rows) * k * (d + 2),
                )?,
                underway: None,
            })
        };
        let parts = points.parts.iter().map(of_part).collect::<Result<_>>()?;
        Ok(Self { start, n_iter: 0, centers, shift: f64::INFINITY, parts })
    }

    /// Moves the centres to the means of their points, which are to be assigned anew; `false` if
    /// nothing changes any more.
    pub(super) fn move_centers(
        &mut self,
        device: &Device,
        points: &Points,
        job: &KMeans,
        tolerance: f64,
    ) -> Result<bool> {
        let k = job.k();
        let d = points.n_features;
        let mut sums = self.wait(device, k * (d + 2))?;
        let has_changed = sums.chunks_exact(d + 2).any(|cluster| cluster[d + 1] > 0.0);
        let is_settled = self.n_iter > 0 && (!has_changed || self.shift <= tolerance);
        if is_settled || self.n_iter == job.max_iter {
            return Ok(false);
        }
        if sums.chunks_exact(d + 2).any(|cluster| cluster[d] == 0.0)
            && self.relocate_empty(device, points, k)?
        {
            self.sum(device, points)?;
            sums = self.wait(device, k * (d + 2))?;
        }
        let clusters = self.centers.chunks_exact(d).zip(sums.chunks_exact(d + 2));
        let mean = |(old, sums): (&[f32], &[f64])| -> Vec<f32> {
            let count = sums[d];
            if count > 0.0 {
                sums[..d].iter().map(|sum| (sum / count) as f32).collect()
            } else {
                old.to_vec()
            }
        };
        let moved: Vec<f32> = clusters.flat_map(mean).collect();
        self.shift = self
            .centers
            .iter()
            .zip(&moved)
            .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
            .sum();
        self.centers = moved;
        self.n_iter += 1;
        self.parts.iter_mut().for_each(|part| std::mem::swap(&mut part.labels, &mut part.before));
        Ok(true)
    }

    /// Data of one part of the points on the CPU.
    fn host_mut(&mut self, part: usize) -> OfStart<'_> {
        let OfPart { labels, before, distances, sums, .. } = &mut self.parts[part];
        OfStart {
            centers: &self.centers,
            labels: labels.host_mut(),
            before: before.host(),
            distances: distances.host_mut(),
            sums: sums.host_mut(),
        }
    }

    /// Result of the start.
    pub(super) fn finish(
        self,
        device: &Device,
        points: &Points,
        centred: &[f32],
    ) -> Result<Fitted> {
        let (labels, distances) = self.read(device)?;
        let inertia = inertia(centred, &self.centers, &labels, points.n_features);
        if !inertia.is_finite() || distances.iter().any(|distance| !distance.is_finite()) {
            return Err(too_far_apart());
        }
        Ok(Fitted {
            start: self.start,
            labels,
            centers: self.centers,
            inertia,
            n_iter: self.n_iter,
        })
    }

    fn assign(&mut self, device: &Device, points: &Points) -> Result<()> {
        let d = points.n_features;
        let centers = Buffer::from_slice(device, "centres", &self.centers)?;
        let k = self.centers.len() / d;
        for (part, own) in points.parts.iter().zip(&mut self.parts) {
            assign(
                device,
                &part.rows,
                &centers,
                &mut own.labels,
                &mut own.distances,
                (part.n, k, d),
            )?;
        }
        Ok(())
    }

    /// Sums the points of each cluster and starts to read the sums.
    fn sum(&mut self, device: &Device, points: &Points) -> Result<()> {
        let shape =
            |part: &Part| (part.n, self.centers.len() / points.n_features, points.n_features);
        for (part, own) in points.parts.iter().zip(&mut self.parts) {
            let OfPart { labels, before, sums, .. } = own;
            sum_members(device, &part.rows, labels, before, sums, shape(part), points.block_rows)?;
        }
        self.read_sums(device)
    }

    fn read_sums(&mut self, device: &Device) -> Result<()> {
        for part in &mut self.parts {
            part.underway = Some(part.sums.read_later(device)?);
        }
        Ok(())
    }

    /// The sums over all blocks, in their order.
    fn wait(&mut self, device: &Device, len: usize) -> Result<Vec<f64>> {
        let mut sums = vec![0.0; len];
        for underway in self.parts.iter_mut().filter_map(|part| part.underway.take()) {
            for block in underway.wait(device)?.chunks_exact(len) {
                sums.iter_mut().zip(block).for_each(|(sum, &value)| *sum += f64::from(value));
            }
        }
        Ok(sums)
    }

    /// The labels and distances of all points.
    fn read(&self, device: &Device) -> Result<(Vec<u32>, Vec<f32>)> {
        let (mut labels, mut distances) = (Vec::new(), Vec::new());
        for part in &self.parts {
            labels.extend(part.labels.read(device)?);
            distances.extend(part.distances.read(device)?);
        }
        Ok((labels, distances))
    }

    /// Moves a point to each empty cluster; `true` if any got one.
    fn relocate_empty(&mut self, device: &Device, points: &Points, k: usize) -> Result<bool> {
        let (mut labels, distances) = self.read(device)?;
        if !relocate_empty(&mut labels, &distances, k) {
            return Ok(false);
        }
        let mut left = &labels[..];
        for (part, own) in points.parts.iter().zip(&mut self.parts) {
            let (labels, others) = left.split_at(part.n);
            left = others;
            own.labels = Buffer::from_slice(device, "labels", labels)?;
        }
        Ok(true)
    }
}

/// Result of one start.
pub(super) struct Fitted {
    pub(super) start: usize,
    pub(super) labels: Vec<u32>,
    pub(super) centers: Vec<f32>,
    pub(super) inertia: f64,
    pub(super) n_iter: usize,
}

impl Fitted {
    /// The same without empty clusters; the others are renumbered in their order.
    pub(super) fn without_empty(mut self, d: usize) -> Self {
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
        self.centers =
            used.iter().flat_map(|&cluster| &self.centers[cluster * d..][..d]).copied().collect();
        self
    }
}

/// Sum of the squared distances from the centres, in `f64` over fixed blocks.
fn inertia(centred: &[f32], centers: &[f32], labels: &[u32], d: usize) -> f64 {
    let square = |(row, &label): (&[f32], &u32)| {
        let center = &centers[label as usize * d..][..d];
        row.iter().zip(center).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>()
    };
    let blocks = centred.par_chunks(BLOCK_ROWS * d).zip(labels.par_chunks(BLOCK_ROWS));
    let sums: Vec<f64> =
        blocks.map(|(rows, labels)| rows.chunks_exact(d).zip(labels).map(square).sum()).collect();
    sums.iter().sum()
}

/// Moves to each empty cluster the point that is furthest from its centre, as scikit-learn does:
/// the furthest first, ties by index, no point of distance 0. `true` if any got one.
fn relocate_empty(labels: &mut [u32], distances: &[f32], k: usize) -> bool {
    let mut is_empty = vec![true; k];
    labels.iter().for_each(|&label| is_empty[label as usize] = false);
    let empty = (0..k as u32).filter(|&cluster| is_empty[cluster as usize]);
    let mut furthest: Vec<u32> =
        (0..labels.len() as u32).filter(|&i| distances[i as usize] > 0.0).collect();
    furthest.sort_unstable_by(|&a, &b| {
        distances[b as usize].total_cmp(&distances[a as usize]).then(a.cmp(&b))
    });
    let mut has_moved = false;
    for (cluster, point) in empty.zip(furthest) {
        labels[point as usize] = cluster;
        has_moved = true;
    }
    has_moved
}

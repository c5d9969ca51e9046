//! The points of k-means on a device, and the two steps of an iteration.

use super::{BLOCK_ROWS, assign, sum_members};
use crate::clustering::{bindable_rows, check_loops};
use crate::compute::{Buffer, Device, MOST_TURNS};
use crate::error::Result;

/// Block sums at most, in bytes: more are joined into larger blocks.
const SUM_BYTES: usize = 32 << 20;

/// Rows on a device, in parts that it can bind, each of whole blocks.
pub(super) struct Points {
    pub(super) parts: Vec<Part>,
    pub(super) n_features: usize,
    block_rows: usize,
}

pub(super) struct Part {
    pub(super) rows: Buffer<f32>,
    pub(super) n: usize,
}

impl Points {
    pub(super) fn new(device: &Device, rows: &[f32], n_features: usize, n_clusters: usize) -> Result<Self> {
        let n = rows.len() / n_features;
        let blocks = (SUM_BYTES / (4 * n_clusters * n_features)).max(1);
        let block_rows = n.div_ceil(blocks).clamp(BLOCK_ROWS, MOST_TURNS);
        check_loops(device, n_features)?;
        let fitting = bindable_rows(device, n_features)?;
        // A part of less than a block is a block of its own.
        let part_rows = if fitting >= block_rows { fitting / block_rows * block_rows } else { fitting };
        let part = |rows: &[f32]| Ok(Part { rows: Buffer::from_slice(device, "points", rows)?, n: rows.len() / n_features });
        let parts = rows.chunks(part_rows * n_features).map(part).collect::<Result<_>>()?;
        Ok(Self { parts, n_features, block_rows })
    }

    /// The nearest of `k` centres of each point, and its squared distance.
    pub(super) fn assign(&self, device: &Device, centers: &[f32], k: usize) -> Result<(Vec<u32>, Vec<f32>)> {
        let centers = Buffer::from_slice(device, "centres", centers)?;
        let (mut all_labels, mut all_distances) = (Vec::new(), Vec::new());
        for part in &self.parts {
            let mut labels = Buffer::new(device, "labels", part.n)?;
            let mut distances = Buffer::new(device, "distances", part.n)?;
            assign(device, &part.rows, &centers, &mut labels, &mut distances, (part.n, k, self.n_features))?;
            all_labels.extend(labels.read(device)?);
            all_distances.extend(distances.read(device)?);
        }
        Ok((all_labels, all_distances))
    }

    /// The mean of the points of each of `k` clusters; where there are none, its old centre.
    pub(super) fn means(&self, device: &Device, labels: &[u32], centers: &[f32], k: usize) -> Result<Vec<f32>> {
        let d = self.n_features;
        let mut sums = vec![0.0_f64; k * d];
        let mut labels_left = labels;
        for part in &self.parts {
            let (own, others) = labels_left.split_at(part.n);
            labels_left = others;
            let own = Buffer::from_slice(device, "labels", own)?;
            let mut partial = Buffer::zeros(device, "sums of clusters", part.n.div_ceil(self.block_rows) * k * d)?;
            sum_members(device, &part.rows, &own, &mut partial, (part.n, k, d), self.block_rows)?;
            for block in partial.read(device)?.chunks_exact(k * d) {
                sums.iter_mut().zip(block).for_each(|(sum, &value)| *sum += f64::from(value));
            }
        }
        let mut counts = vec![0_usize; k];
        labels.iter().for_each(|&label| counts[label as usize] += 1);
        let mean = |(at, sum): (usize, &f64)| if counts[at / d] > 0 { (sum / counts[at / d] as f64) as f32 } else { centers[at] };
        Ok(sums.iter().enumerate().map(mean).collect())
    }
}

//! Starts by greedy k-means++: each centre is drawn with a chance in proportion to the squared distance from those before it,
//! a few times over, and the draw that lowers the sum of these distances most is kept.

use super::KMeans;
use super::points::Points;
use crate::compute::{Buffer, Device};
use crate::error::Result;
use crate::neighbors::differences::{Block, difference_distances};
use crate::random::Random;
use rayon::prelude::*;

/// Stream of the first start's draws; the others follow.
const STREAM: u64 = 0x6b6d_6561_6e73_0000;
/// Squared distances that are added up by one task.
const BLOCK: usize = 4096;

/// Centres for one start, k x d.
pub(super) fn seed(device: &Device, points: &Points, centred: &[f32], job: &KMeans, start: u64) -> Result<Vec<f32>> {
    let (k, d) = (job.n_clusters, points.n_features);
    let n = centred.len() / d;
    let n_trials = 2 + (k as f64).ln() as usize;
    let random = Random::new(job.random_state, STREAM + start);
    // 48 random bits as a number in [0, 1).
    let draw = |item: u64| (f64::from(random.bits(2 * item) >> 8) + f64::from(random.uniform(2 * item + 1))) / f64::from(1 << 24);
    let row = |i: usize| &centred[i * d..][..d];
    let first = ((draw(0) * n as f64) as usize).min(n - 1);
    let mut centers = row(first).to_vec();
    let mut closest = columns(&points.distances_to(device, row(first))?, 1).remove(0);
    for center in 1..k {
        let candidates: Vec<usize> =
            (0..n_trials).map(|trial| pick(&closest, draw((center * n_trials + trial) as u64))).collect();
        let rows: Vec<f32> = candidates.iter().flat_map(|&i| row(i)).copied().collect();
        let mut tried = columns(&points.distances_to(device, &rows)?, n_trials);
        tried.par_iter_mut().for_each(|distances| {
            distances.iter_mut().zip(&closest).for_each(|(distance, closest)| *distance = distance.min(*closest));
        });
        let sums: Vec<f64> = tried.iter().map(|distances| block_sums(distances).iter().sum()).collect();
        let best = (1..n_trials).fold(0, |best, trial| if sums[trial] < sums[best] { trial } else { best });
        centers.extend_from_slice(row(candidates[best]));
        closest = tried.swap_remove(best);
    }
    Ok(centers)
}

/// The point in whose share of the sum of all `distances` the given part of it lies.
fn pick(distances: &[f32], part: f64) -> usize {
    let sums = block_sums(distances);
    let mut left = part * sums.iter().sum::<f64>();
    let mut block = 0;
    while block + 1 < sums.len() && left >= sums[block] {
        left -= sums[block];
        block += 1;
    }
    let first = block * BLOCK;
    let last = (first + BLOCK).min(distances.len()) - 1;
    for (at, &distance) in distances[first..last].iter().enumerate() {
        left -= f64::from(distance);
        if left < 0.0 {
            return first + at;
        }
    }
    last
}

fn block_sums(values: &[f32]) -> Vec<f64> {
    values.par_chunks(BLOCK).map(|block| block.iter().map(|&value| f64::from(value)).sum()).collect()
}

/// The columns of a row-major table.
fn columns(table: &[f32], n_columns: usize) -> Vec<Vec<f32>> {
    (0..n_columns).into_par_iter().map(|column| table.iter().skip(column).step_by(n_columns).copied().collect()).collect()
}

impl Points {
    /// Squared distances of all points from a few rows, n x m.
    fn distances_to(&self, device: &Device, rows: &[f32]) -> Result<Vec<f32>> {
        let d = self.n_features;
        let m = rows.len() / d;
        let rows = Buffer::from_slice(device, "candidates", rows)?;
        let mut all = Vec::new();
        for part in &self.parts {
            let mut distances = Buffer::new(device, "distances from candidates", part.n * m)?;
            let block = Block { query_first: 0, n_queries: part.n, n_references: m, n_features: d };
            difference_distances(device, &part.rows, &rows, &mut distances, block)?;
            all.extend(distances.read(device)?);
        }
        Ok(all)
    }
}

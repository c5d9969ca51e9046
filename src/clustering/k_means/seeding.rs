//! Seeding by greedy k-means++: each centre is drawn with a probability proportional to the squared
//! distance from the centres before it, a few times, and the draw that lowers the sum of these
//! distances most is kept.

use super::points::Points;
use super::{KMeans, SIDE_BY_SIDE, Steps};
use crate::compute::{Buffer, Device};
use crate::error::Result;
use crate::neighbors::differences::Block;
use crate::neighbors::differences::difference_distances;
use crate::random::Random;
use rayon::prelude::*;
use std::ops::Range;

/// Stream of the first start's random numbers; the other streams follow.
const STREAM: u64 = 0x6b6d_6561_6e73_0000;
/// Number of squared distances that are summed by one task.
const BLOCK: usize = 4096;

/// Centres for some starts, k x d each. The starts draw independently; only their distances are
/// computed together.
pub(super) fn seed(
    device: &Device,
    points: &Points,
    centred: &[f32],
    job: &KMeans,
    starts: Range<usize>,
    steps: &Steps<'_>,
) -> Result<Vec<Vec<f32>>> {
    let n = points.n;
    let k = job.k();
    let n_trials = 2 + (k as f64).ln() as usize;
    let mut seeds: Vec<Seed> = starts.map(|start| Seed::new(job, start as u64, n)).collect();
    let at_once = (SIDE_BY_SIDE / (4 * n * n_trials)).max(1);
    for seeds in seeds.chunks_mut(at_once) {
        for center in 0..k {
            // So that long seeding can be interrupted.
            steps.take(0)?;
            for seed in &mut *seeds {
                seed.draw(center, if center == 0 { 1 } else { n_trials }, n);
            }
            let candidates = seeds.iter().flat_map(|seed| &seed.candidates);
            let rows: Vec<f32> = candidates
                .flat_map(|&i| &centred[i * points.n_features..][..points.n_features])
                .copied()
                .collect();
            let n_candidates = rows.len() / points.n_features;
            let mut columns =
                columns(&points.distances_to(device, &rows)?, n_candidates).into_iter();
            for seed in &mut *seeds {
                let tried = columns.by_ref().take(seed.candidates.len()).collect();
                seed.choose(tried);
            }
        }
    }
    let rows = |seed: Seed| {
        seed.chosen
            .iter()
            .flat_map(|&i| &centred[i * points.n_features..][..points.n_features])
            .copied()
            .collect()
    };
    Ok(seeds.into_iter().map(rows).collect())
}

/// One start whose centres are being chosen.
struct Seed {
    random: Random,
    /// Indices of the points that became centres.
    chosen: Vec<usize>,
    /// Candidates for the next centre.
    candidates: Vec<usize>,
    /// Squared distance of each point from the nearest centre.
    closest: Vec<f32>,
}

impl Seed {
    fn new(job: &KMeans, start: u64, n: usize) -> Self {
        let random = Random::new(job.random_state, STREAM + start);
        Self {
            random,
            chosen: Vec::with_capacity(job.k()),
            candidates: Vec::new(),
            closest: vec![f32::INFINITY; n],
        }
    }

    /// 48 random bits as a number in [0, 1).
    fn number(&self, item: u64) -> f64 {
        let high = self.random.bits(2 * item) >> 8;
        let low = self.random.uniform(2 * item + 1);
        (f64::from(high) + f64::from(low)) / f64::from(1 << 24)
    }

    /// Draws candidates, the first one uniformly among `n` points.
    fn draw(&mut self, center: usize, n_trials: usize, n: usize) {
        self.candidates = match center {
            0 => vec![((self.number(0) * n as f64) as usize).min(n - 1)],
            _ => {
                let sums = block_sums(&self.closest);
                let part = |trial: usize| self.number((center * n_trials + trial) as u64);
                (0..n_trials).map(|trial| pick(&self.closest, &sums, part(trial))).collect()
            }
        };
    }

    /// Keeps the candidate that lowers the sum of the distances most, the first one if several are
    /// equal; `tried` are the squared distances from each of them.
    fn choose(&mut self, mut tried: Vec<Vec<f32>>) {
        tried.par_iter_mut().for_each(|distances| {
            distances
                .iter_mut()
                .zip(&self.closest)
                .for_each(|(distance, closest)| *distance = distance.min(*closest));
        });
        let sums: Vec<f64> =
            tried.iter().map(|distances| block_sums(distances).iter().sum()).collect();
        let best = (1..tried.len())
            .fold(0, |best, trial| if sums[trial] < sums[best] { trial } else { best });
        self.chosen.push(self.candidates[best]);
        self.closest = tried.swap_remove(best);
    }
}

/// Point at which the cumulative sum of `distances` reaches the given part; `sums` are those of
/// blocks.
fn pick(distances: &[f32], sums: &[f64], part: f64) -> usize {
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
    values
        .par_chunks(BLOCK)
        .map(|block| block.iter().map(|&value| f64::from(value)).sum())
        .collect()
}

/// The columns of a row-major table.
fn columns(table: &[f32], n_columns: usize) -> Vec<Vec<f32>> {
    (0..n_columns)
        .into_par_iter()
        .map(|column| table.iter().skip(column).step_by(n_columns).copied().collect())
        .collect()
}

impl Points {
    /// Squared distances of all points from a few rows, n x m.
    fn distances_to(&self, device: &Device, rows: &[f32]) -> Result<Vec<f32>> {
        let d = self.n_features;
        let m = rows.len() / d;
        let rows = Buffer::from_slice(device, "candidates", rows)?;
        let mut tables = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let mut distances = Buffer::new(device, "distances from candidates", part.n * m)?;
            let block = Block { query_first: 0, n_queries: part.n, n_references: m, n_features: d };
            difference_distances(device, &part.rows, &rows, &mut distances, block)?;
            tables.push(distances.read_later(device)?);
        }
        Ok(tables.into_iter().map(|table| table.wait(device)).collect::<Result<Vec<_>>>()?.concat())
    }
}

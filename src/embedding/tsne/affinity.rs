//! Affinities of t-SNE: conditional probabilities with the given perplexity, symmetrised into a
//! sparse matrix.
//!
//! The bisection runs on the device, one row a thread; the symmetric rows are built on the CPU.

use crate::compute::{Buffer, Device, Kernel, Work, kernel, uniform};
use crate::error::Result;
use crate::neighbors::NeighborGraph;
use crate::neighbors::symmetric::{SparseRows, symmetrised};
use crate::range::scaled_rows;

uniform! {
    struct CalibrateParams { n: u32, first: u32, n_neighbors: u32, log_perplexity: f32 }
}

const CALIBRATE: Kernel = kernel!("affinity", "calibrate", 64, CalibrateParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&CALIBRATE];

/// Maximum number of halvings and doublings of the bisection: enough for every bit of an f32 at any
/// scale of the distances.
const STEPS: usize = 64;

/// The symmetric joint probabilities in compressed rows, multiplied by the number of points so that
/// the entries are of the order of 1 / perplexity instead of vanishing with n.
#[derive(Clone, Debug, PartialEq)]
pub struct Affinities {
    /// Start of each row in the two other arrays, n + 1 numbers.
    pub row_starts: Vec<u32>,
    /// Columns of the entries, ascending within a row.
    pub columns: Vec<u32>,
    /// n p_ij.
    pub values: Vec<f32>,
}

impl Affinities {
    /// Computes the affinities over the graph's neighbours: p_ij = (p_j|i + p_i|j) / 2n (L. van der
    /// Maaten and G. Hinton, "Visualizing data using t-SNE", 2008, section 3.1), p_j|i being the
    /// mean over all `perplexities`, at least one.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn new(device: &Device, neighbors: &NeighborGraph, perplexities: &[f32]) -> Result<Self> {
        let (n, k) = (neighbors.n_samples(), neighbors.n_neighbors());
        // Rows are independent: as many at once as fit a binding.
        let rows = (device.max_binding_bytes() as usize / (4 * k)).max(1);
        let mut conditional = Vec::with_capacity(n * k);
        for distances in neighbors.distances().chunks(rows * k) {
            let distances_on_device =
                Buffer::from_slice(device, "neighbour distances", &scaled_rows(distances, k))?;
            let mut probabilities =
                Buffer::new(device, "conditional probabilities", distances.len())?;
            let first = conditional.len();
            let share = 1.0 / perplexities.len() as f32;
            for &perplexity in perplexities {
                calibrate(
                    device,
                    &distances_on_device,
                    &mut probabilities,
                    distances.len() / k,
                    k,
                    perplexity,
                )?;
                let scale = probabilities.read(device)?;
                conditional.resize(first + scale.len(), 0.0);
                for (mean, p) in conditional[first..].iter_mut().zip(scale) {
                    *mean += share * p;
                }
            }
        }
        let half_sum = |p: f32, q: f32| Some(p * 0.5 + q * 0.5);
        let SparseRows { row_starts, columns, values } =
            symmetrised(neighbors.indices(), &conditional, n, half_sum);
        Ok(Self { row_starts, columns, values })
    }

    /// Number of points.
    pub fn n_samples(&self) -> usize {
        self.row_starts.len() - 1
    }

    /// Row `i`: columns and n p_ij.
    pub fn row(&self, i: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let range = self.row_starts[i] as usize..self.row_starts[i + 1] as usize;
        self.columns[range.clone()].iter().copied().zip(self.values[range].iter().copied())
    }
}

/// Conditional probabilities p_j|i of each row, which sum to 1. Shapes: `distances` n x k,
/// ascending within a row and not squared; `probabilities` n x k.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn calibrate(
    device: &Device,
    distances: &Buffer<f32>,
    probabilities: &mut Buffer<f32>,
    n: usize,
    n_neighbors: usize,
    perplexity: f32,
) -> Result<()> {
    match device {
        Device::Cpu(_) => {
            cpu::calibrate(distances.host(), probabilities.host_mut(), n_neighbors, perplexity.ln())
        }
        Device::Gpu(gpu) => {
            let n_neighbors = n_neighbors as u32;
            let log_perplexity = perplexity.ln();
            let from = |first, rows| CalibrateParams {
                n: (first + rows) as u32,
                first: first as u32,
                n_neighbors,
                log_perplexity,
            };
            // Every step takes an exponential of each neighbour, and some operations; a row stays
            // in the cache.
            let row = Work::new((STEPS * 6) as u64, 20).times(n_neighbors as usize);
            gpu.dispatch_items(
                &CALIBRATE,
                &[(1, distances.gpu()), (2, probabilities.gpu())],
                n,
                row,
                from,
            )?;
        }
    }
    Ok(())
}

mod cpu {
    use super::STEPS;
    use crate::lanes::{LANES, exp2, has_fused_multiply_add, total};
    use multiversion::multiversion;
    use rayon::prelude::*;
    use std::f32::consts::LOG2_E;

    /// A mean square below this has no reciprocal in normal numbers: the distances count as equal.
    const LEAST_MEAN: f32 = 1e-37;

    pub fn calibrate(distances: &[f32], probabilities: &mut [f32], k: usize, log_perplexity: f32) {
        let fused = has_fused_multiply_add();
        let row: fn(&[f32], &mut [f32], f32) =
            if fused { calibrate_fused } else { calibrate_row::<false> };
        probabilities
            .par_chunks_mut(k)
            .zip(distances.par_chunks(k))
            .for_each(|(probabilities, distances)| row(distances, probabilities, log_perplexity));
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn calibrate_fused(distances: &[f32], probabilities: &mut [f32], log_perplexity: f32) {
        calibrate_row::<true>(distances, probabilities, log_perplexity);
    }

    #[inline(always)]
    fn calibrate_row<const FUSED: bool>(
        distances: &[f32],
        probabilities: &mut [f32],
        log_perplexity: f32,
    ) {
        let k = distances.len();
        let least = distances[0] * distances[0];
        // Padded with lanes that count for nothing.
        let mut shifted = vec![[0.0_f32; LANES]; k.div_ceil(LANES)];
        let mut counted = vec![[0.0_f32; LANES]; k.div_ceil(LANES)];
        for (at, distance) in distances.iter().enumerate() {
            shifted[at / LANES][at % LANES] = distance * distance - least;
            counted[at / LANES][at % LANES] = 1.0;
        }
        let mean = shifted.iter().map(|lanes| total(*lanes)).sum::<f32>() / k as f32;
        let unit = if mean > LEAST_MEAN { 1.0 / mean } else { 1.0 };
        shifted.iter_mut().flatten().for_each(|shifted| *shifted *= unit);
        let beta = precision::<FUSED>(&shifted, &counted, log_perplexity);
        for (at, probability) in probabilities.iter_mut().enumerate() {
            *probability = exp2::<FUSED>(-beta * LOG2_E * shifted[at / LANES][at % LANES]);
        }
        let sum: f32 = probabilities.iter().sum();
        probabilities.iter_mut().for_each(|probability| *probability /= sum);
    }

    /// beta such that the entropy of p ~ exp(-beta d^2) has the target value.
    #[inline(always)]
    fn precision<const FUSED: bool>(
        shifted: &[[f32; LANES]],
        counted: &[[f32; LANES]],
        log_perplexity: f32,
    ) -> f32 {
        let (mut beta, mut low, mut high) = (1.0_f32, 0.0, None);
        for _ in 0..STEPS {
            let (mut totals, mut moments) = ([0.0; LANES], [0.0; LANES]);
            for (shifted, counted) in shifted.iter().zip(counted) {
                for lane in 0..LANES {
                    let weight = counted[lane] * exp2::<FUSED>(-beta * LOG2_E * shifted[lane]);
                    totals[lane] += weight;
                    moments[lane] += weight * shifted[lane];
                }
            }
            let (sum, moment) = (total(totals), total(moments));
            let last = beta;
            if sum.ln() + beta * moment / sum > log_perplexity {
                low = beta;
                beta = high.map_or(beta * 2.0, |high: f32| (low + high) * 0.5);
            } else {
                high = Some(beta);
                beta = (low + beta) * 0.5;
            }
            // There is no number between two adjacent ones.
            if beta == last {
                break;
            }
        }
        beta
    }
}

//! Affinities of t-SNE: conditional probabilities of the wanted perplexity, symmetrised into a sparse matrix.
//!
//! The bisection runs on the device, one row a thread; the symmetric rows are built on the CPU by counting, O(n k).

use crate::compute::{Buffer, Device, Kernel, kernel, uniform};
use crate::error::Result;
use crate::neighbors::NeighborGraph;

uniform! {
    struct CalibrateParams { n: u32, n_neighbors: u32, log_perplexity: f32 }
}

const CALIBRATE: Kernel = kernel!("affinity", "calibrate", 64, CalibrateParams);

/// Kernels of this room.
pub const KERNELS: &[&Kernel] = &[&CALIBRATE];

/// Halvings and doublings of the bisection: enough for every bit of an f32, whatever the scale of the distances.
const STEPS: usize = 64;

/// The symmetric joint probabilities in compressed rows, multiplied by the number of points so that the entries are of the
/// order of 1 / perplexity instead of vanishing with n.
#[derive(Clone, Debug, PartialEq)]
pub struct Affinities {
    /// Where each row starts in the two other arrays, n + 1 numbers.
    pub row_starts: Vec<u32>,
    /// Columns of the entries, ascending within a row.
    pub columns: Vec<u32>,
    /// n p_ij.
    pub values: Vec<f32>,
}

impl Affinities {
    /// Computes the affinities of the perplexity over the graph's neighbours: p_ij = (p_j|i + p_i|j) / 2n
    /// (L. van der Maaten and G. Hinton, "Visualizing data using t-SNE", 2008, section 3.1).
    ///
    /// # Errors
    /// Any error of the device.
    pub fn new(device: &Device, neighbors: &NeighborGraph, perplexity: f32) -> Result<Self> {
        let (n, k) = (neighbors.n_samples(), neighbors.n_neighbors());
        // Rows are independent: as many at once as a binding holds.
        let rows = (device.max_binding_bytes() as usize / (4 * k)).max(1);
        let mut conditional = Vec::with_capacity(n * k);
        for distances in neighbors.distances().chunks(rows * k) {
            let distances_on_device = Buffer::from_slice(device, "neighbour distances", distances)?;
            let mut probabilities = Buffer::new(device, "conditional probabilities", distances.len())?;
            calibrate(device, &distances_on_device, &mut probabilities, distances.len() / k, k, perplexity)?;
            conditional.extend(probabilities.read(device)?);
        }
        Ok(Self::symmetrised(neighbors.indices(), &conditional, n, k))
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

    /// (P + P^T) / 2 of the n x k conditional probabilities.
    fn symmetrised(indices: &[u32], conditional: &[f32], n: usize, k: usize) -> Self {
        // Each pair is entered from both ends; the rows are then sorted and equal columns merged.
        let mut starts = vec![0_usize; n + 1];
        for (at, &j) in indices.iter().enumerate() {
            starts[at / k + 1] += 1;
            starts[j as usize + 1] += 1;
        }
        for i in 0..n {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut entries = vec![(0_u32, 0.0_f32); 2 * n * k];
        let mut enter = |row: usize, column: usize, value: f32| {
            entries[next[row]] = (column as u32, value);
            next[row] += 1;
        };
        for (at, (&j, &p)) in indices.iter().zip(conditional).enumerate() {
            enter(at / k, j as usize, p * 0.5);
            enter(j as usize, at / k, p * 0.5);
        }
        let (mut row_starts, mut columns, mut values) = (vec![0_u32], Vec::new(), Vec::new());
        for i in 0..n {
            let row = &mut entries[starts[i]..starts[i + 1]];
            // At most two entries share a column, and addition of two commutes: the order among equals does not matter.
            row.sort_unstable_by_key(|entry| entry.0);
            for same in row.chunk_by(|a, b| a.0 == b.0) {
                columns.push(same[0].0);
                values.push(same.iter().map(|entry| entry.1).sum());
            }
            row_starts.push(columns.len() as u32);
        }
        Self { row_starts, columns, values }
    }
}

/// Conditional probabilities p_j|i of each row, which sum to 1. Shapes: `distances` n x k, ascending within a row and not
/// squared; `probabilities` n x k.
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
        Device::Cpu(_) => cpu::calibrate(distances.host(), probabilities.host_mut(), n_neighbors, perplexity.ln()),
        Device::Gpu(gpu) => {
            let uniform = CalibrateParams { n: n as u32, n_neighbors: n_neighbors as u32, log_perplexity: perplexity.ln() };
            let work = (n * n_neighbors * STEPS) as u64;
            gpu.dispatch(&CALIBRATE, &uniform, &[(1, distances.gpu()), (2, probabilities.gpu())], n, work)?;
        }
    }
    Ok(())
}

mod cpu {
    use super::STEPS;
    use rayon::prelude::*;

    /// A mean square below this has no reciprocal in normal numbers: the distances count as equal.
    const LEAST_MEAN: f32 = 1e-37;

    pub fn calibrate(distances: &[f32], probabilities: &mut [f32], k: usize, log_perplexity: f32) {
        probabilities.par_chunks_mut(k).zip(distances.par_chunks(k)).for_each(|(probabilities, distances)| {
            let least = distances[0] * distances[0];
            let mut shifted: Vec<f32> = distances.iter().map(|distance| distance * distance - least).collect();
            let mean = shifted.iter().sum::<f32>() / k as f32;
            let unit = if mean > LEAST_MEAN { 1.0 / mean } else { 1.0 };
            shifted.iter_mut().for_each(|shifted| *shifted *= unit);
            let beta = precision(&shifted, log_perplexity);
            for (probability, shifted) in probabilities.iter_mut().zip(&shifted) {
                *probability = (-beta * shifted).exp();
            }
            let total: f32 = probabilities.iter().sum();
            for probability in probabilities {
                *probability /= total;
            }
        });
    }

    /// beta such that the entropy of p ~ exp(-beta d^2) is the wanted one.
    fn precision(shifted: &[f32], log_perplexity: f32) -> f32 {
        let (mut beta, mut low, mut high) = (1.0, 0.0, None);
        for _ in 0..STEPS {
            let (mut total, mut moment) = (0.0, 0.0);
            for &shifted in shifted {
                let weight = (-beta * shifted).exp();
                total += weight;
                moment += weight * shifted;
            }
            if f32::ln(total) + beta * moment / total > log_perplexity {
                low = beta;
                beta = high.map_or(beta * 2.0, |high: f32| (low + high) * 0.5);
            } else {
                high = Some(beta);
                beta = (low + beta) * 0.5;
            }
        }
        beta
    }
}

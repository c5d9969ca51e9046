//! Affinities of t-SNE: conditional probabilities of the wanted perplexity, symmetrised into a sparse matrix.
//!
//! The bisection runs on the device, one row a thread; the symmetric rows are built on the CPU by counting, O(n k).

use crate::compute::{Buffer, Device, Kernel, kernel, uniform};
use crate::error::Result;
use crate::neighbors::NeighborGraph;
use rayon::prelude::*;

uniform! {
    struct CalibrateParams { n: u32, n_neighbors: u32, log_perplexity: f32 }
}

const CALIBRATE: Kernel = kernel!("affinity", "calibrate", 64, CalibrateParams);

/// Kernels of this room.
pub const KERNELS: &[&Kernel] = &[&CALIBRATE];

/// Rows of one parallel task of the symmetrisation.
const PART_ROWS: usize = 1024;

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
    /// Computes the affinities over the graph's neighbours: p_ij = (p_j|i + p_i|j) / 2n (L. van der Maaten and G. Hinton,
    /// "Visualizing data using t-SNE", 2008, section 3.1), p_j|i being the mean over all `perplexities`, at least one.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn new(device: &Device, neighbors: &NeighborGraph, perplexities: &[f32]) -> Result<Self> {
        let (n, k) = (neighbors.n_samples(), neighbors.n_neighbors());
        // Rows are independent: as many at once as a binding holds.
        let rows = (device.max_binding_bytes() as usize / (4 * k)).max(1);
        let mut conditional = Vec::with_capacity(n * k);
        for distances in neighbors.distances().chunks(rows * k) {
            let distances_on_device = Buffer::from_slice(device, "neighbour distances", distances)?;
            let mut probabilities = Buffer::new(device, "conditional probabilities", distances.len())?;
            let first = conditional.len();
            let share = 1.0 / perplexities.len() as f32;
            for &perplexity in perplexities {
                calibrate(device, &distances_on_device, &mut probabilities, distances.len() / k, k, perplexity)?;
                let scale = probabilities.read(device)?;
                conditional.resize(first + scale.len(), 0.0);
                for (mean, p) in conditional[first..].iter_mut().zip(scale) {
                    *mean += share * p;
                }
            }
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
        let incoming = Incoming::new(indices, conditional, n, k);
        let parts: Vec<Self> = (0..n.div_ceil(PART_ROWS))
            .into_par_iter()
            .map(|part| {
                let mut joined = Self { row_starts: Vec::new(), columns: Vec::new(), values: Vec::new() };
                let mut own = Vec::with_capacity(k);
                for i in part * PART_ROWS..((part + 1) * PART_ROWS).min(n) {
                    own.clear();
                    own.extend(indices[i * k..][..k].iter().copied().zip(conditional[i * k..][..k].iter().copied()));
                    own.sort_unstable_by_key(|entry| entry.0);
                    joined.append_row(&own, incoming.row(i));
                }
                joined
            })
            .collect();
        let mut all = Self { row_starts: vec![0], columns: Vec::new(), values: Vec::new() };
        let n_entries = parts.iter().map(|part| part.columns.len()).sum();
        all.columns.reserve_exact(n_entries);
        all.values.reserve_exact(n_entries);
        for part in parts {
            let first = all.columns.len() as u32;
            all.row_starts.extend(part.row_starts.iter().map(|end| first + end));
            all.columns.extend(part.columns);
            all.values.extend(part.values);
        }
        all
    }

    /// Adds a row of half the sum of two, each with ascending columns, and where it ends.
    fn append_row(&mut self, own: &[(u32, f32)], incoming: &[(u32, f32)]) {
        let (mut a, mut b) = (own.iter().peekable(), incoming.iter().peekable());
        loop {
            let (column, value) = match (a.peek(), b.peek()) {
                (Some(&&(i, p)), Some(&&(j, q))) if i == j => {
                    a.next();
                    b.next();
                    (i, p * 0.5 + q * 0.5)
                }
                (Some(&&(i, p)), other) if other.is_none_or(|&&(j, _)| i < j) => {
                    a.next();
                    (i, p * 0.5)
                }
                (_, Some(&&(j, q))) => {
                    b.next();
                    (j, q * 0.5)
                }
                _ => break,
            };
            self.columns.push(column);
            self.values.push(value);
        }
        self.row_starts.push(self.columns.len() as u32);
    }
}

/// The transposed conditional probabilities in compressed rows.
struct Incoming {
    row_starts: Vec<usize>,
    /// Ascending columns with their values.
    entries: Vec<(u32, f32)>,
}

impl Incoming {
    fn new(indices: &[u32], conditional: &[f32], n: usize, k: usize) -> Self {
        let mut row_starts = vec![0_usize; n + 1];
        for &j in indices {
            row_starts[j as usize + 1] += 1;
        }
        for i in 0..n {
            row_starts[i + 1] += row_starts[i];
        }
        let mut next = row_starts.clone();
        let mut entries = vec![(0, 0.0); indices.len()];
        for (at, (&j, &p)) in indices.iter().zip(conditional).enumerate() {
            entries[next[j as usize]] = ((at / k) as u32, p);
            next[j as usize] += 1;
        }
        Self { row_starts, entries }
    }

    fn row(&self, i: usize) -> &[(u32, f32)] {
        &self.entries[self.row_starts[i]..self.row_starts[i + 1]]
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
    use crate::lanes::{LANES, exp2, has_fused_multiply_add, total};
    use multiversion::multiversion;
    use rayon::prelude::*;
    use std::f32::consts::LOG2_E;

    /// A mean square below this has no reciprocal in normal numbers: the distances count as equal.
    const LEAST_MEAN: f32 = 1e-37;

    pub fn calibrate(distances: &[f32], probabilities: &mut [f32], k: usize, log_perplexity: f32) {
        let fused = has_fused_multiply_add();
        let row: fn(&[f32], &mut [f32], f32) = if fused { calibrate_fused } else { calibrate_row::<false> };
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
    fn calibrate_row<const FUSED: bool>(distances: &[f32], probabilities: &mut [f32], log_perplexity: f32) {
        let k = distances.len();
        let least = distances[0] * distances[0];
        // Filled up with lanes that count for nothing.
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

    /// beta such that the entropy of p ~ exp(-beta d^2) is the wanted one.
    #[inline(always)]
    fn precision<const FUSED: bool>(shifted: &[[f32; LANES]], counted: &[[f32; LANES]], log_perplexity: f32) -> f32 {
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
            // Nothing lies between two neighbouring numbers.
            if beta == last {
                break;
            }
        }
        beta
    }
}

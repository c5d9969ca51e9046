//! Fuzzy graph of UMAP: the strengths with which points are neighbours, as one symmetric sparse
//! matrix.
//!
//! The widths are found on the device, one row a thread; the symmetric rows are built on the CPU.
//! Equal to umap-learn's `fuzzy_simplicial_set`.

use crate::compute::{Buffer, Device, Kernel, Work, kernel, uniform};
use crate::error::Result;
use crate::neighbors::NeighborGraph;
use crate::neighbors::symmetric::{SparseRows, symmetrised};

uniform! {
    struct MembershipParams { n: u32, first: u32, n_neighbors: u32, target_sum: f32, local_connectivity: f32, mean_distance: f32 }
}

const MEMBERSHIP: Kernel = kernel!("fuzzy_graph", "membership", 64, MembershipParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&MEMBERSHIP];

/// Maximum number of halvings and doublings of a width.
const STEPS: usize = 64;

/// Membership strengths of each point's neighbours.
#[derive(Clone, Debug, PartialEq)]
pub struct Memberships {
    /// n x k, 0 to 1.
    pub values: Vec<f32>,
    /// rho: distance up to which neighbours have membership 1, n.
    pub rhos: Vec<f32>,
    /// sigma: width of the decrease beyond it, n.
    pub sigmas: Vec<f32>,
}

/// Targets of the fit of the widths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// Sum of the memberships of a row.
    pub target_sum: f32,
    /// Number of nearest neighbours, of those at a distance above 0, that lie within rho; fractions
    /// interpolate.
    pub local_connectivity: f32,
    /// Mean of all distances, each point's own 0 included: a row whose rho is 0 has a sigma of at
    /// least 1/1000 of it.
    pub mean_distance: f32,
}

impl Reach {
    /// Targets for `n_neighbors` points, including the point itself: log2(n_neighbors).
    pub fn new(neighbors: &NeighborGraph, local_connectivity: f32) -> Self {
        let n_neighbors = neighbors.n_neighbors() + 1;
        let total: f64 = neighbors.distances().iter().map(|&distance| f64::from(distance)).sum();
        Self {
            target_sum: (n_neighbors as f32).log2(),
            local_connectivity,
            mean_distance: (total / (neighbors.n_samples() * n_neighbors) as f64) as f32,
        }
    }
}

/// Power of two that brings distances near 1 if a search that starts at 1 would not reach their
/// size; 1 otherwise.
fn unit(mean_distance: f32) -> f32 {
    let exponent = mean_distance.log2().floor();
    if mean_distance == 0.0 || (-40.0..=30.0).contains(&exponent) {
        1.0
    } else {
        (-exponent).clamp(-120.0, 120.0).exp2()
    }
}

impl Memberships {
    /// Fits each row's width (L. McInnes, J. Healy and J. Melville, "UMAP", 2018, algorithms 2 and
    /// 3).
    ///
    /// # Errors
    /// Any error of the device.
    pub fn new(
        device: &Device,
        neighbors: &NeighborGraph,
        local_connectivity: f32,
    ) -> Result<Self> {
        let (n, k) = (neighbors.n_samples(), neighbors.n_neighbors());
        let mut reach = Reach::new(neighbors, local_connectivity);
        // The search for a width starts at 1, and doubles or halves.
        let unit = unit(reach.mean_distance);
        reach.mean_distance *= unit;
        let mut all = Self {
            values: Vec::with_capacity(n * k),
            rhos: Vec::with_capacity(n),
            sigmas: Vec::with_capacity(n),
        };
        // Rows are independent: as many at once as fit a binding.
        let rows = (device.max_binding_bytes() as usize / (4 * k.max(2))).max(1);
        for distances in neighbors.distances().chunks(rows * k) {
            let n = distances.len() / k;
            let distances: Vec<f32> = distances.iter().map(|distance| distance * unit).collect();
            let distances = Buffer::from_slice(device, "neighbour distances", &distances)?;
            let mut values = Buffer::new(device, "memberships", n * k)?;
            let mut scales = Buffer::new(device, "widths", 2 * n)?;
            membership(device, &distances, &mut values, &mut scales, (n, k), reach)?;
            all.values.extend(values.read(device)?);
            let scales = scales.read(device)?;
            all.rhos.extend(scales.iter().step_by(2).map(|scale| scale / unit));
            all.sigmas.extend(scales.iter().skip(1).step_by(2).map(|scale| scale / unit));
        }
        Ok(all)
    }
}

/// A symmetric weighted graph in compressed rows.
#[derive(Clone, Debug, PartialEq)]
pub struct FuzzyGraph {
    /// Start of each row in the two other arrays, n + 1 numbers.
    pub row_starts: Vec<u32>,
    /// The points at the other ends, ascending within a row.
    pub columns: Vec<u32>,
    /// Weights of the edges, above 0.
    pub weights: Vec<f32>,
}

impl FuzzyGraph {
    /// Joins both directions of every edge: m (v + v' - v v') + (1 - m) v v', where v and v' are
    /// the two memberships and m the `set_op_mix_ratio`: 1 gives the fuzzy union, 0 the
    /// intersection.
    pub fn new(indices: &[u32], memberships: &[f32], n: usize, set_op_mix_ratio: f32) -> Self {
        let joined = |v: f32, w: f32| {
            let product = v * w;
            let weight = set_op_mix_ratio * (v + w - product) + (1.0 - set_op_mix_ratio) * product;
            (weight > 0.0).then_some(weight)
        };
        let SparseRows { row_starts, columns, values: weights } =
            symmetrised(indices, memberships, n, joined);
        Self { row_starts, columns, weights }
    }

    /// Number of points.
    pub fn n_samples(&self) -> usize {
        self.row_starts.len() - 1
    }

    /// Row `i`: columns and weights.
    pub fn row(&self, i: usize) -> (&[u32], &[f32]) {
        let range = self.row_starts[i] as usize..self.row_starts[i + 1] as usize;
        (&self.columns[range.clone()], &self.weights[range])
    }

    /// Divides the weights by the largest and drops those below 1 / n_epochs, which umap-learn
    /// would never sample.
    pub fn normalised(mut self, n_epochs: usize) -> Self {
        let largest =
            self.weights.iter().fold(f32::MIN_POSITIVE, |largest, &weight| largest.max(weight));
        let least = 1.0 / n_epochs as f32;
        let mut kept = 0;
        let mut start = 0;
        for i in 0..self.n_samples() {
            let end = self.row_starts[i + 1] as usize;
            for at in start..end {
                let weight = self.weights[at] / largest;
                if weight >= least {
                    self.columns[kept] = self.columns[at];
                    self.weights[kept] = weight;
                    kept += 1;
                }
            }
            start = end;
            self.row_starts[i + 1] = kept as u32;
        }
        self.columns.truncate(kept);
        self.weights.truncate(kept);
        self
    }

    /// Connected component of each point, numbered in the order of their first points, and the
    /// number of components.
    pub fn components(&self) -> (Vec<u32>, usize) {
        const UNSEEN: u32 = u32::MAX;
        let mut component = vec![UNSEEN; self.n_samples()];
        let mut count = 0;
        let mut waiting = Vec::new();
        for first in 0..self.n_samples() {
            if component[first] != UNSEEN {
                continue;
            }
            component[first] = count;
            waiting.push(first);
            while let Some(i) = waiting.pop() {
                for &j in self.row(i).0 {
                    if component[j as usize] == UNSEEN {
                        component[j as usize] = count;
                        waiting.push(j as usize);
                    }
                }
            }
            count += 1;
        }
        (component, count as usize)
    }
}

/// Memberships of each row's neighbours, rho and sigma. Shapes: `distances` n x k, ascending within
/// a row and not squared; `memberships` n x k; `scales` n x 2; `shape` is (n, k).
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn membership(
    device: &Device,
    distances: &Buffer<f32>,
    memberships: &mut Buffer<f32>,
    scales: &mut Buffer<f32>,
    shape: (usize, usize),
    reach: Reach,
) -> Result<()> {
    let (n, k) = shape;
    let from = |first: usize, rows: usize| MembershipParams {
        n: (first + rows) as u32,
        first: first as u32,
        n_neighbors: k as u32,
        target_sum: reach.target_sum,
        local_connectivity: reach.local_connectivity,
        mean_distance: reach.mean_distance,
    };
    match device {
        Device::Cpu(_) => cpu::membership(
            distances.host(),
            memberships.host_mut(),
            scales.host_mut(),
            &from(0, n),
        ),
        Device::Gpu(gpu) => {
            let bindings = [(1, distances.gpu()), (2, memberships.gpu()), (3, scales.gpu())];
            // Every step takes an exponential of each neighbour, and a few operations; a row stays
            // in the cache.
            let row = Work::new((STEPS * 4) as u64, 16).times(k);
            gpu.dispatch_items(&MEMBERSHIP, &bindings, n, row, from)?;
        }
    }
    Ok(())
}

/// Smallest sigma as a share of the mean distance.
pub(super) const LEAST_SHARE: f32 = 1e-3;

pub(super) use cpu::{nearness, width};

mod cpu {
    use super::{LEAST_SHARE, MembershipParams, STEPS};
    use rayon::prelude::*;

    const TOLERANCE: f32 = 1e-5;

    pub fn membership(
        distances: &[f32],
        memberships: &mut [f32],
        scales: &mut [f32],
        params: &MembershipParams,
    ) {
        let k = params.n_neighbors as usize;
        let rows = memberships
            .par_chunks_mut(k)
            .zip(distances.par_chunks(k))
            .zip(scales.par_chunks_mut(2));
        rows.with_min_len(64).for_each(|((memberships, distances), scales)| {
            let rho = local_distance(distances, params.local_connectivity);
            let total: f32 = distances.iter().sum();
            let mean = if rho > 0.0 { total / (k + 1) as f32 } else { params.mean_distance };
            let sigma = width(distances, rho, params.target_sum).max(LEAST_SHARE * mean);
            for (membership, &distance) in memberships.iter_mut().zip(distances) {
                *membership = nearness(distance, rho, sigma);
            }
            scales.copy_from_slice(&[rho, sigma]);
        });
    }

    pub fn nearness(distance: f32, rho: f32, sigma: f32) -> f32 {
        let beyond = distance - rho;
        if beyond <= 0.0 || sigma == 0.0 { 1.0 } else { (-beyond / sigma).exp() }
    }

    /// Distance to the neighbour with that number among those at a distance above 0, or to the
    /// farthest if there are fewer.
    fn local_distance(distances: &[f32], local_connectivity: f32) -> f32 {
        let whole = local_connectivity as usize;
        let (mut below, mut above, mut count) = (0.0, 0.0, 0);
        for &distance in distances.iter().filter(|&&distance| distance > 0.0).take(whole + 1) {
            (below, above) = (above, distance);
            count += 1;
        }
        if count as f32 <= local_connectivity {
            above
        } else {
            below + local_connectivity.fract() * (above - below)
        }
    }

    /// Sigma for which the memberships sum to `target`.
    pub fn width(distances: &[f32], rho: f32, target: f32) -> f32 {
        let (mut sigma, mut low, mut high) = (1.0, 0.0, None);
        for _ in 0..STEPS {
            let sum: f32 = distances.iter().map(|&distance| nearness(distance, rho, sigma)).sum();
            if (sum - target).abs() < TOLERANCE {
                break;
            }
            if sum > target {
                high = Some(sigma);
                sigma = (low + sigma) * 0.5;
            } else {
                low = sigma;
                sigma = high.map_or(sigma * 2.0, |high: f32| (low + high) * 0.5);
            }
        }
        sigma
    }
}

//! Layout of UMAP, as kernels with their twins: an epoch of the fit, and the placement of new
//! points among fitted ones.
//!
//! umap-learn takes edges one after the other and moves both ends. Here every point gathers the
//! pulls of all its edges, weighted instead of sampled, and the pushes of 16 random points, and
//! takes one step from the coordinates of the previous epoch. The step is divided by 1 + the
//! stiffness of the point's own edges, which keeps simultaneous moves from overshooting, and has
//! momentum. So an epoch needs no atomics and no order, and the same seed gives the same bytes.
//! O(edges) an epoch.

use super::FuzzyGraph;
use crate::compute::{Buffer, Device, Kernel, Work, dispatches, kernel, longest_row, uniform};
use crate::error::Result;
use rayon::prelude::*;
use std::ops::Range;

uniform! {
    struct AdvanceParams {
        n: u32, n_components: u32, a: f32, b: f32, repulsion: f32, negative_rate: f32, momentum: f32, step: f32,
        max_step_norm: f32, key: u32, first: u32, most: u32
    }
}
uniform! {
    struct SettleParams {
        n: u32, first: u32, n_fitted: u32, n_neighbors: u32, n_components: u32, a: f32, b: f32, repulsion: f32,
        negative_rate: f32, step: f32, target_sum: f32, seed: u32, n_epochs: u32, first_epoch: u32, last_epoch: u32
    }
}

const ADVANCE: Kernel = kernel!("fuzzy_layout" + "map", "advance", 64, AdvanceParams);
const SETTLE: Kernel = kernel!("fuzzy_layout" + "map", "settle", 64, SettleParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&ADVANCE, &SETTLE];

/// Number of random points that push a point in an epoch; they stand for `negative_sample_rate`
/// times its summed weights.
pub const NEGATIVES: usize = 16;

/// Number of threads of one point in an epoch.
const LANES: usize = 8;

/// Number of operations of a pull with its stiffness, or of a push, besides the differences and
/// products of each axis.
const FORCE: u64 = 20;

/// Number of edges of a point that one dispatch handles in so many turns; the random points take
/// turns too.
fn most_edges(turns: usize) -> usize {
    LANES * (turns - NEGATIVES.div_ceil(LANES))
}

/// A weighted graph on a device.
#[derive(Debug)]
pub struct Edges {
    pub(super) row_starts: Buffer<u32>,
    pub(super) columns: Buffer<u32>,
    pub(super) weights: Buffer<f32>,
    /// Sum of each row's weights.
    pub(super) degrees: Buffer<f32>,
    pub(super) longest_row: usize,
    /// Points by descending number of edges. The longest row is some ten times the mean, and on a
    /// GPU neighbouring threads wait for the longest of their rows.
    order: Buffer<u32>,
    /// Number of points whose rows are too long for one dispatch, and a buffer for their
    /// intermediate sums.
    n_long: usize,
    sums: Buffer<f32>,
    pub(super) n: usize,
    pub(super) n_edges: u64,
}

impl Edges {
    /// Copies the graph to the device.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory) if it does not fit.
    pub fn new(device: &Device, graph: &FuzzyGraph) -> Result<Self> {
        let mut order: Vec<u32> = (0..graph.n_samples() as u32).collect();
        order.par_sort_by_key(|&i| std::cmp::Reverse(graph.row(i as usize).0.len()));
        let most = match device {
            Device::Cpu(_) => usize::MAX,
            Device::Gpu(gpu) => most_edges(gpu.most_turns()),
        };
        let n_long = order.partition_point(|&i| graph.row(i as usize).0.len() > most);
        let degrees: Vec<f32> =
            (0..graph.n_samples()).into_par_iter().map(|i| graph.row(i).1.iter().sum()).collect();
        Ok(Self {
            row_starts: Buffer::from_slice(device, "rows of edges", &graph.row_starts)?,
            columns: Buffer::from_slice(device, "edges", &graph.columns)?,
            weights: Buffer::from_slice(device, "weights of edges", &graph.weights)?,
            degrees: Buffer::from_slice(device, "degrees", &degrees)?,
            longest_row: longest_row(&graph.row_starts),
            order: Buffer::from_slice(device, "order of rows", &order)?,
            n_long,
            sums: Buffer::new(device, "forces of long rows", 5 * n_long.max(1))?,
            n: graph.n_samples(),
            n_edges: graph.columns.len() as u64,
        })
    }
}

/// Parameters of the forces between two points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forces {
    /// Dimensions of the embedding, 2 or 3.
    pub n_components: usize,
    /// Factor a of the membership 1 / (1 + a d^(2b)) at distance d.
    pub a: f32,
    /// Exponent b of the membership.
    pub b: f32,
    /// Factor gamma of the pushes.
    pub repulsion_strength: f32,
    /// Number of pushes by random points for each pull of weight 1.
    pub negative_sample_rate: f32,
}

/// Parameters of one epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Share of the last velocity that is kept (momentum).
    pub momentum: f32,
    /// Factor of the forces.
    pub step: f32,
    /// Maximum length of a velocity.
    pub max_step_norm: f32,
    /// Key of the random numbers of the epoch.
    pub key: u32,
}

/// One epoch of the fit. Shapes: `places`, `velocities` and `moved` n x n_components; `moved`
/// receives the new coordinates.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn advance(
    device: &Device,
    edges: &Edges,
    forces: Forces,
    epoch: Epoch,
    places: &Buffer<f32>,
    velocities: &mut Buffer<f32>,
    moved: &mut Buffer<f32>,
) -> Result<()> {
    let from = |first, most| AdvanceParams {
        n: edges.n as u32,
        n_components: forces.n_components as u32,
        a: forces.a,
        b: forces.b,
        repulsion: 2.0 * forces.repulsion_strength * forces.b,
        negative_rate: forces.negative_sample_rate / NEGATIVES as f32,
        momentum: epoch.momentum,
        step: epoch.step,
        max_step_norm: epoch.max_step_norm,
        key: epoch.key,
        first,
        most,
    };
    match device {
        Device::Cpu(_) => {
            cpu::advance(edges, &from(0, 0), places.host(), velocities.host_mut(), moved.host_mut())
        }
        Device::Gpu(gpu) => {
            let bindings = [
                (1, places.gpu()),
                (2, edges.order.gpu()),
                (3, edges.row_starts.gpu()),
                (4, edges.columns.gpu()),
                (5, edges.weights.gpu()),
                (6, velocities.gpu()),
                (7, moved.gpu()),
                (8, edges.sums.gpu()),
            ];
            let most = most_edges(gpu.most_turns());
            let axes = forces.n_components as u64;
            for first in dispatches(edges.longest_row, most) {
                // All points, then those with remaining edges.
                let items = if first == 0 { edges.n } else { edges.n_long };
                // An edge has a column, a weight and coordinates, a random point its coordinates; a
                // point moves.
                let edges_now =
                    Work::new(FORCE + 6 * axes, 8 + 4 * axes).times(edges.n_edges as usize);
                let points = Work::new(
                    NEGATIVES as u64 * (FORCE + 12 + 6 * axes),
                    12 + (NEGATIVES as u64 + 4) * 4 * axes,
                )
                .times(items);
                let work = edges_now.plus(points);
                gpu.dispatch(&ADVANCE, &from(first, most as u32), &bindings, LANES * items, work)?;
            }
        }
    }
    Ok(())
}

/// New points among fitted ones.
#[derive(Debug)]
pub struct NewPoints<'a> {
    /// Coordinates of the fitted points, m x n_components.
    pub fitted: &'a Buffer<f32>,
    /// Each new point's nearest fitted ones, n x k.
    pub neighbors: &'a Buffer<u32>,
    /// Their distances, ascending within a row, n x k.
    pub distances: &'a Buffer<f32>,
    /// Number of new points and of neighbours of each: (n, k).
    pub shape: (usize, usize),
    /// Target sum of the memberships of each new point's neighbours.
    pub target_sum: f32,
}

/// Parameters of the placement of new points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settling {
    /// Factor of the forces in the first epoch; it falls linearly to 0.
    pub step: f32,
    /// Key of the random numbers.
    pub seed: u32,
    /// Number of epochs.
    pub n_epochs: usize,
}

/// Moves new points by the pulls of their neighbours and the pushes of random fitted points, which
/// are drawn by the neighbours' ids. Shape: `settled` n x n_components, the initial coordinates
/// and, afterwards, the final ones.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn settle(
    device: &Device,
    new: &NewPoints<'_>,
    forces: Forces,
    how: Settling,
    settled: &mut Buffer<f32>,
) -> Result<()> {
    let (n, k) = new.shape;
    let from = |rows: Range<usize>, epochs: Range<u32>| SettleParams {
        n: rows.end as u32,
        first: rows.start as u32,
        n_fitted: (new.fitted.len() / forces.n_components) as u32,
        n_neighbors: k as u32,
        n_components: forces.n_components as u32,
        a: forces.a,
        b: forces.b,
        repulsion: 2.0 * forces.repulsion_strength * forces.b,
        negative_rate: forces.negative_sample_rate / NEGATIVES as f32,
        step: how.step,
        target_sum: new.target_sum,
        seed: how.seed,
        n_epochs: how.n_epochs as u32,
        first_epoch: epochs.start,
        last_epoch: epochs.end,
    };
    let n_epochs = how.n_epochs as u32;
    match device {
        Device::Cpu(_) => {
            let fitted = new.fitted.host();
            let neighbors = new.neighbors.host();
            let distances = new.distances.host();
            cpu::settle(&from(0..n, 0..n_epochs), fitted, neighbors, distances, settled.host_mut());
        }
        Device::Gpu(gpu) => {
            let bindings = [
                (1, new.fitted.gpu()),
                (2, new.neighbors.gpu()),
                (3, new.distances.gpu()),
                (4, settled.gpu()),
            ];
            // The width of the memberships is computed again each time, in up to 65 rounds over the
            // neighbours.
            let together = gpu.most_turns().saturating_sub(66 * (k + 1)) / (k + NEGATIVES + 1);
            let axes = forces.n_components as u64;
            for first in dispatches(how.n_epochs, together) {
                let last = n_epochs.min(first + together.max(1) as u32);
                // The width, mostly in some 20 rounds; then all neighbours and random points in
                // every epoch.
                let forces = (k + NEGATIVES) as u64;
                let epoch = Work::new(forces * (FORCE + 12 + 6 * axes), forces * (8 + 4 * axes))
                    .times((last - first) as usize);
                let row = epoch.plus(Work::new(60, 80).times(k));
                // Rows are independent.
                gpu.dispatch_items(&SETTLE, &bindings, n, row, |at, rows| {
                    from(at..at + rows, first..last)
                })?;
            }
        }
    }
    Ok(())
}

mod cpu {
    use super::super::lanes::{Coefficients, Pulls, Pushes, draw};
    use super::{AdvanceParams, Edges, NEGATIVES, SettleParams};
    use crate::embedding::umap::fuzzy_graph::{LEAST_SHARE, nearness, width};
    use crate::lanes::{LANES, has_fused_multiply_add};
    use crate::random::lowbias32;
    use multiversion::multiversion;
    use rayon::prelude::*;

    /// Number of points that one task moves.
    const ROWS: usize = 64;

    /// Inputs of one task.
    #[derive(Clone, Copy)]
    struct Share<'a> {
        params: &'a AdvanceParams,
        starts: &'a [u32],
        columns: &'a [u32],
        weights: &'a [f32],
        places: &'a [f32],
        first: usize,
    }

    pub fn advance(
        edges: &Edges,
        params: &AdvanceParams,
        places: &[f32],
        velocities: &mut [f32],
        moved: &mut [f32],
    ) {
        let starts = edges.row_starts.host();
        let columns = edges.columns.host();
        let weights = edges.weights.host();
        let task = ROWS * params.n_components as usize;
        let fused = has_fused_multiply_add();
        let tasks = moved.par_chunks_mut(task).zip(velocities.par_chunks_mut(task)).enumerate();
        tasks.for_each(|(task, (moved, velocities))| {
            let share = Share { params, starts, columns, weights, places, first: task * ROWS };
            match (params.n_components, fused) {
                (3, true) => fused_rows_3d(share, velocities, moved),
                (3, false) => rows::<3, false>(share, velocities, moved),
                (_, true) => fused_rows_2d(share, velocities, moved),
                (_, false) => rows::<2, false>(share, velocities, moved),
            }
        });
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn fused_rows_2d(share: Share<'_>, velocities: &mut [f32], moved: &mut [f32]) {
        rows::<2, true>(share, velocities, moved);
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn fused_rows_3d(share: Share<'_>, velocities: &mut [f32], moved: &mut [f32]) {
        rows::<3, true>(share, velocities, moved);
    }

    #[inline(always)]
    fn rows<const D: usize, const FUSED: bool>(
        share: Share<'_>,
        velocities: &mut [f32],
        moved: &mut [f32],
    ) {
        let Share { params, starts, columns, weights, places, first } = share;
        let (places, _) = places.as_chunks::<D>();
        let coefficients = Coefficients { a: params.a, b: params.b, repulsion: params.repulsion };
        let (velocities, _) = velocities.as_chunks_mut::<D>();
        let (moved, _) = moved.as_chunks_mut::<D>();
        for (row, (velocity, moved)) in velocities.iter_mut().zip(moved).enumerate() {
            let i = first + row;
            let at = places[i];
            let mut pulls = Pulls::<D>::new();
            let range = starts[i] as usize..starts[i + 1] as usize;
            for (columns, weights) in
                columns[range.clone()].chunks(LANES).zip(weights[range].chunks(LANES))
            {
                pulls.add::<FUSED>(coefficients, at, places, columns, weights);
            }
            let mut pushes = Pushes::<D>::new();
            let others =
                draw((i as u32).wrapping_mul(NEGATIVES as u32).wrapping_add(params.key), params.n);
            pushes.add::<FUSED>(coefficients, at, places, &others);
            let (pulled, stiffness, degree) = pulls.totals();
            let pushed = pushes.totals();
            let push = params.negative_rate * degree;
            let step = params.step / (1.0 + 2.0 * stiffness);
            for axis in 0..D {
                let force = push * pushed[axis] - 2.0 * pulled[axis];
                velocity[axis] = params.momentum * velocity[axis] + step * force;
            }
            let length_squared: f32 = velocity.iter().map(|v| v * v).sum();
            if length_squared > params.max_step_norm * params.max_step_norm {
                let shrink = params.max_step_norm / length_squared.sqrt();
                velocity.iter_mut().for_each(|v| *v *= shrink);
            }
            *moved = std::array::from_fn(|axis| at[axis] + velocity[axis]);
        }
    }

    pub fn settle(
        params: &SettleParams,
        fitted: &[f32],
        neighbors: &[u32],
        distances: &[f32],
        settled: &mut [f32],
    ) {
        let k = params.n_neighbors as usize;
        let fused = has_fused_multiply_add();
        let rows = settled
            .par_chunks_mut(params.n_components as usize)
            .zip(neighbors.par_chunks(k))
            .zip(distances.par_chunks(k));
        rows.for_each(|((settled, neighbors), distances)| match (params.n_components, fused) {
            (3, true) => fused_settle_3d(params, fitted, neighbors, distances, settled),
            (3, false) => settle_one::<3, false>(params, fitted, neighbors, distances, settled),
            (_, true) => fused_settle_2d(params, fitted, neighbors, distances, settled),
            (_, false) => settle_one::<2, false>(params, fitted, neighbors, distances, settled),
        });
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn fused_settle_2d(
        params: &SettleParams,
        fitted: &[f32],
        neighbors: &[u32],
        distances: &[f32],
        settled: &mut [f32],
    ) {
        settle_one::<2, true>(params, fitted, neighbors, distances, settled);
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn fused_settle_3d(
        params: &SettleParams,
        fitted: &[f32],
        neighbors: &[u32],
        distances: &[f32],
        settled: &mut [f32],
    ) {
        settle_one::<3, true>(params, fitted, neighbors, distances, settled);
    }

    #[inline(always)]
    fn settle_one<const D: usize, const FUSED: bool>(
        params: &SettleParams,
        fitted: &[f32],
        neighbors: &[u32],
        distances: &[f32],
        settled: &mut [f32],
    ) {
        let (places, _) = fitted.as_chunks::<D>();
        let coefficients = Coefficients { a: params.a, b: params.b, repulsion: params.repulsion };
        let key = neighbors.iter().fold(params.seed, |key, &id| lowbias32(key ^ id));
        let mean = distances.iter().sum::<f32>() / distances.len() as f32;
        let sigma = width(distances, 0.0, params.target_sum).max(LEAST_SHARE * mean);
        // The nearest neighbour has the largest membership.
        let largest = nearness(distances[0], 0.0, sigma).max(f32::MIN_POSITIVE);
        let weights: Vec<f32> =
            distances.iter().map(|&distance| nearness(distance, 0.0, sigma) / largest).collect();
        let mut at: [f32; D] = std::array::from_fn(|axis| settled[axis]);
        for epoch in 0..params.n_epochs {
            let mut pulls = Pulls::<D>::new();
            for (neighbors, weights) in neighbors.chunks(LANES).zip(weights.chunks(LANES)) {
                pulls.add::<FUSED>(coefficients, at, places, neighbors, weights);
            }
            let mut pushes = Pushes::<D>::new();
            pushes.add::<FUSED>(
                coefficients,
                at,
                places,
                &draw(key.wrapping_add(epoch * NEGATIVES as u32), params.n_fitted),
            );
            let (pulled, stiffness, degree) = pulls.totals();
            let pushed = pushes.totals();
            let step =
                params.step * (1.0 - epoch as f32 / params.n_epochs as f32) / (1.0 + stiffness);
            for axis in 0..D {
                at[axis] += step * (params.negative_rate * degree * pushed[axis] - pulled[axis]);
            }
        }
        settled.copy_from_slice(&at);
    }
}

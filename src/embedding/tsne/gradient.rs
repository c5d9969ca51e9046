//! The gradient of t-SNE, its optimiser's step and its divergence, as kernels with their twins.
//!
//! With q_ij = 1 / (1 + |y_i - y_j|^2) and Z the sum of all q, the gradient here is
//! sum_j exaggeration p_ij q_ij (y_i - y_j) - (1 / Z) sum_j q_ij^2 (y_i - y_j), as in openTSNE: van der Maaten's, and
//! scikit-learn's, is four times this. Attraction is O(n k); repulsion is exact, O(n^2), or by the [`grid`](super::grid).

use super::affinity::Affinities;
use super::grid::{Accuracy, GridRepulsion};
use crate::compute::reduce::Sum;
use crate::compute::{Buffer, Device, Kernel, kernel, uniform};
use crate::error::Result;

uniform! {
    struct RepulsionParams { first: u32, n_rows: u32, n: u32 }
}
uniform! {
    struct AttractionParams { n: u32 }
}
uniform! {
    struct DivergenceParams { n: u32 }
}
uniform! {
    struct StepParams { n: u32, exaggeration: f32, rate: f32, momentum: f32, max_step_norm: f32 }
}

const REPULSION: Kernel = kernel!("gradient", "repulsion", 256, RepulsionParams);
const ATTRACTION: Kernel = kernel!("gradient", "attraction", 64, AttractionParams);
const KL_DIVERGENCE: Kernel = kernel!("gradient", "kl_divergence", 64, DivergenceParams);
const DESCEND: Kernel = kernel!("gradient", "descend", 64, StepParams);

/// Kernels of this room.
pub const KERNELS: &[&Kernel] = &[&REPULSION, &ATTRACTION, &KL_DIVERGENCE, &DESCEND];

/// Pairs of one dispatch of the repulsion at most: some 0.1 s on an integrated GPU, below every driver's watchdog.
const PAIRS_PER_DISPATCH: usize = 1 << 30;

/// Affinities on a device.
#[derive(Debug)]
pub struct Graph {
    row_starts: Buffer<u32>,
    columns: Buffer<u32>,
    values: Buffer<f32>,
    n: usize,
    n_edges: u64,
}

impl Graph {
    /// Copies the affinities to the device.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory) if they do not fit.
    ///
    /// # Panics
    /// If a column is not below the number of rows.
    pub fn new(device: &Device, affinities: &Affinities) -> Result<Self> {
        let n = affinities.n_samples();
        assert!(affinities.columns.iter().all(|&column| (column as usize) < n), "an affinity to a point that is none");
        Ok(Self {
            row_starts: Buffer::from_slice(device, "affinity rows", &affinities.row_starts)?,
            columns: Buffer::from_slice(device, "affinity columns", &affinities.columns)?,
            values: Buffer::from_slice(device, "affinities", &affinities.values)?,
            n: affinities.n_samples(),
            n_edges: affinities.columns.len() as u64,
        })
    }
}

/// How the repulsive forces are computed.
#[derive(Debug)]
enum Repulsor {
    /// Over all pairs.
    Exact { q_sums: Buffer<f32>, sum: Sum },
    /// By a grid.
    Grid(Box<GridRepulsion>),
}

/// The two forces on every point and the normaliser Z.
#[derive(Debug)]
pub struct Forces {
    /// n sum_j p_ij q_ij (y_i - y_j), n x 2.
    pub attractions: Buffer<f32>,
    /// sum_j q_ij^2 (y_i - y_j), n x 2.
    pub repulsions: Buffer<f32>,
    /// Z, one number.
    pub q_total: Buffer<f32>,
    repulsor: Repulsor,
    n: usize,
}

impl Forces {
    /// Room for the forces on `n` points, with the repulsion over all pairs.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory).
    pub fn exact(device: &Device, n: usize) -> Result<Self> {
        let q_sums = Buffer::new(device, "row sums of q", n)?;
        Self::new(device, n, Repulsor::Exact { q_sums, sum: Sum::new(device, n)? })
    }

    /// Room for the forces on `n` points, with the repulsion by a grid.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory).
    pub fn on_grid(device: &Device, n: usize, accuracy: Accuracy) -> Result<Self> {
        Self::new(device, n, Repulsor::Grid(Box::new(GridRepulsion::new(device, n, accuracy)?)))
    }

    fn new(device: &Device, n: usize, repulsor: Repulsor) -> Result<Self> {
        Ok(Self {
            attractions: Buffer::new(device, "attractions", 2 * n)?,
            repulsions: Buffer::new(device, "repulsions", 2 * n)?,
            q_total: Buffer::new(device, "normaliser", 1)?,
            repulsor,
            n,
        })
    }

    /// Computes repulsion, normaliser and attraction at the places `y`, n x 2.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn compute(&mut self, device: &Device, graph: &Graph, y: &Buffer<f32>) -> Result<()> {
        match &mut self.repulsor {
            Repulsor::Exact { q_sums, sum } => {
                repulsion(device, y, &mut self.repulsions, q_sums, self.n)?;
                sum.run(device, q_sums, &mut self.q_total)?;
            }
            Repulsor::Grid(grid) => grid.compute(device, y, &mut self.repulsions, &mut self.q_total)?,
        }
        attraction(device, y, graph, &mut self.attractions)
    }

    /// Whether the map has been larger than a grid that was made for it, so that some forces were wrong.
    pub fn has_outgrown_the_grid(&self) -> bool {
        matches!(&self.repulsor, Repulsor::Grid(grid) if grid.has_been_outgrown())
    }

    /// Reads the gradient, n x 2: exaggeration x attraction - repulsion / Z.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn gradient(&self, device: &Device, exaggeration: f32) -> Result<Vec<f32>> {
        let (attractions, repulsions) = (self.attractions.read(device)?, self.repulsions.read(device)?);
        let scale = 1.0 / self.q_total.read(device)?[0];
        let attract = exaggeration / self.n as f32;
        Ok(attractions.iter().zip(&repulsions).map(|(a, r)| attract * a - scale * r).collect())
    }

    /// KL(P || Q) at the places `y` of the last [`Forces::compute`], to `divergence[0]`.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel).
    pub fn divergence(&self, device: &Device, graph: &Graph, y: &Buffer<f32>, divergence: &mut Buffer<f32>) -> Result<()> {
        let mut shares = Buffer::new(device, "divergences", self.n)?;
        kl_divergence(device, y, graph, &self.q_total, &mut shares)?;
        Sum::new(device, self.n)?.run(device, &shares, divergence)
    }
}

/// One step of gradient descent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Factor of the attraction.
    pub exaggeration: f32,
    /// Learning rate.
    pub learning_rate: f32,
    /// Share of the last update that is kept.
    pub momentum: f32,
    /// Length that no point's update exceeds.
    pub max_step_norm: f32,
}

/// Repulsive forces and row sums of q, self excluded. Shapes: `y` n x 2, `repulsions` n x 2, `q_sums` n.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn repulsion(
    device: &Device,
    y: &Buffer<f32>,
    repulsions: &mut Buffer<f32>,
    q_sums: &mut Buffer<f32>,
    n: usize,
) -> Result<()> {
    match device {
        Device::Cpu(_) => cpu::repulsion(y.host(), repulsions.host_mut(), q_sums.host_mut()),
        Device::Gpu(gpu) => {
            let rows = (PAIRS_PER_DISPATCH / n).next_multiple_of(REPULSION.workgroup_size as usize);
            for first in (0..n).step_by(rows) {
                let n_rows = rows.min(n - first);
                let uniform = RepulsionParams { first: first as u32, n_rows: n_rows as u32, n: n as u32 };
                let bindings = [(1, y.gpu()), (2, repulsions.gpu()), (3, q_sums.gpu())];
                gpu.dispatch(&REPULSION, &uniform, &bindings, n_rows, (n_rows * n) as u64)?;
            }
        }
    }
    Ok(())
}

/// Attractive forces times n. Shapes: `y` n x 2, `attractions` n x 2.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn attraction(device: &Device, y: &Buffer<f32>, graph: &Graph, attractions: &mut Buffer<f32>) -> Result<()> {
    match device {
        Device::Cpu(_) => cpu::attraction(y.host(), graph, attractions.host_mut()),
        Device::Gpu(gpu) => {
            let bindings = [
                (1, y.gpu()),
                (2, graph.row_starts.gpu()),
                (3, graph.columns.gpu()),
                (4, graph.values.gpu()),
                (5, attractions.gpu()),
            ];
            gpu.dispatch(&ATTRACTION, &AttractionParams { n: graph.n as u32 }, &bindings, graph.n, graph.n_edges)?;
        }
    }
    Ok(())
}

/// Each row's share of KL(P || Q). Shapes: `y` n x 2, `q_total` 1, `divergences` n.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn kl_divergence(
    device: &Device,
    y: &Buffer<f32>,
    graph: &Graph,
    q_total: &Buffer<f32>,
    divergences: &mut Buffer<f32>,
) -> Result<()> {
    match device {
        Device::Cpu(_) => cpu::kl_divergence(y.host(), graph, q_total.host()[0], divergences.host_mut()),
        Device::Gpu(gpu) => {
            let bindings = [
                (1, y.gpu()),
                (2, graph.row_starts.gpu()),
                (3, graph.columns.gpu()),
                (4, graph.values.gpu()),
                (5, q_total.gpu()),
                (6, divergences.gpu()),
            ];
            gpu.dispatch(&KL_DIVERGENCE, &DivergenceParams { n: graph.n as u32 }, &bindings, graph.n, 2 * graph.n_edges)?;
        }
    }
    Ok(())
}

/// Moves every point. Shapes: `states` n x 4 (update in x and y, gain in x and y; start at 0, 0, 1, 1), `y` n x 2.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn descend(device: &Device, forces: &Forces, step: Step, states: &mut Buffer<f32>, y: &mut Buffer<f32>) -> Result<()> {
    let n = forces.n;
    let uniform = StepParams {
        n: n as u32,
        exaggeration: step.exaggeration,
        rate: step.learning_rate / n as f32,
        momentum: step.momentum,
        max_step_norm: step.max_step_norm,
    };
    match device {
        Device::Cpu(_) => cpu::descend(forces, &uniform, states.host_mut(), y.host_mut()),
        Device::Gpu(gpu) => {
            let bindings = [
                (1, forces.attractions.gpu()),
                (2, forces.repulsions.gpu()),
                (3, forces.q_total.gpu()),
                (4, states.gpu()),
                (5, y.gpu()),
            ];
            gpu.dispatch(&DESCEND, &uniform, &bindings, n, n as u64)?;
        }
    }
    Ok(())
}

mod cpu {
    #[cfg(target_arch = "x86_64")]
    use super::super::avx512;
    use super::{Forces, Graph, StepParams};
    use multiversion::multiversion;
    use rayon::prelude::*;

    /// Points whose distances to the others are computed together, the unit of parallel work.
    const ROWS: usize = 64;
    /// Running sums of one force: as many as the widest vector registers hold.
    const LANES: usize = 16;

    pub fn repulsion(y: &[f32], repulsions: &mut [f32], q_sums: &mut [f32]) {
        let n = q_sums.len();
        // Coordinates apart, so that neighbours in memory are neighbours in a vector register. Points that fill the last
        // register stand so far off that their q is 0.
        let padded = n.next_multiple_of(LANES);
        // The square of this is finite, and so is the product of two such squares with 1.
        let far = 1e9;
        let axis = |axis: usize| -> Vec<f32> {
            y.iter().skip(axis).step_by(2).copied().chain(std::iter::repeat_n(far, padded - n)).collect()
        };
        let (xs, ys) = (axis(0), axis(1));
        let fused = has_fused_multiply_add();
        let chunks = repulsions.par_chunks_mut(2 * ROWS).zip(q_sums.par_chunks_mut(ROWS)).enumerate();
        chunks.for_each(|(chunk, (repulsions, q_sums))| {
            for (pair, (repulsions, q_sums)) in repulsions.chunks_mut(4).zip(q_sums.chunks_mut(2)).enumerate() {
                let first = chunk * ROWS + 2 * pair;
                let second = (first + 1).min(n - 1);
                let points = [[xs[first], ys[first]], [xs[second], ys[second]]];
                let [a, b] = if fused { fused_repulsion(points, &xs, &ys) } else { repulsion_on_two::<false>(points, &xs, &ys) };
                for (slot, [x, y, q_sum]) in [a, b].into_iter().take(q_sums.len()).enumerate() {
                    repulsions[2 * slot..][..2].copy_from_slice(&[x, y]);
                    // The point itself was counted with q = 1.
                    q_sums[slot] = q_sum - 1.0;
                }
            }
        });
    }

    /// Whether a x b + c is one instruction here; where it is not, the function that rounds likewise is very slow.
    fn has_fused_multiply_add() -> bool {
        #[cfg(target_arch = "x86_64")]
        return std::arch::is_x86_feature_detected!("fma");
        #[cfg(not(target_arch = "x86_64"))]
        return cfg!(target_arch = "aarch64");
    }

    #[inline(always)]
    fn multiply_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
        if FUSED { a.mul_add(b, c) } else { a * b + c }
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn fused_repulsion(points: [[f32; 2]; 2], xs: &[f32], ys: &[f32]) -> [[f32; 3]; 2] {
        repulsion_on_two::<true>(points, xs, ys)
    }

    /// Force and sum of q on two points at once: one division serves both, 1 / a = b / (a b).
    #[inline(always)]
    fn repulsion_on_two<const FUSED: bool>(points: [[f32; 2]; 2], xs: &[f32], ys: &[f32]) -> [[f32; 3]; 2] {
        let [[x0, y0], [x1, y1]] = points;
        let mut sums = [[0.0_f32; LANES]; 6];
        for (xs, ys) in xs.chunks_exact(LANES).zip(ys.chunks_exact(LANES)) {
            for lane in 0..LANES {
                let (dx0, dy0) = (x0 - xs[lane], y0 - ys[lane]);
                let (dx1, dy1) = (x1 - xs[lane], y1 - ys[lane]);
                let a = multiply_add::<FUSED>(dy0, dy0, multiply_add::<FUSED>(dx0, dx0, 1.0));
                let b = multiply_add::<FUSED>(dy1, dy1, multiply_add::<FUSED>(dx1, dx1, 1.0));
                let inverse = 1.0 / (a * b);
                let (q0, q1) = (b * inverse, a * inverse);
                let (square0, square1) = (q0 * q0, q1 * q1);
                sums[0][lane] = multiply_add::<FUSED>(square0, dx0, sums[0][lane]);
                sums[1][lane] = multiply_add::<FUSED>(square0, dy0, sums[1][lane]);
                sums[2][lane] += q0;
                sums[3][lane] = multiply_add::<FUSED>(square1, dx1, sums[3][lane]);
                sums[4][lane] = multiply_add::<FUSED>(square1, dy1, sums[4][lane]);
                sums[5][lane] += q1;
            }
        }
        let [a, b, c, d, e, f] = sums.map(total);
        [[a, b, c], [d, e, f]]
    }

    pub fn attraction(y: &[f32], graph: &Graph, attractions: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        if avx512::is_available() {
            let (starts, columns, values) = (graph.row_starts.host(), graph.columns.host(), graph.values.host());
            let (places, _) = y.as_chunks::<2>();
            assert_eq!(places.len(), graph.n);
            return attractions.par_chunks_mut(2).enumerate().with_min_len(ROWS).for_each(|(i, attraction)| {
                let row = starts[i] as usize..starts[i + 1] as usize;
                // SAFETY: AVX-512 is there, and `Graph::new` has seen that every column is below n, the number of places.
                let force = unsafe { avx512::attract(places, places[i], &columns[row.clone()], &values[row]) };
                attraction.copy_from_slice(&force);
            });
        }
        attractions.par_chunks_mut(2 * ROWS).enumerate().for_each(|(chunk, attractions)| {
            attract_some(y, graph, chunk * ROWS, attractions);
        });
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn attract_some(y: &[f32], graph: &Graph, first: usize, attractions: &mut [f32]) {
        let (starts, columns, values) = (graph.row_starts.host(), graph.columns.host(), graph.values.host());
        let (places, _) = y.as_chunks::<2>();
        assert_eq!(places.len(), graph.n);
        for (i, attraction) in (first..).zip(attractions.chunks_exact_mut(2)) {
            let [x_i, y_i] = places[i];
            let range = starts[i] as usize..starts[i + 1] as usize;
            let (columns, more_columns) = columns[range.clone()].as_chunks::<LANES>();
            let (values, more_values) = values[range].as_chunks::<LANES>();
            let mut sums = [[0.0_f32; LANES]; 2];
            for (columns, values) in columns.iter().zip(values) {
                let (mut dx, mut dy) = ([0.0; LANES], [0.0; LANES]);
                for lane in 0..LANES {
                    // SAFETY: `Graph::new` has seen that every column is below n, and `places` has n entries.
                    let [x_j, y_j] = unsafe { *places.get_unchecked(columns[lane] as usize) };
                    (dx[lane], dy[lane]) = (x_i - x_j, y_i - y_j);
                }
                for lane in 0..LANES {
                    let pull = values[lane] / (1.0 + dx[lane] * dx[lane] + dy[lane] * dy[lane]);
                    sums[0][lane] += pull * dx[lane];
                    sums[1][lane] += pull * dy[lane];
                }
            }
            let [mut fx, mut fy] = sums.map(total);
            for (&j, &value) in more_columns.iter().zip(more_values) {
                let (dx, dy) = (x_i - places[j as usize][0], y_i - places[j as usize][1]);
                let pull = value / (1.0 + dx * dx + dy * dy);
                fx += pull * dx;
                fy += pull * dy;
            }
            attraction.copy_from_slice(&[fx, fy]);
        }
    }

    /// The sum of all lanes, in the order of a tree.
    #[inline(always)]
    fn total(mut lanes: [f32; LANES]) -> f32 {
        for half in [8, 4, 2, 1] {
            for lane in 0..half {
                lanes[lane] += lanes[lane + half];
            }
        }
        lanes[0]
    }

    pub fn kl_divergence(y: &[f32], graph: &Graph, q_total: f32, divergences: &mut [f32]) {
        let (starts, columns, values) = (graph.row_starts.host(), graph.columns.host(), graph.values.host());
        let (scale, log_total) = (1.0 / graph.n as f32, q_total.ln());
        divergences.par_iter_mut().enumerate().with_min_len(ROWS).for_each(|(i, divergence)| {
            let range = starts[i] as usize..starts[i + 1] as usize;
            let row = columns[range.clone()].iter().zip(&values[range]);
            *divergence = row
                .filter(|&(_, value)| value * scale > 0.0)
                .map(|(&j, &value)| {
                    let p = value * scale;
                    let (dx, dy) = (y[2 * i] - y[2 * j as usize], y[2 * i + 1] - y[2 * j as usize + 1]);
                    p * ((p * (1.0 + dx * dx + dy * dy)).ln() + log_total)
                })
                .sum();
        });
    }

    pub fn descend(forces: &Forces, params: &StepParams, states: &mut [f32], y: &mut [f32]) {
        let repulsive = params.n as f32 / forces.q_total.host()[0];
        let points = y.par_chunks_mut(2).zip(states.par_chunks_mut(4));
        let both = forces.attractions.host().par_chunks(2).zip(forces.repulsions.host().par_chunks(2));
        points.zip(both).with_min_len(1024).for_each(|((point, state), (attraction, repulsion))| {
            let mut update = [0.0; 2];
            for axis in 0..2 {
                let gradient = params.exaggeration * attraction[axis] - repulsive * repulsion[axis];
                state[2 + axis] = new_gain(state[2 + axis], state[axis], gradient);
                update[axis] = params.momentum * state[axis] - params.rate * state[2 + axis] * gradient;
            }
            let length_squared = update[0] * update[0] + update[1] * update[1];
            let longest = params.max_step_norm;
            let shrink = if length_squared > longest * longest { longest / length_squared.sqrt() } else { 1.0 };
            for axis in 0..2 {
                state[axis] = update[axis] * shrink;
                point[axis] += state[axis];
            }
        });
    }

    fn new_gain(gain: f32, update: f32, gradient: f32) -> f32 {
        // Unlike f32::signum, 0 has a sign of its own here, as in WGSL and in numpy.
        let sign = |value: f32| i8::from(value > 0.0) - i8::from(value < 0.0);
        // The update points downhill: unlike signs mean that the two agree.
        f32::max(if sign(update) != sign(gradient) { gain + 0.2 } else { gain * 0.8 }, 0.01)
    }
}

//! Repulsion of t-SNE in time proportional to n: the points are spread over a grid, the grid is convolved, and the forces
//! are taken from it.
//!
//! After G. Linderman et al., "Fast interpolation-based t-SNE for improved visualization of single-cell RNA-seq data", 2019,
//! but with cubic B-splines and one density instead of Lagrange polynomials and four: see [`spectrum`](super::spectrum). The
//! nodes are [`Accuracy::spacing`] apart, or a 64th of the map's span if that is less; the grid grows with the map. The
//! relative error of the forces, root mean square, is 2 to 3 % or 0.4 %. O(n + M^2 log M) with M twice the span in nodes.

use super::fourier::{self, MAX_GPU_SIZE, Size};
use super::spectrum::Spectrum;
use crate::compute::reduce::Sum;
use crate::compute::{Buffer, Device, Kernel, ReadBack, kernel, uniform};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

uniform! {
    struct BoundParams { n: u32 }
}
uniform! {
    struct JoinParams { n_blocks: u32 }
}
uniform! {
    struct GridParams { n: u32, nodes: u32, spacing: f32, steps: f32 }
}

const BOUND_BLOCKS: Kernel = kernel!("grid", "bound_blocks", 256, BoundParams);
const JOIN_BOUNDS: Kernel = kernel!("grid", "join_bounds", 256, JoinParams);
const SPLAT: Kernel = kernel!("grid", "splat", 64, GridParams);
const GATHER: Kernel = kernel!("grid", "gather", 64, GridParams);

/// Kernels of this room.
pub const KERNELS: &[&Kernel] = &[&BOUND_BLOCKS, &JOIN_BOUNDS, &SPLAT, &GATHER];

/// Points whose bounds one workgroup finds.
const BLOCK: usize = 1024;
/// Nodes over the span at least: with fewer, the kernel would change too fast between two of them while the map is small.
const LEAST_NODES: f64 = 64.0;
/// Nodes that the splines need beyond the outermost points, on both sides together.
const BORDER: f64 = 6.0;
/// Largest weight of one point at one node, (2 / 3)^2, rounded up.
const LARGEST_WEIGHT: f64 = 0.445;
/// The spacing of a small map is the base spacing divided by a power of the fourth root of 2, so that spectra serve for several
/// iterations.
const SPACINGS_PER_OCTAVE: f64 = 4.0;
/// Iterations for which the GPU's grid stays the same.
const BATCH: usize = 5;
/// Growth of the span to be ready for until the grid follows, beside that of the last batches.
const HEADROOM: f64 = 1.25;
/// Up to this span the GPU's grid follows in every iteration: the map unfolds by orders of magnitude then.
const UNFOLDING_SPAN: f64 = 8.0;

/// How fine the grid is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accuracy {
    /// Nodes 0.46 apart.
    #[default]
    Fast,
    /// Nodes 0.31 apart.
    Accurate,
}

impl Accuracy {
    /// Distance of two nodes in units of the map.
    pub fn spacing(self) -> f64 {
        match self {
            Self::Fast => 0.46,
            Self::Accurate => 0.31,
        }
    }
}

/// A grid for a map of some span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Nodes and transforms.
    pub size: Size,
    /// Distance of two nodes in units of the map.
    pub spacing: f64,
}

impl Plan {
    /// The smallest grid on that device for a map whose longer side is `span`.
    pub fn new(device: &Device, accuracy: Accuracy, span: f64) -> Self {
        let base = accuracy.spacing();
        let octaves = (base * LEAST_NODES / span.max(1e-30)).log2().max(0.0);
        let spacing = base * (-(octaves * SPACINGS_PER_OCTAVE).ceil() / SPACINGS_PER_OCTAVE).exp2();
        let needed = 2 * (span / spacing + BORDER).ceil() as usize;
        match device {
            Device::Cpu(_) => Self::of(smooth(needed), spacing),
            Device::Gpu(_) => {
                let size = needed.next_power_of_two().clamp(128, MAX_GPU_SIZE);
                // Where the largest transform is too short, the nodes move apart.
                Self::of(size, spacing.max(span / ((size / 2) as f64 - BORDER)))
            }
        }
    }

    fn of(size: usize, spacing: f64) -> Self {
        Self { size: Size { nodes: size / 2, size }, spacing }
    }

    fn params(self, y: &Buffer<f32>, steps: f32) -> GridParams {
        let n = (y.len() / 2) as u32;
        GridParams { n, nodes: self.size.nodes as u32, spacing: self.spacing as f32, steps }
    }

    /// Largest span that fits.
    pub fn capacity(&self) -> f64 {
        (self.size.nodes as f64 - BORDER) * self.spacing
    }
}

/// The smallest multiple of 16 from `least` on without prime factors above 7: transforms of such lengths are fast.
fn smooth(least: usize) -> usize {
    let is_smooth = |mut rest: usize| {
        for prime in [2, 3, 5, 7] {
            while rest.is_multiple_of(prime) {
                rest /= prime;
            }
        }
        rest == 1
    };
    let mut size = least.max(128).next_multiple_of(16);
    while !is_smooth(size) {
        size += 16;
    }
    size
}

/// Repulsive forces from a grid that follows the map.
#[derive(Debug)]
pub struct GridRepulsion {
    accuracy: Accuracy,
    n: usize,
    /// Steps of the fixed point in 1: a node's sum stays below 2^31 even if all points share a place.
    steps: f32,
    block_bounds: Buffer<f32>,
    bounds: Buffer<f32>,
    room: Option<Room>,
    /// Bounds of the last batches, underway from the GPU.
    underway: VecDeque<ReadBack<f32>>,
    /// The last spans that arrived.
    spans: [f64; 2],
    iteration: usize,
    outgrown: bool,
}

/// Arrays of one grid.
#[derive(Debug)]
struct Room {
    plan: Plan,
    spectrum: Spectrum,
    density: Buffer<u32>,
    waves: Buffer<f32>,
    forces: Buffer<f32>,
    field: Buffer<f32>,
    potentials: Buffer<f32>,
    sum: Sum,
}

impl Room {
    fn new(device: &Device, plan: Plan, n: usize) -> Result<Self> {
        let (nodes, waves) = (plan.size.nodes, plan.size.waves());
        let spectrum = Spectrum::new(device, plan.size, plan.spacing)?;
        // The last entry takes the points' potentials at their own places off the sum.
        let mut potentials = vec![0.0; waves];
        potentials.push(-(n as f64 * spectrum.self_potential()) as f32);
        Ok(Self {
            plan,
            spectrum,
            density: Buffer::zeros(device, "density", nodes * nodes)?,
            waves: Buffer::new(device, "waves", 2 * waves * nodes)?,
            forces: Buffer::new(device, "waves of the forces", 4 * waves * nodes)?,
            field: Buffer::new(device, "field", 2 * nodes * nodes)?,
            potentials: Buffer::from_slice(device, "potentials", &potentials)?,
            sum: Sum::new(device, waves + 1)?,
        })
    }
}

impl GridRepulsion {
    /// A grid for `n` points.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory).
    pub fn new(device: &Device, n: usize, accuracy: Accuracy) -> Result<Self> {
        let bits = ((1_u64 << 31) as f64 / (LARGEST_WEIGHT * n as f64)).log2().floor().clamp(0.0, 24.0);
        Ok(Self {
            accuracy,
            n,
            steps: bits.exp2() as f32,
            block_bounds: Buffer::new(device, "bounds of blocks", 4 * n.div_ceil(BLOCK))?,
            bounds: Buffer::new(device, "bounds", 4)?,
            room: None,
            underway: VecDeque::new(),
            spans: [0.0; 2],
            iteration: 0,
            outgrown: false,
        })
    }

    /// Computes the forces sum_j q_ij^2 (y_i - y_j), n x 2, and the normaliser Z, the sum of q over all ordered pairs.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn compute(
        &mut self,
        device: &Device,
        y: &Buffer<f32>,
        forces: &mut Buffer<f32>,
        q_total: &mut Buffer<f32>,
    ) -> Result<()> {
        bound_blocks(device, y, &mut self.block_bounds, self.n)?;
        join_bounds(device, &self.block_bounds, &mut self.bounds, self.n.div_ceil(BLOCK))?;
        let plan = self.plan(device)?;
        let steps = self.steps;
        let room = match self.room.take() {
            Some(room) if room.plan == plan => self.room.insert(room),
            _ => self.room.insert(Room::new(device, plan, self.n)?),
        };
        let (size, spectrum) = (plan.size, &room.spectrum);
        splat(device, y, &self.bounds, &mut room.density, plan, steps)?;
        fourier::transform_rows(device, &mut room.density, spectrum, &mut room.waves, size, 1.0 / steps)?;
        fourier::convolve_columns(device, &room.waves, spectrum, &mut room.forces, &mut room.potentials, size)?;
        room.sum.run(device, &room.potentials, q_total)?;
        fourier::restore_rows(device, &room.forces, spectrum, &mut room.field, size)?;
        gather(device, y, &self.bounds, &room.field, forces, plan)?;
        self.iteration += 1;
        Ok(())
    }

    /// Whether the map has been larger than the grid that was made for it, so that some forces were wrong.
    pub fn has_been_outgrown(&self) -> bool {
        self.outgrown
    }

    /// The grid for this iteration, whose bounds are computed. On the GPU it is that of the bounds of two batches ago, which are
    /// awaited: so the queue does not run dry, and yet the grid depends on nothing but the map.
    fn plan(&mut self, device: &Device) -> Result<Plan> {
        if matches!(device, Device::Cpu(_)) {
            let span = span_of(&self.bounds.read(device)?);
            return Ok(Plan::new(device, self.accuracy, span));
        }
        let current = self.room.as_ref().map(|room| room.plan);
        if let Some(plan) = current
            && !self.iteration.is_multiple_of(BATCH)
            && self.spans[1] > UNFOLDING_SPAN
        {
            return Ok(plan);
        }
        self.underway.push_back(self.bounds.read_later(device)?);
        let delay = if self.spans[1] > UNFOLDING_SPAN { 2 } else { 0 };
        while self.underway.len() > delay {
            let Some(arriving) = self.underway.pop_front() else { break };
            let span = span_of(&arriving.wait(device)?);
            self.outgrown |= delay > 0 && current.is_some_and(|plan| span > plan.capacity());
            self.spans = [self.spans[1], span];
        }
        let [before, span] = self.spans;
        let growth = if before > 0.0 && delay > 0 { (span / before).clamp(1.0, 1.5).powi(3) } else { 1.0 };
        let headroom = if span > UNFOLDING_SPAN { HEADROOM * growth } else { 1.0 };
        let wanted = Plan::new(device, self.accuracy, span * headroom);
        // A grid that is a little too large is kept: the map may breathe.
        match current {
            Some(plan) if plan.spacing == wanted.spacing && plan.size.size > wanted.size.size => Ok(plan),
            _ => Ok(wanted),
        }
    }
}

/// The longer side of bounds.
fn span_of(bounds: &[f32]) -> f64 {
    f64::from(bounds[2] - bounds[0]).max(f64::from(bounds[3] - bounds[1]))
}

/// Least and largest x and y of each 1,024 points. Shapes: `y` n x 2, `block_bounds` ceil(n / 1,024) x 4.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn bound_blocks(device: &Device, y: &Buffer<f32>, block_bounds: &mut Buffer<f32>, n: usize) -> Result<()> {
    match device {
        Device::Cpu(_) => cpu::bound_blocks(y.host(), block_bounds.host_mut()),
        Device::Gpu(gpu) => {
            let bindings = [(1, y.gpu()), (2, block_bounds.gpu())];
            gpu.dispatch_workgroups(&BOUND_BLOCKS, &BoundParams { n: n as u32 }, &bindings, n.div_ceil(BLOCK), n as u64)?;
        }
    }
    Ok(())
}

/// Bounds of all blocks. Shapes: `block_bounds` n_blocks x 4, `bounds` 4.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn join_bounds(device: &Device, block_bounds: &Buffer<f32>, bounds: &mut Buffer<f32>, n_blocks: usize) -> Result<()> {
    match device {
        Device::Cpu(_) => cpu::join_bounds(block_bounds.host(), bounds.host_mut()),
        Device::Gpu(gpu) => {
            let bindings = [(1, block_bounds.gpu()), (2, bounds.gpu())];
            let uniform = JoinParams { n_blocks: n_blocks as u32 };
            gpu.dispatch_workgroups(&JOIN_BOUNDS, &uniform, &bindings, 1, n_blocks as u64)?;
        }
    }
    Ok(())
}

/// Adds every point to the density. Shapes: `y` n x 2, `bounds` 4, `density` G x G in fixed point with `steps` in 1.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn splat(
    device: &Device,
    y: &Buffer<f32>,
    bounds: &Buffer<f32>,
    density: &mut Buffer<u32>,
    plan: Plan,
    steps: f32,
) -> Result<()> {
    let params = plan.params(y, steps);
    match device {
        Device::Cpu(_) => cpu::splat(y.host(), bounds.host(), density.host_mut(), params),
        Device::Gpu(gpu) => {
            let bindings = [(1, y.gpu()), (2, bounds.gpu()), (3, density.gpu())];
            gpu.dispatch(&SPLAT, &params, &bindings, params.n as usize, 16 * u64::from(params.n))?;
        }
    }
    Ok(())
}

/// Every point's value of the field. Shapes: `y` n x 2, `bounds` 4, `field` G x G x 2, `gathered` n x 2.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn gather(
    device: &Device,
    y: &Buffer<f32>,
    bounds: &Buffer<f32>,
    field: &Buffer<f32>,
    gathered: &mut Buffer<f32>,
    plan: Plan,
) -> Result<()> {
    let params = plan.params(y, 0.0);
    match device {
        Device::Cpu(_) => cpu::gather(y.host(), bounds.host(), field.host(), gathered.host_mut(), params),
        Device::Gpu(gpu) => {
            let bindings = [(1, y.gpu()), (2, bounds.gpu()), (4, field.gpu()), (5, gathered.gpu())];
            gpu.dispatch(&GATHER, &params, &bindings, params.n as usize, 16 * u64::from(params.n))?;
        }
    }
    Ok(())
}

mod cpu {
    use super::{BLOCK, GridParams};
    use multiversion::multiversion;
    use rayon::prelude::*;

    /// Grids that are filled at once: more would take longer to clear than they save.
    const MAX_PARTS: usize = 8;

    const NOTHING: [f32; 4] = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];

    fn joined(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
    }

    pub fn bound_blocks(y: &[f32], block_bounds: &mut [f32]) {
        block_bounds.par_chunks_mut(4).zip(y.par_chunks(2 * BLOCK)).for_each(|(bounds, points)| {
            let points = points.chunks_exact(2).map(|point| [point[0], point[1], point[0], point[1]]);
            bounds.copy_from_slice(&points.fold(NOTHING, joined));
        });
    }

    pub fn join_bounds(block_bounds: &[f32], bounds: &mut [f32]) {
        let blocks = block_bounds.chunks_exact(4).map(|block| [block[0], block[1], block[2], block[3]]);
        bounds.copy_from_slice(&blocks.fold(NOTHING, joined));
    }

    /// The first of the four nodes along both axes and their weights.
    #[inline(always)]
    fn stencil(point: &[f32], bounds: &[f32], params: &GridParams) -> ([usize; 2], [[f32; 4]; 2]) {
        let middle = 0.5 * (params.nodes - 1) as f32;
        let (mut first, mut weights) = ([0; 2], [[0.0; 4]; 2]);
        for axis in 0..2 {
            let place = (point[axis] - 0.5 * (bounds[axis] + bounds[axis + 2])) / params.spacing + middle;
            let clamped = place.clamp(1.0, params.nodes as f32 - 2.5);
            let base = clamped as usize;
            first[axis] = base - 1;
            weights[axis] = splines(clamped - base as f32);
        }
        (first, weights)
    }

    #[inline(always)]
    fn splines(f: f32) -> [f32; 4] {
        let g = 1.0 - f;
        let inner = |f: f32| f * f * (0.5 * f - 1.0) + 2.0 / 3.0;
        [g * g * g / 6.0, inner(f), inner(g), f * f * f / 6.0]
    }

    pub fn splat(y: &[f32], bounds: &[f32], density: &mut [u32], params: GridParams) {
        // Each part has a grid of its own; sums of whole numbers do not depend on how the points are shared out.
        let n_parts = rayon::current_num_threads().min(MAX_PARTS);
        let share = 2 * (y.len() / 2).div_ceil(n_parts).max(1);
        let others: Vec<Vec<u32>> = y
            .par_chunks(share)
            .map(|points| {
                let mut own = vec![0; density.len()];
                splat_some(points, bounds, &mut own, &params);
                own
            })
            .collect();
        density.par_chunks_mut(1 << 14).enumerate().for_each(|(chunk, density)| {
            for other in &others {
                for (sum, value) in density.iter_mut().zip(&other[chunk << 14..]) {
                    *sum += value;
                }
            }
        });
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn splat_some(points: &[f32], bounds: &[f32], density: &mut [u32], params: &GridParams) {
        let nodes = params.nodes as usize;
        for point in points.chunks_exact(2) {
            let (first, weights) = stencil(point, bounds, params);
            for (row, &in_y) in weights[1].iter().enumerate() {
                let at = (first[1] + row) * nodes + first[0];
                for (node, &in_x) in density[at..at + 4].iter_mut().zip(&weights[0]) {
                    // A sum below 2^31 fits a signed number, whose conversion is one instruction.
                    *node += (in_y * in_x * params.steps + 0.5) as i32 as u32;
                }
            }
        }
    }

    pub fn gather(y: &[f32], bounds: &[f32], field: &[f32], gathered: &mut [f32], params: GridParams) {
        y.par_chunks(2 * BLOCK).zip(gathered.par_chunks_mut(2 * BLOCK)).for_each(|(points, gathered)| {
            gather_some(points, bounds, field, gathered, &params);
        });
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn gather_some(points: &[f32], bounds: &[f32], field: &[f32], gathered: &mut [f32], params: &GridParams) {
        let nodes = params.nodes as usize;
        for (point, gathered) in points.chunks_exact(2).zip(gathered.chunks_exact_mut(2)) {
            let (first, weights) = stencil(point, bounds, params);
            let [x0, x1, x2, x3] = weights[0];
            let along = [x0, x0, x1, x1, x2, x2, x3, x3];
            let mut sums = [0.0_f32; 8];
            for (row, in_y) in weights[1].iter().enumerate() {
                let at = 2 * ((first[1] + row) * nodes + first[0]);
                for ((sum, value), in_x) in sums.iter_mut().zip(&field[at..at + 8]).zip(&along) {
                    *sum += in_y * in_x * value;
                }
            }
            gathered[0] = (sums[0] + sums[4]) + (sums[2] + sums[6]);
            gathered[1] = (sums[1] + sums[5]) + (sums[3] + sums[7]);
        }
    }
}

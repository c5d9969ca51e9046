//! Repulsion of t-SNE in time proportional to n: the points are spread over a grid, the grid is
//! convolved with the kernel, and the forces are interpolated from it.
//!
//! After G. Linderman et al., "Fast interpolation-based t-SNE for improved visualization of
//! single-cell RNA-seq data", 2019, but with cubic B-splines and one density instead of Lagrange
//! polynomials and four densities: see [`spectrum`](super::spectrum). The nodes are
//! [`Accuracy::spacing`] apart, or closer while the embedding is small; the grid grows with the
//! embedding. The relative error of the forces, root mean square, is 2 to 3 % or 0.4 %. O(n + M^2
//! log M) with M twice the span in nodes.
//!
//! The host chooses the number of nodes. On a GPU it uses the embedding's span of a fixed number of
//! iterations ago, so that it never has to wait for the queue to empty, and the grid depends on
//! nothing but the embedding. Until an embedding fills the smallest grid its span grows by orders
//! of magnitude, at a pace without a known bound; in that phase the GPU itself chooses by the
//! current span among spacings whose spectra are all precomputed.

mod plan;

pub use plan::{Accuracy, Plan};

use super::fourier;
use super::optimiser::Outline;
use super::spectrum::Spectrum;
use crate::compute::{Buffer, Device, Kernel, ReadBack, Work, kernel, uniform};
use crate::error::Result;
use plan::{BORDER, LEAST_GPU_SIZE};
use std::collections::VecDeque;

uniform! {
    struct GridParams { n: u32, nodes: u32, n_levels: u32, steps: f32 }
}

const SPLAT: Kernel = kernel!("grid", "splat", 256, GridParams);
const GATHER: Kernel = kernel!("grid", "gather", 64, GridParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&SPLAT, &GATHER];

/// Largest weight of one point at one node, (2 / 3)^2, rounded up.
const LARGEST_WEIGHT: f64 = 0.445;
/// Numbers that describe the position of a grid: x and y of its centre, the distance of two nodes,
/// the part of the points' own potentials in the normaliser; the level, and the embedding's span.
const FRAME: usize = 8;
/// Number of iterations for which the GPU's grid stays the same.
const BATCH: usize = 5;
/// Number of batches after which the span of an embedding decides about the grid.
const DELAY: usize = 2;
/// Factor for growth of the span until the grid follows, in addition to that of the last batches.
const HEADROOM: f64 = 1.25;

/// Repulsive forces from a grid that follows the embedding.
#[derive(Debug)]
pub struct GridRepulsion {
    accuracy: Accuracy,
    /// Steps of the fixed point in 1: a node's sum stays below 2^31 even if all points coincide.
    steps: f32,
    buffers: Option<Buffers>,
    /// Frames of the last batches that are being read back from the GPU, and the number of nodes
    /// along an axis at that time.
    underway: VecDeque<(usize, ReadBack<f32>)>,
    /// The last spans that arrived.
    spans: [f64; 2],
    iteration: usize,
    outgrown: bool,
}

/// Buffers of one grid.
#[derive(Debug)]
struct Buffers {
    plan: Plan,
    spectrum: Spectrum,
    frame: Buffer<f32>,
    density: Buffer<u32>,
    waves: Buffer<f32>,
    forces: Buffer<f32>,
    field: Buffer<f32>,
    potentials: Buffer<f32>,
}

impl Buffers {
    fn new(device: &Device, plan: Plan) -> Result<Self> {
        let nodes = plan.size.nodes;
        let waves = plan.size.waves();
        Ok(Self {
            plan,
            spectrum: Spectrum::new(device, plan.size, &plan.spacings(device))?,
            frame: Buffer::new(device, "frame of the grid", FRAME)?,
            density: Buffer::zeros(device, "density", nodes * nodes)?,
            waves: Buffer::new(device, "waves", 2 * waves * nodes)?,
            forces: Buffer::new(device, "waves of the forces", 4 * waves * nodes)?,
            field: Buffer::new(device, "field", 2 * nodes * nodes)?,
            potentials: Buffer::new(device, "potentials", waves + 1)?,
        })
    }
}

impl GridRepulsion {
    /// A grid for `n` points.
    pub fn new(n: usize, accuracy: Accuracy) -> Self {
        let bits =
            ((1_u64 << 31) as f64 / (LARGEST_WEIGHT * n as f64)).log2().floor().clamp(0.0, 24.0);
        let underway = VecDeque::new();
        let spans = [0.0; 2];
        Self {
            accuracy,
            steps: bits.exp2() as f32,
            buffers: None,
            underway,
            spans,
            iteration: 0,
            outgrown: false,
        }
    }

    /// Computes the forces sum_j q_ij^2 (y_i - y_j), n x 2, and the parts of the normaliser.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn compute(
        &mut self,
        device: &Device,
        y: &Buffer<f32>,
        outline: &Outline,
        forces: &mut Buffer<f32>,
    ) -> Result<()> {
        let plan = self.plan(device, outline)?;
        let steps = self.steps;
        let buffers = match self.buffers.take() {
            Some(buffers) if buffers.plan == plan => self.buffers.insert(buffers),
            _ => self.buffers.insert(Buffers::new(device, plan)?),
        };
        let size = plan.size;
        let spectrum = &buffers.spectrum;
        splat(
            device,
            y,
            outline,
            spectrum,
            (&mut buffers.density, &mut buffers.frame),
            (size.nodes, steps),
        )?;
        if matches!(device, Device::Gpu(_)) && self.iteration.is_multiple_of(BATCH) {
            self.underway.push_back((size.nodes, buffers.frame.read_later(device)?));
        }
        fourier::transform_rows(
            device,
            &mut buffers.density,
            spectrum,
            &mut buffers.waves,
            size,
            1.0 / steps,
        )?;
        fourier::convolve_columns(
            device,
            &buffers.waves,
            (spectrum, &buffers.frame),
            &mut buffers.forces,
            &mut buffers.potentials,
            size,
        )?;
        fourier::restore_rows(device, &buffers.forces, spectrum, &mut buffers.field, size)?;
        gather(device, y, &buffers.frame, &buffers.field, forces, size.nodes)?;
        self.iteration += 1;
        Ok(())
    }

    /// Numbers whose sum is the normaliser Z, that of q over all ordered pairs, and how many of
    /// them there are.
    ///
    /// # Panics
    /// Before [`GridRepulsion::compute`].
    pub fn q_parts(&self) -> (&Buffer<f32>, usize) {
        let potentials = &self.buffers.as_ref().expect("forces are computed first").potentials;
        (potentials, potentials.len())
    }

    /// `true` if the embedding was ever larger than its grid, so that some forces were wrong.
    pub fn has_been_outgrown(&self) -> bool {
        self.outgrown
    }

    /// The grid for this iteration.
    fn plan(&mut self, device: &Device, outline: &Outline) -> Result<Plan> {
        let current = match (device, &self.buffers) {
            (Device::Cpu(_), _) => {
                return Ok(Plan::new(device, self.accuracy, span(outline.blocks.host())));
            }
            // For the first embedding the GPU is waited for, for later ones the result comes with a
            // delay.
            (Device::Gpu(_), None) => {
                let first = span(&outline.blocks.read(device)?);
                return Ok(Plan::new(device, self.accuracy, HEADROOM * first));
            }
            (Device::Gpu(_), Some(buffers)) => buffers.plan,
        };
        if !self.iteration.is_multiple_of(BATCH) || self.underway.len() < DELAY {
            return Ok(current);
        }
        if let Some((nodes, arriving)) = self.underway.pop_front() {
            let frame = arriving.wait(device)?;
            let (spacing, span) = (f64::from(frame[2]), f64::from(frame[5]));
            self.outgrown |= span > (nodes as f64 - BORDER) * spacing;
            self.spans = [self.spans[1], span];
        }
        let [before, span] = self.spans;
        let growth =
            if before > 0.0 { (span / before).clamp(1.0, 1.5).powi(DELAY as i32 + 1) } else { 1.0 };
        let wanted = Plan::new(device, self.accuracy, span * growth * HEADROOM);
        // A grid that is slightly too large is kept, since the span may vary; but only the smallest
        // has spacings for small embeddings.
        let is_small = wanted.size.size == LEAST_GPU_SIZE && 2.0 * span < wanted.capacity();
        let keeps =
            current.spacing == wanted.spacing && current.size.size >= wanted.size.size && !is_small;
        Ok(if keeps { current } else { wanted })
    }
}

/// Longer side of an embedding with that outline.
fn span(blocks: &[f32]) -> f64 {
    f64::from(cpu::span_of(cpu::bounds(blocks)))
}

/// Places the grid around the embedding, with the narrowest spacing of the spectrum that covers it,
/// and adds every point to the density. Shapes: `y` n x 2, with that outline; `density` G x G in
/// fixed point with `steps` in 1; `frame` 8: x and y of the centre, spacing, part of the points'
/// own potentials in the normaliser, level and span; `how` is (G, steps).
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn splat(
    device: &Device,
    y: &Buffer<f32>,
    outline: &Outline,
    spectrum: &Spectrum,
    (density, frame): (&mut Buffer<u32>, &mut Buffer<f32>),
    how: (usize, f32),
) -> Result<()> {
    let n = y.len() / 2;
    let blocks = &outline.blocks;
    let levels = spectrum.levels();
    let params = GridParams {
        n: n as u32,
        nodes: how.0 as u32,
        n_levels: levels.len() as u32 / 2,
        steps: how.1,
    };
    match device {
        Device::Cpu(_) => {
            let known = (blocks.host(), levels.host());
            cpu::splat(y.host(), known, density.host_mut(), frame.host_mut(), params);
        }
        Device::Gpu(gpu) => {
            let bindings = [
                (1, y.gpu()),
                (2, blocks.gpu()),
                (3, density.gpu()),
                (6, levels.gpu()),
                (7, frame.gpu()),
            ];
            // Every workgroup reads the outline; a point takes its weights and adds to 16 nodes,
            // which are read and written.
            let own = Work::new(100, 8 + 16 * 8).times(n);
            let groups = n.div_ceil(SPLAT.workgroup_size as usize);
            let work = Work::new(own.flops, own.bytes + (groups * blocks.len() * 2) as u64);
            gpu.dispatch(&SPLAT, &params, &bindings, n, work)?;
        }
    }
    Ok(())
}

/// Value of the field at every point. Shapes: `y` n x 2, `frame` 8, `field` G x G x 2, `gathered` n
/// x 2; `nodes` is G.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn gather(
    device: &Device,
    y: &Buffer<f32>,
    frame: &Buffer<f32>,
    field: &Buffer<f32>,
    gathered: &mut Buffer<f32>,
    nodes: usize,
) -> Result<()> {
    let params =
        GridParams { n: (y.len() / 2) as u32, nodes: nodes as u32, n_levels: 0, steps: 0.0 };
    match device {
        Device::Cpu(_) => {
            cpu::gather(y.host(), frame.host(), field.host(), gathered.host_mut(), params)
        }
        Device::Gpu(gpu) => {
            let bindings = [(1, y.gpu()), (4, field.gpu()), (5, gathered.gpu()), (8, frame.gpu())];
            let work = Work::new(110, 16 + 16 * 8).times(params.n as usize);
            gpu.dispatch(&GATHER, &params, &bindings, params.n as usize, work)?;
        }
    }
    Ok(())
}

mod cpu {
    use super::super::optimiser::{BLOCK, ENTRY};
    use super::{BORDER, GridParams};
    use multiversion::multiversion;
    use rayon::prelude::*;

    /// Maximum number of grids that are filled at once: more would take longer to clear than they
    /// save.
    const MAX_PARTS: usize = 8;

    /// Smallest x and y, largest x and y of all blocks.
    pub fn bounds(blocks: &[f32]) -> [f32; 4] {
        let nothing = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
        blocks
            .chunks_exact(ENTRY)
            .fold(nothing, |a, b| [a[0].min(b[4]), a[1].min(b[5]), a[2].max(b[6]), a[3].max(b[7])])
    }

    pub fn span_of(bounds: [f32; 4]) -> f32 {
        (bounds[2] - bounds[0]).max(bounds[3] - bounds[1])
    }

    /// Position of the grid.
    fn frame_of(blocks: &[f32], levels: &[f32], params: &GridParams) -> [f32; 8] {
        let bounds = bounds(blocks);
        let span = span_of(bounds);
        let (levels, _) = levels.as_chunks::<2>();
        let nodes = params.nodes as f32 - BORDER as f32;
        let level =
            levels.iter().skip(1).take_while(|[spacing, _]| span <= nodes * spacing).count();
        let [spacing, self_potential] = levels[level];
        let (x, y) = (0.5 * (bounds[0] + bounds[2]), 0.5 * (bounds[1] + bounds[3]));
        [x, y, spacing, -(params.n as f32) * self_potential, level as f32, span, 0.0, 0.0]
    }

    /// First of the four nodes along both axes, and their weights.
    #[inline(always)]
    fn stencil(point: &[f32], frame: &[f32], params: &GridParams) -> ([usize; 2], [[f32; 4]; 2]) {
        let middle = 0.5 * (params.nodes - 1) as f32;
        let mut first = [0; 2];
        let mut weights = [[0.0; 4]; 2];
        for axis in 0..2 {
            let place = (point[axis] - frame[axis]) / frame[2] + middle;
            let clamped = place.clamp(1.0, params.nodes as f32 - 2.5);
            // Even for coordinates that are NaN the nodes lie on the grid.
            let base = (clamped as usize).max(1);
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

    pub fn splat(
        y: &[f32],
        known: (&[f32], &[f32]),
        density: &mut [u32],
        frame: &mut [f32],
        params: GridParams,
    ) {
        frame.copy_from_slice(&frame_of(known.0, known.1, &params));
        // Each part has a grid of its own; sums of integers do not depend on how the points are
        // divided.
        let n_parts = rayon::current_num_threads().min(MAX_PARTS);
        let share = 2 * (y.len() / 2).div_ceil(n_parts).max(1);
        let others: Vec<Vec<u32>> = y
            .par_chunks(share)
            .map(|points| {
                let mut own = vec![0; density.len()];
                splat_some(points, frame, &mut own, &params);
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
    fn splat_some(points: &[f32], frame: &[f32], density: &mut [u32], params: &GridParams) {
        let nodes = params.nodes as usize;
        for point in points.chunks_exact(2) {
            let (first, weights) = stencil(point, frame, params);
            for (row, &in_y) in weights[1].iter().enumerate() {
                let at = (first[1] + row) * nodes + first[0];
                for (node, &in_x) in density[at..at + 4].iter_mut().zip(&weights[0]) {
                    // A sum below 2^31 fits a signed number, whose conversion is one instruction.
                    *node += (in_y * in_x * params.steps + 0.5) as i32 as u32;
                }
            }
        }
    }

    pub fn gather(
        y: &[f32],
        frame: &[f32],
        field: &[f32],
        gathered: &mut [f32],
        params: GridParams,
    ) {
        y.par_chunks(2 * BLOCK).zip(gathered.par_chunks_mut(2 * BLOCK)).for_each(
            |(points, gathered)| {
                gather_some(points, frame, field, gathered, &params);
            },
        );
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn gather_some(
        points: &[f32],
        frame: &[f32],
        field: &[f32],
        gathered: &mut [f32],
        params: &GridParams,
    ) {
        let nodes = params.nodes as usize;
        for (point, gathered) in points.chunks_exact(2).zip(gathered.chunks_exact_mut(2)) {
            let (first, weights) = stencil(point, frame, params);
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

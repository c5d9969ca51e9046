//! Optimiser steps of t-SNE, as kernels with their twins, and the outline of the embedding that
//! each step leaves for the next.
//!
//! Gradient descent with momentum, a gain for each coordinate and a maximum step length, about the
//! origin and at a scale that single precision resolves: see [`center`](super::center). A step
//! needs the mean and the spread of the whole embedding, and the grid of the repulsion needs its
//! bounds. Both are stored in one entry for every 1,024 points, which the step itself writes for
//! the coordinates that it computes. Kernels that need the totals add the entries up, in an order
//! that depends on their number alone: so an iteration has no dispatches that only sum, except for
//! the normaliser of exact forces.

use super::center::{LEAST, WANTED};
use crate::compute::{Buffer, Device, Kernel, Work, kernel, uniform};
use crate::error::Result;

uniform! {
    struct OutlineParams { n: u32, n_components: u32 }
}
uniform! {
    struct StepParams {
        n: u32, n_components: u32, n_parts: u32, exaggeration: f32, rate: f32, momentum: f32, max_step_norm: f32, least: f32,
        wanted: f32,
    }
}

const OUTLINE: Kernel = kernel!("optimiser", "outline", 256, OutlineParams);
const DESCEND: Kernel = kernel!("optimiser", "descend", 256, StepParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&OUTLINE, &DESCEND];

/// Number of points of one entry of an outline.
pub const BLOCK: usize = 1024;
/// Length of an entry: the sums of the coordinates, padded with 0 to three, and of all their
/// squares; smallest x and y, largest x and y.
pub const ENTRY: usize = 8;

/// Outline of an embedding, in blocks of 1,024 points: ceil(n / 1,024) x 8 numbers.
#[derive(Debug)]
pub struct Outline {
    /// Entries of the current embedding.
    pub blocks: Buffer<f32>,
    /// Buffer for the entries of the next embedding.
    next: Buffer<f32>,
}

impl Outline {
    /// Outline of the embedding `y`; `shape` is (n, c) with c 2 or 3.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn new(device: &Device, y: &Buffer<f32>, shape: (usize, usize)) -> Result<Self> {
        let len = ENTRY * shape.0.div_ceil(BLOCK);
        let mut blocks = Buffer::new(device, "outline", len)?;
        let next = Buffer::new(device, "next outline", len)?;
        outline(device, y, &mut blocks, shape)?;
        Ok(Self { blocks, next })
    }
}

/// Forces on the points.
#[derive(Clone, Copy, Debug)]
pub struct Acting<'a> {
    /// n sum_j p_ij q_ij (y_i - y_j), n x n_components.
    pub attractions: &'a Buffer<f32>,
    /// sum_j q_ij^2 (y_i - y_j), n x n_components.
    pub repulsions: &'a Buffer<f32>,
    /// Numbers whose sum is the normaliser Z, and how many of them there are; every workgroup adds
    /// them up.
    pub q_parts: (&'a Buffer<f32>, usize),
    /// Share of the learning rate for each point, n.
    pub rates: &'a Buffer<f32>,
}

/// State of the optimiser for every coordinate.
#[derive(Debug)]
pub struct State {
    /// Last update and gain, n x n_components x 2.
    pub pairs: Buffer<f32>,
}

impl State {
    /// Initial state, without updates and with gains of 1, for that many coordinates.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory).
    pub fn new(device: &Device, n_coordinates: usize) -> Result<Self> {
        Ok(Self {
            pairs: Buffer::from_slice(
                device,
                "updates and gains",
                &[0.0, 1.0].repeat(n_coordinates),
            )?,
        })
    }
}

/// One step of gradient descent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Factor of the attraction.
    pub exaggeration: f32,
    /// Learning rate.
    pub learning_rate: f32,
    /// Share of the last update that is kept (momentum).
    pub momentum: f32,
    /// Maximum length of a point's update.
    pub max_step_norm: f32,
}

/// Outline of an embedding. Shapes: `y` n x c, `blocks` ceil(n / 1,024) x 8; `shape` is (n, c) with
/// c 2 or 3.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn outline(
    device: &Device,
    y: &Buffer<f32>,
    blocks: &mut Buffer<f32>,
    shape: (usize, usize),
) -> Result<()> {
    let (n, c) = shape;
    match device {
        Device::Cpu(_) => cpu::outline(y.host(), blocks.host_mut(), c),
        Device::Gpu(gpu) => {
            let uniform = OutlineParams { n: n as u32, n_components: c as u32 };
            let bindings = [(1, y.gpu()), (2, blocks.gpu())];
            let work = Work::new(5, 4).times(n * c);
            gpu.dispatch_workgroups(&OUTLINE, &uniform, &bindings, n.div_ceil(BLOCK), work)?;
        }
    }
    Ok(())
}

/// Moves every point, and the embedding to the origin and to a scale that f32 resolves. Shapes:
/// `state` n x c x 2 and `y` n x c, with c 2 or 3; `outline` belongs to `y`, before and afterwards.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn descend(
    device: &Device,
    acting: Acting<'_>,
    step: Step,
    outline: &mut Outline,
    state: &mut State,
    y: &mut Buffer<f32>,
) -> Result<()> {
    let n = acting.rates.len();
    let c = y.len() / n;
    let (parts, n_parts) = acting.q_parts;
    let uniform = StepParams {
        n: n as u32,
        n_components: c as u32,
        n_parts: n_parts as u32,
        exaggeration: step.exaggeration,
        rate: step.learning_rate / n as f32,
        momentum: step.momentum,
        max_step_norm: step.max_step_norm,
        least: LEAST,
        wanted: WANTED,
    };
    match device {
        Device::Cpu(_) => {
            cpu::descend(acting, &uniform, outline, state.pairs.host_mut(), y.host_mut())
        }
        Device::Gpu(gpu) => {
            let bindings = [
                (1, acting.attractions.gpu()),
                (2, outline.next.gpu()),
                (3, outline.blocks.gpu()),
                (4, acting.repulsions.gpu()),
                (5, parts.gpu()),
                (6, state.pairs.gpu()),
                (7, y.gpu()),
                (8, acting.rates.gpu()),
            ];
            let blocks = n.div_ceil(BLOCK);
            // Each workgroup reads the outline and the parts of the normaliser; four numbers of a
            // coordinate are read, three written.
            let own = Work::new(20 * c as u64, 28 * c as u64 + 4).times(n);
            let together = n_parts + 4 * blocks;
            let work = own.plus(Work::new(1, 4).times(blocks * together));
            gpu.dispatch_workgroups(&DESCEND, &uniform, &bindings, blocks, work)?;
        }
    }
    std::mem::swap(&mut outline.blocks, &mut outline.next);
    Ok(())
}

mod cpu {
    use super::{Acting, BLOCK, ENTRY, Outline, StepParams};
    use crate::embedding::descent::new_gain;
    use crate::lanes::LANES;
    use rayon::prelude::*;

    pub fn outline(y: &[f32], blocks: &mut [f32], c: usize) {
        blocks
            .par_chunks_mut(ENTRY)
            .zip(y.par_chunks(c * BLOCK))
            .for_each(|(entry, points)| outline_of(points, c, entry));
    }

    fn outline_of(points: &[f32], c: usize, entry: &mut [f32]) {
        let (mut sums, mut squares) = ([0.0_f32; 3 * LANES], [0.0_f32; 3 * LANES]);
        let mut bounds = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
        for share in points.chunks(c * LANES) {
            for ((sum, square), value) in sums.iter_mut().zip(&mut squares).zip(share) {
                *sum += value;
                *square += value * value;
            }
        }
        for point in points.chunks_exact(c) {
            for axis in 0..2 {
                bounds[axis] = bounds[axis].min(point[axis]);
                bounds[2 + axis] = bounds[2 + axis].max(point[axis]);
            }
        }
        entry[..4].fill(0.0);
        for lane in 0..LANES {
            for axis in 0..c {
                entry[axis] += sums[lane * c + axis];
                entry[3] += squares[lane * c + axis];
            }
        }
        entry[4..].copy_from_slice(&bounds);
    }

    /// Means of the axes, and the factor of the embedding's scale.
    fn center_of(blocks: &[f32], params: &StepParams) -> [f32; 4] {
        let mut sums = [0.0_f64; 4];
        for entry in blocks.chunks_exact(ENTRY) {
            for (sum, value) in sums.iter_mut().zip(entry) {
                *sum += f64::from(*value);
            }
        }
        let means = sums.map(|sum| sum / f64::from(params.n));
        let squared_means: f64 = means[..3].iter().map(|mean| mean * mean).sum();
        let deviation =
            ((means[3] - squared_means).max(0.0) / f64::from(params.n_components)).sqrt() as f32;
        let is_too_small = deviation > 0.0 && deviation < params.least;
        let factor = if is_too_small { params.wanted / deviation } else { 1.0 };
        [means[0] as f32, means[1] as f32, means[2] as f32, factor]
    }

    pub fn descend(
        acting: Acting<'_>,
        params: &StepParams,
        outline: &mut Outline,
        states: &mut [f32],
        y: &mut [f32],
    ) {
        let (parts, n_parts) = acting.q_parts;
        let q_total: f64 = parts.host()[..n_parts].iter().map(|&part| f64::from(part)).sum();
        let repulsive = (f64::from(params.n) / q_total) as f32;
        let center = center_of(outline.blocks.host(), params);
        let c = params.n_components as usize;
        let task = c * BLOCK;
        let both = acting
            .attractions
            .host()
            .par_chunks(task)
            .zip(acting.repulsions.host().par_chunks(task));
        let outputs = y
            .par_chunks_mut(task)
            .zip(states.par_chunks_mut(2 * task))
            .zip(outline.next.host_mut().par_chunks_mut(ENTRY));
        let tasks = outputs.zip(both).zip(acting.rates.host().par_chunks(BLOCK));
        tasks.for_each(|((((y, states), entry), (attractions, repulsions)), rates)| {
            let both = attractions.chunks_exact(c).zip(repulsions.chunks_exact(c));
            let points = y.chunks_exact_mut(c).zip(states.chunks_exact_mut(2 * c));
            for (((y, states), rate), (attractions, repulsions)) in points.zip(rates).zip(both) {
                let rate = params.rate * rate;
                let states = states.as_chunks_mut::<2>().0;
                for (([update, gain], attraction), repulsion) in
                    states.iter_mut().zip(attractions).zip(repulsions)
                {
                    let gradient = params.exaggeration * attraction - repulsive * repulsion;
                    *gain = new_gain(*gain, *update, gradient);
                    *update = params.momentum * *update - rate * *gain * gradient;
                }
                let length_squared: f32 = states.iter().map(|[step, _]| step * step).sum();
                let longest = params.max_step_norm;
                let shrink = if length_squared > longest * longest {
                    longest / length_squared.sqrt()
                } else {
                    1.0
                };
                for ((y, [update, _]), mean) in y.iter_mut().zip(states).zip(&center) {
                    let step = *update * shrink;
                    *y = (*y - mean + step) * center[3];
                    *update = step * center[3];
                }
            }
            outline_of(y, c, entry);
        });
    }
}

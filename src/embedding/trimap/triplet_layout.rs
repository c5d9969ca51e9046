//! Gradient, optimiser step and loss of TriMAP, as kernels with their twins.
//!
//! With d_ij = 1 + |y_i - y_j|^2 the loss is the sum of w d_ij / (d_ij + d_ik) over all triplets
//! (i, j, k) of weight w. As in the authors' program, the gradient here is half of its derivative:
//! c (d_ik (y_i - y_j) - d_ij (y_i - y_k)) for the point i, with c = w / (d_ij + d_ik)^2; its first
//! part, negated, for its inlier j, and the second, negated, for its outlier k. Every point gathers
//! the forces on it in a fixed order: `pull` those of its own triplets, `push` those as an outlier,
//! `descend` those as an inlier, over the lists of references to it. O(n) with some 150 evaluations
//! of a distance a point and iteration.
//!
//! Coordinates, gradients and all other arrays with an entry per axis, slot or inlier and point
//! store it at index number x n + point.

use super::triplet_forces::{pull, push};
use super::triplet_weights::{Group, weighed};
use super::triplets::Triplets;
use crate::compute::reduce::Sum;
use crate::compute::{Buffer, Device, Kernel, Work, dispatches, kernel, longest_row, uniform};
use crate::error::Result;
use crate::matrix::Matrix;

uniform! {
    /// Parameters of the kernels that go through the triplets of a group.
    pub(super) struct TripletParams {
        n: u32,
        n_components: u32,
        first_inlier: u32,
        n_inliers: u32,
        n_outliers: u32,
        n_random: u32,
        add: u32,
    }
}
uniform! {
    struct StepParams {
        n: u32, n_components: u32, learning_rate: f32, momentum: f32, next_momentum: f32, first: u32, most: u32,
    }
}

impl TripletParams {
    /// Parameters of group `at`; the results of the groups after the first are added.
    pub(super) fn of(layout: &Layout, at: usize) -> Self {
        let group = &layout.groups[at];
        Self {
            n: layout.n as u32,
            n_components: layout.n_components as u32,
            first_inlier: group.first_inlier as u32,
            n_inliers: group.n_inliers as u32,
            n_outliers: group.n_outliers as u32,
            n_random: group.n_random as u32,
            add: (at > 0).into(),
        }
    }
}

const DESCEND: Kernel = kernel!("triplet_layout" + "triplets", "descend", 64, StepParams);
const LOSS: Kernel = kernel!("triplet_layout" + "triplets", "loss", 64, TripletParams);

/// Number of threads of one point in a step.
const LANES: usize = 8;

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&DESCEND, &LOSS];

/// Weighted triplets on a device, with buffers for their forces.
#[derive(Debug)]
pub struct Layout {
    /// All triplets, in as many groups as the size of bindings requires.
    pub groups: Vec<Group>,
    /// Inliers of the points, n_inliers x n.
    pub inliers: Buffer<u32>,
    /// Start of each point's references, n + 1.
    pub row_starts: Buffer<u32>,
    /// Entry a x n + i for every point i that has the point as inlier a.
    pub references: Buffer<u32>,
    /// The points i of the references.
    pub sources: Buffer<u32>,
    /// Largest number of references to one point.
    pub most_references: usize,
    /// Factors of the forces on inliers, n_inliers x n.
    pub attractions: Buffer<f32>,
    /// Gradient, n_components x n; without the forces on points as inliers until [`descend`].
    pub gradients: Buffer<f32>,
    /// Number of points.
    pub n: usize,
    /// Dimensions of the embedding, 2 or 3.
    pub n_components: usize,
}

impl Layout {
    /// Computes the weights of the triplets. `x`, n x any number of features, gives the distances
    /// of the outliers.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory) if they do not fit, any error of the device.
    pub fn new(
        device: &Device,
        triplets: &Triplets,
        x: &Matrix,
        temperature: f32,
        n_components: usize,
    ) -> Result<Self> {
        let n = triplets.n_samples();
        let (row_starts, references) = triplets.references();
        let inliers = Buffer::from_slice(device, "inliers", &triplets.inliers)?;
        Ok(Self {
            groups: weighed(device, triplets, &inliers, x, temperature)?,
            inliers,
            row_starts: Buffer::from_slice(device, "references", &row_starts)?,
            most_references: longest_row(&row_starts),
            sources: Buffer::from_slice(
                device,
                "sources",
                &references.iter().map(|at| at % n as u32).collect::<Vec<_>>(),
            )?,
            references: Buffer::from_slice(device, "references", &references)?,
            attractions: Buffer::new(device, "attractions", triplets.inliers.len())?,
            gradients: Buffer::new(device, "gradients", n_components * n)?,
            n,
            n_components,
        })
    }

    /// Weights of all triplets, triplets of a point x n, read back; negative for a random triplet
    /// whose second point is the inlier.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn weights(&self, device: &Device) -> Result<Vec<f32>> {
        let mut near = Vec::new();
        let mut random = Vec::new();
        for group in &self.groups {
            let weights = group.weights.read(device)?;
            let (of_inliers, others) =
                weights.split_at(group.n_inliers * group.n_outliers * self.n);
            near.extend_from_slice(of_inliers);
            random.extend_from_slice(others);
        }
        near.extend(random);
        Ok(near)
    }

    /// Mean absolute weight of all triplets.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn mean_weight(&self, device: &Device) -> Result<f64> {
        let mut total = Buffer::new(device, "sum of weights", 1)?;
        // If all points coincide, a triplet costs half its weight.
        self.loss(
            device,
            &Buffer::zeros(device, "one place", self.n_components * self.n)?,
            &mut total,
        )?;
        let per_point: usize = self
            .groups
            .iter()
            .map(|group| group.n_inliers * group.n_outliers + group.n_random)
            .sum();
        Ok(2.0 * f64::from(total.read(device)?[0]) / (per_point * self.n) as f64)
    }

    /// Sets the weights of all triplets of inliers to 1, and those of the random ones to 0.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory).
    pub fn level(&mut self, device: &Device) -> Result<()> {
        for group in &mut self.groups {
            let mut weights = vec![1.0; group.n_inliers * group.n_outliers * self.n];
            weights.resize(weights.len() + group.n_random * self.n, 0.0);
            group.weights = Buffer::from_slice(device, "weights of triplets", &weights)?;
        }
        Ok(())
    }

    /// One iteration: computes the gradient at `places` and moves the points. Shapes: `places` and
    /// `ahead` n_components x n, `states` 3 x n_components x n (coordinates, velocities, gains);
    /// `ahead` receives the coordinates for the next gradient.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel).
    pub fn step(
        &mut self,
        device: &Device,
        places: &Buffer<f32>,
        states: &mut Buffer<f32>,
        ahead: &mut Buffer<f32>,
        step: Step,
    ) -> Result<()> {
        for at in 0..self.groups.len() {
            pull(device, self, at, places)?;
        }
        for at in 0..self.groups.len() {
            push(device, self, at, places)?;
        }
        descend(device, self, places, states, ahead, step)
    }

    /// Writes the sum of the losses of all triplets at `places` to `total[0]`.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel).
    pub fn loss(
        &self,
        device: &Device,
        places: &Buffer<f32>,
        total: &mut Buffer<f32>,
    ) -> Result<()> {
        let mut losses = Buffer::new(device, "losses", self.n)?;
        for at in 0..self.groups.len() {
            loss(device, self, at, places, &mut losses)?;
        }
        Sum::new(device, self.n)?.run(device, &losses, total)
    }
}

/// One step of gradient descent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Learning rate.
    pub learning_rate: f32,
    /// Share of the last update that is kept (momentum).
    pub momentum: f32,
    /// Momentum of the next step, for looking ahead.
    pub next_momentum: f32,
}

/// Adds the forces on points as inliers and moves the points: momentum with a gain for each
/// coordinate (R. Jacobs, "Increased rates of convergence through learning rate adaptation", 1988).
/// Shapes as in [`Layout::step`].
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn descend(
    device: &Device,
    layout: &Layout,
    places: &Buffer<f32>,
    states: &mut Buffer<f32>,
    ahead: &mut Buffer<f32>,
    step: Step,
) -> Result<()> {
    let Step { learning_rate, momentum, next_momentum } = step;
    let n_components = layout.n_components as u32;
    let n = layout.n as u32;
    let from = |first, most| StepParams {
        n,
        n_components,
        learning_rate,
        momentum,
        next_momentum,
        first,
        most,
    };
    match device {
        Device::Cpu(_) => {
            cpu::descend(layout, places.host(), states.host_mut(), ahead.host_mut(), &from(0, 0))
        }
        Device::Gpu(gpu) => {
            let bindings = [
                (1, places.gpu()),
                (2, layout.row_starts.gpu()),
                (3, layout.references.gpu()),
                (4, layout.attractions.gpu()),
                (5, layout.gradients.gpu()),
                (6, states.gpu()),
                (7, ahead.gpu()),
                (8, layout.sources.gpu()),
            ];
            let most = LANES * gpu.most_turns();
            // A reference has its number, source, factor and coordinates; four numbers of a
            // coordinate are read, four written.
            let axes = u64::from(n_components);
            let references = Work::new(3 * axes, 12 + 4 * axes).times(layout.references.len());
            let points = Work::new(12 * axes, 8 + 36 * axes).times(layout.n);
            let work = references.plus(points);
            for first in dispatches(layout.most_references, most) {
                gpu.dispatch(
                    &DESCEND,
                    &from(first, most as u32),
                    &bindings,
                    LANES * layout.n,
                    work,
                )?;
            }
        }
    }
    Ok(())
}

/// Loss of each point's own triplets of a group; overwrites `losses` if `at` is 0, otherwise adds
/// to them. Shapes: `places` n_components x n or longer, `losses` n.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn loss(
    device: &Device,
    layout: &Layout,
    at: usize,
    places: &Buffer<f32>,
    losses: &mut Buffer<f32>,
) -> Result<()> {
    let group = &layout.groups[at];
    let uniform = TripletParams::of(layout, at);
    match device {
        Device::Cpu(_) => cpu::loss(layout, at, places.host(), losses.host_mut()),
        Device::Gpu(gpu) => {
            let bindings = [
                (1, places.gpu()),
                (2, layout.inliers.gpu()),
                (3, group.weights.gpu()),
                (4, group.shifts.gpu()),
                (5, losses.gpu()),
            ];
            let axes = layout.n_components as u64;
            let work = Work::new(3 * axes + 4, 4 + 4 * axes)
                .times(layout.n * (group.n_slots() + group.n_inliers));
            gpu.dispatch(&LOSS, &uniform, &bindings, layout.n, work)?;
        }
    }
    Ok(())
}

mod cpu {
    use super::super::blocks::{BLOCK, axes, blocks, shifted};
    use super::{Layout, StepParams};
    use crate::embedding::descent::new_gain;
    use rayon::prelude::*;
    use std::array;

    pub fn descend(
        layout: &Layout,
        places: &[f32],
        states: &mut [f32],
        ahead: &mut [f32],
        params: &StepParams,
    ) {
        let n = layout.n;
        let outputs = blocks(states, n).into_par_iter().zip(blocks(ahead, n));
        outputs.enumerate().for_each(|(block, (mut states, mut ahead))| {
            let first = block * BLOCK;
            match params.n_components {
                3 => descend_block::<3>(layout, places, first, &mut states, &mut ahead, params),
                _ => descend_block::<2>(layout, places, first, &mut states, &mut ahead, params),
            }
        });
    }

    fn descend_block<const D: usize>(
        layout: &Layout,
        places: &[f32],
        first: usize,
        states: &mut [&mut [f32]],
        ahead: &mut [&mut [f32]],
        params: &StepParams,
    ) {
        let n = layout.n;
        let all: [&[f32]; D] = axes(places, n);
        let attractions = layout.attractions.host();
        let gradients = layout.gradients.host();
        let starts = layout.row_starts.host();
        let len = ahead[0].len();
        let range = starts[first] as usize..starts[first + len] as usize;
        // All random reads come first, so that none waits for another.
        let read: Vec<(f32, [f32; D])> = layout.references.host()[range.clone()]
            .iter()
            .zip(&layout.sources.host()[range.clone()])
            .map(|(&reference, &i)| {
                (attractions[reference as usize], array::from_fn(|axis| all[axis][i as usize]))
            })
            .collect();
        for lane in 0..len {
            let j = first + lane;
            let mut received = [0.0; D];
            for (attraction, from) in
                &read[starts[j] as usize - range.start..starts[j + 1] as usize - range.start]
            {
                for axis in 0..D {
                    received[axis] += attraction * (all[axis][j] - from[axis]);
                }
            }
            for axis in 0..D {
                let gradient = gradients[axis * n + j] + received[axis];
                let velocity = states[D + axis][lane];
                let gain = new_gain(states[2 * D + axis][lane], velocity, gradient);
                let velocity = params.momentum * velocity - params.learning_rate * gain * gradient;
                let moved = states[axis][lane] + velocity;
                states[axis][lane] = moved;
                states[D + axis][lane] = velocity;
                states[2 * D + axis][lane] = gain;
                ahead[axis][lane] = moved + params.next_momentum * velocity;
            }
        }
    }

    pub fn loss(layout: &Layout, at: usize, places: &[f32], losses: &mut [f32]) {
        let n = layout.n;
        let axes = layout.n_components;
        let group = &layout.groups[at];
        let inliers = layout.inliers.host();
        let weights = group.weights.host();
        let shifts = group.shifts.host();
        let n_near = group.n_inliers * group.n_outliers;
        losses.par_iter_mut().enumerate().with_min_len(BLOCK).for_each(|(i, loss)| {
            let root = |k: usize| {
                let square = |axis: usize| (places[axis * n + i] - places[axis * n + k]).powi(2);
                1.0 + (0..axes).map(square).sum::<f32>()
            };
            let at_slot = |slot: usize| root(shifted(i, shifts[slot] as usize, n));
            let mut sum = 0.0;
            for a in 0..group.n_inliers {
                let near = root(inliers[(group.first_inlier + a) * n + i] as usize);
                for slot in a * group.n_outliers..(a + 1) * group.n_outliers {
                    sum += weights[slot * n + i] * near / (near + at_slot(slot));
                }
            }
            for r in 0..group.n_random {
                let a = at_slot(n_near + 2 * r);
                let b = at_slot(n_near + 2 * r + 1);
                let weight = weights[(n_near + r) * n + i];
                sum += weight.abs() * if weight < 0.0 { b } else { a } / (a + b);
            }
            *loss = if at > 0 { *loss + sum } else { sum };
        });
    }
}

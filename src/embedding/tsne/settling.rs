//! Placement of new points by t-SNE's own objective, with the fitted points fixed: openTSNE's
//! `transform`.
//!
//! P. Policar et al., "openTSNE: a modular Python library for t-SNE", 2019. A new point is
//! attracted by its 15 nearest fitted points with perplexity 5 and repelled by all, over a
//! normaliser of its own; 250 steps with exaggeration 1.5. Unlike in openTSNE, the start is the
//! mode of [`placement`](super::super::placement) and the repulsion is exact, so that a point's
//! coordinates depend on nothing but the point: O(m n) a step for m new and n fitted points.

use super::affinity;
use super::optimiser::State;
use super::repulsion::repulsion;
use crate::compute::{Buffer, Device, Kernel, Work, kernel, uniform};
use crate::error::Result;
use crate::matrix::Matrix;
use crate::neighbors::NeighborGraph;
use crate::range::scaled_rows;

/// Number of nearest fitted points that attract a new one, or all if there are fewer.
pub const N_NEIGHBORS: usize = 15;

/// Perplexity: effective number of these points.
const PERPLEXITY: f32 = 5.0;
/// Number of steps of a new point.
const STEPS: usize = 250;

uniform! {
    struct SettleParams { n: u32, n_neighbors: u32, n_components: u32 }
}

const SETTLE: Kernel = kernel!("settling", "settle", 64, SettleParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&SETTLE];

/// New points on a device.
#[derive(Debug)]
pub struct NewRows {
    /// Nearest fitted points of each, n x k.
    pub neighbors: Buffer<u32>,
    /// Attraction to each of them, n x k; a row sums to 1.
    pub probabilities: Buffer<f32>,
    /// n, k and the dimensions of the embedding, 2 or 3.
    pub shape: (usize, usize, usize),
}

/// Coordinates of new points, m x c, from their `start`, m x c, in the embedding `embedding`, n x
/// c.
///
/// # Errors
/// Any error of the device.
pub fn optimise(
    device: &Device,
    embedding: &Matrix,
    neighbors: &NeighborGraph,
    start: &Matrix,
) -> Result<Matrix> {
    let (n, c) = (start.n_samples(), start.n_features());
    let k = N_NEIGHBORS.min(neighbors.n_neighbors());
    let nearest = neighbors.truncated(k);
    let distances = Buffer::from_slice(
        device,
        "distances of new points",
        &scaled_rows(nearest.distances(), k),
    )?;
    let mut probabilities = Buffer::new(device, "probabilities of new points", n * k)?;
    affinity::calibrate(device, &distances, &mut probabilities, n, k, PERPLEXITY.min(k as f32))?;
    let neighbors = Buffer::from_slice(device, "neighbours of new points", nearest.indices())?;
    let new = NewRows { neighbors, probabilities, shape: (n, k, c) };
    let fitted = Buffer::from_slice(device, "map", embedding.as_slice())?;
    let mut y = Buffer::from_slice(device, "new coordinates", start.as_slice())?;
    let mut state = State::new(device, n * c)?;
    let mut pushes = Buffer::new(device, "pushes", n * c)?;
    let mut q_sums = Buffer::new(device, "sums of q", n)?;
    for _ in 0..STEPS {
        repulsion(device, &y, Some(&fitted), &mut pushes, &mut q_sums, (n, c))?;
        settle(device, &new, &fitted, (&pushes, &q_sums), &mut state, &mut y)?;
    }
    Matrix::new(y.read(device)?, n, c)
}

/// Moves every new point by one step. Shapes: `fitted` m x c; `pushes` n x c repulsive forces and n
/// sums of q; `state` and `y` n x c.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn settle(
    device: &Device,
    new: &NewRows,
    fitted: &Buffer<f32>,
    pushes: (&Buffer<f32>, &Buffer<f32>),
    state: &mut State,
    y: &mut Buffer<f32>,
) -> Result<()> {
    let (n, k, c) = new.shape;
    match device {
        Device::Cpu(_) => {
            cpu::settle(new, fitted.host(), (pushes.0.host(), pushes.1.host()), state, y.host_mut())
        }
        Device::Gpu(gpu) => {
            let uniform =
                SettleParams { n: n as u32, n_neighbors: k as u32, n_components: c as u32 };
            let bindings = [
                (1, new.neighbors.gpu()),
                (2, new.probabilities.gpu()),
                (3, fitted.gpu()),
                (4, pushes.0.gpu()),
                (5, pushes.1.gpu()),
                (6, state.pairs.gpu()),
                (7, y.gpu()),
            ];
            let work = Work::new((6 * c + 4) as u64, (8 + 4 * c) as u64).times(n * k);
            gpu.dispatch(&SETTLE, &uniform, &bindings, n, work)?;
        }
    }
    Ok(())
}

mod cpu {
    use super::{NewRows, State};
    use crate::embedding::descent::new_gain;
    use rayon::prelude::*;

    const EXAGGERATION: f32 = 1.5;
    const LEARNING_RATE: f32 = 0.1;
    const MOMENTUM: f32 = 0.8;
    const MAX_GRADIENT_NORM: f32 = 0.25;

    pub fn settle(
        new: &NewRows,
        fitted: &[f32],
        (pushes, q_sums): (&[f32], &[f32]),
        state: &mut State,
        y: &mut [f32],
    ) {
        let (_, k, c) = new.shape;
        let (neighbors, probabilities) = (new.neighbors.host(), new.probabilities.host());
        let states = state.pairs.host_mut().par_chunks_mut(2 * c);
        y.par_chunks_mut(c).zip(states).enumerate().for_each(|(i, (y, states))| {
            let mut gradient = [0.0_f32; 3];
            for (&j, &p) in neighbors[i * k..][..k].iter().zip(&probabilities[i * k..][..k]) {
                let place = &fitted[c * j as usize..][..c];
                let square: f32 = y.iter().zip(place).map(|(a, b)| (a - b) * (a - b)).sum();
                let pull = EXAGGERATION * p / (1.0 + square);
                for ((sum, a), b) in gradient.iter_mut().zip(y.iter()).zip(place) {
                    *sum += pull * (a - b);
                }
            }
            for (sum, push) in gradient.iter_mut().zip(&pushes[i * c..][..c]) {
                *sum -= push / q_sums[i];
            }
            let norm = gradient.iter().map(|v| v * v).sum::<f32>().sqrt();
            let shrink = if norm > MAX_GRADIENT_NORM { MAX_GRADIENT_NORM / norm } else { 1.0 };
            for ((y, [update, gain]), gradient) in
                y.iter_mut().zip(states.as_chunks_mut::<2>().0).zip(gradient)
            {
                let gradient = gradient * shrink;
                *gain = new_gain(*gain, *update, gradient);
                *update = MOMENTUM * *update - LEARNING_RATE * *gain * gradient;
                *y += *update;
            }
        });
    }
}

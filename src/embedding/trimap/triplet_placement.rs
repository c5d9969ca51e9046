//! Placement of new points by TriMAP's own objective: each by its own triplets, with the fitted
//! points fixed.
//!
//! The best 12 of its 20 nearest fitted points are inliers, with 4 outliers each, drawn by a hash
//! of its two nearest; 20 iterations start at the mode of its neighbours' coordinates. Only the
//! embedding and the points' scales remain of the training data, so the distance to an outlier is
//! taken as the root mean square distance between two points, which is close to most distances to
//! random points. The coordinates of a row depend on its own neighbours alone.

use super::triplet_weights::tempered;
use super::triplets::{relative_square, scale};
use super::{FittedTrimap, Trimap};
use crate::compute::{Buffer, Device, Kernel, Work, dispatches, kernel, uniform};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::NeighborGraph;
use crate::random::Random;
use rayon::prelude::*;

uniform! {
    struct SettleParams {
        n: u32,
        n_components: u32,
        n_inliers: u32,
        n_outliers: u32,
        n_iterations: u32,
        learning_rate: f32,
        momentum: f32,
        goes_on: u32,
    }
}

const SETTLE: Kernel = kernel!("triplet_placement" + "map", "settle", 64, SettleParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&SETTLE];

/// Number of neighbours of a new point among which its inliers are chosen.
pub const N_NEIGHBORS: usize = 20;
/// Number of iterations: more move the points no further.
const ITERATIONS: usize = 20;
const MOMENTUM: f32 = 0.5;
/// Number of new points whose triplets are held at a time.
const ROWS: usize = 1 << 15;
/// Stream of the random numbers of this file.
const STREAM: u64 = 0x7472_7072;
/// Maximum number of draws of an outlier: in a small data set most points may be inliers.
const DRAWS: u64 = 8;

/// Triplets of new points among fitted ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewTriplets {
    /// Number of inliers of a point.
    pub n_inliers: usize,
    /// Number of outliers of an inlier.
    pub n_outliers: usize,
    /// Indices of fitted points, m x n_inliers.
    pub inliers: Vec<u32>,
    /// Indices of fitted points, m x n_inliers x n_outliers.
    pub outliers: Vec<u32>,
    /// Weights, m x n_inliers x n_outliers.
    pub weights: Vec<f32>,
}

impl NewTriplets {
    /// Chooses the triplets of new points with these nearest fitted points and computes their
    /// weights. `scales` belong to the fitted points; `apart` is the distance assumed for all
    /// outliers.
    pub fn new(method: &Trimap, neighbors: &NeighborGraph, scales: &[f32], apart: f32) -> Self {
        let k = neighbors.n_neighbors().min(method.n_candidates());
        let n_inliers = method.n_inliers.min(k);
        let least = scales.iter().copied().fold(f32::INFINITY, f32::min);
        let rows: Vec<_> = (0..neighbors.n_samples())
            .into_par_iter()
            .map(|row| {
                let distances = &neighbors.distances()[row * neighbors.n_neighbors()..][..k];
                let own = scale(distances).max(least);
                of_row(method, &neighbors.neighbors(row)[..k], distances, own, scales, apart)
            })
            .collect();
        let mut all = Self { n_inliers, n_outliers: method.n_outliers, ..Self::default() };
        for (inliers, outliers, weights) in rows {
            all.inliers.extend(inliers);
            all.outliers.extend(outliers);
            all.weights.extend(weights);
        }
        all
    }
}

/// Inliers, outliers and weights of one new point of the scale `own`.
fn of_row(
    method: &Trimap,
    ids: &[u32],
    distances: &[f32],
    own: f32,
    scales: &[f32],
    apart: f32,
) -> (Vec<u32>, Vec<u32>, Vec<f32>) {
    let mut nearest: Vec<(f32, u32)> = ids
        .iter()
        .zip(distances)
        .map(|(&j, &distance)| (relative_square(distance, own, scales[j as usize]), j))
        .collect();
    nearest.sort_by(|a, b| a.0.total_cmp(&b.0));
    nearest.truncate(method.n_inliers);
    let inliers: Vec<u32> = nearest.iter().map(|&(_, j)| j).collect();
    // The same draws wherever the row is stored.
    let pair = (u64::from(ids[0]) << 32) | u64::from(ids[1.min(ids.len() - 1)]);
    let random = Random::new(method.random_state ^ STREAM, pair);
    let (mut outliers, mut weights) = (Vec::new(), Vec::new());
    for (a, &(square, _)) in nearest.iter().enumerate() {
        for b in 0..method.n_outliers {
            let first = DRAWS * (a * method.n_outliers + b) as u64;
            let mut draws = (first..first + DRAWS)
                .map(|item| ((u64::from(random.bits(item)) * scales.len() as u64) >> 32) as u32);
            match draws.find(|k| !inliers[..=a].contains(k)) {
                Some(k) => {
                    outliers.push(k);
                    let margin = relative_square(apart, own, scales[k as usize]) - square;
                    weights.push(tempered(margin, 1.0 - method.weight_temp));
                }
                None => {
                    outliers.push(inliers[0]);
                    weights.push(0.0);
                }
            }
        }
    }
    (inliers, outliers, weights)
}

/// Moves new points, m x n_components, from `start`. `neighbors` are their nearest fitted points.
///
/// # Errors
/// [`Error::Data`] for an embedding without the scales of its points; any error of the device.
pub fn optimise(
    device: &Device,
    map: &FittedTrimap,
    neighbors: &NeighborGraph,
    start: &Matrix,
) -> Result<Matrix> {
    let method = map.method();
    let apart = map.result(super::RMS_DISTANCE).unwrap_or(f64::NAN) as f32;
    if map.row_scales().len() != map.embedding().n_samples() || !apart.is_finite() {
        return Err(Error::Data(
            "this map was saved without what its own placement of new points needs".into(),
        ));
    }
    let (m, c, k) = (start.n_samples(), start.n_features(), neighbors.n_neighbors());
    let fitted = Buffer::from_slice(device, "map", map.embedding().as_slice())?;
    let mut placed = Vec::with_capacity(m * c);
    for first in (0..m).step_by(ROWS) {
        let len = ROWS.min(m - first);
        let range = first * k..(first + len) * k;
        let part = NeighborGraph::new(
            neighbors.indices()[range.clone()].to_vec(),
            neighbors.distances()[range].to_vec(),
            k,
        )?;
        let triplets = NewTriplets::new(method, &part, map.row_scales(), apart);
        let mut places = Buffer::from_slice(
            device,
            "new coordinates",
            &start.as_slice()[first * c..][..len * c],
        )?;
        settle(device, &triplets, &fitted, &mut places, c, (method.learning_rate, ITERATIONS))?;
        placed.extend(places.read(device)?);
    }
    Matrix::new(placed, m, c).map_err(|error| {
        Error::Data(format!("new points diverged: {error}; try a smaller `Trimap::learning_rate`"))
    })
}

/// Moves new points. Shapes: `fitted` n x n_components, `places` m x n_components; `how` is the
/// learning rate and the number of iterations.
///
/// # Errors
/// [`Error::Kernel`].
pub fn settle(
    device: &Device,
    triplets: &NewTriplets,
    fitted: &Buffer<f32>,
    places: &mut Buffer<f32>,
    n_components: usize,
    how: (f32, usize),
) -> Result<()> {
    let (learning_rate, n_iterations) = how;
    let n = places.len() / n_components;
    let part = |n_iterations: usize, goes_on: bool| SettleParams {
        n: n as u32,
        n_components: n_components as u32,
        n_inliers: triplets.n_inliers as u32,
        n_outliers: triplets.n_outliers as u32,
        n_iterations: n_iterations as u32,
        learning_rate,
        momentum: MOMENTUM,
        goes_on: goes_on.into(),
    };
    match device {
        Device::Cpu(_) => {
            cpu::settle(triplets, fitted.host(), places.host_mut(), &part(n_iterations, false))
        }
        Device::Gpu(gpu) => {
            let inliers = Buffer::from_slice(device, "inliers of new points", &triplets.inliers)?;
            let outliers =
                Buffer::from_slice(device, "outliers of new points", &triplets.outliers)?;
            let weights = Buffer::from_slice(device, "weights of new points", &triplets.weights)?;
            let states: Buffer<f32> =
                Buffer::new(device, "velocities and gains of new points", 2 * places.len())?;
            let (fitted, places, states) = (fitted.gpu(), places.gpu(), states.gpu());
            let bindings = [
                (1, fitted),
                (2, inliers.gpu()),
                (3, outliers.gpu()),
                (4, weights.gpu()),
                (5, places),
                (6, states),
            ];
            // Each takes a turn for itself, one for every triplet and inlier, and a few for the
            // axes.
            let together =
                (gpu.most_turns() / (triplets.n_inliers * (triplets.n_outliers + 1) + 8)).max(1);
            for first in dispatches(n_iterations, together) {
                let now = together.min(n_iterations - first as usize);
                let axes = n_components as u64;
                let work =
                    Work::new(7 * axes + 8, 8 + 4 * axes).times(triplets.outliers.len() * now);
                gpu.dispatch(&SETTLE, &part(now, first > 0), &bindings, n, work)?;
            }
        }
    }
    Ok(())
}

mod cpu {
    use super::{NewTriplets, SettleParams};
    use crate::embedding::descent::new_gain;
    use rayon::prelude::*;
    use std::array;

    pub fn settle(
        triplets: &NewTriplets,
        fitted: &[f32],
        places: &mut [f32],
        params: &SettleParams,
    ) {
        let c = params.n_components as usize;
        places.par_chunks_mut(c).enumerate().with_min_len(64).for_each(|(row, place)| {
            if c == 3 {
                settle_row::<3>(triplets, fitted, row, place, params)
            } else {
                settle_row::<2>(triplets, fitted, row, place, params)
            }
        });
    }

    fn settle_row<const D: usize>(
        triplets: &NewTriplets,
        fitted: &[f32],
        row: usize,
        place: &mut [f32],
        params: &SettleParams,
    ) {
        let (mut velocity, mut gain) = ([0.0; D], [1.0; D]);
        for _ in 0..params.n_iterations {
            let ahead: [f32; D] =
                array::from_fn(|axis| place[axis] + params.momentum * velocity[axis]);
            let gradient = gradient_at(triplets, fitted, row, ahead);
            for axis in 0..D {
                gain[axis] = new_gain(gain[axis], velocity[axis], gradient[axis]);
                velocity[axis] = params.momentum * velocity[axis]
                    - params.learning_rate * gain[axis] * gradient[axis];
                place[axis] += velocity[axis];
            }
        }
    }

    /// Half the gradient of a new point's triplets.
    fn gradient_at<const D: usize>(
        triplets: &NewTriplets,
        fitted: &[f32],
        row: usize,
        place: [f32; D],
    ) -> [f32; D] {
        let (m, o) = (triplets.n_inliers, triplets.n_outliers);
        let from = |j: u32| -> ([f32; D], f32) {
            let difference: [f32; D] =
                array::from_fn(|axis| place[axis] - fitted[j as usize * D + axis]);
            (difference, 1.0 + difference.iter().map(|value| value * value).sum::<f32>())
        };
        let mut gradient = [0.0; D];
        for a in row * m..(row + 1) * m {
            let (to_near, near) = from(triplets.inliers[a]);
            let mut attraction = 0.0;
            for slot in a * o..(a + 1) * o {
                let (to_far, far) = from(triplets.outliers[slot]);
                let c = triplets.weights[slot] / ((near + far) * (near + far));
                attraction += c * far;
                for axis in 0..D {
                    gradient[axis] -= c * near * to_far[axis];
                }
            }
            for axis in 0..D {
                gradient[axis] += attraction * to_near[axis];
            }
        }
        gradient
    }
}

//! Choice of the triplets.
//!
//! Every point i has inliers j, the nearest of its neighbours by p_ij = d_ij^2 / (s_i s_j), where
//! the scale s_i is the mean distance to the 3rd to 5th neighbour, and with each of them a few
//! outliers k drawn at random; further triplets are wholly random (E. Amid and M. Warmuth, "TriMap:
//! Large-scale dimensionality reduction using triplets", 2019, section 3).
//!
//! Outliers are drawn by shifts: points are renumbered at random once, and in slot c the outlier of
//! point i is (i + shift_c) mod n. So every point is the outlier of exactly one other in each slot:
//! the forces on outliers become a gather without lists, without hubs and with contiguous reads. A
//! weight is the tempered logarithm of 1 + p_ik - p_ij, not of its excess over the smallest of all:
//! no single outlier shifts all weights, and new points are weighted in the same way.

use super::Trimap;
use crate::neighbors::NeighborGraph;
use crate::random::Random;
use rayon::prelude::*;

/// Streams of the random numbers of this file.
const ORDER_STREAM: u64 = 0x7472_6f72;
const SHIFT_STREAM: u64 = 0x7472_7368;

/// Largest margin, at which a weight is 63,244. Without it, points much further apart than their
/// scales, next to copies of one point, would tear the embedding apart.
pub(super) const MOST: f32 = 1e9;
/// Smallest scale of a point in units of the median: copies of a point have the scale 0.
const LEAST_SCALE: f32 = 1e-3;
/// Positions, from 0, of the neighbours whose mean distance is the scale.
const SCALE_NEIGHBORS: std::ops::Range<usize> = 2..5;

/// All triplets, without their weights. Points are renumbered: see [`Triplets::order`]. Arrays with
/// an entry per inlier or slot and point store it at index number x n + point.
#[derive(Clone, Debug, PartialEq)]
pub struct Triplets {
    /// Row of the caller's matrix for each point, n.
    pub order: Vec<u32>,
    /// Number of inliers of a point: [`Trimap::n_inliers`], or all but one of the other points.
    pub n_inliers: usize,
    /// Number of outliers of each inlier.
    pub n_outliers: usize,
    /// Number of random triplets of a point.
    pub n_random: usize,
    /// Inliers, n_inliers x n, those of largest affinity first.
    pub inliers: Vec<u32>,
    /// p_ij of the inliers, n_inliers x n.
    pub inlier_squares: Vec<f32>,
    /// Scales s_i of the points in the caller's units, above 0, n.
    pub scales: Vec<f32>,
    /// Shifts of the outliers of the first inlier, of the second, ..., then of the two points of
    /// each random triplet.
    pub shifts: Vec<u32>,
}

impl Triplets {
    /// Coordinates, n_samples x `c`, of the points in their own order, from those of the triplets'
    /// order, axis by axis, with which `states` begin.
    pub(super) fn restored(&self, states: &[f32], c: usize) -> Vec<f32> {
        let n = self.order.len();
        let mut places = vec![0.0; c * n];
        for (i, &row) in self.order.iter().enumerate() {
            for axis in 0..c {
                places[row as usize * c + axis] = states[axis * n + i];
            }
        }
        places
    }

    /// Chooses the triplets of `n` points by their neighbours.
    pub fn new(method: &Trimap, neighbors: &NeighborGraph) -> Self {
        let n = neighbors.n_samples();
        let order: Vec<u32> = Random::new(method.random_state, ORDER_STREAM)
            .permutation(n)
            .into_iter()
            .map(|row| row as u32)
            .collect();
        let mut number = vec![0_u32; n];
        for (i, &row) in order.iter().enumerate() {
            number[row as usize] = i as u32;
        }
        let n_inliers = method.n_inliers.min(n - 2).min(neighbors.n_neighbors());
        let by_row = scales(neighbors);
        let nearest: Vec<Vec<(f32, u32)>> = (order.par_iter())
            .map(|&row| nearest_by_affinity(neighbors, row as usize, &by_row, n_inliers))
            .collect();
        let of_inliers = |a: usize| nearest.iter().map(move |near| near[a]);
        Self {
            inliers: (0..n_inliers)
                .flat_map(of_inliers)
                .map(|(_, row)| number[row as usize])
                .collect(),
            inlier_squares: (0..n_inliers).flat_map(of_inliers).map(|(square, _)| square).collect(),
            scales: order.iter().map(|&row| by_row[row as usize]).collect(),
            shifts: shifts(
                n,
                n_inliers * method.n_outliers + 2 * method.n_random,
                method.random_state,
            ),
            order,
            n_inliers,
            n_outliers: method.n_outliers,
            n_random: method.n_random,
        }
    }

    /// Number of points.
    pub fn n_samples(&self) -> usize {
        self.order.len()
    }

    /// Number of triplets of one point.
    pub fn per_point(&self) -> usize {
        self.n_inliers * self.n_outliers + self.n_random
    }

    /// For each point the references to it: a x n + i if it is inlier a of point i. Returns the
    /// start of each point's references, n + 1, and the references, ascending for each point.
    pub fn references(&self) -> (Vec<u32>, Vec<u32>) {
        let n = self.n_samples();
        let mut starts = vec![0_u32; n + 1];
        for &j in &self.inliers {
            starts[j as usize + 1] += 1;
        }
        for j in 0..n {
            starts[j + 1] += starts[j];
        }
        let mut next = starts.clone();
        let mut references = vec![0_u32; self.inliers.len()];
        for (reference, &j) in self.inliers.iter().enumerate() {
            references[next[j as usize] as usize] = reference as u32;
            next[j as usize] += 1;
        }
        (starts, references)
    }
}

/// The best `n_inliers` neighbours of a row, smallest p first, ties in the order of the distances.
fn nearest_by_affinity(
    neighbors: &NeighborGraph,
    row: usize,
    scales: &[f32],
    n_inliers: usize,
) -> Vec<(f32, u32)> {
    let k = neighbors.n_neighbors();
    let distances = &neighbors.distances()[row * k..][..k];
    let candidates = neighbors.neighbors(row).iter().zip(distances);
    let mut nearest: Vec<(f32, u32)> = candidates
        .map(|(&j, &distance)| (relative_square(distance, scales[row], scales[j as usize]), j))
        .collect();
    nearest.sort_by(|a, b| a.0.total_cmp(&b.0));
    nearest.truncate(n_inliers);
    nearest
}

/// p: squared distance in units of two scales.
pub fn relative_square(distance: f32, a: f32, b: f32) -> f32 {
    // Factor by factor: the square of the distance and the product of the scales may both leave the
    // normal numbers.
    (distance / a * (distance / b)).min(MOST * MOST)
}

/// The scale of a point from the ascending distances to its neighbours.
pub fn scale(distances: &[f32]) -> f32 {
    let k = distances.len();
    let counted = &distances[SCALE_NEIGHBORS.start.min(k - 1)..SCALE_NEIGHBORS.end.min(k)];
    counted.iter().map(|distance| distance / counted.len() as f32).sum()
}

/// Scales of all rows, limited from below by a share of the median of those above 0.
fn scales(neighbors: &NeighborGraph) -> Vec<f32> {
    let mut scales: Vec<f32> =
        neighbors.distances().par_chunks(neighbors.n_neighbors()).map(scale).collect();
    let mut positive: Vec<f32> = scales.iter().copied().filter(|&scale| scale > 0.0).collect();
    let middle = positive.len() / 2;
    // If every point has copies, any unit will do.
    let median = if positive.is_empty() {
        1.0
    } else {
        *positive.select_nth_unstable_by(middle, f32::total_cmp).1
    };
    let least = (LEAST_SCALE * median).max(f32::MIN_POSITIVE);
    scales.iter_mut().for_each(|scale| *scale = scale.max(least));
    scales
}

/// `count` shifts in 1..n. No two are equal or opposite, and none is n / 2, which would pair the
/// same points twice. If n is too small for that, all shifts occur equally often, give or take one.
fn shifts(n: usize, count: usize, seed: u64) -> Vec<u32> {
    let random = Random::new(seed, SHIFT_STREAM);
    if count > (n - 1) / 2 {
        let all: Vec<u32> = random.permutation(n - 1).into_iter().map(|at| at as u32 + 1).collect();
        return all.into_iter().cycle().take(count).collect();
    }
    let mut shifts: Vec<u32> = Vec::with_capacity(count);
    for item in 0.. {
        if shifts.len() == count {
            break;
        }
        let shift = ((u64::from(random.bits(item)) * (n as u64 - 1)) >> 32) as u32 + 1;
        let opposite = n as u32 - shift;
        if shift != opposite && !shifts.contains(&shift) && !shifts.contains(&opposite) {
            shifts.push(shift);
        }
    }
    shifts
}

//! Memberships, smoothing, layout and placement of new points of UMAP.

use super::harness::uniform;
use super::harness::{Pair, ROUNDING, Tolerance, floats};
use crate::compute::Buffer;
use crate::embedding::umap::FuzzyGraph;
use crate::embedding::umap::fuzzy_graph::{self, Reach};
use crate::embedding::umap::fuzzy_layout::{self, Edges, Epoch, Forces, NewPoints, Settling};
use crate::embedding::umap::low_pass::{self, MAX_COLUMNS, SmoothStep};
use crate::random::Random;

/// The search ends when the memberships sum to the target within 1e-5, on either side; the sum
/// changes by 0.3 or more for each e-fold of sigma.
const SCALES: Tolerance = Tolerance { each: 1e-4, largest: 0.0 };

/// A membership exp(-x) changes by x exp(-x), at most 0.4, of the change of ln sigma; WGSL's exp
/// has an error of 3 + 2 x units in the last place.
const MEMBERSHIPS: Tolerance = Tolerance { each: 0.0, largest: 0.5e-4 };

/// At most 30 terms of either sign, their quotient by the degree, and a difference: some 40
/// roundings, of numbers of the order of the largest.
const SMOOTHED: Tolerance = Tolerance { each: 0.0, largest: 80.0 * ROUNDING };

/// In WGSL log2 may have an error of 2^-21 near 1 and exp2 of 3 + 2 |x| units in the last place:
/// 1e-6 of a force together, for each of 46 forces that may cancel; a point at the rim is moved by
/// less than its largest force.
const ADVANCED: Tolerance = Tolerance { each: 0.0, largest: 1e-5 };

/// Widths as above, then one or two such epochs. More would say nothing: if a random point lies
/// within 0.1, a step multiplies any difference tenfold.
const SETTLED: Tolerance = Tolerance { each: 0.0, largest: 1e-4 };

/// Rows of ascending distances in several units, some with equal entries.
fn distances(n: usize, k: usize) -> Vec<f32> {
    let mut distances = uniform(70, n * k, 0.5, 1.5);
    for (row, distances) in distances.chunks_exact_mut(k).enumerate() {
        let unit = [1.0, 1e-12, 1e3][row % 3];
        distances.iter_mut().for_each(|distance| *distance *= unit);
        distances.sort_by(f32::total_cmp);
        match row % 10 {
            3 => distances.fill(unit),
            7 => distances[..k.div_ceil(2)].fill(0.0),
            9 => distances.fill(0.0),
            _ => (),
        }
    }
    distances
}

pub fn membership(pair: &Pair, n: usize) {
    for (k, local_connectivity) in if n > 1000 {
        vec![(2, 1.0)]
    } else {
        vec![(1, 1.0), (2, 0.0), (5, 1.5), (14, 1.0), (90, 3.25)]
    } {
        let distances = distances(n, k);
        let reach =
            Reach { target_sum: ((k + 1) as f32).log2(), local_connectivity, mean_distance: 0.9 };
        let run = |device: &_| {
            let distances = Buffer::from_slice(device, "distances", &distances)?;
            let mut values = Buffer::new(device, "memberships", n * k)?;
            let mut scales = Buffer::new(device, "scales", 2 * n)?;
            fuzzy_graph::membership(device, &distances, &mut values, &mut scales, (n, k), reach)?;
            Ok((floats(values.read(device)?), floats(scales.read(device)?)))
        };
        pair.compare(&format!("membership {n} x {k}"), MEMBERSHIPS, |device| {
            run(device).map(|both| both.0)
        });
        pair.compare(&format!("rho and sigma {n} x {k}"), SCALES, |device| {
            run(device).map(|both| both.1)
        });
    }
}

/// Rows of 0 to 30 edges, or of one if there are very many rows.
fn graph(n: usize) -> FuzzyGraph {
    let random = Random::new(7, 71);
    let mut row_starts = vec![0];
    let mut columns = Vec::new();
    for i in 0..n {
        let length = if n > 1000 { 1 } else { i * 11 % 31 };
        columns.extend((0..length).map(|at| random.bits((31 * i + at) as u64) % n as u32));
        row_starts.push(columns.len() as u32);
    }
    let weights = uniform(72, columns.len(), 0.01, 1.0);
    FuzzyGraph { row_starts, columns, weights }
}

pub fn smooth_step(pair: &Pair, n: usize) {
    let graph = graph(n);
    for columns in if n > 1000 { vec![2] } else { vec![1, 2, 3, MAX_COLUMNS] } {
        let current = uniform(73, n * columns, -1.0, 1.0);
        let previous = uniform(74, n * columns, -1.0, 1.0);
        let step = SmoothStep { centre: -0.01, half_width: 0.99, scale: 2.0, share: 1.0 };
        pair.compare(&format!("smooth_step {n} x {columns}"), SMOOTHED, |device| {
            let edges = Edges::new(device, &graph)?;
            let current = Buffer::from_slice(device, "current", &current)?;
            let mut previous = Buffer::from_slice(device, "previous", &previous)?;
            low_pass::smooth_step(device, &edges, step, columns, &current, &mut previous)?;
            previous.read(device).map(floats)
        });
    }
}

fn forces(n_components: usize) -> Forces {
    Forces { n_components, a: 1.577, b: 0.895, repulsion_strength: 1.2, negative_sample_rate: 5.0 }
}

/// Some points have equal coordinates, and some steps are too long.
pub fn advance(pair: &Pair, n: usize) {
    let graph = graph(n);
    for c in if n > 1000 { vec![2] } else { vec![2, 3] } {
        let mut places = uniform(75, n * c, -3.0, 3.0);
        for i in (0..n).step_by(5) {
            places.copy_within(0..c, i * c);
        }
        let velocities = uniform(76, n * c, -1.0, 1.0);
        let epoch = Epoch { momentum: 0.8, step: 2.0, max_step_norm: 1.5, key: 0x1234_5678 };
        pair.compare(&format!("advance of {n} in {c} dimensions"), ADVANCED, |device| {
            let edges = Edges::new(device, &graph)?;
            let places = Buffer::from_slice(device, "places", &places)?;
            let mut velocities = Buffer::from_slice(device, "velocities", &velocities)?;
            let mut moved = Buffer::new(device, "moved", n * c)?;
            fuzzy_layout::advance(
                device,
                &edges,
                forces(c),
                epoch,
                &places,
                &mut velocities,
                &mut moved,
            )?;
            Ok([floats(velocities.read(device)?), floats(moved.read(device)?)].concat())
        });
    }
}

pub fn settle(pair: &Pair, n: usize) {
    let n_fitted = 100;
    let random = Random::new(7, 77);
    for (c, k, n_epochs) in [(2, 1, 1), (2, 15, 1), (2, 15, 2), (3, 17, 1)] {
        let fitted = uniform(78, n_fitted * c, -10.0, 10.0);
        let neighbors: Vec<u32> =
            (0..n * k).map(|at| random.bits(at as u64) % n_fitted as u32).collect();
        let distances = distances(n, k);
        let start: Vec<f32> = neighbors
            .chunks_exact(k)
            .flat_map(|row| fitted[row[0] as usize * c..][..c].to_vec())
            .collect();
        pair.compare(
            &format!("settle {n} by {k} in {c} dimensions, {n_epochs} epochs"),
            SETTLED,
            |device| {
                let new = NewPoints {
                    fitted: &Buffer::from_slice(device, "fitted", &fitted)?,
                    neighbors: &Buffer::from_slice(device, "neighbours", &neighbors)?,
                    distances: &Buffer::from_slice(device, "distances", &distances)?,
                    shape: (n, k),
                    target_sum: (k as f32).log2(),
                };
                let mut settled = Buffer::from_slice(device, "settled", &start)?;
                fuzzy_layout::settle(
                    device,
                    &new,
                    forces(c),
                    Settling { step: 1.0, seed: 42, n_epochs },
                    &mut settled,
                )?;
                settled.read(device).map(floats)
            },
        );
    }
}

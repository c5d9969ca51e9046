//! Weights, forces, step and loss of TriMAP, and its placement of new points.

use super::harness::uniform;
use super::harness::{Pair, ROUNDING, Tolerance, floats};
use crate::compute::{Buffer, Device};
use crate::embedding::trimap::triplet_forces;
use crate::embedding::trimap::triplet_layout::{self, Layout, Step};
use crate::embedding::trimap::triplet_placement::{self, NewTriplets};
use crate::embedding::trimap::triplet_weights::{self, Group};
use crate::error::Result;
use crate::random::Random;

/// Sums of at most 20 squares of one sign.
const SQUARES: Tolerance = Tolerance { each: 24.0 * ROUNDING, largest: 0.0 };

/// A difference of two quotients under a root, a logarithm or a power; in WGSL logarithms may have
/// an error of 2^-21 near 0, and powers are computed from them.
const WEIGHTS: Tolerance = Tolerance { each: 64.0 * ROUNDING, largest: 64.0 * ROUNDING };

/// Sums of at most 20 terms that cancel, each with a few roundings and a division, whose error is
/// 2.5 units in the last place.
const FORCES: Tolerance = Tolerance { each: 0.0, largest: 64.0 * ROUNDING };

/// Sums of terms of one sign.
const LOSSES: Tolerance = Tolerance { each: 32.0 * ROUNDING, largest: 0.0 };

/// Three steps, each from the result of the last, with some 20 roundings each of coordinates up to
/// 3.
const SETTLED: Tolerance = Tolerance { each: 0.0, largest: 256.0 * ROUNDING };

/// Numbers of inliers, outliers and random triplets of a point; few if there are very many points.
fn counts(n: usize) -> (usize, usize, usize) {
    if n > 1000 { (1, 1, 1) } else { (3, 2, 2) }
}

fn ids(stream: u64, len: usize, n: usize) -> Vec<u32> {
    let random = Random::new(7, stream);
    (0..len as u64).map(|item| random.bits(item) % n as u32).collect()
}

/// Two groups of triplets, the second with the last inlier and the random ones, over arrays with
/// arbitrary content.
fn layout(device: &Device, n: usize, n_components: usize) -> Result<Layout> {
    let (m, mo, nr) = counts(n);
    let group = |first_inlier: usize, n_inliers: usize, n_random: usize| {
        let near = n_inliers * mo;
        let slots = n_inliers * mo + 2 * n_random;
        let stream = 80 + 10 * first_inlier as u64;
        let mut weights = uniform(stream, near * n, 0.0, 2.0);
        weights.extend(uniform(stream + 1, n_random * n, -0.5, 0.5));
        Ok(Group {
            first_inlier,
            n_inliers,
            n_outliers: mo,
            n_random,
            shifts: Buffer::from_slice(device, "shifts", &ids(stream + 2, slots, n))?,
            weights: Buffer::from_slice(device, "weights", &weights)?,
            forces: Buffer::from_slice(
                device,
                "forces",
                &uniform(stream + 3, slots * n, -1.0, 1.0),
            )?,
        })
    };
    let groups = if m > 1 {
        vec![group(0, m - 1, 0)?, group(m - 1, 1, nr)?]
    } else {
        vec![group(0, 1, nr)?]
    };
    let inliers = ids(120, m * n, n);
    let mut references: Vec<u32> = (0..inliers.len() as u32).collect();
    references.sort_by_key(|&reference| inliers[reference as usize]);
    let mut starts = vec![0_u32; n + 1];
    inliers.iter().for_each(|&j| starts[j as usize + 1] += 1);
    (0..n).for_each(|j| starts[j + 1] += starts[j]);
    let sources: Vec<u32> = references.iter().map(|reference| reference % n as u32).collect();
    // No gradient is near 0, where rounding would decide the sign that chooses the gain.
    let mut gradients = uniform(121, n_components * n, 1.0, 2.0);
    gradients.iter_mut().step_by(3).for_each(|gradient| *gradient = -*gradient);
    Ok(Layout {
        groups,
        most_references: starts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
            as usize,
        row_starts: Buffer::from_slice(device, "starts", &starts)?,
        references: Buffer::from_slice(device, "references", &references)?,
        sources: Buffer::from_slice(device, "sources", &sources)?,
        attractions: Buffer::from_slice(
            device,
            "attractions",
            &uniform(122, inliers.len(), 0.0, 0.01),
        )?,
        gradients: Buffer::from_slice(device, "gradients", &gradients)?,
        inliers: Buffer::from_slice(device, "inliers", &inliers)?,
        n,
        n_components,
    })
}

/// Coordinates of `n` points, axis after axis.
fn places(device: &Device, n: usize, n_components: usize) -> Result<Buffer<f32>> {
    Buffer::from_slice(device, "places", &uniform(123, n_components * n, -3.0, 3.0))
}

fn dimensions(n: usize) -> &'static [usize] {
    if n > 1000 { &[2] } else { &[2, 3] }
}

pub fn square_distances(pair: &Pair, n: usize) {
    let (d, slots) = if n > 1000 { (1, 1) } else { (20, 7) };
    let features = uniform(70, d * n, -1.0, 1.0);
    let shifts = ids(71, slots, n);
    pair.compare(&format!("square_distances of {n}"), SQUARES, |device| {
        let features = Buffer::from_slice(device, "x", &features)?;
        let shifts = Buffer::from_slice(device, "shifts", &shifts)?;
        let mut squares = Buffer::new(device, "squares", slots * n)?;
        for add in [false, true] {
            triplet_weights::square_distances(
                device,
                &features,
                &shifts,
                &mut squares,
                (n, d, slots),
                add,
            )?;
        }
        squares.read(device).map(floats)
    });
}

/// Margins below and above 0, and outliers that are inliers, at three temperatures.
pub fn weigh(pair: &Pair, n: usize) {
    let m = counts(n).0;
    let inlier_squares = uniform(72, m * n, 0.0, 4.0);
    let scales = uniform(73, n, 0.5, 2.0);
    for exponent in [0.5, 0.0, 0.3] {
        pair.compare(&format!("weigh {n} at exponent {exponent}"), WEIGHTS, |device| {
            let Layout { groups, inliers, .. } = layout(device, n, 2)?;
            let squares = Buffer::from_slice(device, "inlier squares", &inlier_squares)?;
            let scales = Buffer::from_slice(device, "scales", &scales)?;
            let mut weights = Vec::new();
            for mut group in groups {
                let len = group.forces.len();
                group.forces = Buffer::from_slice(device, "squares", &uniform(74, len, 0.0, 30.0))?;
                triplet_weights::weigh(device, &mut group, &inliers, &squares, &scales, exponent)?;
                weights.extend(floats(group.weights.read(device)?));
            }
            Ok(weights)
        });
    }
}

pub fn pull(pair: &Pair, n: usize) {
    for &c in dimensions(n) {
        pair.compare(&format!("pull on {n} in {c} dimensions"), FORCES, |device| {
            let (mut layout, places) = (layout(device, n, c)?, places(device, n, c)?);
            for at in 0..layout.groups.len() {
                triplet_forces::pull(device, &mut layout, at, &places)?;
            }
            let mut all =
                [floats(layout.attractions.read(device)?), floats(layout.gradients.read(device)?)]
                    .concat();
            for group in &layout.groups {
                all.extend(floats(group.forces.read(device)?));
            }
            Ok(all)
        });
    }
}

pub fn push(pair: &Pair, n: usize) {
    for &c in dimensions(n) {
        pair.compare(&format!("push on {n} in {c} dimensions"), FORCES, |device| {
            let (mut layout, places) = (layout(device, n, c)?, places(device, n, c)?);
            for at in 0..layout.groups.len() {
                triplet_forces::push(device, &mut layout, at, &places)?;
            }
            layout.gradients.read(device).map(floats)
        });
    }
}

/// Velocities of both signs, and 0.
pub fn descend(pair: &Pair, n: usize) {
    for &c in dimensions(n) {
        let mut states = uniform(124, 3 * c * n, -1.0, 1.0);
        states[c * n..2 * c * n].iter_mut().step_by(5).for_each(|velocity| *velocity = 0.0);
        states[2 * c * n..].iter_mut().for_each(|gain| *gain = 0.011 + gain.abs());
        let step = Step { learning_rate: 0.1, momentum: 0.5, next_momentum: 0.9 };
        pair.compare(&format!("descend of {n} in {c} dimensions"), FORCES, |device| {
            let (layout, places) = (layout(device, n, c)?, places(device, n, c)?);
            let mut states = Buffer::from_slice(device, "states", &states)?;
            let mut ahead = Buffer::new(device, "ahead", c * n)?;
            triplet_layout::descend(device, &layout, &places, &mut states, &mut ahead, step)?;
            Ok([floats(states.read(device)?), floats(ahead.read(device)?)].concat())
        });
    }
}

pub fn loss(pair: &Pair, n: usize) {
    for &c in dimensions(n) {
        pair.compare(&format!("loss of {n} in {c} dimensions"), LOSSES, |device| {
            let (layout, places) = (layout(device, n, c)?, places(device, n, c)?);
            let mut losses = Buffer::new(device, "losses", n)?;
            for at in 0..layout.groups.len() {
                triplet_layout::loss(device, &layout, at, &places, &mut losses)?;
            }
            losses.read(device).map(floats)
        });
    }
}

pub fn settle(pair: &Pair, n: usize) {
    let (m, mo, n_fitted) = (5, 3, 40);
    let triplets = NewTriplets {
        n_inliers: m,
        n_outliers: mo,
        inliers: ids(75, m * n, n_fitted),
        outliers: ids(76, m * mo * n, n_fitted),
        weights: uniform(77, m * mo * n, 0.0, 2.0),
    };
    for c in [2, 3] {
        let (fitted, start) = (uniform(78, c * n_fitted, -3.0, 3.0), uniform(79, c * n, -3.0, 3.0));
        pair.compare(&format!("settle {n} in {c} dimensions"), SETTLED, |device| {
            let fitted = Buffer::from_slice(device, "map", &fitted)?;
            let mut places = Buffer::from_slice(device, "places", &start)?;
            triplet_placement::settle(device, &triplets, &fitted, &mut places, c, (0.1, 3))?;
            places.read(device).map(floats)
        });
    }
}

//! Affinities, forces, divergence and step of t-SNE.

use super::harness::uniform;
use super::harness::{Pair, ROUNDING, Tolerance, floats};
use crate::compute::Buffer;
use crate::embedding::tsne::affinity::{self, Affinities};
use crate::embedding::tsne::center::LEAST;
use crate::embedding::tsne::gradient::{self, Graph};
use crate::embedding::tsne::optimiser::{self, Acting, Outline, State, Step};
use crate::embedding::tsne::repulsion;
use crate::embedding::tsne::settling::{self, NewRows};
use crate::random::Random;

/// WGSL's exp has an error of 3 + 2 |x| units in the last place, 60 if p is 1e-12 of the row's
/// largest; and the width is found from an entropy of some 90 rounded terms, which changes it by a
/// few 1e-6 of itself, and p by |x| times that.
const PROBABILITIES: Tolerance = Tolerance { each: 3e-5, largest: 1e-7 };

/// Sums of at most 1,000 terms in tiles, each with a few roundings; those of forces cancel, down to
/// some hundredth of the largest force of a point at the rim.
const FORCES: Tolerance = Tolerance { each: 0.0, largest: 100.0 * ROUNDING };

/// The sum of q of all points, the point itself included: terms of one sign, 16 partial sums or
/// tiles of 256.
const Q_SUMS: Tolerance = Tolerance { each: 100.0 * ROUNDING, largest: 0.0 };

/// At most 30 terms p (log p + log (1 + d^2) + log Z), whose logarithms may have an error of 2^-21
/// in WGSL if they are near 0.
const DIVERGENCE: Tolerance =
    Tolerance { each: 0.0, largest: 30.0 * ROUNDING + 1.0 / (1 << 20) as f64 };

/// A dozen roundings, and WGSL's division and square root, whose error is 2.5 units in the last
/// place.
const STEP: Tolerance = Tolerance { each: 0.0, largest: 24.0 * ROUNDING };

/// Four values a thread and a tree of 8 levels, of three axes: values of one sign; bounds are
/// exact.
const OUTLINE: Tolerance = Tolerance { each: 48.0 * ROUNDING, largest: 0.0 };

/// Rows of ascending distances in several units, some with equal entries.
pub fn calibrate(pair: &Pair, n: usize) {
    for k in if n > 1000 { vec![2] } else { vec![1, 2, 5, 90] } {
        let mut distances = uniform(20, n * k, 0.5, 1.5);
        for (row, distances) in distances.chunks_exact_mut(k).enumerate() {
            let unit = [1.0, 1e-12, 1e3][row % 3];
            distances.iter_mut().for_each(|distance| *distance *= unit);
            distances.sort_by(f32::total_cmp);
            match row % 10 {
                3 => distances.fill(unit),
                // More copies of the point than the perplexity.
                7 => distances[..k.div_ceil(2)].fill(0.0),
                _ => (),
            }
        }
        let perplexity = (k as f32 / 3.0).max(1.5).min(k as f32);
        pair.compare(&format!("calibrate {n} x {k}"), PROBABILITIES, |device| {
            let distances = Buffer::from_slice(device, "distances", &distances)?;
            let mut probabilities = Buffer::new(device, "probabilities", n * k)?;
            affinity::calibrate(device, &distances, &mut probabilities, n, k, perplexity)?;
            probabilities.read(device).map(floats)
        });
    }
}

pub fn repulsion(pair: &Pair, n: usize) {
    for c in [2, 3] {
        let y = uniform(21, c * n, -3.0, 3.0);
        let run = |device: &_| {
            let places = Buffer::from_slice(device, "places", &y)?;
            let mut forces = Buffer::new(device, "forces", c * n)?;
            let mut sums = Buffer::new(device, "sums", n)?;
            repulsion::repulsion(device, &places, None, &mut forces, &mut sums, (n, c))?;
            Ok((floats(forces.read(device)?), floats(sums.read(device)?)))
        };
        let others = uniform(29, c * 100, -3.0, 3.0);
        pair.compare(&format!("repulsion of {n} x {c} by 100 others"), FORCES, |device| {
            let places = Buffer::from_slice(device, "places", &y)?;
            let others = Buffer::from_slice(device, "others", &others)?;
            let mut forces = Buffer::new(device, "forces", c * n)?;
            let mut sums = Buffer::new(device, "sums", n)?;
            repulsion::repulsion(device, &places, Some(&others), &mut forces, &mut sums, (n, c))?;
            Ok([floats(forces.read(device)?), floats(sums.read(device)?)].concat())
        });
        pair.compare(&format!("repulsion of {n} x {c}"), FORCES, |device| {
            // The padding of the CPU's last vector register pushes with some 1e-27, which is
            // visible only if a point is alone.
            run(device).map(|both| {
                both.0
                    .into_iter()
                    .map(|force| if force.abs() < 1e-20 { 0.0 } else { force })
                    .collect()
            })
        });
        pair.compare(&format!("sums of q of {n} x {c}"), Q_SUMS, |device| {
            // The point itself is counted and subtracted again, with the rounding of a number above
            // 1.
            run(device).map(|both| both.1.iter().map(|sum| sum + 1.0).collect())
        });
    }
}

/// Rows of 0 to 30 entries, or of one if there are very many rows.
fn affinities(n: usize) -> Affinities {
    let random = Random::new(7, 22);
    let mut row_starts = vec![0];
    let mut columns = Vec::new();
    for i in 0..n {
        let length = if n > 1000 { 1 } else { i * 11 % 31 };
        columns.extend((0..length).map(|at| random.bits((31 * i + at) as u64) % n as u32));
        row_starts.push(columns.len() as u32);
    }
    let mut values = uniform(23, columns.len(), 0.0, 0.1);
    // An affinity may be 0.
    values.iter_mut().step_by(5).for_each(|value| *value = 0.0);
    Affinities { row_starts, columns, values }
}

pub fn attraction(pair: &Pair, n: usize) {
    let affinities = affinities(n);
    for c in [2, 3] {
        let y = uniform(21, c * n, -3.0, 3.0);
        pair.compare(&format!("attraction of {n} x {c}"), FORCES, |device| {
            let graph = Graph::new(device, &affinities)?;
            let y = Buffer::from_slice(device, "places", &y)?;
            let mut attractions = Buffer::new(device, "attractions", c * n)?;
            gradient::attraction(device, &y, &graph, &mut attractions)?;
            attractions.read(device).map(floats)
        });
    }
}

pub fn kl_divergence(pair: &Pair, n: usize) {
    let affinities = affinities(n);
    for c in [2, 3] {
        let y = uniform(21, c * n, -3.0, 3.0);
        pair.compare(&format!("kl_divergence of {n} x {c}"), DIVERGENCE, |device| {
            let graph = Graph::new(device, &affinities)?;
            let y = Buffer::from_slice(device, "places", &y)?;
            let total = Buffer::from_slice(device, "total", &[0.3 * n as f32])?;
            let mut shares = Buffer::new(device, "shares", n)?;
            gradient::kl_divergence(device, &y, &graph, &total, &mut shares)?;
            shares.read(device).map(floats)
        });
    }
}

/// Steps of new points, some of them too long, towards neighbours in an embedding of 50 points.
pub fn settle(pair: &Pair, n: usize) {
    let random = Random::new(7, 40);
    for (k, c) in if n > 1000 { vec![(2, 2)] } else { vec![(1, 2), (15, 2), (15, 3)] } {
        let neighbors: Vec<u32> = (0..n * k).map(|at| random.bits(at as u64) % 50).collect();
        let (fitted, y) = (uniform(41, c * 50, -3.0, 3.0), uniform(42, c * n, -3.0, 3.0));
        let pushes = uniform(43, c * n, 0.0, 0.5);
        let sums = uniform(44, n, 1.0, 2.0);
        let probabilities = uniform(45, n * k, 0.01, 0.2);
        pair.compare(&format!("settle {n} x {c} by {k}"), STEP, |device| {
            let new = NewRows {
                neighbors: Buffer::from_slice(device, "neighbours", &neighbors)?,
                probabilities: Buffer::from_slice(device, "probabilities", &probabilities)?,
                shape: (n, k, c),
            };
            let fitted = Buffer::from_slice(device, "fitted", &fitted)?;
            let pushes = Buffer::from_slice(device, "pushes", &pushes)?;
            let sums = Buffer::from_slice(device, "sums", &sums)?;
            let mut state = State::new(device, c * n)?;
            let mut y = Buffer::from_slice(device, "places", &y)?;
            settling::settle(device, &new, &fitted, (&pushes, &sums), &mut state, &mut y)?;
            Ok([floats(state.pairs.read(device)?), floats(y.read(device)?)].concat())
        });
    }
}

/// A dozen roundings as above, a mean of up to 2,000 values and the sum of 1,500 others, in trees:
/// some 30 more. If the embedding is scaled up, its spread is the root of a difference a hundredth
/// as large as its terms.
const MOVED: Tolerance = Tolerance { each: 0.0, largest: 64.0 * ROUNDING };
const SCALED: Tolerance = Tolerance { each: 0.0, largest: 4000.0 * ROUNDING };

/// Forces whose difference is never near 0, where rounding would decide the sign that chooses the
/// gain, but is exactly 0 for some points; some steps are too long, and half of the points are
/// hubs.
fn step(pair: &Pair, (n, c): (usize, usize), n_parts: usize, unit: f32, tolerance: Tolerance) {
    let mut attractions = uniform(24, c * n, 1.0, 2.0);
    let mut repulsions = uniform(25, c * n, 0.0, 0.5);
    let pairs = uniform(26, c * n, -1.0, 1.0).into_iter().zip(uniform(28, c * n, 0.012, 3.0));
    let mut pairs: Vec<f32> = pairs.flat_map(|(update, gain)| [unit * update, gain]).collect();
    for i in 0..n {
        if i.is_multiple_of(2) {
            attractions[c * i] = -attractions[c * i];
        }
        if i.is_multiple_of(7) {
            attractions[c * i] = 0.0;
            repulsions[c * i] = 0.0;
            pairs[2 * c * i] = 0.0;
        }
    }
    let (rates, parts) = (uniform(45, n, 0.2, 1.0), uniform(48, n_parts, 0.5, 1.5));
    let parts: Vec<f32> = parts.iter().map(|part| part * n as f32 / n_parts as f32).collect();
    // The longest step is a third of the largest.
    let rate = 0.5 * n as f32 * unit;
    let step =
        Step { exaggeration: 1.5, learning_rate: rate, momentum: 0.8, max_step_norm: 2.0 * unit };
    // The mean is a tenth of the spread away from the origin.
    let y = uniform(27, c * n, -2.7 * unit, 3.3 * unit);
    pair.compare(&format!("descend of {n} x {c} in units of {unit}"), tolerance, |device| {
        let acting = Acting {
            attractions: &Buffer::from_slice(device, "attractions", &attractions)?,
            repulsions: &Buffer::from_slice(device, "repulsions", &repulsions)?,
            q_parts: (&Buffer::from_slice(device, "parts", &parts)?, n_parts),
            rates: &Buffer::from_slice(device, "rates", &rates)?,
        };
        let mut state = State { pairs: Buffer::from_slice(device, "state", &pairs)? };
        let mut y = Buffer::from_slice(device, "places", &y)?;
        let mut outline = Outline::new(device, &y, (n, c))?;
        optimiser::descend(device, acting, step, &mut outline, &mut state, &mut y)?;
        // Sums of coordinates cancel after the step, since the mean was subtracted.
        let blocks = floats(outline.blocks.read(device)?);
        let spread = blocks
            .chunks_exact(8)
            .flat_map(|entry| [entry[3] / 1024.0, entry[4], entry[5], entry[6], entry[7]]);
        Ok([floats(state.pairs.read(device)?), floats(y.read(device)?), spread.collect()].concat())
    });
}

/// Embeddings that are large enough, and others that are too small; a normaliser in one part and in
/// many.
pub fn descend(pair: &Pair, n: usize) {
    for c in [2, 3] {
        step(pair, (n, c), 1, 1.0, MOVED);
        step(pair, (1024 + n, c), 1500, 1.0, MOVED);
    }
    if n > 60 {
        step(pair, (n, 2), 1, 0.1 * LEAST, SCALED);
    }
}

/// Around one block of 1,024 points, and far from the origin.
pub fn outline(pair: &Pair, n: usize) {
    for (n, c) in [(n, 2), (n, 3), (1024 - 1 + n, 2), (10 * 1024 + n, 3)] {
        let y = uniform(46, c * n, 1.0, 3.0);
        pair.compare(&format!("outline of {n} x {c}"), OUTLINE, |device| {
            let places = Buffer::from_slice(device, "places", &y)?;
            let mut blocks = Buffer::new(device, "blocks", 8 * n.div_ceil(1024))?;
            optimiser::outline(device, &places, &mut blocks, (n, c))?;
            blocks.read(device).map(floats)
        });
    }
}

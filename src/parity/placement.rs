//! Placement of new points.

use super::harness::uniform;
use super::harness::{Pair, ROUNDING, Tolerance, floats};
use crate::compute::Buffer;
use crate::embedding::placement;
use crate::random::Random;

/// Five steps, each a weighted mean of 10 points: some 10 roundings a step that matter, since a
/// step adds to the coordinates that it starts from.
const PLACES: Tolerance = Tolerance { each: 0.0, largest: 50.0 * ROUNDING };

pub fn place(pair: &Pair, n: usize) {
    let n_fitted = 50;
    let random = Random::new(7, 10);
    for (k, c) in
        if n > 1000 { vec![(2, 2)] } else { vec![(1, 2), (2, 2), (3, 2), (10, 2), (10, 3)] }
    {
        let fitted = uniform(9, c * n_fitted, -4.0, 4.0);
        let neighbors: Vec<u32> =
            (0..n * k).map(|at| random.bits(at as u64) % n_fitted as u32).collect();
        pair.compare(&format!("place {n} x {c} by {k}"), PLACES, |device| {
            let neighbors = Buffer::from_slice(device, "neighbours", &neighbors)?;
            let fitted = Buffer::from_slice(device, "fitted", &fitted)?;
            let mut placed = Buffer::new(device, "placed", c * n)?;
            placement::place(device, &neighbors, &fitted, &mut placed, (n, k, c), 0.7)?;
            placed.read(device).map(floats)
        });
    }
}

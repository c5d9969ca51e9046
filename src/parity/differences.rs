//! Distances as sums of squared differences.

use super::harness::{Pair, floats, uniform};
use super::pairwise::SUM_OF_SQUARES;
use crate::compute::{Buffer, Device};
use crate::error::Result;
use crate::neighbors::differences::{self, Block};

/// Numbers of queries, references and features: tiles with few rows or columns, with fewer features
/// than a group and with more.
fn shapes(n: usize) -> &'static [(usize, usize, usize)] {
    match n {
        1 => &[(1, 1, 1), (1, 130, 3), (5, 1, 31)],
        2 => &[(2, 65, 2), (65, 2, 2)],
        63 => &[(63, 130, 17), (4, 63, 15)],
        64 => &[(64, 64, 64), (8, 64, 16)],
        65 => &[(65, 257, 784)],
        257 => &[(257, 3, 16), (40, 257, 33)],
        _ => &[(200, 1000, 17)],
    }
}

/// Distances of all `m` queries except the first from `n` references, of `d` features, in
/// difference form.
///
/// # Errors
/// Those of the device.
pub fn distances(
    device: &Device,
    (m, n, d): (usize, usize, usize),
    queries: &[f32],
    references: &[f32],
) -> Result<Vec<f64>> {
    let queries = Buffer::from_slice(device, "queries", queries)?;
    let references = Buffer::from_slice(device, "references", references)?;
    let mut distances = Buffer::new(device, "distances", m * n)?;
    let block = Block { query_first: 1, n_queries: m, n_references: n, n_features: d };
    differences::difference_distances(device, &queries, &references, &mut distances, block)?;
    distances.read(device).map(floats)
}

pub fn difference_distances(pair: &Pair, n: usize) {
    for &shape in shapes(n) {
        let (m, n, d) = shape;
        let queries = uniform(2, (m + 1) * d, -1.0, 1.0);
        let references = uniform(3, n * d, -1.0, 1.0);
        pair.compare(&format!("difference_distances {m} x {n} x {d}"), SUM_OF_SQUARES, |device| {
            distances(device, shape, &queries, &references)
        });
    }
}

//! Distances and norms.

use super::harness::{Pair, ROUNDING, Tolerance, floats};
use crate::support::uniform;
use layerlens::compute::{Buffer, Device};
use layerlens::error::Result;
use layerlens::neighbors::pairwise::{self, Block, relative_error};

/// Sums of squares, one sign: within 49 groups of 16 no more than 16 + 49 roundings, two a term, at up to 784 features.
const SUM_OF_SQUARES: Tolerance = Tolerance { each: (16.0 + 49.0 + 2.0) * ROUNDING, largest: 0.0 };

/// Queries, references and features at a size: each of the three is odd somewhere.
fn shape(n: usize) -> (usize, usize, usize) {
    match n {
        1 => (1, 1, 1),
        2 => (2, 65, 2),
        63 => (63, 130, 17),
        64 => (64, 64, 64),
        65 => (65, 257, 784),
        257 => (257, 3, 16),
        _ => (200, n, 17),
    }
}

/// The product form and the norms before it, for all queries but the first.
pub fn squared_distances(pair: &Pair, n: usize) {
    let (m, n, d) = shape(n);
    let (queries, references) = (uniform(2, (m + 1) * d, -1.0, 1.0), uniform(3, n * d, -1.0, 1.0));
    // The library's own bound, relative to (|a| + |b|)^2; the largest distance comes near to that.
    let tolerance = Tolerance { each: 0.0, largest: 2.0 * f64::from(relative_error(d)) };
    pair.compare(&format!("squared_distances {m} x {n} x {d}"), tolerance, |device| {
        let (queries, query_norms) = with_norms(device, &queries, d)?;
        let (references, reference_norms) = with_norms(device, &references, d)?;
        let mut distances = Buffer::new(device, "distances", m * n)?;
        let block = Block { query_first: 1, n_queries: m, n_references: n, n_features: d };
        let (from, to) = ((&queries, &query_norms), (&references, &reference_norms));
        pairwise::squared_distances(device, from, to, &mut distances, block)?;
        distances.read(device).map(floats)
    });
}

fn with_norms(device: &Device, rows: &[f32], d: usize) -> Result<(Buffer<f32>, Buffer<f32>)> {
    let n = rows.len() / d;
    let rows = Buffer::from_slice(device, "rows", rows)?;
    let mut norms = Buffer::new(device, "norms", n)?;
    pairwise::squared_norms(device, &rows, &mut norms, n, d)?;
    Ok((rows, norms))
}

pub fn difference_distances(pair: &Pair, n: usize) {
    let (m, n, d) = shape(n);
    let (queries, references) = (uniform(2, (m + 1) * d, -1.0, 1.0), uniform(3, n * d, -1.0, 1.0));
    pair.compare(&format!("difference_distances {m} x {n} x {d}"), SUM_OF_SQUARES, |device| {
        let queries = Buffer::from_slice(device, "queries", &queries)?;
        let references = Buffer::from_slice(device, "references", &references)?;
        let mut distances = Buffer::new(device, "distances", m * n)?;
        let block = Block { query_first: 1, n_queries: m, n_references: n, n_features: d };
        pairwise::difference_distances(device, &queries, &references, &mut distances, block)?;
        distances.read(device).map(floats)
    });
}

pub fn squared_norms(pair: &Pair, n: usize) {
    for d in if n > 1000 { vec![1] } else { vec![1, 2, 15, 17, 784] } {
        let rows = uniform(4, n * d, -1.0, 1.0);
        pair.compare(&format!("squared_norms of {n} x {d}"), SUM_OF_SQUARES, |device| {
            with_norms(device, &rows, d)?.1.read(device).map(floats)
        });
    }
}

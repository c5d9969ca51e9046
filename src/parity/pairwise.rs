//! Distances and norms.

use super::harness::uniform;
use super::harness::{Pair, ROUNDING, Tolerance, floats};
use crate::compute::{Buffer, Device};
use crate::error::Result;
use crate::neighbors::pairwise::{self, Centred, DistanceTile, TILE, relative_error};

/// Sums of squares, of one sign: within 49 groups of 16 at most 16 + 49 roundings, two a term, with
/// up to 784 features.
pub const SUM_OF_SQUARES: Tolerance =
    Tolerance { each: (16.0 + 49.0 + 2.0) * ROUNDING, largest: 0.0 };

/// Numbers of queries, references and features at a size: each of the three is odd at some size.
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

/// The product form of queries and references from the second tile on, in both orders.
pub fn squared_distances(pair: &Pair, n: usize) {
    let (m, n, d) = shape(n);
    let queries = uniform(2, (TILE + m) * d, -1.0, 1.0);
    let references = uniform(3, (TILE + n) * d, -1.0, 1.0);
    // The library's own bound, relative to (|a| + |b|)^2; the largest distance comes close to that.
    let tolerance = Tolerance { each: 0.0, largest: 2.0 * f64::from(relative_error(d)) };
    for mirrors in [false, true] {
        pair.compare(
            &format!("squared_distances {m} x {n} x {d}, mirrored: {mirrors}"),
            tolerance,
            |device| {
                let queries = centred(device, &queries, d, 0)?;
                let references = centred(device, &references, d, 0)?;
                let mut tile = DistanceTile::new(device, m, n, mirrors)?;
                pairwise::squared_distances(
                    device,
                    &queries,
                    &references,
                    &mut tile,
                    (TILE, m),
                    (TILE, n),
                )?;
                let distances = floats(tile.distances().read(device)?);
                let stride = DistanceTile::stride(n);
                let distances: Vec<f64> = distances
                    .chunks_exact(stride)
                    .take(m)
                    .flat_map(|row| row[..n].to_vec())
                    .collect();
                if mirrors {
                    let mirrored = floats(tile.mirrored().read(device)?);
                    let same = |(at, distance): (usize, &f64)| {
                        mirrored[at % n * tile.mirror_stride() + at / n] == *distance
                    };
                    assert!(
                        distances.iter().enumerate().all(same),
                        "other distances the other way round"
                    );
                }
                Ok(distances)
            },
        );
    }
}

/// Rows from `first` on, minus a mean of zeros.
fn centred(device: &Device, rows: &[f32], d: usize, first: usize) -> Result<Centred> {
    let mean = Buffer::from_slice(device, "mean", &vec![0.25; d])?;
    Centred::new(
        device,
        &Buffer::from_slice(device, "rows", rows)?,
        &mean,
        first,
        rows.len() / d - first,
    )
}

/// Rows, their padding and their lengths; the first row is left out.
pub fn centre_rows(pair: &Pair, n: usize) {
    for d in [1, 2, 15, 17, 784] {
        let rows = uniform(4, (n + 1) * d, -1.0, 1.0);
        pair.compare(&format!("centre_rows of {n} x {d}"), SUM_OF_SQUARES, |device| {
            let centred = centred(device, &rows, d, 1)?;
            Ok([floats(centred.rows().read(device)?), floats(centred.norms().read(device)?)]
                .concat())
        });
    }
}

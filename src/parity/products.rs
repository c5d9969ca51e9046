//! Covariance, projection and the products with projections.

use super::harness::uniform;
use super::harness::{Pair, ROUNDING, Tolerance, floats};
use crate::compute::Buffer;
use crate::embedding::pca::products;

/// At most 1,000 products are added one after the other, in different orders. The roundings are of
/// either sign, so they grow like the root of their number; the tolerance is three times that.
const COVARIANCE: Tolerance = Tolerance { each: 0.0, largest: 100.0 * ROUNDING };

/// Dot products of at most 784 terms in groups of 16: 16 + 49 roundings and 3 a term, but of either
/// sign, of partial sums that are no larger than the largest result.
const PROJECTION: Tolerance = Tolerance { each: 0.0, largest: 68.0 * ROUNDING };

pub fn covariance(pair: &Pair, n: usize) {
    // Rows and features; some rows precede those that count.
    let d = match n {
        1 => 1,
        2 => 65,
        63 => 2,
        64 => 64,
        65 => 130,
        257 => 17,
        _ => 257,
    };
    let first = 3;
    let rows = uniform(5, (n + 3) * d, -1.0, 1.0);
    let mean = uniform(7, d, -0.5, 0.5);
    pair.compare(&format!("covariance of {n} x {d}"), COVARIANCE, |device| {
        let rows = Buffer::from_slice(device, "rows", &rows)?;
        let mean = Buffer::from_slice(device, "mean", &mean)?;
        // The kernel adds to the content of the buffer.
        let mut products = Buffer::from_slice(device, "products", &vec![0.25; d * d])?;
        products::covariance(device, &rows, &mean, &mut products, (first, n), d)?;
        products.read(device).map(floats)
    });
}

pub fn project(pair: &Pair, n: usize) {
    for (d, c) in
        if n > 1000 { vec![(1, 1)] } else { vec![(1, 1), (2, 2), (17, 3), (784, 2), (64, 10)] }
    {
        let rows = uniform(6, n * d, -1.0, 1.0);
        let mean = uniform(7, d, -1.0, 1.0);
        let axes = uniform(8, c * d, -1.0, 1.0);
        pair.compare(&format!("project {n} x {d} on {c}"), PROJECTION, |device| {
            let rows = Buffer::from_slice(device, "rows", &rows)?;
            let mean = Buffer::from_slice(device, "mean", &mean)?;
            let axes = Buffer::from_slice(device, "axes", &axes)?;
            let mut projected = Buffer::new(device, "projected", n * c)?;
            products::project(device, &rows, &mean, &axes, &mut projected, (n, d, c))?;
            projected.read(device).map(floats)
        });
    }
}

/// Blocks of at most 1,024 products of either sign, as for the covariance.
pub fn cross_products(pair: &Pair, n: usize) {
    for (d, c) in [(1, 1), (2, 17), (65, 2), (257, 33)] {
        // More than one block of rows.
        let n = if n == 1000 { 2100 } else { n };
        let rows = uniform(9, n * d, -1.0, 1.0);
        let mean = uniform(7, d, -1.0, 1.0);
        let scores = uniform(8, n * c, -1.0, 1.0);
        pair.compare(&format!("cross_products {n} x {d} with {c}"), COVARIANCE, |device| {
            let rows = Buffer::from_slice(device, "rows", &rows)?;
            let mean = Buffer::from_slice(device, "mean", &mean)?;
            let scores = Buffer::from_slice(device, "scores", &scores)?;
            let mut partial =
                Buffer::new(device, "partial sums", n.div_ceil(products::BLOCK_ROWS) * c * d)?;
            products::cross_products(device, &rows, &mean, &scores, &mut partial, (n, d, c))?;
            partial.read(device).map(floats)
        });
    }
}

//! Distances as sums of squared differences, far from the origin.

use crate::support::{LIMITS, Variant, devices, squared_distance};
use layerlens::compute::{Buffer, Device};
use layerlens::error::Result;
use layerlens::neighbors::differences::{self, Block};
use layerlens::parity::harness::{ROUNDING, floats, uniform};

/// Within 49 groups of 16 no more than 16 + 49 roundings, two a term, at up to 784 features.
const BOUND: f64 = (16.0 + 49.0 + 2.0) * ROUNDING;

/// The distances of all queries but the first.
fn distances(device: &Device, (m, n, d): (usize, usize, usize), queries: &[f32], references: &[f32]) -> Result<Vec<f64>> {
    let queries = Buffer::from_slice(device, "queries", queries)?;
    let references = Buffer::from_slice(device, "references", references)?;
    let mut distances = Buffer::new(device, "distances", m * n)?;
    let block = Block { query_first: 1, n_queries: m, n_references: n, n_features: d };
    differences::difference_distances(device, &queries, &references, &mut distances, block)?;
    distances.read(device).map(floats)
}

#[test]
fn distances_far_from_the_origin_are_those_of_double_precision() {
    for device in devices(&[LIMITS[0], Variant::ThreeWorkgroups]) {
        for shape in [(1, 65, 1), (5, 200, 2), (70, 9, 3), (66, 70, 100)] {
            let (m, n, d) = shape;
            let (queries, references) = (uniform(2, (m + 1) * d, 900.0, 901.0), uniform(3, n * d, 900.0, 901.0));
            let found = distances(&device, shape, &queries, &references).expect("distances");
            let pairs = queries.chunks_exact(d).skip(1).flat_map(|a| references.chunks_exact(d).map(move |b| (a, b)));
            for (at, ((a, b), found)) in pairs.zip(found).enumerate() {
                let expected = squared_distance(a, b);
                let off = (found - expected).abs();
                assert!(off <= BOUND * expected, "{device:?} {shape:?}, {at}: {found}, not {expected}");
            }
        }
    }
}

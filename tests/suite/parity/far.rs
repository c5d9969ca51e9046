//! Distances as sums of squared differences, far from the origin.

use crate::support::{LIMITS, Variant, devices, squared_distance};
use layerlens::parity::harness::uniform;
use layerlens::parity::{SUM_OF_SQUARES, distances};

#[test]
fn distances_far_from_the_origin_are_those_of_double_precision() {
    for device in devices(&[LIMITS[0], Variant::ThreeWorkgroups]) {
        for shape in [(1, 65, 1), (5, 200, 2), (70, 9, 3), (66, 70, 100)] {
            let (m, n, d) = shape;
            let queries = uniform(2, (m + 1) * d, 900.0, 901.0);
            let references = uniform(3, n * d, 900.0, 901.0);
            let found = distances(&device, shape, &queries, &references).expect("distances");
            let pairs = queries
                .chunks_exact(d)
                .skip(1)
                .flat_map(|a| references.chunks_exact(d).map(move |b| (a, b)));
            for (at, ((a, b), found)) in pairs.zip(found).enumerate() {
                let expected = squared_distance(a, b);
                let off = (found - expected).abs();
                assert!(
                    off <= SUM_OF_SQUARES.each * expected,
                    "{device:?} {shape:?}, {at}: {found}, not {expected}"
                );
            }
        }
    }
}

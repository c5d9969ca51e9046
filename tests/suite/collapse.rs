//! Data without clusters, which early exaggeration contracts by many orders of magnitude: no map of
//! them may end on one place or one line, and t-SNE's divergence is openTSNE's. Points without a
//! second dimension, ties and duplicates likewise.

use crate::support::{LIMITS, cpu, devices, fixture, uniform_matrix};
use layerlens::compute::Device;
use layerlens::embedding::{Trimap, Tsne, Umap};
use layerlens::matrix::Matrix;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Two optimisers find different local minima. Over 100 draws of these families
/// (`benches/without_clusters.py`) our divergence is 0.7 % below openTSNE's in the mean; of single
/// draws of 100 to 500 points it is from 11 % below it to 9 % above.
const ABOVE_OPEN_TSNE: f64 = 1.06;

/// The second axis of a disc has as much deviation as the first; of 100 draws the flattest map had
/// 0.78.
const LEAST_AXIS_RATIO: f64 = 0.6;

/// A case of `make_unclustered.py`.
#[derive(Debug, Deserialize)]
struct Case {
    family: String,
    n: usize,
    d: usize,
    seed: u64,
    kl_divergence: f64,
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(fixture("unclustered.json")).expect("a fixture");
    serde_json::from_str(&text).expect("cases")
}

/// Uniform numbers in 0 .. 1 of `make_unclustered.py`.
fn split_mix(seed: u64, count: usize) -> impl Iterator<Item = f64> {
    (1..=count as u64).map(move |item| {
        let mut z = (seed << 32).wrapping_add(item.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f64 / f64::from(1 << 24)
    })
}

fn draw(case: &Case) -> Matrix {
    let count = case.n * case.d;
    let values: Vec<f64> = match case.family.as_str() {
        "coins" => split_mix(case.seed, count).map(|u| f64::from(u8::from(u < 0.5))).collect(),
        "sparse" => split_mix(case.seed, count).map(|u| f64::from(u8::from(u < 0.05))).collect(),
        "integers" => split_mix(case.seed, count).map(|u| 1.0 + (5.0 * u).floor()).collect(),
        _ => {
            let twelve: Vec<f64> = split_mix(case.seed, 12 * count).collect();
            twelve.chunks_exact(12).map(|twelve| twelve.iter().sum::<f64>() - 6.0).collect()
        }
    };
    let scale = |row: &[f64]| {
        if case.family == "sphere" { row.iter().map(|v| v * v).sum::<f64>().sqrt() } else { 1.0 }
    };
    let rows = values
        .chunks_exact(case.d)
        .flat_map(|row| row.iter().map(move |value| (value / scale(row)) as f32));
    Matrix::new(rows.collect(), case.n, case.d).expect("finite")
}

fn n_distinct(rows: &Matrix) -> usize {
    rows.rows()
        .map(|row| row.iter().map(|value| value.to_bits()).collect::<Vec<_>>())
        .collect::<BTreeSet<_>>()
        .len()
}

/// Deviation along the second principal axis of a map in two dimensions, as a share of that along
/// the first.
fn axis_ratio(map: &Matrix) -> f64 {
    let n = map.n_samples() as f64;
    let mean = [0, 1].map(|axis| map.rows().map(|row| f64::from(row[axis])).sum::<f64>() / n);
    let product = |a: usize, b: usize| {
        map.rows()
            .map(|row| (f64::from(row[a]) - mean[a]) * (f64::from(row[b]) - mean[b]))
            .sum::<f64>()
            / n
    };
    let middle = (product(0, 0) + product(1, 1)) / 2.0;
    let half = (product(0, 0) - product(1, 1)) / 2.0;
    let root = half.hypot(product(0, 1));
    ((middle - root).max(0.0) / (middle + root)).sqrt()
}

fn assert_is_a_map(x: &Matrix, map: &Matrix, what: &str) {
    assert!(
        n_distinct(map) >= n_distinct(x),
        "{what}: {} places of {} rows",
        n_distinct(map),
        n_distinct(x)
    );
    assert!(axis_ratio(map) > LEAST_AXIS_RATIO, "{what}: axes 1 to {}", axis_ratio(map));
}

#[test]
fn tsne_of_data_without_clusters_diverges_no_more_than_open_tsne() {
    for case in cases() {
        let x = draw(&case);
        // A software adapter takes a minute for 2,000 points.
        for device in devices(if case.n <= 500 { &LIMITS[..1] } else { &[] }) {
            let what = format!("{device:?}, {case:?}");
            let fitted = Tsne::default().fit(&device, &x).expect(&what);
            assert_is_a_map(&x, fitted.embedding(), &what);
            let divergence = fitted.result("kl_divergence").expect("a divergence");
            assert!(divergence < ABOVE_OPEN_TSNE * case.kl_divergence, "{what}: {divergence}");
        }
    }
}

/// The grid's forces are those of an interpolation, so that equal places come about in another way.
#[test]
fn the_grid_and_three_dimensions_do_not_collapse_either() {
    for case in cases().into_iter().filter(|case| [800, 300].contains(&case.n)) {
        let x = draw(&case);
        for device in devices(if case.n <= 500 { &LIMITS[..1] } else { &[] }) {
            let what = format!("{device:?}, {case:?}");
            let grid =
                Tsne { repulsion: layerlens::embedding::tsne::Repulsion::Grid, ..Tsne::default() };
            let fitted = grid.fit(&device, &x).expect(&what);
            assert_is_a_map(&x, fitted.embedding(), &what);
            let divergence = fitted.result("kl_divergence").expect("a divergence");
            assert!(divergence < ABOVE_OPEN_TSNE * case.kl_divergence, "{what}: {divergence}");
            let deep = Tsne { n_components: 3, max_iter: 400, ..Tsne::default() }
                .fit(&device, &x)
                .expect(&what);
            assert_eq!(n_distinct(deep.embedding()), n_distinct(&x), "{what} in three dimensions");
        }
    }
}

#[test]
fn umap_and_trimap_of_data_without_clusters_do_not_collapse() {
    for case in cases().into_iter().filter(|case| case.n <= 500) {
        let x = draw(&case);
        for device in devices(&LIMITS[..1]) {
            let what = format!("{device:?}, {case:?}");
            let umap = Umap { n_epochs: 200.into(), ..Umap::default() };
            assert_is_a_map(&x, umap.fit(&device, &x).expect(&what).embedding(), &what);
            assert_is_a_map(
                &x,
                Trimap::default().fit(&device, &x).expect(&what).embedding(),
                &what,
            );
        }
    }
}

fn tsne(device: &Device, x: &Matrix) -> Matrix {
    Tsne::default().fit(device, x).expect("a map").embedding().clone()
}

/// Every row of the identity is as far from every other.
#[test]
fn points_that_are_all_equally_far_apart_keep_places_of_their_own() {
    for n in [91, 250] {
        let x = Matrix::new(
            (0..n * n).map(|at| f32::from(u8::from(at % (n + 1) == 0))).collect(),
            n,
            n,
        )
        .expect("finite");
        for device in devices(&LIMITS[..1]) {
            assert_is_a_map(&x, &tsne(&device, &x), &format!("{device:?}, {n} unit vectors"));
        }
    }
}

/// Groups without inner structure, far apart, contract to single places as a whole map does.
#[test]
fn dense_groups_keep_their_points_apart() {
    let (inner, centers) = (uniform_matrix(310, 400, 300), uniform_matrix(311, 5, 300));
    let values = inner.rows().enumerate().flat_map(|(i, row)| {
        row.iter()
            .zip(centers.row(i % 5))
            .map(|(value, center)| value + 100.0 * center)
            .collect::<Vec<_>>()
    });
    let x = Matrix::new(values.collect(), 400, 300).expect("finite");
    for device in devices(&LIMITS[..1]) {
        let map = tsne(&device, &x);
        assert_eq!(n_distinct(&map), 400, "{device:?}");
        for group in 0..5 {
            let own = map.select(&(group..400).step_by(5).collect::<Vec<_>>());
            assert!(
                axis_ratio(&own) > 0.4,
                "{device:?}: group {group} has axes 1 to {}",
                axis_ratio(&own)
            );
        }
    }
}

/// One feature, or several that say the same, start on a line: it must be able to bend.
#[test]
fn points_of_one_dimension_do_not_stay_on_the_line_they_start_on() {
    for d in [1, 3] {
        let x = Matrix::new(
            (0..200 * d).map(|at| (at / d) as f32 * (1 + at % d) as f32).collect(),
            200,
            d,
        )
        .expect("finite");
        for map in
            [tsne(&cpu(), &x), Umap::default().fit(&cpu(), &x).expect("a map").embedding().clone()]
        {
            assert_eq!(n_distinct(&map), 200);
            assert!(axis_ratio(&map) > 1e-3, "{d} features: axes 1 to {}", axis_ratio(&map));
        }
    }
}

/// Steps that are far too long throw the points about; with an exaggeration that never ends the
/// attraction wins.
#[test]
fn a_map_that_is_worse_than_one_place_is_refused_and_one_that_is_hardly_better_is_told() {
    let case =
        cases().into_iter().find(|case| case.family == "coins" && case.n == 100).expect("a case");
    let x = draw(&case);
    let far_too_fast = Tsne { learning_rate: 1e5.into(), ..Tsne::default() };
    let refused = far_too_fast.fit(&cpu(), &x).unwrap_err().to_string();
    assert!(
        refused.contains("worse than") && refused.contains("`Tsne::learning_rate`"),
        "{refused}"
    );
    let contracted = Tsne { exaggeration: 4.0, ..Tsne::default() }.fit(&cpu(), &x).expect("a map");
    assert!(
        contracted.warnings()[0].contains("hardly more than a single position"),
        "{:?}",
        contracted.warnings()
    );
    assert!(Tsne::default().fit(&cpu(), &x).expect("a map").warnings().is_empty());
    let shortened = Tsne { early_exaggeration_iter: 200, max_iter: 300, ..Tsne::default() }
        .fit(&cpu(), &x)
        .expect("a map");
    assert!(
        shortened.warnings()[0].contains("after 100 iterations, not 200"),
        "{:?}",
        shortened.warnings()
    );
}

//! UMAP: its graph and curve against umap-learn's, an epoch and the starts against formulas, maps
//! by their quality, what new points depend on, and data and parameters that leave little to do.

use crate::support::{
    LIMITS, assert_same_bytes, cpu, devices, fixture, groups, squared_distance, uniform,
    uniform_matrix,
};
use layerlens::compute::{Buffer, Device};
use layerlens::dataset::npy;
use layerlens::embedding::init::Init;
use layerlens::embedding::placement::Placement;
use layerlens::embedding::umap::fuzzy_layout::{self, Edges, Epoch, Forces, NEGATIVES};
use layerlens::embedding::umap::{FuzzyGraph, Memberships, find_ab_params, low_pass};
use layerlens::embedding::{Embedding, FittedUmap, NewPoints, Space, Umap};
use layerlens::matrix::Matrix;
use layerlens::neighbors::{NeighborGraph, nearest_neighbors, nearest_references};
use layerlens::progress::{Observer, Silent};
use layerlens::random::{Random, lowbias32};
use serde_json::Value;

fn vector<T: npyz::Deserialize>(name: &str) -> Vec<T> {
    let bytes = std::fs::read(fixture(name)).expect("an array");
    npyz::NpyFile::new(&bytes[..]).expect("an array").into_vec().expect("values of that type")
}

fn scalars() -> Value {
    serde_json::from_str(&std::fs::read_to_string(fixture("reference.json")).expect("scalars"))
        .expect("JSON")
}

/// 1,000 test images of Fashion-MNIST with values 0 to 1.
fn images() -> Matrix {
    let bytes = npy::read_matrix(fixture("x_u8.npy")).expect("images");
    let values = bytes.as_slice().iter().map(|value| value / 255.0).collect();
    Matrix::new(values, bytes.n_samples(), bytes.n_features()).expect("finite")
}

/// Their 14 nearest neighbours, by scikit-learn.
fn stored_neighbors() -> NeighborGraph {
    let ids: Vec<i32> = vector("knn_indices.npy");
    let ids = ids.into_iter().map(|id| id as u32).collect();
    NeighborGraph::new(ids, vector("knn_distances.npy"), 90).expect("a graph").truncated(14)
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let off = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off <= tolerance, "{what}: off by {off:e}");
}

#[test]
fn the_fuzzy_graph_is_that_of_umap_learn() {
    let neighbors = stored_neighbors();
    let rows: Vec<i32> = vector("umap_graph_rows.npy");
    let columns: Vec<i32> = vector("umap_graph_cols.npy");
    let weights: Vec<f32> = vector("umap_graph_weights.npy");
    let mut expected: Vec<(i32, i32, f32)> =
        (0..rows.len()).map(|at| (rows[at], columns[at], weights[at])).collect();
    expected.sort_by_key(|&(row, column, _)| (row, column));
    for device in devices(&LIMITS) {
        let memberships = Memberships::new(&device, &neighbors, 1.0).expect("memberships");
        assert_close(&memberships.rhos, &vector::<f32>("umap_rhos.npy"), 1e-4, "rhos");
        assert_close(&memberships.sigmas, &vector::<f32>("umap_sigmas.npy"), 1e-4, "sigmas");
        let graph = Umap::default().fuzzy_graph(&device, &neighbors).expect("a graph");
        let found: Vec<(i32, i32, f32)> = (0..1000)
            .flat_map(|i| {
                graph
                    .row(i)
                    .0
                    .iter()
                    .zip(graph.row(i).1)
                    .map(move |(&j, &weight)| (i as i32, j as i32, weight))
            })
            .collect();
        let ends = |edges: &[(i32, i32, f32)]| {
            edges.iter().map(|edge| (edge.0, edge.1)).collect::<Vec<_>>()
        };
        assert!(
            ends(&found) == ends(&expected),
            "{device:?}: {} edges, umap-learn has {}",
            found.len(),
            expected.len()
        );
        let weights =
            |edges: &[(i32, i32, f32)]| edges.iter().map(|edge| edge.2).collect::<Vec<_>>();
        assert_close(&weights(&found), &weights(&expected), 1e-4, "weights");
    }
}

#[test]
fn both_directions_of_an_edge_are_joined_as_asked_for() {
    // 0 and 1 hold each other by 0.5 and 0.25; 2 holds 0 by 1 and is not held.
    let (indices, memberships) = ([1, 0, 0], [0.5, 0.25, 1.0]);
    let weights = |mix| {
        let graph = FuzzyGraph::new(&indices, &memberships, 3, mix);
        (graph.row(0).0.to_vec(), graph.row(0).1.to_vec(), graph.row(2).1.to_vec())
    };
    assert_eq!(weights(1.0), (vec![1, 2], vec![0.625, 1.0], vec![1.0]));
    assert_eq!(weights(0.0), (vec![1], vec![0.125], vec![]));
    assert_eq!(weights(0.5), (vec![1, 2], vec![0.375, 0.5], vec![0.5]));
    let thinned = FuzzyGraph::new(&indices, &memberships, 3, 1.0).normalised(1);
    assert_eq!(
        (thinned.columns, thinned.row_starts),
        (vec![2, 0], vec![0, 1, 1, 2]),
        "only the largest is 1 / 1 of it"
    );
}

#[test]
fn the_curve_is_that_of_umap_learn() {
    let (a, b) = find_ab_params(1.0, 0.1);
    let stored = &scalars()["umap_ab_min_dist_0.1_spread_1"];
    assert!((f64::from(a) - stored[0].as_f64().expect("a")).abs() < 1e-4, "a = {a}");
    assert!((f64::from(b) - stored[1].as_f64().expect("b")).abs() < 1e-4, "b = {b}");
    let (a, b) = find_ab_params(1.0, 0.01);
    assert!(
        (a - 1.8956).abs() < 1e-4 && (b - 0.8006).abs() < 1e-4,
        "{a}, {b}: umap-learn's for 0.01"
    );
    for (spread, min_dist) in [(1e-3, 0.0), (1.0, 1.0), (5.0, 4.9), (1e4, 1.0)] {
        let (a, b) = find_ab_params(spread, min_dist);
        // Half-way down: 1 / (1 + a d^2b) = 1/2 near min_dist + spread ln 2.
        let half = f64::from(a).powf(-0.5 / f64::from(b)) / f64::from(min_dist + spread * 0.693);
        assert!(
            (0.7..1.3).contains(&half),
            "spread {spread}, min_dist {min_dist}: {a}, {b}, half at {half}"
        );
    }
}

/// One epoch in double precision: umap-learn's forces, the step that the layout's documentation
/// states.
fn epoch_f64(
    graph: &FuzzyGraph,
    y: &[f32],
    v: &[f32],
    forces: Forces,
    epoch: Epoch,
) -> (Vec<f64>, Vec<f64>) {
    let c = forces.n_components;
    let n = graph.n_samples();
    let a = f64::from(forces.a);
    let b = f64::from(forces.b);
    let gamma = f64::from(forces.repulsion_strength);
    let place = |i: usize, axis: usize| f64::from(y[i * c + axis]);
    let (mut moved, mut velocities) = (Vec::new(), Vec::new());
    for i in 0..n {
        let mut pull = vec![0.0; c];
        let mut push = vec![0.0; c];
        let mut stiffness = 0.0;
        let mut degree = 0.0;
        let add = |j: usize, coefficient: &dyn Fn(f64) -> f64, weight: f64, sums: &mut Vec<f64>| {
            let d: Vec<f64> = (0..c).map(|axis| place(i, axis) - place(j, axis)).collect();
            let q: f64 = d.iter().map(|d| d * d).sum();
            let factor = if q > 0.0 { coefficient(q) } else { 0.0 };
            for axis in 0..c {
                sums[axis] += weight * (factor * d[axis]).clamp(-4.0, 4.0);
            }
            weight * factor
        };
        for (&j, &weight) in graph.row(i).0.iter().zip(graph.row(i).1) {
            let weight = 2.0 * f64::from(weight);
            stiffness += add(
                j as usize,
                &|q| 2.0 * a * b * q.powf(b - 1.0) / (1.0 + a * q.powf(b)),
                weight,
                &mut pull,
            );
            degree += weight / 2.0;
        }
        for draw in 0..NEGATIVES as u32 {
            let bits = lowbias32((i as u32 * NEGATIVES as u32 + draw).wrapping_add(epoch.key));
            let other = ((u64::from(bits) * n as u64) >> 32) as usize;
            add(
                other,
                &|q| 2.0 * gamma * b / ((0.001 + q) * (1.0 + a * q.powf(b))),
                1.0,
                &mut push,
            );
        }
        let rate = f64::from(forces.negative_sample_rate) * degree / NEGATIVES as f64;
        let step = f64::from(epoch.step) / (1.0 + stiffness);
        let kept = f64::from(epoch.momentum);
        let mut velocity: Vec<f64> = (0..c)
            .map(|axis| kept * f64::from(v[i * c + axis]) + step * (rate * push[axis] - pull[axis]))
            .collect();
        let length = velocity.iter().map(|v| v * v).sum::<f64>().sqrt();
        let shrink = (f64::from(epoch.max_step_norm) / length).min(1.0);
        velocity.iter_mut().for_each(|v| *v *= shrink);
        moved.extend((0..c).map(|axis| place(i, axis) + velocity[axis]));
        velocities.extend(velocity);
    }
    (moved, velocities)
}

#[test]
fn an_epoch_is_that_of_the_formula() {
    let graph =
        Umap::default().fuzzy_graph(&cpu(), &stored_neighbors()).expect("a graph").normalised(200);
    for c in [2, 3] {
        let (mut y, v) = (uniform(80, 1000 * c, -5.0, 5.0), uniform(81, 1000 * c, -1.0, 1.0));
        y.copy_within(0..40 * c, 500 * c);
        let forces = Forces {
            n_components: c,
            a: 1.577,
            b: 0.895,
            repulsion_strength: 0.7,
            negative_sample_rate: 5.0,
        };
        let epoch = Epoch { momentum: 0.8, step: 3.0, max_step_norm: 2.5, key: 99 };
        let (expected, expected_velocities) = epoch_f64(&graph, &y, &v, forces, epoch);
        let too_long = expected_velocities
            .chunks(c)
            .filter(|v| v.iter().map(|v| v * v).sum::<f64>() > 6.2)
            .count();
        assert!(
            (10..990).contains(&too_long),
            "{too_long} of 1000 steps are too long: the case does not tell"
        );
        for device in devices(&LIMITS) {
            let edges = Edges::new(&device, &graph).expect("edges");
            let places = Buffer::from_slice(&device, "places", &y).expect("places");
            let mut velocities = Buffer::from_slice(&device, "velocities", &v).expect("velocities");
            let mut moved = Buffer::new(&device, "moved", y.len()).expect("room");
            fuzzy_layout::advance(
                &device,
                &edges,
                forces,
                epoch,
                &places,
                &mut velocities,
                &mut moved,
            )
            .expect("an epoch");
            let off = |found: Vec<f32>, expected: &[f64]| {
                found
                    .iter()
                    .zip(expected)
                    .map(|(&a, b)| (f64::from(a) - b).abs())
                    .fold(0.0, f64::max)
            };
            let off = off(moved.read(&device).expect("places"), &expected)
                .max(off(velocities.read(&device).expect("velocities"), &expected_velocities));
            assert!(off < 5e-5, "{device:?}, {c} dimensions: off by {off:e}");
        }
    }
}

/// Trustworthiness of a map (J. Venna and S. Kaski, 2001), k neighbours, by ranks of all points.
fn trustworthiness(x: &Matrix, map: &Matrix, k: usize) -> f64 {
    let n = x.n_samples();
    let ranked = |points: &Matrix, i: usize| {
        let mut order: Vec<usize> = (0..n).filter(|&j| j != i).collect();
        let distances: Vec<f64> =
            (0..n).map(|j| squared_distance(points.row(i), points.row(j))).collect();
        order.sort_by(|&a, &b| distances[a].total_cmp(&distances[b]));
        order
    };
    let penalty: usize = (0..n)
        .map(|i| {
            let mut rank = vec![0; n];
            ranked(x, i).into_iter().enumerate().for_each(|(at, j)| rank[j] = at + 1);
            ranked(map, i)[..k].iter().map(|&j| rank[j].saturating_sub(k)).sum::<usize>()
        })
        .sum();
    1.0 - penalty as f64 * 2.0 / (n * k * (2 * n - 3 * k - 1)) as f64
}

#[test]
fn maps_are_as_faithful_as_those_of_umap_learn() {
    let x = images();
    let scalars = scalars();
    let runs = scalars["quality"]["umap"].as_array().expect("runs");
    let worst = runs
        .iter()
        .map(|run| run["trustworthiness_k12"].as_f64().expect("a number"))
        .fold(1.0, f64::min);
    for device in devices(&LIMITS[..1]) {
        // Without an epoch worth the name the start is all there is.
        let before = Umap { init: Init::Random, n_epochs: 1.into(), ..Umap::default() }
            .fit(&device, &x)
            .expect("a map");
        let before = trustworthiness(&x, before.embedding(), 12);
        assert!(before < 0.6, "{device:?}: {before} by chance");
        for (init, allowed) in
            [(Init::Pca, worst), (Init::Spectral, worst), (Init::Random, worst - 0.01)]
        {
            let fitted =
                Umap { init: init.clone(), ..Umap::default() }.fit(&device, &x).expect("a map");
            let found = trustworthiness(&x, fitted.embedding(), 12);
            assert!(found >= allowed, "{device:?}, {init:?}: {found}, umap-learn {worst}");
        }
        let fitted = Umap { n_components: 3, ..Umap::default() }.fit(&device, &x).expect("a map");
        assert_eq!(fitted.embedding().n_features(), 3);
        let found = trustworthiness(&x, fitted.embedding(), 12);
        assert!(found >= worst, "{device:?} in 3 dimensions: {found}");
    }
}

/// A ring of points, each joined to both of its neighbours.
fn ring(n: usize) -> FuzzyGraph {
    let ends = |i: usize| {
        let mut ends = [(i + 1) % n, (i + n - 1) % n];
        ends.sort_unstable();
        ends
    };
    FuzzyGraph {
        row_starts: (0..=n as u32).map(|i| 2 * i).collect(),
        columns: (0..n).flat_map(ends).map(|end| end as u32).collect(),
        weights: vec![0.5; 2 * n],
    }
}

#[test]
fn the_smoothest_functions_on_a_ring_are_its_sine_and_cosine() {
    let graph = ring(120);
    for device in devices(&LIMITS[..1]) {
        let edges = Edges::new(&device, &graph).expect("edges");
        let places =
            low_pass::spectral(&device, &graph, &edges, 2, &Random::new(1, 1)).expect("places");
        let radius = |i: usize| places[2 * i].hypot(places[2 * i + 1]);
        for i in 0..120 {
            // A circle, with equal steps along it.
            assert!(
                (radius(i) / radius(0) - 1.0).abs() < 1e-3,
                "{device:?}: radii {} and {}",
                radius(i),
                radius(0)
            );
            let j = (i + 1) % 120;
            let step = (places[2 * i] - places[2 * j]).hypot(places[2 * i + 1] - places[2 * j + 1])
                / radius(0);
            assert!(
                (step / (2.0 * (std::f64::consts::PI / 120.0).sin()) - 1.0).abs() < 0.01,
                "{device:?}: step {step}"
            );
        }
    }
}

/// Groups so far apart that no point has a neighbour in another.
fn islands() -> Matrix {
    let mut x = groups(82, 3, 60, 10).into_vec();
    x.chunks_exact_mut(600)
        .enumerate()
        .for_each(|(group, rows)| rows.iter_mut().for_each(|v| *v += 1000.0 * group as f32));
    Matrix::new(x, 180, 10).expect("finite")
}

#[test]
fn parts_of_a_graph_that_is_not_connected_keep_their_extent() {
    let x = islands();
    let neighbors = nearest_neighbors(&cpu(), &x, 14, &Silent).expect("neighbours");
    let graph = Umap::default().fuzzy_graph(&cpu(), &neighbors).expect("a graph");
    let (component, count) = graph.components();
    assert_eq!(count, 3);
    assert!((0..180).all(|i| component[i] == i as u32 / 60));
    for device in devices(&LIMITS[..1]) {
        for init in [Init::Pca, Init::Random] {
            let fitted =
                Umap { init: init.clone(), ..Umap::default() }.fit(&device, &x).expect("a map");
            let mean = |group: usize, axis: usize| {
                (60 * group..60 * group + 60).map(|i| fitted.embedding().row(i)[axis]).sum::<f32>()
                    / 60.0
            };
            let deviation = |i: usize| {
                let row = fitted.embedding().row(i);
                let group = i / 60;
                (row[0] - mean(group, 0)).hypot(row[1] - mean(group, 1))
            };
            for group in 0..3 {
                let extent = (60 * group..60 * group + 60).map(deviation).sum::<f32>() / 60.0;
                assert!(
                    (0.3..30.0).contains(&extent),
                    "{device:?}, {init:?}: part {group} has the radius {extent}"
                );
            }
            let own =
                nearest_neighbors(&device, fitted.embedding(), 5, &Silent).expect("neighbours");
            let astray = own
                .indices()
                .iter()
                .enumerate()
                .filter(|&(at, &j)| at / 5 / 60 != j as usize / 60)
                .count();
            assert_eq!(astray, 0, "{device:?}, {init:?}: parts lie in each other");
        }
        let message = Umap { init: Init::Spectral, ..Umap::default() }
            .fit(&device, &x)
            .unwrap_err()
            .to_string();
        assert!(message.contains("3 parts"), "{message}");
    }
}

fn fit(device: &Device, x: &Matrix, umap: &Umap, what: &str) -> FittedUmap {
    umap.fit(device, x).unwrap_or_else(|error| panic!("{what} on {device:?}: {error}"))
}

/// Largest distance from the mean of the places.
fn extent(map: &Matrix) -> f64 {
    map.rows().map(|row| squared_distance(row, &[0.0; 3][..row.len()]).sqrt()).fold(0.0, f64::max)
}

#[test]
fn degenerate_data_give_a_finite_map() {
    let umap = Umap { n_epochs: 100.into(), ..Umap::default() };
    let n = 120;
    let copies = groups(61, 2, 4, 20).select(&(0..n).map(|i| i / 15).collect::<Vec<_>>());
    let scaled = |factor: f32| {
        Matrix::new(copies.as_slice().iter().map(|v| v * factor).collect(), n, 20).expect("finite")
    };
    let constant: Vec<f32> = uniform_matrix(62, n, 20)
        .as_slice()
        .iter()
        .enumerate()
        .map(|(at, &v)| if at % 20 < 15 { 7.5 } else { v })
        .collect();
    let cases = [
        ("equal points", Matrix::new(vec![0.3; n * 20], n, 20).expect("finite")),
        ("one feature", uniform_matrix(63, n, 1)),
        (
            "one feature, two values",
            Matrix::new((0..n).map(|i| (i % 2) as f32).collect(), n, 1).expect("finite"),
        ),
        ("constant columns", Matrix::new(constant, n, 20).expect("finite")),
        ("15 of each point", copies.clone()),
        ("15 of each point, tiny", scaled(1e-12)),
        ("15 of each point, huge", scaled(1e16)),
        (
            "one point apart",
            Matrix::new((0..n).map(|i| if i == 5 { 1e6 } else { 0.0 }).collect(), n, 1)
                .expect("finite"),
        ),
        ("many features", uniform_matrix(65, 20, 20_000)),
    ];
    for device in devices(&LIMITS[..1]) {
        for (what, x) in &cases {
            let init = if x.n_features() > 10_000 { Init::Random } else { Init::Pca };
            for placement in [Placement::Mode, Placement::Optimise] {
                let umap = Umap { init: init.clone(), placement, ..umap.clone() };
                let map = fit(&device, x, &umap, what);
                let extent = extent(map.embedding());
                assert!((1e-3..1e4).contains(&extent), "{what} on {device:?}: extent {extent}");
                let new = nearest_references(&device, x, x, 15, &Silent).expect("neighbours");
                map.transform(&device, &NewPoints { x, neighbors: &new })
                    .unwrap_or_else(|error| panic!("{what}: {error}"));
            }
        }
    }
}

#[test]
fn thousands_of_duplicates_give_a_finite_map() {
    for device in devices(&LIMITS[..1]) {
        let n = if matches!(device, Device::Cpu(_)) { 6000 } else { 1200 };
        let x = groups(64, 3, 1, 20).select(&(0..n).map(|i| i * 7 % 3).collect::<Vec<_>>());
        let map = fit(
            &device,
            &x,
            &Umap { n_epochs: 60.into(), ..Umap::default() },
            "3 points in thousands of rows",
        );
        let extent = extent(map.embedding());
        assert!((0.1..1e4).contains(&extent), "{device:?}: extent {extent}");
    }
}

#[test]
fn the_fewest_points_give_a_finite_map() {
    for device in devices(&LIMITS[..1]) {
        for (n, n_neighbors) in [(4, 2), (4, 3), (5, 4), (7, 3), (16, 15)] {
            for (init, n_components) in [(Init::Pca, 2), (Init::Random, 3), (Init::Pca, 3)] {
                let umap = Umap { n_neighbors, n_components, init, ..Umap::default() };
                let map = fit(&device, &uniform_matrix(65, n, 3), &umap, &format!("{n} points"));
                let extent = extent(map.embedding());
                assert!(
                    (1e-2..1e3).contains(&extent),
                    "{n} points by {n_neighbors}: extent {extent}"
                );
            }
        }
    }
}

#[test]
fn a_line_is_not_torn() {
    // d = 1: neighbours along the line stay neighbours in the map.
    let x = Matrix::new((0..300).map(|i| i as f32).collect(), 300, 1).expect("finite");
    let map = fit(&cpu(), &x, &Umap::default(), "a line");
    assert!(
        trustworthiness(&x, map.embedding(), 5) > 0.97,
        "{}",
        trustworthiness(&x, map.embedding(), 5)
    );
}

#[test]
fn the_number_of_threads_changes_no_byte_and_the_seed_does() {
    let x = groups(60, 7, 150, 40);
    let run = |threads: usize, umap: &Umap| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| umap.fit(&cpu(), &x).expect("a map"))
    };
    let umap = Umap { n_epochs: 60.into(), ..Umap::default() };
    let one = run(1, &umap);
    for threads in [2, 5] {
        assert_same_bytes(
            run(threads, &umap).embedding().as_slice(),
            one.embedding().as_slice(),
            "UMAP",
        );
    }
    assert_ne!(run(1, &Umap { random_state: 7, ..umap.clone() }).embedding(), one.embedding());
    for device in devices(&LIMITS[..1]) {
        let [a, b] = [(); 2].map(|()| umap.fit(&device, &x).expect("a map"));
        assert_same_bytes(
            a.embedding().as_slice(),
            b.embedding().as_slice(),
            "twice on one device",
        );
    }
}

#[test]
fn an_optimised_place_does_not_depend_on_companions_and_lies_near_the_fitted_one() {
    let (x, new) = (groups(51, 4, 60, 20), groups(53, 5, 14, 20));
    let order = Random::new(7, 54).permutation(new.n_samples());
    for device in devices(&LIMITS) {
        let map =
            fit(&device, &x, &Umap { placement: Placement::Optimise, ..Umap::default() }, "groups");
        assert_eq!(map.n_neighbors_to_place(), 15);
        let transform = |new: &Matrix| {
            let graph = nearest_references(&device, new, &x, 15, &Silent).expect("neighbours");
            map.transform(&device, &NewPoints { x: new, neighbors: &graph }).expect("places")
        };
        let whole = transform(&new);
        assert_same_bytes(
            transform(&new.select(&order)).as_slice(),
            whole.select(&order).as_slice(),
            "shuffled",
        );
        for i in (0..new.n_samples()).step_by(9) {
            assert_same_bytes(transform(&new.select(&[i])).as_slice(), whole.row(i), "alone");
        }
        let mode = fit(&device, &x, &Umap::default(), "groups");
        assert_same_bytes(
            mode.embedding().as_slice(),
            map.embedding().as_slice(),
            "the placement does not change the fit",
        );
        let again = transform(&x);
        let mut gaps: Vec<f64> = again
            .rows()
            .zip(map.embedding().rows())
            .map(|(a, b)| squared_distance(a, b).sqrt())
            .collect();
        gaps.sort_by(f64::total_cmp);
        let extent = extent(map.embedding());
        assert!(
            gaps[120] < 0.05 * extent && gaps[215] < 0.2 * extent,
            "{device:?}: gaps {} and {}",
            gaps[120],
            gaps[215]
        );
        let moved = again
            .rows()
            .zip(transform_by_mode(&device, &mode, &x).rows())
            .filter(|(a, b)| a != b)
            .count();
        assert!(moved > 200, "only {moved} places were optimised");
    }
}

fn transform_by_mode(device: &Device, map: &FittedUmap, x: &Matrix) -> Matrix {
    let graph = nearest_references(device, x, x, 15, &Silent).expect("neighbours");
    map.transform(device, &NewPoints { x, neighbors: &graph }).expect("places")
}

#[test]
fn impossible_parameters_are_refused_with_their_range() {
    let message =
        |umap: Umap, n: usize| umap.fit(&cpu(), &uniform_matrix(66, n, 3)).unwrap_err().to_string();
    let of = Umap::default;
    assert_eq!(
        message(of(), 15),
        "UMAP with n_neighbors 15 needs at least 16 points, there are 15; the largest n_neighbors \
         for 15 is 14"
    );
    assert_eq!(
        message(Umap { n_neighbors: 2, ..of() }, 3),
        "UMAP needs at least 4 points, there are 3"
    );
    assert_eq!(message(Umap { n_neighbors: 1, ..of() }, 90), "n_neighbors = 1: between 2 and 505");
    assert_eq!(
        message(Umap { n_neighbors: 506, ..of() }, 600),
        "n_neighbors = 506: between 2 and 505"
    );
    let optimised = Umap { n_neighbors: 505, placement: Placement::Optimise, ..of() };
    assert_eq!(
        message(optimised, 600),
        "n_neighbors = 505: between 2 and 504 with `Umap::placement` optimise"
    );
    assert_eq!(message(Umap { n_components: 4, ..of() }, 90), "n_components = 4: 2 or 3");
    assert_eq!(
        message(Umap { min_dist: 1.5, ..of() }, 90),
        "min_dist = 1.5: between 0 and `Umap::spread`, 1"
    );
    assert_eq!(
        message(Umap { min_dist: -0.1, ..of() }, 90),
        "min_dist = -0.1: between 0 and `Umap::spread`, 1"
    );
    assert_eq!(message(Umap { spread: 0.0, ..of() }, 90), "spread = 0: above 0");
    assert_eq!(
        message(Umap { learning_rate: f32::NAN, ..of() }, 90),
        "learning_rate = NaN: above 0"
    );
    assert_eq!(
        message(Umap { negative_sample_rate: 0, ..of() }, 90),
        "negative_sample_rate = 0: between 1 and 100"
    );
    assert_eq!(
        message(Umap { repulsion_strength: -1.0, ..of() }, 90),
        "repulsion_strength = -1: at least 0"
    );
    let expected = "local_connectivity = 15: between 0 and `Umap::n_neighbors` less 1, 14";
    assert_eq!(message(Umap { local_connectivity: 15.0, ..of() }, 90), expected);
    assert_eq!(
        message(Umap { set_op_mix_ratio: 1.1, ..of() }, 90),
        "set_op_mix_ratio = 1.1: between 0 and 1"
    );
    let fitted = Umap { n_neighbors: 89, n_epochs: 1.into(), ..of() }
        .fit(&cpu(), &uniform_matrix(66, 90, 3));
    assert_eq!(fitted.expect("the largest number is accepted").embedding().n_samples(), 90);
}

#[test]
fn extreme_parameters_give_a_finite_map() {
    let x = groups(83, 3, 40, 10);
    let of = || Umap { n_epochs: 200.into(), ..Umap::default() };
    let cases = [
        Umap { min_dist: 0.0, ..of() },
        Umap { min_dist: 1.0, ..of() },
        Umap { spread: 100.0, min_dist: 50.0, ..of() },
        Umap { spread: 0.01, min_dist: 0.0, ..of() },
        Umap { learning_rate: 100.0, ..of() },
        Umap { negative_sample_rate: 100, repulsion_strength: 100.0, ..of() },
        Umap { local_connectivity: 14.0, ..of() },
        Umap { local_connectivity: 0.0, ..of() },
        Umap { set_op_mix_ratio: 0.0, ..of() },
        Umap { n_neighbors: 2, ..of() },
        Umap { n_epochs: 1.into(), ..of() },
    ];
    for device in devices(&LIMITS[..1]) {
        for umap in &cases {
            fit(&device, &x, umap, &format!("{umap:?}"));
        }
        let without =
            Umap { repulsion_strength: 0.0, ..of() }.fit(&device, &x).unwrap_err().to_string();
        assert!(
            without.contains("the coordinates of others")
                && without.contains("`Umap::repulsion_strength`"),
            "{without}"
        );
    }
}

struct Impatient;

impl Observer for Impatient {
    fn is_cancelled(&self) -> bool {
        true
    }
}

#[test]
fn a_fit_can_be_stopped() {
    let x = groups(60, 2, 30, 5);
    let neighbors = nearest_neighbors(&cpu(), &x, 14, &Silent).expect("neighbours");
    let space = Space { neighbors: Some(&neighbors), ..Space::new(&x) };
    let stopped = Embedding::fit_boxed(&Umap::default(), &cpu(), &space, &Impatient).unwrap_err();
    assert_eq!(stopped.to_string(), "interrupted");
}

//! Searches large enough for lower bounds on the CPU, metrics, duplicates, streaming, approximate
//! search and files of graphs.

use crate::support::{
    LIMITS, brute_force, cpu, devices, groups, normal, squared_distance, uniform, uniform_matrix,
};
use layerlens::matrix::Matrix;
use layerlens::neighbors::{
    Metric, NeighborGraph, Search, SearchMethod, nearest_neighbors, nearest_references, recall_of,
};
use layerlens::progress::Silent;
use std::path::PathBuf;

/// Squared differences in groups of 16 round by at most 67 halves of a last place, 4e-6, of the
/// squared distance.
const DISTANCE: f64 = 1e-5;

/// Compares every `step`-th row with a search in double precision; neighbours may differ where
/// distances tie within rounding.
fn check(
    graph: &NeighborGraph,
    (queries, references): (&Matrix, &Matrix),
    within: bool,
    step: usize,
    what: &str,
) {
    let k = graph.n_neighbors();
    for i in (0..queries.n_samples()).step_by(step) {
        let expected = brute_force(queries.row(i), references, within.then_some(i));
        for (slot, &(expected, expected_id)) in expected[..k].iter().enumerate() {
            let id = graph.neighbors(i)[slot];
            let distance = f64::from(graph.distances()[i * k + slot]);
            assert!(
                (distance - expected).abs() <= DISTANCE * expected,
                "{what}: row {i} has {distance}, not {expected}"
            );
            let truly = squared_distance(queries.row(i), references.row(id as usize)).sqrt();
            let tied = expected > 0.0 && (truly - expected).abs() <= DISTANCE * expected;
            assert!(
                id == expected_id || tied,
                "{what}: row {i} has {id} at {truly}, not {expected_id} at {expected}"
            );
        }
    }
}

fn whole(stream: u64, n: usize, d: usize, below: f32) -> Matrix {
    Matrix::new(uniform(stream, n * d, 0.0, below).into_iter().map(f32::floor).collect(), n, d)
        .expect("finite")
}

/// Points near 60 random planes of five dimensions: few axes carry most of the variance, and none
/// carries all.
fn layered(stream: u64, n: usize, d: usize) -> Matrix {
    let centres = normal(stream, 60 * d);
    let axes = normal(stream + 1, 5 * d);
    let (places, noise) = (normal(stream + 2, 5 * n), normal(stream + 3, n * d));
    let value = |row: usize, column: usize| {
        let along: f32 = (0..5).map(|axis| places[5 * row + axis] * axes[axis * d + column]).sum();
        2.0 * centres[row * 7 % 60 * d + column] + along + 0.1 * noise[row * d + column]
    };
    Matrix::new((0..n * d).map(|at| value(at / d, at % d)).collect(), n, d).expect("finite")
}

#[test]
fn lower_bounds_lose_no_neighbour() {
    // From 5,793 points on; numbers of points around multiples of the blocks', widths with and
    // without short coordinates.
    for (n, d) in [(5793, 2), (6144, 20), (6145, 49), (5888, 96), (5800, 300)] {
        for (x, kind) in [(uniform_matrix(70, n, d), "uniform"), (layered(71, n, d), "layered")] {
            for k in [1, 15, 90] {
                let graph = nearest_neighbors(&cpu(), &x, k, &Silent).expect("neighbours");
                check(&graph, (&x, &x), true, 211, &format!("{k} of {n} x {d} {kind}"));
            }
        }
    }
}

#[test]
fn lower_bounds_serve_new_points() {
    let (references, queries) = (layered(72, 9000, 100), layered(76, 4001, 100));
    let graph = nearest_references(&cpu(), &queries, &references, 12, &Silent).expect("neighbours");
    check(&graph, (&queries, &references), false, 97, "4,001 new points");
    let few: Vec<usize> = (0..40).map(|i| i * 100).collect();
    let alone = nearest_references(&cpu(), &queries.select(&few), &references, 12, &Silent)
        .expect("neighbours");
    for (at, &row) in few.iter().enumerate() {
        assert_eq!(
            alone.neighbors(at),
            graph.neighbors(row),
            "a new point's neighbours depend on its companions"
        );
        assert_eq!(alone.distances()[at * 12..][..12], graph.distances()[row * 12..][..12]);
    }
}

#[test]
fn lower_bounds_break_ties_by_index() {
    for (d, below) in [(2, 30.0), (17, 2.0), (64, 3.0)] {
        let x = whole(77, 6000, d, below);
        let graph = nearest_neighbors(&cpu(), &x, 30, &Silent).expect("neighbours");
        for i in (0..6000).step_by(131) {
            let expected: Vec<u32> =
                brute_force(x.row(i), &x, Some(i)).into_iter().take(30).map(|(_, id)| id).collect();
            assert_eq!(graph.neighbors(i), expected, "row {i} of {d} whole numbers");
        }
    }
}

/// Two clouds of width 0.01 that lie 16,000 apart, one of them of points on a line; and columns
/// that never change.
#[test]
fn lower_bounds_survive_bad_scales() {
    let mut data = normal(78, 6000 * 64);
    for (row, values) in data.chunks_exact_mut(64).enumerate() {
        let centre = if row.is_multiple_of(2) { 1000.0 } else { -1000.0 };
        values.iter_mut().for_each(|value| *value = centre + 1e-2 * *value);
    }
    let mut constant = layered(79, 6000, 64).into_vec();
    for row in constant.chunks_exact_mut(64) {
        row.iter_mut().step_by(3).for_each(|value| *value = 12.5);
    }
    for (data, what) in [(data, "far clouds"), (constant, "constant columns")] {
        for scale in [1.0, 1e-12, 1e14] {
            let x = Matrix::new(data.iter().map(|value| value * scale).collect(), 6000, 64)
                .expect("finite");
            let graph = nearest_neighbors(&cpu(), &x, 15, &Silent).expect("neighbours");
            check(&graph, (&x, &x), true, 307, &format!("{what} times {scale}"));
        }
    }
}

/// Rows that lie that far out, along axes of their own.
fn with_far_rows(x: Matrix, distances: &[f32]) -> Matrix {
    let (n, d) = (x.n_samples(), x.n_features());
    let mut values = x.into_vec();
    for (at, &distance) in distances.iter().enumerate() {
        values[(17 + 331 * at) % n * d + at % d] = distance;
    }
    Matrix::new(values, n, d).expect("finite")
}

/// Quotients of normal numbers: no mean, no variance, and some rows millions of times as far out as
/// most.
fn cauchy(stream: u64, n: usize, d: usize) -> Matrix {
    let above = normal(stream, n * d);
    let below = normal(stream + 1, n * d);
    let quotient = |(a, b): (&f32, &f32)| if b.abs() > 1e-7 { a / b } else { 0.0 };
    Matrix::new(above.iter().zip(&below).map(quotient).collect(), n, d).expect("finite")
}

#[test]
fn far_rows_heavy_tails_and_offsets_lose_no_neighbour() {
    let one_after_another: Vec<f32> = (0..10).map(|at| 10.0_f32.powi(at + 3)).collect();
    for (n, d) in [(6000, 20), (5900, 100)] {
        let offset =
            Matrix::new(layered(81, n, d).into_vec().iter().map(|v| v + 4096.0).collect(), n, d)
                .expect("finite");
        for (what, x) in [
            ("one at 1e6", with_far_rows(layered(81, n, d), &[1e6])),
            ("one at 1e12", with_far_rows(layered(81, n, d), &[1e12])),
            ("one at 1e17", with_far_rows(layered(81, n, d), &[-1e17])),
            ("ten", with_far_rows(layered(81, n, d), &one_after_another)),
            ("twenty at one place", with_far_rows(layered(81, n, d), &[1e9; 20])),
            ("heavy tails", cauchy(85, n, d)),
            ("an offset", offset.clone()),
            ("an offset and one at -1e9", with_far_rows(offset, &[-1e9])),
        ] {
            let graph = nearest_neighbors(&cpu(), &x, 15, &Silent).expect("neighbours");
            check(&graph, (&x, &x), true, 331, &format!("{what} of {n} x {d}"));
            // As new points, of which every 97th is the next of the 96.
            let rows: Vec<usize> = (0..96).map(|at| (17 + 331 * at) % n).collect();
            let new = x.select(&rows.iter().cycle().take(6000).copied().collect::<Vec<_>>());
            let graph = nearest_references(&cpu(), &new, &x, 15, &Silent).expect("neighbours");
            check(&graph, (&new, &x), false, 97, &format!("{what} of {n} x {d}, new points"));
        }
    }
    for device in devices(&LIMITS[..1]) {
        for distance in [1e4, 1e8, 1e16] {
            let x = with_far_rows(layered(86, 700, 40), &[distance, -distance]);
            let graph = nearest_neighbors(&device, &x, 15, &Silent).expect("neighbours");
            check(&graph, (&x, &x), true, 17, &format!("two at {distance:e} on {device:?}"));
        }
    }
}

#[test]
fn thousands_of_duplicates() {
    let mut rows: Vec<usize> = (0..9000).map(|i| if i % 3 == 0 { i } else { i % 2 * 5 }).collect();
    rows[17] = 17;
    let x = whole(80, 9000, 20, 6.0).select(&rows);
    let graph = nearest_neighbors(&cpu(), &x, 90, &Silent).expect("neighbours");
    for i in (0..9000).step_by(479) {
        let expected: Vec<u32> =
            brute_force(x.row(i), &x, Some(i)).into_iter().take(90).map(|(_, id)| id).collect();
        assert_eq!(graph.neighbors(i), expected, "row {i}");
    }
    let queries = x.select(&[3, 17, 18]);
    let found = nearest_references(&cpu(), &queries, &x, 90, &Silent).expect("neighbours");
    check(&found, (&queries, &x), false, 1, "new points among duplicates");
    let equal = Matrix::new(vec![0.7; 20_000 * 3], 20_000, 3).expect("finite");
    let graph = nearest_neighbors(&cpu(), &equal, 3, &Silent).expect("neighbours");
    assert_eq!((graph.neighbors(0), graph.neighbors(1)), (&[1, 2, 3][..], &[0, 2, 3][..]));
    // Zeros of either sign are equal.
    let signs = Matrix::new(vec![0.0, -0.0, 0.0, 5.0], 4, 1).expect("finite");
    assert_eq!(
        nearest_neighbors(&cpu(), &signs, 2, &Silent).expect("neighbours").neighbors(1),
        [0, 2]
    );
}

#[test]
fn streamed_points_give_the_same_bytes() {
    for d in [3, 40] {
        let (x, queries) = (uniform_matrix(81, 3000, d), uniform_matrix(82, 70, d));
        for device in devices(&LIMITS) {
            let streamed = Search { resident_bytes: 1000, ..Search::default() };
            let a = nearest_neighbors(&device, &x, 9, &Silent);
            let b = streamed.nearest_neighbors(&device, &x, 9, &Silent);
            assert_eq!(a.expect("neighbours"), b.expect("neighbours"), "{d} on {device:?}");
            let a = nearest_references(&device, &queries, &x, 9, &Silent).expect("neighbours");
            assert_eq!(
                a,
                streamed.nearest_references(&device, &queries, &x, 9, &Silent).expect("neighbours")
            );
        }
    }
}

/// 1 - cos in double precision.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>()
    };
    1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn cosine_distances() {
    let search = Search { metric: Metric::Cosine, ..Search::default() };
    for (n, d) in [(300, 2), (400, 33), (6000, 60)] {
        let x = layered(83, n, d);
        for device in devices(if n < 1000 { &LIMITS } else { &[] }) {
            let graph = search.nearest_neighbors(&device, &x, 15, &Silent).expect("neighbours");
            assert_eq!(graph.metric(), Metric::Cosine);
            let to = search
                .nearest_references(&device, &x.select(&[4, 9]), &x, 15, &Silent)
                .expect("neighbours");
            assert_eq!(to.neighbors(1)[0], 9);
            for i in (0..n).step_by(n / 40) {
                let mut expected: Vec<f64> =
                    (0..n).filter(|&j| j != i).map(|j| cosine(x.row(i), x.row(j))).collect();
                expected.sort_by(f64::total_cmp);
                for (slot, &expected) in expected[..15].iter().enumerate() {
                    let id = graph.neighbors(i)[slot];
                    let distance = f64::from(graph.distances()[i * 15 + slot]);
                    // What 1 - cos loses in double precision, what the last place of a single one
                    // is, and what rounding unit rows (by 2^-24 a coordinate) may exchange at the
                    // end of the list.
                    let allowed = 1e-13 + 1e-6 * expected + 4e-7 * expected.sqrt();
                    assert!(
                        (distance - expected).abs() <= allowed,
                        "row {i}: {distance}, not {expected}"
                    );
                    assert!(
                        (cosine(x.row(i), x.row(id as usize)) - distance).abs()
                            <= 1e-13 + 1e-6 * distance
                    );
                }
            }
        }
    }
    let mut zero = uniform(84, 40, -1.0, 1.0);
    zero[12..16].fill(0.0);
    let zero = Matrix::new(zero, 10, 4).expect("finite");
    let error = search.nearest_neighbors(&cpu(), &zero, 2, &Silent).unwrap_err().to_string();
    assert!(error.starts_with("row 3 is all zeros"), "{error}");
    assert!(search.nearest_references(&cpu(), &zero, &zero.select(&[0]), 1, &Silent).is_err());
}

#[test]
fn approximate_neighbours_say_their_recall_and_do_not_depend_on_threads() {
    let x = groups(85, 40, 500, 30);
    let search = Search { method: SearchMethod::Approximate, ..Search::default() };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| search.nearest_neighbors(&cpu(), &x, 15, &Silent).expect("neighbours"))
    };
    let graph = run(1);
    assert_eq!(graph, run(3));
    let exact = nearest_neighbors(&cpu(), &x, 15, &Silent).expect("neighbours");
    let same = (0..x.n_samples())
        .map(|i| graph.neighbors(i).iter().filter(|id| exact.neighbors(i).contains(id)).count());
    let truth = same.sum::<usize>() as f64 / exact.indices().len() as f64;
    let told = recall_of(&graph, &cpu(), &x, &Silent).expect("a recall");
    // 1,000 rows of 15: five standard deviations of a share near 1 are below 0.01.
    assert!(truth > 0.95 && (told - truth).abs() < 0.01, "{told} told, {truth} true");
    assert_eq!(recall_of(&exact, &cpu(), &x, &Silent).expect("a recall"), 1.0);
    let wrong: Vec<u32> = exact.indices().iter().map(|id| (id + 7000) % 20_000).collect();
    let wrong = NeighborGraph::new(wrong, exact.distances().to_vec(), 15).expect("a graph");
    assert!(recall_of(&wrong, &cpu(), &x, &Silent).expect("a recall") < 0.01);
    assert!(recall_of(&exact, &cpu(), &x.select(&[1, 2]), &Silent).is_err());
    // New points are searched exactly.
    let queries = x.select(&[5, 700]);
    let found = search.nearest_references(&cpu(), &queries, &x, 5, &Silent).expect("neighbours");
    assert_eq!(found, nearest_references(&cpu(), &queries, &x, 5, &Silent).expect("neighbours"));
}

fn temporary(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    (folder, path)
}

#[test]
fn graphs_go_through_files() {
    let (_folder, path) = temporary("graph.safetensors");
    let x = uniform_matrix(86, 50, 3);
    for metric in [Metric::Euclidean, Metric::Cosine] {
        let graph = Search { metric, ..Search::default() }
            .nearest_neighbors(&cpu(), &x, 7, &Silent)
            .expect("neighbours");
        graph.write(&path).expect("a file");
        assert_eq!(NeighborGraph::read(&path).expect("the graph"), graph);
    }
    let bytes = std::fs::read(&path).expect("the file");
    std::fs::write(&path, &bytes[..bytes.len() - 5]).expect("a cut file");
    let error = NeighborGraph::read(&path).unwrap_err().to_string();
    assert!(error.contains("graph.safetensors: not a .safetensors file of neighbours"), "{error}");
    assert!(NeighborGraph::read(&path.with_file_name("absent")).is_err());
}

#[test]
fn bad_graphs_are_refused_with_the_row() {
    let (_folder, path) = temporary("bad.safetensors");
    let good = ([1, 2, 2, 0, 0, 1], [0.5, 1.0, 1.0, 2.0, 0.0, 0.0]);
    let cases: [(&str, usize, u32, f32); 6] = [
        ("row 1 has the neighbour 3: there are 3 points", 3, 3, 2.0),
        ("row 1 has itself as a neighbour", 3, 1, 2.0),
        ("row 0 has the neighbour 1 twice", 1, 1, 1.0),
        ("row 2 has the distance NaN", 5, 1, f32::NAN),
        ("row 2 has the distance -1", 4, 0, -1.0),
        ("row 1 has the distance 1 before 0.5: nearest first", 3, 0, 0.5),
    ];
    for (message, at, id, distance) in cases {
        let (mut ids, mut distances) = good;
        (ids[at], distances[at]) = (id, distance);
        NeighborGraph::new(ids.to_vec(), distances.to_vec(), 2)
            .expect("shapes")
            .write(&path)
            .expect("a file");
        let error = NeighborGraph::read(&path).unwrap_err().to_string();
        assert!(
            error.contains("bad.safetensors") && error.contains(message),
            "{error}, not {message}"
        );
    }
    NeighborGraph::new(good.0.to_vec(), good.1.to_vec(), 2)
        .expect("shapes")
        .write(&path)
        .expect("a file");
    NeighborGraph::read(&path).expect("equal distances are in order");
    let wide = NeighborGraph::new(
        (0..506_u32 * 505).map(|i| i % 505).collect(),
        vec![0.0; 506 * 505],
        505,
    )
    .expect("shapes");
    wide.write(&path).expect("a file");
    assert!(NeighborGraph::read(&path).unwrap_err().to_string().contains("at most 504"));
}

//! Nearest neighbours end to end, on every device, against a brute-force search in double
//! precision.

use crate::support::{
    LIMITS, brute_force, cpu, devices, normal, squared_distance, uniform, uniform_matrix,
};
use layerlens::compute::Device;
use layerlens::matrix::Matrix;
use layerlens::neighbors::{NeighborGraph, nearest_neighbors, nearest_references};
use layerlens::progress::Silent;
use std::collections::BTreeSet;

/// Up to 784 squared differences in groups of 16 round by at most 67 halves of a last place, 4e-6,
/// of the squared distance.
const DISTANCE: f64 = 1e-5;

/// Numbers of neighbours that are asked for where there are as many points.
const NEIGHBORS: [usize; 4] = [1, 5, 90, 128];

/// What may differ from brute force.
#[derive(Clone, Copy, PartialEq)]
enum Ties {
    /// Nothing: the distances are whole numbers or equal because the points are, so ties are ties
    /// for everyone.
    ByIndex,
    /// The order of neighbours whose distances differ by less than rounding.
    Rounded,
}

/// Compares rows `rows` of `graph` with brute force; `exclude_self` where queries and references
/// are the same points.
fn check_rows(
    graph: &NeighborGraph,
    (queries, references): (&Matrix, &Matrix),
    rows: impl Iterator<Item = usize>,
    exclude_self: bool,
    ties: Ties,
    what: &str,
) {
    let k = graph.n_neighbors();
    for i in rows {
        let expected = brute_force(queries.row(i), references, exclude_self.then_some(i));
        let ids = graph.neighbors(i);
        let distances = &graph.distances()[i * k..][..k];
        assert!(!exclude_self || !ids.contains(&(i as u32)), "{what}: {i} is its own neighbour");
        assert_eq!(
            ids.iter().collect::<BTreeSet<_>>().len(),
            k,
            "{what}: row {i} has a neighbour twice"
        );
        for ((&id, &distance), &(expected, expected_id)) in ids.iter().zip(distances).zip(&expected)
        {
            let off = (f64::from(distance) - expected).abs();
            assert!(off <= DISTANCE * expected, "{what}: row {i} has {distance}, not {expected}");
            let true_distance =
                squared_distance(queries.row(i), references.row(id as usize)).sqrt();
            let tied =
                ties == Ties::Rounded && (true_distance - expected).abs() <= DISTANCE * expected;
            assert!(
                id == expected_id || tied,
                "{what}: row {i} has {id} at {true_distance}, not {expected_id} at {expected}"
            );
        }
    }
}

fn check(x: &Matrix, ties: Ties, what: &str) {
    for device in devices(&LIMITS) {
        for k in NEIGHBORS.into_iter().filter(|&k| k < x.n_samples()) {
            let what = format!("{what}, {k} neighbours on {device:?}");
            let graph = nearest_neighbors(&device, x, k, &Silent)
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            // Every third row, and all rows of small problems.
            let rows = (0..x.n_samples()).step_by(if x.n_samples() > 300 { 3 } else { 1 });
            check_rows(&graph, (x, x), rows, true, ties, &what);
        }
    }
}

/// Whole numbers in 0 .. `below`.
fn whole(stream: u64, n: usize, d: usize, below: f32) -> Matrix {
    let values = uniform(stream, n * d, 0.0, below).into_iter().map(f32::floor).collect();
    Matrix::new(values, n, d).expect("finite")
}

#[test]
fn odd_sizes_and_widths() {
    for (n, d) in [(2, 1), (63, 2), (64, 17), (65, 64), (257, 16), (150, 784)] {
        check(&uniform_matrix(30, n, d), Ties::Rounded, &format!("{n} x {d}"));
    }
}

#[test]
fn ties_go_to_the_smaller_index() {
    for (n, d, below) in [(300, 1, 20.0), (300, 2, 6.0), (300, 17, 2.0), (150, 64, 3.0)] {
        check(&whole(31, n, d, below), Ties::ByIndex, &format!("whole numbers {n} x {d}"));
    }
}

#[test]
fn equal_points_are_neighbours_in_the_order_of_their_indices() {
    for d in [1, 2, 17, 64] {
        check(
            &Matrix::new(vec![0.3; 200 * d], 200, d).expect("finite"),
            Ties::ByIndex,
            &format!("equal points of {d}"),
        );
    }
}

#[test]
fn hundreds_of_duplicates() {
    for d in [2, 20] {
        let distinct = whole(32, 3, d, 9.0);
        let rows: Vec<usize> = (0..390).map(|i| i * 7 % 3).collect();
        check(&distinct.select(&rows), Ties::ByIndex, &format!("3 points 130 times, {d} features"));
    }
}

#[test]
fn constant_columns() {
    let mut data = uniform(33, 257 * 64, -1.0, 1.0);
    for row in data.chunks_exact_mut(64) {
        row.iter_mut()
            .enumerate()
            .filter(|(column, _)| column.is_multiple_of(3))
            .for_each(|(column, value)| *value = column as f32 * 10.0);
    }
    check(&Matrix::new(data, 257, 64).expect("finite"), Ties::Rounded, "constant columns");
}

/// Distances of 0.1 within groups that lie 16,000 apart: the product form errs by hundreds,
/// whatever is subtracted.
#[test]
fn small_distances_far_from_the_origin() {
    for (groups, what) in [(1_usize, "one group"), (2, "two groups")] {
        let mut data = normal(34, 300 * 64);
        for (row, values) in data.chunks_exact_mut(64).enumerate() {
            let centre = if row.is_multiple_of(groups) { 1000.0 } else { -1000.0 };
            values.iter_mut().for_each(|value| *value = centre + 1e-2 * *value);
        }
        check(
            &Matrix::new(data, 300, 64).expect("finite"),
            Ties::Rounded,
            &format!("{what} far out"),
        );
    }
}

/// More queries than one tile holds, and more than one part.
#[test]
fn several_tiles_and_parts() {
    for d in [2, 17] {
        let x = whole(35, 8300, d, 30.0);
        for device in devices(&LIMITS[..1]) {
            let graph = nearest_neighbors(&device, &x, 5, &Silent).expect("neighbours");
            check_rows(
                &graph,
                (&x, &x),
                (0..8300).step_by(97),
                true,
                Ties::ByIndex,
                &format!("8,300 x {d} on {device:?}"),
            );
        }
        let queries = whole(39, 1100, d, 30.0);
        for device in devices(&LIMITS[..1]) {
            let graph = nearest_references(&device, &queries, &x, 5, &Silent).expect("neighbours");
            check_rows(
                &graph,
                (&queries, &x),
                (0..1100).step_by(17),
                false,
                Ties::ByIndex,
                &format!("1,100 x {d} on {device:?}"),
            );
        }
    }
}

#[test]
fn new_points_find_their_equals_too() {
    for d in [2, 20] {
        let references = whole(36, 129, d, 4.0);
        let queries =
            Matrix::new([whole(37, 65, d, 4.0).as_slice(), references.row(7)].concat(), 66, d)
                .expect("finite");
        for device in devices(&LIMITS) {
            for k in [1, 5, 129] {
                let graph = nearest_references(&device, &queries, &references, k, &Silent)
                    .expect("neighbours");
                check_rows(
                    &graph,
                    (&queries, &references),
                    0..66,
                    false,
                    Ties::ByIndex,
                    &format!("{k} of {d} on {device:?}"),
                );
                assert_eq!(graph.distances()[65 * k], 0.0);
            }
            let none = Matrix::new(vec![], 0, d).expect("no rows");
            assert_eq!(
                nearest_references(&device, &none, &references, 3, &Silent)
                    .expect("nothing to do")
                    .n_samples(),
                0
            );
        }
    }
}

/// A query in a group whose distances have no squares in the unit of the others, alone and beside
/// one that is far away.
#[test]
fn neighbors_of_a_new_point_do_not_depend_on_its_companions_however_close_it_lies() {
    let tiny = |stream, n: usize| normal(stream, 4 * n).into_iter().map(|value| value * 1e-23);
    let references =
        Matrix::new(tiny(70, 20).chain(normal(71, 4 * 280)).collect(), 300, 4).expect("finite");
    let query: Vec<f32> = tiny(72, 1).collect();
    let beside = |companion: f32| {
        Matrix::new([query.clone(), vec![companion; 4]].concat(), 2, 4).expect("finite")
    };
    for device in devices(&LIMITS[..1]) {
        let search = |queries: &Matrix| {
            nearest_references(&device, queries, &references, 6, &Silent).expect("neighbours")
        };
        let alone = search(&Matrix::new(query.clone(), 1, 4).expect("finite"));
        let expected: Vec<u32> =
            brute_force(&query, &references, None).into_iter().take(6).map(|(_, id)| id).collect();
        assert_eq!(alone.neighbors(0), expected, "{device:?}");
        for companion in [1.0, 1e12] {
            let both = search(&beside(companion));
            assert_eq!(
                (both.neighbors(0), &both.distances()[..6]),
                (alone.neighbors(0), alone.distances()),
                "{device:?}"
            );
        }
    }
}

#[test]
fn squared_distances_may_lie_beyond_f32_and_distances_may_not() {
    for d in [2, 20] {
        let values = uniform(39, 100 * d, -1.0, 1.0);
        let of = |size: f32| {
            Matrix::new(values.iter().map(|value| value * size).collect(), 100, d).expect("finite")
        };
        for device in devices(&LIMITS[..1]) {
            let x = of(1e25);
            let graph = nearest_neighbors(&device, &x, 5, &Silent).expect("neighbours");
            check_rows(
                &graph,
                (&x, &x),
                0..100,
                true,
                Ties::Rounded,
                &format!("{d} on {device:?}"),
            );
            let error = nearest_neighbors(&device, &of(3.4e38), 90, &Silent)
                .map(drop)
                .unwrap_err()
                .to_string();
            assert!(error.contains("too far"), "{error}");
            let far = Matrix::new(vec![1e30; d], 1, d).expect("finite");
            let error = nearest_references(&device, &far, &of(1.0), 3, &Silent)
                .map(drop)
                .unwrap_err()
                .to_string();
            assert!(error.contains("too far"), "{error}");
        }
    }
}

#[test]
fn impossible_numbers_of_neighbours_are_refused_with_the_largest_possible() {
    let few = uniform_matrix(38, 4, 3);
    let message = |k: usize| nearest_neighbors(&cpu(), &few, k, &Silent).unwrap_err().to_string();
    assert_eq!(
        message(4),
        "4 points have at most 3 other points each; 4 neighbours were asked for"
    );
    assert!(message(0).contains("between 1 and 504"));
    let many = uniform_matrix(38, 600, 2);
    let graph = |device: &Device, k| nearest_neighbors(device, &many, k, &Silent);
    assert!(graph(&cpu(), 505).unwrap_err().to_string().contains("between 1 and 504"));
    for device in devices(&LIMITS) {
        let graph = graph(&device, 504).expect("as many as are supported");
        check_rows(
            &graph,
            (&many, &many),
            (0..600).step_by(50),
            true,
            Ties::Rounded,
            &format!("504 on {device:?}"),
        );
    }
    let wide = nearest_references(&cpu(), &few, &many, 1, &Silent).unwrap_err().to_string();
    assert_eq!(wide, "the new points have 3 features, the fitted ones 2");
}

//! Maps of a space that changes: warm starts move less than cold ones and are as good, and what is
//! turned keeps its distances.

use crate::support::{cpu, groups, normal};
use layerlens::embedding::procrustes::Motion;
use layerlens::embedding::sequence::displacements;
use layerlens::embedding::{Embedding, METHODS, Method, Sequence, Space};
use layerlens::evaluation::Trustworthiness;
use layerlens::matrix::Matrix;
use layerlens::neighbors::{NeighborGraph, nearest_neighbors};
use layerlens::progress::Silent;

const N: usize = 400;

/// Eight groups of 50 points that wander to other places, in six steps.
fn moving() -> Vec<Matrix> {
    let (from, to) = (groups(1, 8, 50, 6), groups(5, 8, 50, 6));
    let at = |step: usize| {
        let share = step as f32 / 10.0;
        let values = from.as_slice().iter().zip(to.as_slice()).map(|(a, b)| a + (b - a) * share);
        Matrix::new(values.collect(), N, 6).unwrap()
    };
    (0..6).map(at).collect()
}

fn graph(method: &dyn Embedding, x: &Matrix) -> NeighborGraph {
    nearest_neighbors(&cpu(), x, method.n_neighbors().max(1), &Silent).unwrap()
}

fn space<'a>(x: &'a Matrix, neighbors: &'a NeighborGraph, start: Option<&'a Matrix>) -> Space<'a> {
    Space { neighbors: Some(neighbors), start, ..Space::new(x) }
}

fn built() -> impl Iterator<Item = (&'static Method, Box<dyn Embedding>)> {
    METHODS.iter().map(|method| (*method, (method.build)(&toml::Table::new()).unwrap()))
}

fn warm(method: &dyn Embedding, spaces: &[Matrix]) -> Vec<Matrix> {
    let mut sequence = Sequence::new(method);
    spaces
        .iter()
        .map(|x| {
            sequence.push(&cpu(), &space(x, &graph(method, x), None), &Silent).unwrap().clone()
        })
        .collect()
}

/// Every map from its own start, turned onto the one before.
fn cold(method: &dyn Embedding, spaces: &[Matrix]) -> Vec<Matrix> {
    let mut maps: Vec<Matrix> = Vec::new();
    for x in spaces {
        let fitted = method.fit_boxed(&cpu(), &space(x, &graph(method, x), None), &Silent).unwrap();
        let map = fitted.embedding();
        let turned =
            maps.last().map(|last| Motion::between(map, last).unwrap().apply(map).unwrap());
        maps.push(turned.unwrap_or_else(|| map.clone()));
    }
    maps
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn warm_starts_move_less_than_cold_ones_and_are_as_good() {
    let spaces = moving();
    for (&Method { name, is_linear, .. }, method) in built() {
        let (warm, cold) = (warm(method.as_ref(), &spaces), cold(method.as_ref(), &spaces));
        let [moved, jumped] = [&warm, &cold].map(|maps| mean(&displacements(maps)[1..]));
        if is_linear {
            assert_eq!(warm, cold);
            continue;
        }
        assert!(moved < 0.8 * jumped, "{name}: {moved} against {jumped}");
        assert_eq!(warm[0], cold[0], "{name}: the first has nothing to start from");
        let quality = |maps: &[Matrix]| {
            let of = |(x, map)| {
                Trustworthiness::new(&cpu(), x, 1, &Silent)
                    .unwrap()
                    .of(&cpu(), map, &Silent)
                    .unwrap()
            };
            mean(&spaces.iter().zip(maps).map(of).collect::<Vec<_>>())
        };
        // Of 400 points the trustworthiness of two good maps differs by some thousandths.
        assert!(
            quality(&warm) > quality(&cold) - 0.01,
            "{name}: {} against {}",
            quality(&warm),
            quality(&cold)
        );
    }
}

/// Distances between some pairs of points.
fn distances(map: &Matrix) -> Vec<f64> {
    let between = |i: usize| {
        let a = map.row(i);
        let b = map.row((i * 7 + 1) % map.n_samples());
        f64::from(a[0] - b[0]).hypot(f64::from(a[1] - b[1]))
    };
    (0..map.n_samples()).map(between).collect()
}

#[track_caller]
fn assert_same_distances(a: &Matrix, b: &Matrix, what: &str) {
    // Places of single precision up to some 100 from the origin.
    let close = |(a, b): (f64, f64)| (a - b).abs() < 1e-4;
    assert!(distances(a).into_iter().zip(distances(b)).all(close), "{what}");
}

#[test]
fn a_map_is_the_fit_from_the_one_before_but_for_a_motion_and_so_is_the_turned_sequence() {
    let spaces = moving();
    for (&Method { name, .. }, method) in built() {
        let mut sequence = Sequence::new(method.as_ref());
        let mut last: Option<Matrix> = None;
        let mut maps = Vec::new();
        for x in &spaces[..3] {
            let neighbors = graph(method.as_ref(), x);
            let fitted =
                method.fit_boxed(&cpu(), &space(x, &neighbors, last.as_ref()), &Silent).unwrap();
            let map = sequence.push(&cpu(), &space(x, &neighbors, None), &Silent).unwrap().clone();
            assert_same_distances(fitted.embedding(), &map, name);
            last = Some(map.clone());
            maps.push(map);
        }
        // The second is turned by half a circle and shifted: then all are.
        let reference =
            Matrix::new(maps[1].as_slice().iter().map(|value| 5.0 - value).collect(), N, 2)
                .unwrap();
        let turned = sequence.turned_onto(1, &reference).unwrap();
        for (before, after) in maps.iter().zip(&turned) {
            assert_same_distances(before, after, name);
            let expected = before.as_slice().iter().map(|value| 5.0 - value);
            assert!(
                after.as_slice().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3),
                "{name}"
            );
        }
    }
}

/// What an untrained or a dead layer answers: the same for many points, or for all.
#[test]
fn equal_points_and_equal_starts_give_finite_maps() {
    let some = normal(9, 120 * 3)
        .into_iter()
        .enumerate()
        .map(|(i, value)| if i / 3 % 4 == 0 { 0.0 } else { value });
    let spaces = [
        Matrix::new(some.collect(), 120, 3).unwrap(),
        Matrix::new(vec![0.0; 360], 120, 3).unwrap(),
        Matrix::new(normal(9, 360), 120, 3).unwrap(),
    ];
    for (&Method { name, .. }, method) in built() {
        // Finite they are if they are there at all: a Matrix holds nothing else.
        let maps = warm(method.as_ref(), &spaces);
        assert_eq!(maps.len(), 3, "{name}");
        let one_place = Matrix::new(vec![1.5; 240], 120, 2).unwrap();
        let fitted = method
            .fit_boxed(
                &cpu(),
                &space(&spaces[2], &graph(method.as_ref(), &spaces[2]), Some(&one_place)),
                &Silent,
            )
            .unwrap();
        let places = fitted.embedding();
        assert!(
            places.rows().skip(1).all(|row| row != places.row(0)),
            "{name}: points that start together stay together"
        );
    }
}

#[test]
fn a_start_of_another_shape_is_refused() {
    let spaces = moving();
    for (&Method { name, .. }, method) in built().filter(|(method, _)| !method.is_linear) {
        let neighbors = graph(method.as_ref(), &spaces[0]);
        let short = Matrix::new(vec![0.0; 20], 10, 2).unwrap();
        let error = method
            .fit_boxed(&cpu(), &space(&spaces[0], &neighbors, Some(&short)), &Silent)
            .unwrap_err();
        assert!(
            error.to_string().contains("10 x 2; the start of this map is 400 x 2"),
            "{name}: {error}"
        );
    }
}

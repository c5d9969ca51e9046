//! Placement of new points: cases whose answer is known, and that a row's place does not depend on
//! its companions.

use crate::support::{LIMITS, assert_same_bytes, devices, groups, squared_distance, uniform};
use layerlens::compute::Device;
use layerlens::embedding::{Embedding, Fitted, METHODS, Method, NewPoints, Space, placement};
use layerlens::matrix::Matrix;
use layerlens::neighbors::{NeighborGraph, nearest_neighbors, nearest_references};
use layerlens::progress::Silent;
use layerlens::random::Random;

fn matrix(places: &[[f32; 2]]) -> Matrix {
    Matrix::new(places.concat(), places.len(), 2).expect("finite")
}

/// Where a point with the first `k` of `places` for neighbours, in that order, is placed.
fn placed(device: &Device, places: &[[f32; 2]], k: usize, h: f32) -> [f32; 2] {
    let graph = NeighborGraph::new((0..k as u32).collect(), vec![1.0; k], k).expect("a graph");
    let placed = placement::transform(device, &matrix(places), &graph, h).expect("a place");
    [placed.row(0)[0], placed.row(0)[1]]
}

fn gap(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

#[test]
fn neighbors_at_one_place_draw_exactly_there() {
    for device in devices(&LIMITS) {
        for place in [[0.1, -0.7], [1e-7, 3e4], [-12.345, 0.0]] {
            for k in [1, 3, 10] {
                assert_eq!(
                    placed(&device, &[place; 10], k, 0.37),
                    place,
                    "{k} neighbours on {device:?}"
                );
            }
        }
    }
}

#[test]
fn the_larger_of_two_islands_wins_and_nothing_lands_between() {
    let noise = uniform(50, 20, -0.3, 0.3);
    // The nearest neighbours are the few on the smaller island.
    let few_first: Vec<[f32; 2]> = (0..10)
        .map(|i| [if i < 3 { 20.0 } else { 0.0 } + noise[2 * i], 5.0 + noise[2 * i + 1]])
        .collect();
    for device in devices(&LIMITS) {
        let place = placed(&device, &few_first, 10, 1.0);
        assert!(gap(place, [0.0, 5.0]) < 1.0, "{place:?} on {device:?}");
        // As if the smaller island were not there, but for the tail of its kernel: 3 / 7 of 20^-3
        // of h.
        let alone = placed(&device, &few_first[3..], 7, 1.0);
        assert!(gap(place, alone) < 1e-3, "{place:?}, alone {alone:?} on {device:?}");
        let [a, b] = [[0.0, 0.0], [8.0, 0.0]];
        assert!(
            gap(placed(&device, &[a, b], 2, 1.0), a) < 0.01,
            "of equals, the nearer neighbour's place"
        );
        assert!(
            gap(placed(&device, &[b, a], 2, 1.0), b) < 0.01,
            "of equals, the nearer neighbour's place"
        );
    }
}

#[test]
fn only_the_first_ten_neighbors_vote() {
    let mut places = vec![[1.0, 2.0]; 10];
    places.extend([[50.0, 50.0]; 30]);
    for device in devices(&LIMITS) {
        assert_eq!(placed(&device, &places, 40, 1.0), [1.0, 2.0]);
    }
}

#[test]
fn the_scale_is_the_median_gap_to_the_first_twelve_neighbors() {
    let n = 101;
    let k = 20;
    let random = Random::new(7, 55);
    let map = Matrix::new(uniform(56, 2 * n, -4.0, 4.0), n, 2).expect("finite");
    // The later in a row, the farther away on average, so that it matters how many count.
    let id =
        |at: usize| ((at / k + 1 + random.bits(at as u64) as usize % (1 + at % k * 5)) % n) as u32;
    let graph =
        NeighborGraph::new((0..n * k).map(id).collect(), vec![1.0; n * k], k).expect("a graph");
    let gaps = |row: usize| graph.neighbors(row)[..12].iter().map(move |&j| (row, j as usize));
    let mut squares: Vec<f64> =
        (0..n).flat_map(gaps).map(|(i, j)| squared_distance(map.row(i), map.row(j))).collect();
    squares.sort_by(f64::total_cmp);
    let expected = squares[squares.len() / 2].sqrt();
    assert!((f64::from(placement::scale(&map, &graph)) / expected - 1.0).abs() < 1e-6);
    assert!(
        placement::scale(&matrix(&[[4.0, 4.0]; 101]), &graph) > 0.0,
        "a width even where all places are one"
    );
}

type NamedMap = (&'static Method, Box<dyn Fitted>);

/// A fitted map of each method, and the points it was fitted to.
fn maps(device: &Device) -> (Matrix, Vec<NamedMap>) {
    let x = groups(51, 4, 40, 20);
    let graph = nearest_neighbors(device, &x, 90, &Silent).expect("neighbours");
    let space = Space { neighbors: Some(&graph), ..Space::new(&x) };
    let fit = |method: &'static Method| {
        let built: Box<dyn Embedding> = (method.build)(&toml::Table::new()).expect("defaults");
        (method, built.fit_boxed(device, &space, &Silent).expect("a map"))
    };
    let maps = METHODS.iter().map(|method| fit(method)).collect();
    (x, maps)
}

fn transform(device: &Device, x: &Matrix, map: &dyn Fitted, new: &Matrix) -> Matrix {
    let graph =
        nearest_references(device, new, x, placement::N_NEIGHBORS, &Silent).expect("neighbours");
    map.transform(device, &NewPoints { x: new, neighbors: &graph }).expect("places")
}

#[test]
fn a_rows_place_does_not_depend_on_its_companions() {
    for device in devices(&LIMITS) {
        let (x, maps) = maps(&device);
        let new = groups(53, 5, 14, 20);
        let n = new.n_samples();
        let order = Random::new(7, 54).permutation(n);
        for (Method { name, .. }, map) in &maps {
            let whole = transform(&device, &x, map.as_ref(), &new);
            let shuffled = transform(&device, &x, map.as_ref(), &new.select(&order));
            assert_same_bytes(
                shuffled.as_slice(),
                whole.select(&order).as_slice(),
                &format!("{name} shuffled on {device:?}"),
            );
            for i in (0..n).step_by(9) {
                let alone = transform(&device, &x, map.as_ref(), &new.select(&[i]));
                assert_same_bytes(
                    alone.as_slice(),
                    whole.row(i),
                    &format!("{name} alone on {device:?}"),
                );
            }
        }
    }
}

#[test]
fn new_points_land_among_their_own_group() {
    for device in devices(&LIMITS[..1]) {
        let (x, maps) = maps(&device);
        // The fitted points themselves, as new ones.
        for (Method { name, .. }, map) in maps.iter().filter(|(method, _)| !method.is_linear) {
            let places = transform(&device, &x, map.as_ref(), &x);
            let found = nearest_references(&device, &places, map.embedding(), 1, &Silent)
                .expect("neighbours");
            let own = found
                .indices()
                .iter()
                .enumerate()
                .filter(|&(i, &j)| i / 40 == j as usize / 40)
                .count();
            assert_eq!(own, 160, "{name} on {device:?}");
        }
    }
}

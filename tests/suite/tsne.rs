//! t-SNE: several perplexities, three dimensions against a formula in double precision, when the
//! grid is taken, the course of a fit, and new points settled by its own objective.

use crate::support::{LIMITS, assert_same_bytes, cpu, devices, groups, uniform, uniform_matrix};
use layerlens::compute::{Buffer, Device};
use layerlens::embedding::init::Init;
use layerlens::embedding::placement::Placement;
use layerlens::embedding::tsne::affinity::Affinities;
use layerlens::embedding::tsne::gradient::{Forces, Graph};
use layerlens::embedding::tsne::optimiser::Outline;
use layerlens::embedding::tsne::repulsion::Repulsor;
use layerlens::embedding::tsne::{Perplexity, Repulsion};
use layerlens::embedding::{Embedding, FittedTsne, NewPoints, Tsne};
use layerlens::matrix::Matrix;
use layerlens::neighbors::{nearest_neighbors, nearest_references};
use layerlens::progress::Silent;
use layerlens::random::Random;

/// Symmetrising is linear: the joint probabilities of several perplexities are the means of those
/// of each.
#[test]
fn several_perplexities_are_averaged() {
    let x = groups(300, 4, 30, 10);
    let perplexities = [3.0, 10.0, 30.0];
    for device in devices(&LIMITS) {
        let graph = nearest_neighbors(&device, &x, 90, &Silent).expect("neighbours");
        let affinities = |perplexities: &[f32]| {
            Affinities::new(&device, &graph, perplexities).expect("affinities")
        };
        let all = affinities(&perplexities);
        let each = perplexities.map(|perplexity| affinities(&[perplexity]));
        for one in &each {
            assert_eq!((&one.row_starts, &one.columns), (&all.row_starts, &all.columns));
            let off =
                one.values.iter().zip(&all.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off > 1e-3, "one perplexity is like all: the case does not tell");
        }
        for (at, &found) in all.values.iter().enumerate() {
            let expected = each.iter().map(|one| f64::from(one.values[at])).sum::<f64>() / 3.0;
            assert!(
                (f64::from(found) - expected).abs() <= 1e-6 * expected + 1e-12,
                "{device:?}: {found}, not {expected}"
            );
        }
    }
    let tsne = Tsne { perplexity: Perplexity::from(perplexities), ..Tsne::default() };
    assert_eq!(tsne.n_neighbors(), 90, "three times the largest");
    let refused = tsne.fit(&cpu(), &uniform_matrix(301, 80, 3)).unwrap_err().to_string();
    assert!(refused.contains("perplexity 30 needs at least 91 points, there are 80"), "{refused}");
}

/// Gradient and divergence in three dimensions in double precision.
fn in_three_dimensions(affinities: &Affinities, y: &[f32], exaggeration: f64) -> (Vec<f64>, f64) {
    let n = affinities.n_samples();
    let place = |i: usize| [0, 1, 2].map(|axis| f64::from(y[3 * i + axis]));
    let step = |i: usize, j: usize| {
        let (a, b) = (place(i), place(j));
        [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
    };
    let q = |d: [f64; 3]| 1.0 / (1.0 + d.iter().map(|d| d * d).sum::<f64>());
    let pairs = || (0..n).flat_map(|i| (0..n).filter(move |&j| j != i).map(move |j| (i, j)));
    let total: f64 = pairs().map(|(i, j)| q(step(i, j))).sum();
    let mut gradient = vec![0.0; 3 * n];
    let mut divergence = 0.0;
    for (i, j) in pairs() {
        let d = step(i, j);
        for axis in 0..3 {
            gradient[3 * i + axis] -= q(d).powi(2) * d[axis] / total;
        }
    }
    for i in 0..n {
        for (j, value) in affinities.row(i) {
            let p = f64::from(value) / n as f64;
            let d = step(i, j as usize);
            for axis in 0..3 {
                gradient[3 * i + axis] += exaggeration * p * q(d) * d[axis];
            }
            divergence += if p > 0.0 { p * (p * total / q(d)).ln() } else { 0.0 };
        }
    }
    (gradient, divergence)
}

#[test]
fn forces_in_three_dimensions_are_those_of_the_formula() {
    let n = 333;
    let x = uniform_matrix(302, n, 6);
    let y = uniform(303, 3 * n, -4.0, 4.0);
    for device in devices(&LIMITS) {
        let graph = nearest_neighbors(&device, &x, 30, &Silent).expect("neighbours");
        let affinities = Affinities::new(&device, &graph, &[10.0]).expect("affinities");
        let graph = Graph::new(&device, &affinities).expect("a graph");
        let places = Buffer::from_slice(&device, "places", &y).expect("places");
        let repulsor = Repulsor::exact(&device, n).expect("room");
        let mut forces = Forces::new(&device, n, 3, repulsor).expect("room");
        let outline = Outline::new(&device, &places, (n, 3)).expect("an outline");
        forces.compute(&device, &graph, &places, &outline).expect("forces");
        for exaggeration in [1.0, 12.0] {
            let (expected, divergence_expected) =
                in_three_dimensions(&affinities, &y, exaggeration);
            let largest = expected.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
            let gradient = forces.gradient(&device, exaggeration as f32).expect("a gradient");
            let off = gradient
                .iter()
                .zip(&expected)
                .map(|(a, b)| (f64::from(*a) - b).abs())
                .fold(0.0, f64::max);
            assert!(
                off <= 2e-5 * largest,
                "{device:?}: gradient off by {:e} of the largest",
                off / largest
            );
            let mut divergence = Buffer::new(&device, "divergence", 1).expect("room");
            forces.divergence(&device, &graph, &places, &mut divergence).expect("a divergence");
            let found = f64::from(divergence.read(&device).expect("a number")[0]);
            assert!(
                (found / divergence_expected - 1.0).abs() <= 1e-5,
                "{device:?}: {found}, not {divergence_expected}"
            );
        }
    }
}

/// Share of the points whose nearest other in the map is of their group of 30.
fn share_of_own_group(map: &Matrix) -> f64 {
    let graph = nearest_neighbors(&cpu(), map, 1, &Silent).expect("neighbours");
    let own =
        graph.indices().iter().enumerate().filter(|&(i, &j)| i / 30 == j as usize / 30).count();
    own as f64 / map.n_samples() as f64
}

#[test]
fn groups_are_apart_in_three_dimensions() {
    let x = groups(304, 6, 30, 20);
    for device in devices(&LIMITS[..1]) {
        let tsne = Tsne {
            perplexity: 10.0.into(),
            n_components: 3,
            init: Init::Random,
            max_iter: 400,
            ..Tsne::default()
        };
        let before = Tsne { max_iter: 1, ..tsne.clone() }.fit(&device, &x).expect("a map");
        assert!(share_of_own_group(before.embedding()) < 0.5, "the start is no map");
        let after = tsne.fit(&device, &x).expect("a map");
        assert_eq!(after.embedding().n_features(), 3);
        assert!(
            share_of_own_group(after.embedding()) > 0.97,
            "{device:?}: {}",
            share_of_own_group(after.embedding())
        );
        let divergence = |map: &FittedTsne| map.result("kl_divergence").expect("a divergence");
        assert!(
            divergence(&after) < 0.5 * divergence(&before),
            "{} before, {}",
            divergence(&before),
            divergence(&after)
        );
    }
}

#[test]
fn the_grid_is_taken_from_two_thousand_points_on_and_in_two_dimensions() {
    let map = |n: usize, n_components: usize, repulsion: Repulsion| {
        let x = groups(305, 4, 500, 5).select(&(0..n).collect::<Vec<_>>());
        let tsne = Tsne {
            perplexity: 5.0.into(),
            max_iter: 5,
            n_components,
            repulsion,
            ..Tsne::default()
        };
        tsne.fit(&cpu(), &x).expect("a map").embedding().as_slice().to_vec()
    };
    for (n, n_components, taken) in
        [(2000, 2, Repulsion::Grid), (1999, 2, Repulsion::Exact), (2000, 3, Repulsion::Exact)]
    {
        let what = format!("{n} points in {n_components} dimensions");
        assert_same_bytes(
            &map(n, n_components, Repulsion::Auto),
            &map(n, n_components, taken),
            &what,
        );
    }
    assert!(
        map(2000, 2, Repulsion::Grid) != map(2000, 2, Repulsion::Exact),
        "the case does not tell"
    );
    let refused = Tsne { repulsion: Repulsion::Grid, n_components: 3, ..Tsne::default() };
    let refused = refused.fit(&cpu(), &uniform_matrix(306, 100, 3)).unwrap_err().to_string();
    assert_eq!(
        refused,
        "repulsion = grid: the grid has two dimensions; in 3 the repulsion is exact"
    );
}

#[test]
fn the_course_of_a_fit_falls_to_its_divergence() {
    let x = groups(307, 4, 30, 10);
    for device in devices(&LIMITS[..1]) {
        let tsne = Tsne {
            perplexity: 10.0.into(),
            max_iter: 320,
            early_exaggeration_iter: 100,
            ..Tsne::default()
        };
        let fitted = tsne.fit(&device, &x).expect("a map");
        let at: Vec<usize> = fitted.course().iter().map(|&(at, _)| at).collect();
        assert_eq!(at, [50, 100, 150, 200, 250, 300, 320]);
        let values: Vec<f64> = fitted.course().iter().map(|&(_, value)| value).collect();
        assert_eq!(fitted.result("kl_divergence"), values.last().copied());
        assert!(
            values[1] > values[2] && values[2] > values[6] && values[6] > 0.0,
            "{device:?}: {values:?}"
        );
    }
}

fn transform(device: &Device, map: &FittedTsne, x: &Matrix, new: &Matrix) -> Matrix {
    let graph = nearest_references(device, new, x, map.n_neighbors_to_place(), &Silent)
        .expect("neighbours");
    map.transform(device, &NewPoints { x: new, neighbors: &graph }).expect("places")
}

#[test]
fn a_settled_row_does_not_depend_on_its_companions() {
    let new = groups(310, 5, 14, 20);
    let n = new.n_samples();
    let order = Random::new(7, 311).permutation(n);
    for n_components in [2, 3] {
        let x = groups(308, 4, 40, 20);
        for device in devices(&LIMITS) {
            let tsne = Tsne {
                perplexity: 10.0.into(),
                max_iter: 100,
                placement: Placement::Optimise,
                n_components,
                ..Tsne::default()
            };
            let map = tsne.fit(&device, &x).expect("a map");
            assert_eq!(map.n_neighbors_to_place(), 15);
            let whole = transform(&device, &map, &x, &new);
            let shuffled = transform(&device, &map, &x, &new.select(&order));
            assert_same_bytes(
                shuffled.as_slice(),
                whole.select(&order).as_slice(),
                &format!("shuffled on {device:?}"),
            );
            for i in (0..n).step_by(9) {
                let alone = transform(&device, &map, &x, &new.select(&[i]));
                assert_same_bytes(alone.as_slice(), whole.row(i), &format!("alone on {device:?}"));
            }
        }
    }
}

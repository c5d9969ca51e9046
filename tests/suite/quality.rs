//! Figures of a map's quality against scikit-learn's and scipy's
//! (`tests/fixtures/make_quality.py`), against the definitions written out in double precision, and
//! where they are known beforehand.

use crate::support::{
    LIMITS, cpu, devices, fixture, groups, squared_distance, uniform, uniform_matrix,
};
use layerlens::compute::Device;
use layerlens::dataset::npy;
use layerlens::embedding::Pca;
use layerlens::evaluation::{Quality, SpaceRanks};
use layerlens::matrix::Matrix;
use layerlens::neighbors::nearest_neighbors;
use layerlens::progress::Silent;

fn images(name: &str) -> Matrix {
    let bytes = npy::read_matrix(fixture(name)).expect("images");
    let values = bytes.as_slice().iter().map(|value| value / 255.0).collect();
    Matrix::new(values, bytes.n_samples(), bytes.n_features()).expect("finite")
}

fn quality(device: &Device, x: &Matrix, map: &Matrix) -> Quality {
    Quality::of(device, x, map, None, 42, &Silent)
        .unwrap_or_else(|error| panic!("{device:?}: {error}"))
}

#[track_caller]
fn near(found: f64, expected: f64, off: f64, what: &str) {
    assert!((found - expected).abs() <= off, "{what}: {found}, not {expected}");
}

#[test]
fn figures_are_those_of_scikit_learn() {
    let text = std::fs::read_to_string(fixture("quality.json")).expect("figures");
    let stored: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let x = images("x_u8.npy");
    let pca = npy::read_matrix(fixture("pca_embedding.npy"));
    let layout = npy::read_matrix(fixture("tsne_layout.npy"));
    let first = x.select(&(0..500).collect::<Vec<_>>());
    for device in devices(&LIMITS[..1]) {
        let on_cpu = matches!(device, Device::Cpu(_));
        for (name, x, map) in [
            ("pca", &x, pca.as_ref().expect("a map")),
            ("layout", &first, layout.as_ref().expect("a map")),
        ] {
            // Software adapters take a minute for a million distances of 784 features.
            if !on_cpu && name == "pca" {
                continue;
            }
            let found = quality(&device, x, map);
            let expected = |figure: &str| stored[name][figure].as_f64().expect("a number");
            let what = |figure: &str| format!("{figure} of {name} on {device:?}");
            assert_eq!(
                (found.n_sampled, found.n_neighbors, found.n_recalled),
                (x.n_samples(), 12, 10)
            );
            // Of 12,000 neighbours a few whose distances round alike swap ranks: one rank is 1e-7.
            near(
                found.trustworthiness,
                expected("trustworthiness"),
                2e-6,
                &what("trustworthiness"),
            );
            near(found.continuity, expected("continuity"), 2e-6, &what("continuity"));
            near(found.neighbor_recall, expected("neighbor_recall"), 4e-4, &what("recall"));
            near(
                found.global_score.expect("a score"),
                expected("global_score"),
                1e-5,
                &what("global score"),
            );
            // 40 triplets a point are a sample: three standard deviations of a share of 20,000.
            near(
                found.random_triplet_accuracy,
                expected("random_triplet_accuracy"),
                0.011,
                &what("triplets"),
            );
            // All pairs of 500 points, a sample of 40,000 of those of 1,000.
            let off = if name == "layout" { 1e-5 } else { 0.01 };
            near(
                found.spearman.expect("a correlation"),
                expected("spearman"),
                off,
                &what("Spearman"),
            );
            assert_eq!(
                (found.n_triplets, found.n_pairs),
                (40 * x.n_samples(), if name == "pca" { 40_000 } else { 124_750 })
            );
        }
        if !on_cpu {
            continue;
        }
        let new = images("x_new_u8.npy");
        let fitted = Pca::default().fit(&device, &x).expect("axes");
        let ranks = SpaceRanks::new(&device, &x, None, 2, 42, &Silent).expect("ranks");
        let ranks = ranks.with_new(&device, &new, 42, &Silent).expect("ranks");
        let placed = fitted.transform(&device, &new).expect("places");
        let of_new = ranks
            .quality(&device, fitted.embedding(), Some(&placed), None, &Silent)
            .expect("figures")
            .of_new;
        let of_new = of_new.expect("figures of new points");
        assert_eq!((of_new.n_sampled, of_new.n_references, of_new.n_neighbors), (250, 1000, 12));
        let expected = stored["pca"]["trustworthiness_of_new"].as_f64().expect("a number");
        near(of_new.trustworthiness, expected, 2e-5, "trustworthiness of new points");
    }
}

/// The other rows in the order of their distance from row `i`, ties by index.
fn order(x: &Matrix, i: usize) -> Vec<usize> {
    let mut others: Vec<usize> = (0..x.n_samples()).filter(|&j| j != i).collect();
    others.sort_by(|&a, &b| {
        squared_distance(x.row(i), x.row(a)).total_cmp(&squared_distance(x.row(i), x.row(b)))
    });
    others
}

/// scikit-learn's formula, by sorting.
fn trustworthiness(x: &Matrix, map: &Matrix, k: usize) -> f64 {
    let n = x.n_samples();
    let mut beyond = 0.0;
    for i in 0..n {
        let ranks = order(x, i);
        for j in order(map, i).into_iter().take(k) {
            let rank = ranks.iter().position(|&other| other == j).expect("another row") + 1;
            beyond += rank.saturating_sub(k) as f64;
        }
    }
    1.0 - 2.0 / (n as f64 * k as f64 * (2.0 * n as f64 - 3.0 * k as f64 - 1.0)) * beyond
}

#[test]
fn figures_of_few_points_and_any_dimensions_are_those_of_the_definitions() {
    for (n, k, recalled) in [(4, 1, 3), (5, 2, 4), (11, 5, 10), (26, 12, 10), (130, 12, 10)] {
        for c in [1, 2, 3, 7] {
            let x = uniform_matrix(80 + c as u64, n, 5);
            let map = uniform_matrix(90, n, c);
            for device in devices(&LIMITS[..1]) {
                let found = quality(&device, &x, &map);
                let what = format!("{n} points in {c} dimensions on {device:?}");
                assert_eq!(
                    (found.n_neighbors, found.n_recalled, found.n_sampled),
                    (k, recalled, n),
                    "{what}"
                );
                near(found.trustworthiness, trustworthiness(&x, &map, k), 1e-12, &what);
                near(found.continuity, trustworthiness(&map, &x, k), 1e-12, &what);
                let hits = (0..n).map(|i| {
                    let (wanted, found) = (order(&x, i), order(&map, i));
                    wanted[..recalled].iter().filter(|id| found[..recalled].contains(id)).count()
                });
                near(
                    found.neighbor_recall,
                    hits.sum::<usize>() as f64 / (n * recalled) as f64,
                    1e-12,
                    &what,
                );
            }
        }
    }
}

#[test]
fn a_map_that_is_the_space_is_perfect() {
    // More points than the sample.
    let x = uniform_matrix(70, 6000, 2);
    let larger = x.as_slice().iter().map(|value| 4.0 * value).collect();
    let map = Matrix::new(larger, 6000, 2).expect("finite");
    let found = quality(&cpu(), &x, &map);
    assert_eq!((found.n_sampled, found.n_triplets, found.n_pairs), (5000, 200_000, 200_000));
    let figures = [
        found.trustworthiness,
        found.continuity,
        found.neighbor_recall,
        found.random_triplet_accuracy,
    ];
    assert_eq!(figures, [1.0; 4]);
    near(found.spearman.expect("a correlation"), 1.0, 1e-12, "Spearman");
    assert_eq!(found.global_score, None, "two components leave no error of two features");
    // A graph that is at hand saves the search, and changes nothing.
    let graph = nearest_neighbors(&cpu(), &x, 15, &Silent).expect("neighbours");
    assert_eq!(Quality::of(&cpu(), &x, &map, Some(&graph), 42, &Silent).expect("figures"), found);
}

#[test]
fn a_map_of_noise_is_as_good_as_chance() {
    let x = groups(71, 6, 1000, 30);
    let map = uniform_matrix(73, 6000, 2);
    let found = quality(&cpu(), &x, &map);
    for (figure, chance) in [
        (found.trustworthiness, 0.5),
        (found.continuity, 0.5),
        (found.neighbor_recall, 10.0 / 5999.0),
        (found.random_triplet_accuracy, 0.5),
        (found.spearman.expect("a correlation"), 0.0),
    ] {
        near(figure, chance, 0.02, &format!("{found:?}"));
    }
    let other = Quality::of(&cpu(), &x, &map, None, 43, &Silent).expect("figures");
    assert_ne!(other.trustworthiness, found.trustworthiness, "another seed, another sample");
    assert_eq!(other.global_score, found.global_score, "of all points");
}

#[test]
fn new_points_beside_their_like_are_trusted_and_others_not() {
    let x = groups(74, 3, 400, 20);
    let fitted = Pca { n_components: 3, ..Pca::default() }.fit(&cpu(), &x).expect("axes");
    let ranks = SpaceRanks::new(&cpu(), fitted.embedding(), None, 3, 1, &Silent).expect("ranks");
    let ranks = ranks.with_new(&cpu(), fitted.embedding(), 1, &Silent).expect("ranks");
    let of_new = |placed: &Matrix| {
        ranks
            .quality(&cpu(), fitted.embedding(), Some(placed), None, &Silent)
            .expect("figures")
            .of_new
            .expect("figures")
            .trustworthiness
    };
    assert_eq!(of_new(fitted.embedding()), 1.0);
    let reversed = fitted.embedding().select(&(0..1200).rev().collect::<Vec<_>>());
    // The middle group stays a group, the others change places.
    near(of_new(&reversed), 0.5, 0.2, "places in reverse");
    let wide = ranks.with_new(&cpu(), &uniform_matrix(75, 4, 5), 1, &Silent).unwrap_err();
    assert_eq!(wide.to_string(), "the new points have 5 features, the fitted ones 3");
}

#[test]
fn degenerate_points_have_finite_figures() {
    let n = 90;
    let equal = Matrix::new(vec![0.3; n * 4], n, 4).expect("finite");
    let map = uniform_matrix(76, n, 2);
    let place = Matrix::new(vec![-7.0; n * 2], n, 2).expect("finite");
    let line = Matrix::new((0..2 * n).map(|at| (at / 2) as f32).collect(), n, 2).expect("finite");
    let copies = groups(77, 3, 1, 4).select(&(0..n).map(|i| i % 3).collect::<Vec<_>>());
    let x = uniform_matrix(78, n, 4);
    for device in devices(&LIMITS[..1]) {
        for (what, x, map) in [
            ("equal points", &equal, &map),
            ("one place", &x, &place),
            ("one place of equal points", &equal, &place),
            ("a map on a line", &x, &line),
            ("three points", &copies, &map),
            ("one feature", &uniform_matrix(79, n, 1), &map),
        ] {
            let found = quality(&device, x, map);
            let shares = [
                found.trustworthiness,
                found.continuity,
                found.neighbor_recall,
                found.random_triplet_accuracy,
            ];
            let shares =
                shares.into_iter().chain(found.global_score).chain(found.spearman.map(f64::abs));
            for share in shares {
                assert!((-1e-9..=1.0 + 1e-9).contains(&share), "{what}: {found:?}");
            }
            assert_eq!(
                found.spearman.is_none(),
                what.contains("equal") || what.contains("one place"),
                "{what}"
            );
        }
        // On a line there is one axis: it explains what a map of it and noise would, at most.
        let one = Matrix::new((0..n).map(|at| at as f32).collect(), n, 1).expect("finite");
        let space = Matrix::new(uniform(81, n * 4, -1.0, 1.0), n, 4).expect("finite");
        assert!(quality(&device, &space, &one).global_score.expect("a score") > 0.0);
    }
}

#[test]
fn maps_that_do_not_fit_are_refused() {
    let refused = |n: usize, rows: usize| {
        Quality::of(
            &cpu(),
            &uniform_matrix(82, n, 3),
            &uniform_matrix(83, rows, 2),
            None,
            1,
            &Silent,
        )
        .unwrap_err()
        .to_string()
    };
    assert_eq!(refused(3, 3), "the quality of a map needs at least 4 points, there are 3");
    assert_eq!(refused(50, 49), "the map is 49 x 2, expected 50 x 2");
}

#[test]
fn the_number_of_threads_changes_no_figure() {
    let x = groups(84, 5, 300, 40);
    let map = uniform_matrix(85, 1500, 2);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| quality(&cpu(), &x, &map))
    };
    assert_eq!(run(1), run(3));
}

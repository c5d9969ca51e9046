//! Points of any size, and one far row beside others: the same answers as at an ordinary size, or a
//! refusal. Powers of two change no digit, so what is found must be what is found at their own
//! size; on every device.

use crate::support::{LIMITS, cpu, devices, groups, normal, squared_distance, uniform};
use layerlens::Error;
use layerlens::clustering::{Dbscan, KMeans, adjusted_rand_score, silhouette_samples};
use layerlens::compute::Device;
use layerlens::embedding::placement::Placement;
use layerlens::embedding::{Fitted, NewPoints, Pca, SavedMap, SvdSolver, Trimap, Tsne, Umap, save};
use layerlens::evaluation::Quality;
use layerlens::matrix::Matrix;
use layerlens::neighbors::{Metric, Search, nearest_neighbors, nearest_references};
use layerlens::progress::Silent;
use layerlens::range;

/// Exponents of sizes at which squares of lengths vanish or overflow in 32-bit floats.
const SIZES: [i32; 5] = [-105, -73, -66, 66, 110];

fn times(x: &Matrix, exponent: i32) -> Matrix {
    let factor = f64::from(exponent).exp2();
    let data = x.as_slice().iter().map(|&value| (f64::from(value) * factor) as f32).collect();
    Matrix::new(data, x.n_samples(), x.n_features()).expect("finite")
}

/// Four groups of 60 in five dimensions about the origin, on a grid of 2^-10, so that no digit is
/// lost at any size.
fn four() -> Matrix {
    let x = groups(40, 4, 60, 5);
    let data = x.as_slice().iter().map(|value| (value * 1024.0).round() / 1024.0).collect();
    Matrix::new(data, 240, 5).expect("finite")
}

/// The rows of `x` and one more, all of whose values are `far`.
fn with_far_row(x: &Matrix, far: f32) -> Matrix {
    let data =
        x.as_slice().iter().copied().chain(std::iter::repeat_n(far, x.n_features())).collect();
    Matrix::new(data, x.n_samples() + 1, x.n_features()).expect("finite")
}

#[track_caller]
fn assert_ratio(found: f64, expected: f64, within: f64, what: &str) {
    assert!((found / expected - 1.0).abs() <= within, "{what}: {found:e}, not {expected:e}");
}

#[test]
fn clusters_and_silhouettes_are_those_of_the_same_points_at_an_ordinary_size() {
    let x = four();
    let classes: Vec<i32> = (0..240).map(|i| i / 60).collect();
    for device in devices(&LIMITS[..1]) {
        let k_means = KMeans { n_clusters: 4.into(), ..KMeans::default() };
        let expected = k_means.fit(&device, &x, &Silent).expect("clusters");
        let dense = Dbscan { eps: 2.0.into(), min_samples: 5 };
        let dense_labels = dense.fit(&device, &x, &Silent).expect("clusters");
        let silhouettes =
            silhouette_samples(&device, &x, &classes, None, &Silent).expect("silhouettes").score();
        assert!(silhouettes > 0.3, "{silhouettes}");
        for exponent in SIZES {
            let scaled = times(&x, exponent);
            let factor = f64::from(exponent).exp2();
            let what = format!("2^{exponent} on {device:?}");
            let found = k_means.fit(&device, &scaled, &Silent).expect("clusters");
            assert_eq!(
                adjusted_rand_score(&expected.labels, &found.labels).expect("agreement"),
                1.0,
                "{what}"
            );
            assert_ratio(found.inertia, expected.inertia * factor * factor, 1e-5, &what);
            for (a, b) in
                found.cluster_centers.as_slice().iter().zip(expected.cluster_centers.as_slice())
            {
                assert!(
                    (f64::from(*a) / factor - f64::from(*b)).abs() < 1e-4,
                    "{what}: {a:e} and {b}"
                );
            }
            assert_eq!(found.predict(&device, &scaled).expect("labels"), found.labels, "{what}");
            let found = Dbscan { eps: (2.0 * factor).into(), ..dense }
                .fit(&device, &scaled, &Silent)
                .expect("clusters");
            assert_eq!(found, dense_labels, "{what}");
            let found = silhouette_samples(&device, &scaled, &classes, None, &Silent)
                .expect("silhouettes")
                .score();
            assert_ratio(found, silhouettes, 1e-6, &what);
        }
    }
}

#[test]
fn neighbours_maps_and_their_quality_are_those_at_an_ordinary_size() {
    let x = four();
    for device in devices(&LIMITS[..1]) {
        let expected = nearest_neighbors(&device, &x, 6, &Silent).expect("neighbours");
        let map = Pca::default().fit(&device, &x).expect("a map");
        let quality = Quality::of(&device, &x, map.embedding(), None, 1, &Silent).expect("quality");
        for exponent in SIZES {
            let scaled = times(&x, exponent);
            let factor = f64::from(exponent).exp2();
            let what = format!("2^{exponent} on {device:?}");
            let found = nearest_neighbors(&device, &scaled, 6, &Silent).expect("neighbours");
            assert_eq!(found.indices(), expected.indices(), "{what}");
            let among =
                nearest_references(&device, &scaled, &scaled, 1, &Silent).expect("neighbours");
            assert_eq!(among.indices(), (0..240).collect::<Vec<u32>>(), "{what}");
            for (a, b) in found.distances().iter().zip(expected.distances()) {
                assert_ratio(f64::from(*a), f64::from(*b) * factor, 1e-6, &what);
            }
            let of_scaled =
                Quality::of(&device, &scaled, &times(map.embedding(), exponent), None, 1, &Silent)
                    .expect("quality");
            assert_ratio(of_scaled.trustworthiness, quality.trustworthiness, 1e-9, &what);
            assert_ratio(
                of_scaled.random_triplet_accuracy,
                quality.random_triplet_accuracy,
                1e-9,
                &what,
            );
            let of = |quality: &Quality| {
                (quality.global_score.expect("a score"), quality.spearman.expect("a correlation"))
            };
            assert_ratio(of(&of_scaled).0, of(&quality).0, 1e-4, &what);
            assert_ratio(of(&of_scaled).1, of(&quality).1, 1e-9, &what);
        }
    }
}

#[test]
fn principal_components_are_those_at_an_ordinary_size() {
    let x = four();
    let folder = tempfile::tempdir().expect("a folder");
    for device in devices(&LIMITS[..1]) {
        for (svd_solver, whiten) in
            [(SvdSolver::Full, false), (SvdSolver::Full, true), (SvdSolver::Randomized, false)]
        {
            let pca = Pca { n_components: 3, svd_solver, whiten, ..Pca::default() };
            let expected = pca.fit(&device, &x).expect("axes");
            for exponent in SIZES {
                let scaled = times(&x, exponent);
                let factor = f64::from(exponent).exp2();
                let what = format!("2^{exponent} on {device:?}, {pca:?}");
                let found = pca.fit(&device, &scaled).expect("axes");
                let unit = if whiten { 1.0 } else { factor };
                for (a, b) in
                    found.embedding().as_slice().iter().zip(expected.embedding().as_slice())
                {
                    assert!(
                        (f64::from(*a) / unit - f64::from(*b)).abs() < 2e-4,
                        "{what}: {a:e} and {b}"
                    );
                }
                for (a, b) in found.explained_variance().iter().zip(expected.explained_variance()) {
                    assert_ratio(*a, b * factor * factor, 1e-4, &what);
                }
                // New points go the same way, from the file too.
                let again = found.transform(&device, &scaled).expect("places");
                assert_eq!(&again, found.embedding(), "{what}");
                let path = folder.path().join("map.safetensors");
                save(&found, &scaled, &path).expect("written");
                let saved = SavedMap::load(&path)
                    .expect("a map")
                    .transform(&device, None, &scaled, &Silent)
                    .expect("places");
                assert_eq!(&saved, found.embedding(), "{what}");
            }
        }
    }
}

/// Squares of distances enter these methods too; a map has no unit, so that it may not depend on
/// the points'.
#[test]
fn maps_do_not_depend_on_the_size_of_the_points() {
    let x = four();
    let rows: Vec<usize> = (0..240).step_by(7).collect();
    for device in devices(&LIMITS[..1]) {
        let tsne = Tsne { perplexity: 15.0.into(), max_iter: 300, ..Tsne::default() };
        let expected =
            tsne.fit(&device, &x).expect("a map").result("kl_divergence").expect("a divergence");
        let trimap = Trimap { max_iter: 100, ..Trimap::default() };
        let few_epochs = Umap { n_epochs: 60.into(), ..Umap::default() };
        let loss = trimap.fit(&device, &x).expect("a map");
        let spread = |map: &Matrix| {
            let means = map.column_means();
            map.rows()
                .map(|row| row.iter().zip(&means).map(|(v, m)| (v - m).powi(2)).sum::<f32>())
                .sum::<f32>()
                .sqrt()
        };
        let umap = few_epochs.fit(&device, &x).expect("a map");
        for exponent in [-105, 110] {
            let scaled = times(&x, exponent);
            let what = format!("2^{exponent} on {device:?}");
            let found = tsne.fit(&device, &scaled).expect("a map");
            assert_ratio(
                found.result("kl_divergence").expect("a divergence"),
                expected,
                0.1,
                &what,
            );
            let found = trimap.fit(&device, &scaled).expect("a map");
            assert_ratio(
                found.result("loss").expect("a loss"),
                loss.result("loss").expect("a loss"),
                0.02,
                &what,
            );
            let factor = f64::from(exponent).exp2();
            let rms = |map: &layerlens::embedding::FittedTrimap| {
                map.result("rms_distance").expect("a distance")
            };
            assert_ratio(rms(&found), rms(&loss) * factor, 1e-4, &what);
            assert_ratio(
                f64::from(found.row_scales()[3]),
                f64::from(loss.row_scales()[3]) * factor,
                1e-4,
                &what,
            );
            let found = few_epochs.fit(&device, &scaled).expect("a map");
            assert_ratio(
                f64::from(spread(found.embedding())),
                f64::from(spread(umap.embedding())),
                0.3,
                &what,
            );
        }
        // Fitted points as new ones come to lie near their own places.
        let near = times(&x, -73);
        let some = near.select(&rows);
        let to_fitted = nearest_references(&device, &some, &near, 60, &Silent).expect("neighbours");
        let new = NewPoints { x: &some, neighbors: &to_fitted };
        let check = |fitted: &dyn Fitted| {
            let places = fitted.transform(&device, &new).expect("places");
            let map = fitted.embedding();
            let size = spread(map) / 240.0_f32.sqrt();
            for (place, &row) in places.rows().zip(&rows) {
                let off = squared_distance(place, map.row(row)).sqrt();
                assert!(
                    off < f64::from(size),
                    "row {row} is {off} from its place in a map of {size} on {device:?}"
                );
            }
        };
        check(
            &Tsne { placement: Placement::Optimise, ..tsne.clone() }
                .fit(&device, &near)
                .expect("a map"),
        );
        check(
            &Trimap { placement: Placement::Optimise, ..trimap.clone() }
                .fit(&device, &near)
                .expect("a map"),
        );
        check(
            &Umap { placement: Placement::Optimise, ..few_epochs.clone() }
                .fit(&device, &near)
                .expect("a map"),
        );
    }
}

/// Whole rows of a sentinel, which many tables hold for what is missing: k-means of what is left
/// must not suffer.
#[test]
fn k_means_beside_a_far_row_finds_the_groups_of_the_others() {
    let x = four();
    let classes: Vec<i32> = (0..240).map(|i| i / 60).collect();
    for device in devices(&LIMITS[..1]) {
        let alone = KMeans { n_clusters: 4.into(), ..KMeans::default() }
            .fit(&device, &x, &Silent)
            .expect("clusters");
        let expected = adjusted_rand_score(&classes, &alone.labels).expect("agreement");
        for far in [-999_999.0, 1e8, 10_f32.powf(10.5), -1e12, 1e16, 1e20, -1e25] {
            let found = KMeans { n_clusters: 5.into(), ..KMeans::default() };
            let found = found.fit(&device, &with_far_row(&x, far), &Silent).expect("clusters");
            let agreement = adjusted_rand_score(&classes, &found.labels[..240]).expect("agreement");
            assert!(
                agreement > expected - 0.02,
                "{far:e} on {device:?}: {agreement}, {expected} without it"
            );
            assert!(!found.labels[..240].contains(&found.labels[240]), "{far:e} on {device:?}");
        }
    }
}

#[test]
fn points_that_no_power_of_two_brings_into_range_are_refused_by_their_row() {
    let x = with_far_row(&four(), 3e37);
    let says = |found: layerlens::Result<()>| {
        let error = found.expect_err("an error");
        assert!(matches!(error, Error::Data(_)), "{error}");
        assert!(error.to_string().starts_with("row 240 is 6.7"), "{error}");
    };
    let device = cpu();
    says(range::check(&x));
    says(nearest_neighbors(&device, &x, 3, &Silent).map(drop));
    says(KMeans::default().fit(&device, &x, &Silent).map(drop));
    if let Some(gpu) = devices(&LIMITS[..1]).get(1) {
        says(Dbscan::default().fit(gpu, &x, &Silent).map(drop));
    }
    says(Pca::default().fit(&device, &x).map(drop));
    says(
        silhouette_samples(&device, &x, &[vec![0; 100], vec![1; 141]].concat(), None, &Silent)
            .map(drop),
    );
    let new = with_far_row(&four(), 1e20);
    let search = Search::default();
    let error = search.check(&new, Some(&four())).expect_err("an error").to_string();
    assert!(error.starts_with("row 240 is 2.2") && error.contains("fitted points"), "{error}");
    assert!(search.check(&with_far_row(&four(), 1e17), Some(&four())).is_ok());
    let zeros = Matrix::new(vec![1.0, 2.0, 0.0, 0.0], 2, 2).expect("finite");
    let cosine = Search { metric: Metric::Cosine, ..Search::default() };
    assert!(
        cosine
            .check(&zeros, None)
            .expect_err("an error")
            .to_string()
            .starts_with("row 1 is all zeros")
    );
}

/// Axes by one-sided Jacobi rotations of the centred columns in double precision (M. Hestenes,
/// "Inversion of matrices by biorthogonalization", 1958), which finds small singular values beside
/// large ones to full relative accuracy.
fn jacobi_axes(x: &Matrix) -> Vec<Vec<f64>> {
    let (n, d) = (x.n_samples(), x.n_features());
    let mut columns: Vec<Vec<f64>> =
        (0..d).map(|j| x.rows().map(|row| f64::from(row[j])).collect()).collect();
    for column in &mut columns {
        let mean = column.iter().sum::<f64>() / n as f64;
        column.iter_mut().for_each(|value| *value -= mean);
    }
    let mut axes: Vec<Vec<f64>> =
        (0..d).map(|j| (0..d).map(|i| f64::from(u8::from(i == j))).collect()).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for _ in 0..60 {
        for p in 0..d {
            for q in p + 1..d {
                let a = dot(&columns[p], &columns[p]);
                let b = dot(&columns[q], &columns[q]);
                let c = dot(&columns[p], &columns[q]);
                if c.abs() <= 1e-15 * (a * b).sqrt() {
                    continue;
                }
                let zeta = (b - a) / (2.0 * c);
                let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
                let cos = 1.0 / (1.0 + t * t).sqrt();
                let sin = cos * t;
                for vectors in [&mut columns, &mut axes] {
                    let (low, high) = vectors.split_at_mut(q);
                    for (u, v) in low[p].iter_mut().zip(&mut high[0]) {
                        (*u, *v) = (cos * *u - sin * *v, sin * *u + cos * *v);
                    }
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..d).collect();
    order.sort_by(|&i, &j| dot(&columns[j], &columns[j]).total_cmp(&dot(&columns[i], &columns[i])));
    order.into_iter().map(|j| axes[j].clone()).collect()
}

/// 20 columns of falling variance, from 4 down to some .1, turned by some rotations.
fn turned(n: usize) -> Matrix {
    let mut data: Vec<f64> = normal(90, n * 20)
        .iter()
        .enumerate()
        .map(|(at, &value)| f64::from(value) * 2.0 * 0.85_f64.powi((at % 20) as i32))
        .collect();
    let angles = uniform(91, 190, 0.0, 3.0);
    let pairs = (0..20).flat_map(|p| (p + 1..20).map(move |q| (p, q)));
    for ((p, q), angle) in pairs.zip(angles) {
        let (sin, cos) = f64::from(angle).sin_cos();
        for row in data.chunks_exact_mut(20) {
            (row[p], row[q]) = (cos * row[p] - sin * row[q], sin * row[p] + cos * row[q]);
        }
    }
    Matrix::new(data.iter().map(|&value| value as f32).collect(), n, 20).expect("finite")
}

#[track_caller]
fn assert_axes(device: &Device, x: &Matrix, svd_solver: SvdSolver, what: &str) {
    let what = format!("{what}, {svd_solver:?} on {device:?}");
    let expected = jacobi_axes(x);
    let found = Pca { n_components: 4, svd_solver, ..Pca::default() }.fit(device, x).expect("axes");
    let mean: Vec<f64> = (0..20)
        .map(|j| x.rows().map(|row| f64::from(row[j])).sum::<f64>() / x.n_samples() as f64)
        .collect();
    for (axis, expected) in expected.iter().take(4).enumerate() {
        let cosine: f64 =
            found.components().row(axis).iter().zip(expected).map(|(&a, b)| f64::from(a) * b).sum();
        assert!(cosine.abs() > 0.9999, "{what}: the cosine of axis {axis} and its own is {cosine}");
        // Places of the first rows, to the digits of the furthest place and of the axis beside the
        // mean.
        let large = mean.iter().map(|mean| mean.abs()).sum::<f64>();
        let place = |row: &[f32]| {
            row.iter()
                .zip(&mean)
                .zip(expected)
                .map(|((&v, m), a)| (f64::from(v) - m) * a)
                .sum::<f64>()
        };
        for i in 0..x.n_samples().min(20) {
            let own = place(x.row(i)) * cosine.signum();
            let off = 0.05 + 1e-6 * place(x.row(i)).abs() + 6e-8 * large;
            let there = f64::from(found.embedding().row(i)[axis]);
            assert!(
                (own - there).abs() < off,
                "{what}: row {i} is at {there}, not {own}, on axis {axis}"
            );
        }
    }
    let again = found.transform(device, x).expect("places");
    assert_eq!(&again, found.embedding(), "{what}");
}

#[test]
fn a_far_row_does_not_spoil_the_axes_of_the_others() {
    let x = turned(600);
    for device in devices(&LIMITS[..1]) {
        for far in [-3e3, 2e4, -999_999.0, 1e8, -1e10, 1e13] {
            for svd_solver in [SvdSolver::Full, SvdSolver::Randomized] {
                assert_axes(
                    &device,
                    &with_far_row(&x, far),
                    svd_solver,
                    &format!("a row of {far:e}"),
                );
            }
        }
        // By the products of rows, where these are fewer than the features.
        let few = with_far_row(&x.select(&(0..15).collect::<Vec<_>>()), -999_999.0);
        assert_axes(&device, &few, SvdSolver::Full, "few rows");
        // Several of them, in different directions.
        let mut data = x.as_slice().to_vec();
        for (row, far) in [(3, 1e5), (77, -3e6), (400, 2e7)] {
            data[row * 20 + row % 20] = far;
        }
        assert_axes(
            &device,
            &Matrix::new(data, 600, 20).expect("finite"),
            SvdSolver::Full,
            "three far values",
        );
    }
}

/// Not a row but a direction outweighs all others.
#[test]
fn axes_behind_a_dominant_direction_are_found() {
    let x = turned(2000);
    let along = uniform(92, 20, -1.0, 1.0);
    let scores = normal(93, 2000);
    let value = |(at, v): (usize, &f32)| {
        f64::from(*v) + 3e3 * f64::from(scores[at / 20]) * f64::from(along[at % 20])
    };
    let data = x.as_slice().iter().enumerate().map(|at| value(at) as f32).collect();
    let x = Matrix::new(data, 2000, 20).expect("finite");
    for device in devices(&LIMITS[..1]) {
        let found = Pca { n_components: 4, ..Pca::default() }.fit(&device, &x).expect("axes");
        for (axis, expected) in jacobi_axes(&x).iter().take(4).enumerate() {
            let cosine: f64 = found
                .components()
                .row(axis)
                .iter()
                .zip(expected)
                .map(|(&a, b)| f64::from(a) * b)
                .sum();
            assert!(
                cosine.abs() > 0.999,
                "on {device:?}: the cosine of axis {axis} and its own is {cosine}"
            );
        }
    }
}

#[test]
fn k_means_numbers_only_the_clusters_that_have_points() {
    for device in devices(&LIMITS[..1]) {
        let x = Matrix::new([5.0, 1.0, 5.0, 9.0, 1.0, -0.0, 0.0].repeat(4), 28, 1).expect("finite");
        let found = KMeans { n_clusters: 9.into(), ..KMeans::default() }
            .fit(&device, &x, &Silent)
            .expect("clusters");
        let mut ids = found.labels.clone();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids, [0, 1, 2, 3], "{device:?}");
        assert_eq!((found.cluster_centers.n_samples(), found.inertia), (4, 0.0), "{device:?}");
        for (row, &label) in x.rows().zip(&found.labels) {
            assert_eq!(found.cluster_centers.row(label as usize)[0], row[0], "{device:?}");
        }
        assert_eq!(found.predict(&device, &x).expect("labels"), found.labels, "{device:?}");
    }
    assert_eq!(layerlens::clustering::n_clusters(&[0, 7, -1, 7, 3]), 3);
}

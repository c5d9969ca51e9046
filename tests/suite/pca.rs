//! PCA beyond the plain projection: its solvers against each other, whitening, the way back, wide
//! and degenerate data.

use crate::support::{
    LIMITS, assert_same_bytes, cpu, devices, fixture, groups, normal, uniform_matrix,
};
use layerlens::dataset::npy;
use layerlens::embedding::{Embedding, FittedPca, METHODS, Pca, SavedMap, SvdSolver, Tsne, save};
use layerlens::matrix::Matrix;
use layerlens::progress::Silent;

fn pca(n_components: usize, svd_solver: SvdSolver) -> Pca {
    Pca { n_components, svd_solver, ..Pca::default() }
}

/// `n` x `d` normal numbers whose variances fall by 30 % a direction, around a mean far from 0.
fn falling(stream: u64, n: usize, d: usize) -> Matrix {
    let rank = 12;
    let scores = normal(stream, n * rank);
    let axes = normal(stream + 1, rank * d);
    let noise = normal(stream + 2, n * d);
    let value = |at: usize| {
        let i = at / d;
        let j = at % d;
        let sum: f32 = (0..rank)
            .map(|r| scores[i * rank + r] * axes[r * d + j] * 0.7_f32.powi(r as i32 / 2))
            .sum();
        50.0 + sum + 0.02 * noise[at]
    };
    Matrix::new((0..n * d).map(value).collect(), n, d).expect("finite")
}

fn product(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

#[track_caller]
fn assert_orthonormal(fitted: &FittedPca, what: &str) {
    let axes = fitted.components();
    for i in 0..axes.n_samples() {
        for j in 0..=i {
            let expected = if i == j { 1.0 } else { 0.0 };
            let found = product(axes.row(i), axes.row(j));
            assert!(
                (found - expected).abs() < 1e-5,
                "{what}: axes {i} and {j} have the product {found}"
            );
        }
    }
}

#[track_caller]
fn assert_same_axes(a: &FittedPca, b: &FittedPca, off: f32, what: &str) {
    for i in 0..a.components().n_samples() {
        let (x, y) = (a.components().row(i), b.components().row(i));
        let apart = x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum::<f32>().sqrt();
        assert!(apart <= off, "{what}: axis {i} is {apart:e} apart");
        let (v, w) = (a.explained_variance()[i], b.explained_variance()[i]);
        assert!((v / w - 1.0).abs() < 1e-5, "{what}: variances {v} and {w}");
        let (v, w) = (a.explained_variance_ratio()[i], b.explained_variance_ratio()[i]);
        assert!((v / w - 1.0).abs() < 1e-5, "{what}: shares {v} and {w}");
    }
}

#[test]
fn the_randomized_solver_finds_the_axes_of_the_full_one() {
    let bytes = npy::read_matrix(fixture("x_u8.npy")).expect("images");
    for device in devices(&LIMITS[..1]) {
        // Rows enough for several blocks, fewer rows than features, and as many axes as there are.
        for (what, x, c) in [
            ("images", &bytes, 5),
            ("tall", &falling(100, 3000, 40), 6),
            ("wide", &falling(103, 60, 3000), 6),
            ("small", &uniform_matrix(106, 30, 6), 6),
        ] {
            let what = format!("{what} on {device:?}");
            let full = pca(c, SvdSolver::Full).fit(&device, x).expect("axes");
            let random = pca(c, SvdSolver::Randomized).fit(&device, x).expect("axes");
            assert_same_axes(&random, &full, 1e-4, &what);
            assert_orthonormal(&full, &what);
            assert_orthonormal(&random, &what);
            let other = Pca { random_state: 7, ..pca(c, SvdSolver::Randomized) }
                .fit(&device, x)
                .expect("axes");
            assert_same_axes(&other, &full, 1e-4, &what);
        }
    }
}

#[test]
fn twenty_thousand_features_are_no_obstacle() {
    let x = falling(110, 60, 20_000);
    for device in devices(&LIMITS[..1]) {
        let full = Pca { n_components: 59, ..Pca::default() }.fit(&device, &x).expect("axes");
        assert_orthonormal(&full, "20,000 features");
        // 59 axes hold 60 points.
        assert!((full.explained_variance_ratio().iter().sum::<f64>() - 1.0).abs() < 1e-5);
        let back = full.inverse_transform(&device, full.embedding()).expect("points");
        let off = back
            .as_slice()
            .iter()
            .zip(x.as_slice())
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(off < 2e-3, "{device:?}: {off} away from values around 50");
        let random = pca(4, SvdSolver::Randomized).fit(&device, &x).expect("axes");
        let few = pca(4, SvdSolver::Full).fit(&device, &x).expect("axes");
        assert_same_axes(&random, &few, 1e-4, "20,000 features");
    }
    let tsne = Tsne { perplexity: 5.0.into(), max_iter: 20, ..Tsne::default() };
    assert_eq!(tsne.fit(&cpu(), &x).expect("a map").embedding().n_samples(), 60);
}

#[test]
fn whitened_axes_have_variance_one() {
    let x = falling(120, 500, 30);
    for device in devices(&LIMITS[..1]) {
        let plain = pca(4, SvdSolver::Full).fit(&device, &x).expect("axes");
        let white = Pca { whiten: true, ..pca(4, SvdSolver::Full) }.fit(&device, &x).expect("axes");
        assert_eq!(plain.components(), white.components());
        assert_eq!(plain.explained_variance(), white.explained_variance());
        for axis in 0..4 {
            let column: Vec<f64> =
                white.embedding().rows().map(|row| f64::from(row[axis])).collect();
            let mean = column.iter().sum::<f64>() / 500.0;
            let variance = column.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 499.0;
            assert!((variance - 1.0).abs() < 1e-4, "{variance}");
            let deviation = plain.explained_variance()[axis].sqrt();
            for (a, b) in plain.embedding().rows().zip(white.embedding().rows()) {
                assert!((f64::from(a[axis]) / deviation - f64::from(b[axis])).abs() < 1e-5);
            }
            let singular = plain.singular_values()[axis];
            assert!(
                (singular.powi(2) / 499.0 / plain.explained_variance()[axis] - 1.0).abs() < 1e-12
            );
        }
        // Whitened or not, the way back leads to the same points.
        let [a, b] = [&plain, &white]
            .map(|fitted| fitted.inverse_transform(&device, fitted.embedding()).expect("points"));
        let off =
            a.as_slice().iter().zip(b.as_slice()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-3, "{off}");
        assert!(
            white.inverse_transform(&device, &uniform_matrix(1, 3, 5)).is_err(),
            "5 dimensions of 4"
        );
    }
}

#[test]
fn the_way_back_loses_what_the_axes_do_not_explain() {
    let x = falling(130, 400, 25);
    for device in devices(&LIMITS[..1]) {
        for c in [1, 3, 25] {
            let fitted = pca(c, SvdSolver::Auto).fit(&device, &x).expect("axes");
            let back = fitted.inverse_transform(&device, fitted.embedding()).expect("points");
            let lost: f64 = back
                .as_slice()
                .iter()
                .zip(x.as_slice())
                .map(|(a, b)| f64::from(a - b).powi(2))
                .sum();
            let total = fitted.explained_variance()[0] / fitted.explained_variance_ratio()[0];
            let unexplained = 1.0 - fitted.explained_variance_ratio().iter().sum::<f64>();
            assert!((lost / 399.0 / total - unexplained).abs() < 1e-6, "{c} axes lose {lost}");
        }
    }
}

#[test]
fn degenerate_data_have_finite_axes() {
    let n = 40;
    let constant: Vec<f32> = uniform_matrix(140, n, 20)
        .as_slice()
        .iter()
        .enumerate()
        .map(|(at, &v)| if at % 20 < 18 { 7.5 } else { v })
        .collect();
    let cases = [
        ("equal points", Matrix::new(vec![0.3; n * 20], n, 20).expect("finite"), 3),
        ("equal wide points", Matrix::new(vec![0.3; n * 200], n, 200).expect("finite"), 3),
        ("constant columns", Matrix::new(constant, n, 20).expect("finite"), 5),
        ("one feature", uniform_matrix(141, n, 1), 1),
        ("two points", uniform_matrix(142, 2, 9), 2),
        ("copies", groups(143, 2, 1, 100).select(&(0..n).map(|i| i % 2).collect::<Vec<_>>()), 6),
    ];
    for device in devices(&LIMITS[..1]) {
        for (what, x, c) in &cases {
            for (svd_solver, whiten) in [
                (SvdSolver::Full, false),
                (SvdSolver::Full, true),
                (SvdSolver::Randomized, true),
                (SvdSolver::Auto, true),
            ] {
                let what = format!("{what}, {svd_solver:?} on {device:?}");
                let fitted = Pca { whiten, ..pca(*c, svd_solver) }
                    .fit(&device, x)
                    .unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_orthonormal(&fitted, &what);
                let numbers =
                    fitted.explained_variance().iter().chain(fitted.explained_variance_ratio());
                assert!(numbers.copied().all(|value| (0.0..1e9).contains(&value)), "{what}");
                let back = fitted.inverse_transform(&device, fitted.embedding()).expect("points");
                if *c == x.n_features() || what.contains("co") {
                    let off = back
                        .as_slice()
                        .iter()
                        .zip(x.as_slice())
                        .map(|(a, b)| (a - b).abs())
                        .fold(0.0, f32::max);
                    assert!(off < 1e-4, "{what}: {off}");
                }
                // No axis is scaled up to what rounding leaves of it.
                if whiten {
                    assert!(
                        fitted.embedding().as_slice().iter().all(|value| value.abs() < 20.0),
                        "{what}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_whitened_map_is_the_same_from_its_file_and_row_by_row() {
    let (x, new) = (falling(150, 300, 70), falling(151, 40, 70));
    let folder = tempfile::tempdir().expect("a folder");
    for device in devices(&LIMITS[..1]) {
        let fitted =
            Pca { whiten: true, ..pca(5, SvdSolver::Auto) }.fit(&device, &x).expect("axes");
        let places = fitted.transform(&device, &new).expect("places");
        let path = folder.path().join("pca.safetensors");
        save(&fitted, &x, &path).expect("written");
        let read = SavedMap::load(&path).expect("read");
        let again = read.transform(&device, None, &new, &Silent).expect("places");
        assert_same_bytes(again.as_slice(), places.as_slice(), "from the file");
        assert_same_bytes(
            read.fitted().embedding().as_slice(),
            fitted.embedding().as_slice(),
            "from the file",
        );
        let shuffled: Vec<usize> = (0..40).map(|i| i * 7 % 40).collect();
        let turned = fitted.transform(&device, &new.select(&shuffled)).expect("places");
        for (at, &row) in shuffled.iter().enumerate() {
            assert_same_bytes(turned.row(at), places.row(row), "in another order");
            let alone = fitted.transform(&device, &new.select(&[row])).expect("a place");
            assert_same_bytes(alone.as_slice(), places.row(row), "alone");
        }
    }
}

#[test]
fn what_no_solver_takes_is_refused() {
    let message = |pca: Pca, n: usize, d: usize| pca.validate(n, d).unwrap_err().to_string();
    let full = message(pca(2, SvdSolver::Full), 6000, 20_000);
    assert!(
        full.contains("at most 5792")
            && full.contains("6000 of 20000")
            && full.contains("randomized"),
        "{full}"
    );
    let many = message(pca(700, SvdSolver::Auto), 6000, 20_000);
    assert!(many.contains("at most 675 components") && many.contains("700"), "{many}");
    assert!(
        pca(2, SvdSolver::Auto).validate(1_000_000, 20_000).is_ok()
            && pca(700, SvdSolver::Auto).validate(5000, 20_000).is_ok()
    );
    let method = METHODS.iter().find(|method| method.name == "pca").expect("PCA");
    let table = toml::Table::from_iter([("svd_solver".to_owned(), "exact".into())]);
    let refused = (method.build)(&table).unwrap_err().to_string();
    assert!(
        refused.contains("svd_solver = \"exact\"") && refused.contains("randomized"),
        "{refused}"
    );
}

//! Clusters against those of scikit-learn, stored in `tests/fixtures`, against closed forms, and
//! what holds whatever the data; on every device.

use crate::support::{
    LIMITS, cpu, devices, fixture, groups, normal, squared_distance, uniform_matrix,
};
use layerlens::Error;
use layerlens::clustering::{
    Contingency, Dbscan, Hdbscan, KDistance, KMeans, NOISE, adjusted_rand_score, n_clusters,
    silhouette_samples, silhouette_score,
};
use layerlens::dataset::npy;
use layerlens::matrix::Matrix;
use layerlens::progress::Silent;
use serde_json::Value;

/// What scikit-learn found, written by make_clusters.py.
pub fn reference() -> Value {
    serde_json::from_str(&std::fs::read_to_string(fixture("clusters.json")).expect("clusters"))
        .expect("JSON")
}

pub fn whole_numbers(value: &Value) -> Vec<i32> {
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(|number| number.as_i64().expect("a whole number") as i32)
        .collect()
}

pub fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// The first two principal components of 1,000 images.
pub fn plane() -> Matrix {
    npy::read_matrix(fixture("pca_embedding.npy")).expect("places")
}

pub fn images() -> Matrix {
    let bytes = npy::read_matrix(fixture("x_u8.npy")).expect("images");
    Matrix::new(
        bytes.as_slice().iter().map(|value| value / 255.0).collect(),
        bytes.n_samples(),
        bytes.n_features(),
    )
    .expect("finite")
}

pub fn matrix(values: Vec<f32>, d: usize) -> Matrix {
    let n = values.len() / d;
    Matrix::new(values, n, d).expect("finite")
}

#[test]
fn k_means_finds_the_inertia_and_the_clusters_of_scikit_learn() {
    let (x, reference) = (plane(), reference());
    let scalars: Value =
        serde_json::from_str(&std::fs::read_to_string(fixture("reference.json")).expect("scalars"))
            .expect("JSON");
    let expected: Vec<i32> = npy::read_labels(fixture("kmeans_labels.npy"))
        .expect("labels")
        .into_iter()
        .map(|label| label as i32)
        .collect();
    for device in devices(&LIMITS) {
        let found = KMeans { n_clusters: 5.into(), ..KMeans::default() }
            .fit(&device, &x, &Silent)
            .expect("clusters");
        let inertia = number(&scalars["kmeans_k5_inertia"]);
        assert!(
            (found.inertia / inertia - 1.0).abs() < 1e-3,
            "{device:?}: {}, not {inertia}",
            found.inertia
        );
        // The same minimum, up to points in the middle between two centres.
        let agreement = adjusted_rand_score(&expected, &found.labels).expect("agreement");
        assert!(agreement > 0.99, "{device:?}: {agreement}");
    }
    let of_images = KMeans { n_clusters: 10.into(), ..KMeans::default() }
        .fit(&cpu(), &images(), &Silent)
        .expect("clusters");
    let best = number(&reference["kmeans_784_k10_inertia"]);
    assert!(
        of_images.inertia < 1.005 * best,
        "{}, scikit-learn's best of 60 is {best}",
        of_images.inertia
    );
}

#[test]
fn k_means_ends_at_means_of_nearest_points() {
    let x = groups(11, 6, 50, 7);
    for device in devices(&LIMITS) {
        let found = KMeans { n_clusters: 6.into(), tol: 0.0, ..KMeans::default() }
            .fit(&device, &x, &Silent)
            .expect("clusters");
        let centers = &found.cluster_centers;
        let mut inertia = 0.0;
        for (row, &label) in x.rows().zip(&found.labels) {
            let own = squared_distance(row, centers.row(label as usize));
            inertia += own;
            assert!(
                centers.rows().all(|center| squared_distance(row, center) >= own * (1.0 - 1e-5)),
                "a nearer centre"
            );
        }
        assert!(
            (found.inertia / inertia - 1.0).abs() < 1e-5,
            "{device:?}: {} is not {inertia}",
            found.inertia
        );
        for cluster in 0..6 {
            let members: Vec<&[f32]> = x
                .rows()
                .zip(&found.labels)
                .filter(|(_, label)| **label == cluster)
                .map(|(row, _)| row)
                .collect();
            for axis in 0..7 {
                let mean = members.iter().map(|row| f64::from(row[axis])).sum::<f64>()
                    / members.len() as f64;
                let found = f64::from(centers.row(cluster as usize)[axis]);
                assert!(
                    (found - mean).abs() < 1e-5,
                    "{device:?}: centre {cluster} has {found}, not {mean}"
                );
            }
        }
        assert_eq!(found.predict(&device, &x).expect("labels"), found.labels, "{device:?}");
    }
}

#[test]
fn a_predicted_cluster_does_not_depend_on_its_companions() {
    let x = groups(13, 5, 40, 20);
    let new = uniform_matrix(14, 67, 20);
    for device in devices(&LIMITS) {
        let found = KMeans { n_clusters: 9.into(), n_init: 1, ..KMeans::default() }
            .fit(&device, &x, &Silent)
            .expect("clusters");
        let together = found.predict(&device, &new).expect("labels");
        for (row, &label) in together.iter().enumerate() {
            assert_eq!(
                found.predict(&device, &new.select(&[row])).expect("a label"),
                [label],
                "{device:?}: row {row}"
            );
        }
        assert!(matches!(found.predict(&device, &uniform_matrix(1, 3, 19)), Err(Error::Data(_))));
    }
}

#[test]
fn k_means_of_duplicates_and_of_as_many_clusters_as_points() {
    for device in devices(&LIMITS) {
        let fit = |x: &Matrix, k: usize| {
            KMeans { n_clusters: k.into(), ..KMeans::default() }
                .fit(&device, x, &Silent)
                .expect("clusters")
        };
        let same = fit(&matrix(vec![3.0; 24], 2), 4);
        assert_eq!((same.inertia, same.labels), (0.0, vec![0; 12]), "{device:?}");
        let one = fit(&matrix(vec![5.0, 6.0], 2), 1);
        assert_eq!((one.labels, one.cluster_centers.as_slice()), (vec![0], &[5.0, 6.0][..]));
        // Five places, some of them several times: as many clusters have no inertia.
        let places = fit(&matrix([0.0, 9.0, 0.0, 4.0, 4.0, 7.0, 2.0, 9.0].repeat(3), 1), 5);
        assert!(places.inertia < 1e-9 && n_clusters(&places.labels) == 5, "{device:?}: {places:?}");
        let all = fit(&uniform_matrix(3, 17, 3), 17);
        assert!(all.inertia < 1e-9, "{device:?}: {}", all.inertia);
    }
}

#[test]
fn dbscan_finds_the_clusters_and_the_numbers_of_scikit_learn() {
    let (x, reference) = (plane(), reference());
    let bytes = std::fs::read(fixture("dbscan_labels.npy")).expect("labels");
    let expected: Vec<i32> =
        npyz::NpyFile::new(&bytes[..]).expect("labels").into_vec().expect("whole numbers");
    for device in devices(&LIMITS[..1]) {
        let found = Dbscan { eps: 0.35.into(), min_samples: 10 }
            .fit(&device, &x, &Silent)
            .expect("clusters");
        assert_eq!((found.n_clusters, found.n_noise()), (8, 794), "{device:?}");
        assert_eq!(found.labels, expected, "{device:?}");
        let found = Dbscan { eps: 5.0.into(), min_samples: 6 }
            .fit(&device, &images(), &Silent)
            .expect("clusters");
        assert_eq!(found.labels, whole_numbers(&reference["dbscan_784"]["labels"]), "{device:?}");
    }
}

/// DBSCAN by its definition, with all distances in double precision and clusters grown in
/// scikit-learn's order.
fn dbscan_by_definition(x: &Matrix, eps: f64, min_samples: usize) -> Vec<i32> {
    let n = x.n_samples();
    let near =
        |i: usize| (0..n).filter(move |&j| squared_distance(x.row(i), x.row(j)) <= eps * eps);
    let core: Vec<bool> = (0..n).map(|i| near(i).count() >= min_samples).collect();
    let mut labels = vec![NOISE; n];
    let mut next = 0;
    for first in 0..n {
        if labels[first] != NOISE || !core[first] {
            continue;
        }
        let mut stack = vec![first];
        while let Some(i) = stack.pop() {
            if labels[i] == NOISE {
                labels[i] = next;
                if core[i] {
                    stack.extend(near(i).filter(|&j| labels[j] == NOISE));
                }
            }
        }
        next += 1;
    }
    labels
}

#[test]
fn dbscan_is_its_definition_over_many_blocks() {
    // Chains that reach through many blocks, groups of other densities, noise, and every point of a
    // lattice at the radius.
    let chain: Vec<f32> =
        (0..900).flat_map(|i| [i as f32 * 0.05, (i as f32 * 0.02).sin()]).collect();
    let cloud = |stream, n: usize, scale: f32, off: f32| -> Vec<f32> {
        normal(stream, 2 * n).iter().map(|v| v * scale + off).collect()
    };
    let mixed =
        [chain, cloud(1, 700, 0.3, 6.0), cloud(2, 500, 1.2, -4.0), cloud(3, 60, 9.0, 0.0)].concat();
    let lattice: Vec<f32> = (0..1600)
        .flat_map(|i| [(i % 40) as f32 * 3.0, (i / 40) as f32 * if i % 7 == 0 { 3.5 } else { 3.0 }])
        .collect();
    let wide = groups(5, 12, 100, 19);
    for (what, x, eps, min_samples) in [
        ("mixed", matrix(mixed.clone(), 2), 0.11, 4),
        ("mixed, coarse", matrix(mixed.clone(), 2), 0.6, 12),
        ("mixed, one cluster", matrix(mixed.clone(), 2), 40.0, 5),
        ("mixed, all noise", matrix(mixed.clone(), 2), 1e-4, 2),
        (
            "mixed, far from the origin",
            matrix(mixed.iter().map(|v| v + 4096.0).collect(), 2),
            0.11,
            4,
        ),
        ("mixed, one far away", matrix([mixed.clone(), vec![1e9, -1e9]].concat(), 2), 0.11, 4),
        (
            "mixed, few far away",
            matrix([mixed.clone(), vec![1e5, 0.0, 1e5, 0.05, 0.0, 3e7, 2e5, 9.0]].concat(), 2),
            0.11,
            2,
        ),
        ("lattice", matrix(lattice, 2), 3.0, 4),
        ("wide", wide, 3.6, 6),
    ] {
        let expected = dbscan_by_definition(&x, eps, min_samples);
        let found =
            Dbscan { eps: eps.into(), min_samples }.fit(&cpu(), &x, &Silent).expect("clusters");
        assert_eq!(found.labels, expected, "{what}: {} clusters", found.n_clusters);
        for device in devices(&LIMITS[..1]).into_iter().skip(1) {
            // In single precision a pair at the very radius may fall on either side; none of these
            // is but those of the lattice, whose squares are whole.
            let found = Dbscan { eps: eps.into(), min_samples }
                .fit(&device, &x, &Silent)
                .expect("clusters");
            assert_eq!(found.labels, expected, "{what} on {device:?}");
        }
    }
}

#[test]
fn dbscan_of_duplicates_one_point_and_separate_groups() {
    for device in devices(&LIMITS) {
        let fit = |values: Vec<f32>, eps: f64, min_samples| {
            Dbscan { eps: eps.into(), min_samples }
                .fit(&device, &matrix(values, 1), &Silent)
                .expect("clusters")
                .labels
        };
        assert_eq!(fit(vec![7.0], 0.5, 1), [0], "{device:?}");
        assert_eq!(fit(vec![7.0], 0.5, 2), [NOISE], "{device:?}");
        assert_eq!(fit(vec![2.0; 1000], 1e-6, 1000), vec![0; 1000], "{device:?}");
        assert_eq!(fit(vec![2.0; 1000], 1e-6, 1001), vec![NOISE; 1000], "{device:?}");
        // The point itself counts; the border point 1 is reached by both clusters and takes the
        // lower number.
        assert_eq!(
            fit(vec![0.0, 1.0, 2.0, -0.5, 2.5, -1.0, 3.0], 1.0, 4),
            [0, 0, 1, 0, 1, 0, 1],
            "{device:?}"
        );
        assert_eq!(fit(vec![0.0, 5.0, 0.2, 5.2, 100.0], 0.5, 2), [0, 1, 0, 1, NOISE], "{device:?}");
    }
}

#[test]
fn clusters_do_not_depend_on_the_number_of_threads() {
    let x = groups(21, 9, 400, 12);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let k_means = KMeans { n_clusters: 12.into(), n_init: 2, ..KMeans::default() }
                .fit(&cpu(), &x, &Silent)
                .expect("clusters");
            let dbscan = Dbscan { eps: 2.9.into(), min_samples: 5 }
                .fit(&cpu(), &x, &Silent)
                .expect("clusters");
            let silhouette = silhouette_samples(&cpu(), &x, &k_means.labels, None, &Silent)
                .expect("silhouettes");
            let bits: Vec<u32> = k_means
                .cluster_centers
                .as_slice()
                .iter()
                .chain(&silhouette.values)
                .map(|value| value.to_bits())
                .collect();
            (k_means.labels, k_means.inertia.to_bits(), dbscan, bits)
        })
    };
    let one = run(1);
    assert!(
        one.2.n_clusters > 1 && one.2.n_noise() > 0,
        "{} clusters, {} noise",
        one.2.n_clusters,
        one.2.n_noise()
    );
    assert!(run(2) == one && run(5) == one);
}

#[test]
fn hdbscan_finds_the_clusters_of_scikit_learn() {
    let (x, reference) = (plane(), reference());
    for (name, job) in [
        ("hdbscan_15_None", Hdbscan { min_cluster_size: 15, ..Hdbscan::default() }),
        (
            "hdbscan_10_4",
            Hdbscan { min_cluster_size: 10, min_samples: 4.into(), ..Hdbscan::default() },
        ),
        ("hdbscan_5_None", Hdbscan::default()),
    ] {
        let found = job.fit(&x).expect("clusters");
        let expected = whole_numbers(&reference[name]["labels"]);
        // Many reachability distances are equal, and which of equal edges the spanning tree takes
        // is free: a few points at the edges of clusters may differ, and a cluster at the limit of
        // its size.
        let agreement = adjusted_rand_score(&expected, &found).expect("a score");
        assert!(agreement > 0.95, "{name}: {agreement}");
        assert!(
            n_clusters(&found).abs_diff(n_clusters(&expected)) <= 1,
            "{name}: {} clusters",
            n_clusters(&found)
        );
    }
    let joined =
        Hdbscan { cluster_selection_epsilon: 0.5, ..Hdbscan::default() }.fit(&x).expect("clusters");
    let apart = Hdbscan::default().fit(&x).expect("clusters");
    assert!(
        n_clusters(&joined) < n_clusters(&apart),
        "{} of {} clusters",
        n_clusters(&joined),
        n_clusters(&apart)
    );
    let same = Hdbscan::default().fit(&matrix(vec![1.0; 40], 2)).expect("clusters");
    assert_eq!(same, [NOISE; 20]);
}

#[test]
fn the_k_distance_curve_is_that_of_scikit_learn_and_its_knee_separates_noise() {
    let expected = reference()["k_distance_784_10"]
        .as_array()
        .expect("a curve")
        .iter()
        .map(number)
        .collect::<Vec<f64>>();
    for device in devices(&LIMITS[..1]) {
        let curve = KDistance::new(&device, &images(), 10, &Silent).expect("a curve");
        for (found, expected) in curve.distances.iter().step_by(50).zip(&expected) {
            assert!(
                (f64::from(*found) / expected - 1.0).abs() < 1e-5,
                "{device:?}: {found}, not {expected}"
            );
        }
        // 300 points in dense groups, 20 far from all: DBSCAN with the suggestion tells them apart.
        let dense = groups(31, 3, 100, 4);
        let far = (0..20).flat_map(|i| [100.0 + 50.0 * i as f32, 0.0, 0.0, 0.0]);
        let x = matrix(dense.as_slice().iter().copied().chain(far).collect(), 4);
        let eps = KDistance::new(&device, &x, 4, &Silent)
            .expect("a curve")
            .suggested_eps
            .expect("a radius");
        let found = Dbscan { eps: f64::from(eps).into(), min_samples: 4 }
            .fit(&device, &x, &Silent)
            .expect("clusters");
        assert!(found.labels[300..].iter().all(|&label| label == NOISE), "{device:?}: eps {eps}");
        assert!(found.n_noise() < 40, "{device:?}: eps {eps}, {} noise", found.n_noise());
    }
    let same = KDistance::new(&cpu(), &matrix(vec![1.0; 9], 1), 3, &Silent).expect("a curve");
    assert_eq!(same.suggested_eps, None);
}

#[test]
fn what_cannot_be_clustered_is_refused_with_the_reason() {
    let x = uniform_matrix(1, 10, 2);
    let k_means = |job: KMeans| job.fit(&cpu(), &x, &Silent).map(|_| ());
    let dbscan = |eps: f64, min_samples| {
        Dbscan { eps: eps.into(), min_samples }.fit(&cpu(), &x, &Silent).map(|_| ())
    };
    let hdbscan = |job: Hdbscan| job.fit(&x).map(|_| ());
    let parameters = [
        (k_means(KMeans { n_clusters: 0.into(), ..KMeans::default() }), "n_clusters = 0"),
        (k_means(KMeans { n_init: 0, ..KMeans::default() }), "n_init = 0"),
        (k_means(KMeans { max_iter: 0, ..KMeans::default() }), "max_iter = 0"),
        (k_means(KMeans { tol: f64::NAN, ..KMeans::default() }), "tol = NaN"),
        (dbscan(0.0, 4), "eps = 0"),
        (dbscan(-1.0, 4), "eps = -1"),
        (dbscan(f64::INFINITY, 4), "eps = inf"),
        (dbscan(1.0, 0), "min_samples = 0"),
        (hdbscan(Hdbscan { min_cluster_size: 1, ..Hdbscan::default() }), "min_cluster_size = 1"),
        (hdbscan(Hdbscan { min_samples: 0.into(), ..Hdbscan::default() }), "min_samples = 0"),
        (
            hdbscan(Hdbscan { cluster_selection_epsilon: -0.1, ..Hdbscan::default() }),
            "cluster_selection_epsilon = -0.1",
        ),
        (KDistance::new(&cpu(), &x, 1, &Silent).map(|_| ()), "min_samples = 1"),
    ];
    for (outcome, expected) in parameters {
        let error = outcome.expect_err(expected);
        assert!(
            matches!(error, Error::Parameter { .. }) && error.to_string().contains(expected),
            "{error}"
        );
    }
    let far = matrix(vec![0.0, 3e38, -3e38, 1.0, 2.0, 1e38], 1);
    let data = [
        (k_means(KMeans { n_clusters: 11.into(), ..KMeans::default() }), "at most 10"),
        (
            KMeans { n_clusters: 2.into(), ..KMeans::default() }
                .fit(&cpu(), &far, &Silent)
                .map(|_| ()),
            "row 1 is 3.00e38 from",
        ),
        (hdbscan(Hdbscan { min_samples: 11.into(), ..Hdbscan::default() }), "at least 11 points"),
        (Hdbscan::default().validate(131_073, 1), "at most 131072 points, "),
        (
            Hdbscan::default().fit(&uniform_matrix(1, 4097, 1024)).map(|_| ()),
            "at most 4096 points of 1024 features",
        ),
        (KDistance::new(&cpu(), &x, 11, &Silent).map(|_| ()), "no 11-th point"),
        (Contingency::new(&[0, 1], &[0], 2).map(|_| ()), "2 labels for 1 clustered points"),
        (Contingency::new(&[0, 2], &[0, 1], 2).map(|_| ()), "row 1 has the label 2"),
        (adjusted_rand_score(&[], &[]).map(|_| ()), "no points"),
        (
            silhouette_score(&cpu(), &x, &[0; 10], &Silent).map(|_| ()),
            "between 2 and 9 clusters, there are 1",
        ),
        (
            silhouette_score(&cpu(), &x, &(0..10).collect::<Vec<i32>>(), &Silent).map(|_| ()),
            "there are 10",
        ),
        (silhouette_score(&cpu(), &x, &[0, 1], &Silent).map(|_| ()), "2 labels for 10 points"),
    ];
    for (outcome, expected) in data {
        let error = outcome.expect_err(expected);
        assert!(matches!(error, Error::Data(_)) && error.to_string().contains(expected), "{error}");
    }
    // Distances that overflow in f32 are still told apart.
    let found =
        Dbscan { eps: 10.0.into(), min_samples: 3 }.fit(&cpu(), &far, &Silent).expect("clusters");
    assert_eq!(found.labels, [0, NOISE, NOISE, 0, 0, NOISE]);
}

//! What holds whatever the data and however many threads there are.

use crate::support::{LIMITS, assert_same_bytes, cpu, devices, groups, uniform_matrix};
use layerlens::compute::Device;
use layerlens::embedding::tsne::affinity::Affinities;
use layerlens::embedding::{Embedding, NewPoints, Pca, Tsne, placement};
use layerlens::matrix::Matrix;
use layerlens::neighbors::{nearest_neighbors, nearest_references};
use layerlens::progress::Silent;

#[test]
fn the_number_of_threads_changes_no_byte() {
    // More rows than one block of any kernel, and no multiple of any.
    let x = groups(60, 7, 150, 40);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let graph = nearest_neighbors(&cpu(), &x, 90, &Silent).expect("neighbours");
            let pca =
                Pca { n_components: 5, ..Pca::default() }.fit(&cpu(), &x).expect("components");
            let map = Tsne { max_iter: 60, early_exaggeration_iter: 30, ..Tsne::default() }
                .fit(&cpu(), &x)
                .expect("a map");
            (graph, pca, map)
        })
    };
    let one = run(1);
    for threads in [2, 5] {
        let more = run(threads);
        assert_eq!(more.0.indices(), one.0.indices());
        assert_same_bytes(more.0.distances(), one.0.distances(), "distances");
        assert_same_bytes(more.1.embedding().as_slice(), one.1.embedding().as_slice(), "PCA");
        assert_same_bytes(more.1.components().as_slice(), one.1.components().as_slice(), "axes");
        assert_same_bytes(more.2.embedding().as_slice(), one.2.embedding().as_slice(), "t-SNE");
        assert_eq!(more.2.results(), one.2.results());
    }
}

/// Fits and transforms; a map is finite by its type, so what is left to see is that there is one,
/// and its divergence.
fn fits(device: &Device, x: &Matrix, tsne: &Tsne, what: &str) {
    let what = format!("{what} on {device:?}");
    let pca = Pca { n_components: 1, ..Pca::default() }
        .fit(device, x)
        .unwrap_or_else(|error| panic!("PCA of {what}: {error}"));
    assert!(
        pca.explained_variance()
            .iter()
            .chain(pca.explained_variance_ratio())
            .all(|value| value.is_finite()),
        "{what}"
    );
    let graph = nearest_neighbors(device, x, tsne.n_neighbors(), &Silent)
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    let affinities = Affinities::new(device, &graph, tsne.perplexity.values()).expect("affinities");
    let total: f64 = affinities.values.iter().map(|&value| f64::from(value)).sum();
    // Each row's conditional probabilities sum to 1, up to the rounding of 90 of them.
    assert!(
        (total / x.n_samples() as f64 - 1.0).abs() < 1e-5,
        "{what}: affinities sum to {total} of {}",
        x.n_samples()
    );
    let map = tsne.fit(device, x).unwrap_or_else(|error| panic!("t-SNE of {what}: {error}"));
    assert!(
        map.results().iter().all(|(_, value)| value.is_finite()),
        "{what}: {:?}",
        map.results()
    );
    let new = nearest_references(device, x, x, placement::N_NEIGHBORS.min(x.n_samples()), &Silent)
        .expect("neighbours");
    map.transform(device, &NewPoints { x, neighbors: &new })
        .unwrap_or_else(|error| panic!("transform of {what}: {error}"));
}

fn scaled(x: &Matrix, factor: f32) -> Matrix {
    Matrix::new(
        x.as_slice().iter().map(|value| value * factor).collect(),
        x.n_samples(),
        x.n_features(),
    )
    .expect("finite")
}

#[test]
fn degenerate_data_give_a_finite_map() {
    let n = 120;
    let half_equal = groups(61, 2, 60, 20)
        .select(&(0..n).map(|i| if i < 70 { 3 } else { i }).collect::<Vec<_>>());
    // More copies than the perplexity, fewer than the neighbours looked at: no width gives the
    // perplexity.
    let copies = groups(61, 2, 4, 20).select(&(0..n).map(|i| i / 15).collect::<Vec<_>>());
    let constant: Vec<f32> = uniform_matrix(62, n, 20)
        .as_slice()
        .iter()
        .enumerate()
        .map(|(at, &v)| if at % 20 < 15 { 7.5 } else { v })
        .collect();
    let cases = [
        ("equal points", Matrix::new(vec![0.3; n * 20], n, 20).expect("finite")),
        ("equal points of one feature", Matrix::new(vec![-4.0; n], n, 1).expect("finite")),
        ("one feature", uniform_matrix(63, n, 1)),
        (
            "one feature, two values",
            Matrix::new((0..n).map(|i| (i % 2) as f32).collect(), n, 1).expect("finite"),
        ),
        ("constant columns", Matrix::new(constant, n, 20).expect("finite")),
        ("half of the points equal", half_equal),
        ("15 of each point", copies.clone()),
        ("15 of each point, tiny", scaled(&copies, 1e-12)),
        ("15 of each point, as small as squares allow", scaled(&copies, 1e-18)),
        ("15 of each point, huge", scaled(&copies, 1e16)),
        (
            "one point apart",
            Matrix::new((0..n).map(|i| if i == 5 { 1e6 } else { 0.0 }).collect(), n, 1)
                .expect("finite"),
        ),
    ];
    for device in devices(&LIMITS[..1]) {
        // A software adapter takes a second for what a CPU does in a few milliseconds.
        let max_iter = if matches!(device, Device::Cpu(_)) { 300 } else { 120 };
        let tsne = Tsne { perplexity: 10.0.into(), max_iter, ..Tsne::default() };
        for (what, x) in &cases {
            fits(&device, x, &tsne, what);
        }
    }
}

#[test]
fn thousands_of_duplicates_give_a_finite_map() {
    let tsne = Tsne { max_iter: 40, early_exaggeration_iter: 20, ..Tsne::default() };
    for device in devices(&LIMITS[..1]) {
        // Software adapters take half a minute for what a CPU does in one second.
        let n = if matches!(device, Device::Cpu(_)) { 6000 } else { 1200 };
        let x = groups(64, 3, 1, 20).select(&(0..n).map(|i| i * 7 % 3).collect::<Vec<_>>());
        fits(&device, &x, &tsne, &format!("3 points in {n} rows"));
    }
}

#[test]
fn the_fewest_points_give_a_finite_map() {
    for device in devices(&LIMITS[..1]) {
        for (n, perplexity) in [(4, 1.0), (5, 1.3), (7, 2.0)] {
            fits(
                &device,
                &uniform_matrix(65, n, 3),
                &Tsne { perplexity: perplexity.into(), ..Tsne::default() },
                &format!("{n} points"),
            );
        }
    }
}

#[test]
fn too_few_points_are_refused_with_the_largest_perplexity() {
    let message = |n: usize, perplexity: f32| {
        let tsne = Tsne { perplexity: perplexity.into(), ..Tsne::default() };
        tsne.fit(&cpu(), &uniform_matrix(66, n, 3)).unwrap_err().to_string()
    };
    assert_eq!(
        message(90, 30.0),
        "t-SNE with perplexity 30 needs at least 91 points, there are 90; the largest perplexity \
         for 90 is 29.7"
    );
    assert_eq!(
        message(3, 1.0),
        "t-SNE with perplexity 1 needs at least 4 points, there are 3; 4 are the fewest"
    );
    assert_eq!(message(90, 200.0), "perplexity = 200: between 1 and 168");
    assert_eq!(message(90, f32::NAN), "perplexity = NaN: between 1 and 168");
    assert_eq!(message(90, 0.5), "perplexity = 0.5: between 1 and 168");
    let fitted = Tsne { perplexity: 29.6.into(), max_iter: 1, ..Tsne::default() }
        .fit(&cpu(), &uniform_matrix(66, 90, 3));
    assert_eq!(fitted.expect("the largest perplexity is accepted").embedding().n_samples(), 90);
}

#[test]
fn impossible_components_are_refused_with_the_largest_number() {
    let message = |n_components: usize, n: usize| {
        Pca { n_components, ..Pca::default() }
            .fit(&cpu(), &uniform_matrix(67, n, 3))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        message(4, 10),
        "10 points of 3 features have at most 3 components; 4 were asked for"
    );
    assert_eq!(message(3, 2), "2 points of 3 features have at most 2 components; 3 were asked for");
    assert_eq!(message(0, 10), "n_components = 0: at least 1");
    assert!(message(1, 1).starts_with("PCA needs at least 2 points"));
}

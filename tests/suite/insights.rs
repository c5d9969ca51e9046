//! Confusions, gains, rankings and intervals against counts by hand and closed forms.

use crate::support::uniform;
use layerlens::evaluation::{
    Bootstrap, Confusion, Insights, Interval, KnnScore, MapQuality, Predictions, Quality, ScoredOn,
    Scores, confusions, gains, metric_rankings,
};

/// Eight points: truth, and the predictions of two classifiers.
const TRUTH: [u16; 8] = [0, 0, 0, 1, 1, 2, 2, 2];
const FIRST: [u16; 8] = [0, 1, 1, 1, 0, 2, 2, 0];
const LAST: [u16; 8] = [0, 0, 1, 1, 1, 2, 2, 2];

#[test]
fn confusions_are_counted() {
    let confusion = Confusion::new(&TRUTH, &FIRST, 4).unwrap();
    assert_eq!(confusion.counts, [[1, 2, 0, 0], [1, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]);
    assert_eq!(confusion.accuracy(), 0.5);
    assert_eq!(confusion.per_class(), [Some(1.0 / 3.0), Some(0.5), Some(2.0 / 3.0), None]);
    let pairs = |pairs: Vec<layerlens::evaluation::Pair>| {
        pairs
            .iter()
            .map(|pair| (pair.class, pair.other, pair.count, pair.share))
            .collect::<Vec<_>>()
    };
    // 2 of 3, 1 of 2, 1 of 3; and 3 of 5, 1 of 6.
    assert_eq!(
        pairs(confusion.directed()),
        [(0, 1, 2, 2.0 / 3.0), (1, 0, 1, 0.5), (2, 0, 1, 1.0 / 3.0)]
    );
    assert_eq!(pairs(confusion.symmetric()), [(0, 1, 3, 0.6), (0, 2, 1, 1.0 / 6.0)]);
    assert_eq!((confusion.share(1, 0), confusion.share(3, 3)), (Some(0.6), None));
    let twice = Confusion::weighted(&TRUTH, &FIRST, &[2, 0, 1, 1, 1, 1, 1, 1], 4);
    assert_eq!(twice.counts[0], [2, 1, 0, 0]);
    assert!(
        Confusion::new(&TRUTH, &FIRST[1..], 4)
            .unwrap_err()
            .to_string()
            .contains("7 predictions for 8 points")
    );
    assert!(Confusion::new(&TRUTH, &FIRST, 2).unwrap_err().to_string().contains("class 2"));
}

#[test]
fn gains_are_ranked_by_the_last_space() {
    let [first, last] = [FIRST, LAST].map(|classes| Confusion::new(&TRUTH, &classes, 4).unwrap());
    let found = gains(&[first.per_class(), last.per_class()], &first.sizes());
    let rows: Vec<_> = found.iter().map(|gain| (gain.class, gain.n_scored)).collect();
    // Class 1 gains a half, classes 0 and 2 a third each; class 3 has no points.
    assert_eq!(rows, [(1, 2), (0, 3), (2, 3)]);
    assert_eq!(
        (found[0].accuracy.clone(), found[0].gain.clone()),
        (vec![0.5, 1.0], vec![0.0, 0.5])
    );
    assert!((found[1].gain[1] - 1.0 / 3.0).abs() < 1e-15);
    assert!(gains(&[], &[]).is_empty());
}

#[test]
fn conclusions_name_spaces_and_maps() {
    let predictions = |space: Option<&str>, method: Option<&str>, classes: [u16; 8]| Predictions {
        space: space.map(str::to_owned),
        method: method.map(str::to_owned),
        classes: classes.to_vec(),
    };
    let all = [
        predictions(None, None, LAST),
        predictions(Some("raw"), None, FIRST),
        predictions(Some("dense"), None, LAST),
        predictions(Some("raw"), Some("pca"), FIRST),
        predictions(Some("dense"), Some("pca"), FIRST),
    ];
    let confusions = confusions(&TRUTH, &all, 3).unwrap();
    let insights = Insights::new(5, ScoredOn::Test, &confusions, Vec::new());
    assert_eq!(insights.n_scored, 8);
    let methods: Vec<_> = insights.gains.iter().map(|gains| gains.method.as_deref()).collect();
    assert_eq!(methods, [None, Some("pca")]);
    assert_eq!(insights.gains[0].spaces, ["raw", "dense"]);
    assert!(insights.gains[1].classes.iter().all(|gain| gain.gain == [0.0, 0.0]));
    assert_eq!(
        (insights.confused_pairs.len(), insights.confused_pairs[0].accuracy),
        (5, 7.0 / 8.0)
    );
}

fn scores(space: &str, method: Option<&str>, accuracy: f64) -> Scores {
    let knn = vec![KnnScore { n_neighbors: 5, accuracy, per_class: Vec::new() }];
    let space = space.to_owned();
    let method = method.map(str::to_owned);
    Scores {
        space,
        method,
        n_dimensions: 2,
        n_fitted: 9,
        n_scored: 9,
        scored_on: ScoredOn::Test,
        knn,
    }
}

fn quality(
    space: &str,
    method: &str,
    trustworthiness: f64,
    global_score: Option<f64>,
) -> MapQuality {
    let quality = Quality {
        n_sampled: 9,
        n_neighbors: 4,
        trustworthiness,
        continuity: 0.5,
        n_recalled: 5,
        neighbor_recall: 0.5,
        global_score,
        n_triplets: 10,
        random_triplet_accuracy: 0.5,
        n_pairs: 10,
        spearman: None,
        of_new: None,
    };
    MapQuality {
        space: space.into(),
        method: Some(method.into()),
        n_features: 5,
        n_dimensions: 2,
        quality,
    }
}

#[test]
fn the_best_method_has_the_largest_mean() {
    let rows = [
        scores("raw", None, 0.99),
        scores("raw", Some("pca"), 0.5),
        scores("raw", Some("tsne"), 0.8),
        scores("dense", Some("pca"), 0.9),
        scores("dense", Some("tsne"), 0.7),
    ];
    let of_maps = [
        quality("raw", "pca", 0.8, Some(1.0)),
        quality("raw", "tsne", 0.9, None),
        quality("dense", "pca", 0.85, Some(1.0)),
        quality("dense", "tsne", 0.85, Some(0.5)),
    ];
    let found = metric_rankings(&rows, &of_maps, 5, ScoredOn::Test);
    let summary: Vec<_> =
        found.iter().map(|ranking| (ranking.measure.as_str(), ranking.spaces.len())).collect();
    // No correlation is known, nor any new point; the global score of raw is known of one method
    // only.
    let expected = [
        ("knn_accuracy", 2),
        ("trustworthiness", 2),
        ("continuity", 2),
        ("neighbor_recall", 2),
        ("global_score", 1),
        ("random_triplet_accuracy", 2),
    ];
    assert_eq!(summary, expected);
    let ranks: Vec<_> =
        found[0].methods.iter().map(|rank| (rank.method.as_str(), rank.n_best)).collect();
    assert_eq!(ranks, [("tsne", 1), ("pca", 1)]);
    assert!(
        (found[0].methods[0].mean - 0.75).abs() < 1e-12
            && (found[0].methods[1].mean - 0.7).abs() < 1e-12
    );
    // Equal values are both the best.
    let ranks: Vec<_> =
        found[1].methods.iter().map(|rank| (rank.method.as_str(), rank.n_best)).collect();
    assert_eq!(ranks, [("tsne", 2), ("pca", 1)]);
    assert!(
        metric_rankings(&rows, &of_maps, 3, ScoredOn::Test)
            .iter()
            .all(|ranking| ranking.measure != "knn_accuracy")
    );
}

/// Share of the drawn points that are right.
fn share(right: &[bool], weights: &[u32]) -> f64 {
    let hits: u32 =
        right.iter().zip(weights).map(|(&right, &weight)| u32::from(right) * weight).sum();
    f64::from(hits) / f64::from(weights.iter().sum::<u32>())
}

#[test]
fn intervals_are_those_of_the_normal_law() {
    let n = 4000;
    let [first, second] = [(5, 0.8), (6, 0.7)].map(|(seed, share): (u64, f32)| {
        uniform(seed, n, 0.0, 1.0).into_iter().map(|value| value < share).collect::<Vec<bool>>()
    });
    // Half of the predictions of the second are those of the first: their difference varies less
    // point by point than apart.
    let second: Vec<bool> =
        (0..n).map(|at| if at % 2 == 0 { first[at] } else { second[at] }).collect();
    let bootstrap = Bootstrap::default();
    let ones = vec![1; n];
    let (a, b) = (share(&first, &ones), share(&second, &ones));
    let variance = |share: f64| share * (1.0 - share) / n as f64;
    let differing = first.iter().zip(&second).filter(|(a, b)| a != b).count() as f64 / n as f64;
    let paired = (differing - (a - b).powi(2)) / n as f64;
    let of_one = bootstrap.intervals(&[n], |weights| {
        let (a, b) = (share(&first, &weights[0]), share(&second, &weights[0]));
        vec![Some(a), Some(b), Some(a - b), None]
    });
    let of_two = bootstrap.intervals(&[n, n], |weights| {
        vec![Some(share(&first, &weights[0]) - share(&second, &weights[1]))]
    });
    let expected = [(a, variance(a)), (b, variance(b)), (a - b, paired)];
    let near = |found: Option<Interval>, (middle, variance): (f64, f64), what: &str| {
        let Interval { low, high } = found.expect(what);
        // The quantile at 2.5 % of 1,000 replicates has a standard error of 0.085 standard
        // deviations: three of them.
        let (half, air) = (1.96 * variance.sqrt(), 0.26 * variance.sqrt());
        assert!(
            (low - (middle - half)).abs() < air && (high - (middle + half)).abs() < air,
            "{what}: {low} to {high}"
        );
    };
    for (at, expected) in expected.into_iter().enumerate() {
        near(of_one[at], expected, "one sample");
    }
    assert_eq!(of_one[3], None);
    near(of_two[0], (a - b, variance(a) + variance(b)), "two samples");
    assert!(paired < 0.8 * (variance(a) + variance(b)), "the test would not see a pairing");
}

#[test]
fn intervals_depend_on_the_seed_alone() {
    let right: Vec<bool> = (0..300).map(|at| at % 3 > 0).collect();
    let of = |random_state: u64, threads: usize| {
        let bootstrap = Bootstrap { random_state, n_replicates: 200, ..Bootstrap::default() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            bootstrap.intervals(&[300], |weights| vec![Some(share(&right, &weights[0]))])
        })
    };
    assert_eq!(of(1, 1), of(1, 3));
    assert_ne!(of(1, 1), of(2, 1));
    // A statistic that few replicates have has no interval.
    let rare =
        Bootstrap::default().intervals(&[10], |weights| vec![(weights[0][0] > 1).then_some(1.0)]);
    assert_eq!(rare, [None]);
}

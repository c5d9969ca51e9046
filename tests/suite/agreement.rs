//! Agreement of clusters with classes and silhouettes, against those of scikit-learn and closed
//! forms.

use crate::clustering::{images, matrix, number, plane, reference, whole_numbers};
use crate::support::{LIMITS, cpu, devices, fixture};
use layerlens::clustering::{
    Contingency, NOISE, adjusted_rand_score, normalized_mutual_info_score, purity_score,
    silhouette_samples, silhouette_score,
};
use layerlens::dataset::npy;
use layerlens::progress::Silent;
use serde_json::Value;

fn classes() -> Vec<u16> {
    npy::read_labels(fixture("y.npy"))
        .expect("labels")
        .into_iter()
        .map(|label| label as u16)
        .collect()
}

#[test]
fn agreement_and_silhouettes_are_those_of_scikit_learn() {
    let (reference, y) = (reference(), classes());
    let truth: Vec<i32> = y.iter().map(|&label| i32::from(label)).collect();
    for name in ["kmeans", "dbscan", "hdbscan_10_4", "dbscan_784"] {
        let expected = &reference[name];
        let labels = whole_numbers(&expected["labels"]);
        let table = Contingency::new(&y, &labels, 10).expect("a table");
        let counts: Vec<Vec<i32>> =
            expected["contingency"].as_array().expect("rows").iter().map(whole_numbers).collect();
        let found: Vec<Vec<i32>> = table
            .counts
            .iter()
            .map(|row| row.iter().map(|&count| count as i32).collect())
            .collect();
        assert_eq!(found, counts, "{name}");
        for (found, alone, key) in [
            (
                table.adjusted_rand_score(),
                adjusted_rand_score(&truth, &labels),
                "adjusted_rand_score",
            ),
            (
                table.normalized_mutual_info_score(),
                normalized_mutual_info_score(&truth, &labels),
                "normalized_mutual_info_score",
            ),
            (table.purity_score(), purity_score(&truth, &labels), "purity"),
        ] {
            assert!(
                (found - number(&expected[key])).abs() < 1e-9,
                "{name}: {key} {found}, not {}",
                expected[key]
            );
            assert!((alone.expect("a score") - found).abs() < 1e-12, "{name}: {key}");
        }
        let x = if name.ends_with("784") { images() } else { plane() };
        for device in devices(&LIMITS[..1]) {
            let found =
                silhouette_samples(&device, &x, &labels, None, &Silent).expect("silhouettes");
            assert!(
                (found.score() - number(&expected["silhouette"])).abs() < 1e-5,
                "{name} on {device:?}: {}",
                found.score()
            );
            for (id, score) in table.clusters.iter().zip(found.by_group(&labels, &table.clusters)) {
                let expected = number(&expected["silhouette_per_cluster"][id.to_string()]);
                assert!(
                    (score.expect("points") - expected).abs() < 2e-5,
                    "{name} on {device:?}: cluster {id}"
                );
            }
        }
    }
    let scalars: Value =
        serde_json::from_str(&std::fs::read_to_string(fixture("reference.json")).expect("scalars"))
            .expect("JSON");
    for device in devices(&LIMITS[..1]) {
        let score = silhouette_score(&device, &plane(), &truth, &Silent).expect("a score");
        assert!(
            (score - number(&scalars["scores_on_pca"]["silhouette"])).abs() < 1e-4,
            "{device:?}: {score}"
        );
        let of_images =
            silhouette_samples(&device, &images(), &truth, None, &Silent).expect("silhouettes");
        let per_class = of_images.by_group(&truth, &(0..10).collect::<Vec<i32>>());
        for (class, score) in per_class.into_iter().enumerate() {
            let expected = number(&reference["classes_784"]["per_class"][class]);
            assert!((score.expect("points") - expected).abs() < 2e-5, "{device:?}: class {class}");
        }
    }
}

#[test]
fn a_sampled_silhouette_is_that_of_the_same_points_among_all() {
    let x = plane();
    let labels = whole_numbers(&reference()["kmeans"]["labels"]);
    let all = silhouette_samples(&cpu(), &x, &labels, None, &Silent).expect("silhouettes");
    let some =
        silhouette_samples(&cpu(), &x, &labels, Some((300, 42)), &Silent).expect("silhouettes");
    assert_eq!((all.indices.len(), some.indices.len()), (1000, 300));
    assert!(some.indices.windows(2).all(|pair| pair[0] < pair[1]));
    for (&point, value) in some.indices.iter().zip(&some.values) {
        assert_eq!(value.to_bits(), all.values[point as usize].to_bits());
    }
    assert!((some.score() - all.score()).abs() < 0.05);
}

#[test]
fn silhouettes_and_agreement_have_their_closed_forms() {
    for device in devices(&LIMITS) {
        // Clusters of two, one and two points on a line.
        let x = matrix(vec![0.0, 1.0, 5.0, 9.0, 9.0], 1);
        let found = silhouette_samples(&device, &x, &[0, 0, 1, NOISE, NOISE], None, &Silent)
            .expect("silhouettes");
        let expected = [1.0 - 1.0 / 5.0, 1.0 - 1.0 / 4.0, 0.0, 1.0, 1.0];
        for (found, expected) in found.values.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{device:?}: {found}, not {expected}");
        }
        // Where both clusters are one place nothing can be said.
        assert_eq!(
            silhouette_score(&device, &matrix(vec![2.0; 6], 1), &[0, 0, 0, 1, 1, 1], &Silent)
                .expect("a score"),
            0.0
        );
    }
    let same = adjusted_rand_score(&[0, 0, 1, 1], &[5, 5, -1, -1]).expect("a score");
    assert_eq!(
        (same, normalized_mutual_info_score(&[0, 0, 1, 1], &[5, 5, -1, -1]).expect("a score")),
        (1.0, 1.0)
    );
    assert_eq!(adjusted_rand_score(&[0, 0, 1, 1], &[0, 1, 0, 1]).expect("a score"), -0.5);
    assert_eq!(normalized_mutual_info_score(&[0, 0, 1, 1], &[0, 1, 0, 1]).expect("a score"), 0.0);
    assert_eq!(adjusted_rand_score(&[3], &[4]).expect("a score"), 1.0);
    assert_eq!(normalized_mutual_info_score(&[0, 0, 0], &[0, 1, 2]).expect("a score"), 0.0);
}

#[test]
fn a_label_falls_into_the_clusters_that_hold_a_tenth_of_it() {
    let labels: Vec<u16> = [vec![0; 20], vec![1; 10]].concat();
    // Of label 0 nine, seven and two points (a tenth) are in clusters 0, 1 and 2, one in cluster 3
    // and one is noise.
    let clusters = [vec![0; 9], vec![1; 7], vec![2; 2], vec![3, NOISE], vec![1; 10]].concat();
    let table = Contingency::new(&labels, &clusters, 3).expect("a table");
    assert_eq!(
        (table.clusters.as_slice(), table.cluster_sizes()),
        (&[NOISE, 0, 1, 2, 3][..], vec![1, 9, 17, 2, 1])
    );
    let parts: Vec<(i32, usize)> =
        table.clusters_of(0, 0.1).iter().map(|share| (share.part, share.count)).collect();
    assert_eq!(parts, [(0, 9), (1, 7), (2, 2)]);
    let classes: Vec<(i32, f64)> =
        table.classes_in(2, 0.1).iter().map(|share| (share.part, share.share)).collect();
    assert_eq!(classes, [(1, 10.0 / 17.0), (0, 7.0 / 17.0)]);
    assert!(table.clusters_of(2, 0.1).is_empty() && table.class_sizes() == [20, 10, 0]);
}

//! What the layers did, in the tables of a run, against counts made here from its labels, maps and
//! layers.

use crate::pipeline::{METHODS_RUN, SPACES, shared, shared_run};
use crate::support::{self, Row};
use layerlens::dataset::npy;
use layerlens::matrix::Matrix;
use std::path::Path;

const K: usize = 5;
const CLASSES: usize = 10;

/// A table of the scores of a run.
pub fn table(folder: &Path, name: &str) -> Vec<Row> {
    support::table(&folder.join("scores").join(name))
}

/// k-NN by all distances in double precision: the majority of the nearest, ties to the smaller
/// class. Equal distances by row.
pub fn classify(train: &Matrix, labels: &[u32], test: &Matrix) -> Vec<usize> {
    let distance = |a: &[f32], b: &[f32]| {
        a.iter().zip(b).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2)).sum::<f64>()
    };
    let of_point = |point: &[f32]| {
        let mut near: Vec<(f64, usize)> =
            train.rows().enumerate().map(|(row, other)| (distance(point, other), row)).collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut votes = [0; CLASSES];
        near[..K].iter().for_each(|&(_, row)| votes[labels[row] as usize] += 1);
        (0..CLASSES).max_by_key(|&class| (votes[class], CLASSES - class)).unwrap()
    };
    test.rows().map(of_point).collect()
}

struct Counted {
    counts: [[usize; CLASSES]; CLASSES],
}

impl Counted {
    /// Of a space of the shared run, or of a method's map of it.
    fn of(space: &str, method: &str) -> Self {
        let out = shared_run();
        let read = |part: &str| {
            let name = if method.is_empty() {
                format!("activations/{space}_{part}.npy")
            } else {
                format!("embeddings/{method}_{space}_{part}.npy")
            };
            npy::read_matrix(out.join(name)).unwrap()
        };
        let [train, test] = ["train", "test"].map(|part| {
            npy::read_labels(out.join(format!("activations/labels_{part}.npy"))).unwrap()
        });
        let guesses = classify(&read("train"), &train, &read("test"));
        let mut counts = [[0; CLASSES]; CLASSES];
        test.iter().zip(guesses).for_each(|(&truth, guess)| counts[truth as usize][guess] += 1);
        Self { counts }
    }

    fn accuracy(&self, class: usize) -> f64 {
        self.counts[class][class] as f64 / self.counts[class].iter().sum::<usize>() as f64
    }
}

fn number(record: &Row, column: &str) -> f64 {
    record[column].parse().unwrap()
}

#[test]
fn confusions_are_those_of_k_nn_counted_anew() {
    let rows = table(&shared_run(), "confusion.csv");
    assert_eq!(rows.len(), (1 + SPACES.len() * (1 + METHODS_RUN.len())) * CLASSES * CLASSES);
    for (space, method) in [("raw", ""), ("layer_2", ""), ("layer_1", "tsne"), ("raw", "umap")] {
        let counted = Counted::of(space, method);
        let of_space = rows.iter().filter(|row| row["space"] == space && row["method"] == method);
        for row in of_space {
            let [class, predicted]: [usize; 2] =
                ["class", "predicted"].map(|column| row[column].parse().unwrap());
            let expected = counted.counts[class][predicted];
            assert_eq!(
                row["count"],
                expected.to_string(),
                "{space} {method}: {class} taken for {predicted}"
            );
            let size: usize = counted.counts[class].iter().sum();
            assert!((number(row, "share") - expected as f64 / size as f64).abs() < 1e-12);
        }
    }
}

#[test]
fn gains_are_differences_of_accuracies_and_ranked() {
    let rows = table(&shared_run(), "gains.csv");
    for method in ["", "pca"] {
        let counted = SPACES.map(|(space, _)| Counted::of(space, method));
        for (at, (space, _)) in SPACES.iter().enumerate() {
            let of_space: Vec<_> = rows
                .iter()
                .filter(|row| row["space"] == *space && row["method"] == method)
                .collect();
            assert_eq!(of_space.len(), CLASSES);
            for row in &of_space {
                let class: usize = row["class"].parse().unwrap();
                let [accuracy, first] = [at, 0].map(|at| counted[at].accuracy(class));
                assert!(
                    (number(row, "accuracy") - accuracy).abs() < 1e-12,
                    "{space} {method} {row:?}"
                );
                assert!(
                    (number(row, "gain") - (accuracy - first)).abs() < 1e-12,
                    "{space} {method} {row:?}"
                );
            }
            if at == SPACES.len() - 1 {
                let gains: Vec<f64> = of_space.iter().map(|row| number(row, "gain")).collect();
                assert!(gains.is_sorted_by(|a, b| *a >= b - 1e-12), "{gains:?}");
                assert!(
                    of_space
                        .iter()
                        .map(|row| row["rank"].parse::<usize>().unwrap())
                        .eq(1..=CLASSES)
                );
            }
        }
    }
}

#[test]
fn pairs_are_ranked_in_both_ways() {
    let rows = table(&shared_run(), "confused_pairs.csv");
    let counted = Counted::of("raw", "");
    let sizes = counted.counts.map(|row| row.iter().sum::<usize>() as f64);
    for (direction, is_directed) in [("both", false), ("class taken for other", true)] {
        let mut expected: Vec<f64> = Vec::new();
        for class in 0..CLASSES {
            for other in (0..CLASSES)
                .filter(|&other| if is_directed { other != class } else { other > class })
            {
                let there = counted.counts[class][other] as f64;
                let back = counted.counts[other][class] as f64;
                expected.push(if is_directed {
                    there / sizes[class]
                } else {
                    (there + back) / (sizes[class] + sizes[other])
                });
            }
        }
        expected.sort_by(|a, b| b.total_cmp(a));
        let found: Vec<f64> = rows
            .iter()
            .filter(|row| {
                row["space"] == "raw" && row["method"].is_empty() && row["direction"] == direction
            })
            .map(|row| number(row, "share"))
            .collect();
        assert_eq!(found.len(), 10);
        assert!(
            found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12),
            "{direction}: {found:?} {expected:?}"
        );
    }
}

#[test]
fn verdicts_are_means_of_the_tables_that_they_summarise() {
    let out = shared_run();
    let verdicts = table(&out, "verdicts.csv");
    let knn = table(&out, "knn.csv");
    let quality = table(&out, "quality.csv");
    for measure in ["knn_accuracy", "trustworthiness", "continuity", "global_score"] {
        let of_method = |method: &str| {
            let values: Vec<f64> = match measure {
                "knn_accuracy" => knn
                    .iter()
                    .filter(|row| {
                        row["method"] == method
                            && row["scored_on"] == "test"
                            && row["n_neighbors"] == K.to_string()
                    })
                    .map(|row| number(row, "accuracy"))
                    .collect(),
                _ => quality
                    .iter()
                    .filter(|row| row["method"] == method)
                    .map(|row| number(row, measure))
                    .collect(),
            };
            assert_eq!(values.len(), SPACES.len());
            values.iter().sum::<f64>() / SPACES.len() as f64
        };
        let mut expected: Vec<(f64, &str)> =
            METHODS_RUN.iter().map(|&method| (of_method(method), method)).collect();
        expected.sort_by(|a, b| b.0.total_cmp(&a.0));
        let rows: Vec<_> = verdicts
            .iter()
            .filter(|row| row["measure"] == measure && row["space"] == "raw")
            .collect();
        for (row, (mean, method)) in rows.iter().zip(&expected) {
            assert!((number(row, "mean") - mean).abs() < 1e-12, "{measure}: {row:?} {mean}");
            assert_eq!(row["method"], *method, "{measure}");
        }
    }
    let best = &verdicts[0];
    let stdout = &shared().1;
    assert_eq!(best["measure"], "knn_accuracy");
    let line = stdout.lines().find(|line| line.starts_with("k-NN accuracy  ")).unwrap();
    assert!(
        line.contains(&format!("{:.4} (best in {} of 3)", number(best, "mean"), best["n_best"])),
        "{line}"
    );
}

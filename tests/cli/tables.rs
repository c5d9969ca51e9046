//! The tables of a run: every row, and the numbers of the library in them.

use crate::pipeline::{METHODS_RUN, SPACES, shared_run};
use crate::support::{N_TEST, N_TRAIN, Place, manifest};
use layerlens::compute::Device;
use layerlens::dataset::npy;
use layerlens::evaluation::{KnnScore, SpaceRanks, knn_accuracy};
use layerlens::neighbors::{nearest_neighbors, nearest_references};
use layerlens::progress::Silent;
use std::collections::BTreeMap;
use std::path::Path;

const K: [usize; 3] = [3, 5, 10];
/// Data that are not known keep no names.
const CLASSES: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// Header and rows of a table.
fn read(path: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    (
        header,
        reader
            .records()
            .map(|record| record.unwrap().iter().map(str::to_owned).collect())
            .collect(),
    )
}

/// Every combination that a run scores, with its dimensions: (space, method, scored on).
fn scored() -> BTreeMap<(String, String, String), usize> {
    let mut rows = BTreeMap::new();
    for (space, d) in SPACES {
        rows.insert((space.into(), String::new(), "test".into()), d);
        for (method, on) in METHODS_RUN
            .iter()
            .flat_map(|method| [(method, "test"), (method, "train_leave_one_out")])
        {
            rows.insert((space.into(), (*method).into(), on.into()), 2);
        }
    }
    rows
}

/// What the library says of one combination, computed from the arrays of the run.
fn expected(space: &str, method: &str, scored_on: &str) -> Vec<KnnScore> {
    let out = shared_run();
    let stem = if method.is_empty() {
        format!("activations/{space}")
    } else {
        format!("embeddings/{method}_{space}")
    };
    let [train, test] = ["train", "test"]
        .map(|part| npy::read_matrix(out.join(format!("{stem}_{part}.npy"))).unwrap());
    let [fitted, tested] = ["train", "test"].map(|part| {
        let labels = npy::read_labels(out.join(format!("activations/labels_{part}.npy"))).unwrap();
        labels.into_iter().map(|label| label as u16).collect::<Vec<u16>>()
    });
    let device = Device::cpu();
    if scored_on == "test" {
        knn_accuracy(
            &nearest_references(&device, &test, &train, 10, &Silent).unwrap(),
            &fitted,
            &tested,
            &K,
        )
        .unwrap()
    } else {
        knn_accuracy(
            &nearest_neighbors(&device, &train, 10, &Silent).unwrap(),
            &fitted,
            &fitted,
            &K,
        )
        .unwrap()
    }
}

#[test]
fn every_space_and_map_is_scored() {
    let (header, rows) = read(&shared_run().join("scores/knn.csv"));
    assert_eq!(
        header,
        [
            "space",
            "method",
            "n_dimensions",
            "scored_on",
            "n_fitted",
            "n_scored",
            "n_neighbors",
            "accuracy"
        ]
    );
    let scored = scored();
    assert_eq!(rows.len(), scored.len() * K.len());
    for ((space, method, on), d) in &scored {
        let n_scored = if on == "test" { N_TEST } else { N_TRAIN };
        for score in expected(space, method, on) {
            let numbers =
                [*d, N_TRAIN, n_scored, score.n_neighbors].map(|number| number.to_string());
            let [d, n_fitted, n_scored, k] = &numbers;
            let row = [space, method, d, on, n_fitted, n_scored, k, &score.accuracy.to_string()]
                .map(String::clone);
            assert_eq!(
                rows.iter().filter(|found| **found == row).count(),
                1,
                "{row:?} is not in {rows:#?}"
            );
        }
    }
}

#[test]
fn every_class_is_scored() {
    let (header, rows) = read(&shared_run().join("scores/knn_per_class.csv"));
    assert_eq!(
        header,
        ["space", "method", "n_dimensions", "scored_on", "n_neighbors", "class", "accuracy"]
    );
    let scored = scored();
    assert_eq!(rows.len(), scored.len() * K.len() * CLASSES.len());
    for ((space, method, on), d) in &scored {
        for score in expected(space, method, on) {
            for (class, accuracy) in CLASSES.iter().zip(&score.per_class) {
                let d = d.to_string();
                let k = score.n_neighbors.to_string();
                let accuracy = accuracy.unwrap().to_string();
                let row = [space, method, &d, on, &k, *class, &accuracy].map(str::to_owned);
                assert_eq!(rows.iter().filter(|found| **found == row).count(), 1, "{row:?}");
            }
        }
    }
}

#[test]
fn the_history_has_a_line_an_epoch() {
    let out = shared_run();
    let (header, rows) = read(&out.join("history.csv"));
    assert_eq!(
        header,
        ["epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]
    );
    assert_eq!(rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["1", "2"]);
    let history = &manifest(&out)["results"]["history"];
    for (column, name) in header.iter().enumerate().skip(1) {
        for (epoch, row) in rows.iter().enumerate() {
            let value: f32 = row[column].parse().unwrap();
            let noted: f64 = history[name][epoch].as_f64().unwrap();
            assert_eq!(value, noted as f32, "{name}, epoch {epoch}");
            assert!(
                if name.ends_with("loss") { value > 0.0 } else { (0.0..=1.0).contains(&value) },
                "{name} {value}"
            );
        }
    }
    let loss = |epoch: usize, column: usize| rows[epoch][column].parse::<f32>().unwrap();
    assert!(loss(1, 1) < loss(0, 1) && loss(1, 3) < loss(0, 3), "nothing is learned: {rows:?}");
}

/// The command that scores any two files says of a run's arrays what the run said.
#[test]
fn evaluate_repeats_the_scores_of_a_run() {
    let out = shared_run();
    let place = Place::new();
    let (_, rows) = read(&out.join("scores/knn.csv"));
    for (space, method, stem) in
        [("layer_1", "", "activations/layer_1"), ("raw", "tsne", "embeddings/tsne_raw")]
    {
        let file = |name: String| out.join(name).display().to_string();
        let labels = |part: &str| file(format!("activations/labels_{part}.npy"));
        let train =
            format!("evaluate {} --labels {}", file(format!("{stem}_train.npy")), labels("train"));
        let test = format!(
            "{train} --new {} --new-labels {}",
            file(format!("{stem}_test.npy")),
            labels("test")
        );
        for (args, on) in [(&test, "test"), (&train, "train_leave_one_out")] {
            let stdout =
                place.succeed(&format!("{args} --k 3,10 --device cpu --out out --force")).stdout;
            let (_, written) = read(&place.path("out/knn.csv"));
            assert_eq!(written.iter().map(|row| row[6].as_str()).collect::<Vec<_>>(), ["3", "10"]);
            for row in &written {
                let same = |found: &&Vec<String>| {
                    found[0] == space && found[1] == method && found[3] == on && found[6] == row[6]
                };
                // The spaces themselves are scored on test points only.
                if let Some(found) = rows.iter().find(same) {
                    assert_eq!(
                        (&row[7], &row[4], &row[5]),
                        (&found[7], &found[4], &found[5]),
                        "{space} {method} {on}"
                    );
                } else {
                    assert!(method.is_empty() && on == "train_leave_one_out");
                }
                let accuracy: f64 = row[7].parse().unwrap();
                assert!(stdout.contains(&format!("{accuracy:.4}")), "{stdout}");
            }
        }
    }
}

/// The figures of a map in the order of the table's columns, from the arrays of the run.
fn quality(space: &str, method: &str) -> Vec<String> {
    let out = shared_run();
    let device = Device::cpu();
    let array = |name: String| npy::read_matrix(out.join(name)).unwrap();
    let [x, new] = ["train", "test"].map(|part| array(format!("activations/{space}_{part}.npy")));
    let [map, placed] =
        ["train", "test"].map(|part| array(format!("embeddings/{method}_{space}_{part}.npy")));
    let ranks = SpaceRanks::new(&device, &x, None, 2, 42, &Silent)
        .unwrap()
        .with_new(&device, &new, 42, &Silent)
        .unwrap();
    let found = ranks.quality(&device, &map, Some(&placed), None, &Silent).unwrap();
    let of_new = found.of_new.unwrap();
    let figures = [
        found.trustworthiness,
        found.continuity,
        found.neighbor_recall,
        found.global_score.unwrap(),
        found.random_triplet_accuracy,
        found.spearman.unwrap(),
        of_new.trustworthiness,
    ];
    figures.iter().map(ToString::to_string).collect()
}

#[test]
fn every_map_is_judged() {
    let (header, rows) = read(&shared_run().join("scores/quality.csv"));
    assert_eq!(header[..4], ["space", "method", "n_features", "n_dimensions"]);
    assert_eq!(header[10..12], ["trustworthiness", "continuity"]);
    assert_eq!(rows.len(), SPACES.len() * METHODS_RUN.len());
    for (space, d) in SPACES {
        for method in METHODS_RUN {
            let row = rows.iter().find(|row| row[0] == space && row[1] == method).unwrap();
            assert_eq!(row[2..5], [d, 2, N_TRAIN].map(|number| number.to_string()));
            assert_eq!(row[10..], quality(space, method), "{space} {method}");
        }
    }
}

/// Map and space from two files give what the run said, with or without classes.
#[test]
fn evaluate_repeats_the_quality_of_a_run() {
    let out = shared_run();
    let place = Place::new();
    let (_, rows) = read(&out.join("scores/quality.csv"));
    let file = |name: &str| out.join(name).display().to_string();
    let train = format!(
        "{} --space {}",
        file("embeddings/tsne_layer_1_train.npy"),
        file("activations/layer_1_train.npy")
    );
    let test = format!(
        "--new {} --new-space {}",
        file("embeddings/tsne_layer_1_test.npy"),
        file("activations/layer_1_test.npy")
    );
    let stdout = place.succeed(&format!("evaluate {train} {test} --device cpu --out out")).stdout;
    let (_, written) = read(&place.path("out/quality.csv"));
    let row = rows.iter().find(|row| row[0] == "layer_1" && row[1] == "tsne").unwrap();
    assert_eq!(written[0][2..], row[2..]);
    for figure in &row[10..] {
        assert!(
            stdout.contains(&format!("{:.4}", figure.parse::<f64>().unwrap())),
            "{figure} is not in {stdout}"
        );
    }
    assert!(!place.path("out/knn.csv").exists() && !stdout.contains("k-NN"), "{stdout}");
    // With classes both tables come, and the new points need none.
    let labels = format!("--labels {}", file("activations/labels_train.npy"));
    let stdout =
        place.succeed(&format!("evaluate {train} {labels} --device cpu --out both")).stdout;
    assert!(stdout.contains("own vote") && stdout.contains("map quality"), "{stdout}");
    assert!(["knn.csv", "quality.csv"].iter().all(|name| place.path("both").join(name).exists()));
    // Of the space and of its map, each as the run has it.
    let new_labels = format!("--new-labels {}", file("activations/labels_test.npy"));
    place.succeed(&format!("evaluate {train} {labels} {test} {new_labels} --device cpu --out new"));
    let (_, scores) = read(&place.path("new/knn.csv"));
    let (_, of_run) = read(&out.join("scores/knn.csv"));
    let accuracies = |rows: &[Vec<String>], [space, method]: [&str; 2]| -> Vec<String> {
        let of = |row: &&Vec<String>| row[0] == space && row[1] == method && row[3] == "test";
        rows.iter().filter(of).map(|row| row[7].clone()).collect()
    };
    for (method, of_same) in [("", ""), ("given map", "tsne")] {
        let found = accuracies(&scores, ["input", method]);
        assert_eq!((found.len(), &found), (3, &accuracies(&of_run, ["layer_1", of_same])));
    }
    place.refuse(
        1,
        &format!("evaluate {train} --device cpu --out out"),
        &["quality.csv", "exists already"],
    );
    let other = format!(
        "evaluate {} --space {}",
        file("embeddings/tsne_layer_1_test.npy"),
        file("activations/layer_1_train.npy")
    );
    place.refuse(
        3,
        &format!("{other} --device cpu"),
        &["layer_1_train.npy", &format!("{N_TRAIN} rows"), &format!("has {N_TEST}")],
    );
}

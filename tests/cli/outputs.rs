//! Predictions of a network for the points of layers from elsewhere: probabilities, logits and
//! their names, and classes that count otherwise than the columns.

use crate::labels::write_npy;
use crate::support::{Place, groups, manifest};
use layerlens::dataset::npy;
use layerlens::matrix::Matrix;
use serde_json::Value;
use std::fs;

const RUN: &str = "run --from-activations layers --methods pca --device cpu --out out --force";
const PARTS: [(&str, usize); 2] = [("train", 120), ("test", 30)];

/// A folder `layers` of one layer, in three groups, with labels that begin at `first`.
fn place_with_layer(first: u32) -> Place {
    let place = Place::new();
    fs::create_dir(place.path("layers")).unwrap();
    for (part, n) in PARTS {
        place.points(&format!("layers/layer_{part}.npy"), n, 4);
        place.labels(
            &format!("layers/labels_{part}.npy"),
            &groups(n as u32).iter().map(|group| group + first).collect::<Vec<_>>(),
        );
    }
    place
}

/// Logits of three classes; the prediction is the row's group, but for the first ten rows, where it
/// is class 1.
fn logits(n: usize) -> Vec<[f64; 3]> {
    let of_row = |row: usize| {
        let mut logits = [-4.0, -2.5, 0.25].map(|value: f64| value - row as f64 / 7.0);
        logits[if row < 10 { 1 } else { row % 3 }] = 3.0 + row as f64 / 50.0;
        logits
    };
    (0..n).map(of_row).collect()
}

/// In double precision, as written in any textbook.
fn softmax(logits: [f64; 3]) -> [f64; 3] {
    let sum: f64 = logits.iter().map(|value| value.exp()).sum();
    logits.map(|value| value.exp() / sum)
}

fn write(place: &Place, name: &str, rows: impl Fn(usize) -> Vec<Vec<f64>>) {
    for (part, n) in PARTS {
        let rows = rows(n);
        let values: Vec<f32> = rows.iter().flatten().map(|&value| value as f32).collect();
        npy::write_f32(
            place.path(format!("layers/{name}_{part}.npy")),
            &values,
            &[n as u64, rows[0].len() as u64],
        )
        .unwrap();
    }
}

/// Label, prediction and confidence of every test point, as an export tells them.
fn points(place: &Place) -> Vec<[String; 3]> {
    let _ = fs::remove_dir_all(place.path("export"));
    place.succeed("export out --format tensorboard --device cpu --out export");
    let text = fs::read_to_string(place.path("export/metadata.tsv")).unwrap();
    let mut lines =
        text.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let column = |name: &str| header.iter().position(|column| column == name);
    let columns = ["label", "prediction", "confidence"].map(column);
    lines.map(|line| columns.map(|at| at.map_or("none".into(), |at| line[at].clone()))).collect()
}

fn warnings(place: &Place) -> String {
    manifest(&place.path("out"))["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

fn assert_confidences(found: &[[String; 3]], expected: impl Fn(usize) -> f64) {
    assert_eq!(found.len(), 30);
    for (row, [_, _, confidence]) in found.iter().enumerate() {
        let found: f64 = confidence.parse().unwrap();
        assert!(
            (found - expected(row)).abs() < 1e-6,
            "row {row}: {found}, expected {}",
            expected(row)
        );
    }
}

#[test]
fn logits_and_logarithms_become_probabilities_whatever_they_are_called() {
    let sure = |row: usize| softmax(logits(30)[row]).into_iter().fold(0.0, f64::max);
    let rows = |of: fn([f64; 3]) -> [f64; 3]| {
        move |n: usize| logits(n).into_iter().map(|row| of(row).to_vec()).collect::<Vec<_>>()
    };
    let as_they_are: fn([f64; 3]) -> [f64; 3] = |row| row;
    let logarithms: fn([f64; 3]) -> [f64; 3] = |row| softmax(row).map(f64::ln);
    for (name, of, said) in [
        ("softmax", softmax as fn([f64; 3]) -> [f64; 3], ""),
        ("softmax", as_they_are, "softmax_test.npy holds logits, for its rows do not sum to 1"),
        ("softmax", logarithms, "softmax_test.npy holds logarithms of probabilities"),
        ("logits", as_they_are, ""),
        ("logits", softmax, "logits_test.npy holds no logits but probabilities"),
    ] {
        let place = place_with_layer(0);
        fs::write(place.path("layers/class_names.txt"), "Bag\nCoat\nDress\n").unwrap();
        write(&place, name, rows(of));
        let outcome = place.succeed(RUN);
        assert!(outcome.stderr.contains(said), "{name}: {}", outcome.stderr);
        let page = fs::read_to_string(place.path("out/report.html")).unwrap();
        assert!(page.contains(said) && warnings(&place).contains(said), "{name}");
        assert_eq!(
            outcome.stderr.contains("holds"),
            !said.is_empty(),
            "{name}: {}",
            outcome.stderr
        );
        let points = points(&place);
        assert_confidences(&points, sure);
        let predictions = |row: usize| ["Bag", "Coat", "Dress"][if row < 10 { 1 } else { row % 3 }];
        assert!(
            points.iter().enumerate().all(|(row, point)| point[1] == predictions(row)),
            "{points:?}"
        );
        // The output is no layer to embed.
        assert_eq!(manifest(&place.path("out"))["config"]["layers"], serde_json::json!(["layer"]));
        // And a run of what that run kept knows the same.
        place.succeed(
            &RUN.replace("layers ", "out/activations ").replace("--out out", "--out again"),
        );
        assert!(
            fs::read(place.path("out/activations/confidence_test.npy")).unwrap()
                == fs::read(place.path("again/activations/confidence_test.npy")).unwrap()
        );
    }
}

#[test]
fn of_softmax_and_logits_together_one_is_said_to_be_used() {
    let place = place_with_layer(0);
    write(&place, "softmax", |n| logits(n).into_iter().map(|row| softmax(row).to_vec()).collect());
    write(&place, "logits", |n| vec![vec![0.0, 1.0, 5.0]; n]);
    let stderr = place.succeed(RUN).stderr;
    assert!(
        stderr.contains("softmax_test.npy is used, logits_test.npy beside it is left out"),
        "{stderr}"
    );
    assert_confidences(&points(&place), |row| {
        softmax(logits(30)[row]).into_iter().fold(0.0, f64::max)
    });
}

#[test]
fn what_is_neither_is_not_told_as_a_probability() {
    let place = place_with_layer(0);
    write(&place, "softmax", |n| (0..n).map(|row| vec![0.9, 0.8, (row % 2) as f64]).collect());
    let stderr = place.succeed(RUN).stderr;
    assert!(stderr.contains("holds values from 0 to 1, but its rows do not sum to 1"), "{stderr}");
    let points = points(&place);
    assert!(
        points.iter().all(|point| point[2] == "none") && points[0][1] == "0" && points[1][1] == "2",
        "{points:?}"
    );
    write(&place, "softmax", |n| {
        (0..n).map(|row| vec![if row == 7 { f64::NAN } else { 0.5 }, 0.25, 0.25]).collect()
    });
    place.refuse(3, RUN, &["softmax_train.npy", "row 7, column 0", "NaN"]);
}

#[test]
fn one_column_is_the_probability_of_the_second_of_two_classes() {
    let two = |first: u32| {
        let place = place_with_layer(0);
        for (part, n) in PARTS {
            let labels: Vec<u32> = (0..n as u32).map(|row| row % 2 + first).collect();
            place.labels(&format!("layers/labels_{part}.npy"), &labels);
        }
        place
    };
    let p = |row: usize| {
        if row.is_multiple_of(2) { 0.1 + row as f64 / 100.0 } else { 0.55 + row as f64 / 100.0 }
    };
    for (first, logit, dimensions) in
        [(0, false, 2), (0, true, 2), (1, false, 2), (0, false, 1), (0, true, 1)]
    {
        let place = two(first);
        let value =
            |row: usize| if logit { (p(row % 30) / (1.0 - p(row % 30))).ln() } else { p(row % 30) };
        for (part, n) in PARTS {
            let values: Vec<u8> =
                (0..n).flat_map(|row| (value(row) as f32).to_le_bytes()).collect();
            let shape = if dimensions == 2 { format!("({n}, 1)") } else { format!("({n},)") };
            write_npy(&place.path(format!("layers/softmax_{part}.npy")), "<f4", &shape, &values);
        }
        let stderr = place.succeed(RUN).stderr;
        assert!(
            stderr.contains(&format!(
                "softmax_train.npy has one column: it is read as the probability of `{}`",
                first + 1
            )),
            "{stderr}"
        );
        assert_eq!(stderr.contains("their sigmoid is taken"), logit, "{stderr}");
        let points = points(&place);
        assert_confidences(&points, |row| p(row).max(1.0 - p(row)));
        assert!(points.iter().all(|point| point[0] == point[1]), "{points:?}");
        let pairs = fs::read_to_string(place.path("out/scores/confusion.csv")).unwrap();
        let own: Vec<&str> = pairs.lines().filter(|line| line.starts_with(",,")).collect();
        assert_eq!(own.len(), 4, "{own:?}");
    }
    let place = place_with_layer(0);
    write(&place, "softmax", |n| vec![vec![0.5]; n]);
    place.refuse(3, RUN, &["softmax_train.npy", "one column", "3 classes"]);
}

#[test]
fn labels_beyond_the_columns_are_refused_with_the_advice() {
    let place = place_with_layer(1);
    write(&place, "softmax", |n| logits(n).into_iter().map(|row| softmax(row).to_vec()).collect());
    let advice = [
        "labels_train.npy",
        "row 2 is 3",
        "softmax_train.npy has 3 columns",
        "0 to 2",
        "save labels - 1",
    ];
    place.refuse(3, RUN, &advice);
    fs::write(place.path("layers/class_names.txt"), "Bag\nCoat\nDress\n").unwrap();
    place.refuse(3, RUN, &advice);
    let place = place_with_layer(0);
    write(&place, "logits", |n| vec![vec![1.0, 2.0]; n]);
    place.refuse(
        3,
        RUN,
        &["labels_train.npy", "row 2 is 2", "logits_train.npy has 2 columns", "0 to 1"],
    );
    fs::write(place.path("layers/class_names.txt"), "Bag\nCoat\nDress\nBoot\n").unwrap();
    write(&place, "logits", |n| vec![vec![1.0, 2.0, 3.0]; n]);
    place.refuse(3, RUN, &["logits_train.npy", "3 columns", "class_names.txt names 4"]);
    // Predictions that count otherwise than the labels.
    let place = place_with_layer(1);
    for (part, n) in PARTS {
        place.labels(&format!("layers/predictions_{part}.npy"), &groups(n as u32));
    }
    place.refuse(3, RUN, &["predictions_train.npy", "from 0 to 2", "labels from 1 to 3"]);
}

#[test]
fn predictions_that_count_from_another_number_are_refused() {
    for (first, last_predicted) in [(0, 2), (0, 1), (1, 2), (2, 2)] {
        // Of labels 0 to 2, as R and MATLAB count them from 1; the network may never predict some
        // class.
        let place = place_with_layer(0);
        for (part, n) in PARTS {
            let predictions: Vec<u32> =
                groups(n as u32).iter().map(|group| (group + 1).clamp(first + 1, 3)).collect();
            place.labels(&format!("layers/predictions_{part}.npy"), &predictions);
        }
        let parts = [
            "predictions_train.npy",
            &format!("from {} to 3", first + 1),
            "labels from 0 to 2",
            "class_names.txt",
        ];
        place.refuse(3, RUN, &parts);
        // The same the other way, labels that count from 1.
        let place = place_with_layer(1);
        for (part, n) in PARTS {
            let predictions: Vec<u32> =
                groups(n as u32).iter().map(|&group| group.min(last_predicted)).collect();
            place.labels(&format!("layers/predictions_{part}.npy"), &predictions);
        }
        let range = format!("from 0 to {last_predicted}");
        place.refuse(3, RUN, &["predictions_train.npy", &range, "labels from 1 to 3"]);
    }
    // Fewer classes than the labels have are no shift, nor is one more that no label names.
    let place = place_with_layer(0);
    for (predictions, said) in [([1, 1, 2], ""), ([0, 1, 3], "classes that no label names: `3`")] {
        for (part, n) in PARTS {
            let predictions: Vec<u32> =
                groups(n as u32).iter().map(|&group| predictions[group as usize]).collect();
            place.labels(&format!("layers/predictions_{part}.npy"), &predictions);
        }
        assert!(place.succeed(RUN).stderr.contains(said));
    }
}

/// As a training on labels that are numbers leaves them: the classes are called by those, and the
/// labels are places.
#[test]
fn a_network_may_predict_few_of_the_classes_whose_names_are_numbers() {
    for (names, predictions) in [
        ("1\n2\n3\n", vec![0]),
        ("0\n2\n3\n", vec![0, 1]),
        ("2\n1\n0\n", vec![1, 2]),
        ("a\n0\n1\n", vec![1, 2]),
    ] {
        let place = place_with_layer(0);
        fs::write(place.path("layers/class_names.txt"), names).unwrap();
        let predicted = |row: usize| predictions[row % predictions.len()];
        write(&place, "softmax", |n| {
            (0..n)
                .map(|row| {
                    [0, 1, 2].map(|class| if class == predicted(row) { 0.8 } else { 0.1 }).to_vec()
                })
                .collect()
        });
        place.succeed(RUN);
        let names: Vec<&str> = names.lines().collect();
        for (row, [label, prediction, confidence]) in points(&place).iter().enumerate() {
            assert_eq!(
                (label.as_str(), prediction.as_str()),
                (names[row % 3], names[predicted(row)]),
                "{names:?}, row {row}"
            );
            assert!(confidence.starts_with("0.8"), "{confidence}");
        }
    }
}

#[test]
fn outputs_of_both_parts_are_of_one_kind() {
    let place = place_with_layer(0);
    for (part, n) in PARTS {
        place.labels(
            &format!("layers/labels_{part}.npy"),
            &(0..n as u32).map(|row| row % 2).collect::<Vec<_>>(),
        );
    }
    // Logits, of which those of the test look like probabilities.
    let test = |row: usize| [0.2, 0.7, 0.4][row % 3];
    write(&place, "softmax", |n| {
        (0..n).map(|row| vec![if n == 30 { test(row) } else { row as f64 / 20.0 - 3.0 }]).collect()
    });
    let stderr = place.succeed(RUN).stderr;
    let said = [
        "softmax_train.npy holds logits",
        "softmax_test.npy is taken to hold logits, as softmax_train.npy does",
    ];
    assert!(said.iter().all(|words| stderr.contains(words)), "{stderr}");
    let found = points(&place);
    assert_confidences(&found, |row| 1.0 / (1.0 + (-test(row)).exp()));
    assert!(found.iter().all(|point| point[1] == "1"), "{found:?}");
    // Names are told apart: logits beside probabilities of the other part are what they are called.
    fs::rename(place.path("layers/softmax_test.npy"), place.path("layers/logits_test.npy"))
        .unwrap();
    write(&place, "other", |n| (0..n).map(|row| vec![(row % 2) as f64]).collect());
    fs::rename(place.path("layers/other_train.npy"), place.path("layers/softmax_train.npy"))
        .unwrap();
    fs::remove_file(place.path("layers/other_test.npy")).unwrap();
    assert!(!place.succeed(RUN).stderr.contains("is taken to hold"));
    assert_confidences(&points(&place), |row| 1.0 / (1.0 + (-test(row)).exp()));
}

#[test]
fn percentages_are_probabilities_times_100() {
    let place = place_with_layer(0);
    write(&place, "softmax", |n| vec![vec![50.0, 20.0, 30.0]; n]);
    let stderr = place.succeed(RUN).stderr;
    assert!(stderr.contains("softmax_test.npy holds percentages"), "{stderr}");
    assert_confidences(&points(&place), |_| 0.5);
}

#[test]
fn a_confidence_that_is_not_read_is_said() {
    let place = place_with_layer(0);
    write(&place, "confidence", |n| vec![vec![0.25]; n]);
    let stderr = place.succeed(RUN).stderr;
    assert!(
        stderr.contains("confidence_test.npy is left out: there are no predictions"),
        "{stderr}"
    );
    // Predictions without outputs have no other.
    for (part, n) in PARTS {
        place.labels(&format!("layers/predictions_{part}.npy"), &groups(n as u32));
    }
    assert!(!place.succeed(RUN).stderr.contains("left out"));
    assert_confidences(&points(&place), |_| 0.25);
    for (part, n) in PARTS {
        npy::write_f32(
            place.path(format!("layers/confidence_{part}.npy")),
            &vec![0.75; n],
            &[n as u64],
        )
        .unwrap();
    }
    place.succeed(RUN);
    assert_confidences(&points(&place), |_| 0.75);
    write(&place, "confidence", |n| vec![vec![0.25]; n]);
    // Values that are no probabilities tell nothing, so that the file is needed.
    write(&place, "softmax", |n| vec![vec![0.9, 0.8, 0.7]; n]);
    assert!(!place.succeed(RUN).stderr.contains("left out"));
    assert_confidences(&points(&place), |_| 0.25);
    write(&place, "softmax", |n| vec![vec![0.5, 0.25, 0.25]; n]);
    let stderr = place.succeed(RUN).stderr;
    assert!(
        stderr.contains(
            "softmax_test.npy holds the probabilities, confidence_test.npy \
            beside it is left out"
        ),
        "{stderr}"
    );
    assert_confidences(&points(&place), |row| if row % 3 == 0 { 0.5 } else { 0.25 });
}

#[test]
fn labels_that_are_called_like_a_header_are_labels() {
    let place = place_with_layer(0);
    let lines = |n: usize| (0..n).map(|row| ["y\n", "n\n"][row % 2]).collect::<String>();
    for (part, n) in PARTS {
        fs::remove_file(place.path(format!("layers/labels_{part}.npy"))).unwrap();
        fs::write(place.path(format!("layers/labels_{part}.csv")), lines(n)).unwrap();
    }
    assert!(!place.succeed(RUN).stderr.contains("header"));
    assert!(points(&place).iter().enumerate().all(|(row, point)| point[0] == ["y", "n"][row % 2]));
    // One line more is a header, which is said.
    fs::write(place.path("layers/labels_test.csv"), format!("answer\n{}", lines(30))).unwrap();
    let stderr = place.succeed(RUN).stderr;
    assert!(
        stderr.contains("labels_test.csv: line 1, `answer`, is taken for the header"),
        "{stderr}"
    );
    assert!(points(&place).iter().enumerate().all(|(row, point)| point[0] == ["y", "n"][row % 2]));
}

#[test]
fn predictions_that_differ_from_the_output_are_said() {
    let place = place_with_layer(0);
    write(&place, "softmax", |n| logits(n).into_iter().map(|row| softmax(row).to_vec()).collect());
    place.labels("layers/predictions_test.npy", &groups(30));
    let stderr = place.succeed(RUN).stderr;
    assert!(
        stderr.contains("predictions_test.npy and softmax_test.npy differ in 7 of 30 rows"),
        "{stderr}"
    );
    let points = points(&place);
    assert!(points.iter().all(|point| point[0] == point[1]));
    assert_confidences(&points, |row| softmax(logits(30)[row])[row % 3]);
}

#[test]
fn labels_may_begin_at_one_or_be_names() {
    // No empty class 0.
    let place = place_with_layer(1);
    place.succeed(RUN);
    let names = || fs::read_to_string(place.path("out/activations/class_names.txt")).unwrap();
    assert_eq!(names(), "1\n2\n3\n");
    assert_eq!(
        npy::read_labels(place.path("out/activations/labels_test.npy")).unwrap()[..3],
        [0, 1, 2]
    );
    let per_class = |place: &Place| {
        manifest(&place.path("out"))["results"]["knn"][0]["knn"][0]["per_class"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(per_class(&place), 3);
    // As many names as labels that count from 1, which is said.
    fs::write(place.path("layers/class_names.txt"), "Bag\nCoat\nDress\n").unwrap();
    let stderr = place.succeed(RUN).stderr;
    assert!(
        stderr.contains(
            "the labels go from 1 to 3: they are taken to count the 3 class names from 1"
        ),
        "{stderr}"
    );
    assert!(
        points(&place)[..3].iter().map(|point| &point[0]).eq(["Bag", "Coat", "Dress"]),
        "{:?}",
        points(&place)
    );
    // One name more: the numbers count the lines from 0, and the class without points is named.
    fs::write(place.path("layers/class_names.txt"), "none\nBag\nCoat\nDress\n").unwrap();
    let stderr = place.succeed(RUN).stderr;
    assert!(
        stderr.contains("class_names.txt names classes that no point has: 0 (`none`)"),
        "{stderr}"
    );
    assert!(points(&place)[..3].iter().map(|point| &point[0]).eq(["Bag", "Coat", "Dress"]));
    fs::write(place.path("layers/class_names.txt"), "Bag\nCoat\n").unwrap();
    place.refuse(3, RUN, &["labels_train.npy", "row 1 is 2", "class_names.txt names 0 to 1"]);
    fs::remove_file(place.path("layers/class_names.txt")).unwrap();
    // Names, from text and from an array, with outputs in their order.
    let text = |n: u32| {
        groups(n)
            .iter()
            .map(|group| ["zebra\n", "ant\n", "owl\n"][*group as usize])
            .collect::<String>()
    };
    for (part, n) in PARTS {
        fs::remove_file(place.path(format!("layers/labels_{part}.npy"))).unwrap();
        fs::write(
            place.path(format!("layers/labels_{part}.csv")),
            format!("label\n{}", text(n as u32)),
        )
        .unwrap();
    }
    write(&place, "softmax", |n| {
        (0..n)
            .map(|row| [2, 0, 1].map(|of| if row % 3 == of { 0.5 } else { 0.25 }).to_vec())
            .collect()
    });
    let stderr = place.succeed(RUN).stderr;
    assert!(
        stderr.contains(
            "the columns of softmax_train.npy are taken in the order of the names, ant, owl, zebra"
        ),
        "{stderr}"
    );
    assert_eq!(names(), "ant\nowl\nzebra\n");
    let points = points(&place);
    assert!(
        points.iter().enumerate().all(|(row, point)| point[0] == ["zebra", "ant", "owl"][row % 3])
    );
    assert_eq!(points[0][1], "owl");
    assert!(!stderr.contains("the classes are numbered"));
}

#[test]
fn a_matrix_of_probabilities_as_predictions_is_refused_with_the_advice() {
    let place = place_with_layer(0);
    let values = Matrix::new(vec![0.5; 60], 30, 2).unwrap();
    npy::write_matrix(place.path("layers/predictions_test.npy"), &values).unwrap();
    place.refuse(3, RUN, &["predictions_test.npy", "(30, 2)", "argmax"]);
}

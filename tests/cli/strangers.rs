//! Strangers: points of another kind than those that a network was trained on, in folders of layers
//! and beside the data of a run, and which layers notice them.

use crate::support::{Place, Row, assert_outputs_are_whole, groups, manifest, points, table};
use layerlens::dataset::{npy, read_names};
use layerlens::matrix::Matrix;
use std::fs;

fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} of {row:?}"))
}

fn write(place: &Place, name: &str, values: Vec<f32>, columns: usize) {
    let n = values.len() / columns;
    let path = place.path(format!("layers/{name}.npy"));
    npy::write_matrix(path, &Matrix::new(values, n, columns).unwrap()).unwrap();
}

/// Probabilities of three classes, that of the row's group `most`.
fn sure(n: usize, most: f32) -> Vec<f32> {
    let row = |at: usize| {
        (0..3).map(move |class| if at % 3 == class { most } else { (1.0 - most) / 2.0 })
    };
    (0..n).flat_map(row).collect()
}

/// 120 training and 30 test points in three groups, and 25 strangers: in `raw` they are like the
/// test points, in `layer_1` they lie on the other side of the origin. The network is sure of the
/// points, of some of them hardly, and not of the strangers.
fn place_with_strangers() -> Place {
    let place = Place::new();
    fs::create_dir(place.path("layers")).unwrap();
    let x = points(175, 5);
    let rows = |from: usize, to: usize| x.as_slice()[from * 5..to * 5].to_vec();
    for layer in ["raw", "layer_1"] {
        write(&place, &format!("{layer}_train"), rows(0, 120), 5);
        write(&place, &format!("{layer}_test"), rows(120, 150), 5);
    }
    write(&place, "raw_strangers", rows(150, 175), 5);
    let far = rows(150, 175).into_iter().map(|value| -1.0 - value).collect();
    write(&place, "layer_1_strangers", far, 5);
    write(&place, "softmax_train", sure(120, 0.9), 3);
    let test = [sure(24, 0.95), sure(6, 0.4)].concat();
    write(&place, "softmax_test", test, 3);
    write(&place, "softmax_strangers", sure(25, 0.5), 3);
    place.labels("layers/labels_train.npy", &groups(120));
    place.labels("layers/labels_test.npy", &groups(30));
    fs::write(place.path("layers/class_names.txt"), "coat\nbag\nboot\n").unwrap();
    let files: String = (0..25).map(|at| format!("more/{at}.png\n")).collect();
    fs::write(place.path("layers/files_strangers.txt"), files).unwrap();
    place
}

const PROFILE: &str = "profile layers --device cpu --out";

#[test]
fn layers_of_a_folder_notice_its_strangers() {
    let place = place_with_strangers();
    place.labels("layers/labels_strangers.npy", &[0; 25]);
    let outcome = place.succeed(&format!("{PROFILE} out"));
    let out = place.path("out");
    assert_outputs_are_whole(&out);
    assert!(outcome.stderr.contains("left out: labels_strangers.npy"), "{}", outcome.stderr);
    let found = table(&out.join("scores/strangers_by_layer.csv"));
    let named: Vec<[&str; 2]> =
        found.iter().map(|row| ["space", "score"].map(|column| row[column].as_str())).collect();
    let distance = "knn_distance";
    assert_eq!(
        named,
        [["raw", distance], ["layer_1", distance], ["softmax", distance], ["", "max_softmax"]]
    );
    for row in &found {
        let counts = ["n_strangers", "n_scored", "not_computed"].map(|key| row[key].as_str());
        assert_eq!(counts, ["25", "30", ""]);
    }
    // Points of the same kind are no strangers.
    assert!((0.2..0.8).contains(&number(&found[0], "auroc")), "{:?}", found[0]);
    assert_eq!((number(&found[1], "auroc"), number(&found[1], "fpr95")), (1.0, 0.0));
    // Of 30 points the network is less sure of 6 than of any stranger.
    assert_eq!((number(&found[3], "auroc"), number(&found[3], "fpr95")), (0.8, 0.2));
    assert!(found[..3].iter().all(|row| row["k"] == "50") && found[3]["k"].is_empty());
    let each = table(&out.join("scores/strangers.csv"));
    assert_eq!(each.len(), 25);
    for (at, row) in each.iter().enumerate() {
        let text = ["row", "file", "network", "confidence"].map(|key| row[key].as_str());
        assert_eq!(
            text,
            [&at.to_string(), &format!("more/{at}.png"), ["coat", "bag", "boot"][at % 3], "0.5"]
        );
        let distances =
            ["raw", "layer_1"].map(|space| number(row, &format!("knn_distance_{space}")));
        assert!(0.0 < distances[0] && distances[0] < distances[1], "{distances:?}");
        assert_eq!(row["share_farther_in_last_layer"], "0");
    }
    let strangers = &manifest(&out)["results"]["strangers"];
    assert_eq!(strangers["spaces"][1]["detection"]["known"]["auroc"], 1.0);
    let parts = ["Strangers show best in layer 1: AUROC 1.000", "0.0 % of the test", "AUROC 0.800"];
    for part in parts {
        assert!(outcome.stdout.contains(part), "{part}: {}", outcome.stdout);
    }
    assert!(outcome.stdout.contains("25 strangers against 30 test points"), "{}", outcome.stdout);
    assert!(
        out.join("figures/strangers.png").exists() && out.join("figures/strangers.svg").exists()
    );

    // Nothing else knows of them: without them all other tables are the same.
    for entry in fs::read_dir(place.path("layers")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains("_strangers") {
            fs::remove_file(path).unwrap();
        }
    }
    place.succeed(&format!("{PROFILE} without"));
    for file in fs::read_dir(place.path("without/scores")).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let name = path.file_name().unwrap();
            assert!(fs::read(&path).unwrap() == fs::read(out.join("scores").join(name)).unwrap());
        }
    }
    assert!(!place.path("without/scores/strangers.csv").exists());
    assert!(manifest(&place.path("without"))["results"]["strangers"].is_null());
}

#[test]
fn what_is_not_known_of_strangers_has_a_reason() {
    let place = place_with_strangers();
    for name in ["softmax_strangers.npy", "files_strangers.txt", "labels_test.npy"] {
        fs::remove_file(place.path("layers").join(name)).unwrap();
    }
    for name in ["raw_test", "layer_1_test", "softmax_test"] {
        fs::remove_file(place.path(format!("layers/{name}.npy"))).unwrap();
    }
    // 40 training points of which each has 39 others.
    for layer in ["raw", "layer_1"] {
        let path = place.path(format!("layers/{layer}_train.npy"));
        let few = npy::read_matrix(&path).unwrap().select(&(0..40).collect::<Vec<_>>());
        npy::write_matrix(&path, &few).unwrap();
    }
    write(&place, "softmax_train", sure(40, 0.9), 3);
    place.labels("layers/labels_train.npy", &groups(40));
    let outcome = place.succeed(&format!("{PROFILE} out"));
    assert!(outcome.stderr.contains("neighbour 39, not of neighbour 50"), "{}", outcome.stderr);
    let found = table(&place.path("out/scores/strangers_by_layer.csv"));
    let of_layer = ["k", "auroc", "n_scored"].map(|key| found[1][key].as_str());
    assert_eq!(of_layer, ["39", "1", "40"]);
    let reasons: Vec<&str> = found[2..].iter().map(|row| row["not_computed"].as_str()).collect();
    assert_eq!(
        reasons,
        [
            "the network's probabilities for the strangers are not known",
            "the network's probabilities are not known"
        ]
    );
    let each = table(&place.path("out/scores/strangers.csv"));
    let unknown = ["file", "network", "confidence", "knn_distance_softmax"];
    assert!(unknown.iter().all(|column| each[0][*column].is_empty()), "{:?}", each[0]);
    let words = "training points, each left out of its own neighbours";
    assert!(outcome.stdout.contains(words), "{}", outcome.stdout);
}

#[test]
fn files_of_strangers_that_do_not_fit_are_named() {
    let place = place_with_strangers();
    let refused = |name: &str, values: Vec<f32>, columns: usize, parts: &[&str]| {
        let path = place.path(format!("layers/{name}.npy"));
        let before = fs::read(&path).ok();
        write(&place, name, values, columns);
        place.refuse(3, &format!("{PROFILE} out"), parts);
        match before {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
    };
    let zeros = |n: usize| vec![0.0; n];
    refused("raw_strangers", zeros(100), 4, &["raw_strangers.npy", "4 columns", "has 5"]);
    refused("layer_1_strangers", zeros(50), 5, &["layer_1_strangers.npy", "10 rows", "25 rows"]);
    refused("softmax_strangers", sure(9, 0.5), 3, &["softmax_strangers.npy", "9 rows", "25 rows"]);
    let two = [0.5, 0.5].repeat(25);
    refused("softmax_strangers", two, 2, &["softmax_strangers.npy", "2 columns", "has 3"]);
    refused("layer_9_strangers", zeros(125), 5, &["layer_9_strangers.npy", "layer_9_train.npy"]);
    // Not a number in row 1, column 2, in bytes, since no matrix holds one.
    let path = place.path("layers/raw_strangers.npy");
    let whole = fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    let at = bytes.len() - 4 * 125 + 4 * 7;
    bytes[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    place.refuse(3, &format!("{PROFILE} out"), &["raw_strangers.npy", "row 1, column 2", "NaN"]);
    fs::write(&path, whole).unwrap();
    fs::write(place.path("layers/files_strangers.txt"), "a.png\n").unwrap();
    place.refuse(3, &format!("{PROFILE} out"), &["files_strangers.txt", "1 lines", "25 rows"]);
    fs::remove_file(place.path("layers/layer_1_strangers.npy")).unwrap();
    place.refuse(3, &format!("{PROFILE} out"), &["layer_1_strangers.npy"]);
}

#[test]
fn given_layers_take_their_strangers_into_the_run_and_its_page() {
    let place = place_with_strangers();
    let run = "run --from-activations layers --methods pca --device cpu --out out";
    place.succeed(run);
    let out = place.path("out");
    assert_outputs_are_whole(&out);
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    let parts = [
        "Strangers: which layers notice them",
        "FPR at 95 % TPR",
        "notices them best",
        "25 strangers, images of another kind",
        "its k-th nearest training point (k = 50)",
        "Strangers show best in layer 1",
        "How well each layer tells strangers",
    ];
    for part in parts {
        assert!(page.contains(part), "{part}");
    }
    let files = read_names(out.join("activations/files_strangers.txt")).unwrap();
    assert_eq!((files.len(), files[24].as_str()), (25, "more/24.png"));
    let by_layer = |folder: &str| table(&place.path(folder).join("scores/strangers_by_layer.csv"));
    let first = by_layer("out");
    // The layers that the run keeps say the same.
    place.succeed("profile out/activations --device cpu --out again");
    let again = by_layer("again");
    for row in again {
        assert!(first.contains(&row), "{row:?}");
    }
    // A table that is gone is made again, and so are the results that no stage stands for.
    let before = fs::read(out.join("scores/strangers.csv")).unwrap();
    let results = manifest(&out)["results"]["profile"].clone();
    fs::remove_file(out.join("scores/strangers.csv")).unwrap();
    let outcome = place.succeed(&format!("{run} --resume"));
    assert!(outcome.stderr.contains("the stage `strangers`"), "{}", outcome.stderr);
    assert!(fs::read(out.join("scores/strangers.csv")).unwrap() == before);
    assert_eq!(manifest(&out)["results"]["profile"], results);
}

#[test]
fn images_of_another_kind_are_shown_to_the_network_of_a_run() {
    let place = Place::with_images();
    let command = "run --dataset data --epochs 1 --hidden 8 --methods pca --device cpu --out out";
    place.succeed(&format!("{command} --strangers digits"));
    let out = place.path("out");
    assert_outputs_are_whole(&out);
    let shape = |name: &str| {
        let matrix = npy::read_values(out.join("activations").join(name)).unwrap();
        (matrix.n_samples(), matrix.n_features())
    };
    assert_eq!(shape("raw_strangers.npy"), (797, 784));
    assert_eq!(shape("layer_1_strangers.npy"), (797, 8));
    assert_eq!(shape("softmax_strangers.npy"), (797, 10));
    let images = npy::read_images(out.join("activations/images_strangers.npy")).unwrap();
    assert_eq!((images.n(), images.shape()), (797, [28, 28, 1]));
    assert!(!out.join("activations/labels_strangers.npy").exists());
    let told = manifest(&out);
    assert_eq!(told["config"]["strangers"], "digits");
    let warnings = told["warnings"].to_string();
    assert!(warnings.contains("strangers: of digits the 797 test images"), "{warnings}");
    // The activations that the run leaves give the same tables.
    place.succeed("profile out/activations --device cpu --out again");
    for file in ["strangers.csv", "strangers_by_layer.csv"] {
        let read = |run: &str| fs::read_to_string(place.path(run).join("scores").join(file));
        assert_eq!(read("again").unwrap(), read("out").unwrap(), "{file}");
    }
    // Other strangers are another run.
    place.refuse(3, &format!("{command} --resume"), &["cannot be resumed", "strangers"]);
    place.refuse(2, &command.replace("out out", "out b --strangers nosuch"), &["--strangers"]);
    place.refuse(
        3,
        &command.replace("out out", "out b --strangers no/such"),
        &["no/such", "no such file or folder"],
    );
    let given = "run --from-activations out/activations --strangers digits --out b";
    place.refuse(2, given, &["--strangers", "--from-activations"]);
}

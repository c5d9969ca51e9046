//! Several models side by side, and the layer of one of them that is embedded.

use crate::support::{Place, Row, assert_outputs_are_whole, manifest, table};
use layerlens::dataset::npy;
use std::fs;

fn column(rows: &[Row], name: &str) -> Vec<f64> {
    rows.iter().map(|row| row[name].parse().unwrap()).collect()
}

const DATA: &str =
    "--dataset fashion-mnist --data-dir data --label-groups groups.toml --device cpu";
/// Five groups of the ten numbers.
const GROUPS: [(&str, &str); 5] = [
    ("T-shirt, Shirt", "0, 6"),
    ("Sandal", "5"),
    ("Trouser, Pullover", "1, 2"),
    ("Sneaker, Bag", "7, 8"),
    ("Others", "3, 4, 9"),
];

fn place() -> Place {
    let place = Place::with_images();
    let groups = GROUPS
        .map(|(name, classes)| format!("[[group]]\nname = \"{name}\"\nclasses = [{classes}]\n"));
    fs::write(place.path("groups.toml"), groups.concat()).unwrap();
    place
}

const QUICK: &str = "--perplexity 10 --max-iter 100";

#[test]
fn models_are_compared_and_one_layer_is_embedded() {
    let place = place();
    let sweep = "[[model]]\narchitecture = \"cnn-a\"\nepochs = 2\n\n[[model]]\narchitecture = \"mlp\"\nname = \"small\"\nhidden = 8\nbatch_size = [20, 40]\nepochs = 4\n";
    fs::write(place.path("sweep.toml"), sweep).unwrap();
    let outcome =
        place.succeed(&format!("compare-models sweep.toml {DATA} {QUICK} --clusters k-means,dbscan --min-samples 4 --out out"));
    let out = place.path("out");
    let rows = table(&out.join("scores/models.csv"));
    let names: Vec<&str> = rows.iter().map(|row| row["model"].as_str()).collect();
    assert_eq!(names, ["cnn-a", "small-batch_size-20", "small-batch_size-40"]);
    assert_eq!(column(&rows, "n_parameters"), [174_629.0, 6_325.0, 6_325.0]);
    assert_eq!(column(&rows, "batch_size"), [32.0, 20.0, 40.0]);
    assert_eq!(column(&rows, "epochs"), [2.0, 4.0, 4.0]);
    assert_eq!(
        (rows[0]["filters"].as_str(), rows[0]["dense"].as_str(), rows[1]["filters"].as_str()),
        ("32", "32 32", "")
    );
    for row in &rows {
        let history = table(&out.join(format!("history_{}.csv", row["model"])));
        let losses = column(&history, "validation_loss");
        let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
        let best = losses.iter().position(|loss| *loss == least).unwrap() + 1;
        assert_eq!(row["best_epoch"], best.to_string());
        assert!(
            (row["loss_rise"].parse::<f64>().unwrap() - (losses.last().unwrap() / least - 1.0))
                .abs()
                < 1e-6
        );
        assert_eq!(row["validation_accuracy"], history.last().unwrap()["validation_accuracy"]);
        assert!(
            outcome.stdout.contains(&format!("{}: {}", row["model"], row["verdict"])),
            "{}",
            outcome.stdout
        );
        for figure in ["history", "architecture"] {
            assert!(out.join(format!("figures/{figure}_{}.svg", row["model"])).exists());
        }
    }
    // The layers of all models are measured and compared with each other.
    let layers = table(&out.join("scores/layers.csv"));
    let spaces: Vec<&str> = layers.iter().map(|row| row["space"].as_str()).collect();
    assert_eq!(spaces.iter().filter(|space| **space == "raw").count(), 1);
    for space in ["cnn-a_dense_2", "cnn-a_softmax", "small-batch_size-40_layer_1"] {
        assert!(spaces.contains(&space), "{space} of {spaces:?}");
    }
    let probes = column(&layers, "probe_accuracy");
    assert!(probes.iter().all(|accuracy| (0.2..=1.0).contains(accuracy)), "{probes:?}");
    let pairs = table(&out.join("scores/layer_similarity.csv"));
    assert_eq!(pairs.len(), spaces.len() * (spaces.len() - 1) / 2);
    for row in &rows {
        let map = table(&out.join(format!("scores/data_map_{}.csv", row["model"])));
        let right = column(&map, "n_epochs_right").iter().sum::<f64>() / map.len() as f64;
        let history = table(&out.join(format!("history_{}.csv", row["model"])));
        let mean: f64 = column(&history, "train_accuracy").iter().sum();
        assert!((right - mean).abs() < 1e-5, "{right} and {mean} of {}", row["model"]);
    }
    assert!(out.join("figures/layer_similarity.svg").exists());
    assert!(outcome.stdout.contains("Of the last hidden layers a linear probe reads the class"));
    // The layer is that of model A, one row a test image, and its labels are the groups.
    let encoded = npy::read_matrix(out.join("activations/cnn-a_dense_2_test.npy")).unwrap();
    assert_eq!((encoded.n_samples(), encoded.n_features()), (120, 32));
    let labels = npy::read_labels(out.join("activations/labels_test.npy")).unwrap();
    let sizes: Vec<usize> =
        (0..5).map(|group| labels.iter().filter(|label| **label == group).count()).collect();
    assert_eq!(sizes, [24, 12, 24, 24, 36]);
    for file in
        ["k-means_maps", "k-means_gallery", "k-means_contingency", "dbscan_maps", "k_distance"]
    {
        assert!(out.join(format!("figures/cnn-a_dense_2_{file}.png")).exists(), "{file}");
    }
    assert!(
        outcome.stdout.contains("dense_2 of cnn-a on the test images")
            && outcome.stdout.contains("ARI")
    );
    assert_outputs_are_whole(&out);
    assert_eq!(manifest(&out)["status"], "complete");
    // What a name stands for in figures is in every legend.
    let legend = fs::read_to_string(out.join("figures/cnn-a_dense_2.svg")).unwrap();
    assert!(["Sandal", "Sneaker, Bag"].iter().all(|name| legend.contains(name)));
    let again = place.succeed(&format!(
        "compare-models sweep.toml {DATA} {QUICK} --clusters k-means,dbscan --min-samples 4 --out \
         out --resume"
    ));
    assert!(again.stderr.contains("nothing is left to do"), "{}", again.stderr);
    assert!(again.stdout.contains("small-batch_size-40"), "{}", again.stdout);
}

#[test]
fn a_comparison_that_cannot_be_is_refused_before_anything_is_trained() {
    let place = place();
    let refuse = |args: &str, parts: &[&str]| {
        let code = if parts[0].ends_with(".toml") { 3 } else { 2 };
        place.refuse(code, &format!("compare-models {args} {DATA} --out out"), parts);
    };
    refuse("cnn-a cnn-a", &["cnn-a", "each model once"]);
    refuse("nosuch", &["nosuch", "cnn-default"]);
    refuse("cnn-a --encode dense_2", &["--encode", "MODEL/LAYER"]);
    refuse("cnn-a --encode cnn-b/dense_2", &["--encode", "cnn-b/dense_2", "cnn-a"]);
    refuse("cnn-a --encode cnn-a/dense_3", &["--encode", "the layers of cnn-a are", "dense_2"]);
    refuse("cnn-a --methods nosuch", &["--methods", "nosuch", "tsne"]);
    refuse("cnn-a --eps -1 --clusters dbscan", &["--eps", "-1"]);
    place.refuse(
        3,
        &format!("compare-models cnn-a --n-clusters 1000 {DATA} --out out"),
        &["--n-clusters", "120"],
    );
    fs::write(place.path("sweep.toml"), "[[model]]\narchitecture = \"mlp\"\nname = \"../out\"\n")
        .unwrap();
    refuse("./sweep.toml", &["models", "../out", "files are called after it"]);
    fs::write(place.path("sweep.toml"), "[[model]]\narchitecture = \"mlp\"\nepochs = [1, 2]\n")
        .unwrap();
    refuse("./sweep.toml --epochs 3", &["--epochs", "whose file sets epochs"]);
    refuse("cnn-a --clusters k-means --eps 2", &["--eps", "dbscan"]);
    for (text, parts) in [
        (
            "[[model]]\narchitecture = \"cnn-a\"\nepoch = 3\n",
            &["sweep.toml", "line 3", "epoch", "epochs"][..],
        ),
        (
            "[[model]]\narchitecture = \"cnn-a\"\n[[model]]\narchitecture = \"cnn-a\"\n",
            &["sweep.toml", "line 3", "cnn-a"],
        ),
        ("[[model]]\narchitecture = \"resnet\"\n", &["sweep.toml", "line 2", "resnet", "mlp"]),
        (
            "[[model]]\narchitecture = \"cnn-b\"\nhidden = [3]\n",
            &["sweep.toml", "line 3", "only of the mlp"],
        ),
        (
            "[[model]]\narchitecture = \"mlp\"\nlearning_rate = [0.1, -0.1]\n",
            &["sweep.toml", "line 3", "-0.1", "above 0"],
        ),
        (
            "[[model]]\narchitecture = \"mlp\"\nbatch_size = []\n",
            &["sweep.toml", "line 3", "batch_size"],
        ),
        ("[[model]]\nepochs = 3\n", &["sweep.toml", "line 1", "architecture"]),
    ] {
        fs::write(place.path("sweep.toml"), text).unwrap();
        refuse("sweep.toml", parts);
    }
}

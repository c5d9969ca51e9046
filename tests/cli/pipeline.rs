//! A whole run on a small data set: what it leaves, that it can be repeated, and the commands that
//! do a part of it.

use crate::support::{
    N_TEST, N_TRAIN, Place, assert_outputs_are_whole, files_below, finished, groups, manifest,
    small_images, words, write_images,
};
use layerlens::dataset::npy;
use layerlens::embedding::METHODS;
use layerlens::matrix::Matrix;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub const SPACES: [(&str, usize); 3] = [("raw", 784), ("layer_1", 32), ("layer_2", 16)];
const PARTS: [(&str, usize); 2] = [("train", N_TRAIN), ("test", N_TEST)];
/// Fewer iterations and epochs than by default, to save time.
const SHORT: &str = "--max-iter 100 --n-epochs 100";
/// The methods of a run, by default.
pub const METHODS_RUN: [&str; 4] = ["pca", "tsne", "umap", "trimap"];

/// The arguments of the runs here, but for the methods' and the folder.
fn arguments(data: &Path) -> String {
    let data = data.display();
    format!("run --dataset fashion-mnist --data-dir {data} --hidden 32,16 --epochs 2 --device cpu")
}

/// The arguments of the run that the tests share, but for the folder.
pub fn shared_arguments(data: &Path) -> String {
    format!("{} {SHORT}", arguments(data))
}

/// A folder with `data` and the run `out`, made once for all tests, and the lines that the run
/// ended with.
pub fn shared() -> &'static (PathBuf, String) {
    static SHARED: OnceLock<(PathBuf, String)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli");
        let _ = fs::remove_dir_all(&folder);
        write_images(&folder.join("data"), small_images());
        let args = format!(
            "{} {SHORT} --out {}",
            arguments(&folder.join("data")),
            folder.join("out").display()
        );
        let outcome = Place::new().start(&args);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        (folder, outcome.stdout)
    })
}

pub fn shared_run() -> PathBuf {
    shared().0.join("out")
}

/// The paths that a run without given weights lists.
fn expected_outputs() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = [
        "report.html",
        "history.csv",
        "model/weights.safetensors",
        "scores/knn.csv",
        "scores/knn_per_class.csv",
        "scores/quality.csv",
    ]
    .into_iter()
    .chain([
        "activations/labels_train.npy",
        "activations/labels_test.npy",
        "activations/rows_train.npy",
        "activations/output_weights.npy",
    ])
    .chain([
        "scores/gains.csv",
        "scores/confusion.csv",
        "scores/data_map.csv",
        "scores/confused_pairs.csv",
        "scores/verdicts.csv",
        "scores/layers.csv",
        "scores/layer_similarity.csv",
        "scores/prediction_depth.csv",
        "scores/calibration.csv",
        "scores/spectrum.csv",
        "scores/layers_per_class.csv",
        "scores/cdnv.csv",
        "scores/look_at.csv",
        "scores/neighbors/softmax.npy",
        "scores/probes/softmax.npy",
    ])
    .chain(["activations/layers.txt", "activations/class_names.txt"])
    .map(String::from)
    .collect();
    for (part, _) in PARTS {
        names.insert(format!("activations/softmax_{part}.npy"));
        names.insert(format!("activations/images_{part}.npy"));
        for (space, _) in SPACES {
            names.insert(format!("activations/{space}_{part}.npy"));
            names.extend(
                METHODS_RUN.map(|method| format!("embeddings/{method}_{space}_{part}.npy")),
            );
        }
    }
    for (space, _) in SPACES {
        let tables = ["agreement", "classes", "clusters", "contingency", "labels"]
            .map(|table| format!("_{table}.csv"));
        let others = [".json", "_centers.npy", "_labels.npy"].map(String::from);
        names.extend(
            tables.iter().chain(&others).map(|end| format!("clusters/{space}_k-means{end}")),
        );
        names.insert(format!("neighbors/{space}.safetensors"));
        names.insert(format!("scores/predictions/{space}.npy"));
        names.insert(format!("scores/neighbors/{space}.npy"));
        names.insert(format!("scores/probes/{space}.npy"));
        names.extend(METHODS_RUN.map(|method| format!("scores/predictions/{method}_{space}.npy")));
        names.extend(METHODS_RUN.map(|method| format!("maps/{method}_{space}.safetensors")));
    }
    for kind in ["png", "svg"] {
        names.extend(
            [
                "data_map",
                "examples",
                "history",
                "architecture",
                "knn_accuracy",
                "gains",
                "classifier_confusion",
                "layer_profile",
                "layer_similarity",
                "scree",
                "confusable_classes",
                "reliability",
                "look_at",
            ]
            .map(|name| format!("figures/{name}.{kind}")),
        );
        for (space, _) in SPACES {
            names.extend(["confusion"].map(|name| format!("figures/{name}_{space}.{kind}")));
            names.extend(
                ["k-means_maps", "k-means_contingency", "k-means_gallery"]
                    .map(|name| format!("figures/{space}_{name}.{kind}")),
            );
        }
        for part in ["raw", "layers"] {
            names.extend(METHODS_RUN.map(|method| format!("figures/{method}_{part}.{kind}")));
        }
    }
    names
}

#[test]
fn a_run_lists_every_file_that_it_leaves() {
    let out = shared_run();
    assert_outputs_are_whole(&out);
    let manifest = manifest(&out);
    let listed: Vec<&str> = manifest["outputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    let set: BTreeSet<String> = listed.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(listed.len(), set.len(), "a file is listed twice");
    assert_eq!(set, expected_outputs());
    let found = files_below(&out).into_iter().filter(|path| out.join(path).is_file());
    let found: BTreeSet<String> = found.map(|path| path.to_str().unwrap().to_owned()).collect();
    let unlisted: Vec<&String> = found.difference(&set).collect();
    assert_eq!(unlisted, ["config.toml", "manifest.json"]);
}

#[test]
fn arrays_have_the_shapes_of_their_data() {
    let out = shared_run();
    let shape = |name: String| {
        let matrix = npy::read_matrix(out.join(name)).unwrap();
        (matrix.n_samples(), matrix.n_features())
    };
    for (part, n) in PARTS {
        assert_eq!(shape(format!("activations/softmax_{part}.npy")), (n, 10));
        for (space, d) in SPACES {
            assert_eq!(shape(format!("activations/{space}_{part}.npy")), (n, d));
            for method in METHODS_RUN {
                assert_eq!(shape(format!("embeddings/{method}_{space}_{part}.npy")), (n, 2));
            }
        }
    }
    // The rows say which image each array's row belongs to.
    let rows = npy::read_labels(out.join("activations/rows_train.npy")).unwrap();
    let [train, test] = small_images();
    let raw = npy::read_matrix(out.join("activations/raw_train.npy")).unwrap();
    let labels = npy::read_labels(out.join("activations/labels_train.npy")).unwrap();
    assert_eq!((rows.len(), labels.len()), (N_TRAIN, N_TRAIN));
    let features = train.images.features();
    for (at, &row) in rows.iter().enumerate() {
        assert_eq!(raw.row(at), features.row(row as usize));
        assert_eq!(labels[at], u32::from(train.labels[row as usize]));
    }
    assert_eq!(
        npy::read_matrix(out.join("activations/raw_test.npy")).unwrap(),
        test.images.features()
    );
}

#[test]
fn the_manifest_tells_how_to_repeat_the_run() {
    let (folder, _) = shared();
    let out = folder.join("out");
    let manifest = manifest(&out);
    assert_eq!(
        (&manifest["schema_version"], &manifest["status"], &manifest["error"]),
        (&3.into(), &"complete".into(), &Value::Null)
    );
    assert_eq!(manifest["layerlens_version"], env!("CARGO_PKG_VERSION"));
    let started = manifest["started"].as_str().unwrap();
    assert!(
        started.starts_with("20") && started.ends_with('Z') && started.len() == 20,
        "{started}"
    );
    let argv: Vec<&str> =
        manifest["argv"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let args = format!("{} {SHORT} --out {}", arguments(&folder.join("data")), out.display());
    assert_eq!(argv[0], env!("CARGO_BIN_EXE_layerlens"));
    assert_eq!(argv[1..], words(&args));
    assert_eq!(manifest["seed"], 42);
    let device = &manifest["device"];
    assert_eq!((&device["kind"], &device["reason"]), (&"cpu".into(), &"as chosen".into()));
    assert!(device["name"].as_str().unwrap().starts_with("CPU, "), "{device}");
    // The small data set is not Fashion-MNIST, and may not pass for it.
    let warnings = manifest["warnings"].as_array().unwrap();
    assert!(
        warnings.len() == 1 && warnings[0].as_str().unwrap().contains("classes are numbered"),
        "{warnings:?}"
    );
    let names = [
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ];
    assert_inputs(&manifest, &names.map(|name| folder.join("data").join(name)));
}

fn assert_inputs(manifest: &Value, paths: &[PathBuf]) {
    let inputs = manifest["inputs"].as_array().unwrap();
    assert_eq!(inputs.len(), paths.len(), "{inputs:?}");
    for (input, path) in inputs.iter().zip(paths) {
        let bytes = fs::read(path).unwrap();
        let hash: String =
            Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            (input["name"].as_str(), input["bytes"].as_u64()),
            (path.to_str(), Some(bytes.len() as u64))
        );
        assert_eq!(
            (input["sha256"].as_str(), &input["verified"]),
            (Some(hash.as_str()), &false.into())
        );
    }
}

#[test]
fn the_configuration_is_complete() {
    let out = shared_run();
    let config = &manifest(&out)["config"];
    let text = fs::read_to_string(out.join("config.toml")).unwrap();
    let parsed: toml::Table = toml::from_str(&text).unwrap();
    assert_eq!(&serde_json::to_value(parsed).unwrap(), config);
    assert_eq!(config["dataset"], "fashion-mnist");
    assert_eq!(
        config["split"],
        serde_json::json!({ "train": N_TRAIN, "validation": 400 - N_TRAIN, "test": N_TEST })
    );
    let layers = config["model"]["layers"].as_array().unwrap();
    let of_layers =
        |key: &str| layers.iter().filter_map(|layer| layer[key].as_f64()).collect::<Vec<_>>();
    assert_eq!((of_layers("units"), of_layers("rate")), (vec![32.0, 16.0, 10.0], vec![0.5, 0.5]));
    assert_eq!(config["model"]["input"], serde_json::json!([28, 28, 1]));
    for (name, value) in
        [("epochs", 2.0), ("batch_size", 128.0), ("learning_rate", 0.001), ("random_state", 42.0)]
    {
        assert_eq!(config["training"][name].as_f64(), Some(value), "{name}");
    }
    assert_eq!(config["training"]["validation_split"], "random");
    for name in METHODS_RUN {
        let method = METHODS.iter().find(|method| method.name == name).unwrap();
        let set = config["methods"][name].as_object().unwrap();
        let known: BTreeSet<&str> =
            method.parameters.iter().map(|parameter| parameter.name).collect();
        assert_eq!(set.keys().map(String::as_str).collect::<BTreeSet<_>>(), known);
    }
    assert_eq!(config["methods"]["tsne"]["max_iter"], 100);
    // As it is given, not widened to 0.800000011920929.
    assert!(text.contains("final_momentum = 0.8\n"), "{text}");
}

#[test]
fn every_stage_is_timed() {
    let manifest = manifest(&shared_run());
    let stages = manifest["stages"].as_array().unwrap();
    let names: Vec<&str> = stages.iter().map(|stage| stage["name"].as_str().unwrap()).collect();
    let mut expected = vec!["training".to_owned(), "activations".into()];
    for (space, _) in SPACES {
        expected.push(format!("neighbours {space}"));
        expected.extend(
            METHODS_RUN.iter().flat_map(|method| {
                [format!("{method} {space}"), format!("scores {method} {space}")]
            }),
        );
        expected.extend([format!("quality {space}"), format!("clusters {space}")]);
    }
    let layers = SPACES.map(|(space, _)| space).into_iter().chain(["softmax"]);
    expected.extend(layers.map(|layer| format!("measures {layer}")));
    expected.extend(
        ["layer profile", "what the layers did", "scores and figures", "report"].map(String::from),
    );
    assert_eq!(names, expected);
    for stage in stages {
        let seconds = stage["seconds"].as_f64().unwrap();
        assert!(seconds > 0.0 && seconds < 300.0 && stage["device"] == "cpu", "{stage}");
    }
    let results = &manifest["results"];
    assert_eq!(results["n_parameters"], 784 * 32 + 32 + 32 * 16 + 16 + 16 * 10 + 10);
    let result = |method: &str, space: &str, name: &str| {
        let of_map = |map: &&Value| map["method"] == method && map["space"] == space;
        let map = results["maps"].as_array().unwrap().iter().find(of_map).unwrap();
        let pair = map["results"].as_array().unwrap().iter().find(|pair| pair[0] == name);
        pair.unwrap()[1].as_f64().unwrap()
    };
    for (space, _) in SPACES {
        let share = result("pca", space, "explained_variance_ratio");
        let divergence = result("tsne", space, "kl_divergence");
        assert!(
            (0.0..=1.0).contains(&share) && (0.0..10.0).contains(&divergence),
            "{space}: {share} {divergence}"
        );
        assert_eq!(result("umap", space, "n_epochs"), 100.0);
        let loss = result("trimap", space, "loss");
        assert!(loss > 0.0 && loss < 100.0, "{space}: {loss}");
    }
}

#[test]
fn figures_are_drawn() {
    let out = shared_run();
    for name in expected_outputs().iter().filter(|name| name.ends_with(".png")) {
        let image = image::open(out.join(name)).unwrap().to_rgb8();
        let colors: BTreeSet<[u8; 3]> = image.pixels().map(|pixel| pixel.0).collect();
        let background = image.get_pixel(0, 0);
        let drawn = image.pixels().filter(|pixel| *pixel != background).count() as f64
            / (image.width() * image.height()) as f64;
        assert!(
            image.width() >= 300 && image.height() >= 200,
            "{name}: {} x {}",
            image.width(),
            image.height()
        );
        assert!(
            colors.len() > 10 && drawn > 0.01,
            "{name} is blank: {} colours, {drawn} drawn",
            colors.len()
        );
        let svg = fs::read_to_string(out.join(name.replace(".png", ".svg"))).unwrap();
        assert!(svg.contains("<svg") && svg.trim_end().ends_with("</svg>"), "{name}");
    }
}

#[test]
fn the_last_lines_name_files_that_are_there() {
    let (folder, stdout) = shared();
    let advice = |stdout: &str| {
        let line = stdout.lines().last().unwrap();
        line.strip_prefix("look at ")
            .and_then(|line| line.strip_suffix(" first"))
            .or_else(|| line.strip_prefix("open "))
            .unwrap_or(line)
            .to_owned()
    };
    assert!(Path::new(&advice(stdout)).is_file(), "{stdout}");
    let test = &manifest(&folder.join("out"))["results"]["test"];
    let line = format!(
        "accuracy {:.4}, loss {:.4}",
        test["accuracy"].as_f64().unwrap(),
        test["loss"].as_f64().unwrap()
    );
    assert!(stdout.contains(&line), "{stdout}");
    // Another method, another figure; a map of three dimensions has none.
    let place = Place::with_points();
    let stdout = place
        .succeed(&format!("{} --methods pca --out out", arguments(&folder.join("data"))))
        .stdout;
    assert!(place.path(advice(&stdout)).is_file(), "{stdout}");
    let stdout = place.succeed("embed x.npy --device cpu --out map").stdout;
    assert!(place.path(advice(&stdout)).is_file(), "{stdout}");
    let stdout =
        place.succeed("embed x.npy --method pca --n-components 3 --device cpu --out three").stdout;
    assert!(!stdout.contains("figures") && stdout.contains("embeddings/embedding.npy"), "{stdout}");
    assert!(
        manifest(&place.path("three"))["warnings"][0].as_str().unwrap().contains("3 dimensions")
    );
}

/// Demands that the files of two runs whose names begin with one of `prefixes` are the same, and
/// that there are some.
fn assert_same(a: &Path, b: &Path, prefixes: &[&str]) {
    assert_same_but(a, b, prefixes, None);
}

/// The same without one file.
fn assert_same_but(a: &Path, b: &Path, prefixes: &[&str], but: Option<&str>) {
    let of = |folder: &Path| -> BTreeSet<PathBuf> {
        let wanted = |path: &PathBuf| {
            folder.join(path).is_file()
                && prefixes.iter().any(|prefix| path.starts_with(prefix))
                && !but.is_some_and(|but| path.ends_with(but))
        };
        files_below(folder).into_iter().filter(wanted).collect()
    };
    assert_eq!(of(a), of(b));
    assert!(of(a).len() >= prefixes.len());
    for path in of(a) {
        assert!(
            fs::read(a.join(&path)).unwrap() == fs::read(b.join(&path)).unwrap(),
            "{} differs",
            path.display()
        );
    }
}

const REPEATABLE: [&str; 7] =
    ["model", "activations", "neighbors", "embeddings", "maps", "scores", "figures"];

#[test]
fn a_run_can_be_repeated_on_any_number_of_threads() {
    let (folder, _) = shared();
    let place = Place::new();
    for threads in [1, 2] {
        let out = format!("threads{threads}");
        place.succeed(&format!(
            "{} {SHORT} --threads {threads} --out {out}",
            arguments(&folder.join("data"))
        ));
        assert_same(&folder.join("out"), &place.path(&out), &REPEATABLE);
        assert_same(&folder.join("out"), &place.path(&out), &["history.csv"]);
    }
}

#[test]
fn another_seed_gives_another_run() {
    let (folder, _) = shared();
    let place = Place::new();
    let mut command = place.command(&[]);
    let args = format!("{} --methods pca --out out", arguments(&folder.join("data")));
    let outcome = finished(command.args(words(&args)).env("LAYERLENS_SEED", "43"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(manifest(&place.path("out"))["seed"], 43);
    for name in [
        "model/weights.safetensors",
        "activations/rows_train.npy",
        "activations/layer_2_test.npy",
        "history.csv",
    ] {
        let read = |folder: PathBuf| fs::read(folder.join(name)).unwrap();
        assert!(read(folder.join("out")) != read(place.path("out")), "{name} is the same");
    }
}

#[test]
fn weights_are_loaded_again_without_training() {
    let (folder, _) = shared();
    let place = Place::new();
    let weights = folder.join("out/model/weights.safetensors");
    let training = " --hidden 32,16 --epochs 2";
    let of_weights = shared_arguments(&folder.join("data"))
        .replace(training, &format!(" --model {}", weights.display()));
    place.refuse(
        2,
        &format!("{of_weights}{training} --out out"),
        &["--hidden", "cannot be used with", "--model"],
    );
    let outcome = place.succeed(&format!("{of_weights} --out out"));
    assert!(outcome.stderr.contains("weights were given: no training"), "{}", outcome.stderr);
    let out = place.path("out");
    // The data map is of a training.
    let prefixes = ["model", "activations", "embeddings", "scores"];
    assert_same_but(&folder.join("out"), &out, &prefixes, Some("data_map.csv"));
    assert!(!out.join("history.csv").exists() && !out.join("figures/history.png").exists());
    let manifest = manifest(&out);
    let stages: Vec<&str> = manifest["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage["name"].as_str().unwrap())
        .collect();
    assert!(!stages.contains(&"training"), "{stages:?}");
    assert_eq!(
        manifest["results"]["test"],
        crate::support::manifest(&folder.join("out"))["results"]["test"]
    );
    let names = [
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ];
    assert_inputs(
        &manifest,
        &[&names.map(|name| folder.join("data").join(name))[..], &[weights]].concat(),
    );
}

#[test]
fn training_names_the_command_that_follows() {
    let place = Place::with_images();
    let stdout = place
        .succeed(
            "train --dataset fashion-mnist --data-dir data --hidden 8 --epochs 3 --seed 9 \
            --device cpu --out out",
        )
        .stdout;
    let found: BTreeSet<PathBuf> = files_below(&place.path("out"));
    let expected = [
        "config.toml",
        "figures",
        "history.csv",
        "manifest.json",
        "model",
        "model/weights.safetensors",
        "scores",
        "scores/data_map.csv",
    ]
    .map(String::from);
    let figures = ["architecture", "data_map", "history"]
        .map(|name| ["png", "svg"].map(|kind| format!("figures/{name}.{kind}")));
    assert_eq!(
        found,
        expected.into_iter().chain(figures.into_iter().flatten()).map(PathBuf::from).collect()
    );
    assert_outputs_are_whole(&place.path("out"));
    let next = stdout.lines().find_map(|line| line.strip_prefix("next: layerlens ")).unwrap();
    place.succeed(&format!("{next} --methods pca --device cpu --out next"));
    let results = |name: &str| manifest(&place.path(name))["results"]["test"].clone();
    assert_eq!(results("next"), results("out"));
    // The images that the classifier was trained on, and no other.
    let (train, _) = layerlens::dataset::split(400, 9);
    let rows = npy::read_labels(place.path("next/activations/rows_train.npy")).unwrap();
    assert!(rows.iter().map(|&row| row as usize).eq(train));
}

#[test]
fn a_matrix_is_embedded_with_new_points() {
    let place = Place::with_points();
    // The fitted points again: each has a fitted point at no distance.
    let args = "embed x.npy --labels labels.npy --new x.npy --new-labels labels.npy --device cpu";
    for (method, length) in
        METHODS_RUN.into_iter().zip(["", "--max-iter 300", "--n-epochs 300", "--max-iter 300"])
    {
        place.succeed(&format!("{args} --method {method} {length} --out {method}"));
        let out = place.path(method);
        assert_outputs_are_whole(&out);
        let [fitted, new] = ["embedding", "new"]
            .map(|name| npy::read_matrix(out.join(format!("embeddings/{name}.npy"))).unwrap());
        assert_eq!((fitted.n_samples(), new.n_samples(), new.n_features()), (120, 120, 2));
        if method == "pca" {
            assert_eq!(fitted, new);
        }
        assert_near(&fitted, &new);
        let paths = ["x.npy", "labels.npy", "x.npy", "labels.npy"].map(PathBuf::from);
        let manifest = manifest(&out);
        assert_eq!(manifest["inputs"].as_array().unwrap().len(), 4);
        assert!(
            manifest["inputs"]
                .as_array()
                .unwrap()
                .iter()
                .zip(&paths)
                .all(|(input, path)| input["name"].as_str() == path.to_str())
        );
        assert_eq!(manifest["config"]["method"], *method);
        for file in ["figures/map.png", "scores/knn.csv", "scores/quality.csv"] {
            assert!(out.join(file).exists(), "{file}");
        }
        let quality = &manifest["results"]["quality"][0];
        let figure = |name: &str| quality[name].as_f64().unwrap();
        assert!(figure("trustworthiness") > 0.9 && figure("continuity") > 0.9, "{quality}");
        assert!(quality["of_new"]["trustworthiness"].as_f64().unwrap() > 0.9, "{quality}");
    }
}

/// New places lie near the fitted ones: half of them within 5 % of the map's extent, all within
/// their own group.
fn assert_near(fitted: &Matrix, new: &Matrix) {
    let distance = |a: &[f32], b: &[f32]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let extent = fitted.rows().map(|row| distance(row, fitted.row(0))).fold(0.0, f32::max);
    let mut moved: Vec<f32> =
        fitted.rows().zip(new.rows()).map(|(a, b)| distance(a, b) / extent).collect();
    moved.sort_unstable_by(f32::total_cmp);
    assert!(moved[60] < 0.05, "{moved:?}");
    for (row, place) in new.rows().enumerate() {
        let nearest = (0..120)
            .min_by(|&a, &b| {
                distance(place, fitted.row(a)).total_cmp(&distance(place, fitted.row(b)))
            })
            .unwrap();
        assert_eq!(nearest % 3, row % 3, "row {row} is placed beside {nearest}");
    }
}

#[test]
fn without_a_folder_results_go_below_runs() {
    let place = Place::with_points();
    let stdout = place.succeed("embed x.npy --method pca --device cpu").stdout;
    let runs: Vec<_> =
        fs::read_dir(place.path("runs")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let [run] = &runs[..] else { panic!("{runs:?}") };
    let run = run.to_str().unwrap();
    let time = run.strip_suffix("-pca").unwrap();
    assert!(time.len() == 16 && time.starts_with("20") && time.ends_with('Z'), "{run}");
    assert!(stdout.contains(&format!("written to runs/{run}")), "{stdout}");
    place.refuse(2, "embed x.npy --device cpu --out", &["--out"]);
    // Scores alone write nothing unless they are told where.
    let before = place.files();
    place.labels("labels.npy", &groups(120));
    place.succeed("evaluate x.npy --labels labels.npy --device cpu");
    assert_eq!(place.files(), before);
}

#[test]
fn help_and_version_are_printed() {
    let place = Place::new();
    let version = place.succeed("-V").stdout;
    assert_eq!(version, format!("layerlens {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(place.succeed("--version").stdout, version);
    let help = place.succeed("--help").stdout;
    let commands = ["run", "train", "embed", "transform", "evaluate", "bench", "devices"];
    assert!(commands.iter().all(|command| help.contains(&format!("\n  {command} "))), "{help}");
    assert!(help.contains("Without a command"), "{help}");
    for command in commands {
        let help = place.succeed(&format!("{command} --help")).stdout;
        let has_flag =
            |flag: &str| help.contains(&format!("{flag} ")) || help.contains(&format!("{flag}\n"));
        for flag in ["--device", "--adapter", "--seed", "--threads", "--progress"] {
            assert!(has_flag(flag), "{command}: {flag}\n{help}");
        }
        // Where the results go, only where there are some.
        for (flag, without) in [
            ("--out", &["transform", "devices"][..]),
            ("--force", &["devices"]),
            ("--resume", &["embed", "evaluate", "bench", "devices"]),
        ] {
            assert_eq!(has_flag(flag), !without.contains(&command), "{command}: {flag}\n{help}");
        }
        assert_eq!(
            help.contains("--perplexity"),
            matches!(command, "run" | "embed" | "bench"),
            "{help}"
        );
        assert!(!place.succeed(&format!("{command} -h")).stdout.is_empty());
    }
    let help = place.succeed("run --help").stdout;
    for method in METHODS {
        for parameter in
            method.parameters.iter().filter(|parameter| parameter.name != "random_state")
        {
            assert!(
                help.contains(&format!("{}: {}", method.title, parameter.description())),
                "{}\n{help}",
                parameter.name
            );
        }
    }
    assert!(help.contains("[default: 0.8]"), "{help}");
}

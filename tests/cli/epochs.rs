//! Maps of a training's epochs: which epochs, what is refused, what is left behind, and that a kill
//! changes no byte of it.

use crate::resume::{assert_same_contents, copy};
use crate::support::{Place, assert_outputs_are_whole, manifest, table, words};
use layerlens::activations::activations;
use layerlens::compute::Device;
use layerlens::dataset::{Dataset, Request, npy};
use layerlens::embedding::Tsne;
use layerlens::matrix::Matrix;
use layerlens::model::read_weights;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

const TRAIN: &str = "run --dataset fashion-mnist --hidden 16,8 --device cpu --clusters none";
const SHORT: &str = "--max-iter 120 --early-exaggeration-iter 40 --methods pca,tsne,trimap";

/// A folder with `data` and a run `out` of three epochs, all of them embedded.
fn shared() -> &'static (Place, String) {
    static SHARED: OnceLock<(Place, String)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let place = Place::with_images();
        let data = place.path("data");
        let args = format!(
            "{TRAIN} --data-dir {} --epochs 3 --epochs-to-embed all {SHORT}",
            data.display()
        );
        place.succeed(&format!("{args} --out out"));
        (place, args)
    })
}

fn noted(out: &Path) -> Value {
    manifest(out)["results"]["epochs"].clone()
}

fn listed(out: &Path) -> Vec<String> {
    let outputs = manifest(out)["outputs"].clone();
    outputs
        .as_array()
        .unwrap()
        .iter()
        .map(|output| output["path"].as_str().unwrap().to_owned())
        .collect()
}

/// Frame `at` of a file of frames.
fn frame(frames: &Matrix, at: usize) -> Matrix {
    let values = frames.rows().flat_map(|row| row[2 * at..2 * at + 2].to_vec());
    Matrix::new(values.collect(), frames.n_samples(), 2).unwrap()
}

/// Distance of each point to one of the others.
fn distances(map: &Matrix) -> Vec<f64> {
    let between = |(a, b): (&[f32], &[f32])| f64::from(a[0] - b[0]).hypot(f64::from(a[1] - b[1]));
    (0..map.n_samples())
        .map(|i| between((map.row(i), map.row((i * 7 + 1) % map.n_samples()))))
        .collect()
}

#[test]
fn the_layers_are_measured_after_every_epoch() {
    let out = shared().0.path("out");
    let rows = table(&out.join("scores/layers_by_epoch.csv"));
    let places: Vec<(&str, &str)> =
        rows.iter().map(|row| (row["epoch"].as_str(), row["space"].as_str())).collect();
    let spaces = ["layer_1", "layer_2", "softmax"];
    let expected = ["0", "1", "2", "3"].map(|epoch| spaces.map(|space| (epoch, space)));
    assert_eq!(places, expected.concat());
    // After the last epoch the layers are those of the run, and what they became.
    let own = table(&out.join("scores/layers.csv"));
    for row in &rows[9..] {
        let own = own.iter().find(|own| own["space"] == row["space"]).unwrap();
        for measure in ["probe_accuracy", "nearest_mean_accuracy", "participation_ratio", "nc1"] {
            assert_eq!(row[measure], own[measure], "{measure} of {}", row["space"]);
        }
        let cka: f64 = row["cka_to_last"].parse().unwrap();
        assert!((cka - 1.0).abs() < 1e-9, "{cka}");
        assert_eq!(row["neighbor_overlap_to_last"], "1");
    }
    let cka = |at: usize| rows[at]["cka_to_last"].parse::<f64>().unwrap();
    assert!(cka(0) < cka(3) && cka(3) < cka(6), "the first layer comes nearer to its end");
    // Neighbours are not searched after every epoch, and the table says so.
    assert!(rows.iter().all(|row| row["knn_accuracy"].is_empty()
        && row["not_computed"].contains("knn_accuracy: its neighbours were not searched")));
    let network = &manifest(&out)["results"]["epoch_profiles"][3]["network_accuracy"];
    let test = &manifest(&out)["results"]["test"]["accuracy"];
    assert!((network.as_f64().unwrap() - test.as_f64().unwrap()).abs() < 1e-6);
    let listed = listed(&out);
    for file in ["layers_by_epoch.png", "layers_by_epoch.svg", "layer_profile_epochs.gif"] {
        assert!(listed.contains(&format!("figures/{file}")), "{file}");
    }
    let bytes = fs::read(out.join("figures/layer_profile_epochs.gif")).unwrap();
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::Indexed);
    let mut decoder = options.read_info(&bytes[..]).unwrap();
    let mut frames = 0;
    while decoder.read_next_frame().unwrap().is_some() {
        frames += 1;
    }
    assert_eq!(frames, 4);
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("Over the epochs of the training"));
}

#[test]
fn a_training_leaves_its_data_map() {
    let out = shared().0.path("out");
    let rows = table(&out.join("scores/data_map.csv"));
    let summary = manifest(&out)["results"]["data_map"].clone();
    let by_right: Vec<usize> = (0..=3)
        .map(|n| rows.iter().filter(|row| row["n_epochs_right"] == n.to_string()).count())
        .collect();
    assert_eq!(summary["by_n_right"], serde_json::json!(by_right));
    assert_eq!(by_right.iter().sum::<usize>(), rows.len());
    // The share that is right in an epoch is that of the history, on average over the epochs.
    let history = table(&out.join("history.csv"));
    let mean = history.iter().map(|row| row["train_accuracy"].parse::<f64>().unwrap()).sum::<f64>();
    let right: usize = by_right.iter().enumerate().map(|(n, rows)| n * rows).sum();
    // The history is in single precision.
    assert!((right as f64 / rows.len() as f64 - mean).abs() < 1e-5);
    let never = rows.iter().filter(|row| row["n_epochs_right"] == "0");
    assert!(never.clone().count() > 0 && never.clone().all(|row| row["n_forgotten"].is_empty()));
    assert!(out.join("figures/data_map.png").exists());
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("rightly in all 3 epochs"));
}

#[test]
fn every_epoch_has_its_weights_maps_and_figures() {
    let out = shared().0.path("out");
    assert_outputs_are_whole(&out);
    let (noted, listed) = (noted(&out), listed(&out));
    assert_eq!(noted["epochs"], serde_json::json!([0, 1, 2, 3]));
    assert_eq!((noted["points"].as_str(), noted["n_points"].as_u64()), (Some("test"), Some(120)));
    assert!(listed.contains(&"epochs/rows.csv".to_owned()));
    let names: Vec<(&str, &str)> = noted["maps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|map| (map["space"].as_str().unwrap(), map["method"].as_str().unwrap()))
        .collect();
    let of = |space| ["pca", "tsne", "trimap"].map(|method| (space, method));
    assert_eq!(names, [of("layer_1"), of("layer_2")].concat());
    for (at, (space, method)) in names.iter().enumerate() {
        let map = &noted["maps"][at];
        let frames = npy::read_matrix(out.join(format!("epochs/{method}_{space}.npy"))).unwrap();
        assert_eq!((frames.n_samples(), frames.n_features()), (120, 8));
        for figure in ["trustworthiness", "displacement"] {
            let values: Vec<f64> = map[figure]
                .as_array()
                .unwrap()
                .iter()
                .map(|value| value.as_f64().unwrap())
                .collect();
            assert!(
                values.len() == 4 && values.iter().all(|value| (0.0..=1.0).contains(value)),
                "{map}"
            );
        }
        assert!(listed.contains(&format!("epochs/{method}_{space}.npy")));
        let gif = format!("figures/{method}_{space}_epochs.gif");
        assert!(fs::read(out.join(&gif)).unwrap().starts_with(b"GIF89a") && listed.contains(&gif));
    }
    for epoch in 0..=3 {
        assert!(listed.contains(&format!("epochs/weights/epoch_{epoch:03}.safetensors")));
    }
    // The last weights are those of the model; the first are not.
    let [last, first, model] =
        ["epochs/weights/epoch_003", "epochs/weights/epoch_000", "model/weights"]
            .map(|name| read_weights(&out.join(format!("{name}.safetensors"))).unwrap().1);
    assert!(last == model && first != model);
    let rows = fs::read_to_string(out.join("epochs/rows.csv")).unwrap();
    assert!(rows.starts_with("part,row\ntest,0\ntest,1\n") && rows.lines().count() == 121);
}

#[test]
fn the_first_frame_is_the_map_of_the_untrained_network_and_the_last_lies_on_the_run_s_own() {
    let (place, _) = shared();
    let out = place.path("out");
    let (architecture, weights) =
        read_weights(&out.join("epochs/weights/epoch_000.safetensors")).unwrap();
    let request = Request { data_dir: Some(place.path("data")), ..Request::new("fashion-mnist") };
    let test = Dataset::open(&request).unwrap().test;
    let layers = activations(&Device::cpu(), &architecture, &weights, &test.images).unwrap();
    let tsne = Tsne { max_iter: 120, early_exaggeration_iter: 40, ..Tsne::default() };
    let fitted = tsne.fit(&Device::cpu(), &layers[1].values).unwrap();
    let frames = npy::read_matrix(out.join("epochs/tsne_layer_1.npy")).unwrap();
    let pairs = distances(fitted.embedding()).into_iter().zip(distances(&frame(&frames, 0)));
    assert!(
        pairs.clone().all(|(a, b)| (a - b).abs() < 1e-3 * a.max(1.0)),
        "{:?}",
        pairs.take(5).collect::<Vec<_>>()
    );
    // Nothing turns the last frame closer to the run's own map: PCA's, of other points, is nearly
    // the same.
    let own = npy::read_matrix(out.join("embeddings/pca_layer_1_test.npy")).unwrap();
    let last = frame(&npy::read_matrix(out.join("epochs/pca_layer_1.npy")).unwrap(), 3);
    let dot: f64 = own.as_slice().iter().zip(last.as_slice()).map(|(a, b)| f64::from(a * b)).sum();
    let norm = |map: &Matrix| map.as_slice().iter().map(|v| f64::from(v * v)).sum::<f64>().sqrt();
    assert!(dot > 0.9 * norm(&own) * norm(&last), "{dot}");
}

#[test]
fn neither_threads_nor_a_second_time_change_a_byte() {
    let (place, args) = shared();
    place.succeed(&format!("{args} --threads 1 --out one"));
    for name in listed(&place.path("out")).iter().filter(|name| name.contains("epoch")) {
        assert!(
            fs::read(place.path("out").join(name)).unwrap()
                == fs::read(place.path("one").join(name)).unwrap(),
            "{name}"
        );
    }
}

/// Starts a run and kills it as soon as there is `file`.
#[cfg(unix)]
fn kill_at(place: &Place, args: &str, file: &Path) {
    let mut command = place.command(&words(args));
    let mut child = command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !file.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let _ = child.kill();
    assert_eq!(child.wait().unwrap().code(), None, "the run ended before it was killed");
}

#[cfg(unix)]
#[test]
fn a_run_killed_in_its_training_and_in_its_epochs_ends_with_the_same_bytes() {
    let place = Place::with_images();
    let args = format!(
        "{TRAIN} --data-dir data --epochs 5 --patience 4 --checkpoint-every 2 --epochs-to-embed \
         every3 {SHORT} --report-points 150"
    );
    place.succeed(&format!("{args} --out whole"));
    let out = place.path("out");
    kill_at(&place, &format!("{args} --out out"), &out.join("checkpoints/epoch_02.safetensors"));
    kill_at(&place, &format!("{args} --resume --out out"), &out.join("epochs/rows.csv"));
    kill_at(&place, &format!("{args} --resume --out out"), &out.join("epochs/tsne_layer_1.npy"));
    place.succeed(&format!("{args} --resume --out out"));
    assert_eq!(noted(&out)["epochs"], serde_json::json!([0, 3, 5]));
    assert_eq!(
        manifest(&out)["results"]["training"]["times"].as_array().unwrap().len(),
        5,
        "of every epoch, whoever trained it"
    );
    assert_same_contents(&place.path("whole"), &out);
    // Without the weights of an earlier epoch the last checkpoint does not do: the training begins
    // again.
    let bare = place.path("bare");
    copy(&place.path("whole"), &bare);
    fs::remove_file(bare.join("manifest.json")).unwrap();
    fs::remove_file(bare.join("epochs/weights/epoch_000.safetensors")).unwrap();
    let mut begun = manifest(&place.path("whole"));
    begun["status"] = "running".into();
    begun["stages"] = serde_json::json!([]);
    fs::write(bare.join("manifest.json"), serde_json::to_vec_pretty(&begun).unwrap()).unwrap();
    place.succeed(&format!("{args} --resume --out bare"));
    assert_same_contents(&place.path("whole"), &bare);
}

#[test]
fn a_training_that_ends_early_has_fewer_epochs_and_says_which_are_missing() {
    let place = Place::with_images();
    let run = format!(
        "{TRAIN} --data-dir data --epochs 60 --patience 1 --learning-rate 0.05 --methods pca"
    );
    let outcome = place.start(&format!("{run} --out every --epochs-to-embed every 3"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let out = place.path("every");
    let last = manifest(&out)["results"]["training"]["epochs"].as_u64().unwrap();
    assert!((2..60).contains(&last), "{last}");
    let mut expected: Vec<u64> = (0..last).step_by(3).collect();
    expected.push(last);
    assert_eq!(noted(&out)["epochs"], serde_json::json!(expected));
    assert!(!outcome.stderr.contains("--epochs-to-embed"), "{}", outcome.stderr);
    let listed = place.succeed(&format!("{run} --out list --epochs-to-embed 58,1,60"));
    assert_eq!(noted(&place.path("list"))["epochs"], serde_json::json!([1]));
    let warning = format!(
        "warning: --epochs-to-embed: the training ended after epoch {last}, before epochs 58, 60"
    );
    assert!(listed.stderr.contains(&warning), "{}", listed.stderr);
    let none = place.succeed(&format!("{run} --out none --epochs-to-embed 60"));
    assert!(
        none.stderr.contains("before epoch 60") && noted(&place.path("none")).is_null(),
        "{}",
        none.stderr
    );
}

#[test]
fn epochs_that_there_cannot_be_are_refused_before_anything_is_done() {
    let place = Place::with_images();
    let run = format!("{TRAIN} --data-dir data --epochs 3 --out out");
    for wrong in ["some", "every", "every 0", "1,,2", "-1", "1.5"] {
        place.refuse(
            2,
            &format!("{run} --epochs-to-embed {wrong}"),
            &["--epochs-to-embed", "every N"],
        );
    }
    place.refuse(
        2,
        &format!("{run} --epochs-to-embed 0,4"),
        &["--epochs-to-embed", "4", "--epochs, 3"],
    );
    place.refuse(
        2,
        &format!("{run} --epochs-to-embed all --model w.safetensors"),
        &["--epochs-to-embed", "--model"],
    );
    place.refuse(
        2,
        "run --epochs-to-embed all --from-activations data --out out",
        &["--epochs-to-embed", "--from-activations"],
    );
    place.refuse(
        2,
        &format!("{run} --epochs-to-embed all --resume-from c.safetensors"),
        &["--epochs-to-embed", "--resume-from"],
    );
    place.refuse(2, "train --epochs-to-embed all --out out", &["--epochs-to-embed"]);
    for wrong in ["0", "-5", "some"] {
        place.refuse(2, &format!("{run} --report-points {wrong}"), &["--report-points"]);
    }
    place.refuse(
        3,
        &format!("{run} --epochs-to-embed all --report-points 60 --methods tsne"),
        &["60 points of the report", "perplexity 30 needs at least 91 points"],
    );
    place.refuse(
        3,
        &format!("{run} --epochs-to-embed all --report-points 3 --methods pca"),
        &["3 points of the report", "at least 4"],
    );
}

//! Networks of other programs in ONNX files: a run on their layers, their table, and what is wrong
//! with them.

use crate::support::{
    N_TEST, Place, assert_outputs_are_whole, manifest, small_images, write_images,
};
use layerlens::dataset::npy;
use rten_onnx::onnx::{ModelProto, NodeProto};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

const DATA: &str = "--dataset data --device cpu";
const QUICK: &str = "--methods pca --clusters k-means --progress plain --out out";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx").join(name)
}

/// The small data set, and networks of the fixtures.
fn place_with(networks: &[&str]) -> Place {
    let place = Place::new();
    write_images(&place.path("data"), small_images());
    for name in networks {
        fs::copy(fixture(name), place.path(name)).unwrap();
    }
    place
}

/// Changes a network.
fn changed(place: &Place, from: &str, to: &str, change: impl FnOnce(&mut ModelProto)) {
    let mut model = ModelProto::parse_buf(&fs::read(fixture(from)).unwrap()).unwrap();
    change(&mut model);
    fs::write(place.path(to), model.write_buf().unwrap()).unwrap();
}

fn node<'a>(model: &'a mut ModelProto, name: &str) -> &'a mut NodeProto {
    let graph = model.graph.as_mut().unwrap();
    graph.node.iter_mut().find(|node| node.name.as_deref() == Some(name)).unwrap()
}

#[test]
fn a_network_is_looked_into_from_its_file() {
    let place = place_with(&["lenet.onnx"]);
    let done = place.succeed(&format!("run --model lenet.onnx {DATA} {QUICK}"));
    let out = place.path("out");
    assert_outputs_are_whole(&out);
    let layers = ["raw", "Relu_12", "MaxPool_13", "Relu_15", "MaxPool_16", "Relu_23"];
    let listed = fs::read_to_string(out.join("activations/layers.txt")).unwrap();
    assert_eq!(listed.lines().collect::<Vec<_>>(), layers);
    for layer in layers {
        assert!(out.join(format!("embeddings/pca_{layer}_test.npy")).exists(), "{layer}");
    }
    // All training images, none of which is kept for validation.
    let shape = |name: &str| {
        let matrix = npy::read_matrix(out.join("activations").join(name)).unwrap();
        (matrix.n_samples(), matrix.n_features())
    };
    assert_eq!(
        (shape("Relu_12_train.npy"), shape("MaxPool_13_test.npy")),
        ((400, 6), (N_TEST, 1176))
    );
    let softmax = npy::read_matrix(out.join("activations/softmax_test.npy")).unwrap();
    for row in softmax.rows() {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
    // Random weights: chance, which is said at once and kept.
    assert!(done.stderr.contains("% of 120 test images rightly"), "{}", done.stderr);
    assert!(done.stderr.contains("hardly more than guesses among 10 classes"), "{}", done.stderr);
    assert!(done.stderr.contains("--preprocess") && !done.stderr.contains('`'), "{}", done.stderr);
    let manifest = manifest(&out);
    let results = &manifest["results"];
    assert_eq!(results["n_parameters"], 8198);
    let accuracy = results["test"]["accuracy"].as_f64().unwrap();
    let classifier = results["insights"]["confused_pairs"][0]["accuracy"].as_f64().unwrap();
    assert!((classifier - accuracy).abs() < 1e-6, "{classifier} {accuracy}");
    assert!(out.join("figures/classifier_confusion.png").exists());
    let inputs = manifest["inputs"].as_array().unwrap();
    assert!(inputs.iter().any(|input| input["name"] == "lenet.onnx"));
    assert!(!out.join("checkpoints").exists() && !out.join("model").exists());
    assert!(fs::read_to_string(out.join("report.html")).unwrap().contains("MaxPool_13"));
}

#[test]
fn activations_alone_are_what_a_run_takes() {
    let place = place_with(&["external.onnx", "external.onnx.data"]);
    let done =
        place.succeed(&format!("activations --model external.onnx {DATA} --sample 50 --out out"));
    assert!(done.stderr.contains("takes one image at a time"), "{}", done.stderr);
    assert!(done.stderr.contains("a sample of at most 50 images"), "{}", done.stderr);
    assert!(done.stdout.contains("--from-activations out/activations"), "{}", done.stdout);
    let rows = npy::read_labels(place.path("out/activations/rows_train.npy")).unwrap();
    assert!(rows.len() == 50 && rows.is_sorted() && rows[49] >= 50, "{rows:?}");
    let labels = npy::read_labels(place.path("out/activations/labels_train.npy")).unwrap();
    let known = &small_images()[0].labels;
    assert!(rows.iter().zip(&labels).all(|(&row, &label)| u32::from(known[row as usize]) == label));
    let inputs = manifest(&place.path("out"))["inputs"].clone();
    let names = inputs.as_array().unwrap().iter().map(|input| input["name"].clone());
    assert!(names.into_iter().any(|name| name == "external.onnx.data"), "{inputs}");
    // The weights are the same, and so are the values, one at a time or several, by one thread or
    // two.
    fs::copy(fixture("lenet.onnx"), place.path("lenet.onnx")).unwrap();
    let values = |flags: &str, out: &str| {
        place.succeed(&format!("activations --model lenet.onnx {DATA} {flags} --out {out}"));
        fs::read(place.path(out).join("activations/Relu_23_test.npy")).unwrap()
    };
    assert!(values("--threads 1", "one") == values("--threads 2", "two"));
    place.succeed("run --from-activations out/activations --methods pca --device cpu --out run");
}

#[test]
fn strangers_are_shown_to_the_network_too() {
    let place = place_with(&["lenet.onnx"]);
    // Images of the data, of twice their size, are strangers here.
    let images = small_images()[1].images.select(&(0..70).collect::<Vec<_>>()).resized(56, 56);
    npy::write_images(place.path("strangers.npy"), &images).unwrap();
    let command = format!(
        "activations --model lenet.onnx {DATA} --strangers strangers.npy --sample 60 --out out"
    );
    let done = place.succeed(&command);
    let out = place.path("out");
    assert_outputs_are_whole(&out);
    let said =
        ["70 of the 70 images", "scaled to 28 x 28", "a sample, drawn by the seed: 60 of 70"];
    for part in said {
        assert!(done.stderr.contains(part), "{part}: {}", done.stderr);
    }
    let rows = npy::read_labels(out.join("activations/rows_strangers.npy")).unwrap();
    assert!(rows.len() == 60 && rows.is_sorted() && rows[59] < 70, "{rows:?}");
    let layer = npy::read_values(out.join("activations/Relu_23_strangers.npy")).unwrap();
    assert_eq!(layer.n_samples(), 60);
    assert_eq!(manifest(&out)["config"]["strangers"], "strangers.npy");
    let inputs = manifest(&out)["inputs"].clone();
    let names = inputs.as_array().unwrap().iter().map(|input| input["name"].clone());
    assert!(names.into_iter().any(|name| name == "strangers.npy"), "{inputs}");
    // A whole run has the tables of the profile of these layers.
    place.succeed(&format!(
        "run --model lenet.onnx {DATA} {} --strangers strangers.npy --sample 60",
        QUICK.replace("out out", "out run")
    ));
    place.succeed("profile out/activations --device cpu --out profile");
    let read = |run: &str| {
        fs::read_to_string(place.path(run).join("scores/strangers_by_layer.csv")).unwrap()
    };
    assert_eq!(read("run"), read("profile"));
}

#[test]
fn a_stopped_run_goes_on_after_its_last_batch() {
    let place = place_with(&["lenet.onnx"]);
    let command = format!("activations --model lenet.onnx {DATA} --out whole");
    place.succeed(&command);
    // What an earlier process left: the stages up to the test, and a part of the training rows.
    let again = command.replace("whole", "again --resume");
    place.succeed(&command.replace("whole", "again"));
    let out = place.path("again");
    let text = fs::read_to_string(out.join("manifest.json")).unwrap();
    let mut left: serde_json::Value = serde_json::from_str(&text).unwrap();
    left["status"] = "interrupted".into();
    left["stages"].as_array_mut().unwrap().truncate(1);
    let stage = left["stages"][0]["name"].clone();
    left["outputs"].as_array_mut().unwrap().retain(|output| output["stage"] == stage);
    fs::write(out.join("manifest.json"), left.to_string()).unwrap();
    let row = 4 * (6 + 1176 + 1200 + 300 + 20 + 10);
    let whole = |name: &str| fs::read(place.path("whole/activations").join(name)).unwrap();
    fs::create_dir(out.join("checkpoints")).unwrap();
    // 35 rows and a torn one, of which two batches of 16 count; their values are marked.
    fs::write(out.join("checkpoints/train.f32"), vec![0_u8; 35 * row + 7]).unwrap();
    place.succeed(&again);
    let values = npy::read_matrix(out.join("activations/Relu_23_train.npy")).unwrap();
    let expected = npy::read_matrix(place.path("whole/activations/Relu_23_train.npy")).unwrap();
    assert!(values.as_slice()[..32 * 20].iter().all(|&value| value == 0.0));
    assert!(values.as_slice()[32 * 20..] == expected.as_slice()[32 * 20..]);
    assert!(!out.join("checkpoints").exists());
    assert_eq!(
        fs::read(out.join("activations/softmax_test.npy")).unwrap(),
        whole("softmax_test.npy")
    );
}

#[test]
fn answers_about_other_classes_leave_everything_else() {
    let place = place_with(&["lenet.onnx"]);
    let done = place.succeed(&format!(
        "run --model lenet.onnx --dataset fashion-mnist-sample --sample 300 --label-groups fashion-5 \
         --device cpu {QUICK}"
    ));
    let said = "answers with 10 values, the data have 5 classes";
    assert!(done.stderr.contains(said), "{}", done.stderr);
    let out = place.path("out");
    assert!(!out.join("activations/softmax_test.npy").exists());
    assert!(!out.join("figures/classifier_confusion.png").exists());
    assert!(out.join("figures/confusion_Relu_23.png").exists());
    assert!(manifest(&out)["results"].get("test").is_none());
}

#[test]
fn the_layers_of_a_network_are_shown() {
    let place = place_with(&["lenet.onnx", "vit.onnx"]);
    let show = |args: &str| place.succeed(&format!("model show {args}")).stdout;
    let shown = show("lenet.onnx");
    for part in [
        "lenet.onnx: images of 28 x 28 x 1",
        "* Relu_12",
        "6 x 28 x 28",
        "means of 6 channels",
        "117,600",
        "* Relu_23",
        "total parameters 8,198, operations for an image 303,800",
        "5 of 5 layers",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let shown = show("vit.onnx --layers norm,add0a --token first");
    assert!(shown.contains("* norm") && shown.contains("first token of 16"), "{shown}");
    assert!(shown.contains("  class_out") && !shown.contains("* class_out"), "{shown}");
}

#[test]
fn files_that_are_no_networks_are_refused_by_name() {
    let place = place_with(&["lenet.onnx", "external.onnx"]);
    let refuse = |file: &str, parts: &[&str]| {
        let parts = [&[file], parts].concat();
        place.refuse(3, &format!("model show {file}"), &parts);
        place.refuse(3, &format!("run --model {file} {DATA} {QUICK}"), &parts);
        place.refuse(3, &format!("activations --model {file} {DATA} --out out"), &parts);
    };
    refuse("nowhere.onnx", &["No such file"]);
    fs::write(place.path("text.onnx"), "layers: many\n").unwrap();
    refuse("text.onnx", &["is no ONNX file", "torch.onnx.export"]);
    fs::write(place.path("empty.onnx"), "").unwrap();
    refuse("empty.onnx", &["is no ONNX file"]);
    let whole = fs::read(place.path("lenet.onnx")).unwrap();
    fs::write(place.path("cut.onnx"), &whole[..whole.len() / 2]).unwrap();
    refuse("cut.onnx", &["damaged", "copied whole"]);
    place.refuse(
        3,
        "model show external.onnx",
        &["external.onnx.data", "external.onnx has its weights", "No such file"],
    );
    fs::write(place.path("external.onnx.data"), [0; 100]).unwrap();
    place.refuse(
        3,
        "model show external.onnx",
        &["external.onnx.data", "has 100 bytes", "is it whole?"],
    );
    changed(&place, "lenet.onnx", "unknown.onnx", |model| {
        node(model, "15").op_type = Some("Telescope".into());
    });
    refuse("unknown.onnx", &["node `15` (Telescope)"]);
    changed(&place, "lenet.onnx", "shape.onnx", |model| {
        let graph = model.graph.as_mut().unwrap();
        graph
            .initializer
            .iter_mut()
            .find(|it| it.name.as_deref() == Some("22.weight"))
            .unwrap()
            .dims = vec![30, 200];
    });
    refuse("shape.onnx", &["node `22` (Gemm)", "[1, 1, 28, 28]"]);
    changed(&place, "lenet.onnx", "inputs.onnx", |model| {
        let graph = model.graph.as_mut().unwrap();
        let mut more = graph.input[0].clone();
        more.name = Some("mask".into());
        graph.input.push(more);
        node(model, "12").input.push("mask".into());
    });
    refuse("inputs.onnx", &["has 2 inputs, `input`, `mask`", "one of images is expected"]);
    changed(&place, "lenet.onnx", "open.onnx", |model| {
        let input = &mut model.graph.as_mut().unwrap().input[0];
        let shape = input.r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().shape.as_mut();
        shape.unwrap().dim[2..].iter_mut().for_each(|dim| dim.dim_value = None);
    });
    place.refuse(3, "model show open.onnx", &["open.onnx", "height", "--resize"]);
    // The images of the data have one.
    place.succeed(&format!("activations --model open.onnx {DATA} --sample 20 --out open"));
}

#[test]
fn flags_that_do_not_fit_are_refused() {
    let place = place_with(&["lenet.onnx"]);
    place.refuse(2, &format!("run {DATA} --layers all"), &["--model = none", ".onnx"]);
    place.refuse(2, "model show mlp --token first", &["mlp", ".onnx"]);
    let run = format!("run --model lenet.onnx {DATA} {QUICK}");
    place.refuse(2, &format!("{run} --layers nowhere"), &["--layers = nowhere", "MaxPool_16"]);
    place.refuse(2, &format!("{run} --sample 0"), &["--sample = 0"]);
    place.refuse(2, &format!("{run} --validation 0.2"), &["--validation = 0.2"]);
    place.refuse(2, &format!("{run} --mean 0.1,0.2"), &["--mean = 0.1,0.2", "one number"]);
    place.refuse(2, &format!("{run} --std 0"), &["--std = 0", "above 0"]);
    place.refuse(3, &format!("{run} --crop 24"), &["lenet.onnx", "28 x 28", "--crop"]);
    let resize = place.start(&format!("{run} --resize large"));
    resize.assert_error(2, "--resize large", &["224x224"]);
    let quiet = place
        .command(&["model", "show", "lenet.onnx", "--classes", "4"])
        .stdout(Stdio::null())
        .status();
    assert_eq!(quiet.unwrap().code(), Some(2));
}

#[test]
fn pictures_of_several_sizes_are_brought_to_that_of_the_network() {
    let place = place_with(&["lenet.onnx"]);
    for part in ["train", "test"] {
        for (class, side) in [("a", 90), ("b", 120)] {
            let folder = place.path("photos").join(part).join(class);
            fs::create_dir_all(&folder).unwrap();
            for at in 0..8_u8 {
                let picture = image::GrayImage::from_fn(side, 100, |x, y| {
                    image::Luma([at.wrapping_mul(31) ^ (x * y) as u8])
                });
                picture.save(folder.join(format!("{at}.png"))).unwrap();
            }
        }
    }
    let flags = "--dataset photos --device cpu --out";
    let said = |more: &str| {
        place.succeed(&format!("activations --model lenet.onnx {flags} {more}")).stderr
    };
    let own = said("own");
    assert!(own.contains("have several sizes"), "{own}");
    assert!(own.contains("they become 28 x 28"), "{own}");
    let told = said("told --size 40x30");
    assert!(!told.contains("have several sizes"), "{told}");
}

#[test]
fn files_of_layers_take_no_others_names() {
    let place = place_with(&[]);
    let names = [("block1.conv1", "labels"), ("block1.bn1", "a/b"), ("block2.conv1", "a_b")];
    changed(&place, "resnet.onnx", "net.onnx", |model| {
        for node in &mut model.graph.as_mut().unwrap().node {
            for value in node.input.iter_mut().chain(&mut node.output) {
                if let Some((_, new)) = names.iter().find(|(old, _)| value == old) {
                    *value = (*new).to_owned();
                }
            }
        }
    });
    let layers = "--layers labels,a/b,a_b --sample 30";
    place.succeed(&format!("activations --model net.onnx {DATA} {layers} --out out"));
    let listed = fs::read_to_string(place.path("out/activations/layers.txt")).unwrap();
    assert_eq!(listed.lines().collect::<Vec<_>>(), ["raw", "labels_2", "a_b", "a_b_2"]);
    let labels = npy::read_labels(place.path("out/activations/labels_test.npy")).unwrap();
    assert_eq!(labels.len(), 30);
}

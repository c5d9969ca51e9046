//! Models: by name, from a file, from a checkpoint, and what is wrong with them.

use crate::support::{Place, manifest};
use std::fs;

const TRAIN: &str = "train --dataset fashion-mnist --data-dir data --device cpu --out out";

/// A small model in TOML with a layer of each kind; the line of each is fixed, since errors name
/// them.
const MODEL: &str = r#"name = "small"
[training]
epochs = 3
batch_size = 50
validation = 0.2
validation_split = "last"
[[layers]]
type = "conv"
filters = 4
kernel = [3, 5]
padding = "same"
[[layers]]
type = "batch_norm"
[[layers]]
type = "activation"
activation = "relu"
[[layers]]
type = "max_pool"
size = 3
look = true
[[layers]]
type = "dropout"
rate = 0.2
[[layers]]
type = "dense"
name = "code"
units = 12
activation = "tanh"
[[layers]]
type = "dense"
activation = "softmax"
"#;

#[test]
fn a_model_is_shown_with_its_layers_and_totals() {
    let place = Place::new();
    // Words with one space between.
    let show = |model: &str| {
        let shown = place.succeed(&format!("model show {model}")).stdout;
        shown.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for (name, total) in [
        ("mlp", "218,058"),
        ("cnn-default", "40,933"),
        ("cnn-a", "174,629"),
        ("cnn-b", "1,092,945"),
    ] {
        let shown = show(name);
        assert!(shown.contains(&format!("total parameters {total} trainable")), "{shown}");
    }
    let shown = show("cnn-a");
    for part in [
        "conv_1 (Conv2D)",
        "(None, 26, 26, 32)",
        "173,088",
        "batches of 32",
        "5 epochs",
        "dense_2 (32 values)",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    fs::write(place.path("small.toml"), MODEL).unwrap();
    let shown = show("small.toml --classes 4");
    for part in [
        "small: images of 28 x 28 x 1, 4 classes",
        "BatchNormalization",
        "non-trainable parameters 8",
        "code (12 values)",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let shown = show("small.toml --input 9,12,3");
    assert!(shown.contains("(None, 9, 12, 4)") && shown.contains("(None, 3, 4, 4)"), "{shown}");
}

#[test]
fn a_description_with_a_fault_is_refused_by_its_line() {
    let place = Place::with_images();
    let refuse = |from: &str, to: &str, line: usize, parts: &[&str]| {
        assert!(MODEL.contains(from), "{from}");
        fs::write(place.path("m.toml"), MODEL.replacen(from, to, 1)).unwrap();
        let line = format!("m.toml: line {line}: ");
        place.refuse(3, "model show m.toml", &[&[line.as_str()], parts].concat());
        place.refuse(
            3,
            &format!("{TRAIN} --architecture m.toml"),
            &[&[line.as_str()], parts].concat(),
        );
    };
    refuse("\"conv\"", "\"konv\"", 8, &["unknown layer `konv`", "max_pool"]);
    refuse("filters", "filter", 9, &["unknown key `filter`", "filters"]);
    refuse("filters = 4\n", "", 7, &["`filters` is missing"]);
    refuse("filters = 4", "filters = 0", 7, &["filters = 0", "1 to"]);
    refuse("filters = 4", "filters = \"four\"", 9, &["filters = \"four\"", "a whole number"]);
    refuse("filters = 4", "filters = -4", 9, &["filters = -4", "a whole number"]);
    refuse("[3, 5]", "[3, 5, 7]", 10, &["kernel = [3, 5, 7]", "two in brackets"]);
    // With padding "same" any kernel fits.
    let valid = "[3, 50]\npadding = \"valid\"";
    refuse("[3, 5]\npadding = \"same\"", valid, 7, &["kernel of 3 x 50", "28 x 28"]);
    refuse("\"same\"", "\"full\"", 11, &["padding = \"full\"", "\"valid\", \"same\""]);
    refuse("size = 3", "size = 30", 17, &["pool of 30 x 30 does not fit its input of 28 x 28"]);
    refuse("look = true", "look = 3", 20, &["look", "\"pooled\""]);
    refuse("rate = 0.2", "rate = 1.0", 21, &["rate = 1", "below 1"]);
    refuse("units = 12", "units = 0", 24, &["units = 0"]);
    refuse("\"code\"", "\"a/b\"", 24, &["the name `a/b`"]);
    refuse("\"code\"", "\"labels\"", 24, &["`labels` is taken"]);
    refuse("\"code\"", "\"conv_1\"", 24, &["another layer is called `conv_1`"]);
    refuse("activation = \"tanh\"", "activation = \"softmax\"", 24, &["softmax is for the output"]);
    refuse(
        "[[layers]]\ntype = \"dense\"\nactivation = \"softmax\"\n",
        "",
        24,
        &["last layer must be the output"],
    );
    refuse("epochs = 3", "epochs = 0", 3, &["epochs = 0", "at least 1"]);
    refuse("validation = 0.2", "validation = 1.5", 5, &["validation = 1.5", "below 1"]);
    refuse("[training]", "[trainig]", 2, &["unknown key `trainig`"]);
    refuse("padding = \"same\"", "padding = ", 11, &["not TOML"]);
    refuse(
        "size = 3\nlook = true\n[[layers]]",
        "size = 3\n[[layers]]\ntype = \"flatten\"\n[[layers]]\ntype = \"avg_pool\"\nsize = \
         2\n[[layers]]",
        22,
        &["needs an image"],
    );
    fs::write(place.path("m.toml"), "name = \"nothing\"\n").unwrap();
    place.refuse(3, "model show m.toml", &["m.toml: line 1: ", "needs layers"]);
    place.refuse(3, "model show nowhere.toml", &["nowhere.toml", "No such file"]);
    place.refuse(2, "model show resnet", &["resnet", "cnn-default", ".toml"]);
    place.refuse(2, &format!("{TRAIN} --architecture cnn-a --hidden 4"), &["--hidden", "cnn-a"]);
    place.refuse(
        2,
        &format!("{TRAIN} --architecture cnn-a --dropout 0.1"),
        &["--dropout", "no dropout layer"],
    );
    fs::write(place.path("m.toml"), MODEL.replace("softmax\"", "softmax\"\nunits = 7")).unwrap();
    place.refuse(
        3,
        &format!("{TRAIN} --architecture m.toml"),
        &["line 29", "7 units", "10 classes"],
    );
    fs::write(place.path("m.toml"), format!("input = [32, 32, 3]\n{MODEL}")).unwrap();
    place.refuse(3, &format!("{TRAIN} --architecture m.toml"), &["32 x 32 x 3", "28 x 28 x 1"]);
}

#[test]
fn a_described_model_is_trained_and_goes_on_from_a_checkpoint() {
    let place = Place::with_images();
    fs::write(place.path("m.toml"), MODEL).unwrap();
    let train = TRAIN.replace("--out out", "--architecture m.toml --test-every-epoch");
    place.succeed(&format!("{train} --checkpoint-every 1 --out whole"));
    let weights = |out: &str| fs::read(place.path(out).join("model/weights.safetensors")).unwrap();
    let history = |out: &str| fs::read_to_string(place.path(out).join("history.csv")).unwrap();
    let lines = history("whole");
    assert!(lines.starts_with("epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,test_loss,test_accuracy\n1,"));
    assert_eq!(lines.lines().count(), 4);
    let results = manifest(&place.path("whole"))["results"].clone();
    assert_eq!(
        (&results["training"]["epochs"], results["training"]["times"].as_array().unwrap().len()),
        (&3.into(), 3)
    );
    place
        .succeed(&format!("{train} --resume-from whole/checkpoints/epoch_02.safetensors --out on"));
    assert!(
        weights("on") == weights("whole") && history("on") == lines,
        "going on leads elsewhere"
    );
    // The weights tell which model they are of.
    let shown = place.succeed("model show whole/model/weights.safetensors").stdout;
    assert!(shown.contains("code (Dense)") && shown.contains("10 classes"), "{shown}");

    let on = |flags: &str| {
        format!("{train} --resume-from whole/checkpoints/epoch_02.safetensors --out again {flags}")
    };
    place.refuse(
        3,
        &on("--batch-size 20"),
        &["epoch_02.safetensors", "other settings", "batch_size was 50, now it is 20"],
    );
    place.refuse(3, &on("--seed 1"), &["epoch_02.safetensors", "random_state"]);
    place.refuse(3, &on("--dropout 0.4"), &["epoch_02.safetensors", "another model"]);
    place.refuse(3, &on("--epochs 1"), &["epoch_02.safetensors", "epoch 2"]);
    place.refuse(
        3,
        &on("").replace("epoch_02", "epoch_09"),
        &["epoch_09.safetensors", "No such file"],
    );
    let other = on("").replace("whole/checkpoints/epoch_02", "whole/model/weights");
    place.refuse(3, &other, &["weights.safetensors", "not a .safetensors file of a checkpoint"]);
    place.refuse(
        2,
        &format!("{train} --checkpoint-every 0 --out again"),
        &["--checkpoint-every = 0"],
    );
}

#[test]
fn weights_of_perceptrons_written_before_are_read() {
    let place = Place::with_images();
    place.succeed(&format!("{TRAIN} --hidden 4 --epochs 1"));
    let path = place.path("out/model/weights.safetensors");
    let whole = fs::read(&path).unwrap();
    let len = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&whole[8..8 + len]).unwrap();
    header["__metadata__"]["layerlens"] =
        r#"{"n_features":784,"hidden":[4],"n_classes":10}"#.into();
    let header = header.to_string();
    let old = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &whole[8 + len..]].concat();
    fs::write(place.path("old.safetensors"), old).unwrap();
    let run = "run --dataset fashion-mnist --data-dir data --methods pca --device cpu --model";
    place.succeed(&format!("{run} out/model/weights.safetensors --out new"));
    place.succeed(&format!("{run} old.safetensors --out old"));
    let layer = |out: &str| fs::read(place.path(out).join("activations/layer_1_test.npy")).unwrap();
    assert!(layer("new") == layer("old"));
}

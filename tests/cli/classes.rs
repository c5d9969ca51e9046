//! The names of classes go with weights, and weights are matched to data by them.

use crate::support::{Place, manifest};
use layerlens::model::{read_weights, write_weights};
use std::fs;

const TRAIN: &str =
    "train --dataset fashion-mnist --data-dir data --hidden 16 --epochs 3 --device cpu";
const RUN: &str = "run --dataset fashion-mnist --data-dir data --methods pca --device cpu --model";

/// Groups of the ten classes, with these names in this order.
fn write_groups(place: &Place, file: &str, groups: &[(&str, &str)]) {
    let text: String = groups
        .iter()
        .map(|(name, classes)| format!("[[group]]\nname = \"{name}\"\nclasses = [{classes}]\n"))
        .collect();
    fs::write(place.path(file), text).unwrap();
}

const TOPS: (&str, &str) = ("tops", "0, 2, 3, 4, 6");
const SHOES: (&str, &str) = ("shoes", "5, 7, 9");
const REST: (&str, &str) = ("rest", "1, 8");

#[test]
fn weights_name_their_classes_and_are_matched_by_them() {
    let place = Place::with_images();
    write_groups(&place, "a.toml", &[TOPS, SHOES, REST]);
    write_groups(&place, "b.toml", &[REST, TOPS, SHOES]);
    place.succeed(&format!("{TRAIN} --label-groups a.toml --out trained"));
    let weights = place.path("trained/model/weights.safetensors");
    assert_eq!(read_weights(&weights).unwrap().1.class_names(), ["tops", "shoes", "rest"]);
    let run = |model: &str, groups: &str, out: &str| {
        let outcome = place.succeed(&format!("{RUN} {model} --label-groups {groups} --out {out}"));
        let manifest = manifest(&place.path(out));
        (
            manifest["results"]["test"]["accuracy"].as_f64().unwrap(),
            outcome.stderr,
            manifest["warnings"].to_string(),
        )
    };
    let model = "trained/model/weights.safetensors";
    let (same, stderr, _) = run(model, "a.toml", "same");
    assert!(same > 0.6 && !stderr.contains("of the model"), "{same}: {stderr}");
    let (other, stderr, warnings) = run(model, "b.toml", "other");
    assert_eq!(other, same);
    let said = "the classes of the model are put into the order of the data by their names, `rest`, `tops`, `shoes`";
    assert!(stderr.contains(said) && warnings.contains(said), "{stderr}");
    // The weights that the run keeps are those of its own classes, and match without a word.
    let kept = "other/model/weights.safetensors";
    assert_eq!(read_weights(&place.path(kept)).unwrap().1.class_names(), ["rest", "tops", "shoes"]);
    let (again, stderr, _) = run(kept, "b.toml", "again");
    assert!(again == same && !stderr.contains("order of the data"), "{stderr}");
    for file in ["softmax_test.npy", "layer_1_test.npy"] {
        let read = |out: &str| fs::read(place.path(format!("{out}/activations/{file}"))).unwrap();
        assert!(read("other") == read("again"), "{file}");
    }
}

#[test]
fn weights_that_cannot_be_matched_are_warned_of() {
    let place = Place::with_images();
    write_groups(&place, "a.toml", &[TOPS, SHOES, REST]);
    write_groups(&place, "partly.toml", &[SHOES, ("bags and trousers", REST.1), TOPS]);
    write_groups(&place, "others.toml", &[("x", TOPS.1), ("y", SHOES.1), ("z", REST.1)]);
    place.succeed(&format!("{TRAIN} --label-groups a.toml --out trained"));
    let model = place.path("trained/model/weights.safetensors");
    let (architecture, weights) = read_weights(&model).unwrap();
    write_weights(
        &place.path("nameless.safetensors"),
        &architecture,
        &weights.clone().with_class_names(&[]),
    )
    .unwrap();
    write_weights(&place.path("m.safetensors"), &architecture, &weights).unwrap();
    assert!(
        fs::read(place.path("m.safetensors")).unwrap() == fs::read(&model).unwrap(),
        "written twice, the same bytes"
    );
    let accuracy = |args: &str, said: &str| {
        let stderr = place.succeed(&format!("{RUN} {args} --out out --force")).stderr;
        assert!(stderr.contains(said), "{stderr}");
        manifest(&place.path("out"))["results"]["test"]["accuracy"].as_f64().unwrap()
    };
    let right = accuracy("m.safetensors --label-groups a.toml", "");
    // The one that is called otherwise takes the place that is left.
    let partly = accuracy(
        "m.safetensors --label-groups partly.toml",
        "m.safetensors: classes of the data that the model does not know",
    );
    assert_eq!(partly, right);
    let others = accuracy(
        "m.safetensors --label-groups others.toml",
        "`tops`, `shoes`, `rest` for `x`, `y`, `z`",
    );
    assert_eq!(others, right);
    let nameless = accuracy(
        "nameless.safetensors --label-groups a.toml",
        "nameless.safetensors: the weights carry no names of classes",
    );
    assert_eq!(nameless, right);
}

#[test]
fn every_file_of_weights_names_the_classes() {
    let place = Place::with_images();
    write_groups(&place, "a.toml", &[TOPS, SHOES, REST]);
    let train = TRAIN.replace("train", "run").replace("--epochs 3", "--epochs 1");
    place.succeed(&format!(
        "{train} --label-groups a.toml --methods pca --epochs-to-embed all --out out"
    ));
    let names = |file: &str| read_weights(&place.path(file)).unwrap().1.class_names().to_vec();
    for file in [
        "out/epochs/weights/epoch_000.safetensors",
        "out/epochs/weights/epoch_001.safetensors",
        "out/model/weights.safetensors",
    ] {
        assert_eq!(names(file), ["tops", "shoes", "rest"], "{file}");
    }
    let models = "compare-models mlp --dataset fashion-mnist --data-dir data --epochs 1 --encode none --device cpu --out models";
    place.succeed(&format!("{models} --label-groups a.toml"));
    assert_eq!(names("models/model/mlp.safetensors"), ["tops", "shoes", "rest"]);
}

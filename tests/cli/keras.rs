//! Models that Keras saved, on the command line.

use crate::support::{Place, manifest};
use std::path::PathBuf;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(format!("{}/tests/fixtures/keras/{name}", env!("CARGO_MANIFEST_DIR")))
}

/// Number of the 797 test digits that the model of the fixtures classifies right, by Keras.
fn right() -> f64 {
    let text = std::fs::read(fixture("expected.json")).expect("a fixture");
    let expected: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    expected["digits"]["right"].as_f64().expect("a number")
}

/// Share of the test images that the network of a run classifies right.
fn accuracy(place: &Place, run: &str) -> f64 {
    manifest(&place.path(run))["results"]["test"]["accuracy"].as_f64().expect("an accuracy")
}

#[test]
fn a_model_is_shown_looked_into_and_trained_further() {
    let place = Place::new();
    std::fs::copy(fixture("digits.keras"), place.path("net.keras")).expect("a copy");
    let shown = place.succeed("model show net.keras").stdout;
    for words in ["(Conv2D)", "(None, 6, 6, 8)", "code (Dense)", "code (16 values)"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let flags = "--dataset digits --device cpu";
    place.succeed(&format!("run {flags} --model net.keras --methods pca --out looked"));
    let found = accuracy(&place, "looked");
    assert!((found * 797.0 - right()).abs() < 1e-3, "{found}, in Keras {}", right() / 797.0);
    for file in ["activations/code_test.npy", "activations/images_test.npy", "report.html"] {
        assert!(place.path(format!("looked/{file}")).exists(), "{file}");
    }
    // One more epoch with small steps keeps what the model knows; a new one would know nothing.
    let more = "--epochs 1 --learning-rate 0.0001 --out more";
    place.succeed(&format!("train {flags} --pretrained net.keras {more}"));
    assert!(accuracy(&place, "more") > found - 0.02, "{}", accuracy(&place, "more"));
    place.succeed("model show more/model/weights.safetensors");
}

#[test]
fn models_and_data_that_do_not_fit_are_refused() {
    let place = Place::new();
    std::fs::copy(fixture("digits.keras"), place.path("net.keras")).expect("a copy");
    std::fs::write(place.path("old.h5"), b"\x89HDF").expect("a file");
    let sample = "run --dataset fashion-mnist-sample --device cpu --out out --model net.keras";
    place.refuse(3, sample, &["net.keras", "the model takes"]);
    let old = "run --dataset digits --device cpu --out out --model old.h5";
    place.refuse(3, old, &["old.h5", "model.save(\"net.keras\")"]);
    let both = "train --dataset digits --device cpu --out out --pretrained net.keras --hidden 8";
    place.refuse(2, both, &["--pretrained", "--hidden"]);
}

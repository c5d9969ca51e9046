//! Models that Keras saved: their answers and summaries against Keras' own, and what is refused.

use crate::support::{Variant, gpu};
use burn::tensor::{Device, Tensor, TensorData, activation};
use layerlens::dataset::Dataset;
use layerlens::model::{Architecture, Arrangement, Network, Weights, read_model};
use serde_json::Value;
use std::path::PathBuf;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(format!("{}/tests/fixtures/keras/{name}", env!("CARGO_MANIFEST_DIR")))
}

fn expected() -> Value {
    let bytes = std::fs::read(fixture("expected.json")).expect("a fixture");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// Probabilities for the first 32 test images of the sample.
fn probabilities(
    (architecture, weights): &(Architecture, Weights),
    device: &Device,
    arrangement: Arrangement,
) -> Vec<f32> {
    let data = Dataset::load("fashion-mnist-sample", None).expect("the embedded sample");
    let x = data.test.select(&(0..32).collect::<Vec<_>>()).images.features();
    let x = Tensor::from_data(TensorData::new(x.as_slice().to_vec(), [32, 784]), device);
    let network =
        Network::from_weights(architecture, weights, device, arrangement).expect("its weights");
    activation::softmax(network.logits(x), 1).into_data().try_to_vec().expect("floats")
}

#[test]
fn answers_are_those_of_keras() {
    for name in ["chain", "functional"] {
        let model = read_model(&fixture(&format!("{name}.keras"))).expect("a model");
        let rows = expected()[name]["probabilities"].as_array().expect("rows").clone();
        let expected: Vec<f64> = rows
            .iter()
            .flat_map(|row| row.as_array().expect("a row"))
            .map(|value| value.as_f64().expect("a number"))
            .collect();
        let check = |found: Vec<f32>, what: &str| {
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                let off = (f64::from(*found) - expected).abs();
                assert!(off < 1e-5, "{name}, {what}: {found}, in Keras {expected}");
            }
        };
        let flex = Device::flex();
        check(probabilities(&model, &flex, Arrangement::ChannelsLast), "our operations");
        check(probabilities(&model, &flex, Arrangement::ChannelsFirst), "burn's operations");
        if let Some(gpu) = gpu(Variant::Adapter) {
            let device = gpu.burn().expect("the same device");
            check(probabilities(&model, &device, Arrangement::ChannelsFirst), "the GPU");
        }
    }
}

#[test]
fn summaries_are_those_of_keras() {
    let part_of_others = ["InputLayer", "Rescaling", "Softmax"];
    for name in ["chain", "functional"] {
        let (architecture, _) = read_model(&fixture(&format!("{name}.keras"))).expect("a model");
        let expected = expected();
        let layers = expected[name]["layers"].as_array().expect("layers").iter();
        let layers: Vec<&Value> =
            layers.filter(|layer| !part_of_others.contains(&layer[1].as_str().unwrap())).collect();
        let rows = architecture.summary();
        assert_eq!(rows.len(), layers.len(), "{name}");
        for (at, (row, layer)) in rows.iter().zip(&layers).enumerate() {
            let is_output = at + 1 == rows.len();
            let called = if is_output { "softmax" } else { layer[0].as_str().unwrap() };
            let sizes = layer[2].as_array().unwrap().iter().map(Value::to_string);
            let sizes: Vec<String> = sizes.collect();
            assert_eq!(row.name, called, "{name}");
            assert_eq!(row.output, sizes.join(", "), "{name}, {called}");
            assert_eq!(row.n_parameters as u64, layer[3], "{name}, {called}");
        }
    }
}

/// The message about a file that is not read.
fn refused(path: PathBuf) -> String {
    read_model(&path).expect_err("a model that is refused").to_string()
}

#[test]
fn layers_and_settings_that_networks_lack_are_named() {
    for (name, words) in [
        ("add", "(Add): it takes dense"),
        ("gelu", "(Dense): activation = \"gelu\": linear, relu, sigmoid"),
        ("separable", "(SeparableConv2D): no layer of ours is like it"),
    ] {
        let message = refused(fixture(&format!("{name}.keras")));
        assert!(message.contains(words), "{message}");
        assert!(message.contains("model.export(\"net.onnx\", format=\"onnx\")"), "{message}");
    }
}

#[test]
fn damaged_files_are_refused() {
    let place = tempfile::TempDir::new().expect("a folder");
    let written = |name: &str, bytes: &[u8]| {
        let path = place.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    };
    let whole = std::fs::read(fixture("functional.keras")).expect("a fixture");
    let message = refused(written("half.keras", &whole[..whole.len() / 2]));
    assert!(message.contains("half.keras: is no .keras file, or a damaged one"), "{message}");
    let message = refused(written("text.keras", b"not a model"));
    assert!(message.contains("text.keras: is no .keras file, or a damaged one"), "{message}");
    let message = refused(written("old.h5", b"\x89HDF"));
    assert!(message.contains("model.save(\"net.keras\")"), "{message}");
    let message = refused(place.path().join("none.keras"));
    assert!(message.contains("none.keras: No such file"), "{message}");
    // One bit of a tensor: the archive's checksum tells.
    let start = whole.windows(4).position(|bytes| bytes == b"\x89HDF").expect("the weights");
    let mut flipped = whole.clone();
    flipped[start + 3000] ^= 1;
    let message = refused(written("bit.keras", &flipped));
    assert!(message.contains("model.weights.h5") && message.contains("is damaged"), "{message}");
}

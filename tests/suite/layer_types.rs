//! What holds for every type of layer, each by the example of its own: a type that is added is
//! tested with no more code.

use burn::tensor::{Device, Tensor, TensorData};
use layerlens::Error;
use layerlens::model::{
    Architecture, Arrangement, LAYER_TYPES, LayerSpec, LayerType, Network, Recording, read_weights,
    write_weights,
};
use layerlens::recipe::Blueprint;
use serde_json::Value;
use std::collections::BTreeSet;

/// Height, width and channels of the images.
const INPUT: [usize; 3] = [6, 7, 2];

/// The model whose only hidden layer has that type and these settings, lines of TOML.
fn described(layer_type: &LayerType, settings: &str) -> Result<Blueprint, Error> {
    let place = tempfile::TempDir::new().expect("a folder");
    let path = place.path().join("model.toml");
    let output = "[[layers]]\ntype = \"dense\"\nactivation = \"softmax\"\n";
    let text = format!("[[layers]]\ntype = \"{}\"\n{settings}\n{output}", layer_type.name);
    std::fs::write(&path, text).expect("a file");
    Blueprint::read(&path)
}

/// The model of a type's example, in which that layer alone is recorded, and where it stands: a
/// flatten layer may come before it.
fn example(layer_type: &LayerType) -> (Architecture, usize) {
    let blueprint = described(layer_type, layer_type.example).expect("an example");
    let mut architecture = blueprint.build(INPUT, 3).expect("an example that fits");
    let is_meant = |layer: &LayerSpec| layer.kind.layer_type().name == layer_type.name;
    let at = architecture.layers.iter().position(is_meant).expect("a layer of the type");
    architecture.layers[at].record = Recording::Flattened;
    (architecture, at)
}

/// The layer of a type's example.
fn example_layer(layer_type: &LayerType) -> LayerSpec {
    let (mut architecture, at) = example(layer_type);
    LayerSpec::new(architecture.layers.remove(at).kind)
}

/// The values of an example, as its lines hold them: `3` and `2` of `kernel = [3, 2]`. Lines with
/// layers inside are left out.
fn values(example: &str) -> Vec<String> {
    let lines = example.lines().filter(|line| !line.contains('{'));
    let values = lines.filter_map(|line| line.split_once(" = "));
    let words = values.flat_map(|(_, value)| value.split([',', ' ', '[', ']', '"']));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[test]
fn a_type_has_one_name_in_descriptions_and_in_files() {
    let names: BTreeSet<&str> = LAYER_TYPES.iter().map(|layer_type| layer_type.name).collect();
    assert_eq!(names.len(), LAYER_TYPES.len(), "a name that is taken");
    for layer_type in LAYER_TYPES {
        let spec = example_layer(layer_type);
        let json = serde_json::to_value(&spec).expect("JSON");
        assert_eq!(json["type"], layer_type.name);
        let fields = json.as_object().expect("an object").keys().map(String::as_str);
        let keys: BTreeSet<&str> = fields.filter(|key| !["type", "look"].contains(key)).collect();
        assert_eq!(keys, layer_type.keys.iter().copied().collect(), "{}", layer_type.name);
        assert_eq!(serde_json::from_value::<LayerSpec>(json).expect("a layer"), spec);
    }
}

#[test]
fn every_key_of_a_type_is_read() {
    const DATE: &str = "2000-01-01";
    for layer_type in LAYER_TYPES {
        for key in layer_type.keys {
            let others = layer_type.example.lines().filter(|line| !line.starts_with(key));
            let settings: Vec<&str> = others.chain([""]).collect();
            let error = described(layer_type, &format!("{key} = {DATE}\n{}", settings.join("\n")))
                .expect_err("no value is a date");
            let message = error.to_string();
            let expected = format!("line 3: {key} = {DATE}: expected ");
            assert!(message.contains(&expected), "{}: {message}", layer_type.name);
        }
        let error = described(layer_type, "what = 1").expect_err("no such key");
        assert!(error.to_string().contains("unknown key `what`"), "{error}");
    }
}

#[test]
fn a_drawing_tells_every_setting() {
    for layer_type in LAYER_TYPES {
        let settings = example_layer(layer_type).kind.settings().to_lowercase();
        let flags = ["true", "false"];
        for value in
            values(layer_type.example).into_iter().filter(|value| !flags.contains(&value.as_str()))
        {
            assert!(settings.contains(&value), "{}: {value} in `{settings}`", layer_type.name);
        }
    }
}

/// Some values between -0.5 and 0.5.
fn batch(n: usize, device: &Device) -> Tensor<2> {
    let width: usize = INPUT.iter().product();
    let values: Vec<f32> = (0..n * width).map(|at| (at as f32 * 0.7).sin() / 2.0).collect();
    Tensor::from_data(TensorData::new(values, [n, width]), device)
}

fn to_host(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().try_to_vec::<f32>().expect("floats")
}

#[test]
fn every_type_computes_the_shape_it_says_however_grids_lie() {
    let device = Device::flex();
    for layer_type in LAYER_TYPES {
        let (architecture, at) = example(layer_type);
        let weights = architecture.initial_weights(5);
        let step = &architecture.steps().expect("steps that fit")[at];
        let of = |arrangement| {
            let network = Network::from_weights(&architecture, &weights, &device, arrangement)
                .expect("the initial weights");
            let (mut layers, logits) = network.forward(batch(4, &device));
            let layer = layers.remove(0);
            assert_eq!(layer.dims(), [4, step.output.size()], "{}", layer_type.name);
            to_host(layer).into_iter().chain(to_host(logits)).collect::<Vec<f32>>()
        };
        let last = of(Arrangement::ChannelsLast);
        let first = of(Arrangement::ChannelsFirst);
        for (last, first) in last.iter().zip(&first) {
            // Sums of some dozen products of numbers below 1.
            assert!((last - first).abs() < 1e-6, "{}: {last} and {first}", layer_type.name);
        }
    }
}

#[test]
fn every_tensor_of_every_type_is_trained_and_written() {
    let device = Device::flex().autodiff();
    let place = tempfile::TempDir::new().expect("a folder");
    for layer_type in LAYER_TYPES {
        let (architecture, _) = example(layer_type);
        let weights = architecture.initial_weights(5);
        for arrangement in [Arrangement::ChannelsLast, Arrangement::ChannelsFirst] {
            let mut network = Network::from_weights(&architecture, &weights, &device, arrangement)
                .expect("the initial weights");
            let mask =
                |(width, rate): (usize, f32)| Tensor::ones([4, width], &device) / (1.0 - rate);
            let masks = network.dropouts().into_iter().map(mask).collect();
            let logits = network.forward_training(batch(4, &device), masks);
            let gradients = logits.square().sum().backward();
            for (name, tensor) in network.trained_names().zip(network.trained()) {
                let gradient = tensor.grad(&gradients);
                let gradient =
                    to_host(gradient.unwrap_or_else(|| panic!("{name} has no gradient")));
                assert!(gradient.iter().any(|value| *value != 0.0), "{name} does nothing");
            }
            let after = network.to_weights().expect("weights");
            for (tensor, same) in architecture
                .steps()
                .expect("steps that fit")
                .iter()
                .flat_map(|step| &step.parameters)
                .map(|tensor| (tensor, weights.get(&tensor.name, &tensor.shape)))
            {
                let changed = after.get(&tensor.name, &tensor.shape).expect("a tensor")
                    != same.expect("a tensor");
                assert_eq!(changed, !tensor.is_trainable(), "{}", tensor.name);
            }
        }
        let path = place.path().join(format!("{}.safetensors", layer_type.name));
        write_weights(&path, &architecture, &weights).expect("a file");
        assert_eq!(read_weights(&path).expect("the same"), (architecture, weights));
    }
}

#[test]
fn files_name_layers_as_they_did() {
    let known: Value = serde_json::json!([
        { "look": "auto", "type": "conv", "filters": 4, "kernel": [3, 2], "padding": "same",
          "activation": "sigmoid" },
        { "look": "auto", "type": "max_pool", "size": [2, 3] },
        { "look": "auto", "type": "avg_pool", "size": [2, 3] },
        { "look": "auto", "type": "flatten" },
        { "look": "auto", "type": "dense", "units": 5, "activation": "relu" },
        { "look": "auto", "type": "dropout", "rate": 0.25 },
        { "look": "auto", "type": "batch_norm", "momentum": 0.9_f32, "epsilon": 0.01_f32 },
        { "look": "auto", "type": "activation", "activation": "tanh" },
    ]);
    for layer in known.as_array().expect("a list") {
        let read: LayerSpec = serde_json::from_value(layer.clone()).expect("a layer");
        assert_eq!(serde_json::to_value(read).expect("JSON"), *layer);
    }
}

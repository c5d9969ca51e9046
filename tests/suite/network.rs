//! Networks: shapes and parameters against Keras, gradients against PyTorch, our operations against
//! burn's.

use crate::support::{Variant, gpu};
use burn::tensor::{Device, Tensor, TensorData, activation};
use layerlens::model::layers::{
    ActivationLayer, AvgPool, BatchNorm, Conv, Dense, Dropout, Flatten, GlobalAvgPool, LayerKind,
    LayerNorm, MaxPool, Residual,
};
use layerlens::model::{
    Activation, Architecture, Arrangement, LayerSpec, Network, Padding, Parameter, Recording,
    Weights,
};
use layerlens::recipe::{Blueprint, PRESET_INPUT, PRESETS};
use layerlens::training::Training;
use serde_json::Value;

fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).expect("a fixture")).expect("JSON")
}

fn layer(kind: impl Into<LayerKind>) -> LayerSpec {
    LayerSpec::new(kind)
}

fn conv(filters: usize, kernel: [usize; 2], padding: Padding, activation: Activation) -> LayerSpec {
    layer(Conv { padding, activation, ..Conv::new(filters, kernel) })
}

fn dense(units: usize, activation: Activation) -> LayerSpec {
    layer(Dense { units, activation })
}

fn build(hidden: Vec<LayerSpec>, input: [usize; 3], n_classes: usize) -> Architecture {
    Blueprint::new("test", hidden, Training::default())
        .build(input, n_classes)
        .expect("layers that fit")
}

/// A network with every kind of layer, as in make_summaries.py.
fn every_kind() -> Architecture {
    let norm = || layer(BatchNorm { momentum: 0.99, epsilon: 1e-3 });
    let function = |activation| layer(ActivationLayer { activation });
    let hidden = vec![
        conv(8, [5, 2], Padding::Valid, Activation::Sigmoid),
        norm(),
        layer(AvgPool { size: [2, 3] }),
        conv(6, [2, 4], Padding::Same, Activation::Linear),
        norm(),
        function(Activation::Tanh),
        layer(Dropout { rate: 0.25 }),
        layer(MaxPool { size: [2, 2] }),
        layer(Flatten),
        dense(20, Activation::Linear),
        norm(),
        function(Activation::Relu),
    ];
    build(hidden, PRESET_INPUT, 7)
}

#[test]
fn shapes_and_parameters_are_those_of_keras() {
    let expected = fixture("summaries.json");
    let presets = PRESETS.iter().map(|preset| {
        let blueprint = Blueprint::open(preset.name).expect("a preset");
        (preset.name, blueprint.build(PRESET_INPUT, preset.n_classes).expect("a preset's layers"))
    });
    for (name, architecture) in presets.chain([("every-kind", every_kind())]) {
        let expected = &expected[name];
        let rows = architecture.summary();
        let layers = expected["layers"].as_array().unwrap();
        // Keras has no residual block: of such a network only the totals are known.
        assert!(rows.len() == layers.len() || name == "resnet-small", "{name}");
        for (row, layer) in rows.iter().zip(layers) {
            let shape: Vec<String> =
                layer[1].as_array().unwrap().iter().map(Value::to_string).collect();
            assert_eq!(
                (row.type_name, &row.output),
                (layer[0].as_str().unwrap(), &shape.join(", ")),
                "{name}"
            );
            assert_eq!(row.n_parameters as u64, layer[2], "{name}, {}", row.name);
        }
        let (trainable, fixed) = architecture.n_parameters_by_kind();
        assert_eq!(
            (trainable as u64, fixed as u64),
            (expected["trainable"].as_u64().unwrap(), expected["non_trainable"].as_u64().unwrap())
        );
        assert_eq!(architecture.n_parameters() as u64, expected["total"], "{name}");
    }
}

#[test]
fn layers_are_recorded_by_rule_or_as_told() {
    let names = |architecture: &Architecture| architecture.layer_names().join(" ");
    let preset = |name| Blueprint::open(name).unwrap().build(PRESET_INPUT, 5).unwrap();
    assert_eq!(names(&preset("mlp")), "layer_1 layer_2 softmax");
    assert_eq!(names(&preset("cnn-a")), "conv_1 dense_1 dense_2 softmax");
    // Where the activation is a layer of its own, that one is recorded.
    assert_eq!(names(&every_kind()), "conv_1 activation_1 activation_2 softmax");
    let forms: Vec<_> = preset("cnn-default")
        .recorded_layers()
        .iter()
        .map(|layer| (layer.pooled, layer.width))
        .collect();
    assert_eq!(forms, [(true, 32), (true, 32)], "25,088 and 6,272 values are too many");
    let mut told = preset("cnn-default");
    for (layer, look) in
        [(0, Recording::No), (1, Recording::Pooled), (2, Recording::Flattened), (3, Recording::Yes)]
    {
        told.layers[layer].record = look;
    }
    assert_eq!(names(&told), "pool_1 conv_2 flatten_1 softmax");
    assert_eq!(
        told.recorded_layers().iter().map(|layer| layer.width).collect::<Vec<_>>(),
        [32, 6272, 6272]
    );
}

/// `value` of make_gradients.py.
fn value(stream: usize, n: usize) -> Vec<f32> {
    (0..n)
        .map(|at| (0.5 * (12.9898 * (at + 1) as f64 + 78.233 * stream as f64).sin()) as f32)
        .collect()
}

/// The network of make_gradients.py with its weights.
fn checked_network() -> (Architecture, Weights) {
    let norm = || layer(BatchNorm { momentum: 0.9, epsilon: 1e-3 });
    let hidden = vec![
        conv(3, [3, 2], Padding::Same, Activation::Relu),
        layer(MaxPool { size: [2, 2] }),
        norm(),
        conv(4, [2, 3], Padding::Valid, Activation::Sigmoid),
        layer(AvgPool { size: [2, 1] }),
        layer(Flatten),
        layer(Dropout { rate: 0.25 }),
        dense(5, Activation::Linear),
        norm(),
        layer(ActivationLayer { activation: Activation::Tanh }),
    ];
    with_values(build(hidden, [8, 9, 2], 3))
}

/// The network of residual blocks of make_gradients.py with its weights.
fn checked_residual_network() -> (Architecture, Weights) {
    let norm = || BatchNorm { momentum: 0.9, epsilon: 1e-3 }.into();
    let conv = |filters: usize, kernel: [usize; 2], padding: Padding| Conv {
        padding,
        ..Conv::new(filters, kernel)
    };
    let first = Conv {
        stride: [2, 2],
        bias: false,
        activation: Activation::Relu,
        ..conv(4, [3, 3], Padding::Same)
    };
    let block = vec![
        Conv { stride: [2, 1], ..conv(6, [3, 3], Padding::Zeros(1)) }.into(),
        norm(),
        ActivationLayer { activation: Activation::Tanh }.into(),
        conv(6, [2, 3], Padding::Same).into(),
    ];
    let flat_block = vec![
        Dense { units: 6, activation: Activation::Linear }.into(),
        Dropout { rate: 0.25 }.into(),
        norm(),
    ];
    let residual = |layers: Vec<LayerKind>, activation: Activation| {
        layer(Residual { layers, shortcut: Vec::new(), activation })
    };
    let hidden = vec![
        layer(first),
        layer(LayerNorm { epsilon: 1e-3 }),
        residual(block, Activation::Relu),
        layer(GlobalAvgPool),
        residual(flat_block, Activation::Linear),
    ];
    with_values(build(hidden, [8, 9, 2], 3))
}

/// The architecture with the weights of make_gradients.py.
fn with_values(architecture: Architecture) -> (Architecture, Weights) {
    let mut weights = architecture.initial_weights(0);
    let tensors = architecture.steps().unwrap().into_iter().flat_map(|step| step.parameters);
    for (at, tensor) in tensors.filter(Parameter::is_trainable).enumerate() {
        let plus = if tensor.name.ends_with("gamma") { 1.0 } else { 0.0 };
        let values = value(at + 1, tensor.len()).into_iter().map(|value| value + plus).collect();
        weights.insert(tensor.name, tensor.shape, values);
    }
    (architecture, weights)
}

/// Holds loss, gradients and moving statistics of one batch to those of PyTorch.
fn check_gradients(device: &Device, arrangement: Arrangement) {
    let expected = fixture("gradients.json");
    check_gradients_of(checked_network(), 8, &expected, device, arrangement);
    let residual = &expected["residual"];
    check_gradients_of(checked_residual_network(), 6, residual, device, arrangement);
}

/// The same for one network, with `dropped` values an image that a mask is laid on.
fn check_gradients_of(
    (architecture, weights): (Architecture, Weights),
    dropped: usize,
    expected: &Value,
    device: &Device,
    arrangement: Arrangement,
) {
    let tracked = device.clone().autodiff();
    let mut network =
        Network::from_weights(&architecture, &weights, &tracked, arrangement).unwrap();
    let tensor = |values: Vec<f32>, columns: usize| {
        let rows = values.len() / columns;
        Tensor::<2>::from_data(TensorData::new(values, [rows, columns]), &tracked)
    };
    let x = tensor(value(0, 11 * 144).into_iter().map(|value| value + 0.5).collect(), 144);
    let mask = (0..11 * dropped).map(|at| if at * 7 % 4 == 0 { 0.0 } else { 1.0 / 0.75 });
    let mask = tensor(mask.collect(), dropped);
    let targets =
        tensor((0..33).map(|at| f32::from(u8::from(at % 3 == (at / 3) % 3))).collect(), 3);
    let logits = network.forward_training(x, vec![mask]);
    let loss = (activation::log_softmax(logits, 1) * targets).sum().neg() / 11.0;
    let found = loss.clone().into_data().try_to_vec::<f32>().unwrap()[0];
    assert!(
        (f64::from(found) - expected["loss"].as_f64().unwrap()).abs() < 1e-6,
        "{arrangement:?}: {found}"
    );
    let gradients = loss.backward();
    for (name, tensor) in network.trained_names().zip(network.trained()) {
        let found =
            tensor.grad(&gradients).expect("a gradient").into_data().try_to_vec::<f32>().unwrap();
        close(&found, &expected["gradients"][name], &format!("{arrangement:?}, {name}"));
    }
    let after = network.to_weights().unwrap();
    for (name, values) in expected["moving"].as_object().unwrap() {
        let found = after.get(name, &[values.as_array().unwrap().len()]).unwrap();
        close(found, values, &format!("{arrangement:?}, {name}"));
    }
}

/// Sums of some hundred products of numbers below 2 in single precision: found are differences of
/// 2e-7.
fn close(found: &[f32], expected: &Value, what: &str) {
    let expected = expected.as_array().unwrap();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let expected = expected.as_f64().unwrap();
        assert!(
            (f64::from(*found) - expected).abs() < 2e-6,
            "{what}, {at}: {found}, in double precision {expected}"
        );
    }
}

#[test]
fn gradients_of_every_kind_of_layer_are_those_of_pytorch() {
    check_gradients(&Device::flex(), Arrangement::ChannelsLast);
    check_gradients(&Device::flex(), Arrangement::ChannelsFirst);
    if let Some(gpu) = gpu(Variant::Adapter) {
        check_gradients(&gpu.burn().unwrap(), Arrangement::ChannelsFirst);
    }
}

/// Weights whose batch normalisations have seen data, and whose biases are not 0.
fn with_statistics(architecture: &Architecture, mut weights: Weights) -> Weights {
    let tensors = architecture.steps().unwrap().into_iter().flat_map(|step| step.parameters);
    for (at, tensor) in tensors.enumerate().filter(|(_, tensor)| tensor.shape.len() == 1) {
        let plus = if tensor.name.ends_with("gamma") || tensor.name.ends_with("moving_variance") {
            1.0
        } else {
            0.0
        };
        let values = value(at + 1, tensor.len()).into_iter().map(|value| value + plus).collect();
        weights.insert(tensor.name, tensor.shape, values);
    }
    weights
}

#[test]
fn means_of_windows_and_normalised_values_have_their_closed_forms() {
    let norm = layer(BatchNorm { momentum: 0.9, epsilon: 1e-3 });
    let pool = layer(AvgPool { size: [2, 2] });
    let mut architecture = build(vec![pool, norm, layer(Flatten)], [2, 4, 1], 2);
    architecture.layers.iter_mut().for_each(|layer| layer.record = Recording::Flattened);
    let mut weights = architecture.initial_weights(0);
    for tensor in architecture.steps().unwrap().into_iter().flat_map(|step| step.parameters) {
        let values =
            [("gamma", 3.0), ("beta", 0.5), ("moving_mean", 2.0), ("moving_variance", 0.249)];
        if let Some((_, value)) = values.into_iter().find(|(name, _)| tensor.name.ends_with(name)) {
            weights.insert(tensor.name, tensor.shape, vec![value]);
        }
    }
    for arrangement in [Arrangement::ChannelsLast, Arrangement::ChannelsFirst] {
        let network =
            Network::from_weights(&architecture, &weights, &Device::flex(), arrangement).unwrap();
        let x = vec![1.0_f32, 2.0, 5.0, 6.0, 3.0, 4.0, 7.0, 10.0];
        let (layers, _) =
            network.forward(Tensor::from_data(TensorData::new(x, [1, 8]), &Device::flex()));
        let found = |at: usize| layers[at].clone().into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(found(0), [2.5, 7.0], "{arrangement:?}");
        // 3 (x - 2) / sqrt(0.249 + 0.001) + 0.5
        for (found, expected) in found(1).into_iter().zip([3.5, 30.5]) {
            assert!((found - expected).abs() < 1e-5, "{arrangement:?}: {found}, not {expected}");
        }
    }
}

#[test]
fn a_kernel_larger_than_its_padded_input_sees_the_middle() {
    let large = conv(1, [3, 5], Padding::Same, Activation::Linear);
    let mut architecture = build(vec![large], [1, 1, 1], 2);
    architecture.layers[0].record = Recording::Flattened;
    let mut weights = architecture.initial_weights(0);
    weights.insert("conv_1.weight".into(), vec![3, 5, 1, 1], (0..15_u8).map(f32::from).collect());
    weights.insert("conv_1.bias".into(), vec![1], vec![0.5]);
    for arrangement in [Arrangement::ChannelsLast, Arrangement::ChannelsFirst] {
        let device = Device::flex();
        let network = Network::from_weights(&architecture, &weights, &device, arrangement).unwrap();
        let (layers, _) =
            network.forward(Tensor::from_data(TensorData::new(vec![2.0_f32], [1, 1]), &device));
        let found = layers[0].clone().into_data().try_to_vec::<f32>().unwrap();
        // The eighth of the fifteen weights is in the middle.
        assert_eq!(found, [2.0 * 7.0 + 0.5], "{arrangement:?}");
    }
}

#[test]
fn our_operations_answer_as_those_of_burn() {
    let presets = ["cnn-default", "cnn-a"]
        .map(|name| (name, Blueprint::open(name).unwrap().build(PRESET_INPUT, 5).unwrap()));
    for (name, mut architecture) in presets.into_iter().chain([("every-kind", every_kind())]) {
        architecture.layers.iter_mut().for_each(|layer| layer.record = Recording::Flattened);
        let weights = with_statistics(&architecture, architecture.initial_weights(3));
        let answers = |arrangement| {
            let network =
                Network::from_weights(&architecture, &weights, &Device::flex(), arrangement)
                    .unwrap();
            let x =
                Tensor::from_data(TensorData::new(value(1, 5 * 784), [5, 784]), &Device::flex());
            let (layers, logits) = network.forward(x.clone());
            assert_eq!(logits.clone().into_data(), network.logits(x).into_data());
            layers
                .into_iter()
                .chain([logits])
                .map(|layer| layer.into_data().try_to_vec::<f32>().unwrap())
                .collect::<Vec<_>>()
        };
        let ours = answers(Arrangement::ChannelsLast);
        let burns = answers(Arrangement::ChannelsFirst);
        assert_eq!(ours.len(), architecture.layers.len());
        for (layer, (ours, burns)) in ours.iter().zip(&burns).enumerate() {
            assert_eq!(ours.len(), burns.len());
            let off = ours.iter().zip(burns).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off < 2e-6, "{name}, layer {layer}: {off:e}");
        }
    }
}

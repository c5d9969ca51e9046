//! Networks from ONNX files: which values are their layers, and that these are what onnxruntime
//! computes, by `tests/fixtures/onnx/make.py` and `make_exported.py`.

use layerlens::dataset::npy;
use layerlens::onnx::graph::{Graph, Input, Node};
use layerlens::onnx::{
    Answers, ImageSize, LayerChoice, Network, NetworkOptions, Preprocessing, Preset, Tokens,
};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Networks of the fixtures.
const NETWORKS: [&str; 10] = [
    "mlp",
    "lenet",
    "resnet",
    "vit",
    "densenet",
    "external",
    "nhwc",
    "half",
    "torch_older",
    "torch_newer",
];
/// Difference from onnxruntime's values, of the largest of a layer.
const TOLERANCE: f32 = 1e-4;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx").join(name)
}

fn open(name: &str, options: &NetworkOptions) -> Network {
    Network::open(&fixture(&format!("{name}.onnx")), options).unwrap()
}

/// The images of a network, and their size.
fn images(name: &str) -> (Vec<Vec<u8>>, ImageSize) {
    let bytes = std::fs::read(fixture(name).join("images.npy")).unwrap();
    let array = npyz::NpyFile::new(&bytes[..]).unwrap();
    let [n, height, width, channels] = array.shape()[..] else { panic!("four sizes") };
    let size = (height * width * channels) as usize;
    let pixels: Vec<u8> = array.into_vec().unwrap();
    let image =
        ImageSize { height: height as usize, width: width as usize, channels: channels as usize };
    assert_eq!(pixels.len(), n as usize * size);
    (pixels.chunks(size).map(<[u8]>::to_vec).collect(), image)
}

/// The rows of each layer, and of the answer, batch by batch.
fn rows(network: &Network, images: &[Vec<u8>]) -> Vec<Vec<f32>> {
    let mut all: Vec<Vec<f32>> = vec![Vec::new(); network.taken().count() + 1];
    let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
    for images in images.chunks(network.at_once()) {
        let batch = network.run(images).unwrap();
        for (all, rows) in all.iter_mut().zip(batch.layers.into_iter().chain([batch.output])) {
            all.extend(rows);
        }
    }
    all
}

fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    assert!(largest > 0.01, "{what}: nothing to compare");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= TOLERANCE * largest,
            "{what}, value {at}: {found}, but onnxruntime gives {expected}"
        );
    }
}

fn taken(network: &Network) -> Vec<String> {
    network.taken().map(|layer| layer.name.clone()).collect()
}

#[test]
fn layers_are_those_of_the_drawing_and_have_onnxruntimes_values() {
    for name in NETWORKS {
        let (images, image) = images(name);
        let network = open(name, &NetworkOptions { image: Some(image), ..Default::default() });
        assert_eq!(network.image(), image, "{name}");
        let listed = std::fs::read_to_string(fixture(name).join("layers.txt")).unwrap();
        assert_eq!(taken(&network), listed.lines().collect::<Vec<_>>(), "{name}");
        let found = rows(&network, &images);
        let names = listed.lines().chain(["output"]);
        for (layer, found) in names.zip(&found) {
            let file = fixture(name).join(format!("{layer}.npy"));
            let expected = npy::read_matrix(file).unwrap();
            assert_close(found, expected.as_slice(), &format!("{layer} of {name}"));
        }
        // One image at a time gives the same, however many a batch holds.
        let single: Vec<f32> = images
            .iter()
            .flat_map(|image| network.run(&[image.as_slice()]).unwrap().output)
            .collect();
        assert_close(&single, found.last().unwrap(), name);
    }
}

#[test]
fn sizes_and_costs_are_those_of_the_drawing() {
    let lenet = open("lenet", &NetworkOptions::default());
    let layers = lenet.layers();
    let shapes: Vec<&[usize]> = layers.iter().map(|layer| &layer.shape[..]).collect();
    assert_eq!(shapes, [&[6, 28, 28][..], &[6, 14, 14], &[12, 10, 10], &[12, 5, 5], &[20]]);
    let widths: Vec<usize> = layers.iter().map(|layer| layer.width).collect();
    assert_eq!(widths, [6, 1176, 1200, 300, 20]);
    let macs: Vec<u64> = layers.iter().map(|layer| layer.macs).collect();
    assert_eq!(macs, [28 * 28 * 6 * 25, 0, 10 * 10 * 12 * 150, 0, 6000]);
    let parameters: Vec<usize> = layers.iter().map(|layer| layer.n_parameters).collect();
    assert_eq!(parameters, [156, 0, 1812, 0, 6020]);
    assert_eq!((lenet.output().macs, lenet.output().n_parameters), (200, 210));
    assert_eq!((lenet.n_parameters(), lenet.output().width), (8198, 10));
    // Attention is counted too: of 17 tokens of 16 values, twice two heads and three products.
    let vit = open("vit", &NetworkOptions::default());
    let attention = &vit.layers()[2];
    assert_eq!(attention.macs, 17 * 16 * 16 * 4 + 2 * 17 * 17 * 8 * 2);
    assert_eq!(attention.n_parameters, 4 * (16 * 16 + 16) + 32);
    // The token of the class, and the positions.
    assert_eq!(vit.layers()[1].n_parameters, 16 + 17 * 16);
}

#[test]
fn layers_are_chosen_by_name_or_all() {
    let with = |layers: &str| NetworkOptions {
        layers: layers.parse::<LayerChoice>().unwrap(),
        ..Default::default()
    };
    let all = open("resnet", &with("all"));
    assert_eq!(taken(&all).len(), all.layers().len());
    // By the name of a file or of a value, in the order of the network, also what is no layer.
    let some = open("lenet", &with("23,14,MaxPool_13"));
    assert_eq!(taken(&some), ["MaxPool_13", "Conv_14", "Relu_23"]);
    let error = Network::open(&fixture("lenet.onnx"), &with("relu")).map(drop).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("layers = relu") && error.contains("MaxPool_13"), "{error}");
    assert!("a,,b".parse::<LayerChoice>().is_err());
}

#[test]
fn the_first_token_is_taken_instead_of_their_mean() {
    let (images, image) = images("vit");
    let options =
        NetworkOptions { tokens: Tokens::First, image: Some(image), ..Default::default() };
    let network = open("vit", &options);
    let found = rows(&network, &images);
    let at = |name: &str| taken(&network).iter().position(|layer| layer == name).unwrap();
    // The network itself reads its answer from the first token.
    assert_eq!(found[at("norm")], found[at("class_out")]);
    assert_ne!(found[at("norm")].len(), 0);
}

/// A chain of dense layers, of which every second has an activation.
fn chain(n: usize) -> Graph {
    let node = |at: usize| Node {
        operator: if at.is_multiple_of(2) { "MatMul".into() } else { "Relu".into() },
        inputs: vec![format!("v{at}"), if at.is_multiple_of(2) { "w" } else { "" }.into()],
        outputs: vec![format!("v{}", at + 1)],
        ..Node::default()
    };
    Graph {
        nodes: (0..2 * n).map(node).collect(),
        input: Input { name: "v0".into(), dims: vec![None, Some(4)] },
        output: format!("v{}", 2 * n),
        constants: HashMap::from([("w".into(), 16)]),
    }
}

#[test]
fn every_value_of_a_chain_is_a_cut() {
    let cuts = chain(40).cuts().unwrap();
    assert_eq!(cuts.len(), 81);
    assert!(cuts.iter().enumerate().all(|(at, cut)| cut.value == format!("v{at}")));
}

#[test]
fn images_are_prepared_as_torchvision_does() {
    // The middle of a larger image, mean subtracted, divided: nothing is left of a grey image but
    // the same value everywhere.
    let (_, image) = images("resnet");
    let size = ImageSize { height: 64, width: 80, channels: 1 };
    let preprocessing = Preprocessing { preset: Preset::Imagenet, ..Default::default() };
    let options = NetworkOptions { preprocessing, image: Some(size), ..Default::default() };
    let network = open("resnet", &options);
    assert_eq!(network.image(), image);
    assert!(network.notes()[0].contains("scaled to 37 x 46, of which the middle 32 x 32"));
    let grey = vec![51_u8; 64 * 80];
    let found = network.run(&[grey.as_slice()]).unwrap();
    let plain = Preprocessing {
        mean: Some(vec![0.485, 0.456, 0.406]),
        std: Some(vec![0.229, 0.224, 0.225]),
        ..Default::default()
    };
    let plain = NetworkOptions { preprocessing: plain, image: Some(image), ..Default::default() };
    let same = open("resnet", &plain).run(&[&[51_u8; 32 * 32 * 3]]).unwrap();
    assert_eq!(found, same);
    let without = NetworkOptions { image: Some(image), ..Default::default() };
    assert_ne!(open("resnet", &without).run(&[&[51_u8; 32 * 32 * 3]]).unwrap(), same);
}

#[test]
fn settings_that_do_not_fit_are_refused() {
    let error = |name: &str, preprocessing: Preprocessing, image: ImageSize| {
        let options = NetworkOptions { preprocessing, image: Some(image), ..Default::default() };
        Network::open(&fixture(name), &options).map(drop).unwrap_err().to_string()
    };
    let colour = ImageSize { height: 28, width: 28, channels: 3 };
    let found = error("lenet.onnx", Preprocessing::default(), colour);
    assert!(found.contains("takes grey images, but these are in colour"), "{found}");
    let small = ImageSize { height: 20, width: 20, channels: 1 };
    let crop =
        |text: &str| Preprocessing { crop: Some(text.parse().unwrap()), ..Default::default() };
    let found = error("lenet.onnx", crop("28"), small);
    assert!(found.contains("these have 20 x 20 when scaled"), "{found}");
    let found = error("lenet.onnx", crop("24"), small);
    assert!(found.contains("28 x 28 pixels, but `Preprocessing::crop` is 24 x 24"), "{found}");
    let mean = Preprocessing { mean: Some(vec![0.5, 0.5]), ..Default::default() };
    let found = error("lenet.onnx", mean, small);
    assert!(found.ends_with("mean = 0.5,0.5: one number"), "{found}");
    let std = Preprocessing { std: Some(vec![0.0]), ..Default::default() };
    let found = error("lenet.onnx", std, small);
    assert!(found.contains("std = 0: one number above 0"), "{found}");
}

#[test]
fn answers_of_the_fixtures_are_read_as_what_they_are() {
    for name in ["mlp", "lenet"] {
        let expected = npy::read_matrix(fixture(name).join("output.npy")).unwrap();
        let answers = Answers::new(expected.as_slice(), 10);
        let first: f64 = answers.probabilities[..10].iter().map(|&p| f64::from(p)).sum();
        assert!((first - 1.0).abs() < 1e-5);
        // Those of the one are probabilities, those of the other logits.
        assert_eq!(answers.probabilities == expected.as_slice(), name == "mlp");
    }
}

//! Measures of layers against scikit-learn 1.9.1, scikit-dimension 0.5.0, cleanlab 2.9.0 and numpy on
//! scikit-learn's digits: X, the 1,797 x 64 pixels, and B = max(left half - right half, 0), 32
//! columns, as a second layer. The numbers are those that `tests/fixtures/make_layer_measures.py`
//! prints.

mod dimensions;
mod points;
mod probes;
mod separation;
mod similarity;

use crate::support::{Variant, cpu, gpu};
use layerlens::compute::Device;
use layerlens::dataset::Dataset;
use layerlens::matrix::Matrix;
use layerlens::model::layers::{Conv, Dropout, Flatten, GlobalAvgPool};
use layerlens::model::{Architecture, LayerSpec, Recording, Weights};
use layerlens::neighbors::{NeighborGraph, nearest_neighbors, nearest_references};
use layerlens::profile::{
    Calibration, ClassMeans, ComparedLayer, DataMap, FittedProbe, IntrinsicDimension, LinearProbe,
    MEASURES, OutputLayer, PointMeasures, PredictionDepth, Probabilities, ProbedLayer,
    ProfiledLayer, Reason, Rule, Separation, Similarities, Sources, Spectrum, compared_rows,
    label_issues, look_at, odd, prediction_depths, ridge_predictions,
};
use layerlens::progress::Silent;
use layerlens::recipe::Blueprint;
use layerlens::training::{Dynamics, Training};

/// Training rows of the probes; the others are test rows.
const N_TRAIN: usize = 1000;
/// Layer names.
const NAMES: [&str; 2] = ["X", "B"];

struct Digits {
    layers: [Matrix; 2],
    labels: Vec<u16>,
}

impl Digits {
    fn new() -> Self {
        let data = Dataset::load("digits", None).unwrap();
        let parts = [&data.train, &data.test];
        let pixels: Vec<f32> = parts
            .iter()
            .flat_map(|part| (0..part.len()).flat_map(|at| part.images.image(at).to_vec()))
            .map(|pixel| f32::from(((u16::from(pixel)) * 16 + 127) / 255))
            .collect();
        let labels: Vec<u16> = parts.iter().flat_map(|part| part.labels.clone()).collect();
        let halves: Vec<f32> = pixels
            .chunks_exact(64)
            .flat_map(|row| (0..32).map(|at| (row[at] - row[at + 32]).max(0.0)))
            .collect();
        let n = labels.len();
        let x = Matrix::new(pixels, n, 64).unwrap();
        Self { layers: [x, Matrix::new(halves, n, 32).unwrap()], labels }
    }

    fn train(&self, layer: usize) -> Matrix {
        self.layers[layer].select(&(0..N_TRAIN).collect::<Vec<_>>())
    }

    fn test(&self, layer: usize) -> Matrix {
        self.layers[layer].select(&(N_TRAIN..self.labels.len()).collect::<Vec<_>>())
    }

    fn test_labels(&self) -> &[u16] {
        &self.labels[N_TRAIN..]
    }

    /// A probe of the training rows, and its probabilities for the test rows.
    fn probed(&self, device: &Device, layer: usize) -> (FittedProbe, [Probabilities; 2]) {
        let train = self.train(layer);
        let probed = ProbedLayer::new(device, &train).unwrap();
        let linear = LinearProbe { tol: 1e-10, max_iter: 3000, ..LinearProbe::default() };
        let fitted = linear.fit(device, &probed, &self.labels[..N_TRAIN], &Silent).unwrap();
        let of = |rows: &Matrix| fitted.probabilities(&probed.seen(device, rows).unwrap());
        let found = [of(&train), of(&self.test(layer))];
        (fitted, found)
    }

    fn neighbors(&self, layer: usize, k: usize) -> NeighborGraph {
        nearest_neighbors(&cpu(), &self.layers[layer], k, &Silent).unwrap()
    }
}

/// The CPU, and a GPU if there is one.
fn devices() -> Vec<Device> {
    std::iter::once(cpu()).chain(gpu(Variant::Adapter)).collect()
}

#[track_caller]
fn close(what: &str, found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs() / expected.abs();
    assert!(error <= tolerance, "{what}: {found} instead of {expected}, {error:.1e} off");
}

#[test]
fn threads_change_no_byte() {
    let digits = Digits::new();
    let of = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| profile_of(&digits, &cpu()))
    };
    let [one, two] = [of(1), of(2)].map(|profile| format!("{profile:?}"));
    assert_eq!(one, two);
}

/// The class means rounded down as the weights of an output layer, n_features x 10, and the answers
/// of that layer with the biases -|w|^2 / 2: all of them whole or half numbers.
fn rounded_means(x: &Matrix, labels: &[u16]) -> (Matrix, Vec<u16>) {
    let d = x.n_features();
    let mut kernel = vec![0.0_f32; d * 10];
    for class in 0..10_u16 {
        let rows: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] == class).collect();
        for column in 0..d {
            let sum: f64 = rows.iter().map(|&row| f64::from(x.row(row)[column])).sum();
            kernel[column * 10 + usize::from(class)] = (sum / rows.len() as f64).floor() as f32;
        }
    }
    let logit = |row: &[f32], class: usize| {
        let weight =
            |(at, &value): (usize, &f32)| (f64::from(value), f64::from(kernel[at * 10 + class]));
        row.iter().enumerate().map(weight).map(|(value, w)| value * w - w * w / 2.0).sum::<f64>()
    };
    let answer = |row: &[f32]| {
        let first = |best: usize, next: usize| {
            if logit(row, next) > logit(row, best) { next } else { best }
        };
        (1..10).fold(0, first) as u16
    };
    let answers = x.rows().map(answer).collect();
    (Matrix::new(kernel, d, 10).unwrap(), answers)
}

fn profile_of(digits: &Digits, device: &Device) -> layerlens::profile::LayerProfile {
    let (train, test) = (digits.train(1), digits.test(1));
    let (kernel, answers) = rounded_means(&train, &digits.labels[..N_TRAIN]);
    let layer = ProfiledLayer {
        space: "layer_1",
        train: &train,
        train_labels: &digits.labels[..N_TRAIN],
        test: Some((&test, digits.test_labels())),
        neighbors: None,
        knn_accuracy: Some(0.5),
        output: Some(OutputLayer { weights: Some(&kernel), predictions: Some(&answers) }),
        control: true,
        random_state: 42,
    };
    let (profile, answers) = layer.measure(device, &Silent).unwrap();
    // The answers are those that the accuracy counts.
    let found = answers.unwrap();
    let right = found.classes.iter().zip(digits.test_labels()).filter(|(a, b)| a == b).count();
    let accuracy = profile.probe.known().unwrap().accuracy;
    close("answers", right as f64 / found.classes.len() as f64, accuracy, 1e-12);
    assert!(found.confidence.iter().all(|sure| (0.1..=1.0).contains(sure)));
    profile
}

#[test]
fn every_measure_has_a_value_or_a_reason() {
    let digits = Digits::new();
    let profile = profile_of(&digits, &cpu());
    for measure in MEASURES {
        match (measure.of)(&profile) {
            Ok(value) => assert!(value.is_finite(), "{}", measure.key),
            Err(reason) => {
                assert!(measure.key.ends_with("_dimension"), "{}: {reason}", measure.key);
                assert_eq!(reason, "its neighbours were not searched");
            }
        }
    }
    let selectivity = MEASURES.iter().find(|measure| measure.key == "probe_selectivity").unwrap();
    // The probe's .782 (623 of 797) less about a tenth: shuffled labels of ten classes cannot be
    // learned.
    assert!((0.62..0.74).contains(&(selectivity.of)(&profile).unwrap()));

    // Data that allow hardly anything.
    let labels = [0_u16, 0, 1, 0];
    let rows = |values: &[f32]| Matrix::new(values.to_vec(), 4, 2).unwrap();
    let bad = [
        ("constant", rows(&[1.0; 8]), &labels),
        ("one class", rows(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 7.0]), &[1; 4]),
        ("two places", rows(&[0.0, 1.0, 0.0, 1.0, 2.0, 2.0, 0.0, 1.0]), &labels),
        ("huge", rows(&[1e30, 1.0, 2e30, 3.0, 4.0, 5.0, 7.0, 7.0]), &labels),
        ("tiny", rows(&[1e-30, 0.0, 2e-30, 0.0, 3e-30, 0.0, 0.0, 0.0]), &labels),
    ];
    for (what, x, labels) in bad {
        let layer = ProfiledLayer {
            space: "raw",
            train: &x,
            train_labels: labels,
            test: None,
            neighbors: None,
            knn_accuracy: None,
            output: None,
            control: true,
            random_state: 42,
        };
        let (found, _) = layer.measure(&cpu(), &Silent).unwrap();
        for measure in MEASURES {
            match (measure.of)(&found) {
                Ok(value) => assert!(value.is_finite(), "{what}: {} is {value}", measure.key),
                Err(reason) => assert!(!reason.is_empty(), "{what}: {}", measure.key),
            }
        }
    }
}

//! Training of a classifier by Adam on the cross-entropy, with the data resident on the device.
//!
//! Initial weights, the order of the batches and the dropout masks are drawn on the host from the seed alone, so training takes
//! the same path on every device up to the rounding of its arithmetic. burn does the arithmetic; its Adam is that of
//! D. Kingma and J. Ba, 2015.

mod adam;

use crate::compute;
use crate::dataset::Samples;
use crate::error::{Error, Result};
use crate::model::{Mlp, MlpConfig, Weights};
use crate::progress::Observer;
use crate::random::Random;
use adam::HostAdam;
use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// Streams of the random numbers of this room: one for each epoch's order and one for its masks.
const ORDER_STREAM: u64 = 0x6f72_6465_0000_0000;
const MASK_STREAM: u64 = 0x6d61_736b_0000_0000;

/// Keeps Adam's steps finite: Keras' value, as in the study.
const EPSILON: f32 = 1e-7;

/// Rows that are classified at once outside training.
const EVALUATION_ROWS: usize = 2000;

/// How to train; the defaults are those of the first study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Passes over the data, at least 1. Default 20.
    pub epochs: usize,
    /// Rows of a step, at least 1. Default 128.
    pub batch_size: usize,
    /// Step size of Adam, above 0. Default 0.001.
    pub learning_rate: f64,
    /// Share of a hidden layer's units that are dropped in training, 0 <= rate < 1. Default 0.5.
    pub dropout: f32,
    /// Seed of weights, order and masks. Default 42.
    pub random_state: u64,
}

impl Default for Training {
    fn default() -> Self {
        Self { epochs: 20, batch_size: 128, learning_rate: 1e-3, dropout: 0.5, random_state: 42 }
    }
}

/// Loss and accuracy after each epoch. Those of training are means over its batches as they were met, dropout on; those of
/// validation are taken at the end of the epoch, dropout off.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct History {
    /// Mean cross-entropy of the training batches, in nats.
    pub train_loss: Vec<f32>,
    /// Share of the training rows classified rightly, 0 to 1.
    pub train_accuracy: Vec<f32>,
    /// Mean cross-entropy of the validation rows.
    pub validation_loss: Vec<f32>,
    /// Share of the validation rows classified rightly.
    pub validation_accuracy: Vec<f32>,
}

/// Mean cross-entropy (nats) and accuracy (0 to 1) over a set of rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Performance {
    /// Mean cross-entropy in nats.
    pub loss: f32,
    /// Share of the rows classified rightly.
    pub accuracy: f32,
}

impl Training {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn validate(&self) -> Result<()> {
        if self.epochs == 0 {
            return Err(Error::parameter("--epochs", 0, "at least 1"));
        }
        if self.batch_size == 0 {
            return Err(Error::parameter("--batch-size", 0, "at least 1"));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return Err(Error::parameter("--learning-rate", self.learning_rate, "above 0"));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::parameter("--dropout", self.dropout, "from 0 to below 1"));
        }
        Ok(())
    }

    /// Trains `config`'s network on `train`, looking at `validation` after each epoch.
    ///
    /// # Errors
    /// [`Error::Parameter`]; [`Error::Data`] if the images do not fit the model or a part is empty; [`Error::Training`] if burn or its
    /// device fails or the loss is not finite; [`Error::Interrupted`].
    pub fn train(
        &self,
        device: &compute::Device,
        config: &MlpConfig,
        train: &Samples,
        validation: &Samples,
        observer: &dyn Observer,
    ) -> Result<(Weights, History)> {
        self.validate()?;
        for (part, samples) in [("training", train), ("validation", validation)] {
            if samples.is_empty() {
                return Err(Error::Data(format!("there are no {part} images")));
            }
            check_fit(config, samples)?;
        }
        let on_cpu = matches!(device, compute::Device::Cpu(_));
        guarded(device, |burn| {
            let (train, validation) = (Resident::new(burn, train, config)?, Resident::new(burn, validation, config)?);
            self.run(burn, on_cpu, config, &train, &validation, observer)
        })
    }

    fn run(
        &self,
        device: &Device,
        on_cpu: bool,
        config: &MlpConfig,
        train: &Resident,
        validation: &Resident,
        observer: &dyn Observer,
    ) -> Result<(Weights, History)> {
        let tracked = device.clone().autodiff();
        let mut model = Mlp::from_weights(config, &config.initial_weights(self.random_state), &tracked)?;
        let mut optimiser = if on_cpu { HostAdam::optimiser(EPSILON) } else { AdamConfig::new().with_epsilon(EPSILON).init() };
        let mut history = History::default();
        let steps = train.n.div_ceil(self.batch_size);
        for epoch in 0..self.epochs {
            let order = Random::new(self.random_state, ORDER_STREAM + epoch as u64).permutation(train.n);
            let mut total = Tally::new(device);
            for (step, batch) in order.chunks(self.batch_size).enumerate() {
                // Sorted, so that the rows of a batch stand in one order however the data are cut into parts.
                let mut rows = batch.to_vec();
                rows.sort_unstable();
                let (x, targets) = train.batch(&rows);
                let masks = self.masks(config, epoch, step, rows.len(), &tracked);
                let logits = model.forward_masked(x.autodiff(), masks);
                let loss = cross_entropy(&logits, targets.clone().autodiff());
                total.add(&loss.clone().inner(), &logits.inner(), targets);
                let gradients = GradientsParams::from_grads((loss / rows.len() as f32).backward(), &model);
                model = optimiser.step(self.learning_rate, model, gradients);
                observer.step((epoch * steps + step + 1) as u64, (self.epochs * steps) as u64, &last_figures(&history))?;
            }
            history.push(total.mean(train.n)?, validation.performance(&model.valid())?);
        }
        Ok((model.to_weights()?, history))
    }

    /// Dropout masks of one step, drawn by (epoch, step, layer, unit): 16 random bits each, so a rate is met to 2^-16.
    fn masks(&self, config: &MlpConfig, epoch: usize, step: usize, n: usize, device: &Device) -> Vec<Tensor<2>> {
        let random = Random::new(self.random_state, MASK_STREAM + epoch as u64);
        let threshold = (f64::from(self.dropout) * 65536.0).round() as u32;
        let kept = 1.0 / (1.0 - self.dropout);
        let mask = |(layer, &units): (usize, &usize)| {
            let first = ((step as u64) << 32) | ((layer as u64) << 28);
            let mut values = Vec::with_capacity(n * units + 1);
            for pair in 0..(n * units).div_ceil(2) {
                let bits = random.bits(first + pair as u64);
                values.extend([bits & 0xffff, bits >> 16].map(|bits| if bits < threshold { 0.0 } else { kept }));
            }
            values.truncate(n * units);
            Tensor::from_data(TensorData::new(values, [n, units]), device)
        };
        config.hidden.iter().enumerate().map(mask).collect()
    }
}

impl History {
    fn push(&mut self, train: Performance, validation: Performance) {
        self.train_loss.push(train.loss);
        self.train_accuracy.push(train.accuracy);
        self.validation_loss.push(validation.loss);
        self.validation_accuracy.push(validation.accuracy);
    }

    /// Number of epochs.
    pub fn len(&self) -> usize {
        self.train_loss.len()
    }

    /// Whether there are no epochs.
    pub fn is_empty(&self) -> bool {
        self.train_loss.is_empty()
    }
}

fn last_figures(history: &History) -> Vec<(&'static str, f64)> {
    let last = |values: &[f32], name| values.last().map(|&value| (name, f64::from(value)));
    [
        last(&history.train_loss, "loss"),
        last(&history.train_accuracy, "accuracy"),
        last(&history.validation_loss, "validation loss"),
        last(&history.validation_accuracy, "validation accuracy"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Loss and accuracy of `weights` on `samples`.
///
/// # Errors
/// [`Error::Data`] if weights, model and images do not fit each other; [`Error::Training`] if the device fails.
pub fn evaluate(device: &compute::Device, config: &MlpConfig, weights: &Weights, samples: &Samples) -> Result<Performance> {
    check_fit(config, samples)?;
    guarded(device, |burn| {
        let model = Mlp::from_weights(config, weights, burn)?;
        Resident::new(burn, samples, config)?.performance(&model)
    })
}

/// Refuses images of another size than the model's, and labels beyond its classes.
///
/// # Errors
/// [`Error::Data`].
pub fn check_fit(config: &MlpConfig, samples: &Samples) -> Result<()> {
    let (found, expected) = (samples.images.n_pixels(), config.n_features);
    if found != expected {
        return Err(Error::Data(format!("the images have {found} pixels, the model takes {expected}")));
    }
    if let Some(row) = samples.labels.iter().position(|&label| usize::from(label) >= config.n_classes) {
        let (label, most) = (samples.labels[row], config.n_classes - 1);
        return Err(Error::Data(format!("row {row} has the label {label}; the model knows 0 to {most}")));
    }
    Ok(())
}

thread_local! {
    /// Whether a panic of this thread will be caught and reported as an error.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs burn's work on `device` and turns its panics, which is how it reports a lost device, and what wgpu reports meanwhile,
/// into errors.
pub(crate) fn guarded<R>(device: &compute::Device, work: impl FnOnce(&Device) -> Result<R>) -> Result<R> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !CAUGHT.get() {
                previous(panic);
            }
        }));
    });
    CAUGHT.set(true);
    let result = catch_unwind(AssertUnwindSafe(|| work(&device.burn()?)));
    CAUGHT.set(false);
    let result = result.unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|&text| text.into()));
        Err(Error::Training(message.unwrap_or_else(|| "the backend stopped without a message".into())))
    });
    device.check("training").and(result)
}

/// Sum of the cross-entropies of a batch; `targets` are one-hot rows.
fn cross_entropy(logits: &Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    (activation::log_softmax(logits.clone(), 1) * targets).sum().neg()
}

/// Images and one-hot labels on the device, in parts, since a device bounds the size of one tensor.
struct Resident {
    parts: Vec<(usize, Tensor<2>, Tensor<2>)>,
    n: usize,
}

impl Resident {
    /// Values of a part: 98 MiB, below the 128 MiB that every device binds.
    const PART_VALUES: usize = 784 << 15;

    fn new(device: &Device, samples: &Samples, config: &MlpConfig) -> Result<Self> {
        let features = samples.images.features();
        let (n, d) = (features.n_samples(), features.n_features());
        let part_rows = (Self::PART_VALUES / d.max(config.n_classes)).max(1);
        let mut parts = Vec::new();
        for first in (0..n).step_by(part_rows) {
            let len = part_rows.min(n - first);
            let x = TensorData::new(features.as_slice()[first * d..][..len * d].to_vec(), [len, d]);
            let mut targets = vec![0.0_f32; len * config.n_classes];
            for (row, &label) in samples.labels[first..][..len].iter().enumerate() {
                targets[row * config.n_classes + usize::from(label)] = 1.0;
            }
            let targets = TensorData::new(targets, [len, config.n_classes]);
            parts.push((first, Tensor::from_data(x, device), Tensor::from_data(targets, device)));
        }
        Ok(Self { parts, n })
    }

    /// The given rows, ascending.
    fn batch(&self, rows: &[usize]) -> (Tensor<2>, Tensor<2>) {
        let mut pieces = (Vec::new(), Vec::new());
        for (at, (first, x, targets)) in self.parts.iter().enumerate() {
            let end = self.parts.get(at + 1).map_or(self.n, |next| next.0);
            let inside = &rows[rows.partition_point(|row| row < first)..rows.partition_point(|&row| row < end)];
            if !inside.is_empty() {
                let ids: Vec<i32> = inside.iter().map(|row| (row - first) as i32).collect();
                let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [inside.len()]), &x.device());
                pieces.0.push(x.clone().select(0, ids.clone()));
                pieces.1.push(targets.clone().select(0, ids));
            }
        }
        let joined = |mut pieces: Vec<Tensor<2>>| if pieces.len() == 1 { pieces.remove(0) } else { Tensor::cat(pieces, 0) };
        (joined(pieces.0), joined(pieces.1))
    }

    fn performance(&self, model: &Mlp) -> Result<Performance> {
        let mut total: Option<Tally> = None;
        for (_, x, targets) in &self.parts {
            for first in (0..x.dims()[0]).step_by(EVALUATION_ROWS) {
                let rows = first..(first + EVALUATION_ROWS).min(x.dims()[0]);
                let (x, targets) = (x.clone().slice([rows.clone()]), targets.clone().slice([rows]));
                let (_, logits) = model.forward(x);
                let loss = cross_entropy(&logits, targets.clone());
                total.get_or_insert_with(|| Tally::new(&logits.device())).add(&loss, &logits, targets);
            }
        }
        total.ok_or_else(|| Error::Data("there are no images to classify".into()))?.mean(self.n)
    }
}

/// Sums of losses and right answers, kept on the device until they are asked for.
struct Tally {
    loss: Tensor<1>,
    right: Tensor<1>,
}

impl Tally {
    fn new(device: &Device) -> Self {
        Self { loss: Tensor::zeros([1], device), right: Tensor::zeros([1], device) }
    }

    fn add(&mut self, loss: &Tensor<1>, logits: &Tensor<2>, targets: Tensor<2>) {
        let right = logits.clone().argmax(1).equal(targets.argmax(1)).float().sum();
        self.loss = self.loss.clone() + loss.clone();
        self.right = self.right.clone() + right;
    }

    fn mean(self, n: usize) -> Result<Performance> {
        let read = |tensor: Tensor<1>| {
            let data = tensor.try_into_data().map_err(|error| Error::Training(error.to_string()))?;
            let values = data.try_to_vec::<f32>().map_err(|error| Error::Training(format!("{error:?}")))?;
            Ok(values[0] / n as f32)
        };
        let (loss, accuracy) = (read(self.loss)?, read(self.right)?);
        if !loss.is_finite() {
            return Err(Error::Training(format!("the loss became {loss}; try a smaller --learning-rate")));
        }
        Ok(Performance { loss, accuracy })
    }
}

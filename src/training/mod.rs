//! Training of a classifier by Adam on the cross-entropy, with the data resident on the device.
//!
//! Initial weights, the order of the batches and the dropout masks are drawn on the host from the seed alone, so training takes
//! the same path on every device up to the rounding of its arithmetic. burn does the arithmetic, with our convolutions on the CPU.

mod adam;
mod checkpoint;
mod epochs;
mod guard;
mod history;
mod resident;

pub use checkpoint::{Checkpoint, Checkpoints};
pub use epochs::{EpochChoice, EpochWeights};
pub(crate) use guard::guarded;
pub use history::{History, Performance};
pub(crate) use resident::rows_at_once;

use crate::compute;
use crate::dataset::{self, Samples};
use crate::error::{Error, Result};
use crate::model::{Architecture, Arrangement, Network, Weights};
use crate::progress::Observer;
use crate::random::Random;
use adam::Adam;
use burn::tensor::{Device, Tensor, TensorData};
use checkpoint::{Snapshot, digests};
use resident::{Resident, Tally, cross_entropy};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Instant;

/// Streams of the random numbers of this room: one for each epoch's order and one for its masks.
const ORDER_STREAM: u64 = 0x6f72_6465_0000_0000;
const MASK_STREAM: u64 = 0x6d61_736b_0000_0000;

/// How to train; the defaults are those of the first study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Passes over the data, at least 1. Default 20.
    pub epochs: usize,
    /// Rows of a step, at least 1. Default 128.
    pub batch_size: usize,
    /// Step size of Adam, above 0. Default 0.001.
    pub learning_rate: f64,
    /// Share of the rows that are kept for validation, 0 < share < 1, rounded down to whole rows. Default 1/6.
    pub validation: f64,
    /// Which rows those are. Default random.
    pub validation_split: ValidationSplit,
    /// Epochs without a new least validation loss after which training ends, at least 1. Default: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Whether the weights of the epoch of least validation loss are kept rather than the last. Default no.
    pub keep_best: bool,
    /// Whether the test rows are classified after each epoch. Default no.
    pub test_every_epoch: bool,
    /// Seed of weights, order, masks, and of a random split. Default 42.
    pub random_state: u64,
}

/// Which rows are kept for validation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ValidationSplit {
    /// Drawn by the seed.
    #[default]
    Random,
    /// The last ones, as Keras' `validation_split` takes them.
    Last,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            epochs: 20,
            batch_size: 128,
            learning_rate: 1e-3,
            validation: 1.0 / 6.0,
            validation_split: ValidationSplit::Random,
            patience: None,
            keep_best: false,
            test_every_epoch: false,
            random_state: 42,
        }
    }
}

/// What is trained, on which rows.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The network.
    pub architecture: &'a Architecture,
    /// Rows to learn from.
    pub train: &'a Samples,
    /// Rows to look at after each epoch.
    pub validation: &'a Samples,
    /// Rows to look at after each epoch if [`Training::test_every_epoch`]; nothing is decided by them.
    pub test: Option<&'a Samples>,
    /// A training of the same to go on with; the result has the bytes of a training that did not stop.
    pub resume: Option<&'a Checkpoint>,
    /// Where checkpoints go, if they are wanted.
    pub checkpoints: Option<Checkpoints<'a>>,
    /// Where the weights after chosen epochs go, if they are wanted. A training that goes on writes those from its checkpoint on.
    pub epoch_weights: Option<EpochWeights<'a>>,
    /// Names of the classes, which go with the weights; none if they are not known.
    pub class_names: &'a [String],
}

impl<'a> Job<'a> {
    /// Training from the start, without test rows, checkpoints, weights of epochs and names.
    pub fn new(architecture: &'a Architecture, train: &'a Samples, validation: &'a Samples) -> Self {
        Self {
            architecture,
            train,
            validation,
            test: None,
            resume: None,
            checkpoints: None,
            epoch_weights: None,
            class_names: &[],
        }
    }
}

/// What a training ended with.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// The weights: the last, or those of least validation loss.
    pub weights: Weights,
    /// The epoch that they are of, counted from 1.
    pub epoch: usize,
    /// What was recorded.
    pub history: History,
    /// Whether it ended for want of progress.
    pub stopped_early: bool,
    /// Wall time of each epoch, validation included and the test rows not. Of a training that went on from a checkpoint without
    /// its `seconds.csv` beside it, of the epochs since.
    pub seconds: Vec<f64>,
}

impl Training {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn validate(&self) -> Result<()> {
        let wholes = [("--epochs", Some(self.epochs)), ("--batch-size", Some(self.batch_size)), ("--patience", self.patience)];
        if let Some((flag, _)) = wholes.into_iter().find(|(_, value)| *value == Some(0)) {
            return Err(Error::parameter(flag, 0, "at least 1"));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return Err(Error::parameter("--learning-rate", self.learning_rate, "above 0"));
        }
        if !(self.validation > 0.0 && self.validation < 1.0) {
            return Err(Error::parameter("--validation", self.validation, "a share above 0 and below 1"));
        }
        Ok(())
    }

    /// Training and validation rows of `n`, both ascending.
    pub fn split(&self, n: usize) -> (Vec<usize>, Vec<usize>) {
        // A share such as 0.2 is not exact: 5 rows of which it makes 0.9999999 are still one.
        let n_validation = (n as f64 * self.validation + 1e-6).floor() as usize;
        match self.validation_split {
            ValidationSplit::Random => dataset::split_off(n, n_validation, self.random_state),
            ValidationSplit::Last => ((0..n - n_validation).collect(), (n - n_validation..n).collect()),
        }
    }

    /// Refuses what [`Training::train`] would refuse before its first step.
    ///
    /// # Errors
    /// [`Error::Parameter`]; [`Error::Data`] if the images do not fit the model or a part is empty; [`Error::Input`] if a checkpoint
    /// is of something else.
    pub fn check(&self, job: &Job) -> Result<()> {
        self.checked(job).map(drop)
    }

    /// [`Training::check`], giving what checkpoints say of the data.
    fn checked(&self, job: &Job) -> Result<[Option<String>; 3]> {
        self.validate()?;
        if job.checkpoints.is_some_and(|checkpoints| checkpoints.every == 0) {
            return Err(Error::parameter("--checkpoint-every", 0, "at least 1"));
        }
        job.epoch_weights.map_or(Ok(()), |kept| kept.epochs.check(self.epochs))?;
        for (part, samples) in [("training", Some(job.train)), ("validation", Some(job.validation)), ("test", job.test)] {
            let Some(samples) = samples else { continue };
            if samples.is_empty() {
                return Err(Error::Data(format!("there are no {part} images")));
            }
            check_fit(job.architecture, samples)?;
        }
        let needed = job.resume.is_some() || job.checkpoints.is_some();
        let data = if needed { digests(job) } else { Default::default() };
        job.resume.map_or(Ok(()), |checkpoint| checkpoint.check(self, job.architecture, &data))?;
        Ok(data)
    }

    /// Trains.
    ///
    /// # Errors
    /// As [`Training::check`]; [`Error::Write`] for checkpoints and weights of epochs; [`Error::Training`] if burn or its device fails or the loss is not
    /// finite; [`Error::Interrupted`].
    pub fn train(&self, device: &compute::Device, job: &Job, observer: &dyn Observer) -> Result<Trained> {
        let data = self.checked(job)?;
        guarded(device, "training", |burn| {
            let resident = |samples| Resident::new(burn, samples, job.architecture);
            let (train, validation) = (resident(job.train), resident(job.validation));
            let test = job.test.filter(|_| self.test_every_epoch).map(resident);
            let mut session = Session::new(self, job, (device, burn))?;
            session.keep(job)?;
            while !session.is_over() {
                session.epoch(&train, &validation, test.as_ref(), observer)?;
                // Before the checkpoint: from it on no earlier weights can be had.
                session.keep(job)?;
                session.checkpoint(job, &data)?;
            }
            let trained = session.finish()?;
            Ok(Trained { weights: trained.weights.with_class_names(job.class_names), ..trained })
        })
    }
}

/// How the values of grids lie on a device.
pub(crate) fn arrangement(device: &compute::Device) -> Arrangement {
    match device {
        compute::Device::Cpu(_) => Arrangement::ChannelsLast,
        compute::Device::Gpu(_) => Arrangement::ChannelsFirst,
    }
}

/// A training under way.
struct Session<'a> {
    training: &'a Training,
    compute: &'a compute::Device,
    device: &'a Device,
    network: Network,
    adam: Adam,
    history: History,
    /// Weights of the epoch of least validation loss, if they are kept.
    best: Option<Weights>,
    seconds: Vec<f64>,
    /// The checkpoint that it went on from.
    resumed: Option<&'a Path>,
}

impl<'a> Session<'a> {
    fn new(training: &'a Training, job: &Job<'a>, (compute, device): (&'a compute::Device, &'a Device)) -> Result<Self> {
        let arrangement = arrangement(compute);
        let (on_cpu, tracked) = (arrangement == Arrangement::ChannelsLast, device.clone().autodiff());
        let initial = || job.architecture.initial_weights(training.random_state);
        let weights = job.resume.map_or_else(initial, |checkpoint| checkpoint.weights.clone());
        let network = Network::from_weights(job.architecture, &weights, &tracked, arrangement)?;
        let adam = Adam::new(training.learning_rate, &network, on_cpu, job.resume.map(Checkpoint::past), device);
        let history = job.resume.map_or_else(History::default, |checkpoint| checkpoint.history().clone());
        let best = job.resume.and_then(|checkpoint| checkpoint.best.clone());
        let seconds = job.resume.map_or_else(Vec::new, |checkpoint| checkpoint.seconds.clone());
        let resumed = job.resume.map(Checkpoint::path);
        Ok(Self { training, compute, device, network, adam, history, best, seconds, resumed })
    }

    /// Writes the weights of the present epoch if they are to be kept.
    fn keep(&self, job: &Job) -> Result<()> {
        job.epoch_weights.map_or(Ok(()), |kept| {
            let weights = || Ok(self.network.inner().to_weights()?.with_class_names(job.class_names));
            kept.keep(job.architecture, self.history.len(), self.is_over(), weights)
        })
    }

    /// Writes a checkpoint if one is due.
    fn checkpoint(&self, job: &Job, data: &[Option<String>; 3]) -> Result<()> {
        let Some(checkpoints) = job.checkpoints.filter(|checkpoints| checkpoints.is_due(self.history.len())) else {
            return Ok(());
        };
        checkpoints.write(Snapshot {
            training: self.training,
            architecture: job.architecture,
            data,
            history: &self.history,
            weights: self.network.inner().to_weights()?,
            past: self.adam.past()?,
            best: self.best.as_ref(),
            seconds: &self.seconds,
        })
    }

    fn stopped_early(&self) -> bool {
        let best = self.history.best_epoch().unwrap_or(0);
        self.training.patience.is_some_and(|patience| self.history.len() >= best + patience)
    }

    fn is_over(&self) -> bool {
        self.history.len() >= self.training.epochs || (!self.history.is_empty() && self.stopped_early())
    }

    fn epoch(&mut self, train: &Resident, validation: &Resident, test: Option<&Resident>, observer: &dyn Observer) -> Result<()> {
        let (start, epoch) = (Instant::now(), self.history.len());
        let (training, steps) = (self.training, train.n.div_ceil(self.training.batch_size));
        let order = Random::new(training.random_state, ORDER_STREAM + epoch as u64).permutation(train.n);
        let mut total = Tally::new(self.device);
        for (step, batch) in order.chunks(training.batch_size).enumerate() {
            // Sorted, so that the rows of a batch stand in one order however the data are cut into parts.
            let mut rows = batch.to_vec();
            rows.sort_unstable();
            let (x, targets) = train.batch(&rows);
            let masks = self.masks(epoch, step, rows.len());
            let logits = self.network.forward_training(x.autodiff(), masks);
            let loss = cross_entropy(&logits, targets.clone().autodiff());
            total.add(&loss.clone().inner(), &logits.inner(), targets);
            let gradients = (loss / rows.len() as f32).backward();
            self.adam.step(&mut self.network, gradients);
            self.compute.check("training")?;
            let (done, all) = (epoch * steps + step + 1, training.epochs * steps);
            observer.step(done as u64, all as u64, &self.history.last_figures())?;
        }
        let network = self.network.inner();
        let of_epoch = (total.mean(train.n)?, validation.performance(&network)?);
        self.seconds.push(start.elapsed().as_secs_f64());
        let test = test.map(|test| test.performance(&network)).transpose()?;
        let mut losses = [Some(of_epoch.0), Some(of_epoch.1), test].into_iter().flatten().map(|figures| figures.loss);
        if let Some(loss) = losses.find(|loss| !loss.is_finite()) {
            let from = self.resumed.map_or(String::new(), |path| format!(", going on from {}", path.display()));
            return Err(Error::Training(format!("the loss became {loss}{from}; try a smaller --learning-rate")));
        }
        self.history.push(of_epoch.0, of_epoch.1, test);
        if training.keep_best && self.history.best_epoch() == Some(self.history.len()) {
            self.best = Some(network.to_weights()?);
        }
        Ok(())
    }

    /// Dropout masks of one step, drawn by (epoch, step, layer, value): 16 random bits each, so a rate is met to 2^-16.
    fn masks(&self, epoch: usize, step: usize, n: usize) -> Vec<Tensor<2>> {
        let device = self.device.clone().autodiff();
        let mask = |(layer, (width, rate)): (usize, (usize, f32))| {
            let random = Random::new(self.training.random_state, MASK_STREAM + ((layer as u64 >> 4) << 24) + epoch as u64);
            let threshold = (f64::from(rate) * 65536.0).round() as u32;
            let kept = 1.0 / (1.0 - rate);
            let first = ((step as u64) << 32) | ((layer as u64 & 15) << 28);
            let mut values = Vec::with_capacity(n * width + 1);
            for pair in 0..(n * width).div_ceil(2) {
                let bits = random.bits(first + pair as u64);
                values.extend([bits & 0xffff, bits >> 16].map(|bits| if bits < threshold { 0.0 } else { kept }));
            }
            values.truncate(n * width);
            Tensor::from_data(TensorData::new(values, [n, width]), &device)
        };
        self.network.dropouts().into_iter().enumerate().map(mask).collect()
    }

    fn finish(self) -> Result<Trained> {
        let stopped_early = self.history.len() < self.training.epochs;
        let epoch = match &self.best {
            Some(_) => self.history.best_epoch().unwrap_or(0),
            None => self.history.len(),
        };
        let weights = self.best.map_or_else(|| self.network.inner().to_weights(), Ok)?;
        Ok(Trained { weights, epoch, history: self.history, stopped_early, seconds: self.seconds })
    }
}

/// Loss and accuracy of `weights` on `samples`.
///
/// # Errors
/// [`Error::Data`] if weights, model and images do not fit each other, or the loss is not finite; [`Error::Training`] if the
/// device fails.
pub fn evaluate(
    device: &compute::Device,
    architecture: &Architecture,
    weights: &Weights,
    samples: &Samples,
) -> Result<Performance> {
    check_fit(architecture, samples)?;
    guarded(device, "evaluation", |burn| {
        let network = Network::from_weights(architecture, weights, burn, arrangement(device))?;
        let performance = Resident::new(burn, samples, architecture).performance(&network)?;
        if performance.loss.is_finite() {
            return Ok(performance);
        }
        Err(Error::Data(format!("the loss of the network on these images is {}", performance.loss)))
    })
}

/// Refuses images of another size than the model's, and labels beyond its classes.
///
/// # Errors
/// [`Error::Data`].
pub fn check_fit(architecture: &Architecture, samples: &Samples) -> Result<()> {
    let (found, expected) = (samples.images.n_pixels(), architecture.n_features());
    if found != expected {
        return Err(Error::Data(format!("the images have {found} pixels, the model takes {expected}")));
    }
    let (found, [height, width, _]) = ([samples.images.height(), samples.images.width()], architecture.input);
    if architecture.is_spatial() && found != [height, width] {
        let [rows, columns] = found;
        return Err(Error::Data(format!("the images have {rows} x {columns} pixels, the model takes {height} x {width}")));
    }
    if let Some(row) = samples.labels.iter().position(|&label| usize::from(label) >= architecture.n_classes) {
        let (label, most) = (samples.labels[row], architecture.n_classes - 1);
        return Err(Error::Data(format!("row {row} has the label {label}; the model knows 0 to {most}")));
    }
    Ok(())
}

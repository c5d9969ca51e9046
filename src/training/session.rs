//! Epochs of a training on burn's device, from the first or from a checkpoint on.

use super::adam::Adam;
use super::checkpoint::{Checkpoint, Snapshot};
use super::dynamics::Dynamics;
use super::guard::guarded;
use super::history::{History, Performance};
use super::resident::{Resident, Said, Tally, cross_entropy};
use super::{Job, Trained, Training, check_fit};
use crate::compute;
use crate::dataset::Samples;
use crate::error::{Error, Result};
use crate::model::{Architecture, Arrangement, Network, Weights};
use crate::progress::Observer;
use crate::random::Random;
use burn::tensor::{Device, Tensor, TensorData};
use std::path::Path;
use std::time::Instant;

/// Streams of the random numbers of this module: one for each epoch's order and one for its masks.
const ORDER_STREAM: u64 = 0x6f72_6465_0000_0000;
const MASK_STREAM: u64 = 0x6d61_736b_0000_0000;

/// Trains; `data` is what checkpoints say of the data.
pub(super) fn train(
    training: &Training,
    device: &compute::Device,
    job: &Job,
    data: &[Option<String>; 3],
    observer: &dyn Observer,
) -> Result<Trained> {
    guarded(device, "training", |burn| {
        let resident = |samples| Resident::new(burn, samples, job.architecture);
        let (train, validation) = (resident(job.train), resident(job.validation));
        let test = job.test.filter(|_| training.test_every_epoch).map(resident);
        let mut session = Session::new(training, job, device, burn)?;
        session.keep(job)?;
        while !session.is_over() {
            session.epoch(job, &train, &validation, test.as_ref(), observer)?;
            // Before the checkpoint: from it on no earlier weights can be had.
            session.keep(job)?;
            session.checkpoint(job, data)?;
        }
        let trained = session.finish()?;
        Ok(Trained { weights: trained.weights.with_class_names(job.class_names), ..trained })
    })
}

/// Memory layout of the values of grids on a device.
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
    /// None if earlier epochs are not known.
    dynamics: Option<Dynamics>,
    /// The checkpoint that it went on from.
    resumed: Option<&'a Path>,
}

impl<'a> Session<'a> {
    fn new(
        training: &'a Training,
        job: &Job<'a>,
        compute: &'a compute::Device,
        device: &'a Device,
    ) -> Result<Self> {
        let arrangement = arrangement(compute);
        let on_cpu = arrangement == Arrangement::ChannelsLast;
        let tracked = device.clone().autodiff();
        let random = || job.architecture.initial_weights(training.random_state);
        let initial = || job.initial.cloned().unwrap_or_else(random);
        let weights = job.resume.map_or_else(initial, |checkpoint| checkpoint.weights.clone());
        let network = Network::from_weights(job.architecture, &weights, &tracked, arrangement)?;
        let adam = Adam::new(
            training.learning_rate,
            &network,
            on_cpu,
            job.resume.map(Checkpoint::past),
            device,
        );
        let history =
            job.resume.map_or_else(History::default, |checkpoint| checkpoint.history().clone());
        let best = job.resume.and_then(|checkpoint| checkpoint.best.clone());
        let seconds = job.resume.map_or_else(Vec::new, |checkpoint| checkpoint.seconds.clone());
        let resumed = job.resume.map(Checkpoint::path);
        let dynamics = match job.resume {
            Some(checkpoint) => checkpoint.dynamics_of(job.train.len()).cloned(),
            None => Some(Dynamics::new(job.train.len())),
        };
        Ok(Self {
            training,
            compute,
            device,
            network,
            adam,
            history,
            best,
            seconds,
            dynamics,
            resumed,
        })
    }

    /// Writes the weights of the present epoch if they are to be kept.
    fn keep(&self, job: &Job) -> Result<()> {
        job.epoch_weights.map_or(Ok(()), |kept| {
            let weights =
                || Ok(self.network.inner().to_weights()?.with_class_names(job.class_names));
            kept.keep(job.architecture, self.history.len(), self.is_over(), weights)
        })
    }

    /// Writes a checkpoint if one is due.
    fn checkpoint(&self, job: &Job, data: &[Option<String>; 3]) -> Result<()> {
        let Some(checkpoints) =
            job.checkpoints.filter(|checkpoints| checkpoints.is_due(self.history.len()))
        else {
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
            dynamics: self.dynamics.as_ref(),
        })
    }

    fn stopped_early(&self) -> bool {
        let best = self.history.best_epoch().unwrap_or(0);
        self.training.patience.is_some_and(|patience| self.history.len() >= best + patience)
    }

    fn is_over(&self) -> bool {
        self.history.len() >= self.training.epochs
            || (!self.history.is_empty() && self.stopped_early())
    }

    fn epoch(
        &mut self,
        job: &Job,
        train: &Resident,
        validation: &Resident,
        test: Option<&Resident>,
        observer: &dyn Observer,
    ) -> Result<()> {
        let start = Instant::now();
        let epoch = self.history.len();
        let training = self.training;
        let steps = train.n.div_ceil(self.training.batch_size);
        let order =
            Random::new(training.random_state, ORDER_STREAM + epoch as u64).permutation(train.n);
        let mut total = Tally::new(self.device);
        let mut said = Said::new(&job.train.labels);
        for (step, batch) in order.chunks(training.batch_size).enumerate() {
            // Sorted, so that the rows of a batch stand in one order however the data are cut into
            // parts.
            let mut rows = batch.to_vec();
            rows.sort_unstable();
            let (x, targets) = train.batch(&rows);
            let masks = self.masks(epoch, step, rows.len());
            let logits = self.network.forward_training(x.autodiff(), masks);
            let loss = cross_entropy(&logits, targets.clone().autodiff());
            let logits = logits.inner();
            total.add(&loss.clone().inner(), &logits, targets);
            said.keep(&rows, logits)?;
            let gradients = (loss / rows.len() as f32).backward();
            self.adam.step(&mut self.network, gradients);
            self.compute.check("training")?;
            let done = epoch * steps + step + 1;
            let all = training.epochs * steps;
            observer.step(done as u64, all as u64, &self.history.last_figures())?;
        }
        let network = self.network.inner();
        let of_epoch = (total.mean(train.n)?, validation.performance(&network)?);
        self.seconds.push(start.elapsed().as_secs_f64());
        let test = test.map(|test| test.performance(&network)).transpose()?;
        let mut losses = [Some(of_epoch.0), Some(of_epoch.1), test]
            .into_iter()
            .flatten()
            .map(|figures| figures.loss);
        if let Some(loss) = losses.find(|loss| !loss.is_finite()) {
            let from = self
                .resumed
                .map_or(String::new(), |path| format!(", going on from {}", path.display()));
            return Err(Error::Training(format!(
                "the loss became {loss}{from}; try a smaller `Training::learning_rate`"
            )));
        }
        self.history.push(of_epoch.0, of_epoch.1, test);
        if let Some(dynamics) = &mut self.dynamics {
            said.end(dynamics)?;
        }
        if training.keep_best && self.history.best_epoch() == Some(self.history.len()) {
            self.best = Some(network.to_weights()?);
        }
        Ok(())
    }

    /// Dropout masks of one step, drawn by (epoch, step, layer, value): 16 random bits each, so a
    /// rate is met to 2^-16.
    fn masks(&self, epoch: usize, step: usize, n: usize) -> Vec<Tensor<2>> {
        let device = self.device.clone().autodiff();
        let mask = |(layer, (width, rate)): (usize, (usize, f32))| {
            let random = Random::new(
                self.training.random_state,
                MASK_STREAM + ((layer as u64 >> 4) << 24) + epoch as u64,
            );
            let threshold = (f64::from(rate) * 65536.0).round() as u32;
            let kept = 1.0 / (1.0 - rate);
            let first = ((step as u64) << 32) | ((layer as u64 & 15) << 28);
            let mut values = Vec::with_capacity(n * width + 1);
            for pair in 0..(n * width).div_ceil(2) {
                let bits = random.bits(first + pair as u64);
                values.extend(
                    [bits & 0xffff, bits >> 16]
                        .map(|bits| if bits < threshold { 0.0 } else { kept }),
                );
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
        let Self { history, seconds, dynamics, .. } = self;
        Ok(Trained { weights, epoch, history, stopped_early, seconds, dynamics })
    }
}

/// Loss and accuracy of `weights` on `samples`.
///
/// # Errors
/// [`Error::Data`] if weights, model and images do not fit each other, or the loss is not finite;
/// [`Error::Training`] if the device fails; [`Error::Feature`] in a build without the feature
/// `train`.
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

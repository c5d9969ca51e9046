//! Training of a classifier by Adam on the cross-entropy, with the data resident on the device.
//!
//! Initial weights, the order of the batches and the dropout masks are drawn on the host from the
//! seed alone, so training takes the same path on every device up to the rounding of its
//! arithmetic. burn does the arithmetic, with our convolutions on the CPU.

#[cfg(feature = "train")]
mod adam;
#[cfg_attr(
    not(feature = "train"),
    expect(dead_code, reason = "parts of it are for trainings alone")
)]
mod checkpoint;
#[cfg_attr(
    not(feature = "train"),
    expect(dead_code, reason = "parts of it are for trainings alone")
)]
mod dynamics;
#[cfg_attr(
    not(feature = "train"),
    expect(dead_code, reason = "parts of it are for trainings alone")
)]
mod epochs;
#[cfg(feature = "train")]
mod guard;
#[cfg_attr(
    not(feature = "train"),
    expect(dead_code, reason = "parts of it are for trainings alone")
)]
mod history;
#[cfg(feature = "train")]
mod resident;
#[cfg(feature = "train")]
mod session;
#[cfg(not(feature = "train"))]
#[path = "absent.rs"]
mod session;

pub use checkpoint::{Checkpoint, Checkpoints};
pub use dynamics::Dynamics;
pub use epochs::{EpochChoice, EpochWeights};
#[cfg(feature = "train")]
pub(crate) use guard::guarded;
pub use history::{History, Performance};
#[cfg(feature = "train")]
pub(crate) use resident::rows_at_once;
#[cfg(feature = "train")]
pub(crate) use session::arrangement;
pub use session::evaluate;

use crate::compute;
use crate::dataset::{self, Images, Samples};
use crate::error::{Error, Result};
use crate::model::{Architecture, Weights};
use crate::progress::Observer;
use checkpoint::digests;
use serde::{Deserialize, Serialize};

/// Training parameters; the defaults are those of the first study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Passes over the data, at least 1. Default 20.
    pub epochs: usize,
    /// Rows of a step, at least 1. Default 128.
    pub batch_size: usize,
    /// Step size of Adam, above 0. Default 0.001.
    pub learning_rate: f64,
    /// Share of the rows that are kept for validation, 0 < share < 1, rounded down to whole rows.
    /// Default 1/6.
    pub validation: f64,
    /// Choice of these rows. Default random.
    pub validation_split: ValidationSplit,
    /// Epochs without a new least validation loss after which training ends, at least 1. Default:
    /// it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// `true` if the weights of the epoch of least validation loss are kept rather than the last.
    /// Default no.
    pub keep_best: bool,
    /// `true` if the test rows are classified after each epoch. Default no.
    pub test_every_epoch: bool,
    /// Seed of weights, order, masks, and of a random split. Default 42.
    pub random_state: u64,
}

/// Choice of the rows that are kept for validation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
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

/// A training: the network and its rows.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The network.
    pub architecture: &'a Architecture,
    /// Rows to learn from.
    pub train: &'a Samples,
    /// Rows to evaluate after each epoch.
    pub validation: &'a Samples,
    /// Rows to evaluate after each epoch if [`Training::test_every_epoch`]; nothing is decided by
    /// them.
    pub test: Option<&'a Samples>,
    /// Weights to begin with instead of random ones.
    pub initial: Option<&'a Weights>,
    /// A training of the same to go on with; the result has the bytes of a training that did not
    /// stop.
    pub resume: Option<&'a Checkpoint>,
    /// Where checkpoints go, if they are wanted.
    pub checkpoints: Option<Checkpoints<'a>>,
    /// Where the weights after chosen epochs go, if they are wanted. A training that goes on writes
    /// those from its checkpoint on.
    pub epoch_weights: Option<EpochWeights<'a>>,
    /// Names of the classes, which go with the weights; none if they are not known.
    pub class_names: &'a [String],
}

impl<'a> Job<'a> {
    /// Training from the start, without test rows, checkpoints, weights of epochs and names.
    pub fn new(
        architecture: &'a Architecture,
        train: &'a Samples,
        validation: &'a Samples,
    ) -> Self {
        Self {
            architecture,
            train,
            validation,
            test: None,
            initial: None,
            resume: None,
            checkpoints: None,
            epoch_weights: None,
            class_names: &[],
        }
    }
}

/// Result of a training.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// The weights: the last, or those of least validation loss.
    pub weights: Weights,
    /// The epoch that they are of, counted from 1.
    pub epoch: usize,
    /// Loss and accuracy of every epoch.
    pub history: History,
    /// `true` if it was stopped early.
    pub stopped_early: bool,
    /// Wall time of each epoch, validation included and the test rows not. Of a training that went
    /// on from a checkpoint without its `seconds.csv` beside it, of the epochs since.
    pub seconds: Vec<f64>,
    /// What the network said of each training row in each epoch; none if it went on from a
    /// checkpoint that does not hold it.
    pub dynamics: Option<Dynamics>,
}

impl Training {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn validate(&self) -> Result<()> {
        let wholes = [
            ("epochs", Some(self.epochs)),
            ("batch_size", Some(self.batch_size)),
            ("patience", self.patience),
        ];
        if let Some((field, _)) = wholes.into_iter().find(|(_, value)| *value == Some(0)) {
            return Err(Error::parameter(field, 0, "at least 1"));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return Err(Error::parameter("learning_rate", self.learning_rate, "above 0"));
        }
        if !(self.validation > 0.0 && self.validation < 1.0) {
            return Err(Error::parameter(
                "validation",
                self.validation,
                "a share above 0 and below 1",
            ));
        }
        Ok(())
    }

    /// Training and validation rows of `n`, both ascending.
    pub fn split(&self, n: usize) -> (Vec<usize>, Vec<usize>) {
        // A share such as 0.2 is not exact: 5 rows of which it makes 0.9999999 are still one.
        let n_validation = (n as f64 * self.validation + 1e-6).floor() as usize;
        match self.validation_split {
            ValidationSplit::Random => dataset::split_off(n, n_validation, self.random_state),
            ValidationSplit::Last => {
                ((0..n - n_validation).collect(), (n - n_validation..n).collect())
            }
        }
    }

    /// Refuses what [`Training::train`] would refuse before its first step.
    ///
    /// # Errors
    /// [`Error::Parameter`]; [`Error::Data`] if the images do not fit the model or a part is empty;
    /// [`Error::Input`] if a checkpoint is of something else.
    pub fn check(&self, job: &Job) -> Result<()> {
        self.checked(job).map(drop)
    }

    /// [`Training::check`], giving what checkpoints say of the data.
    fn checked(&self, job: &Job) -> Result<[Option<String>; 3]> {
        self.validate()?;
        if job.checkpoints.is_some_and(|checkpoints| checkpoints.every == 0) {
            return Err(Error::parameter("checkpoint_every", 0, "at least 1"));
        }
        job.epoch_weights.map_or(Ok(()), |kept| kept.epochs.check(self.epochs))?;
        for (part, samples) in [
            ("training", Some(job.train)),
            ("validation", Some(job.validation)),
            ("test", job.test),
        ] {
            let Some(samples) = samples else { continue };
            if samples.is_empty() {
                return Err(Error::Data(format!("there are no {part} images")));
            }
            check_fit(job.architecture, samples)?;
        }
        job.initial.map_or(Ok(()), |weights| job.architecture.check_weights(weights))?;
        let needed = job.resume.is_some() || job.checkpoints.is_some();
        let data = if needed { digests(job) } else { Default::default() };
        job.resume.map_or(Ok(()), |checkpoint| checkpoint.check(self, job.architecture, &data))?;
        Ok(data)
    }

    /// Trains.
    ///
    /// # Errors
    /// As [`Training::check`]; [`Error::Write`] for checkpoints and weights of epochs;
    /// [`Error::Training`] if burn or its device fails or the loss is not finite;
    /// [`Error::Interrupted`]; [`Error::Feature`] in a build without the feature `train`.
    pub fn train(
        &self,
        device: &compute::Device,
        job: &Job,
        observer: &dyn Observer,
    ) -> Result<Trained> {
        let data = self.checked(job)?;
        session::train(self, device, job, &data, observer)
    }
}

/// [`check_images`], and refuses labels beyond the model's classes.
///
/// # Errors
/// [`Error::Data`].
pub fn check_fit(architecture: &Architecture, samples: &Samples) -> Result<()> {
    check_images(architecture, &samples.images)?;
    if let Some(row) =
        samples.labels.iter().position(|&label| usize::from(label) >= architecture.n_classes)
    {
        let label = samples.labels[row];
        let most = architecture.n_classes - 1;
        return Err(Error::Data(format!(
            "row {row} has the label {label}; the model knows 0 to {most}"
        )));
    }
    Ok(())
}

/// Refuses images of another size than the model's. A model that begins with a dense layer takes
/// images of any height and width with as many values.
///
/// # Errors
/// [`Error::Data`].
pub fn check_images(architecture: &Architecture, images: &Images) -> Result<()> {
    let found = images.shape();
    let fits = match architecture.is_spatial() {
        true => found == architecture.input,
        false => images.n_values() == architecture.n_features(),
    };
    if fits {
        return Ok(());
    }
    let words = |[height, width, channels]: [usize; 3]| format!("{height} x {width} x {channels}");
    Err(Error::Data(format!(
        "the images are {} (height x width x channels), the model takes {}",
        words(found),
        words(architecture.input)
    )))
}

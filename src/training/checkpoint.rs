//! A training between two epochs: everything that is needed to go on as if it had not stopped.

use super::{Dynamics, History, Job, Training};
use crate::dataset::Samples;
use crate::error::{Error, Result};
use crate::files::{create_folder, write_atomic};
use crate::model::{Architecture, Parameter, Weights, read_tensors, tensor_bytes};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Key of the file's metadata under which everything but the tensors is stored, as JSON.
const KEY: &str = "layerlens_checkpoint";

/// First and second moments of each trained tensor.
pub(super) type Moments = Vec<[Vec<f32>; 2]>;

/// A training after one of its epochs, from a file or on the way into one.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The file.
    path: PathBuf,
    about: About,
    pub(super) weights: Weights,
    pub(super) moments: Moments,
    /// The weights of least validation loss, if they are kept.
    pub(super) best: Option<Weights>,
    /// Wall time of the epochs up to it, of the last ones if that of some is not known.
    pub(super) seconds: Vec<f64>,
    /// None in checkpoints of versions that did not keep it.
    dynamics: Option<Dynamics>,
}

/// Metadata of a checkpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct About {
    architecture: Architecture,
    training: Training,
    /// SHA-256 of training, validation and test rows.
    data: [Option<String>; 3],
    history: History,
    /// Steps that the optimiser took.
    steps: usize,
    /// Training rows whose dynamics it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dynamics_of: Option<usize>,
}

/// Where checkpoints go, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoints<'a> {
    /// The folder; it is made when the first is written.
    pub folder: &'a Path,
    /// Epochs from one to the next, at least 1.
    pub every: usize,
}

/// The state of a training as it is written down.
pub(super) struct Snapshot<'a> {
    pub(super) training: &'a Training,
    pub(super) architecture: &'a Architecture,
    pub(super) data: &'a [Option<String>; 3],
    pub(super) history: &'a History,
    pub(super) weights: Weights,
    /// Steps of the optimiser, and its moments.
    pub(super) past: (usize, Moments),
    pub(super) best: Option<&'a Weights>,
    /// Of the last epochs.
    pub(super) seconds: &'a [f64],
    pub(super) dynamics: Option<&'a Dynamics>,
}

impl Checkpoint {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`Error::Input`] if the file is missing, malformed, no checkpoint, or holds a value that is
    /// not finite.
    pub fn read(path: &Path) -> Result<Self> {
        let (about, tensors) = read_tensors(path, KEY, "a checkpoint of a training")?;
        let malformed = |message: String| {
            Error::input(path, format!("not a checkpoint of a training: {message}"))
        };
        let about: About =
            serde_json::from_str(&about).map_err(|error| malformed(error.to_string()))?;
        let epochs = about.history.len();
        if epochs == 0 || about.history.columns().iter().any(|(_, values)| values.len() != epochs) {
            return Err(malformed(
                "the columns of its history are empty, or differ in length".into(),
            ));
        }
        if about.steps < epochs {
            return Err(malformed(format!(
                "{} steps of the optimiser in {epochs} epochs",
                about.steps
            )));
        }
        let of = |error: Error| malformed(error.to_string());
        let parameters: Vec<Parameter> = about
            .architecture
            .steps()
            .map_err(of)?
            .into_iter()
            .flat_map(|step| step.parameters)
            .collect();
        let part = |prefix: &str| -> Result<Weights> {
            let mut weights = Weights::default();
            for Parameter { name, shape, .. } in &parameters {
                let values = tensors.get(&format!("{prefix}.{name}"), shape).map_err(of)?;
                weights.insert(name.clone(), shape.clone(), values.to_vec());
            }
            Ok(weights)
        };
        let trained = parameters.iter().filter(|tensor| tensor.is_trainable());
        let moments = trained.map(|Parameter { name, shape, .. }| {
            let moment = |prefix: &str| {
                tensors.get(&format!("{prefix}.{name}"), shape).map(<[f32]>::to_vec).map_err(of)
            };
            Ok([moment("adam_first")?, moment("adam_second")?])
        });
        let moments = moments.collect::<Result<Moments>>()?;
        if let Some(least) =
            moments.iter().flat_map(|[_, second]| second).find(|second| **second < 0.0)
        {
            return Err(malformed(format!(
                "a second moment of the optimiser is {least}; squares have no negative mean"
            )));
        }
        let best = about.training.keep_best.then(|| part("best")).transpose()?;
        let seconds = read_seconds(path, epochs);
        let dynamics = about
            .dynamics_of
            .map(|n| read_dynamics(&tensors, n, epochs))
            .transpose()
            .map_err(of)?;
        let weights = part("weights")?;
        Ok(Self { path: path.to_owned(), weights, moments, best, seconds, dynamics, about })
    }

    /// The checkpoints in a folder, that of most epochs first.
    pub fn all(folder: &Path) -> Vec<PathBuf> {
        let epoch = |path: &PathBuf| {
            let name = path.file_name()?.to_str()?;
            name.strip_prefix("epoch_")?.strip_suffix(".safetensors")?.parse::<usize>().ok()
        };
        let files = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()));
        let mut found: Vec<(usize, PathBuf)> =
            files.filter_map(|path| Some((epoch(&path)?, path))).collect();
        found.sort_by(|a, b| b.cmp(a));
        found.into_iter().map(|(_, path)| path).collect()
    }

    /// The checkpoint of most epochs in a folder, if there is one.
    pub fn latest(folder: &Path) -> Option<PathBuf> {
        Self::all(folder).into_iter().next()
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// History up to it.
    pub fn history(&self) -> &History {
        &self.about.history
    }

    /// What the network said of `n` training rows so far, if it holds that.
    pub(super) fn dynamics_of(&self, n: usize) -> Option<&Dynamics> {
        self.dynamics.as_ref().filter(|dynamics| dynamics.n_samples() == n)
    }

    /// Number of steps that the optimiser took, and its moments.
    pub(super) fn past(&self) -> (usize, &Moments) {
        (self.about.steps, &self.moments)
    }

    /// Refuses to go on with another model, other data, or settings that would have led elsewhere:
    /// only the number of epochs and the patience may differ.
    ///
    /// # Errors
    /// [`Error::Input`] naming what differs.
    pub(super) fn check(
        &self,
        training: &Training,
        architecture: &Architecture,
        data: &[Option<String>; 3],
    ) -> Result<()> {
        let refuse = |message: String| Err(Error::input(&self.path, message));
        if self.about.architecture != *architecture {
            return refuse("a checkpoint of another model".into());
        }
        for (part, (then, now)) in
            ["training", "validation", "test"].iter().zip(self.about.data.iter().zip(data))
        {
            if then != now {
                return refuse(format!(
                    "a checkpoint of other data: the {part} images or labels are not the same"
                ));
            }
        }
        let of = |training: &Training| serde_json::to_value(training).unwrap_or_default();
        // The present settings too pass through the file's form of numbers.
        let now: Training =
            serde_json::from_value(of(training)).expect("settings are read as they are written");
        let now = Training {
            epochs: self.about.training.epochs,
            patience: self.about.training.patience,
            ..now
        };
        let then = of(&self.about.training);
        let now = of(&now);
        let differs =
            |(name, value): &(&String, &serde_json::Value)| then.get(name.as_str()) != Some(*value);
        if let Some((name, value)) = now.as_object().and_then(|now| now.iter().find(differs)) {
            let then = then.get(name).cloned().unwrap_or_default();
            return refuse(format!(
                "a checkpoint of other settings: {name} was {then}, now it is {value}"
            ));
        }
        let done = self.about.history.len();
        let wanted = training.epochs;
        if done > wanted {
            return refuse(format!(
                "the checkpoint is of epoch {done}; `Training::epochs` {wanted} ends before it"
            ));
        }
        Ok(())
    }
}

impl Checkpoints<'_> {
    /// `true` if a checkpoint is due after so many epochs.
    pub(super) fn is_due(&self, epochs: usize) -> bool {
        epochs.is_multiple_of(self.every.max(1))
    }

    /// Writes `epoch_NN.safetensors`.
    pub(super) fn write(&self, snapshot: Snapshot) -> Result<()> {
        let Snapshot {
            training,
            architecture,
            data,
            history,
            weights,
            past: (steps, moments),
            best,
            seconds,
            dynamics,
        } = snapshot;
        let mut tensors = Weights::default();
        let mut moments = moments.into_iter();
        for tensor in architecture.checked_steps().into_iter().flat_map(|step| step.parameters) {
            let mut insert = |prefix: &str, values: Vec<f32>| {
                tensors.insert(format!("{prefix}.{}", tensor.name), tensor.shape.clone(), values)
            };
            insert("weights", weights.get(&tensor.name, &tensor.shape)?.to_vec());
            if let Some(best) = best {
                insert("best", best.get(&tensor.name, &tensor.shape)?.to_vec());
            }
            if let Some([first, second]) = tensor.is_trainable().then(|| moments.next()).flatten() {
                insert("adam_first", first);
                insert("adam_second", second);
            }
        }
        if let Some(dynamics) = dynamics {
            insert_dynamics(&mut tensors, dynamics);
        }
        let about = About {
            architecture: architecture.clone(),
            training: training.clone(),
            data: data.clone(),
            history: history.clone(),
            steps,
            dynamics_of: dynamics.map(Dynamics::n_samples),
        };
        create_folder(self.folder)?;
        // Before the checkpoint, which it must not be behind.
        write_seconds(self.folder, history.len(), seconds)?;
        let path = self.folder.join(format!("epoch_{:02}.safetensors", history.len()));
        let bytes = tensor_bytes(&path, KEY, &about, &tensors)?;
        write_atomic(&path, |writer| writer.write_all(&bytes))
    }
}

/// Names of the tensors of the dynamics, n_epochs x n_samples; those of `RIGHT` are 1 or 0.
const PROBABILITIES: &str = "dynamics.probabilities";
const RIGHT: &str = "dynamics.right";

fn insert_dynamics(tensors: &mut Weights, dynamics: &Dynamics) {
    let shape = vec![dynamics.n_epochs(), dynamics.n_samples()];
    let epochs = || 0..dynamics.n_epochs();
    let probabilities = epochs().flat_map(|epoch| dynamics.probabilities(epoch)).copied().collect();
    let right = epochs().flat_map(|epoch| dynamics.right(epoch));
    let right = right.map(|&right| f32::from(u8::from(right))).collect();
    tensors.insert(PROBABILITIES.into(), shape.clone(), probabilities);
    tensors.insert(RIGHT.into(), shape, right);
}

fn read_dynamics(tensors: &Weights, n: usize, epochs: usize) -> Result<Dynamics> {
    let mut dynamics = Dynamics::new(n);
    let probabilities = tensors.get(PROBABILITIES, &[epochs, n])?;
    let right = tensors.get(RIGHT, &[epochs, n])?;
    for (probabilities, right) in probabilities.chunks(n.max(1)).zip(right.chunks(n.max(1))) {
        dynamics.push(probabilities.to_vec(), right.iter().map(|&right| right == 1.0).collect());
    }
    Ok(dynamics)
}

/// File beside checkpoints with the wall time of their epochs: within them it would make no two of
/// the same bytes.
const SECONDS: &str = "seconds.csv";

/// Writes the times of the last of `n` epochs.
fn write_seconds(folder: &Path, n: usize, seconds: &[f64]) -> Result<()> {
    let first = n + 1 - seconds.len().min(n);
    write_atomic(&folder.join(SECONDS), |writer| {
        writeln!(writer, "epoch,seconds")?;
        (first..)
            .zip(seconds)
            .try_for_each(|(epoch, seconds)| writeln!(writer, "{epoch},{seconds}"))
    })
}

/// The times of the last of the `n` epochs before the checkpoint at `path`, as far as they are
/// known: nothing depends on them.
fn read_seconds(path: &Path, n: usize) -> Vec<f64> {
    let text = std::fs::read_to_string(path.with_file_name(SECONDS)).unwrap_or_default();
    let pair = |line: &str| -> Option<(usize, f64)> {
        let (epoch, seconds) = line.split_once(',')?;
        let seconds: f64 = seconds.parse().ok()?;
        Some((epoch.parse().ok()?, seconds)).filter(|_| seconds.is_finite() && seconds >= 0.0)
    };
    let known: BTreeMap<usize, f64> = text.lines().filter_map(pair).collect();
    let mut seconds: Vec<f64> =
        (1..=n).rev().map_while(|epoch| known.get(&epoch).copied()).collect();
    seconds.reverse();
    seconds
}

/// SHA-256 of the rows of each part of a job.
pub(super) fn digests(job: &Job) -> [Option<String>; 3] {
    [Some(job.train), Some(job.validation), job.test].map(|samples| samples.map(digest))
}

fn digest(samples: &Samples) -> String {
    let images = &samples.images;
    let mut hash = Sha256::new();
    hash.update(
        images
            .array_shape()
            .into_iter()
            .flat_map(|size| (size as u64).to_le_bytes())
            .collect::<Vec<u8>>(),
    );
    (0..images.n()).for_each(|row| hash.update(images.image(row)));
    // Bytes where they suffice, as checkpoints of earlier versions had them.
    match samples.labels.iter().all(|&label| label <= u16::from(u8::MAX)) {
        true => samples.labels.iter().for_each(|&label| hash.update([label as u8])),
        false => samples.labels.iter().for_each(|label| hash.update(label.to_le_bytes())),
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

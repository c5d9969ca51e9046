//! A training between two epochs: everything that is needed to go on as if it had not stopped.

use super::adam::Moments;
use super::{History, Job, Training};
use crate::dataset::Samples;
use crate::error::{Error, Result};
use crate::files::{create_folder, write_atomic};
use crate::model::{Architecture, Parameter, Weights, read_tensors, tensor_bytes};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Key of the file's metadata under which everything but the tensors stands, as JSON.
const KEY: &str = "layerlens_checkpoint";

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
}

/// What a checkpoint says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct About {
    architecture: Architecture,
    training: Training,
    /// SHA-256 of training, validation and test rows.
    data: [Option<String>; 3],
    history: History,
    /// Steps that the optimiser took.
    steps: usize,
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
}

impl Checkpoint {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`Error::Input`] if the file is missing, malformed, no checkpoint, or holds a value that is not finite.
    pub fn read(path: &Path) -> Result<Self> {
        let (about, tensors) = read_tensors(path, KEY, "a checkpoint of a training")?;
        let malformed = |message: String| Error::input(path, format!("not a checkpoint of a training: {message}"));
        let about: About = serde_json::from_str(&about).map_err(|error| malformed(error.to_string()))?;
        let of = |error: Error| malformed(error.to_string());
        let parameters: Vec<Parameter> =
            about.architecture.steps().map_err(of)?.into_iter().flat_map(|step| step.parameters).collect();
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
            let moment = |prefix: &str| tensors.get(&format!("{prefix}.{name}"), shape).map(<[f32]>::to_vec).map_err(of);
            Ok([moment("adam_first")?, moment("adam_second")?])
        });
        let moments = moments.collect::<Result<Moments>>()?;
        let best = about.training.keep_best.then(|| part("best")).transpose()?;
        Ok(Self { path: path.to_owned(), weights: part("weights")?, moments, best, about })
    }

    /// The checkpoint of most epochs in a folder, if there is one.
    pub fn latest(folder: &Path) -> Option<PathBuf> {
        let epoch = |path: &PathBuf| {
            let name = path.file_name()?.to_str()?;
            name.strip_prefix("epoch_")?.strip_suffix(".safetensors")?.parse::<usize>().ok()
        };
        let files = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        files.filter_map(|path| Some((epoch(&path)?, path))).max().map(|(_, path)| path)
    }

    /// What was recorded up to it.
    pub fn history(&self) -> &History {
        &self.about.history
    }

    /// Number of steps that the optimiser took, and its moments.
    pub(super) fn past(&self) -> (usize, &Moments) {
        (self.about.steps, &self.moments)
    }

    /// Refuses to go on with another model, other data, or settings that would have led elsewhere: only the number of epochs and
    /// the patience may differ.
    ///
    /// # Errors
    /// [`Error::Input`] naming what differs.
    pub(super) fn check(&self, training: &Training, architecture: &Architecture, data: &[Option<String>; 3]) -> Result<()> {
        let refuse = |message: String| Err(Error::input(&self.path, message));
        if self.about.architecture != *architecture {
            return refuse("a checkpoint of another model".into());
        }
        for (part, (then, now)) in ["training", "validation", "test"].iter().zip(self.about.data.iter().zip(data)) {
            if then != now {
                return refuse(format!("a checkpoint of other data: the {part} images or labels are not the same"));
            }
        }
        let of = |training: &Training| serde_json::to_value(training).unwrap_or_default();
        // The present settings too pass through the file's form of numbers.
        let now: Training = serde_json::from_value(of(training)).expect("settings are read as they are written");
        let now = Training { epochs: self.about.training.epochs, patience: self.about.training.patience, ..now };
        let (then, now) = (of(&self.about.training), of(&now));
        let differs = |(name, value): &(&String, &serde_json::Value)| then.get(name.as_str()) != Some(*value);
        if let Some((name, value)) = now.as_object().and_then(|now| now.iter().find(differs)) {
            let then = then.get(name).cloned().unwrap_or_default();
            return refuse(format!("a checkpoint of other settings: {name} was {then}, now it is {value}"));
        }
        let (done, wanted) = (self.about.history.len(), training.epochs);
        if done > wanted {
            return refuse(format!("the checkpoint is of epoch {done}; --epochs {wanted} ends before it"));
        }
        Ok(())
    }
}

impl Checkpoints<'_> {
    /// Whether one is due after so many epochs.
    pub(super) fn is_due(&self, epochs: usize) -> bool {
        epochs.is_multiple_of(self.every.max(1))
    }

    /// Writes `epoch_NN.safetensors`.
    pub(super) fn write(&self, snapshot: Snapshot) -> Result<()> {
        let Snapshot { training, architecture, data, history, weights, past: (steps, moments), best } = snapshot;
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
        let about = About {
            architecture: architecture.clone(),
            training: training.clone(),
            data: data.clone(),
            history: history.clone(),
            steps,
        };
        create_folder(self.folder)?;
        let path = self.folder.join(format!("epoch_{:02}.safetensors", history.len()));
        let bytes = tensor_bytes(&path, KEY, &about, &tensors)?;
        write_atomic(&path, |writer| writer.write_all(&bytes))
    }
}

/// SHA-256 of the rows of each part of a job.
pub(super) fn digests(job: &Job) -> [Option<String>; 3] {
    [Some(job.train), Some(job.validation), job.test].map(|samples| samples.map(digest))
}

fn digest(samples: &Samples) -> String {
    let images = &samples.images;
    let mut hash = Sha256::new();
    hash.update([images.n(), images.height(), images.width()].map(|size| size as u64).map(u64::to_le_bytes).concat());
    (0..images.n()).for_each(|row| hash.update(images.image(row)));
    hash.update(&samples.labels);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

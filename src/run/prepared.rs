//! Data and model of a run that trains or tests a network: checked against each other, and what the
//! manifest says of them.

use super::classes;
use super::job::{MethodChoice, Run, TrainRun, starts};
use super::strangers;
use crate::compute::Description;
use crate::dataset::{Dataset, Samples, Source, Unlabelled};
use crate::embedding;
use crate::error::{Error, Result};
use crate::evaluation::N_NEIGHBORS;
use crate::model::{Architecture, Weights, read_model};
use crate::progress::Reporter;
use crate::record::{Opening, RunFolder};
use crate::training::{Checkpoint, Job, check_fit};
use std::path::{Path, PathBuf};

/// Data and model of a run, after all checks.
pub(super) struct Prepared {
    pub(super) data: Dataset,
    pub(super) train: Samples,
    pub(super) validation: Samples,
    pub(super) train_rows: Vec<usize>,
    /// Images that the network was not trained for, if there are any.
    pub(super) strangers: Option<Unlabelled>,
    pub(super) architecture: Architecture,
    /// Weights that were given, and their file.
    pub(super) weights: Option<Weights>,
    weights_file: Option<PathBuf>,
    /// Weights that the training begins with, if not with random ones.
    initial: Option<Weights>,
    /// The checkpoint that was named.
    pub(super) checkpoint: Option<Checkpoint>,
}

impl Prepared {
    /// The same with the strangers of a run.
    ///
    /// # Errors
    /// As [`Unlabelled::open`].
    pub(super) fn with_strangers(mut self, run: &Run) -> Result<Self> {
        let asked = run.strangers.as_deref();
        let read = asked.map(|asked| strangers::read(asked, &run.train.data, &mut self.data));
        self.strangers = read.transpose()?;
        Ok(self)
    }

    /// An error in the activations, which is one of the weights if they were given.
    pub(super) fn of_weights(&self, error: Error) -> Error {
        match (&self.weights_file, &self.weights, error) {
            (Some(path), Some(weights), Error::Data(message)) => {
                let (name, largest) = weights.largest();
                let weights = format!(
                    "the weights are finite, but the activations are not; the largest is \
                     {largest:e}, in `{name}`"
                );
                Error::input(path, format!("{message}: {weights}"))
            }
            (_, _, error) => error,
        }
    }

    /// The training, without the checkpoints that it writes.
    pub(super) fn job(&self, run: &TrainRun) -> Job<'_> {
        Job {
            test: run.training.test_every_epoch.then_some(&self.data.test),
            initial: self.initial.as_ref(),
            resume: self.checkpoint.as_ref(),
            class_names: &self.data.class_names,
            ..Job::new(&self.architecture, &self.train, &self.validation)
        }
    }
}

pub(super) fn prepare(run: &TrainRun, model: Option<&Path>) -> Result<Prepared> {
    let mut data = Dataset::open(&run.data)?;
    let (train_rows, validation_rows) = run.training.split(data.train.len());
    if validation_rows.is_empty() && model.is_none() {
        let n = data.train.len();
        let fewest = (1.0 / run.training.validation - 1e-6).ceil();
        return Err(Error::Data(format!(
            "{n} training images leave none for validation; {fewest} are the fewest"
        )));
    }
    let (train, validation) = (data.train.select(&train_rows), data.train.select(&validation_rows));
    let images = &data.train.images;
    let given = model.or(run.pretrained.as_deref());
    let (architecture, weights) = match given {
        None => (run.architecture.build(images.shape(), data.class_names.len())?, None),
        Some(path) => {
            let (architecture, weights) = given_model(path, &mut data)?;
            (architecture, Some(weights))
        }
    };
    let (weights, initial) = if model.is_some() { (weights, None) } else { (None, weights) };
    if run.checkpoint_every == Some(0) {
        return Err(Error::parameter("checkpoint_every", 0, "at least 1"));
    }
    let checkpoint = run.resume_from.as_deref().map(Checkpoint::read).transpose()?;
    let weights_file = model.map(Path::to_owned);
    let prepared = Prepared {
        data,
        train,
        validation,
        train_rows,
        strangers: None,
        architecture,
        weights,
        weights_file,
        initial,
        checkpoint,
    };
    if prepared.weights.is_none() {
        run.training.check(&prepared.job(run))?;
    }
    Ok(prepared)
}

/// The model of a file, which must be for such data; what it says about the names of the classes is
/// added to the warnings.
fn given_model(path: &Path, data: &mut Dataset) -> Result<(Architecture, Weights)> {
    let (architecture, weights) = read_model(path)?;
    let named = |error: Error| Error::input(path, error.to_string());
    check_fit(&architecture, &data.train)
        .and_then(|()| check_fit(&architecture, &data.test))
        .map_err(|error| Error::input(path, format!("does not fit {}: {error}", data.name)))?;
    architecture.check_weights(&weights).map_err(named)?;
    let found = architecture.n_classes;
    let classes = data.class_names.len();
    if found != classes {
        return Err(Error::input(
            path,
            format!("this model has {found} classes, the data have {classes}"),
        ));
    }
    let (weights, warnings) =
        classes::matched(&architecture, weights, &data.class_names).map_err(named)?;
    let warnings = warnings.into_iter().map(|warning| format!("{}: {warning}", path.display()));
    data.warnings.extend(warnings);
    Ok((architecture, weights))
}

/// A method's name and its parameters with every default filled in.
pub(super) fn complete(choice: &MethodChoice) -> (String, serde_json::Value) {
    let mut table = embedding::method(&choice.name)
        .ok()
        .and_then(|method| (method.defaults)().ok())
        .unwrap_or_default();
    table.extend(choice.parameters.clone());
    (choice.name.clone(), serde_json::to_value(table).unwrap_or_default())
}

/// The configuration with every default filled in.
fn resolved(run: &TrainRun, prepared: &Prepared, study: Option<&Run>) -> serde_json::Value {
    let methods: serde_json::Map<_, _> =
        study.iter().flat_map(|study| &study.methods).map(complete).collect();
    let mut config = serde_json::json!({
        "dataset": run.data.dataset,
        "data": serde_json::to_value(&run.data).unwrap_or_default(),
        "split": { "train": prepared.train.len(), "validation": prepared.validation.len(), "test": prepared.data.test.len() },
        "model": prepared.architecture,
        "looked_into": prepared.architecture.recorded_layers(),
        "training": run.training,
        "n_neighbors": N_NEIGHBORS,
        "methods": methods,
    });
    if let Some(study) = study {
        config["neighbors"] = serde_json::json!(study.search);
        config["clusters"] = serde_json::json!(study.clusters);
        config["probe_control"] = serde_json::json!(study.probe_control);
        config["report_points"] = serde_json::json!(study.report_points);
        if let Some(strangers) = &study.strangers {
            config["strangers"] = serde_json::json!(strangers);
        }
        if let Some(epochs) = &study.epochs_to_embed {
            config["epochs_to_embed"] = serde_json::json!(epochs);
        }
    }
    config
}

/// The record of a run that trains; of a whole `study` with what follows the training.
pub(super) fn open(
    run: &TrainRun,
    study: Option<&Run>,
    prepared: &Prepared,
    description: &Description,
    reporter: &dyn Reporter,
) -> Result<RunFolder> {
    let mut inputs = prepared.data.sources.clone();
    inputs.extend(study.and_then(|study| study.model.as_ref()).map(Source::of_file).transpose()?);
    inputs.extend(run.pretrained.as_ref().map(Source::of_file).transpose()?);
    inputs.extend(run.resume_from.as_ref().map(Source::of_file).transpose()?);
    inputs.extend(starts(study.map_or(&[], |study| &study.methods))?);
    let opening = Opening {
        seed: run.training.random_state,
        config: resolved(run, prepared, study),
        device: description.clone(),
        inputs,
    };
    let mut folder = RunFolder::open(&run.to, &prepared.data.name, opening, reporter)?;
    if !folder.manifest.stages.is_empty() {
        return Ok(folder);
    }
    if !prepared.data.warnings.is_empty() {
        folder.manifest.warnings.extend(prepared.data.warnings.clone());
        folder.save()?;
    }
    Ok(folder)
}

//! Training of a classifier inside a run: the data and the model checked against each other, then weights, history, activations.

use super::figures;
use super::folder::{Opening, RunFolder};
use super::layers;
use super::study::{MethodChoice, Run, Summary, close};
use crate::activations::activations;
use crate::compute::{Description, Device};
use crate::dataset::{Dataset, Samples, Source, split};
use crate::embedding;
use crate::error::{Error, Result};
use crate::evaluation::N_NEIGHBORS;
use crate::files::write_atomic;
use crate::model::{MlpConfig, Weights, read_weights, write_weights};
use crate::progress::Reporter;
use crate::training::{History, Training, check_fit, evaluate};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Units of a hidden layer at most: its kernel over 784 inputs then has 49 MiB, its square 1 GiB.
const MAX_UNITS: usize = 16_384;

/// What to train and on what.
#[derive(Clone, Debug)]
pub struct TrainRun {
    /// Name of the data set.
    pub dataset: String,
    /// Where its files are, if not in the usual places.
    pub data_dir: Option<PathBuf>,
    /// Units of the hidden layers.
    pub hidden: Vec<usize>,
    /// How to train.
    pub training: Training,
    /// Where the results go; a folder under `runs/` if nothing is said.
    pub out: Option<PathBuf>,
    /// Whether an earlier run there may be replaced.
    pub force: bool,
    /// Whether to go on with an unfinished run there.
    pub resume: bool,
    /// Command line, for the manifest.
    pub argv: Vec<String>,
}

/// Data and model of a run, checked against each other.
pub(super) struct Prepared {
    pub(super) data: Dataset,
    pub(super) train: Samples,
    pub(super) validation: Samples,
    pub(super) train_rows: Vec<usize>,
    pub(super) config: MlpConfig,
    /// Weights that were given.
    pub(super) weights: Option<Weights>,
}

/// Trains a classifier and writes model, history and the history's figure.
///
/// # Errors
/// [`Error::Input`] for missing or malformed data, [`Error::Parameter`], [`Error::Exists`], [`Error::Write`], any error of the device,
/// [`Error::Interrupted`].
pub fn train(run: &TrainRun, device: &Device, description: &Description, reporter: &dyn Reporter) -> Result<Summary> {
    run.training.validate()?;
    let prepared = prepare(run, None)?;
    let mut folder = open(run, &prepared, description, None)?;
    let outcome = match finished_training(&folder, &prepared) {
        Ok(None) => train_stage(&mut folder, run, &prepared, device, description.kind, reporter).map(drop),
        finished => finished.map(drop),
    };
    close(folder, outcome, reporter)
}

pub(super) fn prepare(run: &TrainRun, model: Option<&Path>) -> Result<Prepared> {
    let data = Dataset::load(&run.dataset, run.data_dir.as_deref())?;
    if let Some(width) = run.hidden.iter().find(|width| !(1..=MAX_UNITS).contains(*width)) {
        return Err(Error::parameter("--hidden", width, format!("at least 1 unit in every layer, and at most {MAX_UNITS}")));
    }
    let (train_rows, validation_rows) = split(data.train.len(), run.training.random_state);
    if validation_rows.is_empty() && model.is_none() {
        let n = data.train.len();
        return Err(Error::Data(format!("{n} training images leave none for validation; 6 are the fewest")));
    }
    let (train, validation) = (data.train.select(&train_rows), data.train.select(&validation_rows));
    let trained =
        MlpConfig { hidden: run.hidden.clone(), ..MlpConfig::new(data.train.images.n_pixels(), data.class_names.len()) };
    let (config, weights) = match model {
        None => (trained, None),
        Some(path) => {
            let (config, weights) = read_weights(path)?;
            let named = |error: Error| Error::input(path, error.to_string());
            check_fit(&config, &data.train).and_then(|()| check_fit(&config, &data.test)).map_err(named)?;
            crate::model::Mlp::from_weights(&config, &weights, &burn::tensor::Device::flex()).map_err(named)?;
            (config, Some(weights))
        }
    };
    Ok(Prepared { data, train, validation, train_rows, config, weights })
}

/// A method's name and its parameters with every default filled in.
pub(super) fn complete(choice: &MethodChoice) -> (String, serde_json::Value) {
    let mut table = embedding::method(&choice.name).ok().and_then(|method| (method.defaults)().ok()).unwrap_or_default();
    table.extend(choice.parameters.clone());
    (choice.name.clone(), serde_json::to_value(table).unwrap_or_default())
}

/// The configuration with every default filled in.
fn resolved(run: &TrainRun, prepared: &Prepared, study: Option<&Run>) -> serde_json::Value {
    let methods: serde_json::Map<_, _> = study.iter().flat_map(|study| &study.methods).map(complete).collect();
    let mut config = serde_json::json!({
        "dataset": run.dataset,
        "split": { "train": prepared.train.len(), "validation": prepared.validation.len(), "test": prepared.data.test.len() },
        "model": prepared.config,
        "training": run.training,
        "n_neighbors": N_NEIGHBORS,
        "methods": methods,
    });
    if let Some(study) = study {
        config["neighbors"] = serde_json::json!(study.search);
    }
    config
}

pub(super) fn open(run: &TrainRun, prepared: &Prepared, description: &Description, study: Option<&Run>) -> Result<RunFolder> {
    let mut inputs = prepared.data.sources.clone();
    inputs.extend(study.and_then(|study| study.model.as_ref()).map(Source::of_file).transpose()?);
    let path = run.out.clone().unwrap_or_else(|| super::default_path(&run.dataset));
    let opening = Opening {
        argv: run.argv.clone(),
        seed: run.training.random_state,
        config: resolved(run, prepared, study),
        device: description.clone(),
        inputs,
    };
    let mut folder = RunFolder::open(&path, run.force, run.resume, opening)?;
    if !folder.manifest.stages.is_empty() {
        return Ok(folder);
    }
    if let Some(source) = prepared.data.sources.iter().find(|source| !source.verified) {
        let message = format!("{} is not a known file of {}: the classes are numbered, not named", source.name, run.dataset);
        folder.manifest.warnings.push(message);
        folder.save()?;
    }
    Ok(folder)
}

fn stage_name(prepared: &Prepared) -> &'static str {
    if prepared.weights.is_some() { "test of the given weights" } else { "training" }
}

/// The weights, if an earlier process left them. Of a training that was not finished nothing is taken here: checkpoints of its
/// epochs are a matter of the training itself.
pub(super) fn finished_training(folder: &RunFolder, prepared: &Prepared) -> Result<Option<Weights>> {
    if !folder.has_finished(stage_name(prepared)) {
        return Ok(None);
    }
    let (_, weights) = read_weights(&folder.path().join("model/weights.safetensors"))?;
    Ok(Some(weights))
}

/// Trains, or takes the given weights, and tests.
pub(super) fn train_stage(
    folder: &mut RunFolder,
    run: &TrainRun,
    prepared: &Prepared,
    device: &Device,
    kind: &'static str,
    reporter: &dyn Reporter,
) -> Result<Weights> {
    let Prepared { data, config, .. } = prepared;
    let start = Instant::now();
    let weights = match &prepared.weights {
        Some(weights) => {
            reporter.note("weights were given: no training");
            weights.clone()
        }
        None => {
            let observer = reporter.stage("training");
            let (weights, history) =
                run.training.train(device, config, &prepared.train, &prepared.validation, observer.as_ref())?;
            drop(observer);
            write_history(folder, &history)?;
            figures::history(folder, &history)?;
            folder.result("history", &history);
            weights
        }
    };
    let path = folder.below("model/weights.safetensors")?;
    write_weights(&path, config, &weights)?;
    folder.list("model/weights.safetensors", None, None);
    let test = evaluate(device, config, &weights, &data.test)?;
    folder.result("test", test);
    folder.result("n_parameters", config.n_parameters());
    folder.finish_stage(stage_name(prepared), start, kind)?;
    Ok(weights)
}

pub(super) fn activation_stage(
    folder: &mut RunFolder,
    prepared: &Prepared,
    weights: &Weights,
    device: &Device,
    kind: &'static str,
) -> Result<()> {
    let start = Instant::now();
    let train = activations(device, &prepared.config, weights, &prepared.train)?;
    let test = activations(device, &prepared.config, weights, &prepared.data.test)?;
    for (layers, part, labels) in [(&train, "train", &prepared.train.labels), (&test, "test", &prepared.data.test.labels)] {
        for layer in layers {
            folder.write_matrix(&format!("activations/{}_{part}.npy", layer.name), &layer.values)?;
        }
        let labels: Vec<u32> = labels.iter().map(|&label| u32::from(label)).collect();
        folder.write_numbers(&format!("activations/labels_{part}.npy"), &labels)?;
    }
    let rows: Vec<u32> = prepared.train_rows.iter().map(|&row| row as u32).collect();
    folder.write_numbers("activations/rows_train.npy", &rows)?;
    layers::write_names(folder, train.iter().map(|layer| layer.name.as_str()), &prepared.data.class_names)?;
    folder.finish_stage("activations", start, kind)
}

fn write_history(folder: &mut RunFolder, history: &History) -> Result<()> {
    let path = folder.below("history.csv")?;
    write_atomic(&path, |writer| {
        let io = |error: csv::Error| std::io::Error::other(error);
        let mut csv = csv::Writer::from_writer(writer);
        csv.write_record(["epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]).map_err(io)?;
        for epoch in 0..history.len() {
            let columns = [&history.train_loss, &history.train_accuracy, &history.validation_loss, &history.validation_accuracy];
            let values = columns.map(|column| column[epoch].to_string());
            csv.write_record(std::iter::once((epoch + 1).to_string()).chain(values)).map_err(io)?;
        }
        csv.flush()
    })?;
    folder.list("history.csv", None, None);
    Ok(())
}

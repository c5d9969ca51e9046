//! Training of a classifier inside a run: the data and the model checked against each other, then
//! weights, history, activations.

use super::classes;
use super::figures;
use super::job::{MethodChoice, Run, Summary, TrainRun, close, starts};
use super::layers;
use crate::activations::activations;
use crate::compute::{Description, Device};
use crate::dataset::{Dataset, Samples, Source};
use crate::embedding;
use crate::error::{Error, Result};
use crate::evaluation::N_NEIGHBORS;
use crate::model::{Architecture, Weights, read_weights, write_weights};
use crate::progress::{Observer, Reporter};
use crate::record::{
    Artifact, Inference, Opening, RunFolder, Stage, TrainingSummary, default_path,
};
use crate::report::csv_file;
use crate::report::drawing::drawing;
use crate::training::{
    Checkpoint, Checkpoints, EpochChoice, EpochWeights, History, Job, Trained, check_fit, evaluate,
};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Data and model of a run, checked against each other.
pub(super) struct Prepared {
    pub(super) data: Dataset,
    pub(super) train: Samples,
    pub(super) validation: Samples,
    pub(super) train_rows: Vec<usize>,
    pub(super) architecture: Architecture,
    /// Weights that were given, and their file.
    pub(super) weights: Option<Weights>,
    weights_file: Option<PathBuf>,
    /// The checkpoint that was named.
    checkpoint: Option<Checkpoint>,
}

impl Prepared {
    /// An error of the network's answers, which is one of the weights if they were given.
    fn of_weights(&self, error: Error) -> Error {
        match (&self.weights_file, &self.weights, error) {
            (Some(path), Some(weights), Error::Data(message)) => {
                let (name, largest) = weights.largest();
                let weights = format!(
                    "the weights are finite, but such that the answers are not; the largest is \
                     {largest:e}, in `{name}`"
                );
                Error::input(path, format!("{message}: {weights}"))
            }
            (_, _, error) => error,
        }
    }

    /// The training, but for checkpoints that it would write.
    fn job(&self, run: &TrainRun) -> Job<'_> {
        Job {
            test: run.training.test_every_epoch.then_some(&self.data.test),
            resume: self.checkpoint.as_ref(),
            class_names: &self.data.class_names,
            ..Job::new(&self.architecture, &self.train, &self.validation)
        }
    }
}

/// Trains a classifier and writes model, history and the history's figure.
///
/// # Errors
/// [`Error::Input`] for missing or malformed data, [`Error::Parameter`], [`Error::Exists`],
/// [`Error::Write`], any error of the device, [`Error::Interrupted`].
pub fn train(
    run: &TrainRun,
    device: &Device,
    description: &Description,
    reporter: &dyn Reporter,
) -> Result<Summary> {
    run.training.validate()?;
    let prepared = prepare(run, None)?;
    let mut folder = open((run, None), &prepared, description, reporter)?;
    let outcome = match finished_training(&folder, &prepared) {
        Ok(None) => folder.compute((device, description), reporter, |folder, device, kind| {
            train_stage(folder, (run, None), &prepared, device, kind, reporter).map(drop)
        }),
        finished => finished.map(drop),
    };
    close(folder, outcome, reporter)
}

pub(super) fn prepare(run: &TrainRun, model: Option<&Path>) -> Result<Prepared> {
    let mut data = Dataset::open(&run.data)?;
    let (train_rows, validation_rows) = run.training.split(data.train.len());
    if validation_rows.is_empty() && model.is_none() {
        let (n, fewest) = (data.train.len(), (1.0 / run.training.validation - 1e-6).ceil());
        return Err(Error::Data(format!(
            "{n} training images leave none for validation; {fewest} are the fewest"
        )));
    }
    let (train, validation) = (data.train.select(&train_rows), data.train.select(&validation_rows));
    let images = &data.train.images;
    let (architecture, weights) = match model {
        None => (
            run.architecture.build([images.height(), images.width(), 1], data.class_names.len())?,
            None,
        ),
        Some(path) => {
            let (architecture, weights) = read_weights(path)?;
            let named = |error: Error| Error::input(path, error.to_string());
            check_fit(&architecture, &data.train)
                .and_then(|()| check_fit(&architecture, &data.test))
                .map_err(named)?;
            architecture.check_weights(&weights).map_err(named)?;
            let (found, classes) = (architecture.n_classes, data.class_names.len());
            if found != classes {
                return Err(Error::input(
                    path,
                    format!("this model tells {found} classes apart, the data have {classes}"),
                ));
            }
            let (weights, warnings) =
                classes::matched(&architecture, weights, &data.class_names).map_err(named)?;
            data.warnings.extend(
                warnings.into_iter().map(|warning| format!("{}: {warning}", path.display())),
            );
            (architecture, Some(weights))
        }
    };
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
        architecture,
        weights,
        weights_file,
        checkpoint,
    };
    if prepared.weights.is_none() {
        run.training.check(&prepared.job(run))?;
    }
    Ok(prepared)
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
        "looked_into": prepared.architecture.looked_into(),
        "training": run.training,
        "n_neighbors": N_NEIGHBORS,
        "methods": methods,
    });
    if let Some(study) = study {
        config["neighbors"] = serde_json::json!(study.search);
        config["clusters"] = serde_json::json!(study.clusters);
        config["report_points"] = serde_json::json!(study.report_points);
        if let Some(epochs) = &study.epochs_to_embed {
            config["epochs_to_embed"] = serde_json::json!(epochs);
        }
    }
    config
}

pub(super) fn open(
    (run, study): (&TrainRun, Option<&Run>),
    prepared: &Prepared,
    description: &Description,
    reporter: &dyn Reporter,
) -> Result<RunFolder> {
    let mut inputs = prepared.data.sources.clone();
    inputs.extend(study.and_then(|study| study.model.as_ref()).map(Source::of_file).transpose()?);
    inputs.extend(run.resume_from.as_ref().map(Source::of_file).transpose()?);
    inputs.extend(starts(study.map_or(&[], |study| &study.methods))?);
    let path = run.out.clone().unwrap_or_else(|| default_path(&prepared.data.name));
    let opening = Opening {
        argv: run.argv.clone(),
        seed: run.training.random_state,
        config: resolved(run, prepared, study),
        device: description.clone(),
        inputs,
    };
    let mut folder = RunFolder::open(&path, (run.force, run.resume), opening, reporter)?;
    if !folder.manifest.stages.is_empty() {
        return Ok(folder);
    }
    if !prepared.data.warnings.is_empty() {
        folder.manifest.warnings.extend(prepared.data.warnings.clone());
        folder.save()?;
    }
    Ok(folder)
}

fn stage_of(prepared: &Prepared) -> Stage<'static> {
    if prepared.weights.is_some() { Stage::TestOfWeights } else { Stage::Training }
}

/// The weights, if an earlier process left them. Of a training that was not finished nothing is
/// taken here: checkpoints of its epochs are a matter of the training itself.
pub(super) fn finished_training(
    folder: &RunFolder,
    prepared: &Prepared,
) -> Result<Option<Weights>> {
    if !folder.has_finished(stage_of(prepared)) {
        return Ok(None);
    }
    let (_, weights) = read_weights(&Artifact::Weights.of(folder.path()))?;
    Ok(Some(weights))
}

/// Trains from the start, from the checkpoint that was named, or, if the run is resumed, from the
/// last one in its folder.
fn trained(
    folder: &RunFolder,
    (run, kept): (&TrainRun, Option<&EpochChoice>),
    prepared: &Prepared,
    device: &Device,
    (observer, reporter): (&dyn Observer, &dyn Reporter),
) -> Result<Trained> {
    let (checkpoints, weights) = (Artifact::Checkpoints.of(folder.path()), weights_folder(folder));
    let epoch_weights = kept.map(|epochs| EpochWeights { folder: &weights, epochs });
    let left = if run.resume { last_whole(&checkpoints, reporter) } else { None };
    // Weights of epochs before the checkpoint can be had by training from the start alone.
    let left =
        left.filter(|left| epoch_weights.is_none_or(|kept| kept.are_there(left.history().len())));
    let job = Job {
        epoch_weights,
        resume: left.as_ref().or(prepared.checkpoint.as_ref()),
        checkpoints: run.checkpoint_every.map(|every| Checkpoints { folder: &checkpoints, every }),
        ..prepared.job(run)
    };
    run.training.train(device, &job, observer)
}

/// The last checkpoint in a folder that can be read; others are said.
fn last_whole(folder: &Path, reporter: &dyn Reporter) -> Option<Checkpoint> {
    let read = |path: PathBuf| {
        Checkpoint::read(&path)
            .inspect_err(|error| {
                reporter.note(&format!(
                    "{error}; the training goes on from an earlier checkpoint, or from the start"
                ))
            })
            .ok()
    };
    Checkpoint::all(folder).into_iter().find_map(read)
}

/// Trains, or takes the given weights, and tests. The weights after some epochs are kept if they
/// are wanted.
pub(super) fn train_stage(
    folder: &mut RunFolder,
    (run, kept): (&TrainRun, Option<&EpochChoice>),
    prepared: &Prepared,
    device: &Device,
    kind: &'static str,
    reporter: &dyn Reporter,
) -> Result<Weights> {
    let Prepared { data, architecture, .. } = prepared;
    let start = Instant::now();
    let weights = match &prepared.weights {
        Some(weights) => {
            reporter.note("weights were given: no training");
            weights.clone()
        }
        None => {
            let observer = reporter.stage("training");
            let trained =
                trained(folder, (run, kept), prepared, device, (observer.as_ref(), reporter))?;
            drop(observer);
            if let Some(kept) = kept {
                list_weights(folder, kept, trained.history.len());
            }
            write_history(folder, "history", &trained.history)?;
            figures::history(folder, "history", "Training history", &trained.history)?;
            folder.result("history", &trained.history);
            folder.result("training", TrainingSummary::of(&trained));
            trained.weights
        }
    };
    figures::write(folder, "architecture", &drawing("The network", architecture))?;
    let path = folder.below(Artifact::Weights)?;
    write_weights(&path, architecture, &weights)?;
    folder.list(Artifact::Weights, None, None);
    let before = Instant::now();
    let test = evaluate(device, architecture, &weights, &data.test)
        .map_err(|error| prepared.of_weights(error))?;
    folder.result(
        "inference",
        Inference { n: data.test.len(), seconds: before.elapsed().as_secs_f64() },
    );
    folder.result("test", test);
    folder.result("n_parameters", architecture.n_parameters());
    folder.finish_stage(stage_of(prepared), start, kind)?;
    Ok(weights)
}

pub(super) fn activation_stage(
    folder: &mut RunFolder,
    prepared: &Prepared,
    weights: &Weights,
    device: &Device,
    kind: &'static str,
    reporter: &dyn Reporter,
) -> Result<()> {
    let start = Instant::now();
    for layer in prepared.architecture.looked_into().iter().filter(|layer| layer.pooled) {
        let size = prepared.architecture.steps()?[layer.layer].output.size();
        reporter.note(&format!(
            "{}: of its {size} values for an image the means of its {} channels are taken",
            layer.name, layer.width
        ));
    }
    let of = |samples: &Samples| {
        activations(device, &prepared.architecture, weights, samples)
            .map_err(|error| prepared.of_weights(error))
    };
    let (train, test) = (of(&prepared.train)?, of(&prepared.data.test)?);
    for (layers, part, labels) in
        [(&train, "train", &prepared.train.labels), (&test, "test", &prepared.data.test.labels)]
    {
        for layer in layers {
            folder.write_matrix(Artifact::Layer { name: &layer.name, part }, &layer.values)?;
        }
        layers::write_classes(folder, "labels", part, labels)?;
    }
    let rows: Vec<u32> = prepared.train_rows.iter().map(|&row| row as u32).collect();
    folder.write_numbers(Artifact::Layer { name: "rows", part: "train" }, &rows)?;
    layers::write_names(
        folder,
        train.iter().map(|layer| layer.name.as_str()),
        &prepared.data.class_names,
    )?;
    folder.finish_stage(Stage::Activations, start, kind)
}

/// Writes `<name>.csv`, a line an epoch.
pub(super) fn write_history(folder: &mut RunFolder, name: &str, history: &History) -> Result<()> {
    let file = Artifact::History(name);
    let path = folder.below(file)?;
    let columns = history.columns();
    let header = std::iter::once("epoch").chain(columns.iter().map(|(name, _)| *name));
    let row = |epoch: usize| {
        let values = columns.iter().map(|(_, values)| values[epoch].to_string());
        std::iter::once((epoch + 1).to_string()).chain(values).collect()
    };
    csv_file::write(&path, header, (0..history.len()).map(row))?;
    folder.list(file, None, None);
    Ok(())
}

/// Where a run keeps the weights of its epochs.
pub(super) fn weights_folder(folder: &RunFolder) -> PathBuf {
    Artifact::EpochWeights.of(folder.path())
}

/// Lists the weights of the epochs of a training that ended after `last`, and warns of epochs that
/// it did not come to.
fn list_weights(folder: &mut RunFolder, choice: &EpochChoice, last: usize) {
    for epoch in choice.of(last) {
        folder.list(Artifact::EpochWeightsFile(&EpochWeights::file(epoch)), None, None);
    }
    let beyond: Vec<String> = choice.beyond(last).iter().map(ToString::to_string).collect();
    if !beyond.is_empty() {
        let (word, epochs) =
            (if beyond.len() == 1 { "epoch" } else { "epochs" }, beyond.join(", "));
        folder.manifest.warnings.push(format!(
            "`Run::epochs_to_embed`: the training ended after epoch {last}, before {word} {epochs}"
        ));
    }
}

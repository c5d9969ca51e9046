//! The first study: a classifier, its layers, their maps, their scores.

use super::figures;
use super::folder::{Opening, RunFolder};
use super::neighbors::check_memory;
use super::quality::write_quality;
use super::space::{Map, SpaceStage, most_voters};
use crate::activations::{Layer, activations};
use crate::compute::{Description, Device};
use crate::dataset::{Dataset, Samples, Source, split};
use crate::embedding::{self, Embedding};
use crate::error::{Error, Result};
use crate::evaluation::{MapQuality, N_NEIGHBORS, Scores};
use crate::files::write_atomic;
use crate::model::{MlpConfig, Weights, read_weights, write_weights};
use crate::neighbors::Search;
use crate::progress::Reporter;
use crate::report::table;
use crate::training::{History, Performance, Training, check_fit, evaluate};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Units of a hidden layer at most: its kernel over 784 inputs then has 49 MiB, its square 1 GiB.
const MAX_UNITS: usize = 16_384;

/// A method and the parameters that were set for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MethodChoice {
    /// Name in the registry.
    pub name: String,
    /// Parameters, the others at their defaults.
    pub parameters: toml::Table,
}

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
    /// Command line, for the manifest.
    pub argv: Vec<String>,
}

/// A whole study.
#[derive(Clone, Debug)]
pub struct Run {
    /// Data, model and training.
    pub train: TrainRun,
    /// Weights to look into instead of training.
    pub model: Option<PathBuf>,
    /// Methods to embed with.
    pub methods: Vec<MethodChoice>,
    /// How neighbours are searched for.
    pub search: Search,
}

/// What a run ended with.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its folder.
    pub path: PathBuf,
    /// Loss and accuracy of the classifier on the test images.
    pub test: Performance,
    /// k-NN accuracies, if spaces were scored.
    pub scores: Vec<Scores>,
    /// How faithful the maps are to their spaces, if there are maps.
    pub quality: Vec<MapQuality>,
    /// What the methods report of their maps.
    pub maps: Vec<MapResults>,
}

/// What a method reports of one map.
#[derive(Clone, Debug)]
pub struct MapResults {
    /// Space that was embedded.
    pub space: String,
    /// Method.
    pub method: String,
    /// Names and values, the divergence for example.
    pub results: Vec<(String, f64)>,
}

/// Data and model of a run, checked against each other.
struct Prepared {
    data: Dataset,
    train: Samples,
    validation: Samples,
    train_rows: Vec<usize>,
    config: MlpConfig,
    /// Weights that were given.
    weights: Option<Weights>,
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
    let outcome = train_stage(&mut folder, run, &prepared, device, description.kind, reporter);
    close(folder, outcome.map(|(_, test)| (test, Vec::new(), Vec::new(), Vec::new())))
}

/// Does the whole study; see the module.
///
/// # Errors
/// As [`train`]; [`Error::Data`] if the data are too few for a method.
pub fn run(run: &Run, device: &Device, description: &Description, reporter: &dyn Reporter) -> Result<Summary> {
    let methods = build_methods(&run.methods)?;
    run.train.training.validate()?;
    let prepared = prepare(&run.train, run.model.as_deref())?;
    check_methods(&methods, &prepared)?;
    let mut folder = open(&run.train, &prepared, description, Some(run))?;
    let outcome = stages(&mut folder, run, &prepared, &methods, device, description.kind, reporter);
    close(folder, outcome)
}

/// What all stages give: performance of the classifier, scores, quality, and what the methods report.
type Outcome = (Performance, Vec<Scores>, Vec<MapQuality>, Vec<MapResults>);

fn close(folder: RunFolder, outcome: Result<Outcome>) -> Result<Summary> {
    match outcome {
        Ok((test, scores, quality, maps)) => Ok(Summary { path: folder.close(Ok(()))?, test, scores, quality, maps }),
        Err(error) => Err(folder.close_failed(error)),
    }
}

fn stages(
    folder: &mut RunFolder,
    run: &Run,
    prepared: &Prepared,
    methods: &[(String, Box<dyn Embedding>)],
    device: &Device,
    kind: &'static str,
    reporter: &dyn Reporter,
) -> Result<Outcome> {
    figures::examples(folder, &prepared.data)?;
    let (weights, test) = train_stage(folder, &run.train, prepared, device, kind, reporter)?;
    let (train, test_layers) = activation_stage(folder, prepared, &weights, device, kind)?;
    let mut maps = Vec::new();
    let (mut scores, mut quality) = (Vec::new(), Vec::new());
    for (train, test) in train.iter().zip(&test_layers).filter(|(layer, _)| layer.name != "softmax") {
        let space = SpaceStage {
            folder,
            labels: (&prepared.train.labels, &prepared.data.test.labels),
            device,
            kind,
            reporter,
            search: &run.search,
            train,
            test,
        };
        let (space_maps, space_scores, space_quality) = space.run(methods)?;
        maps.extend(space_maps);
        scores.extend(space_scores);
        quality.extend(space_quality);
    }
    // The spaces themselves first, then method by method, as the studies list them.
    scores.sort_by_key(|row: &Scores| methods.iter().position(|(name, _)| Some(name) == row.method.as_ref()));
    let start = Instant::now();
    quality.sort_by_key(|row: &MapQuality| methods.iter().position(|(name, _)| Some(name) == row.method.as_ref()));
    write_scores(folder, &scores, &prepared.data.class_names)?;
    write_quality(folder, &quality)?;
    figures::maps(folder, &maps, prepared.data.class_names.as_slice(), (&prepared.train.labels, &prepared.data.test.labels))?;
    figures::scores(folder, &scores)?;
    folder.finish_stage("scores and figures", start, "cpu")?;
    let results = maps.into_iter().map(|Map { space, method, results, .. }| MapResults { space, method, results });
    Ok((test, scores, quality, results.collect()))
}

fn build_methods(choices: &[MethodChoice]) -> Result<Vec<(String, Box<dyn Embedding>)>> {
    choices
        .iter()
        .map(|choice| {
            let method = embedding::method(&choice.name)?;
            Ok((choice.name.clone(), (method.build)(&choice.parameters)?))
        })
        .collect()
}

/// Refuses what would fail after the training: methods that cannot be fitted to the data, and data that cannot be scored.
fn check_methods(methods: &[(String, Box<dyn Embedding>)], prepared: &Prepared) -> Result<()> {
    if let Some((_, method)) = methods.iter().find(|(_, method)| method.n_components() != 2) {
        return Err(Error::parameter("--n-components", method.n_components(), "a run draws maps of 2 dimensions"));
    }
    let n = prepared.train.len();
    if n <= most_voters() {
        let fewest = most_voters() + 1;
        return Err(Error::Data(format!("{n} images are left to train on; k-NN accuracy needs at least {fewest}")));
    }
    if prepared.train.labels.windows(2).all(|pair| pair[0] == pair[1]) {
        return Err(Error::Data("k-NN accuracy needs at least two classes among the training labels; there is one".into()));
    }
    let widths = std::iter::once(prepared.config.n_features).chain(prepared.config.hidden.iter().copied());
    for d in widths {
        methods.iter().try_for_each(|(_, method)| method.validate(n, d))?;
        let all: Vec<&dyn Embedding> = methods.iter().map(|(_, method)| method.as_ref()).collect();
        check_memory(n, d, &all)?;
    }
    Ok(())
}

fn prepare(run: &TrainRun, model: Option<&Path>) -> Result<Prepared> {
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

/// The configuration with every default filled in.
fn resolved(run: &TrainRun, prepared: &Prepared, study: Option<&Run>) -> serde_json::Value {
    let complete = |choice: &MethodChoice| {
        let mut table = embedding::method(&choice.name).ok().and_then(|method| (method.defaults)().ok()).unwrap_or_default();
        table.extend(choice.parameters.clone());
        (choice.name.clone(), serde_json::to_value(table).unwrap_or_default())
    };
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

fn open(run: &TrainRun, prepared: &Prepared, description: &Description, study: Option<&Run>) -> Result<RunFolder> {
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
    let mut folder = RunFolder::create(&path, run.force, opening)?;
    if let Some(source) = prepared.data.sources.iter().find(|source| !source.verified) {
        let message = format!("{} is not a known file of {}: the classes are numbered, not named", source.name, run.dataset);
        folder.manifest.warnings.push(message);
        folder.save()?;
    }
    Ok(folder)
}

/// Trains, or takes the given weights, and tests.
fn train_stage(
    folder: &mut RunFolder,
    run: &TrainRun,
    prepared: &Prepared,
    device: &Device,
    kind: &'static str,
    reporter: &dyn Reporter,
) -> Result<(Weights, Performance)> {
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
    folder.finish_stage(if prepared.weights.is_some() { "test of the given weights" } else { "training" }, start, kind)?;
    Ok((weights, test))
}

fn activation_stage(
    folder: &mut RunFolder,
    prepared: &Prepared,
    weights: &Weights,
    device: &Device,
    kind: &'static str,
) -> Result<(Vec<Layer>, Vec<Layer>)> {
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
    folder.finish_stage("activations", start, kind)?;
    Ok((train, test))
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

/// Writes the score tables and notes them in the manifest.
pub(super) fn write_scores(folder: &mut RunFolder, scores: &[Scores], class_names: &[String]) -> Result<()> {
    let path = folder.below("scores/knn.csv")?;
    table::write_csv(path.parent().unwrap_or(&path), scores, class_names)?;
    folder.list("scores/knn.csv", None, None);
    folder.list("scores/knn_per_class.csv", None, None);
    folder.result("knn", scores);
    Ok(())
}

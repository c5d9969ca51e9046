//! The first study: a classifier, its layers, their maps, their scores.

use super::figures;
use super::folder::RunFolder;
use super::neighbors::check_memory;
use super::quality::write_quality;
use super::space::{Map, SpaceStage, most_voters};
use super::train::{Prepared, TrainRun, activation_stage, open, prepare, train_stage};
use crate::compute::{Description, Device};
use crate::embedding::{self, Embedding};
use crate::error::{Error, Result};
use crate::evaluation::{MapQuality, Scores};
use crate::neighbors::Search;
use crate::progress::Reporter;
use crate::report::table;
use crate::training::Performance;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;

/// A method and the parameters that were set for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MethodChoice {
    /// Name in the registry.
    pub name: String,
    /// Parameters, the others at their defaults.
    pub parameters: toml::Table,
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

/// Does the whole study; see the module.
///
/// # Errors
/// As [`super::train()`]; [`Error::Data`] if the data are too few for a method.
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
pub(super) type Outcome = (Performance, Vec<Scores>, Vec<MapQuality>, Vec<MapResults>);

pub(super) fn close(folder: RunFolder, outcome: Result<Outcome>) -> Result<Summary> {
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
    let layers = prepared.architecture.looked_into();
    let widths = std::iter::once(prepared.architecture.n_features()).chain(layers.iter().map(|layer| layer.width));
    for d in widths {
        methods.iter().try_for_each(|(_, method)| method.validate(n, d))?;
        let all: Vec<&dyn Embedding> = methods.iter().map(|(_, method)| method.as_ref()).collect();
        check_memory(n, d, &all)?;
    }
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

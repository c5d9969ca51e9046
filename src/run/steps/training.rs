//! Training and test of a network in a run: weights, history and their figures.

use super::figures;
use crate::dataset::{Classes, Dataset};
use crate::error::Result;
use crate::model::{Weights, read_weights, write_weights};
use crate::profile::DataMap;
use crate::progress::{Observer, Reporter};
use crate::record::{Artifact, Inference, RunFolder, Stage, TrainingSummary};
use crate::report::csv_file;
use crate::report::data_map;
use crate::report::drawing::drawing;
use crate::run::job::{Run, TrainRun};
use crate::run::prepared::Prepared;
use crate::run::session::Session;
use crate::training::{
    Checkpoint, Checkpoints, EpochChoice, EpochWeights, History, Job, Trained, evaluate,
};
use std::path::{Path, PathBuf};
use std::time::Instant;

fn stage_of(prepared: &Prepared) -> Stage<'static> {
    if prepared.weights.is_some() { Stage::TestOfWeights } else { Stage::Training }
}

/// The weights, if an earlier process left them. Of a training that was not finished nothing is
/// taken here: checkpoints of its epochs are a matter of the training itself.
fn finished_training(record: &RunFolder, prepared: &Prepared) -> Result<Option<Weights>> {
    if !record.has_finished(stage_of(prepared)) {
        return Ok(None);
    }
    let (_, weights) = read_weights(&Artifact::Weights.of(record.path()))?;
    Ok(Some(weights))
}

/// Trains from the start, from the checkpoint that was named, or, if the run is resumed, from the
/// last one in its folder.
fn trained(
    session: &Session<'_>,
    run: &TrainRun,
    kept: Option<&EpochChoice>,
    prepared: &Prepared,
    observer: &dyn Observer,
) -> Result<Trained> {
    let checkpoints = Artifact::Checkpoints.of(session.record.path());
    let weights = weights_folder(session.record);
    let epoch_weights = kept.map(|epochs| EpochWeights { folder: &weights, epochs });
    let left = if run.to.resume { last_whole(&checkpoints, session.reporter) } else { None };
    // Weights of epochs before the checkpoint can be had by training from the start alone.
    let left =
        left.filter(|left| epoch_weights.is_none_or(|kept| kept.are_there(left.history().len())));
    let job = Job {
        epoch_weights,
        resume: left.as_ref().or(prepared.checkpoint.as_ref()),
        checkpoints: run.checkpoint_every.map(|every| Checkpoints { folder: &checkpoints, every }),
        ..prepared.job(run)
    };
    run.training.train(session.device, &job, observer)
}

/// The last readable checkpoint in a folder; unreadable ones are reported.
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

/// Trains, or takes the given weights, and tests. In a `study` the weights after some epochs are
/// kept if they are wanted. Of a stage that is finished the weights are read.
pub(in crate::run) fn training(
    session: &mut Session<'_>,
    run: &TrainRun,
    study: Option<&Run>,
    prepared: &Prepared,
) -> Result<Weights> {
    let kept = study.and_then(|study| study.epochs_to_embed.as_ref());
    if let Some(weights) = finished_training(session.record, prepared)? {
        return Ok(weights);
    }
    session.new_stage(stage_of(prepared), |session, observer| {
        if study.is_some() {
            examples(session.record, &prepared.data)?;
        }
        let weights = match &prepared.weights {
            Some(weights) => {
                session.reporter.note("weights were given: no training");
                weights.clone()
            }
            None => {
                let trained = trained(session, run, kept, prepared, observer)?;
                note_training(session.record, kept, &trained)?;
                note_data_map(session.record, &trained, prepared)?;
                trained.weights
            }
        };
        test(session, prepared, &weights)?;
        Ok(weights)
    })
}

/// The first training images of each class.
fn examples(record: &mut RunFolder, data: &Dataset) -> Result<()> {
    let title = format!("The first training images of each class of {}", data.name);
    let classes = Classes { labels: &data.train.labels, names: &data.class_names };
    figures::examples(record, "examples", &title, &data.train.images, classes)
}

/// Writes the history of a training, and records its summary.
fn note_training(
    record: &mut RunFolder,
    kept: Option<&EpochChoice>,
    trained: &Trained,
) -> Result<()> {
    if let Some(kept) = kept {
        list_weights(record, kept, trained.history.len());
    }
    write_history(record, "history", &trained.history)?;
    figures::history(record, "history", "Training history", &trained.history)?;
    let results = record.results_mut();
    results.history = Some(trained.history.clone());
    results.training = Some(TrainingSummary::of(trained));
    Ok(())
}

/// Writes the data map of a training, if the network's answers in all its epochs are known.
fn note_data_map(record: &mut RunFolder, trained: &Trained, prepared: &Prepared) -> Result<()> {
    let (labels, names) = (&prepared.train.labels, &prepared.data.class_names);
    let map = write_data_map(record, data_map::FIGURE, trained, labels, names)?;
    record.results_mut().data_map = map.map(|map| map.summary());
    Ok(())
}

/// Writes the data map of a training as table and figure of the name `stem`.
pub(in crate::run) fn write_data_map(
    record: &mut RunFolder,
    stem: &str,
    trained: &Trained,
    labels: &[u16],
    class_names: &[String],
) -> Result<Option<DataMap>> {
    let Some(map) = trained.dynamics.as_ref().and_then(DataMap::of) else {
        record.warn(
            "no data map: the checkpoint that the training went on from does not hold what the \
             network said in earlier epochs",
        );
        return Ok(None);
    };
    let name = format!("{stem}.csv");
    let file = Artifact::Scores(&name);
    data_map::write_csv(&record.below(file)?, &map, labels, class_names)?;
    record.list(file, None, None);
    figures::write(record, stem, &data_map::figure(&map))?;
    Ok(Some(map))
}

/// Writes the network and tests it.
fn test(session: &mut Session<'_>, prepared: &Prepared, weights: &Weights) -> Result<()> {
    let Prepared { data, architecture, .. } = prepared;
    let record = &mut *session.record;
    figures::write(record, "architecture", &drawing("The network", architecture))?;
    write_weights(&record.below(Artifact::Weights)?, architecture, weights)?;
    record.list(Artifact::Weights, None, None);
    let start = Instant::now();
    let test = evaluate(session.device, architecture, weights, &data.test)
        .map_err(|error| prepared.of_weights(error))?;
    let seconds = start.elapsed().as_secs_f64();
    let results = record.results_mut();
    results.inference = Some(Inference { n: data.test.len(), seconds });
    results.test = Some(test);
    results.n_parameters = Some(architecture.n_parameters());
    Ok(())
}

/// Writes `<name>.csv`, a line an epoch.
pub(in crate::run) fn write_history(
    folder: &mut RunFolder,
    name: &str,
    history: &History,
) -> Result<()> {
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

/// Folder of the weights of the epochs of a run.
pub(in crate::run) fn weights_folder(folder: &RunFolder) -> PathBuf {
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
        let word = if beyond.len() == 1 { "epoch" } else { "epochs" };
        let epochs = beyond.join(", ");
        folder.warn(format!(
            "`Run::epochs_to_embed`: the training ended after epoch {last}, before {word} {epochs}"
        ));
    }
}

//! Formation of the hidden layers: the maps of chosen epochs of the training, fitted to the points
//! of the report alone.
//!
//! The activations follow from the weights of the epoch ([`EpochWeights`]). Each map starts from
//! that of the epoch before and is turned onto it ([`Sequence`]); in the end all are turned
//! together, the last onto the run's own map of the same points.

use super::neighbors::check_memory;
use super::space::{Map, NamedMethod};
use super::training::weights_folder;
use crate::activations::activations;
use crate::compute::Device;
use crate::dataset::Samples;
use crate::embedding::{Embedding, Sequence, Space, sequence};
use crate::error::{Error, Result};
use crate::evaluation::{MapId, Trustworthiness, quality};
use crate::files::write_atomic;
use crate::matrix::Matrix;
use crate::neighbors::{NeighborGraph, SearchMethod, recall_of};
use crate::progress::{Observer, Quiet};
use crate::record::points::Rows;
use crate::record::{Artifact, EpochMap, EpochMaps, N_COMPONENTS, RunFolder, SpaceRecall, Stage};
use crate::report::figures::{Animation, Stop};
use crate::run::job::Run;
use crate::run::prepared::Prepared;
use crate::run::session::Session;
use crate::training::{EpochChoice, EpochWeights, History};
use std::time::{Duration, Instant};

/// Refuses epochs of a training that was begun elsewhere.
///
/// # Errors
/// [`Error::Parameter`].
pub(in crate::run) fn check_training(run: &Run) -> Result<()> {
    let Some(choice) = &run.epochs_to_embed else { return Ok(()) };
    if run.model.is_some() || run.activations.is_some() || run.train.resume_from.is_some() {
        return Err(Error::parameter(
            "epochs_to_embed",
            choice,
            "only of a network that this run trains from the start",
        ));
    }
    choice.check(run.train.training.epochs)
}

/// Refuses points that a method cannot be fitted to, before the training.
///
/// # Errors
/// [`Error::Data`]; [`Error::Input`] for a file of initial coordinates that does not fit them.
pub(in crate::run) fn check_points(
    run: &Run,
    methods: &[NamedMethod],
    n_points: usize,
    widths: impl Iterator<Item = usize>,
) -> Result<()> {
    if run.epochs_to_embed.is_none() {
        return Ok(());
    }
    let of_points = |error: Error| match error {
        Error::Data(message) => Error::Data(format!(
            "the maps of epochs are of the {n_points} points of the report: {message}"
        )),
        other => other,
    };
    if n_points < quality::MIN_SAMPLES {
        return Err(of_points(Error::Data(format!(
            "at least {} are needed",
            quality::MIN_SAMPLES
        ))));
    }
    for d in widths {
        methods
            .iter()
            .try_for_each(|(_, method)| method.validate(n_points, d))
            .map_err(of_points)?;
        let all: Vec<&dyn Embedding> = methods.iter().map(|(_, method)| method.as_ref()).collect();
        check_memory(n_points, d, &all)?;
    }
    Ok(())
}

/// Inputs of the maps of epochs.
pub(in crate::run) struct EpochStages<'a> {
    pub(in crate::run) run: &'a Run,
    pub(in crate::run) methods: &'a [NamedMethod],
    pub(in crate::run) prepared: &'a Prepared,
    /// The run's own maps.
    pub(in crate::run) maps: &'a [Map],
}

/// The maps of one method so far, epoch by epoch.
struct MapSequence<'a> {
    name: &'a str,
    sequence: Sequence<'a>,
    trustworthiness: Vec<f64>,
    spent: Duration,
}

impl<'a> MapSequence<'a> {
    fn new(method: &'a NamedMethod) -> Self {
        Self {
            name: &method.0,
            sequence: Sequence::new(method.1.as_ref()),
            trustworthiness: Vec::new(),
            spent: Duration::ZERO,
        }
    }
}

/// Data that all spaces share.
struct Frames {
    epochs: Vec<usize>,
    rows: Rows,
    samples: Samples,
    history: History,
}

impl EpochStages<'_> {
    /// Embeds every hidden layer of the chosen epochs, layers that an earlier process finished
    /// excepted.
    pub(in crate::run) fn run(
        &self,
        session: &mut Session<'_>,
        choice: &EpochChoice,
    ) -> Result<()> {
        let history = session.record.results().history.clone().unwrap_or_default();
        let n_train = self.prepared.train.len();
        let n_test = self.prepared.data.test.len();
        let points = self.run.report_points;
        let rows = points.rows(n_train, n_test, self.run.train.training.random_state);
        let epochs = choice.of(history.len());
        if epochs.is_empty() {
            return Ok(());
        }
        let samples = self.samples(&rows)?;
        let frames = Frames { epochs, rows, samples, history };
        if session.record.results().epochs.is_none() {
            write_rows(session.record, &frames.rows)?;
            session.record.results_mut().epochs = Some(EpochMaps {
                epochs: frames.epochs.clone(),
                points,
                n_points: frames.rows.len(),
                maps: Vec::new(),
            });
        }
        for layer in self.prepared.architecture.recorded_layers() {
            self.space(session, choice, &layer.name, &frames)?;
        }
        Ok(())
    }

    /// Images and labels of the points, training points first.
    fn samples(&self, rows: &Rows) -> Result<Samples> {
        let train = self.prepared.train.select(&rows.train);
        let test = self.prepared.data.test.select(&rows.test);
        let images = train.images.followed_by(test.images)?;
        Samples::new(images, [train.labels, test.labels].concat())
    }

    /// The maps of one layer, epoch by epoch, so that the activations and neighbours of an epoch
    /// are found once for all methods.
    fn space(
        &self,
        session: &mut Session<'_>,
        choice: &EpochChoice,
        space: &str,
        frames: &Frames,
    ) -> Result<()> {
        // Without a map of the run itself there is none of its epochs: the run has said why.
        let has_map = |name: &str| self.maps.iter().any(|map| map.is_of(space, name));
        let methods: Vec<_> = self.methods.iter().filter(|(name, _)| has_map(name)).collect();
        let is_finished =
            |method: &str| session.record.has_finished(Stage::Epochs { method, space });
        if methods.iter().all(|(name, _)| is_finished(name)) {
            return Ok(());
        }
        let start = Instant::now();
        let observer = session.reporter.stage(&Stage::EpochsOf(space).title());
        let sequences: Vec<MapSequence<'_>> = methods.into_iter().map(MapSequence::new).collect();
        let sequences = self.fit(session, choice, space, frames, sequences, observer.as_ref())?;
        let kind = session.device.kind();
        let mut shared = start.elapsed();
        for sequence in sequences {
            shared = shared.saturating_sub(sequence.spent);
            let before = Instant::now();
            let name = sequence.name.to_owned();
            let spent = sequence.spent;
            let maps = self.finish(session.record, space, sequence, frames)?;
            let id = MapId::new(space, Some(&name), N_COMPONENTS);
            self.animate(session.record, &id, &maps, frames)?;
            let stage = Stage::Epochs { method: &name, space };
            session.record.add_stage(stage, spent + before.elapsed(), kind);
        }
        drop(observer);
        session.record.add_stage(Stage::EpochsOf(space), shared, kind);
        // Once for all methods: none of them is finished before the others.
        session.record.save()
    }

    /// Fits the maps of all epochs.
    fn fit<'m>(
        &self,
        session: &mut Session<'_>,
        choice: &EpochChoice,
        space: &str,
        frames: &Frames,
        mut sequences: Vec<MapSequence<'m>>,
        observer: &dyn Observer,
    ) -> Result<Vec<MapSequence<'m>>> {
        let device = session.device;
        let seed = session.record.manifest.seed;
        let folder = weights_folder(session.record);
        let weights = EpochWeights { folder: &folder, epochs: choice };
        let n_methods = sequences.len();
        let total = (frames.epochs.len() * sequences.len()) as u64;
        let quiet = Quiet(observer);
        let mut recalls = Vec::new();
        for (frame, &epoch) in frames.epochs.iter().enumerate() {
            let weights = weights.read(epoch)?;
            let architecture = &self.prepared.architecture;
            let layers = activations(device, architecture, &weights, &frames.samples.images)?;
            let Some(layer) = layers.into_iter().find(|layer| layer.name == space) else {
                return Err(Error::Data(format!("the network has no layer {space}")));
            };
            let x = layer.values;
            let neighbors = self.neighbors(device, &x, &mut recalls, &quiet)?;
            let trust = Trustworthiness::new(device, &x, seed, &quiet)?;
            for (at, own) in sequences.iter_mut().enumerate() {
                observer.step((frame * n_methods + at) as u64, total, &[])?;
                let before = Instant::now();
                let fitted = Space { neighbors: neighbors.as_ref(), ..Space::new(&x) };
                let map = own.sequence.push(device, &fitted, &quiet)?;
                own.trustworthiness.push(trust.of(device, map, &quiet)?);
                own.spent += before.elapsed();
            }
        }
        if let Some(least) = recalls.iter().copied().reduce(f64::min) {
            session.reporter.note(&format!(
                "approximate neighbours: the least recall of an epoch is {least:.4}"
            ));
            let recall = SpaceRecall { space: space.into(), recall: recalls };
            session.record.results_mut().epoch_recall.push(recall);
        }
        Ok(sequences)
    }

    /// As many neighbours as the methods need, and the recall of approximate ones.
    fn neighbors(
        &self,
        device: &Device,
        x: &Matrix,
        recalls: &mut Vec<f64>,
        observer: &dyn Observer,
    ) -> Result<Option<NeighborGraph>> {
        let needed = self.methods.iter().map(|(_, method)| method.n_neighbors()).max().unwrap_or(0);
        if needed == 0 {
            return Ok(None);
        }
        let search = &self.run.search;
        let graph = search.nearest_neighbors(device, x, needed.min(x.n_samples() - 1), observer)?;
        if search.method == SearchMethod::Approximate {
            recalls.push(recall_of(&graph, device, x, observer)?);
        }
        Ok(Some(graph))
    }

    /// Turns the maps onto the run's own and writes them.
    fn finish(
        &self,
        record: &mut RunFolder,
        space: &str,
        sequence: MapSequence<'_>,
        frames: &Frames,
    ) -> Result<Vec<Matrix>> {
        let MapSequence { name, sequence, trustworthiness, .. } = sequence;
        let own = self.maps.iter().find(|map| map.is_of(space, name));
        let own =
            own.ok_or_else(|| Error::Data(format!("there is no map of {space} by {name}")))?;
        // The run's own map is that of the epoch whose weights were kept.
        let kept = record.results().training.as_ref().map(|training| training.kept);
        let at = frames.epochs.iter().position(|&epoch| Some(epoch) == kept);
        let at = at.unwrap_or(frames.epochs.len() - 1);
        let maps = sequence.turned_onto(at, &own_embedding(own, &frames.rows)?)?;
        record.write_matrix(Artifact::EpochMap(&own.id), &side_by_side(&maps)?)?;
        let displacement = sequence::displacements(&maps);
        if let Some(epochs) = &mut record.results_mut().epochs {
            epochs.maps.push(EpochMap {
                space: space.into(),
                method: name.into(),
                trustworthiness,
                displacement,
            });
        }
        Ok(maps)
    }

    /// Draws the maps one after the other.
    fn animate(
        &self,
        record: &mut RunFolder,
        id: &MapId,
        maps: &[Matrix],
        frames: &Frames,
    ) -> Result<()> {
        let accuracies = &frames.history.validation_accuracy;
        let caption = |epoch: usize| match epoch.checked_sub(1).and_then(|at| accuracies.get(at)) {
            Some(accuracy) => {
                format!("epoch {epoch} of {}, validation accuracy {accuracy:.4}", accuracies.len())
            }
            None => "epoch 0, before the training".into(),
        };
        let animation = Animation {
            title: format!("{} of {}", id.method_title(), id.space_title()),
            maps: frames
                .epochs
                .iter()
                .zip(maps)
                .map(|(&epoch, map)| Stop { caption: caption(epoch), map })
                .collect(),
            labels: &frames.samples.labels,
            class_names: &self.prepared.data.class_names,
        };
        let name = format!("{}_epochs.gif", id.file_stem());
        animation.save(&record.below(Artifact::Figure(&name))?)?;
        record.list(Artifact::Figure(&name), None, None);
        Ok(())
    }
}

/// Writes the part and the row of each point.
fn write_rows(record: &mut RunFolder, rows: &Rows) -> Result<()> {
    write_atomic(&record.below(Artifact::EpochRows)?, |writer| {
        writeln!(writer, "part,row")?;
        let parts = [("train", &rows.train), ("test", &rows.test)];
        parts
            .iter()
            .flat_map(|(part, rows)| rows.iter().map(move |row| (part, row)))
            .try_for_each(|(part, row)| writeln!(writer, "{part},{row}"))
    })?;
    record.list(Artifact::EpochRows, None, None);
    Ok(())
}

/// Embedding of the points in a map of the run.
fn own_embedding(map: &Map, rows: &Rows) -> Result<Matrix> {
    let test = map.test.as_ref().map_or_else(Vec::new, |test| test.select(&rows.test).into_vec());
    Matrix::new([map.train.select(&rows.train).into_vec(), test].concat(), rows.len(), 2)
}

/// Maps of n x 2 each as one of n x 2 maps.
fn side_by_side(maps: &[Matrix]) -> Result<Matrix> {
    let n = maps.first().map_or(0, Matrix::n_samples);
    let values = (0..n).flat_map(|row| maps.iter().flat_map(move |map| map.row(row)).copied());
    Matrix::new(values.collect(), n, 2 * maps.len())
}

//! The layer profile over the epochs of a training: the measures of every layer after each of the
//! chosen epochs, and its similarity to what it became.

use super::epochs::Quiet;
use super::figures::write;
use super::training::weights_folder;
use crate::activations::{Layer, activations};
use crate::compute::Device;
use crate::error::Result;
use crate::matrix::{Matrix, argmax};
use crate::model::RAW;
use crate::profile::{
    ComparedLayer, EpochProfile, LayerProfile, Outcome, OutputLayer, ProfiledLayer, Separation,
    Similarity, Spectrum, accuracy, compared_rows,
};
use crate::progress::Observer;
use crate::record::predictions::SOFTMAX;
use crate::record::{Artifact, Stage};
use crate::report::epoch_report;
use crate::run::prepared::Prepared;
use crate::run::session::Session;
use crate::training::{EpochChoice, EpochWeights, History};

/// The layers after one epoch but for the input, which does not change: of the training points and
/// of the test points.
struct Taken {
    train: Vec<Layer>,
    test: Vec<Layer>,
    /// Weights of the output layer, if what it takes is the last hidden layer.
    output_weights: Option<Matrix>,
}

/// Measures the layers after each epoch of `choice`, and writes table and figures.
pub(in crate::run) fn measure_epochs(
    session: &mut Session<'_>,
    choice: &EpochChoice,
    prepared: &Prepared,
) -> Result<()> {
    let n_epochs = session.record.results().history.as_ref().map_or(0, History::len);
    let epochs = choice.of(n_epochs);
    let Some(&last) = epochs.last() else { return Ok(()) };
    session
        .stage(Stage::EpochMeasures, |session, observer| {
            let folder = weights_folder(session.record);
            let weights = EpochWeights { folder: &folder, epochs: choice };
            let taken = |device: &Device, epoch: usize| taken(device, prepared, &weights, epoch);
            let quiet = Quiet(observer);
            let rows = compared_rows(prepared.data.test.len());
            let compared = |device: &Device, layer: &Layer| {
                Outcome::of(ComparedLayer::new(device, layer.values.select(&rows), &quiet))
            };
            let ends = taken(session.device, last)?.test;
            let ends: Vec<Outcome<ComparedLayer>> =
                ends.iter().map(|layer| compared(session.device, layer)).collect::<Result<_>>()?;
            let mut profiles = Vec::new();
            for (at, &epoch) in epochs.iter().enumerate() {
                observer.step(at as u64, epochs.len() as u64, &[])?;
                let layers = taken(session.device, epoch)?;
                let mut to_last = Vec::new();
                for (layer, end) in layers.test.iter().zip(&ends) {
                    let layer = compared(session.device, layer)?;
                    to_last.push(similarity(session.device, &layer, end)?);
                }
                profiles.push(EpochProfile {
                    epoch,
                    network_accuracy: network_accuracy(&layers.test, &prepared.data.test.labels),
                    layers: measures(session, prepared, &layers, &quiet)?,
                    to_last,
                });
            }
            report(session, &profiles)?;
            session.record.results_mut().epoch_profiles = profiles;
            Ok(())
        })
        .map(drop)
}

fn taken(
    device: &Device,
    prepared: &Prepared,
    weights: &EpochWeights<'_>,
    epoch: usize,
) -> Result<Taken> {
    let weights = weights.read(epoch)?;
    let of = |images| -> Result<Vec<Layer>> {
        let mut layers = activations(device, &prepared.architecture, &weights, images)?;
        layers.retain(|layer| layer.name != RAW);
        Ok(layers)
    };
    let (train, test) = (of(&prepared.train.images)?, of(&prepared.data.test.images)?);
    Ok(Taken { train, test, output_weights: prepared.architecture.output_weights(&weights)? })
}

fn similarity(
    device: &Device,
    layer: &Outcome<ComparedLayer>,
    end: &Outcome<ComparedLayer>,
) -> Result<Outcome<Similarity>> {
    match (layer, end) {
        (Outcome::Known(layer), Outcome::Known(end)) => Outcome::of(layer.compared(device, end)),
        (Outcome::Unknown(reason), _) | (_, Outcome::Unknown(reason)) => {
            Ok(Outcome::Unknown(reason.clone()))
        }
    }
}

/// Share of the points whose class has the largest probability.
fn network_accuracy(layers: &[Layer], labels: &[u16]) -> f64 {
    accuracy(&answers(layers), labels)
}

/// The class of the largest probability of each point.
fn answers(layers: &[Layer]) -> Vec<u16> {
    let output = layers.iter().filter(|layer| layer.name == SOFTMAX);
    output.flat_map(|layer| layer.values.rows().map(|row| argmax(row) as u16)).collect()
}

fn measures(
    session: &Session<'_>,
    prepared: &Prepared,
    layers: &Taken,
    observer: &dyn Observer,
) -> Result<Vec<LayerProfile>> {
    let answers = answers(&layers.train);
    let output =
        OutputLayer { weights: layers.output_weights.as_ref(), predictions: Some(&answers) };
    let last = prepared.architecture.recorded_layers().pop().map(|last| last.name);
    let measured = |(train, test): (&Layer, &Layer)| {
        let layer = ProfiledLayer {
            space: &train.name,
            train: &train.values,
            train_labels: &prepared.train.labels,
            test: Some((&test.values, &prepared.data.test.labels)),
            neighbors: None,
            knn_accuracy: None,
            output: (last.as_ref() == Some(&train.name)).then_some(output),
            control: false,
            random_state: session.record.manifest.seed,
        };
        let (profile, _) = layer.measure(session.device, observer)?;
        Ok(brief(profile))
    };
    layers.train.iter().zip(&layers.test).map(measured).collect()
}

/// Without the lists, which would fill the manifest.
fn brief(profile: LayerProfile) -> LayerProfile {
    let spectrum = |spectrum| Spectrum { eigenvalues: Vec::new(), ..spectrum };
    let separation = |separation| Separation {
        cdnv_pairs: Vec::new(),
        paired_classes: Vec::new(),
        ..separation
    };
    LayerProfile {
        spectrum: profile.spectrum.map(spectrum),
        separation: profile.separation.map(separation),
        ..profile
    }
}

fn report(session: &mut Session<'_>, profiles: &[EpochProfile]) -> Result<()> {
    let record = &mut *session.record;
    let file = Artifact::Scores(epoch_report::FILE);
    epoch_report::write_csv(&record.below(file)?, profiles)?;
    record.list(file, None, None);
    if let Some(figure) = epoch_report::figure(profiles) {
        write(record, epoch_report::FIGURE, &figure)?;
        let name = format!("{}.gif", epoch_report::ANIMATION);
        epoch_report::animate(&record.below(Artifact::Figure(&name))?, profiles)?;
        record.list(Artifact::Figure(&name), None, None);
    }
    Ok(())
}

//! The layer profile over the epochs of a training: the measures of every layer after each of the
//! chosen epochs, and its similarity to what it became.

use super::figures::write;
use super::network_layers::{NetworkLayers, answers};
use super::training::weights_folder;
use crate::activations::{Layer, activations};
use crate::compute::Device;
use crate::error::Result;
use crate::model::RAW;
use crate::profile::{
    ComparedLayer, EpochProfile, LayerProfile, Outcome, ProfiledLayer, Separation, Similarity,
    Spectrum, accuracy, compared_rows,
};
use crate::progress::{Observer, Quiet};
use crate::record::{Artifact, Stage};
use crate::report::epoch_report;
use crate::run::prepared::Prepared;
use crate::run::session::Session;
use crate::training::{EpochChoice, EpochWeights, History};

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
            let architecture = &prepared.architecture;
            let (train, test) = (&prepared.train.images, &prepared.data.test.images);
            let quiet = Quiet(observer);
            let rows = compared_rows(prepared.data.test.len());
            let compared = |device: &Device, layers: &[Layer]| -> Result<Vec<_>> {
                let layers = layers.iter().filter(|layer| layer.name != RAW);
                let one = |layer: &Layer| {
                    Outcome::of(ComparedLayer::new(device, layer.values.select(&rows), &quiet))
                };
                layers.map(one).collect()
            };
            let device = session.device;
            let ends = activations(device, architecture, &weights.read(last)?, test)?;
            let ends = compared(device, &ends)?;
            let mut profiles = Vec::new();
            for (at, &epoch) in epochs.iter().enumerate() {
                observer.step(at as u64, epochs.len() as u64, &[])?;
                let weights = weights.read(epoch)?;
                let layers = NetworkLayers::take(device, architecture, &weights, train, test)?;
                let pairs = compared(device, &layers.test)?;
                let pairs = pairs.iter().zip(&ends);
                profiles.push(EpochProfile {
                    epoch,
                    network_accuracy: accuracy(&answers(&layers.test), &prepared.data.test.labels),
                    layers: measures(session, prepared, &layers, &quiet)?,
                    to_last: pairs
                        .map(|(layer, end)| similarity(device, layer, end))
                        .collect::<Result<_>>()?,
                });
            }
            report(session, &profiles)?;
            session.record.results_mut().epoch_profiles = profiles;
            Ok(())
        })
        .map(drop)
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

/// The measures of all layers but the input, which does not change.
fn measures(
    session: &Session<'_>,
    prepared: &Prepared,
    layers: &NetworkLayers,
    observer: &dyn Observer,
) -> Result<Vec<LayerProfile>> {
    let measured = |(train, test): (&Layer, &Layer)| {
        let layer = ProfiledLayer {
            space: &train.name,
            train: &train.values,
            train_labels: &prepared.train.labels,
            test: Some((&test.values, &prepared.data.test.labels)),
            neighbors: None,
            knn_accuracy: None,
            output: layers.output(&train.name),
            control: false,
            random_state: session.record.manifest.seed,
        };
        let (profile, _) = layer.measure(session.device, observer)?;
        Ok(brief(profile))
    };
    let pairs = layers.train.iter().zip(&layers.test);
    pairs.filter(|(layer, _)| layer.name != RAW).map(measured).collect()
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

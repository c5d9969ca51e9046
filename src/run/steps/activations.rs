//! The activations of a network in a run: taken here, or given by another program.

use super::figures;
use crate::activations::activations;
use crate::dataset::{Classes, Images};
use crate::error::Result;
use crate::model::{RAW, Weights};
use crate::record::predictions::write_classes;
use crate::record::{Artifact, Stage};
use crate::run::layers::{Layers, STRANGERS, write_images, write_names, write_stranger_files};
use crate::run::prepared::Prepared;
use crate::run::session::Session;

/// Takes the activations of every recorded layer, with the images and labels of their points.
pub(in crate::run) fn activations_of_network(
    session: &mut Session<'_>,
    prepared: &Prepared,
    weights: &Weights,
) -> Result<()> {
    if let Some(strangers) = &prepared.strangers {
        session.stage(Stage::StrangerActivations, |session, _| {
            write_layers(session, prepared, weights, STRANGERS, &strangers.images)?;
            match &strangers.files {
                Some(files) => write_stranger_files(session.record, files),
                None => Ok(()),
            }
        })?;
    }
    session.new_stage(Stage::Activations, |session, _| {
        for layer in prepared.architecture.recorded_layers().iter().filter(|layer| layer.pooled) {
            let size = prepared.architecture.steps()?[layer.layer].output.size();
            session.reporter.note(&format!(
                "{}: of its {size} values for an image the means of its {} channels are taken",
                layer.name, layer.width
            ));
        }
        for (part, samples) in [("train", &prepared.train), ("test", &prepared.data.test)] {
            write_layers(session, prepared, weights, part, &samples.images)?;
            write_classes(session.record, "labels", part, &samples.labels)?;
        }
        let record = &mut *session.record;
        let rows: Vec<u32> = prepared.train_rows.iter().map(|&row| row as u32).collect();
        record.write_numbers(Artifact::Layer { name: "rows", part: "train" }, &rows)?;
        if let Some(kernel) = prepared.architecture.output_weights(weights)? {
            record.write_matrix(Artifact::OutputWeights, &kernel)?;
        }
        let mut names = prepared.architecture.layer_names();
        names.insert(0, RAW.into());
        write_names(record, &names, &prepared.data.class_names)
    })
}

/// Writes the layers of a part, and its images.
fn write_layers(
    session: &mut Session<'_>,
    prepared: &Prepared,
    weights: &Weights,
    part: &str,
    images: &Images,
) -> Result<()> {
    let layers = activations(session.device, &prepared.architecture, weights, images)
        .map_err(|error| prepared.of_weights(error))?;
    for layer in &layers {
        let file = Artifact::Layer { name: &layer.name, part };
        session.record.write_matrix(file, &layer.values)?;
    }
    write_images(session.record, part, images)
}

/// Copies layers that another program wrote into the run.
pub(in crate::run) fn given_activations(session: &mut Session<'_>, layers: &Layers) -> Result<()> {
    session
        .stage(Stage::Activations, |session, _| {
            session.on_cpu();
            if let Some(images) = &layers.train.images {
                let classes = Classes { labels: &layers.train.labels, names: &layers.class_names };
                let title = "The first training images of each class";
                figures::examples(session.record, "examples", title, images, classes)?;
            }
            layers.write(session.record)
        })
        .map(drop)
}

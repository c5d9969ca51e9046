//! The command `profile`: the measures of layers that any program wrote, without maps.

use super::job::{Summary, close};
use super::layers::{self, Layers};
use super::session;
use super::steps::profile::profile as measure;
use super::steps::scores::write_scores;
use super::steps::space::SpaceStages;
use super::steps::strangers::strangers;
use crate::compute::{Description, Device};
use crate::error::Result;
use crate::neighbors::Search;
use crate::progress::Reporter;
use crate::record::{Destination, Opening, RunFolder, Stage};
use std::path::PathBuf;

/// The command `profile`.
#[derive(Clone, Debug)]
pub struct ProfileLayers {
    /// Folder of the layers, one like those that runs write.
    pub activations: PathBuf,
    /// `true` to fit a linear probe to shuffled labels of each layer as well.
    pub probe_control: bool,
    /// Seed of folds, samples and shuffled labels.
    pub seed: u64,
    /// Where the results go.
    pub to: Destination,
}

/// Measures the layers, and writes tables and figures.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) for missing or malformed layers,
/// [`Error::Exists`](crate::Error::Exists), [`Error::Write`](crate::Error::Write),
/// [`Error::Interrupted`](crate::Error::Interrupted); any error of the device.
pub fn profile(
    job: &ProfileLayers,
    device: &Device,
    description: &Description,
    reporter: &dyn Reporter,
) -> Result<Summary> {
    let layers = Layers::read(&job.activations)?;
    let names: Vec<&str> = layers.train.layers.iter().map(|layer| layer.name.as_str()).collect();
    let opening = Opening {
        seed: job.seed,
        config: serde_json::json!({
            "profile_of": job.activations.display().to_string(),
            "layers": names,
            "probe_control": job.probe_control,
        }),
        device: description.clone(),
        inputs: layers::sources(&layers.files)?,
    };
    let mut record = RunFolder::open(&job.to, "profile", opening, reporter)?;
    let named = |summary| Summary { class_names: layers.class_names.clone(), ..summary };
    if record.is_complete() {
        return close(record, Ok(()), reporter).map(named);
    }
    if record.manifest.stages.is_empty() {
        layers.warnings.iter().for_each(|warning| record.warn(warning));
        record.save()?;
    }
    let outcome = session::compute(&mut record, device, description, reporter, |session| {
        for (at, train) in layers.train.layers.iter().enumerate() {
            let space = SpaceStages {
                train_labels: &layers.train.labels,
                test_labels: layers.test.as_ref().map(|test| &test.labels[..]),
                search: &Search::default(),
                train,
                test: layers.test.as_ref().map(|test| &test.layers[at]),
            };
            space.score_alone(session)?;
        }
        measure(session, &layers, job.probe_control)?;
        strangers(session, &layers)?;
        session
            .stage(Stage::ScoresAndFigures, |session, _| {
                session.on_cpu();
                let scores = session.record.results().knn.clone();
                write_scores(session.record, &scores, &layers.class_names)
            })
            .map(drop)
    });
    close(record, outcome, reporter).map(named)
}

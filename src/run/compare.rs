//! The command `compare`: two finished runs side by side, the same metrics of both, and confidence
//! intervals of their differences.

use super::compare_figures;
use super::compare_layers::compare_layers;
use super::compared_run::ComparedRun;
use super::pair::Pair;
use super::session::Session;
use crate::compute::{Description, Device};
use crate::dataset::Source;
use crate::error::Result;
use crate::evaluation::{Bootstrap, Comparison};
use crate::profile::CrossSimilarities;
use crate::progress::Reporter;
use crate::record::{Artifact, Destination, Folder, Opening, RunFolder, Stage};
use crate::report::compare_table;
use std::path::PathBuf;

/// Folders of the runs that are read.
const READ: [Folder; 3] = [Folder::Activations, Folder::Embeddings, Folder::Predictions];

/// Parameters of the command `compare`.
#[derive(Clone, Debug)]
pub struct Compare {
    /// Folders of two finished runs.
    pub runs: [PathBuf; 2],
    /// Parameters of the intervals.
    pub bootstrap: Bootstrap,
    /// Where the results go.
    pub to: Destination,
}

/// A comparison and its folder.
#[derive(Clone, Debug)]
pub struct CompareSummary {
    /// Where everything is.
    pub path: PathBuf,
    /// Results of the comparison.
    pub comparison: Comparison,
    /// Similarity of the layers, if the runs scored the same points.
    pub layers: Option<CrossSimilarities>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// Compares two finished runs, and writes tables and figures.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) if a folder is none of a finished run, or the runs have no
/// common space; [`Error::Parameter`](crate::Error::Parameter);
/// [`Error::Exists`](crate::Error::Exists), [`Error::Write`](crate::Error::Write).
pub fn compare(
    job: &Compare,
    description: &Description,
    reporter: &dyn Reporter,
) -> Result<CompareSummary> {
    job.bootstrap.validate()?;
    let [a, b] = [ComparedRun::open(&job.runs[0])?, ComparedRun::open(&job.runs[1])?];
    let pair = Pair::new(&a, &b)?;
    let mut changed = Vec::new();
    for run in [&a, &b] {
        changed.extend(run.run.check_unchanged(&READ)?);
    }
    let opening = Opening {
        seed: job.bootstrap.random_state,
        config: serde_json::json!({ "runs": job.runs, "bootstrap": job.bootstrap }),
        device: description.clone(),
        inputs: [&a, &b]
            .iter()
            .map(|run| Source::of_file(Artifact::Manifest.of(&run.run.path)))
            .collect::<Result<_>>()?,
    };
    let mut folder = RunFolder::create(&job.to, "compare", opening, reporter)?;
    changed.iter().for_each(|warning| folder.warn(warning));
    let device = Device::cpu();
    let mut session = Session::new(&mut folder, &device, reporter);
    match stages(&pair, &mut session, &job.bootstrap) {
        Ok(comparison) => {
            let warnings = folder.manifest.warnings.clone();
            let layers = folder.results().layer_similarity.clone();
            Ok(CompareSummary { path: folder.close(Ok(()))?, comparison, layers, warnings })
        }
        Err(error) => Err(folder.close_failed(error)),
    }
}

/// The differences and their figures.
fn stages(pair: &Pair<'_>, session: &mut Session<'_>, bootstrap: &Bootstrap) -> Result<Comparison> {
    let comparison = session.new_stage(Stage::Differences, |session, observer| {
        let comparison = pair.comparison(bootstrap)?;
        let record = &mut *session.record;
        let path = record.below(Artifact::Scores(compare_table::FILES[0]))?;
        compare_table::write_csv(path.parent().unwrap_or(&path), &comparison)?;
        compare_table::FILES
            .iter()
            .for_each(|file| record.list(Artifact::Scores(file), None, None));
        record.results_mut().comparison = Some(comparison.clone());
        compare_layers(record, pair, session.device, observer)?;
        Ok(comparison)
    })?;
    session.new_stage(Stage::Figures, |session, _| {
        compare_figures::draw(session.record, pair, &comparison)
    })?;
    Ok(comparison)
}

//! Two finished runs side by side: the same figures of both, and how certain their differences are.

use super::compare_figures;
use super::finished::Finished;
use super::pair::Pair;
use crate::compute::Description;
use crate::dataset::Source;
use crate::error::Result;
use crate::evaluation::{Bootstrap, Comparison};
use crate::progress::Reporter;
use crate::record::{Artifact, Opening, RunFolder, Stage, default_path};
use crate::report::compare_table;
use std::path::PathBuf;
use std::time::Instant;

/// What to compare.
#[derive(Clone, Debug)]
pub struct Compare {
    /// Folders of two finished runs.
    pub runs: [PathBuf; 2],
    /// How intervals are found.
    pub bootstrap: Bootstrap,
    /// Folder of the results.
    pub out: Option<PathBuf>,
    /// Whether an earlier run there may be replaced.
    pub force: bool,
    /// Command line, for the manifest.
    pub argv: Vec<String>,
}

/// A comparison and its folder.
#[derive(Clone, Debug)]
pub struct CompareSummary {
    /// Where everything is.
    pub path: PathBuf,
    /// What came of it.
    pub comparison: Comparison,
    /// What the reader should know.
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
    let [a, b] = [Finished::read(&job.runs[0])?, Finished::read(&job.runs[1])?];
    let pair = Pair::new(&a, &b)?;
    let opening = Opening {
        argv: job.argv.clone(),
        seed: job.bootstrap.random_state,
        config: serde_json::json!({ "runs": job.runs, "bootstrap": job.bootstrap }),
        device: description.clone(),
        inputs: [&a, &b]
            .iter()
            .map(|run| Source::of_file(run.manifest.path()))
            .collect::<Result<_>>()?,
    };
    let path = job.out.clone().unwrap_or_else(|| default_path("compare"));
    let mut folder = RunFolder::create(&path, job.force, opening, reporter)?;
    folder.manifest.warnings.extend([&a, &b].into_iter().flat_map(|run| run.warnings.clone()));
    let warnings = folder.manifest.warnings.clone();
    match stages(&pair, &mut folder, &job.bootstrap, reporter) {
        Ok(comparison) => Ok(CompareSummary { path: folder.close(Ok(()))?, comparison, warnings }),
        Err(error) => Err(folder.close_failed(error)),
    }
}

/// The differences and their figures.
fn stages(
    pair: &Pair<'_>,
    folder: &mut RunFolder,
    bootstrap: &Bootstrap,
    reporter: &dyn Reporter,
) -> Result<Comparison> {
    let start = Instant::now();
    let observer = reporter.stage("differences");
    let comparison = pair.comparison(bootstrap)?;
    drop(observer);
    let first = Artifact::Scores(compare_table::FILES[0]);
    let path = folder.below(first)?;
    compare_table::write_csv(path.parent().unwrap_or(&path), &comparison)?;
    for file in compare_table::FILES {
        folder.list(Artifact::Scores(file), None, None);
    }
    folder.result("comparison", &comparison);
    folder.finish_stage(Stage::Differences, start, "cpu")?;
    let start = Instant::now();
    compare_figures::draw(folder, pair, &comparison)?;
    folder.finish_stage(Stage::Figures, start, "cpu")?;
    Ok(comparison)
}

//! The command `compare`: two finished runs side by side, the same metrics of both, and confidence
//! intervals of their differences.

mod answers;
mod compared_run;
mod counts;
mod figures;
mod layers;
mod page;
mod pair;
mod sections;
mod settings;
mod space_pair;
mod tables;

use self::answers::Answers;
use self::compared_run::ComparedRun;
use self::layers::compare_layers;
use self::pair::Pair;
use super::session::Session;
use crate::compute::{Description, Device};
use crate::dataset::Source;
use crate::error::{Error, Result};
use crate::evaluation::{Bootstrap, Comparison};
use crate::profile::CrossSimilarities;
use crate::progress::Reporter;
use crate::record::{Artifact, Destination, Folder, Opening, RunFolder, Stage};
use crate::report::compare_table;
use serde_json::Value;
use std::path::PathBuf;

/// Folders of the runs that are read.
const READ: [Folder; 3] = [Folder::Activations, Folder::Embeddings, Folder::Predictions];

/// Parameters of the command `compare`.
#[derive(Clone, Debug)]
pub struct Compare {
    /// Folders of two finished runs.
    pub runs: [PathBuf; 2],
    /// Names of the two in tables, figures and on the page; if none are given, those of their
    /// folders.
    pub names: Vec<String>,
    /// Parameters of the intervals.
    pub bootstrap: Bootstrap,
    /// Where the results go.
    pub to: Destination,
}

impl Compare {
    /// The names that were given, if some were.
    fn names(&self) -> Result<Option<[String; 2]>> {
        let names: Vec<&str> = self.names.iter().map(|name| name.trim()).collect();
        match names[..] {
            [] => Ok(None),
            [a, b] if a != b && !a.is_empty() && !b.is_empty() => Ok(Some([a, b].map(Into::into))),
            _ => Err(Error::parameter(
                "names",
                names.join(","),
                "expected two different names, such as `before,after`",
            )),
        }
    }

    fn config(&self) -> Value {
        let mut config = serde_json::json!({ "runs": self.runs, "bootstrap": self.bootstrap });
        if !self.names.is_empty() {
            config["names"] = self.names.clone().into();
        }
        config
    }
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

/// Compares two finished runs, and writes tables, figures and a page.
///
/// # Errors
/// [`Error::Input`] if a folder is none of a finished run, or the runs have no
/// common space; [`Error::Parameter`] if a parameter of the bootstrap is
/// out of range, or the names are not two different ones;
/// [`Error::Exists`], [`Error::Write`].
pub fn compare(
    job: &Compare,
    description: &Description,
    reporter: &dyn Reporter,
) -> Result<CompareSummary> {
    job.bootstrap.validate()?;
    let names = job.names()?;
    let [a, b] = [ComparedRun::open(&job.runs[0])?, ComparedRun::open(&job.runs[1])?];
    let pair = Pair::new(&a, &b, names)?;
    let mut warnings = pair.warnings();
    for run in [&a, &b] {
        warnings.extend(run.run.check_unchanged(&READ)?);
    }
    let opening = Opening {
        seed: job.bootstrap.random_state,
        config: job.config(),
        device: description.clone(),
        inputs: [&a, &b]
            .iter()
            .map(|run| Source::of_file(Artifact::Manifest.of(&run.run.path)))
            .collect::<Result<_>>()?,
    };
    let mut folder = RunFolder::create(&job.to, "compare", opening, reporter)?;
    warnings.iter().for_each(|warning| folder.warn(warning));
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
    let answers = if pair.paired { Some(Answers::of(pair)?) } else { None };
    let comparison = session.new_stage(Stage::Differences, |session, observer| {
        let mut comparison = pair.comparison(bootstrap)?;
        comparison.agreement =
            answers.as_ref().map(|answers| answers.agreement(&pair.runs[0].labels));
        let record = &mut *session.record;
        let path = record.below(Artifact::Scores(compare_table::FILES[0]))?;
        compare_table::write_csv(path.parent().unwrap_or(&path), &comparison)?;
        compare_table::FILES
            .iter()
            .for_each(|file| record.list(Artifact::Scores(file), None, None));
        if let Some(answers) = &answers {
            answers.write_csv(record, pair)?;
        }
        record.results_mut().comparison = Some(comparison.clone());
        compare_layers(record, pair, session.device, observer)?;
        Ok(comparison)
    })?;
    session
        .new_stage(Stage::Figures, |session, _| figures::draw(session.record, pair, &comparison))?;
    session.new_stage(Stage::Report, |session, observer| {
        page::write(session, pair, &comparison, answers.as_ref(), observer)
    })?;
    Ok(comparison)
}

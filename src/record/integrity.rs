//! Whether the files of a run are those that it wrote, and what is taken back of a run where they
//! are not.
//!
//! The manifest keeps the SHA-256 of every file that is listed in it, and with each stage how much
//! was listed and noted by its end. Manifests of earlier versions have neither: of those nothing
//! can be told.

use super::artifact::Artifact;
use super::manifest::{Found, Manifest, Output};
use super::skipped::{SKIPPED, skipped_warning};
use super::stage::Stage;
use crate::dataset::Source;
use crate::error::{Error, Result};
use serde_json::Value;
use std::path::Path;

/// The lists among the results to which one stage after the other adds.
const LISTS: [&str; 4] = ["knn", "quality", "clusters", "models"];

/// What is said of a changed file, after its name.
const CHANGED: &str =
    "is not as the run wrote it (its SHA-256 is another than that in manifest.json)";

/// What is wrong with a file of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    Gone,
    Changed,
}

impl Damage {
    /// The sentence about the file `name`.
    pub(crate) fn words(self, name: &str) -> String {
        match self {
            Self::Gone => format!("{name} is gone"),
            Self::Changed => format!("{name} {CHANGED}"),
        }
    }
}

/// Looks at one file of the run in `folder`.
fn look(folder: &Path, output: &Output) -> Option<Damage> {
    let expected = output.sha256.as_ref()?;
    match Source::of_file(folder.join(&output.path)) {
        Ok(found) => (found.sha256 != *expected).then_some(Damage::Changed),
        Err(_) if folder.join(&output.path).exists() => Some(Damage::Changed),
        Err(_) => Some(Damage::Gone),
    }
}

/// The files of the run in `folder` that are not as it wrote them: their numbers among `outputs`.
pub(crate) fn damaged(folder: &Path, outputs: &[Output]) -> Vec<(usize, Damage)> {
    outputs
        .iter()
        .enumerate()
        .filter_map(|(at, output)| Some((at, look(folder, output)?)))
        .collect()
}

/// Refuses a finished run of which a file below one of the folders `read` was changed. Of other
/// files but its page, which is made of them, it says so. One that is gone is another matter.
///
/// # Errors
/// [`Error::Input`] naming the file and what makes it again.
pub(crate) fn check_unchanged(folder: &Path, found: &Found, read: &[&str]) -> Result<Vec<String>> {
    let outputs: Vec<Output> = found.part("outputs")?;
    let (read, beside): (Vec<_>, Vec<_>) = damaged(folder, &outputs)
        .into_iter()
        .filter(|(at, damage)| {
            *damage == Damage::Changed && outputs[*at].path != Artifact::Report.to_string()
        })
        .map(|(at, _)| &outputs[at].path)
        .partition(|path| read.iter().any(|part| path.starts_with(part)));
    let again = format!(
        "its command with `TrainRun::resume` `TrainRun::out` {} makes it and all that came of it \
         again",
        folder.display()
    );
    if let Some(path) = read.first() {
        return Err(Error::input(folder.join(path), format!("{CHANGED}; {again}")));
    }
    Ok(beside
        .into_iter()
        .map(|path| {
            format!("{} {CHANGED} and is not read here; {again}", folder.join(path).display())
        })
        .collect())
}

/// Describes the files and stages that are new since the manifest was `saved`.
///
/// # Errors
/// [`Error::Input`] if a file cannot be read back.
pub(crate) fn seal(folder: &Path, manifest: &mut Manifest, saved: &Manifest) -> Result<()> {
    for output in manifest.outputs.iter_mut().filter(|output| output.sha256.is_none()) {
        let path = folder.join(&output.path);
        if path.exists() {
            output.sha256 = Some(Source::of_file(path)?.sha256);
        }
    }
    let (n_outputs, n_warnings) = (manifest.outputs.len(), manifest.warnings.len());
    let new = manifest.results.keys().filter(|key| !saved.results.contains_key(*key));
    // Of stages that end together the first has done everything: none of them is taken back alone.
    let mut new: Vec<String> = new.cloned().collect();
    for stage in manifest.stages.iter_mut().filter(|stage| stage.n_outputs.is_none()) {
        (stage.n_outputs, stage.n_warnings) = (Some(n_outputs), Some(n_warnings));
        stage.results = std::mem::take(&mut new);
    }
    Ok(())
}

/// The stage that listed the output of number `at`.
pub(crate) fn stage_of(manifest: &Manifest, at: usize) -> usize {
    manifest.stages.iter().position(|stage| stage.n_outputs.is_none_or(|n| at < n)).unwrap_or(0)
}

/// Takes back the stages from number `first` on, with all that they listed and noted.
pub(crate) fn take_back(manifest: &mut Manifest, first: usize) {
    let gone = manifest.stages.split_off(first.min(manifest.stages.len()));
    let Some(last) = manifest.stages.last() else {
        manifest.outputs.clear();
        manifest.warnings.clear();
        manifest.results.clear();
        return;
    };
    manifest.outputs.truncate(last.n_outputs.unwrap_or(0));
    manifest.warnings.truncate(last.n_warnings.unwrap_or(0));
    for name in gone.iter().flat_map(|stage| &stage.results) {
        manifest.results.shift_remove(name);
    }
    let Manifest { stages, results, warnings, .. } = manifest;
    let is_kept = |stage: Stage<'_>| stages.iter().any(|kept| kept.name == stage.to_string());
    for list in LISTS {
        if let Some(rows) = results.get_mut(list).and_then(Value::as_array_mut) {
            rows.retain(|row| stages_of(list, row).into_iter().any(&is_kept));
        }
    }
    // What is skipped ends no stage; it stands as long as its warning does, and is found and told
    // again after that.
    if let Some(rows) = results.get_mut(SKIPPED).and_then(Value::as_array_mut) {
        rows.retain(|row| skipped_warning(row).is_some_and(|warning| warnings.contains(&warning)));
        if rows.is_empty() {
            results.shift_remove(SKIPPED);
        }
    }
    if let Some(maps) = results
        .get_mut("epochs")
        .and_then(|epochs| epochs.get_mut("maps"))
        .and_then(Value::as_array_mut)
    {
        maps.retain(|row| stages_of("epochs", row).into_iter().any(&is_kept));
    }
}

/// The stage that added a row to a list of the results, by the names that it has in the studies.
fn stages_of<'a>(list: &str, row: &'a Value) -> Vec<Stage<'a>> {
    let text = |key: &str| row.get(key).and_then(Value::as_str);
    let (space, method) = (text("space").unwrap_or_default(), text("method").unwrap_or_default());
    match list {
        "knn" if text("method").is_none() => vec![Stage::Neighbors(space)],
        "knn" => vec![Stage::Scores { method, space }],
        "quality" => vec![Stage::Quality(space)],
        "clusters" => vec![Stage::Clusters(space), Stage::OnlyClusters],
        "models" => vec![Stage::TrainingOf(text("model").unwrap_or_default())],
        _ => vec![Stage::Epochs { method, space }],
    }
}

//! Integrity of the files of a run: checks of checksums, and the stages that are repeated where
//! they are not.
//!
//! The manifest keeps the SHA-256 of every file that is listed in it, and the stage that wrote it.
//! Manifests of earlier versions have neither: those cannot be checked.

use super::artifact::{Artifact, Folder};
use super::manifest::{Manifest, Output};
use super::skipped::Skipped;
use super::stage::Stage;
use crate::dataset::Source;
use crate::error::{Error, Result};
use std::path::Path;

/// Message about a changed file, after its name.
const CHANGED: &str =
    "is not as the run wrote it (its SHA-256 is another than that in manifest.json)";

/// Damage of a file of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    Gone,
    Changed,
}

impl Damage {
    /// Message about the file `name`.
    pub(crate) fn words(self, name: &str) -> String {
        match self {
            Self::Gone => format!("{name} is gone"),
            Self::Changed => format!("{name} {CHANGED}"),
        }
    }
}

/// Damage of one file of the run in `folder`, if there is any.
fn damage_of(folder: &Path, output: &Output) -> Option<Damage> {
    let expected = output.sha256.as_ref()?;
    match Source::of_file(folder.join(&output.path)) {
        Ok(found) => (found.sha256 != *expected).then_some(Damage::Changed),
        Err(_) if folder.join(&output.path).exists() => Some(Damage::Changed),
        Err(_) => Some(Damage::Gone),
    }
}

/// Changed or missing files of the run in `folder`: their indices in `outputs`, and their damage.
pub(crate) fn damaged(folder: &Path, outputs: &[Output]) -> Vec<(usize, Damage)> {
    outputs
        .iter()
        .enumerate()
        .filter_map(|(at, output)| Some((at, damage_of(folder, output)?)))
        .collect()
}

/// Refuses a finished run of which a file in one of the folders `read` was changed. Of other files
/// but its page, which is made of them, it says so. One that is gone is another matter.
///
/// # Errors
/// [`Error::Input`] naming the file and what makes it again.
pub(super) fn check_unchanged(
    folder: &Path,
    outputs: &[Output],
    read: &[Folder],
) -> Result<Vec<String>> {
    let (read, beside): (Vec<_>, Vec<_>) = damaged(folder, outputs)
        .into_iter()
        .filter(|(at, damage)| {
            *damage == Damage::Changed && outputs[*at].path != Artifact::Report.to_string()
        })
        .map(|(at, _)| &outputs[at].path)
        .partition(|path| read.iter().any(|part| part.holds(path)));
    let again = format!(
        "its command with `Destination::resume` `Destination::out` {} repeats its stage and \
         all later ones",
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

/// Describes the files and stages that are new since the manifest was written last.
///
/// # Errors
/// [`Error::Input`] if a file cannot be read back.
pub(crate) fn seal(folder: &Path, manifest: &mut Manifest) -> Result<()> {
    for output in manifest.outputs.iter_mut().filter(|output| output.sha256.is_none()) {
        let path = folder.join(&output.path);
        if path.exists() {
            output.sha256 = Some(Source::of_file(path)?.sha256);
        }
    }
    let n_warnings = manifest.warnings.len();
    for stage in manifest.stages.iter_mut().filter(|stage| stage.n_warnings.is_none()) {
        stage.n_warnings = Some(n_warnings);
    }
    Ok(())
}

/// The number of the stage that wrote an output; the first if that is not known.
pub(crate) fn stage_of(manifest: &Manifest, output: &Output) -> usize {
    let wrote = |name: &String| output.stage.as_ref() == Some(name);
    manifest.stages.iter().position(|stage| wrote(&stage.name)).unwrap_or(0)
}

/// Drops the stages from number `first` on, with their warnings.
pub(crate) fn take_back(manifest: &mut Manifest, first: usize) {
    manifest.stages.truncate(first);
    let n_warnings = manifest.stages.last().map_or(0, |last| last.n_warnings.unwrap_or(0));
    manifest.warnings.truncate(n_warnings);
}

/// Drops the files and results of stages that are not finished.
pub(crate) fn keep_finished(manifest: &mut Manifest) {
    let Manifest { stages, outputs, results, warnings, .. } = manifest;
    let is_finished = |name: &str| stages.iter().any(|stage| stage.name == name);
    outputs.retain(|output| output.stage.as_deref().is_some_and(is_finished));
    results.keep(|stage: Stage<'_>| is_finished(&stage.to_string()));
    // What is skipped ends no stage; it stands as long as its warning does, and is found and
    // reported again after that.
    results.skipped.retain(|skipped: &Skipped| warnings.contains(&skipped.warning()));
}

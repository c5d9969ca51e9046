//! Sets of four files: training images and labels, test images and labels.

use super::Folder;
use crate::dataset::arrays;
use crate::dataset::listing::Entry;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// The four arrays for which a folder has files.
pub(super) struct Arrays {
    /// Name of the first of the files.
    pub first: String,
    /// Paths of all four, or the error about missing ones.
    pub paths: Result<[PathBuf; 4]>,
}

/// The only one of several files that would all fit.
pub(super) fn only_one(folder: &Path, files: &[&Entry]) -> Result<Option<PathBuf>> {
    match files {
        [] => Ok(None),
        [one] => Ok(Some(one.path.clone())),
        [first, second, ..] => {
            let message = format!(
                "holds {} and {}: which one is meant? Keep one of them",
                first.name, second.name
            );
            Err(Error::input(folder, message))
        }
    }
}

/// The four files, all of which are required; `expected` are their usual names, and `what`
/// describes them, followed by a space.
pub(super) fn all_four(
    folder: &Path,
    slots: &[Vec<&Entry>; 4],
    what: &str,
    expected: [String; 4],
) -> Result<[PathBuf; 4]> {
    let paths = slots.iter().map(|files| only_one(folder, files)).collect::<Result<Vec<_>>>()?;
    let missing: Vec<_> = paths
        .iter()
        .zip(expected)
        .filter(|(path, _)| path.is_none())
        .map(|(_, name)| name)
        .collect();
    if !missing.is_empty() {
        let found: Vec<_> = slots.iter().flatten().map(|entry| entry.name.as_str()).collect();
        let n = missing.len();
        let missing = missing.join(", ");
        let found = found.join(", ");
        return Err(Error::input(
            folder,
            format!("{n} of the four {what}files missing: {missing}; found {found}"),
        ));
    }
    Ok(std::array::from_fn(|at| paths[at].clone().unwrap_or_default()))
}

/// Name of a file without one of the extensions, if it has one.
pub(super) fn stem<'a>(lower: &'a str, endings: &[&str]) -> Option<&'a str> {
    endings.iter().find_map(|ending| lower.strip_suffix(ending))
}

/// Four files of arrays with these extensions, uncompressed ones first, if there are any. Names of
/// images alone belong to another format, for example `train_images.csv`.
pub(super) fn arrays(folder: &Folder<'_>, endings: &[&str]) -> Option<Arrays> {
    let mut slots: [Vec<&Entry>; 4] = Default::default();
    let mut usual = false;
    for entry in folder.files() {
        let lower = entry.lower();
        let Some(slot) = stem(&lower, endings).and_then(|stem| {
            usual |= arrays::NAMES.contains(&stem);
            arrays::slot(stem)
        }) else {
            continue;
        };
        slots[slot].push(entry);
    }
    let has_labels = slots[1].len() + slots[3].len() > 0;
    let first = slots.iter().flatten().next().filter(|_| usual || has_labels)?.name.clone();
    let zipped = if endings.len() > 1 { "[.gz]" } else { "" };
    let expected = arrays::NAMES.map(|name| format!("{name}{}{zipped}", endings[0]));
    Some(Arrays { first, paths: all_four(folder.path, &slots, "", expected) })
}

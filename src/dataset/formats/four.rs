//! Sets of four files: training images and labels, test images and labels.

use super::{Folder, FoundFiles, Layout, Read};
use crate::dataset::arrays::{self, Place};
use crate::dataset::listing::Entry;
use crate::dataset::parts;
use crate::dataset::request::Request;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// The four arrays for which a folder has files.
pub(super) struct Arrays {
    /// Name of the first of the files.
    pub first: String,
    /// Paths of all four, or the error about missing ones or parts.
    pub paths: Result<[PathBuf; 4]>,
    /// Paths of the files of parts that are left out, as the notes say.
    pub left_out: Vec<PathBuf>,
    /// Notes about parts.
    pub notes: Vec<String>,
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
    let mut found: Vec<(&Entry, Place)> = Vec::new();
    let mut usual = false;
    for entry in folder.files() {
        let lower = entry.lower();
        let Some(stem) = stem(&lower, endings) else { continue };
        if let Some(place) = Place::of(stem) {
            usual |= stem.starts_with("x_") || stem.starts_with("y_");
            found.push((entry, place));
        }
    }
    let has_labels = found.iter().any(|(_, place)| !place.holds_images);
    if found.is_empty() || !(usual || has_labels) {
        return None;
    }
    let present = found.iter().map(|(_, place)| place.part.clone());
    let chosen = match parts::choose(folder.path, present, folder.request) {
        Ok(chosen) => chosen,
        Err(error) => {
            let first = found[0].0.name.clone();
            return Some(Arrays {
                first,
                paths: Err(error),
                left_out: Vec::new(),
                notes: Vec::new(),
            });
        }
    };
    let wanted = chosen.or_usual();
    let mut slots: [Vec<&Entry>; 4] = Default::default();
    let mut left_out = Vec::new();
    for (entry, place) in &found {
        match place.among(wanted) {
            Some(slot) => slots[slot].push(entry),
            None => left_out.push(entry.path.clone()),
        }
    }
    let first = slots.iter().flatten().next().map_or(&found[0].0.name, |entry| &entry.name).clone();
    let zipped = if endings.len() > 1 { "[.gz]" } else { "" };
    let expected = arrays::usual_names(wanted).map(|name| format!("{name}{}{zipped}", endings[0]));
    let paths = all_four(folder.path, &slots, "", expected);
    Some(Arrays { first, paths, left_out, notes: chosen.notes })
}

impl Arrays {
    /// The files as a layout.
    pub fn found(
        self,
        read: impl FnOnce(&[PathBuf; 4], &Request) -> Result<Read> + 'static,
    ) -> FoundFiles {
        let Self { first, paths, left_out, notes } = self;
        let layout = paths.map(|paths| Layout {
            files: Some([&paths[..], &left_out].concat()),
            notes,
            read: Box::new(move |request| read(&paths, request)),
        });
        FoundFiles { first: Some(first), layout }
    }
}

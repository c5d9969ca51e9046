//! Detection of the format of a folder, ignoring the case of names.

use super::formats::{Candidate, FORMATS, Folder, Format, Layout, formats_text};
use super::image_folder;
use super::listing::{Entry, entries, listed};
use super::request::Request;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Content of a folder, and a sentence about the files that are not read.
pub(super) struct Content {
    pub format: &'static Format,
    pub layout: Layout,
    pub passed_over: Option<String>,
    /// Path of the file with the names of the classes, beside data whose files do not have them.
    pub class_names: Option<PathBuf>,
}

/// The one format for which `folder` has all files; if there are several sets of files of one
/// format, the set with the names that begin with `prefix`.
///
/// # Errors
/// [`Error::Input`] naming the folder, and the found and missing files.
pub(super) fn find(folder: &Path, prefix: Option<&str>, request: &Request) -> Result<Content> {
    let all = entries(folder)?;
    let found = candidates(&Folder { path: folder, prefix, entries: &all, request })?;
    let (format, layout) = the_one(folder, &all, found)?;
    let named = |entry: &&Entry| !entry.is_dir && entry.lower() == "class_names.txt";
    let class_names = all.iter().find(named).map(|entry| entry.path.clone());
    let passed_over = passed_over(folder, &all, &layout, request);
    Ok(Content { format, layout, passed_over, class_names })
}

/// All formats for which a folder has files.
fn candidates(folder: &Folder<'_>) -> Result<Vec<Candidate>> {
    let mut candidates = Vec::new();
    for format in FORMATS {
        // If one of several sets is requested, only formats with such sets are possible.
        let may_be_meant = folder.prefix.is_none() || format.named_set.is_some();
        if let Some(find) = format.find.filter(|_| may_be_meant) {
            let found = find(folder, &candidates)?;
            candidates.extend(found.map(|found| Candidate { format, found }));
        }
    }
    Ok(candidates)
}

/// The one format that is complete, whatever there is of others; if there is none, the error of the
/// first.
fn the_one(
    folder: &Path,
    all: &[Entry],
    candidates: Vec<Candidate>,
) -> Result<(&'static Format, Layout)> {
    let (mut whole, parts): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|candidate| candidate.found.layout.is_ok());
    if whole.len() > 1 {
        let shown = |Candidate { format, found }: &Candidate| {
            let first = found.first.as_ref().map_or(String::new(), |name| format!(" ({name})"));
            format!("{}{first}", format.title)
        };
        let shown: Vec<_> = whole.iter().map(shown).collect();
        let message = format!(
            "holds {}: which one is meant? Put them into folders of their own",
            shown.join(" and ")
        );
        return Err(Error::input(folder, message));
    }
    match whole.pop().or(parts.into_iter().next()) {
        Some(Candidate { format, found }) => found.layout.map(|layout| (format, layout)),
        None => {
            let there =
                if all.is_empty() { String::new() } else { format!("found {}; ", listed(all)) };
            let expected = formats_text();
            Err(Error::input(folder, format!("holds no data; {there}expected {expected}")))
        }
    }
}

/// Warning about files and folders that look like data and are not read.
fn passed_over(folder: &Path, all: &[Entry], layout: &Layout, request: &Request) -> Option<String> {
    let read = layout.files.as_ref()?;
    let of_images: Vec<&PathBuf> =
        image_folder::folders(all, request).into_iter().map(|entry| &entry.path).collect();
    let is_data = |entry: &&Entry| {
        let lower = entry.lower();
        let mut endings = FORMATS.iter().flat_map(|format| format.endings);
        if entry.is_dir {
            of_images.contains(&&entry.path)
        } else {
            endings.any(|ending| lower.ends_with(ending)) && !read.contains(&entry.path)
        }
    };
    let others: Vec<Entry> = all.iter().filter(is_data).cloned().collect();
    (!others.is_empty()).then(|| {
        format!("{} holds {} besides, which is not read", folder.display(), listed(&others))
    })
}

//! Entries of a folder, without files that operating systems leave there.

use crate::error::{Error, Result};
use crate::format::{self, natural};
use std::path::{Path, PathBuf};

/// Names of files and folders that Windows, macOS and storage devices put beside images.
const LEFT: [&str; 6] = ["thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir"];

/// A file or folder.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub path: PathBuf,
    /// Last part of the path; characters that are not Unicode are replaced.
    pub name: String,
    pub is_dir: bool,
}

impl Entry {
    /// Name in lower case, for comparisons.
    pub fn lower(&self) -> String {
        self.name.to_lowercase()
    }

    /// Name as shown in messages: that of a folder ends with a slash.
    pub fn shown(&self) -> String {
        format!("{}{}", self.name, if self.is_dir { "/" } else { "" })
    }

    /// `true` for a file that has the extension of a readable image.
    pub fn is_image(&self) -> bool {
        let lower = self.lower();
        !self.is_dir && [".png", ".jpg", ".jpeg"].iter().any(|ending| lower.ends_with(ending))
    }
}

/// Entries of a folder in the natural order of names, `2.png` before `10.png`. Hidden files, and
/// those that operating systems leave, are skipped.
///
/// # Errors
/// [`Error::Input`] naming the folder.
pub(super) fn entries(folder: &Path) -> Result<Vec<Entry>> {
    let unreadable =
        |error: std::io::Error| Error::input(folder, format!("cannot be read: {error}"));
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.starts_with('.') && !LEFT.contains(&name.to_lowercase().as_str()) {
            entries.push(Entry { is_dir: path.is_dir(), path, name });
        }
    }
    entries.sort_by(|a, b| natural(&a.name, &b.name).then_with(|| a.path.cmp(&b.path)));
    Ok(entries)
}

/// The first few names, for messages.
pub(super) fn listed(entries: &[Entry]) -> String {
    let shown: Vec<String> = entries.iter().map(Entry::shown).collect();
    if shown.is_empty() { "nothing".into() } else { format::listed(&shown) }
}

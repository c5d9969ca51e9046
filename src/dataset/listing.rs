//! What is in a folder, without the files that systems leave there.

use crate::error::{Error, Result};
use crate::words::{self, natural};
use std::path::{Path, PathBuf};

/// Files and folders that Windows, macOS and storage devices put beside images.
const LEFT: [&str; 6] = ["thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir"];

/// A file or folder.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub path: PathBuf,
    /// The last part of the path; letters that are not Unicode are replaced.
    pub name: String,
    pub is_dir: bool,
}

impl Entry {
    /// The name in small letters, to be compared.
    pub fn lower(&self) -> String {
        self.name.to_lowercase()
    }

    /// The name as messages show it: a folder with a stroke.
    pub fn shown(&self) -> String {
        format!("{}{}", self.name, if self.is_dir { "/" } else { "" })
    }

    /// Whether it is a file called like an image that can be read.
    pub fn is_image(&self) -> bool {
        let lower = self.lower();
        !self.is_dir && [".png", ".jpg", ".jpeg"].iter().any(|ending| lower.ends_with(ending))
    }
}

/// What is in a folder in the natural order of names, `2.png` before `10.png`. Hidden files, and
/// those that systems leave, are passed over.
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

/// The first of some names, for messages.
pub(super) fn listed(entries: &[Entry]) -> String {
    let shown: Vec<String> = entries.iter().map(Entry::shown).collect();
    if shown.is_empty() { "nothing".into() } else { words::listed(&shown) }
}

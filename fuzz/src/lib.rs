//! What the targets share: files for readers that take a path, and what every refusal must say.

use layerlens::dataset::{LabelColumn, LabelFile, Labels, parse_names, read_names};
use layerlens::{Error, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder for one input; it is gone afterwards.
pub struct Place(TempDir);

impl Place {
    /// An empty one.
    pub fn new() -> Self {
        Self(TempDir::new().expect("a folder for temporary files"))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file in it that holds `bytes`.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).expect("a temporary file");
        path
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

/// What was read, if it was; demands that a refusal is one of the input and names a file in
/// `place`.
pub fn check<T>(place: &Place, read: Result<T>) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(Error::Input { path, message }) => {
            assert!(
                path.starts_with(place.path()),
                "{} is named, not the file that is at fault: {message}",
                path.display()
            );
            assert!(!message.trim().is_empty(), "nothing is said of {}", path.display());
            None
        }
        Err(other) => panic!("not an error of the input: {other}"),
    }
}

/// Reads a file of labels as every command does, alone and with the names in a file, and demands
/// that each row has a class.
pub fn check_labels(
    place: &Place,
    path: &Path,
    column: Option<&LabelColumn>,
    names: Option<&Path>,
) {
    let names = names.and_then(|path| check(place, read_names(path)));
    // The number of rows helps to tell a header: one more than the rows, and as many.
    let Some(file) = check(place, LabelFile::read(path, column, None)) else { return };
    let n = file.values.len();
    for expected in [n, n.saturating_sub(1)] {
        let Some(file) = check(place, LabelFile::read(path, column, Some(expected))) else {
            continue;
        };
        assert!((1..=n + 1).contains(&file.values.len()), "{} labels, then {n}", file.values.len());
        for names in [None, names.as_deref()] {
            for read in [Labels::of(&[&file], names), Labels::by_place(&[&file, &file], names)] {
                let Some(labels) = check(place, read) else { continue };
                assert!(
                    labels.classes.iter().all(|classes| classes.len() == file.values.len()),
                    "a row without a class"
                );
                assert!(
                    labels
                        .classes
                        .iter()
                        .flatten()
                        .all(|&class| usize::from(class) < labels.names.len())
                );
                labels.without_points();
            }
        }
    }
}

/// Reads names as those after a flag.
pub fn check_names(text: &str) {
    if let Ok(names) = parse_names("--class-names", &[text.to_owned()]) {
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "a name twice");
        assert!(names.iter().all(|name| !name.is_empty()), "a name that is empty");
    }
}

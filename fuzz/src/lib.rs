//! What the targets share: files for readers that take a path, and what every refusal must say.

use layerlens::{Error, Result};
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

/// What was read, if it was; demands that a refusal is one of the input and names a file in `place`.
pub fn check<T>(place: &Place, read: Result<T>) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(Error::Input { path, message }) => {
            assert!(path.starts_with(place.path()), "{} is named, not the file that is at fault: {message}", path.display());
            assert!(!message.trim().is_empty(), "nothing is said of {}", path.display());
            None
        }
        Err(other) => panic!("not an error of the input: {other}"),
    }
}

//! Files of coordinates that grow by batches, and what each was made of.

use crate::compute::DeviceKind;
use crate::dataset::npy;
use crate::error::{Error, Result};
use crate::files::write_atomic;
use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// What a partial or finished file was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// SHA-256 of the map's file.
    map: String,
    /// The device, on which the last digits of coordinates depend.
    device: DeviceKind,
    /// Name of the file of points, its bytes, and when it was changed, in nanoseconds since 1970.
    file: String,
    bytes: u64,
    changed: u64,
    /// The rows of it.
    pub(super) rows: Range<usize>,
}

impl Origin {
    /// Some rows of a file of points, by this map and on this device.
    pub(super) fn new(
        map: String,
        device: DeviceKind,
        new: &Path,
        rows: Range<usize>,
    ) -> Result<Self> {
        let unreadable =
            |error: std::io::Error| Error::input(new, format!("cannot be read: {error}"));
        let about = std::fs::metadata(new).map_err(unreadable)?;
        let changed = about.modified().map_err(unreadable)?;
        let changed = changed.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
        let file = new.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { map, device, file, bytes: about.len(), changed, rows })
    }

    /// `true` if the file of coordinates at `path` was made of this.
    pub(super) fn is_of(&self, path: &Path) -> bool {
        let known = std::fs::read(description(path)).ok();
        known.and_then(|text| serde_json::from_slice(&text).ok()).as_ref() == Some(self)
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let path = description(path);
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| Error::write(&path, std::io::Error::other(error)))?;
        write_atomic(&path, |out| out.write_all(&text))
    }
}

/// The file whose name is that of `path` and this ending.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// Description of a whole or partial file of coordinates.
pub(super) fn description(path: &Path) -> PathBuf {
    beside(path, ".json")
}

/// A file of coordinates that grows by batches.
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    /// Rows that are written.
    pub(super) rows: usize,
}

impl Partial {
    /// Opens the file for n_samples x n_components coordinates, at the end of the whole rows that an
    /// earlier run has left if it is `resumed`.
    pub(super) fn open(path: &Path, (n, c): (usize, usize), resumed: bool) -> Result<Self> {
        let failed = |error| Error::write(path, error);
        let head = npy::matrix_head(n, c)?;
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .write(true)
            .read(true)
            .truncate(!resumed)
            .open(path)
            .map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let rows = len.saturating_sub(head.len() as u64) / (4 * c as u64);
        let rows = (rows as usize).min(n);
        if rows == 0 {
            file.set_len(0).map_err(failed)?;
            file.write_all(&head).map_err(failed)?;
        }
        let end = (head.len() + 4 * c * rows) as u64;
        file.set_len(end).map_err(failed)?;
        file.seek(SeekFrom::Start(end)).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file, rows })
    }

    pub(super) fn append(&mut self, places: &Matrix) -> Result<()> {
        let bytes: Vec<u8> =
            places.as_slice().iter().flat_map(|value| value.to_le_bytes()).collect();
        self.file.write_all(&bytes).map_err(|error| Error::write(&self.path, error))?;
        self.rows += places.n_samples();
        Ok(())
    }

    /// Gives the whole file and its description their names. The description comes last, and that of
    /// a file that is replaced goes first, so that none ever stands beside another file than its own.
    pub(super) fn finish(self, path: &Path) -> Result<()> {
        let failed = |error| Error::write(path, error);
        self.file.sync_all().map_err(failed)?;
        match std::fs::remove_file(description(path)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        std::fs::rename(&self.path, path).map_err(failed)?;
        std::fs::rename(description(&self.path), description(path)).map_err(failed)
    }
}

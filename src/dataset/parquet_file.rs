//! Opening a Parquet file, and errors about it.

use crate::error::{Error, Result};
use parquet::file::reader::SerializedFileReader;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Opens a file.
///
/// # Errors
/// [`Error::Input`] if it cannot be read or is no Parquet file.
pub(super) fn open(path: &Path) -> Result<SerializedFileReader<File>> {
    let file =
        File::open(path).map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
    unwound(path, || {
        SerializedFileReader::new(file).map_err(|error| {
            Error::input(path, format!("is no Parquet file, or a damaged one: {error}"))
        })
    })
}

/// Does the work on a file; the crate `parquet` panics on some that are damaged.
pub(super) fn unwound<T>(path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::input(path, "is a damaged Parquet file")))
}

/// Error about content that cannot be decoded.
pub(super) fn damaged(path: &Path, what: &dyn std::fmt::Display) -> Error {
    Error::input(path, format!("is damaged, or compressed in an unknown way: {what}"))
}

//! Reading labels from an NPY file.

use super::read::Array;
use crate::dataset::values::Kind;
use crate::error::{Error, Result};
use std::path::Path;

/// Reads labels from an NPY array of integers of any size, of shape (n,) or (n, 1): from 0 to
/// 4,294,967,295, one a row.
///
/// # Errors
/// [`Error::Input`] naming `path` if it cannot be read, is malformed or truncated, holds no labels,
/// has another shape or type of values, or a label out of range (its row, counted from 0, is
/// named).
pub fn read_labels(path: impl AsRef<Path>) -> Result<Vec<u32>> {
    let path = path.as_ref();
    let array = Array::open(path)?;
    if !matches!(array.header.shape(), [_] | [_, 1]) {
        return Err(array.error(format!("has shape {}, expected (n,) or (n, 1)", array.shape())));
    }
    let Some(stored) =
        array.stored().filter(|stored| matches!(stored.kind, Kind::Int | Kind::Uint))
    else {
        return Err(array.wrong_type("integers of 1, 2, 4 or 8 bytes"));
    };
    let raw = array.raw()?;
    let label = |(row, bytes): (usize, &[u8])| {
        let number = stored.integer(bytes);
        let refused = || {
            Error::input(
                path,
                format!("row {row} is {number}: labels must be from 0 to {}", u32::MAX),
            )
        };
        u32::try_from(number).map_err(|_| refused())
    };
    let labels =
        raw.chunks_exact(stored.size).enumerate().map(label).collect::<Result<Vec<u32>>>()?;
    if labels.is_empty() {
        return Err(Error::input(path, "holds no labels, expected at least one"));
    }
    Ok(labels)
}

/// Reads classes of a run from an NPY array as [`read_labels`] does, but from 0 to 65,535.
///
/// # Errors
/// [`Error::Input`] as [`read_labels`], and for a class above 65,535.
pub(crate) fn read_classes(path: &Path) -> Result<Vec<u16>> {
    let narrow = |(row, class): (usize, u32)| {
        u16::try_from(class).map_err(|_| {
            Error::input(path, format!("row {row} is {class}; classes go from 0 to 65535"))
        })
    };
    read_labels(path)?.into_iter().enumerate().map(narrow).collect()
}

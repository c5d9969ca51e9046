//! Writing NPY files.

use crate::error::{Error, Result};
use crate::files::write_atomic;
use crate::matrix::Matrix;
use npyz::{DType, Serialize, TypeStr, WriteOptions, WriterBuilder};
use std::path::Path;

/// Writes a matrix, n_samples x n_features, as little-endian 4-byte floats; if it has offsets, the
/// values themselves as 8-byte floats.
///
/// # Errors
/// [`Error::Write`] naming `path`.
pub fn write_matrix(path: impl AsRef<Path>, matrix: &Matrix) -> Result<()> {
    let shape = [matrix.n_samples() as u64, matrix.n_features() as u64];
    let Some(offsets) = matrix.offsets() else { return write_f32(path, matrix.as_slice(), &shape) };
    let whole = |row: &[f32]| {
        row.iter()
            .zip(offsets)
            .map(|(&value, offset)| f64::from(value) + offset)
            .collect::<Vec<_>>()
    };
    let values: Vec<f64> = matrix.rows().flat_map(whole).collect();
    write(path.as_ref(), "<f8", &values, &shape, Some)
}

/// Writes `data`, row-major and of the given `shape`, as little-endian 4-byte floats. Infinite
/// values and NaN are written too.
///
/// # Errors
/// [`Error::Data`] if the data do not fill the shape; [`Error::Write`] naming `path`.
pub fn write_f32(path: impl AsRef<Path>, data: &[f32], shape: &[u64]) -> Result<()> {
    write(path.as_ref(), "<f4", data, shape, Some)
}

/// Writes labels, shape (n,), as little-endian 4-byte signed integers.
///
/// # Errors
/// [`Error::Data`] if a label is larger than 2,147,483,647; [`Error::Write`] naming `path`.
pub fn write_labels(path: impl AsRef<Path>, labels: &[u32]) -> Result<()> {
    write(path.as_ref(), "<i4", labels, &[labels.len() as u64], |label| i32::try_from(label).ok())
}

/// Writes clusters, shape (n,), -1 for noise, as little-endian 4-byte signed integers.
///
/// # Errors
/// [`Error::Write`] naming `path`.
pub fn write_clusters(path: impl AsRef<Path>, clusters: &[i32]) -> Result<()> {
    write(path.as_ref(), "<i4", clusters, &[clusters.len() as u64], Some)
}

/// Writes indices of rows, n x k and row-major, for example the neighbours of every row, as
/// little-endian 4-byte signed integers.
///
/// # Errors
/// [`Error::Data`] if there are not n * k indices or one is larger than 2,147,483,647;
/// [`Error::Write`] naming `path`.
pub fn write_indices(path: impl AsRef<Path>, indices: &[u32], n: usize, k: usize) -> Result<()> {
    write(path.as_ref(), "<i4", indices, &[n as u64, k as u64], |index| i32::try_from(index).ok())
}

/// Content before the values of a matrix of little-endian 4-byte floats.
///
/// # Errors
/// [`Error::Fault`] if it cannot be written.
pub(crate) fn matrix_head(n_samples: usize, n_features: usize) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    let dtype = DType::Plain("<f4".parse::<TypeStr>().expect("a constant of this file"));
    let shape = [n_samples as u64, n_features as u64];
    let begun = WriteOptions::<f32>::new().dtype(dtype).shape(&shape).writer(&mut head).begin_nd();
    begun.map(drop).map_err(|error| Error::Fault {
        message: format!("the header of an array cannot be written: {error}"),
        place: "npy::matrix_head".into(),
    })?;
    Ok(head)
}

fn write<T: Copy + std::fmt::Display, U: Serialize>(
    path: &Path,
    dtype: &str,
    data: &[T],
    shape: &[u64],
    convert: impl Fn(T) -> Option<U>,
) -> Result<()> {
    let product = shape.iter().try_fold(1_u64, |product, &dim| product.checked_mul(dim));
    if product != Some(data.len() as u64) {
        return Err(Error::Data(format!(
            "{}: {} values do not fill the shape {shape:?}",
            path.display(),
            data.len()
        )));
    }
    let too_large = |at: usize| {
        format!("{}: value {at} is {}, expected at most {}", path.display(), data[at], i32::MAX)
    };
    if let Some(at) = data.iter().position(|&value| convert(value).is_none()) {
        return Err(Error::Data(too_large(at)));
    }
    let dtype = DType::Plain(dtype.parse::<TypeStr>().expect("a constant of this file"));
    write_atomic(path, |out| {
        let mut writer = WriteOptions::new().dtype(dtype).shape(shape).writer(out).begin_nd()?;
        writer.extend(data.iter().flat_map(|&value| convert(value)))?;
        writer.finish()
    })
}

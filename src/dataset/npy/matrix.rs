//! Reading a matrix from an NPY file.

use super::read::Array;
use crate::dataset::values::{Kind, Stored};
use crate::digits::{Rounding, SAMPLE_ROWS, Wide, lossy};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use npyz::{Deserialize, Order, TypeChar};
use rayon::prelude::*;
use std::fmt::Debug;
use std::path::Path;

/// Number of bytes of such columns that are processed together.
const TOGETHER: usize = 64 << 20;

/// Reads points, n_samples x n_features, in C or Fortran order, of floats of 2, 4 or 8 bytes or of
/// integers of 1 to 8 bytes in either byte order, or of booleans, as 0 and 1. Every value is
/// rounded to the nearest `f32`; if that would make different values of a column equal, a number is
/// first subtracted from the whole column ([`Matrix::offsets`]), which changes no distance.
///
/// # Errors
/// [`Error::Input`] naming `path` if it cannot be read, is not an NPY file, is truncated or too
/// long, has another number of dimensions, no rows or no columns, another type of values, a value
/// that is NaN, infinite or beyond the range of `f32` (its row and column are named, counted from
/// 0), or a column whose digits cannot be kept.
pub fn read_matrix(path: impl AsRef<Path>) -> Result<Matrix> {
    let path = path.as_ref();
    let (matrix, suspects) = read(path, None)?;
    if suspects.is_empty() {
        return Ok(matrix);
    }
    let (n, d) = (matrix.n_samples(), matrix.n_features());
    let mut data = matrix.into_vec();
    let mut offsets = vec![0.0; d];
    for columns in suspects.chunks((TOGETHER / (size_of::<Wide>() * n)).max(1)) {
        let values = columns_of(path, columns)?;
        let roundings: Vec<Rounding> =
            values.par_iter().map(|values| Rounding::of(values.clone())).collect();
        for ((&column, values), rounding) in columns.iter().zip(&values).zip(roundings) {
            match rounding {
                Rounding::Fine => {}
                Rounding::Less(offset) => {
                    offsets[column] = offset;
                    let kept = data.iter_mut().skip(column).step_by(d);
                    kept.zip(values).for_each(|(kept, value)| *kept = value.less(offset) as f32);
                }
                Rounding::Lossy { lost, different } => {
                    return Err(Error::input(path, lossy(column, lost, different)));
                }
            }
        }
    }
    Matrix::new(data, n, d)?.with_offsets(offsets)
}

/// Reads points to be compared with those of `fitted`: the same number is subtracted from each
/// column. Points with another number of columns are read unchanged, for the caller to refuse.
///
/// # Errors
/// Those of [`read_matrix`], except for lost digits.
pub fn read_matrix_like(path: impl AsRef<Path>, fitted: &Matrix) -> Result<Matrix> {
    read_matrix_less(path, fitted.offsets())
}

/// Reads points and subtracts the given offset of each column, if any, as [`read_matrix_like`]
/// does.
///
/// # Errors
/// Those of [`read_matrix_like`].
pub fn read_matrix_less(path: impl AsRef<Path>, offsets: Option<&[f64]>) -> Result<Matrix> {
    let path = path.as_ref();
    let d = shape(&Array::open(path)?)?.1;
    let zeros = vec![0.0; d];
    let offsets = offsets.filter(|offsets| offsets.len() == d);
    let (matrix, _) = read(path, Some(offsets.unwrap_or(&zeros)))?;
    match offsets {
        Some(offsets) => matrix.with_offsets(offsets.to_vec()),
        None => Ok(matrix),
    }
}

/// Reads values whose absolute size matters, for example probabilities: each is rounded, nothing is
/// subtracted.
///
/// # Errors
/// Those of [`read_matrix`], except for lost digits.
pub fn read_values(path: impl AsRef<Path>) -> Result<Matrix> {
    read_matrix_less(path, None)
}

/// Number of rows of a matrix, from the header of its file alone.
///
/// # Errors
/// [`Error::Input`] naming `path` if it cannot be read or is not a matrix.
pub(crate) fn n_rows(path: &Path) -> Result<usize> {
    shape(&Array::open(path)?).map(|(n_samples, _)| n_samples)
}

/// Number of rows and columns.
fn shape(array: &Array) -> Result<(usize, usize)> {
    match *array.header.shape() {
        // The sizes fit in memory: that many values are in the file.
        [n_samples, n_features] if n_samples > 0 && n_features > 0 => {
            Ok((n_samples as usize, n_features as usize))
        }
        [_, _] => Err(array.error(format!(
            "has shape {}, expected at least one row and one column",
            array.shape()
        ))),
        _ => {
            Err(array
                .error(format!("has shape {}, expected n_samples x n_features", array.shape())))
        }
    }
}

/// The rounded values and, unless offsets are given, the columns that may lose digits.
fn read(path: &Path, offsets: Option<&[f64]>) -> Result<(Matrix, Vec<usize>)> {
    let array = Array::open(path)?;
    let (n, d) = shape(&array)?;
    let mut data = vec![0.0_f32; n * d];
    let narrow = matches!(array.value_type(), Some((_, 1 | 2) | (TypeChar::Float, 4)));
    let sampled = if narrow || offsets.is_some() { 0 } else { n.min(SAMPLE_ROWS) };
    let step = n.div_ceil(sampled.max(1));
    let mut is_exact = vec![true; d];
    let mut largest = vec![0.0_f64; d];
    let mut samples: Vec<Vec<Wide>> =
        vec![Vec::with_capacity(if sampled > 0 { n.div_ceil(step) } else { 0 }); d];
    each(array, |row, column, value| {
        let rounded =
            offsets.map_or_else(|| value.less(0.0), |offsets| value.less(offsets[column])) as f32;
        data[row * d + column] = rounded;
        if sampled > 0 {
            is_exact[column] &= value.is_exact();
            largest[column] = largest[column].max(value.less(0.0).abs());
            if row % step == 0 {
                samples[column].push(value);
            }
        }
        rounded.is_finite()
    })?;
    let inexact = samples
        .into_par_iter()
        .enumerate()
        .filter(|(column, sample)| !is_exact[*column] && !sample.is_empty());
    let suspects = inexact
        .filter_map(|(column, sample)| {
            Rounding::is_suspect(sample, largest[column]).then_some(column)
        })
        .collect();
    Ok((Matrix::new(data, n, d)?, suspects))
}

/// All values of some columns, in the order of the rows.
fn columns_of(path: &Path, columns: &[usize]) -> Result<Vec<Vec<Wide>>> {
    let array = Array::open(path)?;
    let (n, d) = shape(&array)?;
    let mut place = vec![None; d];
    columns.iter().enumerate().for_each(|(at, &column)| place[column] = Some(at));
    let mut values = vec![vec![Wide::default(); n]; columns.len()];
    each(array, |row, column, value| {
        if let Some(at) = place[column] {
            values[at][row] = value;
        }
        true
    })?;
    Ok(values)
}

/// Passes every value, with its row and column, to `is_good`, and refuses the first for which it is
/// `false`.
fn each(array: Array, is_good: impl FnMut(usize, usize, Wide) -> bool) -> Result<()> {
    match array.value_type() {
        Some((TypeChar::Float, 2)) => halves(array, is_good),
        Some((TypeChar::Float, 4)) => wide(array, |value: f32| f64::from(value).into(), is_good),
        Some((TypeChar::Float, 8)) => wide(array, |value: f64| value.into(), is_good),
        Some((TypeChar::Int, 1)) => wide(array, |value: i8| i64::from(value).into(), is_good),
        Some((TypeChar::Int, 2)) => wide(array, |value: i16| i64::from(value).into(), is_good),
        Some((TypeChar::Int, 4)) => wide(array, |value: i32| i64::from(value).into(), is_good),
        Some((TypeChar::Int, 8)) => wide(array, |value: i64| value.into(), is_good),
        Some((TypeChar::Uint, 1)) => wide(array, |value: u8| i64::from(value).into(), is_good),
        Some((TypeChar::Uint, 2)) => wide(array, |value: u16| i64::from(value).into(), is_good),
        Some((TypeChar::Uint, 4)) => wide(array, |value: u32| i64::from(value).into(), is_good),
        Some((TypeChar::Uint, 8)) => wide(array, |value: u64| value.into(), is_good),
        Some((TypeChar::Bool, 1)) => wide(array, |value: bool| i64::from(value).into(), is_good),
        _ => Err(array.wrong_type("f2, f4, f8, integers of 1, 2, 4 or 8 bytes or booleans")),
    }
}

fn wide<T: Deserialize + Copy + Debug>(
    array: Array,
    to_wide: fn(T) -> Wide,
    mut is_good: impl FnMut(usize, usize, Wide) -> bool,
) -> Result<()> {
    let path = array.path;
    let place = places(&array)?;
    for (at, value) in array.values::<T>()?.enumerate() {
        let (row, column) = place(at);
        let exact =
            value.map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
        if !is_good(row, column, to_wide(exact)) {
            return Err(not_finite(path, (row, column), &exact));
        }
    }
    Ok(())
}

/// The same for floats of two bytes, which npyz cannot read.
fn halves(array: Array, mut is_good: impl FnMut(usize, usize, Wide) -> bool) -> Result<()> {
    let path = array.path;
    let place = places(&array)?;
    let stored = Stored { kind: Kind::Float, size: 2, big: array.is_big() };
    for (at, bytes) in array.raw()?.chunks_exact(stored.size).enumerate() {
        let (row, column) = place(at);
        let value = stored.number(bytes);
        if !is_good(row, column, value.into()) {
            return Err(not_finite(path, (row, column), &value));
        }
    }
    Ok(())
}

/// Row and column of each value in the order of the file.
fn places(array: &Array) -> Result<impl Fn(usize) -> (usize, usize) + use<>> {
    let (n, d) = shape(array)?;
    let order = array.header.order();
    Ok(move |at| match order {
        Order::C => (at / d, at % d),
        Order::Fortran => (at % n, at / n),
    })
}

fn not_finite(path: &Path, (row, column): (usize, usize), value: &dyn Debug) -> Error {
    Error::input(
        path,
        format!(
            "row {row}, column {column} is {value:?}: every value must be finite in 32-bit floats"
        ),
    )
}

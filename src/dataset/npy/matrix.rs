//! Reading a matrix from an NPY file.

use super::read::Array;
use crate::dataset::values::{Kind, Stored};
use crate::digits::Wide;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::numbers::{Numbers, rounded_kept, rounded_less};
use npyz::{Deserialize, Order, TypeChar};
use std::fmt::Debug;
use std::io::Read;
use std::path::Path;

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
    rounded_kept(&MatrixFile::new(path.as_ref())?)
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
    let file = MatrixFile::new(path.as_ref())?;
    let d = file.shape.1;
    match offsets.filter(|offsets| offsets.len() == d) {
        Some(offsets) => rounded_less(&file, offsets),
        None => rounded_less(&file, &vec![0.0; d]),
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
pub(in crate::dataset) fn shape<R: Read>(array: &Array<'_, R>) -> Result<(usize, usize)> {
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

/// A file of a matrix.
struct MatrixFile<'a> {
    path: &'a Path,
    shape: (usize, usize),
    is_narrow: bool,
}

impl<'a> MatrixFile<'a> {
    fn new(path: &'a Path) -> Result<Self> {
        let array = Array::open(path)?;
        let is_narrow = matches!(array.value_type(), Some((_, 1 | 2) | (TypeChar::Float, 4)));
        Ok(Self { path, shape: shape(&array)?, is_narrow })
    }
}

impl Numbers for MatrixFile<'_> {
    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn is_narrow(&self) -> bool {
        self.is_narrow
    }

    fn each(&self, is_good: impl FnMut(usize, usize, Wide) -> bool) -> Result<()> {
        each(Array::open(self.path)?, is_good)
    }

    fn error(&self, message: String) -> Error {
        Error::input(self.path, message)
    }
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

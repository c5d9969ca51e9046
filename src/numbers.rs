//! Points from numbers of any type, from memory or from a file: rounded to `f32` so that no column
//! loses its digits.

use crate::digits::{Rounding, Wide, lossy};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use rayon::prelude::*;

/// Number of rows from which it is decided whether a whole column has to be examined.
const SAMPLE_ROWS: usize = 4096;
/// Number of bytes of such columns that are examined together.
const TOGETHER: usize = 64 << 20;

/// Numbers of points, n_samples x n_features, that can be passed over several times.
pub(crate) trait Numbers {
    /// Number of rows and columns.
    fn shape(&self) -> (usize, usize);

    /// `true` if an `f32` holds every number of their type.
    fn is_narrow(&self) -> bool;

    /// Passes every number, with its row and column, to `is_good`.
    ///
    /// # Errors
    /// Naming the first number for which it is `false`.
    fn each(&self, is_good: impl FnMut(usize, usize, Wide) -> bool) -> Result<()>;

    /// Error about a column.
    fn error(&self, message: String) -> Error {
        Error::Data(message)
    }
}

/// Numbers in memory, row after row.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// Floats of 64 bits.
    F64(&'a [f64]),
    /// Signed integers.
    I64(&'a [i64]),
    /// Unsigned integers.
    U64(&'a [u64]),
}

impl Values<'_> {
    fn len(&self) -> usize {
        match self {
            Self::F64(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::U64(values) => values.len(),
        }
    }
}

/// Points from memory, n_samples x n_features: every value is rounded to the nearest `f32`; if that
/// would make different values of a column equal, a number is first subtracted from the whole
/// column ([`Matrix::offsets`]), which changes no distance. With `offsets`, one a column, these are
/// subtracted instead: those of fitted points from new ones.
///
/// # Errors
/// [`Error::Data`] if the number of values is not n_samples x n_features, if one is not finite or
/// beyond the range of `f32` (its row and column are named, counted from 0), or naming a column
/// whose digits cannot be kept.
pub fn rounded(
    values: Values<'_>,
    (n_samples, n_features): (usize, usize),
    offsets: Option<&[f64]>,
) -> Result<Matrix> {
    rounded_rows(values, (n_samples, n_features), 0, offsets)
}

/// The same of rows of which the first has the number `first_row` in messages.
///
/// # Errors
/// Those of [`rounded`].
pub(crate) fn rounded_rows(
    values: Values<'_>,
    (n_samples, n_features): (usize, usize),
    first_row: usize,
    offsets: Option<&[f64]>,
) -> Result<Matrix> {
    let found = values.len();
    if n_features == 0 || Some(found) != n_samples.checked_mul(n_features) {
        return Err(Error::Data(format!(
            "{found} values do not make a {n_samples} x {n_features} matrix"
        )));
    }
    let numbers = InMemory { values, n_samples, n_features, first_row };
    match offsets {
        Some(offsets) => rounded_less(&numbers, offsets),
        None => rounded_kept(&numbers),
    }
}

/// Points from numbers; from each column the offset is subtracted that keeps its digits.
///
/// # Errors
/// Those of [`Numbers::each`], and naming a column whose digits cannot be kept.
pub(crate) fn rounded_kept(numbers: &impl Numbers) -> Result<Matrix> {
    let (matrix, suspects) = read(numbers, None)?;
    if suspects.is_empty() {
        return Ok(matrix);
    }
    let (n, d) = numbers.shape();
    let mut data = matrix.into_vec();
    let mut offsets = vec![0.0; d];
    for columns in suspects.chunks((TOGETHER / (size_of::<Wide>() * n)).max(1)) {
        let values = columns_of(numbers, columns)?;
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
                    return Err(numbers.error(lossy(column, lost, different)));
                }
            }
        }
    }
    Matrix::new(data, n, d)?.with_offsets(offsets)
}

/// Points from numbers, less the offset of each column.
///
/// # Errors
/// Those of [`Numbers::each`]; [`Error::Data`] if there is not one offset a column.
pub(crate) fn rounded_less(numbers: &impl Numbers, offsets: &[f64]) -> Result<Matrix> {
    let d = numbers.shape().1;
    if offsets.len() != d {
        return Err(numbers.error(format!("{} offsets for {d} columns", offsets.len())));
    }
    read(numbers, Some(offsets))?.0.with_offsets(offsets.to_vec())
}

/// The rounded values and, unless offsets are given, the columns that may lose digits.
fn read(numbers: &impl Numbers, offsets: Option<&[f64]>) -> Result<(Matrix, Vec<usize>)> {
    let (n, d) = numbers.shape();
    let mut data = vec![0.0_f32; n * d];
    let sampled = if numbers.is_narrow() || offsets.is_some() { 0 } else { n.min(SAMPLE_ROWS) };
    let step = n.div_ceil(sampled.max(1));
    let mut is_exact = vec![true; d];
    let mut largest = vec![0.0_f64; d];
    let mut samples: Vec<Vec<Wide>> =
        vec![Vec::with_capacity(if sampled > 0 { n.div_ceil(step) } else { 0 }); d];
    numbers.each(|row, column, value| {
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
fn columns_of(numbers: &impl Numbers, columns: &[usize]) -> Result<Vec<Vec<Wide>>> {
    let (n, d) = numbers.shape();
    let mut place = vec![None; d];
    columns.iter().enumerate().for_each(|(at, &column)| place[column] = Some(at));
    let mut values = vec![vec![Wide::default(); n]; columns.len()];
    numbers.each(|row, column, value| {
        if let Some(at) = place[column] {
            values[at][row] = value;
        }
        true
    })?;
    Ok(values)
}

struct InMemory<'a> {
    values: Values<'a>,
    n_samples: usize,
    n_features: usize,
    first_row: usize,
}

impl InMemory<'_> {
    fn pass<T: Copy + Into<Wide> + std::fmt::Display>(
        &self,
        values: &[T],
        mut is_good: impl FnMut(usize, usize, Wide) -> bool,
    ) -> Result<()> {
        for (row, values) in values.chunks_exact(self.n_features).enumerate() {
            for (column, &value) in values.iter().enumerate() {
                if !is_good(row, column, value.into()) {
                    let row = self.first_row + row;
                    return Err(Error::Data(format!(
                        "row {row}, column {column} is {value}: every value must be finite, and \
                         within the range of 32-bit floats"
                    )));
                }
            }
        }
        Ok(())
    }
}

impl Numbers for InMemory<'_> {
    fn shape(&self) -> (usize, usize) {
        (self.n_samples, self.n_features)
    }

    fn is_narrow(&self) -> bool {
        false
    }

    fn each(&self, is_good: impl FnMut(usize, usize, Wide) -> bool) -> Result<()> {
        match self.values {
            Values::F64(values) => self.pass(values, is_good),
            Values::I64(values) => self.pass(values, is_good),
            Values::U64(values) => self.pass(values, is_good),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_points_are_rounded_with_the_offsets_of_the_fitted_ones() {
        let stamps: Vec<i64> = (0..400).map(|row| (1 << 60) + 3 * row).collect();
        let fitted = rounded(Values::I64(&stamps), (400, 1), None).unwrap();
        let gap = fitted.row(7)[0] - fitted.row(5)[0];
        assert_eq!(gap, 6.0);
        let offsets = fitted.offsets().unwrap();
        let new = rounded(Values::I64(&stamps[5..8]), (3, 1), Some(offsets)).unwrap();
        assert_eq!(new.as_slice(), &fitted.as_slice()[5..8]);
        new.check_offsets(&fitted).unwrap();
    }

    #[test]
    fn numbers_that_no_matrix_holds_are_named() {
        let said = |values: &[f64], shape| {
            rounded(Values::F64(values), shape, None).unwrap_err().to_string()
        };
        assert!(said(&[0.0, 1.0, 2.0, 1e39], (2, 2)).contains("row 1, column 1 is 1000"));
        assert!(said(&[0.0, f64::NAN], (1, 2)).contains("row 0, column 1 is NaN"));
        assert!(said(&[0.0; 3], (2, 2)).contains("3 values do not make a 2 x 2 matrix"));
        let halves: Vec<f64> =
            (0..400).map(|row| 1e9 * f64::from(row % 2) + 0.01 * f64::from(row)).collect();
        assert!(said(&halves, (400, 1)).contains("column 0 needs more digits"));
    }
}

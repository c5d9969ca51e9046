//! The common data type of all modules: a finite, row-major matrix of `f32`.

use crate::error::{Error, Result};
use rayon::prelude::*;
use std::fmt::{Debug, Formatter};
use std::ops::Deref;
use std::sync::Arc;

/// Number of rows summed by one task of [`Matrix::column_means`].
const MEAN_ROWS: usize = 1024;

/// A row-major `n_samples` x `n_features` matrix whose every entry is finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    data: Values,
    n_samples: usize,
    n_features: usize,
    offsets: Option<Arc<[f64]>>,
}

impl Matrix {
    /// Makes a matrix of `data`, given in row-major order.
    ///
    /// # Errors
    /// [`Error::Data`] if the length is not `n_samples * n_features`, if there are no features, or
    /// if an entry is NaN or infinite (its row and column are named, counted from 0).
    pub fn new(data: Vec<f32>, n_samples: usize, n_features: usize) -> Result<Self> {
        Self::of(Values::Owned(data), n_samples, n_features)
    }

    /// The same of values that another owner keeps, which are not copied: those of an array of
    /// another program, for example. They must not change while the matrix is used.
    ///
    /// # Errors
    /// As [`Matrix::new`].
    pub fn shared(
        data: Arc<dyn AsRef<[f32]> + Send + Sync>,
        n_samples: usize,
        n_features: usize,
    ) -> Result<Self> {
        Self::of(Values::Shared(data), n_samples, n_features)
    }

    fn of(data: Values, n_samples: usize, n_features: usize) -> Result<Self> {
        if n_features == 0 || Some(data.len()) != n_samples.checked_mul(n_features) {
            return Err(Error::Data(format!(
                "{} values do not make a {n_samples} x {n_features} matrix",
                data.len()
            )));
        }
        if let Some(at) = data.iter().position(|value| !value.is_finite()) {
            let row = at / n_features;
            let column = at % n_features;
            return Err(Error::Data(format!(
                "row {row}, column {column} is {}: every value must be finite",
                data[at]
            )));
        }
        Ok(Self { data, n_samples, n_features, offsets: None })
    }

    /// `true` if another owner keeps the entries.
    pub fn is_shared(&self) -> bool {
        matches!(self.data, Values::Shared(_))
    }

    /// The same entries with one offset per column: the true value of an entry is the entry plus
    /// the offset of its column. Offsets that are all 0 are dropped.
    ///
    /// # Errors
    /// [`Error::Data`] if there is not exactly one finite offset per column.
    pub fn with_offsets(self, offsets: Vec<f64>) -> Result<Self> {
        if offsets.len() != self.n_features || offsets.iter().any(|offset| !offset.is_finite()) {
            return Err(Error::Data(format!(
                "{} offsets for {} columns",
                offsets.len(),
                self.n_features
            )));
        }
        let offsets =
            if offsets.iter().all(|&offset| offset == 0.0) { None } else { Some(offsets.into()) };
        Ok(Self { offsets, ..self })
    }

    /// The same entries with the offsets of `other`, which has as many columns.
    pub(crate) fn with_offsets_of(self, other: &Self) -> Self {
        Self { offsets: other.offsets.clone(), ..self }
    }

    /// Offset that was subtracted from each column so that the entries keep digits that single
    /// precision would lose; `None` if nothing was subtracted. Distances and variances equal those
    /// of the true values; angles about the origin do not.
    pub fn offsets(&self) -> Option<&[f64]> {
        self.offsets.as_deref()
    }

    /// Note for the user that lists the offset of each column; `None` if nothing was subtracted.
    /// `what` names the points.
    pub fn offsets_note(&self, what: &str) -> Option<String> {
        Some(offsets_note(what, self.offsets()?))
    }

    /// Refuses rows whose offsets differ from those of `fitted`.
    ///
    /// # Errors
    /// [`Error::Data`].
    pub fn check_offsets(&self, fitted: &Self) -> Result<()> {
        if self.offsets == fitted.offsets {
            return Ok(());
        }
        Err(Error::Data(
            "the new points and the fitted ones were read with different offsets: read both alike"
                .into(),
        ))
    }

    /// Number of rows.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Number of columns.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// All entries, row after row.
    pub fn as_slice(&self) -> &[f32] {
        &self.data
    }

    /// Row `i`.
    ///
    /// # Panics
    /// If `i >= n_samples`.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.data[i * self.n_features..][..self.n_features]
    }

    /// The rows, in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.data.chunks_exact(self.n_features)
    }

    /// A copy of the given rows, in the given order.
    ///
    /// # Panics
    /// If an index is out of range.
    pub fn select(&self, rows: &[usize]) -> Self {
        let data = Values::Owned(rows.iter().flat_map(|&i| self.row(i)).copied().collect());
        Self {
            data,
            n_samples: rows.len(),
            n_features: self.n_features,
            offsets: self.offsets.clone(),
        }
    }

    /// Mean of each column, summed in `f64` over fixed blocks of rows: the same bytes for any
    /// number of threads.
    pub fn column_means(&self) -> Vec<f32> {
        self.exact_column_means().into_iter().map(|mean| mean as f32).collect()
    }

    /// Mean of each column before rounding to `f32`.
    pub(crate) fn exact_column_means(&self) -> Vec<f64> {
        let rows = self
            .data
            .par_chunks(MEAN_ROWS * self.n_features)
            .map(|block| block.chunks_exact(self.n_features));
        self.means(rows.map(|rows| self.sums(rows)).collect(), self.n_samples)
    }

    /// Sum of the squared distances of each column's entries from its `centres`, over fixed blocks of
    /// rows.
    pub(crate) fn column_squares(&self, centres: &[f64]) -> Vec<f64> {
        let blocks = self.data.par_chunks(MEAN_ROWS * self.n_features);
        let parts: Vec<Vec<f64>> = blocks
            .map(|block| {
                let mut sums = vec![0.0; self.n_features];
                for row in block.chunks_exact(self.n_features) {
                    for ((sum, &value), centre) in sums.iter_mut().zip(row).zip(centres) {
                        *sum += (f64::from(value) - centre).powi(2);
                    }
                }
                sums
            })
            .collect();
        (0..self.n_features).map(|column| parts.iter().map(|sums| sums[column]).sum()).collect()
    }

    /// Mean of each column over these rows.
    pub(crate) fn column_means_of(&self, rows: &[usize]) -> Vec<f32> {
        let sums =
            rows.par_chunks(MEAN_ROWS).map(|rows| self.sums(rows.iter().map(|&row| self.row(row))));
        self.means(sums.collect(), rows.len()).into_iter().map(|mean| mean as f32).collect()
    }

    /// Sum of each column over the given rows.
    fn sums<'a>(&self, rows: impl Iterator<Item = &'a [f32]>) -> Vec<f64> {
        let mut sums = vec![0.0; self.n_features];
        for row in rows {
            sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        sums
    }

    /// Column means of `n` rows from the sums of parts of them.
    fn means(&self, parts: Vec<Vec<f64>>, n: usize) -> Vec<f64> {
        let total = |column: usize| parts.iter().map(|sums| sums[column]).sum::<f64>();
        (0..self.n_features).map(|column| total(column) / n.max(1) as f64).collect()
    }

    /// The entries in row-major order, without a copy unless another owner keeps them.
    pub fn into_vec(self) -> Vec<f32> {
        match self.data {
            Values::Owned(values) => values,
            Values::Shared(values) => (*values).as_ref().to_vec(),
        }
    }
}

/// Note for the user that lists these offsets, one a column; `what` names the points.
pub(crate) fn offsets_note(what: &str, offsets: &[f64]) -> String {
    const SHOWN: usize = 5;
    // Whole numbers with all their digits.
    let exact = |offset: f64| {
        if offset.fract() == 0.0 { format!("{offset:.0}") } else { offset.to_string() }
    };
    let columns: Vec<String> = (offsets.iter().enumerate())
        .filter(|(_, offset)| **offset != 0.0)
        .map(|(column, offset)| format!("{} from column {column}", exact(*offset)))
        .collect();
    let more = columns.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and so on from {more} more") } else { String::new() };
    let shown = columns[..columns.len().min(SHOWN)].join(", ");
    format!(
        "{what}: subtracted {shown}{more}, before rounding to 32-bit floats, which would not have \
         kept the digits; distances stay as they are"
    )
}

/// Values of a matrix, its own or those of another owner.
#[derive(Clone)]
enum Values {
    Owned(Vec<f32>),
    Shared(Arc<dyn AsRef<[f32]> + Send + Sync>),
}

impl Deref for Values {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Owned(values) => values,
            Self::Shared(values) => (**values).as_ref(),
        }
    }
}

impl Debug for Values {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(out)
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

/// Column of the largest value of a row; the first one if several are equal.
pub(crate) fn argmax<T: PartialOrd>(row: &[T]) -> usize {
    (1..row.len()).fold(0, |best, column| if row[column] > row[best] { column } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bad_entry_is_named() {
        let error = Matrix::new(vec![0.0, 1.0, 2.0, f32::NAN], 2, 2).unwrap_err();
        assert_eq!(error.to_string(), "row 1, column 1 is NaN: every value must be finite");
        assert!(Matrix::new(vec![0.0; 3], 2, 2).is_err());
    }

    #[test]
    fn values_of_another_owner_are_not_copied() {
        let owner: Arc<Vec<f32>> = Arc::new(vec![1.0, 2.0, 3.0, 4.0]);
        let matrix = Matrix::shared(owner.clone(), 2, 2).unwrap();
        assert_eq!(matrix.as_slice().as_ptr(), owner.as_ptr());
        assert_eq!(matrix.clone().as_slice().as_ptr(), owner.as_ptr());
        assert_eq!(matrix, Matrix::new(owner.to_vec(), 2, 2).unwrap());
        assert_eq!(matrix.row(1), [3.0, 4.0]);
        assert!(Matrix::shared(owner.clone(), 3, 2).is_err());
        assert!(Matrix::shared(Arc::new([0.0, f32::NAN]), 1, 2).is_err());
        assert_eq!(matrix.into_vec(), *owner);
    }
}

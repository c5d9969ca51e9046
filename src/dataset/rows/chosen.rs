//! Some rows of points in files that may be larger than memory: drawn at random, and read.

use super::{Batch, row_files, rows_together, with_rows};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::numbers::{Values, rounded};
use crate::random::Random;
use std::path::{Path, PathBuf};

/// Stream of the random numbers of [`draw_rows`].
const DRAW_STREAM: u64 = 0x6472_6177;

/// Points in a file, or in the files of a folder one after the other.
#[derive(Clone, Debug)]
pub struct PointFiles {
    /// The files with their numbers of rows.
    files: Vec<(PathBuf, usize)>,
    n_features: usize,
}

impl PointFiles {
    /// Looks into a file of points, or into all of a folder in the natural order of their names.
    ///
    /// # Errors
    /// [`Error::Input`] for a file that cannot be read, holds no points or has another number of
    /// columns than the first, and for a folder that holds other files too.
    pub fn open(path: &Path) -> Result<Self> {
        let paths = if path.is_dir() {
            let found = row_files(path)?;
            if !found.others.is_empty() {
                let message = format!("holds files of other kinds: {}", found.others.join(", "));
                return Err(Error::input(path, message));
            }
            found.files
        } else {
            vec![path.to_owned()]
        };
        let mut n_features = 0;
        let mut files: Vec<(PathBuf, usize)> = Vec::with_capacity(paths.len());
        for path in paths {
            let (n, d) = with_rows(&path, None, |rows| Ok((rows.n_samples(), rows.n_features())))?;
            if let Some((first, _)) = files.first().filter(|_| d != n_features) {
                let message = format!("has {d} columns, {} has {n_features}", first.display());
                return Err(Error::input(&path, message));
            }
            n_features = d;
            files.push((path, n));
        }
        Ok(Self { files, n_features })
    }

    /// The files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(path, _)| path.as_path())
    }

    /// Number of rows of all files.
    pub fn n_samples(&self) -> usize {
        self.files.iter().map(|(_, n)| n).sum()
    }

    /// Number of columns.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// The file of a row, and the row's number in it.
    pub fn place(&self, row: usize) -> (&Path, usize) {
        let mut first = 0;
        for (path, n) in &self.files {
            if row < first + n {
                return (path, row - first);
            }
            first += n;
        }
        panic!("there are {first} rows, none with the number {row}")
    }

    /// The `fitted` rows, rounded so that no column loses its digits, and the `other` ones, less the
    /// same offsets; both ascending. Every row is looked at once.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file, the row and the column of a value, of any row, that is
    /// missing, not finite or beyond the range of `f32`; [`Error::Data`] naming a column whose
    /// digits cannot be kept.
    pub fn pick(&self, fitted: &[usize], other: &[usize]) -> Result<[Matrix; 2]> {
        let mut picked = [fitted, other].map(|rows| Picked::new(rows, self.n_features));
        let mut first = 0;
        for (path, n) in &self.files {
            let mut at = first;
            with_rows(path, None, |rows| {
                // Rounded, every value has been looked at.
                while let Some((rounded, batch)) = rows.next_rows(rows_together(self.n_features))? {
                    let n_rows = rounded.n_samples();
                    for set in &mut picked {
                        set.take(&batch, at, n_rows)
                            .map_err(|message| Error::input(path, message))?;
                    }
                    at += n_rows;
                }
                Ok(())
            })?;
            first += n;
        }
        let [fitted, other] = picked;
        let fitted = fitted.rounded(None)?;
        let offsets = fitted.offsets().map_or_else(|| vec![0.0; self.n_features], <[f64]>::to_vec);
        let other = other.rounded(Some(&offsets))?;
        Ok([fitted, other])
    }

    /// Passes all rows to `work`, some at a time, each time with the number of the first among all
    /// rows, and in its file.
    ///
    /// # Errors
    /// Those of [`super::Rows::read`]; whatever the work returns, an [`Error::Data`] with the file.
    pub fn each(
        &self,
        offsets: Option<&[f64]>,
        mut work: impl FnMut(usize, usize, Matrix) -> Result<()>,
    ) -> Result<()> {
        let mut first = 0;
        for (path, n) in &self.files {
            with_rows(path, offsets, |rows| {
                let mut at = 0;
                while let Some(batch) = rows.read(rows_together(self.n_features))? {
                    let n = batch.n_samples();
                    work(first + at, at, batch).map_err(|error| error.of_file(path))?;
                    at += n;
                }
                Ok(())
            })?;
            first += n;
        }
        Ok(())
    }
}

/// The rows that are wanted of those that pass by.
struct Picked<'a> {
    rows: &'a [usize],
    n_features: usize,
    /// How many of them have passed.
    n: usize,
    values: Option<Batch>,
}

impl<'a> Picked<'a> {
    fn new(rows: &'a [usize], n_features: usize) -> Self {
        Self { rows, n_features, n: 0, values: None }
    }

    /// Takes the wanted ones of the `n` rows from `first` on; says what is wrong with their type.
    fn take(&mut self, batch: &Batch, first: usize, n: usize) -> std::result::Result<(), String> {
        let d = self.n_features;
        let end = self.n + self.rows[self.n..].partition_point(|&row| row < first + n);
        let rows = self.rows[self.n..end].iter().map(|row| row - first);
        self.n = end;
        let known = self.values.get_or_insert_with(|| batch.empty());
        match (known, batch) {
            (Batch::F64(known), Batch::F64(values)) => copy(known, values, rows, d),
            (Batch::I64(known), Batch::I64(values)) => copy(known, values, rows, d),
            (Batch::U64(known), Batch::U64(values)) => copy(known, values, rows, d),
            (known, _) => {
                let (found, expected) = (batch.type_name(), known.type_name());
                return Err(format!("holds {found}, the files before it hold {expected}"));
            }
        }
        Ok(())
    }

    fn rounded(&self, offsets: Option<&[f64]>) -> Result<Matrix> {
        let values = self.values.as_ref().map_or(Values::F64(&[]), Batch::values);
        rounded(values, (self.rows.len(), self.n_features), offsets)
    }
}

/// Appends rows of `d` values.
fn copy<T: Copy>(known: &mut Vec<T>, values: &[T], rows: impl Iterator<Item = usize>, d: usize) {
    rows.for_each(|row| known.extend_from_slice(&values[row * d..][..d]));
}

/// Rows to fit a map to, `n_fitted` of `n` drawn by `seed`, and up to `n_other` of the rest to
/// measure it by; both ascending. With the `classes` of all rows, the fitted rows are as many of
/// each class as there are, while they fill `n_fitted`; else every row is as likely as any other,
/// which keeps the density of the points.
///
/// # Errors
/// [`Error::Parameter`] unless `n_fitted` is from 1 to below `n`.
pub fn draw_rows(
    n: usize,
    n_fitted: usize,
    n_other: usize,
    classes: Option<&[u16]>,
    seed: u64,
) -> Result<[Vec<usize>; 2]> {
    if !(1..n).contains(&n_fitted) {
        let expected = format!("expected fewer than the {n} rows, and at least 1");
        return Err(Error::parameter("fit_sample", n_fitted, expected));
    }
    let order = Random::new(seed, DRAW_STREAM).permutation(n);
    let (mut fitted, mut rest): (Vec<usize>, Vec<usize>) = match classes {
        None => (order[..n_fitted].to_vec(), order[n_fitted..].to_vec()),
        Some(classes) => {
            let mut left = quotas(classes, n_fitted);
            order.into_iter().partition(|&row| {
                let left = &mut left[usize::from(classes[row])];
                let is_taken = *left > 0;
                *left -= usize::from(is_taken);
                is_taken
            })
        }
    };
    rest.truncate(n_other);
    fitted.sort_unstable();
    rest.sort_unstable();
    Ok([fitted, rest])
}

/// How many rows of each class make `wanted`: equal numbers, but for classes that have fewer, whose
/// share goes to the others.
fn quotas(classes: &[u16], wanted: usize) -> Vec<usize> {
    let n_classes = classes.iter().max().map_or(0, |&most| usize::from(most) + 1);
    let mut counts = vec![0; n_classes];
    classes.iter().for_each(|&class| counts[usize::from(class)] += 1);
    let mut by_size: Vec<usize> = (0..n_classes).collect();
    by_size.sort_by_key(|&class| counts[class]);
    let mut quotas = vec![0; n_classes];
    let mut left = wanted;
    for (at, class) in by_size.into_iter().enumerate() {
        // Of the largest classes some have one more, so that all rows are given out.
        quotas[class] = counts[class].min(left / (n_classes - at));
        left -= quotas[class];
    }
    quotas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_share_the_rows_equally_as_far_as_they_have_them() {
        let classes: Vec<u16> = [0; 50].into_iter().chain([1; 3]).chain([2; 40]).collect();
        assert_eq!(quotas(&classes, 23), [10, 3, 10]);
        assert_eq!(quotas(&classes, 24), [11, 3, 10]);
        assert_eq!(quotas(&classes, 92), [49, 3, 40]);
        let [fitted, other] = draw_rows(93, 23, 9, Some(&classes), 1).unwrap();
        let of = |class: u16| fitted.iter().filter(|&&row| classes[row] == class).count();
        assert_eq!([0, 1, 2].map(of), [10, 3, 10]);
        assert_eq!(other.len(), 9);
        assert!(other.iter().all(|row| !fitted.contains(row)));
    }

    #[test]
    fn every_row_is_drawn_as_often_as_any_other() {
        let mut drawn = [0; 10];
        for seed in 0..2000 {
            let [fitted, other] = draw_rows(10, 3, 100, None, seed).unwrap();
            assert_eq!((fitted.len(), other.len()), (3, 7));
            assert!(fitted.is_sorted() && other.is_sorted());
            fitted.iter().for_each(|&row| drawn[row] += 1);
        }
        // Binomial with mean 600 and standard deviation 20: five of them.
        assert!(drawn.iter().all(|&times| (500..700).contains(&times)), "{drawn:?}");
        assert!(draw_rows(10, 10, 0, None, 1).is_err() && draw_rows(10, 0, 0, None, 1).is_err());
    }
}

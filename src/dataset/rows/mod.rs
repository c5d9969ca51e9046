//! Points read a few rows at a time, from files that may be larger than memory: NPY, NPZ and
//! Parquet.

mod npy_rows;
mod parquet_columns;

use crate::archive::member;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::numbers::{Values, rounded_rows};
use memmap2::Mmap;
use npy_rows::NpyRows;
use parquet_columns::ParquetColumns;
use rawzip::ZipArchive;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Endings of the files that can be read row by row.
pub const ENDINGS: [&str; 3] = ["npy", "npz", "parquet"];

/// Numbers of some rows, one row after the other.
enum Batch {
    F64(Vec<f64>),
    I64(Vec<i64>),
    U64(Vec<u64>),
}

/// A file of which the next rows can be read.
trait Source {
    /// Number of rows and columns.
    fn shape(&self) -> (usize, usize);

    /// The next `n` rows; there are as many.
    fn read(&mut self, n: usize) -> Result<Batch>;

    /// Leaves out the next `n` rows; there are as many.
    fn skip(&mut self, n: usize) -> Result<()>;
}

/// The rows of a file, in order.
pub struct Rows<'a> {
    path: &'a Path,
    source: Box<dyn Source + 'a>,
    offsets: Vec<f64>,
    has_offsets: bool,
    next: usize,
}

impl Rows<'_> {
    /// Number of rows of the file.
    pub fn n_samples(&self) -> usize {
        self.source.shape().0
    }

    /// Number of columns.
    pub fn n_features(&self) -> usize {
        self.source.shape().1
    }

    /// The next rows, at most `most` of them; none after the last.
    ///
    /// # Errors
    /// [`Error::Input`] naming the row, counted from 0 in the file, and the column of a value that is
    /// missing, not finite or beyond the range of `f32`; or for damage.
    pub fn read(&mut self, most: usize) -> Result<Option<Matrix>> {
        let (n_samples, d) = self.source.shape();
        let n = most.min(n_samples - self.next);
        if n == 0 {
            return Ok(None);
        }
        let batch = self.source.read(n)?;
        let values = match &batch {
            Batch::F64(values) => Values::F64(values),
            Batch::I64(values) => Values::I64(values),
            Batch::U64(values) => Values::U64(values),
        };
        let rows = rounded_rows(values, (n, d), self.next, Some(&self.offsets));
        self.next += n;
        let rows = rows.map_err(|error| error.of_file(self.path))?;
        // Those of a file without offsets are zeros, which a matrix does not keep.
        debug_assert!(self.has_offsets || rows.offsets().is_none());
        Ok(Some(rows))
    }

    /// Leaves out the next `n` rows, or all that are left.
    ///
    /// # Errors
    /// [`Error::Input`] for damage.
    pub fn skip(&mut self, n: usize) -> Result<()> {
        let n = n.min(self.n_samples() - self.next);
        self.next += n;
        self.source.skip(n)
    }
}

/// Opens a file of points, and does the work with its rows. The `offsets` are those of the columns of
/// fitted points: see [`Matrix::offsets`].
///
/// # Errors
/// [`Error::Input`] if the file cannot be read, holds no matrix of numbers, or not as many columns
/// as there are offsets; whatever the work returns.
pub fn with_rows<T>(
    path: &Path,
    offsets: Option<&[f64]>,
    work: impl FnOnce(&mut Rows<'_>) -> Result<T>,
) -> Result<T> {
    let unreadable = |error: std::io::Error| Error::input(path, format!("cannot be read: {error}"));
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let begin = |source: Box<dyn Source + '_>| {
        let d = source.shape().1;
        let zeros = vec![0.0; d];
        let has_offsets = offsets.is_some();
        let offsets = offsets.map_or(zeros, <[f64]>::to_vec);
        if offsets.len() != d {
            let expected = offsets.len();
            return Err(Error::input(path, format!("has {d} columns, expected {expected}")));
        }
        work(&mut Rows { path, source, offsets, has_offsets, next: 0 })
    };
    match ending.as_str() {
        "npz" => {
            let damaged = |error: rawzip::Error| {
                Error::input(path, format!("is no archive, or a damaged one: {error}"))
            };
            let file = File::open(path).map_err(unreadable)?;
            // SAFETY: the file is only read; whoever changes it meanwhile changes what is read, as
            // with any file, and a reader of bytes bears any.
            let bytes = unsafe { Mmap::map(&file) }.map_err(unreadable)?;
            let archive = ZipArchive::from_slice(&bytes[..]).map_err(damaged)?;
            let mut entries = archive.entries();
            let mut names = Vec::new();
            let mut found = None;
            while let Some(entry) = entries.next_entry().map_err(damaged)? {
                names.push(String::from_utf8_lossy(entry.file_path().as_ref()).into_owned());
                found.get_or_insert(entry);
            }
            let ([name], Some(entry)) = (&names[..], found) else {
                let listed = names.join(", ");
                let message = format!("holds {} arrays, expected one: {listed}", names.len());
                return Err(Error::input(path, message));
            };
            let len = entry.uncompressed_size_hint();
            let called = path.join(name);
            let reader = member(&archive, &entry, name, &called, damaged)?;
            begin(Box::new(NpyRows::new(path, reader, len)?))
        }
        "parquet" => begin(Box::new(ParquetColumns::open(path)?)),
        // As all readers of arrays take a file, whatever its name.
        _ => {
            let file = File::open(path).map_err(unreadable)?;
            let len = file.metadata().map_err(unreadable)?.len();
            begin(Box::new(NpyRows::new(path, BufReader::with_capacity(1 << 20, file), len)?))
        }
    }
}

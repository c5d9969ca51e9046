//! Points read a few rows at a time, from files that may be larger than memory: NPY, NPZ and
//! Parquet.

mod chosen;
mod npy_rows;
mod parquet_columns;

pub use chosen::{PointFiles, draw_rows};

use super::listing::entries;
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
use std::path::{Path, PathBuf};

/// Endings of the files that can be read row by row.
pub const ENDINGS: [&str; 3] = ["npy", "npz", "parquet"];

/// Number of rows of so many columns to read together: in `f32` about 64 MiB, and at least 4096.
pub fn rows_together(n_features: usize) -> usize {
    const BYTES: usize = 64 << 20;
    const FEWEST: usize = 4096;
    (BYTES / (size_of::<f32>() * n_features)).max(FEWEST)
}

/// Numbers of some rows, one row after the other.
enum Batch {
    F64(Vec<f64>),
    I64(Vec<i64>),
    U64(Vec<u64>),
}

impl Batch {
    fn values(&self) -> Values<'_> {
        match self {
            Self::F64(values) => Values::F64(values),
            Self::I64(values) => Values::I64(values),
            Self::U64(values) => Values::U64(values),
        }
    }

    /// None of the same type.
    fn empty(&self) -> Self {
        match self {
            Self::F64(_) => Self::F64(Vec::new()),
            Self::I64(_) => Self::I64(Vec::new()),
            Self::U64(_) => Self::U64(Vec::new()),
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
            Self::F64(_) => "floats",
            Self::I64(_) => "64-bit integers",
            Self::U64(_) => "unsigned 64-bit integers",
        }
    }
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
        Ok(self.next_rows(most)?.map(|(rows, _)| rows))
    }

    /// The next rows, rounded and as they are stored.
    fn next_rows(&mut self, most: usize) -> Result<Option<(Matrix, Batch)>> {
        let (n_samples, d) = self.source.shape();
        let n = most.min(n_samples - self.next);
        if n == 0 {
            return Ok(None);
        }
        let batch = self.source.read(n)?;
        let rows = rounded_rows(batch.values(), (n, d), self.next, Some(&self.offsets));
        self.next += n;
        rows.map(|rows| Some((rows, batch))).map_err(|error| error.of_file(self.path))
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

/// The files of a folder.
#[derive(Clone, Debug)]
pub struct RowFiles {
    /// Those that can be read row by row, in the natural order of their names.
    pub files: Vec<PathBuf>,
    /// Names of the others, but for those that systems leave, such as `_SUCCESS`.
    pub others: Vec<String>,
}

/// The files of points in a folder.
///
/// # Errors
/// [`Error::Input`] if it cannot be read or holds none.
pub fn row_files(folder: &Path) -> Result<RowFiles> {
    let (mut files, mut others) = (Vec::new(), Vec::new());
    for entry in entries(folder)? {
        let ending = entry.path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if !entry.is_dir && ENDINGS.contains(&ending.as_str()) {
            files.push(entry.path);
        } else if !entry.name.starts_with('_') {
            others.push(entry.shown());
        }
    }
    if files.is_empty() {
        let message = format!("holds no files .{}", ENDINGS.join(", ."));
        return Err(Error::input(folder, message));
    }
    Ok(RowFiles { files, others })
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
        let offsets = offsets.map_or_else(|| vec![0.0; d], <[f64]>::to_vec);
        if offsets.len() != d {
            let expected = offsets.len();
            return Err(Error::input(path, format!("has {d} columns, expected {expected}")));
        }
        work(&mut Rows { path, source, offsets, next: 0 })
    };
    match ending.as_str() {
        "npz" => {
            let damaged = |error: rawzip::Error| {
                Error::input(path, format!("is no archive, or a damaged one: {error}"))
            };
            let file = File::open(path).map_err(unreadable)?;
            // SAFETY: the file is only read, and its reader bears any bytes. Whoever cuts it short
            // meanwhile ends this process, which leaves nothing but a partial file.
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

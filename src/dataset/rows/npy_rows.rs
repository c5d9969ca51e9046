//! Rows of an NPY file.

use super::{Batch, Source};
use crate::dataset::npy::{Array, shape};
use crate::dataset::values::{Kind, Stored};
use crate::error::{Error, Result};
use npyz::Order;
use std::io::{self, Read};
use std::path::Path;

/// An open file, positioned at a row.
pub(super) struct NpyRows<'a, R> {
    path: &'a Path,
    reader: R,
    shape: (usize, usize),
    stored: Stored,
    order: Order,
    /// All values of a file that stores columns, once a row is wanted: they cannot be read one by
    /// one.
    columns: Vec<f64>,
    next: usize,
}

impl<'a, R: Read> NpyRows<'a, R> {
    /// The array in the `len` bytes of a reader.
    ///
    /// # Errors
    /// [`Error::Input`] if it is no matrix of numbers.
    pub(super) fn new(path: &'a Path, reader: R, len: u64) -> Result<Self> {
        let array = Array::new(path, reader, len)?;
        let shape = shape(&array)?;
        let expected = "f2, f4, f8, integers of 1, 2, 4 or 8 bytes or booleans";
        let stored = array.stored().ok_or_else(|| array.wrong_type(expected))?;
        let order = array.header.order();
        let is_wide = stored.size == 8 && stored.kind != Kind::Float;
        if order == Order::Fortran && is_wide {
            let message = "holds columns of 64-bit integers one after the other; expected rows: \
                           numpy.ascontiguousarray makes such an array";
            return Err(array.error(message.into()));
        }
        let reader = array.into_reader();
        Ok(Self { path, reader, shape, stored, order, columns: Vec::new(), next: 0 })
    }

    fn failed(&self, error: &io::Error) -> Error {
        Error::input(self.path, format!("cannot be read: {error}"))
    }

    /// Reads all rows of a file that stores columns.
    fn read_columns(&mut self) -> Result<()> {
        let (n, d) = self.shape;
        let bytes = self.bytes(n)?;
        self.columns = vec![0.0; n * d];
        for (at, bytes) in bytes.chunks_exact(self.stored.size).enumerate() {
            self.columns[at % n * d + at / n] = self.stored.number(bytes);
        }
        Ok(())
    }

    /// Bytes of the next `n` rows.
    fn bytes(&mut self, n: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; n * self.shape.1 * self.stored.size];
        self.reader.read_exact(&mut bytes).map_err(|error| self.failed(&error))?;
        Ok(bytes)
    }
}

impl<R: Read> Source for NpyRows<'_, R> {
    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn read(&mut self, n: usize) -> Result<Batch> {
        let first = self.next * self.shape.1;
        self.next += n;
        if self.order == Order::Fortran {
            if self.columns.is_empty() {
                self.read_columns()?;
            }
            return Ok(Batch::F64(self.columns[first..][..n * self.shape.1].to_vec()));
        }
        let bytes = self.bytes(n)?;
        let stored = self.stored;
        let each = bytes.chunks_exact(stored.size);
        Ok(match (stored.kind, stored.size) {
            (Kind::Int, 8) => Batch::I64(each.map(|bytes| stored.integer(bytes) as i64).collect()),
            (Kind::Uint, 8) => Batch::U64(each.map(|bytes| stored.integer(bytes) as u64).collect()),
            _ => Batch::F64(each.map(|bytes| stored.number(bytes)).collect()),
        })
    }

    fn skip(&mut self, n: usize) -> Result<()> {
        self.next += n;
        if self.order == Order::Fortran {
            return Ok(());
        }
        let bytes = (n * self.shape.1 * self.stored.size) as u64;
        let copied = io::copy(&mut self.reader.by_ref().take(bytes), &mut io::sink());
        match copied {
            Ok(copied) if copied == bytes => Ok(()),
            Ok(_) => Err(Error::input(self.path, "ends before its last row")),
            Err(error) => Err(self.failed(&error)),
        }
    }
}

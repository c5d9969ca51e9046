//! Rows of a Parquet file: one column of lists of numbers, or a column of numbers a feature.

use super::{Batch, Source};
use crate::dataset::parquet_file::{damaged, open, unwound};
use crate::error::{Error, Result};
use crate::format::listed;
use parquet::basic::Type as Physical;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::SchemaDescriptor;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Kinds of the numbers that are read.
const NUMBERS: [Physical; 4] =
    [Physical::FLOAT, Physical::DOUBLE, Physical::INT32, Physical::INT64];
/// Whole numbers up to this one are `f64` too.
const LARGEST_WHOLE: i64 = 1 << 53;

/// A leaf of the schema with numbers.
struct Leaf {
    /// Index among the columns of the file.
    at: usize,
    name: String,
    /// Definition level of a value that is there; 0 if every one is.
    whole: i16,
}

/// An open file, positioned at a row.
pub(super) struct ParquetColumns {
    path: PathBuf,
    reader: SerializedFileReader<File>,
    leaves: Vec<Leaf>,
    /// `true` if the only leaf is a list of all features.
    is_list: bool,
    n_samples: usize,
    n_features: usize,
    /// The next group of rows, and what is left of the one that is open.
    group: usize,
    open: Vec<ColumnReader>,
    left: usize,
    /// Number of the next row.
    next: usize,
}

impl ParquetColumns {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Error::Input`] if it is no Parquet file, or has other columns than numbers.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let reader = open(path)?;
        let (leaves, is_list) = features(path, reader.metadata().file_metadata().schema_descr())?;
        let n_samples = reader.metadata().file_metadata().num_rows();
        let n_samples = usize::try_from(n_samples).unwrap_or(0);
        let n_features = leaves.len();
        let mut columns = Self {
            path: path.to_owned(),
            reader,
            leaves,
            is_list,
            n_samples,
            n_features,
            group: 0,
            open: Vec::new(),
            left: 0,
            next: 0,
        };
        if n_samples == 0 {
            return Err(Error::input(path, "has no rows, expected at least one"));
        }
        if is_list {
            columns.n_features = columns.first_length()?;
        }
        Ok(columns)
    }

    fn damaged(&self, what: &dyn std::fmt::Display) -> Error {
        damaged(&self.path, what)
    }

    /// Length of the first list.
    fn first_length(&self) -> Result<usize> {
        let mut column = self.column_of(0, &self.leaves[0])?;
        let found = self.records(&mut column, &self.leaves[0], 1, 0)?;
        match found.values.len() {
            0 => Err(Error::input(&self.path, format!("row 0 has no `{}`", self.leaves[0].name))),
            length => Ok(length),
        }
    }

    fn column_of(&self, group: usize, leaf: &Leaf) -> Result<ColumnReader> {
        unwound(&self.path, || {
            let group = self.reader.get_row_group(group).map_err(|error| self.damaged(&error))?;
            group.get_column_reader(leaf.at).map_err(|error| self.damaged(&error))
        })
    }

    /// The next `n` records of a column; the first is row `first` of the file.
    fn records(
        &self,
        column: &mut ColumnReader,
        leaf: &Leaf,
        n: usize,
        first: usize,
    ) -> Result<Records> {
        let mut read = || match column {
            ColumnReader::FloatColumnReader(reader) => typed(reader, n, f64::from),
            ColumnReader::DoubleColumnReader(reader) => typed(reader, n, |value| value),
            ColumnReader::Int32ColumnReader(reader) => typed(reader, n, f64::from),
            ColumnReader::Int64ColumnReader(reader) => typed(reader, n, exactly),
            _ => Err(ParquetError::General("a column of another type".into())),
        };
        let found = unwound(&self.path, || read().map_err(|error| self.damaged(&error)))?;
        let refused = |at: usize, what: &str| {
            let row = first + found.row_of(at);
            Error::input(&self.path, format!("row {row} {what}"))
        };
        // A level below the whole one is a null: of a value, a list, or an empty list.
        if let Some(at) = found.definitions.iter().position(|&level| level != leaf.whole) {
            return Err(refused(at, &format!("has no `{}`, or not all of it", leaf.name)));
        }
        if let Some(at) = found.values.iter().position(|value| !(*value as f32).is_finite()) {
            let what = format!(
                "has in `{}` a value that is not finite in 32-bit floats, or a whole number beyond \
                 2^53",
                leaf.name
            );
            return Err(refused(at, &what));
        }
        Ok(found)
    }

    /// Reads the next rows of the open group, at most `n`, to the end of `values`.
    fn read_open(&mut self, n: usize, values: &mut Vec<f64>) -> Result<usize> {
        if self.left == 0 {
            if self.group == self.reader.num_row_groups() {
                return Err(self.damaged(&"it ends before its last row"));
            }
            let group = self.group;
            let rows = self.reader.metadata().row_group(group).num_rows();
            self.left = usize::try_from(rows).unwrap_or(0);
            self.open = self
                .leaves
                .iter()
                .map(|leaf| self.column_of(group, leaf))
                .collect::<Result<_>>()?;
            self.group += 1;
        }
        let n = n.min(self.left);
        let d = self.n_features;
        let mut open = std::mem::take(&mut self.open);
        if self.is_list {
            let found = self.records(&mut open[0], &self.leaves[0], n, self.next)?;
            let starts: Vec<usize> = (0..found.repetitions.len())
                .filter(|&at| found.repetitions[at] == 0)
                .chain([found.repetitions.len()])
                .collect();
            let odd = starts.windows(2).position(|pair| pair[1] - pair[0] != d);
            if let Some(at) = odd {
                let (row, found) = (self.next + at, starts[at + 1] - starts[at]);
                let name = &self.leaves[0].name;
                let message = format!("row {row} has {found} numbers in `{name}`, others have {d}");
                return Err(Error::input(&self.path, message));
            }
            values.extend(found.values);
        } else {
            let start = values.len();
            values.resize(start + n * d, 0.0);
            for (at, (column, leaf)) in open.iter_mut().zip(&self.leaves).enumerate() {
                let found = self.records(column, leaf, n, self.next)?.values;
                if found.len() != n {
                    return Err(self.damaged(&format!("{} values in {n} rows", found.len())));
                }
                let slots = values[start + at..].iter_mut().step_by(d);
                slots.zip(found).for_each(|(slot, value)| *slot = value);
            }
        }
        self.open = open;
        self.left -= n;
        self.next += n;
        Ok(n)
    }
}

impl Source for ParquetColumns {
    fn shape(&self) -> (usize, usize) {
        (self.n_samples, self.n_features)
    }

    fn read(&mut self, n: usize) -> Result<Batch> {
        let mut values = Vec::with_capacity(n * self.n_features);
        let mut read = 0;
        while read < n {
            read += self.read_open(n - read, &mut values)?;
        }
        Ok(Batch::F64(values))
    }

    fn skip(&mut self, n: usize) -> Result<()> {
        // Read and dropped: whole groups are rarely left out.
        const TOGETHER: usize = 1 << 16;
        let mut left = n;
        while left > 0 {
            left -= self.read_open(left.min(TOGETHER), &mut Vec::new())?;
        }
        Ok(())
    }
}

/// The columns of the features, and `true` if that is one of lists.
fn features(path: &Path, schema: &SchemaDescriptor) -> Result<(Vec<Leaf>, bool)> {
    let (mut lists, mut flat, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for at in 0..schema.num_columns() {
        let column = schema.column(at);
        let name = column.path().parts().first().cloned().unwrap_or_default();
        let leaf = Leaf { at, name: name.clone(), whole: column.max_def_level() };
        match (NUMBERS.contains(&column.physical_type()), column.max_rep_level()) {
            (true, 1) => lists.push(leaf),
            (true, 0) => flat.push(leaf),
            _ => others.push(name),
        }
    }
    let message = match (lists.len(), flat.len()) {
        (1, _) => return Ok((lists, true)),
        (0, 1..) if others.is_empty() => return Ok((flat, false)),
        (0, 0) => "has no column of numbers: expected one of lists, or one a feature".into(),
        (0, _) => format!(
            "has columns that are no numbers: {}; leave them out, or put all features into one \
             column of lists",
            listed(&others)
        ),
        _ => {
            let names: Vec<String> = lists.into_iter().map(|leaf| leaf.name).collect();
            format!("has several columns of lists, expected one: {}", listed(&names))
        }
    };
    Err(Error::input(path, message))
}

/// Values of some records with their levels.
struct Records {
    values: Vec<f64>,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
}

impl Records {
    /// Number of the record of the value or null at a place: lists begin at repetition level 0.
    fn row_of(&self, at: usize) -> usize {
        if self.repetitions.is_empty() {
            return at;
        }
        self.repetitions[..=at].iter().filter(|&&level| level == 0).count() - 1
    }
}

fn typed<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    n: usize,
    number: impl Fn(T::T) -> f64,
) -> Result<Records, ParquetError>
where
    T::T: Copy,
{
    let (mut values, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    let mut read = 0;
    while read < n {
        let (records, ..) = reader.read_records(
            n - read,
            Some(&mut definitions),
            Some(&mut repetitions),
            &mut values,
        )?;
        if records == 0 {
            break;
        }
        read += records;
    }
    Ok(Records { values: values.into_iter().map(number).collect(), definitions, repetitions })
}

/// A whole number as a float, or NaN, which is refused, if it would lose digits.
fn exactly(value: i64) -> f64 {
    if (-LARGEST_WHOLE..=LARGEST_WHOLE).contains(&value) { value as f64 } else { f64::NAN }
}

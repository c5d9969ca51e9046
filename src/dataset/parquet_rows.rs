//! Rows of Parquet files of images and labels, as the Hub of Hugging Face keeps them: a column with
//! the files of the images, a column with the labels, and the names of the classes in the metadata.

use super::columns::{is_label, named};
use super::image_files::Encoded;
use super::labels::Values;
use super::parquet_file::{damaged, open, unwound};
use super::request::{LabelColumn, Request};
use crate::error::{Error, Result};
use crate::format::listed;
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::{SchemaDescriptor, TypePtr};
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Usual names of the column with the images.
const IMAGES: [&str; 3] = ["image", "img", "picture"];

/// Usual names of the column with the labels if there are several: the finest classes first.
const LABELS: [&str; 2] = ["label", "fine_label"];

/// Images and labels of one file, as many of each.
pub(super) struct Rows {
    pub images: Vec<Encoded>,
    pub labels: Values,
}

/// The two columns, and the names of the classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    image: String,
    /// Name of the column with the labels.
    pub label: String,
    /// Names of the classes, if the metadata have them.
    pub names: Option<Vec<String>>,
    /// Note about a choice among several columns of labels.
    pub note: Option<String>,
}

/// The columns of images and of labels of a file.
///
/// # Errors
/// [`Error::Input`] if the file cannot be read, is no Parquet file, or has no such columns, or
/// several of which none has a usual name; [`Error::Parameter`] if the requested column of labels
/// is not there.
pub(super) fn columns(path: &Path, request: &Request) -> Result<Columns> {
    unwound(path, || Table::open(path)?.columns(request))
}

/// All rows of a file.
///
/// # Errors
/// [`Error::Input`] naming the row without an image or a label, or for damage.
pub(super) fn rows(path: &Path, columns: &Columns) -> Result<Rows> {
    unwound(path, || Table::open(path)?.rows(columns))
}

/// An open file.
struct Table {
    path: PathBuf,
    reader: SerializedFileReader<File>,
    root: TypePtr,
}

impl Table {
    fn open(path: &Path) -> Result<Self> {
        let reader = open(path)?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let root = schema.root_schema_ptr();
        Ok(Self { path: path.to_owned(), reader, root })
    }

    fn columns(&self, request: &Request) -> Result<Columns> {
        let fields = self.root.get_fields();
        let names: Vec<String> = fields.iter().map(|field| field.name().to_owned()).collect();
        let refused = |expected: &str| {
            let found = listed(&names);
            Error::input(&self.path, format!("has {expected}; its columns are {found}"))
        };
        let images: Vec<&str> =
            fields.iter().filter(|field| holds_images(field)).map(|field| field.name()).collect();
        let image = match &images[..] {
            [] => return Err(refused("no column of images, expected a group with `bytes`")),
            [only] => only,
            several => IMAGES.iter().find(|name| several.contains(name)).ok_or_else(|| {
                refused("several columns of images, expected one of them to be called `image`")
            })?,
        };
        let features = self.features();
        let class_names = |column: &str| names_of(features.as_ref()?.get(column)?);
        let (label, note) = self.label(request, &names, &class_names)?;
        Ok(Columns { image: (*image).to_owned(), names: class_names(&label), label, note })
    }

    /// The column of labels, and a note if others are possible.
    fn label(
        &self,
        request: &Request,
        names: &[String],
        class_names: &dyn Fn(&str) -> Option<Vec<String>>,
    ) -> Result<(String, Option<String>)> {
        let fields = self.root.get_fields();
        let possible: Vec<&str> =
            fields.iter().filter(|field| holds_labels(field)).map(|field| field.name()).collect();
        if let Some(asked) = &request.label_column {
            let name = match asked {
                LabelColumn::Name(name) => named(names, name),
                LabelColumn::Number(number) => number.checked_sub(1).filter(|at| *at < names.len()),
                LabelColumn::First => Some(0),
                LabelColumn::Last => names.len().checked_sub(1),
                LabelColumn::None => None,
            };
            let name = name.map(|at| &names[at]).filter(|name| possible.contains(&name.as_str()));
            return name.map(|name| (name.clone(), None)).ok_or_else(|| {
                let path = self.path.display();
                let expected =
                    format!("a column of {path} with numbers or text: {}", listed(&possible));
                Error::parameter("label_column", asked, expected)
            });
        }
        let called: Vec<&str> = possible
            .iter()
            .copied()
            .filter(|name| class_names(name).is_some() || is_label(name))
            .collect();
        let chosen = match (&called[..], &possible[..]) {
            ([only], _) | ([], [only]) => Some(*only),
            (several, _) => LABELS.into_iter().find(|name| several.contains(name)),
        };
        let Some(chosen) = chosen else {
            let found = if called.is_empty() { listed(names) } else { listed(&called) };
            let message = format!(
                "has no column that is known to hold the labels; `Request::label_column` names \
                 it: {found}"
            );
            return Err(Error::input(&self.path, message));
        };
        let others: Vec<&str> = called.into_iter().filter(|name| *name != chosen).collect();
        let note = (!others.is_empty()).then(|| {
            format!(
                "the labels of {} are its column `{chosen}` (`Request::label_column` takes another: \
                 {})",
                self.path.display(),
                listed(&others)
            )
        });
        Ok((chosen.to_owned(), note))
    }

    /// Descriptions of the columns that the library `datasets` writes.
    fn features(&self) -> Option<Value> {
        let metadata = self.reader.metadata().file_metadata().key_value_metadata()?;
        let text = metadata.iter().find(|entry| entry.key == "huggingface")?.value.as_ref()?;
        let mut known: Value = serde_json::from_str(text).ok()?;
        Some(known.get_mut("info")?.get_mut("features")?.take())
    }

    fn rows(&self, columns: &Columns) -> Result<Rows> {
        let Columns { image, label, .. } = columns;
        let missing = format!("has no bytes of an image in `{image}`");
        let leaf = self.leaf(&[&[image, "bytes"], &[image]])?;
        let images = self.column(&leaf, bytes, &missing)?;
        let missing = format!("has no `{label}`");
        let leaf = self.leaf(&[&[label]])?;
        let labels = match self.schema().column(leaf.at).physical_type() {
            Physical::BYTE_ARRAY => Values::Names(self.column(&leaf, texts, &missing)?),
            _ => Values::Numbers(self.column(&leaf, numbers, &missing)?),
        };
        match (images.len(), labels.len()) {
            (0, _) => Err(Error::input(&self.path, "has no rows, expected at least one")),
            (n, n_labels) if n != n_labels => {
                Err(self.damaged(&format!("{n_labels} labels for {n} images")))
            }
            _ => {
                let named = |(row, bytes)| Encoded {
                    name: self.path.join(format!("row {row}")),
                    bytes: Some(bytes),
                };
                Ok(Rows { images: images.into_iter().enumerate().map(named).collect(), labels })
            }
        }
    }

    fn schema(&self) -> &SchemaDescriptor {
        self.reader.metadata().file_metadata().schema_descr()
    }

    fn damaged(&self, what: &dyn std::fmt::Display) -> Error {
        damaged(&self.path, what)
    }

    /// The column at the first of the paths that there is.
    fn leaf(&self, paths: &[&[&str]]) -> Result<Leaf> {
        let schema = self.schema();
        let found = paths.iter().find_map(|path| {
            let at = (0..schema.num_columns()).find(|&at| {
                schema.column(at).path().parts().iter().map(String::as_str).eq(path.iter().copied())
            })?;
            let column = schema.column(at);
            (column.max_rep_level() == 0).then(|| Leaf { at, whole: column.max_def_level() })
        });
        found.ok_or_else(|| {
            let message = format!("has no column {} with one value a row", paths[0].join("."));
            Error::input(&self.path, message)
        })
    }

    /// All values of a column; `missing` is said of a row without one.
    fn column<T>(&self, leaf: &Leaf, read: Read<T>, missing: &str) -> Result<Vec<T>> {
        let damaged = |error: ParquetError| self.damaged(&error);
        let mut all = Vec::new();
        for group in 0..self.reader.num_row_groups() {
            let rows = self.reader.get_row_group(group).map_err(damaged)?;
            let n = usize::try_from(rows.metadata().num_rows())
                .map_err(|error| self.damaged(&error))?;
            let mut column = rows.get_column_reader(leaf.at).map_err(damaged)?;
            let mut levels = Vec::new();
            let known = (leaf.whole > 0).then_some(&mut levels);
            let values = read(&mut column, n, known).map_err(damaged)?;
            if let Some(at) = levels.iter().position(|&level| level != leaf.whole) {
                let row = all.len() + at;
                return Err(Error::input(&self.path, format!("row {row} {missing}")));
            }
            if values.len() != n {
                return Err(self.damaged(&format!("{} values in {n} rows", values.len())));
            }
            all.extend(values);
        }
        Ok(all)
    }
}

/// A column without lists.
struct Leaf {
    /// Index among the columns of the file.
    at: usize,
    /// Definition level of a value that is there; 0 if every row has one.
    whole: i16,
}

/// Function that reads the values of a number of rows and, where asked, the definition level of
/// each row.
type Read<T> = fn(&mut ColumnReader, usize, Option<&mut Vec<i16>>) -> Result<Vec<T>, ParquetError>;

/// Values of a typed column.
fn typed<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    n: usize,
    mut levels: Option<&mut Vec<i16>>,
) -> Result<Vec<T::T>, ParquetError> {
    let mut values = Vec::new();
    let mut read = 0;
    while read < n {
        let (rows, ..) = reader.read_records(n - read, levels.as_deref_mut(), None, &mut values)?;
        if rows == 0 {
            break;
        }
        read += rows;
    }
    Ok(values)
}

fn unexpected() -> ParquetError {
    ParquetError::General("a column of another type".into())
}

fn bytes(
    reader: &mut ColumnReader,
    n: usize,
    levels: Option<&mut Vec<i16>>,
) -> Result<Vec<Vec<u8>>, ParquetError> {
    let ColumnReader::ByteArrayColumnReader(reader) = reader else { return Err(unexpected()) };
    Ok(typed(reader, n, levels)?.into_iter().map(|bytes| bytes.data().to_vec()).collect())
}

fn texts(
    reader: &mut ColumnReader,
    n: usize,
    levels: Option<&mut Vec<i16>>,
) -> Result<Vec<String>, ParquetError> {
    let ColumnReader::ByteArrayColumnReader(reader) = reader else { return Err(unexpected()) };
    typed(reader, n, levels)?.into_iter().map(|text| Ok(text.as_utf8()?.to_owned())).collect()
}

fn numbers(
    reader: &mut ColumnReader,
    n: usize,
    levels: Option<&mut Vec<i16>>,
) -> Result<Vec<i64>, ParquetError> {
    match reader {
        ColumnReader::BoolColumnReader(reader) => {
            Ok(typed(reader, n, levels)?.into_iter().map(i64::from).collect())
        }
        ColumnReader::Int32ColumnReader(reader) => {
            Ok(typed(reader, n, levels)?.into_iter().map(i64::from).collect())
        }
        ColumnReader::Int64ColumnReader(reader) => typed(reader, n, levels),
        _ => Err(unexpected()),
    }
}

/// `true` for a column with files: binary values, or a group with them.
fn holds_images(field: &TypePtr) -> bool {
    if field.is_primitive() {
        return field.get_physical_type() == Physical::BYTE_ARRAY && !is_text(field);
    }
    let mut inner = field.get_fields().iter();
    inner.any(|inner| inner.name() == "bytes" && inner.is_primitive() && holds_images(inner))
}

fn holds_labels(field: &TypePtr) -> bool {
    let whole = [Physical::INT32, Physical::INT64, Physical::BOOLEAN];
    field.is_primitive() && (whole.contains(&field.get_physical_type()) || is_text(field))
}

fn is_text(field: &TypePtr) -> bool {
    let info = field.get_basic_info();
    info.logical_type_ref() == Some(&LogicalType::String)
        || info.converted_type() == ConvertedType::UTF8
}

/// Names of the classes from the description of a column.
fn names_of(feature: &Value) -> Option<Vec<String>> {
    let names = feature.get("names")?.as_array()?;
    names.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}

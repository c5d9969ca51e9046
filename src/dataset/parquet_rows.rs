//! Rows of Parquet files of images and labels, as the Hub of Hugging Face keeps them: a column with
//! the files of the images, a column with the labels, and the names of the classes in the metadata.

use super::columns;
use super::image_files::Encoded;
use super::request::{LabelColumn, Request};
use crate::error::{Error, Result};
use crate::format::listed;
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::{Type, TypePtr};
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Usual names of the column with the images.
const IMAGES: [&str; 3] = ["image", "img", "picture"];

/// Usual names of the column with the labels if there are several: the finest classes first.
const LABELS: [&str; 2] = ["label", "fine_label"];

/// Images and labels of one file.
pub(super) struct Rows {
    pub images: Vec<Encoded>,
    pub labels: RowLabels,
}

/// Labels of the rows.
pub(super) enum RowLabels {
    Numbers(Vec<u16>),
    Names(Vec<String>),
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

/// An open file.
pub(super) struct Table {
    path: PathBuf,
    reader: SerializedFileReader<File>,
    root: TypePtr,
}

impl Table {
    /// # Errors
    /// [`Error::Input`] if the file cannot be read or is no Parquet file.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)
            .map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
        let reader = SerializedFileReader::new(file).map_err(|error| {
            Error::input(path, format!("is no Parquet file, or a damaged one: {error}"))
        })?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let root = schema.root_schema_ptr();
        Ok(Self { path: path.to_owned(), reader, root })
    }

    /// The columns of images and of labels.
    ///
    /// # Errors
    /// [`Error::Input`] if there is none of a kind, or several and none has a usual name;
    /// [`Error::Parameter`] if the requested column of labels is not there.
    pub fn columns(&self, request: &Request) -> Result<Columns> {
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
                LabelColumn::Name(name) => columns::named(names, name),
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
        let named: Vec<&str> = possible
            .iter()
            .copied()
            .filter(|name| class_names(name).is_some() || columns::is_label(name))
            .collect();
        let chosen = match (&named[..], &possible[..]) {
            ([only], _) | ([], [only]) => Some(*only),
            (several, _) => LABELS.into_iter().find(|name| several.contains(name)),
        };
        let Some(chosen) = chosen else {
            let found = if named.is_empty() { listed(names) } else { listed(&named) };
            let message = format!(
                "has no column that is known to hold the labels; `Request::label_column` names \
                 it: {found}"
            );
            return Err(Error::input(&self.path, message));
        };
        let others: Vec<&str> = named.into_iter().filter(|name| *name != chosen).collect();
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

    /// All rows of the columns.
    ///
    /// # Errors
    /// [`Error::Input`] naming the row without an image or a label, or for damage.
    pub fn rows(&self, columns: &Columns) -> Result<Rows> {
        let damaged = |error: parquet::errors::ParquetError| {
            Error::input(
                &self.path,
                format!("is damaged, or compressed in an unknown way: {error}"),
            )
        };
        let wanted = |field: &&TypePtr| {
            [&columns.image, &columns.label].map(String::as_str).contains(&field.name())
        };
        let fields: Vec<TypePtr> = self.root.get_fields().iter().filter(wanted).cloned().collect();
        let projection = Type::group_type_builder(self.root.name())
            .with_fields(fields.iter().map(Arc::clone).collect())
            .build()
            .map_err(damaged)?;
        let rows = self.reader.get_row_iter(Some(projection)).map_err(damaged)?;
        let mut images = Vec::new();
        let mut numbers = Vec::new();
        let mut names = Vec::new();
        for (at, row) in rows.enumerate() {
            let row = row.map_err(damaged)?;
            let refused = |message: String| Error::input(&self.path, format!("row {at} {message}"));
            let value = |column: &str| value(&row, column);
            let image = value(&columns.image).and_then(image_bytes).ok_or_else(|| {
                let column = &columns.image;
                refused(format!("has no bytes of an image in `{column}`"))
            })?;
            let name = self.path.join(format!("row {at}"));
            images.push(Encoded { name, bytes: Some(image) });
            match value(&columns.label) {
                Some(Field::Str(name)) => names.push(name.clone()),
                label => numbers.push(label.and_then(number).ok_or_else(|| {
                    let found = label.map_or("none".into(), ToString::to_string);
                    let column = &columns.label;
                    refused(format!("has the `{column}` {found}, expected 0 to {}", u16::MAX))
                })?),
            }
        }
        if images.is_empty() {
            return Err(Error::input(&self.path, "has no rows, expected at least one"));
        }
        let labels = match names.is_empty() {
            true => RowLabels::Numbers(numbers),
            false => RowLabels::Names(names),
        };
        Ok(Rows { images, labels })
    }
}

fn value<'a>(row: &'a Row, column: &str) -> Option<&'a Field> {
    row.get_column_iter().find(|(name, _)| *name == column).map(|(_, field)| field)
}

/// The file of an image: of a group with `bytes`, or the bytes themselves.
fn image_bytes(field: &Field) -> Option<Vec<u8>> {
    match field {
        Field::Group(group) => image_bytes(value(group, "bytes")?),
        Field::Bytes(bytes) => Some(bytes.data().to_vec()),
        _ => None,
    }
}

fn number(field: &Field) -> Option<u16> {
    match *field {
        Field::Byte(value) => u16::try_from(value).ok(),
        Field::Short(value) => u16::try_from(value).ok(),
        Field::Int(value) => u16::try_from(value).ok(),
        Field::Long(value) => u16::try_from(value).ok(),
        Field::UByte(value) => Some(value.into()),
        Field::UShort(value) => Some(value),
        Field::UInt(value) => u16::try_from(value).ok(),
        Field::ULong(value) => u16::try_from(value).ok(),
        Field::Bool(value) => Some(value.into()),
        _ => None,
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

//! A table of points as a Parquet file, in the conventions of those who read such tables:
//! coordinates as two columns a map, neighbours as `{ids, distances}` of row numbers (Embedding
//! Atlas), images as `{bytes, path}` (Hugging Face's `Image`).
//!
//! Nothing is null: what is not known has no column. One group of rows, not compressed.

use crate::error::{Error, Result};
use crate::files::write_atomic;
use crate::neighbors::NeighborGraph;
use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, FloatType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};
use std::path::Path;
use std::sync::Arc;

/// First bytes of every Parquet file.
pub const MAGIC: &[u8] = b"PAR1";

/// One column of the table.
#[derive(Clone, Debug)]
pub enum Column<'a> {
    /// A text a row.
    Texts(Vec<&'a str>),
    /// Yes or no.
    Flags(Vec<bool>),
    /// A number a row.
    Floats(Vec<f32>),
    /// The nearest other rows, nearest first, by their numbers from 0.
    Neighbors(&'a NeighborGraph),
    /// A file a row, and its name.
    Images(Vec<Vec<u8>>, Vec<String>),
}

impl Column<'_> {
    fn n_rows(&self) -> usize {
        match self {
            Self::Texts(values) => values.len(),
            Self::Flags(values) => values.len(),
            Self::Floats(values) => values.len(),
            Self::Neighbors(graph) => graph.n_samples(),
            Self::Images(files, names) => files.len().min(names.len()),
        }
    }

    /// The column in the schema.
    fn schema(&self, name: &str) -> Result<TypePtr, ParquetError> {
        match self {
            Self::Texts(_) => leaf(name, Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Self::Flags(_) => leaf(name, Physical::BOOLEAN, None),
            Self::Floats(_) => leaf(name, Physical::FLOAT, None),
            Self::Neighbors(_) => {
                group(name, [list("ids", Physical::INT32)?, list("distances", Physical::FLOAT)?])
            }
            Self::Images(..) => {
                let path = leaf("path", Physical::BYTE_ARRAY, Some(LogicalType::String))?;
                group(name, [leaf("bytes", Physical::BYTE_ARRAY, None)?, path])
            }
        }
    }

    /// Writes the leaves of the column in their order.
    fn write(
        &self,
        rows: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    ) -> Result<(), ParquetError> {
        match self {
            Self::Texts(texts) => {
                let texts: Vec<ByteArray> =
                    texts.iter().map(|text| ByteArray::from(*text)).collect();
                write_leaf::<ByteArrayType>(rows, &texts, None)
            }
            Self::Flags(flags) => write_leaf::<BoolType>(rows, flags, None),
            Self::Floats(values) => write_leaf::<FloatType>(rows, values, None),
            Self::Neighbors(graph) => {
                let ids: Vec<i32> = graph.indices().iter().map(|&id| id as i32).collect();
                write_leaf::<Int32Type>(rows, &ids, Some(graph.n_neighbors()))?;
                write_leaf::<FloatType>(rows, graph.distances(), Some(graph.n_neighbors()))
            }
            Self::Images(files, names) => {
                let files: Vec<ByteArray> =
                    files.iter().map(|file| ByteArray::from(file.clone())).collect();
                write_leaf::<ByteArrayType>(rows, &files, None)?;
                let names: Vec<ByteArray> =
                    names.iter().map(|name| ByteArray::from(name.as_str())).collect();
                write_leaf::<ByteArrayType>(rows, &names, None)
            }
        }
    }
}

/// Writes named columns of equal length.
///
/// # Errors
/// [`Error::Data`] if a column has another length than the first; [`Error::Write`].
pub fn write_table(path: &Path, columns: &[(String, Column<'_>)]) -> Result<()> {
    let n = columns.first().map_or(0, |(_, column)| column.n_rows());
    if let Some((name, column)) = columns.iter().find(|(_, column)| column.n_rows() != n) {
        return Err(Error::Data(format!(
            "the column {name} has {} rows, the first has {n}",
            column.n_rows()
        )));
    }
    let bytes =
        encode(columns).map_err(|error| Error::write(path, std::io::Error::other(error)))?;
    write_atomic(path, |writer| writer.write_all(&bytes))
}

fn encode(columns: &[(String, Column<'_>)]) -> Result<Vec<u8>, ParquetError> {
    let fields =
        columns.iter().map(|(name, column)| column.schema(name)).collect::<Result<_, _>>()?;
    let schema = Arc::new(Type::group_type_builder("points").with_fields(fields).build()?);
    let mut properties = WriterProperties::builder();
    for (name, column) in columns {
        match column {
            // The least and the largest file say nothing, and hardly a float comes twice.
            Column::Images(..) => {
                let files = ColumnPath::new(vec![name.clone(), "bytes".into()]);
                properties = properties
                    .set_column_statistics_enabled(files.clone(), EnabledStatistics::None);
                properties = properties.set_column_dictionary_enabled(files, false);
            }
            Column::Floats(_) => {
                properties = properties
                    .set_column_dictionary_enabled(ColumnPath::new(vec![name.clone()]), false);
            }
            _ => {}
        }
    }
    let mut file = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut file, schema, Arc::new(properties.build()))?;
    let mut rows = writer.next_row_group()?;
    for (_, column) in columns {
        column.write(&mut rows)?;
    }
    rows.close()?;
    writer.close()?;
    Ok(file)
}

/// Writes one leaf. In a list every row has `per_row` values, the first of which begins the row's
/// list.
fn write_leaf<T: DataType>(
    rows: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    values: &[T::T],
    per_row: Option<usize>,
) -> Result<(), ParquetError> {
    let Some(mut column) = rows.next_column()? else {
        return Err(ParquetError::General("there is no such column".into()));
    };
    let levels = per_row.map(|k| {
        let repetition: Vec<i16> = (0..values.len()).map(|at| i16::from(at % k != 0)).collect();
        (vec![1_i16; values.len()], repetition)
    });
    let (definition, repetition) =
        levels.as_ref().map_or((None, None), |(d, r)| (Some(&d[..]), Some(&r[..])));
    column.typed::<T>().write_batch(values, definition, repetition)?;
    column.close()
}

fn leaf(
    name: &str,
    physical: Physical,
    logical: Option<LogicalType>,
) -> Result<TypePtr, ParquetError> {
    let leaf = Type::primitive_type_builder(name, physical).with_repetition(Repetition::REQUIRED);
    leaf.with_logical_type(logical).build().map(Arc::new)
}

fn group<const N: usize>(name: &str, fields: [TypePtr; N]) -> Result<TypePtr, ParquetError> {
    let group = Type::group_type_builder(name).with_repetition(Repetition::REQUIRED);
    group.with_fields(fields.into()).build().map(Arc::new)
}

/// A list in the three levels that the format asks for.
fn list(name: &str, physical: Physical) -> Result<TypePtr, ParquetError> {
    let element = leaf("element", physical, None)?;
    let repeated = Type::group_type_builder("list")
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![element])
        .build()?;
    let list = Type::group_type_builder(name)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::List));
    list.with_fields(vec![Arc::new(repeated)]).build().map(Arc::new)
}

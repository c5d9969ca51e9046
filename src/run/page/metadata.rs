//! What a page says about metadata.

use super::sections::section;
use crate::dataset::{Column, ColumnKind};
use crate::format::thousands;
use crate::report::page::{Block, Section, Table};

/// Table of the columns of metadata, if there are some.
pub(in crate::run) fn metadata(columns: &[Column]) -> Option<Section> {
    let row = |column: &Column| {
        let n = column.n_values();
        let ends = match (column.values.first(), column.values[..n].last()) {
            (Some(low), Some(high)) if column.kind == ColumnKind::Number => {
                format!("{low} to {high}")
            }
            _ => thousands(n),
        };
        vec![
            column.name.clone(),
            column.kind.word().to_owned(),
            ends,
            thousands(column.n_missing()),
        ]
    };
    let head = ["column", "kind", "values", "points without one"];
    let table = Table::new("Columns of the metadata", &head, columns.iter().map(row));
    (!columns.is_empty()).then(|| section("metadata", "Metadata", [Block::Table(table)]))
}

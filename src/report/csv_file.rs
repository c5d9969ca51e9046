//! Tables as CSV files.

use crate::error::Result;
use crate::files::write_atomic;
use std::path::Path;

/// Writes a table: its header, then a line a row, every row as long as the header.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write<H: AsRef<str>>(
    path: &Path,
    header: impl IntoIterator<Item = H>,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Result<()> {
    let header = header.into_iter().map(|name| name.as_ref().to_owned()).collect();
    write_rows(path, std::iter::once(header).chain(rows))
}

/// Writes a table whose header is its first row.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_rows(path: &Path, rows: impl IntoIterator<Item = Vec<String>>) -> Result<()> {
    write_atomic(path, |writer| {
        let mut csv = csv::Writer::from_writer(writer);
        rows.into_iter()
            .try_for_each(|row| csv.write_record(row).map_err(std::io::Error::other))?;
        csv.flush()
    })
}

/// A number that may not exist; then its cell is empty.
pub fn optional(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

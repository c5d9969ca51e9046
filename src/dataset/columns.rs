//! Columns of text files: recognition of text files, and choice of the requested column or that of
//! the labels by name.

use crate::error::{Error, Result};
use std::path::Path;

/// Usual names of columns with labels.
const LABELS: [&str; 10] = [
    "label", "labels", "class", "classes", "target", "targets", "digit", "digits", "category", "y",
];

/// `true` if a file name is that of a text file with columns: `.csv`, `.tsv` or `.txt`, ignoring
/// case.
pub fn is_text(path: &Path) -> bool {
    path.extension().is_some_and(|end| {
        ["csv", "tsv", "txt"].iter().any(|known| end.eq_ignore_ascii_case(known))
    })
}

/// `true` if a column has a usual name of labels.
pub(super) fn is_label(name: &str) -> bool {
    LABELS.iter().any(|label| name.trim().eq_ignore_ascii_case(label))
}

/// Index of the column with exactly this name, otherwise of the first one with this name ignoring
/// case.
pub(super) fn named(names: &[String], name: &str) -> Option<usize> {
    let exact = names.iter().position(|candidate| candidate.trim() == name.trim());
    exact.or_else(|| {
        names.iter().position(|candidate| candidate.trim().eq_ignore_ascii_case(name.trim()))
    })
}

/// Records of a file with the lines at which they start.
pub(super) type Records = Vec<(u64, Vec<String>)>;

/// Fields of every line of a text file, separated by commas, or by tabs or semicolons if the first
/// line has them; quotes as in CSV. With `is_single` there is one column, whatever it holds. Blank
/// lines are refused where each has to be what is `expected`, otherwise left out.
///
/// # Errors
/// [`Error::Input`] if the file cannot be read, and naming a line with another number of columns than
/// the first.
pub(super) fn records(path: &Path, is_single: bool, expected: Option<&str>) -> Result<Records> {
    let bytes = std::fs::read(path)
        .map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    if let (Some(expected), Some(line)) = (expected, blank_line(bytes)) {
        return Err(Error::input(path, format!("line {line} is empty, expected {expected}")));
    }
    let is = |end: &str| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(end));
    let first = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let has = |delimiter: u8| first.contains(&delimiter);
    let delimiter = match () {
        () if is_single => b'\x1f',
        () if is("tsv") || has(b'\t') => b'\t',
        // As spreadsheets write it if the comma is the decimal separator.
        () if has(b';') && !has(b',') => b';',
        () => b',',
    };
    let mut builder = csv::ReaderBuilder::new();
    builder.has_headers(false).flexible(true).trim(csv::Trim::All).delimiter(delimiter);
    let mut records = Records::new();
    let mut width = 0;
    for (at, record) in builder.from_reader(bytes).records().enumerate() {
        let record =
            record.map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
        let line = record.position().map_or(at as u64 + 1, csv::Position::line);
        if at == 0 {
            width = record.len();
        }
        if record.len() != width {
            let found = record.len();
            let s = if width == 1 { "" } else { "s" };
            let message = format!(
                "line {line} has {found} columns, the first has {width} column{s}; a name with a \
                 comma stands in quotes"
            );
            return Err(Error::input(path, message));
        }
        records.push((line, record.iter().map(str::to_owned).collect()));
    }
    Ok(records)
}

/// Number of the first blank line, from 1, that is followed by others: a CSV reader would skip it,
/// and all later labels would belong to other rows.
pub(crate) fn blank_line(bytes: &[u8]) -> Option<usize> {
    let whole = bytes.trim_ascii_end();
    let mut lines = whole.split(|&byte| byte == b'\n');
    lines
        .position(|line| line.trim_ascii().is_empty())
        .filter(|_| !whole.is_empty())
        .map(|at| at + 1)
}

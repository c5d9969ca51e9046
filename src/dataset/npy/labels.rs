//! Reading labels from an NPY file or from a text file.

use super::read::Array;
use crate::error::{Error, Result};
use npyz::{Deserialize, TypeChar};
use std::fmt::Display;
use std::path::Path;

/// Reads labels: integers from 0 to 4,294,967,295, one a row.
///
/// A file called `*.csv` or `*.txt` holds one integer a line, after an optional first line `label`. Any other file is an NPY
/// array of integers of any size, of shape (n,) or (n, 1).
///
/// # Errors
/// [`Error::Input`] naming `path` if it cannot be read, is malformed or truncated, holds no labels, has another shape or type
/// of values, or a label out of range (its row, counted from 0, or its line, counted from 1, is named).
pub fn read_labels(path: impl AsRef<Path>) -> Result<Vec<u32>> {
    let path = path.as_ref();
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let labels = match extension.as_deref() {
        Some("csv" | "txt") => {
            let text = std::fs::read_to_string(path).map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
            parse_text(&text).map_err(|message| Error::input(path, message))
        }
        _ => read_array(path),
    }?;
    if labels.is_empty() {
        return Err(Error::input(path, "holds no labels, expected at least one"));
    }
    Ok(labels)
}

fn read_array(path: &Path) -> Result<Vec<u32>> {
    let array = Array::open(path)?;
    if !matches!(array.header.shape(), [_] | [_, 1]) {
        return Err(array.error(format!("has shape {}, expected (n,) or (n, 1)", array.shape())));
    }
    match array.value_type() {
        Some((TypeChar::Int, 1)) => labels::<i8>(array),
        Some((TypeChar::Int, 2)) => labels::<i16>(array),
        Some((TypeChar::Int, 4)) => labels::<i32>(array),
        Some((TypeChar::Int, 8)) => labels::<i64>(array),
        Some((TypeChar::Uint, 1)) => labels::<u8>(array),
        Some((TypeChar::Uint, 2)) => labels::<u16>(array),
        Some((TypeChar::Uint, 4)) => labels::<u32>(array),
        Some((TypeChar::Uint, 8)) => labels::<u64>(array),
        _ => Err(array.wrong_type("integers of 1, 2, 4 or 8 bytes")),
    }
}

fn labels<T: Deserialize + Copy + Display + TryInto<u32>>(array: Array) -> Result<Vec<u32>> {
    let path = array.path;
    let mut labels = Vec::with_capacity(array.header.len() as usize);
    for (row, value) in array.values::<T>()?.enumerate() {
        let value = value.map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
        let label = value.try_into().map_err(|_| Error::input(path, out_of_range("row", row, value)))?;
        labels.push(label);
    }
    Ok(labels)
}

fn parse_text(text: &str) -> std::result::Result<Vec<u32>, String> {
    // Spreadsheets put a byte order mark before the header and blank lines at the end.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_end();
    let mut lines = text.lines().enumerate().peekable();
    lines.next_if(|(_, line)| line.trim().trim_matches('"').eq_ignore_ascii_case("label"));
    lines
        .map(|(at, line)| match line.trim().parse::<i128>() {
            Ok(value) => value.try_into().map_err(|_| out_of_range("line", at + 1, value)),
            Err(_) => Err(format!("line {} is `{line}`, expected one integer", at + 1)),
        })
        .collect()
}

fn out_of_range(unit: &str, at: usize, value: impl Display) -> String {
    format!("{unit} {at} is {value}: labels must be from 0 to {}", u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_one_integer_a_line() {
        assert_eq!(parse_text("3\n0\n12"), Ok(vec![3, 0, 12]));
        assert_eq!(parse_text("\u{feff}Label\r\n3\r\n 4294967295 \r\n\r\n"), Ok(vec![3, u32::MAX]));
        assert_eq!(parse_text("label\n"), Ok(vec![]));
        assert_eq!(parse_text("label\n1\n-2\n"), Err("line 3 is -2: labels must be from 0 to 4294967295".into()));
        assert_eq!(parse_text("4294967296"), Err("line 1 is 4294967296: labels must be from 0 to 4294967295".into()));
        assert_eq!(parse_text("1\n\n2"), Err("line 2 is ``, expected one integer".into()));
        assert_eq!(parse_text("1,2"), Err("line 1 is `1,2`, expected one integer".into()));
        assert_eq!(parse_text("1.5"), Err("line 1 is `1.5`, expected one integer".into()));
        assert_eq!(parse_text("class\n1"), Err("line 1 is `class`, expected one integer".into()));
    }
}

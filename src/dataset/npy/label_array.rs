//! Labels from a `.npy` array.

use super::read::Array;
use crate::dataset::labels::{Values, control_character, values_of, whole};
use crate::dataset::values::{Kind, Stored};
use crate::error::{Error, Result};
use npyz::TypeChar;
use std::path::Path;

/// Number of bytes of a character in NumPy's strings.
const LETTER: usize = 4;

/// Reads integers of any size, whole floats, booleans or strings, of shape (n,) or (n, 1).
pub(crate) fn read_label_values(path: &Path) -> Result<Values> {
    let array = Array::open(path)?;
    if !matches!(array.header.shape(), [_] | [_, 1]) {
        let advice = match array.header.shape() {
            [_, k] if *k > 1 => {
                "; of rows that mark or rate each class, save the place of the largest, \
                 argmax(axis=1)"
            }
            _ => "",
        };
        return Err(
            array.error(format!("has shape {}, expected (n,) or (n, 1){advice}", array.shape()))
        );
    }
    if let Some(stored) = array.stored() {
        return numbers(path, stored, &array.raw()?);
    }
    let (kind, size) = match array.value_type() {
        Some((kind @ (TypeChar::UnicodeStr | TypeChar::ByteStr), size @ 1..)) => {
            (kind, size as usize)
        }
        Some((TypeChar::Object, _)) => {
            return Err(array.error(
                "holds Python objects; save its strings by numpy.save(file, labels.astype(str))"
                    .into(),
            ));
        }
        _ => return Err(array.wrong_type("integers, whole floats or strings")),
    };
    let big = array.is_big();
    let width = size * if kind == TypeChar::UnicodeStr { LETTER } else { 1 };
    let raw = array.raw()?;
    let word = |(row, value)| {
        word(value, kind, big).map_err(|what| Error::input(path, format!("row {row} {what}")))
    };
    let words = raw.chunks_exact(width).enumerate().map(word).collect::<Result<Vec<String>>>()?;
    values_of(words).map_err(|row| neither(path, row))
}

fn numbers(path: &Path, stored: Stored, raw: &[u8]) -> Result<Values> {
    let values = raw.chunks_exact(stored.size);
    if stored.kind == Kind::Float {
        let floats: Vec<f64> = values.map(|value| stored.number(value)).collect();
        return whole(&floats).map(Values::Numbers).map_err(|row| {
            Error::input(
                path,
                format!("row {row} is {}: a label is a whole number or a name", floats[row]),
            )
        });
    }
    let number = |(row, value): (usize, &[u8])| {
        let number = stored.integer(value);
        i64::try_from(number).map_err(|_| {
            Error::input(path, format!("row {row} is {number}: labels go up to {}", i64::MAX))
        })
    };
    values.enumerate().map(number).collect::<Result<Vec<i64>>>().map(Values::Numbers)
}

/// Floats of a `.npy` array of shape (n,), rounded to 32 bits; `None` if it has another shape or
/// other values.
///
/// # Errors
/// [`Error::Input`] naming `path` if it cannot be read, is malformed, or a value is not finite.
pub(crate) fn read_line_of_floats(path: &Path) -> Result<Option<Vec<f32>>> {
    let array = Array::open(path)?;
    let (&[n], Some(stored @ Stored { kind: Kind::Float, .. })) =
        (array.header.shape(), array.stored())
    else {
        return Ok(None);
    };
    if n == 0 {
        return Ok(None);
    }
    let raw = array.raw()?;
    let value = |(row, bytes): (usize, &[u8])| {
        let value = stored.number(bytes);
        let refused = || {
            Error::input(
                path,
                format!("row {row} is {value}: every value must be finite in 32-bit floats"),
            )
        };
        Some(value as f32).filter(|value| value.is_finite()).ok_or_else(refused)
    };
    raw.chunks_exact(stored.size).enumerate().map(value).collect::<Result<_>>().map(Some)
}

fn neither(path: &Path, row: usize) -> Error {
    Error::input(
        path,
        format!("row {row} is a number that is not whole: a label is a whole number or a name"),
    )
}

/// A string without its zero padding and surrounding spaces; or a message about its fault.
fn word(value: &[u8], kind: TypeChar, big: bool) -> std::result::Result<String, String> {
    let text = if kind == TypeChar::UnicodeStr {
        let stored = Stored { kind: Kind::Uint, size: LETTER, big };
        let letter = |code: &[u8]| {
            let code = stored.integer(code) as u32;
            char::from_u32(code).ok_or_else(|| format!("holds U+{code:04X}, which is no character"))
        };
        value.chunks_exact(LETTER).map(letter).collect::<std::result::Result<String, _>>()?
    } else {
        std::str::from_utf8(value)
            .map_err(|_| "is no text in UTF-8; save such labels as strings, by .astype(str)")?
            .to_owned()
    };
    let word = text.trim_end_matches('\0').trim();
    match control_character(word) {
        Some(letter) => Err(format!("holds the control character U+{:04X}", u32::from(letter))),
        None if word.is_empty() => Err("is empty, expected a label".into()),
        None => Ok(word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_before_the_zeros_that_fill_them_up() {
        assert_eq!(word(b"ab\0\0", TypeChar::ByteStr, false).unwrap(), "ab");
        assert_eq!(
            word(&[0xe9, 0, 0, 0, 0, 0, 0, 0], TypeChar::UnicodeStr, false).unwrap(),
            "\u{e9}"
        );
        assert_eq!(
            word(&[0, 0, 0, 0xe9, 0, 0, 0, 0], TypeChar::UnicodeStr, true).unwrap(),
            "\u{e9}"
        );
    }
}

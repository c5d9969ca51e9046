//! Labels from a `.npy` array.

use super::read::Array;
use crate::dataset::labels::{Values, control_character, values_of, whole};
use crate::error::{Error, Result};
use half::f16;
use npyz::{DType, Endianness, TypeChar};
use std::path::Path;

/// Reads integers of any size, floats that are whole, booleans or strings, of shape (n,) or (n, 1).
pub(crate) fn read_label_values(path: &Path) -> Result<Values> {
    let array = Array::open(path)?;
    if !matches!(array.header.shape(), [_] | [_, 1]) {
        let advice = match array.header.shape() {
            [_, k] if *k > 1 => "; of rows that mark or rate each class, save the place of the largest, argmax(axis=1)",
            _ => "",
        };
        return Err(array.error(format!("has shape {}, expected (n,) or (n, 1){advice}", array.shape())));
    }
    let (Some((kind, size)), DType::Plain(plain)) = (array.value_type(), array.header.dtype()) else {
        return Err(array.wrong_type("whole numbers or strings"));
    };
    let big = plain.endianness() == Endianness::Big;
    let numbers = match (kind, size) {
        (TypeChar::Bool, 1) | (TypeChar::Int | TypeChar::Uint, 1 | 2 | 4 | 8) | (TypeChar::Float, 2 | 4 | 8) => true,
        (TypeChar::UnicodeStr, 1..) | (TypeChar::ByteStr, 1..) => false,
        (TypeChar::Object, _) => {
            return Err(array.error("holds Python objects; save its strings by numpy.save(file, labels.astype(str))".into()));
        }
        _ => return Err(array.wrong_type("integers, whole floats or strings")),
    };
    let width = size as usize * if kind == TypeChar::UnicodeStr { 4 } else { 1 };
    let raw = array.raw()?;
    let values = raw.chunks_exact(width);
    if !numbers {
        let word = |(row, value)| word(value, kind, big).map_err(|what| Error::input(path, format!("row {row} {what}")));
        let words = values.enumerate().map(word).collect::<Result<Vec<String>>>()?;
        return values_of(words).map_err(|row| neither(path, row));
    }
    if kind == TypeChar::Float {
        let floats: Vec<f64> = values.map(|value| float(value, big)).collect();
        return whole(&floats)
            .map(Values::Numbers)
            .map_err(|row| Error::input(path, format!("row {row} is {}: a label is a whole number or a name", floats[row])));
    }
    let signed = kind == TypeChar::Int;
    let number = |(row, value): (usize, &[u8])| {
        let number = integer(value, signed, big);
        i64::try_from(number).map_err(|_| Error::input(path, format!("row {row} is {number}: labels go up to {}", i64::MAX)))
    };
    values.enumerate().map(number).collect::<Result<Vec<i64>>>().map(Values::Numbers)
}

/// The floats of a `.npy` array of shape (n,), rounded to 32 bits; none if it has another shape or other values.
///
/// # Errors
/// [`Error::Input`] naming `path` if it cannot be read, is malformed, or a value is not finite.
pub(crate) fn read_line_of_floats(path: &Path) -> Result<Option<Vec<f32>>> {
    let array = Array::open(path)?;
    let (&[n], Some((TypeChar::Float, size @ (2 | 4 | 8)))) = (array.header.shape(), array.value_type()) else { return Ok(None) };
    let DType::Plain(plain) = array.header.dtype() else { return Ok(None) };
    if n == 0 {
        return Ok(None);
    }
    let big = plain.endianness() == Endianness::Big;
    let raw = array.raw()?;
    let value = |(row, value): (usize, &[u8])| match float(value, big) as f32 {
        value if value.is_finite() => Ok(value),
        _ => Err(Error::input(path, format!("row {row} is {}: every value must be finite in 32-bit floats", float(value, big)))),
    };
    raw.chunks_exact(size as usize).enumerate().map(value).collect::<Result<_>>().map(Some)
}

fn neither(path: &Path, row: usize) -> Error {
    Error::input(path, format!("row {row} is a number that is not whole: a label is a whole number or a name"))
}

/// The bytes of a value, the least significant first, filled up to eight with `fill`.
fn little(value: &[u8], big: bool, fill: u8) -> [u8; 8] {
    let mut bytes = [fill; 8];
    bytes[..value.len()].copy_from_slice(value);
    if big {
        bytes[..value.len()].reverse();
    }
    bytes
}

fn integer(value: &[u8], signed: bool, big: bool) -> i128 {
    if !signed {
        return u64::from_le_bytes(little(value, big, 0)).into();
    }
    let highest = if big { value[0] } else { value[value.len() - 1] };
    i64::from_le_bytes(little(value, big, if highest >= 128 { 255 } else { 0 })).into()
}

fn float(value: &[u8], big: bool) -> f64 {
    let bits = u64::from_le_bytes(little(value, big, 0));
    match value.len() {
        2 => f16::from_bits(bits as u16).to_f64(),
        4 => f32::from_bits(bits as u32).into(),
        _ => f64::from_bits(bits),
    }
}

/// A string without the zeros that fill it up, and without spaces around it; or what is wrong with it.
fn word(value: &[u8], kind: TypeChar, big: bool) -> std::result::Result<String, String> {
    let text = if kind == TypeChar::UnicodeStr {
        let letter = |code: &[u8]| {
            let code = integer(code, false, big) as u32;
            char::from_u32(code).ok_or_else(|| format!("holds U+{code:04X}, which is no character"))
        };
        value.chunks_exact(4).map(letter).collect::<std::result::Result<String, _>>()?
    } else {
        std::str::from_utf8(value).map_err(|_| "is no text in UTF-8; save such labels as strings, by .astype(str)")?.to_owned()
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
    fn numbers_of_every_kind_are_read() {
        assert_eq!(integer(&[0xfe, 0xff], true, false), -2);
        assert_eq!(integer(&[0xff, 0xfe], true, true), -2);
        assert_eq!(integer(&[0xff, 0xff], false, false), 65_535);
        assert_eq!(integer(&u64::MAX.to_le_bytes(), false, false), i128::from(u64::MAX));
        // As numpy.float16 stores -2.
        assert_eq!((float(&[0x00, 0xc0], false), float(&[0xc0, 0x00], true)), (-2.0, -2.0));
        assert_eq!(float(&3.0_f32.to_be_bytes(), true), 3.0);
        assert_eq!(float(&(-7.0_f64).to_le_bytes(), false), -7.0);
        assert_eq!(word(b"ab\0\0", TypeChar::ByteStr, false).unwrap(), "ab");
        assert_eq!(word(&[0xe9, 0, 0, 0, 0, 0, 0, 0], TypeChar::UnicodeStr, false).unwrap(), "\u{e9}");
    }
}

//! Arrays of text: the names of classes.

use super::read::Array;
use crate::error::{Error, Result};
use npyz::{DType, Endianness, TypeChar};
use std::io::{self, Read, Write};
use std::path::Path;

/// Reads an array of text, of shape (n,) or (n, 1), from the `len` bytes of a reader, which is
/// called `path` in errors.
///
/// # Errors
/// [`Error::Input`] naming `path`, as the other readers, and the index of an entry that is not
/// text.
pub(crate) fn read_names_from(path: &Path, reader: impl Read, len: u64) -> Result<Vec<String>> {
    let array = Array::new(path, reader, len)?;
    let expected = "text: np.array(names, dtype=str)";
    let DType::Plain(plain) = array.header.dtype() else { return Err(array.wrong_type(expected)) };
    if !matches!(array.header.shape(), [_] | [_, 1]) {
        return Err(
            array.error(format!("has shape {}, expected (n,): a name a class", array.shape()))
        );
    }
    let kind = plain.type_char();
    let size = plain.size_field() as usize;
    let big = plain.endianness() == Endianness::Big;
    let name: &dyn Fn(&[u8]) -> Option<String> = match kind {
        TypeChar::UnicodeStr => &|bytes| letters(bytes, big),
        TypeChar::ByteStr => &|bytes| {
            let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            String::from_utf8(bytes[..end].to_vec()).ok()
        },
        _ => return Err(array.wrong_type(expected)),
    };
    let bytes = if kind == TypeChar::UnicodeStr { 4 * size } else { size };
    let raw = array.raw()?;
    let names = raw.chunks_exact(bytes).enumerate();
    names
        .map(|(at, raw)| {
            name(raw).ok_or_else(|| Error::input(path, format!("name {at} is no text")))
        })
        .collect()
}

/// Text in which every character is a word of 32 bits, without the zeros at its end.
fn letters(bytes: &[u8], big: bool) -> Option<String> {
    let word = |bytes: &[u8]| {
        let word = bytes.try_into().unwrap_or_default();
        if big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    };
    let words: Vec<u32> = bytes.chunks_exact(4).map(word).collect();
    let end = words.iter().rposition(|&word| word != 0).map_or(0, |last| last + 1);
    words[..end].iter().map(|&word| char::from_u32(word)).collect()
}

/// Writes names in the form of NumPy's `np.array(names)`: words of 32 bits, padded with zeros to
/// the longest name.
pub(crate) fn write_names(out: &mut dyn Write, names: &[String]) -> io::Result<()> {
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(1);
    let mut header = format!(
        "{{'descr': '<U{longest}', 'fortran_order': False, 'shape': ({},), }}",
        names.len()
    );
    // With the ten bytes before it and the line feed, a multiple of 64.
    let padding = (64 - (10 + header.len() + 1) % 64) % 64;
    header.push_str(&" ".repeat(padding));
    header.push('\n');
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&(header.len() as u16).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    for name in names {
        let letters = name.chars().map(u32::from).chain(std::iter::repeat(0)).take(longest);
        letters.map(u32::to_le_bytes).try_for_each(|word| out.write_all(&word))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_whatever_their_letters() {
        let names: Vec<String> =
            ["Shirt, blue", "two\nlines", "\u{1f456}", "\"", " a "].map(Into::into).into();
        let mut bytes = Vec::new();
        write_names(&mut bytes, &names).unwrap();
        assert_eq!(bytes.iter().position(|&byte| byte == b'\n').map(|end| (end + 1) % 64), Some(0));
        assert_eq!(read_names_from(Path::new("x"), &bytes[..], bytes.len() as u64).unwrap(), names);
    }
}

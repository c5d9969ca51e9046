//! Opening an NPY file.

use crate::dataset::values::{Kind, Stored};
use crate::error::{Error, Result};
use npyz::{DType, Deserialize, Endianness, NpyFile, NpyHeader, TypeChar};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const MAGIC: &[u8] = b"\x93NUMPY";

/// Maximum length of a header, in bytes; NumPy's own limit for untrusted files.
const MAX_HEADER: usize = 10_000;

/// Maximum number of opening brackets in a header. A plain array has 2, and the parser of npyz
/// takes time exponential in the depth of nested lists.
const MAX_BRACKETS: usize = 8;

/// An open NPY file whose length fits its header, positioned at the first value.
pub(in crate::dataset) struct Array<'a, R = BufReader<File>> {
    pub(super) path: &'a Path,
    pub(in crate::dataset) header: NpyHeader,
    reader: R,
}

impl<'a> Array<'a> {
    pub(super) fn open(path: &'a Path) -> Result<Self> {
        let unreadable = |error: io::Error| Error::input(path, format!("cannot be read: {error}"));
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(Error::no_file(path, &metadata));
        }
        Self::new(path, BufReader::with_capacity(1 << 20, file), metadata.len())
    }
}

impl<'a, R: Read> Array<'a, R> {
    /// An array in the `len` bytes of a reader, which is called `path` in errors.
    pub(in crate::dataset) fn new(path: &'a Path, mut reader: R, len: u64) -> Result<Self> {
        let unreadable = |error: io::Error| Error::input(path, format!("cannot be read: {error}"));
        let head = read_head(&mut reader)
            .map_err(unreadable)?
            .map_err(|message| Error::input(path, message))?;
        let malformed = |error: io::Error| {
            // The parser spreads its message over several lines.
            let words: Vec<String> =
                error.to_string().split_whitespace().map(str::to_owned).collect();
            Error::input(path, format!("has a malformed header: {}", words.join(" ")))
        };
        let header = NpyHeader::from_reader(&head[..]).map_err(malformed)?;
        let array = Self { path, header, reader };
        array.check_len(len.saturating_sub(head.len() as u64))?;
        Ok(array)
    }

    /// Compares the number of bytes after the header with the announced one.
    fn check_len(&self, found: u64) -> Result<()> {
        let dtype = self.header.dtype();
        let size =
            dtype.num_bytes().filter(|&size| size > 0).ok_or_else(|| self.wrong_type("numbers"))?;
        let expected = self
            .header
            .shape()
            .iter()
            .try_fold(size as u64, |product, &dim| product.checked_mul(dim));
        let described = format!("shape {} of {}", self.shape(), dtype.descr());
        match expected {
            Some(expected) if found == expected => Ok(()),
            Some(expected) if found > expected => {
                let message = format!(
                    "has trailing bytes: {found} bytes of data found, {expected} expected for \
                     {described}"
                );
                Err(self.error(message))
            }
            _ => {
                let expected = expected.map_or("2^64 or more".into(), |bytes| bytes.to_string());
                Err(self.error(format!(
                    "is truncated: {found} bytes of data found, {expected} expected for {described}"
                )))
            }
        }
    }

    /// What follows the header.
    pub(in crate::dataset) fn into_reader(self) -> R {
        self.reader
    }

    /// Kind and size in bytes of a value; `None` if it is compound.
    pub(super) fn value_type(&self) -> Option<(TypeChar, u64)> {
        match self.header.dtype() {
            DType::Plain(plain) => Some((plain.type_char(), plain.size_field())),
            _ => None,
        }
    }

    /// Storage of the values, if they are numbers of a known size.
    pub(in crate::dataset) fn stored(&self) -> Option<Stored> {
        let (kind, size) = self.value_type()?;
        let kind = match kind {
            TypeChar::Bool => Kind::Bool,
            TypeChar::Uint => Kind::Uint,
            TypeChar::Int => Kind::Int,
            TypeChar::Float => Kind::Float,
            _ => return None,
        };
        let stored = Stored { kind, size: size as usize, big: self.is_big() };
        stored.is_known().then_some(stored)
    }

    /// `true` if values are big-endian.
    pub(super) fn is_big(&self) -> bool {
        matches!(self.header.dtype(), DType::Plain(plain) if plain.endianness() == Endianness::Big)
    }

    /// The values in the order of the file. `T` must be the type of [`Self::value_type`].
    pub(super) fn values<T: Deserialize>(self) -> Result<impl Iterator<Item = io::Result<T>>> {
        let path = self.path;
        NpyFile::with_header(self.header, self.reader)
            .data()
            .map_err(|error| Error::input(path, error.to_string()))
    }

    /// Bytes of the values. Reads slightly further, so that a compressed reader checks its
    /// checksum.
    pub(super) fn raw(self) -> Result<Vec<u8>> {
        let path = self.path;
        let unreadable = |error: io::Error| Error::input(path, format!("cannot be read: {error}"));
        let size = self.header.dtype().num_bytes().unwrap_or(0) as u64;
        let len = self.header.shape().iter().product::<u64>() * size;
        let mut bytes = Vec::new();
        self.reader.take(len + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 != len {
            return Err(Error::input(
                path,
                format!("holds {} bytes of data or more, expected {len}", bytes.len()),
            ));
        }
        Ok(bytes)
    }

    /// The shape as NumPy prints it: `(2, 3)`.
    pub(super) fn shape(&self) -> String {
        let dims: Vec<_> = self.header.shape().iter().map(u64::to_string).collect();
        if let [only] = &dims[..] { format!("({only},)") } else { format!("({})", dims.join(", ")) }
    }

    pub(in crate::dataset) fn wrong_type(&self, expected: &str) -> Error {
        let found = self.header.dtype().descr();
        let advice = match found.contains('O') {
            true => "; names are saved as text by `.astype(str)`, numbers by `.astype(float)`",
            false => "",
        };
        self.error(format!("holds values of type {found}, expected {expected}{advice}"))
    }

    pub(in crate::dataset) fn error(&self, message: String) -> Error {
        Error::input(self.path, message)
    }
}

/// Content before the values, or a message about its fault. Protects npyz, which allocates the
/// announced size, multiplies sizes unchecked and parses nested lists in exponential time.
fn read_head(reader: &mut impl Read) -> io::Result<std::result::Result<Vec<u8>, String>> {
    let mut head = Vec::new();
    reader.take(10).read_to_end(&mut head)?;
    if !head.starts_with(MAGIC) {
        let found = &head[..head.len().min(MAGIC.len())];
        let is_text = |byte: &u8| (b' '..=b'~').contains(byte) || b"\r\n\t".contains(byte);
        if !head.is_empty() && head.iter().all(is_text) {
            return Ok(Err(format!(
                "is not an NPY file but text, which begins with `{}`: save the numbers with NumPy, a \
                 DataFrame by numpy.save(\"x.npy\", frame.to_numpy(\"float32\"))",
                String::from_utf8_lossy(&head).lines().next().unwrap_or_default()
            )));
        }
        return Ok(Err(format!(
            "is not an NPY file: its first bytes are {found:02x?}, expected {MAGIC:02x?}"
        )));
    }
    if head.len() < 10 {
        return Ok(Err(format!(
            "is truncated within its header: {} bytes found, at least 10 expected",
            head.len()
        )));
    }
    // Version 1 stores the length of the header in two bytes, later versions in four.
    match (head[6], head[7]) {
        (1, 0) => {}
        (2 | 3, 0) => reader.take(2).read_to_end(&mut head).map(|_| ())?,
        (major, minor) => {
            return Ok(Err(format!("has NPY version {major}.{minor}, expected 1.0, 2.0 or 3.0")));
        }
    }
    let len = head[8..].iter().rev().fold(0, |len, &byte| (len << 8) | usize::from(byte));
    if len > MAX_HEADER {
        return Ok(Err(format!("has a header of {len} bytes, expected at most {MAX_HEADER}")));
    }
    let start = head.len();
    reader.take(len as u64).read_to_end(&mut head)?;
    if head.len() < start + len {
        return Ok(Err(format!(
            "is truncated within its header: {} bytes found, {} expected",
            head.len(),
            start + len
        )));
    }
    Ok(check_text(&String::from_utf8_lossy(&head[start..])).map(|()| head))
}

/// Refuses headers with so many brackets, or such large numbers, that npyz would hang or crash.
fn check_text(text: &str) -> std::result::Result<(), String> {
    let brackets = text.matches(['(', '[', '{']).count();
    if brackets > MAX_BRACKETS {
        return Err(format!(
            "has a header with {brackets} opening brackets, expected a plain array of numbers"
        ));
    }
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    let numbers = words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let product = numbers
        .map(|word| word.parse::<u64>().ok())
        .try_fold(1_u64, |product, number| product.checked_mul(number?.max(1)));
    product
        .map(|_| ())
        .ok_or_else(|| format!("has an impossible shape in its header: {}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_texts_that_npyz_cannot_bear_are_refused() {
        let with =
            |shape: &str| format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
        assert_eq!(check_text(&with("(3, 4)")), Ok(()));
        assert_eq!(check_text(&with("(0, 9223372036854775807)")), Ok(()));
        for shape in [
            "(4294967296, 4294967296)",
            "(0, 4294967296, 4294967296)",
            "(18446744073709551616,)",
            "(0xff,)",
        ] {
            assert!(check_text(&with(shape)).unwrap_err().contains("impossible shape"), "{shape}");
        }
        assert!(check_text(&with(&"(".repeat(200))).unwrap_err().contains("brackets"));
    }
}

//! Numeric arrays of MATLAB files of version 5 to 7: "MAT-File Format", The MathWorks, chapter 1.

use crate::error::{Error, Result};
use flate2::read::ZlibDecoder;
use std::io::Read;
use std::path::Path;

/// Size of the header, whose last four bytes are the version and the order of bytes.
const HEADER: usize = 128;

/// Maximum size of a decompressed array, in bytes.
const LARGEST: u64 = 1 << 32;

/// Types of data elements.
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;

/// A numeric array, in column-major order.
#[derive(Debug)]
pub(super) struct Array {
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Values,
}

/// Values of an array.
#[derive(Debug)]
pub(super) enum Values {
    Bytes(Vec<u8>),
    Numbers(Vec<f64>),
}

/// The numeric arrays of a file. Others are skipped: text, structures, sparse arrays.
///
/// # Errors
/// [`Error::Input`] if the file is of another version, has the other order of bytes, or is damaged.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Vec<Array>> {
    let refused = |message: &str| Error::input(path, message);
    if bytes.starts_with(b"MATLAB 7.3") || bytes.starts_with(b"\x89HDF") {
        let expected = "is a MATLAB file of version 7.3, which is HDF5: expected one of version 5 \
                        to 7, as `save(name, 'X', 'y', '-v7')` writes it";
        return Err(refused(expected));
    }
    match bytes.get(HEADER - 2..HEADER) {
        Some(b"IM") => {}
        Some(b"MI") => {
            return Err(refused(
                "has the order of bytes of other processors: expected little-endian numbers",
            ));
        }
        _ => return Err(refused("is no MATLAB file of version 5 to 7")),
    }
    let mut arrays = Vec::new();
    let mut rest = &bytes[HEADER..];
    while !rest.is_empty() {
        let element = Element::take(&mut rest).ok_or_else(|| refused("is truncated or damaged"))?;
        let mut inflated = Vec::new();
        let element = if element.kind == COMPRESSED {
            let read = ZlibDecoder::new(element.data).take(LARGEST).read_to_end(&mut inflated);
            read.map_err(|error| Error::input(path, format!("is truncated or damaged: {error}")))?;
            Element::take(&mut &inflated[..]).ok_or_else(|| refused("holds a damaged array"))?
        } else {
            element
        };
        if element.kind == MATRIX {
            arrays.extend(array(element.data).map_err(refused)?);
        }
    }
    Ok(arrays)
}

/// A data element: its type and its data without padding.
struct Element<'a> {
    kind: u32,
    data: &'a [u8],
}

impl<'a> Element<'a> {
    /// Takes an element and its padding; `None` if the bytes end before it.
    fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        let word = |at: usize| {
            let four = bytes.get(at..at + 4)?;
            Some(u32::from_le_bytes(four.try_into().ok()?))
        };
        let tag = word(0)?;
        // Data of up to four bytes may follow their size and type within eight bytes.
        let (kind, size, start): (u32, usize, usize) = match tag >> 16 {
            0 => (tag, word(4)? as usize, 8),
            small => (tag & 0xffff, (small as usize).min(4), 4),
        };
        let end = start.checked_add(size)?;
        let data = bytes.get(start..end)?;
        // Compressed data have no padding, and the last element may have none.
        let padded = if kind == COMPRESSED { end } else { end.next_multiple_of(8) };
        *bytes = &bytes[padded.min(bytes.len())..];
        Some(Self { kind, data })
    }

    /// The values of a numeric element.
    fn numbers(&self) -> Option<Values> {
        fn all<const N: usize>(data: &[u8], number: fn([u8; N]) -> f64) -> Option<Values> {
            let (values, rest) = data.as_chunks::<N>();
            rest.is_empty()
                .then(|| Values::Numbers(values.iter().map(|&bytes| number(bytes)).collect()))
        }
        match self.kind {
            1 => all(self.data, |[byte]| f64::from(byte as i8)),
            2 => Some(Values::Bytes(self.data.to_vec())),
            3 => all(self.data, |bytes| f64::from(i16::from_le_bytes(bytes))),
            4 => all(self.data, |bytes| f64::from(u16::from_le_bytes(bytes))),
            5 => all(self.data, |bytes| f64::from(i32::from_le_bytes(bytes))),
            6 => all(self.data, |bytes| f64::from(u32::from_le_bytes(bytes))),
            7 => all(self.data, |bytes| f64::from(f32::from_le_bytes(bytes))),
            9 => all(self.data, f64::from_le_bytes),
            12 => all(self.data, |bytes| i64::from_le_bytes(bytes) as f64),
            13 => all(self.data, |bytes| u64::from_le_bytes(bytes) as f64),
            _ => None,
        }
    }
}

/// The array of an element; `None` for kinds without plain numbers.
fn array(mut data: &[u8]) -> Result<Option<Array>, &'static str> {
    const DAMAGED: &str = "holds a damaged array";
    let mut next = || Element::take(&mut data).ok_or(DAMAGED);
    let flags = next()?.data.first_chunk::<4>().map(|flags| u32::from_le_bytes(*flags));
    let flags = flags.ok_or(DAMAGED)?;
    let is_numeric = (6..=15).contains(&(flags & 0xff));
    let is_complex = flags & 0x800 != 0;
    if !is_numeric || is_complex {
        return Ok(None);
    }
    let shape = next()?.data;
    let name = String::from_utf8_lossy(next()?.data).into_owned();
    let (sizes, rest) = shape.as_chunks::<4>();
    let size = |bytes: &[u8; 4]| usize::try_from(i32::from_le_bytes(*bytes)).ok();
    let shape = sizes.iter().map(size).collect::<Option<Vec<usize>>>();
    let shape = shape.filter(|_| rest.is_empty()).ok_or(DAMAGED)?;
    let values = next()?.numbers().ok_or(DAMAGED)?;
    let n = match &values {
        Values::Bytes(values) => values.len(),
        Values::Numbers(values) => values.len(),
    };
    let whole = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
    if whole != Some(n) {
        return Err("holds an array with another number of values than its shape says");
    }
    Ok(Some(Array { name, shape, values }))
}

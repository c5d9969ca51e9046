//! Arrays of small whole numbers, as bytes: images and their labels.

use super::read::Array;
use crate::error::{Error, Result};
use npyz::{DType, Endianness, Order, TypeChar, TypeStr, WriteOptions, WriterBuilder};
use std::io::{self, Read, Write};
use std::path::Path;

/// An array of whole numbers from 0 to 255 in C order.
pub(crate) struct Bytes {
    pub shape: Vec<usize>,
    pub values: Vec<u8>,
}

/// Reads an array of integers of any size, whose values must be from 0 to 255, from a file.
///
/// # Errors
/// [`Error::Input`] naming `path`, as the other readers, and the place of a value that is out of range.
pub(crate) fn read_bytes(path: &Path) -> Result<Bytes> {
    from_array(Array::open(path)?)
}

/// The same from the `len` bytes of a reader; errors call it `path`.
pub(crate) fn read_bytes_from(path: &Path, reader: impl Read, len: u64) -> Result<Bytes> {
    from_array(Array::new(path, reader, len)?)
}

/// Writes bytes of the given shape.
pub(crate) fn write_bytes(out: &mut dyn Write, shape: &[u64], values: &[u8]) -> io::Result<()> {
    let dtype = DType::Plain("|u1".parse::<TypeStr>().expect("a constant of this file"));
    let mut writer = WriteOptions::new().dtype(dtype).shape(shape).writer(out).begin_nd()?;
    writer.extend(values)?;
    writer.finish()
}

fn from_array(array: Array<'_, impl Read>) -> Result<Bytes> {
    let Some((kind @ (TypeChar::Int | TypeChar::Uint), size @ (1 | 2 | 4 | 8))) = array.value_type() else {
        return Err(array.wrong_type("integers of 1, 2, 4 or 8 bytes, the pixels from 0 to 255"));
    };
    let DType::Plain(plain) = array.header.dtype() else { return Err(array.wrong_type("plain integers")) };
    let (path, order) = (array.path, array.header.order());
    let shape: Vec<usize> = array.header.shape().iter().map(|&dim| dim as usize).collect();
    let raw = array.raw()?;
    let values = if (kind, size) == (TypeChar::Uint, 1) {
        raw
    } else {
        let big = plain.endianness() == Endianness::Big;
        let narrow = |(at, value): (usize, &[u8])| {
            let byte = if big { value[value.len() - 1] } else { value[0] };
            let sum: u32 = value.iter().map(|&byte| u32::from(byte)).sum();
            // A signed byte from 128 is a negative number.
            if sum == u32::from(byte) && (kind == TypeChar::Uint || size > 1 || byte < 128) {
                return Ok(byte);
            }
            Err(Error::input(path, format!("value {at} of the array is not from 0 to 255: expected a pixel or a label")))
        };
        raw.chunks_exact(size as usize).enumerate().map(narrow).collect::<Result<_>>()?
    };
    let values = if order == Order::Fortran && shape.len() > 1 { to_c_order(&values, &shape) } else { values };
    Ok(Bytes { shape, values })
}

/// Reorders values of which the first index changes fastest.
fn to_c_order(values: &[u8], shape: &[usize]) -> Vec<u8> {
    let mut strides = vec![1; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let place = |mut at: usize| {
        let axes = shape.iter().zip(&strides).rev();
        axes.fold(0, |place, (dim, stride)| {
            let index = at % dim;
            at /= dim;
            place + index * stride
        })
    };
    (0..values.len()).map(|at| values[place(at)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_index_changes_fastest_in_c_order() {
        // Element (i, j, k) of 2 x 3 x 4 is 100 i + 10 j + k.
        let fortran: Vec<u8> = (0..24).map(|at| (at % 2 * 100 + at / 2 % 3 * 10 + at / 6) as u8).collect();
        let c: Vec<u8> = (0..24).map(|at| (at / 12 * 100 + at / 4 % 3 * 10 + at % 4) as u8).collect();
        assert_eq!(to_c_order(&fortran, &[2, 3, 4]), c);
    }
}

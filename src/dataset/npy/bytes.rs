//! Arrays of small integers: images as bytes, and their labels.

use super::read::Array;
use crate::dataset::values::{self, Meaning, Narrowed};
use crate::error::{Error, Result};
use npyz::{DType, Order, TypeStr, WriteOptions, WriterBuilder};
use std::io::{self, Read, Write};
use std::path::Path;

const TYPES: &str = "integers of 1, 2, 4 or 8 bytes or floats of 2, 4 or 8";

/// An array of integers from 0 to 255 in C order.
pub(crate) struct Bytes {
    pub shape: Vec<usize>,
    pub values: Vec<u8>,
    /// `true` if they were numbers from 0 to 1, of which 1 became 255.
    pub scaled: bool,
}

/// Reads pixels from a file: integers or floats of any size, which must be whole and from 0 to 255,
/// or floats from 0 to 1.
///
/// # Errors
/// [`Error::Input`] naming `path`, as the other readers, and the index of a value that is out of
/// range.
pub(crate) fn read_bytes(path: &Path) -> Result<Bytes> {
    from_array(Array::open(path)?)
}

/// The same from the `len` bytes of a reader, which is called `path` in errors.
pub(crate) fn read_bytes_from(path: &Path, reader: impl Read, len: u64) -> Result<Bytes> {
    from_array(Array::new(path, reader, len)?)
}

/// Labels from 0 to 65,535, and the shape of their array.
pub(crate) struct LabelArray {
    pub shape: Vec<usize>,
    pub values: Vec<u16>,
}

/// Reads labels from the `len` bytes of a reader, which is called `path` in errors.
///
/// # Errors
/// Those of [`read_bytes`].
pub(crate) fn read_labels_from(path: &Path, reader: impl Read, len: u64) -> Result<LabelArray> {
    labels_of(Array::new(path, reader, len)?)
}

/// Reads labels from a file.
///
/// # Errors
/// Those of [`read_bytes`].
pub(crate) fn read_label_array(path: &Path) -> Result<LabelArray> {
    labels_of(Array::open(path)?)
}

fn labels_of(array: Array<'_, impl Read>) -> Result<LabelArray> {
    let Some(stored) = array.stored() else { return Err(array.wrong_type(TYPES)) };
    let path = array.path;
    let shape = array.header.shape().iter().map(|&dim| dim as usize).collect();
    let values = stored.labels(&array.raw()?).map_err(|(at, number)| {
        let expected = "expected a label: a whole number from 0 to 65535";
        Error::input(path, format!("value {at} of the array is {number}, {expected}"))
    })?;
    Ok(LabelArray { shape, values })
}

/// Writes bytes of the given shape.
pub(crate) fn write_bytes(out: &mut dyn Write, shape: &[u64], values: &[u8]) -> io::Result<()> {
    let dtype = DType::Plain("|u1".parse::<TypeStr>().expect("a constant of this file"));
    let mut writer = WriteOptions::new().dtype(dtype).shape(shape).writer(out).begin_nd()?;
    writer.extend(values)?;
    writer.finish()
}

/// Writes labels, as bytes where these suffice.
pub(crate) fn write_label_array(out: &mut dyn Write, labels: &[u16]) -> io::Result<()> {
    let shape = [labels.len() as u64];
    if let Ok(bytes) =
        labels.iter().map(|&label| u8::try_from(label)).collect::<std::result::Result<Vec<u8>, _>>()
    {
        return write_bytes(out, &shape, &bytes);
    }
    let dtype = DType::Plain("<u2".parse::<TypeStr>().expect("a constant of this file"));
    let mut writer = WriteOptions::new().dtype(dtype).shape(&shape).writer(out).begin_nd()?;
    writer.extend(labels)?;
    writer.finish()
}

fn from_array(array: Array<'_, impl Read>) -> Result<Bytes> {
    let Some(stored) = array.stored() else { return Err(array.wrong_type(TYPES)) };
    let path = array.path;
    let order = array.header.order();
    let shape: Vec<usize> = array.header.shape().iter().map(|&dim| dim as usize).collect();
    let Narrowed { values, scaled } =
        stored.narrow(array.raw()?, Meaning::Pixels).map_err(|(at, number)| {
            let expected = values::expected(Meaning::Pixels);
            Error::input(path, format!("value {at} of the array is {number}, {expected}"))
        })?;
    let values = if order == Order::Fortran && shape.len() > 1 {
        to_c_order(&values, &shape)
    } else {
        values
    };
    Ok(Bytes { shape, values, scaled })
}

/// Values in C order from values in Fortran order, in which the first index changes fastest.
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
        let fortran: Vec<u8> =
            (0..24).map(|at| (at % 2 * 100 + at / 2 % 3 * 10 + at / 6) as u8).collect();
        let c: Vec<u8> =
            (0..24).map(|at| (at / 12 * 100 + at / 4 % 3 * 10 + at % 4) as u8).collect();
        assert_eq!(to_c_order(&fortran, &[2, 3, 4]), c);
    }
}

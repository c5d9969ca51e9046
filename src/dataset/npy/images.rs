//! Reading images from an NPY file.

use super::read::Array;
use crate::dataset::Images;
use crate::error::{Error, Result};
use npyz::{Order, TypeChar};
use std::path::Path;

/// Reads grey images, n x height x width, of unsigned bytes in C order.
///
/// # Errors
/// [`Error::Input`] naming `path` if it cannot be read, is no NPY file, is truncated or too long, or has another shape, order or
/// type of values.
pub fn read_images(path: impl AsRef<Path>) -> Result<Images> {
    let path = path.as_ref();
    let array = Array::open(path)?;
    let &[n, height, width] = array.header.shape() else {
        return Err(array.error(format!("has shape {}, expected n x height x width", array.shape())));
    };
    if n == 0 || height == 0 || width == 0 {
        return Err(array.error(format!("has shape {}, expected at least one image of one pixel", array.shape())));
    }
    if array.value_type() != Some((TypeChar::Uint, 1)) {
        return Err(array.wrong_type("u1, a byte a pixel"));
    }
    if array.header.order() != Order::C {
        return Err(array.error("is in Fortran order, expected C order".into()));
    }
    let values = array.values::<u8>()?.collect::<std::io::Result<Vec<u8>>>();
    let pixels = values.map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
    Images::new(pixels, height as usize, width as usize).map_err(|error| Error::input(path, error.to_string()))
}

//! Reading images from an NPY file.

use super::bytes::{read_bytes, write_bytes};
use crate::dataset::Images;
use crate::error::{Error, Result};
use crate::files::write_atomic;
use std::path::Path;

/// Reads images, n x height x width or n x height x width x 3, of integers from 0 to 255, or of
/// floats from 0 to 1, which are scaled to bytes.
///
/// # Errors
/// [`Error::Input`] naming `path` if it cannot be read, is not an NPY file, is truncated or too
/// long, or has another shape or other values.
pub fn read_images(path: impl AsRef<Path>) -> Result<Images> {
    let path = path.as_ref();
    let array = read_bytes(path)?;
    let [height, width, channels] = match array.shape[..] {
        [n, height, width] if n > 0 && height > 0 && width > 0 => [height, width, 1],
        [n, height, width, channels @ (1 | 3)] if n > 0 && height > 0 && width > 0 => {
            [height, width, channels]
        }
        _ => {
            let shape = array.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ");
            return Err(Error::input(
                path,
                format!(
                    "has shape {shape}, expected n x height x width, or n x height x width x 3, \
                     at least one image of one pixel"
                ),
            ));
        }
    };
    Images::with_channels(array.values, height, width, channels)
        .map_err(|error| Error::input(path, error.to_string()))
}

/// Writes images, n x height x width bytes, or n x height x width x 3 of colour.
///
/// # Errors
/// [`Error::Write`] naming `path`.
pub fn write_images(path: impl AsRef<Path>, images: &Images) -> Result<()> {
    let shape: Vec<u64> = images.array_shape().into_iter().map(|size| size as u64).collect();
    write_atomic(path.as_ref(), |out| write_bytes(out, &shape, images.pixels()))
}

//! Pictures as PNG files of 8 bits a channel: each its own, or all on one sheet.

use crate::dataset::Images;
use crate::error::{Error, Result};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use rayon::prelude::*;
use std::ops::Range;

/// All pictures in one.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// The PNG file.
    pub png: Vec<u8>,
    /// Width and height of each picture on the sheet, which may be less than it was.
    pub size: (usize, usize),
}

/// Every picture as a file.
///
/// # Errors
/// [`Error::Data`] with the encoder's words.
pub fn png_files(pictures: &Images) -> Result<Vec<Vec<u8>>> {
    let size = (pictures.width(), pictures.height());
    (0..pictures.n())
        .into_par_iter()
        .map(|at| png(pictures.image(at), size, pictures.channels()))
        .collect()
}

/// All pictures row by row on a sheet of as many columns as rows, black where there are no more.
/// Where that would be wider or higher than `max_side` pixels, every picture is scaled down to what
/// fits.
///
/// # Errors
/// [`Error::Data`] if there are none, or too many for a pixel each, or with the encoder's words.
pub fn sheet(pictures: &Images, max_side: usize) -> Result<Sheet> {
    let n = pictures.n();
    let columns = n.isqrt() + usize::from(n.isqrt().pow(2) < n);
    if columns == 0 || columns > max_side {
        return Err(Error::Data(format!(
            "{n} pictures do not fit on a sheet of {max_side} x {max_side} pixels"
        )));
    }
    let most = max_side / columns;
    let longest = pictures.width().max(pictures.height());
    let fit = |side: usize| if longest > most { (side * most / longest).max(1) } else { side };
    let size = (fit(pictures.width()), fit(pictures.height()));
    let small = (longest > most).then(|| pictures.resized(size.0, size.1));
    let pictures = small.as_ref().unwrap_or(pictures);
    let pixels = grid(pictures, 0..n, (columns, columns));
    let png = png(&pixels, (columns * size.0, columns * size.1), pictures.channels())?;
    Ok(Sheet { png, size })
}

/// The pictures of a range row by row in a grid of columns and rows, black where there are no more.
pub(super) fn grid(
    pictures: &Images,
    range: Range<usize>,
    (columns, rows): (usize, usize),
) -> Vec<u8> {
    let row = pictures.width() * pictures.channels();
    let height = pictures.height();
    let mut pixels = vec![0; columns * row * rows * height];
    for (at, picture) in range.enumerate() {
        let corner = (at / columns * height * columns + at % columns) * row;
        for (y, line) in pictures.image(picture).chunks_exact(row).enumerate() {
            pixels[corner + y * columns * row..][..row].copy_from_slice(line);
        }
    }
    pixels
}

fn png(pixels: &[u8], (width, height): (usize, usize), channels: usize) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let color = if channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let written =
        PngEncoder::new(&mut file).write_image(pixels, width as u32, height as u32, color);
    written.map_err(|error| Error::Data(format!("a picture cannot be encoded: {error}")))?;
    Ok(file)
}

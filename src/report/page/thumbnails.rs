//! The points' images on sheets of many: 4-bit grey or 24-bit PNG tiles of at most 2044 pixels a
//! side.

use crate::dataset::Pictures;
use crate::error::{Error, Result};
use crate::report::pictures::grid;
use png::{BitDepth, ColorType, DeflateCompression, Encoder, Filter};
use rayon::prelude::*;

/// Longer side of an image at most; larger ones are scaled down.
pub const MAX_SIDE: usize = 64;
/// Sides of a tile at most: 73 images of 28 pixels.
const TILE: usize = 2044;

/// All images as tiles; image i is on tile i / per_tile, row by row.
pub(super) struct Sheet {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) kind: &'static str,
    pub(super) per_row: usize,
    pub(super) per_tile: usize,
    pub(super) tiles: Vec<Vec<u8>>,
}

/// Warning about images that are too large to be shown whole; whoever makes the page adds
/// it to its warnings.
pub fn scaled_words(pictures: &Pictures) -> Option<String> {
    let (width, height) = size(pictures);
    let scaled = (width, height) != (pictures.width(), pictures.height());
    scaled.then(|| {
        let (from_width, from_height) = (pictures.width(), pictures.height());
        format!(
            "images of {from_width} x {from_height} pixels are scaled down to {width} x {height}"
        )
    })
}

/// Width and height of the thumbnails.
fn size(pictures: &Pictures) -> (usize, usize) {
    let (width, height) = (pictures.width(), pictures.height());
    let longer = width.max(height);
    if longer <= MAX_SIDE {
        return (width, height);
    }
    let scaled = |side: usize| ((side * MAX_SIDE + longer / 2) / longer).max(1);
    (scaled(width), scaled(height))
}

/// Lays out and encodes the images.
pub(super) fn sheet(pictures: &Pictures) -> Result<Sheet> {
    let (width, height) = size(pictures);
    let small =
        if scaled_words(pictures).is_some() { Some(pictures.resized(width, height)) } else { None };
    let pictures = small.as_ref().unwrap_or(pictures);
    let per_row = TILE / width;
    let per_tile = per_row * (TILE / height);
    let tiles = (0..pictures.n().div_ceil(per_tile)).into_par_iter();
    let tiles = tiles.map(|tile| {
        let first = tile * per_tile;
        encode(pictures, first..pictures.n().min(first + per_tile), per_row)
    });
    let tiles = tiles
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|error| Error::Data(format!("a tile of images: {error}")))?;
    let kind = if pictures.channels() == 1 { "gray4" } else { "rgb" };
    Ok(Sheet { width, height, kind, per_row, per_tile, tiles })
}

/// A tile as wide as its images need.
fn encode(
    pictures: &Pictures,
    range: std::ops::Range<usize>,
    per_row: usize,
) -> std::result::Result<Vec<u8>, png::EncodingError> {
    let (height, channels) = (pictures.height(), pictures.channels());
    let columns = per_row.min(range.len());
    let rows = range.len().div_ceil(per_row);
    let mut pixels = grid(pictures, range, (columns, rows));
    let mut file = Vec::new();
    let mut encoder =
        Encoder::new(&mut file, (columns * pictures.width()) as u32, (rows * height) as u32);
    encoder.set_deflate_compression(DeflateCompression::Level(9));
    // 9 % smaller on Fashion-MNIST than no filter, in spite of two pixels in a byte.
    encoder.set_filter(Filter::MinEntropy);
    if channels == 1 {
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(BitDepth::Four);
        pixels = nibbles(&pixels, columns * pictures.width());
    } else {
        encoder.set_color(ColorType::Rgb);
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(file)
}

/// Bytes as 16 shades, two in a byte, the left one high; every row of `width` begins a byte.
fn nibbles(pixels: &[u8], width: usize) -> Vec<u8> {
    let shade = |value: u8| (u16::from(value) + 8) / 17;
    let pair =
        |pair: &[u8]| (shade(pair[0]) << 4 | pair.get(1).map_or(0, |&right| shade(right))) as u8;
    pixels.chunks_exact(width).flat_map(|row| row.chunks(2).map(pair)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_are_the_nearest_of_sixteen() {
        assert_eq!(nibbles(&[0, 8, 9, 255, 127, 17], 3), [0x00, 0x10, 0xf7, 0x10]);
    }
}

//! The points' images on sheets of many: tiles of at most 2044 pixels a side, 4-bit grey or 24-bit
//! PNG; where the images had to be scaled down, JPEG if that takes fewer bytes.

use crate::dataset::Images;
use crate::error::{Error, Result};
use crate::report::pictures::grid;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use png::{BitDepth, ColorType, DeflateCompression, Encoder, Filter};
use rayon::prelude::*;
use std::ops::Range;

/// Longer side of an image at most; larger ones are scaled down.
pub const MAX_SIDE: usize = 64;
/// Pixels of all images that were scaled down together at most, 10,000 of [`MAX_SIDE`] squared: as
/// JPEG some 10 MB. More images are scaled down further.
pub const MAX_PIXELS: usize = 10_000 * MAX_SIDE * MAX_SIDE;
/// Longer side below which they are not scaled, however many there are.
const LEAST_SIDE: usize = 16;
/// Sides of a tile at most: 73 images of 28 pixels.
const TILE: usize = 2044;
/// Of 100; the blocks that JPEG leaves at lower qualities are seen in images this small.
const JPEG_QUALITY: u8 = 85;

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
pub fn scaled_words(pictures: &Images) -> Option<String> {
    let [height, width] = size(pictures);
    let scaled = [height, width] != [pictures.height(), pictures.width()];
    scaled.then(|| {
        let (from_width, from_height) = (pictures.width(), pictures.height());
        format!(
            "images of {from_width} x {from_height} pixels are scaled down to {width} x {height}"
        )
    })
}

/// Height and width of the thumbnails: those of the images if their longer side is at most
/// [`MAX_SIDE`].
fn size(pictures: &Images) -> [usize; 2] {
    let sides = [MAX_SIDE, 48, 32, 24, LEAST_SIDE];
    let sizes = || sides.into_iter().map(|side| pictures.size_within(side));
    let whole = pictures.size_within(MAX_SIDE);
    if whole == [pictures.height(), pictures.width()] {
        return whole;
    }
    let fits = |[height, width]: &[usize; 2]| pictures.n() * height * width <= MAX_PIXELS;
    sizes().find(fits).unwrap_or_else(|| pictures.size_within(LEAST_SIDE))
}

/// A tile of some of the images, with so many in a row, as a file; or a message.
type Encode = fn(&Images, Range<usize>, usize) -> std::result::Result<Vec<u8>, String>;

/// Lays out and encodes the images.
pub(super) fn sheet(pictures: &Images) -> Result<Sheet> {
    let [height, width] = size(pictures);
    let is_scaled = scaled_words(pictures).is_some();
    let small = is_scaled.then(|| pictures.resized(width, height));
    let pictures = small.as_ref().unwrap_or(pictures);
    let per_row = TILE / width;
    let per_tile = per_row * (TILE / height);
    let tiles = |encode: Encode| {
        let tiles = (0..pictures.n().div_ceil(per_tile)).into_par_iter().map(|tile| {
            let first = tile * per_tile;
            encode(pictures, first..pictures.n().min(first + per_tile), per_row)
        });
        tiles
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|error| Error::Data(format!("a tile of images: {error}")))
    };
    let bytes = |tiles: &[Vec<u8>]| tiles.iter().map(Vec::len).sum::<usize>();
    let mut kind = if pictures.channels() == 1 { "gray4" } else { "rgb" };
    let mut smallest = tiles(png)?;
    if is_scaled {
        let lossy = tiles(jpeg)?;
        if bytes(&lossy) < bytes(&smallest) {
            (kind, smallest) = ("jpeg", lossy);
        }
    }
    Ok(Sheet { width, height, kind, per_row, per_tile, tiles: smallest })
}

/// Columns and rows of a tile, which is as wide as its images need.
fn columns_and_rows(n: usize, per_row: usize) -> (usize, usize) {
    (per_row.min(n), n.div_ceil(per_row))
}

fn jpeg(
    pictures: &Images,
    range: Range<usize>,
    per_row: usize,
) -> std::result::Result<Vec<u8>, String> {
    let (columns, rows) = columns_and_rows(range.len(), per_row);
    let pixels = grid(pictures, range, (columns, rows));
    let mut file = Vec::new();
    let color = match pictures.channels() {
        1 => ExtendedColorType::L8,
        _ => ExtendedColorType::Rgb8,
    };
    JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY)
        .encode(
            &pixels,
            (columns * pictures.width()) as u32,
            (rows * pictures.height()) as u32,
            color,
        )
        .map_err(|error| error.to_string())?;
    Ok(file)
}

fn png(
    pictures: &Images,
    range: Range<usize>,
    per_row: usize,
) -> std::result::Result<Vec<u8>, String> {
    let (columns, rows) = columns_and_rows(range.len(), per_row);
    let pixels = grid(pictures, range, (columns, rows));
    let width = columns * pictures.width();
    encode(&pixels, (width, rows * pictures.height()), pictures.channels())
        .map_err(|error| error.to_string())
}

fn encode(
    pixels: &[u8],
    (width, height): (usize, usize),
    channels: usize,
) -> std::result::Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_deflate_compression(DeflateCompression::Level(9));
    // 9 % smaller on Fashion-MNIST than no filter, in spite of two pixels in a byte.
    encoder.set_filter(Filter::MinEntropy);
    let halved;
    let mut data = pixels;
    if channels == 1 {
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(BitDepth::Four);
        halved = nibbles(pixels, width);
        data = &halved;
    } else {
        encoder.set_color(ColorType::Rgb);
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(data)?;
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

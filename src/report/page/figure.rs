//! One map as a small picture, for readers whose browser runs no scripts.

use super::{Map, Page};
use crate::error::{Error, Result};
use crate::report::figures::color;
use png::{BitDepth, ColorType, DeflateCompression, Encoder, Filter};

/// Width and height in pixels; a picture that is larger than [`MAX_BYTES`] is drawn again at half
/// of it.
const SIDE: usize = 640;
/// Bytes of the picture at most.
const MAX_BYTES: usize = 120_000;
const MARGIN: f64 = 8.0;

/// A PNG file of the map on white, a square of two pixels a point in the colour of its class.
pub(super) fn png(page: &Page, map: &Map) -> Result<Vec<u8>> {
    let failed = |error: png::EncodingError| Error::Data(format!("the picture of a map: {error}"));
    let whole = encode(page, map, SIDE).map_err(failed)?;
    if whole.len() <= MAX_BYTES { Ok(whole) } else { encode(page, map, SIDE / 2).map_err(failed) }
}

fn encode(page: &Page, map: &Map, side: usize) -> std::result::Result<Vec<u8>, png::EncodingError> {
    let mut low = [f64::INFINITY; 2];
    let mut high = [f64::NEG_INFINITY; 2];
    for row in map.coordinates.rows() {
        for axis in 0..2 {
            low[axis] = low[axis].min(f64::from(row[axis]));
            high[axis] = high[axis].max(f64::from(row[axis]));
        }
    }
    // Points that all coincide lie in the middle.
    let span =
        Some((high[0] - low[0]).max(high[1] - low[1])).filter(|span| *span > 0.0).unwrap_or(1.0);
    let scale = (side as f64 - 2.0 * MARGIN) / span;
    let middle = [0, 1].map(|axis| f64::midpoint(low[axis], high[axis]));
    let n_colors = page.classes.len().clamp(1, 255);
    let mut pixels = vec![0_u8; side * side];
    for (at, row) in map.coordinates.rows().enumerate() {
        let at_pixel = [0, 1].map(|axis| (f64::from(row[axis]) - middle[axis]) * scale);
        let half = side as f64 / 2.0;
        let x = (half + at_pixel[0]) as usize;
        let y = (half - at_pixel[1]) as usize;
        let class = page.points.labels.as_ref().map_or(0, |labels| usize::from(labels[at]));
        for (x, y) in [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)] {
            if x < side && y < side {
                pixels[y * side + x] = (1 + class % n_colors) as u8;
            }
        }
    }
    let palette: Vec<u8> =
        (0..n_colors).map(color).flat_map(|color| [color.0, color.1, color.2]).collect();
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, side as u32, side as u32);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette([vec![255; 3], palette].concat());
    encoder.set_filter(Filter::NoFilter);
    encoder.set_deflate_compression(DeflateCompression::Level(9));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(file)
}

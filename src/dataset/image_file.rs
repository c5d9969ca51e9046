//! One PNG or JPEG image file as an upright, opaque picture: the basis of all readers of image
//! files.

use super::request::Colour;
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageReader, Luma, Rgb, Rgba};
use std::io::{BufRead, Seek};

/// Maximum number of bytes of an image's pixels. A file of a few bytes can announce any number of
/// pixels.
const LARGEST: u64 = 512 << 20;

/// Width and height of an upright image.
pub(super) type Header = (u32, u32);

/// A picture without transparency.
pub(super) struct Picture {
    pub image: DynamicImage,
    /// `true` if the file was stored rotated or mirrored.
    pub turned: bool,
    /// `true` if a part of it was transparent.
    pub transparent: bool,
}

/// Header before the pixels.
///
/// # Errors
/// A message about the fault of the file.
pub(super) fn header(reader: impl BufRead + Seek) -> Result<Header, String> {
    let mut decoder = decoder(reader)?;
    let (width, height) = decoder.dimensions();
    let lies = matches!(
        orientation(&mut decoder),
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    Ok(if lies { (height, width) } else { (width, height) })
}

/// Decodes a file, rotates it as its EXIF data say, and blends transparent parts with `background`.
///
/// # Errors
/// A message about the fault of the file, for example that its pixels would take more than
/// [`LARGEST`].
pub(super) fn decode(reader: impl BufRead + Seek, background: Colour) -> Result<Picture, String> {
    let mut decoder = decoder(reader)?;
    check_size(&decoder)?;
    let orientation = orientation(&mut decoder);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| damaged(&error))?;
    image.apply_orientation(orientation);
    let (image, transparent) = opaque(image, background);
    Ok(Picture { image, turned: orientation != Orientation::NoTransforms, transparent })
}

fn decoder<'a>(reader: impl BufRead + Seek + 'a) -> Result<impl ImageDecoder + 'a, String> {
    let reader = ImageReader::new(reader).with_guessed_format().map_err(|error| damaged(&error))?;
    reader.into_decoder().map_err(|error| damaged(&error))
}

/// Refuses an image whose pixels take too much memory, before any is allocated.
fn check_size(decoder: &impl ImageDecoder) -> Result<(), String> {
    const MIB: u64 = 1 << 20;
    let needed = decoder.total_bytes();
    if needed <= LARGEST {
        return Ok(());
    }
    let (width, height) = decoder.dimensions();
    let needed = needed.div_ceil(MIB);
    let most = LARGEST / MIB;
    Err(format!(
        "is an image of {width} x {height} pixels, which take {needed} MiB: expected at most \
         {most} MiB"
    ))
}

fn damaged(error: &dyn std::fmt::Display) -> String {
    format!("is no PNG or JPEG image, or a damaged one: {error}")
}

/// Orientation of the image; unreadable EXIF data are ignored.
fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

/// The image without its alpha channel, and `true` if any pixel was transparent. An opaque image
/// keeps its values bit for bit, and grey over grey stays grey.
fn opaque(image: DynamicImage, background: Colour) -> (DynamicImage, bool) {
    use image::ColorType::{L8, L16, La8, La16, Rgb8, Rgb16, Rgba8};
    let without = match image.color() {
        La8 => L8,
        La16 => L16,
        Rgba8 => Rgb8,
        kind if kind.has_alpha() => Rgb16,
        _ => return (image, false),
    };
    let values = image.to_rgba16();
    let (width, height) = values.dimensions();
    if values.pixels().all(|pixel| pixel[3] == u16::MAX) {
        let flat = match without {
            L8 => image.to_luma8().into(),
            L16 => image.to_luma16().into(),
            Rgb8 => image.to_rgb8().into(),
            _ => image.to_rgb16().into(),
        };
        return (flat, false);
    }
    let ground = background.0.map(wide_value);
    let over = |pixel: &Rgba<u16>, channel: usize| blend(pixel[channel], pixel[3], ground[channel]);
    if matches!(without, L8 | L16) && background.is_grey() {
        let grey = values.pixels().map(|pixel| over(pixel, 0)).collect();
        let flat: ImageBuffer<Luma<u16>, Vec<u16>> =
            ImageBuffer::from_raw(width, height, grey).expect("a value a pixel");
        return (flat.into(), true);
    }
    let colours =
        values.pixels().flat_map(|pixel| [0, 1, 2].map(|channel| over(pixel, channel))).collect();
    let flat: ImageBuffer<Rgb<u16>, Vec<u16>> =
        ImageBuffer::from_raw(width, height, colours).expect("three values a pixel");
    (flat.into(), true)
}

/// A byte in 16 bits: 65,535 is 257 times 255.
pub(super) fn wide_value(byte: u8) -> u16 {
    257 * u16::from(byte)
}

/// `value` blended with `ground` by its opacity, rounded to the nearest.
fn blend(value: u16, opacity: u16, ground: u16) -> u16 {
    const WHOLE: u32 = u16::MAX as u32;
    let (value, opacity, ground) = (u32::from(value), u32::from(opacity), u32::from(ground));
    // At most 65,535^2 + 32,767, which is below 2^32.
    ((value * opacity + ground * (WHOLE - opacity) + WHOLE / 2) / WHOLE) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opacity_mixes_with_the_ground() {
        assert_eq!(
            [blend(0, 0, 65_535), blend(0, 65_535, 65_535), blend(65_535, 65_535, 0)],
            [65_535, 0, 65_535]
        );
        assert_eq!([blend(0, 32_768, 65_535), blend(65_535, 65_535, 65_535)], [32_767, 65_535]);
    }
}

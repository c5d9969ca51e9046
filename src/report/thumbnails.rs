//! Small images of points: each as a PNG file, and all on one sheet.

use crate::error::{Error, Result};
use image::codecs::png::PngEncoder;
use image::imageops::{FilterType, resize};
use image::{ExtendedColorType, ImageBuffer, ImageEncoder, Luma, Pixel, Rgb};
use rayon::prelude::*;

/// Images of one size, a byte a channel, row after row, image after image.
#[derive(Clone, Copy, Debug)]
pub struct Thumbnails<'a> {
    pixels: &'a [u8],
    width: usize,
    height: usize,
    channels: usize,
}

/// All images in one.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// The PNG file.
    pub png: Vec<u8>,
    /// Images in a row, and rows.
    pub columns: usize,
    /// Width and height of each image on the sheet, which may be less than it was.
    pub size: (usize, usize),
}

impl<'a> Thumbnails<'a> {
    /// Takes images of `width` x `height` pixels of 1 channel, grey, or 3, red, green and blue.
    ///
    /// # Errors
    /// [`Error::Data`] if the sizes are others or the pixels do not make whole images.
    pub fn new(pixels: &'a [u8], width: usize, height: usize, channels: usize) -> Result<Self> {
        let size = width * height * channels;
        if matches!(channels, 1 | 3) && size > 0 && pixels.len().is_multiple_of(size) {
            return Ok(Self { pixels, width, height, channels });
        }
        Err(Error::Data(format!("{} bytes do not make images of {width} x {height} x {channels}", pixels.len())))
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.pixels.len() / (self.width * self.height * self.channels)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// Width and height of an image.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Every image as a PNG file of 8 bits a channel.
    ///
    /// # Errors
    /// [`Error::Data`] with the encoder's words.
    pub fn png_files(&self) -> Result<Vec<Vec<u8>>> {
        let images = self.pixels.par_chunks_exact(self.width * self.height * self.channels);
        images.map(|pixels| png(pixels, (self.width, self.height), self.channels)).collect()
    }

    /// All images row by row on a sheet of as many columns as rows, black where there are no more. Where that would be wider or
    /// higher than `max_side` pixels, every image is shrunk to what fits.
    ///
    /// # Errors
    /// [`Error::Data`] if there are too many for a pixel each, or with the encoder's words.
    pub fn sheet(&self, max_side: usize) -> Result<Sheet> {
        let n = self.len();
        let columns = n.isqrt() + usize::from(n.isqrt().pow(2) < n);
        if columns == 0 || columns > max_side {
            return Err(Error::Data(format!("{n} images do not fit on a sheet of {max_side} x {max_side} pixels")));
        }
        let most = max_side / columns;
        let longest = self.width.max(self.height);
        let fit = |side: usize| if longest > most { (side * most / longest).max(1) } else { side };
        let size = (fit(self.width), fit(self.height));
        let shrunk = if size == self.size() {
            self.pixels.to_vec()
        } else if self.channels == 1 {
            self.resized::<Luma<u8>>(size)
        } else {
            self.resized::<Rgb<u8>>(size)
        };
        let (row, width) = (size.0 * self.channels, columns * size.0 * self.channels);
        let mut sheet = vec![0; width * columns * size.1];
        for (at, image) in shrunk.chunks_exact(row * size.1).enumerate() {
            let corner = at / columns * size.1 * width + at % columns * row;
            for (y, line) in image.chunks_exact(row).enumerate() {
                sheet[corner + y * width..][..row].copy_from_slice(line);
            }
        }
        let png = png(&sheet, (columns * size.0, columns * size.1), self.channels)?;
        Ok(Sheet { png, columns, size })
    }

    fn resized<P: Pixel<Subpixel = u8> + 'static>(&self, (width, height): (usize, usize)) -> Vec<u8> {
        let images = self.pixels.par_chunks_exact(self.width * self.height * self.channels);
        let shrunk = images.flat_map_iter(|pixels| {
            let image = ImageBuffer::<P, _>::from_raw(self.width as u32, self.height as u32, pixels).expect("a whole image");
            resize(&image, width as u32, height as u32, FilterType::Triangle).into_raw()
        });
        shrunk.collect()
    }
}

fn png(pixels: &[u8], (width, height): (usize, usize), channels: usize) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let color = if channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let written = PngEncoder::new(&mut file).write_image(pixels, width as u32, height as u32, color);
    written.map_err(|error| Error::Data(format!("an image cannot be encoded: {error}")))?;
    Ok(file)
}

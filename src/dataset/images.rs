//! Images in memory, grey or in colour, with and without labels.

use crate::error::{Error, Result};
use crate::matrix::Matrix;
use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma, Rgb};
use rayon::prelude::*;
use std::borrow::Cow;
use std::fmt;

/// Images of one size, row-major within an image, image after image; a pixel is one grey byte, or
/// red, green and blue.
#[derive(Clone, PartialEq, Eq)]
pub struct Images {
    pixels: Vec<u8>,
    n: usize,
    height: usize,
    width: usize,
    channels: usize,
}

impl Images {
    /// Grey images from the pixels of any number of images of `height` x `width`.
    ///
    /// # Errors
    /// [`Error::Data`] if a size is zero or the pixels do not fill whole images.
    pub fn new(pixels: Vec<u8>, height: usize, width: usize) -> Result<Self> {
        Self::with_channels(pixels, height, width, 1)
    }

    /// Images from the values of any number of images of `height` x `width` pixels, each of 1 or 3
    /// `channels`: grey, or red, green and blue.
    ///
    /// # Errors
    /// [`Error::Data`] if a size is zero, the number of channels is another, or the values do not
    /// fill whole images.
    pub fn with_channels(
        pixels: Vec<u8>,
        height: usize,
        width: usize,
        channels: usize,
    ) -> Result<Self> {
        let size = height.checked_mul(width).and_then(|size| size.checked_mul(channels));
        match size.filter(|_| matches!(channels, 1 | 3)) {
            Some(size) if size > 0 && pixels.len().is_multiple_of(size) => {
                Ok(Self { n: pixels.len() / size, pixels, height, width, channels })
            }
            _ => {
                let len = pixels.len();
                let expected = match channels {
                    1 => format!("{len} pixels do not make whole images of {height} x {width}"),
                    _ => format!(
                        "{len} values do not make whole images of {height} x {width} x \
                         {channels}, with 1 or 3 channels"
                    ),
                };
                Err(Error::Data(expected))
            }
        }
    }

    /// Number of images.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Height of an image in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Width of an image in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of values of a pixel: 1 for grey, 3 for colour.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Height, width and channels.
    pub fn shape(&self) -> [usize; 3] {
        [self.height, self.width, self.channels]
    }

    /// Number of values of an image: height * width * channels.
    pub fn n_values(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Size for messages: `28 x 28` for grey images, `32 x 32 x 3` for colour.
    pub fn size_text(&self) -> String {
        let [height, width, channels] = self.shape();
        match channels {
            1 => format!("{height} x {width}"),
            _ => format!("{height} x {width} x {channels}"),
        }
    }

    /// Sizes of an array of the images: n, height and width, and the channels of colour.
    pub(crate) fn array_shape(&self) -> Vec<usize> {
        let channels = (self.channels > 1).then_some(self.channels);
        [self.n, self.height, self.width].into_iter().chain(channels).collect()
    }

    /// The values of image `i`, row after row, the channels of a pixel side by side; 0 is
    /// background in Fashion-MNIST.
    ///
    /// # Panics
    /// If `i >= n`.
    pub fn image(&self, i: usize) -> &[u8] {
        &self.pixels[i * self.n_values()..][..self.n_values()]
    }

    /// The values of all images, one after another.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The values of all images, without a copy.
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    /// The values as numbers from 0 to 1 (byte / 255), n x (height * width * channels).
    pub fn features(&self) -> Matrix {
        let data = self.pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
        Matrix::new(data, self.n, self.n_values()).expect("whole images of finite values")
    }

    /// The images with rows and columns of pixels exchanged.
    pub fn transposed(&self) -> Self {
        let [height, width, channels] = [self.width, self.height, self.channels];
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for image in self.pixels.chunks_exact(self.n_values()) {
            for row in 0..height {
                for column in 0..width {
                    let at = (column * self.width + row) * channels;
                    pixels.extend_from_slice(&image[at..at + channels]);
                }
            }
        }
        Self { pixels, height, width, ..*self }
    }

    /// `true` if there are several images and all are equal, pixel for pixel.
    pub fn are_alike(&self) -> bool {
        self.n > 1 && (1..self.n).all(|row| self.image(row) == self.image(0))
    }

    /// A copy of the given images, in the given order.
    ///
    /// # Panics
    /// If an index is out of range.
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut pixels = Vec::with_capacity(rows.len() * self.n_values());
        for &row in rows {
            pixels.extend_from_slice(self.image(row));
        }
        Self { pixels, n: rows.len(), ..*self }
    }

    /// These images followed by others.
    ///
    /// # Errors
    /// [`Error::Data`] if the others have another size or another number of channels.
    pub fn followed_by(mut self, others: Self) -> Result<Self> {
        if self.shape() != others.shape() {
            return Err(Error::Data(format!(
                "{others:?} cannot follow {self:?}: they have another size"
            )));
        }
        self.pixels.extend(others.pixels);
        Ok(Self { n: self.n + others.n, ..self })
    }

    /// Images scaled to another size, with a triangle filter.
    pub fn resized(&self, width: usize, height: usize) -> Self {
        let from = (self.width as u32, self.height as u32);
        let to = (width as u32, height as u32);
        let small = |at: usize| {
            let values = self.image(at).to_vec();
            if self.channels == 1 {
                let image: ImageBuffer<Luma<u8>, _> =
                    ImageBuffer::from_raw(from.0, from.1, values).expect("whole images");
                imageops::resize(&image, to.0, to.1, FilterType::Triangle).into_raw()
            } else {
                let image: ImageBuffer<Rgb<u8>, _> =
                    ImageBuffer::from_raw(from.0, from.1, values).expect("whole images");
                imageops::resize(&image, to.0, to.1, FilterType::Triangle).into_raw()
            }
        };
        let pixels = (0..self.n).into_par_iter().map(small).collect::<Vec<_>>().concat();
        Self { pixels, width, height, ..*self }
    }

    /// The images, or smaller ones if their longer side is above `longest`; proportions are kept.
    pub fn within(&self, longest: usize) -> Cow<'_, Self> {
        let [height, width] = self.size_within(longest);
        match [height, width] == [self.height, self.width] {
            true => Cow::Borrowed(self),
            false => Cow::Owned(self.resized(width, height)),
        }
    }

    /// Height and width of [`Images::within`].
    pub fn size_within(&self, longest: usize) -> [usize; 2] {
        let longer = self.height.max(self.width);
        [self.height, self.width].map(|side| match longer <= longest {
            true => side,
            false => ((side * longest + longer / 2) / longer).max(1),
        })
    }
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Images({} x {})", self.n, self.size_text())
    }
}

/// Images, each with a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples {
    /// The images.
    pub images: Images,
    /// The label of each image: an index into the class names.
    pub labels: Vec<u16>,
}

impl Samples {
    /// Combines images and labels.
    ///
    /// # Errors
    /// [`Error::Data`] if there are not as many labels as images.
    pub fn new(images: Images, labels: Vec<u16>) -> Result<Self> {
        if labels.len() != images.n() {
            return Err(Error::Data(format!("{} labels for {} images", labels.len(), images.n())));
        }
        Ok(Self { images, labels })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// `true` if there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// A copy of the given rows, in the given order.
    ///
    /// # Panics
    /// If an index is out of range.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            images: self.images.select(rows),
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_become_features_and_rows_are_picked_in_order() {
        let images = Images::new(vec![0, 51, 102, 153, 204, 255], 1, 2).unwrap();
        assert_eq!(images.features().as_slice(), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        assert_eq!((images.features().n_samples(), images.features().n_features()), (3, 2));
        let samples = Samples::new(images, vec![7, 8, 9]).unwrap().select(&[2, 0, 2]);
        assert_eq!(samples.labels, [9, 7, 9]);
        assert_eq!(
            [0, 1, 2].map(|i| samples.images.image(i).to_vec()),
            [[204, 255], [0, 51], [204, 255]]
        );
        assert!(samples.select(&[]).is_empty() && samples.len() == 3);
    }

    #[test]
    fn rows_and_columns_are_exchanged() {
        let images = Images::new((0..12).collect(), 2, 3).unwrap();
        let turned = images.transposed();
        assert_eq!((turned.n(), turned.height(), turned.width()), (2, 3, 2));
        assert_eq!(
            (turned.image(0), turned.image(1)),
            (&[0, 3, 1, 4, 2, 5][..], &[6, 9, 7, 10, 8, 11][..])
        );
        assert!(turned.transposed() == images);
    }

    #[test]
    fn colours_stay_side_by_side() {
        // Value of row y, column x, channel c of image i: 100 i + 30 y + 10 x + c.
        let value = |i: u8, y: u8, x: u8, c: u8| 100 * i + 30 * y + 10 * x + c;
        let of = |height: u8, width: u8, turned: bool| {
            let mut values = Vec::new();
            for i in 0..2 {
                for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                    let (y, x) = if turned { (x, y) } else { (y, x) };
                    values.extend((0..3).map(|c| value(i, y, x, c)));
                }
            }
            values
        };
        let images = Images::with_channels(of(2, 3, false), 2, 3, 3).unwrap();
        assert_eq!((images.n(), images.shape(), images.n_values()), (2, [2, 3, 3], 18));
        assert_eq!(
            (images.size_text(), images.array_shape()),
            ("2 x 3 x 3".into(), vec![2, 2, 3, 3])
        );
        assert_eq!(images.features().row(1)[17], f32::from(value(1, 1, 2, 2)) / 255.0);
        assert_eq!(images.transposed(), Images::with_channels(of(3, 2, true), 3, 2, 3).unwrap());
        assert_eq!(images.select(&[1]).image(0), images.image(1));
        let both = images.clone().followed_by(images.select(&[0])).unwrap();
        assert_eq!((both.n(), both.image(2)), (3, images.image(0)));
        let grey = Images::new(vec![0; 6], 2, 3).unwrap();
        assert_eq!(
            grey.followed_by(images).unwrap_err().to_string(),
            "Images(2 x 2 x 3 x 3) cannot follow Images(1 x 2 x 3): they have another size"
        );
    }

    #[test]
    fn counts_that_do_not_fit_are_refused() {
        assert_eq!(
            Images::new(vec![0; 5], 1, 2).unwrap_err().to_string(),
            "5 pixels do not make whole images of 1 x 2"
        );
        assert!(
            Images::new(vec![], 0, 2).is_err() && Images::new(vec![0; 4], usize::MAX, 2).is_err()
        );
        assert_eq!(
            Images::with_channels(vec![0; 8], 2, 2, 2).unwrap_err().to_string(),
            "8 values do not make whole images of 2 x 2 x 2, with 1 or 3 channels"
        );
        let images = Images::new(vec![0; 6], 1, 2).unwrap();
        assert_eq!(
            Samples::new(images, vec![0; 2]).unwrap_err().to_string(),
            "2 labels for 3 images"
        );
    }
}

//! Grey images in memory, with and without labels.

use crate::error::{Error, Result};
use crate::matrix::Matrix;
use std::fmt;

/// Grey images of one size, one byte a pixel, row-major within an image, image after image.
#[derive(Clone, PartialEq, Eq)]
pub struct Images {
    pixels: Vec<u8>,
    n: usize,
    height: usize,
    width: usize,
}

impl Images {
    /// Images from the pixels of any number of images of `height` x `width`.
    ///
    /// # Errors
    /// [`Error::Data`] if a size is zero or the pixels do not fill whole images.
    pub fn new(pixels: Vec<u8>, height: usize, width: usize) -> Result<Self> {
        match height.checked_mul(width) {
            Some(size) if size > 0 && pixels.len().is_multiple_of(size) => {
                Ok(Self { n: pixels.len() / size, pixels, height, width })
            }
            _ => Err(Error::Data(format!(
                "{} pixels do not make whole images of {height} x {width}",
                pixels.len()
            ))),
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

    /// Number of pixels of one image.
    pub fn n_pixels(&self) -> usize {
        self.height * self.width
    }

    /// The pixels of image `i`, row after row; 0 is background in Fashion-MNIST.
    ///
    /// # Panics
    /// If `i >= n`.
    pub fn image(&self, i: usize) -> &[u8] {
        &self.pixels[i * self.n_pixels()..][..self.n_pixels()]
    }

    /// The pixels of all images, one after another.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The pixels of all images, without a copy.
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    /// The pixels as numbers from 0 to 1 (byte / 255), n x (height * width).
    pub fn features(&self) -> Matrix {
        let data = self.pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
        Matrix::new(data, self.n, self.n_pixels()).expect("whole images of finite values")
    }

    /// The images with rows and columns of pixels exchanged.
    pub fn transposed(&self) -> Self {
        let (height, width) = (self.width, self.height);
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for image in self.pixels.chunks_exact(self.n_pixels()) {
            pixels
                .extend((0..height).flat_map(|row| {
                    (0..width).map(move |column| image[column * self.width + row])
                }));
        }
        Self { pixels, n: self.n, height, width }
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
        let mut pixels = Vec::with_capacity(rows.len() * self.n_pixels());
        for &row in rows {
            pixels.extend_from_slice(self.image(row));
        }
        Self { pixels, n: rows.len(), ..*self }
    }
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Images({} x {} x {})", self.n, self.height, self.width)
    }
}

/// Images, each with a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples {
    /// The images.
    pub images: Images,
    /// The label of each image: an index into the class names.
    pub labels: Vec<u8>,
}

impl Samples {
    /// Combines images and labels.
    ///
    /// # Errors
    /// [`Error::Data`] if there are not as many labels as images.
    pub fn new(images: Images, labels: Vec<u8>) -> Result<Self> {
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
    fn counts_that_do_not_fit_are_refused() {
        assert_eq!(
            Images::new(vec![0; 5], 1, 2).unwrap_err().to_string(),
            "5 pixels do not make whole images of 1 x 2"
        );
        assert!(
            Images::new(vec![], 0, 2).is_err() && Images::new(vec![0; 4], usize::MAX, 2).is_err()
        );
        let images = Images::new(vec![0; 6], 1, 2).unwrap();
        assert_eq!(
            Samples::new(images, vec![0; 2]).unwrap_err().to_string(),
            "2 labels for 3 images"
        );
    }
}

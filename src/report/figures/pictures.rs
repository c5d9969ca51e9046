//! The images of a figure: all of one size, each enlarged by the same whole factor, so that their
//! pixels stay squares.

use super::canvas::{Canvas, FRAME, Picture, Point, outline};
use crate::dataset::Images;

/// Size of the images of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureSize {
    /// Pixels in a row of an image.
    pub width: usize,
    /// Rows of an image.
    pub height: usize,
    /// Values of a pixel: 1 for grey, 3 for red, green and blue.
    pub channels: usize,
}

impl PictureSize {
    /// That of `images`.
    pub fn of(images: &Images) -> Self {
        let [height, width, channels] = images.shape();
        Self { width, height, channels }
    }

    fn picture(self, pixels: &[u8]) -> Picture<'_> {
        Picture { pixels, width: self.width, height: self.height, channels: self.channels }
    }

    /// What is wrong with an image, if anything.
    pub(super) fn check(self, pixels: &[u8]) -> Result<(), String> {
        self.picture(pixels).check()
    }

    /// The factor by which an image becomes about `side` wide.
    fn zoom(self, side: usize) -> usize {
        (side / self.width.max(self.height).max(1)).max(1)
    }

    /// Side lengths of an image that becomes about `side` wide.
    pub(super) fn cell(self, side: usize) -> (f64, f64) {
        let zoom = self.zoom(side);
        ((self.width * zoom) as f64, (self.height * zoom) as f64)
    }

    /// Draws an image that becomes about `side` wide in a frame.
    pub(super) fn draw(self, canvas: &mut dyn Canvas, corner: Point, side: usize, pixels: &[u8]) {
        canvas.picture(corner, self.zoom(side) as u32, &self.picture(pixels));
        // Images with a white background, such as drawings, would otherwise have no edge.
        outline(canvas, corner, self.cell(side), FRAME);
    }
}

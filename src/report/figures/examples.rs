//! Example images: a row for each class.

use super::canvas::{Align, Canvas, FRAME, Picture, Text, outline};
use super::font::{fit, text_width};
use super::{Figure, LABEL, MARGIN, TITLE_HEIGHT, draw_title};

/// An image becomes about this wide; it grows by a whole factor, so that its pixels stay squares of
/// one size.
const CELL: usize = 84;
const GAP: f64 = 6.0;
const WIDEST_NAME: f64 = 280.0;

/// The first images of every class.
#[derive(Clone, Debug)]
pub struct Examples<'a> {
    /// Above the images; none if empty.
    pub title: String,
    /// For each class its images, row-major, 0 is black. A class may have none.
    pub images: Vec<Vec<&'a [u8]>>,
    /// Pixels in a row of an image.
    pub width: usize,
    /// Rows of an image.
    pub height: usize,
    /// Values of a pixel: 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// Maximum number of images of a class.
    pub columns: usize,
    /// One name for each class.
    pub class_names: &'a [String],
}

impl Examples<'_> {
    fn picture<'a>(&self, pixels: &'a [u8]) -> Picture<'a> {
        Picture { pixels, width: self.width, height: self.height, channels: self.channels }
    }

    fn zoom(&self) -> usize {
        (CELL / self.width.max(self.height).max(1)).max(1)
    }

    /// Side lengths of one image in the figure.
    fn cell(&self) -> (f64, f64) {
        ((self.width * self.zoom()) as f64, (self.height * self.zoom()) as f64)
    }

    /// Where images begin: right of the names, under the title.
    fn corner(&self) -> (f64, f64) {
        let names = self
            .class_names
            .iter()
            .map(|name| text_width(name, LABEL))
            .fold(0.0, f64::max)
            .min(WIDEST_NAME);
        let top = if self.title.is_empty() { MARGIN } else { MARGIN + TITLE_HEIGHT };
        ((MARGIN + names * 1.1 + 18.0).ceil(), top)
    }
}

impl Figure for Examples<'_> {
    fn check(&self) -> Result<(), String> {
        if self.images.len() != self.class_names.len() {
            return Err(format!(
                "{} classes of images, but {} class names",
                self.images.len(),
                self.class_names.len()
            ));
        }
        self.images.iter().flatten().try_for_each(|pixels| self.picture(pixels).check())
    }

    fn size(&self) -> (u32, u32) {
        let ((left, top), (width, height)) = (self.corner(), self.cell());
        let across = |n: usize, side: f64| n as f64 * (side + GAP) - GAP;
        let right = left + across(self.columns.max(1), width) + MARGIN;
        (right as u32, (top + across(self.images.len().max(1), height) + MARGIN) as u32)
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        draw_title(canvas, &self.title, self.size().0);
        let ((left, top), (width, height)) = (self.corner(), self.cell());
        for (row, (images, name)) in self.images.iter().zip(self.class_names).enumerate() {
            let y = top + row as f64 * (height + GAP);
            let name = fit(name, LABEL, WIDEST_NAME);
            canvas.text(
                &Text::new(&name, (left - 18.0, y + height / 2.0), LABEL).align(Align::Right),
            );
            for (column, pixels) in images.iter().take(self.columns).enumerate() {
                let x = left + column as f64 * (width + GAP);
                canvas.picture((x, y), self.zoom() as u32, &self.picture(pixels));
                // Images with a white background, such as drawings, would otherwise have no edge.
                outline(canvas, (x, y), (width, height), FRAME);
            }
        }
    }
}

//! Example images: a row for each class.

use super::canvas::{Align, Canvas, Text};
use super::font::{fit, text_width};
use super::pictures::PictureSize;
use super::{Figure, LABEL, MARGIN, TITLE_HEIGHT, draw_title};

/// An image becomes about this wide.
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
    /// Size of the images.
    pub pictures: PictureSize,
    /// Maximum number of images of a class.
    pub columns: usize,
    /// One name for each class.
    pub class_names: &'a [String],
}

impl Examples<'_> {
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
        self.images.iter().flatten().try_for_each(|pixels| self.pictures.check(pixels))
    }

    fn size(&self) -> (u32, u32) {
        let ((left, top), (width, height)) = (self.corner(), self.pictures.cell(CELL));
        let across = |n: usize, side: f64| n as f64 * (side + GAP) - GAP;
        let right = left + across(self.columns.max(1), width) + MARGIN;
        (right as u32, (top + across(self.images.len().max(1), height) + MARGIN) as u32)
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        draw_title(canvas, &self.title, self.size().0);
        let ((left, top), (width, height)) = (self.corner(), self.pictures.cell(CELL));
        for (row, (images, name)) in self.images.iter().zip(self.class_names).enumerate() {
            let y = top + row as f64 * (height + GAP);
            let name = fit(name, LABEL, WIDEST_NAME);
            canvas.text(
                &Text::new(&name, (left - 18.0, y + height / 2.0), LABEL).align(Align::Right),
            );
            for (column, pixels) in images.iter().take(self.columns).enumerate() {
                let x = left + column as f64 * (width + GAP);
                self.pictures.draw(canvas, (x, y), CELL, pixels);
            }
        }
    }
}

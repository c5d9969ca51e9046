//! Images of each cluster: those in its middle, and those at its edge.

use super::canvas::{Align, Canvas, SOFT_INK, Text};
use super::font::{fit, text_width};
use super::pictures::PictureSize;
use super::{Figure, LABEL, MARGIN, TICK, TITLE_HEIGHT, draw_title};

/// An image becomes about this wide.
const CELL: usize = 84;
const GAP: f64 = 6.0;
/// Between the two halves of a row.
const MIDDLE: f64 = 34.0;
const HEADING: f64 = 34.0;
const WIDEST_NAME: f64 = 280.0;

/// One row of a gallery.
#[derive(Clone, Debug)]
pub struct GalleryRow<'a> {
    /// At the left.
    pub name: String,
    /// A second line below the name; none if empty.
    pub note: String,
    /// Images of the left and of the right half, row-major, 0 is black.
    pub images: [Vec<&'a [u8]>; 2],
}

/// Rows of images in two halves.
#[derive(Clone, Debug)]
pub struct Gallery<'a> {
    /// Above the images; none if empty.
    pub title: String,
    /// Above the halves.
    pub headings: [String; 2],
    /// One below the other.
    pub rows: Vec<GalleryRow<'a>>,
    /// Size of the images.
    pub pictures: PictureSize,
    /// Maximum number of images in a half.
    pub columns: usize,
}

impl Gallery<'_> {
    /// Height of a row: of an image, or of two lines.
    fn pitch(&self) -> f64 {
        self.pictures.cell(CELL).1.max(2.6 * LABEL) + GAP
    }

    /// Where the images of a half begin.
    fn corner(&self, half: usize) -> (f64, f64) {
        let names = self
            .rows
            .iter()
            .map(|row| text_width(&row.name, LABEL).max(text_width(&row.note, TICK)));
        let names = names.fold(0.0, f64::max).min(WIDEST_NAME);
        let top = if self.title.is_empty() { MARGIN } else { MARGIN + TITLE_HEIGHT };
        let across = self.columns.max(1) as f64 * (self.pictures.cell(CELL).0 + GAP) - GAP;
        ((MARGIN + names * 1.1 + 18.0).ceil() + half as f64 * (across + MIDDLE), top + HEADING)
    }
}

impl Figure for Gallery<'_> {
    fn check(&self) -> Result<(), String> {
        let mut images = self.rows.iter().flat_map(|row| row.images.iter().flatten());
        images.try_for_each(|pixels| self.pictures.check(pixels))
    }

    fn size(&self) -> (u32, u32) {
        let (left, top) = self.corner(1);
        let right =
            left + self.columns.max(1) as f64 * (self.pictures.cell(CELL).0 + GAP) - GAP + MARGIN;
        (right as u32, (top + self.rows.len().max(1) as f64 * self.pitch() - GAP + MARGIN) as u32)
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        draw_title(canvas, &self.title, self.size().0);
        let (width, height) = self.pictures.cell(CELL);
        for half in 0..2 {
            let (left, top) = self.corner(half);
            canvas.text(
                &Text::new(&self.headings[half], (left, top - HEADING / 2.0), TICK).color(SOFT_INK),
            );
            for (at, row) in self.rows.iter().enumerate() {
                let y = top + at as f64 * self.pitch();
                for (column, pixels) in row.images[half].iter().take(self.columns).enumerate() {
                    let x = left + column as f64 * (width + GAP);
                    self.pictures.draw(canvas, (x, y), CELL, pixels);
                }
            }
        }
        let (left, top) = self.corner(0);
        for (at, row) in self.rows.iter().enumerate() {
            let middle = top + at as f64 * self.pitch() + height / 2.0;
            let apart = if row.note.is_empty() { 0.0 } else { 0.6 * LABEL };
            let name = fit(&row.name, LABEL, WIDEST_NAME);
            let note = fit(&row.note, TICK, WIDEST_NAME);
            canvas
                .text(&Text::new(&name, (left - 18.0, middle - apart), LABEL).align(Align::Right));
            canvas.text(
                &Text::new(&note, (left - 18.0, middle + apart), TICK)
                    .align(Align::Right)
                    .color(SOFT_INK),
            );
        }
    }
}

//! Images in rows, each with a caption of a few lines.

use super::canvas::{Canvas, INK, SOFT_INK, Text};
use super::font::fit;
use super::pictures::PictureSize;
use super::{Figure, LABEL, MARGIN, TICK, TITLE_HEIGHT, draw_title};

/// An image becomes about this wide.
const CELL: usize = 112;
/// Width that the caption has at least.
const WORDS: f64 = 236.0;
const LINE: f64 = 27.0;
const GAP: f64 = 24.0;

/// An image and what it is.
#[derive(Clone, Debug)]
pub struct CaptionedImage<'a> {
    /// Row-major, 0 is black.
    pub pixels: &'a [u8],
    /// Below it, the first line larger than the others.
    pub lines: Vec<String>,
}

/// Images with their captions.
#[derive(Clone, Debug)]
pub struct Captioned<'a> {
    /// Above the images.
    pub title: String,
    /// Row by row.
    pub images: Vec<CaptionedImage<'a>>,
    /// Size of the images.
    pub pictures: PictureSize,
    /// Images in a row of the figure at most.
    pub columns: usize,
}

impl Captioned<'_> {
    fn column_width(&self) -> f64 {
        self.pictures.cell(CELL).0.max(WORDS)
    }

    /// Height of an image with its caption.
    fn row_height(&self) -> f64 {
        let lines = self.images.iter().map(|image| image.lines.len()).max().unwrap_or(0);
        self.pictures.cell(CELL).1 + LINE * lines as f64
    }
}

impl Figure for Captioned<'_> {
    fn check(&self) -> Result<(), String> {
        self.images.iter().try_for_each(|image| self.pictures.check(image.pixels))
    }

    fn size(&self) -> (u32, u32) {
        let columns = self.columns.max(1);
        let rows = self.images.len().div_ceil(columns).max(1);
        let across = |n: usize, side: f64| n as f64 * (side + GAP) - GAP;
        let width = 2.0 * MARGIN + across(columns, self.column_width());
        let height = 2.0 * MARGIN + TITLE_HEIGHT + across(rows, self.row_height());
        (width.ceil() as u32, height.ceil() as u32)
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        draw_title(canvas, &self.title, self.size().0);
        let (width, columns) = (self.column_width(), self.columns.max(1));
        for (at, image) in self.images.iter().enumerate() {
            let x = MARGIN + (at % columns) as f64 * (width + GAP);
            let y = MARGIN + TITLE_HEIGHT + (at / columns) as f64 * (self.row_height() + GAP);
            self.pictures.draw(canvas, (x, y), CELL, image.pixels);
            for (line, words) in image.lines.iter().enumerate() {
                let (size, color) = if line == 0 { (LABEL, INK) } else { (TICK, SOFT_INK) };
                let middle = y + self.pictures.cell(CELL).1 + LINE * (line as f64 + 0.6);
                let words = fit(words, size, width);
                canvas.text(&Text::new(&words, (x, middle), size).color(color));
            }
        }
    }
}

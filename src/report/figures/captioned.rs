//! Images in rows, each with a caption of a few lines.

use super::canvas::{Canvas, FRAME, INK, Picture, SOFT_INK, Text, outline};
use super::font::fit;
use super::{Figure, LABEL, MARGIN, TICK, TITLE_HEIGHT, draw_title};

/// An image becomes about this wide; it grows by a whole factor, so that its pixels stay squares of
/// one size.
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
    /// Pixels in a row of an image.
    pub width: usize,
    /// Rows of an image.
    pub height: usize,
    /// Values of a pixel: 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// Images in a row of the figure at most.
    pub columns: usize,
}

impl Captioned<'_> {
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

    fn column_width(&self) -> f64 {
        self.cell().0.max(WORDS)
    }

    /// Height of an image with its caption.
    fn row_height(&self) -> f64 {
        let lines = self.images.iter().map(|image| image.lines.len()).max().unwrap_or(0);
        self.cell().1 + LINE * lines as f64
    }
}

impl Figure for Captioned<'_> {
    fn check(&self) -> Result<(), String> {
        self.images.iter().try_for_each(|image| self.picture(image.pixels).check())
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
            canvas.picture((x, y), self.zoom() as u32, &self.picture(image.pixels));
            outline(canvas, (x, y), self.cell(), FRAME);
            for (line, words) in image.lines.iter().enumerate() {
                let (size, color) = if line == 0 { (LABEL, INK) } else { (TICK, SOFT_INK) };
                let middle = y + self.cell().1 + LINE * (line as f64 + 0.6);
                let words = fit(words, size, width);
                canvas.text(&Text::new(&words, (x, middle), size).color(color));
            }
        }
    }
}

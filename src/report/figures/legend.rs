//! Names of lines, one below the other, right of a panel.

use super::LABEL;
use super::canvas::{Canvas, Dot, SOFT_INK, Text, dashed_line};
use super::color;
use super::font::fit;

/// Height of an entry.
pub(super) const LINE: f64 = 32.0;
/// Length of the piece of line before a name, and where the name begins.
const SAMPLE: f64 = 30.0;
const NAME: f64 = 42.0;

/// A legend that grows downwards.
pub(super) struct Legend {
    /// Left end of the entries.
    pub(super) left: f64,
    /// Middle of the next entry.
    pub(super) y: f64,
    /// Width, to which names are cut.
    pub(super) width: f64,
}

impl Legend {
    /// A line of a series, with a dot of a radius if it has dots.
    pub(super) fn series(
        &mut self,
        canvas: &mut dyn Canvas,
        name: &str,
        series: usize,
        radius: Option<f64>,
    ) {
        let (left, y) = (self.left, self.y);
        canvas.line((left, y), (left + SAMPLE, y), 2.5, color(series));
        if let Some(radius) = radius {
            let dot = Dot { at: (left + SAMPLE / 2.0, y), color: color(series) };
            canvas.dots(&[dot], radius, 1.0);
        }
        self.name(canvas, name);
    }

    /// A dashed line.
    pub(super) fn dashed(&mut self, canvas: &mut dyn Canvas, name: &str) {
        dashed_line(canvas, (self.left, self.y), (self.left + SAMPLE, self.y), SOFT_INK);
        self.name(canvas, name);
    }

    fn name(&mut self, canvas: &mut dyn Canvas, name: &str) {
        let name = fit(name, LABEL, self.width - NAME);
        canvas.text(&Text::new(&name, (self.left + NAME, self.y), LABEL));
        self.y += LINE;
    }
}

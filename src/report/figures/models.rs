//! Models side by side: their learning curves on common axes, and the table of their values below.

use super::axes::{Axes, Ticks};
use super::canvas::{Align, Canvas, Dot, FRAME, INK, Point, SOFT_INK, Text, WHITE};
use super::font::{fit, text_width};
use super::{Figure, LABEL, MARGIN, SUBTITLE, TICK, TITLE_HEIGHT, color, draw_title};

const PANEL: (f64, f64) = (620.0, 380.0);
const AXIS: f64 = 72.0;
const GAP: f64 = 30.0;
const PANEL_NAME: f64 = 44.0;
const PANEL_FOOT: f64 = 76.0;
const LEGEND: f64 = 44.0;
const MARKER: f64 = 6.0;
/// Height of a table row, and the space between its columns.
const ROW: f64 = 36.0;
const COLUMN_GAP: f64 = 30.0;

/// The curves of one model, a value an epoch.
#[derive(Clone, Debug)]
pub struct ModelCurves {
    /// Loss and accuracy of the training rows.
    pub train: [Vec<f32>; 2],
    /// Loss and accuracy of the validation rows.
    pub validation: [Vec<f32>; 2],
}

/// The figure.
#[derive(Clone, Debug)]
pub struct Models {
    /// Above it.
    pub title: String,
    /// One for each model.
    pub curves: Vec<ModelCurves>,
    /// Headers of the table.
    pub columns: Vec<String>,
    /// Its cells, a row a model.
    pub rows: Vec<Vec<String>>,
    /// A sentence for each model, below the table.
    pub verdicts: Vec<String>,
}

impl Models {
    fn column_widths(&self) -> Vec<f64> {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| &row[column]).chain([&self.columns[column]]);
            cells.map(|cell| text_width(cell, TICK) * 1.1).fold(0.0, f64::max)
        };
        (0..self.columns.len()).map(width).collect()
    }

    /// Left edge of the panels, which stand in the middle above the table.
    fn panels_left(&self) -> f64 {
        let panels = 2.0 * (AXIS + PANEL.0) + GAP;
        ((f64::from(self.size().0) - panels) / 2.0).max(MARGIN)
    }

    fn table_top(&self) -> f64 {
        MARGIN + TITLE_HEIGHT + LEGEND + PANEL_NAME + PANEL.1 + PANEL_FOOT
    }

    fn panel(&self, canvas: &mut dyn Canvas, left: f64, name: &str, which: usize) {
        let values = || {
            self.curves
                .iter()
                .flat_map(|model| model.train[which].iter().chain(&model.validation[which]))
        };
        let n_epochs =
            self.curves.iter().map(|model| model.validation[which].len()).max().unwrap_or(1).max(1)
                as f64;
        let finite = values().filter(|value| value.is_finite()).map(|&value| f64::from(value));
        let (low, high) = finite
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        let air = 0.06 * (high - low).max(1e-3);
        let top = MARGIN + TITLE_HEIGHT + LEGEND + PANEL_NAME;
        let axes = Axes {
            corner: (left, top),
            size: PANEL,
            x: (0.6, n_epochs + 0.4),
            y: (low - air, high + air),
        };
        canvas.text(&Text::new(name, (left, top - 26.0), SUBTITLE));
        axes.draw_y(canvas, &Ticks::new(axes.y, 6, 0.0));
        axes.draw_x(canvas, &Ticks::new((1.0, n_epochs), 20, 1.0));
        let label_at = (left + PANEL.0 / 2.0, axes.bottom() + 50.0);
        canvas.text(&Text::new("epoch", label_at, LABEL).align(Align::Center).color(SOFT_INK));
        for (index, model) in self.curves.iter().enumerate() {
            let place =
                |(epoch, &y): (u32, &f32)| (axes.to_x(f64::from(epoch)), axes.to_y(f64::from(y)));
            let points = |values: &[f32]| -> Vec<Point> { (1..).zip(values).map(place).collect() };
            line(canvas, &points(&model.train[which]), 1.4, index);
            let validation = points(&model.validation[which]);
            line(canvas, &validation, 3.0, index);
            let losses =
                model.validation[0].iter().enumerate().filter(|(_, loss)| loss.is_finite());
            if let Some(&at) = losses
                .min_by(|a, b| a.1.total_cmp(b.1))
                .and_then(|(best, _)| validation.get(best))
                .filter(|at| at.1.is_finite())
            {
                canvas.dots(&[Dot { at, color: color(index) }], MARKER, 1.0);
                canvas.dots(&[Dot { at, color: WHITE }], MARKER / 2.0, 1.0);
            }
        }
    }

    fn legend(canvas: &mut dyn Canvas) {
        let y = MARGIN + TITLE_HEIGHT + LEGEND / 2.0 - 8.0;
        let words = "Thick: validation, thin: training, ring: least validation loss. The colours are named below.";
        canvas.text(&Text::new(words, (MARGIN, y), TICK).color(SOFT_INK));
    }

    fn table(&self, canvas: &mut dyn Canvas) {
        let (widths, top) = (self.column_widths(), self.table_top());
        let right =
            MARGIN + widths.iter().sum::<f64>() + COLUMN_GAP * (widths.len().max(1) - 1) as f64;
        for (line, cells) in std::iter::once(&self.columns).chain(&self.rows).enumerate() {
            let y = top + line as f64 * ROW + ROW / 2.0;
            let mut x = MARGIN;
            for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
                // Names to the left, numbers to the right.
                let (at, align) =
                    if column == 0 { (x, Align::Left) } else { (x + width, Align::Right) };
                let ink = if line == 0 { SOFT_INK } else { INK };
                canvas.text(&Text::new(cell, (at, y), TICK).align(align).color(ink));
                x += width + COLUMN_GAP;
            }
            canvas.line((MARGIN, y + ROW / 2.0), (right, y + ROW / 2.0), 1.0, FRAME);
        }
        let below = top + (self.rows.len() + 1) as f64 * ROW + 12.0;
        let room = f64::from(self.size().0) - 2.0 * MARGIN - 26.0;
        for (line, verdict) in self.verdicts.iter().enumerate() {
            let y = below + line as f64 * ROW + ROW / 2.0;
            canvas.rectangle((MARGIN, y - 7.0), (14.0, 14.0), color(line));
            canvas.text(&Text::new(&fit(verdict, TICK, room), (MARGIN + 26.0, y), TICK));
        }
    }
}

/// A line through `points`, broken where one is not finite.
fn line(canvas: &mut dyn Canvas, points: &[Point], width: f64, index: usize) {
    for pair in points.windows(2).filter(|pair| pair.iter().all(|point| point.1.is_finite())) {
        canvas.line(pair[0], pair[1], width, color(index));
    }
}

impl Figure for Models {
    fn check(&self) -> Result<(), String> {
        match self.rows.iter().find(|row| row.len() != self.columns.len()) {
            Some(row) => {
                Err(format!("a row of {} cells under {} headers", row.len(), self.columns.len()))
            }
            None => Ok(()),
        }
    }

    fn size(&self) -> (u32, u32) {
        let widths = self.column_widths();
        let table = widths.iter().sum::<f64>() + COLUMN_GAP * (widths.len().max(1) - 1) as f64;
        let verdicts = self
            .verdicts
            .iter()
            .map(|verdict| text_width(verdict, TICK) * 1.1 + 26.0)
            .fold(0.0, f64::max);
        let width = 2.0 * MARGIN + (2.0 * (AXIS + PANEL.0) + GAP).max(table).max(verdicts);
        let height = self.table_top()
            + (self.rows.len() + self.verdicts.len() + 1) as f64 * ROW
            + 12.0
            + MARGIN;
        (width as u32, height as u32)
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        draw_title(canvas, &self.title, self.size().0);
        Self::legend(canvas);
        let left = self.panels_left() + AXIS;
        self.panel(canvas, left, "Loss", 0);
        self.panel(canvas, left + PANEL.0 + GAP + AXIS, "Accuracy", 1);
        self.table(canvas);
    }
}

//! Training history: loss and accuracy against the epoch, on the training and on the validation data.

use super::axes::{Axes, Ticks};
use super::canvas::{Align, Canvas, Color, Dot, INK, Point, SOFT_INK, Text, WHITE, dotted_line};
use super::font::text_width;
use super::{Figure, LABEL, MARGIN, PALETTE, SUBTITLE, TICK, TITLE, TITLE_HEIGHT, draw_title};

const PANEL: (f64, f64) = (640.0, 400.0);
const PANEL_TOP: f64 = MARGIN + TITLE_HEIGHT + 62.0;
/// Room for the tick labels left of a panel.
const AXIS: f64 = 72.0;
const GAP: f64 = 30.0;
/// Radius of a marker where there is room for it.
const MARKER: f64 = 5.5;

/// One value per epoch and curve, from the first epoch on. A value that is not finite leaves a gap in its curve.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// Mean loss over the training rows.
    pub train_loss: &'a [f32],
    /// Mean loss over the validation rows.
    pub validation_loss: &'a [f32],
    /// Share of training rows that are classified rightly.
    pub train_accuracy: &'a [f32],
    /// Share of validation rows that are classified rightly.
    pub validation_accuracy: &'a [f32],
}

impl History<'_> {
    /// Index of the epoch of least validation loss, the first of several.
    fn best(&self) -> Option<usize> {
        let finite = self.validation_loss.iter().enumerate().filter(|(_, loss)| loss.is_finite());
        finite.min_by(|a, b| a.1.total_cmp(b.1)).map(|(epoch, _)| epoch)
    }

    fn caption(&self) -> String {
        let Some(best) = self.best() else {
            return "No validation loss was recorded.".into();
        };
        let accuracy = match self.validation_accuracy.get(best) {
            Some(accuracy) => format!(", where validation accuracy is {accuracy:.4}"),
            None => String::new(),
        };
        let loss = self.validation_loss[best];
        format!("Least validation loss {loss:.4} in epoch {}{accuracy} (dotted line)", best + 1)
    }

    fn panel(&self, canvas: &mut dyn Canvas, left: f64, name: &str, curves: [&[f32]; 2]) {
        let n_epochs = curves[0].len().max(curves[1].len()).max(1) as f64;
        // Half an epoch at either side where epochs are wide, less than a marker where they are many.
        let air = if n_epochs > 1.0 { (0.04 * n_epochs).min(0.5 + 0.015 * n_epochs) } else { 0.5 };
        let axes = Axes { corner: (left, PANEL_TOP), size: PANEL, x: (1.0 - air, n_epochs + air), y: range(curves) };
        canvas.text(&Text::new(name, (left, PANEL_TOP - 26.0), SUBTITLE));
        axes.draw_y(canvas, &Ticks::new(axes.y, 6, 0.0));
        axes.draw_x(canvas, &Ticks::new((1.0, n_epochs), 10, 1.0));
        let label_at = (left + PANEL.0 / 2.0, axes.bottom() + 50.0);
        canvas.text(&Text::new("epoch", label_at, LABEL).align(Align::Center).color(SOFT_INK));
        if let Some(best) = self.best() {
            dotted_line(canvas, axes.to_x(best as f64 + 1.0), (PANEL_TOP, axes.bottom()), 2.0, INK);
        }
        // Neighbouring markers must not touch, and smaller ones than these would only roughen the line.
        let radius = Some((PANEL.0 / n_epochs * 0.25).min(MARKER)).filter(|radius| *radius >= 2.5);
        for (values, style) in curves.into_iter().zip(&CURVES) {
            let place = |(epoch, &y): (u32, &f32)| (axes.to_x(f64::from(epoch)), axes.to_y(f64::from(y)));
            let points: Vec<Point> = (1..).zip(values).map(place).collect();
            style.draw(canvas, &points, radius);
        }
    }

    fn legend(canvas: &mut dyn Canvas, mut right: f64) {
        let y = MARGIN + TITLE / 2.0;
        for curve in CURVES.iter().rev() {
            // A tenth more than the font needs: the reader of the SVG may have a wider one.
            let left = right - text_width(curve.name, LABEL) * 1.1 - 56.0;
            curve.draw(canvas, &[(left, y), (left + 46.0, y)], None);
            curve.draw(canvas, &[(left + 23.0, y)], Some(MARKER));
            canvas.text(&Text::new(curve.name, (left + 56.0, y), LABEL));
            right = left - 30.0;
        }
    }
}

/// How a curve looks: hollow markers tell the two apart without colour.
struct Curve {
    name: &'static str,
    color: usize,
    hollow: bool,
}

const CURVES: [Curve; 2] =
    [Curve { name: "train", color: 0, hollow: false }, Curve { name: "validation", color: 6, hollow: true }];

impl Curve {
    /// The line through `points` and a marker on each; a place that is not finite has neither.
    fn draw(&self, canvas: &mut dyn Canvas, points: &[Point], marker: Option<f64>) {
        let color = PALETTE[self.color];
        for pair in points.windows(2).filter(|pair| pair.iter().all(|point| point.1.is_finite())) {
            canvas.line(pair[0], pair[1], 2.6, color);
        }
        let Some(radius) = marker else { return };
        let mut discs = |radius: f64, color: Color| {
            let dots = points.iter().filter(|point| point.1.is_finite()).map(|&at| Dot { at, color });
            canvas.dots(&dots.collect::<Vec<Dot>>(), radius, 1.0);
        };
        discs(radius, color);
        if self.hollow {
            discs(radius * 0.5, WHITE);
        }
    }
}

/// The range of all finite values, with some air.
fn range(curves: [&[f32]; 2]) -> (f64, f64) {
    let values = curves.iter().copied().flatten().filter(|value| value.is_finite()).map(|&value| f64::from(value));
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)));
    if low > high {
        return (0.0, 1.0);
    }
    let air = if high > low { (high - low) * 0.07 } else { high.abs().max(1e-3) * 0.1 };
    (low - air, high + air)
}

impl Figure for History<'_> {
    fn size(&self) -> (u32, u32) {
        let width = MARGIN + 2.0 * (AXIS + PANEL.0) + GAP + MARGIN;
        (width as u32, (PANEL_TOP + PANEL.1 + 66.0 + MARGIN) as u32)
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        let (width, _) = self.size();
        draw_title(canvas, "Training history", width);
        let caption_at = (MARGIN, MARGIN + TITLE + 24.0);
        canvas.text(&Text::new(&self.caption(), caption_at, TICK).color(SOFT_INK));
        Self::legend(canvas, f64::from(width) - MARGIN);
        let left = MARGIN + AXIS;
        self.panel(canvas, left, "Loss", [self.train_loss, self.validation_loss]);
        self.panel(canvas, left + PANEL.0 + GAP + AXIS, "Accuracy", [self.train_accuracy, self.validation_accuracy]);
    }
}

//! Points by two numbers each, in groups that have an order: the data map of a training.

use super::axes::{Axes, Ticks};
use super::canvas::{Align, Canvas, Color, Dot, FRAME, Point, SOFT_INK, Text};
use super::font::fit;
use super::legend::LINE;
use super::scatter::dot_style;
use super::{Figure, LABEL, MARGIN, PALETTE, TITLE_HEIGHT, draw_title};

const PANEL: (f64, f64) = (760.0, 520.0);
/// Room for the tick labels left of the panel, for the axis below it, and for the legend.
const AXIS: f64 = 84.0;
const FOOT: f64 = 72.0;
const LEGEND: f64 = 340.0;
/// Colours of the first group, of the middle and of the last.
const RAMP: [Color; 3] = [PALETTE[2], PALETTE[1], PALETTE[0]];

/// Groups of points in one panel.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// Above the figure.
    pub title: String,
    /// Names of the axes.
    pub x_title: String,
    /// Name of the upright axis.
    pub y_title: String,
    /// Range of the axis from left to right.
    pub x: (f64, f64),
    /// Range of the upright axis.
    pub y: (f64, f64),
    /// Name and points of each group, in their order; the first lies on top.
    pub groups: Vec<(String, Vec<Point>)>,
}

impl Cloud {
    /// Colour of a group: from the first to the last over the middle.
    fn color(&self, group: usize) -> Color {
        let last = self.groups.len().saturating_sub(1).max(1);
        let share = 2.0 * group as f64 / last as f64;
        let from = usize::from(share >= 1.0);
        RAMP[from].mix(RAMP[from + 1], share - from as f64)
    }
}

impl Figure for Cloud {
    fn check(&self) -> Result<(), String> {
        let mut points = self.groups.iter().flat_map(|(_, points)| points).peekable();
        if points.peek().is_none() {
            return Err("a figure of points needs a point".into());
        }
        match points.find(|(x, y)| !x.is_finite() || !y.is_finite()) {
            Some((x, y)) => Err(format!("a point cannot be at {x}, {y}")),
            None => Ok(()),
        }
    }

    fn size(&self) -> (u32, u32) {
        let width = MARGIN + AXIS + PANEL.0 + LEGEND + MARGIN;
        let height = MARGIN + TITLE_HEIGHT + 34.0 + PANEL.1 + FOOT + MARGIN;
        (width.ceil() as u32, height.ceil() as u32)
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        draw_title(canvas, &self.title, self.size().0);
        let corner = (MARGIN + AXIS, MARGIN + TITLE_HEIGHT + 34.0);
        let axes = Axes { corner, size: PANEL, x: self.x, y: self.y };
        axes.draw_y(canvas, &Ticks::new(axes.y, 6, 0.0));
        axes.draw_x(canvas, &Ticks::new(axes.x, 6, 0.0));
        let right = corner.0 + PANEL.0;
        canvas.line((corner.0, axes.bottom()), (right, axes.bottom()), 1.2, FRAME);
        let below = (corner.0 + PANEL.0 / 2.0, axes.bottom() + 54.0);
        canvas.text(&Text::new(&self.x_title, below, LABEL).align(Align::Center).color(SOFT_INK));
        let above = (corner.0, corner.1 - 22.0);
        canvas.text(&Text::new(&self.y_title, above, LABEL).color(SOFT_INK));
        let n = self.groups.iter().map(|(_, points)| points.len()).sum();
        let (radius, opacity) = dot_style(n, PANEL.0);
        for (at, (_, points)) in self.groups.iter().enumerate().rev() {
            let color = self.color(at);
            let dot = |&(x, y): &Point| Dot { at: (axes.to_x(x), axes.to_y(y)), color };
            let dots: Vec<Dot> = points.iter().map(dot).collect();
            canvas.dots(&dots, radius, opacity);
        }
        for (at, (name, _)) in self.groups.iter().enumerate() {
            let y = corner.1 + 14.0 + at as f64 * LINE;
            canvas.dots(&[Dot { at: (right + 34.0, y), color: self.color(at) }], 6.0, 1.0);
            canvas.text(&Text::new(&fit(name, LABEL, LEGEND - 60.0), (right + 52.0, y), LABEL));
        }
    }
}

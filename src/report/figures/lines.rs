//! Lines of numbers against numbers: variances against the component, accuracy against confidence.

use super::axes::{Axes, Ticks};
use super::canvas::{Align, Canvas, Dot, FRAME, Point, SOFT_INK, Text, dashed_line};
use super::legend::{self, Legend};
use super::{Figure, LABEL, MARGIN, TITLE_HEIGHT, color, draw_title};

const PANEL: (f64, f64) = (640.0, 460.0);
/// Room for the tick labels left of the panel, for the axis below it, and for the legend.
const AXIS: f64 = 110.0;
const FOOT: f64 = 72.0;
const LEGEND: f64 = 300.0;
const MARKER: f64 = 5.0;
/// Lines of more points have no markers.
const MOST_MARKED: usize = 25;

/// Lines in one panel.
#[derive(Clone, Debug)]
pub struct Lines {
    /// Above the figure.
    pub title: String,
    /// Names of the axes.
    pub x_title: String,
    /// Name of the upright axis.
    pub y_title: String,
    /// Name and points of each line, from left to right.
    pub lines: Vec<(String, Vec<Point>)>,
    /// `true` for a logarithmic upright axis; all values are then above 0.
    pub is_logarithmic: bool,
    /// Name of the diagonal, if it is drawn; both axes then go from 0 to 1.
    pub diagonal: Option<String>,
}

impl Lines {
    fn shown(&self, (x, y): Point) -> Point {
        (x, if self.is_logarithmic { y.log10() } else { y })
    }

    fn axes(&self) -> Axes {
        let corner = (MARGIN + AXIS, MARGIN + TITLE_HEIGHT + 34.0);
        if self.diagonal.is_some() {
            return Axes { corner, size: PANEL, x: (0.0, 1.0), y: (0.0, 1.0) };
        }
        let points = self.lines.iter().flat_map(|(_, points)| points);
        let start = (f64::INFINITY, f64::NEG_INFINITY);
        let joined = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
        let (x, y) = points
            .map(|&point| self.shown(point))
            .fold((start, start), |(x, y), point| (joined(x, point.0), joined(y, point.1)));
        let spread = |(low, high): (f64, f64)| {
            let air = if high > low { 0.05 * (high - low) } else { 0.5 };
            (low - air, high + air)
        };
        Axes { corner, size: PANEL, x: spread(x), y: spread(y) }
    }

    fn draw_axes(&self, canvas: &mut dyn Canvas, axes: &Axes) {
        let right = axes.corner.0 + PANEL.0;
        if self.is_logarithmic {
            let label = |power: i32| match power {
                -3..=5 => format!("{}", 10_f64.powi(power)),
                _ => format!("1e{power}"),
            };
            let powers = axes.y.0.ceil() as i32..=axes.y.1.floor() as i32;
            axes.draw_y_at(canvas, powers.map(|power| (f64::from(power), label(power))));
        } else {
            axes.draw_y(canvas, &Ticks::new(axes.y, 6, 0.0));
        }
        axes.draw_x(canvas, &Ticks::new(axes.x, 8, 0.0));
        canvas.line((axes.corner.0, axes.bottom()), (right, axes.bottom()), 1.2, FRAME);
        let below = (axes.corner.0 + PANEL.0 / 2.0, axes.bottom() + 54.0);
        canvas.text(&Text::new(&self.x_title, below, LABEL).align(Align::Center).color(SOFT_INK));
        let above = (axes.corner.0, axes.corner.1 - 22.0);
        canvas.text(&Text::new(&self.y_title, above, LABEL).color(SOFT_INK));
    }
}

impl Figure for Lines {
    fn check(&self) -> Result<(), String> {
        let is_bad = |&&(x, y): &&Point| {
            !x.is_finite() || !y.is_finite() || (self.is_logarithmic && y <= 0.0)
        };
        match self.lines.iter().flat_map(|(_, points)| points).find(is_bad) {
            Some((x, y)) => Err(format!("a line cannot show {y} at {x}")),
            None if self.lines.iter().all(|(_, points)| points.is_empty()) => {
                Err("a figure of lines needs a point".into())
            }
            None => Ok(()),
        }
    }

    fn size(&self) -> (u32, u32) {
        let axes = self.axes();
        let legend = (self.lines.len() + 1) as f64 * legend::LINE;
        let height = (axes.bottom() + FOOT).max(axes.corner.1 + legend) + MARGIN;
        ((axes.corner.0 + PANEL.0 + LEGEND + MARGIN).ceil() as u32, height.ceil() as u32)
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        draw_title(canvas, &self.title, self.size().0);
        let axes = self.axes();
        self.draw_axes(canvas, &axes);
        let place = |&point: &Point| {
            let (x, y) = self.shown(point);
            (axes.to_x(x), axes.to_y(y))
        };
        let left = axes.corner.0 + PANEL.0 + 26.0;
        let mut legend = Legend { left, y: axes.corner.1 + 14.0, width: LEGEND - 26.0 };
        if let Some(name) = &self.diagonal {
            dashed_line(canvas, place(&(0.0, 0.0)), place(&(1.0, 1.0)), SOFT_INK);
            legend.dashed(canvas, name);
        }
        for (at, (name, points)) in self.lines.iter().enumerate() {
            let places: Vec<Point> = points.iter().map(place).collect();
            for pair in places.windows(2) {
                canvas.line(pair[0], pair[1], 2.5, color(at));
            }
            let radius = (places.len() <= MOST_MARKED).then_some(MARKER);
            if let Some(radius) = radius {
                let dots: Vec<Dot> =
                    places.into_iter().map(|place| Dot { at: place, color: color(at) }).collect();
                canvas.dots(&dots, radius, 1.0);
            }
            legend.series(canvas, name, at, radius);
        }
    }
}

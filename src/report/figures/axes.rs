//! Axes of the line and bar charts: round tick values, and the map from data to the figure.

use super::TICK;
use super::canvas::{Align, Canvas, FRAME, GRID, Point, SOFT_INK, Text};

/// A plotting area and the data range it shows.
#[derive(Clone, Copy, Debug)]
pub struct Axes {
    /// Upper left corner of the area.
    pub corner: Point,
    /// Width and height of the area.
    pub size: (f64, f64),
    /// Data range from left to right.
    pub x: (f64, f64),
    /// Data range from bottom to top.
    pub y: (f64, f64),
}

impl Axes {
    /// Where `x` is in the figure.
    pub fn to_x(&self, x: f64) -> f64 {
        self.corner.0 + (x - self.x.0) / (self.x.1 - self.x.0) * self.size.0
    }

    /// Where `y` is in the figure.
    pub fn to_y(&self, y: f64) -> f64 {
        self.corner.1 + self.size.1 - (y - self.y.0) / (self.y.1 - self.y.0) * self.size.1
    }

    /// Lowest line of the area.
    pub fn bottom(&self) -> f64 {
        self.corner.1 + self.size.1
    }

    /// Horizontal grid lines with their values at the left.
    pub fn draw_y(&self, canvas: &mut dyn Canvas, ticks: &Ticks) {
        self.draw_y_at(canvas, ticks.values().map(|value| (value, ticks.label(value))));
    }

    /// Horizontal grid lines at these heights, with their labels at the left.
    pub fn draw_y_at(
        &self,
        canvas: &mut dyn Canvas,
        ticks: impl IntoIterator<Item = (f64, String)>,
    ) {
        let left = self.corner.0;
        let right = self.corner.0 + self.size.0;
        for (value, label) in ticks {
            let y = self.to_y(value);
            canvas.line((left, y), (right, y), 1.0, GRID);
            canvas.text(
                &Text::new(&label, (left - 10.0, y), TICK).align(Align::Right).color(SOFT_INK),
            );
        }
    }

    /// The lower axis with its values below.
    pub fn draw_x(&self, canvas: &mut dyn Canvas, ticks: &Ticks) {
        let bottom = self.bottom();
        for value in ticks.values() {
            let x = self.to_x(value);
            canvas.line((x, bottom), (x, bottom + 6.0), 1.2, FRAME);
            let label = ticks.label(value);
            canvas.text(
                &Text::new(&label, (x, bottom + 20.0), TICK).align(Align::Center).color(SOFT_INK),
            );
        }
        canvas.line((self.corner.0, bottom), (self.corner.0 + self.size.0, bottom), 1.2, FRAME);
    }
}

/// Evenly spaced round values inside a range.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    first: i64,
    last: i64,
    step: f64,
    decimals: usize,
}

impl Ticks {
    /// At most `most` ticks (two at least are tried for) whose step is 1, 2 or 5 times a power of
    /// ten, and not below `least_step`.
    pub fn new((low, high): (f64, f64), most: usize, least_step: f64) -> Self {
        let rough = ((high - low) / most.max(2) as f64).max(least_step).max(f64::MIN_POSITIVE);
        let power = rough.log10().floor();
        let factor = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .find(|f| f * 10_f64.powf(power) >= rough * (1.0 - 1e-9));
        let step = factor.unwrap_or(10.0) * 10_f64.powf(power);
        let decimals = (-(step * (1.0 + 1e-9)).log10().floor()).max(0.0) as usize;
        let first = (low / step - 1e-6).ceil() as i64;
        let last = (high / step + 1e-6).floor() as i64;
        Self { first, last, step, decimals }
    }

    /// The values, upwards.
    pub fn values(&self) -> impl Iterator<Item = f64> + use<> {
        let step = self.step;
        (self.first..=self.last).map(move |i| i as f64 * step)
    }

    /// `value` with the decimals that the step needs.
    pub fn label(&self, value: f64) -> String {
        format!("{value:.*}", self.decimals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(range: (f64, f64), least_step: f64) -> Vec<String> {
        let ticks = Ticks::new(range, 5, least_step);
        ticks.values().map(|value| ticks.label(value)).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels((0.0, 1.0), 0.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels((0.27, 0.36), 0.0), ["0.28", "0.30", "0.32", "0.34", "0.36"]);
        assert_eq!(labels((0.5, 1.5), 1.0), ["1"]);
        assert_eq!(labels((0.5, 20.5), 1.0), ["5", "10", "15", "20"]);
        assert_eq!(labels((0.5, 3.5), 1.0), ["1", "2", "3"]);
    }
}

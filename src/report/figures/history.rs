//! Training history: loss and accuracy against the epoch, on the training, the validation and,
//! where it was scored, the test data, every point with its value.

use super::axes::{Axes, Ticks};
use super::canvas::{Align, Canvas, Color, Dot, INK, Point, SOFT_INK, Text, WHITE, dotted_line};
use super::font::{fit, text_width};
use super::{Figure, LABEL, MARGIN, PALETTE, SUBTITLE, TICK, TITLE, TITLE_HEIGHT, draw_title};

/// Least width and height of a panel.
const PANEL: (f64, f64) = (640.0, 440.0);
/// Room above a panel for its name.
const PANEL_NAME: f64 = 62.0;
/// Room below a panel for its ticks and their name.
const PANEL_FOOT: f64 = 66.0;
/// Room for the tick labels left of a panel.
const AXIS: f64 = 72.0;
const GAP: f64 = 30.0;
/// Radius of a marker where there is room for it.
const MARKER: f64 = 5.5;
/// Em square of the values at the points, and the room that one needs.
const VALUE: f64 = 15.0;
const SLOT: (f64, f64) = (52.0, 17.0);
/// Panels with more epochs stand one below the other.
const MOST_ABREAST: usize = 14;
/// Of more epochs not every point is given its value.
const MOST_VALUES: usize = 30;

/// One value an epoch, from the first on. A value that is not finite leaves a gap in its curve.
#[derive(Clone, Copy, Debug)]
pub struct Curves<'a> {
    /// Mean loss.
    pub loss: &'a [f32],
    /// Share of the rows that are classified rightly.
    pub accuracy: &'a [f32],
}

/// Learning curves that were recorded while a model was trained.
#[derive(Clone, Debug)]
pub struct History<'a> {
    /// Above the figure.
    pub title: String,
    /// Of the rows that the model learns from.
    pub train: Curves<'a>,
    /// Of the rows that choose the epoch.
    pub validation: Curves<'a>,
    /// Of rows that are neither, if they were scored after every epoch.
    pub test: Option<Curves<'a>>,
}

impl History<'_> {
    /// Index of the epoch of least validation loss, the first of several.
    fn best(&self) -> Option<usize> {
        let finite = self.validation.loss.iter().enumerate().filter(|(_, loss)| loss.is_finite());
        finite.min_by(|a, b| a.1.total_cmp(b.1)).map(|(epoch, _)| epoch)
    }

    fn curves(&self) -> impl Iterator<Item = (&Curves<'_>, &'static Style)> {
        [&self.train, &self.validation].into_iter().chain(&self.test).zip(&STYLES)
    }

    fn n_epochs(&self) -> usize {
        self.curves()
            .map(|(curves, _)| curves.loss.len().max(curves.accuracy.len()))
            .max()
            .unwrap_or(0)
            .max(1)
    }

    /// Epochs from one value to the next.
    fn stride(&self) -> usize {
        self.n_epochs().div_ceil(MOST_VALUES)
    }

    fn panel_width(&self) -> f64 {
        (self.n_epochs().min(MOST_VALUES) as f64 * SLOT.0).max(PANEL.0)
    }

    fn is_stacked(&self) -> bool {
        self.n_epochs() > MOST_ABREAST
    }

    fn caption(&self) -> String {
        let Some(best) = self.best() else {
            return "No validation loss was recorded.".into();
        };
        let at_best = |name: &str, accuracy: &[f32]| match accuracy.get(best) {
            Some(accuracy) => format!(", {name} accuracy {accuracy:.4}"),
            None => String::new(),
        };
        let loss = self.validation.loss[best];
        let validation = self.validation.accuracy;
        let test = self.test.map_or(&[][..], |test| test.accuracy);
        format!(
            "Least validation loss {loss:.4} in epoch {} (dotted line){}{}",
            best + 1,
            at_best("validation", validation),
            at_best("test", test)
        )
    }

    fn panel(
        &self,
        canvas: &mut dyn Canvas,
        (left, top): Point,
        name: &str,
        of: fn(&Curves<'_>) -> Vec<f32>,
    ) {
        let n_epochs = self.n_epochs() as f64;
        // Half an epoch at either side where epochs are wide, less than a marker where they are
        // many.
        let air = if n_epochs > 1.0 { (0.04 * n_epochs).min(0.5 + 0.015 * n_epochs) } else { 0.5 };
        let curves: Vec<(Vec<f32>, &Style)> =
            self.curves().map(|(curves, style)| (of(curves), style)).collect();
        let y = range(curves.iter().flat_map(|(values, _)| values));
        let size = (self.panel_width(), PANEL.1);
        let axes = Axes { corner: (left, top), size, x: (1.0 - air, n_epochs + air), y };
        canvas.text(&Text::new(name, (left, top - 26.0), SUBTITLE));
        axes.draw_y(canvas, &Ticks::new(axes.y, 6, 0.0));
        axes.draw_x(canvas, &Ticks::new((1.0, n_epochs), 20, 1.0));
        let label_at = (left + size.0 / 2.0, axes.bottom() + 50.0);
        canvas.text(&Text::new("epoch", label_at, LABEL).align(Align::Center).color(SOFT_INK));
        if let Some(best) = self.best() {
            dotted_line(canvas, axes.to_x(best as f64 + 1.0), (top, axes.bottom()), 2.0, INK);
        }
        // Neighbouring markers must not touch, and smaller ones than these would only roughen the
        // line.
        let radius = Some((size.0 / n_epochs * 0.25).min(MARKER)).filter(|radius| *radius >= 2.5);
        for (values, style) in &curves {
            let place =
                |(epoch, &y): (u32, &f32)| (axes.to_x(f64::from(epoch)), axes.to_y(f64::from(y)));
            let points: Vec<Point> = (1..).zip(values).map(place).collect();
            style.draw(canvas, &points, radius);
        }
        self.annotate(canvas, &axes, &curves);
    }

    /// Epochs whose values are written: the last, the best, the first, as far as they have room.
    fn annotated(&self) -> Vec<usize> {
        let mut shown: Vec<usize> = Vec::new();
        for epoch in [Some(self.n_epochs() - 1), self.best(), Some(0)].into_iter().flatten() {
            if shown.iter().all(|&other| other.abs_diff(epoch) >= self.stride()) {
                shown.push(epoch);
            }
        }
        shown
    }

    /// Writes the values at the points of some epochs.
    fn annotate(&self, canvas: &mut dyn Canvas, axes: &Axes, curves: &[(Vec<f32>, &Style)]) {
        for epoch in self.annotated() {
            let value = |(values, style): &(Vec<f32>, &Style)| {
                let value = values.get(epoch).copied().filter(|value| value.is_finite())?;
                Some((axes.to_y(f64::from(value)), value, style.color))
            };
            let mut points: Vec<_> = curves.iter().filter_map(value).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let positions = beside(&points.iter().map(|point| point.0).collect::<Vec<_>>());
            for ((_, value, color), y) in points.into_iter().zip(positions) {
                let words = format!("{value:.3}");
                let text = Text::new(&words, (axes.to_x(epoch as f64 + 1.0), y), VALUE)
                    .align(Align::Center);
                // Dark enough to be read, the hue of its curve.
                canvas.text(&text.color(PALETTE[color].mix(INK, 0.35)).halo());
            }
        }
    }

    fn legend(&self, canvas: &mut dyn Canvas, mut right: f64) {
        let y = MARGIN + TITLE / 2.0;
        let shown: Vec<&Style> = self.curves().map(|(_, style)| style).collect();
        for style in shown.into_iter().rev() {
            let left = right - style.legend_width();
            style.draw(canvas, &[(left, y), (left + 46.0, y)], None);
            style.draw(canvas, &[(left + 23.0, y)], Some(MARKER));
            canvas.text(&Text::new(style.name, (left + 56.0, y), LABEL));
            right = left - 30.0;
        }
    }
}

/// Where the values of points at these heights, from the top down, are written: the highest above
/// its point, the lowest below its own, one between them on the side that has room, else beyond the
/// lowest.
fn beside(points: &[f64]) -> Vec<f64> {
    let clear = MARKER + VALUE / 2.0 + 1.0;
    match points {
        [] => Vec::new(),
        [one] => vec![one - clear],
        [high, low] => vec![high - clear, low + clear],
        [high, rest @ .., low] => {
            let mut positions = vec![high - clear];
            let mut beyond = low + clear;
            for (at, &middle) in (1..).zip(rest) {
                let above = points[at - 1];
                let below = points[at + 1];
                positions.push(if middle - above >= clear + SLOT.1 {
                    middle - clear
                } else if below - middle >= clear + SLOT.1 {
                    middle + clear
                } else {
                    beyond += SLOT.1;
                    beyond
                });
            }
            positions.push(low + clear);
            positions
        }
    }
}

/// Style of a curve: markers distinguish the curves without colour.
struct Style {
    name: &'static str,
    color: usize,
    /// Share of the marker's radius that is white.
    hollow: f64,
}

const STYLES: [Style; 3] = [
    Style { name: "train", color: 0, hollow: 0.0 },
    Style { name: "validation", color: 6, hollow: 0.5 },
    Style { name: "test", color: 4, hollow: 0.75 },
];

impl Style {
    /// A tenth more than the font needs: the reader of the SVG may have a wider one.
    fn legend_width(&self) -> f64 {
        text_width(self.name, LABEL) * 1.1 + 56.0
    }

    /// The line through `points` and a marker on each; a point that is not finite has neither.
    fn draw(&self, canvas: &mut dyn Canvas, points: &[Point], marker: Option<f64>) {
        let color = PALETTE[self.color];
        for pair in points.windows(2).filter(|pair| pair.iter().all(|point| point.1.is_finite())) {
            canvas.line(pair[0], pair[1], 2.6, color);
        }
        let Some(radius) = marker else { return };
        let mut discs = |radius: f64, color: Color| {
            let dots =
                points.iter().filter(|point| point.1.is_finite()).map(|&at| Dot { at, color });
            canvas.dots(&dots.collect::<Vec<Dot>>(), radius, 1.0);
        };
        discs(radius, color);
        if self.hollow > 0.0 {
            discs(radius * self.hollow, WHITE);
        }
    }
}

/// The range of all finite values, with room for what is written above and below them.
fn range<'a>(values: impl Iterator<Item = &'a f32>) -> (f64, f64) {
    let values = values.filter(|value| value.is_finite()).map(|&value| f64::from(value));
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)));
    if low > high {
        return (0.0, 1.0);
    }
    let air = if high > low { (high - low) * 0.12 } else { high.abs().max(1e-3) * 0.1 };
    (low - air, high + air)
}

impl Figure for History<'_> {
    fn size(&self) -> (u32, u32) {
        let (across, down) = if self.is_stacked() { (1.0, 2.0) } else { (2.0, 1.0) };
        let width = 2.0 * MARGIN + across * (AXIS + self.panel_width()) + (across - 1.0) * GAP;
        let height = 2.0 * MARGIN + TITLE_HEIGHT + down * (PANEL_NAME + PANEL.1 + PANEL_FOOT);
        (width as u32, height as u32)
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        let right = f64::from(self.size().0) - MARGIN;
        let legend: f64 = self.curves().map(|(_, style)| style.legend_width() + 30.0).sum();
        draw_title(canvas, &fit(&self.title, TITLE, right - legend - MARGIN), self.size().0);
        let caption = fit(&self.caption(), TICK, right - MARGIN);
        canvas.text(&Text::new(&caption, (MARGIN, MARGIN + TITLE + 24.0), TICK).color(SOFT_INK));
        self.legend(canvas, right);
        let first = (MARGIN + AXIS, MARGIN + TITLE_HEIGHT + PANEL_NAME);
        let second = if self.is_stacked() {
            (first.0, first.1 + PANEL.1 + PANEL_FOOT + PANEL_NAME)
        } else {
            (first.0 + self.panel_width() + GAP + AXIS, first.1)
        };
        self.panel(canvas, first, "Loss", |curves| curves.loss.to_vec());
        self.panel(canvas, second, "Accuracy", |curves| curves.accuracy.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_one_epoch_do_not_cover_each_other_or_their_points() {
        for points in [
            vec![100.0],
            vec![100.0, 101.0],
            vec![100.0, 101.0, 102.0],
            vec![50.0, 90.0, 95.0],
            vec![50.0, 55.0, 95.0],
        ] {
            let positions = beside(&points);
            assert_eq!(positions.len(), points.len());
            for (at, y) in positions.iter().enumerate() {
                assert!(
                    points.iter().all(|point| (point - y).abs() > VALUE / 2.0),
                    "{points:?} {positions:?}"
                );
                assert!(
                    positions[at + 1..].iter().all(|other| (other - y).abs() >= VALUE),
                    "{points:?} {positions:?}"
                );
            }
        }
    }
}

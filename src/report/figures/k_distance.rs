//! The k-distance curve, with the radius that it suggests and the one that was taken.

use super::axes::{Axes, Ticks};
use super::canvas::{Align, Canvas, Color, Dot, Point, SOFT_INK, Text, dotted_line};
use super::font::text_width;
use super::{Figure, LABEL, MARGIN, PALETTE, TITLE_HEIGHT, draw_title};

const PANEL: (f64, f64) = (820.0, 440.0);
const AXIS: f64 = 84.0;
const LEGEND: f64 = 420.0;
/// Points of the curve that are drawn at most: more than the panel has columns of pixels.
const DRAWN: usize = 2000;

/// An ascending curve of distances.
#[derive(Clone, Debug)]
pub struct KDistanceCurve<'a> {
    /// Above the figure; none if empty.
    pub title: String,
    /// Distance of each point from its `min_samples`-th point, ascending; at least one.
    pub distances: &'a [f32],
    /// The point itself counted.
    pub min_samples: usize,
    /// The radius that the curve suggests.
    pub suggested: Option<f64>,
    /// The radius that was taken, if one was.
    pub used: Option<f64>,
}

impl KDistanceCurve<'_> {
    /// Words and colour of each marked radius.
    fn marks(&self) -> Vec<(String, f64, Color)> {
        let same = self.suggested.is_some()
            && self.suggested.map(|eps| eps as f32) == self.used.map(|eps| eps as f32);
        let suggested = self
            .suggested
            .map(|eps| (if same { "suggested and used" } else { "suggested" }, eps, PALETTE[6]));
        let used = self.used.filter(|_| !same).map(|eps| ("used", eps, PALETTE[4]));
        suggested
            .into_iter()
            .chain(used)
            .map(|(what, eps, color)| (format!("eps {eps:.4}, {what}"), eps, color))
            .collect()
    }

    /// Highest value of the axis: the curve and the marks, but not a radius far above all.
    fn most(&self) -> f64 {
        let last = f64::from(self.distances[self.distances.len() - 1]);
        let marks =
            self.marks().into_iter().map(|(_, eps, _)| eps).filter(|&eps| eps <= 2.0 * last);
        let most = marks.fold(last, f64::max);
        if most > 0.0 { most * 1.05 } else { 1.0 }
    }
}

impl Figure for KDistanceCurve<'_> {
    fn check(&self) -> Result<(), String> {
        if self.distances.is_empty() || !self.distances.iter().all(|distance| distance.is_finite())
        {
            return Err("a k-distance curve needs finite distances".into());
        }
        Ok(())
    }

    fn size(&self) -> (u32, u32) {
        let title = text_width(&self.title, super::TITLE) * 1.05 + 2.0 * MARGIN;
        let width = (MARGIN + AXIS + PANEL.0 + LEGEND + MARGIN).max(title);
        (width as u32, (MARGIN + TITLE_HEIGHT + 20.0 + PANEL.1 + 76.0 + MARGIN) as u32)
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        draw_title(canvas, &self.title, self.size().0);
        let n = self.distances.len();
        let corner = (MARGIN + AXIS, MARGIN + TITLE_HEIGHT + 20.0);
        let axes =
            Axes { corner, size: PANEL, x: (0.0, n.max(2) as f64 - 1.0), y: (0.0, self.most()) };
        let words =
            format!("distance to the {}-th nearest point, itself counted", self.min_samples);
        canvas.text(&Text::new(&words, (MARGIN, corner.1 - 18.0), LABEL).color(SOFT_INK));
        axes.draw_y(canvas, &Ticks::new(axes.y, 6, 0.0));
        axes.draw_x(canvas, &Ticks::new(axes.x, 8, 1.0));
        let below = (corner.0 + PANEL.0 / 2.0, axes.bottom() + 54.0);
        canvas.text(
            &Text::new("points, in the order of that distance", below, LABEL)
                .align(Align::Center)
                .color(SOFT_INK),
        );
        let drawn = n.min(DRAWN);
        let at = |step: usize| if drawn > 1 { step * (n - 1) / (drawn - 1) } else { 0 };
        let place = |i: usize| (axes.to_x(i as f64), axes.to_y(f64::from(self.distances[i])));
        let points: Vec<Point> = (0..drawn).map(|step| place(at(step))).collect();
        for pair in points.windows(2) {
            canvas.line(pair[0], pair[1], 2.6, PALETTE[0]);
        }
        let right = corner.0 + PANEL.0;
        for (line, (words, eps, color)) in self.marks().into_iter().enumerate() {
            // How many points have enough others within the radius.
            let within = self.distances.partition_point(|&distance| f64::from(distance) <= eps);
            if eps <= axes.y.1 {
                let y = axes.to_y(eps);
                canvas.line((corner.0, y), (right, y), 1.6, color);
                if within < n {
                    let x = axes.to_x(within as f64);
                    dotted_line(canvas, x, (y, axes.bottom()), 1.6, color);
                    canvas.dots(&[Dot { at: (x, y), color }], 5.5, 1.0);
                }
            }
            let y = corner.1 + 14.0 + line as f64 * 66.0;
            canvas.line((right + 24.0, y), (right + 58.0, y), 2.6, color);
            canvas.text(&Text::new(&words, (right + 70.0, y), LABEL));
            let share =
                format!("{:.1} % of the points are core points", 100.0 * within as f64 / n as f64);
            canvas.text(&Text::new(&share, (right + 70.0, y + 28.0), super::TICK).color(SOFT_INK));
        }
    }
}

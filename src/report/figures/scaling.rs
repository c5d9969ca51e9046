//! Time against the number of points, both on logarithmic axes: a straight line is a power law, its
//! slope the exponent.

use super::axes::Axes;
use super::canvas::{Align, Canvas, Dot, FRAME, GRID, SOFT_INK, Text};
use super::{Figure, LABEL, MARGIN, TICK, TITLE_HEIGHT, color, draw_title};

const PANEL: (f64, f64) = (760.0, 560.0);
/// Room for the tick labels left of the panel and for the legend right of it.
const AXIS: f64 = 110.0;
const LEGEND: f64 = 560.0;
const LEGEND_LINE: f64 = 30.0;
const MARKER: f64 = 5.5;

/// One curve.
#[derive(Clone, Debug)]
pub struct Curve {
    /// As in the legend.
    pub name: String,
    /// Number of points and seconds, by number.
    pub points: Vec<(usize, f64)>,
    /// Curves of one group share a colour.
    pub group: usize,
    /// Drawn thin and without markers: a second device.
    pub light: bool,
}

/// The figure.
#[derive(Clone, Debug)]
pub struct Scaling {
    /// Its title.
    pub title: String,
    /// At least one, with at least one point above 0 each.
    pub curves: Vec<Curve>,
}

impl Scaling {
    /// Ranges of the decades that hold all points.
    fn ranges(&self) -> ((f64, f64), (f64, f64)) {
        let points = self.curves.iter().flat_map(|curve| &curve.points);
        let start = (f64::INFINITY, f64::NEG_INFINITY);
        let joined = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
        let (x, y) = points.fold((start, start), |(x, y), &(n, seconds)| {
            (joined(x, (n as f64).log10()), joined(y, seconds.log10()))
        });
        ((x.0 - 0.08, x.1 + 0.08), (y.0.floor(), y.1.ceil().max(y.0.floor() + 1.0)))
    }
}

/// A power of ten in words.
fn seconds(power: i32) -> String {
    match power {
        ..=-4 => format!("1e{power} s"),
        -3 => "1 ms".into(),
        -2 => "10 ms".into(),
        -1 => "0.1 s".into(),
        0..=3 => format!("{} s", 10_u32.pow(power as u32)),
        _ => format!("1e{power} s"),
    }
}

impl Figure for Scaling {
    fn check(&self) -> Result<(), String> {
        let sound = |curve: &Curve| {
            !curve.points.is_empty()
                && curve.points.iter().all(|&(n, s)| n > 0 && s > 0.0 && s.is_finite())
        };
        if self.curves.is_empty() || !self.curves.iter().all(sound) {
            return Err("a curve of times needs numbers of points and seconds above 0".into());
        }
        Ok(())
    }

    fn size(&self) -> (u32, u32) {
        let legend = self.curves.len() as f64 * LEGEND_LINE;
        let height = MARGIN + TITLE_HEIGHT + PANEL.1.max(legend) + 74.0 + MARGIN;
        ((MARGIN + AXIS + PANEL.0 + LEGEND + MARGIN) as u32, height as u32)
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        draw_title(canvas, &self.title, self.size().0);
        let (x, y) = self.ranges();
        let top = MARGIN + TITLE_HEIGHT + 10.0;
        let axes = Axes { corner: (MARGIN + AXIS, top), size: PANEL, x, y };
        let left = axes.corner.0;
        let right = axes.corner.0 + PANEL.0;
        for power in y.0 as i32..=y.1 as i32 {
            let at = axes.to_y(f64::from(power));
            canvas.line((left, at), (right, at), 1.0, GRID);
            canvas.text(
                &Text::new(&seconds(power), (left - 12.0, at), TICK)
                    .align(Align::Right)
                    .color(SOFT_INK),
            );
        }
        let mut sizes: Vec<usize> =
            self.curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.0)).collect();
        sizes.sort_unstable();
        sizes.dedup();
        for n in sizes {
            let at = axes.to_x((n as f64).log10());
            canvas.line((at, axes.bottom()), (at, axes.bottom() + 6.0), 1.2, FRAME);
            let label = if n % 1000 == 0 { format!("{}k", n / 1000) } else { n.to_string() };
            canvas.text(
                &Text::new(&label, (at, axes.bottom() + 22.0), TICK)
                    .align(Align::Center)
                    .color(SOFT_INK),
            );
        }
        canvas.line((left, axes.bottom()), (right, axes.bottom()), 1.2, FRAME);
        let label_at = (left + PANEL.0 / 2.0, axes.bottom() + 54.0);
        canvas.text(&Text::new("points", label_at, LABEL).align(Align::Center).color(SOFT_INK));
        for (line, curve) in self.curves.iter().enumerate() {
            let shade = color(curve.group);
            let (width, radius) = if curve.light { (1.6, MARKER * 0.6) } else { (2.8, MARKER) };
            let at = |&(n, seconds): &(usize, f64)| {
                (axes.to_x((n as f64).log10()), axes.to_y(seconds.log10()))
            };
            let points: Vec<_> = curve.points.iter().map(at).collect();
            for pair in points.windows(2) {
                canvas.line(pair[0], pair[1], width, shade);
            }
            let dots: Vec<Dot> = points.iter().map(|&at| Dot { at, color: shade }).collect();
            canvas.dots(&dots, radius, 1.0);
            let y = top + 12.0 + line as f64 * LEGEND_LINE;
            canvas.line((right + 30.0, y), (right + 70.0, y), width, shade);
            canvas.dots(&[Dot { at: (right + 50.0, y), color: shade }], radius, 1.0);
            canvas.text(&Text::new(&curve.name, (right + 82.0, y), TICK));
        }
    }
}

//! Small curves in the colours of the page, for dark and light.

use super::template::escape_html;
use crate::report::figures::axes::Ticks;
use crate::report::figures::color;
use std::fmt::Write as _;

/// Width and height of the frame in the drawing's own units.
const FRAME: [f64; 2] = [300.0, 130.0];
/// Room for the numbers of the vertical axis, and for those of the horizontal one.
const AXES: [f64; 2] = [44.0, 22.0];
/// Share of the range of the values that is left free above and below them.
const AIR: f64 = 0.06;
/// Ticks of an axis at most.
const TICKS: usize = 5;
/// Colours of the curves: blue, orange, brown, each at 3 : 1 at least on a light and on a dark
/// page.
const COLORS: [usize; 3] = [0, 6, 5];

/// Curves over the same whole numbers.
#[derive(Clone, Debug)]
pub struct Curves {
    /// Title: the values, and what they are plotted over.
    pub title: String,
    /// The number of the first value.
    pub first: usize,
    /// The curves.
    pub series: Vec<Series>,
}

/// A curve.
#[derive(Clone, Debug)]
pub struct Series {
    /// Name of the series.
    pub name: String,
    /// Its values, a number each.
    pub values: Vec<f64>,
}

impl Series {
    /// A curve of 32-bit values.
    pub fn new((name, values): (&str, &[f32])) -> Self {
        Self { name: name.into(), values: values.iter().map(|&value| f64::from(value)).collect() }
    }
}

impl Curves {
    /// Range of the finite values with some air; the least is above the largest if there is none.
    fn range(&self) -> (f64, f64) {
        let values = self.series.iter().flat_map(|series| &series.values).copied();
        let start = (f64::INFINITY, f64::NEG_INFINITY);
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold(start, |(low, high), value| (low.min(value), high.max(value)));
        let air = if high > low { AIR * (high - low) } else { 0.5 };
        (low - air, high + air)
    }

    pub(super) fn html(&self, html: &mut String) {
        let (low, high) = self.range();
        let n = self.series.iter().map(|series| series.values.len()).max().unwrap_or(0);
        if low > high || n == 0 {
            return;
        }
        let x =
            |at: usize| AXES[0] + FRAME[0] * if n > 1 { at as f64 / (n - 1) as f64 } else { 0.5 };
        let y = |value: f64| 6.0 + FRAME[1] * (1.0 - (value - low) / (high - low));
        let width = AXES[0] + FRAME[0] + 8.0;
        let height = 6.0 + FRAME[1] + AXES[1];
        let title = escape_html(&self.title);
        // Writing to a string cannot fail.
        let _ = write!(
            html,
            "<figure class=\"curves\"><svg role=\"img\" aria-label=\"{title}\" viewBox=\"0 0 \
             {width} {height}\">"
        );
        let ticks = Ticks::new((low, high), TICKS, 0.0);
        for value in ticks.values() {
            let y = y(value);
            let left = AXES[0];
            let right = AXES[0] + FRAME[0];
            let _ =
                write!(html, "<line x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
            let _ = write!(
                html,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 5.0,
                y + 4.0,
                ticks.label(value)
            );
        }
        let (first, last) = (self.first as f64, (self.first + n - 1) as f64);
        for value in Ticks::new((first, last), TICKS, 1.0).values() {
            let _ = write!(
                html,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value}</text>",
                x(value as usize - self.first),
                height - 5.0,
            );
        }
        for (series, at) in self.series.iter().zip(COLORS) {
            let finite = series.values.iter().enumerate().filter(|(_, value)| value.is_finite());
            let points: Vec<String> =
                finite.map(|(at, &value)| format!("{:.1} {:.1}", x(at), y(value))).collect();
            // A curve of one value is a dot.
            let dot = if points.len() == 1 { "h.1" } else { "" };
            let path = points.join("L");
            let _ = write!(
                html,
                "<path stroke=\"{}\" stroke-linecap=\"round\" d=\"M{path}{dot}\"/>",
                color(at).hex()
            );
        }
        html.push_str("</svg>");
        self.legend(html);
    }

    /// The title, and the name of every curve beside its colour.
    fn legend(&self, html: &mut String) {
        let _ = write!(html, "<figcaption>{}: ", escape_html(&self.title));
        for (at, (series, index)) in self.series.iter().zip(COLORS).enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            let name = escape_html(&series.name);
            let _ = write!(
                html,
                "{comma}<span aria-hidden=\"true\" style=\"color: {}\">\u{25a0}</span> {name}",
                color(index).hex()
            );
        }
        html.push_str("</figcaption></figure>\n");
    }
}

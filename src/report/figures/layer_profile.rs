//! The layer profile: measures of the layers of a network against their order, as small panels
//! below each other, so that one reads down at which layer something changes.

use super::axes::{Axes, Ticks};
use super::canvas::{Align, Canvas, Dot, FRAME, Point, SOFT_INK, Text, WHITE, dashed_line};
use super::font::{fit, text_width};
use super::legend::Legend;
use super::{Figure, LABEL, MARGIN, SUBTITLE, TICK, TITLE_HEIGHT, color, draw_title};

const PANEL_HEIGHT: f64 = 210.0;
const PANEL_NAME: f64 = 48.0;
const PANEL_GAP: f64 = 26.0;
const AXIS: f64 = 80.0;
/// Usual distance of two layers.
pub const SPACING: f64 = 130.0;
const LEAST_WIDTH: f64 = 520.0;
const LEGEND: f64 = 330.0;
const FOOT: f64 = 46.0;
const X_TITLE: f64 = 28.0;
const RADIUS: f64 = 6.0;

/// Panels of measures over the layers.
#[derive(Clone, Debug)]
pub struct LayerProfile {
    /// Above the figure.
    pub title: String,
    /// Names of the layers, from the input on, or of epochs; an empty one is not written.
    pub layers: Vec<String>,
    /// Distance of two of them, in pixels.
    pub spacing: f64,
    /// Below their names; none if empty.
    pub x_title: String,
    /// From the top down.
    pub panels: Vec<ProfilePanel>,
}

/// One panel of [`LayerProfile`].
#[derive(Clone, Debug)]
pub struct ProfilePanel {
    /// Above the panel.
    pub title: String,
    /// Lines: a name, and for each layer its value, or none.
    pub series: Vec<(String, Vec<Option<f64>>)>,
    /// A value that holds for all layers, with its name.
    pub rule: Option<(String, f64)>,
    /// `true` for a logarithmic scale; all values are then above 0.
    pub is_logarithmic: bool,
    /// Range of the values in place of that of the panel's own, so that panels of several figures
    /// can be compared.
    pub range: Option<(f64, f64)>,
}

impl ProfilePanel {
    fn shown(&self, value: f64) -> f64 {
        if self.is_logarithmic { value.log10() } else { value }
    }

    /// Range of the values as they are shown, with some air.
    fn shown_range(&self) -> (f64, f64) {
        let values = self.series.iter().flat_map(|(_, values)| values.iter().flatten().copied());
        let own = values.chain(self.rule.iter().map(|(_, value)| *value));
        let values: Vec<f64> = match self.range {
            Some((low, high)) => vec![low, high],
            None => own.collect(),
        };
        let (low, high) = values
            .into_iter()
            .map(|value| self.shown(value))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            return (0.0, 1.0);
        }
        let air = if high > low { 0.12 * (high - low) } else { 0.1 * high.abs().max(0.1) };
        (low - air, high + air)
    }

    /// Values and labels of the ticks.
    fn ticks(&self, range: (f64, f64)) -> Vec<(f64, String)> {
        if !self.is_logarithmic {
            let ticks = Ticks::new(range, 5, 0.0);
            return ticks.values().map(|value| (value, ticks.label(value))).collect();
        }
        // Powers of ten over a wide range, more between them over a narrow one.
        let factors: &[f64] = match range.1 - range.0 {
            width if width > 2.0 => &[1.0],
            width if width > 0.7 => &[1.0, 2.0, 5.0],
            _ => &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0],
        };
        let powers = range.0.floor() as i32..=range.1.ceil() as i32;
        powers
            .flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powi(power)))
            .filter(|value| (range.0..=range.1).contains(&value.log10()))
            .map(|value| (value.log10(), format!("{value}")))
            .collect()
    }
}

impl LayerProfile {
    fn width(&self) -> f64 {
        (self.layers.len() as f64 * self.spacing).max(LEAST_WIDTH)
    }

    /// Place of a layer in the figure, from the first panel down to its name: distance from the left
    /// edge, from the upper edge, width and height, as shares of the figure's.
    pub fn place(&self, layer: usize) -> [f64; 4] {
        let (width, height) = self.size();
        let each = self.width() / self.layers.len().max(1) as f64;
        let left = MARGIN + AXIS + layer as f64 * each;
        let top = self.top(0) - PANEL_NAME;
        let (across, down) = (f64::from(width), f64::from(height));
        [left / across, top / down, each / across, (down - MARGIN - top) / down]
    }

    fn top(&self, panel: usize) -> f64 {
        let each = PANEL_NAME + PANEL_HEIGHT + PANEL_GAP;
        MARGIN + TITLE_HEIGHT + PANEL_NAME + panel as f64 * each
    }

    fn draw_panel(&self, canvas: &mut dyn Canvas, at: usize, panel: &ProfilePanel) {
        let n = self.layers.len() as f64;
        let axes = Axes {
            corner: (MARGIN + AXIS, self.top(at)),
            size: (self.width(), PANEL_HEIGHT),
            x: (0.5, n + 0.5),
            y: panel.shown_range(),
        };
        let right = axes.corner.0 + axes.size.0;
        let title = fit(&panel.title, SUBTITLE, self.width());
        canvas.text(&Text::new(&title, (axes.corner.0, axes.corner.1 - 22.0), SUBTITLE));
        axes.draw_y_at(canvas, panel.ticks(axes.y));
        canvas.line((axes.corner.0, axes.bottom()), (right, axes.bottom()), 1.2, FRAME);
        for layer in 1..=self.layers.len() {
            let x = axes.to_x(layer as f64);
            canvas.line((x, axes.bottom()), (x, axes.bottom() + 6.0), 1.2, FRAME);
        }
        let mut legend = Legend { left: right + 26.0, y: axes.corner.1 + 14.0, width: LEGEND };
        for (series, (name, values)) in panel.series.iter().enumerate() {
            draw_series(canvas, &axes, panel, series, values);
            legend.series(canvas, name, series, Some(RADIUS));
        }
        if let Some((name, value)) = &panel.rule {
            let y = axes.to_y(panel.shown(*value));
            dashed_line(canvas, (axes.corner.0, y), (right, y), SOFT_INK);
            legend.dashed(canvas, name);
        }
    }
}

/// Lines between neighbouring layers, and a dot for each layer.
fn draw_series(
    canvas: &mut dyn Canvas,
    axes: &Axes,
    panel: &ProfilePanel,
    series: usize,
    values: &[Option<f64>],
) {
    let place = |(at, value): (usize, &Option<f64>)| {
        value.map(|value| (axes.to_x(at as f64 + 1.0), axes.to_y(panel.shown(value))))
    };
    let points: Vec<Option<Point>> = values.iter().enumerate().map(place).collect();
    for pair in points.windows(2) {
        if let [Some(from), Some(to)] = *pair {
            canvas.line(from, to, 2.5, color(series));
        }
    }
    let dots =
        |color| -> Vec<Dot> { points.iter().flatten().map(|&at| Dot { at, color }).collect() };
    canvas.dots(&dots(WHITE), RADIUS + 1.5, 1.0);
    canvas.dots(&dots(color(series)), RADIUS, 1.0);
}

impl Figure for LayerProfile {
    fn check(&self) -> Result<(), String> {
        let n = self.layers.len();
        for panel in &self.panels {
            if panel.series.iter().any(|(_, values)| values.len() != n) {
                return Err(format!("`{}` needs a value for each of {n} layers", panel.title));
            }
            let mut values = panel.series.iter().flat_map(|(_, values)| values.iter().flatten());
            let is_bad =
                |value: &&f64| !value.is_finite() || (panel.is_logarithmic && **value <= 0.0);
            if let Some(value) = values.find(is_bad) {
                return Err(format!("`{}` cannot show {value}", panel.title));
            }
        }
        Ok(())
    }

    fn size(&self) -> (u32, u32) {
        let width = MARGIN + AXIS + self.width() + LEGEND + MARGIN;
        let below = if self.x_title.is_empty() { 0.0 } else { X_TITLE };
        let height = self.top(self.panels.len()) - PANEL_NAME + FOOT + below + MARGIN;
        (width.ceil() as u32, height.ceil() as u32)
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        draw_title(canvas, &self.title, self.size().0);
        for (at, panel) in self.panels.iter().enumerate() {
            self.draw_panel(canvas, at, panel);
        }
        let y = self.top(self.panels.len()) - PANEL_NAME + 6.0;
        let each = self.width() / self.layers.len().max(1) as f64;
        let middle = (MARGIN + AXIS + self.width() / 2.0, y + X_TITLE + 2.0);
        canvas.text(&Text::new(&self.x_title, middle, LABEL).align(Align::Center).color(SOFT_INK));
        for (at, layer) in self.layers.iter().enumerate() {
            let x = MARGIN + AXIS + (at as f64 + 0.5) * each;
            let next = self.layers[at + 1..].iter().position(|name| !name.is_empty());
            let room = next.map_or(each, |others| (others + 1) as f64 * each);
            let size = if text_width(layer, LABEL) < room - 10.0 { LABEL } else { TICK };
            let name = fit(layer, size, room - 8.0);
            canvas.text(&Text::new(&name, (x, y), size).align(Align::Center));
        }
    }
}

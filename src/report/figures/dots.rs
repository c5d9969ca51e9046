//! Dots on lines: figures of many things, a line each, a few series on one scale, with their
//! intervals where they are known.

use super::axes::{Axes, Ticks};
use super::canvas::{Align, Canvas, Dot, FRAME, GRID, SOFT_INK, Text, WHITE, dotted_line};
use super::font::{fit, text_width};
use super::{Figure, LABEL, MARGIN, SUBTITLE, TICK, TITLE, TITLE_HEIGHT, color, draw_title};
use crate::evaluation::{Estimate, Interval};

const ROW: f64 = 38.0;
const PANEL_WIDTH: f64 = 430.0;
const PANEL_GAP: f64 = 64.0;
const PANEL_NAME: f64 = 44.0;
const CAPTION: f64 = 32.0;
const AXIS: f64 = 40.0;
const WIDEST_NAME: f64 = 340.0;
const WIDEST_SERIES: f64 = 320.0;
const RADIUS: f64 = 6.5;
/// Room for the words at the ends of the lines.
const ENDS: f64 = 74.0;
/// More panels than this go into several rows.
const PANELS_IN_ROW: usize = 3;
/// Least width of a scale of a panel's own.
const LEAST_OWN: f64 = 0.02;
/// Height between two rows of panels.
const ROW_GAP: f64 = 30.0;

/// Lines of dots, in panels beside each other.
#[derive(Clone, Debug)]
pub struct Dots {
    /// Above the figure; none if empty.
    pub title: String,
    /// Under the title, on what was measured and what the intervals are; none if empty.
    pub caption: String,
    /// Names of the lines.
    pub rows: Vec<String>,
    /// Names of the dots of a line; each has one colour.
    pub series: Vec<String>,
    /// Beside each other; many of them in several rows.
    pub panels: Vec<DotPanel>,
}

/// One panel of [`Dots`].
#[derive(Clone, Debug)]
pub struct DotPanel {
    /// Above the panel.
    pub title: String,
    /// `values[series][row]`, finite; `None` where there is none.
    pub values: Vec<Vec<Option<Estimate>>>,
    /// Scale of the values.
    pub scale: Scale,
    /// Words at the right end of each line; none if empty.
    pub ends: Vec<String>,
}

/// Scale of a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// One for all panels that have this.
    Common,
    /// One for all panels of differences, with a line at 0.
    Differences,
    /// Its own, where what the panels show has no common unit.
    Own,
}

impl Dots {
    fn names_width(&self) -> f64 {
        self.rows.iter().map(|name| text_width(name, LABEL)).fold(0.0, f64::max).min(WIDEST_NAME)
            * 1.1
            + 18.0
    }

    /// Panels beside each other.
    fn per_row(&self) -> usize {
        match self.panels.len() {
            n @ 0..=PANELS_IN_ROW => n.max(1),
            n => n.div_ceil(n.div_ceil(PANELS_IN_ROW)),
        }
    }

    fn lines_height(&self) -> f64 {
        self.rows.len().max(1) as f64 * ROW
    }

    /// Upper edge of the panels of a row of them.
    fn top(&self, row: usize) -> f64 {
        let title = if self.title.is_empty() { MARGIN } else { MARGIN + TITLE_HEIGHT };
        let caption = if self.caption.is_empty() { 0.0 } else { CAPTION };
        let height = PANEL_NAME + self.lines_height() + AXIS + ROW_GAP;
        title + caption + PANEL_NAME + row as f64 * height
    }

    /// Width of a panel with the words at the ends of its lines.
    fn panel_width(&self) -> f64 {
        let has_ends = self.panels.iter().any(|panel| !panel.ends.is_empty());
        PANEL_WIDTH + if has_ends { ENDS } else { 0.0 }
    }

    /// Left edge of the panel with that place in its row.
    fn left(&self, column: usize) -> f64 {
        MARGIN + self.names_width() + column as f64 * (self.panel_width() + PANEL_GAP)
    }

    /// Range of values of a panel's scale.
    fn range(&self, panel: &DotPanel) -> (f64, f64) {
        let panels = match panel.scale {
            Scale::Own => std::slice::from_ref(panel),
            Scale::Common | Scale::Differences => &self.panels,
        };
        let panels = panels.iter().filter(|other| other.scale == panel.scale);
        let estimates = panels.flat_map(|panel| panel.values.iter().flatten().flatten());
        let ends = estimates.flat_map(|estimate| match estimate.interval {
            Some(Interval { low, high }) => [low.min(estimate.value), high.max(estimate.value)],
            None => [estimate.value; 2],
        });
        let start = match panel.scale {
            Scale::Differences => (0.0, 0.0),
            Scale::Common | Scale::Own => (f64::INFINITY, f64::NEG_INFINITY),
        };
        let (low, high) = ends.fold(start, |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            return (0.0, 1.0);
        }
        // Of what differs by next to nothing, not every dot at an end.
        let (low, high) = match LEAST_OWN - (high - low) {
            lacking if panel.scale == Scale::Own && lacking > 0.0 => {
                (low - lacking / 2.0, high + lacking / 2.0)
            }
            _ => (low, high),
        };
        let air = if high > low { 0.06 * (high - low) } else { 0.1 * high.abs().max(0.1) };
        (low - air, high + air)
    }

    fn draw_panel(&self, canvas: &mut dyn Canvas, at: usize, panel: &DotPanel) {
        let left = self.left(at % self.per_row());
        let top = self.top(at / self.per_row());
        let height = self.lines_height();
        let range = self.range(panel);
        let axes =
            Axes { corner: (left, top), size: (PANEL_WIDTH, height), x: range, y: (0.0, 1.0) };
        let title = fit(&panel.title, SUBTITLE, PANEL_WIDTH);
        canvas.text(&Text::new(&title, (left, top - PANEL_NAME / 2.0), SUBTITLE));
        let ticks = Ticks::new(range, 5, 0.0);
        for value in ticks.values() {
            canvas.line((axes.to_x(value), top), (axes.to_x(value), axes.bottom()), 1.0, GRID);
        }
        for row in 0..self.rows.len() {
            let y = top + (row as f64 + 0.5) * ROW;
            canvas.line((left, y), (left + PANEL_WIDTH, y), 1.0, GRID);
        }
        if panel.scale == Scale::Differences {
            dotted_line(canvas, axes.to_x(0.0), (top, axes.bottom()), 2.0, SOFT_INK);
        }
        axes.draw_x(canvas, &ticks);
        for row in 0..self.rows.len() {
            let middle = top + (row as f64 + 0.5) * ROW;
            self.draw_row(canvas, &axes, middle, panel, row);
            let Some(words) = panel.ends.get(row) else { continue };
            let end = (left + self.panel_width(), middle);
            canvas.text(&Text::new(words, end, TICK).align(Align::Right).color(SOFT_INK));
        }
    }

    fn draw_row(
        &self,
        canvas: &mut dyn Canvas,
        axes: &Axes,
        middle: f64,
        panel: &DotPanel,
        row: usize,
    ) {
        let estimates: Vec<(usize, Estimate)> = panel
            .values
            .iter()
            .enumerate()
            .filter_map(|(series, values)| Some((series, values[row]?)))
            .collect();
        // Intervals of several series would lie on each other.
        let apart = estimates.len() > 1
            && estimates.iter().any(|(_, estimate)| estimate.interval.is_some());
        let step = if apart { (ROW - 12.0) / estimates.len() as f64 } else { 0.0 };
        let y = |at: usize| middle + (at as f64 - (estimates.len() as f64 - 1.0) / 2.0) * step;
        if !apart {
            let values = || estimates.iter().map(|(_, estimate)| axes.to_x(estimate.value));
            let low = values().fold(f64::INFINITY, f64::min);
            let high = values().fold(f64::NEG_INFINITY, f64::max);
            if low < high {
                canvas.line((low, middle), (high, middle), 3.0, FRAME);
            }
        }
        for (at, (series, estimate)) in estimates.iter().enumerate() {
            let x = axes.to_x(estimate.value);
            let y = y(at);
            let paint = color(*series);
            if let Some(Interval { low, high }) = estimate.interval {
                canvas.line((axes.to_x(low), y), (axes.to_x(high), y), 2.6, paint);
            }
            // Of dots on one place the later ones are smaller, so that all are seen.
            let radius =
                if apart { RADIUS * 0.8 } else { RADIUS + 1.7 * (estimates.len() - 1 - at) as f64 };
            canvas.dots(&[Dot { at: (x, y), color: WHITE }], radius + 1.5, 1.0);
            canvas.dots(&[Dot { at: (x, y), color: paint }], radius, 1.0);
        }
    }

    fn draw_legend(&self, canvas: &mut dyn Canvas) {
        let left = self.left(self.per_row()) - PANEL_GAP + 24.0;
        for (series, name) in self.series.iter().enumerate() {
            let y = self.top(0) + 14.0 + series as f64 * 36.0;
            canvas.dots(&[Dot { at: (left + 10.0, y), color: color(series) }], RADIUS, 1.0);
            canvas.text(&Text::new(&fit(name, LABEL, WIDEST_SERIES), (left + 28.0, y), LABEL));
        }
    }
}

impl Figure for Dots {
    fn check(&self) -> Result<(), String> {
        for panel in &self.panels {
            let name = &panel.title;
            if panel.values.len() != self.series.len()
                || panel.values.iter().any(|row| row.len() != self.rows.len())
            {
                let (n_series, n_rows) = (self.series.len(), self.rows.len());
                return Err(format!(
                    "panel `{name}` must have {n_series} series of {n_rows} values each"
                ));
            }
            if !panel.ends.is_empty() && panel.ends.len() != self.rows.len() {
                let (n, n_rows) = (panel.ends.len(), self.rows.len());
                return Err(format!("panel `{name}` has words for {n} of {n_rows} lines"));
            }
            let finite = |estimate: &&Estimate| {
                let Interval { low, high } =
                    estimate.interval.unwrap_or(Interval { low: 0.0, high: 0.0 });
                [estimate.value, low, high].iter().all(|value| value.is_finite())
            };
            if let Some(estimate) =
                panel.values.iter().flatten().flatten().find(|estimate| !finite(estimate))
            {
                return Err(format!(
                    "panel `{name}` has the value {}, which is not finite",
                    estimate.value
                ));
            }
        }
        Ok(())
    }

    fn size(&self) -> (u32, u32) {
        let names = self
            .series
            .iter()
            .map(|name| text_width(name, LABEL))
            .fold(0.0, f64::max)
            .min(WIDEST_SERIES);
        let legend = if self.series.is_empty() { 0.0 } else { 24.0 + 28.0 + names * 1.1 };
        let panels = self.left(self.per_row()) - PANEL_GAP + legend + MARGIN;
        // Somewhat more than the words, which other fonts may widen.
        let words = text_width(&self.title, TITLE).max(text_width(&self.caption, TICK));
        let width = panels.max(2.0 * MARGIN + 1.05 * words);
        let rows = self.lines_height().max(self.series.len() as f64 * 36.0);
        let last = self.panels.len().max(1).div_ceil(self.per_row()) - 1;
        (width.ceil() as u32, (self.top(last) + rows + AXIS + MARGIN / 2.0).ceil() as u32)
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        let width = self.size().0;
        draw_title(canvas, &self.title, width);
        let caption = fit(&self.caption, TICK, f64::from(width) - 2.0 * MARGIN);
        canvas.text(&Text::new(&caption, (MARGIN, MARGIN + TITLE + 24.0), TICK).color(SOFT_INK));
        for panels in 0..self.panels.len().div_ceil(self.per_row()) {
            for (row, name) in self.rows.iter().enumerate() {
                let at = (self.left(0) - 18.0, self.top(panels) + (row as f64 + 0.5) * ROW);
                let name = fit(name, LABEL, WIDEST_NAME);
                canvas.text(&Text::new(&name, at, LABEL).align(Align::Right));
            }
        }
        for (at, panel) in self.panels.iter().enumerate() {
            self.draw_panel(canvas, at, panel);
        }
        self.draw_legend(canvas);
    }
}

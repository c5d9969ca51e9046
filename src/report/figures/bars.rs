//! Grouped bars: the k-nearest-neighbour accuracy of every space and method, a panel for each k.

use super::axes::{Axes, Ticks};
use super::canvas::{Align, Canvas, INK, SOFT_INK, Text};
use super::font::{fit, text_width};
use super::{Figure, LABEL, MARGIN, SUBTITLE, TITLE_HEIGHT, color, draw_title};

/// Width of a bar with the gap to its neighbour: a value of three decimals fits.
const SLOT: f64 = 52.0;
const BAR: f64 = 46.0;
const GROUP_GAP: f64 = 44.0;
const VALUE: f64 = 17.0;
const PANEL_HEIGHT: f64 = 250.0;
/// Height above a panel for its name, and below it for the groups' names.
const PANEL_NAME: f64 = 44.0;
const GROUP_NAME: f64 = 66.0;
/// Room for the tick labels left of a panel.
const AXIS: f64 = 56.0;
const WIDEST_NAME: f64 = 320.0;

/// Scores between 0 and 1, as bars in groups.
#[derive(Clone, Debug)]
pub struct Bars {
    /// Above the figure; none if empty.
    pub title: String,
    /// Names of the groups of bars, the spaces for example.
    pub groups: Vec<String>,
    /// Names of the bars of a group, the methods for example; each has one colour.
    pub series: Vec<String>,
    /// One below the other.
    pub panels: Vec<BarPanel>,
}

/// One panel of [`Bars`].
#[derive(Clone, Debug)]
pub struct BarPanel {
    /// Above the panel, `k = 3` for example.
    pub title: String,
    /// `values[series][group]`, between 0 and 1; `None` where there is no score, drawn as a dash.
    pub values: Vec<Vec<Option<f32>>>,
}

impl Bars {
    fn group_width(&self) -> f64 {
        self.series.len().max(1) as f64 * SLOT
    }

    fn plot_width(&self) -> f64 {
        (self.groups.len().max(1) as f64 * (self.group_width() + GROUP_GAP)).max(320.0)
    }

    fn top(&self) -> f64 {
        if self.title.is_empty() { MARGIN } else { MARGIN + TITLE_HEIGHT }
    }

    fn draw_panel(&self, canvas: &mut dyn Canvas, top: f64, panel: &BarPanel) {
        let width = self.plot_width();
        let corner = (MARGIN + AXIS, top + PANEL_NAME);
        // The values of the tallest bars stand above 1, outside the grid.
        let axes = Axes {
            corner,
            size: (width, PANEL_HEIGHT),
            x: (0.0, self.groups.len().max(1) as f64),
            y: (0.0, 1.0),
        };
        canvas.text(&Text::new(&panel.title, (corner.0 - AXIS, top), SUBTITLE));
        axes.draw_y(canvas, &Ticks::new(axes.y, 5, 0.0));
        axes.draw_x(canvas, &Ticks::new((0.25, 0.75), 2, 1.0));
        for (group, name) in self.groups.iter().enumerate() {
            let middle = axes.to_x(group as f64 + 0.5);
            let name = fit(name, LABEL, self.group_width() + GROUP_GAP - 8.0);
            canvas.text(
                &Text::new(&name, (middle, axes.bottom() + 24.0), LABEL).align(Align::Center),
            );
            for (series, values) in panel.values.iter().enumerate() {
                let x = middle - self.group_width() / 2.0 + (series as f64 + 0.5) * SLOT;
                self.draw_bar(canvas, &axes, x, values[group], series);
            }
        }
    }

    fn draw_bar(
        &self,
        canvas: &mut dyn Canvas,
        axes: &Axes,
        x: f64,
        value: Option<f32>,
        series: usize,
    ) {
        let Some(value) = value else {
            let dash = Text::new("–", (x, axes.bottom() - 12.0), VALUE).align(Align::Center);
            return canvas.text(&dash.color(SOFT_INK));
        };
        let y = axes.to_y(f64::from(value));
        canvas.rectangle((x - BAR / 2.0, y), (BAR, axes.bottom() - y), color(series));
        canvas.text(
            &Text::new(&format!("{value:.3}"), (x, y - 12.0), VALUE)
                .align(Align::Center)
                .color(INK)
                .halo(),
        );
    }
}

impl Figure for Bars {
    fn check(&self) -> Result<(), String> {
        for panel in &self.panels {
            let name = &panel.title;
            if panel.values.len() != self.series.len()
                || panel.values.iter().any(|row| row.len() != self.groups.len())
            {
                let (n_series, n_groups) = (self.series.len(), self.groups.len());
                return Err(format!(
                    "panel `{name}` must have {n_series} series of {n_groups} values each"
                ));
            }
            if let Some(value) =
                panel.values.iter().flatten().flatten().find(|value| !(0.0..=1.0).contains(*value))
            {
                return Err(format!(
                    "panel `{name}` has the value {value}, which is not between 0 and 1"
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
            .min(WIDEST_NAME);
        let width = MARGIN + AXIS + self.plot_width() + 24.0 + 30.0 + names * 1.1 + MARGIN;
        let panel = PANEL_NAME + PANEL_HEIGHT + GROUP_NAME;
        (
            width.ceil() as u32,
            (self.top() + self.panels.len().max(1) as f64 * panel + MARGIN / 2.0) as u32,
        )
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        draw_title(canvas, &self.title, self.size().0);
        for (i, panel) in self.panels.iter().enumerate() {
            let top =
                self.top() + i as f64 * (PANEL_NAME + PANEL_HEIGHT + GROUP_NAME) + SUBTITLE / 2.0;
            self.draw_panel(canvas, top, panel);
        }
        let left = MARGIN + AXIS + self.plot_width() + 24.0;
        for (i, name) in self.series.iter().enumerate() {
            let y = self.top() + PANEL_NAME + SUBTITLE + i as f64 * 36.0;
            canvas.rectangle((left, y - 9.0), (18.0, 18.0), color(i));
            canvas.text(&Text::new(&fit(name, LABEL, WIDEST_NAME), (left + 30.0, y), LABEL));
        }
    }
}

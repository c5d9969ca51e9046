//! Maps: embeddings in two dimensions as clouds of points, one colour for each class.

use super::canvas::{Align, Canvas, Color, Dot, FRAME, Point, Text, outline};
use super::classes::{NamedClasses, OTHERS};
use super::font::{fit, text_width};
use super::labels::{middles, place};
use super::{Figure, LABEL, MARGIN, SUBTITLE, TITLE_HEIGHT, draw_title};
use crate::matrix::Matrix;

const PANEL_NAME: f64 = 40.0;
const GAP: f64 = 26.0;
const WIDEST_NAME: f64 = 300.0;
const DIRECT_LABEL: f64 = 21.0;
/// Share of a panel's shorter side that stays free around the points.
const AIR: f64 = 0.03;
/// Least and largest height of a panel over its width.
pub(super) const SHAPE: (f64, f64) = (0.6, 1.1);

/// One map.
#[derive(Clone, Debug)]
pub struct Panel<'a> {
    /// Above the panel, `Layer 1, train` for example.
    pub title: String,
    /// n x 2.
    pub embedding: &'a Matrix,
    /// The class of each row.
    pub labels: &'a [u16],
}

/// Maps in rows and columns, with one legend.
///
/// Both coordinates of a panel have the same scale, because distances are what an embedding shows;
/// there are no ticks, because the values themselves mean nothing.
#[derive(Clone, Debug)]
pub struct Scatter<'a> {
    /// Above the figure; none if empty.
    pub title: String,
    /// Rows of panels.
    pub panels: Vec<Vec<Panel<'a>>>,
    /// One name for each class, also for classes without points.
    pub class_names: &'a [String],
    /// `true` if the panels of one row are one map (train and test of a space) and so show the same
    /// range.
    pub rows_share_axes: bool,
    /// `true` if class names also stand in the maps, at the middle of their class: of the row's
    /// first panel if the row is one map, of each panel if not.
    pub direct_labels: bool,
}

impl Scatter<'_> {
    fn columns(&self) -> usize {
        self.panels.iter().map(Vec::len).max().unwrap_or(0).max(1)
    }

    /// Width of a panel: large where there are few.
    fn width(&self) -> f64 {
        match self.columns() {
            1 => 860.0,
            2 => 720.0,
            3 => 600.0,
            _ => 480.0,
        }
    }

    fn top(&self) -> f64 {
        if self.title.is_empty() { MARGIN } else { MARGIN + TITLE_HEIGHT }
    }

    /// The range that each panel of a row shows.
    fn windows(&self, row: &[Panel<'_>]) -> Vec<Window> {
        if self.rows_share_axes {
            return vec![Window::around(row.iter().map(|panel| panel.embedding)); row.len()];
        }
        row.iter().map(|panel| Window::around([panel.embedding])).collect()
    }

    /// Top and height of each row's panels: as high as the data of the row, within limits.
    fn rows(&self) -> Vec<(f64, f64)> {
        let mut top = self.top() + PANEL_NAME;
        let place = |row: &Vec<Panel<'_>>| {
            let shape =
                self.windows(row).iter().map(Window::shape).fold(SHAPE.0, f64::max).min(SHAPE.1);
            let height = (self.width() * shape).round();
            let this = top;
            top += height + GAP + PANEL_NAME;
            (this, height)
        };
        self.panels.iter().map(place).collect()
    }

    /// Lowest line of the last row.
    fn bottom(&self) -> f64 {
        self.rows()
            .last()
            .map_or(self.top() + PANEL_NAME + self.width() / 2.0, |(top, height)| top + height)
    }

    fn left(&self, column: usize) -> f64 {
        MARGIN + column as f64 * (self.width() + GAP)
    }

    /// The classes that are named, by their points in all panels.
    fn classes(&self) -> NamedClasses {
        let labels = self.panels.iter().flatten().flat_map(|panel| panel.labels).copied();
        NamedClasses::of(self.class_names.len(), labels)
    }

    fn draw_row(
        &self,
        canvas: &mut dyn Canvas,
        classes: &NamedClasses,
        panels: &[Panel<'_>],
        (top, height): (f64, f64),
    ) {
        let middles_of = |panel: &Panel<'_>| {
            let of_points = panel.labels.iter().map(|&label| Some(usize::from(label)));
            let mut middles = middles(panel.embedding, of_points, self.class_names.len());
            let unnamed = middles.iter_mut().enumerate().filter(|(class, _)| !classes.has(*class));
            unnamed.for_each(|(_, middle)| *middle = None);
            middles
        };
        for (column, (panel, window)) in panels.iter().zip(self.windows(panels)).enumerate() {
            let view =
                View { window, corner: (self.left(column), top), size: (self.width(), height) };
            let title = fit(&panel.title, SUBTITLE, self.width());
            canvas.text(&Text::new(
                &title,
                (view.corner.0, top - PANEL_NAME / 2.0 - 2.0),
                SUBTITLE,
            ));
            outline(canvas, view.corner, view.size, FRAME);
            draw_points(canvas, classes, panel, &view);
            if self.direct_labels {
                let named = middles_of(if self.rows_share_axes { &panels[0] } else { panel });
                self.draw_names(canvas, &named, &view);
            }
        }
    }

    fn draw_names(&self, canvas: &mut dyn Canvas, middles: &[Option<Point>], view: &View) {
        let wanted: Vec<Option<Point>> =
            middles.iter().map(|at| at.map(|at| view.place(at))).collect();
        for label in place(&wanted, self.class_names, DIRECT_LABEL, view.corner, view.size) {
            let name = &self.class_names[label.class];
            canvas.text(&Text::new(name, label.at, DIRECT_LABEL).align(Align::Center).halo());
        }
    }

    fn draw_legend(&self, canvas: &mut dyn Canvas, classes: &NamedClasses) {
        let left = self.left(self.columns());
        let top = self.top() + PANEL_NAME;
        let entries = classes.legend(self.class_names);
        let pitch = ((self.bottom() - top) / entries.len().max(1) as f64).min(36.0);
        let size = LABEL.min(pitch * 0.85);
        for (at, (class, name)) in entries.iter().enumerate() {
            let y = top + size / 2.0 + at as f64 * pitch;
            let color = class.map_or(OTHERS, |class| classes.color(class));
            canvas.dots(&[Dot { at: (left + 10.0, y), color }], size * 0.36, 1.0);
            canvas.text(&Text::new(&fit(name, size, WIDEST_NAME), (left + 28.0, y), size));
        }
    }
}

impl Figure for Scatter<'_> {
    fn check(&self) -> Result<(), String> {
        let n_classes = self.class_names.len();
        for panel in self.panels.iter().flatten() {
            let title = &panel.title;
            let n = panel.embedding.n_samples();
            if panel.embedding.n_features() != 2 {
                return Err(format!(
                    "panel `{title}` has {} dimensions, not 2",
                    panel.embedding.n_features()
                ));
            }
            if panel.labels.len() != n {
                return Err(format!(
                    "panel `{title}` has {n} points, but {} labels",
                    panel.labels.len()
                ));
            }
            if let Some(label) = panel.labels.iter().find(|&&label| usize::from(label) >= n_classes)
            {
                return Err(format!(
                    "panel `{title}` has the label {label}, but there are {n_classes} classes"
                ));
            }
        }
        Ok(())
    }

    fn size(&self) -> (u32, u32) {
        let entries = self.classes().legend(self.class_names);
        let names = entries
            .iter()
            .map(|(_, name)| text_width(name, LABEL))
            .fold(0.0, f64::max)
            .min(WIDEST_NAME);
        // A tenth more than the font needs: the reader of the SVG may have a wider one.
        let width = self.left(self.columns()) + 28.0 + names * 1.1 + MARGIN;
        (width.ceil() as u32, (self.bottom() + MARGIN).ceil() as u32)
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        draw_title(canvas, &self.title, self.size().0);
        let classes = self.classes();
        for (panels, place) in self.panels.iter().zip(self.rows()) {
            self.draw_row(canvas, &classes, panels, place);
        }
        self.draw_legend(canvas, &classes);
    }
}

/// The points in row order, so that no class hides another; those without a colour of their own
/// below all others.
fn draw_points(canvas: &mut dyn Canvas, classes: &NamedClasses, panel: &Panel<'_>, view: &View) {
    let points = panel.embedding.rows().zip(panel.labels.iter().map(|&label| usize::from(label)));
    let (named, others): (Vec<_>, Vec<_>) = points.partition(|(_, class)| classes.has(*class));
    let all = others.into_iter().chain(named);
    view.draw(canvas, &all.map(|(row, class)| (row, classes.color(class))).collect::<Vec<_>>());
}

/// Radius and opacity of `n` points in a panel of the given width: few are large and solid; of
/// many, each stays visible and a crowd does not become one blot.
pub(super) fn dot_style(n: usize, width: f64) -> (f64, f64) {
    let spacing = width / (n.max(1) as f64).sqrt();
    // Between the fixed size and the one in proportion to the spacing: train and test panels then
    // look alike.
    let radius = (0.42 * spacing.powf(0.72)).clamp(1.1, 5.5);
    (radius, (0.42 + 0.03 * spacing).clamp(0.4, 0.85))
}

/// A rectangle of the plane in which the points lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    middle: Point,
    half: (f64, f64),
}

impl Window {
    /// The smallest rectangle around all points; around nothing, the origin.
    pub(super) fn around<'a>(embeddings: impl IntoIterator<Item = &'a Matrix>) -> Self {
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for row in embeddings.into_iter().flat_map(Matrix::rows) {
            for axis in 0..2 {
                low[axis] = low[axis].min(f64::from(row[axis]));
                high[axis] = high[axis].max(f64::from(row[axis]));
            }
        }
        if low[0] > high[0] {
            (low, high) = ([0.0; 2], [0.0; 2]);
        }
        let middle = (f64::midpoint(low[0], high[0]), f64::midpoint(low[1], high[1]));
        Self { middle, half: ((high[0] - low[0]) / 2.0, (high[1] - low[1]) / 2.0) }
    }

    /// Height over width, 1 if that says nothing.
    pub(super) fn shape(&self) -> f64 {
        if self.half.0 > 0.0 { self.half.1 / self.half.0 } else { 1.0 }
    }
}

/// A panel and the window it shows, at the same scale in both directions.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) window: Window,
    pub(super) corner: Point,
    pub(super) size: (f64, f64),
}

impl View {
    /// Points of the window in the given order, each row with its colour.
    pub(super) fn draw(&self, canvas: &mut dyn Canvas, points: &[(&[f32], Color)]) {
        let place = |&(row, color): &(&[f32], Color)| Dot {
            at: self.place((f64::from(row[0]), f64::from(row[1]))),
            color,
        };
        let dots: Vec<Dot> = points.iter().map(place).collect();
        let (radius, opacity) = dot_style(dots.len(), self.size.0);
        canvas.dots(&dots, radius, opacity);
    }

    pub(super) fn place(&self, (x, y): Point) -> Point {
        let Window { middle, half } = self.window;
        let air = AIR * self.size.0.min(self.size.1);
        let room = (self.size.0 / 2.0 - air, self.size.1 / 2.0 - air);
        let unit = (half.0 / room.0).max(half.1 / room.1);
        let unit = if unit > 0.0 { unit } else { 1.0 };
        let centre = (self.corner.0 + self.size.0 / 2.0, self.corner.1 + self.size.1 / 2.0);
        (centre.0 + (x - middle.0) / unit, centre.1 - (y - middle.1) / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_have_one_scale_and_nothing_leaves_the_panel() {
        let embedding = Matrix::new(vec![0.0, 0.0, 10.0, 0.0, 0.0, 1.0, 10.0, 1.0], 4, 2).unwrap();
        let view = View {
            window: Window::around([&embedding]),
            corner: (100.0, 50.0),
            size: (400.0, 300.0),
        };
        let at: Vec<Point> =
            [(0.0, 0.0), (10.0, 0.0), (0.0, 1.0)].map(|at| view.place(at)).to_vec();
        let across = (at[1].0 - at[0].0) / 10.0;
        let up = at[0].1 - at[2].1;
        assert!((across - up).abs() < 1e-9, "{across} {up}");
        assert!(at[0].0 > 100.0 && at[1].0 < 500.0);
    }

    #[test]
    fn more_points_are_smaller_and_fainter() {
        let looks = [100, 2_000, 10_000, 60_000].map(|n| dot_style(n, 720.0));
        assert!(looks.windows(2).all(|pair| pair[0].0 > pair[1].0 || pair[1].0 == 1.1));
        assert!(looks.windows(2).all(|pair| pair[0].1 >= pair[1].1));
    }
}

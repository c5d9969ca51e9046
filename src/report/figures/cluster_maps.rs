//! Maps by cluster, and beside or below each the same map by class.

use super::canvas::{Align, Canvas, Color, Dot, FRAME, Point, SOFT_INK, Text, outline};
use super::classes::{NamedClasses, OTHERS};
use super::font::{fit, text_width};
use super::labels::{middles, place};
use super::scatter::{SHAPE, View, Window};
use super::{Figure, LABEL, MARGIN, SUBTITLE, TITLE_HEIGHT, color, draw_title};
use crate::clustering::NOISE;
use crate::dataset::Classes;
use crate::matrix::Matrix;

/// Noise, lighter than every colour of a cluster.
pub const NOISE_COLOR: Color = OTHERS;
const PANEL_NAME: f64 = 40.0;
const WIDTH: f64 = 640.0;
/// Width of a panel where the maps stand side by side.
const NARROW: f64 = 480.0;
/// Maps one below the other at most; more stand side by side, so that the figure fits a page.
const STACKED: usize = 2;
const GAP: f64 = 30.0;
const WIDEST_NAME: f64 = 260.0;
const DIRECT_LABEL: f64 = 21.0;
/// Entries of a legend at most; of the smaller clusters beyond only the number is given.
const LEGEND: usize = 16;

/// Maps of the same points, by cluster and by class. Up to two maps stand one below the other, by
/// cluster at the left and by class at the right; more stand side by side, by cluster above and by
/// class below.
#[derive(Clone, Debug)]
pub struct ClusterMaps<'a> {
    /// Above the figure; none if empty.
    pub title: String,
    /// Title and coordinates, n x 2, of each map.
    pub maps: Vec<(String, &'a Matrix)>,
    /// The cluster of each point, from 0, or [`NOISE`], which is drawn grey below all others.
    pub clusters: &'a [i32],
    /// Where they are known.
    pub classes: Option<Classes<'a>>,
}

/// Colours and names of the points of one column of panels, or one row.
struct Coloring {
    /// Number of each point's group, none for noise.
    groups: Vec<Option<usize>>,
    /// Entries of the legend: number of the group, name, and style of its points.
    legend: Vec<(Option<usize>, String)>,
    /// Below the legend, what it leaves out.
    rest: String,
    /// Label in the map, by group; empty for none.
    names: Vec<String>,
    /// Number of the colour, by group.
    colors: Vec<usize>,
}

impl Coloring {
    fn color(&self, group: Option<usize>) -> Color {
        group.map_or(NOISE_COLOR, |group| color(self.colors[group]))
    }
}

/// Places of the panels and of the legends.
struct Layout {
    /// What each map's panels show.
    windows: Vec<Window>,
    /// `true` if each map has a column of its own, `false` if it has a row.
    side_by_side: bool,
    /// Width of a panel.
    width: f64,
    /// Left side of each column of panels.
    lefts: Vec<f64>,
    /// Right side of the last legend.
    right: f64,
    /// Top and height of each row of panels.
    rows: Vec<(f64, f64)>,
}

impl Layout {
    fn view(&self, of_map: usize, of_coloring: usize) -> View {
        let (column, row) =
            if self.side_by_side { (of_map, of_coloring) } else { (of_coloring, of_map) };
        let (top, height) = self.rows[row];
        View {
            window: self.windows[of_map],
            corner: (self.lefts[column], top),
            size: (self.width, height),
        }
    }

    /// Upper left corner and height of a legend: right of its row, or of its column.
    fn legend(&self, of_coloring: usize) -> Option<(Point, f64)> {
        let column = if self.side_by_side { self.lefts.len().checked_sub(1)? } else { of_coloring };
        let left = self.lefts[column] + self.width + GAP / 2.0;
        if self.side_by_side {
            let (top, height) = self.rows[of_coloring];
            return Some(((left, top), height));
        }
        let (top, _) = self.rows.first()?;
        Some(((left, *top), self.bottom()? - top))
    }

    fn bottom(&self) -> Option<f64> {
        self.rows.last().map(|(top, height)| top + height)
    }
}

impl ClusterMaps<'_> {
    fn by_cluster(&self) -> Coloring {
        let groups: Vec<Option<usize>> =
            self.clusters.iter().map(|&cluster| usize::try_from(cluster).ok()).collect();
        let n = groups.iter().flatten().max().map_or(0, |most| most + 1);
        let mut sizes = vec![0_usize; n];
        groups.iter().flatten().for_each(|&group| sizes[group] += 1);
        let n_noise = groups.iter().filter(|group| group.is_none()).count();
        let mut largest: Vec<usize> = (0..n).collect();
        largest.sort_by(|&a, &b| sizes[b].cmp(&sizes[a]).then(a.cmp(&b)));
        let shown = if n > LEGEND { LEGEND - 1 } else { n };
        largest.truncate(shown);
        largest.sort_unstable();
        let mut names = vec![String::new(); n];
        largest.iter().for_each(|&group| names[group] = group.to_string());
        let mut legend: Vec<(Option<usize>, String)> = largest
            .iter()
            .map(|&group| (Some(group), format!("{group} ({})", sizes[group])))
            .collect();
        if n_noise > 0 {
            legend.push((None, format!("noise ({n_noise})")));
        }
        let rest = if shown < n { format!("and {} smaller", n - shown) } else { String::new() };
        let colors = self.cluster_colors(&groups, n);
        Coloring { groups, legend, rest, names, colors }
    }

    /// Colours of the `n` clusters: each has the colour of a class that it shares most points with,
    /// the pairs that share most first; what is left over has the colours that no other has.
    fn cluster_colors(&self, groups: &[Option<usize>], n: usize) -> Vec<usize> {
        let Some(classes) = &self.classes else { return (0..n).collect() };
        let named = NamedClasses::of(classes.names.len(), classes.labels.iter().copied()).named;
        let mut shared = vec![vec![0_usize; classes.names.len()]; n];
        for (group, &label) in groups.iter().zip(classes.labels) {
            group.iter().for_each(|&group| shared[group][usize::from(label)] += 1);
        }
        let mut pairs: Vec<(usize, usize, usize)> = (0..n)
            .flat_map(|group| (0..named.len()).map(move |place| (group, place)))
            .map(|(group, place)| (shared[group][named[place]], group, place))
            .filter(|(count, ..)| *count > 0)
            .collect();
        pairs.sort_by_key(|&(count, group, place)| (std::cmp::Reverse(count), group, place));
        let mut colors = vec![None; n];
        let mut is_taken = vec![false; named.len()];
        for (_, group, place) in pairs {
            if colors[group].is_none() && !is_taken[place] {
                colors[group] = Some(place);
                is_taken[place] = true;
            }
        }
        let mut free = (0..).filter(|&color| !is_taken.get(color).is_some_and(|taken| *taken));
        colors.into_iter().map(|color| color.or_else(|| free.next()).unwrap_or(0)).collect()
    }

    fn by_class(classes: &Classes<'_>) -> Coloring {
        let named = NamedClasses::of(classes.names.len(), classes.labels.iter().copied());
        let place = |class: usize| named.named.iter().position(|&other| other == class);
        let places: Vec<Option<usize>> = (0..classes.names.len()).map(place).collect();
        Coloring {
            groups: classes.labels.iter().map(|&label| places[usize::from(label)]).collect(),
            legend: named
                .legend(classes.names)
                .into_iter()
                .map(|(class, name)| (class.and_then(place), name))
                .collect(),
            rest: String::new(),
            names: named.named.iter().map(|&class| classes.names[class].clone()).collect(),
            colors: (0..named.named.len()).collect(),
        }
    }

    fn colorings(&self) -> Vec<(&'static str, Coloring)> {
        let classes = self.classes.as_ref().map(|classes| ("by class", Self::by_class(classes)));
        std::iter::once(("by cluster", self.by_cluster())).chain(classes).collect()
    }

    fn top(&self) -> f64 {
        if self.title.is_empty() { MARGIN } else { MARGIN + TITLE_HEIGHT }
    }

    fn layout(&self, colorings: &[(&'static str, Coloring)]) -> Layout {
        let windows: Vec<Window> =
            self.maps.iter().map(|(_, map)| Window::around([*map])).collect();
        let shape = |window: &Window| window.shape().clamp(SHAPE.0, SHAPE.1);
        let side_by_side = windows.len() > STACKED;
        let width = if side_by_side { NARROW } else { WIDTH };
        let mut lefts = Vec::new();
        let mut right = MARGIN;
        let shapes: Vec<f64> = if side_by_side {
            for _ in &windows {
                lefts.push(right);
                right += width + GAP / 2.0;
            }
            right +=
                colorings.iter().map(|(_, coloring)| legend_width(coloring)).fold(0.0, f64::max);
            let tallest = windows.iter().map(shape).fold(SHAPE.0, f64::max);
            vec![tallest; colorings.len()]
        } else {
            for (_, coloring) in colorings {
                lefts.push(right);
                right += width + GAP / 2.0 + legend_width(coloring);
            }
            windows.iter().map(shape).collect()
        };
        let mut rows = Vec::new();
        let mut top = self.top() + PANEL_NAME;
        for shape in shapes {
            let height = (width * shape).round();
            rows.push((top, height));
            top += height + GAP + PANEL_NAME;
        }
        Layout { windows, side_by_side, width, lefts, right, rows }
    }

    fn draw_panel(&self, canvas: &mut dyn Canvas, map: &Matrix, view: &View, coloring: &Coloring) {
        outline(canvas, view.corner, view.size, FRAME);
        // Noise first: it lies between the clusters and must not hide their edges. Groups of a few
        // points last: among many others they would not be seen.
        let mut sizes = vec![0_usize; coloring.names.len()];
        coloring.groups.iter().flatten().for_each(|&group| sizes[group] += 1);
        let layer = |group: Option<usize>| {
            group.map_or(0, |group| if 100 * sizes[group] > coloring.groups.len() { 1 } else { 2 })
        };
        let mut order: Vec<usize> = (0..coloring.groups.len()).collect();
        order.sort_by_key(|&point| layer(coloring.groups[point]));
        let dot = |point: usize| (map.row(point), coloring.color(coloring.groups[point]));
        view.draw(canvas, &order.into_iter().map(dot).collect::<Vec<_>>());
        let named = coloring.groups.iter();
        let named = named.map(|group| group.filter(|&group| !coloring.names[group].is_empty()));
        let middles = middles(map, named, coloring.names.len());
        let wanted: Vec<Option<Point>> =
            middles.into_iter().map(|at| at.map(|at| view.place(at))).collect();
        for label in place(&wanted, &coloring.names, DIRECT_LABEL, view.corner, view.size) {
            let name = &coloring.names[label.class];
            canvas.text(&Text::new(name, label.at, DIRECT_LABEL).align(Align::Center).halo());
        }
    }
}

/// Width of a legend with the space around it.
fn legend_width(coloring: &Coloring) -> f64 {
    let names = coloring.legend.iter().map(|(_, name)| name).chain([&coloring.rest]);
    // A tenth more than the font needs: the reader of the SVG may have a wider one.
    (28.0
        + names.map(|name| text_width(name, LABEL)).fold(0.0, f64::max).min(WIDEST_NAME) * 1.1
        + GAP)
        .ceil()
}

fn draw_legend(canvas: &mut dyn Canvas, (left, top): Point, height: f64, coloring: &Coloring) {
    let entries = coloring.legend.len() + usize::from(!coloring.rest.is_empty());
    let pitch = (height / entries.max(1) as f64).min(36.0);
    let size = LABEL.min(pitch * 0.85);
    let y = |entry: usize| top + size / 2.0 + entry as f64 * pitch;
    for (entry, (group, name)) in coloring.legend.iter().enumerate() {
        let dot = Dot { at: (left + 10.0, y(entry)), color: coloring.color(*group) };
        canvas.dots(&[dot], size * 0.36, 1.0);
        canvas.text(&Text::new(&fit(name, size, WIDEST_NAME), (left + 28.0, y(entry)), size));
    }
    canvas.text(
        &Text::new(&coloring.rest, (left + 28.0, y(coloring.legend.len())), size).color(SOFT_INK),
    );
}

impl Figure for ClusterMaps<'_> {
    fn check(&self) -> Result<(), String> {
        let n = self.clusters.len();
        for (title, map) in &self.maps {
            if map.n_features() != 2 || map.n_samples() != n {
                let (rows, columns) = (map.n_samples(), map.n_features());
                return Err(format!("map `{title}` is {rows} x {columns}, not {n} x 2"));
            }
        }
        if let Some(cluster) = self.clusters.iter().find(|&&cluster| cluster < NOISE) {
            return Err(format!("there is no cluster {cluster}"));
        }
        let Some(Classes { labels, names }) = self.classes else { return Ok(()) };
        if labels.len() != n {
            return Err(format!("{n} points have {} labels", labels.len()));
        }
        match labels.iter().find(|&&label| usize::from(label) >= names.len()) {
            Some(label) => {
                Err(format!("there is the label {label}, but there are {} classes", names.len()))
            }
            None => Ok(()),
        }
    }

    fn size(&self) -> (u32, u32) {
        let layout = self.layout(&self.colorings());
        let bottom = layout.bottom().unwrap_or(self.top() + PANEL_NAME + WIDTH * SHAPE.0);
        ((layout.right + MARGIN / 2.0).ceil() as u32, (bottom + MARGIN).ceil() as u32)
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        draw_title(canvas, &self.title, self.size().0);
        let colorings = self.colorings();
        let layout = self.layout(&colorings);
        for (of_coloring, (what, coloring)) in colorings.iter().enumerate() {
            for (of_map, (title, map)) in self.maps.iter().enumerate() {
                let view = layout.view(of_map, of_coloring);
                let title = fit(&format!("{title}, {what}"), SUBTITLE, layout.width);
                let at = (view.corner.0, view.corner.1 - PANEL_NAME / 2.0 - 2.0);
                canvas.text(&Text::new(&title, at, SUBTITLE));
                self.draw_panel(canvas, map, &view, coloring);
            }
            if let Some((at, height)) = layout.legend(of_coloring) {
                draw_legend(canvas, at, height, coloring);
            }
        }
    }
}

//! A map that changes from frame to frame, as an animated GIF: for sites that show pictures and
//! nothing else.
//!
//! Title, legend and captions are drawn as in the other figures; the points are painted in whole
//! pixels of few colours, because that is what the format packs well. Between two maps every point
//! goes straight from one position to the next, and a frame holds only what differs from the frame
//! before.

use super::canvas::{Canvas, Dot, FRAME, SOFT_INK, Text, outline};
use super::classes::{NamedClasses, OTHERS};
use super::font::{fit, text_width};
use super::frames::{self, FIRST_COLOR, HOLD, HOLD_FIRST, HOLD_LAST, Palette};
use super::raster::Raster;
use super::scatter::{View, Window, dot_style};
use crate::error::{Error, Result};
use crate::files::write_atomic;
use crate::matrix::Matrix;
use rayon::prelude::*;
use std::path::Path;

/// Side of the square that the maps are drawn in.
const SIDE: f64 = 480.0;
const MARGIN: f64 = 14.0;
/// Em squares of title, captions and class names.
const TITLE: f64 = 22.0;
const CAPTION: f64 = 18.0;
const NAME: f64 = 16.0;
/// Height of title and caption with the space around them.
const HEAD: f64 = 68.0;
const WIDEST_NAME: f64 = 180.0;
/// Frames between two maps, if there are few maps; fewer if there are many, so that the file stays
/// small.
const MOST_BETWEEN: usize = 8;
/// Frames between maps in all, about.
const BETWEEN_IN_ALL: usize = 160;
/// Time of a frame between maps, in hundredths of a second.
const STEP: u16 = 5;

/// Maps of the same points, one after the other.
#[derive(Clone, Debug)]
pub struct Animation<'a> {
    /// Above the map.
    pub title: String,
    /// The maps, in order.
    pub maps: Vec<Stop<'a>>,
    /// The class of each point.
    pub labels: &'a [u16],
    /// One name for each class, also for classes without points.
    pub class_names: &'a [String],
}

/// One of the maps.
#[derive(Clone, Debug)]
pub struct Stop<'a> {
    /// Under the title while the map is shown, `epoch 3` for example.
    pub caption: String,
    /// n x 2.
    pub map: &'a Matrix,
}

impl Animation<'_> {
    /// Writes the animation, which repeats for ever. All maps have one scale and one middle.
    ///
    /// # Errors
    /// [`Error::Figure`] if the parts do not fit each other or cannot be encoded, [`Error::Write`].
    pub fn save(&self, path: &Path) -> Result<()> {
        let failed = |message: String| Error::Figure { path: path.to_owned(), message };
        self.check().map_err(failed)?;
        let bytes = self.encoded().map_err(failed)?;
        write_atomic(path, |file| file.write_all(&bytes))
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u16, u16) {
        let entries = self.classes().legend(self.class_names);
        let names = entries
            .iter()
            .map(|(_, name)| text_width(name, NAME))
            .fold(0.0, f64::max)
            .min(WIDEST_NAME);
        let legend = if self.class_names.is_empty() { 0.0 } else { MARGIN + 20.0 + names };
        ((SIDE + legend + 2.0 * MARGIN).ceil() as u16, (HEAD + SIDE + MARGIN).ceil() as u16)
    }

    /// The classes that are named, by their points.
    fn classes(&self) -> NamedClasses {
        NamedClasses::of(self.class_names.len(), self.labels.iter().copied())
    }

    /// Frames between one map and the next.
    fn between(&self) -> usize {
        (BETWEEN_IN_ALL / self.maps.len().saturating_sub(1).max(1)).clamp(1, MOST_BETWEEN)
    }

    /// Frames in all.
    pub fn n_frames(&self) -> usize {
        self.maps.len() + self.maps.len().saturating_sub(1) * self.between()
    }

    fn check(&self) -> Result<(), String> {
        if self.maps.is_empty() {
            return Err("there is no map".into());
        }
        let n = self.labels.len();
        if let Some(stop) =
            self.maps.iter().find(|stop| (stop.map.n_samples(), stop.map.n_features()) != (n, 2))
        {
            let (rows, columns) = (stop.map.n_samples(), stop.map.n_features());
            return Err(format!(
                "the map of `{}` is {rows} x {columns}; there are {n} labels",
                stop.caption
            ));
        }
        let n_classes = self.class_names.len();
        match self.labels.iter().find(|&&label| usize::from(label) >= n_classes) {
            Some(label) => {
                Err(format!("a point has the label {label}, but there are {n_classes} classes"))
            }
            None => Ok(()),
        }
    }

    fn encoded(&self) -> Result<Vec<u8>, String> {
        let (width, height) = self.size();
        let classes = self.classes();
        let entries = classes.legend(self.class_names);
        let of_entry = |(class, _): &(Option<usize>, String)| {
            class.map_or(OTHERS, |class| classes.color(class))
        };
        let palette = Palette::of(&entries.iter().map(of_entry).collect::<Vec<_>>());
        let window = Window::around(self.maps.iter().map(|stop| stop.map));
        let painter = Painter {
            view: View { window, corner: (MARGIN, HEAD), size: (SIDE, SIDE) },
            stamp: stamp(self.labels.len()),
            colors: self.labels.iter().map(|&label| place(&entries, label)).collect(),
            width: width.into(),
        };
        let grounds = self.grounds(&palette)?;
        let shown: Vec<Shown> = self.shown();
        let painted: Vec<Vec<u8>> = shown
            .par_iter()
            .map(|shown| painter.paint(&grounds[shown.at], shown, &self.maps))
            .collect();
        let times: Vec<u16> = shown.iter().map(|shown| shown.time).collect();
        frames::encoded((width, height), &palette, &painted, &times)
    }

    /// Everything but the points, with the caption of each map.
    fn grounds(&self, palette: &Palette) -> Result<Vec<Vec<u8>>, String> {
        let (width, height) = self.size();
        let ground = |stop: &Stop<'_>| {
            let mut canvas = Raster::new((width.into(), height.into()));
            self.draw(&mut canvas, &stop.caption);
            Ok(palette.indexed(&canvas.finish()?))
        };
        self.maps.iter().map(ground).collect()
    }

    fn draw(&self, canvas: &mut dyn Canvas, caption: &str) {
        let wide = f64::from(self.size().0) - 2.0 * MARGIN;
        canvas.text(&Text::new(&fit(&self.title, TITLE, wide), (MARGIN, MARGIN + 8.0), TITLE));
        canvas.text(
            &Text::new(&fit(caption, CAPTION, wide), (MARGIN, MARGIN + 35.0), CAPTION)
                .color(SOFT_INK),
        );
        outline(canvas, (MARGIN, HEAD), (SIDE, SIDE), FRAME);
        let left = MARGIN + SIDE + MARGIN;
        let classes = self.classes();
        let entries = classes.legend(self.class_names);
        let pitch = (SIDE / entries.len().max(1) as f64).min(26.0);
        let size = NAME.min(pitch * 0.85);
        for (at, (class, name)) in entries.iter().enumerate() {
            let y = HEAD + size / 2.0 + at as f64 * pitch;
            let color = class.map_or(OTHERS, |class| classes.color(class));
            canvas.dots(&[Dot { at: (left + 6.0, y), color }], size * 0.36, 1.0);
            canvas.text(&Text::new(&fit(name, size, WIDEST_NAME), (left + 18.0, y), size));
        }
    }

    fn shown(&self) -> Vec<Shown> {
        let between = self.between();
        let last = self.maps.len() - 1;
        let of_map = |at: usize| {
            let time = if at == last {
                HOLD_LAST
            } else if at == 0 {
                HOLD_FIRST
            } else {
                HOLD
            };
            let steps = if at == last { 0 } else { between };
            let step = move |step: usize| {
                let share = step as f64 / (between + 1) as f64;
                // Slow at both ends: the eye can follow a point from its start to its end.
                Shown { at, share: share * share * (3.0 - 2.0 * share), time: STEP }
            };
            std::iter::once(Shown { at, share: 0.0, time }).chain((1..=steps).map(step))
        };
        (0..self.maps.len()).flat_map(of_map).collect()
    }
}

/// One frame: the share of the way from the map `at` to the next, and how long it is shown.
struct Shown {
    at: usize,
    share: f64,
    time: u16,
}

/// Place in the palette of the colour of a class: that of its entry in the legend.
fn place(entries: &[(Option<usize>, String)], label: u16) -> u8 {
    let own = entries.iter().position(|(class, _)| *class == Some(usize::from(label)));
    (FIRST_COLOR + own.unwrap_or(entries.len() - 1)) as u8
}

/// Painter of points on a background.
struct Painter {
    view: View,
    /// Pixels of a point, from its middle.
    stamp: Vec<(i64, i64)>,
    /// Place of each point's colour in the palette.
    colors: Vec<u8>,
    width: usize,
}

impl Painter {
    /// The points in row order, so that no class hides another.
    fn paint(&self, ground: &[u8], shown: &Shown, maps: &[Stop<'_>]) -> Vec<u8> {
        let mut pixels = ground.to_vec();
        let from = maps[shown.at].map;
        let to = maps[(shown.at + 1).min(maps.len() - 1)].map;
        for ((a, b), &index) in from.rows().zip(to.rows()).zip(&self.colors) {
            let on_the_way = |axis: usize| {
                f64::from(a[axis]) + (f64::from(b[axis]) - f64::from(a[axis])) * shown.share
            };
            let (x, y) = self.view.place((on_the_way(0), on_the_way(1)));
            for (dx, dy) in &self.stamp {
                let (x, y) = (x.floor() as i64 + dx, y.floor() as i64 + dy);
                // Inside the frame around the map.
                let (left, top) = (MARGIN as i64 + 1, HEAD as i64 + 1);
                let side = SIDE as i64 - 2;
                if (left..left + side).contains(&x) && (top..top + side).contains(&y) {
                    pixels[y as usize * self.width + x as usize] = index;
                }
            }
        }
        pixels
    }
}

/// The pixels of a point of `n`: a disc as large as in the other maps.
fn stamp(n: usize) -> Vec<(i64, i64)> {
    let radius = dot_style(n, SIDE).0;
    let reach = radius as i64;
    let square = (-reach..=reach).flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy)));
    square.filter(|(dx, dy)| ((dx * dx + dy * dy) as f64) <= radius * radius).collect()
}

//! A map that changes from frame to frame, as an animated GIF: for sites that show pictures and
//! nothing else.
//!
//! Title, legend and captions are drawn as in the other figures; the points are painted in whole
//! pixels of few colours, because that is what the format packs well. Between two maps every point
//! goes straight from one position to the next, and a frame holds only what differs from the frame
//! before.

use super::canvas::{Canvas, Color, Dot, FRAME, INK, SOFT_INK, Text, WHITE, outline};
use super::classes::{NamedClasses, OTHERS};
use super::font::{fit, text_width};
use super::raster::Raster;
use super::scatter::{View, Window, dot_style};
use crate::error::{Error, Result};
use crate::files::write_atomic;
use crate::matrix::Matrix;
use gif::{DisposalMethod, Encoder, Frame, Repeat};
use rayon::prelude::*;
use std::collections::HashMap;
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
/// Times in hundredths of a second: of a frame between maps, of a map, of the first and of the last
/// one.
const STEP: u16 = 5;
const HOLD: u16 = 40;
const HOLD_FIRST: u16 = 120;
const HOLD_LAST: u16 = 250;
/// Places in the palette: the background first, then what did not change, then the classes. Low
/// numbers pack best.
const GROUND: u8 = 0;
const UNCHANGED: u8 = 1;
const FIRST_CLASS: usize = 2;
/// Shades of grey for smooth letters.
const GREYS: usize = 12;

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
        let palette = Palette::new(&classes, &entries);
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
        let frames = (0..shown.len()).into_par_iter().map(|at| {
            let before = if at == 0 { None } else { Some(&painted[at - 1][..]) };
            let mut frame = difference(before, &painted[at], width.into());
            frame.delay = shown[at].time;
            frame.make_lzw_pre_encoded();
            frame
        });
        let frames: Vec<Frame<'_>> = frames.collect();
        let mut bytes = Vec::new();
        let words = |error: gif::EncodingError| error.to_string();
        let mut encoder =
            Encoder::new(&mut bytes, width, height, &palette.bytes()).map_err(words)?;
        encoder.set_repeat(Repeat::Infinite).map_err(words)?;
        frames
            .iter()
            .try_for_each(|frame| encoder.write_lzw_pre_encoded_frame(frame))
            .map_err(words)?;
        drop(encoder);
        Ok(bytes)
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
    (FIRST_CLASS + own.unwrap_or(entries.len() - 1)) as u8
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

/// The smallest frame that turns one picture into the next.
fn difference(before: Option<&[u8]>, pixels: &[u8], width: usize) -> Frame<'static> {
    let changed = |at: usize| before.is_none_or(|before| before[at] != pixels[at]);
    let (mut x, mut y) = ((usize::MAX, 0), (usize::MAX, 0));
    for at in (0..pixels.len()).filter(|&at| changed(at)) {
        let column = at % width;
        let row = at / width;
        x = (x.0.min(column), x.1.max(column));
        y = (y.0.min(row), y.1.max(row));
    }
    if x.0 > x.1 {
        // Nothing moved; the time counts all the same.
        (x, y) = ((0, 0), (0, 0));
    }
    let positions = (y.0..=y.1).flat_map(|row| (x.0..=x.1).map(move |column| row * width + column));
    let buffer: Vec<u8> =
        positions.map(|at| if changed(at) { pixels[at] } else { UNCHANGED }).collect();
    Frame {
        dispose: DisposalMethod::Keep,
        transparent: before.map(|_| UNCHANGED),
        left: x.0 as u16,
        top: y.0 as u16,
        width: (x.1 - x.0 + 1) as u16,
        height: (y.1 - y.0 + 1) as u16,
        buffer: buffer.into(),
        ..Frame::default()
    }
}

/// At most 256 colours.
struct Palette(Vec<Color>);

impl Palette {
    fn new(classes: &NamedClasses, entries: &[(Option<usize>, String)]) -> Self {
        let of_entry = |(class, _): &(Option<usize>, String)| {
            class.map_or(OTHERS, |class| classes.color(class))
        };
        let classes = || entries.iter().map(of_entry);
        let greys = (0..GREYS).map(|shade| INK.mix(WHITE, shade as f64 / GREYS as f64));
        let mut colors: Vec<Color> =
            [WHITE, WHITE].into_iter().chain(classes()).chain(greys).chain([FRAME]).collect();
        // The rims of the legend's dots.
        colors.extend(classes().map(|color| color.mix(WHITE, 0.5)));
        Self(colors)
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|color| [color.0, color.1, color.2]).collect()
    }

    /// The nearest colour of each pixel.
    fn indexed(&self, pixels: &[u8]) -> Vec<u8> {
        let mut known: HashMap<[u8; 3], u8> = HashMap::from([([255; 3], GROUND)]);
        let nearest = |pixel: &[u8; 3]| {
            let distance = |color: &Color| {
                let parts = [color.0, color.1, color.2].into_iter().zip(*pixel);
                parts.map(|(a, b)| (i32::from(a) - i32::from(b)).pow(2)).sum::<i32>()
            };
            let others = self.0.iter().enumerate().filter(|(at, _)| *at != usize::from(UNCHANGED));
            others.min_by_key(|(_, color)| distance(color)).map_or(GROUND, |(at, _)| at as u8)
        };
        pixels
            .as_chunks::<3>()
            .0
            .iter()
            .map(|pixel| *known.entry(*pixel).or_insert_with(|| nearest(pixel)))
            .collect()
    }
}

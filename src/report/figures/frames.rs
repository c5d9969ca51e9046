//! Animated GIF files: pictures of few colours, of which each frame holds only what differs from the
//! one before.

use super::canvas::{Color, FRAME, INK, WHITE};
use super::raster::Raster;
use super::{Figure, color};
use crate::error::{Error, Result};
use crate::files::write_atomic;
use gif::{DisposalMethod, Encoder, Frame, Repeat};
use rayon::prelude::*;
use std::collections::HashMap;
use std::path::Path;

/// Times in hundredths of a second: of a stop, of the first and of the last one.
pub(super) const HOLD: u16 = 40;
pub(super) const HOLD_FIRST: u16 = 120;
pub(super) const HOLD_LAST: u16 = 250;
/// Places in the palette: the background first, then what did not change, then the colours. Low
/// numbers pack best.
const GROUND: u8 = 0;
const UNCHANGED: u8 = 1;
pub(super) const FIRST_COLOR: usize = 2;
/// Shades of grey for smooth letters.
const GREYS: usize = 12;
/// Colours of series in figures that are shown one after the other.
const SERIES: usize = 6;

/// Writes figures of one size as an animation, which repeats for ever.
///
/// # Errors
/// [`Error::Figure`] if one cannot be drawn or encoded, [`Error::Write`].
pub fn save_animated(figures: &[impl Figure], path: &Path) -> Result<()> {
    let failed = |message: String| Error::Figure { path: path.to_owned(), message };
    let bytes = animated(figures).map_err(failed)?;
    write_atomic(path, |file| file.write_all(&bytes))
}

fn animated(figures: &[impl Figure]) -> Result<Vec<u8>, String> {
    let first = figures.first().ok_or("there is no figure")?;
    let size = first.size();
    let palette = Palette::of(&(0..SERIES).map(color).collect::<Vec<_>>());
    let painted: Vec<Vec<u8>> = figures
        .iter()
        .map(|figure| {
            figure.check()?;
            if figure.size() != size {
                return Err("the figures differ in size".to_owned());
            }
            let mut canvas = Raster::new(size);
            figure.draw(&mut canvas);
            Ok(palette.indexed(&canvas.finish()?))
        })
        .collect::<Result<_, _>>()?;
    let time = |at: usize| match at {
        at if at + 1 == figures.len() => HOLD_LAST,
        0 => HOLD_FIRST,
        _ => HOLD,
    };
    let times: Vec<u16> = (0..figures.len()).map(time).collect();
    encoded((size.0 as u16, size.1 as u16), &palette, &painted, &times)
}

/// The file of some pictures, places in the palette, with the time of each.
pub(super) fn encoded(
    (width, height): (u16, u16),
    palette: &Palette,
    pictures: &[Vec<u8>],
    times: &[u16],
) -> Result<Vec<u8>, String> {
    let frame = |at: usize| {
        let before = at.checked_sub(1).map(|before| &pictures[before][..]);
        let mut frame = difference(before, &pictures[at], width.into());
        frame.delay = times[at];
        frame.make_lzw_pre_encoded();
        frame
    };
    let frames: Vec<Frame<'_>> = (0..pictures.len()).into_par_iter().map(frame).collect();
    let mut bytes = Vec::new();
    let words = |error: gif::EncodingError| error.to_string();
    let mut encoder = Encoder::new(&mut bytes, width, height, &palette.bytes()).map_err(words)?;
    encoder.set_repeat(Repeat::Infinite).map_err(words)?;
    frames
        .iter()
        .try_for_each(|frame| encoder.write_lzw_pre_encoded_frame(frame))
        .map_err(words)?;
    drop(encoder);
    Ok(bytes)
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
pub(super) struct Palette(Vec<Color>);

impl Palette {
    /// These colours, those of frames and letters, and the rims of dots.
    pub(super) fn of(colors: &[Color]) -> Self {
        let greys = (0..GREYS).map(|shade| INK.mix(WHITE, shade as f64 / GREYS as f64));
        let rims = colors.iter().map(|color| color.mix(WHITE, 0.5));
        let own = colors.iter().copied();
        Self(
            [WHITE, WHITE].into_iter().chain(own).chain(greys).chain([FRAME]).chain(rims).collect(),
        )
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|color| [color.0, color.1, color.2]).collect()
    }

    /// The nearest colour of each pixel.
    pub(super) fn indexed(&self, pixels: &[u8]) -> Vec<u8> {
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

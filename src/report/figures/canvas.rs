//! Canvas that a figure is drawn on: a few shapes in the figure's own units, the same for pixels
//! and for vectors.
//!
//! Figures never see a scale or a file format. `Raster` and `Vector` implement this trait.
//! plotters' own abstraction is not used for that because its coordinates are whole pixels and it
//! knows neither clouds of points nor outlined text, which an embedding needs.

/// A point of the figure: x to the right, y downwards, in pixels of the finished PNG.
pub type Point = (f64, f64);

/// An opaque colour: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8);

impl Color {
    /// The colour as CSS spells it, `#3f90da`.
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }

    /// This colour with the share `amount` of `other` in it.
    pub fn mix(self, other: Self, amount: f64) -> Self {
        let channel = |from: u8, to: u8| {
            (f64::from(from) + (f64::from(to) - f64::from(from)) * amount).round() as u8
        };
        Self(channel(self.0, other.0), channel(self.1, other.1), channel(self.2, other.2))
    }
}

/// The background.
pub const WHITE: Color = Color(255, 255, 255);
/// Titles and labels.
pub const INK: Color = Color(0x1f, 0x1f, 0x1f);
/// Tick labels and captions.
pub const SOFT_INK: Color = Color(0x4d, 0x4d, 0x4d);
/// Frames and axes.
pub const FRAME: Color = Color(0xc4, 0xc4, 0xc4);
/// Grid lines.
pub const GRID: Color = Color(0xea, 0xea, 0xea);

/// Alignment of a text at its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// The text begins at the point.
    Left,
    /// The text is centred on the point.
    Center,
    /// The text ends at the point.
    Right,
}

/// One line of text.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// The words.
    pub words: &'a str,
    /// The horizontal anchor, and the middle of the capital letters.
    pub at: Point,
    /// Height of the em square.
    pub size: f64,
    /// Colour of the letters.
    pub color: Color,
    /// Alignment of the text at `at`.
    pub align: Align,
    /// `true` if a white outline keeps the letters readable on a crowded background.
    pub halo: bool,
}

impl<'a> Text<'a> {
    /// Left-aligned text in [`INK`], without outline.
    pub fn new(words: &'a str, at: Point, size: f64) -> Self {
        Self { words, at, size, color: INK, align: Align::Left, halo: false }
    }

    /// The same text in another colour.
    pub fn color(self, color: Color) -> Self {
        Self { color, ..self }
    }

    /// The same text anchored elsewhere.
    pub fn align(self, align: Align) -> Self {
        Self { align, ..self }
    }

    /// The same text outlined in white.
    pub fn halo(self) -> Self {
        Self { halo: true, ..self }
    }

    /// Where the baseline is. 0.35 em is half the height of a capital letter in the sans-serif
    /// fonts that are used.
    pub(super) fn baseline(&self) -> f64 {
        self.at.1 + 0.35 * self.size
    }
}

/// One point of a cloud.
#[derive(Clone, Copy, Debug)]
pub struct Dot {
    /// Its centre.
    pub at: Point,
    /// Its colour.
    pub color: Color,
}

/// An image, row after row from the top, 0 is black.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// `width * height * channels` values.
    pub pixels: &'a [u8],
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Values of a pixel: 1 for grey, 3 for red, green and blue.
    pub channels: usize,
}

impl Picture<'_> {
    /// What is wrong with an image that is to be drawn, if anything.
    pub fn check(&self) -> Result<(), String> {
        let Self { pixels, width, height, channels } = self;
        let size = match channels {
            1 => format!("{width} x {height}"),
            _ => format!("{width} x {height} x {channels}"),
        };
        if ![1, 3].contains(channels) {
            return Err(format!("an image of {size} values has neither 1 nor 3 channels"));
        }
        match pixels.len() == width * height * channels {
            true => Ok(()),
            false => Err(format!("an image has {} values, not {size}", pixels.len())),
        }
    }
}

/// A surface for figures. Failures are kept and reported when the drawing is finished, so figures
/// read as plain recipes.
pub trait Canvas {
    /// A line from `from` to `to`, with round ends.
    fn line(&mut self, from: Point, to: Point, width: f64, color: Color);

    /// A filled rectangle with its upper left `corner`.
    fn rectangle(&mut self, corner: Point, size: (f64, f64), color: Color);

    /// One line of text.
    fn text(&mut self, text: &Text<'_>);

    /// Discs of one radius, painted in the given order; `opacity` is between 0 and 1.
    fn dots(&mut self, dots: &[Dot], radius: f64, opacity: f64);

    /// A picture whose every pixel becomes a square of side `zoom`.
    fn picture(&mut self, corner: Point, zoom: u32, picture: &Picture<'_>);
}

/// A frame of hairlines around the rectangle with its upper left `corner`.
pub fn outline(canvas: &mut dyn Canvas, (x, y): Point, (width, height): (f64, f64), color: Color) {
    let corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)];
    for pair in corners.windows(2) {
        canvas.line(pair[0], pair[1], 1.0, color);
    }
}

/// Length of a dash, and of the gap after it.
const DASH: f64 = 9.0;

/// A dashed line.
pub fn dashed_line(canvas: &mut dyn Canvas, from: Point, to: Point, color: Color) {
    let length = (to.0 - from.0).hypot(to.1 - from.1);
    let at = |done: f64| {
        let share = (done / length).min(1.0);
        (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1))
    };
    let mut done = 0.0;
    while done < length {
        canvas.line(at(done), at(done + DASH), 2.0, color);
        done += 2.0 * DASH;
    }
}

/// A vertical line of round dots, two widths apart.
pub fn dotted_line(
    canvas: &mut dyn Canvas,
    x: f64,
    (top, bottom): (f64, f64),
    width: f64,
    color: Color,
) {
    let n = ((bottom - top) / (3.0 * width)).max(0.0) as usize;
    let dots: Vec<Dot> =
        (0..=n).map(|i| Dot { at: (x, top + 3.0 * width * i as f64), color }).collect();
    canvas.dots(&dots, width / 2.0, 1.0);
}

//! The pixel surface: drawn twice as large, then averaged, which smooths every edge.

use super::canvas::{Align, Canvas, Color, Dot, Picture, Point, Text, WHITE};
use super::font::{LaidOut, Placed, lay_out};
use ab_glyph::Font as _;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use plotters::prelude::{BitMapBackend, DrawingBackend, RGBColor};
use plotters::style::Color as _;
use std::collections::BTreeSet;

/// Side of the square of drawn pixels that becomes one pixel of the file.
const SCALE: usize = 2;
const SCALE_F: f64 = SCALE as f64;

/// An RGB buffer, [`SCALE`] times as large as the figure.
pub(super) struct Raster {
    buffer: Vec<u8>,
    width: usize,
    height: usize,
    failure: Option<String>,
    /// Letters of its texts that no font has.
    missing: BTreeSet<char>,
}

impl Raster {
    /// A white surface of `width` x `height` final pixels.
    pub(super) fn new((width, height): (u32, u32)) -> Self {
        let (width, height) = (width as usize * SCALE, height as usize * SCALE);
        let buffer = vec![255; width * height * 3];
        Self { buffer, width, height, failure: None, missing: BTreeSet::new() }
    }

    /// Letters of its texts that no font has: boxes stand for them.
    pub(super) fn missing_letters(&self) -> String {
        self.missing.iter().collect()
    }

    /// The figure as an RGB buffer of its stated size.
    ///
    /// # Errors
    /// The first failure of any drawing step.
    pub(super) fn finish(self) -> Result<Vec<u8>, String> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let row = self.width * 3;
        let mut small = Vec::with_capacity(self.buffer.len() / (SCALE * SCALE));
        for rows in self.buffer.chunks_exact(row * SCALE) {
            for x in (0..row).step_by(3 * SCALE) {
                for channel in 0..3 {
                    let at = x + channel;
                    let sum: u16 = [at, at + 3, at + row, at + row + 3]
                        .iter()
                        .map(|&i| u16::from(rows[i]))
                        .sum();
                    small.push(((sum + 2) / 4) as u8);
                }
            }
        }
        Ok(small)
    }

    /// Paints `color` over one drawn pixel.
    fn blend(&mut self, x: usize, y: usize, color: Color, opacity: f64) {
        let at = (y * self.width + x) * 3;
        for (old, new) in self.buffer[at..at + 3].iter_mut().zip([color.0, color.1, color.2]) {
            *old = (f64::from(*old) + (f64::from(new) - f64::from(*old)) * opacity).round() as u8;
        }
    }

    /// plotters, drawing into the buffer.
    fn plotters(&mut self, draw: impl FnOnce(&mut BitMapBackend<'_>) -> Result<(), String>) {
        let result = BitMapBackend::with_buffer_and_format(
            &mut self.buffer,
            (self.width as u32, self.height as u32),
        )
        .map_err(|error| error.to_string())
        .and_then(|mut backend| draw(&mut backend));
        if let Err(message) = result {
            self.failure.get_or_insert(message);
        }
    }

    /// Paints glyphs, moved by `shift`.
    fn glyphs(&mut self, glyphs: &[Placed], shift: Point, color: Color) {
        for Placed { font, glyph } in glyphs {
            let mut glyph = glyph.clone();
            glyph.position.x += shift.0 as f32;
            glyph.position.y += shift.1 as f32;
            // A space has no outline.
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            outline.draw(|x, y, covered| {
                let (x, y) = (i64::from(x) + corner.x as i64, i64::from(y) + corner.y as i64);
                if (0..self.width as i64).contains(&x) && (0..self.height as i64).contains(&y) {
                    self.blend(x as usize, y as usize, color, f64::from(covered.clamp(0.0, 1.0)));
                }
            });
        }
    }

    /// The pixel corner of the buffer nearest to a point of the figure.
    fn inside(&self, (x, y): Point) -> (usize, usize) {
        let nearest = |at: f64, end: usize| (at * SCALE_F).round().clamp(0.0, end as f64) as usize;
        (nearest(x, self.width), nearest(y, self.height))
    }

    /// Paints every pixel within `radius` of the segment between two points of the buffer, its rim
    /// by the covered share.
    ///
    /// plotters' discs have whole-pixel centres and paint some pixels twice, which shows as specks
    /// when translucent; its wide lines have corners cut to whole pixels.
    fn capsule(&mut self, from: Point, to: Point, radius: f64, color: Color, opacity: f64) {
        let span = |a: f64, b: f64, end: usize| {
            let low = (a.min(b) - radius - 1.0).floor().clamp(0.0, end as f64);
            let high = (a.max(b) + radius + 1.0).ceil().clamp(0.0, end as f64);
            low as usize..high as usize
        };
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx * dx + dy * dy;
        for y in span(from.1, to.1, self.height) {
            for x in span(from.0, to.0, self.width) {
                let (px, py) = (x as f64 + 0.5 - from.0, y as f64 + 0.5 - from.1);
                let along =
                    if length > 0.0 { ((px * dx + py * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
                let distance = (px - along * dx).hypot(py - along * dy);
                let covered = (radius + 0.5 - distance).clamp(0.0, 1.0);
                if covered > 0.0 {
                    self.blend(x, y, color, covered * opacity);
                }
            }
        }
    }
}

impl Canvas for Raster {
    fn line(&mut self, from: Point, to: Point, width: f64, color: Color) {
        self.capsule(scaled(from), scaled(to), width * SCALE_F / 2.0, color, 1.0);
    }

    fn rectangle(&mut self, corner: Point, size: (f64, f64), color: Color) {
        let from = self.inside(corner);
        let to = self.inside((corner.0 + size.0, corner.1 + size.1));
        if from.0 < to.0 && from.1 < to.1 {
            let style = RGBColor(color.0, color.1, color.2).filled();
            self.plotters(|backend| {
                let corners = ((from.0 as i32, from.1 as i32), (to.0 as i32, to.1 as i32));
                backend
                    .draw_rect(corners.0, corners.1, &style, true)
                    .map_err(|error| error.to_string())
            });
        }
    }

    fn text(&mut self, text: &Text<'_>) {
        let size = text.size * SCALE_F;
        let LaidOut { glyphs, width, missing } = match lay_out(text.words, size) {
            Ok(laid_out) => laid_out,
            Err(message) => {
                self.failure.get_or_insert(message);
                return;
            }
        };
        self.missing.extend(missing);
        let (end, baseline) = (text.at.0 * SCALE_F, text.baseline() * SCALE_F);
        let left = match text.align {
            Align::Left => end,
            Align::Center => end - width / 2.0,
            Align::Right => end - width,
        };
        if text.halo {
            // Copies on a circle: enough of them that their gaps are smaller than a pixel.
            for step in 0..16 {
                let (sin, cos) = (f64::from(step) * std::f64::consts::TAU / 16.0).sin_cos();
                let around = (left + 0.11 * size * cos, baseline + 0.11 * size * sin);
                self.glyphs(&glyphs, around, WHITE);
            }
        }
        self.glyphs(&glyphs, (left, baseline), text.color);
    }

    fn dots(&mut self, dots: &[Dot], radius: f64, opacity: f64) {
        for dot in dots {
            let at = scaled(dot.at);
            self.capsule(at, at, radius * SCALE_F, dot.color, opacity);
        }
    }

    fn picture(&mut self, corner: Point, zoom: u32, picture: &Picture<'_>) {
        let (left, top) = self.inside(corner);
        let side = zoom as usize * SCALE;
        for y in 0..(picture.height * side).min(self.height.saturating_sub(top)) {
            for x in 0..(picture.width * side).min(self.width.saturating_sub(left)) {
                let pixel = (y / side * picture.width + x / side) * picture.channels;
                let at = ((top + y) * self.width + left + x) * 3;
                for channel in 0..3 {
                    let value = picture.pixels[pixel + channel % picture.channels];
                    self.buffer[at + channel] = value;
                }
            }
        }
    }
}

/// A pixel position in the buffer.
fn scaled((x, y): Point) -> Point {
    (x * SCALE_F, y * SCALE_F)
}

/// `pixels` as a PNG file of the given colour type.
///
/// # Errors
/// The encoder's message.
pub(super) fn png(
    pixels: &[u8],
    (width, height): (u32, u32),
    color: ExtendedColorType,
) -> Result<Vec<u8>, String> {
    let mut file = Vec::new();
    // Unfiltered rows pack best where most of a row is one colour.
    PngEncoder::new_with_quality(&mut file, CompressionType::Best, FilterType::NoFilter)
        .write_image(pixels, width, height, color)
        .map_err(|error| error.to_string())?;
    Ok(file)
}

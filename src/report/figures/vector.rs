//! The SVG surface. Written here because plotters' own rounds to whole pixels and spends a
//! `<circle>` of about 80 bytes on every point: a figure of 180,000 points would have 14 MB.

use super::canvas::{Align, Canvas, Color, Dot, Picture, Point, Text, WHITE};
use super::raster::png;
use image::ExtendedColorType;
use std::fmt::{self, Display, Write};

/// Points of a cloud that are painted together; see [`Vector::dots`].
const LAYER: usize = 2000;

/// An SVG document that grows shape by shape.
pub(super) struct Vector {
    svg: String,
    failure: Option<String>,
}

impl Vector {
    /// A white document of `width` x `height` pixels.
    pub(super) fn new((width, height): (u32, u32)) -> Self {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"Ubuntu, Helvetica, Arial, sans-serif\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
        );
        Self { svg, failure: None }
    }

    /// The whole document.
    ///
    /// # Errors
    /// The first failure of any drawing step.
    pub(super) fn finish(mut self) -> Result<String, String> {
        self.svg.push_str("</svg>\n");
        self.failure.map_or(Ok(self.svg), Err)
    }

    /// Appends one element on its own line.
    fn push(&mut self, element: fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.svg.write_fmt(element);
        self.svg.push('\n');
    }
}

impl Canvas for Vector {
    fn line(&mut self, from: Point, to: Point, width: f64, color: Color) {
        let [x1, y1, x2, y2, width] = [from.0, from.1, to.0, to.1, width].map(Tenths);
        self.push(format_args!(
            "<path d=\"M{x1} {y1}L{x2} {y2}\" stroke=\"{}\" stroke-width=\"{width}\" \
             stroke-linecap=\"round\"/>",
            color.hex()
        ));
    }

    fn rectangle(&mut self, corner: Point, size: (f64, f64), color: Color) {
        let [x, y, width, height] = [corner.0, corner.1, size.0, size.1].map(Tenths);
        self.push(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{}\"/>",
            color.hex()
        ));
    }

    fn text(&mut self, text: &Text<'_>) {
        let [x, y, size, outline] =
            [text.at.0, text.baseline(), text.size, text.size * 0.22].map(Tenths);
        let anchor = match text.align {
            Align::Left => "start",
            Align::Center => "middle",
            Align::Right => "end",
        };
        let halo = if text.halo {
            format!(
                " stroke=\"{}\" stroke-width=\"{outline}\" stroke-linejoin=\"round\" \
                 paint-order=\"stroke\"",
                WHITE.hex()
            )
        } else {
            String::new()
        };
        self.push(format_args!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" text-anchor=\"{anchor}\" \
             fill=\"{}\"{halo}>{}</text>",
            text.color.hex(),
            Escaped(text.words)
        ));
    }

    /// One path for each colour of every [`LAYER`] points, a point being a stroke of no length with
    /// round ends: about 13 bytes a point, in tenths of a pixel. The order of painting is kept from
    /// layer to layer, not inside one, and points of one path do not darken each other.
    fn dots(&mut self, dots: &[Dot], radius: f64, opacity: f64) {
        self.push(format_args!(
            "<g transform=\"scale(.1)\" stroke-width=\"{}\" stroke-opacity=\"{opacity:.2}\" \
             stroke-linecap=\"round\">",
            (radius * 20.0).round()
        ));
        for layer in dots.chunks(LAYER) {
            let mut paths: Vec<(Color, String)> = Vec::new();
            for dot in layer {
                let at =
                    paths.iter().position(|(color, _)| *color == dot.color).unwrap_or_else(|| {
                        paths.push((dot.color, String::new()));
                        paths.len() - 1
                    });
                let (x, y) = (dot.at.0 * 10.0, dot.at.1 * 10.0);
                let _ = write!(paths[at].1, "M{} {}h0", x.round() as i64, y.round() as i64);
            }
            for (color, path) in paths {
                self.push(format_args!("<path stroke=\"{}\" d=\"{path}\"/>", color.hex()));
            }
        }
        self.push(format_args!("</g>"));
    }

    fn picture(&mut self, corner: Point, zoom: u32, picture: &Picture<'_>) {
        let (width, height) = (picture.width as u32, picture.height as u32);
        let color = match picture.channels {
            1 => ExtendedColorType::L8,
            _ => ExtendedColorType::Rgb8,
        };
        match png(picture.pixels, (width, height), color) {
            Ok(file) => {
                let [x, y] = [corner.0, corner.1].map(Tenths);
                let (width, height) = (width * zoom, height * zoom);
                self.push(format_args!(
                    "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
                     style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{}\"/>",
                    base64(&file)
                ));
            }
            Err(message) => {
                self.failure.get_or_insert(message);
            }
        }
    }
}

/// A number with at most one decimal.
struct Tenths(f64);

impl Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() as i64;
        if tenths % 10 == 0 {
            write!(f, "{}", tenths / 10)
        } else {
            write!(f, "{:.1}", tenths as f64 / 10.0)
        }
    }
}

/// Text in which no character is markup; control characters, which XML forbids, become spaces.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            c if c.is_control() => f.write_char(' '),
            c => f.write_char(c),
        })
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits =
            (0..3).fold(0, |bits, i| bits << 8 | u32::from(group.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i)) as usize % 64];
            text.push(if i <= group.len() { digit.into() } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads() {
        assert_eq!(
            ["", "M", "Ma", "Man"].map(|text| base64(text.as_bytes())),
            ["", "TQ==", "TWE=", "TWFu"]
        );
    }

    #[test]
    fn markup_in_a_name_is_escaped() {
        let mut canvas = Vector::new((10, 10));
        canvas.text(&Text::new("<&\"\u{7}", (0.0, 0.0), 10.0));
        assert!(canvas.finish().unwrap().contains(">&lt;&amp;&quot; </text>"));
    }

    #[test]
    fn numbers_have_at_most_one_decimal() {
        assert_eq!(
            [1.0, 1.25, -0.04, -3.96].map(|x| Tenths(x).to_string()),
            ["1", "1.3", "0", "-4"]
        );
    }
}

//! The figures of a run: training history, example images, maps of embeddings, bars of scores; each
//! as PNG and as SVG.
//!
//! The boxes of a PNG are plotters'. Its text is set here, in a font that the program carries,
//! because plotters drops the bearings of the letters: a figure looks the same on every machine,
//! and its files have the same bytes whenever its data are the same. Letters that this font lacks,
//! such as Chinese ones, are taken from the fonts of the system, which differ.

pub mod animation;
pub mod architecture;
pub mod axes;
pub mod bars;
pub mod canvas;
pub mod captioned;
mod classes;
pub mod cloud;
pub mod cluster_maps;
pub mod dots;
pub mod examples;
mod font;
mod frames;
pub mod gallery;
pub mod heat_map;
pub mod history;
pub mod k_distance;
mod labels;
pub mod layer_profile;
mod legend;
pub mod lines;
pub mod models;
pub mod pictures;
mod raster;
pub mod scaling;
pub mod scatter;
mod system_fonts;
mod vector;

pub use animation::{Animation, Stop};
pub use architecture::{Architecture, Block};
pub use bars::{BarPanel, Bars};
pub use captioned::{Captioned, CaptionedImage};
pub use classes::NAMED;
pub use cloud::Cloud;
pub use cluster_maps::ClusterMaps;
pub use dots::{DotPanel, Dots, Scale};
pub use examples::Examples;
pub use frames::save_animated;
pub use gallery::{Gallery, GalleryRow};
pub use heat_map::{HeatMap, Shading};
pub use history::{Curves, History};
pub use k_distance::KDistanceCurve;
pub use layer_profile::{LayerProfile, ProfilePanel, SPACING};
pub use lines::Lines;
pub use models::{ModelCurves, Models};
pub use pictures::PictureSize;
pub use scaling::{Curve, Scaling};
pub use scatter::{Panel, Scatter};

use crate::error::{Error, Result};
use crate::files::write_atomic;
use canvas::{Canvas, Color, INK, Text, WHITE};
use image::ExtendedColorType;
use std::path::{Path, PathBuf};
use system_fonts::stands_alone;

/// Ten colours that people with any common colour blindness can tell apart (Petroff 2021,
/// "Accessible color sequences").
pub const PALETTE: [Color; 10] = [
    Color(0x3f, 0x90, 0xda),
    Color(0xff, 0xa9, 0x0e),
    Color(0xbd, 0x1f, 0x01),
    Color(0x94, 0xa4, 0xa2),
    Color(0x83, 0x2d, 0xb6),
    Color(0xa9, 0x6b, 0x59),
    Color(0xe7, 0x63, 0x00),
    Color(0xb9, 0xac, 0x70),
    Color(0x71, 0x75, 0x81),
    Color(0x92, 0xda, 0xdd),
];

/// The colour of class or series `index`: the palette, then its darker and its lighter shades in
/// turn.
pub fn color(index: usize) -> Color {
    let shade = |amount: f64| 1.0 - 0.6_f64.powf(amount);
    let base = PALETTE[index % PALETTE.len()];
    let cycle = index / PALETTE.len();
    let toward = if cycle % 2 == 1 { INK } else { WHITE };
    base.mix(toward, shade(cycle.div_ceil(2) as f64))
}

/// Something that can be drawn.
pub trait Figure {
    /// Checks that the figure's parts fit each other; the other methods may panic if they do not.
    ///
    /// # Errors
    /// Description of the parts that do not fit.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// Width and height of the PNG in pixels; the SVG has the same coordinates.
    fn size(&self) -> (u32, u32);

    /// Draws on a white canvas of that size.
    fn draw(&self, canvas: &mut dyn Canvas);
}

/// A figure's files.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The picture in pixels.
    pub png: PathBuf,
    /// The drawing.
    pub svg: PathBuf,
    /// Letters that the PNG file has boxes for: no font has them, or they cannot be set side by side
    /// from left to right. The SVG file holds the letters themselves.
    pub missing_letters: String,
}

impl Saved {
    /// A warning of the letters that the PNG file has boxes for, if there are some.
    pub fn warning(&self) -> Option<String> {
        /// Number of letters that are named.
        const NAMED: usize = 8;
        let some = |which: fn(char) -> bool, reason: &str| {
            let letters: Vec<char> = self.missing_letters.chars().filter(|&it| which(it)).collect();
            let shown: String = letters.iter().take(NAMED).collect();
            let more = if letters.len() > NAMED { " and others" } else { "" };
            (!shown.is_empty()).then(|| format!("`{shown}`{more}, {reason}"))
        };
        let absent = some(stands_alone, "which no font of this machine has");
        let joined = some(|it| !stands_alone(it), "of scripts that they cannot set");
        let reasons: Vec<String> = absent.into_iter().chain(joined).collect();
        let letters = reasons.join("; and for ");
        (!reasons.is_empty()).then(|| {
            format!("{UNREADABLE} {letters}. The SVG figures and the page have the letters")
        })
    }
}

/// Beginning of [`Saved::warning`].
pub const UNREADABLE: &str = "PNG figures have boxes for";

/// Writes `stem.png` and `stem.svg`. Neither is written if the figure cannot be drawn.
///
/// # Errors
/// [`Error::Figure`] if the figure cannot be drawn or encoded, [`Error::Write`] if a file cannot be
/// written.
pub fn save(figure: &impl Figure, stem: &Path) -> Result<Saved> {
    // `with_extension` would cut a stem such as `tsne-0.5` at its dot.
    let path = |extension: &str| {
        let mut name = stem.as_os_str().to_owned();
        name.push(extension);
        PathBuf::from(name)
    };
    let (png, svg) = (path(".png"), path(".svg"));
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |message| Error::Figure { path, message }
    };
    figure.check().map_err(failed(&png))?;
    let (pixels, missing_letters) = raster(figure).map_err(failed(&png))?;
    let drawing = vector(figure).map_err(failed(&svg))?;
    write_atomic(&png, |file| file.write_all(&pixels))?;
    write_atomic(&svg, |file| file.write_all(drawing.as_bytes()))?;
    Ok(Saved { png, svg, missing_letters })
}

/// The figure as a PNG file, and the letters that no font has.
fn raster(figure: &impl Figure) -> Result<(Vec<u8>, String), String> {
    let size = figure.size();
    let mut canvas = raster::Raster::new(size);
    figure.draw(&mut canvas);
    let missing = canvas.missing_letters();
    Ok((raster::png(&canvas.finish()?, size, ExtendedColorType::Rgb8)?, missing))
}

/// The figure as an SVG document.
///
/// # Errors
/// Why it cannot be drawn.
pub fn vector(figure: &impl Figure) -> Result<String, String> {
    let mut canvas = vector::Vector::new(figure.size());
    figure.draw(&mut canvas);
    canvas.finish()
}

/// Share of white in the pale ground of a box in the colour of its kind.
pub const TINT: f64 = 0.9;

/// Space around a figure.
const MARGIN: f64 = 28.0;
/// Em square of a figure's title.
const TITLE: f64 = 30.0;
/// Em square of panel titles.
const SUBTITLE: f64 = 24.0;
/// Em square of legends and captions.
const LABEL: f64 = 22.0;
/// Em square of tick labels.
const TICK: f64 = 19.0;
/// Height that the title takes, with the space under it.
const TITLE_HEIGHT: f64 = 54.0;

/// Draws the figure's title at the upper left; a title wider than the figure is cut.
fn draw_title(canvas: &mut dyn Canvas, title: &str, width: u32) {
    let title = font::fit(title, TITLE, f64::from(width) - 2.0 * MARGIN);
    canvas.text(&Text::new(&title, (MARGIN, MARGIN + TITLE / 2.0), TITLE));
}

#[cfg(test)]
mod tests;

//! The explorable report: one HTML file with the points, their maps, images and neighbours, the
//! viewer that shows them, and a static part that needs no script. It asks for nothing over the
//! network.
//!
//! | file | what |
//! |---|---|
//! | `template` | the viewer's document, style and modules; escaping |
//! | `check`, `data` | what does not fit is refused; the page's JSON |
//! | `arrays`, `coordinates` | numbers as deflated byte planes; map coordinates on a grid of 16 bits |
//! | `thumbnails` | images as tiles, PNG or JPEG |
//! | `sections`, `links`, `curves`, `figure` | the static part |
//!
//! The same page gives the same bytes, whatever the number of threads.

mod arrays;
mod check;
mod coordinates;
mod curves;
mod data;
mod figure;
mod links;
mod sections;
mod template;
mod thumbnails;

pub use curves::{Curves, Series};
pub use links::{Area, Link, ListedPoint};
pub use sections::{Block, Cell, Drawing, Section, Table, Tabs};
pub use thumbnails::{MAX_PIXELS, MAX_SIDE, scaled_words};

use crate::dataset::{Column, Images};
use crate::embedding::display_rank;
use crate::error::Result;
use crate::files::write_atomic;
use crate::matrix::Matrix;
use crate::profile::ProbeAnswers;
use arrays::{Blocks, data_url};
use std::path::Path;
use template::{escape_html, escape_json, fill};

/// Name of the class of points without a label beside others with labels; it is drawn grey.
pub const NO_CLASS: &str = "(no class)";

/// Everything that a page shows. Without points and maps it is its sections alone.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Of the data or the run; the title.
    pub name: String,
    /// The points.
    pub points: Points,
    /// Names of the classes; none if the points have no labels.
    pub classes: Vec<String>,
    /// Neighbours of each point, in every space.
    pub n_neighbors: usize,
    /// The spaces, in their order.
    pub spaces: Vec<Space>,
    /// The methods, in their order.
    pub methods: Vec<Method>,
    /// The maps.
    pub maps: Vec<Map>,
    /// The maps that are seen first, side by side if they are two: [`Space::id`] and [`Method::id`]
    /// of each. If none are named, the map whose classes are told apart best.
    pub first: Vec<(String, String)>,
    /// Maps of epochs.
    pub epochs: Vec<Epochs>,
    /// One picture a point.
    pub pictures: Option<Images>,
    /// The static part.
    pub sections: Vec<Section>,
    /// Warnings about the results.
    pub warnings: Vec<String>,
    /// Descriptions of missing data, with reasons.
    pub missing: Vec<String>,
}

/// Points, part by part, in the order of their rows.
#[derive(Clone, Debug, Default)]
pub struct Points {
    /// Of how many they are.
    pub of: usize,
    /// Description of the selection: `the test points`.
    pub which: String,
    /// Names and numbers of points of the parts.
    pub parts: Vec<(String, usize)>,
    /// Row of each point in its part; none if these are all rows of the parts.
    pub rows: Option<Vec<u32>>,
    /// Class of each point.
    pub labels: Option<Vec<u16>>,
    /// Class that the network gave each point.
    pub predictions: Option<Vec<u16>>,
    /// Its probability of that class, 0 to 1.
    pub confidence: Option<Vec<f32>>,
    /// Quantities of the points that they can be coloured by.
    pub measures: Vec<PointMeasure>,
    /// Metadata: shown, coloured by and filtered by.
    pub columns: Vec<Column>,
}

/// A quantity of every point.
#[derive(Clone, Debug)]
pub struct PointMeasure {
    /// Its name in addresses: `depth`, `own-label` or `typicality`.
    pub id: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Meaning of 0.
    pub low: String,
    /// Meaning of 1.
    pub high: String,
    /// Names of its steps, equally far from each other, if it has few.
    pub names: Vec<String>,
    /// Values, 0 to 1.
    pub values: Vec<f32>,
}

/// A space of many dimensions.
#[derive(Clone, Debug)]
pub struct Space {
    /// Its name in addresses.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// Its dimensions, if they are known.
    pub n_features: Option<usize>,
    /// The nearest points of each point in it, n x [`Page::n_neighbors`], nearest first.
    pub neighbors: Option<Vec<u32>>,
    /// What a linear probe of it says of each point.
    pub probe: Option<ProbeAnswers>,
}

/// A method of embedding.
#[derive(Clone, Debug)]
pub struct Method {
    /// Its name in addresses.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// Caution about its maps, in a line.
    pub caution: String,
}

/// A map of a space by a method.
#[derive(Clone, Debug)]
pub struct Map {
    /// The space's [`Space::id`].
    pub space: String,
    /// The method's [`Method::id`].
    pub method: String,
    /// n x 2. Maps of one method are turned onto each other by whoever made them.
    pub coordinates: Matrix,
    /// Names and values of measures.
    pub metrics: Vec<(String, f64)>,
    /// On what it was fitted.
    pub fitted: String,
}

/// The maps of one space by one method at several epochs.
#[derive(Clone, Debug)]
pub struct Epochs {
    /// The space's [`Space::id`].
    pub space: String,
    /// The method's [`Method::id`].
    pub method: String,
    /// The epochs; 0 is before the training.
    pub epochs: Vec<usize>,
    /// n x 2F: x and y at the first epoch, at the second, ...
    pub coordinates: Matrix,
    /// Names of measures and their values at every epoch.
    pub metrics: Vec<(String, Vec<f64>)>,
    /// On what they were fitted.
    pub fitted: String,
}

impl Points {
    /// Number of points.
    pub fn n(&self) -> usize {
        self.parts.iter().map(|(_, n)| n).sum()
    }
}

/// Writes the page; a file that is there is replaced.
///
/// # Errors
/// [`crate::Error::Data`] if parts of the page do not fit each other, [`crate::Error::Write`].
pub fn write(page: &Page, path: &Path) -> Result<()> {
    let html = html(page)?;
    write_atomic(path, |writer| writer.write_all(html.as_bytes()))
}

/// The page as text.
///
/// # Errors
/// [`crate::Error::Data`] if parts of the page do not fit each other.
pub fn html(page: &Page) -> Result<String> {
    check::check(page)?;
    let mut blocks = Blocks::default();
    let data = data::json(page, &mut blocks)?;
    let style =
        [template::STYLE, template::STATIC_STYLE, &sections::shades(), &sections::tints()].concat();
    let values = [
        ("title", escape_html(&page.name)),
        ("style", style),
        ("static_figure", static_figure(page)?),
        ("static", sections::html(&page.sections)),
        ("blocks", blocks.html()),
        ("data", escape_json(&data.to_string())),
        ("script", template::script()),
    ];
    Ok(fill(template::DOCUMENT, &values.each_ref().map(|(name, value)| (*name, value.as_str()))))
}

/// The map that says most, as an image: of the last space by the method that is shown first, or
/// the last map.
fn static_figure(page: &Page) -> Result<String> {
    let rank = |map: &&Map| display_rank(&map.method).unwrap_or(usize::MAX);
    let Some(map) = page.maps.iter().rev().min_by_key(rank) else { return Ok(String::new()) };
    let space = page
        .spaces
        .iter()
        .find(|space| space.id == map.space)
        .map_or(&map.space, |space| &space.title);
    let method = page
        .methods
        .iter()
        .find(|method| method.id == map.method)
        .map_or(&map.method, |method| &method.title);
    let colored =
        if page.points.labels.is_some() { ", in the colours of their classes" } else { "" };
    let words = format!(
        "Map of {space} by {method}: {} points{colored}",
        crate::format::thousands(page.points.n())
    );
    let words = escape_html(&words);
    let source = data_url("image/png", &figure::png(page, map)?);
    Ok(format!("<img src=\"{source}\" alt=\"{words}\" width=\"640\" height=\"640\">"))
}

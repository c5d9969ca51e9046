//! The explorable report: one HTML file with the points, their maps, images and neighbours, the
//! viewer that shows them, and a static part that needs no script. It asks for nothing over the
//! network.
//!
//! | file | what |
//! |---|---|
//! | `template` | the viewer's document, style and modules; escaping |
//! | `arrays`, `coordinates` | numbers as deflated byte planes; map coordinates on a grid of 16 bits |
//! | `thumbnails` | images as tiles, PNG or JPEG |
//! | `sections`, `links`, `curves`, `figure` | the static part |
//!
//! The same page gives the same bytes, whatever the number of threads.

mod arrays;
mod coordinates;
mod curves;
mod figure;
mod links;
mod sections;
mod template;
mod thumbnails;

pub use curves::{Curves, Series};
pub use links::{Area, Link, ListedPoint};
pub use sections::{Block, Cell, Drawing, Section, Table};
pub use thumbnails::{MAX_PIXELS, MAX_SIDE, scaled_words};

use crate::dataset::{Column, ColumnKind, Images};
use crate::embedding::display_rank;
use crate::error::{Error, Result};
use crate::files::write_atomic;
use crate::matrix::Matrix;
use crate::profile::ProbeAnswers;
use crate::report::figures::color;
use arrays::{Blocks, Numbers, data_url};
use serde_json::{Value, json};
use std::path::Path;
use template::{escape_html, escape_json, fill};

/// Colours of classes that can still be told from the page and from each other; beyond, they come
/// again.
const MOST_COLORS: usize = 60;
/// Version of what the viewer reads.
const SCHEMA: u32 = 1;

/// Everything that a page shows.
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
/// [`Error::Data`] if parts of the page do not fit each other, [`Error::Write`].
pub fn write(page: &Page, path: &Path) -> Result<()> {
    let html = html(page)?;
    write_atomic(path, |writer| writer.write_all(html.as_bytes()))
}

/// The page as text.
///
/// # Errors
/// [`Error::Data`] if parts of the page do not fit each other.
pub fn html(page: &Page) -> Result<String> {
    check(page)?;
    let mut blocks = Blocks::default();
    let data = data(page, &mut blocks)?;
    let style = [template::STYLE, template::STATIC_STYLE, &sections::shades()].concat();
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

/// The page's JSON, whose arrays go to `blocks`.
fn data(page: &Page, blocks: &mut Blocks) -> Result<Value> {
    let points = points(page, blocks);
    let spaces = spaces(page, blocks);
    let methods = page.methods.iter();
    let methods: Vec<Value> = methods
        .map(|method| {
            json!({
                "id": method.id, "title": method.title, "caution": method.caution,
                "rank": display_rank(&method.id),
            })
        })
        .collect();
    let images = images(page, blocks)?;
    Ok(json!({
        "schema": SCHEMA,
        "generator": concat!("layerlens ", env!("CARGO_PKG_VERSION")),
        "name": page.name,
        "points": points,
        "classes": page.classes.iter().enumerate().map(|(at, name)| json!({ "name": name, "color": color(at % MOST_COLORS).hex() })).collect::<Vec<_>>(),
        "k": page.n_neighbors,
        "spaces": spaces,
        "methods": methods,
        "maps": maps(page, blocks),
        "epochs": epochs(page, blocks),
        "images": images,
        "warnings": page.warnings,
        "missing": page.missing,
    }))
}

/// A share as a byte.
fn byte(value: &f32) -> u8 {
    (255.0 * value.clamp(0.0, 1.0)).round() as u8
}

fn points(page: &Page, blocks: &mut Blocks) -> Value {
    let n = page.points.n();
    let points = &page.points;
    let classes = |classes: &Option<Vec<u16>>, name: &str, blocks: &mut Blocks| {
        let classes = classes
            .as_ref()
            .map(|list| Numbers::below(page.classes.len(), list.iter().map(|&class| class.into())));
        classes.map_or(Value::Null, |numbers| blocks.array(name.into(), numbers))
    };
    let labels = classes(&points.labels, "labels", blocks);
    let predictions = classes(&points.predictions, "predictions", blocks);
    let confidence =
        points.confidence.as_ref().map(|values| Numbers::U8(values.iter().map(byte).collect()));
    let confidence =
        confidence.map_or(Value::Null, |numbers| blocks.array("confidence".into(), numbers));
    let measures: Vec<Value> = points
        .measures
        .iter()
        .map(|measure| {
            let numbers = Numbers::U8(measure.values.iter().map(byte).collect());
            let values = blocks.array(format!("measure-{}", measure.id), numbers);
            json!({
                "id": measure.id, "title": measure.title, "low": measure.low, "high": measure.high,
                "names": measure.names, "values": values,
            })
        })
        .collect();
    let columns: Vec<Value> =
        points.columns.iter().enumerate().map(|(at, entry)| column(at, entry, blocks)).collect();
    let rows =
        points.rows.as_ref().map(|rows| blocks.array("rows".into(), Numbers::U32(rows.clone())));
    let parts: Vec<Value> =
        points.parts.iter().map(|(name, n)| json!({ "name": name, "n": n })).collect();
    json!({
        "n": n, "of": points.of, "which": points.which, "parts": parts, "rows": rows,
        "labels": labels, "predictions": predictions, "confidence": confidence,
        "measures": measures, "columns": columns,
    })
}

/// A column of metadata: its different values as text, and the value of each point.
fn column(at: usize, column: &Column, blocks: &mut Blocks) -> Value {
    let numbers = Numbers::below(column.values.len(), column.codes.iter().copied());
    let codes = blocks.array(format!("column-{at}"), numbers);
    let text = json!(column.values).to_string();
    let values = blocks.array(format!("column-values-{at}"), Numbers::U8(text.into_bytes()));
    let colors: Vec<String> = match column.kind {
        ColumnKind::Category => {
            (0..column.n_values()).map(|value| color(value % MOST_COLORS).hex()).collect()
        }
        ColumnKind::Number | ColumnKind::Text => Vec::new(),
    };
    json!({
        "id": format!("column-{at}"), "name": column.name, "kind": column.kind.word(),
        "values": values, "codes": codes, "colors": colors,
    })
}

fn spaces(page: &Page, blocks: &mut Blocks) -> Vec<Value> {
    let n = page.points.n();
    let mut spaces = Vec::new();
    for (at, space) in page.spaces.iter().enumerate() {
        let ids = space
            .neighbors
            .as_ref()
            .map(|ids| blocks.array(format!("neighbors-{at}"), Numbers::indices(n, ids)));
        let probe = space.probe.as_ref().map(|answers| {
            let found = answers.classes.iter().map(|&class| class.into());
            let numbers = Numbers::below(page.classes.len(), found);
            let sure = answers.confidence.iter().map(|&sure| byte(&(sure as f32))).collect();
            json!({
                "classes": blocks.array(format!("probe-{at}"), numbers),
                "confidence": blocks.array(format!("probe-confidence-{at}"), Numbers::U8(sure)),
            })
        });
        spaces.push(json!({
            "id": space.id, "title": space.title, "n_features": space.n_features,
            "neighbors": ids, "probe": probe,
        }));
    }
    spaces
}

/// Coordinates as an array that says how to undo the coding.
fn encoded(matrix: &Matrix, name: String, blocks: &mut Blocks) -> Value {
    let coded = coordinates::encode(matrix);
    let mut value = blocks.array(name, Numbers::U16(coded.numbers));
    value["frames"] = coded.frames.into();
    value["center"] = json!(coded.center);
    value["half"] = coded.half.into();
    value
}

fn maps(page: &Page, blocks: &mut Blocks) -> Vec<Value> {
    let map = |(at, map): (usize, &Map)| {
        let coordinates = encoded(&map.coordinates, format!("map-{at}"), blocks);
        let Map { space, method, metrics, fitted, .. } = map;
        json!({ "space": space, "method": method, "coordinates": coordinates, "metrics": metrics, "fitted": fitted })
    };
    page.maps.iter().enumerate().map(map).collect()
}

fn epochs(page: &Page, blocks: &mut Blocks) -> Vec<Value> {
    let entry = |(at, entry): (usize, &Epochs)| {
        let coordinates = encoded(&entry.coordinates, format!("epochs-{at}"), blocks);
        let Epochs { space, method, epochs, metrics, fitted, .. } = entry;
        json!({
            "space": space, "method": method, "epochs": epochs, "coordinates": coordinates, "metrics": metrics, "fitted": fitted,
        })
    };
    page.epochs.iter().enumerate().map(entry).collect()
}

fn images(page: &Page, blocks: &mut Blocks) -> Result<Value> {
    let Some(pictures) = &page.pictures else { return Ok(Value::Null) };
    let sheet = thumbnails::sheet(pictures)?;
    let names: Vec<String> = (0..sheet.tiles.len()).map(|at| format!("tile-{at}")).collect();
    for (name, tile) in names.iter().zip(sheet.tiles) {
        blocks.raw(name.clone(), tile);
    }
    let width = sheet.width;
    let height = sheet.height;
    let kind = sheet.kind;
    let per_row = sheet.per_row;
    let per_tile = sheet.per_tile;
    Ok(
        json!({ "width": width, "height": height, "kind": kind, "per_row": per_row, "per_tile": per_tile, "tiles": names }),
    )
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

/// Refuses another number of values than expected, in a page of `n` points.
fn fits(n: usize, what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Data(format!("a page of {n} points has {found} {what}, expected {expected}")))
}

/// Checks that a space fits the points and the classes.
fn check_space(page: &Page, space: &Space) -> Result<()> {
    let n = page.points.n();
    if let Some(answers) = &space.probe {
        fits(n, &format!("answers of the probe of {}", space.id), answers.classes.len(), n)?;
        let known = page.classes.len();
        if let Some(class) = answers.classes.iter().find(|&&class| usize::from(class) >= known) {
            return Err(Error::Data(format!(
                "the probe of {} says {class}; there are {known} classes, from 0",
                space.id
            )));
        }
    }
    let Some(neighbors) = &space.neighbors else { return Ok(()) };
    fits(n, &format!("neighbours in {}", space.id), neighbors.len(), n * page.n_neighbors)?;
    if let Some(id) = neighbors.iter().find(|&&id| id as usize >= n) {
        return Err(Error::Data(format!(
            "a page of {n} points has the neighbour {id} in {}",
            space.id
        )));
    }
    Ok(())
}

/// Checks that the parts of a page fit each other.
fn check(page: &Page) -> Result<()> {
    let points = &page.points;
    let n = page.points.n();
    let fits = |what: &str, found: usize, expected: usize| fits(n, what, found, expected);
    if n == 0 || n > points.of {
        return Err(Error::Data(format!(
            "a page shows at least one point; there are {n} of {}",
            points.of
        )));
    }
    fits("rows", points.rows.as_ref().map_or(n, Vec::len), n)?;
    fits("confidences", points.confidence.as_ref().map_or(n, Vec::len), n)?;
    for measure in &points.measures {
        fits(measure.title, measure.values.len(), n)?;
    }
    for column in &points.columns {
        fits(&format!("values of `{}`", column.name), column.codes.len(), n)?;
        if column.codes.iter().any(|&code| code as usize >= column.values.len()) {
            return Err(Error::Data(format!("the column `{}` has unknown values", column.name)));
        }
    }
    for (what, classes) in [("labels", &points.labels), ("predictions", &points.predictions)] {
        let Some(classes) = classes else { continue };
        fits(what, classes.len(), n)?;
        if let Some(at) = classes.iter().position(|&class| usize::from(class) >= page.classes.len())
        {
            let class = classes[at];
            let known = page.classes.len();
            return Err(Error::Data(format!(
                "point {at} of a page has the class {class}; there are {known} classes, from 0"
            )));
        }
    }
    page.spaces.iter().try_for_each(|space| check_space(page, space))?;
    let maps = page.maps.iter().map(|map| (&map.space, &map.method, &map.coordinates, 1));
    for (space, method, coordinates, frames) in maps
        .chain(page.epochs.iter().map(|e| (&e.space, &e.method, &e.coordinates, e.epochs.len())))
    {
        let what = format!("of {space} by {method}");
        fits(&format!("coordinates {what}"), coordinates.n_samples(), n)?;
        fits(&format!("columns of coordinates {what}"), coordinates.n_features(), 2 * frames)?;
        if !page.spaces.iter().any(|known| known.id == *space)
            || !page.methods.iter().any(|known| known.id == *method)
        {
            return Err(Error::Data(format!("a page has a map {what}, which it does not list")));
        }
    }
    for (entry, values) in page
        .epochs
        .iter()
        .flat_map(|entry| entry.metrics.iter().map(move |(_, values)| (entry, values)))
    {
        fits("values of a measure", values.len(), entry.epochs.len())?;
    }
    fits("pictures", page.pictures.as_ref().map_or(n, Images::n), n)
}

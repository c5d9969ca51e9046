//! The page's JSON; its arrays are blocks of their own.

use super::arrays::{Blocks, Numbers};
use super::{Epochs, Map, NO_CLASS, Page, coordinates, thumbnails};
use crate::dataset::{Column, ColumnKind};
use crate::embedding::display_rank;
use crate::error::Result;
use crate::evaluation::metric;
use crate::matrix::Matrix;
use crate::report::figures::color;
use serde_json::{Value, json};

/// Colours of classes: the palette with one darker and one lighter shade. Further shades are nearly
/// black or white and sink on a dark or a light page; beyond, the colours come again.
const MOST_COLORS: usize = 30;
/// Colour of points without a class.
const GREY: &str = "#8a93a0";
/// Version of what the viewer reads.
const SCHEMA: u32 = 1;

/// The page's JSON, whose arrays go to `blocks`.
pub(super) fn json(page: &Page, blocks: &mut Blocks) -> Result<Value> {
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
        "classes": page.classes.iter().enumerate().map(class).collect::<Vec<_>>(),
        "k": page.n_neighbors,
        "spaces": spaces,
        "methods": methods,
        "maps": maps(page, blocks),
        "meanings": meanings(page),
        "first": page.first,
        "epochs": epochs(page, blocks),
        "images": images,
        "warnings": page.warnings,
        "missing": page.missing,
    }))
}

/// A class; that of points without one is grey, as the viewer draws such points.
fn class((at, name): (usize, &String)) -> Value {
    let color = if name == NO_CLASS { GREY.to_owned() } else { color(at % MOST_COLORS).hex() };
    json!({ "name": name, "color": color })
}

/// What the metrics beside the maps say, by their labels.
fn meanings(page: &Page) -> serde_json::Map<String, Value> {
    let labels = page.maps.iter().flat_map(|map| map.metrics.iter().map(|(label, _)| label));
    let of_epochs =
        page.epochs.iter().flat_map(|entry| entry.metrics.iter().map(|(label, _)| label));
    let known = |label: &String| Some((label.clone(), metric::meaning(label)?.into()));
    labels.chain(of_epochs).filter_map(known).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of WCAG 2.
    fn luminance(hex: &str) -> f64 {
        let channel = |at: usize| {
            let share = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    #[test]
    fn every_color_has_one_that_stands_out_on_dark_grounds() {
        let palette = include_str!("../../../assets/viewer/palette.js");
        // The lightest dark ground of style.css.
        let ground = luminance("#1d2126");
        for at in 0..MOST_COLORS {
            let entry = format!("[\"{}\", \"", color(at).hex());
            let (_, dark) = palette.split_once(&entry).unwrap_or_else(|| panic!("no {entry}"));
            let contrast = (luminance(&dark[..7]) + 0.05) / (ground + 0.05);
            assert!(contrast > 3.0, "{entry}: {contrast}");
        }
    }
}

//! The table of the maps' quality: on the terminal, on the page and as CSV.

use super::csv_file::{self, optional};
use super::page::{Block, Cell, Table};
use crate::error::Result;
use crate::evaluation::{METRICS, MapQuality, Metric, Quality};
use crate::format::thousands;
use std::fmt::Write as _;
use std::path::Path;

/// Name of the table's file.
pub const FILE: &str = "quality.csv";

/// The metrics as text, one line a map; says on what they were measured.
pub fn text(rows: &[MapQuality]) -> String {
    let mut text = String::new();
    let Some(first) = rows.first().map(|row| &row.quality) else { return text };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "map quality: {}", how(first, |number| number.to_string()));
    let new = rows.iter().find_map(|row| row.quality.of_new.as_ref());
    if let Some(new) = new {
        let _ = writeln!(
            text,
            "new points: trustworthiness of {} neighbours of {} of them among {} fitted ones",
            new.n_neighbors, new.n_sampled, new.n_references
        );
    }
    let columns: Vec<&Metric> =
        METRICS.iter().filter(|metric| new.is_some() || !metric.needs_new_points).collect();
    let width = rows.iter().map(|row| row.space.chars().count()).max().unwrap_or(0).max(10);
    let header: String = columns.iter().map(|metric| format!("{:>11}", metric.short)).collect();
    let _ = writeln!(text, "{:<width$} {:<16} {:>6}{header}", "space", "map", "dims");
    for row in rows {
        let values: String = columns.iter().map(|metric| cell((metric.of)(&row.quality))).collect();
        let map = if row.method.is_some() { row.id().title() } else { "given".into() };
        let _ = writeln!(text, "{:<width$} {map:<16} {:>6}{values}", row.space, row.n_dimensions);
    }
    text
}

/// Description of the samples of the metrics, with numbers as `number` writes them.
fn how(quality: &Quality, number: impl Fn(usize) -> String) -> String {
    format!(
        "trustworthiness and continuity of {} neighbours, recall of {}, {} triplets, {} pairs of a \
         sample of {} points",
        quality.n_neighbors,
        quality.n_recalled,
        number(quality.n_triplets),
        number(quality.n_pairs),
        number(quality.n_sampled)
    )
}

fn cell(value: Option<f64>) -> String {
    value.map_or_else(|| format!("{:>11}", "-"), |value| format!("{value:>11.4}"))
}

/// Table of the page: a row a map, space by space, a column a metric, the best value of each space
/// marked unless one method has it by definition; none without maps.
pub fn page_table(rows: &[MapQuality]) -> Option<Table> {
    let caption = format!(
        "Quality of the maps: {}. Bold: the best map of a space",
        how(&rows.first()?.quality, thousands)
    );
    let names = ["space", "map"].into_iter().map(Cell::from);
    let titles = METRICS.iter().map(|metric| Cell::explained(metric.title, metric.meaning));
    let value =
        |value: Option<f64>| value.map_or_else(|| "–".into(), |value| format!("{value:.4}"));
    let row = |row: &MapQuality| {
        let values = METRICS.iter().map(|metric| value((metric.of)(&row.quality)));
        let names = [row.id().space_title(), row.id().title()];
        names.into_iter().chain(values).map(Cell::from).collect()
    };
    let mut table = Table {
        caption,
        header: names.chain(titles).collect(),
        rows: grouped(rows, |row| &row.space).into_iter().map(row).collect(),
        is_grouped: true,
    };
    for (column, metric) in (2..).zip(METRICS) {
        if metric.remark.is_none() {
            table.mark_best(column..column + 1, |_| true);
        }
    }
    Some(table)
}

/// What each metric says of a map, as a list of the page.
pub fn meanings() -> Block {
    let sentence = |metric: &Metric| format!("{}: {}", metric.title, metric.meaning);
    Block::List(METRICS.iter().map(sentence).collect())
}

/// The rows, those of one space together, the spaces in the order in which they come first.
pub fn grouped<'a, T>(rows: &'a [T], space: impl Fn(&'a T) -> &'a str) -> Vec<&'a T> {
    let mut spaces: Vec<&str> = Vec::new();
    for row in rows {
        if !spaces.contains(&space(row)) {
            spaces.push(space(row));
        }
    }
    let of_space = |name: &&'a str| {
        let name = *name;
        rows.iter().filter(|row| space(row) == name).collect::<Vec<_>>()
    };
    spaces.iter().flat_map(of_space).collect()
}

/// Writes `quality.csv` into `folder`, one line a map; a metric that does not exist is empty.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_csv(folder: &Path, rows: &[MapQuality]) -> Result<()> {
    const LEAD: [&str; 10] = [
        "space",
        "method",
        "n_features",
        "n_dimensions",
        "n_sampled",
        "n_neighbors",
        "n_recalled",
        "n_triplets",
        "n_pairs",
        "n_new",
    ];
    let record = |row: &MapQuality| {
        let quality = &row.quality;
        let mut record = vec![row.space.clone(), row.method.clone().unwrap_or_default()];
        let counts = [
            row.n_features,
            row.n_dimensions,
            quality.n_sampled,
            quality.n_neighbors,
            quality.n_recalled,
        ];
        record.extend(
            counts.iter().chain(&[quality.n_triplets, quality.n_pairs]).map(ToString::to_string),
        );
        record.push(quality.of_new.as_ref().map_or(0, |new| new.n_sampled).to_string());
        record.extend(METRICS.iter().map(|metric| optional((metric.of)(quality))));
        record
    };
    csv_file::write(
        &folder.join(FILE),
        LEAD.into_iter().chain(METRICS.iter().map(|metric| metric.key)),
        rows.iter().map(record),
    )
}

//! The table of the maps' quality: on the terminal and as CSV.

use super::csv_file::{self, optional};
use crate::error::Result;
use crate::evaluation::MapQuality;
use std::fmt::Write as _;
use std::path::Path;

/// Name of the table's file.
pub const FILE: &str = "quality.csv";

/// The figures as text, one line a map; says on what they were measured.
pub fn text(rows: &[MapQuality], title_of: &dyn Fn(&str) -> String) -> String {
    let mut text = String::new();
    let Some(first) = rows.first().map(|row| &row.quality) else { return text };
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "map quality: trustworthiness and continuity of {} neighbours, recall of {}, {} triplets, {} pairs of a sample of {} points",
        first.n_neighbors, first.n_recalled, first.n_triplets, first.n_pairs, first.n_sampled
    );
    let new = rows.iter().find_map(|row| row.quality.of_new.as_ref());
    if let Some(new) = new {
        let _ = writeln!(
            text,
            "new points: trustworthiness of {} neighbours of {} of them among {} fitted ones",
            new.n_neighbors, new.n_sampled, new.n_references
        );
    }
    let mut columns = vec!["trust.", "contin.", "recall", "global", "triplets", "Spearman"];
    columns.extend(new.map(|_| "new trust."));
    let width = rows.iter().map(|row| row.space.chars().count()).max().unwrap_or(0).max(10);
    let header: String = columns.iter().map(|column| format!("{column:>11}")).collect();
    let _ = writeln!(text, "{:<width$} {:<16} {:>6}{header}", "space", "map", "dims");
    for row in rows {
        let values: String = figures(row)[..columns.len()].iter().map(|value| cell(*value)).collect();
        let map = row.method.as_deref().map_or("given".into(), title_of);
        let _ = writeln!(text, "{:<width$} {map:<16} {:>6}{values}", row.space, row.n_dimensions);
    }
    text
}

fn cell(value: Option<f64>) -> String {
    value.map_or_else(|| format!("{:>11}", "-"), |value| format!("{value:>11.4}"))
}

/// The figures of a map in the order of the tables' columns: trustworthiness, continuity, recall of neighbours, global score,
/// accuracy of random triplets, Spearman's correlation, trustworthiness of new points.
pub fn figures(row: &MapQuality) -> [Option<f64>; 7] {
    let quality = &row.quality;
    [
        Some(quality.trustworthiness),
        Some(quality.continuity),
        Some(quality.neighbor_recall),
        quality.global_score,
        Some(quality.random_triplet_accuracy),
        quality.spearman,
        quality.of_new.as_ref().map(|new| new.trustworthiness),
    ]
}

/// Writes `quality.csv` into `folder`, one line a map; a figure that does not exist is empty.
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
    const FIGURES: [&str; 7] = [
        "trustworthiness",
        "continuity",
        "neighbor_recall",
        "global_score",
        "random_triplet_accuracy",
        "spearman",
        "trustworthiness_of_new",
    ];
    let record = |row: &MapQuality| {
        let quality = &row.quality;
        let mut record = vec![row.space.clone(), row.method.clone().unwrap_or_default()];
        let counts = [row.n_features, row.n_dimensions, quality.n_sampled, quality.n_neighbors, quality.n_recalled];
        record.extend(counts.iter().chain(&[quality.n_triplets, quality.n_pairs]).map(ToString::to_string));
        record.push(quality.of_new.as_ref().map_or(0, |new| new.n_sampled).to_string());
        record.extend(figures(row).map(optional));
        record
    };
    csv_file::write(&folder.join(FILE), LEAD.iter().chain(&FIGURES), rows.iter().map(record))
}

//! The score table: on the terminal and as CSV.

use super::csv_file::{self, optional};
use crate::error::Result;
use crate::evaluation::{ScoredOn, Scores};
use std::fmt::Write as _;
use std::path::Path;

/// The accuracies as text, one line a space or map; says on what they were fitted and scored.
pub fn text(scores: &[Scores]) -> String {
    let mut text = String::new();
    let Some(first) = scores.first() else { return text };
    let ks: Vec<usize> = first.knn.iter().map(|score| score.n_neighbors).collect();
    let width = scores.iter().map(|row| row.space.chars().count()).max().unwrap_or(0).max(10);
    let header = |text: &mut String| {
        let columns: String = ks.iter().map(|k| format!("{:>9}", format!("k = {k}"))).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<width$} {:<16} {:>6}{columns}", "space", "map", "dims");
    };
    for kind in [ScoredOn::Test, ScoredOn::TrainLeaveOneOut] {
        let rows: Vec<&Scores> = scores.iter().filter(|row| row.scored_on == kind).collect();
        let Some(one) = rows.first() else { continue };
        let _ = match kind {
            ScoredOn::Test => {
                writeln!(
                    text,
                    "k-NN accuracy, fitted on {} training points, scored on {} test points",
                    one.n_fitted, one.n_scored
                )
            }
            ScoredOn::TrainLeaveOneOut => {
                let what = if text.is_empty() { "k-NN accuracy" } else { "\nthe same" };
                writeln!(
                    text,
                    "{what} of the {} fitted points among themselves, each without its own vote",
                    one.n_scored
                )
            }
        };
        header(&mut text);
        for row in rows {
            let values: String =
                row.knn.iter().map(|score| format!("{:>9.4}", score.accuracy)).collect();
            let map = row.id().title();
            let _ =
                writeln!(text, "{:<width$} {map:<16} {:>6}{values}", row.space, row.n_dimensions);
        }
    }
    text
}

/// Results that methods report of their maps, one line for each map: the map, then results by name.
pub fn results_text<'a>(maps: impl Iterator<Item = (String, &'a [(String, f64)])>) -> String {
    maps.map(|(map, results)| {
        // Counts are whole.
        let decimals = |value: f64| if value.fract() == 0.0 && value.abs() > 1.0 { 0 } else { 4 };
        let result = |(name, value): &(String, f64)| {
            format!("{} {value:.*}", name.replace('_', " "), decimals(*value))
        };
        let results: Vec<String> = results.iter().map(result).collect();
        format!("{map}: {}\n", results.join(", "))
    })
    .collect()
}

/// Writes `knn.csv`, one line a space or map and number of neighbours, and `knn_per_class.csv` into
/// `folder`.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_csv(folder: &Path, scores: &[Scores], class_names: &[String]) -> Result<()> {
    const ALL: [&str; 8] = [
        "space",
        "method",
        "n_dimensions",
        "scored_on",
        "n_fitted",
        "n_scored",
        "n_neighbors",
        "accuracy",
    ];
    const PER_CLASS: [&str; 7] =
        ["space", "method", "n_dimensions", "scored_on", "n_neighbors", "class", "accuracy"];
    let each_k = || scores.iter().flat_map(|row| row.knn.iter().map(move |score| (row, score)));
    let all = each_k().map(|(row, score)| {
        let counts = [row.n_fitted, row.n_scored, score.n_neighbors].map(|count| count.to_string());
        [&lead(row)[..], &counts, &[score.accuracy.to_string()]].concat()
    });
    csv_file::write(&folder.join("knn.csv"), ALL, all)?;
    let per_class = each_k().flat_map(|(row, score)| {
        score.per_class.iter().enumerate().map(move |(class, accuracy)| {
            let name = class_names.get(class).cloned().unwrap_or_else(|| class.to_string());
            [&lead(row)[..], &[score.n_neighbors.to_string(), name, optional(*accuracy)]].concat()
        })
    });
    csv_file::write(&folder.join("knn_per_class.csv"), PER_CLASS, per_class)
}

fn lead(row: &Scores) -> [String; 4] {
    let scored_on = match row.scored_on {
        ScoredOn::Test => "test",
        ScoredOn::TrainLeaveOneOut => "train_leave_one_out",
    };
    [
        row.space.clone(),
        row.method.clone().unwrap_or_default(),
        row.n_dimensions.to_string(),
        scored_on.into(),
    ]
}

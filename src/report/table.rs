//! The score table: on the terminal and as CSV.

use crate::error::Result;
use crate::evaluation::{ScoredOn, Scores};
use crate::files::write_atomic;
use std::fmt::Write as _;
use std::path::Path;

/// The accuracies as text, one line a space or map; says on what they were fitted and scored.
pub fn text(scores: &[Scores], title_of: &dyn Fn(&str) -> String) -> String {
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
                writeln!(text, "{what} of the {} fitted points among themselves, each without its own vote", one.n_scored)
            }
        };
        header(&mut text);
        for row in rows {
            let values: String = row.knn.iter().map(|score| format!("{:>9.4}", score.accuracy)).collect();
            let map = row.method.as_deref().map_or("all dimensions".into(), title_of);
            let _ = writeln!(text, "{:<width$} {map:<16} {:>6}{values}", row.space, row.n_dimensions);
        }
    }
    text
}

/// What methods report of their maps, one line a map: `map` says which, results follow by name.
pub fn results_text<'a>(maps: impl Iterator<Item = (String, &'a [(String, f64)])>) -> String {
    maps.map(|(map, results)| {
        // Counts are whole.
        let decimals = |value: f64| if value.fract() == 0.0 && value.abs() > 1.0 { 0 } else { 4 };
        let result = |(name, value): &(String, f64)| format!("{} {value:.*}", name.replace('_', " "), decimals(*value));
        let results: Vec<String> = results.iter().map(result).collect();
        format!("{map}: {}\n", results.join(", "))
    })
    .collect()
}

/// Writes `knn.csv`, one line a space or map and number of neighbours, and `knn_per_class.csv` into `folder`.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_csv(folder: &Path, scores: &[Scores], class_names: &[String]) -> Result<()> {
    let io = |error: csv::Error| std::io::Error::other(error);
    write_atomic(&folder.join("knn.csv"), |writer| {
        let mut csv = csv::Writer::from_writer(writer);
        csv.write_record(["space", "method", "n_dimensions", "scored_on", "n_fitted", "n_scored", "n_neighbors", "accuracy"])
            .map_err(io)?;
        for (row, score) in scores.iter().flat_map(|row| row.knn.iter().map(move |score| (row, score))) {
            let mut record = lead(row).to_vec();
            record.extend([row.n_fitted.to_string(), row.n_scored.to_string()]);
            record.extend([score.n_neighbors.to_string(), score.accuracy.to_string()]);
            csv.write_record(record).map_err(io)?;
        }
        csv.flush()
    })?;
    write_atomic(&folder.join("knn_per_class.csv"), |writer| {
        let mut csv = csv::Writer::from_writer(writer);
        csv.write_record(["space", "method", "n_dimensions", "scored_on", "n_neighbors", "class", "accuracy"]).map_err(io)?;
        for (row, score) in scores.iter().flat_map(|row| row.knn.iter().map(move |score| (row, score))) {
            for (class, accuracy) in score.per_class.iter().enumerate() {
                let name = class_names.get(class).cloned().unwrap_or_else(|| class.to_string());
                let mut record = lead(row).to_vec();
                record.extend([score.n_neighbors.to_string(), name, accuracy.map_or(String::new(), |value| value.to_string())]);
                csv.write_record(record).map_err(io)?;
            }
        }
        csv.flush()
    })
}

fn lead(row: &Scores) -> [String; 4] {
    let scored_on = match row.scored_on {
        ScoredOn::Test => "test",
        ScoredOn::TrainLeaveOneOut => "train_leave_one_out",
    };
    [row.space.clone(), row.method.clone().unwrap_or_default(), row.n_dimensions.to_string(), scored_on.into()]
}

//! The comparison of models: on the terminal and as CSV.

use super::csv_file;
use crate::error::Result;
use crate::evaluation::ModelRow;
use crate::format::thousands;
use std::fmt::Write as _;
use std::path::Path;

/// Headers of the table.
pub const COLUMNS: [&str; 13] = [
    "model",
    "filters",
    "dense",
    "batch",
    "epochs",
    "train acc.",
    "val. acc.",
    "train time",
    "test acc.",
    "test loss",
    "inference",
    "parameters",
    "best epoch",
];

/// The cells under [`COLUMNS`].
pub fn cells(row: &ModelRow) -> [String; 13] {
    [
        row.model.clone(),
        listed(&row.filters),
        listed(&row.dense),
        row.batch_size.to_string(),
        row.epochs.to_string(),
        format!("{:.4}", row.train_accuracy),
        format!("{:.4}", row.validation_accuracy),
        duration(row.train_seconds),
        format!("{:.4}", row.test_accuracy),
        format!("{:.4}", row.test_loss),
        duration(row.inference_seconds),
        thousands(row.n_parameters),
        row.over_fitting.best_epoch.to_string(),
    ]
}

fn listed(sizes: &[usize]) -> String {
    if sizes.is_empty() {
        "–".into()
    } else {
        sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// `0.42 s`, `37.0 s`, `3.39 min`.
fn duration(seconds: f64) -> String {
    match seconds {
        ..10.0 => format!("{seconds:.2} s"),
        ..60.0 => format!("{seconds:.1} s"),
        _ => format!("{:.2} min", seconds / 60.0),
    }
}

/// The table as text, a line a model, then each model's verdict.
pub fn text(rows: &[ModelRow]) -> String {
    let cells: Vec<[String; 13]> =
        std::iter::once(COLUMNS.map(str::to_owned)).chain(rows.iter().map(cells)).collect();
    let width =
        |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    let mut text = String::new();
    for row in &cells {
        let padded = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            // Names to the left, numbers to the right.
            if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") }
        });
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", padded.collect::<String>());
    }
    for row in rows {
        let _ = writeln!(text, "{}: {}", row.model, row.over_fitting);
    }
    text
}

/// Writes the table with all numbers in full.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_csv(path: &Path, rows: &[ModelRow]) -> Result<()> {
    let joined =
        |sizes: &[usize]| sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let header = [
        "model",
        "filters",
        "dense",
        "batch_size",
        "epochs",
        "train_accuracy",
        "validation_accuracy",
        "train_seconds",
        "test_accuracy",
        "test_loss",
        "inference_seconds",
        "n_test",
        "n_parameters",
        "best_epoch",
        "loss_rise",
        "accuracy_gap",
        "verdict",
    ];
    let record = |row: &ModelRow| {
        let verdict = &row.over_fitting;
        vec![
            row.model.clone(),
            joined(&row.filters),
            joined(&row.dense),
            row.batch_size.to_string(),
            row.epochs.to_string(),
            row.train_accuracy.to_string(),
            row.validation_accuracy.to_string(),
            row.train_seconds.to_string(),
            row.test_accuracy.to_string(),
            row.test_loss.to_string(),
            row.inference_seconds.to_string(),
            row.n_test.to_string(),
            row.n_parameters.to_string(),
            verdict.best_epoch.to_string(),
            verdict.loss_rise.to_string(),
            verdict.accuracy_gap.to_string(),
            verdict.to_string(),
        ]
    };
    csv_file::write(path, header, rows.iter().map(record))
}

//! The table of a network's layers, as Keras' `model.summary()` has it.

use super::architecture::Architecture;
use super::parameter::Parameter;
use crate::format::thousands;
use std::fmt::Write;

/// One layer of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryRow {
    /// The layer's name.
    pub name: String,
    /// Name of its type in Keras.
    pub type_name: &'static str,
    /// Shape of its output for one image: `28, 28, 32`.
    pub output: String,
    /// Values of its tensors, trained or not.
    pub n_parameters: usize,
}

impl Architecture {
    /// The table, layer by layer.
    pub fn summary(&self) -> Vec<SummaryRow> {
        let rows =
            self.checked_steps().into_iter().zip(&self.layers).map(|(step, spec)| SummaryRow {
                name: step.name,
                type_name: spec.type_name(),
                output: step.output.to_string(),
                n_parameters: step.parameters.iter().map(Parameter::len).sum(),
            });
        rows.collect()
    }

    /// The table and its totals as text.
    pub fn summary_text(&self) -> String {
        let rows = self.summary();
        let first = |row: &SummaryRow| format!("{} ({})", row.name, row.type_name);
        let width = rows.iter().map(|row| first(row).len()).max().unwrap_or(0).max(24);
        let mut text = String::new();
        // Writing to a string cannot fail.
        let mut line =
            |a: &str, b: &str, c: &str| _ = writeln!(text, "{a:<width$}  {b:<22} {c:>12}");
        line("layer (type)", "output shape", "parameters");
        for row in &rows {
            line(&first(row), &format!("(None, {})", row.output), &thousands(row.n_parameters));
        }
        let (trainable, fixed) = self.n_parameters_by_kind();
        let totals =
            [("total", trainable + fixed), ("trainable", trainable), ("non-trainable", fixed)];
        text.push('\n');
        for (name, total) in totals {
            _ = writeln!(text, "{:<24} {:>12}", format!("{name} parameters"), thousands(total));
        }
        text
    }
}

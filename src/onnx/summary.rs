//! The table of a network's layers.

use super::form::Form;
use super::layers::NetworkLayer;
use super::network::Network;
use crate::format::thousands;

/// Headers of the table.
const COLUMNS: [&str; 6] = ["layer", "operator", "shape", "kept", "operations", "parameters"];

impl Network {
    /// The table, the layers that are taken marked by a star, and its totals as text.
    pub fn summary_text(&self) -> String {
        let output = self.output();
        let costs =
            |macs: u64, n_parameters: usize| [thousands(macs as usize), thousands(n_parameters)];
        let row = |layer: &NetworkLayer| {
            let star = if layer.is_taken { "* " } else { "  " };
            let [macs, parameters] = costs(layer.macs, layer.n_parameters);
            let operator = layer.operator.clone();
            [
                star.to_owned() + &layer.name,
                operator,
                sizes(&layer.shape),
                kept(layer),
                macs,
                parameters,
            ]
        };
        let [macs, parameters] = costs(output.macs, output.n_parameters);
        let answer = format!("  {} (answer)", output.value);
        let last =
            [answer, String::new(), output.width.to_string(), String::new(), macs, parameters];
        let headers =
            COLUMNS.map(|name| if name == COLUMNS[0] { format!("  {name}") } else { name.into() });
        let rows: Vec<[String; 6]> =
            std::iter::once(headers).chain(self.layers().iter().map(row)).chain([last]).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<usize> =
            (0..COLUMNS.len()).map(|column| width(column).unwrap_or(0)).collect();
        let mut text = format!("{}: images of {}\n\n", self.path().display(), self.image());
        for row in &rows {
            let cell = |(at, (cell, &width)): (usize, (&String, &usize))| {
                // Words to the left, numbers to the right.
                if at < 4 { format!("{cell:<width$}  ") } else { format!("{cell:>width$}  ") }
            };
            let cells: String = row.iter().zip(&widths).enumerate().map(cell).collect();
            text += cells.trim_end();
            text.push('\n');
        }
        let [macs, parameters] = costs(self.macs(), self.n_parameters());
        text += &format!("\ntotal parameters {parameters}, operations for an image {macs}\n");
        let n = self.layers().len();
        text += &format!("* taken: {} of {n} layers\n", self.taken().count());
        for note in self.notes() {
            text += &format!("{note}\n");
        }
        text
    }
}

fn sizes(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ")
}

fn kept(layer: &NetworkLayer) -> String {
    let width = layer.width;
    match layer.form {
        Form::Whole => format!("{width} values"),
        Form::ChannelMeans => format!("means of {width} channels"),
        Form::TokenMean => format!("mean token of {width}"),
        Form::FirstToken => format!("first token of {width}"),
    }
}

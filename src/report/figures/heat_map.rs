//! Heat map: a table of numbers whose cells are shaded, confusion matrices and contingency tables
//! for example.

use super::canvas::{Align, Canvas, Color, FRAME, SOFT_INK, Text, WHITE, outline};
use super::font::{fit, text_width};
use super::{Figure, LABEL, MARGIN, TICK, TITLE_HEIGHT, draw_title};

/// The shade of the largest value.
const DARK: Color = Color(0x0b, 0x3c, 0x6f);
/// Letters on a light cell. Not the ink of all other letters, which pages turn light in the dark,
/// where the cells stay as they are.
pub(super) const CELL_INK: Color = Color(0x14, 0x14, 0x14);
/// Share of [`DARK`] from which on white letters are easier to read than black ones.
const WHITE_LETTERS: f64 = 0.5;
const CELL_HEIGHT: f64 = 42.0;
const LEAST_WIDTH: f64 = 58.0;
/// Air at both sides of what stands in a cell or above a column.
const AIR: f64 = 8.0;
const WIDEST_NAME: f64 = 280.0;
/// Column names are cut to this, so that the columns stay near each other.
const WIDEST_COLUMN_NAME: f64 = 150.0;
const AXIS_NAME: f64 = 34.0;
const COLUMN_NAMES: f64 = 32.0;

/// Reference for the shade of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shading {
    /// The cell's share of the sum of its row: small classes are as visible as large ones.
    RowShare,
    /// The cell's share of the largest value of the table.
    Value,
}

/// A table of numbers.
#[derive(Clone, Debug)]
pub struct HeatMap {
    /// Above the figure; none if empty.
    pub title: String,
    /// Title of the rows, `label` for example; none if empty.
    pub rows_title: String,
    /// Title of the columns.
    pub columns_title: String,
    /// One name for each row.
    pub row_names: Vec<String>,
    /// One name for each column.
    pub column_names: Vec<String>,
    /// `values[row][column]`, finite and not negative.
    pub values: Vec<Vec<f64>>,
    /// Digits after the point of the numbers in the cells.
    pub decimals: usize,
    /// Reference for the shade of a cell.
    pub shading: Shading,
}

impl HeatMap {
    /// A table of counts, shaded by their shares of the rows.
    pub fn of_counts(
        title: String,
        rows: (String, Vec<String>),
        columns: (String, Vec<String>),
        counts: &[Vec<usize>],
    ) -> Self {
        Self {
            title,
            rows_title: rows.0,
            columns_title: columns.0,
            row_names: rows.1,
            column_names: columns.1,
            values: counts
                .iter()
                .map(|row| row.iter().map(|&count| count as f64).collect())
                .collect(),
            decimals: 0,
            shading: Shading::RowShare,
        }
    }

    fn words(&self, value: f64) -> String {
        format!("{value:.*}", self.decimals)
    }

    fn cell_width(&self) -> f64 {
        let names =
            self.column_names.iter().map(|name| text_width(name, TICK).min(WIDEST_COLUMN_NAME));
        let values =
            self.values.iter().flatten().map(|&value| text_width(&self.words(value), TICK));
        (names.chain(values).fold(0.0, f64::max) * 1.05 + 2.0 * AIR).max(LEAST_WIDTH).ceil()
    }

    /// Upper left corner of the cells: right of the rows' names, under the title and the columns'
    /// names.
    fn corner(&self) -> (f64, f64) {
        let names = self
            .row_names
            .iter()
            .map(|name| text_width(name, LABEL))
            .fold(0.0, f64::max)
            .min(WIDEST_NAME);
        let names = names.max(text_width(&self.rows_title, TICK));
        let top = if self.title.is_empty() { MARGIN } else { MARGIN + TITLE_HEIGHT };
        ((MARGIN + names * 1.1 + 18.0).ceil(), top + AXIS_NAME + COLUMN_NAMES)
    }

    /// Shade of each cell of a row, from 0 to 1, the darkest.
    fn shades<'a>(&self, row: &'a [f64], largest: f64) -> impl Iterator<Item = f64> + use<'a> {
        let whole = match self.shading {
            Shading::RowShare => row.iter().sum(),
            Shading::Value => largest,
        };
        row.iter().map(move |&value| if whole > 0.0 { value / whole } else { 0.0 })
    }
}

impl Figure for HeatMap {
    fn check(&self) -> Result<(), String> {
        let (n_rows, n_columns) = (self.row_names.len(), self.column_names.len());
        if self.values.len() != n_rows || self.values.iter().any(|row| row.len() != n_columns) {
            return Err(format!(
                "a heat map of {n_rows} rows and {n_columns} columns needs as many values"
            ));
        }
        match self.values.iter().flatten().find(|value| !value.is_finite() || **value < 0.0) {
            Some(value) => Err(format!(
                "a heat map has the value {value}; finite numbers from 0 on are expected"
            )),
            None => Ok(()),
        }
    }

    fn size(&self) -> (u32, u32) {
        let (left, top) = self.corner();
        let cells = left + self.column_names.len().max(1) as f64 * self.cell_width();
        let axis_name = left + text_width(&self.columns_title, TICK) * 1.1;
        let height = top + self.row_names.len().max(1) as f64 * CELL_HEIGHT + MARGIN;
        // A title is longer than a narrow table is wide, and says what the table is.
        let title = MARGIN + text_width(&self.title, super::TITLE).min(1000.0) * 1.05;
        ((cells.max(axis_name).max(title) + MARGIN).ceil() as u32, height.ceil() as u32)
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        draw_title(canvas, &self.title, self.size().0);
        let ((left, top), width) = (self.corner(), self.cell_width());
        let axis_y = top - COLUMN_NAMES - AXIS_NAME / 2.0;
        canvas.text(&Text::new(&self.columns_title, (left, axis_y), TICK).color(SOFT_INK));
        let rows_at = (left - 18.0, top - COLUMN_NAMES / 2.0);
        canvas
            .text(&Text::new(&self.rows_title, rows_at, TICK).align(Align::Right).color(SOFT_INK));
        for (column, name) in self.column_names.iter().enumerate() {
            let at = (left + (column as f64 + 0.5) * width, top - COLUMN_NAMES / 2.0);
            canvas.text(
                &Text::new(&fit(name, TICK, WIDEST_COLUMN_NAME), at, TICK).align(Align::Center),
            );
        }
        let largest = self.values.iter().flatten().copied().fold(0.0, f64::max);
        for (row, (values, name)) in self.values.iter().zip(&self.row_names).enumerate() {
            let y = top + row as f64 * CELL_HEIGHT;
            let name = fit(name, LABEL, WIDEST_NAME);
            canvas.text(
                &Text::new(&name, (left - 18.0, y + CELL_HEIGHT / 2.0), LABEL).align(Align::Right),
            );
            for (column, (&value, shade)) in
                values.iter().zip(self.shades(values, largest)).enumerate()
            {
                let x = left + column as f64 * width;
                canvas.rectangle((x, y), (width, CELL_HEIGHT), WHITE.mix(DARK, shade));
                outline(canvas, (x, y), (width, CELL_HEIGHT), FRAME);
                let ink = match shade {
                    _ if value == 0.0 => FRAME,
                    shade if shade >= WHITE_LETTERS => WHITE,
                    _ => CELL_INK,
                };
                let at = (x + width / 2.0, y + CELL_HEIGHT / 2.0);
                canvas
                    .text(&Text::new(&self.words(value), at, TICK).align(Align::Center).color(ink));
            }
        }
    }
}

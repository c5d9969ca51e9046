//! Metadata of points: a table of text with a header, one row a point, as pandas and spreadsheets
//! write it.

use super::columns::records;
use crate::error::{Error, Result};
use crate::format::natural;
use std::collections::HashMap;
use std::path::Path;

/// Most columns of a table: the card of a point has to show them all.
pub const MAX_COLUMNS: usize = 64;
/// Most values of a column of [`ColumnKind::Category`]; with more it is [`ColumnKind::Text`].
pub const MAX_CATEGORIES: usize = 256;
/// Most values of whole numbers that are names, as those of batches and clusters, and no amounts.
const MAX_NUMBERED: usize = 20;
/// Cells without a value.
pub(super) const MISSING: [&str; 6] = ["", "NA", "N/A", "NaN", "nan", "null"];

/// A column of metadata: the value of every point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in the header.
    pub name: String,
    /// What its values are.
    pub kind: ColumnKind,
    /// Its different values as they are written. In a column that was read: numbers ascending, words
    /// in natural order, and last the empty text for cells without a value.
    pub values: Vec<String>,
    /// Value of each point, an index into `values`.
    pub codes: Vec<u32>,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Names, at most [`MAX_CATEGORIES`], of which not every point has one of its own; or whole
    /// numbers, at most 20.
    Category,
    /// Finite numbers.
    Number,
    /// Other words.
    Text,
}

impl ColumnKind {
    /// The kind in a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Number => "number",
            Self::Text => "text",
        }
    }
}

impl Column {
    /// Column of these cells; `""`, `NA`, `N/A`, `NaN`, `nan` and `null` are no values.
    pub fn new(name: String, cells: &[impl AsRef<str>]) -> Self {
        let mut known: HashMap<&str, u32> = HashMap::new();
        let mut values: Vec<&str> = Vec::new();
        let mut codes: Vec<u32> = cells
            .iter()
            .map(|cell| {
                let cell = cell.as_ref().trim();
                let cell = if MISSING.contains(&cell) { "" } else { cell };
                *known.entry(cell).or_insert_with(|| {
                    values.push(cell);
                    values.len() as u32 - 1
                })
            })
            .collect();
        let present = || values.iter().filter(|value| !value.is_empty());
        let numbers: Option<Vec<f64>> = present().map(|value| number(value)).collect();
        let n = present().count();
        let n_present = codes.iter().filter(|&&code| !values[code as usize].is_empty()).count();
        let kind = match &numbers {
            Some(numbers) if n > 0 => {
                let whole = numbers.iter().all(|number| number.fract() == 0.0);
                if whole && n <= MAX_NUMBERED { ColumnKind::Category } else { ColumnKind::Number }
            }
            _ if n > MAX_CATEGORIES || (n > MAX_NUMBERED && n == n_present) => ColumnKind::Text,
            _ => ColumnKind::Category,
        };
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| {
            let (a, b) = (values[a], values[b]);
            let by_number = || match numbers {
                Some(_) => number(a).unwrap_or(0.0).total_cmp(&number(b).unwrap_or(0.0)),
                None => std::cmp::Ordering::Equal,
            };
            a.is_empty().cmp(&b.is_empty()).then_with(by_number).then_with(|| natural(a, b))
        });
        let mut place = vec![0; order.len()];
        for (at, &old) in order.iter().enumerate() {
            place[old] = at as u32;
        }
        codes.iter_mut().for_each(|code| *code = place[*code as usize]);
        let values = order.into_iter().map(|at| values[at].to_owned()).collect();
        Self { name, kind, values, codes }
    }

    /// Values of all points, as they are written; empty where there is none.
    fn cells(&self) -> impl Iterator<Item = &str> {
        self.codes.iter().map(|&code| self.values[code as usize].as_str())
    }

    /// The column of these points followed by those of `others`; its kind is that of all values.
    pub fn followed_by(self, others: &Self) -> Self {
        let cells: Vec<&str> = self.cells().chain(others.cells()).collect();
        Self::new(self.name.clone(), &cells)
    }

    /// The column of these points followed by `n` without a value.
    pub fn with_missing(self, n: usize) -> Self {
        if n == 0 {
            return self;
        }
        let cells: Vec<&str> = self.cells().chain(std::iter::repeat_n("", n)).collect();
        Self::new(self.name.clone(), &cells)
    }

    /// The column of the given points, in the given order, with the values of all.
    ///
    /// # Panics
    /// If an index is out of range.
    pub fn select(&self, rows: &[usize]) -> Self {
        let codes = rows.iter().map(|&row| self.codes[row]).collect();
        Self { codes, ..self.clone() }
    }

    /// Number of different values, without that of cells which have none.
    pub fn n_values(&self) -> usize {
        self.values.len() - usize::from(self.values.last().is_some_and(String::is_empty))
    }

    /// Number of points without a value.
    pub fn n_missing(&self) -> usize {
        let n = self.n_values();
        self.codes.iter().filter(|&&code| code as usize >= n).count()
    }
}

/// A finite number, as it is written in tables.
fn number(text: &str) -> Option<f64> {
    // `parse` takes the words for infinity too.
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Reads the metadata of `n` points from a `.csv`, `.tsv` or `.txt` file with a header and a row a
/// point. Columns are separated by commas, or by tabs or semicolons if the header has them and no
/// comma.
///
/// # Errors
/// [`Error::Input`] naming the line or the column, if the file cannot be read, a row has another
/// number of cells than the header, a name comes twice, there are more than [`MAX_COLUMNS`]
/// columns or another number of rows than `n`.
pub fn read_metadata(path: &Path, n: usize) -> Result<Vec<Column>> {
    // Blank lines may stand in cells.
    let mut records = records(path, false, None)?.into_iter().map(|(_, cells)| cells);
    let Some(names) = records.next() else {
        return Err(Error::input(path, "is empty, expected a header and a row a point"));
    };
    let names = header(path, names)?;
    let rows: Vec<Vec<String>> = records.collect();
    if rows.len() != n {
        let message = format!(
            "has {} rows under its header, there are {n} points: expected a header and a row a \
             point; empty lines are no rows",
            rows.len()
        );
        return Err(Error::input(path, message));
    }
    let column = |(at, name): (usize, String)| {
        let cells: Vec<&str> = rows.iter().map(|row| row[at].as_str()).collect();
        Column::new(name, &cells)
    };
    Ok(names.into_iter().enumerate().map(column).collect())
}

/// Names in the header; `column 1` where there is none, as above the index that pandas writes.
fn header(path: &Path, mut names: Vec<String>) -> Result<Vec<String>> {
    for (at, name) in names.iter_mut().enumerate().filter(|(_, name)| name.is_empty()) {
        *name = format!("column {}", at + 1);
    }
    let found = names.len();
    if found > MAX_COLUMNS {
        let message = format!("has {found} columns, expected {MAX_COLUMNS} at most");
        return Err(Error::input(path, message));
    }
    match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        Some((_, name)) => Err(Error::input(path, format!("has two columns called `{name}`"))),
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_from_the_values() {
        let kind = |cells: &[&str]| Column::new("a".into(), cells).kind;
        assert_eq!(kind(&["1.5", "2", ""]), ColumnKind::Number);
        assert_eq!(kind(&["1", "2", "1", "NaN"]), ColumnKind::Category);
        assert_eq!(kind(&["a", "2"]), ColumnKind::Category);
        assert_eq!(kind(&["", ""]), ColumnKind::Category);
        assert_eq!(kind(&["inf", "1.5"]), ColumnKind::Category);
        let ages: Vec<String> = (0..21).map(|age| age.to_string()).collect();
        assert_eq!(Column::new("age".into(), &ages).kind, ColumnKind::Number);
        let names: Vec<String> = (0..=MAX_CATEGORIES).map(|at| format!("n{at}")).collect();
        assert_eq!(Column::new("a".into(), &names).kind, ColumnKind::Text);
        assert_eq!(Column::new("a".into(), &names[1..]).kind, ColumnKind::Text);
        let twice = [&names[1..], &names[1..]].concat();
        assert_eq!(Column::new("a".into(), &twice).kind, ColumnKind::Category);
    }

    #[test]
    fn columns_are_joined_by_their_values() {
        let column = |cells: &[&str]| Column::new("a".into(), cells);
        let both = column(&["b", "10"]).followed_by(&column(&["", "c", "b"]));
        assert_eq!(both, column(&["b", "10", "", "c", "b"]));
        assert_eq!(both.select(&[3, 0]).cells().collect::<Vec<_>>(), ["c", "b"]);
        assert_eq!(column(&["1.5", "2"]).with_missing(1), column(&["1.5", "2", ""]));
        assert_eq!(column(&["1.5"]).followed_by(&column(&["x"])).kind, ColumnKind::Category);
    }

    #[test]
    fn values_are_in_order_and_the_missing_come_last() {
        let column = Column::new("a".into(), &["10", "", "9", "10", "NA"]);
        assert_eq!(column.values, ["9", "10", ""]);
        assert_eq!(column.codes, [1, 2, 0, 1, 2]);
        assert_eq!((column.n_values(), column.n_missing()), (2, 2));
        let column = Column::new("a".into(), &["s10", "s9"]);
        assert_eq!((column.values, column.codes), (vec!["s9".into(), "s10".into()], vec![1, 0]));
        let column = Column::new("a".into(), &["-2.5", "-10", "3e-2"]);
        assert_eq!(column.values, ["-10", "-2.5", "3e-2"]);
    }
}

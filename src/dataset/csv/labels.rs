//! Choice of the column with the labels in a file of labels and pixels.

use super::header::{First, LabelColumnHint, called_labels, is_index, label_column};
use super::table::Table;
use crate::dataset::LabelColumn;
use crate::dataset::columns::named;
use crate::error::{Error, Result};
use std::path::Path;

/// Index of a column, from 0, and number of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dataset) struct Place {
    pub column: usize,
    pub columns: usize,
}

/// Column that was requested, that the first line names, or that is known from another file; `None`
/// if the values must decide.
///
/// # Errors
/// [`Error::Parameter`] if there is no such column, [`Error::Input`] if several have usual names of
/// labels.
pub(super) fn place(
    path: &Path,
    first: &First,
    columns: usize,
    asked: Option<&LabelColumn>,
    known: Option<usize>,
) -> Result<Option<usize>> {
    let names = if let First::Header(names) = first { Some(names) } else { None };
    let refused = |expected: String| {
        Err(Error::parameter(
            "label_column",
            asked.map_or(String::new(), ToString::to_string),
            expected,
        ))
    };
    match asked {
        Some(LabelColumn::First) => Ok(Some(0)),
        Some(LabelColumn::Last) => Ok(Some(columns - 1)),
        Some(LabelColumn::Number(number)) if *number <= columns => Ok(Some(number - 1)),
        Some(LabelColumn::Number(_)) => {
            refused(format!("a column from 1 to {columns}, as {} has them", path.display()))
        }
        Some(LabelColumn::None) => {
            refused(format!("a column: {} holds labels and pixels in one", path.display()))
        }
        Some(LabelColumn::Name(name)) => match (names, known) {
            (Some(names), _) => match named(names, name) {
                Some(column) => Ok(Some(column)),
                None => refused(format!(
                    "a name in the header of {}, which begins with {}",
                    path.display(),
                    listed(names, 0..5)
                )),
            },
            (None, Some(known)) => Ok(Some(known)),
            (None, None) => {
                refused(format!("first, last or a number, as {} has no header", path.display()))
            }
        },
        None => match names.map(|names| (names, label_column(names))) {
            Some((_, LabelColumnHint::Column(column))) => Ok(Some(column)),
            Some((names, LabelColumnHint::Several(called))) => {
                let called = listed(names, called);
                let message = format!(
                    "several columns could hold the labels, {called}: pass `Request::label_column` \
                     NAME to say which does"
                );
                Err(Error::input(path, message))
            }
            Some((_, LabelColumnHint::Nothing)) | None => {
                Ok(known.filter(|&column| column < columns))
            }
        },
    }
}

fn listed(names: &[String], columns: impl IntoIterator<Item = usize>) -> String {
    let named = |at: usize| names.get(at).map(|name| format!("`{name}`"));
    columns.into_iter().filter_map(named).collect::<Vec<_>>().join(", ")
}

/// Statistics of the values of a column.
#[derive(Clone, Copy, Debug)]
struct ColumnStats {
    /// Number of distinct values.
    distinct: usize,
    /// `true` if they are all the numbers from 0 or 1 to their largest.
    counts: bool,
    /// Evenness of their frequencies: entropy as a share of the largest possible.
    evenness: f64,
}

impl ColumnStats {
    fn at(values: &[u8], columns: usize, column: usize) -> Self {
        let mut counts = [0_usize; 256];
        values
            .iter()
            .skip(column)
            .step_by(columns)
            .for_each(|&value| counts[usize::from(value)] += 1);
        let used: Vec<usize> = (0..256).filter(|&value| counts[value] > 0).collect();
        let n = (values.len() / columns) as f64;
        let entropy: f64 = used
            .iter()
            .map(|&value| counts[value] as f64 / n)
            .map(|share| -share * share.ln())
            .sum();
        Self {
            distinct: used.len(),
            counts: used
                .first()
                .is_some_and(|&first| first <= 1 && used[used.len() - 1] - first + 1 == used.len()),
            evenness: if used.len() < 2 { 0.0 } else { entropy / (used.len() as f64).ln() },
        }
    }

    /// `true` if this column rather than the other one holds labels: classes are numbered and have
    /// several images each, while a pixel in a corner of images is almost always the same, or takes
    /// many values.
    fn is_rather(self, other: Self) -> bool {
        const EVEN: f64 = 0.5;
        const UNEVEN: f64 = 0.25;
        const MANY: usize = 64;
        let of_both = || {
            !other.counts
                || (self.evenness >= EVEN && other.evenness <= UNEVEN)
                || (other.distinct >= MANY && 4 * self.distinct <= other.distinct)
        };
        self.distinct >= 2 && (other.distinct < 2 || (self.counts && of_both()))
    }
}

/// The first or the last column, if only one of them can hold the labels.
///
/// # Errors
/// [`Error::Input`], naming the field that decides, if the values do not, or if one of the two
/// columns numbers the rows.
pub(super) fn of_values(table: &Table) -> Result<usize> {
    let last = table.columns - 1;
    if let Some(column) = [0, last]
        .into_iter()
        .find(|&column| is_called_index(&table.first, column) || counts_rows(table, column))
    {
        return Err(numbers_rows(table, column));
    }
    let [of_first, of_last] =
        [0, last].map(|column| ColumnStats::at(&table.values, table.columns, column));
    match (of_first.is_rather(of_last), of_last.is_rather(of_first)) {
        (true, false) => Ok(0),
        (false, true) => Ok(last),
        _ => {
            let message = format!(
                "{}, and the values do not tell the first from the last: pass \
                 `Request::label_column` first, last, or its number from 1",
                unsaid(&table.first)
            );
            Err(Error::input(&table.path, message))
        }
    }
}

/// Refuses a column that the header gives by an unusual name, if it numbers the rows.
///
/// # Errors
/// [`Error::Input`], naming the field that decides otherwise.
pub(super) fn check_no_index(table: &Table, column: usize) -> Result<()> {
    let is_usual =
        matches!(&table.first, First::Header(names) if called_labels(names).contains(&column));
    if !is_usual && counts_rows(table, column) { Err(numbers_rows(table, column)) } else { Ok(()) }
}

/// Reason for which the values had to decide.
pub(super) fn unsaid(first: &First) -> &'static str {
    match first {
        First::Header(_) => "the header does not say which column holds the labels",
        _ => "there is no header that says which column holds the labels",
    }
}

fn is_called_index(first: &First, column: usize) -> bool {
    matches!(first, First::Header(names) if names.get(column).is_some_and(|name| is_index(name)))
}

/// `true` if a column counts the rows, from 0 or from 1. A few images might have as many classes,
/// in order.
fn counts_rows(table: &Table, column: usize) -> bool {
    const FEW: usize = 10;
    let values = || table.values.iter().skip(column).step_by(table.columns);
    let start = values().next().map_or(0, |&first| usize::from(first));
    table.rows() > FEW
        && start <= 1
        && values().enumerate().all(|(row, &value)| usize::from(value) == row + start)
}

/// Error for a column that numbers the rows.
fn numbers_rows(table: &Table, column: usize) -> Error {
    let name = match &table.first {
        First::Header(names) if !names[column].trim().is_empty() => {
            format!(", `{}`,", names[column])
        }
        _ => String::new(),
    };
    let message = format!(
        "column {}{name} numbers the rows, and no other one is called like labels: pass \
         `Request::label_column` with the name or the number, from 1, of the one that holds them, \
         and leave the numbers of rows out of the file (index=False in pandas)",
        column + 1
    );
    Error::input(&table.path, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Choice between the first and the last of three columns.
    fn told(first: &[u8], last: &[u8]) -> Option<usize> {
        let values: Vec<u8> =
            first.iter().zip(last).flat_map(|(&first, &last)| [first, 7, last]).collect();
        of_values(&Table::of(values, 3)).ok()
    }

    #[test]
    fn labels_are_told_from_pixels_in_the_corner() {
        let labels: Vec<u8> = (0..200).map(|row| (row * 7 % 10) as u8).collect();
        let from_one: Vec<u8> = labels.iter().map(|label| label + 1).collect();
        let constant = [0; 200];
        let rare: Vec<u8> = (0..200).map(|row| u8::from(row == 17)).collect();
        let photo: Vec<u8> = (0..200).map(|row| (row * 7) as u8).collect();
        let gaps: Vec<u8> = (0..200).map(|row| if row % 2 == 0 { 3 } else { 200 }).collect();
        for pixel in [&constant[..], &rare, &photo, &gaps] {
            for labels in [&labels, &from_one] {
                assert_eq!(told(labels, pixel), Some(0), "{pixel:?}");
                assert_eq!(told(pixel, labels), Some(2), "{pixel:?}");
            }
        }
        let other: Vec<u8> = (0..200).map(|row| (row % 3) as u8).collect();
        assert_eq!(
            [told(&labels, &other), told(&gaps, &gaps), told(&constant, &constant)],
            [None; 3]
        );
        assert_eq!(
            [told(&[0, 1], &[4, 8]), told(&gaps, &constant), told(&constant, &gaps)],
            [Some(0), Some(0), Some(2)]
        );
    }
}

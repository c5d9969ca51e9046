//! Labels from text: one a line, or one column of several.

use super::{Values, control_character, values_of};
use crate::dataset::LabelColumn;
use crate::dataset::columns::{is_label, named, records};
use crate::error::{Error, Result};
use crate::format::listed;
use std::path::Path;

/// Content of a file.
pub(super) struct Read {
    pub(super) values: Values,
    /// Line of each value, from 1.
    pub(super) lines: Vec<u64>,
    /// Notes on the choice of header and column.
    pub(super) notes: Vec<String>,
}

/// Reads the labels of `n` rows, if their number is known.
pub(super) fn read(path: &Path, column: Option<&LabelColumn>, n: Option<usize>) -> Result<Read> {
    let is = path.extension().is_some_and(|found| found.eq_ignore_ascii_case("txt"));
    let mut records = records(path, is && column.is_none(), Some("a label"))?;
    let Some((_, first)) = records.first().cloned() else {
        return Err(Error::input(path, "holds no labels, expected one a line"));
    };
    let mut notes = Vec::new();
    let (at, by_name) =
        choose(&first, column, &mut notes).map_err(|message| Error::input(path, message))?;
    let words: Vec<&str> = records.iter().map(|(_, fields)| fields[at].as_str()).collect();
    if !by_name && n == Some(words.len()) && is_header_alone(&words) {
        let header = words[0];
        let n = words.len();
        let message = format!(
            "line 1 is `{header}`, usually a header, and no other line is: then there are {} \
             labels for {n} rows",
            n - 1
        );
        return Err(Error::input(path, message));
    }
    let is_header = by_name || has_header(&words, n);
    if !by_name {
        notes.extend(doubt(&words, n, is_header));
    }
    if is_header {
        records.remove(0);
    }
    let mut words = Vec::with_capacity(records.len());
    let mut lines = Vec::with_capacity(records.len());
    for (line, mut fields) in records {
        let word = fields.swap_remove(at);
        if word.is_empty() {
            return Err(Error::input(
                path,
                format!("line {line} has no label, expected a whole number or a name"),
            ));
        }
        if let Some(letter) = control_character(&word) {
            return Err(Error::input(
                path,
                format!("line {line} holds the control character U+{:04X}", u32::from(letter)),
            ));
        }
        words.push(word);
        lines.push(line);
    }
    let shown = words.clone();
    let values = values_of(words).map_err(|row| {
        let message =
            format!("line {} is {}: a label is a whole number or a name", lines[row], shown[row]);
        Error::input(path, message)
    })?;
    Ok(Read { values, lines, notes })
}

/// Column with the labels, and `true` if its name in the first line says so.
fn choose(
    first: &[String],
    column: Option<&LabelColumn>,
    notes: &mut Vec<String>,
) -> std::result::Result<(usize, bool), String> {
    let n = first.len();
    match column {
        Some(LabelColumn::First) => Ok((0, false)),
        Some(LabelColumn::Last) => Ok((n - 1, false)),
        Some(LabelColumn::None) => {
            Err("is read for its labels: `Request::label_column` must be one of its columns".into())
        }
        Some(LabelColumn::Name(name)) => named(first, name)
            .map(|at| (at, true))
            .ok_or_else(|| format!("has no column `{name}`: {}", columns(first))),
        Some(LabelColumn::Number(number)) => match number.checked_sub(1).filter(|&at| at < n) {
            Some(at) => Ok((at, false)),
            None => Err(format!("has no column {number}, the first being 1: {}", columns(first))),
        },
        None if n == 1 => Ok((0, false)),
        None => {
            let usual: Vec<usize> = (0..n).filter(|&at| is_label(&first[at])).collect();
            let [at] = usual[..] else {
                return Err(format!(
                    "{}: `Request::label_column` NAME or N, from 1 on, says which holds the labels",
                    columns(first)
                ));
            };
            notes.push(format!("the labels are those of the column `{}`, one of {n}", first[at]));
            Ok((at, true))
        }
    }
}

fn columns(first: &[String]) -> String {
    let shown: Vec<String> = first.iter().map(|field| format!("`{field}`")).collect();
    format!("it has {} columns, whose first line is {}", first.len(), listed(&shown))
}

/// `true` if the first value is a usual column name of labels, and no other value is.
fn is_header_alone(values: &[&str]) -> bool {
    matches!(values, [first, rest @ ..] if is_label(first) && !rest.is_empty() && !rest.contains(first))
}

/// What is doubtful about the first value, which is taken for the header or for a label.
fn doubt(words: &[&str], n: Option<usize>, is_header: bool) -> Option<String> {
    let first = words.first()?;
    if is_header {
        // A usual name above as many labels as there are rows leaves no doubt.
        let is_certain = is_header_alone(words) && n == Some(words.len() - 1);
        return (!is_certain).then(|| format!("line 1, `{first}`, is taken for the header"));
    }
    (n == Some(words.len()) && is_alone_above_repeated(words)).then(|| {
        format!(
            "line 1 is `{first}`, which no other line is, while all others come twice or more: if \
             it is a header, a label is missing and each stands beside the row before its own"
        )
    })
}

/// `true` if the first value is a word that occurs nowhere else, above values that all occur twice
/// or more.
fn is_alone_above_repeated(values: &[&str]) -> bool {
    let [first, rest @ ..] = values else { return false };
    let mut sorted = rest.to_vec();
    sorted.sort_unstable();
    first.parse::<f64>().is_err()
        && !rest.is_empty()
        && !rest.contains(first)
        && sorted.chunk_by(|a, b| a == b).all(|same| same.len() > 1)
}

/// `true` if the first value is a header: a usual name, a word above numbers, or a word that occurs
/// nowhere else if there is one value more than the `n` rows.
fn has_header(values: &[&str], n: Option<usize>) -> bool {
    let [first, rest @ ..] = values else { return false };
    let number = |value: &str| value.parse::<f64>().is_ok();
    let usual = is_label(first) && n.is_none_or(|n| values.len() != n);
    let above_numbers =
        !rest.is_empty() && !number(first) && rest.iter().all(|value| number(value));
    let one_more = n.is_some_and(|n| values.len() == n + 1);
    usual || above_numbers || (one_more && !number(first) && !rest.contains(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_may_be_a_header_is_doubted() {
        let doubted = |words: &[&str]| doubt(words, Some(words.len()), false).is_some();
        assert!(doubted(&["group", "a", "b", "a", "b"]));
        assert!(!doubted(&["group", "a", "b", "a"]), "another class has one point too");
        assert!(!doubted(&["a", "b", "a", "b"]));
        assert!(!doubted(&["7", "1", "1", "2", "2"]), "a number is a label");
    }

    #[test]
    fn a_header_is_told_from_a_label() {
        for (values, n, expected) in [
            (&["label", "a", "b"][..], Some(2), true),
            (&["label", "a", "b"], Some(3), false),
            (&["label", "a", "b"], None, true),
            (&["kind", "3", "4.0"], Some(2), true),
            (&["species", "a", "b"], Some(2), true),
            (&["species", "a", "b"], None, false),
            (&["a", "a", "b"], Some(2), false),
            (&["1", "2", "3"], Some(2), false),
        ] {
            assert_eq!(has_header(values, n), expected, "{values:?} for {n:?} rows");
        }
    }

    #[test]
    fn a_column_is_found_by_name_or_place() {
        let first: Vec<String> = ["cell", "Label", "batch"].map(str::to_owned).into();
        let of = |column: Option<&str>| {
            choose(&first, column.map(|text| text.parse().unwrap()).as_ref(), &mut Vec::new())
        };
        assert_eq!(of(None), Ok((1, true)));
        assert_eq!(of(Some("batch")), Ok((2, true)));
        assert_eq!(of(Some("last")), Ok((2, false)));
        assert_eq!(of(Some("2")), Ok((1, false)));
        assert!(of(Some("4")).unwrap_err().contains("no column 4"));
        assert!(
            of(Some("kind"))
                .unwrap_err()
                .contains("no column `kind`: it has 3 columns, whose first line is `cell`")
        );
        let unnamed: Vec<String> = ["a", "b"].map(str::to_owned).into();
        assert!(choose(&unnamed, None, &mut Vec::new()).unwrap_err().contains("label_column"));
    }
}

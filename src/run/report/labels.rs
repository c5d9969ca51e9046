//! Labels of anybody's embedding: numbers or names.

use crate::dataset::npy;
use crate::error::{Error, Result};
use crate::words::natural;
use std::collections::HashMap;
use std::path::Path;

/// Most classes.
const MAX_CLASSES: usize = 1 << 16;
/// First lines that are headers, whatever follows.
const HEADERS: [&str; 6] = ["label", "labels", "class", "classes", "target", "y"];

/// Names of the classes, and the class of each row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Labels {
    pub(super) names: Vec<String>,
    pub(super) classes: Vec<u16>,
}

/// Reads the labels of `n` rows: a `.npy` array of whole numbers, or text with one number or name a line and an optional header.
/// With `names`, numbers count them from 0 and names are among them; else the classes are what is there, in natural order.
///
/// # Errors
/// [`Error::Input`] naming the file, and the row where one is at fault.
pub(super) fn read(path: &Path, names: Option<&[String]>, n: usize) -> Result<Labels> {
    let array = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"));
    let values = if array { npy::read_labels(path)?.iter().map(ToString::to_string).collect() } else { read_text(path, n)? };
    let labels = match names {
        Some(names) => known(&values, names),
        None => found(&values),
    };
    labels.map_err(|message| Error::input(path, message))
}

/// One value a line; quotes as in CSV.
fn read_text(path: &Path, n: usize) -> Result<Vec<String>> {
    let failed = |error: csv::Error| Error::input(path, format!("cannot be read: {error}"));
    let bytes = std::fs::read(path).map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
    // The reader would skip such lines, and every label after one would be another row's.
    let lines: Vec<&[u8]> = bytes.trim_ascii_end().split(|&byte| byte == b'\n').collect();
    if let Some(at) = lines.iter().position(|line| line.trim_ascii().is_empty()).filter(|_| lines.len() > 1) {
        return Err(Error::input(path, format!("line {} is empty, expected a label", at + 1)));
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(&bytes[..]);
    let mut values = Vec::new();
    for (at, record) in reader.records().enumerate() {
        let record = record.map_err(failed)?;
        let line = record.position().map_or(at as u64 + 1, csv::Position::line);
        if record.len() != 1 {
            return Err(Error::input(path, format!("line {line} has {} columns, expected one label a line", record.len())));
        }
        let value = record[0].trim_start_matches('\u{feff}').to_owned();
        if value.is_empty() {
            return Err(Error::input(path, format!("line {line} is empty, expected a label")));
        }
        values.push(value);
    }
    if has_header(&values, n) {
        values.remove(0);
    }
    if values.is_empty() {
        return Err(Error::input(path, "holds no labels, expected one a line"));
    }
    Ok(values)
}

/// Whether the first value is a header: a usual one, a word above numbers, or one more than the rows and met nowhere else.
fn has_header(values: &[String], n: usize) -> bool {
    let [first, rest @ ..] = values else { return false };
    let number = |value: &String| value.parse::<i64>().is_ok();
    let usual = HEADERS.iter().any(|header| first.eq_ignore_ascii_case(header)) && values.len() != n;
    let above_numbers = !rest.is_empty() && !number(first) && rest.iter().all(number);
    usual || above_numbers || (values.len() == n + 1 && !number(first) && !rest.contains(first))
}

/// Classes by their names if all values are names, or by their places among the names if all are such numbers.
fn known(values: &[String], names: &[String]) -> std::result::Result<Labels, String> {
    let n = names.len();
    if n > MAX_CLASSES {
        return Err(format!("there are {n} class names; at most {MAX_CLASSES} classes are supported"));
    }
    let places: HashMap<&str, u16> = names.iter().enumerate().map(|(at, name)| (name.as_str(), at as u16)).collect();
    let by_name = |value: &String| places.get(value.as_str()).copied();
    let by_number = |value: &String| value.parse::<u16>().ok().filter(|&class| usize::from(class) < n);
    if let Some(row) = values.iter().position(|value| by_name(value).or(by_number(value)).is_none()) {
        let value = &values[row];
        return Err(format!(
            "row {row} is `{value}`, which is neither one of the {n} class names nor a number from 0 to {}",
            n - 1
        ));
    }
    let all = |class: &dyn Fn(&String) -> Option<u16>| values.iter().map(class).collect::<Option<Vec<u16>>>();
    let classes = match (all(&by_name), all(&by_number)) {
        (Some(named), Some(numbered)) if named != numbered => {
            return Err("the labels are both names of classes and numbers of others: which is meant cannot be told".into());
        }
        (Some(classes), _) | (None, Some(classes)) => classes,
        (None, None) => {
            return Err("some labels are names of classes and some are numbers; all must be the one or the other".into());
        }
    };
    Ok(Labels { names: names.to_vec(), classes })
}

/// The classes that are there.
fn found(values: &[String]) -> std::result::Result<Labels, String> {
    let mut names = values.to_vec();
    let number = |value: &String| value.parse::<i64>();
    if names.iter().all(|name| number(name).is_ok()) {
        names.sort_by_key(|name| number(name).unwrap_or_default());
    } else {
        names.sort_by(|a, b| natural(a, b).then_with(|| a.cmp(b)));
    }
    names.dedup();
    if names.len() > MAX_CLASSES {
        return Err(format!("has {} different labels; at most {MAX_CLASSES} classes are supported", names.len()));
    }
    let places: HashMap<&str, u16> = names.iter().enumerate().map(|(at, name)| (name.as_str(), at as u16)).collect();
    let classes = values.iter().map(|value| places[value.as_str()]).collect();
    Ok(Labels { names, classes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|&value| value.to_owned()).collect()
    }

    #[test]
    fn a_header_is_told_from_a_label() {
        for (values, n, expected) in [
            (&["label", "a", "b"][..], 2, true),
            (&["label", "a", "b"], 3, false),
            (&["kind", "3", "4"], 2, true),
            (&["species", "a", "b"], 2, true),
            (&["a", "a", "b"], 2, false),
            (&["1", "2", "3"], 2, false),
        ] {
            assert_eq!(has_header(&texts(values), n), expected, "{values:?} for {n} rows");
        }
    }

    #[test]
    fn classes_are_in_natural_order_or_that_of_their_names() {
        let labels = found(&texts(&["10", "-1", "9", "10"])).unwrap();
        assert_eq!((labels.names, labels.classes), (texts(&["-1", "9", "10"]), vec![2, 0, 1, 2]));
        assert_eq!(found(&texts(&["b 10", "b 9", "a"])).unwrap().names, texts(&["a", "b 9", "b 10"]));
        let names = texts(&["zebra", "ant"]);
        assert_eq!(known(&texts(&["ant", "zebra", "ant"]), &names).unwrap().classes, [1, 0, 1]);
        assert_eq!(known(&texts(&["1", "0"]), &names).unwrap().classes, [1, 0]);
        assert!(known(&texts(&["1", "zebra"]), &names).unwrap_err().contains("one or the other"));
        assert!(known(&texts(&["1", "2"]), &texts(&["1", "2", "3"])).unwrap_err().contains("cannot be told"));
        assert!(known(&texts(&["0", "2"]), &names).unwrap_err().contains("row 1 is `2`"));
    }
}

//! Labels of any points: integers or names, one a row.
//!
//! One reader for all commands. A `.npy` array holds integers, whole floats, booleans or strings,
//! of shape (n,) or (n, 1). Text, named `*.csv`, `*.tsv` or `*.txt`, holds one label a line, with
//! or without a header; if there are several columns, one is chosen. The classes are those that
//! occur, numbers by value and names in natural order, unless names are given.

mod beside;
mod text;

pub use beside::{LabelsBeside, read_labels};

use super::{LabelColumn, columns::is_text, metadata::MISSING, names::unmet, npy};
use crate::error::{Error, Result};
use crate::format::{listed, natural};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// Maximum number of classes.
pub const MAX_CLASSES: usize = 1 << 16;

/// Labels of all rows of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// Whole numbers.
    Numbers(Vec<i64>),
    /// Names, none of them empty.
    Names(Vec<String>),
}

impl Values {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Names(names) => names.len(),
        }
    }

    /// `true` if there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn word(&self, row: usize) -> String {
        match self {
            Self::Numbers(numbers) => numbers[row].to_string(),
            Self::Names(names) => names[row].clone(),
        }
    }
}

/// A file of labels.
#[derive(Clone, Debug)]
pub struct LabelFile {
    /// Path of the file.
    pub path: PathBuf,
    /// One value a row.
    pub values: Values,
    /// Notes on choices made while reading.
    pub notes: Vec<String>,
    /// Line of each row of a text file, from 1; `None` for an array.
    pub lines: Option<Vec<u64>>,
}

impl LabelFile {
    /// Reads a file of labels for `n` rows, if their number is known: it helps to distinguish a
    /// header from a label.
    ///
    /// # Errors
    /// [`Error::Input`] naming `path` if it cannot be read, is malformed, holds no labels, or holds
    /// a value that is neither an integer nor a name (the row, from 0, or the line, from 1, is
    /// named); and if it has several columns and none is known to hold the labels, or not the one
    /// that `column` names.
    pub fn read(path: &Path, column: Option<&LabelColumn>, n: Option<usize>) -> Result<Self> {
        let (values, lines, notes) = match is_text(path) {
            true => {
                let text::Read { values, lines, notes } = text::read(path, column, n)?;
                (values, Some(lines), notes)
            }
            false if column.is_some() => {
                return Err(Error::input(
                    path,
                    "`Request::label_column` is for labels in a .csv, .tsv or .txt file",
                ));
            }
            false => (npy::read_label_values(path)?, None, Vec::new()),
        };
        if values.is_empty() {
            return Err(Error::input(path, "holds no labels, expected one a row"));
        }
        let notes = notes.into_iter().chain(missing_note(&values));
        let notes = notes.map(|note| format!("{}: {note}", path.display())).collect();
        Ok(Self { path: path.into(), values, notes, lines })
    }

    /// Position of a row, for messages: `row 3`, from 0, or `line 4` of a text file, from 1.
    pub fn place(&self, row: usize) -> String {
        match self.lines.as_ref().and_then(|lines| lines.get(row)) {
            Some(line) => format!("line {line}"),
            None => format!("row {row}"),
        }
    }
}

/// Note on names that programs write for missing values: they are taken for classes.
fn missing_note(values: &Values) -> Option<String> {
    let Values::Names(words) = values else { return None };
    let missing = words.iter().filter(|word| MISSING.contains(&word.as_str()));
    let (n, word) = (missing.clone().count(), missing.clone().next()?);
    Some(format!("{n} labels are `{word}` or the like, which is taken for the name of a class"))
}

/// Names of the classes, and the class of each row of each file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// Name of each class; a number is its own name.
    pub names: Vec<String>,
    /// For each file the class of each row, an index into the names.
    pub classes: Vec<Vec<u16>>,
    /// `true` if the names are numbers that occur in the files, neither given names nor words.
    pub numbered: bool,
    /// Notes for the user.
    pub notes: Vec<String>,
}

impl Labels {
    /// Classes of files whose labels have the same meaning. With `names`, numbers are indices from
    /// 0, or from 1 if only that fits, and names must be among them; otherwise the classes are
    /// those that occur.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file, and the row or line at fault, if there are more than
    /// [`MAX_CLASSES`], one file holds numbers and another names, or a label is not among the given
    /// names.
    pub fn of(files: &[&LabelFile], names: Option<&[String]>) -> Result<Self> {
        Self::with(files, names, true)
    }

    /// The same for files beside a `class_names.txt`: numbers are always indices of its lines, even
    /// if the names are numbers.
    ///
    /// # Errors
    /// Those of [`Labels::of`].
    pub fn by_place(files: &[&LabelFile], names: Option<&[String]>) -> Result<Self> {
        Self::with(files, names, false)
    }

    fn with(
        files: &[&LabelFile],
        names: Option<&[String]>,
        numbers_are_names: bool,
    ) -> Result<Self> {
        let mut notes: Vec<String> = files.iter().flat_map(|file| file.notes.clone()).collect();
        let (names, classes, numbered) = match names {
            Some(names) => {
                (names.to_vec(), known(files, names, numbers_are_names, &mut notes)?, false)
            }
            None => found(files)?,
        };
        Ok(Self { names, classes, numbered, notes })
    }

    /// Text that lists the classes that occur in none of the files; `None` if all occur.
    pub fn without_points(&self) -> Option<String> {
        let mut occurs = vec![false; self.names.len()];
        self.classes.iter().flatten().for_each(|&class| occurs[usize::from(class)] = true);
        unmet(&self.names, |class| occurs[class])
    }
}

fn places(names: &[String]) -> HashMap<&str, u16> {
    names.iter().enumerate().map(|(at, name)| (name.as_str(), at as u16)).collect()
}

/// Classes by their names if all values of a file are names, or by their indices if all values are
/// valid ones.
fn known(
    files: &[&LabelFile],
    names: &[String],
    numbers_are_names: bool,
    notes: &mut Vec<String>,
) -> Result<Vec<Vec<u16>>> {
    let n = names.len();
    if let Some(file) = files.first().filter(|_| n > MAX_CLASSES) {
        return Err(Error::input(
            &file.path,
            format!("there are {n} class names; at most {MAX_CLASSES} classes are supported"),
        ));
    }
    let places = places(names);
    let named = |number: i64| {
        places.get(number.to_string().as_str()).copied().filter(|_| numbers_are_names)
    };
    let first = first_number(files, n, &named, notes);
    files.iter().map(|file| known_in(file, &places, &named, (first, numbers_are_names))).collect()
}

/// Number of the first class: 1 if the numbers of all files go from 1 to the number of names,
/// otherwise 0.
fn first_number(
    files: &[&LabelFile],
    n: usize,
    named: &dyn Fn(i64) -> Option<u16>,
    notes: &mut Vec<String>,
) -> i64 {
    let of = |file: &&LabelFile| match &file.values {
        Values::Numbers(numbers) if !numbers.iter().all(|&number| named(number).is_some()) => {
            Some((*numbers.iter().min()?, *numbers.iter().max()?, file.path.display().to_string()))
        }
        _ => None,
    };
    let counting: Vec<(i64, i64, String)> = files.iter().filter_map(of).collect();
    let least = counting.iter().map(|range| range.0).min();
    let most = counting.iter().map(|range| range.1).max();
    // Files that end before the last class might count from 0.
    let from_one = least == Some(1) && most == i64::try_from(n).ok();
    if from_one {
        let paths: Vec<String> = counting.into_iter().map(|(_, _, path)| path).collect();
        let paths = listed(&paths);
        notes.push(format!("{paths}: the labels go from 1 to {n}: they are taken to count the {n} class names from 1"));
    }
    i64::from(from_one)
}

fn known_in(
    file: &LabelFile,
    places: &HashMap<&str, u16>,
    named: &dyn Fn(i64) -> Option<u16>,
    (first, numbers_are_names): (i64, bool),
) -> Result<Vec<u16>> {
    let refuse = |message: String| Err(Error::input(&file.path, message));
    let n = places.len();
    let mut by_number: Vec<Option<u16>> = Vec::new();
    let mut by_name: Vec<Option<u16>> = Vec::new();
    let place =
        |number: i64| u16::try_from(number - first).ok().filter(|&class| usize::from(class) < n);
    match &file.values {
        Values::Numbers(numbers) => {
            by_number.extend(numbers.iter().map(|&number| place(number)));
            by_name.extend(numbers.iter().map(|&number| named(number)));
        }
        Values::Names(words) => {
            by_number.extend(words.iter().map(|word| word.parse().ok().and_then(place)));
            by_name.extend(words.iter().map(|word| places.get(word.as_str()).copied()));
        }
    }
    if let Some(row) = (0..by_name.len()).find(|&row| by_name[row].or(by_number[row]).is_none()) {
        return refuse(no_class(file, row, n, (first, numbers_are_names)));
    }
    let all = |classes: &[Option<u16>]| classes.iter().copied().collect::<Option<Vec<u16>>>();
    let place_of = |is_meant: &dyn Fn(usize) -> bool| {
        let row = (0..by_name.len()).find(|&row| is_meant(row)).unwrap_or_default();
        (file.place(row), file.values.word(row))
    };
    match (all(&by_name), all(&by_number)) {
        (Some(named), Some(numbered)) if named != numbered => {
            let (place, value) = place_of(&|row| named[row] != numbered[row]);
            refuse(format!(
                "{place} is {value}, the name of one class and the number of another: whether the \
                 labels are names or numbers cannot be told"
            ))
        }
        (Some(classes), _) | (None, Some(classes)) => Ok(classes),
        (None, None) => {
            let (name, a) = place_of(&|row| by_number[row].is_none());
            let (number, b) = place_of(&|row| by_name[row].is_none());
            refuse(format!(
                "{name} is `{a}`, the name of a class, but {number} is {b}, a number; all must be \
                 the one or the other"
            ))
        }
    }
}

/// Why the label of a row is none of the `n` classes.
fn no_class(
    file: &LabelFile,
    row: usize,
    n: usize,
    (first, numbers_are_names): (i64, bool),
) -> String {
    let place = file.place(row);
    let value = file.values.word(row);
    let last = n as i64 - 1 + first;
    match file.values {
        Values::Numbers(_) if !numbers_are_names => {
            format!("{place} is {value}, but class_names.txt names {first} to {last}")
        }
        _ => format!(
            "{place} is `{value}`, which is neither one of the {n} class names nor a number from \
             {first} to {last}"
        ),
    }
}

/// Classes that occur.
fn found(files: &[&LabelFile]) -> Result<(Vec<String>, Vec<Vec<u16>>, bool)> {
    let is_named = |file: &&&LabelFile| matches!(file.values, Values::Names(_));
    let named = files.iter().find(is_named);
    let numbered = files.iter().find(|file| !is_named(file));
    if let (Some(named), Some(numbered)) = (named, numbered) {
        let message = format!(
            "holds numbers, but {} holds names: the name of each number is unknown",
            named.path.display()
        );
        return Err(Error::input(&numbered.path, message));
    }
    let too_many = |n: usize| {
        let path = files.first().map_or(Path::new(""), |file| &file.path);
        Err(Error::input(
            path,
            format!("has {n} different labels; at most {MAX_CLASSES} classes are supported"),
        ))
    };
    if named.is_some() {
        let words = files.iter().flat_map(|file| match &file.values {
            Values::Names(words) => &words[..],
            Values::Numbers(_) => &[],
        });
        let distinct: BTreeSet<&String> = words.collect();
        if distinct.len() > MAX_CLASSES {
            return too_many(distinct.len());
        }
        let mut names: Vec<String> = distinct.into_iter().cloned().collect();
        names.sort_by(|a, b| natural(a, b).then_with(|| a.cmp(b)));
        let classes = {
            let places = places(&names);
            let of = |file: &&LabelFile| match &file.values {
                Values::Names(words) => words.iter().map(|word| places[word.as_str()]).collect(),
                Values::Numbers(_) => Vec::new(),
            };
            files.iter().map(of).collect()
        };
        return Ok((names, classes, false));
    }
    let numbers = |file: &&LabelFile| match &file.values {
        Values::Numbers(numbers) => numbers.clone(),
        Values::Names(_) => Vec::new(),
    };
    let all: Vec<Vec<i64>> = files.iter().map(numbers).collect();
    let distinct: BTreeSet<i64> = all.iter().flatten().copied().collect();
    if distinct.len() > MAX_CLASSES {
        return too_many(distinct.len());
    }
    let places: HashMap<i64, u16> =
        distinct.iter().zip(0..=u16::MAX).map(|(&number, at)| (number, at)).collect();
    let classes =
        all.iter().map(|numbers| numbers.iter().map(|number| places[number]).collect()).collect();
    Ok((distinct.iter().map(ToString::to_string).collect(), classes, true))
}

/// Integers if all values are whole numbers, names if any value is not a number; otherwise the
/// index of the first number that is not whole.
pub(super) fn values_of(words: Vec<String>) -> std::result::Result<Values, usize> {
    if let Some(numbers) = words.iter().map(|word| word.parse().ok()).collect::<Option<Vec<i64>>>()
    {
        return Ok(Values::Numbers(numbers));
    }
    match words.iter().map(|word| word.parse().ok()).collect::<Option<Vec<f64>>>() {
        Some(values) => whole(&values).map(Values::Numbers),
        None => Ok(Values::Names(words)),
    }
}

/// First invisible character of a label: a control character that neither ends a line nor is a tab.
pub(super) fn control_character(label: &str) -> Option<char> {
    label.chars().find(|letter| letter.is_control() && !"\t\n\r".contains(*letter))
}

/// Floats as integers, or the index of the first that is not whole.
pub(super) fn whole(values: &[f64]) -> std::result::Result<Vec<i64>, usize> {
    // Beyond it adjacent integers are the same float.
    const MOST: f64 = (1_u64 << 53) as f64;
    let whole = |(at, &value): (usize, &f64)| {
        if value.fract() == 0.0 && value.abs() < MOST { Ok(value as i64) } else { Err(at) }
    };
    values.iter().enumerate().map(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|&value| value.to_owned()).collect()
    }

    fn file(words: &[&str]) -> LabelFile {
        LabelFile {
            path: "l.npy".into(),
            values: values_of(texts(words)).unwrap(),
            notes: Vec::new(),
            lines: None,
        }
    }

    #[test]
    fn classes_are_those_that_occur_in_natural_order() {
        let of = |words: &[&str]| {
            let labels = Labels::of(&[&file(words)], None).unwrap();
            (labels.names, labels.classes[0].clone())
        };
        assert_eq!(of(&["10", "-1", "9", "10"]), (texts(&["-1", "9", "10"]), vec![2, 0, 1, 2]));
        assert_eq!(of(&["3.0", "1", "2e0"]), (texts(&["1", "2", "3"]), vec![2, 0, 1]));
        assert_eq!(of(&["b 10", "b 9", "a"]), (texts(&["a", "b 9", "b 10"]), vec![2, 1, 0]));
        assert_eq!(values_of(texts(&["1", "2.5"])), Err(1));
        assert_eq!(values_of(texts(&["1", "nan"])), Err(1));
        let both = Labels::of(&[&file(&["b", "c"]), &file(&["a", "c"])], None).unwrap();
        assert_eq!(
            (both.names, both.classes),
            (texts(&["a", "b", "c"]), vec![vec![1, 2], vec![0, 2]])
        );
        let mixed = Labels::of(&[&file(&["1"]), &file(&["a"])], None).unwrap_err().to_string();
        assert!(mixed.contains("holds numbers, but l.npy holds names"), "{mixed}");
    }

    #[test]
    fn given_names_are_counted_from_0_or_from_1_or_met() {
        let of = |words: &[&str], names: &[&str]| Labels::of(&[&file(words)], Some(&texts(names)));
        let classes = |words: &[&str], names: &[&str]| of(words, names).unwrap().classes[0].clone();
        assert_eq!(classes(&["ant", "zebra", "ant"], &["zebra", "ant"]), [1, 0, 1]);
        assert_eq!(classes(&["1", "0"], &["zebra", "ant"]), [1, 0]);
        assert_eq!(classes(&["2", "1"], &["zebra", "ant"]), [1, 0]);
        assert!(
            of(&["2", "1"], &["zebra", "ant"]).unwrap().notes[0]
                .starts_with("l.npy: the labels go from 1 to 2")
        );
        assert_eq!(classes(&["2", "1"], &["none", "zebra", "ant"]), [2, 1]);
        assert_eq!(
            of(&["2", "1"], &["none", "zebra", "ant"]).unwrap().without_points().unwrap(),
            "0 (`none`)"
        );
        let refused = |words: &[&str], names: &[&str]| of(words, names).unwrap_err().to_string();
        assert!(
            refused(&["1", "zebra"], &["zebra", "ant"])
                .contains("row 1 is `zebra`, the name of a class, but row 0 is 1")
        );
        assert!(
            refused(&["3", "1", "2"], &["0", "2", "3", "1"])
                .contains("row 0 is 3, the name of one class")
        );
        assert!(refused(&["0", "2"], &["zebra", "ant"]).contains("row 1 is `2`"));
    }
}

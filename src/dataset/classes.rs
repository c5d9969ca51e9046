//! Classes of a data set, from the labels in its files and the names known for them.

use super::{Samples, names, registered};
use crate::error::{Error, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Classes of points, if known.
#[derive(Clone, Copy, Debug)]
pub struct Classes<'a> {
    /// Class of each point, an index into the names.
    pub labels: &'a [u16],
    /// Name of each class.
    pub names: &'a [String],
}

/// Names of classes, and the path of their file or array.
#[derive(Clone, Debug)]
pub(super) enum Named {
    /// Names in order, as in a file with one name a line or in an array.
    InOrder(PathBuf, Vec<String>),
    /// Name of each label.
    Numbered(PathBuf, Vec<(u16, String)>),
}

/// Information about the data when their files are read.
pub(super) struct ClassSources<'a> {
    /// Path of the data.
    pub path: &'a Path,
    /// Path of the file with the labels of the test images.
    pub test_labels: &'a Path,
    pub names: Option<Named>,
    /// `true` if the labels will be grouped, so that names matter less.
    pub grouped: bool,
}

/// Replaces the labels of both parts by indices into the names, and returns these: the known names,
/// or the distinct training labels.
///
/// # Errors
/// [`Error::Input`] if there are too few names, or a test image has a class that is neither named
/// nor among the training images.
pub(super) fn settle(
    known: ClassSources<'_>,
    train: &mut Samples,
    test: &mut Samples,
    warnings: &mut Vec<String>,
) -> Result<Vec<String>> {
    let occurring: Vec<u16> =
        train.labels.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let names = match &known.names {
        None => {
            if let Some(set) = registered::recognise(train, test) {
                return Ok(set.class_names.map(Into::into).into());
            }
            if !known.grouped {
                let path = known.path.display();
                let message = "have no names: they are numbered (`Request::label_groups` or `Request::class_names` names them)";
                warnings.push(format!("the classes of {path} {message}"));
            }
            occurring.iter().map(ToString::to_string).collect()
        }
        Some(Named::Numbered(path, names)) => chosen(path, names, &occurring)?,
        Some(Named::InOrder(path, names)) => {
            let highest = train.labels.iter().chain(&test.labels).copied().max().unwrap_or(0);
            if names.len() > usize::from(highest) {
                let unmet = names::unmet(names, |class| {
                    train.labels.iter().any(|&label| usize::from(label) == class)
                });
                let path = path.display();
                warnings.extend(unmet.map(|unmet| {
                    format!("{path} names classes that no training image has: {unmet}")
                }));
                return Ok(names.clone());
            }
            warnings.push(in_order(known.path, path, names, &occurring, highest)?);
            names.clone()
        }
    };
    let place = |label: &u16| occurring.binary_search(label).ok().map(|place| place as u16);
    if let Some(row) = test.labels.iter().position(|label| place(label).is_none()) {
        let label = test.labels[row];
        let numbers = spelled(&occurring);
        let message = format!(
            "test image {row} has the label {label}, but the training labels are {numbers}"
        );
        return Err(Error::input(known.test_labels, message));
    }
    for part in [train, test] {
        part.labels.iter_mut().for_each(|label| *label = place(label).unwrap_or_default());
    }
    Ok(names)
}

/// Names of the labels that occur.
fn chosen(path: &Path, names: &[(u16, String)], occurring: &[u16]) -> Result<Vec<String>> {
    let name = |label: &u16| {
        let found = names.iter().find(|(number, _)| number == label).map(|(_, name)| name.clone());
        found.ok_or_else(|| {
            Error::input(path, format!("names no class {label}, which the training images have"))
        })
    };
    occurring.iter().map(name).collect()
}

/// Note about names for the labels that occur, which must be as many because they are too few for
/// numbers from 0.
fn in_order(
    data: &Path,
    path: &Path,
    names: &[String],
    occurring: &[u16],
    highest: u16,
) -> Result<String> {
    let n = names.len();
    let numbers = spelled(occurring);
    if n == occurring.len() {
        let (data, path) = (data.display(), path.display());
        return Ok(format!(
            "the labels of {data} are {numbers}: the {n} names of {path} were given to them in \
             this order"
        ));
    }
    let message = format!(
        "names {n} classes, but the labels go to {highest}: expected {} names, from 0 on, or {}, \
         for the labels that occur, {numbers}",
        usize::from(highest) + 1,
        occurring.len()
    );
    Err(Error::input(path, message))
}

/// Ascending numbers in text: `0 to 9`, or `0 to 3, 5, 7 to 9`.
fn spelled(numbers: &[u16]) -> String {
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let run = |&(first, last): &(u16, u16)| {
        if first == last { first.to_string() } else { format!("{first} to {last}") }
    };
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
}

/// Labels to write for the classes if their names are ascending numbers that all occur among the
/// training images: these numbers, from which reading gives the same classes. Other classes are
/// written as indices into their names.
pub(super) fn numbers(class_names: &[String], train: &[u16]) -> Option<Vec<u16>> {
    let number =
        |name: &String| name.parse::<u16>().ok().filter(|number| number.to_string() == *name);
    let numbers = class_names.iter().map(number).collect::<Option<Vec<u16>>>()?;
    let ascend = numbers.windows(2).all(|pair| pair[0] < pair[1]);
    let occur =
        (0..numbers.len()).all(|class| train.iter().any(|&label| usize::from(label) == class));
    (ascend && occur).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spelled_as_runs() {
        assert_eq!(spelled(&[0, 1, 2, 3]), "0 to 3");
        assert_eq!(spelled(&[0, 1, 3, 7, 8, 255]), "0 to 1, 3, 7 to 8, 255");
        assert_eq!(spelled(&[4]), "4");
    }

    #[test]
    fn classes_that_are_numbers_are_written_as_such() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(numbers(&names(&["1", "2", "10"]), &[0, 1, 2, 0]), Some(vec![1, 2, 10]));
        assert_eq!(numbers(&names(&["1", "2", "10"]), &[0, 1]), None);
        for other in
            [&["1", "10", "2"][..], &["01", "2"], &["a", "b"], &["1", "65536"], &["1", "1"]]
        {
            assert_eq!(numbers(&names(other), &[0, 1, 2]), None, "{other:?}");
        }
    }
}

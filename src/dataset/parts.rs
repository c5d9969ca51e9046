//! Parts of a data set: the one to train on, the one to test on, and those that are left out.

use super::request::Request;
use crate::error::{Error, Result};
use crate::format::listed;
use std::path::Path;

/// Names of parts to train on, the likelier first.
const TRAIN: [&str; 2] = ["train", "training"];

/// Names of parts to test on, the likelier first: the labels of a validation part are at hand where
/// a test part is missing or its labels are withheld.
const TEST: [&str; 6] = ["test", "testing", "val", "valid", "validation", "dev"];

/// Names of further parts.
const FURTHER: [&str; 1] = ["extra"];

/// `true` for a usual name of a part, in lower case.
pub(super) fn is_usual(name: &str) -> bool {
    TRAIN.contains(&name) || TEST.contains(&name) || FURTHER.contains(&name)
}

/// `true` for a name of a part, in lower case: a usual one, or one of those that are requested.
pub(super) fn is_part(name: &str, request: &Request) -> bool {
    let mut asked = [&request.train_part, &request.test_part].into_iter().flatten();
    is_usual(name) || asked.any(|asked| asked.to_lowercase() == name)
}

/// The part of a file with this name, in lower case and without its extension: the first of its
/// words that is a name of a part.
pub(super) fn of_name(name: &str, request: &Request) -> Option<String> {
    words(name).find(|word| is_part(word, request)).map(str::to_owned)
}

/// The words of a name.
pub(super) fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|letter: char| !letter.is_alphanumeric())
}

/// The parts that are read, by their names in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// Part to train on; `None` if there is none with a usual name.
    pub train: Option<String>,
    /// Part to test on; `None` if there is none with a usual name.
    pub test: Option<String>,
    /// Notes about a part that replaces another, and about those that are left out.
    pub notes: Vec<String>,
}

impl Parts {
    /// Both parts, where there are both.
    pub fn both(&self) -> Option<[&str; 2]> {
        Some([self.train.as_deref()?, self.test.as_deref()?])
    }

    /// Notes about the parts of `path` that are `present`; none where there is nothing to train on.
    fn notes(&self, path: &Path, present: &[String], request: &Request) -> Vec<String> {
        let Some(train) = &self.train else { return Vec::new() };
        let path = path.display();
        let mut notes = Vec::new();
        let replacing = self.test.as_ref().filter(|test| !TEST[..2].contains(&test.as_str()));
        if let Some(test) = replacing.filter(|_| request.test_part.is_none()) {
            notes.push(format!("{path} has no part `test`: its part `{test}` is the test part"));
        }
        let is_read = |part: &String| part == train || self.test.as_ref() == Some(part);
        notes.extend(present.iter().filter(|part| !is_read(part)).map(|part| {
            format!(
                "the part `{part}` of {path} is left out (`Request::train_part` or \
                 `Request::test_part` chooses it)"
            )
        }));
        notes
    }

    /// Both parts, by their usual names where they are missing.
    pub fn or_usual(&self) -> [&str; 2] {
        [self.train.as_deref().unwrap_or(TRAIN[0]), self.test.as_deref().unwrap_or(TEST[0])]
    }
}

/// Chooses among the parts of `path`, given by their names in lower case, once or more often: the
/// requested ones, otherwise by their usual names. A validation part is tested on if there is no
/// test part.
///
/// # Errors
/// [`Error::Parameter`] if a requested part is not there, or is requested for both.
pub(super) fn choose(
    path: &Path,
    found: impl IntoIterator<Item = String>,
    request: &Request,
) -> Result<Parts> {
    let mut present: Vec<String> = Vec::new();
    for part in found {
        if !present.contains(&part) {
            present.push(part);
        }
    }
    let requested = |field: &str, asked: &Option<String>| -> Result<Option<String>> {
        let Some(asked) = asked else { return Ok(None) };
        let name = asked.to_lowercase();
        if present.contains(&name) {
            return Ok(Some(name));
        }
        let path = path.display();
        let expected = match &present[..] {
            [] => format!("no part, as {path} has none with names"),
            parts => format!("a part of {path}, which are {}", listed(parts)),
        };
        Err(Error::parameter(field, asked, expected))
    };
    let train = requested("train_part", &request.train_part)?;
    let test = requested("test_part", &request.test_part)?;
    if let Some(test) = test.as_ref().filter(|test| train.as_ref() == Some(test)) {
        let expected = "another part than the one to train on, `Request::train_part`";
        return Err(Error::parameter("test_part", test, expected));
    }
    let first = |usual: &[&str], taken: &Option<String>| {
        let free = |name: &&&str| taken.as_deref() != Some(**name);
        let there = |name: &&&str| present.iter().any(|part| part == **name);
        usual.iter().filter(free).find(there).map(|&name| name.to_owned())
    };
    let train = train.or_else(|| first(&TRAIN, &test));
    let test = test.or_else(|| first(&TEST, &train));
    let mut parts = Parts { train, test, notes: Vec::new() };
    parts.notes = parts.notes(path, &present, request);
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(present: &[&str], train: Option<&str>, test: Option<&str>) -> Result<Parts> {
        let present = present.iter().map(|&part| part.to_owned());
        let mut request = Request::new("data");
        request.train_part = train.map(str::to_owned);
        request.test_part = test.map(str::to_owned);
        choose(Path::new("data"), present, &request)
    }

    #[test]
    fn parts_are_chosen_by_request_or_by_their_usual_names() {
        for (present, train, test, expected, notes) in [
            (&["test", "train"][..], None, None, ["train", "test"], 0),
            (&["train", "val"], None, None, ["train", "val"], 1),
            (&["train", "test", "val"], None, None, ["train", "test"], 1),
            (&["train", "test", "val"], None, Some("Val"), ["train", "val"], 1),
            (&["train", "test", "val"], Some("val"), None, ["val", "test"], 1),
            (&["train", "test", "extra"], Some("extra"), None, ["extra", "test"], 1),
            (&["train", "test", "val"], Some("test"), None, ["test", "val"], 2),
            (&["training", "valid"], None, None, ["training", "valid"], 1),
            (&["one", "two", "train"], Some("one"), Some("two"), ["one", "two"], 1),
        ] {
            let parts = chosen(present, train, test).unwrap();
            assert_eq!(parts.both(), Some(expected), "{present:?}");
            assert_eq!(parts.notes.len(), notes, "{:?}", parts.notes);
        }
        // Without a test part the others are named all the same.
        let alone = chosen(&["train", "extra", "train"], None, None).unwrap();
        assert_eq!((alone.both(), alone.notes.len()), (None, 1));
        assert_eq!(alone.or_usual(), ["train", "test"]);
        assert_eq!(chosen(&["val"], None, None).unwrap().or_usual(), ["train", "val"]);
    }

    #[test]
    fn parts_that_are_not_there_are_refused() {
        let said =
            |present: &[&str], train, test| chosen(present, train, test).unwrap_err().to_string();
        let missing = said(&["train", "test"], None, Some("val"));
        assert!(missing.contains("a part of data, which are train, test"), "{missing}");
        assert!(said(&[], Some("train"), None).contains("has none with names"));
        assert!(said(&["train"], Some("train"), Some("train")).contains("another part"));
    }
}

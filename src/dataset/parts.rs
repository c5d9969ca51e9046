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

    /// Both parts, by their usual names where they are missing.
    pub fn or_usual(&self) -> [&str; 2] {
        [self.train.as_deref().unwrap_or(TRAIN[0]), self.test.as_deref().unwrap_or(TEST[0])]
    }
}

/// Chooses among the parts of `path`, given by their names in lower case: the requested ones,
/// otherwise by their usual names. A validation part is tested on if there is no test part.
///
/// # Errors
/// [`Error::Parameter`] if a requested part is not there, or is requested for both.
pub(super) fn choose(path: &Path, present: &[String], request: &Request) -> Result<Parts> {
    let requested = |field: &str, asked: &Option<String>| -> Result<Option<String>> {
        let Some(asked) = asked else { return Ok(None) };
        let name = asked.to_lowercase();
        if present.contains(&name) {
            return Ok(Some(name));
        }
        let path = path.display();
        let expected = match present {
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
    let notes = match (&train, &test) {
        (Some(train), Some(test)) => notes(path, present, request, [train, test]),
        _ => Vec::new(),
    };
    Ok(Parts { train, test, notes })
}

fn notes(path: &Path, present: &[String], request: &Request, read: [&str; 2]) -> Vec<String> {
    let mut notes = Vec::new();
    let path = path.display();
    let test = read[1];
    if request.test_part.is_none() && !TEST[..2].contains(&test) {
        notes.push(format!("{path} has no part `test`: its part `{test}` is the test part"));
    }
    for part in present.iter().filter(|part| !read.contains(&part.as_str())) {
        notes.push(format!(
            "the part `{part}` of {path} is left out (`Request::train_part` or \
             `Request::test_part` chooses it)"
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(present: &[&str], train: Option<&str>, test: Option<&str>) -> Result<Parts> {
        let present: Vec<String> = present.iter().map(|&part| part.to_owned()).collect();
        let mut request = Request::new("data");
        request.train_part = train.map(str::to_owned);
        request.test_part = test.map(str::to_owned);
        choose(Path::new("data"), &present, &request)
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
        assert_eq!(chosen(&["train"], None, None).unwrap().both(), None);
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

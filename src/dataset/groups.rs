//! Groups of classes that replace the labels.
//!
//! A group file is TOML, `[[group]]` with a `name` and its `classes`, each a class name or a
//! number; or CSV, named `*.csv`, with the header `class,group` and one class a line. A number is
//! the class with that name or, if there is none, the class at that index, from 0. Labels are
//! numbered in the order in which the groups appear.

use super::labels::{MAX_CLASSES, control_character};
use super::{Dataset, Original, Source};
use crate::error::{Error, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};

macro_rules! built_in {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/assets/label-groups/",
                $name,
                ".toml"
            )),
        )
    };
}

/// Built-in groups, by name.
static BUILT_IN: [(&str, &str); 2] = [built_in!("fashion-5"), built_in!("fashion-5-names")];

/// A class as given in a group file.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
enum Class {
    Number(i64),
    Name(String),
}

/// Classes that become one label.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    classes: Vec<Class>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    group: Vec<Group>,
}

/// Groups of classes, not yet checked against any data.
#[derive(Clone, Debug)]
pub struct LabelGroups {
    path: PathBuf,
    groups: Vec<Group>,
    source: Source,
}

/// Names of the built-in groups.
pub fn label_group_names() -> Vec<&'static str> {
    BUILT_IN.iter().map(|(name, _)| *name).collect()
}

impl LabelGroups {
    /// Reads the built-in groups with that name, or a file.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file, and the line where that is known, if it cannot be read, is
    /// malformed, has no groups, a group without a name or without classes, or two of one name.
    pub fn open(name_or_path: &str) -> Result<Self> {
        let path = Path::new(name_or_path);
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            let path = PathBuf::from(format!("embedded:label-groups/{name}.toml"));
            return Self::parse(&path, text);
        }
        let text = std::fs::read_to_string(path).map_err(|error| {
            let known = label_group_names().join(", ");
            Error::input(
                path,
                format!(
                    "cannot be read: {error}; expected a .toml or .csv file of label groups, \
                    or one of {known}"
                ),
            )
        })?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self> {
        let refuse = |message: String| Error::input(path, message);
        let content = text.trim_start_matches('\u{feff}');
        let is_csv =
            path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        let groups =
            if is_csv { parse_csv(content) } else { parse_toml(content) }.map_err(refuse)?;
        if groups.is_empty() {
            return Err(refuse("has no groups, expected at least one".into()));
        }
        if groups.len() > MAX_CLASSES {
            let n = groups.len();
            return Err(refuse(format!("has {n} groups, expected at most {MAX_CLASSES}")));
        }
        for (at, group) in groups.iter().enumerate() {
            if group.name.trim().is_empty() {
                return Err(refuse(format!("group {at} has an empty name")));
            }
            // As several programs write a missing value.
            if ["nan", "na", "n/a", "null", "none"]
                .iter()
                .any(|missing| group.name.trim().eq_ignore_ascii_case(missing))
            {
                let name = &group.name;
                return Err(refuse(format!(
                    "group {at} is called `{name}`, as a missing value is written: give it a name"
                )));
            }
            if group.classes.is_empty() {
                return Err(refuse(format!("group {at}, `{}`, has no classes", group.name)));
            }
            if let Some(first) = groups[..at].iter().position(|other| other.name == group.name) {
                return Err(refuse(format!(
                    "groups {first} and {at} are both called `{}`",
                    group.name
                )));
            }
        }
        Ok(Self {
            path: path.into(),
            groups,
            source: Source::new(path.display(), text.as_bytes(), &[]),
        })
    }

    /// Makes the groups the labels of `data`; the classes are kept as [`Dataset::original`].
    ///
    /// # Errors
    /// [`Error::Input`] naming the file of the groups if a class of the data is in no group or in
    /// two, or a group has a class that the data do not have.
    pub fn apply(&self, data: &mut Dataset) -> Result<()> {
        let refuse = |message: String| Error::input(&self.path, message);
        let names = &data.class_names;
        let described = |class: usize| match names[class].as_str() {
            name if name == class.to_string() => format!("class {class}"),
            name => format!("class {class} ({name})"),
        };
        let mut labels: Vec<Option<usize>> = vec![None; names.len()];
        for (label, group) in self.groups.iter().enumerate() {
            for class in &group.classes {
                let class = resolve(class, names).map_err(|found| {
                    let known = names.join(", ");
                    refuse(format!(
                        "group {label}, `{}`: {found} is no class of {}, whose classes are {known}",
                        group.name, data.name
                    ))
                })?;
                if let Some(before) = labels[class].replace(label) {
                    let message = match before == label {
                        true => format!("{} is twice in `{}`", described(class), group.name),
                        false => {
                            format!(
                                "{} is in two groups: `{}` and `{}`",
                                described(class),
                                self.groups[before].name,
                                group.name
                            )
                        }
                    };
                    return Err(refuse(message));
                }
            }
        }
        let groups: Vec<u16> = labels
            .iter()
            .enumerate()
            .map(|(class, label)| {
                label
                    .map(|label| label as u16)
                    .ok_or_else(|| refuse(format!("{} is in no group", described(class))))
            })
            .collect::<Result<_>>()?;
        let regroup =
            |labels: &[u16]| labels.iter().map(|&class| groups[usize::from(class)]).collect();
        let (train, test) = (regroup(&data.train.labels), regroup(&data.test.labels));
        let class_names = self.groups.iter().map(|group| group.name.clone()).collect();
        data.original = Some(Original {
            class_names: std::mem::replace(&mut data.class_names, class_names),
            train: std::mem::replace(&mut data.train.labels, train),
            test: std::mem::replace(&mut data.test.labels, test),
            groups,
        });
        data.sources.push(self.source.clone());
        Ok(())
    }
}

/// Index of a class, or its text if there is none.
fn resolve(class: &Class, names: &[String]) -> Result<usize, String> {
    let called = |name: &str| names.iter().position(|known| known == name);
    match class {
        Class::Number(number) => {
            let place = || usize::try_from(*number).ok().filter(|&class| class < names.len());
            called(&number.to_string()).or_else(place).ok_or_else(|| number.to_string())
        }
        Class::Name(name) => called(name).ok_or_else(|| format!("`{name}`")),
    }
}

fn parse_toml(text: &str) -> Result<Vec<Group>, String> {
    toml::from_str::<File>(text).map(|file| file.group).map_err(|error| {
        let newlines = |end: usize| text.bytes().take(end).filter(|&byte| byte == b'\n').count();
        let line = error.span().map_or(1, |span| newlines(span.start) + 1);
        format!(
            "line {line}: {}; expected [[group]] with name = \"...\" and classes = [...]",
            error.message().replace('\n', " ")
        )
    })
}

fn parse_csv(text: &str) -> Result<Vec<Group>, String> {
    let mut lines = text.split('\n').enumerate();
    if let Some((at, letter)) =
        lines.find_map(|(at, line)| control_character(line).map(|letter| (at, letter)))
    {
        return Err(format!(
            "line {} holds the control character U+{:04X}",
            at + 1,
            u32::from(letter)
        ));
    }
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let expected =
        "expected the header `class,group` and then a class and the name of its group a line";
    let header = reader.headers().map_err(|error| error.to_string())?;
    if header != vec!["class", "group"] {
        return Err(format!(
            "line 1 is `{}`: {expected}",
            header.iter().collect::<Vec<_>>().join(",")
        ));
    }
    let mut groups: Vec<Group> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            format!("line {}: {error}", error.position().map_or(0, csv::Position::line))
        })?;
        let class = record[0].to_owned();
        let name = &record[1];
        // `01` is a name and not the number 1.
        let number = class.parse().ok().filter(|number: &i64| number.to_string() == class);
        let class = number.map_or(Class::Name(class), Class::Number);
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.classes.push(class),
            None => groups.push(Group { name: name.into(), classes: vec![class] }),
        }
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_groups_are_well_formed() {
        for (name, _) in BUILT_IN {
            assert_eq!(LabelGroups::open(name).unwrap().groups.len(), 5, "{name}");
        }
    }
}

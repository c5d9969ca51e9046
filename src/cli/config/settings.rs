//! The settings that a file gives: flags by their names, and the tables of the config.toml of a run.

use clap::{Arg, Command};
use layerlens::Error;
use layerlens::evaluation::N_NEIGHBORS;
use layerlens::neighbors::Search;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Keys of a run's config.toml whose flag is called otherwise.
const OTHERWISE: [(&str, &str); 8] = [
    ("bootstrap.n_replicates", "replicates"),
    ("encoded", "encode"),
    ("neighbors.method", "neighbors_search"),
    ("network.file", "model"),
    ("network.preprocessing.preset", "preprocess"),
    ("profile_of", "activations"),
    ("random_state", "seed"),
    ("runs", "a"),
];

/// Flags that say where settings come from, or ask for something else.
const NOT_OF_FILES: [&str; 3] = ["config", "help", "version"];

/// Words of this similarity and above are suggested.
const SIMILAR: f64 = 0.7;

/// One setting of a file.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its place in the file, such as `training.epochs`.
    pub key: String,
    /// The line.
    pub line: usize,
    /// Name of its flag or argument, with underscores.
    pub flag: String,
    /// The value as it would be typed, a word for each of several.
    pub words: Vec<String>,
    /// The method whose parameter it is, if the file says so.
    pub method: Option<String>,
}

/// The settings of a file for a command.
///
/// # Errors
/// [`Error::Input`] with the line: the file is not TOML, a key is none of the command's flags, or a
/// value is of no form that a flag could have.
pub fn read(path: &Path, text: &str, command: &Command) -> Result<Vec<Setting>, Error> {
    let mut reader = Reader { path, text, command, settings: Vec::new() };
    let root = DeTable::parse(text).map_err(|error| {
        let line = reader.line(error.span().unwrap_or_default().start);
        reader.fault(line, &format!("not TOML: {}", error.message()))
    })?;
    reader.root(root.get_ref())?;
    reader.settings.sort_by_key(|setting| setting.line);
    reader.agree()?;
    Ok(reader.settings)
}

/// The flag or argument of a command that a name means.
pub fn find<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    let long = name.replace('_', "-");
    command.get_arguments().filter(|arg| !NOT_OF_FILES.contains(&arg.get_id().as_str())).find(
        |arg| {
            arg.get_id() == name
                || arg.get_long() == Some(&long)
                || arg.get_all_aliases().is_some_and(|names| names.contains(&long.as_str()))
        },
    )
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    command: &'a Command,
    settings: Vec<Setting>,
}

/// A key with what stands there.
struct Entry<'a> {
    key: String,
    line: usize,
    value: &'a DeValue<'a>,
}

impl<'a> Reader<'a> {
    fn line(&self, at: usize) -> usize {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn fault(&self, line: usize, message: &str) -> Error {
        Error::input(self.path, format!("line {line}: {message}"))
    }

    /// The entries of a table in the order of the file.
    fn entries(&self, within: &str, table: &'a DeTable<'a>) -> Vec<Entry<'a>> {
        let mut all: Vec<_> = table.iter().collect();
        all.sort_by_key(|(key, _)| key.span().start);
        let entry = |(key, value): (&'a Spanned<_>, &'a Spanned<DeValue<'a>>)| Entry {
            key: format!("{within}{}", key.get_ref()),
            line: self.line(key.span().start),
            value: value.get_ref(),
        };
        all.into_iter().map(entry).collect()
    }

    fn root(&mut self, table: &'a DeTable<'a>) -> Result<(), Error> {
        let of_layers =
            ["from_activations", "profile_of"].iter().any(|key| table.contains_key(*key));
        for entry in self.entries("", table) {
            match (entry.key.as_str(), entry.value) {
                // What a run found in its data, not what it was asked for.
                ("split", DeValue::Table(_)) | ("looked_into", DeValue::Array(_)) => (),
                ("layers", DeValue::Array(_)) if of_layers => (),
                ("n_neighbors", DeValue::Array(_)) if !self.is_list("n_neighbors") => {
                    let same = N_NEIGHBORS.map(|k| k.to_string());
                    self.fixed(&entry, &same)?;
                }
                ("model", DeValue::Table(_)) => self.whole_file(&entry, "architecture"),
                ("models", DeValue::Array(_)) if is_of_tables(entry.value) => {
                    self.whole_file(&entry, "models");
                }
                ("methods", DeValue::Table(methods)) => {
                    for method in self.entries("methods.", methods) {
                        let name = method.key["methods.".len()..].to_owned();
                        self.method(&method, "methods", &name)?;
                    }
                }
                ("clusters", DeValue::Array(list)) if list.is_empty() => {
                    self.add(&entry, "clusters", vec!["none".into()], None)?;
                }
                ("methods" | "clusters", DeValue::Array(list)) if is_of_tables(entry.value) => {
                    let flag = if entry.key == "methods" { "method" } else { "clusters" };
                    for item in list {
                        let value = item.get_ref();
                        let name = value.get("method").and_then(|name| name.get_ref().as_str());
                        let line = self.line(item.span().start);
                        let name = name.map(str::to_owned).ok_or_else(|| {
                            self.fault(line, &format!("{}: a method is missing", entry.key))
                        })?;
                        let item = Entry { key: entry.key.clone(), line, value };
                        self.method(&item, flag, &name)?;
                    }
                }
                (
                    "data" | "training" | "parameters" | "neighbors" | "network" | "bootstrap",
                    DeValue::Table(table),
                ) => self.group(&format!("{}.", entry.key), table)?,
                _ => self.plain(&entry, &entry.key)?,
            }
        }
        Ok(())
    }

    /// `true` if the command takes several values by a flag of that name.
    fn is_list(&self, name: &str) -> bool {
        find(self.command, name).is_some_and(|arg| arg.get_value_delimiter().is_some())
    }

    /// A table whose keys are flags.
    fn group(&mut self, within: &str, table: &'a DeTable<'a>) -> Result<(), Error> {
        for entry in self.entries(within, table) {
            let name = entry.key[within.len()..].to_owned();
            match (entry.key.as_str(), entry.value) {
                ("data.header", DeValue::String(word)) if word == "auto" => (),
                ("data.header", DeValue::String(word)) if word == "none" => {
                    let no_header = Entry { value: &DeValue::Boolean(true), ..entry };
                    self.plain(&no_header, "no_header")?;
                }
                ("network.layers", DeValue::String(word)) if word == "spread" => (),
                ("network.layers" | "network.preprocessing", DeValue::Table(inner)) => {
                    self.group(&format!("{}.", entry.key), inner)?;
                }
                ("network.layers.named", _) => self.plain(&entry, "layers")?,
                ("neighbors.resident_bytes", _) => {
                    self.fixed(&entry, &[Search::default().resident_bytes.to_string()])?;
                }
                ("bootstrap.confidence", _) => self.fixed(&entry, &["0.95".to_owned()])?,
                _ => self.plain(&entry, &name)?,
            }
        }
        Ok(())
    }

    /// A method that is chosen, and its parameters.
    fn method(&mut self, entry: &Entry<'a>, flag: &str, name: &str) -> Result<(), Error> {
        let DeValue::Table(parameters) = entry.value else {
            return Err(self.fault(entry.line, &format!("{} is no table of parameters", entry.key)));
        };
        match self.settings.iter_mut().find(|setting| setting.flag == flag) {
            Some(chosen) => chosen.words.push(name.to_owned()),
            None => {
                let chosen = Entry { key: entry.key.clone(), line: entry.line, value: entry.value };
                self.add(&chosen, flag, vec![name.to_owned()], None)?;
            }
        }
        for parameter in self.entries(&format!("{}.", entry.key), parameters) {
            let own = parameter.key.rsplit('.').next().unwrap_or_default();
            match own {
                "method" => (),
                "random_state" => self.plain(&parameter, "random_state")?,
                own => {
                    let flag = format!("{}_{own}", name.replace('-', "_"));
                    let words = self.words(&parameter)?;
                    self.add(&parameter, &flag, words, Some(name.to_owned()))?;
                }
            }
        }
        Ok(())
    }

    /// A model or models that the file itself describes.
    fn whole_file(&mut self, entry: &Entry<'a>, flag: &str) {
        let words = vec![self.path.display().to_string()];
        let (key, line) = (entry.key.clone(), entry.line);
        self.settings.push(Setting { key, line, flag: flag.to_owned(), words, method: None });
    }

    /// What every run does alike, and no flag changes.
    fn fixed(&self, entry: &Entry<'a>, same: &[String]) -> Result<(), Error> {
        if self.words(entry)? == same {
            return Ok(());
        }
        let message = format!("{} is always {}; no flag changes it", entry.key, same.join(", "));
        Err(self.fault(entry.line, &message))
    }

    fn plain(&mut self, entry: &Entry<'a>, name: &str) -> Result<(), Error> {
        let words = self.words(entry)?;
        let otherwise = |key: &str| OTHERWISE.iter().find(|(other, _)| *other == key);
        let flag = otherwise(&entry.key).or_else(|| otherwise(name)).map_or(name, |(_, flag)| flag);
        match (flag, &words[..]) {
            ("a", [a, b]) => {
                self.add(entry, "a", vec![a.clone()], None)?;
                self.add(entry, "b", vec![b.clone()], None)
            }
            _ => self.add(entry, flag, words, None),
        }
    }

    fn add(
        &mut self,
        entry: &Entry<'a>,
        flag: &str,
        words: Vec<String>,
        method: Option<String>,
    ) -> Result<(), Error> {
        let (key, line) = (entry.key.clone(), entry.line);
        let Some(arg) = find(self.command, flag) else {
            return Err(self.fault(line, &self.unknown(&key)));
        };
        let is_switch = !arg.get_action().takes_values();
        if is_switch && !matches!(entry.value, DeValue::Boolean(_)) {
            return Err(self.fault(line, &format!("{key} must be true or false")));
        }
        let flag = arg.get_id().to_string();
        self.settings.push(Setting { key, line, flag, words, method });
        Ok(())
    }

    fn unknown(&self, key: &str) -> String {
        let last = key.rsplit('.').next().unwrap_or_default().replace('-', "_");
        let shown = self.command.get_arguments().filter(|arg| !arg.is_hide_set());
        let names = shown.map(|arg| arg.get_id().as_str());
        let nearest = names
            .filter(|name| !NOT_OF_FILES.contains(name))
            .map(|name| (strsim::jaro_winkler(&last, name), name))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let nearest = match nearest {
            Some((similarity, name)) if similarity > SIMILAR => format!("; did you mean {name}?"),
            _ => String::new(),
        };
        format!("{key} is no flag of {}{nearest}", self.command.get_name())
    }

    /// The words of a value.
    fn words(&self, entry: &Entry<'a>) -> Result<Vec<String>, Error> {
        let word = |value: &DeValue| match value {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(number) => Some(number.to_string()),
            DeValue::Float(number) => Some(number.to_string()),
            DeValue::Boolean(flag) => Some(flag.to_string()),
            _ => None,
        };
        let words = match entry.value {
            DeValue::Array(values) => values.iter().map(|value| word(value.get_ref())).collect(),
            DeValue::Table(_) => None,
            value => word(value).map(|word| vec![word]),
        };
        words.ok_or_else(|| match find(self.command, &entry.key) {
            Some(_) => {
                let message = format!("{} must be a text, a number or a list of them", entry.key);
                self.fault(entry.line, &message)
            }
            None => self.fault(entry.line, &self.unknown(&entry.key)),
        })
    }

    /// What stands in several places, as the data set and the seed do in the config.toml of a run,
    /// must be the same everywhere.
    fn agree(&mut self) -> Result<(), Error> {
        let mut kept: Vec<Setting> = Vec::new();
        for setting in std::mem::take(&mut self.settings) {
            match kept.iter().find(|other| other.flag == setting.flag) {
                None => kept.push(setting),
                Some(other) if other.words == setting.words => (),
                Some(other) => {
                    let message = format!(
                        "{} = {}, but line {}: {} = {}",
                        setting.key,
                        setting.words.join(","),
                        other.line,
                        other.key,
                        other.words.join(",")
                    );
                    return Err(self.fault(setting.line, &message));
                }
            }
        }
        self.settings = kept;
        Ok(())
    }
}

fn is_of_tables(value: &DeValue) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(|item| item.get_ref().is_table()))
}

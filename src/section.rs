//! Tables of a TOML file, whose errors carry line numbers.

use crate::error::{Error, Result};
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A file and its text.
#[derive(Clone, Copy)]
pub(crate) struct TomlFile<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

/// A table of a file.
pub(crate) struct Section<'a> {
    file: TomlFile<'a>,
    span: Range<usize>,
    table: &'a DeTable<'a>,
}

impl TomlFile<'_> {
    /// Parses the file and applies `reader` to its root table.
    pub(crate) fn read<R>(&self, reader: impl FnOnce(&Section) -> Result<R>) -> Result<R> {
        let root = DeTable::parse(self.text).map_err(|error| {
            self.fault(error.span().unwrap_or_default(), format!("not TOML: {}", error.message()))
        })?;
        reader(&Section { file: *self, span: root.span(), table: root.get_ref() })
    }

    fn line(&self, span: &Range<usize>) -> usize {
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn fault(&self, span: Range<usize>, message: String) -> Error {
        Error::input(self.path, format!("line {}: {message}", self.line(&span)))
    }
}

impl<'a> Section<'a> {
    /// Line number of its beginning.
    pub(crate) fn line(&self) -> usize {
        self.file.line(&self.span)
    }

    /// An error on its first line.
    pub(crate) fn fault(&self, message: String) -> Error {
        self.file.fault(self.span.clone(), message)
    }

    /// An error on the line of a key, or on the first if the key is not there.
    pub(crate) fn fault_at(&self, key: &str, message: String) -> Error {
        let span = self.get(key).map_or(self.span.clone(), Spanned::span);
        self.file.fault(span, message)
    }

    /// An error about the value of a key, which should have been as `wanted` says.
    pub(crate) fn unexpected(&self, key: &str, wanted: &str) -> Error {
        let found = self.get(key).map_or("", |value| &self.file.text[value.span()]);
        self.fault_at(key, format!("{key} = {found}: expected {wanted}"))
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.iter().find(|(name, _)| name.get_ref().as_ref() == key).map(|(_, value)| value)
    }

    /// Refuses keys that are not among `known`.
    pub(crate) fn only(&self, known: &[&str]) -> Result<()> {
        match self.table.keys().find(|key| !known.contains(&key.get_ref().as_ref())) {
            None => Ok(()),
            Some(key) => {
                let message =
                    format!("unknown key `{}`; known are {}", key.get_ref(), known.join(", "));
                Err(self.file.fault(key.span(), message))
            }
        }
    }

    /// Refuses that a key is missing.
    pub(crate) fn required<T>(&self, key: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| self.fault(format!("`{key}` is missing")))
    }

    /// The value of a key as `take` understands it; `wanted` says what that is.
    fn typed<T>(
        &self,
        key: &str,
        wanted: &str,
        take: impl FnOnce(&'a DeValue<'a>) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let taken = take(value.get_ref()).ok_or_else(|| self.unexpected(key, wanted))?;
        Ok(Some(taken))
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>> {
        self.typed(key, "a text in quotes", DeValue::as_str)
    }

    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>> {
        self.typed(key, "true or false", DeValue::as_bool)
    }

    pub(crate) fn whole(&self, key: &str) -> Result<Option<usize>> {
        self.typed(key, "a whole number", whole)
    }

    /// A finite number, whole or not.
    pub(crate) fn number(&self, key: &str) -> Result<Option<f64>> {
        self.typed(key, "a number", number)
    }

    /// `N` whole numbers in brackets.
    pub(crate) fn wholes<const N: usize>(&self, key: &str) -> Result<Option<[usize; N]>> {
        self.typed(key, &format!("{N} whole numbers in brackets"), wholes)
    }

    /// Two whole numbers in brackets, or one that stands for both.
    pub(crate) fn pair(&self, key: &str) -> Result<Option<[usize; 2]>> {
        let take = |value| wholes(value).or_else(|| whole(value).map(|side| [side; 2]));
        self.typed(key, "a whole number, or two in brackets", take)
    }

    /// One text or several in brackets.
    pub(crate) fn texts(&self, key: &str) -> Result<Option<Vec<&'a str>>> {
        self.typed(key, "a text in quotes, or several in brackets", |value| {
            one_or_more(value, DeValue::as_str)
        })
    }

    /// One whole number or several in brackets.
    pub(crate) fn each_whole(&self, key: &str) -> Result<Option<Vec<usize>>> {
        self.typed(key, "a whole number, or several in brackets", |value| one_or_more(value, whole))
    }

    /// One finite number or several in brackets.
    pub(crate) fn each_number(&self, key: &str) -> Result<Option<Vec<f64>>> {
        self.typed(key, "a number, or several in brackets", |value| one_or_more(value, number))
    }

    /// One of the texts, as what it stands for.
    pub(crate) fn choice<T: Copy>(&self, key: &str, texts: &[(&str, T)]) -> Result<Option<T>> {
        let known: Vec<String> = texts.iter().map(|(text, _)| format!("\"{text}\"")).collect();
        let meant = |value: &DeValue| {
            texts.iter().find(|(text, _)| Some(*text) == value.as_str()).map(|(_, meant)| *meant)
        };
        self.typed(key, &format!("one of {}", known.join(", ")), meant)
    }

    /// A table below a key.
    pub(crate) fn section(&self, key: &str) -> Result<Option<Section<'a>>> {
        let table = self.typed(key, "a table", DeValue::as_table)?;
        let span = self.get(key).map(Spanned::span).unwrap_or_default();
        Ok(table.map(|table| Section { file: self.file, span, table }))
    }

    /// The tables of an array of tables.
    pub(crate) fn sections(&self, key: &str) -> Result<Vec<Section<'a>>> {
        let tables = |value: &'a DeValue<'a>| {
            let entry =
                |entry: &'a Spanned<DeValue<'a>>| Some((entry.span(), entry.get_ref().as_table()?));
            value.as_array()?.iter().map(entry).collect::<Option<Vec<_>>>()
        };
        let found =
            self.typed(key, &format!("tables, each under [[{key}]]"), tables)?.unwrap_or_default();
        Ok(found
            .into_iter()
            .map(|(span, table)| Section { file: self.file, span, table })
            .collect())
    }
}

fn whole(value: &DeValue) -> Option<usize> {
    let integer = value.as_integer()?;
    usize::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn number(value: &DeValue) -> Option<f64> {
    let number: Option<f64> = match value {
        DeValue::Float(float) => float.as_str().parse().ok(),
        DeValue::Integer(integer) => integer.as_str().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// A value as `take` understands it, or a list of such, which must not be empty.
fn one_or_more<'a, T>(
    value: &'a DeValue<'a>,
    take: impl Fn(&'a DeValue<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    match value.as_array() {
        Some(values) if values.is_empty() => None,
        Some(values) => values.iter().map(|value| take(value.get_ref())).collect(),
        None => take(value).map(|value| vec![value]),
    }
}

fn wholes<const N: usize>(value: &DeValue) -> Option<[usize; N]> {
    let values: Option<Vec<usize>> =
        value.as_array()?.iter().map(|value| whole(value.get_ref())).collect();
    values?.try_into().ok()
}

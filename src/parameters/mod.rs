//! Parameters of methods, each declared once: its field, its help and its range. The check of a
//! value, its error message and the help of the command line are derived from the declaration.

mod auto;
mod range;

pub use auto::Auto;
pub use range::Range;

use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use std::any::Any;

/// One parameter of a method.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Name of the struct with the field, for example `Tsne`.
    pub owner: &'static str,
    /// Name of the field.
    pub name: &'static str,
    /// Description for the help; range and default are added.
    pub help: &'static str,
    /// Further note for the help, if any.
    pub note: Option<&'static str>,
    /// Allowed values, whatever the data.
    pub range: Range,
    /// Meaning of `auto`, if the method can choose a value itself.
    pub auto: Option<&'static str>,
    values: fn(&dyn Any) -> Option<Vec<Value>>,
}

/// A value that can be checked against a range.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number, and its text: 0.8 and not 0.800000011920929.
    Number(f64, String),
    /// The name of a choice.
    Text(String),
}

/// A field that can be checked against a range.
pub trait Field {
    /// Values of the field: one or several; empty if any value of its type is allowed.
    fn values(&self) -> Vec<Value> {
        Vec::new()
    }
}

macro_rules! number_fields {
    ($($number:ty),*) => {
        $(impl Field for $number {
            fn values(&self) -> Vec<Value> {
                vec![Value::Number(*self as f64, self.to_string())]
            }
        })*
    };
}
number_fields!(f32, f64, usize, u64);

impl Field for bool {}

impl<T: Field> Field for Auto<T> {
    fn values(&self) -> Vec<Value> {
        match self {
            Self::Auto => Vec::new(),
            Self::Value(value) => value.values(),
        }
    }
}

/// Declares the parameter that is a field of a struct, `parameter!(Tsne.perplexity, "help")`, with
/// any value until a range is added.
macro_rules! parameter {
    ($owner:ident.$field:ident, $help:expr) => {
        $crate::parameters::Parameter::new(
            stringify!($owner),
            stringify!($field),
            $help,
            |method| {
                let method = method.downcast_ref::<$owner>()?;
                Some($crate::parameters::Field::values(&method.$field))
            },
        )
    };
}
pub(crate) use parameter;

impl Parameter {
    /// Declaration by [`parameter!`].
    pub(crate) const fn new(
        owner: &'static str,
        name: &'static str,
        help: &'static str,
        values: fn(&dyn Any) -> Option<Vec<Value>>,
    ) -> Self {
        Self { owner, name, help, note: None, range: Range::Any, auto: None, values }
    }

    /// Range: numbers from `least` to `most`.
    pub(crate) const fn between(self, least: f64, most: f64) -> Self {
        Self { range: Range::Between(least, most), ..self }
    }

    /// Range: numbers from `least` on and below `limit`.
    pub(crate) const fn half_open(self, least: f64, limit: f64) -> Self {
        Self { range: Range::HalfOpen(least, limit), ..self }
    }

    /// Range: numbers from `least` on.
    pub(crate) const fn at_least(self, least: f64) -> Self {
        Self { range: Range::AtLeast(least), ..self }
    }

    /// Range: numbers above `limit`.
    pub(crate) const fn above(self, limit: f64) -> Self {
        Self { range: Range::Above(limit), ..self }
    }

    /// Range: numbers from `least` to the value of another field minus `less`.
    pub(crate) const fn up_to_field(self, least: f64, field: &'static str, less: f64) -> Self {
        Self { range: Range::UpToField { least, field, less }, ..self }
    }

    /// Range: one of these texts, or text of the same form.
    pub(crate) const fn one_of(self, choices: &'static [&'static str]) -> Self {
        Self { range: Range::OneOf(choices), ..self }
    }

    /// Allows `auto`, with this meaning.
    pub(crate) const fn or_auto(self, meaning: &'static str) -> Self {
        Self { auto: Some(meaning), ..self }
    }

    /// Adds a note.
    pub(crate) const fn note(self, note: &'static str) -> Self {
        Self { note: Some(note), ..self }
    }

    /// Description, allowed values and note: a line of help without the default.
    pub fn description(&self) -> String {
        let mut text = self.help.to_owned();
        if let Some(words) = self.range.words() {
            text += if matches!(self.range, Range::OneOf(_)) { ": " } else { ", " };
            text += &words;
        }
        if let Some(meaning) = self.auto {
            text += &format!(", or auto: {meaning}");
        }
        if let Some(note) = self.note {
            text += &format!("; {note}");
        }
        text
    }

    /// Values of the field of `method`.
    fn values(&self, method: &dyn Any) -> Result<Vec<Value>> {
        (self.values)(method).ok_or_else(|| Error::Fault {
            message: format!("`{}` was asked of another method", self.name),
            place: self.owner.into(),
        })
    }

    /// Number in a field of the same method, with its text.
    fn number(&self, method: &dyn Any, all: &[Self], field: &str) -> Result<(f64, String)> {
        let other = all.iter().find(|parameter| parameter.name == field);
        match other.map(|other| other.values(method)).transpose()?.unwrap_or_default().pop() {
            Some(Value::Number(number, text)) => Ok((number, text)),
            _ => Err(Error::Fault {
                message: format!("the range of `{}` needs a number `{field}`", self.name),
                place: self.owner.into(),
            }),
        }
    }

    /// Allowed values in words; if they end at another field, with its present value.
    fn expected(&self, limit: Option<String>) -> String {
        let mut words = match (self.range, limit) {
            (Range::UpToField { least, field, less }, Some(limit)) => {
                let less = if less > 0.0 { format!(" less {less}") } else { String::new() };
                format!("between {least} and `{}::{field}`{less}, {limit}", self.owner)
            }
            (range, _) => range.words().unwrap_or_default(),
        };
        if let Some(meaning) = self.auto {
            words += &format!(", or `auto` for {meaning}");
        }
        words
    }

    fn check(&self, method: &dyn Any, all: &[Self]) -> Result<()> {
        let (range, limit) = match self.range {
            Range::UpToField { least, field, less } => {
                let (number, text) = self.number(method, all, field)?;
                let most = number - less;
                let text = if less > 0.0 { most.to_string() } else { text };
                (Range::Between(least, most), Some(text))
            }
            range => (range, None),
        };
        match self.values(method)?.iter().find(|value| !range.holds(value)) {
            None => Ok(()),
            Some(Value::Number(_, text) | Value::Text(text)) => {
                Err(Error::parameter(self.name, text, self.expected(limit)))
            }
        }
    }
}

/// Checks every declared field of `method` against its range.
///
/// # Errors
/// [`Error::Parameter`] for the first value out of its range.
pub fn check<M: Any>(method: &M, parameters: &[Parameter]) -> Result<()> {
    parameters.iter().try_for_each(|parameter| parameter.check(method, parameters))
}

/// Message of serde without the names of Rust's types.
fn plain(message: &str) -> String {
    let whole = "a whole number of at least 0";
    message
        .replace("expected f32", "expected a number")
        .replace("expected f64", "expected a number")
        .replace("expected usize", &format!("expected {whole}"))
}

/// Struct of a method from the parameters that were set; the others have their defaults.
///
/// # Errors
/// [`Error::Parameter`] for a value of another type and for an unknown name.
pub fn from_table<T: DeserializeOwned>(table: &toml::Table) -> Result<T> {
    // Field by field, so that the message can name the field.
    for (name, value) in table {
        let alone = toml::Table::from_iter([(name.clone(), value.clone())]);
        if let Err(error) = alone.try_into::<T>() {
            return Err(Error::parameter(name, value, plain(error.message().trim())));
        }
    }
    table
        .clone()
        .try_into()
        .map_err(|error: toml::de::Error| Error::Data(error.message().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Toy {
        rate: f32,
        width: Auto<f64>,
        n: usize,
        part: f32,
        start: &'static str,
    }

    impl Field for &str {
        fn values(&self) -> Vec<Value> {
            vec![Value::Text((*self).to_owned())]
        }
    }

    const PARAMETERS: &[Parameter] = &[
        parameter!(Toy.rate, "Rate").half_open(0.0, 1.0),
        parameter!(Toy.width, "Width").above(0.0).or_auto("half").note("of a step"),
        parameter!(Toy.n, "Number").between(1.0, 9.0),
        parameter!(Toy.part, "Part").up_to_field(0.0, "n", 1.0),
        parameter!(Toy.start, "Start").one_of(&["here", "there", "nowhere"]),
    ];

    fn toy() -> Toy {
        Toy { rate: 0.5, width: Auto::Auto, n: 9, part: 8.0, start: "there" }
    }

    #[test]
    fn values_out_of_range_are_named_with_it_and_others_pass() {
        let said = |toy: Toy| match check(&toy, PARAMETERS) {
            Ok(()) => String::new(),
            // Quoted in another way than a field, because these are not fields.
            Err(error) => error.to_string().replace('`', "'"),
        };
        for good in [
            toy(),
            Toy { rate: 0.0, ..toy() },
            Toy { rate: 0.999, ..toy() },
            Toy { width: 1e-300.into(), ..toy() },
            Toy { n: 1, part: 0.0, ..toy() },
            Toy { start: "nowhere", ..toy() },
        ] {
            assert_eq!(said(good), "");
        }
        for (bad, expected) in [
            (Toy { rate: 1.0, ..toy() }, "rate = 1: from 0 to below 1"),
            (Toy { rate: -0.8, ..toy() }, "rate = -0.8: from 0 to below 1"),
            (Toy { rate: f32::NAN, ..toy() }, "rate = NaN: from 0 to below 1"),
            (Toy { width: 0.0.into(), ..toy() }, "width = 0: above 0, or 'auto' for half"),
            (
                Toy { width: (-1e-5).into(), ..toy() },
                "width = -0.00001: above 0, or 'auto' for half",
            ),
            (
                Toy { width: f64::INFINITY.into(), ..toy() },
                "width = inf: above 0, or 'auto' for half",
            ),
            (Toy { n: 0, part: 0.0, ..toy() }, "n = 0: between 1 and 9"),
            (Toy { n: 10, ..toy() }, "n = 10: between 1 and 9"),
            (Toy { n: 3, part: 2.1, ..toy() }, "part = 2.1: between 0 and 'Toy::n' less 1, 2"),
            (Toy { start: "away", ..toy() }, "start = away: here, there or nowhere"),
        ] {
            assert_eq!(said(bad), expected);
        }
    }

    #[test]
    fn help_names_the_range() {
        let lines: Vec<String> = PARAMETERS.iter().map(Parameter::description).collect();
        assert_eq!(
            lines,
            [
                "Rate, from 0 to below 1",
                "Width, above 0, or auto: half; of a step",
                "Number, between 1 and 9",
                "Part, between 0 and n less 1",
                "Start: here, there or nowhere",
            ]
        );
    }

    #[test]
    fn a_declaration_of_another_method_is_a_fault() {
        assert!(matches!(check(&1_u64, PARAMETERS), Err(Error::Fault { .. })));
    }
}

//! Ranges of parameters: their values and their names.

use super::Value;

/// Allowed values of a parameter. No range of numbers contains values that are not finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// Any value of its type.
    Any,
    /// Numbers from the first to the second, inclusive.
    Between(f64, f64),
    /// Numbers from the first on and below the second.
    HalfOpen(f64, f64),
    /// Numbers from this one on.
    AtLeast(f64),
    /// Numbers above this one.
    Above(f64),
    /// Numbers up to a limit that depends on another field of the same method.
    UpToField {
        /// Smallest value.
        least: f64,
        /// Name of the field.
        field: &'static str,
        /// Difference between that field and the largest value.
        less: f64,
    },
    /// One of these texts, or text of the same form.
    OneOf(&'static [&'static str]),
}

impl Range {
    /// `true` if a value is allowed. A limit given by another field is not checked.
    pub(super) fn holds(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any, _) => true,
            (Self::OneOf(choices), Value::Number(_, text) | Value::Text(text)) => {
                choices.contains(&text.as_str())
            }
            (_, Value::Text(_)) => false,
            (_, Value::Number(number, _)) if !number.is_finite() => false,
            (Self::Between(least, most), Value::Number(number, _)) => {
                (least..=most).contains(&number)
            }
            (Self::HalfOpen(least, limit), Value::Number(number, _)) => {
                (least..limit).contains(&number)
            }
            (Self::AtLeast(least) | Self::UpToField { least, .. }, Value::Number(number, _)) => {
                number >= least
            }
            (Self::Above(limit), Value::Number(number, _)) => number > limit,
        }
    }

    /// Range as shown in help and messages; `None` if everything is allowed.
    pub fn words(&self) -> Option<String> {
        Some(match self {
            Self::Any => return None,
            Self::Between(least, most) => format!("between {least} and {most}"),
            Self::HalfOpen(least, limit) => format!("from {least} to below {limit}"),
            Self::AtLeast(least) => format!("at least {least}"),
            Self::Above(limit) => format!("above {limit}"),
            Self::UpToField { least, field, less: 0.0 } => format!("between {least} and {field}"),
            Self::UpToField { least, field, less } => {
                format!("between {least} and {field} less {less}")
            }
            Self::OneOf(choices) => match choices {
                [before @ .., last] if !before.is_empty() => {
                    format!("{} or {last}", before.join(", "))
                }
                _ => choices.concat(),
            },
        })
    }
}

//! Ranges of parameters: which values they hold, and how they are called.

use super::Value;

/// Values that a parameter may have. No range of numbers holds one that is not finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// Whatever its type holds.
    Any,
    /// Numbers from the first to the second.
    Between(f64, f64),
    /// Numbers from the first on that are less than the second.
    HalfOpen(f64, f64),
    /// Numbers from this one on.
    AtLeast(f64),
    /// Numbers larger than this one.
    Above(f64),
    /// Numbers up to one that depends on another field of the same method.
    UpToField {
        /// The smallest.
        least: f64,
        /// Name of the field.
        field: &'static str,
        /// By how much the largest is less than that field.
        less: f64,
    },
    /// What is written like one of these.
    OneOf(&'static [&'static str]),
}

impl Range {
    /// Whether a value is allowed. Where the range ends at another field, that end is not looked
    /// at.
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

    /// As in help and messages; none where everything is allowed.
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

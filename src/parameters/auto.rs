//! Parameters that may be left to the method.

use serde::de::{Error, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::{Display, Formatter};
use std::marker::PhantomData;

/// Text for [`Auto::Auto`].
const AUTO: &str = "auto";

/// A value, or `auto` if the method chooses it from the data; in files the value or the text
/// `auto`.
///
/// ```
/// use layerlens::Auto;
///
/// let rate: Auto<f32> = 0.5.into();
/// assert_eq!((rate.value_or(2.0), Auto::Auto.value_or(2.0)), (0.5, 2.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auto<T> {
    /// Chosen by the method.
    #[default]
    Auto,
    /// Given value.
    Value(T),
}

impl<T> Auto<T> {
    /// The value, or `chosen` for [`Auto::Auto`].
    pub fn value_or(self, chosen: T) -> T {
        match self {
            Self::Auto => chosen,
            Self::Value(value) => value,
        }
    }
}

impl<T> From<T> for Auto<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl<T: Display> Display for Auto<T> {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => out.write_str(AUTO),
            Self::Value(value) => value.fmt(out),
        }
    }
}

impl<T: Serialize> Serialize for Auto<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str(AUTO),
            Self::Value(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Auto<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AutoVisitor(PhantomData))
    }
}

struct AutoVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> AutoVisitor<T> {
    /// Conversion of a value by its type, as an [`Auto`].
    fn value<E: Error>(value: impl IntoDeserializer<'de, E>) -> Result<Auto<T>, E> {
        T::deserialize(value.into_deserializer())
            .map(Auto::Value)
            .map_err(|error| E::custom(format!("{}, or `{AUTO}`", error.to_string().trim())))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for AutoVisitor<T> {
    type Value = Auto<T>;

    fn expecting(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        write!(out, "a value or `{AUTO}`")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Self::value(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Self::value(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Self::value(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Self::value(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        if value == AUTO { Ok(Auto::Auto) } else { Self::value(value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize, Serialize)]
    struct Both {
        rate: Auto<f32>,
        n: Auto<usize>,
    }

    #[test]
    fn texts_and_numbers_come_back_as_they_were() {
        for both in [
            Both { rate: Auto::Auto, n: 3.into() },
            Both { rate: 0.8.into(), n: Auto::Auto },
            Both { rate: 0.0.into(), n: 0.into() },
        ] {
            let json = serde_json::to_string(&both).unwrap();
            assert_eq!(serde_json::from_str::<Both>(&json).unwrap(), both, "{json}");
            let toml = toml::to_string(&both).unwrap();
            assert_eq!(toml::from_str::<Both>(&toml).unwrap(), both, "{toml}");
        }
        let json = serde_json::json!(Both { rate: Auto::Auto, n: 7.into() });
        assert_eq!(json.to_string(), r#"{"rate":"auto","n":7}"#);
        // An integer for a decimal parameter.
        let read = serde_json::from_str::<Both>(r#"{"rate":2,"n":"auto"}"#).unwrap();
        assert_eq!((read.rate.to_string(), read.n.to_string()), ("2".into(), "auto".into()));
    }

    #[test]
    fn what_is_neither_is_refused_with_both() {
        for (json, expected) in [
            (r#"{"rate":"fast","n":1}"#, "expected f32, or `auto`"),
            (r#"{"rate":1,"n":-2}"#, "expected usize, or `auto`"),
            (r#"{"rate":1,"n":2.5}"#, "expected usize, or `auto`"),
            (r#"{"rate":null,"n":1}"#, "expected a value or `auto`"),
        ] {
            let error = serde_json::from_str::<Both>(json).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}

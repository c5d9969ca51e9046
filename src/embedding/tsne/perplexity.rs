//! The perplexity of t-SNE: one, or several at once.

use crate::parameters::{Field, Value};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One perplexity, or several whose conditional probabilities are averaged: small ones keep
/// neighbours, large ones the global structure (J. Lee et al., "Multi-scale similarities in
/// stochastic neighbour embedding", 2015). As text: numbers separated by commas.
#[derive(Clone, Debug, PartialEq)]
pub struct Perplexity(Vec<f32>);

impl Perplexity {
    /// All perplexities, at least one.
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// The largest perplexity.
    pub fn largest(&self) -> f32 {
        self.0.iter().copied().fold(0.0, f32::max)
    }
}

impl Field for Perplexity {
    fn values(&self) -> Vec<Value> {
        self.0.iter().flat_map(Field::values).collect()
    }
}

impl From<f32> for Perplexity {
    fn from(value: f32) -> Self {
        Self(vec![value])
    }
}

impl<const N: usize> From<[f32; N]> for Perplexity {
    /// # Panics
    /// If the array is empty.
    fn from(values: [f32; N]) -> Self {
        const { assert!(N > 0, "a perplexity at least") };
        Self(values.to_vec())
    }
}

impl std::fmt::Display for Perplexity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let values: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&values.join(","))
    }
}

impl Serialize for Perplexity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0[..] {
            [one] => serializer.serialize_f32(one),
            _ => serializer.serialize_str(&self.to_string()),
        }
    }
}

impl<'de> Deserialize<'de> for Perplexity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            One(f32),
            Several(Vec<f32>),
            Text(String),
        }
        let expected = || D::Error::custom("expected a number, or numbers with commas between");
        let values = match Given::deserialize(deserializer).map_err(|_| expected())? {
            Given::One(value) => vec![value],
            Given::Several(values) => values,
            Given::Text(text) => text
                .split(',')
                .map(|value| value.trim().parse())
                .collect::<Result<_, _>>()
                .map_err(|_| expected())?,
        };
        if values.is_empty() { Err(expected()) } else { Ok(Self(values)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_several_perplexities_are_read_and_written() {
        let read = |text: &str| {
            toml::from_str::<toml::Table>(text).unwrap()["p"].clone().try_into::<Perplexity>()
        };
        assert_eq!(read("p = 30").unwrap(), Perplexity::from(30.0));
        assert_eq!(read("p = 12.5").unwrap(), Perplexity::from(12.5));
        assert_eq!(read("p = \"5, 50\"").unwrap(), Perplexity::from([5.0, 50.0]));
        assert_eq!(read("p = [5.0, 50.0]").unwrap().to_string(), "5,50");
        assert!(
            read("p = \"5,x\"").is_err() && read("p = []").is_err() && read("p = true").is_err()
        );
    }
}

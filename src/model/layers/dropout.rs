//! Dropout: N. Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from
//! Overfitting", 2014.

use super::{Layer, LayerType};
use crate::model::shape::Shape;
#[cfg(feature = "train")]
use crate::model::value::{Pass, Value};
use serde::{Deserialize, Serialize};

/// In training, sets values to zero and scales the others up, so that their mean stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dropout {
    /// Share of the values that are dropped, 0 <= rate < 1.
    pub rate: f32,
}

pub(super) static TYPE: LayerType = LayerType {
    name: "dropout",
    keras: "Dropout",
    stem: "dropout",
    keys: &["rate"],
    example: "rate = 0.25",
    read: |section| {
        let rate = section.required("rate", section.number("rate")?)? as f32;
        Ok(Dropout { rate }.into())
    },
};

impl Layer for Dropout {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        if (0.0..1.0).contains(&self.rate) {
            Ok(input)
        } else {
            Err(format!("rate = {}: from 0 to below 1", self.rate))
        }
    }

    fn settings(&self) -> String {
        format!("rate {}", self.rate)
    }

    fn passes_on(&self) -> bool {
        true
    }

    #[cfg(feature = "train")]
    fn dropouts(&self, input: Shape) -> Vec<(usize, f32)> {
        vec![(input.size(), self.rate)]
    }

    #[cfg(feature = "train")]
    fn forward(&self, x: Value, pass: Pass<'_>) -> Value {
        let Some(training) = pass.training else { return x };
        let mask = training.masks.pop().expect("a mask a dropout layer");
        match (x, Value::of_rows(mask, pass.output, pass.arrangement)) {
            (Value::Grid(x), Value::Grid(mask)) => Value::Grid(x * mask),
            (x, mask) => {
                Value::Flat(x.into_rows(pass.arrangement) * mask.into_rows(pass.arrangement))
            }
        }
    }
}

//! From an image to a vector.

use super::{Layer, LayerType};
use crate::model::shape::Shape;
#[cfg(feature = "train")]
use crate::model::value::{Pass, Value};
use serde::{Deserialize, Serialize};

/// Rows, columns and channels in one vector, in that order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flatten;

pub(super) static TYPE: LayerType = LayerType {
    name: "flatten",
    keras: "Flatten",
    stem: "flatten",
    keys: &[],
    example: "",
    read: |_| Ok(Flatten.into()),
};

impl Layer for Flatten {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(Shape::Flat(input.size()))
    }

    fn is_spatial(&self) -> bool {
        false
    }

    fn passes_on(&self) -> bool {
        true
    }

    #[cfg(feature = "train")]
    fn forward(&self, x: Value, pass: Pass<'_>) -> Value {
        Value::Flat(x.into_rows(pass.arrangement))
    }
}

//! An activation as a layer of its own.

use super::{Layer, LayerType};
use crate::model::activation::Activation;
use crate::model::shape::Shape;
#[cfg(feature = "train")]
use crate::model::value::{Pass, Value};
use serde::{Deserialize, Serialize};

/// A function of each value, Keras' layer `Activation`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActivationLayer {
    /// The function.
    pub activation: Activation,
}

pub(super) static TYPE: LayerType = LayerType {
    name: "activation",
    keras: "Activation",
    stem: "activation",
    keys: &["activation"],
    example: "activation = \"tanh\"",
    read: |section| {
        let activation = section.required("activation", Activation::read(section)?)?;
        Ok(ActivationLayer { activation }.into())
    },
};

impl Layer for ActivationLayer {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(input)
    }

    fn settings(&self) -> String {
        self.activation.title().into()
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }

    fn completes_previous(&self) -> bool {
        true
    }

    fn is_recorded(&self, _is_completed: bool) -> bool {
        true
    }

    #[cfg(feature = "train")]
    fn forward(&self, x: Value, _pass: Pass<'_>) -> Value {
        match x {
            Value::Grid(x) => Value::Grid(self.activation.apply(x)),
            Value::Flat(x) => Value::Flat(self.activation.apply(x)),
        }
    }
}

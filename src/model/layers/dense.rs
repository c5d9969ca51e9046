//! Dense layers.

use super::{Layer, LayerType, check_units};
use crate::model::activation::Activation;
use crate::model::parameter::{Initial, Parameter};
use crate::model::shape::Shape;
#[cfg(feature = "train")]
use crate::model::value::{Pass, Value};
#[cfg(feature = "train")]
use burn::tensor::module;
use serde::{Deserialize, Serialize};

/// Every unit sees every value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dense {
    /// Values of the output, 1 to [`MAX_UNITS`](super::MAX_UNITS).
    pub units: usize,
    /// Applied to the output.
    pub activation: Activation,
}

pub(super) static TYPE: LayerType = LayerType {
    name: "dense",
    keras: "Dense",
    stem: "dense",
    keys: &["units", "activation"],
    example: "units = 5\nactivation = \"relu\"",
    read: |section| {
        let units = section.whole("units")?;
        let activation = Activation::read(section)?.unwrap_or_default();
        // The output's units are the classes, which are known later.
        let units = if activation == Activation::Softmax { units.or(Some(1)) } else { units };
        Ok(Dense { units: section.required("units", units)?, activation }.into())
    },
};

impl Layer for Dense {
    fn output(&self, _input: Shape) -> Result<Shape, String> {
        check_units("units", self.units)?;
        Ok(Shape::Flat(self.units))
    }

    fn parameters(&self, input: Shape) -> Vec<Parameter> {
        vec![
            Parameter::trained("weight", vec![input.size(), self.units], Initial::GlorotUniform),
            Parameter::trained("bias", vec![self.units], Initial::Zeros),
        ]
    }

    fn settings(&self) -> String {
        let Self { units, activation } = self;
        let plural = if *units == 1 { "" } else { "s" };
        format!("{units} unit{plural}{}", activation.last_setting())
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }

    fn is_spatial(&self) -> bool {
        false
    }

    fn is_recorded(&self, is_completed: bool) -> bool {
        self.activation != Activation::Linear || !is_completed
    }

    #[cfg(feature = "train")]
    fn forward(&self, x: Value, pass: Pass<'_>) -> Value {
        let [weight, bias] = [0, 1].map(|at| pass.trained[at].clone());
        let bias = bias.reshape([self.units]);
        let y = module::linear(x.into_rows(pass.arrangement), weight, Some(bias));
        Value::Flat(self.activation.apply(y))
    }
}

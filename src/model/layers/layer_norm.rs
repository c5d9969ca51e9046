//! Layer normalisation: J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer Normalization", 2016.

use super::{Layer, LayerType};
use crate::model::parameter::{Initial, Parameter};
use crate::model::shape::Shape;
#[cfg(feature = "train")]
use crate::model::value::{Pass, Value};
use serde::{Deserialize, Serialize};

/// Normalises the values of a vector, or the channels of each pixel, as Keras does along its last
/// axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerNorm {
    /// Added to the variance, above 0.
    pub epsilon: f32,
}

pub(super) static TYPE: LayerType = LayerType {
    name: "layer_norm",
    keras: "LayerNormalization",
    stem: "layer_norm",
    keys: &["epsilon"],
    example: "epsilon = 0.01",
    read: |section| {
        let epsilon = section.number("epsilon")?.unwrap_or(1e-3) as f32;
        Ok(LayerNorm { epsilon }.into())
    },
};

impl Layer for LayerNorm {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        let epsilon = self.epsilon;
        if !(epsilon > 0.0 && epsilon.is_finite()) {
            return Err(format!("epsilon = {epsilon}: above 0"));
        }
        if input.channels() == 1 {
            return Err("it needs two values to normalise; there is one channel".into());
        }
        Ok(input)
    }

    fn parameters(&self, input: Shape) -> Vec<Parameter> {
        let shape = vec![input.channels()];
        vec![
            Parameter::trained("gamma", shape.clone(), Initial::Ones),
            Parameter::trained("beta", shape, Initial::Zeros),
        ]
    }

    fn settings(&self) -> String {
        format!("epsilon {}", self.epsilon)
    }

    fn completes_previous(&self) -> bool {
        true
    }

    /// Equations 3 and 4, with the variance over n as in Keras.
    #[cfg(feature = "train")]
    fn forward(&self, x: Value, pass: Pass<'_>) -> Value {
        let [gamma, beta] = [0, 1].map(|at| pass.trained[at].clone());
        let n = x.n_images();
        let size = pass.output.size();
        let channels = pass.output.channels();
        let x =
            x.into_rows(pass.arrangement).reshape([(n * size / channels) as i32, channels as i32]);
        let centred = x.clone() - x.mean_dim(1);
        let variance = centred.clone().square().mean_dim(1);
        let y = centred / (variance + self.epsilon).sqrt() * gamma + beta;
        Value::of_rows(y.reshape([n, size]), pass.output, pass.arrangement)
    }
}

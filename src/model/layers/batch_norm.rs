//! Batch normalisation: S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep Network
//! Training by Reducing Internal Covariate Shift", 2015.

use super::{Layer, LayerType};
use crate::model::parameter::{Initial, Parameter};
use crate::model::shape::Shape;
#[cfg(feature = "train")]
use crate::model::value::{Pass, Value};
use serde::{Deserialize, Serialize};

/// Normalises each channel, by the batch in training and by moving statistics otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchNorm {
    /// Weight of the old moving statistics in a step, 0 <= momentum < 1.
    pub momentum: f32,
    /// Added to the variance, above 0.
    pub epsilon: f32,
}

pub(super) static TYPE: LayerType = LayerType {
    name: "batch_norm",
    keras: "BatchNormalization",
    stem: "batch_norm",
    keys: &["momentum", "epsilon"],
    example: "momentum = 0.9\nepsilon = 0.01",
    read: |section| {
        let layer = BatchNorm {
            momentum: section.number("momentum")?.unwrap_or(0.99) as f32,
            epsilon: section.number("epsilon")?.unwrap_or(1e-3) as f32,
        };
        Ok(layer.into())
    },
};

impl Layer for BatchNorm {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        let Self { momentum, epsilon } = self;
        if !(0.0..1.0).contains(momentum) {
            return Err(format!("momentum = {momentum}: from 0 to below 1"));
        }
        if !(*epsilon > 0.0 && epsilon.is_finite()) {
            return Err(format!("epsilon = {epsilon}: above 0"));
        }
        Ok(input)
    }

    fn parameters(&self, input: Shape) -> Vec<Parameter> {
        let shape = vec![input.channels()];
        vec![
            Parameter::trained("gamma", shape.clone(), Initial::Ones),
            Parameter::trained("beta", shape.clone(), Initial::Zeros),
            Parameter::moving("moving_mean", shape.clone(), Initial::Zeros),
            Parameter::moving("moving_variance", shape, Initial::Ones),
        ]
    }

    fn settings(&self) -> String {
        format!("momentum {}, epsilon {}", self.momentum, self.epsilon)
    }

    fn completes_previous(&self) -> bool {
        true
    }

    /// Algorithms 1 and 2. The moving variance is that of the values met (over n, not n - 1), as in
    /// Keras.
    #[cfg(feature = "train")]
    fn forward(&self, x: Value, pass: Pass<'_>) -> Value {
        let Self { momentum, epsilon } = *self;
        let [gamma, beta] = [0, 1].map(|at| pass.trained[at].clone());
        let n = x.n_images();
        let size = pass.output.size();
        let channels = pass.output.channels();
        let x =
            x.into_rows(pass.arrangement).reshape([(n * size / channels) as i32, channels as i32]);
        let y = match pass.training {
            None => {
                let [mean, variance] = [0, 1].map(|at| pass.moving[at].clone());
                (x - mean) / (variance + epsilon).sqrt()
            }
            Some(training) => {
                let mean = x.clone().mean_dim(0);
                let centred = x - mean.clone();
                let variance = centred.clone().square().mean_dim(0);
                for (moving, met) in training.moving.iter_mut().zip([&mean, &variance]) {
                    *moving = moving.clone() * momentum + met.clone().inner() * (1.0 - momentum);
                }
                centred / (variance + epsilon).sqrt()
            }
        };
        let y = (y * gamma + beta).reshape([n, size]);
        Value::of_rows(y, pass.output, pass.arrangement)
    }
}

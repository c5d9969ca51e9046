//! Convolution with stride 1.

use super::{Layer, LayerType, check_units, grid};
use crate::model::activation::Activation;
#[cfg(feature = "train")]
use crate::model::host;
use crate::model::parameter::{Initial, Parameter};
use crate::model::shape::{Padding, Shape, fit, window_text};
#[cfg(feature = "train")]
use crate::model::value::{Arrangement, Pass, Value};
#[cfg(feature = "train")]
use burn::tensor::{module, ops::ConvOptions};
use serde::{Deserialize, Serialize};

/// Convolution with stride 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv {
    /// Channels of the output, 1 to [`MAX_UNITS`](super::MAX_UNITS).
    pub filters: usize,
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Padding at the edges.
    pub padding: Padding,
    /// Applied to the output.
    pub activation: Activation,
}

pub(super) static TYPE: LayerType = LayerType {
    name: "conv",
    keras: "Conv2D",
    stem: "conv",
    keys: &["filters", "kernel", "padding", "activation"],
    example: "filters = 4\nkernel = [3, 2]\npadding = \"same\"\nactivation = \"sigmoid\"",
    read: |section| {
        let layer = Conv {
            filters: section.required("filters", section.whole("filters")?)?,
            kernel: section.required("kernel", section.pair("kernel")?)?,
            padding: section.choice("padding", &Padding::NAMED)?.unwrap_or_default(),
            activation: Activation::read(section)?.unwrap_or_default(),
        };
        Ok(layer.into())
    },
};

impl Layer for Conv {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        let [height, width, _] = grid(input, &TYPE)?;
        check_units("filters", self.filters)?;
        let [rows, columns] = fit("kernel", self.kernel, [height, width])?;
        let [height, width] = match self.padding {
            Padding::Same => [height, width],
            Padding::Valid => [height - rows + 1, width - columns + 1],
        };
        Ok(Shape::Grid([height, width, self.filters]))
    }

    fn parameters(&self, input: Shape) -> Vec<Parameter> {
        let [rows, columns] = self.kernel;
        let kernel = vec![rows, columns, input.channels(), self.filters];
        vec![
            Parameter::trained("weight", kernel, Initial::GlorotUniform),
            Parameter::trained("bias", vec![self.filters], Initial::Zeros),
        ]
    }

    fn settings(&self) -> String {
        let Self { filters, kernel, padding, activation } = self;
        let window = window_text(*kernel);
        let function = activation.last_setting();
        format!("{filters} filters of {window}, {}{function}", padding.name())
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }

    fn is_recorded(&self, is_completed: bool) -> bool {
        self.activation != Activation::Linear || !is_completed
    }

    #[cfg(feature = "train")]
    fn forward(&self, x: Value, pass: Pass<'_>) -> Value {
        let x = x.into_grid();
        let [weight, bias] = [0, 1].map(|at| pass.trained[at].clone());
        let [rows, columns] = self.kernel;
        if pass.arrangement == Arrangement::ChannelsLast {
            let relu = self.activation == Activation::Relu;
            let y = host::convolution(x, weight, bias, self.kernel, self.padding, relu);
            return Value::Grid(if relu { y } else { self.activation.apply(y) });
        }
        let [inputs, outputs] = weight.dims();
        let kernel = weight
            .reshape([rows, columns, inputs / (rows * columns), outputs])
            .permute([3, 2, 0, 1]);
        let around = self.kernel.map(|size| self.padding.around(size));
        let options =
            ConvOptions { padding: around, ..ConvOptions::new([1, 1], [0, 0], [1, 1], 1) };
        let y = module::conv2d(x, kernel, Some(bias.reshape([outputs])), options);
        Value::Grid(self.activation.apply(y))
    }
}

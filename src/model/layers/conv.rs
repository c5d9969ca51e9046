//! Convolution.

use super::{Layer, LayerType, check_units, grid};
use crate::model::activation::Activation;
#[cfg(feature = "train")]
use crate::model::host;
use crate::model::parameter::{Initial, Parameter};
use crate::model::shape::{Padding, Shape, Side, fit, window_text};
#[cfg(feature = "train")]
use crate::model::value::{Arrangement, Pass, Value};
#[cfg(feature = "train")]
use burn::tensor::{Tensor, module, ops::ConvOptions};
use serde::{Deserialize, Serialize};

/// Convolution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv {
    /// Channels of the output, 1 to [`MAX_UNITS`](super::MAX_UNITS).
    pub filters: usize,
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Rows and columns from a window to the next, at least 1.
    #[serde(default = "next", skip_serializing_if = "is_next")]
    pub stride: [usize; 2],
    /// Padding at the edges.
    pub padding: Padding,
    /// `true` if a number for each filter is added to the output.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub bias: bool,
    /// Applied to the output.
    pub activation: Activation,
}

fn next() -> [usize; 2] {
    [1, 1]
}

fn is_next(stride: &[usize; 2]) -> bool {
    *stride == next()
}

fn yes() -> bool {
    true
}

fn is_yes(bias: &bool) -> bool {
    *bias
}

pub(super) static TYPE: LayerType = LayerType {
    name: "conv",
    keras: "Conv2D",
    stem: "conv",
    keys: &["filters", "kernel", "stride", "padding", "bias", "activation"],
    example: "filters = 4\nkernel = [3, 2]\nstride = [2, 1]\npadding = \"same\"\nbias = false\nactivation = \"sigmoid\"",
    read: |section| {
        let layer = Conv {
            filters: section.required("filters", section.whole("filters")?)?,
            kernel: section.required("kernel", section.pair("kernel")?)?,
            stride: section.pair("stride")?.unwrap_or(next()),
            padding: Padding::read(section)?.unwrap_or_default(),
            bias: section.flag("bias")?.unwrap_or(yes()),
            activation: Activation::read(section)?.unwrap_or_default(),
        };
        Ok(layer.into())
    },
};

impl Conv {
    /// A convolution with stride 1, without padding, with a bias, and without an activation.
    pub fn new(filters: usize, kernel: [usize; 2]) -> Self {
        Self {
            filters,
            kernel,
            stride: next(),
            padding: Padding::Valid,
            bias: yes(),
            activation: Activation::Linear,
        }
    }

    /// Zeros above and below, left and right of an image of that height and width.
    fn around(&self, image: [usize; 2]) -> [(usize, usize); 2] {
        [0, 1].map(|at| {
            let [size, window, stride] = [image[at], self.kernel[at], self.stride[at]];
            self.padding.around(Side { size, window, stride })
        })
    }
}

impl Layer for Conv {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        let [height, width, _] = grid(input, &TYPE)?;
        check_units("filters", self.filters)?;
        if self.stride.contains(&0) {
            return Err("stride = 0: at least 1".into());
        }
        let image = [height, width];
        if let Padding::Zeros(zeros) = self.padding
            && self.kernel.iter().any(|&window| zeros > 0 && zeros >= window)
        {
            return Err(format!("padding = {zeros}: below height and width of the kernel"));
        }
        let around = self.around(image);
        let padded = [0, 1].map(|at| image[at] + around[at].0 + around[at].1);
        fit("kernel", self.kernel, padded)?;
        let [rows, columns] = [0, 1].map(|at| (padded[at] - self.kernel[at]) / self.stride[at] + 1);
        Ok(Shape::Grid([rows, columns, self.filters]))
    }

    fn parameters(&self, input: Shape) -> Vec<Parameter> {
        let [rows, columns] = self.kernel;
        let kernel = vec![rows, columns, input.channels(), self.filters];
        let weight = Parameter::trained("weight", kernel, Initial::GlorotUniform);
        let bias = Parameter::trained("bias", vec![self.filters], Initial::Zeros);
        if self.bias { vec![weight, bias] } else { vec![weight] }
    }

    fn settings(&self) -> String {
        let Self { filters, kernel, padding, .. } = self;
        let window = window_text(*kernel);
        let stride = match self.stride {
            [1, 1] => String::new(),
            [rows, columns] if rows == columns => format!(", stride {rows}"),
            stride => format!(", stride {}", window_text(stride)),
        };
        let bias = if self.bias { "" } else { ", no bias" };
        let function = self.activation.last_setting();
        format!("{filters} filters of {window}{stride}, {padding}{bias}{function}")
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
        let weight = pass.trained[0].clone();
        let [inputs, outputs] = weight.dims();
        let bias = match self.bias {
            true => pass.trained[1].clone(),
            false => Tensor::zeros([1, outputs], &weight.device()),
        };
        let [rows, columns] = self.kernel;
        if pass.arrangement == Arrangement::ChannelsLast {
            let [_, height, width, _] = x.dims();
            let relu = self.activation == Activation::Relu;
            let windows = host::ConvWindows {
                window: self.kernel,
                stride: self.stride,
                padding: self.around([height, width]),
            };
            let y = host::convolution(x, weight, bias, windows, relu);
            return Value::Grid(if relu { y } else { self.activation.apply(y) });
        }
        let [_, _, height, width] = x.dims();
        let kernel = weight
            .reshape([rows, columns, inputs / (rows * columns), outputs])
            .permute([3, 2, 0, 1]);
        let padding = self.around([height, width]);
        let options = ConvOptions { padding, ..ConvOptions::new(self.stride, [0, 0], [1, 1], 1) };
        let y = module::conv2d(x, kernel, Some(bias.reshape([outputs])), options);
        Value::Grid(self.activation.apply(y))
    }
}

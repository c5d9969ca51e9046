//! Pooling by the largest value.

use super::{Layer, LayerType, grid};
#[cfg(feature = "train")]
use crate::model::host;
use crate::model::shape::{Shape, pooled, window_text};
#[cfg(feature = "train")]
use crate::model::value::{Arrangement, Pass, Value};
#[cfg(feature = "train")]
use burn::tensor::{module, ops::MaxPoolOptions};
use serde::{Deserialize, Serialize};

/// Largest value of each window; the windows touch, and rows or columns that do not fill one are
/// left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaxPool {
    /// Height and width of the window, and its stride.
    pub size: [usize; 2],
}

pub(super) static TYPE: LayerType = LayerType {
    name: "max_pool",
    keras: "MaxPooling2D",
    stem: "pool",
    keys: &["size"],
    example: "size = [2, 3]",
    read: |section| {
        let layer = MaxPool { size: section.required("size", section.pair("size")?)? };
        Ok(layer.into())
    },
};

impl Layer for MaxPool {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        pooled(grid(input, &TYPE)?, self.size)
    }

    fn settings(&self) -> String {
        window_text(self.size)
    }

    #[cfg(feature = "train")]
    fn forward(&self, x: Value, pass: Pass<'_>) -> Value {
        let x = x.into_grid();
        Value::Grid(match pass.arrangement {
            Arrangement::ChannelsLast => host::max_pool(x, self.size),
            Arrangement::ChannelsFirst => module::max_pool2d(x, MaxPoolOptions::new(self.size)),
        })
    }
}

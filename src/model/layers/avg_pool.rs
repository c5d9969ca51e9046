//! Pooling by the mean.

use super::{Layer, LayerType, grid};
#[cfg(feature = "train")]
use crate::model::host;
use crate::model::shape::{Shape, pooled, window_text};
#[cfg(feature = "train")]
use crate::model::value::{Arrangement, Pass, Value};
#[cfg(feature = "train")]
use burn::tensor::{module, ops::AvgPoolOptions};
use serde::{Deserialize, Serialize};

/// Mean of each window; the windows touch, and rows or columns that do not fill one are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AvgPool {
    /// Height and width of the window, and its stride.
    pub size: [usize; 2],
}

pub(super) static TYPE: LayerType = LayerType {
    name: "avg_pool",
    keras: "AveragePooling2D",
    stem: "pool",
    keys: &["size"],
    example: "size = [2, 3]",
    read: |section| {
        let layer = AvgPool { size: section.required("size", section.pair("size")?)? };
        Ok(layer.into())
    },
};

impl Layer for AvgPool {
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
            Arrangement::ChannelsLast => host::avg_pool(x, self.size),
            Arrangement::ChannelsFirst => module::avg_pool2d(x, AvgPoolOptions::new(self.size)),
        })
    }
}

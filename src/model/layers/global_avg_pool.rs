//! The mean of each channel: M. Lin, Q. Chen and S. Yan, "Network In Network", 2014.

use super::{Layer, LayerType, grid};
use crate::model::shape::Shape;
#[cfg(feature = "train")]
use crate::model::value::{Pass, Value};
use serde::{Deserialize, Serialize};

/// Mean of each channel over the image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GlobalAvgPool;

pub(super) static TYPE: LayerType = LayerType {
    name: "global_avg_pool",
    keras: "GlobalAveragePooling2D",
    stem: "global_pool",
    keys: &[],
    example: "",
    read: |_| Ok(GlobalAvgPool.into()),
};

impl Layer for GlobalAvgPool {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        grid(input, &TYPE).map(|[_, _, channels]| Shape::Flat(channels))
    }

    #[cfg(feature = "train")]
    fn forward(&self, x: Value, pass: Pass<'_>) -> Value {
        Value::Flat(x.pooled(pass.arrangement))
    }
}

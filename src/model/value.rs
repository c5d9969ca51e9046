//! Values between layers on a device of burn's, and the other inputs of a layer.

use super::shape::Shape;
use burn::tensor::Tensor;

/// Memory layout of a grid, which also decides whose convolutions are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrangement {
    /// Image, row, column, channel; our own operations. Only on burn's CPU device `flex`.
    ChannelsLast,
    /// Image, channel, row, column; burn's operations.
    ChannelsFirst,
}

/// Value between two layers: a grid in the network's arrangement, or one row an image.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Grid(Tensor<4>),
    Flat(Tensor<2>),
}

/// Inputs of a layer besides the value.
pub(crate) struct Pass<'a> {
    /// Memory layout of grids.
    pub arrangement: Arrangement,
    /// Shape of the layer's input for one image.
    pub input: Shape,
    /// Shape of its output.
    pub output: Shape,
    /// The layer's tensors that gradients change, as matrices, in the order in which it names them.
    pub trained: &'a [Tensor<2>],
    /// Its moving statistics, likewise.
    pub moving: &'a [Tensor<2>],
    /// Inputs of training alone; none in inference.
    pub training: Option<TrainingPass<'a>>,
}

/// Inputs of a layer in training alone.
pub(crate) struct TrainingPass<'a> {
    /// Masks of this layer, the last first, then those of later ones, n x values each: 0 where a
    /// value is dropped, 1 / (1 - rate) where it is kept. A layer takes its own away.
    pub masks: &'a mut Vec<Tensor<2>>,
    /// The layer's moving statistics after this batch, for it to write.
    pub moving: &'a mut [Tensor<2>],
}

impl Value {
    /// The sum of two values of one shape.
    pub fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Grid(a), Self::Grid(b)) => Self::Grid(a + b),
            (Self::Flat(a), Self::Flat(b)) => Self::Flat(a + b),
            _ => unreachable!("checked: both have one shape"),
        }
    }

    /// Rows of values, channels last, as a value of that shape.
    pub fn of_rows(x: Tensor<2>, shape: Shape, arrangement: Arrangement) -> Self {
        match shape {
            Shape::Flat(_) => Self::Flat(x),
            Shape::Grid(sizes) => Self::Grid(grid(x, sizes, arrangement)),
        }
    }

    pub fn n_images(&self) -> usize {
        match self {
            Self::Grid(x) => x.dims()[0],
            Self::Flat(x) => x.dims()[0],
        }
    }

    /// The grid.
    ///
    /// # Panics
    /// If it is flat; the shapes of an architecture are checked before it computes.
    pub fn into_grid(self) -> Tensor<4> {
        match self {
            Self::Grid(x) => x,
            Self::Flat(_) => unreachable!("checked: this layer follows a grid"),
        }
    }

    /// One row an image, channels last.
    pub fn into_rows(self, arrangement: Arrangement) -> Tensor<2> {
        match self {
            Self::Flat(x) => x,
            Self::Grid(x) => {
                let x = channels_last(x, arrangement);
                let [n, height, width, channels] = x.dims();
                x.reshape([n, height * width * channels])
            }
        }
    }

    /// Each channel's mean over the image.
    pub fn pooled(self, arrangement: Arrangement) -> Tensor<2> {
        let x = channels_last(self.into_grid(), arrangement);
        let [n, height, width, channels] = x.dims();
        x.reshape([n, height * width, channels]).mean_dim(1).reshape([n, channels])
    }
}

/// Rows of values, channels last, as a grid of `sizes`: height, width, channels.
fn grid(x: Tensor<2>, sizes: [usize; 3], arrangement: Arrangement) -> Tensor<4> {
    let [height, width, channels] = sizes;
    let n = x.dims()[0];
    let last = x.reshape([n, height, width, channels]);
    match arrangement {
        Arrangement::ChannelsLast => last,
        Arrangement::ChannelsFirst => last.permute([0, 3, 1, 2]),
    }
}

fn channels_last(x: Tensor<4>, arrangement: Arrangement) -> Tensor<4> {
    match arrangement {
        Arrangement::ChannelsLast => x,
        Arrangement::ChannelsFirst => x.permute([0, 2, 3, 1]),
    }
}

//! Shapes of what passes between layers, and windows that move over images.

use crate::error::Result;
use crate::section::Section;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Shape of what a layer makes of one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Height, width, channels.
    Grid([usize; 3]),
    /// A vector.
    Flat(usize),
}

impl Shape {
    /// Number of values; the largest number where it cannot be counted.
    pub fn size(self) -> usize {
        match self {
            Self::Grid([height, width, channels]) => {
                height.saturating_mul(width).saturating_mul(channels)
            }
            Self::Flat(units) => units,
        }
    }

    /// Channels of a grid, values of a vector.
    pub fn channels(self) -> usize {
        match self {
            Self::Grid([_, _, channels]) => channels,
            Self::Flat(units) => units,
        }
    }
}

impl fmt::Display for Shape {
    /// As Keras prints it, without the batch: `28, 28, 32`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grid([height, width, channels]) => write!(f, "{height}, {width}, {channels}"),
            Self::Flat(units) => write!(f, "{units}"),
        }
    }
}

/// Padding of a convolution at the edges of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Only windows that lie inside: the output is smaller than the input.
    #[default]
    Valid,
    /// Zeros around it, so that the output is as large as the input, or with a stride as large as
    /// the input divided by it, rounded up; where their number is odd, the larger part follows.
    Same,
    /// That many zeros on every side.
    Zeros(usize),
}

/// A side of an image, and the windows along it.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    /// Values of the image.
    pub size: usize,
    /// Values of a window.
    pub window: usize,
    /// From the beginning of a window to that of the next.
    pub stride: usize,
}

impl Padding {
    /// Zeros before and after the image along one side of it.
    pub fn around(self, side: Side) -> (usize, usize) {
        match self {
            Self::Valid => (0, 0),
            Self::Same => {
                let last = (side.size.div_ceil(side.stride) - 1) * side.stride;
                let zeros = (last + side.window).saturating_sub(side.size);
                (zeros / 2, zeros.div_ceil(2))
            }
            Self::Zeros(zeros) => (zeros, zeros),
        }
    }

    /// The value under the key `padding` of a layer's description.
    pub(super) fn read(section: &Section) -> Result<Option<Self>> {
        if let Ok(Some(zeros)) = section.whole("padding") {
            return Ok(Some(Self::Zeros(zeros)));
        }
        let named = [("valid", Self::Valid), ("same", Self::Same)];
        section.choice("padding", &named).map_err(|_| {
            section.unexpected("padding", "\"valid\", \"same\", or a whole number of zeros")
        })
    }
}

impl fmt::Display for Padding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid => f.write_str("valid"),
            Self::Same => f.write_str("same"),
            Self::Zeros(zeros) => write!(f, "padding {zeros}"),
        }
    }
}

/// A window that is at least 1 x 1 and no larger than the image, or what is wrong with it; `what`
/// it is for is said.
pub(super) fn fit(what: &str, window: [usize; 2], image: [usize; 2]) -> Result<[usize; 2], String> {
    let [rows, columns] = window;
    let [height, width] = image;
    if rows == 0 || columns == 0 || rows > height || columns > width {
        return Err(format!(
            "a {what} of {rows} x {columns} does not fit its input of {height} x {width}"
        ));
    }
    Ok(window)
}

/// Output of windows that touch, of which each gives one value a channel.
///
/// # Errors
/// A text if a window does not fit the image.
pub(super) fn pooled(
    [height, width, channels]: [usize; 3],
    window: [usize; 2],
) -> Result<Shape, String> {
    let [rows, columns] = fit("pool", window, [height, width])?;
    Ok(Shape::Grid([height / rows, width / columns, channels]))
}

/// Height and width of a window as drawings show them.
pub(super) fn window_text([height, width]: [usize; 2]) -> String {
    format!("{height} × {width}")
}

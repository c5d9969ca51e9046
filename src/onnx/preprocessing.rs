//! Settings of the preparation of images for a network.

use crate::error::{Error, Result};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// Mean and standard deviation of the pixels of ImageNet, red, green and blue, of 1.
const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
/// Pixels that the shorter side is scaled to for each of the part that is cut out, as the networks
/// of torchvision are tested: 256 for 224.
const SHORTER: (usize, usize) = (256, 224);

/// Size to which an image is scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum Resize {
    /// The shorter side to so many pixels, the proportions kept.
    Shorter(usize),
    /// Height and width.
    Exact(usize, usize),
}

impl FromStr for Resize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sizes = text.split(['x', 'X', '\u{d7}']).map(|size| size.trim().parse().ok());
        match sizes.map(|size| size.filter(|&size: &usize| size > 0)).collect::<Vec<_>>()[..] {
            [Some(side)] => Ok(Self::Shorter(side)),
            [Some(height), Some(width)] => Ok(Self::Exact(height, width)),
            _ => Err("expected the pixels of the shorter side, or height and width: 256 or \
                      224x224"
                .into()),
        }
    }
}

impl fmt::Display for Resize {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shorter(side) => write!(out, "{side}"),
            Self::Exact(height, width) => write!(out, "{height}x{width}"),
        }
    }
}

impl From<Resize> for String {
    fn from(resize: Resize) -> Self {
        resize.to_string()
    }
}

/// Order of the values of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// The one that the shape of the input shows; channels first where it shows none.
    #[default]
    Auto,
    /// Channels, rows, columns.
    Nchw,
    /// Rows, columns, channels.
    Nhwc,
}

/// Known ways to prepare images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Pixels / 255, scaled to the size that the network takes.
    #[default]
    None,
    /// The shorter side scaled to 256 pixels for 224 of the network, the middle cut out, ImageNet's
    /// mean subtracted, divided by its standard deviation.
    Imagenet,
}

/// Preparation of images for a network; what is left out is the preset's.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Preprocessing {
    /// Where the rest comes from.
    pub preset: Preset,
    /// Size to which images are scaled, with a triangle filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<Resize>,
    /// Height and width of the middle that is cut out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<Resize>,
    /// Value that is subtracted from pixels / 255, for all channels or for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<Vec<f32>>,
    /// Value by which the difference is divided, above 0, for all channels or for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub std: Option<Vec<f32>>,
    /// Order of the values.
    pub layout: Layout,
}

/// Height, width and channels of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSize {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// Values of a pixel: 1 for grey, 3 for red, green and blue.
    pub channels: usize,
}

impl fmt::Display for ImageSize {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} x {} x {}", self.height, self.width, self.channels)
    }
}

impl Preprocessing {
    /// Size to which images are scaled where nothing is said.
    pub(super) fn default_size(
        &self,
        from: ImageSize,
        to: ImageSize,
        is_cropped: bool,
    ) -> (usize, usize) {
        match self.preset {
            Preset::Imagenet => {
                let (all, part) = SHORTER;
                let least = to.height.max(to.width);
                shorter((from.height, from.width), (least * all + part / 2) / part)
            }
            // Of what is cut out nothing is lost by scaling.
            Preset::None if is_cropped => (from.height, from.width),
            Preset::None => (to.height, to.width),
        }
    }

    /// Mean and standard deviation of each channel.
    pub(super) fn scale(&self, channels: usize) -> Result<(Vec<f32>, Vec<f32>)> {
        let is_imagenet = self.preset == Preset::Imagenet;
        let preset = |values: [f32; 3], none: f32| match (is_imagenet, channels) {
            (false, _) => vec![none],
            (true, 3) => values.to_vec(),
            // Of grey the mean of the three.
            (true, _) => vec![values.iter().sum::<f32>() / 3.0],
        };
        let each = |name: &str, given: &Option<Vec<f32>>, preset: Vec<f32>| {
            let values = given.clone().unwrap_or(preset);
            let words = values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            let is_fit = values.iter().all(|value| value.is_finite())
                && (name != "std" || values.iter().all(|&value| value > 0.0));
            match values.len() {
                1 if is_fit => Ok(vec![values[0]; channels]),
                n if n == channels && is_fit => Ok(values),
                _ => {
                    let range = if name == "std" { " above 0" } else { "" };
                    let each = format!(", or {channels}, one a channel");
                    let each = if channels > 1 { each.as_str() } else { "" };
                    let expected = format!("one number{range}{each}");
                    Err(Error::parameter(name, words, expected))
                }
            }
        };
        let (mean, std) = IMAGENET;
        Ok((
            each("mean", &self.mean, preset(mean, 0.0))?,
            each("std", &self.std, preset(std, 1.0))?,
        ))
    }
}

/// Height and width with the shorter side of so many pixels, rounded down as torchvision does.
pub(super) fn shorter((height, width): (usize, usize), side: usize) -> (usize, usize) {
    if height <= width { (side, side * width / height) } else { (side * height / width, side) }
}

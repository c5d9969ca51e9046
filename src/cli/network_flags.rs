//! Flags that say what is taken of a network of another program, and how images are prepared for
//! it.

use clap::Args;
use layerlens::onnx::{
    ImageSize, LayerChoice, Layout, NetworkOptions, Preprocessing, Preset, Resize, Tokens,
};
use layerlens::run::GivenNetwork;
use std::path::PathBuf;

/// Heading of the flags.
pub const HEADING: &str = "Network of an ONNX file";

/// What is taken of a network in an ONNX file.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub struct NetworkFlags {
    /// Layers: all, or names with commas between, as `model show` lists them [default: 12 spread
    /// evenly, first and last among them]
    #[arg(long, value_name = "all|NAME,...", help_heading = HEADING)]
    pub layers: Option<LayerChoice>,
    /// What is kept of the tokens of a transformer [default: mean]
    #[arg(long, value_enum, help_heading = HEADING)]
    pub token: Option<Tokens>,
    /// Ready preparation of the images: none (pixels / 255, scaled to the size that the network
    /// takes) or imagenet (shorter side to 256 for 224, the middle, ImageNet's mean and standard
    /// deviation); the flags below go before it [default: none]
    #[arg(long, value_enum, help_heading = HEADING)]
    pub preprocess: Option<Preset>,
    /// Pixels of the shorter side, or height and width, to which images are scaled: 256, 224x224
    #[arg(long, value_name = "N|HxW", help_heading = HEADING)]
    pub resize: Option<Resize>,
    /// Height and width of the middle that is cut out: 224, 224x160
    #[arg(long, value_name = "N|HxW", help_heading = HEADING)]
    pub crop: Option<Resize>,
    /// Subtracted from pixels / 255, one number or one a channel
    #[arg(long, value_name = "X,...", value_delimiter = ',', allow_negative_numbers = true, help_heading = HEADING)]
    pub mean: Option<Vec<f32>>,
    /// Divides the difference, one number or one a channel
    #[arg(long, value_name = "X,...", value_delimiter = ',', allow_negative_numbers = true, help_heading = HEADING)]
    pub std: Option<Vec<f32>>,
    /// Axis of the channels of its input [default: auto, by the sizes of the input]
    #[arg(long, value_enum, help_heading = HEADING)]
    pub layout: Option<Layout>,
}

impl NetworkFlags {
    /// The network of a file, of whose images at most a `sample` is taken.
    pub fn network(&self, file: PathBuf, sample: Option<usize>) -> GivenNetwork {
        GivenNetwork {
            file,
            layers: self.layers.clone().unwrap_or_default(),
            token: self.token.unwrap_or_default(),
            preprocessing: self.preprocessing(),
            sample,
        }
    }

    /// The same to show the network, for images of a size if that is given.
    pub fn options(&self, image: Option<ImageSize>) -> NetworkOptions {
        NetworkOptions {
            layers: self.layers.clone().unwrap_or_default(),
            tokens: self.token.unwrap_or_default(),
            preprocessing: self.preprocessing(),
            image,
        }
    }

    fn preprocessing(&self) -> Preprocessing {
        Preprocessing {
            preset: self.preprocess.unwrap_or_default(),
            resize: self.resize,
            crop: self.crop,
            mean: self.mean.clone(),
            std: self.std.clone(),
            layout: self.layout.unwrap_or_default(),
        }
    }
}

//! From the bytes of an image to the values that a network takes.

use super::graph::Input;
use super::preprocessing::{ImageSize, Layout, Preprocessing, Resize, shorter};
use crate::error::{Error, Result};
use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma, Pixel, Rgb};

/// Preparation of images of one size for one network, all checked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    from: ImageSize,
    /// Height and width after scaling.
    scaled: (usize, usize),
    /// What the network takes.
    pub(super) to: ImageSize,
    /// `true` for rows, columns, channels.
    pub(super) is_last: bool,
    /// Sizes of the input for one image.
    dims: Vec<usize>,
    mean: Vec<f32>,
    std: Vec<f32>,
}

impl Plan {
    /// Preparation for `input`, of images of size `from`; without one they are as the network
    /// takes them.
    ///
    /// # Errors
    /// [`Error::Data`] if the images, or the settings, do not fit what the network takes.
    pub(super) fn new(
        settings: &Preprocessing,
        input: &Input,
        from: Option<ImageSize>,
    ) -> Result<Self> {
        let taken = Taken::of(input, settings.layout, from)?;
        let size = |at: usize| [taken.height, taken.width][at];
        let channels = taken.channels_for(from)?;
        let crop = settings.crop.map(|crop| match crop {
            Resize::Shorter(side) => (side, side),
            Resize::Exact(height, width) => (height, width),
        });
        let own = from.map(|from| (from.height, from.width));
        let exact = match settings.resize {
            Some(Resize::Exact(height, width)) => Some((height, width)),
            Some(Resize::Shorter(side)) => own.map(|own| shorter(own, side)).or(Some((side, side))),
            None => None,
        };
        let open = crop.or(exact).or(own);
        let side = |at: usize, name: &str| {
            let given = open.map(|open| [open.0, open.1][at]);
            size(at).or(given).ok_or_else(|| {
                Error::Data(format!(
                    "leaves the {name} of its images open: `Preprocessing::resize` or \
                     `Preprocessing::crop` says it"
                ))
            })
        };
        let to = ImageSize { height: side(0, "height")?, width: side(1, "width")?, channels };
        let from = from.unwrap_or(to);
        if let Some((height, width)) = crop.filter(|&crop| crop != (to.height, to.width)) {
            return Err(Error::Data(format!(
                "takes images of {} x {} pixels, but `Preprocessing::crop` is {height} x {width}",
                to.height, to.width
            )));
        }
        let scaled = exact.unwrap_or_else(|| settings.default_size(from, to, crop.is_some()));
        if scaled.0 < to.height || scaled.1 < to.width {
            return Err(Error::Data(format!(
                "takes images of {} x {} pixels, but these have {} x {} when scaled: a larger \
                 `Preprocessing::resize` is expected",
                to.height, to.width, scaled.0, scaled.1
            )));
        }
        let (mean, std) = settings.scale(channels)?;
        let dims = taken.dims(to);
        Ok(Self { from, scaled, to, is_last: taken.is_last, dims, mean, std })
    }

    /// The longer side to which images are scaled.
    pub(super) fn side(&self) -> usize {
        self.scaled.0.max(self.scaled.1)
    }

    /// Sizes of the input for `n` images.
    pub(super) fn batch(&self, n: usize) -> Vec<usize> {
        [&[n], &self.dims[..]].concat()
    }

    /// Number of values of an image.
    pub(super) fn size(&self) -> usize {
        self.dims.iter().product()
    }

    /// Adds the values of one image, pixel after pixel with its channels together, to `values`.
    pub(super) fn prepare(&self, pixels: &[u8], values: &mut Vec<f32>) {
        let bytes = if self.from.channels == 1 {
            self.scaled_middle::<Luma<u8>>(pixels)
        } else {
            self.scaled_middle::<Rgb<u8>>(pixels)
        };
        let value = |pixel: usize, channel: usize| {
            // A grey image is the same in every channel.
            let byte = bytes[pixel * self.from.channels + channel.min(self.from.channels - 1)];
            (f32::from(byte) / 255.0 - self.mean[channel]) / self.std[channel]
        };
        let (n_pixels, channels) = (self.to.height * self.to.width, self.to.channels);
        if self.is_last {
            values.extend((0..n_pixels * channels).map(|at| value(at / channels, at % channels)));
        } else {
            values.extend((0..n_pixels * channels).map(|at| value(at % n_pixels, at / n_pixels)));
        }
    }

    /// The bytes of the middle of a scaled image.
    fn scaled_middle<P: Pixel<Subpixel = u8> + 'static>(&self, pixels: &[u8]) -> Vec<u8> {
        let image: ImageBuffer<P, &[u8]> =
            ImageBuffer::from_raw(self.from.width as u32, self.from.height as u32, pixels)
                .expect("images of one size");
        let (height, width) = (self.scaled.0 as u32, self.scaled.1 as u32);
        let is_ready = self.scaled == (self.from.height, self.from.width);
        let scaled = if is_ready {
            ImageBuffer::from_raw(width, height, pixels.to_vec()).expect("as large as before")
        } else {
            imageops::resize(&image, width, height, FilterType::Triangle)
        };
        let (to_height, to_width) = (self.to.height as u32, self.to.width as u32);
        if (height, width) == (to_height, to_width) {
            return scaled.into_raw();
        }
        // As torchvision rounds: half to even.
        let start = |all: u32, part: u32| (f64::from(all - part) / 2.0).round_ties_even() as u32;
        let (left, top) = (start(width, to_width), start(height, to_height));
        imageops::crop_imm(&scaled, left, top, to_width, to_height).to_image().into_raw()
    }

    /// What is done to every image, for the user; none if nothing but a division by 255.
    pub(super) fn note(&self) -> Option<String> {
        let mut steps = Vec::new();
        if self.scaled != (self.from.height, self.from.width) {
            steps.push(format!("scaled to {} x {}", self.scaled.0, self.scaled.1));
        }
        if self.scaled != (self.to.height, self.to.width) {
            steps.push(format!("of which the middle {} x {}", self.to.height, self.to.width));
        }
        if self.to.channels > self.from.channels {
            steps.push("the grey value in every channel".into());
        }
        (!steps.is_empty())
            .then(|| format!("images of {} for the network: {}", self.from, steps.join(", ")))
    }
}

/// The square image of so many values, grey or in colour.
fn square(n_values: usize) -> Option<ImageSize> {
    [1, 3].into_iter().find_map(|channels| {
        let height = (n_values / channels).isqrt();
        let is_square = height * height * channels == n_values;
        is_square.then_some(ImageSize { height, width: height, channels })
    })
}

/// Sizes that an input takes for one image, none where they are open.
struct Taken {
    height: Option<usize>,
    width: Option<usize>,
    channels: Option<usize>,
    is_last: bool,
    /// Number of dimensions.
    rank: usize,
}

impl Taken {
    fn of(input: &Input, layout: Layout, from: Option<ImageSize>) -> Result<Self> {
        let dims = &input.dims[1..];
        let is_channels = |size: Option<usize>| matches!(size, Some(1 | 3));
        let taken = |height, width, channels, is_last| Self {
            height,
            width,
            channels,
            is_last,
            rank: dims.len(),
        };
        match *dims {
            [first, middle, last] => {
                let is_last = match layout {
                    Layout::Auto => is_channels(last) && !is_channels(first),
                    Layout::Nchw => false,
                    Layout::Nhwc => true,
                };
                Ok(if is_last {
                    taken(first, middle, last, true)
                } else {
                    taken(middle, last, first, false)
                })
            }
            [height, width] => Ok(taken(height, width, Some(1), layout == Layout::Nhwc)),
            [Some(pixels)] => {
                let own = from.filter(|it| it.height * it.width * it.channels == pixels);
                let size = own.or_else(|| square(pixels)).ok_or_else(|| {
                    Error::Data(format!(
                        "takes flat images of {pixels} values, which is no square of 1 or 3 \
                         channels"
                    ))
                })?;
                let ImageSize { height, width, channels } = size;
                Ok(taken(Some(height), Some(width), Some(channels), layout == Layout::Nhwc))
            }
            _ => Ok(taken(None, None, None, layout == Layout::Nhwc)),
        }
    }

    /// Number of channels for such images.
    fn channels_for(&self, from: Option<ImageSize>) -> Result<usize> {
        let channels = match (self.channels, from) {
            (Some(channels @ (1 | 3)), _) => channels,
            (Some(other), _) => {
                return Err(Error::Data(format!(
                    "takes images of {other} channels; 1 or 3 are expected, with \
                     `Preprocessing::layout` for the axis that holds them"
                )));
            }
            (None, Some(from)) => from.channels,
            (None, None) => 3,
        };
        match from.filter(|from| from.channels == 3 && channels == 1) {
            None => Ok(channels),
            Some(from) => Err(Error::Data(format!(
                "takes grey images, but these are in colour, {from}: `Request::channels` = grey \
                 makes them grey"
            ))),
        }
    }

    fn dims(&self, to: ImageSize) -> Vec<usize> {
        let ImageSize { height, width, channels } = to;
        match self.rank {
            1 => vec![height * width * channels],
            2 => vec![height, width],
            _ if self.is_last => vec![height, width, channels],
            _ => vec![channels, height, width],
        }
    }
}

//! Form in which a layer is kept: a row of values an image.

use super::operators::Channels;
use crate::error::{Error, Result};
use crate::model::MAX_WHOLE;
use serde::Serialize;

/// What is kept of the tokens of a transformer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Tokens {
    /// Their mean.
    #[default]
    Mean,
    /// The first, that of the class in many networks.
    First,
}

/// What is kept of a layer's values for one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// All, in their order.
    Whole,
    /// The mean of each channel.
    ChannelMeans,
    /// The mean over the tokens.
    TokenMean,
    /// The first token.
    FirstToken,
}

/// A value of a batch of images: where its images are, and what is kept of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Axis of the images; none if there is no such axis, since there is one image.
    axis: Option<usize>,
    /// Entries of that axis for one image: more than one for windows of an image.
    windows: usize,
    /// Sizes for one image.
    pub(super) shape: Vec<usize>,
    /// Axis of the channels or features among them.
    channels: usize,
    pub(super) form: Form,
}

impl Placed {
    /// Of a value with these sizes for `n` images; `twice` are its sizes for twice as many, where
    /// the network takes any number. None if it does not hold values of each image.
    pub(super) fn new(
        dims: &[usize],
        twice: Option<&[usize]>,
        n: usize,
        channels: Channels,
        tokens: Tokens,
    ) -> Option<Self> {
        let axis = match twice {
            Some(twice) => Some(growing(dims, twice)?),
            None if n == 1 => dims.iter().position(|&size| size == 1),
            None => Some(dims.iter().position(|&size| size.is_multiple_of(n))?),
        };
        let mut shape = dims.to_vec();
        let windows = axis.map_or(1, |axis| dims[axis] / n);
        match (windows, axis) {
            (1, Some(axis)) => drop(shape.remove(axis)),
            (1, None) => {}
            (windows, Some(0)) => shape[0] = windows,
            _ => return None,
        }
        let rank = shape.len();
        let is_last = channels == Channels::Last;
        let size: usize = shape.iter().product();
        let are_tokens = rank == 2 && is_last && shape[0] > 1;
        let form = match tokens {
            Tokens::Mean if are_tokens => Form::TokenMean,
            Tokens::First if are_tokens => Form::FirstToken,
            _ if rank > 1 && size > MAX_WHOLE => Form::ChannelMeans,
            _ => Form::Whole,
        };
        let channels = if is_last { rank.saturating_sub(1) } else { 0 };
        (size > 0).then_some(Self { axis, windows, shape, channels, form })
    }

    /// The same, of which all values are kept.
    pub(super) fn whole(self) -> Self {
        Self { form: Form::Whole, ..self }
    }

    /// Number of values that are kept for an image.
    pub(super) fn width(&self) -> usize {
        match self.form {
            Form::Whole => self.shape.iter().product(),
            _ => self.shape[self.channels],
        }
    }

    /// The sizes for `n` images.
    fn dims(&self, n: usize) -> Vec<usize> {
        let mut dims = self.shape.clone();
        match self.axis {
            None => {}
            Some(_) if self.windows > 1 => dims[0] *= n,
            Some(axis) => dims.insert(axis, n),
        }
        dims
    }

    /// Adds what is kept of the first `wanted` of `n` images to `rows`.
    ///
    /// # Errors
    /// [`Error::Data`] if the value has other sizes than it had at first.
    pub(super) fn add_rows(
        &self,
        found: &Found,
        n: usize,
        wanted: usize,
        rows: &mut Vec<f32>,
    ) -> Result<()> {
        let expected = self.dims(n);
        if found.dims != expected {
            return Err(Error::Data(format!(
                "has sizes {:?} for {n} images, but {expected:?} would go with those for one",
                found.dims
            )));
        }
        let axis = self.axis.unwrap_or(0);
        // Values that come before the number of the image changes, and after it.
        let inner: usize = if axis == 0 { 0 } else { expected[axis + 1..].iter().product() };
        let size: usize = self.shape.iter().product();
        let mut image = Vec::with_capacity(size);
        for i in 0..wanted {
            if axis == 0 {
                self.add_row(&found.values[i * size..][..size], rows);
            } else {
                image.clear();
                for outer in 0..size / inner {
                    image.extend_from_slice(&found.values[(outer * n + i) * inner..][..inner]);
                }
                self.add_row(&image, rows);
            }
        }
        Ok(())
    }

    /// Adds what is kept of one image.
    fn add_row(&self, image: &[f32], rows: &mut Vec<f32>) {
        let width = self.width();
        match self.form {
            Form::Whole => rows.extend_from_slice(image),
            Form::FirstToken => rows.extend_from_slice(&image[..width]),
            Form::ChannelMeans | Form::TokenMean => {
                let inner: usize = self.shape[self.channels + 1..].iter().product();
                let mut sums = vec![0.0_f64; width];
                for (at, part) in image.chunks_exact(inner).enumerate() {
                    sums[at % width] += part.iter().map(|&value| f64::from(value)).sum::<f64>();
                }
                let count = (image.len() / width) as f64;
                rows.extend(sums.into_iter().map(|sum| (sum / count) as f32));
            }
        }
    }
}

/// A value as the interpreter gives it; of other kinds than floats it has no values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Found {
    pub(super) dims: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// The axis that is twice as long for twice as many images, if there is exactly one and no other
/// changes.
fn growing(dims: &[usize], twice: &[usize]) -> Option<usize> {
    let mut differing = (0..dims.len()).filter(|&axis| twice.get(axis) != Some(&dims[axis]));
    let axis = differing.next()?;
    let is_double = dims.len() == twice.len() && twice[axis] == 2 * dims[axis];
    (is_double && differing.next().is_none()).then_some(axis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(dims: &[usize], twice: &[usize], channels: Channels) -> Option<Placed> {
        Placed::new(dims, Some(twice), 1, channels, Tokens::Mean)
    }

    fn rows(placed: &Placed, dims: &[usize], n: usize) -> Vec<f32> {
        let size = dims.iter().product::<usize>();
        let values = (0..size).map(|value| value as f32).collect();
        let mut rows = Vec::new();
        placed.add_rows(&Found { dims: dims.to_vec(), values }, n, n, &mut rows).unwrap();
        rows
    }

    #[test]
    fn images_are_found_on_any_axis() {
        let tokens = placed(&[3, 1, 2], &[3, 2, 2], Channels::Last).unwrap();
        assert_eq!((tokens.form, tokens.width()), (Form::TokenMean, 2));
        // Of image 0 the tokens 0 1, 4 5, 8 9.
        assert_eq!(rows(&tokens, &[3, 2, 2], 2), [4.0, 5.0, 6.0, 7.0]);
        let windows = placed(&[4, 3, 2], &[8, 3, 2], Channels::Last).unwrap();
        assert_eq!((windows.form, windows.width()), (Form::Whole, 24));
        assert_eq!(rows(&windows, &[8, 3, 2], 2).len(), 48);
        assert_eq!(placed(&[3, 2], &[3, 2], Channels::Last), None);
        assert_eq!(placed(&[1, 2], &[2, 4], Channels::Last), None);
        assert_eq!(placed(&[1, 2], &[1, 4], Channels::Last), None);
    }

    #[test]
    fn large_maps_become_the_means_of_their_channels() {
        let first = placed(&[1, 3, 40, 20], &[2, 3, 40, 20], Channels::First).unwrap();
        assert_eq!((first.form, first.width()), (Form::ChannelMeans, 3));
        assert_eq!(rows(&first, &[1, 3, 40, 20], 1), [399.5, 1199.5, 1999.5]);
        let last = placed(&[1, 40, 20, 3], &[2, 40, 20, 3], Channels::Last).unwrap();
        assert_eq!(rows(&last, &[1, 40, 20, 3], 1), [1198.5, 1199.5, 1200.5]);
        let small = placed(&[1, 2, 32, 32], &[2, 2, 32, 32], Channels::First).unwrap();
        assert_eq!((small.form, small.width()), (Form::Whole, 2048));
    }

    #[test]
    fn one_image_at_a_time_needs_no_axis() {
        let one = Placed::new(&[49, 6], None, 1, Channels::Last, Tokens::First).unwrap();
        assert_eq!((one.form, &one.shape[..]), (Form::FirstToken, &[49, 6][..]));
        assert_eq!(rows(&one, &[49, 6], 1), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let other = Found { dims: vec![50, 6], values: vec![0.0; 300] };
        assert!(one.add_rows(&other, 1, 1, &mut Vec::new()).is_err());
    }
}

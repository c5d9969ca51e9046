//! Replacement for training in a build without burn.

use super::history::Performance;
use super::{Job, Trained, Training, check_fit};
use crate::compute::Device;
use crate::dataset::Samples;
use crate::error::{Error, Result};
use crate::model::{Architecture, Weights};
use crate::progress::Observer;

/// Refuses to train.
pub(super) fn train(
    _: &Training,
    _: &Device,
    _: &Job,
    _: &[Option<String>; 3],
    _: &dyn Observer,
) -> Result<Trained> {
    Err(Error::without_train("training"))
}

/// Loss and accuracy of `weights` on `samples`.
///
/// # Errors
/// [`Error::Data`] if the images do not fit the model; else [`Error::Feature`], since this build
/// lacks the feature `train`.
pub fn evaluate(
    _: &Device,
    architecture: &Architecture,
    _: &Weights,
    samples: &Samples,
) -> Result<Performance> {
    check_fit(architecture, samples)?;
    Err(Error::without_train("the predictions of a network"))
}

//! The command `train`: a classifier without its layers.

use super::job::{Summary, TrainRun, close};
use super::prepared::{open, prepare};
use super::session;
use super::steps::training::training;
use crate::compute::{Description, Device};
use crate::error::Result;
use crate::progress::Reporter;

/// Trains a classifier and writes model, history and the history's figure.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) for missing or malformed data,
/// [`Error::Parameter`](crate::Error::Parameter), [`Error::Exists`](crate::Error::Exists),
/// [`Error::Write`](crate::Error::Write), any error of the device,
/// [`Error::Interrupted`](crate::Error::Interrupted).
pub fn train(
    run: &TrainRun,
    device: &Device,
    description: &Description,
    reporter: &dyn Reporter,
) -> Result<Summary> {
    run.training.validate()?;
    let prepared = prepare(run, None)?;
    let mut record = open(run, None, &prepared, description, reporter)?;
    let outcome = session::compute(&mut record, device, description, reporter, |session| {
        training(session, run, None, &prepared).map(drop)
    });
    let summary = close(record, outcome, reporter)?;
    Ok(Summary { class_names: prepared.data.class_names, ..summary })
}

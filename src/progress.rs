//! Progress and cancellation of long computations.

use crate::error::{Error, Result};
use crate::matrix::Matrix;

/// Observer of one stage: receives its progress and can end it.
pub trait Observer: Sync {
    /// Reports that `done` of `total` steps are finished; `figures` are named current values, for
    /// example a loss.
    fn progress(&self, done: u64, total: u64, figures: &[(&str, f64)]) {
        let _ = (done, total, figures);
    }

    /// `true` if the caller wants the computation to stop now.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// `true` if the caller is satisfied with the result so far: an iterative method such as t-SNE
    /// then stops early and returns the current embedding.
    fn is_satisfied(&self) -> bool {
        false
    }

    /// `true` if the caller wants to see the coordinates of an iterative method after `done` of its
    /// iterations: reading them from a device takes time.
    fn wants_embedding(&self, done: u64) -> bool {
        let _ = done;
        false
    }

    /// Receives the coordinates that were wanted, n_samples x n_components, with the divergence or
    /// loss of a method that has one.
    fn embedding(&self, done: u64, loss: Option<f64>, embedding: &Matrix) {
        let _ = (done, loss, embedding);
    }

    /// Reports progress, then checks for cancellation.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the caller wants to stop.
    fn step(&self, done: u64, total: u64, figures: &[(&str, f64)]) -> Result<()> {
        self.progress(done, total, figures);
        if self.is_cancelled() { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// Observer and reporter that ignore everything and never cancel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}

/// Observer that passes on cancellation but no progress, for the steps of a part of a stage.
#[derive(Clone, Copy)]
pub struct Quiet<'a>(pub &'a dyn Observer);

impl Observer for Quiet<'_> {
    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// Reporter of a run with several stages.
pub trait Reporter: Sync {
    /// Starts a stage of that name; it ends when the observer is dropped.
    fn stage(&self, name: &str) -> Box<dyn Observer + '_>;

    /// Reports something worth knowing, for example a fallback.
    fn note(&self, text: &str) {
        let _ = text;
    }
}

impl Reporter for Silent {
    fn stage(&self, _: &str) -> Box<dyn Observer + '_> {
        Box::new(Self)
    }
}

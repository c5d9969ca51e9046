//! How long computations tell a caller where they are, and how they are told to stop.

use crate::error::{Error, Result};

/// Watches a stage: told of its progress, asked whether to go on.
pub trait Observer: Sync {
    /// `done` of `total` steps are finished; `figures` are named numbers of the moment, a loss for
    /// example.
    fn progress(&self, done: u64, total: u64, figures: &[(&str, f64)]) {
        let _ = (done, total, figures);
    }

    /// Whether the caller wants the computation to end now.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Whether the caller has seen enough: an iterative method then ends with the map as it is,
    /// t-SNE for one.
    fn is_satisfied(&self) -> bool {
        false
    }

    /// Reports and checks in one.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the caller wants an end.
    fn step(&self, done: u64, total: u64, figures: &[(&str, f64)]) -> Result<()> {
        self.progress(done, total, figures);
        if self.is_cancelled() { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// Watches nothing and never stops anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}

/// Watches a run of several stages.
pub trait Reporter: Sync {
    /// A stage of that name begins; it ends when the observer is dropped.
    fn stage(&self, name: &str) -> Box<dyn Observer + '_>;

    /// Something worth knowing happened, a fallback for example.
    fn note(&self, text: &str) {
        let _ = text;
    }
}

impl Reporter for Silent {
    fn stage(&self, _: &str) -> Box<dyn Observer + '_> {
        Box::new(Self)
    }
}

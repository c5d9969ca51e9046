//! A finished run as `compare` reads it.

use crate::error::Result;
use crate::matrix::Matrix;
use crate::model::RAW;
use crate::record::{Artifact, FinishedRun};
use std::path::Path;

/// A finished run with the classes of its scored points.
pub(super) struct ComparedRun {
    pub(super) run: FinishedRun,
    pub(super) class_names: Vec<String>,
    /// Of the scored points.
    pub(super) labels: Vec<u16>,
    pub(super) n_neighbors: usize,
}

impl ComparedRun {
    /// # Errors
    /// As [`FinishedRun::open`]; [`Error::Input`] if a file is missing or damaged.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let run = FinishedRun::open(path)?;
        let n_neighbors = run.insights()?.n_neighbors;
        run.check_quality()?;
        let class_names = run.class_names()?;
        let labels = run.labels(run.scored_part())?;
        Ok(Self { run, class_names, labels, n_neighbors })
    }

    /// The class that k-NN gave each scored point in a space, or in a map of it.
    pub(super) fn predictions(&self, space: &str, method: Option<&str>) -> Result<Vec<u16>> {
        self.run.predictions(&self.run.id(space, method), self.class_names.len())
    }

    /// Places of the scored points.
    pub(super) fn map(&self, space: &str, method: &str) -> Result<Matrix> {
        self.run.embedding(&self.run.id(space, Some(method)), self.run.scored_part())
    }

    /// The class that the network gave each scored point, if that is known.
    pub(super) fn network(&self) -> Result<Option<Vec<u16>>> {
        self.run.network_predictions(self.run.scored_part(), self.labels.len())
    }

    /// `true` if both runs scored the same points: their input is the same to the last byte. Where
    /// neither kept its input, equal labels are taken for a proof, unless they are in the order of
    /// the classes and so say nothing of the points.
    pub(super) fn scored_same_points(&self, other: &Self) -> bool {
        if self.run.scored_on() != other.run.scored_on() || self.labels != other.labels {
            return false;
        }
        let raw = |run: &FinishedRun| {
            let file = Artifact::Layer { name: RAW, part: run.scored_part() };
            std::fs::read(file.of(&run.path)).ok()
        };
        match (raw(&self.run), raw(&other.run)) {
            (None, None) => !self.labels.is_sorted(),
            (a, b) => a == b,
        }
    }
}

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

    /// Whether both runs scored the same points.
    pub(super) fn sameness(&self, other: &Self) -> Sameness {
        let names = |run: &Self| {
            let labels = run.labels.iter();
            labels.map(|&label| run.class_names.get(usize::from(label)).cloned()).collect()
        };
        let (ours, theirs): (Vec<Option<String>>, Vec<Option<String>>) =
            (names(self), names(other));
        if self.run.scored_on() != other.run.scored_on() || ours != theirs {
            return Sameness::Different;
        }
        let file = |run: &FinishedRun, name: &str| {
            std::fs::read(Artifact::Layer { name, part: run.scored_part() }.of(&run.path)).ok()
        };
        for name in [RAW, "images"] {
            match (file(&self.run, name), file(&other.run, name)) {
                (Some(a), Some(b)) if a == b => return Sameness::Same,
                (None, None) => (),
                _ => return Sameness::Different,
            }
        }
        // Labels in the order of the classes say nothing of the points.
        match self.labels.is_sorted() {
            true => Sameness::Different,
            false => Sameness::Assumed,
        }
    }
}

/// Whether two runs scored the same points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sameness {
    /// Their input, or their images, are the same to the last byte.
    Same,
    /// Neither run kept input or images, and all labels agree.
    Assumed,
    /// Labels, input or images differ.
    Different,
}

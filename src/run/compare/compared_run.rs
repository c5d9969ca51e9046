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
    /// The class that the network gave each scored point, if that is known.
    pub(super) network: Option<Vec<u16>>,
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
        let network = run.network_predictions(run.scored_part(), labels.len())?;
        Ok(Self { run, class_names, labels, network, n_neighbors })
    }

    /// The class that k-NN gave each scored point in a space, or in a map of it.
    pub(super) fn predictions(&self, space: &str, method: Option<&str>) -> Result<Vec<u16>> {
        self.run.predictions(&self.run.id(space, method), self.class_names.len())
    }

    /// Places of the scored points.
    pub(super) fn map(&self, space: &str, method: &str) -> Result<Matrix> {
        self.run.embedding(&self.run.id(space, Some(method)), self.run.scored_part())
    }

    /// Whether both runs scored the same points.
    pub(super) fn sameness(&self, other: &Self) -> Sameness {
        // A class is its name: its number may be another one in each run.
        let same_class = |(&ours, &theirs): (&u16, &u16)| {
            self.class_names.get(usize::from(ours)) == other.class_names.get(usize::from(theirs))
        };
        if self.run.scored_on() != other.run.scored_on()
            || self.labels.len() != other.labels.len()
            || !self.labels.iter().zip(&other.labels).all(same_class)
        {
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

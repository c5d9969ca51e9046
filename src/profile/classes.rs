//! The classes that some labels name.

use crate::error::{Error, Result};

/// Classes among some labels: those that occur, ascending.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PresentClasses {
    pub(super) present: Vec<u16>,
    /// Place of each label among them.
    pub(super) places: Vec<u32>,
}

impl PresentClasses {
    /// Classes of the labels of `n` rows.
    ///
    /// # Errors
    /// [`Error::Data`] for one class, or another number of labels.
    pub(super) fn of(labels: &[u16], n: usize) -> Result<Self> {
        if labels.len() != n {
            return Err(Error::Data(format!("{} labels for {n} rows", labels.len())));
        }
        let mut present = labels.to_vec();
        present.sort_unstable();
        present.dedup();
        if present.len() < 2 {
            return Err(Error::Data("there is one class: nothing to tell apart".into()));
        }
        let place = |label: &u16| present.partition_point(|class| class < label) as u32;
        Ok(Self { places: labels.iter().map(place).collect(), present })
    }
}

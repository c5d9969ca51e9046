//! Maps that a run could not make, and goes on without.

use crate::embedding;
use serde::{Deserialize, Serialize};

/// A map that could not be made of a space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The space.
    pub space: String,
    /// Name of the method.
    pub method: String,
    /// Why.
    pub reason: String,
}

impl Skipped {
    /// The warning that goes with it.
    pub fn warning(&self) -> String {
        let Self { space, method, reason } = self;
        let title = embedding::method(method).map_or(method.as_str(), |method| method.title);
        format!("no map of {space} by {title}: {reason}")
    }
}

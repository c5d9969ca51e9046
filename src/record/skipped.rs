//! Maps that a run could not make, and goes on without.

use crate::embedding;
use crate::error::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The name under which a run notes them.
pub(crate) const SKIPPED: &str = "skipped";

/// A map that could not be made of a space.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Skipped {
    pub(crate) space: String,
    pub(crate) method: String,
    pub(crate) reason: String,
}

impl Skipped {
    /// The warning that goes with it.
    pub(crate) fn warning(&self) -> Result<String> {
        let Self { space, method, reason } = self;
        Ok(format!("no map of {space} by {}: {reason}", embedding::method(method)?.title))
    }
}

/// The warning that goes with a skipped map as the manifest notes it; none if that is damaged.
pub(super) fn skipped_warning(noted: &Value) -> Option<String> {
    Skipped::deserialize(noted).ok()?.warning().ok()
}

//! Models described in TOML files.

use super::Blueprint;
use crate::error::{Error, Result};
use std::path::Path;

impl Blueprint {
    /// Reads a description.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub fn read(path: &Path) -> Result<Self> {
        Err(Error::input(path, "descriptions cannot be read yet"))
    }
}

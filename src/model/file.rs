//! Files of models with their weights.

use super::architecture::Architecture;
use super::keras::read_keras;
use super::weights::{Weights, read_weights};
use crate::error::{Error, Result};
use std::path::Path;

/// Reads a model with its weights, by the ending of its name: a .keras file (see [`read_keras`]),
/// or else a .safetensors file that this program wrote (see [`read_weights`]).
///
/// # Errors
/// Those of the two; a model in Keras' older .h5 format is refused.
pub fn read_model(path: &Path) -> Result<(Architecture, Weights)> {
    match ending(path).as_str() {
        "keras" => read_keras(path),
        "h5" | "hdf5" => Err(Error::input(
            path,
            "is of a format that Keras no longer writes; load it there and save it again: \
             model.save(\"net.keras\")",
        )),
        _ => read_weights(path),
    }
}

/// `true` if the name is that of a file with a model and its weights.
pub fn is_model_file(path: &Path) -> bool {
    ["keras", "h5", "hdf5", "safetensors"].contains(&ending(path).as_str())
}

/// What follows the last dot of the name, in lower case.
fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

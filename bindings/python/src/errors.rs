//! Errors of the library as exceptions.

use layerlens::Error;
use pyo3::PyErr;
use pyo3::exceptions::{
    PyFileExistsError, PyKeyboardInterrupt, PyMemoryError, PyOSError, PyRuntimeError, PyValueError,
};
use serde::Serialize;

/// The exception for an error; its message names parameters as Python does.
pub fn raised(error: Error) -> PyErr {
    let message = python_names(&error.to_string());
    match error {
        Error::Parameter { .. } | Error::Input { .. } | Error::Data(_) => {
            PyValueError::new_err(message)
        }
        Error::Interrupted => PyKeyboardInterrupt::new_err(()),
        Error::GpuMemory { .. } => PyMemoryError::new_err(message),
        Error::Exists(_) => PyFileExistsError::new_err(message),
        Error::Write { .. } | Error::Fetch { .. } => PyOSError::new_err(message),
        _ => PyRuntimeError::new_err(message),
    }
}

/// The text without the structs of fields: `` `learning_rate` `` for `` `Tsne::learning_rate` ``.
pub fn python_names(text: &str) -> String {
    let mut parts = text.split('`');
    let mut named = parts.next().unwrap_or_default().to_owned();
    for (at, part) in parts.enumerate() {
        let is_code = at % 2 == 0;
        let field = part.split_once("::").filter(|(owner, field)| {
            let is_word = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == '_');
            is_code && is_word(owner) && is_word(field)
        });
        named.push('`');
        named += field.map_or(part, |(_, field)| field);
    }
    named
}

/// A result as JSON, for `json.loads`.
pub fn json(value: &impl Serialize) -> Result<String, PyErr> {
    serde_json::to_string(value).map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

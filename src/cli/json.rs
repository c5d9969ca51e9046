//! `--json`: the result of a command, or why there is none, as one document on stdout.

use super::console::console;
use super::naming;
use layerlens::Error;
use layerlens::run::Summary;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The result of the command.
static RESULT: Mutex<Option<Value>> = Mutex::new(None);

/// Keeps what the command found; without `--json` nothing is gathered.
pub fn keep(result: impl FnOnce() -> Value) {
    if console().json {
        *RESULT.lock().unwrap_or_else(PoisonError::into_inner) = Some(result());
    }
}

/// A path as it is shown: what is no UTF-8 in it is replaced.
pub fn path(path: &Path) -> String {
    path.display().to_string()
}

/// A part of a result with the digits that files have: a number of 32 bits is not widened.
pub fn written(part: &impl Serialize) -> Value {
    let text = serde_json::to_string(part).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// The document of a command that has succeeded.
pub fn document() -> Option<String> {
    let result = RESULT.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    Some(text(&json!({ "version": 1, "command": naming::command(), "result": result })))
}

/// The document of one that has not.
pub fn failure(kind: &str, code: u8, message: &str) -> String {
    let error = json!({ "kind": kind, "exit_code": code, "message": message });
    text(&json!({ "version": 1, "command": naming::command(), "error": error }))
}

/// The result of a command whose summary is that of a run.
pub fn of_run(summary: &Summary) -> Value {
    json!({
        "path": path(&summary.path),
        "class_names": summary.class_names,
        "results": written(&summary.results),
        "warnings": summary.warnings,
    })
}

fn text(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}

/// What kind of failure an error is.
pub fn kind(error: &Error) -> &'static str {
    match error {
        _ if naming::is_of_file(error) => "input",
        Error::Parameter { .. } => "parameter",
        Error::Input { .. } => "input",
        Error::Data(_) => "data",
        Error::Fetch { .. } => "fetch",
        Error::Write { .. } => "write",
        Error::Exists(_) => "exists",
        Error::NoGpu(_) => "no_gpu",
        Error::Kernel { .. } | Error::GpuMemory { .. } | Error::DeviceLost { .. } => "gpu",
        Error::Interrupted => "interrupted",
        Error::Training(_) => "training",
        Error::Feature { .. } => "feature",
        Error::Fault { .. } => "fault",
        _ => "other",
    }
}

//! The manifest of a run: what was asked for, what is done, what came of it. It is read back to
//! resume a run and to compare two.

use super::artifact::Artifact;
use super::earlier;
use super::results::Results;
use super::stage::Stage;
use crate::compute::{Description, DeviceKind};
use crate::dataset::Source;
use crate::error::{Error, Result};
use crate::files::write_atomic;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt::Display;
use std::path::Path;

/// Version of the manifest's layout; raised when a reader must know. Since 2 a run keeps the class
/// that each scored point was given, and the names of its classes; since 3 every output names the
/// stage that wrote it, and the results of maps are in `results.maps` alone.
pub const SCHEMA_VERSION: u32 = 3;

/// Everything that is needed to understand, and to repeat, a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA_VERSION`], or that of the version of the program that wrote it.
    pub schema_version: u32,
    /// Version of the program.
    pub layerlens_version: String,
    /// `running`, `complete`, `failed` or `interrupted`.
    pub status: Status,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
    /// When it began, UTC.
    pub started: String,
    /// Command line.
    pub argv: Vec<String>,
    /// Seed of everything that is random.
    pub seed: u64,
    /// The configuration with all defaults filled in.
    pub config: Value,
    /// The device, and the reason for its choice.
    pub device: Description,
    /// Files that were read.
    pub inputs: Vec<Source>,
    /// Finished stages in order.
    pub stages: Vec<FinishedStage>,
    /// Files that were written.
    pub outputs: Vec<Output>,
    /// Warnings about the results.
    pub warnings: Vec<String>,
    /// Results of the stages.
    pub results: Results,
}

/// Status of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Under way, or killed.
    Running,
    /// Everything is there.
    Complete,
    /// Ended by an error.
    Failed,
    /// Ended by the user.
    Interrupted,
}

/// A finished stage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FinishedStage {
    /// Name of the stage.
    pub name: String,
    /// Wall time.
    pub seconds: f64,
    /// Kind of the device.
    pub device: DeviceKind,
    /// Warnings that were given by its end; earlier versions did not count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_warnings: Option<usize>,
}

/// A written file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    /// Path below the run's folder.
    pub path: String,
    /// Name of the stage that wrote it; none until that is finished, and in earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Rows and columns of an array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<usize>>,
    /// Type of an array's elements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtype: Option<String>,
    /// SHA-256 of its bytes, 64 lower-case hexadecimal digits; earlier versions did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl Manifest {
    /// Reads the manifest of the run in `folder`, of this layout or an earlier one.
    ///
    /// # Errors
    /// [`Error::Input`] if there is none, if it is damaged, not of this program, or of a later
    /// layout than [`SCHEMA_VERSION`].
    pub fn read(folder: &Path) -> Result<Self> {
        let path = Artifact::Manifest.of(folder);
        if !folder.is_dir() {
            let found = if folder.exists() {
                "is a file, expected the folder of a run"
            } else {
                "no such folder"
            };
            return Err(Error::input(folder, found));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Error::input(
                folder,
                format!("is not a run folder: its manifest.json cannot be read: {error}"),
            )
        })?;
        let mut value: Value = serde_json::from_str(&text)
            .map_err(|error| Error::input(&path, format!("is damaged: {error}")))?;
        if value.get("layerlens_version").is_none() {
            return Err(Error::input(&path, "was not written by layerlens"));
        }
        let version = value.get("schema_version").and_then(Value::as_u64);
        let Some(version) = version else {
            return Err(Error::input(&path, "`schema_version` is damaged: expected a number"));
        };
        if version > u64::from(SCHEMA_VERSION) {
            let message = format!(
                "has layout {version}, this program reads up to {SCHEMA_VERSION}; take the newer \
                 version of the program that wrote it"
            );
            return Err(Error::input(&path, message));
        }
        earlier::bring_up_to_date(&mut value, version);
        serde_path_to_error::deserialize(value).map_err(|error| {
            let place = match error.path().to_string() {
                place if place == "." => String::new(),
                place => format!("`{place}` "),
            };
            Error::input(&path, format!("{place}is damaged: {}", error.inner()))
        })
    }

    /// Refuses to resume a run of an earlier layout.
    ///
    /// # Errors
    /// [`Error::Input`] naming its `folder`.
    pub(super) fn check_layout(&self, folder: &Path) -> Result<()> {
        if self.schema_version == SCHEMA_VERSION {
            return Ok(());
        }
        let message = format!(
            "has layout {}, this program resumes {SCHEMA_VERSION}; an older version of the \
             program wrote it: do the run again",
            self.schema_version
        );
        Err(Error::input(Artifact::Manifest.of(folder), message))
    }

    /// Refuses a run that is not complete.
    ///
    /// # Errors
    /// [`Error::Input`] naming its `folder` and the command that resumes it.
    pub(super) fn check_complete(&self, folder: &Path) -> Result<()> {
        if self.status == Status::Complete {
            return Ok(());
        }
        let status = serde_json::to_value(self.status).unwrap_or_default();
        let again = format!(
            "its command with `Destination::resume` `Destination::out` {} resumes it",
            folder.display()
        );
        Err(Error::input(folder, format!("is not finished (status {status}): {again}")))
    }

    /// `true` if a stage is finished.
    pub fn has_finished(&self, stage: Stage<'_>) -> bool {
        let name = stage.to_string();
        self.stages.iter().any(|finished| finished.name == name)
    }

    /// `true` if the run lists this file.
    pub fn lists(&self, artifact: Artifact<'_>) -> bool {
        let path = artifact.to_string();
        self.outputs.iter().any(|output| output.path == path)
    }

    /// Adds a stage that has just ended; the files that no stage has listed yet are its own.
    pub(super) fn add_stage(&mut self, stage: Stage<'_>, seconds: f64, device: DeviceKind) {
        let name = stage.to_string();
        for output in self.outputs.iter_mut().filter(|output| output.stage.is_none()) {
            output.stage = Some(name.clone());
        }
        self.stages.push(FinishedStage { name, seconds, device, n_warnings: None });
    }

    /// Writes it into the run's folder.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let path = Artifact::Manifest.of(folder);
        let text =
            serde_json::to_vec_pretty(self).map_err(|error| Error::write(&path, error.into()))?;
        write_atomic(&path, |writer| writer.write_all(&text))
    }

    /// Refuses to go on with a run that was begun in another way than `now`; `path` is the
    /// manifest's.
    ///
    /// # Errors
    /// [`Error::Input`] naming the first thing that differs.
    pub(super) fn check_same(&self, now: &Self, path: &Path) -> Result<()> {
        let differs = |what: &str, there: &dyn Display, here: &dyn Display| {
            let message = format!(
                "cannot be resumed: {what} was {there} and is {here} now; give the same again, or \
                 another `Destination::out`"
            );
            Err(Error::input(path, message))
        };
        if self.layerlens_version != now.layerlens_version {
            return differs(
                "the program's version",
                &self.layerlens_version,
                &now.layerlens_version,
            );
        }
        if self.seed != now.seed {
            return differs("`Manifest::seed`", &self.seed, &now.seed);
        }
        if let Some((at, there, here)) = difference(&self.config, &now.config) {
            return differs(&at, &there, &here);
        }
        // The number of threads changes no byte; another GPU or driver may.
        let (there, here) = (&self.device, &now.device);
        let is_gpu = here.kind == DeviceKind::Gpu;
        if there.kind != here.kind || (is_gpu && there.name != here.name) {
            return differs("the device", &format!("{:?}", there.name), &here.name);
        }
        for (there, here) in self.inputs.iter().zip(&now.inputs) {
            if there.sha256 != here.sha256 {
                let there = format!("{} with SHA-256 {}", there.name, there.sha256);
                return differs("an input", &there, &format!("{} with {}", here.name, here.sha256));
            }
        }
        if self.inputs.len() != now.inputs.len() {
            return differs("the number of input files", &self.inputs.len(), &now.inputs.len());
        }
        Ok(())
    }
}

/// A difference, found below `head`.
fn below(
    head: String,
    (path, there, here): (String, Value, Value),
) -> Option<(String, Value, Value)> {
    let point = if path.is_empty() || path.starts_with('[') { "" } else { "." };
    Some((format!("{head}{point}{path}"), there, here))
}

/// The first leaf in which two values differ: its path, and both. Lists of other lengths differ as
/// a whole.
fn difference(there: &Value, here: &Value) -> Option<(String, Value, Value)> {
    match (there, here) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            let nested = |key: &String| {
                let a = a.get(key).unwrap_or(&Value::Null);
                let b = b.get(key).unwrap_or(&Value::Null);
                below(key.clone(), difference(a, b)?)
            };
            keys.into_iter().find_map(nested)
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let nested = |(at, (a, b))| below(format!("[{at}]"), difference(a, b)?);
            a.iter().zip(b).enumerate().find_map(nested)
        }
        _ => (there != here).then(|| (String::new(), there.clone(), here.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers survive only with the feature `float_roundtrip` of serde_json.
    #[test]
    fn every_float_is_read_as_it_was_written() {
        let random = crate::random::Random::new(5, 0);
        let float = |at: u64| {
            f64::from_bits(
                (u64::from(random.bits(2 * at)) << 32) | u64::from(random.bits(2 * at + 1)),
            )
        };
        let floats: Vec<f64> = (0..20_000).map(float).filter(|value| value.is_finite()).collect();
        let text = serde_json::json!({ "a \"1.5\" \\": [1, -2, 3.0, "4.5"], "floats": floats, "last": 0.1 }).to_string();
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read.to_string(), text);
        assert!(
            read["floats"]
                .as_array()
                .unwrap()
                .iter()
                .zip(&floats)
                .all(|(read, float)| read.as_f64() == Some(*float))
        );
    }

    #[test]
    fn the_first_difference_is_found_by_its_path() {
        let a = serde_json::json!({ "x": { "y": 1, "z": [1, 2] } });
        let b = serde_json::json!({ "x": { "y": 1, "z": [1, 3] } });
        let (path, there, here) = difference(&a, &b).unwrap();
        assert_eq!(
            (path.as_str(), there.to_string(), here.to_string()),
            ("x.z[1]", "2".into(), "3".into())
        );
        let (path, _, here) =
            difference(&serde_json::json!([{ "a": 1 }]), &serde_json::json!([{ "a": null }]))
                .unwrap();
        assert_eq!((path.as_str(), here), ("[0].a", Value::Null));
        assert_eq!(difference(&serde_json::json!([1]), &serde_json::json!([1, 2])).unwrap().0, "");
        assert_eq!(difference(&a, &a), None);
        assert_eq!(difference(&a, &serde_json::json!({})).unwrap().0, "x");
    }
}

//! The manifest of a run: what was asked for, what is done, what came of it. It is read back to
//! resume a run and to compare two.

use super::artifact::Artifact;
use super::stage::Stage;
use crate::compute::Description;
use crate::dataset::Source;
use crate::error::{Error, Result};
use crate::files::write_atomic;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Version of the manifest's layout; raised when a reader must know. Since 2 a run keeps the class
/// that each scored point was given, and the names of its classes.
pub const SCHEMA_VERSION: u32 = 2;

/// Everything that is needed to understand, and to repeat, a run.
#[derive(Clone, Debug, Serialize)]
pub struct Manifest {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the program.
    pub layerlens_version: &'static str,
    /// `running`, `complete`, `failed` or `interrupted`.
    pub status: Status,
    /// Why it failed.
    pub error: Option<String>,
    /// When it began, UTC.
    pub started: String,
    /// Command line.
    pub argv: Vec<String>,
    /// Seed of everything that is random.
    pub seed: u64,
    /// The configuration with all defaults filled in.
    pub config: Value,
    /// What computed, and why that.
    pub device: Description,
    /// Files that were read.
    pub inputs: Vec<Source>,
    /// Finished stages in order.
    pub stages: Vec<FinishedStage>,
    /// Files that were written.
    pub outputs: Vec<Output>,
    /// What the user should know about the results.
    pub warnings: Vec<String>,
    /// Figures of the run: accuracies, divergences, scores.
    pub results: serde_json::Map<String, Value>,
}

/// How far a run is.
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
    /// What was done.
    pub name: String,
    /// Wall time.
    pub seconds: f64,
    /// `cpu` or `gpu`.
    pub device: String,
    /// Files that were listed by its end; earlier versions did not count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_outputs: Option<usize>,
    /// Warnings that were given by its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_warnings: Option<usize>,
    /// Names of the results that it was the first to note.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<String>,
}

impl FinishedStage {
    /// A stage that ended just now.
    pub fn new(stage: Stage<'_>, seconds: f64, device: &str) -> Self {
        let (n_outputs, n_warnings, results) = (None, None, Vec::new());
        Self {
            name: stage.to_string(),
            seconds,
            device: device.into(),
            n_outputs,
            n_warnings,
            results,
        }
    }
}

/// A written file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    /// Path below the run's folder.
    pub path: String,
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

/// The manifest of an earlier run, as it stands on the disk.
#[derive(Clone, Debug)]
pub struct Found {
    path: PathBuf,
    value: Value,
}

impl Found {
    /// Reads the manifest of the run in `folder`.
    ///
    /// # Errors
    /// [`Error::Input`] if there is none, if it is damaged, not of this program, or of another
    /// layout than [`SCHEMA_VERSION`].
    pub fn read(folder: &Path) -> Result<Self> {
        let path = Artifact::Manifest.of(folder);
        if !folder.is_dir() {
            return Err(Error::input(folder, "no such folder"));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Error::input(
                folder,
                format!("is no folder of a run: its manifest.json cannot be read: {error}"),
            )
        })?;
        let value: Value = serde_json::from_str(&text)
            .map_err(|error| Error::input(&path, format!("is damaged: {error}")))?;
        if value.get("layerlens_version").is_none() {
            return Err(Error::input(&path, "is no manifest of this program"));
        }
        let found = Self { path, value };
        match found.part::<u32>("schema_version")? {
            SCHEMA_VERSION => Ok(found),
            other => {
                let message = if other > SCHEMA_VERSION {
                    "take the newer version of the program that wrote it"
                } else {
                    "an older version of the program wrote it: do the run again"
                };
                Err(Error::input(
                    &found.path,
                    format!("has layout {other}, this program reads {SCHEMA_VERSION}; {message}"),
                ))
            }
        }
    }

    /// Refuses a run that is not complete.
    ///
    /// # Errors
    /// [`Error::Input`] naming its `folder` and what goes on with it.
    pub(crate) fn check_complete(&self, folder: &Path) -> Result<()> {
        match self.part::<Status>("status")? {
            Status::Complete => Ok(()),
            status => {
                let status = serde_json::to_value(status).unwrap_or_default();
                let again = format!(
                    "its command with `TrainRun::resume` `TrainRun::out` {} goes on with it",
                    folder.display()
                );
                Err(Error::input(folder, format!("is not finished (status {status}): {again}")))
            }
        }
    }

    /// The manifest of a run that is under way in `folder`, as it would be read.
    pub(crate) fn of(manifest: &Manifest, folder: &Path) -> Self {
        Self {
            path: Artifact::Manifest.of(folder),
            value: serde_json::to_value(manifest).unwrap_or_default(),
        }
    }

    /// Notes that a file, if it is listed, was written anew, and rewrites the manifest.
    ///
    /// # Errors
    /// [`Error::Input`] if the file cannot be read, [`Error::Write`] if the manifest cannot be
    /// written.
    pub(crate) fn relist(&mut self, folder: &Path, artifact: Artifact<'_>) -> Result<()> {
        let outputs = self.value.get_mut("outputs").and_then(Value::as_array_mut);
        let listed = outputs.and_then(|outputs| {
            outputs.iter_mut().find(|output| output["path"] == artifact.to_string())
        });
        let Some(output) = listed.filter(|output| output.get("sha256").is_some()) else {
            return Ok(());
        };
        output["sha256"] = Source::of_file(artifact.of(folder))?.sha256.into();
        let text = serde_json::to_vec_pretty(&self.value)
            .map_err(|error| Error::write(&self.path, error.into()))?;
        write_atomic(&self.path, |writer| writer.write_all(&text))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The part called `name`, `status` for example.
    ///
    /// # Errors
    /// [`Error::Input`] if it is missing or malformed.
    pub fn part<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let part = self.value.get(name).cloned().unwrap_or(Value::Null);
        serde_json::from_value(part)
            .map_err(|error| Error::input(&self.path, format!("`{name}` is damaged: {error}")))
    }

    /// The result called `name`, none if the run has none of that name.
    ///
    /// # Errors
    /// [`Error::Input`] if it is malformed.
    pub fn result<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(value) = self.value.get("results").and_then(|results| results.get(name)) else {
            return Ok(None);
        };
        let read = serde_json::from_value(value.clone());
        read.map(Some).map_err(|error| {
            Error::input(&self.path, format!("`results.{name}` is damaged: {error}"))
        })
    }

    /// Refuses to go on with a run that was begun in another way than `now`.
    ///
    /// # Errors
    /// [`Error::Input`] naming the first thing that differs.
    pub fn check_same(&self, now: &Manifest) -> Result<()> {
        let differs = |what: &str, there: &dyn std::fmt::Display, here: &dyn std::fmt::Display| {
            let message = format!(
                "cannot be resumed: {what} was {there} and is {here} now; give the same again, or \
                 another `TrainRun::out`"
            );
            Err(Error::input(&self.path, message))
        };
        let version: String = self.part("layerlens_version")?;
        if version != now.layerlens_version {
            return differs("the program's version", &version, &now.layerlens_version);
        }
        let seed: u64 = self.part("seed")?;
        if seed != now.seed {
            return differs("`Manifest::seed`", &seed, &now.seed);
        }
        if let Some((at, there, here)) = difference(&self.part::<Value>("config")?, &now.config) {
            return differs(&at, &there, &here);
        }
        let device: Value = self.part("device")?;
        // The number of threads changes no byte; another GPU or driver may.
        let (kind, name) = (&device["kind"], &device["name"]);
        if kind != now.device.kind || (now.device.kind == "gpu" && *name != *now.device.name) {
            return differs("the device", name, &now.device.name);
        }
        let inputs: Vec<Input> = self.part("inputs")?;
        for (there, here) in inputs.iter().zip(&now.inputs) {
            if there.sha256 != here.sha256 {
                let there = format!("{} with SHA-256 {}", there.name, there.sha256);
                return differs("an input", &there, &format!("{} with {}", here.name, here.sha256));
            }
        }
        if inputs.len() != now.inputs.len() {
            return differs("the number of input files", &inputs.len(), &now.inputs.len());
        }
        Ok(())
    }
}

/// What is looked at of an input.
#[derive(Deserialize)]
struct Input {
    name: String,
    sha256: String,
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
                let (a, b) =
                    (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
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

    /// What serde_json does with its feature `float_roundtrip` alone.
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
        let (a, b) = (
            serde_json::json!({ "x": { "y": 1, "z": [1, 2] } }),
            serde_json::json!({ "x": { "y": 1, "z": [1, 3] } }),
        );
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

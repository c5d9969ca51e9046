//! A run's folder and its manifest, which is rewritten whole after every stage.

use crate::compute::Description;
use crate::dataset::{Source, npy};
use crate::error::{Error, Result};
use crate::files::{create_folder, write_atomic};
use crate::matrix::Matrix;
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Version of the manifest's layout; raised when a reader must know.
pub const SCHEMA_VERSION: u32 = 1;

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
    pub stages: Vec<Stage>,
    /// Files that were written.
    pub outputs: Vec<Output>,
    /// What the user should know about the results.
    pub warnings: Vec<String>,
    /// Figures of the run: accuracies, divergences, scores.
    pub results: serde_json::Map<String, Value>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
pub struct Stage {
    /// What was done.
    pub name: String,
    /// Wall time.
    pub seconds: f64,
    /// `cpu` or `gpu`.
    pub device: &'static str,
}

/// A written file.
#[derive(Clone, Debug, Serialize)]
pub struct Output {
    /// Path below the run's folder.
    pub path: String,
    /// Rows and columns of an array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<usize>>,
    /// Type of an array's elements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dtype: Option<&'static str>,
}

/// A run's folder.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// The earlier run that this one replaces, set aside until this one is complete.
    replaced: Option<PathBuf>,
    /// Its manifest; written by [`RunFolder::save`].
    pub manifest: Manifest,
}

/// What is known of a run before it begins.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Command line.
    pub argv: Vec<String>,
    /// Seed.
    pub seed: u64,
    /// Configuration.
    pub config: Value,
    /// Device.
    pub device: Description,
    /// Files that were read.
    pub inputs: Vec<Source>,
}

/// `runs/<UTC time>-<name>`, where a run goes if nothing else is said.
pub fn default_path(name: &str) -> PathBuf {
    PathBuf::from("runs").join(format!("{}-{name}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ")))
}

impl RunFolder {
    /// Creates the folder and its first manifest.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is something at `path` already, unless `force`, which replaces an earlier run there (a folder
    /// with a manifest of this program) but nothing else, and not one that this run reads from or stands in; [`Error::Write`].
    pub fn create(path: &Path, force: bool, opening: Opening) -> Result<Self> {
        let mut replaced = None;
        if force && holds_run(path) {
            replaced = Some(set_aside(path, &opening.inputs)?);
        } else if std::fs::symlink_metadata(path).is_ok() && !is_empty_folder(path) {
            if force {
                let reason = "it is no earlier run of this program (there is no manifest.json of one in it), and --force replaces nothing else";
                return Err(Error::write(path, std::io::Error::other(reason)));
            }
            return Err(Error::Exists(path.to_owned()));
        }
        create_folder(path)?;
        let Opening { argv, seed, config, device, inputs } = opening;
        let fallback = device.fallback.then(|| format!("computed on the CPU for want of a GPU: {}", device.reason));
        let manifest = Manifest {
            schema_version: SCHEMA_VERSION,
            layerlens_version: env!("CARGO_PKG_VERSION"),
            status: Status::Running,
            error: None,
            started: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            argv,
            seed,
            config: without_noise(config),
            device,
            inputs,
            stages: Vec::new(),
            outputs: Vec::new(),
            warnings: fallback.into_iter().collect(),
            results: serde_json::Map::new(),
        };
        let folder = Self { path: path.to_owned(), replaced, manifest };
        let config =
            toml::to_string(&folder.manifest.config).map_err(|error| Error::write(path, std::io::Error::other(error)))?;
        write_atomic(&path.join("config.toml"), |writer| writer.write_all(config.as_bytes()))?;
        folder.save()?;
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path below the folder; the folders on the way are created.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn below(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        if let Some(parent) = path.parent() {
            create_folder(parent)?;
        }
        Ok(path)
    }

    /// Writes a matrix as .npy and lists it.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_matrix(&mut self, name: &str, matrix: &Matrix) -> Result<()> {
        npy::write_matrix(self.below(name)?, matrix)?;
        self.list(name, Some(vec![matrix.n_samples(), matrix.n_features()]), Some("float32"));
        Ok(())
    }

    /// Writes whole numbers as .npy and lists them.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_numbers(&mut self, name: &str, numbers: &[u32]) -> Result<()> {
        npy::write_labels(self.below(name)?, numbers)?;
        self.list(name, Some(vec![numbers.len()]), Some("int32"));
        Ok(())
    }

    /// Lists a file that was written.
    pub fn list(&mut self, name: &str, shape: Option<Vec<usize>>, dtype: Option<&'static str>) {
        self.manifest.outputs.push(Output { path: name.into(), shape, dtype });
    }

    /// Notes a figure of the run.
    pub fn result(&mut self, name: &str, value: impl Serialize) {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.manifest.results.insert(name.into(), value);
    }

    /// Ends a stage that began at `start`.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn finish_stage(&mut self, name: &str, start: Instant, device: &'static str) -> Result<()> {
        self.manifest.stages.push(Stage { name: name.into(), seconds: start.elapsed().as_secs_f64(), device });
        self.save()
    }

    /// Ends the run: complete, or with the error that ended it. An earlier run that it replaces is deleted when it is complete
    /// and stays beside it if not.
    ///
    /// # Errors
    /// That error, or [`Error::Write`].
    pub fn close(mut self, outcome: Result<()>) -> Result<PathBuf> {
        self.manifest.status = match &outcome {
            Ok(()) => Status::Complete,
            Err(Error::Interrupted) => Status::Interrupted,
            Err(_) => Status::Failed,
        };
        self.manifest.error = outcome.as_ref().err().map(ToString::to_string);
        let saved = self.save();
        outcome.and(saved)?;
        if let Some(replaced) = &self.replaced {
            std::fs::remove_dir_all(replaced).map_err(|error| Error::write(replaced, error))?;
        }
        Ok(self.path)
    }

    /// Ends the run by `error` and gives it back.
    pub fn close_failed(self, error: Error) -> Error {
        match self.close(Err(error)) {
            Err(error) => error,
            Ok(_) => unreachable!("a run that failed does not close well"),
        }
    }

    /// Writes the manifest.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save(&self) -> Result<()> {
        let path = self.path.join("manifest.json");
        let text = serde_json::to_vec_pretty(&self.manifest).map_err(|error| Error::write(&path, error.into()))?;
        write_atomic(&path, |writer| writer.write_all(&text))
    }
}

/// Renames an earlier run out of the way and gives its new name.
fn set_aside(path: &Path, inputs: &[Source]) -> Result<PathBuf> {
    let refuse = |reason: String| Error::write(path, std::io::Error::other(reason));
    let whole = path.canonicalize().map_err(|error| Error::write(path, error))?;
    if std::env::current_dir().is_ok_and(|current| current.starts_with(&whole)) {
        return Err(refuse("--force cannot replace the folder in which the program runs".into()));
    }
    let below = |input: &&Source| Path::new(&input.name).canonicalize().is_ok_and(|input| input.starts_with(&whole));
    if let Some(input) = inputs.iter().find(below) {
        return Err(refuse(format!("--force would delete {}, which this run reads", input.name)));
    }
    let name = whole.file_name().unwrap_or_default().to_string_lossy();
    let aside = whole.with_file_name(format!(".{name}-replaced-{}", std::process::id()));
    std::fs::rename(&whole, &aside).map_err(|error| Error::write(path, error))?;
    Ok(aside)
}

/// 32-bit floats as short as they were given: 0.8 where the widening to 64 bits made 0.800000011920929.
fn without_noise(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64().filter(|&wide| number.is_f64() && f64::from(wide as f32) == wide) {
            Some(wide) => (wide as f32).to_string().parse::<f64>().map_or(Value::Number(number), Value::from),
            None => Value::Number(number),
        },
        Value::Array(values) => values.into_iter().map(without_noise).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, without_noise(value))).collect(),
        other => other,
    }
}

/// Whether there is a manifest that this program wrote; other programs have files of that name too.
fn holds_run(path: &Path) -> bool {
    let manifest = std::fs::read(path.join("manifest.json")).ok();
    let manifest = manifest.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    manifest.is_some_and(|manifest| manifest.get("layerlens_version").is_some())
}

fn is_empty_folder(path: &Path) -> bool {
    std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

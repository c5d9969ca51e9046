//! A run's folder and its manifest, which is rewritten whole after every stage.
//!
//! What a stage lists and notes counts when the stage is finished: a run that is killed, interrupted or failed is left as it
//! was after its last finished stage, and goes on from there.

use super::manifest::{Found, Manifest, Output, SCHEMA_VERSION, Stage, Status};
use crate::compute::Description;
use crate::dataset::{Source, npy};
use crate::error::{Error, Result};
use crate::files::{TEMPORARY, create_folder, write_atomic};
use crate::matrix::Matrix;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A run's folder.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// The earlier run that this one replaces, set aside until this one is complete.
    replaced: Option<PathBuf>,
    /// The manifest after the last finished stage.
    saved: Manifest,
    /// Held while a process works in the folder.
    _lock: Option<File>,
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
        Self::begin(path, replaced, opening.manifest())
    }

    /// [`RunFolder::resume`] or [`RunFolder::create`].
    ///
    /// # Errors
    /// As those.
    pub fn open(path: &Path, force: bool, resume: bool, opening: Opening) -> Result<Self> {
        if resume { Self::resume(path, opening) } else { Self::create(path, force, opening) }
    }

    /// Goes on with the run in `path` after its last finished stage; one of which nothing is left but unfinished files is begun.
    ///
    /// # Errors
    /// [`Error::Input`] if the folder holds something else, or a run that was begun with another configuration, seed, version,
    /// device or other inputs, which is named; [`Error::Write`] if another process works there.
    pub fn resume(path: &Path, opening: Opening) -> Result<Self> {
        create_folder(path)?;
        let mut manifest = opening.manifest();
        if !path.join("manifest.json").exists() && is_empty_but_for_torn_files(path) {
            remove_torn_files(path)?;
            return Self::begin(path, set_aside_before(path), manifest);
        }
        let found = Found::read(path)?;
        found.check_same(&manifest)?;
        let lock = lock(path)?;
        remove_torn_files(path)?;
        manifest.argv = found.part("argv")?;
        manifest.started = found.part("started")?;
        manifest.stages = found.part("stages")?;
        // Without a finished stage the run begins again, with everything that is said at its beginning.
        if !manifest.stages.is_empty() {
            manifest.outputs = found.part("outputs")?;
            manifest.warnings = found.part("warnings")?;
            manifest.results = found.part("results")?;
        }
        if found.part::<Status>("status")? == Status::Complete {
            manifest.status = Status::Complete;
        }
        let replaced = set_aside_before(path);
        let mut folder = Self { path: path.to_owned(), replaced, saved: manifest.clone(), _lock: lock, manifest };
        if folder.manifest.status != Status::Complete {
            folder.write_config()?;
            folder.save()?;
        }
        Ok(folder)
    }

    fn begin(path: &Path, replaced: Option<PathBuf>, manifest: Manifest) -> Result<Self> {
        let lock = lock(path)?;
        let mut folder = Self { path: path.to_owned(), replaced, saved: manifest.clone(), _lock: lock, manifest };
        // First the manifest: it tells whose folder this is, and a resumed run writes its configuration again.
        folder.save()?;
        folder.write_config()?;
        Ok(folder)
    }

    fn write_config(&self) -> Result<()> {
        let (path, config) = (self.path.join("config.toml"), toml::to_string(&self.manifest.config));
        let config = config.map_err(|error| Error::write(&path, std::io::Error::other(error)))?;
        write_atomic(&path, |writer| writer.write_all(config.as_bytes()))
    }

    /// Whether the stage `name` is finished, in an earlier process perhaps.
    pub fn has_finished(&self, name: &str) -> bool {
        self.manifest.stages.iter().any(|stage| stage.name == name)
    }

    /// Whether nothing is left to do.
    pub fn is_complete(&self) -> bool {
        self.manifest.status == Status::Complete
    }

    /// What was noted under `name`.
    ///
    /// # Errors
    /// [`Error::Input`] if there is nothing, or something of another shape.
    pub fn noted<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let value = self.manifest.results.get(name).cloned().unwrap_or(Value::Null);
        let damaged = |error| Error::input(self.path.join("manifest.json"), format!("`results.{name}` is damaged: {error}"));
        serde_json::from_value(value).map_err(damaged)
    }

    /// The same, or the default if nothing of that name was noted.
    ///
    /// # Errors
    /// As [`RunFolder::noted`].
    pub fn noted_or_default<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T> {
        if self.manifest.results.contains_key(name) { self.noted(name) } else { Ok(T::default()) }
    }

    /// Adds to a list of results.
    pub fn add_results(&mut self, name: &str, values: impl IntoIterator<Item = impl Serialize>) {
        let values = values.into_iter().map(|value| serde_json::to_value(value).unwrap_or(Value::Null));
        if let Value::Array(list) = self.manifest.results.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
            list.extend(values);
        }
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
        let dtype = if matrix.offsets().is_some() { "float64" } else { "float32" };
        self.list(name, Some(vec![matrix.n_samples(), matrix.n_features()]), Some(dtype));
        Ok(())
    }

    /// Warns of what was subtracted from the columns of `x`, if anything was; `what` names the points.
    pub(super) fn note_offsets(&mut self, x: &Matrix, what: &str) {
        self.manifest.warnings.extend(x.offsets_note(what));
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
        self.manifest.outputs.push(Output { path: name.into(), shape, dtype: dtype.map(str::to_owned) });
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
        self.manifest.stages.push(Stage { name: name.into(), seconds: start.elapsed().as_secs_f64(), device: device.into() });
        self.save()
    }

    /// Ends the run: complete, or with the error that ended it. An earlier run that it replaces is deleted when it is complete
    /// and stays beside it if not.
    ///
    /// # Errors
    /// That error, or [`Error::Write`].
    pub fn close(mut self, outcome: Result<()>) -> Result<PathBuf> {
        if outcome.is_err() {
            self.manifest = self.saved.clone();
        }
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
    pub fn save(&mut self) -> Result<()> {
        let path = self.path.join("manifest.json");
        let text = serde_json::to_vec_pretty(&self.manifest).map_err(|error| Error::write(&path, error.into()))?;
        write_atomic(&path, |writer| writer.write_all(&text))?;
        self.saved = self.manifest.clone();
        Ok(())
    }
}

impl Opening {
    fn manifest(self) -> Manifest {
        let Opening { argv, seed, config, device, inputs } = self;
        let fallback = device.fallback.then(|| format!("computed on the CPU for want of a GPU: {}", device.reason));
        Manifest {
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
        }
    }
}

/// Renames an earlier run out of the way and gives its new name.
fn set_aside(path: &Path, inputs: &[Source]) -> Result<PathBuf> {
    let refuse = |reason: String| Error::write(path, std::io::Error::other(reason));
    // A run that is under way there would go on writing into what replaces it.
    let _claim = lock(path)?;
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

/// Claims the folder for this process; where the system cannot lock a folder, nothing is claimed.
fn lock(path: &Path) -> Result<Option<File>> {
    let Some(file) = File::open(path).ok().filter(|_| cfg!(unix)) else { return Ok(None) };
    match file.try_lock() {
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(Error::write(path, std::io::Error::other("another process works in this folder at present")))
        }
        locked => Ok(locked.is_ok().then_some(file)),
    }
}

fn is_torn(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().starts_with(TEMPORARY)
}

fn is_empty_but_for_torn_files(path: &Path) -> bool {
    std::fs::read_dir(path).is_ok_and(|entries| entries.flatten().all(|entry| is_torn(&entry.file_name())))
}

/// Removes the temporary files that a killed process left below `folder`.
fn remove_torn_files(folder: &Path) -> Result<()> {
    let failed = |error| Error::write(folder, error);
    for entry in std::fs::read_dir(folder).map_err(failed)?.flatten() {
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            remove_torn_files(&entry.path())?;
        } else if kind.is_file() && is_torn(&entry.file_name()) {
            std::fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// The run that a killed process had set aside in favour of the one at `path`.
fn set_aside_before(path: &Path) -> Option<PathBuf> {
    let whole = path.canonicalize().ok()?;
    let prefix = format!(".{}-replaced-", whole.file_name()?.to_string_lossy());
    let beside = std::fs::read_dir(whole.parent()?).ok()?.flatten();
    let mut found = beside.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix)).map(|entry| entry.path());
    found.find(|path| holds_run(path))
}

//! A run's folder and its manifest, which is rewritten whole after every stage.
//!
//! What a stage lists and notes counts when the stage is finished: a run that is killed, interrupted or failed is left as it
//! was after its last finished stage, and goes on from there.

use super::artifact::Artifact;
use super::claim::{self, Claim, remove_torn_files};
use super::integrity;
use super::manifest::{FinishedStage, Found, Manifest, Output, SCHEMA_VERSION, Status};
use super::stage::Stage;
use crate::compute::{Description, Device};
use crate::dataset::{Source, npy};
use crate::error::{Error, Result};
use crate::files::{create_folder, write_atomic};
use crate::matrix::Matrix;
use crate::progress::Reporter;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A run's folder.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Held until the end; beside the folder waits the run that this one replaces.
    claim: Claim,
    /// The manifest after the last finished stage.
    saved: Manifest,
    /// Whether a half of it is worth keeping, since its command goes on with it.
    is_resumable: bool,
    /// Whether the end is written down.
    is_closed: bool,
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
    /// Creates the folder and its first manifest. What a process left beside it that was killed there is put right first, and
    /// that is said.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is something at `path` already, unless `force`, which replaces an earlier run there (a folder
    /// with a manifest of this program) but nothing else, and not one that this run reads from or stands in; [`Error::Write`],
    /// also if another process works there.
    pub fn create(path: &Path, force: bool, opening: Opening, reporter: &dyn Reporter) -> Result<Self> {
        let claim = claimed(path, reporter)?;
        if force && status_of(claim.target()).is_some() {
            check_replaceable(path, claim.target(), &opening.inputs)?;
            claim.put_aside()?;
            let aside = claim.replaced().unwrap_or_default();
            reporter.note(&format!("the run that is replaced is kept in {} until this one is complete", aside.display()));
        } else if !claim::is_empty(claim.target()) {
            if force {
                let reason = "it is no earlier run of this program (there is no manifest.json of one in it), and `TrainRun::force` replaces nothing else";
                return Err(Error::write(path, std::io::Error::other(reason)));
            }
            return Err(Error::Exists(path.to_owned()));
        }
        remove_torn_files(claim.target())?;
        Self::begin(path, claim, opening.manifest())
    }

    /// [`RunFolder::resume`] or [`RunFolder::create`].
    ///
    /// # Errors
    /// As those.
    pub fn open(path: &Path, (force, resume): (bool, bool), opening: Opening, reporter: &dyn Reporter) -> Result<Self> {
        if resume {
            return Self::resume(path, opening, reporter);
        }
        let mut folder = Self::create(path, force, opening, reporter)?;
        folder.is_resumable = true;
        Ok(folder)
    }

    /// Goes on with the run in `path` after its last finished stage; one of which nothing is left but unfinished files is begun.
    /// Stages whose files are gone or changed are taken back with all that came after them, and that is said.
    ///
    /// # Errors
    /// [`Error::Input`] if the folder holds something else, or a run that was begun with another configuration, seed, version,
    /// device or other inputs, which is named; [`Error::Write`] if another process works there.
    pub fn resume(path: &Path, opening: Opening, reporter: &dyn Reporter) -> Result<Self> {
        let claim = claimed(path, reporter)?;
        let mut manifest = opening.manifest();
        if claim::is_empty(claim.target()) {
            remove_torn_files(claim.target())?;
            return Self::begin(path, claim, manifest);
        }
        let found = Found::read(path)?;
        found.check_same(&manifest)?;
        remove_torn_files(claim.target())?;
        manifest.argv = found.part("argv")?;
        manifest.started = found.part("started")?;
        let mut left = Manifest {
            status: found.part("status")?,
            stages: found.part("stages")?,
            outputs: found.part("outputs")?,
            warnings: found.part("warnings")?,
            results: found.part("results")?,
            ..manifest.clone()
        };
        take_back_damaged(path, &mut left, reporter);
        // Without a finished stage the run begins again, with everything that is said at its beginning.
        if !left.stages.is_empty() {
            manifest = left;
            manifest.error = None;
        }
        if manifest.status != Status::Complete {
            manifest.status = Status::Running;
        }
        let mut folder = Self::new(path, claim, manifest);
        folder.is_resumable = true;
        if !folder.is_complete() {
            folder.write_config()?;
            folder.save()?;
        }
        Ok(folder)
    }

    fn new(path: &Path, claim: Claim, manifest: Manifest) -> Self {
        Self { path: path.to_owned(), claim, saved: manifest.clone(), is_resumable: false, is_closed: false, manifest }
    }

    fn begin(path: &Path, claim: Claim, manifest: Manifest) -> Result<Self> {
        let mut folder = Self::new(path, claim, manifest);
        // First the manifest: it tells whose folder this is, and a resumed run writes its configuration again.
        folder.save()?;
        folder.write_config()?;
        Ok(folder)
    }

    fn write_config(&self) -> Result<()> {
        let (path, config) = (Artifact::Config.of(&self.path), toml::to_string(&self.manifest.config));
        let config = config.map_err(|error| Error::write(&path, std::io::Error::other(error)))?;
        write_atomic(&path, |writer| writer.write_all(config.as_bytes()))
    }

    /// Whether a stage is finished, in an earlier process perhaps.
    pub fn has_finished(&self, stage: Stage<'_>) -> bool {
        let name = stage.to_string();
        self.manifest.stages.iter().any(|finished| finished.name == name)
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
        let damaged = |error| Error::input(Artifact::Manifest.of(&self.path), format!("`results.{name}` is damaged: {error}"));
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

    /// The path of a file that is to be written; the folders on the way are created.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn below(&self, artifact: Artifact<'_>) -> Result<PathBuf> {
        let path = artifact.of(&self.path);
        if let Some(parent) = path.parent() {
            create_folder(parent)?;
        }
        Ok(path)
    }

    /// Writes a matrix as .npy and lists it.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_matrix(&mut self, artifact: Artifact<'_>, matrix: &Matrix) -> Result<()> {
        npy::write_matrix(self.below(artifact)?, matrix)?;
        let dtype = if matrix.offsets().is_some() { "float64" } else { "float32" };
        self.list(artifact, Some(vec![matrix.n_samples(), matrix.n_features()]), Some(dtype));
        Ok(())
    }

    /// Warns of what was subtracted from the columns of `x`, if anything was; `what` names the points.
    pub(crate) fn note_offsets(&mut self, x: &Matrix, what: &str) {
        self.manifest.warnings.extend(x.offsets_note(what));
    }

    /// Writes whole numbers as .npy and lists them.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_numbers(&mut self, artifact: Artifact<'_>, numbers: &[u32]) -> Result<()> {
        npy::write_labels(self.below(artifact)?, numbers)?;
        self.list(artifact, Some(vec![numbers.len()]), Some("int32"));
        Ok(())
    }

    /// Lists a file that was written.
    pub fn list(&mut self, artifact: Artifact<'_>, shape: Option<Vec<usize>>, dtype: Option<&'static str>) {
        let dtype = dtype.map(str::to_owned);
        self.manifest.outputs.push(Output { path: artifact.to_string(), shape, dtype, sha256: None });
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
    pub fn finish_stage(&mut self, stage: Stage<'_>, start: Instant, device: &'static str) -> Result<()> {
        self.manifest.stages.push(FinishedStage::new(stage, start.elapsed().as_secs_f64(), device));
        self.save()
    }

    /// Does `work` on the device. What a GPU that `auto` chose fails at is done again on the CPU, and that is said: from the last
    /// finished stage on where the run can be resumed, else from the beginning.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn compute<T>(
        &mut self,
        (device, description): (&Device, &Description),
        reporter: &dyn Reporter,
        work: impl Fn(&mut Self, &Device, &'static str) -> Result<T>,
    ) -> Result<T> {
        let begun = self.manifest.clone();
        let outcome = work(self, device, description.kind);
        self.tell_choices(device, reporter);
        let Err(error) = &outcome else { return outcome };
        let Some((cpu, instead)) = Device::instead_of(description, error) else { return outcome };
        self.manifest = if self.is_resumable { self.saved.clone() } else { begun };
        let stage = self.manifest.stages.last().map_or_else(String::new, |stage| format!(" after the stage `{}`", stage.name));
        let said = format!("{}; what comes{stage} is computed on the CPU", instead.reason);
        reporter.note(&said);
        self.manifest.warnings.push(said);
        let kind = instead.kind;
        self.manifest.device = instead;
        self.save()?;
        work(self, &cpu, kind)
    }

    /// Says what `auto` left to the CPU since the last call; whether there was anything.
    pub(crate) fn tell_choices(&mut self, device: &Device, reporter: &dyn Reporter) -> bool {
        let (is_any, notes) = device.take_choices();
        notes.iter().for_each(|note| reporter.note(note));
        self.manifest.warnings.extend(notes);
        is_any
    }

    /// Ends the run: complete, or with the error that ended it. An earlier run that it replaces is deleted when it is complete. If
    /// not, the earlier run is put back where nothing can be resumed, and else stays beside.
    ///
    /// # Errors
    /// That error, or [`Error::Write`].
    pub fn close(mut self, outcome: Result<()>) -> Result<PathBuf> {
        let status = match &outcome {
            Ok(()) => Status::Complete,
            Err(Error::Interrupted) => Status::Interrupted,
            Err(_) => Status::Failed,
        };
        let ended = self.end(status, outcome.as_ref().err().map(ToString::to_string));
        outcome.and(ended)?;
        Ok(self.path.clone())
    }

    fn end(&mut self, status: Status, error: Option<String>) -> Result<()> {
        self.is_closed = true;
        if status != Status::Complete {
            self.manifest = self.saved.clone();
            // Checkpoints of a training are worth going on from, though no stage is finished.
            let is_begun = !self.manifest.stages.is_empty() || Artifact::Checkpoints.of(&self.path).exists();
            if !(self.is_resumable && is_begun) && self.claim.replaced().is_some() {
                return self.claim.give_up();
            }
        }
        (self.manifest.status, self.manifest.error) = (status, error);
        self.save()?;
        if status == Status::Complete { self.claim.delete_replaced() } else { Ok(()) }
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
        integrity::seal(&self.path, &mut self.manifest, &self.saved)?;
        let path = Artifact::Manifest.of(&self.path);
        let text = serde_json::to_vec_pretty(&self.manifest).map_err(|error| Error::write(&path, error.into()))?;
        write_atomic(&path, |writer| writer.write_all(&text))?;
        self.saved = self.manifest.clone();
        Ok(())
    }
}

/// An end without a word, by a panic or an error on the way: what is left is no longer under way.
impl Drop for RunFolder {
    fn drop(&mut self) {
        if !self.is_closed && self.saved.status == Status::Running {
            let reason = if std::thread::panicking() { "ended by a fault of the program" } else { "ended by an error" };
            // There is nobody left to tell that this failed too.
            let _ = self.end(Status::Failed, Some(reason.into()));
        }
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

/// Claims a folder, puts right what a killed process left beside it, and says so.
fn claimed(path: &Path, reporter: &dyn Reporter) -> Result<Claim> {
    let claim = Claim::of(path)?;
    claim.recover(status_of)?.iter().for_each(|sentence| reporter.note(sentence));
    Ok(claim)
}

/// Takes back the stages of which a file is gone or changed, and those after them.
fn take_back_damaged(path: &Path, left: &mut Manifest, reporter: &dyn Reporter) {
    let damaged = integrity::damaged(path, &left.outputs);
    let Some(&(first, _)) = damaged.first() else { return };
    for &(at, damage) in &damaged {
        reporter.note(&format!("{}: {}", path.display(), damage.words(&left.outputs[at].path)));
    }
    let stage = integrity::stage_of(left, first);
    if let Some(stage) = left.stages.get(stage) {
        reporter.note(&format!("the stage `{}` and all that came after it are done again", stage.name));
    }
    integrity::take_back(left, stage);
    left.status = Status::Running;
}

/// Refuses to replace a run that is needed.
fn check_replaceable(path: &Path, target: &Path, inputs: &[Source]) -> Result<()> {
    let refuse = |reason: String| Err(Error::write(path, std::io::Error::other(reason)));
    if std::env::current_dir().is_ok_and(|current| current.starts_with(target)) {
        return refuse("`TrainRun::force` cannot replace the folder in which the program runs".into());
    }
    // A name that is no UTF-8 stands there with other letters, and is compared with the target's in the same form.
    let shown = PathBuf::from(target.to_string_lossy().into_owned());
    let below = |input: &&Source| match Path::new(&input.name).canonicalize() {
        Ok(input) => input.starts_with(target),
        Err(_) => std::path::absolute(&input.name).is_ok_and(|input| input.starts_with(&shown)),
    };
    match inputs.iter().find(below) {
        Some(input) => refuse(format!("`TrainRun::force` would delete {}, which this run reads", input.name)),
        None => Ok(()),
    }
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

/// Whether the run in a folder is complete; none if there is no manifest that this program wrote: other programs have files of
/// that name too.
fn status_of(path: &Path) -> Option<bool> {
    let manifest = std::fs::read(Artifact::Manifest.of(path)).ok();
    let manifest: Value = serde_json::from_slice(&manifest?).ok()?;
    manifest.get("layerlens_version")?;
    Some(manifest.get("status").and_then(Value::as_str) == Some("complete"))
}

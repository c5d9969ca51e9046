//! Opening of the folder of a run: anew, instead of an earlier one, or after the last finished
//! stage of an unfinished one.

use super::artifact::Artifact;
use super::claim::{self, Claim, remove_torn_files};
use super::folder::RunFolder;
use super::integrity;
use super::manifest::{Manifest, SCHEMA_VERSION, Status};
use super::results::Results;
use crate::compute::Description;
use crate::dataset::Source;
use crate::error::{Error, Result};
use crate::files::write_atomic;
use crate::progress::Reporter;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Where a run goes.
#[derive(Clone, Debug, Default)]
pub struct Destination {
    /// Its folder; one under `runs/` if nothing is said.
    pub out: Option<PathBuf>,
    /// `true` if an earlier run there may be replaced.
    pub force: bool,
    /// `true` to go on with an unfinished run there, of a command that can.
    pub resume: bool,
    /// Command line, for the manifest.
    pub argv: Vec<String>,
}

/// Manifest data of a run before it begins.
#[derive(Clone, Debug)]
pub struct Opening {
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
    PathBuf::from("runs")
        .join(format!("{}-{name}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ")))
}

impl RunFolder {
    /// Creates the folder, by default one under `runs/` of that `name`, and its first manifest.
    /// What a process left beside it that was killed there is put right first, and that is said.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is something there already, unless `force`, which replaces an
    /// earlier run there (a folder with a manifest of this program) but nothing else, and not one
    /// that this run reads from or stands in; [`Error::Write`], also if another process works
    /// there.
    pub fn create(
        to: &Destination,
        name: &str,
        opening: Opening,
        reporter: &dyn Reporter,
    ) -> Result<Self> {
        let path = &to.path(name);
        let force = to.force;
        let claim = claimed(path, reporter)?;
        if force && status_of(claim.target()).is_some() {
            check_replaceable(path, claim.target(), &opening.inputs)?;
            claim.put_aside()?;
            let aside = claim.replaced().unwrap_or_default();
            reporter.note(&format!(
                "the run that is replaced is kept in {} until this one is complete",
                aside.display()
            ));
        } else if !claim::is_empty(claim.target()) {
            if force {
                let reason = "it is not a run folder (it has no manifest.json of this program), and `Destination::force` replaces only those";
                return Err(Error::write(path, std::io::Error::other(reason)));
            }
            return Err(Error::Exists(path.to_owned()));
        }
        remove_torn_files(claim.target())?;
        Self::begin(path, claim, opening.manifest(&to.argv))
    }

    /// The folder of a run that can be resumed, [`RunFolder::resume`] or [`RunFolder::create`], by
    /// default one under `runs/` of that `name`.
    ///
    /// # Errors
    /// As those.
    pub fn open(
        to: &Destination,
        name: &str,
        opening: Opening,
        reporter: &dyn Reporter,
    ) -> Result<Self> {
        if to.resume {
            return Self::resume(to, name, opening, reporter);
        }
        let mut folder = Self::create(to, name, opening, reporter)?;
        folder.is_resumable = true;
        Ok(folder)
    }

    /// Resumes the run in the folder, by default one under `runs/` of that `name`, after its last
    /// finished stage; one of which nothing is left but unfinished files is begun. Stages whose
    /// files are gone or changed are taken back with all that came after them, and that is said.
    ///
    /// # Errors
    /// [`Error::Input`] if the folder holds something else, or a run that was begun with another
    /// configuration, seed, version, device or other inputs, which is named; [`Error::Write`] if
    /// another process works there.
    pub fn resume(
        to: &Destination,
        name: &str,
        opening: Opening,
        reporter: &dyn Reporter,
    ) -> Result<Self> {
        let path = &to.path(name);
        let claim = claimed(path, reporter)?;
        let mut manifest = opening.manifest(&to.argv);
        if claim::is_empty(claim.target()) {
            remove_torn_files(claim.target())?;
            let mut folder = Self::begin(path, claim, manifest)?;
            folder.is_resumable = true;
            return Ok(folder);
        }
        let found = Manifest::read(path)?;
        found.check_layout(path)?;
        found.check_same(&manifest, &Artifact::Manifest.of(path))?;
        remove_torn_files(claim.target())?;
        manifest.argv = found.argv.clone();
        manifest.started = found.started.clone();
        let mut left = Manifest { error: None, inputs: manifest.inputs.clone(), ..found };
        left.device = manifest.device.clone();
        // Files of an unfinished stage are written again: they say nothing of the others.
        integrity::keep_finished(&mut left);
        take_back_damaged(path, &mut left, reporter);
        integrity::keep_finished(&mut left);
        // Without a finished stage the run begins again, with everything that is said at its
        // beginning.
        if !left.stages.is_empty() {
            manifest = left;
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
        Self {
            path: path.to_owned(),
            claim,
            saved: manifest.clone(),
            is_resumable: false,
            is_closed: false,
            manifest,
        }
    }

    fn begin(path: &Path, claim: Claim, manifest: Manifest) -> Result<Self> {
        let mut folder = Self::new(path, claim, manifest);
        // First the manifest: it tells whose folder this is, and a resumed run writes its
        // configuration again.
        folder.save()?;
        folder.write_config()?;
        Ok(folder)
    }

    fn write_config(&self) -> Result<()> {
        let path = Artifact::Config.of(&self.path);
        let config = toml::to_string(&self.manifest.config);
        let config = config.map_err(|error| Error::write(&path, std::io::Error::other(error)))?;
        write_atomic(&path, |writer| writer.write_all(config.as_bytes()))
    }
}

impl Destination {
    fn path(&self, name: &str) -> PathBuf {
        self.out.clone().unwrap_or_else(|| default_path(name))
    }
}

/// The warning of a run on the CPU that was to take a GPU if there is one.
pub(crate) fn fallback_note(reason: &str) -> String {
    format!("computed on the CPU because there is no GPU: {reason}")
}

impl Opening {
    fn manifest(self, argv: &[String]) -> Manifest {
        let Opening { seed, config, device, inputs } = self;
        let fallback = device.fallback.then(|| fallback_note(&device.reason));
        Manifest {
            schema_version: SCHEMA_VERSION,
            layerlens_version: env!("CARGO_PKG_VERSION").into(),
            status: Status::Running,
            error: None,
            started: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            argv: argv.to_vec(),
            seed,
            config: without_noise(config),
            device,
            inputs,
            stages: Vec::new(),
            outputs: Vec::new(),
            warnings: fallback.into_iter().collect(),
            results: Results::default(),
        }
    }
}

/// Claims a folder, puts right what a killed process left beside it, and says so.
fn claimed(path: &Path, reporter: &dyn Reporter) -> Result<Claim> {
    let claim = Claim::of(path)?;
    claim.recover(status_of)?.iter().for_each(|sentence| reporter.note(sentence));
    Ok(claim)
}

/// Drops the stages that have a missing or changed file, and all later ones.
fn take_back_damaged(path: &Path, left: &mut Manifest, reporter: &dyn Reporter) {
    let damaged = integrity::damaged(path, &left.outputs);
    let Some(&(first, _)) = damaged.first() else { return };
    for &(at, damage) in &damaged {
        reporter.note(&format!("{}: {}", path.display(), damage.words(&left.outputs[at].path)));
    }
    let stage = integrity::stage_of(left, &left.outputs[first]);
    if let Some(stage) = left.stages.get(stage) {
        reporter.note(&format!("the stage `{}` and all later stages are repeated", stage.name));
    }
    integrity::take_back(left, stage);
    left.status = Status::Running;
}

/// Refuses to replace a run that is needed.
fn check_replaceable(path: &Path, target: &Path, inputs: &[Source]) -> Result<()> {
    let refuse = |reason: String| Err(Error::write(path, std::io::Error::other(reason)));
    if std::env::current_dir().is_ok_and(|current| current.starts_with(target)) {
        return refuse(
            "`Destination::force` cannot replace the folder in which the program runs".into(),
        );
    }
    // A name that is no UTF-8 stands there with other letters, and is compared with the target's in
    // the same form.
    let shown = PathBuf::from(target.to_string_lossy().into_owned());
    let below = |input: &&Source| match Path::new(&input.name).canonicalize() {
        Ok(input) => input.starts_with(target),
        Err(_) => std::path::absolute(&input.name).is_ok_and(|input| input.starts_with(&shown)),
    };
    match inputs.iter().find(below) {
        Some(input) => refuse(format!(
            "`Destination::force` would delete {}, which this run reads",
            input.name
        )),
        None => Ok(()),
    }
}

/// 32-bit floats as short as they were given: 0.8 where the widening to 64 bits made
/// 0.800000011920929.
fn without_noise(value: Value) -> Value {
    match value {
        Value::Number(number) => match number
            .as_f64()
            .filter(|&wide| number.is_f64() && f64::from(wide as f32) == wide)
        {
            Some(wide) => {
                (wide as f32).to_string().parse::<f64>().map_or(Value::Number(number), Value::from)
            }
            None => Value::Number(number),
        },
        Value::Array(values) => values.into_iter().map(without_noise).collect(),
        Value::Object(map) => {
            map.into_iter().map(|(key, value)| (key, without_noise(value))).collect()
        }
        other => other,
    }
}

/// `true` if the run in a folder is complete; none if there is no manifest that this program wrote:
/// other programs have files of that name too.
fn status_of(path: &Path) -> Option<bool> {
    let manifest = std::fs::read(Artifact::Manifest.of(path)).ok();
    let manifest: Value = serde_json::from_slice(&manifest?).ok()?;
    manifest.get("layerlens_version")?;
    Some(manifest.get("status").and_then(Value::as_str) == Some("complete"))
}

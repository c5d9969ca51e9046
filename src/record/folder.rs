//! A run's folder and its manifest, which is rewritten whole after every stage.
//!
//! Files and results of a stage count when the stage is finished: a run that is killed,
//! interrupted or failed is left as it was after its last finished stage, and goes on from there.

use super::artifact::Artifact;
use super::claim::Claim;
use super::integrity;
use super::manifest::{Manifest, Output, Status};
use super::results::Results;
use super::stage::Stage;
use crate::compute::{Description, Device, DeviceKind};
use crate::dataset::npy;
use crate::error::{Error, Result};
use crate::files::create_folder;
use crate::matrix::Matrix;
use crate::progress::Reporter;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A run's folder.
#[derive(Debug)]
pub struct RunFolder {
    pub(super) path: PathBuf,
    /// Held until the end; beside the folder waits the run that this one replaces.
    pub(super) claim: Claim,
    /// The manifest after the last finished stage.
    pub(super) saved: Manifest,
    /// `true` if an unfinished run is worth keeping, since its command can resume it.
    pub(super) is_resumable: bool,
    /// `true` if the end of the run is recorded.
    pub(super) is_closed: bool,
    /// Its manifest; written by [`RunFolder::save`].
    pub manifest: Manifest,
}

impl RunFolder {
    /// `true` if a stage is finished, possibly by an earlier process.
    pub fn has_finished(&self, stage: Stage<'_>) -> bool {
        self.manifest.has_finished(stage)
    }

    /// `true` if nothing is left to do.
    pub fn is_complete(&self) -> bool {
        self.manifest.status == Status::Complete
    }

    /// Results of its stages.
    pub fn results(&self) -> &Results {
        &self.manifest.results
    }

    /// Results of its stages, to add more.
    pub fn results_mut(&mut self) -> &mut Results {
        &mut self.manifest.results
    }

    /// Adds what the user should know about the results.
    pub fn warn(&mut self, warning: impl Into<String>) {
        self.manifest.warnings.push(warning.into());
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

    /// Warns of what was subtracted from the columns of `x`, if anything was; `what` names the
    /// points.
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
    pub fn list(
        &mut self,
        artifact: Artifact<'_>,
        shape: Option<Vec<usize>>,
        dtype: Option<&'static str>,
    ) {
        let dtype = dtype.map(str::to_owned);
        self.manifest.outputs.push(Output {
            path: artifact.to_string(),
            stage: None,
            shape,
            dtype,
            sha256: None,
        });
    }

    /// Ends a stage that took so long.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn finish_stage(
        &mut self,
        stage: Stage<'_>,
        time: Duration,
        device: DeviceKind,
    ) -> Result<()> {
        self.add_stage(stage, time, device);
        self.save()
    }

    /// Ends one of several stages that end together, with the next [`RunFolder::save`].
    pub fn add_stage(&mut self, stage: Stage<'_>, time: Duration, device: DeviceKind) {
        self.manifest.add_stage(stage, time.as_secs_f64(), device);
    }

    /// Goes on by `instead` after a device failed: after the last finished stage, or from the
    /// beginning, which was `begun`, where the run cannot be resumed. Gives the warning.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(crate) fn fall_back(&mut self, begun: Manifest, instead: Description) -> Result<String> {
        self.manifest = if self.is_resumable { self.saved.clone() } else { begun };
        let last = self.manifest.stages.last();
        let stage =
            last.map_or_else(String::new, |last| format!(" after the stage `{}`", last.name));
        let warning = format!("{}; what comes{stage} is computed on the CPU", instead.reason);
        self.manifest.warnings.push(warning.clone());
        self.manifest.device = instead;
        self.save()?;
        Ok(warning)
    }

    /// Says what `auto` left to the CPU since the last call; whether there was anything.
    pub(crate) fn tell_choices(&mut self, device: &Device, reporter: &dyn Reporter) -> bool {
        let (is_any, notes) = device.take_choices();
        notes.iter().for_each(|note| reporter.note(note));
        self.manifest.warnings.extend(notes);
        is_any
    }

    /// Ends the run: complete, or with the error that ended it. An earlier run that it replaces is
    /// deleted when it is complete. If not, the earlier run is put back where nothing can be
    /// resumed, and else stays beside.
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
            let is_begun =
                !self.manifest.stages.is_empty() || Artifact::Checkpoints.of(&self.path).exists();
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
        integrity::seal(&self.path, &mut self.manifest)?;
        self.manifest.write(&self.path)?;
        self.saved = self.manifest.clone();
        Ok(())
    }
}

/// An end by a panic or an early error: the run is no longer in progress.
impl Drop for RunFolder {
    fn drop(&mut self) {
        if !self.is_closed && self.saved.status == Status::Running {
            let reason = if std::thread::panicking() {
                "ended by a fault of the program"
            } else {
                "ended by an error"
            };
            // Nothing can report that this failed too.
            let _ = self.end(Status::Failed, Some(reason.into()));
        }
    }
}

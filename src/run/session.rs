//! A run under way: its record, the device that computes, and the reporter of progress.

use crate::compute::{Description, Device, DeviceKind};
use crate::error::Result;
use crate::progress::{Observer, Reporter};
use crate::record::{RunFolder, Stage};
use std::time::Instant;

/// State that every stage of a run shares.
pub(super) struct Session<'a> {
    pub(super) record: &'a mut RunFolder,
    pub(super) device: &'a Device,
    pub(super) reporter: &'a dyn Reporter,
    /// Kind of the device that computes the current stage, if it is not that of the session.
    computed_by: Option<DeviceKind>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        record: &'a mut RunFolder,
        device: &'a Device,
        reporter: &'a dyn Reporter,
    ) -> Self {
        Self { record, device, reporter, computed_by: None }
    }

    /// Runs a stage and records that it is finished. Returns the result of `work`,
    /// or none if the stage was finished before, possibly by an earlier process.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Write`](crate::Error::Write).
    pub(super) fn stage<T>(
        &mut self,
        stage: Stage<'_>,
        work: impl FnOnce(&mut Self, &dyn Observer) -> Result<T>,
    ) -> Result<Option<T>> {
        if self.record.has_finished(stage) {
            return Ok(None);
        }
        self.new_stage(stage, work).map(Some)
    }

    /// As [`Session::stage`], for a stage that is known not to be finished.
    ///
    /// # Errors
    /// As [`Session::stage`].
    pub(super) fn new_stage<T>(
        &mut self,
        stage: Stage<'_>,
        work: impl FnOnce(&mut Self, &dyn Observer) -> Result<T>,
    ) -> Result<T> {
        let start = Instant::now();
        let observer = self.reporter.stage(&stage.title());
        self.computed_by = None;
        let done = work(self, observer.as_ref())?;
        drop(observer);
        let device = self.computed_by.unwrap_or_else(|| self.device.kind());
        self.record.finish_stage(stage, start.elapsed(), device)?;
        Ok(done)
    }

    /// Records that the CPU computed the current stage, whatever the device is.
    pub(super) fn on_cpu(&mut self) {
        self.computed_by = Some(DeviceKind::Cpu);
    }
}

/// Does `work` on the device. If a GPU that `auto` chose fails, the work is repeated on the CPU,
/// and that is said: from the last finished stage on where the run can be resumed, else from the
/// beginning.
///
/// # Errors
/// Those of `work`.
pub(super) fn compute<T>(
    record: &mut RunFolder,
    device: &Device,
    description: &Description,
    reporter: &dyn Reporter,
    work: impl Fn(&mut Session<'_>) -> Result<T>,
) -> Result<T> {
    let begun = record.manifest.clone();
    let outcome = work(&mut Session::new(record, device, reporter));
    record.tell_choices(device, reporter);
    let Err(error) = &outcome else { return outcome };
    let Some((cpu, instead)) = Device::instead_of(description, error) else { return outcome };
    reporter.note(&record.fall_back(begun, instead)?);
    work(&mut Session::new(record, &cpu, reporter))
}

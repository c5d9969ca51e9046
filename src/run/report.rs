//! The command `report`: the page of a finished run, made again.

use super::page::{self, READ};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::progress::Reporter;
use crate::record::{Artifact, FinishedRun, Manifest, ReportPoints, Rewrite};
use crate::report::page::{Page, write};
use std::path::{Path, PathBuf};

/// A page to make from a finished run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Folder of the run.
    pub run: PathBuf,
    /// The points; by default those that the run was asked for.
    pub points: Option<ReportPoints>,
    /// File of the page; by default in the folder of the run.
    pub out: Option<PathBuf>,
    /// `true` if an existing file, other than the run's own page, may be replaced.
    pub force: bool,
}

/// Result of the command `report`.
#[derive(Clone, Debug)]
pub struct ReportSummary {
    /// Its file.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// Points that it shows.
    pub n_points: usize,
    /// Of how many.
    pub of: usize,
    /// Description of the selected points.
    pub which: String,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// Descriptions of missing data.
    pub missing: Vec<String>,
}

/// Makes the page of a finished run; the page lists the parts of the run that were deleted.
///
/// # Errors
/// [`Error::Input`] if the folder is not a finished run of layers, its manifest has a later layout,
/// or a file is damaged; [`Error::Exists`], [`Error::Write`]; any error of the device;
/// [`Error::Interrupted`].
pub fn report(job: &Report, device: &Device, reporter: &dyn Reporter) -> Result<ReportSummary> {
    // A folder that is not a run is refused before it is claimed, which would make one that is not
    // there.
    Manifest::read(&job.run)?;
    let own = Artifact::Report.of(&job.run);
    let path = job.out.clone().unwrap_or_else(|| own.clone());
    check_new(&path, job.force || path == own)?;
    // The manifest is written back, with the new page in it: from here on nobody else may change
    // it.
    let rewrite = (path == own).then(|| Rewrite::begin(&job.run)).transpose()?;
    let run = FinishedRun::open(&job.run)?;
    let changed = run.check_unchanged(&READ)?;
    let observer = reporter.stage("report");
    let points = job.points.unwrap_or(run.report_points);
    let page = page::of_run(&run, points, device, observer.as_ref())?;
    write(&page, &path)?;
    if let Some(rewrite) = rewrite {
        rewrite.relist(run.manifest, Artifact::Report)?;
    }
    let mut made = summary(page, path)?;
    made.warnings.extend(changed);
    Ok(made)
}

pub(super) fn summary(page: Page, path: PathBuf) -> Result<ReportSummary> {
    let bytes = path.metadata().map_err(|error| Error::write(&path, error))?.len();
    let n_points = page.points.n();
    let of = page.points.of;
    let which = page.points.which;
    Ok(ReportSummary {
        path,
        bytes,
        n_points,
        of,
        which,
        warnings: page.warnings,
        missing: page.missing,
    })
}

/// Refuses to replace an existing file, unless `force` is set.
pub(super) fn check_new(path: &Path, may_replace: bool) -> Result<()> {
    if !may_replace && std::fs::symlink_metadata(path).is_ok() {
        return Err(Error::Exists(path.to_owned()));
    }
    Ok(())
}

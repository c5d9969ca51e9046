//! The command `export`: a finished run for other programs, TensorBoard's Embedding Projector, and
//! whatever reads Parquet, Embedding Atlas for one.

use super::page::{ExportedPoints, READ};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::evaluation::MapId;
use crate::files::{TEMPORARY, Unfinished, create_folder};
use crate::format::thousands;
use crate::progress::Reporter;
use crate::record::{FinishedRun, ReportPoints};
use crate::report::parquet::{self, Column};
use crate::report::pictures::png_files;
use crate::report::projector::{self, MetadataColumn, Projector};
use std::io::Read;
use std::path::{Path, PathBuf};

/// For which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum ExportFormat {
    /// A folder for TensorBoard's Embedding Projector: spaces, maps, classes and images
    Tensorboard,
    /// A table of points with their coordinates in every map, their classes, neighbours and images,
    /// for Embedding Atlas and others
    Parquet,
}

impl ExportFormat {
    fn default_name(self) -> &'static str {
        match self {
            Self::Tensorboard => "tensorboard",
            Self::Parquet => "points.parquet",
        }
    }
}

/// Parameters of the command `export`.
#[derive(Clone, Debug)]
pub struct Export {
    /// Folder of a finished run.
    pub run: PathBuf,
    /// For which programs.
    pub formats: Vec<ExportFormat>,
    /// The points; by default those that the report of the run shows.
    pub points: Option<ReportPoints>,
    /// The address under which the projector's folder will be found, if it is known.
    pub url: Option<String>,
    /// The projector's folder, or the table's file; of several formats the folder in which they
    /// lie. `export` in the run's folder by default.
    pub out: Option<PathBuf>,
    /// `true` if an earlier export there may be replaced.
    pub force: bool,
}

/// Result of the command `export`.
#[derive(Clone, Debug)]
pub struct ExportSummary {
    /// Number of exported points.
    pub n_points: usize,
    /// Points of the run.
    pub of: usize,
    /// Description of the selected points.
    pub which: String,
    /// Where each format went.
    pub written: Vec<(ExportFormat, PathBuf)>,
    /// Columns of the table, if it was written.
    pub columns: Vec<String>,
    /// Spaces and maps of the projector's folder, if it was written.
    pub tensors: Vec<String>,
    /// Warnings about data that the run lacks, and about reductions of size.
    pub warnings: Vec<String>,
}

impl Export {
    /// Where a format goes.
    pub fn path(&self, format: ExportFormat) -> PathBuf {
        match &self.out {
            Some(out) if self.formats.iter().all(|other| *other == format) => out.clone(),
            Some(out) => out.join(format.default_name()),
            None => self.run.join("export").join(format.default_name()),
        }
    }

    fn validate(&self) -> Result<()> {
        if self.formats.is_empty() {
            return Err(Error::parameter("formats", "", "at least one format"));
        }
        match &self.url {
            Some(url) if !self.formats.contains(&ExportFormat::Tensorboard) => {
                Err(Error::parameter("url", url, "is for `Export::formats` tensorboard"))
            }
            Some(url) if !url.contains("://") => {
                Err(Error::parameter("url", url, "a whole address, https://... for instance"))
            }
            _ => Ok(()),
        }
    }
}

/// Writes a finished run in the formats that were asked for, each whole or not at all.
///
/// # Errors
/// [`Error::Input`] if the folder is none of a finished run or a file of it is damaged;
/// [`Error::Exists`] if something is where an export would go, unless `force`, which replaces an
/// earlier export and nothing else; [`Error::Write`], [`Error::Interrupted`], and any error of the
/// device.
pub fn export(job: &Export, device: &Device, reporter: &dyn Reporter) -> Result<ExportSummary> {
    job.validate()?;
    let formats: Vec<ExportFormat> = [ExportFormat::Tensorboard, ExportFormat::Parquet]
        .into_iter()
        .filter(|format| job.formats.contains(format))
        .collect();
    for &format in &formats {
        check_target(&job.path(format), format, job.force)?;
    }
    let run = FinishedRun::open(&job.run)?;
    let changed = run.check_unchanged(&READ)?;
    let mut chosen = ExportedPoints::read(&run, job.points.unwrap_or(run.report_points))?;
    let mut summary = ExportSummary {
        n_points: chosen.points.n(),
        of: chosen.points.of,
        which: chosen.points.which.clone(),
        written: Vec::new(),
        columns: Vec::new(),
        tensors: Vec::new(),
        warnings: [changed, chosen.unknown()].concat(),
    };
    for format in formats {
        let path = job.path(format);
        let new_folders: Vec<&Path> =
            parent(&path).ancestors().take_while(|folder| !is_there(folder)).collect();
        create_folder(parent(&path))?;
        let written = match format {
            ExportFormat::Tensorboard => {
                write_projector(&mut chosen, &path, job, &mut summary, reporter)
            }
            ExportFormat::Parquet => write_table(&mut chosen, &path, device, reporter)
                .map(|columns| summary.columns = columns),
        };
        if written.is_err() {
            // Those that something was written to stay.
            new_folders.iter().for_each(|folder| drop(std::fs::remove_dir(folder)));
        }
        written?;
        summary.written.push((format, path));
    }
    for sentence in chosen.selected.missing {
        if !summary.warnings.contains(&sentence) {
            summary.warnings.push(sentence);
        }
    }
    Ok(summary)
}

fn is_there(path: &Path) -> bool {
    path.as_os_str().is_empty() || std::fs::symlink_metadata(path).is_ok()
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Refuses to replace anything but an earlier export, and that only with `force`.
fn check_target(path: &Path, format: ExportFormat, force: bool) -> Result<()> {
    if !is_there(path) {
        return Ok(());
    }
    let is_empty = || std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    let is_export = match format {
        ExportFormat::Tensorboard if is_empty() => return Ok(()),
        ExportFormat::Tensorboard => projector::is_export(path),
        ExportFormat::Parquet => begins_with(path, parquet::MAGIC),
    };
    if !force {
        return Err(Error::Exists(path.to_owned()));
    }
    if is_export {
        return Ok(());
    }
    let reason = match format {
        ExportFormat::Tensorboard => {
            "it is not an export folder, and `Export::force` replaces only those"
        }
        ExportFormat::Parquet => {
            "it is not a Parquet file, and `Export::force` replaces only those"
        }
    };
    Err(Error::write(path, std::io::Error::other(reason)))
}

fn begins_with(path: &Path, magic: &[u8]) -> bool {
    let mut first = vec![0; magic.len()];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok()
        && first == magic
}

/// Fills a folder beside `path`, then gives it that name.
fn write_projector(
    chosen: &mut ExportedPoints<'_>,
    path: &Path,
    job: &Export,
    summary: &mut ExportSummary,
    reporter: &dyn Reporter,
) -> Result<()> {
    let observer = reporter.stage("tensorboard");
    let failed = |error| Error::write(path, error);
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any other folder, under the user's umask; the crate's default is private to the owner.
        builder.permissions(std::fs::Permissions::from_mode(0o777));
    }
    let temporary = builder.tempdir_in(parent(path)).map_err(failed)?;
    let _noted = Unfinished::new(temporary.path());
    let folder = temporary.path().join("filled");
    create_folder(&folder)?;
    let mut projector = Projector::new(&folder);
    let spaces = chosen.selected.run.spaces.iter().cloned();
    let ids: Vec<MapId> = spaces.chain(chosen.maps()).collect();
    for (done, id) in ids.iter().enumerate() {
        observer.step(done as u64, ids.len() as u64, &[])?;
        let values = if id.method.is_some() { chosen.map(id)? } else { chosen.space(&id.space)? };
        if let Some(values) = values {
            projector.add_tensor(&id.file_stem(), &values)?;
            summary.tensors.push(id.file_stem());
        }
    }
    if summary.tensors.is_empty() {
        return Err(Error::input(
            &job.run,
            "has kept neither a space nor a map: there is nothing to export",
        ));
    }
    projector.write_metadata(&metadata(chosen))?;
    if let Some(pictures) = &chosen.pictures {
        let (width, height) = projector.write_sprite(pictures)?;
        let (from_width, from_height) = (pictures.width(), pictures.height());
        if (width, height) != (from_width, from_height) {
            let most = projector::MAX_SPRITE;
            summary.warnings.push(format!(
                "images of {from_width} x {from_height} pixels are scaled down to {width} x \
                 {height}: TensorBoard wants all on one of at most {most} x {most}"
            ));
        }
    }
    if summary.n_points > projector::MAX_POINTS {
        summary.warnings.push(format!(
            "TensorBoard shows the first {} points",
            thousands(projector::MAX_POINTS)
        ));
    }
    projector.finish(job.url.as_deref())?;
    take_name(&folder, path, &temporary.path().join("earlier")).map_err(failed)
}

/// Renames a complete folder to its final name. An earlier export is moved aside until then, and
/// goes with the temporary folder.
fn take_name(filled: &Path, path: &Path, earlier: &Path) -> std::io::Result<()> {
    if is_there(path) {
        std::fs::rename(path, earlier)?;
    }
    std::fs::rename(filled, path).inspect_err(|_| {
        let _ = std::fs::rename(earlier, path);
    })
}

/// Metadata of each point. The projector labels points by the first column that holds no
/// numbers.
fn metadata(chosen: &ExportedPoints<'_>) -> Vec<MetadataColumn> {
    let points = &chosen.points;
    let mut columns: Vec<MetadataColumn> = Vec::new();
    for (name, classes) in [("label", &points.labels), ("prediction", &points.predictions)] {
        let named = classes
            .as_ref()
            .map(|classes| chosen.names_of(classes).into_iter().map(str::to_owned).collect());
        columns.extend(named.map(|names| (name, names)));
    }
    if let Some(correct) = chosen.correct() {
        let word = |correct: bool| if correct { "yes" } else { "no" };
        columns.push(("correct", correct.into_iter().map(word).map(str::to_owned).collect()));
    }
    if let Some(confidences) = &points.confidence {
        columns.push(("confidence", confidences.iter().map(f32::to_string).collect()));
    }
    let rows = chosen.rows();
    columns.push(("split", rows.iter().map(|(part, _)| (*part).to_owned()).collect()));
    columns.push(("id", rows.iter().map(|(part, row)| format!("{part}:{row}")).collect()));
    columns
}

/// Writes the table and gives the names of its columns.
fn write_table(
    chosen: &mut ExportedPoints<'_>,
    path: &Path,
    device: &Device,
    reporter: &dyn Reporter,
) -> Result<Vec<String>> {
    let mut maps = Vec::new();
    for id in chosen.maps() {
        maps.extend(chosen.map(&id)?.map(|map| (id.file_stem(), map)));
    }
    let graph = chosen.neighbors(device, reporter)?;
    let observer = reporter.stage("parquet");
    observer.step(0, 1, &[])?;
    let points = &chosen.points;
    let rows = chosen.rows();
    let ids: Vec<String> = rows.iter().map(|(part, row)| format!("{part}:{row}")).collect();
    let mut columns: Vec<(String, Column<'_>)> = vec![
        ("id".into(), Column::Texts(ids.iter().map(String::as_str).collect())),
        ("split".into(), Column::Texts(rows.iter().map(|(part, _)| *part).collect())),
    ];
    for (name, classes) in [("label", &points.labels), ("prediction", &points.predictions)] {
        columns.extend(
            classes.as_ref().map(|classes| (name.into(), Column::Texts(chosen.names_of(classes)))),
        );
    }
    columns.extend(chosen.correct().map(|correct| ("correct".into(), Column::Flags(correct))));
    columns.extend(
        points.confidence.clone().map(|values| ("confidence".into(), Column::Floats(values))),
    );
    for (name, map) in &maps {
        for (axis, letter) in ["x", "y"].into_iter().enumerate() {
            let coordinates = map.rows().map(|row| row[axis]).collect();
            columns.push((format!("{name}_{letter}"), Column::Floats(coordinates)));
        }
    }
    columns.extend(graph.as_ref().map(|graph| ("neighbors".into(), Column::Neighbors(graph))));
    if let Some(pictures) = &chosen.pictures {
        let names = rows.iter().map(|(part, row)| format!("{part}_{row}.png")).collect();
        columns.push(("image".into(), Column::Images(png_files(pictures)?, names)));
    }
    parquet::write_table(path, &columns)?;
    Ok(columns.into_iter().map(|(name, _)| name).collect())
}

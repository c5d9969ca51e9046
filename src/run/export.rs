//! A finished run for other programs: TensorBoard's Embedding Projector, and whatever reads Parquet, Embedding Atlas for one.

use super::points::ReportPoints;
use super::shown::{Shown, ShownImages};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::files::{TEMPORARY, create_folder};
use crate::matrix::Matrix;
use crate::neighbors::NeighborGraph;
use crate::progress::Reporter;
use crate::report::parquet::{self, Column};
use crate::report::projector::{self, MetadataColumn, Projector};
use crate::report::thumbnails::Thumbnails;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Neighbours of each point in a table.
const N_NEIGHBORS: usize = 10;

/// For which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// A folder for TensorBoard's Embedding Projector: spaces, maps, classes and images
    Tensorboard,
    /// A table of points with their places in every map, their classes, neighbours and images, for Embedding Atlas and others
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

/// What to export.
#[derive(Clone, Debug)]
pub struct Export {
    /// Folder of a finished run.
    pub run: PathBuf,
    /// For which programs.
    pub formats: Vec<ExportFormat>,
    /// Which points.
    pub points: ReportPoints,
    /// The address under which the projector's folder will be found, if it is known.
    pub url: Option<String>,
    /// The projector's folder, or the table's file; of several formats the folder in which they lie. `export` in the run's
    /// folder by default.
    pub out: Option<PathBuf>,
    /// Whether an earlier export there may be replaced.
    pub force: bool,
}

/// What was exported.
#[derive(Clone, Debug)]
pub struct ExportSummary {
    /// Number of exported points.
    pub n_points: usize,
    /// Points of the run.
    pub of: usize,
    /// Which were taken, in words.
    pub which: &'static str,
    /// Where each format went.
    pub written: Vec<(ExportFormat, PathBuf)>,
    /// Columns of the table, if it was written.
    pub columns: Vec<String>,
    /// Spaces and maps of the projector's folder, if it was written.
    pub tensors: Vec<String>,
    /// What the run lacks, and what was changed for want of room.
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
            return Err(Error::parameter("--format", "", "at least one format"));
        }
        match &self.url {
            Some(url) if !self.formats.contains(&ExportFormat::Tensorboard) => {
                Err(Error::parameter("--url", url, "is for --format tensorboard"))
            }
            Some(url) if !url.contains("://") => Err(Error::parameter("--url", url, "a whole address, https://... for instance")),
            _ => Ok(()),
        }
    }
}

/// Writes a finished run in the formats that were asked for, each whole or not at all.
///
/// # Errors
/// [`Error::Input`] if the folder is none of a finished run or a file of it is damaged; [`Error::Exists`] if something is where
/// an export would go, unless `force`, which replaces an earlier export and nothing else; [`Error::Write`],
/// [`Error::Interrupted`], and any error of the device.
pub fn export(job: &Export, device: &Device, reporter: &dyn Reporter) -> Result<ExportSummary> {
    job.validate()?;
    let formats: Vec<ExportFormat> =
        [ExportFormat::Tensorboard, ExportFormat::Parquet].into_iter().filter(|format| job.formats.contains(format)).collect();
    for &format in &formats {
        check_target(&job.path(format), format, job.force)?;
    }
    let mut shown = Shown::read(&job.run, job.points)?;
    let mut summary = ExportSummary {
        n_points: shown.len(),
        of: shown.of,
        which: shown.which,
        written: Vec::new(),
        columns: Vec::new(),
        tensors: Vec::new(),
        warnings: Vec::new(),
    };
    for format in formats {
        let path = job.path(format);
        create_folder(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
        match format {
            ExportFormat::Tensorboard => {
                write_projector(&mut shown, &path, job, &mut summary, reporter)?;
            }
            ExportFormat::Parquet => summary.columns = write_table(&mut shown, &path, device, reporter)?,
        }
        summary.written.push((format, path));
    }
    summary.warnings.splice(0..0, shown.missing);
    Ok(summary)
}

/// Refuses to write over anything but an earlier export, and over that without leave.
fn check_target(path: &Path, format: ExportFormat, force: bool) -> Result<()> {
    if std::fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    let is_empty = || std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    let is_export = match format {
        ExportFormat::Tensorboard if is_empty() => return Ok(()),
        ExportFormat::Tensorboard => path.join(projector::CONFIG).is_file(),
        ExportFormat::Parquet => begins_with(path, parquet::MAGIC),
    };
    if !force {
        return Err(Error::Exists(path.to_owned()));
    }
    if is_export {
        return Ok(());
    }
    let reason = match format {
        ExportFormat::Tensorboard => "it is no folder of an earlier export, and --force replaces nothing else",
        ExportFormat::Parquet => "it is no Parquet file, and --force replaces nothing else",
    };
    Err(Error::write(path, std::io::Error::other(reason)))
}

fn begins_with(path: &Path, magic: &[u8]) -> bool {
    let mut first = vec![0; magic.len()];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first == magic
}

/// Fills a folder beside `path`, then gives it that name.
fn write_projector(
    shown: &mut Shown,
    path: &Path,
    job: &Export,
    summary: &mut ExportSummary,
    reporter: &dyn Reporter,
) -> Result<()> {
    let observer = reporter.stage("tensorboard");
    let failed = |error| Error::write(path, error);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any other folder, under the user's umask; the crate's default is private to the owner.
        builder.permissions(std::fs::Permissions::from_mode(0o777));
    }
    let temporary = builder.tempdir_in(parent).map_err(failed)?;
    let folder = temporary.path().join("filled");
    create_folder(&folder)?;
    let mut projector = Projector::new(&folder);
    let (spaces, methods) = (shown.spaces.clone(), shown.methods.clone());
    let names: Vec<(&String, Option<&String>)> = (spaces.iter().map(|space| (space, None)))
        .chain(spaces.iter().flat_map(|space| methods.iter().map(move |method| (space, Some(method)))))
        .collect();
    for (done, &(space, method)) in names.iter().enumerate() {
        observer.step(done as u64, names.len() as u64, &[])?;
        let values = match method {
            None => shown.space(space)?,
            Some(method) => shown.map(space, method)?,
        };
        if let Some(values) = values {
            let name = method.map_or(space.clone(), |method| format!("{method}_{space}"));
            projector.add_tensor(&name, &values)?;
            summary.tensors.push(name);
        }
    }
    if summary.tensors.is_empty() {
        return Err(Error::input(&shown.path, "has kept neither a space nor a map: there is nothing to export"));
    }
    projector.write_metadata(&metadata(shown))?;
    if let Some(images) = &shown.images {
        let images = thumbnails(images)?;
        let size = projector.write_sprite(&images)?;
        if size != images.size() {
            let ((width, height), (less_wide, less_high)) = (images.size(), size);
            let most = projector::MAX_SPRITE;
            summary.warnings.push(format!(
                "images of {width} x {height} are shrunk to {less_wide} x {less_high}: all share a sprite of at most {most} x {most} pixels"
            ));
        }
    }
    if shown.len() > projector::MAX_POINTS {
        summary.warnings.push(format!("TensorBoard shows the first {} points", projector::MAX_POINTS));
    }
    projector.finish(job.url.as_deref())?;
    // An earlier export is out of the way only while the new one takes its name.
    let earlier = temporary.path().join("earlier");
    if std::fs::symlink_metadata(path).is_ok() {
        std::fs::rename(path, &earlier).map_err(failed)?;
    }
    std::fs::rename(&folder, path).map_err(|error| {
        let _ = std::fs::rename(&earlier, path);
        failed(error)
    })
}

fn thumbnails(images: &ShownImages) -> Result<Thumbnails<'_>> {
    Thumbnails::new(&images.pixels, images.width, images.height, images.channels)
}

/// What is known of each point. The projector labels points by the first column that holds no numbers.
fn metadata(shown: &Shown) -> Vec<MetadataColumn> {
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let mut columns: Vec<MetadataColumn> = Vec::new();
    let classes = [("label", &shown.labels), ("prediction", &shown.predictions)];
    columns.extend(classes.into_iter().filter_map(|(name, classes)| Some((name, owned(names_of(shown, classes.as_ref()?))))));
    if let Some(correct) = correct(shown) {
        let word = |correct: bool| if correct { "yes" } else { "no" };
        columns.push(("correct", correct.into_iter().map(word).map(str::to_owned).collect()));
    }
    if let Some(confidences) = &shown.confidences {
        columns.push(("confidence", confidences.iter().map(f32::to_string).collect()));
    }
    let points = || shown.parts.iter().flat_map(|part| part.rows.iter().map(|row| (part.name, *row)));
    columns.push(("split", points().map(|(part, _)| part.to_owned()).collect()));
    columns.push(("id", points().map(|(part, row)| format!("{part}:{row}")).collect()));
    columns
}

/// Writes the table and gives the names of its columns.
fn write_table(shown: &mut Shown, path: &Path, device: &Device, reporter: &dyn Reporter) -> Result<Vec<String>> {
    let maps = read_maps(shown)?;
    let graph = neighbors(shown, device, reporter)?;
    let observer = reporter.stage("parquet");
    observer.step(0, 1, &[])?;
    let points: Vec<(&str, usize)> = shown.parts.iter().flat_map(|part| part.rows.iter().map(|row| (part.name, *row))).collect();
    let ids: Vec<String> = points.iter().map(|(part, row)| format!("{part}:{row}")).collect();
    let mut columns: Vec<(String, Column<'_>)> = vec![
        ("id".into(), Column::Texts(ids.iter().map(String::as_str).collect())),
        ("split".into(), Column::Texts(points.iter().map(|(part, _)| *part).collect())),
    ];
    for (name, classes) in [("label", &shown.labels), ("prediction", &shown.predictions)] {
        columns.extend(classes.as_ref().map(|classes| (name.into(), Column::Texts(names_of(shown, classes)))));
    }
    columns.extend(correct(shown).map(|correct| ("correct".into(), Column::Flags(correct))));
    columns.extend(shown.confidences.clone().map(|values| ("confidence".into(), Column::Floats(values))));
    for (name, map) in &maps {
        for (axis, letter) in ["x", "y"].into_iter().enumerate() {
            let places = map.rows().map(|row| row[axis]).collect();
            columns.push((format!("{name}_{letter}"), Column::Floats(places)));
        }
    }
    columns.extend(graph.as_ref().map(|graph| ("neighbors".into(), Column::Neighbors(graph))));
    if let Some(images) = &shown.images {
        let names = points.iter().map(|(part, row)| format!("{part}_{row}.png")).collect();
        columns.push(("image".into(), Column::Images(thumbnails(images)?.png_files()?, names)));
    }
    parquet::write_table(path, &columns)?;
    Ok(columns.into_iter().map(|(name, _)| name).collect())
}

/// Places of the shown points in every map, called `<method>_<space>`.
fn read_maps(shown: &mut Shown) -> Result<Vec<(String, Matrix)>> {
    let (spaces, methods) = (shown.spaces.clone(), shown.methods.clone());
    let mut maps = Vec::new();
    for space in &spaces {
        for method in &methods {
            let Some(map) = shown.map(space, method)? else { continue };
            if map.n_features() != 2 {
                let message = format!("has {} columns, expected 2", map.n_features());
                return Err(Error::input(shown.path.join(format!("embeddings/{method}_{space}_*.npy")), message));
            }
            maps.push((format!("{method}_{space}"), map));
        }
    }
    Ok(maps)
}

/// The nearest of the shown points in the first space, all dimensions.
fn neighbors(shown: &mut Shown, device: &Device, reporter: &dyn Reporter) -> Result<Option<NeighborGraph>> {
    let Some(space) = shown.spaces.first().cloned() else { return Ok(None) };
    let Some(x) = shown.space(&space)? else { return Ok(None) };
    let observer = reporter.stage(&format!("neighbours {space}"));
    shown.neighbors(device, &x, N_NEIGHBORS, &*observer)
}

fn names_of<'a>(shown: &'a Shown, classes: &[u8]) -> Vec<&'a str> {
    classes.iter().map(|&class| shown.class_names[usize::from(class)].as_str()).collect()
}

/// Whether the network is right about each point, if both are known.
fn correct(shown: &Shown) -> Option<Vec<bool>> {
    let (labels, predictions) = (shown.labels.as_ref()?, shown.predictions.as_ref()?);
    Some(labels.iter().zip(predictions).map(|(label, prediction)| label == prediction).collect())
}

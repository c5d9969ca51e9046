//! The command `transform`: new points in a map that was fitted before, a few rows at a time.
//!
//! New points are one file, or the files of a folder, each of which gives a file of coordinates of
//! its own. Memory holds the fitted points, prepared once, and one batch; since the coordinates of
//! a row depend on that row alone, batches and shards give the bytes of one run. What is written
//! of a file lies beside it as `.partial` until it is whole, with a description (`.json`) by which
//! a later run goes on with it.

mod coordinates;

use crate::compute::Device;
use crate::dataset::rows::{ENDINGS, RowFiles, Rows, row_files, rows_together, with_rows};
use crate::dataset::{Source, npy};
use crate::embedding::SavedMap;
use crate::error::{Error, Result};
use crate::files::create_folder;
use crate::matrix::{Matrix, offsets_note};
use crate::neighbors::References;
use crate::progress::{Observer, Quiet, Reporter};
use crate::record::Artifact;
use coordinates::{Origin, Partial, beside, description};
use std::borrow::Cow;
use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// One of several equal parts of the work, `2/8` as text: counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// The part, from 1 to `of`.
    number: usize,
    /// Number of parts.
    of: usize,
}

impl Default for Shard {
    fn default() -> Self {
        Self { number: 1, of: 1 }
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once('/').and_then(|(number, of)| {
            Some(Self { number: number.parse().ok()?, of: of.parse().ok()? })
        });
        parts.filter(|shard| (1..=shard.of).contains(&shard.number)).ok_or_else(|| {
            Error::parameter("shard", text, "expected I/N with I from 1 to N, such as 2/8")
        })
    }
}

impl Shard {
    /// Its rows of `n`.
    fn rows(self, n: usize) -> Range<usize> {
        let at = |part: usize| (n as u128 * part as u128 / self.of as u128) as usize;
        at(self.number - 1)..at(self.number)
    }
}

/// Parameters of the command `transform`.
#[derive(Clone, Debug)]
pub struct Transform {
    /// The map: its file, or the folder of an embedding that holds one.
    pub map: PathBuf,
    /// The points that it was fitted to; PCA needs none, and an embedding of drawn points keeps them
    /// in its folder, from where they are read.
    pub train: Option<PathBuf>,
    /// Points to place: a file, or a folder of such files.
    pub new: PathBuf,
    /// File of the coordinates, .npy, or folder of such files for a folder of points.
    pub places: PathBuf,
    /// The part of the points to place: of a file so many rows, of a folder so many files.
    pub shard: Shard,
    /// `true` to replace what is there.
    pub force: bool,
    /// `true` to go on with what an earlier run has left.
    pub resume: bool,
}

/// Result of the command `transform`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransformSummary {
    /// Files of coordinates, with their rows.
    pub files: Vec<(PathBuf, usize)>,
    /// Dimensions of the coordinates.
    pub n_components: usize,
    /// Rows that an earlier run had placed.
    pub n_resumed: usize,
}

/// The file of a map; of the folder of an embedding the one in it.
fn map_file(map: &Path) -> Result<PathBuf> {
    let within = Artifact::OnlyFittedMap.of(map);
    match (map.is_dir(), within.is_file()) {
        (false, _) => Ok(map.to_owned()),
        (true, true) => Ok(within),
        (true, false) => Err(Error::input(
            map,
            format!(
                "is a folder without {}; expected the file of a map, which a run has in maps/, or \
                 the folder of an embedding",
                Artifact::OnlyFittedMap
            ),
        )),
    }
}

/// The file of the fitted points: the one that is given, else the one beside a map of drawn points.
/// None if the map needs none.
fn fitted_points(job: &Transform, saved: &SavedMap) -> Result<Option<PathBuf>> {
    let drawn = Artifact::FittedPoints.of(&job.map);
    match &job.train {
        Some(train) => Ok(Some(train.clone())),
        None if !saved.needs_the_fitted_points() => Ok(None),
        None if drawn.is_file() => Ok(Some(drawn)),
        None => {
            let expected = "this map needs the .npy file of the points that it was fitted to: the \
                            new ones are placed by them";
            Err(Error::parameter("train", "none", expected))
        }
    }
}

/// Places the points and writes their coordinates.
///
/// # Errors
/// [`Error::Input`] naming the file, and the row, at fault; [`Error::Parameter`] if the map needs
/// the fitted points; [`Error::Exists`]; [`Error::Write`]; any error of the device;
/// [`Error::Interrupted`].
pub fn transform(
    job: &Transform,
    device: &Device,
    reporter: &dyn Reporter,
) -> Result<TransformSummary> {
    let file = map_file(&job.map)?;
    let saved = SavedMap::load(&file)?;
    let train = fitted_points(job, &saved)?;
    let (map, device_kind) = (Source::of_file(&file)?.sha256, device.kind());
    // The cheap faults first: every file is opened before the fitted points are read.
    let found = parts(job, reporter)?.into_iter().map(|Share { new, places, shard }| {
        with_rows(&new, None, |rows| {
            check_width(&new, rows, &saved)?;
            let origin = Origin::new(map.clone(), device_kind, &new, shard.rows(rows.n_samples()))?;
            let is_done = job.resume && places.exists() && origin.is_of(&places);
            if places.exists() && !job.force && !is_done {
                // Perhaps of other points, by another map or on another device.
                return Err(Error::Exists(places.clone()));
            }
            Ok(Part { new: new.clone(), places, origin, is_done })
        })
    });
    let parts: Vec<Part> = found.collect::<Result<_>>()?;
    let fitted =
        train.as_ref().map(|path| npy::read_matrix_less(path, saved.offsets())).transpose()?;
    let of_train = |error: Error| match &train {
        Some(path) => error.of_file(path),
        None => error,
    };
    let references = saved.references(fitted.map(Cow::Owned)).map_err(of_train)?;
    if let Some(offsets) = saved.offsets() {
        reporter.note(&offsets_note("the points", offsets));
    }
    if job.new.is_dir() {
        create_folder(&job.places)?;
    }
    let placing = Placing {
        job,
        device,
        saved: &saved,
        references,
        n_components: saved.fitted().embedding().n_features(),
    };
    let observer = reporter.stage("placing new points");
    let mut summary =
        TransformSummary { n_components: placing.n_components, ..TransformSummary::default() };
    for (at, part) in parts.iter().enumerate() {
        let observer =
            OfParts { observer: observer.as_ref(), at: at as u64, of: parts.len() as u64 };
        let (n, resumed) = placing.place(part, &observer)?;
        summary.files.push((part.places.clone(), n));
        summary.n_resumed += resumed;
    }
    Ok(summary)
}

/// A file of points, that of their coordinates, and the share of its rows.
struct Share {
    new: PathBuf,
    places: PathBuf,
    shard: Shard,
}

/// The same, checked.
struct Part {
    new: PathBuf,
    places: PathBuf,
    origin: Origin,
    /// `true` if an earlier run has placed all of it.
    is_done: bool,
}

fn check_width(path: &Path, rows: &Rows<'_>, saved: &SavedMap) -> Result<()> {
    let (found, expected) = (rows.n_features(), saved.n_features());
    if found == expected {
        return Ok(());
    }
    let message = format!("has {found} columns, the points of the map have {expected}");
    Err(Error::input(path, message))
}

/// The files of points that are this shard's.
fn parts(job: &Transform, reporter: &dyn Reporter) -> Result<Vec<Share>> {
    let Shard { number, of } = job.shard;
    if !job.new.is_dir() {
        let mut places = job.places.clone();
        let is_npy = places.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npy"));
        if !is_npy || places.is_dir() {
            let expected = "expected the name of a file that ends in .npy";
            return Err(Error::parameter("places", places.display(), expected));
        }
        if of > 1 {
            let stem = places.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            places.set_file_name(format!("{stem}-{number}-of-{of}.npy"));
        }
        return Ok(vec![Share { new: job.new.clone(), places, shard: job.shard }]);
    }
    let RowFiles { files, others } = row_files(&job.new)?;
    if !others.is_empty() {
        let (folder, others) = (job.new.display(), others.join(", "));
        let endings = ENDINGS.join(", .");
        reporter.note(&format!("{folder}: not read, since not .{endings}: {others}"));
    }
    let stem = |file: &PathBuf| file.file_stem().unwrap_or_default().to_owned();
    let stems: Vec<OsString> = files.iter().map(stem).collect();
    if let Some(at) = (1..stems.len()).find(|&at| stems[..at].contains(&stems[at])) {
        let message = "has the same name as another file but for its ending";
        return Err(Error::input(&files[at], message));
    }
    let share = |(new, mut stem): (PathBuf, OsString)| {
        stem.push(".npy");
        Share { new, places: job.places.join(stem), shard: Shard::default() }
    };
    Ok(files.into_iter().zip(stems).skip(number - 1).step_by(of).map(share).collect())
}

/// What all files have in common.
struct Placing<'a> {
    job: &'a Transform,
    device: &'a Device,
    saved: &'a SavedMap,
    references: Option<References<'static>>,
    n_components: usize,
}

impl Placing<'_> {
    /// Places the rows of a part; returns their number, and how many of them were placed before.
    fn place(&self, part: &Part, observer: &dyn Observer) -> Result<(usize, usize)> {
        let n = part.origin.rows.len();
        if part.is_done {
            return Ok((n, n));
        }
        with_rows(&part.new, self.saved.offsets(), |rows| {
            let path = beside(&part.places, ".partial");
            let is_left = self.job.resume && part.origin.is_of(&path);
            let mut out = Partial::open(&path, (n, self.n_components), is_left)?;
            part.origin.write(&path)?;
            let before = out.rows;
            match self.place_rows(part, rows, &mut out, observer) {
                Err(error @ (Error::Input { .. } | Error::Data(_))) => {
                    // Nothing can go on with points that have to be changed first.
                    drop(out);
                    let _ = std::fs::remove_file(&path);
                    let _ = std::fs::remove_file(description(&path));
                    return Err(error);
                }
                outcome => outcome?,
            }
            out.finish(&part.places)?;
            Ok((n, before))
        })
    }

    /// Places those rows that are not placed yet.
    fn place_rows(
        &self,
        part: &Part,
        rows: &mut Rows<'_>,
        out: &mut Partial,
        observer: &dyn Observer,
    ) -> Result<()> {
        let wanted = &part.origin.rows;
        let n = wanted.len();
        rows.skip(wanted.start + out.rows)?;
        let together = rows_together(rows.n_features());
        while out.rows < n {
            observer.step(out.rows as u64, n as u64, &[])?;
            let batch = rows.read(together.min(n - out.rows))?;
            let batch = batch.ok_or_else(|| Error::input(&part.new, "has fewer rows now"))?;
            let first = wanted.start + out.rows;
            out.append(&self.placed(part, &batch, first, observer)?)?;
        }
        Ok(())
    }

    /// Coordinates of a batch of rows, of which the first has the number `first` in its file.
    fn placed(
        &self,
        part: &Part,
        batch: &Matrix,
        first: usize,
        observer: &dyn Observer,
    ) -> Result<Matrix> {
        let references = self.references.as_ref();
        let checked = references.map_or(Ok(()), |references| references.check(batch, first));
        checked
            .and_then(|()| self.saved.place(self.device, references, batch, &Quiet(observer)))
            .map_err(|error| error.of_file(&part.new))
    }
}

/// Progress of one file among several.
struct OfParts<'a> {
    observer: &'a dyn Observer,
    at: u64,
    of: u64,
}

impl Observer for OfParts<'_> {
    fn progress(&self, done: u64, total: u64, figures: &[(&str, f64)]) {
        const PARTS: u64 = 1000;
        let of_file = done * PARTS / total.max(1);
        self.observer.progress(self.at * PARTS + of_file, self.of * PARTS, figures);
    }

    fn is_cancelled(&self) -> bool {
        self.observer.is_cancelled()
    }
}

//! The command `transform`: new points in a map that was fitted before, a few rows at a time.
//!
//! New points are one file, or the files of a folder, each of which gives a file of coordinates of
//! its own. Memory holds the fitted points, prepared once, and one batch; since the coordinates of
//! a row depend on that row alone, batches and shards give the bytes of one run. What is written
//! of a file lies beside it as `.partial` until it is whole, with a description by which a later
//! run goes on with it.

use crate::compute::Device;
use crate::dataset::rows::{ENDINGS, Rows, with_rows};
use crate::dataset::{Source, npy};
use crate::embedding::SavedMap;
use crate::error::{Error, Result};
use crate::files::{create_folder, write_atomic};
use crate::format::natural;
use crate::matrix::Matrix;
use crate::neighbors::References;
use crate::progress::{Observer, Reporter};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::UNIX_EPOCH;

/// Bytes of the rows of one batch, and its fewest rows.
const BATCH_BYTES: usize = 64 << 20;
const FEWEST_ROWS: usize = 4096;

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
    /// The map.
    pub map: PathBuf,
    /// The points that it was fitted to; PCA needs none.
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

/// What a partial or finished file was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Origin {
    /// SHA-256 of the map's file.
    map: String,
    /// Name of the file of points, its bytes, and when it was changed, in nanoseconds since 1970.
    file: String,
    bytes: u64,
    changed: u64,
    /// The rows of it.
    rows: Range<usize>,
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
    let saved = SavedMap::load(&job.map)?;
    if saved.needs_the_fitted_points() && job.train.is_none() {
        let expected = "the .npy file of the points that this map was fitted to: the new points \
                        are placed by them";
        return Err(Error::parameter("train", "none", expected));
    }
    let parts = parts(job, reporter)?;
    // The cheap faults first: every file is opened before the fitted points are read.
    for part in &parts {
        with_rows(&part.new, None, |rows| check_width(&part.new, rows, &saved))?;
        part.check_free(job)?;
    }
    let train =
        job.train.as_ref().map(|path| npy::read_matrix_less(path, saved.offsets())).transpose()?;
    let of_train = |error: Error| match &job.train {
        Some(path) => error.of_file(path),
        None => error,
    };
    let references = saved.references(train.map(Cow::Owned)).map_err(of_train)?;
    if job.new.is_dir() {
        create_folder(&job.places)?;
    }
    let placing = Placing {
        job,
        device,
        saved: &saved,
        references,
        map: Source::of_file(&job.map)?.sha256,
        n_components: saved.fitted().embedding().n_features(),
    };
    let observer = reporter.stage("placing new points");
    let mut summary =
        TransformSummary { n_components: placing.n_components, ..TransformSummary::default() };
    for (at, part) in parts.iter().enumerate() {
        let observer = Share { observer: observer.as_ref(), at: at as u64, of: parts.len() as u64 };
        let (n, resumed) = placing.place(part, &observer)?;
        summary.files.push((part.places.clone(), n));
        summary.n_resumed += resumed;
    }
    Ok(summary)
}

/// A file of points, and that of their coordinates.
struct Part {
    new: PathBuf,
    places: PathBuf,
    /// The share of its rows.
    shard: Shard,
}

impl Part {
    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.places.file_name().unwrap_or_default().to_owned();
        name.push(ending);
        self.places.with_file_name(name)
    }

    /// Coordinates that are not whole yet.
    fn partial(&self) -> PathBuf {
        self.beside(".partial")
    }

    /// Their description.
    fn origin(&self) -> PathBuf {
        self.beside(".json")
    }

    fn check_free(&self, job: &Transform) -> Result<()> {
        if self.places.exists() && !job.force && !job.resume {
            return Err(Error::Exists(self.places.clone()));
        }
        Ok(())
    }
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
fn parts(job: &Transform, reporter: &dyn Reporter) -> Result<Vec<Part>> {
    let Shard { number, of } = job.shard;
    if !job.new.is_dir() {
        let mut places = job.places.clone();
        if of > 1 {
            let stem = places.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            places.set_file_name(format!("{stem}-{number}-of-{of}.npy"));
        }
        return Ok(vec![Part { new: job.new.clone(), places, shard: job.shard }]);
    }
    let unreadable =
        |error: std::io::Error| Error::input(&job.new, format!("cannot be read: {error}"));
    let mut names = Vec::new();
    let mut others = Vec::new();
    for entry in std::fs::read_dir(&job.new).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
        match ending {
            Some(ending) if ENDINGS.contains(&ending.as_str()) => names.push(name),
            _ if name.starts_with(['.', '_']) => {}
            _ => others.push(name),
        }
    }
    names.sort_by(|a, b| natural(a, b));
    let endings = ENDINGS.join(", .");
    if names.is_empty() {
        return Err(Error::input(&job.new, format!("holds no files .{endings}")));
    }
    if !others.is_empty() {
        others.sort();
        let folder = job.new.display();
        reporter.note(&format!("{folder}: not read, since not .{endings}: {}", others.join(", ")));
    }
    let stem = |name: &String| name.rsplit_once('.').map_or(name.clone(), |(stem, _)| stem.into());
    let stems: Vec<String> = names.iter().map(stem).collect();
    if let Some(at) = (1..stems.len()).find(|&at| stems[..at].contains(&stems[at])) {
        let message =
            format!("has the same name as another file but for its ending: {}", names[at]);
        return Err(Error::input(&job.new, message));
    }
    let mine = names.iter().zip(stems).enumerate().filter(|(at, _)| at % of == number - 1);
    let part = |(_, (name, stem)): (usize, (&String, String))| Part {
        new: job.new.join(name),
        places: job.places.join(format!("{stem}.npy")),
        shard: Shard::default(),
    };
    Ok(mine.map(part).collect())
}

/// What all files have in common.
struct Placing<'a> {
    job: &'a Transform,
    device: &'a Device,
    saved: &'a SavedMap,
    references: Option<References<'static>>,
    map: String,
    n_components: usize,
}

impl Placing<'_> {
    /// Places the rows of a part; returns their number, and how many of them were placed before.
    fn place(&self, part: &Part, observer: &dyn Observer) -> Result<(usize, usize)> {
        with_rows(&part.new, self.saved.offsets(), |rows| {
            let origin = self.origin(part, rows)?;
            let n = origin.rows.len();
            let known = std::fs::read(part.origin()).ok();
            let is_same = known.and_then(|text| serde_json::from_slice::<Origin>(&text).ok())
                == Some(origin.clone());
            let resumed = self.job.resume && is_same;
            if resumed && part.places.exists() {
                return Ok((n, n));
            }
            if part.places.exists() && !self.job.force {
                // Of other points, or by another map.
                return Err(Error::Exists(part.places.clone()));
            }
            let mut out = Partial::open(&part.partial(), (n, self.n_components), resumed)?;
            let text = serde_json::to_vec_pretty(&origin).unwrap_or_default();
            write_atomic(&part.origin(), |out| out.write_all(&text))?;
            let before = out.rows;
            match self.place_rows(part, rows, &origin.rows, &mut out, observer) {
                Err(error @ (Error::Input { .. } | Error::Data(_))) => {
                    // Nothing can go on with points that have to be changed first.
                    drop(out);
                    let _ = std::fs::remove_file(part.partial());
                    let _ = std::fs::remove_file(part.origin());
                    return Err(error);
                }
                outcome => outcome?,
            }
            out.finish(&part.places)?;
            Ok((n, before))
        })
    }

    /// Places those of the `wanted` rows that are not placed yet.
    fn place_rows(
        &self,
        part: &Part,
        rows: &mut Rows<'_>,
        wanted: &Range<usize>,
        out: &mut Partial,
        observer: &dyn Observer,
    ) -> Result<()> {
        let n = wanted.len();
        rows.skip(wanted.start + out.rows)?;
        let together = (BATCH_BYTES / (4 * rows.n_features())).max(FEWEST_ROWS);
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
            .and_then(|()| self.saved.place(self.device, references, batch, &Cancelled(observer)))
            .map_err(|error| error.of_file(&part.new))
    }

    fn origin(&self, part: &Part, rows: &Rows<'_>) -> Result<Origin> {
        let unreadable =
            |error: std::io::Error| Error::input(&part.new, format!("cannot be read: {error}"));
        let about = std::fs::metadata(&part.new).map_err(unreadable)?;
        let changed = about.modified().map_err(unreadable)?;
        let changed = changed.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
        let file = part.new.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let rows = part.shard.rows(rows.n_samples());
        Ok(Origin { map: self.map.clone(), file, bytes: about.len(), changed, rows })
    }
}

/// A file of coordinates that grows by batches.
struct Partial {
    path: PathBuf,
    file: File,
    /// Rows that are written.
    rows: usize,
}

impl Partial {
    /// Opens the file for n_samples x n_components coordinates, at the end of the whole rows that an
    /// earlier run has left if it is `resumed`.
    fn open(path: &Path, (n, c): (usize, usize), resumed: bool) -> Result<Self> {
        let failed = |error| Error::write(path, error);
        let head = npy::matrix_head(n, c)?;
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .write(true)
            .read(true)
            .truncate(!resumed)
            .open(path)
            .map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let rows = len.saturating_sub(head.len() as u64) / (4 * c as u64);
        let rows = (rows as usize).min(n);
        if rows == 0 {
            file.set_len(0).map_err(failed)?;
            file.write_all(&head).map_err(failed)?;
        }
        let end = (head.len() + 4 * c * rows) as u64;
        file.set_len(end).map_err(failed)?;
        file.seek(SeekFrom::Start(end)).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file, rows })
    }

    fn append(&mut self, places: &Matrix) -> Result<()> {
        let bytes: Vec<u8> =
            places.as_slice().iter().flat_map(|value| value.to_le_bytes()).collect();
        self.file.write_all(&bytes).map_err(|error| Error::write(&self.path, error))?;
        self.rows += places.n_samples();
        Ok(())
    }

    /// Gives the whole file its name.
    fn finish(self, path: &Path) -> Result<()> {
        let failed = |error| Error::write(path, error);
        self.file.sync_all().map_err(failed)?;
        std::fs::rename(&self.path, path).map_err(failed)
    }
}

/// Progress of one file among several.
struct Share<'a> {
    observer: &'a dyn Observer,
    at: u64,
    of: u64,
}

impl Observer for Share<'_> {
    fn progress(&self, done: u64, total: u64, figures: &[(&str, f64)]) {
        const PARTS: u64 = 1000;
        let of_file = done * PARTS / total.max(1);
        self.observer.progress(self.at * PARTS + of_file, self.of * PARTS, figures);
    }

    fn is_cancelled(&self) -> bool {
        self.observer.is_cancelled()
    }
}

/// An observer of a batch, whose own progress is not shown.
struct Cancelled<'a>(&'a dyn Observer);

impl Observer for Cancelled<'_> {
    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

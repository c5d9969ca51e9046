//! The explorable report: at the end of a run, again from the folder of a finished one, or from
//! anybody's embedding.

mod chosen;
mod contents;
mod export;
mod given;
mod sections;
mod tables;

pub use export::{Export, ExportFormat, ExportSummary, export};
pub use given::{GivenReport, report_given};

use crate::clustering::Clustered;
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::evaluation::{Insights, MapQuality, Metric, ScoredOn, Scores};
use crate::model::Architecture;
use crate::neighbors::Search;
use crate::progress::{Observer, Reporter};
use crate::record::claim::Claim;
use crate::record::integrity::check_unchanged;
use crate::record::{
    Artifact, EpochMaps, FinishedStage, Found, Inference, MapResults, Output, ReportPoints,
    RunFolder, Stage, TrainingSummary,
};
use crate::report::page::{self, Page};
use crate::training::{History, Performance};
use contents::Contents;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The stage that writes it.
const STAGE: Stage<'_> = Stage::Report;
/// Neighbours of each point that the page shows.
const PAGE_NEIGHBORS: usize = 10;

/// Folders of a run that pages and exports are made from.
const READ: [&str; 3] = ["activations/", "embeddings/", "epochs/"];

/// A page to make from a finished run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Folder of the run.
    pub run: PathBuf,
    /// Which points; as the run was told if nothing is said.
    pub points: Option<ReportPoints>,
    /// The page's file; in the run's folder if nothing is said.
    pub out: Option<PathBuf>,
    /// Whether a file that is there, other than the run's own page, may be replaced.
    pub force: bool,
}

/// What a page shows.
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
    /// Which they are, in words.
    pub which: String,
    /// What the reader should know.
    pub warnings: Vec<String>,
    /// What is not there.
    pub missing: Vec<String>,
}

/// Makes the page of a finished run; parts of it that were deleted are told on the page.
///
/// # Errors
/// [`Error::Input`] if the folder is no finished run of layers, its manifest has another layout, or
/// a file is damaged; [`Error::Exists`], [`Error::Write`]; any error of the device;
/// [`Error::Interrupted`].
pub fn report(job: &Report, device: &Device, reporter: &dyn Reporter) -> Result<ReportSummary> {
    // A folder that is no run is refused before it is claimed, which would make one that is not
    // there.
    let mut found = Found::read(&job.run)?;
    let own = Artifact::Report.of(&job.run);
    let path = job.out.clone().unwrap_or_else(|| own.clone());
    check_new(&path, job.force || path == own)?;
    // The manifest is written back, with the new page in it: from here on nobody else may change
    // it.
    let _claim = (path == own).then(|| Claim::of(&job.run)).transpose()?;
    if path == own {
        found = Found::read(&job.run)?;
    }
    let known = Known::read(&job.run, &found, true)?;
    let changed = check_unchanged(&job.run, &found, &READ)?;
    let observer = reporter.stage("report");
    let page = page_of(&known, job.points.unwrap_or(known.points), device, observer.as_ref())?;
    page::write(&page, &path)?;
    if path == own {
        found.relist(&job.run, Artifact::Report)?;
    }
    let mut made = summary(page, path)?;
    made.warnings.extend(changed);
    Ok(made)
}

/// Writes the page of a run that is otherwise complete.
pub(super) fn stage(
    folder: &mut RunFolder,
    points: ReportPoints,
    device: &Device,
    kind: &'static str,
    reporter: &dyn Reporter,
) -> Result<()> {
    if folder.has_finished(STAGE) {
        return Ok(());
    }
    let (start, observer) = (Instant::now(), reporter.stage("report"));
    let known = Known::read(folder.path(), &Found::of(&folder.manifest, folder.path()), false)?;
    let page = page_of(&known, points, device, observer.as_ref())?;
    page::write(&page, &folder.below(Artifact::Report)?)?;
    drop(observer);
    folder.list(Artifact::Report, None, None);
    folder.finish_stage(STAGE, start, kind)
}

fn summary(page: Page, path: PathBuf) -> Result<ReportSummary> {
    let bytes = path.metadata().map_err(|error| Error::write(&path, error))?.len();
    let (n_points, of, which) = (page.points.n(), page.points.of, page.points.which);
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

/// Refuses to replace a file that nobody allowed to replace.
fn check_new(path: &Path, may_replace: bool) -> Result<()> {
    if !may_replace && std::fs::symlink_metadata(path).is_ok() {
        return Err(Error::Exists(path.to_owned()));
    }
    Ok(())
}

fn page_of(
    known: &Known,
    choice: ReportPoints,
    device: &Device,
    observer: &dyn Observer,
) -> Result<Page> {
    let mut contents = Contents::new(known, choice);
    let classes = contents.class_names()?;
    let points = contents.points(&classes)?;
    let maps = contents.maps()?;
    let epochs = contents.epochs()?;
    let (spaces, pictures) = contents.spaces(device, observer)?;
    let sections = sections::of_run(known, &mut contents, &classes)?;
    let (methods, n_neighbors) = (contents.methods(), contents.n_neighbors());
    let (warnings, mut missing) = (contents.warnings, contents.missing);
    missing.dedup();
    Ok(Page {
        name: known.name.clone(),
        points,
        classes,
        n_neighbors,
        spaces,
        methods,
        maps,
        epochs,
        pictures,
        sections,
        warnings,
        missing,
    })
}

/// A file that was read.
#[derive(Clone, Debug, Deserialize)]
struct Input {
    name: String,
    bytes: u64,
    sha256: String,
    verified: bool,
}

/// What computed.
#[derive(Clone, Debug, Deserialize)]
struct Computed {
    kind: String,
    name: String,
    reason: String,
}

/// What the manifest says of a run.
struct Known {
    folder: PathBuf,
    /// Of the data.
    name: String,
    seed: u64,
    argv: Vec<String>,
    version: String,
    started: String,
    device: Computed,
    inputs: Vec<Input>,
    stages: Vec<FinishedStage>,
    outputs: Vec<Output>,
    warnings: Vec<String>,
    /// Which points its page shows by itself.
    points: ReportPoints,
    search: Search,
    architecture: Option<Architecture>,
    /// Height, width and channels of what the network sees.
    input: Option<[usize; 3]>,
    n_train: usize,
    n_test: usize,
    n_classes: usize,
    /// Spaces in their order, with their dimensions.
    spaces: Vec<(String, usize)>,
    methods: Vec<String>,
    maps: Vec<MapResults>,
    scores: Vec<Scores>,
    quality: Vec<MapQuality>,
    insights: Option<Insights>,
    clusters: Vec<Clustered>,
    history: Option<History>,
    course: Option<TrainingSummary>,
    inference: Option<Inference>,
    test: Option<Performance>,
    epochs: Option<EpochMaps>,
}

impl Known {
    /// # Errors
    /// [`Error::Input`] if it is no run of layers, if it should be `finished` and is not, or if the
    /// manifest is damaged.
    fn read(folder: &Path, found: &Found, finished: bool) -> Result<Self> {
        if finished {
            found.check_complete(folder)?;
        }
        let (Some(maps), Some(scores)) =
            (found.result::<Vec<MapResults>>("maps")?, found.result::<Vec<Scores>>("knn")?)
        else {
            let message = "is no run of layers: `layerlens run` makes such runs, and `layerlens report` with `GivenReport::embedding` shows any map";
            return Err(Error::input(folder, message));
        };
        let config: Value = found.part("config")?;
        let architecture: Option<Architecture> = of_config(found, &config, "model")?;
        let history: Option<History> = found.result("history")?;
        if history.as_ref().is_some_and(|history| {
            history.columns().iter().any(|(_, values)| values.len() != history.len())
        }) {
            return Err(Error::input(
                found.path(),
                "`results.history` is damaged: its columns differ in length",
            ));
        }
        let count = |kind, count: fn(&Scores) -> usize| {
            scores.iter().find(|row| row.scored_on == kind).map_or(0, count)
        };
        let n_train = scores.first().map_or(0, |row| row.n_fitted);
        Ok(Self {
            folder: folder.to_owned(),
            name: name(&config),
            seed: found.part("seed")?,
            argv: found.part("argv")?,
            version: found.part("layerlens_version")?,
            started: found.part("started")?,
            device: found.part("device")?,
            inputs: found.part("inputs")?,
            stages: found.part("stages")?,
            outputs: found.part("outputs")?,
            warnings: found.part("warnings")?,
            points: of_config(found, &config, "report_points")?.unwrap_or_default(),
            search: of_config(found, &config, "neighbors")?.unwrap_or_default(),
            input: architecture.as_ref().map(|architecture| architecture.input),
            architecture,
            n_train,
            n_test: count(ScoredOn::Test, |row| row.n_scored),
            n_classes: scores
                .iter()
                .flat_map(|row| &row.knn)
                .map(|score| score.per_class.len())
                .max()
                .unwrap_or(0),
            spaces: spaces_of(&scores),
            methods: methods_of(&maps),
            maps,
            quality: found.result("quality")?.unwrap_or_default(),
            insights: found.result("insights")?,
            clusters: found.result("clusters")?.unwrap_or_default(),
            history,
            course: found.result("training")?,
            inference: found.result("inference")?,
            test: found.result("test")?,
            epochs: found.result("epochs")?,
            scores,
        })
    }

    /// Whether the run lists this file.
    fn wrote(&self, artifact: Artifact<'_>) -> bool {
        let path = artifact.to_string();
        self.outputs.iter().any(|output| output.path == path)
    }

    /// Which points were classified.
    fn scored_on(&self) -> ScoredOn {
        if self.n_test > 0 { ScoredOn::Test } else { ScoredOn::TrainLeaveOneOut }
    }

    /// What is measured of a map.
    fn metrics(&self, space: &str, method: &str) -> Vec<(String, f64)> {
        let mut metrics = Vec::new();
        let of_map =
            |row: &&MapQuality| row.space == space && row.method.as_deref() == Some(method);
        if let Some(MapQuality { quality, .. }) = self.quality.iter().find(of_map) {
            metrics.extend(Metric::shown_by_map(quality));
        }
        let scored = self.scored_on();
        let of_map = |row: &&Scores| {
            row.space == space && row.method.as_deref() == Some(method) && row.scored_on == scored
        };
        let knn = self.scores.iter().find(of_map).and_then(|row| {
            row.knn.iter().find(|score| score.n_neighbors == super::predictions::K)
        });
        metrics.extend(
            knn.map(|score| (format!("k-NN accuracy, k = {}", score.n_neighbors), score.accuracy)),
        );
        metrics
    }
}

/// The spaces in their order, with their dimensions.
fn spaces_of(scores: &[Scores]) -> Vec<(String, usize)> {
    let mut spaces: Vec<(String, usize)> = Vec::new();
    for row in scores.iter().filter(|row| row.method.is_none()) {
        if !spaces.iter().any(|(space, _)| *space == row.space) {
            spaces.push((row.space.clone(), row.n_dimensions));
        }
    }
    spaces
}

fn methods_of(maps: &[MapResults]) -> Vec<String> {
    let mut methods: Vec<String> = Vec::new();
    for map in maps {
        if !methods.contains(&map.method) {
            methods.push(map.method.clone());
        }
    }
    methods
}

/// A part of the configuration, none if the run has none of that name.
fn of_config<T: DeserializeOwned>(found: &Found, config: &Value, name: &str) -> Result<Option<T>> {
    let Some(value) = config.get(name) else { return Ok(None) };
    let read = serde_json::from_value(value.clone());
    read.map(Some)
        .map_err(|error| Error::input(found.path(), format!("`config.{name}` is damaged: {error}")))
}

/// What a run is about: its data, or the folder of its layers.
fn name(config: &Value) -> String {
    let text = |key: &str| config.get(key).and_then(Value::as_str);
    let path = text("dataset").or(text("from_activations")).unwrap_or("run");
    let last = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
    last.filter(|name| !name.is_empty()).unwrap_or_else(|| path.to_owned())
}

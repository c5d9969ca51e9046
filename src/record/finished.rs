//! A finished run, read back from its folder: the one way in which later commands read a run.

use super::artifact::{Artifact, Folder};
use super::claim::Claim;
use super::folder::RunFolder;
use super::integrity::check_unchanged;
use super::manifest::{Manifest, Output, SCHEMA_VERSION};
use super::points::ReportPoints;
use super::predictions;
use super::results::{MapResults, N_COMPONENTS, Results};
use crate::dataset::{Source, npy, read_names};
use crate::error::{Error, Result};
use crate::evaluation::{Insights, MapId, ScoredOn, Scores};
use crate::matrix::Matrix;
use crate::model::Architecture;
use crate::neighbors::Search;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The layout that kept no names of layers.
const WITHOUT_NAMES: u32 = 1;

/// A run of layers, complete but for its page perhaps. Its arrays are read when they are asked for.
#[derive(Clone, Debug)]
pub struct FinishedRun {
    /// Its folder.
    pub path: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// Name of the data, or of the folder of its layers.
    pub name: String,
    /// The network, if it was trained or tested here.
    pub architecture: Option<Architecture>,
    /// Parameters of the neighbour search.
    pub search: Search,
    /// Points that its page shows by default.
    pub report_points: ReportPoints,
    /// Number of training points.
    pub n_train: usize,
    /// Number of test points.
    pub n_test: usize,
    /// Spaces in their order.
    pub spaces: Vec<MapId>,
    /// Names of the methods in their order.
    pub methods: Vec<String>,
}

impl FinishedRun {
    /// Folder of the layers, if another program wrote them.
    pub fn folder_of_layers(&self) -> Option<&Path> {
        folder_of_layers(&self.manifest.config).map(Path::new)
    }

    /// Reads the manifest of the run in `path`.
    ///
    /// # Errors
    /// [`Error::Input`] if `path` is not the folder of a run of layers, the run is not finished, or
    /// its manifest is damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let manifest = Manifest::read(path)?;
        manifest.check_complete(path)?;
        Self::of(path, manifest)
    }

    /// The run of a record that is complete but for its page.
    ///
    /// # Errors
    /// As [`FinishedRun::open`].
    pub(crate) fn of_record(record: &RunFolder) -> Result<Self> {
        Self::of(record.path(), record.manifest.clone())
    }

    fn of(path: &Path, manifest: Manifest) -> Result<Self> {
        let Results { knn, maps, history, .. } = &manifest.results;
        let is_of_layers = manifest.lists(Artifact::LayerNames)
            || (manifest.schema_version == WITHOUT_NAMES && !maps.is_empty());
        if !is_of_layers || knn.is_empty() {
            let message = "is not a run of layers: `layerlens run` makes such runs, and \
                           `layerlens report` with `EmbeddingReport::embedding` shows any map";
            return Err(Error::input(path, message));
        }
        let damaged = |message: &str| Error::input(Artifact::Manifest.of(path), message);
        if history.as_ref().is_some_and(|history| {
            history.columns().iter().any(|(_, values)| values.len() != history.len())
        }) {
            return Err(damaged("`results.history` is damaged: its columns differ in length"));
        }
        let n_test = knn.iter().find(|row| row.scored_on == ScoredOn::Test);
        Ok(Self {
            path: path.to_owned(),
            name: name(&manifest.config),
            architecture: of_config(path, &manifest, "model")?,
            search: of_config(path, &manifest, "neighbors")?.unwrap_or_default(),
            report_points: of_config(path, &manifest, "report_points")?.unwrap_or_default(),
            n_train: knn.first().map_or(0, |row| row.n_fitted),
            n_test: n_test.map_or(0, |row| row.n_scored),
            spaces: spaces_of(knn),
            methods: methods_of(maps),
            manifest,
        })
    }

    /// Results of its stages.
    pub fn results(&self) -> &Results {
        &self.manifest.results
    }

    /// Gains, confused pairs and metric rankings.
    ///
    /// # Errors
    /// [`Error::Input`] if the manifest does not hold it.
    pub fn insights(&self) -> Result<&Insights> {
        self.results().insights.as_ref().ok_or_else(|| self.missing("insights"))
    }

    /// Refuses a run whose manifest holds no quality of its maps.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub fn check_quality(&self) -> Result<()> {
        if self.results().quality.is_empty() && !self.results().maps.is_empty() {
            return Err(self.missing("quality"));
        }
        Ok(())
    }

    fn missing(&self, result: &str) -> Error {
        Error::input(Artifact::Manifest.of(&self.path), format!("`results.{result}` is missing"))
    }

    /// Points that were classified: those of the test, or else those of the training, each without
    /// its own vote.
    pub fn scored_on(&self) -> ScoredOn {
        if self.n_test > 0 { ScoredOn::Test } else { ScoredOn::TrainLeaveOneOut }
    }

    /// The part of the data whose points were classified, `train` or `test`.
    pub fn scored_part(&self) -> &'static str {
        if self.n_test > 0 { "test" } else { "train" }
    }

    /// Number of points that were classified.
    pub fn n_scored(&self) -> usize {
        if self.n_test > 0 { self.n_test } else { self.n_train }
    }

    /// Number of classes that k-NN was scored on.
    pub fn n_classes(&self) -> usize {
        let scores = self.results().knn.iter().flat_map(|row| &row.knn);
        scores.map(|score| score.per_class.len()).max().unwrap_or(0)
    }

    /// Identity of a space, or of a method's map of it.
    pub fn id(&self, space: &str, method: Option<&str>) -> MapId {
        let is_of = |id: &MapId| id.space == space && id.method.as_deref() == method;
        let scored = self.results().knn.iter().map(Scores::id).find(is_of);
        scored.unwrap_or_else(|| MapId::new(space, method, N_COMPONENTS))
    }

    /// Names of the classes.
    ///
    /// # Errors
    /// [`Error::Input`] if the file is missing or malformed.
    pub fn class_names(&self) -> Result<Vec<String>> {
        read_names(Artifact::ClassNames.of(&self.path))
    }

    /// Classes of the points of a part.
    ///
    /// # Errors
    /// As [`FinishedRun::class_names`].
    pub fn labels(&self, part: &str) -> Result<Vec<u16>> {
        npy::read_classes(&Artifact::Layer { name: "labels", part }.of(&self.path))
    }

    /// The class that k-NN gave each scored point in a space, or in a map of it.
    ///
    /// # Errors
    /// As [`FinishedRun::class_names`]; also if there is a class of `n_classes` or above.
    pub fn predictions(&self, map: &MapId, n_classes: usize) -> Result<Vec<u16>> {
        let classes = predictions::read_knn(&self.path, map, self.n_scored())?;
        match classes.iter().find(|class| usize::from(**class) >= n_classes) {
            None => Ok(classes),
            Some(class) => Err(Error::input(
                Artifact::Predictions(map).of(&self.path),
                format!("holds the class {class}, but there are {n_classes} classes"),
            )),
        }
    }

    /// The class that the network gave each of the `n` points of a part, if that is known.
    ///
    /// # Errors
    /// [`Error::Input`] if a file is malformed.
    pub fn network_predictions(&self, part: &str, n: usize) -> Result<Option<Vec<u16>>> {
        predictions::read_network(&self.path, part, n)
    }

    /// Embedding of the points of a part, n_samples x n_components.
    ///
    /// # Errors
    /// As [`FinishedRun::class_names`].
    pub fn embedding(&self, map: &MapId, part: &str) -> Result<Matrix> {
        npy::read_matrix(Artifact::Embedding { map, part }.of(&self.path))
    }

    /// Refuses a run if a file in one of the folders `read` was changed since; for other files
    /// it says so.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file and what makes it again.
    pub fn check_unchanged(&self, read: &[Folder]) -> Result<Vec<String>> {
        check_unchanged(&self.path, &self.manifest.outputs, read)
    }
}

/// A finished run while one of its files is rewritten; no other process may change it.
pub(crate) struct Rewrite {
    folder: PathBuf,
    _claim: Claim,
}

impl Rewrite {
    /// # Errors
    /// [`Error::Write`] if another process works in the folder.
    pub(crate) fn begin(folder: &Path) -> Result<Self> {
        Ok(Self { folder: folder.to_owned(), _claim: Claim::of(folder)? })
    }

    /// Records the new checksum of a file that was rewritten. Manifests of earlier layouts stay as
    /// they are, and files that were never listed unlisted.
    ///
    /// # Errors
    /// [`Error::Input`] if the file cannot be read, [`Error::Write`] if the manifest cannot be
    /// written.
    pub(crate) fn relist(self, mut manifest: Manifest, artifact: Artifact<'_>) -> Result<()> {
        let path = artifact.to_string();
        let is_this = |output: &&mut Output| output.path == path && output.sha256.is_some();
        let listed = manifest.outputs.iter_mut().find(is_this);
        let Some(output) = listed.filter(|_| manifest.schema_version == SCHEMA_VERSION) else {
            return Ok(());
        };
        output.sha256 = Some(Source::of_file(artifact.of(&self.folder))?.sha256);
        manifest.write(&self.folder)
    }
}

/// The spaces in their order.
fn spaces_of(scores: &[Scores]) -> Vec<MapId> {
    let mut spaces: Vec<MapId> = Vec::new();
    for row in scores.iter().filter(|row| row.method.is_none()) {
        if !spaces.iter().any(|id| id.space == row.space) {
            spaces.push(row.id());
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
fn of_config<T: DeserializeOwned>(
    path: &Path,
    manifest: &Manifest,
    name: &str,
) -> Result<Option<T>> {
    let Some(value) = manifest.config.get(name) else { return Ok(None) };
    T::deserialize(value).map(Some).map_err(|error| {
        let path = Artifact::Manifest.of(path);
        Error::input(path, format!("`config.{name}` is damaged: {error}"))
    })
}

/// Folder of the layers of a run that took them from there.
fn folder_of_layers(config: &Value) -> Option<&str> {
    config.get("from_activations").and_then(Value::as_str)
}

/// Name of the data of a run, or of the folder of its layers.
fn name(config: &Value) -> String {
    let data = config.get("dataset").and_then(Value::as_str);
    let path = data.or(folder_of_layers(config)).unwrap_or("run");
    let last = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
    last.filter(|name| !name.is_empty()).unwrap_or_else(|| path.to_owned())
}

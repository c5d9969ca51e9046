//! A finished run, read back from its folder.

use super::layers::{read_classes, read_predictions};
use super::predictions;
use crate::dataset::{npy, read_names};
use crate::error::{Error, Result};
use crate::evaluation::{Insights, MapId, MapQuality, ScoredOn, Scores};
use crate::matrix::Matrix;
use crate::model::RAW;
use crate::record::integrity::check_unchanged;
use crate::record::{Artifact, Found, N_COMPONENTS};
use std::path::{Path, PathBuf};

/// What is known of a finished run.
pub(super) struct Finished {
    pub(super) path: PathBuf,
    pub(super) manifest: Found,
    /// Files that were changed since, of those that are not read.
    pub(super) warnings: Vec<String>,
    pub(super) class_names: Vec<String>,
    /// Spaces in their order, and methods.
    pub(super) spaces: Vec<String>,
    pub(super) methods: Vec<String>,
    /// Which points were classified, and their classes.
    pub(super) scored_on: ScoredOn,
    pub(super) labels: Vec<u8>,
    pub(super) scores: Vec<Scores>,
    pub(super) quality: Vec<MapQuality>,
    pub(super) insights: Insights,
}

impl Finished {
    /// Reads what the manifest and the labels say; predictions and maps are read when they are
    /// asked for.
    ///
    /// # Errors
    /// [`Error::Input`] if `path` is no folder of a run of layers, the run is not finished, or a
    /// file is damaged.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let manifest = Found::read(path)?;
        manifest.check_complete(path)?;
        let Some(insights) = manifest.result::<Insights>("insights")? else {
            return Err(Error::input(path, "is no run of layers: `layerlens run` makes such runs"));
        };
        let missing =
            |name: &str| Error::input(manifest.path(), format!("`results.{name}` is missing"));
        let scores: Vec<Scores> = manifest.result("knn")?.ok_or_else(|| missing("knn"))?;
        let quality = manifest.result("quality")?.ok_or_else(|| missing("quality"))?;
        let mut methods: Vec<String> = Vec::new();
        for method in scores.iter().filter_map(|row| row.method.as_ref()) {
            if !methods.contains(method) {
                methods.push(method.clone());
            }
        }
        let warnings = check_unchanged(
            path,
            &manifest,
            &["activations/", "embeddings/", "scores/predictions/"],
        )?;
        let labels = read_classes(
            &Artifact::Layer { name: "labels", part: part(insights.scored_on) }.of(path),
        )?;
        Ok(Self {
            path: path.to_owned(),
            class_names: read_names(Artifact::ClassNames.of(path))?,
            spaces: read_names(Artifact::LayerNames.of(path))?,
            methods,
            scored_on: insights.scored_on,
            labels,
            scores,
            quality,
            insights,
            manifest,
            warnings,
        })
    }

    /// Identity of a space, or of a method's map of it.
    fn id(&self, space: &str, method: Option<&str>) -> MapId {
        let scored = self
            .scores
            .iter()
            .map(Scores::id)
            .find(|id| id.space == space && id.method.as_deref() == method);
        scored.unwrap_or_else(|| MapId::new(space, method, N_COMPONENTS))
    }

    /// The class that k-NN gave each scored point in a space, or in a map of it.
    pub(super) fn predictions(&self, space: &str, method: Option<&str>) -> Result<Vec<u8>> {
        let id = self.id(space, method);
        let classes = predictions::read(&self.path, &id, self.labels.len())?;
        let known = |class: &&u8| usize::from(**class) >= self.class_names.len();
        match classes.iter().find(known) {
            None => Ok(classes),
            Some(class) => {
                let path = Artifact::Predictions(&id).of(&self.path);
                Err(Error::input(
                    path,
                    format!(
                        "holds the class {class}, but there are {} classes",
                        self.class_names.len()
                    ),
                ))
            }
        }
    }

    /// The class that the network gave each scored point, if that is known.
    pub(super) fn network(&self) -> Result<Option<Vec<u8>>> {
        read_predictions(
            &Artifact::Activations.of(&self.path),
            part(self.scored_on),
            self.labels.len(),
        )
    }

    /// Places of the scored points.
    pub(super) fn map(&self, space: &str, method: &str) -> Result<Matrix> {
        let map = self.id(space, Some(method));
        npy::read_matrix(
            Artifact::Embedding { map: &map, part: part(self.scored_on) }.of(&self.path),
        )
    }

    /// Whether both runs scored the same points: their input is the same to the last byte. Where
    /// neither kept its input, equal labels are taken for a proof, unless they are in the order of
    /// the classes and so say nothing of the points.
    pub(super) fn scored_same_points(&self, other: &Self) -> bool {
        if self.scored_on != other.scored_on || self.labels != other.labels {
            return false;
        }
        let raw = |run: &Self| {
            std::fs::read(Artifact::Layer { name: RAW, part: part(run.scored_on) }.of(&run.path))
                .ok()
        };
        match (raw(self), raw(other)) {
            (None, None) => !self.labels.is_sorted(),
            (a, b) => a == b,
        }
    }
}

fn part(scored_on: ScoredOn) -> &'static str {
    if scored_on == ScoredOn::Test { "test" } else { "train" }
}

//! What a run does with one space: neighbours, maps, new points, scores.

use super::neighbors;
use super::predictions;
use super::quality::{self, Judged, Placed};
use crate::activations::Layer;
use crate::compute::Device;
use crate::dataset::npy;
use crate::embedding::{self, Embedding, NewPoints, Space, placement};
use crate::error::{Error, Result};
use crate::evaluation::{MapId, N_NEIGHBORS, ScoredOn, Scores, knn_accuracy, space_title};
use crate::matrix::Matrix;
use crate::neighbors::{NeighborGraph, Search, nearest_neighbors, nearest_references};
use crate::progress::{Observer, Reporter};
use crate::record::skipped::{SKIPPED, Skipped};
use crate::record::{Artifact, RunFolder, Stage};
use std::time::Instant;

/// Refuses a run in which no space has neighbours, with the reason of the first.
///
/// # Errors
/// [`Error::Data`].
pub(super) fn check_scored(folder: &RunFolder) -> Result<()> {
    let skipped: Vec<Skipped> = folder.noted_or_default(SKIPPED)?;
    match skipped.first() {
        Some(Skipped { space, reason, .. }) if !folder.manifest.results.contains_key("knn") => {
            Err(Error::Data(format!("nothing can be looked into: of {space}, {reason}")))
        }
        _ => Ok(()),
    }
}

/// Refuses points that are all at one place.
fn check_variety(x: &Matrix) -> Result<()> {
    if x.rows().all(|row| row == x.row(0)) {
        return Err(Error::Data("all its rows are the same".into()));
    }
    Ok(())
}

/// A fitted map with its new points.
pub(super) struct Map {
    /// Identity of the map.
    pub(super) id: MapId,
    /// Places of the training points.
    pub(super) train: Matrix,
    /// Places of the test points, if there are any.
    pub(super) test: Option<Matrix>,
    /// What the method reports of itself.
    pub(super) results: Vec<(String, f64)>,
}

impl Map {
    /// Name of the method.
    pub(super) fn method(&self) -> &str {
        self.id.method.as_deref().unwrap_or_default()
    }

    /// `true` of the map of that space by that method.
    pub(super) fn is_of(&self, space: &str, method: &str) -> bool {
        self.id.space == space && self.method() == method
    }
}

/// Everything that is done with one space. Each stage that is finished already is read from its
/// files.
pub(super) struct SpaceStage<'a> {
    pub(super) folder: &'a mut RunFolder,
    /// Classes of the training and of the test points.
    pub(super) labels: (&'a [u8], Option<&'a [u8]>),
    pub(super) device: &'a Device,
    pub(super) kind: &'static str,
    pub(super) reporter: &'a dyn Reporter,
    pub(super) search: &'a Search,
    pub(super) train: &'a Layer,
    pub(super) test: Option<&'a Layer>,
}

/// Neighbours in the space.
struct Neighbors {
    /// Of the training points among themselves.
    among: Option<NeighborGraph>,
    /// Of the test points among the training points.
    to_train: Option<NeighborGraph>,
}

impl SpaceStage<'_> {
    pub(super) fn run(mut self, methods: &[(String, Box<dyn Embedding>)]) -> Result<Vec<Map>> {
        let neighbors = match self.neighbors(methods) {
            // Rows of zeros have no angle, for instance.
            Err(Error::Data(reason)) => {
                let unknown =
                    |(name, _): &&(String, _)| self.is_skipped(name).is_ok_and(|skipped| !skipped);
                let left: Vec<String> =
                    methods.iter().filter(unknown).map(|(name, _)| name.clone()).collect();
                left.iter().try_for_each(|name| self.skip(name, &reason))?;
                return Ok(Vec::new());
            }
            neighbors => neighbors?,
        };
        let mut maps: Vec<Map> = Vec::new();
        let mut in_maps = Vec::new();
        for (name, method) in methods {
            if self.is_skipped(name)? {
                continue;
            }
            // The map of an earlier method serves as the start of a later one.
            let pca = maps.iter().find(|map| map.method() == "pca").map(|map| &map.train);
            let map = match self.map(name, method.as_ref(), &neighbors, pca) {
                // Of the points, which another layer or method may do with.
                Err(Error::Data(reason)) => {
                    self.skip(name, &reason)?;
                    continue;
                }
                map => map?,
            };
            in_maps.push(self.score_map(&map)?);
            maps.push(map);
        }
        self.judge(&maps, in_maps, neighbors.among.as_ref())?;
        Ok(maps)
    }

    /// Whether there is no map of the space by a method, for a reason that the manifest tells.
    fn is_skipped(&self, name: &str) -> Result<bool> {
        let skipped: Vec<Skipped> = self.folder.noted_or_default(SKIPPED)?;
        Ok(skipped.iter().any(|skipped| skipped.space == self.train.name && skipped.method == name))
    }

    /// Notes that there is no map of the space by a method.
    fn skip(&mut self, name: &str, reason: &str) -> Result<()> {
        let (space, title) = (self.train.name.clone(), embedding::method(name)?.title);
        self.reporter.note(&format!("{space}: no map by {title}"));
        let skipped = Skipped { space, method: name.into(), reason: reason.into() };
        self.folder.manifest.warnings.push(skipped.warning()?);
        self.folder.add_results(SKIPPED, [skipped]);
        self.folder.save()
    }

    fn judge(
        &mut self,
        maps: &[Map],
        in_maps: Vec<Option<NeighborGraph>>,
        among: Option<&NeighborGraph>,
    ) -> Result<()> {
        let space = &self.train.name;
        let stage = Stage::Quality(space);
        if self.folder.has_finished(stage) {
            return Ok(());
        }
        let start = Instant::now();
        let observer =
            self.reporter.stage(&format!("quality of the maps of {}", space_title(space)));
        // Those of maps that an earlier process scored are not at hand, and must be the same to the
        // last tie.
        let found = maps.iter().zip(in_maps).map(|(map, graph)| match graph {
            Some(graph) => Ok(graph),
            None => nearest_neighbors(self.device, &map.train, most_voters(), observer.as_ref()),
        });
        let in_maps = found.collect::<Result<Vec<_>>>()?;
        let places: Vec<Placed<'_>> = (maps.iter().zip(&in_maps))
            .map(|(map, graph)| Placed {
                method: map.method(),
                map: &map.train,
                new: map.test.as_ref(),
                neighbors: Some(graph),
            })
            .collect();
        let new = self.test.map(|test| &test.values);
        let judged = Judged { space, x: &self.train.values, new, neighbors: among };
        let quality = quality::judge(self.folder, judged, &places, self.device, observer.as_ref())?;
        drop(observer);
        self.folder.add_results("quality", quality);
        self.folder.finish_stage(stage, start, self.kind)
    }

    /// As many neighbours as the methods need, and the classes that they vote for.
    fn neighbors(&mut self, methods: &[(String, Box<dyn Embedding>)]) -> Result<Neighbors> {
        let space = &self.train.name;
        let train = &self.train.values;
        let needed = methods.iter().map(|(_, method)| method.n_neighbors()).max().unwrap_or(0);
        // Without test points the training points are classified themselves.
        let most = if self.test.is_some() { needed } else { needed.max(most_voters()) };
        let (stage, file) = (Stage::Neighbors(space), Artifact::Neighbors(space));
        if self.folder.has_finished(stage) {
            let skipped: Vec<Skipped> = self.folder.noted_or_default(SKIPPED)?;
            let is_skipped = |name: &str| {
                skipped.iter().any(|skipped| skipped.space == *space && skipped.method == name)
            };
            let has_finished =
                |name: &str| self.folder.has_finished(Stage::Map { method: name, space });
            let done = methods.iter().all(|(name, _)| is_skipped(name) || has_finished(name));
            if self.folder.has_finished(Stage::Quality(space)) && done {
                return Ok(Neighbors { among: None, to_train: None });
            }
            let read = || neighbors::read(&file.of(self.folder.path()), train.n_samples(), most);
            let among = (most > 0).then(read).transpose()?;
            let to_train = if done {
                None
            } else {
                self.search_test(most_voters(), &crate::progress::Silent)?
            };
            return Ok(Neighbors { among, to_train });
        }
        let start = Instant::now();
        let observer = self.reporter.stage(&format!("neighbours of {}", space_title(space)));
        let watched = (self.reporter, observer.as_ref());
        let found = (most > 0).then(|| {
            neighbors::find(self.folder, self.search, self.device, (train, most), file, watched)
        });
        let (among, kind) =
            found.transpose()?.map_or((None, self.kind), |(graph, kind)| (Some(graph), kind));
        let to_train = self.search_test(most_voters(), observer.as_ref())?;
        drop(observer);
        let (graph, scored_on) = match (&to_train, &among) {
            (Some(graph), _) => (Some(graph), ScoredOn::Test),
            (None, graph) => (graph.as_ref(), ScoredOn::TrainLeaveOneOut),
        };
        if let Some(graph) = graph {
            self.score(&MapId::new(space, None, train.n_features()), graph, scored_on)?;
        }
        self.folder.finish_stage(stage, start, kind)?;
        Ok(Neighbors { among, to_train })
    }

    /// The nearest training points of each test point.
    fn search_test(&self, voters: usize, observer: &dyn Observer) -> Result<Option<NeighborGraph>> {
        let Some(test) = self.test else { return Ok(None) };
        self.search
            .nearest_references(self.device, &test.values, &self.train.values, voters, observer)
            .map(Some)
    }

    /// Fits a map and places the test points in it.
    fn map(
        &mut self,
        name: &str,
        method: &dyn Embedding,
        neighbors: &Neighbors,
        pca: Option<&Matrix>,
    ) -> Result<Map> {
        let space = &self.train.name;
        let (stage, id) = (
            Stage::Map { method: name, space },
            MapId::new(space, Some(name), method.n_components()),
        );
        if self.folder.has_finished(stage) {
            return self.finished_map(id);
        }
        check_variety(&self.train.values)?;
        method.validate(self.train.values.n_samples(), self.train.values.n_features())?;
        let start = Instant::now();
        let observer = self.reporter.stage(&format!(
            "{} of {}",
            embedding::method(name)?.title,
            space_title(space)
        ));
        let train = &self.train.values;
        let fitted = method.fit(
            self.device,
            &Space { x: train, neighbors: neighbors.among.as_ref(), pca, start: None },
            observer.as_ref(),
        )?;
        let voters = fitted.n_neighbors_to_place();
        let more = match &neighbors.to_train {
            Some(to_train) if voters > to_train.n_neighbors() => {
                self.search_test(voters, observer.as_ref())?
            }
            _ => None,
        };
        let place = |test: &Layer, to_train| {
            fitted.transform(self.device, &NewPoints { x: &test.values, neighbors: to_train })
        };
        let placed = self
            .test
            .zip(more.as_ref().or(neighbors.to_train.as_ref()))
            .map(|(test, graph)| place(test, graph));
        let test = placed.transpose()?;
        let map =
            Map { id, train: fitted.embedding().clone(), test, results: fitted.results().to_vec() };
        drop(observer);
        for (part, places) in std::iter::once(("train", &map.train))
            .chain(map.test.as_ref().map(|test| ("test", test)))
        {
            self.folder.write_matrix(Artifact::Embedding { map: &map.id, part }, places)?;
        }
        let file = Artifact::FittedMap(&map.id);
        let path = self.folder.below(file)?;
        embedding::save(fitted.as_ref(), train, &path)?;
        self.folder.list(file, None, None);
        self.folder.result(&map.id.file_stem(), method_results(fitted.as_ref()));
        let warnings =
            fitted.warnings().iter().map(|warning| format!("{}: {warning}", space_title(space)));
        self.folder.manifest.warnings.extend(warnings);
        self.folder.finish_stage(stage, start, self.kind)?;
        Ok(map)
    }

    /// A map that an earlier process fitted.
    fn finished_map(&self, id: MapId) -> Result<Map> {
        let read =
            |part| npy::read_matrix(Artifact::Embedding { map: &id, part }.of(self.folder.path()));
        let noted: serde_json::Map<String, serde_json::Value> =
            self.folder.noted(&id.file_stem())?;
        let results =
            noted.iter().filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)));
        let (train, test) = (read("train")?, self.test.map(|_| read("test")).transpose()?);
        Ok(Map { id, train, test, results: results.collect() })
    }

    /// Scores a map, and gives the training points' neighbours in it unless an earlier process
    /// scored it.
    fn score_map(&mut self, map: &Map) -> Result<Option<NeighborGraph>> {
        let name = map.method();
        let stage = Stage::Scores { method: name, space: &map.id.space };
        if self.folder.has_finished(stage) {
            return Ok(None);
        }
        let start = Instant::now();
        let observer = self.reporter.stage(&format!("scores of {name}, {}", map.id.space_title()));
        if let Some(test) = &map.test {
            let to_train = nearest_references(
                self.device,
                test,
                &map.train,
                most_voters(),
                observer.as_ref(),
            )?;
            self.score(&map.id, &to_train, ScoredOn::Test)?;
        }
        let among = nearest_neighbors(self.device, &map.train, most_voters(), observer.as_ref())?;
        drop(observer);
        self.score(&map.id, &among, ScoredOn::TrainLeaveOneOut)?;
        self.folder.finish_stage(stage, start, self.kind)?;
        Ok(Some(among))
    }

    /// Notes the accuracies, and of the test points, or without any of the training points, the
    /// class that each is given.
    fn score(&mut self, id: &MapId, graph: &NeighborGraph, scored_on: ScoredOn) -> Result<()> {
        let (fitted, test) = self.labels;
        let scored = if scored_on == ScoredOn::Test { test.unwrap_or_default() } else { fitted };
        let scores = Scores {
            space: id.space.clone(),
            method: id.method.clone(),
            n_dimensions: id.n_components,
            n_fitted: fitted.len(),
            n_scored: scored.len(),
            scored_on,
            knn: knn_accuracy(graph, fitted, scored, &N_NEIGHBORS)?,
        };
        if scored_on == ScoredOn::Test || test.is_none() {
            predictions::write(self.folder, id, graph, fitted)?;
        }
        self.folder.add_results("knn", [scores]);
        Ok(())
    }
}

/// What a method reports of a map, for the manifest.
pub(super) fn method_results(
    fitted: &dyn embedding::Fitted,
) -> serde_json::Map<String, serde_json::Value> {
    let mut results: serde_json::Map<_, _> =
        fitted.results().iter().map(|(name, value)| (name.clone(), (*value).into())).collect();
    if !fitted.course().is_empty() {
        results.insert("course".into(), serde_json::json!(fitted.course()));
    }
    results
}

/// Neighbours that the classifier and the placement of new points look at.
pub(super) fn most_voters() -> usize {
    N_NEIGHBORS.into_iter().fold(placement::N_NEIGHBORS, usize::max)
}

//! What a run does with one space: neighbours, maps, new points, scores.

use super::folder::RunFolder;
use super::neighbors;
use super::quality::{self, Judged};
use crate::activations::{Layer, RAW};
use crate::compute::Device;
use crate::embedding::{self, Embedding, NewPoints, Space, placement};
use crate::error::Result;
use crate::evaluation::{MapQuality, N_NEIGHBORS, ScoredOn, Scores, knn_accuracy};
use crate::matrix::Matrix;
use crate::neighbors::{NeighborGraph, Search, nearest_neighbors, nearest_references};
use crate::progress::Reporter;
use std::time::Instant;

/// A fitted map with its new points.
pub(super) struct Map {
    /// Space that was embedded.
    pub(super) space: String,
    /// Method.
    pub(super) method: String,
    /// Places of the training points.
    pub(super) train: Matrix,
    /// Places of the test points.
    pub(super) test: Matrix,
    /// What the method reports of itself.
    pub(super) results: Vec<(String, f64)>,
}

/// Everything that is done with one space.
pub(super) struct SpaceStage<'a> {
    pub(super) folder: &'a mut RunFolder,
    /// Classes of the training and of the test points.
    pub(super) labels: (&'a [u8], &'a [u8]),
    pub(super) device: &'a Device,
    pub(super) kind: &'static str,
    pub(super) reporter: &'a dyn Reporter,
    pub(super) search: &'a Search,
    pub(super) train: &'a Layer,
    pub(super) test: &'a Layer,
}

impl SpaceStage<'_> {
    pub(super) fn run(mut self, methods: &[(String, Box<dyn Embedding>)]) -> Result<(Vec<Map>, Vec<Scores>, Vec<MapQuality>)> {
        let (neighbors, to_train) = self.neighbors(methods)?;
        let mut scores = vec![self.score(None, self.train.values.n_features(), &to_train, ScoredOn::Test)?];
        let mut maps: Vec<Map> = Vec::new();
        for (name, method) in methods {
            // The map of an earlier method serves as the start of a later one.
            let pca = maps.iter().find(|map| map.method == "pca").map(|map| &map.train);
            let map = self.embed(name, method.as_ref(), neighbors.as_ref(), pca, &to_train)?;
            scores.extend(self.score_map(name, &map)?);
            maps.push(map);
        }
        let quality = self.judge(&maps, neighbors.as_ref())?;
        Ok((maps, scores, quality))
    }

    fn judge(&mut self, maps: &[Map], neighbors: Option<&NeighborGraph>) -> Result<Vec<MapQuality>> {
        let start = Instant::now();
        let space = &self.train.name;
        let observer = self.reporter.stage(&format!("quality of the maps of {}", title(space)));
        let places: Vec<_> = maps.iter().map(|map| (map.method.as_str(), &map.train, Some(&map.test))).collect();
        let judged = Judged { space, x: &self.train.values, new: Some(&self.test.values), neighbors };
        let quality = quality::judge(self.folder, judged, &places, self.device, observer.as_ref())?;
        drop(observer);
        self.folder.finish_stage(&format!("quality {space}"), start, self.kind)?;
        Ok(quality)
    }

    /// The training points' neighbours among themselves, as many as the methods need, and those of the test points.
    fn neighbors(&mut self, methods: &[(String, Box<dyn Embedding>)]) -> Result<(Option<NeighborGraph>, NeighborGraph)> {
        let start = Instant::now();
        let observer = self.reporter.stage(&format!("neighbours of {}", title(&self.train.name)));
        let most = methods.iter().map(|(_, method)| method.n_neighbors()).max().unwrap_or(0);
        let (train, test) = (&self.train.values, &self.test.values);
        let name = format!("neighbors/{}.safetensors", self.train.name);
        let watched = (self.reporter, observer.as_ref());
        let found = (most > 0).then(|| neighbors::find(self.folder, self.search, self.device, (train, most), &name, watched));
        let graph = found.transpose()?;
        let to_train = self.search.nearest_references(self.device, test, train, most_voters(), observer.as_ref())?;
        drop(observer);
        self.folder.finish_stage(&format!("neighbours {}", self.train.name), start, self.kind)?;
        Ok((graph, to_train))
    }

    fn embed(
        &mut self,
        name: &str,
        method: &dyn Embedding,
        neighbors: Option<&NeighborGraph>,
        pca: Option<&Matrix>,
        to_train: &NeighborGraph,
    ) -> Result<Map> {
        let start = Instant::now();
        let space = &self.train.name;
        let observer = self.reporter.stage(&format!("{} of {}", embedding::method(name)?.title, title(space)));
        let fitted = method.fit(self.device, &Space { x: &self.train.values, neighbors, pca }, observer.as_ref())?;
        let (train, voters) = (&self.train.values, fitted.n_neighbors_to_place());
        let more = if voters > to_train.n_neighbors() {
            Some(self.search.nearest_references(self.device, &self.test.values, train, voters, observer.as_ref())?)
        } else {
            None
        };
        let new = NewPoints { x: &self.test.values, neighbors: more.as_ref().unwrap_or(to_train) };
        let map = Map {
            space: space.clone(),
            method: name.into(),
            train: fitted.embedding().clone(),
            test: fitted.transform(self.device, &new)?,
            results: fitted.results().to_vec(),
        };
        drop(observer);
        for (part, places) in [("train", &map.train), ("test", &map.test)] {
            self.folder.write_matrix(&format!("embeddings/{name}_{space}_{part}.npy"), places)?;
        }
        let file = format!("maps/{name}_{space}.safetensors");
        let path = self.folder.below(&file)?;
        embedding::save(fitted.as_ref(), train, &path)?;
        self.folder.list(&file, None, None);
        self.folder.result(&format!("{name}_{space}"), method_results(fitted.as_ref()));
        self.folder.finish_stage(&format!("{name} {space}"), start, self.kind)?;
        Ok(map)
    }

    fn score_map(&mut self, name: &str, map: &Map) -> Result<[Scores; 2]> {
        let start = Instant::now();
        let observer = self.reporter.stage(&format!("scores of {name}, {}", title(&map.space)));
        let to_train = nearest_references(self.device, &map.test, &map.train, most_voters(), observer.as_ref())?;
        let among = nearest_neighbors(self.device, &map.train, most_voters(), observer.as_ref())?;
        drop(observer);
        let scores = [
            self.score(Some(name), 2, &to_train, ScoredOn::Test)?,
            self.score(Some(name), 2, &among, ScoredOn::TrainLeaveOneOut)?,
        ];
        self.folder.finish_stage(&format!("scores {name} {}", map.space), start, self.kind)?;
        Ok(scores)
    }

    fn score(&self, method: Option<&str>, n_dimensions: usize, graph: &NeighborGraph, scored_on: ScoredOn) -> Result<Scores> {
        let (fitted, test) = self.labels;
        let scored = if scored_on == ScoredOn::Test { test } else { fitted };
        Ok(Scores {
            space: self.train.name.clone(),
            method: method.map(str::to_owned),
            n_dimensions,
            n_fitted: fitted.len(),
            n_scored: scored.len(),
            scored_on,
            knn: knn_accuracy(graph, fitted, scored, &N_NEIGHBORS)?,
        })
    }
}

/// What a method reports of a map, for the manifest.
pub(super) fn method_results(fitted: &dyn embedding::Fitted) -> serde_json::Map<String, serde_json::Value> {
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

/// A space's name in words.
pub(super) fn title(space: &str) -> String {
    if space == RAW { "raw pixels".into() } else { space.replace('_', " ") }
}

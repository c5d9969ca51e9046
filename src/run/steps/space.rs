//! Stages of one space: neighbours, maps, new points, scores.

use super::neighbors;
use super::quality;
use crate::activations::Layer;
use crate::dataset::npy;
use crate::embedding::{self, Embedding, Fitted, NewPoints, Space, placement};
use crate::error::{Error, Result};
use crate::evaluation::{
    MapId, MeasuredMap, MeasuredSpace, N_NEIGHBORS, Scored, ScoredOn, Scores, space_title,
};
use crate::matrix::Matrix;
use crate::neighbors::{NeighborGraph, Search, nearest_neighbors, nearest_references};
use crate::profile::{PointMeasures, depth};
use crate::progress::{Observer, Silent};
use crate::record::{Artifact, MapResults, RunFolder, Skipped, Stage};
use crate::record::{point_measures, predictions};
use crate::run::session::Session;

/// Refuses a run if no space has neighbours, with the reason of the first space.
///
/// # Errors
/// [`Error::Data`].
pub(in crate::run) fn check_scored(record: &RunFolder) -> Result<()> {
    match record.results().skipped.first() {
        Some(Skipped { space, reason, .. }) if record.results().knn.is_empty() => {
            Err(Error::Data(format!("nothing can be embedded: of {space}, {reason}")))
        }
        _ => Ok(()),
    }
}

/// Refuses points that all coincide.
fn check_variety(x: &Matrix) -> Result<()> {
    if x.rows().all(|row| row == x.row(0)) {
        return Err(Error::Data("all its rows are the same".into()));
    }
    Ok(())
}

/// A fitted map with its new points.
pub(in crate::run) struct Map {
    /// Identity of the map.
    pub(in crate::run) id: MapId,
    /// Places of the training points.
    pub(in crate::run) train: Matrix,
    /// Embedding of the test points, if there are any.
    pub(in crate::run) test: Option<Matrix>,
}

impl Map {
    /// Name of the method.
    pub(in crate::run) fn method(&self) -> &str {
        self.id.method.as_deref().unwrap_or_default()
    }

    /// `true` if it is the map of `space` by `method`.
    pub(in crate::run) fn is_of(&self, space: &str, method: &str) -> bool {
        self.id.space == space && self.method() == method
    }
}

/// A method under the name that users know it by.
pub(in crate::run) type NamedMethod = (String, Box<dyn Embedding>);

/// All stages of one space. Each stage that is finished already is read from its
/// files.
pub(in crate::run) struct SpaceStages<'a> {
    /// Classes of the training points.
    pub(in crate::run) train_labels: &'a [u16],
    /// Classes of the test points, if there are any.
    pub(in crate::run) test_labels: Option<&'a [u16]>,
    pub(in crate::run) search: &'a Search,
    pub(in crate::run) train: &'a Layer,
    pub(in crate::run) test: Option<&'a Layer>,
}

/// Neighbours in the space.
#[derive(Default)]
struct Neighbors {
    /// Neighbours of the training points among themselves.
    among: Option<NeighborGraph>,
    /// Neighbours of the test points among the training points.
    to_train: Option<NeighborGraph>,
}

impl SpaceStages<'_> {
    pub(in crate::run) fn run(
        &self,
        session: &mut Session<'_>,
        methods: &[NamedMethod],
    ) -> Result<Vec<Map>> {
        let neighbors = match self.neighbors(session, methods) {
            // Rows of zeros have no angle, for instance.
            Err(Error::Data(reason)) => {
                let names = methods.iter().map(|(name, _)| name.as_str());
                for name in names {
                    if !self.is_skipped(session.record, name) {
                        self.skip(session, name, &reason)?;
                    }
                }
                return Ok(Vec::new());
            }
            neighbors => neighbors?,
        };
        let mut maps: Vec<Map> = Vec::new();
        let mut in_maps = Vec::new();
        for (name, method) in methods {
            if self.is_skipped(session.record, name) {
                continue;
            }
            // The map of an earlier method serves as the start of a later one.
            let gives = |map: &&Map| {
                embedding::method(map.method()).is_ok_and(|method| method.gives_components)
            };
            let pca = maps.iter().find(gives).map(|map| &map.train);
            let map = match self.map(session, name, method.as_ref(), &neighbors, pca) {
                // Of the points, which another layer or method may do with.
                Err(Error::Data(reason)) => {
                    self.skip(session, name, &reason)?;
                    continue;
                }
                map => map?,
            };
            in_maps.push(self.score_map(session, &map)?);
            maps.push(map);
        }
        self.quality(session, &maps, in_maps, neighbors.among.as_ref())?;
        Ok(maps)
    }

    /// The neighbours of the scored points alone, and the classes that they vote for. A space whose
    /// points have no neighbours is named in a warning.
    pub(in crate::run) fn score_alone(&self, session: &mut Session<'_>) -> Result<()> {
        match self.neighbors(session, &[]) {
            Err(Error::Data(reason)) => {
                session.record.warn(format!("no neighbours in {}: {reason}", self.name()));
                Ok(())
            }
            found => found.map(drop),
        }
    }

    fn name(&self) -> &str {
        &self.train.name
    }

    /// `true` if there is no map of the space by a method, for a reason in the manifest.
    fn is_skipped(&self, record: &RunFolder, method: &str) -> bool {
        record.results().is_skipped(self.name(), method)
    }

    /// Records that there is no map of the space by a method.
    fn skip(&self, session: &mut Session<'_>, name: &str, reason: &str) -> Result<()> {
        let title = embedding::method(name)?.title;
        session.reporter.note(&format!("{}: no map by {title}", self.name()));
        let skipped =
            Skipped { space: self.name().into(), method: name.into(), reason: reason.into() };
        session.record.warn(skipped.warning());
        session.record.results_mut().skipped.push(skipped);
        session.record.save()
    }

    fn quality(
        &self,
        session: &mut Session<'_>,
        maps: &[Map],
        in_maps: Vec<Option<NeighborGraph>>,
        among: Option<&NeighborGraph>,
    ) -> Result<()> {
        session
            .stage(Stage::Quality(self.name()), |session, observer| {
                // Those of maps that an earlier process scored are not in memory, and must be the
                // same to the last tie.
                let found = maps.iter().zip(in_maps).map(|(map, graph)| match graph {
                    Some(graph) => Ok(graph),
                    None => nearest_neighbors(session.device, &map.train, most_voters(), observer),
                });
                let in_maps = found.collect::<Result<Vec<_>>>()?;
                let placed: Vec<MeasuredMap<'_>> = (maps.iter().zip(&in_maps))
                    .map(|(map, graph)| MeasuredMap {
                        method: Some(map.method()),
                        embedding: &map.train,
                        new: map.test.as_ref(),
                        neighbors: Some(graph),
                    })
                    .collect();
                let new = self.test.map(|test| &test.values);
                let measured = MeasuredSpace {
                    space: self.name(),
                    x: &self.train.values,
                    new,
                    neighbors: among,
                };
                let quality = quality::measure(session, measured, &placed, observer)?;
                session.record.results_mut().quality.extend(quality);
                Ok(())
            })
            .map(drop)
    }

    /// As many neighbours as the methods need, and the classes that they vote for.
    fn neighbors(&self, session: &mut Session<'_>, methods: &[NamedMethod]) -> Result<Neighbors> {
        let space = self.name();
        let train = &self.train.values;
        let needed = methods.iter().map(|(_, method)| method.n_neighbors()).max().unwrap_or(0);
        // Without test points the training points are classified themselves.
        let most = if self.test.is_some() { needed } else { needed.max(voters(train.n_samples())) };
        let found = session.stage(Stage::Neighbors(space), |session, observer| {
            let found = (most > 0)
                .then(|| neighbors::find(session, self.search, train, most, space, observer));
            let among = found.transpose()?;
            let voters = voters(train.n_samples());
            let wide = self.search_test(session, voters, observer)?;
            self.write_points(session.record, wide.as_ref().or(among.as_ref()))?;
            let to_train = wide.map(|graph| graph.truncated(most_voters()));
            let (graph, scored_on) = match (&to_train, &among) {
                (Some(graph), _) => (Some(graph), ScoredOn::Test),
                (None, graph) => (graph.as_ref(), ScoredOn::TrainLeaveOneOut),
            };
            if let Some(graph) = graph {
                let id = MapId::new(space, None, train.n_features());
                self.score(session.record, &id, graph, scored_on)?;
            }
            Ok(Neighbors { among, to_train })
        })?;
        match found {
            Some(found) => Ok(found),
            None => self.earlier_neighbors(session, methods, most),
        }
    }

    /// What the neighbours say of the scored points, for the layer profile.
    fn write_points(&self, record: &mut RunFolder, graph: Option<&NeighborGraph>) -> Result<()> {
        let Some(graph) = graph else { return Ok(()) };
        let scored = self.test_labels.unwrap_or(self.train_labels);
        let points = PointMeasures::of(graph, scored, self.train_labels);
        point_measures::write(record, self.name(), &points)
    }

    /// Neighbours that are still needed, of those that an earlier process found.
    fn earlier_neighbors(
        &self,
        session: &Session<'_>,
        methods: &[NamedMethod],
        most: usize,
    ) -> Result<Neighbors> {
        let space = self.name();
        let record = &*session.record;
        let is_done = |method: &str| {
            self.is_skipped(record, method) || record.has_finished(Stage::Map { method, space })
        };
        let all_done = methods.iter().all(|(name, _)| is_done(name));
        if record.has_finished(Stage::Quality(space)) && all_done {
            return Ok(Neighbors::default());
        }
        let path = Artifact::Neighbors(space).of(record.path());
        let read = || neighbors::read(&path, self.train.values.n_samples(), most);
        let among = (most > 0).then(read).transpose()?;
        let to_train = match all_done {
            true => None,
            false => self.search_test(session, most_voters(), &Silent)?,
        };
        Ok(Neighbors { among, to_train })
    }

    /// The nearest training points of each test point.
    fn search_test(
        &self,
        session: &Session<'_>,
        voters: usize,
        observer: &dyn Observer,
    ) -> Result<Option<NeighborGraph>> {
        let Some(test) = self.test else { return Ok(None) };
        let search = self.search;
        let train = &self.train.values;
        search.nearest_references(session.device, &test.values, train, voters, observer).map(Some)
    }

    /// Fits a map and places the test points in it.
    fn map(
        &self,
        session: &mut Session<'_>,
        name: &str,
        method: &dyn Embedding,
        neighbors: &Neighbors,
        pca: Option<&Matrix>,
    ) -> Result<Map> {
        let stage = Stage::Map { method: name, space: self.name() };
        let id = MapId::new(self.name(), Some(name), method.n_components());
        if session.record.has_finished(stage) {
            return self.finished_map(session.record, id);
        }
        let train = &self.train.values;
        check_variety(train)?;
        method.validate(train.n_samples(), train.n_features())?;
        session.new_stage(stage, |session, observer| {
            let space = Space { neighbors: neighbors.among.as_ref(), pca, ..Space::new(train) };
            let fitted = method.fit_boxed(session.device, &space, observer)?;
            let test = self.place(session, fitted.as_ref(), neighbors, observer)?;
            let map = Map { id, train: fitted.embedding().clone(), test };
            self.write_map(session.record, &map, fitted.as_ref())?;
            Ok(map)
        })
    }

    /// Embedding of the test points in a fitted map.
    fn place(
        &self,
        session: &Session<'_>,
        fitted: &dyn Fitted,
        neighbors: &Neighbors,
        observer: &dyn Observer,
    ) -> Result<Option<Matrix>> {
        let Some(test) = self.test else { return Ok(None) };
        let voters = fitted.n_neighbors_to_place();
        let more = match &neighbors.to_train {
            Some(to_train) if voters > to_train.n_neighbors() => {
                self.search_test(session, voters, observer)?
            }
            _ => None,
        };
        let Some(neighbors) = more.as_ref().or(neighbors.to_train.as_ref()) else {
            return Ok(None);
        };
        fitted.transform(session.device, &NewPoints { x: &test.values, neighbors }).map(Some)
    }

    fn write_map(&self, record: &mut RunFolder, map: &Map, fitted: &dyn Fitted) -> Result<()> {
        let test = map.test.as_ref().map(|test| ("test", test));
        for (part, coordinates) in std::iter::once(("train", &map.train)).chain(test) {
            record.write_matrix(Artifact::Embedding { map: &map.id, part }, coordinates)?;
        }
        let file = Artifact::FittedMap(&map.id);
        embedding::save(fitted, &self.train.values, &record.below(file)?)?;
        record.list(file, None, None);
        let title = space_title(self.name());
        fitted.warnings().iter().for_each(|warning| record.warn(format!("{title}: {warning}")));
        record.results_mut().maps.push(MapResults::of(self.name(), map.method(), fitted));
        Ok(())
    }

    /// A map that an earlier process fitted.
    fn finished_map(&self, record: &RunFolder, id: MapId) -> Result<Map> {
        let read =
            |part| npy::read_matrix(Artifact::Embedding { map: &id, part }.of(record.path()));
        let train = read("train")?;
        let test = self.test.map(|_| read("test")).transpose()?;
        Ok(Map { id, train, test })
    }

    /// Scores a map, and gives the training points' neighbours in it unless an earlier process
    /// scored it.
    fn score_map(&self, session: &mut Session<'_>, map: &Map) -> Result<Option<NeighborGraph>> {
        let stage = Stage::Scores { method: map.method(), space: &map.id.space };
        session.stage(stage, |session, observer| {
            let device = session.device;
            let voters = most_voters();
            if let Some(test) = &map.test {
                let to_train = nearest_references(device, test, &map.train, voters, observer)?;
                self.score(session.record, &map.id, &to_train, ScoredOn::Test)?;
            }
            let among = nearest_neighbors(device, &map.train, voters, observer)?;
            self.score(session.record, &map.id, &among, ScoredOn::TrainLeaveOneOut)?;
            Ok(among)
        })
    }

    /// Records the accuracies, and of the test points, or without any of the training points, the
    /// class that each is given.
    fn score(
        &self,
        record: &mut RunFolder,
        id: &MapId,
        graph: &NeighborGraph,
        scored_on: ScoredOn,
    ) -> Result<()> {
        let fitted = self.train_labels;
        let scored = match scored_on {
            ScoredOn::Test => self.test_labels.unwrap_or_default(),
            ScoredOn::TrainLeaveOneOut => fitted,
        };
        let scored = Scored { labels: scored, on: scored_on };
        let scores = Scores::of(id, graph, fitted, scored, &N_NEIGHBORS)?;
        if scored_on == ScoredOn::Test || self.test_labels.is_none() {
            predictions::write_knn(record, id, graph, fitted)?;
        }
        record.results_mut().knn.push(scores);
        Ok(())
    }
}

/// Neighbours of the scored points that are searched among `n_train` training points: as many as
/// any classifier, placement or measure uses.
pub(super) fn voters(n_train: usize) -> usize {
    most_voters().max(depth::N_NEIGHBORS.min(n_train.saturating_sub(1)))
}

/// Neighbours used by the classifier and by the placement of new points.
pub(in crate::run) fn most_voters() -> usize {
    N_NEIGHBORS.into_iter().fold(placement::N_NEIGHBORS, usize::max)
}

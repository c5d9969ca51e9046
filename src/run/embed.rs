//! The command `embed`: one map of any matrix, or of a sample of the rows of files that may be larger
//! than memory, in which the other rows are placed.

mod drawn;
mod page;

pub use drawn::Drawn;

use self::page::MappedPoints;
use super::job::{MethodChoice, starts};
use super::session::{self, Session};
use super::steps::figures;
use super::steps::neighbors::{self, check_memory};
use super::steps::quality::{self, write_quality};
use super::steps::scores::write_scores;
use crate::compute::{Description, Device};
use crate::dataset::{Column, Images, Source};
use crate::embedding::{self, Fitted, NewPoints, Space};
use crate::error::{Error, Result};
use crate::evaluation::{MapId, MeasuredMap, MeasuredSpace, N_NEIGHBORS, Scored, ScoredOn, Scores};
use crate::matrix::Matrix;
use crate::neighbors::{
    Metric, NeighborGraph, Search, SearchMethod, nearest_neighbors, nearest_references,
};
use crate::progress::{Observer, Reporter};
use crate::record::{Artifact, Destination, MapResults, Opening, Results, RunFolder, Stage};
use crate::report::figures::{Panel, Scatter};
use crate::report::page::NO_CLASS;
use std::path::PathBuf;

/// The name of the only space.
const SPACE: &str = "input";
/// Dimensions of a map that is drawn.
const DRAWN: usize = 2;

/// Points and, if they are known, their classes.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// n_samples x n_features.
    pub x: Matrix,
    /// One class a row.
    pub labels: Option<Vec<u16>>,
}

/// What the page shows of the points: of the fitted ones, followed by the new ones.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// One image a point.
    pub images: Option<Images>,
    /// Metadata: a value a point in each column.
    pub columns: Vec<Column>,
    /// Warnings about their files.
    pub warnings: Vec<String>,
}

/// Parameters of the command `embed`.
#[derive(Clone, Debug)]
pub struct Embed {
    /// Name of the points, for the page.
    pub title: String,
    /// Points to fit.
    pub fitted: Labelled,
    /// Points to place in the map.
    pub new: Option<Labelled>,
    /// The rows of files that the points are, if they were drawn from them.
    pub drawn: Option<Drawn>,
    /// File of the points, for messages.
    pub new_file: Option<PathBuf>,
    /// What the page shows of the points; not of drawn ones.
    pub shown: Shown,
    /// Names of the classes; their numbers if there are no names.
    pub class_names: Vec<String>,
    /// Warnings about the files.
    pub warnings: Vec<String>,
    /// The method.
    pub method: MethodChoice,
    /// Parameters of the neighbour search.
    pub search: Search,
    /// A file of neighbours to use instead of a search.
    pub neighbors: Option<PathBuf>,
    /// Files that were read.
    pub inputs: Vec<Source>,
    /// Where the results go.
    pub to: Destination,
    /// Seed, for the manifest.
    pub seed: u64,
}

/// Result of the command `embed`.
#[derive(Clone, Debug)]
pub struct EmbedSummary {
    /// Folder of the results.
    pub path: PathBuf,
    /// Dimensions of the map.
    pub n_components: usize,
    /// Results of its stages: k-NN accuracies, if classes are known; the quality of the map for the
    /// points, nothing if they allow no metrics, which a warning says; what the method reports.
    pub results: Results,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// Fits the map, places the new points, scores both where labels are known, draws, and writes
/// everything to a folder.
///
/// # Errors
/// [`Error::Data`] if points, labels and method do not fit each other; [`Error::Parameter`];
/// [`Error::Exists`], [`Error::Write`]; any error of the device; [`Error::Interrupted`].
pub fn embed(
    job: &Embed,
    device: &Device,
    description: &Description,
    reporter: &dyn Reporter,
) -> Result<EmbedSummary> {
    let method = embedding::method(&job.method.name)?;
    let built = (method.build)(&job.method.parameters)?;
    let x = &job.fitted.x;
    built.validate(x.n_samples(), x.n_features())?;
    check(job)?;
    check_memory(x.n_samples(), x.n_features(), &[built.as_ref()])?;
    let given = job
        .neighbors
        .as_deref()
        .map(|path| neighbors::read(path, x.n_samples(), built.n_neighbors()))
        .transpose()?;
    let metric = given.as_ref().map_or(job.search.metric, NeighborGraph::metric);
    check_rows(job, metric, built.n_neighbors() > 0)?;
    let mut parameters = (method.defaults)().unwrap_or_default();
    parameters.extend(job.method.parameters.clone());
    let opening = Opening {
        seed: job.seed,
        config: serde_json::json!({ "method": job.method.name, "parameters": parameters, "neighbors": job.search }),
        device: description.clone(),
        inputs: [job.inputs.clone(), starts(std::slice::from_ref(&job.method))?].concat(),
    };
    let mut folder = RunFolder::create(&job.to, method.name, opening, reporter)?;
    folder.note_offsets(x, "the points");
    folder.manifest.warnings.extend(job.warnings.iter().chain(&job.shown.warnings).cloned());
    let stages = Stages { job, method, built: built.as_ref() };
    let outcome = session::compute(&mut folder, device, description, reporter, |session| {
        stages.all(session, given.clone())
    });
    if let Err(error) = outcome {
        return Err(folder.close_failed(error));
    }
    let warnings = folder.manifest.warnings.clone();
    let results = folder.results().clone();
    let n_components = built.n_components();
    Ok(EmbedSummary { path: folder.close(Ok(()))?, n_components, results, warnings })
}

/// Refuses parameters that would fail after the fit, and points that cannot be mapped.
fn check(job: &Embed) -> Result<()> {
    let x = &job.fitted.x;
    embedding::check_distinct(x)?;
    let parts = std::iter::once(("", &job.fitted)).chain(job.new.as_ref().map(|new| ("new ", new)));
    for (which, part) in parts {
        if let Some(labels) =
            part.labels.as_ref().filter(|labels| labels.len() != part.x.n_samples())
        {
            let found = labels.len();
            let rows = part.x.n_samples();
            return Err(Error::Data(format!("{found} {which}labels for {rows} {which}points")));
        }
    }
    if let Some(labels) = &job.fitted.labels
        && labels.windows(2).all(|pair| pair[0] == pair[1])
    {
        return Err(Error::Data(
            "k-NN accuracy needs at least two classes among the labels; there is one".into(),
        ));
    }
    job.check_shown()?;
    if let Some(new) =
        job.new.as_ref().filter(|new| new.x.n_features() != job.fitted.x.n_features())
    {
        let found = new.x.n_features();
        let expected = job.fitted.x.n_features();
        return Err(Error::Data(format!(
            "the new points have {found} features, the fitted ones {expected}"
        )));
    }
    Ok(())
}

impl Embed {
    /// Refuses images and metadata of another number of points, and new points for which no class
    /// is left.
    fn check_shown(&self) -> Result<()> {
        let n = self.fitted.x.n_samples() + self.new.as_ref().map_or(0, |new| new.x.n_samples());
        let images = self.shown.images.iter().map(|images| ("images".to_owned(), images.n()));
        let columns = self.shown.columns.iter();
        let columns = columns.map(|column| (format!("`{}`", column.name), column.codes.len()));
        if let Some((what, found)) = images.chain(columns).find(|(_, found)| *found != n) {
            return Err(Error::Data(format!("{what}: {found} for {n} points")));
        }
        let of_new = self.new.as_ref().is_some_and(|new| new.labels.is_none());
        let n_classes = class_names(self).len();
        if of_new && self.fitted.labels.is_some() && n_classes > usize::from(u16::MAX) {
            return Err(Error::Data(format!(
                "the new points need labels: the fitted ones have {n_classes} classes, so that none \
                 is left for points without one"
            )));
        }
        Ok(())
    }
}

/// Refuses rows that have no neighbours by the metric, if neighbours are sought.
fn check_rows(job: &Embed, metric: Metric, is_sought: bool) -> Result<()> {
    let metric = if is_sought { metric } else { Metric::Euclidean };
    let x = &job.fitted.x;
    if let Some(drawn) = &job.drawn {
        return drawn.check(metric, x);
    }
    let search = Search { metric, ..job.search.clone() };
    search.check(x, None)?;
    let Some(new) = &job.new else { return Ok(()) };
    search.check(&new.x, Some(x)).map_err(|error| match &job.new_file {
        Some(path) => Error::input(path, error.to_string()),
        None => Error::Data(format!("of the new points, {error}")),
    })
}

/// State that the stages share.
struct Stages<'a> {
    job: &'a Embed,
    method: &'static embedding::Method,
    built: &'a dyn embedding::Embedding,
}

/// New points in a map.
struct PlacedPoints {
    embedding: Matrix,
    /// Their nearest fitted points in the space.
    to_fitted: NeighborGraph,
}

impl Stages<'_> {
    fn all(&self, session: &mut Session<'_>, given: Option<NeighborGraph>) -> Result<()> {
        // The graph of the fit serves the score too if it is what the score would search for.
        let search = &self.job.search;
        let is_exact = given.is_none()
            && search.method == SearchMethod::Exact
            && search.metric == Metric::Euclidean;
        let neighbors = self.neighbors(session, given)?;
        let fitted = self.fit(session, neighbors.as_ref())?;
        let placed = self.place(session, fitted.as_ref())?;
        if let Some(drawn) = &self.job.drawn {
            drawn.place_all(session, &self.job.fitted.x, fitted.embedding())?;
        }
        session.new_stage(Stage::ScoresAndFigures, |session, observer| {
            let embedding = fitted.embedding();
            let exact = neighbors.as_ref().filter(|_| is_exact);
            let in_map = self.score(session, embedding, placed.as_ref(), exact, observer)?;
            let measured = MeasuredSpace {
                space: SPACE,
                x: &self.job.fitted.x,
                new: self.job.new.as_ref().map(|new| &new.x),
                neighbors: neighbors.as_ref(),
            };
            let new = placed.as_ref().map(|placed| &placed.embedding);
            let neighbors = in_map.as_ref();
            let to_measure =
                MeasuredMap { method: Some(self.method.name), embedding, new, neighbors };
            let quality = quality::measure(session, measured, &[to_measure], observer)?;
            if !quality.is_empty() {
                write_quality(session.record, &quality)?;
            }
            draw(session.record, self.job, self.method, embedding, new)
        })?;
        let embedding = fitted.embedding();
        if embedding.n_features() != DRAWN {
            return Ok(());
        }
        let (job, method) = (self.job, self.method);
        let points = MappedPoints {
            job,
            method,
            embedding,
            neighbors: neighbors.as_ref(),
            placed: placed.as_ref(),
        };
        session.new_stage(Stage::Report, |session, _| {
            session.on_cpu();
            points.write(session)
        })
    }

    fn neighbors(
        &self,
        session: &mut Session<'_>,
        given: Option<NeighborGraph>,
    ) -> Result<Option<NeighborGraph>> {
        session.new_stage(Stage::OnlyNeighbors, |session, observer| {
            let x = &self.job.fitted.x;
            let k = self.built.n_neighbors();
            if given.is_some() || k == 0 {
                return Ok(given);
            }
            neighbors::find(session, &self.job.search, x, k, SPACE, observer).map(Some)
        })
    }

    fn fit(
        &self,
        session: &mut Session<'_>,
        neighbors: Option<&NeighborGraph>,
    ) -> Result<Box<dyn Fitted>> {
        let x = &self.job.fitted.x;
        let name = self.method.name;
        session.new_stage(Stage::OnlyMap(name), |session, observer| {
            let space = Space { neighbors, ..Space::new(x) };
            let fitted = self.built.fit_boxed(session.device, &space, observer)?;
            let record = &mut *session.record;
            record.write_matrix(Artifact::OnlyEmbedding, fitted.embedding())?;
            embedding::save(fitted.as_ref(), x, &record.below(Artifact::OnlyFittedMap)?)?;
            record.list(Artifact::OnlyFittedMap, None, None);
            fitted.warnings().iter().for_each(|warning| record.warn(warning));
            record.results_mut().maps.push(MapResults::of(SPACE, name, fitted.as_ref()));
            Ok(fitted)
        })
    }

    fn place(
        &self,
        session: &mut Session<'_>,
        fitted: &dyn Fitted,
    ) -> Result<Option<PlacedPoints>> {
        let Some(new) = &self.job.new else { return Ok(None) };
        let placed = session.new_stage(Stage::Transform, |session, observer| {
            let x = &self.job.fitted.x;
            // As many as the score uses, if it uses the same ones.
            let scored = new.labels.is_some() && fitted.metric() == Metric::Euclidean;
            let voters = if scored {
                N_NEIGHBORS.into_iter().filter(|&k| k < x.n_samples()).max().unwrap_or(1)
            } else {
                1
            };
            let voters = fitted.n_neighbors_to_place().max(voters);
            // By the metric of the fitted points' own neighbours, which may have come from a file.
            let search = Search { metric: fitted.metric(), ..self.job.search.clone() };
            let device = session.device;
            let to_fitted = search.nearest_references(device, &new.x, x, voters, observer)?;
            let points = NewPoints { x: &new.x, neighbors: &to_fitted };
            let embedding = fitted.transform(device, &points)?;
            session.record.write_matrix(Artifact::NewEmbedding, &embedding)?;
            Ok(PlacedPoints { embedding, to_fitted })
        })?;
        Ok(Some(placed))
    }

    /// Scores the points and the embedding, and returns the neighbours of the fitted points in it.
    /// `neighbors` are those of the fitted points by an exact Euclidean search, if they
    /// are known.
    fn score(
        &self,
        session: &mut Session<'_>,
        embedding: &Matrix,
        placed: Option<&PlacedPoints>,
        neighbors: Option<&NeighborGraph>,
        observer: &dyn Observer,
    ) -> Result<Option<NeighborGraph>> {
        let Some(labels) = &self.job.fitted.labels else { return Ok(None) };
        let x = &self.job.fitted.x;
        let device = session.device;
        let (ks, dropped): (Vec<usize>, Vec<usize>) =
            N_NEIGHBORS.into_iter().partition(|&k| k < x.n_samples());
        if !dropped.is_empty() {
            let dropped = dropped.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let n = x.n_samples();
            session.record.warn(format!("not scored for k = {dropped}: there are {n} points"));
        }
        let Some(&most) = ks.last() else { return Ok(None) };
        let enough = |graph: &&NeighborGraph| {
            graph.n_neighbors() >= most && graph.metric() == Metric::Euclidean
        };
        let among = |space: &Matrix, known: Option<&NeighborGraph>| match known.filter(enough) {
            Some(graph) => Ok(graph.clone()),
            None => nearest_neighbors(device, space, most, observer),
        };
        let between = |new: &Matrix, space: &Matrix, known: Option<&NeighborGraph>| match known
            .filter(enough)
        {
            Some(graph) => Ok(graph.clone()),
            None => nearest_references(device, new, space, most, observer),
        };
        let mut scores = Vec::new();
        let method = Some(self.method.name);
        let mut add =
            |space: &Matrix, method: Option<&str>, graph: &NeighborGraph, scored: Scored<'_>| {
                let id = MapId::new(SPACE, method, space.n_features());
                scores.push(Scores::of(&id, graph, labels, scored, &ks)?);
                Ok::<(), Error>(())
            };
        let fitted = Scored { labels, on: ScoredOn::TrainLeaveOneOut };
        let new = self.job.new.as_ref().zip(placed).and_then(|(new, placed)| {
            let labels = new.labels.as_ref()?;
            Some((&new.x, placed, Scored { labels, on: ScoredOn::Test }))
        });
        add(x, None, &among(x, neighbors)?, fitted)?;
        if let Some((new, placed, scored)) = new {
            add(x, None, &between(new, x, Some(&placed.to_fitted))?, scored)?;
        }
        let in_map = among(embedding, None)?;
        add(embedding, method, &in_map, fitted)?;
        if let Some((_, placed, scored)) = new {
            add(embedding, method, &between(&placed.embedding, embedding, None)?, scored)?;
        }
        write_scores(session.record, &scores, &self.job.class_names)?;
        Ok(Some(in_map))
    }
}

/// Names of the classes of labelled points.
fn class_names(job: &Embed) -> Vec<String> {
    if !job.class_names.is_empty() {
        return job.class_names.clone();
    }
    let parts = std::iter::once(&job.fitted).chain(&job.new);
    let labels = parts.filter_map(|part| part.labels.as_ref()).flatten();
    let n = labels.max().map_or(1, |&most| usize::from(most) + 1);
    (0..n).map(|class| class.to_string()).collect()
}

fn draw(
    folder: &mut RunFolder,
    job: &Embed,
    method: &embedding::Method,
    embedding: &Matrix,
    placed: Option<&Matrix>,
) -> Result<()> {
    if embedding.n_features() != DRAWN {
        let n = embedding.n_features();
        folder.warn(format!("no figure and no page: the map has {n} dimensions"));
        return Ok(());
    }
    let labelled = job.fitted.labels.is_some();
    let mut class_names = if labelled { class_names(job) } else { Vec::new() };
    // Points without a label are of one more class.
    let no_class = u16::try_from(class_names.len()).unwrap_or(u16::MAX);
    let labels_of =
        |part: &Labelled| part.labels.clone().unwrap_or_else(|| vec![no_class; part.x.n_samples()]);
    let labels = labels_of(&job.fitted);
    let new_labels = job.new.as_ref().map(labels_of);
    if !labelled || job.new.as_ref().is_some_and(|new| new.labels.is_none()) {
        class_names.push(if labelled { NO_CLASS.into() } else { "points".into() });
    }
    let mut row = vec![Panel { title: "Fitted points".into(), embedding, labels: &labels }];
    if let (Some(placed), Some(labels)) = (placed, &new_labels) {
        row.push(Panel { title: "New points".into(), embedding: placed, labels });
    }
    let title = format!(
        "{} of {} points of {} features",
        method.title,
        job.fitted.x.n_samples(),
        job.fitted.x.n_features()
    );
    let figure = Scatter {
        title,
        panels: vec![row],
        class_names: &class_names,
        rows_share_axes: true,
        direct_labels: labelled,
    };
    figures::write(folder, "map", &figure)
}

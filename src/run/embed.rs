//! One map of anybody's matrix.

use super::figures;
use super::job::{MethodChoice, starts};
use super::neighbors::{self, check_memory};
use super::quality::{self, Judged, write_quality};
use super::space::method_results;
use super::study::write_scores;
use crate::compute::{Description, Device};
use crate::dataset::Source;
use crate::embedding::{self, Fitted, NewPoints, Space};
use crate::error::{Error, Result};
use crate::evaluation::{MapQuality, N_NEIGHBORS, ScoredOn, Scores, knn_accuracy};
use crate::matrix::Matrix;
use crate::neighbors::{
    Metric, NeighborGraph, Search, SearchMethod, nearest_neighbors, nearest_references,
};
use crate::progress::Reporter;
use crate::record::{Artifact, Opening, RunFolder, Stage, default_path};
use crate::report::figures::{Panel, Scatter};
use std::path::PathBuf;
use std::time::Instant;

/// Points and, if they are known, their classes.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// n_samples x n_features.
    pub x: Matrix,
    /// One class a row.
    pub labels: Option<Vec<u8>>,
}

/// What to embed.
#[derive(Clone, Debug)]
pub struct Embed {
    /// Points to fit.
    pub fitted: Labelled,
    /// Points to place in the map.
    pub new: Option<Labelled>,
    /// The file that those are from, for messages.
    pub new_file: Option<PathBuf>,
    /// Names of the classes; the numbers, if there are none.
    pub class_names: Vec<String>,
    /// What the user should know of the files.
    pub warnings: Vec<String>,
    /// How.
    pub method: MethodChoice,
    /// How neighbours are searched for.
    pub search: Search,
    /// A file of neighbours to take instead.
    pub neighbors: Option<PathBuf>,
    /// Files that were read.
    pub inputs: Vec<Source>,
    /// Folder of the results.
    pub out: Option<PathBuf>,
    /// Whether an earlier run there may be replaced.
    pub force: bool,
    /// Seed, for the manifest.
    pub seed: u64,
    /// Command line, for the manifest.
    pub argv: Vec<String>,
}

/// What an embedding ended with.
#[derive(Clone, Debug)]
pub struct EmbedSummary {
    /// Folder of the results.
    pub path: PathBuf,
    /// Dimensions of the map.
    pub n_components: usize,
    /// k-NN accuracies, if classes are known.
    pub scores: Vec<Scores>,
    /// How faithful the map is to the points; nothing if they allow no figures, which a warning
    /// says.
    pub quality: Vec<MapQuality>,
    /// What the method reports of the map.
    pub results: Vec<(String, f64)>,
    /// What the user should know.
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
        argv: job.argv.clone(),
        seed: job.seed,
        config: serde_json::json!({ "method": job.method.name, "parameters": parameters, "neighbors": job.search }),
        device: description.clone(),
        inputs: [job.inputs.clone(), starts(std::slice::from_ref(&job.method))?].concat(),
    };
    let path = job.out.clone().unwrap_or_else(|| default_path(method.name));
    let mut folder = RunFolder::create(&path, job.force, opening, reporter)?;
    folder.note_offsets(x, "the points");
    folder.manifest.warnings.extend(job.warnings.iter().cloned());
    let outcome = folder.compute((device, description), reporter, |folder, device, kind| {
        Work { job, method, built: built.as_ref(), device, kind, reporter }
            .stages(folder, given.clone())
    });
    match outcome {
        Ok((scores, quality, results)) => {
            let warnings = folder.manifest.warnings.clone();
            let n_components = built.n_components();
            Ok(EmbedSummary {
                path: folder.close(Ok(()))?,
                n_components,
                scores,
                quality,
                results,
                warnings,
            })
        }
        Err(error) => Err(folder.close_failed(error)),
    }
}

/// Refuses what would fail after the map is fitted, and points of which there is nothing to map.
fn check(job: &Embed) -> Result<()> {
    let x = &job.fitted.x;
    if x.n_samples() > 1 && x.rows().all(|row| row == x.row(0)) {
        return Err(Error::Data(format!(
            "all {} rows are equal: there is nothing to map",
            x.n_samples()
        )));
    }
    let parts = std::iter::once(("", &job.fitted)).chain(job.new.as_ref().map(|new| ("new ", new)));
    for (which, part) in parts {
        if let Some(labels) =
            part.labels.as_ref().filter(|labels| labels.len() != part.x.n_samples())
        {
            let (found, rows) = (labels.len(), part.x.n_samples());
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
    if let Some(new) =
        job.new.as_ref().filter(|new| new.x.n_features() != job.fitted.x.n_features())
    {
        let (found, expected) = (new.x.n_features(), job.fitted.x.n_features());
        return Err(Error::Data(format!(
            "the new points have {found} features, the fitted ones {expected}"
        )));
    }
    Ok(())
}

/// Refuses rows that have no neighbours by the metric, if neighbours are sought.
fn check_rows(job: &Embed, metric: Metric, is_sought: bool) -> Result<()> {
    let search =
        Search { metric: if is_sought { metric } else { Metric::Euclidean }, ..job.search.clone() };
    let x = &job.fitted.x;
    search.check(x, None)?;
    let Some(new) = &job.new else { return Ok(()) };
    search.check(&new.x, Some(x)).map_err(|error| match &job.new_file {
        Some(path) => Error::input(path, error.to_string()),
        None => Error::Data(format!("of the new points, {error}")),
    })
}

/// Scores, quality, and what the method reports of the map.
type Outcome = (Vec<Scores>, Vec<MapQuality>, Vec<(String, f64)>);

/// What all stages share.
struct Work<'a> {
    job: &'a Embed,
    method: &'static embedding::Method,
    built: &'a dyn embedding::Embedding,
    device: &'a Device,
    kind: &'static str,
    reporter: &'a dyn Reporter,
}

/// New points in a map.
struct Placed {
    map: Matrix,
    /// Their nearest fitted points in the space.
    to_fitted: NeighborGraph,
}

impl Work<'_> {
    fn stages(&self, folder: &mut RunFolder, given: Option<NeighborGraph>) -> Result<Outcome> {
        let from_file = given.is_some();
        let neighbors = self.neighbors(folder, given)?;
        let fitted = self.fit(folder, neighbors.as_ref())?;
        let placed = self.place(folder, fitted.as_ref())?;
        let start = Instant::now();
        let map = fitted.embedding();
        // The graph of the fit serves the score too if it is what the score would search for.
        let exact = !from_file
            && self.job.search.method == SearchMethod::Exact
            && self.job.search.metric == Metric::Euclidean;
        let (scores, in_map) =
            self.score(folder, map, placed.as_ref(), neighbors.as_ref().filter(|_| exact))?;
        if !scores.is_empty() {
            write_scores(folder, &scores, &self.job.class_names)?;
        }
        let observer = self.reporter.stage("quality");
        let new = self.job.new.as_ref().map(|new| &new.x);
        let judged =
            Judged { space: "input", x: &self.job.fitted.x, new, neighbors: neighbors.as_ref() };
        let new = placed.as_ref().map(|placed| &placed.map);
        let map_to_judge =
            quality::Placed { method: self.method.name, map, new, neighbors: in_map.as_ref() };
        let quality =
            quality::judge(folder, judged, &[map_to_judge], self.device, observer.as_ref())?;
        drop(observer);
        if !quality.is_empty() {
            write_quality(folder, &quality)?;
        }
        draw(folder, self.job, self.method, map, new)?;
        folder.finish_stage(Stage::ScoresAndFigures, start, self.kind)?;
        Ok((scores, quality, fitted.results().to_vec()))
    }

    fn neighbors(
        &self,
        folder: &mut RunFolder,
        given: Option<NeighborGraph>,
    ) -> Result<Option<NeighborGraph>> {
        let start = Instant::now();
        let observer = self.reporter.stage("neighbours");
        let (x, k) = (&self.job.fitted.x, self.built.n_neighbors());
        let watched = (self.reporter, observer.as_ref());
        let file = Artifact::Neighbors("input");
        let (neighbors, kind) = match given {
            Some(graph) => (Some(graph), self.kind),
            None if k == 0 => (None, self.kind),
            None => {
                let (graph, kind) =
                    neighbors::find(folder, &self.job.search, self.device, (x, k), file, watched)?;
                (Some(graph), kind)
            }
        };
        drop(observer);
        folder.finish_stage(Stage::OnlyNeighbors, start, kind)?;
        Ok(neighbors)
    }

    fn fit(
        &self,
        folder: &mut RunFolder,
        neighbors: Option<&NeighborGraph>,
    ) -> Result<Box<dyn Fitted>> {
        let start = Instant::now();
        let observer = self.reporter.stage(self.method.title);
        let x = &self.job.fitted.x;
        let fitted = self.built.fit(
            self.device,
            &Space { x, neighbors, pca: None, start: None },
            observer.as_ref(),
        )?;
        drop(observer);
        folder.write_matrix(Artifact::OnlyEmbedding, fitted.embedding())?;
        embedding::save(fitted.as_ref(), x, &folder.below(Artifact::OnlyFittedMap)?)?;
        folder.list(Artifact::OnlyFittedMap, None, None);
        folder.result(self.method.name, method_results(fitted.as_ref()));
        folder.manifest.warnings.extend(fitted.warnings().iter().cloned());
        folder.finish_stage(Stage::OnlyMap(self.method.name), start, self.kind)?;
        Ok(fitted)
    }

    fn place(&self, folder: &mut RunFolder, fitted: &dyn Fitted) -> Result<Option<Placed>> {
        let Some(new) = &self.job.new else { return Ok(None) };
        let start = Instant::now();
        let observer = self.reporter.stage("placing new points");
        let x = &self.job.fitted.x;
        // As many as the score looks at, if it looks at the same ones.
        let scored = new.labels.is_some() && fitted.metric() == Metric::Euclidean;
        let voters = if scored {
            N_NEIGHBORS.into_iter().filter(|&k| k < x.n_samples()).max().unwrap_or(1)
        } else {
            1
        };
        let voters = fitted.n_neighbors_to_place().max(voters);
        // By the metric of the fitted points' own neighbours, which may have come from a file.
        let search = Search { metric: fitted.metric(), ..self.job.search.clone() };
        let to_fitted =
            search.nearest_references(self.device, &new.x, x, voters, observer.as_ref())?;
        let map = fitted.transform(self.device, &NewPoints { x: &new.x, neighbors: &to_fitted })?;
        folder.write_matrix(Artifact::NewEmbedding, &map)?;
        folder.finish_stage(Stage::Transform, start, self.kind)?;
        Ok(Some(Placed { map, to_fitted }))
    }

    /// The accuracies, and the fitted points' neighbours in the map. `neighbors` are those of the
    /// fitted points by an exact Euclidean search, if they are at hand.
    fn score(
        &self,
        folder: &mut RunFolder,
        map: &Matrix,
        placed: Option<&Placed>,
        neighbors: Option<&NeighborGraph>,
    ) -> Result<(Vec<Scores>, Option<NeighborGraph>)> {
        let Some(labels) = &self.job.fitted.labels else { return Ok((Vec::new(), None)) };
        let x = &self.job.fitted.x;
        let (ks, dropped): (Vec<usize>, Vec<usize>) =
            N_NEIGHBORS.into_iter().partition(|&k| k < x.n_samples());
        if !dropped.is_empty() {
            let dropped = dropped.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            folder
                .manifest
                .warnings
                .push(format!("not scored for k = {dropped}: there are {} points", x.n_samples()));
        }
        let Some(&most) = ks.last() else { return Ok((Vec::new(), None)) };
        let observer = self.reporter.stage("scores");
        let mut scores = Vec::new();
        let mut add = |space: &Matrix,
                       made_by: Option<&str>,
                       graph: &NeighborGraph,
                       scored: &[u8],
                       scored_on| {
            scores.push(Scores {
                space: "input".into(),
                method: made_by.map(str::to_owned),
                n_dimensions: space.n_features(),
                n_fitted: labels.len(),
                n_scored: scored.len(),
                scored_on,
                knn: knn_accuracy(graph, labels, scored, &ks)?,
            });
            Ok::<(), Error>(())
        };
        let enough = |graph: &&NeighborGraph| {
            graph.n_neighbors() >= most && graph.metric() == Metric::Euclidean
        };
        let among = |space, known: Option<&NeighborGraph>| match known.filter(enough) {
            Some(graph) => Ok(graph.clone()),
            None => nearest_neighbors(self.device, space, most, observer.as_ref()),
        };
        let between = |new, space, known: Option<&NeighborGraph>| match known.filter(enough) {
            Some(graph) => Ok(graph.clone()),
            None => nearest_references(self.device, new, space, most, observer.as_ref()),
        };
        let new = self
            .job
            .new
            .as_ref()
            .zip(placed)
            .and_then(|(new, placed)| Some((new, placed, new.labels.as_ref()?)));
        add(x, None, &among(x, neighbors)?, labels, ScoredOn::TrainLeaveOneOut)?;
        if let Some((new, placed, new_labels)) = new {
            add(
                x,
                None,
                &between(&new.x, x, Some(&placed.to_fitted))?,
                new_labels,
                ScoredOn::Test,
            )?;
        }
        let in_map = among(map, None)?;
        add(map, Some(self.method.name), &in_map, labels, ScoredOn::TrainLeaveOneOut)?;
        if let Some((_, placed, new_labels)) = new {
            add(
                map,
                Some(self.method.name),
                &between(&placed.map, map, None)?,
                new_labels,
                ScoredOn::Test,
            )?;
        }
        Ok((scores, Some(in_map)))
    }
}

fn draw(
    folder: &mut RunFolder,
    job: &Embed,
    method: &embedding::Method,
    map: &Matrix,
    placed: Option<&Matrix>,
) -> Result<()> {
    if map.n_features() != 2 {
        folder
            .manifest
            .warnings
            .push(format!("no figure: the map has {} dimensions", map.n_features()));
        return Ok(());
    }
    // Without labels everything is of one class.
    let labels_of =
        |part: &Labelled| part.labels.clone().unwrap_or_else(|| vec![0; part.x.n_samples()]);
    let labels = labels_of(&job.fitted);
    let new_labels = job.new.as_ref().map(labels_of);
    let all = labels.iter().chain(new_labels.iter().flatten());
    let n_classes = all.max().map_or(1, |&most| usize::from(most) + 1);
    let labelled = job.fitted.labels.is_some();
    let class_names: Vec<String> = match labelled {
        true if job.class_names.is_empty() => {
            (0..n_classes).map(|class| class.to_string()).collect()
        }
        true => job.class_names.clone(),
        false => vec!["points".into()],
    };
    let mut row = vec![Panel { title: "Fitted points".into(), embedding: map, labels: &labels }];
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

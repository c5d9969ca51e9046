//! One map of anybody's matrix.

use super::folder::{Opening, RunFolder};
use super::neighbors::{self, check_memory};
use super::quality::{self, Judged, write_quality};
use super::space::method_results;
use super::study::{MethodChoice, write_scores};
use crate::compute::{Description, Device};
use crate::dataset::Source;
use crate::embedding::{self, NewPoints, Space};
use crate::error::{Error, Result};
use crate::evaluation::{MapQuality, N_NEIGHBORS, ScoredOn, Scores, knn_accuracy};
use crate::matrix::Matrix;
use crate::neighbors::{NeighborGraph, Search, nearest_neighbors, nearest_references};
use crate::progress::Reporter;
use crate::report::figures::{Panel, Scatter, save};
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
    /// k-NN accuracies, if classes are known.
    pub scores: Vec<Scores>,
    /// How faithful the map is to the points; nothing if they allow no figures, which a warning says.
    pub quality: Vec<MapQuality>,
    /// What the method reports of the map.
    pub results: Vec<(String, f64)>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Fits the map, places the new points, scores both where labels are known, draws, and writes everything to a folder.
///
/// # Errors
/// [`Error::Data`] if points, labels and method do not fit each other; [`Error::Parameter`]; [`Error::Exists`], [`Error::Write`]; any error of
/// the device; [`Error::Interrupted`].
pub fn embed(job: &Embed, device: &Device, description: &Description, reporter: &dyn Reporter) -> Result<EmbedSummary> {
    let method = embedding::method(&job.method.name)?;
    let built = (method.build)(&job.method.parameters)?;
    let x = &job.fitted.x;
    built.validate(x.n_samples(), x.n_features())?;
    check(job)?;
    check_memory(x.n_samples(), x.n_features(), &[built.as_ref()])?;
    let given = job.neighbors.as_deref().map(|path| neighbors::read(path, x.n_samples(), built.n_neighbors())).transpose()?;
    let mut parameters = (method.defaults)().unwrap_or_default();
    parameters.extend(job.method.parameters.clone());
    let opening = Opening {
        argv: job.argv.clone(),
        seed: job.seed,
        config: serde_json::json!({ "method": job.method.name, "parameters": parameters, "neighbors": job.search }),
        device: description.clone(),
        inputs: job.inputs.clone(),
    };
    let path = job.out.clone().unwrap_or_else(|| super::default_path(method.name));
    let mut folder = RunFolder::create(&path, job.force, opening)?;
    let outcome = stages(&mut folder, job, (method, built.as_ref()), given, device, description.kind, reporter);
    match outcome {
        Ok((scores, quality, results)) => {
            let warnings = folder.manifest.warnings.clone();
            Ok(EmbedSummary { path: folder.close(Ok(()))?, scores, quality, results, warnings })
        }
        Err(error) => Err(folder.close_failed(error)),
    }
}

/// Refuses what would fail after the map is fitted.
fn check(job: &Embed) -> Result<()> {
    let parts = std::iter::once(("", &job.fitted)).chain(job.new.as_ref().map(|new| ("new ", new)));
    for (which, part) in parts {
        if let Some(labels) = part.labels.as_ref().filter(|labels| labels.len() != part.x.n_samples()) {
            let (found, rows) = (labels.len(), part.x.n_samples());
            return Err(Error::Data(format!("{found} {which}labels for {rows} {which}points")));
        }
    }
    if let Some(labels) = &job.fitted.labels
        && labels.windows(2).all(|pair| pair[0] == pair[1])
    {
        return Err(Error::Data("k-NN accuracy needs at least two classes among the labels; there is one".into()));
    }
    if let Some(new) = job.new.as_ref().filter(|new| new.x.n_features() != job.fitted.x.n_features()) {
        let (found, expected) = (new.x.n_features(), job.fitted.x.n_features());
        return Err(Error::Data(format!("the new points have {found} features, the fitted ones {expected}")));
    }
    Ok(())
}

/// Scores, quality, and what the method reports of the map.
type Outcome = (Vec<Scores>, Vec<MapQuality>, Vec<(String, f64)>);

fn stages(
    folder: &mut RunFolder,
    job: &Embed,
    (method, built): (&embedding::Method, &dyn embedding::Embedding),
    given: Option<NeighborGraph>,
    device: &Device,
    kind: &'static str,
    reporter: &dyn Reporter,
) -> Result<Outcome> {
    let x = &job.fitted.x;
    let start = Instant::now();
    let observer = reporter.stage("neighbours");
    let k = built.n_neighbors();
    let watched = (reporter, observer.as_ref());
    let neighbors = match given {
        Some(graph) => Some(graph),
        None if k == 0 => None,
        None => Some(neighbors::find(folder, &job.search, device, (x, k), "neighbors/input.safetensors", watched)?),
    };
    drop(observer);
    folder.finish_stage("neighbours", start, kind)?;

    let start = Instant::now();
    let observer = reporter.stage(method.title);
    let fitted = built.fit(device, &Space { x, neighbors: neighbors.as_ref(), pca: None }, observer.as_ref())?;
    drop(observer);
    folder.write_matrix("embeddings/embedding.npy", fitted.embedding())?;
    embedding::save(fitted.as_ref(), x, &folder.below("map.safetensors")?)?;
    folder.list("map.safetensors", None, None);
    folder.result(method.name, method_results(fitted.as_ref()));
    folder.finish_stage(method.name, start, kind)?;

    let placed = match &job.new {
        None => None,
        Some(new) => {
            let start = Instant::now();
            let observer = reporter.stage("placing new points");
            let voters = fitted.n_neighbors_to_place().max(1);
            // By the metric of the fitted points' own neighbours, which may have come from a file.
            let search = Search { metric: fitted.metric(), ..job.search.clone() };
            let to_fitted = search.nearest_references(device, &new.x, x, voters, observer.as_ref())?;
            let placed = fitted.transform(device, &NewPoints { x: &new.x, neighbors: &to_fitted })?;
            folder.write_matrix("embeddings/new.npy", &placed)?;
            folder.finish_stage("transform", start, kind)?;
            Some(placed)
        }
    };
    let start = Instant::now();
    let scores = score(folder, job, method, fitted.embedding(), placed.as_ref(), device, reporter)?;
    if !scores.is_empty() {
        write_scores(folder, &scores, &[])?;
    }
    let observer = reporter.stage("quality");
    let judged = Judged { space: "input", x, new: job.new.as_ref().map(|new| &new.x), neighbors: neighbors.as_ref() };
    let maps = [(method.name, fitted.embedding(), placed.as_ref())];
    let quality = quality::judge(folder, judged, &maps, device, observer.as_ref())?;
    drop(observer);
    if !quality.is_empty() {
        write_quality(folder, &quality)?;
    }
    draw(folder, job, method, fitted.embedding(), placed.as_ref())?;
    folder.finish_stage("scores and figures", start, kind)?;
    Ok((scores, quality, fitted.results().to_vec()))
}

fn score(
    folder: &mut RunFolder,
    job: &Embed,
    method: &embedding::Method,
    map: &Matrix,
    placed: Option<&Matrix>,
    device: &Device,
    reporter: &dyn Reporter,
) -> Result<Vec<Scores>> {
    let Some(labels) = &job.fitted.labels else { return Ok(Vec::new()) };
    let x = &job.fitted.x;
    let (ks, dropped): (Vec<usize>, Vec<usize>) = N_NEIGHBORS.into_iter().partition(|&k| k < x.n_samples());
    if !dropped.is_empty() {
        let dropped = dropped.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        folder.manifest.warnings.push(format!("not scored for k = {dropped}: there are {} points", x.n_samples()));
    }
    let Some(&most) = ks.last() else { return Ok(Vec::new()) };
    let observer = reporter.stage("scores");
    let mut scores = Vec::new();
    let mut add = |space: &Matrix, made_by: Option<&str>, graph: &NeighborGraph, scored: &[u8], scored_on| {
        let knn = knn_accuracy(graph, labels, scored, &ks)?;
        let (n_fitted, n_scored) = (labels.len(), scored.len());
        let method = made_by.map(str::to_owned);
        scores.push(Scores {
            space: "input".into(),
            method,
            n_dimensions: space.n_features(),
            n_fitted,
            n_scored,
            scored_on,
            knn,
        });
        Ok::<(), Error>(())
    };
    for (space, new, made_by) in [(x, job.new.as_ref().map(|new| &new.x), None), (map, placed, Some(method.name))] {
        let graph = nearest_neighbors(device, space, most, observer.as_ref())?;
        add(space, made_by, &graph, labels, ScoredOn::TrainLeaveOneOut)?;
        if let (Some(new), Some(new_labels)) = (new, job.new.as_ref().and_then(|new| new.labels.as_ref())) {
            let graph = nearest_references(device, new, space, most, observer.as_ref())?;
            add(space, made_by, &graph, new_labels, ScoredOn::Test)?;
        }
    }
    Ok(scores)
}

fn draw(folder: &mut RunFolder, job: &Embed, method: &embedding::Method, map: &Matrix, placed: Option<&Matrix>) -> Result<()> {
    if map.n_features() != 2 {
        folder.manifest.warnings.push(format!("no figure: the map has {} dimensions", map.n_features()));
        return Ok(());
    }
    // Without labels everything is of one class.
    let labels_of = |part: &Labelled| part.labels.clone().unwrap_or_else(|| vec![0; part.x.n_samples()]);
    let labels = labels_of(&job.fitted);
    let new_labels = job.new.as_ref().map(labels_of);
    let all = labels.iter().chain(new_labels.iter().flatten());
    let n_classes = all.max().map_or(1, |&most| usize::from(most) + 1);
    let labelled = job.fitted.labels.is_some();
    let class_names: Vec<String> =
        if labelled { (0..n_classes).map(|class| class.to_string()).collect() } else { vec!["points".into()] };
    let mut row = vec![Panel { title: "Fitted points".into(), embedding: map, labels: &labels }];
    if let (Some(placed), Some(labels)) = (placed, &new_labels) {
        row.push(Panel { title: "New points".into(), embedding: placed, labels });
    }
    let title = format!("{} of {} points of {} features", method.title, job.fitted.x.n_samples(), job.fitted.x.n_features());
    let figure = Scatter { title, panels: vec![row], class_names: &class_names, rows_share_axes: true, direct_labels: labelled };
    save(&figure, &folder.below("figures/map")?)?;
    folder.list("figures/map.png", None, None);
    folder.list("figures/map.svg", None, None);
    Ok(())
}

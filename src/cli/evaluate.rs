//! `layerlens evaluate`: the scores of any space or map, and the quality of a map of a space.

use super::embed::{check_classes, check_widths};
use super::labels::{LabelArgs, Points, say_all};
use super::{Global, json, print, say};
use anyhow::Result;
use clap::Args;
use layerlens::Error;
use layerlens::compute::Device;
use layerlens::dataset::npy;
use layerlens::evaluation::{
    MapId, MapQuality, MeasuredMap, MeasuredSpace, Scored, ScoredOn, Scores, measure,
};
use layerlens::files::create_folder;
use layerlens::matrix::Matrix;
use layerlens::neighbors::{nearest_neighbors, nearest_references};
use layerlens::progress::Reporter;
use layerlens::range;
use layerlens::report::{quality_table, table};
use layerlens::run::Labelled;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Options of `evaluate`.
#[derive(Clone, Debug, Args)]
pub struct EvaluateArgs {
    /// Points that classify each other, or the new ones; with --space, their places in a map of it: a
    /// .npy matrix
    #[arg(value_name = "FILE")]
    points: PathBuf,
    /// Their classes, numbers or names: .npy, or .csv, .tsv or .txt with one a line or in one of
    /// its columns; not needed with --space
    #[arg(long, value_name = "FILE", required_unless_present = "space")]
    labels: Option<PathBuf>,
    #[command(flatten)]
    reading: LabelArgs,
    /// New points in the same columns: with --new-labels they are classified by those of FILE, with
    /// --new-space they are their places in the map
    #[arg(long, value_name = "FILE")]
    new: Option<PathBuf>,
    /// Their classes
    #[arg(long, value_name = "FILE", requires_all = ["new", "labels"])]
    new_labels: Option<PathBuf>,
    /// The space of which FILE is a map: the quality of the map is measured
    #[arg(long, value_name = "FILE")]
    space: Option<PathBuf>,
    /// The new points in that space, in the order of --new
    #[arg(long, value_name = "FILE", requires_all = ["new", "space"])]
    new_space: Option<PathBuf>,
    /// Neighbours that vote
    #[arg(long, alias = "k", value_delimiter = ',', default_value = "3,5,10", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=504))]
    n_neighbors: Vec<u16>,
    /// Folder for the tables as .csv [default: none are written]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Replace tables that are there
    #[arg(long, help_heading = "Output")]
    force: bool,
}

/// Name of a map whose method is unknown.
const GIVEN: &str = "given map";

/// The space of a map and the points that were placed in it.
struct Spaces {
    x: Matrix,
    new: Option<Matrix>,
}

impl Spaces {
    /// Quality of the map whose places are `embedding`, and those of the new points `placed`.
    fn quality(
        &self,
        device: &Device,
        embedding: &Matrix,
        placed: Option<&Matrix>,
        seed: u64,
        reporter: &dyn Reporter,
    ) -> Result<Vec<MapQuality>, Error> {
        let observer = reporter.stage("quality");
        let new = self.new.as_ref();
        let space = MeasuredSpace { space: "input", x: &self.x, new, neighbors: None };
        let map = MeasuredMap { method: None, embedding, new: placed, neighbors: None };
        measure(space, &[map], device, seed, observer.as_ref())
    }
}

/// `true` if there are new points and their classes are known.
fn knows_classes(new: Option<&Labelled>) -> bool {
    new.is_some_and(|new| new.labels.is_some())
}

/// Refuses, with the file's name, what cannot be scored.
fn check(
    args: &EvaluateArgs,
    fitted: &Labelled,
    new: Option<&Labelled>,
    most: usize,
) -> Result<(), Error> {
    if let (Some(path), Some(labels)) = (&args.labels, &fitted.labels) {
        check_classes(path, labels)?;
        // Without new points each is scored by the others.
        let n = fitted.x.n_samples();
        let allowed = fitted.x.n_samples() - usize::from(!knows_classes(new));
        if most > allowed {
            let message = format!(
                "has {n} points: --n-neighbors can be at most {allowed}, {most} were asked for"
            );
            return Err(Error::input(&args.points, message));
        }
    }
    match (&args.new, new) {
        (Some(path), Some(new)) => check_widths((path, &new.x), (&args.points, &fitted.x)),
        _ => Ok(()),
    }
}

/// Reads the spaces, and refuses a number of rows or columns that does not fit.
fn read_spaces(
    args: &EvaluateArgs,
    fitted: &Labelled,
    new: Option<&Labelled>,
) -> Result<Option<Spaces>, Error> {
    let rows = |x: Matrix, path: &Path, of: &Path, n: usize| {
        if x.n_samples() == n {
            return Ok(x);
        }
        Err(Error::input(
            path,
            format!("has {} rows, {} has {n}: each point has one row", x.n_samples(), of.display()),
        ))
    };
    let Some(path) = &args.space else { return Ok(None) };
    let x = rows(npy::read_matrix(path)?, path, &args.points, fitted.x.n_samples())?;
    let new = match (&args.new_space, &args.new, new) {
        (Some(of_new), Some(of), Some(new)) => {
            let new_x = rows(npy::read_matrix_like(of_new, &x)?, of_new, of, new.x.n_samples())?;
            if new_x.n_features() != x.n_features() {
                let (found, expected) = (new_x.n_features(), x.n_features());
                return Err(Error::input(
                    of_new,
                    format!("has {found} columns, {} has {expected}", path.display()),
                ));
            }
            Some(new_x)
        }
        _ => None,
    };
    Ok(Some(Spaces { x, new }))
}

/// Refuses, by the name of their file, points whose squared distances do not fit.
fn check_range(
    args: &EvaluateArgs,
    (x, new): (&Matrix, Option<&Matrix>),
    spaces: Option<&Spaces>,
) -> Result<(), Error> {
    let named = |path: Option<&PathBuf>, found: Result<(), Error>| match path {
        Some(path) => found.map_err(|error| Error::input(path, error.to_string())),
        None => found,
    };
    named(Some(&args.points), range::check(x))?;
    named(args.new.as_ref(), new.map_or(Ok(()), |new| range::check_new(new, x)))?;
    let Some(Spaces { x, new }) = spaces else { return Ok(()) };
    named(args.space.as_ref(), range::check(x))?;
    named(args.new_space.as_ref(), new.as_ref().map_or(Ok(()), |new| range::check_new(new, x)))
}

/// Refuses to replace tables without --force, before anything is computed.
fn refuse_older_tables(args: &EvaluateArgs, names: &[&str]) -> Result<(), Error> {
    let tables = args.out.iter().flat_map(|out| names.iter().map(|name| out.join(name)));
    match tables.into_iter().find(|table| table.exists()) {
        Some(table) if !args.force => Err(Error::Exists(table)),
        _ => Ok(()),
    }
}

/// k-NN accuracy, if the classes are known: in the points' space, if that is given, and in FILE.
fn score(
    device: &Device,
    (fitted, new): (&Labelled, Option<&Labelled>),
    spaces: Option<&Spaces>,
    ks: &[usize],
    reporter: &dyn Reporter,
) -> Result<Vec<Scores>, Error> {
    let Some(classes) = &fitted.labels else { return Ok(Vec::new()) };
    let most = ks.iter().copied().max().unwrap_or(1);
    let observer = reporter.stage("scores");
    let of_new = new.and_then(|new| Some((&new.x, new.labels.as_ref()?)));
    let one = |method: Option<&str>, x: &Matrix, new: Option<&Matrix>| {
        let (graph, labels, on) = match (new, of_new) {
            (Some(new), Some((_, labels))) => {
                let graph = nearest_references(device, new, x, most, observer.as_ref())?;
                (graph, labels, ScoredOn::Test)
            }
            _ => {
                let graph = nearest_neighbors(device, x, most, observer.as_ref())?;
                (graph, classes, ScoredOn::TrainLeaveOneOut)
            }
        };
        let id = MapId::new("input", method, x.n_features());
        Scores::of(&id, &graph, classes, Scored { labels, on }, ks)
    };
    let new = of_new.map(|(x, _)| x);
    let Some(spaces) = spaces else { return Ok(vec![one(None, &fitted.x, new)?]) };
    let mut scores = Vec::new();
    // Of new points whose place in the space is unknown, the map alone can be scored.
    if new.is_none() || spaces.new.is_some() {
        scores.push(one(None, &spaces.x, new.and(spaces.new.as_ref()))?);
    }
    scores.push(one(Some(GIVEN), &fitted.x, new)?);
    Ok(scores)
}

/// Points to fit and to score, and names of their classes.
struct Read {
    fitted: Labelled,
    new: Option<Labelled>,
    class_names: Vec<String>,
}

/// Reads the points and their labels.
fn read(args: &EvaluateArgs) -> Result<Read> {
    if let Some(new) =
        args.new.as_ref().filter(|_| args.new_labels.is_none() && args.new_space.is_none())
    {
        return Err(Error::parameter(
            "new",
            new.display(),
            "needs --new-labels, or --space and --new-space",
        )
        .into());
    }
    let x = npy::read_matrix(&args.points)?;
    let new = args.new.as_ref().map(|new| npy::read_matrix_like(new, &x)).transpose()?;
    let of_new = args
        .new
        .as_deref()
        .zip(new.as_ref())
        .map(|(path, new)| (path, new.n_samples(), args.new_labels.as_deref()));
    let points: Vec<Points> =
        std::iter::once((args.points.as_path(), x.n_samples(), args.labels.as_deref()))
            .chain(of_new)
            .collect();
    let mut read = args.reading.read(&points)?;
    let new = new.map(|x| Labelled { x, labels: read.labels.remove(1) });
    let fitted = Labelled { x, labels: read.labels.remove(0) };
    say_all(&read.warnings);
    Ok(Read { fitted, new, class_names: read.class_names })
}

/// Scores, prints the tables, and with --out writes them.
pub fn evaluate(global: &Global, args: &EvaluateArgs) -> Result<()> {
    let Read { fitted, new, class_names } = read(args)?;
    let ks: Vec<usize> = args.n_neighbors.iter().map(|&k| k.into()).collect();
    check(args, &fitted, new.as_ref(), ks.iter().copied().max().unwrap_or(1))?;
    let spaces = read_spaces(args, &fitted, new.as_ref())?;
    let mut names =
        if fitted.labels.is_some() { vec!["knn.csv", "knn_per_class.csv"] } else { Vec::new() };
    names.extend(spaces.as_ref().map(|_| quality_table::FILE));
    check_range(args, (&fitted.x, new.as_ref().map(|new| &new.x)), spaces.as_ref())?;
    refuse_older_tables(args, &names)?;
    let notes = [
        fitted.x.offsets_note("the points"),
        spaces.as_ref().and_then(|spaces| spaces.x.offsets_note("the space")),
    ];
    notes.iter().flatten().for_each(|note| say(&format!("note: {note}")));
    let terminal = global.terminal();
    let placed = new.as_ref().map(|new| &new.x);
    let (scores, quality) = global.compute(|device| {
        let points = (&fitted, new.as_ref());
        let scores = score(device, points, spaces.as_ref(), &ks, &terminal)
            .map_err(|error| error.of_file(&args.points))?;
        let quality = spaces
            .as_ref()
            .map(|spaces| spaces.quality(device, &fitted.x, placed, global.seed, &terminal))
            .transpose();
        Ok((
            scores,
            quality.map_err(|error| error.of_file(args.space.as_ref().unwrap_or(&args.points)))?,
        ))
    })?;
    let quality: Vec<MapQuality> = quality.unwrap_or_default();
    json::keep(|| {
        json!({
            "path": args.out.as_deref().map(json::path),
            "class_names": class_names,
            "knn": json::written(&scores),
            "quality": json::written(&quality),
        })
    });
    let texts = [table::text(&scores), quality_table::text(&quality)];
    print(&texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n"));
    if let Some(out) = &args.out {
        create_folder(out)?;
        if !scores.is_empty() {
            table::write_csv(out, &scores, &class_names)?;
        }
        if !quality.is_empty() {
            quality_table::write_csv(out, &quality)?;
        }
        print(&format!("\nwritten to {}: {}\n", out.display(), names.join(", ")));
    }
    Ok(())
}

//! `layerlens embed`: a map of any matrix.

use super::labels::{LabelArgs, Points};
use super::methods::OnlyMethodFlags;
use super::neighbors::SearchArgs;
use super::output::Output;
use super::shown_args::ShownArgs;
use super::{Global, json, print, say, stem};
use anyhow::Result;
use clap::Args;
use layerlens::Error;
use layerlens::dataset::rows::{PointFiles, draw_rows};
use layerlens::dataset::{Source, npy};
use layerlens::embedding::first_shown;
use layerlens::evaluation::map_title;
use layerlens::matrix::Matrix;
use layerlens::record::Results;
use layerlens::report::{quality_table, table};
use layerlens::run::{self, Drawn, Embed, EmbedSummary, Labelled, Shown};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Rows beside the fitted ones that are scored and drawn.
const MOST_SCORED: usize = 10_000;

/// Options of `embed`.
#[derive(Clone, Debug, Args)]
pub struct EmbedArgs {
    /// Points to fit: a .npy matrix, n_samples x n_features; with --fit-sample also .npz, .parquet or a
    /// folder of such files
    #[arg(value_name = "FILE")]
    input: PathBuf,
    /// Their classes, numbers or names: .npy, or .csv, .tsv or .txt with one a line or in one of
    /// its columns
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    #[command(flatten)]
    reading: LabelArgs,
    /// Points to place in the fitted map
    #[arg(long, value_name = "FILE")]
    new: Option<PathBuf>,
    /// Their classes
    #[arg(long, value_name = "FILE", requires_all = ["new", "labels"])]
    new_labels: Option<PathBuf>,
    /// Fit the map to N of the rows, drawn by the seed, and place all others in it, some at a time: the
    /// file may be larger than memory. The scores of new points are those of up to 10,000 others
    #[arg(long, value_name = "N", conflicts_with_all = ["new", "neighbors"], help_heading = "Sample")]
    fit_sample: Option<usize>,
    /// Draw as many rows of each class as there are, by --labels; without, every row is as likely as
    /// any other, which keeps the density of the points
    #[arg(long, requires_all = ["fit_sample", "labels"], help_heading = "Sample")]
    balanced: bool,
    /// Method
    #[arg(long, alias = "methods", default_value = first_shown().name)]
    method: String,
    /// Neighbours of the points to take instead of searching: neighbors/*.safetensors of an earlier
    /// run
    #[arg(long, value_name = "FILE", help_heading = "Neighbours", conflicts_with_all = ["metric", "neighbors_search"])]
    neighbors: Option<PathBuf>,
    #[command(flatten)]
    search: SearchArgs,
    #[command(flatten)]
    flags: OnlyMethodFlags,
    #[command(flatten)]
    shown: ShownArgs,
    #[command(flatten)]
    output: Output,
}

/// Refuses labels that no classifier can be scored by.
pub fn check_classes(path: &Path, labels: &[u16]) -> Result<(), Error> {
    if labels.windows(2).all(|pair| pair[0] == pair[1]) {
        return Err(Error::input(
            path,
            "every label is the same; k-NN accuracy needs at least two classes",
        ));
    }
    Ok(())
}

/// Refuses new points of another width than the fitted ones.
pub fn check_widths(new: (&Path, &Matrix), fitted: (&Path, &Matrix)) -> Result<(), Error> {
    let (found, expected) = (new.1.n_features(), fitted.1.n_features());
    if found != expected {
        return Err(Error::input(
            new.0,
            format!("has {found} columns, {} has {expected}", fitted.0.display()),
        ));
    }
    Ok(())
}

/// Reads the files, and refuses those that do not fit each other.
fn read(global: &Global, args: &EmbedArgs) -> Result<Embed> {
    let mut methods = args.flags.choose(std::slice::from_ref(&args.method), global.seed)?;
    let files = [
        Some(&args.input),
        args.labels.as_ref(),
        args.new.as_ref(),
        args.new_labels.as_ref(),
        args.neighbors.as_ref(),
    ];
    let x = npy::read_matrix(&args.input)?;
    let new = args.new.as_ref().map(|new| npy::read_matrix_like(new, &x)).transpose()?;
    let of_new = args.new.as_deref().zip(new.as_ref()).map(|(path, new)| (path, new.n_samples()));
    let labels_of_new = of_new.map(|(path, n)| (path, n, args.new_labels.as_deref()));
    let points: Vec<Points> =
        std::iter::once((args.input.as_path(), x.n_samples(), args.labels.as_deref()))
            .chain(labels_of_new)
            .collect();
    let mut read = args.reading.read(&points)?;
    let shown = args.shown.read((&args.input, x.n_samples()), of_new)?;
    let files = files.into_iter().flatten().chain(args.shown.files()).map(PathBuf::as_path);
    let files = files.chain(args.reading.files());
    let job = Embed {
        title: stem(&args.input),
        shown,
        new: new.map(|x| Labelled { x, labels: read.labels.remove(1) }),
        new_file: args.new.clone(),
        drawn: None,
        fitted: Labelled { x, labels: read.labels.remove(0) },
        class_names: read.class_names,
        warnings: read.warnings,
        method: methods.remove(0),
        search: args.search.search(),
        neighbors: args.neighbors.clone(),
        inputs: files.map(Source::of_file).collect::<Result<_, _>>()?,
        to: args.output.destination(),
        seed: global.seed,
    };
    if let (Some(path), Some(labels)) = (&args.labels, &job.fitted.labels) {
        check_classes(path, labels)?;
    }
    if let (Some(path), Some(new)) = (&args.new, &job.new) {
        check_widths((path, &new.x), (&args.input, &job.fitted.x))?;
    }
    Ok(job)
}

/// Draws rows of the files, and reads these.
fn read_sample(global: &Global, args: &EmbedArgs, n_fitted: usize) -> Result<Embed> {
    let mut methods = args.flags.choose(std::slice::from_ref(&args.method), global.seed)?;
    let points = PointFiles::open(&args.input)?;
    let n = points.n_samples();
    let mut read = args.reading.read(&[(&args.input, n, args.labels.as_deref())])?;
    let labels = read.labels.remove(0);
    let balanced = labels.as_deref().filter(|_| args.balanced);
    let [fitted, new] = draw_rows(n, n_fitted, MOST_SCORED, balanced, global.seed)?;
    let of = |rows: &[usize]| -> Option<Vec<u16>> {
        labels.as_ref().map(|labels| rows.iter().map(|&row| labels[row]).collect())
    };
    let of_fitted = of(&fitted);
    if let (Some(path), Some(labels)) = (&args.labels, &of_fitted) {
        check_classes(path, labels)?;
    }
    let [x, of_new] = points.pick(&fitted, &new).map_err(|error| error.of_file(&args.input))?;
    let files = points.paths().chain(args.labels.as_deref()).chain(args.reading.files());
    let inputs = files.map(Source::of_file).collect::<Result<_, _>>()?;
    Ok(Embed {
        title: stem(&args.input),
        new: Some(Labelled { x: of_new, labels: of(&new) }),
        new_file: Some(args.input.clone()),
        fitted: Labelled { x, labels: of_fitted },
        class_names: read.class_names,
        warnings: read.warnings,
        method: methods.remove(0),
        search: args.search.search(),
        neighbors: None,
        inputs,
        shown: Shown::default(),
        drawn: Some(Drawn { points, fitted, new, balanced: args.balanced }),
        to: args.output.destination(),
        seed: global.seed,
    })
}

/// Embeds, prints the scores, and says where everything is.
pub fn embed(global: &Global, args: &EmbedArgs) -> Result<()> {
    let job = match args.fit_sample {
        Some(n_fitted) => read_sample(global, args, n_fitted)?,
        None => read(global, args)?,
    };
    let (device, description) = global.open()?;
    // What the data do not allow is, but for what was checked above, a matter of the points that
    // are fitted.
    let summary = run::embed(&job, &device, &description, &global.terminal())
        .map_err(|error| error.of_file(&args.input))?;
    json::keep(|| {
        json!({
            "path": json::path(&summary.path),
            "method": job.method.name,
            "n_components": summary.n_components,
            "class_names": job.class_names,
            "results": json::written(&summary.results),
            "warnings": summary.warnings,
        })
    });
    let EmbedSummary { path: folder, n_components, results, warnings } = summary;
    let Results { knn: scores, quality, maps, .. } = results;
    let path = folder.display();
    let table =
        if scores.is_empty() { String::new() } else { format!("\n{}\n", table::text(&scores)) };
    let quality = if quality.is_empty() {
        String::new()
    } else {
        format!("\n{}\n", quality_table::text(&quality))
    };
    let arrays = match (&job.drawn, &job.new) {
        (Some(_), _) => "embeddings/all.npy, rows/fitted.npy",
        (None, Some(_)) => "embeddings/embedding.npy, embeddings/new.npy",
        (None, None) => "embeddings/embedding.npy",
    };
    // Maps of other than two dimensions are not drawn.
    let tables = if scores.is_empty() && quality.is_empty() { "" } else { "scores/, " };
    let last = if n_components == 2 {
        format!("{tables}figures/map.png, report.html, manifest.json\nopen {path}/report.html")
    } else {
        format!("{tables}manifest.json")
    };
    let title = || map_title(Some(&job.method.name), n_components);
    let results = table::results_text(maps.iter().map(|map| (title(), map.results.as_slice())));
    for warning in &warnings {
        say(&format!("warning: {warning}"));
    }
    print(&format!(
        "{table}{quality}{results}\nwritten to {path}:\n  map.safetensors, {arrays}, {last}\n"
    ));
    Ok(())
}

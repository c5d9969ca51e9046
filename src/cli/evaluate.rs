//! `layerlens evaluate`: the scores of any space or map.

use super::embed::{check_classes, check_widths, read_labelled};
use super::{Global, print};
use anyhow::Result;
use clap::Args;
use layerlens::Error;
use layerlens::evaluation::{ScoredOn, Scores, knn_accuracy};
use layerlens::files::create_folder;
use layerlens::neighbors::{nearest_neighbors, nearest_references};
use layerlens::progress::Reporter;
use layerlens::report::table;
use layerlens::run::Labelled;
use std::path::PathBuf;

/// What to score.
#[derive(Clone, Debug, Args)]
pub struct EvaluateArgs {
    /// Points to fit the classifier on: a .npy matrix
    #[arg(long, value_name = "FILE")]
    train: PathBuf,
    /// Their classes: .npy of whole numbers, or text with one number a line
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,
    /// Points to score it on, in the same space; without them each training point is scored by the others
    #[arg(long, value_name = "FILE", requires = "test_labels")]
    test: Option<PathBuf>,
    /// Their classes
    #[arg(long, value_name = "FILE", requires = "test")]
    test_labels: Option<PathBuf>,
    /// Neighbours that vote
    #[arg(long, alias = "k", value_delimiter = ',', default_value = "3,5,10", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=504))]
    n_neighbors: Vec<u16>,
}

/// Refuses, with the file's name, what cannot be scored.
fn check(args: &EvaluateArgs, train: &Labelled, test: Option<&Labelled>, most: usize) -> Result<(), Error> {
    check_classes(&args.labels, train.labels.as_deref().unwrap_or_default())?;
    // Without test points a point is scored by the others.
    let (n, allowed) = (train.x.n_samples(), train.x.n_samples() - usize::from(test.is_none()));
    if most > allowed {
        let message = format!("has {n} points: --n-neighbors can be at most {allowed}, {most} were asked for");
        return Err(Error::input(&args.train, message));
    }
    match (&args.test, test) {
        (Some(path), Some(test)) => check_widths((path, test), (&args.train, train)),
        _ => Ok(()),
    }
}

/// Refuses to replace tables without --force, before anything is computed.
fn refuse_older_tables(global: &Global) -> Result<(), Error> {
    let tables = global.out.iter().flat_map(|out| ["knn.csv", "knn_per_class.csv"].map(|name| out.join(name)));
    match tables.into_iter().find(|table| table.exists()) {
        Some(table) if !global.force => Err(Error::Exists(table)),
        _ => Ok(()),
    }
}

/// Scores, prints the table, and with --out writes it.
pub fn evaluate(global: &Global, args: &EvaluateArgs) -> Result<()> {
    let train = read_labelled(&args.train, Some(&args.labels))?;
    let test = args.test.as_ref().map(|test| read_labelled(test, args.test_labels.as_deref())).transpose()?;
    let ks: Vec<usize> = args.n_neighbors.iter().map(|&k| k.into()).collect();
    let most = ks.iter().copied().max().unwrap_or(1);
    check(args, &train, test.as_ref(), most)?;
    refuse_older_tables(global)?;
    let (device, _) = global.open()?;
    let terminal = global.terminal();
    let observer = terminal.stage("scores");
    let (graph, scored_on) = match &test {
        Some(test) => (nearest_references(&device, &test.x, &train.x, most, observer.as_ref())?, ScoredOn::Test),
        None => (nearest_neighbors(&device, &train.x, most, observer.as_ref())?, ScoredOn::TrainLeaveOneOut),
    };
    drop(observer);
    let fitted = train.labels.unwrap_or_default();
    let scored = test.and_then(|test| test.labels).unwrap_or_else(|| fitted.clone());
    let knn = knn_accuracy(&graph, &fitted, &scored, &ks)?;
    let (n_fitted, n_scored, n_dimensions) = (fitted.len(), scored.len(), train.x.n_features());
    let scores = vec![Scores { space: "input".into(), method: None, n_dimensions, n_fitted, n_scored, scored_on, knn }];
    print(&table::text(&scores, &str::to_owned));
    if let Some(out) = &global.out {
        create_folder(out)?;
        table::write_csv(out, &scores, &[])?;
        print(&format!("\nwritten to {}: knn.csv, knn_per_class.csv\n", out.display()));
    }
    Ok(())
}

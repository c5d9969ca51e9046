//! The tables of the strangers: what each layer notices, on the terminal, on the page and as CSV, and
//! as CSV every stranger.

use super::csv_file::{self, optional};
use super::page::Table;
use crate::error::Result;
use crate::evaluation::{ScoredOn, space_title};
use crate::format::{capital, thousands};
use crate::profile::{Detection, Noticed, Outcome, STRANGER_NEIGHBORS, Strangers};
use std::fmt::Write as _;
use std::path::Path;

/// Names of the tables' files: every stranger.
pub const STRANGERS: &str = "strangers.csv";
/// What each layer notices.
pub const BY_LAYER: &str = "strangers_by_layer.csv";

/// Name of the network in the tables.
const NETWORK: &str = "the network's doubt";

/// A stranger.
#[derive(Clone, Debug)]
pub struct StrangerRow<'a> {
    /// Its image file, if it is known.
    pub file: Option<&'a str>,
    /// Name of the class that the network gives it, if that is known.
    pub answer: Option<&'a str>,
    /// Probability of that answer, if it is known.
    pub confidence: Option<f32>,
    /// Its score in every space, where there is one.
    pub distances: Vec<Option<f32>>,
    /// Share of the scored points that are farther from the training points in the last layer.
    pub share_farther: Option<f64>,
}

/// Writes the strangers, a line each, with their scores in the `spaces`.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write(path: &Path, spaces: &[&str], rows: &[StrangerRow<'_>]) -> Result<()> {
    let header = ["row", "file", "network", "confidence"].into_iter().map(str::to_owned);
    let distances = spaces.iter().map(|space| format!("knn_distance_{space}"));
    let header = header.chain(distances).chain(["share_farther_in_last_layer".to_owned()]);
    let row = |(at, row): (usize, &StrangerRow<'_>)| {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let number = |value: &Option<f32>| value.map_or(String::new(), |value| value.to_string());
        let lead = [at.to_string(), text(row.file), text(row.answer), number(&row.confidence)];
        let distances = row.distances.iter().map(number);
        lead.into_iter().chain(distances).chain([optional(row.share_farther)]).collect()
    };
    csv_file::write(path, header, rows.iter().enumerate().map(row))
}

/// What was found by one score: the space, the name of the score, its neighbour, how well it tells.
type Found<'a> = (&'a str, &'static str, Option<usize>, &'a Outcome<Detection>);

/// The scores in their order: of every layer, and of the network last.
fn all(found: &Strangers) -> impl Iterator<Item = Found<'_>> {
    let of_layer = |noticed| {
        let &Noticed { ref space, n_neighbors, ref detection } = noticed;
        (space.as_str(), "knn_distance", n_neighbors, detection)
    };
    found.spaces.iter().map(of_layer).chain([("", "max_softmax", None, &found.network)])
}

/// Writes what each layer and the network notice.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_by_layer(path: &Path, found: &Strangers) -> Result<()> {
    let header =
        ["space", "score", "k", "auroc", "fpr95", "n_strangers", "n_scored", "not_computed"];
    let counts = [found.n_strangers, found.n_scored].map(|count| count.to_string());
    let row = |(space, score, k, detection): Found<'_>| {
        let [auroc, fpr95] = numbers(detection).map(optional);
        let k = k.map_or(String::new(), |k| k.to_string());
        let reason = detection.reason().unwrap_or_default().to_owned();
        let [n_strangers, n_scored] = counts.clone();
        vec![space.to_owned(), score.into(), k, auroc, fpr95, n_strangers, n_scored, reason]
    };
    csv_file::write(path, header, all(found).map(row))
}

/// AUROC and error rate.
fn numbers(detection: &Outcome<Detection>) -> [Option<f64>; 2] {
    let known = detection.known();
    [known.map(|found| found.auroc), known.map(|found| found.fpr95)]
}

fn shown(values: [Option<f64>; 2], missing: &str) -> [String; 2] {
    values.map(|value| value.map_or(missing.into(), |value| format!("{value:.3}")))
}

/// Names of the scored points.
fn points(found: &Strangers) -> &'static str {
    match found.scored_on {
        ScoredOn::Test => "test points",
        ScoredOn::TrainLeaveOneOut => "training points, each left out of its own neighbours",
    }
}

/// What the layers notice, in few lines.
pub fn text(found: &Strangers) -> String {
    let mut text = format!(
        "{} strangers against {} {} (scores/{BY_LAYER})\n",
        thousands(found.n_strangers),
        thousands(found.n_scored),
        points(found)
    );
    let name = |space: &str| if space.is_empty() { NETWORK } else { space }.to_owned();
    let rows: Vec<(String, [String; 2])> = all(found)
        .map(|(space, .., detection)| (name(space), shown(numbers(detection), "-")))
        .collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{:<width$}  {:>8}  {:>15}", "layer", "AUROC", "FPR at 95 % TPR");
    for (name, [auroc, fpr95]) in rows {
        let _ = writeln!(text, "{name:<width$}  {auroc:>8}  {fpr95:>15}");
    }
    text
}

/// Explanation of the table of the page.
pub fn words(found: &Strangers) -> String {
    let few = found.spaces.iter().filter_map(|noticed| noticed.n_neighbors).min();
    let k = few.unwrap_or(STRANGER_NEIGHBORS);
    format!(
        "{} strangers, images of another kind than those of the training, against {} {}. The score \
         of a point in a layer is its distance from its k-th nearest training point (k = {k}), all \
         rows scaled to length 1. AUROC is the share of pairs of a stranger and a known point in which the \
         stranger is farther, .5 by chance. FPR is the share of the known points that are taken for \
         strangers where 95 % of the strangers are found. {} is 1 - its largest probability. \
         scores/{STRANGERS} lists the strangers.",
        thousands(found.n_strangers),
        thousands(found.n_scored),
        points(found),
        capital(NETWORK)
    )
}

/// Table of the page: what the layers notice, the best of them marked.
pub fn page_table(found: &Strangers) -> Table {
    let best = found.best().map(|(best, _)| best.space.as_str());
    let row = |(space, .., detection): Found<'_>| {
        let [auroc, fpr95] = shown(numbers(detection), "–");
        let title = if space.is_empty() { NETWORK.to_owned() } else { space_title(space) };
        let mark = if best == Some(space) { "notices them best" } else { "" };
        vec![title, auroc, fpr95, mark.to_owned()]
    };
    let header = ["layer", "AUROC", "FPR at 95 % TPR", ""];
    Table::new("Strangers: which layers notice them", &header, all(found).map(row))
}

/// The reasons of what does not exist, a sentence each, the same one once.
pub fn missing(found: &Strangers) -> Vec<String> {
    let reason = |(space, .., detection): Found<'_>| {
        let of = if space.is_empty() { NETWORK.to_owned() } else { space_title(space) };
        detection.reason().map(|reason| format!("strangers, {of}: {reason}"))
    };
    all(found).filter_map(reason).collect()
}

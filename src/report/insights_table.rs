//! The tables of what the layers did: on the terminal in few lines, and as CSV in full.

use super::csv_file::write_rows;
use super::figures::NAMED;
use crate::error::Result;
use crate::evaluation::{
    Confused, ConfusedPairs, Confusion, Insights, KNN_ACCURACY, LayerGains, MethodRank,
    MetricRanking, Pair, ScoredOn, map_title, metric,
};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

/// Names of the tables' files.
pub const FILES: [&str; 4] = ["gains.csv", "confusion.csv", "confused_pairs.csv", "verdicts.csv"];

/// Maximum number of classes whose gain the terminal shows.
const CLASSES: usize = 12;
/// Pairs that the terminal shows of a space.
const PAIRS: usize = 3;

/// The conclusions in few lines, from maps of `n_components` dimensions.
pub fn text(insights: &Insights, class_names: &[String], n_components: usize) -> String {
    let mut text = String::new();
    let of_spaces = insights.gains.iter().find(|gains| gains.method.is_none());
    // Writing to a string cannot fail.
    if let Some(gains) = of_spaces.filter(|gains| gains.spaces.len() > 1) {
        let points = scored_words(insights);
        let _ = writeln!(
            text,
            "what the layers did: accuracy of {}-NN in all dimensions, by class, {points}",
            insights.n_neighbors
        );
        gains_text(&mut text, gains, class_names);
    }
    let _ = writeln!(text, "most confused, with the share of the points of both classes");
    for pairs in insights.confused_pairs.iter().filter(|pairs| pairs.method.is_none()) {
        let pair = |pair: &Pair| {
            let (class, other) = (name(class_names, pair.class), name(class_names, pair.other));
            format!("{class} and {other} {:.1} %", 100.0 * pair.share)
        };
        let most: Vec<String> = pairs.symmetric.iter().take(PAIRS).map(pair).collect();
        let most = if most.is_empty() { "none".into() } else { most.join(", ") };
        let _ = writeln!(text, "{:<12} {most}", pairs.space.as_deref().unwrap_or("classifier"));
    }
    if !insights.rankings.is_empty() {
        let _ = writeln!(text, "which map keeps most, mean over the spaces");
        insights.rankings.iter().for_each(|ranking| ranking_text(&mut text, ranking, n_components));
    }
    text
}

/// Description of the classified points.
pub fn scored_words(insights: &Insights) -> String {
    match insights.scored_on {
        ScoredOn::Test => format!("on {} test points", insights.n_scored),
        ScoredOn::TrainLeaveOneOut => {
            format!("on {} training points, each without its own vote", insights.n_scored)
        }
    }
}

fn gains_text(text: &mut String, gains: &LayerGains, class_names: &[String]) {
    let columns: String = gains.spaces.iter().map(|space| format!(" {space:>9}")).collect();
    let _ = writeln!(text, "{:<16}{columns} {:>9}", "class", "gain");
    for gain in gains.classes.iter().take(CLASSES) {
        let values: String = gain
            .accuracy
            .iter()
            .zip(&gains.spaces)
            .map(|(value, space)| format!(" {value:>0$.4}", space.len().max(9)))
            .collect();
        let total = gain.gain.last().copied().unwrap_or(0.0);
        let _ = writeln!(text, "{:<16}{values} {total:>+9.4}", name(class_names, gain.class));
    }
    if gains.classes.len() > CLASSES {
        let _ = writeln!(
            text,
            "... and {} classes more in scores/{}",
            gains.classes.len() - CLASSES,
            FILES[0]
        );
    }
}

fn ranking_text(text: &mut String, ranking: &MetricRanking, n_components: usize) {
    let n = ranking.spaces.len();
    let rank = |rank: &MethodRank| {
        format!("{} {:.4}", map_title(Some(&rank.method), n_components), rank.mean)
    };
    let Some(best) = ranking.methods.first() else { return };
    let first = format!("{} (best in {} of {n})", rank(best), best.n_best);
    let next = ranking.methods.get(1).map_or(String::new(), |next| {
        let is_level = format!("{:.4}", next.mean) == format!("{:.4}", best.mean);
        let then = if is_level { "level with" } else { "then" };
        format!(", {then} {}", rank(next))
    });
    let remark =
        metric::remark(&ranking.measure).map_or(String::new(), |remark| format!("; {remark}"));
    let _ = writeln!(text, "{:<24} {first}{next}{remark}", measure_words(&ranking.measure));
}

/// The name of a class, or its number.
pub fn name(class_names: &[String], class: usize) -> String {
    class_names.get(class).cloned().unwrap_or_else(|| class.to_string())
}

/// Number of classes up to which a matrix of confusions is shown whole.
const WHOLE_MATRIX: usize = 40;

/// A matrix of confusions as figures and pages show it.
#[derive(Debug)]
pub struct ShownConfusion<'a> {
    /// Names of its rows and columns.
    pub names: Cow<'a, [String]>,
    /// Points of each class, by the class that they were given.
    pub counts: Cow<'a, [Vec<usize>]>,
    /// What of the classes is shown, after a comma; empty if all are.
    pub remark: String,
}

impl<'a> ShownConfusion<'a> {
    /// The whole matrix, or that of the most confused of many classes and of all others together.
    pub fn of(confusion: &'a Confusion, class_names: &'a [String]) -> Self {
        let n = class_names.len();
        if n <= WHOLE_MATRIX {
            let counts = Cow::Borrowed(&confusion.counts[..]);
            return Self { names: Cow::Borrowed(class_names), counts, remark: String::new() };
        }
        let shown = confusion.most_confused(NAMED - 1);
        let others = "other".to_owned();
        let names = shown.iter().map(|&class| name(class_names, class)).chain([others]).collect();
        Self {
            names: Cow::Owned(names),
            counts: Cow::Owned(confusion.gathered(&shown)),
            remark: format!(", the {} most confused of {n} classes", shown.len()),
        }
    }
}

/// Writes `gains.csv`, `confusion.csv`, `confused_pairs.csv` and `verdicts.csv` into `folder`. A
/// row without a space is about the network itself, one without a method about a space itself;
/// shares of a pair are of the true class, or of both classes. Confusions of more than
/// 100 classes have no rows of count 0.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_csv(
    folder: &Path,
    insights: &Insights,
    confusions: &[Confused],
    class_names: &[String],
) -> Result<()> {
    let tables = [
        gain_rows(insights, class_names),
        confusion_rows(confusions, class_names),
        pair_rows(insights, class_names),
        ranking_rows(insights),
    ];
    for (file, rows) in FILES.into_iter().zip(tables) {
        write_rows(&folder.join(file), rows)?;
    }
    Ok(())
}

/// A row of a table for each method, space and class.
fn gain_rows(insights: &Insights, class_names: &[String]) -> Vec<Vec<String>> {
    let header =
        ["method", "space", "n_neighbors", "rank", "class", "n_scored", "accuracy", "gain"];
    let mut rows = vec![row(header)];
    for of_method in &insights.gains {
        for (at, space) in of_method.spaces.iter().enumerate() {
            for (rank, gain) in (1..).zip(&of_method.classes) {
                rows.push(vec![
                    of_method.method.clone().unwrap_or_default(),
                    space.clone(),
                    insights.n_neighbors.to_string(),
                    usize::to_string(&rank),
                    name(class_names, gain.class),
                    gain.n_scored.to_string(),
                    gain.accuracy[at].to_string(),
                    gain.gain[at].to_string(),
                ]);
            }
        }
    }
    rows
}

/// Number of classes up to which `confusion.csv` holds every pair of them; of 1,000, nearly all of a
/// million counts a classifier are 0.
const WHOLE_CONFUSIONS: usize = 100;

/// A row for each classifier, class and predicted class; of many classes, for those that were met.
fn confusion_rows(confusions: &[Confused], class_names: &[String]) -> Vec<Vec<String>> {
    let mut rows = vec![row(["space", "method", "class", "predicted", "count", "share"])];
    for Confused { space, method, confusion } in confusions {
        for (truth, (cells, size)) in confusion.counts.iter().zip(confusion.sizes()).enumerate() {
            for (predicted, &count) in cells.iter().enumerate() {
                if count == 0 && class_names.len() > WHOLE_CONFUSIONS {
                    continue;
                }
                let share = (size > 0).then(|| (count as f64 / size as f64).to_string());
                rows.push(vec![
                    space.clone().unwrap_or_default(),
                    method.clone().unwrap_or_default(),
                    name(class_names, truth),
                    name(class_names, predicted),
                    count.to_string(),
                    share.unwrap_or_default(),
                ]);
            }
        }
    }
    rows
}

/// A row for each classifier and pair of classes that it confuses.
fn pair_rows(insights: &Insights, class_names: &[String]) -> Vec<Vec<String>> {
    let header = ["space", "method", "direction", "rank", "class", "other", "count", "share"];
    let mut rows = vec![row(header)];
    for ConfusedPairs { space, method, symmetric, directed, .. } in &insights.confused_pairs {
        for (direction, ranked) in [("both", symmetric), ("class taken for other", directed)] {
            for (rank, pair) in (1..).zip(ranked) {
                rows.push(vec![
                    space.clone().unwrap_or_default(),
                    method.clone().unwrap_or_default(),
                    direction.into(),
                    usize::to_string(&rank),
                    name(class_names, pair.class),
                    name(class_names, pair.other),
                    pair.count.to_string(),
                    pair.share.to_string(),
                ]);
            }
        }
    }
    rows
}

/// A row for each metric, method and space.
fn ranking_rows(insights: &Insights) -> Vec<Vec<String>> {
    let mut rows = vec![row(["measure", "rank", "method", "mean", "n_best", "space", "value"])];
    for ranking in &insights.rankings {
        for (rank, of_method) in (1..).zip(&ranking.methods) {
            for (space, value) in ranking.spaces.iter().zip(&of_method.values) {
                rows.push(vec![
                    ranking.measure.clone(),
                    usize::to_string(&rank),
                    of_method.method.clone(),
                    of_method.mean.to_string(),
                    of_method.n_best.to_string(),
                    space.clone(),
                    value.to_string(),
                ]);
            }
        }
    }
    rows
}

fn row<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// The measure's name as a reader sees it.
pub fn measure_words(measure: &str) -> String {
    if measure == KNN_ACCURACY { "k-NN accuracy".into() } else { measure.replace('_', " ") }
}

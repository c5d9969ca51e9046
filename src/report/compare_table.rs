//! The tables of a comparison: on the terminal in few lines, and as CSV in full.

use super::csv_file::write_rows;
use super::insights_table::measure_words;
use crate::error::Result;
use crate::evaluation::{
    Agreement, ComparedValue, Comparison, Estimate, Interval, ScoredOn, map_title,
};
use crate::format::thousands;
use std::fmt::Write as _;
use std::path::Path;

/// Names of the tables' files, one for each question.
pub const FILES: [&str; 4] = ["accuracy.csv", "gains.csv", "confused_pairs.csv", "measures.csv"];

/// Classes, and pairs of classes, that the terminal shows.
const SHOWN: usize = 5;

/// On what was measured and what the intervals are.
pub fn how(comparison: &Comparison) -> String {
    let points = |run: usize| {
        let n = thousands(comparison.n_scored[run]);
        match comparison.scored_on[run] {
            ScoredOn::Test => format!("{n} test points"),
            ScoredOn::TrainLeaveOneOut => format!("{n} training points, each without its own vote"),
        }
    };
    let points = match comparison.paired {
        true => format!("the same {}, paired", points(0)),
        false => format!("{} against {}, drawn apart", points(0), points(1)),
    };
    let bootstrap = &comparison.bootstrap;
    format!(
        "k-NN of {} neighbours on {points}; {} % intervals of {} bootstrap replicates",
        comparison.n_neighbors,
        100.0 * bootstrap.confidence,
        bootstrap.n_replicates
    )
}

/// What was compared, and which run is right about how many points.
fn head(comparison: &Comparison) -> String {
    let [a, b] = &comparison.names;
    let right = comparison.agreement.map_or(String::new(), |found| {
        let Agreement { both, only_a, only_b, neither } = found;
        format!("right: both {both}, only a {only_a}, only b {only_b}, neither {neither}\n")
    });
    format!("a: {a}\nb: {b}\n{}\n{right}\n", how(comparison))
}

/// The comparison in few lines, of maps of `n_components` dimensions.
pub fn text(comparison: &Comparison, n_components: usize) -> String {
    let mut text = head(comparison);
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{:<12} {:<16} {:>9} {:>9} {:>9}  interval of the difference",
        "accuracy", "map", "a", "b", "a - b"
    );
    for row in &comparison.accuracies {
        let space = row.space.as_deref().unwrap_or("network");
        let title = || map_title(row.method.as_deref(), n_components);
        let map = row.space.as_ref().map_or_else(String::new, |_| title());
        let _ = writeln!(text, "{space:<12} {map:<16} {}", cells(&row.value));
    }
    let _ = writeln!(
        text,
        "\n{:<34} {:>9} {:>9} {:>9}",
        "gain of a class by the layers", "a", "b", "a - b"
    );
    for row in most(&comparison.gains, |row| &row.value) {
        let _ = writeln!(text, "{:<34} {}", row.class, cells(&row.value));
    }
    let _ =
        writeln!(text, "\n{:<34} {:>9} {:>9} {:>9}", "pairs that are confused", "a", "b", "a - b");
    // In the last of the list: the deepest common space.
    let last = comparison.pairs.last().map(|row| row.space.clone());
    let pairs: Vec<_> =
        comparison.pairs.iter().filter(|row| Some(&row.space) == last.as_ref()).collect();
    for row in most(&pairs, |row| &row.value) {
        let space = row.space.as_deref().unwrap_or("network");
        let _ = writeln!(
            text,
            "{:<34} {}",
            format!("{space}: {} and {}", row.classes[0], row.classes[1]),
            cells(&row.value)
        );
    }
    let _ = writeln!(text, "\nbest method, mean over the common spaces");
    let mut measures: Vec<&str> = Vec::new();
    for row in comparison.measures.iter().filter(|row| row.best.contains(&true)) {
        if !measures.contains(&row.measure.as_str()) {
            measures.push(&row.measure);
        }
    }
    for measure in measures {
        let best = |run: usize| {
            let row =
                comparison.measures.iter().find(|row| row.measure == measure && row.best[run]);
            let value = row.and_then(|row| Some((row, row.values[run]?)));
            value.map_or("-".into(), |(row, value)| {
                format!("{} {value:.4}", map_title(Some(&row.method), n_components))
            })
        };
        let _ = writeln!(text, "{:<24} a: {:<26} b: {}", measure_words(measure), best(0), best(1));
    }
    text
}

/// The most informative rows: those of the largest differences, or of the largest values where
/// there are none.
fn most<T>(rows: &[T], value: impl Fn(&T) -> &ComparedValue) -> Vec<&T> {
    let size = |row: &T| {
        let ComparedValue { a, b, difference } = value(row);
        difference.or(*a).or(*b).map_or(0.0, |estimate| estimate.value.abs())
    };
    let mut rows: Vec<&T> = rows.iter().collect();
    rows.sort_by(|x, y| size(y).total_cmp(&size(x)));
    rows.truncate(SHOWN);
    rows
}

fn cells(value: &ComparedValue) -> String {
    let cell = |estimate: Option<Estimate>| {
        estimate.map_or(format!("{:>9}", "-"), |estimate| format!("{:>9.4}", estimate.value))
    };
    let interval = match value.difference {
        Some(Estimate { interval: Some(Interval { low, high }), .. }) => {
            format!("  {low:+.4} to {high:+.4}")
        }
        _ => String::new(),
    };
    let difference = value
        .difference
        .map_or(format!("{:>9}", "-"), |estimate| format!("{:>+9.4}", estimate.value));
    format!("{} {} {difference}{interval}", cell(value.a), cell(value.b))
}

/// Writes `accuracy.csv`, `gains.csv`, `confused_pairs.csv` and `measures.csv` into `folder`; what
/// a run lacks is empty.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_csv(folder: &Path, comparison: &Comparison) -> Result<()> {
    const ANSWER: [&str; 9] = [
        "a",
        "a_low",
        "a_high",
        "b",
        "b_low",
        "b_high",
        "difference",
        "difference_low",
        "difference_high",
    ];
    let header = |lead: &[&str]| {
        lead.iter().chain(&ANSWER).map(|word| (*word).to_owned()).collect::<Vec<String>>()
    };
    let text = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let values = |value: &ComparedValue| {
        let three = |estimate: Option<Estimate>| {
            let interval = estimate.and_then(|estimate| estimate.interval);
            let ends =
                [interval.map(|interval| interval.low), interval.map(|interval| interval.high)];
            [estimate.map(|estimate| estimate.value), ends[0], ends[1]].map(text)
        };
        [value.a, value.b, value.difference].map(three).concat()
    };
    let or_none = |name: &Option<String>| name.clone().unwrap_or_default();
    let mut accuracy = vec![header(&["space", "method"])];
    let rows = comparison.accuracies.iter();
    accuracy.extend(
        rows.map(|row| {
            [vec![or_none(&row.space), or_none(&row.method)], values(&row.value)].concat()
        }),
    );
    let mut gains = vec![header(&["class"])];
    gains.extend(
        comparison.gains.iter().map(|row| [vec![row.class.clone()], values(&row.value)].concat()),
    );
    let mut pairs = vec![header(&["space", "class", "other"])];
    let rows = comparison.pairs.iter();
    pairs.extend(
        rows.map(|row| {
            [vec![or_none(&row.space)], row.classes.to_vec(), values(&row.value)].concat()
        }),
    );
    let mut measures =
        vec![["measure", "method", "a", "b", "best_of_a", "best_of_b"].map(str::to_owned).to_vec()];
    let rows = comparison.measures.iter();
    measures.extend(rows.map(|row| {
        let best = row.best.map(|best| best.to_string());
        [
            vec![row.measure.clone(), row.method.clone()],
            row.values.map(text).to_vec(),
            best.to_vec(),
        ]
        .concat()
    }));
    FILES
        .into_iter()
        .zip([accuracy, gains, pairs, measures])
        .try_for_each(|(file, rows)| write_rows(&folder.join(file), rows))
}

//! The sections on the page of a comparison: its findings in sentences, its tables and figures.

use super::pair::Pair;
use super::{settings, tables};
use crate::error::Result;
use crate::evaluation::{
    Agreement, ComparedValue, Comparison, Estimate, Interval, method_title, space_title,
};
use crate::format::thousands;
use crate::record::{Artifact, RunFolder};
use crate::report::page::{Block, Section, Tabs};
use crate::run::page::{drawn, inputs, reproduce, section};

/// The sections of results.
pub(super) fn of_comparison(
    record: &RunFolder,
    pair: &Pair<'_>,
    comparison: &Comparison,
) -> Result<Vec<Section>> {
    let figure = |name: &str, label: &str| drawing(record, name, label);
    let mut findings = vec![Block::List(findings(comparison))];
    findings.extend(figure("accuracy", "Accuracy of both runs in every space and map")?);
    findings.push(Block::Text(INTERVALS.into()));
    let mut sections = vec![
        section("findings", "Findings", findings),
        section("overview", "Overview", settings::overview(pair, comparison)),
        section("accuracy", "Accuracy", [Block::Table(tables::accuracies(comparison))]),
    ];
    let questions = [
        ("classes", "Classes", "gains", "Which classes gain from the layers, in both runs"),
        ("pairs", "Confused pairs", "confused_pairs", "Which pairs of classes are confused"),
        ("methods", "Methods", "measures", "Which method keeps most, in both runs"),
        ("layers", "Layers", "layer_similarity", "How similar each layer is to each of the other"),
    ];
    for (id, title, name, label) in questions {
        let mut blocks = Vec::from_iter(figure(name, label)?);
        match id {
            "classes" => blocks.extend(tables::class_accuracies(pair)?.map(Block::Table)),
            "pairs" => blocks.extend(tables::pairs(comparison).map(Block::Tabs)),
            _ => (),
        }
        if !blocks.is_empty() {
            sections.push(section(id, title, blocks));
        }
    }
    // Of other points the maps cannot be explored together.
    if !pair.paired {
        let map = |method: &String| {
            let title = method_title(method);
            let drawn = figure(&format!("maps_{method}"), &format!("{title} of both runs"))?;
            Ok(drawn.map(|drawn| (title.to_owned(), vec![drawn])))
        };
        let tabs = pair.methods.iter().map(map).collect::<Result<Vec<_>>>()?;
        let tabs =
            Tabs { label: "Method".into(), shown: 0, tabs: tabs.into_iter().flatten().collect() };
        sections.push(section("maps", "Maps", [Block::Tabs(tabs)]));
    }
    Ok(sections)
}

/// What was read, and how the page is made again.
pub(super) fn origin(record: &RunFolder) -> [Section; 2] {
    let manifest = &record.manifest;
    let read = section("inputs", "Inputs", [Block::Table(inputs(&manifest.inputs, None))]);
    let version =
        format!("Version {} with the seed {}.", manifest.layerlens_version, manifest.seed);
    [read, reproduce(&manifest.argv, version)]
}

/// A figure that the comparison has drawn; none if it drew none of that name.
fn drawing(record: &RunFolder, name: &str, label: &str) -> Result<Option<Block>> {
    let file = format!("{name}.svg");
    let path = Artifact::Figure(&file).of(record.path());
    path.exists().then(|| drawn(&path, label)).transpose()
}

/// What the intervals say, and what not.
const INTERVALS: &str = "The intervals hold for these two trainings and their training points: they \
                         say how far other points to be scored would have changed the values. \
                         Another training of the same network may differ by more.";

/// The comparison in a few sentences.
fn findings(comparison: &Comparison) -> Vec<String> {
    let sentences = [
        who_is_right(comparison),
        networks(comparison),
        widest_space(comparison),
        widest_gain(comparison),
    ];
    sentences.into_iter().flatten().collect()
}

/// How many points both runs are right about, or one of them.
fn who_is_right(comparison: &Comparison) -> Option<String> {
    let Agreement { both, only_a, only_b, neither } = comparison.agreement?;
    let [a, b] = &comparison.names;
    Some(format!(
        "Of {} {} both are right about {}, only {a} about {}, only {b} about {}, neither about {}. \
         Choose the colour “who is right” to see which.",
        thousands(comparison.n_scored[0]),
        comparison.scored_on[0].points(),
        thousands(both),
        thousands(only_a),
        thousands(only_b),
        thousands(neither)
    ))
}

fn percent(estimate: Estimate) -> String {
    format!("{:.2} %", 100.0 * estimate.value)
}

/// The run that is better, 0 or 1, and by how many percentage points, with the interval and whether
/// chance explains it. None if they are equal.
fn ahead(value: &ComparedValue, comparison: &Comparison) -> Option<(usize, String)> {
    let found = value.difference.filter(|difference| difference.value != 0.0)?;
    let better = usize::from(found.value < 0.0);
    let sign = if better == 0 { 100.0 } else { -100.0 };
    let interval = found.interval.map_or(String::new(), |Interval { low, high }| {
        let chance = if low <= 0.0 && high >= 0.0 { ", so it may be chance" } else { "" };
        let confidence = 100.0 * comparison.bootstrap.confidence;
        let (low, high) = if better == 0 { (low, high) } else { (high, low) };
        format!(" ({confidence} % interval {:.2} to {:.2}{chance})", sign * low, sign * high)
    });
    Some((better, format!("{:.2} percentage points more{interval}", sign * found.value)))
}

fn networks(comparison: &Comparison) -> Option<String> {
    let row = comparison.accuracies.iter().find(|row| row.space.is_none())?;
    let values = [row.value.a?, row.value.b?];
    let Some((better, points)) = ahead(&row.value, comparison) else {
        return Some(format!("Both networks get {} right.", percent(values[0])));
    };
    Some(format!(
        "The network of {} is right more often: {} against {}, {points}.",
        comparison.names[better],
        percent(values[better]),
        percent(values[1 - better])
    ))
}

/// Size of a difference.
fn size(value: &ComparedValue) -> f64 {
    value.difference.map_or(0.0, |difference| difference.value.abs())
}

/// The space in which k-NN differs most.
fn widest_space(comparison: &Comparison) -> Option<String> {
    let spaces = comparison.accuracies.iter();
    let spaces = spaces.filter(|row| row.space.is_some() && row.method.is_none());
    let row = spaces.max_by(|a, b| size(&a.value).total_cmp(&size(&b.value)))?;
    let k = comparison.n_neighbors;
    let values = [row.value.a?, row.value.b?];
    let Some((better, points)) = ahead(&row.value, comparison) else {
        return Some(format!("{k}-NN is as accurate in every space that is compared."));
    };
    Some(format!(
        "Of the spaces that are compared, {k}-NN differs most in {}: {} right in {} against {} in {}, \
         {points}.",
        space_title(row.space.as_deref()?),
        percent(values[better]),
        comparison.names[better],
        percent(values[1 - better]),
        comparison.names[1 - better],
    ))
}

/// The class whose gain from the first space to the last differs most.
fn widest_gain(comparison: &Comparison) -> Option<String> {
    let gains = comparison.gains.iter().filter(|row| size(&row.value) > 0.0);
    let row = gains.max_by(|a, b| size(&a.value).total_cmp(&size(&b.value)))?;
    let points = |estimate: Estimate| format!("{:+.2}", 100.0 * estimate.value);
    let [a, b] = &comparison.names;
    let (better, more) = ahead(&row.value, comparison)?;
    Some(format!(
        "From the first space to the last the {}-NN accuracy of {} changes by {} percentage points in \
         {a} and by {} in {b}: of all classes these differ most, {} gains {more}.",
        comparison.n_neighbors,
        row.class,
        points(row.value.a?),
        points(row.value.b?),
        comparison.names[better]
    ))
}

//! The tables and figures on the page of a comparison.

use super::answers::Answers;
use super::pair::Pair;
use crate::error::{Error, Result};
use crate::evaluation::{
    ComparedValue, Comparison, Estimate, Interval, MapId, ScoredOn, method_title, space_title,
};
use crate::format::thousands;
use crate::record::{Artifact, N_COMPONENTS, RunFolder};
use crate::report::compare_table::how;
use crate::report::page::{Block, Cell, Drawing, Section, Table, Tabs};
use crate::report::quality_table::grouped;
use crate::run::page::{inputs, reproduce, section};

/// The sections of results.
pub(super) fn of_comparison(
    record: &RunFolder,
    pair: &Pair<'_>,
    comparison: &Comparison,
    answers: Option<&Answers>,
) -> Result<Vec<Section>> {
    let figure = |name: &str, label: &str| drawing(record, name, label);
    let mut findings = vec![Block::List(findings(pair, comparison, answers))];
    findings.extend(figure("accuracy", "Accuracy of both runs in every space and map")?);
    let mut sections = vec![
        section("findings", "Findings", findings),
        section("overview", "Overview", [Block::Table(overview(pair))]),
        section("accuracy", "Accuracy", [Block::Table(accuracies(comparison))]),
    ];
    let questions = [
        ("classes", "Classes", "gains", "Which classes gain from the layers, in both runs"),
        ("pairs", "Confused pairs", "confused_pairs", "Which pairs of classes are confused"),
        ("methods", "Methods", "measures", "Which method keeps most, in both runs"),
        ("layers", "Layers", "layer_similarity", "How similar each layer is to each of the other"),
    ];
    for (id, title, name, label) in questions {
        if let Some(block) = figure(name, label)? {
            sections.push(section(id, title, [block]));
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
pub(super) fn origin(record: &RunFolder) -> (Section, Section) {
    let manifest = &record.manifest;
    let read = section("inputs", "Inputs", [Block::Table(inputs(&manifest.inputs))]);
    let version =
        format!("Version {} with the seed {}.", manifest.layerlens_version, manifest.seed);
    (read, reproduce(&manifest.argv, version))
}

/// A figure that the comparison has drawn; none if it drew none of that name.
fn drawing(record: &RunFolder, name: &str, label: &str) -> Result<Option<Block>> {
    let file = format!("{name}.svg");
    let path = Artifact::Figure(&file).of(record.path());
    if !path.exists() {
        return Ok(None);
    }
    let svg = std::fs::read_to_string(&path)
        .map_err(|error| Error::input(&path, format!("cannot be read: {error}")))?;
    Ok(Some(Block::Drawing(Drawing { svg, label: label.into(), ..Drawing::default() })))
}

/// The comparison in a few sentences.
fn findings(pair: &Pair<'_>, comparison: &Comparison, answers: Option<&Answers>) -> Vec<String> {
    let sentences = [
        answers.map(|answers| who_is_right(answers, pair)),
        networks(comparison),
        widest_space(comparison),
        widest_gain(comparison),
    ];
    sentences.into_iter().flatten().collect()
}

/// How many points both runs are right about, or one of them.
fn who_is_right(answers: &Answers, pair: &Pair<'_>) -> String {
    let labels = &pair.runs[0].labels;
    let count = |wanted: [bool; 2]| {
        thousands(answers.right(labels).filter(|right| *right == wanted).count())
    };
    let [a, b] = &answers.names;
    format!(
        "Of {} {} both are right about {}, only {a} about {}, only {b} about {}, neither about {}. \
         Choose the colour “who is right” to see which.",
        thousands(labels.len()),
        points_words(pair.runs[0].run.scored_on()),
        count([true, true]),
        count([true, false]),
        count([false, true]),
        count([false, false])
    )
}

fn points_words(scored_on: ScoredOn) -> &'static str {
    match scored_on {
        ScoredOn::Test => "test points",
        ScoredOn::TrainLeaveOneOut => "training points",
    }
}

fn percent(estimate: Estimate) -> String {
    format!("{:.1} %", 100.0 * estimate.value)
}

/// The difference in percentage points, its interval, and whether chance explains it.
fn difference(value: &ComparedValue, comparison: &Comparison) -> Option<String> {
    let found = value.difference?;
    let interval = found.interval.map_or(String::new(), |Interval { low, high }| {
        let chance = if low <= 0.0 && high >= 0.0 { ", so it may be chance" } else { "" };
        let confidence = 100.0 * comparison.bootstrap.confidence;
        format!(" ({confidence} % interval {:+.1} to {:+.1}{chance})", 100.0 * low, 100.0 * high)
    });
    Some(format!("{:+.1} percentage points{interval}", 100.0 * found.value))
}

fn networks(comparison: &Comparison) -> Option<String> {
    let row = comparison.accuracies.iter().find(|row| row.space.is_none())?;
    let [a, b] = &comparison.names;
    Some(format!(
        "The network of {a} gets {} right, that of {b} {}: a difference of {}.",
        percent(row.value.a?),
        percent(row.value.b?),
        difference(&row.value, comparison)?
    ))
}

/// Size of a difference.
fn size(value: &ComparedValue) -> f64 {
    value.difference.map_or(0.0, |difference| difference.value.abs())
}

/// The common space in which k-NN differs most.
fn widest_space(comparison: &Comparison) -> Option<String> {
    let spaces = comparison.accuracies.iter();
    let spaces = spaces.filter(|row| row.space.is_some() && row.method.is_none());
    let row = spaces.max_by(|a, b| size(&a.value).total_cmp(&size(&b.value)))?;
    let k = comparison.n_neighbors;
    if size(&row.value) == 0.0 {
        return Some(format!("{k}-NN is as accurate in every space that both have."));
    }
    let [a, b] = &comparison.names;
    Some(format!(
        "Of the spaces that both have, {k}-NN differs most in {}: {} right in {a}, {} in {b}, a \
         difference of {}.",
        space_title(row.space.as_deref()?),
        percent(row.value.a?),
        percent(row.value.b?),
        difference(&row.value, comparison)?
    ))
}

/// The class whose gain from the first space to the last differs most.
fn widest_gain(comparison: &Comparison) -> Option<String> {
    let gains = comparison.gains.iter().filter(|row| size(&row.value) > 0.0);
    let row = gains.max_by(|a, b| size(&a.value).total_cmp(&size(&b.value)))?;
    let points = |estimate: Estimate| format!("{:+.1}", 100.0 * estimate.value);
    let [a, b] = &comparison.names;
    Some(format!(
        "From the first space to the last the accuracy of {}-NN for {} changes by {} percentage \
         points in {a}, by {} in {b}: no class differs more, by {}.",
        comparison.n_neighbors,
        row.class,
        points(row.value.a?),
        points(row.value.b?),
        difference(&row.value, comparison)?
    ))
}

fn overview(pair: &Pair<'_>) -> Table {
    let row = |run: usize| {
        let finished = &pair.runs[run].run;
        let points = points_words(finished.scored_on());
        let spaces: Vec<String> = finished.spaces.iter().map(MapId::space_title).collect();
        let accuracy = finished.results().test.map(|test| format!("{:.4}", test.accuracy));
        vec![
            pair.names[run].clone(),
            finished.path.display().to_string(),
            finished.name.clone(),
            format!("{} {points}", thousands(finished.n_scored())),
            spaces.join(", "),
            accuracy.unwrap_or_else(|| "–".into()),
        ]
    };
    let header = ["run", "folder", "data", "scored on", "spaces", "test accuracy of the network"];
    Table::new("The two runs", &header, [row(0), row(1)])
}

fn accuracies(comparison: &Comparison) -> Table {
    let value = |estimate: Option<Estimate>| {
        let value = estimate.map(|estimate| estimate.value);
        let text = value.map_or_else(|| "–".into(), |value| format!("{value:.4}"));
        Cell { bar: value, ..Cell::from(text) }
    };
    let by_space = grouped(&comparison.accuracies, |row| row.space.as_deref().unwrap_or_default());
    let rows = by_space.into_iter().map(|row| {
        let (space, map) = match &row.space {
            None => ("network".to_owned(), String::new()),
            Some(space) => {
                let id = MapId::new(space, row.method.as_deref(), N_COMPONENTS);
                (id.space_title(), id.title())
            }
        };
        let ComparedValue { a, b, difference } = row.value;
        let interval = difference.and_then(|difference| difference.interval);
        let interval = interval.map_or(String::new(), |interval| {
            format!("{:+.4} to {:+.4}", interval.low, interval.high)
        });
        let difference = difference.map_or_else(String::new, |it| format!("{:+.4}", it.value));
        let lead = [space, map].map(Cell::from);
        let [a, b] = [value(a), value(b)];
        lead.into_iter().chain([a, b, difference.into(), interval.into()]).collect()
    });
    let [a, b] = &comparison.names;
    let difference = format!("{a} - {b}");
    let header = ["space", "map", a, b, &difference, "interval of the difference"];
    let caption = format!("Accuracy: {}", how(comparison));
    let table = Table::new(caption, &header, rows.collect::<Vec<Vec<Cell>>>());
    Table { is_grouped: true, ..table }
}

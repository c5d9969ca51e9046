//! The figures of a comparison: one for each question, and the maps beside each other.

use super::pair::Pair;
use super::space_pair::SpacePair;
use crate::embedding::{self, Method};
use crate::error::Result;
use crate::evaluation::{ComparedValue, Comparison, Estimate, GainRow, map_title, space_title};
use crate::format::{capital, thousands};
use crate::matrix::Matrix;
use crate::record::{N_COMPONENTS, RunFolder};
use crate::report::compare_table::how;
use crate::report::figures::{DotPanel, Dots, NAMED, Panel, Scale, Scatter};
use crate::report::insights_table::measure_words;
use crate::run::steps::figures::write;

/// Draws everything.
pub(super) fn draw(folder: &mut RunFolder, pair: &Pair<'_>, comparison: &Comparison) -> Result<()> {
    accuracy(folder, comparison)?;
    gains(folder, comparison)?;
    pairs(folder, comparison)?;
    measures(folder, comparison)?;
    pair.methods.iter().try_for_each(|method| maps(folder, pair, method))
}

/// The two runs and, in a panel of its own, their difference where there is one.
fn series_and_panels(
    comparison: &Comparison,
    title: &str,
    values: &[&ComparedValue],
    scale: Scale,
) -> (Vec<String>, Vec<DotPanel>) {
    let column = |of: fn(&ComparedValue) -> Option<Estimate>| {
        values.iter().map(|value| of(value)).collect::<Vec<_>>()
    };
    let panel = |title: &str, values, scale| DotPanel {
        title: title.into(),
        values,
        scale,
        ends: Vec::new(),
    };
    let [a, b] = &comparison.names;
    let both = vec![column(|value| value.a), column(|value| value.b)];
    let differences = column(|value| value.difference);
    if differences.iter().all(Option::is_none) {
        return (vec![a.clone(), b.clone()], vec![panel(title, both, scale)]);
    }
    let none = vec![None; values.len()];
    let of_both = [both, vec![none.clone()]].concat();
    let of_difference = vec![none.clone(), none, differences];
    (
        vec![a.clone(), b.clone(), format!("{a} - {b}")],
        vec![panel(title, of_both, scale), panel("Difference", of_difference, Scale::Differences)],
    )
}

fn row_title(space: Option<&str>, method: Option<&str>) -> String {
    match space {
        None => "Network".into(),
        Some(space) => {
            format!("{}, {}", capital(&space_title(space)), map_title(method, N_COMPONENTS))
        }
    }
}

/// Accuracies of both runs in each space and map.
fn accuracy(folder: &mut RunFolder, comparison: &Comparison) -> Result<()> {
    let rows = &comparison.accuracies;
    let values: Vec<&ComparedValue> = rows.iter().map(|row| &row.value).collect();
    let (series, panels) = series_and_panels(comparison, "Accuracy", &values, Scale::Common);
    let figure = Dots {
        title: "Accuracy in every space and map".into(),
        caption: how(comparison),
        rows: rows
            .iter()
            .map(|row| row_title(row.space.as_deref(), row.method.as_deref()))
            .collect(),
        series,
        panels,
    };
    write(folder, "accuracy", &figure)
}

/// Gains of the classes from the hidden layers; of many classes those whose gains differ most.
fn gains(folder: &mut RunFolder, comparison: &Comparison) -> Result<()> {
    let differs = |row: &GainRow| row.value.difference.map_or(0.0, |found| found.value.abs());
    let mut rows: Vec<(usize, &GainRow)> = comparison.gains.iter().enumerate().collect();
    rows.sort_by(|(_, a), (_, b)| differs(b).total_cmp(&differs(a)));
    rows.truncate(NAMED);
    rows.sort_by_key(|(at, _)| *at);
    let (shown, all) = (rows.len(), comparison.gains.len());
    let which = match shown < all {
        true => format!("; the {shown} of {} classes that differ most", thousands(all)),
        false => String::new(),
    };
    let rows: Vec<&GainRow> = rows.into_iter().map(|(_, row)| row).collect();
    let values: Vec<&ComparedValue> = rows.iter().map(|row| &row.value).collect();
    let (series, panels) = series_and_panels(comparison, "Gain", &values, Scale::Differences);
    let figure = Dots {
        title: "Which classes gain from the layers: accuracy in the last less that in the first"
            .into(),
        caption: how(comparison) + &which,
        rows: rows.iter().map(|row| row.class.clone()).collect(),
        series,
        panels,
    };
    write(folder, "gains", &figure)
}

/// Confused pairs: a panel for each classifier.
fn pairs(folder: &mut RunFolder, comparison: &Comparison) -> Result<()> {
    let mut names: Vec<&[String; 2]> = Vec::new();
    let mut spaces: Vec<Option<&str>> = Vec::new();
    for row in &comparison.pairs {
        if !names.contains(&&row.classes) {
            names.push(&row.classes);
        }
        if !spaces.contains(&row.space.as_deref()) {
            spaces.push(row.space.as_deref());
        }
    }
    let panel = |space: &Option<&str>| {
        let value = |classes: &&[String; 2]| {
            comparison
                .pairs
                .iter()
                .find(|row| row.space.as_deref() == *space && row.classes == **classes)
                .map(|row| &row.value)
        };
        let column = |of: fn(&ComparedValue) -> Option<Estimate>| {
            names.iter().map(|pair| value(pair).and_then(of)).collect::<Vec<_>>()
        };
        let title = space.map_or("Network".into(), |space| capital(&space_title(space)));
        DotPanel {
            title,
            values: vec![column(|value| value.a), column(|value| value.b)],
            scale: Scale::Common,
            ends: Vec::new(),
        }
    };
    let figure = Dots {
        title: "Which pairs are confused: share of the points of both classes".into(),
        caption: how(comparison),
        rows: names.iter().map(|[class, other]| format!("{class} and {other}")).collect(),
        series: comparison.names.to_vec(),
        panels: spaces.iter().map(panel).collect(),
    };
    write(folder, "confused_pairs", &figure)
}

/// Means of the methods: a panel for each measure.
fn measures(folder: &mut RunFolder, comparison: &Comparison) -> Result<()> {
    let mut methods: Vec<&str> = Vec::new();
    for row in &comparison.measures {
        if !methods.contains(&row.method.as_str()) {
            methods.push(&row.method);
        }
    }
    if methods.is_empty() {
        return Ok(());
    }
    let mut measures: Vec<&str> = comparison.measures.iter().map(|row| &*row.measure).collect();
    measures.dedup();
    let panel = |measure: &str| {
        let row = |method: &str| {
            comparison.measures.iter().find(|row| row.measure == measure && row.method == method)
        };
        let value = |method: &str, run: usize| {
            Some(Estimate { value: row(method)?.values[run]?, interval: None })
        };
        let column = |run: usize| methods.iter().map(|method| value(method, run)).collect();
        DotPanel {
            title: measure_words(measure),
            values: vec![column(0), column(1)],
            scale: Scale::Own,
            ends: Vec::new(),
        }
    };
    let figure = Dots {
        title: "Which method keeps most: means over the common spaces".into(),
        caption: "Each measure has a scale of its own".into(),
        rows: methods.iter().map(|method| map_title(Some(method), N_COMPONENTS)).collect(),
        series: comparison.names.to_vec(),
        panels: measures.into_iter().map(panel).collect(),
    };
    write(folder, "measures", &figure)
}

/// The maps of both runs by a method, space by space: each moved onto that of the space before, or
/// the second run's onto the first's if they are of the same points.
fn moved(pair: &Pair<'_>, method: &Method) -> Result<Vec<[Matrix; 2]>> {
    let mut maps: Vec<[Matrix; 2]> = Vec::new();
    for SpacePair(names) in &pair.spaces {
        let read = |run: usize, onto: Option<&Matrix>| {
            let map = pair.runs[run].map(&names[run], method.name)?;
            onto.map_or(Ok(map.clone()), |onto| method.motion(&map, onto)?.apply(&map))
        };
        let before = maps.last();
        let a = read(0, before.map(|before| &before[0]))?;
        let b = read(1, if pair.paired { Some(&a) } else { before.map(|before| &before[1]) })?;
        maps.push([a, b]);
    }
    Ok(maps)
}

/// One method's maps of the scored points, a row a space, the runs beside each other. Each map has
/// its own range, since coordinates of different maps cannot be compared.
fn maps(folder: &mut RunFolder, pair: &Pair<'_>, method: &str) -> Result<()> {
    let method = embedding::method(method)?;
    let maps = moved(pair, method)?;
    let labels = [
        pair.runs[0].labels.clone(),
        // Classes of other names get other colours.
        pair.runs[1]
            .labels
            .iter()
            .map(|&class| pair.numbers_of_second[usize::from(class)])
            .collect(),
    ];
    let panel = |SpacePair(names): &SpacePair, run: usize, map| {
        let part = pair.runs[run].run.scored_on().points();
        Panel {
            title: format!("{}, {}, {part}", pair.names[run], space_title(&names[run])),
            embedding: map,
            labels: &labels[run],
        }
    };
    let rows = pair.spaces.iter().zip(&maps);
    let verb = if method.is_linear { "mirrored" } else { "turned" };
    let moved = match (pair.paired, maps.len() > 1) {
        (true, _) => format!(", the second {verb} onto the first"),
        (false, true) => format!(", each {verb} onto the map above"),
        (false, false) => String::new(),
    };
    let figure = Scatter {
        title: format!("{} of {} and {}{moved}", method.title, pair.names[0], pair.names[1]),
        panels: rows.map(|(space, [a, b])| vec![panel(space, 0, a), panel(space, 1, b)]).collect(),
        class_names: &pair.class_names,
        rows_share_axes: false,
        direct_labels: true,
    };
    write(folder, &format!("maps_{}", method.name), &figure)
}

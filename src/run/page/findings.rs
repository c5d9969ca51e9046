//! What the run found, in a few sentences and one figure: the first thing below the maps.

use super::sections::{draw, section};
use crate::error::Result;
use crate::evaluation::{ConfusedPairs, Insights, LayerGains, space_title};
use crate::format::{listed, thousands};
use crate::record::FinishedRun;
use crate::report::gains_figure;
use crate::report::insights_table::name;
use crate::report::page::{Block, Section};

/// The findings; none if the run compared no classes.
pub(super) fn section_of(run: &FinishedRun, class_names: &[String]) -> Result<Option<Section>> {
    let Some(insights) = &run.results().insights else { return Ok(None) };
    let own = insights.gains.iter().find(|gains| gains.method.is_none());
    let classifier = insights.confused_pairs.iter().find(|pairs| pairs.space.is_none());
    let of_network = run.results().test.map(|test| f64::from(test.accuracy));
    let of_network = of_network.or_else(|| classifier.map(|pairs| pairs.accuracy));
    let sentences = [
        accuracies(insights, of_network),
        own.and_then(|own| gained(own, class_names)),
        confused(insights, class_names),
    ];
    let mut blocks = vec![Block::List(sentences.into_iter().flatten().collect())];
    if let Some(own) = own.filter(|own| own.spaces.len() > 1) {
        let figure = gains_figure::of_spaces(insights, own, class_names);
        blocks.push(Block::Drawing(draw(&figure, "What the layers did for each class".into())?));
    }
    Ok(Some(section("findings", "Findings", blocks)))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// How many points the network gets right, and k-NN in every space.
fn accuracies(insights: &Insights, of_network: Option<f64>) -> Option<String> {
    let in_space = |pairs: &ConfusedPairs| {
        let space = pairs.space.as_deref().filter(|_| pairs.method.is_none())?;
        Some(format!("{} in {}", percent(pairs.accuracy), space_title(space)))
    };
    let spaces: Vec<String> = insights.confused_pairs.iter().filter_map(in_space).collect();
    if spaces.is_empty() {
        return None;
    }
    let points = insights.scored_on.points();
    let network = of_network.map_or(String::new(), |accuracy| {
        format!("the network gets {} right, ", percent(accuracy))
    });
    let verb = if network.is_empty() { " gets right" } else { "" };
    Some(format!(
        "Of {} {points} {network}{}-NN{verb} {}.",
        thousands(insights.n_scored),
        insights.n_neighbors,
        listed(&spaces)
    ))
}

/// The class that gains most from the first space to the last, and the one that gains least.
fn gained(own: &LayerGains, class_names: &[String]) -> Option<String> {
    let [first, .., last] = &own.spaces[..] else { return None };
    let [most, .., least] = &own.classes[..] else { return None };
    let points = |gain: &[f64]| 100.0 * gain.last().copied().unwrap_or(0.0);
    let (most_points, least_points) = (points(&most.gain), points(&least.gain));
    if most_points.abs().max(least_points.abs()) < 0.05 {
        let (first, last) = (space_title(first), space_title(last));
        return Some(format!("From {first} to {last} no class gains or loses."));
    }
    let least_name = name(class_names, least.class);
    if most_points <= -0.05 {
        return Some(format!(
            "From {} to {} no class gains: {} loses least, {:.1} percentage points, and {least_name} \
             most, {:.1}.",
            space_title(first),
            space_title(last),
            name(class_names, most.class),
            -most_points,
            -least_points
        ));
    }
    let end = match least_points {
        points if points <= -0.05 => format!("{least_name} loses {:.1}", -points),
        points => format!("{least_name} gains least, {points:.1}"),
    };
    Some(format!(
        "From {} to {} the class {} gains most, {most_points:.1} percentage points; {end}.",
        space_title(first),
        space_title(last),
        name(class_names, most.class)
    ))
}

/// The pair that the network confuses most, or k-NN in the last space.
fn confused(insights: &Insights, class_names: &[String]) -> Option<String> {
    let own = || insights.confused_pairs.iter().filter(|pairs| pairs.method.is_none());
    let pairs = own().find(|pairs| pairs.space.is_none()).or_else(|| own().next_back())?;
    let pair = pairs.symmetric.first()?;
    let who = pairs.space.as_deref().map_or("the network".to_owned(), |space| {
        format!("the neighbours in {}", space_title(space))
    });
    Some(format!(
        "Taken for each other most, by {who}: {} and {}, {} of the points of both.",
        name(class_names, pair.class),
        name(class_names, pair.other),
        percent(pair.share)
    ))
}

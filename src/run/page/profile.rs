//! The layer profile on the page: what the measures say, figures, tables, points to look at,
//! strangers.

use super::sections::{draw, section};
use super::selected::SelectedPoints;
use crate::error::Result;
use crate::evaluation::space_title;
use crate::profile::{Profile, Strangers, epoch_findings};
use crate::record::{Artifact, FinishedRun};
use crate::report::page::{Area, Block, Drawing, Link, Section};
use crate::report::{
    class_table, epoch_report, look_at, profile_figures, profile_table, strangers_table,
};

/// The layer profile: what the measures say, the figures, all numbers.
pub(super) fn layer_profile(
    run: &FinishedRun,
    selected: &SelectedPoints<'_>,
    class_names: &[String],
) -> Result<Option<Section>> {
    let layers = &run.results().layer_profiles;
    let Some(profile) = run.results().profile.as_ref().filter(|_| !layers.is_empty()) else {
        return Ok(None);
    };
    let has_map = |space: &str| run.results().maps.iter().any(|map| map.space == space);
    let noticed = run.results().strangers.as_ref();
    let findings = profile.findings.iter().cloned().chain(noticed.and_then(Strangers::finding));
    let mut blocks = vec![Block::List(findings.collect())];
    blocks.extend(profile_drawings(run, profile, has_map)?.into_iter().map(Block::Drawing));
    let epochs = &run.results().epoch_profiles;
    if let Some(figure) = epoch_report::figure(epochs) {
        blocks.push(Block::Heading("Over the epochs of the training".into()));
        blocks.push(Block::List(epoch_findings(epochs)));
        let drawing = draw(&figure, "Measures of the layers over the epochs".into())?;
        blocks.push(Block::Drawing(drawing));
    }
    blocks.extend(profile_table::page_table(layers, has_map).map(Block::Table));
    let by_class = class_table::page_table(layers, class_names).map(Block::Table);
    blocks.extend(by_class.map(|table| Block::Folded("By class".into(), vec![table])));
    blocks.extend(profile_table::depth_tables(profile, class_names).into_iter().map(Block::Table));
    blocks.extend(look_at::page_counts(profile).map(Block::Table));
    let points = look_at::page_points(profile, class_names, |part, row| selected.shows(part, row));
    if !points.is_empty() {
        blocks.push(Block::Text(format!(
            "The first points to look at, of all in {}:",
            Artifact::Scores(look_at::LOOK_AT)
        )));
        blocks.push(Block::Points(points));
    }
    let mut missing = profile_table::missing(layers, profile);
    if let Some(noticed) = noticed {
        blocks.extend(strangers(noticed)?);
        missing.extend(strangers_table::missing(noticed));
    }
    if !missing.is_empty() {
        blocks.push(Block::Heading("Not computed".into()));
        blocks.push(Block::List(missing));
    }
    Ok(Some(section("profile", "Layer profile", blocks)))
}

/// What the layers notice of strangers.
fn strangers(found: &Strangers) -> Result<Vec<Block>> {
    let mut blocks =
        vec![Block::Heading("Strangers".into()), Block::Text(strangers_table::words(found))];
    if let Some(figure) = profile_figures::strangers(found) {
        let drawing = draw(&figure, "How well each layer tells strangers".into())?;
        blocks.push(Block::Drawing(drawing));
    }
    blocks.push(Block::Table(strangers_table::page_table(found)));
    Ok(blocks)
}

/// The figures of the layer profile. In the first, layers that have a map lead to it.
fn profile_drawings(
    run: &FinishedRun,
    profile: &Profile,
    has_map: impl Fn(&str) -> bool,
) -> Result<Vec<Drawing>> {
    let layers = &run.results().layer_profiles;
    let mut drawings = Vec::new();
    if layers.len() > 1 {
        let figure = profile_figures::layers(layers, profile);
        let spaces = layers.iter().map(|layer| layer.space.as_str()).enumerate();
        let area = |(at, space): (usize, &str)| Area {
            link: Link::to_space(space, &space_title(space)),
            place: figure.place(at),
        };
        let areas: Vec<Area> = spaces.filter(|(_, space)| has_map(space)).map(area).collect();
        let caption = if areas.is_empty() { "" } else { "A click on a layer shows its map." };
        let drawing = draw(&figure, "Measures of the layers in their order".into())?;
        drawings.push(Drawing { areas, caption: caption.into(), ..drawing });
    }
    if let Some(figure) = profile.similarities.known().and_then(profile_figures::similarity) {
        drawings.push(draw(&figure, "Similarity of every layer with every other".into())?);
    }
    if let Some(figure) = profile_figures::scree(layers) {
        drawings.push(draw(&figure, "Variance of the principal components of each layer".into())?);
    }
    if let Some(calibration) = profile.calibration.known() {
        let figure = profile_figures::reliability(calibration);
        drawings.push(draw(&figure, "Accuracy of the network against its confidence".into())?);
    }
    Ok(drawings)
}

//! The page of a run, made from the files of its folder.

mod aligned;
mod exported;
mod findings;
mod measures;
mod metadata;
mod profile;
mod sections;
mod selected;
mod tables;

pub(super) use exported::ExportedPoints;
pub(super) use metadata::metadata;
pub(super) use sections::{drawn, notes, reproduce, section};
pub(super) use selected::SelectedPoints;
pub(super) use tables::{inputs, knn};

use super::session::Session;
use crate::compute::{Description, Device};
use crate::error::Result;
use crate::evaluation::{MapQuality, Metric, ScoredOn, Scores, metric};
use crate::progress::Observer;
use crate::record::{Artifact, FinishedRun, Folder, ReportPoints, Results, Stage, fallback_note};
use crate::report::page::{self, Page};

/// Neighbours of each point that the page shows.
pub(super) const PAGE_NEIGHBORS: usize = 10;

/// Points at most of a page whose points the user does not choose; of more, so many are drawn by the
/// seed.
pub(super) const MOST_POINTS: usize = 50_000;

/// Folders of a run that pages and exports are made from.
pub(super) const READ: [Folder; 3] = [Folder::Activations, Folder::Embeddings, Folder::Epochs];

/// Writes the page of a run that is otherwise complete.
pub(super) fn write(session: &mut Session<'_>, points: ReportPoints) -> Result<()> {
    session
        .stage(Stage::Report, |session, observer| {
            let run = FinishedRun::of_record(session.record)?;
            let page = of_run(&run, points, session.device, observer)?;
            page::write(&page, &session.record.below(Artifact::Report)?)?;
            session.record.list(Artifact::Report, None, None);
            Ok(())
        })
        .map(drop)
}

/// The page of a run for some of its points.
pub(super) fn of_run(
    run: &FinishedRun,
    choice: ReportPoints,
    device: &Device,
    observer: &dyn Observer,
) -> Result<Page> {
    let mut selected = SelectedPoints::new(run, choice);
    let classes = selected.class_names()?;
    let points = selected.points(&classes)?;
    let maps = selected.maps()?;
    let epochs = selected.epochs()?;
    let pictures = selected.pictures()?;
    let spaces = selected.spaces(device, observer)?;
    let profile = profile::layer_profile(run, &selected, &classes)?;
    let findings = findings::section_of(run, &classes)?;
    let sections = sections::of_run(run, &mut selected, &classes, findings, profile)?;
    let (methods, n_neighbors) = (selected.methods(), selected.n_neighbors());
    let (mut warnings, mut missing) = (selected.warnings, selected.missing);
    without_the_device(&mut warnings, &run.manifest.device);
    missing.dedup();
    Ok(Page {
        name: run.name.clone(),
        points,
        classes,
        n_neighbors,
        spaces,
        methods,
        maps,
        epochs,
        pictures,
        sections,
        warnings,
        missing,
        ..Page::default()
    })
}

/// Takes the warning away that there was no GPU: it changes nothing that is on view, and the last
/// section names the device.
pub(super) fn without_the_device(warnings: &mut Vec<String>, used: &Description) {
    warnings.retain(|warning| !used.fallback || *warning != fallback_note(&used.reason));
}

/// Metrics of a map, its k-NN accuracy that of the points of one kind.
pub(super) fn metrics(
    results: &Results,
    scored: ScoredOn,
    space: &str,
    method: &str,
) -> Vec<(String, f64)> {
    let mut metrics = Vec::new();
    let of_map = |row: &&MapQuality| row.space == space && row.method.as_deref() == Some(method);
    if let Some(MapQuality { quality, .. }) = results.quality.iter().find(of_map) {
        metrics.extend(Metric::shown_by_map(quality));
    }
    let of_map = |row: &&Scores| {
        row.space == space && row.method.as_deref() == Some(method) && row.scored_on == scored
    };
    let knn = results.knn.iter().find(of_map).and_then(Scores::compared);
    metrics.extend(knn.map(|score| (metric::knn_label(score.n_neighbors), score.accuracy)));
    metrics
}

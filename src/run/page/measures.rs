//! Quantities of the scored points that the page colours them by: the layer from which on they are
//! decided, the neighbours of their own class, how usual they are.

use crate::error::Result;
use crate::evaluation::space_title;
use crate::profile::{PointMeasures, ProbeAnswers, odd, prediction_depths};
use crate::record::points::Rows;
use crate::record::{FinishedRun, point_measures};
use crate::report::page::PointMeasure;

/// Answers of the linear probe of a space for the shown points; none unless all of them were scored.
pub(super) fn answers(run: &FinishedRun, rows: &Rows, space: &str) -> Result<Option<ProbeAnswers>> {
    let Some((shown, n)) = scored(run, rows) else { return Ok(None) };
    let found = point_measures::read_answers(&run.path, space, n)?;
    Ok(found.map(|all| ProbeAnswers {
        classes: shown.iter().map(|&row| all.classes[row]).collect(),
        confidence: shown.iter().map(|&row| all.confidence[row]).collect(),
    }))
}

/// The shown rows of the scored part, and its number of points; none if others are shown too, or
/// the run has no profile.
fn scored<'a>(run: &FinishedRun, rows: &'a Rows) -> Option<(&'a [usize], usize)> {
    let (shown, hidden, n) = match run.n_test {
        0 => (&rows.train, &rows.test, run.n_train),
        n_test => (&rows.test, &rows.train, n_test),
    };
    (hidden.is_empty() && run.results().profile.is_some()).then_some((shown, n))
}

/// Measures of the shown points; none unless all of them were scored. `answers` are the network's
/// for the shown points.
pub(super) fn of_points(
    run: &FinishedRun,
    rows: &Rows,
    answers: Option<&[u16]>,
) -> Result<Vec<PointMeasure>> {
    let Some((shown, n)) = scored(run, rows) else { return Ok(Vec::new()) };
    let mut measures = Vec::new();
    if let Some(answers) = answers {
        measures.extend(depth(run, shown, answers, n)?);
    }
    let last = run.spaces.last().map_or("", |space| &space.space);
    if let Some(points) = point_measures::read(&run.path, last, n)? {
        let title = space_title(last);
        measures.push(PointMeasure {
            id: "own-label",
            title: "neighbours of its class",
            low: format!("none in {title}"),
            high: "all ten".into(),
            names: Vec::new(),
            values: shown.iter().map(|&row| points.own_label_shares[row] as f32).collect(),
        });
        let typical = odd::typicality(&points.mean_distances);
        measures.push(PointMeasure {
            id: "typicality",
            title: "typicality",
            low: format!("far from all in {title}"),
            high: "in the middle".into(),
            names: Vec::new(),
            values: shown.iter().map(|&row| typical[row] as f32).collect(),
        });
    }
    Ok(measures)
}

/// The layer from which on each shown point is decided.
fn depth(
    run: &FinishedRun,
    shown: &[usize],
    answers: &[u16],
    n: usize,
) -> Result<Option<PointMeasure>> {
    let known = run.results().profile.as_ref().and_then(|all| all.prediction_depth.known());
    let Some(known) = known else { return Ok(None) };
    let mut votes: Vec<Vec<u16>> = Vec::new();
    for space in &known.spaces {
        let Some(PointMeasures { votes: all, .. }) = point_measures::read(&run.path, space, n)?
        else {
            return Ok(None);
        };
        votes.push(shown.iter().map(|&row| all[row]).collect());
    }
    let votes: Vec<&[u16]> = votes.iter().map(Vec::as_slice).collect();
    let depths = prediction_depths(&votes, answers)?;
    let most = known.spaces.len() as f32;
    let names = known.spaces.iter().map(|space| space_title(space));
    Ok(Some(PointMeasure {
        id: "depth",
        title: "decided in",
        low: "the input already".into(),
        high: "no layer".into(),
        names: names.chain(["no layer".to_owned()]).collect(),
        values: depths.iter().map(|&depth| depth as f32 / most).collect(),
    }))
}

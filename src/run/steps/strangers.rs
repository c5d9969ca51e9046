//! The strangers of a run: how far they are from the training points in every layer, and how well
//! that tells them from the scored points.

use super::figures::write;
use super::profile::{Profiled, spaces};
use crate::error::Result;
use crate::matrix::Matrix;
use crate::profile::{Detection, Noticed, Outcome, STRANGER_NEIGHBORS, StrangerScores, Strangers};
use crate::progress::Observer;
use crate::record::predictions::SOFTMAX;
use crate::record::{Artifact, Stage};
use crate::report::profile_figures;
use crate::report::strangers_table::{self, StrangerRow};
use crate::run::layers::{Layers, Part};
use crate::run::session::Session;

/// Scores the strangers, if there are any, and adds what the layers notice to the profile.
pub(in crate::run) fn strangers(session: &mut Session<'_>, layers: &Layers) -> Result<()> {
    let Some(part) = &layers.strangers else { return Ok(()) };
    session
        .stage(Stage::Strangers, |session, observer| notice(session, layers, part, observer))
        .map(drop)
}

fn notice(
    session: &mut Session<'_>,
    layers: &Layers,
    part: &Part,
    observer: &dyn Observer,
) -> Result<()> {
    let mut scores: Vec<(String, Outcome<StrangerScores>)> = Vec::new();
    for (at, space) in spaces(layers).iter().enumerate() {
        let found = match values(part, at, space) {
            Outcome::Unknown(reason) => Outcome::Unknown(reason),
            Outcome::Known(values) => Outcome::of(StrangerScores::of(
                session.device,
                space.train,
                space.test,
                values,
                observer,
            ))?,
        };
        scores.push((space.name.to_owned(), found));
    }
    let found = Strangers {
        n_strangers: part.n(),
        scored_on: layers.scored_on(),
        n_scored: layers.scored().n(),
        spaces: scores.iter().map(noticed).collect::<Result<_>>()?,
        network: doubt(layers.scored(), part)?,
    };
    let fewer = found.spaces.iter().filter_map(|noticed| noticed.n_neighbors).min();
    if let Some(k) = fewer.filter(|&k| k < STRANGER_NEIGHBORS) {
        session.record.warn(format!(
            "there are few training points: strangers are scored by the distance of neighbour \
             {k}, not of neighbour {STRANGER_NEIGHBORS}"
        ));
    }
    tables(session, layers, part, &found, &scores)?;
    if let Some(figure) = profile_figures::strangers(&found) {
        write(session.record, "strangers", &figure)?;
    }
    session.record.results_mut().strangers = Some(found);
    Ok(())
}

/// The strangers' values in the space of number `at`.
fn values<'a>(part: &'a Part, at: usize, space: &Profiled<'_>) -> Outcome<&'a Matrix> {
    match (part.layers.get(at), &part.probabilities) {
        (Some(layer), _) => Outcome::Known(&layer.values),
        (None, Some(probabilities)) if space.name == SOFTMAX => Outcome::Known(probabilities),
        _ => Outcome::Unknown("the network's probabilities for the strangers are not known".into()),
    }
}

fn noticed((space, scores): &(String, Outcome<StrangerScores>)) -> Result<Noticed> {
    let (n_neighbors, detection) = match scores {
        Outcome::Unknown(reason) => (None, Outcome::Unknown(reason.clone())),
        Outcome::Known(scores) => (Some(scores.n_neighbors), Outcome::of(scores.detection())?),
    };
    Ok(Noticed { space: space.clone(), n_neighbors, detection })
}

/// What the network notices by 1 - its largest probability.
fn doubt(scored: &Part, part: &Part) -> Result<Outcome<Detection>> {
    let doubts = |part: &Part| -> Option<Vec<f64>> {
        Some(part.largest.as_ref()?.iter().map(|&most| 1.0 - f64::from(most)).collect())
    };
    match (doubts(scored), doubts(part)) {
        (Some(known), Some(strangers)) => Outcome::of(Detection::of(&known, &strangers)),
        _ => Ok(Outcome::Unknown("the network's probabilities are not known".into())),
    }
}

fn tables(
    session: &mut Session<'_>,
    layers: &Layers,
    part: &Part,
    found: &Strangers,
    scores: &[(String, Outcome<StrangerScores>)],
) -> Result<()> {
    let class = |class: u16| layers.class_names[usize::from(class)].as_str();
    // The last layer that is no output.
    let last = layers.train.layers.len().checked_sub(1).and_then(|at| scores[at].1.known());
    let farther = last.map(StrangerScores::shares_farther);
    let row = |at: usize| StrangerRow {
        file: part.image_files.as_ref().map(|files| files[at].as_str()),
        answer: part.predictions.as_ref().map(|answers| class(answers[at])),
        confidence: part.confidence.as_ref().map(|sure| sure[at]),
        distances: scores.iter().map(|(_, of)| Some(of.known()?.strangers[at])).collect(),
        share_farther: farther.as_ref().map(|shares| shares[at]),
    };
    let rows: Vec<StrangerRow<'_>> = (0..part.n()).map(row).collect();
    let by_layer = Artifact::Scores(strangers_table::BY_LAYER);
    strangers_table::write_by_layer(&session.record.below(by_layer)?, found)?;
    session.record.list(by_layer, None, None);
    let each = Artifact::Scores(strangers_table::STRANGERS);
    let spaces: Vec<&str> = scores.iter().map(|(space, _)| space.as_str()).collect();
    strangers_table::write(&session.record.below(each)?, &spaces, &rows)?;
    session.record.list(each, None, None);
    Ok(())
}

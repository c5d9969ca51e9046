//! The stage of the insights: gains, confusions and rankings from the classes that each scored
//! point was given.

use super::figures;
use crate::error::Result;
use crate::evaluation::{
    COMPARED_NEIGHBORS, Insights, MapQuality, Predictions, Scores, confusions, metric_rankings,
};
use crate::record::{Artifact, RunFolder, predictions};
use crate::report::insights_table;
use crate::run::layers::Layers;

/// Computes the insights, and writes their tables and figures.
pub(in crate::run) fn compute_insights(
    folder: &mut RunFolder,
    layers: &Layers,
    scores: &[Scores],
    quality: &[MapQuality],
) -> Result<()> {
    let scored_on = layers.scored_on();
    let scored = layers.scored();
    let n = scored.labels.len();
    let network = scored.predictions.iter().map(|classes| Predictions {
        space: None,
        method: None,
        classes: classes.clone(),
    });
    let mut predictions: Vec<Predictions> = network.collect();
    for row in scores.iter().filter(|row| row.scored_on == scored_on) {
        let classes = predictions::read_knn(folder.path(), &row.id(), n)?;
        predictions.push(Predictions {
            space: Some(row.space.clone()),
            method: row.method.clone(),
            classes,
        });
    }
    let confusions = confusions(&scored.labels, &predictions, layers.class_names.len())?;
    let rankings = metric_rankings(scores, quality, COMPARED_NEIGHBORS, scored_on);
    let insights = Insights::new(COMPARED_NEIGHBORS, scored_on, &confusions, rankings);
    let first = Artifact::Scores(insights_table::FILES[0]);
    let path = folder.below(first)?;
    insights_table::write_csv(
        path.parent().unwrap_or(&path),
        &insights,
        &confusions,
        &layers.class_names,
    )?;
    for file in insights_table::FILES {
        folder.list(Artifact::Scores(file), None, None);
    }
    folder.results_mut().insights = Some(insights.clone());
    figures::gains(folder, &insights, &layers.class_names)?;
    // Those of the network and of k-NN in the spaces themselves.
    let mut drawn = confusions.iter().filter(|confused| confused.method.is_none());
    drawn.try_for_each(|confused| figures::confusion(folder, confused, &layers.class_names))
}

//! The tables of k-NN scores in a run.

use crate::error::Result;
use crate::evaluation::Scores;
use crate::record::{Artifact, RunFolder};
use crate::report::table;

/// Writes the tables, and records their rows in the same order.
pub(in crate::run) fn write_scores(
    folder: &mut RunFolder,
    scores: &[Scores],
    class_names: &[String],
) -> Result<()> {
    let path = folder.below(Artifact::Scores("knn.csv"))?;
    table::write_csv(path.parent().unwrap_or(&path), scores, class_names)?;
    folder.list(Artifact::Scores("knn.csv"), None, None);
    folder.list(Artifact::Scores("knn_per_class.csv"), None, None);
    folder.results_mut().knn = scores.to_vec();
    Ok(())
}

//! The layers of two runs on the same points: how similar each is to each.

use super::pair::Pair;
use crate::compute::Device;
use crate::dataset::npy;
use crate::error::Result;
use crate::evaluation::MapId;
use crate::matrix::Matrix;
use crate::profile::CrossSimilarities;
use crate::progress::Observer;
use crate::record::{Artifact, RunFolder};
use crate::report::{profile_figures, profile_table};
use crate::run::steps::figures::write;

/// Compares the layers, and writes table and figure. Runs that scored different points, or that did
/// not keep their layers, yield a warning in place of both.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) for damaged layers, [`Error::Write`](crate::Error::Write).
pub(super) fn compare_layers(
    folder: &mut RunFolder,
    pair: &Pair<'_>,
    device: &Device,
    observer: &dyn Observer,
) -> Result<()> {
    if !pair.paired {
        folder.warn("the runs scored different points, so that their layers are not compared");
        return Ok(());
    }
    let mut runs = Vec::new();
    for run in pair.runs {
        let part = run.run.scored_part();
        let mut layers = Vec::new();
        for MapId { space, .. } in &run.run.spaces {
            let file = Artifact::Layer { name: space, part }.of(&run.run.path);
            if !file.exists() {
                let path = run.run.path.display();
                folder.warn(format!("{path} has no {space}: the layers are not compared"));
                return Ok(());
            }
            layers.push((space.clone(), npy::read_matrix(&file)?));
        }
        runs.push(layers);
    }
    let [a, b] = [&runs[0], &runs[1]].map(|layers: &Vec<(String, Matrix)>| {
        layers.iter().map(|(name, values)| (name.as_str(), values)).collect::<Vec<_>>()
    });
    let found = CrossSimilarities::of(device, [&a, &b], observer)?;
    for (layers, compared, name) in [(&a, &found.rows, 0), (&b, &found.columns, 1)] {
        let left_out = layers.iter().filter(|(space, _)| !compared.iter().any(|it| it == space));
        left_out.for_each(|(space, _)| {
            let run = &pair.names[name];
            folder.warn(format!("{space} of {run} is not compared: all its rows are the same"));
        });
    }
    let path = folder.below(Artifact::Scores(profile_table::SIMILARITY))?;
    profile_table::write_cross(&path, &found)?;
    folder.list(Artifact::Scores(profile_table::SIMILARITY), None, None);
    match profile_figures::cross_similarity(&found, &pair.names) {
        Some(figure) => write(folder, "layer_similarity", &figure)?,
        None => folder.warn("the points are too few to compare the layers by CKA"),
    }
    folder.results_mut().layer_similarity = Some(found);
    Ok(())
}

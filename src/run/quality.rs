//! The quality of the maps of one space, in a run.

use crate::compute::Device;
use crate::error::{Error, Result};
use crate::evaluation::{MapQuality, SpaceRanks};
use crate::matrix::Matrix;
use crate::neighbors::NeighborGraph;
use crate::progress::Observer;
use crate::record::{Artifact, RunFolder};
use crate::report::quality_table;

/// Fitted points, new ones, and what is known of them.
#[derive(Clone, Copy)]
pub(super) struct Judged<'a> {
    /// Name of the space.
    pub(super) space: &'a str,
    pub(super) x: &'a Matrix,
    pub(super) new: Option<&'a Matrix>,
    pub(super) neighbors: Option<&'a NeighborGraph>,
}

/// A map to judge.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    /// The method's name.
    pub(super) method: &'a str,
    /// Places of the fitted points.
    pub(super) map: &'a Matrix,
    /// Places of the new ones.
    pub(super) new: Option<&'a Matrix>,
    /// Neighbours of the fitted points in the map.
    pub(super) neighbors: Option<&'a NeighborGraph>,
}

/// Judges maps, which all have the dimensions of the first. Data that allow no figures, fewer than
/// four points for example, give none, and the manifest a warning.
pub(super) fn judge(
    folder: &mut RunFolder,
    judged: Judged<'_>,
    maps: &[Placed<'_>],
    device: &Device,
    observer: &dyn Observer,
) -> Result<Vec<MapQuality>> {
    match figures(folder.manifest.seed, judged, maps, device, observer) {
        Err(Error::Data(reason)) => {
            folder.manifest.warnings.push(format!(
                "no figures of the quality of the maps of {}: {reason}",
                judged.space
            ));
            Ok(Vec::new())
        }
        found => found,
    }
}

fn figures(
    seed: u64,
    judged: Judged<'_>,
    maps: &[Placed<'_>],
    device: &Device,
    observer: &dyn Observer,
) -> Result<Vec<MapQuality>> {
    let Judged { space, x, new, neighbors } = judged;
    let Some(first) = maps.first() else { return Ok(Vec::new()) };
    let mut ranks = SpaceRanks::new(device, x, neighbors, first.map.n_features(), seed, observer)?;
    if let Some(new) = new {
        ranks = ranks.with_new(device, new, seed, observer)?;
    }
    let judge = |&Placed { method, map, new, neighbors }: &Placed<'_>| {
        let quality = ranks.quality(device, map, new, neighbors, observer)?;
        let (n_features, n_dimensions) = (x.n_features(), map.n_features());
        Ok(MapQuality {
            space: space.into(),
            method: Some(method.into()),
            n_features,
            n_dimensions,
            quality,
        })
    };
    maps.iter().map(judge).collect()
}

/// Writes the table and notes the figures in the manifest.
pub(super) fn write_quality(folder: &mut RunFolder, rows: &[MapQuality]) -> Result<()> {
    let table = Artifact::Scores(quality_table::FILE);
    let path = folder.below(table)?;
    quality_table::write_csv(path.parent().unwrap_or(&path), rows)?;
    folder.list(table, None, None);
    folder.result("quality", rows);
    Ok(())
}

//! The quality of the maps of one space, in a run.

use crate::compute::Device;
use crate::error::{Error, Result};
use crate::evaluation::{MapQuality, SpaceRanks};
use crate::matrix::Matrix;
use crate::neighbors::NeighborGraph;
use crate::progress::Observer;
use crate::record::{Artifact, RunFolder};
use crate::report::quality_table;
use crate::run::session::Session;

/// Fitted points and new ones of a space, and the neighbours of the fitted ones.
#[derive(Clone, Copy)]
pub(in crate::run) struct MeasuredSpace<'a> {
    /// Name of the space.
    pub(in crate::run) space: &'a str,
    pub(in crate::run) x: &'a Matrix,
    pub(in crate::run) new: Option<&'a Matrix>,
    pub(in crate::run) neighbors: Option<&'a NeighborGraph>,
}

/// A map to measure.
#[derive(Clone, Copy)]
pub(in crate::run) struct Placed<'a> {
    /// The method's name.
    pub(in crate::run) method: &'a str,
    /// Embedding of the fitted points.
    pub(in crate::run) embedding: &'a Matrix,
    /// Embedding of the new points.
    pub(in crate::run) new: Option<&'a Matrix>,
    /// Neighbours of the fitted points in the map.
    pub(in crate::run) neighbors: Option<&'a NeighborGraph>,
}

/// Measures maps, which all have the dimensions of the first. Data that allow no metrics, fewer
/// than four points for example, yield none, and a warning in the manifest.
pub(in crate::run) fn measure(
    session: &mut Session<'_>,
    measured: MeasuredSpace<'_>,
    maps: &[Placed<'_>],
    observer: &dyn Observer,
) -> Result<Vec<MapQuality>> {
    match metrics(session.record.manifest.seed, measured, maps, session.device, observer) {
        Err(Error::Data(reason)) => {
            session.record.warn(format!("no quality of the maps of {}: {reason}", measured.space));
            Ok(Vec::new())
        }
        found => found,
    }
}

fn metrics(
    seed: u64,
    measured: MeasuredSpace<'_>,
    maps: &[Placed<'_>],
    device: &Device,
    observer: &dyn Observer,
) -> Result<Vec<MapQuality>> {
    let MeasuredSpace { space, x, new, neighbors } = measured;
    let Some(first) = maps.first() else { return Ok(Vec::new()) };
    let mut ranks =
        SpaceRanks::new(device, x, neighbors, first.embedding.n_features(), seed, observer)?;
    if let Some(new) = new {
        ranks = ranks.with_new(device, new, seed, observer)?;
    }
    let measure = |&Placed { method, embedding, new, neighbors }: &Placed<'_>| {
        let quality = ranks.quality(device, embedding, new, neighbors, observer)?;
        let (n_features, n_dimensions) = (x.n_features(), embedding.n_features());
        Ok(MapQuality {
            space: space.into(),
            method: Some(method.into()),
            n_features,
            n_dimensions,
            quality,
        })
    };
    maps.iter().map(measure).collect()
}

/// Writes the table, and records its rows in the same order.
pub(in crate::run) fn write_quality(folder: &mut RunFolder, rows: &[MapQuality]) -> Result<()> {
    let table = Artifact::Scores(quality_table::FILE);
    let path = folder.below(table)?;
    quality_table::write_csv(path.parent().unwrap_or(&path), rows)?;
    folder.list(table, None, None);
    folder.results_mut().quality = rows.to_vec();
    Ok(())
}

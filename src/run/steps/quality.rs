//! The quality of the maps of one space, in a run.

use crate::error::{Error, Result};
use crate::evaluation::{self, MapQuality, MeasuredMap, MeasuredSpace};
use crate::progress::Observer;
use crate::record::{Artifact, RunFolder};
use crate::report::quality_table;
use crate::run::session::Session;

/// Measures maps, which all have the dimensions of the first. Data that allow no metrics, fewer
/// than four points for example, yield none, and a warning in the manifest.
pub(in crate::run) fn measure(
    session: &mut Session<'_>,
    measured: MeasuredSpace<'_>,
    maps: &[MeasuredMap<'_>],
    observer: &dyn Observer,
) -> Result<Vec<MapQuality>> {
    let seed = session.record.manifest.seed;
    match evaluation::measure(measured, maps, session.device, seed, observer) {
        Err(Error::Data(reason)) => {
            session.record.warn(format!("no quality of the maps of {}: {reason}", measured.space));
            Ok(Vec::new())
        }
        found => found,
    }
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

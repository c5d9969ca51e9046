//! What the nearest training points say of the scored points of a space.

use super::artifact::Artifact;
use super::folder::RunFolder;
use crate::dataset::npy;
use crate::error::{Error, Result};
use crate::profile::PointMeasures;
use std::path::Path;

/// Writes the measures of a space, n_scored x 5.
///
/// # Errors
/// [`Error::Write`].
pub(crate) fn write(folder: &mut RunFolder, space: &str, points: &PointMeasures) -> Result<()> {
    folder.write_matrix(Artifact::PointMeasures(space), &points.to_matrix()?)
}

/// Reads those of `n` points from the run in `folder`; none of a space whose neighbours were not
/// found.
///
/// # Errors
/// [`Error::Input`] if the file is malformed or of another number of points.
pub(crate) fn read(folder: &Path, space: &str, n: usize) -> Result<Option<PointMeasures>> {
    let path = Artifact::PointMeasures(space).of(folder);
    if !path.exists() {
        return Ok(None);
    }
    let points = PointMeasures::of_matrix(&npy::read_values(&path)?)
        .map_err(|error| Error::input(&path, error.to_string()))?;
    if points.votes.len() != n {
        let found = points.votes.len();
        return Err(Error::input(&path, format!("has {found} rows, expected {n}")));
    }
    Ok(Some(points))
}

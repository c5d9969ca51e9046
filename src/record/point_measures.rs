//! What the nearest training points, and a linear probe, say of the scored points of a space.

use super::artifact::Artifact;
use super::folder::RunFolder;
use crate::dataset::npy;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::profile::{PointMeasures, ProbeAnswers};
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

/// Writes the answers of a probe, n_scored x 2.
///
/// # Errors
/// [`Error::Write`].
pub(crate) fn write_answers(
    folder: &mut RunFolder,
    space: &str,
    answers: &ProbeAnswers,
) -> Result<()> {
    let rows = answers.classes.iter().zip(&answers.confidence);
    let values: Vec<f32> =
        rows.flat_map(|(&class, &sure)| [f32::from(class), sure as f32]).collect();
    let n = answers.classes.len();
    folder.write_matrix(Artifact::ProbeAnswers(space), &Matrix::new(values, n, 2)?)
}

/// Reads those of `n` points from the run in `folder`; none of a space without a probe.
///
/// # Errors
/// [`Error::Input`] if the file is malformed or of another number of points.
pub(crate) fn read_answers(folder: &Path, space: &str, n: usize) -> Result<Option<ProbeAnswers>> {
    let path = Artifact::ProbeAnswers(space).of(folder);
    if !path.exists() {
        return Ok(None);
    }
    let values = npy::read_values(&path)?;
    let (rows, columns) = (values.n_samples(), values.n_features());
    if (rows, columns) != (n, 2) {
        return Err(Error::input(&path, format!("is {rows} x {columns}, expected {n} x 2")));
    }
    Ok(Some(ProbeAnswers {
        classes: values.rows().map(|row| row[0] as u16).collect(),
        confidence: values.rows().map(|row| f64::from(row[1])).collect(),
    }))
}

//! The class that k-NN gives each scored point in a space or map, kept in a run for everything that
//! is counted later.

use crate::dataset::npy;
use crate::error::{Error, Result};
use crate::evaluation::{MapId, N_NEIGHBORS, predict};
use crate::neighbors::NeighborGraph;
use crate::record::{Artifact, RunFolder};
use std::path::Path;

/// Number of neighbours by which classes are compared with each other: scikit-learn's default.
pub(super) const K: usize = N_NEIGHBORS[1];

/// Writes the predictions of every number of neighbours, n_scored x 3.
pub(super) fn write(
    folder: &mut RunFolder,
    id: &MapId,
    graph: &NeighborGraph,
    fitted: &[u8],
) -> Result<()> {
    let columns = N_NEIGHBORS.map(|k| predict(graph, fitted, k));
    let n = graph.n_samples();
    let rows: Vec<u32> =
        (0..n).flat_map(|row| columns.each_ref().map(|column| u32::from(column[row]))).collect();
    let file = Artifact::Predictions(id);
    npy::write_indices(folder.below(file)?, &rows, n, N_NEIGHBORS.len())?;
    folder.list(file, Some(vec![n, N_NEIGHBORS.len()]), Some("int32"));
    Ok(())
}

/// Reads the predictions of [`K`] neighbours for `n` points.
///
/// # Errors
/// [`Error::Input`] if the file is missing, malformed or of another number of points.
pub(super) fn read(folder: &Path, id: &MapId, n: usize) -> Result<Vec<u8>> {
    let path = Artifact::Predictions(id).of(folder);
    let matrix = npy::read_values(&path)?;
    if (matrix.n_samples(), matrix.n_features()) != (n, N_NEIGHBORS.len()) {
        let (rows, columns, expected) =
            (matrix.n_samples(), matrix.n_features(), N_NEIGHBORS.len());
        return Err(Error::input(
            path,
            format!("is {rows} x {columns}, expected {n} x {expected}"),
        ));
    }
    let class = |(row, values): (usize, &[f32])| match values[1] {
        class if class.fract() == 0.0 && (0.0..256.0).contains(&class) => Ok(class as u8),
        other => {
            Err(Error::input(&path, format!("row {row} is {other}; classes go from 0 to 255")))
        }
    };
    matrix.rows().enumerate().map(class).collect()
}

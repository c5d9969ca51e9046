//! The classes of the points of a run: their labels, and those that the network and k-NN predict.

use super::artifact::Artifact;
use super::folder::RunFolder;
use crate::dataset::npy;
use crate::error::{Error, Result};
use crate::evaluation::{MapId, N_NEIGHBORS, predict};
use crate::matrix::argmax;
use crate::neighbors::NeighborGraph;
use std::path::Path;

/// The file of the network's probabilities, a column a class.
pub(crate) const SOFTMAX: &str = "softmax";
/// The file of its predictions, where it is not trained here.
const PREDICTIONS: &str = "predictions";

/// Writes the predictions of k-NN by every number of neighbours, n_scored x 3.
///
/// # Errors
/// [`Error::Write`].
pub(crate) fn write_knn(
    folder: &mut RunFolder,
    id: &MapId,
    graph: &NeighborGraph,
    fitted: &[u16],
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

/// Reads the predictions by [`COMPARED_NEIGHBORS`](crate::evaluation::COMPARED_NEIGHBORS)
/// neighbours for `n` points.
///
/// # Errors
/// [`Error::Input`] if the file is missing, malformed or of another number of points.
pub(crate) fn read_knn(folder: &Path, id: &MapId, n: usize) -> Result<Vec<u16>> {
    let path = Artifact::Predictions(id).of(folder);
    let matrix = npy::read_values(&path)?;
    if (matrix.n_samples(), matrix.n_features()) != (n, N_NEIGHBORS.len()) {
        let rows = matrix.n_samples();
        let columns = matrix.n_features();
        let expected = N_NEIGHBORS.len();
        return Err(Error::input(
            path,
            format!("is {rows} x {columns}, expected {n} x {expected}"),
        ));
    }
    let class = |(row, values): (usize, &[f32])| match values[1] {
        class if class.fract() == 0.0 && (0.0..=f32::from(u16::MAX)).contains(&class) => {
            Ok(class as u16)
        }
        other => {
            Err(Error::input(&path, format!("row {row} is {other}; classes go from 0 to 65535")))
        }
    };
    matrix.rows().enumerate().map(class).collect()
}

/// Writes the classes of a part by the name of their file: its labels, or the predictions of the
/// network.
///
/// # Errors
/// [`Error::Write`].
pub(crate) fn write_classes(
    folder: &mut RunFolder,
    name: &str,
    part: &str,
    classes: &[u16],
) -> Result<()> {
    let classes: Vec<u32> = classes.iter().map(|&class| u32::from(class)).collect();
    folder.write_numbers(Artifact::Layer { name, part }, &classes)
}

/// Predictions of the network of a run for the `n` points of a part, if they are known.
///
/// # Errors
/// [`Error::Input`].
pub(super) fn read_network(run: &Path, part: &str, n: usize) -> Result<Option<Vec<u16>>> {
    let check = |path: &Path, found: usize| match found == n {
        true => Ok(()),
        false => Err(Error::input(
            path,
            format!("has {found} rows, the run has {n} points of that part"),
        )),
    };
    let [given, softmax] =
        [PREDICTIONS, SOFTMAX].map(|name| Artifact::Layer { name, part }.of(run));
    if given.exists() {
        let predictions = npy::read_classes(&given)?;
        check(&given, predictions.len())?;
        return Ok(Some(predictions));
    }
    if !softmax.exists() {
        return Ok(None);
    }
    let values = npy::read_values(&softmax)?;
    check(&softmax, values.n_samples())?;
    Ok(Some(values.rows().map(|row| argmax(row) as u16).collect()))
}

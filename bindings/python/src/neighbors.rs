//! Exact nearest neighbours.

use crate::arrays::{points, points_less, rows};
use crate::errors::raised;
use crate::work::How;
use layerlens::neighbors::{Metric, NeighborGraph, Search, SearchMethod};
use numpy::{PyArray2, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Options of a search.
pub fn search(metric: &str, approximate: bool) -> PyResult<Search> {
    let metric = match metric {
        "euclidean" => Metric::Euclidean,
        "cosine" => Metric::Cosine,
        other => {
            let message = format!("metric = '{other}': expected 'euclidean' or 'cosine'");
            return Err(PyValueError::new_err(message));
        }
    };
    let method = if approximate { SearchMethod::Approximate } else { SearchMethod::Exact };
    Ok(Search { metric, method, ..Search::default() })
}

/// A graph of points among themselves, checked.
pub fn graph(
    indices: &PyReadonlyArray2<'_, u32>,
    distances: &PyReadonlyArray2<'_, f32>,
) -> PyResult<NeighborGraph> {
    let k = indices.shape()[1];
    NeighborGraph::of_points(indices.as_slice()?.to_vec(), distances.as_slice()?.to_vec(), k)
        .map_err(raised)
}

/// Indices and distances of the `n_neighbors` nearest rows of `x` of each query, or of each other
/// row of `x`.
type Found<'py> = (Bound<'py, PyArray2<u32>>, Bound<'py, PyArray2<f32>>);

#[pyfunction]
#[pyo3(signature = (x, n_neighbors, how, *, queries=None, metric="euclidean", approximate=false))]
pub fn nearest_neighbors<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    n_neighbors: usize,
    how: &How,
    queries: Option<&Bound<'py, PyAny>>,
    metric: &str,
    approximate: bool,
) -> PyResult<Found<'py>> {
    let search = search(metric, approximate)?;
    let x = points(x)?;
    let queries = queries.map(|queries| points_less(queries, x.offsets())).transpose()?;
    let graph = how.run(py, |device, _, watcher| {
        let watcher = watcher.named("neighbors");
        search.check(queries.as_ref().unwrap_or(&x), queries.as_ref().map(|_| &x))?;
        match &queries {
            Some(queries) => search.nearest_references(device, queries, &x, n_neighbors, &watcher),
            None => search.nearest_neighbors(device, &x, n_neighbors, &watcher),
        }
    })?;
    let distances = rows(py, graph.distances().to_vec(), graph.n_neighbors())?;
    Ok((rows(py, graph.indices().to_vec(), graph.n_neighbors())?, distances))
}

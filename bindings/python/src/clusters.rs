//! Clustering methods, and the agreement of clusters.

use crate::arrays::{array, points};
use crate::errors::raised;
use crate::maps::parameters;
use crate::work::How;
use layerlens::clustering::{Clustering, Dbscan, KMeans};
use layerlens::parameters::from_table;
use numpy::{PyArray1, PyArray2};
use pyo3::prelude::*;

/// Labels, centres, inertia and iterations of k-means.
type KMeansFound<'py> = (Bound<'py, PyArray1<i32>>, Bound<'py, PyArray2<f32>>, f64, usize);

#[pyfunction]
pub fn k_means<'py>(
    py: Python<'py>,
    parameters: &str,
    x: &Bound<'py, PyAny>,
    how: &How,
) -> PyResult<KMeansFound<'py>> {
    let method: KMeans = from_table(&self::parameters(parameters)?).map_err(raised)?;
    let x = points(x)?;
    let found =
        how.run(py, |device, _, watcher| method.fit(device, &x, &watcher.named("k-means")))?;
    let labels = PyArray1::from_vec(py, found.labels);
    Ok((labels, array(py, found.cluster_centers)?, found.inertia, found.n_iter))
}

/// Labels and core points of DBSCAN.
type DbscanFound<'py> = (Bound<'py, PyArray1<i32>>, Bound<'py, PyArray1<u32>>);

#[pyfunction]
pub fn dbscan<'py>(
    py: Python<'py>,
    parameters: &str,
    x: &Bound<'py, PyAny>,
    how: &How,
) -> PyResult<DbscanFound<'py>> {
    let method: Dbscan = from_table(&self::parameters(parameters)?).map_err(raised)?;
    let x = points(x)?;
    Clustering::validate(&method, x.n_samples(), x.n_features(), None).map_err(raised)?;
    let found =
        how.run(py, |device, _, watcher| method.fit(device, &x, &watcher.named("dbscan")))?;
    let cores = PyArray1::from_vec(py, found.core_sample_indices);
    Ok((PyArray1::from_vec(py, found.labels), cores))
}

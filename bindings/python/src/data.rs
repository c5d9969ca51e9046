//! Named data sets.

use crate::errors::raised;
use layerlens::dataset::{DATASETS, Dataset, Samples};
use numpy::{PyArray1, PyArrayDyn, PyArrayMethods};
use pyo3::prelude::*;
use std::path::PathBuf;

/// Images, n x height x width or n x height x width x 3, and their labels.
type Part<'py> = (Bound<'py, PyArrayDyn<u8>>, Bound<'py, PyArray1<u16>>);

fn part(py: Python<'_>, samples: Samples) -> PyResult<Part<'_>> {
    let [height, width, channels] = samples.images.shape();
    let mut shape = vec![samples.images.n(), height, width];
    if channels > 1 {
        shape.push(channels);
    }
    let images = PyArray1::from_vec(py, samples.images.into_pixels()).reshape(shape)?;
    Ok((images, PyArray1::from_vec(py, samples.labels)))
}

/// Training and test images of a named data set, with the names of the classes.
#[pyfunction]
#[pyo3(signature = (name, data_dir=None))]
pub fn load_dataset<'py>(
    py: Python<'py>,
    name: &str,
    data_dir: Option<PathBuf>,
) -> PyResult<(Part<'py>, Part<'py>, Vec<String>)> {
    let loaded = py.detach(|| Dataset::load(name, data_dir.as_deref())).map_err(raised)?;
    Ok((part(py, loaded.train)?, part(py, loaded.test)?, loaded.class_names))
}

/// Names of the data sets, with a line about each.
#[pyfunction]
pub fn dataset_names() -> Vec<(&'static str, &'static str)> {
    DATASETS.iter().map(|entry| (entry.name, entry.summary)).collect()
}

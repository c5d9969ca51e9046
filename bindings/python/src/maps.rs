//! Fitted embeddings.

use crate::arrays::{array, points, points_less};
use crate::errors::{json, raised};
use crate::neighbors::{graph, search};
use crate::work::How;
use layerlens::embedding::{self, METHODS, SavedMap, Space, check_distinct};
use layerlens::neighbors::References;
use layerlens::{Error, Matrix};
use numpy::{PyArray2, PyReadonlyArray2};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rayon::prelude::*;
use std::borrow::Cow;

/// Parameters of a method, from a JSON object.
pub fn parameters(text: &str) -> PyResult<toml::Table> {
    serde_json::from_str(text).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Defaults of the methods: a JSON object for each name.
#[pyfunction]
pub fn methods() -> PyResult<Vec<(&'static str, String)>> {
    METHODS
        .iter()
        .map(|method| {
            let defaults = (method.defaults)();
            let defaults = defaults.map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
            Ok((method.name, json(&defaults)?))
        })
        .collect()
}

/// A fitted embedding, without the fitted points.
#[pyclass(frozen, module = "layerlens._native")]
#[derive(Debug)]
pub struct Map {
    saved: SavedMap,
}

/// Fitted points, prepared for placing new ones.
#[pyclass(frozen, module = "layerlens._native")]
#[derive(Debug)]
pub struct FittedPoints {
    /// Values that Python keeps, and may change, with their checksum.
    watched: Option<(Matrix, u64)>,
    prepared: Option<References<'static>>,
}

impl FittedPoints {
    /// Refuses points that their owner has changed since they were prepared.
    fn check(&self) -> layerlens::Result<()> {
        if self.watched.as_ref().is_none_or(|(x, before)| checksum(x) == *before) {
            return Ok(());
        }
        let message = "the array that the map was fitted to has other values now: new points are \
                       placed by it, so keep it as it is, or fit a copy";
        Err(Error::Data(message.into()))
    }
}

/// Number that a change of any value changes, as good as surely.
fn checksum(x: &Matrix) -> u64 {
    let mix =
        |sum: u64, value: u64| (sum ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let of_part = |part: &[f32]| {
        part.iter().fold(part.len() as u64, |sum, value| mix(sum, value.to_bits().into()))
    };
    let parts: Vec<u64> = x.as_slice().par_chunks(1 << 16).map(of_part).collect();
    parts.into_iter().fold(0, mix)
}

/// Indices and distances of neighbours, n_samples x k each.
type Neighbors<'py> = (PyReadonlyArray2<'py, u32>, PyReadonlyArray2<'py, f32>);

#[pymethods]
impl Map {
    /// Fits the method of that name, with parameters from a JSON object.
    #[staticmethod]
    #[pyo3(signature = (method, parameters, x, how, *, neighbors=None, init=None, metric="euclidean", approximate=false))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn fit(
        py: Python<'_>,
        method: &str,
        parameters: &str,
        x: &Bound<'_, PyAny>,
        how: &How,
        neighbors: Option<Neighbors<'_>>,
        init: Option<&Bound<'_, PyAny>>,
        metric: &str,
        approximate: bool,
    ) -> PyResult<Self> {
        let method = embedding::method(method).map_err(raised)?;
        let built = (method.build)(&self::parameters(parameters)?).map_err(raised)?;
        let x = points(x)?;
        let init = init.map(|init| points(init)).transpose()?;
        let search = search(metric, approximate)?;
        let given =
            neighbors.map(|(indices, distances)| graph(&indices, &distances)).transpose()?;
        let given = given.map(|graph| graph.with_metric(search.metric));
        built.validate(x.n_samples(), x.n_features()).map_err(raised)?;
        let needs_neighbors = built.n_neighbors() > 0;
        let saved = how.run(py, |device, _, watcher| {
            check_distinct(&x)?;
            let k = built.n_neighbors().min(x.n_samples() - 1);
            let found = match &given {
                Some(_) => None,
                None if needs_neighbors => {
                    search.check(&x, None)?;
                    let watcher = watcher.named("neighbors");
                    Some(search.nearest_neighbors(device, &x, k, &watcher)?)
                }
                None => None,
            };
            let neighbors = given.as_ref().or(found.as_ref());
            let space = Space { neighbors, init: init.as_ref(), ..Space::new(&x) };
            let fitted = built.fit_boxed(device, &space, &watcher.named(method.name))?;
            Ok(SavedMap::new(fitted, &x))
        })?;
        Ok(Self { saved })
    }

    /// The fitted points, prepared for placing new ones; none for PCA, which does not need them.
    fn references(
        &self,
        py: Python<'_>,
        x: Option<&Bound<'_, PyAny>>,
        how: &How,
    ) -> PyResult<FittedPoints> {
        let x = x.map(|x| points_less(x, self.saved.offsets())).transpose()?;
        how.run(py, |_, _, _| {
            let prepared = self.saved.references(x.clone().map(Cow::Owned))?;
            let shared = x.as_ref().filter(|x| x.is_shared());
            let watched = shared.map(|x| (x.clone(), checksum(x)));
            Ok(FittedPoints { watched, prepared })
        })
    }

    /// Coordinates of new points.
    fn transform<'py>(
        &self,
        py: Python<'py>,
        new: &Bound<'py, PyAny>,
        references: &FittedPoints,
        how: &How,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let new = points_less(new, self.saved.offsets())?;
        let placed = how.run(py, |device, _, watcher| {
            references.check()?;
            references.prepared.as_ref().map_or(Ok(()), |fitted| fitted.check(&new, 0))?;
            let watcher = watcher.named("transform");
            self.saved.place(device, references.prepared.as_ref(), &new, &watcher)
        })?;
        array(py, placed)
    }

    /// Coordinates of the fitted points, n_samples x n_components.
    fn embedding<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        array(py, self.saved.fitted().embedding().clone())
    }

    /// Results that the method reports, by name.
    fn results(&self) -> Vec<(String, f64)> {
        self.saved.fitted().results().to_vec()
    }

    /// Divergence or loss during the fit: (iterations, value).
    fn course(&self) -> Vec<(usize, f64)> {
        self.saved.fitted().course().to_vec()
    }

    /// Warnings for readers of the embedding.
    fn warnings(&self) -> Vec<String> {
        let warnings = self.saved.fitted().warnings().iter();
        warnings.map(|warning| crate::errors::python_names(warning)).collect()
    }

    /// `True` if placing new points needs the fitted ones.
    #[getter]
    fn needs_the_fitted_points(&self) -> bool {
        self.saved.needs_the_fitted_points()
    }

    /// Offset that was subtracted from each column of the fitted points, if any was.
    #[getter]
    fn offsets(&self) -> Option<Vec<f64>> {
        self.saved.offsets().map(<[f64]>::to_vec)
    }

    /// Parameters and results as a JSON object.
    fn numbers(&self) -> PyResult<String> {
        json(&self.saved.fitted().state().numbers)
    }

    /// The array of that name: `components` of PCA, for example.
    fn tensor<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyArray2<f32>>> {
        array(py, self.saved.fitted().state().tensor(name).map_err(raised)?.clone())
    }

    /// Content of the file of the map.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.saved.to_bytes().map_err(raised)?))
    }

    /// The map of such a file.
    #[staticmethod]
    fn from_bytes(bytes: &[u8]) -> PyResult<Self> {
        Ok(Self { saved: SavedMap::from_bytes(bytes).map_err(raised)? })
    }
}

//! Arrays of numpy as matrices, and back.

use crate::errors::raised;
use layerlens::Matrix;
use layerlens::numbers::{Values, rounded};
use numpy::{
    PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use std::sync::Arc;

/// Values of an array that Python owns.
struct NumpyValues {
    _owner: Py<PyArray2<f32>>,
    start: *const f32,
    len: usize,
}

// SAFETY: the values are read only; the owner keeps them where they are, and its counter of
// references is changed under the interpreter's lock alone, whichever thread drops it.
unsafe impl Send for NumpyValues {}
// SAFETY: as above.
unsafe impl Sync for NumpyValues {}

impl AsRef<[f32]> for NumpyValues {
    fn as_ref(&self) -> &[f32] {
        // SAFETY: the owner holds `len` values from `start` on as long as it lives. Callers are
        // told not to change an array while a method works on it, as scikit-learn tells them.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

/// Points of a C-contiguous array of float32, float64, int64 or uint64, n_samples x n_features;
/// those of float32 are not copied.
pub fn points(x: &Bound<'_, PyAny>) -> PyResult<Matrix> {
    match x.cast::<PyArray2<f32>>() {
        Ok(array) => shared(array),
        Err(_) => converted(x, None),
    }
}

/// Points that are compared with fitted ones, less the `offsets` of these, if they have any.
pub fn points_less(x: &Bound<'_, PyAny>, offsets: Option<&[f64]>) -> PyResult<Matrix> {
    match (x.cast::<PyArray2<f32>>(), offsets) {
        (Ok(array), None) => shared(array),
        (Ok(array), Some(offsets)) => {
            let array = array.readonly();
            let wide: Vec<f64> = array.as_slice()?.iter().map(|&value| value.into()).collect();
            let shape = (array.shape()[0], array.shape()[1]);
            rounded(Values::F64(&wide), shape, Some(offsets)).map_err(raised)
        }
        (Err(_), Some(offsets)) => converted(x, Some(offsets)),
        (Err(_), None) => {
            // Zeros, so that nothing else is looked for.
            let d = x.cast::<PyUntypedArray>()?.shape().get(1).copied().unwrap_or(0);
            converted(x, Some(&vec![0.0; d]))
        }
    }
}

/// A matrix that shares the values of an array.
fn shared(array: &Bound<'_, PyArray2<f32>>) -> PyResult<Matrix> {
    let owner = array.clone().unbind();
    let array = array.readonly();
    let (values, shape) = (array.as_slice()?, array.shape());
    let shared = NumpyValues { _owner: owner, start: values.as_ptr(), len: values.len() };
    Matrix::shared(Arc::new(shared), shape[0], shape[1]).map_err(raised)
}

/// A matrix of the wider types.
fn converted(x: &Bound<'_, PyAny>, offsets: Option<&[f64]>) -> PyResult<Matrix> {
    let read = |values: Values<'_>, shape: &[usize]| {
        rounded(values, (shape[0], shape[1]), offsets).map_err(raised)
    };
    if let Ok(array) = x.extract::<PyReadonlyArray2<'_, f64>>() {
        read(Values::F64(array.as_slice()?), array.shape())
    } else if let Ok(array) = x.extract::<PyReadonlyArray2<'_, i64>>() {
        read(Values::I64(array.as_slice()?), array.shape())
    } else if let Ok(array) = x.extract::<PyReadonlyArray2<'_, u64>>() {
        read(Values::U64(array.as_slice()?), array.shape())
    } else {
        let message = "expected a matrix of float32, float64, int64 or uint64 in C order";
        Err(PyTypeError::new_err(message))
    }
}

/// Labels of an array of uint16.
pub fn labels(y: &PyReadonlyArray1<'_, u16>) -> PyResult<Vec<u16>> {
    Ok(y.as_slice()?.to_vec())
}

/// A matrix as an array, whose values are moved.
pub fn array(py: Python<'_>, matrix: Matrix) -> PyResult<Bound<'_, PyArray2<f32>>> {
    let shape = [matrix.n_samples(), matrix.n_features()];
    PyArray1::from_vec(py, matrix.into_vec()).reshape(shape)
}

/// A list of rows of `columns` values as an array.
pub fn rows<T: numpy::Element>(
    py: Python<'_>,
    values: Vec<T>,
    columns: usize,
) -> PyResult<Bound<'_, PyArray2<T>>> {
    let shape = [values.len() / columns.max(1), columns];
    PyArray1::from_vec(py, values).reshape(shape)
}

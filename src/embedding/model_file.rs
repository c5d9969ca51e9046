//! Files of fitted maps: .safetensors with the arrays, and the method with its parameters in the metadata. The fitted points
//! themselves are not in it; placing new points needs them beside it.

use super::Fitted;
use crate::error::{Error, Result};
use crate::files::write_atomic;
use crate::matrix::Matrix;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Key of the file's metadata under which the description stands, as JSON. One key alone: the format does not order several.
const KEY: &str = "layerlens_map";

/// What a fitted map consists of.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Name of the method in the registry.
    pub method: String,
    /// Parameters and figures.
    pub numbers: serde_json::Map<String, serde_json::Value>,
    /// Arrays by name.
    pub tensors: BTreeMap<String, Matrix>,
}

impl State {
    /// Nothing yet, of that method.
    pub fn new(method: &str) -> Self {
        Self { method: method.to_owned(), numbers: serde_json::Map::new(), tensors: BTreeMap::new() }
    }

    /// Adds an array.
    pub fn insert(&mut self, name: &str, values: Matrix) {
        self.tensors.insert(name.to_owned(), values);
    }

    /// The array of that name.
    ///
    /// # Errors
    /// [`Error::Data`] if there is none.
    pub fn tensor(&self, name: &str) -> Result<&Matrix> {
        self.tensors.get(name).ok_or_else(|| Error::Data(format!("the model has no array `{name}`")))
    }
}

/// Writes a fitted map.
///
/// # Errors
/// [`Error::Write`].
pub fn save(fitted: &dyn Fitted, path: &Path) -> Result<()> {
    let failed = |message: String| Error::write(path, std::io::Error::other(message));
    let mut state = fitted.state();
    state.numbers.insert("method".into(), state.method.clone().into());
    let views = state.tensors.iter().map(|(name, values)| {
        let shape = vec![values.n_samples(), values.n_features()];
        let view = TensorView::new(Dtype::F32, shape, bytemuck::cast_slice(values.as_slice()));
        view.map(|view| (name.as_str(), view)).map_err(|error| failed(error.to_string()))
    });
    let description = serde_json::to_string(&state.numbers).map_err(|error| failed(error.to_string()))?;
    let metadata = HashMap::from([(KEY.to_owned(), description)]);
    let bytes =
        safetensors::serialize(views.collect::<Result<Vec<_>>>()?, Some(metadata)).map_err(|error| failed(error.to_string()))?;
    write_atomic(path, |writer| writer.write_all(&bytes))
}

/// Reads a fitted map.
///
/// # Errors
/// [`Error::Input`] if the file is missing, malformed or not written by [`save`].
pub fn load(path: &Path) -> Result<Box<dyn Fitted>> {
    let bytes = std::fs::read(path).map_err(|error| Error::input(path, error.to_string()))?;
    let malformed = |message: &dyn std::fmt::Display| Error::input(path, format!("not a .safetensors file of a map: {message}"));
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| malformed(&error))?;
    let description = metadata.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
    let description = description.ok_or_else(|| malformed(&format!("its metadata lack the key `{KEY}`")))?;
    let numbers: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(description).map_err(|error| malformed(&error))?;
    let name = numbers.get("method").and_then(|name| name.as_str()).unwrap_or_default().to_owned();
    let method = super::method(&name).map_err(|_| malformed(&format!("`{name}` is no method")))?;
    let mut state = State { method: name, numbers, tensors: BTreeMap::new() };
    let file = SafeTensors::deserialize(&bytes).map_err(|error| malformed(&error))?;
    for (name, view) in file.tensors() {
        let &[rows, columns] = view.shape() else {
            return Err(malformed(&format!("array `{name}` has the shape {:?}, expected two dimensions", view.shape())));
        };
        if view.dtype() != Dtype::F32 {
            return Err(malformed(&format!("array `{name}` is {:?}, expected F32", view.dtype())));
        }
        let values = Matrix::new(bytemuck::pod_collect_to_vec(view.data()), rows, columns);
        state.tensors.insert(name.clone(), values.map_err(|error| malformed(&format!("array `{name}`: {error}")))?);
    }
    (method.restore)(state).map_err(|error| malformed(&error))
}

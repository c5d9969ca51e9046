//! Files of fitted embeddings: .safetensors with the arrays, and the method with its parameters in
//! the metadata. A file holds a digest of the fitted points but not the points themselves, which
//! have to be given again to place new points.

use super::{Fitted, NewPoints};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::files::write_atomic;
use crate::matrix::Matrix;
use crate::neighbors::{NeighborGraph, References, Search};
use crate::progress::Observer;
use crate::sealed;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

/// Key of the JSON description in the file's metadata.
const KEY: &str = "layerlens_map";

/// Content of a fitted embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Name of the method in the registry.
    pub method: String,
    /// Parameters and results.
    pub numbers: serde_json::Map<String, serde_json::Value>,
    /// Arrays by name.
    pub tensors: BTreeMap<String, Matrix>,
}

impl State {
    /// An empty state of that method.
    pub fn new(method: &str) -> Self {
        Self {
            method: method.to_owned(),
            numbers: serde_json::Map::new(),
            tensors: BTreeMap::new(),
        }
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
        self.tensors
            .get(name)
            .ok_or_else(|| Error::Data(format!("the model has no array `{name}`")))
    }
}

/// Identity of the points that an embedding was fitted to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Points {
    n_samples: usize,
    n_features: usize,
    /// SHA-256 of the values as little-endian numbers, row after row.
    sha256: String,
}

impl Points {
    fn of(x: &Matrix) -> Self {
        let digest = Sha256::digest(bytemuck::cast_slice::<f32, u8>(x.as_slice()));
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { n_samples: x.n_samples(), n_features: x.n_features(), sha256 }
    }
}

/// A fitted embedding from a file.
#[derive(Debug)]
pub struct SavedMap {
    fitted: Box<dyn Fitted>,
    points: Points,
    /// Offsets of the columns of the points.
    offsets: Option<Vec<f64>>,
}

/// Writes an embedding that was fitted to `x`.
///
/// # Errors
/// [`Error::Write`].
pub fn save(fitted: &dyn Fitted, x: &Matrix, path: &Path) -> Result<()> {
    let bytes = bytes(fitted, &Points::of(x), x.offsets())
        .map_err(|message| Error::write(path, std::io::Error::other(message)))?;
    write_atomic(path, |writer| writer.write_all(&bytes))
}

/// Content of the file of an embedding.
fn bytes(
    fitted: &dyn Fitted,
    points: &Points,
    offsets: Option<&[f64]>,
) -> std::result::Result<Vec<u8>, String> {
    let mut state = fitted.state();
    state.numbers.insert("method".into(), state.method.clone().into());
    state.numbers.insert("points".into(), serde_json::json!(points));
    if let Some(offsets) = offsets {
        state.numbers.insert("offsets".into(), serde_json::json!(offsets));
    }
    let views = state.tensors.iter().map(|(name, values)| {
        let shape = vec![values.n_samples(), values.n_features()];
        let view = TensorView::new(Dtype::F32, shape, bytemuck::cast_slice(values.as_slice()));
        view.map(|view| (name.as_str(), view)).map_err(|error| error.to_string())
    });
    let description = serde_json::to_string(&state.numbers).map_err(|error| error.to_string())?;
    let views = views.collect::<std::result::Result<Vec<_>, _>>()?;
    sealed::serialize(&views, KEY, &description)
}

impl SavedMap {
    /// Reads an embedding.
    ///
    /// # Errors
    /// [`Error::Input`] if the file is missing, malformed or not written by [`save`].
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| Error::input(path, error.to_string()))?;
        Self::from_bytes(&bytes).map_err(|error| error.of_file(path))
    }

    /// An embedding that was fitted to `x`.
    pub fn new(fitted: Box<dyn Fitted>, x: &Matrix) -> Self {
        Self { fitted, points: Points::of(x), offsets: x.offsets().map(<[f64]>::to_vec) }
    }

    /// Content of the file that [`save`] would write.
    ///
    /// # Errors
    /// [`Error::Fault`] if it cannot be serialised.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        bytes(self.fitted(), &self.points, self.offsets()).map_err(|message| Error::Fault {
            message: format!("the map cannot be serialised: {message}"),
            place: "SavedMap::to_bytes".into(),
        })
    }

    /// Restores the embedding of [`SavedMap::to_bytes`].
    ///
    /// # Errors
    /// [`Error::Data`] if they are malformed or not written by [`save`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let malformed = |message: &dyn std::fmt::Display| {
            Error::Data(format!("not a .safetensors file of a map: {message}"))
        };
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| malformed(&error))?;
        let description = metadata.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let description =
            description.ok_or_else(|| malformed(&format!("its metadata lack the key `{KEY}`")))?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| malformed(&error))?;
        let description = sealed::open(&file, description).map_err(Error::Data)?;
        let numbers: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&description).map_err(|error| malformed(&error))?;
        let name =
            numbers.get("method").and_then(|name| name.as_str()).unwrap_or_default().to_owned();
        let method =
            super::method(&name).map_err(|_| malformed(&format!("`{name}` is no method")))?;
        let points = numbers.get("points").cloned().unwrap_or_default();
        let points: Points = serde_json::from_value(points).map_err(|error| malformed(&error))?;
        let offsets =
            read_offsets(&numbers, points.n_features).map_err(|message| malformed(&message))?;
        let mut state = State { method: name, numbers, tensors: BTreeMap::new() };
        for (name, view) in file.tensors() {
            let &[rows, columns] = view.shape() else {
                return Err(malformed(&format!(
                    "array `{name}` has the shape {:?}, expected two dimensions",
                    view.shape()
                )));
            };
            if view.dtype() != Dtype::F32 {
                return Err(malformed(&format!(
                    "array `{name}` is {:?}, expected F32",
                    view.dtype()
                )));
            }
            let values = Matrix::new(bytemuck::pod_collect_to_vec(view.data()), rows, columns);
            state.tensors.insert(
                name.clone(),
                values.map_err(|error| malformed(&format!("array `{name}`: {error}")))?,
            );
        }
        let fitted = (method.restore)(state).map_err(|error| malformed(&error))?;
        if fitted.embedding().n_samples() != points.n_samples {
            let found = fitted.embedding().n_samples();
            let expected = points.n_samples;
            return Err(malformed(&format!(
                "{found} rows of coordinates for {expected} fitted points"
            )));
        }
        Ok(Self { fitted, points, offsets })
    }

    /// The embedding itself.
    pub fn fitted(&self) -> &dyn Fitted {
        self.fitted.as_ref()
    }

    /// Number of features of a point.
    pub fn n_features(&self) -> usize {
        self.points.n_features
    }

    /// Offset of each column of the fitted points, which has to be subtracted from new ones too.
    pub fn offsets(&self) -> Option<&[f64]> {
        self.offsets.as_deref()
    }

    /// `true` if placing new points needs the fitted ones, which are not in the file.
    pub fn needs_the_fitted_points(&self) -> bool {
        self.fitted.n_neighbors_to_place() > 0
    }

    /// Checks that the embedding was fitted to `x`.
    ///
    /// # Errors
    /// [`Error::Data`] describing the points that it was fitted to.
    pub fn check_points(&self, x: &Matrix) -> Result<()> {
        let found = Points::of(x);
        if found == self.points {
            let same = x.offsets() == self.offsets();
            return if same {
                Ok(())
            } else {
                Err(Error::Data(format!("does not fit the map: {OFFSETS}")))
            };
        }
        let Points { n_samples, n_features, sha256 } = &self.points;
        let message = if (found.n_samples, found.n_features) == (*n_samples, *n_features) {
            format!(
                "has other values: the map was fitted to {n_samples} x {n_features} values of \
                 SHA-256 {sha256}; these have {}",
                found.sha256
            )
        } else {
            let rows = match found.n_samples == *n_samples {
                true => "",
                false => "; expected the points that it was fitted to, no more and no fewer",
            };
            format!(
                "has another shape: the map was fitted to {n_samples} x {n_features} values, these \
                 are {} x {}{rows}",
                found.n_samples, found.n_features
            )
        };
        Err(Error::Data(message))
    }

    /// Coordinates of new points, m x n_features, given the points `x` that the embedding was
    /// fitted to; PCA does not need them.
    ///
    /// # Errors
    /// [`Error::Data`] if points do not fit the embedding, any error of the device,
    /// [`Error::Interrupted`].
    pub fn transform(
        &self,
        device: &Device,
        x: Option<&Matrix>,
        new: &Matrix,
        observer: &dyn Observer,
    ) -> Result<Matrix> {
        let references = self.references(x.map(Cow::Borrowed))?;
        self.place(device, references.as_ref(), new, observer)
    }

    /// The points `x` that the embedding was fitted to, prepared for placing new ones again and
    /// again; none for PCA, which does not need them.
    ///
    /// # Errors
    /// [`Error::Data`] if they are missing or others; of the rest as [`Search::references`].
    pub fn references<'a>(&self, x: Option<Cow<'a, Matrix>>) -> Result<Option<References<'a>>> {
        if !self.needs_the_fitted_points() {
            return Ok(None);
        }
        let x = x.ok_or_else(|| {
            let message = "this map needs the points it was fitted to in order to place new ones; \
                           they are not given";
            Error::Data(message.into())
        })?;
        self.check_points(&x)?;
        let search = Search { metric: self.fitted.metric(), ..Search::default() };
        search.references(x, self.fitted.n_neighbors_to_place()).map(Some)
    }

    /// Coordinates of new points, m x n_features, by [`SavedMap::references`]; each depends on its
    /// own row alone.
    ///
    /// # Errors
    /// [`Error::Data`] if the points do not fit the embedding, any error of the device,
    /// [`Error::Interrupted`].
    pub fn place(
        &self,
        device: &Device,
        references: Option<&References<'_>>,
        new: &Matrix,
        observer: &dyn Observer,
    ) -> Result<Matrix> {
        if new.n_features() != self.points.n_features {
            let found = new.n_features();
            let expected = self.points.n_features;
            return Err(Error::Data(format!(
                "the new points have {found} features, the fitted ones {expected}"
            )));
        }
        if new.offsets() != self.offsets() {
            return Err(Error::Data(format!("the new points do not fit the map: {OFFSETS}")));
        }
        let neighbors = match references {
            Some(references) => references.nearest(device, new, observer)?,
            None => NeighborGraph::new(vec![0; new.n_samples()], vec![0.0; new.n_samples()], 1)?,
        };
        self.fitted.transform(device, &NewPoints { x: new, neighbors: &neighbors })
    }
}

/// Message for points whose offsets differ from those of the embedding.
const OFFSETS: &str = "offsets other than those of the map were subtracted from their columns when they were read: read them with the offsets of the map";

/// The offsets that [`save`] wrote, if there are any.
fn read_offsets(
    numbers: &serde_json::Map<String, serde_json::Value>,
    n_features: usize,
) -> Result<Option<Vec<f64>>, String> {
    let Some(written) = numbers.get("offsets") else { return Ok(None) };
    let offsets: Vec<f64> =
        serde_json::from_value(written.clone()).map_err(|error| format!("offsets: {error}"))?;
    if offsets.len() != n_features {
        return Err(format!("{} offsets for {n_features} features", offsets.len()));
    }
    Ok(Some(offsets))
}

//! Fitted embeddings of methods that use nearest neighbours: one type for all of them, with one
//! rule for placing new points and one file format.

use super::model_file::State;
use super::placement::{self, Placement};
use super::{Embedding, Fitted, NewPoints};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::{Metric, NeighborGraph};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// A method whose embeddings place new points by their neighbours.
pub trait NeighborEmbedding:
    Embedding + Clone + PartialEq + Serialize + DeserializeOwned + 'static
{
    /// Name in the registry.
    const NAME: &'static str;

    /// Way in which new points are placed.
    fn placement(&self) -> Placement;

    /// Number of nearest fitted points of a new one that [`NeighborEmbedding::optimise_places`]
    /// uses.
    fn n_neighbors_to_optimise(&self) -> usize;

    /// Moves new points, m x n_components, from the coordinates that the rule of [`placement`]
    /// gives them to those that minimise the method's own objective, with the fitted points fixed.
    /// A row depends on nothing but its own neighbours.
    ///
    /// # Errors
    /// Any error of the device.
    fn optimise_places(
        &self,
        device: &Device,
        map: &FittedMap<Self>,
        new: &NewPoints<'_>,
        start: Matrix,
    ) -> Result<Matrix>;
}

/// A fitted embedding of the method `M`.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedMap<M> {
    method: M,
    embedding: Matrix,
    placement_scale: f32,
    /// Metric with which the neighbours of the fitted points were found.
    metric: Metric,
    /// One number per fitted point for [`NeighborEmbedding::optimise_places`]; empty if the method
    /// needs none.
    row_scales: Vec<f32>,
    results: Vec<(String, f64)>,
    course: Vec<(usize, f64)>,
    warnings: Vec<String>,
}

impl<M: NeighborEmbedding> FittedMap<M> {
    /// Takes the coordinates, n_samples x n_components, of points with these `neighbors`: at least
    /// 12 of each point, or all.
    pub(super) fn new(method: M, embedding: Matrix, neighbors: &NeighborGraph) -> Self {
        let placement_scale = placement::scale(&embedding, neighbors);
        let metric = neighbors.metric();
        let row_scales = Vec::new();
        let results = Vec::new();
        let course = Vec::new();
        let warnings = Vec::new();
        Self { method, embedding, placement_scale, metric, row_scales, results, course, warnings }
    }

    /// The same with one number per fitted point.
    pub(super) fn with_row_scales(self, row_scales: Vec<f32>) -> Self {
        Self { row_scales, ..self }
    }

    /// The same with the results that the method reports.
    pub(super) fn with_results(self, results: &[(&str, f64)], course: Vec<(usize, f64)>) -> Self {
        let results = results.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        Self { results, course, ..self }
    }

    /// The same with warnings for readers of the embedding.
    pub(super) fn with_warnings(self, warnings: Vec<String>) -> Self {
        Self { warnings, ..self }
    }

    /// Warnings for readers of the embedding; not kept in its file.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The method with its parameters.
    pub fn method(&self) -> &M {
        &self.method
    }

    /// Coordinates of the fitted points, n_samples x n_components.
    pub fn embedding(&self) -> &Matrix {
        &self.embedding
    }

    /// Number per fitted point that the method keeps for placing new points.
    pub fn row_scales(&self) -> &[f32] {
        &self.row_scales
    }

    /// Results that the method reports, by name.
    pub fn results(&self) -> &[(String, f64)] {
        &self.results
    }

    /// The result of that name.
    pub fn result(&self, name: &str) -> Option<f64> {
        self.results.iter().find(|(known, _)| known == name).map(|&(_, value)| value)
    }

    /// Objective during the fit: (iterations, value).
    pub fn course(&self) -> &[(usize, f64)] {
        &self.course
    }

    /// Number of nearest fitted points of a new one that [`FittedMap::transform`] needs, or all if
    /// there are fewer.
    pub fn n_neighbors_to_place(&self) -> usize {
        let most = self.embedding.n_samples();
        let optimised = if self.method.placement() == Placement::Optimise {
            self.method.n_neighbors_to_optimise()
        } else {
            0
        };
        placement::N_NEIGHBORS.max(optimised).min(most)
    }

    /// Coordinates of new points, m x n_components, each from its own neighbours alone.
    ///
    /// # Errors
    /// [`Error::Data`] if there are fewer neighbours than [`FittedMap::n_neighbors_to_place`], any
    /// error of the device.
    pub fn transform(&self, device: &Device, new: &NewPoints<'_>) -> Result<Matrix> {
        let found = new.neighbors.n_neighbors();
        let needed = self.n_neighbors_to_place();
        if found < needed {
            return Err(Error::Data(format!(
                "placing a point takes its {needed} nearest fitted points; {found} are given"
            )));
        }
        let start =
            placement::transform(device, &self.embedding, new.neighbors, self.placement_scale)?;
        match self.method.placement() {
            Placement::Mode => Ok(start),
            Placement::Optimise => self.method.optimise_places(device, self, new, start),
        }
    }

    /// Restores a fitted embedding from the content of its file.
    pub(super) fn restore(state: State) -> Result<Box<dyn Fitted>> {
        let field = |name: &str| state.numbers.get(name).cloned().unwrap_or_default();
        let malformed = |error: serde_json::Error| {
            Error::Data(format!("the model's description is malformed: {error}"))
        };
        let embedding = state.tensor("embedding")?.clone();
        let row_scales =
            state.tensors.get("row_scales").map_or(Vec::new(), |scales| scales.as_slice().to_vec());
        if !row_scales.is_empty() && row_scales.len() != embedding.n_samples() {
            return Err(Error::Data(format!(
                "{} row scales for {} fitted points",
                row_scales.len(),
                embedding.n_samples()
            )));
        }
        let method: M = serde_json::from_value(field("parameters")).map_err(malformed)?;
        if embedding.n_features() != method.n_components() {
            let (found, expected) = (embedding.n_features(), method.n_components());
            return Err(Error::Data(format!(
                "coordinates of {found} dimensions for a map of {expected}"
            )));
        }
        let placement_scale: f32 =
            serde_json::from_value(field("placement_scale")).map_err(malformed)?;
        if !(placement_scale > 0.0 && placement_scale.is_finite()) {
            return Err(Error::Data(format!(
                "placement_scale = {placement_scale}: expected a number above 0"
            )));
        }
        Ok(Box::new(Self {
            method,
            embedding,
            placement_scale,
            metric: serde_json::from_value(field("metric")).map_err(malformed)?,
            row_scales,
            results: serde_json::from_value(field("results")).map_err(malformed)?,
            course: serde_json::from_value(field("course")).map_err(malformed)?,
            warnings: Vec::new(),
        }))
    }
}

impl<M: NeighborEmbedding> Fitted for FittedMap<M> {
    fn embedding(&self) -> &Matrix {
        &self.embedding
    }

    fn n_neighbors_to_place(&self) -> usize {
        Self::n_neighbors_to_place(self)
    }

    fn metric(&self) -> Metric {
        self.metric
    }

    fn transform(&self, device: &Device, new: &NewPoints<'_>) -> Result<Matrix> {
        Self::transform(self, device, new)
    }

    fn results(&self) -> &[(String, f64)] {
        &self.results
    }

    fn course(&self) -> &[(usize, f64)] {
        &self.course
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn state(&self) -> State {
        let mut state = State::new(M::NAME);
        state.insert("embedding", self.embedding.clone());
        if let Ok(scales) = Matrix::new(self.row_scales.clone(), self.row_scales.len(), 1)
            && !self.row_scales.is_empty()
        {
            state.insert("row_scales", scales);
        }
        state.numbers.insert("parameters".into(), json!(self.method));
        state.numbers.insert("metric".into(), json!(self.metric));
        state.numbers.insert("placement_scale".into(), json!(self.placement_scale));
        state.numbers.insert("results".into(), json!(self.results));
        state.numbers.insert("course".into(), json!(self.course));
        state
    }
}

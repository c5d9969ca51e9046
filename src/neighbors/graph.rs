//! Graph of nearest neighbours, and its files.

use super::{MAX_NEIGHBORS, Metric};
use crate::error::{Error, Result};
use crate::files::write_atomic;
use crate::sealed;
use rayon::prelude::*;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Key of the JSON description in the metadata of a file.
const KEY: &str = "layerlens_neighbors";

#[derive(Serialize, Deserialize)]
struct Description {
    n: usize,
    k: usize,
    metric: Metric,
}

/// The `n_neighbors` nearest references of each of `n_samples` queries, nearest first, ties by
/// index; a point is never its own neighbour.
#[derive(Clone, Debug, PartialEq)]
pub struct NeighborGraph {
    indices: Vec<u32>,
    distances: Vec<f32>,
    n_neighbors: usize,
    metric: Metric,
}

impl NeighborGraph {
    /// Takes `indices` and Euclidean `distances`, both n_samples x n_neighbors in row-major order.
    ///
    /// # Errors
    /// [`Error::Data`] if the shapes do not fit each other.
    pub fn new(indices: Vec<u32>, distances: Vec<f32>, n_neighbors: usize) -> Result<Self> {
        if n_neighbors == 0
            || indices.len() != distances.len()
            || !indices.len().is_multiple_of(n_neighbors)
        {
            let (ids, lengths) = (indices.len(), distances.len());
            return Err(Error::Data(format!(
                "{ids} indices and {lengths} distances do not make rows of {n_neighbors}"
            )));
        }
        Ok(Self { indices, distances, n_neighbors, metric: Metric::Euclidean })
    }

    /// The same of points among themselves, from another program.
    ///
    /// # Errors
    /// [`Error::Data`] naming the row at fault: those of [`NeighborGraph::new`], and the faults of a
    /// file that [`NeighborGraph::read`] names.
    pub fn of_points(indices: Vec<u32>, distances: Vec<f32>, n_neighbors: usize) -> Result<Self> {
        let graph = Self::new(indices, distances, n_neighbors)?;
        graph.check().map_err(Error::Data)?;
        Ok(graph)
    }

    /// The same graph with distances of another metric.
    pub fn with_metric(self, metric: Metric) -> Self {
        Self { metric, ..self }
    }

    /// The same graph with other neighbours and distances, of the same shape.
    pub(crate) fn with_lists(&self, indices: Vec<u32>, distances: Vec<f32>) -> Self {
        Self { indices, distances, ..*self }
    }

    /// Metric of the distances.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// Number of queries.
    pub fn n_samples(&self) -> usize {
        self.indices.len() / self.n_neighbors
    }

    /// Neighbours per query.
    pub fn n_neighbors(&self) -> usize {
        self.n_neighbors
    }

    /// Indices of the neighbours, n_samples x n_neighbors.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// Distances, n_samples x n_neighbors.
    pub fn distances(&self) -> &[f32] {
        &self.distances
    }

    /// Neighbours of query `i`, nearest first.
    pub fn neighbors(&self, i: usize) -> &[u32] {
        &self.indices[i * self.n_neighbors..][..self.n_neighbors]
    }

    /// The same graph with the first `n_neighbors` of each row.
    ///
    /// # Panics
    /// If the graph has fewer.
    pub fn truncated(&self, n_neighbors: usize) -> Self {
        assert!(
            n_neighbors <= self.n_neighbors,
            "{n_neighbors} of {} neighbours",
            self.n_neighbors
        );
        fn cut<T: Copy>(values: &[T], from: usize, to: usize) -> Vec<T> {
            values.chunks_exact(from).flat_map(|row| &row[..to]).copied().collect()
        }
        let from = self.n_neighbors;
        let to = n_neighbors;
        let (indices, distances) = (cut(&self.indices, from, to), cut(&self.distances, from, to));
        Self { indices, distances, n_neighbors, metric: self.metric }
    }

    /// The same graph of points in another order: row `at` is that of point `order[at]`, and point
    /// `order[at]` has the number `at`. Neighbours at the same distance stay in their order.
    ///
    /// # Panics
    /// If `order` does not number every point once.
    pub fn renumbered(&self, order: &[u32]) -> Self {
        let n = self.n_samples();
        let k = self.n_neighbors;
        assert_eq!(order.len(), n, "an order of all points");
        let mut numbers = vec![u32::MAX; n];
        for (at, &point) in order.iter().enumerate() {
            numbers[point as usize] = at as u32;
        }
        assert!(
            numbers.iter().all(|&number| number != u32::MAX),
            "an order that leaves a point out"
        );
        let (mut indices, mut distances) = (vec![0; n * k], vec![0.0; n * k]);
        let rows = indices.par_chunks_mut(k).zip(distances.par_chunks_mut(k)).zip(order);
        rows.for_each(|((indices, distances), &point)| {
            for (index, &neighbor) in indices.iter_mut().zip(self.neighbors(point as usize)) {
                *index = numbers[neighbor as usize];
            }
            distances.copy_from_slice(&self.distances[point as usize * k..][..k]);
        });
        Self { indices, distances, n_neighbors: k, metric: self.metric }
    }

    /// Writes the graph as .safetensors: `indices` (U32) and `distances` (F32), both n_samples x
    /// n_neighbors, and in the metadata under `layerlens_neighbors` a JSON object with `n`, `k` and
    /// `metric`. The file appears whole or not at all.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let failed = |message: String| Error::write(path, std::io::Error::other(message));
        let shape = vec![self.n_samples(), self.n_neighbors];
        let view = |dtype: Dtype, bytes| {
            TensorView::new(dtype, shape.clone(), bytes).map_err(|error| failed(error.to_string()))
        };
        let views = [
            ("indices", view(Dtype::U32, bytemuck::cast_slice(&self.indices))?),
            ("distances", view(Dtype::F32, bytemuck::cast_slice(&self.distances))?),
        ];
        let description =
            Description { n: self.n_samples(), k: self.n_neighbors, metric: self.metric };
        let description =
            serde_json::to_string(&description).map_err(|error| failed(error.to_string()))?;
        let bytes = sealed::serialize(&views, KEY, &description).map_err(failed)?;
        write_atomic(path, |writer| writer.write_all(&bytes))
    }

    /// Reads a graph of points among themselves, as [`NeighborGraph::write`] writes it. A file
    /// without the metadata is accepted too and is taken to hold Euclidean distances.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file, and the row if one is at fault: no such file, another
    /// format or shape, more than [`MAX_NEIGHBORS`] neighbours, an index out of range, a point as
    /// its own neighbour, the same neighbour twice, a distance that is negative or not finite, or
    /// distances that do not ascend.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| Error::input(path, error.to_string()))?;
        let malformed = |message: &dyn std::fmt::Display| {
            Error::input(path, format!("not a .safetensors file of neighbours: {message}"))
        };
        let (_, metadata) =
            SafeTensors::read_metadata(&bytes).map_err(|error| malformed(&error))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| malformed(&error))?;
        let array = |name: &str, dtype: Dtype| {
            let view = file
                .tensor(name)
                .map_err(|error| malformed(&format!("array `{name}`: {error}")))?;
            match *view.shape() {
                [n, k] if view.dtype() == dtype && k > 0 => Ok((n, k, view.data().to_vec())),
                _ => {
                    let (found, shape) = (view.dtype(), view.shape());
                    Err(malformed(&format!(
                        "array `{name}` is {found:?} {shape:?}, expected {dtype:?} [points, \
                         neighbours]"
                    )))
                }
            }
        };
        let (n, k, indices) = array("indices", Dtype::U32)?;
        let (n_too, k_too, distances) = array("distances", Dtype::F32)?;
        if (n, k) != (n_too, k_too) {
            return Err(malformed(&format!("{n} x {k} indices and {n_too} x {k_too} distances")));
        }
        let metric = match metadata.metadata().as_ref().and_then(|metadata| metadata.get(KEY)) {
            None => Metric::Euclidean,
            Some(text) => {
                let text =
                    sealed::open(&file, text).map_err(|message| Error::input(path, message))?;
                let description: Description =
                    serde_json::from_str(&text).map_err(|error| malformed(&error))?;
                if (description.n, description.k) != (n, k) {
                    let Description { n: n_said, k: k_said, .. } = description;
                    return Err(malformed(&format!(
                        "its metadata speak of {n_said} x {k_said}, its arrays have {n} x {k}"
                    )));
                }
                description.metric
            }
        };
        let graph = Self {
            indices: bytemuck::pod_collect_to_vec(&indices),
            distances: bytemuck::pod_collect_to_vec(&distances),
            n_neighbors: k,
            metric,
        };
        graph.check().map_err(|message| Error::input(path, message))?;
        Ok(graph)
    }

    /// Checks a graph of points among themselves; the error describes the fault.
    fn check(&self) -> std::result::Result<(), String> {
        let n = self.n_samples();
        let k = self.n_neighbors;
        if k > MAX_NEIGHBORS {
            return Err(format!("{k} neighbours a point: at most {MAX_NEIGHBORS} are supported"));
        }
        let mut seen = Vec::with_capacity(k);
        for (row, distances) in self.distances.chunks_exact(k).enumerate() {
            let ids = self.neighbors(row);
            if let Some(id) = ids.iter().find(|&&id| id as usize >= n) {
                return Err(format!(
                    "row {row} has the neighbour {id}: there are {n} points, counted from 0"
                ));
            }
            if ids.contains(&(row as u32)) {
                return Err(format!("row {row} has itself as a neighbour"));
            }
            if let Some(distance) =
                distances.iter().find(|distance| !(distance.is_finite() && **distance >= 0.0))
            {
                return Err(format!(
                    "row {row} has the distance {distance}: finite numbers from 0 on are expected"
                ));
            }
            if let Some(pair) = distances.windows(2).find(|pair| pair[0] > pair[1]) {
                return Err(format!(
                    "row {row} has the distance {} before {}: nearest first is expected",
                    pair[0], pair[1]
                ));
            }
            seen.clear();
            seen.extend_from_slice(ids);
            seen.sort_unstable();
            if let Some(pair) = seen.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(format!("row {row} has the neighbour {} twice", pair[0]));
            }
        }
        Ok(())
    }
}

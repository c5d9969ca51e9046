//! Exact k-nearest neighbours: one graph, shared by every method, score and metric.
//!
//! Brute force in tiles, O(n m d) with the constant of a matrix product: distances in product form give k + 8 candidates a
//! row, which are ranked again by exact distances; a row whose candidates are not proven complete is searched again in
//! difference form. So the answer is exact, and ties are broken by index: it is the same on every device, except where two
//! distances differ by less than their rounding. Where there are few features the difference form is as cheap and is used
//! alone. Runs on both devices; the GPU holds the points twice, as they are and centred.

pub mod knn;
pub mod pairwise;

pub use knn::MAX_NEIGHBORS;

use crate::compute::{Buffer, Device};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::progress::Observer;
use knn::{NONE, Nearest, SPARE, Span};
use pairwise::Block;
use rayon::prelude::*;

/// Up to this many features the difference form costs no more than the product form.
const FEW_FEATURES: usize = 16;
/// Rows of one part of the points: with 1,024 queries a tile of distances has 32 MiB.
const PART_ROWS: usize = 8192;
/// Query rows of one tile.
const TILE_ROWS: usize = 1024;
/// Multiplications of one tile at most: some 20 ms on an integrated GPU.
const TILE_WORK: usize = 1 << 33;
/// Lengths below this have squares that are not normal numbers.
const LEAST_RADIUS: f32 = 1e-18;

/// The `n_neighbors` nearest references of each of `n_samples` queries, nearest first, ties by index; a point is never its
/// own neighbour.
#[derive(Clone, Debug, PartialEq)]
pub struct NeighborGraph {
    indices: Vec<u32>,
    distances: Vec<f32>,
    n_neighbors: usize,
}

impl NeighborGraph {
    /// Takes `indices` and Euclidean `distances`, both n_samples x n_neighbors in row-major order.
    ///
    /// # Errors
    /// [`Error::Data`] if the shapes do not fit each other.
    pub fn new(indices: Vec<u32>, distances: Vec<f32>, n_neighbors: usize) -> Result<Self> {
        if n_neighbors == 0 || indices.len() != distances.len() || !indices.len().is_multiple_of(n_neighbors) {
            let (ids, lengths) = (indices.len(), distances.len());
            return Err(Error::Data(format!("{ids} indices and {lengths} distances do not make rows of {n_neighbors}")));
        }
        Ok(Self { indices, distances, n_neighbors })
    }

    /// Number of queries.
    pub fn n_samples(&self) -> usize {
        self.indices.len() / self.n_neighbors
    }

    /// Neighbours per query.
    pub fn n_neighbors(&self) -> usize {
        self.n_neighbors
    }

    /// Rows of the neighbours, n_samples x n_neighbors.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// Euclidean distances, n_samples x n_neighbors.
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
        assert!(n_neighbors <= self.n_neighbors, "{n_neighbors} of {} neighbours", self.n_neighbors);
        fn cut<T: Copy>(values: &[T], from: usize, to: usize) -> Vec<T> {
            values.chunks_exact(from).flat_map(|row| &row[..to]).copied().collect()
        }
        let (from, to) = (self.n_neighbors, n_neighbors);
        Self { indices: cut(&self.indices, from, to), distances: cut(&self.distances, from, to), n_neighbors }
    }
}

/// The `n_neighbors` nearest other rows of every row of `x`; duplicates of a row count, the row itself does not.
///
/// # Errors
/// [`Error::Data`] if there are not more than `n_neighbors` rows or if squared distances overflow, [`Error::Parameter`] beyond
/// [`MAX_NEIGHBORS`], any error of the device, [`Error::Interrupted`].
pub fn nearest_neighbors(device: &Device, x: &Matrix, n_neighbors: usize, observer: &dyn Observer) -> Result<NeighborGraph> {
    let n = x.n_samples();
    if n_neighbors >= n {
        let most = n.saturating_sub(1);
        return Err(Error::Data(format!(
            "{n} points have at most {most} other points each; {n_neighbors} neighbours were asked for"
        )));
    }
    let mean = x.column_means();
    let radius = radius(x, &mean)?;
    let references = Points::new(device, x, &mean)?;
    search(device, &references, &references, radius, true, n_neighbors, observer)
}

/// The `n_neighbors` nearest rows of `references` for every row of `queries`.
///
/// # Errors
/// [`Error::Data`] if there are fewer references or the widths differ, and as [`nearest_neighbors`].
pub fn nearest_references(
    device: &Device,
    queries: &Matrix,
    references: &Matrix,
    n_neighbors: usize,
    observer: &dyn Observer,
) -> Result<NeighborGraph> {
    let n = references.n_samples();
    if n_neighbors > n {
        return Err(Error::Data(format!("{n_neighbors} neighbours were asked for among {n} points")));
    }
    if queries.n_features() != references.n_features() {
        let (found, expected) = (queries.n_features(), references.n_features());
        return Err(Error::Data(format!("the new points have {found} features, the fitted ones {expected}")));
    }
    let mean = references.column_means();
    let radius = radius(references, &mean)?;
    let (queries, references) = (Points::new(device, queries, &mean)?, Points::new(device, references, &mean)?);
    search(device, &queries, &references, radius, false, n_neighbors, observer)
}

/// Rows of a matrix on a device, in parts that fit a binding.
struct Points {
    parts: Vec<Part>,
    n_samples: usize,
    n_features: usize,
}

struct Part {
    first: usize,
    len: usize,
    rows: Buffer<f32>,
    /// Rows less the mean and their squared lengths, for the product form.
    centred: Buffer<f32>,
    norms: Buffer<f32>,
}

impl Points {
    fn new(device: &Device, x: &Matrix, mean: &[f32]) -> Result<Self> {
        let d = x.n_features();
        let fitting = device.max_binding_bytes() / (4 * d as u64);
        if fitting == 0 {
            return Err(Error::Data(format!("one row of {d} features is larger than this device can bind")));
        }
        let part_rows = PART_ROWS.min(fitting as usize);
        let mut parts = Vec::new();
        for first in (0..x.n_samples()).step_by(part_rows) {
            let len = part_rows.min(x.n_samples() - first);
            let slice = &x.as_slice()[first * d..][..len * d];
            let rows = Buffer::from_slice(device, "points", slice)?;
            let (centred, mut norms) = if d <= FEW_FEATURES {
                (Buffer::zeros(device, "centred points", 0)?, Buffer::zeros(device, "norms", len)?)
            } else {
                (Buffer::from_slice(device, "centred points", &centred(slice, mean))?, Buffer::new(device, "norms", len)?)
            };
            if d > FEW_FEATURES {
                pairwise::squared_norms(device, &centred, &mut norms, len, d)?;
            }
            parts.push(Part { first, len, rows, centred, norms });
        }
        Ok(Self { parts, n_samples: x.n_samples(), n_features: d })
    }
}

/// Largest length of a row of the references less their mean.
///
/// # Errors
/// [`Error::Data`] if all are so short that the squares of differences vanish, and all points would seem to be one.
fn radius(references: &Matrix, mean: &[f32]) -> Result<f32> {
    let length = |row: &[f32]| row.iter().zip(mean).map(|(v, mean)| f64::from(v - mean).powi(2)).sum::<f64>().sqrt() as f32;
    let rows = references.as_slice().par_chunks(mean.len());
    let longest = rows.map(length).reduce(|| 0.0, f32::max);
    if longest > 0.0 && longest < LEAST_RADIUS {
        let message = format!("no point is further than {longest:e} from the mean of all: scale the data up");
        return Err(Error::Data(message));
    }
    Ok(longest)
}

fn centred(rows: &[f32], mean: &[f32]) -> Vec<f32> {
    rows.chunks_exact(mean.len()).flat_map(|row| row.iter().zip(mean).map(|(value, mean)| value - mean)).collect()
}

fn search(
    device: &Device,
    queries: &Points,
    references: &Points,
    radius: f32,
    exclude_self: bool,
    n_neighbors: usize,
    observer: &dyn Observer,
) -> Result<NeighborGraph> {
    if !(1..=MAX_NEIGHBORS).contains(&n_neighbors) {
        return Err(Error::parameter(
            "--n-neighbors",
            n_neighbors,
            format!("between 1 and {MAX_NEIGHBORS} neighbours are supported"),
        ));
    }
    let (mut indices, mut squared) = (Vec::new(), Vec::new());
    for part in &queries.parts {
        let excluded: Vec<u32> = (0..part.len).map(|i| if exclude_self { (part.first + i) as u32 } else { NONE }).collect();
        let excluded = Buffer::from_slice(device, "excluded", &excluded)?;
        let exact = queries.n_features <= FEW_FEATURES;
        let mut nearest = Nearest {
            ids: Buffer::new(device, "neighbour indices", part.len * n_neighbors)?,
            distances: Buffer::new(device, "neighbour distances", part.len * n_neighbors)?,
            unproven: Buffer::new(device, "unproven rows", part.len)?,
            n_neighbors,
            radius,
            relative_error: if exact { 0.0 } else { pairwise::relative_error(queries.n_features) },
        };
        let done = |row: usize| observer.step((part.first + row) as u64, queries.n_samples as u64, &[]);
        search_part(device, part, references, &excluded, exact, &mut nearest, &done)?;
        let (mut ids, mut distances) = (nearest.ids.read(device)?, nearest.distances.read(device)?);
        let unproven = nearest.unproven.read(device)?;
        let again: Vec<usize> = (0..part.len).filter(|&row| unproven[row] != 0).collect();
        if !again.is_empty() {
            let (fresh_ids, fresh) =
                search_again(device, part, references, exclude_self, &again, n_neighbors, &|| done(part.len))?;
            for (at, &row) in again.iter().enumerate() {
                ids[row * n_neighbors..][..n_neighbors].copy_from_slice(&fresh_ids[at * n_neighbors..][..n_neighbors]);
                distances[row * n_neighbors..][..n_neighbors].copy_from_slice(&fresh[at * n_neighbors..][..n_neighbors]);
            }
        }
        indices.extend(ids);
        squared.extend(distances);
    }
    observer.step(queries.n_samples as u64, queries.n_samples as u64, &[])?;
    if squared.iter().any(|distance| !distance.is_finite()) {
        // Infinite distances would all tie, and every probability computed from them is NaN.
        return Err(Error::Data("some points are too far apart for their squared distances: scale the data down".into()));
    }
    NeighborGraph::new(indices, squared.into_iter().map(f32::sqrt).collect(), n_neighbors)
}

/// Searches for all queries of one part, tile by tile, in product form or, if `exact`, in difference form.
fn search_part(
    device: &Device,
    part: &Part,
    references: &Points,
    excluded: &Buffer<u32>,
    exact: bool,
    nearest: &mut Nearest,
    done: &dyn Fn(usize) -> Result<()>,
) -> Result<()> {
    let d = references.n_features;
    let list_length = nearest.n_neighbors + if exact { 0 } else { SPARE };
    let widest = references.parts.iter().map(|part| part.len).max().unwrap_or(0);
    let tile = TILE_ROWS.min(part.len).min((TILE_WORK / (widest * d).max(1)).max(64));
    let mut distances = Buffer::new(device, "distance tile", tile * widest)?;
    let mut refined = Buffer::new(device, "refined distances", tile * list_length)?;
    for query_first in (0..part.len).step_by(tile) {
        let n_queries = tile.min(part.len - query_first);
        let mut lists = Buffer::from_slice(device, "candidates", &vec![NONE; 2 * tile * list_length])?;
        for reference in &references.parts {
            let block = Block { query_first, n_queries, n_references: reference.len, n_features: d };
            if exact {
                pairwise::difference_distances(device, &part.rows, &reference.rows, &mut distances, block)?;
            } else {
                let (from, to) = ((&part.centred, &part.norms), (&reference.centred, &reference.norms));
                pairwise::squared_distances(device, from, to, &mut distances, block)?;
            }
            let span = Span { query_first, n_queries, reference_first: reference.first, n_references: reference.len };
            knn::select_nearest(device, &distances, excluded, &mut lists, list_length, span)?;
        }
        for reference in &references.parts {
            let span = Span { query_first, n_queries, reference_first: reference.first, n_references: reference.len };
            knn::refine(device, &part.rows, &reference.rows, &lists, &mut refined, list_length, d, span)?;
        }
        knn::order_nearest(device, &lists, &refined, &part.norms, nearest, list_length, (query_first, n_queries))?;
        done(query_first + n_queries)?;
    }
    Ok(())
}

/// Searches in difference form for the `rows` of a part that could not be proven complete.
fn search_again(
    device: &Device,
    part: &Part,
    references: &Points,
    exclude_self: bool,
    rows: &[usize],
    n_neighbors: usize,
    going_on: &dyn Fn() -> Result<()>,
) -> Result<(Vec<u32>, Vec<f32>)> {
    let d = references.n_features;
    let all = part.rows.read(device)?;
    let gathered: Vec<f32> = rows.iter().flat_map(|&row| &all[row * d..][..d]).copied().collect();
    let excluded: Vec<u32> = rows.iter().map(|&row| if exclude_self { (part.first + row) as u32 } else { NONE }).collect();
    let excluded = Buffer::from_slice(device, "excluded", &excluded)?;
    let len = rows.len();
    let gathered = Part {
        first: 0,
        len,
        rows: Buffer::from_slice(device, "unproven points", &gathered)?,
        centred: Buffer::zeros(device, "centred points", 0)?,
        norms: Buffer::zeros(device, "norms", len)?,
    };
    let mut nearest = Nearest {
        ids: Buffer::new(device, "neighbour indices", len * n_neighbors)?,
        distances: Buffer::new(device, "neighbour distances", len * n_neighbors)?,
        unproven: Buffer::new(device, "unproven rows", len)?,
        n_neighbors,
        radius: 0.0,
        relative_error: 0.0,
    };
    search_part(device, &gathered, references, &excluded, true, &mut nearest, &|_| going_on())?;
    Ok((nearest.ids.read(device)?, nearest.distances.read(device)?))
}

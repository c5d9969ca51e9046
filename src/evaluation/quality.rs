//! Quality of a map compared with its space, without classes: every value exact, on samples whose
//! sizes it states.
//!
//! | metric | of | measured on |
//! |---|---|---|
//! | trustworthiness, continuity | ranks of the 12 neighbours | a sample of 5,000 points, among themselves |
//! | neighbour recall | the 10 nearest of all points | the same sample |
//! | global score | linear reconstruction | all points |
//! | random-triplet accuracy, Spearman | distances | 40 triplets and 40 pairs a point of the sample; all pairs of up to 632 |
//! | trustworthiness of new points | ranks of the 12 neighbours | 2,000 new points, among 10,000 fitted ones |
//!
//! The part that depends on the space alone, O(5,000^2 d), is computed once for all its maps. The
//! samples depend on the seed alone.

use super::MapId;
use super::global_score::GlobalScore;
use super::orders::{spearman, triplet_accuracy};
use super::ranks::{DistanceTable, kept_ranks};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::{NeighborGraph, nearest_neighbors, nearest_references};
use crate::progress::Observer;
use crate::random::Random;
use serde::{Deserialize, Serialize};

/// Minimum number of points for which the quality is defined.
pub const MIN_SAMPLES: usize = 4;

/// Points of the sample, or all if there are fewer.
const N_SAMPLED: usize = 5000;
/// New points, and fitted ones beside them, or all if there are fewer.
const N_NEW: usize = 2000;
const N_REFERENCES: usize = 10_000;
/// A sample of wide points is smaller: it has this many values at most, 128 MiB, which every GPU
/// binds.
const MAX_VALUES: usize = 1 << 25;
/// Neighbours of trustworthiness and continuity, or fewer so that they are less than half of the
/// sample.
const N_NEIGHBORS: usize = 12;
/// Number of neighbours that are searched for in the map, or all others if there are fewer.
const N_RECALLED: usize = 10;
/// Triplets and pairs a point of the sample.
const DRAWS: usize = 40;
/// Streams of the random numbers of this module.
const STREAMS: [u64; 4] = [0x7175_0001, 0x7175_0002, 0x7175_0003, 0x7175_0004];

/// Metrics of one map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Points of the sample of all metrics except the global score.
    pub n_sampled: usize,
    /// Neighbours of trustworthiness and continuity.
    pub n_neighbors: usize,
    /// 1 if the neighbours in the map are neighbours in the space, 0 at the least; scikit-learn's
    /// definition.
    pub trustworthiness: f64,
    /// 1 if the neighbours in the space are neighbours in the map, 0 at the least.
    pub continuity: f64,
    /// Neighbours of the recall.
    pub n_recalled: usize,
    /// Share of the nearest of all points in the space that are among as many nearest in the map.
    pub neighbor_recall: f64,
    /// exp(-(L - L_pca) / L_pca) of the errors of linear reconstruction, 0 to 1: 1 for PCA. None if
    /// the space has no variance beyond that of its principal components.
    pub global_score: Option<f64>,
    /// Triplets of points that were drawn.
    pub n_triplets: usize,
    /// Share of them whose two distances from the first point have the same order in space and map;
    /// 0.5 by chance.
    pub random_triplet_accuracy: f64,
    /// Pairs of points that were compared.
    pub n_pairs: usize,
    /// Spearman's correlation of their distances in space and map, -1 to 1. None if all are equal
    /// in one of them.
    pub spearman: Option<f64>,
    /// The same of new points that were placed in the map.
    pub of_new: Option<NewQuality>,
}

/// Figures of new points in a map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewQuality {
    /// Number of new points that were measured.
    pub n_sampled: usize,
    /// Fitted points among which their neighbours were sought.
    pub n_references: usize,
    /// Neighbours of the trustworthiness.
    pub n_neighbors: usize,
    /// 1 if the fitted points near a new one in the map are near it in the space, 0 at the least.
    pub trustworthiness: f64,
}

/// The quality of one map, with what it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapQuality {
    /// The space: `raw`, `layer_1`, ...
    pub space: String,
    /// The method that made the map, or none if that is not known.
    pub method: Option<String>,
    /// Dimensions of the space.
    pub n_features: usize,
    /// Dimensions of the map.
    pub n_dimensions: usize,
    /// Its metrics.
    #[serde(flatten)]
    pub quality: Quality,
}

impl MapQuality {
    /// Identity of the map.
    pub fn id(&self) -> MapId {
        MapId::new(&self.space, self.method.as_deref(), self.n_dimensions)
    }
}

impl Quality {
    /// The quality of one map, n_samples x n_components, of the points `x`, n_samples x n_features.
    /// `neighbors` are those of the points, if they are known: at least 10 of each, or all
    /// others.
    ///
    /// # Errors
    /// [`Error::Data`] if there are fewer than [`MIN_SAMPLES`] points, if the numbers of rows
    /// differ or if values are too large or too small for their squares; any error of the device;
    /// [`Error::Interrupted`].
    pub fn of(
        device: &Device,
        x: &Matrix,
        embedding: &Matrix,
        neighbors: Option<&NeighborGraph>,
        seed: u64,
        observer: &dyn Observer,
    ) -> Result<Self> {
        SpaceRanks::new(device, x, neighbors, embedding.n_features(), seed, observer)?
            .quality(device, embedding, None, None, observer)
    }
}

/// Ranks and distances of a space that the metrics of its maps share.
#[derive(Debug)]
pub struct SpaceRanks<'a> {
    x: &'a Matrix,
    sample: Vec<usize>,
    table: DistanceTable,
    n_neighbors: usize,
    /// Neighbours within the sample, as positions there.
    nearest: NeighborGraph,
    n_recalled: usize,
    /// Neighbours of the sample among all points.
    neighbors: Vec<u32>,
    triplets: Distances,
    pairs: Distances,
    global: GlobalScore,
    new: Option<NewRanks>,
}

/// Distances in the space between points of the sample.
#[derive(Debug)]
struct Distances {
    /// Positions in the sample, equally many for each of its points.
    ids: Vec<u32>,
    /// Squared distances from that point, of those that count.
    squared: Vec<f32>,
}

/// Where new points lie beside fitted ones.
#[derive(Debug)]
struct NewRanks {
    rows: Vec<usize>,
    references: Vec<usize>,
    n_neighbors: usize,
    table: DistanceTable,
}

impl<'a> SpaceRanks<'a> {
    /// Ranks of the points `x` for maps of `n_components` dimensions; `neighbors` as in
    /// [`Quality::of`].
    ///
    /// # Errors
    /// As [`Quality::of`].
    pub fn new(
        device: &Device,
        x: &'a Matrix,
        neighbors: Option<&NeighborGraph>,
        n_components: usize,
        seed: u64,
        observer: &dyn Observer,
    ) -> Result<Self> {
        let n = x.n_samples();
        if n < MIN_SAMPLES {
            return Err(Error::Data(format!(
                "the quality of a map needs at least {MIN_SAMPLES} points, there are {n}"
            )));
        }
        let sample = sampled_rows(seed, x);
        let m = sample.len();
        let sampled = x.select(&sample);
        let n_neighbors = below_half(m);
        let nearest = nearest_neighbors(device, &sampled, n_neighbors, observer)?;
        let n_recalled = N_RECALLED.min(n - 1);
        let neighbors = neighbors_of(device, x, neighbors, &sample, n_recalled, observer)?;
        let table = DistanceTable::among(device, &sampled, observer)?;
        let ids = others(seed, STREAMS[1], m, 2 * DRAWS);
        let triplets = Distances { squared: table.distances(device, &ids)?, ids };
        // All pairs if there are no more than would be drawn.
        let all = m * (m - 1) / 2 <= N_SAMPLED * DRAWS;
        let ids = if all {
            (0..m * m).map(|at| (at % m) as u32).collect()
        } else {
            others(seed, STREAMS[2], m, DRAWS)
        };
        let pairs = Distances { squared: of_pairs(table.distances(device, &ids)?, m, all), ids };
        let global = GlobalScore::new(device, x, n_components, seed)?;
        Ok(Self {
            x,
            sample,
            table,
            n_neighbors,
            nearest,
            n_recalled,
            neighbors,
            triplets,
            pairs,
            global,
            new: None,
        })
    }

    /// The same with new points, m x n_features, so that their embedding is measured too.
    ///
    /// # Errors
    /// [`Error::Data`] if the widths differ; any error of the device; [`Error::Interrupted`].
    pub fn with_new(
        self,
        device: &Device,
        new: &Matrix,
        seed: u64,
        observer: &dyn Observer,
    ) -> Result<Self> {
        let (n, d) = (self.x.n_samples(), self.x.n_features());
        if new.n_features() != d {
            return Err(Error::Data(format!(
                "the new points have {} features, the fitted ones {d}",
                new.n_features()
            )));
        }
        if new.n_samples() == 0 {
            return Ok(self);
        }
        let rows = drawn(seed, STREAMS[3], new.n_samples(), N_NEW, d);
        let references = drawn(seed, STREAMS[0], n, N_REFERENCES, d);
        let n_neighbors = below_half(references.len());
        let table = DistanceTable::between(
            device,
            &new.select(&rows),
            &self.x.select(&references),
            observer,
        )?;
        Ok(Self { new: Some(NewRanks { rows, references, n_neighbors, table }), ..self })
    }

    /// The quality of a map of the points, n_samples x n_components. `placed` is the embedding in
    /// it of the new points, if there are any; `neighbors` those of the fitted points in the map,
    /// if they are known: at least 10 of each, or all others.
    ///
    /// # Errors
    /// [`Error::Data`] if the map has other dimensions than were said or another number of rows;
    /// any error of the device; [`Error::Interrupted`].
    pub fn quality(
        &self,
        device: &Device,
        embedding: &Matrix,
        placed: Option<&Matrix>,
        neighbors: Option<&NeighborGraph>,
        observer: &dyn Observer,
    ) -> Result<Quality> {
        let expected = (self.x.n_samples(), self.global.n_components());
        if (embedding.n_samples(), embedding.n_features()) != expected {
            let found = (embedding.n_samples(), embedding.n_features());
            let (n, c) = expected;
            return Err(Error::Data(format!(
                "the map is {} x {}, expected {n} x {c}",
                found.0, found.1
            )));
        }
        let m = self.sample.len();
        let k = self.n_neighbors;
        let sampled = embedding.select(&self.sample);
        let nearest = nearest_neighbors(device, &sampled, k, observer)?;
        let table = DistanceTable::among(device, &sampled, observer)?;
        let found =
            neighbors_of(device, embedding, neighbors, &self.sample, self.n_recalled, observer)?;
        let triplets = table.distances(device, &self.triplets.ids)?;
        let pairs = of_pairs(
            table.distances(device, &self.pairs.ids)?,
            m,
            self.pairs.squared.len() < self.pairs.ids.len(),
        );
        let of_new = match (&self.new, placed) {
            (Some(new), Some(placed)) => Some(new.quality(device, embedding, placed, observer)?),
            _ => None,
        };
        Ok(Quality {
            n_sampled: m,
            n_neighbors: k,
            trustworthiness: kept_ranks(&self.table.ranks(device, nearest.indices())?, k, m),
            continuity: kept_ranks(&table.ranks(device, self.nearest.indices())?, k, m),
            n_recalled: self.n_recalled,
            neighbor_recall: recall(&self.neighbors, &found, self.n_recalled),
            global_score: self.global.of(device, self.x, embedding)?,
            n_triplets: triplets.len() / 2,
            random_triplet_accuracy: triplet_accuracy(&self.triplets.squared, &triplets),
            n_pairs: pairs.len(),
            spearman: spearman(&self.pairs.squared, &pairs),
            of_new,
        })
    }
}

impl NewRanks {
    fn quality(
        &self,
        device: &Device,
        embedding: &Matrix,
        placed: &Matrix,
        observer: &dyn Observer,
    ) -> Result<NewQuality> {
        if self.rows.iter().any(|&row| row >= placed.n_samples()) {
            return Err(Error::Data(format!(
                "the embedding has only {} new points",
                placed.n_samples()
            )));
        }
        let references = embedding.select(&self.references);
        let k = self.n_neighbors;
        let nearest =
            nearest_references(device, &placed.select(&self.rows), &references, k, observer)?;
        let ranks = self.table.ranks(device, nearest.indices())?;
        // A new point has a rank for each reference: it is one more beside them.
        let trustworthiness = kept_ranks(&ranks, k, self.references.len() + 1);
        Ok(NewQuality {
            n_sampled: self.rows.len(),
            n_references: self.references.len(),
            n_neighbors: k,
            trustworthiness,
        })
    }
}

/// At most `most` of `n` rows of width `d`, ascending.
fn drawn(seed: u64, stream: u64, n: usize, most: usize, d: usize) -> Vec<usize> {
    let most = most.min((MAX_VALUES / d).max(MIN_SAMPLES));
    if n <= most {
        return (0..n).collect();
    }
    let mut rows = Random::new(seed, stream).permutation(n);
    rows.truncate(most);
    rows.sort_unstable();
    rows
}

/// The rows of the sample of all metrics except those of new points.
pub(super) fn sampled_rows(seed: u64, x: &Matrix) -> Vec<usize> {
    drawn(seed, STREAMS[0], x.n_samples(), N_SAMPLED, x.n_features())
}

/// Neighbours of ranks among `m` points: less than half of them.
pub(super) fn below_half(m: usize) -> usize {
    N_NEIGHBORS.min((m - 1) / 2).max(1)
}

/// `count` other points for each of `m`, drawn with repetition.
fn others(seed: u64, stream: u64, m: usize, count: usize) -> Vec<u32> {
    let random = Random::new(seed, stream);
    let other = |at: usize| {
        let drawn = (u64::from(random.bits(at as u64)) * (m as u64 - 1)) >> 32;
        // The point itself is skipped.
        drawn as u32 + u32::from(drawn as usize >= at / count)
    };
    (0..m * count).map(other).collect()
}

/// Distances of pairs that count: those right of the diagonal if they are `all` m x m.
fn of_pairs(distances: Vec<f32>, m: usize, all: bool) -> Vec<f32> {
    if !all {
        return distances;
    }
    distances
        .chunks_exact(m)
        .enumerate()
        .flat_map(|(row, distances)| distances[row + 1..].to_vec())
        .collect()
}

/// The `k` nearest of all points of each of the sample, from the graph if it has them.
fn neighbors_of(
    device: &Device,
    x: &Matrix,
    graph: Option<&NeighborGraph>,
    sample: &[usize],
    k: usize,
    observer: &dyn Observer,
) -> Result<Vec<u32>> {
    if let Some(graph) =
        graph.filter(|graph| graph.n_neighbors() >= k && graph.n_samples() == x.n_samples())
    {
        return Ok(sample.iter().flat_map(|&row| &graph.neighbors(row)[..k]).copied().collect());
    }
    // One more, for the point itself; where it is not among them it has as many equals, and the
    // last one is left out.
    let found = nearest_references(device, &x.select(sample), x, k + 1, observer)?;
    let without = |(at, &row): (usize, &usize)| {
        let others = found.neighbors(at).iter().copied().filter(move |&id| id as usize != row);
        others.take(k).collect::<Vec<_>>()
    };
    Ok(sample.iter().enumerate().flat_map(without).collect())
}

/// Share of the `wanted` that are among the `found`, in rows of `k`.
fn recall(wanted: &[u32], found: &[u32], k: usize) -> f64 {
    let rows = wanted.chunks_exact(k).zip(found.chunks_exact(k));
    let hits: usize =
        rows.map(|(wanted, found)| wanted.iter().filter(|id| found.contains(id)).count()).sum();
    hits as f64 / wanted.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_never_the_point_itself_and_all_of_them() {
        for m in [2, 4, 7] {
            let ids = others(3, 1, m, 50);
            for (at, row) in ids.chunks_exact(50).enumerate() {
                let mut seen = row.to_vec();
                seen.sort_unstable();
                seen.dedup();
                assert!(
                    seen.into_iter().eq((0..m as u32).filter(|&other| other != at as u32)),
                    "{at} of {m}"
                );
            }
        }
    }
}

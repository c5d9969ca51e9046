//! CPU search: exact nearest neighbours for a fraction of the arithmetic of all distances.
//!
//! A GPU computes all distances as one large matrix product and selects from them; on the CPU that
//! product would take most of a run. The result is the same, the exact neighbours in the order of
//! (distance, index), but it is found in four steps:
//! 1. [`frame`]: short coordinates whose distances are lower bounds;
//! 2. [`clusters`]: blocks of near points;
//! 3. a probe of the nearest blocks gives every point `k` exact distances, of which the largest is
//!    its limit;
//! 4. [`tiles`]: blocks are compared with blocks, each pair once for both. Pairs whose lower bound
//!    is within the limit of either point get an exact distance. Blocks out of reach of all points
//!    of a block are skipped by the triangle inequality.
//!
//! All bounds are rounded so that no pair is excluded wrongly ([`bounds`]); no point needs a second
//! search. The examined pairs depend on the order in which the threads work, the result does not.
//! Cost O(n^2 m) at worst, with m short coordinates; memory O(n (d + k)).

mod bounds;
mod clusters;
mod frame;
mod lists;
mod tiles;

use crate::error::Result;
use crate::matrix::Matrix;
use crate::neighbors::squared_of;
use crate::progress::Observer;
use clusters::far_rows;
pub(crate) use clusters::{Clusters, learn_centres};
use frame::Frame;
use lists::Lists;
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use tiles::{EXACT, Search, Shares, Side};

/// Number of points that a probe examines: at least, and for each neighbour.
const PROBED: usize = 2048;
const PROBED_PER_NEIGHBOR: usize = 8;
/// The same for the approximate search, and the share of the bounds that it uses.
const PROBED_APPROXIMATELY: usize = 1024;
const USUAL: Shares = Shares { radius: 0.3, reach: 0.85 };

/// Rows and squared distances of the neighbours, n_queries x k each.
pub(crate) type FoundNeighbors = (Vec<u32>, Vec<f32>);

/// Rows in blocks, among which the nearest of other rows are found.
pub(crate) struct Index {
    frame: Frame,
    centres: Vec<f32>,
    references: Side,
}

impl Index {
    /// Groups `references`, of which none is further than `radius` from the `mean`, so that a
    /// search for `k` neighbours takes little work.
    pub(crate) fn new(references: &Matrix, mean: Vec<f32>, radius: f32, k: usize) -> Result<Self> {
        let frame = Frame::new(references, mean, radius, k)?;
        let z = frame.coordinates(references);
        let centres = learn_centres(&z, frame.width);
        let references = side(references, &z, frame.width, &centres);
        Ok(Self { frame, centres, references })
    }

    /// The `k` nearest references of each row of `queries`; there must be `k`.
    pub(crate) fn nearest(
        &self,
        queries: &Matrix,
        k: usize,
        observer: &dyn Observer,
    ) -> Result<FoundNeighbors> {
        let width = self.frame.width;
        let z = self.frame.coordinates(queries);
        let queries = side(queries, &z, width, &[&self.centres[..], &far_rows(&z, width)].concat());
        drop(z);
        exactly(Some(&queries), &self.references, self.frame.scale, k, observer)
    }
}

impl std::fmt::Debug for Index {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let blocks = self.references.clusters.blocks.len();
        out.debug_struct("Index").field("blocks", &blocks).finish_non_exhaustive()
    }
}

/// The `k` nearest other rows of each row of `x`. There must be `k`; no row is further than `radius`
/// from the `mean`.
pub(crate) fn nearest(
    x: &Matrix,
    mean: Vec<f32>,
    radius: f32,
    k: usize,
    observer: &dyn Observer,
) -> Result<FoundNeighbors> {
    let index = Index::new(x, mean, radius, k)?;
    exactly(None, &index.references, index.frame.scale, k, observer)
}

fn exactly(
    queries: Option<&Side>,
    references: &Side,
    scale: f64,
    k: usize,
    observer: &dyn Observer,
) -> Result<FoundNeighbors> {
    let search = Search::new(queries, references, scale, k, EXACT);
    let limits = probe_all(&search, PROBED.max(PROBED_PER_NEIGHBOR * k), tiles::limit, observer)?;
    let lists = search_all(&search, limits, observer)?;
    Ok(in_order(&search.queries.clusters.order, lists.into_sorted(), k))
}

/// Approximately the `k` nearest other rows of each row of `x`: the exact search, except for the
/// small chance that a neighbour lies in a far corner of a block or near the limit. The bounds are
/// those of the probe alone, so that the examined pairs do not depend on the threads.
pub(crate) fn approximate(
    x: &Matrix,
    mean: Vec<f32>,
    radius: f32,
    k: usize,
    observer: &dyn Observer,
) -> Result<FoundNeighbors> {
    let frame = Frame::new(x, mean, radius, k)?;
    let z = frame.coordinates(x);
    let points = side(x, &z, frame.width, &learn_centres(&z, frame.width));
    drop(z);
    let search = Search::new(None, &points, frame.scale, k, USUAL);
    let probed = probe_all(
        &search,
        PROBED_APPROXIMATELY.max(PROBED_PER_NEIGHBOR * k),
        <[u64]>::to_vec,
        observer,
    )?;
    let limits = probed.iter().map(|keys| tiles::limit(keys)).collect();
    let lists = search_all(&search, limits, observer)?;
    let both = lists.into_sorted().zip(probed).map(|(mut keys, probed)| {
        keys.extend(probed);
        keys.sort_unstable();
        keys.dedup();
        keys.truncate(k);
        keys
    });
    Ok(in_order(&points.clusters.order, both, k))
}

/// Lists of keys in the order of blocks, converted to rows of indices and squared distances in the
/// order of the points.
fn in_order(order: &[u32], lists: impl Iterator<Item = Vec<u64>>, k: usize) -> FoundNeighbors {
    let (mut ids, mut squared) = (vec![0; order.len() * k], vec![0.0; order.len() * k]);
    for (&row, keys) in order.iter().zip(lists) {
        let at = row as usize * k;
        for (slot, key) in keys.into_iter().enumerate() {
            (ids[at + slot], squared[at + slot]) = (key as u32, squared_of(key));
        }
    }
    (ids, squared)
}

/// The rows of `x` in blocks around `centres`.
fn side(x: &Matrix, z: &[f32], width: usize, centres: &[f32]) -> Side {
    let clusters = Clusters::new(z, width, centres);
    let d = x.n_features();
    let mut rows = vec![0.0; x.as_slice().len()];
    rows.par_chunks_mut(d)
        .zip(&clusters.order)
        .for_each(|(out, &row)| out.copy_from_slice(x.row(row as usize)));
    Side { lengths: bounds::lengths(&clusters), clusters, rows, n_features: d }
}

/// Results of `of` for the `k` best of each point among `probed` points of the nearest blocks, in
/// the order of blocks.
fn probe_all<T: Send>(
    search: &Search<'_>,
    probed: usize,
    of: impl Fn(&[u64]) -> T + Sync,
    observer: &dyn Observer,
) -> Result<Vec<T>> {
    let n_blocks = search.queries.clusters.blocks.len();
    let done = AtomicU64::new(0);
    let probe = |block| {
        // Counted as the first half of the work, which is an estimate.
        observer.step(done.fetch_add(1, Ordering::Relaxed), 2 * n_blocks as u64, &[])?;
        let best = search.probe(block, probed, search.k + search.k / 4 + 4);
        Ok(best.chunks_exact(search.k).map(&of).collect())
    };
    let blocks: Vec<Vec<T>> = (0..n_blocks).into_par_iter().map(probe).collect::<Result<_>>()?;
    Ok(blocks.into_iter().flatten().collect())
}

/// Compares blocks with blocks, given upper bounds on the k-th squared distances.
fn search_all(search: &Search<'_>, limits: Vec<f32>, observer: &dyn Observer) -> Result<Lists> {
    let (queries, references) = (&search.queries.clusters, &search.references.clusters);
    let (n_queries, n_references) = (queries.blocks.len(), references.blocks.len());
    let fixed = search.shares.reach < 1.0;
    let lists = Lists::new(&queries.blocks, limits, fixed, search.k);
    let needed: Vec<Vec<bool>> =
        (0..n_queries).into_par_iter().map(|block| search.needed(block, &lists)).collect();
    let done = AtomicU64::new(n_queries as u64);
    (0..n_queries).into_par_iter().with_max_len(1).try_for_each(|block| {
        observer.step(done.fetch_add(1, Ordering::Relaxed), 2 * n_queries as u64, &[])?;
        if search.within {
            // Each pair of blocks is compared once: every block with the half of all blocks that
            // follows it around the circle.
            let half = n_references / 2;
            let last = if n_references.is_multiple_of(2) && block >= half {
                half.saturating_sub(1)
            } else {
                half
            };
            let others = (0..=last).map(|offset| (block + offset) % n_references);
            search.meet(
                block,
                others.filter(|&other| needed[block][other] || needed[other][block]),
                &lists,
            );
        } else {
            search.meet(block, (0..n_references).filter(|&other| needed[block][other]), &lists);
        }
        Ok(())
    })?;
    Ok(lists)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middle::{FAR, Middle, distance};
    use crate::progress::Silent;
    use crate::random::Random;

    /// The number of compared blocks decides the running time: an outlier must not bring every
    /// block within the reach of every other.
    #[test]
    fn beside_far_rows_no_more_blocks_are_looked_at() {
        let (n, d, k) = (12_000, 32, 15);
        let random = Random::new(7, 1);
        let normal =
            |at: u64| (0..12).map(|item| random.uniform(12 * at + item)).sum::<f32>() - 6.0;
        // Groups of 120 rows.
        let center = |at: usize| 20.0 * normal((n * d + at / d / 120 * d + at % d) as u64);
        let values: Vec<f32> = (0..n * d).map(|at| center(at) + normal(at as u64)).collect();
        let pairs = |far: &[(usize, f32)]| {
            let mut values = values.clone();
            far.iter().for_each(|&(row, value)| values[row * d + row % d] = value);
            let x = Matrix::new(values, n, d).unwrap();
            let mean = Middle::of(&x, FAR).mean;
            let radius = x.rows().map(|row| distance(row, &mean)).fold(0.0, f64::max) as f32;
            let frame = Frame::new(&x, mean, 1.001 * radius, k).unwrap();
            let z = frame.coordinates(&x);
            let points = side(&x, &z, frame.width, &learn_centres(&z, frame.width));
            let search = Search::new(None, &points, frame.scale, k, EXACT);
            let limits = probe_all(&search, PROBED, tiles::limit, &Silent).unwrap();
            let lists = Lists::new(&points.clusters.blocks, limits, false, k);
            // Outliers are blocks of their own, and are compared with all others.
            let blocks =
                points.clusters.blocks.iter().enumerate().filter(|(_, block)| block.len > 1);
            let needed = blocks.map(|(block, _)| {
                search.needed(block, &lists).into_iter().filter(|&needed| needed).count()
            });
            needed.sum::<usize>()
        };
        let plain = pairs(&[]);
        for far in [vec![(17, 1e9)], (0..10).map(|at| (17 + 331 * at, 1e5)).collect()] {
            let with = pairs(&far);
            assert!(5 * with < 6 * plain, "{far:?}: {with} pairs of blocks, {plain} without");
        }
    }
}

//! CPU search: exact nearest neighbours at a fraction of the arithmetic of all distances.
//!
//! A GPU computes all distances as one large matrix product and selects from them; here that would be most of a run. The answer
//! is the same one, the exact neighbours in the order of (distance, index), by another road:
//! 1. [`frame`]: short coordinates whose distances are lower bounds;
//! 2. [`clusters`]: blocks of near points;
//! 3. a probe of the nearest blocks gives every point `k` exact distances, of which the largest is its limit;
//! 4. [`tiles`]: blocks against blocks, each pair once for both; pairs whose lower bound lies within the limit of either get
//!    an exact distance. Blocks out of reach of all points of a block are left out by the triangle inequality.
//!
//! Everything that could exclude a pair is rounded so that it does not ([`bounds`]); no point needs a second look. Which
//! pairs are looked at depends on the order in which the threads work, what is found does not. Cost O(n^2 m) at worst, with m
//! short coordinates; memory O(n (d + k)).

mod bounds;
mod clusters;
mod frame;
mod lists;
mod products;
mod tiles;

use crate::error::Result;
use crate::matrix::Matrix;
use crate::progress::Observer;
use bounds::{Rounding, longest};
use clusters::{Clusters, learn_centres};
use frame::Frame;
use lists::Lists;
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use tiles::{Search, Side};

/// Points that a probe looks at, at least, and for each neighbour.
const PROBED: usize = 2048;
const PROBED_PER_NEIGHBOR: usize = 8;

/// Neighbours' rows and squared distances, n_queries x k.
pub(crate) type Found = (Vec<u32>, Vec<f32>);

/// The `k` nearest rows of `references` for each row of `queries`, or for each of its own rows, without itself, if there are
/// no queries. There must be `k`; no reference is longer than `radius` less the `mean`.
pub(crate) fn nearest(
    queries: Option<&Matrix>,
    references: &Matrix,
    mean: Vec<f32>,
    radius: f32,
    k: usize,
    observer: &dyn Observer,
) -> Result<Found> {
    let frame = Frame::new(references, mean, radius, k)?;
    let z = frame.coordinates(references);
    let centres = learn_centres(&z, frame.width);
    let references = side(references, &z, frame.width, &centres);
    drop(z);
    let queries = queries.map(|queries| side(queries, &frame.coordinates(queries), frame.width, &centres));
    let within = queries.is_none();
    let queries = queries.as_ref().unwrap_or(&references);
    let longest = longest(&queries.clusters).max(longest(&references.clusters));
    let rounding = Rounding::new(frame.scale, references.n_features, frame.width, longest);
    let search = Search { queries, references: &references, within, rounding, k };
    let lists = search_all(&search, observer)?;
    let n = queries.clusters.order.len();
    let (mut ids, mut squared) = (vec![0; n * k], vec![0.0; n * k]);
    for (row, keys) in queries.clusters.order.iter().zip(lists.into_sorted()) {
        let at = *row as usize * k;
        for (slot, key) in keys.into_iter().enumerate() {
            (ids[at + slot], squared[at + slot]) = (key as u32, lists::squared(key));
        }
    }
    Ok((ids, squared))
}

/// The rows of `x` in blocks around `centres`.
fn side(x: &Matrix, z: &[f32], width: usize, centres: &[f32]) -> Side {
    let clusters = Clusters::new(z, width, centres);
    let d = x.n_features();
    let mut rows = vec![0.0; x.as_slice().len()];
    rows.par_chunks_mut(d).zip(&clusters.order).for_each(|(out, &row)| out.copy_from_slice(x.row(row as usize)));
    Side { clusters, rows, n_features: d }
}

fn search_all(search: &Search<'_>, observer: &dyn Observer) -> Result<Lists> {
    let (queries, references) = (&search.queries.clusters, &search.references.clusters);
    let (n_queries, n_references) = (queries.blocks.len(), references.blocks.len());
    let (done, total) = (AtomicU64::new(0), 2 * n_queries as u64);
    let step = || observer.step(done.fetch_add(1, Ordering::Relaxed), total, &[]);
    let (k, probed) = (search.k, PROBED.max(PROBED_PER_NEIGHBOR * search.k));
    let limits: Vec<Vec<f32>> = (0..n_queries)
        .into_par_iter()
        .map(|block| {
            step()?;
            Ok(search.probe(block, probed, k + k / 4 + 4).chunks_exact(k).map(tiles::limit).collect())
        })
        .collect::<Result<_>>()?;
    let lists = Lists::new(&queries.blocks, &limits.concat(), k);
    let needed: Vec<Vec<bool>> = (0..n_queries).into_par_iter().map(|block| search.needed(block, &lists)).collect();
    (0..n_queries).into_par_iter().with_max_len(1).try_for_each(|block| {
        step()?;
        if search.within {
            // Of two blocks one meets the other: every block meets the half of all that follows it around the circle.
            let half = n_references / 2;
            let last = if n_references.is_multiple_of(2) && block >= half { half - 1 } else { half };
            let others = (0..=last).map(|offset| (block + offset) % n_references);
            search.meet(block, others.filter(|&other| needed[block][other] || needed[other][block]), &lists);
        } else {
            search.meet(block, (0..n_references).filter(|&other| needed[block][other]), &lists);
        }
        Ok(())
    })?;
    Ok(lists)
}

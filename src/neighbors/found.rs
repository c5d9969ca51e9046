//! What every search does with its rows and with what it has found.

use super::filter::FoundNeighbors;
use super::{MAX_NEIGHBORS, Metric, NeighborGraph};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::range::{Range, too_far_apart};
use rayon::prelude::*;

/// Number of pairs of points from which lower bounds are worth their preparation on the CPU.
pub(super) const MANY_PAIRS: usize = 1 << 25;
/// Number of neighbours beyond the requested ones that are ordered by cosine in double precision.
pub(super) const SPARE: usize = 8;
/// Smallest squared distance for which the loss below 2^-126 does not matter: 2^36 times as large,
/// which is a unit in the last place of a sum of 4,096 products.
const LEAST_SQUARE: f32 = (1u128 << 36) as f32 * f32::MIN_POSITIVE;

/// The graph of what a search has found.
///
/// # Errors
/// [`Error::Data`] for distances that are not finite.
pub(super) fn graph(
    (ids, distances): FoundNeighbors,
    n_neighbors: usize,
    metric: Metric,
) -> Result<NeighborGraph> {
    if distances.iter().any(|distance| !distance.is_finite()) {
        // Infinite distances would all tie, and every probability computed from them would be
        // NaN.
        return Err(too_far_apart());
    }
    Ok(NeighborGraph::new(ids, distances, n_neighbors)?.with_metric(metric))
}

/// Queries so close to a reference, without being equal to it, that the square of the distance does
/// not have full precision: a device may treat products below 2^-126 as zero.
pub(super) fn losing(
    (ids, squared): &FoundNeighbors,
    k: usize,
    queries: &Matrix,
    references: &Matrix,
) -> Vec<usize> {
    let loses = |row: &usize| {
        let mut found = ids[row * k..][..k].iter().zip(&squared[row * k..][..k]);
        let is_lost = |(&id, &squared): (&u32, &f32)| {
            squared < LEAST_SQUARE
                && (squared > 0.0 || queries.row(*row) != references.row(id as usize))
        };
        found.any(is_lost)
    };
    (0..queries.n_samples()).into_par_iter().filter(loses).collect()
}

/// The lists of a search, with those of the queries `rows` replaced by the `better` ones.
pub(super) fn replaced(
    (mut ids, mut distances): FoundNeighbors,
    rows: &[usize],
    better: &FoundNeighbors,
    k: usize,
) -> FoundNeighbors {
    for (&row, (better_ids, better_distances)) in
        rows.iter().zip(better.0.chunks_exact(k).zip(better.1.chunks_exact(k)))
    {
        ids[row * k..][..k].copy_from_slice(better_ids);
        distances[row * k..][..k].copy_from_slice(better_distances);
    }
    (ids, distances)
}

/// Distances in the unit of the points, from squares in the unit of the range.
pub(super) fn lengths((ids, mut distances): FoundNeighbors, range: &Range) -> FoundNeighbors {
    distances.iter_mut().for_each(|distance| *distance = distance.sqrt());
    if range.exponent() != 0 {
        distances
            .iter_mut()
            .for_each(|distance| *distance = range.undone(f64::from(*distance)) as f32);
    }
    (ids, distances)
}

/// Refuses a number of neighbours that is not supported.
///
/// # Errors
/// [`Error::Parameter`].
pub(super) fn check_number(n_neighbors: usize) -> Result<()> {
    if (1..=MAX_NEIGHBORS).contains(&n_neighbors) {
        return Ok(());
    }
    Err(Error::parameter(
        "n_neighbors",
        n_neighbors,
        format!("between 1 and {MAX_NEIGHBORS} neighbours are supported"),
    ))
}

/// Largest distance of a row of the references from their mean.
pub(super) fn radius(references: &Matrix, mean: &[f32]) -> f32 {
    let length = |row: &[f32]| {
        row.iter().zip(mean).map(|(v, mean)| f64::from(v - mean).powi(2)).sum::<f64>().sqrt() as f32
    };
    let rows = references.as_slice().par_chunks(mean.len());
    rows.map(length).reduce(|| 0.0, f32::max)
}

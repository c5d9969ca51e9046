//! Random choice among neighbours that are equally far and would be chosen by their index alone.
//!
//! Ties go to the lower index. If most distances tie, for example between rows of an identity
//! matrix or between copies, the first rows would be the neighbours of all points: the layout would
//! pull every point towards them, and they would end up outside. The choice among equal distances
//! has no meaning, so here every row makes its own at random.

use super::distinct::Groups;
use super::pairwise::cpu::squared_difference;
use super::{Metric, NeighborGraph};
use crate::matrix::Matrix;
use crate::random::Random;
use rayon::prelude::*;
use std::borrow::Cow;

/// Stream of the random numbers of this file.
const STREAM: u64 = 0x7469_6573;
/// Number of rows tried for every neighbour that may be replaced.
const TRIES: usize = 4;
/// Relative difference below which two distances are equal: they may come from different devices.
const ROUNDING: f32 = 1e-5;

/// The same graph of the rows of `x`, except for rows of whose neighbours at least half are as far
/// away as the last: these neighbours are drawn from all rows at that distance, as far as a few
/// tries find them. A graph without such rows is returned unchanged.
pub(crate) fn spread<'a>(
    graph: &'a NeighborGraph,
    x: &Matrix,
    seed: u64,
) -> Cow<'a, NeighborGraph> {
    let (n, k) = (graph.n_samples(), graph.n_neighbors());
    // The tie is visible in cosine distances too, but a few tries of lengths would not find another
    // row with it.
    let tied: Vec<u32> = match graph.metric() {
        Metric::Euclidean => {
            (0..n as u32).into_par_iter().filter(|&row| is_tied(graph, row as usize)).collect()
        }
        Metric::Cosine => Vec::new(),
    };
    if tied.is_empty() || n <= k + 1 {
        return Cow::Borrowed(graph);
    }
    let copies = Groups::of(x);
    let random = Random::new(seed, STREAM);
    let rows: Vec<Vec<u32>> = (tied.par_iter())
        .map(|&row| {
            let first = first_tied(graph, row as usize);
            let last = distances(graph, row as usize)[k - 1];
            let mut ids = graph.neighbors(row as usize)[..first].to_vec();
            match &copies {
                Some(groups) if last == 0.0 => ids.extend(groups.next_after(row).take(k - first)),
                _ => draw(x, row, last, k, &random, &mut ids),
            }
            // Neighbours without a replacement stay.
            let old = &graph.neighbors(row as usize)[first..];
            let kept: Vec<u32> =
                old.iter().copied().filter(|id| !ids.contains(id)).take(k - ids.len()).collect();
            ids.extend(kept);
            ids
        })
        .collect();
    let mut indices = graph.indices().to_vec();
    for (&row, ids) in tied.iter().zip(rows) {
        indices[row as usize * k..][..k].copy_from_slice(&ids);
    }
    Cow::Owned(graph.with_lists(indices, graph.distances().to_vec()))
}

fn distances(graph: &NeighborGraph, row: usize) -> &[f32] {
    &graph.distances()[row * graph.n_neighbors()..][..graph.n_neighbors()]
}

/// Position of the first neighbour that is as far away as the last.
fn first_tied(graph: &NeighborGraph, row: usize) -> usize {
    let distances = distances(graph, row);
    let least = distances[distances.len() - 1] * (1.0 - ROUNDING);
    distances.partition_point(|&distance| distance < least)
}

fn is_tied(graph: &NeighborGraph, row: usize) -> bool {
    let k = graph.n_neighbors();
    let tied = k - first_tied(graph, row);
    tied >= 2 && 2 * tied >= k
}

/// Fills `ids` up to `k` with rows at the distance `last` from a row.
fn draw(x: &Matrix, row: u32, last: f32, k: usize, random: &Random, ids: &mut Vec<u32>) {
    let n = x.n_samples() as u64;
    for item in 0..(TRIES * (k - ids.len())) as u64 {
        let other = ((u64::from(random.bits((u64::from(row) << 16) + item)) * n) >> 32) as u32;
        let distance = squared_difference(x.row(row as usize), x.row(other as usize)).sqrt();
        if other != row && (distance - last).abs() <= ROUNDING * last && !ids.contains(&other) {
            ids.push(other);
            if ids.len() == k {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::Device;
    use crate::neighbors::nearest_neighbors;
    use crate::progress::Silent;

    fn most_references(graph: &NeighborGraph) -> usize {
        let mut counts = vec![0; graph.n_samples()];
        graph.indices().iter().for_each(|&id| counts[id as usize] += 1);
        counts.into_iter().max().unwrap()
    }

    fn check(x: &Matrix, k: usize) -> (usize, usize) {
        let found = nearest_neighbors(&Device::cpu(), x, k, &Silent).unwrap();
        let spread = spread(&found, x, 1);
        assert_eq!(spread.distances(), found.distances());
        for row in 0..x.n_samples() {
            let mut ids = spread.neighbors(row).to_vec();
            for (&id, &distance) in ids.iter().zip(distances(&spread, row)) {
                let there = squared_difference(x.row(row), x.row(id as usize)).sqrt();
                assert!(
                    (there - distance).abs() <= 1e-4 * distance,
                    "row {row}: {id} at {there}, not {distance}"
                );
            }
            assert!(!ids.contains(&(row as u32)));
            ids.sort_unstable();
            assert!(
                ids.windows(2).all(|pair| pair[0] != pair[1]),
                "row {row} has a neighbour twice"
            );
        }
        (most_references(&found), most_references(&spread))
    }

    #[test]
    fn rows_of_an_identity_matrix_are_not_all_neighbours_of_the_first() {
        let n = 300;
        let x =
            Matrix::new((0..n * n).map(|at| f32::from(at % (n + 1) == 0)).collect(), n, n).unwrap();
        let (before, after) = check(&x, 20);
        assert!(before >= n - 1 && after <= 60, "{before} and {after} references");
    }

    #[test]
    fn copies_are_neighbours_of_those_that_follow() {
        let x = Matrix::new(
            (0..3000).map(|row| if row % 3 == 0 { 7.0 } else { row as f32 * 0.01 }).collect(),
            3000,
            1,
        )
        .unwrap();
        let (before, after) = check(&x, 20);
        assert!(before >= 900 && after <= 60, "{before} and {after} references");
    }

    #[test]
    fn other_neighbours_stay() {
        let random = Random::new(3, 3);
        let x = Matrix::new((0..2000).map(|at| random.uniform(at)).collect(), 500, 4).unwrap();
        let found = nearest_neighbors(&Device::cpu(), &x, 20, &Silent).unwrap();
        assert!(matches!(spread(&found, &x, 1), Cow::Borrowed(_)));
    }
}

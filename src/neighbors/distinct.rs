//! Exact duplicates are searched once: otherwise thousands of equal rows would all be each other's
//! candidates.

use super::filter::FoundNeighbors;
use super::{key, squared_of};
use crate::matrix::Matrix;
use rayon::prelude::*;

/// Rows in groups of equal ones; groups in the order of their first rows.
#[derive(Debug)]
pub(super) struct Groups {
    /// Rows of all groups, ascending within each.
    members: Vec<u32>,
    starts: Vec<usize>,
    /// Group of each row.
    group_of: Vec<u32>,
}

impl Groups {
    /// The groups of equal rows of `x`; `None` if all rows differ.
    pub(super) fn of(x: &Matrix) -> Option<Self> {
        let d = x.n_features();
        let mut hashes: Vec<(u64, u32)> = x
            .as_slice()
            .par_chunks(d)
            .enumerate()
            .map(|(row, values)| (hash(values), row as u32))
            .collect();
        hashes.par_sort_unstable();
        if hashes.windows(2).all(|pair| pair[0].0 != pair[1].0) {
            return None;
        }
        // Equal hashes are nearly always equal rows, so a run of them has few representatives.
        let mut representative: Vec<u32> = (0..x.n_samples() as u32).collect();
        for run in hashes.chunk_by(|a, b| a.0 == b.0) {
            let mut seen: Vec<u32> = Vec::new();
            for &(_, row) in run {
                match seen.iter().find(|&&first| x.row(first as usize) == x.row(row as usize)) {
                    Some(&first) => representative[row as usize] = first,
                    None => seen.push(row),
                }
            }
        }
        let mut order: Vec<u32> = (0..x.n_samples() as u32).collect();
        order.par_sort_unstable_by_key(|&row| (representative[row as usize], row));
        let mut starts = Vec::new();
        let mut group_of = vec![0; order.len()];
        for (at, &row) in order.iter().enumerate() {
            if representative[row as usize] == row {
                starts.push(at);
            }
            group_of[row as usize] = starts.len() as u32 - 1;
        }
        let distinct = starts.len() < order.len();
        starts.push(order.len());
        distinct.then_some(Self { members: order, starts, group_of })
    }

    /// Number of different rows.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// One row of each group.
    pub(super) fn first_rows(&self) -> Vec<usize> {
        self.starts[..self.len()].iter().map(|&at| self.members[at] as usize).collect()
    }

    fn members(&self, group: u32) -> &[u32] {
        &self.members[self.starts[group as usize]..self.starts[group as usize + 1]]
    }

    /// The other rows that equal a row, starting with those after it.
    pub(super) fn next_after(&self, row: u32) -> impl Iterator<Item = u32> {
        let members = self.members(self.group_of[row as usize]);
        let at = members.partition_point(|&member| member <= row);
        members[at..].iter().chain(&members[..at - 1]).copied()
    }

    /// Neighbours of every row from those of every group, `k_found` each: its duplicates, and the
    /// duplicates of its neighbours.
    pub(super) fn expand_within(
        &self,
        (ids, squared): &FoundNeighbors,
        k_found: usize,
        k: usize,
    ) -> FoundNeighbors {
        let rows: Vec<Vec<u64>> = (self.group_of.par_iter().enumerate())
            .map(|(row, &group)| {
                let at = group as usize * k_found;
                let near = std::iter::once((group, 0.0))
                    .chain(pairs(&ids[at..][..k_found], &squared[at..][..k_found]));
                self.nearest_rows(near, row as u32, k)
            })
            .collect();
        unzip(&rows)
    }

    /// Neighbours of queries among the rows from those among the groups.
    pub(super) fn expand(
        &self,
        (ids, squared): &FoundNeighbors,
        k_found: usize,
        k: usize,
    ) -> FoundNeighbors {
        let queries = ids.par_chunks(k_found).zip(squared.par_chunks(k_found));
        let rows: Vec<Vec<u64>> = queries
            .map(|(ids, squared)| self.nearest_rows(pairs(ids, squared), u32::MAX, k))
            .collect();
        unzip(&rows)
    }

    /// The `k` nearest rows of groups given nearest first. Ties between groups are resolved in the
    /// order of their first rows, so a group that was not found because of a tie holds none of
    /// them.
    fn nearest_rows(
        &self,
        groups: impl Iterator<Item = (u32, f32)>,
        itself: u32,
        k: usize,
    ) -> Vec<u64> {
        let mut keys = Vec::with_capacity(2 * k);
        let mut furthest = 0.0;
        for (group, squared) in groups {
            if keys.len() >= k && squared > furthest {
                break;
            }
            furthest = squared;
            let others = self.members(group).iter().filter(|&&row| row != itself).take(k);
            keys.extend(others.map(|&row| key(squared, row)));
        }
        keys.sort_unstable();
        keys.truncate(k);
        keys
    }
}

fn pairs<'a>(ids: &'a [u32], squared: &'a [f32]) -> impl Iterator<Item = (u32, f32)> + 'a {
    ids.iter().copied().zip(squared.iter().copied())
}

fn unzip(rows: &[Vec<u64>]) -> FoundNeighbors {
    rows.iter().flatten().map(|&key| (key as u32, squared_of(key))).unzip()
}

fn hash(row: &[f32]) -> u64 {
    // 0 and -0 are equal.
    row.iter().fold(0x9e37_79b9_7f4a_7c15, |hash: u64, &value| {
        let mixed = (hash ^ u64::from((value + 0.0).to_bits())).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^ (mixed >> 32)
    })
}

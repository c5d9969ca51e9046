//! Comparison of blocks of points with blocks of points.

use super::bounds::{Rounding, moved};
use super::clusters::Clusters;
use super::lists::Lists;
use crate::neighbors::pairwise::cpu::squared_differences;
use crate::neighbors::products::products;
use crate::neighbors::{key, squared_of};
use multiversion::multiversion;

/// Points with the data that the search needs, in the order of their blocks.
pub(super) struct Side {
    pub(super) clusters: Clusters,
    /// Lengths of the coordinates, n.
    pub(super) lengths: Vec<f32>,
    /// The points themselves, n x d.
    pub(super) rows: Vec<f32>,
    pub(super) n_features: usize,
}

impl Side {
    pub(super) fn row(&self, position: usize) -> &[f32] {
        &self.rows[position * self.n_features..][..self.n_features]
    }
}

/// A search of `queries` among `references`.
pub(super) struct Search<'a> {
    pub(super) queries: &'a Side,
    pub(super) references: &'a Side,
    /// `true` if both are the same points, of which none is its own neighbour.
    pub(super) within: bool,
    pub(super) rounding: Rounding,
    pub(super) shares: Shares,
    pub(super) k: usize,
}

/// Share of the bounds that is used: all of it, or as much as usually suffices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    /// Share of the radius of a block.
    pub(super) radius: f32,
    /// Share of the distance to the last of the neighbours that the probe found.
    pub(super) reach: f32,
}

/// Full bounds: nothing is missed.
pub(super) const EXACT: Shares = Shares { radius: 1.0, reach: 1.0 };

/// Memory that one task reuses.
#[derive(Default)]
struct Scratch {
    products: Vec<f32>,
    candidates: Vec<u32>,
    distances: Vec<f32>,
}

/// Rows of a block moved to a centre, and the values with which their products are compared.
#[derive(Default)]
struct Rows {
    moved: Vec<f32>,
    halves: Vec<f32>,
    least: Vec<f32>,
}

impl<'a> Search<'a> {
    /// A search of `queries` among `references`; without queries, of the references among
    /// themselves.
    pub(super) fn new(
        queries: Option<&'a Side>,
        references: &'a Side,
        scale: f64,
        k: usize,
        shares: Shares,
    ) -> Self {
        let within = queries.is_none();
        let queries = queries.unwrap_or(references);
        let rounding = Rounding::new(scale, references.n_features, references.clusters.width);
        Self { queries, references, within, rounding, shares, k }
    }

    /// The `k` nearest of each point of a block, as keys, chosen from its `keep` nearest by short
    /// coordinates among at least `n_points` points of the nearest blocks.
    pub(super) fn probe(&self, block: usize, n_points: usize, keep: usize) -> Vec<u64> {
        let (queries, references) = (&self.queries.clusters, &self.references.clusters);
        let span = queries.blocks[block];
        let width = queries.width;
        let middle = queries.centre(block);
        let positions: Vec<u32> = self.nearest_blocks(block, n_points);
        let (mut own, mut near) = (Vec::new(), Vec::new());
        moved(queries.points(block), middle, &mut own);
        let near_rows: Vec<f32> = positions
            .iter()
            .flat_map(|&at| &references.z[at as usize * width..][..width])
            .copied()
            .collect();
        moved(&near_rows, middle, &mut near);
        let halves: Vec<f32> =
            near.chunks_exact(width).map(|row| self.rounding.half_square(row)).collect();
        let mut dots = vec![0.0; span.len * positions.len()];
        products(&own, &near, &mut dots, (span.len, positions.len(), width));
        let mut best = Vec::with_capacity(span.len * self.k);
        let (mut keys, mut ids, mut distances) = (Vec::new(), Vec::new(), Vec::new());
        for (i, dots) in dots.chunks_exact(positions.len()).enumerate() {
            let itself = if self.within { (span.first + i) as u32 } else { u32::MAX };
            keys.clear();
            keys.extend(
                dots.iter()
                    .zip(&halves)
                    .zip(&positions)
                    .map(|((dot, half), &at)| order_key(half - dot, at)),
            );
            keys.retain(|&key| key as u32 != itself);
            let keep = keep.min(keys.len());
            keys.select_nth_unstable(keep - 1);
            ids.clear();
            ids.extend(keys[..keep].iter().map(|&key| key as u32));
            squared_differences(
                self.queries.row(span.first + i),
                &self.references.rows,
                &ids,
                &mut distances,
            );
            keys.clear();
            keys.extend(
                ids.iter()
                    .zip(&distances)
                    .map(|(&at, &distance)| key(distance, references.order[at as usize])),
            );
            keys.sort_unstable();
            best.extend_from_slice(&keys[..self.k]);
        }
        best
    }

    /// Positions of the points of the nearest blocks.
    fn nearest_blocks(&self, block: usize, n_points: usize) -> Vec<u32> {
        let middle = self.queries.clusters.centre(block);
        let references = &self.references.clusters;
        let square =
            |centre: &[f32]| centre.iter().zip(middle).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
        let mut near: Vec<u64> = references
            .centres
            .chunks_exact(references.width)
            .enumerate()
            .map(|(at, c)| key(square(c), at as u32))
            .collect();
        near.sort_unstable();
        let mut positions = Vec::new();
        for near in near {
            let span = references.blocks[near as u32 as usize];
            positions.extend((span.first..span.first + span.len).map(|at| at as u32));
            if positions.len() >= n_points {
                break;
            }
        }
        positions
    }

    /// Upper bound on the distance of a neighbour's coordinates from the point at `position` of a
    /// side; `half` is half the square of its distance from the centre.
    fn reach(&self, side: &Side, position: usize, half: f32, lists: &Lists) -> f32 {
        self.shares.reach
            * self.rounding.reach(
                lists.bound(position),
                side.lengths[position],
                (2.0 * half).sqrt(),
            )
    }

    fn prepare(
        &self,
        side: &Side,
        block: usize,
        middle: &[f32],
        lists: Option<&Lists>,
        rows: &mut Rows,
    ) {
        let clusters = &side.clusters;
        moved(clusters.points(block), middle, &mut rows.moved);
        rows.halves.clear();
        rows.halves.extend(
            rows.moved.chunks_exact(clusters.width).map(|row| self.rounding.half_square(row)),
        );
        rows.least.clear();
        let first = clusters.blocks[block].first;
        rows.least.extend(rows.halves.iter().enumerate().map(|(i, &half)| match lists {
            Some(lists) => {
                self.rounding.least_product(half, self.reach(side, first + i, half, lists))
            }
            None => f32::INFINITY,
        }));
    }

    /// `true` for each block of references that may hold a neighbour of a point of this block: not
    /// those of which all points are further from each than the limit, by the triangle inequality.
    pub(super) fn needed(&self, block: usize, lists: &Lists) -> Vec<bool> {
        let (queries, references) = (&self.queries.clusters, &self.references.clusters);
        let span = queries.blocks[block];
        let width = queries.width;
        let middle = queries.centre(block);
        let mut rows = Rows::default();
        self.prepare(self.queries, block, middle, None, &mut rows);
        let mut centres = Vec::new();
        moved(&references.centres, middle, &mut centres);
        let halves: Vec<f32> =
            centres.chunks_exact(width).map(|row| self.rounding.half_square(row)).collect();
        let mut dots = vec![0.0; span.len * halves.len()];
        products(&rows.moved, &centres, &mut dots, (span.len, halves.len(), width));
        let radii: Vec<f32> =
            references.radii.iter().map(|radius| self.shares.radius * radius).collect();
        let mut needed = vec![0_u32; halves.len()];
        for (i, dots) in dots.chunks_exact(halves.len()).enumerate() {
            let reach = self.reach(self.queries, span.first + i, rows.halves[i], lists);
            mark_needed(dots, rows.halves[i], &halves, &radii, reach, &mut needed);
        }
        needed.into_iter().map(|mark| mark != 0).collect()
    }

    /// Computes exact distances for all pairs of a block with others that may be neighbours, and
    /// adds them to the lists of both.
    pub(super) fn meet(&self, block: usize, others: impl Iterator<Item = usize>, lists: &Lists) {
        let middle = self.queries.clusters.centre(block);
        let mut own = Rows::default();
        let mut theirs = Rows::default();
        let mut scratch = Scratch::default();
        let (mut found, mut found_by_others) = (Vec::new(), Vec::new());
        self.prepare(self.queries, block, middle, Some(lists), &mut own);
        for other in others {
            self.prepare(self.references, other, middle, self.within.then_some(lists), &mut theirs);
            found.clear();
            found_by_others.clear();
            self.tile(
                (block, &own),
                (other, &theirs),
                lists,
                &mut scratch,
                &mut found,
                &mut found_by_others,
            );
            lists.add(block, &found);
            lists.add(other, &found_by_others);
        }
    }

    fn tile(
        &self,
        (block, own): (usize, &Rows),
        (other, theirs): (usize, &Rows),
        lists: &Lists,
        scratch: &mut Scratch,
        found: &mut Vec<(u32, u64)>,
        found_by_others: &mut Vec<(u32, u64)>,
    ) {
        let (queries, references) = (&self.queries.clusters, &self.references.clusters);
        let (m, n) = (own.halves.len(), theirs.halves.len());
        let (first, other_first) = (queries.blocks[block].first, references.blocks[other].first);
        scratch.products.resize(m * n, 0.0);
        products(&own.moved, &theirs.moved, &mut scratch.products[..m * n], (m, n, queries.width));
        for i in 0..m {
            // Within a block each pair is compared once, and no point with itself.
            let from = if self.within && block == other { i + 1 } else { 0 };
            let dots = &scratch.products[i * n + from..(i + 1) * n];
            let bounds = (own.least[i], own.halves[i]);
            let candidates = &mut scratch.candidates;
            candidates.clear();
            candidates_of(
                dots,
                bounds,
                &theirs.halves[from..],
                &theirs.least[from..],
                (other_first + from) as u32,
                candidates,
            );
            if candidates.is_empty() {
                continue;
            }
            squared_differences(
                self.queries.row(first + i),
                &self.references.rows,
                candidates,
                &mut scratch.distances,
            );
            let limit = lists.limit(first + i);
            let id = queries.order[first + i];
            for (&at, &distance) in candidates.iter().zip(&scratch.distances) {
                if distance <= limit {
                    found.push((i as u32, key(distance, references.order[at as usize])));
                }
                if self.within && distance <= lists.limit(at as usize) {
                    found_by_others.push((at - other_first as u32, key(distance, id)));
                }
            }
        }
        if block == other {
            found.append(found_by_others);
        }
    }
}

/// A key that orders any numbers.
fn order_key(value: f32, at: u32) -> u64 {
    let bits = value.to_bits();
    let ordered = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
    (u64::from(ordered) << 32) | u64::from(at)
}

/// Largest squared distance among the first keys.
pub(super) fn limit(best: &[u64]) -> f32 {
    best.last().map_or(f32::INFINITY, |&key| squared_of(key))
}

/// References that may be a neighbour of a point, or have it as a neighbour.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn candidates_of(
    dots: &[f32],
    (least, half): (f32, f32),
    halves: &[f32],
    leasts: &[f32],
    first: u32,
    candidates: &mut Vec<u32>,
) {
    const LANES: usize = 32;
    let is_candidate = |dot: f32, their_half: f32, their_least: f32| {
        (dot - their_half >= least) | (dot - half >= their_least)
    };
    let whole = dots.len() / LANES * LANES;
    let blocks =
        dots.chunks_exact(LANES).zip(halves.chunks_exact(LANES)).zip(leasts.chunks_exact(LANES));
    for (step, ((dots, halves), leasts)) in blocks.enumerate() {
        let mut mask = 0_u32;
        for lane in 0..LANES {
            mask |= u32::from(is_candidate(dots[lane], halves[lane], leasts[lane])) << lane;
        }
        while mask != 0 {
            candidates.push(first + (step * LANES) as u32 + mask.trailing_zeros());
            mask &= mask - 1;
        }
    }
    for i in whole..dots.len() {
        if is_candidate(dots[i], halves[i], leasts[i]) {
            candidates.push(first + i as u32);
        }
    }
}

/// Marks the blocks whose points may lie within `reach` of a point.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn mark_needed(
    dots: &[f32],
    half: f32,
    halves: &[f32],
    radii: &[f32],
    reach: f32,
    needed: &mut [u32],
) {
    for (((dot, their_half), radius), needed) in dots.iter().zip(halves).zip(radii).zip(needed) {
        let far = radius + reach;
        // Both sides are half squares; the left one is rounded down, the right one up.
        *needed |= u32::from(half + their_half - dot <= 0.5 * far * far * (1.0 + 1e-6));
    }
}

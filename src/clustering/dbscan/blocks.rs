//! DBSCAN on the CPU: blocks of near points compared with blocks of near points.
//!
//! Most of the n^2 pairs cannot change the result. A known core point needs no more neighbours
//! counted; blocks further apart than `eps` are never compared; nor are two blocks whose core
//! points already belong to one cluster, and if all but a few do, only those few are compared. Each
//! block is compared with its nearest blocks first. The remaining work is a matrix product of
//! coordinates minus the centre of a block. If rounding may decide whether a distance exceeds
//! `eps`, it is computed in `f64`.

use super::forest::Forest;
use super::{Density, LowestCores, NONE};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::middle::{FAR, Middle, distance};
use crate::neighbors::{Clusters, learn_centres, products};
use crate::progress::Observer;
use multiversion::multiversion;
use rayon::prelude::*;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Half a unit in the last place of 1.
const UNIT: f64 = 1.0 / (1 << 24) as f64;

pub(super) fn lowest_cores(
    x: &Matrix,
    job: &Density,
    observer: &dyn Observer,
) -> Result<LowestCores> {
    let search = Search::new(x, job.eps);
    let is_core = search.core_points(job.min_samples, observer)?;
    let forest = search.joined(&is_core, observer)?;
    let first = search.first_cores(&is_core, &forest, observer)?;
    Ok(LowestCores { first, is_core })
}

/// Points in blocks, and the radius.
struct Search<'a> {
    x: &'a Matrix,
    /// Coordinates minus the mean, times a power of two that brings lengths near 1, so that no
    /// square overflows or underflows.
    clusters: Clusters,
    /// Square of the radius, in the units of `x`.
    squared_eps: f64,
    /// The radius in the units of the coordinates.
    eps: f64,
    /// Upper bound on the distance of each block's points from 0.
    extents: Vec<f64>,
    /// For each block, the blocks within its reach, itself first, then the nearest first, with the
    /// distance between their means.
    others: Vec<Vec<(f64, usize)>>,
}

/// Rows of a block, moved to a centre near them.
#[derive(Default)]
struct Rows {
    moved: Vec<f32>,
    /// Halves of the squared lengths.
    halves: Vec<f32>,
    longest: f32,
    /// Upper bound on the distance of the rows from 0 before they are moved.
    extent: f64,
}

/// Bounds on products: two points are certainly within the radius from `sure` on, and certainly not
/// below `possible`.
#[derive(Clone, Copy)]
struct Bounds {
    sure: f32,
    possible: f32,
}

impl<'a> Search<'a> {
    fn new(x: &'a Matrix, eps: f64) -> Self {
        let d = x.n_features();
        let mean = Middle::of(x, FAR).mean;
        let radius =
            x.as_slice().par_chunks(d).map(|row| distance(row, &mean)).reduce(|| 0.0, f64::max);
        let scale = if radius > 0.0 { (-radius.log2().ceil()).exp2() } else { 1.0 };
        let mut z = vec![0.0; x.as_slice().len()];
        z.par_chunks_mut(d).zip(x.as_slice().par_chunks(d)).for_each(|(z, row)| {
            for ((z, &value), &mean) in z.iter_mut().zip(row).zip(&mean) {
                *z = ((f64::from(value) - f64::from(mean)) * scale) as f32;
            }
        });
        let clusters = Clusters::new(&z, d, &learn_centres(&z, d));
        let length = |row: &[f32]| row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        let extent = |block| length(clusters.centre(block)) + f64::from(clusters.radii[block]);
        let extents: Vec<f64> = (0..clusters.blocks.len()).map(extent).collect();
        let (squared_eps, eps) = (eps * eps, eps * scale);
        let near = |block| within_reach(&clusters, &extents, block, eps);
        let others = (0..clusters.blocks.len()).into_par_iter().map(near).collect();
        Self { x, clusters, squared_eps, eps, extents, others }
    }

    fn n_blocks(&self) -> usize {
        self.clusters.blocks.len()
    }

    /// `true` if all points of one block are within the radius of all points of another.
    fn is_all_near(&self, distance: f64, a: usize, b: usize) -> bool {
        let radii = f64::from(self.clusters.radii[a]) + f64::from(self.clusters.radii[b]);
        (distance + radii + rounding(self.extents[a] + self.extents[b])) * (1.0 + 1e-5) < self.eps
    }

    /// Some rows of a block minus the centre of another one.
    fn rows(&self, block: usize, positions: &[u32], middle: usize, rows: &mut Rows) {
        let width = self.clusters.width;
        let middle = self.clusters.centre(middle);
        rows.extent = self.extents[block];
        rows.moved.clear();
        rows.halves.clear();
        for &position in positions {
            let row = &self.clusters.z[position as usize * width..][..width];
            rows.moved.extend(row.iter().zip(middle).map(|(value, middle)| value - middle));
        }
        rows.halves.extend(rows.moved.chunks_exact(width).map(half_square));
        rows.longest = (2.0 * rows.halves.iter().copied().fold(0.0, f32::max)).sqrt();
    }

    /// Bounds on a product minus the half square of its reference, for a query with that half
    /// square: the error of a product and of the squares is at most (d + 16) units of the square of
    /// the summed lengths.
    fn bounds(&self, own: &Rows, theirs: &Rows) -> impl Fn(f32) -> Bounds + use<> {
        let lengths = f64::from(own.longest) + f64::from(theirs.longest);
        let error = (self.clusters.width + 16) as f64 * UNIT * lengths * lengths + 1e-37;
        // Coordinates are rounded when they are computed and when they are moved.
        let slack = rounding(own.extent + theirs.extent + lengths);
        let most = 0.5 * ((self.eps + slack).powi(2) + error) * (1.0 + 4.0 * UNIT);
        let least = if self.eps > slack {
            0.5 * ((self.eps - slack).powi(2) - error) * (1.0 - 4.0 * UNIT)
        } else {
            -1.0
        };
        let most = most as f32;
        let least = if least > 0.0 { least as f32 } else { f32::NEG_INFINITY };
        move |half| Bounds { sure: half - least, possible: half - most }
    }

    /// `true` if two points are within the radius, in `f64`.
    fn is_near(&self, a: u32, b: u32) -> bool {
        let row = |position: u32| self.x.row(self.clusters.order[position as usize] as usize);
        let pairs = row(a).iter().zip(row(b));
        pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>() <= self.squared_eps
    }

    fn positions(&self, block: usize) -> std::ops::Range<u32> {
        let span = self.clusters.blocks[block];
        span.first as u32..(span.first + span.len) as u32
    }

    /// `true` for each point, by index, with enough others within the radius.
    fn core_points(&self, min_samples: usize, observer: &dyn Observer) -> Result<Vec<bool>> {
        let done = AtomicU64::new(0);
        let of_block = |block: usize| {
            observer.step(done.fetch_add(1, Ordering::Relaxed), 3 * self.n_blocks() as u64, &[])?;
            Ok(self.core_points_of(block, min_samples))
        };
        let found: Vec<Vec<bool>> =
            (0..self.n_blocks()).into_par_iter().map(of_block).collect::<Result<_>>()?;
        let mut is_core = vec![false; self.x.n_samples()];
        self.clusters
            .order
            .iter()
            .zip(found.into_iter().flatten())
            .for_each(|(&point, core)| is_core[point as usize] = core);
        Ok(is_core)
    }

    fn core_points_of(&self, block: usize, min_samples: usize) -> Vec<bool> {
        let first = self.positions(block).start;
        let mut counts = vec![0_usize; self.positions(block).len()];
        let mut pending: Vec<u32> = self.positions(block).collect();
        let (mut own, mut theirs, mut tile) = (Rows::default(), Rows::default(), Tile::default());
        self.rows(block, &pending, block, &mut own);
        for &(distance, other) in &self.others[block] {
            if self.is_all_near(distance, block, other) {
                let n = self.positions(other).len();
                pending.iter().for_each(|&position| counts[(position - first) as usize] += n);
            } else {
                let columns: Vec<u32> = self.positions(other).collect();
                self.rows(other, &columns, block, &mut theirs);
                let bounds = self.bounds(&own, &theirs);
                tile.fill(&own, &theirs, self.clusters.width);
                for (row, &position) in pending.iter().enumerate() {
                    let bounds = bounds(own.halves[row]);
                    let dots = tile.row(row);
                    let [sure, possible] = count_two(dots, &theirs.halves, bounds);
                    let mut count = sure as usize;
                    if possible != sure {
                        let unsure = tile.unsure(row, &theirs.halves, bounds);
                        count += unsure
                            .filter(|&column| self.is_near(position, columns[column]))
                            .count();
                    }
                    counts[(position - first) as usize] += count;
                }
            }
            let before = pending.len();
            pending.retain(|&position| counts[(position - first) as usize] < min_samples);
            if pending.is_empty() {
                break;
            }
            if pending.len() < before {
                self.rows(block, &pending, block, &mut own);
            }
        }
        counts.into_iter().map(|count| count >= min_samples).collect()
    }

    /// Core points, by index, in sets connected by steps of at most the radius.
    fn joined(&self, is_core: &[bool], observer: &dyn Observer) -> Result<Forest> {
        let forest = Forest::new(self.x.n_samples());
        let cores = self.of_kind(|point| is_core[point as usize]);
        let done = AtomicU64::new(self.n_blocks() as u64);
        let step = |n| {
            observer.step(done.fetch_add(n, Ordering::Relaxed), 3 * self.n_blocks() as u64, &[])
        };
        (0..self.n_blocks())
            .into_par_iter()
            .for_each(|block| self.join(&forest, block, &cores[block], block, &cores[block]));
        // Members of a block, one point for each set.
        let members = |block: usize| {
            let mut roots: Vec<u32> = cores[block]
                .iter()
                .map(|&at| forest.root(self.clusters.order[at as usize]))
                .collect();
            roots.sort_unstable();
            roots.dedup();
            roots
        };
        let members: Vec<Vec<u32>> = (0..self.n_blocks()).into_par_iter().map(members).collect();
        let one_set = |block: usize| {
            let mut roots = members[block].iter().map(|&point| forest.root(point));
            let first = roots.next()?;
            roots.all(|root| root == first).then_some(first)
        };
        (0..self.n_blocks()).into_par_iter().with_max_len(1).try_for_each(|block| {
            step(1)?;
            for &(_, other) in self.others[block].iter().filter(|&&(_, other)| other > block) {
                let outside = |positions: &[u32], root: u32| -> Vec<u32> {
                    let is_outside =
                        |at: &u32| forest.root(self.clusters.order[*at as usize]) != root;
                    positions.iter().copied().filter(is_outside).collect()
                };
                match (one_set(block), one_set(other)) {
                    (Some(a), Some(b)) if a == b => {}
                    (_, Some(root)) => {
                        self.join(
                            &forest,
                            block,
                            &outside(&cores[block], root),
                            other,
                            &cores[other],
                        );
                    }
                    (Some(root), _) => {
                        self.join(
                            &forest,
                            block,
                            &cores[block],
                            other,
                            &outside(&cores[other], root),
                        );
                    }
                    _ => self.join(&forest, block, &cores[block], other, &cores[other]),
                }
            }
            Ok::<(), Error>(())
        })?;
        Ok(forest)
    }

    /// Positions, in each block, of the points that satisfy `is_kind`.
    fn of_kind(&self, is_kind: impl Fn(u32) -> bool) -> Vec<Vec<u32>> {
        let of_block = |block| {
            self.positions(block).filter(|&at| is_kind(self.clusters.order[at as usize])).collect()
        };
        (0..self.n_blocks()).map(of_block).collect()
    }

    /// Joins the sets of points of two blocks if the points are within the radius.
    fn join(&self, forest: &Forest, block: usize, rows: &[u32], other: usize, columns: &[u32]) {
        if rows.is_empty() || columns.is_empty() {
            return;
        }
        let point = |position: u32| self.clusters.order[position as usize];
        let (mut own, mut theirs, mut tile) = (Rows::default(), Rows::default(), Tile::default());
        self.rows(block, rows, block, &mut own);
        self.rows(other, columns, block, &mut theirs);
        let bounds = self.bounds(&own, &theirs);
        tile.fill(&own, &theirs, self.clusters.width);
        let mut roots: Vec<u32> = columns.iter().map(|&at| forest.root(point(at))).collect();
        let mut candidates = Vec::new();
        for (row, &position) in rows.iter().enumerate() {
            let bounds = bounds(own.halves[row]);
            let mut root = forest.root(point(position));
            // In other sets, as far as is known.
            others_within(
                tile.row(row),
                &theirs.halves,
                bounds.possible,
                &roots,
                root,
                &mut candidates,
            );
            let mut has_joined = false;
            for &column in &candidates {
                let column = column as usize;
                if roots[column] == root || forest.root(point(columns[column])) == forest.root(root)
                {
                    continue;
                }
                let sure = tile.row(row)[column] - theirs.halves[column] >= bounds.sure;
                if sure || self.is_near(position, columns[column]) {
                    forest.join(point(position), point(columns[column]));
                    root = forest.root(root);
                    has_joined = true;
                }
            }
            if has_joined {
                roots.iter_mut().for_each(|root| *root = forest.root(*root));
            }
        }
    }

    /// First core point of the set of each core point; for each other point, the lowest of those of
    /// the core points within its radius, or [`NONE`] if there is none. By index.
    fn first_cores(
        &self,
        is_core: &[bool],
        forest: &Forest,
        observer: &dyn Observer,
    ) -> Result<Vec<u32>> {
        let first: Vec<AtomicU32> = (0..is_core.len() as u32)
            .into_par_iter()
            .map(|point| {
                AtomicU32::new(if is_core[point as usize] { forest.root(point) } else { NONE })
            })
            .collect();
        let cores = self.of_kind(|point| is_core[point as usize]);
        let rest = self.of_kind(|point| !is_core[point as usize]);
        let done = AtomicU64::new(2 * self.n_blocks() as u64);
        (0..self.n_blocks()).into_par_iter().with_max_len(1).try_for_each(|block| {
            observer.step(done.fetch_add(1, Ordering::Relaxed), 3 * self.n_blocks() as u64, &[])?;
            let positions = &rest[block];
            if positions.is_empty() {
                return Ok(());
            }
            let mut own = Rows::default();
            let mut theirs = Rows::default();
            let mut tile = Tile::default();
            self.rows(block, positions, block, &mut own);
            for &(_, other) in
                self.others[block].iter().filter(|&&(_, other)| !cores[other].is_empty())
            {
                self.rows(other, &cores[other], block, &mut theirs);
                let bounds = self.bounds(&own, &theirs);
                tile.fill(&own, &theirs, self.clusters.width);
                for (row, &position) in positions.iter().enumerate() {
                    let bounds = bounds(own.halves[row]);
                    let dots = tile.row(row);
                    for (column, (dot, half)) in dots.iter().zip(&theirs.halves).enumerate() {
                        let over = dot - half;
                        let core = cores[other][column];
                        if over >= bounds.sure
                            || (over >= bounds.possible && self.is_near(position, core))
                        {
                            let lowest = first[self.clusters.order[core as usize] as usize]
                                .load(Ordering::Relaxed);
                            first[self.clusters.order[position as usize] as usize]
                                .fetch_min(lowest, Ordering::Relaxed);
                        }
                    }
                }
            }
            Ok::<(), Error>(())
        })?;
        Ok(first.into_iter().map(AtomicU32::into_inner).collect())
    }
}

/// Products of the rows of two blocks.
#[derive(Default)]
struct Tile {
    products: Vec<f32>,
    n_columns: usize,
}

impl Tile {
    fn fill(&mut self, own: &Rows, theirs: &Rows, width: usize) {
        let (m, n) = (own.halves.len(), theirs.halves.len());
        self.n_columns = n;
        self.products.resize(m * n, 0.0);
        products(&own.moved, &theirs.moved, &mut self.products[..m * n], (m, n, width));
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.products[row * self.n_columns..][..self.n_columns]
    }

    /// Columns between the two bounds, which are undecided.
    fn unsure<'a>(
        &'a self,
        row: usize,
        halves: &'a [f32],
        bounds: Bounds,
    ) -> impl Iterator<Item = usize> + 'a {
        let over = self.row(row).iter().zip(halves).map(|(dot, half)| dot - half);
        over.enumerate()
            .filter(move |&(_, over)| over >= bounds.possible && over < bounds.sure)
            .map(|(column, _)| column)
    }
}

/// Upper bound on the rounding error of a distance between coordinates with this sum of lengths. It
/// uses their own lengths: with the longest of all, one outlier would hide the distances between
/// all others.
fn rounding(lengths: f64) -> f64 {
    1.5 * UNIT * lengths
}

/// Blocks that may hold a point within `eps` of a point of this block: itself, then the nearest
/// first.
fn within_reach(clusters: &Clusters, extents: &[f64], block: usize, eps: f64) -> Vec<(f64, usize)> {
    let own = clusters.centre(block);
    let radius = f64::from(clusters.radii[block]);
    let distance = |other: usize| {
        let pairs = own.iter().zip(clusters.centre(other));
        pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>().sqrt()
    };
    let others = (0..clusters.blocks.len())
        .filter(|&other| other != block)
        .map(|other| (distance(other), other));
    let is_near = |&(distance, other): &(f64, usize)| {
        let reach = eps + rounding(extents[block] + extents[other]);
        distance <= (reach + radius + f64::from(clusters.radii[other])) * (1.0 + 1e-5)
    };
    let mut near: Vec<(f64, usize)> = others.filter(is_near).collect();
    near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    near.insert(0, (0.0, block));
    near
}

fn half_square(row: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    let blocks = row.chunks_exact(16);
    let tail: f32 = blocks.remainder().iter().map(|value| value * value).sum();
    for block in blocks {
        sums.iter_mut().zip(block).for_each(|(sum, value)| *sum += value * value);
    }
    0.5 * (sums.iter().sum::<f32>() + tail)
}

/// Number of references that reach each of the two bounds.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn count_two(dots: &[f32], halves: &[f32], bounds: Bounds) -> [u32; 2] {
    let (mut sure, mut possible) = (0, 0);
    for (dot, half) in dots.iter().zip(halves) {
        let over = dot - half;
        sure += u32::from(over >= bounds.sure);
        possible += u32::from(over >= bounds.possible);
    }
    [sure, possible]
}

/// References that reach the bound and belong to another set.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn others_within(
    dots: &[f32],
    halves: &[f32],
    possible: f32,
    roots: &[u32],
    root: u32,
    found: &mut Vec<u32>,
) {
    const LANES: usize = 32;
    found.clear();
    let is_found = |dot: f32, half: f32, other: u32| (dot - half >= possible) & (other != root);
    let whole = dots.len() / LANES * LANES;
    let blocks =
        dots.chunks_exact(LANES).zip(halves.chunks_exact(LANES)).zip(roots.chunks_exact(LANES));
    for (step, ((dots, halves), roots)) in blocks.enumerate() {
        let mut mask = 0_u32;
        for lane in 0..LANES {
            mask |= u32::from(is_found(dots[lane], halves[lane], roots[lane])) << lane;
        }
        while mask != 0 {
            found.push((step * LANES) as u32 + mask.trailing_zeros());
            mask &= mask - 1;
        }
    }
    for i in whole..dots.len() {
        if is_found(dots[i], halves[i], roots[i]) {
            found.push(i as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// The number of blocks within reach decides the running time: an outlier must not bring every
    /// block within the reach of every other.
    #[test]
    fn beside_a_far_row_no_more_blocks_are_within_reach() {
        let random = Random::new(7, 0);
        let normal =
            |at: u64| (0..12).map(|item| random.uniform(12 * at + item)).sum::<f32>() - 6.0;
        let values: Vec<f32> = (0..8 * 12_000).map(normal).collect();
        let pairs = |values: Vec<f32>| {
            let x = Matrix::new(values.clone(), values.len() / 8, 8).unwrap();
            Search::new(&x, 1.2).others.iter().map(Vec::len).sum::<usize>()
        };
        let plain = pairs(values.clone());
        let with = pairs([values, vec![1e9; 8]].concat());
        assert!(5 * with < 6 * plain, "{with} pairs of blocks, {plain} without the far row");
    }
}

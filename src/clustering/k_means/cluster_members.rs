//! Kernels of k-means with their twins: the nearest centre of each point, and the sums of the points
//! of each cluster over blocks of rows.

use crate::compute::{Buffer, Device, Kernel, Work, kernel, uniform};
use crate::error::Result;

uniform! {
    struct AssignParams { n: u32, first_point: u32, first: u32, last: u32, n_features: u32 }
}
uniform! {
    struct SumParams { n: u32, n_clusters: u32, n_features: u32, block_rows: u32, first_block: u32, first_cluster: u32 }
}

const ASSIGN: Kernel = kernel!("cluster_members", "assign", 64, AssignParams);
const SUM_MEMBERS: Kernel = kernel!("cluster_members", "sum_members", 64, SumParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&ASSIGN, &SUM_MEMBERS];

/// Number of centres whose distances `assign` sums together, of points of one workgroup, and of
/// features that it loads at a time.
const TOGETHER: usize = 16;
const GROUP: usize = 64;
const SLICE: usize = 16;
/// Number of loop turns for a slice: one to load each of its sixteenths, one for each feature, its
/// own, and the ends of loops.
const SLICE_TURNS: usize = 2 * SLICE + 4;
/// Number of loop turns besides the slices: one to compare each of the centres, and some to spare.
const OTHER_TURNS: usize = 64;
/// Number of clusters whose sums a thread of `sum_members` keeps.
const CLUSTERS: usize = 32;

/// Number of features of points that `assign` processes in `most_turns` turns.
pub(super) fn most_features(most_turns: usize) -> usize {
    (most_turns - OTHER_TURNS) / SLICE_TURNS * SLICE
}

/// Nearest centre of each point, the first one if several are equal, and its squared distance.
/// Shapes: `points` n x d, `centers` k x d, `labels` and `distances` n; `shape` is (n, k, d).
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn assign(
    device: &Device,
    points: &Buffer<f32>,
    centers: &Buffer<f32>,
    labels: &mut Buffer<u32>,
    distances: &mut Buffer<f32>,
    shape: (usize, usize, usize),
) -> Result<()> {
    let (n, k, d) = shape;
    match device {
        Device::Cpu(_) => {
            cpu::assign(points.host(), centers.host(), labels.host_mut(), distances.host_mut(), d)
        }
        Device::Gpu(gpu) => {
            let bindings =
                [(1, points.gpu()), (2, centers.gpu()), (3, labels.gpu()), (4, distances.gpu())];
            let turns = d.div_ceil(SLICE) * SLICE_TURNS + OTHER_TURNS;
            let together = TOGETHER * (gpu.most_turns() / turns).max(1);
            for first in (0..k).step_by(together) {
                let last = (first + together).min(k);
                let centers = (last - first) as u64;
                let passes = (last - first).div_ceil(TOGETHER) as u64;
                let (group, d) = (GROUP as u64, d as u64);
                let work = Work::new(
                    3 * group * centers * d,
                    4 * ((passes * group + centers) * d + 2 * group),
                );
                gpu.dispatch_rows(
                    &ASSIGN,
                    &bindings,
                    n.div_ceil(GROUP),
                    work,
                    |groups| groups,
                    |first_group, _| AssignParams {
                        n: n as u32,
                        first_point: (first_group * GROUP) as u32,
                        first: first as u32,
                        last: last as u32,
                        n_features: d as u32,
                    },
                )?;
            }
        }
    }
    Ok(())
}

/// Sums the points of each cluster over blocks of rows; the sums of the features are followed by
/// the number of points and the number of points that changed to this cluster. Shapes: `points` n x
/// d, `labels` and the previous labels n, all below k, `sums` ceil(n / block_rows) x k x (d + 2);
/// `shape` is (n, k, d).
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn sum_members(
    device: &Device,
    points: &Buffer<f32>,
    labels: &Buffer<u32>,
    before: &Buffer<u32>,
    sums: &mut Buffer<f32>,
    shape: (usize, usize, usize),
    block_rows: usize,
) -> Result<()> {
    let (n, k, d) = shape;
    match device {
        Device::Cpu(_) => cpu::sum_members(
            points.host(),
            labels.host(),
            before.host(),
            sums.host_mut(),
            (k, d),
            block_rows,
        ),
        Device::Gpu(gpu) => {
            let bindings =
                [(1, points.gpu()), (5, labels.gpu()), (6, sums.gpu()), (7, before.gpu())];
            let across = (d + 2).div_ceil(GROUP);
            let rows = block_rows.min(n);
            for first_cluster in (0..k).step_by(CLUSTERS) {
                let clusters = CLUSTERS.min(k - first_cluster);
                let read = rows * (d + 2 * across);
                gpu.dispatch_rows(
                    &SUM_MEMBERS,
                    &bindings,
                    n.div_ceil(block_rows),
                    Work::new((rows * d) as u64, 4 * (read + clusters * (d + 2)) as u64),
                    |blocks| blocks * across,
                    |first_block, _| SumParams {
                        n: n as u32,
                        n_clusters: k as u32,
                        n_features: d as u32,
                        block_rows: block_rows as u32,
                        first_block: first_block as u32,
                        first_cluster: first_cluster as u32,
                    },
                )?;
            }
        }
    }
    Ok(())
}

pub(super) mod cpu {
    use crate::clustering::columns::{Columns, POINTS, interleaved, squared_distances};
    use crate::lanes::{LANES, has_fused_multiply_add};
    use multiversion::multiversion;
    use rayon::prelude::*;

    /// Number of points of one parallel task.
    const TASK: usize = 512;
    /// Number of points that all starts are assigned before the next are read: they stay in the
    /// cache.
    const CACHED: usize = 128;

    pub fn assign(
        points: &[f32],
        centers: &[f32],
        labels: &mut [u32],
        distances: &mut [f32],
        d: usize,
    ) {
        let centers = Columns::new(centers, d);
        let tasks = labels
            .par_chunks_mut(TASK)
            .zip(distances.par_chunks_mut(TASK))
            .zip(points.par_chunks(TASK * d));
        tasks.for_each(|((labels, distances), points)| {
            assign_some(points, &mut [Assigned { centers: &centers, labels, distances }], d);
        });
    }

    /// Nearest centres that are to be found.
    struct Assigned<'a> {
        centers: &'a Columns,
        labels: &'a mut [u32],
        distances: &'a mut [f32],
    }

    fn assign_some(points: &[f32], starts: &mut [Assigned<'_>], d: usize) {
        if has_fused_multiply_add() {
            assign_fused(points, starts, d);
        } else {
            assign_to_all::<false>(points, starts, d);
        }
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn assign_fused(points: &[f32], starts: &mut [Assigned<'_>], d: usize) {
        assign_to_all::<true>(points, starts, d);
    }

    #[inline(always)]
    fn assign_to_all<const FUSED: bool>(points: &[f32], starts: &mut [Assigned<'_>], d: usize) {
        let n = points.len() / d;
        let mut together = Vec::with_capacity(d);
        for first in (0..n).step_by(POINTS) {
            let last = (first + POINTS).min(n);
            interleaved(&points[first * d..last * d], d, &mut together);
            for start in starts.iter_mut() {
                let nearest = nearest::<FUSED>(&together, start.centers);
                for (at, (distance, label)) in (first..last).zip(nearest) {
                    (start.distances[at], start.labels[at]) = (distance, label);
                }
            }
        }
    }

    /// Squared distance and number of the nearest centre of each of the points.
    #[inline(always)]
    fn nearest<const FUSED: bool>(
        together: &[[f32; POINTS]],
        centers: &Columns,
    ) -> [(f32, u32); POINTS] {
        let mut least = [[f32::INFINITY; LANES]; POINTS];
        let mut at = [[0_u32; LANES]; POINTS];
        for (group, values) in centers.groups().enumerate() {
            let squares = squared_distances::<FUSED>(together, values);
            for point in 0..POINTS {
                for lane in 0..LANES {
                    let better = squares[point][lane] < least[point][lane];
                    least[point][lane] =
                        if better { squares[point][lane] } else { least[point][lane] };
                    at[point][lane] =
                        if better { (group * LANES + lane) as u32 } else { at[point][lane] };
                }
            }
        }
        std::array::from_fn(|point| {
            let mut best = (least[point][0], at[point][0]);
            for lane in 1..LANES {
                let other = (least[point][lane], at[point][lane]);
                if other.0 < best.0 || (other.0 == best.0 && other.1 < best.1) {
                    best = other;
                }
            }
            // The last centre is there several times.
            (best.0, best.1.min(centers.last()))
        })
    }

    pub fn sum_members(
        points: &[f32],
        labels: &[u32],
        before: &[u32],
        sums: &mut [f32],
        (k, d): (usize, usize),
        block_rows: usize,
    ) {
        let labels = labels.par_chunks(block_rows).zip(before.par_chunks(block_rows));
        let blocks =
            sums.par_chunks_mut(k * (d + 2)).zip(points.par_chunks(block_rows * d)).zip(labels);
        blocks.for_each(|((sums, points), (labels, before))| {
            sums.fill(0.0);
            add_members(points, (labels, before), sums, d);
        });
    }

    /// Adds some points to the sums of their clusters; the labels are those of now and of before.
    fn add_members(points: &[f32], (labels, before): (&[u32], &[u32]), sums: &mut [f32], d: usize) {
        for ((row, &label), &before) in points.chunks_exact(d).zip(labels).zip(before) {
            let sum = &mut sums[label as usize * (d + 2)..][..d + 2];
            sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            sum[d] += 1.0;
            sum[d + 1] += f32::from(u8::from(label != before));
        }
    }

    /// Data of one start, as those of [`assign`](super::assign) and
    /// [`sum_members`](super::sum_members).
    pub struct OfStart<'a> {
        pub centers: &'a [f32],
        pub labels: &'a mut [u32],
        pub before: &'a [u32],
        pub distances: &'a mut [f32],
        pub sums: &'a mut [f32],
    }

    /// What `assign` and then `sum_members` give for each of the starts, to the last byte, but with
    /// the points read once.
    pub fn assign_and_sum(
        points: &[f32],
        mut starts: Vec<OfStart<'_>>,
        d: usize,
        block_rows: usize,
    ) {
        let columns: Vec<Columns> =
            starts.iter().map(|start| Columns::new(start.centers, d)).collect();
        let mut blocks: Vec<Vec<(OfStart<'_>, &Columns)>> = Vec::new();
        blocks.resize_with(points.len().div_ceil(block_rows * d), Vec::new);
        for (start, columns) in starts.iter_mut().zip(&columns) {
            let sums = start.sums.len() / blocks.len();
            let labels = start.labels.chunks_mut(block_rows).zip(start.before.chunks(block_rows));
            let results = start.distances.chunks_mut(block_rows).zip(start.sums.chunks_mut(sums));
            let parts = labels.zip(results);
            for (block, ((labels, before), (distances, sums))) in blocks.iter_mut().zip(parts) {
                let centers = start.centers;
                block.push((OfStart { centers, labels, before, distances, sums }, columns));
            }
        }
        let blocks = blocks.into_par_iter().zip(points.par_chunks(block_rows * d));
        blocks.for_each(|(mut starts, points)| assign_and_sum_block(points, &mut starts, d));
    }

    fn assign_and_sum_block(points: &[f32], starts: &mut [(OfStart<'_>, &Columns)], d: usize) {
        starts.iter_mut().for_each(|(start, _)| start.sums.fill(0.0));
        for (at, points) in points.chunks(CACHED * d).enumerate() {
            let rows = at * CACHED..at * CACHED + points.len() / d;
            let assigned = starts.iter_mut().map(|(start, centers)| Assigned {
                centers,
                labels: &mut start.labels[rows.clone()],
                distances: &mut start.distances[rows.clone()],
            });
            assign_some(points, &mut assigned.collect::<Vec<_>>(), d);
            for (start, _) in starts.iter_mut() {
                let labels = (&start.labels[rows.clone()], &start.before[rows.clone()]);
                add_members(points, labels, start.sums, d);
            }
        }
    }
}

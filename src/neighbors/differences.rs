//! Squared Euclidean distances as sums of (a - b)^2: exact up to the rounding of a few additions,
//! wherever the rows lie.
//!
//! O(m n d). On the GPU by tiles of 64 x 64 whose rows pass through workgroup memory; on the CPU
//! four queries at a time.

use crate::compute::{Buffer, Device, Kernel, Work, dispatches, kernel, uniform};
use crate::error::Result;

uniform! {
    struct DifferenceParams {
        query_first: u32,
        n_queries: u32,
        n_references: u32,
        n_features: u32,
        first_tile: u32,
        n_tiles: u32,
        first_feature: u32,
        last_feature: u32,
    }
}

const DIFFERENCE_DISTANCES: Kernel =
    kernel!("differences", "difference_distances", 256, DifferenceParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&DIFFERENCE_DISTANCES];

/// Requested block of distances: queries `query_first .. query_first + n_queries` against
/// `n_references` rows.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Index of the first query row.
    pub query_first: usize,
    /// Number of query rows.
    pub n_queries: usize,
    /// Number of reference rows, from the first on.
    pub n_references: usize,
    /// Number of columns of both.
    pub n_features: usize,
}

/// Rows and columns of one tile.
const TILE: usize = 64;
/// Number of features that are summed together, and the loop turns for them: one for each and one
/// for all; the end of a loop and passing one count as turns too.
const GROUP: usize = 16;
const GROUP_TURNS: usize = GROUP + 4;
/// Number of turns of the other loops of an invocation, with some to spare.
const OTHER_TURNS: usize = 64;

/// Squared distances of a block in difference form. Shapes: `queries` m x d, `references` n x d,
/// `distances` n_queries x n_references.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn difference_distances(
    device: &Device,
    queries: &Buffer<f32>,
    references: &Buffer<f32>,
    distances: &mut Buffer<f32>,
    block: Block,
) -> Result<()> {
    match device {
        Device::Cpu(_) => cpu::difference_distances(
            queries.host(),
            references.host(),
            distances.host_mut(),
            block,
        ),
        Device::Gpu(gpu) => {
            let bindings = [(1, queries.gpu()), (2, references.gpu()), (3, distances.gpu())];
            let tiles = block.n_queries.div_ceil(TILE) * block.n_references.div_ceil(TILE);
            let together = (gpu.most_turns() - OTHER_TURNS) / GROUP_TURNS * GROUP;
            for first_feature in dispatches(block.n_features, together) {
                let last_feature = block.n_features.min(first_feature as usize + together) as u32;
                let work = tile_work(block, (last_feature - first_feature) as usize);
                gpu.dispatch_rows(
                    &DIFFERENCE_DISTANCES,
                    &bindings,
                    tiles,
                    work,
                    |tiles| tiles,
                    |first_tile, n_tiles| DifferenceParams {
                        query_first: block.query_first as u32,
                        n_queries: block.n_queries as u32,
                        n_references: block.n_references as u32,
                        n_features: block.n_features as u32,
                        first_tile: first_tile as u32,
                        n_tiles: n_tiles as u32,
                        first_feature,
                        last_feature,
                    },
                )?;
            }
        }
    }
    Ok(())
}

/// Work of a subtraction and a multiply-add for each feature of each pair; a tile reads its rows
/// once.
fn tile_work(block: Block, n_features: usize) -> Work {
    let rows = block.n_queries.min(TILE) as u64;
    let columns = block.n_references.min(TILE) as u64;
    let d = n_features as u64;
    Work::new(3 * rows * columns * d, 4 * ((rows + columns) * d + rows * columns))
}

mod cpu {
    use super::Block;
    use crate::neighbors::pairwise::cpu::{squared_difference, total};
    use multiversion::multiversion;
    use rayon::prelude::*;

    /// Number of query rows whose differences from a reference are summed together.
    const FOUR: usize = 4;

    pub fn difference_distances(
        queries: &[f32],
        references: &[f32],
        distances: &mut [f32],
        block: Block,
    ) {
        let Block { query_first, n_queries, n_references: n, n_features: d } = block;
        let rows = &queries[query_first * d..][..n_queries * d];
        distances[..n_queries * n]
            .par_chunks_mut(FOUR * n)
            .zip(rows.par_chunks(FOUR * d))
            .for_each(|(distances, rows)| {
                if d > 16 && distances.len() == FOUR * n {
                    for (at, reference) in references.chunks_exact(d).take(n).enumerate() {
                        for (row, distance) in
                            squared_differences_of_four(rows, reference).into_iter().enumerate()
                        {
                            distances[row * n + at] = distance;
                        }
                    }
                    return;
                }
                for (distances, row) in distances.chunks_exact_mut(n).zip(rows.chunks_exact(d)) {
                    if d == 2 {
                        plane_distances(row, references, distances);
                    } else {
                        for (distance, reference) in
                            distances.iter_mut().zip(references.chunks_exact(d))
                        {
                            *distance = squared_difference(row, reference);
                        }
                    }
                }
            });
    }

    /// Squared distances in two dimensions, where a call for each would cost more than the
    /// distance.
    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn plane_distances(point: &[f32], references: &[f32], distances: &mut [f32]) {
        for (distance, reference) in distances.iter_mut().zip(references.chunks_exact(2)) {
            let (dx, dy) = (point[0] - reference[0], point[1] - reference[1]);
            *distance = dx * dx + dy * dy;
        }
    }

    /// Squared distances of four rows `a` from one `b`, which is read once.
    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn squared_differences_of_four(a: &[f32], b: &[f32]) -> [f32; FOUR] {
        let d = b.len();
        let rows: [&[f32]; FOUR] = [&a[..d], &a[d..][..d], &a[2 * d..][..d], &a[3 * d..][..d]];
        let mut sums = [[0.0_f32; 16]; FOUR];
        for first in (0..d / 16 * 16).step_by(16) {
            let b = &b[first..][..16];
            let a = [
                &rows[0][first..][..16],
                &rows[1][first..][..16],
                &rows[2][first..][..16],
                &rows[3][first..][..16],
            ];
            for i in 0..16 {
                let differences = [a[0][i] - b[i], a[1][i] - b[i], a[2][i] - b[i], a[3][i] - b[i]];
                sums[0][i] += differences[0] * differences[0];
                sums[1][i] += differences[1] * differences[1];
                sums[2][i] += differences[2] * differences[2];
                sums[3][i] += differences[3] * differences[3];
            }
        }
        let [s0, s1, s2, s3] = sums;
        [total(s0, rows[0], b), total(s1, rows[1], b), total(s2, rows[2], b), total(s3, rows[3], b)]
    }
}

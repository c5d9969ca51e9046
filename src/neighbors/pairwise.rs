//! Squared Euclidean distances between the rows of two matrices.
//!
//! Two forms. The product form |a|^2 + |b|^2 - 2 a.b is a matrix product, O(n m d) at the speed of one, but it cancels: the
//! rows must be centred, and its error is bounded by [`relative_error`]. The difference form sums (a - b)^2 and is exact up
//! to the rounding of a few additions. Both run on the GPU in WGSL and on the CPU in blocks over all threads.

use crate::compute::{Buffer, Device, Kernel, MOST_TURNS, dispatches, kernel, uniform};
use crate::error::Result;

uniform! {
    struct DistanceParams {
        query_first: u32, n_queries: u32, n_references: u32, n_features: u32, first_feature: u32, last_feature: u32,
    }
}
uniform! {
    struct NormParams { n: u32, n_features: u32 }
}

const SQUARED_DISTANCES: Kernel = kernel!("pairwise", "squared_distances", 256, DistanceParams);
const DIFFERENCE_DISTANCES: Kernel = kernel!("pairwise", "difference_distances", 256, DistanceParams);
const SQUARED_NORMS: Kernel = kernel!("pairwise", "squared_norms", 64, NormParams);

/// Kernels of this room.
pub const KERNELS: &[&Kernel] = &[&SQUARED_DISTANCES, &DIFFERENCE_DISTANCES, &SQUARED_NORMS];

/// Rows and columns of one output tile of `squared_distances`.
const TILE: usize = 64;
/// Features of one dispatch of it at most: whole slices of 16, each a turn of its own and one for each feature.
const FEATURES_PER_DISPATCH: usize = MOST_TURNS / 17 * 16;

/// Which block of distances is asked for: queries `query_first .. query_first + n_queries` against `n_references` rows.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// First query row.
    pub query_first: usize,
    /// Query rows.
    pub n_queries: usize,
    /// Reference rows, from the first on.
    pub n_references: usize,
    /// Columns of both.
    pub n_features: usize,
}

impl Block {
    fn uniform(&self) -> DistanceParams {
        DistanceParams {
            query_first: self.query_first as u32,
            n_queries: self.n_queries as u32,
            n_references: self.n_references as u32,
            n_features: self.n_features as u32,
            first_feature: 0,
            last_feature: self.n_features as u32,
        }
    }

    fn work(&self) -> u64 {
        self.n_queries as u64 * self.n_references as u64 * self.n_features as u64
    }
}

/// A bound on the error of the product form, relative to (|a| + |b|)^2: every one of `n_features` products and sums rounds by
/// at most 2^-24 (Higham, Accuracy and Stability of Numerical Algorithms, 2002, eq. 3.5), and a few more join the norms.
pub fn relative_error(n_features: usize) -> f32 {
    (n_features + 8) as f32 * (1.0 / (1 << 24) as f32)
}

/// Product form; may fall below zero by its rounding error.
/// Shapes: `queries` m x d, `references` n x d, norms m and n (squared lengths), `distances` n_queries x n_references.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn squared_distances(
    device: &Device,
    queries: (&Buffer<f32>, &Buffer<f32>),
    references: (&Buffer<f32>, &Buffer<f32>),
    distances: &mut Buffer<f32>,
    block: Block,
) -> Result<()> {
    match device {
        Device::Cpu(_) => cpu::squared_distances(
            (queries.0.host(), queries.1.host()),
            (references.0.host(), references.1.host()),
            distances.host_mut(),
            block,
        ),
        Device::Gpu(gpu) => {
            let bindings = [
                (1, queries.0.gpu()),
                (2, references.0.gpu()),
                (3, distances.gpu()),
                (4, queries.1.gpu()),
                (5, references.1.gpu()),
            ];
            let tiles = block.n_queries.div_ceil(TILE) * block.n_references.div_ceil(TILE);
            for first_feature in dispatches(block.n_features, FEATURES_PER_DISPATCH) {
                let last_feature = block.n_features.min(first_feature as usize + FEATURES_PER_DISPATCH) as u32;
                let uniform = DistanceParams { first_feature, last_feature, ..block.uniform() };
                gpu.dispatch_workgroups(&SQUARED_DISTANCES, &uniform, &bindings, tiles, block.work())?;
            }
        }
    }
    Ok(())
}

/// Difference form. Shapes as [`squared_distances`].
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
        Device::Cpu(_) => cpu::difference_distances(queries.host(), references.host(), distances.host_mut(), block),
        Device::Gpu(gpu) => {
            let bindings = [(1, queries.gpu()), (2, references.gpu()), (3, distances.gpu())];
            let pairs = block.n_queries * block.n_references;
            gpu.dispatch(&DIFFERENCE_DISTANCES, &block.uniform(), &bindings, pairs, block.work())?;
        }
    }
    Ok(())
}

/// Squared length of each of `n` rows. Shapes: `rows` n x d, `norms` n.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn squared_norms(device: &Device, rows: &Buffer<f32>, norms: &mut Buffer<f32>, n: usize, n_features: usize) -> Result<()> {
    match device {
        Device::Cpu(_) => cpu::squared_norms(rows.host(), norms.host_mut(), n_features),
        Device::Gpu(gpu) => {
            let uniform = NormParams { n: n as u32, n_features: n_features as u32 };
            gpu.dispatch(&SQUARED_NORMS, &uniform, &[(1, rows.gpu()), (2, norms.gpu())], n, (n * n_features) as u64)?;
        }
    }
    Ok(())
}

pub(super) mod cpu {
    use super::Block;
    use crate::neighbors::products::add_products;
    use multiversion::multiversion;
    use rayon::prelude::*;

    /// Query rows of one matrix product: enough that packing the references is small beside it. A constant, so that the
    /// bytes do not depend on the number of threads.
    const ROWS: usize = 512;
    /// Query rows whose differences to a reference are summed together.
    const FOUR: usize = 4;

    pub fn squared_distances(queries: (&[f32], &[f32]), references: (&[f32], &[f32]), distances: &mut [f32], block: Block) {
        let Block { query_first, n_queries, n_references: n, n_features: d } = block;
        let rows = &queries.0[query_first * d..][..n_queries * d];
        let (query_norms, reference_norms) = (&queries.1[query_first..][..n_queries], &references.1[..n]);
        let chunks = distances[..n_queries * n].par_chunks_mut(ROWS * n).zip(rows.par_chunks(ROWS * d));
        chunks.zip(query_norms.par_chunks(ROWS)).for_each(|((distances, rows), norms)| {
            for (distances, norm) in distances.chunks_exact_mut(n).zip(norms) {
                for (distance, reference) in distances.iter_mut().zip(reference_norms) {
                    *distance = norm + reference;
                }
            }
            add_products(-2.0, rows, &references.0[..n * d], distances, (norms.len(), n, d));
        });
    }

    pub fn difference_distances(queries: &[f32], references: &[f32], distances: &mut [f32], block: Block) {
        let Block { query_first, n_queries, n_references: n, n_features: d } = block;
        let rows = &queries[query_first * d..][..n_queries * d];
        distances[..n_queries * n].par_chunks_mut(FOUR * n).zip(rows.par_chunks(FOUR * d)).for_each(|(distances, rows)| {
            if d > 16 && distances.len() == FOUR * n {
                for (at, reference) in references.chunks_exact(d).take(n).enumerate() {
                    for (row, distance) in squared_differences_of_four(rows, reference).into_iter().enumerate() {
                        distances[row * n + at] = distance;
                    }
                }
                return;
            }
            for (distances, row) in distances.chunks_exact_mut(n).zip(rows.chunks_exact(d)) {
                if d == 2 {
                    plane_distances(row, references, distances);
                } else {
                    for (distance, reference) in distances.iter_mut().zip(references.chunks_exact(d)) {
                        *distance = squared_difference(row, reference);
                    }
                }
            }
        });
    }

    /// Squared distances in the plane, where a call for each would cost more than the distance.
    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn plane_distances(point: &[f32], references: &[f32], distances: &mut [f32]) {
        for (distance, reference) in distances.iter_mut().zip(references.chunks_exact(2)) {
            let (dx, dy) = (point[0] - reference[0], point[1] - reference[1]);
            *distance = dx * dx + dy * dy;
        }
    }

    /// Sum of (a - b)^2: 16 running sums, then a tree, so that the rounding error stays that of d / 16 additions.
    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    pub fn squared_difference(a: &[f32], b: &[f32]) -> f32 {
        sum_of_squared_differences(a, b)
    }

    /// The same for a row and the rows of `b` at the given positions, where a call for each would cost much.
    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    pub fn squared_differences(a: &[f32], b: &[f32], positions: &[u32], distances: &mut Vec<f32>) {
        let d = a.len();
        distances.clear();
        distances.extend(positions.iter().map(|&at| sum_of_squared_differences(a, &b[at as usize * d..][..d])));
    }

    #[inline(always)]
    fn sum_of_squared_differences(a: &[f32], b: &[f32]) -> f32 {
        let mut sums = [0.0_f32; 16];
        for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
            for i in 0..16 {
                let difference = a[i] - b[i];
                sums[i] += difference * difference;
            }
        }
        total(sums, a, b)
    }

    /// The same of four rows `a` and one `b`, which is read once for all.
    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn squared_differences_of_four(a: &[f32], b: &[f32]) -> [f32; FOUR] {
        let d = b.len();
        let rows: [&[f32]; FOUR] = [&a[..d], &a[d..][..d], &a[2 * d..][..d], &a[3 * d..][..d]];
        let mut sums = [[0.0_f32; 16]; FOUR];
        for first in (0..d / 16 * 16).step_by(16) {
            let b = &b[first..][..16];
            let a = [&rows[0][first..][..16], &rows[1][first..][..16], &rows[2][first..][..16], &rows[3][first..][..16]];
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

    /// The running sums and what is left beyond the last 16.
    #[inline(always)]
    fn total(mut sums: [f32; 16], a: &[f32], b: &[f32]) -> f32 {
        for half in [8, 4, 2, 1] {
            for i in 0..half {
                sums[i] += sums[i + half];
            }
        }
        let whole = a.len() / 16 * 16;
        let tail: f32 = a[whole..].iter().zip(&b[whole..]).map(|(a, b)| (a - b) * (a - b)).sum();
        sums[0] + tail
    }

    pub fn squared_norms(rows: &[f32], norms: &mut [f32], d: usize) {
        let zeros = vec![0.0; d];
        norms.par_iter_mut().zip(rows.par_chunks(d)).for_each(|(norm, row)| {
            *norm = squared_difference(row, &zeros);
        });
    }
}

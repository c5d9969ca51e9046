//! Products of many rows with few: covariance, projection, and the products of the rows with their
//! projections, as kernels with their twins.

use crate::compute::{Buffer, Device, Kernel, Work, kernel, uniform};
use crate::error::Result;

uniform! {
    struct CovarianceParams { first: u32, n: u32, n_features: u32, first_tile: u32, n_tiles: u32 }
}
uniform! {
    struct ProjectParams { first: u32, n: u32, n_features: u32, n_components: u32 }
}
uniform! {
    struct CrossParams { first_block: u32, n: u32, n_features: u32, n_components: u32 }
}

const COVARIANCE: Kernel = kernel!("products", "covariance", 256, CovarianceParams);
const PROJECT: Kernel = kernel!("products", "project", 64, ProjectParams);
const CROSS_PRODUCTS: Kernel = kernel!("products", "cross_products", 64, CrossParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&COVARIANCE, &PROJECT, &CROSS_PRODUCTS];

/// Number of rows of one partial sum: the rounding error then stays near that of 1,000 additions,
/// for any number of rows.
pub const BLOCK_ROWS: usize = 1024;
/// Number of features of one tile of the covariance in each direction, and of one workgroup of
/// `cross_products`.
const TILE: usize = 64;
/// Number of components of one workgroup of `cross_products`.
const COMPONENTS: usize = 16;

/// Adds (x - mean)^T (x - mean) of rows `first .. first + n` to the upper triangle of `products`;
/// some entries of the lower one change too. Shapes: `rows` n_samples x d, `mean` d, `products` d x
/// d.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn covariance(
    device: &Device,
    rows: &Buffer<f32>,
    mean: &Buffer<f32>,
    products: &mut Buffer<f32>,
    (first, n): (usize, usize),
    n_features: usize,
) -> Result<()> {
    match device {
        Device::Cpu(_) => cpu::covariance(
            &rows.host()[first * n_features..][..n * n_features],
            mean.host(),
            products.host_mut(),
        ),
        Device::Gpu(gpu) => {
            let uniform = |first_tile: usize, n_tiles: usize| CovarianceParams {
                first: first as u32,
                n: n as u32,
                n_features: n_features as u32,
                first_tile: first_tile as u32,
                n_tiles: n_tiles as u32,
            };
            let across = n_features.div_ceil(TILE);
            let tile = Work::new(
                (2 * n * TILE * TILE) as u64,
                (4 * (2 * n * TILE + 2 * TILE * TILE)) as u64,
            );
            let bindings = [(1, rows.gpu()), (2, mean.gpu()), (3, products.gpu())];
            gpu.dispatch_rows(
                &COVARIANCE,
                &bindings,
                across * (across + 1) / 2,
                tile,
                |n| n,
                uniform,
            )?;
        }
    }
    Ok(())
}

/// Projects rows onto axes: (row - mean) . axis. Shapes: `rows` n x d, `mean` d, `components` c x
/// d, `projected` n x c; `shape` is (n, d, c).
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn project(
    device: &Device,
    rows: &Buffer<f32>,
    mean: &Buffer<f32>,
    components: &Buffer<f32>,
    projected: &mut Buffer<f32>,
    shape: (usize, usize, usize),
) -> Result<()> {
    let (n, d, c) = shape;
    match device {
        Device::Cpu(_) => {
            cpu::project(rows.host(), mean.host(), components.host(), projected.host_mut(), shape)
        }
        Device::Gpu(gpu) => {
            let uniform = |first: usize, n: usize| ProjectParams {
                first: first as u32,
                n: n as u32,
                n_features: d as u32,
                n_components: c as u32,
            };
            let bindings =
                [(1, rows.gpu()), (2, mean.gpu()), (3, components.gpu()), (4, projected.gpu())];
            // A workgroup handles 64 pairs of rows and axes.
            let read = 1.0 + c as f64 * (c.min(64) + 1) as f64 / 64.0;
            let work = Work::new(3 * (c * d) as u64, (4.0 * d as f64 * read) as u64 + 4 * c as u64);
            gpu.dispatch_rows(&PROJECT, &bindings, n, work, |n| (n * c).div_ceil(64), uniform)?;
        }
    }
    Ok(())
}

/// Products of centred rows with scores, block by block: partial b = sum over the rows of block b
/// of score^T (row - mean). Shapes: `rows` n x d, `mean` d, `scores` n x c, `partial` ceil(n /
/// 1,024) x c x d; `shape` is (n, d, c).
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn cross_products(
    device: &Device,
    rows: &Buffer<f32>,
    mean: &Buffer<f32>,
    scores: &Buffer<f32>,
    partial: &mut Buffer<f32>,
    shape: (usize, usize, usize),
) -> Result<()> {
    let (n, d, c) = shape;
    match device {
        Device::Cpu(_) => {
            cpu::cross_products(rows.host(), mean.host(), scores.host(), partial.host_mut(), (d, c))
        }
        Device::Gpu(gpu) => {
            // Only the last block may be incomplete, and it ends with the last row.
            let uniform = |first_block: usize, blocks: usize| CrossParams {
                first_block: first_block as u32,
                n: n.min((first_block + blocks) * BLOCK_ROWS) as u32,
                n_features: d as u32,
                n_components: c as u32,
            };
            let bindings =
                [(1, rows.gpu()), (2, mean.gpu()), (3, scores.gpu()), (4, partial.gpu())];
            let tiles = d.div_ceil(TILE);
            let groups = c.div_ceil(COMPONENTS);
            let rows = BLOCK_ROWS.min(n);
            let work = Work::new(
                (2 * rows * c * d) as u64,
                (4 * (rows * (d * groups + c * tiles) + c * d)) as u64,
            );
            gpu.dispatch_rows(
                &CROSS_PRODUCTS,
                &bindings,
                n.div_ceil(BLOCK_ROWS),
                work,
                |n| n * tiles * groups,
                uniform,
            )?;
        }
    }
    Ok(())
}

mod cpu {
    use super::BLOCK_ROWS;
    use multiversion::multiversion;
    use rayon::prelude::*;

    /// Number of features of one strip of the covariance, the unit of parallel work; a constant, so
    /// that the bytes do not depend on the number of threads.
    const STRIP: usize = super::TILE;
    /// Number of axes that a row is projected onto at once, and number of rows of one task.
    const AXES: usize = 4;
    const ROWS: usize = 32;
    /// Number of features whose sums for a dozen components stay in the first-level cache.
    const FEATURES: usize = 256;

    pub fn covariance(rows: &[f32], mean: &[f32], products: &mut [f32]) {
        let n = rows.len() / mean.len();
        let d = mean.len();
        let mut centred = rows.to_vec();
        centred
            .par_chunks_mut(d)
            .for_each(|row| row.iter_mut().zip(mean).for_each(|(value, mean)| *value -= mean));
        products.par_chunks_mut(STRIP * d).enumerate().for_each(|(strip, products)| {
            let first = strip * STRIP;
            let rows = products.len() / d;
            assert!(centred.len() == n * d && first + rows <= d && products.len() == rows * d);
            // SAFETY: `centred` has n x d elements, of which columns first .. first + rows are read
            // transposed and columns first .. d as they are; `products` has rows x d, of which
            // columns first .. d are written. Both were just checked.
            unsafe {
                gemm::gemm(
                    rows,
                    d - first,
                    n,
                    products.as_mut_ptr().add(first),
                    1,
                    d as isize,
                    true,
                    centred.as_ptr().add(first),
                    d as isize,
                    1,
                    centred.as_ptr().add(first),
                    1,
                    d as isize,
                    1.0,
                    1.0,
                    false,
                    false,
                    false,
                    gemm::Parallelism::None,
                );
            }
        });
    }

    pub fn project(
        rows: &[f32],
        mean: &[f32],
        components: &[f32],
        projected: &mut [f32],
        (n, d, c): (usize, usize, usize),
    ) {
        let blocks = projected[..n * c].par_chunks_mut(ROWS * c).zip(rows.par_chunks(ROWS * d));
        blocks.for_each(|(projected, rows)| {
            // A few axes at a time are multiplied with all rows of a block while these are in the
            // cache.
            for (group, axes) in components.chunks(AXES * d).enumerate() {
                for (projected, row) in projected.chunks_exact_mut(c).zip(rows.chunks_exact(d)) {
                    let projected = &mut projected[group * AXES..];
                    if axes.len() == AXES * d {
                        projected[..AXES].copy_from_slice(&centred_products(row, mean, axes));
                        continue;
                    }
                    for (projected, axis) in projected.iter_mut().zip(axes.chunks_exact(d)) {
                        *projected = centred_product(row, mean, axis);
                    }
                }
            }
        });
    }

    /// [`centred_product`] with four axes at once, so that the row is read once.
    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn centred_products(x: &[f32], m: &[f32], axes: &[f32]) -> [f32; AXES] {
        let d = x.len();
        let axes: [&[f32]; AXES] =
            [&axes[..d], &axes[d..][..d], &axes[2 * d..][..d], &axes[3 * d..][..d]];
        let mut sums = [[0.0_f32; 16]; AXES];
        for first in (0..d / 16 * 16).step_by(16) {
            let (x, m) = (&x[first..][..16], &m[first..][..16]);
            let parts = [
                &axes[0][first..][..16],
                &axes[1][first..][..16],
                &axes[2][first..][..16],
                &axes[3][first..][..16],
            ];
            for i in 0..16 {
                let centred = x[i] - m[i];
                sums[0][i] += centred * parts[0][i];
                sums[1][i] += centred * parts[1][i];
                sums[2][i] += centred * parts[2][i];
                sums[3][i] += centred * parts[3][i];
            }
        }
        let [a, b, c, d] = sums;
        [
            total(a, x, m, axes[0]),
            total(b, x, m, axes[1]),
            total(c, x, m, axes[2]),
            total(d, x, m, axes[3]),
        ]
    }

    /// Sum of (x - m) a: 16 running sums, then a binary tree.
    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn centred_product(x: &[f32], m: &[f32], axis: &[f32]) -> f32 {
        let mut sums = [0.0_f32; 16];
        for first in (0..x.len() / 16 * 16).step_by(16) {
            let (x, m, axis) = (&x[first..][..16], &m[first..][..16], &axis[first..][..16]);
            for i in 0..16 {
                sums[i] += (x[i] - m[i]) * axis[i];
            }
        }
        total(sums, x, m, axis)
    }

    /// Total of the running sums and the elements after the last 16.
    #[inline(always)]
    fn total(mut sums: [f32; 16], x: &[f32], m: &[f32], axis: &[f32]) -> f32 {
        for half in [8, 4, 2, 1] {
            for i in 0..half {
                sums[i] += sums[i + half];
            }
        }
        let tail: f32 = (x.len() / 16 * 16..x.len()).map(|i| (x[i] - m[i]) * axis[i]).sum();
        sums[0] + tail
    }

    pub fn cross_products(
        rows: &[f32],
        mean: &[f32],
        scores: &[f32],
        partial: &mut [f32],
        (d, c): (usize, usize),
    ) {
        let blocks = rows.par_chunks(BLOCK_ROWS * d).zip(scores.par_chunks(BLOCK_ROWS * c));
        partial.par_chunks_mut(c * d).zip(blocks).for_each(|(partial, (rows, scores))| {
            partial.fill(0.0);
            for first in (0..d).step_by(FEATURES) {
                let n_features = FEATURES.min(d - first);
                for (row, scores) in rows.chunks_exact(d).zip(scores.chunks_exact(c)) {
                    let features = first..first + n_features;
                    add_scaled(
                        &row[features.clone()],
                        &mean[features],
                        scores,
                        &mut partial[first..],
                        d,
                    );
                }
            }
        });
    }

    /// Adds score (x - m) to the row of `sums` of each score; these rows are `stride` apart.
    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn add_scaled(x: &[f32], m: &[f32], scores: &[f32], sums: &mut [f32], stride: usize) {
        let mut centred = [0.0_f32; FEATURES];
        let centred = &mut centred[..x.len()];
        for ((centred, x), m) in centred.iter_mut().zip(x).zip(m) {
            *centred = x - m;
        }
        for (at, &score) in scores.iter().enumerate() {
            for (sum, value) in sums[at * stride..][..x.len()].iter_mut().zip(&*centred) {
                *sum += score * value;
            }
        }
    }
}

//! Squared Euclidean distances between the rows of two matrices.
//!
//! There are two forms. The product form |a|^2 + |b|^2 - 2 a.b is a matrix product, O(n m d) at the
//! speed of one, but it cancels: the rows must be [`Centred`], and its error is bounded by
//! [`relative_error`] and [`vanished`]. The difference form of [`differences`](super::differences)
//! sums (a - b)^2 and is exact up to the rounding of a few additions. Both run on the GPU in WGSL
//! and on the CPU in blocks over all threads.

use crate::compute::{Buffer, Device, Kernel, Work, dispatches, kernel, uniform};
use crate::error::Result;

uniform! {
    struct CentreParams { first: u32, n: u32, n_padded: u32, n_features: u32, width: u32 }
}
uniform! {
    struct ProductParams {
        query_first: u32, reference_first: u32, first_tile: u32, n_tiles: u32, tiles_across: u32, first_feature: u32,
        last_feature: u32, width: u32, mirror_stride: u32,
    }
}

const SQUARED_DISTANCES: Kernel = kernel!("pairwise", "squared_distances", 256, ProductParams);
const CENTRE_ROWS: Kernel = kernel!("pairwise", "centre_rows", 64, CentreParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&SQUARED_DISTANCES, &CENTRE_ROWS];

/// Number of rows and columns of one output tile of `squared_distances`.
pub const TILE: usize = 128;
/// Number of features that one of its workgroups processes at once.
const SLICE: usize = 16;

/// Upper bound on the error of the product form, relative to (|a| + |b|)^2: each of `n_features`
/// products and sums rounds by at most 2^-24 (Higham, Accuracy and Stability of Numerical
/// Algorithms, 2002, eq. 3.5), and the norms add a few more.
pub fn relative_error(n_features: usize) -> f32 {
    (n_features + 8) as f32 * (1.0 / (1 << 24) as f32)
}

/// Upper bound on the error beyond [`relative_error`] of the product and the difference form on a
/// device that treats numbers below 2^-126 as zero: less than 2^-126 in each product and each sum,
/// of which the two norms and the doubled product have 8 a feature.
pub fn vanished(n_features: usize) -> f32 {
    (8 * (n_features + 8)) as f32 * f32::MIN_POSITIVE
}

/// Rows minus their mean, and their squared lengths, for the product form. They are padded with
/// zeros to whole tiles of rows and whole slices of features, so that the inner loops need no test
/// for an edge.
#[derive(Debug)]
pub struct Centred {
    /// n x `width`, and rows of zeros up to a multiple of [`TILE`].
    rows: Buffer<f32>,
    /// Squared lengths, one per row.
    norms: Buffer<f32>,
    n: usize,
    n_features: usize,
}

impl Centred {
    /// Rows `first .. first + n` of `rows` minus `mean`. Shapes: `rows` n_samples x d, `mean` d.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel), [`Error::GpuMemory`](crate::Error::GpuMemory).
    pub fn new(
        device: &Device,
        rows: &Buffer<f32>,
        mean: &Buffer<f32>,
        first: usize,
        n: usize,
    ) -> Result<Self> {
        let n_features = mean.len();
        let n_padded = n.next_multiple_of(TILE);
        let centred = Buffer::new(device, "centred points", n_padded * width(n_features))?;
        let mut centred =
            Self { rows: centred, norms: Buffer::new(device, "norms", n_padded)?, n, n_features };
        centre_rows(device, rows, mean, first, &mut centred)?;
        Ok(centred)
    }

    /// Size in bytes of `n` rows of `n_features` features.
    pub fn bytes(n: usize, n_features: usize) -> u64 {
        4 * n.next_multiple_of(TILE) as u64 * (width(n_features) + 1) as u64
    }

    /// Rows minus the mean, padded with zeros.
    pub fn rows(&self) -> &Buffer<f32> {
        &self.rows
    }

    /// Squared lengths of the rows, zeros at the end.
    pub fn norms(&self) -> &Buffer<f32> {
        &self.norms
    }

    fn n_padded(&self) -> usize {
        self.n.next_multiple_of(TILE)
    }
}

/// Distances of some queries to some references in product form. If it was made for that, also the
/// transpose, by reference: points among themselves need each distance only once.
#[derive(Debug)]
pub struct DistanceTile {
    distances: Buffer<f32>,
    mirrored: Buffer<f32>,
    /// Largest number of queries, in whole tiles.
    rows: usize,
    mirrors: bool,
}

impl DistanceTile {
    /// A tile for up to `n_queries` queries and `n_references` references.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory).
    pub fn new(
        device: &Device,
        n_queries: usize,
        n_references: usize,
        mirrors: bool,
    ) -> Result<Self> {
        let rows = n_queries.next_multiple_of(TILE);
        let columns = n_references.next_multiple_of(TILE);
        Ok(Self {
            distances: Buffer::new(device, "distance tile", rows * columns)?,
            // A kernel always needs the binding, if only for one vector.
            mirrored: Buffer::new(
                device,
                "mirrored distances",
                if mirrors { rows * columns } else { 4 },
            )?,
            rows,
            mirrors,
        })
    }

    /// Distances by query, [`DistanceTile::stride`] apart.
    pub fn distances(&self) -> &Buffer<f32> {
        &self.distances
    }

    /// Number of entries from one query to the next, for so many references.
    pub fn stride(n_references: usize) -> usize {
        n_references.next_multiple_of(TILE)
    }

    /// Distances by reference, [`DistanceTile::mirror_stride`] apart.
    pub fn mirrored(&self) -> &Buffer<f32> {
        &self.mirrored
    }

    /// Number of entries from one reference to the next.
    pub fn mirror_stride(&self) -> usize {
        self.rows
    }
}

/// Number of features of a centred row, with padding.
fn width(n_features: usize) -> usize {
    n_features.next_multiple_of(SLICE)
}

/// Subtracts `mean` from rows `first ..` of `rows`, pads with zeros, and computes the squared
/// lengths.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
fn centre_rows(
    device: &Device,
    rows: &Buffer<f32>,
    mean: &Buffer<f32>,
    first: usize,
    centred: &mut Centred,
) -> Result<()> {
    let Centred { n, n_features: d, .. } = *centred;
    match device {
        Device::Cpu(_) => {
            let (to, norms) = (centred.rows.host_mut(), centred.norms.host_mut());
            cpu::centre_rows(&rows.host()[first * d..][..n * d], mean.host(), to, norms);
        }
        Device::Gpu(gpu) => {
            let uniform = CentreParams {
                first: first as u32,
                n: n as u32,
                n_padded: centred.n_padded() as u32,
                n_features: d as u32,
                width: width(d) as u32,
            };
            let bindings = [
                (1, rows.gpu()),
                (2, mean.gpu()),
                (3, centred.rows.gpu()),
                (4, centred.norms.gpu()),
            ];
            let work =
                Work::new(3 * d as u64, 4 * (2 * d + width(d)) as u64).times(centred.n_padded());
            gpu.dispatch_workgroups(&CENTRE_ROWS, &uniform, &bindings, centred.n_padded(), work)?;
        }
    }
    Ok(())
}

/// Distances in product form; rounding may make them negative. `from` and `to` are the first row
/// and the number of rows of the queries and of the references. Entries of the tile beyond them are
/// undefined.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
///
/// # Panics
/// If a first row is not a multiple of [`TILE`].
pub fn squared_distances(
    device: &Device,
    queries: &Centred,
    references: &Centred,
    tile: &mut DistanceTile,
    from: (usize, usize),
    to: (usize, usize),
) -> Result<()> {
    assert!(
        from.0.is_multiple_of(TILE) && to.0.is_multiple_of(TILE),
        "rows from {from:?} and {to:?}"
    );
    match device {
        Device::Cpu(_) => cpu::squared_distances(queries, references, tile, from, to),
        Device::Gpu(gpu) => {
            let bindings = [
                (1, queries.rows.gpu()),
                (2, references.rows.gpu()),
                (3, tile.distances.gpu()),
                (4, queries.norms.gpu()),
                (5, references.norms.gpu()),
                (6, tile.mirrored.gpu()),
            ];
            let columns = DistanceTile::stride(to.1);
            let width = width(references.n_features);
            let tiles_down = from.1.div_ceil(TILE);
            let tiles_across = columns / TILE;
            // Whole slices; each takes a turn of its own and one for each feature.
            let most_features = gpu.most_turns() / (SLICE + 1) * SLICE;
            for first_feature in dispatches(width, most_features) {
                let last_feature = width.min(first_feature as usize + most_features);
                let features = (last_feature - first_feature as usize) as u64;
                let pairs = (TILE * columns) as u64;
                let operands = (2 * TILE * tiles_across) as u64;
                let written = if tile.mirrors { 2 * pairs } else { pairs };
                let work = Work::new(2 * pairs * features, 4 * (written + operands * features));
                let uniform = |first_tile: usize, n: usize| ProductParams {
                    query_first: from.0 as u32,
                    reference_first: to.0 as u32,
                    first_tile: first_tile as u32,
                    n_tiles: (n * tiles_across) as u32,
                    tiles_across: tiles_across as u32,
                    first_feature,
                    last_feature: last_feature as u32,
                    width: width as u32,
                    mirror_stride: if tile.mirrors { tile.rows as u32 } else { 0 },
                };
                gpu.dispatch_rows(
                    &SQUARED_DISTANCES,
                    &bindings,
                    tiles_down,
                    work,
                    |n| n * tiles_across,
                    uniform,
                )?;
            }
        }
    }
    Ok(())
}

pub(super) mod cpu {
    use super::{Centred, DistanceTile, width};
    use crate::neighbors::products::add_products;
    use multiversion::multiversion;
    use rayon::prelude::*;

    /// Number of query rows of one matrix product: enough that the cost of packing the references
    /// is small. A constant, so that the bytes do not depend on the number of threads.
    const ROWS: usize = 512;

    pub fn centre_rows(rows: &[f32], mean: &[f32], centred: &mut [f32], norms: &mut [f32]) {
        let d = mean.len();
        let width = width(mean.len());
        let zeros = vec![0.0; width];
        centred.fill(0.0);
        norms.fill(0.0);
        let outputs = centred.par_chunks_mut(width).zip(norms);
        outputs.zip(rows.par_chunks(d)).for_each(|((centred, norm), row)| {
            for ((centred, value), mean) in centred.iter_mut().zip(row).zip(mean) {
                *centred = value - mean;
            }
            *norm = squared_difference(centred, &zeros);
        });
    }

    pub fn squared_distances(
        queries: &Centred,
        references: &Centred,
        tile: &mut DistanceTile,
        (from, m): (usize, usize),
        (to, n): (usize, usize),
    ) {
        let d = references.n_features;
        let width = width(references.n_features);
        let columns = DistanceTile::stride(n);
        let rows = &queries.rows.host()[from * width..][..m * width];
        let others = &references.rows.host()[to * width..][..n * width];
        let query_norms = &queries.norms.host()[from..][..m];
        let reference_norms = &references.norms.host()[to..][..n];
        let chunks = tile.distances.host_mut()[..m * columns]
            .par_chunks_mut(ROWS * columns)
            .zip(rows.par_chunks(ROWS * width));
        chunks.zip(query_norms.par_chunks(ROWS)).for_each(|((distances, rows), norms)| {
            for (distances, norm) in distances.chunks_exact_mut(columns).zip(norms) {
                for (distance, reference) in distances.iter_mut().zip(reference_norms) {
                    *distance = norm + reference;
                }
            }
            add_products(-2.0, rows, others, distances, (norms.len(), n, d), (width, columns));
        });
        if tile.mirrors {
            let distances = &tile.distances.host()[..m * columns];
            let mirrored =
                tile.mirrored.host_mut()[..n * tile.rows].par_chunks_mut(tile.rows).enumerate();
            mirrored.for_each(|(column, mirrored)| {
                for (mirrored, row) in mirrored.iter_mut().zip(distances.chunks_exact(columns)) {
                    *mirrored = row[column];
                }
            });
        }
    }

    /// Sum of (a - b)^2: 16 running sums, then a binary tree, so that the rounding error is that of
    /// d / 16 additions.
    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    pub fn squared_difference(a: &[f32], b: &[f32]) -> f32 {
        sum_of_squared_differences(a, b)
    }

    /// The same for a row and the rows of `b` at the given positions, for which single calls would
    /// be slow.
    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    pub fn squared_differences(a: &[f32], b: &[f32], positions: &[u32], distances: &mut Vec<f32>) {
        let d = a.len();
        distances.clear();
        distances.extend(
            positions.iter().map(|&at| sum_of_squared_differences(a, &b[at as usize * d..][..d])),
        );
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

    /// Total of the running sums and the elements after the last 16.
    #[inline(always)]
    pub fn total(mut sums: [f32; 16], a: &[f32], b: &[f32]) -> f32 {
        for half in [8, 4, 2, 1] {
            for i in 0..half {
                sums[i] += sums[i + half];
            }
        }
        let whole = a.len() / 16 * 16;
        let tail: f32 = a[whole..].iter().zip(&b[whole..]).map(|(a, b)| (a - b) * (a - b)).sum();
        sums[0] + tail
    }
}

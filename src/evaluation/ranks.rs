//! Ranks among the distances of a sample, on which trustworthiness and continuity rest.
//!
//! Reference: J. Venna and S. Kaski, "Local multidimensional scaling", 2006, section 3;
//! scikit-learn's `trustworthiness`. A table holds all squared distances between two sets of rows,
//! in the difference form, O(m n d); the rank of an entry is counted in O(n), ties by index, so
//! that no row is ever sorted. Both on both devices.

use crate::compute::{Buffer, Device, Kernel, ReadBack, Work, kernel, uniform};
use crate::error::Result;
use crate::matrix::Matrix;
use crate::neighbors::differences::Block;
use crate::neighbors::differences::difference_distances;
use crate::progress::Observer;
use crate::range::Range;
use bytemuck::Pod;

uniform! {
    struct TableParams { first_row: u32, n_rows: u32, n_columns: u32, n_ids: u32 }
}

const COUNT_RANKS: Kernel = kernel!("ranks", "count_ranks", 64, TableParams);
const PICK_DISTANCES: Kernel = kernel!("ranks", "pick_distances", 64, TableParams);

/// Kernels of this module.
pub const KERNELS: &[&Kernel] = &[&COUNT_RANKS, &PICK_DISTANCES];

/// Rows of one part of a table: with 10,000 columns it has 20 MiB.
const PART_ROWS: usize = 512;
/// Ids of a row whose ranks one workgroup counts.
const TOGETHER: usize = 4;
/// The column of a row that leaves none out.
const NONE: u32 = u32::MAX;

/// All squared Euclidean distances from some rows to others, on a device; in a unit of their own
/// where those of the rows would be out of range.
#[derive(Debug)]
pub struct DistanceTable {
    parts: Vec<Part>,
    n_rows: usize,
    n_columns: usize,
}

#[derive(Debug)]
struct Part {
    distances: Buffer<f32>,
    /// The column of each row that has no rank.
    excluded: Buffer<u32>,
    n_rows: usize,
}

impl DistanceTable {
    /// The distances between all rows of `x`; a row has no rank in its own row of the table. O(n^2
    /// d).
    ///
    /// # Errors
    /// Any error of the device; [`Error::Interrupted`](crate::Error::Interrupted).
    pub fn among(device: &Device, x: &Matrix, observer: &dyn Observer) -> Result<Self> {
        Self::new(device, x, None, |row| row as u32, observer)
    }

    /// The distances from some rows of `x` to all of its rows; a row has no rank in its own row of
    /// the table. O(m n d).
    ///
    /// # Errors
    /// As [`DistanceTable::among`].
    pub fn of_rows(
        device: &Device,
        x: &Matrix,
        rows: std::ops::Range<usize>,
        observer: &dyn Observer,
    ) -> Result<Self> {
        let first = rows.start;
        let rows = x.select(&rows.collect::<Vec<_>>());
        Self::new(device, &rows, Some(x), |row| (first + row) as u32, observer)
    }

    /// The distances from the rows of `x` to those of `references`. O(m n d).
    ///
    /// # Errors
    /// As [`DistanceTable::among`].
    pub fn between(
        device: &Device,
        x: &Matrix,
        references: &Matrix,
        observer: &dyn Observer,
    ) -> Result<Self> {
        Self::new(device, x, Some(references), |_| NONE, observer)
    }

    /// The distances from the rows of `x` to the references, or to one another if there are none.
    fn new(
        device: &Device,
        x: &Matrix,
        references: Option<&Matrix>,
        excluded: impl Fn(usize) -> u32,
        observer: &dyn Observer,
    ) -> Result<Self> {
        let (n_rows, d) = (x.n_samples(), x.n_features());
        let n_columns = references.map_or(n_rows, Matrix::n_samples);
        let range = Range::of(references.unwrap_or(x))?;
        let x = range.scaled(x)?;
        let columns = match references {
            Some(references) => {
                Buffer::from_slice(device, "sample", range.scaled(references)?.as_slice())?
            }
            None => Buffer::from_slice(device, "sample", x.as_slice())?,
        };
        let part = |first: usize| {
            let n = PART_ROWS.min(n_rows - first);
            observer.step(first as u64, n_rows as u64, &[])?;
            let own = match references {
                Some(_) => {
                    Some(Buffer::from_slice(device, "sample", &x.as_slice()[first * d..][..n * d])?)
                }
                None => None,
            };
            let (rows, query_first) = own.as_ref().map_or((&columns, first), |own| (own, 0));
            let mut distances = Buffer::new(device, "sample's distances", n * n_columns)?;
            let block = Block { query_first, n_queries: n, n_references: n_columns, n_features: d };
            difference_distances(device, rows, &columns, &mut distances, block)?;
            let excluded: Vec<u32> = (first..first + n).map(&excluded).collect();
            Ok(Part {
                distances,
                excluded: Buffer::from_slice(device, "excluded", &excluded)?,
                n_rows: n,
            })
        };
        let parts = (0..n_rows).step_by(PART_ROWS).map(part).collect::<Result<_>>()?;
        Ok(Self { parts, n_rows, n_columns })
    }

    /// Rows of the table.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Columns of the table.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Ids of each row. Shaders take them as they are.
    fn k_of(&self, ids: &[u32]) -> usize {
        assert!(
            ids.iter().all(|&id| (id as usize) < self.n_columns),
            "an id beyond {} columns",
            self.n_columns
        );
        ids.len() / self.n_rows.max(1)
    }

    /// The rank, from 1, of each id among the columns of its row. Shapes: `ids` n_rows x k, the
    /// result likewise.
    ///
    /// # Errors
    /// Any error of the device.
    ///
    /// # Panics
    /// If an id is no column.
    pub fn ranks(&self, device: &Device, ids: &[u32]) -> Result<Vec<u32>> {
        let k = self.k_of(ids);
        let mut found = Vec::with_capacity(self.parts.len());
        for (part, ids) in self.parts.iter().zip(ids.chunks(PART_ROWS * k)) {
            let ids = Buffer::from_slice(device, "ids", ids)?;
            let mut ranks = Buffer::new(device, "ranks", ids.len())?;
            let shape = (part.n_rows, self.n_columns, k);
            count_ranks(device, &part.distances, &ids, &part.excluded, &mut ranks, shape)?;
            found.push(ranks.read_later(device)?);
        }
        joined(device, found)
    }

    /// The squared distance of each id from its row. Shapes as [`DistanceTable::ranks`].
    ///
    /// # Errors
    /// Any error of the device.
    ///
    /// # Panics
    /// If an id is no column.
    pub fn distances(&self, device: &Device, ids: &[u32]) -> Result<Vec<f32>> {
        let k = self.k_of(ids);
        let mut found = Vec::with_capacity(self.parts.len());
        for (part, ids) in self.parts.iter().zip(ids.chunks(PART_ROWS * k)) {
            let ids = Buffer::from_slice(device, "ids", ids)?;
            let mut picked = Buffer::new(device, "distances", ids.len())?;
            pick_distances(
                device,
                &part.distances,
                &ids,
                &mut picked,
                (part.n_rows, self.n_columns, k),
            )?;
            found.push(picked.read_later(device)?);
        }
        joined(device, found)
    }
}

/// Results of all parts, once the device has finished.
fn joined<T: Pod>(device: &Device, found: Vec<ReadBack<T>>) -> Result<Vec<T>> {
    Ok(found.into_iter().map(|part| part.wait(device)).collect::<Result<Vec<_>>>()?.concat())
}

/// 1 - 2 / (m k (2 n - 3 k - 1)) sum of (rank - k) over those of the `ranks` of k neighbours each
/// of m points that exceed k, where the ranks go from 1 to n - 1: 1 if all are at most k, 0 if they
/// are the largest. It is scikit-learn's `trustworthiness` if the neighbours are those in the map
/// and the ranks those in the space, continuity if it is the other way round. `n_neighbors` must be
/// below n / 2.
pub fn kept_ranks(ranks: &[u32], n_neighbors: usize, n: usize) -> f64 {
    let k = n_neighbors as f64;
    let m = (ranks.len() / n_neighbors) as f64;
    let beyond: u64 =
        ranks.iter().map(|&rank| u64::from(rank).saturating_sub(n_neighbors as u64)).sum();
    1.0 - beyond as f64 * 2.0 / (m * k * (2.0 * n as f64 - 3.0 * k - 1.0))
}

/// Ranks of a few columns of each row, ties by column. Shapes: `distances` n_rows x n_columns,
/// `ids` and `ranks` n_rows x k, `excluded` n_rows; `shape` is (n_rows, n_columns, k).
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn count_ranks(
    device: &Device,
    distances: &Buffer<f32>,
    ids: &Buffer<u32>,
    excluded: &Buffer<u32>,
    ranks: &mut Buffer<u32>,
    shape: (usize, usize, usize),
) -> Result<()> {
    let (n_rows, n_columns, k) = shape;
    match device {
        Device::Cpu(_) => cpu::count_ranks(
            distances.host(),
            ids.host(),
            excluded.host(),
            ranks.host_mut(),
            (n_columns, k),
        ),
        Device::Gpu(gpu) => {
            let bindings =
                [(1, distances.gpu()), (2, ids.gpu()), (3, excluded.gpu()), (4, ranks.gpu())];
            // A comparison by distance, one by number and an addition for each column and id; a
            // workgroup reads the row.
            let n = n_columns as u64;
            let fours = k.div_ceil(TOGETHER);
            let work = Work::new(3 * n * k as u64, 4 * (n * fours as u64 + 3 * k as u64));
            let uniform = |first, rows| uniform(first, (rows, n_columns, k));
            gpu.dispatch_rows(&COUNT_RANKS, &bindings, n_rows, work, |rows| rows * fours, uniform)?;
        }
    }
    Ok(())
}

/// Distances of a few columns of each row. Shapes: `distances` n_rows x n_columns, `ids` and
/// `picked` n_rows x k; `shape` is (n_rows, n_columns, k).
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn pick_distances(
    device: &Device,
    distances: &Buffer<f32>,
    ids: &Buffer<u32>,
    picked: &mut Buffer<f32>,
    shape: (usize, usize, usize),
) -> Result<()> {
    let (n_rows, n_columns, k) = shape;
    match device {
        Device::Cpu(_) => {
            cpu::pick_distances(distances.host(), ids.host(), picked.host_mut(), (n_columns, k))
        }
        Device::Gpu(gpu) => {
            let bindings = [(1, distances.gpu()), (2, ids.gpu()), (3, picked.gpu())];
            let work = Work::new(0, 12 * (n_rows * k) as u64);
            gpu.dispatch(&PICK_DISTANCES, &uniform(0, shape), &bindings, n_rows * k, work)?;
        }
    }
    Ok(())
}

fn uniform(first_row: usize, (n_rows, n_columns, k): (usize, usize, usize)) -> TableParams {
    TableParams {
        first_row: first_row as u32,
        n_rows: n_rows as u32,
        n_columns: n_columns as u32,
        n_ids: k as u32,
    }
}

mod cpu {
    use multiversion::multiversion;
    use rayon::prelude::*;

    pub fn count_ranks(
        distances: &[f32],
        ids: &[u32],
        excluded: &[u32],
        ranks: &mut [u32],
        (n, k): (usize, usize),
    ) {
        let rows = distances.par_chunks(n).zip(ids.par_chunks(k)).zip(excluded);
        ranks.par_chunks_mut(k).zip(rows).for_each(|(ranks, ((row, ids), &itself))| {
            for (rank, &id) in ranks.iter_mut().zip(ids) {
                let bound = row[id as usize];
                let (before, after) = row.split_at(id as usize);
                let counted = |own: f32| if itself < id { own <= bound } else { own < bound };
                let own = row.get(itself as usize).is_some_and(|&own| counted(own));
                *rank = 1 + at_most(before, bound) + below(after, bound) - u32::from(own);
            }
        });
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2", "x86_64+avx2"))]
    fn at_most(values: &[f32], bound: f32) -> u32 {
        values.iter().map(|&value| u32::from(value <= bound)).sum()
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2", "x86_64+avx2"))]
    fn below(values: &[f32], bound: f32) -> u32 {
        values.iter().map(|&value| u32::from(value < bound)).sum()
    }

    pub fn pick_distances(
        distances: &[f32],
        ids: &[u32],
        picked: &mut [f32],
        (n, k): (usize, usize),
    ) {
        let rows = distances.par_chunks(n).zip(ids.par_chunks(k));
        picked.par_chunks_mut(k).zip(rows).for_each(|(picked, (row, ids))| {
            for (picked, &id) in picked.iter_mut().zip(ids) {
                *picked = row[id as usize];
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_ranks_go_from_one_to_zero() {
        assert_eq!(kept_ranks(&[1, 2, 3, 3, 1, 2], 3, 20), 1.0);
        // The worst: of 19 others, the three last.
        assert_eq!(kept_ranks(&[19, 18, 17, 17, 18, 19], 3, 20), 0.0);
        // One of 40 k-neighbours is one rank too far: 1 / (half of 2 k (40 - 10)).
        assert!((kept_ranks(&[1, 2, 4, 3, 1, 2], 3, 20) - (1.0 - 1.0 / 90.0)).abs() < 1e-12);
    }
}

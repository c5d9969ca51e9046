//! DBSCAN on the GPU: all distances, tile by tile.
//!
//! Every core point takes the lowest label within its radius, sets that touch are joined on the
//! host, and the labels of whole sets change at once (Y. Shiloach and U. Vishkin, "An O(log n)
//! parallel connectivity algorithm", 1982), so that a few passes suffice however long a cluster is.

use super::forest::Forest;
use super::{Density, LowestCores, NONE};
use crate::clustering::bindable_rows;
use crate::compute::{Buffer, Device, Kernel, Work, kernel, uniform};
use crate::error::Result;
use crate::matrix::Matrix;
use crate::neighbors::differences::Block;
use crate::neighbors::differences::difference_distances;
use crate::progress::Observer;

uniform! {
    struct WithinParams { first_row: u32, n_rows: u32, n_columns: u32, row_first: u32, column_first: u32, squared_radius: f32 }
}

const COUNT_WITHIN: Kernel = kernel!("within", "count_within", 64, WithinParams);
const LOWEST_WITHIN: Kernel = kernel!("within", "lowest_within", 64, WithinParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&COUNT_WITHIN, &LOWEST_WITHIN];

/// Maximum number of rows of one part of the points, and of query rows of one tile: a tile of
/// distances has 32 MiB.
const PART_ROWS: usize = 8192;
const TILE_ROWS: usize = 1024;
/// Maximum number of features times pairs of points in one tile, so that it can be interrupted
/// quickly.
const TILE_WORK: usize = 1 << 33;
/// Minimum number of rows of a tile, for any number of features.
const LEAST_ROWS: usize = 64;

/// Distances that a tile holds, and the radius within which its points are neighbours.
#[derive(Clone, Copy, Debug)]
pub struct Tile {
    /// Index of the first query.
    pub row_first: usize,
    /// Number of queries.
    pub n_rows: usize,
    /// Index of the first reference.
    pub column_first: usize,
    /// Number of references.
    pub n_columns: usize,
    /// Square of the radius.
    pub squared_radius: f32,
}

impl Tile {
    /// Uniform for `n_rows` of its rows.
    fn uniform(&self, first_row: usize, n_rows: usize) -> WithinParams {
        WithinParams {
            first_row: first_row as u32,
            n_rows: n_rows as u32,
            n_columns: self.n_columns as u32,
            row_first: self.row_first as u32,
            column_first: self.column_first as u32,
            squared_radius: self.squared_radius,
        }
    }

    /// Work of a comparison and an addition for each distance of a row.
    fn row_work(&self, bytes: usize) -> Work {
        Work::new(2 * self.n_columns as u64, (bytes * self.n_columns) as u64)
    }
}

/// Points in parts on the device.
struct Parts {
    parts: Vec<Buffer<f32>>,
    part_rows: usize,
    n: usize,
    n_features: usize,
    squared_radius: f32,
}

pub(super) fn lowest_cores(
    device: &Device,
    x: &Matrix,
    job: &Density,
    observer: &dyn Observer,
) -> Result<LowestCores> {
    let points = Parts::new(device, x, (job.eps * job.eps) as f32)?;
    let mut counts = Buffer::zeros(device, "neighbours", points.n)?;
    points.tiles(
        device,
        |tile, distances| count_within(device, distances, &mut counts, tile),
        &|_| observer.step(0, 3, &[]),
    )?;
    let is_core: Vec<bool> =
        counts.read(device)?.into_iter().map(|count| count as usize >= job.min_samples).collect();
    let forest = Forest::new(points.n);
    let mut labels: Vec<u32> =
        (0..points.n as u32).map(|i| if is_core[i as usize] { i } else { NONE }).collect();
    for pass in 1.. {
        let known = Buffer::from_slice(device, "labels", &labels)?;
        let mut lowest = Buffer::from_slice(device, "lowest labels", &vec![NONE; points.n])?;
        let step = |_| observer.step(pass, pass + 2, &[]);
        points.tiles(
            device,
            |tile, distances| lowest_within(device, distances, &known, &mut lowest, tile),
            &step,
        )?;
        let lowest = lowest.read(device)?;
        let mut has_joined = false;
        for (i, &label) in lowest.iter().enumerate().filter(|&(i, _)| is_core[i]) {
            has_joined |= forest.join(i as u32, label);
        }
        if !has_joined {
            return Ok(LowestCores { first: lowest, is_core });
        }
        for (i, label) in labels.iter_mut().enumerate().filter(|&(i, _)| is_core[i]) {
            *label = forest.root(i as u32);
        }
    }
    unreachable!("there are fewer joins than points")
}

impl Parts {
    fn new(device: &Device, x: &Matrix, squared_radius: f32) -> Result<Self> {
        let (n, d) = (x.n_samples(), x.n_features());
        let part_rows = PART_ROWS.min(bindable_rows(device, d)?);
        let rows = x.as_slice().chunks(part_rows * d);
        let parts =
            rows.map(|rows| Buffer::from_slice(device, "points", rows)).collect::<Result<_>>()?;
        Ok(Self { parts, part_rows, n, n_features: d, squared_radius })
    }

    /// Passes all squared distances to `visit`, tile by tile.
    fn tiles(
        &self,
        device: &Device,
        mut visit: impl FnMut(Tile, &Buffer<f32>) -> Result<()>,
        step: &dyn Fn(usize) -> Result<()>,
    ) -> Result<()> {
        let widest = self.part_rows.min(self.n);
        let tile_rows =
            (TILE_WORK / (widest * self.n_features)).clamp(LEAST_ROWS, TILE_ROWS).min(widest);
        let mut distances = Buffer::new(device, "distance tile", tile_rows * widest)?;
        for (query, queries) in self.parts.iter().enumerate() {
            let in_part = queries.len() / self.n_features;
            for first in (0..in_part).step_by(tile_rows) {
                step(query)?;
                for (reference, references) in self.parts.iter().enumerate() {
                    let tile = Tile {
                        row_first: query * self.part_rows + first,
                        n_rows: tile_rows.min(in_part - first),
                        column_first: reference * self.part_rows,
                        n_columns: references.len() / self.n_features,
                        squared_radius: self.squared_radius,
                    };
                    let block = Block {
                        query_first: first,
                        n_queries: tile.n_rows,
                        n_references: tile.n_columns,
                        n_features: self.n_features,
                    };
                    difference_distances(device, queries, references, &mut distances, block)?;
                    visit(tile, &distances)?;
                }
            }
        }
        Ok(())
    }
}

/// Adds to the count of each query the number of references of a tile within the radius. Shapes:
/// `distances` n_rows x n_columns, `counts` n, by query.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn count_within(
    device: &Device,
    distances: &Buffer<f32>,
    counts: &mut Buffer<u32>,
    tile: Tile,
) -> Result<()> {
    match device {
        Device::Cpu(_) => cpu::count_within(distances.host(), counts.host_mut(), tile),
        Device::Gpu(gpu) => {
            let bindings = [(1, distances.gpu()), (2, counts.gpu())];
            gpu.dispatch_rows(
                &COUNT_WITHIN,
                &bindings,
                tile.n_rows,
                tile.row_work(4),
                |n| n,
                |first, n| tile.uniform(first, n),
            )?;
        }
    }
    Ok(())
}

/// Lowers the number of each query to the lowest label of the references of a tile within the
/// radius. Shapes: `distances` n_rows x n_columns, `labels` and `lowest` n, by reference and by
/// query.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn lowest_within(
    device: &Device,
    distances: &Buffer<f32>,
    labels: &Buffer<u32>,
    lowest: &mut Buffer<u32>,
    tile: Tile,
) -> Result<()> {
    match device {
        Device::Cpu(_) => {
            cpu::lowest_within(distances.host(), labels.host(), lowest.host_mut(), tile)
        }
        Device::Gpu(gpu) => {
            let bindings = [(1, distances.gpu()), (3, labels.gpu()), (4, lowest.gpu())];
            gpu.dispatch_rows(
                &LOWEST_WITHIN,
                &bindings,
                tile.n_rows,
                // Labels in addition to the distances.
                tile.row_work(8),
                |n| n,
                |first, n| tile.uniform(first, n),
            )?;
        }
    }
    Ok(())
}

mod cpu {
    use super::{NONE, Tile};
    use rayon::prelude::*;

    pub fn count_within(distances: &[f32], counts: &mut [u32], tile: Tile) {
        let counts = &mut counts[tile.row_first..][..tile.n_rows];
        counts.par_iter_mut().zip(distances.par_chunks(tile.n_columns)).for_each(|(count, row)| {
            *count +=
                row.iter().map(|&distance| u32::from(distance <= tile.squared_radius)).sum::<u32>();
        });
    }

    pub fn lowest_within(distances: &[f32], labels: &[u32], lowest: &mut [u32], tile: Tile) {
        let labels = &labels[tile.column_first..][..tile.n_columns];
        let lowest = &mut lowest[tile.row_first..][..tile.n_rows];
        lowest.par_iter_mut().zip(distances.par_chunks(tile.n_columns)).for_each(
            |(lowest, row)| {
                let label = |(&distance, &label): (&f32, &u32)| {
                    if distance <= tile.squared_radius { label } else { NONE }
                };
                *lowest = row.iter().zip(labels).map(label).fold(*lowest, u32::min);
            },
        );
    }
}

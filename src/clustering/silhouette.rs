//! Silhouette: how much nearer a point is to its own cluster than to the next one.
//!
//! Reference: P. Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of
//! cluster analysis", 1987. With a the mean distance from the other points of the own cluster and b
//! the smallest mean distance from the points of another one, the silhouette is (b - a) / max(a,
//! b), from -1 to 1; 0 in a cluster of one point, as in scikit-learn. All n m distances are
//! computed in the difference form, for m sampled points, O(n m d), and only their sums are kept.
//! On the GPU a tile of squared distances is written and then summed, one workgroup for each row
//! and cluster; on the CPU distances are summed as they are computed.

use super::{bindable_rows, columns};
use crate::compute::{Buffer, Device, Kernel, Work, kernel, uniform};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::differences::Block;
use crate::neighbors::differences::difference_distances;
use crate::progress::Observer;
use crate::random::Random;
use crate::range::{Range, too_far_apart};

uniform! {
    struct ClusterParams {
        first_query: u32, first_row: u32, n_rows: u32, n_references: u32, n_clusters: u32, first_cluster: u32, n_present: u32,
    }
}

const SUM_CLUSTERS: Kernel = kernel!("silhouette", "sum_clusters", 64, ClusterParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&SUM_CLUSTERS];

/// Number of sampled points processed together, and of references of one part.
const QUERIES: usize = 4096;
const PART_ROWS: usize = 8192;
/// Number of points of one tile of distances, which then has 32 MiB.
const TILE_ROWS: usize = 1024;
/// Maximum number of sums of one part: with many clusters, fewer points are processed together.
const SUMS: usize = 1 << 22;
/// Stream of the random numbers of the sample.
const STREAM: u64 = 0x73_696c_686f;

/// Silhouettes of points.
#[derive(Clone, Debug)]
pub struct Silhouette {
    /// Indices of the sampled points, ascending; all points unless a sample was requested.
    pub indices: Vec<u32>,
    /// Silhouette of each of them, among all points.
    pub values: Vec<f32>,
}

impl Silhouette {
    /// Mean silhouette of the sampled points.
    pub fn score(&self) -> f64 {
        self.values.iter().map(|&value| f64::from(value)).sum::<f64>() / self.values.len() as f64
    }

    /// Mean silhouette of each group in `groups`, given a label for every point of the data; `None`
    /// for a group without a sampled point.
    pub fn by_group(&self, labels: &[i32], groups: &[i32]) -> Vec<Option<f64>> {
        let mut sums = vec![(0.0, 0_usize); groups.len()];
        for (&point, &value) in self.indices.iter().zip(&self.values) {
            if let Some(at) = groups.iter().position(|&group| group == labels[point as usize]) {
                sums[at].0 += f64::from(value);
                sums[at].1 += 1;
            }
        }
        sums.into_iter().map(|(sum, count)| (count > 0).then(|| sum / count as f64)).collect()
    }
}

/// Mean silhouette of all rows of `x`; noise (-1) is a cluster like the others, as in scikit-learn.
///
/// # Errors
/// Those of [`silhouette_samples`].
pub fn silhouette_score(
    device: &Device,
    x: &Matrix,
    labels: &[i32],
    observer: &dyn Observer,
) -> Result<f64> {
    Ok(silhouette_samples(device, x, labels, None, observer)?.score())
}

/// Silhouettes of all rows of `x`, or of at most `n_sampled` drawn by a seed, each among all rows.
///
/// # Errors
/// [`Error::Data`] if there is not one label a row, or if the number of distinct labels is not
/// between 2 and n - 1; any error of the device; [`Error::Interrupted`].
pub fn silhouette_samples(
    device: &Device,
    x: &Matrix,
    labels: &[i32],
    sampled: Option<(usize, u64)>,
    observer: &dyn Observer,
) -> Result<Silhouette> {
    let (n, d) = (x.n_samples(), x.n_features());
    if labels.len() != n {
        return Err(Error::Data(format!("{} labels for {n} points", labels.len())));
    }
    let mut ids = labels.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let k = ids.len();
    if k < 2 || k >= n {
        let message = format!(
            "silhouettes of {n} points need between 2 and {} clusters, there are {k}",
            n.saturating_sub(1)
        );
        return Err(Error::Data(message));
    }
    let clusters: Vec<u32> =
        labels.iter().map(|label| ids.partition_point(|id| id < label) as u32).collect();
    let mut sizes = vec![0_usize; k];
    clusters.iter().for_each(|&cluster| sizes[cluster as usize] += 1);
    let indices = chosen(n, sampled);
    // Silhouettes have no unit.
    let x = Range::of(x)?.scaled(x)?;
    let parts = parts(device, &x, &clusters, k)?;
    let widest = parts.iter().map(References::len).max().unwrap_or(0);
    let widths = 4 * d.max(k).max(widest) as u64;
    let together = QUERIES.min(SUMS / k).min((device.max_binding_bytes() / widths) as usize).max(1);
    let mut tile = tile(device, TILE_ROWS.min(together).min(indices.len()), widest)?;
    let mut values = Vec::with_capacity(indices.len());
    for chunk in indices.chunks(together) {
        let rows: Vec<f32> =
            chunk.iter().flat_map(|&point| x.row(point as usize)).copied().collect();
        let rows = Buffer::from_slice(device, "points", &rows)?;
        let mut sums = Buffer::zeros(device, "sums of distances", chunk.len() * k)?;
        for references in &parts {
            observer.step(values.len() as u64, indices.len() as u64, &[])?;
            cluster_distances(device, &rows, references, &mut tile, &mut sums, (chunk.len(), d))?;
        }
        let sums = sums.read(device)?;
        let silhouettes = chunk.iter().zip(sums.chunks_exact(k));
        values.extend(
            silhouettes
                .map(|(&point, sums)| silhouette(sums, clusters[point as usize] as usize, &sizes)),
        );
    }
    if values.iter().any(|value| !value.is_finite()) {
        return Err(too_far_apart());
    }
    Ok(Silhouette { indices, values })
}

/// Indices of the sampled points, ascending.
fn chosen(n: usize, sampled: Option<(usize, u64)>) -> Vec<u32> {
    let mut chosen: Vec<u32> = match sampled {
        Some((most, seed)) if most < n => Random::new(seed, STREAM).permutation(n)[..most]
            .iter()
            .map(|&point| point as u32)
            .collect(),
        _ => (0..n as u32).collect(),
    };
    chosen.sort_unstable();
    chosen
}

/// Silhouette of a point of cluster `own`, given the `sums` of its distances from the points of
/// each cluster.
fn silhouette(sums: &[f32], own: usize, sizes: &[usize]) -> f32 {
    if sizes[own] == 1 {
        return 0.0;
    }
    let a = f64::from(sums[own]) / (sizes[own] - 1) as f64;
    let others = sums.iter().zip(sizes).enumerate().filter(|&(cluster, _)| cluster != own);
    let b =
        others.map(|(_, (&sum, &size))| f64::from(sum) / size as f64).fold(f64::INFINITY, f64::min);
    // All points of both clusters coincide.
    if a.max(b) == 0.0 { 0.0 } else { ((b - a) / a.max(b)) as f32 }
}

/// Rows on a device, cluster after cluster.
#[derive(Debug)]
pub struct References {
    rows: Buffer<f32>,
    ends: Buffer<u32>,
    /// End of each cluster's rows.
    cluster_ends: Vec<u32>,
}

impl References {
    /// References from n x d `rows` and the k positions where their clusters end, ascending, the
    /// last of them n.
    ///
    /// # Errors
    /// [`Error::GpuMemory`].
    pub fn new(device: &Device, rows: &[f32], cluster_ends: Vec<u32>) -> Result<Self> {
        let ends = Buffer::from_slice(device, "ends of clusters", &cluster_ends)?;
        Ok(Self {
            rows: Buffer::from_slice(device, "points in clusters", rows)?,
            ends,
            cluster_ends,
        })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.cluster_ends.last().map_or(0, |&end| end as usize)
    }

    /// `true` if there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first cluster that has rows, and the number of clusters from it to the last one with
    /// rows.
    fn present(&self) -> (usize, usize) {
        let first = self.cluster_ends.partition_point(|&end| end == 0);
        (first, self.cluster_ends.partition_point(|&end| (end as usize) < self.len()) + 1 - first)
    }
}

/// All rows in parts that a device can bind.
fn parts(device: &Device, x: &Matrix, clusters: &[u32], k: usize) -> Result<Vec<References>> {
    let mut order: Vec<u32> = (0..clusters.len() as u32).collect();
    order.sort_by_key(|&point| clusters[point as usize]);
    let part = |order: &[u32]| {
        let rows: Vec<f32> =
            order.iter().flat_map(|&point| x.row(point as usize)).copied().collect();
        let end = |cluster: u32| {
            order.partition_point(|&point| clusters[point as usize] <= cluster) as u32
        };
        References::new(device, &rows, (0..k as u32).map(end).collect())
    };
    order.chunks(PART_ROWS.min(bindable_rows(device, x.n_features())?)).map(part).collect()
}

/// Buffer for the distances of `m` queries from `n` references; the CPU does not need it.
///
/// # Errors
/// [`Error::GpuMemory`].
pub fn tile(device: &Device, m: usize, n: usize) -> Result<Buffer<f32>> {
    let is_written = matches!(device, Device::Gpu(_));
    Buffer::new(device, "distance tile", if is_written { m * n } else { 0 })
}

/// Adds the distances of each query from the references of each cluster. Shapes: `queries` m x d,
/// `references` n x d in k clusters, `sums` m x k; `shape` is (m, d). The `tile` holds the
/// distances of as many queries as are processed together.
///
/// # Errors
/// [`Error::Kernel`].
pub fn cluster_distances(
    device: &Device,
    queries: &Buffer<f32>,
    references: &References,
    tile: &mut Buffer<f32>,
    sums: &mut Buffer<f32>,
    shape: (usize, usize),
) -> Result<()> {
    let (m, d) = shape;
    match device {
        Device::Cpu(_) => {
            cpu::cluster_distances(
                queries.host(),
                references.rows.host(),
                &references.cluster_ends,
                sums.host_mut(),
                d,
            );
            Ok(())
        }
        Device::Gpu(_) => {
            let n = references.len();
            let together = (tile.len() / n).max(1);
            for first in (0..m).step_by(together) {
                let rows = together.min(m - first);
                let block =
                    Block { query_first: first, n_queries: rows, n_references: n, n_features: d };
                difference_distances(device, queries, &references.rows, tile, block)?;
                sum_clusters(device, tile, references, sums, (first, rows))?;
            }
            Ok(())
        }
    }
}

/// Adds the roots of the distances of each row from the references of each cluster to the sums of
/// `rows` = (first, m). Shapes: `distances` m x n, squared, `sums` at least first + m x k.
///
/// # Errors
/// [`Error::Kernel`].
pub fn sum_clusters(
    device: &Device,
    distances: &Buffer<f32>,
    references: &References,
    sums: &mut Buffer<f32>,
    rows: (usize, usize),
) -> Result<()> {
    let (first_query, m) = rows;
    let n = references.len();
    let k = references.cluster_ends.len();
    match device {
        Device::Cpu(_) => {
            cpu::sum_clusters(distances.host(), &references.cluster_ends, sums.host_mut(), rows)
        }
        Device::Gpu(gpu) => {
            let (first_cluster, n_present) = references.present();
            gpu.dispatch_rows(
                &SUM_CLUSTERS,
                &[(1, distances.gpu()), (2, references.ends.gpu()), (3, sums.gpu())],
                m,
                // A root and an addition each; for every cluster its ends and its sum.
                Work::new(2 * n as u64, 4 * (n + 4 * n_present) as u64),
                |rows| rows * n_present,
                |first_row, n_rows| ClusterParams {
                    first_query: first_query as u32,
                    first_row: first_row as u32,
                    n_rows: n_rows as u32,
                    n_references: n as u32,
                    n_clusters: k as u32,
                    first_cluster: first_cluster as u32,
                    n_present: n_present as u32,
                },
            )?;
        }
    }
    Ok(())
}

mod cpu {
    use super::columns::{Columns, POINTS, interleaved, squared_distances};
    use crate::lanes::{LANES, has_fused_multiply_add, total};
    use multiversion::multiversion;
    use rayon::prelude::*;

    /// Number of queries of one parallel task.
    const TASK: usize = 32;
    /// Number of groups of references whose distances are summed in `f32`.
    const TOGETHER: usize = 64;

    pub fn sum_clusters(
        distances: &[f32],
        ends: &[u32],
        sums: &mut [f32],
        (first, m): (usize, usize),
    ) {
        let n = ends.last().map_or(0, |&end| end as usize);
        let k = ends.len();
        sums[first * k..][..m * k].par_chunks_mut(k).zip(distances.par_chunks(n)).for_each(
            |(sums, distances)| {
                let mut first = 0;
                for (sum, &end) in sums.iter_mut().zip(ends) {
                    *sum += distances[first..end as usize]
                        .iter()
                        .map(|distance| f64::from(distance.sqrt()))
                        .sum::<f64>() as f32;
                    first = end as usize;
                }
            },
        );
    }

    pub fn cluster_distances(
        queries: &[f32],
        references: &[f32],
        ends: &[u32],
        sums: &mut [f32],
        d: usize,
    ) {
        let k = ends.len();
        let starts = std::iter::once(0).chain(ends.iter().map(|&end| end as usize));
        let spans: Vec<(usize, usize)> =
            starts.zip(ends).map(|(first, &end)| (first, end as usize)).collect();
        let groups: Vec<(usize, usize, Columns)> = (spans.iter().enumerate())
            .filter(|(_, span)| span.0 < span.1)
            .map(|(cluster, &(first, end))| {
                (cluster, end - first, Columns::new(&references[first * d..end * d], d))
            })
            .collect();
        let fused = has_fused_multiply_add();
        sums.par_chunks_mut(TASK * k).zip(queries.par_chunks(TASK * d)).for_each(
            |(sums, queries)| {
                if fused {
                    add_fused(queries, &groups, sums, (d, k));
                } else {
                    add_some::<false>(queries, &groups, sums, (d, k));
                }
            },
        );
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn add_fused(
        queries: &[f32],
        groups: &[(usize, usize, Columns)],
        sums: &mut [f32],
        shape: (usize, usize),
    ) {
        add_some::<true>(queries, groups, sums, shape);
    }

    #[inline(always)]
    fn add_some<const FUSED: bool>(
        queries: &[f32],
        groups: &[(usize, usize, Columns)],
        sums: &mut [f32],
        (d, k): (usize, usize),
    ) {
        let n = sums.len() / k;
        let together: Vec<Vec<[f32; POINTS]>> = queries
            .chunks(POINTS * d)
            .map(|queries| {
                let mut together = Vec::with_capacity(d);
                interleaved(queries, d, &mut together);
                together
            })
            .collect();
        for (cluster, size, columns) in groups {
            let mut found = [[0.0_f64; POINTS]; TASK / POINTS];
            let mut parts = [[[0.0_f32; LANES]; POINTS]; TASK / POINTS];
            let last = columns.groups().len() - 1;
            for (at, group) in columns.groups().enumerate() {
                // The last group repeats its last row.
                let lanes = if at == last { size - at * LANES } else { LANES };
                let is_full = at % TOGETHER == TOGETHER - 1 || at == last;
                // A group serves all queries of the task while it is in the cache.
                for ((together, parts), found) in together.iter().zip(&mut parts).zip(&mut found) {
                    let squares = squared_distances::<FUSED>(together, group);
                    for (parts, squares) in parts.iter_mut().zip(&squares) {
                        for lane in 0..LANES {
                            let distance = squares[lane].sqrt();
                            parts[lane] += if lane < lanes { distance } else { 0.0 };
                        }
                    }
                    if is_full {
                        for (found, parts) in found.iter_mut().zip(parts) {
                            *found += f64::from(total(*parts));
                            *parts = [0.0; LANES];
                        }
                    }
                }
            }
            for (row, found) in found.as_flattened()[..n].iter().enumerate() {
                sums[row * k + cluster] += *found as f32;
            }
        }
    }
}

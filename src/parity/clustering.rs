//! Assignment to centres, sums of clusters, neighbours within a radius, and sums of distances by
//! cluster.

use super::harness::{EXACT, Pair, ROUNDING, Tolerance, floats, integers, uniform};
use crate::clustering::dbscan::within;
use crate::clustering::silhouette::References;
use crate::clustering::{k_means, silhouette};
use crate::compute::Buffer;
use crate::random::Random;

/// Integers, so that squares and sums are exact on both devices whether or not products are fused.
fn whole(stream: u64, len: usize) -> Vec<f32> {
    uniform(stream, len, -8.0, 8.0).into_iter().map(f32::floor).collect()
}

pub fn assign(pair: &Pair, n: usize) {
    for (k, d) in
        if n > 1000 { vec![(2, 1)] } else { vec![(1, 1), (7, 3), (8, 16), (37, 65), (90, 700)] }
    {
        let (points, centers) = (whole(41, n * d), whole(42, k * d));
        pair.compare(&format!("assign {n} x {d} to {k}"), EXACT, |device| {
            let points = Buffer::from_slice(device, "points", &points)?;
            let centers = Buffer::from_slice(device, "centres", &centers)?;
            let mut labels = Buffer::new(device, "labels", n)?;
            let mut distances = Buffer::new(device, "distances", n)?;
            k_means::assign(device, &points, &centers, &mut labels, &mut distances, (n, k, d))?;
            Ok([integers(labels.read(device)?), floats(distances.read(device)?)].concat())
        });
    }
}

pub fn sum_members(pair: &Pair, n: usize) {
    for (k, d, block_rows) in if n > 1000 {
        vec![(1, 1, 1)]
    } else {
        vec![(1, 1, 1), (5, 3, 64), (12, 65, 100), (70, 62, 50)]
    } {
        let points = uniform(43, n * d, -1.0, 1.0);
        let random = Random::new(7, 44);
        let labels: Vec<u32> = (0..n as u64).map(|row| random.bits(row) % k as u32).collect();
        // Every third point had another label before.
        let before: Vec<u32> = labels
            .iter()
            .enumerate()
            .map(|(row, &label)| label + u32::from(row % 3 == 0))
            .collect();
        // Both devices sum in the same order.
        pair.compare(&format!("sum_members of {k} in {n} x {d}"), EXACT, |device| {
            let points = Buffer::from_slice(device, "points", &points)?;
            let labels = Buffer::from_slice(device, "labels", &labels)?;
            let before = Buffer::from_slice(device, "labels before", &before)?;
            let mut sums = Buffer::new(device, "sums", n.div_ceil(block_rows) * k * (d + 2))?;
            k_means::sum_members(
                device,
                &points,
                &labels,
                &before,
                &mut sums,
                (n, k, d),
                block_rows,
            )?;
            sums.read(device).map(floats)
        });
    }
}

/// Tiles of distances, many of them equal to the radius, at some position among more queries and
/// references.
fn tiles(n: usize) -> Vec<(within::Tile, Vec<f32>)> {
    let tile = |columns: usize| {
        let tile = within::Tile {
            row_first: 3,
            n_rows: n,
            column_first: 2,
            n_columns: columns,
            squared_radius: 4.0,
        };
        (tile, uniform(45, n * columns, 0.0, 9.0).into_iter().map(f32::floor).collect())
    };
    [1, 65, 257].map(tile).to_vec()
}

pub fn count_within(pair: &Pair, n: usize) {
    for (tile, distances) in tiles(n) {
        pair.compare(&format!("count_within {n} x {}", tile.n_columns), EXACT, |device| {
            let distances = Buffer::from_slice(device, "distances", &distances)?;
            let mut counts = Buffer::from_slice(device, "counts", &vec![5_u32; n + 4])?;
            within::count_within(device, &distances, &mut counts, tile)?;
            counts.read(device).map(integers)
        });
    }
}

pub fn lowest_within(pair: &Pair, n: usize) {
    for (tile, distances) in tiles(n) {
        let random = Random::new(7, 46);
        let labels: Vec<u32> = (0..tile.n_columns as u64 + 2)
            .map(|at| if at % 3 == 0 { u32::MAX } else { random.bits(at) })
            .collect();
        pair.compare(&format!("lowest_within {n} x {}", tile.n_columns), EXACT, |device| {
            let distances = Buffer::from_slice(device, "distances", &distances)?;
            let labels = Buffer::from_slice(device, "labels", &labels)?;
            let mut lowest = Buffer::from_slice(device, "lowest", &vec![1_u32 << 30; n + 4])?;
            within::lowest_within(device, &distances, &labels, &mut lowest, tile)?;
            lowest.read(device).map(integers)
        });
    }
}

/// Numbers of references, and the ends of their clusters: some clusters are empty, including the
/// first and the last.
fn clusters() -> [(usize, Vec<u32>); 5] {
    [
        (1, vec![1]),
        (110, vec![50, 110]),
        (70, vec![0, 17, 17, 70]),
        (300, vec![1, 34, 130, 299, 300]),
        (9, vec![0, 0, 4, 9, 9, 9]),
    ]
}

pub fn sum_clusters(pair: &Pair, n: usize) {
    for (references, ends) in clusters() {
        let squares = uniform(47, n * references, 0.0, 3.0);
        let k = ends.len();
        // A root and at most 5 + 6 additions of one sign for a thread's share of 299, and one to
        // the sum.
        let tolerance = Tolerance { each: 13.0 * ROUNDING, largest: 0.0 };
        pair.compare(&format!("sum_clusters of {n} x {references}"), tolerance, |device| {
            let distances = Buffer::from_slice(device, "distances", &squares)?;
            let rows = References::new(device, &vec![0.0; references], ends.clone())?;
            // Sums of two more queries precede them.
            let mut sums = Buffer::from_slice(device, "sums", &vec![0.5_f32; (n + 2) * k])?;
            silhouette::sum_clusters(device, &distances, &rows, &mut sums, (2, n))?;
            sums.read(device).map(floats)
        });
    }
}

/// Sums of distances by cluster: tiles and their sums on the GPU, a single pass on the CPU.
pub fn cluster_distances(pair: &Pair) {
    for ((references, ends), (n, d)) in
        clusters().into_iter().zip([(1, 1), (70, 700), (65, 3), (130, 33), (5, 2)])
    {
        let queries = uniform(47, n * d, -1.0, 1.0);
        let rows = uniform(48, references * d, -1.0, 1.0);
        let k = ends.len();
        // d + 2 roundings of a distance, half of which remain after the root, and 64 + 6 of the
        // sums, which are of one sign.
        let tolerance = Tolerance { each: (d as f64 / 2.0 + 72.0) * ROUNDING, largest: 0.0 };
        pair.compare(
            &format!("cluster_distances of {n} from {references} x {d}"),
            tolerance,
            |device| {
                let queries = Buffer::from_slice(device, "queries", &queries)?;
                let rows = References::new(device, &rows, ends.clone())?;
                // For fewer than all queries.
                let mut tile = silhouette::tile(device, n.div_ceil(2), references)?;
                let mut sums = Buffer::from_slice(device, "sums", &vec![0.5_f32; n * k])?;
                silhouette::cluster_distances(
                    device,
                    &queries,
                    &rows,
                    &mut tile,
                    &mut sums,
                    (n, d),
                )?;
                sums.read(device).map(floats)
            },
        );
    }
}

/// Centres that differ in their last features only, and sums over very many rows.
pub fn wide_and_long(pair: &Pair) {
    // All equal except for their last thousand features.
    let (n, k, d) = (3, 40, 26_000);
    let rows = |stream: u64, n: usize| -> Vec<f32> {
        let last = whole(stream, 1000 * n);
        last.chunks_exact(1000)
            .flat_map(|last| std::iter::repeat_n(1.0, d - 1000).chain(last.iter().copied()))
            .collect()
    };
    let (points, centers) = (rows(49, n), rows(50, k));
    pair.compare("assign", EXACT, |device| {
        let points = Buffer::from_slice(device, "points", &points)?;
        let centers = Buffer::from_slice(device, "centres", &centers)?;
        let mut labels = Buffer::new(device, "labels", n)?;
        let mut distances = Buffer::new(device, "distances", n)?;
        k_means::assign(device, &points, &centers, &mut labels, &mut distances, (n, k, d))?;
        Ok([integers(labels.read(device)?), floats(distances.read(device)?)].concat())
    });
    // Sums of 50,000 rows in one block.
    let n = 50_300;
    let points = whole(51, n);
    let labels = vec![0_u32; n];
    pair.compare("sum_members", EXACT, |device| {
        let points = Buffer::from_slice(device, "points", &points)?;
        let labels = Buffer::from_slice(device, "labels", &labels)?;
        let mut sums = Buffer::new(device, "sums", 2 * 3)?;
        k_means::sum_members(device, &points, &labels, &labels, &mut sums, (n, 1, 1), 50_000)?;
        sums.read(device).map(floats)
    });
}

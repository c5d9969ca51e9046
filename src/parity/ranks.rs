//! Ranks and distances of a few columns.

use super::harness::uniform;
use super::harness::{EXACT, Pair, floats, integers};
use crate::compute::Buffer;
use crate::evaluation::ranks;
use crate::random::Random;

/// A table of `rows` x `columns` with many ties, and `k` columns of each row.
fn table(rows: usize, columns: usize, k: usize) -> (Vec<f32>, Vec<u32>) {
    let distances = uniform(31, rows * columns, 0.0, 9.0).into_iter().map(f32::floor).collect();
    let random = Random::new(7, 32);
    (distances, (0..rows * k).map(|at| random.bits(at as u64) % columns as u32).collect())
}

/// Rows that exclude their own column, another one, or none.
pub fn count_ranks(pair: &Pair, n: usize) {
    for (columns, k) in [(1, 1), (65, 3), (257, 12), (130, 5)] {
        let (distances, ids) = table(n, columns, k);
        let excluded: Vec<u32> = (0..n)
            .map(|row| if row % 3 == 0 { u32::MAX } else { (row % columns) as u32 })
            .collect();
        pair.compare(&format!("count_ranks of {k} in {n} x {columns}"), EXACT, |device| {
            let distances = Buffer::from_slice(device, "distances", &distances)?;
            let ids = Buffer::from_slice(device, "ids", &ids)?;
            let excluded = Buffer::from_slice(device, "excluded", &excluded)?;
            let mut found = Buffer::new(device, "ranks", n * k)?;
            ranks::count_ranks(device, &distances, &ids, &excluded, &mut found, (n, columns, k))?;
            found.read(device).map(integers)
        });
    }
}

pub fn pick_distances(pair: &Pair, n: usize) {
    for (columns, k) in if n > 1000 { vec![(2, 1)] } else { vec![(1, 1), (65, 3), (257, 40)] } {
        let (distances, ids) = table(n, columns, k);
        pair.compare(&format!("pick_distances of {k} in {n} x {columns}"), EXACT, |device| {
            let distances = Buffer::from_slice(device, "distances", &distances)?;
            let ids = Buffer::from_slice(device, "ids", &ids)?;
            let mut picked = Buffer::new(device, "picked", n * k)?;
            ranks::pick_distances(device, &distances, &ids, &mut picked, (n, columns, k))?;
            picked.read(device).map(floats)
        });
    }
}

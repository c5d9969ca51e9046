//! The best neighbours of every point so far. All threads fill the lists in any order; the result
//! does not depend on the order.

use super::clusters::Block;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

/// Lists of the points of all blocks.
pub(super) struct Lists {
    blocks: Vec<Mutex<BlockLists>>,
    /// Upper bound on the squared distances of each point's neighbours, as bits.
    limits: Vec<AtomicU32>,
    /// Squared distances that replace the limits in bounds if the bounds must not use the limits,
    /// which change while the threads work.
    bounds: Option<Vec<f32>>,
    firsts: Vec<usize>,
    k: usize,
}

struct BlockLists {
    keys: Vec<u64>,
    lens: Vec<usize>,
    capacity: usize,
}

impl Lists {
    /// Empty lists of points whose k-th neighbours are no further than `limits`, which stay `fixed`
    /// or are tightened as neighbours are found.
    pub(super) fn new(blocks: &[Block], limits: Vec<f32>, fixed: bool, k: usize) -> Self {
        let capacity = k + (k / 2).max(16);
        let lists = |block: &Block| BlockLists {
            keys: vec![0; block.len * capacity],
            lens: vec![0; block.len],
            capacity,
        };
        Self {
            blocks: blocks.iter().map(|block| Mutex::new(lists(block))).collect(),
            limits: limits.iter().map(|limit| AtomicU32::new(limit.to_bits())).collect(),
            bounds: fixed.then_some(limits),
            firsts: blocks.iter().map(|block| block.first).collect(),
            k,
        }
    }

    /// Upper bound on the squared distances of the neighbours of the point at `position`. An
    /// outdated value is larger and stays valid.
    pub(super) fn limit(&self, position: usize) -> f32 {
        f32::from_bits(self.limits[position].load(Ordering::Relaxed))
    }

    /// Squared distance from which bounds are computed.
    pub(super) fn bound(&self, position: usize) -> f32 {
        self.bounds.as_ref().map_or_else(|| self.limit(position), |bounds| bounds[position])
    }

    /// Adds neighbours to points of one block: (point of the block, key). None may be added twice.
    pub(super) fn add(&self, block: usize, found: &[(u32, u64)]) {
        if found.is_empty() {
            return;
        }
        let mut lists = self.blocks[block].lock().unwrap_or_else(PoisonError::into_inner);
        let BlockLists { keys, lens, capacity } = &mut *lists;
        for &(row, key) in found {
            let list = &mut keys[row as usize * *capacity..][..*capacity];
            let len = &mut lens[row as usize];
            list[*len] = key;
            *len += 1;
            if *len == *capacity {
                let kth = *list.select_nth_unstable(self.k - 1).1;
                *len = self.k;
                // The bits of squared distances sort in the same order as the distances.
                self.limits[self.firsts[block] + row as usize]
                    .fetch_min((kth >> 32) as u32, Ordering::Relaxed);
            }
        }
    }

    /// The `k` best of each point, block after block.
    pub(super) fn into_sorted(self) -> impl Iterator<Item = Vec<u64>> {
        let k = self.k;
        self.blocks.into_iter().flat_map(move |lists| {
            let BlockLists { keys, lens, capacity } =
                lists.into_inner().unwrap_or_else(PoisonError::into_inner);
            let sorted = keys.chunks_exact(capacity).zip(lens).map(|(keys, len)| {
                let mut keys = keys[..len].to_vec();
                keys.sort_unstable();
                keys.truncate(k);
                keys
            });
            sorted.collect::<Vec<_>>()
        })
    }
}

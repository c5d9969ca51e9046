//! Union-find: sets of points joined by all threads at once; the resulting sets do not depend on
//! the order.

use std::sync::atomic::{AtomicU32, Ordering};

/// A forest whose trees are the sets; the root of a tree is the lowest of its points.
pub(super) struct Forest {
    parents: Vec<AtomicU32>,
}

impl Forest {
    /// A forest in which each of `n` points is its own set.
    pub(super) fn new(n: usize) -> Self {
        Self { parents: (0..n as u32).map(AtomicU32::new).collect() }
    }

    /// Lowest point of the set, according to the joins visible so far.
    pub(super) fn root(&self, mut point: u32) -> u32 {
        loop {
            let parent = self.parents[point as usize].load(Ordering::Relaxed);
            if parent == point {
                return point;
            }
            let above = self.parents[parent as usize].load(Ordering::Relaxed);
            // Halves the path; a parent only ever changes to a lower point of the same set, so an
            // outdated value is harmless.
            self.parents[point as usize].fetch_min(above, Ordering::Relaxed);
            point = above;
        }
    }

    /// Joins the sets of two points; `true` if they were different sets.
    pub(super) fn join(&self, a: u32, b: u32) -> bool {
        let (mut a, mut b) = (self.root(a), self.root(b));
        while a != b {
            let (low, high) = (a.min(b), a.max(b));
            let parent = &self.parents[high as usize];
            // Only a root may be attached below another; otherwise its old tree would be split.
            if parent.compare_exchange(high, low, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                return true;
            }
            (a, b) = (self.root(low), self.root(high));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    #[test]
    fn a_root_is_the_lowest_of_its_set_whatever_the_order_of_the_threads() {
        let forest = Forest::new(10_000);
        (0..9_990_u32).into_par_iter().rev().for_each(|i| {
            forest.join(i, i + 10);
        });
        assert!((0..10_000).all(|i| forest.root(i) == i % 10));
        assert!(!forest.join(3, 9_993) && forest.join(3, 4));
        assert_eq!(forest.root(9_994), 3);
    }
}

//! Rows in groups of 16, feature by feature, so that the distances of a point to 16 of them are
//! summed in vector lanes on the CPU.

use crate::lanes::{LANES, multiply_add};

/// Number of points whose distances are summed together, which hides the latency of the sums. With
/// more, the compiler keeps the sums in memory.
pub(super) const POINTS: usize = 4;

/// Groups of 16 rows; the last group of a set is padded with copies of its last row.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    /// groups x d x 16.
    values: Vec<f32>,
    n_features: usize,
    n: usize,
}

impl Columns {
    /// The rows of `rows`, n x d, in their order.
    pub(super) fn new(rows: &[f32], n_features: usize) -> Self {
        let n = rows.len() / n_features;
        let mut values = vec![0.0; n.div_ceil(LANES) * n_features * LANES];
        for (group, out) in values.chunks_exact_mut(n_features * LANES).enumerate() {
            for lane in 0..LANES {
                let row = &rows[(group * LANES + lane).min(n - 1) * n_features..][..n_features];
                for (slot, &value) in out.chunks_exact_mut(LANES).zip(row) {
                    slot[lane] = value;
                }
            }
        }
        Self { values, n_features, n }
    }

    /// Number of the last row.
    pub(super) fn last(&self) -> u32 {
        (self.n - 1) as u32
    }

    /// The groups, in order; each d x 16.
    pub(super) fn groups(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.n_features * LANES)
    }
}

/// Some points feature by feature, padded with copies of the last of them.
pub(super) fn interleaved(points: &[f32], n_features: usize, out: &mut Vec<[f32; POINTS]>) {
    let n = points.len() / n_features;
    out.clear();
    out.extend((0..n_features).map(|feature| {
        std::array::from_fn(|point| points[point.min(n - 1) * n_features + feature])
    }));
}

/// Squared distances of interleaved points to the 16 rows of a group, each summed feature by
/// feature.
#[inline(always)]
pub(super) fn squared_distances<const FUSED: bool>(
    points: &[[f32; POINTS]],
    group: &[f32],
) -> [[f32; LANES]; POINTS] {
    let mut sums = [[0.0_f32; LANES]; POINTS];
    let (values, _) = group.as_chunks::<LANES>();
    for (own, values) in points.iter().zip(values) {
        for point in 0..POINTS {
            for lane in 0..LANES {
                let difference = own[point] - values[lane];
                sums[point][lane] =
                    multiply_add::<FUSED>(difference, difference, sums[point][lane]);
            }
        }
    }
    sums
}

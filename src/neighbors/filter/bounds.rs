//! The bookkeeping of rounding: which product of two short rows still allows that the points are neighbours.

use super::clusters::Clusters;

/// Half a unit in the last place of 1.
const UNIT: f64 = 1.0 / (1 << 24) as f64;
/// Below this a square of lengths near 1 is not a normal number.
const TINY: f32 = 1e-35;

/// What the rounding of coordinates and distances may hide.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounding {
    /// From lengths of rows to lengths of coordinates.
    scale: f64,
    /// A squared distance of two rows in `f32` is wrong by this share.
    exact: f64,
    /// A distance of coordinates is wrong by this: each of a point's is rounded once when it is computed and once when it is
    /// moved to the middle of a block, and the length of a residual is what is left of two sums in `f64`.
    coordinates: f64,
    /// A product of rows is wrong by this share of the mean of their squared lengths, which are wrong themselves (Higham,
    /// Accuracy and Stability of Numerical Algorithms, 2002, eq. 3.5).
    product: f32,
}

impl Rounding {
    /// For rows of `n_features`, coordinates of `width` and `longest` rows of these.
    pub(super) fn new(scale: f64, n_features: usize, width: usize, longest: f32) -> Self {
        Self {
            scale,
            exact: (n_features as f64 / 8.0 + 40.0) * UNIT,
            coordinates: 16.0 * UNIT * f64::from(longest),
            product: ((2 * width + 32) as f64 * UNIT) as f32,
        }
    }

    /// How far apart the coordinates of two rows may seem whose squared distance in `f32` is at most `squared`.
    pub(super) fn reach(&self, squared: f32) -> f32 {
        let length = (f64::from(squared) * (1.0 + self.exact)).sqrt() * self.scale + self.coordinates;
        (length * (1.0 + 4.0 * UNIT)) as f32 + TINY
    }

    /// Half the squared length of a row of coordinates, rounded down by as much as its products may err.
    pub(super) fn half_square(&self, row: &[f32]) -> f32 {
        0.5 * (1.0 - self.product) * square(row)
    }

    /// The product of a row of that half square with another, less the other's half square, from which on they are
    /// within `reach`.
    pub(super) fn least_product(&self, half_square: f32, reach: f32) -> f32 {
        half_square - 0.5 * reach * reach * (1.0 + 8.0 * UNIT as f32) - TINY
    }
}

/// Rows of coordinates less a point near them.
pub(super) fn moved(rows: &[f32], to: &[f32], out: &mut Vec<f32>) {
    out.clear();
    out.reserve(rows.len());
    rows.chunks_exact(to.len()).for_each(|row| out.extend(row.iter().zip(to).map(|(value, middle)| value - middle)));
}

/// Squared length.
pub(super) fn square(row: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    let blocks = row.chunks_exact(16);
    let tail: f32 = blocks.remainder().iter().map(|value| value * value).sum();
    for block in blocks {
        for (sum, value) in sums.iter_mut().zip(block) {
            *sum += value * value;
        }
    }
    sums.iter().sum::<f32>() + tail
}

/// Length of the longest row of coordinates.
pub(super) fn longest(clusters: &Clusters) -> f32 {
    clusters.z.chunks_exact(clusters.width).map(square).fold(0.0, f32::max).sqrt()
}

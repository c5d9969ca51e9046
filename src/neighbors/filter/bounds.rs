//! The bookkeeping of rounding: which product of two short rows still allows that the points are
//! neighbours.

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
    /// A product of rows is wrong by this share of the mean of their squared lengths, which are
    /// wrong themselves (Higham, Accuracy and Stability of Numerical Algorithms, 2002, eq. 3.5).
    product: f32,
}

impl Rounding {
    /// For rows of `n_features` and coordinates of `width`.
    pub(super) fn new(scale: f64, n_features: usize, width: usize) -> Self {
        Self {
            scale,
            exact: (n_features as f64 / 8.0 + 40.0) * UNIT,
            product: ((2 * width + 32) as f64 * UNIT) as f32,
        }
    }

    /// How far apart the coordinates of two rows may seem whose squared distance in `f32` is at
    /// most `squared`, given the length of one and its distance from the middle of the block to
    /// which both are moved.
    ///
    /// Each coordinate is rounded once when it is computed and once when it is moved, and the
    /// length of a residual is what is left of two sums in `f64`: of either point some 6 units of
    /// its length and one of its distance from the middle, and the other point's exceed those of
    /// the first by no more than lies between them. The longest row of all does not enter, or one
    /// far row would hide how far apart all others are.
    pub(super) fn reach(&self, squared: f32, length: f32, moved: f32) -> f32 {
        let apart = (f64::from(squared) * (1.0 + self.exact)).sqrt() * self.scale;
        let hidden = 16.0 * UNIT * (f64::from(length) + f64::from(moved) + apart);
        ((apart + hidden) * (1.0 + 4.0 * UNIT)) as f32 + TINY
    }

    /// Half the squared length of a row of coordinates, rounded down by as much as its products may
    /// err.
    pub(super) fn half_square(&self, row: &[f32]) -> f32 {
        0.5 * (1.0 - self.product) * square(row)
    }

    /// The product of a row of that half square with another, less the other's half square, from
    /// which on they are within `reach`.
    pub(super) fn least_product(&self, half_square: f32, reach: f32) -> f32 {
        half_square - 0.5 * reach * reach * (1.0 + 8.0 * UNIT as f32) - TINY
    }
}

/// Rows of coordinates less a point near them.
pub(super) fn moved(rows: &[f32], to: &[f32], out: &mut Vec<f32>) {
    out.clear();
    out.reserve(rows.len());
    rows.chunks_exact(to.len())
        .for_each(|row| out.extend(row.iter().zip(to).map(|(value, middle)| value - middle)));
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

/// Lengths of the rows of coordinates.
pub(super) fn lengths(clusters: &Clusters) -> Vec<f32> {
    clusters.z.chunks_exact(clusters.width).map(|row| square(row).sqrt()).collect()
}

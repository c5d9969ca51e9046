//! Rounding bounds: the smallest product of two short rows at which the points may still be
//! neighbours.

use super::clusters::Clusters;

/// Half a unit in the last place of 1.
const UNIT: f64 = 1.0 / (1 << 24) as f64;
/// The square of a length near 1 is not a normal number below this.
const TINY: f32 = 1e-35;

/// Bounds on the rounding of coordinates and distances.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounding {
    /// Factor from lengths of rows to lengths of coordinates.
    scale: f64,
    /// Relative error of a squared distance of two rows in `f32`.
    exact: f64,
    /// Error of a product of rows relative to the mean of their squared lengths, which have errors
    /// themselves (Higham, Accuracy and Stability of Numerical Algorithms, 2002, eq. 3.5).
    product: f32,
}

impl Rounding {
    /// Bounds for rows of `n_features` features and coordinates of `width`.
    pub(super) fn new(scale: f64, n_features: usize, width: usize) -> Self {
        Self {
            scale,
            exact: (n_features as f64 / 8.0 + 40.0) * UNIT,
            product: ((2 * width + 32) as f64 * UNIT) as f32,
        }
    }

    /// Upper bound on the computed distance between the coordinates of two rows whose squared
    /// distance in `f32` is at most `squared`. `length` is the length of one of them and `moved`
    /// its distance from the centre of the block to which both are moved.
    ///
    /// Each coordinate is rounded once when it is computed and once when it is moved, and the
    /// length of a residual is the difference of two sums in `f64`. For either point that makes
    /// some 6 units of its length and one of its distance from the centre; those of the other point
    /// exceed those of the first by no more than the distance between them. The longest row of all
    /// does not enter: otherwise one outlier would hide the distances between all others.
    pub(super) fn reach(&self, squared: f32, length: f32, moved: f32) -> f32 {
        let apart = (f64::from(squared) * (1.0 + self.exact)).sqrt() * self.scale;
        let hidden = 16.0 * UNIT * (f64::from(length) + f64::from(moved) + apart);
        ((apart + hidden) * (1.0 + 4.0 * UNIT)) as f32 + TINY
    }

    /// Half the squared length of a row of coordinates, rounded down by the possible error of its
    /// products.
    pub(super) fn half_square(&self, row: &[f32]) -> f32 {
        0.5 * (1.0 - self.product) * square(row)
    }

    /// Smallest product of a row with that half square and another row, minus the other row's half
    /// square, at which they may be within `reach`.
    pub(super) fn least_product(&self, half_square: f32, reach: f32) -> f32 {
        half_square - 0.5 * reach * reach * (1.0 + 8.0 * UNIT as f32) - TINY
    }
}

/// Rows of coordinates minus a point near them.
pub(super) fn moved(rows: &[f32], to: &[f32], out: &mut Vec<f32>) {
    out.clear();
    out.reserve(rows.len());
    rows.chunks_exact(to.len())
        .for_each(|row| out.extend(row.iter().zip(to).map(|(value, middle)| value - middle)));
}

/// Squared length of a row.
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

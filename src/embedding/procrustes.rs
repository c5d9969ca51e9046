//! Procrustes alignment of embeddings: the rotation, reflection and translation that bring one
//! closest to another, without a change of scale.
//!
//! The orientation of an embedding has no meaning, so two embeddings of the same points, of two
//! layers or of two epochs, may be turned freely before they are compared by eye. The orthogonal
//! Procrustes problem (P. Schönemann, Psychometrika 31, 1966) has a closed form in the plane. O(n),
//! in f64, on the CPU.

use crate::error::{Error, Result};
use crate::matrix::Matrix;

/// A motion of the plane: `y = turn * (x - from) + to`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    /// Orthogonal 2 x 2 matrix, row after row; its determinant is -1 if it reflects.
    pub turn: [f64; 4],
    /// Centre that is moved.
    pub from: [f64; 2],
    /// Point that the centre is moved to.
    pub to: [f64; 2],
}

impl Motion {
    /// The motion that minimises the sum of squared distances between the rows of `map` and
    /// `reference`, both n x 2.
    ///
    /// If the two embeddings are unrelated, so that every direction is equally good, nothing is
    /// turned.
    ///
    /// # Errors
    /// [`Error::Data`] if the shapes differ, or are not n x 2 with n of at least 1.
    pub fn between(map: &Matrix, reference: &Matrix) -> Result<Self> {
        let [from, to] = centers(map, reference)?;
        // The 2 x 2 matrix of the sums of products, map by reference.
        let mut products = [0.0_f64; 4];
        for (a, b) in map.rows().zip(reference.rows()) {
            let (a, b) = (centered(a, from), centered(b, to));
            for (at, sum) in products.iter_mut().enumerate() {
                *sum += a[at / 2] * b[at % 2];
            }
        }
        let [xx, xy, yx, yy] = products;
        let turned = (xx + yy).hypot(xy - yx);
        let mirrored = (xx - yy).hypot(xy + yx);
        let turn = if turned.max(mirrored) == 0.0 {
            [1.0, 0.0, 0.0, 1.0]
        } else if turned >= mirrored {
            let cos = (xx + yy) / turned;
            let sin = (xy - yx) / turned;
            [cos, -sin, sin, cos]
        } else {
            let cos = (xx - yy) / mirrored;
            let sin = (xy + yx) / mirrored;
            [cos, sin, sin, -cos]
        };
        Ok(Self { turn, from, to })
    }

    /// The same motion without a turn: each axis is mirrored or not. For projections, whose axes
    /// have a meaning, but no sign.
    ///
    /// # Errors
    /// As [`between`](Self::between).
    pub fn mirroring(map: &Matrix, reference: &Matrix) -> Result<Self> {
        let [from, to] = centers(map, reference)?;
        let sign = |axis: usize| {
            let products = map.rows().zip(reference.rows());
            let sum: f64 =
                products.map(|(a, b)| centered(a, from)[axis] * centered(b, to)[axis]).sum();
            if sum < 0.0 { -1.0 } else { 1.0 }
        };
        Ok(Self { turn: [sign(0), 0.0, 0.0, sign(1)], from, to })
    }

    /// The moved embedding, n x 2.
    ///
    /// # Errors
    /// [`Error::Data`] if `map` is not n x 2.
    pub fn apply(&self, map: &Matrix) -> Result<Matrix> {
        if map.n_features() != 2 {
            return Err(Error::Data(format!(
                "a map of {} columns cannot be turned, only one of 2",
                map.n_features()
            )));
        }
        let moved = map.rows().flat_map(|row| {
            let [x, y] = centered(row, self.from);
            let [a, b, c, d] = self.turn;
            [(a * x + b * y + self.to[0]) as f32, (c * x + d * y + self.to[1]) as f32]
        });
        Matrix::new(moved.collect(), map.n_samples(), 2)
    }
}

/// The centres of two maps, whose shapes must be the same.
fn centers(map: &Matrix, reference: &Matrix) -> Result<[[f64; 2]; 2]> {
    let shape = |matrix: &Matrix| (matrix.n_samples(), matrix.n_features());
    if shape(map) != shape(reference) || map.n_features() != 2 || map.n_samples() == 0 {
        let [(n, d), (m, e)] = [shape(map), shape(reference)];
        return Err(Error::Data(format!(
            "a map of {n} x {d} cannot be turned onto one of {m} x {e}; both must be n x 2"
        )));
    }
    Ok([center(map), center(reference)])
}

fn center(map: &Matrix) -> [f64; 2] {
    let n = map.n_samples() as f64;
    let sum =
        map.rows().fold([0.0, 0.0], |[x, y], row| [x + f64::from(row[0]), y + f64::from(row[1])]);
    [sum[0] / n, sum[1] / n]
}

fn centered(row: &[f32], center: [f64; 2]) -> [f64; 2] {
    [f64::from(row[0]) - center[0], f64::from(row[1]) - center[1]]
}

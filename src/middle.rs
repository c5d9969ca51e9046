//! Robust centre of the points: a mean that a few outlying points do not move.
//!
//! Numbers in `f32` are stored relative to a point near them, otherwise they lose the digits in
//! which they differ. The mean serves if all points lie around it; but one point at a distance R
//! moves it by R / n, and then every other point is stored relative to a distant one.

use crate::matrix::Matrix;
use rayon::prelude::*;

/// A row is an outlier if its distance from the centre is more than this many times the median
/// distance. Searches and clusterings treat it separately, so that it does not spoil the scale of
/// the others.
pub(crate) const FAR: f64 = 8.0;
/// Rows of one parallel task.
const ROWS: usize = 1024;
/// Maximum number of rounds: outliers that appear only once others are left out take another round.
const ROUNDS: usize = 8;

/// Mean of the points that are not outliers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Middle {
    /// Mean, n_features.
    pub(crate) mean: Vec<f32>,
    /// Rows of which it is the mean, ascending; `None` if it is the mean of all.
    pub(crate) near: Option<Vec<usize>>,
}

impl Middle {
    /// Leaves out the rows of `x` whose distance from the mean of the others is more than `far`
    /// times the median distance. If at least half of the rows are equal, that distance says
    /// nothing, and all rows count.
    pub(crate) fn of(x: &Matrix, far: f64) -> Self {
        let mut middle = Self { mean: x.column_means(), near: None };
        for _ in 0..ROUNDS {
            let squares = squares_from(x, &middle.mean);
            let mut sorted = squares.clone();
            let at = sorted.len() / 2;
            if sorted.is_empty() {
                break;
            }
            let most = *sorted.select_nth_unstable_by(at, f64::total_cmp).1 * far * far;
            let near: Vec<usize> = (0..squares.len()).filter(|&row| squares[row] <= most).collect();
            let known = middle.near.as_ref().map_or(squares.len(), Vec::len);
            if most == 0.0
                || (near.len() == known && middle.near.as_ref().is_none_or(|rows| *rows == near))
            {
                break;
            }
            middle = Self {
                mean: x.column_means_of(&near),
                near: (near.len() < squares.len()).then_some(near),
            };
        }
        middle
    }
}

/// Euclidean distance between two rows.
pub(crate) fn distance(a: &[f32], b: &[f32]) -> f64 {
    squared_distance(a, b).sqrt()
}

/// Squared Euclidean distance between two rows.
pub(crate) fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
}

/// Squared distance of each row from a point.
fn squares_from(x: &Matrix, point: &[f32]) -> Vec<f64> {
    let d = x.n_features();
    let parts = x.as_slice().par_chunks(ROWS * d);
    parts
        .flat_map_iter(|rows| rows.chunks_exact(d).map(|row| squared_distance(row, point)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn noise(n: usize, d: usize) -> Vec<f32> {
        let random = Random::new(5, 5);
        (0..n * d).map(|at| random.uniform(at as u64) - 0.5).collect()
    }

    #[test]
    fn the_middle_of_points_without_far_ones_is_their_mean() {
        let x = Matrix::new(noise(500, 3), 500, 3).unwrap();
        assert_eq!(Middle::of(&x, 8.0), Middle { mean: x.column_means(), near: None });
        let equal = Matrix::new([vec![1.0; 12], vec![9.0; 3]].concat(), 5, 3).unwrap();
        assert_eq!(Middle::of(&equal, 8.0).mean, equal.column_means());
    }

    #[test]
    fn far_points_do_not_move_the_middle_even_behind_one_another() {
        let (n, d) = (500, 3);
        let mut values = noise(n, d);
        values[7 * d] = 1e12;
        values[9 * d + 1] = -1e6;
        let x = Matrix::new(values, n, d).unwrap();
        let middle = Middle::of(&x, 8.0);
        let near: Vec<usize> = (0..n).filter(|row| ![7, 9].contains(row)).collect();
        assert_eq!(middle.mean, x.select(&near).column_means());
        assert_eq!(middle.near, Some(near));
    }
}

//! Range check of the data: lengths whose squares fit single precision, and scaling of the others.
//!
//! Squared distances are summed in 32-bit floats on both devices, whose normal numbers go from
//! 1.2e-38 to 3.4e38. Points whose lengths relative to their centre lie between 2^-40 and 2^55 are
//! used unchanged. Other points are multiplied by a power of two, which changes no digit, and
//! results in that unit are divided by it again. Points that no power of two brings into the range
//! are refused: one of them is then more than 2^95 times as far from the centre as a tenth of the
//! points.

use crate::digits::{Wide, harmless};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::middle::distance;
use rayon::prelude::*;
use std::borrow::Cow;

/// Lengths whose squares fit `f32`, as exponents of two: the lower limit for nearly all points, and
/// the upper limit for the longest.
const NEAR: i32 = -40;
const FAR: i32 = 55;
/// Largest length of a new point, as an exponent of two.
const FURTHEST: i32 = 61;
/// Number of rows from which the centre of a column is taken if its mean is unsuitable.
const SAMPLE_ROWS: usize = 1024;

/// A centre of some points, and the power of two that brings their lengths relative to it into the
/// range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Range {
    /// Mean of each column; the median instead if outlying rows pull the mean so far away that
    /// subtracting it would cost the other rows digits.
    pub(crate) centre: Vec<f32>,
    exponent: i32,
}

impl Range {
    /// Range of the rows of `x`.
    ///
    /// # Errors
    /// [`Error::Data`] naming the furthest row if no power of two serves.
    pub(crate) fn of(x: &Matrix) -> Result<Self> {
        Self::unless_far(x).map_err(|outlier| outlier.error(outlier.row))
    }

    /// The same, with the furthest row if no power of two serves.
    pub(crate) fn unless_far(x: &Matrix) -> std::result::Result<Self, Outlier> {
        let centre = centre(x);
        let lengths: Vec<f64> =
            x.as_slice().par_chunks(centre.len()).map(|row| distance(row, &centre)).collect();
        let mut positive: Vec<f64> =
            lengths.iter().copied().filter(|&length| length > 0.0).collect();
        if positive.is_empty() {
            return Ok(Self { centre, exponent: 0 });
        }
        let tenth = positive.len() / 10;
        let near = *positive.select_nth_unstable_by(tenth, f64::total_cmp).1;
        let row = (0..lengths.len())
            .fold(0, |best, row| if lengths[row] > lengths[best] { row } else { best });
        let far = lengths[row];
        match exponent(near, far) {
            Some(exponent) => Ok(Self { centre, exponent }),
            None => Err(Outlier { row, far, near }),
        }
    }

    /// The same centre with the smallest unit in which all rows of `x` fit, if it is smaller than
    /// this one. For points of which some lie so close together that the squares of their distances
    /// are not normal numbers in this unit.
    pub(crate) fn finer(&self, x: &Matrix) -> Option<Self> {
        let length = |row: &[f32]| distance(row, &self.centre);
        let far = x
            .as_slice()
            .par_chunks(self.centre.len())
            .map(length)
            .reduce(|| f64::MIN_POSITIVE, f64::max);
        let exponent = far.log2().ceil() as i32 - FAR;
        (exponent < self.exponent).then(|| Self { centre: self.centre.clone(), exponent })
    }

    /// Exponent of the power of two by which lengths are divided.
    pub(crate) fn exponent(&self) -> i32 {
        self.exponent
    }

    /// Rows in the unit of the range.
    ///
    /// # Errors
    /// [`Error::Data`] if a value is too large for it.
    pub(crate) fn scaled<'a>(&self, x: &'a Matrix) -> Result<Cow<'a, Matrix>> {
        scaled(x, -self.exponent)
    }

    /// Length converted to the unit of the range.
    pub(crate) fn to_unit(&self, length: f64) -> f64 {
        length * f64::from(-self.exponent).exp2()
    }

    /// Length converted back to the unit of the points.
    pub(crate) fn undone(&self, length: f64) -> f64 {
        length * f64::from(self.exponent).exp2()
    }

    /// Refuses `new` points so far from these that their distances overflow; the first of them has
    /// the number `first_row`.
    ///
    /// # Errors
    /// [`Error::Data`] naming the first such row.
    pub(crate) fn check_new(&self, new: &Matrix, first_row: usize) -> Result<()> {
        let most = self.undone(f64::from(FURTHEST).exp2());
        let mut lengths = new.rows().map(|row| distance(row, &self.centre)).enumerate();
        match lengths.find(|&(_, length)| length > most) {
            Some((row, length)) => Err(Error::Data(format!(
                "row {} is {length:.2e} from the middle of the fitted points: beyond {most:.2e} \
                 squared distances do not fit 32-bit floats",
                first_row + row
            ))),
            None => Ok(()),
        }
    }
}

/// The row of some points that lies too far away from the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outlier {
    /// Its number, from 0.
    pub(crate) row: usize,
    far: f64,
    near: f64,
}

impl Outlier {
    /// The error about it, as the row `row`.
    pub(crate) fn error(self, row: usize) -> Error {
        let Self { far, near, .. } = self;
        Error::Data(format!(
            "row {row} is {far:.2e} from the middle of the points, a tenth of them are within {near:.2e} of it: squares of lengths \
             that differ by more than a factor of 2^{} do not fit 32-bit floats; leave the row out",
            FAR - NEAR
        ))
    }
}

/// Refuses points whose sizes differ too much, before any computation.
///
/// # Errors
/// [`Error::Data`] naming the furthest row, counted from 0.
pub fn check(x: &Matrix) -> Result<()> {
    Range::of(x).map(|_| ())
}

/// Refuses `new` points so far from the `fitted` ones that their distances overflow.
///
/// # Errors
/// [`Error::Data`] naming the first such row, counted from 0, and as [`check`] of the fitted
/// points.
pub fn check_new(new: &Matrix, fitted: &Matrix) -> Result<()> {
    Range::of(fitted)?.check_new(new, 0)
}

/// Rows multiplied by a power of two.
///
/// # Errors
/// [`Error::Data`] if a value becomes too large.
pub(crate) fn scaled(x: &Matrix, exponent: i32) -> Result<Cow<'_, Matrix>> {
    if exponent == 0 {
        return Ok(Cow::Borrowed(x));
    }
    let factor = f64::from(exponent).exp2();
    let data: Vec<f32> =
        x.as_slice().par_iter().map(|&value| (f64::from(value) * factor) as f32).collect();
    if data.iter().any(|value| !value.is_finite()) {
        return Err(too_far_apart());
    }
    Matrix::new(data, x.n_samples(), x.n_features()).map(Cow::Owned)
}

/// Ascending distances of rows of `k`; a row whose squares would not fit is multiplied by a power
/// of two of its own.
pub(crate) fn scaled_rows(distances: &[f32], k: usize) -> Cow<'_, [f32]> {
    let needed = |row: &[f32]| {
        row.last()
            .map(|&last| f64::from(last))
            .filter(|&last| last > 0.0)
            .map_or(0, |last| exponent(last, last).unwrap_or(0))
    };
    if distances.par_chunks(k).all(|row| needed(row) == 0) {
        return Cow::Borrowed(distances);
    }
    let scale = |row: &[f32]| {
        let factor = f64::from(-needed(row)).exp2();
        row.iter().map(|&distance| (f64::from(distance) * factor) as f32).collect::<Vec<_>>()
    };
    Cow::Owned(distances.par_chunks(k).flat_map_iter(scale).collect())
}

/// Error for points whose squared distances overflow.
pub(crate) fn too_far_apart() -> Error {
    Error::Data(format!(
        "some points are too far from the others for their squared distances in 32-bit floats: leave out those beyond 2^{FAR}, \
         {:.0e}, or scale the data down",
        f64::from(FAR).exp2()
    ))
}

/// Exponent of the power of two by which lengths are divided, if a tenth of them are at most `near`
/// and all at most `far`.
fn exponent(near: f64, far: f64) -> Option<i32> {
    let (low, high) = (near.log2().floor() as i32, far.log2().ceil() as i32);
    if low >= NEAR && high <= FAR {
        return Some(0);
    }
    let exponent = low.max(high - FAR);
    (low - exponent >= NEAR).then_some(exponent)
}

fn centre(x: &Matrix) -> Vec<f32> {
    let step = x.n_samples().div_ceil(SAMPLE_ROWS).max(1);
    let rows: Vec<&[f32]> = x.rows().step_by(step).collect();
    let of_column = |(column, mean): (usize, f32)| {
        harmless(rows.iter().map(|row| f64::from(row[column]).into()).collect::<Vec<Wide>>(), mean)
    };
    if rows.is_empty() {
        vec![0.0; x.n_features()]
    } else {
        x.column_means().into_par_iter().enumerate().map(of_column).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(scale: f64, far: Option<f64>) -> Matrix {
        let random = crate::random::Random::new(3, 0);
        let near = (0..600).map(|i| ((f64::from(random.uniform(i)) - 0.5) * scale) as f32);
        let values: Vec<f32> =
            near.chain(far.map(|far| far as f32)).chain(far.map(|far| far as f32)).collect();
        Matrix::new(values.clone(), values.len() / 2, 2).unwrap()
    }

    #[test]
    fn ordinary_points_are_left_alone_about_their_mean() {
        for scale in [1e-9, 1e-3, 1.0, 255.0, 1e12] {
            let x = points(scale, None);
            let range = Range::of(&x).unwrap();
            assert_eq!((range.exponent(), &range.centre), (0, &x.column_means()), "{scale:e}");
            assert!(matches!(range.scaled(&x).unwrap(), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn others_are_brought_to_lengths_near_one_by_a_power_of_two() {
        for scale in [1e-36, 1e-22, 1e17, 1e30] {
            let x = points(scale, None);
            let range = Range::of(&x).unwrap();
            let scaled = range.scaled(&x).unwrap();
            let largest =
                scaled.as_slice().iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            assert!((0.5..32.0).contains(&largest), "{scale:e}: {largest}");
            let back = f64::from(scaled.as_slice()[7]) * f64::from(range.exponent()).exp2();
            assert_eq!(back as f32, x.as_slice()[7]);
            assert!((range.undone(range.to_unit(scale)) / scale - 1.0).abs() < 1e-15);
        }
    }

    #[test]
    fn a_far_row_moves_neither_the_middle_nor_the_others_out_of_range() {
        let x = points(1.0, Some(3e10));
        let range = Range::of(&x).unwrap();
        assert!(range.centre.iter().all(|centre| centre.abs() < 0.5), "{:?}", range.centre);
        assert_eq!(range.exponent(), 0);
        // One so far away that its square would overflow: all become smaller, most keep their
        // squares.
        assert_eq!(Range::of(&points(1.0, Some(1e20))).unwrap().exponent(), 67 - FAR);
        let refused = Range::of(&points(1.0, Some(3e38))).unwrap_err().to_string();
        assert!(refused.starts_with("row 300 is 4.24") && refused.contains("2^95"), "{refused}");
    }

    #[test]
    fn rows_of_distances_are_scaled_each_by_itself() {
        assert!(matches!(scaled_rows(&[1e-6, 2.0, 0.0, 0.0], 2), Cow::Borrowed(_)));
        let scaled = scaled_rows(&[1e-22, 3e-22, 1.0, 2.0], 2);
        assert!((scaled[1] / scaled[0] - 3.0).abs() < 1e-6 && (1.0..2.0).contains(&scaled[1]));
        assert_eq!(scaled[2..], [1.0, 2.0]);
    }
}

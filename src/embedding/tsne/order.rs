//! Order of the points in which points that attract each other are near each other in memory.
//!
//! The Z-order of the initial coordinates (G. Morton, 1966): points that are far apart in the
//! principal components stay apart, and points that are close there mostly stay close. An embedding
//! of 50,000 points does not fit the first-level cache, but the coordinates of one point's
//! neighbours then mostly do.

use crate::matrix::Matrix;

/// Number of cells along each axis, as a power of two, in two and in three dimensions.
const BITS: [u32; 2] = [16, 10];

/// Rows of `places`, n x 2 or n x 3, in their Z-order, ties by index.
pub fn z_order(places: &Matrix) -> Vec<u32> {
    let c = places.n_features();
    let cells = ((1_u64 << BITS[c - 2]) - 1) as f32;
    let bounds: Vec<(f32, f32)> = (0..c)
        .map(|axis| {
            let values = places.rows().map(|row| row[axis]);
            values
                .fold((f32::MAX, f32::MIN), |(low, high), value| (low.min(value), high.max(value)))
        })
        .collect();
    let code = |row: &[f32]| {
        let cell = |axis: usize| {
            let (low, high) = bounds[axis];
            if high > low { ((row[axis] - low) / (high - low) * cells) as u64 } else { 0 }
        };
        let cells: Vec<u64> = (0..c).map(cell).collect();
        (0..BITS[c - 2]).fold(0_u64, |code, bit| {
            cells.iter().enumerate().fold(code, |code, (axis, cell)| {
                code | (cell >> bit & 1) << (bit as usize * c + axis)
            })
        })
    };
    let mut keyed: Vec<(u64, u32)> =
        places.rows().enumerate().map(|(at, row)| (code(row), at as u32)).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, row)| row).collect()
}

/// The rows in their original order: row `at` of `ordered`, rows of `c` numbers, is row `order[at]`
/// of the result.
pub fn restored(ordered: &[f32], order: &[u32], c: usize) -> Vec<f32> {
    let mut rows = vec![0.0; ordered.len()];
    for (place, &row) in ordered.chunks_exact(c).zip(order) {
        rows[row as usize * c..][..c].copy_from_slice(place);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarters_follow_each_other_and_rows_come_back() {
        let x = Matrix::new(vec![9.0, 9.0, 0.0, 0.0, 9.0, 1.0, 1.0, 9.0, 0.5, 0.5, 8.0, 8.0], 6, 2)
            .unwrap();
        let order = z_order(&x);
        assert_eq!(order, [1, 4, 2, 3, 5, 0]);
        let ordered: Vec<f32> =
            order.iter().flat_map(|&row| x.row(row as usize).to_vec()).collect();
        assert_eq!(restored(&ordered, &order, 2), x.as_slice());
        assert_eq!(z_order(&Matrix::new(vec![2.0; 9], 3, 3).unwrap()), [0, 1, 2]);
    }
}

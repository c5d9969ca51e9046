//! Coordinates in a map as 16-bit numbers: a grid of 65,536 steps over the larger side of the map,
//! and frames of an animation as differences to the frame before, which are small and so take
//! little room.

use crate::matrix::Matrix;

/// Steps from the lowest to the highest value.
const STEPS: f64 = 65_535.0;

/// The coordinates of one map, or of all its frames.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Coded {
    /// By frame, axis and point; frames after the first as zigzag differences.
    pub(super) numbers: Vec<u16>,
    /// Maps in a row.
    pub(super) frames: usize,
    /// Middle of the map.
    pub(super) center: [f64; 2],
    /// Half of its larger side.
    pub(super) half: f64,
}

/// Encodes n x 2 coordinates, or n x 2F for F frames: x and y of the first, then of the second. All
/// frames have one scale.
pub(super) fn encode(coordinates: &Matrix) -> Coded {
    let n = coordinates.n_samples();
    let frames = coordinates.n_features() / 2;
    let mut low = [f64::INFINITY; 2];
    let mut high = [f64::NEG_INFINITY; 2];
    for point in coordinates.rows().flat_map(|row| row.chunks_exact(2)) {
        for axis in 0..2 {
            low[axis] = low[axis].min(f64::from(point[axis]));
            high[axis] = high[axis].max(f64::from(point[axis]));
        }
    }
    let center = [0, 1].map(|axis| f64::midpoint(low[axis], high[axis]));
    let side = (high[0] - low[0]).max(high[1] - low[1]);
    // Equal points lie in the middle of a map of any size.
    let half = if side > 0.0 { side / 2.0 } else { 1.0 };
    let mut numbers = Vec::with_capacity(2 * n * frames);
    for column in 0..2 * frames {
        let step = |row: &[f32]| {
            ((((f64::from(row[column]) - center[column % 2]) / half + 1.0) / 2.0) * STEPS).round()
                as u16
        };
        numbers.extend(coordinates.rows().map(step));
    }
    // From the last on, so that what is subtracted is still there.
    for at in (2 * n..numbers.len()).rev() {
        numbers[at] = zigzag(numbers[at].wrapping_sub(numbers[at - 2 * n]));
    }
    Coded { numbers, frames, center, half }
}

/// Differences of either sign as small numbers: 0, -1, 1, -2, ...
fn zigzag(difference: u16) -> u16 {
    let signed = difference as i16;
    ((signed << 1) ^ (signed >> 15)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_differences_become_small_numbers() {
        assert_eq!(
            [0, -1, 1, -2, 2, i16::MIN].map(|d: i16| zigzag(d as u16)),
            [0, 1, 2, 3, 4, 65_535]
        );
    }

    #[test]
    fn equal_points_are_in_the_middle() {
        let coded = encode(&Matrix::new(vec![3.0; 8], 4, 2).unwrap());
        assert_eq!((coded.center, coded.half, coded.numbers), ([3.0, 3.0], 1.0, vec![32_768; 8]));
    }
}

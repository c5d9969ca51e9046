//! The k-distance curve, from which the radius of DBSCAN is read.
//!
//! Reference: M. Ester et al., "A density-based algorithm for discovering clusters in large spatial
//! databases with noise", 1996, section 4.2. The distances of the points from their
//! `min_samples`-th point, in ascending order, rise slowly through the clusters and steeply through
//! the noise; the radius is where the slow rise ends. The knee is found as in V. Satopää et al.,
//! "Finding a 'Kneedle' in a haystack", 2011, without smoothing: with both axes scaled to 0 .. 1,
//! the point of the curve that is furthest below the chord from its first to its last point.

use crate::compute::Device;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::{MAX_NEIGHBORS, nearest_neighbors};
use crate::progress::Observer;

/// Distances of the points from their `min_samples`-th point.
#[derive(Clone, Debug)]
pub struct KDistance {
    /// For each point, the radius within which there are `min_samples` points, including itself;
    /// ascending.
    pub distances: Vec<f32>,
    /// Number of points of a core point, as in [`Dbscan`](super::Dbscan).
    pub min_samples: usize,
    /// Position of the knee.
    pub knee: usize,
    /// Distance at the knee, or the smallest distance above 0 if that is 0; `None` if all are 0.
    pub suggested_eps: Option<f32>,
}

impl KDistance {
    /// The curve of the rows of `x`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if `min_samples` is not between 2 and 505; [`Error::Data`] if there are
    /// fewer points; as [`nearest_neighbors`].
    pub fn new(
        device: &Device,
        x: &Matrix,
        min_samples: usize,
        observer: &dyn Observer,
    ) -> Result<Self> {
        let most = MAX_NEIGHBORS + 1;
        if !(2..=most).contains(&min_samples) {
            return Err(Error::parameter(
                "min_samples",
                min_samples,
                format!("a k-distance curve needs between 2 and {most}"),
            ));
        }
        if min_samples > x.n_samples() {
            return Err(Error::Data(format!(
                "{} points have no {min_samples}-th point to be near to",
                x.n_samples()
            )));
        }
        let k = min_samples - 1;
        let graph = nearest_neighbors(device, x, k, observer)?;
        let mut distances: Vec<f32> =
            graph.distances().chunks_exact(k).map(|row| row[k - 1]).collect();
        distances.sort_unstable_by(f32::total_cmp);
        let knee = knee(&distances);
        let above_zero = || distances.iter().copied().find(|&distance| distance > 0.0);
        let suggested_eps =
            if distances[knee] > 0.0 { Some(distances[knee]) } else { above_zero() };
        Ok(Self { distances, min_samples, knee, suggested_eps })
    }
}

/// Position of the point furthest below the chord of an ascending curve, the first one if several
/// are equal.
fn knee(values: &[f32]) -> usize {
    let (Some(&first), Some(&last)) = (values.first(), values.last()) else { return 0 };
    let steps = (values.len() - 1).max(1) as f64;
    let rise = f64::from(last) - f64::from(first);
    if rise <= 0.0 {
        return 0;
    }
    let below = |at: usize| at as f64 / steps - (f64::from(values[at]) - f64::from(first)) / rise;
    (1..values.len()).fold(0, |best, at| if below(at) > below(best) { at } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_knee_is_where_a_curve_turns_up() {
        let turning: Vec<f32> = (0..100)
            .map(|i| if i < 80 { i as f32 * 0.01 } else { 0.8 + (i - 79) as f32 })
            .collect();
        assert_eq!(knee(&turning), 79);
        assert_eq!(knee(&[2.0; 5]), 0);
        assert_eq!(knee(&[1.0]), 0);
    }
}

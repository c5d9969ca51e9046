//! Keeps a map about the origin, and at a scale that single precision resolves.
//!
//! During early exaggeration the attraction can outweigh the repulsion by far: a map of data
//! without clusters contracts by orders of magnitude, about a centre that drifts. Without more, its
//! points become equal in f32 beside that offset, and equal points with equal neighbours feel no
//! force that could ever part them. So each step ([`optimiser`](super::optimiser)) takes off the
//! mean, as openTSNE does in double precision, and a map that is smaller than [`LEAST`] is scaled
//! up to [`WANTED`]. That changes no shape: where all |y| are far below 1, every q is 1 and the
//! forces are linear in y, so the scaled map moves as the other would, scaled.

use crate::compute::{Buffer, Device};
use crate::error::Result;
use crate::matrix::Matrix;

/// Smallest root mean square deviation of the axes of a map. Its square, and that of a thousandth
/// of it, are normal numbers, and q differs from 1 by less than f32 can tell.
pub const LEAST: f32 = 1e-6;
/// Deviation that a smaller map is given: that of the start.
pub const WANTED: f32 = super::START_STD;

/// Largest deviation of the start in [`with_start`], in units of the map, which has unfolded to
/// some tens of them.
const MOST_START: f64 = 1e-3;

/// The map `y`, n x n_components, with its `start` laid over it: scaled to the deviation of the
/// map, or to 0.001 if that is less. After early exaggeration a cluster without inner structure, or
/// the whole map, can be one place or one line to f32; the start parts its points again, and by
/// what their principal components say. Of a map that has unfolded it changes nothing that can be
/// seen. On 23 draws of data without clusters, n = 100 to 300, a start of 0.00001 left the
/// divergence 1 % higher.
///
/// # Errors
/// Any error of the device.
pub fn with_start(device: &Device, y: &Buffer<f32>, start: &Matrix) -> Result<Buffer<f32>> {
    let mut places = y.read(device)?;
    let own = root_mean_square(start.as_slice());
    let wanted = root_mean_square(&places).min(MOST_START);
    let factor = if wanted > 0.0 && own > 0.0 { wanted / own } else { 1.0 };
    for (place, start) in places.iter_mut().zip(start.as_slice()) {
        *place += (factor * f64::from(*start)) as f32;
    }
    Buffer::from_slice(device, "map", &places)
}

fn root_mean_square(values: &[f32]) -> f64 {
    (values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

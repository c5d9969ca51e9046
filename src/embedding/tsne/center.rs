//! Centring and scaling of an embedding, so that single precision resolves it.
//!
//! During early exaggeration the attraction can outweigh the repulsion by far: an embedding of data
//! without clusters contracts by orders of magnitude, about a centre that drifts. Its points would
//! then become equal in f32 beside that offset, and equal points with equal neighbours feel no
//! force that could ever separate them. So each step ([`optimiser`](super::optimiser)) subtracts
//! the mean, as openTSNE does in double precision, and an embedding smaller than [`LEAST`] is
//! scaled up to [`WANTED`]. That changes no shape: if all |y| are far below 1, every q is 1 and the
//! forces are linear in y, so the scaled embedding moves like the original one, scaled.

use crate::compute::{Buffer, Device};
use crate::error::Result;
use crate::matrix::Matrix;

/// Smallest root mean square deviation of the axes of an embedding. Its square, and that of a
/// thousandth of it, are normal numbers, and q differs from 1 by less than f32 resolves.
pub const LEAST: f32 = 1e-6;
/// Deviation to which a smaller embedding is scaled: that of the initialisation.
pub const WANTED: f32 = super::START_STD;

/// Largest deviation of the start in [`with_start`], in units of the embedding, whose size is some
/// tens of them once it has unfolded.
const MOST_START: f64 = 1e-3;

/// The embedding `y`, n x n_components, with its `start` added to it: scaled to the deviation of
/// the embedding, or to 0.001 if that is less. After early exaggeration a cluster without inner
/// structure, or the whole embedding, can be one point or one line in f32; the start separates its
/// points again, along their principal components. In an embedding that has unfolded it changes
/// nothing visible. On 23 random data sets without clusters, n = 100 to 300, a start of 0.00001
/// left the divergence 1 % higher.
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

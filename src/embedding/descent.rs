//! Parts of gradient descent that several methods share.

use crate::error::Result;
use crate::matrix::Matrix;
use crate::progress::Observer;

/// Shows an observer coordinates, n x `c`, after `done` iterations.
///
/// # Errors
/// [`Error::Data`](crate::Error::Data) if the descent has diverged.
pub(super) fn show(
    observer: &dyn Observer,
    done: usize,
    loss: Option<f64>,
    places: Vec<f32>,
    c: usize,
) -> Result<()> {
    let n = places.len() / c;
    observer.embedding(done as u64, loss, &Matrix::new(places, n, c)?);
    Ok(())
}

/// The gain of a coordinate (R. Jacobs, "Increased rates of convergence through learning rate
/// adaptation", 1988): it grows while update and gradient agree, shrinks when they do not, and
/// stays at 0.01 or above.
#[inline(always)]
pub(super) fn new_gain(gain: f32, update: f32, gradient: f32) -> f32 {
    // Unlike f32::signum, 0 has a sign of its own here, as in WGSL and in numpy.
    let sign = |value: f32| i8::from(value > 0.0) - i8::from(value < 0.0);
    // The update points downhill: unlike signs mean that the two agree.
    f32::max(if sign(update) != sign(gradient) { gain + 0.2 } else { gain * 0.8 }, 0.01)
}

/// Coordinates, n x `c`, moved so that their mean is 0.
pub(super) fn recentred(mut places: Vec<f32>, c: usize) -> Vec<f32> {
    let n = (places.len() / c) as f64;
    for axis in 0..c {
        let mean = places.iter().skip(axis).step_by(c).map(|&v| f64::from(v)).sum::<f64>() / n;
        for value in places.iter_mut().skip(axis).step_by(c) {
            *value = (f64::from(*value) - mean) as f32;
        }
    }
    places
}

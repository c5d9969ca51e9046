//! The kernels that measure the peak performance of a device.

use super::harness::uniform;
use super::harness::{EXACT, Pair, ROUNDING, Tolerance, floats};
use crate::benchmark::peaks;
use crate::compute::Buffer;

/// Each turn rounds a multiplication and an addition; earlier rounding errors are halved.
pub fn multiply_add(pair: &Pair, n: usize) {
    let values = uniform(1, 4 * n, -1.0, 1.0);
    let tolerance = Tolerance { each: 0.0, largest: 8.0 * ROUNDING };
    pair.compare(&format!("chains of {n}"), tolerance, |device| {
        let sources = Buffer::from_slice(device, "sources", &values)?;
        let mut targets = Buffer::new(device, "targets", 4 * n)?;
        peaks::multiply_add(device, &sources, &mut targets, n, 37)?;
        Ok(floats(targets.read(device)?))
    });
}

pub fn copy(pair: &Pair, n: usize) {
    let values = uniform(2, 4 * n, -1.0, 1.0);
    pair.compare(&format!("copies of {n}"), EXACT, |device| {
        let sources = Buffer::from_slice(device, "sources", &values)?;
        let mut targets = Buffer::new(device, "targets", 4 * n)?;
        peaks::copy(device, &sources, &mut targets, n)?;
        Ok(floats(targets.read(device)?))
    });
}

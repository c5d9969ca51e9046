//! burn's failures as errors.

use crate::compute::{self, caught};
use crate::error::Result;
use burn::tensor::Device;

/// Runs burn's work on `device` and turns its panics, which is how it reports a lost device, and
/// what wgpu reports meanwhile, into errors under the name `during`. A panic of which the device
/// knows nothing is a fault of the program.
pub(crate) fn guarded<R>(
    device: &compute::Device,
    during: &str,
    work: impl FnOnce(&Device) -> Result<R>,
) -> Result<R> {
    let result =
        caught(|| work(&device.burn()?)).unwrap_or_else(|panic| Err(device.fault(during, panic)));
    let result = result.map_err(|error| device.explained(during, error));
    device.check(during).and(result)
}

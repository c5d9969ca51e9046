//! burn's failures as errors.

use crate::compute;
use crate::error::{Error, Result};
use burn::tensor::Device;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread will be caught and reported as an error.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs burn's work on `device` and turns its panics, which is how it reports a lost device, and what wgpu reports meanwhile,
/// into errors.
pub(crate) fn guarded<R>(device: &compute::Device, work: impl FnOnce(&Device) -> Result<R>) -> Result<R> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !CAUGHT.get() {
                previous(panic);
            }
        }));
    });
    CAUGHT.set(true);
    let result = catch_unwind(AssertUnwindSafe(|| work(&device.burn()?)));
    CAUGHT.set(false);
    let result = result.unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|&text| text.into()));
        Err(Error::Training(message.unwrap_or_else(|| "the backend stopped without a message".into())))
    });
    device.check("training").and(result)
}

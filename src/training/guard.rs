//! burn's failures as errors.

use crate::compute;
use crate::error::{Error, Result};
use burn::tensor::Device;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread will be caught and reported as an error.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
    /// Where the last of them was.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs burn's work on `device` and turns its panics, which is how it reports a lost device, and what wgpu reports meanwhile,
/// into errors. A panic of which the device knows nothing is a fault of the program.
pub(crate) fn guarded<R>(device: &compute::Device, work: impl FnOnce(&Device) -> Result<R>) -> Result<R> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if CAUGHT.get() {
                PLACE.set(panic.location().map(ToString::to_string));
            } else {
                previous(panic);
            }
        }));
    });
    CAUGHT.set(true);
    let result = catch_unwind(AssertUnwindSafe(|| work(&device.burn()?)));
    CAUGHT.set(false);
    let result = result.unwrap_or_else(|panic| Err(Error::fault(panic.as_ref(), PLACE.take())));
    device.check("training").and(result)
}

//! GPU failures: errors that wgpu reports, panics by which it and burn report a lost device, and
//! the loss itself.

use super::gpu::Gpu;
use crate::error::{Error, Result};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};

thread_local! {
    /// `true` if a panic of this thread will be caught and reported as an error.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
    /// Source location of the last of these panics.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A caught panic.
pub(crate) struct Caught {
    payload: Box<dyn Any + Send>,
    place: Option<String>,
}

impl Caught {
    /// Message of the panic.
    pub(crate) fn message(&self) -> String {
        let payload = self.payload.as_ref();
        let text = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied());
        text.unwrap_or("no message").to_owned()
    }

    /// Error for an unexplained panic: a fault of the program.
    pub(crate) fn into_fault(self) -> Error {
        Error::Fault {
            message: self.message(),
            place: self.place.unwrap_or_else(|| "an unknown place".into()),
        }
    }
}

/// Runs `work` and returns its panic as a value; nothing is printed.
pub(crate) fn caught<R>(work: impl FnOnce() -> R) -> Result<R, Caught> {
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
    let outer = CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(outer);
    result.map_err(|payload| Caught { payload, place: PLACE.take() })
}

/// Recorded failures of a device.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// First error that wgpu reported outside our error scopes, and `true` if the cause was lack of
    /// memory.
    uncaptured: Arc<Mutex<Option<(String, bool)>>>,
    /// `true` if the device is known to be lost.
    is_lost: AtomicBool,
    /// Number of pieces of work submitted to the queue, counted if a test wants the device to be
    /// lost.
    submits: AtomicU64,
}

impl Faults {
    /// Records the errors of `device` that no error scope catches.
    pub(super) fn watch(&self, device: &wgpu::Device) {
        let slot = Arc::clone(&self.uncaptured);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            let memory = matches!(error, wgpu::Error::OutOfMemory { .. });
            slot.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert((error.to_string(), memory));
        }));
    }
}

impl Gpu {
    /// Runs `work` and turns errors that wgpu reports meanwhile on this thread into an error that
    /// names a kernel.
    pub(super) fn checked<R>(&self, during: &str, work: impl FnOnce() -> R) -> Result<R> {
        let result = self
            .scoped(during, work)?
            .map_err(|error| self.failure(during, &error.to_string(), is_memory(&error)))?;
        self.check_uncaptured(during)?;
        Ok(result)
    }

    /// Runs `work` in error scopes. A panic means a lost device, or a fault of the program.
    pub(super) fn scoped<R>(
        &self,
        during: &str,
        work: impl FnOnce() -> R,
    ) -> Result<Result<R, wgpu::Error>> {
        self.in_scopes(work).map_err(|panic| self.fault(during, panic))
    }

    fn in_scopes<R>(&self, work: impl FnOnce() -> R) -> Result<Result<R, wgpu::Error>, Caught> {
        caught(|| {
            let device = &self.setup.device;
            let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
            let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
            let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
            let result = work();
            let errors = [validation.pop(), internal.pop(), memory.pop()].map(pollster::block_on);
            errors.into_iter().flatten().next().map_or(Ok(result), Err)
        })
    }

    /// Error for a panic in wgpu's or burn's work: that the device is lost, if it is.
    pub(super) fn fault(&self, during: &str, panic: Caught) -> Error {
        if self.is_lost() { self.lost(during, panic.message()) } else { panic.into_fault() }
    }

    /// First error that wgpu reported outside our error scopes since the last call.
    pub(super) fn check_uncaptured(&self, during: &str) -> Result<()> {
        let found = self.faults.uncaptured.lock().unwrap_or_else(PoisonError::into_inner).take();
        found.map_or(Ok(()), |(message, memory)| Err(self.failure(during, &message, memory)))
    }

    pub(super) fn failure(&self, during: &str, message: &str, memory: bool) -> Error {
        if !memory && self.is_lost() {
            return self.lost(during, message.into());
        }
        let message = if memory { "the GPU is out of memory" } else { message };
        Error::Kernel { kernel: during.into(), message: message.into() }
    }

    /// Records that the device is lost, and returns the error that says so, in one line.
    pub(super) fn lost(&self, during: &str, message: String) -> Error {
        self.faults.is_lost.store(true, Ordering::Relaxed);
        let words: Vec<&str> = message.split_whitespace().collect();
        Error::DeviceLost { during: during.into(), message: words.join(" ") }
    }

    /// `true` if the device is lost. wgpu reports that once, to a callback that burn uses;
    /// afterwards it hands out invalid buffers without an error, and only their use fails.
    pub(super) fn is_lost(&self) -> bool {
        if self.faults.is_lost.load(Ordering::Relaxed) {
            return true;
        }
        let usage = wgpu::BufferUsages::COPY_DST;
        let descriptor = wgpu::BufferDescriptor {
            label: Some("probe"),
            size: 4,
            usage,
            mapped_at_creation: false,
        };
        let used = self.in_scopes(|| {
            let probe = self.setup.device.create_buffer(&descriptor);
            self.setup.queue.write_buffer(&probe, 0, &[0; 4]);
        });
        used.map_or(true, |used| used.is_err_and(|error| !is_memory(&error)))
    }

    /// Counts one piece of work that is about to be submitted, and loses the device if a test wants
    /// it lost at this point.
    pub(super) fn count_submit(&self) {
        if let Some(last) = self.options.lost_at_submit {
            let number = self.faults.submits.fetch_add(1, Ordering::Relaxed) + 1;
            if number == last {
                self.destroy();
            }
        }
    }

    /// Simulates a driver whose card is lost: wgpu then panics, which destroying a device does not
    /// cause.
    pub(super) fn panic_if_lost_by_a_test(&self) {
        let submits = self.faults.submits.load(Ordering::Relaxed);
        if self.options.lost_at_submit.is_some_and(|last| submits >= last) {
            self.faults.is_lost.store(true, Ordering::Relaxed);
            panic!("Error in Device::poll: Parent device is lost");
        }
    }
}

/// `true` if the error means that memory ran out.
pub(super) fn is_memory(error: &wgpu::Error) -> bool {
    matches!(error, wgpu::Error::OutOfMemory { .. })
}

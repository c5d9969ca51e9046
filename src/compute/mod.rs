//! Device selection, kernel dispatch and device memory.
//!
//! A [`Device`] is chosen once, at run time, and matched only inside kernel functions, so that the
//! compiler requires a CPU twin for every kernel. Code outside this folder does not use wgpu.

mod adapter;
mod buffer;
mod clock;
mod faults;
mod gpu;
mod kernel;
pub mod memory;
mod pipelines;
mod queue;
#[doc(hidden)]
pub mod reduce;
mod transfer;

pub use adapter::{AdapterDescription, Chosen, adapters, choose};
pub use buffer::{Buffer, ReadBack};
pub use clock::KernelTime;
pub(crate) use faults::caught;
pub use gpu::{Gpu, GpuOptions};
pub use kernel::{Kernel, Uniform, Work};
pub(crate) use kernel::{MOST_TURNS, dispatches, kernel, longest_row, uniform};
pub use queue::Counters;
pub use transfer::Download;

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter};
use std::sync::Arc;

/// Compute device: the CPU, or one GPU. Cheap to clone; clones share the GPU's queue and pipelines.
#[derive(Clone, Debug)]
pub enum Device {
    /// All threads of the current rayon pool.
    Cpu(Cpu),
    /// One GPU, shared with burn.
    Gpu(Arc<Gpu>),
}

/// The CPU as a device.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    /// Fill fresh buffers with a poison value, so that tests detect code that relies on zeros.
    pub poison: bool,
}

/// Device requested by the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// A real GPU if there is one, otherwise the CPU; never a software adapter.
    #[default]
    Auto,
    /// A GPU, or an error with the reason; a software adapter is accepted, with a note.
    Gpu,
    /// The CPU.
    Cpu,
}

/// Kind of a device; as text `cpu` or `gpu`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// The CPU.
    Cpu,
    /// A GPU.
    Gpu,
}

impl Display for DeviceKind {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
        })
    }
}

/// Description of a device, for the manifest and the terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// CPU or GPU.
    pub kind: DeviceKind,
    /// Adapter, backend and driver, or number of threads.
    pub name: String,
    /// Reason for taking this device, if there was a choice.
    pub reason: String,
    /// `true` if a GPU was preferred but none was usable.
    pub fallback: bool,
    /// `true` if `auto` chose the device, so that the CPU may replace it if it fails.
    #[serde(skip)]
    pub by_auto: bool,
}

impl Device {
    /// The CPU.
    pub fn cpu() -> Self {
        Self::Cpu(Cpu::default())
    }

    /// The best adapter that `options` allow; a software adapter only if there is no other.
    ///
    /// # Errors
    /// [`Error::NoGpu`] with the reason: no adapter at all, none with that name, or one that cannot
    /// be opened.
    pub fn gpu(options: &GpuOptions) -> Result<Self> {
        Gpu::open(options).map(|gpu| Self::Gpu(Arc::new(gpu)))
    }

    /// A real GPU if there is one, otherwise the CPU; [`Device::open`] says which, and why.
    ///
    /// # Errors
    /// As [`Device::open`].
    pub fn auto() -> Result<Self> {
        Self::open(DeviceChoice::Auto, &GpuOptions::default()).map(|(device, _)| device)
    }

    /// Device for a user's choice, with its description.
    ///
    /// # Errors
    /// [`Error::NoGpu`] if a GPU was requested (by `choice`, or under `auto` by the name of an
    /// adapter) and cannot be used.
    pub fn open(choice: DeviceChoice, options: &GpuOptions) -> Result<(Self, Description)> {
        let described = |device: Self, reason: String| {
            let description = device.describe(reason);
            Ok::<_, Error>((device, description))
        };
        let fallen_back = |reason: String| {
            let device = Self::cpu();
            let description = Description { fallback: true, ..device.describe(reason) };
            Ok::<_, Error>((device, description))
        };
        match choice {
            DeviceChoice::Cpu => {
                let unused = options
                    .adapter
                    .as_ref()
                    .map(|name| format!("; the adapter `{name}` is not used"));
                described(Self::cpu(), format!("as chosen{}", unused.unwrap_or_default()))
            }
            DeviceChoice::Gpu => {
                let device = Self::gpu(options)?;
                let software = matches!(&device, Self::Gpu(gpu) if gpu.is_software());
                let reason = if software {
                    "as chosen; a software adapter, slower than the CPU itself"
                } else {
                    "as chosen"
                };
                described(device, reason.into())
            }
            DeviceChoice::Auto => {
                let machine = adapter::Machine::look();
                let options = &GpuOptions { by_speed: true, ..options.clone() };
                match choose(DeviceChoice::Auto, options, &machine.descriptions()) {
                    Chosen::Adapter { index, reason } => match Gpu::of(machine, index, options) {
                        Ok(gpu) => {
                            let device = Self::Gpu(Arc::new(gpu));
                            let description =
                                Description { by_auto: true, ..device.describe(reason) };
                            Ok((device, description))
                        }
                        Err(error) if options.adapter.is_none() => fallen_back(error.to_string()),
                        Err(error) => Err(error),
                    },
                    Chosen::Cpu { reason } => fallen_back(reason),
                    Chosen::None { reason } => Err(Error::NoGpu(reason)),
                }
            }
        }
    }

    /// The CPU as replacement for a GPU that `auto` chose and that failed with `error`: one that is
    /// lost, has too little memory or rejects a kernel. `None` if a GPU was requested explicitly,
    /// or for other errors.
    pub fn instead_of(failed: &Description, error: &Error) -> Option<(Self, Description)> {
        let of_gpu = matches!(
            error,
            Error::DeviceLost { .. } | Error::GpuMemory { .. } | Error::Kernel { .. }
        );
        if !(failed.by_auto && failed.kind == DeviceKind::Gpu && of_gpu) {
            return None;
        }
        let device = Self::cpu();
        let description = Description {
            fallback: true,
            ..device.describe(format!("{} failed: {error}", failed.name))
        };
        Some((device, description))
    }

    /// Kind of the device.
    pub fn kind(&self) -> DeviceKind {
        match self {
            Self::Cpu(_) => DeviceKind::Cpu,
            Self::Gpu(_) => DeviceKind::Gpu,
        }
    }

    /// Description of the device.
    pub fn describe(&self, reason: String) -> Description {
        let kind = self.kind();
        match self {
            Self::Cpu(_) => {
                let threads = rayon::current_num_threads();
                let name = format!("CPU, {threads} thread{}", if threads == 1 { "" } else { "s" });
                Description { kind, name, reason, fallback: false, by_auto: false }
            }
            Self::Gpu(gpu) => {
                Description { kind, name: gpu.describe(), reason, fallback: false, by_auto: false }
            }
        }
    }

    /// The same device for burn: flex on the CPU; on a GPU the device and queue that our kernels
    /// use.
    ///
    /// # Errors
    /// [`Error::NoGpu`] if burn refuses the device.
    #[cfg(feature = "train")]
    pub fn burn(&self) -> Result<burn::tensor::Device> {
        match self {
            Self::Cpu(_) => Ok(burn::tensor::Device::flex()),
            Self::Gpu(gpu) => gpu.burn(),
        }
    }

    /// Maximum size of one kernel binding, in bytes.
    pub fn max_binding_bytes(&self) -> u64 {
        match self {
            // Any size works; tiles of this size stay close to the caches.
            Self::Cpu(_) => 64 << 20,
            Self::Gpu(gpu) => gpu.max_binding_bytes(),
        }
    }

    /// `true` if `auto` ran a stage on the CPU since the last call, and the notes for the user that
    /// were not returned before.
    pub(crate) fn take_choices(&self) -> (bool, Vec<String>) {
        match self {
            Self::Cpu(_) => (false, Vec::new()),
            Self::Gpu(gpu) => gpu.take_choices(),
        }
    }

    /// Reports GPU errors outside our own calls, in a piece of burn's work.
    ///
    /// # Errors
    /// [`Error::Kernel`] or [`Error::DeviceLost`] under the name `during`.
    pub fn check(&self, during: &str) -> Result<()> {
        match self {
            Self::Cpu(_) => Ok(()),
            Self::Gpu(gpu) => {
                gpu.count_submit();
                gpu.check_uncaptured(during)
            }
        }
    }

    /// Error for `panic`, caught in burn's work: that the GPU is lost, if it is, otherwise a fault
    /// of the program.
    #[cfg(feature = "train")]
    pub(crate) fn fault(&self, during: &str, panic: faults::Caught) -> Error {
        match self {
            Self::Cpu(_) => panic.into_fault(),
            Self::Gpu(gpu) => gpu.fault(during, panic),
        }
    }

    /// The cause of `error` in burn's work: a lost GPU if it is lost, otherwise the error itself.
    #[cfg(feature = "train")]
    pub(crate) fn explained(&self, during: &str, error: Error) -> Error {
        match (self, &error) {
            (Self::Gpu(gpu), Error::Training(message)) if gpu.is_lost() => {
                gpu.lost(during, message.clone())
            }
            _ => error,
        }
    }
}

//! Every decision about devices: which one computes, how kernels run there, where memory lies.
//!
//! [`Device`] is chosen once, at run time, and matched only inside kernel functions, so that the
//! compiler demands a CPU twin for every kernel. Nothing outside this folder names wgpu.

mod adapter;
mod buffer;
mod clock;
mod faults;
mod gpu;
mod kernel;
pub mod memory;
mod pipelines;
mod queue;
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

/// What computes: the CPU, or one GPU. Cheap to clone; clones share the GPU's queue and pipelines.
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
    /// Fill fresh buffers with a poison value, so that a test sees what relies on zeros.
    pub poison: bool,
}

/// What a user wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// A real GPU if there is one, else the CPU; never a software adapter.
    #[default]
    Auto,
    /// A GPU, or an error with the reason; a software adapter counts, and is announced.
    Gpu,
    /// The CPU.
    Cpu,
}

/// The two kinds of devices; as a text `cpu` or `gpu`.
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

/// A device in words, for the manifest and the terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// CPU or GPU.
    pub kind: DeviceKind,
    /// Adapter, backend and driver, or threads.
    pub name: String,
    /// Why this one was taken rather than another, where there was a choice.
    pub reason: String,
    /// Whether a GPU would have been taken if one could have been.
    pub fallback: bool,
    /// Whether `auto` chose it, so that the CPU may take its place where it fails.
    #[serde(skip)]
    pub by_auto: bool,
}

impl Device {
    /// The CPU.
    pub fn cpu() -> Self {
        Self::Cpu(Cpu::default())
    }

    /// The best adapter that `options` allow, a software one if there is no other.
    ///
    /// # Errors
    /// [`Error::NoGpu`] with the reason: no adapter at all, none of that name, or one that refuses
    /// to open.
    pub fn gpu(options: &GpuOptions) -> Result<Self> {
        Gpu::open(options).map(|gpu| Self::Gpu(Arc::new(gpu)))
    }

    /// The device for a user's choice, described.
    ///
    /// # Errors
    /// [`Error::NoGpu`] if a GPU was demanded (by `choice`, or under `auto` by the name of an
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

    /// The CPU in the place of a GPU that `auto` chose and that failed by `error`: one that is
    /// lost, has too little memory or refuses a kernel. None where a GPU was demanded, or something
    /// else went wrong.
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

    /// Whether it is the CPU or a GPU.
    pub fn kind(&self) -> DeviceKind {
        match self {
            Self::Cpu(_) => DeviceKind::Cpu,
            Self::Gpu(_) => DeviceKind::Gpu,
        }
    }

    /// The device in words.
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

    /// The same device for burn: flex on the CPU; on a GPU the very device and queue that our
    /// kernels use.
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

    /// Largest number of bytes that one kernel binding may span.
    pub fn max_binding_bytes(&self) -> u64 {
        match self {
            // Any size works; tiles of this one stay close to the caches.
            Self::Cpu(_) => 64 << 20,
            Self::Gpu(gpu) => gpu.max_binding_bytes(),
        }
    }

    /// Whether `auto` left something to the CPU since the last call, and what the user was not told
    /// of it before.
    pub(crate) fn take_choices(&self) -> (bool, Vec<String>) {
        match self {
            Self::Cpu(_) => (false, Vec::new()),
            Self::Gpu(gpu) => gpu.take_choices(),
        }
    }

    /// Reports what went wrong on the GPU outside our own calls, in a piece of burn's work that was
    /// handed to it.
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

    /// The error of `panic`, caught in burn's work: that the GPU is lost, where it is, else a fault
    /// of the program.
    #[cfg(feature = "train")]
    pub(crate) fn fault(&self, during: &str, panic: faults::Caught) -> Error {
        match self {
            Self::Cpu(_) => panic.into_fault(),
            Self::Gpu(gpu) => gpu.fault(during, panic),
        }
    }

    /// What `error` of burn's work really is: a lost GPU, where it is lost.
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

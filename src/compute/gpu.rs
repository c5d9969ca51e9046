//! One wgpu device and queue, shared with burn.

use super::adapter::{self, Machine};
use super::clock::{Clock, KernelTime};
use super::faults::Faults;
use super::pipelines::{Ahead, Pipelines};
use super::queue::{Counters, Pending};
use super::{Chosen, DeviceChoice};
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// How to open a GPU.
#[derive(Clone, Debug, Default)]
pub struct GpuOptions {
    /// Part of the name of the wanted adapter, upper and lower case alike.
    pub adapter: Option<String>,
    /// Ask for WebGPU's default limits instead of the adapter's, to see that the weakest device
    /// would do.
    pub downlevel: bool,
    /// Have the shaders check every index and bound every loop, and zero workgroup memory. For
    /// tests: it costs 10 to 30 % of the time, and the kernels need none of it.
    pub checks: bool,
    /// Fill fresh buffers with a poison value, so that a test sees what relies on zeros.
    pub poison: bool,
    /// Workgroups per dimension at most, below the device's limit, so that a test reaches the
    /// second dimension cheaply.
    pub max_workgroups_per_dimension: Option<u32>,
    /// Rows of one dispatch at most where it may be cut by rows, so that a test reaches the second
    /// one cheaply.
    pub max_rows_per_dispatch: Option<usize>,
    /// Let stages that the CPU does faster go to it; `auto` sets it.
    pub by_speed: bool,
    /// Let `auto` take a software adapter, so that a test on a machine without a GPU sees what
    /// `auto` does with one.
    pub auto_takes_software: bool,
    /// Lose the device when this piece of work is handed to it, counted from 1, so that a test sees
    /// what happens then.
    pub lost_at_submit: Option<u64>,
    /// Folder in which compiled kernels are kept from one process to the next, where the backend
    /// can.
    pub cache: Option<PathBuf>,
}

impl GpuOptions {
    /// Default options of the program: kernels are kept in the user's cache folder; `downlevel` if
    /// `LAYERLENS_DOWNLEVEL` is `1`, `checks` if `LAYERLENS_SHADER_CHECKS` is,
    /// `auto_takes_software` if `LAYERLENS_AUTO_TAKES_SOFTWARE` is; the device is lost at the
    /// submit whose number `LAYERLENS_LOST_AT_SUBMIT` is.
    pub fn from_env() -> Self {
        let variable = |name| std::env::var(name).ok();
        let is_one = |name| variable(name).is_some_and(|value| value == "1");
        Self {
            downlevel: is_one("LAYERLENS_DOWNLEVEL"),
            checks: is_one("LAYERLENS_SHADER_CHECKS"),
            auto_takes_software: is_one("LAYERLENS_AUTO_TAKES_SOFTWARE"),
            lost_at_submit: variable("LAYERLENS_LOST_AT_SUBMIT")
                .and_then(|value| value.parse().ok()),
            cache: dirs::cache_dir().map(|folder| folder.join("layerlens")),
            ..Self::default()
        }
    }
}

/// An open GPU.
pub struct Gpu {
    pub(super) setup: Setup,
    info: wgpu::AdapterInfo,
    pub(super) limits: wgpu::Limits,
    pub(super) options: GpuOptions,
    pub(super) pipelines: Arc<Pipelines>,
    pub(super) ahead: Ahead,
    pub(super) pending: Mutex<Pending>,
    pub(super) clock: Mutex<Clock>,
    pub(super) counters: Mutex<Counters>,
    /// Bytes on their way to the device since the last submit.
    pub(super) unsent: Mutex<usize>,
    pub(super) faults: Faults,
    /// What was left to the CPU since it was last asked, and what was said of it at any time.
    choices: Mutex<Choices>,
    /// Seconds that trials of searches took, by features and neighbours.
    trials: Mutex<HashMap<(usize, usize), Option<f64>>>,
    #[cfg(feature = "train")]
    burn: std::sync::OnceLock<Result<burn::tensor::Device, String>>,
}

/// What wgpu gives of an open device.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    #[cfg_attr(not(feature = "train"), expect(dead_code, reason = "for burn"))]
    pub(super) instance: wgpu::Instance,
    #[cfg_attr(not(feature = "train"), expect(dead_code, reason = "for burn"))]
    pub(super) adapter: wgpu::Adapter,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
}

/// What was left to the CPU.
#[derive(Debug, Default)]
struct Choices {
    is_any: bool,
    new: Vec<String>,
    said: Vec<String>,
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gpu({})", self.describe())
    }
}

impl Gpu {
    /// Opens the adapter that `options` mean.
    ///
    /// # Errors
    /// [`Error::NoGpu`] with the reason.
    pub fn open(options: &GpuOptions) -> Result<Self> {
        let machine = Machine::look();
        match adapter::choose(DeviceChoice::Gpu, options, &machine.descriptions()) {
            Chosen::Adapter { index, .. } => Self::of(machine, index, options),
            Chosen::Cpu { reason } | Chosen::None { reason } => Err(Error::NoGpu(reason)),
        }
    }

    /// Opens the adapter at `index` of `machine`.
    ///
    /// # Errors
    /// [`Error::NoGpu`] with the reason.
    pub(super) fn of(machine: Machine, index: usize, options: &GpuOptions) -> Result<Self> {
        let (instance, adapter) = machine.take(index);
        let info = adapter.get_info();
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("layerlens"),
            required_features: adapter.features()
                & (burn_features() | wgpu::Features::PIPELINE_CACHE),
            required_limits: if options.downlevel {
                wgpu::Limits::default()
            } else {
                adapter.limits()
            },
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        }))
        .map_err(|error| Error::NoGpu(format!("{} refuses to open: {error}", info.name)))?;
        let limits = device.limits();
        let faults = Faults::default();
        faults.watch(&device);
        let has_times = device.features().contains(wgpu::Features::TIMESTAMP_QUERY);
        let cache = options.cache.as_ref().zip(wgpu::util::pipeline_cache_key(&info));
        // Software adapters compile within a kernel's first run, and what they would keep is of no
        // use.
        let cache = cache.filter(|_| info.device_type != wgpu::DeviceType::Cpu || options.checks);
        let cache =
            cache.map(|(folder, key)| folder.join(format!("{key}_{}", env!("CARGO_PKG_VERSION"))));
        let gpu = Self {
            pipelines: Arc::new(Pipelines::new(&device, options.checks, cache)),
            ahead: Ahead::default(),
            pending: Mutex::new(Pending::new(&device)),
            clock: Mutex::new(Clock::new(
                has_times.then(|| f64::from(queue.get_timestamp_period())),
            )),
            counters: Mutex::default(),
            unsent: Mutex::default(),
            setup: Setup { instance, adapter, device, queue },
            info,
            limits,
            options: options.clone(),
            faults,
            choices: Mutex::default(),
            trials: Mutex::default(),
            #[cfg(feature = "train")]
            burn: std::sync::OnceLock::new(),
        };
        if !gpu.is_software() {
            gpu.compile_ahead(crate::kernels());
        }
        Ok(gpu)
    }

    /// Adapter, backend and driver.
    pub fn describe(&self) -> String {
        let wgpu::AdapterInfo { name, backend, driver, driver_info, .. } = &self.info;
        let software = if self.is_software() { ", software" } else { "" };
        let downlevel = if self.options.downlevel { ", default limits" } else { "" };
        format!("{name} ({backend:?}, {driver} {driver_info}{software}{downlevel})")
    }

    /// Whether the CPU does this adapter's work.
    pub fn is_software(&self) -> bool {
        self.info.device_type == wgpu::DeviceType::Cpu
    }

    /// Whether the GPU shares the CPU's memory.
    pub fn is_integrated(&self) -> bool {
        self.info.device_type == wgpu::DeviceType::IntegratedGpu
    }

    /// How it was opened.
    pub fn options(&self) -> &GpuOptions {
        &self.options
    }

    /// Largest number of bytes that one binding may span.
    pub fn max_binding_bytes(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size.min(self.limits.max_buffer_size)
    }

    /// What was asked of it since it was opened.
    pub fn counters(&self) -> Counters {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was left to the CPU for the user to be told.
    pub(crate) fn note(&self, note: String) {
        let mut choices = self.choices.lock().unwrap_or_else(PoisonError::into_inner);
        choices.is_any = true;
        if !choices.said.contains(&note) {
            choices.said.push(note.clone());
            choices.new.push(note);
        }
    }

    /// Whether something was left to the CPU since the last call, and what was not said of it
    /// before.
    pub(super) fn take_choices(&self) -> (bool, Vec<String>) {
        let mut choices = self.choices.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut choices.is_any), std::mem::take(&mut choices.new))
    }

    /// The seconds of a trial of that many features and neighbours, which is made once, so that one
    /// device always chooses alike.
    pub(crate) fn trial(
        &self,
        of: (usize, usize),
        try_out: impl FnOnce() -> Result<Option<f64>>,
    ) -> Result<Option<f64>> {
        if let Some(&known) = self.trials.lock().unwrap_or_else(PoisonError::into_inner).get(&of) {
            return Ok(known);
        }
        let seconds = try_out()?;
        self.trials.lock().unwrap_or_else(PoisonError::into_inner).insert(of, seconds);
        Ok(seconds)
    }

    /// Begins to time every kernel from now on; false where the device tells no time.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub fn begin_profile(&self) -> Result<bool> {
        // Of what was dispatched before, times would still arrive.
        self.drain()?;
        Ok(self.clock().begin_profile())
    }

    /// Waits for everything that was dispatched, and gives the time of every kernel since the
    /// profile began: shader, entry point, time, the longest first.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub fn end_profile(&self) -> Result<Vec<(&'static str, &'static str, KernelTime)>> {
        self.drain()?;
        Ok(self.clock().end_profile())
    }

    /// Destroys the device, as a driver reset would; for tests of what happens then.
    pub fn destroy(&self) {
        self.setup.device.destroy();
    }

    /// Our device and queue, registered with burn once.
    #[cfg(feature = "train")]
    pub(super) fn burn(&self) -> Result<burn::tensor::Device> {
        let registered = self.burn.get_or_init(|| {
            let Setup { instance, adapter, device, queue } = self.setup.clone();
            let setup = burn_wgpu::WgpuSetup {
                instance,
                adapter,
                device,
                queue,
                backend: self.info.backend,
            };
            let device = burn::tensor::Device::wgpu_options()
                .setup(setup)
                .init()
                .map_err(|error| error.to_string());
            // burn's own handler panics.
            self.faults.watch(&self.setup.device);
            device
        });
        registered
            .clone()
            .map_err(|reason| Error::NoGpu(format!("burn cannot use {}: {reason}", self.info.name)))
    }
}

impl Drop for Gpu {
    fn drop(&mut self) {
        self.close_pipelines();
    }
}

/// What burn's kernels may use, wherever the adapter has it: cubecl reads the adapter's features,
/// not the device's, to decide what it writes, so all of these must be asked for.
fn burn_features() -> wgpu::Features {
    wgpu::Features::SHADER_INT64
        | wgpu::Features::SHADER_F16
        | wgpu::Features::SHADER_F64
        | wgpu::Features::SHADER_FLOAT32_ATOMIC
        | wgpu::Features::SUBGROUP
        | wgpu::Features::TIMESTAMP_QUERY
}

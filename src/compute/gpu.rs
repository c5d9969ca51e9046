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

/// Options for opening a GPU.
#[derive(Clone, Debug, Default)]
pub struct GpuOptions {
    /// Part of the adapter's name, ignoring case.
    pub adapter: Option<String>,
    /// Request WebGPU's default limits instead of the adapter's, to test that the weakest device
    /// suffices.
    pub downlevel: bool,
    /// Make the shaders check every index and bound every loop, and zero workgroup memory. For
    /// tests: it costs 10 to 30 % of the time, and the kernels do not need it.
    pub checks: bool,
    /// Fill fresh buffers with a poison value, so that tests detect code that relies on zeros.
    pub poison: bool,
    /// Maximum number of workgroups per dimension, below the device's limit, so that tests reach
    /// the second dimension cheaply.
    pub max_workgroups_per_dimension: Option<u32>,
    /// Maximum number of rows of one dispatch that may be split by rows, so that tests reach the
    /// second one cheaply.
    pub max_rows_per_dispatch: Option<usize>,
    /// Run stages on the CPU if they are faster there; set by `auto`.
    pub by_speed: bool,
    /// Let `auto` take a software adapter, so that tests on a machine without a GPU cover `auto`
    /// with one.
    pub auto_takes_software: bool,
    /// Lose the device when this piece of work is submitted, counted from 1, so that tests cover
    /// that case.
    pub lost_at_submit: Option<u64>,
    /// Folder of the cache of compiled kernels, used if the backend supports it.
    pub cache: Option<PathBuf>,
}

impl GpuOptions {
    /// Default options of the program. Compiled kernels are kept in the user's cache folder;
    /// `downlevel` is set if `LAYERLENS_DOWNLEVEL` is `1`, `checks` if `LAYERLENS_SHADER_CHECKS`
    /// is, `auto_takes_software` if `LAYERLENS_AUTO_TAKES_SOFTWARE` is; the device is lost at the
    /// submit with the number in `LAYERLENS_LOST_AT_SUBMIT`.
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
    /// Number of bytes uploaded since the last submit.
    pub(super) unsent: Mutex<usize>,
    pub(super) faults: Faults,
    /// Notes on stages that ran on the CPU instead: since the last query, and all reported so far.
    choices: Mutex<Choices>,
    /// Seconds of trial searches, by number of features and neighbours.
    trials: Mutex<HashMap<(usize, usize), Option<f64>>>,
    #[cfg(feature = "train")]
    burn: std::sync::OnceLock<Result<burn::tensor::Device, String>>,
}

/// Handles of an open device in wgpu.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    #[cfg_attr(not(feature = "train"), expect(dead_code, reason = "for burn"))]
    pub(super) instance: wgpu::Instance,
    #[cfg_attr(not(feature = "train"), expect(dead_code, reason = "for burn"))]
    pub(super) adapter: wgpu::Adapter,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
}

/// Stages that ran on the CPU instead.
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
    /// Opens the adapter selected by `options`.
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
        // Software adapters compile within a kernel's first run, so a cache would be useless.
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

    /// Adapter, backend and driver in words.
    pub fn describe(&self) -> String {
        let wgpu::AdapterInfo { name, backend, driver, driver_info, .. } = &self.info;
        let software = if self.is_software() { ", software" } else { "" };
        let downlevel = if self.options.downlevel { ", default limits" } else { "" };
        format!("{name} ({backend:?}, {driver} {driver_info}{software}{downlevel})")
    }

    /// `true` if the adapter runs on the CPU.
    pub fn is_software(&self) -> bool {
        self.info.device_type == wgpu::DeviceType::Cpu
    }

    /// `true` if the GPU shares the CPU's memory.
    pub fn is_integrated(&self) -> bool {
        self.info.device_type == wgpu::DeviceType::IntegratedGpu
    }

    /// Options with which it was opened.
    pub fn options(&self) -> &GpuOptions {
        &self.options
    }

    /// Maximum size of one binding, in bytes.
    pub fn max_binding_bytes(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size.min(self.limits.max_buffer_size)
    }

    /// Counters of the work since it was opened.
    pub fn counters(&self) -> Counters {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records for the user that a stage ran on the CPU instead.
    pub(crate) fn note(&self, note: String) {
        let mut choices = self.choices.lock().unwrap_or_else(PoisonError::into_inner);
        choices.is_any = true;
        if !choices.said.contains(&note) {
            choices.said.push(note.clone());
            choices.new.push(note);
        }
    }

    /// `true` if a stage ran on the CPU since the last call, and the notes that were not returned
    /// before.
    pub(super) fn take_choices(&self) -> (bool, Vec<String>) {
        let mut choices = self.choices.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut choices.is_any), std::mem::take(&mut choices.new))
    }

    /// Seconds of a trial search with this number of features and neighbours. The trial runs once,
    /// so that a device always makes the same choice.
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

    /// Starts to time every kernel; `false` if the device has no timestamps.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub fn begin_profile(&self) -> Result<bool> {
        // Times of earlier dispatches would still arrive.
        self.drain()?;
        Ok(self.clock().begin_profile())
    }

    /// Waits for all dispatched work, and returns the times of all kernels since the profile
    /// started: shader, entry point, time, the longest first.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub fn end_profile(&self) -> Result<Vec<(&'static str, &'static str, KernelTime)>> {
        self.drain()?;
        Ok(self.clock().end_profile())
    }

    /// Destroys the device, as a driver reset would; for tests of that case.
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

/// Features that burn's kernels may use, if the adapter has them: cubecl reads the adapter's
/// features, not the device's, to generate code, so all of these must be requested.
fn burn_features() -> wgpu::Features {
    wgpu::Features::SHADER_INT64
        | wgpu::Features::SHADER_F16
        | wgpu::Features::SHADER_F64
        | wgpu::Features::SHADER_FLOAT32_ATOMIC
        | wgpu::Features::SUBGROUP
        | wgpu::Features::TIMESTAMP_QUERY
}

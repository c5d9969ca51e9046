//! One wgpu device and queue, shared with burn: pipelines, batched dispatches, transfers, and errors with a kernel's name.

use super::adapter;
use super::{Chosen, DeviceChoice, Kernel, MOST_TURNS, Work};
use crate::error::{Error, Result};
use burn_wgpu::WgpuSetup;
use bytemuck::Pod;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// A submit gathers about this many elementary steps (pairs, edges, multiplications): some 10 ms on an integrated GPU, so
/// that the desktop stays responsive and no driver's watchdog (2 s on Windows) is near, and long enough to hide the submit.
const WORK_PER_SUBMIT: u64 = 200_000_000;
/// Submits that may wait in the queue: enough to keep it busy, few enough to stop within moments on Ctrl-C.
const SUBMITS_IN_FLIGHT: usize = 3;
/// Uniforms of the dispatches of one submit.
const UNIFORM_RING_BYTES: u64 = 1 << 18;
/// Turns of its loops that one invocation takes at most on a real card: each may wait for memory, which takes 250 ns, 50 ms
/// together.
const CARD_TURNS: usize = 200_000;
/// A submit that takes longer is taken for a lost device; a software adapter needs seconds for the largest of ours.
const TIMEOUT: Duration = Duration::from_secs(600);

/// How to open a GPU.
#[derive(Clone, Debug, Default)]
pub struct GpuOptions {
    /// Part of the name of the wanted adapter, upper and lower case alike.
    pub adapter: Option<String>,
    /// Ask for WebGPU's default limits instead of the adapter's, to see that the weakest device would do.
    pub downlevel: bool,
    /// Fill fresh buffers with a poison value, so that a test sees what relies on zeros.
    pub poison: bool,
    /// Workgroups per dimension at most, below the device's limit, so that a test reaches the second dimension cheaply.
    pub max_workgroups_per_dimension: Option<u32>,
}

impl GpuOptions {
    /// Default options, with `downlevel` if `LAYERLENS_DOWNLEVEL` is `1`.
    pub fn from_env() -> Self {
        Self { downlevel: std::env::var("LAYERLENS_DOWNLEVEL").is_ok_and(|value| value == "1"), ..Self::default() }
    }
}

/// An open GPU.
pub struct Gpu {
    setup: WgpuSetup,
    info: wgpu::AdapterInfo,
    limits: wgpu::Limits,
    options: GpuOptions,
    pipelines: Mutex<HashMap<(&'static str, &'static str), wgpu::ComputePipeline>>,
    pending: Mutex<Pending>,
    burn: OnceLock<Result<burn::tensor::Device, String>>,
    uncaptured: Arc<Mutex<Option<String>>>,
}

/// Dispatches that are encoded but not yet submitted, and submits that are not yet finished.
struct Pending {
    encoder: Option<wgpu::CommandEncoder>,
    uniforms: wgpu::Buffer,
    uniform_bytes: u64,
    work: u64,
    last_kernel: &'static str,
    in_flight: VecDeque<wgpu::SubmissionIndex>,
}

/// A copy to the host that is underway.
#[derive(Debug)]
pub struct Download {
    staging: wgpu::Buffer,
    arrived: std::sync::mpsc::Receiver<Result<(), wgpu::BufferAsyncError>>,
    submission: Option<wgpu::SubmissionIndex>,
    during: &'static str,
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
        let instance = adapter::instance();
        let adapters = pollster::block_on(instance.enumerate_adapters(adapter::BACKENDS));
        let descriptions: Vec<_> = adapters.iter().map(adapter::describe).collect();
        let adapter = match adapter::choose(DeviceChoice::Gpu, options, &descriptions) {
            Chosen::Adapter { index, .. } => adapters[index].clone(),
            Chosen::Cpu { reason } | Chosen::None { reason } => return Err(Error::NoGpu(reason)),
        };
        let info = adapter.get_info();
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("layerlens"),
            required_features: adapter.features() & burn_features(),
            required_limits: if options.downlevel { wgpu::Limits::default() } else { adapter.limits() },
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        }))
        .map_err(|error| Error::NoGpu(format!("{} refuses to open: {error}", info.name)))?;
        let limits = device.limits();
        let uncaptured = Arc::new(Mutex::new(None));
        record_uncaptured(&device, &uncaptured);
        let uniforms = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("uniforms"),
            size: UNIFORM_RING_BYTES,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Ok(Self {
            pending: Mutex::new(Pending {
                encoder: None,
                uniforms,
                uniform_bytes: 0,
                work: 0,
                last_kernel: "none",
                in_flight: VecDeque::new(),
            }),
            setup: WgpuSetup { instance, adapter, device, queue, backend: info.backend },
            info,
            limits,
            options: options.clone(),
            pipelines: Mutex::default(),
            burn: OnceLock::new(),
            uncaptured,
        })
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

    /// How it was opened.
    pub fn options(&self) -> &GpuOptions {
        &self.options
    }

    /// Largest number of bytes that one binding may span.
    pub fn max_binding_bytes(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size.min(self.limits.max_buffer_size)
    }

    /// Destroys the device, as a driver reset would; for tests of what happens then.
    pub fn destroy(&self) {
        self.setup.device.destroy();
    }

    /// Our device and queue, registered with burn once.
    pub(super) fn burn(&self) -> Result<burn::tensor::Device> {
        let registered = self.burn.get_or_init(|| {
            let device = burn::tensor::Device::wgpu_options().setup(self.setup.clone()).init().map_err(|error| error.to_string());
            // burn's own handler panics.
            record_uncaptured(&self.setup.device, &self.uncaptured);
            device
        });
        registered.clone().map_err(|reason| Error::NoGpu(format!("burn cannot use {}: {reason}", self.info.name)))
    }

    /// Encodes one run of `kernel` over `items` invocations, rounded up to whole workgroups.
    ///
    /// `bindings` name the storage buffers after the uniform at binding 0; `work` counts elementary steps and decides when
    /// the encoded dispatches are submitted.
    ///
    /// # Errors
    /// [`Error::Kernel`] if the shader or a binding is refused.
    pub(crate) fn dispatch<U: Pod>(
        &self,
        kernel: &'static Kernel,
        uniform: &U,
        bindings: &[(u32, &wgpu::Buffer)],
        items: usize,
        work: impl Into<Work>,
    ) -> Result<()> {
        self.dispatch_workgroups(kernel, uniform, bindings, items.div_ceil(kernel.workgroup_size as usize), work)
    }

    /// Encodes runs of `kernel` over `rows` rows, `work` each, as many rows in one as take [`Gpu::longest_dispatch`] at most.
    ///
    /// A row is whatever stands alone, a row of tiles too: where it is cut must not change a byte. `uniform(first, n)` is that of
    /// the run over `n` rows from `first` on, and `workgroups(n)` how many workgroups it takes.
    ///
    /// # Errors
    /// As [`Gpu::dispatch`].
    pub(crate) fn dispatch_rows<U: Pod>(
        &self,
        kernel: &'static Kernel,
        bindings: &[(u32, &wgpu::Buffer)],
        (rows, work): (usize, Work),
        workgroups: impl Fn(usize) -> usize,
        uniform: impl Fn(usize, usize) -> U,
    ) -> Result<()> {
        let mut first = 0;
        while first < rows {
            let most = self.longest_dispatch(kernel) / work.steps().max(1);
            let n = (most as usize).clamp(1, rows - first);
            self.dispatch_workgroups(kernel, &uniform(first, n), bindings, workgroups(n), work.times(n))?;
            first += n;
        }
        Ok(())
    }

    /// Steps of `kernel` that one dispatch takes at most.
    fn longest_dispatch(&self, _kernel: &'static Kernel) -> u64 {
        WORK_PER_SUBMIT
    }

    /// Turns of its loops that one invocation of a kernel takes at most in one dispatch.
    pub(crate) fn most_turns(&self) -> usize {
        if self.is_software() { MOST_TURNS } else { CARD_TURNS }
    }

    /// Encodes one run of `kernel` by `workgroups` workgroups, in two dimensions where one does not hold them.
    ///
    /// # Errors
    /// As [`Gpu::dispatch`].
    pub(crate) fn dispatch_workgroups<U: Pod>(
        &self,
        kernel: &'static Kernel,
        uniform: &U,
        bindings: &[(u32, &wgpu::Buffer)],
        workgroups: usize,
        work: impl Into<Work>,
    ) -> Result<()> {
        let work = work.into().steps();
        let pipeline = self.pipeline(kernel)?;
        let mut pending = self.pending();
        let alignment = u64::from(self.limits.min_uniform_buffer_offset_alignment);
        let slot = (size_of::<U>() as u64).next_multiple_of(16).next_multiple_of(alignment);
        if pending.uniform_bytes + slot > UNIFORM_RING_BYTES
            || (pending.work > 0 && pending.work.saturating_add(work) > WORK_PER_SUBMIT)
        {
            self.submit_pending(&mut pending)?;
        }
        let (x, y) = self.grid(workgroups);
        let device = &self.setup.device;
        self.checked(kernel.entry_point, || {
            let offset = pending.uniform_bytes;
            let mut bytes = bytemuck::bytes_of(uniform).to_vec();
            bytes.resize(bytes.len().next_multiple_of(16), 0);
            self.setup.queue.write_buffer(&pending.uniforms, offset, &bytes);
            let resource = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: &pending.uniforms,
                offset,
                size: wgpu::BufferSize::new(bytes.len() as u64),
            });
            let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource }];
            entries.extend(
                bindings.iter().map(|&(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() }),
            );
            let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(kernel.entry_point),
                layout: &pipeline.get_bind_group_layout(0),
                entries: &entries,
            });
            let encoder = pending.encoder.get_or_insert_with(|| device.create_command_encoder(&Default::default()));
            let mut pass = encoder
                .begin_compute_pass(&wgpu::ComputePassDescriptor { label: Some(kernel.entry_point), timestamp_writes: None });
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(x, y, 1);
        })?;
        pending.uniform_bytes += slot;
        pending.work += work;
        pending.last_kernel = kernel.entry_point;
        Ok(())
    }

    /// Hands the encoded dispatches to the queue, and waits while too many submits are in flight.
    fn submit_pending(&self, pending: &mut Pending) -> Result<()> {
        let Some(encoder) = pending.encoder.take() else { return Ok(()) };
        let during = pending.last_kernel;
        let index = self.checked(during, || self.setup.queue.submit([encoder.finish()]))?;
        pending.uniform_bytes = 0;
        pending.work = 0;
        pending.in_flight.push_back(index);
        while pending.in_flight.len() > SUBMITS_IN_FLIGHT {
            if let Some(oldest) = pending.in_flight.pop_front() {
                self.wait(during, Some(oldest))?;
            }
        }
        Ok(())
    }

    fn wait(&self, during: &str, submission_index: Option<wgpu::SubmissionIndex>) -> Result<()> {
        let polled = self.setup.device.poll(wgpu::PollType::Wait { submission_index, timeout: Some(TIMEOUT) });
        polled.map_err(|error| Error::DeviceLost { during: during.into(), message: error.to_string() })?;
        self.check_uncaptured(during)
    }

    fn pipeline(&self, kernel: &'static Kernel) -> Result<wgpu::ComputePipeline> {
        let mut pipelines = self.pipelines.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (kernel.shader, kernel.entry_point);
        if let Some(pipeline) = pipelines.get(&key) {
            return Ok(pipeline.clone());
        }
        let device = &self.setup.device;
        let pipeline = self.checked(kernel.entry_point, || {
            let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(kernel.shader),
                source: wgpu::ShaderSource::Wgsl(kernel.source.into()),
            });
            device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(kernel.entry_point),
                layout: None,
                module: &module,
                entry_point: Some(kernel.entry_point),
                compilation_options: Default::default(),
                cache: None,
            })
        })?;
        pipelines.insert(key, pipeline.clone());
        Ok(pipeline)
    }

    /// Creates a storage buffer; its content is zero until written.
    pub(super) fn create_buffer(&self, label: &str, bytes: u64) -> Result<wgpu::Buffer> {
        let limit = self.max_binding_bytes();
        let too_large = |message| Error::GpuMemory { buffer: label.into(), bytes, message };
        if bytes > limit {
            return Err(too_large(format!("this device binds at most {limit} bytes")));
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let descriptor =
            wgpu::BufferDescriptor { label: Some(label), size: bytes.next_multiple_of(4), usage, mapped_at_creation: false };
        self.scoped(|| self.setup.device.create_buffer(&descriptor)).map_err(|error| match error {
            wgpu::Error::OutOfMemory { .. } => too_large("out of memory".into()),
            other => self.failure(label, &other.to_string()),
        })
    }

    /// Writes to a buffer that no encoded dispatch uses yet.
    pub(super) fn upload(&self, buffer: &wgpu::Buffer, bytes: &[u8]) {
        self.setup.queue.write_buffer(buffer, 0, bytes);
    }

    /// Submits what is encoded, waits for it, and copies `len` elements out.
    pub(super) fn download<T: Pod>(&self, buffer: &wgpu::Buffer, len: usize) -> Result<Vec<T>> {
        if len == 0 {
            return Ok(Vec::new());
        }
        let download = self.start_download(buffer, (len * size_of::<T>()) as u64)?;
        self.finish_download(download)
    }

    /// Submits what is encoded and a copy of `bytes` bytes after it, without waiting.
    pub(super) fn start_download(&self, buffer: &wgpu::Buffer, bytes: u64) -> Result<Download> {
        let mut pending = self.pending();
        let during = pending.last_kernel;
        let device = &self.setup.device;
        let staging = self
            .scoped(|| {
                device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some("read-back"),
                    size: bytes,
                    usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                    mapped_at_creation: false,
                })
            })
            .map_err(|error| self.failure("read-back", &error.to_string()))?;
        let encoder = pending.encoder.get_or_insert_with(|| device.create_command_encoder(&Default::default()));
        encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, bytes);
        self.submit_pending(&mut pending)?;
        let (sender, arrived) = std::sync::mpsc::channel();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            // Nobody listens any more if the read-back was dropped.
            let _ = sender.send(result);
        });
        Ok(Download { staging, arrived, submission: pending.in_flight.back().cloned(), during })
    }

    /// Waits for a copy that was started.
    pub(super) fn finish_download<T: Pod>(&self, download: Download) -> Result<Vec<T>> {
        let Download { staging, arrived, submission, during } = download;
        self.wait(during, submission)?;
        let lost = |message: String| Error::DeviceLost { during: during.into(), message };
        arrived.recv().map_err(|error| lost(error.to_string()))?.map_err(|error| lost(error.to_string()))?;
        let view = staging.get_mapped_range(..).map_err(|error| lost(error.to_string()))?;
        Ok(bytemuck::pod_collect_to_vec(&view))
    }

    /// Workgroups in x and y; the product may exceed `workgroups`, so kernels check their index.
    fn grid(&self, workgroups: usize) -> (u32, u32) {
        let limit = self.limits.max_compute_workgroups_per_dimension;
        let limit = self.options.max_workgroups_per_dimension.unwrap_or(limit).min(limit) as usize;
        let x = workgroups.clamp(1, limit);
        (x as u32, workgroups.div_ceil(x).max(1) as u32)
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` and turns the first error that wgpu reports meanwhile on this thread into ours, under a kernel's name.
    fn checked<R>(&self, during: &str, work: impl FnOnce() -> R) -> Result<R> {
        let result = self.scoped(work).map_err(|error| self.failure(during, &error.to_string()))?;
        self.check_uncaptured(during)?;
        Ok(result)
    }

    fn scoped<R>(&self, work: impl FnOnce() -> R) -> Result<R, wgpu::Error> {
        let memory = self.setup.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let internal = self.setup.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let validation = self.setup.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let result = work();
        let errors = [validation.pop(), internal.pop(), memory.pop()].map(pollster::block_on);
        errors.into_iter().flatten().next().map_or(Ok(result), Err)
    }

    /// The first error that wgpu reported outside our scopes since the last look.
    pub(super) fn check_uncaptured(&self, during: &str) -> Result<()> {
        let message = self.uncaptured.lock().unwrap_or_else(PoisonError::into_inner).take();
        message.map_or(Ok(()), |message| Err(self.failure(during, &message)))
    }

    fn failure(&self, during: &str, message: &str) -> Error {
        if self.is_lost() {
            return Error::DeviceLost { during: during.into(), message: message.into() };
        }
        Error::Kernel { kernel: during.into(), message: message.into() }
    }

    /// Whether the device is gone. wgpu says so once, to a callback that burn claims; afterwards it hands out invalid buffers
    /// without a word, and only their use is an error.
    fn is_lost(&self) -> bool {
        let usage = wgpu::BufferUsages::COPY_DST;
        let descriptor = wgpu::BufferDescriptor { label: Some("probe"), size: 4, usage, mapped_at_creation: false };
        let used = self.scoped(|| {
            let probe = self.setup.device.create_buffer(&descriptor);
            self.setup.queue.write_buffer(&probe, 0, &[0; 4]);
        });
        used.is_err_and(|error| !matches!(error, wgpu::Error::OutOfMemory { .. }))
    }
}

/// What burn's kernels may use, wherever the adapter has it: cubecl reads the adapter's features, not the device's, to decide
/// what it writes, so all of these must be asked for.
fn burn_features() -> wgpu::Features {
    wgpu::Features::SHADER_INT64
        | wgpu::Features::SHADER_F16
        | wgpu::Features::SHADER_F64
        | wgpu::Features::SHADER_FLOAT32_ATOMIC
        | wgpu::Features::SUBGROUP
        | wgpu::Features::TIMESTAMP_QUERY
}

fn record_uncaptured(device: &wgpu::Device, slot: &Arc<Mutex<Option<String>>>) {
    let slot = Arc::clone(slot);
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        slot.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error.to_string());
    }));
}

//! Dispatch queue: dispatches are gathered into submits, and the number of submits in flight is
//! limited.

use super::clock::{Clock, Timer};
use super::gpu::Gpu;
use super::{Kernel, MOST_TURNS, Work};
use crate::error::Result;
use bytemuck::Pod;
use std::collections::VecDeque;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Maximum number of submits in flight: enough to keep the queue busy, few enough to stop quickly
/// on Ctrl-C.
const SUBMITS_IN_FLIGHT: usize = 3;
/// Size of the uniforms of all dispatches of one submit, in bytes.
const UNIFORM_RING_BYTES: u64 = 1 << 18;
/// Maximum number of loop turns of one invocation on a real card: each may wait for memory, which
/// takes 250 ns, 50 ms in total.
const CARD_TURNS: usize = 200_000;
/// A submit that takes longer means a lost device; a software adapter needs seconds for the largest
/// of ours.
pub(super) const TIMEOUT: Duration = Duration::from_secs(600);

/// Dispatches that are encoded but not submitted, and submits that are not finished.
#[derive(Debug)]
pub(super) struct Pending {
    // Dropped before its encoder, which cannot be finished while a pass is open.
    pass: Option<wgpu::ComputePass<'static>>,
    encoder: Option<wgpu::CommandEncoder>,
    timer: Option<Timer>,
    uniforms: wgpu::Buffer,
    /// Content for the uniform buffer, written at once with the submit.
    uniform_bytes: Vec<u8>,
    /// Total share of the longest submit that the dispatches take up.
    share: f64,
    pub(super) last_kernel: &'static str,
    in_flight: VecDeque<(wgpu::SubmissionIndex, Option<Timer>)>,
}

/// Counters of a device's work since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counters {
    /// Number of kernel runs.
    pub dispatches: u64,
    /// Number of pieces of work submitted to the queue.
    pub submits: u64,
    /// Bytes written to buffers from the host.
    pub bytes_up: u64,
    /// Bytes read back to the host.
    pub bytes_down: u64,
    /// Seconds that the host spent writing to buffers.
    pub upload_seconds: f64,
    /// Seconds that the host waited for the queue.
    pub wait_seconds: f64,
    /// Seconds that the host spent compiling kernels.
    pub compile_seconds: f64,
}

impl Pending {
    pub(super) fn new(device: &wgpu::Device) -> Self {
        let uniforms = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("uniforms"),
            size: UNIFORM_RING_BYTES,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Self {
            pass: None,
            encoder: None,
            timer: None,
            uniforms,
            uniform_bytes: Vec::new(),
            share: 0.0,
            last_kernel: "a transfer",
            in_flight: VecDeque::new(),
        }
    }

    /// Index of the last submit, while it is in flight.
    pub(super) fn last_submit(&self) -> Option<wgpu::SubmissionIndex> {
        self.in_flight.back().map(|(index, _)| index.clone())
    }

    /// The encoder, with no pass open.
    pub(super) fn encoder(&mut self, device: &wgpu::Device) -> &mut wgpu::CommandEncoder {
        self.pass = None;
        self.encoder.get_or_insert_with(|| device.create_command_encoder(&Default::default()))
    }

    /// `true` if `bytes` more of uniforms fit, and another pass can be timed.
    fn has_room(&self, bytes: u64) -> bool {
        self.uniform_bytes.len() as u64 + bytes <= UNIFORM_RING_BYTES
            && self.timer.as_ref().is_none_or(Timer::has_room)
    }

    /// Pass for the next dispatch: a new one if it is timed, otherwise the open one.
    fn pass(
        &mut self,
        device: &wgpu::Device,
        clock: &mut Clock,
        kernel: &'static Kernel,
        work: Work,
    ) -> &mut wgpu::ComputePass<'static> {
        if !clock.wants(kernel, work) {
            if self.pass.is_none() {
                let encoder = self.encoder(device);
                self.pass = Some(encoder.begin_compute_pass(&Default::default()).forget_lifetime());
            }
        } else {
            let mut timer = self.timer.take().unwrap_or_else(|| clock.timer(device));
            let encoder = self.encoder(device);
            let timestamp_writes = Some(timer.writes(kernel, work));
            let descriptor =
                wgpu::ComputePassDescriptor { label: Some(kernel.entry_point), timestamp_writes };
            self.pass = Some(encoder.begin_compute_pass(&descriptor).forget_lifetime());
            self.timer = Some(timer);
        }
        self.pass.as_mut().expect("a pass was just begun")
    }
}

impl Gpu {
    /// Encodes one run of `kernel` over `items` invocations, rounded up to whole workgroups.
    ///
    /// `bindings` are the storage buffers after the uniform at binding 0; `work` determines when
    /// the encoded dispatches are submitted.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel) if the shader or a binding is rejected,
    /// [`Error::GpuMemory`](crate::Error::GpuMemory),
    /// [`Error::DeviceLost`](crate::Error::DeviceLost).
    pub(crate) fn dispatch<U: Pod>(
        &self,
        kernel: &'static Kernel,
        uniform: &U,
        bindings: &[(u32, &wgpu::Buffer)],
        items: usize,
        work: Work,
    ) -> Result<()> {
        self.dispatch_workgroups(
            kernel,
            uniform,
            bindings,
            items.div_ceil(kernel.workgroup_size as usize),
            work,
        )
    }

    /// Encodes runs of `kernel` over `rows` rows with `work` each; one run has as many rows as take
    /// 25 ms at the measured speed: see [`Clock::longest_dispatch`].
    ///
    /// A row is any independent unit, for example a row of tiles: the position of a split must not
    /// change a byte. `uniform(first, n)` is the uniform of the run over `n` rows from `first` on,
    /// and `workgroups(n)` its number of workgroups.
    ///
    /// # Errors
    /// Those of [`Gpu::dispatch`].
    pub(crate) fn dispatch_rows<U: Pod>(
        &self,
        kernel: &'static Kernel,
        bindings: &[(u32, &wgpu::Buffer)],
        rows: usize,
        work: Work,
        workgroups: impl Fn(usize) -> usize,
        uniform: impl Fn(usize, usize) -> U,
    ) -> Result<()> {
        let mut first = 0;
        while first < rows {
            let most = self.clock().longest_dispatch(kernel) / work.steps().max(1);
            let most =
                self.options.max_rows_per_dispatch.map_or(most, |rows| most.min(rows as u64));
            let n = usize::try_from(most).unwrap_or(usize::MAX).clamp(1, rows - first);
            self.dispatch_workgroups(
                kernel,
                &uniform(first, n),
                bindings,
                workgroups(n),
                work.times(n),
            )?;
            first += n;
        }
        Ok(())
    }

    /// The same for a kernel with one invocation for each of `items`.
    ///
    /// # Errors
    /// Those of [`Gpu::dispatch`].
    pub(crate) fn dispatch_items<U: Pod>(
        &self,
        kernel: &'static Kernel,
        bindings: &[(u32, &wgpu::Buffer)],
        items: usize,
        work: Work,
        uniform: impl Fn(usize, usize) -> U,
    ) -> Result<()> {
        self.dispatch_rows(
            kernel,
            bindings,
            items,
            work,
            |n| n.div_ceil(kernel.workgroup_size as usize),
            uniform,
        )
    }

    /// Maximum number of loop turns of one invocation of a kernel in one dispatch.
    pub(crate) fn most_turns(&self) -> usize {
        if self.is_software() { MOST_TURNS } else { CARD_TURNS }
    }

    /// Encodes one run of `kernel` with `workgroups` workgroups, in two dimensions if they exceed
    /// the limit of one; nothing if there are none.
    ///
    /// # Errors
    /// Those of [`Gpu::dispatch`].
    pub(crate) fn dispatch_workgroups<U: Pod>(
        &self,
        kernel: &'static Kernel,
        uniform: &U,
        bindings: &[(u32, &wgpu::Buffer)],
        workgroups: usize,
        work: Work,
    ) -> Result<()> {
        if workgroups == 0 {
            return Ok(());
        }
        let pipeline = self.pipeline(kernel)?;
        let mut pending = self.pending();
        let bytes = (size_of::<U>() as u64).next_multiple_of(16);
        let share = self.clock().share(kernel, work);
        if !pending.has_room(bytes) || (pending.share > 0.0 && pending.share + share > 1.0) {
            self.submit_pending(&mut pending)?;
        }
        let (x, y) = self.grid(workgroups);
        let device = &self.setup.device;
        self.checked(kernel.entry_point, || {
            let offset = pending.uniform_bytes.len() as u64;
            let resource = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: &pending.uniforms,
                offset,
                size: wgpu::BufferSize::new(bytes),
            });
            let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource }];
            entries.extend(bindings.iter().map(|&(binding, buffer)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            }));
            let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(kernel.entry_point),
                layout: &pipeline.get_bind_group_layout(0),
                entries: &entries,
            });
            let pass = pending.pass(device, &mut self.clock(), kernel, work);
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(x, y, 1);
        })?;
        let alignment = self.limits.min_uniform_buffer_offset_alignment as usize;
        let next = (pending.uniform_bytes.len() + bytes as usize).next_multiple_of(alignment);
        pending.uniform_bytes.extend(bytemuck::bytes_of(uniform));
        pending.uniform_bytes.resize(next, 0);
        pending.share += share;
        pending.last_kernel = kernel.entry_point;
        self.counted(|counters| counters.dispatches += 1);
        Ok(())
    }

    /// Submits the encoded dispatches to the queue, and waits while too many submits are in flight.
    pub(super) fn submit_pending(&self, pending: &mut Pending) -> Result<()> {
        pending.pass = None;
        let Some(mut encoder) = pending.encoder.take() else { return Ok(()) };
        let during = pending.last_kernel;
        let timer = pending.timer.take();
        let uniforms = std::mem::take(&mut pending.uniform_bytes);
        pending.share = 0.0;
        self.count_submit();
        let index = self.checked(during, || {
            if !uniforms.is_empty() {
                self.setup.queue.write_buffer(&pending.uniforms, 0, &uniforms);
            }
            if let Some(timer) = &timer {
                timer.resolve(&mut encoder);
            }
            let index = self.setup.queue.submit([encoder.finish()]);
            if let Some(timer) = &timer {
                timer.request();
            }
            index
        })?;
        self.counted(|counters| counters.submits += 1);
        pending.in_flight.push_back((index, timer));
        while pending.in_flight.len() > SUBMITS_IN_FLIGHT {
            self.finish_oldest(pending, during)?;
        }
        Ok(())
    }

    /// Waits for the oldest submit in flight, and records its times.
    fn finish_oldest(&self, pending: &mut Pending, during: &str) -> Result<()> {
        let Some((index, timer)) = pending.in_flight.pop_front() else { return Ok(()) };
        self.wait(during, Some(index))?;
        if let Some(timer) = timer {
            self.clock().finish(timer);
        }
        Ok(())
    }

    /// Submits the encoded dispatches, waits until the queue is empty, and records all times.
    pub(super) fn drain(&self) -> Result<()> {
        let mut pending = self.pending();
        self.submit_pending(&mut pending)?;
        let during = pending.last_kernel;
        while !pending.in_flight.is_empty() {
            self.finish_oldest(&mut pending, during)?;
        }
        Ok(())
    }

    /// Waits for a submit, or for all of them. wgpu panics if a driver reports that the device is
    /// lost.
    pub(super) fn wait(
        &self,
        during: &str,
        submission_index: Option<wgpu::SubmissionIndex>,
    ) -> Result<()> {
        let start = Instant::now();
        let polled = super::faults::caught(|| {
            self.panic_if_lost_by_a_test();
            self.setup
                .device
                .poll(wgpu::PollType::Wait { submission_index, timeout: Some(TIMEOUT) })
        });
        self.counted(|counters| counters.wait_seconds += start.elapsed().as_secs_f64());
        let polled = polled.map_err(|panic| self.fault(during, panic))?;
        polled.map_err(|error| self.lost(during, error.to_string()))?;
        self.check_uncaptured(during)
    }

    /// Number of workgroups in x and y; the product may exceed `workgroups`, so kernels check their
    /// index.
    fn grid(&self, workgroups: usize) -> (u32, u32) {
        let limit = self.limits.max_compute_workgroups_per_dimension;
        let limit = self.options.max_workgroups_per_dimension.unwrap_or(limit).min(limit) as usize;
        let x = workgroups.clamp(1, limit);
        (x as u32, workgroups.div_ceil(x).max(1) as u32)
    }

    pub(super) fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn clock(&self) -> MutexGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counted(&self, add: impl FnOnce(&mut Counters)) {
        add(&mut self.counters.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

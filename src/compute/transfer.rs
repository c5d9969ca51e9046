//! GPU buffers, and transfers to and from them.

use super::faults::is_memory;
use super::gpu::Gpu;
use super::queue::TIMEOUT;
use crate::error::{Error, Result};
use bytemuck::Pod;
use std::time::Instant;

/// Maximum bytes of uploads or downloads in flight: each takes as much memory of the host, and of
/// the driver, in addition to its buffer.
const STAGING_BYTES: usize = 64 << 20;

/// A download in progress.
#[derive(Debug)]
pub struct Download {
    staging: wgpu::Buffer,
    arrived: std::sync::mpsc::Receiver<Result<(), wgpu::BufferAsyncError>>,
    submission: Option<wgpu::SubmissionIndex>,
    during: &'static str,
}

impl Gpu {
    /// Creates a storage buffer; its content is zero until written.
    pub(super) fn create_buffer(&self, label: &str, bytes: u64) -> Result<wgpu::Buffer> {
        let limit = self.max_binding_bytes();
        if bytes > limit {
            let message = format!("this device binds at most {limit} bytes");
            return Err(Error::GpuMemory { buffer: label.into(), bytes, message });
        }
        let usage = wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST;
        self.create(label, bytes.next_multiple_of(4), usage)
    }

    fn create(&self, label: &str, size: u64, usage: wgpu::BufferUsages) -> Result<wgpu::Buffer> {
        let descriptor =
            wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
        let created = self.scoped(label, || self.setup.device.create_buffer(&descriptor))?;
        created.map_err(|error| self.transfer_failure(label, size, &error))
    }

    fn transfer_failure(&self, label: &str, bytes: u64, error: &wgpu::Error) -> Error {
        if is_memory(error) {
            return Error::GpuMemory {
                buffer: label.into(),
                bytes,
                message: "out of memory".into(),
            };
        }
        self.failure(label, &error.to_string(), false)
    }

    /// Writes to a buffer with the name `label` that no encoded dispatch uses yet.
    ///
    /// # Errors
    /// [`Error::GpuMemory`], [`Error::DeviceLost`].
    pub(super) fn upload(&self, label: &str, buffer: &wgpu::Buffer, bytes: &[u8]) -> Result<()> {
        let start = Instant::now();
        for (at, part) in bytes.chunks(STAGING_BYTES).enumerate() {
            let written = self.scoped(label, || {
                self.setup.queue.write_buffer(buffer, (at * STAGING_BYTES) as u64, part);
            })?;
            written.map_err(|error| self.transfer_failure(label, bytes.len() as u64, &error))?;
            self.flush_uploads(label, part.len())?;
        }
        self.counted(|counters| {
            counters.bytes_up += bytes.len() as u64;
            counters.upload_seconds += start.elapsed().as_secs_f64();
        });
        Ok(())
    }

    /// Submits the pending uploads if they are large by now, and frees the memory that they take on
    /// the host.
    fn flush_uploads(&self, label: &str, bytes: usize) -> Result<()> {
        let mut waiting = self.unsent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *waiting += bytes;
        if *waiting < STAGING_BYTES {
            return Ok(());
        }
        *waiting = 0;
        self.count_submit();
        let index = self.checked(label, || self.setup.queue.submit([]))?;
        self.wait(label, Some(index))
    }

    /// Submits the encoded work, waits for it, and copies `len` elements to the host.
    pub(super) fn download<T: Pod>(&self, buffer: &wgpu::Buffer, len: usize) -> Result<Vec<T>> {
        let mut values = Vec::with_capacity(len);
        let most = STAGING_BYTES / size_of::<T>();
        for first in (0..len).step_by(most) {
            let now = most.min(len - first);
            let bytes = |n: usize| (n * size_of::<T>()) as u64;
            let download = self.start_download(buffer, bytes(first), bytes(now))?;
            self.finish_download(download, &mut values)?;
        }
        Ok(values)
    }

    /// Submits the encoded work followed by a copy of `bytes` bytes from `first` on, without
    /// waiting.
    pub(super) fn start_download(
        &self,
        buffer: &wgpu::Buffer,
        first: u64,
        bytes: u64,
    ) -> Result<Download> {
        let mut pending = self.pending();
        let during = pending.last_kernel;
        let staging = self.create(
            "read-back",
            bytes,
            wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        )?;
        self.checked(during, || {
            pending
                .encoder(&self.setup.device)
                .copy_buffer_to_buffer(buffer, first, &staging, 0, bytes);
        })?;
        self.submit_pending(&mut pending)?;
        let (sender, arrived) = std::sync::mpsc::channel();
        self.checked(during, || {
            staging.map_async(wgpu::MapMode::Read, .., move |result| {
                // The receiver is gone if the read-back was dropped.
                let _ = sender.send(result);
            });
        })?;
        self.counted(|counters| counters.bytes_down += bytes);
        Ok(Download { staging, arrived, submission: pending.last_submit(), during })
    }

    /// Waits for a copy in progress, and appends its elements to `values`.
    pub(super) fn finish_download<T: Pod>(
        &self,
        download: Download,
        values: &mut Vec<T>,
    ) -> Result<()> {
        let Download { staging, arrived, submission, during } = download;
        self.wait(during, submission)?;
        let lost = |message: String| self.lost(during, message);
        // Another thread may be about to deliver it.
        arrived
            .recv_timeout(TIMEOUT)
            .map_err(|error| lost(error.to_string()))?
            .map_err(|error| lost(error.to_string()))?;
        let view = staging.get_mapped_range(..).map_err(|error| lost(error.to_string()))?;
        match bytemuck::try_cast_slice(&view) {
            Ok(read) => values.extend_from_slice(read),
            Err(_) => values.extend(bytemuck::pod_collect_to_vec::<u8, T>(&view)),
        }
        Ok(())
    }
}

//! Measured peak performance of a device, with which the rates of a profile are compared.

use crate::compute::{Buffer, Device, Gpu, Kernel, Work, kernel, uniform};
use crate::error::Result;
use serde::Serialize;
use std::time::Instant;

uniform! {
    struct PeakParams { n: u32, n_turns: u32 }
}

const MULTIPLY_ADD: Kernel = kernel!("peaks", "multiply_add", 256, PeakParams);
const COPY: Kernel = kernel!("peaks", "copy", 256, PeakParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&MULTIPLY_ADD, &COPY];

/// Number of rows of four values; copying all of them reads and writes 128 MiB, more than the cache
/// of a card holds.
const ROWS: usize = 1 << 22;
/// Number of rows and loop turns of the arithmetic: 5 ms on a card of 1 TFLOP/s, and several times
/// as many threads as the largest card runs at once.
const CHAINS: usize = 1 << 20;
const TURNS: usize = 300;
/// Number of runs: the fastest counts for transfers between host and device, the mean for work on
/// the device.
const RUNS: usize = 4;

/// Peak performance of one device.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Peaks {
    /// Operations a second in 32-bit floats, in units of 1e9; a multiply-add is two.
    pub gflop_s: f64,
    /// Bytes read and written a second in the device's memory, in units of 1e9.
    pub gb_s: f64,
    /// Bytes a second from the host to the device, in units of 1e9.
    pub upload_gb_s: f64,
    /// Bytes a second from the device to the host, in units of 1e9.
    pub download_gb_s: f64,
}

impl Peaks {
    /// Measures the peak performance of `gpu`, which is `device`; `None` if it has no timestamps.
    /// Takes a second on a slow card.
    ///
    /// # Errors
    /// Those of the device.
    pub fn measure(device: &Device, gpu: &Gpu) -> Result<Option<Self>> {
        let rows = (device.max_binding_bytes() as usize / 16).min(ROWS);
        let chains = rows.min(CHAINS);
        let values = vec![0.5_f32; 4 * rows];
        let mut target = Buffer::zeros(device, "peaks, copied", 4 * rows)?;
        let (mut upload, mut download) = (f64::INFINITY, f64::INFINITY);
        if !gpu.begin_profile()? {
            return Ok(None);
        }
        for _ in 0..RUNS {
            let start = Instant::now();
            let source = Buffer::from_slice(device, "peaks", &values)?;
            // The upload has arrived when a kernel that reads it is done.
            copy(device, &source, &mut target, 1)?;
            Buffer::<f32>::zeros(device, "end of a measurement", 1)?.read(device)?;
            upload = upload.min(start.elapsed().as_secs_f64());
            let start = Instant::now();
            source.read(device)?;
            download = download.min(start.elapsed().as_secs_f64());
        }
        let source = Buffer::from_slice(device, "peaks", &values)?;
        let mut rate =
            |run: &mut dyn FnMut(&mut Buffer<f32>) -> Result<()>, per_run: f64| -> Result<f64> {
                gpu.begin_profile()?;
                (0..RUNS).try_for_each(|_| run(&mut target))?;
                let seconds: f64 = gpu.end_profile()?.iter().map(|(_, _, time)| time.seconds).sum();
                Ok(per_run * RUNS as f64 / seconds / 1e9)
            };
        let flops = work_of_chains(chains, TURNS).flops as f64;
        let bytes = (16 * rows) as f64;
        Ok(Some(Self {
            gflop_s: rate(
                &mut |target| multiply_add(device, &source, target, chains, TURNS),
                flops,
            )?,
            gb_s: rate(&mut |target| copy(device, &source, target, rows), 2.0 * bytes)?,
            upload_gb_s: bytes / upload / 1e9,
            download_gb_s: bytes / download / 1e9,
        }))
    }
}

fn work_of_chains(n: usize, n_turns: usize) -> Work {
    Work::new(16 * n_turns as u64, 32).times(n)
}

/// Runs eight chains of x = x a + b for each of `n` rows. Shapes: both buffers at least n x 4.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn multiply_add(
    device: &Device,
    sources: &Buffer<f32>,
    targets: &mut Buffer<f32>,
    n: usize,
    n_turns: usize,
) -> Result<()> {
    match device {
        Device::Cpu(_) => cpu::multiply_add(sources.host(), targets.host_mut(), n, n_turns),
        Device::Gpu(gpu) => {
            let uniform = PeakParams { n: n as u32, n_turns: n_turns as u32 };
            gpu.dispatch(
                &MULTIPLY_ADD,
                &uniform,
                &[(1, sources.gpu()), (2, targets.gpu())],
                n,
                work_of_chains(n, n_turns),
            )?;
        }
    }
    Ok(())
}

/// Copies `n` rows of four values.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn copy(
    device: &Device,
    sources: &Buffer<f32>,
    targets: &mut Buffer<f32>,
    n: usize,
) -> Result<()> {
    match device {
        Device::Cpu(_) => cpu::copy(sources.host(), targets.host_mut(), n),
        Device::Gpu(gpu) => {
            let uniform = PeakParams { n: n as u32, n_turns: 0 };
            gpu.dispatch(
                &COPY,
                &uniform,
                &[(1, sources.gpu()), (2, targets.gpu())],
                n,
                Work::new(0, 32).times(n),
            )?;
        }
    }
    Ok(())
}

mod cpu {
    use rayon::prelude::*;

    /// Number of values of one task.
    const TASK: usize = 1 << 12;

    pub fn multiply_add(sources: &[f32], targets: &mut [f32], n: usize, n_turns: usize) {
        let tasks = targets[..4 * n].par_chunks_mut(TASK).zip(sources.par_chunks(TASK));
        tasks.for_each(|(targets, sources)| {
            for (target, &start) in targets.iter_mut().zip(sources) {
                let mut x = start;
                let mut y = start + 1.0;
                for _ in 0..n_turns {
                    x = x * 0.5 + start;
                    y = y * 0.25 + start;
                }
                *target = x + y;
            }
        });
    }

    pub fn copy(sources: &[f32], targets: &mut [f32], n: usize) {
        let tasks = targets[..4 * n].par_chunks_mut(TASK).zip(sources.par_chunks(TASK));
        tasks.for_each(|(targets, sources)| targets.copy_from_slice(&sources[..targets.len()]));
    }
}

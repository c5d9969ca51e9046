//! Sums of many values in a fixed order: the same bytes on every run, and an error that grows with
//! log n.

use super::{Buffer, Device, Kernel, Work, kernel, uniform};
use crate::error::Result;

uniform! {
    struct SumParams { n: u32 }
}

const SUM_BLOCKS: Kernel = kernel!("reduce", "sum_blocks", 256, SumParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&SUM_BLOCKS];

/// Number of values that one workgroup of `sum_blocks` sums.
pub const BLOCK: usize = 256 * 16;

/// Sums vectors of one length; keeps the buffers of the intermediate levels.
#[derive(Debug)]
pub struct Sum {
    n: usize,
    levels: Vec<Buffer<f32>>,
}

impl Sum {
    /// A sum over `n` values.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory).
    pub fn new(device: &Device, n: usize) -> Result<Self> {
        let mut levels = Vec::new();
        let mut len = n.div_ceil(BLOCK);
        while len > 1 {
            levels.push(Buffer::new(device, "partial sums", len)?);
            len = len.div_ceil(BLOCK);
        }
        Ok(Self { n, levels })
    }

    /// Writes the sum of the first `n` of `values` to `sum[0]`.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel).
    pub fn run(
        &mut self,
        device: &Device,
        values: &Buffer<f32>,
        sum: &mut Buffer<f32>,
    ) -> Result<()> {
        let mut n = self.n;
        let mut input = values;
        for level in &mut self.levels {
            sum_blocks(device, input, level, n)?;
            n = n.div_ceil(BLOCK);
            input = level;
        }
        sum_blocks(device, input, sum, n)
    }
}

/// Sums blocks of 4,096 values. Shapes: `values` n, `sums` ceil(n / 4,096).
pub fn sum_blocks(
    device: &Device,
    values: &Buffer<f32>,
    sums: &mut Buffer<f32>,
    n: usize,
) -> Result<()> {
    match device {
        Device::Cpu(_) => cpu::sum_blocks(&values.host()[..n], sums.host_mut()),
        Device::Gpu(gpu) => {
            let bindings = [(1, values.gpu()), (2, sums.gpu())];
            let work = Work::new(1, 4).times(n);
            gpu.dispatch_workgroups(
                &SUM_BLOCKS,
                &SumParams { n: n as u32 },
                &bindings,
                n.div_ceil(BLOCK),
                work,
            )?;
        }
    }
    Ok(())
}

mod cpu {
    use super::BLOCK;
    use rayon::prelude::*;

    const THREADS: usize = 256;

    pub fn sum_blocks(values: &[f32], sums: &mut [f32]) {
        sums.par_iter_mut().zip(values.par_chunks(BLOCK)).for_each(|(sum, block)| {
            let mut partial = [0.0_f32; THREADS];
            for share in block.chunks(THREADS) {
                for (partial, value) in partial.iter_mut().zip(share) {
                    *partial += value;
                }
            }
            let mut half = THREADS / 2;
            while half > 0 {
                let (low, high) = partial.split_at_mut(half);
                for (low, high) in low.iter_mut().zip(high) {
                    *low += *high;
                }
                half /= 2;
            }
            *sum = partial[0];
        });
    }
}

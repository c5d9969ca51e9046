//! Keeps a map about the origin, and at a scale that single precision resolves.
//!
//! During early exaggeration the attraction can outweigh the repulsion by far: a map of data without clusters contracts by orders
//! of magnitude, about a centre that drifts. Without more, its points become equal in f32 beside that offset, and equal points
//! with equal neighbours feel no force that could ever part them. So each step takes off the mean, as openTSNE does in double
//! precision, and a map that is smaller than [`LEAST`] is scaled up to [`WANTED`]. That changes no shape: where all |y| are far
//! below 1, every q is 1 and the forces are linear in y, so the scaled map moves as the other would, scaled.

use crate::compute::{Buffer, Device, Kernel, kernel, uniform};
use crate::error::Result;
use crate::matrix::Matrix;

uniform! {
    struct MomentsParams { n: u32, n_components: u32 }
}
uniform! {
    struct CenterParams { n: u32, n_components: u32, n_blocks: u32, least: f32, wanted: f32 }
}

const MOMENTS: Kernel = kernel!("center", "moments", 256, MomentsParams);
const FIND_CENTER: Kernel = kernel!("center", "find_center", 256, CenterParams);

/// Kernels of this room.
pub const KERNELS: &[&Kernel] = &[&MOMENTS, &FIND_CENTER];

/// Points whose moments one workgroup sums.
const BLOCK: usize = 256 * 16;
/// Smallest root mean square deviation of the axes of a map. Its square, and that of a thousandth of it, are normal numbers, and
/// q differs from 1 by less than f32 can tell.
pub const LEAST: f32 = 1e-6;
/// Deviation that a smaller map is given: that of the start.
pub const WANTED: f32 = super::START_STD;

/// Largest deviation of the start in [`with_start`], in units of the map, which has unfolded to some tens of them.
const MOST_START: f64 = 1e-3;

/// Where the middle of a map is, and by which factor it is to grow.
#[derive(Debug)]
pub struct Center {
    /// n / 4,096 x 4: sums of the coordinates, padded with 0, and of all their squares.
    block_moments: Buffer<f32>,
    /// Mean of each axis, padded with 0 to three, and the factor, 1 unless the map is smaller than [`LEAST`].
    pub place_and_factor: Buffer<f32>,
    n: usize,
    n_components: usize,
}

impl Center {
    /// Room for maps of `n` points in 2 or 3 dimensions.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory).
    pub fn new(device: &Device, n: usize, n_components: usize) -> Result<Self> {
        Ok(Self {
            block_moments: Buffer::new(device, "moments", 4 * n.div_ceil(BLOCK))?,
            place_and_factor: Buffer::from_slice(device, "center", &[0.0, 0.0, 0.0, 1.0])?,
            n,
            n_components,
        })
    }

    /// Finds the middle of the map `y`, n x n_components.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel).
    pub fn find(&mut self, device: &Device, y: &Buffer<f32>) -> Result<()> {
        moments(device, y, &mut self.block_moments, (self.n, self.n_components))?;
        find_center(device, &self.block_moments, &mut self.place_and_factor, (self.n, self.n_components))
    }
}

/// Sums of the coordinates and of all their squares over blocks of 4,096 points. Shapes: `y` n x c, `block_moments`
/// ceil(n / 4,096) x 4; `shape` is (n, c) with c 2 or 3.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn moments(device: &Device, y: &Buffer<f32>, block_moments: &mut Buffer<f32>, shape: (usize, usize)) -> Result<()> {
    let (n, c) = shape;
    match device {
        Device::Cpu(_) => cpu::moments(y.host(), block_moments.host_mut(), c),
        Device::Gpu(gpu) => {
            let uniform = MomentsParams { n: n as u32, n_components: c as u32 };
            let bindings = [(1, y.gpu()), (2, block_moments.gpu())];
            gpu.dispatch_workgroups(&MOMENTS, &uniform, &bindings, n.div_ceil(BLOCK), (n * c) as u64)?;
        }
    }
    Ok(())
}

/// Means of the axes, and the factor by which a map that is too small is to grow. Shapes: `block_moments` ceil(n / 4,096) x 4,
/// `center` 4; `shape` is (n, c) with c 2 or 3.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn find_center(device: &Device, block_moments: &Buffer<f32>, center: &mut Buffer<f32>, shape: (usize, usize)) -> Result<()> {
    let (n, c) = shape;
    let n_blocks = n.div_ceil(BLOCK);
    let uniform = CenterParams { n: n as u32, n_components: c as u32, n_blocks: n_blocks as u32, least: LEAST, wanted: WANTED };
    match device {
        Device::Cpu(_) => cpu::find_center(block_moments.host(), center.host_mut(), &uniform),
        Device::Gpu(gpu) => {
            let bindings = [(1, block_moments.gpu()), (2, center.gpu())];
            gpu.dispatch_workgroups(&FIND_CENTER, &uniform, &bindings, 1, n_blocks as u64)?;
        }
    }
    Ok(())
}

/// The map `y`, n x n_components, with its `start` laid over it: scaled to the deviation of the map, or to 0.001 if that is less.
/// After early exaggeration a cluster without inner structure, or the whole map, can be one place or one line to f32; the start
/// parts its points again, and by what their principal components say. Of a map that has unfolded it changes nothing that can be
/// seen. On 23 draws of data without clusters, n = 100 to 300, a start of 0.00001 left the divergence 1 % higher.
///
/// # Errors
/// Any error of the device.
pub fn with_start(device: &Device, y: &Buffer<f32>, start: &Matrix) -> Result<Buffer<f32>> {
    let mut places = y.read(device)?;
    let own = root_mean_square(start.as_slice());
    let wanted = root_mean_square(&places).min(MOST_START);
    let factor = if wanted > 0.0 && own > 0.0 { wanted / own } else { 1.0 };
    for (place, start) in places.iter_mut().zip(start.as_slice()) {
        *place += (factor * f64::from(*start)) as f32;
    }
    Buffer::from_slice(device, "map", &places)
}

fn root_mean_square(values: &[f32]) -> f64 {
    (values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

mod cpu {
    use super::{BLOCK, CenterParams};
    use rayon::prelude::*;

    /// Invocations of the shader's workgroup, each of which has a sum of its own.
    const THREADS: usize = 256;

    pub fn moments(y: &[f32], block_moments: &mut [f32], c: usize) {
        block_moments.par_chunks_mut(4).zip(y.par_chunks(c * BLOCK)).for_each(|(moments, block)| {
            let (mut sums, mut squares) = ([0.0_f32; 3 * THREADS], [0.0_f32; 3 * THREADS]);
            for share in block.chunks(c * THREADS) {
                for ((sum, square), value) in sums.iter_mut().zip(&mut squares).zip(share) {
                    *sum += value;
                    *square += value * value;
                }
            }
            moments.fill(0.0);
            for thread in 0..THREADS {
                for axis in 0..c {
                    moments[axis] += sums[thread * c + axis];
                    moments[3] += squares[thread * c + axis];
                }
            }
        });
    }

    pub fn find_center(block_moments: &[f32], center: &mut [f32], params: &CenterParams) {
        let mut sums = [0.0_f64; 4];
        for block in block_moments.chunks_exact(4) {
            for (sum, value) in sums.iter_mut().zip(block) {
                *sum += f64::from(*value);
            }
        }
        let means = sums.map(|sum| sum / f64::from(params.n));
        let squared_means: f64 = means[..3].iter().map(|mean| mean * mean).sum();
        let deviation = ((means[3] - squared_means).max(0.0) / f64::from(params.n_components)).sqrt() as f32;
        let is_too_small = deviation > 0.0 && deviation < params.least;
        for (value, mean) in center.iter_mut().zip(means) {
            *value = mean as f32;
        }
        center[3] = if is_too_small { params.wanted / deviation } else { 1.0 };
    }
}

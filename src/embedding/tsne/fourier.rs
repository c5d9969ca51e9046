//! Convolution of a real density on a square grid with a radial kernel, by fast Fourier transforms.
//!
//! The density has G x G nodes and forms the corner of an M x M torus, M >= 2 G, so that nothing
//! wraps around. Real input has half a spectrum: rows are transformed to M / 2 + 1 waves; each of
//! these columns is transformed, multiplied by the kernel's spectrum and transformed back, twice,
//! for the two components of the force; a row of both together is one complex inverse transform,
//! whose real part is the force in x and whose imaginary part is the force in y. The sum of the
//! potential at the density's own nodes follows from the same spectrum (M. Parseval, 1799), without
//! a transform of its own. O(M^2 log M).
//!
//! The GPU's transforms keep one row in workgroup memory and need M to be a power of two, at most
//! [`MAX_GPU_SIZE`] (Stockham's form with radix 8: N. Govindaraju et al., "High performance
//! discrete Fourier transforms on graphics processors", 2008); those of the CPU are rustfft's, for
//! any even M.

use super::spectrum::Spectrum;
use crate::compute::{Buffer, Device, Kernel, Work, kernel, uniform};
use crate::error::Result;

/// Largest M on the GPU: a row fills the 16 KiB of workgroup memory that every device has.
pub const MAX_GPU_SIZE: usize = 2048;

// A thread of the shader takes one butterfly of eight values.
const _: () = assert!(MAX_GPU_SIZE <= 8 * TRANSFORM_ROWS.workgroup_size as usize);

/// Maximum number of rows that one workgroup transforms side by side.
const MOST_TOGETHER: usize = 8;

uniform! {
    struct FourierParams { nodes: u32, size: u32, unit: f32, together: u32 }
}

const TRANSFORM_ROWS: Kernel = kernel!("fourier", "transform_rows", 256, FourierParams);
const CONVOLVE_COLUMNS: Kernel = kernel!("fourier", "convolve_columns", 256, FourierParams);
const RESTORE_ROWS: Kernel = kernel!("fourier", "restore_rows", 256, FourierParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&TRANSFORM_ROWS, &CONVOLVE_COLUMNS, &RESTORE_ROWS];

/// Sizes G and M of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// G: number of nodes of the density along an axis, even and at most half of `size`.
    pub nodes: usize,
    /// M: length of the transforms, even.
    pub size: usize,
}

impl Size {
    /// Number of waves of a real row: M / 2 + 1.
    pub fn waves(self) -> usize {
        self.size / 2 + 1
    }

    /// Number of rows that one workgroup transforms side by side.
    fn together(self) -> usize {
        (MAX_GPU_SIZE / self.size).min(MOST_TOGETHER)
    }

    fn params(self, unit: f32) -> FourierParams {
        FourierParams {
            nodes: self.nodes as u32,
            size: self.size as u32,
            unit,
            together: self.together() as u32,
        }
    }

    /// Number of operations of one complex transform, by the usual count of 5 M log2 M.
    fn transform(self) -> usize {
        5 * self.size * self.size.ilog2() as usize
    }
}

/// Transforms the rows of a density in fixed point, whose unit is `unit`, and clears it. Shapes:
/// `density` G x G, `waves` (M / 2 + 1) x G complex numbers; the waves of one row form a column.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn transform_rows(
    device: &Device,
    density: &mut Buffer<u32>,
    spectrum: &Spectrum,
    waves: &mut Buffer<f32>,
    size: Size,
    unit: f32,
) -> Result<()> {
    match device {
        Device::Cpu(_) => {
            cpu::transform_rows(density.host_mut(), spectrum, waves.host_mut(), size, unit)
        }
        Device::Gpu(gpu) => {
            let bindings = [(1, density.gpu()), (2, spectrum.twiddles().gpu()), (3, waves.gpu())];
            let rows = size.nodes / 2;
            let bytes = 4 * (2 * 2 * size.nodes + 4 * size.waves());
            let work = Work::new(size.transform() as u64, bytes as u64).times(rows);
            gpu.dispatch_workgroups(
                &TRANSFORM_ROWS,
                &size.params(unit),
                &bindings,
                rows.div_ceil(size.together()),
                work,
            )?;
        }
    }
    Ok(())
}

/// Multiplies the waves by the kernel's spectrum of the level given in `frame`, 8 numbers. Shapes:
/// `waves` (M / 2 + 1) x G complex; `forces` G x (M / 2 + 1) pairs of complex numbers, the waves of
/// both components; `potentials` M / 2 + 2, whose sum is that of the potential over the density,
/// minus the points' own potentials, which `frame` holds.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn convolve_columns(
    device: &Device,
    waves: &Buffer<f32>,
    (spectrum, frame): (&Spectrum, &Buffer<f32>),
    forces: &mut Buffer<f32>,
    potentials: &mut Buffer<f32>,
    size: Size,
) -> Result<()> {
    match device {
        Device::Cpu(_) => {
            let spectrum = (spectrum, frame.host());
            cpu::convolve_columns(
                waves.host(),
                spectrum,
                forces.host_mut(),
                potentials.host_mut(),
                size,
            );
        }
        Device::Gpu(gpu) => {
            let bindings = [
                (2, spectrum.twiddles().gpu()),
                (4, waves.gpu()),
                (5, spectrum.weights().gpu()),
                (6, forces.gpu()),
                (7, potentials.gpu()),
                (10, frame.gpu()),
            ];
            // A column is read and two are written; each wave has a weight of four numbers.
            let work =
                Work::new(3 * size.transform() as u64, 4 * (6 * size.nodes + 4 * size.size) as u64)
                    .times(size.waves());
            let workgroups = size.waves().div_ceil(size.together());
            gpu.dispatch_workgroups(
                &CONVOLVE_COLUMNS,
                &size.params(0.0),
                &bindings,
                workgroups,
                work,
            )?;
        }
    }
    Ok(())
}

/// Transforms the rows of both components back. Shapes: `forces` G x (M / 2 + 1) pairs of complex
/// numbers, `field` G x G x 2.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn restore_rows(
    device: &Device,
    forces: &Buffer<f32>,
    spectrum: &Spectrum,
    field: &mut Buffer<f32>,
    size: Size,
) -> Result<()> {
    match device {
        Device::Cpu(_) => cpu::restore_rows(forces.host(), spectrum, field.host_mut(), size),
        Device::Gpu(gpu) => {
            let bindings = [(2, spectrum.twiddles().gpu()), (8, forces.gpu()), (9, field.gpu())];
            let bytes = 4 * (4 * size.waves() + 2 * size.nodes);
            let work = Work::new(size.transform() as u64, bytes as u64).times(size.nodes);
            let workgroups = size.nodes.div_ceil(size.together());
            gpu.dispatch_workgroups(&RESTORE_ROWS, &size.params(0.0), &bindings, workgroups, work)?;
        }
    }
    Ok(())
}

mod cpu {
    use super::{Size, Spectrum};
    use rayon::prelude::*;
    use rustfft::num_complex::Complex;
    use std::cell::RefCell;

    /// Number of rows of one task: their waves, side by side in a column, fill a cache line.
    const ROWS: usize = 8;
    /// Number of columns of one task: the same for the pairs of a row.
    const COLUMNS: usize = 4;

    type Wave = Complex<f32>;

    thread_local! {
        /// Buffers for the rows of a task and the scratch memory of the transforms, kept between
        /// tasks.
        static BUFFERS: RefCell<(Vec<Wave>, Vec<f32>, Vec<Wave>)> = const { RefCell::new((Vec::new(), Vec::new(), Vec::new())) };
    }

    fn complex(numbers: &[f32]) -> &[Wave] {
        bytemuck::cast_slice(numbers)
    }

    /// A column-wise array in which tasks fill disjoint entries.
    struct Scattered(*mut Wave, usize);

    // SAFETY: tasks write disjoint entries; see the callers.
    unsafe impl Sync for Scattered {}

    impl Scattered {
        fn new(values: &mut [f32]) -> Self {
            Self(values.as_mut_ptr().cast(), values.len() / 2)
        }

        /// # Safety
        /// No other thread may access the entries `at .. at + values.len()` at the same time.
        unsafe fn write(&self, at: usize, values: &[Wave]) {
            assert!(at + values.len() <= self.1, "{at} and {} more of {}", values.len(), self.1);
            // SAFETY: in bounds by the assertion, and exclusive by the caller's promise.
            unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), self.0.add(at), values.len()) }
        }
    }

    pub fn transform_rows(
        density: &mut [u32],
        spectrum: &Spectrum,
        waves: &mut [f32],
        size: Size,
        unit: f32,
    ) {
        let Size { nodes, size: length } = size;
        let n_waves = size.waves();
        let transform = spectrum.real();
        let scattered = Scattered::new(waves);
        density.par_chunks_mut(ROWS * nodes).enumerate().for_each(|(chunk, rows)| {
            BUFFERS.with_borrow_mut(|(out, row, scratch)| {
                let n_rows = rows.len() / nodes;
                out.resize(ROWS * n_waves, Wave::default());
                row.resize(length, 0.0);
                scratch.resize(transform.get_scratch_len(), Wave::default());
                for (density, out) in
                    rows.chunks_exact_mut(nodes).zip(out.chunks_exact_mut(n_waves))
                {
                    for (value, density) in row.iter_mut().zip(density) {
                        *value = *density as f32 * unit;
                        *density = 0;
                    }
                    row[nodes..].fill(0.0);
                    let done =
                        transform.process_with_scratch(&mut row[..length], out, &mut scratch[..]);
                    debug_assert!(done.is_ok());
                }
                let mut side_by_side = [Wave::default(); ROWS];
                for wave in 0..n_waves {
                    for (slot, out) in side_by_side.iter_mut().zip(out.chunks_exact(n_waves)) {
                        *slot = out[wave];
                    }
                    // SAFETY: only this task writes these entries of each wave.
                    unsafe {
                        scattered.write(wave * nodes + chunk * ROWS, &side_by_side[..n_rows])
                    };
                }
            });
        });
    }

    pub fn convolve_columns(
        waves: &[f32],
        (spectrum, frame): (&Spectrum, &[f32]),
        forces: &mut [f32],
        potentials: &mut [f32],
        size: Size,
    ) {
        let Size { nodes, size: length } = size;
        let n_waves = size.waves();
        let (there, back) = spectrum.complex();
        let weights = &spectrum.weights().host()[frame[4] as usize * n_waves * length * 4..];
        potentials[n_waves] = frame[3];
        let scattered = Scattered::new(forces);
        potentials[..n_waves]
            .par_chunks_mut(COLUMNS)
            .zip(complex(waves).par_chunks(COLUMNS * nodes))
            .enumerate()
            .for_each(|(chunk, (potentials, waves))| {
                BUFFERS.with_borrow_mut(|(columns, _, scratch)| {
                    columns.resize((1 + 2 * COLUMNS) * length, Wave::default());
                    scratch.resize(
                        there.get_inplace_scratch_len().max(back.get_inplace_scratch_len()),
                        Wave::default(),
                    );
                    let (column, pairs) = columns.split_at_mut(length);
                    for (at, potential) in potentials.iter_mut().enumerate() {
                        let wave = chunk * COLUMNS + at;
                        column[..nodes].copy_from_slice(&waves[at * nodes..][..nodes]);
                        column[nodes..].fill(Wave::default());
                        there.process_with_scratch(column, &mut scratch[..]);
                        let weights: &[[f32; 4]] =
                            bytemuck::cast_slice(&weights[4 * wave * length..][..4 * length]);
                        let (x, y) = pairs[2 * at * length..][..2 * length].split_at_mut(length);
                        *potential = weigh(column, weights, x, y);
                        back.process_with_scratch(x, &mut scratch[..]);
                        back.process_with_scratch(y, &mut scratch[..]);
                    }
                    let n_columns = potentials.len();
                    let mut side_by_side = [Wave::default(); 2 * COLUMNS];
                    for row in 0..nodes {
                        for (slot, column) in
                            side_by_side.iter_mut().zip(pairs.chunks_exact(length))
                        {
                            *slot = column[row];
                        }
                        let at = 2 * (row * n_waves + chunk * COLUMNS);
                        // SAFETY: only this task writes these entries of each row.
                        unsafe { scattered.write(at, &side_by_side[..2 * n_columns]) };
                    }
                });
            });
    }

    /// The waves of both components, and the column's share of the potential.
    fn weigh(column: &[Wave], weights: &[[f32; 4]], x: &mut [Wave], y: &mut [Wave]) -> f32 {
        let mut potential = 0.0;
        for (((wave, &[in_x, in_y, weight, _]), x), y) in column.iter().zip(weights).zip(x).zip(y) {
            potential += wave.norm_sqr() * weight;
            // Multiplied by i.
            *x = Wave::new(-wave.im * in_x, wave.re * in_x);
            *y = Wave::new(-wave.im * in_y, wave.re * in_y);
        }
        potential
    }

    pub fn restore_rows(forces: &[f32], spectrum: &Spectrum, field: &mut [f32], size: Size) {
        let Size { nodes, size: length } = size;
        let n_waves = size.waves();
        let (_, back) = spectrum.complex();
        field
            .par_chunks_mut(2 * nodes)
            .zip(complex(forces).par_chunks_exact(2 * n_waves))
            .for_each(|(field, waves)| {
                BUFFERS.with_borrow_mut(|(row, _, scratch)| {
                    row.resize(length, Wave::default());
                    scratch.resize(back.get_inplace_scratch_len(), Wave::default());
                    for (wave, pair) in waves.chunks_exact(2).enumerate() {
                        // x + i y at the wave itself and, since both are real in space, at its
                        // mirror image.
                        row[wave] = Wave::new(pair[0].re - pair[1].im, pair[0].im + pair[1].re);
                        if wave > 0 && 2 * wave < length {
                            row[length - wave] =
                                Wave::new(pair[0].re + pair[1].im, pair[1].re - pair[0].im);
                        }
                    }
                    back.process_with_scratch(&mut row[..length], &mut scratch[..]);
                    field.copy_from_slice(bytemuck::cast_slice(&row[..nodes]));
                });
            });
    }
}

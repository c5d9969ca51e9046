//! Spectra of the t-SNE kernels on a grid, prepared for splines.
//!
//! The potential is S = 1 / (1 + r^2) and the force V = d / (1 + r^2)^2 of an offset d with r =
//! |d|. Densities are spread over the nodes by cubic B-splines and forces are gathered by them;
//! dividing the spectra twice by that of the splines turns this into an interpolation of the kernel
//! by cardinal splines (M. Unser, "Splines: a perfect fit for signal and image processing", 1999).

use super::fourier::Size;
use crate::compute::{Buffer, Device};
use crate::error::Result;
use rayon::prelude::*;
use realfft::{RealFftPlanner, RealToComplex};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use std::f64::consts::TAU;
use std::sync::Arc;

/// Spectra for one or several spacings of the nodes, and the data that their transforms need.
pub struct Spectrum {
    /// Spectra of the force in x and in y, each divided by i, of the potential, and a 0; levels x
    /// (M / 2 + 1) x M x 4.
    weights: Buffer<f32>,
    /// For each level, the spacing and the potential of a point at its own position: 1 except for
    /// the interpolation, averaged over its positions between the nodes; levels x 2.
    levels: Buffer<f32>,
    /// exp(-2 pi i k / M) for the GPU's transforms, M complex numbers; empty on the CPU.
    twiddles: Buffer<f32>,
    real: Arc<dyn RealToComplex<f32>>,
    there: Arc<dyn Fft<f32>>,
    back: Arc<dyn Fft<f32>>,
}

impl std::fmt::Debug for Spectrum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Spectrum({} x 4)", self.weights.len() / 4)
    }
}

impl Spectrum {
    /// Spectra for nodes with these spacings: the levels, from the widest to the narrowest. O(M^2
    /// log M) each, in `f64`.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory).
    pub fn new(device: &Device, size: Size, spacings: &[f64]) -> Result<Self> {
        let m = size.size;
        let mut all_weights = Vec::with_capacity(spacings.len() * size.waves() * m * 4);
        let mut levels = Vec::new();
        for &spacing in spacings {
            let weights = weights(size, spacing);
            levels.extend([spacing as f32, self_potential(size, &weights) as f32]);
            all_weights.extend(weights);
        }
        let mut planner = FftPlanner::new();
        let twiddles: Vec<f32> = match device {
            Device::Cpu(_) => Vec::new(),
            Device::Gpu(_) => (0..m)
                .flat_map(|k| {
                    [(TAU * k as f64 / m as f64).cos(), -(TAU * k as f64 / m as f64).sin()]
                })
                .map(|value| value as f32)
                .collect(),
        };
        Ok(Self {
            weights: Buffer::from_slice(device, "kernel spectra", &all_weights)?,
            levels: Buffer::from_slice(device, "spacings of nodes", &levels)?,
            twiddles: Buffer::from_slice(device, "twiddle factors", &twiddles)?,
            real: RealFftPlanner::new().plan_fft_forward(m),
            there: planner.plan_fft_forward(m),
            back: planner.plan_fft_inverse(m),
        })
    }

    pub(super) fn levels(&self) -> &Buffer<f32> {
        &self.levels
    }

    pub(super) fn weights(&self) -> &Buffer<f32> {
        &self.weights
    }

    pub(super) fn twiddles(&self) -> &Buffer<f32> {
        &self.twiddles
    }

    pub(super) fn real(&self) -> &dyn RealToComplex<f32> {
        self.real.as_ref()
    }

    pub(super) fn complex(&self) -> (&dyn Fft<f32>, &dyn Fft<f32>) {
        (self.there.as_ref(), self.back.as_ref())
    }
}

/// Spectra in half a plane, including the transforms' factor 1 / M^2 and, for the potential, the
/// weight of the omitted waves.
fn weights(size: Size, spacing: f64) -> Vec<f32> {
    let m = size.size;
    let half = size.size / 2;
    let (force, potential) = quarters(size, spacing);
    let spline = |wave: usize| (4.0 + 2.0 * (TAU * wave as f64 / m as f64).cos()) / 6.0;
    let splines: Vec<f64> = (0..=half).map(|wave| spline(wave).powi(2) * m as f64).collect();
    let mut weights = vec![0.0; (half + 1) * m * 4];
    weights.par_chunks_mut(4 * m).enumerate().for_each(|(in_x, weights)| {
        let twins = if in_x == 0 || in_x == half { 1.0 } else { 2.0 };
        for (wave, weight) in weights.chunks_exact_mut(4).enumerate() {
            let (in_y, sign) = if wave <= half { (wave, 1.0) } else { (m - wave, -1.0) };
            let scale = 1.0 / (splines[in_x] * splines[in_y]);
            weight[0] = (force[in_y * (half + 1) + in_x] * scale) as f32;
            weight[1] = (sign * force[in_x * (half + 1) + in_y] * scale) as f32;
            weight[2] = (twins * potential[in_y * (half + 1) + in_x] * scale) as f32;
        }
    });
    weights
}

/// Power of a point's density at each wave, averaged over its positions between the nodes, times
/// the potential's spectrum: the correlation of two cubic B-splines is the B-spline of degree 7,
/// whose values at integers are those below.
fn self_potential(size: Size, weights: &[f32]) -> f64 {
    let m = size.size;
    let power = |wave: usize| {
        let cosine = |multiple: f64| (TAU * multiple * wave as f64 / m as f64).cos();
        (2416.0 + 2.0 * (1191.0 * cosine(1.0) + 120.0 * cosine(2.0) + cosine(3.0))) / 5040.0
    };
    let powers: Vec<f64> = (0..m).map(power).collect();
    let column = |(in_x, weights): (usize, &[f32])| {
        let sum: f64 = weights
            .iter()
            .skip(2)
            .step_by(4)
            .zip(&powers)
            .map(|(&weight, power)| f64::from(weight) * power)
            .sum();
        powers[in_x] * sum
    };
    weights.chunks_exact(4 * m).enumerate().map(column).sum()
}

/// Spectra of the force in x, divided by i, and of the potential, for waves 0 ..= M / 2 in y (rows)
/// and in x (columns): the others follow by symmetry.
fn quarters(size: Size, spacing: f64) -> (Vec<f64>, Vec<f64>) {
    let m = size.size;
    let half = size.size / 2;
    let n_waves = half + 1;
    let real = RealFftPlanner::<f64>::new().plan_fft_forward(m);
    // Rows of waves in x, for offsets 0 ..= M / 2 in y. Even rows have real waves, odd ones
    // imaginary ones: one number each.
    let mut rows = vec![Complex::default(); n_waves * n_waves];
    rows.par_chunks_mut(n_waves).enumerate().for_each(|(dy, row)| {
        let (mut even, mut odd) = (vec![0.0; m], vec![0.0; m]);
        for dx in 0..half {
            // No two nodes are further apart than the width of the grid.
            if dy == half {
                break;
            }
            let (x, y) = (dx as f64 * spacing, dy as f64 * spacing);
            let potential = 1.0 / (1.0 + x * x + y * y);
            let force = x * potential * potential;
            (even[dx], odd[dx]) = (potential, force);
            if dx > 0 {
                (even[m - dx], odd[m - dx]) = (potential, -force);
            }
        }
        let mut waves = [vec![Complex::default(); n_waves], vec![Complex::default(); n_waves]];
        for (values, waves) in [&mut even, &mut odd].into_iter().zip(&mut waves) {
            let done = real.process(values, waves);
            debug_assert!(done.is_ok());
        }
        for ((slot, even), odd) in row.iter_mut().zip(&waves[0]).zip(&waves[1]) {
            *slot = Complex::new(even.re, odd.im);
        }
    });
    // Both are even in y: their columns have real waves, and one complex transform does both.
    let complex = FftPlanner::<f64>::new().plan_fft_forward(m);
    let columns: Vec<Vec<Complex<f64>>> = (0..n_waves)
        .into_par_iter()
        .map(|in_x| {
            let mut column: Vec<_> =
                (0..m).map(|dy| rows[dy.min(m - dy) * n_waves + in_x]).collect();
            complex.process(&mut column);
            column.truncate(n_waves);
            column
        })
        .collect();
    let quarter = |part: fn(&Complex<f64>) -> f64| -> Vec<f64> {
        (0..n_waves)
            .flat_map(|in_y| columns.iter().map(move |column| part(&column[in_y])))
            .collect()
    };
    (quarter(|value| value.im), quarter(|value| value.re))
}

//! The choice of a grid for an embedding: number of nodes and distance between them.

use crate::compute::Device;
use crate::embedding::tsne::fourier::{MAX_GPU_SIZE, Size};
use crate::parameters::Field;
use serde::{Deserialize, Serialize};

/// Minimum number of nodes over the span: with fewer, the kernel would change too fast between two
/// of them while the embedding is small.
const LEAST_NODES: f64 = 64.0;
/// Number of nodes that the splines need beyond the outermost points, both sides together.
pub(super) const BORDER: f64 = 6.0;
/// On the CPU the spacing of a small embedding is the base spacing divided by a power of the fourth
/// root of 2, so that spectra are reused for several iterations.
const SPACINGS_PER_OCTAVE: f64 = 4.0;
/// Length of the smallest transform on the GPU.
pub(super) const LEAST_GPU_SIZE: usize = 256;
/// Spacings of the smallest grid on the GPU, as powers of two of the base spacing. The first is for
/// an embedding that outgrows the grid before a larger one is ready. If the embedding is smaller
/// than 4, the kernel is so smooth that 16 nodes over the span suffice; an embedding too small for
/// the last spacing is soon scaled up.
const LEVELS: [i32; 12] = [1, 0, -1, -2, -3, -6, -9, -12, -15, -18, -21, -24];

/// Fineness of the grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accuracy {
    /// Nodes 0.46 apart.
    #[default]
    Fast,
    /// Nodes 0.31 apart.
    Accurate,
}

impl Field for Accuracy {}

impl Accuracy {
    /// Distance between two nodes in units of the embedding.
    pub fn spacing(self) -> f64 {
        match self {
            Self::Fast => 0.46,
            Self::Accurate => 0.31,
        }
    }
}

/// A grid for an embedding of a given span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Number of nodes and length of the transforms.
    pub size: Size,
    /// Distance between two nodes in units of the embedding.
    pub spacing: f64,
}

impl Plan {
    /// The smallest grid on that device for an embedding whose longer side is `span`.
    pub fn new(device: &Device, accuracy: Accuracy, span: f64) -> Self {
        let base = accuracy.spacing();
        let nodes_over = |spacing: f64| 2 * (span / spacing + BORDER).ceil() as usize;
        match device {
            Device::Cpu(_) => {
                let octaves = (base * LEAST_NODES / span.max(1e-30)).log2().max(0.0);
                let spacing =
                    base * (-(octaves * SPACINGS_PER_OCTAVE).ceil() / SPACINGS_PER_OCTAVE).exp2();
                Self::of(smooth(nodes_over(spacing)), spacing)
            }
            Device::Gpu(_) => {
                let size = nodes_over(base).next_power_of_two().clamp(LEAST_GPU_SIZE, MAX_GPU_SIZE);
                // If the largest transform is too short, the distance between nodes grows in steps:
                // each new spacing needs a new grid.
                let octaves = (span / (((size / 2) as f64 - BORDER) * base)).max(1.0).log2();
                Self::of(
                    size,
                    base * ((octaves * SPACINGS_PER_OCTAVE).ceil() / SPACINGS_PER_OCTAVE).exp2(),
                )
            }
        }
    }

    fn of(size: usize, spacing: f64) -> Self {
        Self { size: Size { nodes: size / 2, size }, spacing }
    }

    /// All spacings of the grid, from the widest to the narrowest.
    pub(super) fn spacings(self, device: &Device) -> Vec<f64> {
        match device {
            Device::Gpu(_) if self.size.size == LEAST_GPU_SIZE => {
                LEVELS.iter().map(|&octaves| self.spacing * f64::from(octaves).exp2()).collect()
            }
            _ => vec![self.spacing],
        }
    }

    /// Largest span that fits.
    pub fn capacity(&self) -> f64 {
        (self.size.nodes as f64 - BORDER) * self.spacing
    }
}

/// The smallest multiple of 16 that is at least `least` and has no prime factors above 7:
/// transforms of such lengths are fast.
fn smooth(least: usize) -> usize {
    let is_smooth = |mut rest: usize| {
        for prime in [2, 3, 5, 7] {
            while rest.is_multiple_of(prime) {
                rest /= prime;
            }
        }
        rest == 1
    };
    let mut size = least.max(128).next_multiple_of(16);
    while !is_smooth(size) {
        size += 16;
    }
    size
}

//! Repulsive forces of t-SNE and its normaliser: over all pairs, O(n^2), or by the
//! [`grid`](super::grid), O(n).

use super::grid::{Accuracy, GridRepulsion};
use super::optimiser::Outline;
use crate::compute::reduce::{self, Sum};
use crate::compute::{Buffer, Device, Kernel, Work, dispatches, kernel, uniform};
use crate::error::Result;

uniform! {
    struct RepulsionParams {
        first: u32, n_rows: u32, n: u32, n_components: u32, first_other: u32, last_other: u32, own: f32,
    }
}

const REPULSION: Kernel = kernel!("repulsion" + "map", "repulsion", 256, RepulsionParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&REPULSION];

/// Number of points of one workgroup, and of one tile of the pushing points.
const TILE: usize = 256;

/// Method for the repulsive forces.
#[derive(Debug)]
pub enum Repulsor {
    /// Over all pairs of points.
    Exact(Exact),
    /// On a grid, in two dimensions.
    Grid(Box<GridRepulsion>),
}

/// Buffers for the exact forces.
#[derive(Debug)]
pub struct Exact {
    /// Sum of q of each point.
    q_sums: Buffer<f32>,
    /// Sums of 4,096 of these, if there are more.
    q_blocks: Option<Buffer<f32>>,
    n: usize,
}

impl Repulsor {
    /// Exact forces over all pairs of `n` points.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory).
    pub fn exact(device: &Device, n: usize) -> Result<Self> {
        let n_blocks = n.div_ceil(reduce::BLOCK);
        let q_blocks =
            (n_blocks > 1).then(|| Buffer::new(device, "sums of q", n_blocks)).transpose()?;
        Ok(Self::Exact(Exact { q_sums: Buffer::new(device, "row sums of q", n)?, q_blocks, n }))
    }

    /// Forces on a grid.
    pub fn grid(n: usize, accuracy: Accuracy) -> Self {
        Self::Grid(Box::new(GridRepulsion::new(n, accuracy)))
    }

    /// Computes the forces sum_j q_ij^2 (y_i - y_j), n x n_components, and the parts of the
    /// normaliser, for the embedding `y` with that outline.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn compute(
        &mut self,
        device: &Device,
        y: &Buffer<f32>,
        outline: &Outline,
        repulsions: &mut Buffer<f32>,
    ) -> Result<()> {
        match self {
            Self::Exact(Exact { q_sums, q_blocks, n }) => {
                repulsion(device, y, None, repulsions, q_sums, (*n, y.len() / *n))?;
                q_blocks
                    .as_mut()
                    .map_or(Ok(()), |q_blocks| reduce::sum_blocks(device, q_sums, q_blocks, *n))
            }
            Self::Grid(grid) => grid.compute(device, y, outline, repulsions),
        }
    }

    /// At most some thousand numbers whose sum is Z, that of q over all ordered pairs, and how many
    /// of them there are; after [`Repulsor::compute`].
    pub fn q_parts(&self) -> (&Buffer<f32>, usize) {
        match self {
            Self::Exact(Exact { q_blocks: Some(q_blocks), .. }) => (q_blocks, q_blocks.len()),
            Self::Exact(Exact { q_sums, n, .. }) => (q_sums, *n),
            Self::Grid(grid) => grid.q_parts(),
        }
    }

    /// Z itself, one number.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn q_total(&self, device: &Device) -> Result<Buffer<f32>> {
        let (parts, n_parts) = self.q_parts();
        let mut total = Buffer::new(device, "normaliser", 1)?;
        Sum::new(device, n_parts)?.run(device, parts, &mut total)?;
        Ok(total)
    }

    /// `true` if the embedding was ever larger than its grid, so that some forces were wrong.
    pub fn has_outgrown_its_grid(&self) -> bool {
        matches!(self, Self::Grid(grid) if grid.has_been_outgrown())
    }
}

/// Repulsive forces and row sums of q. Shapes: `y` n x c, `repulsions` n x c, `q_sums` n; `shape`
/// is (n, c) with c 2 or 3. The points push each other, or `others`, m x c, push them and stay
/// fixed.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn repulsion(
    device: &Device,
    y: &Buffer<f32>,
    others: Option<&Buffer<f32>>,
    repulsions: &mut Buffer<f32>,
    q_sums: &mut Buffer<f32>,
    shape: (usize, usize),
) -> Result<()> {
    let (n, c) = shape;
    // The point itself counts with q = 1 if it is one of the pushing points.
    let own = if others.is_none() { 1.0 } else { 0.0 };
    let pushing = others.unwrap_or(y);
    match device {
        Device::Cpu(_) => cpu::repulsion(
            (y.host(), pushing.host(), own),
            repulsions.host_mut(),
            q_sums.host_mut(),
            c,
        ),
        Device::Gpu(gpu) => {
            let n_others = pushing.len() / c;
            // Whole tiles; each takes a turn of the outer loop and one for each of its points.
            let together = (gpu.most_turns() / (TILE + 1)) * TILE;
            let bindings =
                [(1, y.gpu()), (2, repulsions.gpu()), (3, q_sums.gpu()), (4, pushing.gpu())];
            for first_other in dispatches(n_others, together) {
                let others = together.min(n_others - first_other as usize);
                let from = |first: usize, tiles: usize| RepulsionParams {
                    first: (TILE * first) as u32,
                    n_rows: (TILE * tiles) as u32,
                    n: n as u32,
                    n_components: c as u32,
                    first_other,
                    last_other: first_other + others as u32,
                    own,
                };
                // A workgroup reads the others once.
                let pairs = Work::new((7 * c + 4) as u64, 0).times(TILE * others);
                let tile = Work::new(pairs.flops, (4 * c * others + 8 * (c + 1) * TILE) as u64);
                gpu.dispatch_rows(
                    &REPULSION,
                    &bindings,
                    n.div_ceil(TILE),
                    tile,
                    |tiles| tiles,
                    from,
                )?;
            }
        }
    }
    Ok(())
}

mod cpu {
    use crate::lanes::{LANES, has_fused_multiply_add, multiply_add, total};
    use multiversion::multiversion;
    use rayon::prelude::*;

    /// Number of points whose distances to the others are computed together, the unit of parallel
    /// work.
    const ROWS: usize = 64;

    /// `points` are the points that are pushed, the points that push, and the q of a point with
    /// itself.
    pub fn repulsion(
        points: (&[f32], &[f32], f32),
        repulsions: &mut [f32],
        q_sums: &mut [f32],
        c: usize,
    ) {
        match c {
            2 => repel::<2>(points, repulsions, q_sums),
            _ => repel::<3>(points, repulsions, q_sums),
        }
    }

    fn repel<const C: usize>(
        (y, pushing, own): (&[f32], &[f32], f32),
        repulsions: &mut [f32],
        q_sums: &mut [f32],
    ) {
        let n_others = pushing.len() / C;
        // One array per coordinate, so that neighbours in memory are neighbours in a vector
        // register. Padding points are so far away that their q is 0.
        let padded = n_others.next_multiple_of(LANES);
        // Its square is finite, and so is the product of two such squares plus 1.
        let far = 1e9;
        let axes: [Vec<f32>; C] = std::array::from_fn(|axis| {
            pushing
                .iter()
                .skip(axis)
                .step_by(C)
                .copied()
                .chain(std::iter::repeat_n(far, padded - n_others))
                .collect()
        });
        let others: [&[f32]; C] = std::array::from_fn(|axis| axes[axis].as_slice());
        let (places, _) = y.as_chunks::<C>();
        let fused = has_fused_multiply_add();
        // Two points at once share their rounding; new points must not depend on each other.
        let together = if own > 0.0 { 2 } else { 1 };
        let chunks = repulsions
            .par_chunks_mut(C * ROWS)
            .zip(q_sums.par_chunks_mut(ROWS))
            .zip(places.par_chunks(ROWS));
        chunks.for_each(|((repulsions, q_sums), places)| {
            let pairs = repulsions
                .chunks_mut(together * C)
                .zip(q_sums.chunks_mut(together))
                .zip(places.chunks(together));
            for ((repulsions, q_sums), places) in pairs {
                let points = [places[0], places[places.len() - 1]];
                let both = if fused {
                    fused_repulsion(points, others)
                } else {
                    repulsion_on_two::<C, false>(points, others)
                };
                for ((force, q_sum), (found, total)) in
                    repulsions.chunks_exact_mut(C).zip(q_sums).zip(both)
                {
                    force.copy_from_slice(&found);
                    *q_sum = total - own;
                }
            }
        });
    }

    /// Force and sum of q of a point.
    type Pushed<const C: usize> = ([f32; C], f32);

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn fused_repulsion<const C: usize>(
        points: [[f32; C]; 2],
        others: [&[f32]; C],
    ) -> [Pushed<C>; 2] {
        repulsion_on_two::<C, true>(points, others)
    }

    /// Force and sum of q of two points at once: one division serves both, 1 / a = b / (a b).
    #[inline(always)]
    fn repulsion_on_two<const C: usize, const FUSED: bool>(
        points: [[f32; C]; 2],
        others: [&[f32]; C],
    ) -> [Pushed<C>; 2] {
        let mut forces = [[[0.0_f32; LANES]; C]; 2];
        let mut q_sums = [[0.0_f32; LANES]; 2];
        for first in (0..others[0].len()).step_by(LANES) {
            let block: [&[f32; LANES]; C] = std::array::from_fn(|axis| {
                let (block, _) =
                    others[axis][first..].split_first_chunk().expect("padded to whole blocks");
                block
            });
            for lane in 0..LANES {
                let (mut a, mut b) = (1.0, 1.0);
                for axis in 0..C {
                    let to_a = points[0][axis] - block[axis][lane];
                    let to_b = points[1][axis] - block[axis][lane];
                    a = multiply_add::<FUSED>(to_a, to_a, a);
                    b = multiply_add::<FUSED>(to_b, to_b, b);
                }
                let inverse = 1.0 / (a * b);
                let (q_a, q_b) = (b * inverse, a * inverse);
                let (square_a, square_b) = (q_a * q_a, q_b * q_b);
                for axis in 0..C {
                    let to_a = points[0][axis] - block[axis][lane];
                    let to_b = points[1][axis] - block[axis][lane];
                    forces[0][axis][lane] =
                        multiply_add::<FUSED>(square_a, to_a, forces[0][axis][lane]);
                    forces[1][axis][lane] =
                        multiply_add::<FUSED>(square_b, to_b, forces[1][axis][lane]);
                }
                q_sums[0][lane] += q_a;
                q_sums[1][lane] += q_b;
            }
        }
        std::array::from_fn(|point| (forces[point].map(total), total(q_sums[point])))
    }
}

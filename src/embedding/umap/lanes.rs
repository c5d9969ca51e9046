//! Forces of 16 points on one at once, for the CPU: arithmetic without branches or tables, which
//! compilers turn into vector instructions, and sums in a fixed order.

use super::fuzzy_layout::NEGATIVES;
use crate::lanes::{LANES, multiply_add, power, total};
use crate::random::lowbias32;

/// Largest absolute coordinate of one force.
const CLIP: f32 = 4.0;

/// Coefficients of the forces.
#[derive(Clone, Copy)]
pub struct Coefficients {
    pub a: f32,
    pub b: f32,
    /// 2 gamma b.
    pub repulsion: f32,
}

/// Sums of the pulls of edges, their stiffness and their weights, in 16 lanes.
pub struct Pulls<const D: usize> {
    forces: [[f32; LANES]; D],
    stiffness: [f32; LANES],
    degree: [f32; LANES],
}

impl<const D: usize> Pulls<D> {
    #[inline(always)]
    pub fn new() -> Self {
        Self { forces: [[0.0; LANES]; D], stiffness: [0.0; LANES], degree: [0.0; LANES] }
    }

    /// Adds the pulls of at most 16 edges, from `at` to the `places` with the numbers `columns`.
    #[inline(always)]
    #[expect(
        clippy::needless_range_loop,
        reason = "lane by lane and axis by axis, as vector registers hold them"
    )]
    pub fn add<const FUSED: bool>(
        &mut self,
        Coefficients { a, b, .. }: Coefficients,
        at: [f32; D],
        places: &[[f32; D]],
        columns: &[u32],
        weights: &[f32],
    ) {
        // Lanes without an edge have difference and weight 0.
        let mut differences = [[0.0_f32; LANES]; D];
        let mut padded = [0.0_f32; LANES];
        for (lane, (&column, &weight)) in columns.iter().zip(weights).enumerate() {
            let other = places[column as usize];
            for axis in 0..D {
                differences[axis][lane] = at[axis] - other[axis];
            }
            padded[lane] = weight;
        }
        for lane in 0..LANES {
            let mut q = 0.0;
            for axis in 0..D {
                q = multiply_add::<FUSED>(differences[axis][lane], differences[axis][lane], q);
            }
            let near = power::<FUSED>(q, b);
            let stiffness = 2.0 * a * b * near / (q * multiply_add::<FUSED>(a, near, 1.0));
            let stiffness = if q >= f32::MIN_POSITIVE { stiffness } else { 0.0 };
            let weight = padded[lane];
            for axis in 0..D {
                let force = (stiffness * differences[axis][lane]).clamp(-CLIP, CLIP);
                self.forces[axis][lane] =
                    multiply_add::<FUSED>(weight, force, self.forces[axis][lane]);
            }
            self.stiffness[lane] = multiply_add::<FUSED>(weight, stiffness, self.stiffness[lane]);
            self.degree[lane] += weight;
        }
    }

    /// Total force, stiffness and weight of all edges.
    #[inline(always)]
    pub fn totals(&self) -> ([f32; D], f32, f32) {
        (
            std::array::from_fn(|axis| total(self.forces[axis])),
            total(self.stiffness),
            total(self.degree),
        )
    }
}

/// Sums of the pushes of points, in 16 lanes.
pub struct Pushes<const D: usize> {
    forces: [[f32; LANES]; D],
}

impl<const D: usize> Pushes<D> {
    #[inline(always)]
    pub fn new() -> Self {
        Self { forces: [[0.0; LANES]; D] }
    }

    /// Adds the pushes on `at` by the `places` with the numbers `others`.
    #[inline(always)]
    #[expect(
        clippy::needless_range_loop,
        reason = "lane by lane and axis by axis, as vector registers hold them"
    )]
    pub fn add<const FUSED: bool>(
        &mut self,
        Coefficients { a, b, repulsion }: Coefficients,
        at: [f32; D],
        places: &[[f32; D]],
        others: &[u32; LANES],
    ) {
        let mut differences = [[0.0_f32; LANES]; D];
        for lane in 0..LANES {
            let other = places[others[lane] as usize];
            for axis in 0..D {
                differences[axis][lane] = at[axis] - other[axis];
            }
        }
        for lane in 0..LANES {
            let mut q = 0.0;
            for axis in 0..D {
                q = multiply_add::<FUSED>(differences[axis][lane], differences[axis][lane], q);
            }
            // A point drawn for itself has difference 0, and so has the push.
            let push =
                repulsion / ((0.001 + q) * multiply_add::<FUSED>(a, power::<FUSED>(q, b), 1.0));
            for axis in 0..D {
                self.forces[axis][lane] += (push * differences[axis][lane]).clamp(-CLIP, CLIP);
            }
        }
    }

    /// Total force of all points.
    #[inline(always)]
    pub fn totals(&self) -> [f32; D] {
        std::array::from_fn(|axis| total(self.forces[axis]))
    }
}

/// Numbers of the points that push in one epoch: uniform below `n`, from the hashes of `first` and
/// the numbers after it.
#[inline(always)]
pub fn draw(first: u32, n: u32) -> [u32; NEGATIVES] {
    let mut others = [0; NEGATIVES];
    for (lane, other) in others.iter_mut().enumerate() {
        *other =
            ((u64::from(lowbias32(first.wrapping_add(lane as u32))) * u64::from(n)) >> 32) as u32;
    }
    others
}

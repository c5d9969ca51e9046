//! Forces of 16 points on one at once, for the CPU: arithmetic without branches or tables, which compilers turn into vector
//! instructions, and sums in a fixed order.

use super::fuzzy_layout::NEGATIVES;
use crate::random::lowbias32;

/// Points whose forces are computed together: as many numbers as the widest vector registers hold.
pub const LANES: usize = 16;
/// No coordinate of one force is larger.
const CLIP: f32 = 4.0;

/// Coefficients of log2(1 + t) / t for 1 + t from sqrt(1/2) to sqrt(2): error of the logarithm below 5e-8.
const LOG2: [f32; 8] =
    [1.442_694_8, -0.721_357_15, 0.480_939_44, -0.360_087_2, 0.286_707_5, -0.250_069_1, 0.236_890_23, -0.145_744_1];
/// Coefficients of 2^t for t from -1/2 to 1/2: relative error below 1e-7.
const EXP2: [f32; 6] = [1.000_000_1, 0.693_146_97, 0.240_221_2, 0.055_507_13, 0.009_675_54, 0.001_327_65];
/// Bits of sqrt(1/2).
const ROOT_OF_HALF: u32 = 0x3f35_04f3;
/// Adding this rounds to a whole number, which is then found in the lowest bits.
const ROUNDER: f32 = 12_582_912.0;
/// Largest exponent of the result: 2^-126 is the least normal number.
const MAX_EXPONENT: f32 = 126.0;

/// Whether a x b + c is one instruction here; where it is not, the function that rounds likewise is very slow.
pub fn has_fused_multiply_add() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    return cfg!(target_arch = "aarch64");
}

/// a x b + c, rounded once if `FUSED`.
#[inline(always)]
fn multiply_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// q^b for normal q > 0, kept within 2^-126 .. 2^126. Its relative error is below 1e-7 + 5e-8 b + 6e-8 |b log2 q|; for other
/// q the result is some finite number.
#[inline(always)]
fn power<const FUSED: bool>(q: f32, b: f32) -> f32 {
    let exponent = (q.to_bits().wrapping_sub(ROOT_OF_HALF) as i32) >> 23;
    let t = f32::from_bits(q.to_bits().wrapping_sub((exponent << 23) as u32)) - 1.0;
    let log2 = multiply_add::<FUSED>(polynomial::<FUSED, 8>(&LOG2, t), t, exponent as f32);
    let x = (b * log2).clamp(-MAX_EXPONENT, MAX_EXPONENT);
    let rounded = x + ROUNDER;
    let power_of_two = rounded.to_bits().wrapping_sub(ROUNDER.to_bits()).wrapping_add(127) << 23;
    polynomial::<FUSED, 6>(&EXP2, x - (rounded - ROUNDER)) * f32::from_bits(power_of_two)
}

#[inline(always)]
fn polynomial<const FUSED: bool, const N: usize>(coefficients: &[f32; N], t: f32) -> f32 {
    let mut sum = coefficients[N - 1];
    for at in (0..N - 1).rev() {
        sum = multiply_add::<FUSED>(sum, t, coefficients[at]);
    }
    sum
}

/// What the forces depend on.
#[derive(Clone, Copy)]
pub struct Coefficients {
    pub a: f32,
    pub b: f32,
    /// 2 gamma b.
    pub repulsion: f32,
}

/// Sums of the pulls of edges, their stiffness and their weights, 16 side by side.
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

    /// Adds the pulls of at most 16 edges, from `at` to the `places` that `columns` number.
    #[inline(always)]
    #[expect(clippy::needless_range_loop, reason = "lane by lane and axis by axis, as vector registers hold them")]
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
                self.forces[axis][lane] = multiply_add::<FUSED>(weight, force, self.forces[axis][lane]);
            }
            self.stiffness[lane] = multiply_add::<FUSED>(weight, stiffness, self.stiffness[lane]);
            self.degree[lane] += weight;
        }
    }

    /// Force, stiffness and weight of all edges.
    #[inline(always)]
    pub fn totals(&self) -> ([f32; D], f32, f32) {
        (std::array::from_fn(|axis| total(self.forces[axis])), total(self.stiffness), total(self.degree))
    }
}

/// Sums of the pushes of points, 16 side by side.
pub struct Pushes<const D: usize> {
    forces: [[f32; LANES]; D],
}

impl<const D: usize> Pushes<D> {
    #[inline(always)]
    pub fn new() -> Self {
        Self { forces: [[0.0; LANES]; D] }
    }

    /// Adds the pushes on `at` by the `places` that `others` number.
    #[inline(always)]
    #[expect(clippy::needless_range_loop, reason = "lane by lane and axis by axis, as vector registers hold them")]
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
            // A point that is drawn for itself has difference 0, and so has the push.
            let push = repulsion / ((0.001 + q) * multiply_add::<FUSED>(a, power::<FUSED>(q, b), 1.0));
            for axis in 0..D {
                self.forces[axis][lane] += (push * differences[axis][lane]).clamp(-CLIP, CLIP);
            }
        }
    }

    /// Force of all points.
    #[inline(always)]
    pub fn totals(&self) -> [f32; D] {
        std::array::from_fn(|axis| total(self.forces[axis]))
    }
}

/// The points that push in one epoch: uniform numbers below `n`, by the hashes of `first` and the numbers after it.
#[inline(always)]
pub fn draw(first: u32, n: u32) -> [u32; NEGATIVES] {
    let mut others = [0; NEGATIVES];
    for (lane, other) in others.iter_mut().enumerate() {
        *other = ((u64::from(lowbias32(first.wrapping_add(lane as u32))) * u64::from(n)) >> 32) as u32;
    }
    others
}

/// The lanes' sum, by halves.
#[inline(always)]
fn total(mut lanes: [f32; LANES]) -> f32 {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_within_the_stated_error() {
        for b in [0.3_f32, 0.895_060_9, 1.0, 2.5] {
            for step in 0..20_000 {
                let q = 2.0_f32.powf(-40.0 + step as f32 * 0.004);
                let exact = f64::from(q).powf(f64::from(b));
                let allowed = 1e-7 + 5e-8 * f64::from(b) + 6e-8 * f64::from(b * q.log2()).abs() + 1e-7;
                for value in [power::<true>(q, b), power::<false>(q, b)] {
                    let off = (f64::from(value) / exact - 1.0).abs();
                    assert!(off <= allowed, "{q}^{b} is off by {off:e}, {allowed:e} allowed");
                }
            }
        }
        assert!(power::<true>(f32::MIN_POSITIVE, 9.0) > 0.0 && power::<true>(f32::MAX, 9.0).is_finite());
        assert!(power::<false>(0.0, 0.9).is_finite());
    }
}

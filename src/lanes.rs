//! Arithmetic on 16 numbers at once, for the CPU: without branches or tables, so that compilers
//! emit vector instructions, and with sums in a fixed order.
//!
//! Functions are generic over `FUSED`: `true` if a x b + c is one instruction, which has to be
//! known at compile time.

/// Number of `f32` values in the widest vector registers.
pub(crate) const LANES: usize = 16;

/// Coefficients of log2(1 + t) / t for 1 + t from sqrt(1/2) to sqrt(2): error of the logarithm
/// below 5e-8.
const LOG2: [f32; 8] = [
    1.442_694_8,
    -0.721_357_15,
    0.480_939_44,
    -0.360_087_2,
    0.286_707_5,
    -0.250_069_1,
    0.236_890_23,
    -0.145_744_1,
];
/// Coefficients of 2^t for t from -1/2 to 1/2: relative error below 1e-7.
const EXP2: [f32; 6] =
    [1.000_000_1, 0.693_146_97, 0.240_221_2, 0.055_507_13, 0.009_675_54, 0.001_327_65];
/// Bits of sqrt(1/2).
const ROOT_OF_HALF: u32 = 0x3f35_04f3;
/// Adding this number rounds to an integer, which is then in the lowest bits.
const ROUNDER: f32 = 12_582_912.0;
/// Largest exponent of the result: 2^-126 is the least normal number.
const MAX_EXPONENT: f32 = 126.0;

/// `true` if a x b + c is one instruction on this CPU; otherwise the function with the same
/// rounding is very slow.
pub(crate) fn has_fused_multiply_add() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    return cfg!(target_arch = "aarch64");
}

/// a x b + c, rounded once if `FUSED`.
#[inline(always)]
pub(crate) fn multiply_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Logarithm to base 2 of a normal q > 0, to within 5e-8 and the rounding of its integer part; some
/// finite number for any other q.
#[inline(always)]
pub(crate) fn log2<const FUSED: bool>(q: f32) -> f32 {
    let exponent = (q.to_bits().wrapping_sub(ROOT_OF_HALF) as i32) >> 23;
    let t = f32::from_bits(q.to_bits().wrapping_sub((exponent << 23) as u32)) - 1.0;
    multiply_add::<FUSED>(polynomial::<FUSED, 8>(&LOG2, t), t, exponent as f32)
}

/// 2^x, limited to 2^-126 .. 2^126, to within a relative error of 1e-7.
#[inline(always)]
pub(crate) fn exp2<const FUSED: bool>(x: f32) -> f32 {
    let x = x.clamp(-MAX_EXPONENT, MAX_EXPONENT);
    let rounded = x + ROUNDER;
    let power_of_two = rounded.to_bits().wrapping_sub(ROUNDER.to_bits()).wrapping_add(127) << 23;
    polynomial::<FUSED, 6>(&EXP2, x - (rounded - ROUNDER)) * f32::from_bits(power_of_two)
}

/// q^b for normal q > 0. Its relative error is below 1e-7 + 5e-8 b + 6e-8 |b log2 q|.
#[inline(always)]
pub(crate) fn power<const FUSED: bool>(q: f32, b: f32) -> f32 {
    exp2::<FUSED>(b * log2::<FUSED>(q))
}

#[inline(always)]
fn polynomial<const FUSED: bool, const N: usize>(coefficients: &[f32; N], t: f32) -> f32 {
    let mut sum = coefficients[N - 1];
    for at in (0..N - 1).rev() {
        sum = multiply_add::<FUSED>(sum, t, coefficients[at]);
    }
    sum
}

/// Sum of all lanes, in the order of a binary tree.
#[inline(always)]
pub(crate) fn total(mut lanes: [f32; LANES]) -> f32 {
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
    fn powers_and_logarithms_are_those_of_double_precision() {
        for step in -1000..=1000 {
            let x = step as f32 * 0.12;
            let found = f64::from(exp2::<false>(x));
            let expected = f64::from(x).exp2();
            assert!((found / expected - 1.0).abs() < 2e-7, "2^{x} = {found}, exactly {expected}");
            let q = expected as f32;
            let found = f64::from(log2::<false>(q));
            let expected = f64::from(q).log2();
            assert!(
                (found - expected).abs() < 1e-7 + 6e-8 * expected.abs(),
                "log2 {q} = {found}, exactly {expected}"
            );
        }
    }

    #[test]
    fn powers_are_within_the_stated_error() {
        for b in [0.3_f32, 0.895_060_9, 1.0, 2.5] {
            for step in 0..20_000 {
                let q = 2.0_f32.powf(-40.0 + step as f32 * 0.004);
                let exact = f64::from(q).powf(f64::from(b));
                let allowed =
                    1e-7 + 5e-8 * f64::from(b) + 6e-8 * f64::from(b * q.log2()).abs() + 1e-7;
                for value in [power::<true>(q, b), power::<false>(q, b)] {
                    let off = (f64::from(value) / exact - 1.0).abs();
                    assert!(off <= allowed, "{q}^{b} is off by {off:e}, {allowed:e} allowed");
                }
            }
        }
        assert!(
            power::<true>(f32::MIN_POSITIVE, 9.0) > 0.0 && power::<true>(f32::MAX, 9.0).is_finite()
        );
        assert!(power::<false>(0.0, 0.9).is_finite());
    }
}

//! Digits of a column that single precision keeps, and the offset to subtract so that it keeps
//! them.
//!
//! Everything is computed in 32-bit floats, which hold 24 bits of a number. Larger numbers that
//! differ only in their last digits, such as timestamps or ids, would become equal. Subtracting a
//! number from a whole column changes no distance, so it is subtracted before the values are
//! rounded, but only if that keeps digits; other data stay unchanged.

use std::cmp::Ordering;

/// Values that differ by less than this share of their size differ by rounding alone: 8 units in
/// the last place.
const NOISE: f64 = 1.0 / (1_u64 << 49) as f64;
/// The same share for data that would otherwise be refused: sums in another order differ by more.
const LARGE_NOISE: f64 = 1.0 / (1_u64 << 40) as f64;
/// A column is crowded if a step of `f32` is more than this share of the width of some eighth of
/// its distinct values, in order.
const CROWDED: f64 = 1.0 / (1_u64 << 12) as f64;
/// Fewer than one in this many distinct values may become equal to another.
const FEW: usize = 8;
/// Number of neighbouring values that are examined together.
const RUN: usize = 16;
/// Fewer than this many of [`RUN`] neighbouring values may become equal: no group of values may
/// vanish, however small a part of the column it is.
const MOST_OF_RUN: usize = 12;
/// No two values may become equal if a step of `f32` is at least this share of the distance between
/// the quartiles, because ordinary values would then become equal too.
const COARSE: f64 = 1.0 / 16.0;
/// The values of a sample lie further apart than those of the column: a sample has to pass these
/// tests by this factor, otherwise the whole column is examined.
const SAMPLE_SHARE: usize = 8;

/// A number as a sum of two: the nearest `f64`, and the remainder of a 64-bit integer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Wide {
    high: f64,
    low: f64,
}

impl Wide {
    /// This number minus another.
    pub(crate) fn less(self, offset: f64) -> f64 {
        (self.high - offset) + self.low
    }

    /// `true` if an `f32` holds the number exactly.
    pub(crate) fn is_exact(self) -> bool {
        self.low == 0.0 && f64::from(self.high as f32) == self.high
    }

    fn minus(self, other: Self) -> f64 {
        (self.high - other.high) + (self.low - other.low)
    }

    fn order(&self, other: &Self) -> Ordering {
        self.high.total_cmp(&other.high).then(self.low.total_cmp(&other.low))
    }
}

impl From<f64> for Wide {
    fn from(high: f64) -> Self {
        // Keeps the sign of a zero.
        Self { high, low: -0.0 }
    }
}

impl From<i64> for Wide {
    fn from(value: i64) -> Self {
        let high = value as f64;
        Self { high, low: (i128::from(value) - high as i128) as f64 }
    }
}

impl From<u64> for Wide {
    fn from(value: u64) -> Self {
        let high = value as f64;
        Self { high, low: (i128::from(value) - high as i128) as f64 }
    }
}

/// Effect of single precision on a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rounding {
    /// All digits are kept.
    Fine,
    /// All digits are kept if this number is subtracted first.
    Less(f64),
    /// Digits are lost: `lost` of `different` distinct values become equal to others.
    Lossy { lost: usize, different: usize },
}

impl Rounding {
    /// Effect of rounding on a column with these values, in any order.
    pub(crate) fn of(mut values: Vec<Wide>) -> Self {
        if values.iter().all(|value| value.is_exact()) {
            return Self::Fine;
        }
        values.sort_unstable_by(Wide::order);
        let noise = |noise: f64| if is_whole(&values) { 0.0 } else { noise };
        let (noise, large_noise) = (noise(NOISE), noise(LARGE_NOISE));
        let column = different(&values, noise);
        let plain = Loss::of(&column, 0.0);
        if !plain.is_felt(1) {
            return Self::Fine;
        }
        let offset = middle(&column);
        let shifted = Loss::of(&column, offset);
        let is_less = 2 * shifted.lost < plain.lost;
        let has_more_room = shifted.lost <= plain.lost && 4.0 * shifted.crowding < plain.crowding;
        let is_better = offset != 0.0 && (is_less || has_more_room);
        let column = different(&values, large_noise);
        let loss = Loss::of(&column, if is_better { offset } else { 0.0 });
        if loss.is_too_much(1) {
            Self::Lossy { lost: loss.lost, different: loss.different }
        } else if is_better {
            Self::Less(offset)
        } else {
            Self::Fine
        }
    }

    /// `true` if a sample of a column, together with the largest size in all of it, shows that the
    /// whole column has to be examined.
    pub(crate) fn is_suspect(mut sample: Vec<Wide>, largest: f64) -> bool {
        sample.sort_unstable_by(Wide::order);
        let noise = if is_whole(&sample) { 0.0 } else { NOISE };
        let sample = different(&sample, noise);
        // In a column that seems constant only larger values can differ.
        let seems_constant = sample.iter().all(|value| value.less(0.0).abs() >= largest);
        let is_coarse =
            largest * f64::from(f32::EPSILON) >= COARSE * spread(&sample) && !seems_constant;
        is_coarse || Loss::of(&sample, 0.0).is_felt(SAMPLE_SHARE)
    }
}

/// The median of the values if subtracting `offset` in `f32` would make many different ones equal;
/// otherwise `offset`.
pub(crate) fn harmless(mut values: Vec<Wide>, offset: f32) -> f32 {
    values.sort_unstable_by(Wide::order);
    let values = different(&values, 0.0);
    if Loss::of(&values, f64::from(offset)).is_of_many(1) {
        values[values.len() / 2].high as f32
    } else {
        offset
    }
}

/// Effect of rounding on distinct values.
#[derive(Clone, Copy, Debug)]
struct Loss {
    different: usize,
    /// Number of values that become equal to the one before.
    lost: usize,
    /// Largest number of such values among [`RUN`] neighbouring ones.
    lost_of_run: usize,
    /// `true` if values become equal that are as far apart as ordinary ones.
    is_coarse: bool,
    /// Largest ratio of a step of `f32` to the width of an eighth of the values.
    crowding: f64,
}

impl Loss {
    /// Loss of ascending distinct values after `offset` is subtracted.
    fn of(values: &[Wide], offset: f64) -> Self {
        let rounded = |value: &Wide| value.less(offset) as f32;
        let is_lost: Vec<bool> =
            values.windows(2).map(|pair| rounded(&pair[0]) == rounded(&pair[1])).collect();
        let count = |lost: &[bool]| lost.iter().filter(|&&lost| lost).count();
        let lost = count(&is_lost);
        let lost_of_run = is_lost.windows(RUN).map(count).max().unwrap_or(0);
        let size = |value: &Wide| value.less(offset).abs();
        let spread = spread(values);
        let is_coarse = |(lost, value): (&bool, &Wide)| {
            *lost && size(value) * f64::from(f32::EPSILON) >= COARSE * spread
        };
        let is_coarse = is_lost.iter().zip(values).any(is_coarse);
        let eighth = (values.len() / 8).max(1);
        let crowding = |(first, last): (&Wide, &Wide)| {
            size(first).max(size(last)) * f64::from(f32::EPSILON) / last.minus(*first)
        };
        let crowding =
            values.iter().zip(values.iter().skip(eighth)).map(crowding).fold(0.0, f64::max);
        Self { different: values.len(), lost, lost_of_run, is_coarse, crowding }
    }

    /// `true` if at least one in [`FEW`] values is lost; `stricter` is a factor on the limit, as
    /// in the next two functions.
    fn is_of_many(&self, stricter: usize) -> bool {
        self.lost > 0 && stricter * FEW * self.lost >= self.different
    }

    /// `true` if too many of all values, of neighbouring values or of distant values are lost.
    fn is_too_much(&self, stricter: usize) -> bool {
        self.is_of_many(stricter) || stricter * self.lost_of_run >= MOST_OF_RUN || self.is_coarse
    }

    /// `true` if too much is lost, or could be with other rows.
    fn is_felt(&self, stricter: usize) -> bool {
        self.is_too_much(stricter) || self.crowding * stricter as f64 >= CROWDED
    }
}

/// Distance between the quartiles of ascending values.
fn spread(values: &[Wide]) -> f64 {
    if values.is_empty() {
        0.0
    } else {
        values[values.len() * 3 / 4].minus(values[values.len() / 4])
    }
}

fn is_whole(values: &[Wide]) -> bool {
    values.iter().all(|value| value.high.fract() == 0.0)
}

/// Ascending values without those that differ from the one before by at most a share of their size.
fn different(ascending: &[Wide], share: f64) -> Vec<Wide> {
    let mut kept: Vec<Wide> = Vec::with_capacity(ascending.len());
    for value in ascending {
        let is_new =
            |last: &Wide| value.minus(*last) > share * value.high.abs().max(last.high.abs());
        if kept.last().is_none_or(is_new) {
            kept.push(*value);
        }
    }
    kept
}

/// Median of ascending distinct values, rounded to as many digits as its distance from the
/// quartiles needs: an `f64` then holds the sum of it and the remainder.
fn middle(values: &[Wide]) -> f64 {
    let median = values[values.len() / 2].high;
    let spread = spread(values);
    let unit = if spread > 0.0 { spread.log2().floor().exp2() } else { return median };
    (median / unit).round() * unit
}

/// Message about a column whose digits cannot be kept.
pub(crate) fn lossy(column: usize, lost: usize, different: usize) -> String {
    format!(
        "column {column} needs more digits than 32-bit floats have, in which everything is computed: of its {different} different \
         values {lost} would become equal to another, whatever is subtracted from all of them; scale it, split it or leave it out"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = impl Into<Wide>>) -> Rounding {
        Rounding::of(values.into_iter().map(Into::into).collect())
    }

    fn uniform(n: u64) -> impl Iterator<Item = f64> {
        let random = crate::random::Random::new(1, 0);
        (0..n).map(move |i| {
            f64::from(random.uniform(2 * i))
                + f64::from(random.uniform(2 * i + 1)) / f64::from(1 << 24)
        })
    }

    #[test]
    fn values_that_an_f32_holds_well_stay() {
        for rounding in [
            of(uniform(2000)),
            of(uniform(2000).map(|v| 100.0 + v)),
            of(uniform(2000).map(|v| 1e-30 * v)),
            of(uniform(2000).map(|v| (60.0 * (v - 0.5)).exp())),
            // Half of them zero, as behind a ReLU.
            of(uniform(2000).map(|v| (v - 0.5).max(0.0))),
            // Tenths, some of them wrong in the last digit.
            of((0..1000).map(|i| f64::from(i % 10) * 0.1)),
            of((0..1000).map(|i| if i % 2 == 0 { 0.3 } else { 0.1 + 0.2 })),
            of(uniform(100).chain([1e30])),
            of((0..300).map(f64::from)),
            of([7.3; 50]),
            of((0..120).map(|i| 1_000_000_000_i64 + 64 * i)),
        ] {
            assert_eq!(rounding, Rounding::Fine);
        }
    }

    #[test]
    fn what_a_column_has_in_common_is_subtracted_where_that_keeps_digits() {
        let near = |rounding: Rounding, expected: f64, within: f64| match rounding {
            Rounding::Less(offset) => {
                assert!((offset - expected).abs() <= within, "{offset} for {expected}")
            }
            other => panic!("{other:?} for {expected}"),
        };
        near(
            of(uniform(500).enumerate().map(|(i, v)| 1.7e9 + 40.0 * (i % 2) as f64 + 4.0 * v)),
            1.7e9,
            100.0,
        );
        near(of((0..120).map(|i| 1e9 + f64::from(i))), 1e9, 200.0);
        near(of((0..120).map(|i| i64::MAX - i)), i64::MAX as f64, 2048.0);
        near(of((0..120).map(|i| u64::MAX - i)), u64::MAX as f64, 4096.0);
        near(of(uniform(500).map(|v| 5.0 + 1e-9 * v)), 5.0, 1e-8);
        near(of(uniform(500).map(|v| -1e6 + 0.1 * v)), -1e6, 1.0);
        // One value far from all others does not matter, nor many equal ones.
        near(of(uniform(500).map(|v| 1.7e9 + v).chain([0.0])), 1.7e9, 10.0);
        near(of(uniform(500).map(|v| 1.7e9 + v).chain([0.0; 900])), 1.7e9, 10.0);
    }

    #[test]
    fn a_column_that_no_number_helps_is_told_with_its_loss() {
        let halves = uniform(400).enumerate().map(|(i, v)| 1e9 * (i % 2) as f64 + 4.0 * v);
        let found = of(halves);
        assert!(
            matches!(found, Rounding::Lossy { lost: 180..=200, different: 380..=400 }),
            "{found:?}"
        );
        // A group of a tenth of the rows, and one of fourteen rows beside others that one offset
        // suits.
        let stamps = of((0..900).chain(1_700_000_000_i64..1_700_000_100));
        assert_eq!(stamps, Rounding::Lossy { lost: 98, different: 1000 });
        let small = of((0..14).chain(1_700_000_000_i64..1_700_000_900));
        assert_eq!(small, Rounding::Lossy { lost: 13, different: 914 });
        // Three distant rows, whose mutual distances are as large as those of the others.
        let three = of(uniform(600).chain(uniform(3).map(|v| 1e9 + v)));
        assert_eq!(three, Rounding::Lossy { lost: 2, different: 603 });
        let vanishing = of(uniform(100).map(|v| 1e-60 * v));
        assert_eq!(vanishing, Rounding::Lossy { lost: 99, different: 100 });
    }

    #[test]
    fn a_number_of_64_bits_is_whole_as_a_sum_of_two() {
        let value = Wide::from(i64::MAX - 7);
        assert_eq!(value.less(i64::MAX as f64), -8.0);
        assert!(!value.is_exact() && Wide::from(1_i64 << 40).is_exact());
    }
}

//! Sums.

use super::harness::uniform;
use super::harness::{Pair, ROUNDING, Tolerance, floats};
use crate::compute::Buffer;
use crate::compute::reduce::{self, Sum};

/// Both devices add 16 values a thread and then a tree of 8 levels: at most 24 roundings, of values
/// of one sign.
const SUM: Tolerance = Tolerance { each: 24.0 * ROUNDING, largest: 0.0 };

/// Three levels of that.
const SUM_OF_SUMS: Tolerance = Tolerance { each: 72.0 * ROUNDING, largest: 0.0 };

pub fn sum_blocks(pair: &Pair, n: usize) {
    // A block has 4,096 values: `n` of them, and the sizes around one block.
    for n in [n, 4096 - 1 + n, 10 * 4096 + n] {
        let values = uniform(1, n, 0.5, 1.5);
        pair.compare(&format!("sum_blocks of {n}"), SUM, |device| {
            let values = Buffer::from_slice(device, "values", &values)?;
            let mut sums = Buffer::new(device, "sums", n.div_ceil(4096))?;
            reduce::sum_blocks(device, &values, &mut sums, n)?;
            sums.read(device).map(floats)
        });
        pair.compare(&format!("sum of {n}"), SUM_OF_SUMS, |device| {
            let values = Buffer::from_slice(device, "values", &values)?;
            let mut sum = Buffer::new(device, "sum", 1)?;
            Sum::new(device, n)?.run(device, &values, &mut sum)?;
            sum.read(device).map(floats)
        });
    }
}

//! The comparison notices what it is for.

use crate::support::{LIMITS, cpu, gpu};
use layerlens::compute::Device;
use layerlens::parity::harness::{EXACT, Pair, Tolerance};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The message of the panic that `work` ends in, if it does.
fn complaint(work: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(work)).err()?;
    Some(
        panic
            .downcast_ref::<String>()
            .map_or("a panic without a message", String::as_str)
            .to_owned(),
    )
}

/// Panics unless `work` panics with a message that contains `expected`.
fn assert_noticed(work: impl FnOnce(), expected: &str) {
    let found = complaint(work);
    assert!(
        found.as_ref().is_some_and(|message| message.contains(expected)),
        "{found:?} instead of {expected}"
    );
}

#[test]
fn a_device_is_not_compared_with_its_like() {
    assert_noticed(|| drop(Pair::new(cpu(), cpu())), "parity compares a CPU with a GPU");
    let Some(gpu) = gpu(LIMITS[0]) else { return };
    assert_noticed(
        || drop(Pair::new(gpu.clone(), gpu.clone())),
        "parity compares a CPU with a GPU",
    );
    assert_noticed(|| drop(Pair::new(gpu.clone(), cpu())), "parity compares a CPU with a GPU");
}

#[test]
fn a_wrong_twin_is_noticed() {
    let Some(gpu) = gpu(LIMITS[0]) else { return };
    let pair = Pair::new(cpu(), gpu);
    let answer = |wrong: fn(&mut Vec<f64>)| {
        move |device: &Device| {
            let mut values = vec![1.0, 100.0, 0.0];
            if matches!(device, Device::Gpu(_)) {
                wrong(&mut values);
            }
            Ok(values)
        }
    };
    let each = Tolerance { each: 1e-6, largest: 0.0 };
    let largest = Tolerance { each: 0.0, largest: 1e-6 };
    pair.compare("right", EXACT, answer(|_| ()));
    pair.compare("within", each, answer(|values| values[0] += 0.9e-6));
    pair.compare("within", largest, answer(|values| values[2] += 0.9e-4));
    assert_noticed(|| pair.compare("a", each, answer(|values| values[0] += 1.1e-6)), "value 0");
    assert_noticed(|| pair.compare("b", largest, answer(|values| values[2] += 1.1e-4)), "value 2");
    assert_noticed(
        || pair.compare("c", largest, answer(|values| values[1] = f64::NAN)),
        "value 1 is NaN",
    );
    assert_noticed(|| pair.compare("d", largest, answer(|values| values.truncate(2))), "lengths");
    assert_noticed(|| pair.compare("e", EXACT, |_| Ok(vec![])), "nothing was compared");
}

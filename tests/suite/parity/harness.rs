//! The comparison itself, and the proof that it notices what it is for.

use crate::support::{LIMITS, cpu, gpu};
use layerlens::compute::Device;
use layerlens::error::Result;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How far two results may lie apart: |a - b| <= each |b| + largest max |b|.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// Relative to each value.
    pub each: f64,
    /// Relative to the largest value, for sums that cancel.
    pub largest: f64,
}

/// For results that are selected or ordered, not computed.
pub const EXACT: Tolerance = Tolerance { each: 0.0, largest: 0.0 };

/// Half a unit in the last place of 1: what one operation in f32 rounds by at most.
pub const ROUNDING: f64 = 1.0 / (1 << 24) as f64;

/// A CPU and a GPU whose results are compared.
#[derive(Debug)]
pub struct Pair {
    cpu: Device,
    gpu: Device,
}

impl Pair {
    /// # Panics
    /// If the devices are not one CPU and one GPU: a device compared with itself agrees whatever it computes.
    pub fn new(cpu: Device, gpu: Device) -> Self {
        let different = matches!((&cpu, &gpu), (Device::Cpu(_), Device::Gpu(_)));
        assert!(different, "parity compares a CPU with a GPU, not {cpu:?} with {gpu:?}");
        Self { cpu, gpu }
    }

    /// Runs `compute` on both devices and panics, naming `what`, where the results differ by more than `tolerance`.
    pub fn compare(&self, what: &str, tolerance: Tolerance, compute: impl Fn(&Device) -> Result<Vec<f64>>) {
        let run = |device| compute(device).unwrap_or_else(|error| panic!("{what} on {device:?}: {error}"));
        let (expected, actual) = (run(&self.cpu), run(&self.gpu));
        assert_eq!(actual.len(), expected.len(), "{what}: lengths on GPU and CPU");
        assert!(!expected.is_empty(), "{what}: nothing was compared");
        let largest = expected.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
        for (at, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
            assert!(
                actual.is_finite() && expected.is_finite(),
                "{what}: value {at} is {actual} on the GPU, {expected} on the CPU"
            );
            let allowed = tolerance.each * expected.abs() + tolerance.largest * largest;
            let apart = (actual - expected).abs();
            assert!(
                apart <= allowed,
                "{what}: value {at} is {actual} on the GPU, {expected} on the CPU: {apart:e} apart, {allowed:e} allowed"
            );
        }
    }
}

/// Results of a kernel as numbers that can be compared.
pub fn floats(values: Vec<f32>) -> Vec<f64> {
    values.into_iter().map(f64::from).collect()
}

/// Ids and flags as numbers that can be compared.
pub fn integers(values: Vec<u32>) -> Vec<f64> {
    values.into_iter().map(f64::from).collect()
}

/// The message of the panic that `work` ends in, if it does.
pub fn complaint(work: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(work)).err()?;
    Some(panic.downcast_ref::<String>().map_or("a panic without a message", String::as_str).to_owned())
}

/// Panics unless `work` panics with a message that contains `expected`.
fn assert_noticed(work: impl FnOnce(), expected: &str) {
    let found = complaint(work);
    assert!(found.as_ref().is_some_and(|message| message.contains(expected)), "{found:?} instead of {expected}");
}

#[test]
fn a_device_is_not_compared_with_its_like() {
    assert_noticed(|| drop(Pair::new(cpu(), cpu())), "parity compares a CPU with a GPU");
    let Some(gpu) = gpu(LIMITS[0]) else { return };
    assert_noticed(|| drop(Pair::new(gpu.clone(), gpu.clone())), "parity compares a CPU with a GPU");
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
    assert_noticed(|| pair.compare("c", largest, answer(|values| values[1] = f64::NAN)), "value 1 is NaN");
    assert_noticed(|| pair.compare("d", largest, answer(|values| values.truncate(2))), "lengths");
    assert_noticed(|| pair.compare("e", EXACT, |_| Ok(vec![])), "nothing was compared");
}

//! Comparison of results of two devices.

use crate::compute::Device;
use crate::error::Result;
use crate::random::Random;

/// Tolerance of a comparison: |a - b| <= each |b| + largest max |b|.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// Tolerance relative to each value.
    pub each: f64,
    /// Tolerance relative to the largest value, for sums that cancel.
    pub largest: f64,
}

/// Tolerance 0, for results that are selected or ordered, not computed.
pub const EXACT: Tolerance = Tolerance { each: 0.0, largest: 0.0 };

/// Half a unit in the last place of 1: the maximum rounding error of one operation in f32.
pub const ROUNDING: f64 = 1.0 / (1 << 24) as f64;

/// A CPU and a GPU, whose results are compared.
#[derive(Debug)]
pub struct Pair {
    cpu: Device,
    gpu: Device,
}

impl Pair {
    /// A pair of devices to compare.
    ///
    /// # Panics
    /// If the devices are not one CPU and one GPU: a device compared with itself always agrees.
    pub fn new(cpu: Device, gpu: Device) -> Self {
        let different = matches!((&cpu, &gpu), (Device::Cpu(_), Device::Gpu(_)));
        assert!(different, "parity compares a CPU with a GPU, not {cpu:?} with {gpu:?}");
        Self { cpu, gpu }
    }

    /// Runs `compute` on both devices.
    ///
    /// # Panics
    /// Naming `what`, if the results differ by more than `tolerance`, or a device fails.
    pub fn compare(
        &self,
        what: &str,
        tolerance: Tolerance,
        compute: impl Fn(&Device) -> Result<Vec<f64>>,
    ) {
        let run = |device| {
            compute(device).unwrap_or_else(|error| panic!("{what} on {device:?}: {error}"))
        };
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
                "{what}: value {at} is {actual} on the GPU, {expected} on the CPU: {apart:e} \
                 apart, {allowed:e} allowed"
            );
        }
    }
}

/// Results of a kernel as numbers for comparison.
pub fn floats(values: Vec<f32>) -> Vec<f64> {
    values.into_iter().map(f64::from).collect()
}

/// Ids and flags as numbers for comparison.
pub fn integers(values: Vec<u32>) -> Vec<f64> {
    values.into_iter().map(f64::from).collect()
}

/// `len` uniform numbers in `low .. high`; the same for the same `stream`.
pub fn uniform(stream: u64, len: usize, low: f32, high: f32) -> Vec<f32> {
    let random = Random::new(7, stream);
    (0..len as u64).map(|item| low + (high - low) * random.uniform(item)).collect()
}

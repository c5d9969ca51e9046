//! What the benches share: the devices to compare and the median of repeats.

use layerlens::compute::{Device, GpuOptions};
use std::time::Instant;

/// The CPU, and a GPU if there is any adapter, a software one included.
pub fn devices() -> Vec<Device> {
    let gpu = Device::gpu(&GpuOptions::from_env());
    if let Err(error) = &gpu {
        println!("CPU alone: {error}");
    }
    let devices: Vec<Device> = [Device::cpu()].into_iter().chain(gpu).collect();
    for device in &devices {
        println!("{}", device.describe(String::new()).name);
    }
    devices
}

/// Prints the median seconds of `repeats` runs after one that is not counted (it compiles the
/// pipelines).
pub fn time(device: &Device, label: &str, repeats: usize, mut work: impl FnMut(&Device)) {
    work(device);
    let mut seconds: Vec<f64> = (0..repeats)
        .map(|_| {
            let start = Instant::now();
            work(device);
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let kind = device.describe(String::new()).kind;
    println!("{label:<44} {kind} {:>9.3} s  (median of {repeats})", seconds[repeats / 2]);
}

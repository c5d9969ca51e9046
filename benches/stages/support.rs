//! What the benches share: the devices to compare, real images, and the median of repeats.

use layerlens::compute::{Device, GpuOptions};
use layerlens::dataset::Dataset;
use layerlens::matrix::Matrix;
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

/// The first `n` training images of Fashion-MNIST (of the embedded sample up to 10,000), their first `d` pixels from the middle
/// on, n x d.
pub fn images(n: usize, d: usize) -> Matrix {
    let name = if n <= 10_000 { "fashion-mnist-sample" } else { "fashion-mnist" };
    let data = Dataset::load(name, None).expect("the data set");
    let features = data.train.images.features();
    let first = (features.n_features() - d) / 2;
    let values = (0..n).flat_map(|i| features.row(i)[first..][..d].to_vec()).collect();
    Matrix::new(values, n, d).expect("finite pixels")
}

/// Prints the median seconds of `repeats` runs after one that is not counted (it compiles the pipelines).
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

//! Exact neighbours, upload and read-back included: CPU against GPU.

use crate::support;
use layerlens::compute::Device;
use layerlens::neighbors::nearest_neighbors;
use layerlens::progress::Silent;

pub fn run(devices: &[Device], sizes: &[usize]) {
    for device in devices {
        for &n in sizes {
            for d in [64, 784] {
                let x = support::images(n, d);
                support::time(device, &format!("90 nearest of {n} x {d}"), 3, |device| {
                    nearest_neighbors(device, &x, 90, &Silent).expect("neighbours");
                });
            }
        }
    }
}

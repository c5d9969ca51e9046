//! Neighbours, upload and read-back included: CPU against GPU, few and many neighbours, exact and approximate.

use crate::support;
use layerlens::compute::Device;
use layerlens::neighbors::{Search, SearchMethod};
use layerlens::progress::Silent;

pub fn run(devices: &[Device], sizes: &[usize]) {
    for device in devices {
        for &n in sizes {
            for (d, k) in [(64, 15), (64, 90), (784, 15), (784, 90)] {
                let x = support::images(n, d);
                for (method, name) in [(SearchMethod::Exact, "exact"), (SearchMethod::Approximate, "approximate")] {
                    let search = Search { method, ..Search::default() };
                    support::time(device, &format!("{k} nearest of {n} x {d}, {name}"), 3, |device| {
                        search.nearest_neighbors(device, &x, k, &Silent).expect("neighbours");
                    });
                }
            }
        }
    }
}

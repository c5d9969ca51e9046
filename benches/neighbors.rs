//! Exact neighbours, upload and read-back included: CPU against GPU. `cargo bench --bench neighbors [-- N]` adds size N.

mod support;

use layerlens::neighbors::nearest_neighbors;
use layerlens::progress::Silent;

fn main() {
    let extra = std::env::args().filter_map(|word| word.parse().ok());
    let sizes: Vec<usize> = [1000, 3000].into_iter().chain(extra).collect();
    for device in support::devices() {
        for &n in &sizes {
            for d in [64, 784] {
                let x = support::images(n, d);
                support::time(&device, &format!("90 nearest of {n} x {d}"), 3, |device| {
                    nearest_neighbors(device, &x, 90, &Silent).expect("neighbours");
                });
            }
        }
    }
}

//! A GPU's failures are errors, and what is dispatched arrives in order.

use crate::support::{LIMITS, Variant, assert_same_bytes, gpu, groups, own_gpu, uniform_matrix};
use layerlens::compute::{Buffer, Device, DeviceChoice, GpuOptions};
use layerlens::embedding::pca::products;
use layerlens::embedding::{Pca, Tsne};
use layerlens::error::{Error, Result};
use layerlens::neighbors::nearest_neighbors;
use layerlens::progress::Silent;
use std::sync::mpsc;
use std::time::Duration;

/// Longer than any of these tests takes, shorter than anyone waits.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_buffer_beyond_the_limit_is_an_error_that_names_it() {
    for device in LIMITS.into_iter().filter_map(gpu) {
        let bytes = device.max_binding_bytes() / 4 * 4 + 4;
        match Buffer::<f32>::zeros(&device, "far too much", (bytes / 4) as usize) {
            Err(Error::GpuMemory { buffer, bytes: found, message }) => {
                assert_eq!((buffer.as_str(), found), ("far too much", bytes));
                assert!(message.contains("binds at most"), "{message}");
            }
            other => panic!("{other:?}"),
        }
        // The device is as good as before.
        let back = Buffer::from_slice(&device, "enough", &[1.0_f32, 2.0]).and_then(|buffer| buffer.read(&device));
        assert_eq!(back.expect("a small buffer"), [1.0, 2.0]);
    }
}

/// What `work` gives, unless it hangs.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(PATIENCE).expect("an answer in time, and no panic")
}

type Work = fn(&Device) -> Result<()>;

#[test]
fn work_on_a_lost_device_is_an_error() {
    let works: [(&str, Work); 4] = [
        ("a buffer", |device| Buffer::from_slice(device, "points", &[1.0_f32]).and_then(|it| it.read(device)).map(drop)),
        ("neighbours", |device| nearest_neighbors(device, &uniform_matrix(40, 100, 20), 5, &Silent).map(drop)),
        ("PCA", |device| Pca::default().fit(device, &uniform_matrix(40, 100, 20)).map(drop)),
        ("t-SNE", |device| Tsne { perplexity: 5.0.into(), ..Tsne::default() }.fit(device, &uniform_matrix(40, 100, 2)).map(drop)),
    ];
    for (what, work) in works {
        for used_before in [false, true] {
            let Some(gpu) = own_gpu() else { return };
            let error = in_time(move || {
                let device = Device::Gpu(gpu.clone());
                if used_before {
                    work(&device).expect("a device that works");
                }
                gpu.destroy();
                work(&device).expect_err("the device is gone")
            });
            assert!(matches!(error, Error::DeviceLost { .. }), "{what}, used before: {used_before}: {error:?}");
        }
    }
}

#[test]
fn a_device_lost_with_work_under_way_is_an_error() {
    let Some(gpu) = own_gpu() else { return };
    let error = in_time(move || {
        let device = Device::Gpu(gpu.clone());
        let rows = Buffer::from_slice(&device, "rows", &[2.0_f32; 64]).expect("a buffer");
        let mut products = Buffer::zeros(&device, "products", 64 * 64).expect("a buffer");
        products::covariance(&device, &rows, &mut products, 0, 1, 64).expect("a dispatch");
        gpu.destroy();
        products.read(&device).expect_err("the device is gone")
    });
    assert!(matches!(error, Error::DeviceLost { .. }), "{error:?}");
}

/// Adds the squares of the first `n` of 0, 1, ... 12, 0, 1, ... by one dispatch each, with a uniform of its own.
fn sum_of_squares(device: &Device, n: usize) -> Result<f32> {
    let rows: Vec<f32> = (0..n).map(|row| (row % 13) as f32).collect();
    let rows = Buffer::from_slice(device, "rows", &rows)?;
    let mut products = Buffer::zeros(device, "products", 1)?;
    for row in 0..n {
        products::covariance(device, &rows, &mut products, row, 1, 1)?;
    }
    Ok(products.read(device)?[0])
}

/// The uniforms of 16,384 dispatches fit the ring at the smallest alignment, of 1,024 at WebGPU's default.
#[test]
fn more_dispatches_than_fit_one_submit_all_arrive() {
    for variant in LIMITS {
        let Some(device) = gpu(variant) else { return };
        let n = if variant == Variant::Adapter { 17_000 } else { 3_000 };
        let expected: usize = (0..n).map(|row| (row % 13) * (row % 13)).sum();
        assert_eq!(sum_of_squares(&device, n).expect("a sum"), expected as f32);
    }
}

#[test]
fn results_can_be_read_after_every_dispatch_and_from_several_threads() {
    let Some(device) = gpu(LIMITS[1]) else { return };
    let rows = Buffer::from_slice(&device, "rows", &[3.0_f32]).expect("a buffer");
    let mut products = Buffer::zeros(&device, "products", 1).expect("a buffer");
    for dispatches in 1..=200 {
        products::covariance(&device, &rows, &mut products, 0, 1, 1).expect("a dispatch");
        assert_eq!(products.read(&device).expect("a product"), [9.0 * dispatches as f32]);
    }
    std::thread::scope(|scope| {
        let both: Vec<_> = [1300, 2600]
            .map(|n| {
                scope.spawn({
                    let device = &device;
                    move || sum_of_squares(device, n)
                })
            })
            .into();
        let sums: Vec<_> = both.into_iter().map(|thread| thread.join().expect("no panic").expect("a sum")).collect();
        assert_eq!(sums, [65_000.0, 130_000.0]);
    });
}

#[test]
fn two_runs_give_the_same_bytes() {
    let x = groups(41, 5, 60, 20);
    let tsne = Tsne { max_iter: 60, early_exaggeration_iter: 30, ..Tsne::default() };
    // The second on a device that was opened anew, and both with other work of other tests in between.
    let (Some(device), Some(again)) = (gpu(LIMITS[0]), own_gpu().map(Device::Gpu)) else { return };
    let neighbors = |device| nearest_neighbors(device, &x, 90, &Silent).expect("neighbours");
    let fitted = |device| tsne.fit(device, &x).expect("a map");
    let (graph, map) = (neighbors(&device), fitted(&device));
    for device in [&device, &again] {
        assert_eq!(neighbors(device).indices(), graph.indices());
        assert_same_bytes(neighbors(device).distances(), graph.distances(), "distances");
        assert_same_bytes(fitted(device).embedding().as_slice(), map.embedding().as_slice(), "map");
        assert_eq!(fitted(device).results(), map.results());
    }
}

#[test]
fn auto_never_takes_a_software_adapter() {
    let (device, description) = Device::open(DeviceChoice::Auto, &GpuOptions::default()).expect("the CPU at least");
    match device {
        Device::Gpu(gpu) => assert!(!gpu.is_software(), "{description:?}"),
        Device::Cpu(_) => assert!(description.kind == "cpu" && !description.reason.is_empty(), "{description:?}"),
    }
}

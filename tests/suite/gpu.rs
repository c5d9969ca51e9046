//! A GPU's failures are errors, and what is dispatched arrives in order.

use crate::support::{LIMITS, Variant, assert_same_bytes, gpu, groups, own_gpu, uniform_matrix};
use layerlens::clustering::KMeans;
use layerlens::compute::{Buffer, Device, DeviceChoice, DeviceKind, GpuOptions};
use layerlens::embedding::pca::products;
use layerlens::embedding::{Pca, Trimap, Tsne, Umap};
use layerlens::error::{Error, Result};
use layerlens::matrix::Matrix;
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
        let back = Buffer::from_slice(&device, "enough", &[1.0_f32, 2.0])
            .and_then(|buffer| buffer.read(&device));
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
        ("a buffer", |device| {
            Buffer::from_slice(device, "points", &[1.0_f32])
                .and_then(|it| it.read(device))
                .map(drop)
        }),
        ("neighbours", |device| {
            nearest_neighbors(device, &uniform_matrix(40, 100, 20), 5, &Silent).map(drop)
        }),
        ("PCA", |device| Pca::default().fit(device, &uniform_matrix(40, 100, 20)).map(drop)),
        ("t-SNE", |device| {
            Tsne { perplexity: 5.0.into(), ..Tsne::default() }
                .fit(device, &uniform_matrix(40, 100, 2))
                .map(drop)
        }),
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
            assert!(
                matches!(error, Error::DeviceLost { .. }),
                "{what}, used before: {used_before}: {error:?}"
            );
        }
    }
}

#[test]
fn a_device_lost_with_work_under_way_is_an_error() {
    let Some(gpu) = own_gpu() else { return };
    let error = in_time(move || {
        let device = Device::Gpu(gpu.clone());
        let rows = Buffer::from_slice(&device, "rows", &[2.0_f32; 64]).expect("a buffer");
        let mean = Buffer::zeros(&device, "mean", 64).expect("a buffer");
        let mut products = Buffer::zeros(&device, "products", 64 * 64).expect("a buffer");
        products::covariance(&device, &rows, &mean, &mut products, (0, 1), 64).expect("a dispatch");
        gpu.destroy();
        products.read(&device).expect_err("the device is gone")
    });
    assert!(matches!(error, Error::DeviceLost { .. }), "{error:?}");
}

/// A device that is lost at the submit of that number, counted from 1.
fn lost_at(submit: u64) -> Option<Device> {
    let options = GpuOptions { lost_at_submit: Some(submit), ..own_gpu()?.options().clone() };
    Some(Device::gpu(&options).expect("the same adapter again"))
}

/// One epoch of a small network on 200 images.
#[cfg(feature = "train")]
fn train_a_little(device: &Device) -> Result<()> {
    use layerlens::dataset::Dataset;
    use layerlens::recipe::{Blueprint, PRESET_INPUT};
    use layerlens::training::{Job, Training};

    let data = Dataset::load("fashion-mnist-sample", None)?;
    let samples = data.train.select(&(0..200).collect::<Vec<_>>());
    let network = Blueprint::mlp(&[8]).build(PRESET_INPUT, data.class_names.len())?;
    let training = Training { epochs: 1, batch_size: 32, ..Training::default() };
    training.train(device, &Job::new(&network, &samples, &samples), &Silent).map(drop)
}

/// A hook loses the device at each of the first pieces of work that are handed to it, then at ever
/// fewer of them, until the work is done without having reached it.
#[test]
fn a_device_lost_at_any_moment_is_an_error_that_names_the_work() {
    fn x() -> Matrix {
        groups(41, 3, 40, 12)
    }
    let works: &[(&str, Work)] = &[
        ("uploads", |device| {
            let values = vec![1.0_f32; 30 << 20];
            Buffer::from_slice(device, "much", &values).and_then(|it| it.read(device)).map(drop)
        }),
        ("neighbours", |device| nearest_neighbors(device, &x(), 5, &Silent).map(drop)),
        ("t-SNE", |device| {
            Tsne { max_iter: 40, early_exaggeration_iter: 13, ..Tsne::default() }
                .fit(device, &x())
                .map(drop)
        }),
        ("UMAP", |device| {
            Umap { n_epochs: 20.into(), ..Umap::default() }.fit(device, &x()).map(drop)
        }),
        ("TriMAP", |device| {
            Trimap { max_iter: 20, ..Trimap::default() }.fit(device, &x()).map(drop)
        }),
        ("k-means", |device| {
            KMeans { n_clusters: 3.into(), ..KMeans::default() }
                .fit(device, &x(), &Silent)
                .map(drop)
        }),
        #[cfg(feature = "train")]
        ("training", train_a_little),
    ];
    for &(what, work) in works {
        let (mut submit, mut step) = (1, 1);
        loop {
            let Some(device) = lost_at(submit) else { return };
            let outcome = in_time(move || work(&device));
            let Err(error) = outcome else { break };
            let Error::DeviceLost { during, .. } = &error else {
                panic!("{what}, submit {submit}: {error:?}")
            };
            assert!(!during.is_empty(), "{what}, submit {submit}: {error}");
            step += submit / 3;
            submit += step;
        }
        assert!(submit > 1, "{what}: nothing was handed to the device");
    }
}

/// Adds the squares of the first `n` of 0, 1, ... 12, 0, 1, ... by one dispatch each, with a
/// uniform of its own.
fn sum_of_squares(device: &Device, n: usize) -> Result<f32> {
    let rows: Vec<f32> = (0..n).map(|row| (row % 13) as f32).collect();
    let rows = Buffer::from_slice(device, "rows", &rows)?;
    let mean = Buffer::zeros(device, "mean", 1)?;
    let mut products = Buffer::zeros(device, "products", 1)?;
    for row in 0..n {
        products::covariance(device, &rows, &mean, &mut products, (row, 1), 1)?;
    }
    Ok(products.read(device)?[0])
}

/// The uniforms of 16,384 dispatches fit the ring at the smallest alignment, of 1,024 at WebGPU's
/// default.
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
    let mean = Buffer::zeros(&device, "mean", 1).expect("a buffer");
    let mut products = Buffer::zeros(&device, "products", 1).expect("a buffer");
    for dispatches in 1..=200 {
        products::covariance(&device, &rows, &mean, &mut products, (0, 1), 1).expect("a dispatch");
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
        let sums: Vec<_> = both
            .into_iter()
            .map(|thread| thread.join().expect("no panic").expect("a sum"))
            .collect();
        assert_eq!(sums, [65_000.0, 130_000.0]);
    });
}

#[test]
fn two_runs_give_the_same_bytes() {
    let x = groups(41, 5, 60, 20);
    let tsne = Tsne { max_iter: 60, early_exaggeration_iter: 30, ..Tsne::default() };
    // The second on a device that was opened anew, and both with other work of other tests in
    // between.
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

/// A device of its own, opened as the tests' is but for `change`.
fn opened(change: impl FnOnce(&mut GpuOptions)) -> Option<Device> {
    let mut options = own_gpu()?.options().clone();
    change(&mut options);
    Some(Device::gpu(&options).expect("the same adapter again"))
}

/// Shaders check nothing in the program, everything in the tests.
#[test]
fn checks_in_shaders_change_no_byte() {
    let x = groups(43, 4, 70, 30);
    let tsne = Tsne { max_iter: 30, early_exaggeration_iter: 10, ..Tsne::default() };
    let all = |device: &Device| {
        let graph = nearest_neighbors(device, &x, 20, &Silent).expect("neighbours");
        let clusters = KMeans { n_clusters: 4.into(), ..KMeans::default() }
            .fit(device, &x, &Silent)
            .expect("clusters");
        [
            graph.distances().to_vec(),
            Pca::default().fit(device, &x).expect("components").embedding().as_slice().to_vec(),
            tsne.fit(device, &x).expect("a map").embedding().as_slice().to_vec(),
            Umap { n_epochs: 20.into(), ..Umap::default() }
                .fit(device, &x)
                .expect("a map")
                .embedding()
                .as_slice()
                .to_vec(),
            Trimap { max_iter: 20, ..Trimap::default() }
                .fit(device, &x)
                .expect("a map")
                .embedding()
                .as_slice()
                .to_vec(),
            clusters.cluster_centers.as_slice().to_vec(),
        ]
    };
    let Some(trusted) = opened(|options| (options.checks, options.poison) = (false, false)) else {
        return;
    };
    let Some(checked) = opened(|options| options.checks = true) else { return };
    for (at, (trusted, checked)) in all(&trusted).iter().zip(&all(&checked)).enumerate() {
        assert_same_bytes(trusted, checked, &format!("result {at}"));
    }
}

#[test]
fn compiled_kernels_are_kept_and_a_damaged_file_of_them_does_no_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    let sum = || {
        let device = opened(|options| options.cache = Some(folder.path().join("kernels")))?;
        Some(sum_of_squares(&device, 30).expect("a sum"))
    };
    let Some(first) = sum() else { return };
    let files = || -> Vec<_> {
        let entries = std::fs::read_dir(folder.path().join("kernels")).into_iter().flatten();
        entries.map(|entry| entry.expect("an entry").path()).collect()
    };
    // Not every driver keeps kernels.
    let Some(file) = files().pop() else { return };
    let whole = std::fs::read(&file).expect("the kernels");
    assert!(whole.len() > 100);
    for bytes in [whole.clone(), whole[..50].to_vec(), vec![7; 4000], Vec::new()] {
        std::fs::write(&file, bytes).expect("a file");
        assert_eq!(sum(), Some(first));
        assert_eq!(files(), std::slice::from_ref(&file));
    }
}

/// What bounds the length of a dispatch: the times that the device tells must be of its work.
#[test]
fn kernels_are_timed_by_the_device() {
    let Some(Device::Gpu(gpu)) = opened(|_| ()) else { return };
    if !gpu.begin_profile().expect("a device") {
        return;
    }
    let device = Device::Gpu(gpu.clone());
    let x = uniform_matrix(44, 700, 64);
    let start = std::time::Instant::now();
    nearest_neighbors(&device, &x, 5, &Silent).expect("neighbours");
    let times = gpu.end_profile().expect("times");
    let wall = start.elapsed().as_secs_f64();
    let busy: f64 = times.iter().map(|(_, _, time)| time.seconds).sum();
    assert!(busy > 0.0 && busy < wall, "{busy} s busy in {wall} s");
    let (_, _, product) =
        times.iter().find(|(_, entry, _)| entry.contains("distances")).expect("the distances");
    assert!(
        product.calls > 0
            && product.seconds >= product.longest
            && product.work.flops >= 2 * 700 * 700 * 64 / 2,
        "{product:?}"
    );
    assert!(gpu.end_profile().expect("no profile").is_empty(), "a profile ends");
    let counters = gpu.counters();
    assert!(
        counters.dispatches > 2
            && counters.submits > 0
            && counters.bytes_up >= 700 * 64 * 4
            && counters.bytes_down > 0
    );
}

#[test]
fn auto_never_takes_a_software_adapter() {
    let (device, description) =
        Device::open(DeviceChoice::Auto, &GpuOptions::default()).expect("the CPU at least");
    match device {
        Device::Gpu(gpu) => assert!(!gpu.is_software(), "{description:?}"),
        Device::Cpu(_) => {
            assert!(
                description.kind == DeviceKind::Cpu && !description.reason.is_empty(),
                "{description:?}"
            )
        }
    }
}

//! What the tests share: devices that poison fresh buffers, reproducible data, the stored reference
//! arrays, and a brute-force neighbour search in double precision.

use layerlens::compute::{Cpu, Device, Gpu, GpuOptions};
use layerlens::matrix::Matrix;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Set to 1 where a missing GPU must fail the tests instead of skipping them.
const REQUIRE_GPU: &str = "LAYERLENS_REQUIRE_GPU";

/// Part of the name of the adapter that the tests take; no other one will do.
const ADAPTER: &str = "LAYERLENS_ADAPTER";

/// How a test's GPU is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variant {
    /// With the limits of the adapter.
    Adapter,
    /// With WebGPU's default limits.
    DefaultLimits,
    /// With three workgroups per dimension and seven rows a dispatch, so that small problems need
    /// the second of each.
    ThreeWorkgroups,
}

/// The variants that differ in what a kernel may use.
pub const LIMITS: [Variant; 2] = [Variant::Adapter, Variant::DefaultLimits];

/// The CPU, poisoning fresh buffers.
pub fn cpu() -> Device {
    Device::Cpu(Cpu { poison: true })
}

fn options(variant: Variant) -> GpuOptions {
    // Without naga's checks, as users run the shaders, where that is asked for.
    let trusted = std::env::var("LAYERLENS_SHADER_CHECKS").is_ok_and(|value| value == "0");
    let adapter = std::env::var(ADAPTER).ok();
    let options = GpuOptions {
        poison: true,
        checks: !trusted,
        cache: None,
        adapter,
        ..GpuOptions::from_env()
    };
    match variant {
        Variant::Adapter => options,
        Variant::DefaultLimits => GpuOptions { downlevel: true, ..options },
        Variant::ThreeWorkgroups => GpuOptions {
            max_workgroups_per_dimension: Some(3),
            max_rows_per_dispatch: Some(7),
            ..options
        },
    }
}

/// The GPU opened that way, once for all tests, or none if this machine has none.
///
/// # Panics
/// If there is none and `LAYERLENS_REQUIRE_GPU` is 1.
pub fn gpu(variant: Variant) -> Option<Device> {
    static OPENED: Mutex<BTreeMap<Variant, Option<Device>>> = Mutex::new(BTreeMap::new());
    let opened = || open(variant).inspect(|device| announce(&format!("{variant:?}: {device:?}")));
    let device = OPENED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .entry(variant)
        .or_insert_with(opened)
        .clone();
    if device.is_none() {
        announce(&format!(
            "SKIPPED, no GPU: {}",
            std::thread::current().name().unwrap_or("a test")
        ));
    }
    device
}

/// A GPU of its own, for tests that break it.
pub fn own_gpu() -> Option<Arc<Gpu>> {
    match open(Variant::Adapter)? {
        Device::Gpu(gpu) => Some(gpu),
        Device::Cpu(_) => None,
    }
}

fn open(variant: Variant) -> Option<Device> {
    match Device::gpu(&options(variant)) {
        Ok(device) => Some(device),
        Err(error) if std::env::var(REQUIRE_GPU).is_ok_and(|value| value == "1") => {
            panic!("{REQUIRE_GPU} is 1, and there is {error}")
        }
        Err(error) => {
            announce(&format!(
                "SKIPPED, {variant:?}: {error}; {REQUIRE_GPU}=1 makes this a failure"
            ));
            None
        }
    }
}

/// Writes a line that the test harness does not capture: it captures the print macros only.
pub fn announce(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("standard error can be written");
}

/// The CPU and, where there is one, the GPU of each of `variants`.
pub fn devices(variants: &[Variant]) -> Vec<Device> {
    std::iter::once(cpu()).chain(variants.iter().filter_map(|&variant| gpu(variant))).collect()
}

pub use layerlens::parity::harness::uniform;

/// An n x d matrix of uniform numbers in -1 .. 1.
pub fn uniform_matrix(stream: u64, n: usize, d: usize) -> Matrix {
    Matrix::new(uniform(stream, n * d, -1.0, 1.0), n, d).expect("finite")
}

/// Standard normal numbers, sums of twelve uniform ones.
pub fn normal(stream: u64, len: usize) -> Vec<f32> {
    uniform(stream, 12 * len, 0.0, 1.0)
        .chunks_exact(12)
        .map(|twelve| twelve.iter().sum::<f32>() - 6.0)
        .collect()
}

/// `n_groups` well separated groups of `per_group` points in `d` dimensions, group after group.
pub fn groups(stream: u64, n_groups: usize, per_group: usize, d: usize) -> Matrix {
    let centres = uniform(stream, n_groups * d, -5.0, 5.0);
    let mut data = normal(stream + 1, n_groups * per_group * d);
    for (row, values) in data.chunks_exact_mut(d).enumerate() {
        for (value, centre) in values.iter_mut().zip(&centres[row / per_group * d..]) {
            *value += centre;
        }
    }
    Matrix::new(data, n_groups * per_group, d).expect("finite")
}

/// The library's files, `src/matrix.rs` for example, in the order of their paths, with their text;
/// without those of the command.
pub fn library() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in
            fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path())
        {
            let name = path
                .strip_prefix(root)
                .expect("below the root")
                .to_string_lossy()
                .replace('\\', "/");
            if ["src/cli", "src/main.rs"].contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") {
                found.push((name, fs::read_to_string(&path).expect("a source file")));
            }
        }
    }
    found.sort();
    found
}

/// Path of a stored reference.
pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Squared distance in double precision.
pub fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
}

/// All references in the order of their distance from `query`, ties by index, with Euclidean
/// distances; without `itself`.
pub fn brute_force(query: &[f32], references: &Matrix, itself: Option<usize>) -> Vec<(f64, u32)> {
    let others = references.rows().enumerate().filter(|(row, _)| Some(*row) != itself);
    let mut found: Vec<(f64, u32)> =
        others.map(|(row, other)| (squared_distance(query, other).sqrt(), row as u32)).collect();
    found.sort_by(|a, b| a.partial_cmp(b).expect("finite"));
    found
}

/// Panics unless `actual` and `expected` have the same bits.
#[track_caller]
pub fn assert_same_bytes(actual: &[f32], expected: &[f32], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert!(bits(actual) == bits(expected), "{what}: the bytes differ");
}

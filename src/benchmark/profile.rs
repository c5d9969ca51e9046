//! Profiles of kernels, reproducibility of a device and agreement with the CPU, and comparison of
//! two devices.

use super::stages::trained;
use super::{Peaks, Timing};
use crate::compute::{Device, Gpu};
use crate::embedding::{Embedding, Pca, Space};
use crate::error::Result;
use crate::matrix::Matrix;
use crate::neighbors::{MARGIN, NeighborGraph, nearest_neighbors, recall_of};
use crate::progress::Observer;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Number of images on which a network is trained twice, to compare the weights.
const N_TRAINED: usize = 2000;

/// Kernels of one stage, and the host's work meanwhile.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageProfile {
    /// Name of the stage, as in the times.
    pub stage: String,
    /// Description of the device.
    pub device: String,
    /// Number of points.
    pub n: usize,
    /// Number of features, 0 if the time does not depend on them.
    pub d: usize,
    /// Wall seconds of the profiled run.
    pub seconds: f64,
    /// Seconds during which the device ran our kernels; burn's kernels of a training are not
    /// included.
    pub gpu_seconds: f64,
    /// Share of the wall time during which it did not.
    pub host_share: f64,
    /// Number of kernel runs.
    pub dispatches: u64,
    /// Number of pieces of work submitted to the queue.
    pub submits: u64,
    /// Bytes written to the device.
    pub bytes_up: u64,
    /// Bytes read back.
    pub bytes_down: u64,
    /// Seconds that the host spent writing.
    pub upload_seconds: f64,
    /// Seconds that the host waited for the device.
    pub wait_seconds: f64,
    /// Times of kernels, the longest first.
    pub kernels: Vec<KernelRow>,
}

/// One kernel in one stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KernelRow {
    /// Shader and entry point.
    pub kernel: String,
    /// Number of dispatches.
    pub calls: u64,
    /// Total milliseconds on the device.
    pub gpu_ms: f64,
    /// Milliseconds of the longest dispatch.
    pub longest_ms: f64,
    /// Necessary operations a second, in units of 1e9.
    pub gflop_s: f64,
    /// Necessary bytes moved a second, in units of 1e9.
    pub gb_s: f64,
}

impl KernelRow {
    /// Shares of the device's peak performance: operations, bytes.
    pub fn shares(&self, peaks: &Peaks) -> (f64, f64) {
        (self.gflop_s / peaks.gflop_s, self.gb_s / peaks.gb_s)
    }
}

/// Runs a stage once more with the time of every kernel; `None` if the device has no timestamps.
pub(super) fn of_stage(
    gpu: &Gpu,
    device: &str,
    (stage, n, d): (&str, usize, usize),
    mut work: impl FnMut() -> Result<f64>,
) -> Result<Option<StageProfile>> {
    if !gpu.begin_profile()? {
        return Ok(None);
    }
    let before = gpu.counters();
    let seconds = work()?;
    let after = gpu.counters();
    let kernels: Vec<KernelRow> = gpu
        .end_profile()?
        .into_iter()
        .map(|(shader, entry_point, time)| KernelRow {
            kernel: format!("{shader}/{entry_point}"),
            calls: time.calls,
            gpu_ms: 1e3 * time.seconds,
            longest_ms: 1e3 * time.longest,
            gflop_s: time.work.flops as f64 / time.seconds / 1e9,
            gb_s: time.work.bytes as f64 / time.seconds / 1e9,
        })
        .collect();
    let gpu_seconds = kernels.iter().fold(0.0, |sum, row| sum + 1e-3 * row.gpu_ms);
    Ok(Some(StageProfile {
        stage: stage.into(),
        device: device.into(),
        n,
        d,
        seconds,
        gpu_seconds,
        host_share: (1.0 - gpu_seconds / seconds).max(0.0),
        dispatches: after.dispatches - before.dispatches,
        submits: after.submits - before.submits,
        bytes_up: after.bytes_up - before.bytes_up,
        bytes_down: after.bytes_down - before.bytes_down,
        upload_seconds: after.upload_seconds - before.upload_seconds,
        wait_seconds: after.wait_seconds - before.wait_seconds,
        kernels,
    }))
}

/// Reproducibility of a device: the same bytes in two runs, and the CPU's neighbours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// Compared result: neighbours, a method's layout, or a network's weights.
    pub what: String,
    /// Number of points, or of images.
    pub n: usize,
    /// SHA-256 of the bytes of the first run, hexadecimal.
    pub sha256: String,
    /// `true` if the second run gave the same bytes.
    pub same_bytes: bool,
    /// Recall of the CPU's exact neighbours, on 1,000 rows.
    pub recall: Option<f64>,
}

/// Runs the neighbours of `x` and the layout of every method twice and compares the results.
///
/// # Errors
/// Those of the stages.
pub(super) fn agreement(
    device: &Device,
    x: &Matrix,
    methods: &[(String, Box<dyn Embedding>)],
    observer: &dyn Observer,
) -> Result<Vec<Agreement>> {
    let n = x.n_samples();
    let k =
        methods.iter().map(|(_, method)| method.n_neighbors()).max().unwrap_or(0).clamp(1, n - 1);
    let search = || nearest_neighbors(device, x, k, observer);
    let graph = search()?;
    let digest_of_graph = |graph: &NeighborGraph| {
        digest(&[bytemuck::cast_slice(graph.indices()), bytemuck::cast_slice(graph.distances())])
    };
    let of_graph = digest_of_graph(&graph);
    let mut rows = vec![Agreement {
        what: format!("{k} neighbours"),
        n,
        same_bytes: digest_of_graph(&search()?) == of_graph,
        sha256: of_graph,
        recall: Some(recall_of(&graph, &Device::cpu(), x, observer)?),
    }];
    let pca = Pca { n_components: 2.min(x.n_features()), ..Pca::default() }.fit(device, x)?;
    let space = Space { neighbors: Some(&graph), pca: Some(pca.embedding()), ..Space::new(x) };
    for (name, method) in
        methods.iter().filter(|(_, method)| method.validate(n, x.n_features()).is_ok())
    {
        let fit = || {
            Ok(digest(&[bytemuck::cast_slice(
                method.fit_boxed(device, &space, observer)?.embedding().as_slice(),
            )]))
        };
        let first: String = fit()?;
        rows.push(Agreement {
            what: name.clone(),
            n,
            same_bytes: fit()? == first,
            sha256: first,
            recall: None,
        });
    }
    let weights = || -> Result<String> {
        let weights = trained(device, N_TRAINED, observer)?;
        let tensors: Vec<&[u8]> =
            weights.iter().map(|(_, values)| bytemuck::cast_slice(values)).collect();
        Ok(digest(&tensors))
    };
    let first = weights()?;
    rows.push(Agreement {
        what: "weights of an epoch".into(),
        n: N_TRAINED,
        same_bytes: weights()? == first,
        sha256: first,
        recall: None,
    });
    Ok(rows)
}

fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One stage on two devices.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// Name of the stage.
    pub stage: String,
    /// Number of points.
    pub n: usize,
    /// Number of features, 0 if the time does not depend on them.
    pub d: usize,
    /// Median seconds of the CPU.
    pub cpu_seconds: f64,
    /// Median seconds of the other device.
    pub gpu_seconds: f64,
    /// Speed-up of the other device over the CPU.
    pub ratio: f64,
    /// Device that `DeviceChoice::Auto` takes for the stage, `CPU` or `GPU`: never a software
    /// adapter, and for neighbours not a card that shares the CPU's memory and is the slower one.
    pub auto: &'static str,
}

/// Stages that are in both lists, of the CPU and of `card`.
pub fn ratios(cpu: &[Timing], gpu: &[Timing], card: &Gpu) -> Vec<Ratio> {
    let auto = |stage: &str, ratio: f64| {
        let is_left = card.is_integrated() && stage.ends_with("neighbours") && ratio * MARGIN < 1.0;
        if card.is_software() || is_left { "CPU" } else { "GPU" }
    };
    let of = |timing: &Timing| {
        let same = |other: &&Timing| {
            (&other.stage, other.n, other.d) == (&timing.stage, timing.n, timing.d)
        };
        let other = gpu.iter().find(same)?;
        Some(Ratio {
            stage: timing.stage.clone(),
            n: timing.n,
            d: timing.d,
            cpu_seconds: timing.seconds,
            gpu_seconds: other.seconds,
            ratio: timing.seconds / other.seconds,
            auto: auto(&timing.stage, timing.seconds / other.seconds),
        })
    };
    cpu.iter().filter_map(of).collect()
}

//! Text tables of the measurements.

use super::{Agreement, KernelRow, Peaks, Ratio, StageProfile, Timing};
use serde::Serialize;

/// Number of kernels of a stage that are printed; the file has all.
const MOST_KERNELS: usize = 12;

/// Header of the table of times.
pub const HEAD: &str = "stage                               n     d     first s    median s       least        most  runs\n";

/// Line for one measurement.
pub fn line(timing: &Timing) -> String {
    let Timing { stage, n, first, seconds, least, most, repeats, .. } = timing;
    let d = features(timing.d);
    format!(
        "{stage:<28} {n:>8} {d:>5} {first:>11.4} {seconds:>11.4} {least:>11.4} {most:>11.4}  {repeats}\n"
    )
}

fn features(d: usize) -> String {
    if d == 0 { "-".to_owned() } else { d.to_string() }
}

/// Text of a device's peak performance.
pub fn peaks(peaks: &Peaks) -> String {
    let Peaks { gflop_s, gb_s, upload_gb_s, download_gb_s } = peaks;
    format!(
        "measured peaks: {gflop_s:.0} GFLOP/s, {gb_s:.1} GB/s in its memory, {upload_gb_s:.1} GB/s to it, {download_gb_s:.1} GB/s from it\n"
    )
}

/// Table of the kernels of a stage.
pub fn profile(profile: &StageProfile, peaks: Option<&Peaks>) -> String {
    let mut text = String::new();
    if !profile.kernels.is_empty() {
        text += "    kernel                            calls      GPU ms     longest   GFLOP/s   % of peak      GB/s   % of peak\n";
    }
    for row in profile.kernels.iter().take(MOST_KERNELS) {
        let KernelRow { kernel, calls, gpu_ms, longest_ms, gflop_s, gb_s } = row;
        let percent = |share: f64| format!("{:.1}", 100.0 * share);
        let (of_flops, of_bytes) = peaks.map_or_else(Default::default, |peaks| {
            let (flops, bytes) = row.shares(peaks);
            (percent(flops), percent(bytes))
        });
        text += &format!(
            "    {kernel:<32} {calls:>6} {gpu_ms:>11.2} {longest_ms:>11.3} {gflop_s:>9.1} {of_flops:>11} {gb_s:>9.1} {of_bytes:>11}\n"
        );
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    text + &format!(
        "    {:.4} s: GPU busy {:.4} s, host {:.0} %; {} dispatches in {} submits, waited {:.4} s; up {:.1} MiB in {:.4} s, down {:.1} MiB\n",
        profile.seconds,
        profile.gpu_seconds,
        100.0 * profile.host_share,
        profile.dispatches,
        profile.submits,
        profile.wait_seconds,
        mib(profile.bytes_up),
        profile.upload_seconds,
        mib(profile.bytes_down),
    )
}

/// Text of the reproducibility.
pub fn agreement(rows: &[Agreement]) -> String {
    let line = |row: &Agreement| {
        let same = if row.same_bytes { "the same bytes" } else { "OTHER BYTES" };
        let recall = row
            .recall
            .map_or_else(String::new, |recall| format!("; recall against the CPU {recall:.5}"));
        format!(
            "{:<28} {:>8}  two runs: {same}, SHA-256 {}...{recall}\n",
            row.what,
            row.n,
            &row.sha256[..16]
        )
    };
    rows.iter().map(line).collect()
}

/// Table of both devices side by side.
pub fn ratios(rows: &[Ratio]) -> String {
    let line = |row: &Ratio| {
        let Ratio { stage, n, d, cpu_seconds, gpu_seconds, ratio, auto } = row;
        let d = features(*d);
        format!(
            "{stage:<28} {n:>8} {d:>5} {cpu_seconds:>11.4} {gpu_seconds:>11.4} {ratio:>8.2}  {auto}\n"
        )
    };
    let head = "stage                               n     d       CPU s       GPU s    ratio  auto takes\n";
    rows.iter().fold(head.to_owned(), |text, row| text + &line(row))
}

/// One kernel of one stage, as a row of the file.
#[derive(Clone, Debug, Serialize)]
pub struct KernelLine {
    device: String,
    stage: String,
    n: usize,
    d: usize,
    kernel: String,
    calls: u64,
    gpu_ms: f64,
    longest_ms: f64,
    gflop_s: f64,
    percent_of_peak_flop: Option<f64>,
    gb_s: f64,
    percent_of_peak_bytes: Option<f64>,
}

/// Rows of all kernels.
pub fn kernel_lines(profiles: &[StageProfile], peaks: Option<&Peaks>) -> Vec<KernelLine> {
    let of_stage = |profile: &StageProfile| {
        let line = |row: &KernelRow| {
            let shares = peaks.map(|peaks| row.shares(peaks));
            KernelLine {
                device: profile.device.clone(),
                stage: profile.stage.clone(),
                n: profile.n,
                d: profile.d,
                kernel: row.kernel.clone(),
                calls: row.calls,
                gpu_ms: row.gpu_ms,
                longest_ms: row.longest_ms,
                gflop_s: row.gflop_s,
                percent_of_peak_flop: shares.map(|(flops, _)| 100.0 * flops),
                gb_s: row.gb_s,
                percent_of_peak_bytes: shares.map(|(_, bytes)| 100.0 * bytes),
            }
        };
        profile.kernels.iter().map(line).collect::<Vec<_>>()
    };
    profiles.iter().flat_map(of_stage).collect()
}

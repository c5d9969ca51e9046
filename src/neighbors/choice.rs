//! Choice between an integrated GPU and the CPU under `auto`: such a card may be slower than the
//! CPU, whose search skips most distances.

use super::search::Search;
use crate::compute::{Device, Gpu};
use crate::error::Result;
use crate::matrix::Matrix;
use crate::progress::Silent;

/// Number of rows of the trial search: some 150 ms on a card of 1 TFLOP/s with 784 features. A
/// software adapter, which `auto` takes only in tests, uses fewer.
const TRIAL_ROWS: usize = 8192;
const SOFTWARE_TRIAL_ROWS: usize = 1024;
/// Rate of one thread's exact search, in operations a second of the full distance computation that
/// it replaces. Measured on 50,000 Fashion-MNIST images and their layers: 3.9e12 in 6.3 to 10.3 s
/// on two threads, 5.6e12 in 4.8 s on 16.
const CPU_PACE: f64 = 0.2e12;
/// Two threads do less than twice the work of one, because memory is shared.
const THREADS_EXPONENT: f64 = 0.75;
/// The CPU is taken if it is expected to be faster by this factor: its speed is known only roughly.
pub(crate) const MARGIN: f64 = 1.5;

/// `true` if the neighbours of `x` should be searched for on the CPU instead, which is noted for
/// the user. The card's speed is measured by its own clock, once for each width, on a search among
/// the first rows, about a centre whose distance from every row is at most `radius`.
pub(super) fn on_cpu(
    search: &Search,
    (device, gpu): (&Device, &Gpu),
    x: &Matrix,
    middle: (&[f32], f32),
    k: usize,
) -> Result<bool> {
    let (n, d) = (x.n_samples(), x.n_features());
    let n_tried = if gpu.is_software() { SOFTWARE_TRIAL_ROWS } else { TRIAL_ROWS };
    let is_open = gpu.options().by_speed && (gpu.is_integrated() || gpu.is_software());
    if !is_open || n <= 2 * n_tried {
        return Ok(false);
    }
    let trial = gpu.trial((d, k), || {
        if !gpu.begin_profile()? {
            return Ok(None);
        }
        let tried = x.select(&(0..n_tried).collect::<Vec<_>>());
        let searched = search.by_all_distances(device, &tried, middle, k.min(n_tried - 1), &Silent);
        let times = gpu.end_profile()?;
        searched?;
        Ok(Some(times.iter().map(|(_, _, time)| time.seconds).sum()))
    })?;
    let Some(trial) = trial else { return Ok(false) };
    let on_cpu = cpu_seconds(n, d, rayon::current_num_threads());
    let on_gpu = trial * pairs(n) / pairs(n_tried);
    let is_faster = on_cpu * MARGIN < on_gpu;
    if is_faster {
        let card = gpu.describe();
        gpu.note(format!("neighbours of {n} x {d} on the CPU: {on_cpu:.1} s expected against {on_gpu:.1} s on {card}"));
    }
    Ok(is_faster)
}

fn pairs(n: usize) -> f64 {
    (n as f64).powi(2)
}

fn cpu_seconds(n: usize, d: usize, threads: usize) -> f64 {
    2.0 * pairs(n) * d as f64 / (CPU_PACE * (threads as f64).powf(THREADS_EXPONENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expectation_is_near_what_was_measured() {
        for (n, d, threads, measured) in
            [(50_000, 784, 2, 6.3), (50_000, 784, 2, 10.3), (60_000, 784, 16, 4.8)]
        {
            let ratio = cpu_seconds(n, d, threads) / measured;
            assert!((0.5..2.0).contains(&ratio), "{n} x {d}, {threads} threads: {ratio}");
        }
    }
}

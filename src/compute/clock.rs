//! GPU times of kernels, by the GPU's own clock. They determine the amount of work in one dispatch
//! and in one submit, and make up the profile of a run.

use super::{Kernel, Work};
use std::collections::HashMap;
use std::time::Duration;

/// Maximum duration of a dispatch, beyond which it is split, so that the desktop stays responsive
/// and no driver's watchdog (2 s on Windows) is near. That holds for a card of unknown speed too:
/// see [`UNKNOWN_PACE`].
const LONGEST_DISPATCH: Duration = Duration::from_millis(25);
/// Duration up to which dispatches are gathered into one submit: long enough to hide its cost, some
/// 50 microseconds.
const LONGEST_SUBMIT: Duration = Duration::from_millis(20);
/// Assumed steps a second of a kernel that was not timed yet: 2 % of the maximum of a card of 1
/// TFLOP/s.
const UNKNOWN_PACE: f64 = 20e9;
/// Maximum ratio of a dispatch's length to the longest one whose time is known.
const GROWTH: u64 = 16;
/// Maximum number of timed passes of one submit.
const PASSES: u32 = 512;
/// Number of timed dispatches of each kernel after which its speed is known.
const SAMPLES: u32 = 3;

type Key = (&'static str, &'static str);

fn key(kernel: &Kernel) -> Key {
    (kernel.shader, kernel.entry_point)
}

/// The clock of one device.
#[derive(Debug)]
pub(super) struct Clock {
    /// Nanoseconds of one tick; `None` if the device has no timestamps.
    period: Option<f64>,
    paces: HashMap<Key, Pace>,
    free: Vec<Timer>,
    profile: Option<HashMap<Key, KernelTime>>,
}

/// Known speed of a kernel: its longest timed dispatch.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    steps: u64,
    nanoseconds: f64,
    samples: u32,
}

/// Time of a kernel, over all of its dispatches.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct KernelTime {
    /// Number of dispatches.
    pub calls: u64,
    /// Seconds on the GPU.
    pub seconds: f64,
    /// Time of the longest of them, in seconds.
    pub longest: f64,
    /// Total work of all of them.
    pub work: Work,
}

/// The timestamps of the passes of one submit.
#[derive(Debug)]
pub(super) struct Timer {
    set: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    read: wgpu::Buffer,
    passes: Vec<(&'static Kernel, Work)>,
}

impl Clock {
    /// Clock of a device with timestamps of `period` nanoseconds, if it has any.
    pub(super) fn new(period: Option<f64>) -> Self {
        Self {
            period: period.filter(|period| *period > 0.0),
            paces: HashMap::new(),
            free: Vec::new(),
            profile: None,
        }
    }

    /// Maximum number of steps of one dispatch of `kernel`.
    pub(super) fn longest_dispatch(&self, kernel: &Kernel) -> u64 {
        let steps = (LONGEST_DISPATCH.as_secs_f64() * self.pace(kernel)) as u64;
        self.paces
            .get(&key(kernel))
            .map_or(steps, |pace| steps.min(pace.steps.saturating_mul(GROWTH)))
            .max(1)
    }

    /// Share of a submit that a dispatch of `kernel` takes up.
    pub(super) fn share(&self, kernel: &Kernel, work: Work) -> f64 {
        work.steps() as f64 / self.pace(kernel) / LONGEST_SUBMIT.as_secs_f64()
    }

    /// Steps a second of a kernel.
    fn pace(&self, kernel: &Kernel) -> f64 {
        let known = self.paces.get(&key(kernel)).filter(|pace| pace.nanoseconds > 0.0);
        known.map_or(UNKNOWN_PACE, |pace| 1e9 * pace.steps as f64 / pace.nanoseconds)
    }

    /// `true` if a dispatch should be timed: for a profile, or because it says more about the
    /// kernel's speed than is known.
    pub(super) fn wants(&self, kernel: &Kernel, work: Work) -> bool {
        self.period.is_some()
            && (self.profile.is_some()
                || self.paces.get(&key(kernel)).is_none_or(|pace| {
                    pace.samples < SAMPLES || work.steps() > pace.steps.saturating_mul(2)
                }))
    }

    /// A timer without passes.
    pub(super) fn timer(&mut self, device: &wgpu::Device) -> Timer {
        self.free.pop().unwrap_or_else(|| Timer::new(device))
    }

    /// Records the times of a finished submit.
    pub(super) fn finish(&mut self, mut timer: Timer) {
        let ticks = timer.ticks();
        for (&(kernel, work), ticks) in timer.passes.iter().zip(ticks.as_chunks::<2>().0) {
            // A device may reset its clock; such a pass is ignored.
            let Some(ticks) = ticks[1].checked_sub(ticks[0]) else { continue };
            self.record(kernel, work, ticks as f64 * self.period.unwrap_or(0.0));
        }
        timer.passes.clear();
        self.free.push(timer);
    }

    fn record(&mut self, kernel: &Kernel, work: Work, nanoseconds: f64) {
        let pace = self.paces.entry(key(kernel)).or_default();
        pace.samples += 1;
        if work.steps() >= pace.steps && nanoseconds > 0.0 {
            (pace.steps, pace.nanoseconds) = (work.steps(), nanoseconds);
        }
        if let Some(profile) = &mut self.profile {
            let time = profile.entry(key(kernel)).or_default();
            time.calls += 1;
            time.seconds += nanoseconds * 1e-9;
            time.longest = time.longest.max(nanoseconds * 1e-9);
            time.work = time.work.plus(work);
        }
    }

    /// Starts a profile and discards earlier times.
    pub(super) fn begin_profile(&mut self) -> bool {
        self.profile = self.period.map(|_| HashMap::new());
        self.profile.is_some()
    }

    /// Ends the profile: the times of all kernels that ran, the longest first.
    pub(super) fn end_profile(&mut self) -> Vec<(&'static str, &'static str, KernelTime)> {
        let times = self.profile.take().unwrap_or_default();
        let mut times: Vec<_> =
            times.into_iter().map(|((shader, entry), time)| (shader, entry, time)).collect();
        times.sort_by(|a, b| b.2.seconds.total_cmp(&a.2.seconds).then(a.1.cmp(b.1)));
        times
    }
}

impl Timer {
    fn new(device: &wgpu::Device) -> Self {
        let size = u64::from(2 * PASSES) * 8;
        let buffer = |label, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage,
                mapped_at_creation: false,
            })
        };
        Self {
            set: device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("times"),
                ty: wgpu::QueryType::Timestamp,
                count: 2 * PASSES,
            }),
            resolved: buffer(
                "times",
                wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            ),
            read: buffer(
                "times, read back",
                wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            ),
            passes: Vec::new(),
        }
    }

    /// `true` if another pass fits.
    pub(super) fn has_room(&self) -> bool {
        self.passes.len() < PASSES as usize
    }

    /// Timestamp writes for the next pass.
    pub(super) fn writes(
        &mut self,
        kernel: &'static Kernel,
        work: Work,
    ) -> wgpu::ComputePassTimestampWrites<'_> {
        let at = 2 * self.passes.len() as u32;
        self.passes.push((kernel, work));
        wgpu::ComputePassTimestampWrites {
            query_set: &self.set,
            beginning_of_pass_write_index: Some(at),
            end_of_pass_write_index: Some(at + 1),
        }
    }

    /// Encodes the copy of the times to the host, after all passes.
    pub(super) fn resolve(&self, encoder: &mut wgpu::CommandEncoder) {
        let n = 2 * self.passes.len() as u32;
        encoder.resolve_query_set(&self.set, 0..n, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.read, 0, u64::from(n) * 8);
    }

    /// Requests the times after they are submitted.
    pub(super) fn request(&self) {
        self.read.map_async(wgpu::MapMode::Read, .., |_| ());
    }

    /// Times of a finished submit; empty if the device is lost.
    fn ticks(&self) -> Vec<u64> {
        let Ok(view) = self.read.get_mapped_range(..) else { return Vec::new() };
        let ticks = bytemuck::pod_collect_to_vec(&view);
        drop(view);
        self.read.unmap();
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::Uniform;

    const KERNEL: Kernel = Kernel {
        shader: "s",
        source: "",
        entry_point: "e",
        workgroup_size: 64,
        uniform: Uniform { size: 0, fields: &[] },
    };

    #[test]
    fn dispatches_are_cut_by_the_measured_pace() {
        let mut clock = Clock::new(Some(1.0));
        // 25 ms at the assumed speed of an unknown card.
        assert_eq!(clock.longest_dispatch(&KERNEL), 500_000_000);
        assert!(clock.wants(&KERNEL, Work::new(1, 0)));
        // 1e9 steps in 2 ms: 12.5e9 in 25 ms.
        (0..SAMPLES).for_each(|_| clock.record(&KERNEL, Work::new(1_000_000_000, 0), 2e6));
        assert_eq!(clock.longest_dispatch(&KERNEL), 12_500_000_000);
        assert!((clock.share(&KERNEL, Work::new(10_000_000_000, 0)) - 1.0).abs() < 1e-9);
        assert!(
            !clock.wants(&KERNEL, Work::new(1_000_000_000, 0))
                && clock.wants(&KERNEL, Work::new(3_000_000_000, 0))
        );
        // A short dispatch says nothing about long ones; a long one does.
        clock.record(&KERNEL, Work::new(1000, 0), 1e6);
        assert_eq!(clock.longest_dispatch(&KERNEL), 12_500_000_000);
        clock.record(&KERNEL, Work::new(2_000_000_000, 0), 100e6);
        assert_eq!(clock.longest_dispatch(&KERNEL), 500_000_000);
    }

    #[test]
    fn what_was_seen_once_does_not_grow_beyond_measure() {
        let mut clock = Clock::new(Some(1.0));
        clock.record(&KERNEL, Work::new(1000, 0), 1.0);
        assert_eq!(clock.longest_dispatch(&KERNEL), 16_000);
    }

    #[test]
    fn a_profile_sums_calls_times_and_work() {
        let mut clock = Clock::new(Some(1.0));
        assert!(clock.begin_profile());
        clock.record(&KERNEL, Work::new(5, 7), 1e9);
        clock.record(&KERNEL, Work::new(1, 2), 3e9);
        let time = KernelTime { calls: 2, seconds: 4.0, longest: 3.0, work: Work::new(6, 9) };
        assert_eq!(clock.end_profile(), [("s", "e", time)]);
        assert!(clock.end_profile().is_empty() && !Clock::new(None).begin_profile());
    }
}

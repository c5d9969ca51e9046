//! Benchmark: running time of each stage on each device: neighbours, principal components, the
//! layout of every method, placing new points, quality, clusters, training.
//!
//! The data are generated here: clusters of normal points, the same for every device. A layout is
//! timed with given neighbours; a whole fit is their sum, in a row of its own. With a profile every
//! stage is run once more with the time of each kernel measured by the device's own clock.

#[doc(hidden)]
pub mod peaks;
mod profile;
mod stages;
pub mod tables;

pub use peaks::Peaks;
pub use profile::{Agreement, KernelRow, Ratio, StageProfile, ratios};

use crate::compute::{Buffer, Device};
use crate::embedding::{self, Embedding, METHODS};
use crate::error::{Error, Result};
use crate::files::write_atomic;
use crate::matrix::Matrix;
use crate::progress::Observer;
use crate::random::Random;
use serde::Serialize;
use std::path::Path;
use std::time::Instant;

/// Stream of the random numbers of this file.
const STREAM: u64 = 0x6265_6e63;
/// Number of clusters of the data, as many as Fashion-MNIST has classes.
const CLUSTERS: usize = 10;
/// Standard deviation of the clusters' centres in units of the clusters' own: they overlap a
/// little.
const SPREAD: f32 = 1.5;
/// Seconds after which a measurement is not repeated again.
const PATIENCE: f64 = 20.0;

/// Settings of a benchmark.
#[derive(Debug)]
pub struct Benchmark {
    /// Numbers of points.
    pub sizes: Vec<usize>,
    /// Numbers of features; the layouts, which do not depend on them, are measured with the first
    /// one.
    pub features: Vec<usize>,
    /// Methods, with their parameters.
    pub methods: Vec<(String, Box<dyn Embedding>)>,
    /// Number of timed runs after the first, which compiles the kernels and is reported separately.
    pub repeats: usize,
    /// `true` if every stage is run once more with the time of each kernel.
    pub profile: bool,
    /// Seed of the data.
    pub seed: u64,
}

/// One measurement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timing {
    /// Name: `neighbors`, `pca`, `umap layout`, ...
    pub stage: String,
    /// Description of the device.
    pub device: String,
    /// Number of points.
    pub n: usize,
    /// Number of features, 0 if the time does not depend on them.
    pub d: usize,
    /// Wall seconds of the first run, in which a GPU compiles its kernels.
    pub first: f64,
    /// Median of the wall seconds of the others, transfers to and from the device included.
    pub seconds: f64,
    /// Shortest of these times.
    pub least: f64,
    /// Longest of these times.
    pub most: f64,
    /// Number of timed runs after the first.
    pub repeats: usize,
}

/// Measurements on one device.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Measured {
    /// Times, in order.
    pub timings: Vec<Timing>,
    /// Kernel times, stage by stage.
    pub profiles: Vec<StageProfile>,
}

/// Callback that receives each measurement when it is done.
pub type Told<'a> = &'a dyn Fn(&Timing, Option<&StageProfile>);

impl Benchmark {
    /// Checks sizes and numbers of features and of repeats.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn validate(&self) -> Result<()> {
        if self.repeats == 0 {
            return Err(Error::parameter("repeats", 0, "at least 1"));
        }
        if let Some(bad) = self.sizes.iter().find(|&&n| n < 100) {
            return Err(Error::parameter("sizes", bad, "at least 100 points"));
        }
        if let Some(bad) = self.features.iter().find(|&&d| d == 0) {
            return Err(Error::parameter("features", bad, "at least 1 feature"));
        }
        Ok(())
    }

    /// Measures all stages on one device and passes each measurement to `observer` when it is done.
    ///
    /// # Errors
    /// Those of [`Benchmark::validate`] and of the stages.
    pub fn run(
        &self,
        device: &Device,
        name: &str,
        observer: &dyn Observer,
        told: Told<'_>,
    ) -> Result<Measured> {
        self.validate()?;
        let mut measured = Measured::default();
        for &n in &self.sizes {
            for (at, &d) in self.features.iter().enumerate() {
                let x = clusters(n, d, self.seed)?;
                let mut measure = Measure {
                    benchmark: self,
                    device,
                    name,
                    observer,
                    told,
                    measured: &mut measured,
                    n,
                };
                measure.spaces(&x)?;
                if at == 0 {
                    measure.layouts(&x)?;
                }
            }
        }
        let n = stages::N_IMAGES;
        Measure { benchmark: self, device, name, observer, told, measured: &mut measured, n }
            .training()?;
        Ok(measured)
    }

    /// Reproducibility of a device with the smallest of the sizes: the same bytes in two runs, and
    /// the neighbours of the CPU.
    ///
    /// # Errors
    /// Those of the stages.
    pub fn agreement(&self, device: &Device, observer: &dyn Observer) -> Result<Vec<Agreement>> {
        let n = self.sizes.iter().copied().min().unwrap_or(0);
        profile::agreement(
            device,
            &clusters(n, self.features[0], self.seed)?,
            &self.methods,
            observer,
        )
    }
}

/// The measurements of one size.
struct Measure<'a> {
    benchmark: &'a Benchmark,
    device: &'a Device,
    name: &'a str,
    observer: &'a dyn Observer,
    told: Told<'a>,
    measured: &'a mut Measured,
    n: usize,
}

impl Measure<'_> {
    fn time(&mut self, stage: &str, d: usize, mut work: impl FnMut() -> Result<()>) -> Result<()> {
        let mut timed = || -> Result<f64> {
            let start = Instant::now();
            work()?;
            // The queue of a GPU may still be busy: a read-back waits for it.
            Buffer::<u32>::zeros(self.device, "end of a measurement", 1)?.read(self.device)?;
            Ok(start.elapsed().as_secs_f64())
        };
        let first = timed()?;
        let mut seconds = Vec::new();
        while seconds.len() < self.benchmark.repeats
            && (seconds.is_empty() || first + seconds.iter().sum::<f64>() < PATIENCE)
        {
            // A first run on the CPU compiles nothing; a very long one is used as the measurement.
            let counts = matches!(self.device, Device::Cpu(_)) && first > PATIENCE;
            seconds.push(if counts { first } else { timed()? });
        }
        seconds.sort_by(f64::total_cmp);
        let profile = match (self.benchmark.profile, self.device) {
            (true, Device::Gpu(gpu)) => {
                profile::of_stage(gpu, self.name, (stage, self.n, d), timed)?
            }
            _ => None,
        };
        let timing = Timing {
            stage: stage.to_owned(),
            device: self.name.to_owned(),
            n: self.n,
            d,
            first,
            seconds: seconds[seconds.len() / 2],
            least: seconds[0],
            most: seconds[seconds.len() - 1],
            repeats: seconds.len(),
        };
        self.add(timing, profile);
        Ok(())
    }

    fn add(&mut self, timing: Timing, profile: Option<StageProfile>) {
        (self.told)(&timing, profile.as_ref());
        self.measured.timings.push(timing);
        self.measured.profiles.extend(profile);
    }
}

/// `n` points in `d` dimensions around ten centres.
fn clusters(n: usize, d: usize, seed: u64) -> Result<Matrix> {
    let centres = Random::new(seed, STREAM);
    let points = Random::new(seed, STREAM + 1);
    let centre = |at: usize| SPREAD * embedding::init::gaussian(&centres, at as u64);
    let centres: Vec<f32> = (0..CLUSTERS * d).map(centre).collect();
    let value = |at: usize| {
        centres[(at / d % CLUSTERS) * d + at % d] + embedding::init::gaussian(&points, at as u64)
    };
    use rayon::prelude::*;
    Matrix::new((0..n * d).into_par_iter().map(value).collect(), n, d)
}

/// All methods of the registry with their defaults.
///
/// # Errors
/// None for a sound registry.
pub fn all_methods() -> Result<Vec<(String, Box<dyn Embedding>)>> {
    METHODS
        .iter()
        .map(|method| Ok((method.name.to_owned(), (method.build)(&toml::Table::new())?)))
        .collect()
}

/// Exponent p of time ~ n^p, by least squares over at least two sizes; otherwise `None`.
pub fn exponent(points: &[(usize, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> =
        points.iter().map(|&(n, seconds)| ((n as f64).ln(), seconds.max(1e-9).ln())).collect();
    let count = logs.len() as f64;
    let mean = |part: fn(&(f64, f64)) -> f64| logs.iter().map(part).sum::<f64>() / count;
    let (x, y) = (mean(|log| log.0), mean(|log| log.1));
    let spread: f64 = logs.iter().map(|log| (log.0 - x).powi(2)).sum();
    (spread > 0.0).then(|| logs.iter().map(|log| (log.0 - x) * (log.1 - y)).sum::<f64>() / spread)
}

/// Writes rows as CSV, with the names of their fields as the header.
///
/// # Errors
/// [`Error::Write`].
pub fn write_csv<T: Serialize>(path: &Path, rows: &[T]) -> Result<()> {
    write_atomic(path, |writer| {
        let mut csv = csv::Writer::from_writer(writer);
        for row in rows {
            csv.serialize(row).map_err(std::io::Error::other)?;
        }
        csv.flush()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_is_that_of_a_power_law() {
        let quadratic: Vec<(usize, f64)> =
            [100, 300, 1000].map(|n| (n, 3e-7 * (n as f64).powi(2))).to_vec();
        assert!((exponent(&quadratic).unwrap() - 2.0).abs() < 1e-9);
        assert_eq!(exponent(&quadratic[..1]), None);
    }
}

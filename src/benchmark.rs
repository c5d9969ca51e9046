//! How long each stage takes on each device: neighbours, principal components, the layout of every method, placing new points.
//!
//! The data are made here: clusters of normal points, the same for every device. A layout is timed with its neighbours at hand;
//! what a whole fit takes is their sum, which is a row of its own.

use crate::compute::{Buffer, Device};
use crate::embedding::{self, Embedding, METHODS, NewPoints, Pca, Space};
use crate::error::{Error, Result};
use crate::files::write_atomic;
use crate::matrix::Matrix;
use crate::neighbors::{NeighborGraph, nearest_neighbors, nearest_references};
use crate::progress::Observer;
use crate::random::Random;
use serde::Serialize;
use std::path::Path;
use std::time::Instant;

/// Stream of the random numbers of this room.
const STREAM: u64 = 0x6265_6e63;
/// Clusters of the data, as many as Fashion-MNIST has classes.
const CLUSTERS: usize = 10;
/// Standard deviation of the clusters' centres in units of the clusters' own: they overlap a little.
const SPREAD: f32 = 1.5;
/// New points that are placed.
const NEW_POINTS: usize = 1000;
/// Once a measurement has taken so many seconds in all it is not repeated again.
const PATIENCE: f64 = 20.0;

/// What to measure.
#[derive(Debug)]
pub struct Benchmark {
    /// Numbers of points.
    pub sizes: Vec<usize>,
    /// Numbers of features; the layouts, which do not depend on them, are measured with the first.
    pub features: Vec<usize>,
    /// Methods, with their parameters.
    pub methods: Vec<(String, Box<dyn Embedding>)>,
    /// Timed runs after the first, which compiles the pipelines and is not counted.
    pub repeats: usize,
    /// Seed of the data.
    pub seed: u64,
}

/// One measurement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timing {
    /// `neighbors`, `pca`, `umap layout`, ...
    pub stage: String,
    /// The device in words.
    pub device: String,
    /// Points.
    pub n: usize,
    /// Features, 0 where the time does not depend on them.
    pub d: usize,
    /// Median of the wall seconds, transfers to and from the device included.
    pub seconds: f64,
    /// The shortest.
    pub least: f64,
    /// The longest.
    pub most: f64,
    /// Runs that were timed.
    pub repeats: usize,
}

impl Benchmark {
    /// Checks sizes and numbers of features and of repeats.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn validate(&self) -> Result<()> {
        if self.repeats == 0 {
            return Err(Error::parameter("--repeats", 0, "at least 1"));
        }
        if let Some(bad) = self.sizes.iter().find(|&&n| n < 100) {
            return Err(Error::parameter("--n", bad, "at least 100 points"));
        }
        if let Some(bad) = self.features.iter().find(|&&d| d == 0) {
            return Err(Error::parameter("--d", bad, "at least 1 feature"));
        }
        Ok(())
    }

    /// Measures everything on one device, telling `observer` of each measurement as it is done.
    ///
    /// # Errors
    /// Those of [`Benchmark::validate`] and of the stages.
    pub fn run(&self, device: &Device, name: &str, observer: &dyn Observer, done: &dyn Fn(&Timing)) -> Result<Vec<Timing>> {
        self.validate()?;
        let mut timings = Vec::new();
        for &n in &self.sizes {
            for (at, &d) in self.features.iter().enumerate() {
                let x = clusters(n, d, self.seed)?;
                let mut measure = Measure { benchmark: self, device, name, observer, done, timings: &mut timings, n };
                measure.spaces(&x)?;
                if at == 0 {
                    measure.layouts(&x)?;
                }
            }
        }
        Ok(timings)
    }
}

/// The measurements of one size.
struct Measure<'a> {
    benchmark: &'a Benchmark,
    device: &'a Device,
    name: &'a str,
    observer: &'a dyn Observer,
    done: &'a dyn Fn(&Timing),
    timings: &'a mut Vec<Timing>,
    n: usize,
}

impl Measure<'_> {
    /// What depends on the features: neighbours, as many as each method needs, and principal components.
    fn spaces(&mut self, x: &Matrix) -> Result<()> {
        let d = x.n_features();
        let mut numbers: Vec<usize> = self.benchmark.methods.iter().map(|(_, method)| method.n_neighbors()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let (device, observer, n) = (self.device, self.observer, self.n);
        for k in numbers.into_iter().filter(|&k| k > 0 && k < n) {
            self.time(&format!("{k} neighbours"), d, || nearest_neighbors(device, x, k, observer).map(drop))?;
        }
        self.time("pca", d, || Pca::default().fit(device, x).map(drop))
    }

    /// What depends on the number of points alone: the layouts, and placing new points.
    fn layouts(&mut self, x: &Matrix) -> Result<()> {
        let most = self.benchmark.methods.iter().map(|(_, method)| method.n_neighbors()).max().unwrap_or(0).min(self.n - 1);
        if most == 0 {
            return Ok(());
        }
        let (device, observer) = (self.device, self.observer);
        let graph = nearest_neighbors(device, x, most, observer)?;
        let pca = Pca { n_components: 2.min(x.n_features()), ..Pca::default() }.fit(device, x)?;
        let space = Space { x, neighbors: Some(&graph), pca: Some(pca.embedding()), start: None };
        let fresh = clusters(NEW_POINTS, x.n_features(), self.benchmark.seed + 1)?;
        for (name, method) in self.benchmark.methods.iter().filter(|(_, method)| method.n_neighbors() > 0) {
            if method.validate(self.n, x.n_features()).is_err() {
                continue;
            }
            let mut fitted = None;
            self.time(&format!("{name} layout"), 0, || {
                fitted = Some(method.fit(device, &space, observer)?);
                Ok(())
            })?;
            self.whole_fit(name, method.n_neighbors(), x.n_features());
            if let Some(fitted) = fitted {
                let voters = fitted.n_neighbors_to_place();
                let to_fitted: NeighborGraph = nearest_references(device, &fresh, x, voters, observer)?;
                let new = NewPoints { x: &fresh, neighbors: &to_fitted };
                self.time(&format!("{name} transform of {NEW_POINTS}"), 0, || fitted.transform(device, &new).map(drop))?;
            }
        }
        Ok(())
    }

    /// Adds the row of neighbours and layout together.
    fn whole_fit(&mut self, name: &str, k: usize, d: usize) {
        let (n, device) = (self.n, self.name);
        let of = |stage: &str, d: usize| {
            let wanted = |timing: &&Timing| timing.stage == stage && timing.n == n && timing.d == d && timing.device == device;
            self.timings.iter().find(wanted).cloned()
        };
        if let (Some(search), Some(layout)) = (of(&format!("{k} neighbours"), d), of(&format!("{name} layout"), 0)) {
            self.add(Timing {
                stage: format!("{name} fit"),
                d,
                seconds: search.seconds + layout.seconds,
                least: search.least + layout.least,
                most: search.most + layout.most,
                repeats: search.repeats.min(layout.repeats),
                ..layout
            });
        }
    }

    fn time(&mut self, stage: &str, d: usize, mut work: impl FnMut() -> Result<()>) -> Result<()> {
        let mut timed = || -> Result<f64> {
            let start = Instant::now();
            work()?;
            // The queue of a GPU may still be at work: a read-back waits for it.
            Buffer::<u32>::zeros(self.device, "end of a measurement", 1)?.read(self.device)?;
            Ok(start.elapsed().as_secs_f64())
        };
        let first = timed()?;
        let mut seconds = Vec::new();
        while seconds.len() < self.benchmark.repeats && (seconds.is_empty() || first + seconds.iter().sum::<f64>() < PATIENCE) {
            // A first run on the CPU compiles nothing; one that takes very long is the measurement.
            let counts = matches!(self.device, Device::Cpu(_)) && first > PATIENCE;
            seconds.push(if counts { first } else { timed()? });
        }
        seconds.sort_by(f64::total_cmp);
        self.add(Timing {
            stage: stage.to_owned(),
            device: self.name.to_owned(),
            n: self.n,
            d,
            seconds: seconds[seconds.len() / 2],
            least: seconds[0],
            most: seconds[seconds.len() - 1],
            repeats: seconds.len(),
        });
        Ok(())
    }

    fn add(&mut self, timing: Timing) {
        (self.done)(&timing);
        self.timings.push(timing);
    }
}

/// `n` points in `d` dimensions around ten centres.
fn clusters(n: usize, d: usize, seed: u64) -> Result<Matrix> {
    let (centres, points) = (Random::new(seed, STREAM), Random::new(seed, STREAM + 1));
    let centre = |at: usize| SPREAD * embedding::init::gaussian(&centres, at as u64);
    let centres: Vec<f32> = (0..CLUSTERS * d).map(centre).collect();
    let value = |at: usize| centres[(at / d % CLUSTERS) * d + at % d] + embedding::init::gaussian(&points, at as u64);
    use rayon::prelude::*;
    Matrix::new((0..n * d).into_par_iter().map(value).collect(), n, d)
}

/// All methods that the registry has, at their defaults.
///
/// # Errors
/// None for a sound registry.
pub fn all_methods() -> Result<Vec<(String, Box<dyn Embedding>)>> {
    METHODS.iter().map(|method| Ok((method.name.to_owned(), (method.build)(&toml::Table::new())?))).collect()
}

/// The exponent p of time ~ n^p, by least squares over the sizes, if there are two at least.
pub fn exponent(points: &[(usize, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = points.iter().map(|&(n, seconds)| ((n as f64).ln(), seconds.max(1e-9).ln())).collect();
    let count = logs.len() as f64;
    let mean = |part: fn(&(f64, f64)) -> f64| logs.iter().map(part).sum::<f64>() / count;
    let (x, y) = (mean(|log| log.0), mean(|log| log.1));
    let spread: f64 = logs.iter().map(|log| (log.0 - x).powi(2)).sum();
    (spread > 0.0).then(|| logs.iter().map(|log| (log.0 - x) * (log.1 - y)).sum::<f64>() / spread)
}

/// Writes all measurements as CSV.
///
/// # Errors
/// [`Error::Write`].
pub fn write_csv(path: &Path, timings: &[Timing]) -> Result<()> {
    write_atomic(path, |writer| {
        let mut csv = csv::Writer::from_writer(writer);
        for timing in timings {
            csv.serialize(timing).map_err(std::io::Error::other)?;
        }
        csv.flush()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_is_that_of_a_power_law() {
        let quadratic: Vec<(usize, f64)> = [100, 300, 1000].map(|n| (n, 3e-7 * (n as f64).powi(2))).to_vec();
        assert!((exponent(&quadratic).unwrap() - 2.0).abs() < 1e-9);
        assert_eq!(exponent(&quadratic[..1]), None);
    }
}

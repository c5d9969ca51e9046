//! Confidence intervals: percentile intervals of the bootstrap (B. Efron and R. Tibshirani, "An
//! Introduction to the Bootstrap", 1993, section 13.3).
//!
//! A replicate draws as many points as there are, with repetition, and counts how often it drew
//! each. All statistics are taken of the same replicates, so that differences between them are
//! paired. O(n_replicates n) beside the statistics.

use crate::error::{Error, Result};
use crate::random::Random;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Stream of the random numbers of the first sample; those of others follow.
const STREAM: u64 = 0x626f_6f74_0000_0000;

/// The bootstrap and its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Replicates. Default 1,000.
    pub n_replicates: usize,
    /// Share of the replicates inside an interval, 0 to 1. Default 0.95.
    pub confidence: f64,
    /// Seed of the draws. Default 42.
    pub random_state: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { n_replicates: 1000, confidence: 0.95, random_state: 42 }
    }
}

/// Confidence interval of a value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A value, with its confidence interval if it is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Its value.
    pub value: f64,
    /// Where it lies.
    pub interval: Option<Interval>,
}

impl Bootstrap {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn validate(&self) -> Result<()> {
        if self.n_replicates < 100 {
            return Err(Error::parameter("n_replicates", self.n_replicates, "at least 100"));
        }
        Ok(())
    }

    /// Intervals of statistics of one or several samples of `sizes` points, which are drawn
    /// independently of each other.
    ///
    /// `statistics` gets for each sample how often each of its points was drawn and returns the
    /// same statistics in the same order every time; none where a statistic does not exist. One
    /// that does not in half of the replicates has no interval. The same bytes on any number of
    /// threads.
    pub fn intervals(
        &self,
        sizes: &[usize],
        statistics: impl Fn(&[Vec<u32>]) -> Vec<Option<f64>> + Sync,
    ) -> Vec<Option<Interval>> {
        let replicate = |at: usize| {
            let draw = |(sample, &n): (usize, &usize)| self.draw(sample as u64, at as u64, n);
            statistics(&sizes.iter().enumerate().map(draw).collect::<Vec<_>>())
        };
        let replicates: Vec<Vec<Option<f64>>> =
            (0..self.n_replicates).into_par_iter().map(replicate).collect();
        let n_statistics = replicates.first().map_or(0, Vec::len);
        (0..n_statistics)
            .map(|at| self.interval(replicates.iter().filter_map(|values| values[at]).collect()))
            .collect()
    }

    /// Number of times that each of `n` points is drawn.
    fn draw(&self, sample: u64, replicate: u64, n: usize) -> Vec<u32> {
        let random = Random::new(self.random_state, STREAM + sample);
        let mut counts = vec![0; n];
        for item in 0..n as u64 {
            let drawn = (u64::from(random.bits(replicate * n as u64 + item)) * n as u64) >> 32;
            counts[drawn as usize] += 1;
        }
        counts
    }

    fn interval(&self, mut values: Vec<f64>) -> Option<Interval> {
        if 2 * values.len() <= self.n_replicates {
            return None;
        }
        values.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - self.confidence) / 2.0;
        Some(Interval { low: quantile(&values, tail), high: quantile(&values, 1.0 - tail) })
    }
}

/// The quantile of ascending values, linear between them as NumPy's by default.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let low = at.floor() as usize;
    let rest = at.fract();
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + rest * (sorted[high] - sorted[low])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_numpy() {
        // numpy.quantile([1, 2, 4, 8], [0, 0.025, 0.5, 0.975, 1])
        let found =
            [0.0, 0.025, 0.5, 0.975, 1.0].map(|share| quantile(&[1.0, 2.0, 4.0, 8.0], share));
        assert!(
            found
                .iter()
                .zip([1.0, 1.075, 3.0, 7.7, 8.0])
                .all(|(found, expected)| (found - expected).abs() < 1e-12),
            "{found:?}"
        );
    }
}

//! Calibration: whether the network is right as often as it is sure.
//!
//! Reference: C. Guo et al., "On calibration of modern neural networks", 2017.

use super::probabilities::{Probabilities, softmax};
use crate::error::{Error, Result};
use crate::matrix::argmax;
use serde::{Deserialize, Serialize};

/// Bins of the confidence, equally wide.
pub const N_BINS: usize = 15;
/// Least probability whose logarithm is taken.
const LEAST: f64 = 1e-12;
/// Range of the temperature, and its precision.
const COLDEST: f64 = 0.05;
const HOTTEST: f64 = 20.0;

/// A bin of the reliability diagram: the points whose confidence lies in (lower, upper].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Points.
    pub count: usize,
    /// Their mean confidence, 0 to 1; 0 without points.
    pub confidence: f64,
    /// Share of them whose class was found, 0 to 1; 0 without points.
    pub accuracy: f64,
}

/// Calibration of probabilities on labelled points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Points.
    pub n_points: usize,
    /// Expected calibration error of 15 bins of the largest probability, 0 to 1.
    pub ece: f64,
    /// Largest gap of a bin, 0 to 1.
    pub mce: f64,
    /// Brier score: mean squared distance of the probabilities from the truth, 0 to 2.
    pub brier: f64,
    /// Mean negative logarithm of the true class's probability.
    pub cross_entropy: f64,
    /// Bins by ascending confidence.
    pub bins: Vec<Bin>,
    /// Temperature that the logits are divided by to lower the cross-entropy: mean of two, each
    /// found on one half of the points. Above 1 the network is too sure.
    pub temperature: f64,
    /// Expected calibration error when each half of the points is scaled by the temperature of the
    /// other.
    pub ece_scaled: f64,
}

impl Calibration {
    /// Calibration of `probabilities` on points of the classes `labels`.
    ///
    /// # Errors
    /// [`Error::Data`] for fewer than two points, or a class without a column.
    pub fn of(probabilities: &Probabilities, labels: &[u16]) -> Result<Self> {
        let n = labels.len();
        if n < 2 {
            return Err(Error::Data("there are fewer than two points with probabilities".into()));
        }
        let known = labels.iter().map(|&label| {
            probabilities
                .column(label)
                .ok_or_else(|| Error::Data(format!("class {label} has no probability")))
        });
        let columns: Vec<usize> = known.collect::<Result<_>>()?;
        let rows: Vec<&[f64]> = probabilities.rows().collect();
        let bins = bins(&rows, &columns, N_BINS);
        let brier = |(row, &own): (&&[f64], &usize)| -> f64 {
            row.iter().enumerate().map(|(at, p)| (p - f64::from(u8::from(at == own))).powi(2)).sum()
        };
        let entropy = |(row, &own): (&&[f64], &usize)| -row[own].max(LEAST).ln();
        let halves = [0, 1].map(|half| temperature(&rows, &columns, half));
        let scaled: Vec<Vec<f64>> =
            rows.iter().enumerate().map(|(at, row)| cooled(row, halves[1 - at % 2])).collect();
        let scaled: Vec<&[f64]> = scaled.iter().map(Vec::as_slice).collect();
        Ok(Self {
            n_points: n,
            ece: expected_error(&bins),
            mce: bins.iter().map(|bin| (bin.accuracy - bin.confidence).abs()).fold(0.0, f64::max),
            brier: rows.iter().zip(&columns).map(brier).sum::<f64>() / n as f64,
            cross_entropy: rows.iter().zip(&columns).map(entropy).sum::<f64>() / n as f64,
            bins,
            temperature: 0.5 * (halves[0] + halves[1]),
            ece_scaled: expected_error(&self::bins(&scaled, &columns, N_BINS)),
        })
    }
}

impl Calibration {
    /// `true` if the temperature is the end of its range: so few points are wrong that a surer
    /// network would always be better.
    pub(super) fn lacks_temperature(&self) -> bool {
        // The search stops a little before the end.
        self.temperature < 1.001 * COLDEST
    }
}

/// Bins of the largest probability of each row; `columns` are those of the true classes.
fn bins(rows: &[&[f64]], columns: &[usize], n_bins: usize) -> Vec<Bin> {
    let mut bins = vec![Bin { count: 0, confidence: 0.0, accuracy: 0.0 }; n_bins];
    for (row, &own) in rows.iter().zip(columns) {
        let best = argmax(row);
        // The bin (k / n_bins, (k + 1) / n_bins] that holds it.
        let at = (row[best] * n_bins as f64).ceil() as usize;
        let bin = &mut bins[at.clamp(1, n_bins) - 1];
        bin.count += 1;
        bin.confidence += row[best];
        bin.accuracy += f64::from(u8::from(best == own));
    }
    for bin in bins.iter_mut().filter(|bin| bin.count > 0) {
        bin.confidence /= bin.count as f64;
        bin.accuracy /= bin.count as f64;
    }
    bins
}

fn expected_error(bins: &[Bin]) -> f64 {
    let n: usize = bins.iter().map(|bin| bin.count).sum();
    let gap = |bin: &Bin| bin.count as f64 * (bin.accuracy - bin.confidence).abs();
    bins.iter().map(gap).sum::<f64>() / n as f64
}

/// The probabilities whose logits are divided by a temperature.
fn cooled(row: &[f64], temperature: f64) -> Vec<f64> {
    let mut logits: Vec<f64> = row.iter().map(|p| p.max(LEAST).ln() / temperature).collect();
    softmax(&mut logits);
    logits
}

/// Temperature of least cross-entropy on every second row, from row `half` on: convex in its
/// inverse, so that a golden-section search finds it.
fn temperature(rows: &[&[f64]], columns: &[usize], half: usize) -> f64 {
    let loss = |inverse: f64| -> f64 {
        let own = |(row, &own): (&&[f64], &usize)| -cooled(row, 1.0 / inverse)[own].max(LEAST).ln();
        rows.iter().zip(columns).skip(half).step_by(2).map(own).sum()
    };
    let shrink = 0.5 * (5.0_f64.sqrt() - 1.0);
    let (mut low, mut high) = (1.0 / HOTTEST, 1.0 / COLDEST);
    let (mut left, mut right) = (high - shrink * (high - low), low + shrink * (high - low));
    let (mut of_left, mut of_right) = (loss(left), loss(right));
    while high - low > 1e-4 {
        if of_left < of_right {
            (high, right, of_right) = (right, left, of_left);
            left = high - shrink * (high - low);
            of_left = loss(left);
        } else {
            (low, left, of_left) = (left, right, of_right);
            right = low + shrink * (high - low);
            of_right = loss(right);
        }
    }
    2.0 / (low + high)
}

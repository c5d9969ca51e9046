//! Strangers: points that are not of the kind that a network was trained on, and the layers that
//! notice it.
//!
//! The score of a point in a layer is the distance of its k-th nearest training point, all rows
//! scaled to length 1 (Y. Sun, Y. Ming, X. Zhu and Y. Li, "Out-of-distribution detection with deep
//! nearest neighbors", ICML 2022, eq. 2): the larger, the stranger. Beside it stands what the
//! network itself says, 1 - its largest probability (D. Hendrycks and K. Gimpel, "A baseline for
//! detecting misclassified and out-of-distribution examples in neural networks", ICLR 2017).

use super::Outcome;
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::evaluation::{ScoredOn, space_title};
use crate::matrix::Matrix;
use crate::neighbors::{NeighborGraph, nearest_neighbors, nearest_references};
use crate::progress::Observer;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The neighbour whose distance is the score; the last one of fewer.
pub const N_NEIGHBORS: usize = 50;
/// Share of the strangers that must be found where [`Detection::fpr95`] is read.
pub const TRUE_POSITIVE_RATE: f64 = 0.95;

/// How well scores tell strangers from the points of a part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Area under the receiver operating characteristic, strangers being the positives: the share
    /// of pairs of a stranger and a known point in which the stranger has the larger score, equal
    /// ones counting half; 0 to 1, 0.5 by chance.
    pub auroc: f64,
    /// Share of the known points that count as strangers at the largest threshold that finds
    /// [`TRUE_POSITIVE_RATE`] of the strangers, 0 to 1.
    pub fpr95: f64,
}

impl Detection {
    /// By the scores of known points and of strangers, all finite.
    ///
    /// # Errors
    /// [`Error::Data`] if there are none of either.
    pub fn of(known: &[f64], strangers: &[f64]) -> Result<Self> {
        if known.is_empty() || strangers.is_empty() {
            return Err(Error::Data("scores of known points and of strangers are needed".into()));
        }
        let mut sorted = known.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let below = |score: f64| sorted.partition_point(|&known| known < score);
        let up_to = |score: f64| sorted.partition_point(|&known| known <= score);
        // A pair counts two, one of equals one, so that the sum is exact.
        let won: u64 = strangers.iter().map(|&score| (below(score) + up_to(score)) as u64).sum();
        let pairs = 2.0 * known.len() as f64 * strangers.len() as f64;
        let mut largest = strangers.to_vec();
        largest.sort_unstable_by(|a, b| b.total_cmp(a));
        let n = strangers.len() as f64;
        let is_enough = |found: &usize| *found as f64 / n >= TRUE_POSITIVE_RATE;
        let found = (1..=strangers.len()).find(is_enough).unwrap_or(strangers.len());
        let threshold = largest[found - 1];
        let false_positives = known.len() - below(threshold);
        Ok(Self { auroc: won as f64 / pairs, fpr95: false_positives as f64 / known.len() as f64 })
    }
}

/// Scores of the known points and of the strangers in one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct StrangerScores {
    /// The neighbour whose distance they are, counted from 1.
    pub n_neighbors: usize,
    /// One a scored point, from 0 to 2.
    pub known: Vec<f32>,
    /// One a stranger, from 0 to 2.
    pub strangers: Vec<f32>,
}

impl StrangerScores {
    /// Scores by the `train` points, n x d, of the `test` points, or without them of the training
    /// points, each left out of its own neighbours; and of the `strangers`. Rows of zeros keep
    /// their place, at distance 1 from all rows of length 1.
    ///
    /// # Errors
    /// [`Error::Data`] for too few training points, or rows of other widths; any error of the
    /// device; [`Error::Interrupted`].
    pub fn of(
        device: &Device,
        train: &Matrix,
        test: Option<&Matrix>,
        strangers: &Matrix,
        observer: &dyn Observer,
    ) -> Result<Self> {
        // A point that is left out of its own neighbours has one less.
        let most = train.n_samples() - usize::from(test.is_none());
        let k = N_NEIGHBORS.min(most);
        if k == 0 {
            return Err(Error::Data("one training point has no neighbours".into()));
        }
        let fitted = unit_rows(&[train])?;
        let of = |queries: &[&Matrix]| -> Result<Vec<f32>> {
            let graph = nearest_references(device, &unit_rows(queries)?, &fitted, k, observer)?;
            Ok(last_distances(&graph, queries, train))
        };
        let (known, strangers) = match test {
            // In one search: what is made of the training points serves both.
            Some(test) => {
                let mut known = of(&[test, strangers])?;
                let strangers = known.split_off(test.n_samples());
                (known, strangers)
            }
            None => {
                let graph = nearest_neighbors(device, &fitted, k, observer)?;
                (last_distances(&graph, &[train], train), of(&[strangers])?)
            }
        };
        Ok(Self { n_neighbors: k, known, strangers })
    }

    /// How well the scores tell strangers from the known points.
    ///
    /// # Errors
    /// As [`Detection::of`].
    pub fn detection(&self) -> Result<Detection> {
        let [known, strangers] = [&self.known, &self.strangers]
            .map(|scores| scores.iter().map(|&score| f64::from(score)).collect::<Vec<f64>>());
        Detection::of(&known, &strangers)
    }

    /// Share of the known points that are farther from the training points than a stranger, for
    /// each stranger.
    pub fn shares_farther(&self) -> Vec<f64> {
        let mut sorted = self.known.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let n = sorted.len();
        let farther = |&score: &f32| n - sorted.partition_point(|&known| known <= score);
        self.strangers.iter().map(|score| farther(score) as f64 / n as f64).collect()
    }
}

/// Entries of a row of length 1 in the direction of row `at`; zeros of a row of zeros.
fn unit(matrix: &Matrix, at: usize) -> Vec<f64> {
    let offsets = matrix.offsets();
    let value = |(column, &value): (usize, &f32)| {
        f64::from(value) + offsets.map_or(0.0, |offsets| offsets[column])
    };
    let mut row: Vec<f64> = matrix.row(at).iter().enumerate().map(value).collect();
    let length = row.iter().map(|value| value * value).sum::<f64>().sqrt();
    if length > 0.0 {
        row.iter_mut().for_each(|value| *value /= length);
    }
    row
}

/// The rows of matrices, one below the other: the matrix of each, and its place there.
fn rows_of<'a>(matrices: &[&'a Matrix]) -> Vec<(&'a Matrix, usize)> {
    let of = |matrix: &&'a Matrix| {
        let matrix = *matrix;
        (0..matrix.n_samples()).map(move |at| (matrix, at))
    };
    matrices.iter().flat_map(of).collect()
}

/// All rows of matrices of one width, one below the other, at length 1.
fn unit_rows(matrices: &[&Matrix]) -> Result<Matrix> {
    let d = matrices[0].n_features();
    if let Some(other) = matrices.iter().find(|matrix| matrix.n_features() != d) {
        let found = other.n_features();
        return Err(Error::Data(format!("rows of {d} and of {found} values are compared")));
    }
    let rows: Vec<Vec<f32>> = rows_of(matrices)
        .into_par_iter()
        .map(|(matrix, at)| unit(matrix, at).into_iter().map(|value| value as f32).collect())
        .collect();
    let n = rows.len();
    Matrix::new(rows.concat(), n, d)
}

/// Distance of the last neighbour of each row of the `queries`, one below the other, among those of
/// `references`, all at length 1. It is computed once more, in double precision, so that devices agree, and rounded to
/// single precision, so that rows of the same direction, orthogonal ones and rows of zeros tie
/// where rounding alone would order them.
fn last_distances(graph: &NeighborGraph, queries: &[&Matrix], references: &Matrix) -> Vec<f32> {
    let distance = |(at, (queries, row)): (usize, (&Matrix, usize))| {
        let last = graph.neighbors(at).last().map_or(0, |&last| last as usize);
        let squares = unit(queries, row).into_iter().zip(unit(references, last));
        squares.map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt() as f32
    };
    rows_of(queries).into_par_iter().enumerate().map(distance).collect()
}

/// What one layer notices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Noticed {
    /// Name of the space: `raw`, `layer_1`, ...
    pub space: String,
    /// The neighbour whose distance is the score, if there is one.
    pub n_neighbors: Option<usize>,
    /// How well it tells strangers from the scored points.
    pub detection: Outcome<Detection>,
}

/// What the layers and the network notice of the strangers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Strangers {
    /// Number of strangers.
    pub n_strangers: usize,
    /// The points that they are compared with.
    pub scored_on: ScoredOn,
    /// Their number.
    pub n_scored: usize,
    /// What each layer notices, in order.
    pub spaces: Vec<Noticed>,
    /// What the network notices by its largest probability.
    pub network: Outcome<Detection>,
}

impl Strangers {
    /// The layer of the largest AUROC, the first of equals, and what it notices.
    pub fn best(&self) -> Option<(&Noticed, Detection)> {
        let known = self
            .spaces
            .iter()
            .filter_map(|noticed| noticed.detection.known().map(|&detection| (noticed, detection)));
        // Of equals `max_by` gives the last.
        known.rev().max_by(|(_, a), (_, b)| a.auroc.total_cmp(&b.auroc))
    }

    /// Which layer notices them best, in a sentence, if any does.
    pub fn finding(&self) -> Option<String> {
        let (best, detection) = self.best()?;
        let points = self.scored_on.points();
        let network = self.network.known().map_or(String::new(), |network| {
            format!("; by the network's own doubt AUROC {:.3}", network.auroc)
        });
        Some(format!(
            "Strangers show best in {}: AUROC {:.3}, and {:.1} % of the {points} are taken for \
             strangers where 95 % of the strangers are found{network}.",
            space_title(&best.space),
            detection.auroc,
            100.0 * detection.fpr95
        ))
    }
}

//! Agreement between clusters and classes.
//!
//! Noise (-1) counts as one more cluster in every measure, as in scikit-learn, which treats -1 as a
//! label: a method that calls everything noise has found one cluster, and agrees with nothing. The
//! number of noise points is reported beside the measures.
//!
//! References: L. Hubert and P. Arabie, "Comparing partitions", 1985 (adjusted Rand index); N. X.
//! Vinh et al., "Information theoretic measures for clusterings comparison", 2010 (normalised
//! mutual information); scikit-learn's functions of these names.

use super::NOISE;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Smallest share of a label's points that a cluster must hold to count among the label's clusters.
pub const LEAST_SHARE: f64 = 0.1;

/// Contingency table: number of points of each class in each cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contingency {
    /// The clusters, ascending; noise first if there is any.
    pub clusters: Vec<i32>,
    /// `counts[class][cluster]`, clusters in the order of `clusters`; classes without points have
    /// rows of zeros.
    pub counts: Vec<Vec<usize>>,
}

/// Overlap of a whole with one of its parts: a cluster of a label, or a label in a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Number of the part.
    pub part: i32,
    /// Number of points of the part.
    pub count: usize,
    /// Share of the whole's points in the part.
    pub share: f64,
}

impl Contingency {
    /// Contingency table of `n_classes` classes and the clusters.
    ///
    /// # Errors
    /// [`Error::Data`] if the lengths differ, there are no points, or a class is out of range.
    pub fn new(labels: &[u16], clusters: &[i32], n_classes: usize) -> Result<Self> {
        if labels.len() != clusters.len() {
            return Err(Error::Data(format!(
                "{} labels for {} clustered points",
                labels.len(),
                clusters.len()
            )));
        }
        if let Some(row) = labels.iter().position(|&label| usize::from(label) >= n_classes) {
            return Err(Error::Data(format!(
                "row {row} has the label {}; there are {n_classes} classes",
                labels[row]
            )));
        }
        let ids = distinct(clusters)?;
        let mut counts = vec![vec![0; ids.len()]; n_classes];
        for (&label, cluster) in labels.iter().zip(clusters) {
            counts[usize::from(label)][ids.partition_point(|id| id < cluster)] += 1;
        }
        Ok(Self { clusters: ids, counts })
    }

    /// Number of points of each cluster.
    pub fn cluster_sizes(&self) -> Vec<usize> {
        (0..self.clusters.len()).map(|at| self.counts.iter().map(|row| row[at]).sum()).collect()
    }

    /// Number of points of each class.
    pub fn class_sizes(&self) -> Vec<usize> {
        self.counts.iter().map(|row| row.iter().sum()).collect()
    }

    /// The clusters of a class: those that hold at least `least_share` of its points, the largest
    /// first. Noise is not a cluster.
    pub fn clusters_of(&self, class: usize, least_share: f64) -> Vec<Share> {
        let whole: usize = self.counts[class].iter().sum();
        let parts = self.clusters.iter().copied().zip(self.counts[class].iter().copied());
        shares(parts.filter(|&(cluster, _)| cluster != NOISE), whole, least_share)
    }

    /// The classes of the cluster at this position in `clusters`: those with at least `least_share`
    /// of its points, the largest first.
    pub fn classes_in(&self, at: usize, least_share: f64) -> Vec<Share> {
        let parts = self.counts.iter().enumerate().map(|(class, row)| (class as i32, row[at]));
        shares(parts, self.counts.iter().map(|row| row[at]).sum(), least_share)
    }

    /// Adjusted Rand index: 1 for equal partitions, about 0 for unrelated ones, -0.5 at worst.
    pub fn adjusted_rand_score(&self) -> f64 {
        adjusted_rand(&self.counts)
    }

    /// Normalised mutual information, by the mean of both entropies: 1 for equal partitions, 0 for
    /// unrelated ones.
    pub fn normalized_mutual_info_score(&self) -> f64 {
        normalized_mutual_info(&self.counts)
    }

    /// Share of the points that belong to the most frequent class of their cluster.
    pub fn purity_score(&self) -> f64 {
        let kept: usize = (0..self.clusters.len())
            .map(|at| self.counts.iter().map(|row| row[at]).max().unwrap_or(0))
            .sum();
        kept as f64 / self.counts.iter().flatten().sum::<usize>() as f64
    }
}

fn shares(parts: impl Iterator<Item = (i32, usize)>, whole: usize, least_share: f64) -> Vec<Share> {
    let share = |count: usize| count as f64 / whole.max(1) as f64;
    let mut found: Vec<Share> =
        parts.map(|(part, count)| Share { part, count, share: share(count) }).collect();
    found.retain(|part| part.count > 0 && part.share >= least_share);
    found.sort_by(|a, b| b.count.cmp(&a.count).then(a.part.cmp(&b.part)));
    found
}

/// Distinct values, ascending.
fn distinct(values: &[i32]) -> Result<Vec<i32>> {
    if values.is_empty() {
        return Err(Error::Data("there are no points to compare clusters of".into()));
    }
    let mut ids = values.to_vec();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Contingency table of two lists of values, in ascending order.
fn table(a: &[i32], b: &[i32]) -> Result<Vec<Vec<usize>>> {
    if a.len() != b.len() {
        return Err(Error::Data(format!(
            "{} labels and {} labels cannot be compared",
            a.len(),
            b.len()
        )));
    }
    let (rows, columns) = (distinct(a)?, distinct(b)?);
    let mut counts = vec![vec![0; columns.len()]; rows.len()];
    for (a, b) in a.iter().zip(b) {
        counts[rows.partition_point(|id| id < a)][columns.partition_point(|id| id < b)] += 1;
    }
    Ok(counts)
}

/// Adjusted Rand index of two labellings; noise is a label like the others.
///
/// # Errors
/// [`Error::Data`] if the lengths differ or there are no points.
pub fn adjusted_rand_score(labels_true: &[i32], labels_pred: &[i32]) -> Result<f64> {
    Ok(adjusted_rand(&table(labels_true, labels_pred)?))
}

/// Normalised mutual information of two labellings, by the arithmetic mean of the entropies; noise
/// is a label like the others.
///
/// # Errors
/// Those of [`adjusted_rand_score`].
pub fn normalized_mutual_info_score(labels_true: &[i32], labels_pred: &[i32]) -> Result<f64> {
    Ok(normalized_mutual_info(&table(labels_true, labels_pred)?))
}

/// Share of the points whose true label is the most frequent one of their predicted label.
///
/// # Errors
/// Those of [`adjusted_rand_score`].
pub fn purity_score(labels_true: &[i32], labels_pred: &[i32]) -> Result<f64> {
    let counts = table(labels_pred, labels_true)?;
    let kept: usize = counts.iter().map(|row| row.iter().max().copied().unwrap_or(0)).sum();
    Ok(kept as f64 / labels_true.len() as f64)
}

fn sums(counts: &[Vec<usize>]) -> (Vec<usize>, Vec<usize>, usize) {
    let rows: Vec<usize> = counts.iter().map(|row| row.iter().sum()).collect();
    let n_columns = counts.first().map_or(0, Vec::len);
    let columns = (0..n_columns).map(|at| counts.iter().map(|row| row[at]).sum()).collect();
    let n = rows.iter().sum();
    (rows, columns, n)
}

fn adjusted_rand(counts: &[Vec<usize>]) -> f64 {
    let (rows, columns, n) = sums(counts);
    // Ordered pairs: integers below n^2.
    let squares = |sizes: &mut dyn Iterator<Item = usize>| {
        sizes.map(|size| (size as i128).pow(2)).sum::<i128>()
    };
    let both = squares(&mut counts.iter().flatten().copied());
    let (in_rows, in_columns) = (squares(&mut rows.into_iter()), squares(&mut columns.into_iter()));
    let n = n as i128;
    // Pairs together in both, in the rows only, in the columns only, in neither.
    let (tp, fp, fnn) = (both - n, in_columns - both, in_rows - both);
    let tn = n * n - fp - fnn - both;
    if fnn == 0 && fp == 0 {
        return 1.0;
    }
    let tp = tp as f64;
    let fp = fp as f64;
    let fnn = fnn as f64;
    let tn = tn as f64;
    2.0 * (tp * tn - fnn * fp) / ((tp + fnn) * (fnn + tn) + (tp + fp) * (fp + tn))
}

fn normalized_mutual_info(counts: &[Vec<usize>]) -> f64 {
    let (rows, columns, n) = sums(counts);
    let n = n as f64;
    let kinds = |sizes: &[usize]| sizes.iter().filter(|&&size| size > 0).count();
    match (kinds(&rows), kinds(&columns)) {
        (1, 1) => return 1.0,
        (1, _) | (_, 1) => return 0.0,
        _ => {}
    }
    let entropy = |sizes: &[usize]| -> f64 {
        sizes
            .iter()
            .filter(|&&size| size > 0)
            .map(|&size| -(size as f64 / n) * (size as f64 / n).ln())
            .sum()
    };
    let mut information = 0.0;
    for (row, &in_row) in counts.iter().zip(&rows) {
        for (&count, &in_column) in row.iter().zip(&columns).filter(|&(&count, _)| count > 0) {
            information +=
                count as f64 / n * (count as f64 * n / (in_row as f64 * in_column as f64)).ln();
        }
    }
    let mean = f64::midpoint(entropy(&rows), entropy(&columns));
    // Rounding may bring unrelated partitions slightly below 0.
    (information / mean).clamp(0.0, 1.0)
}

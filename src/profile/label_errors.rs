//! Labels that are likely wrong, by confident learning.
//!
//! Reference: C. Northcutt, L. Jiang and I. Chuang, "Confident learning: estimating uncertainty in
//! dataset labels", 2021, as cleanlab 2.9 does it. The probabilities must come from a model that was
//! not fitted on these points.

use super::probabilities::Probabilities;
use crate::error::{Error, Result};
use crate::matrix::argmax;

/// Least mean probability of a class.
const LEAST: f64 = 2e-6;
/// Slack of the comparison with the mean probability.
const SLACK: f64 = 1e-6;

/// The rule that says which points are issues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rule {
    /// Of each pair of classes as many points as the estimated joint distribution says, those with
    /// the largest margin first (cleanlab's default).
    #[default]
    PruneByNoiseRate,
    /// The points that the joint distribution counts as of another class.
    ConfidentLearning,
}

/// A point whose label is likely wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelIssue {
    /// Its row.
    pub row: usize,
    /// Probability of its label.
    pub self_confidence: f64,
    /// The most probable class.
    pub suggested: u16,
}

/// Number of points of each label (rows) that are confidently counted to each class (columns).
fn confident_joint(
    rows: &[&[f64]],
    labels: &[usize],
    k: usize,
) -> (Vec<Vec<usize>>, Vec<Option<usize>>) {
    let mut sums = vec![(0.0, 0_usize); k];
    for (row, &label) in rows.iter().zip(labels) {
        sums[label] = (sums[label].0 + row[label], sums[label].1 + 1);
    }
    let thresholds: Vec<f64> = sums
        .iter()
        .map(|&(sum, n)| if n > 0 { (sum / n as f64).max(LEAST) } else { f64::INFINITY })
        .collect();
    let mut joint = vec![vec![0; k]; k];
    let counted = rows.iter().zip(labels).map(|(row, &label)| {
        let above = (0..k).filter(|&class| row[class] >= thresholds[class] - SLACK);
        let class =
            above.reduce(|best, class| if row[class] > row[best] { class } else { best })?;
        joint[label][class] += 1;
        Some(class)
    });
    let counted = counted.collect();
    (joint, counted)
}

/// The joint counts scaled so that each label has its number of points, in whole numbers.
fn calibrated(joint: &[Vec<usize>], labels: &[usize]) -> Vec<Vec<usize>> {
    let mut sizes = vec![0_usize; joint.len()];
    labels.iter().for_each(|&label| sizes[label] += 1);
    let rows = joint.iter().zip(&sizes).enumerate().map(|(at, (row, &size))| {
        let sum: usize = row.iter().sum();
        if sum == 0 {
            let mut own = vec![0.0; row.len()];
            own[at] = size as f64;
            return own;
        }
        row.iter().map(|&count| count as f64 * size as f64 / sum as f64).collect()
    });
    rows.map(|row: Vec<f64>| rounded(&row)).collect()
}

/// The numbers rounded so that their rounded sum stays: those with the largest remainders go up.
fn rounded(values: &[f64]) -> Vec<usize> {
    let mut whole: Vec<usize> = values.iter().map(|value| value.floor() as usize).collect();
    let total = values.iter().sum::<f64>().round() as usize;
    let mut order: Vec<usize> = (0..values.len()).collect();
    let remainder = |at: usize| values[at] - values[at].floor();
    order.sort_by(|&a, &b| remainder(b).total_cmp(&remainder(a)));
    let missing = total.saturating_sub(whole.iter().sum());
    order.into_iter().take(missing).for_each(|at| whole[at] += 1);
    whole
}

/// The points whose label is likely wrong, the least self-confident first.
///
/// # Errors
/// [`Error::Data`] for another number of labels, or a label without a column.
pub fn label_issues(
    probabilities: &Probabilities,
    labels: &[u16],
    rule: Rule,
) -> Result<Vec<LabelIssue>> {
    let rows: Vec<&[f64]> = probabilities.rows().collect();
    if rows.len() != labels.len() {
        return Err(Error::Data(format!("{} labels for {} points", labels.len(), rows.len())));
    }
    let k = probabilities.classes.len();
    let columns: Vec<usize> = labels
        .iter()
        .map(|&label| {
            probabilities
                .column(label)
                .ok_or_else(|| Error::Data(format!("class {label} has no probability")))
        })
        .collect::<Result<_>>()?;
    let (joint, counted) = confident_joint(&rows, &columns, k);
    let is_issue: Vec<bool> = match rule {
        Rule::ConfidentLearning => (counted.iter().zip(&columns))
            .map(|(class, label)| class.is_some_and(|class| class != *label))
            .collect(),
        Rule::PruneByNoiseRate => pruned(&rows, &columns, &calibrated(&joint, &columns)),
    };
    let mut issues: Vec<LabelIssue> = (0..rows.len())
        .filter(|&row| is_issue[row] && argmax(rows[row]) != columns[row])
        .map(|row| LabelIssue {
            row,
            self_confidence: rows[row][columns[row]],
            suggested: probabilities.classes[argmax(rows[row])],
        })
        .collect();
    issues.sort_by(|a, b| a.self_confidence.total_cmp(&b.self_confidence));
    Ok(issues)
}

/// Of each label and each other class as many points as the joint says, by the largest margin of
/// the class over the label.
fn pruned(rows: &[&[f64]], columns: &[usize], joint: &[Vec<usize>]) -> Vec<bool> {
    let mut is_issue = vec![false; rows.len()];
    for (label, counts) in joint.iter().enumerate() {
        let of_label: Vec<usize> = (0..rows.len()).filter(|&row| columns[row] == label).collect();
        for (class, &count) in counts.iter().enumerate() {
            if class == label || count == 0 {
                continue;
            }
            let margin = |row: usize| rows[row][class] - rows[row][label];
            let mut ranked = of_label.clone();
            ranked.sort_by(|&a, &b| margin(b).total_cmp(&margin(a)));
            ranked.into_iter().take(count).for_each(|row| is_issue[row] = true);
        }
    }
    is_issue
}

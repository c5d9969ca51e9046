//! The points that are worth a look, in one ranked list: labels in doubt, points of
//! which a near duplicate was trained on, points far from all others.

use super::label_errors::LabelIssue;
use super::odd::Duplicate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why a point is on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its label is in doubt: another class is likelier.
    Label,
    /// A near duplicate is among the training points.
    Duplicate,
    /// It lies far from all training points.
    Outlier,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 3] = [Self::Label, Self::Duplicate, Self::Outlier];

    /// As files have it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Duplicate => "duplicate",
            Self::Outlier => "outlier",
        }
    }

    /// As people read it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Label => "label in doubt",
            Self::Duplicate => "near duplicate of a training point",
            Self::Outlier => "far from all training points",
        }
    }
}

/// A point of the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// `train` or `test`.
    pub part: String,
    /// Row in that part.
    pub row: usize,
    /// Why, the first reason first.
    pub reasons: Vec<Reason>,
    /// Probability of its label, where that is in doubt.
    pub self_confidence: Option<f64>,
    /// Class that is more likely.
    pub suggested: Option<u16>,
    /// Training row that it nearly equals.
    pub duplicate_of: Option<usize>,
    /// How usual it is, in (0, 1]; see [`typicality`](super::odd::typicality).
    pub typicality: Option<f64>,
}

/// A point of the list with its classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Why it is on the list.
    #[serde(flatten)]
    pub look: Look,
    /// Its label.
    pub label: u16,
    /// Answer of the network, if it is known.
    pub answer: Option<u16>,
}

/// What is known of the points of one part.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sources<'a> {
    /// `train` or `test`.
    pub part: &'a str,
    /// Labels in doubt, the least likely first.
    pub labels: &'a [LabelIssue],
    /// Near duplicates, the nearest first.
    pub duplicates: &'a [Duplicate],
    /// Outliers, farthest first.
    pub outliers: &'a [usize],
    /// Typicality of every point.
    pub typicality: &'a [f64],
}

/// One list of all parts: points with several reasons first, then by their best place among those of
/// a reason, as a share of them; ties by part and row.
pub fn look_at(parts: &[Sources<'_>]) -> Vec<Look> {
    let mut ranked: Vec<(f64, Look)> = Vec::new();
    for part in parts {
        let mut places: BTreeMap<usize, Vec<(Reason, f64)>> = BTreeMap::new();
        let mut add = |reason: Reason, rows: Vec<usize>| {
            let n = rows.len() as f64;
            for (at, row) in rows.into_iter().enumerate() {
                places.entry(row).or_default().push((reason, at as f64 / n));
            }
        };
        add(Reason::Label, part.labels.iter().map(|issue| issue.row).collect());
        add(Reason::Duplicate, part.duplicates.iter().map(|found| found.row).collect());
        add(Reason::Outlier, part.outliers.to_vec());
        let issues: BTreeMap<usize, &LabelIssue> =
            part.labels.iter().map(|issue| (issue.row, issue)).collect();
        let duplicates: BTreeMap<usize, &Duplicate> =
            part.duplicates.iter().map(|found| (found.row, found)).collect();
        for (row, reasons) in places {
            let best = reasons.iter().map(|&(_, place)| place).fold(1.0, f64::min);
            let issue = issues.get(&row);
            let duplicate = duplicates.get(&row);
            let look = Look {
                part: part.part.into(),
                row,
                reasons: reasons.iter().map(|&(reason, _)| reason).collect(),
                self_confidence: issue.map(|issue| issue.self_confidence),
                suggested: issue.map(|issue| issue.suggested),
                duplicate_of: duplicate.map(|found| found.other),
                typicality: part.typicality.get(row).copied(),
            };
            ranked.push((best, look));
        }
    }
    ranked.sort_by(|(a, left), (b, right)| {
        right.reasons.len().cmp(&left.reasons.len()).then(a.total_cmp(b))
    });
    ranked.into_iter().map(|(_, look)| look).collect()
}

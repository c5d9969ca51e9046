//! Metrics of a map: what is measured, under which names, and who shows it.
//!
//! A metric is one field of [`Quality`], which [`SpaceRanks::quality`](super::SpaceRanks::quality)
//! computes, and one entry in [`METRICS`]: the tables on the terminal, in files and on the page,
//! the metrics beside each map of the page, the ranking of the methods and the comparison of runs
//! all walk the registry.

use super::Quality;

/// Key and title of the metric that the maps of a training's epochs have too.
pub const TRUSTWORTHINESS: &str = "trustworthiness";

/// Metrics in the order of the tables' columns.
pub static METRICS: &[Metric] = &[
    Metric {
        key: TRUSTWORTHINESS,
        title: TRUSTWORTHINESS,
        short: "trust.",
        meaning: "Points that are near in the map are near in the space; 1 if all are.",
        of: |quality| Some(quality.trustworthiness),
        is_shown_by_map: true,
        ..PLAIN
    },
    Metric {
        key: "continuity",
        title: "continuity",
        short: "contin.",
        meaning: "Points that are near in the space are near in the map; 1 if all are.",
        of: |quality| Some(quality.continuity),
        is_shown_by_map: true,
        ..PLAIN
    },
    Metric {
        key: "neighbor_recall",
        title: "neighbour recall",
        short: "recall",
        meaning: "Share of the nearest points in the space that are nearest in the map too.",
        of: |quality| Some(quality.neighbor_recall),
        is_shown_by_map: true,
        named_k: Some(|quality| quality.n_recalled),
        ..PLAIN
    },
    Metric {
        key: "global_score",
        title: "global score",
        short: "global",
        meaning: "How well the large distances can be read off the map: 1 as in PCA, 0 at worst.",
        of: |quality| quality.global_score,
        remark: Some("PCA has 1 by definition"),
        ..PLAIN
    },
    Metric {
        key: "random_triplet_accuracy",
        title: "triplets",
        short: "triplets",
        meaning: "Share of random triplets of points whose distances have the same order in map and \
                  space; 0.5 by chance.",
        of: |quality| Some(quality.random_triplet_accuracy),
        ..PLAIN
    },
    Metric {
        key: "spearman",
        title: "Spearman",
        short: "Spearman",
        meaning: "Rank correlation of the distances in map and space, -1 to 1.",
        of: |quality| quality.spearman,
        ..PLAIN
    },
    Metric {
        key: "trustworthiness_of_new",
        title: "trustworthiness of new points",
        short: "new trust.",
        meaning: "The fitted points near a new point in the map are near it in the space; 1 if all \
                  are.",
        of: |quality| quality.of_new.as_ref().map(|new| new.trustworthiness),
        needs_new_points: true,
        ..PLAIN
    },
];

/// Attributes of a metric that is in the tables and the rankings, and nowhere else.
const PLAIN: Metric = Metric {
    key: "",
    title: "",
    short: "",
    meaning: "",
    of: |_| None,
    is_shown_by_map: false,
    named_k: None,
    needs_new_points: false,
    remark: None,
};

/// Metric of a map: the larger, the better the map.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Name in manifests and CSV files, in snake case and unique; rankings of methods show it with
    /// spaces for underscores.
    pub key: &'static str,
    /// Title of its column on the page.
    pub title: &'static str,
    /// Title of its column on the terminal, at most 10 letters.
    pub short: &'static str,
    /// What it says of a map, in a sentence.
    pub meaning: &'static str,
    /// Value, without a unit; none where it does not exist or was not measured. The range is
    /// documented at the field.
    pub of: fn(&Quality) -> Option<f64>,
    /// `true` if the page shows it beside each map.
    pub is_shown_by_map: bool,
    /// Number of neighbours that the page names beside each map, where it names one.
    pub named_k: Option<fn(&Quality) -> usize>,
    /// `true` if only maps with new points have it: the terminal leaves its column out where no map
    /// has any.
    pub needs_new_points: bool,
    /// Remark that belongs to every ranking of methods by it.
    pub remark: Option<&'static str>,
}

impl Metric {
    /// Label beside a map of the page: the title, and the number of neighbours where it is named.
    pub fn label(&self, quality: &Quality) -> String {
        match self.named_k {
            Some(k) => format!("{}, k = {}", self.title, k(quality)),
            None => self.title.into(),
        }
    }

    /// Labels and values of a map's metrics that the page shows beside it.
    pub fn shown_by_map(quality: &Quality) -> Vec<(String, f64)> {
        let shown = METRICS.iter().filter(|metric| metric.is_shown_by_map);
        shown.filter_map(|metric| Some((metric.label(quality), (metric.of)(quality)?))).collect()
    }
}

/// Meaning of k-NN accuracy, of maps and of spaces alike.
pub const KNN_MEANING: &str =
    "Share of the points whose class is that of most of their k nearest fitted points.";

/// What stands before the number of neighbours.
const KNN_LABEL: &str = "k-NN accuracy";

/// Label of the accuracy of k-NN that a page shows beside a map.
pub fn knn_label(n_neighbors: usize) -> String {
    format!("{KNN_LABEL}, k = {n_neighbors}")
}

/// Meaning of the metric that a page shows beside a map under that label, if it is known.
pub fn meaning(label: &str) -> Option<&'static str> {
    if label.starts_with(KNN_LABEL) {
        return Some(KNN_MEANING);
    }
    let title = label.split_once(", k = ").map_or(label, |(title, _)| title);
    Some(METRICS.iter().find(|metric| metric.title == title)?.meaning)
}

/// Remark on rankings by the measure of that name, if there is one.
pub fn remark(measure: &str) -> Option<&'static str> {
    METRICS.iter().find(|metric| metric.key == measure)?.remark
}

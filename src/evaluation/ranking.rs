//! Ranking of the methods by each measure.

use super::{KnnScore, METRICS, MapQuality, ScoredOn, Scores};
use serde::{Deserialize, Serialize};

/// Key of the accuracy of the k-NN classifier.
pub const KNN_ACCURACY: &str = "knn_accuracy";

/// The methods ranked by one measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricRanking {
    /// The measure: `knn_accuracy`, or the key of one of the [`METRICS`].
    pub measure: String,
    /// The spaces in which every method was measured.
    pub spaces: Vec<String>,
    /// The methods, the largest mean first.
    pub methods: Vec<MethodRank>,
}

/// Values of one method by one measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodRank {
    /// Its name.
    pub method: String,
    /// Its value in each space.
    pub values: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// Number of spaces in which no other method has a larger value.
    pub n_best: usize,
}

/// Ranks the methods by every measure, each in the spaces in which all methods have a value; a
/// measure without such a space is left out. k-NN accuracies are those of `n_neighbors` neighbours,
/// of the points `scored_on`.
pub fn metric_rankings(
    scores: &[Scores],
    quality: &[MapQuality],
    n_neighbors: usize,
    scored_on: ScoredOn,
) -> Vec<MetricRanking> {
    let accuracy = |knn: &[KnnScore]| {
        knn.iter().find(|score| score.n_neighbors == n_neighbors).map(|score| score.accuracy)
    };
    let of_maps = scores.iter().filter(|row| row.scored_on == scored_on);
    let knn = of_maps
        .filter_map(|row| Some((row.space.as_str(), row.method.as_deref()?, accuracy(&row.knn)?)));
    let mut rankings: Vec<MetricRanking> =
        ranking(KNN_ACCURACY, &knn.collect::<Vec<_>>()).into_iter().collect();
    for metric in METRICS {
        let value = |row: &MapQuality| (metric.of)(&row.quality);
        let rows = quality
            .iter()
            .filter_map(|row| Some((row.space.as_str(), row.method.as_deref()?, value(row)?)));
        rankings.extend(ranking(metric.key, &rows.collect::<Vec<_>>()));
    }
    rankings
}

/// `rows` of space, method and value.
fn ranking(measure: &str, rows: &[(&str, &str, f64)]) -> Option<MetricRanking> {
    let (mut spaces, mut methods): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for &(space, method, _) in rows {
        if !spaces.contains(&space) {
            spaces.push(space);
        }
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    let value = |space: &str, method: &str| {
        rows.iter().find(|row| row.0 == space && row.1 == method).map(|row| row.2)
    };
    spaces.retain(|space| methods.iter().all(|method| value(space, method).is_some()));
    if spaces.is_empty() {
        return None;
    }
    let largest = |space: &&str| {
        methods.iter().filter_map(|method| value(space, method)).fold(f64::NEG_INFINITY, f64::max)
    };
    let best: Vec<f64> = spaces.iter().map(largest).collect();
    let rank = |method: &&str| {
        let values: Vec<f64> = spaces.iter().filter_map(|space| value(space, method)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let n_best = values.iter().zip(&best).filter(|(value, best)| value >= best).count();
        MethodRank { method: (*method).to_owned(), values, mean, n_best }
    };
    let mut ranks: Vec<MethodRank> = methods.iter().map(rank).collect();
    ranks.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    let spaces = spaces.into_iter().map(str::to_owned).collect();
    Some(MetricRanking { measure: measure.into(), spaces, methods: ranks })
}

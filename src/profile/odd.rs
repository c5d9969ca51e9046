//! Points that stand apart, by their nearest neighbours: of other classes, far away, or nearly the
//! same.

use crate::neighbors::NeighborGraph;

/// Neighbours that are looked at.
pub const N_NEIGHBORS: usize = 10;
/// Two points are near duplicates if their distance is below this share of the median distance to
/// the nearest neighbour (the threshold of cleanlab's `Datalab`).
pub const DUPLICATE: f64 = 0.13;

/// Share of each point's ten nearest neighbours that have its own label, 0 to 1; `labels` are the
/// points' and `fitted` the neighbours'.
///
/// # Panics
/// If the graph has rows or neighbours without a label.
pub fn own_label_shares(graph: &NeighborGraph, labels: &[u16], fitted: &[u16]) -> Vec<f64> {
    let k = N_NEIGHBORS.min(graph.n_neighbors());
    let share = |(row, label): (usize, &u16)| {
        let nearest = &graph.neighbors(row)[..k];
        let own = nearest.iter().filter(|&&neighbor| fitted[neighbor as usize] == *label).count();
        own as f64 / k as f64
    };
    labels.iter().enumerate().map(share).collect()
}

/// Mean distance of each point from its ten nearest neighbours.
pub fn mean_distances(graph: &NeighborGraph) -> Vec<f64> {
    let k = graph.n_neighbors();
    let used = N_NEIGHBORS.min(k);
    let mean = |row: &[f32]| {
        row[..used].iter().map(|&distance| f64::from(distance)).sum::<f64>() / used as f64
    };
    graph.distances().chunks_exact(k).map(mean).collect()
}

/// How usual each point is, in (0, 1]: exp(-mean distance / median of all mean distances), as
/// cleanlab's `OutOfDistribution` has it.
pub fn typicality(mean_distances: &[f64]) -> Vec<f64> {
    let median = quantile(mean_distances, 0.5);
    let score = |&distance: &f64| if median > 0.0 { (-distance / median).exp() } else { 1.0 };
    mean_distances.iter().map(score).collect()
}

/// The points far out: mean distances above the third quartile by more than three times the
/// distance of the quartiles (J. Tukey, "Exploratory data analysis", 1977), farthest first.
pub fn outliers(mean_distances: &[f64]) -> Vec<usize> {
    let [low, high] = [0.25, 0.75].map(|share| quantile(mean_distances, share));
    let limit = high + 3.0 * (high - low);
    let mut far: Vec<usize> =
        (0..mean_distances.len()).filter(|&row| mean_distances[row] > limit).collect();
    far.sort_by(|&a, &b| mean_distances[b].total_cmp(&mean_distances[a]));
    far
}

/// A point and its near duplicate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Duplicate {
    /// The point's row.
    pub row: usize,
    /// Row of the point that it nearly equals.
    pub other: usize,
    /// Their distance.
    pub distance: f64,
}

/// The points whose nearest neighbour, of the rows `nearest`, is equal, or nearer than
/// [`DUPLICATE`] times the median of all positive `distances`; nearest first.
pub fn duplicates(nearest: &[usize], distances: &[f64]) -> Vec<Duplicate> {
    let positive: Vec<f64> = distances.iter().copied().filter(|&distance| distance > 0.0).collect();
    let limit = DUPLICATE * quantile(&positive, 0.5);
    let mut found: Vec<Duplicate> = nearest
        .iter()
        .zip(distances)
        .enumerate()
        .filter(|&(_, (_, &distance))| distance == 0.0 || distance < limit)
        .map(|(row, (&other, &distance))| Duplicate { row, other, distance })
        .collect();
    found.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    found
}

/// Quantile with linear interpolation, as numpy's default; 0 of no values.
fn quantile(values: &[f64], share: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let place = share * (sorted.len() - 1) as f64;
    let (low, rest) = (place.floor() as usize, place.fract());
    let high = sorted[(low + 1).min(sorted.len() - 1)];
    sorted[low] + rest * (high - sorted[low])
}

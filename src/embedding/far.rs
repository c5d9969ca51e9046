//! Outliers: a few points very far from all others are moved closer, so that an embedding shows the
//! others too.
//!
//! An embedding has one scale. If one row is a million times as far out as the rest, it takes the
//! first principal component for itself, its distances outweigh all others, and the differences
//! between the others are lost in rounding. Its neighbours stay the true ones; only its distance
//! from the rest is reduced, in its own direction.

use crate::error::Result;
use crate::format::listed;
use crate::matrix::Matrix;
use crate::middle::{Middle, distance};
use crate::neighbors::{Metric, NeighborGraph};
use std::borrow::Cow;

/// A row is an outlier if its distance from the centre is more than this many times the median
/// distance.
const FAR: f64 = 100.0;
/// New distance of an outlier, in units of the largest distance of the other rows, and the addition
/// for each factor of e by which it exceeded that: outliers stay apart and in order.
const RIM: f64 = 1.0;
const BEYOND: f64 = 0.02;
/// Maximum number of groups of outliers that are kept together; further outliers are moved one by
/// one.
const MOST_GROUPS: usize = 256;

/// Points whose outliers were moved closer.
pub(crate) struct Drawn {
    /// n_samples x n_features.
    pub(crate) x: Matrix,
    /// `true` for each row that was an outlier.
    is_far: Vec<bool>,
}

/// Outliers that lie as close together as the other points do.
struct Group {
    rows: Vec<usize>,
    /// Upper bound on their distance from the first of them.
    radius: f64,
}

impl Drawn {
    /// The points with their outliers moved closer; `None` if there are no outliers. Outliers that
    /// lie together are moved together, so that the distances between them stay.
    pub(crate) fn of(x: &Matrix) -> Result<Option<Self>> {
        let Middle { mean, near: Some(near) } = Middle::of(x, FAR) else { return Ok(None) };
        let furthest = near.iter().map(|&row| distance(x.row(row), &mean)).fold(0.0, f64::max);
        if furthest == 0.0 {
            // All other points are equal, so there is no scale.
            return Ok(None);
        }
        let mut is_far = vec![true; x.n_samples()];
        near.iter().for_each(|&row| is_far[row] = false);
        let far: Vec<usize> = (0..x.n_samples()).filter(|&row| is_far[row]).collect();
        let mut drawn = x.as_slice().to_vec();
        for Group { rows, radius } in groups(x, &far, furthest) {
            let first = x.row(rows[0]);
            let from_mean = distance(first, &mean);
            let target = furthest * (RIM + BEYOND * (from_mean / furthest).ln()) + radius;
            let share = target / from_mean;
            for row in rows {
                let values = drawn[row * x.n_features()..].iter_mut().zip(x.row(row));
                for ((place, &value), (&of_first, &mean)) in values.zip(first.iter().zip(&mean)) {
                    let value = f64::from(value);
                    let of_first = f64::from(of_first);
                    let mean = f64::from(mean);
                    *place = (mean + (of_first - mean) * share + (value - of_first)) as f32;
                }
            }
        }
        Ok(Some(Self { x: Matrix::new(drawn, x.n_samples(), x.n_features())?, is_far }))
    }

    /// Warning for readers of the embedding.
    pub(crate) fn warning(&self) -> String {
        let far = self.is_far.iter().enumerate().filter(|(_, is_far)| **is_far);
        let far: Vec<String> = far.map(|(row, _)| row.to_string()).collect();
        let rows =
            if far.len() == 1 { "1 row lies".into() } else { format!("{} rows lie", far.len()) };
        format!(
            "{rows} over {FAR} times as far out as most, drawn in to the rim of the others: {}",
            listed(&far)
        )
    }

    /// The graph with the distances of these points, since those of outliers have changed.
    /// Distances of a metric other than the Euclidean one stay.
    pub(crate) fn graph<'a>(&self, graph: &'a NeighborGraph) -> Cow<'a, NeighborGraph> {
        if graph.metric() != Metric::Euclidean {
            return Cow::Borrowed(graph);
        }
        let k = graph.n_neighbors();
        let (mut indices, mut distances) = (graph.indices().to_vec(), graph.distances().to_vec());
        for (row, (ids, lengths)) in
            indices.chunks_exact_mut(k).zip(distances.chunks_exact_mut(k)).enumerate()
        {
            if !self.is_far[row] && ids.iter().all(|&id| !self.is_far[id as usize]) {
                continue;
            }
            let to = |id: u32| distance(self.x.row(row), self.x.row(id as usize)) as f32;
            let mut nearest: Vec<(f32, u32)> = ids.iter().map(|&id| (to(id), id)).collect();
            nearest.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            for ((id, length), (distance, nearer)) in
                ids.iter_mut().zip(lengths.iter_mut()).zip(nearest)
            {
                (*id, *length) = (nearer, distance);
            }
        }
        Cow::Owned(graph.with_lists(indices, distances))
    }
}

/// Outliers in groups: each row joins the first group whose first row is within `reach` of it.
fn groups(x: &Matrix, far: &[usize], reach: f64) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for &row in far {
        let near = groups.iter_mut().take(MOST_GROUPS).find_map(|group| {
            let from_first = distance(x.row(row), x.row(group.rows[0]));
            (from_first <= reach).then_some((group, from_first))
        });
        match near {
            Some((group, from_first)) => {
                group.rows.push(row);
                group.radius = group.radius.max(from_first);
            }
            None => groups.push(Group { rows: vec![row], radius: 0.0 }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn points_without_far_ones_are_left_alone() {
        let random = Random::new(1, 1);
        let x = Matrix::new((0..900).map(|at| random.uniform(at)).collect(), 300, 3).unwrap();
        assert!(Drawn::of(&x).unwrap().is_none());
    }

    #[test]
    fn far_rows_keep_their_directions_and_their_order() {
        let random = Random::new(1, 2);
        let mut values: Vec<f32> = (0..900).map(|at| random.uniform(at) - 0.5).collect();
        values[..6].copy_from_slice(&[1e9, 0.0, 0.0, 1e12, 0.0, 0.0]);
        let x = Matrix::new(values, 300, 3).unwrap();
        let drawn = Drawn::of(&x).unwrap().unwrap().x;
        let (near, far) = (drawn.row(0), drawn.row(1));
        assert!(0.5 < near[0] && near[0] + 0.05 < far[0] && far[0] < 1.5, "{near:?} {far:?}");
        assert!(near[1..].iter().chain(&far[1..]).all(|value| value.abs() < 0.1));
        assert_eq!(drawn.as_slice()[6..], x.as_slice()[6..]);
    }

    #[test]
    fn far_rows_that_lie_together_keep_what_is_between_them() {
        let random = Random::new(1, 3);
        let mut values: Vec<f32> = (0..1800).map(|at| random.uniform(at) - 0.5).collect();
        (0..5).for_each(|row| values[3 * row] = 100_000.0 + row as f32 / 64.0);
        let x = Matrix::new(values, 600, 3).unwrap();
        let drawn = Drawn::of(&x).unwrap().unwrap();
        for (a, b) in (0..5).flat_map(|a| (0..a).map(move |b| (a, b))) {
            let before = distance(x.row(a), x.row(b));
            let after = distance(drawn.x.row(a), drawn.x.row(b));
            assert!((before - after).abs() < 1e-5, "{a} and {b}: {before} became {after}");
        }
        let least = (0..5).flat_map(|a| (5..600).map(move |b| (a, b)));
        let least = least
            .map(|(a, b)| distance(drawn.x.row(a), drawn.x.row(b)))
            .fold(f64::INFINITY, f64::min);
        assert!(
            least > 0.01 && drawn.x.as_slice().iter().all(|value| value.abs() < 4.0),
            "{least}"
        );
        assert!(
            drawn.warning().starts_with("5 rows lie over 100 times")
                && drawn.warning().ends_with(": 0, 1, 2, 3, 4")
        );
    }
}

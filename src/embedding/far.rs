//! Few points very far from all others, drawn in so that a map shows the others too.
//!
//! A map has one scale. Where one row is a million times as far out as the rest, it takes the first principal component for
//! itself, its distances outweigh all others, and what lies between the others drowns in the rounding of numbers that are
//! counted from it. Its own neighbours are the true ones; only how far out it lies is made less of, in its own direction.

use crate::error::Result;
use crate::matrix::Matrix;
use crate::middle::Middle;
use crate::neighbors::{Metric, NeighborGraph};
use std::borrow::Cow;

/// A row is far if it is further from the middle than this many times the median distance.
const FAR: f64 = 100.0;
/// Where a far row is put, in units of the furthest other, and how much further for every e-fold that it lay beyond that: far
/// rows stay apart, in their order.
const RIM: f64 = 1.0;
const BEYOND: f64 = 0.02;

/// Points of which the far ones are drawn in.
pub(crate) struct Drawn {
    /// n_samples x n_features.
    pub(crate) x: Matrix,
    /// Which rows were far.
    is_far: Vec<bool>,
}

impl Drawn {
    /// The points with the far ones drawn in, or nothing where none is far.
    pub(crate) fn of(x: &Matrix) -> Result<Option<Self>> {
        let Middle { mean, near: Some(near) } = Middle::of(x, FAR) else { return Ok(None) };
        let distance = |row: usize| {
            let pairs = x.row(row).iter().zip(&mean);
            pairs.map(|(&value, &mean)| (f64::from(value) - f64::from(mean)).powi(2)).sum::<f64>().sqrt()
        };
        let furthest = near.iter().map(|&row| distance(row)).fold(0.0, f64::max);
        if furthest == 0.0 {
            // All others are at one place, which has no rim.
            return Ok(None);
        }
        let mut is_far = vec![true; x.n_samples()];
        near.iter().for_each(|&row| is_far[row] = false);
        let mut drawn = x.as_slice().to_vec();
        for (row, values) in drawn.chunks_exact_mut(x.n_features()).enumerate().filter(|&(row, _)| is_far[row]) {
            let distance = distance(row);
            let share = furthest * (RIM + BEYOND * (distance / furthest).ln()) / distance;
            for (value, &mean) in values.iter_mut().zip(&mean) {
                *value = (f64::from(mean) + (f64::from(*value) - f64::from(mean)) * share) as f32;
            }
        }
        Ok(Some(Self { x: Matrix::new(drawn, x.n_samples(), x.n_features())?, is_far }))
    }

    /// The graph with the distances of these points: those of far rows have changed. Of another metric than the Euclidean none
    /// has.
    pub(crate) fn graph<'a>(&self, graph: &'a NeighborGraph) -> Cow<'a, NeighborGraph> {
        if graph.metric() != Metric::Euclidean {
            return Cow::Borrowed(graph);
        }
        let k = graph.n_neighbors();
        let (mut indices, mut distances) = (graph.indices().to_vec(), graph.distances().to_vec());
        for (row, (ids, lengths)) in indices.chunks_exact_mut(k).zip(distances.chunks_exact_mut(k)).enumerate() {
            if !self.is_far[row] && ids.iter().all(|&id| !self.is_far[id as usize]) {
                continue;
            }
            let distance = |id: u32| {
                let pairs = self.x.row(row).iter().zip(self.x.row(id as usize));
                pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>().sqrt() as f32
            };
            let mut nearest: Vec<(f32, u32)> = ids.iter().map(|&id| (distance(id), id)).collect();
            nearest.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            for ((id, length), (distance, nearer)) in ids.iter_mut().zip(lengths.iter_mut()).zip(nearest) {
                (*id, *length) = (nearer, distance);
            }
        }
        Cow::Owned(graph.with_lists(indices, distances))
    }
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
}

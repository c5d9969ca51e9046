//! What the nearest training points say of every scored point of a layer.

use super::depth;
use super::odd::{mean_distances, own_label_shares};
use crate::error::{Error, Result};
use crate::evaluation::predict;
use crate::matrix::Matrix;
use crate::neighbors::NeighborGraph;

/// Columns of the file.
const COLUMNS: usize = 5;

/// Measures of the scored points of one layer by their neighbours among the training points.
#[derive(Clone, Debug, PartialEq)]
pub struct PointMeasures {
    /// Majority class of the 30 nearest; see [`depth`].
    pub votes: Vec<u16>,
    /// Share of the ten nearest that have the point's own label, 0 to 1.
    pub own_label_shares: Vec<f64>,
    /// Mean distance of the ten nearest.
    pub mean_distances: Vec<f64>,
    /// Row of the nearest.
    pub nearest: Vec<usize>,
    /// Distance of the nearest.
    pub nearest_distances: Vec<f64>,
}

impl PointMeasures {
    /// Measures of points whose classes are `labels`, by their neighbours among points whose
    /// classes are `fitted`; fewer than 30 neighbours all vote.
    ///
    /// # Panics
    /// If the graph has rows or neighbours without a label.
    pub fn of(graph: &NeighborGraph, labels: &[u16], fitted: &[u16]) -> Self {
        let k = graph.n_neighbors();
        Self {
            votes: predict(graph, fitted, depth::N_NEIGHBORS.min(k)),
            own_label_shares: own_label_shares(graph, labels, fitted),
            mean_distances: mean_distances(graph),
            nearest: graph.indices().chunks_exact(k).map(|row| row[0] as usize).collect(),
            nearest_distances: graph
                .distances()
                .chunks_exact(k)
                .map(|row| f64::from(row[0]))
                .collect(),
        }
    }

    /// One row a point: the columns in the order of the fields.
    ///
    /// # Errors
    /// [`Error::Data`] if a distance is not finite.
    pub fn to_matrix(&self) -> Result<Matrix> {
        let n = self.votes.len();
        let row = |at: usize| {
            [
                f32::from(self.votes[at]),
                self.own_label_shares[at] as f32,
                self.mean_distances[at] as f32,
                self.nearest[at] as f32,
                self.nearest_distances[at] as f32,
            ]
        };
        Matrix::new((0..n).flat_map(row).collect(), n, COLUMNS)
    }

    /// The measures in the rows of such a matrix.
    ///
    /// # Errors
    /// [`Error::Data`] for another number of columns.
    pub fn of_matrix(matrix: &Matrix) -> Result<Self> {
        if matrix.n_features() != COLUMNS {
            let found = matrix.n_features();
            return Err(Error::Data(format!("has {found} columns, expected {COLUMNS}")));
        }
        let column = |at: usize| matrix.rows().map(move |row| f64::from(row[at]));
        Ok(Self {
            votes: column(0).map(|value| value as u16).collect(),
            own_label_shares: column(1).collect(),
            mean_distances: column(2).collect(),
            nearest: column(3).map(|value| value as usize).collect(),
            nearest_distances: column(4).collect(),
        })
    }
}

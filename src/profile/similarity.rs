//! Similarity of layers by the same points in them: linear CKA, the orthogonal Procrustes distance,
//! and the overlap of neighbours.
//!
//! Linear CKA (S. Kornblith et al., "Similarity of neural network representations revisited", 2019)
//! of centred X and Y is |X^T Y|^2 / (|X^T X| |Y^T Y|). Debiased, which few points need and many do
//! not mind, each of the three is replaced by
//! h(t, a, b) = t - n / (n - 2) a.b + (sum a)(sum b) / ((n - 1)(n - 2)) with the squared lengths a
//! and b of the rows (L. Song et al., "Feature selection via dependence maximization", 2012): 0 on
//! average for independent layers, so that it can be negative. CKA reacts to outliers and to shifts
//! of a part of the points (M. Davari et al., 2022).

use super::cross_products;
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::{NeighborGraph, nearest_neighbors};
use crate::progress::Observer;
use crate::random::Random;
use faer::Mat;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Maximum number of points that are compared.
pub const MAX_POINTS: usize = 5000;
/// Neighbours of each point whose overlap is measured.
pub const N_NEIGHBORS: usize = 10;
/// Maximum number of columns of the narrower layer for the Procrustes distance.
pub const MAX_PROCRUSTES: usize = 512;
/// Share of a layer's own product that the correction must leave.
const RANK: f64 = 1e-9;
/// Stream of the random numbers that choose the points; the seed is always the same, so that two
/// runs on the same points compare the same ones.
const STREAM: u64 = 0x73_696d_696c;

/// Similarity of two layers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Similarity {
    /// Debiased linear CKA, at most 1; none where the points are too few for the correction, which
    /// then leaves nothing of a layer.
    pub cka: Option<f64>,
    /// Linear CKA as it was first defined, from 0 to 1: too high for few points of many columns.
    pub biased_cka: f64,
    /// Orthogonal Procrustes distance 2 - 2 |A^T B|_*, from 0 to 2, of A and B centred and of unit
    /// norm (F. Ding, J.-S. Denain and J. Steinhardt, 2021); none above 512 columns
    /// of both.
    pub procrustes: Option<f64>,
    /// Mean Jaccard overlap of the points' ten nearest neighbours in the one and in the other, 0 to
    /// 1.
    pub neighbor_overlap: f64,
}

/// A layer as it is compared with others.
#[derive(Debug)]
pub struct ComparedLayer {
    x: Matrix,
    /// Squared length of each centred row.
    squares: Vec<f64>,
    /// |X^T X|^2.
    own: f64,
    neighbors: NeighborGraph,
}

/// Rows of `n` points that are compared: all, or 5,000 of them, ascending.
pub fn compared_rows(n: usize) -> Vec<usize> {
    if n <= MAX_POINTS {
        return (0..n).collect();
    }
    let mut rows = Random::new(0, STREAM).permutation(n);
    rows.truncate(MAX_POINTS);
    rows.sort_unstable();
    rows
}

impl ComparedLayer {
    /// The layer whose rows are `x`, n_samples x n_features.
    ///
    /// # Errors
    /// [`Error::Data`] for fewer than four rows, or rows that are all the same; any error of the
    /// device.
    pub fn new(device: &Device, x: Matrix, observer: &dyn Observer) -> Result<Self> {
        let n = x.n_samples();
        if n < 4 {
            return Err(Error::Data(format!("{n} points; layers are compared by four or more")));
        }
        let means = x.exact_column_means();
        let square = |row: &[f32]| -> f64 {
            row.iter().zip(&means).map(|(&value, mean)| (f64::from(value) - mean).powi(2)).sum()
        };
        let squares: Vec<f64> = x.as_slice().par_chunks(x.n_features()).map(square).collect();
        if squares.iter().all(|&square| square == 0.0) || x.rows().all(|row| row == x.row(0)) {
            return Err(Error::Data("all its rows are the same".into()));
        }
        let own = squared_norm(&cross_products::scatter(device, &x)?);
        let k = N_NEIGHBORS.min(n - 1);
        let neighbors = nearest_neighbors(device, &x, k, observer)?;
        Ok(Self { x, squares, own, neighbors })
    }

    /// Similarity with another layer of the same points.
    ///
    /// # Errors
    /// [`Error::Data`] for another number of points; any error of the device.
    pub fn compared(&self, device: &Device, other: &Self) -> Result<Similarity> {
        let n = self.x.n_samples();
        if other.x.n_samples() != n {
            return Err(Error::Data(format!(
                "layers of {n} and {} points: only the same points can be compared",
                other.x.n_samples()
            )));
        }
        let crossed = cross_products::crossed(device, &self.x, &other.x)?;
        let norm = squared_norm(&crossed);
        let [own, others] = [self, other].map(|layer| {
            // Of what is left by rounding alone nothing can be said.
            let left = debiased(layer.own, &layer.squares, &layer.squares);
            (left > RANK * layer.own).then_some(left)
        });
        let cka = own.zip(others).map(|(own, others)| {
            debiased(norm, &self.squares, &other.squares) / (own * others).sqrt()
        });
        let total = |squares: &[f64]| squares.iter().sum::<f64>();
        Ok(Similarity {
            cka,
            biased_cka: norm / (self.own * other.own).sqrt(),
            procrustes: procrustes(&crossed, total(&self.squares), total(&other.squares))?,
            neighbor_overlap: overlap(&self.neighbors, &other.neighbors),
        })
    }
}

fn squared_norm(products: &Mat<f64>) -> f64 {
    let columns = (0..products.ncols())
        .map(|column| products.col(column).iter().map(|value| value * value).sum::<f64>());
    columns.sum()
}

fn debiased(norm: f64, a: &[f64], b: &[f64]) -> f64 {
    let n = a.len() as f64;
    let inner: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    let sums = a.iter().sum::<f64>() * b.iter().sum::<f64>();
    norm - n / (n - 2.0) * inner + sums / ((n - 1.0) * (n - 2.0))
}

/// Distance by the products of the columns, and the sums of all squares of both layers.
fn procrustes(crossed: &Mat<f64>, of_x: f64, of_y: f64) -> Result<Option<f64>> {
    if crossed.nrows().min(crossed.ncols()) > MAX_PROCRUSTES {
        return Ok(None);
    }
    let values = crossed
        .singular_values()
        .map_err(|error| Error::Data(format!("the layers cannot be turned: {error:?}")))?;
    let nuclear: f64 = values.into_iter().sum::<f64>() / (of_x * of_y).sqrt();
    Ok(Some((2.0 - 2.0 * nuclear).max(0.0)))
}

/// Mean share of the neighbours in both graphs among those in either.
fn overlap(a: &NeighborGraph, b: &NeighborGraph) -> f64 {
    let n = a.n_samples();
    let of_point = |point: usize| {
        let (a, b) = (a.neighbors(point), b.neighbors(point));
        let shared = a.iter().filter(|neighbor| b.contains(neighbor)).count();
        shared as f64 / (a.len() + b.len() - shared) as f64
    };
    (0..n).map(of_point).sum::<f64>() / n as f64
}

/// The chosen points of those layers that can be compared.
struct Chosen {
    spaces: Vec<String>,
    compared: Vec<ComparedLayer>,
}

impl Chosen {
    /// Layers whose rows are all the same are left out.
    fn of(
        device: &Device,
        layers: &[(&str, &Matrix)],
        rows: &[usize],
        observer: &dyn Observer,
    ) -> Result<Self> {
        let mut chosen = Self { spaces: Vec::new(), compared: Vec::new() };
        for (name, x) in layers {
            if rows.last().is_some_and(|&last| last >= x.n_samples()) {
                let found = x.n_samples();
                return Err(Error::Data(format!("{name} has {found} rows, other layers more")));
            }
            match ComparedLayer::new(device, x.select(rows), observer) {
                Err(Error::Data(_)) => {}
                layer => {
                    chosen.compared.push(layer?);
                    chosen.spaces.push((*name).to_owned());
                }
            }
        }
        Ok(chosen)
    }
}

/// Similarities of several layers with each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Similarities {
    /// The layers, in order.
    pub spaces: Vec<String>,
    /// Number of points that were compared.
    pub n_points: usize,
    /// Each layer with each other, n_layers x n_layers; of a layer with itself 1, 0 and 1.
    pub pairs: Vec<Vec<Similarity>>,
}

impl Similarities {
    /// Compares the rows that [`compared_rows`] chooses of `layers`, named matrices of the same
    /// points. Layers whose rows are all the same are left out.
    ///
    /// # Errors
    /// Those of [`ComparedLayer`], and [`Error::Interrupted`](crate::Error::Interrupted).
    pub fn of(
        device: &Device,
        layers: &[(&str, &Matrix)],
        observer: &dyn Observer,
    ) -> Result<Self> {
        let rows = compared_rows(layers.first().map_or(0, |(_, x)| x.n_samples()));
        let Chosen { spaces, compared } = Chosen::of(device, layers, &rows, observer)?;
        let itself = Similarity {
            cka: Some(1.0),
            biased_cka: 1.0,
            procrustes: Some(0.0),
            neighbor_overlap: 1.0,
        };
        let mut pairs = vec![vec![itself; compared.len()]; compared.len()];
        for i in 0..compared.len() {
            for j in i + 1..compared.len() {
                let found = compared[i].compared(device, &compared[j])?;
                pairs[i][j] = found;
                pairs[j][i] = found;
            }
        }
        Ok(Self { spaces, n_points: rows.len(), pairs })
    }

    /// Similarity of two layers by their names.
    pub fn between(&self, a: &str, b: &str) -> Option<Similarity> {
        let place = |name: &str| self.spaces.iter().position(|space| space == name);
        Some(self.pairs[place(a)?][place(b)?])
    }
}

/// Similarities of the layers of two networks, or of one at two times, on the same points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CrossSimilarities {
    /// The layers of the first, in order.
    pub rows: Vec<String>,
    /// The layers of the second.
    pub columns: Vec<String>,
    /// Number of points that were compared.
    pub n_points: usize,
    /// Each layer of the first with each of the second, n_rows x n_columns.
    pub pairs: Vec<Vec<Similarity>>,
}

impl CrossSimilarities {
    /// Compares the rows that [`compared_rows`] chooses. Layers whose rows are all the same are left
    /// out.
    ///
    /// # Errors
    /// Those of [`ComparedLayer`], and [`Error::Interrupted`](crate::Error::Interrupted).
    pub fn of(
        device: &Device,
        networks: [&[(&str, &Matrix)]; 2],
        observer: &dyn Observer,
    ) -> Result<Self> {
        let rows = compared_rows(networks[0].first().map_or(0, |(_, x)| x.n_samples()));
        let [a, b] = networks.map(|layers| Chosen::of(device, layers, &rows, observer));
        let (a, b) = (a?, b?);
        let row = |layer: &ComparedLayer| {
            b.compared.iter().map(|other| layer.compared(device, other)).collect()
        };
        let pairs = a.compared.iter().map(row).collect::<Result<_>>()?;
        Ok(Self { rows: a.spaces, columns: b.spaces, n_points: rows.len(), pairs })
    }
}

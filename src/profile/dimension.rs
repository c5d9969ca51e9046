//! How many dimensions a layer uses: the spectrum of its covariance, and the intrinsic dimension by
//! its neighbours.

use super::cross_products;
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::NeighborGraph;
use faer::{Mat, Side};
use serde::{Deserialize, Serialize};

/// Maximum number of columns, or of rows if there are fewer, whose covariance is decomposed.
pub const MAX_SIDE: usize = 4096;
/// Number of eigenvalues that are kept for the figure.
pub const N_EIGENVALUES: usize = 100;
/// Share of the rows that TwoNN leaves out, those with the largest ratios.
const DISCARDED: f64 = 0.1;
/// Neighbours of the maximum-likelihood estimate.
pub const N_NEIGHBORS: usize = 20;

/// Measures of the eigenvalues l of the covariance (n - 1) of a layer's columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spectrum {
    /// Sum of the eigenvalues.
    pub total_variance: f64,
    /// Number of principal components that hold 90 % of the variance.
    pub n_components_90: usize,
    /// The same for 95 %.
    pub n_components_95: usize,
    /// The same for 99 %.
    pub n_components_99: usize,
    /// (sum l)^2 / sum l^2, from 1 to n_features.
    pub participation_ratio: f64,
    /// exp(-sum p log p) of the shares p of the variance, from 1 to n_features.
    pub effective_rank: f64,
    /// The same of the shares of the singular values (O. Roy and M. Vetterli, "The effective rank",
    /// 2007; RankMe of Q. Garrido et al., 2023, which does not centre).
    pub rank_of_singular_values: f64,
    /// sum l / l_1, at least 1.
    pub stable_rank: f64,
    /// The largest eigenvalues, descending, at most 100.
    pub eigenvalues: Vec<f64>,
}

impl Spectrum {
    /// Spectrum of the rows of `x`. O(n d^2 + d^3) for d columns, or with n and d exchanged if there
    /// are fewer rows.
    ///
    /// # Errors
    /// [`Error::Data`] for rows that are all the same, or more than 4,096 rows and columns;
    /// any error of the device.
    pub fn of(device: &Device, x: &Matrix) -> Result<Self> {
        let (n, d) = (x.n_samples(), x.n_features());
        if n.min(d) > MAX_SIDE {
            return Err(Error::Data(format!(
                "it has {d} columns: the spectrum is computed of at most {MAX_SIDE}"
            )));
        }
        if n < 2 {
            return Err(Error::Data("there is one row".into()));
        }
        let products =
            if n < d { by_rows(device, x)? } else { cross_products::scatter(device, x)? };
        Self::of_scatter(&products, n)
    }

    /// Spectrum of `n` rows by the products of their centred columns, or of the rows themselves.
    ///
    /// # Errors
    /// [`Error::Data`] for rows that are all the same.
    pub fn of_scatter(products: &Mat<f64>, n: usize) -> Result<Self> {
        let values = products
            .self_adjoint_eigenvalues(Side::Lower)
            .map_err(|error| Error::Data(format!("its spectrum was not found: {error:?}")))?;
        let variances = values.into_iter().rev().map(|value| value.max(0.0) / (n - 1) as f64);
        Self::of_eigenvalues(&variances.collect::<Vec<_>>())
    }

    /// Measures of eigenvalues, descending.
    ///
    /// # Errors
    /// [`Error::Data`] if all are 0.
    pub fn of_eigenvalues(values: &[f64]) -> Result<Self> {
        let total: f64 = values.iter().sum();
        if total <= 0.0 {
            return Err(Error::Data("all its rows are the same".into()));
        }
        let components = |share: f64| {
            let mut sum = 0.0;
            let reached = |value: &f64| {
                sum += value / total;
                sum >= share
            };
            values.iter().position(reached).map_or(values.len(), |at| at + 1)
        };
        let roots: Vec<f64> = values.iter().map(|value| value.sqrt()).collect();
        Ok(Self {
            total_variance: total,
            n_components_90: components(0.9),
            n_components_95: components(0.95),
            n_components_99: components(0.99),
            participation_ratio: total * total / values.iter().map(|l| l * l).sum::<f64>(),
            effective_rank: exponential_entropy(values, 1e-12),
            rank_of_singular_values: exponential_entropy(&roots, 1e-9),
            stable_rank: total / values[0],
            eigenvalues: values[..values.len().min(N_EIGENVALUES)].to_vec(),
        })
    }
}

/// Products of the centred rows with each other, which have the same eigenvalues.
fn by_rows(device: &Device, x: &Matrix) -> Result<Mat<f64>> {
    let (n, d) = (x.n_samples(), x.n_features());
    let means = x.exact_column_means();
    let transposed: Vec<f32> = (0..d)
        .flat_map(|j| {
            let mean = means[j];
            x.rows().map(move |row| (f64::from(row[j]) - mean) as f32)
        })
        .collect();
    cross_products::scatter_about_zero(device, &Matrix::new(transposed, d, n)?)
}

/// exp(-sum p log p) of the shares p of some numbers; shares up to `least` count as none.
fn exponential_entropy(values: &[f64], least: f64) -> f64 {
    let total: f64 = values.iter().sum();
    let shares = values.iter().map(|value| value / total).filter(|&share| share > least);
    (-shares.map(|share| share * share.ln()).sum::<f64>()).exp()
}

/// Intrinsic dimension by the distances to the nearest neighbours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntrinsicDimension {
    /// TwoNN (E. Facco et al., "Estimating the intrinsic dimension of datasets by a minimal
    /// neighborhood information", 2017): the slope through 0 of -log(1 - F) on log(r2 / r1), of the
    /// 90 % smallest ratios.
    pub two_nn: f64,
    /// Maximum-likelihood estimate of 20 neighbours (E. Levina and P. Bickel, 2004), the inverses of
    /// the points' estimates averaged (D. MacKay and Z. Ghahramani, 2005).
    pub mle: f64,
    /// Rows that have a duplicate, which no estimate uses.
    pub n_duplicates: usize,
}

impl IntrinsicDimension {
    /// Estimates from the neighbours of the rows among themselves.
    ///
    /// # Errors
    /// [`Error::Data`] for fewer than 20 neighbours, distances that are not Euclidean, or fewer than
    /// ten rows without duplicates.
    pub fn of(graph: &NeighborGraph) -> Result<Self> {
        let k = graph.n_neighbors();
        if k < N_NEIGHBORS {
            return Err(Error::Data(format!(
                "{k} neighbours are known of each point; the estimate takes {N_NEIGHBORS}"
            )));
        }
        if graph.metric() != crate::neighbors::Metric::Euclidean {
            return Err(Error::Data("the estimates need Euclidean distances".into()));
        }
        let distances: Vec<&[f32]> =
            graph.distances().chunks_exact(k).filter(|row| row[0] > 0.0).collect();
        let n_duplicates = graph.n_samples() - distances.len();
        if distances.len() < 10 {
            return Err(Error::Data("nearly all its rows have duplicates".into()));
        }
        let two_nn = two_nn(&distances);
        let mle = levina_bickel(&distances);
        if !(two_nn.is_finite() && mle.is_finite()) {
            return Err(Error::Data("neighbours of most points are equally far".into()));
        }
        Ok(Self { two_nn, mle, n_duplicates })
    }
}

fn two_nn(distances: &[&[f32]]) -> f64 {
    let mut logs: Vec<f64> =
        distances.iter().map(|row| (f64::from(row[1]) / f64::from(row[0])).ln()).collect();
    logs.sort_unstable_by(f64::total_cmp);
    let n = logs.len() as f64;
    logs.truncate((n * (1.0 - DISCARDED)) as usize);
    let heights = (1..=logs.len()).map(|at| -(1.0 - at as f64 / n).ln());
    let crossed: f64 = logs.iter().zip(heights).map(|(log, height)| log * height).sum();
    crossed / logs.iter().map(|log| log * log).sum::<f64>()
}

fn levina_bickel(distances: &[&[f32]]) -> f64 {
    let inverse = |row: &&[f32]| {
        let last = f64::from(row[N_NEIGHBORS - 1]);
        let nearer = row[..N_NEIGHBORS - 1].iter();
        nearer.map(|&near| (last / f64::from(near)).ln()).sum::<f64>() / (N_NEIGHBORS - 1) as f64
    };
    let inverses: Vec<f64> = distances.iter().map(inverse).collect();
    inverses.len() as f64 / inverses.iter().sum::<f64>()
}

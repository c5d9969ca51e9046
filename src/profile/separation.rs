//! Separation of the classes in a layer, from their means and the scatter about them.
//!
//! With the class means mu_c, the scatter within the classes S_W = 1/n sum (x - mu_y)(x - mu_y)^T
//! and a scatter S_B of the means:
//!
//! - separation fuzziness D = tr(S_W pinv(S_B)), S_B weighted by the classes' sizes about the mean
//!   of all rows (H. He and W. Su, "A law of data separation in deep learning", 2023);
//! - NC1 = tr(S_W pinv(S_B)) / C, S_B about the mean of the class means, and NC2, how equal the
//!   lengths and angles of the centred means are (V. Papyan, X. Han and D. Donoho, "Prevalence of
//!   neural collapse during the terminal phase of deep learning training", 2020);
//! - Fisher's ratio tr(S_B) / tr(S_W);
//! - CDNV, the class-distance normalised variance (v_i + v_j) / (2 |mu_i - mu_j|^2) of two classes
//!   (T. Galanti, A. György and M. Hutter, "On the role of neural collapse in transfer learning",
//!   2022).
//!
//! O(n d C) in double precision; no d x d matrix is formed.

use super::classes::PresentClasses;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::products;
use faer::{Mat, Side};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Number of rows of one task.
const BLOCK_ROWS: usize = 512;
/// Share of the largest eigenvalue of S_B below which a direction has no class means.
const RANK: f64 = 1e-10;
/// Maximum number of classes whose pairs are kept one by one.
pub const MAX_PAIRED: usize = 100;

/// Means of the classes of some rows.
#[derive(Clone, Debug)]
pub struct ClassMeans {
    /// The classes that have rows, ascending.
    pub classes: Vec<u16>,
    /// Rows of each of them.
    pub counts: Vec<usize>,
    /// Their means, n_classes x n_features.
    means: Vec<f64>,
    n_features: usize,
}

/// Measures of separation; see the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Separation {
    /// D, above 0: 0 where the rows of every class coincide.
    pub fuzziness: f64,
    /// NC1, above 0.
    pub nc1: f64,
    /// NC2 of lengths: standard deviation over mean of the lengths of the centred class means.
    pub nc2_norms: f64,
    /// NC2 of angles: mean distance of their cosines from -1 / (C - 1).
    pub nc2_angles: f64,
    /// Fisher's ratio.
    pub fisher_ratio: f64,
    /// Mean CDNV of all pairs of classes; none if two of them have the same mean.
    pub cdnv: Option<f64>,
    /// CDNV of each pair, n_classes x n_classes, 0 on the diagonal; empty above
    /// 100 classes, and where the mean is not known.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub cdnv_pairs: Vec<Vec<f64>>,
    /// The classes of its rows and columns.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub paired_classes: Vec<u16>,
}

impl ClassMeans {
    /// Means of the rows of `x`, n_samples x n_features, by their classes.
    ///
    /// # Errors
    /// [`Error::Data`] for one class, or another number of labels.
    pub fn of(x: &Matrix, labels: &[u16]) -> Result<Self> {
        let PresentClasses { present: classes, places } =
            PresentClasses::of(labels, x.n_samples())?;
        let d = x.n_features();
        let mut rows_of = vec![Vec::new(); classes.len()];
        places.iter().enumerate().for_each(|(row, &place)| rows_of[place as usize].push(row));
        let mean = |rows: &Vec<usize>| -> Vec<f64> {
            let mut sums = vec![0.0; d];
            for &row in rows {
                sums.iter_mut().zip(x.row(row)).for_each(|(sum, &v)| *sum += f64::from(v));
            }
            sums.iter_mut().for_each(|sum| *sum /= rows.len() as f64);
            sums
        };
        let means: Vec<Vec<f64>> = rows_of.par_iter().map(mean).collect();
        let counts = rows_of.iter().map(Vec::len).collect();
        Ok(Self { classes, counts, means: means.concat(), n_features: d })
    }

    /// The class whose mean is nearest to each row of `x`; of equals the lower.
    pub fn nearest(&self, x: &Matrix) -> Vec<u16> {
        let nearest = |row: &[f32]| {
            let distance = |mean: &[f64]| -> f64 {
                row.iter().zip(mean).map(|(&v, mean)| (f64::from(v) - mean).powi(2)).sum()
            };
            let mut best = (0, f64::INFINITY);
            for (at, mean) in self.means.chunks_exact(self.n_features).enumerate() {
                let distance = distance(mean);
                if distance < best.1 {
                    best = (at, distance);
                }
            }
            self.classes[best.0]
        };
        x.as_slice().par_chunks(self.n_features).map(nearest).collect()
    }

    /// Columns of the rows.
    pub(super) fn n_features(&self) -> usize {
        self.n_features
    }

    /// Mean of the class at a place.
    pub(super) fn mean(&self, at: usize) -> &[f64] {
        &self.means[at * self.n_features..][..self.n_features]
    }

    /// Place of a class.
    fn place(&self, class: u16) -> usize {
        self.classes.partition_point(|&other| other < class)
    }

    /// Class means about `weights` of them, n_classes x n_features.
    pub(super) fn about(&self, weights: &[f64]) -> Vec<f64> {
        let d = self.n_features;
        let mut centre = vec![0.0; d];
        for (mean, weight) in self.means.chunks_exact(d).zip(weights) {
            centre.iter_mut().zip(mean).for_each(|(sum, value)| *sum += weight * value);
        }
        let columns = self.means.iter().enumerate();
        columns.map(|(at, value)| value - centre[at % d]).collect()
    }
}

/// Scatter of rows about their class means.
struct Within {
    /// Sum of squares of each class.
    squares: Vec<f64>,
    /// Products of all rows' projections onto the centred class means, n_classes x n_classes.
    products: Mat<f64>,
}

impl Separation {
    /// Measures how the classes of the rows of `x` are separated.
    ///
    /// # Errors
    /// [`Error::Data`] for rows without variance within the classes, or if the means of all classes
    /// are equal.
    pub fn of(x: &Matrix, labels: &[u16], means: &ClassMeans) -> Result<Self> {
        let (n, d, c) = (labels.len() as f64, means.n_features, means.classes.len());
        let shares: Vec<f64> = means.counts.iter().map(|&count| count as f64 / n).collect();
        let centred = means.about(&shares);
        let within = within(x, labels, means, &centred);
        let among = Mat::from_fn(c, c, |i, j| {
            centred[i * d..][..d]
                .iter()
                .zip(&centred[j * d..][..d])
                .map(|(a, b)| a * b)
                .sum::<f64>()
        });
        let total = within.squares.iter().sum::<f64>() / n;
        let between: f64 = (0..c).map(|i| shares[i] * among[(i, i)]).sum();
        if between <= 0.0 {
            return Err(Error::Data("the means of all classes are the same".into()));
        }
        if total <= 0.0 {
            return Err(Error::Data("the rows of every class are all the same".into()));
        }
        // The means weighted by the classes' sizes, and those about their own mean.
        let weighted = Mat::from_fn(c, c, |i, j| if i == j { shares[i].sqrt() } else { 0.0 });
        let equal = Mat::from_fn(c, c, |i, j| f64::from(u8::from(i == j)) - 1.0 / c as f64);
        let fuzziness = trace(&weighted, &among, &within.products)? / n;
        let nc1 = trace(&equal, &among, &within.products)? / n;
        let gram = &equal * &among * equal.transpose();
        let pairs = cdnv_pairs(means, &within.squares);
        let cdnv = mean_of_pairs(&pairs);
        let is_paired = c <= MAX_PAIRED && cdnv.is_some();
        Ok(Self {
            fuzziness,
            nc1,
            nc2_norms: spread(&(0..c).map(|i| gram[(i, i)].max(0.0).sqrt()).collect::<Vec<_>>()),
            nc2_angles: angles(&gram),
            fisher_ratio: between / total,
            cdnv,
            cdnv_pairs: if is_paired { pairs } else { Vec::new() },
            paired_classes: if is_paired { means.classes.clone() } else { Vec::new() },
        })
    }
}

fn within(x: &Matrix, labels: &[u16], means: &ClassMeans, centred: &[f64]) -> Within {
    let (d, c) = (means.n_features, means.classes.len());
    let blocks = x.as_slice().par_chunks(BLOCK_ROWS * d).zip(labels.par_chunks(BLOCK_ROWS));
    let parts: Vec<(Vec<f64>, Vec<f64>)> = blocks
        .map(|(rows, labels)| {
            let n = labels.len();
            let mut squares = vec![0.0; c];
            let mut deviations = vec![0.0; n * d];
            let rows = rows.chunks_exact(d).zip(deviations.chunks_exact_mut(d)).zip(labels);
            for ((row, out), &label) in rows {
                let place = means.place(label);
                let mut square = 0.0;
                for ((out, &value), mean) in out.iter_mut().zip(row).zip(means.mean(place)) {
                    *out = f64::from(value) - mean;
                    square += *out * *out;
                }
                squares[place] += square;
            }
            // C x n, so that the products of two rows of it are those of two classes.
            let mut projected = vec![0.0; c * n];
            products(centred, &deviations, &mut projected, (c, n, d));
            let mut sums = vec![0.0; c * c];
            products(&projected, &projected, &mut sums, (c, c, n));
            (squares, sums)
        })
        .collect();
    let mut squares = vec![0.0; c];
    let mut sums = vec![0.0; c * c];
    for (of_squares, of_sums) in &parts {
        squares.iter_mut().zip(of_squares).for_each(|(sum, value)| *sum += value);
        sums.iter_mut().zip(of_sums).for_each(|(sum, value)| *sum += value);
    }
    Within { squares, products: Mat::from_fn(c, c, |i, j| sums[i * c + j]) }
}

/// tr(Z^T Z pinv(M^T M)) for the means M = `map` B: with the eigenvectors v and eigenvalues s of M
/// M^T, the sum over them of v^T (M Z^T Z M^T) v / s^2. Shapes: `among` = B B^T and `products` = B
/// Z^T Z B^T, both n_classes x n_classes.
fn trace(map: &Mat<f64>, among: &Mat<f64>, products: &Mat<f64>) -> Result<f64> {
    let gram = map * among * map.transpose();
    let inner = map * products * map.transpose();
    let eigen = gram
        .self_adjoint_eigen(Side::Lower)
        .map_err(|error| Error::Data(format!("the class means have no axes: {error:?}")))?;
    let values = eigen.S().column_vector();
    let side = gram.nrows();
    let largest = values[side - 1];
    let mut sum = 0.0;
    for at in (0..side).filter(|&at| values[at] > RANK * largest) {
        let v = eigen.U().col(at);
        let length: f64 =
            (0..side).map(|i| v[i] * (0..side).map(|j| inner[(i, j)] * v[j]).sum::<f64>()).sum();
        sum += length / (values[at] * values[at]);
    }
    Ok(sum)
}

/// Standard deviation (n - 1) over mean.
fn spread(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (n - 1.0)).sqrt() / mean
}

/// Mean distance of the cosines of two centred class means from that of a simplex; a mean at the
/// centre has the cosine 0 with all others.
fn angles(gram: &Mat<f64>) -> f64 {
    let c = gram.nrows();
    let ideal = -1.0 / (c as f64 - 1.0);
    let cosine = |i: usize, j: usize| {
        let length = (gram[(i, i)] * gram[(j, j)]).sqrt();
        if length > 0.0 { gram[(i, j)] / length } else { 0.0 }
    };
    let pairs = (0..c).flat_map(|i| (0..c).filter(move |&j| j != i).map(move |j| (i, j)));
    pairs.map(|(i, j)| (cosine(i, j) - ideal).abs()).sum::<f64>() / (c * (c - 1)) as f64
}

/// CDNV of every pair of classes, 0 on the diagonal; it is not finite where two means are the same.
fn cdnv_pairs(means: &ClassMeans, squares: &[f64]) -> Vec<Vec<f64>> {
    let c = means.classes.len();
    let variance = |at: usize| squares[at] / means.counts[at] as f64;
    let value = |i: usize, j: usize| {
        if i == j {
            return 0.0;
        }
        let distance: f64 =
            means.mean(i).iter().zip(means.mean(j)).map(|(a, b)| (a - b).powi(2)).sum();
        (variance(i) + variance(j)) / (2.0 * distance)
    };
    (0..c).into_par_iter().map(|i| (0..c).map(|j| value(i, j)).collect()).collect()
}

/// Mean of all pairs of two classes, if all are finite.
fn mean_of_pairs(pairs: &[Vec<f64>]) -> Option<f64> {
    let c = pairs.len();
    let sum: f64 = (0..c).flat_map(|i| &pairs[i][i + 1..]).sum();
    sum.is_finite().then(|| sum / (c * (c - 1) / 2) as f64)
}

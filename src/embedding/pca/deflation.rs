//! Deflation: axes of small variance beside large ones are computed again after the large ones are
//! removed.
//!
//! A covariance that is summed in single precision has an error of some 1e-7 of the largest
//! variance, in whatever order it is summed. One outlying row, or one direction that outweighs all
//! others, therefore hides the rest. So the leading axes are made exact by two steps of subspace
//! iteration in double precision, on the host and over fixed blocks of rows; they are subtracted
//! from the rows, and the search continues in the remainder with the same solver on the same device
//! (D. Mackey, "Deflation methods for sparse PCA", 2008, section 3, for orthogonal axes). O(n d k)
//! for k leading axes, and only if needed.

use super::solvers::{EigenPairs, eigen, orthonormal};
use crate::error::Result;
use crate::matrix::Matrix;
use crate::range::Range;
use faer::{Accum, Mat, Par, linalg::matmul::matmul};
use rayon::prelude::*;

/// Sums in single precision cannot resolve variances below this share of the largest.
const LEAST_SHARE: f64 = 1e-5;
/// Number of rows of one task, and number of tasks whose sums are held together.
const BLOCK_ROWS: usize = 1024;
const BLOCKS: usize = 32;
/// Number of iterations on the space of the axes found. Each multiplies the error of an axis by the
/// ratio of the largest square outside that space to its own, starting from axes in single
/// precision. Two steps leave axes of close squares mixed with each other, as they are in single
/// precision, and nothing of the axes that were removed.
const STEPS: usize = 2;

/// Number of leading axes with these descending squares, at least one, that the first does not
/// hide.
pub(super) fn reliable(squares: &[f64]) -> usize {
    let first = squares.first().copied().unwrap_or(0.0);
    squares.iter().take_while(|&&square| square >= LEAST_SHARE * first).count()
}

/// Solver for axes, given rows, their mean and the number of axes.
type Search<'a> = dyn Fn(&Matrix, &[f32], usize) -> Result<EigenPairs> + 'a;

/// As many axes as were `found`, with the hidden ones computed again by `search`, which takes rows,
/// their mean and the number of axes.
pub(super) fn refined(
    x: &Matrix,
    mut found: EigenPairs,
    search: &Search<'_>,
) -> Result<EigenPairs> {
    let (d, n_components) = (x.n_features(), found.0.len());
    let mut left =
        Remainder { x, centre: Range::of(x)?.centre, axes: Mat::zeros(d, 0), mean: vec![0.0; d] };
    left.mean = left.exact_mean();
    let mut squares: Vec<f64> = Vec::new();
    loop {
        let k = reliable(&found.0).max(1);
        let (own, axes) = left.exact(&found.1.get(.., ..k).to_owned())?;
        squares.extend(own);
        left.subtract(&axes);
        let missing = n_components - squares.len();
        if missing == 0 {
            return Ok((squares, left.axes));
        }
        let rest = left.rounded()?;
        let range = Range::of(&rest)?;
        let unit = range.scaled(&rest)?;
        found = search(&unit, &unit.column_means(), missing)?;
        if found.0.iter().all(|&square| square <= 0.0) {
            // No variance remains: any axes orthogonal to the others will do.
            squares.resize(n_components, 0.0);
            let all = Mat::from_fn(d, n_components, |row, column| {
                let at = column.wrapping_sub(left.axes.ncols());
                if column < left.axes.ncols() {
                    left.axes[(row, column)]
                } else {
                    found.1[(row, at)]
                }
            });
            return Ok((squares, orthonormal(&all)));
        }
    }
}

/// Remainder of the rows after some axes are removed.
struct Remainder<'a> {
    x: &'a Matrix,
    /// Robust centre of the rows, so that nothing large is subtracted from most of them.
    centre: Vec<f32>,
    /// d x k, orthonormal.
    axes: Mat<f64>,
    /// Mean of the remainder.
    mean: Vec<f64>,
}

impl Remainder<'_> {
    /// A block of the rows minus their part along the axes, and minus `mean`.
    fn block(&self, rows: &[f32], mean: &[f64]) -> Mat<f64> {
        let d = mean.len();
        let mut block = Mat::from_fn(rows.len() / d, d, |i, j| {
            f64::from(rows[i * d + j]) - f64::from(self.centre[j])
        });
        let k = self.axes.ncols();
        if k > 0 {
            let mut places = Mat::zeros(block.nrows(), k);
            matmul(&mut places, Accum::Replace, &block, &self.axes, 1.0, Par::Seq);
            matmul(&mut block, Accum::Add, &places, self.axes.transpose(), -1.0, Par::Seq);
        }
        for (column, mean) in block.col_iter_mut().zip(mean) {
            column.iter_mut().for_each(|value| *value -= mean);
        }
        block
    }

    fn blocks(&self) -> impl IndexedParallelIterator<Item = &[f32]> {
        self.x.as_slice().par_chunks(BLOCK_ROWS * self.x.n_features())
    }

    fn exact_mean(&self) -> Vec<f64> {
        let d = self.x.n_features();
        let n = self.x.n_samples() as f64;
        let zeros = vec![0.0; d];
        let sum = |rows: &[f32]| {
            self.block(rows, &zeros)
                .col_iter()
                .map(|column| column.iter().sum::<f64>())
                .collect::<Vec<_>>()
        };
        let sums: Vec<Vec<f64>> = self.blocks().map(sum).collect();
        (0..d).map(|feature| sums.iter().map(|sums| sums[feature]).sum::<f64>() / n).collect()
    }

    fn subtract(&mut self, axes: &Mat<f64>) {
        let (d, k) = (self.axes.nrows(), self.axes.ncols());
        let all = Mat::from_fn(d, k + axes.ncols(), |row, column| {
            if column < k { self.axes[(row, column)] } else { axes[(row, column - k)] }
        });
        self.axes = orthonormal(&all);
        self.mean = self.exact_mean();
    }

    /// The remainder of the rows in single precision.
    fn rounded(&self) -> Result<Matrix> {
        let d = self.x.n_features();
        let rows = |rows: &[f32]| {
            let block = self.block(rows, &self.mean);
            (0..block.nrows())
                .flat_map(|i| (0..d).map(|j| block[(i, j)] as f32).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        Matrix::new(self.blocks().flat_map_iter(rows).collect(), self.x.n_samples(), d)
    }

    /// Exact axes near the given ones, d x k, with their sums of squares, the largest first.
    fn exact(&self, near: &Mat<f64>) -> Result<EigenPairs> {
        let k = near.ncols();
        let mut basis = orthonormal(near);
        let mut found = (Vec::new(), Mat::zeros(0, 0));
        for _ in 0..STEPS {
            basis = orthonormal(&self.scatter_times(&basis));
            let image = self.scatter_times(&basis);
            let quotient = basis.transpose() * &image;
            let symmetric = Mat::from_fn(k, k, |i, j| 0.5 * (quotient[(i, j)] + quotient[(j, i)]));
            let (squares, rotation) = eigen(&symmetric, k)?;
            found = (squares, &basis * &rotation);
            basis = found.1.clone();
        }
        Ok(found)
    }

    /// The sum of row^T row over the remainder, times the columns of `basis`.
    fn scatter_times(&self, basis: &Mat<f64>) -> Mat<f64> {
        let product = |rows: &[f32]| {
            let block = self.block(rows, &self.mean);
            let mut places = Mat::zeros(block.nrows(), basis.ncols());
            matmul(&mut places, Accum::Replace, &block, basis, 1.0, Par::Seq);
            let mut product = Mat::zeros(basis.nrows(), basis.ncols());
            matmul(&mut product, Accum::Replace, block.transpose(), &places, 1.0, Par::Seq);
            product
        };
        let mut total = Mat::zeros(basis.nrows(), basis.ncols());
        for rows in self.x.as_slice().chunks(BLOCKS * BLOCK_ROWS * self.x.n_features()) {
            let products: Vec<Mat<f64>> =
                rows.par_chunks(BLOCK_ROWS * self.x.n_features()).map(product).collect();
            products.iter().for_each(|product| total += product);
        }
        total
    }
}

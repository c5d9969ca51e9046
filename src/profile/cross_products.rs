//! Products of the centred columns of one layer with those of another, X^T Y, of which the
//! spectrum, the probes and the similarities are made.
//!
//! On the CPU in double precision. A GPU multiplies in single precision, block by block of 1,024
//! rows, and the blocks are added in double precision. O(n d e) for d and e columns; the bytes do
//! not depend on the number of threads.

use crate::compute::{Device, DeviceKind};
use crate::embedding::pca::rows::Rows;
use crate::error::Result;
use crate::matrix::Matrix;
use crate::neighbors::products;
use crate::range::Range;
use faer::Mat;
use rayon::prelude::*;

/// Number of rows that are converted to double precision at once.
const BLOCK_ROWS: usize = 1024;
/// Side of the tile of products that one task computes.
const TILE: usize = 128;

/// X^T Y of the centred columns of `x` (n x d) and `y` (n x e): d x e.
///
/// # Panics
/// If `x` and `y` have different numbers of rows.
///
/// # Errors
/// [`Error::Data`](crate::Error::Data) for values whose squares do not fit the device's numbers;
/// any error of the device.
pub fn crossed(device: &Device, x: &Matrix, y: &Matrix) -> Result<Mat<f64>> {
    assert_eq!(x.n_samples(), y.n_samples(), "rows of the same points");
    match device.kind() {
        DeviceKind::Cpu => {
            Ok(crossed_on_cpu([x, y], [&x.exact_column_means(), &y.exact_column_means()]))
        }
        DeviceKind::Gpu => crossed_on_gpu(device, [x, y], true),
    }
}

/// X^T X of the centred columns of `x`: d x d, symmetric.
///
/// # Errors
/// Those of [`crossed`].
pub fn scatter(device: &Device, x: &Matrix) -> Result<Mat<f64>> {
    squared(device, x, true)
}

/// X^T X of the columns of `x` as they are: d x d, symmetric.
///
/// # Errors
/// Those of [`crossed`].
pub fn scatter_about_zero(device: &Device, x: &Matrix) -> Result<Mat<f64>> {
    squared(device, x, false)
}

fn squared(device: &Device, x: &Matrix, is_centred: bool) -> Result<Mat<f64>> {
    let means = if is_centred { x.exact_column_means() } else { vec![0.0; x.n_features()] };
    match device.kind() {
        DeviceKind::Cpu => Ok(crossed_on_cpu([x, x], [&means, &means])),
        DeviceKind::Gpu => {
            let found = crossed_on_gpu(device, [x, x], is_centred)?;
            let side = found.nrows();
            // All other products are smaller, so that their rounding matters less.
            let squares = x.column_squares(&means);
            Ok(Mat::from_fn(side, side, |i, j| {
                if i == j { squares[i] } else { 0.5 * (found[(i, j)] + found[(j, i)]) }
            }))
        }
    }
}

/// One column after another of `BLOCK_ROWS` centred rows at most.
fn centred_columns(rows: &[f32], means: &[f64]) -> Vec<f64> {
    let d = means.len();
    let n = rows.len() / d;
    let mut columns = vec![0.0; d * n];
    columns.par_chunks_mut(n).zip(means).enumerate().for_each(|(j, (column, mean))| {
        for (value, row) in column.iter_mut().zip(rows.chunks_exact(d)) {
            *value = f64::from(row[j]) - mean;
        }
    });
    columns
}

fn crossed_on_cpu([x, y]: [&Matrix; 2], means: [&[f64]; 2]) -> Mat<f64> {
    let (d, e) = (x.n_features(), y.n_features());
    let is_symmetric = std::ptr::eq(x, y);
    let mut tiles: Vec<(usize, usize, Vec<f64>)> = (0..d)
        .step_by(TILE)
        .flat_map(|i| (0..e).step_by(TILE).map(move |j| (i, j)))
        .filter(|(i, j)| !is_symmetric || i <= j)
        .map(|(i, j)| (i, j, vec![0.0; TILE.min(d - i) * TILE.min(e - j)]))
        .collect();
    let blocks = x.as_slice().chunks(BLOCK_ROWS * d).zip(y.as_slice().chunks(BLOCK_ROWS * e));
    for (of_x, of_y) in blocks {
        let n = of_x.len() / d;
        let a = centred_columns(of_x, means[0]);
        let other = (!is_symmetric).then(|| centred_columns(of_y, means[1]));
        let b = other.as_ref().unwrap_or(&a);
        tiles.par_iter_mut().for_each(|(i, j, sums)| {
            let (height, width) = (TILE.min(d - *i), TILE.min(e - *j));
            let mut found = vec![0.0; height * width];
            let shape = (height, width, n);
            products(&a[*i * n..][..height * n], &b[*j * n..][..width * n], &mut found, shape);
            sums.iter_mut().zip(&found).for_each(|(sum, value)| *sum += value);
        });
    }
    let mut all = Mat::zeros(d, e);
    for (i, j, sums) in &tiles {
        let width = TILE.min(e - j);
        for (at, &sum) in sums.iter().enumerate() {
            all[(i + at / width, j + at % width)] = sum;
            if is_symmetric {
                all[(j + at % width, i + at / width)] = sum;
            }
        }
    }
    all
}

fn crossed_on_gpu(device: &Device, [x, y]: [&Matrix; 2], is_centred: bool) -> Result<Mat<f64>> {
    let ranges = [Range::of(x)?, Range::of(y)?];
    let (x, y) = (ranges[0].scaled(x)?, ranges[1].scaled(y)?);
    let (d, e) = (x.n_features(), y.n_features());
    let means = if is_centred { y.exact_column_means() } else { vec![0.0; e] };
    let of_rows = if is_centred { x.column_means() } else { vec![0.0; d] };
    let rows = Rows::new(device, &x, &of_rows)?;
    let centred: Vec<f32> = y
        .as_slice()
        .par_chunks(e)
        .flat_map_iter(|row| {
            row.iter().zip(&means).map(|(&value, mean)| (f64::from(value) - mean) as f32)
        })
        .collect();
    let sums = rows.crossed(device, &centred, e)?;
    Ok(Mat::from_fn(d, e, |i, j| ranges[1].undone(ranges[0].undone(sums[j * d + i]))))
}

//! The rows of a matrix of any size on a device, and their products with few others.

use super::products::{BLOCK_ROWS, covariance, cross_products, project};
use crate::compute::{Buffer, Device};
use crate::error::Result;
use crate::matrix::Matrix;
use crate::middle::squared_distance;
use rayon::prelude::*;

/// Maximum number of partial sums of [`Rows::crossed`], 64 MiB; columns of the scores beyond it are
/// multiplied in further passes.
const MAX_SUMS: usize = 1 << 24;
/// Largest size in bytes of points that stay on the device between two passes over them; larger
/// ones are sent again.
const KEPT_BYTES: usize = 1 << 30;

/// The rows of a matrix on a device, part by part, for several passes over them.
#[derive(Debug)]
pub struct Rows<'a> {
    x: &'a Matrix,
    mean: Buffer<f32>,
    part_rows: usize,
    kept: Vec<Buffer<f32>>,
}

impl<'a> Rows<'a> {
    /// The rows of `x`, from which `mean` is to be subtracted.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory).
    pub fn new(device: &Device, x: &'a Matrix, mean: &[f32]) -> Result<Self> {
        let part_rows = part_rows(device, x.n_features());
        let mut rows = Self {
            x,
            mean: Buffer::from_slice(device, "mean", mean)?,
            part_rows,
            kept: Vec::new(),
        };
        if size_of_val(x.as_slice()) <= KEPT_BYTES {
            rows.kept = rows
                .parts()
                .map(|part| Buffer::from_slice(device, "points", part))
                .collect::<Result<_>>()?;
        }
        Ok(rows)
    }

    /// The same rows, from which another mean is to be subtracted.
    ///
    /// # Errors
    /// Those of [`Rows::new`].
    pub fn with_mean(self, device: &Device, mean: &[f32]) -> Result<Self> {
        Ok(Self { mean: Buffer::from_slice(device, "mean", mean)?, ..self })
    }

    /// The rows on the host.
    pub fn matrix(&self) -> &'a Matrix {
        self.x
    }

    /// (x - mean)^T (x - mean), n_features x n_features; only the upper triangle is valid.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn scatter(&self, device: &Device) -> Result<Vec<f32>> {
        let d = self.x.n_features();
        let mut products = Buffer::zeros(device, "covariance", d * d)?;
        self.each(device, |part, n| {
            for first in (0..n).step_by(BLOCK_ROWS) {
                covariance(
                    device,
                    part,
                    &self.mean,
                    &mut products,
                    (first, BLOCK_ROWS.min(n - first)),
                    d,
                )?;
            }
            Ok(())
        })?;
        products.read(device)
    }

    fn parts(&self) -> impl Iterator<Item = &'a [f32]> + use<'a> {
        self.x.as_slice().chunks(self.part_rows * self.x.n_features())
    }

    /// Calls `work` with each part and its number of rows.
    fn each(
        &self,
        device: &Device,
        mut work: impl FnMut(&Buffer<f32>, usize) -> Result<()>,
    ) -> Result<()> {
        for (at, part) in self.parts().enumerate() {
            let n = part.len() / self.x.n_features();
            match self.kept.get(at) {
                Some(buffer) => work(buffer, n)?,
                None => work(&Buffer::from_slice(device, "points", part)?, n)?,
            }
        }
        Ok(())
    }

    /// (x - mean) axes^T, n_samples x c. Shape: `axes` c x d.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn projected(&self, device: &Device, axes: &[f32]) -> Result<Vec<f32>> {
        let d = self.x.n_features();
        let c = axes.len() / d;
        let axes = Buffer::from_slice(device, "axes", axes)?;
        let mut places = Vec::with_capacity(self.x.n_samples() * c);
        self.each(device, |part, n| {
            let mut projected = Buffer::new(device, "projection", n * c)?;
            project(device, part, &self.mean, &axes, &mut projected, (n, d, c))?;
            places.extend(projected.read(device)?);
            Ok(())
        })?;
        Ok(places)
    }

    /// scores^T (x - mean), c x d, the blocks summed in double precision. Shape: `scores` n_samples
    /// x c.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn crossed(&self, device: &Device, scores: &[f32], c: usize) -> Result<Vec<f64>> {
        let d = self.x.n_features();
        let blocks = self.x.n_samples().min(self.part_rows).div_ceil(BLOCK_ROWS).max(1);
        let at_once = (MAX_SUMS / (d * blocks)).clamp(1, c.max(1));
        if at_once >= c {
            return self.crossed_at_once(device, scores, c);
        }
        let mut all = Vec::with_capacity(c * d);
        for first in (0..c).step_by(at_once) {
            let columns = first..c.min(first + at_once);
            let some: Vec<f32> =
                scores.chunks_exact(c).flat_map(|row| &row[columns.clone()]).copied().collect();
            all.extend(self.crossed_at_once(device, &some, columns.len())?);
        }
        Ok(all)
    }

    fn crossed_at_once(&self, device: &Device, scores: &[f32], c: usize) -> Result<Vec<f64>> {
        let d = self.x.n_features();
        let mut sums = vec![0.0; c * d];
        let mut first = 0;
        self.each(device, |part, n| {
            let scores = Buffer::from_slice(device, "scores", &scores[first * c..][..n * c])?;
            first += n;
            self.cross_part(device, part, &scores, (n, c), &mut sums)
        })?;
        Ok(sums)
    }

    /// (x - mean)^T (x - mean) axes^T, transposed: c x d. One pass over the rows. Shape: `axes` c x
    /// d.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn scatter_times(&self, device: &Device, axes: &[f32]) -> Result<Vec<f64>> {
        let d = self.x.n_features();
        let c = axes.len() / d;
        let axes = Buffer::from_slice(device, "axes", axes)?;
        let mut sums = vec![0.0; c * d];
        self.each(device, |part, n| {
            let mut projected = Buffer::new(device, "projection", n * c)?;
            project(device, part, &self.mean, &axes, &mut projected, (n, d, c))?;
            self.cross_part(device, part, &projected, (n, c), &mut sums)
        })?;
        Ok(sums)
    }

    fn cross_part(
        &self,
        device: &Device,
        part: &Buffer<f32>,
        scores: &Buffer<f32>,
        (n, c): (usize, usize),
        sums: &mut [f64],
    ) -> Result<()> {
        let d = self.x.n_features();
        let mut partial = Buffer::new(device, "cross products", n.div_ceil(BLOCK_ROWS) * c * d)?;
        cross_products(device, part, &self.mean, scores, &mut partial, (n, d, c))?;
        for block in partial.read(device)?.chunks_exact(c * d) {
            for (sum, &value) in sums.iter_mut().zip(block) {
                *sum += f64::from(value);
            }
        }
        Ok(())
    }
}

fn part_rows(device: &Device, n_features: usize) -> usize {
    // Whole blocks, if a part holds at least one.
    let rows = (device.max_binding_bytes() as usize / (4 * n_features)).clamp(1, 1 << 16);
    if rows > BLOCK_ROWS { rows / BLOCK_ROWS * BLOCK_ROWS } else { rows }
}

/// Sum of the squared distances of the rows from `mean`, in double precision over fixed blocks of
/// rows.
pub fn squares_about(x: &Matrix, mean: &[f32]) -> f64 {
    let blocks = x.as_slice().par_chunks(BLOCK_ROWS * mean.len());
    let squares =
        |block: &[f32]| block.chunks_exact(mean.len()).map(|row| squared_distance(row, mean)).sum();
    let sums: Vec<f64> = blocks.map(squares).collect();
    sums.iter().sum()
}

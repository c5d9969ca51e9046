//! Principal component analysis: projection on the directions of largest variance.
//!
//! Reference: K. Pearson, "On lines and planes of closest fit to systems of points in space", 1901; conventions (signs,
//! n - 1) of scikit-learn's `PCA`. Fit O(n d^2 + d^3): the covariance and the projection run on the device, the
//! eigenvectors of the d x d covariance are computed on the CPU in `f64`. New rows are projected on the same axes; a row's
//! projection depends on nothing but the row.

use super::model_file::State;
use super::{Embedding, Fitted, Method, NewPoints, Parameter, Space, from_table};
use crate::compute::{Buffer, Device, Kernel, kernel, uniform};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::progress::Observer;
use serde::{Deserialize, Serialize};
use serde_json::json;

uniform! {
    struct CovarianceParams { first: u32, n: u32, n_features: u32 }
}
uniform! {
    struct ProjectParams { n: u32, n_features: u32, n_components: u32 }
}

const COVARIANCE: Kernel = kernel!("pca", "covariance", 256, CovarianceParams);
const PROJECT: Kernel = kernel!("pca", "project", 64, ProjectParams);

/// Kernels of this room.
pub const KERNELS: &[&Kernel] = &[&COVARIANCE, &PROJECT];

/// The registry's entry.
pub const METHOD: Method = Method {
    name: "pca",
    title: "PCA",
    parameters: &[Parameter { name: "n_components", help: "Dimensions of the map" }],
    build: |table| Ok(Box::new(from_table::<Pca>(table)?)),
    defaults: || toml::Table::try_from(Pca::default()),
    restore: |state| Ok(Box::new(FittedPca::restore(&state)?)),
};

/// Rows of one partial sum of the covariance: partial sums of this length keep the rounding error near that of 1,000
/// additions, however many rows there are.
const BLOCK_ROWS: usize = 1024;

/// Most features: the covariance of as many has 128 MiB, which every GPU binds.
pub const MAX_FEATURES: usize = 5792;

/// Parameters of a principal component analysis.
///
/// ```
/// use layerlens::compute::Device;
/// use layerlens::embedding::Pca;
/// use layerlens::matrix::Matrix;
///
/// // Points on a line through the plane: one axis explains everything.
/// let x = Matrix::new(vec![0.0, 0.0, 1.0, 2.0, 2.0, 4.0, 3.0, 6.0], 4, 2)?;
/// let fitted = Pca { n_components: 1 }.fit(&Device::cpu(), &x)?;
/// assert!((fitted.explained_variance_ratio()[0] - 1.0).abs() < 1e-6);
/// # Ok::<(), layerlens::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pca {
    /// Dimensions of the map, 1 to min(n_features, n_samples). Default 2.
    pub n_components: usize,
}

impl Default for Pca {
    fn default() -> Self {
        Self { n_components: 2 }
    }
}

/// A fitted projection.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedPca {
    mean: Vec<f32>,
    components: Matrix,
    explained_variance: Vec<f64>,
    explained_variance_ratio: Vec<f64>,
    embedding: Matrix,
    results: Vec<(String, f64)>,
}

impl Pca {
    /// Fits the axes to `x` and projects it.
    ///
    /// # Errors
    /// [`Error::Parameter`] if `n_components` is 0, [`Error::Data`] if `x` allows fewer components, or has fewer than two rows
    /// or more than 5,792 features; any error of the device.
    pub fn fit(&self, device: &Device, x: &Matrix) -> Result<FittedPca> {
        let (n, d) = (x.n_samples(), x.n_features());
        self.validate(n, d)?;
        let mean = x.column_means();
        let products = covariance_of(device, x, &mean)?;
        if products.iter().any(|value| !value.is_finite()) {
            return Err(Error::Data("some values are so large that their squares overflow: scale the data down".into()));
        }
        let scale = 1.0 / (n - 1) as f64;
        let symmetric = faer::Mat::from_fn(d, d, |i, j| f64::from(products[i.min(j) * d + i.max(j)]) * scale);
        let eigen = symmetric
            .self_adjoint_eigen(faer::Side::Lower)
            .map_err(|error| Error::Data(format!("the covariance has no eigenvectors: {error:?}")))?;
        let total: f64 = (0..d).map(|i| symmetric[(i, i)]).sum();
        // Eigenvalues ascend.
        let variance = |component: usize| eigen.S().column_vector()[d - 1 - component].max(0.0);
        let axes = (0..self.n_components).flat_map(|component| {
            let axis: Vec<f64> = (0..d).map(|feature| eigen.U()[(feature, d - 1 - component)]).collect();
            let largest = axis.iter().copied().fold(0.0, |best: f64, v| if v.abs() > best.abs() { v } else { best });
            axis.into_iter().map(move |value| (value * if largest < 0.0 { -1.0 } else { 1.0 }) as f32)
        });
        let components = Matrix::new(axes.collect(), self.n_components, d)?;
        let explained_variance: Vec<f64> = (0..self.n_components).map(variance).collect();
        let ratio = |&variance: &f64| if total > 0.0 { variance / total } else { 0.0 };
        let explained_variance_ratio = explained_variance.iter().map(ratio).collect();
        let embedding = project_on(device, x, &mean, &components)?;
        Ok(FittedPca::new(mean, components, explained_variance, explained_variance_ratio, embedding))
    }
}

impl FittedPca {
    fn new(mean: Vec<f32>, components: Matrix, variance: Vec<f64>, variance_ratio: Vec<f64>, embedding: Matrix) -> Self {
        let results = vec![("explained_variance_ratio".to_owned(), variance_ratio.iter().sum())];
        let (explained_variance, explained_variance_ratio) = (variance, variance_ratio);
        Self { mean, components, explained_variance, explained_variance_ratio, embedding, results }
    }

    fn restore(state: &State) -> Result<Self> {
        let (mean, components) = (state.tensor("mean")?, state.tensor("components")?.clone());
        let list = |name: &str| {
            let values = state.numbers.get(name).cloned().unwrap_or_default();
            let values: Vec<f64> =
                serde_json::from_value(values).map_err(|error| Error::Data(format!("`{name}` of the model: {error}")))?;
            if values.len() == components.n_samples() {
                return Ok(values);
            }
            Err(Error::Data(format!("{} entries in `{name}` for {} components", values.len(), components.n_samples())))
        };
        if mean.as_slice().len() != components.n_features() {
            let (means, features) = (mean.as_slice().len(), components.n_features());
            return Err(Error::Data(format!("{means} means for axes of {features} features")));
        }
        let (variance, ratio) = (list("explained_variance")?, list("explained_variance_ratio")?);
        let embedding = state.tensor("embedding")?.clone();
        Ok(Self::new(mean.as_slice().to_vec(), components, variance, ratio, embedding))
    }

    /// Places of the fitted rows, n_samples x n_components.
    pub fn embedding(&self) -> &Matrix {
        &self.embedding
    }

    /// Axes of unit length, n_components x n_features; the largest entry of each in size is positive.
    pub fn components(&self) -> &Matrix {
        &self.components
    }

    /// Variance along each axis, with n - 1 in the denominator.
    pub fn explained_variance(&self) -> &[f64] {
        &self.explained_variance
    }

    /// The same as a share of the total variance; 0 where there is none.
    pub fn explained_variance_ratio(&self) -> &[f64] {
        &self.explained_variance_ratio
    }

    /// Projects new rows on the fitted axes. Shapes: m x n_features to m x n_components.
    ///
    /// # Errors
    /// [`Error::Data`] if the number of features differs, any error of the device.
    pub fn transform(&self, device: &Device, x: &Matrix) -> Result<Matrix> {
        if x.n_features() != self.mean.len() {
            let (found, expected) = (x.n_features(), self.mean.len());
            return Err(Error::Data(format!("the new points have {found} features, the fitted ones {expected}")));
        }
        project_on(device, x, &self.mean, &self.components)
    }
}

impl Embedding for Pca {
    fn n_neighbors(&self) -> usize {
        0
    }

    fn n_components(&self) -> usize {
        self.n_components
    }

    fn validate(&self, n: usize, d: usize) -> Result<()> {
        if self.n_components == 0 {
            return Err(Error::parameter("--n-components", 0, "at least 1"));
        }
        if n < 2 || d > MAX_FEATURES {
            return Err(Error::Data(format!(
                "PCA needs at least 2 points of at most {MAX_FEATURES} features; there are {n} of {d}"
            )));
        }
        if self.n_components > n.min(d) {
            let (asked, most) = (self.n_components, n.min(d));
            return Err(Error::Data(format!(
                "{n} points of {d} features have at most {most} components; {asked} were asked for"
            )));
        }
        Ok(())
    }

    fn fit(&self, device: &Device, space: &Space<'_>, _: &dyn Observer) -> Result<Box<dyn Fitted>> {
        Ok(Box::new(Pca::fit(self, device, space.x)?))
    }
}

impl Fitted for FittedPca {
    fn embedding(&self) -> &Matrix {
        &self.embedding
    }

    fn n_neighbors_to_place(&self) -> usize {
        0
    }

    fn transform(&self, device: &Device, new: &NewPoints<'_>) -> Result<Matrix> {
        Self::transform(self, device, new.x)
    }

    fn results(&self) -> &[(String, f64)] {
        &self.results
    }

    fn state(&self) -> State {
        let mut state = State::new(METHOD.name);
        state.numbers.insert("explained_variance".into(), json!(self.explained_variance));
        state.numbers.insert("explained_variance_ratio".into(), json!(self.explained_variance_ratio));
        if let Ok(mean) = Matrix::new(self.mean.clone(), 1, self.mean.len()) {
            state.insert("mean", mean);
        }
        state.insert("components", self.components.clone());
        state.insert("embedding", self.embedding.clone());
        state
    }
}

/// Sum over all rows of (x - mean)^T (x - mean), n_features x n_features, of which the upper triangle is meant.
fn covariance_of(device: &Device, x: &Matrix, mean: &[f32]) -> Result<Vec<f32>> {
    let d = x.n_features();
    let mut products = Buffer::zeros(device, "covariance", d * d)?;
    for rows in x.as_slice().chunks(part_rows(device, d) * d) {
        let centred: Vec<f32> = rows.chunks_exact(d).flat_map(|row| row.iter().zip(mean).map(|(v, mean)| v - mean)).collect();
        let part = Buffer::from_slice(device, "centred points", &centred)?;
        let n = rows.len() / d;
        for first in (0..n).step_by(BLOCK_ROWS) {
            covariance(device, &part, &mut products, first, BLOCK_ROWS.min(n - first), d)?;
        }
    }
    products.read(device)
}

fn project_on(device: &Device, x: &Matrix, mean: &[f32], components: &Matrix) -> Result<Matrix> {
    let (d, c) = (x.n_features(), components.n_samples());
    let (mean, axes) = (Buffer::from_slice(device, "mean", mean)?, Buffer::from_slice(device, "axes", components.as_slice())?);
    let mut places = Vec::with_capacity(x.n_samples() * c);
    for rows in x.as_slice().chunks(part_rows(device, d) * d) {
        let n = rows.len() / d;
        let part = Buffer::from_slice(device, "points", rows)?;
        let mut projected = Buffer::new(device, "projection", n * c)?;
        project(device, &part, &mean, &axes, &mut projected, (n, d, c))?;
        places.extend(projected.read(device)?);
    }
    Matrix::new(places, x.n_samples(), c)
}

fn part_rows(device: &Device, n_features: usize) -> usize {
    (device.max_binding_bytes() as usize / (4 * n_features)).clamp(1, 1 << 16)
}

/// Adds x^T x of rows `first .. first + n` to `products`. Shapes: `centred` rows x d, `products` d x d.
///
/// # Errors
/// [`Error::Kernel`].
pub fn covariance(
    device: &Device,
    centred: &Buffer<f32>,
    products: &mut Buffer<f32>,
    first: usize,
    n: usize,
    n_features: usize,
) -> Result<()> {
    match device {
        Device::Cpu(_) => {
            cpu::covariance(&centred.host()[first * n_features..][..n * n_features], products.host_mut(), n, n_features)
        }
        Device::Gpu(gpu) => {
            let uniform = CovarianceParams { first: first as u32, n: n as u32, n_features: n_features as u32 };
            let tiles = n_features.div_ceil(64).pow(2);
            let work = n as u64 * (n_features as u64).pow(2);
            gpu.dispatch_workgroups(&COVARIANCE, &uniform, &[(1, centred.gpu()), (2, products.gpu())], tiles, work)?;
        }
    }
    Ok(())
}

/// Projects rows on axes: (row - mean) . axis. Shapes: `rows` n x d, `mean` d, `components` c x d, `projected` n x c;
/// `shape` is (n, d, c).
///
/// # Errors
/// [`Error::Kernel`].
pub fn project(
    device: &Device,
    rows: &Buffer<f32>,
    mean: &Buffer<f32>,
    components: &Buffer<f32>,
    projected: &mut Buffer<f32>,
    shape: (usize, usize, usize),
) -> Result<()> {
    let (n, d, c) = shape;
    match device {
        Device::Cpu(_) => cpu::project(rows.host(), mean.host(), components.host(), projected.host_mut(), shape),
        Device::Gpu(gpu) => {
            let uniform = ProjectParams { n: n as u32, n_features: d as u32, n_components: c as u32 };
            let bindings = [(1, rows.gpu()), (2, mean.gpu()), (3, components.gpu()), (4, projected.gpu())];
            gpu.dispatch(&PROJECT, &uniform, &bindings, n * c, (n * c * d) as u64)?;
        }
    }
    Ok(())
}

mod cpu {
    use multiversion::multiversion;
    use rayon::prelude::*;

    /// Features of one strip of the covariance, the unit of parallel work; a constant, so that the bytes do not depend on the
    /// number of threads.
    const STRIP: usize = 64;

    pub fn covariance(centred: &[f32], products: &mut [f32], n: usize, d: usize) {
        products.par_chunks_mut(STRIP * d).enumerate().for_each(|(strip, products)| {
            let (first, rows) = (strip * STRIP, products.len() / d);
            assert!(centred.len() == n * d && first + rows <= d);
            // SAFETY: `centred` has n x d elements, of which columns first .. first + rows are read transposed; `products` has
            // rows x d. Both were just checked.
            unsafe {
                gemm::gemm(
                    rows,
                    d,
                    n,
                    products.as_mut_ptr(),
                    1,
                    d as isize,
                    true,
                    centred.as_ptr().add(first),
                    d as isize,
                    1,
                    centred.as_ptr(),
                    1,
                    d as isize,
                    1.0,
                    1.0,
                    false,
                    false,
                    false,
                    gemm::Parallelism::None,
                );
            }
        });
    }

    pub fn project(rows: &[f32], mean: &[f32], components: &[f32], projected: &mut [f32], (n, d, c): (usize, usize, usize)) {
        projected[..n * c].par_chunks_mut(c).zip(rows.par_chunks(d)).for_each(|(projected, row)| {
            for (projected, component) in projected.iter_mut().zip(components.chunks_exact(d)) {
                *projected = centred_product(row, mean, component);
            }
        });
    }

    /// Sum of (x - m) c: 16 running sums, then a tree.
    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn centred_product(x: &[f32], m: &[f32], c: &[f32]) -> f32 {
        let whole = x.len() / 16 * 16;
        let mut sums = [0.0_f32; 16];
        for ((x, m), c) in x[..whole].chunks_exact(16).zip(m[..whole].chunks_exact(16)).zip(c[..whole].chunks_exact(16)) {
            for i in 0..16 {
                sums[i] += (x[i] - m[i]) * c[i];
            }
        }
        for half in [8, 4, 2, 1] {
            for i in 0..half {
                sums[i] += sums[i + half];
            }
        }
        let tail: f32 = (whole..x.len()).map(|i| (x[i] - m[i]) * c[i]).sum();
        sums[0] + tail
    }
}

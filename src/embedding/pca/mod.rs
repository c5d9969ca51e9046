//! Principal component analysis: projection onto the directions of largest variance.
//!
//! Reference: K. Pearson, "On lines and planes of closest fit to systems of points in space", 1901;
//! conventions (signs, n - 1) of scikit-learn's `PCA`. A fit takes O(n d^2 + d^3), or O(n d) a pass
//! with the randomised solver: products of the data run on the device, factorisations of small
//! matrices on the CPU in `f64`. New rows are projected onto the same axes; the projection of a row
//! depends on nothing but the row.

mod deflation;
#[doc(hidden)]
pub mod products;
#[doc(hidden)]
pub mod rows;
#[doc(hidden)]
pub mod solvers;

use super::model_file::State;
use super::{Embedding, Fitted, Method, NewPoints, Space};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::parameters::{Field, Parameter, check, from_table, parameter};
use crate::progress::Observer;
use crate::range::{Range, scaled};
use rows::Rows;
use serde::{Deserialize, Serialize};
use serde_json::json;
use solvers::Axes;
use std::borrow::Cow;

/// The registry's entry.
pub const METHOD: Method = Method {
    name: "pca",
    title: "PCA",
    caution: "PCA keeps the two directions in which the points differ most: distances can be read, but points that differ in other directions lie on top of each other.",
    display_rank: 4,
    is_linear: true,
    gives_components: true,
    kernels: &[products::KERNELS],
    parameters: PARAMETERS,
    build: |table| Ok(Box::new(from_table::<Pca>(table)?)),
    defaults: || toml::Table::try_from(Pca::default()),
    restore: |state| Ok(Box::new(FittedPca::restore(&state)?)),
};

const PARAMETERS: &[Parameter] = &[
    parameter!(Pca.n_components, "Dimensions of the map")
        .at_least(1.0)
        .note("no more than points or features"),
    parameter!(Pca.whiten, "true scales every axis to variance 1"),
    parameter!(Pca.svd_solver, "full, randomized or auto: full up to 1,024 points or features"),
    parameter!(Pca.random_state, "Seed of the randomised solver"),
];

/// An axis whose share of the largest variance is smaller than this cannot be told from rounding in
/// single precision.
const LEAST_VARIANCE: f64 = 1e-6;

/// Solver for the axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SvdSolver {
    /// `Full` if there are at most 1,024 points or features, or fewer than 80 of them a component,
    /// else `Randomized`: the faster of the two.
    #[default]
    Auto,
    /// Eigenvectors of the covariance, or of the products of the points with each other if there
    /// are fewer points than features: at most 5,792 points or features.
    Full,
    /// Subspace iteration from random axes (N. Halko et al., "Finding structure with randomness",
    /// 2011) until every axis v has |S v - theta v| <= 1e-5 theta, or 2e-6 of the largest variance,
    /// for the covariance S. It ends after at most 50 passes over the data, which neighbouring axes
    /// of nearly equal variance may need. At most 675 components.
    Randomized,
}

impl Field for SvdSolver {}

/// Parameters of a principal component analysis.
///
/// ```
/// use layerlens::compute::Device;
/// use layerlens::embedding::Pca;
/// use layerlens::matrix::Matrix;
///
/// // Points on a line through the plane: one axis explains everything.
/// let x = Matrix::new(vec![0.0, 0.0, 1.0, 2.0, 2.0, 4.0, 3.0, 6.0], 4, 2)?;
/// let fitted = Pca { n_components: 1, ..Pca::default() }.fit(&Device::cpu(), &x)?;
/// assert!((fitted.explained_variance_ratio()[0] - 1.0).abs() < 1e-6);
/// # Ok::<(), layerlens::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pca {
    /// Dimensions of the embedding, at least 1 and at most min(n_features, n_samples). Default 2.
    pub n_components: usize,
    /// `true` to divide the coordinates by the standard deviation of their axis, so that every axis
    /// has variance 1; an axis with less than a millionth of the largest variance becomes 0.
    /// Default false.
    pub whiten: bool,
    /// Solver for the axes. Default auto.
    pub svd_solver: SvdSolver,
    /// Seed of the randomised solver. Default 42.
    pub random_state: u64,
}

impl Default for Pca {
    fn default() -> Self {
        Self { n_components: 2, whiten: false, svd_solver: SvdSolver::Auto, random_state: 42 }
    }
}

/// Constants of the projection of rows.
#[derive(Clone, Debug, PartialEq)]
struct Projection {
    /// Rows are first multiplied by 2^-exponent, so that their squares are in range.
    exponent: i32,
    /// Centre that is then subtracted: the mean, or a robust centre if outlying rows pull the mean
    /// away from most rows.
    centre: Vec<f32>,
    /// Projection of the mean, which is subtracted from the result.
    shifts: Vec<f64>,
}

/// A fitted projection.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedPca {
    mean: Vec<f32>,
    projection: Projection,
    components: Matrix,
    explained_variance: Vec<f64>,
    explained_variance_ratio: Vec<f64>,
    whiten: bool,
    embedding: Matrix,
    results: Vec<(String, f64)>,
}

impl Pca {
    /// Fits the axes to `x` and projects it.
    ///
    /// # Errors
    /// [`Error::Parameter`] if `n_components` is 0, [`Error::Data`] if `x` has fewer than two rows,
    /// allows fewer components, or has more rows and features than the solver takes; any error of
    /// the device.
    pub fn fit(&self, device: &Device, x: &Matrix) -> Result<FittedPca> {
        self.validate(x.n_samples(), x.n_features())?;
        let range = Range::of(x)?;
        let unit = range.scaled(x)?;
        let mean = x.column_means();
        let unit_mean = match &unit {
            Cow::Borrowed(_) => mean.clone(),
            Cow::Owned(unit) => unit.column_means(),
        };
        let rows = Rows::new(device, &unit, &unit_mean)?;
        let axes = solvers::axes(
            device,
            &rows,
            &unit_mean,
            self.n_components,
            self.svd_solver,
            self.random_state,
        )?;
        let Axes { components, variance, total } = axes;
        let projection = Projection::new(&range, &unit, unit_mean, &components);
        let ratio = |&variance: &f64| if total > 0.0 { variance / total } else { 0.0 };
        let ratios: Vec<f64> = variance.iter().map(ratio).collect();
        let variance: Vec<f64> =
            variance.iter().map(|&variance| range.undone(range.undone(variance))).collect();
        let embedding =
            projection.places(device, rows, &components, &scales(&variance, self.whiten))?;
        Ok(FittedPca {
            mean,
            projection,
            components,
            explained_variance: variance,
            results: vec![("explained_variance_ratio".to_owned(), ratios.iter().sum())],
            explained_variance_ratio: ratios,
            whiten: self.whiten,
            embedding,
        })
    }
}

/// Factor for the projection onto each axis.
fn scales(variance: &[f64], whiten: bool) -> Vec<f32> {
    let least = LEAST_VARIANCE * variance.first().copied().unwrap_or(0.0);
    let scale =
        |&variance: &f64| if variance > least { (1.0 / variance.sqrt()) as f32 } else { 0.0 };
    if whiten { variance.iter().map(scale).collect() } else { vec![1.0; variance.len()] }
}

impl Projection {
    /// Projection of rows `unit` in the unit of the range, with their mean in that unit.
    fn new(range: &Range, unit: &Matrix, mean: Vec<f32>, components: &Matrix) -> Self {
        let centre: Vec<f32> =
            range.centre.iter().map(|&centre| range.to_unit(f64::from(centre)) as f32).collect();
        let shifts = if centre == mean {
            vec![0.0; components.n_samples()]
        } else {
            let means = unit.exact_column_means();
            let shift = |axis: &[f32]| {
                let terms = axis.iter().zip(&means).zip(&centre);
                terms.map(|((&a, mean), &centre)| f64::from(a) * (mean - f64::from(centre))).sum()
            };
            components.rows().map(shift).collect()
        };
        Self { exponent: range.exponent(), centre, shifts }
    }

    /// `true` if the projection subtracts the mean and nothing else.
    fn is_plain(&self) -> bool {
        self.exponent == 0 && self.shifts.iter().all(|&shift| shift == 0.0)
    }

    /// Coordinates of rows, given in the unit of the projection, on the axes `components`, c x
    /// n_features; in the unit of the points and multiplied by the `scales`, c.
    fn places(
        &self,
        device: &Device,
        unit: Rows<'_>,
        components: &Matrix,
        scales: &[f32],
    ) -> Result<Matrix> {
        let n = unit.matrix().n_samples();
        let mut places =
            unit.with_mean(device, &self.centre)?.projected(device, components.as_slice())?;
        let factor = f64::from(self.exponent).exp2();
        let plain = self.is_plain();
        for place in places.chunks_exact_mut(scales.len()) {
            for ((value, scale), shift) in place.iter_mut().zip(scales).zip(&self.shifts) {
                if !plain {
                    *value = ((f64::from(*value) - shift) * factor) as f32;
                }
                *value *= scale;
            }
        }
        Matrix::new(places, n, scales.len())
    }

    /// Restores the state that [`Projection::write`] wrote; without it, the mean is subtracted from
    /// rows.
    fn restore(state: &State, mean: &Matrix, components: &Matrix) -> Result<Self> {
        let (c, d) = (components.n_samples(), components.n_features());
        let Some(centre) = state.tensors.get("centre") else {
            return Ok(Self {
                exponent: 0,
                centre: mean.as_slice().to_vec(),
                shifts: vec![0.0; c],
            });
        };
        let field = |name: &str| state.numbers.get(name).cloned().unwrap_or_default();
        let malformed = |error: serde_json::Error| {
            Error::Data(format!("the model's projection is malformed: {error}"))
        };
        let shifts: Vec<f64> = serde_json::from_value(field("shifts")).map_err(malformed)?;
        let exponent: i32 = serde_json::from_value(field("exponent")).map_err(malformed)?;
        if centre.as_slice().len() != d || shifts.len() != c || !(-300..=300).contains(&exponent) {
            return Err(Error::Data(format!(
                "the model's projection is not one of {d} features on {c} axes"
            )));
        }
        Ok(Self { exponent, centre: centre.as_slice().to_vec(), shifts })
    }

    fn write(&self, state: &mut State) {
        if self.is_plain() {
            return;
        }
        if let Ok(centre) = Matrix::new(self.centre.clone(), 1, self.centre.len()) {
            state.insert("centre", centre);
        }
        state.numbers.insert("shifts".into(), json!(self.shifts));
        state.numbers.insert("exponent".into(), json!(self.exponent));
    }
}

impl FittedPca {
    fn restore(state: &State) -> Result<Self> {
        let mean = state.tensor("mean")?;
        let components = state.tensor("components")?.clone();
        let list = |name: &str| {
            let values = state.numbers.get(name).cloned().unwrap_or_default();
            let values: Vec<f64> = serde_json::from_value(values)
                .map_err(|error| Error::Data(format!("`{name}` of the model: {error}")))?;
            if values.len() == components.n_samples() {
                return Ok(values);
            }
            Err(Error::Data(format!(
                "{} entries in `{name}` for {} components",
                values.len(),
                components.n_samples()
            )))
        };
        if mean.as_slice().len() != components.n_features() {
            let means = mean.as_slice().len();
            let features = components.n_features();
            return Err(Error::Data(format!("{means} means for axes of {features} features")));
        }
        let whiten = state.numbers.get("whiten").and_then(serde_json::Value::as_bool);
        let whiten = whiten
            .ok_or_else(|| Error::Data("the model does not say whether it whitens".into()))?;
        let variance = (list("explained_variance")?, list("explained_variance_ratio")?);
        let embedding = state.tensor("embedding")?.clone();
        if embedding.n_features() != components.n_samples() {
            let (dimensions, axes) = (embedding.n_features(), components.n_samples());
            return Err(Error::Data(format!(
                "coordinates of {dimensions} dimensions for {axes} axes"
            )));
        }
        let projection = Projection::restore(state, mean, &components)?;
        let (explained_variance, explained_variance_ratio) = variance;
        let results =
            vec![("explained_variance_ratio".to_owned(), explained_variance_ratio.iter().sum())];
        let mean = mean.as_slice().to_vec();
        Ok(Self {
            mean,
            projection,
            components,
            explained_variance,
            explained_variance_ratio,
            whiten,
            embedding,
            results,
        })
    }

    /// Coordinates of the fitted rows, n_samples x n_components.
    pub fn embedding(&self) -> &Matrix {
        &self.embedding
    }

    /// Axes of unit length, n_components x n_features; the entry of largest absolute value of each
    /// is positive.
    pub fn components(&self) -> &Matrix {
        &self.components
    }

    /// Variance along each axis, with n - 1 in the denominator.
    pub fn explained_variance(&self) -> &[f64] {
        &self.explained_variance
    }

    /// Share of the total variance along each axis; 0 if there is no variance.
    pub fn explained_variance_ratio(&self) -> &[f64] {
        &self.explained_variance_ratio
    }

    /// Singular values of the centred points: sqrt((n_samples - 1) explained_variance).
    pub fn singular_values(&self) -> Vec<f64> {
        let n = self.embedding.n_samples() as f64;
        self.explained_variance.iter().map(|variance| (variance * (n - 1.0)).sqrt()).collect()
    }

    /// Mean of the fitted rows, n_features.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// Projects new rows onto the fitted axes. Shapes: m x n_features to m x n_components.
    ///
    /// # Errors
    /// [`Error::Data`] if the number of features differs, any error of the device.
    pub fn transform(&self, device: &Device, x: &Matrix) -> Result<Matrix> {
        if x.n_features() != self.mean.len() {
            let found = x.n_features();
            let expected = self.mean.len();
            return Err(Error::Data(format!(
                "the new points have {found} features, the fitted ones {expected}"
            )));
        }
        let unit = scaled(x, -self.projection.exponent)?;
        let scales = scales(&self.explained_variance, self.whiten);
        let rows = Rows::new(device, &unit, &self.projection.centre)?;
        self.projection.places(device, rows, &self.components, &scales)
    }

    /// Points of the space with these coordinates on the plane of the axes: mean + sum of
    /// coordinate x axis. Shapes: m x n_components to m x n_features. An axis that whitening has
    /// set to 0 stays at the mean.
    ///
    /// # Errors
    /// [`Error::Data`] if the number of dimensions differs, any error of the device.
    pub fn inverse_transform(&self, device: &Device, places: &Matrix) -> Result<Matrix> {
        let (c, d) = (self.components.n_samples(), self.components.n_features());
        if places.n_features() != c {
            return Err(Error::Data(format!(
                "the coordinates have {} dimensions, the map {c}",
                places.n_features()
            )));
        }
        let scales = scales(&self.explained_variance, self.whiten);
        let unscaled: Vec<f32> = (0..d * c)
            .map(|at| (at / c, at % c))
            .map(|(feature, axis)| {
                let value = self.components.row(axis)[feature];
                if scales[axis] > 0.0 { value / scales[axis] } else { 0.0 }
            })
            .collect();
        let mut points = Rows::new(device, places, &vec![0.0; c])?.projected(device, &unscaled)?;
        for point in points.chunks_exact_mut(d) {
            point.iter_mut().zip(&self.mean).for_each(|(value, mean)| *value += mean);
        }
        Matrix::new(points, places.n_samples(), d)
    }
}

impl Embedding for Pca {
    fn n_neighbors(&self) -> usize {
        0
    }

    fn n_components(&self) -> usize {
        self.n_components
    }

    fn memory_bytes(&self, n_samples: usize) -> u64 {
        // The embedding, its copy on the device and a part of the centred points.
        (12 * n_samples * self.n_components) as u64 + (512 << 20)
    }

    fn validate(&self, n: usize, d: usize) -> Result<()> {
        check(self, PARAMETERS)?;
        if n < 2 {
            return Err(Error::Data(format!("PCA needs at least 2 points; there are {n}")));
        }
        if self.n_components > n.min(d) {
            let asked = self.n_components;
            let most = n.min(d);
            return Err(Error::Data(format!(
                "{n} points of {d} features have at most {most} components; {asked} were asked for"
            )));
        }
        solvers::choose(self.svd_solver, self.n_components, n, d)?;
        Ok(())
    }

    fn fit_boxed(
        &self,
        device: &Device,
        space: &Space<'_>,
        _: &dyn Observer,
    ) -> Result<Box<dyn Fitted>> {
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
        state
            .numbers
            .insert("explained_variance_ratio".into(), json!(self.explained_variance_ratio));
        state.numbers.insert("whiten".into(), json!(self.whiten));
        if let Ok(mean) = Matrix::new(self.mean.clone(), 1, self.mean.len()) {
            state.insert("mean", mean);
        }
        self.projection.write(&mut state);
        state.insert("components", self.components.clone());
        state.insert("embedding", self.embedding.clone());
        state
    }
}

//! Initialisation of the iterative methods.

use super::collapse::deviations;
use crate::compute::Device;
use crate::dataset::npy;
use crate::embedding::Pca;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::parameters::{Field, Value};
use crate::random::Random;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Stream of the random numbers of this file.
const STREAM: u64 = 0x696e_6974;

/// Differences below this share of the extent of all coordinates come from the rounding of
/// principal components in `f32`.
const ROUNDING: f32 = 1e-6;

/// Name of an initialisation from a file in the list of a method's initialisations.
pub(super) const FILE: &str = "a .npy FILE of coordinates";

/// Initialisation of an embedding; as text `pca`, `spectral`, `random` or the path of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Init {
    /// First principal components: the same embedding every time, with its global structure in
    /// place.
    #[default]
    Pca,
    /// First eigenvectors of the neighbour graph's normalised Laplacian (M. Belkin and P. Niyogi,
    /// "Laplacian eigenmaps", 2003); for methods that weight such a graph.
    Spectral,
    /// Gaussian noise seeded by `random_state`.
    Random,
    /// Coordinates in a .npy file, n_samples x n_components.
    File(PathBuf),
}

impl Field for Init {
    fn values(&self) -> Vec<Value> {
        let text = match self {
            Self::File(_) => FILE.to_owned(),
            named => String::from(named.clone()),
        };
        vec![Value::Text(text)]
    }
}

impl Init {
    /// Checks, before any computation, that an embedding of `n_samples` points in `n_components`
    /// dimensions can start this way.
    ///
    /// # Errors
    /// [`Error::Parameter`] for text that is neither the name of an initialisation nor that of a
    /// .npy file, [`Error::Input`] for a file that does not fit.
    pub fn check(&self, n_samples: usize, n_components: usize) -> Result<()> {
        match self {
            Self::File(path) => from_file(path, n_samples, n_components).map(drop),
            Self::Pca | Self::Spectral | Self::Random => Ok(()),
        }
    }
}

impl From<String> for Init {
    fn from(text: String) -> Self {
        match text.as_str() {
            "pca" => Self::Pca,
            "spectral" => Self::Spectral,
            "random" => Self::Random,
            _ => Self::File(text.into()),
        }
    }
}

impl From<Init> for String {
    fn from(init: Init) -> Self {
        match init {
            Init::Pca => "pca".into(),
            Init::Spectral => "spectral".into(),
            Init::Random => "random".into(),
            Init::File(path) => path.display().to_string(),
        }
    }
}

/// Inputs of an initialisation.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// Kind of initialisation.
    pub init: &'a Init,
    /// Coordinates to take instead, n_samples x n_components, if there are any.
    pub given: Option<&'a Matrix>,
    /// The points.
    pub x: &'a Matrix,
    /// Their principal components, if already computed.
    pub pca: Option<&'a Matrix>,
    /// Dimensions of the embedding.
    pub n_components: usize,
    /// Standard deviation of the first axis.
    pub std: f32,
    /// Seed of the random numbers.
    pub seed: u64,
}

/// Initial coordinates, n_samples x n_components, scaled so that the first axis has the standard
/// deviation `std`.
///
/// Points with equal initial coordinates would stay together forever, and points on a line would
/// stay on it. In both cases every point is moved by noise of 1 % of `std`, drawn by its index; if
/// some axes are empty, along these alone.
///
/// # Errors
/// Those of [`Pca::fit`]; [`Error::Input`] for a file and [`Error::Data`] for given coordinates that
/// do not fit; [`Error::Parameter`] for [`Init::Spectral`], which only a method with a weighted
/// graph can compute itself.
pub fn start(device: &Device, start: &Start<'_>) -> Result<Matrix> {
    let n = start.x.n_samples();
    let c = start.n_components;
    let std = start.std;
    let random = Random::new(start.seed, STREAM);
    let places = match (start.given, start.init) {
        (Some(places), _) => scaled(check_shape(places, n, c)?.as_slice(), c, std),
        (None, Init::Random) => (0..c * n).map(|at| gaussian(&random, at as u64) * std).collect(),
        (None, Init::Pca) => scaled(&components(device, start)?, c, std),
        (None, Init::File(path)) => scaled(from_file(path, n, c)?.as_slice(), c, std),
        (None, Init::Spectral) => {
            return Err(Error::parameter(
                "init",
                "spectral",
                "this method starts from pca, random or a FILE",
            ));
        }
    };
    Matrix::new(apart(places, c, std, &random), n, c)
}

/// Given initial coordinates, n_samples x n_components, at their own scale: see
/// [`Space::start`](super::Space::start). If any two points have equal coordinates, all points are
/// moved by noise of 1/10,000 of the root mean square deviation of the axes: too little to be seen,
/// and enough for the forces to separate them.
///
/// # Errors
/// [`Error::Data`] if the shape is another.
pub fn given(places: &Matrix, n_samples: usize, n_components: usize, seed: u64) -> Result<Matrix> {
    check_shape(places, n_samples, n_components)?;
    let (rows, columns) = (n_samples, n_components);
    let spread = deviation(places);
    let noise = if spread > 0.0 { spread * 0.01 } else { 1.0 };
    Matrix::new(
        apart(places.as_slice().to_vec(), columns, noise as f32, &Random::new(seed, STREAM)),
        rows,
        columns,
    )
}

/// Refuses coordinates of another shape than n_samples x n_components.
fn check_shape(places: &Matrix, n_samples: usize, n_components: usize) -> Result<&Matrix> {
    let (rows, columns) = (places.n_samples(), places.n_features());
    if (rows, columns) == (n_samples, n_components) {
        return Ok(places);
    }
    Err(Error::Data(format!(
        "the given coordinates are {rows} x {columns}; the start of this map is {n_samples} x \
         {n_components}"
    )))
}

/// Root mean square deviation of the values of a matrix from their column means.
fn deviation(places: &Matrix) -> f64 {
    let n = places.n_samples() as f64;
    let c = places.n_features();
    let column =
        |axis: usize| places.as_slice().iter().skip(axis).step_by(c).map(|&value| f64::from(value));
    let squares = |axis: usize| {
        let mean = column(axis).sum::<f64>() / n;
        column(axis).map(|value| (value - mean).powi(2)).sum::<f64>()
    };
    ((0..c).map(squares).sum::<f64>() / (n * c as f64)).sqrt()
}

/// The same coordinates, with noise of 1 % of `std` on all points if any two are equal up to
/// rounding, or if they lie on a line or, in three dimensions, on a plane. If some axes are empty
/// compared with the first, the noise is along these alone. Shape: `places` n x c.
pub fn apart(mut places: Vec<f32>, c: usize, std: f32, random: &Random) -> Vec<f32> {
    let extent = |axis: usize| {
        let values = places.iter().skip(axis).step_by(c);
        values.clone().copied().fold(f32::MIN, f32::max) - values.copied().fold(f32::MAX, f32::min)
    };
    let extents: Vec<f32> = (0..c).map(extent).collect();
    let cell = ROUNDING * extents.iter().copied().fold(0.0, f32::max);
    // Without any extent all points share one cell.
    let cell_of = |value: f32| if cell > 0.0 { (value / cell).round() as i64 } else { 0 };
    let mut cells: Vec<Vec<i64>> =
        places.chunks_exact(c).map(|place| place.iter().copied().map(cell_of).collect()).collect();
    cells.sort_unstable();
    let any_share = cells.windows(2).any(|pair| pair[0] == pair[1]);
    let is_empty = |axis: usize| extents[axis] < ROUNDING * extents[0];
    let deviations = deviations(&places, c);
    let is_flat = deviations[c - 1] < f64::from(ROUNDING) * deviations[0];
    let move_all = any_share || (is_flat && !(0..c).any(is_empty));
    let first = places.len() as u64;
    for (at, value) in places.iter_mut().enumerate() {
        if move_all || is_empty(at % c) {
            *value += gaussian(random, first + at as u64) * std * 0.01;
        }
    }
    places
}

fn from_file(path: &std::path::Path, n: usize, c: usize) -> Result<Matrix> {
    if path.extension().is_none_or(|extension| extension != "npy") {
        let given = path.display();
        return Err(Error::parameter(
            "init",
            given,
            "expected `pca`, `spectral`, `random` or a .npy file of initial coordinates",
        ));
    }
    let places = npy::read_matrix(path)?;
    if (places.n_samples(), places.n_features()) != (n, c) {
        let (rows, columns) = (places.n_samples(), places.n_features());
        return Err(Error::input(
            path,
            format!("has the shape {rows} x {columns}; the start of this map is {n} x {c}"),
        ));
    }
    Ok(places)
}

fn components(device: &Device, start: &Start<'_>) -> Result<Vec<f32>> {
    let (x, c) = (start.x, start.n_components);
    let n_components = x.n_features().min(x.n_samples()).min(c);
    let fitted;
    let components = match start.pca {
        Some(pca) if pca.n_features() >= n_components => pca,
        _ => {
            fitted = Pca { n_components, ..Pca::default() }.fit(device, x)?;
            fitted.embedding()
        }
    };
    if components.n_samples() != x.n_samples() {
        return Err(Error::Data(format!(
            "{} principal components for {} points",
            components.n_samples(),
            x.n_samples()
        )));
    }
    // Fewer features have fewer components: the other axes start empty.
    Ok(components
        .rows()
        .flat_map(|row| (0..c).map(|axis| row.get(axis).copied().unwrap_or(0.0)))
        .collect())
}

/// Scales all axes by one factor so that the first has the standard deviation `std`; zeros stay if
/// it has none.
fn scaled(places: &[f32], c: usize, std: f32) -> Vec<f32> {
    let n = (places.len() / c) as f64;
    let mean = places.iter().step_by(c).map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance =
        places.iter().step_by(c).map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
    let factor = if variance > 0.0 { f64::from(std) / variance.sqrt() } else { 0.0 };
    places.iter().map(|&value| (f64::from(value) * factor) as f32).collect()
}

/// One standard normal number for each item (Box and Muller, 1958).
pub fn gaussian(random: &Random, item: u64) -> f32 {
    let radius = (-2.0 * f64::from(1.0 - random.uniform(2 * item)).ln()).sqrt();
    (radius * (std::f64::consts::TAU * f64::from(random.uniform(2 * item + 1))).cos()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start_by<'a>(init: &'a Init, x: &'a Matrix) -> Start<'a> {
        Start { init, given: None, x, pca: None, n_components: 2, std: 1e-4, seed: 1 }
    }

    #[test]
    fn equal_points_start_apart() {
        let x = Matrix::new(vec![3.0; 40], 20, 2).unwrap();
        let start = start(&Device::cpu(), &start_by(&Init::Pca, &x)).unwrap();
        let mut rows: Vec<_> =
            start.rows().map(|row| (row[0].to_bits(), row[1].to_bits())).collect();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), 20);
    }

    #[test]
    fn points_on_any_line_leave_it() {
        let random = Random::new(3, 4);
        for slope in [0.0, 1.0, -0.3] {
            let line: Vec<f32> = (0..50).flat_map(|row| [row as f32, slope * row as f32]).collect();
            let moved = deviations(&apart(line.clone(), 2, 1.0, &random), 2);
            assert!(moved[1] > 5e-3, "{slope}: {moved:?}");
        }
        let disc: Vec<f32> = (0..100).map(|at| random.uniform(at)).collect();
        assert_eq!(apart(disc.clone(), 2, 1.0, &random), disc);
    }

    #[test]
    fn the_first_axis_has_the_standard_deviation_asked_for() {
        let random = Random::new(3, 3);
        let x = Matrix::new(
            (0..3000).map(|i| random.uniform(i) * (1 + i % 3) as f32).collect(),
            1000,
            3,
        )
        .unwrap();
        for init in [Init::Pca, Init::Random] {
            let start = start(&Device::cpu(), &start_by(&init, &x)).unwrap();
            let variance = start.rows().map(|row| f64::from(row[0]).powi(2)).sum::<f64>() / 1000.0;
            // The random initialisation is a sample of 1,000: its deviation varies by 2 %.
            assert!(
                (variance.sqrt() / 1e-4 - 1.0).abs() < if init == Init::Pca { 1e-3 } else { 0.1 },
                "{init:?}"
            );
        }
    }
}

//! Where the points of an iterative method start.

use crate::compute::Device;
use crate::embedding::Pca;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::random::Random;
use serde::{Deserialize, Serialize};

/// Stream of the random numbers of this room.
const STREAM: u64 = 0x696e_6974;

/// How to start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Init {
    /// On the first two principal components: the same map every time, with its large structure in place.
    #[default]
    Pca,
    /// Gaussian noise by `random_state`.
    Random,
}

/// Starting places, n_samples x 2, scaled so that the first axis has the standard deviation `std`.
///
/// Points that would start at one place would stay together for ever; where there are such, every point is moved by noise of
/// 1 % of `std`, drawn by its index.
///
/// # Errors
/// Those of [`Pca::fit`].
pub fn start(device: &Device, init: Init, x: &Matrix, pca: Option<&Matrix>, std: f32, seed: u64) -> Result<Matrix> {
    let n = x.n_samples();
    let random = Random::new(seed, STREAM);
    let mut places = match init {
        Init::Random => (0..2 * n).map(|at| gaussian(&random, at as u64) * std).collect(),
        Init::Pca => scaled(&two_components(device, x, pca)?, std),
    };
    let mut sorted: Vec<(u32, u32)> = places.chunks_exact(2).map(|place| (place[0].to_bits(), place[1].to_bits())).collect();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        for (at, value) in places.iter_mut().enumerate() {
            *value += gaussian(&random, (2 * n + at) as u64) * std * 0.01;
        }
    }
    Matrix::new(places, n, 2)
}

fn two_components(device: &Device, x: &Matrix, pca: Option<&Matrix>) -> Result<Vec<f32>> {
    let n_components = x.n_features().min(2);
    let fitted;
    let components = match pca {
        Some(pca) => pca,
        None => {
            fitted = Pca { n_components }.fit(device, x)?;
            fitted.embedding()
        }
    };
    if components.n_samples() != x.n_samples() {
        return Err(Error::Data(format!("{} principal components for {} points", components.n_samples(), x.n_samples())));
    }
    // One feature has one component: the second axis starts empty.
    Ok(components.rows().flat_map(|row| [row[0], row.get(1).copied().unwrap_or(0.0)]).collect())
}

/// Scales both axes alike until the first has standard deviation `std`; leaves zeros where it has none.
fn scaled(places: &[f32], std: f32) -> Vec<f32> {
    let n = places.len() as f64 / 2.0;
    let mean = places.iter().step_by(2).map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = places.iter().step_by(2).map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
    let factor = if variance > 0.0 { f64::from(std) / variance.sqrt() } else { 0.0 };
    places.iter().map(|&value| (f64::from(value) * factor) as f32).collect()
}

/// One standard normal number for each item (Box and Muller, 1958).
fn gaussian(random: &Random, item: u64) -> f32 {
    let radius = (-2.0 * f64::from(1.0 - random.uniform(2 * item)).ln()).sqrt();
    (radius * (std::f64::consts::TAU * f64::from(random.uniform(2 * item + 1))).cos()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_points_start_apart() {
        let x = Matrix::new(vec![3.0; 40], 20, 2).unwrap();
        let start = start(&Device::cpu(), Init::Pca, &x, None, 1e-4, 1).unwrap();
        let mut rows: Vec<_> = start.rows().map(|row| (row[0].to_bits(), row[1].to_bits())).collect();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), 20);
    }

    #[test]
    fn the_first_axis_has_the_standard_deviation_asked_for() {
        let random = Random::new(3, 3);
        let x = Matrix::new((0..3000).map(|i| random.uniform(i) * (1 + i % 3) as f32).collect(), 1000, 3).unwrap();
        for init in [Init::Pca, Init::Random] {
            let start = start(&Device::cpu(), init, &x, None, 1e-4, 1).unwrap();
            let variance = start.rows().map(|row| f64::from(row[0]).powi(2)).sum::<f64>() / 1000.0;
            // The random start is a sample of 1,000: its deviation varies by 2 %.
            assert!((variance.sqrt() / 1e-4 - 1.0).abs() < if init == Init::Pca { 1e-3 } else { 0.1 }, "{init:?}");
        }
    }
}

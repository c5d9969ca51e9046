//! Initialisation of UMAP.

use super::fuzzy_layout::Edges;
use super::low_pass::{low_passed, spectral};
use super::{FuzzyGraph, Umap};
use crate::compute::Device;
use crate::embedding::Space;
use crate::embedding::init::{self, Init, Start, gaussian};
use crate::error::Result;
use crate::random::Random;

/// Stream of the random numbers of the start.
const STREAM: u64 = 0x756d_6170;
/// Extent of each axis at the start, as in umap-learn.
const EXTENT: f64 = 10.0;
/// Deviation of the noise that separates points with equal initial coordinates.
const NOISE: f64 = 1e-4;

/// Initial coordinates, n_samples x n_components: the chosen initialisation, scaled to 0 .. 10 on
/// each axis, with a little noise.
///
/// # Errors
/// Those of [`init::start`] and [`spectral`].
pub(super) fn start(
    umap: &Umap,
    device: &Device,
    space: &Space<'_>,
    graph: &FuzzyGraph,
    edges: &Edges,
) -> Result<Vec<f32>> {
    let c = umap.n_components;
    let random = Random::new(umap.random_state, STREAM);
    let given = space.init;
    let places = if given.is_none() && umap.init == Init::Spectral {
        spectral(device, graph, edges, c, &random)?
    } else {
        let (x, pca, seed) = (space.x, space.pca, umap.random_state);
        let chosen = init::start(
            device,
            &Start { init: &umap.init, given, x, pca, n_components: c, std: 1.0, seed },
        )?
        .into_vec();
        let filled = filled(chosen, c, &random);
        if given.is_none() && umap.init == Init::Pca {
            low_passed(device, graph, edges, &filled, c)?
        } else {
            filled.into_iter().map(f64::from).collect()
        }
    };
    Ok(scaled(&places, c, &random))
}

/// The same coordinates, with noise on axes on which all are equal: no force leads away from a
/// line.
fn filled(mut places: Vec<f32>, c: usize, random: &Random) -> Vec<f32> {
    for axis in 0..c {
        let first = places[axis];
        if places.iter().skip(axis).step_by(c).all(|&value| value == first) {
            for (at, value) in places.iter_mut().enumerate().skip(axis).step_by(c) {
                *value = gaussian(random, at as u64);
            }
        }
    }
    places
}

fn scaled(places: &[f64], c: usize, random: &Random) -> Vec<f32> {
    let ranges: Vec<(f64, f64)> = (0..c)
        .map(|axis| {
            let values = places.iter().skip(axis).step_by(c);
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
                (low.min(value), high.max(value))
            })
        })
        .collect();
    let first = places.len() as u64;
    let place = |(at, &value): (usize, &f64)| {
        let (low, high) = ranges[at % c];
        let noise = f64::from(gaussian(random, first + at as u64));
        // An axis without extent gets some: no force leads away from a line.
        let share = if high > low { (value - low) / (high - low) } else { 0.5 + 0.01 * noise };
        (EXTENT * share + NOISE * noise) as f32
    };
    places.iter().enumerate().map(place).collect()
}

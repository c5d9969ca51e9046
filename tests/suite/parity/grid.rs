//! The grid of t-SNE's repulsion and its transforms.

use super::harness::{EXACT, Pair, ROUNDING, Tolerance, floats, integers};
use crate::support::uniform;
use layerlens::compute::Buffer;
use layerlens::embedding::tsne::fourier::{self, MAX_GPU_SIZE, Size};
use layerlens::embedding::tsne::grid::{self, Plan};
use layerlens::embedding::tsne::spectrum::Spectrum;

/// A place on 40 nodes is rounded to 40 half units in the last place of 1, twice, and so is the distance to its node, which
/// moves a weight by two thirds of that.
const WEIGHTS: Tolerance = Tolerance { each: 0.0, largest: 128.0 * ROUNDING };

/// Each of up to eleven steps of a transform rounds a few times; the errors add up like noise.
const TRANSFORM: Tolerance = Tolerance { each: 0.0, largest: 32.0 * ROUNDING };

/// Two transforms and a product.
const CONVOLUTION: Tolerance = Tolerance { each: 0.0, largest: 96.0 * ROUNDING };

const PLAN: Plan = Plan { size: Size { nodes: 40, size: 80 }, spacing: 0.25 };

pub fn bound_blocks(pair: &Pair, n: usize) {
    let y = uniform(30, 2 * n, -3.0, 5.0);
    pair.compare(&format!("bound_blocks of {n}"), EXACT, |device| {
        let y = Buffer::from_slice(device, "places", &y)?;
        let mut bounds = Buffer::new(device, "bounds", 4 * n.div_ceil(1024))?;
        grid::bound_blocks(device, &y, &mut bounds, n)?;
        bounds.read(device).map(floats)
    });
}

pub fn join_bounds(pair: &Pair, n: usize) {
    let blocks = uniform(31, 4 * n, -3.0, 5.0);
    pair.compare(&format!("join_bounds of {n}"), EXACT, |device| {
        let blocks = Buffer::from_slice(device, "blocks", &blocks)?;
        let mut bounds = Buffer::new(device, "bounds", 4)?;
        grid::join_bounds(device, &blocks, &mut bounds, n)?;
        bounds.read(device).map(floats)
    });
}

/// Points on the grid, and a few beyond it.
fn places(n: usize) -> Vec<f32> {
    uniform(32, 2 * n, -4.9, 4.9)
}

const BOUNDS: [f32; 4] = [-4.0, -4.0, 4.0, 4.0];

pub fn splat(pair: &Pair, n: usize) {
    let y = places(n);
    pair.compare(&format!("splat of {n}"), WEIGHTS, |device| {
        let (y, bounds) = (Buffer::from_slice(device, "places", &y)?, Buffer::from_slice(device, "bounds", &BOUNDS)?);
        let mut density = Buffer::zeros(device, "density", PLAN.size.nodes.pow(2))?;
        grid::splat(device, &y, &bounds, &mut density, PLAN, 1024.0)?;
        density.read(device).map(integers)
    });
}

pub fn gather(pair: &Pair, n: usize) {
    let (y, field) = (places(n), uniform(33, 2 * PLAN.size.nodes.pow(2), -1.0, 1.0));
    pair.compare(&format!("gather of {n}"), WEIGHTS, |device| {
        let (y, bounds) = (Buffer::from_slice(device, "places", &y)?, Buffer::from_slice(device, "bounds", &BOUNDS)?);
        let field = Buffer::from_slice(device, "field", &field)?;
        let mut gathered = Buffer::new(device, "gathered", y.len())?;
        grid::gather(device, &y, &bounds, &field, &mut gathered, PLAN)?;
        gathered.read(device).map(floats)
    });
}

/// Lengths of the transforms from 4 to the longest.
fn size(n: usize) -> Size {
    let size = (2 * n.next_power_of_two()).clamp(4, MAX_GPU_SIZE);
    Size { nodes: size / 2, size }
}

pub fn transform_rows(pair: &Pair, n: usize) {
    let size = size(n);
    let density: Vec<u32> = uniform(34, size.nodes.pow(2), 0.0, 1e6).iter().map(|value| *value as u32).collect();
    pair.compare(&format!("transform_rows of {}", size.size), TRANSFORM, |device| {
        let spectrum = Spectrum::new(device, size, 0.5)?;
        let mut density = Buffer::from_slice(device, "density", &density)?;
        let mut waves = Buffer::new(device, "waves", 2 * size.waves() * size.nodes)?;
        fourier::transform_rows(device, &mut density, &spectrum, &mut waves, size, 1e-3)?;
        Ok([floats(waves.read(device)?), integers(density.read(device)?)].concat())
    });
}

pub fn convolve_columns(pair: &Pair, n: usize) {
    let size = size(n);
    let waves = uniform(35, 2 * size.waves() * size.nodes, -1.0, 1.0);
    let run = |device: &_| {
        let spectrum = Spectrum::new(device, size, 0.5)?;
        let waves = Buffer::from_slice(device, "waves", &waves)?;
        let mut forces = Buffer::new(device, "forces", 4 * size.waves() * size.nodes)?;
        let mut potentials = Buffer::new(device, "potentials", size.waves())?;
        fourier::convolve_columns(device, &waves, &spectrum, &mut forces, &mut potentials, size)?;
        Ok((floats(forces.read(device)?), floats(potentials.read(device)?)))
    };
    pair.compare(&format!("convolve_columns of {}", size.size), CONVOLUTION, |device| run(device).map(|both| both.0));
    pair.compare(&format!("potentials of {}", size.size), CONVOLUTION, |device| run(device).map(|both| both.1));
}

pub fn restore_rows(pair: &Pair, n: usize) {
    let size = size(n);
    let forces = uniform(36, 4 * size.waves() * size.nodes, -1.0, 1.0);
    pair.compare(&format!("restore_rows of {}", size.size), TRANSFORM, |device| {
        let spectrum = Spectrum::new(device, size, 0.5)?;
        let forces = Buffer::from_slice(device, "forces", &forces)?;
        let mut field = Buffer::new(device, "field", 2 * size.nodes.pow(2))?;
        fourier::restore_rows(device, &forces, &spectrum, &mut field, size)?;
        field.read(device).map(floats)
    });
}

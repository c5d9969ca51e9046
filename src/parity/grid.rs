//! The grid of t-SNE's repulsion and its transforms.

use super::harness::uniform;
use super::harness::{Pair, ROUNDING, Tolerance, floats, integers};
use crate::compute::{Buffer, Device};
use crate::embedding::tsne::fourier::{self, MAX_GPU_SIZE, Size};
use crate::embedding::tsne::grid;
use crate::embedding::tsne::optimiser::Outline;
use crate::embedding::tsne::spectrum::Spectrum;
use crate::error::Result;

/// A position on 40 nodes is rounded to 40 half units in the last place of 1, twice, and so is the
/// distance to its node, which changes a weight by two thirds of that.
const WEIGHTS: Tolerance = Tolerance { each: 0.0, largest: 128.0 * ROUNDING };

/// Each of up to four steps of a transform, of which one of radix 8 is like three of radix 2, rounds a
/// few times, and so do the products of factors; the errors add up like noise.
const TRANSFORM: Tolerance = Tolerance { each: 0.0, largest: 32.0 * ROUNDING };

/// Two transforms and a product.
const CONVOLUTION: Tolerance = Tolerance { each: 0.0, largest: 96.0 * ROUNDING };

/// A few roundings of numbers of the order of the largest.
const FRAME: Tolerance = Tolerance { each: 4.0 * ROUNDING, largest: ROUNDING };

/// A grid of 40 nodes, whose points span 34 of them at most.
const SIZE: Size = Size { nodes: 40, size: 80 };

/// Points, and the density, the frame and the bounds of the chosen level.
fn splatted(device: &Device, y: &[f32], spacings: &[f64]) -> Result<[Vec<f64>; 2]> {
    let y = Buffer::from_slice(device, "places", y)?;
    let outline = Outline::new(device, &y, (y.len() / 2, 2))?;
    let spectrum = Spectrum::new(device, SIZE, spacings)?;
    let mut density = Buffer::zeros(device, "density", SIZE.nodes.pow(2))?;
    let mut frame = Buffer::new(device, "frame", 8)?;
    grid::splat(device, &y, &outline, &spectrum, (&mut density, &mut frame), (SIZE.nodes, 1024.0))?;
    Ok([integers(density.read(device)?), floats(frame.read(device)?)])
}

/// Embeddings that fit the second of four levels, the last, and none.
pub fn splat(pair: &Pair, n: usize) {
    let spacings = [0.5, 0.25, 0.125, 0.0625];
    for (span, level) in
        if n > 1000 { vec![(8.0, 1.0)] } else { vec![(8.0, 1.0), (1.5, 3.0), (100.0, 0.0)] }
    {
        let mut y = uniform(32, 2 * n, -0.5 * span, 0.5 * span);
        // Two points have the whole span, a single one has none.
        y[..2].fill(-0.5 * span);
        y[2 * n - 2..].fill(0.5 * span);
        pair.compare(&format!("splat of {n} over {span}"), WEIGHTS, |device| {
            Ok(splatted(device, &y, &spacings)?[0].clone())
        });
        pair.compare(&format!("frame of {n} over {span}"), FRAME, |device| {
            let frame = splatted(device, &y, &spacings)?[1].clone();
            let expected = if n > 1 { level } else { 3.0 };
            assert_eq!(frame[4], expected, "the level of {n} over {span} on {device:?}");
            Ok(frame)
        });
    }
}

/// Points on the grid, and a few outside it.
fn places(n: usize) -> Vec<f32> {
    uniform(33, 2 * n, -4.9, 4.9)
}

pub fn gather(pair: &Pair, n: usize) {
    let y = places(n);
    let field = uniform(37, 2 * SIZE.nodes.pow(2), -1.0, 1.0);
    let frame = [0.25, -0.125, 0.25, 0.0, 0.0, 9.8, 0.0, 0.0];
    pair.compare(&format!("gather of {n}"), WEIGHTS, |device| {
        let y = Buffer::from_slice(device, "places", &y)?;
        let frame = Buffer::from_slice(device, "frame", &frame)?;
        let field = Buffer::from_slice(device, "field", &field)?;
        let mut gathered = Buffer::new(device, "gathered", y.len())?;
        grid::gather(device, &y, &frame, &field, &mut gathered, SIZE.nodes)?;
        gathered.read(device).map(floats)
    });
}

/// Lengths of transforms: for one point all up to 512, so that each kind of last step is met, for
/// more points one, up to the longest.
fn sizes(n: usize) -> Vec<Size> {
    let lengths = match n {
        1 => (2..=9).map(|power| 1 << power).collect(),
        n => vec![(2 * n.next_power_of_two()).clamp(4, MAX_GPU_SIZE)],
    };
    lengths.into_iter().map(|size: usize| Size { nodes: size / 2, size }).collect()
}

pub fn transform_rows(pair: &Pair, n: usize) {
    sizes(n).into_iter().for_each(|size| transform_rows_of(pair, size));
}

fn transform_rows_of(pair: &Pair, size: Size) {
    let density: Vec<u32> =
        uniform(34, size.nodes.pow(2), 0.0, 1e6).iter().map(|value| *value as u32).collect();
    pair.compare(&format!("transform_rows of {}", size.size), TRANSFORM, |device| {
        let spectrum = Spectrum::new(device, size, &[0.5])?;
        let mut density = Buffer::from_slice(device, "density", &density)?;
        let mut waves = Buffer::new(device, "waves", 2 * size.waves() * size.nodes)?;
        fourier::transform_rows(device, &mut density, &spectrum, &mut waves, size, 1e-3)?;
        Ok([floats(waves.read(device)?), integers(density.read(device)?)].concat())
    });
}

pub fn convolve_columns(pair: &Pair, n: usize) {
    sizes(n).into_iter().for_each(|size| convolve_columns_of(pair, size));
}

fn convolve_columns_of(pair: &Pair, size: Size) {
    let waves = uniform(35, 2 * size.waves() * size.nodes, -1.0, 1.0);
    // The third of three levels.
    let frame = [0.0, 0.0, 0.5, -7.5, 2.0, 1.0, 0.0, 0.0];
    let run = |device: &_| {
        let spectrum = Spectrum::new(device, size, &[0.9, 0.7, 0.5])?;
        let frame = Buffer::from_slice(device, "frame", &frame)?;
        let waves = Buffer::from_slice(device, "waves", &waves)?;
        let mut forces = Buffer::new(device, "forces", 4 * size.waves() * size.nodes)?;
        let mut potentials = Buffer::new(device, "potentials", size.waves() + 1)?;
        fourier::convolve_columns(
            device,
            &waves,
            (&spectrum, &frame),
            &mut forces,
            &mut potentials,
            size,
        )?;
        Ok((floats(forces.read(device)?), floats(potentials.read(device)?)))
    };
    pair.compare(&format!("convolve_columns of {}", size.size), CONVOLUTION, |device| {
        run(device).map(|both| both.0)
    });
    pair.compare(&format!("potentials of {}", size.size), CONVOLUTION, |device| {
        run(device).map(|both| both.1)
    });
}

pub fn restore_rows(pair: &Pair, n: usize) {
    sizes(n).into_iter().for_each(|size| restore_rows_of(pair, size));
}

fn restore_rows_of(pair: &Pair, size: Size) {
    let forces = uniform(36, 4 * size.waves() * size.nodes, -1.0, 1.0);
    pair.compare(&format!("restore_rows of {}", size.size), TRANSFORM, |device| {
        let spectrum = Spectrum::new(device, size, &[0.5])?;
        let forces = Buffer::from_slice(device, "forces", &forces)?;
        let mut field = Buffer::new(device, "field", 2 * size.nodes.pow(2))?;
        fourier::restore_rows(device, &forces, &spectrum, &mut field, size)?;
        field.read(device).map(floats)
    });
}

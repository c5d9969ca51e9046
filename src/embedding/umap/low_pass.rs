//! Smooth functions on the fuzzy graph, for the initialisation: a low-pass filter, and the
//! smoothest functions of the graph.
//!
//! The mean over a point's neighbours, P = D^-1 W, has eigenvalues from -1 to 1; the largest belong
//! to the functions that vary least along edges. A Chebyshev polynomial of P keeps the part between
//! -1 and a `cut` bounded and amplifies the part above it (Y. Zhou et al., "Self-consistent-field
//! calculations using Chebyshev-filtered subspace iteration", 2006). A step is one gather over the
//! edges, on the device; sums over all points are computed on the CPU in double precision, in the
//! order of the points.

use super::FuzzyGraph;
use super::fuzzy_layout::Edges;
use crate::compute::{Buffer, Device, Kernel, Work, dispatches, kernel, uniform};
use crate::embedding::init::gaussian;
use crate::error::{Error, Result};
use crate::random::Random;

uniform! {
    struct SmoothParams {
        n: u32, n_components: u32, centre: f32, half_width: f32, scale: f32, share: f32, first: u32, most: u32,
    }
}

const SMOOTH_STEP: Kernel = kernel!("low_pass", "smooth_step", 64, SmoothParams);

/// Number of threads of one row in a step.
const LANES: usize = 8;

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&SMOOTH_STEP];

/// Maximum number of functions that are smoothed together.
pub const MAX_COLUMNS: usize = 8;
/// Eigenvalues below this are filtered out of the principal components.
const CUT: f32 = 0.98;
/// Number of steps of that filter, and of its applications: each amplifies a constant 75-fold.
const STEPS: usize = 29;
const BLOCKS: usize = 2;
/// Number of steps between two checks of the eigenvectors, and maximum number of checks.
const SPECTRAL_STEPS: usize = 60;
const SPECTRAL_ROUNDS: usize = 20;
/// Change of the requested eigenvalues between two checks below which they have converged.
const SPECTRAL_TOLERANCE: f64 = 1e-7;

/// Parameters of one step of a recurrence on the functions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmoothStep {
    /// Centre of the filtered interval of eigenvalues.
    pub centre: f32,
    /// Half of its width.
    pub half_width: f32,
    /// Factor of the new term.
    pub scale: f32,
    /// Share of the previous step that is subtracted.
    pub share: f32,
}

/// previous = scale (P - centre) current / half_width - share previous. Shapes: `current` and
/// `previous` n x n_columns, of at most [`MAX_COLUMNS`].
///
/// # Errors
/// [`Error::Kernel`].
pub fn smooth_step(
    device: &Device,
    edges: &Edges,
    step: SmoothStep,
    n_columns: usize,
    current: &Buffer<f32>,
    previous: &mut Buffer<f32>,
) -> Result<()> {
    let SmoothStep { centre, half_width, scale, share } = step;
    let n = edges.n as u32;
    let n_components = n_columns as u32;
    let from = |first, most| SmoothParams {
        n,
        n_components,
        centre,
        half_width,
        scale,
        share,
        first,
        most,
    };
    match device {
        Device::Cpu(_) => cpu::smooth_step(edges, &from(0, 0), current.host(), previous.host_mut()),
        Device::Gpu(gpu) => {
            let bindings = [
                (1, edges.row_starts.gpu()),
                (2, edges.columns.gpu()),
                (3, edges.weights.gpu()),
                (4, current.gpu()),
                (5, previous.gpu()),
                (6, edges.degrees.gpu()),
            ];
            let most = LANES * (gpu.most_turns() / n_columns);
            let columns = Work::new(2, 12).times(n_columns * edges.n_edges as usize);
            let points = Work::new(6, 12).times(n_columns * edges.n);
            let work = columns.plus(points);
            for first in dispatches(edges.longest_row, most) {
                gpu.dispatch(
                    &SMOOTH_STEP,
                    &from(first, most as u32),
                    &bindings,
                    LANES * edges.n,
                    work,
                )?;
            }
        }
    }
    Ok(())
}

/// Chebyshev polynomial of degree `steps` over eigenvalues from -1 to `cut`, applied to n x
/// n_columns numbers.
fn filtered(
    device: &Device,
    edges: &Edges,
    columns: &[f64],
    n_columns: usize,
    cut: f32,
    steps: usize,
) -> Result<Vec<f64>> {
    let centre = (cut - 1.0) / 2.0;
    let half_width = (cut + 1.0) / 2.0;
    let start: Vec<f32> = columns.iter().map(|&value| value as f32).collect();
    let mut current = Buffer::from_slice(device, "smooth functions", &start)?;
    let mut previous = Buffer::zeros(device, "smooth functions before", start.len())?;
    for step in 0..steps {
        let first = step == 0;
        let how = SmoothStep {
            centre,
            half_width,
            scale: if first { 1.0 } else { 2.0 },
            share: if first { 0.0 } else { 1.0 },
        };
        smooth_step(device, edges, how, n_columns, &current, &mut previous)?;
        std::mem::swap(&mut current, &mut previous);
    }
    Ok(current.read(device)?.into_iter().map(f64::from).collect())
}

/// Mean over each point's neighbours of n x n_columns numbers.
fn neighbor_means(
    device: &Device,
    edges: &Edges,
    columns: &[f64],
    n_columns: usize,
) -> Result<Vec<f64>> {
    let start: Vec<f32> = columns.iter().map(|&value| value as f32).collect();
    let current = Buffer::from_slice(device, "smooth functions", &start)?;
    let mut means = Buffer::zeros(device, "means of neighbours", start.len())?;
    let how = SmoothStep { centre: 0.0, half_width: 1.0, scale: 1.0, share: 0.0 };
    smooth_step(device, edges, how, n_columns, &current, &mut means)?;
    Ok(means.read(device)?.into_iter().map(f64::from).collect())
}

/// Sums over the points of each connected component, weighted by the points' degrees.
struct Components {
    of: Vec<u32>,
    count: usize,
    degrees: Vec<f64>,
}

impl Components {
    fn new(graph: &FuzzyGraph) -> Self {
        let (of, count) = graph.components();
        let degree = |i| graph.row(i).1.iter().map(|&weight| f64::from(weight)).sum::<f64>();
        // A point without edges is a component of its own, whatever its weight.
        let degrees =
            (0..of.len()).map(|i| if degree(i) > 0.0 { degree(i) } else { 1.0 }).collect();
        Self { of, count, degrees }
    }

    fn sums(&self, value: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.count];
        for (i, &component) in self.of.iter().enumerate() {
            sums[component as usize] += self.degrees[i] * value(i);
        }
        sums
    }

    /// Means of each column, components x columns.
    fn means(&self, columns: &[f64], n_columns: usize) -> Vec<f64> {
        let totals = self.sums(|_| 1.0);
        let by_column: Vec<Vec<f64>> =
            (0..n_columns).map(|column| self.sums(|i| columns[i * n_columns + column])).collect();
        (0..self.count * n_columns)
            .map(|at| by_column[at % n_columns][at / n_columns] / totals[at / n_columns])
            .collect()
    }

    /// Subtracts the means of each component.
    fn centre(&self, columns: &mut [f64], n_columns: usize) {
        let means = self.means(columns, n_columns);
        for (i, row) in columns.chunks_exact_mut(n_columns).enumerate() {
            for (value, mean) in row.iter_mut().zip(&means[self.of[i] as usize * n_columns..]) {
                *value -= mean;
            }
        }
    }

    /// Makes the columns orthogonal and of length 1 within each component; linearly dependent ones
    /// become 0.
    fn orthonormalise(&self, columns: &mut [f64], n_columns: usize) {
        self.centre(columns, n_columns);
        for column in 0..n_columns {
            let before = self.sums(|i| columns[i * n_columns + column].powi(2));
            for other in 0..column {
                let products =
                    self.sums(|i| columns[i * n_columns + column] * columns[i * n_columns + other]);
                for (row, &component) in columns.chunks_exact_mut(n_columns).zip(&self.of) {
                    row[column] -= products[component as usize] * row[other];
                }
            }
            let after = self.sums(|i| columns[i * n_columns + column].powi(2));
            let dependent = |component: usize| after[component] <= 1e-10 * before[component];
            let factors: Vec<f64> = (0..self.count)
                .map(
                    |component| {
                        if dependent(component) { 0.0 } else { after[component].powf(-0.5) }
                    },
                )
                .collect();
            for (row, &component) in columns.chunks_exact_mut(n_columns).zip(&self.of) {
                row[column] *= factors[component as usize];
            }
        }
    }

    /// Length of each column, components x columns.
    fn lengths(&self, columns: &[f64], n_columns: usize) -> Vec<f64> {
        let by_column: Vec<Vec<f64>> = (0..n_columns)
            .map(|column| self.sums(|i| columns[i * n_columns + column].powi(2)))
            .collect();
        (0..self.count * n_columns)
            .map(|at| by_column[at % n_columns][at / n_columns].sqrt())
            .collect()
    }
}

/// The coordinates, n x c, smoothed along the edges. Each connected component keeps its mean and
/// its extent: the filter, which amplifies constants, would otherwise leave nothing but the
/// differences between components.
///
/// # Errors
/// Any error of the device.
pub fn low_passed(
    device: &Device,
    graph: &FuzzyGraph,
    edges: &Edges,
    places: &[f32],
    c: usize,
) -> Result<Vec<f64>> {
    let components = Components::new(graph);
    let mut smooth: Vec<f64> = places.iter().map(|&value| f64::from(value)).collect();
    let means = components.means(&smooth, c);
    components.centre(&mut smooth, c);
    let lengths = components.lengths(&smooth, c);
    for _ in 0..BLOCKS {
        smooth = filtered(device, edges, &smooth, c, CUT, STEPS)?;
        components.orthonormalise(&mut smooth, c);
    }
    for (row, &component) in smooth.chunks_exact_mut(c).zip(&components.of) {
        for (axis, value) in row.iter_mut().enumerate() {
            let at = component as usize * c + axis;
            *value = *value * lengths[at] + means[at];
        }
    }
    Ok(smooth)
}

/// The c eigenvectors of P after the constant one, n x c: the smoothest functions on the graph.
///
/// # Errors
/// [`Error::Data`] if the graph is not connected: a constant on each part would be as smooth as
/// possible, and all points of a part would have the same initial coordinates. Any error of the
/// device.
pub fn spectral(
    device: &Device,
    graph: &FuzzyGraph,
    edges: &Edges,
    c: usize,
    random: &Random,
) -> Result<Vec<f64>> {
    let components = Components::new(graph);
    if components.count > 1 {
        return Err(Error::Data(format!(
            "the neighbour graph falls into {} parts, and a spectral start needs one: pass \
             `Umap::init` pca or a larger `Umap::n_neighbors`",
            components.count
        )));
    }
    let n = graph.n_samples();
    let m = MAX_COLUMNS.min(n - 1);
    let mut columns: Vec<f64> =
        (0..n * m).map(|at| f64::from(gaussian(random, at as u64))).collect();
    components.orthonormalise(&mut columns, m);
    let mut cut = CUT;
    let mut before = vec![0.0; c];
    for _ in 0..SPECTRAL_ROUNDS {
        columns = filtered(device, edges, &columns, m, cut, SPECTRAL_STEPS)?;
        components.orthonormalise(&mut columns, m);
        let means = neighbor_means(device, edges, &columns, m)?;
        // Rayleigh-Ritz: the best combinations of the columns.
        let product =
            |a: usize, b: usize| components.sums(|i| columns[i * m + a] * means[i * m + b])[0];
        let products = faer::Mat::from_fn(m, m, |a, b| (product(a, b) + product(b, a)) / 2.0);
        let failed = |error| {
            Error::Data(format!(
                "the eigenvectors of the neighbour graph were not found: {error:?}"
            ))
        };
        let eigen = products.self_adjoint_eigen(faer::Side::Lower).map_err(failed)?;
        let (vectors, values) = (eigen.U(), eigen.S());
        let values: Vec<f64> = (0..m).rev().map(|at| values[at]).collect();
        columns = columns
            .chunks_exact(m)
            .flat_map(|row| {
                (0..m)
                    .rev()
                    .map(move |at| (0..m).map(|from| row[from] * vectors[(from, at)]).sum::<f64>())
            })
            .collect();
        cut = (values[m - 1] as f32).clamp(0.5, 0.9999);
        let change = values.iter().zip(&before).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        before = values[..c.min(m)].to_vec();
        if change < SPECTRAL_TOLERANCE {
            break;
        }
    }
    // Fewer points have fewer functions: the other axes start empty.
    Ok(columns
        .chunks_exact(m)
        .flat_map(|row| (0..c).map(|axis| row.get(axis).copied().unwrap_or(0.0)))
        .collect())
}

mod cpu {
    use super::{Edges, MAX_COLUMNS, SmoothParams};
    use rayon::prelude::*;

    pub fn smooth_step(
        edges: &Edges,
        params: &SmoothParams,
        current: &[f32],
        previous: &mut [f32],
    ) {
        match params.n_components {
            2 => of_columns::<2>(edges, params, current, previous),
            3 => of_columns::<3>(edges, params, current, previous),
            _ => of_columns::<MAX_COLUMNS>(edges, params, current, previous),
        }
    }

    /// One step for at most `MOST` columns.
    fn of_columns<const MOST: usize>(
        edges: &Edges,
        params: &SmoothParams,
        current: &[f32],
        previous: &mut [f32],
    ) {
        let starts = edges.row_starts.host();
        let ends = edges.columns.host();
        let weights = edges.weights.host();
        let c = params.n_components as usize;
        previous.par_chunks_mut(c).enumerate().with_min_len(256).for_each(|(i, previous)| {
            let range = starts[i] as usize..starts[i + 1] as usize;
            let mut sums = [0.0_f32; MOST];
            let mut degree = 0.0;
            for (&j, &weight) in ends[range.clone()].iter().zip(&weights[range]) {
                for (sum, &value) in sums.iter_mut().zip(&current[j as usize * c..][..c]) {
                    *sum += weight * value;
                }
                degree += weight;
            }
            for (axis, previous) in previous.iter_mut().enumerate() {
                let own = current[i * c + axis];
                let mean = if degree > 0.0 { sums[axis] / degree } else { own };
                *previous = params.scale * (mean - params.centre * own) / params.half_width
                    - params.share * *previous;
            }
        });
    }
}

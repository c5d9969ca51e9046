//! Places new points in a fitted map, by one rule for every iterative method.
//!
//! The k = 10 nearest fitted points of a new one vote with their coordinates y_1 .. y_k: it starts
//! at the y_a of largest sum_b 1 / (1 + |y_a - y_b|^2 / h^2) and takes five mean-shift steps y <-
//! sum_b K_b y_b / sum_b K_b with the kernel K_b = (1 + |y - y_b|^2 / h^2)^-2 (D. Comaniciu and P.
//! Meer, "Mean shift", 2002, section 2). h is the median distance in the embedding between a fitted
//! point and its first 12 neighbours. Unlike the mean of the neighbours, the mode does not fall
//! between two clusters. No random numbers are used and the other new points play no role: the
//! result for a row depends on that row alone. O(k^2) a point, on both devices.
//!
//! The high-dimensional neighbours determine the coordinates, so a classifier can score higher on
//! new points than on the fitted ones: such a score belongs to the space and the embedding
//! together.

use crate::compute::{Buffer, Device, Kernel, Work, kernel, uniform};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::NeighborGraph;
use crate::parameters::Field;
use serde::{Deserialize, Serialize};

/// Way in which new points are placed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// The rule of this module.
    #[default]
    Mode,
    /// From there by the method's own objective, as in openTSNE and umap-learn.
    Optimise,
}

impl Field for Placement {}

/// Number of nearest fitted points that vote, or all if there are fewer.
pub const N_NEIGHBORS: usize = 10;

/// Number of neighbours of each fitted point whose distances in the embedding give h, or all if
/// there are fewer.
const SCALE_NEIGHBORS: usize = 12;

uniform! {
    struct PlaceParams { n: u32, first: u32, n_neighbors: u32, n_components: u32, inverse_square: f32 }
}

const PLACE: Kernel = kernel!("placement" + "map", "place", 64, PlaceParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&PLACE];

/// h: the median distance in the embedding between fitted points and their first 12 neighbours;
/// always above 0.
pub fn scale(embedding: &Matrix, neighbors: &NeighborGraph) -> f32 {
    let k = SCALE_NEIGHBORS.min(neighbors.n_neighbors());
    let mut squares: Vec<f32> = (0..embedding.n_samples())
        .flat_map(|i| {
            neighbors.neighbors(i)[..k]
                .iter()
                .map(move |&j| square(embedding.row(i), embedding.row(j as usize)))
        })
        .collect();
    let middle = squares.len() / 2;
    let (_, &mut median, _) = squares.select_nth_unstable_by(middle, f32::total_cmp);
    // If most neighbours have equal coordinates, any positive width will do that is small beside
    // the embedding.
    median.sqrt().max(1e-6)
}

fn square(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Coordinates of new points in an embedding. `neighbors` holds their nearest fitted points, `h` is
/// the result of [`scale`].
///
/// # Errors
/// [`Error::Data`] if the embedding does not have two or three dimensions; any error of the device.
pub fn transform(
    device: &Device,
    embedding: &Matrix,
    neighbors: &NeighborGraph,
    h: f32,
) -> Result<Matrix> {
    let c = embedding.n_features();
    if !(2..=3).contains(&c) {
        return Err(Error::Data(format!(
            "new points are placed in maps of 2 or 3 dimensions; this one has {c}"
        )));
    }
    let n = neighbors.n_samples();
    let k = neighbors.n_neighbors().min(N_NEIGHBORS);
    let ids =
        Buffer::from_slice(device, "neighbours of new points", neighbors.truncated(k).indices())?;
    let fitted = Buffer::from_slice(device, "map", embedding.as_slice())?;
    let mut placed = Buffer::new(device, "new coordinates", c * n)?;
    place(device, &ids, &fitted, &mut placed, (n, k, c), h)?;
    Matrix::new(placed.read(device)?, n, c)
}

/// Computes the coordinates of new points. Shapes: `neighbors` n x k, `fitted` m x c, `placed` n x
/// c; `shape` is (n, k, c) with c 2 or 3.
///
/// # Errors
/// [`Error::Kernel`].
pub fn place(
    device: &Device,
    neighbors: &Buffer<u32>,
    fitted: &Buffer<f32>,
    placed: &mut Buffer<f32>,
    shape: (usize, usize, usize),
    h: f32,
) -> Result<()> {
    let (n, k, c) = shape;
    let inverse_square = 1.0 / (h * h);
    match device {
        Device::Cpu(_) => {
            cpu::place(neighbors.host(), fitted.host(), placed.host_mut(), (k, c), inverse_square)
        }
        Device::Gpu(gpu) => {
            let bindings = [(1, neighbors.gpu()), (2, fitted.gpu()), (3, placed.gpu())];
            let (n_neighbors, n_components) = (k as u32, c as u32);
            let from = |first: usize, rows: usize| PlaceParams {
                n: (first + rows) as u32,
                first: first as u32,
                n_neighbors,
                n_components,
                inverse_square,
            };
            let row = Work::new((3 * c + 4) as u64, (4 + 4 * c) as u64).times(k * (k + 5));
            gpu.dispatch_items(&PLACE, &bindings, n, row, from)?;
        }
    }
    Ok(())
}

mod cpu {
    use rayon::prelude::*;

    const STEPS: usize = 5;
    /// Larger scaled distances are limited to this: its square has a reciprocal in normal numbers.
    const FARTHEST: f32 = 1e18;

    pub fn place(
        neighbors: &[u32],
        fitted: &[f32],
        placed: &mut [f32],
        shape: (usize, usize),
        inverse_square: f32,
    ) {
        let (k, c) = shape;
        let chunks = placed.par_chunks_mut(c).zip(neighbors.par_chunks(k));
        // The third coordinate of a two-dimensional embedding is 0.
        let place_of = |i: usize| {
            [fitted[c * i], fitted[c * i + 1], if c == 3 { fitted[c * i + 2] } else { 0.0 }]
        };
        chunks.for_each(|(placed, neighbors)| {
            let places: Vec<[f32; 3]> = neighbors.iter().map(|&j| place_of(j as usize)).collect();
            placed.copy_from_slice(&mode(&places, inverse_square)[..c]);
        });
    }

    fn mode(places: &[[f32; 3]], inverse_square: f32) -> [f32; 3] {
        let difference = |a: [f32; 3], b: [f32; 3]| [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
        let scaled_square = |a: [f32; 3], b: [f32; 3]| {
            let [x, y, z] = difference(a, b);
            (x * x + y * y + z * z) * inverse_square
        };
        let mut best = -1.0;
        let mut at = [0.0; 3];
        for &candidate in places {
            let score: f32 =
                places.iter().map(|&other| 1.0 / (1.0 + scaled_square(candidate, other))).sum();
            // A strict comparison: ties go to the nearer neighbour.
            if score > best {
                (best, at) = (score, candidate);
            }
        }
        for _ in 0..STEPS {
            let mut weights = 0.0;
            let mut sum = [0.0; 3];
            for &place in places {
                let root = (1.0 + scaled_square(at, place)).min(FARTHEST);
                let weight = 1.0 / (root * root);
                weights += weight;
                for (sum, step) in sum.iter_mut().zip(difference(place, at)) {
                    *sum += weight * step;
                }
            }
            for (at, sum) in at.iter_mut().zip(sum) {
                *at += sum / weights;
            }
        }
        at
    }
}

//! Weights of triplets, and their division into groups that fit the device's bindings.
//!
//! The weight of a triplet is the tempered logarithm of 1 + p_ik - p_ij (E. Amid and M. Warmuth,
//! 2019, section 3.2), where p = d^2 / (s s) as in [`triplets`](super::triplets); of a tenth of
//! that difference for a random triplet. It is 0 if the outlier is one of the inliers up to the
//! triplet's own. O(n) distances in all features, once a fit.

use super::triplets::{MOST, Triplets};
use crate::compute::{Buffer, Device, Kernel, MOST_TURNS, Work, dispatches, kernel, uniform};
use crate::error::Result;
use crate::matrix::Matrix;
use rayon::prelude::*;

uniform! {
    struct SquareParams { n: u32, n_features: u32, first: u32, last: u32, add: u32 }
}
uniform! {
    struct WeighParams {
        n: u32, first_inlier: u32, n_inliers: u32, n_outliers: u32, exponent: f32, first: u32, last: u32,
    }
}

const SQUARE_DISTANCES: Kernel = kernel!("triplet_weights", "square_distances", 64, SquareParams);
const WEIGH: Kernel = kernel!("triplet_weights", "weigh", 64, WeighParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&SQUARE_DISTANCES, &WEIGH];

/// Smallest scale of a point in units of the largest entry: a squared distance divided by two
/// scales is then finite, even on devices that divide by multiplying with reciprocals, treat the
/// smallest numbers as 0 or have no infinity.
const LEAST_SCALE: f32 = 1e-16;
/// Factor of random triplets, which count less than those of neighbours.
const RANDOM_SHARE: f32 = 0.1;
/// Logarithm of 1 + margin at the temperature 1 - exponent, the margin counted from 0 to 1e9: ((1 +
/// u)^exponent - 1) / exponent.
pub fn tempered(margin: f32, exponent: f32) -> f32 {
    let u = margin.clamp(0.0, MOST);
    if exponent == 0.5 {
        // The same without subtracting nearly equal numbers.
        2.0 * u / ((1.0 + u).sqrt() + 1.0)
    } else if exponent == 0.0 {
        (1.0 + u).ln()
    } else {
        ((1.0 + u).powf(exponent) - 1.0) / exponent
    }
}

/// Some of the triplets of every point, as many as bindings hold, with their weights and buffers
/// for their forces.
#[derive(Debug)]
pub struct Group {
    /// Index of the first inlier.
    pub first_inlier: usize,
    /// Number of inliers, each with all its outliers.
    pub n_inliers: usize,
    /// Number of outliers of each inlier.
    pub n_outliers: usize,
    /// Number of random triplets.
    pub n_random: usize,
    /// Shifts of its slots.
    pub shifts: Buffer<u32>,
    /// Weights, (n_inliers n_outliers + n_random) x n; negative for a random triplet whose second
    /// point is the inlier.
    pub weights: Buffer<f32>,
    /// Factors of the forces on outliers, n_slots x n; while weights are computed, the outliers'
    /// squared distances.
    pub forces: Buffer<f32>,
}

impl Group {
    /// Number of slots: one for an outlier and two for a random triplet.
    pub fn n_slots(&self) -> usize {
        self.n_inliers * self.n_outliers + 2 * self.n_random
    }

    fn new(device: &Device, triplets: &Triplets, part: Part) -> Result<Self> {
        let Part { first_inlier, n_inliers, first_random, n_random } = part;
        let n = triplets.n_samples();
        let n_outliers = triplets.n_outliers;
        let near = &triplets.shifts[first_inlier * n_outliers..][..n_inliers * n_outliers];
        let random =
            &triplets.shifts[triplets.n_inliers * n_outliers + 2 * first_random..][..2 * n_random];
        let shifts = [near, random].concat();
        Ok(Self {
            first_inlier,
            n_inliers,
            n_outliers,
            n_random,
            weights: Buffer::new(device, "weights of triplets", (near.len() + n_random) * n)?,
            forces: Buffer::new(device, "forces of triplets", shifts.len() * n)?,
            shifts: Buffer::from_slice(device, "shifts", &shifts)?,
        })
    }
}

/// Share of one group in each point's triplets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Part {
    first_inlier: usize,
    n_inliers: usize,
    first_random: usize,
    n_random: usize,
}

/// Cuts a point's triplets into parts of at most `most_slots` slots, but at least one inlier or
/// random triplet.
fn parts(n_inliers: usize, n_outliers: usize, n_random: usize, most_slots: usize) -> Vec<Part> {
    let most_inliers = (most_slots / n_outliers).clamp(1, n_inliers);
    let near = (0..n_inliers).step_by(most_inliers).map(|first_inlier| Part {
        first_inlier,
        n_inliers: most_inliers.min(n_inliers - first_inlier),
        ..Part::default()
    });
    let mut parts: Vec<Part> = near.collect();
    if let Some(last) = parts.last_mut()
        && last.n_inliers * n_outliers + 2 * n_random <= most_slots
    {
        last.n_random = n_random;
        return parts;
    }
    let most_random = (most_slots / 2).max(1);
    parts.extend((0..n_random).step_by(most_random).map(|first_random| Part {
        first_random,
        n_random: most_random.min(n_random - first_random),
        ..Part::default()
    }));
    parts
}

/// Computes the weights of all triplets. `x`, n x any number of features, gives the distances of
/// the outliers.
///
/// # Errors
/// [`Error::GpuMemory`](crate::Error::GpuMemory) if a group does not fit, any error of the device.
pub fn weighed(
    device: &Device,
    triplets: &Triplets,
    inliers: &Buffer<u32>,
    x: &Matrix,
    temperature: f32,
) -> Result<Vec<Group>> {
    let (n, d) = (triplets.n_samples(), x.n_features());
    let fitting = device.max_binding_bytes() as usize / (4 * n);
    let groups: Result<Vec<Group>> =
        parts(triplets.n_inliers, triplets.n_outliers, triplets.n_random, fitting)
            .into_iter()
            .map(|part| Group::new(device, triplets, part))
            .collect();
    let mut groups = groups?;
    // Powers of two keep the distances exact, and no square overflows.
    let unit = unit(x);
    // Limited by the size of a buffer, and by the loop of a software adapter.
    let n_features = fitting.clamp(1, d.min(MOST_TURNS));
    for first in (0..d).step_by(n_features) {
        let n_features = n_features.min(d - first);
        let features = Buffer::from_slice(
            device,
            "features",
            &by_feature(x, &triplets.order, unit, first, n_features),
        )?;
        for group in &mut groups {
            let shape = (n, n_features, group.n_slots());
            square_distances(
                device,
                &features,
                &group.shifts,
                &mut group.forces,
                shape,
                first > 0,
            )?;
        }
    }
    let scales: Vec<f32> =
        triplets.scales.iter().map(|scale| (scale * unit).max(LEAST_SCALE)).collect();
    let scales = Buffer::from_slice(device, "scales of points", &scales)?;
    let squares = Buffer::from_slice(device, "distances of inliers", &triplets.inlier_squares)?;
    for group in &mut groups {
        weigh(device, group, inliers, &squares, &scales, 1.0 - temperature)?;
    }
    Ok(groups)
}

/// Power of two that brings the largest entry between 1 and 2; 1 if all entries are tiny.
fn unit(x: &Matrix) -> f32 {
    let largest = x
        .as_slice()
        .par_chunks(1 << 16)
        .map(|part| part.iter().fold(0.0_f32, |most, v| most.max(v.abs())));
    let largest = largest.reduce(|| 0.0, f32::max);
    if largest < f32::MIN_POSITIVE {
        1.0
    } else {
        (-largest.log2().floor()).clamp(-120.0, 120.0).exp2()
    }
}

/// Features `first .. first + n_features` of the points in their order, feature after feature.
fn by_feature(x: &Matrix, order: &[u32], unit: f32, first: usize, n_features: usize) -> Vec<f32> {
    /// Number of features that are read together: those of one cache line.
    const STRIP: usize = 16;
    let n = order.len();
    let mut features = vec![0.0; n * n_features];
    features.par_chunks_mut(STRIP * n).enumerate().for_each(|(strip, columns)| {
        let width = columns.len() / n;
        for (i, &row) in order.iter().enumerate() {
            for (f, value) in
                x.row(row as usize)[first + strip * STRIP..][..width].iter().enumerate()
            {
                columns[f * n + i] = value * unit;
            }
        }
    });
    features
}

/// Squared distances between points and their outliers; added to the content of `squares` or
/// written. Shapes: `features` d x n, `shifts` c, `squares` c x n; `shape` is (n, d, c).
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn square_distances(
    device: &Device,
    features: &Buffer<f32>,
    shifts: &Buffer<u32>,
    squares: &mut Buffer<f32>,
    shape: (usize, usize, usize),
    add: bool,
) -> Result<()> {
    match device {
        Device::Cpu(_) => {
            cpu::square_distances(features.host(), shifts.host(), squares.host_mut(), shape.0, add)
        }
        Device::Gpu(gpu) => {
            let (n, d, c) = shape;
            let from = |first: usize, items: usize| SquareParams {
                n: n as u32,
                n_features: d as u32,
                first: first as u32,
                last: (first + items) as u32,
                add: add.into(),
            };
            let bindings = [(1, features.gpu()), (2, shifts.gpu()), (3, squares.gpu())];
            let distance = Work::new(3 * d as u64, 8 * d as u64 + 4);
            gpu.dispatch_items(&SQUARE_DISTANCES, &bindings, n * c, distance, from)?;
        }
    }
    Ok(())
}

/// Weights of a group from the squared distances of its outliers, which are stored in its forces.
/// Shapes: `inliers` and `inlier_squares` n_inliers x n, `scales` n in the unit of those distances.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn weigh(
    device: &Device,
    group: &mut Group,
    inliers: &Buffer<u32>,
    inlier_squares: &Buffer<f32>,
    scales: &Buffer<f32>,
    exponent: f32,
) -> Result<()> {
    let n = scales.len();
    match device {
        Device::Cpu(_) => {
            cpu::weigh(group, inliers.host(), inlier_squares.host(), scales.host(), exponent)
        }
        Device::Gpu(gpu) => {
            let from = |first: usize, last: usize| WeighParams {
                n: n as u32,
                first_inlier: group.first_inlier as u32,
                n_inliers: group.n_inliers as u32,
                n_outliers: group.n_outliers as u32,
                exponent,
                first: first as u32,
                last: last as u32,
            };
            let bindings = [
                (1, inliers.gpu()),
                (2, inlier_squares.gpu()),
                (3, scales.gpu()),
                (4, group.shifts.gpu()),
                (5, group.forces.gpu()),
                (6, group.weights.gpu()),
            ];
            // A weight takes a turn for itself and one for every inlier up to its own.
            let n_inliers = group.first_inlier + group.n_inliers;
            let together = (gpu.most_turns() / (n_inliers + 2)).max(1);
            let n_weights = group.weights.len() / n;
            let groups = n.div_ceil(WEIGH.workgroup_size as usize);
            // On average half of the inliers are read, and two squares and scales.
            let slot = Work::new(n_inliers as u64 / 2 + 20, 2 * n_inliers as u64 + 20).times(n);
            for first in dispatches(n_weights, together) {
                let (first, now) = (first as usize, together.min(n_weights - first as usize));
                let part = |from_slot: usize, slots: usize| {
                    from(first + from_slot, first + from_slot + slots)
                };
                gpu.dispatch_rows(&WEIGH, &bindings, now, slot, |_| groups, part)?;
            }
        }
    }
    Ok(())
}

mod cpu {
    use super::super::blocks::{BLOCK, blocks, shifted, window};
    use super::{Group, MOST, RANDOM_SHARE, tempered};
    use multiversion::multiversion;
    use rayon::prelude::*;

    pub fn square_distances(
        features: &[f32],
        shifts: &[u32],
        squares: &mut [f32],
        n: usize,
        add: bool,
    ) {
        blocks(&mut squares[..shifts.len() * n], n).into_par_iter().enumerate().for_each(
            |(block, mut squares)| {
                for (squares, &shift) in squares.iter_mut().zip(shifts) {
                    if !add {
                        squares.fill(0.0);
                    }
                    add_squares(features, n, block * BLOCK, shift as usize, squares);
                }
            },
        );
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn add_squares(features: &[f32], n: usize, first: usize, shift: usize, squares: &mut [f32]) {
        let len = squares.len();
        let (mut buffer, mut sums) = ([0.0; BLOCK], [0.0_f32; BLOCK]);
        let sums = &mut sums[..len];
        for feature in features.chunks_exact(n) {
            let own = &feature[first..][..len];
            let other = window(feature, shifted(first, shift, n), len, &mut buffer);
            for ((sum, own), other) in sums.iter_mut().zip(own).zip(other) {
                *sum += (own - other) * (own - other);
            }
        }
        for (square, sum) in squares.iter_mut().zip(sums) {
            *square += *sum;
        }
    }

    /// Squared distance in units of the two points' scales.
    fn relative(square: f32, a: f32, b: f32) -> f32 {
        (square / a / b).min(MOST * MOST)
    }

    pub fn weigh(
        group: &mut Group,
        inliers: &[u32],
        inlier_squares: &[f32],
        scales: &[f32],
        exponent: f32,
    ) {
        let n = scales.len();
        let (squares, shifts) = (group.forces.host(), group.shifts.host());
        let first_inlier = group.first_inlier;
        let n_outliers = group.n_outliers;
        let n_near = group.n_inliers * group.n_outliers;
        blocks(group.weights.host_mut(), n).into_par_iter().enumerate().for_each(
            |(block, mut weights)| {
                for (slot, weights) in weights.iter_mut().enumerate() {
                    for (lane, weight) in weights.iter_mut().enumerate() {
                        let i = block * BLOCK + lane;
                        let at = |slot: usize| {
                            let k = shifted(i, shifts[slot] as usize, n);
                            (k as u32, relative(squares[slot * n + i], scales[i], scales[k]))
                        };
                        if slot < n_near {
                            let inlier = first_inlier + slot / n_outliers;
                            let (k, far) = at(slot);
                            let is_nearer_inlier = (0..=inlier).any(|a| inliers[a * n + i] == k);
                            let margin = far - inlier_squares[inlier * n + i];
                            *weight =
                                if is_nearer_inlier { 0.0 } else { tempered(margin, exponent) };
                        } else {
                            let first = n_near + 2 * (slot - n_near);
                            let (_, a) = at(first);
                            let (_, b) = at(first + 1);
                            let size = tempered(RANDOM_SHARE * (a - b).abs(), exponent);
                            // The sign says which of the two is the inlier.
                            *weight = if a <= b { size } else { -size };
                        }
                    }
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_every_triplet_once_within_the_limit() {
        for (n_inliers, n_outliers, n_random) in [(12, 4, 3), (2, 4, 0), (1, 1, 9), (16, 3, 3)] {
            for most in [1, 2, 5, 8, 20, 48, 53, 54, 1000] {
                let parts = parts(n_inliers, n_outliers, n_random, most);
                let inliers = parts
                    .iter()
                    .flat_map(|part| part.first_inlier..part.first_inlier + part.n_inliers);
                assert!(inliers.eq(0..n_inliers), "{most}: {parts:?}");
                let random = parts.iter().filter(|part| part.n_random > 0);
                assert!(
                    random
                        .flat_map(|part| part.first_random..part.first_random + part.n_random)
                        .eq(0..n_random)
                );
                let slots = |part: &Part| part.n_inliers * n_outliers + 2 * part.n_random;
                let least = n_outliers.max(2);
                assert!(
                    parts.iter().all(|part| slots(part) > 0 && slots(part) <= most.max(least)),
                    "{most}: {parts:?}"
                );
            }
        }
    }

    #[test]
    fn the_unit_is_a_power_of_two_that_brings_the_largest_entry_near_one() {
        for largest in [1e-20_f32, 0.3, 1.0, 784.0, 1e18] {
            let unit = unit(&Matrix::new(vec![0.0, -largest], 2, 1).unwrap());
            assert!((1.0..2.0).contains(&(largest * unit)), "{largest}");
            assert_eq!(unit.to_bits() << 9, 0, "{unit} has a mantissa");
        }
    }
}

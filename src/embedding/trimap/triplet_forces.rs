//! Forces of triplets on their own points and on their outliers, as kernels with their twins. The
//! symbols are explained in [`triplet_layout`](super::triplet_layout).

use super::triplet_layout::{Layout, TripletParams};
use crate::compute::{Buffer, Device, Kernel, Work, kernel, uniform};
use crate::error::Result;

uniform! {
    struct PushParams { n: u32, n_components: u32, n_slots: u32 }
}

const PULL: Kernel = kernel!("triplet_forces" + "triplets", "pull", 64, TripletParams);
const PUSH: Kernel = kernel!("triplet_forces" + "triplets", "push", 64, PushParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&PULL, &PUSH];

/// Gradient of a group's triplets for the points that own them; overwrites the gradients if `at` is
/// 0, otherwise adds to them. Also writes the group's forces and attractions. Shape: `places`
/// n_components x n.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn pull(device: &Device, layout: &mut Layout, at: usize, places: &Buffer<f32>) -> Result<()> {
    let group = &layout.groups[at];
    let uniform = TripletParams::of(layout, at);
    match device {
        Device::Cpu(_) => cpu::pull(layout, at, places.host(), &uniform),
        Device::Gpu(gpu) => {
            let bindings = [
                (1, places.gpu()),
                (2, layout.inliers.gpu()),
                (3, group.weights.gpu()),
                (4, group.shifts.gpu()),
                (5, group.forces.gpu()),
                (6, layout.attractions.gpu()),
                (7, layout.gradients.gpu()),
            ];
            // A slot has a weight, coordinates and a force; an inlier its number, coordinates and
            // attraction.
            let axes = layout.n_components as u64;
            let slots = Work::new(7 * axes + 8, 8 + 4 * axes).times(layout.n * group.n_slots());
            let rest = Work::new(5 * axes, 8 + 4 * axes).times(layout.n * (group.n_inliers + 1));
            gpu.dispatch(&PULL, &uniform, &bindings, layout.n, slots.plus(rest))?;
        }
    }
    Ok(())
}

/// Adds to the gradients the forces on points as outliers of a group's triplets. Shape: `places`
/// n_components x n.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn push(device: &Device, layout: &mut Layout, at: usize, places: &Buffer<f32>) -> Result<()> {
    match device {
        Device::Cpu(_) => cpu::push(layout, at, places.host()),
        Device::Gpu(gpu) => {
            let group = &layout.groups[at];
            let n = layout.n as u32;
            let axes = layout.n_components as u32;
            let slots = group.n_slots() as u32;
            let bindings = [
                (1, places.gpu()),
                (4, group.shifts.gpu()),
                (5, group.forces.gpu()),
                (7, layout.gradients.gpu()),
            ];
            let of_axes = u64::from(axes);
            let work =
                Work::new(3 * of_axes, 4 + 4 * of_axes).times(layout.n * (group.n_slots() + 1));
            gpu.dispatch(
                &PUSH,
                &PushParams { n, n_components: axes, n_slots: slots },
                &bindings,
                layout.n,
                work,
            )?;
        }
    }
    Ok(())
}

mod cpu {
    use super::super::blocks::{BLOCK, axes, blocks, shifted, window, windows};
    use super::super::triplet_weights::Group;
    use super::{Layout, TripletParams};
    use multiversion::multiversion;
    use rayon::prelude::*;
    use std::array;

    pub fn pull(layout: &mut Layout, at: usize, places: &[f32], params: &TripletParams) {
        let n = layout.n;
        let Layout { groups, inliers, attractions, gradients, .. } = layout;
        let group = &mut groups[at];
        let (weights, shifts) = (group.weights.host(), group.shifts.host());
        let rows = group.first_inlier * n..(group.first_inlier + group.n_inliers) * n;
        let own =
            Own { places, n, inliers: &inliers.host()[rows.clone()], weights, shifts, params };
        let forces = blocks(group.forces.host_mut(), n).into_par_iter();
        let attractions = if rows.is_empty() {
            (0..n.div_ceil(BLOCK)).map(|_| Vec::new()).collect()
        } else {
            blocks(&mut attractions.host_mut()[rows], n)
        };
        let outputs = forces.zip(attractions).zip(blocks(gradients.host_mut(), n));
        outputs.enumerate().for_each(|(block, ((mut forces, mut attractions), mut gradients))| {
            let out = Out {
                forces: &mut forces,
                attractions: &mut attractions,
                gradients: &mut gradients,
            };
            if params.n_components == 3 {
                pull_3d(&own, block * BLOCK, out)
            } else {
                pull_2d(&own, block * BLOCK, out)
            }
        });
    }

    /// Inputs of the pull on a block.
    struct Own<'a> {
        places: &'a [f32],
        n: usize,
        inliers: &'a [u32],
        weights: &'a [f32],
        shifts: &'a [u32],
        params: &'a TripletParams,
    }

    /// The part of one block in every row of the pull's results.
    struct Out<'a, 'b> {
        forces: &'a mut [&'b mut [f32]],
        attractions: &'a mut [&'b mut [f32]],
        gradients: &'a mut [&'b mut [f32]],
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn pull_2d(own: &Own<'_>, first: usize, out: Out<'_, '_>) {
        pull_block::<2>(own, first, out);
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn pull_3d(own: &Own<'_>, first: usize, out: Out<'_, '_>) {
        pull_block::<3>(own, first, out);
    }

    #[inline(always)]
    fn pull_block<const D: usize>(own: &Own<'_>, first: usize, out: Out<'_, '_>) {
        let Own { n, inliers, weights, shifts, params, .. } = *own;
        let all: [&[f32]; D] = axes(own.places, n);
        let len = out.gradients[0].len();
        let points: [&[f32]; D] = array::from_fn(|axis| &all[axis][first..][..len]);
        let mut sums = [[0.0_f32; BLOCK]; D];
        let mut inlier = [[0.0_f32; BLOCK]; D];
        let mut buffers = [[0.0_f32; BLOCK]; D];
        let (n_inliers, n_outliers) = (params.n_inliers as usize, params.n_outliers as usize);
        for a in 0..n_inliers {
            let ids = &inliers[a * n + first..][..len];
            for axis in 0..D {
                for (value, &id) in inlier[axis].iter_mut().zip(ids) {
                    *value = all[axis][id as usize];
                }
            }
            let near_places: [&[f32]; D] = array::from_fn(|axis| &inlier[axis][..len]);
            let mut near = [0.0_f32; BLOCK];
            roots(&points, &near_places, &mut near[..len]);
            let mut attraction = [0.0_f32; BLOCK];
            for b in 0..n_outliers {
                let slot = a * n_outliers + b;
                let far =
                    windows(&all, shifted(first, shifts[slot] as usize, n), len, &mut buffers);
                let weights = &weights[slot * n + first..][..len];
                outlier(
                    &points,
                    &far,
                    weights,
                    &near[..len],
                    &mut attraction[..len],
                    out.forces[slot],
                    &mut sums,
                );
            }
            add_products(&mut sums, &attraction[..len], &points, &near_places);
            out.attractions[a].copy_from_slice(&attraction[..len]);
        }
        let n_near = n_inliers * n_outliers;
        for r in 0..params.n_random as usize {
            let slot = n_near + 2 * r;
            let far = windows(&all, shifted(first, shifts[slot] as usize, n), len, &mut buffers);
            let far_again =
                windows(&all, shifted(first, shifts[slot + 1] as usize, n), len, &mut inlier);
            let weights = &weights[(n_near + r) * n + first..][..len];
            let (head, tail) = out.forces.split_at_mut(slot + 1);
            random_pair(&points, &far, &far_again, weights, head[slot], tail[0]);
            add_products(&mut sums, head[slot], &points, &far);
            add_products(&mut sums, tail[0], &points, &far_again);
        }
        for (gradient, sums) in out.gradients.iter_mut().zip(&sums) {
            for (gradient, sum) in gradient.iter_mut().zip(sums) {
                *gradient = if params.add != 0 { *gradient + sum } else { *sum };
            }
        }
    }

    /// 1 + |a - b|^2.
    #[inline(always)]
    fn root<const D: usize>(a: &[&[f32]; D], b: &[&[f32]; D], lane: usize) -> f32 {
        let mut root = 1.0;
        for axis in 0..D {
            let difference = a[axis][lane] - b[axis][lane];
            root += difference * difference;
        }
        root
    }

    #[inline(always)]
    fn roots<const D: usize>(a: &[&[f32]; D], b: &[&[f32]; D], roots: &mut [f32]) {
        for (lane, value) in roots.iter_mut().enumerate() {
            *value = root(a, b, lane);
        }
    }

    /// Forces of one outlier of one inlier of each point.
    #[inline(always)]
    fn outlier<const D: usize>(
        points: &[&[f32]; D],
        outliers: &[&[f32]; D],
        weights: &[f32],
        near: &[f32],
        attraction: &mut [f32],
        forces: &mut [f32],
        sums: &mut [[f32; BLOCK]; D],
    ) {
        let len = forces.len();
        let weights = &weights[..len];
        let near = &near[..len];
        let attraction = &mut attraction[..len];
        for lane in 0..len {
            let far = root(points, outliers, lane);
            let both = near[lane] + far;
            let c = weights[lane] / (both * both);
            attraction[lane] += c * far;
            forces[lane] = -(c * near[lane]);
        }
        add_products(sums, forces, points, outliers);
    }

    /// Forces of a random triplet on its two points.
    #[inline(always)]
    fn random_pair<const D: usize>(
        points: &[&[f32]; D],
        a: &[&[f32]; D],
        b: &[&[f32]; D],
        weights: &[f32],
        forces_a: &mut [f32],
        forces_b: &mut [f32],
    ) {
        let len = forces_a.len();
        let weights = &weights[..len];
        let forces_b = &mut forces_b[..len];
        for lane in 0..len {
            let (a, b) = (root(points, a, lane), root(points, b, lane));
            // Negative if b is the inlier, which reverses both forces.
            let c = weights[lane] / ((a + b) * (a + b));
            forces_a[lane] = c * b;
            forces_b[lane] = -(c * a);
        }
    }

    /// Adds factor (a - b) for each point.
    #[inline(always)]
    fn add_products<const D: usize>(
        sums: &mut [[f32; BLOCK]; D],
        factors: &[f32],
        a: &[&[f32]; D],
        b: &[&[f32]; D],
    ) {
        let len = factors.len();
        for axis in 0..D {
            let sums = &mut sums[axis][..len];
            let a = &a[axis][..len];
            let b = &b[axis][..len];
            for lane in 0..len {
                sums[lane] += factors[lane] * (a[lane] - b[lane]);
            }
        }
    }

    pub fn push(layout: &mut Layout, at: usize, places: &[f32]) {
        let n = layout.n;
        let three = layout.n_components == 3;
        let group = &layout.groups[at];
        blocks(layout.gradients.host_mut(), n).into_par_iter().enumerate().for_each(
            |(block, mut gradients)| {
                let first = block * BLOCK;
                if three {
                    push_3d(group, n, places, first, &mut gradients)
                } else {
                    push_2d(group, n, places, first, &mut gradients)
                }
            },
        );
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn push_2d(
        group: &Group,
        n: usize,
        places: &[f32],
        first: usize,
        gradients: &mut [&mut [f32]],
    ) {
        push_block::<2>(group, n, places, first, gradients);
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn push_3d(
        group: &Group,
        n: usize,
        places: &[f32],
        first: usize,
        gradients: &mut [&mut [f32]],
    ) {
        push_block::<3>(group, n, places, first, gradients);
    }

    #[inline(always)]
    fn push_block<const D: usize>(
        group: &Group,
        n: usize,
        places: &[f32],
        first: usize,
        gradients: &mut [&mut [f32]],
    ) {
        let all: [&[f32]; D] = axes(places, n);
        let len = gradients[0].len();
        let points: [&[f32]; D] = array::from_fn(|axis| &all[axis][first..][..len]);
        let mut sums = [[0.0_f32; BLOCK]; D];
        let mut buffers = [[0.0_f32; BLOCK]; D];
        let mut buffer = [0.0_f32; BLOCK];
        for (forces, &shift) in group.forces.host().chunks_exact(n).zip(group.shifts.host()) {
            let start = shifted(first, n - shift as usize, n);
            let anchors = windows(&all, start, len, &mut buffers);
            add_products(&mut sums, window(forces, start, len, &mut buffer), &points, &anchors);
        }
        for (gradient, sums) in gradients.iter_mut().zip(&sums) {
            for (gradient, sum) in gradient.iter_mut().zip(sums) {
                *gradient += sum;
            }
        }
    }
}

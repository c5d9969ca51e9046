//! Points in groups of near ones: k-means, then halves of groups that are still too large.
//!
//! The groups are the blocks of the search: the points of a block share most of their candidates, a
//! block far from another is skipped, and the nearest blocks give good bounds at once. The result
//! does not depend on the groups, only the time does.

use crate::neighbors::products::products;
use crate::random::Random;
use multiversion::multiversion;
use rayon::prelude::*;

/// Mean and maximum number of points of a block.
const MEAN_POINTS: usize = 256;
const MOST_POINTS: usize = 384;
/// Mean number of rows from which a centre is learned, and number of iterations of the centres.
const ROWS_PER_CENTRE: usize = 32;
const ITERATIONS: usize = 4;
/// Number of rows whose nearest centres are computed together, the unit of parallel work.
const ROWS: usize = 512;
/// A row is an outlier if it is longer than `FAR` times the length that one row in `FEW` exceeds.
const FAR: f32 = 4.0;
const FEW: usize = 512;

/// One block of points.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// Position of its first point in the order of blocks.
    pub(crate) first: usize,
    /// Number of points.
    pub(crate) len: usize,
}

/// Points in the order of their blocks.
pub(crate) struct Clusters {
    /// Index of the point at each position.
    pub(crate) order: Vec<u32>,
    /// Coordinates in that order, n x width.
    pub(crate) z: Vec<f32>,
    pub(crate) blocks: Vec<Block>,
    /// Mean of each block, blocks x width.
    pub(crate) centres: Vec<f32>,
    /// Upper bound on the distance of a block's points from its mean.
    pub(crate) radii: Vec<f32>,
    pub(crate) width: usize,
}

impl Clusters {
    /// Groups the rows of `z`, n x width, around `centres`.
    pub(crate) fn new(z: &[f32], width: usize, centres: &[f32]) -> Self {
        let nearest = nearest_centres(z, width, centres);
        let mut members = vec![Vec::new(); centres.len() / width];
        nearest
            .iter()
            .enumerate()
            .for_each(|(row, &centre)| members[centre as usize].push(row as u32));
        let mut groups: Vec<Vec<u32>> =
            members.into_par_iter().flat_map_iter(|rows| halved(rows, z, width)).collect();
        groups.retain(|rows| !rows.is_empty());
        let order: Vec<u32> = groups.concat();
        let sorted: Vec<f32> =
            order.iter().flat_map(|&row| &z[row as usize * width..][..width]).copied().collect();
        let mut first = 0;
        let blocks = groups.iter().map(|rows| {
            first += rows.len();
            Block { first: first - rows.len(), len: rows.len() }
        });
        let blocks: Vec<Block> = blocks.collect();
        let middle =
            |block: &Block| middle(&sorted[block.first * width..][..block.len * width], width);
        let (centres, radii): (Vec<Vec<f32>>, Vec<f32>) = blocks.par_iter().map(middle).unzip();
        Self { order, z: sorted, blocks, centres: centres.concat(), radii, width }
    }

    /// Coordinates of a block's points.
    pub(crate) fn points(&self, block: usize) -> &[f32] {
        let Block { first, len } = self.blocks[block];
        &self.z[first * self.width..][..len * self.width]
    }

    /// Mean of a block.
    pub(crate) fn centre(&self, block: usize) -> &[f32] {
        &self.centres[block * self.width..][..self.width]
    }
}

/// `true` for each row whose length makes it an outlier, of which there are few.
pub(super) fn are_far(lengths: &[f32]) -> Vec<bool> {
    let mut sorted = lengths.to_vec();
    let few = sorted.len() / FEW;
    if few == 0 {
        return vec![false; lengths.len()];
    }
    let at = sorted.len() - 1 - few;
    let most = FAR * *sorted.select_nth_unstable_by(at, f32::total_cmp).1;
    lengths.iter().map(|&length| length > most).collect()
}

fn far(z: &[f32], width: usize) -> Vec<bool> {
    let length = |row: &[f32]| row.iter().map(|v| v * v).sum::<f32>().sqrt();
    are_far(&z.par_chunks(width).map(length).collect::<Vec<_>>())
}

/// The outliers among the rows of `z`, few in any case. Each should be a block of its own: among
/// others it would move the centre away from all of them, and their block would reach everywhere.
pub(crate) fn far_rows(z: &[f32], width: usize) -> Vec<f32> {
    let rows = z.chunks_exact(width).zip(far(z, width));
    rows.filter(|&(_, is_far)| is_far).flat_map(|(row, _)| row).copied().collect()
}

/// Centres for the rows of `z`: those that k-means finds, one for each 256 rows, and the outliers.
pub(crate) fn learn_centres(z: &[f32], width: usize) -> Vec<f32> {
    let n = z.len() / width;
    let n_centres = n.div_ceil(MEAN_POINTS).max(1);
    let random = Random::new(0, 0x636c_7573);
    let n_sample = n.min(ROWS_PER_CENTRE * n_centres);
    let is_far = far(z, width);
    let rows = random.permutation(n).into_iter().filter(|&row| !is_far[row]).take(n_sample);
    let sample: Vec<f32> = rows.flat_map(|row| &z[row * width..][..width]).copied().collect();
    let n_sample = sample.len() / width;
    let mut centres = sample[..n_centres.min(n_sample) * width].to_vec();
    for _ in 0..ITERATIONS {
        let nearest = nearest_centres(&sample, width, &centres);
        let mut sums = vec![0.0_f64; centres.len()];
        let mut counts = vec![0_u32; centres.len() / width];
        for (row, &centre) in sample.chunks_exact(width).zip(&nearest) {
            let sum = &mut sums[centre as usize * width..][..width];
            sum.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
            counts[centre as usize] += 1;
        }
        for ((centre, sum), &count) in
            centres.chunks_exact_mut(width).zip(sums.chunks_exact(width)).zip(&counts)
        {
            if count > 0 {
                centre
                    .iter_mut()
                    .zip(sum)
                    .for_each(|(centre, sum)| *centre = (sum / f64::from(count)) as f32);
            }
        }
    }
    centres.extend(far_rows(z, width));
    centres
}

/// The nearest of `centres` to each row of `z`, up to rounding.
fn nearest_centres(z: &[f32], width: usize, centres: &[f32]) -> Vec<u32> {
    let n_centres = centres.len() / width;
    let halves: Vec<f32> = centres
        .chunks_exact(width)
        .map(|centre| centre.iter().map(|v| v * v).sum::<f32>() / 2.0)
        .collect();
    let mut nearest = vec![0; z.len() / width];
    nearest.par_chunks_mut(ROWS).zip(z.par_chunks(ROWS * width)).for_each(|(nearest, rows)| {
        let mut scores = vec![0.0; nearest.len() * n_centres];
        products(rows, centres, &mut scores, (nearest.len(), n_centres, width));
        for (nearest, scores) in nearest.iter_mut().zip(scores.chunks_exact(n_centres)) {
            *nearest = best_score(scores, &halves);
        }
    });
    nearest
}

/// Index of the largest score - half.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn best_score(scores: &[f32], halves: &[f32]) -> u32 {
    const LANES: usize = 16;
    let mut best = [f32::NEG_INFINITY; LANES];
    let mut at = [0_u32; LANES];
    let whole = scores.len() / LANES * LANES;
    for (step, (scores, halves)) in
        scores.chunks_exact(LANES).zip(halves.chunks_exact(LANES)).enumerate()
    {
        for lane in 0..LANES {
            let value = scores[lane] - halves[lane];
            let better = value > best[lane];
            best[lane] = if better { value } else { best[lane] };
            at[lane] = if better { (step * LANES + lane) as u32 } else { at[lane] };
        }
    }
    let lanes = best
        .into_iter()
        .zip(at)
        .chain((whole..scores.len()).map(|i| (scores[i] - halves[i], i as u32)));
    lanes.fold((f32::NEG_INFINITY, 0), |best, other| if other.0 > best.0 { other } else { best }).1
}

/// Halves a group at the median of its widest coordinate until no part has more than 384 points.
fn halved(mut rows: Vec<u32>, z: &[f32], width: usize) -> Vec<Vec<u32>> {
    if rows.len() <= MOST_POINTS {
        return vec![rows];
    }
    let (mut sums, mut squares) = (vec![0.0_f64; width], vec![0.0_f64; width]);
    for &row in &rows {
        for ((sum, square), &value) in
            sums.iter_mut().zip(&mut squares).zip(&z[row as usize * width..][..width])
        {
            *sum += f64::from(value);
            *square += f64::from(value).powi(2);
        }
    }
    let variance = |axis: usize| squares[axis] - sums[axis] * sums[axis] / rows.len() as f64;
    let widest =
        (1..width).fold(0, |best, axis| if variance(axis) > variance(best) { axis } else { best });
    let value = |row: u32| z[row as usize * width + widest];
    let half = rows.len() / 2;
    rows.select_nth_unstable_by(half, |&a, &b| value(a).total_cmp(&value(b)).then(a.cmp(&b)));
    let upper = rows.split_off(half);
    let (lower, upper) = rayon::join(|| halved(rows, z, width), || halved(upper, z, width));
    [lower, upper].concat()
}

/// Mean of some rows, and an upper bound on the distance of each from it.
fn middle(rows: &[f32], width: usize) -> (Vec<f32>, f32) {
    let mut sums = vec![0.0_f64; width];
    for row in rows.chunks_exact(width) {
        sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
    }
    let n = (rows.len() / width) as f64;
    let centre: Vec<f32> = sums.iter().map(|sum| (sum / n) as f32).collect();
    let square = |row: &[f32]| {
        row.iter().zip(&centre).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>()
    };
    let largest = rows.chunks_exact(width).map(square).fold(0.0, f64::max);
    // Rounded up.
    (centre, (largest.sqrt() * (1.0 + 1e-6)) as f32)
}

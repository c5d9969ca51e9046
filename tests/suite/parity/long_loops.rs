//! Kernels whose invocations would take more turns of their loops than Mesa's software adapter
//! allows, 65,535 together: they go on in further dispatches. One point that is everybody's
//! neighbour, very many points that push, and the largest parameters.

use crate::support::{LIMITS, cpu, gpu};
use layerlens::compute::{Buffer, Device};
use layerlens::embedding::Trimap;
use layerlens::embedding::pca::products::project;
use layerlens::embedding::trimap::triplet_layout::{self, Layout, Step as TrimapStep};
use layerlens::embedding::trimap::triplet_placement::{self, NewTriplets};
use layerlens::embedding::trimap::triplet_weights::{self, Group};
use layerlens::embedding::trimap::triplets::Triplets;
use layerlens::embedding::tsne::affinity::Affinities;
use layerlens::embedding::tsne::gradient::{self, Graph};
use layerlens::embedding::tsne::repulsion;
use layerlens::embedding::umap::FuzzyGraph;
use layerlens::embedding::umap::fuzzy_layout::{self, Edges, Epoch, Forces, NewPoints, Settling};
use layerlens::embedding::umap::low_pass::{self, SmoothStep};
use layerlens::error::Result;
use layerlens::matrix::Matrix;
use layerlens::neighbors::differences::{Block, difference_distances};
use layerlens::neighbors::knn::{self, Span};
use layerlens::neighbors::nearest_neighbors;
use layerlens::neighbors::pairwise::{self, Centred, DistanceTile};
use layerlens::parity::harness::{Pair, Tolerance, floats, uniform};
use layerlens::progress::Silent;
use layerlens::random::Random;

/// Points, of which all but point 0 have point 0 as their only neighbour.
const N: usize = 1000;

/// Neighbours that point 0 has, some points many times: more than sixteen threads take in 65,535
/// turns each. The last tenth are the second half of the points.
const HUB: usize = 1_100_000;

/// Sums of a million terms one by one, whose rounding errors add up like a random walk: some 1e-4;
/// a row that is cut lacks 5e-2 of its terms or more.
const SUMS: Tolerance = Tolerance { each: 0.0, largest: 1e-3 };

/// Some hundred such steps, each from the last.
const SETTLED: Tolerance = Tolerance { each: 0.0, largest: 1e-2 };

fn pair() -> Option<Pair> {
    gpu(LIMITS[0]).map(|gpu| Pair::new(cpu(), gpu))
}

/// The neighbours of point 0.
fn hub() -> impl Iterator<Item = u32> {
    let half = N / 2;
    (0..HUB).map(
        move |at| if at < HUB / 10 * 9 { 1 + at % (half - 1) } else { half + at % half } as u32,
    )
}

/// Rows of the star around point 0, and their columns.
fn star() -> (Vec<u32>, Vec<u32>) {
    let row_starts = std::iter::once(0).chain((0..N).map(|row| (HUB + row) as u32)).collect();
    let columns = hub().chain(std::iter::repeat_n(0, N - 1)).collect();
    (row_starts, columns)
}

fn fuzzy_star() -> FuzzyGraph {
    let (row_starts, columns) = star();
    let weights = uniform(200, columns.len(), 0.1, 1.0);
    FuzzyGraph { row_starts, columns, weights }
}

/// Numbers between 0 and 1, those from `last` on around 9: a mean shows whether they are in it.
fn with_others_last(stream: u64, len: usize, last: usize) -> Vec<f32> {
    let mut numbers = uniform(stream, len, 0.0, 1.0);
    numbers[last..].iter_mut().for_each(|number| *number += 8.5);
    numbers
}

/// Places to one side of point 0, so that the pulls on it do not cancel.
fn places(c: usize) -> Vec<f32> {
    let mut places = with_others_last(201, c * N, c * N / 2);
    places[..c].fill(-1.0);
    places
}

#[test]
fn everybodys_neighbour_is_attracted_by_all_in_tsne() {
    let Some(pair) = pair() else { return };
    let (row_starts, columns) = star();
    let values = uniform(202, columns.len(), 0.01, 0.1);
    let affinities = Affinities { row_starts, columns, values };
    for c in [2, 3] {
        pair.compare(&format!("attraction in {c} dimensions"), SUMS, |device| {
            let graph = Graph::new(device, &affinities)?;
            let y = Buffer::from_slice(device, "places", &places(c))?;
            let mut attractions = Buffer::new(device, "attractions", c * N)?;
            gradient::attraction(device, &y, &graph, &mut attractions)?;
            attractions.read(device).map(floats)
        });
        pair.compare(&format!("divergence in {c} dimensions"), SUMS, |device| {
            let graph = Graph::new(device, &affinities)?;
            let y = Buffer::from_slice(device, "places", &places(c))?;
            let total = Buffer::from_slice(device, "total", &[0.3 * N as f32])?;
            let mut shares = Buffer::new(device, "shares", N)?;
            gradient::kl_divergence(device, &y, &graph, &total, &mut shares)?;
            shares.read(device).map(floats)
        });
    }
}

#[test]
fn few_points_are_repelled_by_very_many() {
    let Some(pair) = pair() else { return };
    let (n, m) = (100, 70_000);
    for c in [2, 3] {
        // Near the last of those that push, which are beyond the turns of one dispatch.
        let y = uniform(222, c * n, 7.0, 8.0);
        let others = with_others_last(223, c * m, c * 66_000);
        pair.compare(&format!("repulsion in {c} dimensions"), SUMS, |device| {
            let y = Buffer::from_slice(device, "places", &y)?;
            let others = Buffer::from_slice(device, "others", &others)?;
            let mut forces = Buffer::new(device, "forces", c * n)?;
            let mut sums = Buffer::new(device, "sums", n)?;
            repulsion::repulsion(device, &y, Some(&others), &mut forces, &mut sums, (n, c))?;
            Ok([floats(forces.read(device)?), floats(sums.read(device)?)].concat())
        });
    }
}

#[test]
fn everybodys_neighbour_is_smoothed_and_moved_by_all_in_umap() {
    let Some(pair) = pair() else { return };
    let graph = fuzzy_star();
    for columns in [2, 3, 8] {
        let current = with_others_last(203, N * columns, N * columns / 2);
        let previous = uniform(204, N * columns, -1.0, 1.0);
        let step = SmoothStep { centre: -0.01, half_width: 0.99, scale: 2.0, share: 1.0 };
        pair.compare(&format!("smooth_step of {columns} columns"), SUMS, |device| {
            let edges = Edges::new(device, &graph)?;
            let current = Buffer::from_slice(device, "current", &current)?;
            let mut previous = Buffer::from_slice(device, "previous", &previous)?;
            low_pass::smooth_step(device, &edges, step, columns, &current, &mut previous)?;
            previous.read(device).map(floats)
        });
    }
    for c in [2, 3] {
        let forces = Forces {
            n_components: c,
            a: 1.577,
            b: 0.895,
            repulsion_strength: 1.2,
            negative_sample_rate: 0.01,
        };
        let epoch = Epoch { momentum: 0.0, step: 0.5, max_step_norm: 4.0, key: 77 };
        pair.compare(&format!("advance in {c} dimensions"), SUMS, |device| {
            let edges = Edges::new(device, &graph)?;
            let at = Buffer::from_slice(device, "places", &places(c))?;
            let mut velocities = Buffer::from_slice(device, "velocities", &vec![0.0; c * N])?;
            let mut moved = Buffer::new(device, "moved", c * N)?;
            fuzzy_layout::advance(device, &edges, forces, epoch, &at, &mut velocities, &mut moved)?;
            // The steps alone: beside the places they would hardly be seen.
            velocities.read(device).map(floats)
        });
    }
}

#[test]
fn new_points_of_very_many_neighbours_settle_alike_in_umap() {
    let Some(pair) = pair() else { return };
    let (n, k, n_fitted) = (40, 504, 1000);
    let random = Random::new(7, 205);
    let neighbors: Vec<u32> = (0..n * k).map(|at| random.bits(at as u64) % n_fitted).collect();
    let mut distances = uniform(206, n * k, 0.5, 1.5);
    distances.chunks_exact_mut(k).for_each(|row| row.sort_by(f32::total_cmp));
    // Pulls alone, since pushes by near points blow rounding up.
    let forces = Forces {
        n_components: 2,
        a: 1.577,
        b: 0.895,
        repulsion_strength: 0.0,
        negative_sample_rate: 5.0,
    };
    pair.compare("settle", SETTLED, |device| {
        let new_points = NewPoints {
            fitted: &Buffer::from_slice(
                device,
                "fitted",
                &uniform(207, 2 * n_fitted as usize, 0.0, 9.0),
            )?,
            neighbors: &Buffer::from_slice(device, "neighbours", &neighbors)?,
            distances: &Buffer::from_slice(device, "distances", &distances)?,
            shape: (n, k),
            target_sum: (k as f32).log2(),
        };
        let mut settled = Buffer::from_slice(device, "settled", &uniform(208, 2 * n, 20.0, 30.0))?;
        fuzzy_layout::settle(
            device,
            &new_points,
            forces,
            Settling { step: 0.02, seed: 3, n_epochs: 150 },
            &mut settled,
        )?;
        settled.read(device).map(floats)
    });
}

/// Points that all have point 0 as their one inlier.
fn layout(device: &Device, c: usize) -> Result<Layout> {
    let sources: Vec<u32> = hub().collect();
    let row_starts: Vec<u32> =
        std::iter::once(0).chain(std::iter::repeat_n(HUB as u32, N)).collect();
    let empty = |what| Buffer::from_slice(device, what, &[0.0_f32]);
    let group = Group {
        first_inlier: 0,
        n_inliers: 1,
        n_outliers: 1,
        n_random: 0,
        shifts: Buffer::from_slice(device, "shifts", &[1])?,
        weights: empty("weights")?,
        forces: empty("forces")?,
    };
    Ok(Layout {
        groups: vec![group],
        inliers: Buffer::from_slice(device, "inliers", &vec![0; N])?,
        row_starts: Buffer::from_slice(device, "starts", &row_starts)?,
        references: Buffer::from_slice(device, "references", &sources)?,
        sources: Buffer::from_slice(device, "sources", &sources)?,
        most_references: HUB,
        attractions: Buffer::from_slice(device, "attractions", &uniform(209, N, 0.1, 1.0))?,
        gradients: Buffer::from_slice(device, "gradients", &uniform(210, c * N, 1.0, 2.0))?,
        n: N,
        n_components: c,
    })
}

#[test]
fn everybodys_inlier_is_pulled_by_all_in_trimap() {
    let Some(pair) = pair() else { return };
    for c in [2, 3] {
        // Axis after axis.
        let mut at = uniform(211, c * N, 0.0, 2.0);
        at.iter_mut().step_by(N).for_each(|place| *place = -1.0);
        let step = TrimapStep { learning_rate: 0.1, momentum: 0.5, next_momentum: 0.9 };
        pair.compare(&format!("descend in {c} dimensions"), SUMS, |device| {
            let layout = layout(device, c)?;
            let places = Buffer::from_slice(device, "places", &at)?;
            let mut states =
                Buffer::from_slice(device, "states", &uniform(212, 3 * c * N, 0.5, 1.0))?;
            let mut ahead = Buffer::new(device, "ahead", c * N)?;
            triplet_layout::descend(device, &layout, &places, &mut states, &mut ahead, step)?;
            Ok([floats(states.read(device)?), floats(ahead.read(device)?)].concat())
        });
    }
}

#[test]
fn as_many_triplets_as_trimap_takes_are_weighed_and_followed() {
    let Some(pair) = pair() else { return };
    let n = 130;
    let m = 100;
    let mo = 50;
    let nr = 50;
    let random = Random::new(7, 213);
    let ids = |stream: u64, len: usize| -> Vec<u32> {
        (0..len as u64).map(|item| random.bits((stream << 32) + item) % n as u32).collect()
    };
    let inliers = ids(1, m * n);
    let shifts = ids(2, m * mo + 2 * nr);
    let squares = uniform(214, m * n, 0.0, 4.0);
    let scales = uniform(215, n, 0.5, 2.0);
    let distances = uniform(216, shifts.len() * n, 0.0, 30.0);
    pair.compare("weigh", Tolerance { each: 1e-5, largest: 1e-5 }, |device| {
        let mut group = Group {
            first_inlier: 0,
            n_inliers: m,
            n_outliers: mo,
            n_random: nr,
            shifts: Buffer::from_slice(device, "shifts", &shifts)?,
            weights: Buffer::new(device, "weights", (m * mo + nr) * n)?,
            forces: Buffer::from_slice(device, "squares", &distances)?,
        };
        let inliers = Buffer::from_slice(device, "inliers", &inliers)?;
        let squares = Buffer::from_slice(device, "squares of inliers", &squares)?;
        let scales = Buffer::from_slice(device, "scales", &scales)?;
        triplet_weights::weigh(device, &mut group, &inliers, &squares, &scales, 0.5)?;
        group.weights.read(device).map(floats)
    });
    let triplets = NewTriplets {
        n_inliers: m,
        n_outliers: mo,
        inliers: ids(3, m * n),
        outliers: ids(4, m * mo * n),
        weights: uniform(217, m * mo * n, 0.0, 0.01),
    };
    pair.compare("settle", SETTLED, |device| {
        let fitted = Buffer::from_slice(device, "map", &uniform(218, 2 * n, 0.0, 9.0))?;
        let mut places = Buffer::from_slice(device, "places", &uniform(219, 2 * n, 20.0, 30.0))?;
        triplet_placement::settle(device, &triplets, &fitted, &mut places, 2, (0.1, 20))?;
        places.read(device).map(floats)
    });
}

#[test]
fn rows_of_very_many_features_keep_their_distances() {
    let Some(pair) = pair() else { return };
    let (n, d) = (5, 150_007);
    let rows = uniform(220, n * d, 0.0, 1.0);
    let axes = uniform(221, d, 0.0, 1.0);
    pair.compare("distances and lengths", Tolerance { each: 1e-4, largest: 0.0 }, |device| {
        let rows = Buffer::from_slice(device, "rows", &rows)?;
        let block = Block { query_first: 0, n_queries: 2, n_references: 3, n_features: d };
        let mut differences = Buffer::new(device, "tile", 6)?;
        let others = Buffer::from_slice(device, "others", &rows.read(device)?[2 * d..])?;
        difference_distances(device, &rows, &others, &mut differences, block)?;
        let mean = Buffer::from_slice(device, "mean", &vec![0.4; d])?;
        let centred = Centred::new(device, &rows, &mean, 0, n)?;
        let mut tile = DistanceTile::new(device, n, n, true)?;
        pairwise::squared_distances(device, &centred, &centred, &mut tile, (0, n), (0, n))?;
        // Of different rows: from a row to itself nothing is left but the error.
        let (products, mirrored) = (tile.distances().read(device)?, tile.mirrored().read(device)?);
        let stride = DistanceTile::stride(n);
        assert!(
            (0..n * n)
                .all(|at| products[at / n * stride + at % n] == mirrored[at % n * stride + at / n])
        );
        let products: Vec<f32> = (0..n)
            .flat_map(|row| {
                [products[row * stride + (row + 1) % n], products[row * stride + (row + 3) % n]]
            })
            .collect();
        // Each of the five rows has two of the others as candidates.
        let lists: Vec<u32> =
            (0..n as u32).flat_map(|row| [0, (row + 1) % 5, 0, (row + 3) % 5]).collect();
        let lists = Buffer::from_slice(device, "lists", &lists)?;
        let mut refined = Buffer::new(device, "refined", 2 * n)?;
        let span = Span { query_first: 0, n_queries: n, reference_first: 0, n_references: n };
        knn::refine(device, (&rows, 0), &rows, &lists, &mut refined, (2, d), span)?;
        let axes = Buffer::from_slice(device, "axes", &axes)?;
        let mut projected = Buffer::new(device, "projected", n)?;
        project(device, &rows, &mean, &axes, &mut projected, (n, d, 1))?;
        let norms = centred.norms().read(device)?[..n].to_vec();
        let tiles = [floats(norms), floats(differences.read(device)?), floats(products)];
        Ok([tiles.concat(), floats(refined.read(device)?), floats(projected.read(device)?)]
            .concat())
    });
    // TriMAP's distances of outliers, where little of the variance lies along few axes.
    let x = Matrix::new(rows, n, d).expect("finite");
    let triplets = Triplets::new(
        &Trimap::default(),
        &nearest_neighbors(&cpu(), &x, 4, &Silent).expect("neighbours"),
    );
    pair.compare("weights of triplets", Tolerance { each: 1e-3, largest: 0.0 }, |device| {
        let inliers = Buffer::from_slice(device, "inliers", &triplets.inliers)?;
        let groups = triplet_weights::weighed(device, &triplets, &inliers, &x, 0.5)?;
        groups
            .iter()
            .map(|group| group.weights.read(device).map(floats))
            .collect::<Result<Vec<_>>>()
            .map(|parts| parts.concat())
    });
}

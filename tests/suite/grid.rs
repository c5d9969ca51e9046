//! Forces of the grid against exact ones in double precision, on real maps from the first iteration
//! to the last.

use crate::support::{LIMITS, cpu, devices, uniform};
use layerlens::compute::{Buffer, Device};
use layerlens::dataset::Dataset;
use layerlens::embedding::tsne::grid::Accuracy;
use layerlens::embedding::tsne::optimiser::Outline;
use layerlens::embedding::tsne::repulsion::Repulsor;
use layerlens::embedding::{Pca, Space, Tsne};
use layerlens::matrix::Matrix;
use layerlens::neighbors::nearest_neighbors;
use layerlens::progress::Silent;

/// 3,000 images, and their t-SNE maps after so many iterations: at the start, unfolding, at the end
/// of the early exaggeration, and done.
fn maps() -> Vec<(usize, Matrix)> {
    let data = Dataset::load("fashion-mnist-sample", None).expect("the embedded sample");
    let x = data.train.images.features().select(&(0..3000).collect::<Vec<_>>());
    let device = Device::cpu();
    let neighbors = nearest_neighbors(&device, &x, 90, &Silent).expect("neighbours");
    let pca = Pca::default().fit(&device, &x).expect("axes");
    let space = Space { neighbors: Some(&neighbors), pca: Some(pca.embedding()), ..Space::new(&x) };
    [1, 30, 250, 750]
        .map(|max_iter| {
            let tsne = Tsne { max_iter, ..Tsne::default() };
            (max_iter, tsne.fit_space(&device, &space, &Silent).expect("a map").embedding().clone())
        })
        .to_vec()
}

/// Exact forces and the normaliser.
fn exact(map: &Matrix) -> (Vec<f64>, f64) {
    let mut forces = Vec::new();
    let mut total = 0.0;
    for a in map.rows() {
        let mut force = [0.0, 0.0];
        for b in map.rows() {
            let (dx, dy) = (f64::from(a[0]) - f64::from(b[0]), f64::from(a[1]) - f64::from(b[1]));
            let q = 1.0 / (1.0 + dx * dx + dy * dy);
            total += q;
            force[0] += q * q * dx;
            force[1] += q * q * dy;
        }
        forces.extend(force);
    }
    (forces, total - map.n_samples() as f64)
}

fn on_grid(device: &Device, map: &Matrix, accuracy: Accuracy) -> (Vec<f32>, f64) {
    let y = Buffer::from_slice(device, "map", map.as_slice()).expect("room");
    let outline = Outline::new(device, &y, (map.n_samples(), 2)).expect("an outline");
    let mut forces = Buffer::new(device, "forces", y.len()).expect("room");
    let mut grid = Repulsor::grid(map.n_samples(), accuracy);
    // So often that the GPU's grid has followed; the CPU's does at once.
    let times = if matches!(device, Device::Cpu(_)) { 2 } else { 12 };
    for _ in 0..times {
        grid.compute(device, &y, &outline, &mut forces).expect("forces");
    }
    let total = grid.q_total(device).expect("a total");
    (forces.read(device).expect("forces"), f64::from(total.read(device).expect("a total")[0]))
}

#[test]
fn the_forces_of_the_grid_are_nearly_exact_throughout() {
    let maps = maps();
    let devices = devices(&LIMITS[..1]);
    for (iterations, map) in &maps {
        let exact = exact(map);
        for device in &devices {
            for (accuracy, allowed) in [(Accuracy::Fast, 0.03), (Accuracy::Accurate, 0.004)] {
                let (error, total_error) = errors(on_grid(device, map, accuracy), &exact);
                let what = format!("{accuracy:?} after {iterations} iterations on {device:?}");
                assert!(
                    error <= allowed,
                    "{what}: forces off by {error:.5} of their root mean square"
                );
                assert!(total_error <= 5e-4, "{what}: normaliser off by {total_error:e}");
            }
        }
    }
}

/// Points spread evenly over a square of that side, two of them in opposite corners.
fn square(side: f32) -> Matrix {
    let mut places = uniform(260, 2 * 600, -0.5 * side, 0.5 * side);
    places[..4].copy_from_slice(&[-0.5 * side, -0.5 * side, 0.5 * side, 0.5 * side]);
    Matrix::new(places, 600, 2).expect("finite")
}

/// Shares of the root mean square force, and of the normaliser, that forces on a grid are off by.
fn errors((forces, q_total): (Vec<f32>, f64), (expected, total): &(Vec<f64>, f64)) -> (f64, f64) {
    let norm = expected.iter().map(|force| force * force).sum::<f64>().sqrt();
    let off: f64 = forces.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum();
    (off.sqrt() / norm, (q_total / total - 1.0).abs())
}

/// Just below and just above the sizes at which the GPU takes another spacing, and far between
/// them.
#[test]
fn the_forces_of_the_grid_are_nearly_exact_at_every_size_of_the_map() {
    for device in devices(&LIMITS[..1]) {
        for side in [1e-5, 0.01, 0.43, 0.45, 3.4, 3.6, 6.9, 7.1, 13.9, 14.2, 28.0, 44.0, 57.0] {
            let map = square(side);
            let exact = exact(&square(side));
            for (accuracy, allowed) in [(Accuracy::Fast, 0.03), (Accuracy::Accurate, 0.004)] {
                let (error, total_error) = errors(on_grid(&device, &map, accuracy), &exact);
                assert!(
                    error <= allowed,
                    "{accuracy:?} over {side} on {device:?}: forces off by {error:.5}"
                );
                assert!(
                    total_error <= 5e-4,
                    "{accuracy:?} over {side} on {device:?}: normaliser off by {total_error:e}"
                );
            }
        }
    }
}

/// A map that is given may be large from the first iteration on.
#[test]
fn the_first_forces_of_a_large_map_are_as_exact_as_later_ones() {
    for device in devices(&LIMITS[..1]) {
        let y = Buffer::from_slice(&device, "map", square(150.0).as_slice()).expect("room");
        let outline = Outline::new(&device, &y, (600, 2)).expect("an outline");
        let mut forces = Buffer::new(&device, "forces", 1200).expect("room");
        let mut grid = Repulsor::grid(600, Accuracy::Fast);
        grid.compute(&device, &y, &outline, &mut forces).expect("forces");
        let total = grid.q_total(&device).and_then(|total| total.read(&device)).expect("a total");
        let (error, total_error) = errors(
            (forces.read(&device).expect("forces"), f64::from(total[0])),
            &exact(&square(150.0)),
        );
        assert!(
            error <= 0.03 && total_error <= 1e-3,
            "{device:?}: forces off by {error:.5}, normaliser by {total_error:e}"
        );
        for _ in 0..30 {
            grid.compute(&device, &y, &outline, &mut forces).expect("forces");
        }
        assert!(!grid.has_outgrown_its_grid(), "{device:?}");
    }
}

/// Between two looks of the host a map may outgrow the smallest grid.
#[test]
fn a_map_that_outgrows_its_grid_at_once_is_pushed_about_rightly() {
    for device in devices(&LIMITS[..1]) {
        let mut grid = Repulsor::grid(600, Accuracy::Fast);
        let mut forces = Buffer::new(&device, "forces", 1200).expect("room");
        for side in [1.0, 1.0, 1.0, 100.0] {
            let y = Buffer::from_slice(&device, "map", square(side).as_slice()).expect("room");
            let outline = Outline::new(&device, &y, (600, 2)).expect("an outline");
            grid.compute(&device, &y, &outline, &mut forces).expect("forces");
        }
        let total = grid.q_total(&device).and_then(|total| total.read(&device)).expect("a total");
        let (error, total_error) = errors(
            (forces.read(&device).expect("forces"), f64::from(total[0])),
            &exact(&square(100.0)),
        );
        assert!(
            error <= 0.3 && total_error <= 0.05,
            "{device:?}: forces off by {error:.5}, normaliser by {total_error:.5}"
        );
    }
}

#[test]
fn points_in_one_place_and_points_in_two_do_not_push_each_other_out_of_the_grid() {
    for device in devices(&LIMITS[..1]) {
        for values in [vec![2.5; 400], [vec![-1.0; 200], vec![7.0; 200]].concat()] {
            let map = Matrix::new(values, 200, 2).expect("finite");
            let (forces, total) = on_grid(&device, &map, Accuracy::Fast);
            let (expected, q_total) = exact(&map);
            assert!((total / q_total - 1.0).abs() < 1e-3, "{device:?}: {total}, exactly {q_total}");
            for (force, expected) in forces.iter().zip(&expected) {
                assert!(
                    (f64::from(*force) - expected).abs() < 0.02,
                    "{device:?}: {force}, exactly {expected}"
                );
            }
        }
    }
}

#[test]
fn maps_on_the_grid_are_as_good_as_exact_ones() {
    let data = Dataset::load("fashion-mnist-sample", None).expect("the embedded sample");
    let x = data.train.images.features().select(&(0..3000).collect::<Vec<_>>());
    let divergence = |tsne: &Tsne| {
        tsne.fit(&cpu(), &x).expect("a map").result("kl_divergence").expect("a divergence")
    };
    use layerlens::embedding::tsne::Repulsion;
    let exact = divergence(&Tsne { repulsion: Repulsion::Exact, ..Tsne::default() });
    for accuracy in [Accuracy::Fast, Accuracy::Accurate] {
        let found = divergence(&Tsne { repulsion: Repulsion::Grid, accuracy, ..Tsne::default() });
        // Runs end in different local optima, whose divergences differ by some parts in a thousand.
        assert!(found < 1.01 * exact, "{accuracy:?}: KL {found}, with exact forces {exact}");
    }
}

//! Maps turned onto each other: known motions are found again, and nothing turns better.

use layerlens::embedding::procrustes::Motion;
use layerlens::matrix::Matrix;

/// 50 points without symmetry.
fn cloud() -> Matrix {
    let values = (0..50)
        .flat_map(|i| [(i * i % 37) as f32 * 0.3, (i * 7 % 23) as f32 + (i % 5) as f32 * 2.0]);
    Matrix::new(values.collect(), 50, 2).unwrap()
}

/// Turned by `angle`, mirrored first if asked, and shifted.
fn moved(map: &Matrix, angle: f64, mirror: bool) -> Matrix {
    let (sin, cos) = angle.sin_cos();
    let values = map.rows().flat_map(|row| {
        let x = f64::from(row[0]);
        let y = f64::from(row[1]) * if mirror { -1.0 } else { 1.0 };
        [(cos * x - sin * y + 3.0) as f32, (sin * x + cos * y - 11.0) as f32]
    });
    Matrix::new(values.collect(), map.n_samples(), 2).unwrap()
}

fn distance(a: &Matrix, b: &Matrix) -> f64 {
    a.rows()
        .zip(b.rows())
        .flat_map(|(a, b)| a.iter().zip(b))
        .map(|(a, b)| f64::from(a - b).powi(2))
        .sum()
}

#[test]
fn every_motion_is_undone() {
    let map = cloud();
    for mirror in [false, true] {
        for step in 0..12 {
            let reference = moved(&map, f64::from(step) * 0.55, mirror);
            let motion = Motion::between(&map, &reference).unwrap();
            let found = motion.apply(&map).unwrap();
            // Single precision of places up to 30.
            assert!(
                distance(&found, &reference) < 1e-8,
                "{step} {mirror}: {}",
                distance(&found, &reference)
            );
            let determinant = motion.turn[0] * motion.turn[3] - motion.turn[1] * motion.turn[2];
            assert!((determinant - if mirror { -1.0 } else { 1.0 }).abs() < 1e-12);
        }
    }
}

#[test]
fn no_other_motion_comes_closer_and_the_scale_stays() {
    let map = cloud();
    let noisy = moved(&map, 1.0, true);
    let values =
        noisy.as_slice().iter().enumerate().map(|(i, value)| value * 2.0 + (i * 13 % 7) as f32);
    let reference = Matrix::new(values.collect(), 50, 2).unwrap();
    let motion = Motion::between(&map, &reference).unwrap();
    let best = distance(&motion.apply(&map).unwrap(), &reference);
    for step in 0..720 {
        let (sin, cos) = f64::from(step).to_radians().sin_cos();
        for turn in [[cos, -sin, sin, cos], [cos, sin, sin, -cos]] {
            let other = Motion { turn, ..motion };
            assert!(distance(&other.apply(&map).unwrap(), &reference) >= best * (1.0 - 1e-6));
        }
    }
    let span = |map: &Matrix| {
        f64::from(map.row(0)[0] - map.row(9)[0]).hypot(f64::from(map.row(0)[1] - map.row(9)[1]))
    };
    assert!((span(&motion.apply(&map).unwrap()) - span(&map)).abs() < 1e-4);
}

#[test]
fn shapes_that_do_not_fit_are_refused_and_equal_points_are_not_turned() {
    let map = cloud();
    let shorter = Matrix::new(vec![0.0; 20], 10, 2).unwrap();
    assert!(Motion::between(&map, &shorter).unwrap_err().to_string().contains("50 x 2"));
    let still = Matrix::new(vec![4.0; 100], 50, 2).unwrap();
    assert_eq!(Motion::between(&map, &still).unwrap().turn, [1.0, 0.0, 0.0, 1.0]);
}

#[test]
fn mirroring_keeps_the_axes_and_finds_their_signs() {
    let map = cloud();
    for (x, y) in [(1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)] {
        let values = map.rows().flat_map(|row| [x * row[0] + 4.0, y * row[1] - 2.0]);
        let reference = Matrix::new(values.collect(), 50, 2).unwrap();
        let motion = Motion::mirroring(&map, &reference).unwrap();
        assert_eq!(motion.turn, [f64::from(x), 0.0, 0.0, f64::from(y)]);
        assert!(distance(&motion.apply(&map).unwrap(), &reference) < 1e-8);
    }
    // Where a turn would come closer, the axes stay.
    let turn = Motion::mirroring(&map, &moved(&map, 0.7, false)).unwrap().turn;
    assert_eq!([turn[1], turn[2]], [0.0, 0.0]);
    let pca = layerlens::embedding::method("pca").unwrap();
    assert_eq!(pca.motion(&map, &moved(&map, 0.7, false)).unwrap().turn, turn);
    let tsne = layerlens::embedding::method("tsne").unwrap();
    assert!(tsne.motion(&map, &moved(&map, 0.7, false)).unwrap().turn[1] != 0.0);
}

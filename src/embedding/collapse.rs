//! What no map may be: points of different rows on one place, or all points on one line.
//!
//! An iterative method can end so when its forces vanish in the rounding of the places. Such a map looks like a finding, and is
//! none; so a few points that share a place are moved apart by less than can be seen, and more are refused.

use super::init::gaussian;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::random::Random;
use std::cmp::Ordering;

/// Stream of the random numbers of this room.
const STREAM: u64 = 0x6170_6172;

/// Largest share of points that are moved off the places of others.
const MOVED: f64 = 0.01;
/// By how much, in root mean square deviations of the map: a tenth of a pixel of a figure of 1,000.
const DISTANCE: f64 = 1e-4;
/// A map whose second axis has less than this share of the first one's deviation is a line: a tenth of a pixel again.
const LINE: f64 = 1e-4;
/// Rows this close to a line, as a share of its length, may be mapped to one.
const STRAIGHT: f64 = 1e-3;
/// Fewer points than this can lie on a line without any fault of the method: two pairs, for example.
const FEWEST: usize = 10;

/// The map `places`, n x 2 or n x 3, of the points `x`, n x d, if it shows something: up to 1 % of the points may lie on the place
/// of another whose row differs, and are moved off it.
///
/// # Errors
/// [`Error::Data`] if more do, or if ten points or more lie on a line though their rows do not.
pub(super) fn refused_or_apart(method: &str, x: &Matrix, places: Matrix, seed: u64) -> Result<Matrix> {
    let shared = on_places_of_others(x, &places);
    let n = places.n_samples();
    if shared.len() as f64 > MOVED * n as f64 {
        let count = shared.len();
        return Err(Error::Data(format!(
            "{method} put {count} of {n} points on the places of others, from which they differ; {}",
            advice(method)
        )));
    }
    let places = moved(places, &shared, &Random::new(seed, STREAM))?;
    let [first, second] = deviations(&places);
    if n >= FEWEST && second < LINE * first && !is_line(x) {
        return Err(Error::Data(format!("{method} put all {n} points on one line; {}", advice(method))));
    }
    Ok(places)
}

fn advice(method: &str) -> &'static str {
    match method {
        "t-SNE" => "try a smaller --exaggeration or more iterations",
        "UMAP" => "try a larger --repulsion-strength, more --n-neighbors or --init random",
        _ => "try more --n-inliers or --init random",
    }
}

/// Rows that lie on the place of an earlier row that is not equal to them, ascending.
fn on_places_of_others(x: &Matrix, places: &Matrix) -> Vec<usize> {
    let mut order: Vec<usize> = (0..places.n_samples()).collect();
    let by_place = |&a: &usize, &b: &usize| compare(places.row(a), places.row(b)).then(a.cmp(&b));
    order.sort_unstable_by(by_place);
    let mut shared = Vec::new();
    for group in order.chunk_by(|&a, &b| places.row(a) == places.row(b)) {
        // One of each kind of row may stay; as a rule there is one kind.
        let (first, others) = (group[0], &group[1..]);
        shared.extend(others.iter().copied().filter(|&other| x.row(other) != x.row(first)));
    }
    shared.sort_unstable();
    shared
}

fn compare(a: &[f32], b: &[f32]) -> Ordering {
    // Equal values of either sign are one place.
    a.iter()
        .zip(b)
        .map(|(a, b)| a.partial_cmp(b).unwrap_or(Ordering::Equal))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn moved(places: Matrix, rows: &[usize], random: &Random) -> Result<Matrix> {
    if rows.is_empty() {
        return Ok(places);
    }
    let (n, c) = (places.n_samples(), places.n_features());
    let distance = DISTANCE * deviations(&places)[0];
    let mut values = places.into_vec();
    for &row in rows {
        for (axis, value) in values[row * c..(row + 1) * c].iter_mut().enumerate() {
            *value += gaussian(random, (row * c + axis) as u64) * distance as f32;
        }
    }
    Matrix::new(values, n, c)
}

/// Largest and second largest standard deviation along the principal axes of a map.
fn deviations(places: &Matrix) -> [f64; 2] {
    let (n, c) = (places.n_samples() as f64, places.n_features());
    let mean: Vec<f64> = (0..c).map(|axis| places.rows().map(|row| f64::from(row[axis])).sum::<f64>() / n).collect();
    let mut covariance = faer::Mat::<f64>::zeros(c, c);
    for row in places.rows() {
        for i in 0..c {
            for j in 0..c {
                covariance[(i, j)] += (f64::from(row[i]) - mean[i]) * (f64::from(row[j]) - mean[j]) / n;
            }
        }
    }
    let values = covariance.self_adjoint_eigenvalues(faer::Side::Lower).unwrap_or_default();
    let deviation = |back: usize| values.len().checked_sub(back).map_or(0.0, |at| values[at].max(0.0).sqrt());
    [deviation(1), deviation(2)]
}

/// Whether all rows lie on the line through the first and the one furthest from it, but for a [`STRAIGHT`] share of its length.
fn is_line(x: &Matrix) -> bool {
    let first = x.row(0);
    let differences = |row: &[f32]| row.iter().zip(first).map(|(a, b)| f64::from(*a) - f64::from(*b)).collect::<Vec<f64>>();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let squared = |row: &[f32]| dot(&differences(row), &differences(row));
    let Some(end) = x.rows().max_by(|a, b| squared(a).total_cmp(&squared(b))) else { return true };
    let (along, length) = (differences(end), squared(end));
    // By Pythagoras: the square of the distance from the line, times the squared length.
    let off = |row: &[f32]| squared(row) * length - dot(&differences(row), &along).powi(2);
    x.rows().all(|row| off(row) <= (STRAIGHT * length).powi(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(n: usize) -> Matrix {
        Matrix::new((0..2 * n).map(|at| (at * at % 31) as f32 + at as f32 * 0.01).collect(), n, 2).unwrap()
    }

    #[test]
    fn a_map_that_shows_something_stays_as_it_is() {
        let x = points(200);
        assert_eq!(refused_or_apart("t-SNE", &x, x.clone(), 1).unwrap(), x);
    }

    #[test]
    fn a_few_points_on_places_of_others_are_moved_by_less_than_can_be_seen() {
        let x = points(200);
        let mut places = x.as_slice().to_vec();
        places.copy_within(0..2, 2 * 17);
        let places = Matrix::new(places, 200, 2).unwrap();
        let apart = refused_or_apart("t-SNE", &x, places.clone(), 1).unwrap();
        let changed: Vec<usize> = (0..200).filter(|&row| apart.row(row) != places.row(row)).collect();
        assert_eq!(changed, [17]);
        assert!((apart.row(17)[0] - x.row(0)[0]).abs() < 0.05);
    }

    #[test]
    fn equal_rows_may_share_a_place() {
        let x = Matrix::new([[1.0, 2.0], [3.0, 5.0], [8.0, 1.0]].repeat(40).concat(), 120, 2).unwrap();
        assert_eq!(refused_or_apart("UMAP", &x, x.clone(), 1).unwrap(), x);
        let two = Matrix::new([[1.0, 2.0], [3.0, 5.0]].repeat(40).concat(), 80, 2).unwrap();
        assert_eq!(refused_or_apart("UMAP", &two, two.clone(), 1).unwrap(), two, "two kinds of rows lie on a line");
        let line = Matrix::new((0..90).map(|at| (at / 3) as f32 * (1 + at % 3) as f32).collect(), 30, 3).unwrap();
        let flat = Matrix::new((0..60).map(|at| (at / 2) as f32 * (at % 2) as f32).collect(), 30, 2).unwrap();
        assert_eq!(refused_or_apart("UMAP", &line, flat.clone(), 1).unwrap(), flat, "so do these rows themselves");
    }

    #[test]
    fn one_place_and_one_line_are_refused() {
        let x = points(200);
        let one = Matrix::new(vec![3.0; 400], 200, 2).unwrap();
        let error = refused_or_apart("t-SNE", &x, one, 1).unwrap_err().to_string();
        assert!(error.starts_with("t-SNE put 199 of 200 points on the places of others"), "{error}");
        let line = Matrix::new((0..200).flat_map(|i| [i as f32, 2.0 * i as f32]).collect(), 200, 2).unwrap();
        let error = refused_or_apart("UMAP", &x, line, 1).unwrap_err().to_string();
        assert!(error.starts_with("UMAP put all 200 points on one line"), "{error}");
    }
}

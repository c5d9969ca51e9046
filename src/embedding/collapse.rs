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

/// The map `places`, n x 2 or n x 3, of the points `x`, n x d, if it shows something: up to 1 % of the points may lie on the place
/// of another whose row differs, and are moved off it.
///
/// # Errors
/// [`Error::Data`] if more do, or if all points lie on a line though there are three different rows or more.
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
    if second < LINE * first && has_three_rows(x) {
        return Err(Error::Data(format!("{method} put all {n} points on one line; {}", advice(method))));
    }
    Ok(places)
}

fn advice(method: &str) -> String {
    match method {
        "t-SNE" => "try a smaller --exaggeration, or more iterations after --early-exaggeration-iter".into(),
        _ => "try --init random or more --n-neighbors".into(),
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
        for at in row * c..(row + 1) * c {
            values[at] += gaussian(random, at as u64) * distance as f32;
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

/// Whether three rows or more differ.
fn has_three_rows(x: &Matrix) -> bool {
    let first = x.row(0);
    let Some(second) = x.rows().find(|row| *row != first) else { return false };
    x.rows().any(|row| row != first && row != second)
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

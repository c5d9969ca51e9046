//! Check for collapsed embeddings: different rows at the same coordinates, or all points on one
//! line.
//!
//! An iterative method can collapse if its forces vanish in the rounding of the coordinates. Such
//! an embedding looks like a finding but shows nothing. A few points that share coordinates are
//! moved apart by less than can be seen; if there are more, the embedding is refused.

use super::init::gaussian;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::middle::{FAR, Middle};
use crate::random::Random;
use std::cmp::Ordering;

/// Stream of the random numbers of this file.
const STREAM: u64 = 0x6170_6172;

/// Largest share of points that may be moved apart from others.
const MOVED: f64 = 0.01;
/// Distance by which they are moved, in root mean square deviations of the embedding: a tenth of a
/// pixel in a figure of 1,000 pixels.
const DISTANCE: f64 = 1e-4;
/// An embedding counts as a line if the deviation of its second axis is less than this share of the
/// first one's: again a tenth of a pixel.
const LINE: f64 = 1e-4;
/// Rows this close to a line, as a share of its length, may be embedded on a line.
const STRAIGHT: f64 = 1e-3;
/// Fewer points than this can lie on a line without a fault of the method, for example two pairs.
const FEWEST: usize = 10;

/// A method, and advice for its user if an embedding collapses.
pub(super) struct MethodAdvice {
    pub(super) method: &'static str,
    pub(super) advice: &'static str,
}

/// The `embedding`, n x 2 or n x 3, of the points `x`, n x d, if it has not collapsed. Up to 1 % of
/// the points may have the same coordinates as a point with a different row and are moved apart
/// from it. Equal rows stay together.
///
/// # Errors
/// [`Error::Data`] if more points do, or if ten points or more lie on a line although their rows do
/// not.
pub(super) fn resolved(
    advice: &MethodAdvice,
    x: &Matrix,
    embedding: Matrix,
    seed: u64,
) -> Result<Matrix> {
    let MethodAdvice { method, advice } = advice;
    let shared = overlapping_rows(x, &embedding);
    let n = embedding.n_samples();
    let count = shared.iter().map(Vec::len).sum::<usize>();
    if count as f64 > MOVED * n as f64 {
        let message = format!(
            "{method} gave {count} of {n} points the coordinates of others that differ from them; \
             {advice}"
        );
        return Err(Error::Data(message));
    }
    let embedding = moved(embedding, &shared, &Random::new(seed, STREAM))?;
    let deviations = deviations(embedding.as_slice(), embedding.n_features());
    if n >= FEWEST && deviations[1] < LINE * deviations[0] && !is_line(x) {
        return Err(Error::Data(format!("{method} put all {n} points on one line; {advice}")));
    }
    Ok(embedding)
}

/// Rows with the same coordinates as an earlier row that differs from them, in groups of equal
/// rows, ascending.
fn overlapping_rows(x: &Matrix, embedding: &Matrix) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..embedding.n_samples()).collect();
    let by_coordinates =
        |&a: &usize, &b: &usize| compare(embedding.row(a), embedding.row(b)).then(a.cmp(&b));
    order.sort_unstable_by(by_coordinates);
    let mut shared = Vec::new();
    for group in order.chunk_by(|&a, &b| embedding.row(a) == embedding.row(b)) {
        if group[1..].iter().all(|&other| x.row(other) == x.row(group[0])) {
            continue;
        }
        let mut by_row = group.to_vec();
        by_row.sort_unstable_by(|&a, &b| compare(x.row(a), x.row(b)).then(a.cmp(&b)));
        // The group of the earliest row may stay.
        let kinds = by_row.chunk_by(|&a, &b| x.row(a) == x.row(b));
        shared.extend(kinds.filter(|kind| kind[0] != group[0]).map(<[usize]>::to_vec));
    }
    shared.sort_unstable();
    shared
}

fn compare(a: &[f32], b: &[f32]) -> Ordering {
    // Zeros of either sign are equal coordinates.
    a.iter()
        .zip(b)
        .map(|(a, b)| a.partial_cmp(b).unwrap_or(Ordering::Equal))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Moves the rows of each group by one random step.
fn moved(embedding: Matrix, groups: &[Vec<usize>], random: &Random) -> Result<Matrix> {
    if groups.is_empty() {
        return Ok(embedding);
    }
    let (n, c) = (embedding.n_samples(), embedding.n_features());
    let distance = DISTANCE * deviations(embedding.as_slice(), c)[0];
    let mut values = embedding.into_vec();
    for group in groups {
        for (axis, item) in (0..c).zip(c * group[0]..) {
            let step = gaussian(random, item as u64) * distance as f32;
            group.iter().for_each(|&row| values[row * c + axis] += step);
        }
    }
    Matrix::new(values, n, c)
}

/// Standard deviations along the `c` principal axes of an embedding, n x c, the largest first.
pub(super) fn deviations(embedding: &[f32], c: usize) -> Vec<f64> {
    let n = (embedding.len() / c) as f64;
    let rows = || embedding.chunks_exact(c);
    let mean: Vec<f64> =
        (0..c).map(|axis| rows().map(|row| f64::from(row[axis])).sum::<f64>() / n).collect();
    let mut covariance = faer::Mat::<f64>::zeros(c, c);
    for row in rows() {
        for i in 0..c {
            for j in 0..c {
                covariance[(i, j)] +=
                    (f64::from(row[i]) - mean[i]) * (f64::from(row[j]) - mean[j]) / n;
            }
        }
    }
    let values =
        covariance.self_adjoint_eigenvalues(faer::Side::Lower).unwrap_or_else(|_| vec![0.0; c]);
    values.iter().rev().map(|value| value.max(0.0).sqrt()).collect()
}

/// `true` if all rows without outliers lie on one line, within a [`STRAIGHT`] share of its length.
fn is_line(x: &Matrix) -> bool {
    match Middle::of(x, FAR).near {
        Some(near) => are_on_line(&x.select(&near)),
        None => are_on_line(x),
    }
}

/// `true` if all rows lie on the line through the first row and the row furthest from it.
fn are_on_line(x: &Matrix) -> bool {
    let first = x.row(0);
    let differences = |row: &[f32]| {
        row.iter().zip(first).map(|(a, b)| f64::from(*a) - f64::from(*b)).collect::<Vec<f64>>()
    };
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

    const ADVICE: MethodAdvice = MethodAdvice { method: "UMAP", advice: "try more" };

    fn points(n: usize) -> Matrix {
        Matrix::new((0..2 * n).map(|at| (at * at % 31) as f32 + at as f32 * 0.01).collect(), n, 2)
            .unwrap()
    }

    #[test]
    fn a_map_that_shows_something_stays_as_it_is() {
        let x = points(200);
        assert_eq!(resolved(&ADVICE, &x, x.clone(), 1).unwrap(), x);
    }

    #[test]
    fn a_few_points_on_places_of_others_are_moved_by_less_than_can_be_seen() {
        let x = points(200);
        let mut embedding = x.as_slice().to_vec();
        embedding.copy_within(0..2, 2 * 17);
        let embedding = Matrix::new(embedding, 200, 2).unwrap();
        let apart = resolved(&ADVICE, &x, embedding.clone(), 1).unwrap();
        let changed: Vec<usize> =
            (0..200).filter(|&row| apart.row(row) != embedding.row(row)).collect();
        assert_eq!(changed, [17]);
        assert!((apart.row(17)[0] - x.row(0)[0]).abs() < 0.05);
    }

    #[test]
    fn equal_rows_may_share_a_place() {
        let x =
            Matrix::new([[1.0, 2.0], [3.0, 5.0], [8.0, 1.0]].repeat(40).concat(), 120, 2).unwrap();
        assert_eq!(resolved(&ADVICE, &x, x.clone(), 1).unwrap(), x);
        let two = Matrix::new([[1.0, 2.0], [3.0, 5.0]].repeat(40).concat(), 80, 2).unwrap();
        assert_eq!(
            resolved(&ADVICE, &two, two.clone(), 1).unwrap(),
            two,
            "two kinds of rows lie on a line"
        );
        let line =
            Matrix::new((0..90).map(|at| (at / 3) as f32 * (1 + at % 3) as f32).collect(), 30, 3)
                .unwrap();
        let flat =
            Matrix::new((0..60).map(|at| (at / 2) as f32 * (at % 2) as f32).collect(), 30, 2)
                .unwrap();
        assert_eq!(
            resolved(&ADVICE, &line, flat.clone(), 1).unwrap(),
            flat,
            "so do these rows themselves"
        );
    }

    #[test]
    fn equal_rows_on_the_place_of_another_stay_together() {
        let mut rows = points(200).into_vec();
        let mut embedding = rows.clone();
        for row in [5, 9] {
            rows.copy_within(2 * 30..2 * 31, 2 * row);
        }
        for row in [5, 9, 30] {
            embedding.copy_within(0..2, 2 * row);
        }
        let [x, embedding] = [rows, embedding].map(|values| Matrix::new(values, 200, 2).unwrap());
        let apart = resolved(&ADVICE, &x, embedding.clone(), 1).unwrap_err().to_string();
        assert!(apart.contains("gave 3 of 200 points"), "{apart}");
        let apart =
            moved(embedding.clone(), &overlapping_rows(&x, &embedding), &Random::new(1, STREAM))
                .unwrap();
        assert_ne!(apart.row(5), apart.row(0));
        assert_eq!(
            [apart.row(9), apart.row(30), apart.row(0)],
            [apart.row(5), apart.row(5), embedding.row(0)]
        );
    }

    #[test]
    fn a_far_row_makes_no_line_of_the_others() {
        let mut rows = points(200).into_vec();
        rows[7] = -1e9;
        let x = Matrix::new(rows, 200, 2).unwrap();
        let line = Matrix::new((0..200).flat_map(|i| [i as f32, 2.0 * i as f32]).collect(), 200, 2)
            .unwrap();
        assert!(resolved(&ADVICE, &x, line, 1).is_err());
    }

    #[test]
    fn one_place_and_one_line_are_refused() {
        let x = points(200);
        let one = Matrix::new(vec![3.0; 400], 200, 2).unwrap();
        let error = resolved(&ADVICE, &x, one, 1).unwrap_err().to_string();
        assert!(
            error.starts_with("UMAP gave 199 of 200 points the coordinates of others"),
            "{error}"
        );
        let line = Matrix::new((0..200).flat_map(|i| [i as f32, 2.0 * i as f32]).collect(), 200, 2)
            .unwrap();
        let error = resolved(&ADVICE, &x, line, 1).unwrap_err().to_string();
        assert!(error.starts_with("UMAP put all 200 points on one line"), "{error}");
    }
}

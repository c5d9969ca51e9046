//! Checks and warnings from the history of the divergence.

use super::affinity::Affinities;
use crate::error::{Error, Result};
use rayon::prelude::*;

/// Share, of a divergence and at least of 1, by which it has to exceed another before it counts as
/// higher: several times the rounding of sums of p log p in f32, and less than is visible in an
/// embedding.
const HIGHER: f64 = 0.02;
/// An embedding shows something if its divergence is below this share of that of a single point.
const SHOWS: f64 = 0.98;

/// Number of affinities of one parallel task.
const PART: usize = 1 << 14;

/// Refuses a divergence higher than that of all points at one position: the descent has diverged.
///
/// # Errors
/// [`Error::Data`].
pub(super) fn check(kl_divergence: f64, single_point_divergence: f64) -> Result<()> {
    if is_higher(kl_divergence, single_point_divergence) || kl_divergence.is_nan() {
        return Err(Error::Data(format!(
            "t-SNE diverged: KL {kl_divergence:.3} is worse than the {single_point_divergence:.3} of a map with all points at one position; \
             try a smaller `Tsne::learning_rate`"
        )));
    }
    Ok(())
}

/// Warnings for readers of the embedding, from its `course`, (iterations, divergence), of which the
/// first `early` iterations have early exaggeration, and from the divergence
/// `single_point_divergence` of all points at one position.
pub(super) fn warnings(
    course: &[(usize, f64)],
    single_point_divergence: f64,
    early: usize,
    outgrown: bool,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(&(_, last)) = course.last()
        && last > SHOWS * single_point_divergence
    {
        warnings.push(format!(
            "t-SNE's map shows hardly more than a single position for all points would: KL {last:.3} beside {single_point_divergence:.3}; try a smaller \
             `Tsne::exaggeration`"
        ));
    }
    let lowest = course.iter().filter(|&&(at, _)| at > early).min_by(|a, b| a.1.total_cmp(&b.1));
    if let (Some(&(at, lowest)), Some(&(_, last))) = (lowest, course.last())
        && is_higher(last, lowest)
    {
        warnings.push(format!(
            "t-SNE's divergence rose from {lowest:.3} after {at} iterations to {last:.3}: try a \
             smaller `Tsne::learning_rate`"
        ));
    }
    if outgrown {
        let cause = "t-SNE's map grew faster than the grid of its forces";
        warnings.push(format!(
            "{cause}: some were those of the grid's border; compare with `Tsne::repulsion` exact"
        ));
    }
    warnings
}

fn is_higher(divergence: f64, than: f64) -> bool {
    divergence > than + HIGHER * than.max(1.0)
}

/// KL(P
/// Q) of all points at one position, where all q are equal: sum p log p + log n (n - 1).
pub(super) fn single_point_divergence(affinities: &Affinities) -> f64 {
    let n = affinities.n_samples() as f64;
    let entropy = |values: &[f32]| -> f64 {
        values
            .iter()
            .map(|&value| f64::from(value) / n)
            .filter(|&p| p > 0.0)
            .map(|p| p * p.ln())
            .sum()
    };
    // Parts of a fixed length, summed in order: the same sum for any number of threads.
    let parts: Vec<f64> = affinities.values.par_chunks(PART).map(entropy).collect();
    parts.iter().sum::<f64>() + (n * (n - 1.0)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three points, each equally likely the neighbour of both others.
    fn even() -> Affinities {
        Affinities {
            row_starts: vec![0, 2, 4, 6],
            columns: vec![1, 2, 0, 2, 0, 1],
            values: vec![0.5; 6],
        }
    }

    #[test]
    fn one_place_is_the_best_map_of_points_that_are_equally_far_apart() {
        let single_point_divergence = single_point_divergence(&even());
        assert!(single_point_divergence.abs() < 1e-6);
        assert!(check(0.001, single_point_divergence).is_ok());
        assert!(
            check(0.1, single_point_divergence).is_err()
                && check(f64::NAN, single_point_divergence).is_err()
        );
    }

    #[test]
    fn a_map_that_is_hardly_better_than_one_place_is_told() {
        // 100 pairs of points: ln 199 for all at one position.
        let partner = |row: u32| if row.is_multiple_of(2) { row + 1 } else { row - 1 };
        let pairs = Affinities {
            row_starts: (0..=200).collect(),
            columns: (0..200).map(partner).collect(),
            values: vec![1.0; 200],
        };
        let single_point_divergence = single_point_divergence(&pairs);
        assert!((single_point_divergence - 199_f64.ln()).abs() < 1e-6);
        let told =
            warnings(&[(750, 0.99 * single_point_divergence)], single_point_divergence, 250, false);
        assert!(
            told[0].contains("KL 5.240 beside 5.293") && told[0].contains("`Tsne::exaggeration`"),
            "{told:?}"
        );
    }

    #[test]
    fn a_rise_counts_after_early_exaggeration_alone() {
        let course = [(50, 1.0), (100, 3.0), (150, 2.0), (200, 2.01)];
        assert_eq!(warnings(&course, 5.0, 100, false), Vec::<String>::new());
        let told = warnings(&[(150, 2.0), (200, 2.5)], 5.0, 100, true);
        assert!(
            told[0].contains("rose from 2.000 after 150 iterations to 2.500")
                && told[1].contains("grid"),
            "{told:?}"
        );
    }
}

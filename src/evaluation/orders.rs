//! Order of distances in a map and its space: of two from one point, and of all.

/// Share of the pairs of pairs whose order is kept: that `a` is the smaller in the space exactly
/// where it is in the map. Each of `space` and `map` holds the two distances of a triplet one after
/// the other (Y. Wang et al., "Understanding how dimension reduction tools work", 2021, section 5).
/// 1 for no triplets.
pub fn triplet_accuracy(space: &[f32], embedding: &[f32]) -> f64 {
    let pairs = space.chunks_exact(2).zip(embedding.chunks_exact(2));
    let n = pairs.len();
    let kept = pairs
        .filter(|(space, embedding)| (space[0] < space[1]) == (embedding[0] < embedding[1]))
        .count();
    if n == 0 { 1.0 } else { kept as f64 / n as f64 }
}

/// Spearman's correlation of two lists of finite numbers: Pearson's of their ranks, equal numbers
/// sharing the mean of theirs. None if either list is of one value only.
///
/// # Panics
/// If the lengths differ.
pub fn spearman(a: &[f32], b: &[f32]) -> Option<f64> {
    assert_eq!(a.len(), b.len(), "two lists of one length");
    let (a, b) = rayon::join(|| doubled_ranks(a), || doubled_ranks(b));
    // Ranks from 1 have the mean (n + 1) / 2; doubled and less twice that they are whole numbers,
    // summed without rounding.
    let mean = a.len() as i128 + 1;
    let product = |a: &[u32], b: &[u32]| -> i128 {
        a.iter().zip(b).map(|(&a, &b)| (i128::from(a) - mean) * (i128::from(b) - mean)).sum()
    };
    let (spread_a, spread_b) = (product(&a, &a) as f64, product(&b, &b) as f64);
    (spread_a > 0.0 && spread_b > 0.0)
        .then(|| product(&a, &b) as f64 / (spread_a.sqrt() * spread_b.sqrt()))
}

/// Twice the rank of each number, from 1, so that the mean rank of equals is a whole number.
fn doubled_ranks(values: &[f32]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    // -0 is 0.
    let at = |i: u32| values[i as usize] + 0.0;
    order.sort_unstable_by(|&i, &j| at(i).total_cmp(&at(j)));
    let mut ranks = vec![0; values.len()];
    let mut first = 0;
    for equals in order.chunk_by(|&i, &j| at(i) == at(j)) {
        for &i in equals {
            // First and last of them, from 1.
            ranks[i as usize] = (2 * first + 1 + equals.len()) as u32;
        }
        first += equals.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_of_equals_are_their_mean() {
        assert_eq!(doubled_ranks(&[3.0, 1.0, 3.0, -2.0, 3.0]), [8, 4, 8, 2, 8]);
        assert_eq!(doubled_ranks(&[0.0, -0.0]), [3, 3]);
    }

    #[test]
    fn spearman_is_one_for_the_same_order_and_minus_one_for_the_reversed() {
        let a = [0.1, 5.0, 5.0, 2.0, 7.5];
        let b = a.map(|v: f32| v * v * v);
        assert!((spearman(&a, &b).unwrap() - 1.0).abs() < 1e-15);
        assert!((spearman(&a, &b.map(|v| -v)).unwrap() + 1.0).abs() < 1e-15);
        assert_eq!(spearman(&a, &[2.0; 5]), None);
    }

    #[test]
    fn triplets_count_as_kept_where_the_order_is_the_same() {
        assert_eq!(
            triplet_accuracy(
                &[1.0, 2.0, 5.0, 3.0, 1.0, 1.0, 1.0, 2.0],
                &[0.0, 9.0, 0.0, 1.0, 4.0, 4.0, 3.0, 3.0]
            ),
            0.5
        );
        assert_eq!(triplet_accuracy(&[], &[]), 1.0);
    }
}

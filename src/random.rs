//! Counter-based random numbers: each number depends on (seed, stream, item) alone and never on the
//! order of the draws, so every device and any number of threads draw the same numbers.

/// Scrambles 32 bits: the `lowbias32` integer hash (C. Wellons, "Prospecting for Hash Functions",
/// 2018).
#[inline]
pub fn lowbias32(mut x: u32) -> u32 {
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// One stream of random numbers of a seed; each use of the seed has its own stream number.
#[derive(Clone, Copy, Debug)]
pub struct Random {
    key: [u32; 2],
}

impl Random {
    /// The stream `stream` of `seed`.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut key = [0x9e37_79b9, 0x85eb_ca6b];
        for word in [seed as u32, (seed >> 32) as u32, stream as u32, (stream >> 32) as u32] {
            key[0] = lowbias32(key[0] ^ word);
            key[1] = lowbias32(key[1].wrapping_add(key[0]) ^ word.rotate_left(16));
        }
        Self { key }
    }

    /// 32 random bits for `item`.
    pub fn bits(&self, item: u64) -> u32 {
        let low = lowbias32(item as u32 ^ self.key[0]);
        lowbias32(low.wrapping_add((item >> 32) as u32) ^ self.key[1])
    }

    /// Uniform number in [0, 1), in steps of 2^-24.
    pub fn uniform(&self, item: u64) -> f32 {
        (self.bits(item) >> 8) as f32 * (1.0 / (1 << 24) as f32)
    }

    /// A permutation of `0..n`: the indices in the order of 64 random bits each, ties by index.
    pub fn permutation(&self, n: usize) -> Vec<usize> {
        let mut keyed: Vec<(u64, usize)> = (0..n)
            .map(|i| {
                (
                    (u64::from(self.bits(2 * i as u64)) << 32)
                        | u64::from(self.bits(2 * i as u64 + 1)),
                    i,
                )
            })
            .collect();
        keyed.sort_unstable();
        keyed.into_iter().map(|(_, i)| i).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_numbers_fill_the_unit_interval_evenly() {
        let random = Random::new(42, 0);
        let mut bins = [0_u32; 16];
        for item in 0..160_000 {
            bins[(random.uniform(item) * 16.0) as usize] += 1;
        }
        // Each bin is binomial with mean 10,000 and standard deviation 97: five of them.
        assert!(bins.iter().all(|&count| count.abs_diff(10_000) < 485), "{bins:?}");
    }

    #[test]
    fn seeds_and_streams_give_different_permutations_of_everything() {
        let permutations = [Random::new(1, 0), Random::new(1, 1), Random::new(2, 0)]
            .map(|random| random.permutation(1000));
        for (i, permutation) in permutations.iter().enumerate() {
            let mut sorted = permutation.clone();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..1000));
            let fixed = permutation.iter().enumerate().filter(|&(at, &value)| at == value).count();
            assert!(fixed < 10, "permutation {i} leaves {fixed} of 1000 in place");
            assert_ne!(permutation, &permutations[(i + 1) % 3]);
        }
    }
}

//! Gains: classes that the layers of a network separate better than its input does.

use serde::{Deserialize, Serialize};

/// Gain of one class from the first space to the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// The class.
    pub class: usize,
    /// Points of it that were scored.
    pub n_scored: usize,
    /// Share of them whose class was found, in each space from the first on.
    pub accuracy: Vec<f64>,
    /// That share less the one of the first space, in each space; 0 in the first.
    pub gain: Vec<f64>,
}

/// The classes that have points, those that gain most from the first space to the last first, ties
/// by class.
///
/// `accuracy[space][class]`, of the spaces in order; `sizes[class]` points were scored.
pub fn gains(accuracy: &[Vec<Option<f64>>], sizes: &[usize]) -> Vec<Gain> {
    let of_class = |(class, &n_scored): (usize, &usize)| {
        let accuracy: Vec<f64> = accuracy
            .iter()
            .map(|of_space| of_space.get(class).copied().flatten())
            .collect::<Option<_>>()?;
        let first = *accuracy.first()?;
        let gain = accuracy.iter().map(|value| value - first).collect();
        Some(Gain { class, n_scored, accuracy, gain })
    };
    let mut gains: Vec<Gain> = sizes.iter().enumerate().filter_map(of_class).collect();
    // Equal gains differ in their last bits, as 1 - 2/3 and 2/3 - 1/3 do.
    let last = |gain: &Gain| (gain.gain.last().copied().unwrap_or(0.0) * 1e12).round();
    gains.sort_by(|a, b| last(b).total_cmp(&last(a)));
    gains
}

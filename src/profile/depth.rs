//! Prediction depth: the layer from which on the neighbours of a point say what the network
//! answers.
//!
//! Reference: R. Baldock, H. Maennel and B. Neyshabur, "Deep learning through the lens of example
//! difficulty", 2021: the least l such that k-NN with k = 30 in the layers l, l + 1, ... all give
//! the network's answer; 0 if the input does already, and the number of layers if not even the last
//! does. A training point does not vote for itself here.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Neighbours that vote.
pub const N_NEIGHBORS: usize = 30;

/// Prediction depths of some points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PredictionDepth {
    /// The layers from the input on.
    pub spaces: Vec<String>,
    /// Points of each depth, from 0 to the number of layers.
    pub counts: Vec<usize>,
    /// Those of them that the network classifies rightly.
    pub right: Vec<usize>,
    /// Mean depth of the points of each class; none for a class without points.
    pub by_class: Vec<Option<f64>>,
}

/// Depth of each point: `votes` has for each layer, in order, the class that k-NN gives each point,
/// `answers` the network's.
///
/// # Errors
/// [`Error::Data`] if there are not as many votes as answers.
pub fn prediction_depths(votes: &[&[u16]], answers: &[u16]) -> Result<Vec<usize>> {
    if votes.iter().any(|layer| layer.len() != answers.len()) {
        return Err(Error::Data(format!("votes of each of {} points are needed", answers.len())));
    }
    let depth = |point: usize| {
        let agreeing = votes.iter().rev().take_while(|layer| layer[point] == answers[point]);
        votes.len() - agreeing.count()
    };
    Ok((0..answers.len()).map(depth).collect())
}

impl PredictionDepth {
    /// Counts of the `depths` of points of the classes `labels`, below `n_classes`, that the network
    /// answers by `answers`.
    pub fn of(
        spaces: &[String],
        depths: &[usize],
        answers: &[u16],
        labels: &[u16],
        n_classes: usize,
    ) -> Self {
        let mut counts = vec![0; spaces.len() + 1];
        let mut right = vec![0; spaces.len() + 1];
        let mut sums = vec![(0, 0); n_classes];
        for ((&depth, answer), label) in depths.iter().zip(answers).zip(labels) {
            counts[depth] += 1;
            right[depth] += usize::from(answer == label);
            let of_class = &mut sums[usize::from(*label)];
            *of_class = (of_class.0 + depth, of_class.1 + 1);
        }
        let mean = |(sum, n): (usize, usize)| (n > 0).then(|| sum as f64 / n as f64);
        Self {
            spaces: spaces.to_vec(),
            counts,
            right,
            by_class: sums.into_iter().map(mean).collect(),
        }
    }
}

//! Measures of the layers over the epochs of a training, and what they say: when each layer became
//! what it is.

use super::measure::measure;
use super::{LayerProfile, Outcome, Similarity};
use crate::evaluation::space_title;
use serde::{Deserialize, Serialize};

/// Similarity (CKA) to its last state above which a layer counts as settled.
const SETTLED: f64 = 0.95;

/// Measures of the layers after one epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochProfile {
    /// The epoch, 0 for the initial weights.
    pub epoch: usize,
    /// Share of the scored points that the network classifies rightly after it, 0 to 1.
    pub network_accuracy: f64,
    /// The hidden layers and the network's probabilities, in order. Their neighbours are not
    /// searched, and neither the eigenvalues nor the pairs of classes are kept.
    pub layers: Vec<LayerProfile>,
    /// Similarity of each of them to what it is after the last epoch.
    pub to_last: Vec<Outcome<Similarity>>,
}

impl EpochProfile {
    /// CKA of each layer to what it is after the last epoch, where it is known.
    pub fn cka_to_last(&self) -> impl Iterator<Item = Option<f64>> + '_ {
        self.to_last.iter().map(|found| found.known().and_then(|similarity| similarity.cka))
    }
}

/// What they say, a sentence each: when each layer settled, and how much a linear probe of it
/// gained by the training.
pub fn epoch_findings(epochs: &[EpochProfile]) -> Vec<String> {
    [settled(epochs), gained(epochs)].into_iter().flatten().collect()
}

/// The epoch from which on each layer, but for the output, stays similar to its last state.
fn settled(epochs: &[EpochProfile]) -> Option<String> {
    let last = epochs.last()?;
    let hidden = last.layers.len().checked_sub(1)?;
    let since = |layer: usize| -> Option<usize> {
        let is_far = |epoch: &EpochProfile| {
            epoch.cka_to_last().nth(layer).flatten().is_none_or(|cka| cka < SETTLED)
        };
        let first = epochs.iter().rposition(is_far).map_or(0, |at| at + 1);
        epochs.get(first).map(|epoch| epoch.epoch)
    };
    let mut found: Vec<(usize, &str)> = (0..hidden)
        .filter_map(|layer| Some((since(layer)?, last.layers[layer].space.as_str())))
        .collect();
    // Of layers that settle together the first one first.
    found.sort_by_key(|(epoch, _)| *epoch);
    let words: Vec<String> = found
        .iter()
        .map(|(epoch, space)| match epoch {
            0 => format!("{} from the initial weights on", space_title(space)),
            epoch => format!("{} from epoch {epoch} on", space_title(space)),
        })
        .collect();
    (epochs.len() > 1 && !words.is_empty()).then(|| {
        format!(
            "Similar (CKA of at least {SETTLED}) to what they are after epoch {}: {}.",
            last.epoch,
            words.join(", ")
        )
    })
}

/// Accuracy of the probes of the first and of the last epoch.
fn gained(epochs: &[EpochProfile]) -> Option<String> {
    let (first, last) = (epochs.first()?, epochs.last()?);
    let probe = measure("probe_accuracy");
    let words: Vec<String> = first
        .layers
        .iter()
        .zip(&last.layers)
        .filter_map(|(then, now)| {
            let (before, after) = ((probe.of)(then).ok()?, (probe.of)(now).ok()?);
            let space = space_title(&now.space);
            Some(format!("{:.1} and {:.1} % in {space}", 100.0 * before, 100.0 * after))
        })
        .collect();
    let when = match first.epoch {
        0 => "before the training".into(),
        epoch => format!("after epoch {epoch}"),
    };
    (epochs.len() > 1 && !words.is_empty()).then(|| {
        format!(
            "A linear probe finds the class {when} and after epoch {}: {}.",
            last.epoch,
            words.join(", ")
        )
    })
}

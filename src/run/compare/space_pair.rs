//! The spaces of two runs that are compared with each other.

use crate::model::RAW;

/// A space of the first run and the space of the second that it is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SpacePair(pub(super) [String; 2]);

impl SpacePair {
    /// The name of both, or both names.
    pub(super) fn name(&self) -> String {
        let [a, b] = &self.0;
        if a == b { a.clone() } else { format!("{a} / {b}") }
    }

    /// Spaces of the same name; if no hidden layers have one and both runs have as many, those of
    /// the same place. The last layers are always compared.
    pub(super) fn of(a: &[String], b: &[String]) -> Vec<Self> {
        let pair = |a: &String, b: &String| Self([a.clone(), b.clone()]);
        let same = a.iter().filter(|name| b.contains(name));
        let mut pairs: Vec<Self> = same.map(|name| pair(name, name)).collect();
        let hidden = |names: &[String]| -> Vec<String> {
            names.iter().filter(|name| *name != RAW).cloned().collect()
        };
        let (ours, theirs) = (hidden(a), hidden(b));
        if ours.len() == theirs.len() && !ours.iter().any(|name| theirs.contains(name)) {
            pairs.extend(ours.iter().zip(&theirs).map(|(a, b)| pair(a, b)));
        }
        if let (Some(a), Some(b)) = (ours.last(), theirs.last())
            && !pairs.contains(&pair(a, b))
        {
            pairs.push(pair(a, b));
        }
        pairs
    }
}

//! Probabilities of classes for points, and the answers that follow from them.

use crate::matrix::{Matrix, argmax};

/// Probabilities of classes, row after row.
#[derive(Clone, Debug, PartialEq)]
pub struct Probabilities {
    /// The classes that the columns stand for, ascending.
    pub classes: Vec<u16>,
    /// Their probabilities, n_samples x n_classes.
    pub values: Vec<f64>,
}

impl Probabilities {
    /// Probabilities of the classes 0, 1, ..., the columns of `rows`.
    pub fn of_network(rows: &Matrix) -> Self {
        Self {
            classes: (0..rows.n_features()).map(|class| class as u16).collect(),
            values: rows.as_slice().iter().map(|&value| f64::from(value)).collect(),
        }
    }

    /// The rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.classes.len())
    }

    /// Most probable class of each row; of equals the lower.
    pub fn predictions(&self) -> Vec<u16> {
        self.rows().map(|row| self.classes[argmax(row)]).collect()
    }

    /// Column of a class, if it has one.
    pub fn column(&self, class: u16) -> Option<usize> {
        self.classes.binary_search(&class).ok()
    }

    /// Mean of -log of the own class's probability, of the rows whose class has a column; none if
    /// no row has.
    pub fn cross_entropy(&self, labels: &[u16]) -> Option<f64> {
        let known: Vec<f64> = (self.rows().zip(labels))
            .filter_map(|(row, &label)| Some(-row[self.column(label)?].max(1e-300).ln()))
            .collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    }

    /// The rows with a column for each of `classes`, 0 for one that is not known.
    pub(super) fn rows_of<'a>(&'a self, classes: &'a [u16]) -> impl Iterator<Item = Vec<f64>> + 'a {
        let columns: Vec<Option<usize>> = classes.iter().map(|&class| self.column(class)).collect();
        self.rows().map(move |row| {
            columns.iter().map(|column| column.map_or(0.0, |column| row[column])).collect()
        })
    }
}

/// What a probe says of every scored point of a layer: its most probable class, and how sure it is.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeAnswers {
    /// One class a point.
    pub classes: Vec<u16>,
    /// Probability of that class, 0 to 1.
    pub confidence: Vec<f64>,
}

impl ProbeAnswers {
    /// Answers by the probabilities of the points.
    pub fn of(found: &Probabilities) -> Self {
        let most = |row: &[f64]| row[argmax(row)];
        Self { classes: found.predictions(), confidence: found.rows().map(most).collect() }
    }
}

/// Share of predictions that are the label, 0 to 1.
pub(crate) fn accuracy(predictions: &[u16], labels: &[u16]) -> f64 {
    let right = predictions.iter().zip(labels).filter(|(found, label)| found == label).count();
    right as f64 / labels.len().max(1) as f64
}

/// Turns logits into probabilities, and gives the logarithm of what they were divided by.
pub(super) fn softmax(row: &mut [f64]) -> f64 {
    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    row.iter_mut().for_each(|value| *value = (*value - most).exp());
    let sum: f64 = row.iter().sum();
    row.iter_mut().for_each(|value| *value /= sum);
    most + sum.ln()
}

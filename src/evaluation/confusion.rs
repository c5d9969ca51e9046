//! Confusion matrices.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Number of points of each class that were given each class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// `counts[truth][predicted]`, n_classes x n_classes.
    pub counts: Vec<Vec<usize>>,
}

/// Two classes that are confused.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The true class, or the smaller one of two that are taken for each other.
    pub class: usize,
    /// The class that is predicted instead, or the other one of the two.
    pub other: usize,
    /// Points.
    pub count: usize,
    /// Their share of all points of the true class, or of both classes.
    pub share: f64,
}

impl Confusion {
    /// Counts the points whose classes are `truth` and that were given the classes `predicted`.
    ///
    /// # Errors
    /// [`Error::Data`] if there are not as many of the one as of the other, or a class is not below
    /// `n_classes`.
    pub fn new(truth: &[u16], predicted: &[u16], n_classes: usize) -> Result<Self> {
        if truth.len() != predicted.len() {
            return Err(Error::Data(format!(
                "{} predictions for {} points",
                predicted.len(),
                truth.len()
            )));
        }
        if let Some(class) =
            truth.iter().chain(predicted).find(|&&class| usize::from(class) >= n_classes)
        {
            return Err(Error::Data(format!(
                "there is the class {class}, but there are {n_classes} classes, from 0"
            )));
        }
        Ok(Self::weighted(truth, predicted, &vec![1; truth.len()], n_classes))
    }

    /// The same of points that count `weights` times each.
    ///
    /// # Panics
    /// If a class is not below `n_classes`.
    pub fn weighted(truth: &[u16], predicted: &[u16], weights: &[u32], n_classes: usize) -> Self {
        let mut counts = vec![vec![0; n_classes]; n_classes];
        for ((&truth, &predicted), &weight) in truth.iter().zip(predicted).zip(weights) {
            counts[usize::from(truth)][usize::from(predicted)] += weight as usize;
        }
        Self { counts }
    }

    /// Points of each class.
    pub fn sizes(&self) -> Vec<usize> {
        self.counts.iter().map(|row| row.iter().sum()).collect()
    }

    /// Share of all points that were given their class, 0 to 1; 0 of no points.
    pub fn accuracy(&self) -> f64 {
        let right: usize = self.counts.iter().enumerate().map(|(class, row)| row[class]).sum();
        right as f64 / self.sizes().iter().sum::<usize>().max(1) as f64
    }

    /// The same of each class alone; none for a class without points.
    pub fn per_class(&self) -> Vec<Option<f64>> {
        let right = self.counts.iter().enumerate().map(|(class, row)| row[class]);
        right
            .zip(self.sizes())
            .map(|(right, size)| (size > 0).then(|| right as f64 / size as f64))
            .collect()
    }

    /// Classes taken for others, the largest share of the true class first, ties by class; none
    /// without points.
    pub fn directed(&self) -> Vec<Pair> {
        let sizes = self.sizes();
        let pairs = self.counts.iter().enumerate().flat_map(|(class, row)| {
            let size = sizes[class];
            let others =
                row.iter().enumerate().filter(move |&(other, &count)| other != class && count > 0);
            others.map(move |(other, &count)| Pair {
                class,
                other,
                count,
                share: count as f64 / size as f64,
            })
        });
        ranked(pairs.collect())
    }

    /// Classes taken for each other, the largest share of the points of both first, ties by class;
    /// none without points.
    pub fn symmetric(&self) -> Vec<Pair> {
        let sizes = self.sizes();
        let n = sizes.len();
        let pairs = (0..n).flat_map(|class| (class + 1..n).map(move |other| (class, other)));
        let pair = |(class, other): (usize, usize)| {
            let count = self.counts[class][other] + self.counts[other][class];
            let share = count as f64 / (sizes[class] + sizes[other]) as f64;
            (count > 0).then_some(Pair { class, other, count, share })
        };
        ranked(pairs.filter_map(pair).collect())
    }

    /// The `n` classes with the most points that were given another class or come from another,
    /// ascending; of equals the lower.
    pub fn most_confused(&self, n: usize) -> Vec<usize> {
        let errors = |class: usize| {
            let to_it: usize = self.counts.iter().map(|row| row[class]).sum();
            let of_it: usize = self.counts[class].iter().sum();
            to_it + of_it - 2 * self.counts[class][class]
        };
        let errors: Vec<usize> = (0..self.counts.len()).map(errors).collect();
        let mut classes: Vec<usize> = (0..errors.len()).collect();
        classes.sort_by_key(|&class| std::cmp::Reverse(errors[class]));
        classes.truncate(n);
        classes.sort_unstable();
        classes
    }

    /// Counts between the given classes, and last those of all other classes together.
    pub fn gathered(&self, classes: &[usize]) -> Vec<Vec<usize>> {
        let places = gathered_places(classes, self.counts.len());
        let mut counts = vec![vec![0; classes.len() + 1]; classes.len() + 1];
        for (row, &to) in self.counts.iter().zip(&places) {
            for (&count, &column) in row.iter().zip(&places) {
                counts[to][column] += count;
            }
        }
        counts
    }

    /// Share of the points of two classes that were given the other of them; none without points.
    pub fn share(&self, class: usize, other: usize) -> Option<f64> {
        let size: usize =
            [class, other].iter().map(|&class| self.counts[class].iter().sum::<usize>()).sum();
        let count = self.counts[class][other] + self.counts[other][class];
        (size > 0).then(|| count as f64 / size as f64)
    }
}

/// Place of each of `n` classes among the given ones, those of all others after them.
fn gathered_places(classes: &[usize], n: usize) -> Vec<usize> {
    let mut places = vec![classes.len(); n];
    classes.iter().enumerate().for_each(|(place, &class)| places[class] = place);
    places
}

fn ranked(mut pairs: Vec<Pair>) -> Vec<Pair> {
    pairs.sort_by(|a, b| b.share.total_cmp(&a.share));
    pairs
}

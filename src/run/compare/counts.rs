//! Counts of two runs with confidence intervals of their values and differences: all of the same drawn
//! points.

use super::compared_run::ComparedRun;
use super::space_pair::SpacePair;
use crate::error::{Error, Result};
use crate::evaluation::{Bootstrap, ComparedValue, Confusion, Estimate};
use std::collections::{HashMap, HashSet};

/// Numbers of pairs of classes: from each classifier of each run, and compared in all.
const PAIRS_EACH: usize = 6;
const MAX_PAIRS: usize = 16;

/// A classifier that both runs have.
pub(super) struct Common {
    /// The space in which k-NN classified, or none for the networks themselves.
    pub(super) space: Option<SpacePair>,
    /// The method of the maps, or none for the spaces themselves.
    pub(super) method: Option<String>,
}

/// One run's classifiers: their predictions for its scored points.
pub(super) struct Classifiers<'a> {
    labels: &'a [u16],
    class_names: &'a [String],
    /// Those that both runs have, then k-NN in this run's first space and in its last.
    predictions: Vec<Vec<u16>>,
    n_common: usize,
}

impl<'a> Classifiers<'a> {
    /// Reads the predictions of the first run (0) or the second (1); those of the network are given.
    ///
    /// # Errors
    /// [`Error::Input`] if a file is missing or damaged.
    pub(super) fn read(
        run: &'a ComparedRun,
        at: usize,
        common: &[Common],
        network: Option<&Vec<u16>>,
    ) -> Result<Self> {
        let predictions = common.iter().map(|Common { space, method }| match space {
            Some(SpacePair(names)) => run.predictions(&names[at], method.as_deref()),
            None => network
                .cloned()
                .ok_or_else(|| Error::Data("the predictions of a network are not known".into())),
        });
        let spaces = &run.run.spaces;
        let ends = spaces.first().into_iter().chain(spaces.last());
        let ends = ends.map(|id| run.predictions(&id.space, None));
        let predictions = predictions.chain(ends).collect::<Result<_>>()?;
        Ok(Self {
            labels: &run.labels,
            class_names: &run.class_names,
            predictions,
            n_common: common.len(),
        })
    }

    /// The confusions of the common classifier with this index.
    fn confusion(&self, at: usize) -> Confusion {
        let weights = vec![1; self.labels.len()];
        Confusion::weighted(self.labels, &self.predictions[at], &weights, self.class_names.len())
    }

    /// What to add up for each of the counts; none for those of classes that this run lacks.
    fn tallies(&self, counts: &[Count<'_>]) -> Vec<Option<Tally>> {
        let names = self.class_names.iter().enumerate();
        let classes: HashMap<&str, usize> = names.map(|(at, name)| (name.as_str(), at)).collect();
        let class = |name: &str| classes.get(name).copied();
        let tally = |count: &Count<'_>| match *count {
            Count::Accuracy(at) => Some(Tally::Accuracy(at)),
            Count::Gain(name) => class(name).map(Tally::Gain),
            Count::Share(at, [name, other]) => {
                let classes = [class(name)?, class(other)?];
                let of = |class: u16, name: usize| usize::from(class) == name;
                let pairs = self.labels.iter().zip(&self.predictions[at]).enumerate();
                let confused = pairs.filter(|&(_, (&label, &predicted))| {
                    let [class, other] = classes;
                    (of(label, class) && of(predicted, other))
                        || (of(label, other) && of(predicted, class))
                });
                Some(Tally::Share { classes, confused: confused.map(|(row, _)| row).collect() })
            }
        };
        counts.iter().map(tally).collect()
    }

    /// The values of the counts, of points that count `weights` times each: O(n + classes) for each
    /// classifier and O(n) for each pair.
    fn values(&self, tallies: &[Option<Tally>], weights: &[u32]) -> Vec<Option<f64>> {
        let by_class = |predictions: Option<&Vec<u16>>| {
            let mut sums = vec![0_usize; self.class_names.len()];
            for (row, (&label, &weight)) in self.labels.iter().zip(weights).enumerate() {
                if predictions.is_none_or(|predictions| predictions[row] == label) {
                    sums[usize::from(label)] += weight as usize;
                }
            }
            sums
        };
        let sizes = by_class(None);
        let n: usize = sizes.iter().sum();
        let (common, ends) = self.predictions.split_at(self.n_common);
        let accuracy = |predictions| {
            by_class(Some(predictions)).iter().sum::<usize>() as f64 / n.max(1) as f64
        };
        let accuracies: Vec<f64> = common.iter().map(accuracy).collect();
        let [first, last] = [0, 1].map(|end| by_class(Some(&ends[end])));
        let share = |count: usize, size: usize| (size > 0).then(|| count as f64 / size as f64);
        let value = |tally: &Tally| match tally {
            Tally::Accuracy(at) => Some(accuracies[*at]),
            Tally::Gain(class) => {
                let [first, last] =
                    [&first, &last].map(|right| share(right[*class], sizes[*class]));
                Some(last? - first?)
            }
            Tally::Share { classes: [class, other], confused } => {
                let count: usize = confused.iter().map(|&row| weights[row] as usize).sum();
                share(count, sizes[*class] + sizes[*other])
            }
        };
        tallies.iter().map(|tally| value(tally.as_ref()?)).collect()
    }
}

/// A count with the numbers of its classes.
enum Tally {
    /// Accuracy of the common classifier with this index.
    Accuracy(usize),
    /// Gain of the class with this number.
    Gain(usize),
    /// Share of the points of two classes that are `confused`, which are row numbers.
    Share { classes: [usize; 2], confused: Vec<usize> },
}

/// Something that is counted of a run.
#[derive(Clone, Copy)]
enum Count<'a> {
    /// Accuracy of the classifier with this index.
    Accuracy(usize),
    /// Accuracy of k-NN for a class in the last space less that in the first.
    Gain(&'a str),
    /// Share of the points of two classes that a classifier confuses.
    Share(usize, [&'a str; 2]),
}

/// All counts of both runs.
pub(super) struct Counted {
    /// Of each common classifier.
    pub(super) accuracies: Vec<ComparedValue>,
    /// Of each class that has points, by name: the largest gain of the first run first, then those
    /// of the second alone.
    pub(super) gains: Vec<(String, ComparedValue)>,
    /// Of each chosen classifier the pairs that either run confuses most by any of them.
    pub(super) pairs: Vec<(usize, [String; 2], ComparedValue)>,
}

impl Counted {
    /// Counts; pairs of classes by the classifiers `own`.
    pub(super) fn of(
        runs: [&Classifiers<'_>; 2],
        paired: bool,
        bootstrap: &Bootstrap,
        own: &[usize],
    ) -> Self {
        let n_common = runs[0].n_common;
        let names: Vec<&str> = {
            let [a, b] = runs.map(|run| run.class_names);
            let of_a: HashSet<&String> = a.iter().collect();
            a.iter()
                .chain(b.iter().filter(|name| !of_a.contains(name)))
                .map(String::as_str)
                .collect()
        };
        let confused = most_confused(runs, own);
        let of_own = |&at: &usize| confused.iter().map(move |&names| (at, names));
        let pairs: Vec<(usize, [&str; 2])> = own.iter().flat_map(of_own).collect();
        let counts =
            (0..n_common).map(Count::Accuracy).chain(names.iter().map(|name| Count::Gain(name)));
        let counts: Vec<Count<'_>> =
            counts.chain(pairs.iter().map(|&(at, names)| Count::Share(at, names))).collect();
        let mut values = compared_values(runs, paired, bootstrap, &counts).into_iter();

        let accuracies = values.by_ref().take(n_common).collect();
        let mut gains: Vec<(String, ComparedValue)> =
            names.into_iter().map(str::to_owned).zip(&mut values).collect();
        gains.retain(|(_, value)| value.a.is_some() || value.b.is_some());
        let gain =
            |value: &ComparedValue| value.a.or(value.b).map_or(0.0, |estimate| estimate.value);
        gains.sort_by(|(_, x), (_, y)| {
            x.a.is_none().cmp(&y.a.is_none()).then(gain(y).total_cmp(&gain(x)))
        });
        let pairs = pairs.into_iter().zip(values);
        let pairs =
            pairs.map(|((at, names), value)| (at, names.map(str::to_owned), value)).collect();
        Self { accuracies, gains, pairs }
    }
}

/// The pairs of classes that one run or the other confuses most by one of the classifiers `own`.
fn most_confused<'a>(runs: [&Classifiers<'a>; 2], own: &[usize]) -> Vec<[&'a str; 2]> {
    let mut found: Vec<(f64, [&str; 2])> = Vec::new();
    for run in runs {
        let most = |&at: &usize| run.confusion(at).symmetric().into_iter().take(PAIRS_EACH);
        for pair in own.iter().flat_map(most) {
            let names = [pair.class, pair.other].map(|class| run.class_names[class].as_str());
            match found
                .iter_mut()
                .find(|(_, known)| *known == names || *known == [names[1], names[0]])
            {
                Some((share, _)) => *share = share.max(pair.share),
                None => found.push((pair.share, names)),
            }
        }
    }
    found.sort_by(|x, y| y.0.total_cmp(&x.0));
    found.into_iter().take(MAX_PAIRS).map(|(_, names)| names).collect()
}

/// The counts of both runs and their differences; of the same points the same ones are drawn from
/// both runs.
fn compared_values(
    runs: [&Classifiers<'_>; 2],
    paired: bool,
    bootstrap: &Bootstrap,
    counts: &[Count<'_>],
) -> Vec<ComparedValue> {
    let tallies = runs.map(|run| run.tallies(counts));
    let statistics = |weights: [&[u32]; 2]| {
        let [a, b] = [0, 1].map(|run| runs[run].values(&tallies[run], weights[run]));
        let triple = |(a, b): (Option<f64>, Option<f64>)| [a, b, a.zip(b).map(|(a, b)| a - b)];
        a.into_iter().zip(b).flat_map(triple).collect::<Vec<_>>()
    };
    let sizes = runs.map(|run| run.labels.len());
    let once = sizes.map(|n| vec![1; n]);
    let values = statistics([&once[0], &once[1]]);
    let intervals = if paired {
        bootstrap.intervals(&sizes[..1], |weights| statistics([&weights[0], &weights[0]]))
    } else {
        bootstrap.intervals(&sizes, |weights| statistics([&weights[0], &weights[1]]))
    };
    let estimate = |(value, interval): (&Option<f64>, &_)| {
        value.map(|value| Estimate { value, interval: *interval })
    };
    let estimates: Vec<Option<Estimate>> = values.iter().zip(&intervals).map(estimate).collect();
    estimates
        .chunks_exact(3)
        .map(|three| ComparedValue { a: three[0], b: three[1], difference: three[2] })
        .collect()
}

//! Counts of two runs with confidence intervals of their values and differences: everything from
//! confusions of the drawn points.

use super::compared_run::ComparedRun;
use crate::error::{Error, Result};
use crate::evaluation::{Bootstrap, ComparedValue, Confusion, Estimate};

/// Numbers of pairs of classes: from each classifier of each run, and compared in all.
const PAIRS_EACH: usize = 6;
const MAX_PAIRS: usize = 16;

/// A classifier that both runs have.
pub(super) struct Common {
    /// The space in which k-NN classified, or none for the networks themselves.
    pub(super) space: Option<String>,
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
    /// Reads the predictions; those of the network are given.
    ///
    /// # Errors
    /// [`Error::Input`] if a file is missing or damaged.
    pub(super) fn read(
        run: &'a ComparedRun,
        common: &[Common],
        network: Option<&Vec<u16>>,
    ) -> Result<Self> {
        let predictions = common.iter().map(|Common { space, method }| match space {
            Some(space) => run.predictions(space, method.as_deref()),
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

    /// The confusions of every classifier, of points that count `weights` times each.
    fn confusions(&self, weights: &[u32]) -> Vec<Confusion> {
        let of_one = |predictions: &Vec<u16>| {
            Confusion::weighted(self.labels, predictions, weights, self.class_names.len())
        };
        self.predictions.iter().map(of_one).collect()
    }

    fn class(&self, name: &str) -> Option<usize> {
        self.class_names.iter().position(|class| class == name)
    }

    fn count(&self, count: Count<'_>, confusions: &[Confusion]) -> Option<f64> {
        match count {
            Count::Accuracy(at) => Some(confusions[at].accuracy()),
            Count::Gain(class) => {
                let class = self.class(class)?;
                let [first, last] =
                    [0, 1].map(|end| confusions[self.n_common + end].per_class()[class]);
                Some(last? - first?)
            }
            Count::Share(at, [class, other]) => {
                confusions[at].share(self.class(class)?, self.class(other)?)
            }
        }
    }
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
            a.iter().chain(b.iter().filter(|name| !a.contains(name))).map(String::as_str).collect()
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
        let confusions = run.confusions(&vec![1; run.labels.len()]);
        for pair in
            own.iter().flat_map(|&at| confusions[at].symmetric().into_iter().take(PAIRS_EACH))
        {
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
    let statistics = |weights: [&[u32]; 2]| {
        let [a, b] = [0, 1].map(|run| {
            let confusions = runs[run].confusions(weights[run]);
            counts.iter().map(|&count| runs[run].count(count, &confusions)).collect::<Vec<_>>()
        });
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

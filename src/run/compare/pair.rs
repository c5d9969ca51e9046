//! Two finished runs, what they have in common and how they differ.

use super::compared_run::{ComparedRun, Sameness};
use super::counts::{Classifiers, Common, Counted};
use super::space_pair::SpacePair;
use crate::error::{Error, Result};
use crate::evaluation::{
    AccuracyRow, Bootstrap, Comparison, GainRow, MeasureRow, MetricRanking, PairRow,
    metric_rankings,
};
use std::collections::HashMap;
use std::path::Path;

/// Warning of points that nothing but labels shows to be the same.
const ASSUMED: &str = "neither run kept the input of its points: these are taken for the same in \
                       both, because all labels agree";

/// Warning of one folder that is given twice.
const ITSELF: &str = "both folders are those of one run, which is compared with itself";

/// The two runs and what they have in common.
pub(super) struct Pair<'a> {
    pub(super) runs: [&'a ComparedRun; 2],
    pub(super) names: [String; 2],
    pub(super) spaces: Vec<SpacePair>,
    pub(super) methods: Vec<String>,
    pub(super) paired: bool,
    /// `true` if labels alone say that the points are the same.
    pub(super) is_assumed: bool,
    pub(super) same_classes: bool,
    /// The classes of both: those of the first run, then those that the second has besides.
    pub(super) class_names: Vec<String>,
    /// Number of each class of the second run among them.
    pub(super) numbers_of_second: Vec<u16>,
}

impl<'a> Pair<'a> {
    /// The runs by these `names`, or by those of their folders.
    ///
    /// # Errors
    /// [`Error::Input`] if they have no common space.
    pub(super) fn new(
        a: &'a ComparedRun,
        b: &'a ComparedRun,
        names: Option<[String; 2]>,
    ) -> Result<Self> {
        let common = |ours: &[String], theirs: &[String]| -> Vec<String> {
            ours.iter().filter(|name| theirs.contains(name)).cloned().collect()
        };
        let names_of = |run: &ComparedRun| -> Vec<String> {
            run.run.spaces.iter().map(|id| id.space.clone()).collect()
        };
        let spaces = SpacePair::of(&names_of(a), &names_of(b));
        if spaces.is_empty() {
            let list = |run: &ComparedRun| names_of(run).join(", ");
            let message = format!(
                "has the spaces {}, {} has {}: none is common",
                list(b),
                a.run.path.display(),
                list(a)
            );
            return Err(Error::input(&b.run.path, message));
        }
        let sameness = a.sameness(b);
        let numbered = a.class_names.iter().zip(0..);
        let known: HashMap<&String, u16> = numbered.collect();
        let mut class_names = a.class_names.clone();
        let number = |name: &String| {
            known.get(name).copied().unwrap_or_else(|| {
                class_names.push(name.clone());
                (class_names.len() - 1) as u16
            })
        };
        let numbers_of_second = b.class_names.iter().map(number).collect();
        Ok(Self {
            runs: [a, b],
            names: names.unwrap_or_else(|| names_of_folders([&a.run.path, &b.run.path])),
            spaces,
            methods: common(&a.run.methods, &b.run.methods),
            paired: sameness != Sameness::Different,
            is_assumed: sameness == Sameness::Assumed,
            same_classes: a.class_names == b.class_names,
            class_names,
            numbers_of_second,
        })
    }

    /// What a reader must know of what is compared.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let [a, b] = self.runs.map(|run| run.run.path.canonicalize().ok());
        if a.is_some() && a == b {
            warnings.push(ITSELF.to_owned());
        }
        if self.is_assumed {
            warnings.push(ASSUMED.to_owned());
        }
        let others = self.spaces.iter().filter(|SpacePair([a, b])| a != b);
        let others: Vec<String> = others.map(SpacePair::name).collect();
        if !others.is_empty() {
            let list = others.join(", ");
            warnings
                .push(format!("layers of different names are compared, by their place: {list}"));
        }
        warnings
    }

    /// Differences, with their confidence intervals.
    ///
    /// # Errors
    /// [`Error::Input`] if predictions are missing or malformed.
    pub(super) fn comparison(&self, bootstrap: &Bootstrap) -> Result<Comparison> {
        let networks = self.runs.map(|run| run.network.as_ref());
        let mut common: Vec<Common> = Vec::new();
        if networks.iter().all(Option::is_some) {
            common.push(Common { space: None, method: None });
        }
        let methods = std::iter::once(None).chain(self.methods.iter().cloned().map(Some));
        common.extend(methods.flat_map(|method| {
            let of_space = move |space: &SpacePair| Common {
                space: Some(space.clone()),
                method: method.clone(),
            };
            self.spaces.iter().map(of_space)
        }));
        let [a, b] = [0, 1].map(|at| Classifiers::read(self.runs[at], at, &common, networks[at]));
        let (a, b) = (a?, b?);
        let own: Vec<usize> = (0..common.len()).filter(|&at| common[at].method.is_none()).collect();
        let counted = Counted::of([&a, &b], self.paired, bootstrap, &own);
        let accuracies = counted.accuracies.into_iter().zip(&common);
        let accuracies = accuracies.map(|(value, Common { space, method })| {
            let (space, method) = (space.as_ref().map(SpacePair::name), method.clone());
            AccuracyRow { space, method, value }
        });
        let gains = counted.gains.into_iter().map(|(class, value)| GainRow { class, value });
        let pairs = counted.pairs.into_iter();
        let pairs = pairs.map(|(at, classes, value)| PairRow {
            space: common[at].space.as_ref().map(SpacePair::name),
            classes,
            value,
        });
        Ok(Comparison {
            names: self.names.clone(),
            n_scored: self.runs.map(|run| run.labels.len()),
            scored_on: self.runs.map(|run| run.run.scored_on()),
            n_neighbors: self.runs[0].n_neighbors,
            paired: self.paired,
            same_classes: self.same_classes,
            bootstrap: *bootstrap,
            accuracies: accuracies.collect(),
            gains: gains.collect(),
            pairs: pairs.collect(),
            measures: self.measures(),
            agreement: None,
        })
    }

    /// The methods' means over the common spaces.
    fn measures(&self) -> Vec<MeasureRow> {
        let of_run = |at: usize| {
            let run = self.runs[at];
            let is_common = |space: &String, method: &Option<String>| {
                self.spaces.iter().any(|SpacePair(names)| names[at] == *space)
                    && method.as_ref().is_some_and(|method| self.methods.contains(method))
            };
            let mut scores = run.run.results().knn.clone();
            scores.retain(|row| is_common(&row.space, &row.method));
            let mut quality = run.run.results().quality.clone();
            quality.retain(|row| is_common(&row.space, &row.method));
            metric_rankings(&scores, &quality, run.n_neighbors, run.run.scored_on())
        };
        let of_runs = [0, 1].map(of_run);
        let mut rows = Vec::new();
        for ranking in &of_runs[0] {
            let there = of_runs
                .each_ref()
                .map(|rankings| rankings.iter().find(|other| other.measure == ranking.measure));
            for method in &self.methods {
                let rank = |ranking: Option<&MetricRanking>| {
                    ranking?.methods.iter().position(|rank| rank.method == *method)
                };
                let at = there.map(rank);
                let mean = |run: usize| Some(there[run]?.methods[at[run]?].mean);
                let values = [mean(0), mean(1)];
                let best = at.map(|at| at == Some(0));
                rows.push(MeasureRow {
                    measure: ranking.measure.clone(),
                    method: method.clone(),
                    values,
                    best,
                });
            }
        }
        rows
    }
}

/// Names of two runs: of their folders, else of their paths; never the same.
fn names_of_folders(folders: [&Path; 2]) -> [String; 2] {
    let last = folders.map(|folder| {
        let whole = folder.canonicalize().ok()?;
        Some(whole.file_name()?.to_string_lossy().into_owned())
    });
    let whole = folders.map(|folder| folder.display().to_string());
    match (last, whole) {
        ([Some(a), Some(b)], _) if a != b => [a, b],
        (_, [a, b]) if a != b => [a, b],
        (_, [a, b]) => [a + " (first)", b + " (second)"],
    }
}

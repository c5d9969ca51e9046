//! Who is right: the class that each of two runs gave each point that both scored.

use super::pair::Pair;
use crate::dataset::{Column, ColumnKind, MAX_CATEGORIES};
use crate::error::Result;
use crate::evaluation::space_title;

/// The class that each run gave each point.
pub(super) struct Answers {
    /// Those who answer, as people call them.
    pub(super) names: [String; 2],
    /// Classes of the scored points, numbers of the run's own names.
    pub(super) classes: [Vec<u16>; 2],
}

impl Answers {
    /// Answers of the networks; where one is not known, those of k-NN in the deepest common space.
    pub(super) fn of(pair: &Pair<'_>) -> Result<Self> {
        let [a, b] = pair.runs;
        if let (Some(a), Some(b)) = (a.network()?, b.network()?) {
            return Ok(Self { names: pair.names.clone(), classes: [a, b] });
        }
        let space = &pair.spaces[pair.spaces.len() - 1];
        let k = a.n_neighbors;
        let name = |run: &String| format!("{k}-NN in {} of {run}", space_title(space));
        Ok(Self {
            names: pair.names.each_ref().map(name),
            classes: [a.predictions(space, None)?, b.predictions(space, None)?],
        })
    }

    /// Of each point whether the first and the second run are right.
    pub(super) fn right<'a>(&'a self, labels: &'a [u16]) -> impl Iterator<Item = [bool; 2]> + 'a {
        let answers = self.classes[0].iter().zip(&self.classes[1]);
        labels.iter().zip(answers).map(|(label, (a, b))| [a == label, b == label])
    }

    /// The answers, and who is right, as columns of the points.
    pub(super) fn columns(&self, pair: &Pair<'_>) -> Vec<Column> {
        let labels = &pair.runs[0].labels;
        let [a, b] = &self.names;
        let mut columns = vec![Column {
            name: "who is right".into(),
            kind: ColumnKind::Category,
            values: vec!["both".into(), format!("only {a}"), format!("only {b}"), "neither".into()],
            codes: self.right(labels).map(|[a, b]| 2 * u32::from(!a) + u32::from(!b)).collect(),
        }];
        for (run, name) in self.names.iter().enumerate() {
            let values = pair.runs[run].class_names.clone();
            columns.push(Column {
                name: format!("answer of {name}"),
                kind: match values.len() {
                    0..=MAX_CATEGORIES => ColumnKind::Category,
                    _ => ColumnKind::Text,
                },
                values,
                codes: self.classes[run].iter().map(|&class| class.into()).collect(),
            });
        }
        columns
    }
}

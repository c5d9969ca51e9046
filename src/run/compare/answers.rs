//! Who is right: the class that each of two runs gave each point that both scored.

use super::pair::Pair;
use super::space_pair::SpacePair;
use crate::dataset::{Column, ColumnKind, MAX_CATEGORIES};
use crate::error::Result;
use crate::evaluation::{Agreement, space_title};
use crate::record::{Artifact, RunFolder};
use crate::report::{csv_file, insights_table};

/// Name of the table of the answers.
const ANSWERS: &str = "answers.csv";

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
        let SpacePair(spaces) = &pair.spaces[pair.spaces.len() - 1];
        let k = a.n_neighbors;
        let name =
            |run: usize| format!("{k}-NN in {} of {}", space_title(&spaces[run]), pair.names[run]);
        Ok(Self {
            names: [0, 1].map(name),
            classes: [a.predictions(&spaces[0], None)?, b.predictions(&spaces[1], None)?],
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
            // The runs have the colours that they have in the figures.
            values: vec![format!("only {a}"), format!("only {b}"), "neither".into(), "both".into()],
            codes: self.right(labels).map(code).collect(),
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

    /// How many points both are right about, or one of them.
    pub(super) fn agreement(&self, labels: &[u16]) -> Agreement {
        let mut counts = [0; 4];
        self.right(labels).for_each(|right| counts[code(right) as usize] += 1);
        let [only_a, only_b, neither, both] = counts;
        Agreement { both, only_a, only_b, neither }
    }

    /// Writes the answers about each point as a table: its row and label, the answers of the first
    /// run and of the second, and which of them is right.
    pub(super) fn write_csv(&self, record: &mut RunFolder, pair: &Pair<'_>) -> Result<()> {
        const RIGHT: [&str; 4] = ["a", "b", "neither", "both"];
        let [a, b] = pair.runs;
        let name = |names: &[String], class: u16| insights_table::name(names, usize::from(class));
        let rows = (0..a.labels.len()).zip(self.right(&a.labels)).map(|(row, right)| {
            vec![
                row.to_string(),
                name(&a.class_names, a.labels[row]),
                name(&a.class_names, self.classes[0][row]),
                name(&b.class_names, self.classes[1][row]),
                RIGHT[code(right) as usize].to_owned(),
            ]
        });
        let file = Artifact::Scores(ANSWERS);
        csv_file::write(&record.below(file)?, ["row", "label", "a", "b", "right"], rows)?;
        record.list(file, None, None);
        Ok(())
    }
}

/// Place among those of the column: the first alone is right, the second alone, neither, both.
fn code([a, b]: [bool; 2]) -> u32 {
    match (a, b) {
        (true, false) => 0,
        (false, true) => 1,
        (false, false) => 2,
        (true, true) => 3,
    }
}

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
    /// Classes of the scored points, numbers of [`Pair::class_names`].
    pub(super) classes: [Vec<u16>; 2],
}

impl Answers {
    /// Answers of the networks; where one is not known, those of k-NN in the deepest common space.
    pub(super) fn of(pair: &Pair<'_>) -> Result<Self> {
        let [a, b] = pair.runs;
        let of_both = |a, b: Vec<u16>| {
            let number = |class: u16| pair.numbers_of_second[usize::from(class)];
            [a, b.into_iter().map(number).collect()]
        };
        if let (Some(a), Some(b)) = (&a.network, &b.network) {
            return Ok(Self { names: pair.names.clone(), classes: of_both(a.clone(), b.clone()) });
        }
        let SpacePair(spaces) = &pair.spaces[pair.spaces.len() - 1];
        let k = a.n_neighbors;
        let name =
            |run: usize| format!("{k}-NN in {} of {}", space_title(&spaces[run]), pair.names[run]);
        Ok(Self {
            names: [0, 1].map(name),
            classes: of_both(a.predictions(&spaces[0], None)?, b.predictions(&spaces[1], None)?),
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
        let kind = match pair.class_names.len() {
            0..=MAX_CATEGORIES => ColumnKind::Category,
            _ => ColumnKind::Text,
        };
        columns.extend(self.names.iter().zip(&self.classes).map(|(name, classes)| Column {
            name: format!("answer of {name}"),
            kind,
            values: pair.class_names.clone(),
            codes: classes.iter().map(|&class| class.into()).collect(),
        }));
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
        let labels = &pair.runs[0].labels;
        let name = |class: u16| insights_table::name(&pair.class_names, usize::from(class));
        let rows = (0..labels.len()).zip(self.right(labels)).map(|(row, right)| {
            vec![
                row.to_string(),
                name(labels[row]),
                name(self.classes[0][row]),
                name(self.classes[1][row]),
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

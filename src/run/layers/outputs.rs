//! Predictions of a network from the values of its output: probabilities, their
//! logarithms, or logits.

use super::LOGITS;
use crate::dataset::npy;
use crate::error::Result;
use crate::matrix::{Matrix, argmax};
use crate::record::predictions::SOFTMAX;
use std::path::{Path, PathBuf};

/// Tolerance of the sum of the probabilities of a row around 1: those of 16-bit floats and rounded
/// ones are further than those of 32 bits.
const SUM_TOLERANCE: f64 = 0.05;
/// Tolerance of a probability below 0 or above 1.
const TOLERANCE: f32 = 1e-3;

/// Kind of the values of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Probabilities,
    /// 100 times that.
    Percentages,
    /// Natural logarithms of probabilities.
    Logarithms,
    Logits,
    /// From 0 to 1, but not probabilities of one class each.
    Unclear,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Probabilities => "probabilities",
            Self::Percentages => "percentages",
            Self::Logarithms => "logarithms of probabilities",
            Self::Logits => "logits",
            Self::Unclear => "values from 0 to 1 that are not probabilities of one class each",
        }
    }
}

/// The output of a network for the points of one part.
#[derive(Clone, Debug)]
pub(super) struct Outputs {
    pub(super) path: PathBuf,
    values: Matrix,
    kind: Kind,
    /// `true` if the name of the file says that it holds logits.
    of_logits: bool,
    /// Warnings for the user.
    pub(super) notes: Vec<String>,
}

/// Values of shape n x any or (n,), which is one column.
///
/// # Errors
/// [`Error::Input`].
pub(super) fn read_values(path: &Path) -> Result<Matrix> {
    match npy::read_line_of_floats(path)? {
        Some(values) => {
            let n = values.len();
            Matrix::new(values, n, 1)
        }
        None => npy::read_values(path),
    }
}

impl Outputs {
    /// Reads `softmax_<part>.npy` or, where there is none, `logits_<part>.npy`. What the values are
    /// is for [`agree`] to say.
    ///
    /// # Errors
    /// [`Error::Input`] if it is malformed, or a value is not finite.
    pub(super) fn read(folder: &Path, part: &str) -> Result<Option<Self>> {
        let [softmax, logits] = [SOFTMAX, LOGITS].map(|name| folder.join(super::file(name, part)));
        let mut notes = Vec::new();
        let path = match (softmax.exists(), logits.exists()) {
            (false, false) => return Ok(None),
            (false, true) => logits,
            (true, there) => {
                if there {
                    let [used, left] = [SOFTMAX, LOGITS].map(|name| super::file(name, part));
                    notes.push(format!("{used} is used, {left} beside it is left out"));
                }
                softmax
            }
        };
        let values = read_values(&path)?;
        let of_logits =
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(LOGITS));
        let kind = kind([&values], of_logits);
        Ok(Some(Self { path, values, kind, of_logits, notes }))
    }

    fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Adds a warning if the values are not of the kind that their file name says.
    fn say(&mut self) {
        let name = self.name();
        let off = self.values.rows().enumerate().map(|(row, values)| (row, sum(values)));
        let off = off
            .max_by(|(_, a), (_, b)| (a - 1.0).abs().total_cmp(&(b - 1.0).abs()))
            .unwrap_or((0, 0.0));
        let rows = if self.n_columns() > 1 {
            format!("its rows do not sum to 1, row {} sums to {:.4}", off.0, off.1)
        } else {
            "it holds values that are not from 0 to 1".into()
        };
        let note = match (self.kind, self.of_logits) {
            (Kind::Logits, true)
                if self.n_columns() == 1
                    && self.values.rows().all(|row| (0.0..=1.0).contains(&row[0])) =>
            {
                format!(
                    "{name} holds values from 0 to 1 alone, of which the sigmoid is taken: if they \
                     are probabilities, it must be called {SOFTMAX}"
                )
            }
            (Kind::Logits, false) if self.n_columns() > 1 => {
                format!(
                    "{name} holds logits, for {rows}: their softmax is taken for how sure the \
                     network is"
                )
            }
            (Kind::Logits, false) => {
                format!(
                    "{name} holds logits, for {rows}: their sigmoid is taken for how sure the \
                     network is"
                )
            }
            (Kind::Percentages, _) => {
                format!("{name} holds percentages, for its rows sum to 100: they are divided by it")
            }
            (Kind::Logarithms, _) => {
                format!(
                    "{name} holds logarithms of probabilities: their exponentials are taken for \
                     how sure the network is"
                )
            }
            (Kind::Unclear, _) => {
                format!(
                    "{name} holds values from 0 to 1, but {rows}: the largest column is taken for \
                     the prediction, and its probability is not known"
                )
            }
            (Kind::Probabilities, true) => {
                format!("{name} holds no logits but probabilities, which are taken as they are")
            }
            (Kind::Logits, true) | (Kind::Probabilities, false) => return,
        };
        self.notes.push(note);
    }

    /// Takes the values to be of the kind of the files that have the same name but for the part, if
    /// there are any: those of strangers say nothing about the others.
    pub(super) fn follow(&mut self, others: &[&mut Self]) {
        let leader = others.iter().find(|other| other.of_logits == self.of_logits);
        match leader {
            Some(leader) if leader.kind != self.kind => {
                self.notes.push(format!(
                    "{} is taken to hold {}, as {} does",
                    self.name(),
                    leader.kind.words(),
                    leader.name()
                ));
                self.kind = leader.kind;
            }
            Some(_) => {}
            None => agree(vec![self]),
        }
    }

    /// Points.
    pub(super) fn n(&self) -> usize {
        self.values.n_samples()
    }

    pub(super) fn n_columns(&self) -> usize {
        self.values.n_features()
    }

    /// The column of the largest value of each row, the first of equal ones; of one column, whether
    /// it is more likely than not.
    pub(super) fn predictions(&self) -> Vec<usize> {
        if self.n_columns() > 1 {
            return self.values.rows().map(argmax).collect();
        }
        let even = if self.kind == Kind::Logits { 0.0 } else { 0.5 };
        self.values.rows().map(|row| usize::from(row[0] > even)).collect()
    }

    /// `true` if [`Self::probabilities`] are known.
    pub(super) fn are_clear(&self) -> bool {
        self.kind != Kind::Unclear
    }

    /// The probabilities of the classes whose columns are `columns`, n x n_classes; none if they
    /// are not known, or a class has no column.
    pub(super) fn all_probabilities(&self, columns: &[usize]) -> Option<Matrix> {
        let has_all = columns.iter().all(|&column| column < self.n_columns().max(2));
        if !self.are_clear() || !has_all {
            return None;
        }
        let values = self.values.rows().flat_map(|row| {
            let row = self.row(row);
            columns.iter().map(move |&column| row[column].clamp(0.0, 1.0))
        });
        Matrix::new(values.collect(), self.n(), columns.len()).ok()
    }

    /// The largest probability of each row; none if they are not known.
    pub(super) fn largest(&self) -> Option<Vec<f32>> {
        let largest = |row: &[f32]| self.row(row).into_iter().fold(0.0, f32::max).min(1.0);
        self.are_clear().then(|| self.values.rows().map(largest).collect())
    }

    /// The probabilities of the columns of a row, of which there are two if there is one value.
    fn row(&self, row: &[f32]) -> Vec<f32> {
        let sigmoid = |logit: f64| (1.0 / (1.0 + (-logit).exp())) as f32;
        match (self.kind, row) {
            (Kind::Logits, [logit]) => [-logit, *logit].map(|it| sigmoid(it.into())).to_vec(),
            (_, [p]) => vec![1.0 - p, *p],
            (Kind::Probabilities, row) => row.to_vec(),
            (Kind::Percentages, row) => row.iter().map(|percent| percent / 100.0).collect(),
            (_, row) => softmax(row),
        }
    }

    /// The probability of one column for each row, of which there are two if there is one value;
    /// none if they are not known.
    ///
    /// # Panics
    /// If there are not as many columns as rows, or a column is not there.
    pub(super) fn probabilities(&self, columns: &[usize]) -> Option<Vec<f32>> {
        assert_eq!(columns.len(), self.n(), "a column for each row");
        let values = || {
            let rows = self.values.rows().zip(columns);
            rows.map(|(row, &column)| self.row(row)[column].clamp(0.0, 1.0)).collect()
        };
        self.are_clear().then(values)
    }
}

/// Determines the kind of the values of outputs: the same for all whose files have the same name
/// but for the part, since one network wrote them. Values of one part alone may look like something
/// else, as logits do that happen to lie between 0 and 1. What is taken in another way than its
/// name says is noted.
pub(super) fn agree(mut outputs: Vec<&mut Outputs>) {
    for of_logits in [false, true] {
        let same = |outputs: &&mut Outputs| outputs.of_logits == of_logits;
        let joint = kind(
            outputs.iter().filter(|outputs| same(outputs)).map(|outputs| &outputs.values),
            of_logits,
        );
        let telling = outputs
            .iter()
            .find(|outputs| same(outputs) && outputs.kind == joint)
            .map(|outputs| outputs.name());
        for outputs in outputs.iter_mut().filter(|outputs| same(outputs)) {
            if outputs.kind == joint {
                outputs.say();
                continue;
            }
            let as_what = telling
                .as_ref()
                .map_or("as both parts together do".into(), |other| format!("as {other} does"));
            outputs.notes.push(format!(
                "{} is taken to hold {}, {as_what}",
                outputs.name(),
                joint.words()
            ));
            outputs.kind = joint;
        }
    }
}

/// The softmax of a row.
fn softmax(row: &[f32]) -> Vec<f32> {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> =
        row.iter().map(|&value| (f64::from(value) - f64::from(most)).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| (power / sum) as f32).collect()
}

fn sum(row: &[f32]) -> f64 {
    row.iter().map(|&value| f64::from(value)).sum()
}

/// Kind of the values, which all share it; `of_logits` is what the names of their files say,
/// if the values do not show it.
fn kind<'a>(values: impl IntoIterator<Item = &'a Matrix>, of_logits: bool) -> Kind {
    let rows: Vec<&[f32]> = values.into_iter().flat_map(Matrix::rows).collect();
    let all = |is: &dyn Fn(&[f32]) -> bool| rows.iter().all(|row| is(row));
    let probable =
        |row: &[f32]| row.iter().all(|value| (-TOLERANCE..=1.0 + TOLERANCE).contains(value));
    let to_one = |sum: f64| (sum - 1.0).abs() <= SUM_TOLERANCE;
    let logarithms = |row: &[f32]| {
        row.iter().all(|&value| value <= TOLERANCE)
            && to_one(row.iter().map(|&value| f64::from(value).exp()).sum())
    };
    let percentages = |row: &[f32]| {
        row.iter().all(|value| (0.0..=100.0).contains(value)) && to_one(sum(row) / 100.0)
    };
    let all_probable = all(&probable);
    if all(&|row| row.len() == 1) {
        return if all_probable && !of_logits { Kind::Probabilities } else { Kind::Logits };
    }
    match all_probable {
        true if all(&|row| to_one(sum(row))) => Kind::Probabilities,
        true if !of_logits => Kind::Unclear,
        false if all(&logarithms) => Kind::Logarithms,
        false if all(&percentages) => Kind::Percentages,
        _ => Kind::Logits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(values: &[f32], columns: usize, of_logits: bool) -> Outputs {
        let values = Matrix::new(values.to_vec(), values.len() / columns, columns).unwrap();
        let kind = kind([&values], of_logits);
        let mut outputs =
            Outputs { path: "softmax_test.npy".into(), values, kind, of_logits, notes: Vec::new() };
        agree(vec![&mut outputs]);
        outputs
    }

    fn close(found: Option<Vec<f32>>, expected: &[f64]) {
        let found = found.unwrap();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn the_first_of_equal_columns_is_taken() {
        let softmax = outputs(&[0.2, 0.4, 0.4, 0.5, 0.5, 0.0, 0.1, 0.2, 0.7], 3, false);
        assert_eq!((softmax.predictions(), softmax.notes.len()), (vec![1, 0, 2], 0));
        close(softmax.probabilities(&[1, 0, 2]), &[0.4, 0.5, 0.7]);
    }

    #[test]
    fn logits_and_logarithms_become_probabilities() {
        // e^1 / (e^1 + e^2 + e^4), and with e^2 and e^4 above.
        let whole = 1_f64.exp() + 2_f64.exp() + 4_f64.exp();
        let logits = outputs(&[1.0, 2.0, 4.0, 1.0, 2.0, 4.0], 3, false);
        assert_eq!(logits.kind, Kind::Logits);
        assert!(
            logits.notes[0].contains("softmax_test.npy holds logits")
                && logits.notes[0].contains("7.0000"),
            "{:?}",
            logits.notes
        );
        close(logits.probabilities(&[0, 2]), &[1_f64.exp() / whole, 4_f64.exp() / whole]);
        let logarithms =
            outputs(&[0.25_f32.ln(), 0.75_f32.ln(), 0.5_f32.ln(), 0.5_f32.ln()], 2, false);
        assert_eq!(logarithms.kind, Kind::Logarithms);
        close(logarithms.probabilities(&[1, 0]), &[0.75, 0.5]);
        // Large logits overflow nothing.
        close(outputs(&[1000.0, 0.0, -1000.0, 0.0], 2, false).probabilities(&[0, 1]), &[1.0, 1.0]);
    }

    #[test]
    fn strangers_are_of_the_kind_of_the_others_and_change_none() {
        let mut known = outputs(&[0.25, 0.75, 0.5, 0.5], 2, false);
        let other = |values: &[f32], of_logits| Outputs {
            path: "softmax_strangers.npy".into(),
            kind: kind([&Matrix::new(values.to_vec(), 1, 2).unwrap()], of_logits),
            values: Matrix::new(values.to_vec(), 1, 2).unwrap(),
            of_logits,
            notes: Vec::new(),
        };
        let mut strangers = other(&[3.0, 1.0], false);
        strangers.follow(&[&mut known]);
        assert_eq!((strangers.kind, known.kind), (Kind::Probabilities, Kind::Probabilities));
        assert!(strangers.notes[0].contains("taken to hold probabilities, as softmax_test.npy"));
        // Logits follow no probabilities.
        let mut logits = other(&[0.4, 0.6], true);
        logits.kind = Kind::Logits;
        logits.follow(&[&mut known]);
        assert_eq!(logits.kind, Kind::Probabilities);
        close(strangers.largest(), &[1.0]);
        close(known.largest(), &[0.75, 0.5]);
    }

    #[test]
    fn what_is_unclear_has_no_confidence_unless_its_name_tells() {
        let each = [0.9, 0.8, 0.1, 0.2];
        assert_eq!(outputs(&each, 2, false).kind, Kind::Unclear);
        assert_eq!(outputs(&each, 2, false).probabilities(&[0, 1]), None);
        close(outputs(&each, 2, true).probabilities(&[0, 1]), &[1.0 / (1.0 + (-0.1_f64).exp()); 2]);
        assert_eq!(outputs(&[0.5, 0.5, 0.31, 0.7], 2, true).kind, Kind::Probabilities);
    }

    #[test]
    fn one_column_is_the_probability_of_the_second_class() {
        let sigmoid = outputs(&[0.1, 0.5, 0.8], 1, false);
        assert_eq!((sigmoid.predictions(), sigmoid.kind), (vec![0, 0, 1], Kind::Probabilities));
        close(sigmoid.probabilities(&[0, 0, 1]), &[0.9, 0.5, 0.8]);
        let logits = outputs(&[-2.0, 0.0, 3.0], 1, false);
        assert_eq!((logits.predictions(), logits.kind), (vec![0, 0, 1], Kind::Logits));
        close(
            logits.probabilities(&[0, 0, 1]),
            &[1.0 / (1.0 + (-2_f64).exp()), 0.5, 1.0 / (1.0 + (-3_f64).exp())],
        );
        assert_eq!(outputs(&[0.1, 0.5, 0.8], 1, true).kind, Kind::Logits);
    }
}

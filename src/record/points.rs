//! The points that a report shows.

use crate::error::{Error, Result};
use crate::random::Random;
use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// Stream of the random numbers of this module.
const STREAM: u64 = 0x7265_706f_7274;

/// The points that a report shows; as a text `test`, `train`, `all` or a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ReportPoints {
    /// The test points; the training points if there are no others.
    #[default]
    Test,
    /// The training points.
    Train,
    /// Both.
    All,
    /// So many of both, drawn by the seed; all of them if there are no more.
    Number(usize),
}

/// Rows of both parts, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Rows of the training points.
    pub train: Vec<usize>,
    /// Rows of the test points.
    pub test: Vec<usize>,
}

impl Rows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.train.len() + self.test.len()
    }

    /// `true` if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ReportPoints {
    /// The rows that are shown of `n_train` training and `n_test` test points.
    pub fn rows(self, n_train: usize, n_test: usize, random_state: u64) -> Rows {
        let (train, test) = ((0..n_train).collect::<Vec<_>>(), (0..n_test).collect::<Vec<_>>());
        match self {
            Self::Test if n_test > 0 => Rows { train: Vec::new(), test },
            Self::Test | Self::Train => Rows { train, test: Vec::new() },
            Self::Number(number) if number < n_train + n_test => {
                let mut all = Random::new(random_state, STREAM).permutation(n_train + n_test);
                all.truncate(number);
                all.sort_unstable();
                let first_test = all.partition_point(|&row| row < n_train);
                let test = all.split_off(first_test).into_iter().map(|row| row - n_train).collect();
                Rows { train: all, test }
            }
            Self::All | Self::Number(_) => Rows { train, test },
        }
    }

    /// Description of the selection from `n` points.
    pub fn words(self, rows: &Rows, n: usize) -> &'static str {
        match self {
            _ if rows.len() == n => "all points",
            Self::Number(_) => "drawn at random",
            _ if rows.train.is_empty() => "the test points",
            _ => "the training points",
        }
    }
}

impl FromStr for ReportPoints {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "test" => Ok(Self::Test),
            "train" => Ok(Self::Train),
            "all" => Ok(Self::All),
            number => match number.parse() {
                Ok(number) if number > 0 => Ok(Self::Number(number)),
                _ => Err(Error::parameter(
                    "report_points",
                    text,
                    "`test`, `train`, `all` or a number of at least 1",
                )),
            },
        }
    }
}

impl TryFrom<String> for ReportPoints {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<ReportPoints> for String {
    fn from(points: ReportPoints) -> Self {
        points.to_string()
    }
}

impl Display for ReportPoints {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Test => out.write_str("test"),
            Self::Train => out.write_str("train"),
            Self::All => out.write_str("all"),
            Self::Number(number) => write!(out, "{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_drawn_once_each_from_both_parts_and_ascend() {
        let rows = ReportPoints::Number(60).rows(100, 50, 7);
        assert_eq!(rows.len(), 60);
        assert!(rows.train.is_sorted_by(|a, b| a < b) && rows.test.is_sorted_by(|a, b| a < b));
        assert!(rows.train.iter().all(|&row| row < 100) && rows.test.iter().all(|&row| row < 50));
        assert!(!rows.train.is_empty() && !rows.test.is_empty());
        assert_eq!(rows, ReportPoints::Number(60).rows(100, 50, 7));
        assert_ne!(rows, ReportPoints::Number(60).rows(100, 50, 8));
        assert_eq!(ReportPoints::Number(500).rows(100, 50, 7), ReportPoints::All.rows(100, 50, 7));
        assert_eq!(
            ReportPoints::Test.rows(3, 0, 7),
            Rows { train: vec![0, 1, 2], test: Vec::new() }
        );
    }

    #[test]
    fn texts_are_read_and_written_alike() {
        for text in ["test", "train", "all", "1200"] {
            assert_eq!(text.parse::<ReportPoints>().unwrap().to_string(), text);
        }
        for text in ["0", "-3", "some", ""] {
            assert!(text.parse::<ReportPoints>().is_err(), "{text}");
        }
    }
}

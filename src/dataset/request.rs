//! What data are asked for: a name or a path, and how they are to be read.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::str::FromStr;

/// Whether the first line of a CSV file may be a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Header {
    /// Decided by the content of the line and by the counts of rows.
    #[default]
    Auto,
    /// There is none: every line is data.
    None,
}

/// Which column of a CSV file holds the labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LabelColumn {
    /// The first.
    First,
    /// The last.
    Last,
    /// None: every column holds pixels, whatever the header calls it.
    None,
    /// This one, counted from 1.
    Number(usize),
    /// The one that the header calls so.
    Name(String),
}

impl FromStr for LabelColumn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_lowercase().as_str() {
            "" => Err("expected first, last, none, the number of a column, from 1, or its name in the header".into()),
            "first" => Ok(Self::First),
            "last" => Ok(Self::Last),
            "none" => Ok(Self::None),
            _ => match text.parse() {
                Ok(0) => Err("columns are counted from 1".into()),
                Ok(number) => Ok(Self::Number(number)),
                Err(_) => Ok(Self::Name(text.into())),
            },
        }
    }
}

/// The data of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// A name in [`super::DATASETS`], or the path of a folder or file.
    pub dataset: String,
    /// Where the files of a named data set are, if not in the usual places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// Groups of classes that become the labels: a built-in name or a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_groups: Option<String>,
    /// How CSV files begin.
    pub header: Header,
}

impl Request {
    /// Asks for `dataset` as it is.
    pub fn new(dataset: impl Into<String>) -> Self {
        Self { dataset: dataset.into(), ..Self::default() }
    }
}

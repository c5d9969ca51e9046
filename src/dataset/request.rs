//! What data are asked for: a name or a path, and how they are to be read.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

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

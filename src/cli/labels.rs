//! Labels of the points of `embed`, `evaluate`, `cluster` and `report`: one flag, one reader.

use super::say;
use clap::Args;
use layerlens::Error;
use layerlens::dataset::{
    LabelColumn, Labels, LabelsBeside, names_files, parse_names, read_labels,
};
use std::path::Path;

/// Options of reading labels.
#[derive(Clone, Debug, Args)]
pub struct LabelArgs {
    /// The column of labels in a .csv, .tsv or .txt file of several: its name in the header, its
    /// number, from 1, first or last [default: the one called label, class, target, digit, y, ...]
    #[arg(long, value_name = "NAME|N", requires = "labels")]
    pub label_column: Option<LabelColumn>,
    /// Names of the classes, with commas between, in double quotes where a name holds one; or a
    /// file with one a line. Numbers as labels count them from 0, or are such names
    #[arg(long, value_name = "NAMES|FILE", requires = "labels")]
    class_names: Vec<String>,
}

/// Points of a file: where they are, how many, and their labels if they have any.
pub type Points<'a> = (&'a Path, usize, Option<&'a Path>);

/// Labels of one or two files of points.
pub struct PointLabels {
    /// For each file of points the class of each row, if it has labels.
    pub labels: Vec<Option<Vec<u16>>>,
    /// Names of the classes.
    pub class_names: Vec<String>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

impl LabelArgs {
    /// Files of names of the classes.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        names_files(&self.class_names)
    }

    /// Reads the labels of points that have any. What is called alike is one class in all files.
    pub fn read(&self, points: &[Points<'_>]) -> Result<PointLabels, Error> {
        let names = parse_names("class_names", &self.class_names)?;
        let files: Vec<LabelsBeside<'_>> = points
            .iter()
            .filter_map(|&(points, n, labels)| Some(LabelsBeside { points, n, labels: labels? }))
            .collect();
        let Labels { names: class_names, classes, notes: warnings, .. } =
            read_labels(&files, self.label_column.as_ref(), &names)?;
        let mut of_files = classes.into_iter();
        let labels = points.iter().map(|(_, _, labels)| labels.and_then(|_| of_files.next()));
        Ok(PointLabels { labels: labels.collect(), class_names, warnings })
    }
}

/// Says what should be known of the labels.
pub fn say_all(warnings: &[String]) {
    for warning in warnings {
        say(&format!("warning: {warning}"));
    }
}

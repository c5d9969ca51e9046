//! Labels of the points of `embed`, `evaluate`, `cluster` and `report`: one flag, one reader.

use super::say;
use clap::Args;
use layerlens::Error;
use layerlens::dataset::{LabelColumn, LabelFile, Labels, is_text};
use layerlens::matrix::Matrix;
use layerlens::words::listed;
use std::path::Path;

/// How labels are read.
#[derive(Clone, Debug, Args)]
pub struct LabelArgs {
    /// The column of labels in a .csv, .tsv or .txt file of several: its name in the header, its
    /// number, from 1, first or last [default: the one called label, class, target, digit, y, ...]
    #[arg(long, value_name = "NAME|N", requires = "labels")]
    pub label_column: Option<LabelColumn>,
}

/// Points of a file: where they are, and their labels if they have any.
pub type Points<'a> = (&'a Path, &'a Matrix, Option<&'a Path>);

/// What the labels of one or two files of points mean.
pub struct Read {
    /// For each file of points the class of each row, if it has labels; none if there are more
    /// classes than can be scored.
    pub labels: Vec<Option<Vec<u8>>>,
    /// Names of the classes.
    pub class_names: Vec<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl LabelArgs {
    /// Reads the labels of points that have any. What is called alike is one class in all files.
    pub fn read(&self, points: &[Points<'_>], names: &[String]) -> Result<Read, Error> {
        let with_labels =
            points.iter().filter_map(|(path, x, labels)| Some((path, x.n_samples(), (*labels)?)));
        let read = with_labels.map(|(path, n, labels)| self.read_file(labels, (path, n)));
        let label_files = read.collect::<Result<Vec<LabelFile>, Error>>()?;
        let is_text = |file: &LabelFile| is_text(&file.path);
        if let (Some(_), Some(file), false) =
            (&self.label_column, label_files.first(), label_files.iter().any(is_text))
        {
            return Err(Error::input(
                &file.path,
                "--label-column is for labels in a .csv, .tsv or .txt file",
            ));
        }
        let labels = Labels::of(
            &label_files.iter().collect::<Vec<_>>(),
            Some(names).filter(|names| !names.is_empty()),
        )?;
        let mut warnings = labels.notes.clone();
        let narrow = labels.narrow();
        if narrow.is_none() {
            let n = labels.names.len();
            let file = label_files[0].path.display();
            warnings.push(format!(
                "{file} has {n} classes, more than 256: they are neither scored nor drawn"
            ));
        }
        warnings.extend(strangers(&label_files, &labels));
        let mut of_files =
            (0..label_files.len()).map(|at| narrow.as_ref().map(|narrow| narrow[at].clone()));
        let labels_of = points
            .iter()
            .map(|(_, _, labels)| labels.and_then(|_| of_files.next().flatten()))
            .collect();
        Ok(Read {
            labels: labels_of,
            class_names: if narrow.is_some() { labels.names } else { Vec::new() },
            warnings,
        })
    }

    fn read_file(&self, labels: &Path, (points, n): (&Path, usize)) -> Result<LabelFile, Error> {
        let file = LabelFile::read(
            labels,
            self.label_column.as_ref().filter(|_| is_text(labels)),
            Some(n),
        )?;
        if file.values.len() != n {
            let message =
                format!("{} labels for the {n} rows of {}", file.values.len(), points.display());
            return Err(Error::input(labels, message));
        }
        Ok(file)
    }
}

/// Warns of classes of later files that the first does not have: no neighbour can vote for them.
fn strangers(files: &[LabelFile], labels: &Labels) -> Option<String> {
    let ([first, rest @ ..], [path, others @ ..]) = (&labels.classes[..], files) else {
        return None;
    };
    let strange = |class: &usize| {
        let class = *class as u16;
        !first.contains(&class) && rest.iter().any(|classes| classes.contains(&class))
    };
    let strange =
        (0..labels.names.len()).filter(strange).map(|class| format!("`{}`", labels.names[class]));
    let strange: Vec<String> = strange.collect();
    let (known, other) = (path.path.display(), others.first()?.path.display());
    (!strange.is_empty())
        .then(|| format!("{other} has classes that {known} does not have: {}", listed(&strange)))
}

/// Says what should be known of the labels.
pub fn say_all(warnings: &[String]) {
    for warning in warnings {
        say(&format!("warning: {warning}"));
    }
}

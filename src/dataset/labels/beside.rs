//! Label files that accompany points: one reader for all commands with such files.

use super::{LabelFile, Labels};
use crate::dataset::LabelColumn;
use crate::dataset::columns::is_text;
use crate::error::{Error, Result};
use crate::format::listed;
use std::path::Path;

/// Points, and the file of their labels.
#[derive(Clone, Copy, Debug)]
pub struct LabelsBeside<'a> {
    /// Path of the file of the points, for messages.
    pub points: &'a Path,
    /// Number of points.
    pub n: usize,
    /// Path of the file of labels, one a point, in a form that [`LabelFile::read`] accepts.
    pub labels: &'a Path,
}

/// Reads the labels of points. Those of the first file come first; a classifier is fitted to them.
/// Equal labels are one class in all files. `column` is the column of text files; `names`, if
/// given, are the classes.
///
/// # Errors
/// [`Error::Input`] as [`LabelFile::read`] and [`Labels::of`], and if a file does not have one
/// label a point, or a column is given and no file is text.
pub fn read_labels(
    files: &[LabelsBeside<'_>],
    column: Option<&LabelColumn>,
    names: &[String],
) -> Result<Labels> {
    // If no file is text, the first one refuses the column.
    let has_text = files.iter().any(|file| is_text(file.labels));
    let read = |file: &LabelsBeside<'_>| {
        let column = column.filter(|_| is_text(file.labels) || !has_text);
        let read = LabelFile::read(file.labels, column, Some(file.n))?;
        let found = read.values.len();
        if found == file.n {
            return Ok(read);
        }
        let points = file.points.display();
        Err(Error::input(
            file.labels,
            format!("{found} labels for the {} rows of {points}", file.n),
        ))
    };
    let read = files.iter().map(read).collect::<Result<Vec<LabelFile>>>()?;
    let names = Some(names).filter(|names| !names.is_empty());
    let mut labels = Labels::of(&read.iter().collect::<Vec<_>>(), names)?;
    labels.notes.extend(only_later(files, &labels));
    Ok(labels)
}

/// Warning about classes of later files that the first does not have: no neighbour can vote for
/// them.
fn only_later(files: &[LabelsBeside<'_>], labels: &Labels) -> Option<String> {
    let ([first, rest @ ..], [file, others @ ..]) = (&labels.classes[..], files) else {
        return None;
    };
    let is_later = |class: &usize| {
        let class = *class as u16;
        !first.contains(&class) && rest.iter().any(|classes| classes.contains(&class))
    };
    let later = (0..labels.names.len()).filter(is_later);
    let later: Vec<String> = later.map(|class| format!("`{}`", labels.names[class])).collect();
    let known = file.labels.display();
    let other = others.first()?.labels.display();
    (!later.is_empty())
        .then(|| format!("{other} has classes that {known} does not have: {}", listed(&later)))
}

//! Columns of text files: recognition of text files, and choice of the requested column or that of
//! the labels by name.

use std::path::Path;

/// Usual names of columns with labels.
const LABELS: [&str; 10] = [
    "label", "labels", "class", "classes", "target", "targets", "digit", "digits", "category", "y",
];

/// `true` if a file name is that of a text file with columns: `.csv`, `.tsv` or `.txt`, ignoring
/// case.
pub fn is_text(path: &Path) -> bool {
    path.extension().is_some_and(|end| {
        ["csv", "tsv", "txt"].iter().any(|known| end.eq_ignore_ascii_case(known))
    })
}

/// `true` if a column has a usual name of labels.
pub(super) fn is_label(name: &str) -> bool {
    LABELS.iter().any(|label| name.trim().eq_ignore_ascii_case(label))
}

/// Index of the column with exactly this name, otherwise of the first one with this name ignoring
/// case.
pub(super) fn named(names: &[String], name: &str) -> Option<usize> {
    let exact = names.iter().position(|candidate| candidate.trim() == name.trim());
    exact.or_else(|| {
        names.iter().position(|candidate| candidate.trim().eq_ignore_ascii_case(name.trim()))
    })
}

//! Columns of text: which files are text, and which of their columns is meant or holds the labels,
//! by name.

use std::path::Path;

/// Names of columns that hold labels.
const LABELS: [&str; 10] = [
    "label", "labels", "class", "classes", "target", "targets", "digit", "digits", "category", "y",
];

/// Whether a file is called like text of one column or several: `.csv`, `.tsv` or `.txt`, in
/// letters of any case.
pub fn is_text(path: &Path) -> bool {
    path.extension().is_some_and(|end| {
        ["csv", "tsv", "txt"].iter().any(|known| end.eq_ignore_ascii_case(known))
    })
}

/// Whether a column is called like labels.
pub(super) fn is_label(name: &str) -> bool {
    LABELS.iter().any(|label| name.trim().eq_ignore_ascii_case(label))
}

/// The column called exactly so, or else the first that is but for the case of letters.
pub(super) fn named(names: &[String], name: &str) -> Option<usize> {
    let exact = names.iter().position(|candidate| candidate.trim() == name.trim());
    exact.or_else(|| {
        names.iter().position(|candidate| candidate.trim().eq_ignore_ascii_case(name.trim()))
    })
}

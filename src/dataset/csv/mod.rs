//! CSV files of pixels and labels, plain or gzip-compressed, in the two forms in which image data are shipped.
//!
//! Four files: `x_train.csv` and `x_test.csv` with the pixels of an image a line, `y_train.csv` and `y_test.csv` with a label a
//! line. Or two files, for training and test, whose lines hold the label and then the pixels. Values are whole numbers from 0
//! to 255 with commas between; anything else is refused with its line and column.

mod header;
mod parse;
mod table;
mod write;

pub(super) use write::{write_labels, write_pixels, write_together};

use super::{Header, Images, Samples, Source};
use crate::error::{Error, Result};
use header::First;
use std::path::Path;
use table::{Content, Table};

/// Images with their labels, and the files they are from.
pub(super) struct Read {
    pub samples: Samples,
    pub sources: Vec<Source>,
    /// What was taken for a header although it could be data.
    pub note: Option<String>,
}

/// Reads pixels from one file and labels from another.
pub(super) fn read_pair(x: &Path, y: &Path, header: Header) -> Result<Read> {
    let mut pixels = Table::read(x, header, |_| Content::Pixels)?;
    let side = side(x, pixels.columns, "")?;
    let mut labels = Table::read(y, header, |_| Content::Labels)?;
    if labels.columns != 1 {
        return Err(Error::input(y, format!("has {} columns, expected 1: a label a line", labels.columns)));
    }
    let note = settle_headers(&mut pixels, &mut labels);
    at_least_one(&pixels)?;
    at_least_one(&labels)?;
    if pixels.rows() != labels.rows() {
        let (found, expected) = (labels.rows(), pixels.rows());
        let headers = [&pixels, &labels]
            .map(|table| if matches!(table.first, First::Header(_) | First::Count(_)) { "with" } else { "without" });
        let message = format!(
            "{found} labels for the {expected} images of {} (read {} a header there and {} one here; --no-header reads every line as data)",
            x.display(),
            headers[0],
            headers[1]
        );
        return Err(Error::input(y, message));
    }
    let images = Images::new(pixels.values, side, side).map_err(|error| Error::input(x, error.to_string()))?;
    let samples = Samples::new(images, labels.values).map_err(|error| Error::input(y, error.to_string()))?;
    Ok(Read { samples, sources: vec![pixels.source, labels.source], note })
}

/// Decides first lines that could be both by the counts of rows: two headers or none where the rest is as long, a header where
/// one has a line more. A count over labels is a header only where the pixels have one too: a label must not be lost to a file
/// that is one image short.
fn settle_headers(pixels: &mut Table, labels: &mut Table) -> Option<String> {
    match (pixels.is_unsure(), labels.is_unsure()) {
        (false, false) => None,
        (false, true) => {
            let header = matches!(pixels.first, First::Header(_)) && labels.rows() == pixels.rows();
            if !header {
                labels.take_first();
            }
            None
        }
        (true, false) => {
            if labels.rows() == pixels.rows() + 1 {
                pixels.take_first();
                return None;
            }
            Some(noted(pixels))
        }
        (true, true) => {
            if labels.rows() + 1 == pixels.rows() {
                labels.take_first();
            }
            Some(noted(pixels))
        }
    }
}

/// Reads labels and pixels from one file. The label is the first column, or the one that the header calls so.
pub(super) fn read_together(path: &Path, header: Header) -> Result<Read> {
    let mut table = Table::read(path, header, |head| Content::Both(label_column(head)))?;
    if table.columns < 2 {
        return Err(Error::input(path, "has 1 column, expected a label and pixels with commas between"));
    }
    let side = side(path, table.columns - 1, " after the label")?;
    let note = table.is_unsure().then(|| noted(&table));
    at_least_one(&table)?;
    let labels = std::mem::take(&mut table.labels);
    let images = Images::new(table.values, side, side).map_err(|error| Error::input(path, error.to_string()))?;
    let samples = Samples::new(images, labels).map_err(|error| Error::input(path, error.to_string()))?;
    Ok(Read { samples, sources: vec![table.source], note })
}

fn noted(table: &Table) -> String {
    format!("the first line of {} was taken for a header; --no-header reads it as data", table.path.display())
}

fn label_column(head: &[String]) -> usize {
    let is_label = |field: &String| {
        let name = field.trim().trim_matches('"').to_lowercase();
        ["label", "class", "target", "y"].contains(&name.as_str())
    };
    if head.last().is_some_and(is_label) && !head.first().is_some_and(is_label) { head.len() - 1 } else { 0 }
}

fn at_least_one(table: &Table) -> Result<()> {
    if table.rows() == 0 {
        return Err(Error::input(&table.path, "has a header and no rows, expected at least one"));
    }
    Ok(())
}

/// The side of the square images of which every line holds the pixels.
fn side(path: &Path, n_pixels: usize, place: &str) -> Result<usize> {
    let side = n_pixels.isqrt();
    if side * side == n_pixels && side > 0 {
        return Ok(side);
    }
    let message = format!("has {n_pixels} columns of pixels{place}: expected a square number, 784 for images of 28 x 28");
    Err(Error::input(path, message))
}

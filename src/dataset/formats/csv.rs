//! Four CSV files, of pixels and of labels.

use super::{Contents, Fill, Format, Read, Writer, Written, four};
use crate::dataset::request::Request;
use crate::dataset::{check_sizes, csv};
use crate::error::Result;
use std::path::{Path, PathBuf};

/// Extensions of CSV files.
pub(super) const ENDINGS: &[&str] = &[".csv", ".csv.gz"];

pub(super) static FORMAT: Format = Format {
    name: "csv",
    title: "CSV files of pixels and of labels",
    looks_like: "four CSV files (x_train.csv, y_train.csv, x_test.csv, y_test.csv; plain or .gz)",
    endings: ENDINGS,
    options: &["label_column", "train_part", "test_part"],
    find: Some(|folder, _| Ok(four::arrays(folder, ENDINGS).map(|arrays| arrays.found(read)))),
    named_set: None,
    file: None,
    written: Some(Written {
        wide: false,
        summary: "Four CSV files: x_train, y_train, x_test, y_test",
        writer: Writer::Folder(files),
    }),
};

fn read(paths: &[PathBuf; 4], request: &Request) -> Result<Read> {
    let [x_train, y_train, x_test, y_test] = paths;
    let options = options(request);
    let train = csv::read_pair(x_train, y_train, options)?;
    let test = csv::read_pair(x_test, y_test, options)?;
    both((x_train, train), Some((x_test, test)))
}

pub(super) fn options(request: &Request) -> csv::Options<'_> {
    csv::Options {
        header: request.header,
        label_column: request.label_column.as_ref(),
        image_shape: request.image_shape,
    }
}

/// The parts that were read from CSV files.
pub(super) fn both(train: (&Path, csv::Read), test: Option<(&Path, csv::Read)>) -> Result<Read> {
    if let Some((path, test)) = &test {
        check_sizes((train.0, &train.1.samples), (path, &test.samples))?;
    }
    let csv::Read { samples, mut sources, notes: mut warnings, .. } = train.1;
    let test = test.map(|(_, test)| {
        sources.extend(test.sources);
        warnings.extend(test.notes);
        test.samples
    });
    Ok(Read { train: samples, test, sources, warnings, names: None, settled: None })
}

fn files<'a>(contents: &'a Contents<'a>) -> Vec<(String, Fill<'a>)> {
    let mut files: Vec<(String, Fill)> = Vec::new();
    for (part, images, labels) in contents.named() {
        files.push((format!("x_{part}.csv"), Box::new(move |out| csv::write_pixels(out, images))));
        files.push((format!("y_{part}.csv"), Box::new(move |out| csv::write_labels(out, labels))));
    }
    files
}

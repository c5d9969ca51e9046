//! What holds for every format of data sets: one that is added is tested with no more code.

use super::input_error;
use layerlens::dataset::{Dataset, FORMATS, Format, Images, Request, Samples, convert};
use layerlens::progress::Silent;
use layerlens::{Error, dataset};
use std::collections::BTreeSet;
use std::path::Path;
use tempfile::TempDir;

fn open(path: &Path) -> Result<Dataset, Error> {
    Dataset::open(&Request::new(path.to_str().expect("a path in UTF-8")))
}

/// Images of 3 x 2 in three classes, of which the names are not numbers.
fn data() -> Dataset {
    let part = |n: usize, from: usize| {
        let pixels = (0..6 * n).map(|at| (at * 37 + from) as u8).collect();
        let labels = (0..n).map(|row| (row % 3) as u16).collect();
        Samples::new(Images::new(pixels, 3, 2).expect("images"), labels).expect("as many labels")
    };
    let sample = Dataset::load("fashion-mnist-sample", None).expect("the embedded sample");
    let class_names = ["a, b", "c", "d"].map(str::to_owned).to_vec();
    Dataset { train: part(9, 0), test: part(6, 5), class_names, ..sample }
}

/// Where a format is written to: a file of its ending, or a folder.
fn target(folder: &Path, format: &Format) -> std::path::PathBuf {
    let ending = format.written_ending().map_or(String::new(), |ending| format!(".{ending}"));
    folder.join(format!("data{ending}"))
}

#[test]
fn formats_have_names_of_their_own_and_are_told_where_none_is_found() {
    let names: BTreeSet<&str> = FORMATS.iter().map(|format| format.name).collect();
    assert_eq!(names.len(), FORMATS.len());
    let folder = TempDir::new().expect("a folder");
    let of_folder = input_error(open(folder.path()), folder.path());
    let file = folder.path().join("data.unknown");
    std::fs::write(&file, "?").expect("a file");
    let of_file = input_error(open(&file), &file);
    for format in FORMATS {
        assert_eq!(Format::named(format.name).map(|found| found.title), Some(format.title));
        for message in [&of_folder, &of_file] {
            assert!(message.contains(format.looks_like), "{}: {message}", format.name);
        }
    }
    assert!(of_file.starts_with("is a file that is no .csv"), "{of_file}");
    assert!(of_folder.ends_with(&dataset::formats_text()), "{of_folder}");
}

#[test]
fn what_is_written_is_read_again() {
    let data = data();
    for format in FORMATS.iter().filter(|format| format.written().is_some()) {
        for gzip in [false, true] {
            let folder = TempDir::new().expect("a folder");
            let out = target(folder.path(), format);
            let written = convert(&data, &out, format, gzip, false, &Silent).expect("files");
            assert!(written.iter().all(|path| path.exists()), "{written:?}");
            let read = open(&out).unwrap_or_else(|error| panic!("{}: {error}", format.name));
            assert!(read.train == data.train && read.test == data.test, "{}", format.name);
            assert_eq!(read.class_names, data.class_names, "{}", format.name);
            assert_eq!(read.warnings, [""; 0], "{}", format.name);
            let again = convert(&data, &out, format, gzip, false, &Silent);
            assert!(matches!(again, Err(Error::Exists(_))), "{}", format.name);
        }
    }
}

#[test]
fn two_formats_in_a_folder_are_told_apart_or_refused() {
    let data = data();
    let in_folder =
        || FORMATS.iter().filter(|it| it.written().is_some() && it.written_ending().is_none());
    for first in in_folder() {
        for second in in_folder().filter(|second| second.name != first.name) {
            let folder = TempDir::new().expect("a folder");
            for format in [first, second] {
                convert(&data, folder.path(), format, false, true, &Silent).expect("files");
            }
            let message = input_error(open(folder.path()), folder.path());
            for format in [first, second] {
                assert!(message.contains(format.title), "{}: {message}", format.name);
            }
            assert!(message.contains("which one is meant?"), "{message}");
        }
    }
}

#[test]
fn a_format_that_is_only_read_is_not_written() {
    let folder = TempDir::new().expect("a folder");
    for format in FORMATS.iter().filter(|format| format.written().is_none()) {
        let out = folder.path().join(format.name);
        let error = convert(&data(), &out, format, false, false, &Silent).expect_err("only read");
        assert!(matches!(error, Error::Parameter { .. }), "{error}");
        assert!(!out.exists());
    }
}

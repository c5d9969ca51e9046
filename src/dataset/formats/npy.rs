//! Four .npy files of arrays.

use super::{Format, Read, four};
use crate::dataset::classes::Named;
use crate::dataset::request::Request;
use crate::dataset::{arrays, check_sizes};
use crate::error::Result;
use std::path::PathBuf;

const ENDINGS: &[&str] = &[".npy"];

pub(super) static FORMAT: Format = Format {
    name: "npy",
    title: ".npy files",
    looks_like: "four .npy files (x_train.npy, ...)",
    endings: ENDINGS,
    options: &["train_part", "test_part"],
    find: Some(|folder, _| Ok(four::arrays(folder, ENDINGS).map(|arrays| arrays.found(read)))),
    named_set: None,
    file: None,
    written: None,
};

fn read(paths: &[PathBuf; 4], request: &Request) -> Result<Read> {
    let read = arrays::read_npy(paths, request.image_shape)?;
    check_sizes((&paths[0], &read.train), (&paths[2], &read.test))?;
    Ok(of_arrays(read))
}

/// Content of arrays in the form that all formats return.
pub(super) fn of_arrays(read: arrays::Read) -> Read {
    let names = read.class_names.map(|(path, names)| Named::InOrder(path, names));
    Read {
        train: read.train,
        test: Some(read.test),
        sources: read.sources,
        warnings: read.warnings,
        names,
        settled: None,
    }
}

//! Four .npy files of arrays.

use super::{Folder, Format, FoundFiles, Layout, Read, four};
use crate::dataset::classes::Named;
use crate::dataset::request::ImageShape;
use crate::dataset::{arrays, check_sizes};
use crate::error::Result;
use std::path::PathBuf;

const ENDINGS: &[&str] = &[".npy"];

pub(super) static FORMAT: Format = Format {
    name: "npy",
    title: ".npy files",
    looks_like: "four .npy files (x_train.npy, ...)",
    endings: ENDINGS,
    options: &[],
    find: Some(|folder, _| Ok(find(folder))),
    named_set: None,
    file: None,
    written: None,
};

fn find(folder: &Folder<'_>) -> Option<FoundFiles> {
    let four::Arrays { first, paths } = four::arrays(folder, ENDINGS)?;
    let layout = paths.map(|paths| Layout {
        files: Some(paths.to_vec()),
        read: Box::new(move |request| read(&paths, request.image_shape)),
    });
    Some(FoundFiles { first: Some(first), layout })
}

fn read(paths: &[PathBuf; 4], shape: Option<ImageShape>) -> Result<Read> {
    let read = arrays::read_npy(paths, shape)?;
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

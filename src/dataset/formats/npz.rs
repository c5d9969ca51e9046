//! One .npz archive with four arrays and the names of the classes.

use super::npy::of_arrays;
use super::{Format, Read, SingleFile, Writer, Written};
use crate::dataset::request::Request;
use crate::dataset::{arrays, check_sizes};
use crate::error::Result;
use std::path::Path;

pub(super) static FORMAT: Format = Format {
    name: "npz",
    title: "a .npz file",
    looks_like: "a .npz file",
    endings: &[".npz"],
    options: &["train_part", "test_part"],
    find: None,
    named_set: None,
    file: Some(SingleFile { title: ".npz", is_called: |name| name.ends_with(".npz"), read }),
    written: Some(Written {
        wide: true,
        summary: "One .npz file: x_train, y_train, x_test, y_test",
        writer: Writer::File {
            ending: "npz",
            fill: |contents, gzip| {
                let parts =
                    contents.parts.each_ref().map(|(images, labels)| (*images, &labels[..]));
                Box::new(move |out| arrays::write_npz(out, parts, contents.class_names, gzip))
            },
        },
    }),
};

fn read(path: &Path, request: &Request) -> Result<Read> {
    let read = arrays::read_npz(path, request)?;
    check_sizes((&path.join("x_train"), &read.train), (&path.join("x_test"), &read.test))?;
    Ok(of_arrays(read))
}

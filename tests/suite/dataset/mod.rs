//! The data sets and the file formats they are read from: every error with its words, and every
//! format against bytes that were put together by hand.

mod csv;
mod csv_columns;
mod formats;
mod groups;
mod idx;
mod image_form;
mod images;
mod named;
mod npy;
mod numpy;
mod own;
mod parts;
mod published;
mod unlabelled;

use flate2::{Compression, write::GzEncoder};
use layerlens::dataset::Format;
use layerlens::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub const FULL: &str = "/usr/share/datasets/fashion-mnist";
pub const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// An IDX file: magic number, sizes, body.
pub fn idx_bytes(magic: u32, sizes: &[u32], body: &[u8]) -> Vec<u8> {
    let header = std::iter::once(&magic).chain(sizes).flat_map(|number| number.to_be_bytes());
    header.chain(body.iter().copied()).collect()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An NPY file of version 1.0 as NumPy writes it: the header padded with spaces to a multiple of 64
/// bytes.
pub fn npy_bytes(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    let padding = 64 - (10 + text.len() + 1) % 64;
    text.push_str(&" ".repeat(padding % 64));
    text.push('\n');
    [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes(), data].concat()
}

/// The format of that name.
pub fn written(name: &str) -> &'static Format {
    Format::named(name).expect("a format")
}

pub fn put(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// What is said about a file that cannot be opened, in the words of this operating system.
pub fn unreadable(path: &Path) -> String {
    format!("cannot be read: {}", fs::read(path).unwrap_err())
}

/// The message of an [`Error::Input`] that must be about `path`.
#[track_caller]
pub fn input_error<T: std::fmt::Debug>(result: Result<T, Error>, path: &Path) -> String {
    match result.unwrap_err() {
        Error::Input { path: found, message } => {
            assert_eq!(found, path);
            message
        }
        other => panic!("not an input error: {other:?}"),
    }
}

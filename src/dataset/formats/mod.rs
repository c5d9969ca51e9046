//! The formats of data sets, one file each: what it looks like, how a folder or a file is known to
//! be of it, how it is read and, if it can be, how it is written.
//!
//! A new format is one file here with its `FORMAT`, and one entry below beside the `mod` that Rust
//! needs. Finding data, their errors, converting them, the help of the command line and the tests
//! walk [`FORMATS`].

mod csv;
mod csv_label_first;
mod four;
mod idx;
mod images;
mod npy;
mod npz;

use super::classes::Named;
use super::listing::Entry;
use super::request::Request;
use super::{Images, Samples, Source};
use crate::error::Result;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// All formats. A folder is asked in this order what it holds.
pub static FORMATS: &[&Format] = &[
    &idx::FORMAT,
    &npy::FORMAT,
    &images::FORMAT,
    &csv::FORMAT,
    &csv_label_first::FORMAT,
    &npz::FORMAT,
];

/// A format of data sets: images and labels for training and test.
#[derive(Debug)]
pub struct Format {
    /// Its name: `csv-label-first`.
    pub name: &'static str,
    /// What its files are called where several formats are told apart: `IDX files`.
    pub title: &'static str,
    /// What it looks like: `four .npy files (x_train.npy, ...)`.
    pub looks_like: &'static str,
    /// Endings of its files' names, in small letters; none if the names say nothing.
    pub(super) endings: &'static [&'static str],
    /// Fields of [`Request`] that have a meaning for some formats only and have one for this.
    pub(super) options: &'static [&'static str],
    /// Looks for it in a folder; none if it is no folder.
    pub(super) find: Option<Find>,
    /// Tells which of several sets of files in a folder a path names, where a folder may hold
    /// several: the folder, and the beginning of the files' names.
    pub(super) named_set: Option<NamedSet>,
    /// How one file of it is read; none if it is no single file.
    pub(super) file: Option<SingleFile>,
    /// How it is written; none if it is only read.
    pub(super) written: Option<Written>,
}

/// Looks for a format in a folder, knowing what the formats before it found there.
pub(super) type Find = fn(&Folder<'_>, &[Candidate]) -> Result<Option<Found>>;

/// See [`Format::named_set`].
pub(super) type NamedSet = fn(&Path) -> Option<(&Path, String)>;

/// A format that is one file.
#[derive(Debug)]
pub(super) struct SingleFile {
    /// What it is, for errors: `.csv with labels and pixels`.
    pub title: &'static str,
    /// Whether a file is called so; its name is given in small letters.
    pub is_called: fn(&str) -> bool,
    pub read: fn(&Path, &Request) -> Result<Read>,
}

/// A format that can be written.
#[derive(Debug)]
pub(super) struct Written {
    /// What is written, in a line: `Four CSV files: x_train, y_train, x_test, y_test`.
    pub summary: &'static str,
    pub writer: Writer,
}

/// What is written, and what fills it.
#[derive(Debug)]
pub(super) enum Writer {
    /// Files in a folder, by their names without the `.gz` of compressed ones.
    Folder(for<'a> fn(&'a Contents<'a>) -> Vec<(String, Fill<'a>)>),
    /// One file, which holds the names of the classes and compresses itself if that is asked for.
    File {
        /// Ending of its name, without the dot.
        ending: &'static str,
        fill: for<'a> fn(&'a Contents<'a>, bool) -> Fill<'a>,
    },
}

/// Writes the content of a file.
pub(super) type Fill<'a> = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + 'a>;

/// What is written of data.
pub(super) struct Contents<'a> {
    /// Images and labels for training and for test.
    pub parts: [(&'a Images, Vec<u8>); 2],
    /// Names of the classes, unless the labels are these.
    pub class_names: Option<&'a [String]>,
}

impl Contents<'_> {
    /// The parts with their names, `train` and `test`.
    fn named(&self) -> impl Iterator<Item = (&'static str, &Images, &[u8])> {
        let parts = ["train", "test"].into_iter().zip(&self.parts);
        parts.map(|(name, (images, labels))| (name, *images, &labels[..]))
    }
}

/// A folder in which data are looked for.
pub(super) struct Folder<'a> {
    pub path: &'a Path,
    /// Beginning of the names of the set of files that is meant, where one of several is.
    pub prefix: Option<&'a str>,
    pub entries: &'a [Entry],
}

impl Folder<'_> {
    /// What is no folder.
    fn files(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.is_dir)
    }
}

/// Files of a format in a folder.
pub(super) struct Found {
    /// The first of them, for messages.
    pub first: Option<String>,
    /// What is wrong with it if it cannot be read so.
    pub layout: Result<Layout>,
}

/// A format of which a folder holds files.
pub(super) struct Candidate {
    pub format: &'static Format,
    pub found: Found,
}

/// All files of a data set.
pub(super) struct Layout {
    /// The files that are read; none where the reader says itself what it passes over.
    pub files: Option<Vec<PathBuf>>,
    pub read: Reader,
}

/// Reads the files of a layout.
pub(super) type Reader = Box<dyn FnOnce(&Request) -> Result<Read>>;

/// Images, labels and what is known of them.
pub(super) struct Read {
    pub train: Samples,
    /// None where a part of the training images is to be put aside.
    pub test: Option<Samples>,
    pub sources: Vec<Source>,
    pub warnings: Vec<String>,
    pub names: Option<Named>,
    /// Names of which the labels are places already.
    pub settled: Option<Vec<String>>,
}

impl Format {
    /// The format of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FORMATS.iter().copied().find(|format| format.name == name)
    }

    /// What [`convert`](super::convert) writes of it, in a line; none if it is only read.
    pub fn written(&self) -> Option<&'static str> {
        self.written.as_ref().map(|written| written.summary)
    }

    /// The ending of the one file that is written, without the dot; none for files in a folder.
    pub fn written_ending(&self) -> Option<&'static str> {
        match self.written.as_ref()?.writer {
            Writer::File { ending, .. } => Some(ending),
            Writer::Folder(_) => None,
        }
    }
}

/// What all formats look like, for messages: `four IDX files (...), ..., or a .npz file`.
pub fn formats_text() -> String {
    let looks: Vec<&str> = FORMATS.iter().map(|format| format.looks_like).collect();
    match &looks[..] {
        [others @ .., last] if !others.is_empty() => format!("{}, or {last}", others.join(", ")),
        _ => looks.concat(),
    }
}

/// The set of files that a path names where a folder may hold several.
pub(super) fn named_set(path: &Path) -> Option<(&Path, String)> {
    FORMATS.iter().filter_map(|format| format.named_set).find_map(|named| named(path))
}

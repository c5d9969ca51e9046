//! Formats of data sets, one file each: its description, its recognition in a folder or file, its
//! reader and, if it can be written, its writer.
//!
//! A new format is one file here with its `FORMAT`, and one entry below beside the `mod` that Rust
//! needs. Finding data, error messages, conversion, the help of the command line and the tests read
//! [`FORMATS`].

mod cifar;
mod csv;
mod csv_label_first;
mod four;
mod idx;
mod images;
mod mat;
mod npy;
mod npz;
mod parquet;

use super::classes::Named;
use super::listing::Entry;
use super::request::Request;
use super::{Images, Samples, Source};
use crate::error::Result;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// All formats, in the order in which a folder is tested for them.
pub static FORMATS: &[&Format] = &[
    &idx::FORMAT,
    &npy::FORMAT,
    &images::FORMAT,
    &csv::FORMAT,
    &csv_label_first::FORMAT,
    &npz::FORMAT,
    &cifar::FORMAT,
    &mat::FORMAT,
    &parquet::FORMAT,
];

/// A format of data sets: images and labels for training and test.
#[derive(Debug)]
pub struct Format {
    /// Name, for example `csv-label-first`.
    pub name: &'static str,
    /// Name of its files in messages about several formats: `IDX files`.
    pub title: &'static str,
    /// Description of its files: `four .npy files (x_train.npy, ...)`.
    pub looks_like: &'static str,
    /// Extensions of its files, in lower case; empty if the names say nothing.
    pub(super) endings: &'static [&'static str],
    /// Fields of [`Request`] that apply to some formats only, including this one.
    pub(super) options: &'static [&'static str],
    /// Function that looks for it in a folder; `None` if the format is not a folder.
    pub(super) find: Option<Find>,
    /// Function that returns the folder and the prefix of the set of files that a path names, if a
    /// folder may hold several sets.
    pub(super) named_set: Option<NamedSet>,
    /// Single-file form; `None` if there is none.
    pub(super) file: Option<SingleFile>,
    /// Writer; `None` if the format cannot be written.
    pub(super) written: Option<Written>,
}

/// Function that looks for a format in a folder, given the files of the formats before it.
pub(super) type Find = fn(&Folder<'_>, &[Candidate]) -> Result<Option<FoundFiles>>;

/// Function of [`Format::named_set`].
pub(super) type NamedSet = fn(&Path) -> Option<(&Path, String)>;

/// A format that is a single file.
#[derive(Debug)]
pub(super) struct SingleFile {
    /// Description in errors: `.csv with labels and pixels`.
    pub title: &'static str,
    /// Function that is `true` if a file may have the format by its name, which is given in lower
    /// case.
    pub is_called: fn(&str) -> bool,
    pub read: fn(&Path, &Request) -> Result<Read>,
}

/// A format that can be written.
#[derive(Debug)]
pub(super) struct Written {
    /// `true` if it holds images in colour, and labels above 255, too.
    pub wide: bool,
    /// One-line description of the output: `Four CSV files: x_train, y_train, x_test, y_test`.
    pub summary: &'static str,
    pub writer: Writer,
}

/// Functions that write the output.
#[derive(Debug)]
pub(super) enum Writer {
    /// Files in a folder, with their names without the `.gz` of compressed ones.
    Folder(for<'a> fn(&'a Contents<'a>) -> Vec<(String, Fill<'a>)>),
    /// One file, which holds the names of the classes and compresses itself if requested.
    File {
        /// Extension, without the dot.
        ending: &'static str,
        fill: for<'a> fn(&'a Contents<'a>, bool) -> Fill<'a>,
    },
}

/// Function that writes the content of a file.
pub(super) type Fill<'a> = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + 'a>;

/// Content of the output.
pub(super) struct Contents<'a> {
    /// Images and labels for training and test.
    pub parts: [(&'a Images, Vec<u16>); 2],
    /// Names of the classes, unless they are the labels.
    pub class_names: Option<&'a [String]>,
}

impl Contents<'_> {
    /// Both parts with their names, `train` and `test`.
    fn named(&self) -> impl Iterator<Item = (&'static str, &Images, &[u16])> {
        let parts = ["train", "test"].into_iter().zip(&self.parts);
        parts.map(|(name, (images, labels))| (name, *images, &labels[..]))
    }
}

/// A folder that is tested for data.
pub(super) struct Folder<'a> {
    pub path: &'a Path,
    /// Prefix of the requested set of files, if one of several is requested.
    pub prefix: Option<&'a str>,
    pub entries: &'a [Entry],
    pub request: &'a Request,
}

impl Folder<'_> {
    /// The entries that are not folders.
    fn files(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.is_dir)
    }
}

/// Files of a format in a folder.
pub(super) struct FoundFiles {
    /// Name of the first of them, for messages.
    pub first: Option<String>,
    /// The layout, or the error if it cannot be read.
    pub layout: Result<Layout>,
}

/// A format for which a folder has files.
pub(super) struct Candidate {
    pub format: &'static Format,
    pub found: FoundFiles,
}

/// All files of a data set.
pub(super) struct Layout {
    /// Paths of the files that are read, or noted as left out; `None` if the reader itself reports
    /// the files that it ignores.
    pub files: Option<Vec<PathBuf>>,
    /// Notes about the choice of files, which precede those of the reader.
    pub notes: Vec<String>,
    pub read: Reader,
}

/// Function that reads the files of a layout.
pub(super) type Reader = Box<dyn FnOnce(&Request) -> Result<Read>>;

/// Images, labels and information about them.
pub(super) struct Read {
    pub train: Samples,
    /// Test images; `None` if a part of the training images becomes the test part.
    pub test: Option<Samples>,
    pub sources: Vec<Source>,
    pub warnings: Vec<String>,
    pub names: Option<Named>,
    /// Names of classes, if the labels already are indices into them.
    pub settled: Option<Vec<String>>,
}

impl Format {
    /// The format with that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FORMATS.iter().copied().find(|format| format.name == name)
    }

    /// One-line description of the output of [`convert`](super::convert); `None` if the format
    /// cannot be written.
    pub fn written(&self) -> Option<&'static str> {
        self.written.as_ref().map(|written| written.summary)
    }

    /// Extension of the single output file, without the dot; `None` for files in a folder.
    pub fn written_ending(&self) -> Option<&'static str> {
        match self.written.as_ref()?.writer {
            Writer::File { ending, .. } => Some(ending),
            Writer::Folder(_) => None,
        }
    }
}

/// Descriptions of all formats, for messages: `four IDX files (...), ..., or a .npz file`.
pub fn formats_text() -> String {
    let looks: Vec<&str> = FORMATS.iter().map(|format| format.looks_like).collect();
    match &looks[..] {
        [others @ .., last] if !others.is_empty() => format!("{}, or {last}", others.join(", ")),
        _ => looks.concat(),
    }
}

/// `true` if a file has the name of a data set that is a single file.
pub(super) fn is_single_file(path: &Path) -> bool {
    let lower = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let mut files = FORMATS.iter().filter_map(|format| format.file.as_ref());
    files.any(|file| (file.is_called)(&lower))
}

/// The set of files that a path names, if a folder may hold several.
pub(super) fn named_set(path: &Path) -> Option<(&Path, String)> {
    FORMATS.iter().filter_map(|format| format.named_set).find_map(|named| named(path))
}

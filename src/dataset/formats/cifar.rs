//! The binary version of CIFAR-10 and CIFAR-100: A. Krizhevsky, "Learning Multiple Layers of
//! Features from Tiny Images", 2009.
//!
//! A file is a row of records: one byte with the label, or two with the coarse and the fine label in
//! CIFAR-100, and the red, green and blue values of 32 x 32 pixels, colour after colour.

use super::four::only_one;
use super::{Folder, Format, FoundFiles, Layout, Read};
use crate::dataset::classes::Named;
use crate::dataset::listing::Entry;
use crate::dataset::request::{LabelColumn, Request};
use crate::dataset::{Images, Samples, Source, names};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

pub(super) static FORMAT: Format = Format {
    name: "cifar",
    title: "CIFAR's binary files",
    looks_like: "CIFAR's binary files (data_batch_1.bin, ..., test_batch.bin, or train.bin, test.bin)",
    endings: &[".bin"],
    options: &["label_column"],
    find: Some(|folder, _| Ok(find(folder))),
    named_set: None,
    file: None,
    written: None,
};

const SIDE: usize = 32;
const CHANNELS: usize = 3;
const N_VALUES: usize = SIDE * SIDE * CHANNELS;

/// One of the two data sets.
#[derive(Debug)]
struct Kind {
    /// Name of the first training file.
    first: &'static str,
    test: &'static str,
    /// Number of training files.
    n_files: usize,
    /// Labels of a record, the usual one last.
    labels: &'static [Label],
}

/// A label of a record.
#[derive(Debug)]
struct Label {
    name: &'static str,
    /// Name of the file with the names of its classes.
    names: &'static str,
    n_classes: usize,
}

static CIFAR_10: Kind = Kind {
    first: "data_batch_1.bin",
    test: "test_batch.bin",
    n_files: 5,
    labels: &[Label { name: "label", names: "batches.meta.txt", n_classes: 10 }],
};

static CIFAR_100: Kind = Kind {
    first: "train.bin",
    test: "test.bin",
    n_files: 1,
    labels: &[
        Label { name: "coarse", names: "coarse_label_names.txt", n_classes: 20 },
        Label { name: "fine", names: "fine_label_names.txt", n_classes: 100 },
    ],
};

/// Files of a data set.
struct Files {
    kind: &'static Kind,
    train: Vec<PathBuf>,
    test: PathBuf,
    /// Paths of the files with the names of the classes, one for each label of a record.
    names: Vec<Option<PathBuf>>,
}

fn find(folder: &Folder<'_>) -> Option<FoundFiles> {
    let called = |wanted: &dyn Fn(&str) -> bool| {
        folder.files().filter(|entry| wanted(&entry.lower())).collect::<Vec<&Entry>>()
    };
    if let Some(pickle) = called(&|name| name == "data_batch_1" || name == "meta").first()
        && is_pickle(&pickle.path)
    {
        let message = "is a Python pickle, which can run any code when it is read: expected the \
                       binary version, cifar-10-binary.tar.gz or cifar-100-binary.tar.gz of \
                       https://www.cs.toronto.edu/~kriz/cifar.html";
        let layout = Err(Error::input(&pickle.path, message));
        return Some(FoundFiles { first: Some(pickle.name.clone()), layout });
    }
    let of = |kind: &Kind| {
        called(&|name| {
            name == kind.test || name == kind.first || (kind.n_files > 1 && is_batch(name))
        })
    };
    let found = [&CIFAR_10, &CIFAR_100].into_iter().map(|kind| (kind, of(kind)));
    let (kind, files) = found.into_iter().find(|(_, files)| !files.is_empty())?;
    let first = Some(files[0].name.clone());
    Some(FoundFiles { first, layout: layout(folder, kind, &files) })
}

/// `true` for `data_batch_1.bin` and its like.
fn is_batch(name: &str) -> bool {
    name.strip_prefix("data_batch_")
        .and_then(|rest| rest.strip_suffix(".bin"))
        .is_some_and(|number| number.parse::<usize>().is_ok())
}

/// `true` if a file begins as pickles of Python do.
fn is_pickle(path: &Path) -> bool {
    let mut start = [0];
    let read = std::fs::File::open(path)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut start));
    read.is_ok() && start == [0x80]
}

fn layout(folder: &Folder<'_>, kind: &'static Kind, files: &[&Entry]) -> Result<Layout> {
    let missing = |name: &str| {
        let found: Vec<&str> = files.iter().map(|entry| entry.name.as_str()).collect();
        Error::input(folder.path, format!("has no {name}; found {}", found.join(", ")))
    };
    let (test, train): (Vec<&Entry>, _) =
        files.iter().copied().partition(|entry| entry.lower() == kind.test);
    let test = test.first().ok_or_else(|| missing(kind.test))?.path.clone();
    let train: Vec<PathBuf> = train.into_iter().map(|entry| entry.path.clone()).collect();
    if train.is_empty() {
        return Err(missing(kind.first));
    }
    let beside = |label: &Label| {
        let named: Vec<&Entry> =
            folder.files().filter(|entry| entry.lower() == label.names).collect();
        only_one(folder.path, &named)
    };
    let names = kind.labels.iter().map(beside).collect::<Result<Vec<_>>>()?;
    let read_files = train.iter().chain([&test]).chain(names.iter().flatten()).cloned().collect();
    let files = Files { kind, train, test, names };
    Ok(Layout {
        files: Some(read_files),
        notes: Vec::new(),
        read: Box::new(move |request| read(&files, request)),
    })
}

/// Place of the requested label in a record, otherwise of the last.
fn place(labels: &[Label], request: &Request) -> Result<usize> {
    let last = labels.len() - 1;
    let Some(asked) = &request.label_column else { return Ok(last) };
    let place = match asked {
        LabelColumn::First => Some(0),
        LabelColumn::Last => Some(last),
        LabelColumn::Number(number) => number.checked_sub(1).filter(|place| *place <= last),
        LabelColumn::Name(name) => labels.iter().position(|label| label.name == name),
        LabelColumn::None => None,
    };
    place.ok_or_else(|| {
        let known: Vec<&str> = labels.iter().map(|label| label.name).collect();
        let expected = format!("one of the labels of the records: {}", known.join(", "));
        Error::parameter("label_column", asked, expected)
    })
}

fn read(files: &Files, request: &Request) -> Result<Read> {
    let Kind { labels, n_files, .. } = files.kind;
    let place = place(labels, request)?;
    let mut sources = Vec::new();
    let mut part = |paths: &[PathBuf]| -> Result<Samples> {
        let mut pixels = Vec::new();
        let mut classes = Vec::new();
        for path in paths {
            let bytes = std::fs::read(path)
                .map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
            records(path, &bytes, labels, place, &mut pixels, &mut classes)?;
            sources.push(Source::new(path.display(), &bytes, &[]));
        }
        Samples::new(Images::with_channels(pixels, SIDE, SIDE, CHANNELS)?, classes)
    };
    let train = part(&files.train)?;
    let test = part(std::slice::from_ref(&files.test))?;
    let mut warnings = Vec::new();
    let n = files.train.len();
    if n < *n_files {
        warnings.push(format!(
            "{n} of the {n_files} training files of CIFAR-10 are there: {} images to train on",
            train.len()
        ));
    }
    let label = &labels[place];
    if labels.len() > 1 {
        let others = labels.iter().filter(|other| other.name != label.name);
        let others = others.map(|other| other.name).collect::<Vec<_>>().join(", ");
        warnings.push(format!(
            "the classes are the {} labels (`Request::label_column` {others} takes the others)",
            label.name
        ));
    }
    let names = match &files.names[place] {
        Some(path) => Some(Named::InOrder(path.clone(), names::read_names(path)?)),
        None => None,
    };
    Ok(Read { train, test: Some(test), sources, warnings, names, settled: None })
}

/// Appends the pixels and labels of a file.
fn records(
    path: &Path,
    bytes: &[u8],
    labels: &[Label],
    place: usize,
    pixels: &mut Vec<u8>,
    classes: &mut Vec<u16>,
) -> Result<()> {
    let size = labels.len() + N_VALUES;
    if bytes.is_empty() || !bytes.len().is_multiple_of(size) {
        let message = format!(
            "has {} bytes, expected whole records of {size}: {} of labels, then 32 x 32 red, green \
             and blue values",
            bytes.len(),
            labels.len()
        );
        return Err(Error::input(path, message));
    }
    for (row, record) in bytes.chunks_exact(size).enumerate() {
        let (given, planes) = record.split_at(labels.len());
        let wrong =
            given.iter().zip(labels).find(|(value, label)| usize::from(**value) >= label.n_classes);
        if let Some((value, label)) = wrong {
            let most = label.n_classes - 1;
            let message =
                format!("record {row} has the {} {value}, expected 0 to {most}", label.name);
            return Err(Error::input(path, message));
        }
        classes.push(u16::from(given[place]));
        for pixel in 0..SIDE * SIDE {
            pixels.extend((0..CHANNELS).map(|channel| planes[channel * SIDE * SIDE + pixel]));
        }
    }
    Ok(())
}

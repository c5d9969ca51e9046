//! MATLAB files of images `X` and labels `y`, as SVHN comes: Y. Netzer et al., "Reading Digits in
//! Natural Images with Unsupervised Feature Learning", 2011.

use super::four::only_one;
use super::{Folder, Format, FoundFiles, Layout, Read, SingleFile};
use crate::dataset::listing::Entry;
use crate::dataset::mat_file::{self, Array, Values};
use crate::dataset::parts;
use crate::dataset::request::Request;
use crate::dataset::{Images, Samples, Source, check_sizes};
use crate::error::{Error, Result};
use std::path::Path;

pub(super) static FORMAT: Format = Format {
    name: "mat",
    title: "MATLAB files",
    looks_like: "MATLAB files (train_32x32.mat, test_32x32.mat, as SVHN comes)",
    endings: &[".mat"],
    options: &["train_part", "test_part"],
    find: Some(|folder, _| Ok(find(folder))),
    named_set: None,
    file: Some(SingleFile {
        title: ".mat with X and y",
        is_called: |name| name.ends_with(".mat"),
        read: |path, request| {
            parts::choose(path, [], request)?;
            read(path, None)
        },
    }),
    written: None,
};

fn part(entry: &Entry, request: &Request) -> Option<String> {
    parts::of_name(entry.lower().strip_suffix(".mat")?, request)
}

fn find(folder: &Folder<'_>) -> Option<FoundFiles> {
    let found: Vec<(&Entry, String)> =
        folder.files().filter_map(|entry| Some((entry, part(entry, folder.request)?))).collect();
    let first = Some(found.first()?.0.name.clone());
    Some(FoundFiles { first, layout: layout(folder, &found) })
}

fn layout(folder: &Folder<'_>, found: &[(&Entry, String)]) -> Result<Layout> {
    let present = found.iter().map(|(_, part)| part.clone());
    let chosen = parts::choose(folder.path, present, folder.request)?;
    let [train, test] = chosen.or_usual().map(|wanted| {
        let files: Vec<&Entry> =
            found.iter().filter(|(_, part)| part == wanted).map(|(entry, _)| *entry).collect();
        only_one(folder.path, &files)
    });
    let message = "has no MATLAB file to train on, expected train_32x32.mat";
    let train = train?.ok_or_else(|| Error::input(folder.path, message))?;
    let test = test?;
    Ok(Layout {
        files: Some(found.iter().map(|(entry, _)| entry.path.clone()).collect()),
        notes: chosen.notes,
        read: Box::new(move |_| read(&train, test.as_deref())),
    })
}

fn read(train: &Path, test: Option<&Path>) -> Result<Read> {
    let (mut of_train, source) = samples(train)?;
    let mut sources = vec![source];
    let mut of_test = None;
    if let Some(test) = test {
        let (samples, source) = samples(test)?;
        check_sizes((train, &of_train), (test, &samples))?;
        sources.push(source);
        of_test = Some(samples);
    }
    let mut warnings = Vec::new();
    // SVHN counts the digit 0 as 10.
    let labels = || of_train.labels.iter().chain(of_test.iter().flat_map(|part| &part.labels));
    if of_train.images.shape() == [32, 32, 3]
        && labels().all(|label| (1..=10).contains(label))
        && labels().any(|&label| label == 10)
    {
        warnings.push(format!(
            "the label 10 of {} is the digit 0, as in SVHN's files: it became 0",
            train.display()
        ));
        for part in std::iter::once(&mut of_train).chain(&mut of_test) {
            part.labels.iter_mut().for_each(|label| *label %= 10);
        }
    }
    Ok(Read { train: of_train, test: of_test, sources, warnings, names: None, settled: None })
}

/// Images and labels of a file.
fn samples(path: &Path) -> Result<(Samples, Source)> {
    let bytes = std::fs::read(path)
        .map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
    let source = Source::new(path.display(), &bytes, &[]);
    let mut arrays = mat_file::read(path, &bytes)?;
    let names: Vec<String> = arrays.iter().map(|array| array.name.clone()).collect();
    let mut array = |name: &str| {
        let place = arrays.iter().position(|array| array.name == name);
        place.map(|place| arrays.swap_remove(place)).ok_or_else(|| {
            let found = if names.is_empty() { "none".into() } else { names.join(", ") };
            Error::input(path, format!("has no array `{name}`; found {found}"))
        })
    };
    let x = array("X")?;
    let y = array("y")?;
    let samples = Samples::new(images(path, x)?, labels(path, &y)?);
    Ok((samples.map_err(|error| Error::input(path, error.to_string()))?, source))
}

/// Images of height x width x channels x n bytes, the rows of a column side by side.
fn images(path: &Path, x: Array) -> Result<Images> {
    let refused = |found: String| {
        let expected = "expected bytes, height x width x 3 x n or height x width x n";
        Error::input(path, format!("`X` {found}, {expected}"))
    };
    let Values::Bytes(values) = x.values else {
        return Err(refused("holds numbers other than bytes".into()));
    };
    let [height, width, channels] = match x.shape[..] {
        [height, width, channels @ (1 | 3), _] => [height, width, channels],
        [height, width, _] => [height, width, 1],
        _ => return Err(refused(format!("has shape {:?}", x.shape))),
    };
    if values.is_empty() {
        return Err(refused(format!("has shape {:?}", x.shape)));
    }
    let mut pixels = Vec::with_capacity(values.len());
    for image in values.chunks_exact(height * width * channels) {
        for (row, column) in (0..height).flat_map(|row| (0..width).map(move |column| (row, column)))
        {
            let at = |channel: usize| (channel * width + column) * height + row;
            pixels.extend((0..channels).map(|channel| image[at(channel)]));
        }
    }
    Images::with_channels(pixels, height, width, channels)
}

fn labels(path: &Path, y: &Array) -> Result<Vec<u16>> {
    let refused = |what: String| {
        Error::input(path, format!("`y` {what}, expected a label from 0 to 65535 for each image"))
    };
    if y.shape.iter().filter(|&&size| size != 1).count() > 1 {
        return Err(refused(format!("has shape {:?}", y.shape)));
    }
    let label = |value: f64| {
        let label = value as u16;
        (f64::from(label) == value)
            .then_some(label)
            .ok_or_else(|| refused(format!("holds {value}")))
    };
    match &y.values {
        Values::Bytes(values) => Ok(values.iter().copied().map(u16::from).collect()),
        Values::Numbers(values) => values.iter().copied().map(label).collect(),
    }
}

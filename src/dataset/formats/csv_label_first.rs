//! Two CSV files whose rows hold the label and the pixels, or only the first of them.

use super::csv::{ENDINGS, both, options};
use super::four::{self, only_one, stem};
use super::{
    Contents, Fill, Folder, Format, FoundFiles, Layout, Read, SingleFile, Writer, Written,
};
use crate::dataset::arrays::Place;
use crate::dataset::csv;
use crate::dataset::listing::Entry;
use crate::dataset::parts::{self, words};
use crate::dataset::request::Request;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

pub(super) static FORMAT: Format = Format {
    name: "csv-label-first",
    title: "CSV files with labels and pixels",
    looks_like: "two CSV files with labels and pixels (train.csv, test.csv), or train.csv alone",
    endings: ENDINGS,
    options: &["label_column", "train_part", "test_part"],
    find: Some(|folder, found| Ok(find(folder, found.is_empty()))),
    named_set: None,
    file: Some(SingleFile {
        title: ".csv with labels and pixels",
        is_called: |name| stem(name, ENDINGS).is_some_and(|stem| Place::of(stem).is_none()),
        read: |path, request| {
            parts::choose(path, [], request)?;
            read(path, None, request)
        },
    }),
    written: Some(Written {
        wide: false,
        summary: "Two CSV files, train and test: label,pixel1,...",
        writer: Writer::Folder(files),
    }),
};

/// The CSV files whose names fit the chosen parts best, `train` and `test` as a rule. If the folder
/// holds nothing else (`alone`), the first is enough, and the words may be parts of others:
/// `trainset`, but also `training_log`.
fn find(folder: &Folder<'_>, alone: bool) -> Option<FoundFiles> {
    // Beside one of the four files a name like `train_images.csv` is another of them; otherwise it
    // holds pixels with their labels.
    let has_four = four::arrays(folder, ENDINGS).is_some();
    let stem_of = |entry: &Entry| {
        let lower = entry.lower();
        let stem = stem(&lower, ENDINGS)?;
        (!(has_four && Place::of(stem).is_some())).then(|| stem.to_owned())
    };
    let files = folder.files().filter_map(|entry| Some((entry, stem_of(entry)?)));
    let files: Vec<(&Entry, String)> = files.collect();
    let any = files.first()?.0.name.clone();
    let present = files.iter().filter_map(|(_, stem)| parts::of_name(stem, folder.request));
    let parts = match parts::choose(folder.path, present, folder.request) {
        Ok(parts) => parts,
        Err(error) => {
            return alone.then_some(FoundFiles { first: Some(any), layout: Err(error) });
        }
    };
    let wanted = parts.or_usual();
    let mut found: [Vec<(usize, &Entry)>; 2] = Default::default();
    let mut left_out = Vec::new();
    for (entry, stem) in &files {
        if let Some(part) = wanted.iter().position(|part| stem.contains(part)) {
            let fit = fit(stem, wanted[part]);
            if fit < WITHIN || alone {
                found[part].push((fit, entry));
            }
        } else if parts.train.is_some() && words(stem).any(parts::is_usual) {
            left_out.push(entry.path.clone());
        }
    }
    let best = found.map(|files| {
        let best = files.iter().map(|(fit, _)| *fit).min();
        let files = files.into_iter().filter(|(fit, _)| Some(*fit) == best);
        files.map(|(_, entry)| entry).collect::<Vec<_>>()
    });
    let [train, test] = &best;
    let first = train.first().or(test.first())?.name.clone();
    if !alone && (train.is_empty() || test.is_empty()) {
        return None;
    }
    let layout = layout(folder.path, train, test, &first).map(|(train, test)| Layout {
        files: Some([&train].into_iter().chain(&test).chain(&left_out).cloned().collect()),
        notes: parts.notes,
        read: Box::new(move |request| read(&train, test.as_deref(), request)),
    });
    Some(FoundFiles { first: Some(first), layout })
}

/// The file to train on and, if there is one, the file to test on.
fn layout(
    folder: &Path,
    train: &[&Entry],
    test: &[&Entry],
    first: &str,
) -> Result<(PathBuf, Option<PathBuf>)> {
    let train = only_one(folder, train)?;
    let test = only_one(folder, test)?;
    let train = train.ok_or_else(|| {
        let message =
            format!("holds {first}, but no CSV file with `train` in its name; expected train.csv");
        Error::input(folder, message)
    })?;
    Ok((train, test))
}

/// Rank of a name that contains the word inside another one.
const WITHIN: usize = 2;

/// Rank of a name, the best being 0: 0 if it is the word, 1 if the word is one of its words,
/// [`WITHIN`] if it contains it inside another one.
fn fit(stem: &str, word: &str) -> usize {
    if stem == word { 0 } else { WITHIN - usize::from(words(stem).any(|other| other == word)) }
}

fn read(train: &Path, test: Option<&Path>, request: &Request) -> Result<Read> {
    let options = options(request);
    let of_train = csv::read_together(train, options, None)?;
    let place = of_train.label_column.map(|place| (train, place));
    let of_test = test
        .map(|path| csv::read_together(path, options, place).map(|read| (path, read)))
        .transpose()?;
    both((train, of_train), of_test)
}

fn files<'a>(contents: &'a Contents<'a>) -> Vec<(String, Fill<'a>)> {
    let file = |(part, images, labels)| -> (String, Fill<'a>) {
        (format!("{part}.csv"), Box::new(move |out| csv::write_together(out, images, labels)))
    };
    contents.named().map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_fits_best_is_taken() {
        assert_eq!(
            ["train", "mnist_train", "fashion-mnist_train", "trainset", "train_old"]
                .map(|stem| fit(stem, "train")),
            [0, 1, 1, 2, 1]
        );
    }
}

//! Which of the known layouts a folder holds, whatever the case of the letters in its names.

use super::listing::{Entry, entries, listed};
use super::{arrays, image_folder};
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What can be read, for messages.
pub(super) const LAYOUTS: &str = "four IDX files (train-images-idx3-ubyte, ...; plain or .gz), four CSV files (x_train.csv, \
                                  y_train.csv, x_test.csv, y_test.csv; plain or .gz), two CSV files with labels and pixels \
                                  (train.csv, test.csv), or train.csv alone, four .npy files (x_train.npy, ...), folders of \
                                  images (train/CLASS/*.png and test/CLASS/*.png, or CLASS/*.png), or a .npz file";

/// Endings of CSV files.
const CSV: [&str; 2] = ["csv", "csv.gz"];

/// A layout that was found.
pub(super) enum Layout {
    Idx(IdxFiles),
    Pairs([PathBuf; 4]),
    Together(PathBuf, Option<PathBuf>),
    Npy([PathBuf; 4]),
    Images,
}

/// A set of IDX files.
pub(super) struct IdxFiles {
    /// Training images and labels, test images and labels.
    pub paths: [PathBuf; 4],
    /// The names begin so, in small letters: `emnist-letters`, or not at all.
    pub prefix: String,
    /// EMNIST's file of the characters of each label.
    pub mapping: Option<PathBuf>,
}

/// A layout of which there are some files, and the first of them for messages.
struct Candidate {
    kind: &'static str,
    first: Option<String>,
    /// What is wrong with it if it cannot be read so.
    layout: Result<Layout>,
}

/// What a folder holds, and what of it is not read, in a sentence.
pub(super) struct Found {
    pub layout: Layout,
    pub passed_over: Option<String>,
    /// The file that names the classes, beside data whose files do not.
    pub class_names: Option<PathBuf>,
}

/// The one layout that `folder` holds whole; of several sets of IDX files the one whose names begin
/// with `prefix`.
///
/// # Errors
/// [`Error::Input`] naming the folder, with what was found and what is missing.
pub(super) fn find(folder: &Path, prefix: Option<&str>) -> Result<Found> {
    let all = entries(folder)?;
    let files: Vec<&Entry> = all.iter().filter(|entry| !entry.is_dir).collect();
    let found = match prefix {
        Some(_) => idx(folder, &files, prefix)?.into_iter().collect(),
        None => candidates(folder, &all, &files)?,
    };
    let layout = the_one(folder, &all, found)?;
    let class_names = files
        .iter()
        .find(|entry| entry.lower() == "class_names.txt")
        .map(|entry| entry.path.clone());
    let passed_over = passed_over(folder, &all, &layout);
    Ok(Found { layout, passed_over, class_names })
}

/// Every layout of which a folder holds files.
fn candidates(folder: &Path, all: &[Entry], files: &[&Entry]) -> Result<Vec<Candidate>> {
    let mut found: Vec<Candidate> = idx(folder, files, None)?.into_iter().collect();
    let pairs = four(folder, files, &CSV, "CSV files of pixels and of labels", Layout::Pairs);
    // Beside one of the four a name like `train_images.csv` is another of them, else of pixels with
    // their labels.
    let is_of_four =
        |entry: &Entry| stem(&entry.lower(), &CSV).is_some_and(|stem| arrays::slot(stem).is_some());
    let others: Vec<&Entry> =
        files.iter().copied().filter(|entry| pairs.is_none() || !is_of_four(entry)).collect();
    found.extend(four(folder, files, &["npy"], ".npy files", Layout::Npy));
    if !image_folder::folders(all).is_empty() {
        let layout = image_folder::check(folder).map(|()| Layout::Images);
        found.push(Candidate { kind: "folders of images", first: None, layout });
    }
    let alone = pairs.is_none() && found.is_empty();
    let together = together(folder, &others, alone);
    found.extend(pairs);
    found.extend(together);
    Ok(found)
}

/// The one layout that is whole, whatever there is of others; where none is, what is wrong with the
/// first.
fn the_one(folder: &Path, all: &[Entry], found: Vec<Candidate>) -> Result<Layout> {
    let (mut whole, parts): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|candidate| candidate.layout.is_ok());
    if whole.len() > 1 {
        let shown = |it: &Candidate| {
            format!(
                "{}{}",
                it.kind,
                it.first.as_ref().map_or(String::new(), |name| format!(" ({name})"))
            )
        };
        let kinds: Vec<_> = whole.iter().map(shown).collect();
        let message = format!(
            "holds {}: which one is meant? Put them into folders of their own",
            kinds.join(" and ")
        );
        return Err(Error::input(folder, message));
    }
    match whole.pop().or(parts.into_iter().next()) {
        Some(candidate) => candidate.layout,
        None => {
            let there =
                if all.is_empty() { String::new() } else { format!("found {}; ", listed(all)) };
            Err(Error::input(folder, format!("holds no data; {there}expected {LAYOUTS}")))
        }
    }
}

impl Layout {
    /// The files that are read.
    fn files(&self) -> Vec<&PathBuf> {
        match self {
            Self::Idx(IdxFiles { paths, .. }) | Self::Pairs(paths) | Self::Npy(paths) => {
                paths.iter().collect()
            }
            Self::Together(train, test) => std::iter::once(train).chain(test).collect(),
            Self::Images => Vec::new(),
        }
    }
}

/// What is said of files and folders that look like data and are not read. Of IDX files there may
/// be many sets, and of folders of images their reader says it.
fn passed_over(folder: &Path, all: &[Entry], layout: &Layout) -> Option<String> {
    if matches!(layout, Layout::Images) {
        return None;
    }
    let read = layout.files();
    let of_images: Vec<&PathBuf> =
        image_folder::folders(all).into_iter().map(|entry| &entry.path).collect();
    let is_data = |entry: &&Entry| {
        let lower = entry.lower();
        let like = [".csv", ".csv.gz", ".npy", ".npz"].iter().any(|ending| lower.ends_with(ending));
        if entry.is_dir {
            of_images.contains(&&entry.path)
        } else {
            like && !read.contains(&&entry.path)
        }
    };
    let others: Vec<Entry> = all.iter().filter(is_data).cloned().collect();
    (!others.is_empty()).then(|| {
        format!("{} holds {} besides, which is not read", folder.display(), listed(&others))
    })
}

/// One of several files that would all do.
fn only_one(folder: &Path, files: &[&Entry]) -> Result<Option<PathBuf>> {
    match files {
        [] => Ok(None),
        [one] => Ok(Some(one.path.clone())),
        [first, second, ..] => {
            let message = format!(
                "holds {} and {}: which one is meant? Keep one of them",
                first.name, second.name
            );
            Err(Error::input(folder, message))
        }
    }
}

/// The four files, of which none may be missing; `expected` are their usual names.
fn all_four(
    folder: &Path,
    slots: &[Vec<&Entry>; 4],
    what: &str,
    expected: [String; 4],
) -> Result<[PathBuf; 4]> {
    let paths = slots.iter().map(|files| only_one(folder, files)).collect::<Result<Vec<_>>>()?;
    let missing: Vec<_> = paths
        .iter()
        .zip(expected)
        .filter(|(path, _)| path.is_none())
        .map(|(_, name)| name)
        .collect();
    if !missing.is_empty() {
        let found: Vec<_> = slots.iter().flatten().map(|entry| entry.name.as_str()).collect();
        let (n, missing, found) = (missing.len(), missing.join(", "), found.join(", "));
        return Err(Error::input(
            folder,
            format!("{n} of the four {what}files missing: {missing}; found {found}"),
        ));
    }
    Ok(std::array::from_fn(|at| paths[at].clone().unwrap_or_default()))
}

/// Which of the four files of a set an IDX file is, and how the names of its set begin:
/// `train-images-idx3-ubyte`, `train-images.idx3-ubyte`,
/// `emnist-letters-test-labels-idx1-ubyte.gz`.
fn idx_slot(name: &str) -> Option<(String, usize)> {
    let lower = name.to_lowercase();
    let stem = lower.strip_suffix(".gz").unwrap_or(&lower);
    let words: Vec<&str> = stem.split(['-', '.', '_']).collect();
    let at = words.iter().position(|word| matches!(*word, "images" | "labels"))?;
    let (before, what, after) = (&words[..at], words[at], &words[at + 1..]);
    let part = match before.last()? {
        &"train" => 0,
        &"t10k" | &"test" => 2,
        _ => return None,
    };
    let is_idx = after.first().is_some_and(|word| word.starts_with("idx")) && after.len() <= 2;
    is_idx.then(|| (before[..before.len() - 1].join("-"), part + usize::from(what == "labels")))
}

/// The set of IDX files that a path names: by the folder and the beginning of their names, which is
/// given, or by one of them.
pub(super) fn idx_set(path: &Path) -> Option<(&Path, String)> {
    let (folder, name) = (path.parent()?, path.file_name()?.to_str()?);
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if path.is_file() {
        return idx_slot(name).map(|(prefix, _)| (folder, prefix));
    }
    let begins_so =
        |entry: &Entry| idx_slot(&entry.name).is_some_and(|(begin, _)| begin == beginning(name));
    let is_there = !path.exists() && entries(folder).is_ok_and(|all| all.iter().any(begins_so));
    is_there.then(|| (folder, name.to_owned()))
}

/// The beginning of names as [`idx_slot`] gives it.
fn beginning(prefix: &str) -> String {
    prefix.to_lowercase().replace(['.', '_'], "-")
}

/// The set of IDX files.
fn idx(folder: &Path, files: &[&Entry], wanted: Option<&str>) -> Result<Option<Candidate>> {
    let mut sets: BTreeMap<String, [Vec<&Entry>; 4]> = BTreeMap::new();
    for entry in files {
        if let Some((prefix, slot)) = idx_slot(&entry.name) {
            sets.entry(prefix).or_default()[slot].push(entry);
        }
    }
    if let Some(wanted) = wanted {
        let wanted = beginning(wanted);
        sets.retain(|prefix, _| *prefix == wanted);
    }
    if sets.len() > 1 {
        let first = |slots: &[Vec<&Entry>; 4]| {
            slots.iter().flatten().next().map_or(String::new(), |entry| entry.name.clone())
        };
        // A set without a prefix is named by one of its files.
        let names: Vec<String> = sets
            .iter()
            .map(|(prefix, slots)| if prefix.is_empty() { first(slots) } else { prefix.clone() })
            .collect();
        let shown: Vec<String> =
            names.iter().map(|name| folder.join(name).display().to_string()).collect();
        let message = format!(
            "holds IDX files of several data sets: which one is meant? Name it as {}",
            shown.join(" or ")
        );
        return Err(Error::input(folder, message));
    }
    let Some((prefix, slots)) = sets.pop_first() else { return Ok(None) };
    let expected = super::registered::FILES.map(|name| match prefix.as_str() {
        "" => format!("{name}[.gz]"),
        prefix => format!("{prefix}-{}[.gz]", name.replace("t10k", "test")),
    });
    let first = slots.iter().flatten().next().map(|entry| entry.name.clone());
    let is_mapping = |entry: &&&Entry| beginning(&entry.name) == format!("{prefix}-mapping-txt");
    let mapping = files.iter().find(is_mapping).map(|entry| entry.path.clone());
    let paths = all_four(folder, &slots, "IDX ", expected);
    let layout = paths.map(|paths| Layout::Idx(IdxFiles { paths, prefix, mapping }));
    Ok(Some(Candidate { kind: "IDX files", first, layout }))
}

/// The name of a file without one of the endings, if it has one.
fn stem<'a>(lower: &'a str, endings: &[&str]) -> Option<&'a str> {
    endings
        .iter()
        .find_map(|ending| lower.strip_suffix(ending).and_then(|stem| stem.strip_suffix('.')))
}

/// Four files of arrays, if there are any of them. Names of images alone are another layout's,
/// `train_images.csv` for example.
fn four(
    folder: &Path,
    files: &[&Entry],
    endings: &[&str],
    kind: &'static str,
    layout: fn([PathBuf; 4]) -> Layout,
) -> Option<Candidate> {
    let mut slots: [Vec<&Entry>; 4] = Default::default();
    let mut usual = false;
    for entry in files {
        let lower = entry.lower();
        let Some(slot) = stem(&lower, endings).and_then(|stem| {
            usual |= arrays::NAMES.contains(&stem);
            arrays::slot(stem)
        }) else {
            continue;
        };
        slots[slot].push(entry);
    }
    let has_labels = slots[1].len() + slots[3].len() > 0;
    let first = slots.iter().flatten().next().filter(|_| usual || has_labels)?.name.clone();
    let ending = if endings.len() > 1 { "csv[.gz]" } else { endings[0] };
    let expected = arrays::NAMES.map(|name| format!("{name}.{ending}"));
    let layout = all_four(folder, &slots, "", expected).map(layout);
    Some(Candidate { kind, first: Some(first), layout })
}

/// CSV files with labels and pixels: the one that `train` in its name fits best and the one that
/// `test` does. Where there is nothing else, the first will do, and the words may be within others:
/// `trainset`, but `training_log` too.
fn together(folder: &Path, files: &[&Entry], alone: bool) -> Option<Candidate> {
    let mut found: [Vec<(usize, &Entry)>; 2] = Default::default();
    for entry in files {
        let lower = entry.lower();
        let Some(stem) = stem(&lower, &CSV) else { continue };
        if let Some(part) = ["train", "test"].iter().position(|part| stem.contains(part)) {
            let fit = fit(stem, ["train", "test"][part]);
            if fit < WITHIN || alone {
                found[part].push((fit, entry));
            }
        }
    }
    let best = found.map(|files| {
        let best = files.iter().map(|(fit, _)| *fit).min();
        files
            .into_iter()
            .filter(|(fit, _)| Some(*fit) == best)
            .map(|(_, entry)| entry)
            .collect::<Vec<_>>()
    });
    let [train, test] = &best;
    let first = train.first().or(test.first())?.name.clone();
    if !alone && (train.is_empty() || test.is_empty()) {
        return None;
    }
    let layout = || {
        let [train, test] = [only_one(folder, train)?, only_one(folder, test)?];
        let train = train.ok_or_else(|| {
            let message = format!(
                "holds {first}, but no CSV file with `train` in its name; expected train.csv"
            );
            Error::input(folder, message)
        })?;
        Ok(Layout::Together(train, test))
    };
    Some(Candidate {
        kind: "CSV files with labels and pixels",
        first: Some(first.clone()),
        layout: layout(),
    })
}

/// How well a name fits that has the word within another one.
const WITHIN: usize = 2;

/// How well a name fits: 0 if it is the word, 1 if the word is one of its words, [`WITHIN`] if it
/// is within one.
fn fit(stem: &str, word: &str) -> usize {
    let words: Vec<&str> = stem.split(|letter: char| !letter.is_alphanumeric()).collect();
    if stem == word { 0 } else { WITHIN - usize::from(words.contains(&word)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idx_files_are_known_by_their_names() {
        for (name, prefix, slot) in [
            ("train-images-idx3-ubyte", "", 0),
            ("train-labels.idx1-ubyte", "", 1),
            ("T10K-Images.IDX3-ubyte.gz", "", 2),
            ("t10k-labels-idx1-ubyte.gz", "", 3),
            ("emnist-letters-train-images-idx3-ubyte.gz", "emnist-letters", 0),
            ("emnist-letters-test-labels-idx1-ubyte", "emnist-letters", 3),
            ("train-labels-idx1-int", "", 1),
            ("test-images.idx", "", 2),
        ] {
            assert_eq!(idx_slot(name), Some((prefix.to_owned(), slot)), "{name}");
        }
        for name in [
            "train-images.png",
            "images-idx3-ubyte",
            "train-images",
            "other-images-idx3-ubyte",
            "train-images-idx3-ubyte.part.x",
        ] {
            assert_eq!(idx_slot(name), None, "{name}");
        }
    }

    #[test]
    fn the_name_that_fits_best_is_taken() {
        assert_eq!(
            ["train", "mnist_train", "fashion-mnist_train", "trainset", "train_old"]
                .map(|stem| fit(stem, "train")),
            [0, 1, 1, 2, 1]
        );
    }
}

//! Parquet files of images and labels, as data sets of Hugging Face's Hub come: one file, or the
//! files of each split, `train-00000-of-00002.parquet`.

use super::{Folder, Format, FoundFiles, Layout, Read, SingleFile};
use crate::dataset::classes::Named;
use crate::dataset::image_files::{self, Encoded, Part, Wanted};
use crate::dataset::listing::{Entry, entries};
use crate::dataset::parquet_rows::{self, Columns, RowLabels};
use crate::dataset::parts::{self, Parts};
use crate::dataset::request::Request;
use crate::dataset::{MAX_CLASSES, Samples, Source};
use crate::error::{Error, Result};
use crate::format::{listed, natural};
use std::path::{Path, PathBuf};

pub(super) static FORMAT: Format = Format {
    name: "parquet",
    title: "Parquet files",
    looks_like: "Parquet files of images and labels (train-00000-of-00001.parquet, ..., as on Hugging Face's Hub)",
    endings: &[ENDING],
    options: &["label_column", "background", "size", "channels", "train_part", "test_part"],
    find: Some(|folder, _| find(folder)),
    named_set: None,
    file: Some(SingleFile {
        title: ".parquet",
        is_called: |name| name.ends_with(ENDING),
        read: |path, request| {
            parts::choose(path, &[], request)?;
            read(path, [path.to_owned()].into(), None, request)
        },
    }),
    written: None,
};

const ENDING: &str = ".parquet";

/// A file of a split.
struct Shard {
    path: PathBuf,
    name: String,
    /// Name of the split, in lower case; empty if the name of the file has none.
    part: String,
    /// Number of files of the split, if the name of the file says it.
    of: Option<usize>,
}

impl Shard {
    /// `None` for a file of another kind.
    fn of(entry: &Entry, request: &Request) -> Option<Self> {
        let lower = entry.lower();
        let words: Vec<&str> = lower
            .strip_suffix(ENDING)
            .filter(|_| !entry.is_dir)?
            .split(|letter: char| !letter.is_alphanumeric())
            .collect();
        let part = words.iter().find(|word| parts::is_part(word, request));
        let of =
            words.windows(2).find(|pair| pair[0] == "of").and_then(|pair| pair[1].parse().ok());
        let part = part.map_or(String::new(), |part| (*part).to_owned());
        Some(Self { path: entry.path.clone(), name: entry.name.clone(), part, of })
    }
}

/// Files in the folder itself, or in the only subfolder with such files, `data` as a rule.
fn find(folder: &Folder<'_>) -> Result<Option<FoundFiles>> {
    let shards = |entries: &[Entry]| -> Vec<Shard> {
        entries.iter().filter_map(|entry| Shard::of(entry, folder.request)).collect()
    };
    let mut found = shards(folder.entries);
    if found.is_empty() {
        let below = folder.entries.iter().filter(|entry| entry.is_dir).map(|entry| {
            let files = entries(&entry.path).map(|entries| shards(&entries)).unwrap_or_default();
            (entry, files)
        });
        let mut below: Vec<_> = below.filter(|(_, files)| !files.is_empty()).collect();
        if below.len() > 1 {
            let paths: Vec<String> =
                below.iter().map(|(entry, _)| entry.path.display().to_string()).collect();
            let message = format!(
                "holds several folders of Parquet files: which one is meant? Name it: {}",
                paths.join(" or ")
            );
            return Err(Error::input(folder.path, message));
        }
        let Some((_, files)) = below.pop() else { return Ok(None) };
        found = files;
    }
    let first = Some(found[0].name.clone());
    let layout = layout(folder, found);
    Ok(Some(FoundFiles { first, layout }))
}

fn layout(folder: &Folder<'_>, mut shards: Vec<Shard>) -> Result<Layout> {
    shards.sort_by(|a, b| natural(&a.name, &b.name));
    let mut present: Vec<String> = shards.iter().map(|shard| shard.part.clone()).collect();
    present.retain(|part| !part.is_empty());
    present.sort();
    present.dedup();
    let chosen = match present.is_empty() {
        // All files together are one part.
        true => Parts { train: Some(String::new()), ..Parts::default() },
        false => parts::choose(folder.path, &present, folder.request)?,
    };
    let of = |part: &Option<String>| -> Result<Vec<PathBuf>> {
        let Some(part) = part else { return Ok(Vec::new()) };
        let files: Vec<&Shard> = shards.iter().filter(|shard| shard.part == *part).collect();
        let expected = files.iter().filter_map(|shard| shard.of).max().unwrap_or(files.len());
        if files.len() < expected {
            let names: Vec<&str> = files.iter().map(|shard| shard.name.as_str()).collect();
            let message = format!(
                "holds {} of the {expected} files of `{part}`: {}",
                files.len(),
                listed(&names)
            );
            return Err(Error::input(folder.path, message));
        }
        Ok(files.into_iter().map(|shard| shard.path.clone()).collect())
    };
    let train = of(&chosen.train)?;
    if train.is_empty() {
        let message = format!("has no part `train`; its parts are {}", present.join(", "));
        return Err(Error::input(folder.path, message));
    }
    let test = Some(of(&chosen.test)?).filter(|files| !files.is_empty());
    let left_out =
        shards.into_iter().filter(|shard| present.contains(&shard.part)).map(|shard| shard.path);
    let mut files = train.clone();
    files.extend(left_out);
    let path = folder.path.to_owned();
    Ok(Layout {
        files: Some(files),
        read: Box::new(move |request| {
            let mut data = read(&path, train, test, request)?;
            data.warnings.splice(0..0, chosen.notes);
            Ok(data)
        }),
    })
}

/// Images and labels of the files of a part.
struct PartRows {
    images: Vec<Encoded>,
    labels: Vec<Labels>,
}

/// Labels of one file.
type Labels = (PathBuf, RowLabels);

fn rows(files: &[PathBuf], columns: &Columns, sources: &mut Vec<Source>) -> Result<PartRows> {
    let mut part = PartRows { images: Vec::new(), labels: Vec::new() };
    for path in files {
        let rows = parquet_rows::rows(path, columns)?;
        part.images.extend(rows.images);
        part.labels.push((path.clone(), rows.labels));
        sources.push(Source::of_file(path)?);
    }
    Ok(part)
}

fn read(
    path: &Path,
    train: Vec<PathBuf>,
    test: Option<Vec<PathBuf>>,
    request: &Request,
) -> Result<Read> {
    let columns = parquet_rows::columns(&train[0], request)?;
    let mut sources = Vec::new();
    let of_train = rows(&train, &columns, &mut sources)?;
    let of_test = test.as_ref().map(|files| rows(files, &columns, &mut sources)).transpose()?;
    let known = class_names(&of_train, &columns)?;
    let named_by = train[0].join(&columns.label);
    let part = |files: &[PathBuf], rows: PartRows| -> Result<Part> {
        let labels = numbered(&rows.labels, known.as_deref())?;
        let path = if files.len() == 1 { files[0].clone() } else { path.to_owned() };
        Ok(Part { path, images: rows.images, labels })
    };
    let train_part = part(&train, of_train)?;
    let wanted = Wanted::of(request);
    let (train, test, notes): (Samples, Option<Samples>, _) = match (test, of_test) {
        (Some(files), Some(rows)) => {
            let parts = [train_part, part(&files, rows)?];
            let (parts, notes) = image_files::load(path, parts, wanted)?;
            let [train, test] = parts.map(|part| part.samples);
            (train, Some(test), notes)
        }
        _ => {
            let ([train], notes) = image_files::load(path, [train_part], wanted)?;
            (train.samples, None, notes)
        }
    };
    let names = known.or(columns.names).map(|names| Named::InOrder(named_by, names));
    let warnings = columns.note.into_iter().chain(notes).collect();
    Ok(Read { train, test, sources, warnings, names, settled: None })
}

/// Names of the classes if the labels are names: those of the training part, in natural order.
fn class_names(train: &PartRows, columns: &Columns) -> Result<Option<Vec<String>>> {
    let mut names: Vec<String> = Vec::new();
    for (_, labels) in &train.labels {
        if let RowLabels::Names(labels) = labels {
            names.extend(labels.iter().cloned());
        }
    }
    if names.is_empty() {
        return Ok(None);
    }
    names.sort_by(|a, b| natural(a, b).then_with(|| a.cmp(b)));
    names.dedup();
    let n = names.len();
    if n > MAX_CLASSES {
        let path = &train.labels[0].0;
        let message =
            format!("has {n} classes in `{}`, expected at most {MAX_CLASSES}", columns.label);
        return Err(Error::input(path, message));
    }
    Ok(Some(names))
}

/// Labels of a part as numbers: indices into the names, if they are names.
fn numbered(labels: &[Labels], names: Option<&[String]>) -> Result<Vec<u16>> {
    let mut numbers = Vec::new();
    for (path, labels) in labels {
        match (labels, names) {
            (RowLabels::Numbers(labels), None) => numbers.extend(labels),
            (RowLabels::Names(labels), Some(names)) => {
                for (row, label) in labels.iter().enumerate() {
                    let place = names.iter().position(|name| name == label).ok_or_else(|| {
                        let message = format!(
                            "row {row} has the label `{label}`, which no training image has"
                        );
                        Error::input(path, message)
                    })?;
                    numbers.push(place as u16);
                }
            }
            _ => {
                let message = "has labels of another kind than the other files: numbers or text";
                return Err(Error::input(path, message));
            }
        }
    }
    Ok(numbers)
}

//! Parquet files of images and labels, as data sets of Hugging Face's Hub come: one file, or the
//! files of each split, `train-00000-of-00002.parquet`.

use super::{Folder, Format, FoundFiles, Layout, Read, SingleFile};
use crate::dataset::classes::Named;
use crate::dataset::image_files::{self, Encoded, Part, Wanted};
use crate::dataset::listing::{Entry, entries};
use crate::dataset::parquet_rows::{self, Columns, Rows};
use crate::dataset::parts;
use crate::dataset::request::Request;
use crate::dataset::{LabelFile, Labels, Source, Values};
use crate::error::{Error, Result};
use crate::format::{listed, natural};
use std::path::{Path, PathBuf};

pub(super) static FORMAT: Format = Format {
    name: "parquet",
    title: "Parquet files",
    looks_like: "Parquet files of images and labels (train-00000-of-00001.parquet, ..., as on Hugging Face's Hub)",
    endings: &[ENDING],
    options: &["label_column", "background", "size", "channels", "train_part", "test_part"],
    find: Some(|folder, _| Ok(find(folder))),
    named_set: None,
    file: Some(SingleFile {
        title: ".parquet",
        is_called: |name| name.ends_with(ENDING),
        read: |path, request| {
            parts::choose(path, [], request)?;
            read(path, &[path.to_owned()], None, request)
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
        let stem = lower.strip_suffix(ENDING).filter(|_| !entry.is_dir)?;
        let part = parts::of_name(stem, request).unwrap_or_default();
        let of = parts::words(stem).skip_while(|word| *word != "of").nth(1);
        let of = of.and_then(|number| number.parse().ok());
        Some(Self { path: entry.path.clone(), name: entry.name.clone(), part, of })
    }
}

/// Files in the folder itself, or in the only subfolder with such files, `data` as a rule.
fn find(folder: &Folder<'_>) -> Option<FoundFiles> {
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
            let first = below[0].1.first().map(|shard| shard.name.clone());
            return Some(FoundFiles { first, layout: Err(Error::input(folder.path, message)) });
        }
        found = below.pop()?.1;
    }
    let first = Some(found[0].name.clone());
    Some(FoundFiles { first, layout: layout(folder, found) })
}

fn layout(folder: &Folder<'_>, mut shards: Vec<Shard>) -> Result<Layout> {
    shards.sort_by(|a, b| natural(&a.name, &b.name));
    let (others, named): (Vec<&Shard>, _) = shards.iter().partition(|shard| shard.part.is_empty());
    let present = named.iter().map(|shard| shard.part.clone());
    let mut chosen = parts::choose(folder.path, present, folder.request)?;
    if named.is_empty() {
        // All files together are one part.
        chosen.train = Some(String::new());
    } else if !others.is_empty() {
        let others: Vec<&str> = others.iter().map(|shard| shard.name.as_str()).collect();
        let path = folder.path.display();
        chosen.notes.push(format!("{path} holds {} besides, which is not read", listed(&others)));
    }
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
        let names: Vec<&str> = shards.iter().map(|shard| shard.name.as_str()).collect();
        let message = format!("has no part `train`; found {}", listed(&names));
        return Err(Error::input(folder.path, message));
    }
    let test = Some(of(&chosen.test)?).filter(|files| !files.is_empty());
    let path = folder.path.to_owned();
    Ok(Layout {
        files: Some(shards.iter().map(|shard| shard.path.clone()).collect()),
        notes: chosen.notes,
        read: Box::new(move |request| read(&path, &train, test.as_deref(), request)),
    })
}

/// Images and labels of the files of a part.
struct PartRows {
    images: Vec<Encoded>,
    /// The labels of each file.
    labels: Vec<LabelFile>,
}

fn rows(files: &[PathBuf], columns: &Columns, sources: &mut Vec<Source>) -> Result<PartRows> {
    let mut part = PartRows { images: Vec::new(), labels: Vec::new() };
    for path in files {
        let Rows { images, labels: values } = parquet_rows::rows(path, columns)?;
        part.images.extend(images);
        part.labels.push(LabelFile { path: path.clone(), values, notes: Vec::new(), lines: None });
        sources.push(Source::of_file(path)?);
    }
    Ok(part)
}

fn read(
    path: &Path,
    train: &[PathBuf],
    test: Option<&[PathBuf]>,
    request: &Request,
) -> Result<Read> {
    let columns = parquet_rows::columns(&train[0], request)?;
    let mut sources = Vec::new();
    let of_train = rows(train, &columns, &mut sources)?;
    let of_test = test.map(|files| rows(files, &columns, &mut sources)).transpose()?;
    let are_names = matches!(of_train.labels[0].values, Values::Names(_));
    let known = if are_names { Some(labels(&of_train, None)?.names) } else { None };
    let part = |rows: PartRows| -> Result<Part> {
        let labels = match &known {
            Some(names) => labels(&rows, Some(names))?.classes.concat(),
            None => numbers(&rows, &columns)?,
        };
        let path = match &rows.labels[..] {
            [only] => only.path.clone(),
            _ => path.to_owned(),
        };
        Ok(Part { path, images: rows.images, labels })
    };
    let of_train = part(of_train)?;
    let wanted = Wanted::of(request);
    let (train_samples, test_samples, notes) = match of_test {
        Some(rows) => {
            let ([train, test], notes) = image_files::load(path, &[of_train, part(rows)?], wanted)?;
            (train.samples, Some(test.samples), notes)
        }
        None => {
            let ([train], notes) = image_files::load(path, &[of_train], wanted)?;
            (train.samples, None, notes)
        }
    };
    let named_by = train[0].join(&columns.label);
    let names = known.or(columns.names).map(|names| Named::InOrder(named_by, names));
    let warnings = columns.note.into_iter().chain(notes).collect();
    Ok(Read { train: train_samples, test: test_samples, sources, warnings, names, settled: None })
}

/// Classes of labels that are names, in natural order of those of the training part.
fn labels(rows: &PartRows, names: Option<&[String]>) -> Result<Labels> {
    Labels::of(&rows.labels.iter().collect::<Vec<_>>(), names)
}

/// Labels that are numbers.
fn numbers(rows: &PartRows, columns: &Columns) -> Result<Vec<u16>> {
    let mut labels = Vec::new();
    for LabelFile { path, values, .. } in &rows.labels {
        let Values::Numbers(numbers) = values else {
            return Err(Error::input(path, "has names for labels, and other files have numbers"));
        };
        for (row, &number) in numbers.iter().enumerate() {
            labels.push(u16::try_from(number).map_err(|_| {
                let column = &columns.label;
                let message =
                    format!("row {row} has the `{column}` {number}, expected 0 to {}", u16::MAX);
                Error::input(path, message)
            })?);
        }
    }
    Ok(labels)
}

//! Four IDX files, as in MNIST, Fashion-MNIST and EMNIST.

use super::four::all_four;
use super::{Contents, Fill, Folder, Format, FoundFiles, Layout, Read, Writer, Written};
use crate::dataset::classes::Named;
use crate::dataset::listing::{Entry, entries};
use crate::dataset::registered::{self, Input};
use crate::dataset::{Source, idx};
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(super) static FORMAT: Format = Format {
    name: "idx",
    title: "IDX files",
    looks_like: "four IDX files (train-images-idx3-ubyte, ...; plain or .gz)",
    // There may be files of many other sets beside those that are read.
    endings: &[],
    options: &[],
    find: Some(|folder, _| find(folder)),
    named_set: Some(set),
    file: None,
    written: Some(Written {
        wide: false,
        summary: "Four IDX files, as MNIST and Fashion-MNIST come",
        writer: Writer::Folder(files),
    }),
};

/// A set of IDX files.
struct IdxFiles {
    /// Paths of training images and labels, test images and labels.
    paths: [PathBuf; 4],
    /// Prefix of the names, in lower case: `emnist-letters`, or empty.
    prefix: String,
    /// Path of EMNIST's file with the characters of each label.
    mapping: Option<PathBuf>,
}

/// Prefix of a set and index among its four files, from the name of an IDX file:
/// `train-images-idx3-ubyte`, `train-images.idx3-ubyte`,
/// `emnist-letters-test-labels-idx1-ubyte.gz`.
fn slot(name: &str) -> Option<(String, usize)> {
    let lower = name.to_lowercase();
    let stem = lower.strip_suffix(".gz").unwrap_or(&lower);
    let words: Vec<&str> = stem.split(['-', '.', '_']).collect();
    let at = words.iter().position(|word| matches!(*word, "images" | "labels"))?;
    let before = &words[..at];
    let what = words[at];
    let after = &words[at + 1..];
    let part = match before.last()? {
        &"train" => 0,
        &"t10k" | &"test" => 2,
        _ => return None,
    };
    let is_idx = after.first().is_some_and(|word| word.starts_with("idx")) && after.len() <= 2;
    is_idx.then(|| (before[..before.len() - 1].join("-"), part + usize::from(what == "labels")))
}

/// Folder and prefix of the set of IDX files that a path names: the folder and the prefix, or one
/// of the files.
fn set(path: &Path) -> Option<(&Path, String)> {
    let folder = path.parent()?;
    let name = path.file_name()?.to_str()?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if path.is_file() {
        return slot(name).map(|(prefix, _)| (folder, prefix));
    }
    let begins_so =
        |entry: &Entry| slot(&entry.name).is_some_and(|(begin, _)| begin == beginning(name));
    let is_there = !path.exists() && entries(folder).is_ok_and(|all| all.iter().any(begins_so));
    is_there.then(|| (folder, name.to_owned()))
}

/// Prefix in the form that [`slot`] returns.
fn beginning(prefix: &str) -> String {
    prefix.to_lowercase().replace(['.', '_'], "-")
}

/// The set of IDX files; if there are several, the one with the requested prefix.
///
/// # Errors
/// [`Error::Input`] if there are several and none is requested.
fn find(folder: &Folder<'_>) -> Result<Option<FoundFiles>> {
    let mut sets: BTreeMap<String, [Vec<&Entry>; 4]> = BTreeMap::new();
    for entry in folder.files() {
        if let Some((prefix, slot)) = slot(&entry.name) {
            sets.entry(prefix).or_default()[slot].push(entry);
        }
    }
    if let Some(wanted) = folder.prefix {
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
            names.iter().map(|name| folder.path.join(name).display().to_string()).collect();
        let message = format!(
            "holds IDX files of several data sets: which one is meant? Name it as {}",
            shown.join(" or ")
        );
        return Err(Error::input(folder.path, message));
    }
    let Some((prefix, slots)) = sets.pop_first() else { return Ok(None) };
    let expected = registered::FILES.map(|name| match prefix.as_str() {
        "" => format!("{name}[.gz]"),
        prefix => format!("{prefix}-{}[.gz]", name.replace("t10k", "test")),
    });
    let first = slots.iter().flatten().next().map(|entry| entry.name.clone());
    let is_mapping = |entry: &&Entry| beginning(&entry.name) == format!("{prefix}-mapping-txt");
    let mapping = folder.files().find(is_mapping).map(|entry| entry.path.clone());
    let paths = all_four(folder.path, &slots, "IDX ", expected);
    let layout = paths.map(|paths| Layout {
        files: Some(paths.to_vec()),
        notes: Vec::new(),
        read: Box::new(move |request| read(IdxFiles { paths, prefix, mapping }, request.transpose)),
    });
    Ok(Some(FoundFiles { first, layout }))
}

fn read(files: IdxFiles, transpose: bool) -> Result<Read> {
    let IdxFiles { paths, prefix, mapping } = files;
    let input = |path: PathBuf| Ok(Input { bytes: idx::read_file(&path)?.into(), path });
    let inputs: Vec<Input> = paths.into_iter().map(input).collect::<Result<_>>()?;
    let known = |at: usize| registered::REGISTERED.map(|set| set.files[at].known).concat();
    let described = inputs.iter().enumerate();
    let sources = described
        .map(|(at, input)| Source::of_idx(input.path.display(), &input.bytes, &known(at)))
        .collect();
    let (mut train, mut test, note) = registered::assemble(&inputs)?;
    let mut warnings: Vec<String> = note.into_iter().collect();
    let mut names = None;
    if prefix.starts_with("emnist") {
        if transpose {
            let expected =
                format!("no exchange: the images of {prefix} are turned upright already");
            return Err(Error::parameter("transpose", true, expected));
        }
        train.images = train.images.transposed();
        test.images = test.images.transposed();
        warnings.push(format!(
            "rows and columns of the images of {prefix} were exchanged, which turns them upright: \
             EMNIST stores them so"
        ));
        names = match mapping {
            Some(mapping) => {
                let read = read_mapping(&mapping)?;
                Some(Named::Numbered(mapping, read))
            }
            None => emnist_names(&prefix).map(|names| Named::Numbered(prefix.into(), names)),
        };
    }
    Ok(Read { train, test: Some(test), sources, warnings, names, settled: None })
}

/// Characters of each label of the sets of EMNIST, as in its files of characters: digits, capital
/// letters, then small letters, in `balanced` and `bymerge` only those that do not look like their
/// capital ones; in `letters` each letter from 1.
fn emnist_names(prefix: &str) -> Option<Vec<(u16, String)>> {
    let numbered = |letters: &str| {
        letters.chars().map(String::from).enumerate().map(|(at, name)| (at as u16, name)).collect()
    };
    let digits = "0123456789";
    let capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    match prefix.strip_prefix("emnist-")? {
        "balanced" | "bymerge" => Some(numbered(&format!("{digits}{capitals}abdefghnqrt"))),
        "byclass" => Some(numbered(&format!("{digits}{capitals}{}", capitals.to_lowercase()))),
        "digits" | "mnist" => Some(numbered(digits)),
        "letters" => {
            let both = |letter: char| format!("{letter}/{}", letter.to_ascii_lowercase());
            Some(capitals.chars().zip(1..).map(|(letter, label)| (label, both(letter))).collect())
        }
        _ => None,
    }
}

/// Characters of each label, from a file of EMNIST: one label and the codes of its characters a
/// line.
fn read_mapping(path: &Path) -> Result<Vec<(u16, String)>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
    let entry = |line: &str| {
        let mut words = line.split_whitespace();
        let label = words.next()?.parse().ok()?;
        let letters = words
            .map(|code| code.parse().ok().and_then(char::from_u32).map(String::from))
            .collect::<Option<Vec<_>>>()?;
        (!letters.is_empty()).then(|| (label, letters.join("/")))
    };
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            let expected = "expected a label and the codes of its characters";
            entry(line).ok_or_else(|| {
                Error::input(path, format!("line {} is `{line}`, {expected}", at + 1))
            })
        })
        .collect()
}

fn files<'a>(contents: &'a Contents<'a>) -> Vec<(String, Fill<'a>)> {
    let mut files: Vec<(String, Fill)> = Vec::new();
    let names = registered::FILES.chunks_exact(2);
    for ((_, images, labels), names) in contents.named().zip(names) {
        files.push((names[0].into(), Box::new(move |out| idx::write_images(out, images))));
        files.push((names[1].into(), Box::new(move |out| idx::write_labels(out, labels))));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idx_files_are_known_by_their_names() {
        for (name, prefix, expected) in [
            ("train-images-idx3-ubyte", "", 0),
            ("train-labels.idx1-ubyte", "", 1),
            ("T10K-Images.IDX3-ubyte.gz", "", 2),
            ("t10k-labels-idx1-ubyte.gz", "", 3),
            ("emnist-letters-train-images-idx3-ubyte.gz", "emnist-letters", 0),
            ("emnist-letters-test-labels-idx1-ubyte", "emnist-letters", 3),
            ("train-labels-idx1-int", "", 1),
            ("test-images.idx", "", 2),
        ] {
            assert_eq!(slot(name), Some((prefix.to_owned(), expected)), "{name}");
        }
        for name in [
            "train-images.png",
            "images-idx3-ubyte",
            "train-images",
            "other-images-idx3-ubyte",
            "train-images-idx3-ubyte.part.x",
        ] {
            assert_eq!(slot(name), None, "{name}");
        }
    }
}

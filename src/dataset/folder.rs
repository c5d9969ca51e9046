//! Data of one's own: which of the known layouts a path holds, and reading it.

use super::registered::{self, Input};
use super::{Dataset, Header, Samples, Source, arrays, check_sizes, csv, idx, image_folder};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// What can be read, for messages.
const LAYOUTS: &str = "four IDX files (train-images-idx3-ubyte, ...; plain or .gz), four CSV files (x_train.csv, y_train.csv, \
                       x_test.csv, y_test.csv; plain or .gz), two CSV files with the label first (train.csv, test.csv), four .npy \
                       files (x_train.npy, ...), folders of images (train/CLASS/*.png and test/CLASS/*.png, or CLASS/*.png), or a \
                       .npz file";

/// A layout that was found.
enum Layout {
    Idx(Vec<Option<PathBuf>>),
    Pairs([Option<PathBuf>; 4]),
    Together([PathBuf; 2]),
    Npy([Option<PathBuf>; 4]),
    Images,
}

impl Layout {
    /// The files that are there.
    fn files(&self) -> Vec<&Path> {
        let paths: Vec<&PathBuf> = match self {
            Self::Idx(paths) => paths.iter().flatten().collect(),
            Self::Pairs(paths) | Self::Npy(paths) => paths.iter().flatten().collect(),
            Self::Together(paths) => paths.iter().collect(),
            Self::Images => Vec::new(),
        };
        paths.into_iter().map(PathBuf::as_path).collect()
    }
}

/// Images, labels and what is known of them.
struct Read {
    train: Samples,
    test: Samples,
    sources: Vec<Source>,
    warnings: Vec<String>,
    class_names: Option<Vec<String>>,
}

/// Reads the folder or file `path`; that classes have no names is worth a word unless they are `grouped` afterwards.
pub(super) fn read(path: &Path, header: Header, grouped: bool) -> Result<Dataset> {
    let Read { train, test, sources, mut warnings, class_names } = match path.is_dir() {
        true => read_folder(path, header)?,
        false => read_file(path)?,
    };
    let class_names = match class_names.or_else(|| registered::recognise(&train, &test).map(names)) {
        Some(names) => names,
        None => {
            if !grouped {
                let path = path.display();
                warnings.push(format!("the classes of {path} have no names: they are numbered (--label-groups names them)"));
            }
            number(&train, &test, &sources)?
        }
    };
    Ok(Dataset { name: name(path), class_names, train, test, sources, original: None, warnings })
}

fn names(set: &registered::Registered) -> Vec<String> {
    set.class_names.map(Into::into).into()
}

/// Classes up to the highest label of the training images, numbered.
fn number(train: &Samples, test: &Samples, sources: &[Source]) -> Result<Vec<String>> {
    let highest = train.labels.iter().copied().max().unwrap_or(0);
    if let Some(row) = test.labels.iter().position(|&label| label > highest) {
        let message = format!("test image {row} has the label {}, but the training labels are 0 to {highest}", test.labels[row]);
        return Err(Error::input(sources.last().map_or("", |source| &source.name), message));
    }
    Ok((0..=highest).map(|label| label.to_string()).collect())
}

/// The last part of the path without its ending.
fn name(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let part = if whole.is_dir() { whole.file_name() } else { whole.file_stem() };
    part.map_or("data".into(), |name| name.to_string_lossy().into_owned())
}

fn read_file(path: &Path) -> Result<Read> {
    if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npz")) {
        return Err(Error::input(path, format!("is a file that is no .npz; expected a folder of {LAYOUTS}")));
    }
    let (train, test, sources) = arrays::read_npz(path)?;
    check_sizes((&path.join("x_train"), &train), (&path.join("x_test"), &test))?;
    Ok(Read { train, test, sources, warnings: Vec::new(), class_names: None })
}

fn read_folder(folder: &Path, header: Header) -> Result<Read> {
    match layout(folder)? {
        Layout::Idx(paths) => {
            let inputs: Vec<Input> = registered::complete("IDX", folder, paths)?
                .into_iter()
                .map(|path| Ok(Input { bytes: idx::read_file(&path)?.into(), path }))
                .collect::<Result<_>>()?;
            let known = |at: usize| registered::REGISTERED.map(|set| set.files[at].known).concat();
            let described = inputs.iter().enumerate();
            let sources = described.map(|(at, input)| Source::of_idx(input.path.display(), &input.bytes, &known(at))).collect();
            let (train, test) = registered::assemble(&inputs)?;
            Ok(Read { train, test, sources, warnings: Vec::new(), class_names: None })
        }
        Layout::Pairs(paths) => {
            let [x_train, y_train, x_test, y_test] = all_four(folder, paths, "csv[.gz]")?;
            let train = csv::read_pair(&x_train, &y_train, header)?;
            let test = csv::read_pair(&x_test, &y_test, header)?;
            both(&x_train, train, &x_test, test)
        }
        Layout::Together([train, test]) => {
            both(&train, csv::read_together(&train, header)?, &test, csv::read_together(&test, header)?)
        }
        Layout::Npy(paths) => {
            let paths = all_four(folder, paths, "npy")?;
            let (train, test, sources) = arrays::read_npy(&paths)?;
            check_sizes((&paths[0], &train), (&paths[2], &test))?;
            Ok(Read { train, test, sources, warnings: Vec::new(), class_names: None })
        }
        Layout::Images => {
            let image_folder::Read { class_names, train, test, sources, warnings } = image_folder::read(folder)?;
            Ok(Read { train, test, sources, warnings, class_names: Some(class_names) })
        }
    }
}

/// The two parts that were read from CSV files.
fn both(train_path: &Path, train: csv::Read, test_path: &Path, test: csv::Read) -> Result<Read> {
    check_sizes((train_path, &train.samples), (test_path, &test.samples))?;
    Ok(Read {
        sources: [train.sources, test.sources].concat(),
        warnings: train.note.into_iter().chain(test.note).collect(),
        train: train.samples,
        test: test.samples,
        class_names: None,
    })
}

/// The one layout that `folder` holds.
fn layout(folder: &Path) -> Result<Layout> {
    let unreadable = |error: std::io::Error| Error::input(folder, format!("cannot be read: {error}"));
    let mut found = Vec::new();
    if let Some(paths) = registered::in_folder(folder).map_err(unreadable)? {
        found.push(("IDX files", Layout::Idx(paths)));
    }
    let four = |endings: &[&str]| {
        arrays::NAMES.map(|name| endings.iter().map(|end| folder.join(format!("{name}.{end}"))).find(|path| path.exists()))
    };
    let pairs = four(&["csv", "csv.gz"]);
    if pairs.iter().any(Option::is_some) {
        found.push(("CSV files of pixels and of labels", Layout::Pairs(pairs)));
    }
    if let Some(paths) = together(folder).map_err(unreadable)? {
        found.push(("CSV files with labels and pixels", Layout::Together(paths)));
    }
    let arrays = four(&["npy"]);
    if arrays.iter().any(Option::is_some) {
        found.push((".npy files", Layout::Npy(arrays)));
    }
    if image_folder::is_one(folder) {
        found.push(("folders of images", Layout::Images));
    }
    if found.len() > 1 {
        let called = |layout: &Layout| {
            let name = layout.files().first()?.file_name()?.display().to_string();
            Some(format!(" ({name})"))
        };
        let kinds: Vec<_> = found.iter().map(|(kind, layout)| format!("{kind}{}", called(layout).unwrap_or_default())).collect();
        return Err(Error::input(
            folder,
            format!("holds {}: which one is meant? Put them into folders of their own", kinds.join(" and ")),
        ));
    }
    let (_, layout) = found.pop().ok_or_else(|| Error::input(folder, format!("holds no data; expected {LAYOUTS}")))?;
    layout.files().into_iter().try_for_each(|path| in_one_form(folder, path))?;
    Ok(layout)
}

/// Refuses a plain file, which is found first, beside a compressed one of its name: one of them is older than the other.
fn in_one_form(folder: &Path, path: &Path) -> Result<()> {
    let compressed = path.with_added_extension("gz");
    if !compressed.exists() {
        return Ok(());
    }
    let [plain, compressed] = [path, &compressed].map(|path| path.file_name().unwrap_or_default().display());
    Err(Error::input(folder, format!("holds {plain} and {compressed}: which one is meant? Keep one of them")))
}

/// The CSV file with `train` in its name and the one with `test`, if there is exactly one of each but for `x_train` and the
/// like; a file that is there plain and compressed is one, the plain one.
fn together(folder: &Path) -> std::io::Result<Option<[PathBuf; 2]>> {
    let mut found: [Vec<PathBuf>; 2] = Default::default();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let is_twin = name.strip_suffix(".gz").is_some() && path.with_extension("").exists();
        if let Some(stem) = name.strip_suffix(".csv").or_else(|| name.strip_suffix(".csv.gz"))
            && !is_twin
            && !arrays::NAMES.contains(&stem)
            && let Some(part) = ["train", "test"].iter().position(|part| stem.contains(part))
        {
            found[part].push(path);
        }
    }
    let [mut train, mut test] = found;
    Ok(if (train.len(), test.len()) == (1, 1) { train.pop().zip(test.pop()).map(Into::into) } else { None })
}

fn all_four(folder: &Path, paths: [Option<PathBuf>; 4], ending: &str) -> Result<[PathBuf; 4]> {
    let missing: Vec<_> =
        paths.iter().zip(arrays::NAMES).filter(|(path, _)| path.is_none()).map(|(_, name)| format!("{name}.{ending}")).collect();
    if !missing.is_empty() {
        return Err(Error::input(folder, format!("{} of the four files missing: {}", missing.len(), missing.join(", "))));
    }
    Ok(paths.map(Option::unwrap_or_default))
}

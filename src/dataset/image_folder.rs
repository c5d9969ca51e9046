//! Folders of images: one subfolder for each class.

use super::image_files::{self, Decoded, Encoded, Loaded, Part, Wanted};
use super::listing::{Entry, entries, listed};
use super::request::Request;
use super::source::hex;
use super::{MAX_CLASSES, Samples, Source, parts};
use crate::error::{Error, Result};
use crate::random::Random;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Stream and seed of the random numbers that choose test images: constants, so that runs with
/// different seeds are tested on the same images.
const TEST_STREAM: u64 = 0x7465_7374;
const TEST_SEED: u64 = 42;

/// One in this many images becomes a test image if there is no test part.
const TEST_SHARE: usize = 6;

/// Content of a folder of images.
pub(super) struct Read {
    pub class_names: Vec<String>,
    pub train: Samples,
    pub test: Samples,
    pub sources: Vec<Source>,
    pub warnings: Vec<String>,
}

/// Location of the classes in a folder of images.
enum FolderLayout {
    /// In the folders of the training and of the test images; the others are beside these two.
    Parts { train: PathBuf, test: PathBuf, notes: Vec<String> },
    /// In the folder itself.
    Classes(Vec<Entry>),
}

/// The subfolder with this name.
fn part(all: &[Entry], name: &str) -> Option<PathBuf> {
    all.iter().find(|entry| entry.is_dir && entry.lower() == name).map(|entry| entry.path.clone())
}

/// `true` if the folder itself contains images.
fn holds_images(folder: &Path) -> bool {
    entries(folder).is_ok_and(|files| files.iter().any(Entry::is_image))
}

/// Subfolders that contain images, or folders of images if their names are those of parts.
pub(super) fn folders<'a>(all: &'a [Entry], request: &Request) -> Vec<&'a Entry> {
    let holds_classes = |folder: &Path| {
        let classes = entries(folder).unwrap_or_default().into_iter().filter(|entry| entry.is_dir);
        classes.into_iter().any(|class| holds_images(&class.path))
    };
    let is_one = |entry: &&Entry| {
        let is_part = parts::is_part(&entry.lower(), request);
        entry.is_dir && (holds_images(&entry.path) || (is_part && holds_classes(&entry.path)))
    };
    all.iter().filter(is_one).collect()
}

/// Refuses folders in which one of the two parts is missing, and files beside folders of classes.
///
/// # Errors
/// [`Error::Input`].
pub(super) fn check(folder: &Path, request: &Request) -> Result<()> {
    folder_layout(folder, request).map(drop)
}

fn folder_layout(folder: &Path, request: &Request) -> Result<FolderLayout> {
    let all = entries(folder)?;
    let both = ["train", "test"];
    let has_classes =
        |entry: &Entry| entries(&entry.path).is_ok_and(|all| all.iter().any(|entry| entry.is_dir));
    let present: Vec<String> = all
        .iter()
        .filter(|entry| entry.is_dir && parts::is_part(&entry.lower(), request))
        .filter(|entry| both.contains(&entry.lower().as_str()) || has_classes(entry))
        .map(Entry::lower)
        .collect();
    // Classes may be called like further parts.
    let asked = request.train_part.is_some() || request.test_part.is_some();
    let divided = asked || both.iter().any(|name| part(&all, name).is_some());
    if !divided {
        return classes(folder).map(FolderLayout::Classes);
    }
    let chosen = parts::choose(folder, present.clone(), request)?;
    let paths = chosen.both().map(|both| both.map(|name| part(&all, name)));
    match paths {
        Some([Some(train), Some(test)]) => {
            let mut notes = chosen.notes;
            notes.extend(others(folder, all, &present));
            Ok(FolderLayout::Parts { train, test, notes })
        }
        _ => {
            let found = listed(&all);
            let message = format!(
                "has only one of the folders `train` and `test`, expected both or neither; found \
                 {found}"
            );
            Err(Error::input(folder, message))
        }
    }
}

/// Note about entries that are no parts.
fn others(folder: &Path, all: Vec<Entry>, present: &[String]) -> Option<String> {
    let is_part = |entry: &Entry| entry.is_dir && present.contains(&entry.lower());
    let others: Vec<Entry> = all.into_iter().filter(|entry| !is_part(entry)).collect();
    (!others.is_empty()).then(|| {
        format!("{} holds {} besides, which is not read", folder.display(), listed(&others))
    })
}

/// Reads `train/CLASS/*` and `test/CLASS/*`, or the parts that are requested or there instead, or
/// otherwise `CLASS/*`.
pub(super) fn read(folder: &Path, request: &Request) -> Result<Read> {
    let wanted = Wanted::of(request);
    let (train, test, mut warnings) = match folder_layout(folder, request)? {
        FolderLayout::Parts { train, test, notes } => (train, test, notes),
        FolderLayout::Classes(classes) => return read_undivided(folder, classes, wanted),
    };
    let known = several(&train, classes(&train)?)?;
    let parts = [files(&train, &known, &known)?, files(&test, &classes(&test)?, &known)?];
    let (loaded, notes) = image_files::load(folder, &parts, wanted)?;
    warnings.extend(notes);
    let sources = [0, 1].map(|at| described(&parts[at], &loaded[at].decoded));
    let [train, test] = loaded.map(|part| part.samples);
    let class_names = known.into_iter().map(|class| class.name).collect();
    Ok(Read { class_names, train, test, sources: sources.into(), warnings })
}

/// Reads `CLASS/*`, and splits off test images.
fn read_undivided(folder: &Path, classes: Vec<Entry>, wanted: Wanted) -> Result<Read> {
    let classes = several(folder, classes)?;
    let part = [files(folder, &classes, &classes)?];
    let (train, test) = divide(&part[0].labels).map_err(|class| {
        let class = &classes[usize::from(class)].path;
        Error::input(class, "holds one image; expected two, one of them for the test")
    })?;
    let ([Loaded { samples: all, decoded }], mut warnings) =
        image_files::load(folder, &part, wanted)?;
    let source = described(&part[0], &decoded);
    warnings.push(put_aside(folder, &test, &all));
    let (train, test) = (all.select(&train), all.select(&test));
    let class_names = classes.into_iter().map(|class| class.name).collect();
    Ok(Read { class_names, train, test, sources: vec![source], warnings })
}

/// Note about the images that became test images.
pub(super) fn put_aside(path: &Path, test: &[usize], all: &Samples) -> String {
    format!(
        "{} has no test images: of every class one image in {TEST_SHARE} was put aside for the \
         test, at random, always the same ones: {} of {}",
        path.display(),
        test.len(),
        all.len()
    )
}

/// Folders of the classes.
fn classes(folder: &Path) -> Result<Vec<Entry>> {
    let all = entries(folder)?;
    if let Some(other) = all.iter().find(|entry| !entry.is_dir) {
        let message =
            "stands beside folders of images; expected one folder a class and nothing else";
        return Err(Error::input(&other.path, message));
    }
    Ok(all)
}

/// Refuses fewer than two classes, more than [`MAX_CLASSES`], and two with the same name.
fn several(folder: &Path, classes: Vec<Entry>) -> Result<Vec<Entry>> {
    if let Some(pair) = classes.windows(2).find(|pair| pair[0].name == pair[1].name) {
        let message = format!(
            "cannot be distinguished from another folder called `{}`: its name is no Unicode text",
            pair[0].name
        );
        return Err(Error::input(&pair[1].path, message));
    }
    match &classes[..] {
        [only] => Err(Error::input(
            folder,
            format!("has one class, `{}`; expected at least two folders of images", only.name),
        )),
        _ if (2..=MAX_CLASSES).contains(&classes.len()) => Ok(classes),
        _ => Err(Error::input(
            folder,
            format!("has {} classes, expected 2 to {MAX_CLASSES} folders of images", classes.len()),
        )),
    }
}

/// The files of the given class folders; labels are indices into `known`.
fn files(folder: &Path, classes: &[Entry], known: &[Entry]) -> Result<Part> {
    let mut files = Part { path: folder.to_owned(), images: Vec::new(), labels: Vec::new() };
    for class in classes {
        let path = &class.path;
        let Some(label) = known.iter().position(|known| known.name == class.name) else {
            let known =
                known.iter().map(|class| class.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Error::input(
                path,
                format!("is no class of the training images, which are {known}"),
            ));
        };
        let images = entries(path)?;
        if let Some(other) = images.iter().find(|file| !file.is_image()) {
            return Err(Error::input(
                &other.path,
                "is no .png, .jpg or .jpeg file; expected nothing else in a folder of images",
            ));
        }
        if images.is_empty() {
            return Err(Error::input(
                path,
                "holds no images, expected at least one .png or .jpg file",
            ));
        }
        files.labels.extend(images.iter().map(|_| label as u16));
        files.images.extend(images.into_iter().map(|file| Encoded::file(file.path)));
    }
    Ok(files)
}

/// A folder as listed in the manifest: by the lines that `sha256sum` prints for its images, in the
/// order of their paths.
pub(super) fn described(part: &Part, decoded: &[Decoded]) -> Source {
    let folder = &part.path;
    let mut files: Vec<_> = part.images.iter().zip(decoded).collect();
    files.sort_by_key(|(file, _)| &file.name);
    let mut hash = Sha256::new();
    for (file, image) in &files {
        let below = file.name.strip_prefix(folder).unwrap_or(&file.name);
        hash.update(format!("{}  {}\n", image.sha256, below.display()));
    }
    Source {
        name: folder.display().to_string(),
        bytes: files.iter().map(|(_, image)| image.bytes).sum(),
        sha256: hex(hash.finalize()),
        verified: false,
    }
}

/// Training and test rows: of each class that occurs, one image in [`TEST_SHARE`], but at least
/// one, is for the test.
///
/// # Errors
/// A class with a single image, which cannot be split.
pub(super) fn divide(labels: &[u16]) -> Result<(Vec<usize>, Vec<usize>), u16> {
    let order = Random::new(TEST_SEED, TEST_STREAM).permutation(labels.len());
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for class in labels.iter().copied().collect::<BTreeSet<u16>>() {
        let rows: Vec<usize> = order.iter().copied().filter(|&row| labels[row] == class).collect();
        if rows.len() < 2 {
            return Err(class);
        }
        let n_test = (rows.len() / TEST_SHARE).max(1);
        test.extend_from_slice(&rows[..n_test]);
        train.extend_from_slice(&rows[n_test..]);
    }
    train.sort_unstable();
    test.sort_unstable();
    Ok((train, test))
}

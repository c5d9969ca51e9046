//! Folders of images: one subfolder for each class.

use super::image_files::{self, Changes, Decoded, Form, Wanted};
use super::listing::{Entry, entries, listed};
use super::request::{Colour, ImageShape};
use super::source::hex;
use super::{Images, MAX_CLASSES, Samples, Source};
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

/// Names of the folders that hold training and test images, in letters of any case.
const PARTS: [&str; 2] = ["train", "test"];

/// Location of the classes in a folder of images.
enum FolderLayout {
    /// In the folders of the training and of the test images; the others are beside these two.
    Parts { train: PathBuf, test: PathBuf, others: Vec<Entry> },
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

/// Subfolders that contain images, or folders of images if their names are `train` and `test`.
pub(super) fn folders(all: &[Entry]) -> Vec<&Entry> {
    let holds_classes = |folder: &Path| {
        let classes = entries(folder).unwrap_or_default().into_iter().filter(|entry| entry.is_dir);
        classes.into_iter().any(|class| holds_images(&class.path))
    };
    let is_one = |entry: &&Entry| {
        let is_part = PARTS.contains(&entry.lower().as_str());
        entry.is_dir && (holds_images(&entry.path) || (is_part && holds_classes(&entry.path)))
    };
    all.iter().filter(is_one).collect()
}

/// Refuses folders in which one of the two parts is missing, and files beside folders of classes.
///
/// # Errors
/// [`Error::Input`].
pub(super) fn check(folder: &Path) -> Result<()> {
    folder_layout(folder).map(drop)
}

fn folder_layout(folder: &Path) -> Result<FolderLayout> {
    let all = entries(folder)?;
    let [train, test] = PARTS.map(|name| part(&all, name));
    match (train, test) {
        (Some(train), Some(test)) => {
            let others =
                all.into_iter().filter(|entry| entry.path != train && entry.path != test).collect();
            Ok(FolderLayout::Parts { train, test, others })
        }
        (None, None) => classes(folder).map(FolderLayout::Classes),
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

/// Reads `train/CLASS/*` and `test/CLASS/*`, or otherwise `CLASS/*`.
pub(super) fn read(folder: &Path, wanted: Wanted) -> Result<Read> {
    let (train, test, others) = match folder_layout(folder)? {
        FolderLayout::Parts { train, test, others } => (train, test, others),
        FolderLayout::Classes(classes) => return read_undivided(folder, classes, wanted),
    };
    let mut warnings = Vec::new();
    if !others.is_empty() {
        warnings.push(format!(
            "{} holds {} besides, which is not read",
            folder.display(),
            listed(&others)
        ));
    }
    let known = several(&train, classes(&train)?)?;
    let parts = [Files::of(&train, &known, &known)?, Files::of(&test, &classes(&test)?, &known)?];
    let Loaded { mut parts, notes } = load(folder, parts, wanted)?;
    warnings.extend(notes);
    let (train, of_train) = parts.remove(0);
    let (test, of_test) = parts.remove(0);
    let class_names = known.into_iter().map(|class| class.name).collect();
    Ok(Read { class_names, train, test, sources: vec![of_train, of_test], warnings })
}

/// Reads `CLASS/*`, and splits off test images.
fn read_undivided(folder: &Path, classes: Vec<Entry>, wanted: Wanted) -> Result<Read> {
    let classes = several(folder, classes)?;
    let files = Files::of(folder, &classes, &classes)?;
    let (train, test) = divide(&files.labels).map_err(|class| {
        let class = &classes[usize::from(class)].path;
        Error::input(class, "holds one image; expected two, one of them for the test")
    })?;
    let Loaded { mut parts, notes: mut warnings } = load(folder, [files], wanted)?;
    let (all, source) = parts.remove(0);
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

/// Note about images that did not have the form already: their conversion, and their number.
fn conversion(
    folder: &Path,
    decoded: &[Decoded],
    form: &Form,
    background: Colour,
) -> Option<String> {
    let changes = |wanted: fn(&Changes) -> bool| {
        decoded.iter().filter(|image| wanted(&image.changes)).count()
    };
    let ImageShape { height, width } = form.size;
    let steps = [
        (changes(|it| it.turned), "turned as their EXIF data say".into()),
        (changes(|it| it.transparent), format!("transparency over {background}")),
        (changes(|it| it.bleached), "grey = 0.2126 red + 0.7152 green + 0.0722 blue".into()),
        (changes(|it| it.tripled), "grey as red, green and blue alike".into()),
        (changes(|it| it.deep), "values of 16 bits rounded to 8".into()),
        (
            changes(|it| it.scaled),
            format!(
                "scaled to {height} x {width} with a triangle filter, proportions kept, on \
                 {background}"
            ),
        ),
    ];
    let done: Vec<String> =
        steps.iter().filter(|(n, _)| *n > 0).map(|(n, step)| format!("{step} ({n})")).collect();
    let converted = changes(|it| *it != Changes::default());
    (converted > 0).then(|| {
        let (n, folder) = (decoded.len(), folder.display());
        format!("{converted} of the {n} images in {folder} were converted: {}", done.join(", "))
    })
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

/// The image files of a part.
struct Files {
    folder: PathBuf,
    paths: Vec<PathBuf>,
    /// The class of each.
    labels: Vec<u16>,
}

impl Files {
    /// The files of the given class folders; labels are indices into `known`.
    fn of(folder: &Path, classes: &[Entry], known: &[Entry]) -> Result<Self> {
        let mut files = Self { folder: folder.to_owned(), paths: Vec::new(), labels: Vec::new() };
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
            files.paths.extend(images.into_iter().map(|file| file.path));
        }
        Ok(files)
    }
}

/// Images of all parts, in one form.
struct Loaded {
    /// The images of each part, and their description.
    parts: Vec<(Samples, Source)>,
    /// Notes about converted images.
    notes: Vec<String>,
}

fn load<const N: usize>(folder: &Path, parts: [Files; N], wanted: Wanted) -> Result<Loaded> {
    let paths: Vec<PathBuf> = parts.iter().flat_map(|part| part.paths.clone()).collect();
    let (form, mut rest) = image_files::read(folder, &paths, wanted)?;
    let ImageShape { height, width } = form.size;
    let mut read = Vec::new();
    let mut notes = Vec::new();
    for Files { folder, paths, labels } in parts {
        let others = rest.split_off(paths.len());
        let decoded = std::mem::replace(&mut rest, others);
        let source = described(&folder, paths.iter().zip(&decoded));
        notes.extend(conversion(&folder, &decoded, &form, wanted.background));
        let pixels = decoded.into_iter().flat_map(|image| image.pixels).collect();
        let images = Images::with_channels(pixels, height, width, form.channels)?;
        read.push((Samples::new(images, labels)?, source));
    }
    notes.extend(form.reason.map(|reason| {
        format!(
            "the images in {} {reason}: without `Request::size` they become {height} x {width}",
            folder.display()
        )
    }));
    Ok(Loaded { parts: read, notes })
}

/// A folder as listed in the manifest: by the lines that `sha256sum` prints for its images, in the
/// order of their paths.
fn described<'a>(folder: &Path, files: impl Iterator<Item = (&'a PathBuf, &'a Decoded)>) -> Source {
    let mut files: Vec<_> = files.collect();
    files.sort_by_key(|(file, _)| *file);
    let mut hash = Sha256::new();
    for (file, image) in &files {
        let below = file.strip_prefix(folder).unwrap_or(file);
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

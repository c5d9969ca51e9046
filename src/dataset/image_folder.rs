//! Folders of images: one subfolder for each class; each image becomes 28 x 28 grey values.

use super::image_file::{self, Picture};
use super::listing::{Entry, entries, listed};
use super::request::Colour;
use super::source::hex;
use super::{Images, Samples, Source};
use crate::error::{Error, Result};
use crate::random::Random;
use image::{ImageBuffer, Luma, imageops};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Height and width to which images are scaled.
const SIDE: u32 = 28;

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
pub(super) fn read(folder: &Path, background: Colour) -> Result<Read> {
    let mut warnings = Vec::new();
    let (train, test, others) = match folder_layout(folder)? {
        FolderLayout::Parts { train, test, others } => (train, test, others),
        FolderLayout::Classes(classes) => return read_undivided(folder, classes, background),
    };
    if !others.is_empty() {
        warnings.push(format!(
            "{} holds {} besides, which is not read",
            folder.display(),
            listed(&others)
        ));
    }
    let known = several(&train, classes(&train)?)?;
    let (train, of_train) = load(&train, &known, &known, background, &mut warnings)?;
    let (test, of_test) = load(&test, &classes(&test)?, &known, background, &mut warnings)?;
    let class_names = known.into_iter().map(|class| class.name).collect();
    Ok(Read { class_names, train, test, sources: vec![of_train, of_test], warnings })
}

/// Reads `CLASS/*`, and splits off test images.
fn read_undivided(folder: &Path, classes: Vec<Entry>, background: Colour) -> Result<Read> {
    let classes = several(folder, classes)?;
    let mut warnings = Vec::new();
    let (all, source) = load(folder, &classes, &classes, background, &mut warnings)?;
    let (train, test) = divide(&all.labels).map_err(|class| {
        let class = &classes[usize::from(class)].path;
        Error::input(class, "holds one image; expected two, one of them for the test")
    })?;
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

/// Note about images that were not 28 x 28 grey values already: their conversion, and their number.
fn conversion(folder: &Path, decoded: &[Decoded], background: Colour) -> Option<String> {
    let changes = |wanted: fn(&Changes) -> bool| {
        decoded.iter().filter(|image| wanted(&image.changes)).count()
    };
    let steps = [
        (changes(|it| it.turned), "turned as their EXIF data say".into()),
        (changes(|it| it.transparent), format!("transparency over {background}")),
        (changes(|it| it.coloured), "grey = 0.2126 red + 0.7152 green + 0.0722 blue".into()),
        (changes(|it| it.deep), "values of 16 bits rounded to 8".into()),
        (
            changes(|it| it.scaled),
            "scaled to 28 x 28 with a triangle filter, whatever the proportions".into(),
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

/// Refuses fewer than two classes, more than fit a byte, and two with the same name.
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
        _ if (2..=256).contains(&classes.len()) => Ok(classes),
        _ => Err(Error::input(
            folder,
            format!("has {} classes, expected 2 to 256 folders of images", classes.len()),
        )),
    }
}

/// All images of the given class folders and their description, with a note about converted ones;
/// labels are indices into `known`.
fn load(
    folder: &Path,
    classes: &[Entry],
    known: &[Entry],
    background: Colour,
    warnings: &mut Vec<String>,
) -> Result<(Samples, Source)> {
    let mut files = Vec::new();
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
        files.extend(images.into_iter().map(|file| (file.path, label as u8)));
    }
    let decoded: Vec<Decoded> =
        files.par_iter().map(|(file, _)| decode(file, background)).collect::<Result<_>>()?;
    let source = described(folder, files.iter().map(|(file, _)| file).zip(&decoded));
    warnings.extend(conversion(folder, &decoded, background));
    let pixels = decoded.into_iter().flat_map(|image| image.pixels).collect();
    let images = Images::new(pixels, SIDE as usize, SIDE as usize)?;
    Ok((Samples::new(images, files.into_iter().map(|(_, label)| label).collect())?, source))
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

/// An image file that was read.
struct Decoded {
    pixels: Vec<u8>,
    changes: Changes,
    bytes: u64,
    sha256: String,
}

/// Changes to an image until it was 28 x 28 grey values.
#[derive(Default, PartialEq)]
struct Changes {
    turned: bool,
    transparent: bool,
    coloured: bool,
    /// `true` if it had 16-bit grey values; those that come from blending transparent images do not
    /// count.
    deep: bool,
    scaled: bool,
}

fn decode(path: &Path, background: Colour) -> Result<Decoded> {
    let bytes = std::fs::read(path)
        .map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
    let read = image_file::decode(std::io::Cursor::new(&bytes), background);
    let Picture { image, turned, transparent } =
        read.map_err(|message| Error::input(path, message))?;
    let scaled = (image.width(), image.height()) != (SIDE, SIDE);
    let coloured = image.color().has_color();
    let deep = image.color() == image::ColorType::L16 && !transparent;
    let is_ready = image.color() == image::ColorType::L8 && !scaled;
    let pixels = if is_ready { image.into_bytes() } else { small_and_grey(&image) };
    let changes = Changes { turned, transparent, coloured, deep, scaled };
    Ok(Decoded { pixels, changes, bytes: bytes.len() as u64, sha256: hex(Sha256::digest(&bytes)) })
}

/// Grey values of an image at the common size, computed in 16 bits.
fn small_and_grey(image: &image::DynamicImage) -> Vec<u8> {
    let grey = image.to_luma_alpha16();
    let values: Vec<u16> = grey.pixels().map(|pixel| pixel[0]).collect();
    let grey: ImageBuffer<Luma<u16>, _> =
        ImageBuffer::from_raw(grey.width(), grey.height(), values).expect("a value a pixel");
    let small = imageops::resize(&grey, SIDE, SIDE, imageops::FilterType::Triangle);
    // 65,535 is 257 times 255.
    small.pixels().map(|pixel| ((u32::from(pixel[0]) + 128) / 257) as u8).collect()
}

/// Training and test rows: of each class that occurs, one image in [`TEST_SHARE`], but at least
/// one, is for the test.
///
/// # Errors
/// A class with a single image, which cannot be split.
pub(super) fn divide(labels: &[u8]) -> Result<(Vec<usize>, Vec<usize>), u8> {
    let order = Random::new(TEST_SEED, TEST_STREAM).permutation(labels.len());
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for class in labels.iter().copied().collect::<BTreeSet<u8>>() {
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

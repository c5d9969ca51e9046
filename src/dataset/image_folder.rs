//! Folders of images: one subfolder a class, each image turned into 28 x 28 grey values.

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
use std::path::{Path, PathBuf};

/// Height and width that images are brought to.
const SIDE: u32 = 28;

/// The stream of random numbers that choose test images, and its seed: a constant, so that runs with different seeds are
/// tested on the same images.
const TEST_STREAM: u64 = 0x7465_7374;
const TEST_SEED: u64 = 42;

/// One image of this many goes to the test part where there is none.
pub(super) const TEST_SHARE: usize = 6;

/// What a folder of images holds.
pub(super) struct Read {
    pub class_names: Vec<String>,
    pub train: Samples,
    pub test: Samples,
    pub sources: Vec<Source>,
    pub warnings: Vec<String>,
}

/// Names of the folders that hold training and test images, in letters of any case.
const PARTS: [&str; 2] = ["train", "test"];

/// The folder called so.
fn part(all: &[Entry], name: &str) -> Option<PathBuf> {
    all.iter().find(|entry| entry.is_dir && entry.lower() == name).map(|entry| entry.path.clone())
}

/// Whether `folder` has subfolders with images in them, or `train` and `test` with such subfolders.
pub(super) fn is_one(folder: &Path) -> bool {
    let holds_classes = |folder: &Path| {
        let classes = entries(folder).unwrap_or_default().into_iter().filter(|entry| entry.is_dir);
        classes.into_iter().any(|class| entries(&class.path).is_ok_and(|files| files.iter().any(Entry::is_image)))
    };
    let all = entries(folder).unwrap_or_default();
    holds_classes(folder) || PARTS.iter().filter_map(|name| part(&all, name)).any(|part| holds_classes(&part))
}

/// Reads `train/CLASS/*` and `test/CLASS/*`, or, failing these, `CLASS/*`.
pub(super) fn read(folder: &Path, background: Colour) -> Result<Read> {
    let all = entries(folder)?;
    let mut warnings = Vec::new();
    let [train, test] = PARTS.map(|name| part(&all, name));
    let (train, test) = match (train, test) {
        (Some(train), Some(test)) => (train, test),
        (None, None) => {
            let classes = several(folder, classes(folder)?)?;
            let (all, source) = load(folder, &classes, &classes, background, &mut warnings)?;
            let (train, test) = divide(&all.labels, classes.len())
                .map_err(|class| Error::input(&classes[class].path, "holds one image; expected two, one of them for the test"))?;
            warnings.push(format!(
                "{} has no test images: of every class one image in {TEST_SHARE} was put aside for the test, at random, always the same ones: {} of {}",
                folder.display(), test.len(), all.len()
            ));
            let (train, test) = (all.select(&train), all.select(&test));
            let class_names = classes.into_iter().map(|class| class.name).collect();
            return Ok(Read { class_names, train, test, sources: vec![source], warnings });
        }
        _ => {
            let found = listed(&all);
            let message = format!("has only one of the folders `train` and `test`, expected both or neither; found {found}");
            return Err(Error::input(folder, message));
        }
    };
    let others: Vec<Entry> = all.into_iter().filter(|entry| entry.path != train && entry.path != test).collect();
    if !others.is_empty() {
        warnings.push(format!("{} holds {} besides, which is not read", folder.display(), listed(&others)));
    }
    let known = several(&train, classes(&train)?)?;
    let mut parts = Vec::new();
    let mut sources = Vec::new();
    for part in [&train, &test] {
        let (samples, source) = load(part, &classes(part)?, &known, background, &mut warnings)?;
        parts.push(samples);
        sources.push(source);
    }
    let test = parts.remove(1);
    let class_names = known.into_iter().map(|class| class.name).collect();
    Ok(Read { class_names, train: parts.remove(0), test, sources, warnings })
}

/// What is said of images that were not 28 x 28 grey values already.
fn conversion(folder: &Path, decoded: &[Decoded], background: Colour) -> Option<String> {
    let count = |wanted: fn(&Decoded) -> bool| decoded.iter().filter(|image| wanted(image)).count();
    let (converted, turned, transparent) = (count(|it| it.converted), count(|it| it.turned), count(|it| it.transparent));
    let turned = if turned > 0 { format!("turned as their EXIF data say ({turned}), ") } else { String::new() };
    let transparent = if transparent > 0 { format!("transparency over {background} ({transparent}), ") } else { String::new() };
    (converted > 0).then(|| {
        format!(
            "{converted} of the {} images in {} were converted: {turned}{transparent}grey = 0.2126 red + 0.7152 green + 0.0722 blue, then scaled to 28 x 28 with a triangle filter, whatever the proportions",
            decoded.len(),
            folder.display()
        )
    })
}

/// The folders of the classes.
fn classes(folder: &Path) -> Result<Vec<Entry>> {
    let all = entries(folder)?;
    if let Some(other) = all.iter().find(|entry| !entry.is_dir) {
        let message = "stands beside folders of images; expected one folder a class and nothing else";
        return Err(Error::input(&other.path, message));
    }
    Ok(all)
}

/// Refuses classes that are too few to tell apart, or too many for a byte, and two of one name.
fn several(folder: &Path, classes: Vec<Entry>) -> Result<Vec<Entry>> {
    if let Some(pair) = classes.windows(2).find(|pair| pair[0].name == pair[1].name) {
        let message = format!("cannot be told from another folder called `{}`: its name is no Unicode text", pair[0].name);
        return Err(Error::input(&pair[1].path, message));
    }
    match &classes[..] {
        [only] => Err(Error::input(folder, format!("has one class, `{}`; expected at least two folders of images", only.name))),
        _ if (2..=256).contains(&classes.len()) => Ok(classes),
        _ => Err(Error::input(folder, format!("has {} classes, expected 2 to 256 folders of images", classes.len()))),
    }
}

/// All images of the given class folders and their description, with a word of those that had to be converted; labels are
/// places in `known`.
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
            let known = known.iter().map(|class| class.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Error::input(path, format!("is no class of the training images, which are {known}")));
        };
        let images = entries(path)?;
        if let Some(other) = images.iter().find(|file| !file.is_image()) {
            return Err(Error::input(&other.path, "is no .png, .jpg or .jpeg file; expected nothing else in a folder of images"));
        }
        if images.is_empty() {
            return Err(Error::input(path, "holds no images, expected at least one .png or .jpg file"));
        }
        files.extend(images.into_iter().map(|file| (file.path, label as u8)));
    }
    let decoded: Vec<Decoded> = files.par_iter().map(|(file, _)| decode(file, background)).collect::<Result<_>>()?;
    let source = described(folder, files.iter().map(|(file, _)| file).zip(&decoded));
    warnings.extend(conversion(folder, &decoded, background));
    let pixels = decoded.into_iter().flat_map(|image| image.pixels).collect();
    let images = Images::new(pixels, SIDE as usize, SIDE as usize)?;
    Ok((Samples::new(images, files.into_iter().map(|(_, label)| label).collect())?, source))
}

/// A folder as the manifest lists it: by the lines that `sha256sum` prints of its images, in the order of their paths.
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
    converted: bool,
    turned: bool,
    transparent: bool,
    bytes: u64,
    sha256: String,
}

fn decode(path: &Path, background: Colour) -> Result<Decoded> {
    let bytes = std::fs::read(path).map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
    let read = image_file::decode(std::io::Cursor::new(&bytes), background);
    let Picture { image, turned, transparent } = read.map_err(|message| Error::input(path, message))?;
    let fits = image.color() == image::ColorType::L8 && (image.width(), image.height()) == (SIDE, SIDE);
    let pixels = if fits { image.into_bytes() } else { small_and_grey(&image) };
    let converted = !fits || turned || transparent;
    Ok(Decoded { pixels, converted, turned, transparent, bytes: bytes.len() as u64, sha256: hex(Sha256::digest(&bytes)) })
}

/// The grey values of an image at the common size, computed in 16 bits.
fn small_and_grey(image: &image::DynamicImage) -> Vec<u8> {
    let grey = image.to_luma_alpha16();
    let values: Vec<u16> = grey.pixels().map(|pixel| pixel[0]).collect();
    let grey: ImageBuffer<Luma<u16>, _> = ImageBuffer::from_raw(grey.width(), grey.height(), values).expect("a value a pixel");
    let small = imageops::resize(&grey, SIDE, SIDE, imageops::FilterType::Triangle);
    // 65,535 is 257 times 255.
    small.pixels().map(|pixel| ((u32::from(pixel[0]) + 128) / 257) as u8).collect()
}

/// Training and test rows: of each of `n_classes` one image in [`TEST_SHARE`], at least one, is for the test.
///
/// # Errors
/// A class with fewer than two images, of which none can be spared.
pub(super) fn divide(labels: &[u8], n_classes: usize) -> Result<(Vec<usize>, Vec<usize>), usize> {
    let order = Random::new(TEST_SEED, TEST_STREAM).permutation(labels.len());
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for class in 0..n_classes {
        let rows: Vec<usize> = order.iter().copied().filter(|&row| usize::from(labels[row]) == class).collect();
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

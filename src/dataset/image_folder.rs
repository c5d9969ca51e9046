//! Folders of images: one subfolder a class, each image turned into 28 x 28 grey values.

use super::source::hex;
use super::{Images, Samples, Source};
use crate::error::{Error, Result};
use crate::random::Random;
use image::{ImageBuffer, ImageReader, Luma, imageops};
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
const TEST_SHARE: usize = 6;

/// What a folder of images holds.
pub(super) struct Read {
    pub class_names: Vec<String>,
    pub train: Samples,
    pub test: Samples,
    pub sources: Vec<Source>,
    pub warnings: Vec<String>,
}

/// Names of the folders that hold training and test images.
const PARTS: [&str; 2] = ["train", "test"];

/// Whether `folder` has subfolders with images in them, or `train` and `test` with such subfolders.
pub(super) fn is_one(folder: &Path) -> bool {
    let holds_classes = |folder: &Path| {
        let folders = entries(folder).unwrap_or_default().into_iter().filter(|path| path.is_dir());
        folders.into_iter().any(|class| entries(&class).is_ok_and(|files| files.iter().any(|file| is_image(file))))
    };
    holds_classes(folder) || PARTS.iter().any(|part| holds_classes(&folder.join(part)))
}

/// Reads `train/CLASS/*` and `test/CLASS/*`, or, failing these, `CLASS/*`.
pub(super) fn read(folder: &Path) -> Result<Read> {
    let [train, test] = PARTS.map(|part| folder.join(part));
    if train.is_dir() != test.is_dir() {
        return Err(Error::input(folder, "has only one of the folders `train` and `test`, expected both or neither"));
    }
    let mut warnings = Vec::new();
    if !train.is_dir() {
        let classes = several(folder, classes(folder)?)?;
        let (all, converted, source) = load(folder, &classes, &classes)?;
        let (train, test) = divide(folder, &all, &classes)?;
        warnings.extend(conversion(folder, converted, all.len()));
        warnings.push(format!(
            "{} has no test images: of every class one image in {TEST_SHARE} was put aside for the test, at random, always the same ones: {} of {}",
            folder.display(), test.len(), all.len()
        ));
        return Ok(Read {
            class_names: classes,
            train: all.select(&train),
            test: all.select(&test),
            sources: vec![source],
            warnings,
        });
    }
    let class_names = several(&train, classes(&train)?)?;
    let mut parts = Vec::new();
    let mut sources = Vec::new();
    for part in [&train, &test] {
        let (samples, converted, source) = load(part, &classes(part)?, &class_names)?;
        warnings.extend(conversion(part, converted, samples.len()));
        parts.push(samples);
        sources.push(source);
    }
    let test = parts.remove(1);
    Ok(Read { class_names, train: parts.remove(0), test, sources, warnings })
}

/// What is said of images that were not 28 x 28 grey values already.
fn conversion(folder: &Path, converted: usize, n: usize) -> Option<String> {
    let how = "grey = 0.2126 red + 0.7152 green + 0.0722 blue, transparency over black, then scaled to 28 x 28 with a triangle \
               filter, whatever the proportions";
    (converted > 0).then(|| format!("{converted} of the {n} images in {} were converted: {how}", folder.display()))
}

/// What is in a folder, in the order of the names; hidden files are left out.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |error: std::io::Error| Error::input(folder, format!("cannot be read: {error}"));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    path.is_file() && matches!(extension.as_deref(), Some("png" | "jpg" | "jpeg"))
}

/// The names of the class folders.
fn classes(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for path in entries(folder)? {
        if !path.is_dir() {
            return Err(Error::input(path, "stands beside folders of images; expected one folder a class and nothing else"));
        }
        names.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
    }
    Ok(names)
}

/// Refuses classes that are too few to tell apart, or too many for a byte.
fn several(folder: &Path, names: Vec<String>) -> Result<Vec<String>> {
    match names.len() {
        2..=256 => Ok(names),
        1 => Err(Error::input(folder, format!("has one class, `{}`; expected at least two folders of images", names[0]))),
        n => Err(Error::input(folder, format!("has {n} classes, expected 2 to 256 folders of images"))),
    }
}

/// All images of the given class folders, the number of those that had to be converted, and their description; labels are
/// places in `known`.
fn load(folder: &Path, classes: &[String], known: &[String]) -> Result<(Samples, usize, Source)> {
    let mut files = Vec::new();
    for class in classes {
        let path = folder.join(class);
        let Some(label) = known.iter().position(|name| name == class) else {
            return Err(Error::input(path, format!("is no class of the training images, which are {}", known.join(", "))));
        };
        let images = entries(&path)?;
        if let Some(other) = images.iter().find(|file| !is_image(file)) {
            return Err(Error::input(other, "is no .png, .jpg or .jpeg file; expected nothing else in a folder of images"));
        }
        if images.is_empty() {
            return Err(Error::input(path, "holds no images, expected at least one .png or .jpg file"));
        }
        files.extend(images.into_iter().map(|file| (file, label as u8)));
    }
    let decoded: Vec<Decoded> = files.par_iter().map(|(file, _)| decode(file)).collect::<Result<_>>()?;
    let mut hash = Sha256::new();
    for ((file, _), image) in files.iter().zip(&decoded) {
        let below = file.strip_prefix(folder).unwrap_or(file);
        hash.update(format!("{}  {}\n", image.sha256, below.display()));
    }
    let source = Source {
        name: folder.display().to_string(),
        bytes: decoded.iter().map(|image| image.bytes).sum(),
        sha256: hex(hash.finalize()),
        verified: false,
    };
    let converted = decoded.iter().filter(|image| image.converted).count();
    let pixels = decoded.into_iter().flat_map(|image| image.pixels).collect();
    let images = Images::new(pixels, SIDE as usize, SIDE as usize)?;
    Ok((Samples::new(images, files.into_iter().map(|(_, label)| label).collect())?, converted, source))
}

/// An image file that was read.
struct Decoded {
    pixels: Vec<u8>,
    converted: bool,
    bytes: u64,
    sha256: String,
}

fn decode(path: &Path) -> Result<Decoded> {
    let bytes = std::fs::read(path).map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
    let damaged = |error: String| Error::input(path, format!("is no PNG or JPEG image, or a damaged one: {error}"));
    let reader =
        ImageReader::new(std::io::Cursor::new(&bytes)).with_guessed_format().map_err(|error| damaged(error.to_string()))?;
    let image = reader.decode().map_err(|error| damaged(error.to_string()))?;
    let converted = image.color() != image::ColorType::L8 || (image.width(), image.height()) != (SIDE, SIDE);
    let sha256 = hex(Sha256::digest(&bytes));
    let bytes = bytes.len() as u64;
    if !converted {
        return Ok(Decoded { pixels: image.into_bytes(), converted, bytes, sha256 });
    }
    let grey = image.to_luma_alpha16();
    // Grey over black is grey times its opacity.
    let over_black = |pixel: &image::LumaA<u16>| (u32::from(pixel[0]) * u32::from(pixel[1]) / u32::from(u16::MAX)) as u16;
    let values: Vec<u16> = grey.pixels().map(over_black).collect();
    let grey: ImageBuffer<Luma<u16>, _> = ImageBuffer::from_raw(grey.width(), grey.height(), values).expect("a value a pixel");
    let small = imageops::resize(&grey, SIDE, SIDE, imageops::FilterType::Triangle);
    // 65,535 is 257 times 255.
    let pixels = small.pixels().map(|pixel| ((u32::from(pixel[0]) + 128) / 257) as u8).collect();
    Ok(Decoded { pixels, converted, bytes, sha256 })
}

/// Training and test rows: of every class one image in [`TEST_SHARE`], at least one, is for the test.
fn divide(folder: &Path, all: &Samples, classes: &[String]) -> Result<(Vec<usize>, Vec<usize>)> {
    let order = Random::new(TEST_SEED, TEST_STREAM).permutation(all.len());
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (label, class) in classes.iter().enumerate() {
        let rows: Vec<usize> = order.iter().copied().filter(|&row| usize::from(all.labels[row]) == label).collect();
        if rows.len() < 2 {
            return Err(Error::input(folder.join(class), "holds one image; expected two, one of them for the test"));
        }
        let n_test = (rows.len() / TEST_SHARE).max(1);
        test.extend_from_slice(&rows[..n_test]);
        train.extend_from_slice(&rows[n_test..]);
    }
    train.sort_unstable();
    test.sort_unstable();
    Ok((train, test))
}

//! Images and labels in NumPy arrays: a .npz archive or a folder of .npy files, with the arrays
//! `x_train`, `y_train`, `x_test` and `y_test` as Keras ships them, or `train_images`,
//! `train_labels`, `test_images` and `test_labels` as MedMNIST does; `val` may be another part.
//! Images are n x height x width, or n x height x width x 3 in colour. `class_names` may name the
//! classes.

use super::npy::{
    Bytes, LabelArray, read_bytes, read_bytes_from, read_label_array, read_labels_from,
    read_names_from, write_bytes, write_label_array, write_names,
};
use super::request::{ImageShape, Request};
use super::{Images, Samples, Source, names, parts};
use crate::archive::member;
use crate::error::{Error, Result};
use crate::format::listed;
use flate2::{Compression, write::DeflateEncoder};
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveWriter};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The arrays that are written: training images and labels, test images and labels.
const NAMES: [&str; 4] = ["x_train", "y_train", "x_test", "y_test"];

/// Name of the array, or key of an archive, with the names of the classes.
pub(super) const CLASS_NAMES: &str = "class_names";

/// Maximum size of an array of names, in bytes.
const MAX_NAMES: u64 = 1 << 24;

/// An array of images or of their labels.
enum Content {
    Pixels(Bytes),
    Labels(LabelArray),
}

/// An array, and its name in errors.
type Named = (PathBuf, Content);

/// Content of the arrays.
pub(super) struct Read {
    pub train: Samples,
    pub test: Samples,
    pub sources: Vec<Source>,
    pub warnings: Vec<String>,
    /// Names of the classes, and the path of their array.
    pub class_names: Option<(PathBuf, Vec<String>)>,
}

/// Content of an array by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Name of the part, in lower case.
    pub part: String,
    /// `true` for images, `false` for labels.
    pub holds_images: bool,
}

impl Place {
    /// The place of an array with this name, ignoring case: `x_train`, `train_images`, `val_y`.
    pub fn of(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let known = [("x_", "", true), ("y_", "", false)].into_iter().chain([
            ("", "_images", true),
            ("", "_x", true),
            ("", "_labels", false),
            ("", "_y", false),
        ]);
        known.into_iter().find_map(|(before, after, holds_images)| {
            let part = name.strip_prefix(before)?.strip_suffix(after)?;
            parts::is_usual(part).then(|| Self { part: part.to_owned(), holds_images })
        })
    }

    /// Index among the arrays of two parts: images and labels of the first, then of the second.
    pub fn among(&self, parts: [&str; 2]) -> Option<usize> {
        let part = parts.iter().position(|part| *part == self.part)?;
        Some(2 * part + usize::from(!self.holds_images))
    }
}

/// Usual names of the four arrays of two parts: `x_train`, `y_train`, `x_test`, `y_test`.
pub(super) fn usual_names([train, test]: [&str; 2]) -> [String; 4] {
    [("x", train), ("y", train), ("x", test), ("y", test)]
        .map(|(content, part)| format!("{content}_{part}"))
}

/// Arrays of an archive, and the names of the other members.
#[derive(Default)]
struct Members {
    arrays: [Option<Named>; 4],
    /// Usual names of the arrays.
    expected: [String; 4],
    class_names: Option<(PathBuf, Vec<String>)>,
    strangers: Vec<String>,
    notes: Vec<String>,
}

/// Reads an archive.
pub(super) fn read_npz(path: &Path, request: &Request) -> Result<Read> {
    let bytes = std::fs::read(path)
        .map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
    let source = Source::new(path.display(), &bytes, &[]);
    let Members { arrays, expected, class_names, strangers, notes } =
        members(path, &bytes, request)?;
    let arrays = all_four(path, arrays, &expected, &strangers)?;
    let mut read = assemble(arrays, vec![source], request.image_shape)?;
    read.warnings.extend(notes);
    if let Some((at, what)) = class_names.as_ref().and_then(|(_, names)| names::flaw(names)) {
        return Err(Error::input(path.join(CLASS_NAMES), format!("name {at} is {what}")));
    }
    if !strangers.is_empty() {
        read.warnings.push(format!(
            "{} holds {} besides, which is not read",
            path.display(),
            listed(&strangers)
        ));
    }
    Ok(Read { class_names, ..read })
}

/// Reads the members of an archive that are arrays of images, labels or names.
fn members(path: &Path, bytes: &[u8], request: &Request) -> Result<Members> {
    let damaged = |error: rawzip::Error| {
        Error::input(path, format!("is no .npz archive, or a damaged one: {error}"))
    };
    let archive = ZipArchive::from_slice(bytes).map_err(damaged)?;
    let place = |name: &str| Place::of(name.strip_suffix(".npy")?);
    let mut present = Vec::new();
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(damaged)? {
        let place = place(&String::from_utf8_lossy(entry.file_path().as_ref()));
        present.extend(place.map(|place| place.part));
    }
    let chosen = parts::choose(path, present, request)?;
    let wanted = chosen.or_usual();
    let mut members = Members { expected: usual_names(wanted), ..Members::default() };
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(damaged)? {
        let name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
        let key = name.strip_suffix(".npy").unwrap_or(&name);
        let known = place(&name);
        let place = known.as_ref().and_then(|place| place.among(wanted));
        let is_names = key.eq_ignore_ascii_case(CLASS_NAMES) && name != key;
        if place.is_none() && !is_names {
            // Other parts are noted as such; where one is missing, the error lists them.
            if known.is_none() || chosen.both().is_none() {
                members.strangers.push(name);
            }
            continue;
        }
        let called = path.join(key);
        members.refuse_second(place, &called)?;
        let size = entry.uncompressed_size_hint();
        let mut reader = member(&archive, &entry, &name, &called, damaged)?;
        match place {
            Some(at) => {
                let content = match holds_images(at) {
                    true => Content::Pixels(read_bytes_from(&called, reader, size)?),
                    false => Content::Labels(read_labels_from(&called, reader, size)?),
                };
                members.arrays[at] = Some((called, content));
            }
            None if size > MAX_NAMES => {
                return Err(Error::input(&called, format!("has {size} bytes, too many for names")));
            }
            None => {
                members.class_names =
                    Some((called.clone(), read_names_from(&called, &mut reader, size)?))
            }
        }
    }
    members.notes = chosen.notes;
    Ok(members)
}

impl Members {
    /// Refuses a second member for the same array: one of the four, or the names.
    fn refuse_second(&self, place: Option<usize>, called: &Path) -> Result<()> {
        let names = self.class_names.as_ref().map(|(path, _)| path);
        let taken = place.map_or(names, |at| self.arrays[at].as_ref().map(|(path, _)| path));
        match taken {
            None => Ok(()),
            Some(other) if other == called => Err(Error::input(called, "is in the archive twice")),
            Some(other) => {
                Err(Error::input(called, format!("is in the archive, and {} too", other.display())))
            }
        }
    }
}

/// The four arrays, all of which are required.
fn all_four(
    path: &Path,
    arrays: [Option<Named>; 4],
    expected: &[String; 4],
    strangers: &[String],
) -> Result<[Named; 4]> {
    let missing: Vec<&str> = arrays
        .iter()
        .zip(expected)
        .filter(|(array, _)| array.is_none())
        .map(|(_, name)| name.as_str())
        .collect();
    let n = missing.len();
    let missing = missing.join(", ");
    let there = arrays
        .iter()
        .flatten()
        .map(|(called, _)| called.strip_prefix(path).unwrap_or(called).display().to_string());
    let there: Vec<String> = there.chain(strangers.iter().cloned()).collect();
    let [Some(x_train), Some(y_train), Some(x_test), Some(y_test)] = arrays else {
        let found = if there.is_empty() { "nothing".into() } else { listed(&there) };
        return Err(Error::input(
            path,
            format!("{n} of the four arrays missing: {missing}; found {found}"),
        ));
    };
    Ok([x_train, y_train, x_test, y_test])
}

/// Reads four files.
pub(super) fn read_npy(paths: &[PathBuf; 4], shape: Option<ImageShape>) -> Result<Read> {
    let mut arrays = Vec::with_capacity(4);
    for (at, path) in paths.iter().enumerate() {
        let content = match holds_images(at) {
            true => Content::Pixels(read_bytes(path)?),
            false => Content::Labels(read_label_array(path)?),
        };
        arrays.push((path.clone(), content));
    }
    let arrays = <[Named; 4]>::try_from(arrays).unwrap_or_else(|_| unreachable!("four paths"));
    assemble(arrays, paths.iter().map(Source::of_file).collect::<Result<_>>()?, shape)
}

/// `true` if the array at this index holds images, and not labels.
fn holds_images(at: usize) -> bool {
    at.is_multiple_of(2)
}

/// Both parts, whose pixels must have the same scale.
fn assemble(
    [x_train, y_train, x_test, y_test]: [Named; 4],
    sources: Vec<Source>,
    shape: Option<ImageShape>,
) -> Result<Read> {
    let scale = |(path, content): &Named| {
        (path.clone(), matches!(content, Content::Pixels(pixels) if pixels.scaled))
    };
    let scales = [scale(&x_train), scale(&x_test)];
    let train = samples(x_train, y_train, shape)?;
    let test = samples(x_test, y_test, shape)?;
    let warnings = one_scale(&scales)?.into_iter().collect();
    Ok(Read { train, test, sources, warnings, class_names: None })
}

/// Note about pixels that were numbers from 0 to 1.
///
/// # Errors
/// [`Error::Input`] if the pixels of only one part were.
pub(super) fn one_scale(scales: &[(PathBuf, bool); 2]) -> Result<Option<String>> {
    let [(train, train_scaled), (test, test_scaled)] = scales;
    match (train_scaled, test_scaled) {
        (false, false) => Ok(None),
        (true, true) => Ok(Some(format!(
            "the pixels of {} are from 0 to 1: they were multiplied by 255 and rounded",
            train.display()
        ))),
        _ => {
            let train = train.display();
            let says = |scaled: &bool| if *scaled { "0 to 1" } else { "0 to 255" };
            let (found, expected) = (says(test_scaled), says(train_scaled));
            Err(Error::input(
                test,
                format!(
                    "the pixels are from {found}, but those of {train} from {expected}: expected \
                     one scale"
                ),
            ))
        }
    }
}

fn samples((x, pixels): Named, (y, labels): Named, asked: Option<ImageShape>) -> Result<Samples> {
    let (Content::Pixels(pixels), Content::Labels(labels)) = (pixels, labels) else {
        unreachable!("each is read by its place")
    };
    let no_shape = || {
        let expected = match pixels.shape[..] {
            [_, 3, height, width] if width != 3 => {
                return Error::input(
                    &x,
                    format!(
                        "has shape {:?}, colours before the pixels; expected n x {height} x {width} x 3, as `numpy.moveaxis(x, 1, 3)` gives it",
                        pixels.shape
                    ),
                );
            }
            _ => {
                "n x height x width, or n x d with d a square number, 784 for images of 28 x 28, or with `Request::image_shape`"
            }
        };
        Error::input(&x, format!("has shape {:?}, expected {expected}", pixels.shape))
    };
    let [height, width, channels] = match pixels.shape[..] {
        [_, height, width] => [height, width, 1],
        [_, height, width, channels @ (1 | 3)] => [height, width, channels],
        [_, d] => match asked.filter(|shape| shape.n_pixels() == Some(d)) {
            Some(ImageShape { height, width }) => [height, width, 1],
            None if d > 0 && d.isqrt().pow(2) == d => [d.isqrt(), d.isqrt(), 1],
            None => return Err(no_shape()),
        },
        _ => return Err(no_shape()),
    };
    if !matches!(labels.shape[..], [_] | [_, 1]) {
        return Err(Error::input(
            y,
            format!("has shape {:?}, expected (n,) or (n, 1)", labels.shape),
        ));
    }
    if labels.values.is_empty() {
        return Err(Error::input(y, "holds no labels, expected at least one"));
    }
    let images = Images::with_channels(pixels.values, height, width, channels)
        .map_err(|error| Error::input(&x, error.to_string()))?;
    Samples::new(images, labels.values)
        .map_err(|error| Error::input(&y, format!("{error} in {}", x.display())))
}

/// Writes an archive, stored or deflated: the four arrays of both parts, and the names of the
/// classes if there are any.
pub(super) fn write_npz(
    out: &mut dyn Write,
    parts: [(&Images, &[u16]); 2],
    class_names: Option<&[String]>,
    compress: bool,
) -> io::Result<()> {
    type Fill<'a> = Box<dyn Fn(&mut dyn Write) -> io::Result<()> + 'a>;
    let mut members: Vec<(&str, Fill)> = Vec::new();
    for (at, (images, labels)) in parts.into_iter().enumerate() {
        members.push((NAMES[2 * at], Box::new(move |out| write_images(out, images))));
        members.push((NAMES[2 * at + 1], Box::new(move |out| write_label_array(out, labels))));
    }
    members.extend(class_names.map(|names| {
        (CLASS_NAMES, Box::new(move |out: &mut dyn Write| write_names(out, names)) as Fill)
    }));
    let mut archive = ZipArchiveWriter::new(out);
    let method = if compress { CompressionMethod::DEFLATE } else { CompressionMethod::STORE };
    for (name, write) in members {
        let path = format!("{name}.npy");
        let (mut entry, config) =
            archive.new_file(&path).compression_method(method).start().map_err(io::Error::other)?;
        let descriptor = if compress {
            let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::default()));
            write(&mut writer)?;
            let (encoder, descriptor) = writer.finish().map_err(io::Error::other)?;
            encoder.finish()?;
            descriptor
        } else {
            let mut writer = config.wrap(&mut entry);
            write(&mut writer)?;
            writer.finish().map_err(io::Error::other)?.1
        };
        entry.finish(descriptor).map_err(io::Error::other)?;
    }
    archive.finish().map(|_| ()).map_err(io::Error::other)
}

fn write_images(out: &mut dyn Write, images: &Images) -> io::Result<()> {
    let shape: Vec<u64> = images.array_shape().into_iter().map(|size| size as u64).collect();
    write_bytes(out, &shape, images.pixels())
}

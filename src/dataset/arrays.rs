//! Images and labels in NumPy arrays: a .npz archive or a folder of .npy files, with the arrays `x_train`, `y_train`, `x_test`
//! and `y_test` as Keras ships them.

use super::npy::{Bytes, read_bytes, read_bytes_from, write_bytes};
use super::{Images, Samples, Source};
use crate::error::{Error, Result};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveWriter};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The arrays: training images and labels, test images and labels.
pub(super) const NAMES: [&str; 4] = ["x_train", "y_train", "x_test", "y_test"];

/// An array and what errors call it.
type Named = (PathBuf, Bytes);

/// Reads an archive.
pub(super) fn read_npz(path: &Path) -> Result<(Samples, Samples, Vec<Source>)> {
    let bytes = std::fs::read(path).map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
    let source = Source::new(path.display(), &bytes, &[]);
    let damaged = |error: rawzip::Error| Error::input(path, format!("is no .npz archive, or a damaged one: {error}"));
    let archive = ZipArchive::from_slice(&bytes).map_err(damaged)?;
    let mut arrays: [Option<Named>; 4] = Default::default();
    let mut found = Vec::new();
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(damaged)? {
        let name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
        let Some(place) = NAMES.iter().position(|known| name == format!("{known}.npy")) else {
            found.push(name);
            continue;
        };
        let called = path.join(NAMES[place]);
        if arrays[place].is_some() {
            return Err(Error::input(&called, "is in the archive twice"));
        }
        let member = archive.get_entry(entry.wayfinder()).map_err(damaged)?;
        let size = entry.uncompressed_size_hint();
        let array = match entry.compression_method() {
            CompressionMethod::STORE => read_bytes_from(&called, member.verifying_reader(member.data()), size),
            CompressionMethod::DEFLATE => {
                read_bytes_from(&called, member.verifying_reader(DeflateDecoder::new(member.data())), size)
            }
            other => Err(Error::input(&called, format!("is compressed by a method {other:?}, expected stored or deflated"))),
        }?;
        arrays[place] = Some((called, array));
    }
    let found = if found.is_empty() { String::new() } else { format!("; it holds {} besides", found.join(", ")) };
    let [x_train, y_train, x_test, y_test] = arrays;
    let (Some(x_train), Some(y_train), Some(x_test), Some(y_test)) = (x_train, y_train, x_test, y_test) else {
        return Err(Error::input(path, format!("lacks one of the arrays {}{found}", NAMES.join(", "))));
    };
    Ok((samples(x_train, y_train)?, samples(x_test, y_test)?, vec![source]))
}

/// Reads four files.
pub(super) fn read_npy(paths: &[PathBuf; 4]) -> Result<(Samples, Samples, Vec<Source>)> {
    let read = |at: usize| Ok::<_, Error>((paths[at].clone(), read_bytes(&paths[at])?));
    let train = samples(read(0)?, read(1)?)?;
    let test = samples(read(2)?, read(3)?)?;
    Ok((train, test, paths.iter().map(Source::of_file).collect::<Result<_>>()?))
}

fn samples((x, pixels): Named, (y, labels): Named) -> Result<Samples> {
    let (height, width) = match pixels.shape[..] {
        [_, height, width] | [_, height, width, 1] => (height, width),
        [_, d] if d > 0 && d.isqrt().pow(2) == d => (d.isqrt(), d.isqrt()),
        _ => {
            let expected = "n x height x width, or n x d with d a square number, 784 for images of 28 x 28";
            return Err(Error::input(x, format!("has shape {:?}, expected {expected}", pixels.shape)));
        }
    };
    if !matches!(labels.shape[..], [_] | [_, 1]) {
        return Err(Error::input(y, format!("has shape {:?}, expected (n,) or (n, 1)", labels.shape)));
    }
    if labels.values.is_empty() {
        return Err(Error::input(y, "holds no labels, expected at least one"));
    }
    let images = Images::new(pixels.values, height, width).map_err(|error| Error::input(&x, error.to_string()))?;
    Samples::new(images, labels.values).map_err(|error| Error::input(&y, format!("{error} in {}", x.display())))
}

/// Writes an archive, stored or deflated.
pub(super) fn write_npz(out: &mut dyn Write, train: &Samples, test: &Samples, compress: bool) -> io::Result<()> {
    let mut archive = ZipArchiveWriter::new(out);
    let method = if compress { CompressionMethod::DEFLATE } else { CompressionMethod::STORE };
    for (at, name) in NAMES.iter().enumerate() {
        let part = if at < 2 { train } else { test };
        let path = format!("{name}.npy");
        let (mut entry, config) = archive.new_file(&path).compression_method(method).start().map_err(io::Error::other)?;
        let write =
            |out: &mut dyn Write| if at % 2 == 0 { write_images(out, &part.images) } else { write_labels(out, &part.labels) };
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
    write_bytes(out, &[images.n(), images.height(), images.width()].map(|size| size as u64), images.pixels())
}

fn write_labels(out: &mut dyn Write, labels: &[u8]) -> io::Result<()> {
    write_bytes(out, &[labels.len() as u64], labels)
}

//! Strict reader and writer of IDX files, the format of MNIST and Fashion-MNIST, plain or
//! gzip-compressed.
//!
//! An IDX file is a big-endian magic number, which gives the type of the values and the number of
//! dimensions, one big-endian `u32` per dimension and the values themselves, usually unsigned
//! bytes. Values of other types must be integers from 0 to 255 too; pixels may also be floats from
//! 0 to 1. The first two bytes of a file, never its name, decide whether it is compressed. A header
//! is not trusted: memory grows with the bytes that actually exist, and exactly as many as
//! announced must follow.

use super::Images;
use super::source::hex;
use super::values::{self, Kind as NumberKind, Meaning, Narrowed, Stored};
use crate::error::{Error, Result};
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

const IMAGES: Kind<3> = Kind {
    magic: 0x0000_0803,
    what: "images: unsigned bytes, 3 dimensions",
    meaning: Meaning::Pixels,
};
const LABELS: Kind<1> = Kind {
    magic: 0x0000_0801,
    what: "labels: unsigned bytes, 1 dimension",
    meaning: Meaning::Labels,
};
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Expected kind of a file: its magic number and the name of its content, with `D` dimensions.
struct Kind<const D: usize> {
    magic: u32,
    what: &'static str,
    meaning: Meaning,
}

impl<const D: usize> Kind<D> {
    /// Storage of the values of a file with that magic number; `None` if the file has another kind.
    fn stored(&self, magic: u32) -> Option<Stored> {
        let (kind, size) = match magic >> 8 {
            0x08 => (NumberKind::Uint, 1),
            0x09 => (NumberKind::Int, 1),
            0x0b => (NumberKind::Int, 2),
            0x0c => (NumberKind::Int, 4),
            0x0d => (NumberKind::Float, 4),
            0x0e => (NumberKind::Float, 8),
            _ => return None,
        };
        (magic & 0xff == self.magic & 0xff).then_some(Stored { kind, size, big: true })
    }
}

/// Reads images (magic number 0x00000803, n x height x width bytes) from `path`.
///
/// # Errors
/// [`Error::Input`] naming `path` if it cannot be read, and as [`parse_images`].
pub fn read_images(path: impl AsRef<Path>) -> Result<Images> {
    parse_images(&read_file(path.as_ref())?, path)
}

/// Reads labels (magic number 0x00000801, n bytes) from `path`.
///
/// # Errors
/// [`Error::Input`] naming `path` if it cannot be read, and as [`parse_labels`].
pub fn read_labels(path: impl AsRef<Path>) -> Result<Vec<u16>> {
    parse_labels(&read_file(path.as_ref())?, path)
}

/// Reads images from the bytes of a file, which is called `name` in errors.
///
/// # Errors
/// [`Error::Input`] if the magic number is another one, a dimension is zero, the sizes overflow,
/// the body is shorter or longer than announced, or the gzip data are truncated or damaged.
pub fn parse_images(bytes: &[u8], name: impl AsRef<Path>) -> Result<Images> {
    Ok(parse_scaled(bytes, name.as_ref())?.0)
}

/// The same, and `true` if the pixels were numbers from 0 to 1, of which 1 became 255.
pub(super) fn parse_scaled(bytes: &[u8], name: &Path) -> Result<(Images, bool)> {
    let ([_, height, width], Narrowed { values, scaled }) = parse(bytes, name, &IMAGES)?;
    let images = Images::new(values, height, width)
        .map_err(|error| Error::input(name, error.to_string()))?;
    Ok((images, scaled))
}

/// Reads labels from the bytes of a file, which is called `name` in errors.
///
/// # Errors
/// Those of [`parse_images`].
pub fn parse_labels(bytes: &[u8], name: impl AsRef<Path>) -> Result<Vec<u16>> {
    Ok(parse(bytes, name.as_ref(), &LABELS)?.1.values.into_iter().map(u16::from).collect())
}

/// Writes images as an IDX file.
pub(super) fn write_images(out: &mut dyn Write, images: &Images) -> std::io::Result<()> {
    out.write_all(&header(&IMAGES, [images.n(), images.height(), images.width()])?)?;
    (0..images.n()).try_for_each(|row| out.write_all(images.image(row)))
}

/// Writes labels below 256 as an IDX file.
pub(super) fn write_labels(out: &mut dyn Write, labels: &[u16]) -> std::io::Result<()> {
    out.write_all(&header(&LABELS, [labels.len()])?)?;
    out.write_all(&labels.iter().map(|&label| label as u8).collect::<Vec<u8>>())
}

/// SHA-256 of the IDX file that [`write_images`] writes.
pub(super) fn images_hash(images: &Images) -> String {
    hash(|out| write_images(out, images))
}

/// SHA-256 of the IDX file that [`write_labels`] writes.
pub(super) fn labels_hash(labels: &[u16]) -> String {
    hash(|out| write_labels(out, labels))
}

/// SHA-256 of the written bytes; empty if there are too many for the format.
fn hash(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> String {
    struct Hasher(Sha256);
    impl Write for Hasher {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut hasher = Hasher(Sha256::new());
    write(&mut hasher).map_or(String::new(), |()| hex(hasher.0.finalize()))
}

fn header<const D: usize>(kind: &Kind<D>, sizes: [usize; D]) -> std::io::Result<Vec<u8>> {
    let mut header = kind.magic.to_be_bytes().to_vec();
    for size in sizes {
        let size = u32::try_from(size)
            .map_err(|_| std::io::Error::other("an IDX file counts to 4,294,967,295 at most"))?;
        header.extend_from_slice(&size.to_be_bytes());
    }
    Ok(header)
}

/// Bytes of a file as stored on disk.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Error::input(path, format!("cannot be read: {error}")))
}

/// Checks magic number and sizes and returns the dimensions with exactly the announced bytes.
fn parse<const D: usize>(
    bytes: &[u8],
    name: &Path,
    kind: &Kind<D>,
) -> Result<([usize; D], Narrowed)> {
    let mut content = Content::new(bytes, name);
    let magic = content.take(4)?;
    let Ok(magic) = <[u8; 4]>::try_from(magic.as_slice()).map(u32::from_be_bytes) else {
        return Err(
            content.error(format!("has {} bytes, too few for a magic number of 4", magic.len()))
        );
    };
    let Some(stored) = kind.stored(magic) else {
        let (expected, what) = (kind.magic, kind.what);
        return Err(content.error(format!(
            "magic number 0x{magic:08x} found, 0x{expected:08x} expected ({what})"
        )));
    };
    let sizes = content.take(4 * D as u64)?;
    if sizes.len() < 4 * D {
        return Err(content.error(format!(
            "the header is truncated: {} bytes found, {} expected",
            4 + sizes.len(),
            4 + 4 * D
        )));
    }
    let mut dims = [0; D];
    for (dim, size) in dims.iter_mut().zip(sizes.chunks_exact(4)) {
        *dim = size.iter().fold(0_u32, |value, &byte| (value << 8) | u32::from(byte));
    }
    let expected = body_len(dims, stored.size as u64, &content)?;
    // One byte more than announced: it reveals trailing bytes and otherwise lets the decoder check
    // the gzip trailer.
    let mut body = content.take(expected + 1)?;
    if (body.len() as u64) < expected {
        let found = body.len();
        return Err(content.error(format!(
            "the body is truncated: {found} bytes found, {expected} expected ({})",
            shape(dims)
        )));
    }
    if body.len() as u64 > expected {
        return Err(content.error(format!(
            "bytes follow after the {expected} bytes that the header announces ({})",
            shape(dims)
        )));
    }
    body.shrink_to_fit();
    let narrowed = stored.narrow(body, kind.meaning).map_err(|(at, number)| {
        content.error(format!(
            "value {at} of the body is {number}, {}",
            values::expected(kind.meaning)
        ))
    })?;
    Ok((dims.map(|dim| dim as usize), narrowed))
}

/// Number of bytes announced by `dims`, with values of `size` bytes.
fn body_len<const D: usize>(dims: [u32; D], size: u64, content: &Content) -> Result<u64> {
    if dims.contains(&0) {
        return Err(
            content.error(format!("the header says {}: no dimension may be zero", shape(dims)))
        );
    }
    let product = dims.iter().try_fold(size, |product, &dim| product.checked_mul(u64::from(dim)));
    product.filter(|&len| len < isize::MAX as u64).ok_or_else(|| {
        content
            .error(format!("the header says {}: more bytes than memory can address", shape(dims)))
    })
}

/// Dimensions as text, `60000 x 28 x 28`.
fn shape<const D: usize>(dims: [u32; D]) -> String {
    dims.map(|dim| dim.to_string()).join(" x ")
}

/// The decompressed bytes of one file, read in order.
struct Content<'a> {
    reader: Box<dyn Read + 'a>,
    name: &'a Path,
    n_read: u64,
}

impl<'a> Content<'a> {
    fn new(bytes: &'a [u8], name: &'a Path) -> Self {
        // A gzip file may have several members; the plain decoder would ignore all after the first.
        let reader: Box<dyn Read> = if bytes.starts_with(&GZIP_MAGIC) {
            Box::new(MultiGzDecoder::new(bytes))
        } else {
            Box::new(bytes)
        };
        Self { reader, name, n_read: 0 }
    }

    /// The next `len` bytes, or fewer at the end of the content.
    fn take(&mut self, len: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let result = (&mut self.reader).take(len).read_to_end(&mut bytes);
        self.n_read += bytes.len() as u64;
        match result {
            Ok(_) => Ok(bytes),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(self.error(format!(
                "the gzip data are truncated after {} decompressed bytes",
                self.n_read
            ))),
            Err(error) => Err(self.error(format!(
                "the gzip data are damaged after {} decompressed bytes: {error}",
                self.n_read
            ))),
        }
    }

    fn error(&self, message: String) -> Error {
        Error::input(self.name, message)
    }
}

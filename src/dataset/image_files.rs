//! Encoded images as images of one size and one number of channels, with what was done to each.

use super::image_file::{self, Header, Picture};
use super::request::{Channels, Colour, ImageShape, Request};
use super::source::hex;
use super::{Images, Samples};
use crate::error::{Error, Result};
use image::{DynamicImage, ImageBuffer, LumaA, Pixel, Rgb, imageops};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};

/// [`Wanted::common_side`] where nothing is said.
pub(super) const COMMON_SIDE: usize = 64;
/// Maximum number of pixels of all images together: in colour, as numbers, they take 6 GiB.
const MOST_PIXELS: usize = 1 << 29;

/// Request for the form of the images.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// Height and width; without them, images of one size keep it.
    pub size: Option<ImageShape>,
    /// Side of the square that images of several sizes become, unless all of them are smaller.
    pub common_side: usize,
    pub channels: Channels,
    /// Colour under transparent parts, and beside images of other proportions.
    pub background: Colour,
    /// Longest side of images that keep their size.
    pub longest: usize,
}

impl Wanted {
    /// The form that a request asks for.
    pub fn of(request: &Request) -> Self {
        Self {
            size: request.size,
            common_side: request.common_side.unwrap_or(COMMON_SIDE),
            channels: request.channels.unwrap_or_default(),
            background: request.background.unwrap_or_default(),
            longest: usize::MAX,
        }
    }
}

/// An encoded image, PNG or JPEG.
#[derive(Clone, Debug)]
pub(super) struct Encoded {
    /// Path of the file, or the name in errors of an image that is in memory.
    pub name: PathBuf,
    /// Content, unless it is that of the file.
    pub bytes: Option<Vec<u8>>,
}

impl Encoded {
    /// An image file.
    pub fn file(path: PathBuf) -> Self {
        Self { name: path, bytes: None }
    }

    fn unreadable(&self, error: &std::io::Error) -> Error {
        Error::input(&self.name, format!("cannot be read: {error}"))
    }

    fn header(&self) -> Result<Header> {
        let read = match &self.bytes {
            Some(bytes) => image_file::header(Cursor::new(bytes)),
            None => {
                let file = File::open(&self.name).map_err(|error| self.unreadable(&error))?;
                image_file::header(BufReader::new(file))
            }
        };
        read.map_err(|message| Error::input(&self.name, message))
    }

    fn content(&self) -> Result<Cow<'_, [u8]>> {
        match &self.bytes {
            Some(bytes) => Ok(bytes.into()),
            None => {
                std::fs::read(&self.name).map(Into::into).map_err(|error| self.unreadable(&error))
            }
        }
    }
}

/// The encoded images of a part of a data set.
pub(super) struct Part {
    /// Path of the part.
    pub path: PathBuf,
    pub images: Vec<Encoded>,
    /// The class of each.
    pub labels: Vec<u16>,
}

/// The images of a part, in the form of all parts.
pub(super) struct Loaded {
    pub samples: Samples,
    /// The images in the order of the samples, without their pixels.
    pub decoded: Vec<Decoded>,
}

/// Size and number of channels that all images have.
pub(super) struct Form {
    pub size: ImageShape,
    pub channels: usize,
    /// What made the size necessary: `have several sizes, 20 x 30 to 480 x 640`.
    pub reason: Option<String>,
}

/// An image file that was read.
pub(super) struct Decoded {
    pub pixels: Vec<u8>,
    pub changes: Changes,
    pub bytes: u64,
    pub sha256: String,
}

/// Changes to an image until it had the form of all.
#[derive(Default, PartialEq)]
pub(super) struct Changes {
    pub turned: bool,
    pub transparent: bool,
    /// `true` if colours became grey.
    pub bleached: bool,
    /// `true` if grey values became three equal ones.
    pub tripled: bool,
    /// `true` if it had 16-bit values; those that come from blending transparent images do not
    /// count.
    pub deep: bool,
    pub scaled: bool,
}

/// Reads all files, of which there is at least one. Unless a size is wanted, images of one size
/// keep it, and others become squares of the common side, or of their longest side if that is
/// less. Their proportions are kept: what is free of the size has the colour of the background.
/// Without a wish for channels, they are grey if no pixel has a colour.
///
/// # Errors
/// [`Error::Input`] naming the file that cannot be read, or `folder` if all images together take
/// too much memory.
pub(super) fn read(
    folder: &Path,
    files: &[&Encoded],
    wanted: Wanted,
) -> Result<(Form, Vec<Decoded>)> {
    let headers = files.par_iter().map(|file| file.header()).collect::<Result<Vec<Header>>>()?;
    let (size, reason) = size(&headers, wanted);
    check_memory(folder, files.len(), size)?;
    let decode = |file: &&Encoded| decode(file, size, wanted);
    let mut decoded = files.par_iter().map(decode).collect::<Result<Vec<Decoded>>>()?;
    let n_pixels = size.height * size.width;
    let coloured = |image: &Decoded| image.pixels.len() > n_pixels;
    let in_colour = match wanted.channels {
        Channels::Grey => false,
        Channels::Rgb => true,
        Channels::Auto => decoded.iter().any(coloured),
    };
    for image in decoded.iter_mut().filter(|image| in_colour && !coloured(image)) {
        image.pixels = image.pixels.iter().flat_map(|&value| [value; 3]).collect();
        image.changes.tripled = true;
    }
    Ok((Form { size, channels: if in_colour { 3 } else { 1 }, reason }, decoded))
}

/// Reads all images of the parts of `folder` in one form; the notes are about converted images.
///
/// # Errors
/// As [`read`].
pub(super) fn load<const N: usize>(
    folder: &Path,
    parts: &[Part; N],
    wanted: Wanted,
) -> Result<([Loaded; N], Vec<String>)> {
    let all: Vec<&Encoded> = parts.iter().flat_map(|part| &part.images).collect();
    let (form, mut rest) = read(folder, &all, wanted)?;
    let ImageShape { height, width } = form.size;
    let mut notes = Vec::new();
    let mut loaded = Vec::with_capacity(N);
    for Part { path, images, labels } in parts {
        let others = rest.split_off(images.len());
        let mut decoded = std::mem::replace(&mut rest, others);
        let changes: Vec<&Changes> = decoded.iter().map(|image| &image.changes).collect();
        notes.extend(conversion(path, &changes, &form, wanted.background));
        let mut pixels = Vec::with_capacity(decoded.len() * height * width * form.channels);
        for image in &mut decoded {
            pixels.append(&mut std::mem::take(&mut image.pixels));
        }
        let images = Images::with_channels(pixels, height, width, form.channels)?;
        loaded.push(Loaded { samples: Samples::new(images, labels.clone())?, decoded });
    }
    notes.extend(form.reason.map(|reason| {
        format!(
            "the images in {} {reason}: without `Request::size` they become {height} x {width}",
            folder.display()
        )
    }));
    let parts = <[Loaded; N]>::try_from(loaded).unwrap_or_else(|_| unreachable!("one a part"));
    Ok((parts, notes))
}

/// Note about images that did not have the form already: their conversion, and their number.
fn conversion(
    folder: &Path,
    images: &[&Changes],
    form: &Form,
    background: Colour,
) -> Option<String> {
    let changes =
        |wanted: fn(&Changes) -> bool| images.iter().filter(|changes| wanted(changes)).count();
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
        let (n, folder) = (images.len(), folder.display());
        format!("{converted} of the {n} images in {folder} were converted: {}", done.join(", "))
    })
}

/// Size of all images, and the reason for it unless it is that of the files or was asked for.
fn size(headers: &[Header], wanted: Wanted) -> (ImageShape, Option<String>) {
    if let Some(size) = wanted.size {
        return (size, None);
    }
    let shape =
        |&(width, height): &Header| ImageShape { height: height as usize, width: width as usize };
    let text = |ImageShape { height, width }: ImageShape| format!("{height} x {width}");
    let longer = |shape: &ImageShape| shape.height.max(shape.width);
    let sizes = || headers.iter().map(shape);
    let first = shape(&headers[0]);
    let longest = sizes().map(|size| longer(&size)).max().unwrap_or(1);
    let alike = sizes().all(|size| size == first);
    if alike && longest <= wanted.longest {
        return (first, None);
    }
    let by_area = |size: &ImageShape| size.n_pixels();
    let (least, most) = (sizes().min_by_key(by_area), sizes().max_by_key(by_area));
    let reason = match (alike, least, most) {
        (false, Some(least), Some(most)) => {
            format!("have several sizes, {} to {}", text(least), text(most))
        }
        _ => format!("are large, {}", text(first)),
    };
    let side = longest.min(wanted.common_side);
    (ImageShape { height: side, width: side }, Some(reason))
}

fn check_memory(folder: &Path, n: usize, size: ImageShape) -> Result<()> {
    let pixels = size.n_pixels().and_then(|pixels| pixels.checked_mul(n));
    if pixels.is_some_and(|pixels| pixels <= MOST_PIXELS) {
        return Ok(());
    }
    let ImageShape { height, width } = size;
    let message = format!(
        "holds {n} images of {height} x {width} pixels, more than fit in memory: expected at most \
         {MOST_PIXELS} pixels in all; a smaller `Request::size` scales them down, 64x64 for example"
    );
    Err(Error::input(folder, message))
}

fn decode(file: &Encoded, size: ImageShape, wanted: Wanted) -> Result<Decoded> {
    use image::ColorType::{L16, Rgb16};
    let bytes = file.content()?;
    let read = image_file::decode(Cursor::new(&bytes), wanted.background);
    let Picture { image, turned, transparent } =
        read.map_err(|message| Error::input(&file.name, message))?;
    let kind = image.color();
    let (pixels, changes) = in_form(image, size, wanted);
    let deep = (kind == L16 || (kind == Rgb16 && !changes.bleached)) && !transparent;
    let changes = Changes { turned, transparent, deep, ..changes };
    Ok(Decoded { pixels, changes, bytes: bytes.len() as u64, sha256: hex(Sha256::digest(&bytes)) })
}

/// Values of an image in the size, one a pixel if it is or becomes grey, and what was done to it.
fn in_form(image: DynamicImage, size: ImageShape, wanted: Wanted) -> (Vec<u8>, Changes) {
    use image::ColorType::{L8, Rgb8};
    let scaled = (image.height() as usize, image.width() as usize) != (size.height, size.width);
    let grey_ground = wanted.background.is_grey();
    let to_grey = wanted.channels == Channels::Grey;
    let bleached = to_grey && has_colours(&image);
    let kind = image.color();
    let pixels = match kind {
        L8 if !scaled => image.into_bytes(),
        Rgb8 if !scaled && !to_grey => without_equal(image.into_bytes()),
        _ if to_grey || (!kind.has_color() && (grey_ground || !scaled)) => {
            grey_values(&image, size, wanted.background)
        }
        _ => without_equal(colour_values(&image, size, wanted.background)),
    };
    (pixels, Changes { bleached, scaled, ..Changes::default() })
}

/// Images that are no files, in the wanted form as image files take it, and a note about their
/// conversion.
///
/// # Errors
/// [`Error::Input`] naming `path` if all images together take too much memory.
pub(super) fn fitted(
    path: &Path,
    images: Images,
    wanted: Wanted,
) -> Result<(Images, Option<String>)> {
    let own = ImageShape { height: images.height(), width: images.width() };
    let size = wanted.size.unwrap_or(own);
    let in_colour = match wanted.channels {
        Channels::Auto => images.channels() == 3,
        Channels::Grey => false,
        Channels::Rgb => true,
    };
    let form = Form { size, channels: if in_colour { 3 } else { 1 }, reason: None };
    if images.shape() == [size.height, size.width, form.channels] {
        return Ok((images, None));
    }
    check_memory(path, images.n(), size)?;
    let (width, height) = (images.width() as u32, images.height() as u32);
    let one = |at: usize| {
        let values = images.image(at).to_vec();
        let image = match images.channels() {
            1 => ImageBuffer::from_raw(width, height, values).map(DynamicImage::ImageLuma8),
            _ => ImageBuffer::from_raw(width, height, values).map(DynamicImage::ImageRgb8),
        };
        let (pixels, mut changes) = in_form(image.expect("whole images"), size, wanted);
        if in_colour && pixels.len() == size.height * size.width {
            changes.tripled = images.channels() == 1;
            return (pixels.iter().flat_map(|&value| [value; 3]).collect(), changes);
        }
        (pixels, changes)
    };
    let done: Vec<(Vec<u8>, Changes)> = (0..images.n()).into_par_iter().map(one).collect();
    let changes: Vec<&Changes> = done.iter().map(|(_, changes)| changes).collect();
    let note = conversion(path, &changes, &form, wanted.background);
    let pixels = done.iter().flat_map(|(pixels, _)| pixels).copied().collect();
    Images::with_channels(pixels, size.height, size.width, form.channels)
        .map(|images| (images, note))
}

/// `true` if a pixel is not grey.
fn has_colours(image: &DynamicImage) -> bool {
    image.color().has_color() && image.to_rgb16().pixels().any(|pixel| pixel.0 != [pixel.0[0]; 3])
}

/// One value a pixel if the three are equal everywhere.
fn without_equal(values: Vec<u8>) -> Vec<u8> {
    let (pixels, _) = values.as_chunks::<3>();
    match pixels.iter().all(|&[red, green, blue]| red == green && green == blue) {
        true => pixels.iter().map(|pixel| pixel[0]).collect(),
        false => values,
    }
}

/// Grey values of an image in the size, computed in 16 bits.
fn grey_values(image: &DynamicImage, size: ImageShape, background: Colour) -> Vec<u8> {
    let ground = DynamicImage::from(ImageBuffer::from_pixel(1, 1, Rgb(background.0)));
    let ground: LumaA<u16> = *ground.to_luma_alpha16().get_pixel(0, 0);
    let placed = placed(&image.to_luma_alpha16(), size, ground);
    placed.pixels().map(|pixel| byte(pixel[0])).collect()
}

/// Red, green and blue of an image in the size, computed in 16 bits.
fn colour_values(image: &DynamicImage, size: ImageShape, background: Colour) -> Vec<u8> {
    let ground = Rgb(background.0.map(image_file::wide_value));
    let placed = placed(&image.to_rgb16(), size, ground);
    placed.as_raw().iter().copied().map(byte).collect()
}

/// 16 bits as a byte, rounded to the nearest: 65,535 is 257 times 255.
fn byte(value: u16) -> u8 {
    ((u32::from(value) + 128) / 257) as u8
}

/// An image scaled as far as it fits in the size, in the middle of the ground.
fn placed<P: Pixel<Subpixel = u16> + 'static>(
    image: &ImageBuffer<P, Vec<u16>>,
    size: ImageShape,
    ground: P,
) -> ImageBuffer<P, Vec<u16>> {
    let (width, height) = (size.width as u64, size.height as u64);
    let (own_width, own_height) = (u64::from(image.width()), u64::from(image.height()));
    // Rounded to the nearest; the longer side, relative to the size, fills it.
    let share = |side: u64, of: u64, whole: u64| ((side * of + whole / 2) / whole).clamp(1, side);
    let inner = if own_width * height >= own_height * width {
        (width as u32, share(height, own_height * width, own_width * height) as u32)
    } else {
        (share(width, own_width * height, own_height * width) as u32, height as u32)
    };
    let small = imageops::resize(image, inner.0, inner.1, imageops::FilterType::Triangle);
    let mut whole = ImageBuffer::from_pixel(width as u32, height as u32, ground);
    let corner =
        [whole.width() - inner.0, whole.height() - inner.1].map(|free| i64::from(free / 2));
    imageops::replace(&mut whole, &small, corner[0], corner[1]);
    whole
}

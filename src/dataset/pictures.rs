//! Pictures of points for display, grey or in colour: from a folder, an IDX file or an array.

use super::image_file::{self, Header};
use super::listing::{Entry, entries};
use super::npy::read_bytes;
use super::request::Colour;
use super::values::Meaning;
use super::{Images, idx};
use crate::error::{Error, Result};
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageBuffer, Luma, Rgb};
use rayon::prelude::*;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Longer side to which pictures from a folder are scaled if they have several sizes or are large.
const COMMON_SIDE: u32 = 64;
/// Maximum longer side of pictures that keep their size.
const LONGEST_SIDE: u32 = 256;

/// Pictures of one size, row-major within a picture, picture after picture; a pixel is one grey
/// byte, or red, green and blue.
#[derive(Clone, PartialEq, Eq)]
pub struct Pictures {
    pixels: Vec<u8>,
    n: usize,
    height: usize,
    width: usize,
    channels: usize,
}

impl Pictures {
    /// Pictures from the pixels of any number of pictures of `height` x `width`, with 1 or 3
    /// `channels`.
    ///
    /// # Errors
    /// [`Error::Data`] if a size is zero, the number of channels is another, or the pixels do not
    /// fill whole pictures.
    pub fn new(pixels: Vec<u8>, height: usize, width: usize, channels: usize) -> Result<Self> {
        let size = height.checked_mul(width).and_then(|size| size.checked_mul(channels));
        match size {
            Some(size)
                if size > 0 && matches!(channels, 1 | 3) && pixels.len().is_multiple_of(size) =>
            {
                Ok(Self { n: pixels.len() / size, pixels, height, width, channels })
            }
            _ => {
                let len = pixels.len();
                Err(Error::Data(format!(
                    "{len} values do not make whole pictures of {height} x {width} x {channels}, \
                     with 1 or 3 channels"
                )))
            }
        }
    }

    /// Reads a folder of PNG and JPEG files, one picture a file in the natural order of their names
    /// (`2.png` before `10.png`); an IDX file, plain or `.gz`; or a `.npy` array of integers from 0
    /// to 255, or of floats from 0 to 1, n x height x width or n x height x width x 3. Files are
    /// rotated as their EXIF data say, and transparent parts are blended with `background`, as in
    /// [`super::Dataset::open`]. Files of several sizes, or of more than 256 pixels a side, are
    /// scaled to 64 x 64 pixels, their proportions kept, on black; the second value is a note about
    /// that.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file that cannot be read, or a folder without pictures.
    pub fn read(path: &Path, background: Colour) -> Result<(Self, Option<String>)> {
        let extension =
            path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            _ if path.is_dir() => read_folder(path, background),
            Some("npy") => Ok((read_array(path)?, None)),
            Some("png" | "jpg" | "jpeg") if path.exists() => Err(Error::input(
                path,
                "is one picture; expected a folder of them, one for each row, or an IDX or .npy \
                 file",
            )),
            _ => Ok((idx::read_images(path)?.into(), None)),
        }
    }

    /// Number of pictures.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Height of a picture in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Width of a picture in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of values of a pixel: 1 for grey, 3 for colour.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The values of picture `i`.
    ///
    /// # Panics
    /// If `i >= n`.
    pub fn image(&self, i: usize) -> &[u8] {
        let size = self.height * self.width * self.channels;
        &self.pixels[i * size..][..size]
    }

    /// A copy of the given pictures, in the given order.
    ///
    /// # Panics
    /// If an index is out of range.
    pub fn select(&self, rows: &[usize]) -> Self {
        let pixels = rows.iter().flat_map(|&row| self.image(row)).copied().collect();
        Self { pixels, n: rows.len(), ..*self }
    }

    /// These pictures followed by others.
    ///
    /// # Errors
    /// [`Error::Data`] if the others have another size or another number of channels.
    pub fn followed_by(mut self, others: Self) -> Result<Self> {
        let shape = |pictures: &Self| (pictures.height, pictures.width, pictures.channels);
        if shape(&self) != shape(&others) {
            return Err(Error::Data(format!(
                "{others:?} cannot follow {self:?}: they have another size"
            )));
        }
        self.pixels.extend(others.pixels);
        Ok(Self { n: self.n + others.n, ..self })
    }

    /// Pictures scaled to another size, with a triangle filter.
    pub fn resized(&self, width: usize, height: usize) -> Self {
        let from = (self.width as u32, self.height as u32);
        let to = (width as u32, height as u32);
        let small = |at: usize| {
            let values = self.image(at).to_vec();
            if self.channels == 1 {
                let image: ImageBuffer<Luma<u8>, _> =
                    ImageBuffer::from_raw(from.0, from.1, values).expect("whole pictures");
                imageops::resize(&image, to.0, to.1, FilterType::Triangle).into_raw()
            } else {
                let image: ImageBuffer<Rgb<u8>, _> =
                    ImageBuffer::from_raw(from.0, from.1, values).expect("whole pictures");
                imageops::resize(&image, to.0, to.1, FilterType::Triangle).into_raw()
            }
        };
        let pixels = (0..self.n).into_par_iter().map(small).collect::<Vec<_>>().concat();
        Self { pixels, width, height, ..*self }
    }
}

impl std::fmt::Debug for Pictures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pictures({} x {} x {} x {})", self.n, self.height, self.width, self.channels)
    }
}

impl From<Images> for Pictures {
    fn from(images: Images) -> Self {
        let (n, height, width) = (images.n(), images.height(), images.width());
        Self { pixels: images.into_pixels(), n, height, width, channels: 1 }
    }
}

fn read_array(path: &Path) -> Result<Pictures> {
    let array = read_bytes(path, Meaning::Pixels)?;
    let (height, width, channels) = match array.shape[..] {
        [n, height, width] if n > 0 => (height, width, 1),
        [n, height, width, channels @ (1 | 3)] if n > 0 => (height, width, channels),
        _ => {
            let shape = array.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ");
            let message = format!(
                "has shape {shape}, expected n x height x width, or n x height x width x 3"
            );
            return Err(Error::input(path, message));
        }
    };
    Pictures::new(array.values, height, width, channels)
        .map_err(|error| Error::input(path, error.to_string()))
}

/// Image files of a folder in natural order; other files are ignored.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let images = entries(folder)?.into_iter().filter(Entry::is_image);
    let files: Vec<PathBuf> = images.map(|entry| entry.path).collect();
    if files.is_empty() {
        return Err(Error::input(
            folder,
            "holds no .png, .jpg or .jpeg file, expected one for each row",
        ));
    }
    Ok(files)
}

fn read_folder(folder: &Path, background: Colour) -> Result<(Pictures, Option<String>)> {
    let reader = |path: &Path| {
        let file = File::open(path)
            .map_err(|error| Error::input(path, format!("cannot be read: {error}")));
        file.map(BufReader::new)
    };
    let header = |path: &PathBuf| {
        image_file::header(reader(path)?).map_err(|message| Error::input(path, message))
    };
    let files = files(folder)?;
    let headers = files.par_iter().map(header).collect::<Result<Vec<Header>>>()?;
    let (width, height, _) = headers[0];
    let one_size = headers.iter().all(|&(w, h, _)| (w, h) == (width, height))
        && width.max(height) <= LONGEST_SIDE;
    let (width, height) = if one_size { (width, height) } else { (COMMON_SIDE, COMMON_SIDE) };
    let grey_ground = background.0.iter().all(|&value| value == background.0[0]);
    let grey = grey_ground && headers.iter().all(|(_, _, color)| !color);
    // Each picture is scaled down before the next one is decoded, so that photographs fit in
    // memory.
    let values = |path: &PathBuf| {
        let picture = image_file::decode(reader(path)?, background)
            .map_err(|message| Error::input(path, message))?;
        let image = if one_size { picture.image } else { on_black(&picture.image) };
        let pixels = if grey { image.to_luma8().into_raw() } else { image.to_rgb8().into_raw() };
        Ok((pixels, picture.turned, picture.transparent))
    };
    let read = files.par_iter().map(values).collect::<Result<Vec<_>>>()?;
    let count =
        |wanted: fn(&(Vec<u8>, bool, bool)) -> bool| read.iter().filter(|it| wanted(it)).count();
    let (turned, transparent) = (count(|it| it.1), count(|it| it.2));
    let pixels = read.into_iter().flat_map(|(pixels, _, _)| pixels).collect();
    let pictures =
        Pictures::new(pixels, height as usize, width as usize, if grey { 1 } else { 3 })?;
    let mut notes = Vec::new();
    if !one_size {
        notes.push(format!(
            "have several sizes or are large: they are scaled to {width} x {height}, on black"
        ));
    }
    if turned > 0 {
        notes.push(format!("are turned as their EXIF data say, {turned} of them"));
    }
    if transparent > 0 {
        notes.push(format!(
            "are transparent in places, {transparent} of them: they lie over {background}"
        ));
    }
    let note = (!notes.is_empty())
        .then(|| format!("the pictures of {} {}", folder.display(), notes.join("; they ")));
    Ok((pictures, note))
}

/// A picture centred in a square of the common size.
fn on_black(image: &DynamicImage) -> DynamicImage {
    let small = image.resize(COMMON_SIDE, COMMON_SIDE, FilterType::Triangle);
    let mut square = DynamicImage::new(COMMON_SIDE, COMMON_SIDE, small.color());
    let corner =
        [(COMMON_SIDE - small.width()) / 2, (COMMON_SIDE - small.height()) / 2].map(i64::from);
    imageops::overlay(&mut square, &small, corner[0], corner[1]);
    square
}

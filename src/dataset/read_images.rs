//! Images of points for display, grey or in colour: from a folder, an IDX file or an array.

use super::image_files::{self, COMMON_SIDE, Encoded, Form, Wanted};
use super::listing::{Entry, entries};
use super::request::{Channels, Colour, ImageShape};
use super::{Images, idx, npy};
use crate::error::{Error, Result};
use std::path::Path;

/// Maximum longer side of images of a folder that keep their size.
const LONGEST_SIDE: usize = 256;

impl Images {
    /// Reads a folder of PNG and JPEG files, one image a file in the natural order of their names
    /// (`2.png` before `10.png`); an IDX file, plain or `.gz`; or a `.npy` array of integers from 0
    /// to 255, or of floats from 0 to 1, n x height x width or n x height x width x 3. Files are
    /// rotated as their EXIF data say, and transparent parts are blended with `background`, as in
    /// [`super::Dataset::open`]. Files of several sizes, or of more than 256 pixels a side, are
    /// scaled to 64 x 64 pixels, their proportions kept, on `background`; the second value is a
    /// note about that.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file that cannot be read, or a folder without images.
    pub fn read(path: &Path, background: Colour) -> Result<(Self, Option<String>)> {
        let extension =
            path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            _ if path.is_dir() => read_folder(path, background),
            Some("npy") => Ok((npy::read_images(path)?, None)),
            Some("png" | "jpg" | "jpeg") if path.exists() => Err(Error::input(
                path,
                "is one picture; expected a folder of them, one for each row, or an IDX or .npy \
                 file",
            )),
            _ => Ok((idx::read_images(path)?, None)),
        }
    }
}

/// Image files of a folder in natural order; other files are ignored.
fn files(folder: &Path) -> Result<Vec<Encoded>> {
    let images = entries(folder)?.into_iter().filter(Entry::is_image);
    let files: Vec<Encoded> = images.map(|entry| Encoded::file(entry.path)).collect();
    if files.is_empty() {
        return Err(Error::input(
            folder,
            "holds no .png, .jpg or .jpeg file, expected one for each row",
        ));
    }
    Ok(files)
}

fn read_folder(folder: &Path, background: Colour) -> Result<(Images, Option<String>)> {
    let wanted = Wanted {
        size: None,
        common_side: COMMON_SIDE,
        channels: Channels::Auto,
        background,
        longest: LONGEST_SIDE,
    };
    let files = files(folder)?;
    let (form, decoded) = image_files::read(folder, &files.iter().collect::<Vec<_>>(), wanted)?;
    let Form { size: ImageShape { height, width }, channels, reason } = form;
    let turned = decoded.iter().filter(|image| image.changes.turned).count();
    let transparent = decoded.iter().filter(|image| image.changes.transparent).count();
    let pixels = decoded.into_iter().flat_map(|image| image.pixels).collect();
    let images = Images::with_channels(pixels, height, width, channels)?;
    let mut notes = Vec::new();
    notes.extend(
        reason.map(|reason| {
            format!("{reason}: they are scaled to {height} x {width}, on {background}")
        }),
    );
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
    Ok((images, note))
}

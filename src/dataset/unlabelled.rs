//! Images without labels, brought to the size and channels of others: image files in a folder and
//! its subfolders, one array, or the test images of a data set.

use super::image_files::{self, Encoded, Part, Wanted};
use super::listing::{Entry, entries, listed};
use super::request::{Channels, ImageShape, Request};
use super::{DATASETS, Dataset, Images, Source, existing, folder, formats, idx, image_folder, npy};
use crate::error::{Error, Result};
use std::path::Path;

/// Maximum depth of subfolders that are searched.
const DEEPEST: usize = 8;

/// Images without labels.
#[derive(Clone, Debug)]
pub struct Unlabelled {
    /// The images.
    pub images: Images,
    /// Path of the file of each below the folder, with slashes, if they are image files.
    pub files: Option<Vec<String>>,
    /// Files from which they were read.
    pub sources: Vec<Source>,
    /// Warnings about their choice and conversion.
    pub warnings: Vec<String>,
}

impl Unlabelled {
    /// Reads the images of `request` in a form: height, width and channels, 1 or 3.
    ///
    /// [`Request::dataset`] is a folder whose image files, in subfolders too, are all read; a
    /// `.npy` array or an IDX file of images; or any data set, of whose images those for testing
    /// are taken, or all if they have no such part. Images of another form are converted as image
    /// files are: scaled with a triangle filter, proportions kept, on [`Request::background`].
    ///
    /// # Errors
    /// [`Error::Input`] naming the file that is missing or malformed, or the folder without images;
    /// [`Error::Parameter`] for `strangers` that are neither a name nor a path.
    pub fn open(request: &Request, form: [usize; 3]) -> Result<Self> {
        let wanted = in_form(request, form);
        let name = &request.dataset;
        if DATASETS.iter().any(|entry| entry.name == name) {
            let data = Dataset::load(name, request.data_dir.as_deref())?;
            let read = Self::new(data.test.images, data.sources, data.warnings);
            return read.of_test(name).fitted(Path::new(name), wanted);
        }
        let path = Path::new(name);
        let Some((path, prefix)) = existing(path) else {
            return Err(if path.components().count() > 1 || path.extension().is_some() {
                Error::input(path, "no such file or folder")
            } else {
                let names: Vec<&str> = DATASETS.iter().map(|entry| entry.name).collect();
                let expected =
                    format!("a folder or file of images, or one of {}", names.join(", "));
                Error::parameter("strangers", name, expected)
            });
        };
        // A path that names one of several files is a file of its own here.
        let asked = Path::new(name);
        if asked.is_file() && !formats::is_single_file(asked) {
            return of_array(asked)?.fitted(asked, wanted);
        }
        if prefix.is_none() && path.is_dir() {
            let found = Files::below(path)?;
            if !found.images.is_empty() {
                return of_files(path, found, wanted);
            }
        }
        let plain = Request::new(name);
        let (images, is_test, sources, warnings) =
            folder::read_images(path, prefix.as_deref(), &plain)?;
        let read = Self::new(images, sources, warnings);
        let read = if is_test { read.of_test(name) } else { read };
        read.fitted(path, wanted)
    }

    fn new(images: Images, sources: Vec<Source>, warnings: Vec<String>) -> Self {
        Self { images, files: None, sources, warnings }
    }

    /// The same with a note that these are the test images of a data set.
    fn of_test(mut self, name: &str) -> Self {
        let n = self.images.n();
        self.warnings.push(format!("of {name} the {n} test images are taken"));
        self
    }

    /// The images in the wanted form.
    fn fitted(mut self, path: &Path, wanted: Wanted) -> Result<Self> {
        let (images, note) = image_files::fitted(path, self.images, wanted)?;
        self.images = images;
        self.warnings.extend(note);
        Ok(self)
    }

    /// The given rows.
    ///
    /// # Panics
    /// If an index is out of range.
    pub fn select(&self, rows: &[usize]) -> Self {
        let files = self.files.as_ref();
        Self {
            images: self.images.select(rows),
            files: files.map(|files| rows.iter().map(|&row| files[row].clone()).collect()),
            sources: self.sources.clone(),
            warnings: self.warnings.clone(),
        }
    }
}

/// The form that images take.
fn in_form(request: &Request, [height, width, channels]: [usize; 3]) -> Wanted {
    let channels = if channels == 1 { Channels::Grey } else { Channels::Rgb };
    Wanted { size: Some(ImageShape { height, width }), channels, ..Wanted::of(request) }
}

/// The images of a `.npy` array, or of an IDX file.
fn of_array(path: &Path) -> Result<Unlabelled> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let images = match ending.as_deref() {
        Some("npy") => npy::read_images(path)?,
        Some("png" | "jpg" | "jpeg") => {
            return Err(Error::input(path, "is one picture; expected a folder of them"));
        }
        _ => idx::read_images(path)?,
    };
    if images.n() == 0 {
        return Err(Error::input(path, "holds no images, expected at least one"));
    }
    Ok(Unlabelled::new(images, vec![Source::of_file(path)?], Vec::new()))
}

/// The image files below a folder.
#[derive(Default)]
struct Files {
    images: Vec<Entry>,
    /// Files and folders that are not read.
    others: Vec<Entry>,
}

impl Files {
    fn below(folder: &Path) -> Result<Self> {
        let mut found = Self::default();
        found.search(folder, 0)?;
        Ok(found)
    }

    fn search(&mut self, folder: &Path, depth: usize) -> Result<()> {
        for entry in entries(folder)? {
            if entry.is_dir && depth < DEEPEST {
                self.search(&entry.path, depth + 1)?;
            } else if entry.is_image() {
                self.images.push(entry);
            } else {
                self.others.push(entry);
            }
        }
        Ok(())
    }
}

/// The images of files.
fn of_files(folder: &Path, found: Files, wanted: Wanted) -> Result<Unlabelled> {
    let below = |entry: &Entry| {
        let below = entry.path.strip_prefix(folder).unwrap_or(&entry.path);
        let names = below.components().map(|name| name.as_os_str().to_string_lossy().into_owned());
        names.collect::<Vec<_>>().join("/")
    };
    let files = found.images.iter().map(below).collect();
    let n = found.images.len();
    let images = found.images.into_iter().map(|entry| Encoded::file(entry.path)).collect();
    let part = [Part { path: folder.to_owned(), images, labels: vec![0; n] }];
    let ([loaded], mut warnings) = image_files::load(folder, &part, wanted)?;
    let sources = vec![image_folder::described(&part[0], &loaded.decoded)];
    if !found.others.is_empty() {
        warnings.push(format!(
            "{} holds {} besides, which is no .png, .jpg or .jpeg file and is not read",
            folder.display(),
            listed(&found.others)
        ));
    }
    Ok(Unlabelled { images: loaded.samples.images, files: Some(files), sources, warnings })
}

//! Labelled images: reading them, checking them, splitting them.
//!
//! [`DATASETS`] lists what can be asked for by name; a new data set is one file here and one entry
//! there. [`FORMATS`] lists how files of one's own may be laid out.

mod arrays;
mod classes;
mod columns;
mod convert;
mod csv;
mod fetch;
mod folder;
mod formats;
mod groups;
pub mod idx;
mod image_file;
mod image_folder;
mod images;
mod labels;
mod layout;
mod listing;
mod names;
pub mod npy;
mod pictures;
mod registered;
mod request;
mod sample;
mod source;
mod values;

pub use classes::Classes;
pub use columns::is_text;
pub use convert::convert;
pub use fetch::{Fetch, Fetched, fetch};
pub use formats::{FORMATS, Format, formats_text};
pub use groups::{LabelGroups, label_group_names};
pub use images::{Images, Samples};
pub(crate) use labels::blank_line;
pub use labels::{LabelFile, Labels, LabelsBeside, MAX_CLASSES, Values, read_labels};
pub(crate) use names::unmet;
pub use names::{escaped_name, names_files, names_text, parse_names, read_names, unescaped_name};
pub use pictures::Pictures;
pub use request::{Colour, Header, ImageShape, LabelColumn, Request};
pub use source::Source;

use crate::error::{Error, Result};
use crate::random::Random;
use std::path::{Path, PathBuf};

/// The stream of random numbers that [`split`] takes from a seed.
pub const SPLIT_STREAM: u64 = 0x73_706c_6974;

/// Training and test images with the names of their classes.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Its name in [`DATASETS`], or the last part of its path.
    pub name: String,
    /// Name of each class; a label is an index into them.
    pub class_names: Vec<String>,
    /// Images to train on.
    pub train: Samples,
    /// Images to test on, of the same height and width.
    pub test: Samples,
    /// The files that all this was read from.
    pub sources: Vec<Source>,
    /// The classes before they were grouped; none if the labels are the classes of the files.
    pub original: Option<Original>,
    /// What was done to the data that one should know, a conversion of images for instance.
    pub warnings: Vec<String>,
}

/// The classes from which groups were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// Name of each class.
    pub class_names: Vec<String>,
    /// The class of each training image, an index into the names.
    pub train: Vec<u8>,
    /// The class of each test image.
    pub test: Vec<u8>,
    /// The label that each class was given.
    pub groups: Vec<u8>,
}

impl Original {
    /// The classes that became `label`, as indices into the names.
    pub fn members(&self, label: usize) -> Vec<usize> {
        (0..self.groups.len()).filter(|&class| usize::from(self.groups[class]) == label).collect()
    }
}

/// A data set that can be asked for by name.
#[derive(Debug)]
pub struct DatasetEntry {
    /// The name to ask for.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    load: fn(Option<&Path>) -> Result<Dataset>,
}

/// All data sets that can be asked for by name.
pub static DATASETS: &[DatasetEntry] = &[
    DatasetEntry {
        name: registered::FASHION_MNIST.name,
        summary: "Fashion-MNIST: 60,000 training and 10,000 test images of clothes, 28 x 28 grey values, 10 classes",
        load: |data_dir| registered::load(&registered::FASHION_MNIST, data_dir),
    },
    DatasetEntry {
        name: sample::NAME,
        summary: "Fashion-MNIST, embedded sample: the first 1,000 training and 200 test images of each class",
        load: sample::load,
    },
    DatasetEntry {
        name: registered::MNIST.name,
        summary: "MNIST: 60,000 training and 10,000 test images of handwritten digits, 28 x 28 grey values, 10 classes",
        load: |data_dir| registered::load(&registered::MNIST, data_dir),
    },
];

/// Where the files of a data set are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// Within the program.
    Embedded,
    /// In this folder.
    Folder(PathBuf),
    /// In this folder, but for the files of these names.
    Incomplete(PathBuf, Vec<String>),
    /// Nowhere that was looked at; they can be fetched into this folder, if the user has one for
    /// data.
    Missing(Option<PathBuf>),
}

impl DatasetEntry {
    /// Where the files are; see [`Dataset::load`] for where they are looked for. Files are not
    /// opened.
    pub fn locate(&self, data_dir: Option<&Path>) -> Location {
        if self.name == sample::NAME {
            return Location::Embedded;
        }
        let held = |folder: PathBuf| {
            registered::in_folder(&folder).ok().flatten().map(|paths| (folder, paths))
        };
        match registered::folders(self.name, data_dir).into_iter().find_map(held) {
            None => Location::Missing(registered::own_folder(self.name, data_dir)),
            Some((folder, paths)) => match registered::missing(&paths) {
                missing if missing.is_empty() => Location::Folder(folder),
                missing => Location::Incomplete(folder, missing),
            },
        }
    }
}

impl Dataset {
    /// Reads what `request` asks for: the data set of that name as [`Self::load`] does, or else the
    /// folder or file at that path. Then the labels are grouped, if groups are asked for.
    ///
    /// A path is a folder or file of one of the [`FORMATS`]. Where there are no test images, one in
    /// six of each class is put aside. Of several sets of IDX files in a folder one is named by the
    /// folder and the beginning of its files' names, or by the path of one of its files.
    ///
    /// The classes are those that are named, by the folders, a file `class_names.txt` beside the
    /// others, the array `class_names` of an archive or the request; or else the numbers that occur
    /// among the training labels.
    ///
    /// # Errors
    /// [`Error::Parameter`] if it is neither a name nor a path, or an option does not fit the data;
    /// [`Error::Input`], naming file, line and column, for whatever is wrong with the files or the
    /// groups, and for training images that are all alike.
    pub fn open(request: &Request) -> Result<Self> {
        let path = Path::new(&request.dataset);
        let is_named = DATASETS.iter().any(|entry| entry.name == request.dataset);
        let mut data = if is_named {
            named_only(request)?;
            Self::load(&request.dataset, request.data_dir.as_deref())?
        } else {
            let Some((path, prefix)) = existing(path) else {
                return Err(if path.components().count() > 1 || path.extension().is_some() {
                    Error::input(path, "no such file or folder")
                } else {
                    unknown(&request.dataset)
                });
            };
            if let Some(folder) = &request.data_dir {
                let expected = format!(
                    "is for data sets with a name; `Request::dataset` {} is a path",
                    request.dataset
                );
                return Err(Error::parameter("data_dir", folder.display(), expected));
            }
            folder::read(path, prefix.as_deref(), request)?
        };
        if request.transpose {
            data.train.images = data.train.images.transposed();
            data.test.images = data.test.images.transposed();
        }
        check_images(request, &mut data)?;
        if let Some(groups) = &request.label_groups {
            LabelGroups::open(groups)?.apply(&mut data)?;
        }
        Ok(data)
    }

    /// Loads the data set called `name`.
    ///
    /// Files are looked for in `data_dir` and nowhere else if it is given. Otherwise in the folder
    /// that the environment variable `LAYERLENS_DATA_DIR` names and nowhere else if it is set;
    /// otherwise in `$XDG_DATA_HOME/layerlens` (by default `~/.local/share/layerlens`) and then
    /// where Debian packages put them. Of each of these the folder itself and its subfolder called
    /// `name` will do. Embedded data sets need no folder and do not look at `data_dir`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there is no data set called `name`; [`Error::Input`] if a file is
    /// missing (every place looked at is listed), malformed, or does not fit the others.
    pub fn load(name: &str, data_dir: Option<&Path>) -> Result<Self> {
        let Some(entry) = DATASETS.iter().find(|entry| entry.name == name) else {
            return Err(unknown(name));
        };
        (entry.load)(data_dir)
    }
}

/// Images all of whose pixels are below this are warned of: binary ones, or those of 12 bits stored
/// in 16.
const ALMOST_BLACK: u8 = 26;

/// What is there: a set of files among others, as a folder and the beginning of the files' names;
/// else a file or folder.
fn existing(path: &Path) -> Option<(&Path, Option<String>)> {
    match formats::named_set(path) {
        Some((folder, prefix)) => Some((folder, Some(prefix))),
        None => path.exists().then_some((path, None)),
    }
}

/// Refuses options that tell how files of one's own are read.
fn named_only(request: &Request) -> Result<()> {
    let names = Some(request.class_names.join(",")).filter(|names| !names.is_empty());
    let options = [
        ("label_column", request.label_column.as_ref().map(ToString::to_string)),
        ("background", request.background.map(|colour| colour.to_string())),
        ("class_names", names),
    ];
    match options.into_iter().find_map(|(field, value)| value.map(|value| (field, value))) {
        Some((field, value)) => Err(Error::parameter(
            field,
            value,
            format!("is for files of one's own; {} is a known data set", request.dataset),
        )),
        None => Ok(()),
    }
}

/// Compares images with what was asked for, and refuses training images from which nothing can be
/// learnt.
fn check_images(request: &Request, data: &mut Dataset) -> Result<()> {
    let images = &data.train.images;
    let found = ImageShape { height: images.height(), width: images.width() };
    // What was asked for is the shape in the files.
    let stored = if request.transpose {
        ImageShape { height: found.width, width: found.height }
    } else {
        found
    };
    if let Some(asked) = request.image_shape.filter(|asked| *asked != stored) {
        let expected = format!("{stored}, as the images of {} are", request.dataset);
        return Err(Error::parameter("image_shape", asked, expected));
    }
    if images.are_alike() {
        let n = images.n();
        let message = format!(
            "the {n} training images are all alike, pixel for pixel: nothing can be learnt from \
             them (images that are transparent show nothing over a `Request::background` of their \
             own colour)"
        );
        return Err(Error::input(&request.dataset, message));
    }
    if data.test.images.are_alike() {
        data.warnings
            .push(format!("the {} test images are all alike, pixel for pixel", data.test.len()));
    }
    let largest = images.pixels().iter().max().copied().unwrap_or(0);
    if largest < ALMOST_BLACK {
        data.warnings.push(format!(
            "no pixel is larger than {largest}, of 255: the images are almost black"
        ));
    }
    Ok(())
}

fn unknown(name: &str) -> Error {
    let names: Vec<_> = DATASETS.iter().map(|entry| entry.name).collect();
    Error::parameter(
        "dataset",
        name,
        format!("must be one of {}, or the path of a folder or file", names.join(", ")),
    )
}

/// Refuses test images of another size than the training images.
fn check_sizes(
    (train_path, train): (&Path, &Samples),
    (test_path, test): (&Path, &Samples),
) -> Result<()> {
    let size = |samples: &Samples| (samples.images.height(), samples.images.width());
    if size(train) == size(test) {
        return Ok(());
    }
    let ((found_height, found_width), (height, width)) = (size(test), size(train));
    let trained_on = train_path.display();
    let message = format!(
        "the images are {found_height} x {found_width}, but those of {trained_on} are {height} x \
         {width}"
    );
    Err(Error::input(test_path, message))
}

/// Splits `n` rows at random into training and validation rows, both ascending: `n / 6` (rounded
/// down) are for validation.
///
/// The same `n` and `seed` give the same split everywhere.
pub fn split(n: usize, seed: u64) -> (Vec<usize>, Vec<usize>) {
    split_off(n, n / 6, seed)
}

/// [`split`] with another number of validation rows, at most `n`.
pub fn split_off(n: usize, n_validation: usize, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut validation = Random::new(seed, SPLIT_STREAM).permutation(n);
    let mut train = validation.split_off(n_validation);
    validation.sort_unstable();
    train.sort_unstable();
    (train, validation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_takes_every_row_once() {
        for n in [0, 1, 5, 6, 7, 100, 10_000] {
            let (train, validation) = split(n, 42);
            assert_eq!(validation.len(), n / 6);
            assert!(train.is_sorted() && validation.is_sorted());
            let mut all = [train, validation].concat();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..n));
        }
    }
}

//! Labelled images: reading, checking and splitting them.
//!
//! [`DATASETS`] lists the named data sets; a new data set is one file here and one entry there.
//! [`FORMATS`] lists the formats of the user's own files.

mod archived;
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
mod image_files;
mod image_folder;
mod images;
mod labels;
mod layout;
mod listing;
mod mat_file;
mod metadata;
mod names;
pub mod npy;
mod optdigits;
mod parquet_file;
mod parquet_rows;
mod parts;
mod read_images;
mod registered;
mod request;
pub mod rows;
mod sample;
mod source;
mod unlabelled;
mod values;

pub use classes::Classes;
pub(crate) use columns::blank_line;
pub use columns::is_text;
pub use convert::convert;
pub use fetch::{Fetch, Fetched, fetch};
pub use formats::{FORMATS, Format, formats_text};
pub use groups::{LabelGroups, label_group_names};
pub use images::{Images, Samples};
pub use labels::{LabelFile, Labels, LabelsBeside, MAX_CLASSES, Values, read_labels};
pub use metadata::{Column, ColumnKind, MAX_CATEGORIES, MAX_COLUMNS, read_metadata};
pub(crate) use names::unmet;
pub use names::{escaped_name, names_files, names_text, parse_names, read_names, unescaped_name};
pub use request::{Channels, Colour, Header, ImageShape, LabelColumn, Request};
pub use source::Source;
pub use unlabelled::Unlabelled;

use crate::error::{Error, Result};
use crate::random::Random;
use archived::Archived;
use registered::Registered;
use std::path::{Path, PathBuf};

/// Stream of the random numbers of [`split`].
pub const SPLIT_STREAM: u64 = 0x73_706c_6974;

/// Training and test images with the names of their classes.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Name in [`DATASETS`], or the last part of the path.
    pub name: String,
    /// Name of each class; a label is an index into them.
    pub class_names: Vec<String>,
    /// Training images.
    pub train: Samples,
    /// Test images, with the same height, width and channels.
    pub test: Samples,
    /// Files from which the data were read.
    pub sources: Vec<Source>,
    /// Classes before they were grouped; `None` if the labels are the classes of the files.
    pub original: Option<Original>,
    /// Warnings about changes to the data, for example a conversion of images.
    pub warnings: Vec<String>,
}

/// The classes from which groups were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// Name of each class.
    pub class_names: Vec<String>,
    /// The class of each training image, an index into the names.
    pub train: Vec<u16>,
    /// The class of each test image.
    pub test: Vec<u16>,
    /// Label of each class.
    pub groups: Vec<u16>,
}

impl Original {
    /// Classes that became `label`, as indices into the names.
    pub fn members(&self, label: usize) -> Vec<usize> {
        (0..self.groups.len()).filter(|&class| usize::from(self.groups[class]) == label).collect()
    }
}

/// A named data set.
#[derive(Debug)]
pub struct DatasetEntry {
    /// Name of the data set.
    pub name: &'static str,
    /// One-line description.
    pub summary: &'static str,
    kind: Kind,
}

/// Where the files of a named data set are, and how they are read.
#[derive(Debug)]
enum Kind {
    /// Embedded in the program.
    Embedded(fn() -> Result<Dataset>),
    /// Four IDX files.
    Four(&'static Registered),
    /// Files of an archive, which may have other data sets too.
    Archived(&'static Archived),
}

/// All named data sets.
pub static DATASETS: &[DatasetEntry] = &[
    DatasetEntry {
        name: registered::FASHION_MNIST.name,
        summary: "Fashion-MNIST: 60,000 training and 10,000 test images of clothes, 28 x 28 grey values, 10 classes",
        kind: Kind::Four(&registered::FASHION_MNIST),
    },
    DatasetEntry {
        name: sample::NAME,
        summary: "Fashion-MNIST, embedded sample: the first 1,000 training and 200 test images of each class",
        kind: Kind::Embedded(sample::load),
    },
    DatasetEntry {
        name: optdigits::NAME,
        summary: "UCI handwritten digits, embedded: the first 1,000 for training and 797 for testing, 8 x 8 grey values, 10 classes",
        kind: Kind::Embedded(optdigits::load),
    },
    DatasetEntry {
        name: registered::MNIST.name,
        summary: "MNIST: 60,000 training and 10,000 test images of handwritten digits, 28 x 28 grey values, 10 classes",
        kind: Kind::Four(&registered::MNIST),
    },
    DatasetEntry {
        name: registered::KMNIST.name,
        summary: "KMNIST: 60,000 training and 10,000 test images of cursive Japanese letters, 28 x 28 grey values, 10 classes",
        kind: Kind::Four(&registered::KMNIST),
    },
    emnist(
        "emnist-balanced",
        "EMNIST, 47 digits and letters: 112,800 training and 18,800 test images, 28 x 28 grey values",
    ),
    emnist(
        "emnist-letters",
        "EMNIST, 26 letters: 124,800 training and 20,800 test images, 28 x 28 grey values",
    ),
    emnist(
        "emnist-digits",
        "EMNIST, 10 digits: 240,000 training and 40,000 test images, 28 x 28 grey values",
    ),
    emnist(
        "emnist-mnist",
        "EMNIST, 10 digits in the size of MNIST: 60,000 training and 10,000 test images, 28 x 28 grey values",
    ),
    emnist(
        "emnist-bymerge",
        "EMNIST, 47 digits and letters as often as they were written: 697,932 training and 116,323 test images, 28 x 28 grey values",
    ),
    emnist(
        "emnist-byclass",
        "EMNIST, 62 digits, capital and small letters: 697,932 training and 116,323 test images, 28 x 28 grey values",
    ),
    DatasetEntry {
        name: archived::CIFAR_10.name,
        summary: "CIFAR-10: 50,000 training and 10,000 test photographs, 32 x 32 pixels in colour, 10 classes",
        kind: Kind::Archived(&archived::CIFAR_10),
    },
];

/// One of the data sets of EMNIST.
const fn emnist(name: &'static str, summary: &'static str) -> DatasetEntry {
    DatasetEntry { name, summary, kind: Kind::Archived(&archived::EMNIST) }
}

/// Location of the files of a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// Embedded in the program.
    Embedded,
    /// In this folder.
    Folder(PathBuf),
    /// In this folder, except for the files with these names.
    Incomplete(PathBuf, Vec<String>),
    /// In none of the known folders; they can be downloaded into this folder, if the user has one
    /// for data.
    Missing(Option<PathBuf>),
}

impl DatasetEntry {
    /// Location of the files; [`Dataset::load`] lists the folders. Files are not opened.
    pub fn locate(&self, data_dir: Option<&Path>) -> Location {
        let set = match self.kind {
            Kind::Embedded(_) => return Location::Embedded,
            Kind::Archived(set) => {
                return match set.find(self.name, data_dir) {
                    Some(folder) => Location::Folder(folder),
                    None => Location::Missing(registered::own_folder(set.name, data_dir)),
                };
            }
            Kind::Four(set) => set,
        };
        let held = |folder: PathBuf| {
            registered::in_folder(&folder).ok().flatten().map(|paths| (folder, paths))
        };
        match set.folders(data_dir).into_iter().find_map(held) {
            None => Location::Missing(registered::own_folder(self.name, data_dir)),
            Some((folder, paths)) => match registered::missing(&paths) {
                missing if missing.is_empty() => Location::Folder(folder),
                missing => Location::Incomplete(folder, missing),
            },
        }
    }
}

impl Dataset {
    /// Reads the data of `request`: the data set with that name as [`Self::load`] does, or
    /// otherwise the folder or file at that path. Then the labels are grouped, if groups are
    /// requested.
    ///
    /// A path is a folder or file of one of the [`FORMATS`]. If there are no test images, one in
    /// six of each class becomes one. If a folder has several sets of IDX files, one is chosen by
    /// the path of the folder followed by the prefix of its files, or by the path of one of its
    /// files.
    ///
    /// The names of the classes come from the folders, a file `class_names.txt` beside the others,
    /// the array `class_names` of an archive or the request; otherwise the classes are the distinct
    /// training labels.
    ///
    /// # Errors
    /// [`Error::Parameter`] if it is neither a name nor a path, or an option does not fit the data;
    /// [`Error::Input`], naming file, line and column, for any fault of the files or the groups,
    /// and for training images that are all equal.
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
    /// If `data_dir` is given, only this folder is searched. Otherwise, if the environment variable
    /// `LAYERLENS_DATA_DIR` is set, only the folder in it is. Otherwise the folder
    /// `$XDG_DATA_HOME/layerlens` (by default `~/.local/share/layerlens`) and then the folder of
    /// Debian packages are. The files may be in each folder itself or in its subfolder called
    /// `name`. Embedded data sets need no folder and ignore `data_dir`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there is no data set called `name`; [`Error::Input`] if a file is
    /// missing (all searched folders are listed), malformed, or does not fit the others.
    pub fn load(name: &str, data_dir: Option<&Path>) -> Result<Self> {
        let Some(entry) = DATASETS.iter().find(|entry| entry.name == name) else {
            return Err(unknown(name));
        };
        match entry.kind {
            Kind::Embedded(load) => load(),
            Kind::Four(set) => registered::load(set, data_dir),
            Kind::Archived(set) => set.load(name, data_dir),
        }
    }
}

/// Images whose pixels are all below this cause a warning: binary ones, or 12-bit ones stored in 16
/// bits.
const ALMOST_BLACK: u8 = 26;

/// Existing data: a set of files, as a folder and the prefix of its files; otherwise a file or
/// folder.
fn existing(path: &Path) -> Option<(&Path, Option<String>)> {
    match formats::named_set(path) {
        Some((folder, prefix)) => Some((folder, Some(prefix))),
        None => path.exists().then_some((path, None)),
    }
}

/// Refuses options for reading the user's own files.
fn named_only(request: &Request) -> Result<()> {
    let names = Some(request.class_names.join(",")).filter(|names| !names.is_empty());
    let options = [
        ("label_column", request.label_column.as_ref().map(ToString::to_string)),
        ("background", request.background.map(|colour| colour.to_string())),
        ("size", request.size.map(|size| size.to_string())),
        ("channels", request.channels.map(|channels| channels.to_string())),
        ("train_part", request.train_part.clone()),
        ("test_part", request.test_part.clone()),
        ("transpose", request.transpose.then(|| "true".into())),
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

/// Compares images with the request, and refuses training images from which nothing can be learnt.
fn check_images(request: &Request, data: &mut Dataset) -> Result<()> {
    let images = &data.train.images;
    let found = ImageShape { height: images.height(), width: images.width() };
    // The requested shape is that in the files.
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

/// Refuses test images whose size differs from that of the training images.
fn check_sizes(
    (train_path, train): (&Path, &Samples),
    (test_path, test): (&Path, &Samples),
) -> Result<()> {
    if train.images.shape() == test.images.shape() {
        return Ok(());
    }
    let message = format!(
        "the images are {}, but those of {} are {}",
        test.images.size_text(),
        train_path.display(),
        train.images.size_text()
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

//! Labelled images: reading them, checking them, splitting them.
//!
//! [`DATASETS`] lists what can be asked for by name; a new data set is one file here and one entry there.

mod fashion_mnist;
pub mod idx;
mod images;
pub mod npy;
mod request;

pub use images::{Images, Samples};
pub use request::{Header, Request};

use crate::error::{Error, Result};
use crate::random::Random;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::Path;

/// The stream of random numbers that [`split`] takes from a seed.
pub const SPLIT_STREAM: u64 = 0x73_706c_6974;

/// A file that data were read from, for the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Path of the file, or its name within the program if it is embedded.
    pub name: String,
    /// Size of the file as it is stored, compressed or not.
    pub bytes: u64,
    /// SHA-256 of those bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Whether that, or the SHA-256 of the decompressed content, is known for this file of this data set. `false` means other
    /// data, one's own in the same layout for instance, and is no error.
    pub verified: bool,
}

impl Source {
    /// Describes a file as it stands on the disk; `verified` is false, since nothing is known of it.
    ///
    /// # Errors
    /// [`Error::Input`] if it cannot be read.
    pub fn of_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| Error::input(path, error.to_string()))?;
        Ok(Self::new(path.display(), &bytes, &[]))
    }

    /// [`Source::new`] for an IDX file, whose content may also be known where its compression is not.
    fn of_idx(name: impl ToString, bytes: &[u8], known: &[&str]) -> Self {
        let mut source = Self::new(name, bytes, known);
        let mut content = Vec::new();
        if !source.verified && flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut content).is_ok() {
            source.verified = Self::new("", &content, known).verified;
        }
        source
    }

    /// Describes `bytes`, verified if their SHA-256 is one of `known`.
    fn new(name: impl ToString, bytes: &[u8], known: &[&str]) -> Self {
        let sha256: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let verified = known.contains(&sha256.as_str());
        Self { name: name.to_string(), bytes: bytes.len() as u64, sha256, verified }
    }
}

/// Training and test images with the names of their classes.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Its name in [`DATASETS`].
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
        name: fashion_mnist::NAME,
        summary: "Fashion-MNIST: 60,000 training and 10,000 test images of clothes, 28 x 28 grey values, 10 classes",
        load: fashion_mnist::load,
    },
    DatasetEntry {
        name: fashion_mnist::SAMPLE_NAME,
        summary: "Fashion-MNIST, embedded sample: the first 1,000 training and 200 test images of each class",
        load: fashion_mnist::load_sample,
    },
];

impl Dataset {
    /// Reads what `request` asks for.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn open(request: &Request) -> Result<Self> {
        Self::load(&request.dataset, request.data_dir.as_deref())
    }

    /// Loads the data set called `name`.
    ///
    /// Files are looked for in `data_dir` and nowhere else if it is given. Otherwise in the folder that the environment
    /// variable `LAYERLENS_DATA_DIR` names and nowhere else if it is set; otherwise in `$XDG_DATA_HOME/layerlens` (by default
    /// `~/.local/share/layerlens`) and then where Debian packages put them. Of each of these the folder itself and its
    /// subfolder called `name` will do. Embedded data sets need no folder and do not look at `data_dir`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there is no data set called `name`; [`Error::Input`] if a file is missing (every place looked at
    /// is listed), malformed, or does not fit the others.
    pub fn load(name: &str, data_dir: Option<&Path>) -> Result<Self> {
        let Some(entry) = DATASETS.iter().find(|entry| entry.name == name) else {
            let names: Vec<_> = DATASETS.iter().map(|entry| entry.name).collect();
            return Err(Error::parameter("--dataset", name, format!("must be one of {}", names.join(", "))));
        };
        (entry.load)(data_dir)
    }
}

/// Splits `n` rows at random into training and validation rows, both ascending: `n / 6` (rounded down) are for validation.
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

    #[test]
    fn a_source_is_verified_by_its_hash() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let source = Source::new("abc", b"abc", &["0", abc]);
        assert_eq!((source.sha256.as_str(), source.bytes, source.verified), (abc, 3, true));
        assert!(!Source::new("abd", b"abd", &["0", abc]).verified);
    }
}

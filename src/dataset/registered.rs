//! Named data sets: four IDX files each, whose content is verified by SHA-256.
//!
//! Fashion-MNIST: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for
//! Benchmarking Machine Learning Algorithms", 2017. MNIST: Y. LeCun, C. Cortes, C. J. C. Burges,
//! "The MNIST database of handwritten digits", 1998. KMNIST: T. Clanuwat et al., "Deep Learning for
//! Classical Japanese Literature", 2018.

use super::arrays::one_scale;
use super::{Dataset, Samples, Source, idx};
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// Names of training images, training labels, test images, test labels; on disk `.gz` may follow.
pub(super) const FILES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// Folder in which Debian packages put data sets.
const DEBIAN_FOLDER: &str = "/usr/share/datasets";

/// A named data set of four files.
#[derive(Debug)]
pub(super) struct Registered {
    pub name: &'static str,
    pub title: &'static str,
    pub class_names: [&'static str; 10],
    /// Folders below one for data, beside that with its name, where other programs keep it.
    pub also: &'static [&'static str],
    /// Addresses of folders with its files as `.gz`, tried in order.
    pub urls: &'static [&'static str],
    /// Name of its Debian package.
    package: Option<&'static str>,
    /// Size and checksums of its files, in the order of [`FILES`].
    pub files: [File; 4],
}

/// One of the four files.
#[derive(Debug)]
pub(super) struct File {
    /// Size of the content, decompressed.
    pub bytes: u64,
    /// SHA-256 of the content and of published compressed forms, as far as known.
    pub known: &'static [&'static str],
}

pub(super) static FASHION_MNIST: Registered = Registered {
    name: "fashion-mnist",
    title: "Fashion-MNIST",
    class_names: [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ],
    also: &["FashionMNIST/raw"],
    urls: &[
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    ],
    package: Some("dataset-fashion-mnist"),
    // Checksums of the content, the authors' form and Debian's form.
    files: [
        File {
            bytes: 47_040_016,
            known: &[
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
            ],
        },
        File {
            bytes: 60_008,
            known: &[
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
            ],
        },
        File {
            bytes: 7_840_016,
            known: &[
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
            ],
        },
        File {
            bytes: 10_008,
            known: &[
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
            ],
        },
    ],
};

pub(super) static MNIST: Registered = Registered {
    name: "mnist",
    title: "MNIST",
    class_names: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    also: &["MNIST/raw"],
    urls: &[
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    ],
    package: None,
    // Checksums of the content and the mirrors' form.
    files: [
        File {
            bytes: 47_040_016,
            known: &[
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ],
        },
        File {
            bytes: 60_008,
            known: &[
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ],
        },
        File {
            bytes: 7_840_016,
            known: &[
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ],
        },
        File {
            bytes: 10_008,
            known: &[
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ],
        },
    ],
};

pub(super) static KMNIST: Registered = Registered {
    name: "kmnist",
    title: "KMNIST",
    class_names: ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
    also: &["KMNIST/raw"],
    urls: &["http://codh.rois.ac.jp/kmnist/dataset/kmnist"],
    package: None,
    // Checksums of the authors' form, as in TensorFlow Datasets.
    files: [
        File {
            bytes: 47_040_016,
            known: &["51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"],
        },
        File {
            bytes: 60_008,
            known: &["e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"],
        },
        File {
            bytes: 7_840_016,
            known: &["edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"],
        },
        File {
            bytes: 10_008,
            known: &["20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"],
        },
    ],
};

/// All named data sets of four files.
pub(super) static REGISTERED: [&Registered; 3] = [&FASHION_MNIST, &MNIST, &KMNIST];

/// A file that was read, or is embedded.
pub(super) struct Input {
    pub path: PathBuf,
    pub bytes: Cow<'static, [u8]>,
}

/// Reads a named data set from disk; other data with the same layout and name get numbered classes.
pub(super) fn load(set: &'static Registered, data_dir: Option<&Path>) -> Result<Dataset> {
    let paths = find(set, &set.folders(data_dir), data_dir.unwrap_or(Path::new(set.name)))?;
    let mut inputs = Vec::with_capacity(FILES.len());
    let mut sources = Vec::with_capacity(FILES.len());
    for (path, file) in paths.into_iter().zip(&set.files) {
        let bytes = idx::read_file(&path)?;
        sources.push(Source::of_idx(path.display(), &bytes, file.known));
        inputs.push(Input { path, bytes: bytes.into() });
    }
    let (train, test, note) = assemble(&inputs)?;
    for (part, labels) in [(&train, &inputs[1]), (&test, &inputs[3])] {
        if let Some(row) =
            part.labels.iter().position(|&class| usize::from(class) >= set.class_names.len())
        {
            let message = format!(
                "row {row} is {}: labels must be 0 to {}",
                part.labels[row],
                set.class_names.len() - 1
            );
            return Err(Error::input(&labels.path, message));
        }
    }
    let unknown = sources.iter().find(|source| !source.verified);
    let warnings: Vec<_> = unknown
        .iter()
        .map(|source| {
            format!(
                "{} is not a known file of {}: the classes are numbered, not named",
                source.name, set.name
            )
        })
        .collect();
    let named = set.class_names.iter().enumerate();
    let class_names = named
        .map(|(class, name)| if warnings.is_empty() { (*name).into() } else { class.to_string() })
        .collect();
    let warnings = warnings.into_iter().chain(note).collect();
    Ok(Dataset {
        name: set.name.into(),
        class_names,
        train,
        test,
        sources,
        original: None,
        warnings,
    })
}

/// Parses the inputs, which are in the order of [`FILES`], and checks that they fit each other; the
/// last value is a note about changed pixels.
pub(super) fn assemble(inputs: &[Input]) -> Result<(Samples, Samples, Option<String>)> {
    let (train, train_scaled) = samples(&inputs[0], &inputs[1])?;
    let (test, test_scaled) = samples(&inputs[2], &inputs[3])?;
    super::check_sizes((&inputs[0].path, &train), (&inputs[2].path, &test))?;
    let note = one_scale(&[
        (inputs[0].path.clone(), train_scaled),
        (inputs[2].path.clone(), test_scaled),
    ])?;
    Ok((train, test, note))
}

fn samples(images: &Input, labels: &Input) -> Result<(Samples, bool)> {
    let (pixels, scaled) = idx::parse_scaled(&images.bytes, &images.path)?;
    let classes = idx::parse_labels(&labels.bytes, &labels.path)?;
    let named =
        |error: Error| Error::input(&labels.path, format!("{error} in {}", images.path.display()));
    Ok((Samples::new(pixels, classes).map_err(named)?, scaled))
}

/// Names of the classes if images and labels are exactly those of a known data set, from any files.
pub(super) fn recognise(train: &Samples, test: &Samples) -> Option<&'static Registered> {
    let sizes = [&train.images, &test.images].map(|images| (images.n(), images.shape()));
    if sizes != [(60_000, [28, 28, 1]), (10_000, [28, 28, 1])] {
        return None;
    }
    let contents = [
        idx::images_hash(&train.images),
        idx::labels_hash(&train.labels),
        idx::images_hash(&test.images),
        idx::labels_hash(&test.labels),
    ];
    let fits = |set: &&&Registered| {
        set.files.iter().zip(&contents).all(|(file, content)| file.known.contains(&&content[..]))
    };
    REGISTERED.iter().find(fits).copied()
}

impl Registered {
    /// Folders that are searched for it, in order.
    pub fn folders(&self, data_dir: Option<&Path>) -> Vec<PathBuf> {
        folders(self.name, self.also, data_dir)
    }
}

/// Folders that are searched for the data set called `name`, in order: folders for data, and those
/// below them that have its name or one of the others.
pub(super) fn folders(name: &str, also: &[&str], data_dir: Option<&Path>) -> Vec<PathBuf> {
    folders_of(name, also, data_dir, |name| std::env::var_os(name), dirs::data_dir())
}

/// Folder for downloads of the data set called `name`.
pub(super) fn own_folder(name: &str, data_dir: Option<&Path>) -> Option<PathBuf> {
    folders(name, &[], data_dir).get(1).filter(|folder| folder.ends_with(name)).cloned()
}

fn folders_of(
    name: &str,
    also: &[&str],
    data_dir: Option<&Path>,
    env: impl Fn(&str) -> Option<OsString>,
    home: Option<PathBuf>,
) -> Vec<PathBuf> {
    let set = |name| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let both = |folder: PathBuf| {
        let below = std::iter::once(&name).chain(also).map(|name| folder.join(name));
        std::iter::once(folder.clone()).chain(below).collect::<Vec<PathBuf>>()
    };
    if let Some(folder) = data_dir.map(Path::to_owned).or_else(|| set("LAYERLENS_DATA_DIR")) {
        return both(folder);
    }
    // The XDG specification asks for relative paths to be ignored.
    let data_home = set("XDG_DATA_HOME").filter(|folder| folder.is_absolute()).or(home);
    let mut folders = data_home.map(|folder| both(folder.join("layerlens"))).unwrap_or_default();
    folders.push(Path::new(DEBIAN_FOLDER).join(name));
    folders
}

/// Paths of the four files in the first of `folders` that holds any of them; errors name `asked`.
pub(super) fn find(set: &Registered, folders: &[PathBuf], asked: &Path) -> Result<Vec<PathBuf>> {
    let mut looked_at = Vec::new();
    for folder in folders {
        match in_folder(folder) {
            // A folder that may not be entered must not hide the folders after it.
            Err(error) => looked_at.push(format!("{} ({error})", folder.display())),
            Ok(None) => looked_at.push(folder.display().to_string()),
            Ok(Some(paths)) => return complete(set.title, folder, paths),
        }
    }
    let package = set
        .package
        .map_or(String::new(), |package| format!(", install the Debian package {package}"));
    let message = format!(
        "no {} files found; looked in {}. Run `layerlens data fetch {}`{package}, or put the four IDX files ({}; plain or .gz) \
         in a folder and pass `Request::data_dir`",
        set.title,
        looked_at.join(", "),
        set.name,
        FILES.join(", ")
    );
    Err(Error::input(asked, message))
}

/// Paths of the files in `folder`; `None` if it has none of them.
pub(super) fn in_folder(folder: &Path) -> io::Result<Option<Vec<Option<PathBuf>>>> {
    let paths = FILES.iter().map(|file| locate(folder, file)).collect::<io::Result<Vec<_>>>()?;
    Ok(paths.iter().any(Option::is_some).then_some(paths))
}

/// Path of the file `name` in `folder`, plain or otherwise compressed; a dot may replace the hyphen
/// before `idx`.
pub(super) fn locate(folder: &Path, name: &str) -> io::Result<Option<PathBuf>> {
    let dotted = name.replace("-idx", ".idx");
    for name in [name, &dotted] {
        for path in [folder.join(name), folder.join(format!("{name}.gz"))] {
            // Some archives put each file into a folder with its name.
            if path.try_exists()? && !path.is_dir() {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}

/// Names of the missing files.
pub(super) fn missing(paths: &[Option<PathBuf>]) -> Vec<String> {
    paths
        .iter()
        .zip(FILES)
        .filter(|(path, _)| path.is_none())
        .map(|(_, name)| format!("{name}[.gz]"))
        .collect()
}

/// Requires all of the files if one of them exists: half a data set is an accident that should be
/// reported.
pub(super) fn complete(
    title: &str,
    folder: &Path,
    paths: Vec<Option<PathBuf>>,
) -> Result<Vec<PathBuf>> {
    let missing = missing(&paths);
    if !missing.is_empty() {
        let message =
            format!("{} of the four {title} files missing: {}", missing.len(), missing.join(", "));
        return Err(Error::input(folder, message));
    }
    Ok(paths.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked_in(
        data_dir: Option<&str>,
        variables: &[(&str, &str)],
        home: Option<&str>,
    ) -> Vec<String> {
        let env = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        };
        let folders =
            folders_of("fashion-mnist", &[], data_dir.map(Path::new), env, home.map(PathBuf::from));
        folders.iter().map(|folder| folder.display().to_string()).collect()
    }

    #[test]
    fn a_folder_that_is_named_is_the_only_one() {
        let variables = [("LAYERLENS_DATA_DIR", "/env"), ("XDG_DATA_HOME", "/xdg")];
        assert_eq!(
            looked_in(Some("/arg"), &variables, Some("/home/me")),
            ["/arg", "/arg/fashion-mnist"]
        );
        assert_eq!(looked_in(None, &variables, Some("/home/me")), ["/env", "/env/fashion-mnist"]);
    }

    #[test]
    fn without_one_the_home_comes_before_the_system() {
        let system = "/usr/share/datasets/fashion-mnist";
        let xdg = ["/xdg/layerlens", "/xdg/layerlens/fashion-mnist", system];
        assert_eq!(
            looked_in(
                None,
                &[("LAYERLENS_DATA_DIR", ""), ("XDG_DATA_HOME", "/xdg")],
                Some("/me/share")
            ),
            xdg
        );
        let home = ["/me/share/layerlens", "/me/share/layerlens/fashion-mnist", system];
        assert_eq!(looked_in(None, &[("XDG_DATA_HOME", "relative")], Some("/me/share")), home);
        assert_eq!(looked_in(None, &[], None), [system]);
    }
}

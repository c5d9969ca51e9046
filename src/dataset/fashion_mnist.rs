//! Fashion-MNIST (H. Xiao, K. Rasul, R. Vollgraf, 2017), from four IDX files on disk or from the sample embedded in the program.

use super::{Dataset, Samples, Source, idx};
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

pub(super) const NAME: &str = "fashion-mnist";
pub(super) const SAMPLE_NAME: &str = "fashion-mnist-sample";

/// Where the Debian package dataset-fashion-mnist puts the files.
const DEBIAN_FOLDER: &str = "/usr/share/datasets/fashion-mnist";

const CLASS_NAMES: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

/// One of the four files.
struct File {
    /// Its name; on disk `.gz` may follow.
    name: &'static str,
    /// SHA-256 of the file in the Debian package dataset-fashion-mnist, compressed as it comes and decompressed.
    known: [&'static str; 2],
    /// The embedded sample of it.
    sample: &'static [u8],
    /// SHA-256 of the embedded sample, as in assets/README.md.
    sample_known: [&'static str; 1],
}

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/fashion-mnist-sample/", $name, ".gz"))
    };
}

/// Training images, training labels, test images, test labels.
static FILES: [File; 4] = [
    File {
        name: "train-images-idx3-ubyte",
        known: [
            "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ],
        sample: sample!("train-images-idx3-ubyte"),
        sample_known: ["1ecc7f90b9d150b40c359acf80cfec4990bfbcc1db9fe346f886d9e7fcae0000"],
    },
    File {
        name: "train-labels-idx1-ubyte",
        known: [
            "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ],
        sample: sample!("train-labels-idx1-ubyte"),
        sample_known: ["036b3a9440a684e6f8117e910b5dad249f9165250c2ae2341f2bfd8482381497"],
    },
    File {
        name: "t10k-images-idx3-ubyte",
        known: [
            "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ],
        sample: sample!("t10k-images-idx3-ubyte"),
        sample_known: ["e60ede7714c657ced2d723c33140572b5476b46df34b385a6e176b0757dc4318"],
    },
    File {
        name: "t10k-labels-idx1-ubyte",
        known: [
            "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ],
        sample: sample!("t10k-labels-idx1-ubyte"),
        sample_known: ["e6d25f5f3e85bb315a10172898c1c8f69ce52c4f9306c5821205c821bfca8847"],
    },
];

/// A file that was read, or is embedded.
struct Input {
    path: PathBuf,
    bytes: Cow<'static, [u8]>,
}

/// The whole data set from disk.
pub(super) fn load(data_dir: Option<&Path>) -> Result<Dataset> {
    let paths = find(&folders(data_dir, |name| std::env::var_os(name)), data_dir.unwrap_or(Path::new(NAME)))?;
    let mut inputs = Vec::with_capacity(FILES.len());
    let mut sources = Vec::with_capacity(FILES.len());
    for (path, file) in paths.into_iter().zip(&FILES) {
        let bytes = idx::read_file(&path)?;
        sources.push(Source::of_idx(path.display(), &bytes, &file.known));
        inputs.push(Input { path, bytes: bytes.into() });
    }
    assemble(NAME, &inputs, sources)
}

/// The embedded sample.
pub(super) fn load_sample(_data_dir: Option<&Path>) -> Result<Dataset> {
    let inputs = FILES.each_ref().map(|file| {
        let path = PathBuf::from(format!("embedded:{SAMPLE_NAME}/{}.gz", file.name));
        Input { path, bytes: file.sample.into() }
    });
    let described = inputs.iter().zip(&FILES);
    let sources = described.map(|(input, file)| Source::new(input.path.display(), &input.bytes, &file.sample_known)).collect();
    assemble(SAMPLE_NAME, &inputs, sources)
}

/// Parses the inputs, which come in the order of [`FILES`], and checks that they fit together.
fn assemble(name: &str, inputs: &[Input], sources: Vec<Source>) -> Result<Dataset> {
    let train = samples(&inputs[0], &inputs[1])?;
    let test = samples(&inputs[2], &inputs[3])?;
    let size = |samples: &Samples| (samples.images.height(), samples.images.width());
    if size(&train) != size(&test) {
        let ((found_height, found_width), (height, width)) = (size(&test), size(&train));
        let trained_on = inputs[0].path.display();
        let message = format!("the images are {found_height} x {found_width}, but those of {trained_on} are {height} x {width}");
        return Err(Error::input(&inputs[2].path, message));
    }
    // Other data in the same layout, MNIST for example, have classes of their own.
    let known = sources.iter().all(|source| source.verified);
    let unknown = sources.iter().find(|source| !source.verified);
    let warnings =
        unknown.map(|source| format!("{} is not a known file of {name}: the classes are numbered, not named", source.name));
    let warnings = warnings.into_iter().collect();
    let class_names = CLASS_NAMES.iter().enumerate().map(|(class, name)| if known { (*name).into() } else { class.to_string() });
    Ok(Dataset { name: name.into(), class_names: class_names.collect(), train, test, sources, original: None, warnings })
}

fn samples(images: &Input, labels: &Input) -> Result<Samples> {
    let pixels = idx::parse_images(&images.bytes, &images.path)?;
    let classes = idx::parse_labels(&labels.bytes, &labels.path)?;
    if let Some(row) = classes.iter().position(|&class| usize::from(class) >= CLASS_NAMES.len()) {
        let message = format!("row {row} is {}: labels must be 0 to {}", classes[row], CLASS_NAMES.len() - 1);
        return Err(Error::input(&labels.path, message));
    }
    Samples::new(pixels, classes).map_err(|error| Error::input(&labels.path, format!("{error} in {}", images.path.display())))
}

/// The folders to look in, first things first; `env` reads an environment variable.
fn folders(data_dir: Option<&Path>, env: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let set = |name| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let both = |folder: PathBuf| vec![folder.clone(), folder.join(NAME)];
    if let Some(folder) = data_dir.map(Path::to_owned).or_else(|| set("LAYERLENS_DATA_DIR")) {
        return both(folder);
    }
    let home = || set("HOME").or_else(|| set("USERPROFILE")).map(|home| home.join(".local/share"));
    // The XDG specification asks for relative paths to be ignored.
    let data_home = set("XDG_DATA_HOME").filter(|folder| folder.is_absolute()).or_else(home);
    let mut folders = data_home.map(|folder| both(folder.join("layerlens"))).unwrap_or_default();
    folders.push(DEBIAN_FOLDER.into());
    folders
}

/// Paths of the four files in the first of `folders` that holds any of them; an error is about `asked`.
fn find(folders: &[PathBuf], asked: &Path) -> Result<Vec<PathBuf>> {
    let mut looked_at = Vec::new();
    for folder in folders {
        match FILES.iter().map(|file| locate(folder, file.name)).collect::<io::Result<Vec<_>>>() {
            // A home that may not be entered must not hide the folders after it.
            Err(error) => looked_at.push(format!("{} ({error})", folder.display())),
            Ok(paths) if paths.iter().all(Option::is_none) => looked_at.push(folder.display().to_string()),
            Ok(paths) => return complete(folder, paths),
        }
    }
    let names = FILES.each_ref().map(|file| file.name).join(", ");
    let message = format!(
        "no Fashion-MNIST files found; looked in {}. Install the Debian package dataset-fashion-mnist, or put the four IDX files \
         ({names}; plain or .gz) in a folder and pass --data-dir",
        looked_at.join(", ")
    );
    Err(Error::input(asked, message))
}

/// The file `name` in `folder`, plain or, failing that, compressed.
fn locate(folder: &Path, name: &str) -> io::Result<Option<PathBuf>> {
    for path in [folder.join(name), folder.join(format!("{name}.gz"))] {
        if path.try_exists()? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Demands all of the files once one of them is there: half a data set is an accident that should not be passed over.
fn complete(folder: &Path, paths: Vec<Option<PathBuf>>) -> Result<Vec<PathBuf>> {
    let missing: Vec<_> =
        paths.iter().zip(&FILES).filter(|(path, _)| path.is_none()).map(|(_, file)| format!("{}[.gz]", file.name)).collect();
    if !missing.is_empty() {
        let message = format!("{} of the four Fashion-MNIST files missing: {}", missing.len(), missing.join(", "));
        return Err(Error::input(folder, message));
    }
    Ok(paths.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked_in(data_dir: Option<&str>, variables: &[(&str, &str)]) -> Vec<String> {
        let env = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        folders(data_dir.map(Path::new), env).iter().map(|folder| folder.display().to_string()).collect()
    }

    #[test]
    fn a_folder_that_is_named_is_the_only_one() {
        let variables = [("LAYERLENS_DATA_DIR", "/env"), ("XDG_DATA_HOME", "/xdg"), ("HOME", "/home/me")];
        assert_eq!(looked_in(Some("/arg"), &variables), ["/arg", "/arg/fashion-mnist"]);
        assert_eq!(looked_in(None, &variables), ["/env", "/env/fashion-mnist"]);
    }

    #[test]
    fn without_one_the_home_comes_before_the_system() {
        let system = "/usr/share/datasets/fashion-mnist";
        let xdg = ["/xdg/layerlens", "/xdg/layerlens/fashion-mnist", system];
        assert_eq!(looked_in(None, &[("LAYERLENS_DATA_DIR", ""), ("XDG_DATA_HOME", "/xdg"), ("HOME", "/me")]), xdg);
        let home = ["/me/.local/share/layerlens", "/me/.local/share/layerlens/fashion-mnist", system];
        assert_eq!(looked_in(None, &[("XDG_DATA_HOME", "relative"), ("HOME", "/me")]), home);
        assert_eq!(looked_in(None, &[]), [system]);
    }
}

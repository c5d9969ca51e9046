//! What a run looks into: the layers of a network as matrices in a folder, wherever they come from.
//!
//! | file | what |
//! |---|---|
//! | `<layer>_train.npy`, `<layer>_test.npy` | n_samples x units; `raw` is the input, `softmax` is not embedded |
//! | `labels_train.npy`, `labels_test.npy` | classes, from 0 |
//! | `predictions_train.npy`, `predictions_test.npy` | the network's classes; else the largest column of `softmax` |
//! | `class_names.txt` | a name a line; else the classes are numbered |
//! | `layers.txt` | layers to look into and their order, a name a line; else all, `raw` first, numbers in names by value |
//! | `images_train.npy`, `images_test.npy` | n x height x width, bytes |
//!
//! The test part may be missing as a whole. A training writes such a folder, and any program can.

use super::folder::RunFolder;
use crate::activations::{Layer, RAW};
use crate::dataset::{Images, Source, npy};
use crate::embedding::METHODS;
use crate::error::{Error, Result};
use crate::files::write_atomic;
use crate::matrix::Matrix;
use crate::neighbors::Search;
use crate::words::natural;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The layer whose largest column is the network's answer.
pub(super) const SOFTMAX: &str = "softmax";
/// Beginnings of names that are no layers.
const OTHERS: [&str; 4] = ["labels", "predictions", "images", "rows"];
/// Most classes.
const MAX_CLASSES: usize = 256;

/// One half of the data: what is fitted, or what is tested.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The layers to look into, in order.
    pub(super) layers: Vec<Layer>,
    /// One class a row.
    pub(super) labels: Vec<u8>,
    /// What the network answers, one class a row.
    pub(super) predictions: Option<Vec<u8>>,
    /// One image a row.
    pub(super) images: Option<Images>,
}

/// What a run looks into.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    pub(super) class_names: Vec<String>,
    pub(super) train: Part,
    pub(super) test: Option<Part>,
    /// What the user should know.
    pub(super) warnings: Vec<String>,
    /// The files that all this was read from.
    pub(super) files: Vec<PathBuf>,
}

impl Layers {
    /// Reads such a folder.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file that is missing, malformed or does not fit another.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let mut reader = Reader { folder, files: Vec::new() };
        let found = reader.found()?;
        let names = reader.names(&found)?;
        let train = reader.part("train", &names, None)?;
        let has_test = found.iter().any(|name| name.ends_with("_test.npy"));
        let test = has_test.then(|| reader.part("test", &names, Some(&train))).transpose()?;
        if let Some(test) = &test {
            reader.check_widths(&train, test)?;
        }
        let note = |layer: &Layer| layer.values.offsets_note(&layer.name);
        let mut warnings: Vec<String> = train.layers.iter().filter_map(note).collect();
        let class_names = reader.class_names(&train, test.as_ref(), &mut warnings)?;
        if test.is_none() {
            warnings.push(
                "there is no test part: nothing is placed in the maps, and k-NN classifies the training points, each without its own vote".into(),
            );
        }
        Ok(Self { class_names, train, test, warnings, files: reader.files })
    }

    /// Refuses, by the name of its file below `folder`, a layer with a row that `search` finds no neighbours of.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub(super) fn check_rows(&self, folder: &Path, search: &Search) -> Result<()> {
        let named = |name: String| move |error: Error| Error::input(folder.join(name), error.to_string());
        for (at, train) in self.train.layers.iter().enumerate() {
            search.check(&train.values, None).map_err(named(file(&train.name, "train")))?;
            if let Some(test) = self.test.as_ref().map(|test| &test.layers[at]) {
                search.check(&test.values, Some(&train.values)).map_err(named(file(&test.name, "test")))?;
            }
        }
        Ok(())
    }

    /// What the points that k-NN classifies are: those of the test, or else those of the training, each without its own vote.
    pub(super) fn scored(&self) -> &Part {
        self.test.as_ref().unwrap_or(&self.train)
    }

    /// Copies everything into the run's folder, so that it holds all that later commands need.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(super) fn write(&self, folder: &mut RunFolder) -> Result<()> {
        for (name, part) in std::iter::once(("train", &self.train)).chain(self.test.as_ref().map(|test| ("test", test))) {
            for layer in &part.layers {
                folder.write_matrix(&format!("activations/{}", file(&layer.name, name)), &layer.values)?;
            }
            write_classes(folder, &file("labels", name), &part.labels)?;
            if let Some(predictions) = &part.predictions {
                write_classes(folder, &file("predictions", name), predictions)?;
            }
            if let Some(images) = &part.images {
                let name = format!("activations/{}", file("images", name));
                npy::write_images(folder.below(&name)?, images)?;
                folder.list(&name, Some(vec![images.n(), images.height(), images.width()]), Some("uint8"));
            }
        }
        write_names(folder, self.train.layers.iter().map(|layer| layer.name.as_str()), &self.class_names)
    }
}

/// Writes classes into a file below `activations/`.
///
/// # Errors
/// [`Error::Write`].
pub(super) fn write_classes(folder: &mut RunFolder, name: &str, classes: &[u8]) -> Result<()> {
    let classes: Vec<u32> = classes.iter().map(|&class| u32::from(class)).collect();
    folder.write_numbers(&format!("activations/{name}"), &classes)
}

/// Writes the names of the layers to look into, in their order, and those of the classes.
///
/// # Errors
/// [`Error::Write`].
pub(super) fn write_names<'a>(
    folder: &mut RunFolder,
    layers: impl Iterator<Item = &'a str>,
    class_names: &[String],
) -> Result<()> {
    let layers: Vec<String> = layers.filter(|name| *name != SOFTMAX).map(str::to_owned).collect();
    for (name, lines) in [("layers.txt", &layers[..]), ("class_names.txt", class_names)] {
        let name = format!("activations/{name}");
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        write_atomic(&folder.below(&name)?, |writer| writer.write_all(text.as_bytes()))?;
        folder.list(&name, None, None);
    }
    Ok(())
}

/// Names of classes, one a line, as a run writes them.
///
/// # Errors
/// [`Error::Input`] if the file cannot be read, or a name is empty or there twice.
pub(super) fn read_names(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let names: Vec<String> = text.trim_end().lines().map(|line| line.trim().to_owned()).collect();
    if names.is_empty() {
        return Err(Error::input(path, "is empty, expected a name a line"));
    }
    let mut seen = BTreeSet::new();
    for (at, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(Error::input(path, format!("line {} is empty, expected a name", at + 1)));
        }
        if !seen.insert(name) {
            return Err(Error::input(path, format!("line {} is `{name}` again", at + 1)));
        }
    }
    Ok(names)
}

/// Reads classes from 0 to 255, one a row.
///
/// # Errors
/// [`Error::Input`].
pub(super) fn read_classes(path: &Path) -> Result<Vec<u8>> {
    let narrow = |(row, class): (usize, u32)| {
        u8::try_from(class).map_err(|_| Error::input(path, format!("row {row} is {class}; classes go from 0 to 255")))
    };
    npy::read_labels(path)?.into_iter().enumerate().map(narrow).collect()
}

fn file(name: &str, part: &str) -> String {
    format!("{name}_{part}.npy")
}

struct Reader<'a> {
    folder: &'a Path,
    files: Vec<PathBuf>,
}

impl Reader<'_> {
    /// The names of all files.
    fn found(&self) -> Result<BTreeSet<String>> {
        let entries = std::fs::read_dir(self.folder).map_err(|error| Error::input(self.folder, error.to_string()))?;
        Ok(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
    }

    /// Notes a file that is read.
    fn path(&mut self, name: &str) -> PathBuf {
        let path = self.folder.join(name);
        self.files.push(path.clone());
        path
    }

    /// The layers to look into, in their order.
    fn names(&mut self, found: &BTreeSet<String>) -> Result<Vec<String>> {
        let layer = |part: &'static str| {
            let layers = found.iter().filter_map(move |name| name.strip_suffix(&file("", part)));
            layers.filter(|name| !OTHERS.contains(name) && *name != SOFTMAX && !name.is_empty()).map(str::to_owned)
        };
        let mut names: Vec<String> = layer("train").collect();
        if let Some(name) = layer("test").find(|name| !names.contains(name)) {
            let path = self.folder.join(file(&name, "test"));
            return Err(Error::input(path, format!("there is no {} beside it", file(&name, "train"))));
        }
        names.sort_by(|a, b| (a != RAW).cmp(&(b != RAW)).then_with(|| natural(a, b)));
        if found.contains("layers.txt") {
            let path = self.path("layers.txt");
            let listed = read_names(&path)?;
            if let Some((at, name)) = listed.iter().enumerate().find(|(_, name)| !names.contains(name)) {
                let message = format!("line {} is `{name}`, but there is no {}", at + 1, file(name, "train"));
                return Err(Error::input(path, message));
            }
            names = listed;
        }
        let taken = |name: &&String| METHODS.iter().any(|method| name.starts_with(&format!("{}_", method.name)));
        if let Some(name) = names.iter().find(taken) {
            let message = "begins like the map of a method: its results would take each other's file names";
            return Err(Error::input(self.folder.join(file(name, "train")), message));
        }
        if names.is_empty() {
            let message = "holds no layer: `<layer>_train.npy`, n_samples x units, is expected for each";
            return Err(Error::input(self.folder, message));
        }
        Ok(names)
    }

    /// One half; the test's points are held against those of the training.
    fn part(&mut self, part: &str, names: &[String], train: Option<&Part>) -> Result<Part> {
        let labels_path = self.path(&file("labels", part));
        let labels = read_classes(&labels_path)?;
        let n = labels.len();
        let mut layers = Vec::with_capacity(names.len());
        for (at, name) in names.iter().enumerate() {
            let path = self.path(&file(name, part));
            let fitted = train.map(|train| &train.layers[at].values);
            let values = fitted.map_or_else(|| npy::read_matrix(&path), |fitted| npy::read_matrix_like(&path, fitted))?;
            self.check_rows(&path, "rows", values.n_samples(), part, n)?;
            layers.push(Layer { name: name.clone(), values });
        }
        let predictions = self.predictions(part, n)?;
        let images_name = file("images", part);
        let images = if self.folder.join(&images_name).exists() {
            let path = self.path(&images_name);
            let images = npy::read_images(&path)?;
            self.check_rows(&path, "images", images.n(), part, n)?;
            Some(images)
        } else {
            None
        };
        Ok(Part { layers, labels, predictions, images })
    }

    /// What the network answers to the `n` points of a part, if that is known.
    fn predictions(&mut self, part: &str, n: usize) -> Result<Option<Vec<u8>>> {
        let [given, softmax] = ["predictions", SOFTMAX].map(|name| file(name, part));
        if self.folder.join(&given).exists() {
            let path = self.path(&given);
            let predictions = read_classes(&path)?;
            self.check_rows(&path, "predictions", predictions.len(), part, n)?;
            return Ok(Some(predictions));
        }
        if !self.folder.join(&softmax).exists() {
            return Ok(None);
        }
        let path = self.path(&softmax);
        let softmax = npy::read_values(&path)?;
        self.check_rows(&path, "rows", softmax.n_samples(), part, n)?;
        if softmax.n_features() > MAX_CLASSES {
            let found = softmax.n_features();
            return Err(Error::input(path, format!("has {found} columns, at most {MAX_CLASSES} classes are supported")));
        }
        Ok(Some(largest_columns(&softmax)))
    }

    fn check_rows(&self, path: &Path, what: &str, found: usize, part: &str, n: usize) -> Result<()> {
        if found == n {
            return Ok(());
        }
        let labels = self.folder.join(file("labels", part));
        Err(Error::input(path, format!("has {found} {what}, but {} has {n} labels", labels.display())))
    }

    fn check_widths(&self, train: &Part, test: &Part) -> Result<()> {
        let pairs = train.layers.iter().zip(&test.layers);
        for (train, test) in pairs {
            let (expected, found) = (train.values.n_features(), test.values.n_features());
            if found != expected {
                let path = self.folder.join(file(&test.name, "test"));
                return Err(Error::input(path, format!("has {found} columns, {} has {expected}", file(&train.name, "train"))));
            }
        }
        Ok(())
    }

    /// The names in the file, or numbers, for as many classes as there are.
    fn class_names(&mut self, train: &Part, test: Option<&Part>, warnings: &mut Vec<String>) -> Result<Vec<String>> {
        let parts = std::iter::once(("train", train)).chain(test.map(|test| ("test", test)));
        let given = self.folder.join("class_names.txt").exists();
        let names = if given {
            let path = self.path("class_names.txt");
            read_names(&path)?
        } else {
            warnings.push("there is no class_names.txt: the classes are numbered".into());
            let most = parts.clone().flat_map(|(_, part)| part.labels.iter().chain(part.predictions.iter().flatten())).max();
            (0..=most.copied().unwrap_or(0)).map(|class| class.to_string()).collect()
        };
        for (which, part) in parts {
            let known = |class: &u8| usize::from(*class) < names.len();
            for (what, classes) in [("labels", Some(&part.labels)), ("predictions", part.predictions.as_ref())] {
                let unknown = classes.and_then(|classes| classes.iter().enumerate().find(|(_, class)| !known(class)));
                if let Some((row, class)) = unknown {
                    let message = format!("row {row} is {class}, but class_names.txt names 0 to {}", names.len() - 1);
                    // Without predictions of their own the largest column of the softmax counts.
                    let own = self.folder.join(file(what, which));
                    let path = if own.exists() { own } else { self.folder.join(file(SOFTMAX, which)) };
                    return Err(Error::input(path, message));
                }
            }
        }
        Ok(names)
    }
}

/// What the network of a run answers to the `n` points of a part, if that is known.
///
/// # Errors
/// [`Error::Input`].
pub(super) fn read_predictions(folder: &Path, part: &str, n: usize) -> Result<Option<Vec<u8>>> {
    Reader { folder, files: Vec::new() }.predictions(part, n)
}

/// The files as the manifest lists them.
///
/// # Errors
/// [`Error::Input`].
pub(super) fn sources(files: &[PathBuf]) -> Result<Vec<Source>> {
    files.iter().map(Source::of_file).collect()
}

/// The column of the largest value of each row, the first of equal ones.
fn largest_columns(values: &Matrix) -> Vec<u8> {
    let largest = |row: &[f32]| (1..row.len()).fold(0, |best, column| if row[column] > row[best] { column } else { best });
    values.rows().map(|row| largest(row) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_columns_is_taken() {
        let softmax = Matrix::new(vec![0.2, 0.4, 0.4, 0.5, 0.5, 0.0, 0.1, 0.2, 0.7], 3, 3).unwrap();
        assert_eq!(largest_columns(&softmax), [1, 0, 2]);
    }
}

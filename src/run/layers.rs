//! Folder of layers: the activations of any network as matrices, from this program or another.
//!
//! | file | what |
//! |---|---|
//! | `<layer>_train.npy`, `<layer>_test.npy` | n_samples x units, in the folder or below it; `raw` is the input |
//! | `<layer>_strangers.npy` | the same of points of another kind, which have no labels: all files but these may have them as a part |
//! | `labels_train.npy`, `labels_test.npy` | classes: numbers or names; or `.csv`, `.tsv` or `.txt` where there is no `.npy` |
//! | `softmax_train.npy`, `softmax_test.npy` | the network's probabilities, a column a class, or the one of the second of two; not embedded. Logits become probabilities |
//! | `logits_train.npy`, `logits_test.npy` | its logits, where there is no softmax |
//! | `predictions_train.npy`, `predictions_test.npy` | its predicted classes; else those of softmax or logits |
//! | `confidence_train.npy`, `confidence_test.npy` | the probability of each prediction, as a run writes it, where softmax or logits do not give it |
//! | `output_weights.npy` | weights of the output layer, n_features of the last layer x n_classes; for NC3 |
//! | `class_names.txt` | a name a line, from class 0 on; else the classes are the labels that occur |
//! | `layers.txt` | layers to embed and their order, a name a line; else all, `raw` first, numbers in names by value |
//! | `images_train.npy`, `images_test.npy` | n x height x width, or n x height x width x 3, bytes |
//! | `files_strangers.txt` | the image file of each stranger, a line each |
//!
//! Test part and strangers may be missing as a whole. Files of data that are not read are named in a
//! warning.
//! A training writes such a folder, and any program can.

mod classes;
mod folder;
mod outputs;

use crate::activations::Layer;
use crate::dataset::{self, Images, Source, npy};
use crate::embedding::METHODS;
use crate::error::{Error, Result};
use crate::evaluation::ScoredOn;
use crate::files::write_atomic;
use crate::format::{listed, natural};
use crate::matrix::Matrix;
use crate::model::RAW;
use crate::neighbors::Search;
use crate::record::predictions::{SOFTMAX, write_classes};
use crate::record::{Artifact, RunFolder};
use classes::PartClasses;
pub(super) use classes::too_many_classes;
pub(super) use folder::STRANGERS;
use folder::{LayerFolder, OUTPUT_WEIGHTS, STRANGER_FILES};
use std::path::{Path, PathBuf};

/// Name of the layer that holds the values before the softmax.
const LOGITS: &str = "logits";
/// The layers in the order of the network, a name a line.
const LAYER_NAMES: &str = "layers.txt";
/// The probability of each prediction.
pub(super) const CONFIDENCE: &str = "confidence";

/// One part of the data: training, test or strangers.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The layers to embed, in order.
    pub(super) layers: Vec<Layer>,
    /// The file of each layer.
    paths: Vec<PathBuf>,
    /// One class a row; none of strangers.
    pub(super) labels: Vec<u16>,
    /// Predicted classes of the network, one a row.
    pub(super) predictions: Option<Vec<u16>>,
    /// Probability of each prediction, from 0 to 1.
    pub(super) confidence: Option<Vec<f32>>,
    /// Probabilities of all classes, n x n_classes.
    pub(super) probabilities: Option<Matrix>,
    /// Largest probability of each row, from 0 to 1.
    pub(super) largest: Option<Vec<f32>>,
    /// One image a row.
    pub(super) images: Option<Images>,
    /// One image file a row, of strangers.
    pub(super) image_files: Option<Vec<String>>,
}

impl Part {
    /// Number of points.
    pub(super) fn n(&self) -> usize {
        self.layers.first().map_or(self.labels.len(), |layer| layer.values.n_samples())
    }
}

/// The layers that a run embeds, and their classes.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    pub(super) class_names: Vec<String>,
    pub(super) train: Part,
    pub(super) test: Option<Part>,
    /// Points of another kind than those that the network was trained on.
    pub(super) strangers: Option<Part>,
    /// Weights of the output layer, n_features x n_classes.
    pub(super) output_weights: Option<Matrix>,
    /// Warnings for the user.
    pub(super) warnings: Vec<String>,
    /// The files that were read.
    pub(super) files: Vec<PathBuf>,
}

impl Layers {
    /// Reads such a folder.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file that is missing, malformed or does not fit another.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let found = LayerFolder::of(folder)?;
        let mut reader = Reader { folder, found, first: String::new(), files: Vec::new() };
        let names = reader.names()?;
        reader.first.clone_from(&names[0]);
        let parts = [
            ("train", true),
            ("test", reader.found.has_test()),
            (STRANGERS, reader.found.has_strangers()),
        ];
        let [_, (_, has_test), (_, has_strangers)] = parts;
        let parts: Vec<&str> =
            parts.into_iter().filter_map(|(part, is_there)| is_there.then_some(part)).collect();
        let classes = reader.classes(&parts, &names)?;
        let output_weights = reader.output_weights(classes.n_columns)?;
        let mut warnings: Vec<String> = reader
            .order_note(&names)
            .into_iter()
            .chain(reader.found.left_out())
            .chain(classes.warnings)
            .collect();
        let mut known = classes.parts.into_iter();
        let mut next = |is_there: bool, part: &str, train: Option<&Part>| {
            let known = if is_there { known.next() } else { None };
            known.map(|known| reader.part(part, &names, known, train)).transpose()
        };
        let Some(train) = next(true, "train", None)? else {
            unreachable!("there is a training part")
        };
        let test = next(has_test, "test", Some(&train))?;
        let strangers = next(has_strangers, STRANGERS, Some(&train))?;
        warnings
            .extend(train.layers.iter().filter_map(|layer| layer.values.offsets_note(&layer.name)));
        for (part, of_part) in [("test", &test), (STRANGERS, &strangers)] {
            of_part.iter().try_for_each(|of_part| reader.check_widths(&train, part, of_part))?;
        }
        if test.is_none() {
            warnings.push(
                "there is no test part: nothing is placed in the maps, and k-NN classifies the training points, each without its own vote".into(),
            );
        }
        warnings.extend(missing(
            test.as_ref().unwrap_or(&train),
            if test.is_some() { "test" } else { "train" },
        ));
        let (class_names, files) = (classes.class_names, reader.files);
        Ok(Self { class_names, train, test, strangers, output_weights, warnings, files })
    }

    /// Refuses a layer with a row that has no neighbours by `search`; the error names its file.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub(super) fn check_rows(&self, search: &Search) -> Result<()> {
        for part in std::iter::once(&self.train).chain(&self.test) {
            for (at, (layer, path)) in part.layers.iter().zip(&part.paths).enumerate() {
                let fitted =
                    (!std::ptr::eq(part, &self.train)).then(|| &self.train.layers[at].values);
                search
                    .check(&layer.values, fitted)
                    .map_err(|error| Error::input(path, error.to_string()))?;
            }
        }
        Ok(())
    }

    /// The part whose points k-NN classifies: the test, or else the training,
    /// each without its own vote.
    pub(super) fn scored(&self) -> &Part {
        self.test.as_ref().unwrap_or(&self.train)
    }

    /// Which part that is.
    pub(super) fn scored_on(&self) -> ScoredOn {
        match self.test {
            Some(_) => ScoredOn::Test,
            None => ScoredOn::TrainLeaveOneOut,
        }
    }

    /// Copies everything that later commands need into the folder of the run.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(super) fn write(&self, folder: &mut RunFolder) -> Result<()> {
        for (name, part) in std::iter::once(("train", &self.train))
            .chain(self.test.as_ref().map(|test| ("test", test)))
            .chain(self.strangers.as_ref().map(|strangers| (STRANGERS, strangers)))
        {
            for layer in &part.layers {
                folder.write_matrix(
                    Artifact::Layer { name: &layer.name, part: name },
                    &layer.values,
                )?;
            }
            if name != STRANGERS {
                write_classes(folder, "labels", name, &part.labels)?;
            }
            if let Some(predictions) = &part.predictions {
                write_classes(folder, "predictions", name, predictions)?;
            }
            if let Some(confidence) = &part.confidence {
                let values = Matrix::new(confidence.clone(), confidence.len(), 1)?;
                folder.write_matrix(Artifact::Layer { name: CONFIDENCE, part: name }, &values)?;
            }
            if let Some(images) = &part.images {
                write_images(folder, name, images)?;
            }
            if let Some(files) = &part.image_files {
                write_stranger_files(folder, files)?;
            }
        }
        if let Some(weights) = &self.output_weights {
            folder.write_matrix(Artifact::OutputWeights, weights)?;
        }
        let names: Vec<String> = self.train.layers.iter().map(|layer| layer.name.clone()).collect();
        write_names(folder, &names, &self.class_names)
    }
}

/// Writes the names of the layers to embed, in order, and those of the classes.
///
/// # Errors
/// [`Error::Write`].
pub(super) fn write_names(
    folder: &mut RunFolder,
    layers: &[String],
    class_names: &[String],
) -> Result<()> {
    let layers: Vec<String> = layers.iter().filter(|name| *name != SOFTMAX).cloned().collect();
    for (file, lines) in [(Artifact::LayerNames, &layers[..]), (Artifact::ClassNames, class_names)]
    {
        let text = dataset::names_text(lines);
        write_atomic(&folder.below(file)?, |writer| writer.write_all(text.as_bytes()))?;
        folder.list(file, None, None);
    }
    Ok(())
}

/// Writes the image file of each stranger.
///
/// # Errors
/// [`Error::Write`].
pub(super) fn write_stranger_files(folder: &mut RunFolder, files: &[String]) -> Result<()> {
    let text = dataset::names_text(files);
    let file = Artifact::StrangerFiles;
    write_atomic(&folder.below(file)?, |writer| writer.write_all(text.as_bytes()))?;
    folder.list(file, None, None);
    Ok(())
}

/// Writes the images of a part, n x height x width bytes, or n x height x width x 3 of colour.
///
/// # Errors
/// [`Error::Write`].
pub(super) fn write_images(record: &mut RunFolder, part: &str, images: &Images) -> Result<()> {
    let file = Artifact::Layer { name: "images", part };
    npy::write_images(record.below(file)?, images)?;
    record.list(file, Some(images.array_shape()), Some("uint8"));
    Ok(())
}

fn file(name: &str, part: &str) -> String {
    format!("{name}_{part}.npy")
}

/// Warning about optional files that the folder does not hold.
fn missing(scored: &Part, part: &str) -> Option<String> {
    let things = [
        (scored.images.is_none(), format!("images ({})", file("images", part))),
        (
            scored.predictions.is_none(),
            format!(
                "the network's predictions ({} or {})",
                file(SOFTMAX, part),
                file(LOGITS, part)
            ),
        ),
        (
            scored.predictions.is_some() && scored.confidence.is_none(),
            format!("their probabilities ({} or {})", file(SOFTMAX, part), file(LOGITS, part)),
        ),
    ];
    let missing: Vec<String> =
        things.into_iter().filter(|(missing, _)| *missing).map(|(_, thing)| thing).collect();
    (!missing.is_empty())
        .then(|| format!("not in the folder, and so not on the page: {}", missing.join(", ")))
}

struct Reader<'a> {
    folder: &'a Path,
    found: LayerFolder,
    /// The first layer to embed.
    first: String,
    files: Vec<PathBuf>,
}

impl Reader<'_> {
    /// Notes a file that is read.
    fn path(&mut self, name: impl AsRef<Path>) -> PathBuf {
        let path = self.folder.join(name);
        self.files.push(path.clone());
        path
    }

    /// The file of a layer, or the one that it should have.
    fn layer_path(&self, name: &str, part: &str) -> PathBuf {
        let there = self.found.file(name, part).map(|below| self.folder.join(below));
        there.unwrap_or_else(|| self.folder.join(file(name, part)))
    }

    /// The layers to embed, in order.
    fn names(&mut self) -> Result<Vec<String>> {
        let mut names: Vec<String> = self.found.layers("train").cloned().collect();
        for part in ["test", STRANGERS] {
            if let Some(name) = self.found.layers(part).find(|name| !names.contains(name)) {
                let message = format!("there is no {} beside it", file(name, "train"));
                return Err(Error::input(self.layer_path(name, part), message));
            }
        }
        names.sort_by(|a, b| (a != RAW).cmp(&(b != RAW)).then_with(|| natural(a, b)));
        if self.found.files.contains(LAYER_NAMES) {
            let path = self.path(LAYER_NAMES);
            let given: Vec<String> = dataset::read_names(&path)?
                .into_iter()
                .map(|name| name.replace('/', "_"))
                .collect();
            if let Some((at, name)) =
                given.iter().enumerate().find(|(_, name)| !names.contains(name))
            {
                let message =
                    format!("line {} is `{name}`, but there is no {}", at + 1, file(name, "train"));
                return Err(Error::input(path, message));
            }
            names = given;
        }
        let taken = |name: &&String| {
            METHODS.iter().any(|method| name.starts_with(&format!("{}_", method.name)))
        };
        if let Some(name) = names.iter().find(taken) {
            let message =
                "begins like the map of a method: its results would take each other's file names";
            return Err(Error::input(self.folder.join(file(name, "train")), message));
        }
        if names.is_empty() {
            let message =
                "holds no layer: `<layer>_train.npy`, n_samples x units, is expected for each";
            return Err(Error::input(self.folder, message));
        }
        Ok(names)
    }

    /// The warning that only the alphabet orders the layers, where neither a list nor their numbers
    /// do.
    fn order_note(&self, names: &[String]) -> Option<String> {
        let without_numbers = |name: &str| -> String {
            name.split(|letter: char| letter.is_ascii_digit())
                .filter(|part| !part.is_empty())
                .collect()
        };
        let mut kinds = names.iter().filter(|name| *name != RAW).map(|name| without_numbers(name));
        let first = kinds.next()?;
        let is_alphabetical =
            !self.found.files.contains(LAYER_NAMES) && kinds.any(|kind| kind != first);
        is_alphabetical.then(|| {
            format!(
                "the layers are taken in the order of their names, {}: if the network has another \
                 order, what is said from layer to layer is wrong. A file {LAYER_NAMES} gives its \
                 order, a name a line",
                listed(&names.iter().filter(|name| *name != RAW).collect::<Vec<_>>())
            )
        })
    }

    fn part(
        &mut self,
        part: &str,
        names: &[String],
        known: PartClasses,
        train: Option<&Part>,
    ) -> Result<Part> {
        let PartClasses { n, labels, predictions, confidence, probabilities, largest } = known;
        let mut layers = Vec::with_capacity(names.len());
        let mut paths = Vec::with_capacity(names.len());
        for (at, name) in names.iter().enumerate() {
            let path = self.layer_path(name, part);
            self.files.push(path.clone());
            let fitted = train.map(|train| &train.layers[at].values);
            let values = fitted.map_or_else(
                || npy::read_matrix(&path),
                |fitted| npy::read_matrix_like(&path, fitted),
            )?;
            self.check_rows(&path, "rows", values.n_samples(), part, n)?;
            layers.push(Layer { name: name.clone(), values });
            paths.push(path);
        }
        let images_name = file("images", part);
        let images = if self.found.files.contains(&images_name) {
            let path = self.path(&images_name);
            let images = npy::read_images(&path)?;
            self.check_rows(&path, "images", images.n(), part, n)?;
            Some(images)
        } else {
            None
        };
        let image_files = match part == STRANGERS && self.found.files.contains(STRANGER_FILES) {
            true => {
                let path = self.path(STRANGER_FILES);
                let files = dataset::read_names(&path)?;
                self.check_rows(&path, "lines", files.len(), part, n)?;
                Some(files)
            }
            false => None,
        };
        Ok(Part {
            layers,
            paths,
            labels,
            predictions,
            confidence,
            probabilities,
            largest,
            images,
            image_files,
        })
    }

    /// The weights of the output layer, a column for each of `n_columns` of the output. Whether they
    /// are those of the last layer that is here, its width tells where they are used.
    fn output_weights(&mut self, n_columns: usize) -> Result<Option<Matrix>> {
        if !self.found.files.contains(OUTPUT_WEIGHTS) {
            return Ok(None);
        }
        let path = self.path(OUTPUT_WEIGHTS);
        let weights = npy::read_values(&path)?;
        let (rows, columns) = (weights.n_samples(), weights.n_features());
        if columns != n_columns {
            let message = format!(
                "is {rows} x {columns}, expected n_features x n_classes: {n_columns} columns, one \
                 for each value of the output"
            );
            return Err(Error::input(path, message));
        }
        Ok(Some(weights))
    }

    fn check_rows(
        &self,
        path: &Path,
        what: &str,
        found: usize,
        part: &str,
        n: usize,
    ) -> Result<()> {
        if found == n {
            return Ok(());
        }
        let (of, there) = match part {
            STRANGERS => (self.layer_path(&self.first, part), "rows"),
            _ => (self.folder.join(self.found.labels_file(part)), "labels"),
        };
        Err(Error::input(path, format!("has {found} {what}, but {} has {n} {there}", of.display())))
    }

    fn check_widths(&self, train: &Part, part: &str, of_part: &Part) -> Result<()> {
        let pairs = train.layers.iter().zip(&of_part.layers);
        for (train, other) in pairs {
            let (expected, found) = (train.values.n_features(), other.values.n_features());
            if found != expected {
                let path = self.layer_path(&other.name, part);
                return Err(Error::input(
                    path,
                    format!("has {found} columns, {} has {expected}", file(&train.name, "train")),
                ));
            }
        }
        if let (Some(train), Some(others)) = (&train.images, &of_part.images)
            && train.shape() != others.shape()
        {
            let (found, expected) = (others.size_text(), train.size_text());
            let message =
                format!("has images of {found}, {} of {expected}", file("images", "train"));
            return Err(Error::input(self.folder.join(file("images", part)), message));
        }
        Ok(())
    }
}

/// The files as the manifest lists them.
///
/// # Errors
/// [`Error::Input`].
pub(super) fn sources(files: &[PathBuf]) -> Result<Vec<Source>> {
    files.iter().map(Source::of_file).collect()
}

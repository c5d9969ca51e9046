//! The points of a finished run that are shown outside of its figures, and all that the run knows of them.
//!
//! A run folder may have lost parts: whatever else is there is read, and what is not is said in [`Shown::missing`]. A file that
//! is there but damaged is an error.

use super::finished::complete;
use super::layers::{SOFTMAX, read_classes, read_names, read_predictions};
use super::manifest::{Found, Output};
use super::points::ReportPoints;
use crate::activations::RAW;
use crate::compute::Device;
use crate::dataset::npy;
use crate::error::{Error, Result};
use crate::evaluation::Scores;
use crate::matrix::Matrix;
use crate::neighbors::{NeighborGraph, Search, SearchMethod};
use crate::progress::Observer;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The shown points: those of the training before those of the test, each by rows.
pub(super) struct Shown {
    pub(super) path: PathBuf,
    pub(super) manifest: Found,
    /// The parts that have shown points.
    pub(super) parts: Vec<ShownPart>,
    /// Points of the run.
    pub(super) of: usize,
    /// Which are shown, in words.
    pub(super) which: &'static str,
    pub(super) class_names: Vec<String>,
    /// Spaces in their order, and methods.
    pub(super) spaces: Vec<String>,
    pub(super) methods: Vec<String>,
    /// The class of each point.
    pub(super) labels: Option<Vec<u8>>,
    /// What the network answers to each point.
    pub(super) predictions: Option<Vec<u8>>,
    /// Its softmax for that answer, from 0 to 1.
    pub(super) confidences: Option<Vec<f32>>,
    pub(super) images: Option<ShownImages>,
    /// What the run folder lacks, in sentences.
    pub(super) missing: Vec<String>,
}

/// The shown points of one part.
pub(super) struct ShownPart {
    /// `train` or `test`.
    pub(super) name: &'static str,
    /// Rows in the part's files, ascending.
    pub(super) rows: Vec<usize>,
    /// Points of the part.
    pub(super) of: usize,
}

/// The images of the shown points.
pub(super) struct ShownImages {
    /// Image after image, row after row; red, green and blue of a pixel lie together.
    pub(super) pixels: Vec<u8>,
    pub(super) width: usize,
    pub(super) height: usize,
    /// 1 for grey, 3 for colours.
    pub(super) channels: usize,
}

impl Shown {
    /// Reads which points are shown, their classes and images; spaces and maps are read when they are asked for.
    ///
    /// # Errors
    /// [`Error::Input`] if `path` is no folder of a run of layers, the run is not finished, or a file is damaged.
    pub(super) fn read(path: &Path, points: ReportPoints) -> Result<Self> {
        let (manifest, _) = complete(path)?;
        let Some(scores) = manifest.result::<Vec<Scores>>("knn")? else {
            return Err(Error::input(manifest.path(), "`results.knn` is missing"));
        };
        let outputs: Vec<Output> = manifest.part("outputs")?;
        let size = |part: &str| {
            let labels = outputs.iter().find(|output| output.path == format!("activations/labels_{part}.npy"));
            labels.and_then(|output| output.shape.as_ref()?.first().copied()).unwrap_or(0)
        };
        let [n_train, n_test] = ["train", "test"].map(size);
        let rows = points.rows(n_train, n_test, manifest.part("seed")?);
        if rows.is_empty() {
            return Err(Error::input(manifest.path(), "`outputs` lists no labels of any points"));
        }
        let which = points.words(&rows);
        let parts = [("train", rows.train, n_train), ("test", rows.test, n_test)];
        let parts = parts.into_iter().map(|(name, rows, of)| ShownPart { name, rows, of });
        let mut shown = Self {
            path: path.to_owned(),
            parts: parts.filter(|part| !part.rows.is_empty()).collect(),
            of: n_train + n_test,
            which,
            class_names: Vec::new(),
            spaces: distinct(scores.iter().map(|row| &row.space)),
            methods: distinct(scores.iter().filter_map(|row| row.method.as_ref())),
            labels: None,
            predictions: None,
            confidences: None,
            images: None,
            missing: Vec::new(),
            manifest,
        };
        shown.read_classes()?;
        shown.read_predictions()?;
        shown.read_images()?;
        Ok(shown)
    }

    /// Number of shown points.
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.rows.len()).sum()
    }

    /// The shown points in a space, n x n_features; none, which is noted, if it is not kept.
    ///
    /// # Errors
    /// [`Error::Input`] if a file is damaged.
    pub(super) fn space(&mut self, space: &str) -> Result<Option<Matrix>> {
        self.stacked(|part| format!("activations/{space}_{part}.npy"), &format!("the space {space} is left out"))
    }

    /// Places of the shown points in a method's map of a space, n x 2; none, which is noted, if it is not kept.
    ///
    /// # Errors
    /// [`Error::Input`] if a file is damaged.
    pub(super) fn map(&mut self, space: &str, method: &str) -> Result<Option<Matrix>> {
        let lost = format!("the map of {space} by {method} is left out");
        self.stacked(|part| format!("embeddings/{method}_{space}_{part}.npy"), &lost)
    }

    /// The `n_neighbors` nearest of the shown points to each in a space of all dimensions, or all others if there are fewer, by
    /// the run's metric; none for a single point.
    ///
    /// # Errors
    /// As [`Search::nearest_neighbors`].
    pub(super) fn neighbors(
        &self,
        device: &Device,
        x: &Matrix,
        n_neighbors: usize,
        observer: &dyn Observer,
    ) -> Result<Option<NeighborGraph>> {
        let k = n_neighbors.min(x.n_samples().saturating_sub(1));
        if k == 0 {
            return Ok(None);
        }
        let config: Value = self.manifest.part("config")?;
        let search: Search = serde_json::from_value(config["neighbors"].clone()).unwrap_or_default();
        let search = Search { method: SearchMethod::Exact, ..search };
        search.nearest_neighbors(device, x, k, observer).map(Some)
    }

    fn read_classes(&mut self) -> Result<()> {
        let mut labels = Vec::with_capacity(self.len());
        for part in &self.parts {
            let name = format!("activations/labels_{}.npy", part.name);
            let path = self.path.join(&name);
            if !path.exists() {
                self.missing.push(format!("{name} is missing: classes are left out"));
                break;
            }
            let all = read_classes(&path)?;
            check_rows(&path, all.len(), part.of)?;
            labels.extend(part.rows.iter().map(|&row| all[row]));
        }
        self.labels = (labels.len() == self.len()).then_some(labels);
        let name = "activations/class_names.txt";
        let path = self.path.join(name);
        if path.exists() {
            self.class_names = read_names(&path)?;
        } else {
            self.missing.push(format!("{name} is missing: the classes are numbered"));
        }
        Ok(())
    }

    fn read_predictions(&mut self) -> Result<()> {
        let folder = self.path.join("activations");
        let mut predictions = Vec::with_capacity(self.len());
        for part in &self.parts {
            match read_predictions(&folder, part.name, part.of)? {
                Some(all) => predictions.extend(part.rows.iter().map(|&row| all[row])),
                None => {
                    let lost =
                        "neither softmax_{}.npy nor predictions_{}.npy is in activations: what the network answers is left out";
                    self.missing.push(lost.replace("{}", part.name));
                    break;
                }
            }
        }
        self.predictions = (predictions.len() == self.len()).then_some(predictions);
        self.check_names()?;
        let Some(predictions) = self.predictions.take() else { return Ok(()) };
        let lost = "how certain the network is, is left out";
        if let Some(softmax) = self.stacked(|part| format!("activations/{SOFTMAX}_{part}.npy"), lost)? {
            let column = |(row, &class): (&[f32], &u8)| row.get(usize::from(class)).copied().map(|value| value.clamp(0.0, 1.0));
            self.confidences = softmax.rows().zip(&predictions).map(column).collect();
        }
        self.predictions = Some(predictions);
        Ok(())
    }

    /// Numbers the classes if they have no names, and refuses classes that have none otherwise.
    fn check_names(&mut self) -> Result<()> {
        let largest = self.labels.iter().chain(&self.predictions).flatten().max();
        let needed = largest.map_or(0, |&class| usize::from(class) + 1);
        if self.class_names.is_empty() {
            self.class_names = (0..needed).map(|class| class.to_string()).collect();
        }
        if needed <= self.class_names.len() {
            return Ok(());
        }
        let path = self.path.join("activations/class_names.txt");
        Err(Error::input(path, format!("names {} classes, but there is a class {}", self.class_names.len(), needed - 1)))
    }

    fn read_images(&mut self) -> Result<()> {
        let config: Value = self.manifest.part("config")?;
        let input = serde_json::from_value::<[usize; 3]>(config["model"]["input"].clone());
        let Ok([height, width, channels @ (1 | 3)]) = input else {
            self.missing.push("the run does not know its points as images: they are left out".into());
            return Ok(());
        };
        let file = |part: &str| format!("activations/{RAW}_{part}.npy");
        let Some(raw) = self.stacked(file, "images are left out")? else { return Ok(()) };
        if raw.n_features() != height * width * channels {
            let message = format!("has {} columns, expected images of {height} x {width} x {channels}", raw.n_features());
            return Err(Error::input(self.path.join(file(self.parts[0].name)), message));
        }
        let pixels = raw.as_slice().iter().map(|&value| (value * 255.0).round().clamp(0.0, 255.0) as u8).collect();
        self.images = Some(ShownImages { pixels, width, height, channels });
        Ok(())
    }

    /// The rows of the shown points in the files of their parts, one below the other; none if a file is missing, which is noted
    /// with what is lost by it.
    fn stacked(&mut self, file: impl Fn(&str) -> String, lost: &str) -> Result<Option<Matrix>> {
        let (mut data, mut width) = (Vec::new(), 0);
        for part in &self.parts {
            let path = self.path.join(file(part.name));
            if !path.exists() {
                let sentence = format!("{} is missing: {lost}", file(part.name));
                if !self.missing.contains(&sentence) {
                    self.missing.push(sentence);
                }
                return Ok(None);
            }
            let all = npy::read_matrix(&path)?;
            check_rows(&path, all.n_samples(), part.of)?;
            if width != 0 && all.n_features() != width {
                let (found, first) = (all.n_features(), file(self.parts[0].name));
                return Err(Error::input(&path, format!("has {found} columns, {first} has {width}")));
            }
            width = all.n_features();
            data.extend(part.rows.iter().flat_map(|&row| all.row(row)));
        }
        Matrix::new(data, self.len(), width).map(Some)
    }
}

fn check_rows(path: &Path, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::input(path, format!("has {found} rows, expected the {expected} of the run")))
}

fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for name in names {
        if !kept.contains(name) {
            kept.push(name.clone());
        }
    }
    kept
}

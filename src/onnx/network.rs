//! A network from an ONNX file, ready to give the values of its layers.

use super::form::Tokens;
use super::layers::{LayerChoice, NetworkLayer, Output};
use super::learned::Learned;
use super::plan::Plan;
use super::preprocessing::{ImageSize, Preprocessing};
use super::{Engine, Parsed};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Bytes that the values of a network may take at a time, if one batch does not take more.
pub const MEMORY: usize = 1 << 30;
/// Bytes that those of a batch may take, if one image does not take more.
const BATCH_BYTES: usize = 64 << 20;
/// Images of a batch, at most: more are no faster.
const MAX_BATCH: usize = 16;

/// What is taken of a network, and how images are prepared for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkOptions {
    /// The layers.
    pub layers: LayerChoice,
    /// What is kept of tokens.
    pub tokens: Tokens,
    /// Preparation of the images.
    pub preprocessing: Preprocessing,
    /// Size of the images before it; those that the network takes if nothing is said.
    pub image: Option<ImageSize>,
}

/// An ONNX file that was read, and whose graph was checked.
pub struct NetworkFile(Parsed);

impl NetworkFile {
    /// Reads the file.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file and what is wrong with it; [`Error::Feature`] in a build
    /// without the feature `onnx`.
    pub fn read(path: &Path) -> Result<Self> {
        Parsed::read(path).map(Self)
    }

    /// Side of a square of pixels out of which the input can be cut: the longer side to which
    /// images are scaled; `None` if the network takes images of any size and nothing says one.
    pub fn side(&self, preprocessing: &Preprocessing) -> Option<usize> {
        Plan::new(preprocessing, &self.0.graph().input, None).ok().map(|plan| plan.side())
    }

    /// Runs the network once, on black images, to learn the sizes of its values.
    ///
    /// # Errors
    /// As [`Network::open`].
    pub fn open(self, options: &NetworkOptions) -> Result<Network> {
        Network::of_file(self.0, options)
    }
}

/// A network from a file.
pub struct Network {
    path: PathBuf,
    files: Vec<PathBuf>,
    engine: Engine,
    plan: Plan,
    layers: Vec<NetworkLayer>,
    output: Output,
    /// Images of a batch, all of them or at most so many.
    batch: usize,
    /// Batches that are computed at the same time.
    n_workers: usize,
    is_fixed: bool,
    notes: Vec<String>,
    warnings: Vec<String>,
}

/// The values of some images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Of each layer that is taken what is kept of every image, n x width.
    pub layers: Vec<Vec<f32>>,
    /// The answers, n x width.
    pub output: Vec<f32>,
}

impl Network {
    /// Reads the network and runs it once, on black images, to learn the sizes of its values.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file, and the node, operator or value that is at fault;
    /// [`Error::Parameter`] for settings out of range and for a layer that is not there;
    /// [`Error::Feature`] in a build without the feature `onnx`.
    pub fn open(path: &Path, options: &NetworkOptions) -> Result<Self> {
        NetworkFile::read(path)?.open(options)
    }

    fn of_file(parsed: Parsed, options: &NetworkOptions) -> Result<Self> {
        let path = parsed.path().to_owned();
        let graph = parsed.graph().clone();
        let (files, warnings) = (parsed.files(), parsed.warnings().to_vec());
        let of_file = |error: Error| error.of_file(&path);
        let plan =
            Plan::new(&options.preprocessing, &graph.input, options.image).map_err(of_file)?;
        let engine = Engine::new(parsed)?;
        let learned = Learned::of(&engine, &graph, &plan).map_err(of_file)?;
        let (layers, output) = learned.layers(options.tokens, &options.layers).map_err(of_file)?;
        let is_fixed = learned.is_fixed();
        let bytes = learned.bytes_of_image().max(1);
        let batch = if is_fixed { learned.n() } else { (BATCH_BYTES / bytes).clamp(1, MAX_BATCH) };
        let n_workers = (MEMORY / (batch * bytes)).clamp(1, engine.n_workers());
        let mut notes: Vec<String> = plan.note().into_iter().collect();
        if is_fixed {
            notes.push(match batch {
                1 => format!("{} takes one image at a time: slower than a batch", path.display()),
                n => format!("{} takes {n} images at a time", path.display()),
            });
        }
        Ok(Self {
            path,
            files,
            engine,
            plan,
            layers,
            output,
            batch,
            n_workers,
            is_fixed,
            notes,
            warnings,
        })
    }

    /// The layers in order, taken or not.
    pub fn layers(&self) -> &[NetworkLayer] {
        &self.layers
    }

    /// The layers that are taken.
    pub fn taken(&self) -> impl Iterator<Item = &NetworkLayer> {
        self.layers.iter().filter(|layer| layer.is_taken)
    }

    /// The answer.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// Images that it takes.
    pub fn image(&self) -> ImageSize {
        self.plan.to
    }

    /// Number of parameters.
    pub fn n_parameters(&self) -> usize {
        self.output.n_parameters + self.layers.iter().map(|layer| layer.n_parameters).sum::<usize>()
    }

    /// Multiply-accumulate operations for an image.
    pub fn macs(&self) -> u64 {
        self.output.macs + self.layers.iter().map(|layer| layer.macs).sum::<u64>()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file, and those with weights beside it.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// What the user should know of the preparation and the speed.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Warnings for the user.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Number of images of a batch: where a batch begins decides on the last digits of its values,
    /// so all but the last of the images that [`Self::run`] takes are a multiple of it.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Number of images that are computed at the same time.
    pub fn at_once(&self) -> usize {
        self.batch * self.n_workers
    }

    /// Computes the layers that are taken, and the answers, for at most [`Self::at_once`] images:
    /// the bytes of each, row after row, the channels of a pixel together. The values do not depend
    /// on the number of threads.
    ///
    /// # Errors
    /// [`Error::Input`] if the network fails on them.
    ///
    /// # Panics
    /// If there are more images, or one has another size than [`NetworkOptions::image`].
    pub fn run(&self, images: &[&[u8]]) -> Result<Batch> {
        let batches: Vec<&[&[u8]]> = images.chunks(self.batch).collect();
        assert!(batches.len() <= self.n_workers, "more images than are computed at once");
        let of_batches = std::thread::scope(|scope| {
            let work = |(worker, images)| scope.spawn(move || self.run_batch(worker, images));
            let running: Vec<_> = batches.into_iter().enumerate().map(work).collect();
            let joined = running.into_iter().map(|thread| match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            joined.collect::<Result<Vec<Batch>>>()
        })?;
        let mut all = Batch { layers: vec![Vec::new(); self.taken().count()], ..Batch::default() };
        for batch in of_batches {
            for (layer, values) in all.layers.iter_mut().zip(batch.layers) {
                layer.extend(values);
            }
            all.output.extend(batch.output);
        }
        Ok(all)
    }

    fn run_batch(&self, worker: usize, images: &[&[u8]]) -> Result<Batch> {
        let mut values = Vec::with_capacity(self.batch * self.plan.size());
        images.iter().for_each(|image| self.plan.prepare(image, &mut values));
        let wanted = images.len();
        let n = if self.is_fixed { self.batch } else { wanted };
        values.resize(n * self.plan.size(), 0.0);
        let placed = self.taken().map(|layer| (&layer.value, &layer.placed));
        let placed: Vec<_> = placed.chain([(&self.output.value, &self.output.placed)]).collect();
        let names: Vec<String> = placed.iter().map(|(value, _)| (*value).clone()).collect();
        let found = self.engine.run(worker, &self.plan.batch(n), values, &names)?;
        let mut rows = Vec::new();
        for ((value, placed), found) in placed.iter().zip(&found) {
            let mut of_value = Vec::with_capacity(wanted * placed.width());
            placed.add_rows(found, n, wanted, &mut of_value).map_err(|error| {
                Error::input(&self.path, format!("the value `{value}` {error}"))
            })?;
            rows.push(of_value);
        }
        let output = rows.pop().unwrap_or_default();
        Ok(Batch { layers: rows, output })
    }
}

//! The layers of a network of another program: its test, and the activations of all its layers,
//! batch after batch. What is computed of a part goes into one file until the part is whole, so that
//! a run that was stopped goes on after its last batch.

use crate::dataset::Images;
use crate::error::{Error, Result};
use crate::files::create_folder;
use crate::format::listed;
use crate::matrix::Matrix;
use crate::model::RAW;
use crate::onnx::{Answers, Batch, Network, near_chance};
use crate::progress::Observer;
use crate::record::predictions::{SOFTMAX, write_classes};
use crate::record::{Artifact, Inference, Stage};
use crate::run::given_network::PreparedNetwork;
use crate::run::layers::{STRANGERS, write_images, write_names, write_stranger_files};
use crate::run::session::Session;
use crate::training::Performance;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Tests the network, and takes the activations of its layers, with the images and labels of their
/// points.
pub(in crate::run) fn activations_of_given_network(
    session: &mut Session<'_>,
    prepared: &PreparedNetwork,
) -> Result<()> {
    session.stage(Stage::TestOfWeights, |session, observer| {
        session.on_cpu();
        prepared.network.notes().iter().for_each(|note| session.reporter.note(note));
        let answers = write_labelled(session, prepared, observer, "test")?;
        session.record.results_mut().n_parameters = Some(prepared.network.n_parameters());
        match answers {
            Some(answers) => test(session, prepared, &answers),
            None => Ok(()),
        }
    })?;
    if let Some(strangers) = &prepared.strangers {
        session.stage(Stage::StrangerActivations, |session, observer| {
            session.on_cpu();
            let images = &strangers.images;
            let part = Part { name: STRANGERS, images: &images.images, rows: &strangers.rows };
            part.write(session, prepared, observer)?;
            match &images.files {
                Some(files) => write_stranger_files(session.record, files),
                None => Ok(()),
            }
        })?;
    }
    let finished = session.stage(Stage::Activations, |session, observer| {
        session.on_cpu();
        write_labelled(session, prepared, observer, "train")?;
        let spaces = prepared.spaces().into_iter().map(|(name, _)| name.to_owned());
        write_names(session.record, &spaces.collect::<Vec<_>>(), &prepared.data.class_names)
    })?;
    if finished.is_some() {
        // The folder held what was under way, and nothing else.
        let _ = std::fs::remove_dir(Artifact::Checkpoints.of(session.record.path()));
    }
    Ok(())
}

/// Says at once how well the network does: images that were prepared wrongly show in it.
fn test(session: &mut Session<'_>, prepared: &PreparedNetwork, answers: &Answers) -> Result<()> {
    let labels = &prepared.test.labels;
    let n_classes = prepared.data.class_names.len();
    let (accuracy, loss) = answers.accuracy_and_loss(labels);
    let n = labels.len();
    session.reporter.note(&format!(
        "the network classifies {:.2} % of {n} test images rightly",
        100.0 * accuracy
    ));
    if near_chance(accuracy, n_classes) {
        let warning = format!(
            "the network classifies {:.2} % of the test images rightly, hardly more than guesses \
             among {n_classes} classes: is its `Preprocessing::mean`, `Preprocessing::std` or \
             `Preprocessing::preset` another, or the order of its classes? Here it is {}",
            100.0 * accuracy,
            listed(&prepared.data.class_names)
        );
        session.reporter.note(&warning);
        session.record.warn(warning);
    }
    session.record.results_mut().test =
        Some(Performance { loss: loss as f32, accuracy: accuracy as f32 });
    Ok(())
}

/// Writes everything of a part with labels, and gives the answers if they are about the classes.
fn write_labelled(
    session: &mut Session<'_>,
    prepared: &PreparedNetwork,
    observer: &dyn Observer,
    name: &str,
) -> Result<Option<Answers>> {
    let (samples, rows) = if name == "train" {
        (&prepared.train, &prepared.train_rows)
    } else {
        (&prepared.test, &prepared.test_rows)
    };
    let part = Part { name, images: &samples.images, rows };
    let answers = part.write(session, prepared, observer)?;
    write_classes(session.record, "labels", name, &samples.labels)?;
    Ok(answers)
}

/// Images whose layers are taken.
struct Part<'a> {
    /// `train`, `test` or `strangers`.
    name: &'a str,
    images: &'a Images,
    /// Their rows in the data.
    rows: &'a [usize],
}

impl Part<'_> {
    /// Writes images and layers, and gives the answers if they are about the classes.
    fn write(
        &self,
        session: &mut Session<'_>,
        prepared: &PreparedNetwork,
        observer: &dyn Observer,
    ) -> Result<Option<Answers>> {
        let &Self { name: part, images, rows } = self;
        let n = images.n();
        let network = &prepared.network;
        let path = Artifact::Checkpoints.of(session.record.path()).join(format!("{part}.f32"));
        let unfinished = Unfinished::open(path, network)?;
        let start = Instant::now();
        let before = unfinished.n;
        let unfinished = unfinished.finish(network, images, observer)?;
        if part == "test" && before == 0 {
            let seconds = start.elapsed().as_secs_f64();
            session.record.results_mut().inference = Some(Inference { n, seconds });
        }
        let Batch { layers, output } = unfinished.read(network, n)?;
        let record = &mut *session.record;
        if prepared.has_raw {
            record.write_matrix(Artifact::Layer { name: RAW, part }, &images.features())?;
        }
        for (layer, values) in network.taken().zip(layers) {
            let values = Matrix::new(values, n, layer.width)
                .map_err(|error| Error::Data(format!("activations of {}: {error}", layer.name)))
                .map_err(|error| error.of_file(network.path()))?;
            record.write_matrix(Artifact::Layer { name: &layer.name, part }, &values)?;
        }
        let answers = prepared.has_classes.then(|| Answers::new(&output, network.output().width));
        if let Some(answers) = &answers {
            let values = answers.probabilities.clone();
            let values = Matrix::new(values, n, answers.n_classes)
                .map_err(|error| error.of_file(network.path()))?;
            record.write_matrix(Artifact::Layer { name: SOFTMAX, part }, &values)?;
        }
        let rows: Vec<u32> = rows.iter().map(|&row| row as u32).collect();
        record.write_numbers(Artifact::Layer { name: "rows", part }, &rows)?;
        write_images(record, part, images)?;
        unfinished.remove();
        Ok(answers)
    }
}

/// The values of a part as far as they are computed: of each image all layers, then the answer.
struct Unfinished {
    path: PathBuf,
    /// Images that are there.
    n: usize,
}

impl Unfinished {
    /// What an earlier process left: whole batches, since the place of an image in its batch
    /// decides on the last digits.
    fn open(path: PathBuf, network: &Network) -> Result<Self> {
        let left = path.metadata().map_or(0, |metadata| metadata.len());
        let images = (left / bytes_of_row(network)) as usize;
        Ok(Self { path, n: images / network.batch() * network.batch() })
    }

    /// Computes the values of all other images.
    fn finish(
        mut self,
        network: &Network,
        images: &Images,
        observer: &dyn Observer,
    ) -> Result<Self> {
        let failed = |error| Error::write(&self.path, error);
        create_folder(self.path.parent().unwrap_or(Path::new("")))?;
        let file = OpenOptions::new().create(true).append(true).open(&self.path).map_err(failed)?;
        file.set_len(self.n as u64 * bytes_of_row(network)).map_err(failed)?;
        let mut file = BufWriter::new(file);
        let (start, before) = (Instant::now(), self.n);
        let mut n = self.n;
        let all = images.n();
        while n < all {
            let speed = (n - before) as f64 / start.elapsed().as_secs_f64().max(1e-9);
            let figures = [("images a second", speed)];
            let figures = if n > before { &figures[..] } else { &[] };
            observer.step(n as u64, all as u64, figures)?;
            let end = all.min(n + network.at_once());
            let rows: Vec<&[u8]> = (n..end).map(|row| images.image(row)).collect();
            let batch = network.run(&rows)?;
            write_rows(&mut file, network, &batch, end - n).map_err(failed)?;
            n = end;
        }
        self.n = n;
        Ok(self)
    }

    /// The values of `n` images, layer by layer.
    fn read(&self, network: &Network, n: usize) -> Result<Batch> {
        let failed = |error: std::io::Error| {
            Error::input(&self.path, format!("cannot be read back: {error}"))
        };
        let mut file = BufReader::with_capacity(1 << 20, File::open(&self.path).map_err(failed)?);
        let widths = widths(network);
        let mut all: Vec<Vec<f32>> =
            widths.iter().map(|width| Vec::with_capacity(n * width)).collect();
        let mut bytes = vec![0; bytes_of_row(network) as usize];
        for _ in 0..n {
            file.read_exact(&mut bytes).map_err(failed)?;
            let mut values = bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
            for (of_layer, &width) in all.iter_mut().zip(&widths) {
                of_layer.extend(values.by_ref().take(width));
            }
        }
        let output = all.pop().unwrap_or_default();
        Ok(Batch { layers: all, output })
    }

    fn remove(self) {
        // What stays is written over, and is no part of the run.
        let _ = std::fs::remove_file(self.path);
    }
}

/// Number of values of each layer for an image, and of the answer.
fn widths(network: &Network) -> Vec<usize> {
    network.taken().map(|layer| layer.width).chain([network.output().width]).collect()
}

fn bytes_of_row(network: &Network) -> u64 {
    widths(network).iter().map(|&width| (width * size_of::<f32>()) as u64).sum()
}

fn write_rows(
    file: &mut BufWriter<File>,
    network: &Network,
    batch: &Batch,
    n: usize,
) -> std::io::Result<()> {
    let parts = batch.layers.iter().chain([&batch.output]).zip(widths(network));
    let parts: Vec<(&Vec<f32>, usize)> = parts.collect();
    for row in 0..n {
        for &(part, width) in &parts {
            for value in &part[row * width..][..width] {
                file.write_all(&value.to_le_bytes())?;
            }
        }
    }
    file.flush()
}

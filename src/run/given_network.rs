//! Data and network of a run that looks into a network of another program: checked against each
//! other, and what the manifest says of them.

use super::job::GivenNetwork;
use super::strangers;
use crate::compute::Description;
use crate::dataset::{Dataset, Request, Samples, Source, Unlabelled};
use crate::embedding::METHODS;
use crate::error::{Error, Result};
use crate::model::RAW;
use crate::onnx::{ImageSize, Network, NetworkFile, NetworkOptions};
use crate::progress::Reporter;
use crate::random::Random;
use crate::record::{Destination, Opening, RunFolder};
use serde_json::json;

/// Stream of the random numbers that choose a sample.
const SAMPLE_STREAM: u64 = 0x6f6e_6e78;
/// Values of an image, at most, that are a space of their own: of larger images the distances say
/// little, and their search takes longer than all layers together.
const MOST_RAW: usize = 4096;

/// Data and network of a run, after all checks.
pub(super) struct PreparedNetwork {
    pub(super) data: Dataset,
    pub(super) train: Samples,
    pub(super) test: Samples,
    /// Rows of the data that they are.
    pub(super) train_rows: Vec<usize>,
    pub(super) test_rows: Vec<usize>,
    /// What is taken of the strangers, if there are any.
    pub(super) strangers: Option<SampledStrangers>,
    pub(super) network: Network,
    /// `true` if the answers are about the classes of the data.
    pub(super) has_classes: bool,
    /// `true` if the pixels are a space of their own.
    pub(super) has_raw: bool,
}

/// Strangers that are taken.
pub(super) struct SampledStrangers {
    /// As they were asked for.
    asked: String,
    pub(super) images: Unlabelled,
    /// Their rows among all strangers.
    pub(super) rows: Vec<usize>,
}

impl PreparedNetwork {
    /// Opens data and network.
    ///
    /// # Errors
    /// As [`Dataset::open`] and [`Network::open`]; [`Error::Parameter`] for an empty sample, and
    /// for a layer whose files would be those of a method's maps.
    pub(super) fn open(data: &Request, given: &GivenNetwork, seed: u64) -> Result<Self> {
        let file = NetworkFile::read(&given.file)?;
        let common_side = file.side(&given.preprocessing);
        let data = Dataset::open(&Request { common_side, ..data.clone() })?;
        if given.sample == Some(0) {
            return Err(Error::parameter("sample", 0, "at least 1"));
        }
        let train_rows = sampled(data.train.len(), given.sample, seed);
        let test_rows = sampled(data.test.len(), given.sample, seed);
        let (train, test) = (data.train.select(&train_rows), data.test.select(&test_rows));
        let images = &data.train.images;
        let [height, width, channels] = images.shape();
        let image = ImageSize { height, width, channels };
        let options = NetworkOptions {
            layers: given.layers.clone(),
            tokens: given.token,
            preprocessing: given.preprocessing.clone(),
            image: Some(image),
        };
        let network = file.open(&options)?;
        check_names(&network)?;
        let classes = data.class_names.len();
        let answers = network.output().width;
        let has_classes = answers == classes || (answers == 1 && classes == 2);
        let has_raw = images.n_values() <= MOST_RAW;
        let mut prepared = Self {
            data,
            train,
            test,
            train_rows,
            test_rows,
            strangers: None,
            network,
            has_classes,
            has_raw,
        };
        let warnings = prepared.warnings(given);
        prepared.data.warnings.extend(warnings);
        Ok(prepared)
    }

    /// What is said of the network and of what is left out.
    fn warnings(&self, given: &GivenNetwork) -> Vec<String> {
        let (data, network) = (&self.data, &self.network);
        let mut warnings = network.warnings().to_vec();
        if !self.has_classes {
            warnings.push(format!(
                "{} answers with {} values, the data have {} classes: there is no accuracy and no \
                 confusion matrix of the network itself",
                given.file.display(),
                network.output().width,
                data.class_names.len()
            ));
        }
        if let Some(n) = given.sample.filter(|&n| n < data.train.len() || n < data.test.len()) {
            warnings.push(format!(
                "a sample of at most {n} images of each part, drawn by the seed: {} of {} training \
                 and {} of {} test images",
                self.train.len(),
                data.train.len(),
                self.test.len(),
                data.test.len()
            ));
        }
        if !self.has_raw {
            warnings.push(format!(
                "the pixels are no space of their own: an image has {} values, at most {MOST_RAW} \
                 are embedded",
                data.train.images.n_values()
            ));
        }
        warnings
    }

    /// The same with strangers, if any are asked for, sampled as the data are; what is said of them
    /// goes to the warnings of the data, which were read by `request`.
    ///
    /// # Errors
    /// As [`Unlabelled::open`].
    pub(super) fn with_strangers(
        mut self,
        asked: Option<&str>,
        request: &Request,
        given: &GivenNetwork,
        seed: u64,
    ) -> Result<Self> {
        let Some(asked) = asked else { return Ok(self) };
        let all = strangers::read(asked, request, &mut self.data)?;
        let rows = sampled(all.images.n(), given.sample, seed);
        if rows.len() < all.images.n() {
            self.data.warnings.push(format!(
                "strangers: a sample, drawn by the seed: {} of {} images",
                rows.len(),
                all.images.n()
            ));
        }
        let images = all.select(&rows);
        self.strangers = Some(SampledStrangers { asked: asked.into(), images, rows });
        Ok(self)
    }

    /// Name and width of each space, in order.
    pub(super) fn spaces(&self) -> Vec<(&str, usize)> {
        let raw = self.has_raw.then(|| (RAW, self.train.images.n_values()));
        let layers = self.network.taken().map(|layer| (layer.name.as_str(), layer.width));
        raw.into_iter().chain(layers).collect()
    }

    /// What the manifest says of data and network.
    ///
    /// # Errors
    /// As [`Source::of_file`].
    pub(super) fn opening(
        &self,
        data: &Request,
        given: &GivenNetwork,
        seed: u64,
        description: &Description,
    ) -> Result<Opening> {
        let mut inputs = self.data.sources.clone();
        for file in self.network.files() {
            inputs.push(Source::of_file(file)?);
        }
        let mut config = json!({
            "dataset": data.dataset,
            "data": data,
            "split": { "train": self.train.len(), "test": self.test.len() },
            "network": given,
            "looked_into": self.network.taken().collect::<Vec<_>>(),
        });
        if let Some(strangers) = &self.strangers {
            config["strangers"] = json!(strangers.asked);
        }
        Ok(Opening { seed, config, device: description.clone(), inputs })
    }

    /// The record of a run that opens so.
    ///
    /// # Errors
    /// As [`RunFolder::open`].
    pub(super) fn record(
        &self,
        to: &Destination,
        opening: Opening,
        reporter: &dyn Reporter,
    ) -> Result<RunFolder> {
        let mut folder = RunFolder::open(to, &self.data.name, opening, reporter)?;
        if folder.manifest.stages.is_empty() && !self.data.warnings.is_empty() {
            folder.manifest.warnings.extend(self.data.warnings.clone());
            folder.save()?;
        }
        Ok(folder)
    }
}

/// Refuses a layer whose files would be those of a method's maps.
fn check_names(network: &Network) -> Result<()> {
    let begins = |name: &str| METHODS.iter().any(|it| name.starts_with(&format!("{}_", it.name)));
    match network.taken().find(|layer| begins(&layer.name)) {
        None => Ok(()),
        Some(layer) => {
            let expected = "no name that begins like the map of a method: the results would take \
                            each other's file names";
            Err(Error::parameter("layers", &layer.name, expected))
        }
    }
}

/// Rows of a sample of `n`, ascending.
fn sampled(n: usize, sample: Option<usize>, seed: u64) -> Vec<usize> {
    let mut rows = match sample.filter(|&sample| sample < n) {
        Some(sample) => Random::new(seed, SAMPLE_STREAM).permutation(n)[..sample].to_vec(),
        None => (0..n).collect(),
    };
    rows.sort_unstable();
    rows
}

//! Parameters and result of a run.

use crate::clustering::{ClusterMethod, k_means};
use crate::dataset::{self, Request, Source};
use crate::embedding::init::Init;
use crate::embedding::{METHODS, Method};
use crate::error::Result;
use crate::neighbors::Search;
use crate::onnx::{LayerChoice, Preprocessing, Tokens};
use crate::parameters::Parameter;
use crate::progress::Reporter;
use crate::recipe::Blueprint;
use crate::record::{Artifact, Destination, ReportPoints, Results, RunFolder};
use crate::training::{EpochChoice, Training};
use serde::Serialize;
use std::path::PathBuf;

/// A method and the parameters that were set for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MethodChoice {
    /// Name in the registry.
    pub name: String,
    /// Parameters, the others at their defaults.
    pub parameters: toml::Table,
}

impl MethodChoice {
    /// The file that the method starts from, if it does.
    pub(super) fn source(&self) -> Result<Option<Source>> {
        match self
            .parameters
            .get("init")
            .and_then(toml::Value::as_str)
            .map(|init| Init::from(init.to_owned()))
        {
            Some(Init::File(path)) => Source::of_file(path).map(Some),
            _ => Ok(None),
        }
    }
}

/// The files that methods start from.
pub(super) fn starts(methods: &[MethodChoice]) -> Result<Vec<Source>> {
    methods.iter().filter_map(|method| method.source().transpose()).collect()
}

/// The command `run`.
#[derive(Clone, Debug)]
pub struct Run {
    /// Data, model and training.
    pub train: TrainRun,
    /// Weights to use instead of training.
    pub model: Option<PathBuf>,
    /// A network of another program to look into instead of training; of `train` only data, seed,
    /// folder and command line count then.
    pub network: Option<GivenNetwork>,
    /// A folder of layers to embed instead, from any program; of `train` only seed, folder and
    /// command line count then.
    pub activations: Option<PathBuf>,
    /// Images of another kind than the data, which the layers should notice: a folder of images, a
    /// file of them, or the name of a data set. Given layers have theirs in their folder.
    pub strangers: Option<String>,
    /// Methods to embed with.
    pub methods: Vec<MethodChoice>,
    /// Parameters of the neighbour search.
    pub search: Search,
    /// Clustering methods for every space, applied to the test points if there are any.
    pub clusters: Vec<ClusterMethod>,
    /// `true` to fit a linear probe to shuffled labels of each layer as well.
    pub probe_control: bool,
    /// The points that the report shows.
    pub report_points: ReportPoints,
    /// Epochs of the training whose maps are made too, of the points of the report, if they are
    /// wanted.
    pub epochs_to_embed: Option<EpochChoice>,
}

impl Run {
    /// The study of given layers, as the command line does it unless told otherwise: all methods,
    /// exact neighbours, k-means clusters. `activations` is the folder of the layers.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) if a default is refused.
    pub fn of_activations(activations: PathBuf, seed: u64, to: Destination) -> Result<Self> {
        let seeded = |parameters: &[Parameter]| {
            let name = "random_state";
            let is_seed = |parameter: &Parameter| parameter.name == name;
            let seed = toml::Value::Integer(seed as i64);
            parameters.iter().any(is_seed).then(|| (name.to_owned(), seed)).into_iter().collect()
        };
        let method = |method: &&Method| MethodChoice {
            name: method.name.into(),
            parameters: seeded(method.parameters),
        };
        Ok(Self {
            train: TrainRun {
                data: Request::default(),
                architecture: Blueprint::mlp(&[]),
                training: Training { random_state: seed, ..Training::default() },
                checkpoint_every: None,
                pretrained: None,
                resume_from: None,
                to,
            },
            model: None,
            network: None,
            activations: Some(activations),
            strangers: None,
            methods: METHODS.iter().map(method).collect(),
            search: Search::default(),
            clusters: vec![ClusterMethod::new(
                k_means::METHOD.name,
                seeded(k_means::METHOD.parameters),
            )?],
            probe_control: false,
            report_points: ReportPoints::default(),
            epochs_to_embed: None,
        })
    }
}

/// A network of another program, and what is taken of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GivenNetwork {
    /// ONNX file.
    pub file: PathBuf,
    /// The layers.
    pub layers: LayerChoice,
    /// What is kept of the tokens of a transformer.
    pub token: Tokens,
    /// Preparation of the images.
    pub preprocessing: Preprocessing,
    /// Images of each part that are taken, at most, drawn by the seed; all if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<usize>,
}

/// Result of a run.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its folder.
    pub path: PathBuf,
    /// Results of its stages.
    pub results: Results,
    /// Names of the classes.
    pub class_names: Vec<String>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// Parameters of a training.
#[derive(Clone, Debug)]
pub struct TrainRun {
    /// The data.
    pub data: Request,
    /// The model.
    pub architecture: Blueprint,
    /// Training parameters of the model.
    pub training: Training,
    /// Epochs from one checkpoint to the next, at least 1, if they are wanted.
    pub checkpoint_every: Option<usize>,
    /// File of a model whose architecture and weights the training begins with, in place of
    /// `architecture` and random weights.
    pub pretrained: Option<PathBuf>,
    /// Checkpoint to go on with.
    pub resume_from: Option<PathBuf>,
    /// Where the results go.
    pub to: Destination,
}

/// Ends a run, and returns its summary.
pub(super) fn close(
    folder: RunFolder,
    outcome: Result<()>,
    reporter: &dyn Reporter,
) -> Result<Summary> {
    if let Err(error) = outcome {
        return Err(folder.close_failed(error));
    }
    if folder.is_complete() {
        reporter.note(&format!(
            "nothing is left to do: the run in {} is complete",
            folder.path().display()
        ));
    }
    let names = Artifact::ClassNames.of(folder.path());
    let class_names = if names.exists() { dataset::read_names(&names)? } else { Vec::new() };
    let warnings = folder.manifest.warnings.clone();
    let results = folder.results().clone();
    Ok(Summary { path: folder.close(Ok(()))?, results, class_names, warnings })
}

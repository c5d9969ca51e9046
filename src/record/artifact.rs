//! The files of a run, and where they lie below its folder.

use crate::evaluation::MapId;
use std::fmt::{Display, Formatter, Result};
use std::path::{Path, PathBuf};

/// A file or folder of a run; its [`Display`] form is the path below the run's folder, with slashes
/// on every system. A `part` is `train` or `test`, of activations also `strangers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Artifact<'a> {
    /// The manifest.
    Manifest,
    /// The configuration with all defaults filled in.
    Config,
    /// The page.
    Report,
    /// The folder of checkpoints of a training under way.
    Checkpoints,
    /// Weights of the network.
    Weights,
    /// Weights of one of several networks.
    WeightsOf(&'a str),
    /// The folder of the layers, one like those that other programs write.
    Activations,
    /// Activations of a layer, n_samples x width; also labels, predictions, confidence and images
    /// by those names.
    Layer {
        /// `raw`, the name of a hidden layer, `softmax`, `labels`, ...
        name: &'a str,
        /// `train`, `test` or `strangers`.
        part: &'a str,
    },
    /// The image file of each stranger.
    StrangerFiles,
    /// Weights of the output layer, n_features of the last layer x n_classes.
    OutputWeights,
    /// Names of the layers that are spaces, in their order.
    LayerNames,
    /// Names of the classes, in their order.
    ClassNames,
    /// Neighbours in a space.
    Neighbors(&'a str),
    /// The embedding of a space by a method, n_samples x n_components.
    Embedding {
        /// The map.
        map: &'a MapId,
        /// `train` or `test`.
        part: &'a str,
    },
    /// The fitted map of a space by a method, in which new points can be placed.
    FittedMap(&'a MapId),
    /// The embedding of the only space.
    OnlyEmbedding,
    /// New points in it.
    NewEmbedding,
    /// All rows of the files of which the fitted points were drawn.
    AllEmbedding,
    /// The rows of the fitted points, or of the new ones, in those files, by the part's name.
    DrawnRows(&'a str),
    /// The fitted points, n_samples x n_features.
    FittedPoints,
    /// The PCA embedding that the clusters of the only space are drawn in.
    PcaEmbedding,
    /// The fitted map of the only space.
    OnlyFittedMap,
    /// Loss and accuracy of each epoch, by the name of the training.
    History(&'a str),
    /// The rows of the points in the maps of epochs.
    EpochRows,
    /// The frames of a space's maps of epochs by a method, n_points x 2 frames.
    EpochMap(&'a MapId),
    /// The folder of the weights of epochs.
    EpochWeights,
    /// The weights of an epoch, by their file's name.
    EpochWeightsFile(&'a str),
    /// A table of scores.
    Scores(&'a str),
    /// The classes that k-NN gave the scored points in a space, or in a method's map of it,
    /// n_scored x 3.
    Predictions(&'a MapId),
    /// What the nearest training points say of the scored points of a space, n_scored x 5.
    PointMeasures(&'a str),
    /// What a linear probe of a space says of the scored points, n_scored x 2: class, probability.
    ProbeAnswers(&'a str),
    /// A file of the clusters of a space.
    Clusters(&'a str),
    /// A figure, with its extension; without one the stem of several.
    Figure(&'a str),
}

/// A folder of a run, by what its files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// Activations, labels, predictions and images.
    Activations,
    /// Embeddings.
    Embeddings,
    /// Maps of epochs.
    Epochs,
    /// Predictions of k-NN.
    Predictions,
}

impl Folder {
    /// `true` if a file of a run, by its path below the run's folder, lies in this folder.
    pub fn holds(self, path: &str) -> bool {
        path.starts_with(match self {
            Self::Activations => "activations/",
            Self::Embeddings => "embeddings/",
            Self::Epochs => "epochs/",
            Self::Predictions => "scores/predictions/",
        })
    }
}

impl Artifact<'_> {
    /// The path in the run whose folder is `run`.
    pub fn of(self, run: &Path) -> PathBuf {
        run.join(self.to_string())
    }
}

impl Display for Artifact<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        match self {
            Self::Manifest => out.write_str("manifest.json"),
            Self::Config => out.write_str("config.toml"),
            Self::Report => out.write_str("report.html"),
            Self::Checkpoints => out.write_str("checkpoints"),
            Self::Weights => out.write_str("model/weights.safetensors"),
            Self::WeightsOf(model) => write!(out, "model/{model}.safetensors"),
            Self::Activations => out.write_str("activations"),
            Self::Layer { name, part } => write!(out, "activations/{name}_{part}.npy"),
            Self::StrangerFiles => out.write_str("activations/files_strangers.txt"),
            Self::OutputWeights => out.write_str("activations/output_weights.npy"),
            Self::LayerNames => out.write_str("activations/layers.txt"),
            Self::ClassNames => out.write_str("activations/class_names.txt"),
            Self::Neighbors(space) => write!(out, "neighbors/{space}.safetensors"),
            Self::Embedding { map, part } => {
                write!(out, "embeddings/{}_{part}.npy", map.file_stem())
            }
            Self::FittedMap(map) => write!(out, "maps/{}.safetensors", map.file_stem()),
            Self::OnlyEmbedding => out.write_str("embeddings/embedding.npy"),
            Self::NewEmbedding => out.write_str("embeddings/new.npy"),
            Self::AllEmbedding => out.write_str("embeddings/all.npy"),
            Self::DrawnRows(part) => write!(out, "rows/{part}.npy"),
            Self::FittedPoints => out.write_str("rows/fitted_points.npy"),
            Self::PcaEmbedding => out.write_str("embeddings/pca.npy"),
            Self::OnlyFittedMap => out.write_str("map.safetensors"),
            Self::History(name) => write!(out, "{name}.csv"),
            Self::EpochRows => out.write_str("epochs/rows.csv"),
            Self::EpochMap(map) => write!(out, "epochs/{}.npy", map.file_stem()),
            Self::EpochWeights => out.write_str("epochs/weights"),
            Self::EpochWeightsFile(name) => write!(out, "epochs/weights/{name}"),
            Self::Scores(name) => write!(out, "scores/{name}"),
            Self::Predictions(id) => write!(out, "scores/predictions/{}.npy", id.file_stem()),
            Self::PointMeasures(space) => write!(out, "scores/neighbors/{space}.npy"),
            Self::ProbeAnswers(space) => write!(out, "scores/probes/{space}.npy"),
            Self::Clusters(name) => write!(out, "clusters/{name}"),
            Self::Figure(name) => write!(out, "figures/{name}"),
        }
    }
}

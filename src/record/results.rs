//! Results of a run: `results` in its manifest.

use super::points::ReportPoints;
use super::skipped::Skipped;
use super::stage::Stage;
use crate::clustering::Clustered;
use crate::embedding::Fitted;
use crate::evaluation::{Comparison, Insights, MapId, MapQuality, ModelRow, Scores};
use crate::profile::{
    CrossSimilarities, DataMapSummary, EpochProfile, LayerProfile, Profile, Strangers,
};
use crate::training::{History, Performance, Trained};
use serde::{Deserialize, Serialize};

/// Dimensions of the maps of a run: its figures and its page show planes.
pub const N_COMPONENTS: usize = 2;

/// Results of all stages of a run, of any command. Results that were not
/// computed are none or empty, and are absent from the manifest.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Results {
    /// Loss and accuracy of each epoch of the training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// Summary of the training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingSummary>,
    /// What became of the training points over the epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_map: Option<DataMapSummary>,
    /// Inference time of the test images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inference: Option<Inference>,
    /// Loss and accuracy on the test images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<Performance>,
    /// Trainable parameters of the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_parameters: Option<usize>,
    /// Recall of approximate neighbours, by space.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub neighbor_recall: Vec<SpaceRecall>,
    /// Maps that could not be made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// k-NN accuracies of the spaces and of their maps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub knn: Vec<Scores>,
    /// Results that the methods report of their maps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub maps: Vec<MapResults>,
    /// Quality of the maps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quality: Vec<MapQuality>,
    /// Clusters of the spaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<Clustered>,
    /// Measures of the layers, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layer_profiles: Vec<LayerProfile>,
    /// Measures of all layers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// What the layers notice of strangers, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strangers: Option<Strangers>,
    /// Measures of the layers after each of the chosen epochs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub epoch_profiles: Vec<EpochProfile>,
    /// Gains, confused pairs and metric rankings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insights: Option<Insights>,
    /// The maps of epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<EpochMaps>,
    /// Recall of the approximate neighbours of epochs, by space, an entry an epoch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub epoch_recall: Vec<SpaceRecall>,
    /// The models that are compared with each other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelRow>,
    /// Loss and accuracy of each epoch of their trainings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub histories: Vec<ModelHistory>,
    /// Similarity of the layers of two runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer_similarity: Option<CrossSimilarities>,
    /// The differences of two runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

impl Results {
    /// Drops the results of stages that are not finished.
    pub(super) fn keep(&mut self, is_finished: impl Fn(Stage<'_>) -> bool) {
        let is_trained = is_finished(Stage::Training);
        if !is_trained {
            self.history = None;
            self.training = None;
            self.data_map = None;
        }
        if !is_trained && !is_finished(Stage::TestOfWeights) {
            self.inference = None;
            self.test = None;
            self.n_parameters = None;
        }
        if !is_finished(Stage::Insights) {
            self.insights = None;
        }
        if !is_finished(Stage::Profile) {
            self.profile = None;
        }
        if !is_finished(Stage::EpochMeasures) {
            self.epoch_profiles.clear();
        }
        if !is_finished(Stage::Strangers) {
            self.strangers = None;
        }
        self.layer_profiles.retain(|row| is_finished(Stage::Measures(&row.space)));
        if !is_finished(Stage::Differences) {
            self.comparison = None;
            self.layer_similarity = None;
        }
        let of_space =
            |space: &str| is_finished(Stage::Neighbors(space)) || is_finished(Stage::OnlyNeighbors);
        self.neighbor_recall.retain(|row| of_space(&row.space));
        self.knn.retain(|Scores { space, method, .. }| match method {
            None => is_finished(Stage::Neighbors(space)),
            Some(method) => is_finished(Stage::Scores { method, space }),
        });
        self.maps.retain(|MapResults { space, method, .. }| {
            is_finished(Stage::Map { method, space }) || is_finished(Stage::OnlyMap(method))
        });
        self.quality.retain(|row| is_finished(Stage::Quality(&row.space)));
        self.clusters.retain(|row| {
            is_finished(Stage::Clusters(&row.space)) || is_finished(Stage::OnlyClusters)
        });
        if let Some(epochs) = &mut self.epochs {
            epochs.maps.retain(|EpochMap { space, method, .. }| {
                is_finished(Stage::Epochs { method, space })
            });
        }
        self.epochs = self.epochs.take().filter(|epochs| !epochs.maps.is_empty());
        self.epoch_recall.retain(|row| is_finished(Stage::EpochsOf(&row.space)));
        self.models.retain(|row| is_finished(Stage::TrainingOf(&row.model)));
        self.histories.retain(|row| is_finished(Stage::TrainingOf(&row.model)));
    }

    /// `true` if there is no map of the space by a method, for a reason in the manifest.
    pub fn is_skipped(&self, space: &str, method: &str) -> bool {
        self.skipped.iter().any(|skipped| skipped.space == space && skipped.method == method)
    }
}

/// Recall of the approximate neighbours of a space: the share of the true neighbours among those
/// that were found, 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpaceRecall {
    /// The space.
    pub space: String,
    /// One value a search.
    pub recall: Vec<f64>,
}

/// The history of one of several models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelHistory {
    /// Name of the model.
    pub model: String,
    /// Its epochs.
    pub history: History,
}

/// Summary of a training. Every `seconds` is wall time, and differs from run to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrainingSummary {
    /// Epochs that were trained.
    pub epochs: usize,
    /// The epoch whose weights are kept, counted from 1.
    pub kept: usize,
    /// The epoch of least validation loss.
    pub best: Option<usize>,
    /// `true` if it was stopped early.
    pub stopped_early: bool,
    /// Of the epochs in `times`.
    pub seconds: f64,
    /// Time of each epoch; of those before a checkpoint whose times are not known, none.
    pub times: Vec<EpochTime>,
}

/// Inference time of the trained network for the test images.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Inference {
    /// Images.
    pub n: usize,
    /// For all of them.
    pub seconds: f64,
}

/// Time of an epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EpochTime {
    /// From 1 on.
    pub epoch: usize,
    /// Validation included.
    pub seconds: f64,
}

impl TrainingSummary {
    /// Summary of a finished training.
    pub(crate) fn of(trained: &Trained) -> Self {
        let first = trained.history.len() - trained.seconds.len() + 1;
        let times =
            (first..).zip(&trained.seconds).map(|(epoch, &seconds)| EpochTime { epoch, seconds });
        Self {
            epochs: trained.history.len(),
            kept: trained.epoch,
            best: trained.history.best_epoch(),
            stopped_early: trained.stopped_early,
            seconds: trained.seconds.iter().sum(),
            times: times.collect(),
        }
    }
}

/// Results that a method reports of one map.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MapResults {
    /// Space that was embedded.
    pub space: String,
    /// Method.
    pub method: String,
    /// Names and values, the divergence for example.
    pub results: Vec<(String, f64)>,
    /// The divergence or loss on the way: (iterations, value); empty for methods without
    /// iterations.
    #[serde(rename = "course", default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<(usize, f64)>,
}

impl MapResults {
    /// Results of a fitted map of `space` by `method`.
    pub(crate) fn of(space: &str, method: &str, fitted: &dyn Fitted) -> Self {
        Self {
            space: space.into(),
            method: method.into(),
            results: fitted.results().to_vec(),
            losses: fitted.course().to_vec(),
        }
    }

    /// Identity of the map.
    pub fn id(&self) -> MapId {
        MapId::new(&self.space, Some(&self.method), N_COMPONENTS)
    }
}

/// Results of the maps of epochs, `epochs` in the manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMaps {
    /// The epochs, ascending, 0 for the initial weights: a frame each.
    pub epochs: Vec<usize>,
    /// The points in the maps. Their rows in the run's training and test part are those of
    /// `epochs/rows.csv`.
    pub points: ReportPoints,
    /// Number of points.
    pub n_points: usize,
    /// The maps, space by space in the order of the layers, method by method in the order of the
    /// run.
    pub maps: Vec<EpochMap>,
}

/// The maps of one space by one method, in `epochs/<method>_<space>.npy`: n_points x 2 frames, the
/// columns x and y of the first frame, then those of the second, ...
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMap {
    /// Space that was embedded.
    pub space: String,
    /// Method.
    pub method: String,
    /// Trustworthiness of each frame, as [`Quality`](crate::evaluation::Quality) has it: of 12
    /// neighbours, on a sample of 5,000 points.
    pub trustworthiness: Vec<f64>,
    /// Mean displacement of the points since the frame before, as a share of the longer side of
    /// the rectangle around all frames; 0 for the first.
    pub displacement: Vec<f64>,
}

impl EpochMap {
    /// Identity of the maps, but for the epoch.
    pub fn id(&self) -> MapId {
        MapId::new(&self.space, Some(&self.method), N_COMPONENTS)
    }
}

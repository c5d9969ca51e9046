//! What a run notes of its training and its maps.

use super::points::ReportPoints;
use crate::evaluation::MapId;
use crate::training::Trained;
use serde::{Deserialize, Serialize};

/// Dimensions of the maps of a run: its figures and its page show planes.
pub const N_COMPONENTS: usize = 2;

/// How a training went. What is called `seconds` is wall time, and differs from run to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrainingSummary {
    /// Epochs that were trained.
    pub epochs: usize,
    /// The epoch whose weights are kept, counted from 1.
    pub kept: usize,
    /// The epoch of least validation loss.
    pub best: Option<usize>,
    /// Whether it ended for want of progress.
    pub stopped_early: bool,
    /// Of the epochs in `times`.
    pub seconds: f64,
    /// Time of each epoch; of those before a checkpoint whose times are not known, none.
    pub times: Vec<EpochTime>,
}

/// How long the trained network took for the test images.
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
    /// What a finished training tells of itself.
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

/// What a method reports of one map.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MapResults {
    /// Space that was embedded.
    pub space: String,
    /// Method.
    pub method: String,
    /// Names and values, the divergence for example.
    pub results: Vec<(String, f64)>,
}

impl MapResults {
    /// Identity of the map.
    pub fn id(&self) -> MapId {
        MapId::new(&self.space, Some(&self.method), N_COMPONENTS)
    }
}

/// What a run notes of the maps of epochs, `epochs` in its manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMaps {
    /// The epochs, ascending, 0 for the initial weights: a frame each.
    pub epochs: Vec<usize>,
    /// Which points are in the maps. Their rows in the run's training and test part are those of
    /// `epochs/rows.csv`.
    pub points: ReportPoints,
    /// How many there are.
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
    /// How far the points moved on average since the frame before, as a share of the longer side of
    /// the rectangle around all frames; 0 for the first.
    pub displacement: Vec<f64>,
}

impl EpochMap {
    /// Identity of the maps, but for the epoch.
    pub fn id(&self) -> MapId {
        MapId::new(&self.space, Some(&self.method), N_COMPONENTS)
    }
}

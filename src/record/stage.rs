//! The stages of a run.

use crate::embedding;
use crate::evaluation::space_title;
use std::fmt::{Display, Formatter, Result};

/// A part of a run that is done as a whole or not at all; its name in the manifest is its
/// [`Display`] form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage<'a> {
    /// The first images of each class.
    Examples,
    /// The training of the network.
    Training,
    /// The test of a network whose weights were given.
    TestOfWeights,
    /// The training of one of several networks, by its name.
    TrainingOf(&'a str),
    /// The activations of all layers.
    Activations,
    /// The activations of all layers for the strangers.
    StrangerActivations,
    /// The activations of the encoded layer of one of several networks.
    EncodedLayer,
    /// Neighbours in a space and their k-NN scores.
    Neighbors(&'a str),
    /// The map of a space by a method.
    Map {
        /// The method.
        method: &'a str,
        /// The space.
        space: &'a str,
    },
    /// The k-NN scores of such a map.
    Scores {
        /// The method.
        method: &'a str,
        /// The space.
        space: &'a str,
    },
    /// The quality of all maps of a space.
    Quality(&'a str),
    /// The clusters of a space.
    Clusters(&'a str),
    /// The measures of a layer.
    Measures(&'a str),
    /// The profile of all layers.
    Profile,
    /// What the layers notice of the strangers.
    Strangers,
    /// Insights from scores, predictions and quality of all spaces.
    Insights,
    /// Tables and figures of all scores.
    ScoresAndFigures,
    /// The maps of a space by a method for chosen epochs.
    Epochs {
        /// The method.
        method: &'a str,
        /// The space.
        space: &'a str,
    },
    /// Part of the maps of epochs of a space that all methods share.
    EpochsOf(&'a str),
    /// The measures of the layers after each of the chosen epochs.
    EpochMeasures,
    /// The comparison of several networks.
    Comparison,
    /// The differences of two runs.
    Differences,
    /// Figures of those differences.
    Figures,
    /// The neighbours of the only space.
    OnlyNeighbors,
    /// The map of the only space, by the method's name.
    OnlyMap(&'a str),
    /// New points in that map.
    Transform,
    /// All other rows of the files of which the fitted points were drawn.
    OtherRows,
    /// The PCA map that clusters are drawn in.
    ClusterMap,
    /// The clusters of the only space.
    OnlyClusters,
    /// The page.
    Report,
}

impl Stage<'_> {
    /// As users read it while it is under way.
    pub fn title(self) -> String {
        let method_title = |name: &str| {
            embedding::method(name).map_or_else(|_| name.to_owned(), |method| method.title.into())
        };
        match self {
            Self::Neighbors(space) => format!("neighbours of {}", space_title(space)),
            Self::Map { method, space } => {
                format!("{} of {}", method_title(method), space_title(space))
            }
            Self::Scores { method, space } => {
                format!("scores of {method}, {}", space_title(space))
            }
            Self::Quality(space) => format!("quality of the maps of {}", space_title(space)),
            Self::Clusters(space) => format!("clusters of {}", space_title(space)),
            Self::Measures(space) => format!("measures of {}", space_title(space)),
            Self::EpochsOf(space) => format!("epochs of {}", space_title(space)),
            Self::OnlyMap(method) => method_title(method),
            Self::Transform => "placing new points".into(),
            Self::OtherRows => "placing the other rows".into(),
            other => other.to_string(),
        }
    }
}

impl Display for Stage<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        match self {
            Self::Examples => out.write_str("examples"),
            Self::Training => out.write_str("training"),
            Self::TestOfWeights => out.write_str("test of the given weights"),
            Self::TrainingOf(model) => write!(out, "training {model}"),
            Self::Activations => out.write_str("activations"),
            Self::StrangerActivations => out.write_str("activations of the strangers"),
            Self::EncodedLayer => out.write_str("encoded layer"),
            Self::Neighbors(space) => write!(out, "neighbours {space}"),
            Self::Map { method, space } => write!(out, "{method} {space}"),
            Self::Scores { method, space } => write!(out, "scores {method} {space}"),
            Self::Quality(space) => write!(out, "quality {space}"),
            Self::Clusters(space) => write!(out, "clusters {space}"),
            Self::Measures(space) => write!(out, "measures {space}"),
            Self::Profile => out.write_str("layer profile"),
            Self::Strangers => out.write_str("strangers"),
            Self::Insights => out.write_str("what the layers did"),
            Self::ScoresAndFigures => out.write_str("scores and figures"),
            Self::Epochs { method, space } => write!(out, "epochs {method} {space}"),
            Self::EpochsOf(space) => write!(out, "epochs {space}"),
            Self::EpochMeasures => out.write_str("measures of the epochs"),
            Self::Comparison => out.write_str("comparison"),
            Self::Differences => out.write_str("differences"),
            Self::Figures => out.write_str("figures"),
            Self::OnlyNeighbors => out.write_str("neighbours"),
            Self::OnlyMap(method) => out.write_str(method),
            Self::Transform => out.write_str("transform"),
            Self::OtherRows => out.write_str("other rows"),
            Self::ClusterMap => out.write_str("map"),
            Self::OnlyClusters => out.write_str("clusters"),
            Self::Report => out.write_str("report"),
        }
    }
}

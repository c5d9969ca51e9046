//! The measures of a layer: names, meaning, and how they are read.

use super::{LayerProfile, Outcome};

/// Whether a larger value is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The larger, the better the classes can be told apart.
    Higher,
    /// The smaller, the better.
    Lower,
    /// Neither: it describes the layer.
    Neither,
}

impl Better {
    /// As a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Higher => "higher",
            Self::Lower => "lower",
            Self::Neither => "neither",
        }
    }
}

/// A measure of a layer.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Name in manifests and CSV files, in snake case and unique.
    pub key: &'static str,
    /// Title of its column or line.
    pub title: &'static str,
    /// What it says, in one sentence.
    pub meaning: &'static str,
    /// Which values are better.
    pub better: Better,
    /// What must be kept in mind, if anything.
    pub caveat: Option<&'static str>,
    /// Decimals in tables.
    pub decimals: usize,
    /// `true` if the terminal shows it too.
    pub is_brief: bool,
    /// Value, or the reason why there is none.
    pub of: for<'a> fn(&'a LayerProfile) -> Result<f64, &'a str>,
}

/// Attributes that most measures share.
const PLAIN: Measure = Measure {
    key: "",
    title: "",
    meaning: "",
    better: Better::Higher,
    caveat: None,
    decimals: 3,
    is_brief: false,
    of: |_| Err(""),
};

/// A value of an outcome, or its reason.
fn value<T>(outcome: &Outcome<T>, of: impl Fn(&T) -> f64) -> Result<f64, &str> {
    match outcome {
        Outcome::Known(known) => Ok(of(known)),
        Outcome::Unknown(reason) => Err(reason),
    }
}

/// Measures in the order of the tables.
pub static MEASURES: &[Measure] = &[
    Measure {
        key: "probe_accuracy",
        title: "linear probe",
        meaning: "Share of the scored points whose class a linear classifier of this layer finds.",
        caveat: Some("fitted on the training points, C = 1, standardised columns"),
        is_brief: true,
        of: |layer| value(&layer.probe, |probe| probe.accuracy),
        ..PLAIN
    },
    Measure {
        key: "probe_cross_entropy",
        title: "probe's cross-entropy",
        meaning: "Mean -log probability that the linear probe gives the scored points' classes.",
        better: Better::Lower,
        of: |layer| {
            let none = "no scored point has a class that was fitted";
            value(&layer.probe, |probe| probe.cross_entropy.unwrap_or(f64::NAN))
                .and_then(|value| if value.is_nan() { Err(none) } else { Ok(value) })
        },
        ..PLAIN
    },
    Measure {
        key: "probe_train_accuracy",
        title: "probe on training points",
        meaning: "Share of the training points, which it was fitted to, whose class the probe finds.",
        better: Better::Neither,
        of: |layer| value(&layer.probe, |probe| probe.train_accuracy),
        ..PLAIN
    },
    Measure {
        key: "probe_selectivity",
        title: "probe's selectivity",
        meaning: "Accuracy of the linear probe less that of a probe of shuffled labels.",
        of: |layer| {
            let control = |probe: &super::ProbeScores| {
                probe.control_accuracy.map_or(f64::NAN, |control| probe.accuracy - control)
            };
            value(&layer.probe, control).and_then(|value| {
                if value.is_nan() {
                    Err("no probe of shuffled labels was asked for")
                } else {
                    Ok(value)
                }
            })
        },
        ..PLAIN
    },
    Measure {
        key: "ridge_accuracy",
        title: "ridge probe",
        meaning: "The same by linear regression of the classes, which has a closed form.",
        of: |layer| value(&layer.probe, |probe| probe.ridge_accuracy),
        ..PLAIN
    },
    Measure {
        key: "knn_accuracy",
        title: "5-NN",
        meaning: "Share of the scored points whose class the five nearest training points name.",
        is_brief: true,
        of: |layer| layer.knn_accuracy.ok_or("its neighbours were not searched"),
        ..PLAIN
    },
    Measure {
        key: "nearest_mean_accuracy",
        title: "nearest class mean",
        meaning: "Share of the scored points that lie nearest to the mean of their own class.",
        is_brief: true,
        of: |layer| value(&layer.probe, |probe| probe.nearest_mean_accuracy),
        ..PLAIN
    },
    Measure {
        key: "n_components_90",
        title: "components for 90 %",
        meaning: "Principal components that hold 90 % of the variance.",
        better: Better::Neither,
        decimals: 0,
        of: |layer| value(&layer.spectrum, |spectrum| spectrum.n_components_90 as f64),
        ..PLAIN
    },
    Measure {
        key: "n_components_95",
        title: "components for 95 %",
        meaning: "Principal components that hold 95 % of the variance.",
        better: Better::Neither,
        decimals: 0,
        of: |layer| value(&layer.spectrum, |spectrum| spectrum.n_components_95 as f64),
        ..PLAIN
    },
    Measure {
        key: "n_components_99",
        title: "components for 99 %",
        meaning: "Principal components that hold 99 % of the variance.",
        better: Better::Neither,
        decimals: 0,
        of: |layer| value(&layer.spectrum, |spectrum| spectrum.n_components_99 as f64),
        ..PLAIN
    },
    Measure {
        key: "participation_ratio",
        title: "participation ratio",
        meaning: "How many directions share the variance, (sum l)^2 / sum l^2 of the eigenvalues.",
        better: Better::Neither,
        decimals: 1,
        is_brief: true,
        of: |layer| value(&layer.spectrum, |spectrum| spectrum.participation_ratio),
        ..PLAIN
    },
    Measure {
        key: "effective_rank",
        title: "effective rank",
        meaning: "The same by the entropy of the shares of variance, which small ones raise more.",
        better: Better::Neither,
        decimals: 1,
        of: |layer| value(&layer.spectrum, |spectrum| spectrum.effective_rank),
        ..PLAIN
    },
    Measure {
        key: "rank_of_singular_values",
        title: "rank of singular values",
        meaning: "The same by the entropy of the shares of the singular values (RankMe, centred).",
        better: Better::Neither,
        decimals: 1,
        of: |layer| value(&layer.spectrum, |spectrum| spectrum.rank_of_singular_values),
        ..PLAIN
    },
    Measure {
        key: "stable_rank",
        title: "stable rank",
        meaning: "Total variance over that of the first component.",
        better: Better::Neither,
        decimals: 1,
        of: |layer| value(&layer.spectrum, |spectrum| spectrum.stable_rank),
        ..PLAIN
    },
    Measure {
        key: "two_nn_dimension",
        title: "intrinsic dimension, TwoNN",
        meaning: "Dimension of the surface on which the points lie, by the two nearest neighbours.",
        better: Better::Neither,
        caveat: Some(
            "too low above about 20; it reads a finer scale than the estimate of 20 neighbours",
        ),
        decimals: 1,
        is_brief: true,
        of: |layer| value(&layer.intrinsic_dimension, |dimension| dimension.two_nn),
    },
    Measure {
        key: "mle_dimension",
        title: "intrinsic dimension, MLE",
        meaning: "The same by maximum likelihood from 20 neighbours.",
        better: Better::Neither,
        caveat: Some("too low above about 20"),
        decimals: 1,
        of: |layer| value(&layer.intrinsic_dimension, |dimension| dimension.mle),
        ..PLAIN
    },
    Measure {
        key: "separation_fuzziness",
        title: "separation fuzziness D",
        meaning: "Scatter within the classes relative to that of their means: its logarithm falls about evenly from layer to layer.",
        better: Better::Lower,
        decimals: 2,
        is_brief: true,
        of: |layer| value(&layer.separation, |separation| separation.fuzziness),
        ..PLAIN
    },
    Measure {
        key: "nc1",
        title: "NC1",
        meaning: "The same about the mean of the class means, over the number of classes: 0 where every class has collapsed to a point.",
        better: Better::Lower,
        caveat: Some(COLLAPSE),
        of: |layer| value(&layer.separation, |separation| separation.nc1),
        ..PLAIN
    },
    Measure {
        key: "nc2_norms",
        title: "NC2, lengths",
        meaning: "How unequal the lengths of the centred class means are: 0 where all are equal.",
        better: Better::Lower,
        caveat: Some(COLLAPSE),
        of: |layer| value(&layer.separation, |separation| separation.nc2_norms),
        ..PLAIN
    },
    Measure {
        key: "nc2_angles",
        title: "NC2, angles",
        meaning: "How far the angles of the centred class means are from those of a simplex, 0 at best.",
        better: Better::Lower,
        caveat: Some(COLLAPSE),
        of: |layer| value(&layer.separation, |separation| separation.nc2_angles),
        ..PLAIN
    },
    Measure {
        key: "nc3",
        title: "NC3",
        meaning: "How far the output layer's weights are from the centred class means of the last hidden layer, both of length 1, 0 to 4.",
        better: Better::Lower,
        caveat: Some(COLLAPSE),
        of: |layer| value(&layer.self_duality, |&distance| distance),
        ..PLAIN
    },
    Measure {
        key: "nc4",
        title: "NC4",
        meaning: "Share of the training points whose nearest class mean in the last hidden layer is not the network's answer.",
        better: Better::Lower,
        caveat: Some(COLLAPSE),
        of: |layer| value(&layer.disagreement, |&share| share),
        ..PLAIN
    },
    Measure {
        key: "fisher_ratio",
        title: "Fisher ratio",
        meaning: "Scatter of the class means over the scatter within the classes.",
        of: |layer| value(&layer.separation, |separation| separation.fisher_ratio),
        ..PLAIN
    },
    Measure {
        key: "cdnv",
        title: "CDNV",
        meaning: "Variance of two classes over the squared distance of their means, averaged over all pairs.",
        better: Better::Lower,
        of: |layer| match &layer.separation {
            Outcome::Known(found) => found.cdnv.ok_or("two classes have the same mean"),
            Outcome::Unknown(reason) => Err(reason),
        },
        ..PLAIN
    },
    Measure {
        key: "silhouette",
        title: "silhouette of the classes",
        meaning: "How much nearer scored points lie to their own class than to the next, -1 to 1.",
        of: |layer| value(&layer.silhouette, |&silhouette| silhouette),
        ..PLAIN
    },
];

/// Caveat of the measures of neural collapse.
const COLLAPSE: &str =
    "describes networks that fit their training points nearly without error; no score to maximise";

/// The measure of a key.
///
/// # Panics
/// If there is none.
pub fn measure(key: &str) -> &'static Measure {
    let found = MEASURES.iter().find(|measure| measure.key == key);
    found.unwrap_or_else(|| panic!("no measure has the key {key}"))
}

impl Measure {
    /// The value as tables show it.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn text<'a>(&self, layer: &'a LayerProfile) -> Result<String, &'a str> {
        (self.of)(layer).map(|value| format!("{value:.*}", self.decimals))
    }
}

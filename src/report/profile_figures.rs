//! The figures of the layer profile.

use super::figures::{HeatMap, LayerProfile as LayerProfileFigure, ProfilePanel, Shading};
use crate::evaluation::{ScoredOn, space_title};
use crate::format::capital;
use crate::profile::{LayerProfile, MEASURES, Profile, Similarities};

/// CKA of every layer with every other; negative values are shown as 0.
pub fn similarity(similarities: &Similarities) -> HeatMap {
    let names: Vec<String> =
        similarities.spaces.iter().map(|space| capital(&space_title(space))).collect();
    HeatMap {
        title: format!("Similarity of the layers (CKA) on {} points", similarities.n_points),
        rows_title: String::new(),
        columns_title: String::new(),
        row_names: names.clone(),
        column_names: names,
        values: similarities
            .pairs
            .iter()
            .map(|row| row.iter().map(|pair| pair.cka.max(0.0)).collect())
            .collect(),
        decimals: 2,
        shading: Shading::Value,
    }
}

/// Panels of accuracies, dimensions, separation and similarity over the layers.
pub fn layers(measured: &[LayerProfile], profile: &Profile) -> LayerProfileFigure {
    let series = |key: &str| {
        let measure = MEASURES.iter().find(|measure| measure.key == key).unwrap_or(&MEASURES[0]);
        let values = measured.iter().map(|layer| (measure.of)(layer).ok()).collect();
        (measure.title.to_owned(), values)
    };
    let panel = |title: &str, keys: &[&str], is_logarithmic: bool| ProfilePanel {
        title: title.into(),
        series: keys.iter().map(|key| series(key)).collect(),
        rule: None,
        is_logarithmic,
    };
    let mut accuracy = panel(
        match profile.scored_on {
            ScoredOn::Test => "accuracy on the test points",
            ScoredOn::TrainLeaveOneOut => "accuracy on the training points, left out in turn",
        },
        &["probe_accuracy", "knn_accuracy", "nearest_mean_accuracy"],
        false,
    );
    accuracy.rule = profile.network_accuracy.map(|value| ("the network".to_owned(), value));
    let dimensions = panel(
        "dimensions (logarithmic)",
        &["participation_ratio", "two_nn_dimension", "mle_dimension"],
        true,
    );
    let separation = panel(
        "separation fuzziness D (logarithmic, lower is better)",
        &["separation_fuzziness"],
        true,
    );
    let mut panels = vec![accuracy, dimensions, separation];
    if let Some(similarities) = profile.similarities.known() {
        let to = |end: Option<&LayerProfile>| -> Vec<Option<f64>> {
            let between = |layer: &LayerProfile| {
                similarities.between(&layer.space, &end?.space).map(|pair| pair.cka)
            };
            measured.iter().map(between).collect()
        };
        panels.push(ProfilePanel {
            title: "similarity (CKA)".into(),
            series: vec![
                ("to the first layer".into(), to(measured.first())),
                ("to the last".into(), to(measured.last())),
            ],
            rule: None,
            is_logarithmic: false,
        });
    }
    // A logarithm of 0 has no place.
    for panel in panels.iter_mut().filter(|panel| panel.is_logarithmic) {
        for (_, values) in &mut panel.series {
            values.iter_mut().for_each(|value| *value = value.filter(|value| *value > 0.0));
        }
    }
    let is_empty = |panel: &ProfilePanel| {
        panel.series.iter().all(|(_, values)| values.iter().all(Option::is_none))
    };
    panels.retain(|panel| !is_empty(panel));
    LayerProfileFigure {
        title: "What each layer knows".into(),
        layers: measured.iter().map(|layer| capital(&space_title(&layer.space))).collect(),
        panels,
    }
}

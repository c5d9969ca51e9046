//! The figures of the layer profile.

use super::figures::{
    HeatMap, LayerProfile as LayerProfileFigure, Lines, ProfilePanel, SPACING, Shading,
};
use super::insights_table::name;
use crate::evaluation::{ScoredOn, space_title};
use crate::format::{capital, thousands};
use crate::profile::{
    Calibration, CrossSimilarities, Detection, LayerProfile, Noticed, Profile, Similarities,
    Similarity, Strangers, measure,
};

/// CKA of every layer with every other; none if there is one layer, or the points are too few.
pub fn similarity(found: &Similarities) -> Option<HeatMap> {
    let names = titles(&found.spaces);
    let [rows, columns] = [&names, &names].map(|names| (String::new(), names.clone()));
    (found.spaces.len() > 1).then(|| cka(&found.pairs, found.n_points, rows, columns)).flatten()
}

/// CKA of every layer of a run, a row each, with every layer of another; none if the points are too
/// few.
pub fn cross_similarity(found: &CrossSimilarities, names: &[String; 2]) -> Option<HeatMap> {
    let rows = (names[0].clone(), titles(&found.rows));
    let columns = (names[1].clone(), titles(&found.columns));
    cka(&found.pairs, found.n_points, rows, columns)
}

fn titles(spaces: &[String]) -> Vec<String> {
    spaces.iter().map(|space| capital(&space_title(space))).collect()
}

/// CKA of pairs of layers, negative values as 0; none if it is not known of all. Sides of the table
/// are a title and names.
fn cka(
    pairs: &[Vec<Similarity>],
    n_points: usize,
    rows: (String, Vec<String>),
    columns: (String, Vec<String>),
) -> Option<HeatMap> {
    let shown = |row: &Vec<Similarity>| -> Option<Vec<f64>> {
        row.iter().map(|pair| pair.cka.map(|cka| cka.max(0.0))).collect()
    };
    Some(HeatMap {
        title: format!("Similarity of the layers (CKA) on {} points", thousands(n_points)),
        rows_title: rows.0,
        columns_title: columns.0,
        row_names: rows.1,
        column_names: columns.1,
        values: pairs.iter().map(shown).collect::<Option<_>>()?,
        decimals: 2,
        shading: Shading::Value,
    })
}

/// Classes up to which every pair of them is shown.
const MOST_CLASSES: usize = 30;

/// Class-distance normalised variance of every pair of classes in a layer: the darker, the less
/// this layer tells them apart. None without classes, or of more than 30.
pub fn confusable(layer: &LayerProfile, class_names: &[String]) -> Option<HeatMap> {
    let separation = layer.separation.known()?;
    let classes = &separation.paired_classes;
    let names: Vec<String> =
        classes.iter().map(|&class| name(class_names, usize::from(class))).collect();
    (!names.is_empty() && names.len() <= MOST_CLASSES).then(|| HeatMap {
        title: format!(
            "Which classes {} cannot tell apart: variance over distance (CDNV)",
            space_title(&layer.space)
        ),
        rows_title: String::new(),
        columns_title: String::new(),
        row_names: names.clone(),
        column_names: names,
        values: separation.cdnv_pairs.clone(),
        decimals: 2,
        shading: Shading::Value,
    })
}

/// Panels of accuracies, dimensions, separation and similarity over the layers.
pub fn layers(measured: &[LayerProfile], profile: &Profile) -> LayerProfileFigure {
    let series = |key: &str| {
        let measure = measure(key);
        let values = measured.iter().map(|layer| (measure.of)(layer).ok()).collect();
        (measure.title.to_owned(), values)
    };
    let panel = |title: &str, keys: &[&str], is_logarithmic: bool| ProfilePanel {
        title: title.into(),
        series: keys.iter().map(|key| series(key)).collect(),
        rule: None,
        is_logarithmic,
        range: None,
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
        "dimensions (log scale)",
        &["participation_ratio", "two_nn_dimension", "mle_dimension"],
        true,
    );
    let separation =
        panel("separation fuzziness (log scale, lower is better)", &["separation_fuzziness"], true);
    let mut panels = vec![accuracy, dimensions, separation];
    panels.extend(profile.similarities.known().map(|found| similarity_panel(measured, found)));
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
        spacing: SPACING,
        x_title: String::new(),
        panels,
    }
}

/// CKA of every layer with the first and with the last.
fn similarity_panel(measured: &[LayerProfile], similarities: &Similarities) -> ProfilePanel {
    let to = |end: Option<&LayerProfile>| -> Vec<Option<f64>> {
        let between = |layer: &LayerProfile| similarities.between(&layer.space, &end?.space)?.cka;
        measured.iter().map(between).collect()
    };
    ProfilePanel {
        title: "similarity (CKA)".into(),
        series: vec![
            ("to the first layer".into(), to(measured.first())),
            ("to the last".into(), to(measured.last())),
        ],
        rule: None,
        is_logarithmic: false,
        range: None,
    }
}

/// Panels of how well every layer tells strangers from the scored points; none of fewer than two
/// layers that do.
pub fn strangers(found: &Strangers) -> Option<LayerProfileFigure> {
    let known = found.spaces.iter().filter(|noticed| noticed.detection.known().is_some());
    if known.count() < 2 {
        return None;
    }
    let panel = |title: &str, of: fn(&Detection) -> f64| {
        let value = |noticed: &Noticed| noticed.detection.known().map(of);
        let distance = "distance to training points".to_owned();
        ProfilePanel {
            title: title.into(),
            series: vec![(distance, found.spaces.iter().map(value).collect())],
            rule: found.network.known().map(|network| ("the network's doubt".into(), of(network))),
            is_logarithmic: false,
            range: None,
        }
    };
    Some(LayerProfileFigure {
        title: "Which layers notice strangers".into(),
        layers: found.spaces.iter().map(|noticed| capital(&space_title(&noticed.space))).collect(),
        spacing: SPACING,
        x_title: String::new(),
        panels: vec![
            panel("AUROC, higher is better", |found| found.auroc),
            panel("FPR at 95 % TPR, lower is better", |found| found.fpr95),
        ],
    })
}

/// Variance of each layer's principal components, the largest first; none if no spectrum is known.
pub fn scree(measured: &[LayerProfile]) -> Option<Lines> {
    let line = |layer: &LayerProfile| {
        let spectrum = layer.spectrum.known()?;
        let total = spectrum.total_variance;
        let shares = spectrum.eigenvalues.iter().map(|value| value / total);
        let points = shares.enumerate().map(|(at, share)| (at as f64 + 1.0, share));
        // Beyond, only rounding is left.
        let points = points.take_while(|(_, share)| *share > 1e-9).collect();
        Some((capital(&space_title(&layer.space)), points))
    };
    let lines: Vec<_> = measured.iter().filter_map(line).collect();
    (!lines.is_empty()).then(|| Lines {
        title: "How the variance of each layer is spread".into(),
        x_title: "principal component".into(),
        y_title: "share of the variance (log scale)".into(),
        lines,
        is_logarithmic: true,
        diagonal: None,
    })
}

/// Accuracy against confidence of the network: the reliability diagram.
pub fn reliability(calibration: &Calibration) -> Lines {
    let bins = calibration.bins.iter().filter(|bin| bin.count > 0);
    Lines {
        title: format!(
            "Is the network as often right as it is sure? Expected calibration error {:.3}",
            calibration.ece
        ),
        x_title: "confidence of the prediction, mean of each bin".into(),
        y_title: "share of the points that are right".into(),
        lines: vec![(
            "the network".into(),
            bins.map(|bin| (bin.confidence, bin.accuracy)).collect(),
        )],
        is_logarithmic: false,
        diagonal: Some("as sure as right".into()),
    }
}

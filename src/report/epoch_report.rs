//! The layer profile over the epochs of a training: table, figure and animation.

use super::csv_file::write;
use super::figures::{LayerProfile as LayerProfileFigure, ProfilePanel, SPACING, save_animated};
use super::profile_table::{SIMILARITIES, measured_row, similarity_cells};
use crate::error::Result;
use crate::evaluation::space_title;
use crate::format::capital;
use crate::profile::{EpochProfile, MEASURES, measure};
use std::path::Path;

/// Name of the table's file.
pub const FILE: &str = "layers_by_epoch.csv";
/// Name of the figure's files.
pub const FIGURE: &str = "layers_by_epoch";
/// Name of the animation's file.
pub const ANIMATION: &str = "layer_profile_epochs";
/// Distance of two epochs in the figure, as long as there are few, and the width of many.
const EPOCH: f64 = 44.0;
const WIDEST: f64 = 1100.0;

/// One value of each layer after each epoch, by epochs.
type Values = Vec<Vec<Option<f64>>>;

/// A panel of the figures: title, measures by their keys, and whether its scale is logarithmic.
struct Shown {
    title: &'static str,
    keys: &'static [&'static str],
    is_logarithmic: bool,
}

const ACCURACY: Shown = Shown {
    title: "accuracy on the test points",
    keys: &["probe_accuracy", "nearest_mean_accuracy"],
    is_logarithmic: false,
};
const DIMENSIONS: Shown = Shown {
    title: "dimensions (log scale)",
    keys: &["participation_ratio", "effective_rank"],
    is_logarithmic: true,
};
const SEPARATION: Shown = Shown {
    title: "separation fuzziness (log scale, lower is better)",
    keys: &["separation_fuzziness"],
    is_logarithmic: true,
};
const SIMILARITY: &str = "similarity (CKA) to the layer's last state";

/// Writes a line for each layer after each epoch: all measures, and the similarity to the layer
/// after the last of the epochs.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_csv(path: &Path, epochs: &[EpochProfile]) -> Result<()> {
    let to_last = SIMILARITIES.map(|name| format!("{name}_to_last"));
    let header = ["epoch", "space", "n_features"].map(str::to_owned);
    let header = header
        .into_iter()
        .chain(MEASURES.iter().map(|measure| measure.key.to_owned()))
        .chain(to_last)
        .chain(["not_computed".to_owned()]);
    let rows = epochs.iter().flat_map(|profile| {
        profile.layers.iter().zip(&profile.to_last).map(|(layer, to_last)| {
            let (mut row, mut reasons) = measured_row(layer);
            row.insert(0, profile.epoch.to_string());
            row.extend(match to_last.known() {
                Some(similarity) => similarity_cells(similarity),
                None => SIMILARITIES.map(|_| String::new()),
            });
            reasons.extend(to_last.reason().map(|reason| format!("similarity: {reason}")));
            row.push(reasons.join("; "));
            row
        })
    });
    write(path, header, rows)
}

/// Values of a measure; those that a logarithmic scale cannot show are none.
fn values(epochs: &[EpochProfile], key: &str, is_logarithmic: bool) -> Values {
    let of = measure(key).of;
    let of_epoch = |epoch: &EpochProfile| {
        let value = |layer| of(layer).ok().filter(|value| !is_logarithmic || *value > 0.0);
        epoch.layers.iter().map(value).collect()
    };
    epochs.iter().map(of_epoch).collect()
}

fn titles(epochs: &[EpochProfile]) -> Vec<String> {
    let layers = epochs.first().map_or(&[][..], |epoch| &epoch.layers);
    layers.iter().map(|layer| capital(&space_title(&layer.space))).collect()
}

/// Smallest and largest of some values, if there are any.
fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let joined = |range: Option<(f64, f64)>, value: f64| {
        let (low, high) = range.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    };
    values.into_iter().fold(None, joined)
}

/// A line a layer over the epochs: accuracy of its linear probe, dimensions, separation, and its
/// similarity to what it became. None of fewer than two epochs.
pub fn figure(epochs: &[EpochProfile]) -> Option<LayerProfileFigure> {
    if epochs.len() < 2 {
        return None;
    }
    let names = titles(epochs);
    let panel = |title: &str, all: Values, is_logarithmic: bool| {
        let of_layer =
            |(at, name): (usize, &String)| (name.clone(), all.iter().map(|row| row[at]).collect());
        let series = names.iter().enumerate().map(of_layer).collect();
        ProfilePanel { title: title.into(), series, rule: None, is_logarithmic, range: None }
    };
    let of = |title: &str, shown: &Shown| {
        panel(title, values(epochs, shown.keys[0], shown.is_logarithmic), shown.is_logarithmic)
    };
    let similarity = epochs.iter().map(|epoch| epoch.cka_to_last().collect()).collect();
    let spacing = EPOCH.min(WIDEST / epochs.len() as f64);
    let every = (EPOCH / spacing).ceil() as usize;
    let name = |(at, epoch): (usize, &EpochProfile)| match at % every {
        0 => epoch.epoch.to_string(),
        _ => String::new(),
    };
    Some(LayerProfileFigure {
        title: "The layers over the epochs of the training".into(),
        layers: epochs.iter().enumerate().map(name).collect(),
        spacing,
        x_title: "epoch".into(),
        panels: vec![
            of("accuracy of a linear probe on the test points", &ACCURACY),
            of("participation ratio (log scale)", &DIMENSIONS),
            of(SEPARATION.title, &SEPARATION),
            panel(SIMILARITY, similarity, false),
        ],
    })
}

/// Writes the layer profile epoch after epoch as an animation, all on the same scales.
///
/// # Errors
/// [`Error::Figure`](crate::Error::Figure), [`Error::Write`](crate::Error::Write).
pub fn animate(path: &Path, epochs: &[EpochProfile]) -> Result<()> {
    let frames: Vec<LayerProfileFigure> = (0..epochs.len()).map(|at| frame(epochs, at)).collect();
    save_animated(&frames, path)
}

/// The layer profile after one of the epochs.
fn frame(epochs: &[EpochProfile], at: usize) -> LayerProfileFigure {
    let of = |shown: &Shown| {
        let all: Vec<(String, Values)> = shown
            .keys
            .iter()
            .map(|key| (measure(key).title.to_owned(), values(epochs, key, shown.is_logarithmic)))
            .collect();
        let range = range(all.iter().flat_map(|(_, all)| all.iter().flatten().flatten().copied()));
        let series = all.into_iter().map(|(name, mut all)| (name, all.swap_remove(at))).collect();
        let is_logarithmic = shown.is_logarithmic;
        ProfilePanel { title: shown.title.into(), series, rule: None, is_logarithmic, range }
    };
    let mut accuracy = of(&ACCURACY);
    // Before the training the network guesses: a scale that shows that shows little else.
    let network = epochs[at].network_accuracy;
    let is_shown = accuracy.range.is_some_and(|(low, high)| (low..=high).contains(&network));
    accuracy.rule = is_shown.then(|| ("the network".into(), network));
    let similarity = ProfilePanel {
        title: SIMILARITY.into(),
        series: vec![("CKA".into(), epochs[at].cka_to_last().collect())],
        rule: None,
        is_logarithmic: false,
        range: range(
            epochs.iter().flat_map(|epoch| epoch.cka_to_last().flatten().collect::<Vec<_>>()),
        ),
    };
    let epoch = epochs[at].epoch;
    let last = epochs[epochs.len() - 1].epoch;
    LayerProfileFigure {
        title: match epoch {
            0 => "What each layer knows before the training".into(),
            _ => format!("What each layer knows after epoch {epoch} of {last}"),
        },
        layers: titles(epochs),
        spacing: SPACING,
        x_title: String::new(),
        panels: vec![accuracy, of(&DIMENSIONS), of(&SEPARATION), similarity],
    }
}

//! The tables of the layer profile: on the terminal in few lines, on the page, and as CSV in full.

use super::class_table::{self, CLASSES};
use super::csv_file::{optional, write, write_rows};
use super::insights_table::name;
use super::look_at::LOOK_AT;
use super::page::{Cell, Link, Table};
use super::strangers_table;
use crate::error::Result;
use crate::evaluation::space_title;
use crate::format::{listed, thousands};
use crate::profile::{
    Better, CrossSimilarities, DataMapSummary, LayerProfile, MEASURES, Measure, Profile,
    Similarities, Similarity, Strangers, epoch_findings,
};
use crate::record::Results;
use std::fmt::Write as _;
use std::path::Path;

/// Names of the tables' files.
pub const LAYERS: &str = "layers.csv";
/// Similarity of layers.
pub const SIMILARITY: &str = "layer_similarity.csv";
const DEPTH: &str = "prediction_depth.csv";
const CALIBRATION: &str = "calibration.csv";
const SPECTRUM: &str = "spectrum.csv";
const CDNV: &str = "cdnv.csv";

/// Classes whose mean depth the page shows, the deepest first.
const DEEPEST: usize = 20;

/// The profile of a run in few lines; empty if it has none.
pub fn text(results: &Results) -> String {
    let layers = &results.layer_profiles;
    let Some(profile) = results.profile.as_ref().filter(|_| !layers.is_empty()) else {
        return String::new();
    };
    let mut text = String::new();
    let shown: Vec<&Measure> = MEASURES.iter().filter(|measure| measure.is_brief).collect();
    let width = layers.iter().map(|layer| layer.space.chars().count()).max().unwrap_or(0).max(10);
    let columns: Vec<usize> = shown.iter().map(|measure| measure.title.len().max(8)).collect();
    let header: String = shown
        .iter()
        .zip(&columns)
        .map(|(measure, &width)| format!("  {:>width$}", measure.title))
        .collect();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "layer profile (all measures: scores/{LAYERS})");
    let _ = writeln!(text, "{:<width$}{header}", "layer");
    for layer in layers {
        let cells: String = shown
            .iter()
            .zip(&columns)
            .map(|(measure, &width)| {
                format!("  {:>width$}", measure.text(layer).unwrap_or_else(|_| "-".into()))
            })
            .collect();
        let _ = writeln!(text, "{:<width$}{cells}", layer.space);
    }
    let of_strangers = results.strangers.as_ref().and_then(Strangers::finding);
    let of_training = results.data_map.iter().map(DataMapSummary::finding);
    let findings = profile.findings.iter().cloned().chain(of_strangers).chain(of_training);
    for finding in findings.chain(epoch_findings(&results.epoch_profiles)) {
        let _ = writeln!(text, "{finding}");
    }
    let counted: Vec<String> = profile
        .look_at
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(reason, count)| format!("{count} {}", reason.words()))
        .collect();
    if !counted.is_empty() {
        let _ = writeln!(text, "points to look at: {} (scores/{LOOK_AT})", counted.join(", "));
    }
    text + &results.strangers.as_ref().map_or(String::new(), strangers_table::text)
}

/// What the page calls better values.
fn better(better: Better) -> &'static str {
    match better {
        Better::Neither => "–",
        other => other.word(),
    }
}

/// Table of the page: a row a measure, a column a layer; values that do not exist are dashes,
/// whose reasons [`missing`] gives. Names of layers that `has_map` knows lead to their maps.
pub fn page_table(layers: &[LayerProfile], has_map: impl Fn(&str) -> bool) -> Option<Table> {
    if layers.is_empty() {
        return None;
    }
    let titles: Vec<String> = layers.iter().map(|layer| space_title(&layer.space)).collect();
    let header: Vec<&str> = ["measure"]
        .into_iter()
        .chain(titles.iter().map(String::as_str))
        .chain(["better", "what it says"])
        .collect();
    let is_known = |measure: &&Measure| layers.iter().any(|layer| (measure.of)(layer).is_ok());
    let row = |measure: &Measure| {
        let cells = layers.iter().map(|layer| measure.text(layer).unwrap_or_else(|_| "–".into()));
        let note = measure.caveat.map_or(String::new(), |caveat| format!(" ({caveat})"));
        let meaning = format!("{}{note}", measure.meaning);
        [measure.title.to_owned()]
            .into_iter()
            .chain(cells)
            .chain([better(measure.better).to_owned(), meaning])
            .collect()
    };
    let rows = MEASURES.iter().filter(is_known).map(row);
    let mut table = Table::new("The layer profile", &header, rows);
    let names = table.header.iter_mut().skip(1).zip(layers).zip(&titles);
    for ((name, layer), title) in names.filter(|((_, layer), _)| has_map(&layer.space)) {
        *name = Cell::linked(title.clone(), Link::to_space(&layer.space, title));
    }
    Some(table)
}

/// Tables of the page: where the points are decided, and on average those of each class.
pub fn depth_tables(profile: &Profile, class_names: &[String]) -> Vec<Table> {
    let Some(depth) = profile.prediction_depth.known() else { return Vec::new() };
    let n: usize = depth.counts.iter().sum();
    let percent = |part: usize, of: usize| match of {
        0 => "–".into(),
        of => format!("{:.1} %", 100.0 * part as f64 / of as f64),
    };
    let of_depth = |(at, (&count, &right)): (usize, (&usize, &usize))| {
        let space = depth.spaces.get(at).map_or("no layer".into(), |space| space_title(space));
        vec![space, count.to_string(), percent(count, n), percent(right, count)]
    };
    let rows = depth.counts.iter().zip(&depth.right).enumerate().map(of_depth);
    let caption = "Prediction depth: from which layer on the 30 nearest training points say what \
                   the network answers";
    let header = ["decided in", "points", "share", "right"];
    let by_layer = Table::new(caption, &header, rows);
    let of_class = |(class, mean): (usize, &Option<f64>)| {
        mean.map(|mean| vec![name(class_names, class), format!("{mean:.2}")])
    };
    let mut classes: Vec<(usize, &Option<f64>)> = depth.by_class.iter().enumerate().collect();
    classes.sort_by(|(_, a), (_, b)| b.unwrap_or(0.0).total_cmp(&a.unwrap_or(0.0)));
    let rows: Vec<Vec<String>> = classes.into_iter().filter_map(of_class).collect();
    let mut caption = "Mean prediction depth of the classes, 0 for the input".to_owned();
    if rows.len() > DEEPEST {
        caption += &format!("; the {DEEPEST} deepest of {}", rows.len());
    }
    let rows = rows.into_iter().take(DEEPEST);
    vec![by_layer, Table::new(caption, &["class", "mean depth"], rows)]
}

/// The reasons of what does not exist, a sentence each, the same one once.
pub fn missing(layers: &[LayerProfile], profile: &Profile) -> Vec<String> {
    let reasons = [
        profile.similarities.reason().map(|reason| format!("similarity: {reason}")),
        profile.prediction_depth.reason().map(|reason| format!("prediction depth: {reason}")),
        profile.calibration.reason().map(|reason| format!("calibration: {reason}")),
    ];
    let mut found: Vec<String> =
        reasons.into_iter().flatten().chain(profile.not_looked_at.clone()).collect();
    if let Some(compared) = profile.similarities.known() {
        let left_out = layers.iter().filter(|layer| !compared.spaces.contains(&layer.space));
        found.extend(left_out.map(|layer| {
            format!("similarity of {}: all its rows are the same", space_title(&layer.space))
        }));
    }
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for layer in layers {
        for measure in MEASURES.iter().filter(|measure| measure.key != "probe_selectivity") {
            let Err(reason) = (measure.of)(layer) else { continue };
            let title = space_title(&layer.space);
            match reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, titles)) if titles.contains(&title) => {}
                Some((_, titles)) => titles.push(title),
                None => reasons.push((reason, vec![title])),
            }
        }
    }
    found.extend(reasons.iter().map(|(reason, titles)| format!("{}: {reason}", listed(titles))));
    found
}

/// Writes the tables of the profile into `folder`, and returns their names.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_csv(
    folder: &Path,
    layers: &[LayerProfile],
    profile: &Profile,
    class_names: &[String],
) -> Result<Vec<&'static str>> {
    write_layers(&folder.join(LAYERS), layers)?;
    write_spectrum(&folder.join(SPECTRUM), layers)?;
    class_table::write_csv(&folder.join(CLASSES), layers, class_names)?;
    write_cdnv(&folder.join(CDNV), layers, class_names)?;
    let mut files = vec![LAYERS, SPECTRUM, CLASSES, CDNV];
    if let Some(similarities) = profile.similarities.known() {
        write_similarities(&folder.join(SIMILARITY), similarities)?;
        files.push(SIMILARITY);
    }
    if let Some(depth) = profile.prediction_depth.known() {
        let rows = depth.counts.iter().zip(&depth.right).enumerate().map(|(at, (count, right))| {
            let space = depth.spaces.get(at).map_or("", String::as_str);
            vec![at.to_string(), space.to_owned(), count.to_string(), right.to_string()]
        });
        write(&folder.join(DEPTH), ["depth", "from", "n_points", "n_right"], rows)?;
        files.push(DEPTH);
    }
    if let Some(calibration) = profile.calibration.known() {
        let n = calibration.bins.len() as f64;
        let rows = calibration.bins.iter().enumerate().map(|(at, bin)| {
            let [low, high] = [at, at + 1].map(|end| (end as f64 / n).to_string());
            let known = |value: f64| optional((bin.count > 0).then_some(value));
            vec![low, high, bin.count.to_string(), known(bin.confidence), known(bin.accuracy)]
        });
        let header = ["above", "to", "n_points", "mean_confidence", "accuracy"];
        write(&folder.join(CALIBRATION), header, rows)?;
        files.push(CALIBRATION);
    }
    Ok(files)
}

fn write_layers(path: &Path, layers: &[LayerProfile]) -> Result<()> {
    let header = ["space", "n_features"]
        .into_iter()
        .chain(MEASURES.iter().map(|measure| measure.key))
        .chain(["not_computed"]);
    let row = |layer: &LayerProfile| {
        let (mut row, reasons) = measured_row(layer);
        row.push(reasons.join("; "));
        row
    };
    write(path, header, layers.iter().map(row))
}

/// Space, columns and all measures of a layer, and the reasons of those that do not exist.
pub(super) fn measured_row(layer: &LayerProfile) -> (Vec<String>, Vec<String>) {
    let mut row = vec![layer.space.clone(), layer.n_features.to_string()];
    let mut reasons = Vec::new();
    for measure in MEASURES {
        let value = (measure.of)(layer);
        row.push(optional(value.ok()));
        reasons.extend(value.err().map(|reason| format!("{}: {reason}", measure.key)));
    }
    (row, reasons)
}

fn write_spectrum(path: &Path, layers: &[LayerProfile]) -> Result<()> {
    let of_layer = |layer: &LayerProfile| {
        let values = layer.spectrum.known().map_or(&[][..], |spectrum| &spectrum.eigenvalues);
        let row = |(at, value): (usize, &f64)| {
            vec![layer.space.clone(), at.to_string(), value.to_string()]
        };
        (1..).zip(values).map(row).collect::<Vec<_>>()
    };
    write(path, ["space", "component", "variance"], layers.iter().flat_map(of_layer))
}

fn write_cdnv(path: &Path, layers: &[LayerProfile], class_names: &[String]) -> Result<()> {
    let header = ["space", "class", "other", "cdnv"].map(str::to_owned).to_vec();
    let mut rows = vec![header];
    for layer in layers {
        let Some(separation) = layer.separation.known() else { continue };
        let classes = &separation.paired_classes;
        for (i, values) in separation.cdnv_pairs.iter().enumerate() {
            for (j, value) in values.iter().enumerate().skip(i + 1) {
                let [a, b] = [i, j].map(|at| name(class_names, usize::from(classes[at])));
                rows.push(vec![layer.space.clone(), a, b, value.to_string()]);
            }
        }
    }
    write_rows(path, rows)
}

fn write_similarities(path: &Path, similarities: &Similarities) -> Result<()> {
    let spaces = &similarities.spaces;
    let pairs = (0..spaces.len()).flat_map(|i| (i + 1..spaces.len()).map(move |j| (i, j)));
    let row =
        |(i, j): (usize, usize)| similarity_row(&spaces[i], &spaces[j], &similarities.pairs[i][j]);
    write(path, ["space", "other"].into_iter().chain(SIMILARITIES), pairs.map(row))
}

/// Columns of the similarity of two layers.
pub(super) const SIMILARITIES: [&str; 4] = ["cka", "biased_cka", "procrustes", "neighbor_overlap"];

pub(super) fn similarity_cells(pair: &Similarity) -> [String; 4] {
    [
        optional(pair.cka),
        pair.biased_cka.to_string(),
        optional(pair.procrustes),
        pair.neighbor_overlap.to_string(),
    ]
}

fn similarity_row(space: &str, other: &str, pair: &Similarity) -> Vec<String> {
    [space.to_owned(), other.to_owned()].into_iter().chain(similarity_cells(pair)).collect()
}

/// Writes the similarities of the layers of two runs.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_cross(path: &Path, found: &CrossSimilarities) -> Result<()> {
    let rows = found.pairs.iter().zip(&found.rows).flat_map(|(pairs, space)| {
        let row = move |(pair, other): (&Similarity, &String)| similarity_row(space, other, pair);
        pairs.iter().zip(&found.columns).map(row)
    });
    write(path, ["layer_of_a", "layer_of_b"].into_iter().chain(SIMILARITIES), rows)
}

/// The similarities of the layers of two runs in few lines: CKA.
pub fn cross_text(found: &CrossSimilarities) -> String {
    let width = |name: &String| name.len().max(7);
    let mut text =
        format!("similarity of the layers (CKA), {} points\n", thousands(found.n_points));
    let header: String =
        found.columns.iter().map(|name| format!("  {name:>0$}", width(name))).collect();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{:<12}{header}", "a \\ b");
    for (name, pairs) in found.rows.iter().zip(&found.pairs) {
        let cells: String = pairs
            .iter()
            .zip(&found.columns)
            .map(|(pair, column)| {
                let cka = pair.cka.map_or_else(|| "-".into(), |cka| format!("{cka:.4}"));
                format!("  {cka:>0$}", width(column))
            })
            .collect();
        let _ = writeln!(text, "{name:<12}{cells}");
    }
    text
}

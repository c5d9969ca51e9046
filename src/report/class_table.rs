//! The measures of the layers class by class: as CSV in full, on the page in a folded table.

use super::csv_file::{optional, write};
use super::insights_table::name;
use super::page::Table;
use crate::error::Result;
use crate::evaluation::space_title;
use crate::model::OUTPUT;
use crate::profile::LayerProfile;
use std::path::Path;

/// Name of the table's file.
pub const CLASSES: &str = "layers_per_class.csv";

/// Classes that the page shows at most.
const SHOWN: usize = 30;

/// Accuracy of the linear probe for a class, if there is one.
fn accuracy(layer: &LayerProfile, class: usize) -> Option<f64> {
    layer.probe.known().and_then(|probe| *probe.per_class.get(class)?)
}

/// Mean silhouette of a class, if there is one.
fn silhouette(layer: &LayerProfile, class: usize) -> Option<f64> {
    layer.silhouette_per_class.get(class).copied().flatten()
}

/// Writes a line for each class of each layer.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub(super) fn write_csv(
    path: &Path,
    layers: &[LayerProfile],
    class_names: &[String],
) -> Result<()> {
    let of_layer = |layer: &LayerProfile| {
        let row = |class| {
            let values = [accuracy(layer, class), silhouette(layer, class)].map(optional);
            let names = [layer.space.clone(), name(class_names, class)];
            names.into_iter().chain(values).collect()
        };
        (0..class_names.len()).map(row).collect::<Vec<_>>()
    };
    let header = ["space", "class", "probe_accuracy", "silhouette"];
    write(path, header, layers.iter().flat_map(of_layer))
}

/// Table of the page: a row a class, for each layer the accuracy of its probe and the mean
/// silhouette. Of more than 30 classes those that the probe of the last hidden layer finds least.
/// None if nothing is known of any class.
pub fn page_table(layers: &[LayerProfile], class_names: &[String]) -> Option<Table> {
    let n = class_names.len();
    let is_known = |class: &usize| {
        layers
            .iter()
            .any(|layer| accuracy(layer, *class).is_some() || silhouette(layer, *class).is_some())
    };
    let mut classes: Vec<usize> = (0..n).filter(is_known).collect();
    if classes.is_empty() {
        return None;
    }
    let mut caption = "Accuracy of the linear probe and mean silhouette of the scored points of \
                       each class; – where none of them was scored, or sampled for silhouettes"
        .to_owned();
    if classes.len() > SHOWN {
        let hidden = layers.iter().rfind(|layer| layer.space != OUTPUT).unwrap_or(&layers[0]);
        let least = |class: &usize| accuracy(hidden, *class).unwrap_or(f64::INFINITY);
        classes.sort_by(|a, b| least(a).total_cmp(&least(b)));
        classes.truncate(SHOWN);
        caption += &format!(
            ". The {SHOWN} of {n} classes that the probe of {} finds least; all are in \
             scores/{CLASSES}",
            space_title(&hidden.space)
        );
    }
    let titles = layers.iter().map(|layer| space_title(&layer.space));
    let columns: Vec<String> = titles
        .flat_map(|title| [format!("{title}: probe"), format!("{title}: silhouette")])
        .collect();
    let header: Vec<&str> =
        std::iter::once("class").chain(columns.iter().map(String::as_str)).collect();
    let shown = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.3}"));
    let row = |class: usize| {
        let of_layer = |layer| [accuracy(layer, class), silhouette(layer, class)].map(shown);
        let values = layers.iter().flat_map(of_layer);
        std::iter::once(name(class_names, class)).chain(values).collect()
    };
    Some(Table::new(caption, &header, classes.into_iter().map(row)))
}

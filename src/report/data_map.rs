//! The data map of a training as a table and as a figure.

use super::csv_file::write;
use super::figures::{Cloud, canvas::Point};
use super::insights_table::name;
use crate::error::Result;
use crate::profile::DataMap;
use crate::random::Random;
use std::path::Path;

/// Name of the files of table and figure, but for the extension.
pub const FIGURE: &str = "data_map";
/// Training points that the figure shows at most.
const SHOWN: usize = 10_000;
/// Stream of the random numbers that choose them.
const STREAM: u64 = 0x6461_7461;
/// Groups of the figure, by the share of the epochs in which a point was classified rightly.
const GROUPS: [(&str, f64); 5] = [
    ("right in no epoch", 0.0),
    ("in up to a third of them", 1.0 / 3.0),
    ("in up to two thirds", 2.0 / 3.0),
    ("in more, but not in all", 1.0),
    ("in all", f64::INFINITY),
];

/// Writes a line a training point.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_csv(path: &Path, map: &DataMap, labels: &[u16], class_names: &[String]) -> Result<()> {
    let header = ["row", "label", "confidence", "variability", "n_epochs_right", "n_forgotten"];
    let row = |(row, &label): (usize, &u16)| {
        vec![
            row.to_string(),
            name(class_names, usize::from(label)),
            map.confidence[row].to_string(),
            map.variability[row].to_string(),
            map.n_right[row].to_string(),
            map.n_forgotten[row].map_or(String::new(), |n| n.to_string()),
        ]
    };
    write(path, header, labels.iter().enumerate().map(row))
}

/// Confidence against variability: easy points above, hard ones below, and on the right those about
/// which the network changed its mind.
pub fn figure(map: &DataMap) -> Cloud {
    let n = map.confidence.len();
    let mut rows = Random::new(0, STREAM).permutation(n);
    rows.truncate(SHOWN);
    let mut groups = GROUPS.map(|(name, _)| (name.to_owned(), Vec::new()));
    for row in rows {
        let right = map.n_right[row];
        let share = right as f64 / map.n_epochs as f64;
        let group = match right == map.n_epochs {
            true => GROUPS.len() - 1,
            false => GROUPS.iter().position(|(_, most)| share <= *most).unwrap_or(0),
        };
        let point: Point = (map.variability[row], map.confidence[row]);
        groups[group].1.push(point);
    }
    let shown = n.min(SHOWN);
    Cloud {
        title: format!("The data map: {shown} training points over {} epochs", map.n_epochs),
        x_title: "variability: deviation of that probability over the epochs".into(),
        y_title: "confidence: mean probability of the label".into(),
        x: (0.0, 0.5),
        y: (0.0, 1.0),
        groups: groups.to_vec(),
    }
}

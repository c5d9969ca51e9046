//! The tables of clusters: on the terminal and as CSV.

use super::csv_file::{self, optional};
use crate::clustering::agreement::{Contingency, LEAST_SHARE, Share};
use crate::clustering::{ClassRow, ClusterRow, Clustered, NOISE, NamedShare};
use crate::dataset::Classes;
use crate::error::Result;
use std::fmt::Write as _;
use std::path::Path;

/// Clusters of the terminal's table at most, the largest.
const SHOWN: usize = 20;

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

fn parts(parts: &[NamedShare]) -> String {
    parts
        .iter()
        .map(|part| format!("{} {}", part.name, percent(part.share.share)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.4}"))
}

/// The number of a cluster, or `noise`.
pub fn cluster_name(cluster: i32) -> String {
    if cluster == NOISE { "noise".into() } else { cluster.to_string() }
}

/// A whole number without digits after the point, another with four.
fn fact((name, value): &(String, f64)) -> String {
    let decimals = if value.fract() == 0.0 { 0 } else { 4 };
    format!("{} {value:.decimals$}", name.replace('_', " "))
}

/// Clusters of several spaces, as text: one line for each space and method.
pub fn summary_text(found: &[Clustered]) -> String {
    let mut text = String::new();
    let Some(first) = found.first() else { return text };
    let width = found.iter().map(|row| row.space.chars().count()).max().unwrap_or(0).max(10);
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "clusters of {} points, and how they agree with the {} classes",
        first.n_points,
        first.classes.len()
    );
    let _ = writeln!(
        text,
        "{:<width$} {:<16} {:>9}{:>9}{:>9}{:>9}{:>9}{:>12}",
        "space", "method", "clusters", "noise", "ARI", "NMI", "purity", "silhouette"
    );
    for row in found {
        let scores = [row.adjusted_rand_score, row.normalized_mutual_info_score, row.purity];
        let scores: String = scores.map(|score| format!("{:>9}", number(score))).concat();
        let silhouette = number(row.silhouette);
        let noise = row.n_noise;
        let _ = writeln!(
            text,
            "{:<width$} {:<16} {:>9}{noise:>9}{scores}{silhouette:>12}",
            row.space, row.method, row.n_clusters
        );
    }
    if let Some(row) = found.iter().find(|row| (1..row.n_points).contains(&row.n_silhouettes)) {
        let _ = writeln!(
            text,
            "silhouettes of a sample of {} points where all would take long",
            row.n_silhouettes
        );
    }
    text
}

/// Clusters of one space by one method, as text.
pub fn text(found: &Clustered) -> String {
    let mut text = String::new();
    let facts: Vec<String> = found.facts.iter().map(fact).collect();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{} of {}: {} points, {} features; {}",
        found.method,
        found.title,
        found.n_points,
        found.n_features,
        facts.join(", ")
    );
    let noise = 100.0 * found.n_noise as f64 / found.n_points as f64;
    let plural = if found.n_clusters == 1 { "" } else { "s" };
    let _ = writeln!(
        text,
        "{} cluster{plural}, {} noise points ({noise:.1} %)",
        found.n_clusters, found.n_noise
    );
    if found.adjusted_rand_score.is_some() {
        let _ = writeln!(
            text,
            "agreement with {} classes: ARI {}, NMI {}, purity {}{}",
            found.classes.len(),
            number(found.adjusted_rand_score),
            number(found.normalized_mutual_info_score),
            number(found.purity),
            if found.n_noise > 0 { " (noise counts as a cluster)" } else { "" }
        );
    }
    if found.n_silhouettes > 0 {
        let sample = if found.n_silhouettes < found.n_points {
            format!(" (of a sample of {} of {} points)", found.n_silhouettes, found.n_points)
        } else {
            String::new()
        };
        let classes = found
            .silhouette_of_classes
            .map(|score| format!(", of classes {score:.4}"))
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "mean silhouette of clusters {}{classes}{sample}",
            number(found.silhouette)
        );
    }
    text.push_str(&clusters_text(found));
    text.push_str(&classes_text(found));
    text
}

fn clusters_text(found: &Clustered) -> String {
    let mut rows: Vec<&ClusterRow> = found.clusters.iter().collect();
    rows.sort_by(|a, b| b.n_points.cmp(&a.n_points).then(a.cluster.cmp(&b.cluster)));
    let left_out = rows.len().saturating_sub(SHOWN);
    rows.truncate(SHOWN);
    let inside = if found.classes.is_empty() {
        String::new()
    } else {
        format!("  classes inside, from {}", percent(LEAST_SHARE))
    };
    let mut text = format!("{:<8} {:>8} {:>11}{inside}\n", "cluster", "points", "silhouette");
    for row in rows {
        let inside = match (parts(&row.classes), parts(&row.kinds)) {
            (classes, kinds) if kinds.is_empty() => classes,
            (classes, kinds) => format!("{classes} ({kinds})"),
        };
        let line = format!(
            "{:<8} {:>8} {:>11}  {inside}",
            cluster_name(row.cluster),
            row.n_points,
            number(row.silhouette)
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    if left_out > 0 {
        let _ = writeln!(text, "and {left_out} smaller");
    }
    text
}

fn classes_text(found: &Clustered) -> String {
    if found.classes.is_empty() {
        return String::new();
    }
    let widest =
        found.classes.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).clamp(5, 40);
    let head = format!("clusters it falls into, from {} of it", percent(LEAST_SHARE));
    let mut text = format!("{:<widest$} {:>8} {:>11}  {head}\n", "class", "points", "silhouette");
    for row in &found.classes {
        let clusters: Vec<String> = row
            .clusters
            .iter()
            .map(|share| format!("{} ({})", share.part, percent(share.share)))
            .collect();
        let noise = row.n_noise as f64 / row.n_points.max(1) as f64;
        let noise = if noise >= LEAST_SHARE {
            format!("; noise {}", percent(noise))
        } else {
            String::new()
        };
        let counted = if clusters.is_empty() {
            "none".into()
        } else {
            format!("{}: {}", clusters.len(), clusters.join(", "))
        };
        let silhouette = number(row.silhouette);
        let _ = writeln!(
            text,
            "{:<widest$} {:>8} {silhouette:>11}  {counted}{noise}",
            row.name, row.n_points
        );
    }
    text
}

/// Writes the cluster of every point, and its class where classes are known.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_labels(path: &Path, labels: &[i32], classes: Option<Classes<'_>>) -> Result<()> {
    const HEADER: [&str; 4] = ["row", "cluster", "label", "class"];
    let header = if classes.is_some() { &HEADER[..] } else { &HEADER[..2] };
    let record = |(row, cluster): (usize, &i32)| {
        let mut record = vec![row.to_string(), cluster.to_string()];
        if let Some(Classes { labels, names }) = classes {
            record.extend([labels[row].to_string(), names[usize::from(labels[row])].clone()]);
        }
        record
    };
    csv_file::write(path, header, labels.iter().enumerate().map(record))
}

/// Writes the clusters, one a line, with the classes inside.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_clusters(path: &Path, found: &Clustered) -> Result<()> {
    let header = ["cluster", "n_points", "silhouette", "classes", "kinds"];
    let record = |row: &ClusterRow| {
        let (classes, kinds) = (parts(&row.classes), parts(&row.kinds));
        vec![
            row.cluster.to_string(),
            row.n_points.to_string(),
            optional(row.silhouette),
            classes,
            kinds,
        ]
    };
    csv_file::write(path, header, found.clusters.iter().map(record))
}

/// Writes the classes, one a line for each cluster that it falls into.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_classes(path: &Path, found: &Clustered) -> Result<()> {
    let header =
        ["class", "n_points", "silhouette", "n_noise", "n_clusters", "cluster", "count", "share"];
    let records = |row: &ClassRow| {
        let lead = [
            row.name.clone(),
            row.n_points.to_string(),
            optional(row.silhouette),
            row.n_noise.to_string(),
            row.clusters.len().to_string(),
        ];
        let with = |tail: [String; 3]| lead.iter().cloned().chain(tail).collect::<Vec<String>>();
        if row.clusters.is_empty() {
            return vec![with([String::new(), String::new(), String::new()])];
        }
        let tail = |share: &Share| {
            [share.part.to_string(), share.count.to_string(), share.share.to_string()]
        };
        row.clusters.iter().map(|share| with(tail(share))).collect()
    };
    csv_file::write(path, header, found.classes.iter().flat_map(records))
}

/// Writes the measures, one line.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_agreement(path: &Path, found: &Clustered) -> Result<()> {
    let header = [
        "space",
        "method",
        "n_points",
        "n_features",
        "n_clusters",
        "n_noise",
        "ari",
        "nmi",
        "purity",
        "silhouette",
        "silhouette_of_classes",
        "n_silhouettes",
    ];
    let counts = [found.n_points, found.n_features, found.n_clusters, found.n_noise]
        .map(|count| count.to_string());
    let scores = [
        found.adjusted_rand_score,
        found.normalized_mutual_info_score,
        found.purity,
        found.silhouette,
        found.silhouette_of_classes,
    ];
    let mut record = vec![found.space.clone(), found.method.clone()];
    record.extend(counts);
    record.extend(scores.map(optional));
    record.push(found.n_silhouettes.to_string());
    csv_file::write(path, header, [record])
}

/// Writes how many points of each class each cluster holds.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_contingency(path: &Path, table: &Contingency, names: &[String]) -> Result<()> {
    let clusters = table.clusters.iter().map(|&cluster| cluster_name(cluster));
    let header = std::iter::once("class".to_owned()).chain(clusters);
    let record = |(name, row): (&String, &Vec<usize>)| {
        std::iter::once(name.clone()).chain(row.iter().map(ToString::to_string)).collect::<Vec<_>>()
    };
    csv_file::write(path, header, names.iter().zip(&table.counts).map(record))
}

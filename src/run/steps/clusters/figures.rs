//! The figures of the clusters of one space.

use super::ClusterSpace;
use crate::clustering::agreement::Contingency;
use crate::clustering::{ClusterMethod, ClusterRow, Clustered, NOISE};
use crate::dataset::Images;
use crate::error::Result;
use crate::matrix::Matrix;
use crate::record::RunFolder;
use crate::report::cluster_table::cluster_name;
use crate::report::figures::{ClusterMaps, Gallery, GalleryRow, HeatMap, NAMED, PictureSize};
use crate::run::steps::figures::{LARGEST_DRAWN, write};

/// Maximum number of clusters, the largest, in a contingency table or a gallery.
const DRAWN: usize = 16;
/// Images of each half of a gallery's row.
const IMAGES: usize = 6;

/// Maps, contingency tables and gallery of one method.
pub(super) fn draw(
    folder: &mut RunFolder,
    space: &ClusterSpace<'_>,
    method: &ClusterMethod,
    stem: &str,
    labels: &[i32],
    clustered: &Clustered,
) -> Result<()> {
    let title = format!("{} of {}", method.title(), space.title);
    if !space.maps.is_empty() {
        let figure = ClusterMaps {
            title: title.clone(),
            maps: space.maps.to_vec(),
            clusters: labels,
            classes: space.classes,
        };
        write(folder, &format!("{stem}_maps"), &figure)?;
    }
    for (name, what, classes) in
        [("contingency", "class", space.classes), ("kinds", "kind", space.kinds)]
    {
        let Some(classes) = classes else { continue };
        let table = Contingency::new(classes.labels, labels, classes.names.len())?;
        write(folder, &format!("{stem}_{name}"), &heat_map(&title, what, &table, classes.names))?;
    }
    match space.images {
        Some(images) => {
            let name = format!("{stem}_gallery");
            draw_gallery(folder, &name, &title, (images, space), (labels, clustered))
        }
        None => Ok(()),
    }
}

/// Positions of the `n` largest sizes, in the order of their numbers.
fn largest(sizes: &[usize], n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|&a, &b| sizes[b].cmp(&sizes[a]).then(a.cmp(&b)));
    order.truncate(n);
    order.sort_unstable();
    order
}

fn of_all(shown: usize, all: usize) -> String {
    if shown < all { format!(", the {shown} largest of {all} clusters") } else { String::new() }
}

fn heat_map(title: &str, what: &str, table: &Contingency, names: &[String]) -> HeatMap {
    let shown = largest(&table.cluster_sizes(), DRAWN);
    let mut rows = (0..names.len()).collect();
    let mut names = names.to_vec();
    if names.len() > NAMED {
        rows = largest(&table.class_sizes(), NAMED - 1);
        names = rows.iter().map(|&class| names[class].clone()).collect();
    }
    let of_row = |row: &[usize]| shown.iter().map(|&at| row[at]).collect::<Vec<usize>>();
    let mut counts: Vec<Vec<usize>> = rows.iter().map(|&row| of_row(&table.counts[row])).collect();
    let others = (0..table.counts.len()).filter(|class| rows.binary_search(class).is_err());
    let others: Vec<Vec<usize>> = others.map(|class| of_row(&table.counts[class])).collect();
    if !others.is_empty() {
        names.push(format!("other ({})", others.len()));
        counts.push((0..shown.len()).map(|at| others.iter().map(|row| row[at]).sum()).collect());
    }
    let title = format!("{title} by {what}{}", of_all(shown.len(), table.clusters.len()));
    let columns = shown.iter().map(|&at| cluster_name(table.clusters[at])).collect();
    HeatMap::of_counts(title, (what.into(), names), ("cluster".into(), columns), &counts)
}

/// The points of a cluster whose images are drawn.
struct Members {
    name: String,
    note: String,
    /// The most central and the most peripheral ones.
    points: [Vec<usize>; 2],
}

/// The points nearest to the mean of each cluster and those furthest from it; noise has no middle.
fn members(x: &Matrix, labels: &[i32], found: &[&ClusterRow], shown: &[usize]) -> Vec<Members> {
    let of_cluster = |&at: &usize| {
        let cluster = found[at];
        let order = from_middle(x, labels, cluster.cluster);
        // No image stands in both halves.
        let half = IMAGES.min(order.len().div_ceil(2));
        let points = |points: &mut dyn Iterator<Item = &u32>| {
            points.take(IMAGES).map(|&point| point as usize).collect()
        };
        let central = points(&mut order[..half].iter());
        let edge = points(&mut order[half..].iter().rev());
        let first =
            cluster.classes.first().map(|part| format!(", {}", part.name)).unwrap_or_default();
        Members {
            name: format!("cluster {}", cluster.cluster),
            note: format!("{}{first}", cluster.n_points),
            points: [central, edge],
        }
    };
    shown.iter().map(of_cluster).collect()
}

/// Draws the images of the points in the middle and at the edge of each cluster.
fn draw_gallery(
    folder: &mut RunFolder,
    name: &str,
    title: &str,
    (images, space): (&Images, &ClusterSpace<'_>),
    (labels, clustered): (&[i32], &Clustered),
) -> Result<()> {
    let found: Vec<&ClusterRow> =
        clustered.clusters.iter().filter(|row| row.cluster != NOISE).collect();
    let sizes: Vec<usize> = found.iter().map(|row| row.n_points).collect();
    let shown = largest(&sizes, DRAWN);
    let members = members(space.x, labels, &found, &shown);
    let chosen: Vec<usize> = members.iter().flat_map(|row| row.points.concat()).collect();
    let chosen = images.select(&chosen);
    let drawn = chosen.within(LARGEST_DRAWN);
    let mut next = 0..drawn.n();
    let mut half = |points: &Vec<usize>| -> Vec<&[u8]> {
        next.by_ref().take(points.len()).map(|at| drawn.image(at)).collect()
    };
    let rows = members.iter().map(|row| GalleryRow {
        name: row.name.clone(),
        note: row.note.clone(),
        images: row.points.each_ref().map(&mut half),
    });
    let figure = Gallery {
        title: format!("{title}: images of each cluster{}", of_all(shown.len(), found.len())),
        headings: ["most central".into(), "most peripheral, the furthest first".into()],
        rows: rows.collect(),
        pictures: PictureSize::of(&drawn),
        columns: IMAGES,
    };
    write(folder, name, &figure)
}

/// The points of a cluster in the order of their distance from its mean, ties by index.
fn from_middle(x: &Matrix, labels: &[i32], cluster: i32) -> Vec<u32> {
    let members: Vec<usize> = (0..labels.len()).filter(|&point| labels[point] == cluster).collect();
    let mean = x.select(&members).column_means();
    let square = |point: usize| {
        let pairs = x.row(point).iter().zip(&mean);
        pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>()
    };
    let mut order: Vec<(f64, u32)> =
        members.into_iter().map(|point| (square(point), point as u32)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    order.into_iter().map(|(_, point)| point).collect()
}

//! The clusters of one space: found, compared with the classes, written and drawn.

mod figures;

use crate::clustering::agreement::{Contingency, LEAST_SHARE};
use crate::clustering::{
    ClassRow, ClusterMethod, ClusterRow, Clustered, Found, NOISE, NamedShare, n_clusters,
    silhouette_samples,
};
use crate::compute::Device;
use crate::dataset::{Classes, Images, npy};
use crate::error::{Error, Result};
use crate::files::write_atomic;
use crate::matrix::Matrix;
use crate::progress::Observer;
use crate::record::{Artifact, RunFolder};
use crate::report::cluster_table;
use crate::report::figures::KDistanceCurve;

/// Multiplications that silhouettes may take before they are those of a sample of the points: some
/// seconds on two cores.
const SILHOUETTE_WORK: usize = 1 << 37;
/// Cost of a pair of points besides its features, in multiplications: a root and its position in a
/// sum.
const PAIR_WORK: usize = 16;
/// Points of such a sample, at least.
const LEAST_SAMPLE: usize = 1000;

/// A space whose clusters are sought.
#[derive(Clone, Copy, Debug)]
pub struct ClusterSpace<'a> {
    /// Name in file names, `layer_2` for example.
    pub name: &'a str,
    /// Title, `layer 2, test images` for example.
    pub title: &'a str,
    /// n_samples x n_features.
    pub x: &'a Matrix,
    /// Their classes, if they are known.
    pub classes: Option<Classes<'a>>,
    /// Finer classes, the garments that make up grouped labels for example.
    pub kinds: Option<Classes<'a>>,
    /// Title and embedding, n_samples x 2, of the maps to draw them in.
    pub maps: &'a [(String, &'a Matrix)],
    /// The points as images, if they have any.
    pub images: Option<&'a Images>,
}

impl ClusterSpace<'_> {
    fn check(&self) -> Result<()> {
        let n = self.x.n_samples();
        if n == 0 {
            return Err(Error::Data("there are no points to cluster".into()));
        }
        for (what, found) in [
            ("labels", self.classes.map(|c| c.labels.len())),
            ("finer labels", self.kinds.map(|c| c.labels.len())),
        ] {
            if let Some(found) = found.filter(|&found| found != n) {
                return Err(Error::Data(format!("{found} {what} for {n} points")));
            }
        }
        if let Some(images) = self.images.filter(|images| images.n() != n) {
            return Err(Error::Data(format!("{} images for {n} points", images.n())));
        }
        match self.maps.iter().find(|(_, map)| map.n_samples() != n || map.n_features() != 2) {
            Some((title, map)) => {
                let (rows, columns) = (map.n_samples(), map.n_features());
                Err(Error::Data(format!(
                    "the map `{title}` is {rows} x {columns}, the points need {n} x 2"
                )))
            }
            None => Ok(()),
        }
    }
}

/// Finds the clusters of a space by each method and writes, below the run's folder,
/// `clusters/<space>_<method>_*` and `figures/<space>_<method>_*`; the figures go to the manifest.
/// Returns what was found, by method.
///
/// # Errors
/// [`Error::Parameter`], [`Error::Data`] if the parts of the space do not fit each other or a
/// method, [`Error::Write`]; any error of the device; [`Error::Interrupted`].
pub fn cluster_space(
    folder: &mut RunFolder,
    space: &ClusterSpace<'_>,
    methods: &[ClusterMethod],
    device: &Device,
    observer: &dyn Observer,
) -> Result<Vec<Clustered>> {
    space.check()?;
    let n_classes = space.classes.map(|classes| classes.names.len());
    methods.iter().try_for_each(|method| {
        method.validate(space.x.n_samples(), space.x.n_features(), n_classes)
    })?;
    let of_classes = match space.classes {
        Some(classes) => silhouettes(folder, space, &widened(classes.labels), device, observer)?,
        None => None,
    };
    let mut found = Vec::new();
    for method in methods {
        let Found { labels, facts, .. } = find(folder, space, method, device, observer)?;
        let scored = silhouettes(folder, space, &labels, device, observer)?;
        let clustered =
            describe(space, method, &labels, facts, scored.as_ref(), of_classes.as_ref())?;
        let stem = format!("{}_{}", space.name, method.name());
        write_tables(folder, space, &stem, &labels, &clustered)?;
        figures::draw(folder, space, method, &stem, &labels, &clustered)?;
        folder.results_mut().clusters.push(clustered.clone());
        found.push(clustered);
    }
    Ok(found)
}

fn widened(labels: &[u16]) -> Vec<i32> {
    labels.iter().map(|&label| i32::from(label)).collect()
}

/// Finds clusters and writes what the method has beside them.
fn find(
    folder: &mut RunFolder,
    space: &ClusterSpace<'_>,
    method: &ClusterMethod,
    device: &Device,
    observer: &dyn Observer,
) -> Result<Found> {
    let n_classes = space.classes.map(|classes| classes.names.len());
    let found = method.find(device, space.x, n_classes, observer)?;
    folder.manifest.warnings.extend(
        found
            .warnings
            .iter()
            .map(|warning| format!("{} of {}: {warning}", method.title(), space.title)),
    );
    if let Some(centers) = &found.cluster_centers {
        let name = format!("{}_{}_centers.npy", space.name, method.name());
        folder.write_matrix(Artifact::Clusters(&name), centers)?;
    }
    if let Some((curve, used)) = &found.k_distance {
        let figure = KDistanceCurve {
            title: format!("k-distance of {}", space.title),
            distances: &curve.distances,
            min_samples: curve.min_samples,
            suggested: curve.suggested_eps.map(f64::from),
            used: Some(*used),
        };
        super::figures::write(folder, &format!("{}_k_distance", space.name), &figure)?;
    }
    Ok(found)
}

/// Mean silhouettes of some labels.
struct Silhouettes {
    score: f64,
    n_scored: usize,
    by_group: Vec<(i32, Option<f64>)>,
}

/// Silhouettes; none if there are too few groups, or too many.
fn silhouettes(
    folder: &RunFolder,
    space: &ClusterSpace<'_>,
    labels: &[i32],
    device: &Device,
    observer: &dyn Observer,
) -> Result<Option<Silhouettes>> {
    let (n, d) = (space.x.n_samples(), space.x.n_features());
    let mut groups = labels.to_vec();
    groups.sort_unstable();
    groups.dedup();
    if groups.len() < 2 || groups.len() >= n {
        return Ok(None);
    }
    let most = (SILHOUETTE_WORK / n.saturating_mul(d + PAIR_WORK)).max(LEAST_SAMPLE);
    let found =
        silhouette_samples(device, space.x, labels, Some((most, folder.manifest.seed)), observer)?;
    let by_group = groups.iter().copied().zip(found.by_group(labels, &groups)).collect();
    Ok(Some(Silhouettes { score: found.score(), n_scored: found.indices.len(), by_group }))
}

fn of_group(silhouettes: Option<&Silhouettes>, group: i32) -> Option<f64> {
    silhouettes?.by_group.iter().find(|(id, _)| *id == group)?.1
}

fn describe(
    space: &ClusterSpace<'_>,
    method: &ClusterMethod,
    labels: &[i32],
    facts: Vec<(String, f64)>,
    scored: Option<&Silhouettes>,
    of_classes: Option<&Silhouettes>,
) -> Result<Clustered> {
    let table =
        |classes: Classes<'_>| Contingency::new(classes.labels, labels, classes.names.len());
    let by_class = space.classes.map(table).transpose()?;
    let by_kind = space.kinds.map(table).transpose()?;
    let named =
        |classes: Option<Classes<'_>>, table: Option<&Contingency>, at: usize| -> Vec<NamedShare> {
            let (Some(classes), Some(table)) = (classes, table) else { return Vec::new() };
            let shares = table.classes_in(at, LEAST_SHARE).into_iter();
            shares
                .map(|share| NamedShare { name: classes.names[share.part as usize].clone(), share })
                .collect()
        };
    let mut ids = labels.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let clusters = ids.iter().enumerate().map(|(at, &cluster)| ClusterRow {
        cluster,
        n_points: labels.iter().filter(|&&label| label == cluster).count(),
        silhouette: of_group(scored, cluster),
        classes: named(space.classes, by_class.as_ref(), at),
        kinds: named(space.kinds, by_kind.as_ref(), at),
    });
    let clusters = clusters.collect();
    let classes = space.classes.zip(by_class.as_ref());
    let classes =
        classes.map_or(Vec::new(), |(known, table)| class_rows(known.names, table, of_classes));
    let (n_points, n_features) = (space.x.n_samples(), space.x.n_features());
    Ok(Clustered {
        space: space.name.into(),
        title: space.title.into(),
        method: method.title().into(),
        n_points,
        n_features,
        facts,
        n_clusters: n_clusters(labels),
        n_noise: labels.iter().filter(|&&label| label == NOISE).count(),
        adjusted_rand_score: by_class.as_ref().map(Contingency::adjusted_rand_score),
        normalized_mutual_info_score: by_class
            .as_ref()
            .map(Contingency::normalized_mutual_info_score),
        purity: by_class.as_ref().map(Contingency::purity_score),
        silhouette: scored.map(|scored| scored.score),
        silhouette_of_classes: of_classes.map(|scored| scored.score),
        n_silhouettes: scored.or(of_classes).map_or(0, |scored| scored.n_scored),
        clusters,
        classes,
    })
}

/// Into which clusters each class falls.
fn class_rows(
    names: &[String],
    table: &Contingency,
    silhouettes: Option<&Silhouettes>,
) -> Vec<ClassRow> {
    let has_noise = table.clusters[0] == NOISE;
    let row = |(class, (name, n_points)): (usize, (&String, usize))| ClassRow {
        name: name.clone(),
        n_points,
        silhouette: of_group(silhouettes, class as i32),
        clusters: table.clusters_of(class, LEAST_SHARE),
        n_noise: if has_noise { table.counts[class][0] } else { 0 },
    };
    names.iter().zip(table.class_sizes()).enumerate().map(row).collect()
}

fn write_tables(
    folder: &mut RunFolder,
    space: &ClusterSpace<'_>,
    stem: &str,
    labels: &[i32],
    clustered: &Clustered,
) -> Result<()> {
    let name = format!("{stem}_labels.npy");
    let array = Artifact::Clusters(&name);
    npy::write_clusters(folder.below(array)?, labels)?;
    folder.list(array, Some(vec![labels.len()]), Some("int32"));
    let mut files = vec!["labels", "clusters", "agreement"];
    let path = |folder: &RunFolder, name: &str| {
        folder.below(Artifact::Clusters(&format!("{stem}_{name}.csv")))
    };
    cluster_table::write_labels(&path(folder, "labels")?, labels, space.classes)?;
    cluster_table::write_clusters(&path(folder, "clusters")?, clustered)?;
    cluster_table::write_agreement(&path(folder, "agreement")?, clustered)?;
    for (name, classes) in [("contingency", space.classes), ("kinds", space.kinds)] {
        let Some(classes) = classes else { continue };
        let table = Contingency::new(classes.labels, labels, classes.names.len())?;
        cluster_table::write_contingency(&path(folder, name)?, &table, classes.names)?;
        files.push(name);
    }
    if !clustered.classes.is_empty() {
        cluster_table::write_classes(&path(folder, "classes")?, clustered)?;
        files.push("classes");
    }
    for name in files {
        folder.list(Artifact::Clusters(&format!("{stem}_{name}.csv")), None, None);
    }
    let name = format!("{stem}.json");
    let json = Artifact::Clusters(&name);
    let text = serde_json::to_vec_pretty(clustered)
        .map_err(|error| Error::write(json.to_string(), error.into()))?;
    write_atomic(&folder.below(json)?, |writer| writer.write_all(&text))?;
    folder.list(json, None, None);
    Ok(())
}

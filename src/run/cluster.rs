//! The command `cluster`: the clusters of any matrix.

use super::session::{self, Session};
use super::steps::clusters::{ClusterSpace, cluster_space};
use super::steps::figures;
use crate::clustering::{ClusterMethod, Clustered};
use crate::compute::{Description, Device};
use crate::dataset::{self, Classes, Images, Source};
use crate::embedding::Pca;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::progress::Reporter;
use crate::record::{Artifact, Destination, Opening, RunFolder, Stage};
use std::path::PathBuf;

/// Parameters of the command `cluster`.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// n_samples x n_features.
    pub x: Matrix,
    /// Title of the points, the name of the file for example.
    pub title: String,
    /// One class a row, if they are known.
    pub labels: Option<Vec<u16>>,
    /// Names of the classes; their numbers if there are no names.
    pub class_names: Vec<String>,
    /// Warnings about the files.
    pub warnings: Vec<String>,
    /// Title and embedding of maps to draw the clusters in, n_samples x 2; without any, the first
    /// two principal components.
    pub maps: Vec<(String, Matrix)>,
    /// The points as images.
    pub images: Option<Images>,
    /// The clustering methods, each applied separately.
    pub methods: Vec<ClusterMethod>,
    /// Files that were read.
    pub inputs: Vec<Source>,
    /// Where the results go.
    pub to: Destination,
    /// Seed, for the manifest and for samples.
    pub seed: u64,
}

/// Result of the command `cluster`.
#[derive(Clone, Debug)]
pub struct ClusterSummary {
    /// Folder of the results.
    pub path: PathBuf,
    /// Clusters of each method.
    pub found: Vec<Clustered>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// Finds clusters, compares them with the classes, draws, and writes everything to a folder.
///
/// # Errors
/// As [`cluster_space`]; [`Error::Exists`].
pub fn cluster(
    job: &Cluster,
    device: &Device,
    description: &Description,
    reporter: &dyn Reporter,
) -> Result<ClusterSummary> {
    let names = class_names(job)?;
    let n_classes = names.as_ref().map(Vec::len);
    job.methods
        .iter()
        .try_for_each(|method| method.validate(job.x.n_samples(), job.x.n_features(), n_classes))?;
    let opening = Opening {
        seed: job.seed,
        config: serde_json::json!({ "methods": job.methods }),
        device: description.clone(),
        inputs: job.inputs.clone(),
    };
    let mut folder = RunFolder::create(&job.to, "clusters", opening, reporter)?;
    folder.note_offsets(&job.x, "the points");
    folder.manifest.warnings.extend(job.warnings.iter().cloned());
    let outcome = session::compute(&mut folder, device, description, reporter, |session| {
        stages(session, job, names.as_deref())
    });
    match outcome {
        Ok(found) => {
            let warnings = folder.manifest.warnings.clone();
            Ok(ClusterSummary { path: folder.close(Ok(()))?, found, warnings })
        }
        Err(error) => Err(folder.close_failed(error)),
    }
}

/// One name for each class; refuses labels beyond the names that were given.
fn class_names(job: &Cluster) -> Result<Option<Vec<String>>> {
    let Some(labels) = &job.labels else { return Ok(None) };
    if labels.len() != job.x.n_samples() {
        return Err(Error::Data(format!(
            "{} labels for {} points",
            labels.len(),
            job.x.n_samples()
        )));
    }
    let needed = labels.iter().max().map_or(0, |&most| usize::from(most) + 1);
    if job.class_names.is_empty() {
        return Ok(Some((0..needed).map(|class| class.to_string()).collect()));
    }
    if job.class_names.len() < needed {
        let given = job.class_names.len();
        let expected =
            format!("at least {needed} names are needed, for the labels 0 to {}", needed - 1);
        return Err(Error::parameter("class_names", format!("{given} names"), expected));
    }
    Ok(Some(job.class_names.clone()))
}

fn stages(
    session: &mut Session<'_>,
    job: &Cluster,
    names: Option<&[String]>,
) -> Result<Vec<Clustered>> {
    let mut own = None;
    if job.maps.is_empty() {
        own = session.new_stage(Stage::ClusterMap, |session, _| {
            first_map(session.record, &job.x, session.device)
        })?;
    }
    let maps: Vec<(String, &Matrix)> =
        job.maps.iter().chain(&own).map(|(title, map)| (title.clone(), map)).collect();
    let classes = job.labels.as_deref().zip(names).map(|(labels, names)| Classes { labels, names });
    if let Some(Classes { labels, names }) = classes.filter(|_| !job.class_names.is_empty()) {
        let has_points = |class| labels.iter().any(|&label| usize::from(label) == class);
        if let Some(unmet) = dataset::unmet(names, has_points) {
            session
                .record
                .warn(format!("`Cluster::class_names` names classes that no point has: {unmet}"));
        }
    }
    let space = ClusterSpace {
        name: "input",
        title: &job.title,
        x: &job.x,
        classes,
        kinds: None,
        maps: &maps,
        images: job.images.as_ref(),
    };
    session.new_stage(Stage::OnlyClusters, |session, observer| {
        let record = &mut *session.record;
        let found = cluster_space(record, &space, &job.methods, session.device, observer)?;
        if let (Some(images), Some(classes)) = (&job.images, classes) {
            let title = "The first images of each class";
            figures::examples(record, "input_examples", title, images, classes)?;
        }
        Ok(found)
    })
}

/// A plane to draw the points in: itself, or its first two principal components.
fn first_map(
    folder: &mut RunFolder,
    x: &Matrix,
    device: &Device,
) -> Result<Option<(String, Matrix)>> {
    if x.n_features() == 2 {
        return Ok(Some(("The points".into(), x.clone())));
    }
    if x.n_features() < 2 || x.n_samples() < 2 {
        folder.warn("no map: the points have one dimension, or there is one");
        return Ok(None);
    }
    let fitted = Pca { n_components: 2, ..Pca::default() }.fit(device, x)?;
    folder.write_matrix(Artifact::PcaEmbedding, fitted.embedding())?;
    Ok(Some(("PCA".into(), fitted.embedding().clone())))
}
